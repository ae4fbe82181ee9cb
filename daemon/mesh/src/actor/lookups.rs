//! Asking the DHT. What comes back is hearsay. What is kept there is in `share`.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use edgecoder_protocol::PeerId;
use libp2p::{
    core::Endpoint,
    kad::{
        self, GetClosestPeersError, GetProvidersOk, GetRecordOk, PeerInfo, QueryId, QueryResult,
        RecordKey,
    },
    swarm::{ConnectionId, NetworkBehaviour},
};
use tokio::{sync::oneshot, time::Instant};

use super::Actor;
use crate::{
    FoundBy,
    book::ADDRESSES_MAX,
    bootstrap::{NEIGHBOURS, PEERS_WANTED},
    convert,
};

/// Lookups under way. A further one finds nothing; renewals wait.
const LOOKUPS_MAX: usize = 64;

/// Of these, renewals take at most so many, so that a node with many keys still finds peers.
pub const RENEWALS_MAX: usize = 16;

/// Providers that one lookup returns.
const PROVIDERS_MAX: usize = 64;

/// Values that one lookup returns.
const VALUES_MAX: usize = 32;

/// How long a lookup for a peer may take.
pub const FIND_MAX: Duration = Duration::from_secs(30);

/// Peers that a walk may dial. More would open the gate to Kademlia's own bootstraps, which dial everybody.
const STRIDES: usize = PEERS_WANTED - NEIGHBOURS;

/// What a lookup is for.
pub enum Purpose {
    Find {
        peer: PeerId,
        reply: oneshot::Sender<Vec<String>>,
    },
    Reach {
        peer: PeerId,
    },
    Providers {
        found: BTreeSet<PeerId>,
        reply: oneshot::Sender<Vec<PeerId>>,
    },
    Values {
        found: Vec<Vec<u8>>,
        reply: oneshot::Sender<Vec<Vec<u8>>>,
    },
    /// Peers near a point that was drawn.
    Walk,
    Renewal,
}

struct Lookup {
    purpose: Purpose,
    deadline: Instant,
}

/// See the file.
#[derive(Default)]
pub struct Lookups {
    running: HashMap<QueryId, Lookup>,
}

impl Lookups {
    pub fn next_deadline(&self) -> Option<Instant> {
        self.running.values().map(|lookup| lookup.deadline).min()
    }

    /// Those that may dial whomever they hear of.
    fn dialling(&self) -> usize {
        let is_walk = |lookup: &&Lookup| matches!(lookup.purpose, Purpose::Walk);
        self.running.len() - self.running.values().filter(is_walk).count()
    }

    pub fn renewals(&self) -> usize {
        let is_renewal = |lookup: &&Lookup| matches!(lookup.purpose, Purpose::Renewal);
        self.running.values().filter(is_renewal).count()
    }
}

impl Actor {
    pub(super) fn find(&mut self, peer: PeerId, reply: oneshot::Sender<Vec<String>>) {
        match self.closest(&peer) {
            Some(id) => self.follow(id, Purpose::Find { peer, reply }, Instant::now() + FIND_MAX),
            // The caller may have gone.
            None => drop(reply.send(self.address_texts(&peer))),
        }
    }

    /// Begins to look for a peer that requests wait for; false when that is not possible.
    pub(super) fn look_up(&mut self, peer: PeerId) -> bool {
        let id = self.closest(&peer);
        if let Some(id) = id {
            self.follow(id, Purpose::Reach { peer }, Instant::now() + FIND_MAX);
        }
        id.is_some()
    }

    /// Looks for whoever is near a point that is drawn; false when that is not possible.
    pub(super) fn look_around(&mut self, now: Instant) -> bool {
        let has_place = self.has_place();
        let kademlia = self.swarm.behaviour_mut().kademlia.as_mut();
        let Some(kademlia) = kademlia.filter(|_| has_place) else {
            return false;
        };
        let id = kademlia.get_closest_peers(rand::random::<[u8; 32]>().to_vec());
        self.swarm.behaviour_mut().gate.strides = STRIDES;
        self.follow(id, Purpose::Walk, now + FIND_MAX);
        true
    }

