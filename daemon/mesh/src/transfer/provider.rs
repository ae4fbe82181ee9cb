//! What a transfer knows of one provider: what it was asked for, how much at a time, and when it is asked again.

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::{Millis, PeerId};

use super::machine::Want;

/// Chunks asked of a provider at a time: two, so that one is on the way while the other is written; more for those
/// that answer quickly, up to the four MiB that a fast distant link has on the way.
const WINDOW: std::ops::RangeInclusive<usize> = 2..=4;
/// An answer within this makes the window larger, a slower one smaller: four chunks then still come well within
/// an ask's time limit.
const QUICK: Duration = Duration::from_secs(4);
/// The first wait after a failure; it doubles with each further one before a success, up to [`BACKOFF_MAX`].
const BACKOFF: Duration = Duration::from_millis(500);
/// The longest wait: a provider that was busy is back soon enough to be of use.
const BACKOFF_MAX: Duration = Duration::from_secs(8);

/// Why a provider is asked again only later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setback {
    /// It said so.
    Busy,
    /// No answer.
    Silent,
}

impl Setback {
    /// How many of a kind since the last success end it. Somebody who says that he is busy is there; silence has
    /// cost a time limit each.
    fn limit(self) -> u32 {
        match self {
            Self::Busy => 10,
            Self::Silent => 3,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Provider {
    pub(super) peer: PeerId,
    /// What it was asked for and has not answered, and since when. Never more than its window.
    pub(super) asked: BTreeMap<Want, Millis>,
    window: usize,
    /// Since the last success, by kind: one silence of a provider that was often busy is one silence.
    busy: u32,
    silent: u32,
    setback_at: Option<Millis>,
    not_before: Millis,
    dropped: bool,
}

impl Provider {
    pub(super) fn new(peer: PeerId) -> Self {
        Self {
            peer,
            asked: BTreeMap::new(),
            window: *WINDOW.start(),
            busy: 0,
            silent: 0,
            setback_at: None,
            not_before: Millis(0),
            dropped: false,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        !self.dropped
    }

    /// Whether it may be asked for one more.
    pub(super) fn is_ready(&self, now: Millis) -> bool {
        self.is_live() && self.not_before <= now && self.asked.len() < self.window
    }

    /// When its wait ends, if it has one.
    pub(super) fn waits_until(&self, now: Millis) -> Option<Millis> {
        (self.is_live() && self.not_before > now).then_some(self.not_before)
    }

    /// It gave what it was asked for at `asked_at`.
    pub(super) fn succeed(&mut self, now: Millis, asked_at: Millis) {
        (self.busy, self.silent) = (0, 0);
        self.window = match now.since(asked_at) <= QUICK {
            true => (self.window + 1).min(*WINDOW.end()),
            false => (self.window - 1).max(*WINDOW.start()),
        };
    }

    /// It did not answer, or not with what it was asked for at `asked_at`.
    pub(super) fn set_back(&mut self, now: Millis, asked_at: Millis, setback: Setback) {
        // Those asked before the last setback fail for the same reason: a full window is one failure, not four.
        if self.setback_at.is_some_and(|at| asked_at <= at) {
            return;
        }
        self.setback_at = Some(now);
        let count = match setback {
            Setback::Busy => &mut self.busy,
            Setback::Silent => &mut self.silent,
        };
        *count += 1;
        if *count >= setback.limit() {
            return self.drop_for_good();
        }
        self.window = *WINDOW.start();
        // At most 2^10: the limits are small.
        let wait = BACKOFF * (1 << (self.busy + self.silent - 1));
        self.not_before = now.after(wait.min(BACKOFF_MAX));
    }

    /// Nothing is asked of it any more, and no answer of it is looked at.
    pub(super) fn drop_for_good(&mut self) {
        self.dropped = true;
        self.asked.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Setback::{Busy, Silent};

    const PEER: PeerId = PeerId([1; 32]);

    fn wait_of(provider: &Provider, now: Millis) -> Option<u64> {
        provider.waits_until(now).map(|until| until.0 - now.0)
    }

    #[test]
    fn quick_answers_widen_the_window_and_slow_ones_narrow_it() {
        let mut provider = Provider::new(PEER);
        let mut windows = vec![provider.window];
        for millis in [1, 4_000, 1, 4_001, 30_000, 30_000] {
            provider.succeed(Millis(50_000), Millis(50_000 - millis));
            windows.push(provider.window);
        }
        assert_eq!(windows, [2, 3, 4, 4, 3, 2, 2]);
    }

    #[test]
    fn setbacks_double_the_wait_until_there_are_too_many_of_a_kind() {
        let (half, one, two, four, eight) = (500, 1_000, 2_000, 4_000, 8_000);
        for (setbacks, waits) in [
            (vec![Silent; 3], vec![half, one]),
            (
                vec![Busy; 10],
                vec![half, one, two, four, eight, eight, eight, eight, eight],
            ),
            (
                vec![Busy, Silent, Busy, Silent, Busy, Silent],
                vec![half, one, two, four, eight],
            ),
        ] {
            let mut provider = Provider::new(PEER);
            let mut now = Millis(0);
            let mut found = Vec::new();
            for setback in &setbacks {
                assert!(provider.is_live(), "{setbacks:?}");
                provider.set_back(now, now, *setback);
                found.extend(wait_of(&provider, now));
                now = provider.waits_until(now).unwrap_or(now);
                assert_eq!(provider.is_ready(now), provider.is_live(), "{setbacks:?}");
            }
            assert_eq!((found, provider.is_live()), (waits, false), "{setbacks:?}");
        }
    }

    #[test]
    fn a_window_that_fails_at_once_is_one_setback_and_a_success_forgives() {
        let mut provider = Provider::new(PEER);
        for asked_at in [0, 5, 10] {
            provider.set_back(Millis(10), Millis(asked_at), Silent);
        }
        assert_eq!(wait_of(&provider, Millis(10)), Some(500));
        provider.set_back(Millis(600), Millis(510), Silent);
        assert_eq!(wait_of(&provider, Millis(600)), Some(1_000));
        provider.succeed(Millis(1_700), Millis(1_600));
        provider.set_back(Millis(1_800), Millis(1_701), Silent);
        assert_eq!(wait_of(&provider, Millis(1_800)), Some(500));
    }
}
