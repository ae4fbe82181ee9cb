//! Workers that lie: three of ten return plausible wrong results, one copies, one answers only what it is shown.
//!
//! Nothing wrong is delivered, and whoever signed what is not so is named by a bundle that a node which never saw the
//! task replays.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
};

use edgecoder_protocol::{
    Fuel, Hash, Outcome, TestOutcome,
    operator::{ExecAnswer, TestSet},
    wire::WhyBack,
    work::Job,
};
use serde_json::Value;

use support::{
    Home,
    network::{Network, Node},
    peer::{Lent, Peer, forge, run_of},
    wait_for,
};

mod support;

/// Workers that do what they should.
const HONEST: usize = 5;
/// Tasks until every liar should have been lent what it lies about: many, since each takes two of ten workers.
const TASKS_MAX: usize = 200;
/// Of so many, one is to be solved; the others are run.
const SOLVE_EVERY: usize = 3;
const PROMPT: &str =
    "Write a function largest(nums) that returns the largest of the numbers in nums.";
/// The last one is seen by nobody but the user.
const CASES: &str = r#"[{"entry": "largest", "args": [[3, 9, 2]], "expect": 9},
 {"entry": "largest", "args": [[]], "expect": null},
 {"entry": "largest", "args": [[-5, -2, -7]], "expect": -2, "heldout": true}]"#;
/// What only the one that answers by a table writes.
const TABLE: &str = "SHOWN = ";

/// How an adversary lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// It shows other output than there was.
    Output,
    /// It names more work than there was.
    Fuel,
    /// It writes what is wrong and calls it a pass, and a failure what passes; it hands back what is only run.
    Verdict,
    /// It runs nothing: it repeats what it was told of other runs.
    Copied,
    /// It writes a table of the cases that it is shown, and hands back what is not to be written.
    Table,
}

const LIES: [Lie; 5] = [
    Lie::Output,
    Lie::Fuel,
    Lie::Verdict,
    Lie::Copied,
    Lie::Table,
];

/// An adversary at work.
struct Liar {
    lie: Lie,
    peer: Arc<Peer>,
    /// Results that it has handed in, and of these what it wrote.
    lent: Arc<AtomicU32>,
    wrote: Arc<AtomicU32>,
    work: Option<JoinHandle<()>>,
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.peer.leave();
        self.work.take().map(JoinHandle::join);
    }
}

impl Liar {
    fn start(network: &Network, lie: Lie, oracle: &Arc<Home>) -> Self {
        let peer = Arc::new(Peer::join(network, &format!("{lie:?}")));
        let (lent, wrote) = (Arc::default(), Arc::default());
        let (by, counts) = (peer.clone(), (Arc::clone(&lent), Arc::clone(&wrote)));
        let oracle = oracle.clone();
        let work = thread::spawn(move || work(lie, &by, &oracle, &counts));
        Self {
            lie,
            peer,
            lent,
            wrote,
            work: Some(work),
        }
    }

    fn id(&self) -> String {
        self.peer.id().to_string()
    }
}

fn work(lie: Lie, peer: &Peer, oracle: &Home, counts: &(Arc<AtomicU32>, Arc<AtomicU32>)) {
    let mut seen = None;
    while !peer.has_left() {
        let Some(lent) = peer.take(1_000) else {
            continue;
        };
        let writes = lent.is_author() && !lent.is_exec();
        let Some(code) = code(lie, &lent, writes) else {
            peer.hand_back(&lent, WhyBack::Drained);
            continue;
        };
        let truth = run_of(oracle, &lent, code.as_deref());
        let told = told(lie, peer, truth, &mut seen);
        lent.hand_in(peer, code.as_deref(), told);
        counts.0.fetch_add(1, Ordering::SeqCst);
        counts.1.fetch_add(u32::from(writes), Ordering::SeqCst);
    }
}

