//! The chain as one who follows it whole has it: the head, the log's running root and the state; what a block does to
//! them, and which block may come next.
//!
//! Who decided a block is not looked at here: that is its certificate's to show. Neither is the clock: how far a block's
//! time may be from it is the voter's to say.

use std::sync::Arc;

use super::{
    apply::{At, Refused},
    block::{Block, ENTRIES_BYTES_MAX, ENTRIES_MAX, Header, VERSION},
    entry::Entry,
    light::first_parent,
    members::MemberSet,
    merkle::{self, CompactRange, TileWriter},
    snapshot::Snapshot,
    state::State,
};
use crate::{
    ids::{Hash, NetworkId},
    network::Genesis,
    signed::{Checked, Signed},
    units::Millis,
};

#[cfg(test)]
mod tests;

/// Why a block cannot be the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadBlock {
    /// Of another network, or by rules that are not known here.
    #[error("it is of another network or version")]
    Foreign,
    /// Not the next height.
    #[error("its height is {found}, and the next {expected}")]
    Height {
        /// What it says.
        found: u64,
        /// What would be next.
        expected: u64,
    },
    /// On another block than the last.
    #[error("it does not follow the last block")]
    Parent,
    /// Not later than its parent, or than the founding.
    #[error("it is not later than its parent, or than the founding")]
    Time,
    /// Nothing, or too much.
    #[error("it has no entries, or too many")]
    Size,
    /// By or for others than those who vote.
    #[error("it names other members than those who vote")]
    Members,
    /// An entry's signature does not hold.
    #[error("the signature of its entry {index} does not hold")]
    Signature {
        /// From 0.
        index: usize,
    },
    /// An entry counts for nothing.
    #[error("its entry {index} counts for nothing: {why}")]
    Entry {
        /// From 0.
        index: usize,
        /// Why.
        why: Refused,
    },
    /// Entries lead to another log than it says.
    #[error("its entries lead to another log than it says")]
    Log,
    /// Entries lead to another state than it says.
    #[error("its entries lead to another state than it says")]
    State,
}

/// A block with what it leads to.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The block.
    pub block: Arc<Block>,
    /// Its id.
    pub id: Hash,
    /// Its entries' leaves in the log.
    pub leaves: Vec<Hash>,
    state: State,
    range: CompactRange,
}

impl Executed {
    /// The state after it.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What a chain goes on from after it; `log` is as long as the log with it.
    pub fn snapshot(&self, log: TileWriter) -> Snapshot {
        Snapshot {
            header: self.block.header.clone(),
            log,
            values: self.state.pairs(),
        }
    }

    /// Whether `entry` would have counted as its last, and there was room for it.
    pub fn leaves_out(&self, entry: &Checked<Entry>) -> bool {
        let encoded: usize = self.block.entries.iter().map(Signed::size).sum();
        let has_room = self.block.entries.len() < ENTRIES_MAX
            && encoded + entry.signed().size() <= ENTRIES_BYTES_MAX;
        let at = At {
            time: self.block.header.time,
            parent: self.block.header.parent,
            index: self.range.size(),
        };
        has_room
            && self
                .state
                .clone()
                .apply(entry.value(), entry.signer(), at)
                .is_ok()
    }
}

/// A block that was put together, and what was not taken into it.
#[derive(Debug)]
pub struct Built {
    /// The block; none when no entry counts.
    pub block: Option<Executed>,
    /// Candidates that count for nothing, by their position, with why.
    pub refused: Vec<(usize, Refused)>,
}

/// Head, log and state.
#[derive(Clone, Debug)]
pub struct Chain {
    chain: NetworkId,
    founded: Millis,
    head: Option<(Header, Hash)>,
    state: State,
    range: CompactRange,
}

impl Chain {
    /// Before the first block.
    pub fn new(genesis: &Genesis) -> Self {
        Self {
            chain: genesis.id(),
            founded: genesis.founded,
            head: None,
            state: State::new(genesis),
            range: CompactRange::default(),
        }
    }

    /// Goes on after the block of `snapshot`, whose header the caller trusts; none when the rest does not belong to it.
    pub fn resume(genesis: &Genesis, snapshot: &Snapshot) -> Option<Self> {
        let header = snapshot.header.clone();
        let state = State::of(&snapshot.values);
        let council = state.council()?;
        let range = snapshot.log.range()?;
        let fits = header.chain == genesis.id()
            && header.version == VERSION
            && header.state == state.root()
            && header.log == range.root()
            && header.members == council.members.hash()
            && header.next == council.next.hash();
        let id = header.id();
        fits.then(|| Self {
            chain: genesis.id(),
            founded: genesis.founded,
            head: Some((header, id)),
            state,
            range,
        })
    }

    /// The network.
    pub fn id(&self) -> NetworkId {
        self.chain
    }

    /// The last block's header; none before the first.
    pub fn head(&self) -> Option<&Header> {
        self.head.as_ref().map(|(header, _)| header)
    }

    /// The last block's id; the first's parent before it.
    pub fn head_id(&self) -> Hash {
        let known = self.head.as_ref().map(|(_, id)| *id);
        known.unwrap_or_else(|| first_parent(self.chain))
    }

    /// The last block's height; 0 before the first.
    pub fn height(&self) -> u64 {
        self.head().map_or(0, |head| head.height)
    }

    /// The last block's time; when the network was founded before the first.
    pub fn time(&self) -> Millis {
        self.head().map_or(self.founded, |head| head.time)
    }

    /// Entries so far.
    pub fn size(&self) -> u64 {
        self.range.size()
    }