    fn closest(&mut self, peer: &PeerId) -> Option<QueryId> {
        let id = convert::to_libp2p(peer)?;
        self.has_place().then_some(())?;
        let kademlia = self.swarm.behaviour_mut().kademlia.as_mut()?;
        // One answer is enough, if it is the peer's own; those on the way are asked anyhow.
        Some(kademlia.get_closest_peers(id))
    }

    pub(super) fn has_place(&self) -> bool {
        self.lookups.running.len() < LOOKUPS_MAX
    }

    pub(super) fn find_providers(
        &mut self,
        key: Vec<u8>,
        deadline: Instant,
        reply: oneshot::Sender<Vec<PeerId>>,
    ) {
        let has_place = self.has_place();
        let Some(kademlia) = self
            .swarm
            .behaviour_mut()
            .kademlia
            .as_mut()
            .filter(|_| has_place)
        else {
            // The caller may have gone.
            return drop(reply.send(Vec::new()));
        };
        let id = kademlia.get_providers(RecordKey::from(key));
        self.follow(
            id,
            Purpose::Providers {
                found: BTreeSet::new(),
                reply,
            },
            deadline,
        );
    }

    pub(super) fn find_records(
        &mut self,
        key: Vec<u8>,
        deadline: Instant,
        reply: oneshot::Sender<Vec<Vec<u8>>>,
    ) {
        let has_place = self.has_place();
        let Some(kademlia) = self
            .swarm
            .behaviour_mut()
            .kademlia
            .as_mut()
            .filter(|_| has_place)
        else {
            // The caller may have gone.
            return drop(reply.send(Vec::new()));
        };
        let id = kademlia.get_record(RecordKey::from(key));
        self.follow(
            id,
            Purpose::Values {
                found: Vec::new(),
                reply,
            },
            deadline,
        );
    }

    pub(super) fn follow(&mut self, id: QueryId, purpose: Purpose, deadline: Instant) {
        self.lookups
            .running
            .insert(id, Lookup { purpose, deadline });
        self.swarm.behaviour_mut().gate.lookups = self.lookups.dialling();
    }

    pub(super) fn expire_lookups(&mut self, now: Instant) {
        let late: Vec<_> = self
            .lookups
            .running
            .iter()
            .filter(|(_, lookup)| lookup.deadline <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.end(id);
            let kademlia = self.swarm.behaviour_mut().kademlia.as_mut();
            if let Some(mut query) = kademlia.and_then(|kademlia| kademlia.query_mut(&id)) {
                query.finish();
            }
        }
    }

    pub(super) fn on_kademlia(&mut self, event: kad::Event) {
        match event {
            kad::Event::OutboundQueryProgressed {
                id, result, step, ..
            } => {
                self.on_progress(id, result);
                if step.last {
                    self.end(id);
                }
            }
            kad::Event::InboundRequest { request } => self.on_dht_request(request),
            // The routing table is filled by hand, from what identify says.
            kad::Event::RoutingUpdated { .. }
            | kad::Event::UnroutablePeer { .. }
            | kad::Event::RoutablePeer { .. }
            | kad::Event::PendingRoutablePeer { .. }
            | kad::Event::ModeChanged { .. } => {}
        }
    }

