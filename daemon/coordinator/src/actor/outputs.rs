//! What the machine asked for is done here: openings are fetched and verified, endings kept.

use std::{collections::BTreeSet, time::Duration};

use edgecoder_protocol::{
    Hash, NetworkId, PeerId, TaskId,
    ledger::entry::Body,
    sealing::TaskKey,
    wire::{CheckedResult, Held, Opening, Request, Response},
    work::{AttemptId, Part, ResultSummary, label},
};
use tokio::time::sleep;

use super::{Actor, Event};
use crate::{Ending, Output, Ports};

/// How long a peer may take to answer a word.
const WORD: Duration = Duration::from_secs(2);
/// Times that a commitment is asked to be opened: a lost connection is not a refusal, and a worker may be asked before
/// it has heard that its commitment arrived.
const OPEN_TRIES: u32 = 9;
/// The first pause; it doubles with each try.
const OPEN_PAUSE: Duration = Duration::from_millis(3);

/// What an opening must hold to.
struct Fixed {
    worker: PeerId,
    commitment: Hash,
    network: NetworkId,
    /// Absent when the task is sealed from the coordinator: its submitter reads the report.
    key: Option<TaskKey>,
}

impl Fixed {
    fn check(&self, opening: &Opening, report: &[u8]) -> Result<ResultSummary, String> {
        let summary = opening
            .summary
            .open_by(self.worker)
            .map_err(|error| error.to_string())?;
        if summary.network != self.network {
            return Err("it is of another network".into());
        }
        if summary.commitment(self.worker, &opening.salt) != self.commitment {
            return Err("it is not what was fixed".into());
        }
        if let Some(key) = &self.key {
            let json = key
                .open(label::REPORT, report)
                .map_err(|error| error.to_string())?;
            summary
                .report(self.worker, &json)
                .map_err(|error| error.to_string())?;
        }
        Ok(summary.clone())
    }
}

