//! The content that is transferred, how its providers give it, and where its chunks go: a content store on the disk,
//! as a daemon has it.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use edgecoder_mesh::transfer::{Sink, SinkError, Source, Supply};
use edgecoder_node_store::{Content as Store, ContentError, Faults, Partial};
use edgecoder_protocol::{
    Bytes, Hash,
    content::{CHUNK, Outline},
};
use tokio::{sync::watch, task::spawn_blocking};

use crate::cli::{bench::odd, failure::Failure};

/// 100 MB.
pub const SIZE: usize = 100_000_000;

/// What every provider has, in memory: the links are to be the bottleneck, not a disk that all share.
pub struct Shelf {
    bytes: Vec<u8>,
    pub outline: Outline,
    /// Each chunk that was given, in order. At most what was asked for.
    given: Mutex<Vec<u32>>,
}

impl Shelf {
    pub fn new() -> Result<Arc<Self>, Failure> {
        // Different chunks; nothing here compresses.
        let words = (0..SIZE as u64 / 8)
            .flat_map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let bytes: Vec<u8> = words.collect();
        let outline = Outline::of(&bytes).map_err(|error| odd(&error))?;
        Ok(Arc::new(Self {
            bytes,
            outline,
            given: Mutex::default(),
        }))
    }

    /// The chunks given since this was last asked.
    pub fn given(&self) -> Vec<u32> {
        std::mem::take(&mut *lock(&self.given))
    }
}

impl Source for Shelf {
    fn outline(&self, hash: Hash) -> Supply {
        match hash == self.outline.hash() {
            true => Supply::Found(self.outline.encode()),
            false => Supply::Absent,
        }
    }

    fn chunk(&self, hash: Hash, index: u32) -> Supply {
        let chunk = self.bytes.chunks(CHUNK).nth(index as usize);
        let Some(chunk) = chunk.filter(|_| hash == self.outline.hash()) else {
            return Supply::Absent;
        };
        lock(&self.given).push(index);
        Supply::Found(chunk.to_vec())
    }
}

/// Takes the chunks of one content into a store.
pub struct Shop {
    store: Store,
    hash: Hash,
    partial: Mutex<Option<Arc<Partial>>>,
    kept: Mutex<BTreeSet<u32>>,
    count: watch::Sender<usize>,
}

impl Shop {
    /// Over the store in `folder`, with what is there already.
    pub fn open(folder: &Path, hash: Hash) -> Result<Self, Failure> {
        // Twice the content: one may be there that is not yet removed.
        let quota = Bytes(2 * SIZE as u64);
        let store = Store::open(folder, quota, &Faults::default()).map_err(|error| odd(&error))?;
        Ok(Self {
            store,
            hash,
            partial: Mutex::default(),
            kept: Mutex::default(),
            count: watch::Sender::new(0),
        })
    }

    /// Makes the content whole, and looks whether it is.
    pub async fn finish(self) -> Result<(), Failure> {
        let whole = spawn_blocking(move || {
            if let Some(partial) = lock(&self.partial).take().and_then(Arc::into_inner) {
                partial.finish()?;
            }
            Ok::<_, ContentError>(self.store.has(self.hash))
        });
        let whole = whole.await.map_err(|error| odd(&error))?;
        match whole.map_err(|error| odd(&error))? {
            true => Ok(()),
            false => Err(odd(&"the content did not arrive whole")),
        }
    }

    /// Waits until so many chunks are kept.
    pub async fn holds(&self, count: usize) {
        // The sender lives as long as `self`.
        self.count
            .subscribe()
            .wait_for(|now| *now >= count)
            .await
            .ok();
    }

    /// The chunks that were kept here.
    pub fn kept(&self) -> BTreeSet<u32> {
        lock(&self.kept).clone()
    }
}

impl Sink for Shop {
    async fn resume(&self) -> Result<Option<Outline>, SinkError> {
        let (store, hash) = (self.store.clone(), self.hash);
        let resumed = spawn_blocking(move || store.resume(hash)).await;
        let partial = resumed.map_err(broken)?.map_err(broken)?;
        let outline = partial.as_ref().map(|partial| partial.outline().clone());
        *lock(&self.partial) = partial.map(Arc::new);
        Ok(outline)
    }

    async fn begin(&self, outline: Outline) -> Result<Vec<u32>, SinkError> {
        if let Some(partial) = &*lock(&self.partial) {
            return Ok(partial.missing());
        }
        let (store, hash) = (self.store.clone(), self.hash);
        let begun = spawn_blocking(move || store.begin(hash, outline)).await;
        let partial = begun.map_err(broken)?.map_err(broken)?;
        let missing = partial.missing();
        *lock(&self.partial) = Some(Arc::new(partial));
        Ok(missing)
    }

    async fn write(&self, index: u32, bytes: Vec<u8>) -> Result<(), SinkError> {
        let partial = lock(&self.partial).clone();
        if let Some(partial) = partial {
            let written = spawn_blocking(move || partial.write(index, &bytes)).await;
            written.map_err(broken)?.map_err(broken)?;
        }
        let mut kept = lock(&self.kept);
        kept.insert(index);
        self.count.send_replace(kept.len());
        Ok(())
    }
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> SinkError {
    SinkError(Box::new(error))
}

/// What a thread that panicked left is good enough for a count.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
