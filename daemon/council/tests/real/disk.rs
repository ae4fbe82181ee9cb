//! The files of one member as a crash would leave them, by what was synced and when. **The model:**
//!
//! - A file holds what it held when it was synced last; whatever was written later is gone. One that never was synced
//!   is empty.
//! - A file is there once the folder that names it was synced after it had been made, and not before.
//! - sled syncs its settings and snapshots itself, where nobody looks on: they are taken to be durable from the next
//!   sync of their folder on. Its database file is ours to sync, and as any other.
//! - The note of how far the ledger is (`tip`) is never synced: a crash leaves it as it is, empty or not at all.
//!
//! That is a power cut of a disk that keeps what it was told to, and nothing else ([`Loss::Unsynced`]). A process that
//! dies alone leaves everything that it wrote instead ([`Loss::Nothing`]). What lies between, where some of the unsynced
//! sectors survive, is `node-store`'s to test (`MemoryDisk::crash_torn`).

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use edgecoder_node_store::{Faults, Moment};
use tokio::sync::Notify;

use super::{
    files::{self, Image},
    network::lock,
};

/// What a crash takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// All that was not synced.
    Unsynced,
    /// Nothing that was written.
    Nothing,
}

/// At which sync it comes: right before or right after the one that has so many of this file or folder before it.
#[derive(Clone, Debug)]
pub struct Crash {
    pub at: &'static str,
    pub moment: Moment,
    pub loss: Loss,
    pub after: u64,
    /// Which bits of chance it has.
    pub seed: u64,
}

/// One member's folder, looked at from a life's start.
pub struct Disk {
    folder: PathBuf,
    state: Mutex<State>,
    pub is_dead: Arc<AtomicBool>,
    /// Told when the crash has come.
    pub crashed: Notify,
}

#[derive(Default)]
struct State {
    /// What each file holds on the disk.
    contents: Image,
    /// Which files are named there.
    names: BTreeSet<PathBuf>,
    crash: Option<Crash>,
    /// Whether the member is dead from the crash on; otherwise it goes on, and its files are set back later.
    is_end: bool,
    left: Option<Image>,
}

impl Disk {
    /// Begins a life over what `image` left.
    pub fn new(folder: &Path, image: &Image, crash: Option<Crash>, is_end: bool) -> Arc<Self> {
        files::write(folder, image);
        Arc::new(Self {
            folder: folder.to_path_buf(),
            state: Mutex::new(State {
                contents: image.clone(),
                names: image.keys().cloned().collect(),
                crash,
                is_end,
                left: None,
            }),
            is_dead: Arc::default(),
            crashed: Notify::new(),
        })
    }

    /// What the member is started with.
    pub fn faults(self: &Arc<Self>) -> Faults {
        let disk = self.clone();
        Faults::watched(move |path, moment| disk.synced(path, moment))
    }

    /// What the crash left, once it has come.
    pub fn left(&self) -> Option<Image> {
        lock(&self.state).left.clone()
    }

    /// What a crash at this moment leaves, and the member is dead.
    pub fn cut(&self, seed: u64) -> Image {
        let state = lock(&self.state);
        self.is_dead.store(true, Ordering::SeqCst);
        state.image(&self.folder, Loss::Unsynced, seed)
    }

    fn synced(&self, path: &Path, moment: Moment) {
        let mut state = lock(&self.state);
        let name = path.strip_prefix(&self.folder).unwrap().to_path_buf();
        if moment == Moment::After {
            state.note(&self.folder, &name);
        }
        let is_here = |crash: &Crash| crash.moment == moment && Path::new(crash.at) == name;
        let Some(crash) = state.crash.as_mut().filter(|crash| is_here(crash)) else {
            return;
        };
        if crash.after > 0 {
            crash.after -= 1;
            return;
        }
        let (loss, seed) = (crash.loss, crash.seed);
        state.crash = None;
        state.left = Some(state.image(&self.folder, loss, seed));
        if state.is_end {
            self.is_dead.store(true, Ordering::SeqCst);
        }
        self.crashed.notify_one();
    }
}

impl State {
    /// A sync of a file or folder has succeeded.
    fn note(&mut self, folder: &Path, name: &Path) {
        let path = folder.join(name);
        if !path.is_dir() {
            self.contents
                .insert(name.to_path_buf(), fs::read(path).unwrap());
            return;
        }
        let is_inside = |one: &Path| one.parent() == Some(name);
        self.names.retain(|one| !is_inside(one));
        for (file, bytes) in files::files_in(folder, name) {
            let is_sleds = name == Path::new("ledger") && file != Path::new("ledger/db");
            if is_sleds {
                self.contents.insert(file.clone(), bytes);
            }
            self.names.insert(file);
        }
    }

    fn image(&self, folder: &Path, loss: Loss, seed: u64) -> Image {
        if loss == Loss::Nothing {
            return files::all(folder);
        }
        let named = self.names.iter().map(|name| {
            let bytes = self.contents.get(name).cloned().unwrap_or_default();
            (name.clone(), bytes)
        });
        let mut image: Image = named.collect();
        let tip = PathBuf::from("tip");
        image.remove(&tip);
        if let Ok(bytes) = fs::read(folder.join(&tip))
            && !seed.is_multiple_of(3)
        {
            image.insert(tip, if seed % 3 == 1 { bytes } else { Vec::new() });
        }
        image
    }
}
