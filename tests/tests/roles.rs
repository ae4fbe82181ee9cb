//! Roles that stand alone: each builds without the others' heavy crates, starts by itself, and can be restarted; a
//! second model's node is worth having.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a failure here is a failed test, and one measures time"
)]

use std::{process::Command, time::Instant};

use serde_json::{Value, json};
use support::{
    Said,
    network::{Network, Node},
    program, repository, said, wait_for,
};

mod support;

/// A role, and heavy crates that it does without.
const ROLES: [(&str, &[&str]); 5] = [
    (
        "agent",
        &[
            "wasmtime",
            "llama-cpp",
            "edgecoder-coordinator",
            "edgecoder-worker",
        ],
    ),
    (
        "inference",
        &["wasmtime", "edgecoder-coordinator", "edgecoder-worker"],
    ),
    ("worker", &["llama-cpp", "edgecoder-coordinator"]),
    ("coordinator", &["llama-cpp", "edgecoder-worker"]),
    (
        "bootstrap",
        &[
            "wasmtime",
            "llama-cpp",
            "edgecoder-coordinator",
            "edgecoder-worker",
        ],
    ),
];

/// As long as it takes: a build from nothing takes minutes.
fn cargo(words: &[&str]) -> Said {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let ran = Command::new(cargo)
        .args(words)
        .current_dir(repository())
        .output();
    let ran = ran.unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Said {
        code: ran.status.code().unwrap_or(-1),
        out: text(&ran.stdout),
        err: text(&ran.stderr),
    }
}

#[test]
fn a_role_does_not_bring_the_others_heavy_crates() {
    for (role, without) in ROLES {
        let tree = cargo(&[
            "tree",
            "--package",
            "edgecoder-daemon",
            "--no-default-features",
            "--features",
            role,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--offline",
        ]);
        assert_eq!(tree.code, 0, "{tree:?}");
        assert!(tree.out.contains("libp2p "), "{role} has no mesh");
        for heavy in without {
            let has = tree.out.lines().any(|line| {
                line.starts_with(&format!("{heavy} ")) || line.starts_with(&format!("{heavy}-"))
            });
            assert!(!has, "{role} brings {heavy}");
        }
    }
}

#[test]
#[ignore = "acceptance: roles"]
fn each_role_builds_and_starts_alone() {
    let built_here = program("edgecoder");
    let target = built_here.ancestors().nth(2).unwrap();
    let network = Network::found("agent,coordinator", &[]);
    for (role, _) in ROLES {
        let built = cargo(&[
            "build",
            "--package",
            "edgecoder-daemon",
            "--no-default-features",
            "--features",
            role,
            "--bins",
            "--profile",
            "role",
            "--target-dir",
            target.to_str().unwrap(),
        ]);
        assert_eq!(built.code, 0, "{built:?}");
        let daemon = target.join("role/edgecoderd");
        let mut node = Node::new(role, &[]);
        let joined = node.home.edgecoder(&["network", "join", &network.line]);
        assert_eq!(joined.code, 0, "{joined:?}");
        let mut command = node.home.command(&daemon);
        node.daemon = Some(node.home.start(&mut command));
        let view = wait_for("the node", || {
            let (status, view) = node.home.request("GET", "/v1/node", &Value::Null)?;
            (status == 200 && view["coordinator"]["registered"] == true).then_some(view)
        });
        assert_eq!(view["roles"], json!([role]));
        node.kill();
        // What it was built without it does not pretend to do.
        let other = if role == "worker" {
            "coordinator"
        } else {
            "worker"
        };
        node.home.set("EDGECODER_ROLES", Some(other));
        let refused = said(&mut node.home.command(&daemon));
        assert_ne!(refused.code, 0);
        assert!(
            refused.err.contains(&format!("without the role `{other}`")),
            "{refused:?}"
        );
    }
}

/// Tasks that wait to be planned at once.
const PLANS: usize = 24;

/// Seconds until so many tasks are planned by `slots` nodes that take 300 ms each.
fn planning(slots: usize) -> f64 {
    let script =
        json!([{"contains": "write nothing", "say": ["{\"steps\": []}"], "after_ms": 300}]);
    let log = [("EDGECODER_LOG", "info,edgecoder_coordinator=debug")];
    let network = Network::found("agent,coordinator", &log);
    let mut models = Vec::new();
    for _ in 0..slots {
        let mut model = Node::new("inference", &[]);
        model.follow(&script);
        network.admit(&mut model);
        models.push(model);
    }
    let workers = [network.join("worker", &[]), network.join("worker", &[])];
    for worker in &workers {
        // Only planning is measured.
        assert_eq!(worker.home.run("worker pause").code, 0);
    }
    let user = &network.founder.home;
    let task = json!({"prompt": "write nothing", "solution": "solution.py", "tests": null, "candidates": 1,
        "max_iterations": 1, "budget": 10_000, "deadline_ms": 600_000, "seed": 1, "limits": null, "privacy": "mesh"});
    let begin = Instant::now();
    for _ in 0..PLANS {
        let (status, view) = user.request("POST", "/v1/tasks", &task).unwrap();
        assert_eq!(status, 202, "{view}");
    }
    wait_for("the plans", || {
        let log = user.log();
        let planned = log.lines().filter(|line| line.contains(" planned "));
        (planned.count() == PLANS).then_some(())
    });
    begin.elapsed().as_secs_f64()
}

#[test]
#[ignore = "acceptance: second-slot"]
fn a_second_inference_slot_raises_the_rate_of_planning() {
    let (one, two) = (planning(1), planning(2));
    println!(
        "{PLANS} plans of 300 ms: {one:.2} s with one slot, {two:.2} s with two, ratio {:.2}",
        one / two
    );
    assert!(one / two >= 1.6, "{:.2}", one / two);
}
