//! The main job across daemons: given away, done by others, checked, and back, also when some of them die.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use std::thread;

use serde_json::Value;

use support::{
    network::{Network, Node},
    wait_for,
};

mod support;

const CASES: &str = r#"[{"entry": "largest", "args": [[3, 9, 2]], "expect": 9},
 {"entry": "largest", "args": [[]], "expect": null}]"#;
const PROMPT: &str =
    "Write a function largest(nums) that returns the largest of the numbers in nums.";

/// A coordinator with a model, and two workers.
fn small() -> (Network, Vec<Node>) {
    let network = Network::found("agent,coordinator,inference", &[]);
    let workers = (0..2).map(|_| network.join("agent,worker", &[])).collect();
    (network, workers)
}

fn id(node: &Node) -> String {
    node.view()["node"].as_str().unwrap().to_owned()
}

#[test]
fn code_runs_on_two_other_nodes_and_its_receipt_replays_anywhere() {
    let (network, workers) = small();
    let user = &network.founder;
    let file = user.home.write("main.py", "print('hello from', 6 * 7)");
    let bundle = user.home.path("run.bundle");
    let words = format!(
        "exec --mesh --json --bundle {} {}",
        bundle.display(),
        file.display()
    );
    let said = user.home.run(&words);
    assert_eq!(said.code, 0, "{said:?}");
    let answer = said.json();
    assert_eq!(answer["stdout"], "hello from 42\n");
    let signer = answer["receipt"]["signer"].as_str().unwrap();
    assert!(
        workers.iter().any(|worker| id(worker) == signer),
        "{signer}"
    );
    let replayed = workers[0]
        .home
        .run(&format!("replay --json {}", bundle.display()));
    assert_eq!(replayed.json()["verdict"], "agreed");
    let done = |worker: &Node| worker.worker()["done"].as_u64().unwrap();
    assert_eq!(
        done(&workers[0]) + done(&workers[1]),
        2,
        "author and checker"
    );
}

#[test]
fn a_task_is_solved_by_others_and_verified_here() {
    let (_network, workers) = small();
    let user = &workers[0];
    let cases = user.home.write("cases.json", CASES);
    let bundle = user.home.path("l.bundle");
    let words = [
        "solve",
        "--mesh",
        "--json",
        "--cases",
        cases.to_str().unwrap(),
        "--bundle",
        bundle.to_str().unwrap(),
        PROMPT,
    ];
    let said = user.home.edgecoder(&words);
    assert_eq!(said.code, 0, "{said:?}");
    let last: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    let text = last.to_string();
    assert!(
        text.contains("\"outcome\":\"solved\"") && text.contains("\"cases\""),
        "{text}"
    );
    let replayed = user
        .home
        .run(&format!("replay --json {}", bundle.display()));
    assert_eq!(replayed.json()["verdict"], "agreed");
    assert!(
        said.out.contains("Readable by"),
        "its readers are named: {}",
        said.out
    );
}

#[test]
fn work_goes_on_when_the_worker_that_has_it_dies() {
    let (network, mut workers) = small();
    workers.push(network.join("agent,worker", &[]));
    let user = &network.founder;
    // Some seconds of work, so that there is somebody to end.
    let file = user.home.write(
        "slow.py",
        "n = 0\nwhile n < 8_000_000:\n    n += 1\nprint(n)",
    );
    let running = user.home.command(support::program("edgecoder"));
    let mut running = running;
    running.args(["exec", "--mesh"]).arg(&file);
    let running = thread::spawn(move || support::said(&mut running));
    let busy = wait_for("a worker at work", || {
        workers.iter().position(Node::is_busy)
    });
    workers[busy].kill();
    let said = running.join().unwrap();
    assert_eq!((said.code, said.out.as_str()), (0, "8000000\n"), "{said:?}");
}

#[test]
fn what_nobody_can_do_or_nothing_may_leave_is_refused_with_the_reason() {
    let network = Network::found("agent,coordinator", &[]);
    let user = &network.founder;
    let file = user.home.write("main.py", "print(1)");
    let exec = |flags: &str| user.home.run(&format!("exec {flags} {}", file.display()));
    let said = exec("--mesh");
    assert_ne!(said.code, 0);
    assert!(said.err.contains("no worker is registered"), "{said:?}");
    let _one = network.join("agent,worker", &[]);
    let said = exec("--mesh");
    assert!(said.err.contains("cannot be checked"), "{said:?}");
    let said = exec("--privacy enterprise");
    assert_eq!(said.code, 5, "{said:?}");
    let cautious = network.join("agent", &[("EDGECODER_PRIVACY", "local")]);
    let file = cautious.home.write("main.py", "print(1)");
    let said = cautious
        .home
        .run(&format!("exec --mesh {}", file.display()));
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.err.contains("privacy"), "{said:?}");
    let said = cautious.home.run(&format!("exec {}", file.display()));
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "1\n"),
        "at home it runs"
    );
}

#[test]
fn a_restarted_coordinator_goes_on_with_what_it_had_acknowledged() {
    let (mut network, workers) = small();
    // Nobody takes work, so that it waits.
    for worker in &workers {
        assert_eq!(worker.home.run("worker pause").code, 0);
    }
    let user = &workers[0];
    let cases = user.home.write("cases.json", CASES);
    let mut solving = user.home.command(support::program("edgecoder"));
    solving
        .args(["solve", "--mesh", "--json", "--cases"])
        .arg(cases)
        .arg(PROMPT);
    let solving = thread::spawn(move || support::said(&mut solving));
    wait_for("the plan", || {
        let tasks = user.home.run("task list --json").out;
        tasks.contains("\"leased\"").then_some(())
    });
    let port = network.founder.view()["addresses"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let address = port.split("/p2p/").next().unwrap().to_owned();
    network.founder.kill();
    network.founder.home.set("EDGECODER_LISTEN", Some(&address));
    network.founder.start();
    for worker in &workers {
        worker.wait_registered();
        assert_eq!(worker.home.run("worker resume").code, 0);
    }
    let said = solving.join().unwrap();
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn a_sealed_task_is_read_by_its_workers_only() {
    let network = Network::found("agent,coordinator", &[]);
    let workers: Vec<Node> = (0..2)
        .map(|_| network.join("agent,worker,inference", &[]))
        .collect();
    let user = network.join("agent", &[]);
    let marker = "largest_of_b3f1c7";
    let cases = user
        .home
        .write("cases.json", CASES.replace("largest", marker));
    let prompt = PROMPT.replace("largest(", &format!("{marker}("));
    let said = user.home.edgecoder(&[
        "solve",
        "--privacy",
        "sealed",
        "--json",
        "--cases",
        cases.to_str().unwrap(),
        &prompt,
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    let holds = |node: &Node| {
        let found = std::process::Command::new("grep")
            .args(["-rlaF", marker])
            .arg(node.home.data())
            .output();
        !found.unwrap().stdout.is_empty()
    };
    assert!(holds(&user), "the search finds what is there");
    assert!(!holds(&network.founder), "the coordinator");
    for worker in &workers {
        assert!(!holds(worker), "workers keep nothing in clear");
    }
}