    /// The state after the last block.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Who decides the next block.
    pub fn deciders(&self) -> Option<&MemberSet> {
        self.state.council().map(|council| &council.next)
    }

    /// Whether an entry would count in a block of `time` that holds nothing else.
    ///
    /// # Errors
    /// Why not.
    pub fn would_count(&self, entry: &Checked<Entry>, time: Millis) -> Result<(), Refused> {
        let mut state = self.state.clone();
        // What the first block of a day forgets is left to that block: it goes through all values.
        state.next_height();
        let at = self.at(time, 0);
        state.apply(entry.value(), entry.signer(), at)
    }

    /// Puts the next block together from what counts of `candidates`, in their order, as far as there is room.
    pub fn build<'a>(
        &self,
        time: Millis,
        candidates: impl IntoIterator<Item = &'a Checked<Entry>>,
    ) -> Built {
        let mut next = Next::new(self, time);
        let (mut entries, mut refused, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (position, candidate) in candidates.into_iter().enumerate() {
            let signed = candidate.signed();
            let encoded = signed.to_bytes();
            let is_full = entries.len() >= ENTRIES_MAX || bytes + encoded.len() > ENTRIES_BYTES_MAX;
            if is_full {
                break;
            }
            let at = self.at(time, entries.len());
            match next.state.apply(candidate.value(), candidate.signer(), at) {
                Ok(()) => {
                    bytes += encoded.len();
                    next.push(merkle::leaf(&encoded));
                    entries.push(signed.clone());
                }
                Err(why) => refused.push((position, why)),
            }
        }
        let block = (!entries.is_empty())
            .then(|| next.header(self, time))
            .flatten()
            .map(|header| next.finish(Arc::new(Block { header, entries })));
        Built { block, refused }
    }

    /// What `block` leads to, when it may be the next. Signatures of entries whose leaf `is_known` says were checked
    /// before are not checked again.
    ///
    /// # Errors
    /// [`BadBlock`].
    pub fn check(
        &self,
        block: Arc<Block>,
        is_known: impl Fn(&Hash) -> bool,
    ) -> Result<Executed, BadBlock> {
        let header = &block.header;
        if header.chain != self.chain || header.version != VERSION {
            return Err(BadBlock::Foreign);
        }
        let (found, expected) = (header.height, self.height() + 1);
        if found != expected {
            return Err(BadBlock::Height { found, expected });
        }
        if header.parent != self.head_id() {
            return Err(BadBlock::Parent);
        }
        if header.time <= self.time() {
            return Err(BadBlock::Time);
        }
        let mut next = Next::new(self, header.time);
        let (mut bytes, count) = (0, block.entries.len());
        if !(1..=ENTRIES_MAX).contains(&count) {
            return Err(BadBlock::Size);
        }
        for (index, entry) in block.entries.iter().enumerate() {
            let encoded = entry.to_bytes();
            bytes += encoded.len();
            if bytes > ENTRIES_BYTES_MAX {
                return Err(BadBlock::Size);
            }
            let leaf = merkle::leaf(&encoded);
            if !is_known(&leaf) && entry.open().is_err() {
                return Err(BadBlock::Signature { index });
            }
            let (value, signer) = entry.parts();
            let applied = next.state.apply(value, signer, self.at(header.time, index));
            applied.map_err(|why| BadBlock::Entry { index, why })?;
            next.push(leaf);
        }
        let expected = next.header(self, header.time).ok_or(BadBlock::Members)?;
        if header.members != expected.members || header.next != expected.next {
            return Err(BadBlock::Members);
        }
        if header.log != expected.log {
            return Err(BadBlock::Log);
        }
        if header.state != expected.state {
            return Err(BadBlock::State);
        }
        Ok(next.finish(block))
    }

    /// Goes on to a block that was decided.
    ///
    /// # Errors
    /// [`BadBlock::Parent`] when it was executed on another head; nothing has changed then.
    pub fn commit(&mut self, block: &Executed) -> Result<(), BadBlock> {
        let header = &block.block.header;
        if header.parent != self.head_id() || header.height != self.height() + 1 {
            return Err(BadBlock::Parent);
        }
        self.head = Some((header.clone(), block.id));
        self.state = block.state.clone();
        self.range = block.range.clone();
        Ok(())
    }

    fn at(&self, time: Millis, index: usize) -> At {
        At {
            time,
            parent: self.head_id(),
            index: self.range.size() + index as u64,
        }
    }
}

/// A block under way.
struct Next {
    state: State,
    range: CompactRange,
    leaves: Vec<Hash>,
}

impl Next {
    fn new(on: &Chain, time: Millis) -> Self {
        let mut state = on.state.clone();
        state.next_height();
        state.pass(on.time(), time);
        Self {
            state,
            range: on.range.clone(),
            leaves: Vec::new(),
        }
    }

    fn push(&mut self, leaf: Hash) {
        self.range.push(leaf);
        self.leaves.push(leaf);
    }

    /// What the block's header must be; none in a state without a council, which there is not.
    fn header(&self, on: &Chain, time: Millis) -> Option<Header> {
        let council = self.state.council()?;
        Some(Header {
            chain: on.chain,
            height: on.height() + 1,
            time,
            parent: on.head_id(),
            log: self.range.root(),
            state: self.state.root(),
            members: council.members.hash(),
            next: council.next.hash(),
            version: VERSION,
        })
    }

    fn finish(self, block: Arc<Block>) -> Executed {
        Executed {
            id: block.header.id(),
            block,
            leaves: self.leaves,
            state: self.state,
            range: self.range,
        }
    }
}
