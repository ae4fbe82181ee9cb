//! Ends of epochs: the state as a whole is kept, so that a start need not go through what came before, and of that the
//! entries may be dropped. Checkpoints and the proof tree stay.

use edgecoder_node_store::{LedgerError, LedgerLog};
use edgecoder_protocol::{
    canonical,
    ledger::{block::Checkpoint, chain::Chain, merkle::TileWriter, shown::Way, snapshot::Snapshot},
    network::Genesis,
    wire::PART_MAX,
};

use super::{bytes_of, key_of, members_note, turns};

/// What is kept of the ledger's past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Heights of an epoch.
    pub epoch: u64,
    /// Whether entries from before the last two epochs are dropped.
    pub prunes: bool,
}

impl Keeping {
    /// Whether an epoch ends with this height.
    pub fn ends_with(&self, height: u64) -> bool {
        height.is_multiple_of(self.epoch.max(1))
    }
}

/// The last two are kept, in turn: the snapshot, and beside it its height.
const NOTES: [(&str, &str); 2] = [
    ("snapshot/0", "snapshot/0/height"),
    ("snapshot/1", "snapshot/1/height"),
];

/// Writes what an epoch's last block leads to, and drops what may be. Durable with the next sync; blocks for as long as
/// the writing takes.
///
/// # Errors
/// [`LedgerError`]; nothing was dropped then.
pub fn end(ledger: &LedgerLog, keeping: Keeping, snapshot: &Snapshot) -> Result<(), LedgerError> {
    let height = snapshot.header.height;
    put(ledger, keeping, height, &canonical::encode(snapshot))?;
    let before = height.saturating_sub(keeping.epoch);
    let is_there = |one: &Snapshot| one.header.height == before;
    if keeping.prunes && snapshots(ledger).iter().any(is_there) {
        ledger.prune_below(before + 1)?;
    }
    Ok(())
}

fn put(ledger: &LedgerLog, keeping: Keeping, height: u64, bytes: &[u8]) -> Result<(), LedgerError> {
    // One that comes late must not take the place of what was gone on from meanwhile.
    if offered(ledger).is_some_and(|last| last >= height) {
        return Ok(());
    }
    let turn = height / keeping.epoch.max(1) % 2;
    let (name, of) = NOTES[turn as usize];
    ledger.put_note(of, &[])?;
    ledger.put_note(name, bytes)?;
    ledger.put_note(of, &height.to_le_bytes())
}

/// The heights whose snapshots are whole, with their notes.
fn kept(ledger: &LedgerLog) -> impl Iterator<Item = (u64, &'static str)> + use<'_> {
    NOTES.into_iter().filter_map(|(name, of)| {
        let bytes = ledger.note(of).ok()??;
        let height = u64::from_le_bytes(bytes.try_into().ok()?);
        Some((height, name))
    })
}

/// The last height whose snapshot others may have.
pub fn offered(ledger: &LedgerLog) -> Option<u64> {
    kept(ledger).map(|(height, _)| height).max()
}

/// Bytes of the snapshot of a height from `from` on, and how many it has; none when it is not here.
///
/// # Errors
/// [`LedgerError`].
pub fn part(
    ledger: &LedgerLog,
    height: u64,
    from: u64,
) -> Result<Option<(u64, Vec<u8>)>, LedgerError> {
    let found = kept(ledger).find(|(at, _)| *at == height);
    match found {
        Some((_, name)) => ledger.note_part(name, from, PART_MAX),
        None => Ok(None),
    }
}

/// What another node's snapshot and checkpoints come to, proved.
pub struct Adopted {
    /// The chain at its height.
    pub chain: Chain,
    /// The log's edge there.
    pub tiles: TileWriter,
    /// The snapshot as it came.
    pub bytes: Vec<u8>,
    /// The checkpoints that lead there, the last of which is its own.
    pub way: Vec<Way>,
}

/// Begins the ledger again with it. Durable when the ledger is synced.
///
/// # Errors
/// [`LedgerError`].
pub fn adopt(ledger: &LedgerLog, keeping: Keeping, adopted: &Adopted) -> Result<(), LedgerError> {
    let height = adopted.chain.height();
    put(ledger, keeping, height, &adopted.bytes)?;
    for (checkpoint, next) in &adopted.way {
        if let Some(next) = next {
            let name = members_note(&checkpoint.header.next);
            ledger.put_note(&name, &canonical::encode(next))?;
            turns::add(ledger, checkpoint.header.height)?;
        }
    }
    let head = |(checkpoint, _): &Way| (checkpoint.header.height, canonical::encode(checkpoint));
    let heads: Vec<(u64, Vec<u8>)> = adopted.way.iter().map(head).collect();
    let edge = adopted.tiles.edge();
    let tiles: Vec<_> = edge
        .iter()
        .map(|tile| (key_of(tile), bytes_of(tile)))
        .collect();
    let old = ledger.first()..=ledger.tip();
    ledger.begin_at(height, &heads, &tiles)?;
    match keeping.prunes && *old.start() != 0 {
        true => ledger.forget_bodies(old),
        false => Ok(()),
    }
}

/// The snapshots that belong to the ledger's blocks, newest first.
fn snapshots(ledger: &LedgerLog) -> Vec<Snapshot> {
    let read = |name: &str| -> Option<Snapshot> {
        let snapshot: Snapshot = canonical::decode(&ledger.note(name).ok()??).ok()?;
        let head = ledger.head(snapshot.header.height).ok()??;
        let head: Checkpoint = canonical::decode(&head).ok()?;
        (head.header == snapshot.header).then_some(snapshot)
    };
    let mut found: Vec<Snapshot> = kept(ledger).filter_map(|(_, name)| read(name)).collect();
    found.sort_by_key(|one| std::cmp::Reverse(one.header.height));
    found
}

/// The chain at the end of the last epoch that holds, or before the first block; none where what would have to be gone
/// through from there was pruned.
pub fn begin(ledger: &LedgerLog, genesis: &Genesis) -> Option<Chain> {
    let chains = snapshots(ledger).into_iter();
    let chains = chains.filter_map(|one| resumed(ledger, genesis, &one));
    let mut chains = chains.chain([Chain::new(genesis)]);
    chains.find(|chain| leads_on(ledger, chain))
}

/// The chain from which everything that is left can be gone through.
pub fn begin_earliest(ledger: &LedgerLog, genesis: &Genesis) -> Option<Chain> {
    let chains = snapshots(ledger).into_iter().rev();
    let chains = chains.filter_map(|one| resumed(ledger, genesis, &one));
    let mut chains = std::iter::once(Chain::new(genesis)).chain(chains);
    chains.find(|chain| leads_on(ledger, chain))
}

/// Whether the block after `chain` is there, or there is none.
fn leads_on(ledger: &LedgerLog, chain: &Chain) -> bool {
    let (next, first) = (chain.height() + 1, ledger.first());
    next > ledger.tip() || (first != 0 && first <= next)
}

/// The chain after a snapshot, whose block its own members have decided.
fn resumed(ledger: &LedgerLog, genesis: &Genesis, snapshot: &Snapshot) -> Option<Chain> {
    let chain = Chain::resume(genesis, snapshot)?;
    let head = ledger.head(chain.height()).ok()??;
    let checkpoint: Checkpoint = canonical::decode(&head).ok()?;
    let members = &chain.state().council()?.members;
    checkpoint.is_decided_by(members).then_some(chain)
}
