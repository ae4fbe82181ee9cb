//! Disagreements: run a third time, here or by the submitter of a task that only it can read; and evidence of who lied.

use std::sync::Arc;

use edgecoder_protocol::{
    Millis, Outcome, PeerId, Signed,
    operator::{ErrorKind, ErrorObject},
    sealing::TaskKey,
    wire::{Held, INLINE_MAX, Opening, Response, Sealed},
    work::{AttemptId, Part, ResultSummary, label},
};

use super::{
    Actor, Event,
    record::{Matter, Sides, Unsealed},
    refusal,
};
use crate::{Conviction, Ground, Judge, Ports, Ruling};

impl<P: Ports> Actor<P> {
    /// Fetches and opens what an attempt is made from.
    fn ground(
        &self,
        attempt: AttemptId,
    ) -> Option<impl Future<Output = Result<Ground, ErrorObject>> + Send + use<P>> {
        let matter = self.matters.get(&attempt.task)?;
        let key = matter.key.clone()?;
        let step = attempt.subtask;
        let sides = matter.tries.get(&(step, attempt.attempt));
        let answer = sides.and_then(|sides| sides.answer.clone());
        let (job, plan) = (matter.job.clone(), matter.plan.clone());
        let (answers, from) = (matter.answers_before(step), matter.submitter);
        let ports = self.ports.clone();
        Some(async move {
            let mut sealed = Unsealed {
                job: ports.load(&job, from).await?,
                plan: None,
                answers: Vec::new(),
                answer: None,
            };
            if let Some(plan) = plan {
                sealed.plan = Some(ports.load(&plan, from).await?);
            }
            for (at, answer) in answers {
                sealed.answers.push((at, ports.load(&answer, from).await?));
            }
            if let Some(answer) = answer {
                sealed.answer = Some(ports.load(&answer, from).await?);
            }
            Matter::ground(&key, step, sealed).map_err(internal)
        })
    }

    pub(super) fn rule(&mut self, attempt: AttemptId) {
        if let Some(matter) = self.matters.get_mut(&attempt.task)
            && matter.key.is_none()
        {
            // It cannot be read here. The submitter hears of it with the news, and answers with `Request::Judge`.
            let tries = &matter.tries;
            let is_there = |one: &AttemptId| tries.contains_key(&(one.subtask, one.attempt));
            matter.disputes.retain(is_there);
            matter.disputes.insert(attempt);
            return;
        }
        let ground = self.ground(attempt);
        let matter = self.matters.get(&attempt.task);
        let sides = matter.and_then(|matter| matter.tries.get(&(attempt.subtask, attempt.attempt)));
        let both = sides.and_then(both_of);
        let key = matter.and_then(|matter| matter.key.clone());
        let (Some(ground), Some((author, checker)), Some(key)) = (ground, both, key) else {
            let now = self.ports.now();
            let judge = Judge::Coordinator(self.key.peer_id());
            return self
                .machine
                .ruled(now, attempt, Ruling::Inconclusive, judge);
        };
        let (ports, signer) = (self.ports.clone(), self.key.clone());
        self.work.spawn(async move {
            let own = match ground.await {
                Ok(ground) => own_run(&ports, ground, &key, &checker).await,
                Err(error) => Err(error),
            };
            match own {
                Ok((summary, report)) => {
                    let ruling = decide(&summary, &author, &checker);
                    let opening = Opening::of_judge(Signed::new(summary, &signer), report);
                    Event::Ruled(attempt, ruling, Some(Box::new(opening)))
                }
                Err(error) => {
                    tracing::warn!(%error, "a dispute could not be decided");
                    Event::Ruled(attempt, Ruling::Inconclusive, None)
                }
            }
        });
    }

