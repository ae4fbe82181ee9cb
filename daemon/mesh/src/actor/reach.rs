//! Getting to a peer: by the address book, then by a lookup in the DHT, then not at all.

use edgecoder_protocol::PeerId;
use libp2p::{
    Multiaddr,
    swarm::{
        DialError,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use tokio::time::Instant;
use tracing::debug;

use super::Actor;
use crate::{Config, DialFailure, DialStep, Event, FoundBy, StartError, bootstrap, convert, dial};

/// How far the search for a peer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Its known addresses are being dialled.
    Known,
    /// The DHT is being asked.
    LookedUp,
    /// What the DHT said is being dialled.
    Found,
}

impl Actor {
    pub(super) fn learn_bootstrap(&mut self, config: &Config) -> Result<(), StartError> {
        for text in &config.bootstrap {
            let Some((address, Some(peer))) = convert::read_address(text) else {
                let (address, purpose) = (text.clone(), "bootstrap (it needs /p2p/ID)");
                return Err(StartError::Address { address, purpose });
            };
            if peer == self.me {
                continue;
            }
            self.book
                .learn(Instant::now(), peer, [address.clone()], FoundBy::Bootstrap);
            // Whether it serves the DHT shows when it is asked.
            self.add_to_kademlia(&peer, [address]);
        }
        Ok(())
    }

    pub(super) fn learn_texts(&mut self, peer: PeerId, addresses: &[String], how: FoundBy) {
        let read = addresses
            .iter()
            .filter_map(|text| convert::read_address(text));
        let mine = read.filter(|(_, named)| named.is_none_or(|named| named == peer));
        let addresses: Vec<_> = mine.map(|(address, _)| address).collect();
        self.learn(peer, addresses, how);
    }

    /// Puts addresses in the book and tells the daemon of a new peer.
    pub(super) fn learn(&mut self, peer: PeerId, addresses: Vec<Multiaddr>, how: FoundBy) {
        if peer == self.me {
            return;
        }
        let is_new = self.book.get(&peer).is_none();
        if self.book.learn(Instant::now(), peer, addresses, how) && is_new {
            self.tell(Event::Discovered { peer, how });
        }
    }

    pub(super) fn dial(&mut self, peer: PeerId, addresses: &[String]) {
        self.learn_texts(peer, addresses, FoundBy::Invite);
        self.dial_known(&peer);
    }

    /// Dials whom the node needs to stay connected.
    pub(super) fn dial_wanted(&mut self, now: Instant) {
        let wanted = bootstrap::wanted(now, &self.book, rand::random(), |peer| self.is_out(peer));
        for peer in wanted {
            self.dial_known(&peer);
        }
        while let Some(peer) = self.swarm.behaviour_mut().gate.surplus() {
            // It may have gone by itself.
            self.swarm.disconnect_peer_id(peer).ok();
        }
    }

    /// Begins to reach a peer that a request waits for.
    pub(super) fn reach(&mut self, peer: PeerId) {
        if self.reaching.contains_key(&peer) {
            return;
        }
        self.reaching.insert(peer, Reach::Known);
        if self.book.addresses(&peer).is_empty() {
            self.reach_further(peer, None);
        } else {
            self.dial_known(&peer);
        }
    }

    /// Forgets searches that nobody waits for any more.
    pub(super) fn forget_unreached(&mut self) {
        let waited_for = self.requests.waited_for();
        self.reaching.retain(|peer, _| waited_for.contains(peer));
    }

    fn dial_known(&mut self, peer: &PeerId) {
        let addresses = self.book.addresses(peer);
        let Some(id) = convert::to_libp2p(peer) else {
            return;
        };
        let options = DialOpts::peer_id(id)
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .addresses(addresses)
            .build();
        let gate = &mut self.swarm.behaviour_mut().gate;
        gate.announce(options.connection_id());
        gate.keep(&id);
        if let Err(error) = self.swarm.dial(options) {
            self.on_dial_error(&id, &error);
        }
    }

    pub(super) fn on_dial_error(&mut self, peer: &libp2p::PeerId, error: &DialError) {
        let Some(peer) = convert::from_libp2p(peer) else {
            return;
        };
        // A dial under way reports for itself.
        let Some(failure) = dial::failure(error) else {
            return;
        };
        debug!(%peer, step = %failure.step, reason = failure.reason, "dial failed");
        if !self.book.is_connected(&peer) {
            let failures = self.book.get(&peer).map_or(0, |known| known.failures);
            let wait = dial::backoff(failures.saturating_add(1), rand::random());
            self.book.fail(Instant::now(), &peer, failure.clone(), wait);
            // Lookups would go on asking it, and wait for it each time; when it is back, it says so.
            if let (Some(kademlia), Some(id)) = (
                self.swarm.behaviour_mut().kademlia.as_mut(),
                convert::to_libp2p(&peer),
            ) {
                kademlia.remove_peer(&id);
            }
            self.reach_further(peer, Some(failure));
        }
    }

    /// The known addresses led nowhere: asks the DHT, or gives up.
    fn reach_further(&mut self, peer: PeerId, failure: Option<DialFailure>) {
        let failure = failure
            .unwrap_or_else(|| DialFailure::new("", DialStep::Resolve, "no address is known"));
        match self.reaching.get(&peer).copied() {
            // Its own dials on the way fail too; the lookup's end decides.
            None | Some(Reach::LookedUp) => {}
            Some(Reach::Known) if self.look_up(peer) => {
                self.reaching.insert(peer, Reach::LookedUp);
            }
            Some(Reach::Known | Reach::Found) => {
                self.reaching.remove(&peer);
                self.fail_waiting(&peer, &failure.into());
            }
        }
    }

    /// The lookup for a peer that requests wait for has ended, and found `new` addresses.
    pub(super) fn on_looked_up(&mut self, peer: PeerId, has_new: bool) {
        if self.book.is_connected(&peer) || self.reaching.get(&peer) != Some(&Reach::LookedUp) {
            return;
        }
        self.reaching.insert(peer, Reach::Found);
        if has_new {
            self.dial_known(&peer);
        } else {
            let failure = self.book.get(&peer).and_then(|known| known.failure.clone());
            let unknown = || DialFailure::new("", DialStep::Resolve, "nobody knows an address");
            self.reach_further(peer, Some(failure.unwrap_or_else(unknown)));
        }
    }
}
