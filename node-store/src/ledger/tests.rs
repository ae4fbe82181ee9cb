//! What the ledger log promises, with damage to every file of its database.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::*;
use crate::faults::{Fault, Faults};

mod damage;

fn opened(folder: &Path) -> LedgerLog {
    let opened = LedgerLog::open(folder, &Faults::default()).unwrap();
    assert_eq!(opened.set_aside, None);
    opened.log
}

/// `bytes` bytes that belong to `number` alone.
fn filled(number: u64, bytes: usize) -> Vec<u8> {
    let mut value = vec![0; bytes];
    blake3::Hasher::new()
        .update(&number.to_be_bytes())
        .finalize_xof()
        .fill(&mut value);
    value
}

fn block(height: u64, bytes: usize) -> StoredBlock {
    StoredBlock {
        head: filled(height, 700),
        body: filled(height + 1_000_000, bytes),
    }
}

fn tile(level: u8, index: u64) -> TileKey {
    TileKey { level, index }
}

fn blobs(folder: &Path) -> usize {
    fs::read_dir(folder.join("blobs")).map_or(0, Iterator::count)
}

fn exercise(log: &LedgerLog) {
    assert_eq!((log.tip(), log.first()), (0, 0));
    assert_eq!((log.head(0).unwrap(), log.block(1).unwrap()), (None, None));
    let sizes = [0, 1, 6135, 6136, 6137, 12_279, 12_280, 12_281, 300_000];
    for (height, bytes) in (1..).zip(sizes) {
        let tiles = [
            (
                tile(0, 0),
                filled(height, TILE_MAX / usize::try_from(height).unwrap()),
            ),
            (tile(1, height), filled(height, 32)),
        ];
        log.append(height, &block(height, bytes), &tiles).unwrap();
    }
    log.sync().unwrap();
    assert_eq!((log.tip(), log.first()), (9, 1));
    for (height, bytes) in (1..).zip(sizes) {
        let expected = block(height, bytes);
        assert_eq!(
            log.block(height).unwrap().as_ref(),
            Some(&expected),
            "{height}"
        );
        assert_eq!(log.head(height).unwrap(), Some(expected.head));
        let own = log.tile(tile(1, height)).unwrap();
        assert_eq!(own, Some(filled(height, 32)));
    }
    assert_eq!(log.tile(tile(0, 0)).unwrap(), Some(filled(9, TILE_MAX / 9)));
    assert_eq!(log.tile(tile(0, 1)).unwrap(), None);

    refusals(log);
    prunes_and_cuts(log, &sizes);
    notes(log);

    log.prune_below(u64::MAX).unwrap();
    assert_eq!((log.tip(), log.first()), (8, 8));
    log.cut_above(7).unwrap();
    assert_eq!((log.tip(), log.first()), (7, 0));
    log.append(8, &block(8, 10), &[]).unwrap();
    assert_eq!((log.tip(), log.first()), (8, 8));
    log.sync().unwrap();
}

fn refusals(log: &LedgerLog) {
    for found in [0, 9, 11] {
        let error = log.append(found, &block(found, 1), &[]).unwrap_err();
        assert!(matches!(error, LedgerError::Height { expected: 10, found: f } if f == found));
    }
    let large = [(tile(0, 0), vec![0; TILE_MAX + 1])];
    let error = log.append(10, &block(10, 1), &large).unwrap_err();
    assert!(matches!(error, LedgerError::TooLarge { what: "tile", .. }));
    let error = log.append(10, &block(10, BLOCK_MAX + 1), &[]).unwrap_err();
    assert!(matches!(error, LedgerError::TooLarge { what: "block", .. }));
}

