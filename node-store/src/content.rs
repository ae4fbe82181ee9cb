//! Large contents (snapshots, models) as files named by their blake3 hash, within a quota. What has its name is
//! whole and was verified; what is read is verified again, so that bit rot is neither used nor passed on. Nothing is
//! removed unless somebody asks for it, and nothing is fetched: the mesh does that, chunk by chunk into a [`Partial`].
//!
//! Everything blocks: call it off the async threads.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::UNIX_EPOCH,
};

use edgecoder_protocol::{
    Bytes, Hash, Millis,
    content::{Outline, OutlineError, Shape, offset_of},
};

use crate::{faults::Faults, files::write_whole};

mod folder;
mod index;
mod partial;
#[cfg(test)]
mod tests;

use folder::{Folder, MODE};
use index::Index;

pub use index::CONTENTS_MAX;
pub use partial::Partial;

/// Why a content could not be kept or given. What was there before is there still.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// A file could not be read, written or synced.
    #[error("cannot use the content folder: {0}; check free space and permissions")]
    File(#[from] io::Error),
    /// The file that shall be kept cannot be opened.
    #[error("cannot read {}: {source}; check that it is there and may be read", path.display())]
    Source {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No room within the quota.
    #[error(
        "no room for {asked} bytes of content: {used} of {quota} are used; remove contents or raise the quota"
    )]
    Quota {
        /// Bytes that it would take.
        asked: Bytes,
        /// Bytes of what is there or begun.
        used: Bytes,
        /// Bytes allowed.
        quota: Bytes,
    },
    /// As many contents as the index may hold.
    #[error("the content store holds its {CONTENTS_MAX} contents; remove some")]
    TooMany,
    /// Larger than the caller allows.
    #[error("the content {hash} has {size} bytes, more than the {max} allowed here")]
    TooLarge {
        /// Which.
        hash: Hash,
        /// Its size.
        size: Bytes,
        /// The caller's limit.
        max: Bytes,
    },
    /// Not the outline of the content, or of one that is too large.
    #[error(transparent)]
    Outline(#[from] OutlineError),
    /// Bytes that are not this chunk of the content.
    #[error("chunk {index} is not the one of the outline; fetch it again, from another peer")]
    WrongChunk {
        /// Which.
        index: u32,
    },
    /// Finished too early.
    #[error("{missing} chunks of the content {hash} are missing; fetch them first")]
    Incomplete {
        /// Which content.
        hash: Hash,
        /// How many chunks.
        missing: usize,
    },
    /// Begun although it is whole.
    #[error("the content {hash} is already there")]
    Whole {
        /// Which.
        hash: Hash,
    },
    /// Somebody is writing it.
    #[error("the content {hash} is being written; try again when that has ended")]
    InUse {
        /// Which.
        hash: Hash,
    },
    /// The file is no longer what was written.
    #[error("the file of the content {hash} is damaged; remove the content and fetch it again")]
    Damaged {
        /// Which.
        hash: Hash,
    },
}

/// A content of which chunks are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Which.
    pub hash: Hash,
    /// Bytes when it is whole; they count as used.
    pub size: Bytes,
    /// When its file was last written.
    pub written: Millis,
    /// Somebody holds its [`Partial`].
    pub open: bool,
}

/// A folder of contents. Cheap to clone; one process at a time, under the data folder's lock.
#[derive(Clone, Debug)]
pub struct Content(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: Folder,
    quota: Bytes,
    faults: Faults,
    /// Never held while a content is read or written.
    index: Mutex<Index>,
}

impl Content {
    /// Opens or makes the store in `folder`, and clears away what a crash left of no use.
    ///
    /// `quota` is in bytes of contents, whole and begun. Less than is there refuses what is new, and no more.
    ///
    /// # Errors
    /// [`ContentError::File`].
    pub fn open(folder: &Path, quota: Bytes, faults: &Faults) -> Result<Self, ContentError> {
        let folder = Folder::new(folder)?;
        let (whole, begun) = folder.scan()?;
        Ok(Self(Arc::new(Inner {
            folder,
            quota,
            faults: faults.clone(),
            index: Mutex::new(Index::new(whole, begun)),
        })))
    }

    /// Keeps `bytes`; on return they survive a crash.
    ///
    /// # Errors
    /// [`ContentError`]; nothing of it is then left, unless it was begun before.
    pub fn put(&self, bytes: &[u8]) -> Result<Hash, ContentError> {
        self.keep(Outline::of(bytes)?, |index, chunk| {
            let begin = offset_of(index) as usize;
            chunk.copy_from_slice(&bytes[begin..begin + chunk.len()]);
            Ok(())
        })
    }

