//! Everything of a stored ledger checked again, and what is read from it to show others a part.

use std::path::Path;

use edgecoder_node_store::{Faults, Journal, LedgerLog};
use edgecoder_protocol::{
    Hash, Signed, canonical,
    ledger::{
        block::{Checkpoint, Header},
        chain::Chain,
        entry::Entry,
        light::{Anchor, LightClient, first_parent},
        members::MemberSet,
        merkle::{self, Inclusion, TILE, TileWriter, Tiles},
        shown::{ProofFile, Way},
        state::Key,
    },
    network::Genesis,
    wire::Leg,
};

use crate::{
    store::{LEDGER, StartError, Stored, VOTES, epoch, members_note, read, read_log, turns},
    tip::{self, Tip},
};

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Blocks that hold.
    pub blocks: u64,
    /// Entries of them.
    pub entries: u64,
    /// The state's root after the last that holds.
    pub state: Hash,
    /// What is wrong, and where.
    pub problem: Option<String>,
}

/// Checks everything in a copy of a council's folder: ledger, vote log, and the note of how far the ledger was. A copy,
/// since opening mends what it can; remove it afterwards, with what was set aside beside its ledger.
///
/// Of the vote log's last write alone, damage is not told from a write that a crash has cut short, which is none.
///
/// # Errors
/// [`StartError`] when the copy cannot be used.
pub fn verify_files(copy: &Path, genesis: &Genesis) -> Result<Verified, StartError> {
    let noted = tip::read(copy);
    let opened = LedgerLog::open(&copy.join(LEDGER), &Faults::default())?;
    let (_, replay) = Journal::open(&copy.join(VOTES), &Faults::default())?;
    let mut verified = verify(&opened.log, genesis, noted.height());
    if opened.set_aside.is_some() {
        verified.problem = Some("the database cannot be read".into());
    }
    if verified.problem.is_none() && !read_log(&replay).1 {
        verified.problem = Some("the vote log cannot be read".into());
    }
    if verified.problem.is_none() && noted == Tip::Damaged {
        verified.problem = Some("the note of how far the ledger was is not as written".into());
    }
    Ok(verified)
}

/// Checks certificates, signatures, chain, log, state and proof tree, from the founding on to `tip` at least, the height
/// that the ledger is known to have had; where entries were pruned, from the end of the last pruned epoch, and of what
/// came before that each checkpoint follows the other. Blocks for as long as that takes: a signature is some 60 µs.
pub fn verify(ledger: &LedgerLog, genesis: &Genesis, tip: u64) -> Verified {
    let begun = begin(ledger, genesis);
    let (mut chain, mut tiles, mut problem) = match begun {
        Ok((chain, tiles)) => (chain, tiles, None),
        Err(why) => (Chain::new(genesis), TileWriter::default(), Some(why)),
    };
    let end = ledger.tip();
    while problem.is_none() && chain.height() < end {
        let height = chain.height() + 1;
        if let Err(why) = verify_next(ledger, &mut chain, &mut tiles, height) {
            problem = Some(format!("height {height}: {why}"));
        }
    }
    if problem.is_none() && chain.height() < tip {
        let height = chain.height();
        problem = Some(format!("it ends with block {height}, and had {tip}"));
    }
    if problem.is_none()
        && TileWriter::resume(&Stored(ledger), chain.size()).as_ref() != Some(&tiles)
    {
        problem = Some("the proof tree does not belong to the entries".into());
    }
    Verified {
        blocks: chain.height(),
        entries: chain.size(),
        state: chain.state().root(),
        problem,
    }
}

