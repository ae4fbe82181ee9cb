//! `edgecoder eval` over task sets in HumanEval's format.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use serde_json::json;
use support::{Home, program, repository, said};

#[test]
fn our_own_programs_pass_entirely() {
    let home = Home::new();
    let set = repository().join("tests/programs/programs.jsonl.gz");
    let mut command = home.command(program("edgecoder"));
    let said = said(
        command
            .args(["eval", "--solver", "canonical", "--json", "--tasks"])
            .arg(set),
    );
    assert_eq!(said.code, 0, "{said:?}");
    let summary = said.json();
    assert_eq!(summary["schema"], "edgecoder/eval/1");
    let count = summary["tasks"].as_u64().unwrap();
    assert!(count >= 60, "{count} programs");
    assert_eq!(
        (&summary["passed"], &summary["pass_at"]["1"]),
        (&json!(count), &json!(1.0))
    );
    assert_eq!(
        (&summary["refused"], &summary["inconclusive"]),
        (&json!(0), &json!(0))
    );
    assert!(summary["fuel"].as_u64().unwrap() > 1_000_000);
    assert!(summary["wall_ms"].is_u64() && summary["cpu_ms"].is_u64());
    let results = summary["results"].as_array().unwrap();
    assert_eq!(results.len() as u64, count);
    for result in results {
        assert_eq!(
            (&result["passed"], &result["evidence"]),
            (&json!(true), &json!("suite")),
            "{result}"
        );
        assert!(
            result["task_id"]
                .as_str()
                .unwrap()
                .starts_with("EdgeCoder/")
        );
    }
}

#[test]
fn an_eval_of_wrong_solutions_fails_and_names_them() {
    let home = Home::new();
    let task = |id: &str, body: &str| {
        json!({"task_id": id, "prompt": "def one():\n    \"\"\"One.\"\"\"\n", "canonical_solution": body,
            "test": "def check(candidate):\n    assert candidate() == 1\n", "entry_point": "one"})
    };
    let set = format!(
        "{}\n{}\n",
        task("T/good", "    return 1\n"),
        task("T/bad", "    return 2\n")
    );
    home.write("set.jsonl", set);
    let said = home.run("eval --solver canonical --tasks set.jsonl");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.out.contains("1 of 2 tasks passed") && said.out.contains("T/bad"),
        "{said:?}"
    );
    home.write("broken.jsonl", "{\"task_id\": \"T/1\"}\n");
    home.run("eval --solver canonical --tasks broken.jsonl")
        .refuses(64, "line 1");
}

#[test]
fn a_prompt_that_the_model_refuses_is_a_refused_task_and_not_the_end() {
    let home = Home::new();
    let task = |id: &str, docstring: &str| {
        json!({"task_id": id, "prompt": format!("def add(a, b):\n    \"\"\"{docstring}\"\"\"\n"),
            "canonical_solution": "    return a + b\n", "entry_point": "add",
            "test": "def check(candidate):\n    assert candidate(2, 3) == 5\n"})
    };
    let set = format!(
        "{}\n{}\n",
        task("T/long", &"Add the numbers. ".repeat(20_000)),
        task(
            "T/good",
            "Write a function add(a, b) that returns the sum of a and b."
        )
    );
    home.write("set.jsonl", set);
    let said = home.run("eval --solver agent --json --tasks set.jsonl");
    assert_eq!(said.code, 1, "{said:?}");
    let summary = said.json();
    assert_eq!(
        (&summary["tasks"], &summary["refused"]),
        (&json!(2), &json!(1)),
        "{summary:#}"
    );
    let long = &summary["results"][0];
    assert_eq!(
        (&long["passed"], &long["attempts"]),
        (&json!(false), &json!(0))
    );
    assert!(!long["error"].as_str().unwrap().is_empty(), "{long}");
    assert_eq!(summary["results"][1]["attempts"], json!(1), "{summary:#}");
    assert_eq!(home.run("eval -k 17 --tasks set.jsonl").code, 64);
    let home = home.with("EDGECODER_MODEL", "/nonexistent/model.gguf");
    home.stop();
    home.run("eval --solver agent --tasks set.jsonl")
        .refuses(4, "model");
}
