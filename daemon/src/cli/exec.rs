//! `exec`, `test` and `replay`: run, judge, compare.

use std::path::Path;

use edgecoder_protocol::{
    EvidenceClass, Outcome, RelPath, TestOutcome, Verdict,
    execution::SuiteKind,
    operator::{BODY_MAX, Blob, ExecAnswer, ExecRequest, ReplayAnswer, TestSet},
};

use super::{
    Place,
    args::{Exec, Replay, RunFlags, SuiteFlag, Test},
    failure::{FAILED, Failure, INCONCLUSIVE, INTERNAL},
    files::{self, Snapshot},
    manage::print_json,
    outputs,
    screen::{self, Tone},
};

/// `edgecoder exec`.
pub async fn exec(at: &Place, args: Exec) -> Result<u8, Failure> {
    let mut snapshot = Snapshot::of(args.files.as_deref())?;
    let entry = snapshot.add(&args.file)?;
    let tests = args.suite.map(|suite| TestSet::Suite {
        kind: match suite {
            SuiteFlag::Unittest => SuiteKind::Unittest,
            SuiteFlag::Asserts => SuiteKind::Asserts,
        },
        path: entry.clone(),
    });
    let stdin = match &args.stdin {
        Some(path) if path == Path::new("-") => files::read_stdin()?,
        Some(path) => files::read(path)?,
        None => Vec::new(),
    };
    let request = request(snapshot, entry, tests, stdin, &args.run);
    finish(at, request, &args.run, args.suite.is_none()).await
}

/// `edgecoder test`.
pub async fn test(at: &Place, args: Test) -> Result<u8, Failure> {
    let mut snapshot = Snapshot::of(args.files.as_deref())?;
    let solution = snapshot.add(&args.solution)?;
    let tests = snapshot.tests(args.tests.as_deref(), args.cases.as_deref())?;
    let request = request(snapshot, solution, tests, Vec::new(), &args.run);
    finish(at, request, &args.run, false).await
}

fn request(
    snapshot: Snapshot,
    entry: RelPath,
    tests: Option<TestSet>,
    stdin: Vec<u8>,
    run: &RunFlags,
) -> ExecRequest {
    ExecRequest {
        files: snapshot.files,
        entry,
        tests,
        stdin: Blob(stdin),
        seed: run.seed,
        limits: files::limits(&run.limits),
        bundle: run.bundle.is_some(),
        privacy: run.privacy.class(),
    }
}

async fn finish(
    at: &Place,
    request: ExecRequest,
    to: &RunFlags,
    quiet: bool,
) -> Result<u8, Failure> {
    outputs::check_writable(to.receipt.as_ref())?;
    outputs::check_writable(to.bundle.as_ref())?;
    let client = at.client().await?;
    let spinner = screen::spinner("running in the sandbox");
    let answer: Result<ExecAnswer, Failure> = client.post("/v1/executions", &request).await;
    spinner.finish_and_clear();
    let mut answer = answer?;
    if let Some(path) = &to.receipt {
        outputs::write(path, &receipt_json(&answer.receipt)?)?;
    }
    if let (Some(path), Some(bundle)) = (&to.bundle, answer.bundle.take()) {
        outputs::write(path, &bundle.0)?;
    }
    if to.json {
        print_json(&answer)?;
    } else {
        show(&answer, quiet);
    }
    Ok(code(&answer))
}

/// A receipt as a file.
pub fn receipt_json(receipt: &edgecoder_protocol::Receipt) -> Result<Vec<u8>, Failure> {
    let mut bytes = serde_json::to_vec_pretty(receipt)
        .map_err(|error| Failure::new(INTERNAL, error.to_string(), "report this as a bug"))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn code(answer: &ExecAnswer) -> u8 {
    match answer.outcome {
        Outcome::Ok => 0,
        Outcome::Failed | Outcome::OutOfFuel | Outcome::OutOfMemory => FAILED,
        Outcome::Inconclusive => INCONCLUSIVE,
    }
}

/// What an evidence class means for code that ended so, beside its name.
pub fn meaning(evidence: EvidenceClass, outcome: Outcome) -> &'static str {
    let ok = outcome == Outcome::Ok;
    match evidence {
        EvidenceClass::Ran if ok => "it ran to its end; nothing was tested",
        EvidenceClass::Ran => "it did not run to a good end; nothing was tested",
        EvidenceClass::ModelTests => "judged by tests that the model wrote; not verified",
        EvidenceClass::Suite => "judged by your suite, which shares an interpreter with the code",
        EvidenceClass::Cases if ok => "verified: the host called the code and compared",
        EvidenceClass::Cases => "not verified: the host called the code and compared",
        EvidenceClass::HeldoutCases if ok => {
            "verified by cases held out from its author, as the signer says"
        }
        EvidenceClass::HeldoutCases => "not verified, by cases held out from its author",
    }
}

