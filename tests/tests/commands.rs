//! The commands around the main job: tasks, settings, doctor, daemon, completions, man pages.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use serde_json::{Value, json};
use support::{Home, wait_for};

const PROMPT: &str = "Write a function add(a, b) that returns the sum of a and b.";
const CASES: &str = r#"[{"entry": "add", "args": [2, 3], "expect": 5}]"#;

#[test]
fn tasks_are_listed_newest_first_and_shown() {
    let home = Home::new();
    assert!(home.run("task list").out.contains("no tasks yet"));
    home.write("cases.json", CASES);
    for prompt in [
        PROMPT,
        "Write a function add(x, y) that returns the sum of x and y.",
    ] {
        let said = home.edgecoder(&["solve", "--cases", "cases.json", prompt]);
        assert_eq!(said.code, 0, "{said:?}");
    }
    let tasks = home.run("task list --json").json();
    let tasks = tasks.as_array().unwrap();
    assert_eq!(tasks.len(), 2);
    assert!(
        tasks[0]["prompt"].as_str().unwrap().contains("x, y"),
        "{tasks:?}"
    );
    for task in tasks {
        assert_eq!(
            (&task["schema"], &task["state"]),
            (&json!("edgecoder/task/1"), &json!("delivered"))
        );
        let id = task["id"].as_str().unwrap();
        let shown = home.run(&format!("task show --json {id}")).json();
        assert_eq!(&shown, task);
        assert_eq!(shown["result"]["outcome"], "solved");
        let screen = home.run(&format!("task show {id}"));
        assert!(
            screen.out.contains("plan by rule") && screen.out.contains("def add"),
            "{screen:?}"
        );
        home.run(&format!("task cancel {id}"))
            .refuses(64, "already ended");
    }
    let absent = "00000000000000000000000000000000";
    home.run(&format!("task show {absent}"))
        .refuses(64, "no task");
    home.run("task show nonsense").refuses(64, "");
}

/// A task whose candidates never end, so that it stays open until somebody acts.
fn endless() -> Value {
    let tests = "while True: pass\n";
    json!({
        "prompt": PROMPT, "files": {"asserts.py": base64(tests)},
        "tests": {"suite": {"kind": "asserts", "path": "asserts.py"}}, "solution": "solution.py",
        "candidates": 1, "max_iterations": 1, "budget": 4096, "deadline_ms": 3_600_000, "seed": 0,
        "limits": {"fuel": 10_000_000_000_000_u64, "memory": 268_435_456, "output": 1024, "result": 1024,
            "wall_ms": 3_600_000},
    })
}

fn base64(text: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[bits >> (18 - 6 * place) & 63];
            out.push(if place <= chunk.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    out
}

#[test]
fn a_running_task_can_be_cancelled() {
    let home = Home::new();
    let mut daemon = home.daemon();
    let (status, task) = home.request("POST", "/v1/tasks", &endless()).unwrap();
    assert_eq!(status, 202, "{task}");
    let id = task["id"].as_str().unwrap();
    let state = || {
        home.request("GET", &format!("/v1/tasks/{id}"), &Value::Null)
            .unwrap()
            .1["state"]
            .clone()
    };
    wait_for("the task to be worked on", || {
        (state() == "leased").then_some(())
    });
    assert_eq!(home.status()["tasks_open"], 1);
    let said = home.run(&format!("task cancel {id}"));
    assert_eq!(said.code, 0, "{said:?}");
    wait_for("the task's end", || (state() == "cancelled").then_some(()));
    assert_eq!(home.status()["tasks_open"], 0);
    let done = home.run(&format!("task show --json {id}")).json();
    assert_eq!(done["result"]["outcome"], "cancelled");
    assert_eq!(home.run("daemon stop").code, 0);
    wait_for("the daemon's end", || daemon.try_wait().unwrap());
}

#[test]
fn a_task_that_runs_when_the_daemon_stops_begins_again_at_the_next_start() {
    let home = Home::new();
    let mut daemon = home.daemon();
    let (_, task) = home.request("POST", "/v1/tasks", &endless()).unwrap();
    let id = task["id"].as_str().unwrap();
    assert_eq!(home.run("daemon stop").code, 0);
    let ended = wait_for("the daemon's end", || daemon.try_wait().unwrap());
    assert!(ended.success(), "{}", home.log());
    let shown = home.run(&format!("task show --json {id}")).json();
    let open = ["submitted", "planned", "queued", "leased"];
    assert!(open.contains(&shown["state"].as_str().unwrap()), "{shown}");
    assert_eq!(home.run(&format!("task cancel {id}")).code, 0);
}

#[test]
fn settings_say_where_they_come_from() {
    let home = Home::new().with("EDGECODER_THREADS", "3");
    home.write(
        ".config/edgecoder/config.toml",
        "log = \"warn\"\nthreads = 2\n",
    );
    let said = home.run("config show --origin --socket /tmp/other.sock");
    assert_eq!(said.code, 0, "{said:?}");
    let line = |key: &str| {
        let line = said
            .out
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")));
        line.unwrap_or_else(|| panic!("no {key} in {said:?}"))
            .to_owned()
    };
    assert!(
        line("threads").contains("\"3\"  # environment EDGECODER_THREADS"),
        "{said:?}"
    );
    assert!(line("log").contains("\"warn\"  # file "), "{said:?}");
    assert!(line("socket").ends_with("# flag --socket"), "{said:?}");
    assert!(line("mode").ends_with("\"local\"  # default"), "{said:?}");
    assert!(
        !home.data().exists(),
        "looking at settings made a data folder"
    );
    home.write(".config/edgecoder/config.toml", "thread = 2\n");
    home.run("config show")
        .refuses(64, "did you mean `threads`?");
    let misspelt = Home::new().with("EDGECODER_SOKET", "/x");
    misspelt
        .run("daemon status")
        .refuses(64, "did you mean `socket`?");
}

#[test]
fn doctor_exits_with_what_it_found_and_names_a_remedy() {
    let home = Home::new();
    let said = home.run("doctor --json");
    let report = said.json();
    assert_eq!(report["schema"], "edgecoder/doctor/1");
    let checks = report["checks"].as_array().unwrap();
    for name in [
        "data folder",
        "daemon",
        "sandbox",
        "sandbox sealed",
        "model",
    ] {
        let check = checks.iter().find(|check| check["name"] == name);
        assert!(
            check.is_some_and(|check| check["ok"] == true),
            "{name}: {report:#}"
        );
    }
    let ok = checks.iter().all(|check| check["ok"] == true);
    assert_eq!(
        (said.code == 0, &report["ok"]),
        (ok, &json!(ok)),
        "{report:#}"
    );
    fs::set_permissions(home.data(), Permissions::from_mode(0o777)).unwrap();
    let said = home.run("doctor");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.out.contains("FAIL data folder") && said.out.contains("remedy: "),
        "{said:?}"
    );
}

