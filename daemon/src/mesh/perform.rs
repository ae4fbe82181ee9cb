//! From sealed parts to an execution: the same on author, checker, coordinator and submitter, so that all run the same.

use std::{collections::BTreeMap, sync::Arc};

use edgecoder_agent::Tests;
use edgecoder_protocol::{
    Execution, Outcome, PeerId,
    execution::TestOrigin,
    operator::{ErrorKind, ErrorObject, TaskRequest},
    plan::{Merge, Plan},
    sealing::TaskKey,
    wire::Sealed,
    work::{Answer, Job, label},
};
use tokio::task::spawn_blocking;

use super::{Contents, hub::internal};
use crate::{
    executor::{Executor, execution},
    wiring::AgentJudge,
};

/// What is sealed of one attempt.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What the task asks for.
    pub job: Sealed,
    /// What its plan is read from.
    pub plan: Option<Sealed>,
    /// Which step.
    pub step: u16,
    /// Answers of earlier steps.
    pub answers: Vec<(u16, Sealed)>,
    /// The answer to judge.
    pub answer: Option<Sealed>,
}

/// The same, opened and read.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What the task asks for.
    pub job: Job,
    /// Its plan, for a task that has one.
    pub plan: Option<Plan>,
    /// Which step.
    pub step: u16,
    /// Answers of earlier steps.
    pub answers: BTreeMap<u16, Answer>,
    /// The answer to judge.
    pub answer: Option<Answer>,
}

/// Fetches and opens `parts`; those that no message carries are at `hint`, or wherever the DHT says.
///
/// # Errors
/// [`ErrorObject`] when a part is missing, or is not what it should be.
pub async fn ground_of(
    contents: &Contents,
    key: &TaskKey,
    parts: &Parts,
    hint: Option<PeerId>,
) -> Result<Opened, ErrorObject> {
    let open = |name: &'static str, bytes: &[u8]| key.open(name, bytes).map_err(|e| bad(&e));
    let job = open(label::JOB, &contents.load(&parts.job, hint).await?)?;
    let plan = match &parts.plan {
        Some(sealed) => Some(open(label::PLAN, &contents.load(sealed, hint).await?)?),
        None => None,
    };
    let mut answers = BTreeMap::new();
    for (at, sealed) in &parts.answers {
        let bytes = open(label::ANSWER, &contents.load(sealed, hint).await?)?;
        answers.insert(*at, bytes);
    }
    let answer = match &parts.answer {
        Some(sealed) => Some(open(label::ANSWER, &contents.load(sealed, hint).await?)?),
        None => None,
    };
    let plan = plan
        .map(String::from_utf8)
        .transpose()
        .map_err(|e| bad(&e))?;
    read(&job, plan.as_deref(), parts.step, answers, answer)
}

/// Reads opened bytes.
///
/// # Errors
/// [`ErrorObject`] when they are not what they should be.
pub fn read(
    job: &[u8],
    plan: Option<&str>,
    step: u16,
    answers: BTreeMap<u16, Vec<u8>>,
    answer: Option<Vec<u8>>,
) -> Result<Opened, ErrorObject> {
    let job = Job::from_bytes(job).map_err(|error| bad(&error))?;
    from_job(job, plan, step, answers, answer)
}

/// The same, of a job that was read already.
///
/// # Errors
/// [`ErrorObject`] when they are not what they should be.
pub fn from_job(
    job: Job,
    plan: Option<&str>,
    step: u16,
    answers: BTreeMap<u16, Vec<u8>>,
    answer: Option<Vec<u8>>,
) -> Result<Opened, ErrorObject> {
    let plan = match &job {
        Job::Exec(_) => None,
        Job::Solve(task) => Some(match plan {
            Some(reply) => Plan::read(reply, task).map_err(|error| bad(&error))?,
            None => Plan::single(task),
        }),
    };
    let answers = answers.into_iter().map(|(at, bytes)| {
        let answer = Answer::from_bytes(&bytes).map_err(|error| bad(&error))?;
        Ok((at, answer))
    });
    let answers = answers.collect::<Result<_, ErrorObject>>()?;
    let answer = answer
        .map(|bytes| Answer::from_bytes(&bytes))
        .transpose()
        .map_err(|e| bad(&e))?;
    Ok(Opened {
        job,
        plan,
        step,
        answers,
        answer,
    })
}

