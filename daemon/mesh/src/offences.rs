//! What peers did wrong, how long it counts, and when it is enough. Carrying out the sentence is the actor's.

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::PeerId;
use tokio::time::Instant;

/// The weight at which a peer is blocked,
pub const BLOCK_AT: f64 = 100.0;
/// for so long: enough to make a flood pointless, short enough that a repaired node is soon back.
const BLOCK_TIME: Duration = Duration::from_secs(600);

/// After so long an offence weighs half: ten malformed frames in a day are nothing, in a minute they are.
const HALF_LIFE: Duration = Duration::from_secs(300);

/// A tally this light is forgotten, and one that lacks no more than this is full: the first offences have
/// faded a little when the last one comes.
const SLACK: f64 = 0.5;

/// Peers with a tally. When it is full, the lightest that is not blocked makes room: identities are free, so
/// nobody may evict a heavy one by being many.
const PEERS_MAX: usize = 4_096;

/// What a peer did. The weights say how sure it is that nobody honest does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Offence {
    /// A frame, record or gossip message that cannot be read.
    Malformed,
    /// More bytes announced than the service carries.
    Oversized,
    /// A frame of another network.
    WrongNetwork,
    /// A frame of a version that the negotiated protocol does not have.
    WrongVersion,
    /// A signature that does not verify.
    BadSignature,
    /// A request beyond the rate. Each weighs little, since they come by the hundred.
    Flood,
    /// Anything else that the daemon objects to.
    Other,
}

impl Offence {
    const fn weight(self) -> f64 {
        match self {
            Self::BadSignature => 25.0,
            Self::Oversized | Self::WrongNetwork => 20.0,
            Self::Malformed | Self::WrongVersion => 10.0,
            Self::Other => 5.0,
            Self::Flood => 1.0,
        }
    }
}

/// What stands against one peer.
#[derive(Clone, Copy, Debug)]
struct Tally {
    weight: f64,
    at: Instant,
    count: u32,
    blocked: Option<Block>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Until(Instant),
    /// By the operator, who alone lifts it.
    Always,
}

impl Tally {
    fn new(now: Instant) -> Self {
        Self {
            weight: 0.0,
            at: now,
            count: 0,
            blocked: None,
        }
    }

    fn weight(&self, now: Instant) -> f64 {
        let age = now.saturating_duration_since(self.at).as_secs_f64();
        self.weight * (-age / HALF_LIFE.as_secs_f64()).exp2()
    }
}

/// All tallies.
#[derive(Debug, Default)]
pub struct Offences {
    tallies: BTreeMap<PeerId, Tally>,
}

impl Offences {
    /// Adds an offence; true when the peer is to be blocked now.
    pub fn penalise(&mut self, now: Instant, peer: PeerId, offence: Offence) -> bool {
        let Some(tally) = self.tally(now, peer) else {
            return false;
        };
        tally.weight = tally.weight(now) + offence.weight();
        tally.at = now;
        tally.count = tally.count.saturating_add(1);
        let is_new = tally.blocked.is_none() && tally.weight >= BLOCK_AT - SLACK;
        if is_new {
            tally.blocked = Some(Block::Until(now + BLOCK_TIME));
        }
        is_new
    }

    /// Blocks until [`Offences::unblock`]; false when there is no room, which takes as many blocked peers.
    pub fn block(&mut self, now: Instant, peer: PeerId) -> bool {
        let Some(tally) = self.tally(now, peer) else {
            return false;
        };
        tally.blocked = Some(Block::Always);
        true
    }

    /// Forgets everything against a peer.
    pub fn unblock(&mut self, peer: &PeerId) {
        self.tallies.remove(peer);
    }

    /// Whether the peer is blocked.
    pub fn is_blocked(&self, peer: &PeerId) -> bool {
        self.tallies
            .get(peer)
            .is_some_and(|tally| tally.blocked.is_some())
    }