    fn on_progress(&mut self, id: QueryId, result: QueryResult) {
        match result {
            QueryResult::GetProviders(Ok(GetProvidersOk::FoundProviders { providers, .. })) => {
                let providers: Vec<_> = providers
                    .iter()
                    .filter_map(convert::from_libp2p)
                    .filter(|peer| *peer != self.me)
                    .take(PROVIDERS_MAX)
                    .collect();
                for peer in &providers {
                    self.learn_from_kademlia(*peer);
                }
                if let Some(Lookup {
                    purpose: Purpose::Providers { found, .. },
                    ..
                }) = self.lookups.running.get_mut(&id)
                {
                    found.extend(providers);
                }
            }
            QueryResult::GetRecord(Ok(GetRecordOk::FoundRecord(record))) => {
                if let Some(Lookup {
                    purpose: Purpose::Values { found, .. },
                    ..
                }) = self.lookups.running.get_mut(&id)
                    && found.len() < VALUES_MAX
                    && !found.contains(&record.record.value)
                {
                    found.push(record.record.value);
                }
            }
            QueryResult::GetClosestPeers(result) => {
                let peers = match result {
                    Ok(found) => found.peers,
                    Err(GetClosestPeersError::Timeout { peers, .. }) => peers,
                };
                let purpose = self.lookups.running.get(&id).map(|lookup| &lookup.purpose);
                let peer = match purpose {
                    Some(Purpose::Find { peer, .. } | Purpose::Reach { peer }) => *peer,
                    Some(Purpose::Walk) => return self.learn_found(peers),
                    _ => return,
                };
                let addresses = peers
                    .into_iter()
                    .filter(|info| convert::from_libp2p(&info.peer_id) == Some(peer))
                    .flat_map(|info| info.addrs);
                let addresses: Vec<_> = addresses
                    .filter_map(|address| convert::address_of(&peer, address))
                    .collect();
                self.learn(peer, addresses, FoundBy::Kademlia);
                self.learn_from_kademlia(peer);
            }
            // Bootstraps, announcements, and the ends of lookups bring nothing.
            _ => {}
        }
    }

    /// Takes over where all of these are said to be.
    fn learn_found(&mut self, found: Vec<PeerInfo>) {
        for info in found {
            let Some(peer) = convert::from_libp2p(&info.peer_id).filter(|peer| *peer != self.me)
            else {
                continue;
            };
            let addresses: Vec<_> = info
                .addrs
                .into_iter()
                .filter_map(|address| convert::address_of(&peer, address))
                .take(ADDRESSES_MAX)
                .collect();
            self.learn(peer, addresses, FoundBy::Kademlia);
        }
    }

    fn end(&mut self, id: QueryId) {
        let Some(lookup) = self.lookups.running.remove(&id) else {
            return;
        };
        self.swarm.behaviour_mut().gate.lookups = self.lookups.dialling();
        // Of all replies: the caller may have gone.
        match lookup.purpose {
            Purpose::Find { peer, reply } => {
                self.learn_from_kademlia(peer);
                drop(reply.send(self.address_texts(&peer)));
            }
            Purpose::Reach { peer } => {
                let before = self.book.addresses(&peer);
                self.learn_from_kademlia(peer);
                let failed = self
                    .book
                    .get(&peer)
                    .is_some_and(|known| known.failure.is_some());
                let has_new =
                    self.book.addresses(&peer) != before || (!before.is_empty() && !failed);
                self.on_looked_up(peer, has_new);
            }
            Purpose::Providers { found, reply } => {
                drop(reply.send(found.into_iter().take(PROVIDERS_MAX).collect()));
            }
            Purpose::Values { found, reply } => drop(reply.send(found)),
            Purpose::Walk => {
                self.swarm.behaviour_mut().gate.strides = 0;
                self.dial_wanted(Instant::now());
            }
            Purpose::Renewal => self.renew(Instant::now()),
        }
    }

    fn address_texts(&self, peer: &PeerId) -> Vec<String> {
        self.book
            .addresses(peer)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// Takes over what Kademlia would dial: its events name providers without their addresses.
    fn learn_from_kademlia(&mut self, peer: PeerId) {
        let Some(id) = convert::to_libp2p(&peer) else {
            return;
        };
        let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut() else {
            return;
        };
        // Only reads: Kademlia refuses no dial and counts none. The id is not looked at.
        let connection = ConnectionId::new_unchecked(0);
        let addresses = kademlia
            .handle_pending_outbound_connection(connection, Some(id), &[], Endpoint::Dialer)
            .unwrap_or_default();
        let addresses: Vec<_> = addresses
            .into_iter()
            .filter_map(|address| convert::address_of(&peer, address))
            .take(ADDRESSES_MAX)
            .collect();
        self.learn(peer, addresses, FoundBy::Kademlia);
    }
}
