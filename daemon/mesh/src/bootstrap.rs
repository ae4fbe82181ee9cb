//! Whom to dial unasked, and when: bootstrap nodes first, then whoever is known, and nobody once enough peers
//! are connected. Pure; the actor dials.

use edgecoder_protocol::PeerId;
use tokio::time::Instant;

use crate::{FoundBy, book::Book};

/// Connected peers from which on nobody is dialled unasked: gossip keeps 6 neighbours a topic. Half of them are met on a
/// walk to a place that is drawn. With the nearest by id alone, one mesh of 50 in three fell apart into two that heard
/// each other a heartbeat late; with 12, and 200 nodes, Kademlia's own bootstraps dialled for half a minute.
pub const PEERS_WANTED: usize = 8;

/// Of these, those that Kademlia may choose by itself: it chooses the nearest by id.
pub const NEIGHBOURS: usize = PEERS_WANTED / 2;

/// Up to so many, connections that only a lookup made are kept: a node that closes them at once makes others dial again.
pub const PEERS_KEPT: usize = 2 * PEERS_WANTED;

/// Unasked dials begun in one tick, so that a long list does not fill the pending connections.
const DIALS_PER_TICK: usize = 4;

/// The peers to dial now. Those whose last dial failed wait as long as the book says; `is_dialled` are under
/// way. Among equals `draw` decides: whom nodes know first are their neighbours in the DHT, and if all chose those, the
/// network would be clusters.
pub fn wanted(
    now: Instant,
    book: &Book,
    draw: u64,
    is_dialled: impl Fn(&PeerId) -> bool,
) -> Vec<PeerId> {
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
    // Where a peer stands from a point that was drawn.
    let drawn = |peer: &PeerId| {
        let place = peer.0.first_chunk().copied().map(u64::from_be_bytes);
        place.unwrap_or_default() ^ draw
    };
    due.sort_by_key(|(peer, known)| {
        (
            known.found_by != FoundBy::Bootstrap,
            known.failures,
            drawn(peer),
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
            wanted(now, book, 0, |peer| peer.0[0] == 1)
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
