//! Blocks that others decided: who has them, fetching them from one at a time, and going on to each whose certificate
//! and contents hold.

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::{
    Millis, PeerId,
    ledger::{
        chain::{BadBlock, Chain},
        consensus::Decided,
        light::Fork,
    },
};

use super::{Machine, Output, Part, Timer};
use crate::engine::ConsensusEngine;

/// Whoever has not sent blocks by then is given up for another. No shorter than a question may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Peers that are known to be ahead.
const AHEAD_MAX: usize = 64;

/// Who is ahead, and who was asked.
#[derive(Debug, Default)]
pub(super) struct Catching {
    ahead: BTreeMap<PeerId, u64>,
    asked: Option<PeerId>,
    /// Who has not got the blocks after this node's head any more, with the height whose state it has instead.
    pruned: BTreeMap<PeerId, u64>,
}

impl Catching {
    /// `peer` says that it has blocks up to `height`.
    pub fn is_ahead(&mut self, peer: PeerId, height: u64) {
        if self.ahead.len() < AHEAD_MAX || self.ahead.contains_key(&peer) {
            self.ahead.insert(peer, height);
        }
    }
}

impl<E: ConsensusEngine> Machine<E> {
    /// A peer says how far it is.
    pub fn is_at(&mut self, peer: PeerId, height: u64) {
        if height > self.chain.height() {
            self.catching.is_ahead(peer, height);
            self.fetch();
        }
    }

    /// Asks whoever is furthest ahead, one at a time.
    pub(super) fn fetch(&mut self) {
        let height = self.chain.height();
        self.catching.ahead.retain(|_, has| *has > height);
        self.catching.pruned.retain(|_, epoch| *epoch > height);
        if self.catching.asked.is_some() {
            return;
        }
        let pruned = &self.catching.pruned;
        let has_blocks = |peer: &PeerId| !pruned.contains_key(peer);
        let with_blocks = self
            .catching
            .ahead
            .iter()
            .filter(|(peer, _)| has_blocks(peer));
        let furthest = with_blocks.max_by_key(|(_, has)| **has);
        if let Some(peer) = furthest.map(|(peer, _)| *peer) {
            self.catching.asked = Some(peer);
            self.outputs.push_back(Output::Fetch(peer, height));
            self.outputs
                .push_back(Output::After(Timer::Fetch, PATIENCE));
            return;
        }
        // The blocks are gone by the word of one honest member at least, and nobody else is known to have them.
        let members = self.deciders();
        let is_member = |peer: &PeerId| members.is_some_and(|set| set.contains(peer));
        let sayers = self
            .catching
            .pruned
            .keys()
            .filter(|peer| is_member(peer))
            .count();
        let enough = members.map_or(usize::MAX, |set| {
            let others = set.members().iter().filter(|one| **one != self.me);
            set.some_honest().min(others.count())
        });
        let latest = self.catching.pruned.iter().max_by_key(|(_, epoch)| **epoch);
        if let Some((peer, epoch)) = latest.filter(|_| sayers >= enough.max(1)) {
            let (peer, epoch) = (*peer, *epoch);
            self.catching.asked = Some(peer);
            self.outputs.push_back(Output::Join(peer, epoch));
        }
    }

    /// The peer that was asked has not got the blocks, but the state of a later height. Others are asked for blocks first.
    pub fn is_pruned(&mut self, peer: PeerId, epoch: u64) {
        if self.catching.asked == Some(peer) && !matches!(self.part, Part::Frozen(_)) {
            self.catching.pruned.insert(peer, epoch);
        }
        self.fetch_elsewhere();
    }

    /// The state of a later height did not come from `peer`, or cannot be believed.
    pub fn not_joined(&mut self, peer: PeerId) {
        self.catching.pruned.remove(&peer);
        self.fetch_elsewhere();
    }

    /// Goes on from the state of a later height, which was proved; none when there is nothing to go on from after all.
    pub fn adopt(&mut self, now: Millis, chain: Option<Chain>) {
        if let Some(chain) = chain.filter(|_| !matches!(self.part, Part::Frozen(_))) {
            self.leave_height();
            self.chain = chain;
            self.logged
                .retain(|height, _| *height > self.chain.height());
            for (leaf, why) in self.pool.sweep(&self.chain) {
                self.outputs.push_back(Output::Dropped(leaf, why));
            }
            self.take_part();
        }
        self.catching.asked = None;
        self.fetch();
        self.wake(now);
    }

    /// Whoever was asked has not answered, or not well.
    pub fn fetch_elsewhere(&mut self) {
        if let Some(peer) = self.catching.asked.take() {
            self.catching.ahead.remove(&peer);
        }
        self.outputs.push_back(Output::Cancel(Timer::Fetch));
        self.fetch();
    }

    /// Blocks have come, in order from the one after this node's head; none when the peer could not be asked.
    pub fn fetched(&mut self, now: Millis, from: PeerId, blocks: Vec<Decided>) {
        let before = self.chain.height();
        if matches!(self.part, Part::Frozen(_)) {
            return;
        }
        for one in blocks {
            let height = one.block.0.header.height;
            if height <= self.chain.height() {
                continue;
            }
            if let Err(why) = self.follow(one) {
                self.offence(from, why);
                break;
            }
        }
        if self.catching.asked == Some(from) {
            if self.chain.height() == before {
                self.fetch_elsewhere();
            } else {
                self.catching.asked = None;
                self.outputs.push_back(Output::Cancel(Timer::Fetch));
                self.fetch();
            }
        }
        self.wake(now);
    }

    fn follow(&mut self, decided: Decided) -> Result<(), &'static str> {
        let checkpoint = decided.checkpoint();
        let members = self.deciders().ok_or("there is no council")?;
        if !checkpoint.is_decided_by(members) {
            return Err("a block's certificate does not hold");
        }
        let executed = self
            .chain
            .check(decided.block.0, |leaf| self.pool.knows(leaf));
        if executed
            .as_ref()
            .is_err_and(|error| *error == BadBlock::Parent)
        {
            // A quorum of those who vote here has decided on another past.
            tracing::error!(
                "two decisions of one height are known: nothing more is decided or followed here"
            );
            self.leave_height();
            self.part = Part::Frozen(Fork::Frozen);
            return Err("a decided block follows another past than this node's");
        }
        let executed = executed.map_err(|error| {
            tracing::error!(%error, "a quorum has decided a block that is not valid");
            "a decided block is not valid"
        })?;
        let known = self
            .anchored
            .filter(|(height, _)| *height == executed.block.header.height);
        if known.is_some_and(|(_, id)| id != executed.id) {
            let height = executed.block.header.height;
            self.stop(format!(
                "block {height} of the ledger that was followed here is not the one that the invite names: ask an operator which is right; move the council's folder aside to begin again"
            ));
            return Err("a block is not the one that the invite names");
        }
        self.commit(executed, checkpoint.certificate, false);
        Ok(())
    }
}
