//! Tasks that are done in steps: planned by a model, done by several nodes, put together here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use std::io::BufRead as _;

use serde_json::{Value, json};
use support::{
    Said,
    network::{Network, Node},
};

mod support;

/// What the plan is asked for with, and the task in it.
const TASK: &str = "Build a report of prices";
const SUITE: &str = "import unittest\nfrom report import report\n\nclass Report(unittest.TestCase):\n    \
                     def test_sum(self):\n        self.assertEqual(report('1,2'), 'total 3')\n";

fn step(id: &str, writes: &str, needs: &[&str]) -> Value {
    json!({"id": id, "prompt": format!("write the {id} step"), "writes": writes, "needs": needs})
}

/// A model that plans as told and writes three files.
fn script(plan: &Value) -> Value {
    let fenced = |code: &str| vec![format!("```python\n{code}```")];
    json!([
        {"contains": TASK, "say": [plan.to_string()]},
        {"contains": "write the read step", "say": fenced("def read(text):\n    return [int(x) for x in text.split(',')]\n")},
        {"contains": "write the total step", "say": fenced("def total(numbers):\n    return sum(numbers)\n")},
        {"contains": "write the report step",
         "say": fenced("from read import read\nfrom total import total\n\ndef report(text):\n    return f'total {total(read(text))}'\n")},
    ])
}

/// A network whose model is a script, with two workers.
fn network(plan: &Value) -> (Network, Vec<Node>) {
    let network = Network::found_scripted("agent,coordinator,inference", &script(plan));
    let workers = (0..2).map(|_| network.join("agent,worker", &[])).collect();
    (network, workers)
}

fn solve(user: &Node) -> Said {
    user.home.write("files/test_report.py", SUITE);
    let folder = user.home.path("files");
    user.home.edgecoder(&[
        "solve",
        "--mesh",
        "--json",
        "--files",
        folder.to_str().unwrap(),
        "--tests",
        folder.join("test_report.py").to_str().unwrap(),
        "--out",
        folder.join("report.py").to_str().unwrap(),
        "--candidates",
        "1",
        TASK,
    ])
}

#[test]
fn three_steps_are_planned_done_by_others_and_come_back_as_one() {
    let plan = json!({"steps": [
        step("read", "read.py", &[]),
        step("total", "total.py", &[]),
        step("report", "report.py", &["read", "total"]),
    ]});
    let (network, workers) = network(&plan);
    let said = solve(&workers[0]);
    assert_eq!(said.code, 0, "{said:?}\n{}", network.founder.home.log());
    let text = &said.out;
    assert!(text.contains("planned: 3 steps"), "{text}");
    let done = said.lines().pop().unwrap();
    assert_eq!(done["outcome"], "solved", "{done}");
    assert_eq!(done["evidence"], "suite", "{done}");
    let files = done["files"].as_object().unwrap();
    let names: Vec<&String> = files.keys().collect();
    assert_eq!(
        names,
        ["read.py", "total.py"],
        "what the code needs comes with it"
    );
    for name in ["read.py", "total.py"] {
        let saved = std::fs::read_to_string(workers[0].home.path("files").join(name));
        assert!(saved.unwrap().contains("def "), "{name}");
    }
}

#[test]
fn steps_that_wait_for_each_other_are_no_plan_and_the_task_is_done_in_one() {
    let plan = json!({"steps": [
        step("read", "read.py", &["total"]),
        step("total", "total.py", &["read"]),
        step("report", "report.py", &["read", "total"]),
    ]});
    let (_network, workers) = network(&plan);
    let said = solve(&workers[0]);
    assert!(said.out.contains("planned: one step"), "{said:?}");
    // The script knows no answer to the whole task.
    assert_ne!(said.code, 0);
}

const BASE: &str =
    "def low(x):\n    return x\n\n\ndef middle(x):\n    return x\n\n\ndef high(x):\n    return x\n";
/// `low` doubles.
const LOW: &str = "def low(x):\n    return x * 2\n\n\ndef middle(x):\n    return x\n\n\ndef high(x):\n    return x\n";
/// `high` doubles.
const HIGH: &str = "def low(x):\n    return x\n\n\ndef middle(x):\n    return x\n\n\ndef high(x):\n    return x * 2\n";
/// `low` triples.
const OTHER_LOW: &str = "def low(x):\n    return x * 3\n\n\ndef middle(x):\n    return x\n\n\ndef high(x):\n    return x\n";
const CHANGES: &str = "Change two functions of the scale";
const SCALE: &str = "import unittest\nfrom scale import low, high\n\nclass Scale(unittest.TestCase):\n    \
                     def test_both(self):\n        self.assertEqual((low(2), high(2)), (LOW, HIGH))\n";