    /// As [`Content::put`], of the file at `path`, which is read twice, a chunk at a time.
    ///
    /// # Errors
    /// As [`Content::put`]; [`ContentError::WrongChunk`] when the file changes meanwhile.
    pub fn put_file(&self, path: &Path) -> Result<Hash, ContentError> {
        let file = File::open(path).map_err(|source| ContentError::Source {
            path: path.to_owned(),
            source,
        })?;
        let shape = Shape::new(file.metadata()?.len())?;
        let read = |index, chunk: &mut [u8]| file.read_exact_at(chunk, offset_of(index));
        self.keep(Outline::build(shape, read)?, read)
    }

    fn keep(
        &self,
        outline: Outline,
        read: impl Fn(u32, &mut [u8]) -> io::Result<()>,
    ) -> Result<Hash, ContentError> {
        let hash = outline.hash();
        let (partial, fresh) = match self.take_up(hash, outline) {
            Ok(taken) => taken,
            Err(ContentError::Whole { hash }) => return Ok(hash),
            Err(error) => return Err(error),
        };
        let result = fill(partial, read);
        if result.is_err() && fresh {
            // Best effort: what stays is seen as unfinished, and can be removed.
            self.remove(hash).ok();
        }
        result.map(|()| hash)
    }

    /// Begins `hash`, or takes up what was begun of it. Reads and hashes what is there.
    ///
    /// # Errors
    /// [`ContentError::Outline`] when `outline` is not that of `hash`; [`ContentError::Whole`];
    /// [`ContentError::InUse`]; [`ContentError::Quota`]; [`ContentError::File`].
    pub fn begin(&self, hash: Hash, outline: Outline) -> Result<Partial, ContentError> {
        outline.verify(hash)?;
        self.take_up(hash, outline).map(|(partial, _)| partial)
    }

    /// Takes up what was begun of `hash`, with the outline that was given then; `None` when there is nothing.
    ///
    /// # Errors
    /// As [`Content::begin`].
    pub fn resume(&self, hash: Hash) -> Result<Option<Partial>, ContentError> {
        if !self.index().begun().any(|(begun, _)| begun == hash) {
            return Ok(None);
        }
        match self.0.folder.read_outline(hash)? {
            Some(outline) => self.begin(hash, outline).map(Some),
            None => Ok(None),
        }
    }

    /// `outline` is that of `hash`. Also says whether nothing was begun before.
    fn take_up(&self, hash: Hash, outline: Outline) -> Result<(Partial, bool), ContentError> {
        let size = outline.shape().size();
        let fresh = self.index().open(hash, size, self.0.quota)?;
        let opened = Partial::open(self, hash, outline);
        if opened.is_err() {
            self.index().close(hash);
            if fresh {
                // Best effort, as in `keep`.
                self.remove(hash).ok();
            }
        }
        opened.map(|partial| (partial, fresh))
    }

    /// Whether `hash` is whole.
    pub fn has(&self, hash: Hash) -> bool {
        self.index().size_of(hash).is_some()
    }

    /// The bytes of `hash`, verified; `None` when it is not whole.
    ///
    /// # Errors
    /// [`ContentError::TooLarge`] above `max` bytes, before anything is read; [`ContentError::Damaged`];
    /// [`ContentError::File`].
    pub fn get(&self, hash: Hash, max: Bytes) -> Result<Option<Vec<u8>>, ContentError> {
        let Some(size) = self.index().size_of(hash).map(Bytes) else {
            return Ok(None);
        };
        if size > max {
            return Err(ContentError::TooLarge { hash, size, max });
        }
        let file = File::open(self.0.folder.whole(hash))?;
        let mut bytes = vec![0; size.0 as usize];
        file.read_exact_at(&mut bytes, 0)
            .map_err(|error| shortened(error, hash))?;
        if Hash::of(&bytes) != hash {
            return Err(ContentError::Damaged { hash });
        }
        Ok(Some(bytes))
    }

    /// The outline of `hash`; `None` when it is not whole. Rebuilt from the content when its file is lost.
    ///
    /// # Errors
    /// [`ContentError::Damaged`]; [`ContentError::File`].
    pub fn outline(&self, hash: Hash) -> Result<Option<Arc<Outline>>, ContentError> {
        let index = self.index();
        let Some(size) = index.size_of(hash) else {
            return Ok(None);
        };
        if let Some(outline) = index.outline(hash) {
            return Ok(Some(outline));
        }
        drop(index);
        let outline = match self.0.folder.read_outline(hash)? {
            Some(outline) => outline,
            None => self.rebuild_outline(hash, size)?,
        };
        let outline = Arc::new(outline);
        self.index().keep_outline(hash, &outline);
        Ok(Some(outline))
    }

