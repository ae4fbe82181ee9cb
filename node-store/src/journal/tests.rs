//! What the vote log promises: round trips, crashes at any sync, full disks. Damage is in the module below.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::faults::Fault;

mod damage;

fn off() -> Faults {
    Faults::default()
}

fn record(number: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| number ^ (at % 251) as u8).collect()
}

fn open(disk: &MemoryDisk) -> (Journal, Replay) {
    Journal::memory(disk, &off()).unwrap()
}

fn whole(records: &[Vec<u8>]) -> Replay {
    Replay {
        records: records.to_vec(),
        damaged: false,
    }
}

/// Appends and syncs.
fn write(journal: &mut Journal, record: &[u8]) -> Result<(), JournalError> {
    journal.append(record)?;
    journal.sync()
}

#[test]
fn records_come_back_in_order_from_files_of_the_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/votes");
    let (mut journal, replay) = Journal::open(&path, &off()).unwrap();
    assert_eq!((replay, journal.bytes()), (whole(&[]), 0));
    let mut records = Vec::new();
    for (number, bytes) in (0..).zip([0, 1, 300, 4096, 1 << 20, RECORD_MAX, 7]) {
        records.push(record(number, bytes));
        journal.append(&record(number, bytes)).unwrap();
        if number % 3 != 0 {
            let before = journal.syncs();
            journal.sync().unwrap();
            journal.sync().unwrap();
            assert_eq!(
                journal.syncs(),
                before + 1,
                "nothing pending, nothing synced"
            );
        }
    }
    let refused = journal.append(&vec![0; RECORD_MAX + 1]);
    assert!(matches!(refused, Err(JournalError::RecordTooLarge { .. })));
    journal.sync().unwrap();
    let bytes = journal.bytes();
    drop(journal);

    let (mut journal, replay) = Journal::open(&path, &off()).unwrap();
    assert_eq!((replay, journal.bytes()), (whole(&records), bytes));
    journal.append(b"pending").unwrap();
    journal.restart(&records[2..4]).unwrap();
    journal.sync().unwrap();
    drop(journal);

    let (journal, replay) = Journal::open(&path, &off()).unwrap();
    let kept = [records[2].clone(), records[3].clone(), b"pending".to_vec()];
    assert_eq!(replay, whole(&kept));
    assert!(journal.bytes() < 5000);
    for name in ["votes-0", "votes-1"] {
        let mode = path.join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_journal_without_end_is_refused_and_a_restart_frees_it() {
    let (mut journal, _) = open(&MemoryDisk::default());
    let large = vec![7; RECORD_MAX];
    let error = (0..100).find_map(|_| journal.append(&large).err());
    assert!(matches!(error, Some(JournalError::Full)));
    journal.sync().unwrap();
    assert!(journal.bytes() > SEGMENT_MAX - 8 * STEP);
    let keep = vec![large.clone(); 64];
    assert!(matches!(journal.restart(&keep), Err(JournalError::Full)));
    journal.restart(&keep[..5]).unwrap();
    write(&mut journal, &large).unwrap();
}

/// A number below `limit` that a seed repeats.
fn below(seed: &mut u64, limit: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    (*seed >> 33) % limit
}

/// One life of a journal, until a sync fails: what was acknowledged, and what may be there besides.
struct Life {
    acknowledged: Vec<Vec<u8>>,
    /// Of an unfinished sync, all or none.
    pending: Vec<Vec<u8>>,
    /// Of an unfinished restart.
    keep: Option<Vec<Vec<u8>>>,
}

fn live(disk: &MemoryDisk, known: Vec<Vec<u8>>, seed: &mut u64) -> Life {
    let mut life = Life {
        acknowledged: known,
        pending: Vec::new(),
        keep: None,
    };
    let faults = Faults::new(Fault::Broken, below(seed, 14));
    let Ok((mut journal, replay)) = Journal::memory(disk, &faults) else {
        return life;
    };
    assert_eq!(replay, whole(&life.acknowledged));
    loop {
        if below(seed, 6) == 0 {
            let from = below(seed, life.acknowledged.len() as u64 + 1);
            let keep = life.acknowledged[from as usize..].to_vec();
            life.keep = Some(keep.clone());
            if journal.restart(&keep).is_err() {
                return life;
            }
            life.keep = None;
            life.acknowledged = keep;
        }
        for _ in 0..=below(seed, 3) {
            let (number, bytes) = (below(seed, 256) as u8, below(seed, 3000) as usize);
            life.pending.push(record(number, bytes));
            journal.append(&record(number, bytes)).unwrap();
        }
        if journal.sync().is_err() {
            assert!(matches!(journal.sync(), Err(JournalError::Failed)));
            assert!(matches!(journal.append(b""), Err(JournalError::Failed)));
            assert!(matches!(journal.restart(&[]), Err(JournalError::Failed)));
            return life;
        }
        life.acknowledged.append(&mut life.pending);
    }
}

#[test]
fn a_power_cut_at_any_sync_loses_nothing_acknowledged_and_is_no_damage() {
    for run in 0..40_u64 {
        let disk = MemoryDisk::default();
        let mut seed = run;
        let mut known = Vec::new();
        for cut in 0..12 {
            let life = live(&disk, known, &mut seed);
            match below(&mut seed, 3) {
                0 => disk.crash(),
                1 => disk.crash_torn(seed),
                // The process alone ended: what was written is there.
                _ => (),
            }
            let (_, replay) = open(&disk);
            let with_pending = [life.acknowledged.clone(), life.pending].concat();
            let possible = [Some(life.acknowledged), Some(with_pending), life.keep];
            let found = possible
                .into_iter()
                .flatten()
                .find(|it| *it == replay.records);
            assert!(
                !replay.damaged,
                "run {run}, cut {cut}: {} records",
                replay.records.len()
            );
            known = found.unwrap_or_else(|| panic!("run {run}, cut {cut}: {replay:?}"));
            // What a replay showed is durable from then on.
            disk.crash();
        }
    }
}

#[test]
fn what_is_replayed_is_durable_even_if_the_sync_before_had_failed() {
    let disk = MemoryDisk::default();
    let (mut journal, _) = open(&disk);
    write(&mut journal, b"one").unwrap();
    journal.faults = Faults::new(Fault::Broken, 0);
    write(&mut journal, b"two").unwrap_err();
    // As Linux does: after a failed sync the pages count as clean, and no later sync writes them.
    disk.believe_unsynced();
    let both = whole(&[b"one".to_vec(), b"two".to_vec()]);
    assert_eq!(open(&disk).1, both);
    disk.crash();
    assert_eq!(open(&disk).1, both);
}

#[test]
fn a_fault_at_any_sync_of_a_restart_leaves_the_old_records_or_the_new() {
    let old = [record(1, 100), record(2, 200)];
    let new = [record(2, 200), record(3, 300)];
    for fault in [Fault::Full, Fault::Broken] {
        let mut seen = [0, 0];
        for after in 0..4 {
            let folder = tempfile::tempdir().unwrap();
            let (mut journal, _) = Journal::open(folder.path(), &off()).unwrap();
            old.iter()
                .for_each(|record| journal.append(record).unwrap());
            journal.sync().unwrap();
            journal.faults = Faults::new(fault, after);
            let done = journal.restart(&new);
            assert_eq!(done.is_ok(), after == 3, "{after}: {done:?}");
            drop(journal);
            let (mut journal, replay) = Journal::open(folder.path(), &off()).unwrap();
            assert!(replay == whole(&old) || (replay == whole(&new) && after > 0));
            seen[usize::from(replay == whole(&new))] += 1;
            write(&mut journal, b"more").unwrap();
            drop(journal);
            let (_, again) = Journal::open(folder.path(), &off()).unwrap();
            assert_eq!(
                again,
                whole(&[replay.records, vec![b"more".to_vec()]].concat())
            );
        }
        // The header is written before the second sync.
        assert_eq!(seen, [1, 3]);
    }
}

#[test]
fn a_full_disk_poisons_the_journal_until_it_is_opened_again() {
    for fault in [Fault::Full, Fault::Broken] {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path(), &off()).unwrap();
        write(&mut journal, b"one").unwrap();
        journal.faults = Faults::new(fault, 0);
        assert!(matches!(
            write(&mut journal, b"two"),
            Err(JournalError::File(_))
        ));
        // The disk has room again, but what it holds is not known.
        journal.faults = off();
        assert!(matches!(journal.sync(), Err(JournalError::Failed)));
        assert!(matches!(
            write(&mut journal, b"three"),
            Err(JournalError::Failed)
        ));
        drop(journal);
        let (mut journal, replay) = Journal::open(folder.path(), &off()).unwrap();
        assert_eq!(replay, whole(&[b"one".to_vec(), b"two".to_vec()]));
        write(&mut journal, b"three").unwrap();
    }
}
