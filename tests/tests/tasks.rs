//! The life of a task across commands and restarts: listed, shown, cancelled, begun again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

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
        let mut shown = home.run(&format!("task show --json {id}")).json();
        assert_eq!(shown["result"]["outcome"], "solved");
        let code = shown["result"]["code"].as_str().unwrap();
        assert!(code.contains("def add"), "{code}");
        // A list of a thousand tasks stays small.
        for large in ["code", "receipt", "bundle"] {
            assert!(task["result"][large].is_null(), "{task}");
            shown["result"][large] = Value::Null;
        }
        assert_eq!(&shown, task);
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
    wait_for("the task to be worked on again", || {
        let task = home.run(&format!("task show --json {id}")).json();
        (task["state"] == "leased").then_some(())
    });
    assert_eq!(home.run(&format!("task cancel {id}")).code, 0);
}
