//! What members say: signatures first, then whether it is of this height, then whether a proposed block may be voted
//! for. What is early by one height waits; what is later shows that there are blocks to fetch.

use std::collections::{BTreeMap, BTreeSet};

use edgecoder_protocol::{
    Hash, Millis, PeerId, Signed,
    ledger::{
        block::Vote,
        chain::Chain,
        consensus::{Proposal, Said, SharedBlock, Shows},
    },
    signed::Checked,
};

use super::{Machine, Output, Part};
use crate::engine::{self, ConsensusEngine, proposer};

/// How far a block's time may be from a voter's clock, in milliseconds (DESIGN 8).
const CLOCK_MS: u64 = 1_000;
/// Rounds ahead of the engine's whose proposals it takes in (its own bound).
const ROUNDS_AHEAD: u32 = 10;
/// Rounds whose blocks are kept executed.
const ROUNDS_KEPT: usize = 32;
/// Words of one member that wait for this node to reach their height; two of them may be proposals, which carry blocks.
const EARLY_MAX: usize = 64;

/// What was said of the next height before this node began it, and of the one after.
#[derive(Debug, Default)]
pub(super) struct Early {
    /// By who sent it.
    said: BTreeMap<PeerId, Vec<(u64, Said)>>,
    /// Who voted at the next height.
    voters: BTreeSet<PeerId>,
    /// A valid proposal of it is there.
    has_proposal: bool,
}

impl Early {
    fn keep(&mut self, from: PeerId, height: u64, said: Said) {
        let kept = self.said.entry(from).or_default();
        let is_proposal = |said: &Said| matches!(said, Said::Proposal { .. });
        let mut proposals = (0..kept.len()).filter(|at| is_proposal(&kept[*at].1));
        let first_of_two = proposals.next().filter(|_| proposals.next().is_some());
        if let Some(first) = first_of_two.filter(|_| is_proposal(&said)) {
            kept.remove(first);
        }
        // The oldest go first: later words say more.
        if kept.len() >= EARLY_MAX {
            kept.remove(0);
        }
        kept.push((height, said));
    }

    /// Whether an honest member has begun the next height.
    pub fn justify(&self, chain: &Chain) -> bool {
        let needed = chain.deciders().map_or(usize::MAX, |set| set.some_honest());
        self.has_proposal || self.voters.len() >= needed
    }

    fn take(&mut self, height: u64) -> Vec<(PeerId, Said)> {
        self.voters.clear();
        self.has_proposal = false;
        let mut now = Vec::new();
        self.said.retain(|from, kept| {
            kept.retain(|(at, _)| *at >= height);
            let (due, later) = std::mem::take(kept)
                .into_iter()
                .partition(|(at, _)| *at == height);
            *kept = later;
            now.extend(due.into_iter().map(|(_, said): (u64, Said)| (*from, said)));
            !kept.is_empty()
        });
        now
    }
}

/// What was said, once its signatures hold.
enum Heard {
    Proposal(Checked<Proposal>, SharedBlock),
    Vote(Checked<Vote>),
    Votes(Shows, Vec<Checked<Vote>>),
}

impl Heard {
    fn new(said: Said) -> Option<Self> {
        Some(match said {
            Said::Proposal { proposal, block } => Self::Proposal(proposal.checked().ok()?, block),
            Said::Vote(vote) => Self::Vote(vote.checked().ok()?),
            Said::Votes { shows, votes } => {
                let checked = votes.into_iter().map(Signed::checked);
                Self::Votes(shows, checked.collect::<Result<_, _>>().ok()?)
            }
        })
    }

    /// Its height; none when it is of another network or of several heights.
    fn height(&self, chain: &Chain) -> Option<u64> {
        let of =
            |vote: &Checked<Vote>| (vote.value().chain == chain.id()).then(|| vote.value().height);
        match self {
            Self::Proposal(proposal, _) => {
                let said = proposal.value();
                (said.chain == chain.id()).then_some(said.height)
            }
            Self::Vote(vote) => of(vote),
            Self::Votes(_, votes) => {
                let height = of(votes.first()?)?;
                let is_same = votes.iter().all(|vote| of(vote) == Some(height));
                is_same.then_some(height)
            }
        }
    }

    /// Who speaks for some block.
    fn speakers(&self) -> Vec<PeerId> {
        let votes = heard_votes(self).into_iter();
        let speak = votes.filter(|vote| vote.value().block.is_some());
        let mut speakers: Vec<PeerId> = speak.map(Checked::signer).collect();
        if let Self::Proposal(proposal, _) = self {
            speakers.push(proposal.signer());
        }
        speakers
    }

    fn signers(&self) -> Vec<PeerId> {
        match self {
            Self::Proposal(proposal, _) => vec![proposal.signer()],
            Self::Vote(vote) => vec![vote.signer()],
            Self::Votes(_, votes) => votes.iter().map(Checked::signer).collect(),
        }
    }
}

impl<E: ConsensusEngine> Machine<E> {
    /// A member says something.
    pub fn hear(&mut self, now: Millis, from: PeerId, said: Said) {
        self.take(now, from, said);
        self.wake(now);
    }

