//! Opening, syncing and repairing the database.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    faults::Faults,
    trees::{Tree, TreeName},
};

/// sled's page cache: its default of 1 GiB is not for a daemon that idles below 60 MB.
pub(crate) const CACHE_BYTES: u64 = 8 << 20;

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database failed.
    #[error("the database failed: {0}; check free space and permissions of the data folder")]
    Database(#[from] sled::Error),
    /// A file could not be written or synced.
    #[error("cannot write to the data folder: {0}; check free space and permissions")]
    File(#[from] io::Error),
    /// A value is over the limit.
    #[error("a value of {bytes} bytes is too large to store")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A value that another one names is not there.
    #[error("a stored value that belongs to another is missing")]
    Missing,
    /// A stored value is not what its tree holds.
    #[error("a stored value is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
}

/// A store, and what was done to open it.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Where an unreadable database was moved to.
    pub set_aside: Option<PathBuf>,
}

/// Typed trees. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    trees: [Tree; TreeName::ALL.len()],
    disk: Option<Disk>,
}

#[derive(Debug)]
struct Disk {
    db: sled::Db,
    file: File,
    path: PathBuf,
    faults: Faults,
}

impl Store {
    /// A store that is gone when its last handle is.
    pub fn memory() -> Self {
        Self(Arc::new(Inner {
            trees: TreeName::ALL.map(|_| Tree::memory()),
            disk: None,
        }))
    }

    /// Opens or makes the database in `folder`. The caller holds the folder's lock.
    ///
    /// A database that sled cannot read is moved aside, never deleted, and a new one is begun.
    ///
    /// # Errors
    /// [`StoreError`] when the folder cannot be used.
    pub fn open(folder: &Path, faults: &Faults) -> Result<Opened, StoreError> {
        match Self::open_disk(folder, faults) {
            Ok(store) => Ok(Opened {
                store,
                set_aside: None,
            }),
            Err(StoreError::Database(sled::Error::Corruption { .. })) => {
                let aside = free_name(folder);
                std::fs::rename(folder, &aside)?;
                let store = Self::open_disk(folder, faults)?;
                Ok(Opened {
                    store,
                    set_aside: Some(aside),
                })
            }
            Err(error) => Err(error),
        }
    }

    fn open_disk(folder: &Path, faults: &Faults) -> Result<Self, StoreError> {
        let db = sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .open()?;
        let open = |name: TreeName| {
            let tree = db.open_tree(name.as_str())?;
            Ok::<_, StoreError>(Tree::Sled(tree, RwLock::new(())))
        };
        let trees = [
            open(TreeName::Tasks)?,
            open(TreeName::Requests)?,
            open(TreeName::Events)?,
            open(TreeName::Settings)?,
            open(TreeName::Coordinated)?,
        ];
        let path = folder.join("db");
        Ok(Self(Arc::new(Inner {
            trees,
            disk: Some(Disk {
                db,
                file: File::open(&path)?,
                path,
                faults: faults.clone(),
            }),
        })))
    }

    /// Whether it is on a disk.
    pub fn is_durable(&self) -> bool {
        self.0.disk.is_some()
    }

    fn tree(&self, name: TreeName) -> &Tree {
        match name {
            TreeName::Tasks => &self.0.trees[0],
            TreeName::Requests => &self.0.trees[1],
            TreeName::Events => &self.0.trees[2],
            TreeName::Settings => &self.0.trees[3],
            TreeName::Coordinated => &self.0.trees[4],
        }
    }

    /// Replaces the value of `key`; durable after [`Store::sync`].
    ///
    /// # Errors
    /// [`StoreError`]; the old value then stands.
    pub fn put<T: Serialize>(
        &self,
        tree: TreeName,
        key: &[u8],
        value: &T,
    ) -> Result<(), StoreError> {
        self.tree(tree).put(key, &serde_json::to_vec(value)?)
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn get<T: DeserializeOwned>(
        &self,
        tree: TreeName,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        let bytes = self.tree(tree).get(key)?;
        bytes
            .map(|bytes| serde_json::from_slice(&bytes))
            .transpose()
            .map_err(StoreError::from)
    }

    /// Removes the value of `key`; durable after [`Store::sync`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove(&self, tree: TreeName, key: &[u8]) -> Result<(), StoreError> {
        self.tree(tree).remove(key, true)
    }

