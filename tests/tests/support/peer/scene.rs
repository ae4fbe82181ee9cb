//! A small network with an adversary in it: who works when is the test's to say, so that it is known who gets what.

use std::thread::{self, JoinHandle};

use edgecoder_protocol::{operator::ExecAnswer, wire::WhyBack, work::Part};
use serde_json::Value;

use super::{Lent, Peer, run_of};
use crate::support::{
    Said,
    network::{Network, Node},
    program, said, wait_for,
};

/// What [`Scene::solving`] asks for.
const PROMPT: &str =
    "Write a function largest(nums) that returns the largest of the numbers in nums.";
const CASES: &str = r#"[{"entry": "largest", "args": [[3, 9, 2]], "expect": 9},
 {"entry": "largest", "args": [[]], "expect": null}]"#;
/// What solves it.
pub const SOLUTION: &str = "def largest(nums):\n    return max(nums) if nums else None\n";

/// Waits until `peer` is lent something as this part. A worker that was told to rest may be lent what it was waiting
/// for at that moment, and hands it back; `peer` hands back what is not for it likewise.
fn lent_as(peer: &Peer, part: Part) -> Lent {
    wait_for("a lease", || {
        let lent = peer.take(1_000)?;
        if lent.held.part == part {
            return Some(lent);
        }
        peer.hand_back(&lent, WhyBack::Drained);
        None
    })
}

/// A coordinator with a model, whose user gives tasks, and two honest workers.
pub struct Scene {
    pub network: Network,
    pub workers: Vec<Node>,
    /// Who may read what the user gives away.
    pub class: &'static str,
}

impl Scene {
    /// Honest workers rest until [`Scene::resume`].
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// The same, with settings of the founder's.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let network = Network::found("agent,coordinator,inference", settings);
        let workers = (0..2).map(|_| network.join("agent,worker", &[]));
        let scene = Self {
            workers: workers.collect(),
            network,
            class: "mesh",
        };
        scene.rest();
        scene
    }

    /// Honest workers take nothing more.
    pub fn rest(&self) {
        for worker in &self.workers {
            assert_eq!(worker.home.run("worker pause").code, 0);
        }
    }

    /// Honest workers work.
    pub fn resume(&self) {
        for worker in &self.workers {
            assert_eq!(worker.home.run("worker resume").code, 0);
        }
    }

    /// The user has `number` printed by the network.
    pub fn running(&self, number: u32) -> JoinHandle<Said> {
        self.running_for(&self.network.founder, number)
    }

    /// The same, for the user of another node.
    pub fn running_for(&self, user: &Node, number: u32) -> JoinHandle<Said> {
        let home = &user.home;
        let file = home.write("main.py", format!("print({number})\n"));
        let mut command = home.command(program("edgecoder"));
        command.args(["exec", "--mesh", "--json", "--privacy", self.class]);
        command.arg(file);
        thread::spawn(move || said(&mut command))
    }

    /// The user has something solved by the network.
    pub fn solving(&self) -> JoinHandle<Said> {
        let home = &self.network.founder.home;
        let cases = home.write("cases.json", CASES);
        let mut command = home.command(program("edgecoder"));
        command
            .args(["solve", "--mesh", "--json", "--deadline", "30", "--cases"])
            .arg(cases)
            .arg(PROMPT);
        thread::spawn(move || said(&mut command))
    }

    /// `peer` is the author of what prints `number`; nobody else works.
    pub fn lent_to(&self, peer: &Peer, number: u32) -> (JoinHandle<Said>, Lent) {
        self.rest();
        let running = self.running(number);
        (running, lent_as(peer, Part::Author))
    }

    /// `peer` is the checker of what prints `number`; its author is honest, and nobody else works.
    pub fn checked_by(&self, peer: &Peer, number: u32) -> (JoinHandle<Said>, Lent) {
        self.rest();
        let author = &self.workers[0];
        assert_eq!(author.home.run("worker resume").code, 0);
        let running = self.running(number);
        wait_for("an honest author", || author.is_busy().then_some(()));
        (running, lent_as(peer, Part::Checker))
    }

    /// `peer` writes the solution; nobody else works.
    pub fn asks_of(&self, peer: &Peer) -> (JoinHandle<Said>, Lent) {
        self.rest();
        let solving = self.solving();
        (solving, lent_as(peer, Part::Author))
    }

    /// What really comes of it.
    pub fn truth(&self, lent: &Lent, code: Option<&str>) -> ExecAnswer {
        run_of(&self.network.founder.home, lent, code)
    }

    /// The task that printed `number` has come back right.
    #[track_caller]
    pub fn is_right(&self, running: JoinHandle<Said>, number: u32) -> Value {
        self.printed(&running.join().unwrap(), number)
    }

    /// `said` is what comes of printing `number`.
    #[track_caller]
    pub fn printed(&self, said: &Said, number: u32) -> Value {
        assert_eq!(said.code, 0, "{said:?}");
        let answer = said.json();
        assert_eq!(answer["stdout"], format!("{number}\n"), "{answer}");
        answer
    }

    /// The solution has come back, and passes.
    #[track_caller]
    pub fn is_solved(&self, solving: JoinHandle<Said>) -> Value {
        let said = solving.join().unwrap();
        assert_eq!(said.code, 0, "{said:?}");
        let done = said.lines().pop().unwrap();
        assert_eq!(done["outcome"], "solved", "{done}");
        assert_eq!(done["evidence"], "cases", "{done}");
        done
    }

    /// A task that is given now comes back right.
    #[track_caller]
    pub fn still_works(&self, number: u32) {
        self.resume();
        self.is_right(self.running(number), number);
    }

    /// The coordinator has not said of an honest worker that it lied.
    #[track_caller]
    pub fn blames_nobody_honest(&self) {
        let log = self.network.founder.home.log();
        let honest: Vec<String> = self.workers.iter().map(id).collect();
        let blames = |line: &&str| {
            line.contains("signed what is not so") && honest.iter().any(|id| line.contains(id))
        };
        let blamed: Vec<&str> = log.lines().filter(blames).collect();
        assert!(blamed.is_empty(), "{blamed:?}");
    }

    /// What the coordinator says of `peer` among its peers.
    pub fn seen(&self, peer: &Peer) -> Option<Value> {
        seen(&self.network.founder, peer)
    }

    /// Names of the bundles that the coordinator keeps as evidence.
    pub fn evidence(&self) -> Vec<String> {
        let folder = self.network.founder.home.data().join("evidence");
        let there = std::fs::read_dir(folder).into_iter().flatten();
        there
            .map(|entry| entry.unwrap().path().display().to_string())
            .collect()
    }
}

/// What `node` says of `peer` among its peers.
pub fn seen(node: &Node, peer: &Peer) -> Option<Value> {
    let rows = node.home.run("peers --json").json();
    let mut rows = rows.as_array().unwrap().clone().into_iter();
    rows.find(|row| row["peer"] == peer.id().to_string())
}

/// Who a node is.
pub fn id(node: &Node) -> String {
    node.view()["node"].as_str().unwrap().to_owned()
}
