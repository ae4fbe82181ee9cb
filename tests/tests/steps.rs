//! Tasks that are done in steps: planned by a model, done by several nodes, put together here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

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
        "report.py",
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
