//! What comes back is believed for what it proves: signatures, agreement of author and checker, and for a solution a
//! run of this node's own, with the cases that were held out.

use std::{collections::BTreeMap, sync::Arc};

use edgecoder_protocol::{
    EvidenceClass, Outcome,
    operator::{
        Blob, ErrorKind, ErrorObject, ExecAnswer, Files, SolveOutcome, Step, TaskRequest,
        TaskResult,
    },
    wire::{CheckedResult, News, Opening},
    work::{Answer, Job, label},
};
use tokio::sync::mpsc;

use super::{
    Hub,
    hub::internal,
    perform::{self, Opened, tests_of},
    submit::Sent,
};
use crate::{bundle, tasks::unsolved, wiring::AgentJudge};

/// What came back does not hold together.
pub(super) fn broken(what: &str) -> ErrorObject {
    let message = format!("the result that came back is not to be believed: {what}");
    ErrorObject::new(
        ErrorKind::Internal,
        message,
        "submit the task again; the coordinator may be at fault",
    )
}

/// The result of an execution.
///
/// # Errors
/// [`ErrorObject`] when it does not hold.
pub async fn execution(
    hub: &Arc<Hub>,
    sent: &Sent,
    news: &News,
    is_bundled: bool,
) -> Result<ExecAnswer, ErrorObject> {
    let [(0, result)] = news.results.as_slice() else {
        return Err(broken("there is not exactly one"));
    };
    let answer = checked(hub, sent, result, 0).await?;
    let opened = perform::from_job(sent.job.clone(), None, 0, BTreeMap::new(), None)?;
    let execution = perform::execution_of(&opened).await?;
    bundle::check_content(&execution, &answer.receipt)
        .map_err(|error| broken(&error.to_string()))?;
    let bundle = match is_bundled {
        true => {
            let bytes = bundle::write(&execution, &answer.receipt);
            Some(Blob(bytes.map_err(|error| internal(&error))?))
        }
        false => None,
    };
    Ok(ExecAnswer { bundle, ..answer })
}

/// What author and checker agree on of one step, verified.
async fn checked(
    hub: &Arc<Hub>,
    sent: &Sent,
    result: &CheckedResult,
    step: u16,
) -> Result<ExecAnswer, ErrorObject> {
    let open = |opening: &Opening| {
        let (summary, signer) = opening.summary.open().ok()?;
        Some((summary.clone(), signer))
    };
    let (Some((author, author_id)), Some((checker, checker_id))) =
        (open(&result.author), open(&result.checker))
    else {
        return Err(broken("a signature does not hold"));
    };
    let is_of_task = author.attempt.task == sent.id && author.attempt.subtask == step;
    if !is_of_task || !author.agrees_with(&checker) || author.network != hub.network {
        return Err(broken(
            "author and checker do not agree, or on something else",
        ));
    }
    if author_id == checker_id {
        return Err(broken("its author checked itself"));
    }
    if let Some(answer) = &result.answer
        && answer.reference() != author.answer
    {
        return Err(broken("the answer is not the one that was checked"));
    }
    let sealed = hub
        .contents
        .load(&result.author.report, hub.seat().map(|seat| seat.holder))
        .await?;
    let bytes = sent
        .key
        .open(label::REPORT, &sealed)
        .map_err(|error| broken(&error.to_string()))?;
    author
        .report(author_id, &bytes)
        .map_err(|error| broken(&error.to_string()))
}