impl Opened {
    /// What the step is asked, for a task that has steps.
    ///
    /// # Errors
    /// [`ErrorObject`] when there is no such step, or an earlier one has no answer.
    pub async fn request(&self) -> Result<Arc<TaskRequest>, ErrorObject> {
        let request = self.with_plan(|plan, at, task, answered| plan.request(at, task, answered));
        let missing = || bad(&"the step, or an answer that it builds on, is missing");
        request.await?.map(Arc::new).ok_or_else(missing)
    }

    /// The versions that the step puts together, if it is one that does.
    ///
    /// # Errors
    /// [`ErrorObject`] when the task has no steps.
    pub async fn merge(&self) -> Result<Option<Merge>, ErrorObject> {
        self.with_plan(|plan, at, task, answered| plan.merge(at, task, answered))
            .await
    }

    /// What `ask` finds out about the step; on a thread of its own when it merges, which takes as long as the files of
    /// strangers make it.
    async fn with_plan<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Plan, u16, &TaskRequest, &BTreeMap<u16, Vec<u8>>) -> T + Send + 'static,
    ) -> Result<T, ErrorObject> {
        let (Job::Solve(task), Some(plan)) = (&self.job, &self.plan) else {
            return Err(bad(&"the task only runs code"));
        };
        let (at, answered) = (self.step, self.answered());
        let step = plan.steps().get(usize::from(at));
        if step.is_none_or(|step| step.merges.is_empty()) {
            return Ok(ask(plan, at, task, &answered));
        }
        let (plan, task) = (plan.clone(), task.clone());
        let asked = spawn_blocking(move || ask(&plan, at, &task, &answered)).await;
        asked.map_err(|error| internal(&error))
    }

    fn answered(&self) -> BTreeMap<u16, Vec<u8>> {
        let bytes = |(at, one): (&u16, &Answer)| (*at, one.code.clone().into_bytes());
        self.answers.iter().map(bytes).collect()
    }

    /// The file that the step writes.
    pub fn writes(&self) -> Option<edgecoder_protocol::RelPath> {
        let step = self.plan.as_ref()?.steps().get(usize::from(self.step))?;
        Some(step.writes.clone())
    }
}

/// What is run of an attempt.
///
/// # Errors
/// [`ErrorObject`] when it is malformed.
pub async fn execution_of(opened: &Opened) -> Result<Execution, ErrorObject> {
    match (&opened.job, &opened.answer) {
        (Job::Exec(request), None) => execution(request.clone(), TestOrigin::User),
        (Job::Solve(_), Some(answer)) => {
            let request = opened.request().await?;
            AgentJudge::execution(&request, &answer.code, &tests_of(&request, answer))
        }
        (Job::Exec(_), Some(_)) | (Job::Solve(_), None) => {
            Err(bad(&"the answer is missing, or none belongs here"))
        }
    }
}

/// By what an answer is judged: the step's tests; where it has none, those that came with the answer.
pub fn tests_of(request: &TaskRequest, answer: &Answer) -> Tests {
    match (&request.tests, &answer.tests) {
        (Some(_), _) => Tests::Given,
        (None, Some(text)) => Tests::Model(text.clone()),
        (None, None) => Tests::None,
    }
}

/// Runs a task's tests on what is there before anybody has worked.
///
/// # Errors
/// [`ErrorObject`] when that shows that nobody should: inconclusive, too heavy, or passing on nothing.
pub async fn baseline(executor: &Executor, task: &TaskRequest) -> Result<(), ErrorObject> {
    if task.tests.is_none() {
        return Ok(());
    }
    let there = task.files.0.get(&task.solution);
    let code = there.map(|blob| String::from_utf8_lossy(&blob.0).into_owned());
    let execution = AgentJudge::execution(task, &code.unwrap_or_default(), &Tests::Given)?;
    let answer = executor.run(execution, false).await?;
    let refuse =
        |message: &str, next: &str| Err(ErrorObject::new(ErrorKind::BadRequest, message, next));
    match answer.outcome {
        Outcome::Ok => refuse(
            "the tests pass before anything is written: they would pass any answer",
            "make the tests fail without a solution, and submit again",
        ),
        Outcome::Inconclusive => refuse(
            "the tests were stopped by their wall clock before anything is written",
            "make the tests lighter, or raise their limit",
        ),
        Outcome::OutOfFuel => refuse(
            "the tests use up their fuel before anything is written",
            "make the tests lighter, or raise their limit",
        ),
        Outcome::Failed | Outcome::OutOfMemory => Ok(()),
    }
}

/// What came from another node is not what it should be.
fn bad(error: &dyn std::fmt::Display) -> ErrorObject {
    let error = internal(error);
    ErrorObject {
        kind: ErrorKind::BadRequest,
        ..error
    }
}
