//! The main job through the real commands: run, judge, solve, evaluate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use serde_json::{Value, json};
use support::{Home, program, said_with};

const ADD: &str = "def add(a, b):\n    return a + b\n";
const PROMPT: &str = "Write a function add(a, b) that returns the sum of a and b.";
const CASES: &str = r#"[{"entry": "add", "args": [2, 3], "expect": 5, "name": "small"},
    {"entry": "add", "args": [-1, 1], "expect": 0}, {"entry": "add", "args": ["a", 1], "raises": "TypeError"}]"#;

#[test]
fn exec_prints_what_the_code_prints_and_exits_with_its_outcome() {
    let home = Home::new();
    let said = home.exec(
        "import sys\nprint('out')\nprint('err', file=sys.stderr)",
        "",
    );
    assert_eq!((said.code, said.out.as_str()), (0, "out\n"), "{said:?}");
    assert!(said.err.starts_with("err\n"), "{said:?}");
    let said = home.exec("print('before')\n1 / 0", "");
    assert_eq!((said.code, said.out.as_str()), (1, "before\n"), "{said:?}");
    assert!(said.err.contains("ZeroDivisionError"), "{said:?}");
    assert_eq!(home.run("exec --no-such-flag x").code, 64);
    home.run("exec missing.py").refuses(64, "missing.py");
}

#[test]
fn exec_reads_standard_input_files_and_seed() {
    let home = Home::new();
    let source = "import random, sys\nprint(sys.stdin.read().upper(), random.random())";
    let file = home.write("main.py", source);
    let run = |seed: &str| {
        let mut command = home.command(program("edgecoder"));
        said_with(
            command
                .args(["exec", "--stdin", "-", "--seed", seed])
                .arg(&file),
            b"piped",
        )
    };
    let (first, again, other) = (run("1"), run("1"), run("2"));
    assert!(first.out.starts_with("PIPED 0."), "{first:?}");
    assert_eq!(first.out, again.out);
    assert_ne!(first.out, other.out);
    home.write("tree/data/words.txt", "a b c");
    home.write(
        "tree/lib/count.py",
        "def count(path):\n    return len(open(path).read().split())\n",
    );
    home.write(
        "tree/main.py",
        "from lib.count import count\nprint(count('data/words.txt'))",
    );
    let said = home.run("exec --files tree tree/main.py");
    assert_eq!((said.code, said.out.as_str()), (0, "3\n"), "{said:?}");
    assert_eq!(
        std::fs::read_dir(home.path("tree")).unwrap().count(),
        3,
        "a run wrote to the user's folder"
    );
}

