//! How many things each peer may leave in the DHT's store here. What they are does not matter.

use std::collections::BTreeMap;

use edgecoder_protocol::PeerId;
use tokio::time::Instant;

/// Peers that are counted. The store holds 1,024 things, so more peers than that cannot have one.
const PEERS_MAX: usize = 1_024;

/// Keys that each peer holds, and until when.
#[derive(Debug)]
pub struct Quota {
    each_max: usize,
    held: BTreeMap<PeerId, BTreeMap<Vec<u8>, Instant>>,
}

impl Quota {
    /// At most `each_max` keys a peer.
    pub fn new(each_max: usize) -> Self {
        Self {
            each_max,
            held: BTreeMap::new(),
        }
    }

    /// Whether `peer` may hold `key` until `end`; it then does.
    pub fn admit(&mut self, now: Instant, peer: PeerId, key: &[u8], end: Instant) -> bool {
        let held = self.held.get(&peer);
        let is_full =
            held.is_some_and(|keys| keys.len() >= self.each_max && !keys.contains_key(key));
        if is_full || (held.is_none() && self.held.len() >= PEERS_MAX) {
            self.expire(now);
        }
        if self.held.len() >= PEERS_MAX && !self.held.contains_key(&peer) {
            return false;
        }
        let keys = self.held.entry(peer).or_default();
        if keys.len() >= self.each_max && !keys.contains_key(key) {
            return false;
        }
        keys.insert(key.to_vec(), end);
        true
    }

    fn expire(&mut self, now: Instant) {
        self.held.retain(|_, keys| {
            keys.retain(|_, end| *end > now);
            !keys.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_peer_holds_so_many_keys_until_they_expire() {
        let now = Instant::now();
        let end = now + Duration::from_secs(10);
        let (one, two) = (PeerId([1; 32]), PeerId([2; 32]));
        let mut quota = Quota::new(2);
        assert!(quota.admit(now, one, b"a", end));
        assert!(quota.admit(now, one, b"b", end));
        assert!(!quota.admit(now, one, b"c", end), "a third");
        assert!(
            quota.admit(now, one, b"a", end + Duration::from_secs(5)),
            "a renewal"
        );
        assert!(quota.admit(now, two, b"c", end), "another peer");
        assert!(
            quota.admit(end, one, b"c", end + Duration::from_secs(5)),
            "b has expired"
        );
        assert!(!quota.admit(end, one, b"d", end + Duration::from_secs(5)));
    }
}
