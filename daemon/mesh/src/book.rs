//! The address book: who is known, where, how it was found and how the last attempt went. Whom to dial, and
//! what a peer may do, is decided elsewhere. What stands here is hearsay until a handshake proves it.

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::PeerId;
use libp2p::Multiaddr;
use tokio::time::Instant;

use crate::DialFailure;

/// Peers in the book. When it is full, the one longest not heard of makes room, connected peers and bootstrap
/// nodes last.
pub const PEERS_MAX: usize = 2_048;

/// Addresses of one peer: a few interfaces, two transports. When they are full, the one longest not
/// confirmed makes room.
pub const ADDRESSES_MAX: usize = 16;

/// Of what a peer calls itself, so many characters are kept.
const AGENT_MAX: usize = 64;

/// By which means a peer was found first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FoundBy {
    /// It is a bootstrap node of the configuration.
    Bootstrap,
    /// It announced itself on the local network.
    Mdns,
    /// A lookup in the DHT.
    Kademlia,
    /// It told its addresses over a connection.
    Identify,
    /// A signed record that the daemon read.
    Record,
    /// It connected to us.
    Inbound,
    /// An invite.
    Invite,
}

/// What is known of a peer at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerView {
    /// Who.
    pub peer: PeerId,
    /// How it was found first.
    pub found_by: FoundBy,
    /// Whether a connection stands.
    pub connected: bool,
    /// The connection's remote address; without one, the address that would be dialled first.
    pub address: Option<String>,
    /// Of the last ping.
    pub round_trip: Option<Duration>,
    /// What its conduct earned: negative for offences and rejected gossip, slightly positive for gossip that
    /// was accepted. No authority follows from it.
    pub score: f64,
    /// How many offences are remembered.
    pub offences: u32,
    /// Whether it is blocked here, for a time or for good.
    pub blocked: bool,
    /// What it calls itself; unverified, at most 64 characters.
    pub agent: Option<String>,
    /// The last failed dial, until one succeeds.
    pub failure: Option<DialFailure>,
}

/// A known peer.
#[derive(Debug)]
pub struct Known {
    pub found_by: FoundBy,
    /// Best first.
    pub addresses: Vec<Multiaddr>,
    /// When the first of the present connections stood, or the last one did.
    pub since: Instant,
    /// Established connections.
    pub connections: u32,
    pub remote: Option<Multiaddr>,
    pub round_trip: Option<Duration>,
    pub agent: Option<String>,
    pub failure: Option<DialFailure>,
    /// Failed dials in a row.
    pub failures: u32,
    /// Before this moment it is not dialled unasked.
    pub dial_at: Instant,
    /// When it last gave a sign of life or was learnt of.
    pub heard_at: Instant,
    /// Whether it answers pings; one that never did is not closed for being silent.
    pub is_pinged: bool,
}

/// See the file.
#[derive(Debug, Default)]
pub struct Book {
    known: BTreeMap<PeerId, Known>,
}

impl Book {
    /// The entry of `peer`, made when there is none.
    pub fn entry(&mut self, now: Instant, peer: PeerId, how: FoundBy) -> &mut Known {
        if self.known.len() >= PEERS_MAX && !self.known.contains_key(&peer) {
            self.evict();
        }
        self.known.entry(peer).or_insert(Known {
            found_by: how,
            addresses: Vec::new(),
            since: now,
            connections: 0,
            remote: None,
            round_trip: None,
            agent: None,
            failure: None,
            failures: 0,
            dial_at: now,
            heard_at: now,
            is_pinged: false,
        })
    }

    /// What is known of a peer.
    pub fn get(&self, peer: &PeerId) -> Option<&Known> {
        self.known.get(peer)
    }

    /// What is known of a peer.
    pub fn get_mut(&mut self, peer: &PeerId) -> Option<&mut Known> {
        self.known.get_mut(peer)
    }

    /// Everybody.
    pub fn iter(&self) -> impl Iterator<Item = (&PeerId, &Known)> {
        self.known.iter()
    }

    /// Adds addresses, without a peer's name in them, behind those that are there; true when the peer had
    /// none before.
    pub fn learn(
        &mut self,
        now: Instant,
        peer: PeerId,
        addresses: impl IntoIterator<Item = Multiaddr>,
        how: FoundBy,
    ) -> bool {
        let mut addresses = addresses.into_iter().peekable();
        if addresses.peek().is_none() {
            return false;
        }
        let known = self.entry(now, peer, how);
        let is_first = known.addresses.is_empty();
        for address in addresses.take(ADDRESSES_MAX) {
            if known.addresses.contains(&address) {
                continue;
            }
            if known.addresses.len() >= ADDRESSES_MAX {
                known.addresses.pop();
            }
            known.addresses.push(address);
        }
        is_first
    }

    /// Puts an address that proved good first.
    pub fn confirm(&mut self, now: Instant, peer: PeerId, address: Multiaddr, how: FoundBy) {
        let known = self.entry(now, peer, how);
        known.addresses.retain(|other| *other != address);
        known.addresses.insert(0, address);
        known.addresses.truncate(ADDRESSES_MAX);
    }

