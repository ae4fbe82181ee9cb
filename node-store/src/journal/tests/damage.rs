//! Torn tails, flipped bits, bytes of earlier uses, missing files: which are damage and which are not.

use super::*;

/// A journal of one record per sync, restarted once, and where each of the live file's frames ends.
fn small() -> (MemoryDisk, Vec<Vec<u8>>, Vec<usize>) {
    let disk = MemoryDisk::default();
    let (mut journal, _) = open(&disk);
    write(&mut journal, b"of the first segment").unwrap();
    let mut records = vec![record(1, 40)];
    journal.restart(&records).unwrap();
    let mut ends = vec![journal.end as usize];
    for number in 2..5 {
        records.push(record(number, 30 + usize::from(number)));
        write(&mut journal, records.last().unwrap()).unwrap();
        ends.push(journal.end as usize);
    }
    assert_eq!(journal.live, 1);
    (disk, records, ends)
}

fn copy(disk: &MemoryDisk) -> MemoryDisk {
    let copy = MemoryDisk::default();
    for index in 0..2 {
        let bytes = Disk::memory(disk).read(index, SEGMENT_MAX).unwrap();
        copy.edit(index, |file| *file = bytes);
    }
    copy
}

#[test]
fn a_tail_torn_at_any_byte_is_no_damage_and_the_log_goes_on() {
    let (disk, records, ends) = small();
    let (start, end) = (ends[2], ends[3]);
    for at in start..end {
        // Zeros from there on, or garbage: neither is a record, then or later.
        for garbage in [0, 0xa5] {
            let disk = copy(&disk);
            disk.edit(1, |file| {
                file[at..end].fill(0);
                file[at + 1..end].fill(garbage);
            });
            let (mut journal, replay) = open(&disk);
            assert_eq!(replay, whole(&records[..3]), "{at}");
            write(&mut journal, b"!").unwrap();
            let shorter = journal.end as usize;
            disk.edit(1, |file| {
                assert!(file[shorter..].iter().all(|byte| *byte == 0))
            });
            let expected = [&records[..3], &[b"!".to_vec()]].concat();
            assert_eq!(open(&disk).1, whole(&expected), "{at}");
        }
    }
}

#[test]
fn a_file_cut_within_its_last_frame_is_torn_and_one_cut_shorter_than_made_is_damaged() {
    let disk = MemoryDisk::default();
    let (mut journal, _) = open(&disk);
    let records = [record(1, 2 << 20), record(2, 50)];
    write(&mut journal, &records[0]).unwrap();
    let start = journal.end as usize;
    write(&mut journal, &records[1]).unwrap();
    for at in start..journal.end as usize {
        let disk = copy(&disk);
        disk.edit(0, |file| file.truncate(at));
        let (mut journal, replay) = open(&disk);
        assert_eq!(replay, whole(&records[..1]), "{at}");
        write(&mut journal, &records[1]).unwrap();
        assert_eq!(open(&disk).1, whole(&records), "{at}");
    }
    let (disk, ..) = small();
    for at in [0, 10, 4100, FRAMES_START + 10, FRAMES_START + STEP - 1] {
        let disk = copy(&disk);
        disk.edit(1, |file| file.truncate(at as usize));
        assert!(open(&disk).1.damaged, "{at}");
    }
}

#[test]
fn a_bit_flipped_in_a_synced_record_is_damage_unless_it_is_of_the_last_sync() {
    let (disk, records, ends) = small();
    let mut outcomes = [0; 3];
    for index in [0, 1] {
        // The old segment's frames are not read: some of them will do.
        let frames = (FRAMES_START as usize..ends[3]).step_by([8, 1][index]);
        for at in (0..60).chain(4094..4130).chain(frames) {
            let disk = copy(&disk);
            disk.edit(index, |file| file[at] ^= 1 << (at % 8));
            let (_, replay) = open(&disk);
            if replay.damaged {
                assert!(
                    records.starts_with(&replay.records) || index == 1,
                    "{index} {at}"
                );
                outcomes[0] += 1;
            } else if replay.records == records {
                // Bytes that mean nothing: of the old segment, and between header and mark.
                let old = index == 0 && at >= FRAMES_START as usize;
                let between = (56..4096).contains(&at) || (4128..8192).contains(&at);
                assert!(old || between, "{index} {at}");
                outcomes[1] += 1;
            } else {
                assert_eq!(replay, whole(&records[..3]), "{index} {at}");
                assert!(index == 1 && at >= ends[2], "{index} {at}");
                outcomes[2] += 1;
            }
        }
    }
    assert!(outcomes.iter().all(|count| *count > 30), "{outcomes:?}");
}