    /// The peers whose block has ended, with a clean sheet. Forgets light tallies.
    pub fn expire(&mut self, now: Instant) -> Vec<PeerId> {
        let ended: Vec<PeerId> = self
            .tallies
            .iter()
            .filter(|(_, tally)| matches!(tally.blocked, Some(Block::Until(end)) if end <= now))
            .map(|(peer, _)| *peer)
            .collect();
        for peer in &ended {
            self.tallies.remove(peer);
        }
        self.tallies
            .retain(|_, tally| tally.blocked.is_some() || tally.weight(now) >= SLACK);
        ended
    }

    /// The weight and the number of a peer's offences.
    pub fn against(&self, now: Instant, peer: &PeerId) -> (f64, u32) {
        self.tallies
            .get(peer)
            .map_or((0.0, 0), |tally| (tally.weight(now), tally.count))
    }

    /// Whoever has a tally and is not blocked.
    pub fn suspects(&self) -> Vec<PeerId> {
        let open = self
            .tallies
            .iter()
            .filter(|(_, tally)| tally.blocked.is_none());
        open.map(|(peer, _)| *peer).collect()
    }

    fn tally(&mut self, now: Instant, peer: PeerId) -> Option<&mut Tally> {
        if self.tallies.len() >= PEERS_MAX && !self.tallies.contains_key(&peer) {
            let lightest = self
                .tallies
                .iter()
                .filter(|(_, tally)| tally.blocked.is_none())
                .min_by(|(_, a), (_, b)| a.weight(now).total_cmp(&b.weight(now)))
                .map(|(peer, _)| *peer)?;
            self.tallies.remove(&lightest);
        }
        Some(self.tallies.entry(peer).or_insert(Tally::new(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: PeerId = PeerId([1; 32]);

    #[test]
    fn so_many_of_each_offence_at_once_lead_to_a_block() {
        for (offence, times) in [
            (Offence::BadSignature, 4),
            (Offence::Oversized, 5),
            (Offence::WrongNetwork, 5),
            (Offence::Malformed, 10),
            (Offence::WrongVersion, 10),
            (Offence::Other, 20),
            (Offence::Flood, 100),
        ] {
            let now = Instant::now();
            let mut offences = Offences::default();
            let needed = (1..).find(|_| offences.penalise(now, PEER, offence));
            assert_eq!(needed, Some(times), "{offence:?}");
            assert!(!offences.penalise(now, PEER, offence), "it is blocked once");
            assert_eq!(offences.against(now, &PEER).1, times + 1);
        }
    }

    #[test]
    fn offences_fade_and_blocks_end() {
        let start = Instant::now();
        let mut offences = Offences::default();
        // One malformed frame each five minutes never adds up to more than two.
        for step in 0..100 {
            let now = start + HALF_LIFE * step;
            assert!(!offences.penalise(now, PEER, Offence::Malformed));
            assert!(offences.against(now, &PEER).0 <= 20.0);
        }
        let now = start + HALF_LIFE * 100;
        while !offences.penalise(now, PEER, Offence::Other) {}
        assert!(offences.is_blocked(&PEER));
        assert_eq!(
            offences.expire(now + BLOCK_TIME - Duration::from_secs(1)),
            []
        );
        assert_eq!(offences.expire(now + BLOCK_TIME), [PEER]);
        assert!(!offences.is_blocked(&PEER));
        assert_eq!(offences.against(now + BLOCK_TIME, &PEER), (0.0, 0));
    }

    #[test]
    fn only_the_operator_lifts_an_operators_block() {
        let now = Instant::now();
        let mut offences = Offences::default();
        assert!(offences.block(now, PEER));
        assert_eq!(offences.expire(now + BLOCK_TIME * 1_000), []);
        assert!(offences.is_blocked(&PEER));
        offences.unblock(&PEER);
        assert!(!offences.is_blocked(&PEER));
    }

    #[test]
    fn many_light_offenders_do_not_push_out_a_heavy_one() {
        let now = Instant::now();
        let mut offences = Offences::default();
        offences.penalise(now, PEER, Offence::BadSignature);
        for number in 0..2 * PEERS_MAX as u64 {
            let mut id = [9; 32];
            id[..8].copy_from_slice(&number.to_le_bytes());
            offences.penalise(now, PeerId(id), Offence::Flood);
        }
        assert_eq!(offences.tallies.len(), PEERS_MAX);
        assert_eq!(offences.against(now, &PEER), (25.0, 1));
    }
}
