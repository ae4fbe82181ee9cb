//! Who is right, of an own task that the coordinator cannot read: decided by a run on this node.

use std::{collections::BTreeMap, sync::Arc};

use edgecoder_protocol::{
    Outcome, PeerId, Signed,
    operator::{ErrorObject, ExecAnswer},
    wire::{Dispute, Opening, Request, Response},
    work::{ContentRef, ResultSummary, label},
};

use super::{
    Hub, Opened,
    bring::ACKNOWLEDGE,
    deliver::broken,
    evidence,
    perform::{execution_of, from_job},
    submit::Sent,
};

impl Hub {
    /// Runs what author and checker disagree about, and tells the coordinator what came of it. Says who signed what is
    /// not so, with where the evidence is.
    ///
    /// # Errors
    /// [`ErrorObject`] when the dispute is not of this task, or the coordinator does not answer.
    pub(super) async fn judge(
        self: &Arc<Self>,
        sent: &Sent,
        dispute: &Dispute,
    ) -> Result<Vec<String>, ErrorObject> {
        let sides = [&dispute.author, &dispute.checker].map(|opening| summary_of(opening, dispute));
        let [Some(author), Some(checker)] = sides else {
            return Err(broken("the dispute is about something else"));
        };
        if dispute.held.attempt.task != sent.id {
            return Err(broken("the dispute is of another task"));
        }
        let (ground, run) = match self.run_disputed(sent, dispute, author.1).await {
            Ok(run) => run,
            Err(error) => {
                self.tell(dispute, None).await?;
                let why = error.message;
                return Ok(vec![format!(
                    "A disagreement could not be decided here: {why}"
                )]);
            }
        };
        let own = ResultSummary::of_run(self.network, dispute.held, judged(dispute), &run);
        let opening = self.opening(sent, own.clone(), &run).await?;
        self.tell(dispute, Some(Box::new(opening))).await?;
        if own.outcome == Outcome::Inconclusive {
            return Ok(Vec::new());
        }
        let mut notes = Vec::new();
        for ((summary, signer), opening) in [(author, &dispute.author), (checker, &dispute.checker)]
        {
            if own.agrees_with(&summary) {
                continue;
            }
            let run = self.reported(sent, &summary, signer, opening).await;
            let kept = match &run {
                Ok(run) => evidence::keep(self, signer, dispute.held, &ground, run).await,
                Err(error) => Err(error.clone()),
            };
            let what = match kept {
                Ok((place, hash)) => {
                    self.charge(signer, hash);
                    format!("`edgecoder replay {}` shows it", place.display())
                }
                Err(error) => format!("there is no evidence: {}", error.message),
            };
            notes.push(format!("{signer} signed what is not so; {what}."));
        }
        Ok(notes)
    }

    async fn run_disputed(
        &self,
        sent: &Sent,
        dispute: &Dispute,
        author: PeerId,
    ) -> Result<(Opened, ExecAnswer), ErrorObject> {
        let answer = match &dispute.answer {
            Some(sealed) => {
                let bytes = self.contents.load(sealed, Some(author)).await?;
                Some(opened(sent, label::ANSWER, &bytes)?)
            }
            None => None,
        };
        let step = dispute.held.attempt.subtask;
        let ground = from_job(sent.job.clone(), None, step, BTreeMap::new(), answer)?;
        let run = self
            .executor
            .run(execution_of(&ground).await?, false)
            .await?;
        Ok((ground, run))
    }

    async fn opening(
        &self,
        sent: &Sent,
        own: ResultSummary,
        run: &ExecAnswer,
    ) -> Result<Opening, ErrorObject> {
        let report = serde_json::to_vec(run).map_err(|error| broken(&error.to_string()))?;
        let report = self.seal(&sent.key, label::REPORT, &report)?;
        let report = self.contents.send(report).await?;
        Ok(Opening::of_judge(Signed::new(own, self.key()), report))
    }

    async fn tell(
        self: &Arc<Self>,
        dispute: &Dispute,
        opening: Option<Box<Opening>>,
    ) -> Result<(), ErrorObject> {
        let held = dispute.held;
        let request = Request::Judge { held, opening };
        // Refused when it was told before, or the coordinator has begun anew: the news says what it wants.
        match self.persist(request, ACKNOWLEDGE).await? {
            Response::Done { .. } | Response::Refused(_) => Ok(()),
            _ => Err(broken("the coordinator answered something else")),
        }
    }

    /// What `signer` reported, as it signed it.
    async fn reported(
        &self,
        sent: &Sent,
        summary: &ResultSummary,
        signer: PeerId,
        opening: &Opening,
    ) -> Result<ExecAnswer, ErrorObject> {
        let sealed = self.contents.load(&opening.report, Some(signer)).await?;
        let json = opened(sent, label::REPORT, &sealed)?;
        let run = summary.report(signer, &json);
        run.map_err(|error| broken(&error.to_string()))
    }
}

fn judged(dispute: &Dispute) -> ContentRef {
    let answer = dispute.answer.as_ref();
    answer.map_or_else(|| ContentRef::of(b""), |sealed| sealed.reference())
}

/// What one side signed, if it is of this attempt and answer.
fn summary_of(opening: &Opening, dispute: &Dispute) -> Option<(ResultSummary, PeerId)> {
    let (summary, signer) = opening.summary.open().ok()?;
    let is_of_it = summary.attempt == dispute.held.attempt
        && summary.term == dispute.held.term
        && summary.answer == judged(dispute);
    is_of_it.then(|| (summary.clone(), signer))
}

fn opened(sent: &Sent, name: &str, sealed: &[u8]) -> Result<Vec<u8>, ErrorObject> {
    let bytes = sent.key.open(name, sealed);
    bytes.map_err(|error| broken(&error.to_string()))
}