    fn take(&mut self, now: Millis, from: PeerId, said: Said) {
        let next = self.chain.height() + 1;
        let is_from_member = self.deciders().is_some_and(|set| set.contains(&from));
        if !is_from_member {
            return;
        }
        // Before its signatures are looked at: old words cost nothing.
        if said.claimed_height().is_none_or(|height| height < next) {
            return;
        }
        let copy = said.clone();
        let Some(heard) = Heard::new(said) else {
            return self.offence(from, "a signature does not hold");
        };
        let Some(height) = heard.height(&self.chain) else {
            return self.offence(from, "it is of another network");
        };
        let members = self
            .deciders()
            .map(|set| set.members().to_vec())
            .unwrap_or_default();
        self.recall.note(&heard_votes(&heard), &members);
        if height > next {
            self.catching.is_ahead(from, height - 1);
            self.fetch();
            if height == next + 1 {
                self.early.keep(from, height, copy);
            }
            return;
        }
        if !heard.signers().iter().all(|one| members.contains(one)) {
            return self.offence(from, "it is not by members");
        }
        match (&self.part, &self.deciding) {
            (Part::Member, Some(_)) => self.consider(now, from, heard),
            (Part::Member, None) => {
                match &heard {
                    Heard::Proposal(proposal, block) => {
                        let (block, said) = (block.0.clone(), proposal.value());
                        let turn = self
                            .deciders()
                            .map(|set| proposer(set, said.height, said.round));
                        self.early.has_proposal |= turn == Some(proposal.signer())
                            && block.header.id() == said.block
                            && self
                                .chain
                                .check(block, |leaf| self.pool.knows(leaf))
                                .is_ok();
                    }
                    Heard::Vote(_) | Heard::Votes(..) => self.early.voters.extend(heard.signers()),
                }
                self.early.keep(from, height, copy);
            }
            // What is decided without this node is fetched.
            (
                Part::Follower
                | Part::Recalling
                | Part::Muted { .. }
                | Part::Broken(_)
                | Part::Frozen(_),
                _,
            ) => {
                self.early.keep(from, height, copy);
            }
        }
    }

    /// Hears what came before this height was begun.
    pub(super) fn hear_early(&mut self, now: Millis) {
        let height = self.chain.height() + 1;
        for (from, said) in self.early.take(height) {
            if self.deciding.is_none() || self.chain.height() + 1 != height {
                return;
            }
            self.take(now, from, said);
        }
    }

    /// Hands what is of this height to the engine, a proposal only when its block may be voted for.
    fn consider(&mut self, now: Millis, from: PeerId, heard: Heard) {
        if let Some(deciding) = &mut self.deciding {
            deciding.speakers.extend(heard.speakers());
        }
        let input = match heard {
            Heard::Vote(vote) => engine::Input::Vote(vote),
            Heard::Votes(shows, votes) => engine::Input::Votes { shows, votes },
            Heard::Proposal(proposal, block) => {
                if let Err(why) = self.weigh(now, &proposal, &block) {
                    tracing::debug!(peer = %from, why, "proposal not followed");
                    return;
                }
                engine::Input::Proposal {
                    proposal,
                    block: block.0,
                }
            }
        };
        self.drive(now, input);
    }

    /// Whether a proposal may be voted for.
    fn weigh(
        &mut self,
        now: Millis,
        proposal: &Checked<Proposal>,
        block: &SharedBlock,
    ) -> Result<(), &'static str> {
        let (said, header) = (proposal.value(), &block.0.header);
        let turn = self
            .deciders()
            .map(|set| proposer(set, said.height, said.round));
        if turn != Some(proposal.signer()) {
            return Err("it is not its signer's turn");
        }
        if header.id() != said.block {
            return Err("its block is another");
        }
        self.make_room(said.round, said.block)?;
        // One for which a quorum voted before was in time then.
        let is_fresh = said.valid_round.is_none();
        if is_fresh && header.time.0.abs_diff(now.0) > CLOCK_MS {
            return Err("its time is too far from the clock");
        }
        let id = self.examine(block.0.clone()).map_err(|error| {
            tracing::info!(%error, "a proposed block is not valid");
            "its block is not valid"
        })?;
        let executed = self
            .deciding
            .as_ref()
            .and_then(|height| height.blocks.get(&id));
        match executed {
            Some(executed) if is_fresh && self.pool.is_overlooked_by(executed) => {
                Err("it leaves out what has waited for long")
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether one more block may be looked at: of each round two, of rounds not far ahead. Those of long ago make room:
    /// when one is decided after all, it comes with its certificate.
    fn make_room(&mut self, round: u32, block: Hash) -> Result<(), &'static str> {
        let Some(deciding) = &mut self.deciding else {
            return Err("no height is under way");
        };
        if round > deciding.round.saturating_add(ROUNDS_AHEAD) {
            return Err("its round is far ahead");
        }
        let proposed = deciding.proposed.entry(round).or_default();
        proposed.insert(block);
        if proposed.len() > 2 {
            proposed.remove(&block);
            return Err("two other blocks are proposed for its round");
        }
        while deciding.proposed.len() > ROUNDS_KEPT {
            let Some((_, old)) = deciding.proposed.pop_first() else {
                break;
            };
            let kept: BTreeSet<Hash> = deciding.proposed.values().flatten().copied().collect();
            for id in old.difference(&kept) {
                deciding.blocks.remove(id);
            }
        }
        Ok(())
    }

    pub(super) fn offence(&mut self, peer: PeerId, what: &'static str) {
        self.outputs.push_back(Output::Offence(peer, what));
    }
}

fn heard_votes(heard: &Heard) -> Vec<&Checked<Vote>> {
    match heard {
        Heard::Proposal(..) => Vec::new(),
        Heard::Vote(vote) => vec![vote],
        Heard::Votes(_, votes) => votes.iter().collect(),
    }
}