    fn rebuild_outline(&self, hash: Hash, size: u64) -> Result<Outline, ContentError> {
        let damaged = ContentError::Damaged { hash };
        let Ok(shape) = Shape::new(size) else {
            return Err(damaged);
        };
        let file = File::open(self.0.folder.whole(hash))?;
        let outline = Outline::build(shape, |index, chunk| {
            file.read_exact_at(chunk, offset_of(index))
        })
        .map_err(|error| shortened(error, hash))?;
        if outline.hash() != hash {
            return Err(damaged);
        }
        if shape.chunks() > 1 {
            let path = self.0.folder.outline(hash);
            // Best effort: it only saves building it again.
            write_whole(&path, &outline.encode(), MODE, &self.0.faults).ok();
        }
        Ok(outline)
    }

    /// Chunk `index` of `hash`, verified; `None` when the content is not whole or has no such chunk.
    ///
    /// # Errors
    /// [`ContentError::Damaged`]; [`ContentError::File`].
    pub fn read_chunk(&self, hash: Hash, index: u32) -> Result<Option<Vec<u8>>, ContentError> {
        let Some(outline) = self.outline(hash)? else {
            return Ok(None);
        };
        let Some(len) = outline.shape().chunk_len(index) else {
            return Ok(None);
        };
        let file = File::open(self.0.folder.whole(hash))?;
        let mut chunk = vec![0; len];
        file.read_exact_at(&mut chunk, offset_of(index))
            .map_err(|error| shortened(error, hash))?;
        if !outline.chunk_matches(index, &chunk) {
            return Err(ContentError::Damaged { hash });
        }
        Ok(Some(chunk))
    }

    /// Removes `hash`, whole or begun; says whether there was anything. Whoever is reading it reads on.
    ///
    /// # Errors
    /// [`ContentError::InUse`] while it is being written; [`ContentError::File`], and it may be there again at the
    /// next start.
    pub fn remove(&self, hash: Hash) -> Result<bool, ContentError> {
        let mut index = self.index();
        let known = index.forget(hash)?;
        // Under the lock: what is begun anew must not lose its files.
        self.0.folder.remove(hash)?;
        Ok(known)
    }

    /// The whole contents and their sizes, at most [`CONTENTS_MAX`], in the hashes' order.
    pub fn list(&self) -> Vec<(Hash, Bytes)> {
        let index = self.index();
        let whole = index.whole();
        whole.map(|(hash, size)| (hash, Bytes(size))).collect()
    }

    /// The contents of which chunks are missing. Stale ones are for the caller to tell, and to [`Content::remove`].
    pub fn unfinished(&self) -> Vec<Unfinished> {
        let begun: Vec<_> = self.index().begun().collect();
        let describe = |(hash, begun): (Hash, index::Begun)| Unfinished {
            hash,
            size: Bytes(begun.size),
            written: self.written(hash),
            open: begun.open,
        };
        begun.into_iter().map(describe).collect()
    }

    /// When the file of a begun content was last written; the epoch when that cannot be told.
    fn written(&self, hash: Hash) -> Millis {
        let modified = std::fs::metadata(self.0.folder.partial(hash))
            .and_then(|metadata| metadata.modified())
            .unwrap_or(UNIX_EPOCH);
        Millis(0).after(modified.duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// Bytes of the contents that are there or begun: what the quota is compared with.
    pub fn size(&self) -> Bytes {
        Bytes(self.index().used())
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.0.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what is missing, and finishes.
fn fill(
    partial: Partial,
    read: impl Fn(u32, &mut [u8]) -> io::Result<()>,
) -> Result<(), ContentError> {
    let shape = partial.outline().shape();
    let mut buffer = Vec::new();
    for index in partial.missing() {
        buffer.resize(shape.chunk_len(index).unwrap_or_default(), 0);
        read(index, &mut buffer)?;
        partial.write(index, &buffer)?;
    }
    partial.finish()
}

/// A file that ends too early is damaged; any other failure is the disk's.
fn shortened(error: io::Error, hash: Hash) -> ContentError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ContentError::Damaged { hash },
        _ => ContentError::File(error),
    }
}