/// The result of a task that was solved in steps.
///
/// # Errors
/// [`ErrorObject`] when what came back does not hold.
pub async fn solution(
    hub: &Arc<Hub>,
    sent: &Sent,
    request: &TaskRequest,
    news: &News,
    steps: &mpsc::Sender<Step>,
) -> Result<TaskResult, ErrorObject> {
    let opened = assemble(hub, sent, news).await?;
    let mut tokens = edgecoder_protocol::Tokens(0);
    for (at, result) in &news.results {
        // Each step's receipt holds; the last one's is shown.
        checked(hub, sent, result, *at).await?;
        tokens = tokens.saturating_add(result.author.tokens);
    }
    let Some(answer) = opened.answer.clone() else {
        return Err(broken("the last step has no answer"));
    };
    let step = opened.request().await?;
    // With the cases that were held out: nobody but this node has them.
    let whole = TaskRequest {
        tests: request.tests.clone(),
        ..(*step).clone()
    };
    let tests = tests_of(&whole, &answer);
    let execution = AgentJudge::execution(&whole, &answer.code, &tests)?;
    let own = hub.executor.run(execution, true).await?;
    let outcome = match (own.outcome, own.evidence) {
        (Outcome::Ok, EvidenceClass::Ran) => SolveOutcome::Untested,
        (Outcome::Ok, _) => SolveOutcome::Solved,
        (Outcome::Inconclusive, _) => SolveOutcome::Inconclusive,
        (_, _) => SolveOutcome::Iterations,
    };
    let text = format!("Run again here: {}.", own.outcome);
    steps.send(Step::Note { text }).await.ok();
    let next = match outcome {
        SolveOutcome::Solved | SolveOutcome::Untested => String::new(),
        SolveOutcome::Inconclusive => "The run here did not come to a result: give it more time with --limit-wall.".into(),
        _ => "What passed the tests that were shown fails here: a case that was held out failed. Submit it again, \
              or show more cases."
            .into(),
    };
    Ok(TaskResult {
        evidence: Some(own.evidence),
        code: Some(answer.code.clone()),
        bundle: own.bundle,
        receipt: Some(own.receipt),
        files: others(&opened),
        attempts: news
            .results
            .iter()
            .map(|(_, result)| attempt_of(&result.author))
            .max()
            .unwrap_or(1),
        tokens,
        fuel: own.fuel,
        ..unsolved(outcome, &next)
    })
}

fn attempt_of(opening: &Opening) -> u32 {
    opening
        .summary
        .open()
        .map_or(1, |(summary, _)| summary.attempt.attempt)
}

/// The step that writes what the task asks for, with all that came before it.
async fn assemble(hub: &Arc<Hub>, sent: &Sent, news: &News) -> Result<Opened, ErrorObject> {
    let mut opened = gather(hub, sent, news).await?;
    let Job::Solve(task) = &sent.job else {
        return Err(broken("the task asked for no code"));
    };
    let last = opened
        .plan
        .as_ref()
        .and_then(|plan| plan.solving_step(task));
    let last = last.ok_or_else(|| broken("no step writes what was asked for"))?;
    opened.step = last;
    opened.answer = opened.answers.get(&last).cloned();
    Ok(opened)
}

/// What has come of a task's steps so far; at its first step.
pub(super) async fn gather(
    hub: &Arc<Hub>,
    sent: &Sent,
    news: &News,
) -> Result<Opened, ErrorObject> {
    let hint = hub.seat().map(|seat| seat.holder);
    let Job::Solve(task) = &sent.job else {
        return Err(broken("the task asked for no code"));
    };
    let plan = match &news.plan {
        Some(sealed) => {
            let bytes = hub.contents.load(sealed, hint).await?;
            let bytes = sent
                .key
                .open(label::PLAN, &bytes)
                .map_err(|error| broken(&error.to_string()))?;
            Some(String::from_utf8(bytes).map_err(|error| broken(&error.to_string()))?)
        }
        None => None,
    };
    let mut answers = BTreeMap::new();
    for (at, result) in &news.results {
        let Some(sealed) = &result.answer else {
            return Err(broken("a step has no answer"));
        };
        let bytes = hub.contents.load(sealed, hint).await?;
        let bytes = sent
            .key
            .open(label::ANSWER, &bytes)
            .map_err(|error| broken(&error.to_string()))?;
        answers.insert(*at, bytes);
    }
    let job = Job::Solve(task.clone());
    perform::from_job(job, plan.as_deref(), 0, answers, None)
}

/// Files that earlier steps wrote, beside the solution.
fn others(opened: &Opened) -> Files {
    let Some(plan) = &opened.plan else {
        return Files::default();
    };
    let mut files = Files::default();
    let before = plan.before(opened.step);
    for (at, step) in (0..).zip(plan.steps()) {
        // Earlier versions of the solution itself are in it.
        let is_other = before.contains(&at) && opened.writes().as_ref() != Some(&step.writes);
        let answer: Option<&Answer> = opened.answers.get(&at).filter(|_| is_other);
        if let Some(answer) = answer {
            files
                .0
                .insert(step.writes.clone(), Blob(answer.code.clone().into_bytes()));
        }
    }
    files
}
