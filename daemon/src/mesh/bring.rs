//! A task's way to the coordinator and back: submitted, watched, its questions answered, withdrawn.

use std::{collections::BTreeSet, pin::Pin, sync::Arc, time::Duration};

use edgecoder_protocol::{
    Signed, TaskId, TaskState,
    operator::{ErrorKind, ErrorObject, Step},
    sealing::Purpose,
    task::PrivacyClass,
    wire::{DONE_AFTER_MAX, News, Request, Response, Submission},
    work::TaskSpec,
};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{Hub, deliver::broken, hub::internal, submit::Sent};

/// How long the coordinator may take to acknowledge: it writes to its disk, and may have to be dialled.
pub(super) const ACKNOWLEDGE: Duration = Duration::from_secs(15);
/// How long news is waited for at a time.
const NEWS: Duration = Duration::from_millis(DONE_AFTER_MAX as u64 / 2);
/// How long a coordinator that does not answer is asked again; it may be restarting.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Disagreements that are decided here for one task: honest nodes have one in a blue moon.
const DISPUTES_MAX: usize = 16;

/// A question to the user, until the answer is with the coordinator.
type Asked<'a> = Pin<Box<dyn Future<Output = Result<(), ErrorObject>> + Send + 'a>>;

/// How a task came back.
pub enum Back {
    /// With checked results.
    Done(Box<News>),
    /// Nobody worked on it.
    Refused(ErrorObject),
    /// Worked on in vain.
    Failed(ErrorObject),
    /// The user withdrew it.
    Cancelled,
}

impl Hub {
    /// Submits, watches, and comes back with how it ended.
    pub(super) async fn bring(
        self: &Arc<Self>,
        sent: &Sent,
        spec: Signed<TaskSpec>,
        steps: Option<&mpsc::Sender<Step>>,
        cancel: &CancellationToken,
    ) -> Back {
        let watching = async {
            if let Err(error) = self.submit_one(sent, spec).await {
                return Back::Refused(error);
            }
            self.watch(sent, steps).await
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => {
                self.withdraw(sent.id).await;
                Back::Cancelled
            }
            back = watching => back,
        }
    }

    async fn submit_one(
        self: &Arc<Self>,
        sent: &Sent,
        spec: Signed<TaskSpec>,
    ) -> Result<(), ErrorObject> {
        let is_sealed = spec
            .open()
            .is_ok_and(|(spec, _)| spec.class == PrivacyClass::Sealed);
        let key = match is_sealed {
            true => None,
            false => Some(self.wrap_for_coordinator(sent).await?),
        };
        let submission = Submission {
            spec,
            job: sent.sealed.clone(),
            key,
        };
        let request = Request::Submit(Box::new(submission));
        match self.persist(request, ACKNOWLEDGE).await? {
            Response::Done { .. } => Ok(()),
            Response::Refused(error) => Err(error),
            _ => Err(something_else()),
        }
    }

