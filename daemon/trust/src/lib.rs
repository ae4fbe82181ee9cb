//! Whom a node deals with: what the ledger says of a peer, how much each may ask for, and what waits for the operators.
//!
//! `stance` reads the ledger's state: who may connect, who may be lent work, and what whoever may not is told. `machine`
//! keeps limits on requests and tasks, and the desk on which requests for admission and proven lies lie until operators
//! decree something. Nobody is listed, revoked or admitted here: that is the protocol's `apply`, by a decree of more than
//! half of the operators. Offences against the wire are the mesh's, and forgotten in minutes.

mod config;
mod machine;
mod stance;

pub use config::{
    ASKS_MAX, CHARGES_MAX, IDENTITIES_MAX, NEWCOMERS_OF_OWNER, OWNERS_MAX, REQUESTS_OF_KEY,
    REQUESTS_OF_OWNER, Rate, TASKS_OF_KEY, TASKS_OF_OWNER,
};
pub use machine::{Asker, Kind, Machine, Wait};
pub use stance::{Admission, Idle, Stance, admission, may_connect, may_work, now_by, stance};