#[test]
fn the_daemon_starts_when_needed_and_stops_when_told() {
    let home = Home::new();
    assert_eq!(home.run("daemon status").code, 69, "nothing runs yet");
    assert_eq!(
        home.run("daemon stop").code,
        0,
        "stopping nothing is done at once"
    );
    assert_eq!(home.exec("print(1)", "").code, 0);
    let status = home.status();
    assert_eq!(
        (&status["schema"], &status["mode"]),
        (&json!("edgecoder/status/1"), &json!("local"))
    );
    let mode = fs::metadata(home.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others can reach the socket");
    let key = fs::metadata(home.data().join("node.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(key & 0o777, 0o600, "others can read the key");
    let children = status["children"].as_object().unwrap().clone();
    assert!(children.contains_key("sandbox"), "{status}");
    assert_eq!(home.run("daemon stop").code, 0);
    let mut pids = vec![status["pid"].as_u64().unwrap()];
    pids.extend(children.values().map(|pid| pid.as_u64().unwrap()));
    for pid in pids {
        // A zombie has no `exe`: it has ended, whether or not somebody has read its status.
        let ended = || {
            fs::read_link(format!("/proc/{pid}/exe"))
                .is_err()
                .then_some(())
        };
        wait_for("daemon and children to end", ended);
    }
    assert!(!home.socket().exists());
    assert_eq!(home.run("daemon status").code, 69);
}

#[test]
fn the_command_after_a_stop_starts_a_daemon_again() {
    let home = Home::new();
    for round in 0..5 {
        let said = home.exec("print(1)", "");
        assert_eq!(
            (said.code, said.out.as_str()),
            (0, "1\n"),
            "round {round}: {said:?}"
        );
        assert_eq!(home.run("daemon stop").code, 0);
    }
}

#[test]
fn completions_and_man_pages_name_every_command() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let said = home.run(&format!("completions {shell}"));
        assert_eq!(said.code, 0, "{said:?}");
        for command in ["solve", "replay", "doctor"] {
            assert!(said.out.contains(command), "{shell}: no {command}");
        }
    }
    assert_eq!(home.run("completions tcsh").code, 64);
    let said = home.run("man pages");
    assert_eq!(said.code, 0, "{said:?}");
    for page in [
        "edgecoder.1",
        "edgecoder-solve.1",
        "edgecoder-daemon-stop.1",
    ] {
        let text = fs::read_to_string(home.path("pages").join(page)).unwrap();
        assert!(text.contains(".TH edgecoder"), "{page}: {text}");
    }
    assert!(!home.data().exists(), "help started a daemon");
}
