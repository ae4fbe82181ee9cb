//! A child process that writes the vote log and the ledger is killed again and again, at random moments and at chosen
//! syncs: whatever it had said was durable is there afterwards, whole and in order.

#![cfg(feature = "database")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use edgecoder_node_store::{Faults, Journal, LedgerLog, StoredBlock, TileKey};

const FOLDER: &str = "KILL_POINTS_FOLDER";
const FAULT: &str = "KILL_POINTS_FAULT";
/// Blocks between two restarts of the vote log, and the records that a restart keeps.
const RESTART: u64 = 5;
const KEPT: u64 = 3;
/// Lives of one folder: later ones begin with what the earlier left.
const LIVES: u64 = 10;

/// What is stored under a number, so that anyone can tell whether it is right.
fn bytes(number: u64, most: u64) -> Vec<u8> {
    let hash = blake3::hash(&number.to_be_bytes());
    let length = u64::from(hash.as_bytes()[0]) * most / 255;
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.resize(8 + length as usize, hash.as_bytes()[1]);
    bytes
}

fn block(height: u64) -> StoredBlock {
    StoredBlock {
        head: bytes(height, 300),
        body: bytes(height + (1 << 40), 60_000),
    }
}

const TILE: TileKey = TileKey { level: 0, index: 7 };

fn number(record: &[u8]) -> u64 {
    u64::from_be_bytes(*record.first_chunk().unwrap())
}

/// Checks that records are right and without a gap: the last one's number.
fn last_of(records: &[Vec<u8>]) -> u64 {
    for (record, next) in records.iter().zip(&records[1.min(records.len())..]) {
        assert_eq!(number(record) + 1, number(next));
    }
    for record in records {
        assert_eq!(*record, bytes(number(record), 9000));
    }
    records.last().map_or(0, |record| number(record))
}

/// The child: writes until it is killed, and says after each sync what is durable. `v` a vote, `b` a block.
fn write(folder: &Path) -> ! {
    let faults = std::env::var(FAULT).ok();
    let faults = faults
        .and_then(|fault| Faults::parse(&fault))
        .unwrap_or_default();
    let (mut journal, replay) = Journal::open(&folder.join("votes"), &faults).unwrap();
    let opened = LedgerLog::open(&folder.join("ledger"), &faults).unwrap();
    assert_eq!((replay.damaged, opened.set_aside), (false, None));
    let log = opened.log;
    let mut vote = last_of(&replay.records);
    loop {
        for _ in 0..3 {
            vote += 1;
            journal.append(&bytes(vote, 9000)).unwrap();
            if !vote.is_multiple_of(4) {
                journal.sync().unwrap();
                println!("v {vote}");
            }
        }
        let height = log.tip() + 1;
        let tiles = [(TILE, bytes(height, 8000))];
        log.append(height, &block(height), &tiles).unwrap();
        log.sync().unwrap();
        println!("b {height}");
        if height.is_multiple_of(RESTART) {
            log.put_note("state", &bytes(height, 30_000)).unwrap();
            log.prune_below(height - 2).unwrap();
            let first = vote.saturating_sub(KEPT - 1).max(1);
            let keep: Vec<_> = (first..=vote).map(|vote| bytes(vote, 9000)).collect();
            journal.sync().unwrap();
            journal.restart(&keep).unwrap();
            println!("v {vote}");
        }
    }
}

/// The highest number that the child said is durable.
fn said(output: &str, letter: &str) -> u64 {
    // Only whole lines: the last may have been cut off.
    let whole = output.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let mut numbers = whole
        .lines()
        .filter_map(|line| line.strip_prefix(letter)?.trim().parse().ok());
    numbers.next_back().unwrap_or(0)
}

/// The parent, after a kill: returns the last vote and the tip.
fn check(folder: &Path, output: &str, before: (u64, u64)) -> (u64, u64) {
    let (votes, blocks) = (
        said(output, "v ").max(before.0),
        said(output, "b ").max(before.1),
    );
    let (_, replay) = Journal::open(&folder.join("votes"), &Faults::default()).unwrap();
    assert!(!replay.damaged, "{output}");
    let last = last_of(&replay.records);
    assert!(last >= votes, "{last} of {votes} acknowledged: {output}");
    let kept = last.min(KEPT);
    assert!(
        replay.records.len() as u64 >= kept,
        "{} of {kept}",
        replay.records.len()
    );

    let opened = LedgerLog::open(&folder.join("ledger"), &Faults::default()).unwrap();
    assert_eq!(opened.set_aside, None, "{output}");
    let log = opened.log;
    assert!(
        log.tip() >= blocks,
        "{} of {blocks} acknowledged: {output}",
        log.tip()
    );
    for height in 1..=log.tip() {
        let expected = block(height);
        assert_eq!(log.head(height).unwrap().as_ref(), Some(&expected.head));
        let body = (height >= log.first()).then_some(expected);
        assert_eq!(log.block(height).unwrap(), body, "{height}");
    }
    if log.tip() > 0 {
        assert_eq!(log.tile(TILE).unwrap(), Some(bytes(log.tip(), 8000)));
    }
    if let Some(note) = log.note("state").unwrap() {
        assert_eq!(note, bytes(number(&note), 30_000));
    }
    let blobs = std::fs::read_dir(folder.join("ledger/blobs")).unwrap();
    assert_eq!(blobs.count(), 0);
    (last, log.tip())
}

/// The named test of this file is its own child: with a folder in the environment it writes there until it is killed.
fn kill_points(test: &str, kills: u64, seed: u64) {
    if let Ok(folder) = std::env::var(FOLDER) {
        write(Path::new(&folder));
    }
    println!("seed {seed}");
    let mut folder = tempfile::tempdir().unwrap();
    let (mut known, mut acknowledged) = ((0, 0), 0);
    for kill in 0..kills {
        if kill.is_multiple_of(LIVES) {
            folder = tempfile::tempdir().unwrap();
            known = (0, 0);
        }
        let hash = blake3::hash(&(seed + kill).to_be_bytes());
        let random = u64::from_be_bytes(*hash.as_bytes().first_chunk().unwrap());
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([test, "--exact", "--nocapture", "--include-ignored"]);
        command
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if kill.is_multiple_of(2) {
            command.env(FAULT, format!("die:{}", random % 60));
        }
        let mut child = command.spawn().unwrap();
        if kill % 2 == 1 {
            std::thread::sleep(Duration::from_micros(2_000 + random % 150_000));
            child.kill().unwrap();
        }
        let mut output = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut output)
            .unwrap();
        assert!(!child.wait().unwrap().success());
        acknowledged += output
            .lines()
            .filter(|line| line.starts_with(['v', 'b']))
            .count();
        known = check(folder.path(), &output, known);
    }
    println!("{kills} kills, {acknowledged} acknowledgements");
    assert!(
        acknowledged as u64 > kills * 4,
        "{acknowledged}: the child wrote too little to show anything"
    );
}

#[test]
fn what_was_acknowledged_survives_fifty_kills() {
    kill_points("what_was_acknowledged_survives_fifty_kills", 50, 0);
}

#[test]
#[ignore = "acceptance: kill-points"]
fn what_was_acknowledged_survives_a_thousand_kill_points() {
    kill_points(
        "what_was_acknowledged_survives_a_thousand_kill_points",
        1_000,
        1 << 20,
    );
}
