//! Turns what guests came to into an outcome, a receipt's body and a report. Pure: the child's word counts
//! for what came out, never for what was asked.

use edgecoder_protocol::{
    Bytes, Execution, ExecutionReport, FileTree, Fuel, Hash, Outcome, ProfileId, RelPath,
    TestOutcome, TestResult,
    canonical::{self, Encoder},
    cases::{Case, Returned, Value},
    receipt::TestRecord,
};

use crate::{
    raw::{RawEnded, RawRun},
    request::{cases, receipt},
};

/// Characters of a test's message, as in a suite.
const MESSAGE_MAX: usize = 4_000;
/// Characters of a reason, and of a name within it: the first of them is shown.
const REASON_MAX: usize = 500;
const NAME_SHOWN: usize = 100;

/// What one run adds to the whole, small enough to keep for ten thousand cases.
struct Part {
    outcome: Outcome,
    reason: String,
    tests: Vec<TestResult>,
    stdout: Hash,
    stderr: Hash,
    /// What a person is shown of both.
    shown: [Vec<u8>; 2],
    cut: bool,
    value: Hash,
    written: Hash,
}

/// Collects the runs of one execution, in any order.
pub(crate) struct Judge<'a> {
    execution: &'a Execution,
    parts: Vec<Option<Part>>,
    /// Runs that are not in.
    missing: usize,
    /// Bytes that may still be shown of standard output and standard error.
    room: [usize; 2],
    value: Option<String>,
    written: FileTree,
    fuel: Fuel,
    memory: Bytes,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(execution: &'a Execution) -> Self {
        let runs = cases(execution).map_or(1, <[Case]>::len);
        let limit = usize::try_from(execution.limits.output.0).unwrap_or(usize::MAX);
        Self {
            execution,
            parts: (0..runs).map(|_| None).collect(),
            missing: runs,
            room: [limit; 2],
            value: None,
            written: FileTree::default(),
            fuel: Fuel(0),
            memory: Bytes(0),
        }
    }

    /// Takes one run; a repeated or unknown index is ignored.
    pub(crate) fn take(&mut self, index: usize, run: RawRun) {
        let case = cases(self.execution).map(|cases| cases.get(index));
        let Some(place @ None) = self.parts.get_mut(index) else {
            return;
        };
        let (outcome, reason, tests) = match case {
            Some(None) => return,
            Some(Some(case)) => judge_case(case, &run),
            None => judge_run(&run),
        };
        let written = tree(run.written);
        let mut shown = [run.stdout, run.stderr];
        let (stdout, stderr) = (Hash::of(&shown[0]), Hash::of(&shown[1]));
        for (text, room) in shown.iter_mut().zip(&mut self.room) {
            text.truncate(*room);
            text.shrink_to_fit();
            *room -= text.len();
        }
        *place = Some(Part {
            outcome,
            reason,
            tests,
            stdout,
            stderr,
            shown,
            cut: run.cut,
            value: Hash::of(run.value.as_bytes()),
            written: canonical::hash(&written),
        });
        self.missing -= 1;
        self.fuel = self.fuel.saturating_add(run.fuel);
        self.memory = self.memory.max(run.memory);
        if self.parts.len() == 1 {
            self.value = (!run.value.is_empty()).then_some(run.value);
            self.written = written;
        }
    }

    /// Runs that are not in.
    pub(crate) fn missing(&self) -> Vec<usize> {
        let missing = self
            .parts
            .iter()
            .enumerate()
            .filter(|(_, part)| part.is_none());
        missing.map(|(index, _)| index).collect()
    }

    /// Has what is missing count as not run.
    pub(crate) fn give_up(&mut self, why: &str) {
        for index in self.missing() {
            self.take(index, RawRun::not_run(why.to_owned()));
        }
    }

    /// Whether every run is in.
    pub(crate) fn is_complete(&self) -> bool {
        self.missing == 0
    }

    /// The report. A run that is not in makes it inconclusive.
    pub(crate) fn finish(self, profile: ProfileId, wall_ms: u64) -> ExecutionReport {
        let parts: Vec<Part> = self.parts.into_iter().flatten().collect();
        let (outcome, reason) = if self.missing > 0 {
            let reason = "the sandbox process ended twice while it ran; try again";
            (Outcome::Inconclusive, reason.to_owned())
        } else {
            overall(&parts)
        };
        let show = |which: usize| {
            let all: Vec<u8> = (parts.iter())
                .flat_map(|part| part.shown[which].iter().copied())
                .collect();
            String::from_utf8_lossy(&all).into_owned()
        };
        let (stdout, mut stderr) = (show(0), show(1));
        if parts.iter().any(|part| part.cut) {
            let limit = self.execution.limits.output;
            stderr.push_str(&format!("\n(output beyond {limit} bytes was cut)\n"));
        }
        let mut output = Encoder::default();
        output.text("edgecoder/output/1").list(&parts, |to, part| {
            to.fixed(&part.stdout.0).fixed(&part.stderr.0);
            to.u8(u8::from(part.cut));
        });
        let mut result = Encoder::default();
        result.text("edgecoder/result/1").list(&parts, |to, part| {
            to.fixed(&part.value.0).fixed(&part.written.0);
        });
        let tests: Vec<TestResult> = parts.into_iter().flat_map(|part| part.tests).collect();
        let mut body = receipt(self.execution, profile);
        body.outcome = outcome;
        body.results = (tests.iter())
            .map(|test| TestRecord {
                name: test.name.clone(),
                outcome: test.outcome,
            })
            .collect();
        body.output = Hash::of(&output.finish());
        body.result = Hash::of(&result.finish());
        body.fuel = self.fuel;
        ExecutionReport {
            body,
            reason,
            stdout,
            stderr,
            value: self.value,
            tests,
            written: self.written,
            memory: self.memory,
            wall_ms,
        }
    }
}

