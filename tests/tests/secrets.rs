//! Who can read a task: a marker in its body is looked for in captures, stores and memory of every node.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use support::{
    namespace::Namespace,
    network::{Network, Node},
    wait_for,
};

mod support;

const CASES: &str = r#"[{"entry": "MARKER", "args": [[3, 9, 2]], "expect": 9}, {"entry": "MARKER", "args": [[4]], "expect": 4}]"#;
const PROMPT: &str =
    "Write a function MARKER(nums) that returns the largest of the numbers in nums.";

/// Every node that is not told.
struct Ground {
    namespace: Namespace,
    network: Network,
    bootstrap: Node,
    workers: Vec<Node>,
    /// A worker that takes no work.
    idle: Node,
    user: Node,
}

impl Ground {
    fn new(name: &str) -> Self {
        let namespace = Namespace::new(name);
        let node = |roles: &str| {
            let mut node = Node::new(roles, &[]);
            node.namespace = Some(namespace.name.clone());
            node
        };
        let network = Network::founded_by(node("agent,coordinator"));
        let join = |roles: &str| {
            let mut node = node(roles);
            network.admit(&mut node);
            node
        };
        let workers = (0..2).map(|_| join("worker,inference")).collect();
        let (bootstrap, idle, user) = (join("bootstrap"), join("worker,inference"), join("agent"));
        assert_eq!(idle.home.run("worker pause").code, 0);
        Self {
            namespace,
            network,
            bootstrap,
            workers,
            idle,
            user,
        }
    }

    /// Everything that is sent while `work` is done, as one file.
    fn capture(&self, work: impl FnOnce()) -> Vec<u8> {
        let file = self.user.home.path("capture.pcap");
        let mut command = Command::new("ip");
        command.args([
            "netns",
            "exec",
            &self.namespace.name,
            "tcpdump",
            "-i",
            "any",
            "-U",
            // Without, the last second is still in the kernel when it is stopped.
            "--immediate-mode",
            "-w",
        ]);
        command
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut dump = Dump(
            command
                .spawn()
                .expect("tcpdump (Debian: apt-get install tcpdump)"),
        );
        wait_for("the capture", || {
            fs::metadata(&file).ok().filter(|file| file.len() > 0)
        });
        work();
        dump.stop();
        fs::read(file).unwrap()
    }

    fn solve(&self, class: &str, marker: &str) -> Vec<Value> {
        let cases = self
            .user
            .home
            .write("cases.json", CASES.replace("MARKER", marker));
        let prompt = PROMPT.replace("MARKER", marker);
        let said = self.user.home.edgecoder(&[
            "solve",
            "--privacy",
            class,
            "--json",
            "--cases",
            cases.to_str().unwrap(),
            &prompt,
        ]);
        assert_eq!(said.code, 0, "{said:?}");
        said.lines()
    }
}

/// A running tcpdump.
struct Dump(Child);

impl Dump {
    fn stop(&mut self) {
        support::kill(self.0.id());
        self.0.wait().unwrap();
    }
}

impl Drop for Dump {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn contains(bytes: &[u8], marker: &str) -> bool {
    bytes
        .windows(marker.len())
        .any(|window| window == marker.as_bytes())
}

/// Whether a process, or a child of it, has the marker in writable memory.
fn in_memory(pid: u32, marker: &str) -> bool {
    let children =
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = children
        .split_whitespace()
        .filter_map(|child| child.parse().ok());
    [pid]
        .into_iter()
        .chain(children)
        .any(|pid| in_own_memory(pid, marker))
}

fn in_own_memory(pid: u32, marker: &str) -> bool {
    let (Ok(maps), Ok(memory)) = (
        fs::read_to_string(format!("/proc/{pid}/maps")),
        File::open(format!("/proc/{pid}/mem")),
    ) else {
        return false;
    };
    maps.lines().any(|line| {
        let mut fields = line.split_whitespace();
        let (range, mode) = (fields.next().unwrap(), fields.next().unwrap());
        let (from, to) = range.split_once('-').unwrap();
        let (from, to) = (
            u64::from_str_radix(from, 16).unwrap(),
            u64::from_str_radix(to, 16).unwrap(),
        );
        mode.starts_with("rw") && region_has(&memory, from, to, marker)
    })
}

/// Reads a region piece by piece; pieces overlap, so that no place is between two.
fn region_has(memory: &File, from: u64, to: u64, marker: &str) -> bool {
    const PIECE: u64 = 1 << 20;
    let mut buffer = vec![0; PIECE as usize + marker.len()];
    let mut at = from;
    while at < to {
        let length = (to - at).min(buffer.len() as u64) as usize;
        // Reserved and never used: there is nothing to read.
        if let Ok(read) = memory.read_at(&mut buffer[..length], at)
            && contains(&buffer[..read], marker)
        {
            return true;
        }
        at += PIECE;
    }
    false
}

fn in_store(folder: &Path, marker: &str) -> bool {
    let found = Command::new("grep")
        .args(["-rlaF", marker])
        .arg(folder)
        .output()
        .unwrap();
    !found.stdout.is_empty()
}

fn knows(node: &Node, marker: &str) -> bool {
    let pid = node.daemon.as_ref().unwrap().id();
    in_memory(pid, marker) || in_store(&node.home.data(), marker)
}

#[test]
#[ignore = "acceptance: sealed-marker"]
fn a_sealed_marker_is_nowhere_but_with_its_workers_and_submitter() {
    let ground = Ground::new("sealed");
    let marker = "largest_of_b3f1c7";
    let capture = ground.capture(|| {
        ground.solve("sealed", marker);
    });
    let seen = capture.len();
    assert!(seen > 10_000, "the capture saw the traffic: {seen} bytes");
    assert!(!contains(&capture, marker), "on the wire");
    assert!(
        knows(&ground.user, marker),
        "the search finds what is there"
    );
    for (name, node) in [
        ("coordinator", &ground.network.founder),
        ("bootstrap", &ground.bootstrap),
        ("idle worker", &ground.idle),
    ] {
        assert!(!knows(node, marker), "{name}");
    }
    for worker in &ground.workers {
        assert!(!in_store(&worker.home.data(), marker), "a worker's disk");
    }
}

#[test]
#[ignore = "acceptance: mesh-marker"]
fn a_mesh_marker_is_with_its_listed_readers_only() {
    let ground = Ground::new("listed");
    let marker = "largest_of_c81d2e";
    let mut events = Vec::new();
    let capture = ground.capture(|| events = ground.solve("mesh", marker));
    assert!(!contains(&capture, marker), "on the wire");
    let told = events[0].to_string();
    let coordinator = ground.network.founder.view()["node"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(told.contains(&coordinator), "the readers are named: {told}");
    assert!(
        knows(&ground.user, marker),
        "the search finds what is there"
    );
    assert!(
        knows(&ground.network.founder, marker),
        "the coordinator reads it"
    );
    for (name, node) in [
        ("bootstrap", &ground.bootstrap),
        ("idle worker", &ground.idle),
    ] {
        assert!(!knows(node, marker), "{name}");
    }
}
