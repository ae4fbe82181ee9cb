//! What follows from an input for the leases, and what from the time alone.

use edgecoder_protocol::wire::{Held, WhyBack};

use super::{
    Answer, BACKS_MAX, DELIVERIES_MAX, Errand, Fixed, Forgotten, GIVE_BACK_TRIES, HEARTBEAT_EVERY,
    HEARTBEATS_MAX, Machine, OPENED_FOR, Output, RESULTS_MAX, SENTENCE_MAX, SILENCE_MAX, STOP_MAX,
    lease::{Back, Delivery, Lease},
    pace::Again,
};

impl Machine {
    pub(super) fn answered(&mut self, errand: Errand, answer: Answer) {
        self.reached = answer != Answer::Nothing;
        if self.reached {
            self.heard = self.now;
        }
        if let Answer::Lost(lost) = &answer {
            for held in lost {
                self.forget(*held, Forgotten::Lost);
            }
        }
        match errand {
            Errand::Take => self.taken(answer),
            Errand::Heartbeat => self.heartbeats = self.heartbeats.saturating_sub(1),
            Errand::Commit(held) => {
                self.deliveries = self.deliveries.saturating_sub(1);
                self.committed(held, &answer);
            }
            Errand::GiveBack(held) => {
                self.deliveries = self.deliveries.saturating_sub(1);
                self.given_back(held, &answer);
            }
        }
    }

    fn committed(&mut self, held: Held, answer: &Answer) {
        let Some(Lease::Kept(kept)) = self.leases.get_mut(&held) else {
            return;
        };
        let Delivery::Committing { again, .. } = &mut kept.delivery else {
            return;
        };
        match answer {
            Answer::Done => {
                kept.delivery = Delivery::Committed;
                self.counters.done += 1;
            }
            Answer::Refused => self.forget(held, Forgotten::Refused),
            Answer::Granted(_) | Answer::Lost(_) | Answer::Unfit | Answer::Nothing => {
                again.fail(self.now, &mut self.draws);
            }
        }
    }

    fn given_back(&mut self, held: Held, answer: &Answer) {
        let Some(back) = self.backs.get_mut(&held) else {
            return;
        };
        let heard = match answer {
            Answer::Done | Answer::Refused | Answer::Lost(_) => true,
            Answer::Granted(_) | Answer::Unfit | Answer::Nothing => false,
        };
        if heard || back.tries == 0 {
            // Nothing is lost with the last try: the coordinator misses the lease's heartbeat.
            self.backs.remove(&held);
        } else {
            back.again.fail(self.now, &mut self.draws);
        }
    }

    pub(super) fn made(&mut self, held: Held, fixed: Fixed) {
        if self.ending.remove(&held) {
            return;
        }
        let Some(lease) = self.leases.get_mut(&held) else {
            return;
        };
        if lease.fix(self.now, self.results, fixed) {
            self.results += 1;
            self.drop_results();
        }
    }

    /// Keeps the results within [`RESULTS_MAX`].
    fn drop_results(&mut self) {
        let results = |(held, lease): (&Held, &Lease)| match lease {
            Lease::Working { .. } => None,
            // Of one that was opened nobody needs anything any more.
            Lease::Kept(kept) => Some((lease.is_named(), kept.order, *held)),
        };
        let kept = self.leases.iter().filter_map(results);
        if kept.clone().count() > RESULTS_MAX
            && let Some((_, _, oldest)) = kept.min()
        {
            self.forget(oldest, Forgotten::Full);
        }
    }

    pub(super) fn not_made(&mut self, held: Held, why: WhyBack, sentence: String) {
        if self.ending.remove(&held) {
            return;
        }
        if let Some(Lease::Working { .. }) = self.leases.get(&held) {
            self.leases.remove(&held);
            self.give_back(held, why, sentence, GIVE_BACK_TRIES);
        }
    }

    pub(super) fn give_back(&mut self, held: Held, why: WhyBack, mut sentence: String, tries: u32) {
        self.counters.given_back += 1;
        sentence.truncate(sentence.floor_char_boundary(SENTENCE_MAX));
        if self.backs.len() < BACKS_MAX {
            let again = Again::new(self.now);
            let back = Back {
                why,
                sentence,
                tries,
                again,
            };
            self.backs.insert(held, back);
        }
    }

    /// Ends a lease without its result. What was confirmed counts as done all the same.
    pub(super) fn forget(&mut self, held: Held, why: Forgotten) {
        let Some(lease) = self.leases.remove(&held) else {
            return;
        };
        if let Lease::Working { .. } = lease {
            self.ending.insert(held);
        }
        // One that goes back is counted there.
        if lease.has_slot() && why != Forgotten::Drained {
            self.counters.lost += 1;
        }
        self.outputs.push_back(Output::Forget { held, why });
    }

    fn working(&self) -> Vec<Held> {
        let working = self.leases.iter();
        let working = working.filter(|(_, lease)| matches!(lease, Lease::Working { .. }));
        working.map(|(held, _)| *held).collect()
    }

    pub(super) fn stop(&mut self) {
        if self.stop_by.is_some() {
            return;
        }
        self.stop_by = Some(self.now.after(STOP_MAX));
        for back in self.backs.values_mut() {
            back.tries = back.tries.min(1);
        }
        for held in self.working() {
            self.forget(held, Forgotten::Drained);
            self.give_back(held, WhyBack::Drained, "The node stops.".to_owned(), 1);
        }
    }

    /// What the time, or room after the last input, brings about.
    pub(super) fn advance(&mut self) {
        let now = self.now;
        if now >= self.heard.after(SILENCE_MAX) {
            for held in self.working() {
                self.forget(held, Forgotten::Silent);
            }
        }
        self.leases.retain(|_, lease| match lease {
            Lease::Working { .. } => true,
            Lease::Kept(kept) => match kept.delivery {
                Delivery::Opened { at } => now < at.after(OPENED_FOR),
                Delivery::Committing { .. } | Delivery::Committed => true,
            },
        });
        self.deliver();
        self.beat();
        self.take();
    }

    /// Sends the commits and returns that are due, as many as may be under way.
    fn deliver(&mut self) {
        let now = self.now;
        for (held, lease) in &mut self.leases {
            if self.deliveries >= DELIVERIES_MAX {
                return;
            }
            if let Some(commit) = lease.commit(now, *held) {
                self.deliveries += 1;
                self.outputs.push_back(Output::Commit(Box::new(commit)));
            }
        }
        for (held, back) in &mut self.backs {
            if self.deliveries >= DELIVERIES_MAX {
                return;
            }
            if back.again.start(now) {
                self.deliveries += 1;
                back.tries = back.tries.saturating_sub(1);
                self.outputs.push_back(Output::GiveBack {
                    held: *held,
                    why: back.why,
                    sentence: back.sentence.clone(),
                });
            }
        }
    }

    fn beat(&mut self) {
        if self.now < self.heartbeat_at || self.heartbeats >= HEARTBEATS_MAX {
            return;
        }
        let named = self.leases.iter().filter(|(_, lease)| lease.is_named());
        let held: Vec<Held> = named.map(|(held, _)| *held).collect();
        if !held.is_empty() {
            self.heartbeats += 1;
            self.heartbeat_at = self.now.after(HEARTBEAT_EVERY);
            self.outputs.push_back(Output::Heartbeat { held });
        }
    }
}