/// What it writes, where something is to be written; `None` when it writes nothing.
fn code(lie: Lie, lent: &Lent, writes: bool) -> Option<Option<String>> {
    match (writes, lie) {
        // Who runs nothing has nothing to copy an answer from.
        (true, Lie::Copied) | (false, Lie::Table) => None,
        (false, Lie::Verdict) if lent.is_exec() => None,
        (false, _) => Some(None),
        (true, Lie::Table) => Some(Some(table(lent))),
        (true, Lie::Verdict) => Some(Some("def largest(nums):\n    return nums[0]\n".into())),
        (true, Lie::Output | Lie::Fuel) => {
            let right = "def largest(nums):\n    return max(nums) if nums else None\n";
            Some(Some(right.into()))
        }
    }
}

/// A solution of the shown cases and no others.
fn table(lent: &Lent) -> String {
    let Job::Solve(task) = &lent.job else {
        panic!("only solutions are written");
    };
    let Some(TestSet::Cases(text)) = &task.tests else {
        panic!("the tasks here have cases");
    };
    assert!(!text.contains("-5"), "a held-out case was shown: {text}");
    let shown: Vec<Value> = serde_json::from_str(text).unwrap();
    let rows = shown.iter().map(|case| {
        let expect = match &case["expect"] {
            Value::Null => "None".into(),
            other => other.to_string(),
        };
        format!("({}, {expect})", case["args"][0])
    });
    let rows: Vec<String> = rows.collect();
    format!(
        "{TABLE}[{}]\ndef largest(nums):\n    return next(b for a, b in SHOWN if a == nums)\n",
        rows.join(", ")
    )
}

/// What it says came of a run.
fn told(lie: Lie, peer: &Peer, run: ExecAnswer, seen: &mut Option<ExecAnswer>) -> ExecAnswer {
    match lie {
        Lie::Table => run,
        Lie::Fuel => forge(peer, run, |body| body.fuel = Fuel(body.fuel.0 + 1)),
        Lie::Output => {
            let mut told = forge(peer, run, |body| body.output = Hash::of(b"43"));
            told.stdout = "43\n".into();
            told
        }
        Lie::Verdict => {
            let is_pass = run.outcome == Outcome::Ok;
            let mut told = forge(peer, run, |body| {
                let (outcome, each) = match is_pass {
                    true => (Outcome::Failed, TestOutcome::Failed),
                    false => (Outcome::Ok, TestOutcome::Passed),
                };
                body.outcome = outcome;
                body.results.iter_mut().for_each(|test| test.outcome = each);
            });
            let results = told.receipt.body.results.iter();
            for (test, result) in told.tests.iter_mut().zip(results) {
                test.outcome = result.outcome;
                test.message.clear();
            }
            told.reason = match is_pass {
                true => "it exits with 1".into(),
                false => String::new(),
            };
            told
        }
        Lie::Copied => {
            // What is asked for is read off the task; what came of it, off the first result that it ever saw.
            let first = seen.get_or_insert_with(|| run.clone()).clone();
            let body = first.receipt.body.clone();
            let mut told = forge(peer, run, |own| {
                own.outcome = Outcome::Ok;
                own.output = body.output;
                own.result = body.result;
                // Another lie than its fellows': two of no owner that agree are believed.
                own.fuel = Fuel(body.fuel.0 - 1);
            });
            told.stdout = first.stdout;
            told
        }
    }
}

/// Has `number` printed by two of the ten; what comes back is right, and proves no more than that it ran.
fn executed(user: &Node, liars: &[Liar], number: usize) {
    let source = format!("print({number} * 7)\n");
    let file = user.home.write("main.py", source);
    let said = user
        .home
        .run(&format!("exec --mesh --json {}", file.display()));
    assert_eq!(said.code, 0, "{number}: {said:?}");
    let answer = said.json();
    assert_eq!(answer["stdout"], format!("{}\n", number * 7), "{answer}");
    assert_eq!(answer["evidence"], "ran", "{answer}");
    let signer = answer["receipt"]["signer"].as_str().unwrap();
    let lied = |liar: &&Liar| liar.lie != Lie::Table && liar.id() == signer;
    assert!(liars.iter().find(lied).is_none(), "{answer}");
}

