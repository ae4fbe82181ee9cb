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
        if self.catching.asked.is_some() {
            return;
        }
        let furthest = self.catching.ahead.iter().max_by_key(|(_, has)| **has);
        if let Some(peer) = furthest.map(|(peer, _)| *peer) {
            self.catching.asked = Some(peer);
            self.outputs.push_back(Output::Fetch(peer, height));
            self.outputs
                .push_back(Output::After(Timer::Fetch, PATIENCE));
        }
    }

    /// The peer that was asked has not got the blocks, but the state of a later height; whether to ask it for that.
    pub fn is_pruned(&mut self, peer: PeerId, epoch: u64) -> bool {
        if self.catching.asked != Some(peer) {
            return false;
        }
        let is_of_use = epoch > self.chain.height() && !matches!(self.part, Part::Frozen(_));
        match is_of_use {
            // That takes as long as it takes; whoever does not answer is given up by the asking.
            true => self.outputs.push_back(Output::Cancel(Timer::Fetch)),
            false => self.fetch_elsewhere(),
        }
        is_of_use
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
            return Err("a block is not the one that the invite names");
        }
        self.commit(executed, checkpoint.certificate, false);
        Ok(())
    }
}