/// Has two steps change one file apart from each other; `others` come one after the other, half a second each.
fn changes(second: &str, low: u32, high: u32, others: &[&str]) -> (Network, Vec<Node>, Node) {
    let mut steps = vec![
        step("first", "scale.py", &[]),
        step("second", "scale.py", &[]),
    ];
    let fenced = |code: &str| vec![format!("```python\n{code}```")];
    let mut rows = vec![
        json!({"contains": "write the first step", "say": fenced(LOW)}),
        json!({"contains": "write the second step", "say": fenced(second)}),
    ];
    let mut before = "first";
    for other in others {
        steps.push(step(other, &format!("{other}.py"), &[before]));
        let asked = format!("write the {other} step");
        rows.push(json!({"contains": asked, "say": fenced("x = 1\n"), "after_ms": 500}));
        before = other;
    }
    let plan = json!({ "steps": steps });
    rows.push(json!({"contains": CHANGES, "say": [plan.to_string()]}));
    let script = Value::Array(rows);
    let network = Network::found_scripted("agent,coordinator,inference", &script);
    let workers: Vec<Node> = (0..2).map(|_| network.join("agent,worker", &[])).collect();
    let user = network.join("agent", &[]);
    let suite = SCALE
        .replace("LOW", &low.to_string())
        .replace("HIGH", &high.to_string());
    user.home.write("files/test_scale.py", suite);
    user.home.write("files/scale.py", BASE);
    (network, workers, user)
}

fn change(user: &Node) -> std::process::Command {
    let folder = user.home.path("files");
    let mut command = user.home.command(support::program("edgecoder"));
    command
        .args(["solve", "--mesh", "--json", "--candidates", "1"])
        .args(["--max-iterations", "1", "--files"])
        .arg(&folder)
        .arg("--tests")
        .arg(folder.join("test_scale.py"))
        .arg("--out")
        .arg(folder.join("scale.py"))
        .arg(CHANGES);
    command
}

#[test]
fn changes_of_one_file_that_were_made_apart_come_back_as_one() {
    let (network, _workers, user) = changes(HIGH, 4, 4, &[]);
    let said = support::said(&mut change(&user));
    assert_eq!(said.code, 0, "{said:?}\n{}", network.founder.home.log());
    let done = said.lines().pop().unwrap();
    assert_eq!(done["outcome"], "solved", "{done}");
    let code = done["code"].as_str().unwrap();
    assert_eq!(
        code,
        LOW.replace("high(x):\n    return x\n", "high(x):\n    return x * 2\n")
    );
}

#[test]
fn changes_that_nobody_can_put_together_are_their_users_to_resolve() {
    let (network, _workers, user) = changes(OTHER_LOW, 10, 2, &[]);
    let mut command = change(&user);
    let solving = std::thread::spawn(move || support::said(&mut command));
    let id = support::wait_for("a question", || {
        let tasks = user.home.run("task list --json").json();
        let task = tasks.as_array()?.first()?.clone();
        (task["state"] == "asking").then(|| task["id"].as_str().unwrap().to_owned())
    });
    let asked = user.home.edgecoder(&["task", "resolve", &id]);
    assert_eq!(asked.code, 0, "{asked:?}");
    for part in ["<<<<<<<", "x * 2", "=======", "x * 3", ">>>>>>>"] {
        assert!(asked.out.contains(part), "{asked:?}");
    }
    let resolve = |code: &str| {
        let file = user.home.write("resolved.py", code);
        user.home
            .edgecoder(&["task", "resolve", &id, file.to_str().unwrap()])
    };
    let marked = resolve(&asked.out);
    assert_eq!(marked.code, 64, "{marked:?}");
    assert!(marked.err.contains("conflict markers"), "{marked:?}");
    // What does not pass is asked for again.
    assert_eq!(resolve(OTHER_LOW).code, 0);
    let is_asked = || user.home.edgecoder(&["task", "resolve", &id]).code == 0;
    support::wait_for("the question again", || {
        let shown = user.home.edgecoder(&["task", "show", &id, "--json"]).json();
        (shown["state"] == "asking" && is_asked()).then_some(())
    });
    assert_eq!(resolve(&LOW.replace("x * 2", "x * 5")).code, 0);
    let said = solving.join().unwrap();
    assert_eq!(said.code, 0, "{said:?}\n{}", network.founder.home.log());
    let done = said.lines().pop().unwrap();
    assert!(done["code"].as_str().unwrap().contains("x * 5"), "{done}");
    let none = user.home.edgecoder(&["task", "resolve", &id]);
    assert!(none.err.contains("nothing is asked"), "{none:?}");
}

#[test]
fn what_comes_of_other_steps_is_heard_while_their_user_is_asked() {
    let others = ["one", "two", "three", "four", "five", "six"];
    let (_network, _workers, user) = changes(OTHER_LOW, 10, 2, &others);
    let mut solving = change(&user)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(solving.stdout.take().unwrap()).lines();
    let (mut is_asked, mut is_last_done) = (false, false);
    // Ends where the user would have to answer first.
    for line in lines.map_while(Result::ok) {
        let event: Value = serde_json::from_str(&line).unwrap();
        is_asked |= event["event"] == "conflict";
        let note = event["text"].as_str().unwrap_or_default();
        is_last_done |= note.starts_with("step 8, attempt") && note.ends_with(": checked");
        if is_asked && is_last_done {
            break;
        }
    }
    assert!(is_asked && is_last_done);
    let tasks = user.home.run("task list --json").json();
    assert_eq!(tasks[0]["state"], "asking", "{tasks}");
    let id = tasks[0]["id"].as_str().unwrap();
    assert_eq!(user.home.edgecoder(&["task", "cancel", id]).code, 0);
    solving.wait().unwrap();
}