/// Prints output as it was, tests, and a verdict line; `quiet` leaves the verdict of a good plain run out.
fn show(answer: &ExecAnswer, quiet: bool) {
    if !answer.stdout.is_empty() {
        screen::line(screen::safe(answer.stdout.trim_end_matches('\n')));
    }
    if !answer.stderr.is_empty() {
        screen::aside(screen::safe(answer.stderr.trim_end_matches('\n')));
    }
    for test in &answer.tests {
        let (word, tone) = match test.outcome {
            TestOutcome::Passed => ("pass", Tone::Good),
            TestOutcome::Failed => ("FAIL", Tone::Bad),
            TestOutcome::Errored => ("ERROR", Tone::Bad),
            TestOutcome::Skipped => ("skip", Tone::Dim),
        };
        let message = screen::safe(&test.message);
        let message = message.trim().lines().last().unwrap_or_default();
        let between = if message.is_empty() { "" } else { ": " };
        screen::line(format!(
            "  {} {}{between}{message}",
            screen::out(&format!("{word:<5}"), tone),
            screen::safe(&test.name)
        ));
    }
    if quiet && answer.outcome == Outcome::Ok {
        return;
    }
    let tone = if answer.outcome == Outcome::Ok {
        Tone::Good
    } else {
        Tone::Bad
    };
    let passed = answer
        .tests
        .iter()
        .filter(|test| test.outcome == TestOutcome::Passed)
        .count();
    let tests = if answer.tests.is_empty() {
        String::new()
    } else {
        format!("{passed} of {} tests passed, ", answer.tests.len())
    };
    let summary = format!(
        "{}: {tests}{} fuel, {} MB, {} ms",
        screen::out(answer.outcome.as_str(), tone),
        screen::count(answer.fuel.0),
        answer.memory.0 / 1_000_000,
        answer.wall_ms
    );
    screen::aside(summary);
    if !answer.reason.is_empty() {
        screen::aside(format!("  {}", screen::safe(&answer.reason)));
    }
    screen::aside(format!(
        "evidence: {}, {}",
        answer.evidence,
        meaning(answer.evidence, answer.outcome)
    ));
}

/// `edgecoder replay`.
pub async fn replay(at: &Place, args: Replay) -> Result<u8, Failure> {
    let bundle = files::read_up_to(&args.bundle, BODY_MAX as u64)?;
    let client = at.client().await?;
    let spinner = screen::spinner("replaying");
    let answer: Result<ReplayAnswer, Failure> = client.post_bytes("/v1/replays", bundle).await;
    spinner.finish_and_clear();
    let answer = answer?;
    let code = match answer.verdict {
        Verdict::Agreed => 0,
        Verdict::Disagreed => FAILED,
        Verdict::Inconclusive => INCONCLUSIVE,
    };
    if args.json {
        print_json(&answer)?;
        return Ok(code);
    }
    let again = &answer.replayed;
    let tone = if answer.verdict == Verdict::Agreed {
        Tone::Good
    } else {
        Tone::Bad
    };
    screen::line(format!(
        "verdict: {}",
        screen::out(answer.verdict.as_str(), tone)
    ));
    if let Some(field) = &answer.differs {
        screen::line(format!("  first difference: {field}"));
    }
    screen::line(format!("  recorded by {}", answer.recorded_by));
    screen::line(format!("  replayed by {}", again.receipt.signer));
    screen::line(format!(
        "  outcome {}, {} fuel",
        again.outcome,
        screen::count(again.fuel.0)
    ));
    screen::line(format!(
        "  evidence {}: {}",
        again.evidence,
        meaning(again.evidence, again.outcome)
    ));
    Ok(code)
}
