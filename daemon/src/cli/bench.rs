//! `edgecoder bench`: figures that anyone can measure again, with the peer in the same run.
//!
//! Runs of ours and of the peer alternate, so that what else the machine does falls on both; medians and ratios
//! are printed with the load, single times never.

use std::{sync::Arc, time::Instant};

use edgecoder_protocol::{Execution, FileTree, Limits, Outcome, Program, RelPath, key::NodeKey};
use edgecoder_sandbox::Sandbox;
use serde::Serialize;

use super::{
    Place,
    args::{Bench, MeshPart, Solver, Subject},
    bench_daemon::Own,
    bench_peer::{PYTHON, children_cpu_ms, native, native_command, native_over},
    client::Client,
    eval::{evaluate, parse_tasks, process_cpu_ms},
    failure::{FAILED, Failure, INTERNAL, USAGE},
    manage::print_json,
    screen::{self, Tone},
};
use crate::{executor::Executor, serve::sandbox_config};

/// Samples of a trivial run: enough for a p99.
const TRIVIAL_RUNS: usize = 240;
/// Rounds over the whole program set.
const SET_ROUNDS: usize = 7;
/// Rounds over each CPU-bound program.
const CPU_ROUNDS: usize = 5;

/// Programs that compute: floats, lists, permutations, dictionaries and texts, nested lists.
const CPU_BOUND: [(&str, &str); 5] = [
    ("nbody", include_str!("bench_programs/nbody.py")),
    ("sieve", include_str!("bench_programs/sieve.py")),
    ("fannkuch", include_str!("bench_programs/fannkuch.py")),
    ("words", include_str!("bench_programs/words.py")),
    ("matmul", include_str!("bench_programs/matmul.py")),
];
/// Varied tasks with their own solutions.
pub const SET: &[u8] = include_bytes!("../../../tests/programs/programs.jsonl.gz");
/// A program that does next to nothing.
pub const TRIVIAL: &str = "print(sum(range(10)))\n";

/// One figure with its spread.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Who was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    /// The median.
    pub median: f64,
    /// The 99th percentile, from 200 samples on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<f64>,
    /// Samples.
    pub n: usize,
    /// Of median and p99.
    pub unit: &'static str,
}

/// One line of a benchmark.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// Ours.
    pub ours: Figure,
    /// The peer's.
    pub peer: Figure,
    /// Ours to the peer's; not a number (`null`) when it was not measured, and then no bar is kept.
    pub ratio: f64,
    /// What the ratio must keep; empty for what is only shown.
    pub bar: String,
    /// Whether it does.
    pub ok: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    machine: Machine,
    load: f64,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Machine {
    cpu: String,
    cores: usize,
    os: &'static str,
    arch: &'static str,
}

/// `edgecoder bench`.
pub async fn run(at: &Place, args: Bench) -> Result<u8, Failure> {
    if args.subject != Subject::Mesh && !args.only.is_empty() {
        let message = "--only names parts of `bench mesh`";
        return Err(Failure::new(USAGE, message, "leave it out"));
    }
    let rows = match args.subject {
        Subject::Sandbox => sandbox(at).await?,
        Subject::Inference => super::bench_inference::run(at).await?,
        Subject::Mesh => mesh(at, &args.only).await?,
    };
    let ok = rows.iter().all(|row| row.ok);
    let report = Report {
        schema: "edgecoder/bench/1",
        machine: machine(),
        load: load(),
        rows,
    };
    if args.json {
        print_json(&report)?;
    } else {
        show(&report);
    }
    Ok(if ok { 0 } else { FAILED })
}

#[cfg(feature = "mesh")]
async fn mesh(at: &Place, only: &[MeshPart]) -> Result<Vec<Row>, Failure> {
    super::bench_mesh::run(at, only).await
}

#[cfg(not(feature = "mesh"))]
async fn mesh(_: &Place, _: &[MeshPart]) -> Result<Vec<Row>, Failure> {
    let message = "this program was built without the mesh";
    Err(Failure::new(
        USAGE,
        message,
        "build it with its usual features",
    ))
}