fn prunes_and_cuts(log: &LedgerLog, sizes: &[usize]) {
    log.prune_below(5).unwrap();
    assert_eq!((log.tip(), log.first()), (9, 5));
    assert_eq!(log.block(4).unwrap(), None);
    assert_eq!(log.head(4).unwrap(), Some(block(4, 0).head));
    assert_eq!(log.block(5).unwrap(), Some(block(5, sizes[4])));
    log.prune_below(3).unwrap();
    assert_eq!(log.first(), 5);

    log.cut_above(7).unwrap();
    assert_eq!((log.tip(), log.first()), (7, 5));
    assert_eq!((log.head(8).unwrap(), log.block(8).unwrap()), (None, None));
    let twice = [(tile(0, 0), filled(1, 8000)), (tile(0, 0), filled(2, 20))];
    log.append(8, &block(88, 10), &twice).unwrap();
    assert_eq!(log.block(8).unwrap(), Some(block(88, 10)));
    assert_eq!(log.tile(tile(0, 0)).unwrap(), Some(filled(2, 20)));
}

fn notes(log: &LedgerLog) {
    for bytes in [0, 5, 6136, 6137, 3_000_000, 40] {
        log.put_note("state", &filled(7, bytes)).unwrap();
        log.put_note("stat", &filled(8, bytes)).unwrap();
        assert_eq!(
            log.note("state").unwrap(),
            Some(filled(7, bytes)),
            "{bytes}"
        );
    }
    assert_eq!(log.note("stat").unwrap(), Some(filled(8, 40)));
    assert_eq!(
        (log.note("").unwrap(), log.note("states").unwrap()),
        (None, None)
    );
    let error = log.put_note(&"n".repeat(NAME_MAX + 1), b"").unwrap_err();
    assert!(matches!(
        error,
        LedgerError::TooLarge {
            what: "note's name",
            ..
        }
    ));
}

#[test]
fn memory_and_disk_behave_the_same_and_a_disk_log_is_there_again() {
    exercise(&LedgerLog::memory());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    exercise(&opened(&path));
    let log = opened(&path);
    assert_eq!((log.tip(), log.first()), (8, 8));
    assert_eq!(log.block(8).unwrap(), Some(block(8, 10)));
    assert_eq!(log.note("stat").unwrap(), Some(filled(8, 40)));
    // Nothing of a replaced note is left: 7 and 1 heads of a row each, one body, tiles 0/0 and 1/1 to 1/9, two notes.
    assert_eq!(log.read().rows, 8 + 1 + 1 + 9 + 2 * 2);
    assert_eq!(blobs(&path), 0);
}

#[test]
fn large_bodies_and_tiles_written_again_and_again_make_no_blob() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    for round in 0..2 {
        let log = opened(&path);
        for height in log.tip() + 1..=log.tip() + 12 {
            let tiles: Vec<_> = (0..40)
                .map(|index| (tile(0, index), filled(height + index, TILE_MAX)))
                .collect();
            log.append(height, &block(height, 1 << 20), &tiles).unwrap();
            log.sync().unwrap();
            if height % 5 == 0 {
                log.prune_below(height - 2).unwrap();
                log.put_note("state", &filled(height, 700_000)).unwrap();
            }
        }
        assert_eq!(blobs(&path), 0, "{round}");
    }
    let log = opened(&path);
    assert_eq!(log.block(24).unwrap(), Some(block(24, 1 << 20)));
    assert_eq!(log.tile(tile(0, 39)).unwrap(), Some(filled(63, TILE_MAX)));
}

#[test]
fn after_a_failed_sync_nothing_is_believed_until_the_log_is_opened_again() {
    for fault in [Fault::Full, Fault::Broken] {
        let folder = tempfile::tempdir().unwrap();
        // Two syncs of folders at the opening, one of the first block.
        let faults = Faults::new(fault, 3);
        let path = folder.path().join("ledger");
        let log = LedgerLog::open(&path, &faults).unwrap().log;
        log.append(1, &block(1, 10), &[]).unwrap();
        log.sync().unwrap();
        log.append(2, &block(2, 10), &[]).unwrap();
        assert!(matches!(log.sync(), Err(LedgerError::File(_))));
        assert!(matches!(log.sync(), Err(LedgerError::Stopped)));
        let refused = log.append(3, &block(3, 10), &[]);
        assert!(matches!(refused, Err(LedgerError::Stopped)));
        drop(log);
        let log = opened(&path);
        assert_eq!(log.block(1).unwrap(), Some(block(1, 10)));
    }
}

