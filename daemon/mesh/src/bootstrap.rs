//! Whom to dial unasked, and when: bootstrap nodes first, then whoever is known, and nobody once enough peers
//! are connected. Pure; the actor dials.

use edgecoder_protocol::PeerId;
use tokio::time::Instant;

use crate::{FoundBy, book::Book};

/// Connected peers from which on nobody is dialled unasked: gossip keeps 6 neighbours a topic.
pub const PEERS_WANTED: usize = 8;

/// Unasked dials begun in one tick, so that a long list does not fill the pending connections.
const DIALS_PER_TICK: usize = 4;

/// The peers to dial now. Those whose last dial failed wait as long as the book says; `is_dialled` are under
/// way.
pub fn wanted(now: Instant, book: &Book, is_dialled: impl Fn(&PeerId) -> bool) -> Vec<PeerId> {
    let connected = book.connected();
    if connected >= PEERS_WANTED {
        return Vec::new();
    }
    let mut due: Vec<_> = book
        .iter()
        .filter(|(peer, known)| {
            known.connections == 0
                && !known.addresses.is_empty()
                && known.dial_at <= now
                && !is_dialled(peer)
        })
        .collect();
    due.sort_by_key(|(_, known)| {
        (
            known.found_by != FoundBy::Bootstrap,
            known.failures,
            known.dial_at,
        )
    });
    let places = DIALS_PER_TICK.min(PEERS_WANTED - connected);
    due.into_iter()
        .take(places)
        .map(|(peer, _)| *peer)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DialFailure, DialStep};
    use std::time::Duration;

    #[test]
    fn bootstrap_nodes_come_first_failures_wait_and_enough_is_enough() {
        let now = Instant::now();
        let mut book = Book::default();
        for number in 1..=9 {
            let how = if number >= 8 {
                FoundBy::Bootstrap
            } else {
                FoundBy::Kademlia
            };
            let address = format!("/memory/{number}").parse().unwrap();
            book.learn(now, PeerId([number; 32]), [address], how);
        }
        let ids = |now, book: &Book| -> Vec<u8> {
            wanted(now, book, |peer| peer.0[0] == 1)
                .iter()
                .map(|peer| peer.0[0])
                .collect()
        };
        assert_eq!(ids(now, &book), [8, 9, 2, 3], "1 is being dialled");
        let failure = DialFailure::new("", DialStep::Timeout, "");
        book.fail(now, &PeerId([8; 32]), failure, Duration::from_secs(4));
        assert_eq!(ids(now, &book), [9, 2, 3, 4]);
        assert_eq!(ids(now + Duration::from_secs(4), &book), [9, 8, 2, 3]);
        for number in 1..=7 {
            book.get_mut(&PeerId([number; 32])).unwrap().connections = 1;
        }
        assert_eq!(ids(now, &book), [9], "one place is left");
        book.get_mut(&PeerId([9; 32])).unwrap().connections = 1;
        assert_eq!(ids(now + Duration::from_secs(9), &book), [0; 0]);
    }
}