fn show(report: &Report) {
    let machine = &report.machine;
    screen::line(format!(
        "{} x {} ({}, {}), load {:.2}",
        machine.cores, machine.cpu, machine.os, machine.arch, report.load
    ));
    for row in &report.rows {
        if row.ratio.is_nan() {
            let mark = screen::out("none", Tone::Bad);
            screen::line(format!("  {mark} {} (bar {})", row.name, row.bar));
            continue;
        }
        let bar = match row.bar.is_empty() {
            true => "no bar".to_owned(),
            false => format!("bar {}", row.bar),
        };
        let p99 = row
            .ours
            .p99
            .map(|p99| format!(" (p99 {p99:.2})"))
            .unwrap_or_default();
        screen::line(format!(
            "  {} {:<34} {:>9.2}{p99} {} against {:>9.2} {}: ratio {:.2}, {bar}",
            if row.ok {
                screen::out("ok  ", Tone::Good)
            } else {
                screen::out("MISS", Tone::Bad)
            },
            row.name,
            row.ours.median,
            row.ours.unit,
            row.peer.median,
            row.peer.name.unwrap_or("peer"),
            row.ratio
        ));
    }
}

/// The median; 0 of nothing.
pub fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    match samples.len() {
        0 => 0.0,
        n if n.is_multiple_of(2) => f64::midpoint(samples[middle - 1], samples[middle]),
        _ => samples[middle],
    }
}

/// A figure from samples.
pub fn figure(name: Option<&'static str>, mut samples: Vec<f64>, unit: &'static str) -> Figure {
    let median = median(&mut samples);
    let n = samples.len();
    let p99 = (n >= 200).then(|| samples[(n * 99).div_ceil(100) - 1]);
    Figure {
        name,
        median,
        p99,
        n,
        unit,
    }
}

/// A benchmark that could not be run.
pub fn odd(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        INTERNAL,
        error.to_string(),
        "`edgecoder doctor` looks for what is wrong",
    )
}

/// The moment.
#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub fn clock() -> Instant {
    Instant::now()
}

async fn sandbox(at: &Place) -> Result<Vec<Row>, Failure> {
    if !std::path::Path::new(PYTHON).exists() {
        let next = "install it with the system's package manager (Debian: apt-get install python3)";
        return Err(Failure::new(
            INTERNAL,
            format!("the peer {PYTHON} is not there"),
            next,
        ));
    }
    let sandbox = Sandbox::start(sandbox_config(super::daemon::program(), &at.config));
    let key = Arc::new(NodeKey::from_seed(&mut [1; 32]));
    let executor = Executor::new(sandbox.clone(), key);
    let spinner = screen::spinner("measuring; leave the machine alone for a minute or two");
    let rows = rows(at, &executor).await;
    spinner.finish_and_clear();
    sandbox.stop().await;
    rows
}

async fn rows(at: &Place, executor: &Executor) -> Result<Vec<Row>, Failure> {
    let mut rows = vec![trivial(executor).await?];
    let own = Own::start(at, "").await?;
    let set = set(&own.client).await;
    own.stop().await;
    rows.push(set?);
    let mut product = 1.0_f64;
    for (name, code) in CPU_BOUND {
        let row = cpu_bound(executor, name, code).await?;
        product *= row.ratio;
        rows.push(row);
    }
    let mean = product.powf(1.0 / CPU_BOUND.len() as f64);
    let one = |name| Figure {
        name,
        median: if name.is_some() { 1.0 } else { mean },
        p99: None,
        n: CPU_BOUND.len(),
        unit: "x",
    };
    rows.push(Row {
        name: "CPU-bound, geometric mean".into(),
        ours: one(None),
        peer: one(Some("python3")),
        ratio: mean,
        bar: "at most 2.5".into(),
        ok: mean <= 2.5,
    });
    Ok(rows)
}

fn script(code: &str) -> Result<Execution, Failure> {
    let entry = RelPath::new("main.py").map_err(|error| odd(&error))?;
    Ok(Execution {
        files: FileTree([(entry.clone(), code.as_bytes().to_vec())].into()),
        program: Program::Script { entry },
        stdin: Vec::new(),
        seed: 0,
        limits: Limits::default(),
    })
}

async fn ran(executor: &Executor, execution: Execution) -> Result<(), Failure> {
    let answer = executor.run(execution, false).await?;
    if answer.outcome == Outcome::Ok {
        Ok(())
    } else {
        Err(odd(&format!(
            "a benchmark's program ended as {}: {} {}",
            answer.outcome, answer.reason, answer.stderr
        )))
    }
}

