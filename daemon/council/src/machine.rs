//! What a member, or whoever follows, does with what is said, fetched and asked: takes entries in, checks a block before
//! the engine sees it, goes on to what was decided, and says nothing that it may have said otherwise before.
//!
//! A height is begun only when there is something to decide. Performing is the actor's: what is to be recorded comes
//! before what is to be said after it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use edgecoder_protocol::{
    Hash, Millis, PeerId, Signed,
    ledger::{
        apply::Refused,
        block::Certificate,
        chain::{BadBlock, Chain, Executed},
        consensus::{Said, SharedBlock},
        entry::Entry,
        light::Fork,
        members::MemberSet,
    },
    signed::Checked,
};
use serde::{Deserialize, Serialize};

use crate::{
    engine::{self, ConsensusEngine, Equivocation, Timeout},
    pool::{NotTaken, Pool},
};

/// Entries that are passed on again when a height takes long: enough for its block, and little beside a block.
const RELAYED_AGAIN: usize = 256;

mod catching;
mod deciding;
mod hearing;
mod recall;

/// What is recorded, with the height that it is of: the vote log is these, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// The height.
    pub height: u64,
    /// What.
    pub what: What,
}

/// What is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// A block that later records name.
    Block(SharedBlock),
    /// What the engine asked for.
    Engine(engine::Record),
}

/// A wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The engine's.
    Engine(Timeout),
    /// Whoever has not said what it holds of this member's votes is asked again.
    Recall,
    /// Whoever was asked for blocks has not sent any.
    Fetch,
}

/// What the machine wants done, in this order.
#[derive(Debug)]
pub enum Output {
    /// To be in the vote log, durably before any `Say` that follows.
    Record(Logged),
    /// To these members.
    Say(Said, Vec<PeerId>),
    /// Entries, to these members.
    Relay(Vec<Signed<Entry>>, Vec<PeerId>),
    /// An entry that waits here, to be given to one of these members: this node decides nothing itself.
    Forward(Hash, Signed<Entry>, Vec<PeerId>),
    /// Ask these members what they hold of this member's votes.
    Recall(Vec<PeerId>),
    /// Ask this one for the blocks after that height.
    Fetch(PeerId, u64),
    /// Ask this one for the state of that height: the blocks are gone.
    Join(PeerId, u64),
    /// To be told when so much time has passed; takes an earlier wait's place.
    After(Timer, Duration),
    /// Not to be told any more.
    Cancel(Timer),
    /// None of the engine's.
    CancelEngine,
    /// The chain has gone on. Unless `in_log`, it must be durable before anything that follows is recorded or said.
    Commit {
        /// The block, with its leaves.
        executed: Executed,
        /// Who decided it.
        certificate: Certificate,
        /// Whether the vote log has what leads to it.
        in_log: bool,
    },
    /// An entry that waited counts for nothing.
    Dropped(Hash, Refused),
    /// Somebody signed twice.
    Guilty(PeerId, Equivocation),
    /// A peer sent what no honest one sends.
    Offence(PeerId, &'static str),
    /// This node takes part in deciding no more, for this reason.
    Stopped(String),
}

/// How this node takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// It follows.
    Follower,
    /// It waits for a quorum's word on what it said before it was restarted.
    Recalling,
    /// Its vote log is older than what others hold of it: it says nothing until this height is past.
    Muted {
        /// The height.
        past: u64,
    },
    /// It votes.
    Member,
    /// Its engine cannot go on.
    Broken(String),
    /// Two decisions of one height are known: nothing is decided or settled until operators have looked at it.
    Frozen(Fork),
}

/// A height under way.
#[derive(Debug, Default)]
struct Deciding {
    /// Blocks that may be the next, by id.
    blocks: BTreeMap<Hash, Executed>,
    /// Blocks that the vote log has.
    recorded: BTreeSet<Hash>,
    /// What the vote log has.
    records: Vec<Logged>,
    /// The round for which a block is wanted, while there is nothing to put in.
    wanted: Option<u32>,
    /// Timeouts that ran out while there was nothing to decide.
    held: BTreeSet<Timeout>,
    /// Who has spoken for some block.
    speakers: BTreeSet<PeerId>,
    /// The round that the engine is in.
    round: u32,
    /// Which blocks were proposed for each round, at most two.
    proposed: BTreeMap<u32, BTreeSet<Hash>>,
}