/// How a run ended when it did not give an answer to judge.
fn stopped(run: &RawRun) -> (Outcome, String) {
    let memory = || {
        let why = "it needed more memory than its limit: use less, or raise `memory`";
        (Outcome::OutOfMemory, why.to_owned())
    };
    match &run.ended {
        RawEnded::Returned => (Outcome::Ok, String::new()),
        RawEnded::OutOfFuel => (
            Outcome::OutOfFuel,
            "it burned all its fuel: it may loop forever; if it is only slow, raise `fuel`".into(),
        ),
        RawEnded::WallClock => (
            Outcome::Inconclusive,
            "the wall clock stopped it before its fuel ran out: raise `wall_ms`, or try again when the machine is less busy".into(),
        ),
        RawEnded::StackExhausted => (
            Outcome::Inconclusive,
            "it filled the native stack, by recursion that the interpreter cannot see: recurse less deeply".into(),
        ),
        RawEnded::NotRun(why) => (
            Outcome::Inconclusive,
            format!("it could not be run: {why}; try again"),
        ),
        RawEnded::Raised { .. } | RawEnded::Trapped(_) if run.denied => memory(),
        RawEnded::Raised { class, message, .. } if message.is_empty() => {
            (Outcome::Failed, format!("it raised {class}"))
        }
        RawEnded::Raised { class, message, .. } => {
            (Outcome::Failed, format!("it raised {class}: {message}"))
        }
        RawEnded::Exited(code) => (
            Outcome::Failed,
            format!(
                "the program left early (exit {code}): leaving by sys.exit or os._exit never counts as a pass; let it run to its end"
            ),
        ),
        RawEnded::Unsupported(why) => (Outcome::Failed, format!("it {why}")),
        RawEnded::Trapped(why) => (Outcome::Failed, format!("the interpreter broke: {why}")),
    }
}

