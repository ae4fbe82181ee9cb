//! Named key-value trees, in sled or in memory, and the splitting of large values.
//!
//! sled moves large values to a `blobs/` folder that it never syncs, so no value of ours exceeds
//! [`CHUNK`]; a larger one is kept as numbered chunks that are written in one batch.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError, RwLock},
};

use crate::store::StoreError;

/// Bytes of one stored value. A node of sled's tree holds up to 19 of them, and goes to `blobs/` from 128 KiB on: with
/// values of 8 KiB that was seen.
const CHUNK: usize = 6 << 10;
/// Bytes of a key, the chunk number not counted.
pub const KEY_MAX: usize = 256;
/// Bytes of a value before splitting: the largest task with its files.
pub const VALUE_MAX: usize = 128 << 20;

/// A tree's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TreeName {
    /// Tasks by id: small, for lists.
    Tasks,
    /// What open tasks ask for, by id.
    Requests,
    /// Events by task id and cursor.
    Events,
    /// Settings by name.
    Settings,
    /// Records of the tasks that this node coordinates, by id.
    Coordinated,
}

impl TreeName {
    pub(crate) const ALL: [Self; 5] = [
        Self::Tasks,
        Self::Requests,
        Self::Events,
        Self::Settings,
        Self::Coordinated,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Requests => "requests",
            Self::Events => "events",
            Self::Settings => "settings",
            Self::Coordinated => "coordinated",
        }
    }
}

/// A key and its value.
type Item = (Vec<u8>, Vec<u8>);

#[derive(Debug)]
pub(crate) enum Tree {
    /// The lock keeps whole values whole: sled isolates a scan chunk by chunk only.
    Sled(sled::Tree, RwLock<()>),
    Memory(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>),
}

impl Tree {
    pub(crate) fn memory() -> Self {
        Self::Memory(Mutex::default())
    }

    /// Replaces the value of `key`.
    pub(crate) fn put(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        if key.len() > KEY_MAX || value.len() > VALUE_MAX {
            return Err(StoreError::TooLarge { bytes: value.len() });
        }
        match self {
            Self::Memory(map) => {
                let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
                map.insert(key.to_vec(), value.to_vec());
            }
            Self::Sled(tree, whole) => {
                let _whole = whole.write().unwrap_or_else(PoisonError::into_inner);
                let mut batch = sled::Batch::default();
                for old in tree.scan_prefix(prefix(key)).keys() {
                    batch.remove(old?);
                }
                // An empty value is one empty chunk.
                for number in 0..value.len().div_ceil(CHUNK).max(1) {
                    let end = value.len().min((number + 1) * CHUNK);
                    batch.insert(chunk_key(key, number), &value[number * CHUNK..end]);
                }
                tree.apply_batch(batch)?;
            }
        }
        Ok(())
    }

    /// Removes `key`, or, unless `exact`, every key that begins with it.
    pub(crate) fn remove(&self, key: &[u8], exact: bool) -> Result<(), StoreError> {
        match self {
            Self::Memory(map) => {
                let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
                map.retain(|found, _| !(found == key || (!exact && found.starts_with(key))));
            }
            Self::Sled(tree, whole) => {
                let _whole = whole.write().unwrap_or_else(PoisonError::into_inner);
                let scan = if exact { prefix(key) } else { escape(key) };
                let mut batch = sled::Batch::default();
                for old in tree.scan_prefix(scan).keys() {
                    batch.remove(old?);
                }
                tree.apply_batch(batch)?;
            }
        }
        Ok(())
    }

    /// The value of `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .range(key, usize::MAX, true)?
            .into_iter()
            .next()
            .map(|(_, value)| value))
    }

    /// Up to `limit` keys that begin with `start` and their values, in order.
    pub(crate) fn list(&self, start: &[u8], limit: usize) -> Result<Vec<Item>, StoreError> {
        self.range(start, limit, false)
    }

    fn range(&self, start: &[u8], limit: usize, exact: bool) -> Result<Vec<Item>, StoreError> {
        let mut found: Vec<Item> = Vec::new();
        match self {
            Self::Memory(map) => {
                let map = map.lock().unwrap_or_else(PoisonError::into_inner);
                let items = map.range(start.to_vec()..).take_while(|(key, _)| {
                    if exact {
                        key.as_slice() == start
                    } else {
                        key.starts_with(start)
                    }
                });
                found.extend(
                    items
                        .take(limit)
                        .map(|(key, value)| (key.clone(), value.clone())),
                );
            }
            Self::Sled(tree, whole) => {
                let _whole = whole.read().unwrap_or_else(PoisonError::into_inner);
                let mut scan = escape(start);
                if exact {
                    scan.extend_from_slice(&END);
                }
                for item in tree.scan_prefix(scan) {
                    let (stored, chunk) = item?;
                    let Some(key) = stored
                        .len()
                        .checked_sub(6)
                        .map(|len| unescape(&stored[..len]))
                    else {
                        continue;
                    };
                    let full = found.len() == limit;
                    match found.last_mut() {
                        Some((last, value)) if *last == key => value.extend_from_slice(&chunk),
                        _ if full => break,
                        _ => found.push((key, chunk.to_vec())),
                    }
                }
            }
        }
        Ok(found)
    }
}

/// Ends a stored key. Keys order as their bytes do, and one that another begins with stays apart from it,
/// because a zero byte inside a key is written as 0x00 0xff.
const END: [u8; 2] = [0, 0];

fn escape(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len() + 6);
    for byte in key {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xff);
        }
    }
    out
}

fn unescape(stored: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(stored.len());
    let mut bytes = stored.iter();
    while let Some(byte) = bytes.next() {
        out.push(*byte);
        if *byte == 0 {
            bytes.next();
        }
    }
    out
}

fn prefix(key: &[u8]) -> Vec<u8> {
    let mut out = escape(key);
    out.extend_from_slice(&END);
    out
}

fn chunk_key(key: &[u8], number: usize) -> Vec<u8> {
    let mut out = prefix(key);
    out.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
    out
}
