//! When something is tried again: later after each failure, and not by all workers in the same moment.

use std::time::Duration;

use edgecoder_protocol::Millis;

/// Wait after the first failure: a connection that broke is back by then.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// Longest wait: an operator who restarts a coordinator sees the workers come back at once.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Numbers for jitter, from a seed. SplitMix64 (Steele, Lea and Flood 2014): small, and nothing secret comes of it.
#[derive(Debug)]
pub(super) struct Draws(u64);

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Failures in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff(u32);

impl Backoff {
    /// The wait after one more failure: between half of what has doubled each time, and all of it.
    pub(super) fn fail(&mut self, draws: &mut Draws) -> Duration {
        let doubled = BACKOFF_MIN.saturating_mul(1_u32.checked_shl(self.0).unwrap_or(u32::MAX));
        self.0 = self.0.saturating_add(1);
        let half = doubled.min(BACKOFF_MAX) / 2;
        let jitter = draws.next() % (half.as_millis() as u64 + 1);
        half + Duration::from_millis(jitter)
    }

    pub(super) fn succeed(&mut self) {
        self.0 = 0;
    }
}

/// Something that is said until it is answered.
#[derive(Debug)]
pub(super) struct Again {
    at: Millis,
    under_way: bool,
    backoff: Backoff,
}

impl Again {
    /// For the first time now.
    pub(super) fn new(now: Millis) -> Self {
        Self {
            at: now,
            under_way: false,
            backoff: Backoff::default(),
        }
    }

    /// When it is to be said; not while it has no answer yet.
    pub(super) fn due(&self) -> Option<Millis> {
        (!self.under_way).then_some(self.at)
    }

    /// Whether it is said now.
    pub(super) fn start(&mut self, now: Millis) -> bool {
        let starts = !self.under_way && self.at <= now;
        self.under_way |= starts;
        starts
    }

    pub(super) fn fail(&mut self, now: Millis, draws: &mut Draws) {
        self.under_way = false;
        self.at = now.after(self.backoff.fail(draws));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_seconds_and_are_never_less_than_half_of_that() {
        for seed in 0..100 {
            let (mut backoff, mut draws) = (Backoff::default(), Draws::new(seed));
            for full in [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000] {
                let wait = backoff.fail(&mut draws).as_millis();
                assert!(
                    (full / 2..=full).contains(&wait),
                    "{wait} of {full}, seed {seed}"
                );
            }
            backoff.succeed();
            let wait = backoff.fail(&mut draws).as_millis();
            assert!((125..=250).contains(&wait), "{wait}, seed {seed}");
        }
    }

    #[test]
    fn a_failure_without_end_still_waits_five_seconds_at_most() {
        let mut draws = Draws::new(1);
        for failures in [31, 32, 33, u32::MAX] {
            let wait = Backoff(failures).fail(&mut draws);
            assert!(
                wait <= BACKOFF_MAX && wait >= BACKOFF_MAX / 2,
                "{wait:?} after {failures}"
            );
        }
    }

    #[test]
    fn workers_with_other_seeds_come_at_other_times() {
        let wait = |seed| Backoff(5).fail(&mut Draws::new(seed));
        let waits: std::collections::BTreeSet<_> = (0..100).map(wait).collect();
        assert!(waits.len() > 90, "{}", waits.len());
    }
}