/// What the check goes on from.
fn begin(ledger: &LedgerLog, genesis: &Genesis) -> Result<(Chain, TileWriter), String> {
    let chain = epoch::begin_earliest(ledger, genesis);
    let chain = chain.ok_or("the state at the end of the last pruned epoch is damaged")?;
    let mut last = Some(first_parent(genesis.id()));
    for height in 1..=chain.height() {
        let Some(Checkpoint { header, .. }) = kept(ledger, height)? else {
            last = None;
            continue;
        };
        let follows = last.is_none_or(|last| last == header.parent);
        if !follows || header.height != height {
            return Err(format!(
                "height {height}: its checkpoint does not follow the one before"
            ));
        }
        last = Some(header.id());
    }
    if last != Some(chain.head_id()) {
        return Err("the checkpoints do not lead to the state".into());
    }
    let tiles = TileWriter::resume(&Stored(ledger), chain.size());
    let tiles = tiles.ok_or("the proof tree is incomplete")?;
    is_decided_since_the_founding(ledger, genesis, &chain)?;
    Ok((chain, tiles))
}

/// Whether the members' signatures lead from the founding to the head of `chain`.
fn is_decided_since_the_founding(
    ledger: &LedgerLog,
    genesis: &Genesis,
    chain: &Chain,
) -> Result<(), String> {
    let mut client = LightClient::new(Anchor {
        // These are the node's own files: who has left since has not written them.
        at: chain.time(),
        ..Anchor::of_genesis(genesis)
    });
    for (checkpoint, next) in way(ledger, 0, chain.height(), usize::MAX)? {
        let followed = client.follow(&checkpoint, next.as_ref(), chain.time());
        let height = checkpoint.header.height;
        followed.map_err(|error| format!("height {height}: {error}"))?;
    }
    match client.anchor().head.as_ref() == chain.head() {
        true => Ok(()),
        false => Err("the checkpoints do not lead to the state".into()),
    }
}

fn verify_next(
    ledger: &LedgerLog,
    chain: &mut Chain,
    tiles: &mut TileWriter,
    height: u64,
) -> Result<(), String> {
    let decided = read(ledger, height)?.ok_or("the block is missing")?;
    let members = chain.deciders().ok_or("there is no council")?;
    if !decided.checkpoint().is_decided_by(members) {
        return Err("no quorum of the members signed it".into());
    }
    let executed = chain.check(decided.block.0, |_| false);
    let executed = executed.map_err(|error| error.to_string())?;
    chain.commit(&executed).map_err(|error| error.to_string())?;
    for leaf in &executed.leaves {
        tiles.push(*leaf);
    }
    let stored = Stored(ledger);
    let full = tiles
        .changed()
        .into_iter()
        .filter(|tile| tile.hashes.len() == TILE);
    for tile in full {
        if stored.tile(tile.level, tile.index).as_ref() != Some(&tile.hashes) {
            return Err("the proof tree does not belong to its entries".into());
        }
    }
    Ok(())
}

/// The checkpoint of a height, if it is kept here.
fn kept(ledger: &LedgerLog, height: u64) -> Result<Option<Checkpoint>, String> {
    let head = ledger.head(height).map_err(|error| error.to_string())?;
    let read = head.map(|head| canonical::decode(&head).map_err(|error| error.to_string()));
    read.transpose()
}

/// The checkpoint of a height.
fn checkpoint(ledger: &LedgerLog, height: u64) -> Result<Checkpoint, String> {
    kept(ledger, height)?.ok_or_else(|| format!("block {height} is not there"))
}

/// The way from one height to another as it is sent.
///
/// # Errors
/// A sentence: something is damaged.
pub fn legs(ledger: &LedgerLog, after: u64, to: u64, max: usize) -> Result<Vec<Leg>, String> {
    if to > ledger.tip() {
        return Ok(Vec::new());
    }
    let leg = |(checkpoint, next): &Way| Leg {
        checkpoint: canonical::encode(checkpoint),
        next: next.as_ref().map(canonical::encode).unwrap_or_default(),
    };
    Ok(way(ledger, after, to, max)?.iter().map(leg).collect())
}

