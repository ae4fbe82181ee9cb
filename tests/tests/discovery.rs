//! Peers who find each other: by one bootstrap address, by Kademlia and by gossip, and not without them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use support::{
    network::{Network, Node},
    wait_for,
};

mod support;

const CASES: &str = r#"[{"entry": "largest", "args": [[3, 9, 2]], "expect": 9}]"#;
const PROMPT: &str =
    "Write a function largest(nums) that returns the largest of the numbers in nums.";

/// A coordinator, and a bootstrap node through which everybody else joins.
struct Ground {
    network: Network,
    bootstrap: Node,
    /// An invite that names the bootstrap node's address only.
    line: String,
}

impl Ground {
    fn new() -> Self {
        let network = Network::found("agent,coordinator,inference", &[]);
        let bootstrap = network.join("bootstrap", &[]);
        let address = bootstrap.view()["addresses"][0]
            .as_str()
            .unwrap()
            .to_owned();
        let line = network
            .founder
            .home
            .run(&format!("network invite --address {address}"));
        assert_eq!(line.code, 0, "{line:?}");
        let line = line.out.trim().to_owned();
        Self {
            network,
            bootstrap,
            line,
        }
    }

    /// A worker that knows the bootstrap address and nothing else; started.
    fn worker(&self, settings: &[(&str, &str)]) -> Node {
        let mut node = Node::new("agent,worker", settings);
        let said = node.home.edgecoder(&["network", "join", &self.line]);
        assert_eq!(said.code, 0, "{said:?}");
        node.start();
        node
    }

    /// A task whose files do not fit into a message: they have to be found and fetched.
    fn solve(&self, seconds: u32) -> support::Said {
        let user = &self.network.founder.home;
        let cases = user.write("cases.json", CASES);
        let folder = user.path("files");
        user.write("files/notes.txt", "x".repeat(300_000));
        user.edgecoder(&[
            "solve",
            "--mesh",
            "--json",
            "--cases",
            cases.to_str().unwrap(),
            "--files",
            folder.to_str().unwrap(),
            "--deadline",
            &seconds.to_string(),
            PROMPT,
        ])
    }
}

#[test]
fn a_worker_with_one_bootstrap_address_finds_coordinator_task_and_snapshot() {
    let mut ground = Ground::new();
    let workers = [ground.worker(&[]), ground.worker(&[])];
    workers.iter().for_each(Node::wait_registered);
    // It may vanish after joining.
    ground.bootstrap.kill();
    let said = ground.solve(100);
    assert_eq!(said.code, 0, "{said:?}");
    let fetched = |worker: &Node| {
        let contents = std::fs::read_dir(worker.home.data().join("contents")).unwrap();
        contents.count() > 0
    };
    assert!(
        workers.iter().all(fetched),
        "author and checker fetched the snapshot"
    );
    let coordinator = ground.network.founder.view()["node"].clone();
    for worker in &workers {
        let peers = worker.home.run("peers --json").json();
        let peers = peers.as_array().unwrap().clone();
        let found = peers
            .iter()
            .find(|peer| peer["peer"] == coordinator)
            .unwrap();
        assert_ne!(found["found_by"], "bootstrap", "{found}");
        assert_ne!(found["found_by"], "invite", "{found}");
    }
}

#[test]
fn without_gossip_a_worker_does_not_hear_of_a_task() {
    let ground = Ground::new();
    let off = [
        ("EDGECODER_GOSSIP", "false"),
        ("EDGECODER_LOG", "info,edgecoder_worker=debug"),
    ];
    let workers = [ground.worker(&off), ground.worker(&off)];
    workers.iter().for_each(Node::wait_registered);
    // Their first polls, which they make when they begin, are over.
    wait_for("idle workers", || {
        let log = |worker: &Node| worker.home.log();
        workers
            .iter()
            .all(|worker| log(worker).contains("no work"))
            .then_some(())
    });
    let said = ground.solve(5);
    assert_ne!(said.code, 0, "{said:?}");
    assert!(said.out.contains("deadline"), "{said:?}");
}

#[test]
fn without_kademlia_a_worker_does_not_find_the_coordinator() {
    let ground = Ground::new();
    let worker = ground.worker(&[("EDGECODER_KADEMLIA", "off")]);
    let reason = wait_for("the failure", || {
        let view = worker.view();
        view["coordinator"]["reason"].as_str().map(str::to_owned)
    });
    assert!(
        reason.contains("no member of the council was reached"),
        "{reason}"
    );
    assert_eq!(worker.view()["coordinator"]["registered"], false);
}

#[test]
fn all_know_who_is_here_and_a_gone_node_leaves_every_roster() {
    let network = Network::found("agent,coordinator", &[]);
    let mut nodes: Vec<Node> = (0..3).map(|_| network.join("agent,worker", &[])).collect();
    let has = |node: &Node, members: u64| {
        wait_for("a roster", || {
            let known = node.view()["members"].as_u64()?;
            // Each look is a process, and a record lives a minute.
            std::thread::sleep(std::time::Duration::from_millis(200));
            (known == members).then_some(())
        });
    };
    for node in nodes.iter().chain([&network.founder]) {
        has(node, 4);
    }
    nodes.pop().unwrap().kill();
    for node in nodes.iter().chain([&network.founder]) {
        has(node, 3);
    }
}
