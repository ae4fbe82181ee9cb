//! A task's way to the coordinator and back: submitted, watched, its questions answered, withdrawn.

use std::{collections::BTreeSet, pin::Pin, sync::Arc, time::Duration};

use edgecoder_protocol::{
    Millis, PeerId, Signed, TaskId, TaskState,
    ledger::duty::Seat,
    operator::{ErrorKind, ErrorObject, Step},
    sealing::{Purpose, WrappedKey},
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
            match self.submit_one(sent, spec.clone()).await {
                Ok(seat) => self.watch(sent, &spec, seat, steps).await,
                Err(error) => Back::Refused(error),
            }
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
    ) -> Result<Seat, ErrorObject> {
        let is_sealed = spec
            .open()
            .is_ok_and(|(spec, _)| spec.class == PrivacyClass::Sealed);
        let begin = self.now();
        loop {
            let keys = match is_sealed {
                true => Vec::new(),
                false => match self.wrap_for_members(sent).await {
                    Ok(keys) => keys,
                    // Its record may be on its way.
                    Err(error) => {
                        self.wait_for_coordinator(begin, &error.message).await?;
                        continue;
                    }
                },
            };
            let submission = Submission {
                spec: spec.clone(),
                job: sent.sealed.clone(),
                keys,
            };
            let request = Request::Submit(Box::new(submission));
            // Wrapped anew for each try: the members may have changed.
            match self.ask_coordinator(request, ACKNOWLEDGE).await {
                Ok((Response::Done { .. }, seat)) => return Ok(seat),
                // It takes as many members as may just have gone.
                Ok((Response::Refused(error), _))
                    if error.kind == ErrorKind::Busy && self.now().since(begin) < PATIENCE =>
                {
                    sleep(PAUSE).await;
                }
                Ok((Response::Refused(error), _)) => return Err(error),
                Ok(_) => return Err(something_else()),
                Err(reason) => self.wait_for_coordinator(begin, &reason).await?,
            }
        }
    }

    /// Asks the coordinator until it answers, or has not for too long.
    pub(super) async fn persist(
        self: &Arc<Self>,
        request: Request,
        within: Duration,
    ) -> Result<Response, ErrorObject> {
        self.persist_at(request, within)
            .await
            .map(|(response, _)| response)
    }

    /// As [`Self::persist`], with who answered.
    async fn persist_at(
        self: &Arc<Self>,
        request: Request,
        within: Duration,
    ) -> Result<(Response, Seat), ErrorObject> {
        let begin = self.now();
        loop {
            match self.ask_coordinator(request.clone(), within).await {
                Ok(answer) => return Ok(answer),
                Err(reason) => self.wait_for_coordinator(begin, &reason).await?,
            }
        }
    }

    /// A pause before the next try, unless it has been tried for too long.
    async fn wait_for_coordinator(&self, begin: Millis, reason: &str) -> Result<(), ErrorObject> {
        if self.now().since(begin) > PATIENCE {
            let message = match self.seat() {
                Some(seat) => {
                    format!("the coordinator {} does not answer: {reason}", seat.holder)
                }
                None => reason.to_owned(),
            };
            let next = "`edgecoder node` shows how it stands; the task can be submitted again";
            return Err(ErrorObject::new(ErrorKind::Busy, message, next));
        }
        let mut seats = self.seats();
        seats.mark_unchanged();
        // Whoever takes over is asked at once.
        tokio::select! {
            () = sleep(PAUSE) => {}
            changed = seats.changed() => if changed.is_err() { sleep(PAUSE).await },
        }
        Ok(())
    }

    /// The task's key for each member of the council whose record is here: whoever coordinates, and whoever takes over.
    async fn wrap_for_members(
        self: &Arc<Self>,
        sent: &Sent,
    ) -> Result<Vec<(PeerId, WrappedKey)>, ErrorObject> {
        let view = self.council.view();
        let members = view.chain.deciders();
        let members = members
            .map(|set| set.members().to_vec())
            .unwrap_or_default();
        let is_unknown = |peer: &PeerId| self.record_of(*peer).is_none();
        if members.iter().any(is_unknown) {
            // What is missing then is seen below.
            self.fetch_roster().await.ok();
        }
        let mut keys = Vec::new();
        for member in members {
            // The members' keys come from their own signed records.
            let Some(record) = self.record_of(member) else {
                continue;
            };
            let purpose = Purpose::of_member(sent.id, member);
            let mut random = [0; 32];
            self.random(&mut random);
            let wrapped = sent.key.wrap(&record.seal, &purpose, &mut random);
            keys.push((member, wrapped.map_err(|error| internal(&error))?));
        }
        match self.seat() {
            Some(seat) if !keys.iter().any(|(reader, _)| *reader == seat.holder) => {
                let message = "the coordinator has not said which key to seal for";
                let next = "try again in some seconds";
                Err(ErrorObject::new(ErrorKind::Busy, message, next))
            }
            // Waited for by the caller.
            Some(_) | None => Ok(keys),
        }
    }

    /// Follows a task until it ends, also from one coordinator to the next, who is given it again if it has not heard
    /// of it.
    async fn watch(
        self: &Arc<Self>,
        sent: &Sent,
        spec: &Signed<TaskSpec>,
        given_to: Seat,
        steps: Option<&mpsc::Sender<Step>>,
    ) -> Back {
        let task = sent.id;
        let (mut last, mut after, mut judged) = (given_to, 0, BTreeSet::new());
        let mut asked: Option<Asked<'_>> = None;
        loop {
            let wait_ms = u32::try_from(NEWS.as_millis()).unwrap_or(DONE_AFTER_MAX);
            let request = Request::Watch {
                task,
                after,
                wait_ms,
            };
            let answer = tokio::select! {
                answer = self.persist_at(request, NEWS + ACKNOWLEDGE) => answer,
                answered = answer_of(&mut asked) => match answered {
                    Ok(()) => {
                        asked = None;
                        continue;
                    }
                    Err(error) => return Back::Refused(error),
                },
            };
            let (response, seat) = match answer {
                Ok(answer) => answer,
                // What its user is writing is not lost with the coordinator, which may be there again by then.
                Err(_) if asked.is_some() => continue,
                Err(error) => return Back::Refused(error),
            };
            if seat != last {
                // Each counts its news for itself.
                match self.known_to(sent, spec, &response, seat).await {
                    Ok(seat) => (last, after) = (seat, 0),
                    Err(error) => return Back::Refused(error),
                }
                continue;
            }
            let news = match response {
                Response::Task(news) => news,
                Response::Refused(error) => return Back::Refused(error),
                _ => return Back::Refused(something_else()),
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

    /// Gives the task again to one that took over and did not find it with the others; who has it then.
    async fn known_to(
        self: &Arc<Self>,
        sent: &Sent,
        spec: &Signed<TaskSpec>,
        said: &Response,
        seat: Seat,
    ) -> Result<Seat, ErrorObject> {
        match said {
            Response::Refused(error) if error.kind == ErrorKind::NotFound => {
                self.submit_one(sent, spec.clone()).await
            }
            _ => Ok(seat),
        }
    }

    pub(super) async fn received(self: &Arc<Self>, task: TaskId) {
        // The coordinator forgets it by itself after a day.
        self.ask_coordinator(Request::Received { task }, ACKNOWLEDGE)
            .await
            .ok();
    }

    pub(super) async fn withdraw(self: &Arc<Self>, task: TaskId) {
        // What is not heard ends with the task's deadline.
        self.ask_coordinator(Request::Cancel { task }, ACKNOWLEDGE)
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