    /// The submitter of a sealed task has run what its coordinator cannot, or says that it could not.
    pub(super) fn judged(
        &mut self,
        now: Millis,
        from: PeerId,
        held: Held,
        opening: Option<Box<Opening>>,
    ) -> Response {
        let attempt = held.attempt;
        let matter = self.matters.get_mut(&attempt.task);
        let matter = matter.filter(|matter| {
            matter.submitter == from && matter.disputes.contains(&attempt) && held.term == self.term
        });
        let both = matter.and_then(|matter| {
            let sides = matter.tries.get(&(attempt.subtask, attempt.attempt))?;
            let both = both_of(sides)?;
            matter.disputes.remove(&attempt);
            Some(both)
        });
        let Some((author, checker)) = both else {
            let message = "this node was not asked to decide that";
            let next = "watch the task for what is asked";
            return refusal(ErrorKind::Conflict, message, next);
        };
        let own = opening.filter(|own| {
            own.summary.open_by(from).is_ok_and(|summary| {
                summary.network == self.network
                    && (summary.attempt, summary.part, summary.term)
                        == (attempt, Part::Checker, held.term)
            })
        });
        let ruling = match own.as_ref().and_then(|own| own.summary.open().ok()) {
            Some((summary, _)) => decide(summary, &author, &checker),
            None => Ruling::Inconclusive,
        };
        if let Some(sides) = self.sides(attempt) {
            sides.own = own.map(|own| *own);
        }
        self.machine
            .ruled(now, attempt, ruling, Judge::Submitter(from));
        Response::Done { now }
    }

    pub(super) fn convict(&mut self, conviction: Conviction) {
        let Conviction { liar, held } = conviction;
        tracing::warn!(peer = %liar, task = %held.attempt.task, "a peer signed what is not so");
        let matter = self.matters.get(&held.attempt.task);
        let sides = matter.and_then(|matter| {
            let attempt = (held.attempt.subtask, held.attempt.attempt);
            matter.tries.get(&attempt)
        });
        let side = sides.and_then(|sides| match held.part {
            Part::Author => sides.author.clone(),
            Part::Checker => sides.checker.clone(),
        });
        let key = matter.and_then(|matter| matter.key.clone());
        let (Some(ground), Some(side), Some(key)) = (self.ground(held.attempt), side, key) else {
            return;
        };
        let ports = self.ports.clone();
        self.work.spawn(async move {
            let evidence = async {
                let ground = ground.await?;
                let sealed = ports.load(&side.report, liar).await?;
                let report = key
                    .open(label::REPORT, &sealed)
                    .map_err(|e| internal(e.to_string()))?;
                ports.convict(liar, held, ground, report).await;
                Ok::<(), ErrorObject>(())
            };
            if let Err(error) = evidence.await {
                tracing::warn!(%error, "evidence could not be kept");
            }
            Event::Over
        });
    }
}

/// What author and checker said, once both have.
fn both_of(sides: &Sides) -> Option<(ResultSummary, ResultSummary)> {
    let seen = |side: &Option<Opening>| {
        let (summary, _) = side.as_ref()?.summary.open().ok()?;
        Some(summary.clone())
    };
    Some((seen(&sides.author)?, seen(&sides.checker)?))
}

/// Runs an attempt here, as a checker would.
async fn own_run<P: Ports>(
    ports: &Arc<P>,
    ground: Ground,
    key: &TaskKey,
    checker: &ResultSummary,
) -> Result<(ResultSummary, Sealed), ErrorObject> {
    let answer = ports.rerun(ground).await?;
    let held = Held {
        attempt: checker.attempt,
        part: Part::Checker,
        term: checker.term,
    };
    let summary = ResultSummary::of_run(checker.network, held, checker.answer, &answer);
    let json = serde_json::to_vec(&answer).map_err(|e| internal(e.to_string()))?;
    let mut nonce = [0; 24];
    ports.random(&mut nonce);
    let sealed = key
        .seal(label::REPORT, &json, &nonce)
        .map_err(|e| internal(e.to_string()))?;
    let report = match sealed.len() <= INLINE_MAX {
        true => Sealed::Inline(sealed),
        false => Sealed::Fetch(ports.keep(sealed).await?),
    };
    Ok((summary, report))
}

/// Who agrees with the coordinator's own run; all three are of the answer that the author fixed.
fn decide(own: &ResultSummary, author: &ResultSummary, checker: &ResultSummary) -> Ruling {
    match (
        own.outcome,
        own.agrees_with(author),
        own.agrees_with(checker),
    ) {
        (Outcome::Inconclusive, _, _) => Ruling::Inconclusive,
        (_, true, _) => Ruling::Author,
        (_, false, true) => Ruling::Checker,
        (_, false, false) => Ruling::Neither,
    }
}

fn internal(message: String) -> ErrorObject {
    let next = "`edgecoder doctor` looks for what is wrong";
    ErrorObject::new(ErrorKind::Internal, message, next)
}
