//! Records of tasks that this node coordinates or keeps for whoever does: in its database, with an index of how new each
//! is.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use edgecoder_coordinator::inspect;
use edgecoder_node_store::{Store, StoreError, TreeName};
use edgecoder_protocol::{
    Millis, TaskId,
    operator::Blob,
    wire::{Kept, MARKS_MAX, Mark},
};

/// Records that are kept: twice what one coordinator has, since what is over is forgotten later here than there.
const RECORDS_MAX: usize = 8_192;
/// The setting with the last term that this node coordinated by.
const TERM: &[u8] = b"coordinated-term";

/// How new a record is, and when its task came in.
#[derive(Clone, Copy, Debug)]
struct Entry {
    mark: Mark,
    accepted: Millis,
}

/// The records. Cheap to clone; every function blocks on the disk, for moments.
#[derive(Clone)]
pub struct Records {
    store: Store,
    index: Arc<Mutex<BTreeMap<TaskId, Entry>>>,
}

impl Records {
    /// What an earlier start left. What cannot be read is left out, and said.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(store: Store) -> Result<Self, StoreError> {
        let records = Self {
            store,
            index: Arc::default(),
        };
        let mut index = BTreeMap::new();
        for kept in records.list()? {
            match inspect(&kept) {
                Ok(seen) => {
                    let (mark, accepted) = (kept.mark, seen.accepted);
                    index.insert(kept.task, Entry { mark, accepted });
                }
                Err(error) => {
                    tracing::error!(task = %kept.task, error, "a task's record is left out");
                }
            }
        }
        *records.index() = index;
        Ok(records)
    }

    fn index(&self) -> MutexGuard<'_, BTreeMap<TaskId, Entry>> {
        // A panic while it was held left a whole map: each change is one insertion or removal.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn list(&self) -> Result<Vec<Kept>, StoreError> {
        let stored: Vec<(TaskId, Mark, Blob)> =
            self.store.list(TreeName::Coordinated, b"", usize::MAX)?;
        let kept = stored.into_iter();
        let kept = kept.map(|(task, mark, Blob(record))| Kept { task, mark, record });
        Ok(kept.collect())
    }

    /// One.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn get(&self, task: TaskId) -> Result<Option<Kept>, StoreError> {
        let stored: Option<(TaskId, Mark, Blob)> =
            self.store.get(TreeName::Coordinated, &task.0)?;
        Ok(stored.map(|(task, mark, Blob(record))| Kept { task, mark, record }))
    }

    /// Writes one, unless what is here is as new; durable after [`Self::sync`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put(&self, kept: Kept, accepted: Millis) -> Result<(), StoreError> {
        let Kept { task, mark, record } = kept;
        if !self.wants(task, mark) {
            return Ok(());
        }
        if self.is_full() && !self.has(task) {
            self.evict()?;
        }
        let stored = (task, mark, Blob(record));
        self.store.put(TreeName::Coordinated, &task.0, &stored)?;
        self.index().insert(task, Entry { mark, accepted });
        Ok(())
    }

    /// Whether this is newer than what is here.
    pub fn wants(&self, task: TaskId, mark: Mark) -> bool {
        self.index().get(&task).is_none_or(|one| one.mark < mark)
    }

    /// Whether there is one of this task.
    pub fn has(&self, task: TaskId) -> bool {
        self.index().contains_key(&task)
    }

    /// Whether no more fit.
    fn is_full(&self) -> bool {
        self.index().len() >= RECORDS_MAX
    }

    /// Forgets one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove(&self, task: TaskId) -> Result<(), StoreError> {
        self.store.remove(TreeName::Coordinated, &task.0)?;
        self.index().remove(&task);
        Ok(())
    }

    /// Makes room: what an earlier term left goes first, then what came in first. A coordinator that makes tasks up
    /// drives out no more than fits, and nothing of the next one's.
    fn evict(&self) -> Result<(), StoreError> {
        let oldest = {
            let index = self.index();
            let oldest = index
                .iter()
                .min_by_key(|(_, one)| (one.mark.term, one.accepted));
            oldest.map(|(task, _)| *task)
        };
        match oldest {
            Some(task) => self.remove(task),
            None => Ok(()),
        }
    }

    /// Makes what was put durable.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sync(&self) -> Result<(), StoreError> {
        self.store.sync()
    }

    /// A page of marks.
    pub fn marks(&self, after: Option<TaskId>) -> Vec<(TaskId, Mark)> {
        let index = self.index();
        let from = after.map_or(Unbounded, Excluded);
        let page = index.range((from, Unbounded)).take(MARKS_MAX);
        page.map(|(task, one)| (*task, one.mark)).collect()
    }

    /// Takes a term that this node is to coordinate by, durably; false when it has done so before, in an earlier life
    /// of which it does not know what it lent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin(&self, term: u64) -> Result<bool, StoreError> {
        let last: Option<u64> = self.store.get(TreeName::Settings, TERM)?;
        if last.is_some_and(|last| term <= last) {
            return Ok(false);
        }
        self.store.put(TreeName::Settings, TERM, &term)?;
        self.store.sync()?;
        Ok(true)
    }
}
