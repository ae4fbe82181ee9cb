//! Changes that nobody could put together: this node's user is shown them, and what the user writes goes to the network.

use std::sync::Arc;

use edgecoder_protocol::{
    TaskId,
    operator::{Conflict, ErrorKind, ErrorObject, Step},
    wire::{News, Request, Response},
    work::{Answer, label},
};
use tokio::sync::mpsc;

use super::{
    Hub,
    bring::{ACKNOWLEDGE, something_else},
    deliver::{broken, gather},
    hub::{internal, lock},
    submit::Sent,
};

/// A conflict that waits for its user.
pub(super) struct Open {
    conflict: Conflict,
    /// Takes one answer.
    answer: mpsc::Sender<String>,
}

impl Hub {
    /// Waits for the user to put a step's versions together, and sends what was written. Cancel-safe: dropping it
    /// leaves the question with the coordinator.
    ///
    /// # Errors
    /// [`ErrorObject`] when the question makes no sense, or the coordinator does not answer.
    pub(super) async fn ask_user(
        self: &Arc<Self>,
        sent: &Sent,
        news: Box<News>,
        step: u16,
        steps: Option<&mpsc::Sender<Step>>,
    ) -> Result<(), ErrorObject> {
        let mut opened = gather(self, sent, &news).await?;
        opened.step = step;
        let (Some(merge), Some(path)) = (opened.merge().await?, opened.writes()) else {
            return Err(broken("it asks about a step that merges nothing"));
        };
        let conflict = Conflict {
            task: sent.id,
            path: path.clone(),
            base: merge.base,
            sides: merge.sides,
            // A clean merge that does not pass is the user's as well.
            text: merge.text.unwrap_or_else(|marked| marked),
        };
        let (answer, mut answers) = mpsc::channel(1);
        lock(&self.conflicts).insert(sent.id, Open { conflict, answer });
        let _closed = Closing(self, sent.id);
        if let Some(steps) = steps {
            // Nobody may be watching.
            steps.send(Step::Conflict { path }).await.ok();
        }
        let code = answers.recv().await;
        let code = code.ok_or_else(|| internal(&"the question was withdrawn"))?;
        // A second one is told that this one is on its way.
        answers.close();
        let answer = Answer { code, tests: None };
        let bytes = answer.to_bytes().map_err(|error| internal(&error))?;
        let sealed = self.seal(&sent.key, label::ANSWER, &bytes)?;
        let request = Request::Resolve {
            task: sent.id,
            step,
            answer: self.contents.send(sealed).await?,
        };
        // What its user wrote is kept for as long as the coordinator is away.
        let answer = loop {
            match self.persist(request.clone(), ACKNOWLEDGE).await {
                Ok(answer) => break answer,
                Err(error) => {
                    tracing::warn!(task = %sent.id, error = %error.message, "an answer is not sent yet")
                }
            }
        };
        match answer {
            // Refused when it has begun anew, or was answered before: the news says what it asks.
            Response::Done { .. } | Response::Refused(_) => Ok(()),
            _ => Err(something_else()),
        }
    }

    /// What the user of this task is asked to put together.
    pub(super) fn conflict_of(&self, task: TaskId) -> Option<Conflict> {
        let conflicts = lock(&self.conflicts);
        conflicts.get(&task).map(|open| open.conflict.clone())
    }

    /// The user's answer.
    pub(super) fn resolve_with(&self, task: TaskId, code: String) -> Result<(), ErrorObject> {
        let conflicts = lock(&self.conflicts);
        let sent = conflicts.get(&task).map(|open| open.answer.try_send(code));
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(ErrorObject::new(
                ErrorKind::Conflict,
                "an answer is on its way already",
                "`edgecoder task watch` shows what comes of it",
            )),
            None => Err(ErrorObject::new(
                ErrorKind::NotFound,
                "nothing is asked about this task",
                "`edgecoder task show` tells how it stands",
            )),
        }
    }
}

/// Takes the question back, however it ends.
struct Closing<'a>(&'a Hub, TaskId);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        lock(&self.0.conflicts).remove(&self.1);
    }
}
