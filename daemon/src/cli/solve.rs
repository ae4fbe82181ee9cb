//! `edgecoder solve`: submits a task and shows it until it ends.

use std::path::{Path, PathBuf};

use edgecoder_protocol::{
    EvidenceClass, Outcome, RelPath, TaskId, Tokens,
    operator::{ErrorKind, Event, SolveOutcome, Step, TaskRequest, TaskResult, TaskView},
};

use super::{
    Place,
    args::Solve,
    client::Client,
    exec::{meaning, receipt_json},
    failure::{DECLINED, Failure, INCONCLUSIVE, INTERNAL, NO_MODEL, UNREACHABLE, UNSOLVED, USAGE},
    files::{self, Snapshot},
    outputs,
    screen::{self, Tone},
};

/// How often a task is asked for again when its stream breaks: a daemon that restarts resumes it.
const RETRIES: u32 = 5;

/// `edgecoder solve`.
pub async fn run(at: &Place, args: Solve) -> Result<u8, Failure> {
    for path in [&args.out, &args.receipt, &args.bundle] {
        outputs::check_writable(path.as_ref())?;
    }
    let request = request(&args)?;
    let client = at.client().await?;
    let task: TaskView = client.post("/v1/tasks", &request).await?;
    let result = watch(at, client, &task, args.json).await?;
    save(&args, &result).map_err(|failure| {
        let next = format!(
            "{}; the result is kept: `edgecoder task show {}`",
            failure.next, task.id
        );
        Failure { next, ..failure }
    })?;
    if !args.json {
        show_result(&args, &result);
    }
    Ok(code(&result))
}

fn request(args: &Solve) -> Result<TaskRequest, Failure> {
    let prompt = if args.prompt == "-" {
        files::read_stdin_text()?
    } else {
        args.prompt.clone()
    };
    let mut snapshot = Snapshot::of(args.files.as_deref())?;
    let tests = snapshot.tests(args.tests.as_deref(), args.cases.as_deref())?;
    let is_code = |out: &&PathBuf| out.extension().is_some_and(|ending| ending == "py");
    let solution = match args.out.as_ref().filter(is_code) {
        Some(out) => snapshot.output(out)?,
        None => RelPath::new("solution.py")
            .map_err(|error| Failure::new(INTERNAL, error.to_string(), "report this as a bug"))?,
    };
    Ok(TaskRequest {
        prompt,
        files: snapshot.files,
        tests,
        solution,
        candidates: args.candidates,
        max_iterations: args.max_iterations,
        budget: Tokens(args.budget_tokens),
        deadline_ms: args.deadline.saturating_mul(1_000),
        seed: args.seed,
        limits: files::limits(&args.limits),
        privacy: args.privacy.class(),
    })
}

/// Shows the task's events until it ends; a broken stream is resumed at its cursor.
pub async fn watch(
    at: &Place,
    client: Client,
    task: &TaskView,
    json: bool,
) -> Result<TaskResult, Failure> {
    let mut cursor = 0;
    let mut client = Some(client);
    for _ in 0..=RETRIES {
        let here = match client.take() {
            Some(client) => client,
            None => at.client().await?,
        };
        let path = format!("/v1/tasks/{}/events?after={cursor}", task.id);
        let Ok(mut lines) = here.lines(&path).await else {
            continue;
        };
        let mut spinner = screen::spinner("the model is writing");
        while let Some(event) = lines.next::<Event>().await? {
            cursor = event.cursor;
            spinner.finish_and_clear();
            if json {
                print_event(&event)?;
            } else {
                show_step(event.task, &event.step);
            }
            if let Step::Done(result) = event.step {
                return Ok(*result);
            }
            spinner = screen::spinner(match &event.step {
                Step::Attempt { .. } => "the model is writing",
                _ => "working",
            });
        }
        spinner.finish_and_clear();
    }
    Err(Failure::new(
        UNREACHABLE,
        "the daemon stopped while the task was open",
        format!(
            "it begins again with the daemon: `edgecoder task show {}`",
            task.id
        ),
    ))
}

