//! Work goes on while workers die and join every two seconds, half of them without a word.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a failure here is a failed test, and this one measures time"
)]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use support::{
    Home,
    namespace::Namespace,
    network::{Network, Node},
    wait_for,
};

mod support;

/// Workers at a time.
const WORKERS: usize = 5;
/// Deaths in all.
const KILLS: usize = 200;
/// Tasks that must come back right.
const TASKS: usize = 100;
/// Between a death and the next.
const EVERY: Duration = Duration::from_secs(2);
/// From a death to the work being leased again, p99.
const AGAIN_MAX: f64 = 10.0;

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

/// What the scripted model knows: a plan of three steps, and the three files.
fn script() -> Value {
    let step = |id: &str, needs: &[&str]| json!({"id": id, "prompt": format!("write the {id} step"), "writes": format!("{id}.py"), "needs": needs});
    let plan = json!({"steps": [step("read", &[]), step("total", &[]), step("report", &["read", "total"])]});
    let fenced = |code: &str| vec![format!("```python\n{code}```")];
    json!([
        {"contains": "Build a report", "say": [plan.to_string()], "after_ms": 100},
        {"contains": "write the read step", "after_ms": 300,
         "say": fenced("def read(text):\n    return [int(x) for x in text.split(',')]\n")},
        {"contains": "write the total step", "after_ms": 300, "say": fenced("def total(numbers):\n    return sum(numbers)\n")},
        {"contains": "write the report step", "after_ms": 300,
         "say": fenced("from read import read\nfrom total import total\n\ndef report(text):\n    return f'total {total(read(text))}'\n")},
    ])
}

/// A task and how it is known to be right.
fn task(user: &Home, number: usize, scripted: bool) {
    let said = match (number % 3, scripted) {
        // Some seconds of work, so that death finds somebody at it.
        (0, _) => {
            let name = format!("run{number}/main.py");
            let file = user.write(&name, "n = 0\nwhile n < 4_000_000:\n    n += 1\nprint(n)");
            let said = user.edgecoder(&["exec", "--mesh", file.to_str().unwrap()]);
            assert_eq!(said.out, "4000000\n", "{said:?}");
            said
        }
        (_, false) => {
            let cases = user.write(
                &format!("run{number}/cases.json"),
                r#"[{"entry": "largest", "args": [[3, 9, 2]], "expect": 9}]"#,
            );
            let prompt =
                "Write a function largest(nums) that returns the largest of the numbers in nums.";
            user.edgecoder(&[
                "solve",
                "--mesh",
                "--json",
                "--cases",
                cases.to_str().unwrap(),
                prompt,
            ])
        }
        (_, true) => {
            let suite = "import unittest\nfrom report import report\n\nclass Report(unittest.TestCase):\n    \
                         def test_sum(self):\n        self.assertEqual(report('1,2'), 'total 3')\n";
            let tests = user.write(&format!("run{number}/files/test_report.py"), suite);
            user.edgecoder(&[
                "solve",
                "--mesh",
                "--json",
                "--files",
                tests.parent().unwrap().to_str().unwrap(),
                "--tests",
                tests.to_str().unwrap(),
                "--out",
                &format!("run{number}/report.py"),
                "--candidates",
                "1",
                "Build a report",
            ])
        }
    };
    assert_eq!(said.code, 0, "task {number}: {said:?}");
    if !number.is_multiple_of(3) {
        let done = said.lines().pop().unwrap();
        assert_eq!(done["outcome"], "solved", "{done}");
        assert!(done["receipt"]["signature"].is_string(), "{done}");
    }
}

/// Workers that come and go.
struct Crowd<'a> {
    network: &'a Network,
    namespace: &'a Namespace,
    next: usize,
    alive: VecDeque<(Node, String)>,
    /// When each died, by its id.
    deaths: Vec<(f64, String)>,
}

impl Crowd<'_> {
    fn add(&mut self) {
        self.next += 1;
        let address = format!("127.1.{}.{}", self.next / 250, self.next % 250 + 1);
        // Both transports are in use, each by every other worker.
        let listen = match self.next % 2 {
            0 => format!("/ip4/{address}/tcp/4001"),
            _ => format!("/ip4/{address}/udp/4001/quic-v1"),
        };
        let settings = [
            ("EDGECODER_LISTEN", listen.as_str()),
            ("EDGECODER_WORKER_SLOTS", "1"),
        ];
        let mut node = Node::new("agent,worker", &settings);
        node.namespace = Some(self.namespace.name.clone());
        self.network.admit(&mut node);
        self.alive.push_back((node, address));
    }

    fn kill_oldest(&mut self) {
        let (mut node, address) = self.alive.pop_front().unwrap();
        let id = node.view()["node"].as_str().unwrap().to_owned();
        self.deaths.push((now(), id));
        if self.deaths.len().is_multiple_of(2) {
            self.namespace.silence(&address);
            // Nobody hears of its end: what it would have said is dropped.
        }
        node.kill();
    }
}

