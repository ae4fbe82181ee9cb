//! The chain on disk: how it is read back and checked, how a block is written, how proofs are made from it.
//!
//! A damaged database is set aside by `node-store`; a block that does not follow ends what is believed of it, and the
//! rest comes from the vote log or from peers.

use std::{path::PathBuf, sync::Arc};

use edgecoder_node_store::{
    Faults, Journal, JournalError, LedgerError, LedgerLog, MemoryDisk, Replay, StoredBlock, TileKey,
};
use edgecoder_protocol::{
    Hash, PeerId, canonical,
    ledger::{
        block::{Block, Certificate, Checkpoint, Header},
        chain::{Chain, Executed},
        consensus::{Decided, SharedBlock},
        merkle::{self, Tile, TileWriter, Tiles},
    },
    network::Genesis,
};

use crate::{
    Logged,
    tip::{self, Tip},
};

mod copy;
pub mod epoch;
pub mod turns;

/// What the members of a height are noted under, by their hash: proofs show them when they change.
pub fn members_note(members: &Hash) -> String {
    format!("members/{members}")
}

/// The ledger's database, in the council's folder.
pub const LEDGER: &str = "ledger";
/// The vote log, beside it.
pub const VOTES: &str = "votes";
/// Bytes of one logged record: a block, and what says which.
const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Fixint,
    bincode::config::Limit<{ 2 << 20 }>,
> = bincode::config::standard()
    .with_fixed_int_encoding()
    .with_limit::<{ 2 << 20 }>();

/// Why the council did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The ledger's database.
    #[error("the ledger cannot be opened: {0}")]
    Ledger(#[from] LedgerError),
    /// The vote log.
    #[error("the vote log cannot be opened: {0}")]
    Votes(#[from] JournalError),
    /// It is the ledger of others.
    #[error(
        "block {0} of the ledger here is not the one that the invite names: ask an operator which is right; move the council's folder aside to follow the invite"
    )]
    Foreign(u64),
    /// Opening did not come to an end.
    #[error("opening the ledger failed: {0}")]
    Failed(String),
}

/// Where things are kept.
#[derive(Clone, Debug)]
pub enum Place {
    /// In this folder, whose lock the caller holds.
    Folder(PathBuf),
    /// In memory, for simulations.
    Memory(MemoryDisk, LedgerLog),
}

/// What was read back.
pub struct Opened {
    /// The chain as far as it holds.
    pub chain: Chain,
    /// Where its blocks are.
    pub ledger: LedgerLog,
    /// The proof tree's edge.
    pub tiles: TileWriter,
    /// The vote log.
    pub votes: Journal,
    /// What it has.
    pub logged: Vec<Logged>,
    /// Whether nothing of the vote log is damaged.
    pub is_whole: bool,
    /// The height that the ledger is known to have reached; 0 when nothing is known.
    pub known: u64,
    /// What was mended, for the operator.
    pub mended: Vec<String>,
}

/// Opens or begins both. Blocks; call it off the async threads.
///
/// # Errors
/// [`StartError`] when the folder cannot be used.
pub fn open(place: &Place, genesis: &Genesis, faults: &Faults) -> Result<Opened, StartError> {
    let mut mended = Vec::new();
    let noted = match place {
        Place::Folder(folder) => tip::read(folder),
        Place::Memory(..) => Tip::Nothing,
    };
    let known = noted.height();
    let (ledger, (mut votes, replay)) = match place {
        Place::Folder(folder) => {
            let ledger = copy::open(folder, known, faults, &mut mended)?;
            (ledger, Journal::open(&folder.join(VOTES), faults)?)
        }
        Place::Memory(disk, ledger) => (ledger.clone(), Journal::memory(disk, faults)?),
    };
    let (logged, is_whole) = read_log(&replay);
    if !is_whole {
        mended.push(
            "the vote log was damaged: this member votes again when the others have gone on".into(),
        );
        votes.restart(&[])?;
    }
    turns::find(&ledger)?;
    let loaded = match load(&ledger, genesis, &mut mended)? {
        Some(chain) => tiles_of(&ledger, chain, &mut mended)?,
        None => None,
    };
    let (ledger, (chain, tiles)) = match loaded {
        Some(loaded) => (ledger, loaded),
        None => {
            let empty = begin_anew(place, ledger, faults, &mut mended)?;
            (empty, (Chain::new(genesis), TileWriter::default()))
        }
    };
    if let (Place::Folder(folder), Tip::Damaged) = (place, noted) {
        mended.push("the note of how far the ledger was is damaged: written anew".into());
        if let Err(error) = tip::note(folder, chain.height()) {
            tracing::warn!(%error, "how far the ledger is was not noted");
        }
    }
    Ok(Opened {
        chain,
        ledger,
        tiles,
        votes,
        logged,
        is_whole,
        known,
        mended,
    })
}