fn print_event(event: &Event) -> Result<(), Failure> {
    let odd = |error: serde_json::Error| {
        Failure::new(INTERNAL, error.to_string(), "report this as a bug")
    };
    let mut value = serde_json::to_value(&event.step).map_err(odd)?;
    if let Some(object) = value.as_object_mut() {
        object
            .entry("schema")
            .or_insert_with(|| "edgecoder/solve/1".into());
        object.insert("task".into(), event.task.to_string().into());
        object.insert("cursor".into(), event.cursor.into());
    }
    screen::line(value);
    Ok(())
}

fn show_step(task: TaskId, step: &Step) {
    match step {
        Step::Plan { by, steps } => {
            screen::line(format!("{} (by {by})", screen::out("Plan", Tone::Strong)));
            for (at, step) in steps.iter().enumerate() {
                screen::line(format!("  {}. {}", at + 1, screen::safe(step)));
            }
        }
        Step::Attempt { number, candidates } => {
            let title = screen::out(&format!("Attempt {number}"), Tone::Strong);
            let many = screen::plural(u64::from(*candidates), "candidate");
            screen::line(format!("{title}: {many}"));
        }
        Step::Test {
            candidate,
            passed,
            total,
            failure,
            code,
            ..
        } => {
            let good = failure.is_empty();
            screen::line(format!("  candidate {candidate}"));
            for text in screen::safe(code).lines() {
                screen::line(screen::out(&format!("    | {text}"), Tone::Dim));
            }
            let tests = format!("{passed} of {total} tests passed");
            screen::line(format!(
                "    {}",
                screen::out(&tests, if good { Tone::Good } else { Tone::Bad })
            ));
            if !good {
                screen::line(format!("    failed: {}", first_line(failure)));
            }
        }
        Step::Repair { failure, .. } => {
            let title = screen::out("Repair", Tone::Strong);
            screen::line(format!(
                "{title}: the model is told: {}",
                first_line(failure)
            ));
        }
        Step::Conflict { path } => screen::line(format!(
            "{}: changes of {path} do not fit together, and the model could not merge them. In another terminal: \
             `edgecoder task resolve {task}`",
            screen::out("Conflict", Tone::Bad)
        )),
        Step::Note { text } => screen::line(format!("note: {}", screen::safe(text))),
        Step::Done(_) => {}
    }
}

fn first_line(text: &str) -> String {
    screen::safe(text)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn save(args: &Solve, result: &TaskResult) -> Result<(), Failure> {
    // Unsolved code is saved too: it is the user's, and the exit code says what it is worth.
    if let (Some(path), Some(code)) = (&args.out, &result.code) {
        outputs::write(path, code.as_bytes())?;
    }
    if args.out.is_some() {
        for (path, blob) in result.files.0.iter().filter(|(path, _)| !is_hidden(path)) {
            outputs::write(&beside(args, path)?, &blob.0)?;
        }
    }
    if let (Some(path), Some(receipt)) = (&args.receipt, &result.receipt) {
        outputs::write(path, &receipt_json(receipt)?)?;
    }
    if let (Some(path), Some(bundle)) = (&args.bundle, &result.bundle) {
        outputs::write(path, &bundle.0)?;
    }
    Ok(())
}

/// Where another file of the result goes: at its place in the snapshot, or under a name of its own beside what is there.
fn beside(args: &Solve, path: &RelPath) -> Result<PathBuf, Failure> {
    let out = args.out.as_deref().and_then(Path::parent);
    let root = args.files.as_deref().or(out).unwrap_or(Path::new(""));
    let place = root.join(path.as_str());
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Failure::file("make", folder, &error))?;
    }
    let place = match place.symlink_metadata() {
        Ok(_) => root.join(format!("{path}.new")),
        Err(_) => place,
    };
    // A stranger chose the name: no link may lead it elsewhere.
    let real = |at: &Path| at.canonicalize().ok();
    let is_inside = place
        .parent()
        .and_then(real)
        .zip(real(here(root)))
        .is_some_and(|(at, root)| at.starts_with(root));
    match is_inside && !place.is_symlink() {
        true => Ok(place),
        false => Err(Failure::new(
            USAGE,
            format!("{} would be written through a link", place.display()),
            "remove the link, or give another folder with --out",
        )),
    }
}

