//! What happens on connections: they stand and fall, peers introduce themselves, answer pings, are blamed and
//! blocked.

use std::time::Duration;

use edgecoder_protocol::PeerId;
use libp2p::{
    core::ConnectedPoint,
    identify, mdns, ping,
    swarm::{ConnectionError, ConnectionId},
};
use tokio::time::Instant;
use tracing::{debug, info};

use super::{Actor, TICK};
use crate::{
    DialFailure, DialStep, Event, FoundBy, Offence, PeerView, RequestError,
    behaviour::{IDENTIFY, KADEMLIA},
    book::{ADDRESSES_MAX, Known},
    bootstrap::PEERS_WANTED,
    convert, dial,
    offences::BLOCK_AT,
};

/// A peer that has answered pings and gives no sign of life for so long is disconnected: two pings and a
/// half. Ping's own report needs two failures and comes up to 20 s later.
const SILENCE_MAX: Duration = Duration::from_secs(12);

/// A tick this late means that this process stood still, and what peers said is still unread.
const STALL: Duration = Duration::from_secs(3);

/// A connection that lasted so long was a good one; after a shorter one the next dial waits longer.
const GOOD_AFTER: Duration = Duration::from_secs(30);

impl Actor {
    pub(super) fn on_connected(
        &mut self,
        id: libp2p::PeerId,
        connection: ConnectionId,
        endpoint: &ConnectedPoint,
        established: u32,
    ) {
        let Some(peer) = convert::from_libp2p(&id) else {
            debug!(peer = %id, "peer with a foreign kind of key");
            self.swarm.close_connection(connection);
            return;
        };
        let now = Instant::now();
        self.connections.insert(connection, peer);
        let remote = convert::address_of(&peer, endpoint.get_remote_address().clone());
        if let (true, Some(address)) = (endpoint.is_dialer(), remote.clone()) {
            self.book.confirm(now, peer, address, FoundBy::Kademlia);
        }
        let known = self.book.entry(now, peer, FoundBy::Inbound);
        known.connections = established;
        known.remote = remote;
        known.heard_at = now;
        known.failure = None;
        if established == 1 {
            known.since = now;
            known.is_pinged = false;
            debug!(%peer, "connected");
            self.tell(Event::Connected { peer });
            self.score(&peer);
        }
        self.reaching.remove(&peer);
        self.send_waiting(&peer);
    }

    pub(super) fn on_closed(
        &mut self,
        id: libp2p::PeerId,
        connection: ConnectionId,
        established: u32,
        cause: Option<&ConnectionError>,
    ) {
        self.connections.remove(&connection);
        let Some(peer) = convert::from_libp2p(&id) else {
            return;
        };
        let now = Instant::now();
        if let Some(known) = self.book.get_mut(&peer) {
            known.connections = established;
            if established == 0 {
                known.remote = None;
                known.round_trip = None;
                let is_good = now.saturating_duration_since(known.since) >= GOOD_AFTER;
                known.failures = if is_good {
                    0
                } else {
                    known.failures.saturating_add(1)
                };
                known.dial_at = now + dial::backoff(known.failures, rand::random());
                known.since = now;
            }
        }
        if established == 0 {
            debug!(%peer, cause = cause.map(tracing::field::display), "disconnected");
            self.flood.forget(&peer);
            self.rooms.forget(&peer);
            self.pace.forget(&peer);
            self.tell(Event::Disconnected { peer });
        }
    }

    pub(super) fn on_identify(&mut self, event: identify::Event) {
        let identify::Event::Received { peer_id, info, .. } = event else {
            return;
        };
        let Some(peer) = convert::from_libp2p(&peer_id) else {
            return;
        };
        if info.protocol_version != IDENTIFY {
            debug!(%peer, "peer of another protocol family");
            return;
        }
        let is_near = self
            .book
            .get(&peer)
            .and_then(|known| known.remote.as_ref())
            .is_some_and(convert::is_loopback);
        let addresses: Vec<_> = info
            .listen_addrs
            .into_iter()
            .take(ADDRESSES_MAX)
            .filter_map(|address| convert::address_of(&peer, address))
            // Its loopback is not ours.
            .filter(|address| is_near || !convert::is_loopback(address))
            .collect();
        if let Some(known) = self.book.get_mut(&peer) {
            known.set_agent(&info.agent_version);
        }
        if info.protocols.contains(&KADEMLIA) {
            self.add_to_kademlia(&peer, addresses.clone());
        }
        self.learn(peer, addresses, FoundBy::Identify);
    }

    pub(super) fn on_ping(&mut self, event: ping::Event) {
        let known = convert::from_libp2p(&event.peer).and_then(|peer| self.book.get_mut(&peer));
        match event.result {
            Ok(round_trip) => {
                if let Some(known) = known {
                    known.round_trip = Some(round_trip);
                    known.heard_at = Instant::now();
                    known.is_pinged = true;
                }
            }
            Err(ping::Failure::Unsupported) => {}
            Err(error) => {
                debug!(peer = %event.peer, %error, "ping failed");
                self.swarm.close_connection(event.connection);
            }
        }
    }

    pub(super) fn on_mdns(&mut self, event: mdns::Event) {
        // An expired address may still be good, and costs one dial if it is not.
        let mdns::Event::Discovered(found) = event else {
            return;
        };
        for (id, address) in found {
            let Some(peer) = convert::from_libp2p(&id) else {
                continue;
            };
            if let Some(address) = convert::address_of(&peer, address) {
                self.learn(peer, vec![address], FoundBy::Mdns);
            }
        }
        if self.book.connected() < PEERS_WANTED {
            self.dial_wanted(Instant::now());
        }
    }