/// The proof tree's edge, made anew where it is incomplete; none where that cannot be, since blocks were pruned.
fn tiles_of(
    ledger: &LedgerLog,
    chain: Chain,
    mended: &mut Vec<String>,
) -> Result<Option<(Chain, TileWriter)>, StartError> {
    if let Some(tiles) = TileWriter::resume(&Stored(ledger), chain.size()) {
        return Ok(Some((chain, tiles)));
    }
    if ledger.first() != 1 {
        return Ok(None);
    }
    mended.push("the ledger's proof tree was incomplete: made anew from its blocks".into());
    let tiles = rebuild(ledger, chain.height())?;
    Ok(Some((chain, tiles)))
}

/// An empty ledger in the place of one from which nothing can be gone on.
fn begin_anew(
    place: &Place,
    ledger: LedgerLog,
    faults: &Faults,
    mended: &mut Vec<String>,
) -> Result<LedgerLog, StartError> {
    drop(ledger);
    let Place::Folder(folder) = place else {
        return Ok(LedgerLog::memory());
    };
    let path = folder.join(LEDGER);
    let aside = LedgerLog::set_aside(&path)?;
    let aside = aside.display();
    mended.push(format!(
        "the ledger's last epoch was damaged, and what came before was pruned: set aside as {aside}, and fetched anew"
    ));
    Ok(LedgerLog::open(&path, faults)?.log)
}

/// Whether the ledger has this block, or is not as far.
///
/// # Errors
/// [`StartError::Foreign`] when it has another one there.
pub fn is_past_of(ledger: &LedgerLog, head: &Header) -> Result<(), StartError> {
    let Some(found) = ledger.head(head.height)? else {
        return Ok(());
    };
    let found: Option<Checkpoint> = canonical::decode(&found).ok();
    match found.is_some_and(|one| one.header == *head) {
        true => Ok(()),
        false => Err(StartError::Foreign(head.height)),
    }
}

/// The records of a vote log, and whether they are all there; none when they are not.
pub fn read_log(replay: &Replay) -> (Vec<Logged>, bool) {
    let read = |record: &Vec<u8>| match bincode::serde::decode_from_slice(record, CONFIG) {
        Ok((one, used)) if used == record.len() => Some(one),
        Ok(_) | Err(_) => None,
    };
    let records: Option<Vec<Logged>> = replay.records.iter().map(read).collect();
    match records.filter(|_| !replay.damaged) {
        Some(records) => (records, true),
        None => (Vec::new(), false),
    }
}

/// Goes through the blocks after the last epoch that holds, or all; none when the earlier were pruned and no epoch holds.
/// Each must follow the one before and lead to the state that it states. Entries' signatures
/// were checked before they were written, and blocks cannot have changed since without another id; the last one's id is
/// covered by its certificate.
fn load(
    ledger: &LedgerLog,
    genesis: &Genesis,
    mended: &mut Vec<String>,
) -> Result<Option<Chain>, StartError> {
    let Some(mut chain) = epoch::begin(ledger, genesis) else {
        return Ok(None);
    };
    let tip = ledger.tip();
    for height in chain.height() + 1..=tip {
        match next(ledger, &chain, height) {
            Ok(executed) if chain.commit(&executed).is_ok() => {}
            Ok(_) | Err(_) => {
                mended.push(format!(
                    "block {height} of {tip} was damaged: it and what follows are fetched anew"
                ));
                ledger.cut_above(height - 1)?;
                break;
            }
        }
    }
    Ok(Some(chain))
}

fn next(ledger: &LedgerLog, chain: &Chain, height: u64) -> Result<Executed, String> {
    let decided = read(ledger, height)?.ok_or("it is missing")?;
    let is_last = height == ledger.tip();
    let is_decided = |checkpoint: &Checkpoint| {
        let members = chain.deciders();
        members.is_some_and(|members| checkpoint.is_decided_by(members))
    };
    if is_last && !is_decided(&decided.checkpoint()) {
        return Err("its certificate does not hold".into());
    }
    let executed = chain.check(decided.block.0, |_| true);
    executed.map_err(|error| error.to_string())
}