/// The folder that an empty path means.
fn here(path: &Path) -> &Path {
    match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    }
}

/// A model chose the name: what tools read without being asked, as hooks and settings, is not its to write.
fn is_hidden(path: &RelPath) -> bool {
    path.as_str().split('/').any(|part| part.starts_with('.'))
}

fn show_result(args: &Solve, result: &TaskResult) {
    let solved = matches!(result.outcome, SolveOutcome::Solved);
    let title = match (result.outcome, result.evidence) {
        (SolveOutcome::Solved, Some(evidence)) if evidence.is_verified() => "Verified",
        (SolveOutcome::Solved, Some(EvidenceClass::ModelTests)) => "Passed the model's own tests",
        (SolveOutcome::Solved, _) => "Passed your tests",
        (SolveOutcome::Untested, _) => "It ran, untested",
        (outcome, _) => describe(outcome),
    };
    let tone = if solved { Tone::Good } else { Tone::Bad };
    screen::line(format!(
        "{}: {}, {} tokens, {} fuel",
        screen::out(title, tone),
        screen::plural(u64::from(result.attempts), "attempt"),
        screen::count(result.tokens.0),
        screen::count(result.fuel.0)
    ));
    if let Some(evidence) = result.evidence {
        let receipt = result.receipt.as_ref();
        let outcome = receipt.map_or(Outcome::Failed, |receipt| receipt.body.outcome);
        screen::line(format!(
            "  evidence {evidence}: {}",
            meaning(evidence, outcome)
        ));
    }
    if let (None, Some(code)) = (&args.out, &result.code) {
        screen::line("");
        screen::line(screen::safe(code.trim_end()));
        screen::line("");
    }
    let saved = |what: &str, path: &Option<PathBuf>, there: bool| {
        if let (Some(path), true) = (path, there) {
            screen::line(format!("  {what} {}", path.display()));
        }
    };
    saved("code    ", &args.out, result.code.is_some());
    for path in result.files.0.keys() {
        screen::line(match args.out {
            Some(_) if is_hidden(path) => format!("  not      {path}: hidden names are not saved"),
            Some(_) => format!("  and      {path}, or {path}.new where there was one"),
            None => format!("  and      {path}: with --out it is saved as well"),
        });
    }
    saved("receipt ", &args.receipt, result.receipt.is_some());
    saved("bundle  ", &args.bundle, result.bundle.is_some());
    screen::line(format!("  next: {}", screen::safe(&result.next)));
}

fn describe(outcome: SolveOutcome) -> &'static str {
    match outcome {
        SolveOutcome::Solved => "Solved",
        SolveOutcome::Untested => "Untested",
        SolveOutcome::Iterations => "Not solved: attempts used up",
        SolveOutcome::Budget => "Not solved: tokens used up",
        SolveOutcome::Deadline => "Not solved: deadline passed",
        SolveOutcome::Repeating => "Not solved: the model repeats itself",
        SolveOutcome::Declined => "Declined",
        SolveOutcome::Inconclusive => "Inconclusive",
        SolveOutcome::Cancelled => "Cancelled",
        SolveOutcome::Broken => "Could not be worked on",
    }
}

/// The exit code of a task's end.
pub fn code(result: &TaskResult) -> u8 {
    match result.outcome {
        SolveOutcome::Solved | SolveOutcome::Untested => 0,
        SolveOutcome::Declined => DECLINED,
        SolveOutcome::Inconclusive => INCONCLUSIVE,
        SolveOutcome::Broken => result.fault.map_or(NO_MODEL, ErrorKind::exit_code),
        SolveOutcome::Iterations
        | SolveOutcome::Budget
        | SolveOutcome::Deadline
        | SolveOutcome::Repeating
        | SolveOutcome::Cancelled => UNSOLVED,
    }
}
