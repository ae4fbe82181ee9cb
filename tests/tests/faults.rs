//! Faults of a whole network: clocks that are a day off, half of the workers gone at once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use std::thread::{self, JoinHandle};

use serde_json::{Value, json};
use support::{
    Home, Said, clock, kill,
    network::{Network, Node},
    peer::id,
    program, said, wait_for,
};

mod support;

/// What a clock is wrong by, in seconds.
const DAY: i64 = 86_400;
const PROMPT: &str =
    "Write a function largest(nums) that returns the largest of the numbers in nums.";
const CASES: &str = r#"[{"entry": "largest", "args": [[3, 9, 2]], "expect": 9},
 {"entry": "largest", "args": [[]], "expect": null}]"#;

/// A model that solves this, after some time.
fn script(after_ms: u64) -> Value {
    let code = "```python\ndef largest(nums):\n    return max(nums) if nums else None\n```";
    json!([{"contains": "largest", "say": [code], "after_ms": after_ms}])
}

/// `user` has code run that prints `number` after so many turns.
fn running(user: &Home, number: usize, turns: u32) -> JoinHandle<Said> {
    let code = format!("n = 0\nwhile n < {turns}:\n    n += 1\nprint({number})\n");
    let file = user.write(&format!("run{number}/main.py"), code);
    let mut command = user.command(program("edgecoder"));
    command.args(["exec", "--mesh", "--json"]).arg(file);
    thread::spawn(move || said(&mut command))
}

#[track_caller]
fn has_run(said: &Said, number: usize) -> Value {
    assert_eq!(said.code, 0, "{said:?}");
    // One answer and no more, or it would not be JSON.
    let answer = said.json();
    assert_eq!(answer["stdout"], format!("{number}\n"), "{answer}");
    answer
}

/// `user` has something solved.
fn solving(user: &Home) -> JoinHandle<Said> {
    let cases = user.write("cases.json", CASES);
    let mut command = user.command(program("edgecoder"));
    command.args([
        "solve",
        "--mesh",
        "--json",
        "--candidates",
        "1",
        "--deadline",
        "60",
        "--cases",
    ]);
    command.arg(cases).arg(PROMPT);
    thread::spawn(move || said(&mut command))
}

#[track_caller]
fn is_solved(said: &Said) {
    assert_eq!(said.code, 0, "{said:?}");
    let mut lines = said.lines();
    let done = lines.pop().unwrap();
    assert_eq!(done["outcome"], "solved", "{done}");
    assert_eq!(done["evidence"], "cases", "{done}");
    let is_answer = |line: &Value| line.get("outcome").is_some();
    assert!(!lines.iter().any(is_answer), "answered twice: {said:?}");
}

/// Workers and the model they ask are so many seconds ahead of their coordinator, and the user's node is `user_ahead`.
fn works(workers_ahead: i64, user_ahead: i64) {
    let network = Network::found("agent,coordinator", &[]);
    let joined = |roles: &str, ahead: i64| {
        let mut node = Node::new(roles, &[]);
        if roles == "inference" {
            node.follow(&script(0));
        }
        clock::set_ahead(&mut node.home, ahead);
        network.admit(&mut node);
        let offset = node.view()["clock_offset_ms"].as_i64().unwrap();
        // In days, however long the way was.
        let days = (offset as f64 / 86_400_000.0).round() as i64;
        assert_eq!(days * DAY, -ahead, "{roles}: {offset}");
        node
    };
    let _model = joined("inference", workers_ahead);
    let workers = [(); 2].map(|()| joined("agent,worker", workers_ahead));
    let user = joined("agent", user_ahead);
    let answer = has_run(&running(&user.home, 1, 1).join().unwrap(), 1);
    let signer = answer["receipt"]["signer"].as_str().unwrap();
    assert!(workers.iter().any(|one| id(one) == signer), "{answer}");
    // Each leave to ask the model is by the coordinator's clock, and lives minutes.
    is_solved(&solving(&user.home).join().unwrap());
}

#[test]
fn workers_a_day_ahead_and_a_user_a_day_behind_their_coordinator_get_work_done() {
    works(DAY, -DAY);
}

#[test]
fn workers_a_day_behind_and_a_user_a_day_ahead_of_their_coordinator_get_work_done() {
    works(-DAY, DAY);
}

/// Workers, and how many of them die.
const WORKERS: usize = 6;
const DYING: usize = 3;
/// Runs, and beside them two solutions that a model has to be asked for.
const RUNS: usize = 9;
/// Turns that take about a second where all workers share two processors.
const TURNS: u32 = 3_000_000;

#[test]
fn half_of_the_workers_die_at_once_and_every_task_comes_back_right_and_once() {
    let talkative = [("EDGECODER_LOG", "info,edgecoder_coordinator=debug")];
    let mut founder = Node::new("agent,coordinator,inference", &talkative);
    founder.follow(&script(500));
    let network = Network::founded_by(founder);
    let one_slot = [("EDGECODER_WORKER_SLOTS", "1")];
    let join = |_| network.join("agent,worker", &one_slot);
    let mut workers: Vec<Node> = (0..WORKERS).map(join).collect();
    let names: Vec<String> = workers.iter().map(id).collect();
    let user = &network.founder.home;
    let solutions = [(); 2].map(|()| solving(user));
    let runs: Vec<_> = (0..RUNS)
        .map(|number| running(user, number, TURNS))
        .collect();
    let dying = wait_for("half of the workers at work", || {
        let busy = (0..WORKERS).filter(|at| workers[*at].is_busy());
        let busy: Vec<usize> = busy.take(DYING).collect();
        (busy.len() == DYING).then_some(busy)
    });
    for at in &dying {
        kill(workers[*at].daemon.as_ref().unwrap().id());
    }
    dying.iter().for_each(|at| workers[*at].kill());
    for (number, run) in runs.into_iter().enumerate() {
        has_run(&run.join().unwrap(), number);
    }
    for solution in solutions {
        is_solved(&solution.join().unwrap());
    }
    let log = network.founder.home.log();
    let lost = |at: &&usize| {
        let of_this = |line: &&str| line.contains(" lost ") && line.contains(&names[**at]);
        log.lines().any(|line| of_this(&line))
    };
    let lost = dying.iter().filter(lost).count();
    assert!(lost > 0, "none of them had anything to lose:\n{log}");
}
