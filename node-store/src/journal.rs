//! The consensus member's vote log: an append-only file that is synced before a vote leaves, and replayed at start.
//! It keeps opaque records and knows nothing of votes.
//!
//! **Layout.** Two segment files, of which one is live. A segment is a header page, a mark page and frames, the rest
//! zeros ([`segment`]). Each sync writes one frame with all records appended since the last; its checksum is keyed by
//! the segment's header, which holds a random salt, and covers the checksum before it. So neither bytes of an earlier
//! use of the file nor bytes that a peer chose can be taken for a frame.
//!
//! **Restart.** The other segment is zeroed and filled while its header page is zero, and synced; then its header is
//! written and synced: this is the moment it counts. Then the old segment's header page is zeroed and its mark names
//! the generation that took over. A crash at any byte leaves the old segment live or the new one complete.
//!
//! **Torn or damaged.** One frame per sync means that a crash can spoil the last frame only, and that whatever it
//! spoils was never acknowledged. So a bad frame with no good frame of the same segment behind it is a torn tail: it
//! is zeroed and the log goes on. What a crash cannot bring about is damage:
//! - a bad frame with a good one of the same segment behind it, or a good one that does not follow its predecessor;
//! - frames that end before those a restart made durable, or a file shorter than at its creation;
//! - a header or mark that is neither zero nor whole (a disk writes these few bytes of one sector whole or not at all);
//! - a segment that was given up, while the one that took over is missing.
//!
//! A journal found damaged accepts nothing until [`Journal::restart`], and says so again at each open before that.
//! Not told from a torn tail: damage within the last frame alone; nor can a log see that it was rolled back as a
//! whole, both files missing included. The caller's question to its peers covers both.

use std::{io, path::Path};

use crate::faults::Faults;

mod disk;
mod recover;
mod segment;
#[cfg(test)]
mod tests;

pub use disk::MemoryDisk;

use disk::Disk;
use recover::Found;
use segment::{CHECK, FRAMES_START, Frame, Header, MARK_START};

/// Bytes of one record: a whole block with room to spare.
pub const RECORD_MAX: usize = 4 << 20;
/// Bytes appended and not yet synced; more are synced at once, so that memory stays bounded.
const PENDING_MAX: usize = 16 << 20;
/// Bytes of a segment. A caller restarts long before; beyond it, appending is refused, since a replay is read whole.
const SEGMENT_MAX: u64 = 256 << 20;
/// A segment grows by zeros of this size, so that most syncs need not write the file's size too. Measured on ext4, six
/// alternating runs of 2,000 records of 200 bytes: such a sync takes 0.77 of the time of one that grows the file.
const STEP: u64 = 1 << 20;

/// Why the journal could not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// A file could not be read, written or synced. After a write or sync, the journal accepts nothing until reopened.
    #[error(
        "the vote log failed: {0}; check free space, permissions and the disk, then restart the node"
    )]
    File(#[from] io::Error),
    /// An earlier write or sync failed, so what is on the disk is unknown: a sync repeated after a failed one may say
    /// that it worked when it did not.
    #[error(
        "the vote log failed earlier and accepts nothing until it is opened again; restart the node"
    )]
    Failed,
    /// The journal was found damaged, and not yet restarted.
    #[error("the vote log is damaged and accepts nothing before it is begun anew")]
    Damaged,
    /// The record is over [`RECORD_MAX`].
    #[error("a record of {bytes} bytes is too large for the vote log")]
    RecordTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The live segment is at its limit: restart the journal.
    #[error("the vote log is full; it must be begun anew")]
    Full,
}

/// What a journal held when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// The records, in the order they were appended: every one that was synced since the last restart, and perhaps
    /// the ones of an unfinished last sync. When `damaged`, those before the damage.
    pub records: Vec<Vec<u8>>,
    /// Synced records may be missing: whoever signs must not, until peers have said what it signed.
    pub damaged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    /// Damaged as found.
    Damaged,
    /// A write or sync failed.
    Failed,
}

