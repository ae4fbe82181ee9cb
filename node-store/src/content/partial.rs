//! A content that comes chunk by chunk, in any order. Every chunk is checked before it is written, and again by
//! hashing when what an earlier process left is taken up: a note of what was there is never believed.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    sync::{Mutex, MutexGuard, PoisonError},
};

use edgecoder_protocol::{
    Hash,
    content::{Outline, offset_of},
};

use super::{Content, ContentError, folder::MODE};
use crate::files::write_whole;

/// Chunks (of 1 MiB) that a power cut may cost: a sync for each chunk would make a disk's speed that of its syncs.
const UNSYNCED_MAX: usize = 16;

/// A content being written. Only one exists of a hash at a time; dropped, what was written stays for the next.
#[derive(Debug)]
pub struct Partial {
    content: Content,
    hash: Hash,
    outline: Outline,
    file: File,
    chunks: Mutex<Chunks>,
}

#[derive(Debug, Default)]
struct Chunks {
    missing: BTreeSet<u32>,
    /// Written since the last sync.
    unsynced: Vec<u32>,
}

impl Partial {
    /// `outline` was verified, and `hash` is open in the index.
    pub(super) fn open(
        content: &Content,
        hash: Hash,
        outline: Outline,
    ) -> Result<Self, ContentError> {
        let inner = &content.0;
        // One chunk is all or nothing: there is nothing to take up, so no outline to keep.
        if outline.shape().chunks() > 1 {
            let path = inner.folder.outline(hash);
            write_whole(&path, &outline.encode(), MODE, &inner.faults)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(MODE);
        let file = options.open(inner.folder.partial(hash))?;
        let missing = missing_in(&file, &outline)?;
        Ok(Self {
            content: content.clone(),
            hash,
            outline,
            file,
            chunks: Mutex::new(Chunks {
                missing,
                unsynced: Vec::new(),
            }),
        })
    }

    /// What the chunks are checked against.
    pub fn outline(&self) -> &Outline {
        &self.outline
    }

    /// The chunks that are not there, in ascending order.
    pub fn missing(&self) -> Vec<u32> {
        self.chunks().missing.iter().copied().collect()
    }

    /// Writes chunk `index`; one that is already there is left as it is. Blocks.
    ///
    /// # Errors
    /// [`ContentError::WrongChunk`], and nothing is written; [`ContentError::File`], and the chunk (after a failed
    /// sync up to 15 earlier ones too) is missing.
    pub fn write(&self, index: u32, bytes: &[u8]) -> Result<(), ContentError> {
        if !self.outline.chunk_matches(index, bytes) {
            return Err(ContentError::WrongChunk { index });
        }
        // Held while writing: a chunk that one caller writes is not half-overwritten by another's failure.
        let mut chunks = self.chunks();
        if !chunks.missing.contains(&index) {
            return Ok(());
        }
        self.file.write_all_at(bytes, offset_of(index))?;
        chunks.missing.remove(&index);
        chunks.unsynced.push(index);
        if chunks.unsynced.len() >= UNSYNCED_MAX {
            self.sync(&mut chunks)?;
        }
        Ok(())
    }

    /// Gives the content its name; it is then whole, and survives a crash. Blocks.
    ///
    /// # Errors
    /// [`ContentError::Incomplete`]; [`ContentError::File`], and the content stays begun.
    pub fn finish(self) -> Result<(), ContentError> {
        let mut chunks = self.chunks();
        if !chunks.missing.is_empty() {
            return Err(ContentError::Incomplete {
                hash: self.hash,
                missing: chunks.missing.len(),
            });
        }
        self.sync(&mut chunks)?;
        let (folder, faults) = (&self.content.0.folder, &self.content.0.faults);
        let (partial, whole) = (folder.partial(self.hash), folder.whole(self.hash));
        std::fs::rename(&partial, &whole)?;
        if let Err(error) = folder.sync(faults) {
            // Best effort: back to begun, as the caller is told. What stays renamed is whole at the next start.
            std::fs::rename(&whole, &partial).ok();
            return Err(error.into());
        }
        self.content.index().complete(self.hash);
        Ok(())
    }

    fn sync(&self, chunks: &mut Chunks) -> Result<(), ContentError> {
        let faults = &self.content.0.faults;
        let path = self.content.0.folder.partial(self.hash);
        let synced = faults.sync("chunks", &path, || self.file.sync_all());
        let unsynced = std::mem::take(&mut chunks.unsynced);
        if synced.is_err() {
            // After a failed sync nobody knows what of this is on the disk.
            chunks.missing.extend(unsynced);
        }
        Ok(synced?)
    }

    fn chunks(&self) -> MutexGuard<'_, Chunks> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        self.content.index().close(self.hash);
    }
}

/// Hashes what is in the file. It is only as long as its furthest chunk, so little of a new download is read.
fn missing_in(file: &File, outline: &Outline) -> Result<BTreeSet<u32>, ContentError> {
    let shape = outline.shape();
    let mut len = file.metadata()?.len();
    if len > shape.size() {
        file.set_len(shape.size())?;
        len = shape.size();
    }
    let mut missing = BTreeSet::new();
    let mut buffer = Vec::new();
    for index in 0..shape.chunks() {
        buffer.resize(shape.chunk_len(index).unwrap_or_default(), 0);
        let there = offset_of(index) + buffer.len() as u64 <= len;
        if there {
            file.read_exact_at(&mut buffer, offset_of(index))?;
        }
        if !there || !outline.chunk_matches(index, &buffer) {
            missing.insert(index);
        }
    }
    Ok(missing)
}
