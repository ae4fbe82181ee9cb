//! A height under way: when it is begun, what is proposed, and what the engine's outputs come to.

use std::sync::Arc;

use edgecoder_protocol::{
    Hash, Millis, PeerId,
    ledger::{
        apply::Refused,
        block::{Block, ENTRIES_MAX},
        consensus::{Said, SharedBlock},
    },
};

use super::{BadBlock, Deciding, Executed, Logged, Machine, Output, Part, Timer, What};
use crate::engine::{self, ConsensusEngine, Record};

impl<E: ConsensusEngine> Machine<E> {
    /// To be called after everything that happens: begins the next height while there is something to decide, proposes
    /// if a block was wanted, and tells the engine of the timeouts that were held.
    pub(super) fn wake(&mut self, now: Millis) {
        while self.part == Part::Member && self.deciding.is_none() {
            let next = self.chain.height() + 1;
            let has_log = self.logged.contains_key(&next);
            if !has_log && next < self.recall.floor {
                // It has voted there, and does not know how.
                return;
            }
            if !has_log && !self.early.justify(&self.chain) && !self.has_candidate(now) {
                return;
            }
            self.begin_height(now);
        }
        self.resume(now);
    }

    /// Goes on with the height under way, if there is something to decide.
    fn resume(&mut self, now: Millis) {
        let Some(deciding) = &self.deciding else {
            return;
        };
        let is_waiting = deciding.wanted.is_some() || !deciding.held.is_empty();
        let needed = self.deciders().map_or(1, |set| set.some_honest());
        let is_live = !deciding.blocks.is_empty() || deciding.speakers.len() >= needed;
        if !is_waiting || (!is_live && !self.has_candidate(now)) {
            return;
        }
        if let Some(round) = self
            .deciding
            .as_mut()
            .and_then(|height| height.wanted.take())
        {
            self.propose(now, round);
        }
        while let Some(timeout) = self
            .deciding
            .as_mut()
            .and_then(|height| height.held.pop_first())
        {
            self.drive(now, engine::Input::TimedOut(timeout));
        }
        // It may have been the last word that was missing.
        if self.deciding.is_none() && self.part == Part::Member {
            self.wake(now);
        }
    }

    /// Whether an entry that waits would count; those that would not are dropped.
    fn has_candidate(&mut self, now: Millis) -> bool {
        let time = Millis(now.0.max(self.chain.time().0 + 1));
        loop {
            let first = self
                .pool
                .candidates(&self.chain, 1)
                .first()
                .copied()
                .cloned();
            let Some(entry) = first else {
                return false;
            };
            match self.chain.would_count(&entry, time) {
                Ok(()) => return true,
                Err(why) => self.drop_entry(&entry.signer(), entry.value().nonce, why),
            }
        }
    }

    fn drop_entry(&mut self, account: &PeerId, nonce: u64, why: Refused) {
        if let Some(leaf) = self.pool.remove(account, nonce) {
            self.outputs.push_back(Output::Dropped(leaf, why));
        }
    }

    pub(super) fn begin_height(&mut self, now: Millis) {
        let height = self.chain.height() + 1;
        let Some(members) = self.deciders().cloned() else {
            return;
        };
        let logged = self.logged.remove(&height).unwrap_or_default();
        let mut deciding = Deciding::default();
        let mut records = Vec::new();
        for one in &logged {
            match &one.what {
                What::Engine(record) => records.push(record.clone()),
                What::Block(block) => match self.chain.check(block.0.clone(), |_| false) {
                    Ok(executed) => {
                        deciding.recorded.insert(executed.id);
                        deciding.blocks.insert(executed.id, executed);
                    }
                    Err(error) => {
                        self.stop(format!("a block in the vote log is not valid: {error}"));
                        return;
                    }
                },
            }
        }
        deciding.records = logged;
        let find = |id: &Hash| deciding.blocks.get(id).map(|one| one.block.clone());
        match self.engine.start(height, &members, &records, &find) {
            Ok(outputs) => {
                self.deciding = Some(deciding);
                self.perform(now, outputs);
                self.hear_early(now);
            }
            Err(error) => self.stop(error.to_string()),
        }
    }

    /// Gives the engine an input of the height under way.
    pub(super) fn drive(&mut self, now: Millis, input: engine::Input) {
        match self.engine.handle(input) {
            Ok(outputs) => self.perform(now, outputs),
            Err(error) => self.stop(error.to_string()),
        }
    }

