//! Many executions over four local workers of ours, each result checked, against Dask with four, which runs each task
//! twice in fresh bare processes. Dask comes from PyPI, into a virtual environment in the cache that is kept.
//!
//! Ours runs in a sandbox, with signatures and a coordinator's disk; Dask's runs are unprotected. While ours is
//! measured Dask stands still: an idle cluster takes a tenth of a core, our idle daemons a hundredth.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use edgecoder_protocol::{operator::ExecRequest, task::PrivacyClass};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{
    at_least,
    daemons::Daemons,
    exec::{rate, set},
};
use crate::{
    cli::{
        Place,
        bench::{Figure, Row, SET, figure, odd},
        bench_peer::PYTHON,
        eval::parse_tasks,
        failure::{Failure, INTERNAL},
    },
    data_dir,
};

const SCRIPT: &str = include_str!("dask.py");
/// Tasks of one round, from the set in turn: as many as HumanEval has.
const TASKS: usize = 164;
/// Workers, ours and Dask's (in its script).
const WORKERS: usize = 4;
/// A worker does one thing at a time, as Dask's do.
const ONE_AT_A_TIME: &str = "worker_slots = 1\n";
const ROUNDS: usize = 5;

pub async fn rows(at: &Place) -> Result<Vec<Row>, Failure> {
    let mut dask = Dask::start(&at.config.cache_dir).await?;
    let mut daemons = Daemons::found(at, "agent,coordinator", "").await?;
    for _ in 0..WORKERS {
        daemons.join("worker", ONE_AT_A_TIME).await?;
    }
    let client = daemons.founder().client()?;
    let requests: Vec<ExecRequest> = set()?.into_iter().cycle().take(TASKS).collect();
    let (mut ours, mut twice, mut once) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        dask.signal(Signal::STOP);
        let own = rate(&client, &requests, PrivacyClass::Mesh, TASKS).await?;
        dask.signal(Signal::CONT);
        let rates = (own, dask.rate("twice").await?, dask.rate("once").await?);
        // The first round warms all.
        if round > 0 {
            ours.push(rates.0);
            twice.push(rates.1);
            once.push(rates.2);
        }
    }
    let figure = |name, samples| figure(name, samples, "tasks/s");
    let ours = figure(None, ours);
    let once = figure(Some("Dask, each once"), once);
    let name = format!("{TASKS} executions, {WORKERS} workers");
    Ok(vec![
        at_least(
            format!("{name}, checked"),
            ours.clone(),
            figure(Some("Dask, each twice"), twice),
            1.5,
        ),
        shown(format!("{name}, beside plain Dask"), ours, once),
    ])
}

/// A row without a bar.
fn shown(name: String, ours: Figure, peer: Figure) -> Row {
    Row {
        bar: String::new(),
        ok: true,
        ..at_least(name, ours, peer, 0.0)
    }
}

/// A running cluster, and its folder; both are gone when it is dropped.
struct Dask {
    process: Child,
    folder: PathBuf,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Dask {
    async fn start(cache: &Path) -> Result<Self, Failure> {
        let python = installed(cache).await?;
        let folder = cache.join(format!("bench-dask-{}", std::process::id()));
        data_dir::make(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
        let script = folder.join("dask_side.py");
        std::fs::write(&script, SCRIPT).map_err(|error| Failure::file("write", &script, &error))?;
        let log = folder.join("log");
        let log =
            std::fs::File::create(&log).map_err(|error| Failure::file("write", &log, &error))?;
        // A group of its own: its workers are processes too, and end with it.
        let mut process = Command::new(python)
            .arg(&script)
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| odd(&error))?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(odd(&"Dask has no standard input or output"));
        };
        let mut dask = Self {
            process,
            folder,
            input,
            output: BufReader::new(output).lines(),
        };
        let programs = serde_json::to_string(&programs()?).map_err(|error| odd(&error))?;
        dask.say(&programs).await?;
        Ok(dask)
    }

    /// Tasks a second, `once` or `twice` each.
    async fn rate(&mut self, how: &str) -> Result<f64, Failure> {
        self.say(how).await?;
        let line = self.output.next_line().await.map_err(|error| odd(&error))?;
        let seconds = line.and_then(|line| line.trim().parse::<f64>().ok());
        let seconds = seconds.ok_or_else(|| {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            let last = log.lines().last().unwrap_or("it said nothing");
            odd(&format!("Dask ended: {last}"))
        })?;
        Ok(TASKS as f64 / seconds)
    }

    /// To the cluster and its workers.
    fn signal(&self, signal: Signal) {
        let pid = self.process.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // Not reaped yet, so that the number is still its group's; it may have ended already.
            kill_process_group(pid, signal).ok();
        }
    }

    async fn say(&mut self, line: &str) -> Result<(), Failure> {
        let line = format!("{line}\n");
        let written = self.input.write_all(line.as_bytes()).await;
        written.map_err(|error| odd(&format!("Dask does not listen: {error}")))
    }
}

impl Drop for Dask {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        // In the cache, which may be deleted at any time; only space is lost.
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// What Dask runs: the set's tasks as whole programs.
fn programs() -> Result<Vec<String>, Failure> {
    let tasks = parse_tasks(SET).map_err(|error| odd(&error))?;
    let whole = tasks.iter().map(|task| {
        let (code, test, name) = (task.canonical(), &task.test, &task.entry_point);
        format!("{code}{test}\n\ncheck({name})\n")
    });
    Ok(whole.cycle().take(TASKS).collect())
}

/// The interpreter of an environment that has Dask, made when it is missing.
async fn installed(cache: &Path) -> Result<PathBuf, Failure> {
    let folder = cache.join("bench-dask");
    let python = folder.join("bin/python");
    let there = Command::new(&python)
        .args(["-c", "import distributed"])
        .stderr(Stdio::null())
        .status()
        .await;
    if there.is_ok_and(|status| status.success()) {
        return Ok(python);
    }
    data_dir::make(cache).map_err(|error| Failure::file("make", cache, &error))?;
    let mut make = Command::new(PYTHON);
    make.args(["-m", "venv", "--clear"]).arg(&folder);
    had(
        make,
        "install python3-venv with the system's package manager",
    )
    .await?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "distributed"]);
    had(pip, "let this machine reach PyPI once").await?;
    Ok(python)
}

/// Runs a step of the installation to a good end.
async fn had(mut step: Command, next: &str) -> Result<(), Failure> {
    let output = step.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let why = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            last.unwrap_or("it said nothing").to_owned()
        }
        Err(error) => error.to_string(),
    };
    let message = format!("Dask cannot be had: {}", why.trim());
    Err(Failure::new(INTERNAL, message, next))
}