#[test]
fn a_note_that_was_not_finished_is_cleared_away_and_the_old_one_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let log = opened(&path);
    log.put_note("state", b"old").unwrap();
    let rows = log.read().rows;
    // As if the process ended after the first batch of a large note.
    let mut state = log.write();
    let mut next = state.clone();
    next.generation += 1;
    let key = block_key(Kind::Content, next.generation);
    let large = filled(1, 100_000);
    let written = (0..9).map(|row| (layout::row_key(&key, row), Some(layout::row(&large, row))));
    log.0
        .rows
        .apply(written.collect(), &mut state, next)
        .unwrap();
    assert_eq!(state.rows, rows + 9);
    drop(state);
    log.sync().unwrap();
    drop(log);
    let log = opened(&path);
    assert_eq!(log.read().rows, rows);
    assert_eq!(log.note("state").unwrap(), Some(b"old".to_vec()));
    log.put_note("state", b"new").unwrap();
    assert_eq!(log.note("state").unwrap(), Some(b"new".to_vec()));
}

#[test]
fn a_part_of_a_note_is_that_part_wherever_its_rows_end() {
    let log = LedgerLog::memory();
    let bytes = filled(1, 20_000);
    log.put_note("large", &bytes).unwrap();
    for from in [0, 1, 6_135, 6_136, 6_137, 12_279, 12_280, 19_999, 20_000] {
        for max in [0, 1, 6_136, 6_144, 50_000] {
            let end = bytes.len().min(from + max);
            let found = log.note_part("large", from as u64, max).unwrap();
            let expected = (20_000, bytes[from..end].to_vec());
            assert_eq!(found, Some(expected), "{from} {max}");
        }
    }
    assert_eq!(log.note_part("none", 0, 1).unwrap(), None);
    let past = log.note_part("large", u64::MAX, 10).unwrap();
    assert_eq!(past, Some((20_000, Vec::new())));
}

#[test]
fn a_log_begins_again_at_a_later_height_and_a_copy_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let log = opened(&folder.path().join("ledger"));
    for height in 1..=300 {
        log.append(height, &block(height, 100), &[]).unwrap();
    }
    log.put_note("name", b"said").unwrap();
    let heads = [(700, filled(700, 90)), (1_000, filled(1_000, 90))];
    let edge = [(tile(0, 3), filled(9, 64))];
    log.begin_at(1_000, &heads, &edge).unwrap();
    assert_eq!((log.tip(), log.first()), (1_000, 0));
    assert_eq!(log.block(1_000).unwrap(), None);
    assert_eq!(log.head(300).unwrap(), Some(filled(300, 700)));
    assert_eq!(log.head(301).unwrap(), None);
    assert_eq!(log.head(700).unwrap(), Some(filled(700, 90)));
    log.append(1_001, &block(1_001, 100), &[]).unwrap();
    log.sync().unwrap();
    assert_eq!((log.tip(), log.first()), (1_001, 1_001));
    let copy = opened(&folder.path().join("copy"));
    log.copy_to(&copy).unwrap();
    copy.sync().unwrap();
    drop((log, copy));
    for name in ["ledger", "copy"] {
        let log = opened(&folder.path().join(name));
        assert_eq!((log.tip(), log.first()), (1_001, 1_001));
        assert_eq!(log.head(1_000).unwrap(), Some(filled(1_000, 90)));
        assert_eq!(log.block(1_001).unwrap(), Some(block(1_001, 100)));
        assert_eq!(log.tile(tile(0, 3)).unwrap(), Some(filled(9, 64)));
        assert_eq!(log.note("name").unwrap(), Some(b"said".to_vec()));
        assert_eq!(log.block(300).unwrap(), Some(block(300, 100)));
        assert_eq!(log.block(301).unwrap(), None);
        log.forget_bodies(1..=300).unwrap();
        assert_eq!(log.block(300).unwrap(), None);
        assert_eq!(log.block(1_001).unwrap(), Some(block(1_001, 100)));
    }
}
