//! Which protocols a node speaks, and how each is configured. What their events lead to is the actor's.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use libp2p::{
    StreamProtocol, allow_block_list,
    connection_limits::{self, ConnectionLimits},
    identify,
    identity::Keypair,
    kad::{
        self,
        store::{MemoryStore, MemoryStoreConfig},
    },
    mdns, memory_connection_limits, ping,
    request_response::{self, ProtocolSupport},
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
};
use tokio::sync::Semaphore;
use tracing::warn;

use crate::{
    Config, KademliaMode, Service, StartError,
    book::PEERS_MAX,
    bootstrap::{NEIGHBOURS, PEERS_KEPT},
    frame::{Codec, INBOUND_BYTES_MAX},
    gate::Gate,
    gossip::{self, Gossip},
    lines::{Lines, Outlets},
    service::REQUEST_TIME_MAX,
};

/// The protocol family that identify tells.
pub const IDENTIFY: &str = "/edgecoder/1";

/// The DHT's protocol.
pub const KADEMLIA: StreamProtocol = StreamProtocol::new("/edgecoder/kad/1");

/// A connection is pinged this often, and a ping unanswered for so long has failed.
pub const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// One lookup; unreachable peers on its way cost 10 s each, three at a time.
const QUERY_MAX: Duration = Duration::from_secs(30);

/// How many of the closest peers a lookup must reach, and how many keep a record. Kademlia's 20 would connect
/// a small network completely; S/Kademlia's disjoint paths still run three abreast.
const REPLICATION: NonZeroUsize = match NonZeroUsize::new(8) {
    Some(number) => number,
    None => NonZeroUsize::MIN,
};

/// What a record in the DHT lives, and how often its author renews it.
pub const RECORD_TTL: Duration = Duration::from_secs(2 * 3_600);
pub const RECORD_RENEWAL: Duration = Duration::from_secs(30 * 60);

/// The largest record, in bytes: Kademlia's packets carry 16 KiB.
pub const RECORD_MAX: usize = 8 * 1024;

/// Records, and keys with providers, that this node stores for others. Further ones are refused.
pub const RECORDS_MAX: usize = 1_024;

/// Providers of one key; further ones are ignored, so that nobody is pushed out.
const PROVIDERS_PER_KEY_MAX: usize = 20;

/// Agent texts longer than this are cut before they are sent.
const AGENT_MAX: usize = 64;

/// What a node's swarm does. The blocked, the limits and the gate come first: what they refuse, no other
/// protocol sees.
#[derive(NetworkBehaviour)]
pub struct Behaviour {
    pub blocked: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    pub limits: connection_limits::Behaviour,
    pub memory: Toggle<memory_connection_limits::Behaviour>,
    pub gate: Gate,
    pub identify: identify::Behaviour,
    pub ping: ping::Behaviour,
    pub mdns: Toggle<mdns::tokio::Behaviour>,
    pub kademlia: Toggle<kad::Behaviour<MemoryStore>>,
    pub gossip: Toggle<Gossip>,
    pub control: request_response::Behaviour<Codec>,
    pub inference: request_response::Behaviour<Codec>,
    pub council: request_response::Behaviour<Codec>,
    pub chunk: request_response::Behaviour<Codec>,
    pub lines: Lines,
}

