//! Keys, and the splitting of a value into rows. No database.
//!
//! A key is a kind's letter, what names the value, and the row's number. The first row's content begins with the
//! value's length, so that a missing last row is noticed.

use super::{LedgerError, TileKey, rows::Changes};

/// Bytes of a row's content. sled moves a tree's node of 128 KiB to a file in `blobs/`, which it never syncs, and a
/// node has up to 16 rows, one more right before it is split, and up to 19 right after two are merged. With 8 KiB
/// rows, rewriting full tiles makes such files; 19 of these rows fill a node of 117,000 bytes at most.
pub(super) const ROW: usize = 6 << 10;
/// Bytes of the length before the first row's part.
const LENGTH: usize = 8;

/// What a key begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Body,
    /// A note's rows, by its generation.
    Content,
    Head,
    /// The one row that says what there is.
    State,
    /// A note's generation, by its name.
    Name,
    Tile,
}

impl Kind {
    fn letter(self) -> u8 {
        match self {
            Self::Body => b'b',
            Self::Content => b'c',
            Self::Head => b'h',
            Self::State => b'm',
            Self::Name => b'n',
            Self::Tile => b't',
        }
    }

    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Content | Self::Name => "note",
            Self::Head => "head",
            Self::State => "state",
            Self::Tile => "tile",
        }
    }
}

pub(super) fn state_key() -> Vec<u8> {
    vec![Kind::State.letter()]
}

pub(super) fn block_key(kind: Kind, number: u64) -> Vec<u8> {
    let mut key = vec![kind.letter()];
    key.extend_from_slice(&number.to_be_bytes());
    key
}

pub(super) fn tile_key(tile: TileKey) -> Vec<u8> {
    let mut key = vec![Kind::Tile.letter(), tile.level];
    key.extend_from_slice(&tile.index.to_be_bytes());
    key
}

/// Not split: its row has no number, so that names need no end.
pub(super) fn name_key(name: &str) -> Vec<u8> {
    let mut key = vec![Kind::Name.letter()];
    key.extend_from_slice(name.as_bytes());
    key
}

pub(super) fn row_key(key: &[u8], number: usize) -> Vec<u8> {
    let mut row = key.to_vec();
    // No value has more rows than that: the largest is 128 MiB.
    row.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
    row
}

/// A note's generation, of one of its rows or of its name's content.
pub(super) fn generation_of(kind: Kind, key: &[u8], content: &[u8]) -> Option<u64> {
    if key.first() != Some(&kind.letter()) {
        return None;
    }
    let bytes = if kind == Kind::Name {
        content
    } else {
        &key[1..]
    };
    bytes.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// Adds the rows of a value to `changes`.
pub(super) fn split(key: &[u8], value: &[u8], changes: &mut Changes) {
    for number in 0..count(value.len()) {
        changes.insert(row_key(key, number), Some(row(value, number)));
    }
}

/// How many rows a value has.
pub(super) fn count(bytes: usize) -> usize {
    bytes.saturating_add(LENGTH).div_ceil(ROW)
}

/// One row's content.
pub(super) fn row(value: &[u8], number: usize) -> Vec<u8> {
    let start = (number * ROW).saturating_sub(LENGTH);
    let end = value.len().min((number + 1) * ROW - LENGTH);
    let mut content = Vec::with_capacity(ROW);
    if number == 0 {
        content.extend_from_slice(&(value.len() as u64).to_be_bytes());
    }
    content.extend_from_slice(&value[start..end]);
    content
}

/// How many rows the value has whose first row's content this is.
pub(super) fn rows_of(first: Option<&[u8]>) -> usize {
    first.and_then(length).map_or(0, count)
}

fn length(first: &[u8]) -> Option<usize> {
    usize::try_from(u64::from_be_bytes(*first.first_chunk()?)).ok()
}

/// A value from its rows; none when the first is not there.
pub(super) fn join(
    most: usize,
    read: impl Fn(usize) -> Result<Option<Vec<u8>>, LedgerError>,
) -> Result<Option<Vec<u8>>, LedgerError> {
    let damaged = LedgerError::Damaged {
        what: "value",
        height: 0,
    };
    let Some(first) = read(0)? else {
        return Ok(None);
    };
    let Some(bytes) = length(&first).filter(|bytes| *bytes <= most) else {
        return Err(damaged);
    };
    let mut value = Vec::with_capacity(bytes);
    value.extend_from_slice(&first[LENGTH..]);
    for number in 1..count(bytes) {
        let Some(part) = read(number)? else {
            return Err(damaged);
        };
        value.extend_from_slice(&part);
    }
    if value.len() != bytes {
        return Err(damaged);
    }
    Ok(Some(value))
}

/// A part of a value, with the length of the whole; none when a row of it is not there.
pub(super) fn part(
    from: u64,
    max: usize,
    read: impl Fn(usize) -> Result<Option<Vec<u8>>, LedgerError>,
) -> Result<Option<(u64, Vec<u8>)>, LedgerError> {
    let Some(total) = read(0)?.and_then(|first| length(&first)) else {
        return Ok(None);
    };
    let start = usize::try_from(from).map_or(total, |from| from.min(total));
    let end = total.min(start.saturating_add(max));
    let (first, last) = ((start + LENGTH) / ROW, (end + LENGTH).div_ceil(ROW));
    let mut bytes = Vec::with_capacity(end - start);
    for number in first..last {
        let Some(row) = read(number)? else {
            return Ok(None);
        };
        // Where the row's content lies in the value, with the length before it.
        let base = number * ROW;
        let (skip, until) = (
            (start + LENGTH).saturating_sub(base),
            (end + LENGTH - base).min(row.len()),
        );
        bytes.extend_from_slice(row.get(skip..until).unwrap_or_default());
    }
    Ok(Some((total as u64, bytes)))
}
