//! The bytes of a segment file: header, mark and frames, written and read. No files, and no choice between segments.
//!
//! | at | bytes |
//! |---|---|
//! | 0 | header: magic 8, generation 8, end of what the segment was begun with 8, salt 16, checksum 16 |
//! | 4,096 | mark: magic 8, the generation that took over 8, checksum 16; zeros while none has |
//! | 8,192 | frames: tag 4, payload's length 4, checksum of the frame before 16, checksum 16, payload |
//!
//! A payload is records, each after its length (4). Numbers are big-endian. Zeros end the frames.

use std::{collections::hash_map::RandomState, hash::BuildHasher as _};

/// Bytes of a checksum: blake3, cut.
pub(super) const CHECK: usize = 16;
/// Header and mark have a page each: a disk may write each whole or not at all.
pub(super) const MARK_START: u64 = 4096;
pub(super) const FRAMES_START: u64 = 8192;

const HEADER_MAGIC: [u8; 8] = *b"votelog1";
const MARK_MAGIC: [u8; 8] = *b"votelog-";
const HEADER_BYTES: usize = 56;
const MARK_BYTES: usize = 32;
const FRAME_HEAD: usize = 40;
/// Bytes of a frame's payload that a restart begins a segment with, one record apart.
const PAYLOAD: usize = 8 << 20;

/// What is where a header or a mark may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found<T> {
    /// Zeros, or the file ends before it.
    Blank,
    Whole(T),
    Broken,
}

/// What tells a segment's bytes from those of any other use of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Higher than that of every segment before it.
    pub(super) generation: u64,
    /// Where the frames end that were durable before the header was written.
    pub(super) kept: u64,
    salt: [u8; 16],
}

impl Header {
    pub(super) fn begin(generation: u64) -> Self {
        // Unknown to peers, whose bytes end up in records: they must not be able to write something like a frame.
        let mut salt = [0; 16];
        let random = RandomState::new();
        salt[..8].copy_from_slice(&random.hash_one(0_u8).to_be_bytes());
        salt[8..].copy_from_slice(&random.hash_one(1_u8).to_be_bytes());
        Self {
            generation,
            kept: FRAMES_START,
            salt,
        }
    }

    pub(super) fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&HEADER_MAGIC);
        bytes[8..16].copy_from_slice(&self.generation.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.kept.to_be_bytes());
        bytes[24..40].copy_from_slice(&self.salt);
        let check = check(&bytes[..40]);
        bytes[40..].copy_from_slice(&check);
        bytes
    }

    pub(super) fn read(file: &[u8]) -> Found<Self> {
        let Some(bytes) = file.first_chunk::<HEADER_BYTES>() else {
            return blank_or_broken(file);
        };
        let header = Self {
            generation: number(&bytes[8..16]),
            kept: number(&bytes[16..24]),
            salt: array(&bytes[24..40]),
        };
        if header.to_bytes() == *bytes {
            return Found::Whole(header);
        }
        blank_or_broken(bytes)
    }

    /// Keys the checksums of the segment's frames. Not over `kept`, which is known only when they are laid out.
    fn key(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("edgecoder vote log frames");
        hasher.update(&self.generation.to_be_bytes());
        hasher.update(&self.salt);
        hasher.finalize().into()
    }
}

/// The generation that took over from this segment.
pub(super) fn read_mark(file: &[u8]) -> Found<u64> {
    let from = file.get(MARK_START as usize..).unwrap_or_default();
    let Some(bytes) = from.first_chunk::<MARK_BYTES>() else {
        return blank_or_broken(from);
    };
    let generation = number(&bytes[8..16]);
    if mark_bytes(generation) == *bytes {
        return Found::Whole(generation);
    }
    blank_or_broken(bytes)
}

pub(super) fn mark_bytes(generation: u64) -> [u8; MARK_BYTES] {
    let mut bytes = [0; MARK_BYTES];
    bytes[..8].copy_from_slice(&MARK_MAGIC);
    bytes[8..16].copy_from_slice(&generation.to_be_bytes());
    let check = check(&bytes[..16]);
    bytes[16..].copy_from_slice(&check);
    bytes
}

/// Adds a record to a payload.
pub(super) fn push(payload: &mut Vec<u8>, record: &[u8]) {
    // The callers' limit on a record is far below what the length holds.
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    payload.extend_from_slice(&length.to_be_bytes());
    payload.extend_from_slice(record);
}

/// A frame as it is written.
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    pub(super) check: [u8; CHECK],
}