impl Behaviour {
    /// The behaviours that `config` asks for.
    pub fn new(config: &Config, key: &Keypair, outlets: Outlets) -> Result<Self, StartError> {
        let places = Arc::new(Semaphore::new(INBOUND_BYTES_MAX));
        let service = |service| requests(service, config, &places);
        let limits = config.limits;
        Ok(Self {
            blocked: allow_block_list::Behaviour::default(),
            limits: connection_limits::Behaviour::new(
                ConnectionLimits::default()
                    .with_max_pending_incoming(Some(limits.pending))
                    .with_max_pending_outgoing(Some(limits.pending))
                    .with_max_established_incoming(Some(limits.incoming))
                    .with_max_established_outgoing(Some(limits.outgoing))
                    .with_max_established_per_peer(Some(limits.per_peer)),
            ),
            memory: limits
                .memory_bytes
                .map(memory_connection_limits::Behaviour::with_max_bytes)
                .into(),
            gate: Gate::new(NEIGHBOURS, PEERS_KEPT),
            identify: identify(config, key),
            ping: ping::Behaviour::new(
                ping::Config::new()
                    .with_interval(PING_INTERVAL)
                    .with_timeout(PING_TIMEOUT),
            ),
            mdns: config.mdns.then(|| mdns(key)).flatten().into(),
            kademlia: kademlia(config.kademlia, key).into(),
            gossip: match config.gossip {
                true => Some(gossip::behaviour(key)?),
                false => None,
            }
            .into(),
            control: service(Service::Control),
            inference: service(Service::Inference),
            council: service(Service::Council),
            chunk: service(Service::Chunk),
            lines: Lines::new(config.network, outlets),
        })
    }

    /// The request-response behaviour of a service.
    pub fn service(&mut self, service: Service) -> &mut request_response::Behaviour<Codec> {
        match service {
            Service::Control => &mut self.control,
            Service::Inference => &mut self.inference,
            Service::Council => &mut self.council,
            Service::Chunk => &mut self.chunk,
        }
    }
}

fn requests(
    service: Service,
    config: &Config,
    places: &Arc<Semaphore>,
) -> request_response::Behaviour<Codec> {
    request_response::Behaviour::with_codec(
        Codec::new(service, config.network, places.clone()),
        [(service.protocol(), ProtocolSupport::Full)],
        request_response::Config::default()
            .with_request_timeout(REQUEST_TIME_MAX)
            .with_max_concurrent_streams(service.streams_max()),
    )
}

fn identify(config: &Config, key: &Keypair) -> identify::Behaviour {
    let agent = config.agent_version.chars().take(AGENT_MAX).collect();
    identify::Behaviour::new(
        identify::Config::new(IDENTIFY.into(), key.public())
            .with_agent_version(agent)
            .with_push_listen_addr_updates(true)
            .with_cache_size(PEERS_MAX),
    )
}

fn mdns(key: &Keypair) -> Option<mdns::tokio::Behaviour> {
    // A machine without multicast finds its peers otherwise.
    mdns::tokio::Behaviour::new(mdns::Config::default(), key.public().to_peer_id())
        .inspect_err(|error| warn!(%error, "neighbours cannot be found by mDNS"))
        .ok()
}

fn kademlia(mode: KademliaMode, key: &Keypair) -> Option<kad::Behaviour<MemoryStore>> {
    let mode = match mode {
        KademliaMode::Server => kad::Mode::Server,
        KademliaMode::Client => kad::Mode::Client,
        KademliaMode::Off => return None,
    };
    let mut config = kad::Config::new(KADEMLIA);
    config
        .set_query_timeout(QUERY_MAX)
        .set_replication_factor(REPLICATION)
        .disjoint_query_paths(true)
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        // A cached record would be stored at nodes that did not ask for it.
        .set_caching(kad::Caching::Disabled)
        .set_periodic_bootstrap_interval(None)
        .set_record_ttl(Some(RECORD_TTL))
        .set_provider_record_ttl(Some(RECORD_TTL))
        // The actor renews, so that the gate knows those lookups from Kademlia's own.
        .set_publication_interval(None)
        .set_replication_interval(None)
        .set_provider_publication_interval(None);
    let peer = key.public().to_peer_id();
    let store = MemoryStoreConfig {
        max_records: RECORDS_MAX,
        max_value_bytes: RECORD_MAX,
        max_provided_keys: RECORDS_MAX,
        max_providers_per_key: PROVIDERS_PER_KEY_MAX,
    };
    let store = MemoryStore::with_config(peer, store);
    let mut kademlia = kad::Behaviour::with_config(peer, store, config);
    kademlia.set_mode(Some(mode));
    Some(kademlia)
}
