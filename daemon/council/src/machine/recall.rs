//! What a member said before it was restarted. Its vote log cannot see that it was rolled back, so the others are asked
//! for the highest vote of it that they hold, and it signs nothing until a quorum, itself counted, has answered; when
//! one of them holds more than the log, not until a height above all answers is past (DESIGN 8).

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::{
    Millis, PeerId, Signed,
    ledger::{block::Vote, chain::Chain, consensus::Mark, members::MEMBERS_MAX},
    signed::Checked,
};

use super::{Logged, Machine, Output, Part, Timer, What};
use crate::engine::{ConsensusEngine, Record};

/// Whoever has not answered is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// Members, of now and before, whose votes are remembered.
const REMEMBERED_MAX: usize = 4 * MEMBERS_MAX;

/// What is known of votes, this member's own and others'.
#[derive(Debug)]
pub(super) struct Recall {
    /// This member's own, by its vote log and the chain; none when the log is damaged.
    own: Option<Mark>,
    /// No height below is begun: this member voted there, whatever its ledger has lost since.
    pub floor: u64,
    /// Of each other member, the highest that was seen.
    seen: BTreeMap<PeerId, Checked<Vote>>,
    /// What each says that it holds of this member's votes, and its height.
    answers: BTreeMap<PeerId, (Mark, u64)>,
}

impl Recall {
    /// `known` is the height that the chain is known to have had.
    pub fn new(chain: &Chain, me: PeerId, logged: &[Logged], is_whole: bool, known: u64) -> Self {
        let past = Mark {
            height: chain.height(),
            round: u32::MAX,
            stage: u8::MAX,
        };
        let mut recall = Self {
            own: None,
            floor: known + 1,
            seen: BTreeMap::new(),
            answers: BTreeMap::new(),
        };
        let mut own = past;
        for one in logged {
            let What::Engine(Record::Vote(vote)) = &one.what else {
                continue;
            };
            let Ok(vote) = vote.clone().checked() else {
                continue;
            };
            if vote.signer() == me {
                let mark = Mark::of(vote.value());
                own = own.max(mark);
                recall.floor = recall.floor.max(mark.height);
            } else {
                recall.remember(&vote);
            }
        }
        recall.own = is_whole.then_some(own);
        recall
    }

    fn remember(&mut self, vote: &Checked<Vote>) {
        let by = vote.signer();
        let known = self.seen.get(&by).map(|one| Mark::of(one.value()));
        if known.is_none_or(|known| known < Mark::of(vote.value())) {
            self.seen.insert(by, vote.clone());
        }
    }

    /// Remembers votes of members, whose signatures hold.
    pub fn note(&mut self, votes: &[&Checked<Vote>], members: &[PeerId]) {
        // Who has left is asked for nothing any more.
        if self.seen.len() >= REMEMBERED_MAX {
            self.seen.retain(|one, _| members.contains(one));
        }
        for vote in votes.iter().filter(|vote| members.contains(&vote.signer())) {
            self.remember(vote);
        }
    }
}

impl<E: ConsensusEngine> Machine<E> {
    /// What this node holds of `member`'s votes: the highest.
    pub fn holds_of(&self, member: &PeerId) -> Option<Signed<Vote>> {
        let held = self.recall.seen.get(member)?;
        Some(held.signed().clone())
    }

    /// A member's answer: the highest vote of this member that it holds, and its height. What this member did not sign
    /// for this network is no vote of it.
    pub fn recalled(&mut self, now: Millis, from: PeerId, held: Option<Signed<Vote>>, height: u64) {
        let is_member = self.deciders().is_some_and(|set| set.contains(&from));
        if self.part == Part::Recalling && is_member {
            let own = held.as_ref().and_then(|vote| vote.open_by(self.me).ok());
            let own = own.filter(|vote| vote.chain == self.chain.id());
            let mark = own.map(Mark::of).unwrap_or_default();
            self.recall.answers.insert(from, (mark, height));
            self.is_at(from, height);
            self.weigh_answers();
            self.wake(now);
        }
    }

    pub(super) fn ask_all(&mut self) {
        self.recall.answers.clear();
        self.ask_again();
    }

    pub(super) fn ask_again(&mut self) {
        if self.part != Part::Recalling {
            return;
        }
        let mut silent = self.others();
        silent.retain(|one| !self.recall.answers.contains_key(one));
        if !silent.is_empty() {
            self.outputs.push_back(Output::Recall(silent));
            self.outputs.push_back(Output::After(Timer::Recall, AGAIN));
        }
    }

    /// Whether this member may speak again.
    pub(super) fn weigh_answers(&mut self) {
        let height = self.chain.height();
        match &self.part {
            Part::Recalling => {}
            Part::Muted { past } if height > *past => {
                self.part = Part::Member;
                return;
            }
            Part::Follower
            | Part::Muted { .. }
            | Part::Member
            | Part::Broken(_)
            | Part::Frozen(_) => return,
        }
        let quorum = self.deciders().map_or(usize::MAX, |set| set.quorum());
        if self.recall.answers.len() + 1 < quorum {
            return;
        }
        // Others may have been restarted, and hold only votes of later heights: so far as one of them who is honest has
        // come, this member must come first.
        let tolerates = self.deciders().map_or(0, |set| set.tolerates());
        let mut heights: Vec<u64> = self.recall.answers.values().map(|(_, one)| *one).collect();
        heights.sort_unstable_by(|one, other| other.cmp(one));
        if heights.get(tolerates).is_some_and(|one| *one > height) {
            return;
        }
        let highest = self.recall.answers.values().map(|(mark, _)| *mark).max();
        let highest = highest.unwrap_or_default();
        let past = match self.recall.own {
            Some(own) if highest <= own => None,
            Some(_) => Some(highest.height),
            // A single member has nobody to contradict.
            None if quorum == 1 => None,
            None => Some(highest.height.max(height)),
        };
        self.part = match past.filter(|past| height <= *past) {
            None => Part::Member,
            Some(past) => {
                // What the log has of these heights is not all that was said there.
                self.logged.clear();
                Part::Muted { past }
            }
        };
        self.outputs.push_back(Output::Cancel(Timer::Recall));
    }
}