    /// Removes every value whose key begins with `prefix`; durable after [`Store::sync`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_below(&self, tree: TreeName, prefix: &[u8]) -> Result<(), StoreError> {
        self.tree(tree).remove(prefix, false)
    }

    /// Up to `limit` values whose keys begin with `prefix`, in the keys' order. A damaged one is left out, and said
    /// in the log: it must not keep the others from their reader.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn list<T: DeserializeOwned>(
        &self,
        tree: TreeName,
        prefix: &[u8],
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        let items = self.tree(tree).list(prefix, limit)?;
        let read = |(key, bytes): &(Vec<u8>, Vec<u8>)| match serde_json::from_slice(bytes) {
            Ok(value) => Some(value),
            Err(error) => {
                let (tree, bytes) = (tree.as_str(), key.len());
                tracing::error!(tree, key_bytes = bytes, %error, "a stored value is damaged and left out");
                None
            }
        };
        Ok(items.iter().filter_map(read).collect())
    }

    /// Makes everything written so far survive a crash. Blocks; call it off the async threads.
    ///
    /// # Errors
    /// [`StoreError`]; nothing may then be acknowledged.
    pub fn sync(&self) -> Result<(), StoreError> {
        let Some(disk) = &self.0.disk else {
            return Ok(());
        };
        disk.db.flush()?;
        // sled 0.34's flush ends in sync_file_range, which is no durability: sync the file ourselves.
        let sync = || disk.file.sync_data();
        disk.faults.sync("database", &disk.path, sync)?;
        Ok(())
    }
}

/// The first of the names for what is set aside that is not taken.
pub(crate) fn free_name(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    (1_u32..)
        .map(|number| folder.with_file_name(format!("{name}.broken-{number}")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| folder.with_extension("broken"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Fault;

    fn exercise(store: &Store) {
        let large: Vec<u32> = (0..50_000).collect();
        store.put(TreeName::Tasks, b"a", &large).unwrap();
        store.put(TreeName::Tasks, b"ab", &vec![1_u32]).unwrap();
        store.put(TreeName::Tasks, b"b", &vec![2_u32]).unwrap();
        store.put(TreeName::Events, b"\0\0", &1_u8).unwrap();
        store.put(TreeName::Events, b"\0\x01", &2_u8).unwrap();
        assert_eq!(
            store.list::<u8>(TreeName::Events, b"\0", 9).unwrap(),
            [1, 2]
        );
        assert_eq!(store.get(TreeName::Tasks, b"a").unwrap(), Some(large));
        // A shorter value leaves no old chunk behind.
        store.put(TreeName::Tasks, b"a", &vec![3_u32]).unwrap();
        assert_eq!(store.get(TreeName::Tasks, b"a").unwrap(), Some(vec![3_u32]));
        assert_eq!(store.get::<Vec<u32>>(TreeName::Tasks, b"c").unwrap(), None);
        assert_eq!(
            store.list::<Vec<u32>>(TreeName::Tasks, b"a", 9).unwrap(),
            [vec![3], vec![1]]
        );
        assert_eq!(
            store
                .list::<Vec<u32>>(TreeName::Tasks, b"", 2)
                .unwrap()
                .len(),
            2
        );
        store.remove(TreeName::Tasks, b"a").unwrap();
        assert_eq!(store.get::<Vec<u32>>(TreeName::Tasks, b"a").unwrap(), None);
        assert_eq!(
            store.get(TreeName::Tasks, b"ab").unwrap(),
            Some(vec![1_u32])
        );
        store.remove_below(TreeName::Events, b"\0").unwrap();
        assert!(
            store
                .list::<u8>(TreeName::Events, b"", 9)
                .unwrap()
                .is_empty()
        );
        store.put(TreeName::Events, b"odd", &"no number").unwrap();
        store.put(TreeName::Events, b"ok", &7_u8).unwrap();
        assert_eq!(store.list::<u8>(TreeName::Events, b"o", 9).unwrap(), [7]);
        store.sync().unwrap();
    }

    #[test]
    fn memory_and_disk_behave_the_same_and_no_blob_is_made() {
        exercise(&Store::memory());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        exercise(&Store::open(&path, &Faults::default()).unwrap().store);
        let store = Store::open(&path, &Faults::default()).unwrap().store;
        assert_eq!(store.get(TreeName::Tasks, b"b").unwrap(), Some(vec![2_u32]));
        let blobs = std::fs::read_dir(path.join("blobs")).map_or(0, Iterator::count);
        assert_eq!(blobs, 0);
    }

    #[test]
    fn a_full_disk_is_an_error_and_whole_files_stay_whole() {
        let folder = tempfile::tempdir().unwrap();
        let full = Faults::new(Fault::Full, 0);
        let store = Store::open(&folder.path().join("db"), &full).unwrap().store;
        assert!(matches!(store.sync(), Err(StoreError::File(_))));
        let path = folder.path().join("key");
        crate::write_whole(&path, b"old", 0o600, &Faults::default()).unwrap();
        assert!(crate::write_whole(&path, b"new", 0o600, &full).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert!(crate::write_new(&path, b"new", 0o600, &Faults::default()).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
