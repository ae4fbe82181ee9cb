//! Contents over a real folder. A crash is a store that is dropped, and files that are then torn as a power cut
//! tears them.

use std::{fs, os::unix::fs::PermissionsExt as _};

use edgecoder_protocol::content::CHUNK;

use super::*;
use crate::faults::Fault;

const ROOM: Bytes = Bytes(64 << 20);

/// Bytes that follow from `seed` (splitmix64), so that no two chunks are the same.
fn bytes_of(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(len);
    bytes
}

fn open(folder: &Path) -> Content {
    Content::open(folder, ROOM, &Faults::default()).unwrap()
}

fn chunk(bytes: &[u8], index: u32) -> &[u8] {
    let begin = offset_of(index) as usize;
    &bytes[begin..bytes.len().min(begin + CHUNK)]
}

/// `bytes` begun in `store`, with the chunks `written`.
fn begun(store: &Content, bytes: &[u8], written: &[u32]) -> Partial {
    let outline = Outline::of(bytes).unwrap();
    let partial = store.begin(outline.hash(), outline).unwrap();
    for index in written {
        partial.write(*index, chunk(bytes, *index)).unwrap();
    }
    partial
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn contents_of_any_size_come_back_after_a_restart_in_files_of_the_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("content");
    let sizes = [0, 1, 1024, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5];
    for (seed, size) in (0..).zip(sizes) {
        let bytes = bytes_of(seed, size);
        let hash = open(&path).put(&bytes).unwrap();
        assert_eq!(hash, Hash::of(&bytes));
        let store = open(&path);
        assert!(store.has(hash), "{size}");
        assert_eq!(store.get(hash, ROOM).unwrap().unwrap(), bytes, "{size}");
        let outline = store.outline(hash).unwrap().unwrap();
        assert_eq!(*outline, Outline::of(&bytes).unwrap());
        for index in 0..outline.shape().chunks() {
            let read = store.read_chunk(hash, index).unwrap().unwrap();
            assert_eq!(read, chunk(&bytes, index), "{size}: {index}");
        }
        let beyond = outline.shape().chunks();
        assert_eq!(store.read_chunk(hash, beyond).unwrap(), None);
    }
    let store = open(&path);
    assert_eq!(store.list().len(), sizes.len());
    assert_eq!(store.size(), Bytes(sizes.iter().sum::<usize>() as u64));
    for name in names(&path) {
        let mode = fs::metadata(path.join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_file_is_kept_as_its_bytes_are_and_a_second_time_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, source) = (folder.path().join("content"), folder.path().join("model"));
    let bytes = bytes_of(1, 2 * CHUNK + 9);
    fs::write(&source, &bytes).unwrap();
    let store = open(&path);
    let hash = store.put_file(&source).unwrap();
    assert_eq!(store.get(hash, ROOM).unwrap().unwrap(), bytes);
    assert_eq!(store.put(&bytes).unwrap(), hash);
    assert_eq!(store.size(), Bytes(bytes.len() as u64));
    assert!(matches!(
        store.begin(hash, Outline::of(&bytes).unwrap()),
        Err(ContentError::Whole { .. })
    ));
}

#[test]
fn what_is_absent_is_none_and_what_is_above_the_callers_limit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let absent = Hash::of(b"absent");
    assert!(!store.has(absent));
    assert!(store.get(absent, ROOM).unwrap().is_none());
    assert!(store.outline(absent).unwrap().is_none());
    assert!(store.read_chunk(absent, 0).unwrap().is_none());
    assert!(store.resume(absent).unwrap().is_none());
    assert!(!store.remove(absent).unwrap());
    let hash = store.put(&[7; 100]).unwrap();
    assert!(store.get(hash, Bytes(100)).unwrap().is_some());
    let refused = store.get(hash, Bytes(99));
    assert!(matches!(refused, Err(ContentError::TooLarge { .. })));
    assert!(store.remove(hash).unwrap());
    assert!(!store.has(hash));
    assert_eq!((store.size(), names(folder.path()).len()), (Bytes(0), 0));
}

#[test]
fn a_damaged_file_is_neither_read_nor_served() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = bytes_of(2, 2 * CHUNK);
    let hash = open(folder.path()).put(&bytes).unwrap();
    let file = folder.path().join(hash.to_string());
    let mut flipped = bytes.clone();
    flipped[CHUNK + 5] ^= 1;
    for torn in [&flipped[..], &bytes[..CHUNK + 5]] {
        fs::write(&file, torn).unwrap();
        let store = open(folder.path());
        let damaged = |found| matches!(found, Err(ContentError::Damaged { hash: h }) if h == hash);
        assert!(damaged(store.get(hash, ROOM)));
        assert!(damaged(store.read_chunk(hash, 1)));
        assert!(store.read_chunk(hash, 0).unwrap().is_some());
        // Without its outline, which is then built from the file, nothing of it is served.
        let outline = folder.path().join(format!("{hash}.outline"));
        let kept = fs::read(&outline).unwrap();
        fs::remove_file(&outline).unwrap();
        assert!(damaged(open(folder.path()).read_chunk(hash, 0)));
        fs::write(&outline, kept).unwrap();
    }
}

