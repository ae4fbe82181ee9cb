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

/// What one home has been promised, through all its daemons.
#[derive(Default)]
struct Promises {
    /// Tasks that a daemon has acknowledged.
    tasks: Mutex<BTreeSet<String>>,
    /// Runs that were answered.
    answered: Mutex<u32>,
    /// Children of any of the daemons.
    workers: Mutex<BTreeSet<u64>>,
}

impl Promises {
    fn submit(&self, home: &Home, first: u64) {
        for number in 0..TASKS_A_ROUND {
            let body = task(first + number as u64);
            let Some((202, task)) = home.request("POST", "/v1/tasks", &body) else {
                return;
            };
            let id = task["id"].as_str().unwrap().to_owned();
            self.tasks.lock().unwrap().insert(id);
        }
    }

    fn run(&self, home: &Home) {
        while let Some((status, answer)) = home.request("POST", "/v1/executions", &run()) {
            let seen = (status, &answer["stdout"]);
            assert_eq!(seen, (200, &json!("499999500000\n")), "{answer}");
            *self.answered.lock().unwrap() += 1;
        }
    }

    fn note_workers(&self, home: &Home) {
        let Some((_, status)) = home.request("GET", "/v1/status", &Value::Null) else {
            return;
        };
        let children = status["children"].as_object().unwrap();
        let pids = children.values().filter_map(Value::as_u64);
        self.workers.lock().unwrap().extend(pids);
    }

    /// One daemon's life of `life` steps, with tasks and runs coming in, and its death.
    fn round(&self, home: &Home, moment: u64, life: u64) {
        let mut daemon = home.daemon();
        let listed: BTreeSet<String> = states(home).into_iter().map(|(id, _)| id).collect();
        let known = self.tasks.lock().unwrap().clone();
        let lost: Vec<_> = known.difference(&listed).collect();
        assert!(lost.is_empty(), "moment {moment}: lost {lost:?}");
        thread::scope(|scope| {
            scope.spawn(|| self.submit(home, moment * 100));
            scope.spawn(|| self.run(home));
            if moment == 0 {
                wait_for("the first task and the first run", || {
                    let begun = !self.tasks.lock().unwrap().is_empty();
                    (begun && *self.answered.lock().unwrap() > 0).then_some(())
                });
            }
            (0..life).for_each(|_| thread::sleep(STEP));
            self.note_workers(home);
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        });
    }

    /// Every task was delivered, and no child outlives its daemon.
    fn are_kept(&self, home: &Home) {
        let ended = ["delivered", "refused", "failed", "cancelled"];
        let states = wait_for("all tasks to end", || {
            let states = states(home);
            let all = states
                .iter()
                .all(|(_, state)| ended.contains(&state.as_str()));
            all.then_some(states)
        });
        for id in &*self.tasks.lock().unwrap() {
            let state = states.iter().find(|(one, _)| one == id);
            let state = state.map(|(_, state)| state.as_str());
            assert_eq!(state, Some("delivered"), "task {id}");
        }
        let status = home.status();
        let current = status["children"].as_object().unwrap();
        for pid in &*self.workers.lock().unwrap() {
            if !current.values().any(|child| child == pid) {
                wait_for("a dead daemon's children to end", || {
                    (!is_worker(*pid)).then_some(())
                });
            }
        }
    }
}

fn survives(moments: u64) {
    let seed = seed();
    println!("KILL_SEED={seed}");
    let mut random = Random(seed);
    let (home, promises) = (Home::new(), Promises::default());
    for moment in 0..moments {
        promises.round(&home, moment, random.below(LIFE_MAX));
    }
    let mut daemon = home.daemon();
    promises.are_kept(&home);
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