    /// Asks the coordinator until it answers, or has not for too long.
    pub(super) async fn persist(
        self: &Arc<Self>,
        request: Request,
        within: Duration,
    ) -> Result<Response, ErrorObject> {
        let begin = self.now();
        loop {
            match self.ask(self.coordinator, request.clone(), within).await {
                Ok(response) => return Ok(response),
                Err(reason) if self.now().since(begin) > PATIENCE => {
                    let message = format!(
                        "the coordinator {} does not answer: {reason}",
                        self.coordinator
                    );
                    let next =
                        "`edgecoder node` shows how it stands; the task can be submitted again";
                    return Err(ErrorObject::new(ErrorKind::Busy, message, next));
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// The coordinator's key comes from its own signed record.
    async fn wrap_for_coordinator(
        self: &Arc<Self>,
        sent: &Sent,
    ) -> Result<edgecoder_protocol::sealing::WrappedKey, ErrorObject> {
        let record = match self.record_of(self.coordinator) {
            Some(record) => record,
            None => {
                // The record is missing then, which is said below.
                self.fetch_roster().await.ok();
                let unknown = || {
                    let message = "the coordinator has not said which key to seal for";
                    ErrorObject::new(ErrorKind::Busy, message, "try again in some seconds")
                };
                self.record_of(self.coordinator).ok_or_else(unknown)?
            }
        };
        let purpose = Purpose {
            task: sent.id,
            subtask: 0,
            attempt: 0,
            reader: self.coordinator,
            term: 0,
        };
        let mut random = [0; 32];
        self.random(&mut random);
        sent.key
            .wrap(&record.seal, &purpose, &mut random)
            .map_err(|error| internal(&error))
    }

    async fn watch(self: &Arc<Self>, sent: &Sent, steps: Option<&mpsc::Sender<Step>>) -> Back {
        let task = sent.id;
        let (mut after, mut judged) = (0, BTreeSet::new());
        let mut asked: Option<Asked<'_>> = None;
        loop {
            let wait_ms = u32::try_from(NEWS.as_millis()).unwrap_or(DONE_AFTER_MAX);
            let request = Request::Watch {
                task,
                after,
                wait_ms,
            };
            let answer = tokio::select! {
                answer = self.persist(request, NEWS + ACKNOWLEDGE) => answer,
                answered = answer_of(&mut asked) => match answered {
                    Ok(()) => {
                        asked = None;
                        continue;
                    }
                    Err(error) => return Back::Refused(error),
                },
            };
            let news = match answer {
                Ok(Response::Task(news)) => news,
                // What its user is writing is not lost with the coordinator, which may be there again by then.
                Err(_) if asked.is_some() => continue,
                Ok(Response::Refused(error)) | Err(error) => return Back::Refused(error),
                Ok(_) => return Back::Refused(something_else()),
            };
            after = news.cursor;
            let mut notes = news.notes.clone();
            // Each is run once, however often it is told.
            if let Some(dispute) = news.dispute.as_ref().filter(|one| judged.insert(one.held)) {
                if judged.len() > DISPUTES_MAX {
                    return Back::Refused(broken("it asks for one decision after the other"));
                }
                match self.judge(sent, dispute).await {
                    Ok(judged) => notes.extend(judged),
                    Err(error) => return Back::Refused(error),
                }
            }
            if let Some(steps) = steps {
                for text in notes {
                    steps.send(Step::Note { text }).await.ok();
                }
            }
            match (news.state, news.fault.clone()) {
                (TaskState::Failed, Some(fault)) => return Back::Failed(fault),
                (_, Some(fault)) => return Back::Refused(fault),
                (_, None) => {}
            }
            // One question at a time, and none is changed while its user thinks about it.
            asked = news.asks.map(|step| {
                asked.unwrap_or_else(|| Box::pin(self.ask_user(sent, news.clone(), step, steps)))
            });
            if news.state == TaskState::Checked {
                return Back::Done(news);
            }
            if news.state.is_final() {
                return Back::Cancelled;
            }
        }
    }

    pub(super) async fn received(self: &Arc<Self>, task: TaskId) {
        // The coordinator forgets it by itself after a day.
        self.ask(self.coordinator, Request::Received { task }, ACKNOWLEDGE)
            .await
            .ok();
    }

    pub(super) async fn withdraw(self: &Arc<Self>, task: TaskId) {
        // What is not heard ends with the task's deadline.
        self.ask(self.coordinator, Request::Cancel { task }, ACKNOWLEDGE)
            .await
            .ok();
        self.received(task).await;
    }
}

/// Waits for the user's answer; for ever while nothing is asked.
async fn answer_of(asked: &mut Option<Asked<'_>>) -> Result<(), ErrorObject> {
    match asked {
        Some(asking) => asking.await,
        None => std::future::pending().await,
    }
}

/// An answer to another question.
pub(super) fn something_else() -> ErrorObject {
    internal(&"the coordinator answered something else: it may be of another version")
}