impl Frame {
    pub(super) fn new(header: &Header, previous: [u8; CHECK], payload: &[u8]) -> Self {
        let key = header.key();
        let length = u32::try_from(payload.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes();
        let check = frame_check(&key, &length, &previous, payload);
        let mut bytes = Vec::with_capacity(FRAME_HEAD + payload.len());
        bytes.extend_from_slice(&tag(&key));
        bytes.extend_from_slice(&length);
        bytes.extend_from_slice(&previous);
        bytes.extend_from_slice(&check);
        bytes.extend_from_slice(payload);
        Self { bytes, check }
    }
}

/// What a segment begins with.
pub(super) struct LaidOut {
    pub(super) header: Header,
    pub(super) bytes: Vec<u8>,
    pub(super) previous: [u8; CHECK],
}

pub(super) fn lay_out(generation: u64, records: &[Vec<u8>]) -> LaidOut {
    let mut laid = LaidOut {
        header: Header::begin(generation),
        bytes: Vec::new(),
        previous: [0; CHECK],
    };
    let mut payload = Vec::new();
    for (number, record) in records.iter().enumerate() {
        push(&mut payload, record);
        if payload.len() >= PAYLOAD || number + 1 == records.len() {
            let frame = Frame::new(&laid.header, laid.previous, &payload);
            laid.bytes.extend_from_slice(&frame.bytes);
            laid.previous = frame.check;
            payload.clear();
        }
    }
    laid.header.kept = FRAMES_START + laid.bytes.len() as u64;
    laid
}

/// The frames of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frames {
    pub(super) records: Vec<Vec<u8>>,
    /// Where the last good frame begins.
    pub(super) last: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// Its checksum.
    pub(super) previous: [u8; CHECK],
    /// There is more than a torn tail behind it (see the module above).
    pub(super) damaged: bool,
}

impl Frames {
    pub(super) fn read(file: &[u8], header: &Header) -> Self {
        let key = header.key();
        let start = FRAMES_START as usize;
        let mut frames = Self {
            records: Vec::new(),
            last: start,
            end: start,
            previous: [0; CHECK],
            damaged: false,
        };
        while let Some((previous, check, payload)) = frame_at(file, frames.end, &key) {
            if previous != frames.previous || !take(payload, &mut frames.records) {
                frames.damaged = true;
                return frames;
            }
            frames.last = frames.end;
            frames.end += FRAME_HEAD + payload.len();
            frames.previous = check;
        }
        let kept = usize::try_from(header.kept).unwrap_or(usize::MAX);
        frames.damaged = frames.end < kept || any_after(file, frames.end, &key);
        frames
    }
}

type Part<'a> = ([u8; CHECK], [u8; CHECK], &'a [u8]);

/// The frame at `at`: the checksum before it, its own, its payload.
fn frame_at<'a>(file: &'a [u8], at: usize, key: &[u8; 32]) -> Option<Part<'a>> {
    let head = file.get(at..)?.first_chunk::<FRAME_HEAD>()?;
    if head[..4] != tag(key) {
        return None;
    }
    let length = usize::try_from(number(&head[4..8])).ok()?;
    let payload = file.get(at + FRAME_HEAD..)?.get(..length)?;
    let previous = array(&head[8..24]);
    let found = array(&head[24..40]);
    let check = frame_check(key, &head[4..8], &previous, payload);
    (found == check).then_some((previous, found, payload))
}

fn any_after(file: &[u8], after: usize, key: &[u8; 32]) -> bool {
    let rest = file.get(after..).unwrap_or_default();
    let written = rest
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1);
    let tag = tag(key);
    rest[..written]
        .windows(tag.len())
        .enumerate()
        .any(|(at, window)| window == tag && frame_at(file, after + at, key).is_some())
}

/// Adds a payload's records; `false` when they do not fill it exactly.
fn take(mut payload: &[u8], records: &mut Vec<Vec<u8>>) -> bool {
    while let Some((length, rest)) = payload.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some((record, rest)) = rest.split_at_checked(length) else {
            return false;
        };
        records.push(record.to_vec());
        payload = rest;
    }
    payload.is_empty()
}

/// Begins each frame of a segment, so that a frame can be found behind a broken one. Never zero.
fn tag(key: &[u8; 32]) -> [u8; 4] {
    let [a, b, c, ..] = *blake3::keyed_hash(key, b"tag").as_bytes();
    [a, b, c, 0xf5]
}

fn frame_check(
    key: &[u8; 32],
    length: &[u8],
    previous: &[u8; CHECK],
    payload: &[u8],
) -> [u8; CHECK] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(previous);
    hasher.update(length);
    hasher.update(payload);
    array(hasher.finalize().as_bytes())
}

fn check(bytes: &[u8]) -> [u8; CHECK] {
    array(blake3::hash(bytes).as_bytes())
}

fn blank_or_broken<T>(bytes: &[u8]) -> Found<T> {
    if bytes.iter().all(|byte| *byte == 0) {
        Found::Blank
    } else {
        Found::Broken
    }
}

/// Big-endian, of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The first bytes of a slice that is long enough.
fn array(bytes: &[u8]) -> [u8; CHECK] {
    bytes.first_chunk().copied().unwrap_or_default()
}
