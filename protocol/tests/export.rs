//! An exported ledger is checked twice: here, and by a Python program that shares no code with it. Both find the same
//! roots in a good one, and the same height and kind of breach in a bad one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use std::{fs, path::PathBuf, process::Command};

use edgecoder_protocol::ledger::{
    chain::BadBlock,
    export::{self, Breach, ExportError},
};

#[path = "export/mutations.rs"]
mod mutations;
#[path = "export/story.rs"]
mod story;
#[path = "export/world.rs"]
mod world;

use world::World;

/// The lines of an exported ledger.
fn lines(world: &World) -> Vec<String> {
    let blocks = world.blocks.iter().map(ToString::to_string);
    std::iter::once(world::founding().to_string())
        .chain(blocks)
        .collect()
}

fn verify(lines: &[String]) -> Result<export::Summary, ExportError> {
    export::verify(lines.iter().map(String::as_str))
}

/// What the Python program says of each, in one run; whether all were good.
fn foreign(name: &str, ledgers: &[Vec<String>]) -> (Vec<String>, bool) {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/ledger/check.py");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    let files = ledgers.iter().enumerate().map(|(number, lines)| {
        let file = folder.join(format!("{number}.jsonl"));
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(&file, text).unwrap();
        file
    });
    let run = Command::new("python3")
        .args(["-I", "-S"])
        .arg(script)
        .args(files)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(errors.is_empty(), "{errors}");
    fs::remove_dir_all(&folder).unwrap();
    let said = String::from_utf8(run.stdout).unwrap();
    (
        said.lines().map(str::to_owned).collect(),
        run.status.success(),
    )
}

/// How both name what is wrong.
fn breach(error: &ExportError) -> String {
    let what = match &error.breach {
        Breach::Certificate => "certificate".to_owned(),
        Breach::Credits { .. } => "credits".to_owned(),
        Breach::Block(bad) => match bad {
            BadBlock::Foreign => "foreign".to_owned(),
            BadBlock::Height { .. } => "height".to_owned(),
            BadBlock::Parent => "parent".to_owned(),
            BadBlock::Time => "time".to_owned(),
            BadBlock::Size => "size".to_owned(),
            BadBlock::Members => "members".to_owned(),
            BadBlock::Signature { index } => format!("signature {index}"),
            BadBlock::Entry { index, .. } => format!("entry {index}"),
            BadBlock::Log => "log".to_owned(),
            BadBlock::State => "state".to_owned(),
            other => panic!("{other}"),
        },
        // Empty, or what does not read.
        _ => "line".to_owned(),
    };
    format!("bad: height {}: {what}", error.height)
}

fn is_checked(name: &str, entries: usize, block: usize) {
    let world = World::of(entries, block);
    let lines = lines(&world);
    let summary = verify(&lines).unwrap();
    assert!(world.forgotten > 0);
    let supply = world.state.supply().unwrap();
    assert_eq!(summary.entries, entries as u64);
    assert_eq!(summary.blocks, (entries / block) as u64);
    assert_eq!(summary.state, world.state.root());
    assert_eq!(summary.supply.0, supply.issued.0 - supply.burned.0);
    let founding = world::founding();
    let expected = format!(
        "ok: {} entries in {} blocks, state root {}, supply {}, network {}",
        summary.entries,
        summary.blocks,
        summary.state,
        summary.supply,
        founding.genesis.id(),
    );
    let found = foreign(name, &[lines]);
    assert_eq!(found, (vec![expected], true));
}

#[test]
fn a_ledger_with_every_kind_of_entry_is_checked_by_a_foreign_program() {
    is_checked("every-kind", 500, 50);
}

#[test]
fn what_is_wrong_with_a_ledger_is_found_by_both_programs_at_the_same_height() {
    let bad = mutations::all();
    assert!(bad.len() >= 40, "{}", bad.len());
    let found = bad.iter().map(|one| {
        let error = verify(&one.lines).map_err(|error| {
            let shown = format!("{error:?}");
            let is_expected = one.breach.is_empty() || error.height == one.height;
            assert!(
                is_expected && shown.contains(one.breach),
                "{}: {shown}",
                one.name
            );
            breach(&error)
        });
        error.expect_err(&one.name)
    });
    let found: Vec<String> = found.collect();
    let ledgers: Vec<Vec<String>> = bad.iter().map(|one| one.lines.clone()).collect();
    let (said, good) = foreign("bad", &ledgers);
    assert!(!good);
    assert_eq!(said.len(), bad.len());
    for ((one, found), said) in bad.iter().zip(&found).zip(&said) {
        assert!(
            said.starts_with(&format!("{found}: ")),
            "{}: {found}, and {said}",
            one.name
        );
    }
}

#[test]
#[ignore = "acceptance: ledger-export"]
fn ledger_export_is_checked_by_a_foreign_program() {
    is_checked("acceptance", 10_000, 100);
}
