//! What a lying member does: it says that all holders are gone, that it reaches nobody but itself, and promises everybody
//! everything.

use edgecoder_council::duties::{Answer, Ask, Tell};
use edgecoder_protocol::{
    Millis, Signed,
    ledger::{
        duty::{Duty, Probes, Renewal, Suspicion, UNREACHED},
        entry::Body,
    },
};

use super::{Event, World};

impl World {
    /// The log takes a duty away from its holder at once, by the word of two members that nobody should have had.
    pub fn take_away(&mut self, duty: Duty, by: [usize; 2]) {
        let term = self.state.duty(duty).term;
        let chain = self.genesis.id();
        let words = by.map(|one| {
            let at = self.wall(one);
            let suspicion = Suspicion {
                chain,
                at,
                duty,
                term,
            };
            Signed::new(suspicion, &self.nodes[one].key)
        });
        let suspicions = words.to_vec();
        let signer = self.nodes[by[0]].me;
        self.enter(
            signer,
            Body::Expire {
                duty,
                term,
                suspicions,
            },
            self.now,
        );
        assert_eq!(self.holder(duty), None);
    }

    /// A liar says of all holders that they are gone, and promises them everything.
    pub(super) fn lie_in_wait(&mut self, at: usize) {
        if self.liar != Some(at) {
            return;
        }
        for duty in self.duties() {
            let held = self.nodes[at].state.duty(duty);
            let suspicion = Suspicion {
                chain: self.genesis.id(),
                at: self.wall(at),
                duty,
                term: held.term,
            };
            let word = Signed::new(suspicion, &self.nodes[at].key);
            for to in (0..self.nodes.len()).filter(|to| *to != at) {
                self.send(at, to, Event::Tell(at, Tell::Suspicion(word.clone())));
            }
        }
    }

    pub(super) fn lie_in_answer(&self, at: usize, ask: Ask, answer: Answer) -> Answer {
        match ask {
            Ask::Renew { duty, term } if self.liar == Some(at) => {
                let until = Millis(self.wall(at).0 + 3_000);
                let renewal = Renewal {
                    chain: self.genesis.id(),
                    duty,
                    term,
                    until,
                };
                let renewal = Some(Signed::new(renewal, &self.nodes[at].key));
                Answer { renewal, ..answer }
            }
            Ask::Probe | Ask::Renew { .. } => answer,
        }
    }

    /// A liar reaches nobody but itself.
    pub(super) fn lie_in_tell(&self, at: usize, tell: Tell) -> Tell {
        match &tell {
            Tell::Probes(word) if self.liar == Some(at) => {
                let (said, by) = word.open().unwrap();
                let buckets = said
                    .buckets
                    .iter()
                    .map(|(peer, _)| (*peer, if *peer == by { 0 } else { UNREACHED }));
                let lie = Probes {
                    buckets: buckets.collect(),
                    ..said.clone()
                };
                Tell::Probes(Signed::new(lie, &self.nodes[at].key))
            }
            Tell::Probes(_) | Tell::Suspicion(_) | Tell::Left { .. } => tell,
        }
    }
}
