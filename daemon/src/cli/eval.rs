//! `edgecoder eval`: task sets in HumanEval's format (Chen et al. 2021), solved by themselves or by the model.
//!
//! The model is asked for K different answers to each task, the greedy one first. `pass_at` 1 is the share of tasks
//! whose first answer passes, `pass_at` K of those that any does: what tests that choose among K answers get.

use std::{collections::BTreeMap, io::Read, path::Path, sync::Arc};

use edgecoder_protocol::{
    EvidenceClass, Fuel, Outcome, RelPath,
    execution::SuiteKind,
    operator::{
        Blob, ExecAnswer, ExecRequest, Files, NodeStatus, SampleAnswer, SampleRequest, TestSet,
    },
    task::PrivacyClass,
};
use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    Place,
    args::{Eval, Solver},
    client::Client,
    failure::{FAILED, Failure, NO_MODEL, UNREACHABLE, USAGE},
    files,
    manage::print_json,
    screen::{self, Tone},
};

/// Bytes of a task set, unpacked.
const SET_MAX: u64 = 256 << 20;
/// What a task's code is saved as.
const SOLUTION: &str = "solution.py";
/// What its test is saved as.
const TESTS: &str = "check.py";

/// One task of the set.
#[derive(Clone, Debug, Deserialize)]
pub struct Task {
    /// Its name.
    pub task_id: String,
    /// A header with a docstring, and what stands before it.
    pub prompt: String,
    /// The body that solves it.
    pub canonical_solution: String,
    /// Defines `check(candidate)`.
    pub test: String,
    /// The function under test.
    pub entry_point: String,
}

/// The whole run (FORMATS: eval).
#[derive(Debug, Serialize)]
pub struct Summary {
    schema: &'static str,
    tasks: usize,
    passed: usize,
    pass_at: BTreeMap<String, f64>,
    refused: usize,
    inconclusive: usize,
    wall_ms: u64,
    cpu_ms: u64,
    fuel: Fuel,
    results: Vec<TaskOutcome>,
}

#[derive(Debug, Serialize)]
struct TaskOutcome {
    task_id: String,
    passed: bool,
    evidence: EvidenceClass,
    /// Answers that were run; none when the task was refused.
    attempts: usize,
    /// Whether the first sample passed, which is the greedy one.
    #[serde(skip)]
    first: bool,
    #[serde(skip)]
    inconclusive: bool,
    fuel: Fuel,
    error: Option<String>,
}

/// Reads a task set, gzipped or not.
pub fn read_tasks(path: &Path) -> Result<Vec<Task>, Failure> {
    parse_tasks(&files::read(path)?).map_err(|why| {
        let message = format!("{}: {why}", path.display());
        Failure::new(
            USAGE,
            message,
            "give a task set in HumanEval's JSONL format, gzipped or not",
        )
    })
}

/// Reads the bytes of a task set, gzipped or not.
pub fn parse_tasks(bytes: &[u8]) -> Result<Vec<Task>, String> {
    let mut text = String::new();
    let read = if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(bytes)
            .take(SET_MAX)
            .read_to_string(&mut text)
    } else {
        bytes.take(SET_MAX).read_to_string(&mut text)
    };
    read.map_err(|error| error.to_string())?;
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let tasks: Result<Vec<Task>, String> = lines
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))
        })
        .collect();
    tasks.and_then(|tasks| {
        if tasks.is_empty() {
            Err("it holds no task".into())
        } else {
            Ok(tasks)
        }
    })
}

impl Task {
    /// The request that judges `code`.
    pub fn request(&self, code: String) -> Result<ExecRequest, Failure> {
        let path = |text: &str| {
            RelPath::new(text)
                .map_err(|error| Failure::new(USAGE, error.to_string(), "report this as a bug"))
        };
        let (solution, tests) = (path(SOLUTION)?, path(TESTS)?);
        let check = format!("{}\n\ncheck({})\n", self.test, self.entry_point);
        let files = Files(BTreeMap::from([
            (solution.clone(), Blob(code.into_bytes())),
            (tests.clone(), Blob(check.into_bytes())),
        ]));
        let tests = Some(TestSet::Suite {
            kind: SuiteKind::Asserts,
            path: tests,
        });
        let (stdin, limits) = (Blob::default(), None);
        Ok(ExecRequest {
            files,
            entry: solution,
            tests,
            stdin,
            seed: 0,
            limits,
            bundle: false,
            privacy: PrivacyClass::Local,
        })
    }

