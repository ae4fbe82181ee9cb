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