/// The machine.
#[derive(Debug)]
pub struct Machine<E> {
    me: PeerId,
    chain: Chain,
    engine: E,
    part: Part,
    pool: Pool,
    deciding: Option<Deciding>,
    /// Of heights that are not decided yet, from before a restart.
    logged: BTreeMap<u64, Vec<Logged>>,
    early: hearing::Early,
    recall: recall::Recall,
    catching: catching::Catching,
    /// A height whose block is known by the invite.
    anchored: Option<(u64, Hash)>,
    outputs: VecDeque<Output>,
}

impl<E: ConsensusEngine> Machine<E> {
    /// Goes on from `chain`, which is known to have had `known` blocks; `logged` is what the vote log has, and `is_whole`
    /// whether nothing of it is damaged.
    pub fn new(
        me: PeerId,
        chain: Chain,
        known: u64,
        engine: E,
        logged: Vec<Logged>,
        is_whole: bool,
    ) -> Self {
        let mut machine = Self {
            me,
            recall: recall::Recall::new(&chain, me, &logged, is_whole, known),
            chain,
            engine,
            part: Part::Follower,
            pool: Pool::default(),
            deciding: None,
            logged: BTreeMap::new(),
            early: hearing::Early::default(),
            catching: catching::Catching::default(),
            anchored: None,
            outputs: VecDeque::new(),
        };
        for one in logged {
            if one.height > machine.chain.height() {
                machine.logged.entry(one.height).or_default().push(one);
            }
        }
        machine
    }

    /// That height has this block: another is not followed, whoever decided it.
    pub fn believe(&mut self, height: u64, block: Hash) {
        self.anchored = Some((height, block));
    }

    /// To be called once, before anything else.
    pub fn begin(&mut self, now: Millis) {
        self.take_part();
        self.look_for_lost();
        self.wake(now);
    }

    /// A member that decides alone can fetch what its ledger has lost from nobody: it says so instead of waiting for ever.
    fn look_for_lost(&mut self) {
        let (next, floor) = (self.chain.height() + 1, self.recall.floor);
        let is_alone = self.is_member() && self.others().is_empty();
        if is_alone && next < floor && !self.logged.contains_key(&next) {
            let last = floor - 1;
            self.stop(format!(
                "blocks {next} to {last} are lost, and nobody else has them: restore the council's folder from a copy, or move it aside to begin another ledger"
            ));
        }
    }

    /// The chain.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// How this node takes part.
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// Entries that wait.
    pub fn waiting(&self) -> usize {
        self.pool.len()
    }

    /// The nonce of an account's next entry, those that wait counted.
    pub fn next_nonce(&self, account: &PeerId) -> u64 {
        self.pool.next_nonce(&self.chain, account)
    }

    /// The next output, in order.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What the vote log must have when it is begun anew, once all blocks up to the chain's head are durable.
    pub fn live_records(&self) -> impl Iterator<Item = &Logged> {
        let deciding = self.deciding.iter().flat_map(|one| &one.records);
        self.logged.values().flatten().chain(deciding)
    }