    /// The set's own program.
    pub fn canonical(&self) -> String {
        format!("{}{}\n", self.prompt, self.canonical_solution)
    }

    /// A sampled answer as a program: what stands before the function (imports, helpers) is kept.
    fn sampled(&self, code: &str) -> String {
        let start = self.prompt.rfind("\ndef ").map_or(0, |at| at + 1);
        format!("{}{code}", &self.prompt[..start])
    }
}

/// `edgecoder eval`.
pub async fn run(at: &Place, args: Eval) -> Result<u8, Failure> {
    let tasks = read_tasks(&args.tasks)?;
    let client = at.client().await?;
    let samples = if args.solver == Solver::Canonical {
        1
    } else {
        args.samples
    };
    let summary = evaluate(&client, tasks, (args.solver, samples, args.seed)).await?;
    if args.json {
        print_json(&summary)?;
    } else {
        show(&summary);
    }
    Ok(if summary.passed == summary.tasks {
        0
    } else {
        FAILED
    })
}

impl Summary {
    /// Tasks a second, when every one passed.
    pub fn rate(&self) -> Option<f64> {
        let all = self.passed == self.tasks && self.wall_ms > 0;
        all.then(|| self.tasks as f64 * 1e3 / self.wall_ms as f64)
    }
}

/// Runs all tasks, as many at a time as there are cores.
pub async fn evaluate(
    client: &Client,
    tasks: Vec<Task>,
    how: (Solver, u32, u64),
) -> Result<Summary, Failure> {
    let (_, samples, _) = how;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let places = Arc::new(Semaphore::new(cores));
    let before = cpu_ms(client).await?;
    #[allow(
        clippy::disallowed_methods,
        reason = "a duration that is only reported"
    )]
    let began = std::time::Instant::now();
    let bar = screen::bar(tasks.len() as u64, "tasks");
    let mut running = JoinSet::new();
    for (at, task) in tasks.into_iter().enumerate() {
        let (places, client, bar) = (places.clone(), client.clone(), bar.clone());
        running.spawn(async move {
            // The semaphore is never closed; without a permit the task would only run at once.
            let _place = places.acquire_owned().await.ok();
            let outcome = solve(&client, &task, how).await;
            bar.inc(1);
            (at, outcome)
        });
    }
    let mut results = BTreeMap::new();
    while let Some(joined) = running.join_next().await {
        let (at, outcome) = joined.map_err(|error| {
            Failure::new(
                super::failure::INTERNAL,
                error.to_string(),
                "report this as a bug",
            )
        })?;
        results.insert(at, outcome?);
    }
    bar.finish_and_clear();
    let wall_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let cpu_ms = cpu_ms(client).await?.saturating_sub(before);
    let results: Vec<TaskOutcome> = results.into_values().collect();
    let share = |passed: usize| passed as f64 / results.len() as f64;
    let first = share(results.iter().filter(|one| one.first).count());
    let any = share(results.iter().filter(|one| one.passed).count());
    Ok(Summary {
        schema: "edgecoder/eval/1",
        tasks: results.len(),
        passed: results.iter().filter(|one| one.passed).count(),
        pass_at: [(1.to_string(), first), (samples.to_string(), any)].into(),
        refused: results
            .iter()
            .filter(|one| one.error.is_some() && one.attempts == 0)
            .count(),
        inconclusive: results
            .iter()
            .filter(|one| one.inconclusive && !one.passed)
            .count(),
        wall_ms,
        cpu_ms,
        fuel: Fuel(results.iter().map(|one| one.fuel.0).sum()),
        results,
    })
}

/// A daemon that is gone and a model that is not there end the run; a task that is refused does not.
fn ends_all(failure: &Failure) -> bool {
    [UNREACHABLE, NO_MODEL].contains(&failure.code)
}

/// What the solver proposes, the greedy answer first.
async fn codes(
    client: &Client,
    task: &Task,
    how: (Solver, u32, u64),
) -> Result<Vec<String>, Failure> {
    let (solver, candidates, seed) = how;
    match solver {
        Solver::Canonical => Ok(vec![task.canonical()]),
        Solver::Agent => {
            let request = SampleRequest {
                prompt: task.prompt.clone(),
                candidates,
                seed,
                answer_max: None,
            };
            let answer: SampleAnswer = client.post("/v1/generations", &request).await?;
            Ok(answer.codes.iter().map(|code| task.sampled(code)).collect())
        }
    }
}