#[test]
fn a_project_with_a_unittest_suite_is_judged_test_by_test() {
    let home = Home::new();
    home.write(
        "shop/basket.py",
        "def total(prices):\n    return sum(prices) * 2\n",
    );
    home.write(
        "shop/test_basket.py",
        "import unittest\nfrom basket import total\n\nclass Basket(unittest.TestCase):\n\
         \x20   def test_empty(self):\n        self.assertEqual(total([]), 0)\n\
         \x20   def test_sum(self):\n        self.assertEqual(total([1, 2]), 3)\n\
         \x20   @unittest.skip('later')\n    def test_tax(self):\n        pass\n\
         \x20   def test_broken(self):\n        total(None)\n",
    );
    let said = home.run("exec --suite unittest --files shop --json shop/test_basket.py");
    assert_eq!(said.code, 1, "{said:?}");
    let answer = said.json();
    assert_eq!(
        (&answer["schema"], &answer["evidence"]),
        (&json!("edgecoder/exec/1"), &json!("suite"))
    );
    let outcome = |name: &str| {
        let tests = answer["tests"].as_array().unwrap();
        let test = tests
            .iter()
            .find(|test| test["name"].as_str().unwrap().contains(name))
            .unwrap();
        (
            test["outcome"].as_str().unwrap().to_owned(),
            test["message"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(outcome("test_empty"), ("passed".into(), String::new()));
    assert_eq!(outcome("test_sum").0, "failed");
    assert!(
        outcome("test_sum").1.contains("6 != 3"),
        "{:?}",
        outcome("test_sum")
    );
    assert_eq!(outcome("test_broken").0, "errored");
    assert_eq!(outcome("test_tax").0, "skipped");
    home.write(
        "shop/basket.py",
        "def total(prices):\n    return sum(prices or [])\n",
    );
    assert_eq!(
        home.run("exec --suite unittest --files shop shop/test_basket.py")
            .code,
        0
    );
}

#[test]
fn test_exits_with_0_only_when_every_test_passes_and_says_what_that_proves() {
    let home = Home::new();
    let wrong = "def add(a, b):\n    return a if b == 3 else a + b\n";
    home.write("cases.json", CASES);
    home.write(
        "heldout.json",
        r#"[{"entry": "add", "args": [2, 3], "expect": 5, "heldout": true}]"#,
    );
    home.write(
        "asserts.py",
        "assert add(2, 3) == 5\nassert add(0, 0) == 0\n",
    );
    home.write(
        "test_add.py",
        "import unittest\nfrom solution import add\nclass T(unittest.TestCase):\n\
         \x20   def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n",
    );
    home.write("right.py", ADD);
    home.write("wrong.py", wrong);
    for (tests, evidence) in [
        ("--cases cases.json", "cases"),
        ("--tests cases.json", "cases"),
        ("--cases heldout.json", "heldout-cases"),
        ("--tests asserts.py", "suite"),
        ("--tests test_add.py", "suite"),
    ] {
        for (solution, code, outcome) in [("right.py", 0, "ok"), ("wrong.py", 1, "failed")] {
            let said = home.run(&format!("test {tests} --json {solution}"));
            assert_eq!(said.code, code, "{tests} {solution}: {said:?}");
            let answer = said.json();
            assert_eq!(
                (&answer["outcome"], &answer["evidence"]),
                (&json!(outcome), &json!(evidence)),
                "{tests}"
            );
        }
        let said = home.run(&format!("test {tests} right.py"));
        assert!(
            said.err.contains(&format!("evidence: {evidence}, ")),
            "{said:?}"
        );
    }
    let said = home.run("test --cases cases.json wrong.py");
    assert!(said.out.contains("FAIL  small"), "{said:?}");
    assert!(
        said.out.contains("add(2, 3) returned 2, expected 5"),
        "{said:?}"
    );
    assert_eq!(home.run("test right.py").code, 64, "judging needs tests");
}

#[test]
fn cases_beside_the_code_are_not_given_to_it() {
    let home = Home::new();
    home.write("project/cases.json", CASES);
    home.write(
        "project/add.py",
        "import json\ndef add(*args):\n    cases = json.load(open('cases.json'))\n\
         \x20   return next(c['expect'] for c in cases if c['args'] == list(args))\n",
    );
    let said = home.run("test --files project --cases project/cases.json --json project/add.py");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("FileNotFoundError"), "{said:?}");
}

#[test]
fn solve_writes_code_that_passes_and_says_each_step() {
    let home = Home::new();
    home.write(
        "cases.json",
        r#"[{"entry": "add", "args": [2, 3], "expect": 5}]"#,
    );
    let flags = "solve --json --cases cases.json --out sum.py --receipt receipt.json";
    let mut arguments: Vec<&str> = flags.split(' ').collect();
    arguments.push(PROMPT);
    let said = home.edgecoder(&arguments);
    assert_eq!(said.code, 0, "{said:?}");
    let lines = said.lines();
    let events: Vec<&str> = lines
        .iter()
        .map(|line| line["event"].as_str().unwrap())
        .collect();
    assert_eq!(events[..2], ["plan", "attempt"]);
    assert_eq!(*events.last().unwrap(), "done");
    assert_eq!(lines[0]["by"], "rule", "a plan by rule is labelled so");
    let done = lines.last().unwrap();
    assert_eq!(
        (&done["outcome"], &done["evidence"]),
        (&json!("solved"), &json!("cases"))
    );
    let code = std::fs::read_to_string(home.path("sum.py")).unwrap();
    assert_eq!(done["code"], code);
    let receipt: Value =
        serde_json::from_slice(&std::fs::read(home.path("receipt.json")).unwrap()).unwrap();
    assert_eq!(receipt, done["receipt"]);
    let said = home.run("test --cases cases.json sum.py");
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn what_only_the_models_own_tests_passed_is_never_called_verified() {
    let home = Home::new();
    let said = home.edgecoder(&["solve", PROMPT]);
    assert!(!said.out.contains("Verified"), "{said:?}");
    let said = home.edgecoder(&["solve", "--json", PROMPT]);
    let evidence = said.lines().last().unwrap()["evidence"].clone();
    assert!(
        evidence == json!("model-tests") || evidence == json!("ran"),
        "{said:?}"
    );
}

#[test]
fn solve_that_cannot_succeed_stops_within_its_limits_and_says_what_next() {
    let home = Home::new();
    home.write(
        "cases.json",
        r#"[{"entry": "add", "args": [2, 3], "expect": 6}]"#,
    );
    let flags = "solve --cases cases.json --max-iterations 2 --candidates 2";
    let mut arguments: Vec<&str> = flags.split(' ').collect();
    arguments.push(PROMPT);
    let said = home.edgecoder(&arguments);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.out.contains("add(2, 3) returned 5, expected 6"),
        "{said:?}"
    );
    assert!(said.out.contains("next: "), "{said:?}");
}

#[test]
fn a_deadline_ends_a_task_whatever_its_tests_do() {
    let home = Home::new();
    home.write("asserts.py", "while True: pass\n");
    let flags = "solve --tests asserts.py --deadline 1 --fuel 10000000000000 --wall 3600";
    let mut arguments: Vec<&str> = flags.split(' ').collect();
    arguments.push(PROMPT);
    let said = home.edgecoder(&arguments);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.out.contains("deadline passed") && said.out.contains("next: "),
        "{said:?}"
    );
}
