//! How many bytes of answers may be here, made and not taken yet: for one peer, and for all together.
//!
//! Whoever asks for much and reads nothing uses up its own share, not this node's memory.

use std::{collections::BTreeMap, sync::Arc};

use edgecoder_protocol::PeerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Service;

/// Bytes of chunks to all peers, and of other answers to all peers: who reads no chunks keeps nobody from work.
const ALL_MAX: usize = 64 << 20;
/// Bytes of answers to one peer: two fetches with full windows of chunks.
const EACH_MAX: usize = 9 << 20;
/// An answer of so few bytes needs no room: it is no larger than what is kept of its request.
const SMALL: usize = 1 << 10;
/// Peers that are remembered, beside those to whom something is owed: what came late of one that had gone is swept away.
const KEPT_MAX: usize = 1_024;

/// Room for the answers to those who are connected.
#[derive(Debug)]
pub struct Rooms {
    chunks: Arc<Semaphore>,
    others: Arc<Semaphore>,
    each: BTreeMap<PeerId, Arc<Semaphore>>,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            chunks: Arc::new(Semaphore::new(ALL_MAX)),
            others: Arc::new(Semaphore::new(ALL_MAX)),
            each: BTreeMap::new(),
        }
    }
}

impl Rooms {
    /// What an answer of `service` to `peer` is counted against.
    pub fn of(&mut self, peer: PeerId, service: Service) -> Room {
        if self.each.len() >= KEPT_MAX {
            self.each.retain(|_, own| Arc::strong_count(own) > 1);
        }
        let fresh = || Arc::new(Semaphore::new(EACH_MAX));
        let all = match service {
            Service::Chunk => &self.chunks,
            Service::Control | Service::Inference | Service::Council => &self.others,
        };
        Room {
            all: all.clone(),
            own: self.each.entry(peer).or_insert_with(fresh).clone(),
            taken: None,
        }
    }

    /// The peer's last connection is closed, and its answers with it.
    pub fn forget(&mut self, peer: &PeerId) {
        self.each.remove(peer);
    }
}

/// Room for one answer, once it is taken; given back when dropped.
#[derive(Debug)]
pub struct Room {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
    taken: Option<[OwnedSemaphorePermit; 2]>,
}

impl Room {
    /// Whether there is room for so many bytes, or was when it was asked for more; it is taken.
    pub fn take(&mut self, bytes: usize) -> bool {
        if bytes <= SMALL {
            return true;
        }
        if self.taken.is_none() {
            // No answer is larger than 4 GiB.
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            let take = |of: &Arc<Semaphore>| of.clone().try_acquire_many_owned(bytes).ok();
            self.taken = take(&self.own)
                .zip(take(&self.all))
                .map(|(own, all)| [own, all]);
        }
        self.taken.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;
    const CHUNK: Service = Service::Chunk;
    const PEERS: usize = ALL_MAX / EACH_MAX;

    #[test]
    fn one_peer_takes_its_share_and_all_together_theirs() {
        let mut rooms = Rooms::default();
        let mut held = Vec::new();
        for number in 0..PEERS {
            let peer = PeerId([number as u8; 32]);
            for _ in 0..EACH_MAX / MIB {
                let mut room = rooms.of(peer, CHUNK);
                assert!(room.take(MIB));
                assert!(room.take(MIB), "it has it");
                held.push(room);
            }
            assert!(!rooms.of(peer, CHUNK).take(MIB), "{number}");
            assert!(rooms.of(peer, CHUNK).take(SMALL), "{number}");
        }
        let other = PeerId([255; 32]);
        let mut rest = rooms.of(other, CHUNK);
        assert!(rest.take(ALL_MAX - PEERS * EACH_MAX));
        assert!(!rooms.of(other, CHUNK).take(MIB));
        assert!(rooms.of(other, Service::Control).take(MIB));
        held.pop();
        assert!(
            rooms.of(other, CHUNK).take(MIB),
            "what is dropped is given back"
        );
    }
}
