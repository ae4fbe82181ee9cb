//! The folder of a content store: which file is what, what is found in it, and what is cleared away. A content is
//! `HASH`, or `HASH.partial` while chunks are missing; one of several chunks has its outline in `HASH.outline`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{DirBuilder, File},
    io::{self, Read as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use edgecoder_protocol::{
    Hash,
    content::{OUTLINE_MAX, Outline},
};

use crate::faults::Faults;

/// Everything in the folder is the node's own.
pub(super) const MODE: u32 = 0o600;

/// What a file's name says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Whole(Hash),
    Partial(Hash),
    Outline(Hash),
    /// A write that did not end.
    Stray,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        if name.starts_with('.') && name.ends_with(".tmp") {
            return Some(Self::Stray);
        }
        let (hash, ending) = name.split_once('.').unwrap_or((name, ""));
        let hash = hash.parse().ok()?;
        match ending {
            "" if !name.contains('.') => Some(Self::Whole(hash)),
            "partial" => Some(Self::Partial(hash)),
            "outline" => Some(Self::Outline(hash)),
            // Not ours: left alone.
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self(path.to_owned()))
    }

    pub(super) fn whole(&self, hash: Hash) -> PathBuf {
        self.0.join(hash.to_string())
    }

    pub(super) fn partial(&self, hash: Hash) -> PathBuf {
        self.0.join(format!("{hash}.partial"))
    }

    pub(super) fn outline(&self, hash: Hash) -> PathBuf {
        self.0.join(format!("{hash}.outline"))
    }

    /// Makes what was renamed in the folder survive a crash.
    pub(super) fn sync(&self, faults: &Faults) -> io::Result<()> {
        faults.sync("folder", &self.0, || File::open(&self.0)?.sync_all())
    }

    /// The outline in its file, if there is one that belongs to `hash`.
    pub(super) fn read_outline(&self, hash: Hash) -> io::Result<Option<Outline>> {
        let file = match File::open(self.outline(hash)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        // One more than the largest: what is longer is then seen to be no outline.
        file.take(OUTLINE_MAX as u64 + 1).read_to_end(&mut bytes)?;
        let outline = Outline::decode(&bytes).ok();
        Ok(outline.filter(|outline| outline.verify(hash).is_ok()))
    }

    /// The files of `hash`, the content's own last: as long as it is there, so is its outline.
    pub(super) fn remove(&self, hash: Hash) -> io::Result<()> {
        remove_if_there(&self.partial(hash))?;
        remove_if_there(&self.whole(hash))?;
        remove_if_there(&self.outline(hash))
    }

    /// Whole contents and begun ones, with their sizes. What is of no use to anybody is cleared away: writes that
    /// did not end, outlines without a content, begun contents without a true outline.
    pub(super) fn scan(&self) -> io::Result<(BTreeMap<Hash, u64>, BTreeMap<Hash, u64>)> {
        let (mut whole, mut begun) = (BTreeMap::new(), BTreeMap::new());
        let (mut partials, mut outlines) = (BTreeSet::new(), BTreeSet::new());
        for entry in std::fs::read_dir(&self.0)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let kind = entry.file_name().to_str().and_then(Kind::of);
            match kind.filter(|_| metadata.is_file()) {
                Some(Kind::Whole(hash)) => drop(whole.insert(hash, metadata.len())),
                Some(Kind::Partial(hash)) => drop(partials.insert(hash)),
                Some(Kind::Outline(hash)) => drop(outlines.insert(hash)),
                Some(Kind::Stray) => remove_if_there(&entry.path())?,
                None => {}
            }
        }
        for hash in partials {
            match self.read_outline(hash)? {
                Some(outline) if !whole.contains_key(&hash) => {
                    begun.insert(hash, outline.shape().size());
                }
                Some(_) | None => remove_if_there(&self.partial(hash))?,
            }
        }
        for hash in outlines {
            if !whole.contains_key(&hash) && !begun.contains_key(&hash) {
                remove_if_there(&self.outline(hash))?;
            }
        }
        Ok((whole, begun))
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
