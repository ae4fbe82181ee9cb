//! Disks that are full and folders that may not be written: said before or instead of work, and nothing is lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::{fs, path::Path};

use serde_json::Value;
use support::{Home, Said, Unprivileged};

const PROMPT: &str = "Write a function add(a, b) that returns the sum of a and b.";
const CASES: &str = r#"[{"entry": "add", "args": [2, 3], "expect": 5}]"#;

fn solve(home: &Home) -> Said {
    home.write("cases.json", CASES);
    home.edgecoder(&["solve", "--cases", "cases.json", PROMPT])
}

fn ids(home: &Home) -> Vec<Value> {
    let tasks = home.run("task list --json").json();
    tasks
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["id"].clone())
        .collect()
}

#[test]
fn a_full_disk_refuses_tasks_with_a_clear_error_and_loses_none() {
    let mut home = Home::new();
    assert_eq!(solve(&home).code, 0);
    let kept = ids(&home);
    home.stop();
    let (mut refused, mut stayed) = (0, 0);
    for syncs in 0..8 {
        home.set("EDGECODER_FAULT", Some(&format!("full:{syncs}")));
        let said = solve(&home);
        if said.code != 0 {
            assert!(said.code == 70 || said.code == 69, "full:{syncs}: {said:?}");
            assert!(
                said.err.contains("no storage space") || said.err.contains("space"),
                "full:{syncs}: {said:?}"
            );
            assert!(said.err.contains("next:"), "full:{syncs}: {said:?}");
            refused += 1;
        }
        if home.run("daemon status").code == 0 {
            // It runs code, which needs no disk, and shows what it has.
            assert_eq!(home.exec("print(1)", "").code, 0, "full:{syncs}");
            assert!(
                kept.iter().all(|id| ids(&home).contains(id)),
                "full:{syncs}"
            );
            stayed += 1;
        }
        home.stop();
        home.set("EDGECODER_FAULT", None);
        let after = ids(&home);
        assert!(
            kept.iter().all(|id| after.contains(id)),
            "full:{syncs} lost a task"
        );
        home.stop();
    }
    assert!(
        refused > 0 && stayed > 0,
        "{refused} refused, {stayed} daemons stayed"
    );
    assert_eq!(solve(&home).code, 0, "a disk with space again");
}

#[test]
fn results_that_cannot_be_written_are_refused_before_the_work() {
    let home = Home::new();
    assert_eq!(solve(&home).code, 0);
    let count = ids(&home).len();
    for flag in ["--out", "--receipt", "--bundle"] {
        let said = home.edgecoder(&[
            "solve",
            "--cases",
            "cases.json",
            flag,
            "no/such/folder/x",
            PROMPT,
        ]);
        said.refuses(64, "no/such/folder");
        // A file of the kernel's, which even root cannot make.
        let said = home.edgecoder(&["solve", "--cases", "cases.json", flag, "/proc/x.py", PROMPT]);
        said.refuses(64, "/proc");
    }
    home.write("main.py", "print(1)");
    home.run("exec --receipt no/such/folder/x main.py")
        .refuses(64, "no/such/folder");
    assert_eq!(
        ids(&home).len(),
        count,
        "a task was made whose result cannot be kept"
    );
    home.write("a-file", "");
    let mut blocked = Home::new();
    let data = home.path("a-file").join("data").display().to_string();
    blocked.set("EDGECODER_DATA_DIR", Some(&data));
    let said = blocked.exec("print(1)", "");
    assert!(said.code == 64 || said.code == 69, "{said:?}");
    assert!(
        said.err.contains("a-file") && said.err.contains("next:"),
        "{said:?}"
    );
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn unwritable_folders_are_refused_with_a_sentence() {
    let nobody = Unprivileged::new();
    nobody.folder("closed", 0o555);
    nobody.home.write("main.py", "print(1)");
    nobody.home.write("cases.json", CASES);
    for arguments in [
        &[
            "solve",
            "--cases",
            "cases.json",
            "--out",
            "closed/add.py",
            PROMPT,
        ][..],
        &["exec", "--receipt", "closed/receipt.json", "main.py"],
        &["exec", "--bundle", "closed/run.bundle", "main.py"],
    ] {
        let said = nobody.run(arguments);
        said.refuses(64, "closed");
        assert!(said.err.contains("ermission denied"), "{said:?}");
    }
    let said = nobody.run(&[
        "--data-dir",
        nobody.home.path("closed/data").to_str().unwrap(),
        "exec",
        "main.py",
    ]);
    assert!(said.code == 64 || said.code == 69, "{said:?}");
    assert!(
        said.err.contains("closed") && said.err.contains("next:"),
        "{said:?}"
    );
    assert!(is_empty(&nobody.home.path("closed")));
    // A cache that cannot be written: the daemon runs, and says why nothing can be run.
    nobody.folder("data", 0o700);
    nobody.folder("cache", 0o555);
    let said = nobody.run(&["exec", "main.py"]);
    assert!(said.code != 0 && said.err.contains("next:"), "{said:?}");
    assert!(
        said.err.contains("cache") || said.err.contains("ermission"),
        "{said:?}"
    );
    let said = nobody.run(&["doctor"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.out.contains("FAIL cache folder") && said.out.contains("remedy: "),
        "{said:?}"
    );
    // Deleting the home needs nothing of the closed folders' modes when they are empty.
    assert!(is_empty(&nobody.home.path("cache")));
}

#[test]
#[should_panic(expected = "a database wrote values beside its file")]
fn a_value_that_a_database_wrote_beside_its_file_fails_the_test_that_made_it() {
    let home = Home::new();
    home.write("data/council/0/ledger/blobs/77", "a large value");
}