/// An append-only log of records over two segment files. Blocks: use it off the async threads.
#[derive(Debug)]
pub struct Journal {
    disk: Disk,
    faults: Faults,
    state: State,
    /// Which of the two files is live.
    live: usize,
    header: Header,
    /// Where the next frame goes.
    end: u64,
    /// The last frame's checksum.
    previous: [u8; CHECK],
    /// Bytes of the live file.
    size: u64,
    /// Appended and not yet synced, as a frame holds it.
    pending: Vec<u8>,
    syncs: u64,
}

impl Journal {
    /// Opens or begins the journal in `folder`, whose lock the caller holds.
    ///
    /// # Errors
    /// [`JournalError::File`]. Damage is no error: see [`Replay::damaged`].
    pub fn open(folder: &Path, faults: &Faults) -> Result<(Self, Replay), JournalError> {
        Self::open_on(Disk::files(folder, faults)?, faults)
    }

    /// Opens or begins the journal in `disk`, which outlives it, for tests and simulations.
    ///
    /// # Errors
    /// As [`Journal::open`], for faults on purpose.
    pub fn memory(disk: &MemoryDisk, faults: &Faults) -> Result<(Self, Replay), JournalError> {
        Self::open_on(Disk::memory(disk), faults)
    }

    fn open_on(disk: Disk, faults: &Faults) -> Result<(Self, Replay), JournalError> {
        let files = [disk.read(0, SEGMENT_MAX)?, disk.read(1, SEGMENT_MAX)?];
        let mut journal = Self {
            disk,
            faults: faults.clone(),
            state: State::Ready,
            live: 0,
            header: Header::begin(0),
            end: FRAMES_START,
            previous: [0; CHECK],
            size: 0,
            pending: Vec::new(),
            syncs: 0,
        };
        let mut replay = Replay::default();
        match recover::find(&files) {
            Found::Nothing => journal.begin(0, 1, &[])?,
            Found::Damaged {
                live,
                generation,
                records,
            } => {
                tracing::error!(records = records.len(), "the vote log is damaged");
                journal.state = State::Damaged;
                journal.live = live;
                journal.header = Header::begin(generation);
                replay.records = records;
                replay.damaged = true;
            }
            Found::Live(found) => {
                journal.live = found.index;
                journal.header = found.header;
                journal.size = files[found.index].len() as u64;
                journal.end = found.frames.end as u64;
                journal.previous = found.frames.previous;
                journal.settle(&files[found.index], found.frames.last, found.other_marked)?;
                replay.records = found.frames.records;
            }
        }
        Ok((journal, replay))
    }