    /// The addresses of a peer, best first.
    pub fn addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        self.known
            .get(peer)
            .map(|known| known.addresses.clone())
            .unwrap_or_default()
    }

    /// Whether a connection stands.
    pub fn is_connected(&self, peer: &PeerId) -> bool {
        self.known
            .get(peer)
            .is_some_and(|known| known.connections > 0)
    }

    /// How many peers are connected.
    pub fn connected(&self) -> usize {
        self.known
            .values()
            .filter(|known| known.connections > 0)
            .count()
    }

    /// Remembers a failed dial; it is not tried unasked for `wait`.
    pub fn fail(&mut self, now: Instant, peer: &PeerId, failure: DialFailure, wait: Duration) {
        if let Some(known) = self.known.get_mut(peer) {
            known.failure = Some(failure);
            known.failures = known.failures.saturating_add(1);
            known.dial_at = now + wait;
        }
    }

    fn evict(&mut self) {
        let stalest = self
            .known
            .iter()
            .min_by_key(|(_, known)| {
                (
                    known.connections > 0,
                    known.found_by == FoundBy::Bootstrap,
                    known.heard_at,
                )
            })
            .map(|(peer, _)| *peer);
        if let Some(peer) = stalest {
            self.known.remove(&peer);
        }
    }
}

impl Known {
    /// Keeps the beginning of what a peer calls itself, without control characters.
    pub fn set_agent(&mut self, agent: &str) {
        let agent = agent
            .chars()
            .filter(|letter| !letter.is_control())
            .take(AGENT_MAX);
        self.agent = Some(agent.collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DialStep;

    fn address(port: u64) -> Multiaddr {
        format!("/memory/{port}").parse().unwrap()
    }

    fn peer(number: u64) -> PeerId {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        PeerId(id)
    }

    #[test]
    fn an_address_that_proved_good_is_first_and_stays() {
        let now = Instant::now();
        let mut book = Book::default();
        assert!(book.learn(now, peer(1), (1..=16).map(address), FoundBy::Invite));
        assert!(
            !book.learn(now, peer(1), [address(1)], FoundBy::Mdns),
            "nothing new"
        );
        book.confirm(now, peer(1), address(16), FoundBy::Inbound);
        book.learn(now, peer(1), (20..60).map(address), FoundBy::Kademlia);
        let addresses = book.addresses(&peer(1));
        assert_eq!(addresses.len(), ADDRESSES_MAX);
        assert_eq!(addresses[..2], [address(16), address(1)]);
        assert_eq!(book.get(&peer(1)).unwrap().found_by, FoundBy::Invite);
        assert!(
            !book.learn(now, peer(2), [], FoundBy::Invite),
            "no address, no entry"
        );
        assert!(book.get(&peer(2)).is_none());
    }

    #[test]
    fn a_full_book_forgets_the_stalest_but_nobody_connected_and_no_bootstrap() {
        let start = Instant::now();
        let mut book = Book::default();
        book.entry(start, peer(0), FoundBy::Inbound).connections = 1;
        book.entry(start, peer(1), FoundBy::Bootstrap);
        for number in 2..PEERS_MAX as u64 + 100 {
            let now = start + Duration::from_secs(number);
            book.learn(now, peer(number), [address(number)], FoundBy::Kademlia);
        }
        assert_eq!(book.known.len(), PEERS_MAX);
        for (number, is_kept) in [(0, true), (1, true), (2, false), (101, false), (102, true)] {
            assert_eq!(book.get(&peer(number)).is_some(), is_kept, "peer {number}");
        }
        assert_eq!(book.connected(), 1);
    }

    #[test]
    fn a_failure_is_told_and_postpones_the_next_attempt() {
        let now = Instant::now();
        let mut book = Book::default();
        let failure = DialFailure::new("/memory/1", DialStep::Transport, "nobody");
        book.fail(now, &peer(1), failure.clone(), Duration::from_secs(2));
        assert!(
            book.get(&peer(1)).is_none(),
            "a stranger is not remembered for it"
        );
        book.learn(now, peer(1), [address(1)], FoundBy::Invite);
        book.fail(now, &peer(1), failure.clone(), Duration::from_secs(2));
        let known = book.get(&peer(1)).unwrap();
        assert_eq!(
            (known.failure.as_ref(), known.failures),
            (Some(&failure), 1)
        );
        assert_eq!(known.dial_at, now + Duration::from_secs(2));
    }

    #[test]
    fn what_a_peer_calls_itself_is_cut() {
        let mut book = Book::default();
        let known = book.entry(Instant::now(), peer(1), FoundBy::Inbound);
        known.set_agent(&format!("a\u{1b}[31m\n{}", "é".repeat(500)));
        let agent = known.agent.clone().unwrap();
        assert!(agent.starts_with("a[31mé"), "{agent}");
        assert_eq!(agent.chars().count(), AGENT_MAX);
    }
}