    /// Takes an entry in, and tells the members of it.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn submit(&mut self, now: Millis, entry: Checked<Entry>) -> Result<Hash, NotTaken> {
        let (taken, why) = self.submit_all(now, vec![entry]);
        taken.first().copied().ok_or(why.unwrap_or(NotTaken::Full))
    }

    /// Takes entries in, in this order and for one block, as far as that goes; their leaves, and why not the next.
    pub fn submit_all(
        &mut self,
        now: Millis,
        entries: Vec<Checked<Entry>>,
    ) -> (Vec<Hash>, Option<NotTaken>) {
        let others = self.others();
        let (mut taken, mut why) = (Vec::new(), None);
        for entry in entries {
            let signed = entry.signed().clone();
            match self.pool.add(&self.chain, entry, now) {
                Ok(leaf) => taken.push((leaf, signed)),
                Err(error) => {
                    why = Some(error);
                    break;
                }
            }
        }
        let leaves: Vec<Hash> = taken.iter().map(|(leaf, _)| *leaf).collect();
        if !self.is_member() {
            for (leaf, signed) in taken {
                let forward = Output::Forward(leaf, signed, others.clone());
                self.outputs.push_back(forward);
            }
        } else if !others.is_empty() && !taken.is_empty() {
            let entries = taken.into_iter().map(|(_, signed)| signed).collect();
            self.outputs.push_back(Output::Relay(entries, others));
        }
        self.wake(now);
        (leaves, why)
    }

    /// Takes in entries that a member passed on. Those that do not count are left out without a word: the state here
    /// may be older or newer than there.
    pub fn relayed(&mut self, now: Millis, entries: Vec<Checked<Entry>>) {
        for entry in entries {
            self.pool.add(&self.chain, entry, now).ok();
        }
        self.wake(now);
    }

    /// The others may not have what waits here: whoever was out of reach when it came has not heard of it.
    fn relay_again(&mut self) {
        let waiting = self.pool.candidates(&self.chain, RELAYED_AGAIN);
        let entries: Vec<_> = waiting.iter().map(|one| one.signed().clone()).collect();
        let others = self.others();
        if !entries.is_empty() && !others.is_empty() {
            self.outputs.push_back(Output::Relay(entries, others));
        }
    }

    /// A wait is over.
    pub fn timer(&mut self, now: Millis, timer: Timer) {
        match timer {
            Timer::Engine(timeout) => {
                if let Some(deciding) = &mut self.deciding {
                    deciding.held.insert(timeout);
                    self.relay_again();
                }
            }
            Timer::Recall => self.ask_again(),
            Timer::Fetch => self.fetch_elsewhere(),
        }
        self.wake(now);
    }

    /// Who decides the next height.
    fn deciders(&self) -> Option<&MemberSet> {
        self.chain.deciders()
    }

    fn is_member(&self) -> bool {
        self.deciders().is_some_and(|set| set.contains(&self.me))
    }

    /// All other members.
    fn others(&self) -> Vec<PeerId> {
        let members = self.deciders().map(MemberSet::members).unwrap_or_default();
        members
            .iter()
            .copied()
            .filter(|one| *one != self.me)
            .collect()
    }

    /// Follower or member, by the council as it is now.
    fn take_part(&mut self) {
        match (&self.part, self.is_member()) {
            (Part::Broken(_) | Part::Frozen(_), _) => return,
            (_, false) => {
                self.part = Part::Follower;
                self.leave_height();
                return;
            }
            (Part::Follower, true) => {
                self.part = Part::Recalling;
                self.ask_all();
            }
            (Part::Recalling | Part::Muted { .. } | Part::Member, true) => {}
        }
        self.weigh_answers();
    }

    /// Nothing of this height any more.
    fn leave_height(&mut self) {
        if self.deciding.take().is_some() {
            self.outputs.push_back(Output::CancelEngine);
        }
    }

    /// The chain goes on to `executed`.
    fn commit(&mut self, executed: Executed, certificate: Certificate, in_log: bool) {
        if let Err(error) = self.chain.commit(&executed) {
            self.stop(format!("a decided block does not follow: {error}"));
            return;
        }
        self.leave_height();
        self.logged
            .retain(|height, _| *height > self.chain.height());
        self.outputs.push_back(Output::Commit {
            executed,
            certificate,
            in_log,
        });
        for (leaf, why) in self.pool.sweep(&self.chain) {
            self.outputs.push_back(Output::Dropped(leaf, why));
        }
        self.take_part();
    }

    fn stop(&mut self, why: String) {
        self.leave_height();
        self.part = Part::Broken(why.clone());
        self.outputs.push_back(Output::Stopped(why));
    }
}