/// Judges a script or a suite.
fn judge_run(run: &RawRun) -> (Outcome, String, Vec<TestResult>) {
    let tests = run.tests.clone();
    let (outcome, reason) = stopped(run);
    if outcome != Outcome::Ok || tests.is_empty() {
        return (outcome, reason, tests);
    }
    let bad =
        |test: &&TestResult| matches!(test.outcome, TestOutcome::Failed | TestOutcome::Errored);
    let (outcome, reason) = if let Some(first) = tests.iter().find(bad) {
        let outcome = if run.denied {
            Outcome::OutOfMemory
        } else {
            Outcome::Failed
        };
        let count = tests.iter().filter(bad).count();
        let reason = format!(
            "{count} of {} tests did not pass, first {}: {}",
            tests.len(),
            first.name,
            first.message
        );
        (outcome, reason)
    } else if tests
        .iter()
        .all(|test| test.outcome == TestOutcome::Skipped)
    {
        let reason = "every test was skipped, so nothing was tested";
        (Outcome::Failed, reason.to_owned())
    } else {
        (Outcome::Ok, String::new())
    };
    (outcome, reason, tests)
}

/// Judges one case: the only place where a returned value meets what was expected.
fn judge_case(case: &Case, run: &RawRun) -> (Outcome, String, Vec<TestResult>) {
    let returned = match &run.ended {
        RawEnded::Returned => match Value::parse(&run.value) {
            Ok(value) => Ok(Returned::Value(value)),
            Err(error) => Err((
                Outcome::Failed,
                format!("it returned a value that is not JSON: {error}"),
            )),
        },
        RawEnded::Raised {
            class,
            bases,
            message,
        } if !run.denied => Ok(Returned::Raised {
            class: class.clone(),
            bases: bases.clone(),
            message: message.clone(),
        }),
        _ => Err(stopped(run)),
    };
    let (outcome, verdict, message) = match returned {
        Ok(returned) => match case.judge(&returned) {
            Ok(()) => (Outcome::Ok, TestOutcome::Passed, String::new()),
            Err(why) => {
                let verdict = match returned {
                    Returned::Value(_) => TestOutcome::Failed,
                    Returned::Raised { .. } => TestOutcome::Errored,
                };
                (Outcome::Failed, verdict, why)
            }
        },
        Err((outcome, why)) => (outcome, TestOutcome::Errored, why),
    };
    // Ten thousand cases may each tell of a megabyte; the whole values are in the receipt, as hashes.
    let message: String = message.chars().take(MESSAGE_MAX).collect();
    let reason = if outcome == Outcome::Ok {
        String::new()
    } else {
        let name: String = case.name.chars().take(NAME_SHOWN).collect();
        let why: String = message.chars().take(REASON_MAX).collect();
        format!("{name}: {why}")
    };
    let test = TestResult {
        name: case.name.clone(),
        outcome: verdict,
        message,
    };
    (outcome, reason, vec![test])
}

/// The whole's outcome: an unfinished run leaves it open; else the worst.
fn overall(parts: &[Part]) -> (Outcome, String) {
    for outcome in [
        Outcome::Inconclusive,
        Outcome::OutOfFuel,
        Outcome::OutOfMemory,
        Outcome::Failed,
    ] {
        let mut with = parts.iter().filter(|part| part.outcome == outcome);
        if let Some(first) = with.next() {
            let more = with.count();
            let reason = if more == 0 {
                first.reason.clone()
            } else {
                format!("{} (and {more} more)", first.reason)
            };
            return (outcome, reason);
        }
    }
    (Outcome::Ok, String::new())
}

/// Files with names that a snapshot could not hold are left out.
fn tree(written: Vec<(String, Vec<u8>)>) -> FileTree {
    let files = written.into_iter();
    FileTree(
        files
            .filter_map(|(path, content)| Some((RelPath::new(path).ok()?, content)))
            .collect(),
    )
}

#[cfg(test)]
mod tests;