    fn perform(&mut self, now: Millis, outputs: Vec<engine::Output>) {
        let mut build = None;
        let mut decided = None;
        for output in outputs {
            match output {
                engine::Output::Record(record) => self.record(record),
                engine::Output::Say(said) => self.say(said),
                engine::Output::Build { round } => build = Some(round),
                engine::Output::After(timeout, span) => {
                    if let Some(deciding) = &mut self.deciding {
                        deciding.round = deciding.round.max(timeout.round);
                    }
                    let after = Output::After(Timer::Engine(timeout), span);
                    self.outputs.push_back(after);
                }
                engine::Output::Cancel(timeout) => {
                    let cancel = Output::Cancel(Timer::Engine(timeout));
                    self.outputs.push_back(cancel);
                }
                engine::Output::CancelAll => self.outputs.push_back(Output::CancelEngine),
                engine::Output::Decided { block, certificate } => {
                    decided = Some((block, certificate));
                }
                engine::Output::Guilty(peer, proof) => {
                    self.outputs.push_back(Output::Guilty(peer, proof));
                }
            }
        }
        if let Some((block, certificate)) = decided {
            let id = block.header.id();
            let executed = self
                .deciding
                .as_mut()
                .and_then(|height| height.blocks.remove(&id));
            // One that was proposed long ago may have made room for others.
            let executed = match executed {
                Some(executed) => Ok(executed),
                None => self.chain.check(block, |leaf| self.pool.knows(leaf)),
            };
            match executed {
                Ok(executed) => self.commit(executed, certificate, true),
                Err(error) => self.stop(format!("block {id} was decided, and cannot be: {error}")),
            }
        } else if let Some(round) = build {
            self.propose(now, round);
        }
    }

    fn say(&mut self, said: Said) {
        let others = self.others();
        if !others.is_empty() {
            self.outputs.push_back(Output::Say(said, others));
        }
    }

    /// Records what the engine asked for, and before it the block that it names.
    fn record(&mut self, record: Record) {
        let height = self.chain.height() + 1;
        let Some(deciding) = &mut self.deciding else {
            return;
        };
        let named = match &record {
            // Its signature held when it came in.
            Record::Proposal(proposal) => proposal.open().ok().map(|(said, _)| said.block),
            Record::Value { block, .. } => Some(*block),
            Record::Vote(_) | Record::Polka(_) | Record::TimedOut(_) => None,
        };
        let block = named
            .filter(|id| deciding.recorded.insert(*id))
            .and_then(|id| deciding.blocks.get(&id))
            .map(|executed| What::Block(SharedBlock(executed.block.clone())));
        for what in block.into_iter().chain([What::Engine(record)]) {
            let logged = Logged { height, what };
            deciding.records.push(logged.clone());
            self.outputs.push_back(Output::Record(logged));
        }
    }

    /// Proposes what counts of what waits; when nothing does, as soon as something comes.
    fn propose(&mut self, now: Millis, round: u32) {
        let time = Millis(now.0.max(self.chain.time().0 + 1));
        let candidates = self.pool.candidates(&self.chain, ENTRIES_MAX);
        let built = self.chain.build(time, candidates.iter().copied());
        let refused = built.refused.into_iter().map(|(position, why)| {
            let entry = candidates[position];
            (entry.signer(), entry.value().nonce, why)
        });
        let refused: Vec<_> = refused.collect();
        for (account, nonce, why) in refused {
            let is_early = matches!(why, Refused::Nonce { found, expected } if found > expected);
            // The one before it was refused, and whoever signed both may still send another.
            if !is_early {
                self.drop_entry(&account, nonce, why);
            }
        }
        let Some(deciding) = &mut self.deciding else {
            return;
        };
        match built.block {
            None => deciding.wanted = Some(round),
            Some(executed) => {
                let block = executed.block.clone();
                deciding.blocks.insert(executed.id, executed);
                self.drive(now, engine::Input::Propose { round, block });
            }
        }
    }

    /// A block that may be the next one: checked once, however often it is proposed.
    pub(super) fn examine(&mut self, block: Arc<Block>) -> Result<Hash, BadBlock> {
        let id = block.header.id();
        let is_known = self
            .deciding
            .as_ref()
            .is_some_and(|height| height.blocks.contains_key(&id));
        if is_known {
            return Ok(id);
        }
        let executed: Executed = self.chain.check(block, |leaf| self.pool.knows(leaf))?;
        if let Some(deciding) = &mut self.deciding {
            deciding.blocks.insert(id, executed);
        }
        Ok(id)
    }
}