async fn trivial(executor: &Executor) -> Result<Row, Failure> {
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    // Warm both: the first run pays for the child's start.
    ran(executor, script(TRIVIAL)?).await?;
    native_command(TRIVIAL)?;
    for _ in 0..TRIVIAL_RUNS {
        let execution = script(TRIVIAL)?;
        let began = clock();
        ran(executor, execution).await?;
        ours.push(began.elapsed().as_secs_f64() * 1e3);
        let began = clock();
        native_command(TRIVIAL)?;
        peer.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let (ours, peer) = (
        figure(None, ours, "ms"),
        figure(Some("python3 -I -S -c"), peer, "ms"),
    );
    let ratio = ours.median / peer.median;
    let name = "trivial run, request to receipt".into();
    Ok(Row {
        name,
        ours,
        peer,
        ratio,
        bar: "at most 0.50".into(),
        ok: ratio <= 0.5,
    })
}

/// Tasks a second over the whole set, all cores, as `eval --solver canonical` runs them through a daemon, against one
/// bare process a task on the same cores.
async fn set(client: &Client) -> Result<Row, Failure> {
    let tasks = parse_tasks(SET).map_err(|error| odd(&error))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for round in 0..=SET_ROUNDS {
        let summary = evaluate(client, tasks.clone(), (Solver::Canonical, 1, 0)).await?;
        let rate = summary.rate();
        let rate = rate.ok_or_else(|| odd(&"a program of the set did not pass"))?;
        let native = native_over(&tasks, cores)?;
        // The first round warms both.
        if round > 0 {
            ours.push(rate);
            peer.push(tasks.len() as f64 / native.as_secs_f64());
        }
    }
    let (ours, peer) = (
        figure(None, ours, "tasks/s"),
        figure(Some("a bare process each"), peer, "tasks/s"),
    );
    let ratio = ours.median / peer.median;
    let name = format!("eval --solver canonical, {} tasks", tasks.len());
    Ok(Row {
        name,
        ours,
        peer,
        ratio,
        bar: "at least 1.50".into(),
        ok: ratio >= 1.5,
    })
}

/// CPU time of a program that computes, fully metered, against a bare process.
async fn cpu_bound(executor: &Executor, name: &str, code: &str) -> Result<Row, Failure> {
    let pid = executor.sandbox().child_pids().first().copied();
    let pid = pid.ok_or_else(|| odd(&"the sandbox's child is not running"))?;
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..CPU_ROUNDS {
        let before = process_cpu_ms(pid);
        ran(executor, script(code)?).await?;
        ours.push(spent(before, process_cpu_ms(pid))?);
        let before = children_cpu_ms();
        native(code)?;
        peer.push(children_cpu_ms() - before);
    }
    let (ours, peer) = (
        figure(None, ours, "CPU ms"),
        figure(Some("python3 -I -S"), peer, "CPU ms"),
    );
    let ratio = ours.median / peer.median;
    let name = format!("CPU-bound: {name}");
    Ok(Row {
        name,
        ours,
        peer,
        ratio,
        bar: "at most 4".into(),
        ok: ratio <= 4.0,
    })
}

/// CPU time between two readings of one process; a process that has ended has none, and is no measurement.
fn spent(before: u64, after: u64) -> Result<f64, Failure> {
    match after.checked_sub(before) {
        Some(ms) if before > 0 => Ok(ms as f64),
        _ => Err(odd(
            &"the sandbox's child ended while it was measured; try again",
        )),
    }
}

fn machine() -> Machine {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Machine {
        cpu: model.map_or_else(|| "unknown CPU".to_owned(), |(_, name)| name.to_owned()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
    }
}

/// The one-minute load average.
fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|load| load.parse().ok())
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles_are_those_of_the_samples() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(spent(10, 25).ok(), Some(15.0));
        assert!(spent(0, 25).is_err() && spent(25, 0).is_err());
        let figure = figure(None, (1..=200).map(f64::from).collect(), "ms");
        assert_eq!((figure.median, figure.p99), (100.5, Some(198.0)));
    }
}