impl<P: Ports> Actor<P> {
    /// Does all that the machine asks for.
    pub(super) fn perform(&mut self) {
        // Told last: what a task came to must be kept before anybody hears of it.
        let mut news = BTreeSet::new();
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Grant { poll, leases } => self.grant(poll, leases),
                Output::Open {
                    worker,
                    held,
                    commitment,
                } => self.open_one(worker, held, commitment),
                Output::Stop { worker, held } => self.stop_one(worker, held),
                Output::Lost { worker, held } => {
                    let (task, step) = (held.attempt.task, held.attempt.subtask);
                    let (attempt, part) = (held.attempt.attempt, held.part);
                    tracing::debug!(%task, step, attempt, ?part, %worker, "lost");
                }
                Output::Rule { attempt } => self.rule(attempt),
                Output::StepDone { attempt } => self.step_done(attempt),
                Output::News { task } => {
                    news.insert(task);
                }
                Output::Ended { task } => self.ended(task),
                Output::Asks { task } => self.asks(task),
                Output::Forget { task } => self.forget(task),
                Output::Convict(conviction) => self.convict(conviction),
                Output::Announce { need } => {
                    if !self.announcements.contains(&need) {
                        self.announcements.push(need);
                    }
                }
            }
        }
        for task in news {
            self.answer_watches(Some(task));
        }
    }

    fn open_one(&mut self, worker: PeerId, held: Held, commitment: Hash) {
        let ports = self.ports.clone();
        let AttemptId { task, subtask, .. } = held.attempt;
        let matter = self.matters.get(&task);
        // What its submitter gave is there already.
        let is_own = matter.is_some_and(|matter| !matter.given.contains_key(&subtask));
        let sealed = self
            .sides(held.attempt)
            .and_then(|sides| sides.answer.clone())
            .filter(|_| is_own && held.part == Part::Author);
        let fixed = Fixed {
            worker,
            commitment,
            network: self.network,
            key: self
                .matters
                .get(&held.attempt.task)
                .and_then(|matter| matter.key.clone()),
        };
        self.work.spawn(async move {
            for attempt in 0..OPEN_TRIES {
                if attempt > 0 {
                    sleep(OPEN_PAUSE * (1 << attempt)).await;
                }
                let answer = ports.ask(worker, Request::Open { held }, WORD).await;
                let opening = match answer {
                    Ok(Response::Opened(opening)) => opening,
                    Ok(_) | Err(_) => continue,
                };
                // Both are fetched while their author is there: they are the submitter's to read later.
                let Ok(report) = ports.load(&opening.report, worker).await else {
                    break;
                };
                if let Some(sealed) = &sealed
                    && ports.load(sealed, worker).await.is_err()
                {
                    break;
                }
                match fixed.check(&opening, &report) {
                    Ok(summary) => return Event::Opened(worker, held, Some((opening, summary))),
                    Err(why) => {
                        tracing::warn!(peer = %worker, task = %held.attempt.task, why, "an opening is refused");
                        ports.penalise(worker).await;
                        break;
                    }
                }
            }
            Event::Opened(worker, held, None)
        });
    }

    pub(super) fn opening_came(
        &mut self,
        peer: PeerId,
        held: Held,
        opened: Option<(Box<Opening>, ResultSummary)>,
    ) {
        let now = self.ports.now();
        let Some((opening, summary)) = opened else {
            return self.machine.not_opened(now, peer, held);
        };
        // One that comes when another has the part already must not take its place.
        if !self.machine.opened(now, peer, held, summary) {
            return;
        }
        if let Some(sides) = self.sides(held.attempt) {
            let side = match held.part {
                Part::Author => &mut sides.author,
                Part::Checker => &mut sides.checker,
            };
            *side = Some(*opening);
        }
    }

    fn stop_one(&mut self, worker: PeerId, held: Held) {
        let ports = self.ports.clone();
        self.work.spawn(async move {
            // Who does not hear it learns from its next heartbeat.
            ports.ask(worker, Request::Stop { held }, WORD).await.ok();
            Event::Over
        });
    }

    fn step_done(&mut self, attempt: AttemptId) {
        let Some(matter) = self.matters.get_mut(&attempt.task) else {
            return;
        };
        let sides = matter.tries.remove(&(attempt.subtask, attempt.attempt));
        let whole = sides
            .and_then(|sides| Some((sides.author?, sides.own.or(sides.checker)?, sides.answer)));
        if let Some((author, checker, answer)) = whole {
            let result = CheckedResult {
                author,
                checker,
                answer,
            };
            matter.results.insert(attempt.subtask, result);
        }
        matter.tries.retain(|(step, _), _| *step != attempt.subtask);
        self.save(attempt.task);
    }

    fn ended(&mut self, task: TaskId) {
        let Some(matter) = self.matters.get_mut(&task) else {
            return;
        };
        let standing = self.machine.standing(matter.submitter, task, u64::MAX);
        let ending = standing.and_then(|standing| standing.ending);
        tracing::info!(%task, ending = ending.as_ref().map(word), "task ends");
        matter.ending = ending;
        matter.tries.clear();
        let (spec, result) = (matter.spec.clone(), matter.outcome());
        self.log(&spec, |task| Body::End { task, result });
        self.save(task);
    }

    fn asks(&mut self, task: TaskId) {
        let Some(matter) = self.matters.get_mut(&task) else {
            return;
        };
        let standing = self.machine.standing(matter.submitter, task, u64::MAX);
        matter.asks = standing.and_then(|standing| standing.asks);
        self.save(task);
    }

    pub(super) fn forget(&mut self, task: TaskId) {
        self.matters.remove(&task);
        self.save(task);
    }
}

fn word(ending: &Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Refused(_) => "refused",
        Ending::Failed(_) => "failed",
        Ending::Cancelled => "cancelled",
    }
}