#[test]
fn zeros_where_a_synced_record_was_are_damage() {
    let (disk, records, ends) = small();
    for frame in 0..3 {
        let disk = copy(&disk);
        let start = if frame == 0 {
            FRAMES_START as usize
        } else {
            ends[frame - 1]
        };
        disk.edit(1, |file| file[start..ends[frame]].fill(0));
        let (_, replay) = open(&disk);
        assert!(
            replay.damaged && replay.records == records[..frame],
            "{frame}"
        );
    }
    // What a restart kept was durable before the header: here even the last record is missed.
    let (mut journal, _) = open(&disk);
    journal.restart(&records).unwrap();
    disk.edit(0, |file| file[FRAMES_START as usize + 60] ^= 1);
    assert!(open(&disk).1.damaged);
}

#[test]
fn bytes_of_an_earlier_use_are_never_replayed() {
    let (disk, records, ends) = small();
    let old = Disk::memory(&disk).read(1, SEGMENT_MAX).unwrap();
    let (mut journal, _) = open(&disk);
    // Twice: the same file again.
    journal.restart(&records[..1]).unwrap();
    journal.restart(&records[..1]).unwrap();
    assert_eq!((journal.live, journal.end as usize), (1, ends[0]));
    disk.edit(1, |file| {
        assert!(file[ends[0]..].iter().all(|byte| *byte == 0));
        // As a disk that lost the zeros would give them back: same places, same contents, another salt.
        file[ends[0]..ends[3]].copy_from_slice(&old[ends[0]..ends[3]]);
    });
    let (mut journal, replay) = open(&disk);
    assert_eq!(replay, whole(&records[..1]));
    write(&mut journal, b"next").unwrap();
    assert_eq!(
        open(&disk).1.records,
        [records[0].clone(), b"next".to_vec()]
    );
    // Of a journal whose both files were lost, so that the new one counts from the same generation.
    let (disk, records, ends) = small();
    let old = Disk::memory(&disk).read(1, SEGMENT_MAX).unwrap();
    let (disk, ..) = small();
    disk.edit(1, |file| {
        file[ends[3]..ends[3] + 90].copy_from_slice(&old[ends[0]..ends[0] + 90])
    });
    assert_eq!(open(&disk).1, whole(&records));
    // A frame of this segment, whole, but not after its predecessor.
    let (disk, records, ends) = small();
    disk.edit(1, |file| file.copy_within(ends[1]..ends[2], ends[3]));
    let (_, replay) = open(&disk);
    assert!(replay.damaged && replay.records == records);
}

#[test]
fn a_missing_or_blank_live_segment_is_damage_and_a_missing_old_one_is_not() {
    let (disk, records, _) = small();
    let case = |edit: &dyn Fn(&MemoryDisk)| {
        let disk = copy(&disk);
        edit(&disk);
        open(&disk).1
    };
    for page in [0..4096, 0..8192] {
        assert!(case(&|disk| disk.edit(1, |file| file[page.clone()].fill(0))).damaged);
    }
    assert!(case(&|disk| disk.edit(1, Vec::clear)).damaged);
    assert_eq!(case(&|disk| disk.edit(0, Vec::clear)), whole(&records));
    let both = |disk: &MemoryDisk| (0..2).for_each(|index| disk.edit(index, Vec::clear));
    assert_eq!(case(&both), whole(&[]), "a rollback as a whole is not seen");
    // A journal that was never restarted, too.
    let disk = MemoryDisk::default();
    write(&mut open(&disk).0, b"one").unwrap();
    disk.edit(0, Vec::clear);
    assert!(open(&disk).1.damaged);
}

#[test]
fn a_damaged_journal_stays_so_until_its_restart_is_whole() {
    for (file, at) in [(1, FRAMES_START as usize + 50), (1, 20), (0, 4100)] {
        for after in 0..6 {
            let (disk, records, _) = small();
            disk.edit(file, |file| file[at] ^= 4);
            let (mut journal, replay) = open(&disk);
            assert!(replay.damaged);
            assert!(matches!(
                write(&mut journal, b""),
                Err(JournalError::Damaged)
            ));
            drop(journal);
            let (mut journal, replay) = open(&disk);
            assert!(replay.damaged, "said again");
            journal.faults = Faults::new(Fault::Broken, after);
            let done = journal.restart(&records[1..]);
            disk.crash_torn(after);
            let (mut journal, replay) = open(&disk);
            if done.is_ok() || !replay.damaged {
                assert_eq!(replay, whole(&records[1..]), "{file} {at} {after}");
                write(&mut journal, b"goes on").unwrap();
                assert!(!open(&disk).1.damaged);
            }
            assert_eq!(done.is_ok(), after >= 4, "{after}");
        }
    }
}