async fn solve(
    client: &Client,
    task: &Task,
    how: (Solver, u32, u64),
) -> Result<TaskOutcome, Failure> {
    let mut outcome = TaskOutcome {
        task_id: task.task_id.clone(),
        passed: false,
        evidence: EvidenceClass::Suite,
        attempts: 0,
        first: false,
        inconclusive: false,
        fuel: Fuel(0),
        error: None,
    };
    let codes = match codes(client, task, how).await {
        Ok(codes) => codes,
        Err(failure) if ends_all(&failure) => return Err(failure),
        Err(failure) => {
            outcome.error = Some(failure.message);
            return Ok(outcome);
        }
    };
    if codes.is_empty() {
        outcome.error = Some("the model wrote no code".into());
    }
    for (at, code) in codes.into_iter().enumerate() {
        let answer: Result<ExecAnswer, Failure> =
            client.post("/v1/executions", &task.request(code)?).await;
        match answer {
            Ok(answer) => {
                outcome.attempts += 1;
                outcome.fuel = outcome.fuel.saturating_add(answer.fuel);
                outcome.inconclusive |= answer.outcome == Outcome::Inconclusive;
                if answer.outcome == Outcome::Ok {
                    outcome.passed = true;
                    outcome.first |= at == 0;
                } else {
                    let failed = answer
                        .tests
                        .into_iter()
                        .find(|test| !test.message.is_empty());
                    outcome.error = Some(failed.map_or(answer.reason, |test| test.message));
                }
            }
            Err(failure) if ends_all(&failure) => return Err(failure),
            Err(failure) => outcome.error = Some(failure.message),
        }
    }
    if outcome.passed {
        outcome.error = None;
    }
    Ok(outcome)
}

/// CPU time of the daemon and its children so far, in milliseconds.
async fn cpu_ms(client: &Client) -> Result<u64, Failure> {
    let status: NodeStatus = client.get("/v1/status").await?;
    let pids = std::iter::once(status.pid).chain(status.children.values().copied());
    Ok(pids.map(process_cpu_ms).sum())
}

/// CPU time of a process, all threads: fields 14 and 15 of /proc/PID/stat, in ticks of 1/100 s.
pub fn process_cpu_ms(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold spaces; the fields are counted behind it.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok());
    ticks.sum::<u64>() * 10
}

fn show(summary: &Summary) {
    for result in summary.results.iter().filter(|result| !result.passed) {
        let error = result.error.as_deref().unwrap_or("no sample passed");
        let error = screen::safe(error)
            .trim()
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned();
        screen::line(format!(
            "  {} {}: {error}",
            screen::out("FAIL", Tone::Bad),
            screen::safe(&result.task_id)
        ));
    }
    let all = summary.passed == summary.tasks;
    let title = format!("{} of {} tasks passed", summary.passed, summary.tasks);
    screen::line(screen::out(
        &title,
        if all { Tone::Good } else { Tone::Bad },
    ));
    for (k, share) in &summary.pass_at {
        screen::line(format!("  pass@{k:<3} {:.1} %", share * 100.0));
    }
    let (wall, cpu) = (summary.wall_ms as f64 / 1e3, summary.cpu_ms as f64 / 1e3);
    screen::line(format!(
        "  {wall:.2} s wall, {cpu:.2} s CPU, {} fuel",
        screen::count(summary.fuel.0)
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_set_reads_or_says_which_line_is_wrong() {
        let line = r#"{"task_id": "T/0", "prompt": "import x\n\ndef f(a):\n", "canonical_solution": "    return a",
            "test": "def check(c): pass", "entry_point": "f"}"#
            .replace('\n', " ");
        let tasks = parse_tasks(format!("{line}\n\n").as_bytes()).unwrap();
        assert_eq!(
            tasks[0].sampled("def f(a): pass\n"),
            "import x\n\ndef f(a): pass\n"
        );
        assert!(parse_tasks(b"").unwrap_err().contains("no task"));
        assert!(
            parse_tasks(format!("{line}\n{{}}").as_bytes())
                .unwrap_err()
                .starts_with("line 2")
        );
    }
}
