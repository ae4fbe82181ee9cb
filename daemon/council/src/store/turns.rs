//! The heights at which the members change, noted by themselves: whoever is shown the way from one height to another need
//! not have all others read for it.

use edgecoder_node_store::{LedgerError, LedgerLog};
use edgecoder_protocol::{canonical, ledger::block::Checkpoint};

const NOTE: &str = "turns";

/// Them, rising; some may be of blocks that were cut off since.
///
/// # Errors
/// [`LedgerError`].
pub fn all(ledger: &LedgerLog) -> Result<Vec<u64>, LedgerError> {
    let bytes = ledger.note(NOTE)?.unwrap_or_default();
    let (heights, _) = bytes.as_chunks::<8>();
    Ok(heights.iter().map(|one| u64::from_le_bytes(*one)).collect())
}

/// Notes one more.
///
/// # Errors
/// [`LedgerError`].
pub fn add(ledger: &LedgerLog, height: u64) -> Result<(), LedgerError> {
    let mut heights = all(ledger)?;
    heights.push(height);
    put(ledger, heights)
}

fn put(ledger: &LedgerLog, mut heights: Vec<u64>) -> Result<(), LedgerError> {
    heights.sort_unstable();
    heights.dedup();
    let bytes: Vec<u8> = heights.iter().flat_map(|one| one.to_le_bytes()).collect();
    ledger.put_note(NOTE, &bytes)
}

/// Finds them in a ledger that has not noted any.
///
/// # Errors
/// [`LedgerError`].
pub fn find(ledger: &LedgerLog) -> Result<(), LedgerError> {
    if ledger.note(NOTE)?.is_some() {
        return Ok(());
    }
    let mut heights = Vec::new();
    for height in 1..=ledger.tip() {
        let head = ledger.head(height)?;
        let head: Option<Checkpoint> = head.and_then(|head| canonical::decode(&head).ok());
        if head.is_some_and(|one| one.header.next != one.header.members) {
            heights.push(height);
        }
    }
    put(ledger, heights)
}