#[test]
#[ignore = "acceptance: churn"]
fn work_goes_on_while_workers_die_and_join() {
    let namespace = Namespace::new("churn");
    let quiet = [
        (
            "EDGECODER_LISTEN",
            "/ip4/127.0.0.1/tcp/4001,/ip4/127.0.0.1/udp/4001/quic-v1",
        ),
        ("EDGECODER_LOG", "info,edgecoder_coordinator=debug"),
    ];
    let mut founder = Node::new("agent,coordinator", &quiet);
    founder.namespace = Some(namespace.name.clone());
    let network = Network::founded_by(founder);
    let inference = || {
        let mut node = Node::new(
            "inference",
            &[("EDGECODER_LISTEN", "/ip4/127.0.0.2/tcp/4001")],
        );
        node.namespace = Some(namespace.name.clone());
        node
    };
    let user = {
        let mut user = Node::new("agent", &[("EDGECODER_LISTEN", "/ip4/127.0.0.3/tcp/4001")]);
        user.namespace = Some(namespace.name.clone());
        network.admit(&mut user);
        user
    };
    let mut crowd = Crowd {
        network: &network,
        namespace: &namespace,
        next: 0,
        alive: VecDeque::new(),
        deaths: Vec::new(),
    };
    for _ in 0..WORKERS {
        crowd.add();
    }
    let mut done = 0;
    for scripted in [false, true] {
        let mut model = inference();
        if scripted {
            model.follow(&script());
        }
        network.admit(&mut model);
        done += phase(&mut crowd, &user.home, scripted);
        model.kill();
    }
    assert!(done >= TASKS, "{done} tasks");
    let log = network.founder.home.log();
    let spans = again(&log, &crowd.deaths);
    report(&spans, crowd.deaths.len(), done);
}

/// Kills half of all and has tasks done meanwhile; returns how many.
fn phase(crowd: &mut Crowd<'_>, user: &Home, scripted: bool) -> usize {
    let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_over = Mutex::new(false);
    let base = usize::from(scripted) * 100_000;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= TASKS / 2 && *is_over.lock().unwrap() {
                        return;
                    }
                    task(user, base + number, scripted);
                    finished.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..KILLS / 2 {
            crowd.kill_oldest();
            crowd.add();
            thread::sleep(EVERY);
        }
        *is_over.lock().unwrap() = true;
    });
    wait_for("the last task", || {
        (finished.load(Ordering::Relaxed) >= TASKS / 2).then_some(())
    });
    finished.load(Ordering::Relaxed)
}

/// For each lease that a dead worker held: seconds from its death until the step was lent again.
fn again(log: &str, deaths: &[(f64, String)]) -> Vec<f64> {
    let field = |line: &str, name: &str| {
        let from = line.find(&format!(" {name}="))? + name.len() + 2;
        Some(line[from..].split_whitespace().next()?.to_owned())
    };
    let mut lent: BTreeMap<(String, String, String), Vec<(f64, String)>> = BTreeMap::new();
    let mut lost: Vec<(f64, (String, String, String), String)> = Vec::new();
    for line in log.lines() {
        let Some(at) = line.split_whitespace().next().and_then(seconds) else {
            continue;
        };
        let key = || {
            Some((
                field(line, "task")?,
                field(line, "step")?,
                field(line, "part")?,
            ))
        };
        let (Some(key), Some(worker)) = (key(), field(line, "worker")) else {
            continue;
        };
        if line.contains(" lent ") {
            lent.entry(key).or_default().push((at, worker));
        } else if line.contains(" lost ") {
            lost.push((at, key, worker));
        }
    }
    let mut spans = Vec::new();
    for (at, key, worker) in lost {
        let Some((died, _)) = deaths.iter().find(|(_, id)| *id == worker) else {
            continue;
        };
        let next = lent
            .get(&key)
            .and_then(|all| all.iter().find(|(when, _)| *when >= at));
        if let Some((when, _)) = next {
            spans.push(when - died);
        }
    }
    spans.sort_by(f64::total_cmp);
    spans
}

/// A log line's moment (RFC 3339, UTC) as seconds since the epoch.
fn seconds(text: &str) -> Option<f64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers: Vec<i64> = date.split('-').filter_map(|one| one.parse().ok()).collect();
    let [year, month, day] = numbers.as_slice() else {
        return None;
    };
    // Days from civil (Howard Hinnant's algorithm), for years after 1970.
    let (year, month) = if *month <= 2 {
        (year - 1, month + 9)
    } else {
        (*year, month - 3)
    };
    let era_day = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    let days = era_day - 719_468;
    let mut parts = time.split(':');
    let hour: f64 = parts.next()?.parse().ok()?;
    let minute: f64 = parts.next()?.parse().ok()?;
    let second: f64 = parts.next()?.parse().ok()?;
    Some(days as f64 * 86_400.0 + hour * 3_600.0 + minute * 60.0 + second)
}

fn report(spans: &[f64], deaths: usize, tasks: usize) {
    assert!(
        spans.len() >= 30,
        "death found work {} times only",
        spans.len()
    );
    let at = |part: f64| spans[((spans.len() - 1) as f64 * part).round() as usize];
    println!(
        "{tasks} tasks right, {deaths} deaths, {} of them with work in hand: leased again after {:.1} s (median), {:.1} s (p99)",
        spans.len(),
        at(0.5),
        at(0.99)
    );
    assert!(at(0.99) < AGAIN_MAX, "p99 {:.1} s", at(0.99));
}
