//! How many requests one peer may send, and how many this node sends to one: a token bucket for each. What
//! happens to a request without a token is decided by whoever asks.

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::PeerId;
use tokio::time::Instant;

/// Requests a second that a peer may send for good. A chunk of 1 MiB each makes 400 MiB/s, more than any
/// link we expect; control traffic is far below.
const RATE: f64 = 400.0;

/// Requests at once, after a rest: two seconds' worth.
const BURST: f64 = 800.0;

/// What this node keeps itself to. Under way at a time are at most the windows of all services, 160 requests,
/// so that even a network that delays and bunches them keeps them under a peer's [`BURST`].
const OWN_RATE: f64 = 0.95 * RATE;
const OWN_BURST: f64 = 0.75 * BURST;

/// Peers with a bucket. Only connected peers have one and connections are limited far lower; when it is full
/// all the same, a new peer is refused until another leaves.
const PEERS_MAX: usize = 4_096;

/// A bucket for each connected peer.
#[derive(Debug)]
pub struct Flood {
    rate: f64,
    burst: f64,
    buckets: BTreeMap<PeerId, Bucket>,
}

/// So many tokens were there at that moment.
#[derive(Debug)]
pub struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub fn new(burst: f64, now: Instant) -> Self {
        let tokens = burst;
        Self { tokens, at: now }
    }

    /// Takes a token; false when there is none.
    pub fn take(&mut self, now: Instant, rate: f64, burst: f64) -> bool {
        let rested = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + rested * rate).min(burst);
        self.at = now;
        let is_there = self.tokens >= 1.0;
        if is_there {
            self.tokens -= 1.0;
        }
        is_there
    }

    /// How long after the last [`Bucket::take`] there is a token again.
    pub fn wait(&self, rate: f64) -> Duration {
        Duration::from_secs_f64((1.0 - self.tokens).max(0.0) / rate)
    }
}

impl Flood {
    /// What peers may send.
    pub fn incoming() -> Self {
        Self {
            rate: RATE,
            burst: BURST,
            buckets: BTreeMap::new(),
        }
    }

    /// What this node sends.
    pub fn outgoing() -> Self {
        Self {
            rate: OWN_RATE,
            burst: OWN_BURST,
            buckets: BTreeMap::new(),
        }
    }

    /// How long after the last [`Flood::admit`] of `peer` there is a token again.
    pub fn wait(&self, peer: &PeerId) -> Duration {
        let bucket = self.buckets.get(peer);
        bucket.map_or(Duration::ZERO, |bucket| bucket.wait(self.rate))
    }

    /// Takes one token of `peer`; false when there is none.
    pub fn admit(&mut self, now: Instant, peer: PeerId) -> bool {
        if self.buckets.len() >= PEERS_MAX && !self.buckets.contains_key(&peer) {
            return false;
        }
        let full = || Bucket::new(self.burst, now);
        let bucket = self.buckets.entry(peer).or_insert_with(full);
        bucket.take(now, self.rate, self.burst)
    }

    /// Forgets a peer that left. Its offences outlive this.
    pub fn forget(&mut self, peer: &PeerId) {
        self.buckets.remove(peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_admitted_then_only_the_rate() {
        let start = Instant::now();
        let peer = PeerId([1; 32]);
        let mut flood = Flood::incoming();
        let count = |flood: &mut Flood, after: u64, peer| {
            let now = start + Duration::from_millis(after);
            (0..10_000).filter(|_| flood.admit(now, peer)).count()
        };
        for (after, admitted) in [(0, 800), (0, 0), (1_000, 400), (1_010, 4), (60_000, 800)] {
            assert_eq!(count(&mut flood, after, peer), admitted, "after {after} ms");
        }
        assert_eq!(
            count(&mut flood, 60_000, PeerId([2; 32])),
            800,
            "another peer's bucket is its own"
        );
    }

    #[test]
    fn what_stays_under_the_rate_is_never_refused() {
        let start = Instant::now();
        let mut flood = Flood::incoming();
        for request in 0..20_000_u64 {
            let now = start + Duration::from_micros(request * 2_500);
            assert!(flood.admit(now, PeerId([1; 32])), "request {request}");
        }
    }

    #[test]
    fn whoever_waits_as_told_is_admitted_and_never_a_flood() {
        let mut now = Instant::now();
        let peer = PeerId([1; 32]);
        let (mut own, mut foreign) = (Flood::outgoing(), Flood::incoming());
        for request in 0..20_000 {
            if !own.admit(now, peer) {
                now += own.wait(&peer) + Duration::from_nanos(1);
                assert!(own.admit(now, peer), "request {request}");
            }
            assert!(foreign.admit(now, peer), "request {request}");
        }
    }
}