#[test]
fn a_lost_or_damaged_outline_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = bytes_of(3, 2 * CHUNK + 1);
    let outline = Outline::of(&bytes).unwrap();
    let hash = open(folder.path()).put(&bytes).unwrap();
    let file = folder.path().join(format!("{hash}.outline"));
    let other = Outline::of(&bytes_of(4, 2 * CHUNK + 1)).unwrap().encode();
    for damaged in [None, Some(other), Some(vec![0; 2 << 20])] {
        match damaged {
            None => fs::remove_file(&file).unwrap(),
            Some(bytes) => fs::write(&file, bytes).unwrap(),
        }
        let built = open(folder.path()).outline(hash).unwrap().unwrap();
        assert_eq!(*built, outline);
        assert_eq!(fs::read(&file).unwrap(), outline.encode());
    }
}

#[test]
fn what_does_not_fit_the_quota_is_refused_and_what_is_begun_counts() {
    let folder = tempfile::tempdir().unwrap();
    let quota = Bytes(4 * CHUNK as u64);
    let store = Content::open(folder.path(), quota, &Faults::default()).unwrap();
    let (small, large) = (bytes_of(5, CHUNK + 1), bytes_of(6, 3 * CHUNK));
    let partial = begun(&store, &large, &[]);
    for refused in [store.put(&small), store.put(&bytes_of(7, 5 * CHUNK))] {
        assert!(matches!(refused, Err(ContentError::Quota { .. })));
    }
    let outline = Outline::of(&small).unwrap();
    let refused = store.begin(outline.hash(), outline);
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("raise the quota"), "{said}");
    let hash = Hash::of(&large);
    assert!(matches!(
        store.remove(hash),
        Err(ContentError::InUse { .. })
    ));
    drop(partial);
    assert!(store.remove(hash).unwrap());
    store.put(&small).unwrap();
    // Less room than is taken refuses only what is new.
    let store = Content::open(folder.path(), Bytes(1), &Faults::default()).unwrap();
    assert!(store.has(Hash::of(&small)));
    store.put(&small).unwrap();
    assert!(matches!(store.put(b"ab"), Err(ContentError::Quota { .. })));
}

#[test]
fn after_a_crash_what_is_verified_stays_and_what_is_torn_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = bytes_of(8, 6 * CHUNK + 17);
    let hash = Hash::of(&bytes);
    drop(begun(&open(folder.path()), &bytes, &[0, 2, 3, 5]));
    // The power cut flips a byte of chunk 2 and takes the end of chunk 5.
    let file = folder.path().join(format!("{hash}.partial"));
    let mut torn = fs::read(&file).unwrap();
    torn[2 * CHUNK + 100] ^= 0x10;
    torn.truncate(5 * CHUNK + 100);
    fs::write(&file, torn).unwrap();

    let store = open(folder.path());
    assert!(!store.has(hash));
    let partial = store.resume(hash).unwrap().unwrap();
    assert_eq!(partial.missing(), [1, 2, 4, 5, 6]);
    for index in partial.missing() {
        partial.write(index, chunk(&bytes, index)).unwrap();
    }
    partial.finish().unwrap();
    assert_eq!(store.get(hash, ROOM).unwrap().unwrap(), bytes);
    assert!(store.unfinished().is_empty());
}

#[test]
fn a_wrong_chunk_and_a_wrong_outline_are_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let bytes = bytes_of(9, 2 * CHUNK + 3);
    let partial = begun(&store, &bytes, &[0]);
    for (index, wrong) in [(1, chunk(&bytes, 0)), (2, b"abcd"), (3, b""), (0, b"x")] {
        let refused = partial.write(index, wrong);
        assert!(matches!(refused, Err(ContentError::WrongChunk { index: i }) if i == index));
    }
    assert_eq!(partial.missing(), [1, 2]);
    let refused = partial.finish();
    assert!(matches!(
        refused,
        Err(ContentError::Incomplete { missing: 2, .. })
    ));
    let outline = Outline::of(&bytes).unwrap();
    let refused = store.begin(Hash::of(b"other"), outline);
    assert!(matches!(refused, Err(ContentError::Outline(_))));
    assert_eq!(store.unfinished().len(), 1);
}

