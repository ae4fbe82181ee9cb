//! The daemon killed at random moments, while tasks and runs come in: what it acknowledged, it finishes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::{collections::BTreeSet, fs, hash::BuildHasher, sync::Mutex, thread};

use serde_json::{Value, json};
use support::{Home, STEP, wait_for};

/// Tasks submitted between two deaths: fifty times this stays below what a node holds open.
const TASKS_A_ROUND: usize = 4;
/// Longest life of a daemon, in steps: starting, working and finishing all fall into it.
const LIFE_MAX: u64 = 60;

fn task(number: u64) -> Value {
    let prompt = "Write a function add(a, b) that returns the sum of a and b.";
    let cases = r#"[{"entry": "add", "args": [2, 3], "expect": 5}]"#;
    json!({
        "prompt": prompt, "files": {}, "tests": {"cases": cases}, "solution": "solution.py",
        "candidates": 2, "max_iterations": 2, "budget": 4096, "deadline_ms": 600_000, "seed": number,
        "limits": null,
    })
}

fn run() -> Value {
    // `print(sum(range(1000000)))`
    json!({"files": {"a.py": "cHJpbnQoc3VtKHJhbmdlKDEwMDAwMDApKSk="}, "entry": "a.py", "tests": null, "limits": null})
}

/// xorshift64: the moments, from a printed seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// `KILL_SEED` from the environment repeats a run as far as the machine allows.
fn seed() -> u64 {
    let given = std::env::var("KILL_SEED")
        .ok()
        .map(|text| text.parse().unwrap());
    let fresh = || std::collections::hash_map::RandomState::new().hash_one(0_u8);
    given.unwrap_or_else(fresh) | 1
}

fn states(home: &Home) -> Vec<(String, String)> {
    let (_, tasks) = home.request("GET", "/v1/tasks", &Value::Null).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tasks = tasks.as_array().unwrap();
    tasks
        .iter()
        .map(|task| (text(&task["id"]), text(&task["state"])))
        .collect()
}

fn is_worker(pid: u64) -> bool {
    fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("-worker"))
}

fn survives(moments: u32) {
    let seed = seed();
    println!("KILL_SEED={seed}");
    let mut random = Random(seed);
    let home = Home::new();
    let (acknowledged, answered) = (Mutex::new(BTreeSet::new()), Mutex::new(0));
    let mut workers = BTreeSet::new();
    for moment in 0..moments {
        let mut daemon = home.daemon();
        let listed: BTreeSet<String> = states(&home).into_iter().map(|(id, _)| id).collect();
        let lost: Vec<_> = acknowledged
            .lock()
            .unwrap()
            .difference(&listed)
            .cloned()
            .collect();
        assert!(
            lost.is_empty(),
            "seed {seed}, moment {moment}: lost {lost:?}"
        );
        let life = random.below(LIFE_MAX);
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..TASKS_A_ROUND {
                    let body = task(u64::from(moment) * 100 + number as u64);
                    let Some((202, task)) = home.request("POST", "/v1/tasks", &body) else {
                        return;
                    };
                    acknowledged
                        .lock()
                        .unwrap()
                        .insert(task["id"].as_str().unwrap().to_owned());
                }
            });
            scope.spawn(|| {
                while let Some((status, answer)) = home.request("POST", "/v1/executions", &run()) {
                    assert_eq!(
                        (status, &answer["stdout"]),
                        (200, &json!("499999500000\n")),
                        "{answer}"
                    );
                    *answered.lock().unwrap() += 1;
                }
            });
            if moment == 0 {
                wait_for("the first task and the first run", || {
                    let begun = !acknowledged.lock().unwrap().is_empty();
                    (begun && *answered.lock().unwrap() > 0).then_some(())
                });
            }
            for _ in 0..life {
                thread::sleep(STEP);
            }
            let status = home
                .request("GET", "/v1/status", &Value::Null)
                .map(|(_, status)| status);
            let children = status
                .as_ref()
                .and_then(|status| status["children"].as_object());
            workers.extend(
                children
                    .into_iter()
                    .flat_map(|all| all.values().filter_map(Value::as_u64)),
            );
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        });
    }
    let acknowledged = acknowledged.into_inner().unwrap();
    let mut daemon = home.daemon();
    let ended = ["delivered", "refused", "failed", "cancelled"];
    let states = wait_for("all tasks to end", || {
        let states = states(&home);
        states
            .iter()
            .all(|(_, state)| ended.contains(&state.as_str()))
            .then_some(states)
    });
    for id in &acknowledged {
        let state = states
            .iter()
            .find(|(one, _)| one == id)
            .map(|(_, state)| state.as_str());
        assert_eq!(state, Some("delivered"), "seed {seed}: task {id}");
    }
    for pid in workers {
        let current = home.status()["children"]
            .as_object()
            .unwrap()
            .values()
            .any(|child| child == pid);
        if !current {
            wait_for("a dead daemon's children to end", || {
                (!is_worker(pid)).then_some(())
            });
        }
    }
    let said = home.exec("print('still here')", "");
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "still here\n"),
        "{said:?}"
    );
    home.stop();
    daemon.wait().unwrap();
}

#[test]
fn a_daemon_killed_three_times_loses_nothing() {
    survives(3);
}

#[test]
#[ignore = "acceptance: kill-daemon"]
fn kill_daemon_at_fifty_random_moments_loses_nothing() {
    survives(50);
}