    /// Closes connections to peers that have fallen silent.
    pub(super) fn close_silent(&mut self, now: Instant) {
        if now.saturating_duration_since(self.ticked_at) > TICK + STALL {
            return;
        }
        let is_silent = |known: &Known| {
            known.connections > 0
                && known.is_pinged
                && now.saturating_duration_since(known.heard_at) > SILENCE_MAX
        };
        let silent: Vec<_> = self
            .book
            .iter()
            .filter(|(_, known)| is_silent(known))
            .filter_map(|(peer, _)| convert::to_libp2p(peer))
            .collect();
        for peer in silent {
            info!(%peer, "peer is silent");
            // It may have gone by itself.
            self.swarm.disconnect_peer_id(peer).ok();
        }
    }

    pub(super) fn penalise(&mut self, peer: PeerId, offence: Offence) {
        if peer == self.me {
            return;
        }
        let is_blocked = self.offences.penalise(Instant::now(), peer, offence);
        debug!(%peer, ?offence, "offence");
        self.score(&peer);
        if is_blocked {
            info!(%peer, ?offence, "peer blocked for its offences");
            self.shut_out(&peer);
        }
    }

    pub(super) fn block(&mut self, peer: PeerId) {
        if peer != self.me && self.offences.block(Instant::now(), peer) {
            info!(%peer, "peer blocked by the operator");
            self.shut_out(&peer);
        }
    }

    pub(super) fn unblock(&mut self, peer: PeerId) {
        self.offences.unblock(&peer);
        self.let_in(&peer);
    }

    /// Disconnects whom the door does not let in.
    pub(super) fn sift(&mut self) {
        let connected = self.book.iter().filter(|(_, known)| known.connections > 0);
        let shut: Vec<PeerId> = connected
            .map(|(peer, _)| *peer)
            .filter(|peer| self.is_shut(peer))
            .collect();
        for peer in shut {
            info!(%peer, "the daemon deals with this peer no more");
            self.part(&peer);
        }
    }

    /// Whether nothing is to be said to `peer`, for its offences or by the daemon's word.
    pub(super) fn is_out(&self, peer: &PeerId) -> bool {
        self.offences.is_blocked(peer) || self.is_shut(peer)
    }

    fn is_shut(&self, peer: &PeerId) -> bool {
        let door = self.swarm.behaviour().gate.door.as_ref();
        door.is_some_and(|door| !door.admits(peer))
    }

    fn part(&mut self, peer: &PeerId) {
        if let Some(id) = convert::to_libp2p(peer) {
            // It may have gone by itself.
            self.swarm.disconnect_peer_id(id).ok();
            if let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut() {
                kademlia.remove_peer(&id);
            }
        }
        self.reaching.remove(peer);
        self.fail_waiting(peer, &RequestError::Blocked);
    }

    pub(super) fn lift_blocks(&mut self, now: Instant) {
        for peer in self.offences.expire(now) {
            info!(%peer, "block ended");
            self.let_in(&peer);
        }
        // Gossip does not know that offences fade.
        for peer in self.offences.suspects() {
            self.score(&peer);
        }
    }

    fn shut_out(&mut self, peer: &PeerId) {
        if let Some(id) = convert::to_libp2p(peer) {
            let behaviour = self.swarm.behaviour_mut();
            behaviour.blocked.block_peer(id);
            if let Some(kademlia) = behaviour.kademlia.as_mut() {
                kademlia.remove_peer(&id);
            }
        }
        self.reaching.remove(peer);
        self.fail_waiting(peer, &RequestError::Blocked);
    }

    fn let_in(&mut self, peer: &PeerId) {
        if let Some(id) = convert::to_libp2p(peer) {
            self.swarm.behaviour_mut().blocked.unblock_peer(id);
        }
        self.score(peer);
    }

    /// Tells gossip what stands against a peer.
    fn score(&mut self, peer: &PeerId) {
        let (weight, _) = self.offences.against(Instant::now(), peer);
        let gossip = self.swarm.behaviour_mut().gossip.as_mut();
        if let (Some(gossip), Some(id)) = (gossip, convert::to_libp2p(peer)) {
            // False for a peer that is not connected, which is scored when it is.
            gossip.set_application_score(&id, -weight.min(BLOCK_AT));
        }
    }

    pub(super) fn views(&self) -> Vec<PeerView> {
        let now = Instant::now();
        self.book
            .iter()
            .map(|(peer, known)| self.view(now, *peer, known))
            .collect()
    }

    fn view(&self, now: Instant, peer: PeerId, known: &Known) -> PeerView {
        let (weight, offences) = self.offences.against(now, &peer);
        let blocked = self.is_out(&peer);
        let gossip = self.swarm.behaviour().gossip.as_ref();
        let id = convert::to_libp2p(&peer);
        let score = gossip
            .zip(id)
            .and_then(|(gossip, id)| gossip.peer_score(&id));
        let address = known.remote.as_ref().or(known.addresses.first());
        let block = || DialFailure::new("", DialStep::Blocked, "the peer is blocked here");
        PeerView {
            peer,
            found_by: known.found_by,
            connected: known.connections > 0,
            address: address.map(ToString::to_string),
            round_trip: known.round_trip,
            score: score.unwrap_or(-weight),
            offences,
            blocked,
            agent: known.agent.clone(),
            failure: if blocked {
                Some(block())
            } else {
                known.failure.clone()
            },
        }
    }
}