#[test]
fn a_full_disk_at_any_sync_leaves_nothing_of_the_new_and_all_of_the_old() {
    for size in [100, 2 * CHUNK + 3] {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (bytes_of(10, size), bytes_of(11, size));
        let old_hash = open(folder.path()).put(&old).unwrap();
        let before = names(folder.path());
        let mut syncs = 0;
        loop {
            let full = Faults::new(Fault::Full, syncs);
            let store = Content::open(folder.path(), ROOM, &full).unwrap();
            let put = store.put(&new);
            assert_eq!(store.get(old_hash, ROOM).unwrap().unwrap(), old);
            if put.is_ok() {
                break;
            }
            assert!(matches!(put, Err(ContentError::File(_))), "sync {syncs}");
            assert!(!store.has(Hash::of(&new)), "sync {syncs}");
            assert_eq!(store.size(), Bytes(size as u64), "sync {syncs}");
            assert_eq!(names(folder.path()), before, "sync {syncs}");
            syncs += 1;
        }
        // The content's file and the folder; of several chunks, before that the outline's file and the folder.
        assert_eq!(syncs, if size > CHUNK { 4 } else { 2 });
    }
}

#[test]
fn a_download_that_cannot_be_finished_stays_begun_and_is_finished_later() {
    let bytes = bytes_of(12, 2 * CHUNK);
    let hash = Hash::of(&bytes);
    // The first two syncs are the outline's.
    for after in [2, 3] {
        let folder = tempfile::tempdir().unwrap();
        let full = Faults::new(Fault::Full, after);
        let store = Content::open(folder.path(), ROOM, &full).unwrap();
        let partial = begun(&store, &bytes, &[1, 0]);
        assert!(matches!(partial.finish(), Err(ContentError::File(_))));
        assert!(!store.has(hash));
        let store = open(folder.path());
        let partial = store.resume(hash).unwrap().unwrap();
        assert_eq!(partial.missing(), [0; 0]);
        partial.finish().unwrap();
        assert_eq!(store.get(hash, ROOM).unwrap().unwrap(), bytes);
    }
}

#[test]
fn after_a_failed_sync_no_chunk_since_the_last_one_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = bytes_of(13, 17 * CHUNK);
    let full = Faults::new(Fault::Full, 2);
    let store = Content::open(folder.path(), ROOM, &full).unwrap();
    let partial = begun(&store, &bytes, &Vec::from_iter(0..15));
    assert_eq!(partial.missing(), [15, 16]);
    let failed = partial.write(15, chunk(&bytes, 15));
    assert!(matches!(failed, Err(ContentError::File(_))));
    assert_eq!(partial.missing(), Vec::from_iter(0..17));
}

#[test]
fn a_content_has_one_writer_and_unfinished_ones_are_listed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let bytes = bytes_of(14, 2 * CHUNK);
    let hash = Hash::of(&bytes);
    let partial = begun(&store, &bytes, &[0]);
    let in_use = |result: ContentError| matches!(result, ContentError::InUse { .. });
    assert!(in_use(store.put(&bytes).unwrap_err()));
    assert!(in_use(store.resume(hash).unwrap_err()));
    let listed = store.unfinished();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].open && listed[0].hash == hash);
    drop(partial);
    let store = open(folder.path());
    let listed = store.unfinished();
    assert!(!listed[0].open && listed[0].written > Millis(0));
    assert_eq!(listed[0].size, Bytes(bytes.len() as u64));
    assert!(store.remove(hash).unwrap());
    assert_eq!((store.size(), names(folder.path()).len()), (Bytes(0), 0));
}

#[test]
fn opening_clears_away_what_is_of_no_use_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let whole = store.put(&bytes_of(15, CHUNK + 1)).unwrap();
    drop(begun(&store, &bytes_of(16, CHUNK + 1), &[1]));
    drop(begun(&store, b"a single chunk", &[]));
    fs::write(folder.path().join("notes.txt"), "a person's").unwrap();
    fs::create_dir(folder.path().join(Hash::of(b"folder").to_string())).unwrap();
    let kept = |name: &String| !name.starts_with(&Hash::of(b"a single chunk").to_string());
    let expected: Vec<String> = names(folder.path()).into_iter().filter(kept).collect();

    let lonely = Hash::of(b"lonely");
    for name in [
        ".x.0123456789abcdef.tmp".to_owned(),
        format!("{lonely}.outline"),
        format!("{lonely}.partial"),
        format!("{whole}.partial"),
    ] {
        fs::write(folder.path().join(name), "left over").unwrap();
    }
    let store = open(folder.path());
    assert_eq!(names(folder.path()), expected);
    assert_eq!(store.list(), [(whole, Bytes(CHUNK as u64 + 1))]);
    assert_eq!(store.unfinished().len(), 1);
}
