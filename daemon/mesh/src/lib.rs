//! The mesh: how a node reaches other nodes, and the only crate that names libp2p.
//!
//! One actor owns the swarm. Calls go down through [`Mesh`], events come up from [`Started::events`]; both
//! queues are bounded. Bodies are bytes: what they mean, and whether their author may say it, the daemon
//! decides. Whatever the DHT answers is a hint and carries no authority.
//!
//! NAT traversal (AutoNAT v2, relay, DCUtR, UPnP) is not built. It joins as further optional fields of the
//! behaviour, as a transport beside TCP and QUIC, and with a reservation keeper beside the bootstrap list.

mod actor;
mod behaviour;
mod book;
mod bootstrap;
mod config;
mod convert;
mod dial;
mod error;
mod event;
mod flood;
mod frame;
mod gate;
mod gossip;
mod lines;
mod mesh;
mod offences;
mod quota;
mod rooms;
mod service;
mod swarm;
pub mod transfer;

pub use book::{FoundBy, PeerView};
pub use config::{Config, KademliaMode, Limits, Psk};
pub use dial::{DialFailure, DialStep};
pub use error::{PublishError, ReplyError, RequestError, StartError};
pub use event::{Event, GossipVerdict, RecordVerdict, Reply};
pub use gate::Door;
pub use gossip::GOSSIP_MAX;
pub use lines::{Line, SayError, Word, Words};
pub use mesh::{Mesh, Started};
pub use offences::Offence;
pub use service::Service;
