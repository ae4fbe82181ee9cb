//! What a content store has and has promised room for: the accounting, in memory. The files are the truth; this is
//! read from them when the store is opened.

use std::{collections::BTreeMap, sync::Arc};

use edgecoder_protocol::{Bytes, Hash, content::Outline};

use super::ContentError;

/// Contents, whole and begun: the index of so many takes a few MiB. More are refused.
pub const CONTENTS_MAX: usize = 1 << 16;
/// Outlines kept in memory for reading chunks, up to a MiB each: one for each of a few concurrent readers. The
/// oldest makes room.
const OUTLINES_KEPT: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Index {
    whole: BTreeMap<Hash, u64>,
    begun: BTreeMap<Hash, Begun>,
    outlines: Vec<(Hash, Arc<Outline>)>,
}

/// A content of which chunks may be missing. Its whole size counts: it will be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) size: u64,
    /// Somebody holds its `Partial`.
    pub(super) open: bool,
}

impl Index {
    pub(super) fn new(whole: BTreeMap<Hash, u64>, begun: BTreeMap<Hash, u64>) -> Self {
        let closed = |(hash, size)| (hash, Begun { size, open: false });
        Self {
            whole,
            begun: begun.into_iter().map(closed).collect(),
            outlines: Vec::new(),
        }
    }

    /// Bytes of what is there and of what was begun.
    pub(super) fn used(&self) -> u64 {
        let begun = self.begun.values().map(|begun| begun.size);
        self.whole.values().copied().chain(begun).sum()
    }

    /// Opens `hash` for writing, within the quota when it was not begun before; says whether it was not.
    pub(super) fn open(
        &mut self,
        hash: Hash,
        size: u64,
        quota: Bytes,
    ) -> Result<bool, ContentError> {
        if self.whole.contains_key(&hash) {
            return Err(ContentError::Whole { hash });
        }
        match self.begun.get_mut(&hash) {
            Some(begun) if begun.open => return Err(ContentError::InUse { hash }),
            Some(begun) => {
                begun.open = true;
                return Ok(false);
            }
            None => {}
        }
        let used = self.used();
        if used.saturating_add(size) > quota.0 {
            return Err(ContentError::Quota {
                asked: Bytes(size),
                used: Bytes(used),
                quota,
            });
        }
        if self.whole.len() + self.begun.len() >= CONTENTS_MAX {
            return Err(ContentError::TooMany);
        }
        self.begun.insert(hash, Begun { size, open: true });
        Ok(true)
    }

    /// Nobody writes to `hash` any more; what is there stays begun.
    pub(super) fn close(&mut self, hash: Hash) {
        if let Some(begun) = self.begun.get_mut(&hash) {
            begun.open = false;
        }
    }

    /// Every chunk of `hash` is there.
    pub(super) fn complete(&mut self, hash: Hash) {
        if let Some(begun) = self.begun.remove(&hash) {
            self.whole.insert(hash, begun.size);
        }
    }

    /// Forgets `hash`; says whether it was known.
    ///
    /// # Errors
    /// [`ContentError::InUse`].
    pub(super) fn forget(&mut self, hash: Hash) -> Result<bool, ContentError> {
        if self.begun.get(&hash).is_some_and(|begun| begun.open) {
            return Err(ContentError::InUse { hash });
        }
        self.outlines.retain(|(kept, _)| *kept != hash);
        let begun = self.begun.remove(&hash).is_some();
        Ok(self.whole.remove(&hash).is_some() || begun)
    }

    /// Bytes of a whole content.
    pub(super) fn size_of(&self, hash: Hash) -> Option<u64> {
        self.whole.get(&hash).copied()
    }

    pub(super) fn whole(&self) -> impl Iterator<Item = (Hash, u64)> {
        self.whole.iter().map(|(hash, size)| (*hash, *size))
    }

    pub(super) fn begun(&self) -> impl Iterator<Item = (Hash, Begun)> {
        self.begun.iter().map(|(hash, begun)| (*hash, *begun))
    }

    pub(super) fn outline(&self, hash: Hash) -> Option<Arc<Outline>> {
        let kept = self.outlines.iter().find(|(kept, _)| *kept == hash);
        kept.map(|(_, outline)| Arc::clone(outline))
    }

    pub(super) fn keep_outline(&mut self, hash: Hash, outline: &Arc<Outline>) {
        if self.outline(hash).is_some() {
            // Another reader was as late.
            return;
        }
        if self.outlines.len() >= OUTLINES_KEPT {
            self.outlines.remove(0);
        }
        self.outlines.push((hash, Arc::clone(outline)));
    }
}