/// What shows that a member signed twice is noted under this.
pub fn guilty_note(peer: &PeerId) -> String {
    format!("guilty/{peer}")
}

/// A block of the ledger; none above its tip.
///
/// # Errors
/// What is wrong with it.
pub fn read(ledger: &LedgerLog, height: u64) -> Result<Option<Decided>, String> {
    let Some(stored) = ledger.block(height).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let head: Checkpoint = canonical::decode(&stored.head).map_err(|error| error.to_string())?;
    let block: Block = canonical::decode(&stored.body).map_err(|error| error.to_string())?;
    if block.header != head.header {
        return Err("header and block differ".into());
    }
    Ok(Some(Decided::new(Arc::new(block), &head.certificate)))
}

/// The proof tree once more, from the blocks.
fn rebuild(ledger: &LedgerLog, height: u64) -> Result<TileWriter, StartError> {
    let mut tiles = TileWriter::default();
    for height in 1..=height {
        let block = read(ledger, height).map_err(StartError::Failed)?;
        for entry in block.iter().flat_map(|one| &one.block.0.entries) {
            tiles.push(merkle::leaf(&entry.to_bytes()));
        }
        for tile in tiles.changed() {
            ledger.put_tile(key_of(&tile), &bytes_of(&tile))?;
        }
    }
    Ok(tiles)
}

/// Writes the next block; durable when the ledger is synced.
///
/// # Errors
/// [`LedgerError`].
pub fn write(
    ledger: &LedgerLog,
    tiles: &mut TileWriter,
    executed: &Executed,
    certificate: &Certificate,
) -> Result<(), LedgerError> {
    for leaf in &executed.leaves {
        tiles.push(*leaf);
    }
    let changed: Vec<_> = tiles
        .changed()
        .iter()
        .map(|tile| (key_of(tile), bytes_of(tile)))
        .collect();
    let checkpoint = Checkpoint {
        header: executed.block.header.clone(),
        certificate: certificate.clone(),
    };
    let stored = StoredBlock {
        head: canonical::encode(&checkpoint),
        body: canonical::encode(&*executed.block),
    };
    let header = &executed.block.header;
    let next = executed.state().council().map(|council| &council.next);
    if let Some(next) = next.filter(|_| header.next != header.members) {
        ledger.put_note(&members_note(&header.next), &canonical::encode(next))?;
        turns::add(ledger, header.height)?;
    }
    ledger.append(header.height, &stored, &changed)
}

/// A record of the vote log as bytes.
///
/// # Errors
/// A sentence: it is larger than any.
pub fn record(logged: &Logged) -> Result<Vec<u8>, String> {
    bincode::serde::encode_to_vec(logged, CONFIG).map_err(|error| error.to_string())
}

fn key_of(tile: &Tile) -> TileKey {
    TileKey {
        level: tile.level,
        index: tile.index,
    }
}

fn bytes_of(tile: &Tile) -> Vec<u8> {
    tile.hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The proof tree as the ledger has it.
pub struct Stored<'a>(pub &'a LedgerLog);

impl Tiles for Stored<'_> {
    fn tile(&self, level: u8, index: u64) -> Option<Vec<Hash>> {
        let bytes = self.0.tile(TileKey { level, index }).ok()??;
        let (hashes, rest) = bytes.as_chunks::<32>();
        rest.is_empty()
            .then(|| hashes.iter().map(|one| Hash(*one)).collect())
    }
}

/// Blocks after a height as they are sent: as many as fit in a message.
pub fn blocks_after(ledger: &LedgerLog, after: u64, max: usize, bytes_max: usize) -> Vec<Decided> {
    let mut blocks = Vec::new();
    let mut bytes = 0;
    for height in (after.saturating_add(1)..).take(max) {
        match read(ledger, height) {
            Ok(Some(one)) => {
                bytes += size_of(&one.block);
                if bytes > bytes_max {
                    break;
                }
                blocks.push(one);
            }
            Ok(None) => break,
            Err(error) => {
                tracing::error!(height, error, "a stored block is damaged");
                break;
            }
        }
    }
    blocks
}

/// Bytes of a block in a message, with its certificate and some room.
pub fn size_of(block: &SharedBlock) -> usize {
    let entries = block.0.entries.iter().map(|entry| entry.size() + 8);
    entries.sum::<usize>() + 4_096
}