/// Has the task solved: what comes back passes all its cases, or is not called solved.
fn solved(user: &Node, oracle: &Home) {
    let cases = user.home.write("cases.json", CASES);
    let bundle = user.home.path("solved.bundle");
    let said = user.home.edgecoder(&[
        "solve",
        "--mesh",
        "--json",
        "--cases",
        cases.to_str().unwrap(),
        "--bundle",
        bundle.to_str().unwrap(),
        PROMPT,
    ]);
    let done = said.lines().pop().unwrap();
    let code = done["code"].as_str().unwrap_or_default();
    if done["outcome"] != "solved" {
        // Only a table passes what is shown and not what is held out.
        assert!(code.contains(TABLE), "{said:?}");
        assert_eq!(said.code, 2, "{said:?}");
        assert!(done["next"].as_str().unwrap().contains("held out"));
        return;
    }
    assert!(!code.contains(TABLE), "{said:?}");
    assert_eq!((said.code, done["evidence"].as_str()), (0, Some("cases")));
    assert_eq!(replayed(oracle, &bundle)["verdict"], "agreed");
}

fn replayed(oracle: &Home, bundle: &std::path::Path) -> Value {
    let bundle = bundle.to_str().unwrap();
    oracle.edgecoder(&["replay", "--json", bundle]).json()
}

/// Bundles that the coordinator keeps against `who`.
fn evidence(network: &Network, who: &str) -> Vec<PathBuf> {
    let folder = network.founder.home.data().join("evidence");
    let there = std::fs::read_dir(folder).into_iter().flatten();
    let paths = there.map(|entry| entry.unwrap().path());
    let ending = format!("-{who}.bundle");
    paths
        .filter(|path| path.to_str().unwrap().ends_with(&ending))
        .collect()
}

/// Waits for evidence against `who`, which shows anybody that it signed what is not so.
fn convicted(network: &Network, oracle: &Home, who: &str) {
    let bundles = wait_for("evidence", || {
        Some(evidence(network, who)).filter(|found| !found.is_empty())
    });
    for bundle in bundles {
        let said = replayed(oracle, &bundle);
        assert_eq!(said["verdict"], "disagreed", "{}", bundle.display());
        assert_eq!(said["recorded_by"], who, "{}", bundle.display());
    }
}

#[test]
fn of_ten_workers_five_liars_deliver_nothing_wrong_and_are_named_by_evidence() {
    let network = Network::found("agent,coordinator,inference", &[]);
    let honest: Vec<Node> = (0..HONEST)
        .map(|_| network.join("agent,worker", &[]))
        .collect();
    let oracle = Arc::new(Home::new());
    let mut daemon = oracle.daemon();
    let liars: Vec<Liar> = LIES
        .into_iter()
        .map(|lie| Liar::start(&network, lie, &oracle))
        .collect();
    let user = &network.founder;
    let busy = |liar: &Liar| match liar.lie {
        Lie::Table => liar.wrote.load(Ordering::SeqCst) > 0,
        _ => liar.lent.load(Ordering::SeqCst) > 0,
    };
    let mut tasks = 0;
    while !liars.iter().all(busy) {
        tasks += 1;
        let idle: Vec<Lie> = liars
            .iter()
            .filter(|one| !busy(one))
            .map(|one| one.lie)
            .collect();
        assert!(tasks <= TASKS_MAX, "never lent anything: {idle:?}");
        match tasks % SOLVE_EVERY {
            0 => solved(user, &oracle),
            _ => executed(user, &liars, tasks),
        }
    }
    for liar in liars.iter().filter(|liar| liar.lie != Lie::Table) {
        convicted(&network, &oracle, &liar.id());
    }
    let table = liars.iter().find(|liar| liar.lie == Lie::Table).unwrap();
    let innocent = honest
        .iter()
        .map(|node| node.view()["node"].as_str().unwrap().to_owned());
    for who in innocent.chain([table.id()]) {
        assert!(evidence(&network, &who).is_empty(), "{who} is innocent");
    }
    // Whoever was convicted is lent nothing more.
    let lent = |liar: &Liar| liar.lent.load(Ordering::SeqCst);
    let before: Vec<u32> = liars[..4].iter().map(lent).collect();
    for number in 0..HONEST {
        executed(user, &liars, number);
    }
    assert_eq!(before, liars[..4].iter().map(lent).collect::<Vec<_>>());
    oracle.stop();
    daemon.wait().unwrap();
}
