//! What must hold after every step, found from outside the machines.

use edgecoder_council::duties::{Answer, Ask, LEASE, Tell};

use super::{SECOND, World};

impl World {
    pub(super) fn check(&self) {
        for duty in self.duties() {
            let acting: Vec<usize> = (0..self.nodes.len())
                .filter(|at| self.acts(*at, duty))
                .collect();
            let honest = acting.iter().filter(|at| Some(**at) != self.liar);
            assert!(
                honest.clone().count() <= 1,
                "{duty:?} at {}: {acting:?}",
                self.now
            );
            for at in honest {
                let term = self.nodes[*at].began[&duty];
                let given = self.promises.get(&(duty, term, *at));
                let alive = given.into_iter().flatten();
                let alive =
                    alive.filter(|(by, until)| **until > self.now && Some(**by) != self.liar);
                let others = alive.count() + usize::from(self.liar.is_some()) + 1;
                assert!(
                    others >= self.members.quorum(),
                    "{duty:?} of {at} at {}: {others}",
                    self.now
                );
            }
        }
    }

    /// A member's answer is a promise, which it may not give while its suspicion counts.
    pub(super) fn note_answer(&mut self, by: usize, to: usize, ask: Ask, answer: &Answer) {
        let (Ask::Renew { duty, term }, Some(_)) = (ask, &answer.renewal) else {
            return;
        };
        let until = self.now + u64::try_from(LEASE.as_micros()).unwrap();
        let given = self.promises.entry((duty, term, to)).or_default();
        given.insert(by, until);
        let suspected = self.suspected.get(&(duty, term, by));
        let is_honest = self.liar != Some(by);
        let is_sound = suspected.is_none_or(|last| *last + 30 * SECOND <= self.now);
        assert!(
            is_sound || !is_honest,
            "{by} renews {duty:?}, which it suspects"
        );
    }

    pub(super) fn note_tell(&mut self, by: usize, tell: &Tell) {
        if let Tell::Suspicion(word) = tell {
            let said = word.open().unwrap().0;
            self.suspected.insert((said.duty, said.term, by), self.now);
        }
    }
}