/// The checkpoints by which one who knows `after` comes to `height`; the first of them, if there are more than `max`.
fn way(ledger: &LedgerLog, after: u64, height: u64, max: usize) -> Result<Vec<Way>, String> {
    let turns = turns::all(ledger).map_err(|error| error.to_string())?;
    let between = turns.into_iter().filter(|at| *at > after && *at < height);
    let heights = between.chain((after < height).then_some(height));
    let mut way = Vec::new();
    for at in heights.take(max) {
        let checkpoint = checkpoint(ledger, at)?;
        let header = &checkpoint.header;
        let next = match header.next == header.members {
            true => None,
            false => Some(next_members(ledger, header)?),
        };
        way.push((checkpoint, next));
    }
    Ok(way)
}

fn next_members(ledger: &LedgerLog, header: &Header) -> Result<MemberSet, String> {
    let note = ledger.note(&members_note(&header.next));
    let note = note.map_err(|error| error.to_string())?;
    let bytes = note.ok_or("the members of a height are not there")?;
    canonical::decode(&bytes).map_err(|error| error.to_string())
}

/// Headers from a height downwards, as they are sent.
///
/// # Errors
/// A sentence: something is damaged.
pub fn headers(ledger: &LedgerLog, from: u64, max: usize) -> Result<Vec<Vec<u8>>, String> {
    let mut headers = Vec::new();
    for height in (1..=from.min(ledger.tip())).rev().take(max) {
        let Some(checkpoint) = kept(ledger, height)? else {
            break;
        };
        headers.push(canonical::encode(&checkpoint.header));
    }
    Ok(headers)
}

/// A file that shows an entry, by the last block of `chain`.
///
/// # Errors
/// A sentence: there is no such entry, or something is damaged.
pub fn show_entry(ledger: &LedgerLog, chain: &Chain, index: u64) -> Result<ProofFile, String> {
    if index >= chain.size() {
        return Err(format!(
            "the log has {} entries, counted from 0",
            chain.size()
        ));
    }
    let entry = entry_at(ledger, chain.height(), index)?;
    let proof: Option<Inclusion> = merkle::inclusion(&Stored(ledger), index, chain.size());
    let proof = proof.ok_or("the proof tree is damaged: restart the node, which makes it anew")?;
    let way = way(ledger, 0, chain.height(), usize::MAX)?;
    Ok(ProofFile::entry(chain.id(), &way, &entry, &proof))
}

/// A file that shows what the state has under `key`, by the last block of `chain`.
///
/// # Errors
/// A sentence: there is no block yet, or something is damaged.
pub fn show_state(ledger: &LedgerLog, chain: &Chain, key: &Key) -> Result<ProofFile, String> {
    if chain.head().is_none() {
        return Err("the ledger has no block yet".into());
    }
    let way = way(ledger, 0, chain.height(), usize::MAX)?;
    let state = chain.state();
    Ok(ProofFile::state(
        chain.id(),
        &way,
        key,
        state.value(key),
        &state.prove(key),
    ))
}

/// The entry of an index: in the first block whose log is longer.
fn entry_at(ledger: &LedgerLog, tip: u64, index: u64) -> Result<Signed<Entry>, String> {
    // The one before is there: nothing can be gone on from without it.
    let first = ledger.first().max(1);
    let is_pruned = first > 1 && index < checkpoint(ledger, first - 1)?.header.log.size;
    if is_pruned || ledger.first() == 0 {
        return Err(
            "its block was pruned here: ask a node whose setting `history` is `all`".into(),
        );
    }
    let (mut low, mut high) = (first, tip);
    while low < high {
        let middle = low + (high - low) / 2;
        match checkpoint(ledger, middle)?.header.log.size > index {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    let block = read(ledger, low)?.ok_or("the block is missing")?.block.0;
    let first = block.header.log.size - block.entries.len() as u64;
    let at = usize::try_from(index.saturating_sub(first)).map_err(|error| error.to_string())?;
    block
        .entries
        .get(at)
        .cloned()
        .ok_or_else(|| "the entry is missing".into())
}