    /// Makes durable what was replayed, and clears what was torn.
    fn settle(&mut self, file: &[u8], last: usize, other_marked: bool) -> Result<(), JournalError> {
        let end = usize::try_from(self.end).unwrap_or(file.len());
        let written = file
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |at| at + 1);
        if written > end {
            tracing::warn!(
                bytes = written - end,
                "an unfinished write to the vote log is cleared"
            );
            self.disk
                .write(self.live, self.end, &vec![0; written - end])?;
        }
        // A header or frame whose sync failed may be in the page cache alone, where a sync does not write it again.
        self.disk.write(self.live, 0, &self.header.to_bytes())?;
        self.disk.write(self.live, last as u64, &file[last..end])?;
        self.fdatasync(self.live)?;
        if !other_marked {
            self.give_up(1 - self.live)?;
        }
        Ok(())
    }

    /// Adds a record to those that the next [`Journal::sync`] writes. Nothing is certain to be durable before that.
    ///
    /// # Errors
    /// [`JournalError`]; the record is then not in the journal.
    pub fn append(&mut self, record: &[u8]) -> Result<(), JournalError> {
        self.usable()?;
        if record.len() > RECORD_MAX {
            let bytes = record.len();
            return Err(JournalError::RecordTooLarge { bytes });
        }
        if self.pending.len() + record.len() > PENDING_MAX {
            self.sync()?;
        }
        // As much again for what frames it, and for the step that the file grows by.
        if self.end + (self.pending.len() + record.len()) as u64 + 2 * STEP > SEGMENT_MAX {
            return Err(JournalError::Full);
        }
        segment::push(&mut self.pending, record);
        Ok(())
    }

    /// Makes every appended record survive a power cut. Does nothing when there is none.
    ///
    /// # Errors
    /// [`JournalError`]; nothing appended since the last sync may then be acted on.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.usable()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        let frame = Frame::new(&self.header, self.previous, &self.pending);
        self.state = State::Failed;
        let end = self.end + frame.bytes.len() as u64;
        if end > self.size {
            let size = end.next_multiple_of(STEP) + FRAMES_START;
            self.zero(self.live, self.size, size)?;
            self.size = size;
        }
        self.disk.write(self.live, self.end, &frame.bytes)?;
        self.fdatasync(self.live)?;
        self.end = end;
        self.previous = frame.check;
        self.pending.clear();
        self.state = State::Ready;
        Ok(())
    }

    /// Bytes that the live segment's records take, those not yet synced included.
    pub fn bytes(&self) -> u64 {
        self.end - FRAMES_START + self.pending.len() as u64
    }

    /// Fdatasyncs so far.
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// Begins the other segment with `keep` alone, which is durable before the old one is given up. What was
    /// appended and not yet synced stays so. A damaged journal is usable again.
    ///
    /// # Errors
    /// [`JournalError`]; the next open then finds the old records or `keep`.
    pub fn restart(&mut self, keep: &[Vec<u8>]) -> Result<(), JournalError> {
        if self.state == State::Failed {
            return Err(JournalError::Failed);
        }
        let largest = keep.iter().map(Vec::len).max().unwrap_or(0);
        if largest > RECORD_MAX {
            return Err(JournalError::RecordTooLarge { bytes: largest });
        }
        // With room for what frames each of them.
        let bytes: usize = keep.iter().map(|record| record.len() + 64).sum();
        if (bytes + self.pending.len()) as u64 + 2 * STEP > SEGMENT_MAX {
            return Err(JournalError::Full);
        }
        let generation = self.header.generation + 1;
        let target = 1 - self.live;
        let damaged = self.state == State::Damaged;
        self.state = State::Failed;
        if damaged {
            // What shows the damage is about to be overwritten: a crash before the end must not hide it.
            self.mark(self.live, generation)?;
        }
        self.begin(target, generation, keep)
    }

    fn begin(
        &mut self,
        target: usize,
        generation: u64,
        keep: &[Vec<u8>],
    ) -> Result<(), JournalError> {
        let frames = segment::lay_out(generation, keep);
        let size = (frames.bytes.len() as u64).next_multiple_of(STEP) + STEP + FRAMES_START;
        self.disk.resize(target, size)?;
        self.zero(target, 0, size)?;
        self.disk.write(target, FRAMES_START, &frames.bytes)?;
        self.fdatasync(target)?;
        self.disk.write(target, 0, &frames.header.to_bytes())?;
        self.fdatasync(target)?;
        self.live = target;
        self.end = FRAMES_START + frames.bytes.len() as u64;
        self.size = size;
        self.header = frames.header;
        self.previous = frames.previous;
        self.give_up(1 - target)?;
        self.state = State::Ready;
        Ok(())
    }

    /// Makes the other segment say that the live one took over.
    fn give_up(&mut self, index: usize) -> Result<(), JournalError> {
        self.disk.write(index, 0, &[0; MARK_START as usize])?;
        self.mark(index, self.header.generation)
    }

    fn mark(&mut self, index: usize, generation: u64) -> Result<(), JournalError> {
        self.disk
            .write(index, MARK_START, &segment::mark_bytes(generation))?;
        self.fdatasync(index)
    }

    fn zero(&mut self, index: usize, from: u64, to: u64) -> Result<(), JournalError> {
        let zeros = vec![0; STEP as usize];
        let mut at = from;
        while at < to {
            let bytes = usize::try_from(to - at).map_or(zeros.len(), |rest| rest.min(zeros.len()));
            self.disk.write(index, at, &zeros[..bytes])?;
            at += bytes as u64;
        }
        Ok(())
    }

    fn fdatasync(&mut self, index: usize) -> Result<(), JournalError> {
        let path = self.disk.path(index);
        let disk = &mut self.disk;
        self.faults.sync("votes", &path, || disk.sync(index))?;
        self.syncs += 1;
        Ok(())
    }

    fn usable(&self) -> Result<(), JournalError> {
        match self.state {
            State::Ready => Ok(()),
            State::Damaged => Err(JournalError::Damaged),
            State::Failed => Err(JournalError::Failed),
        }
    }
}
