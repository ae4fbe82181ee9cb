//! The worker's outside is this node: agent and sandbox as its workshop, the machine as its host.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use edgecoder_agent::{Model, PortError, Tests, solve};
use edgecoder_mesh::FoundBy;
use edgecoder_protocol::{
    Hash, Millis, Outcome, Signed, Tokens,
    generation::{GenerateRequest, Generation},
    operator::{ErrorKind, ErrorObject, ExecAnswer, SolveOutcome, TaskRequest},
    plan::FileKind,
    sealing::{OpenKey, Purpose, TaskKey},
    wire::{Grant, Held, Request, Response, WhyBack},
    work::{Answer, ContentRef, Job, LeaseKey, Part, ResultSummary, SubtaskLease, TaskSpec, label},
};
use edgecoder_worker::{Host, Made, NotMade, Policy, Ports, Worker, Workshop};
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{AgentJudge, worker_to_coordinator::ToCoordinator};
use crate::{
    mesh::{Hub, Opened, Parts, SlotModel, execution_of, ground_of},
    tasks::agent_config,
};

/// How long a submitter may take to give a sealed task's key.
const KEY: Duration = Duration::from_secs(10);

/// Starts this node's worker.
pub fn start_worker(
    hub: &Arc<Hub>,
    policy: Policy,
    stop: CancellationToken,
) -> (Worker, JoinHandle<()>) {
    let ports = Ports {
        coordinator: ToCoordinator(hub.clone()),
        workshop: Outside(hub.clone()),
        host: Machine::new(hub.clone()),
    };
    Worker::spawn(policy, ports, hub.key().clone(), hub.network, stop)
}

struct Outside(Arc<Hub>);

/// What the worker measures by: a clock that never goes back, whatever is done to the machine's.
struct Machine {
    hub: Arc<Hub>,
    begin: Millis,
    since: Instant,
    /// Processor time that was busy and that there was, when it was last looked at.
    load: Mutex<Option<(u64, u64)>>,
}

impl Machine {
    fn new(hub: Arc<Hub>) -> Self {
        let begin = hub.now();
        Self {
            hub,
            begin,
            since: Instant::now(),
            load: Mutex::default(),
        }
    }
}

impl Host for Machine {
    fn now(&self) -> Millis {
        self.begin.after(self.since.elapsed())
    }

    fn random(&self, to: &mut [u8]) {
        self.hub.random(to);
    }

    fn minute_of_day_utc(&self) -> u16 {
        // Less than 1,440.
        (self.hub.network_time().0 / 60_000 % 1_440) as u16
    }

    /// Whether the processors were mostly idle since this was last asked. A machine that does not tell is busy.
    fn is_idle(&self) -> bool {
        let Some(now) = processor_time() else {
            return false;
        };
        let mut last = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.replace(now).unwrap_or((0, 0));
        let (busy, all) = (
            now.0.saturating_sub(before.0),
            now.1.saturating_sub(before.1),
        );
        busy * 4 < all.max(1)
    }
}

/// Ticks that the processors were busy, and all ticks, since the machine started (`/proc/stat`, first line).
fn processor_time() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let numbers = text.lines().next()?.split_whitespace().skip(1);
    let ticks: Vec<u64> = numbers
        .take(8)
        .filter_map(|number| number.parse().ok())
        .collect();
    let idle = ticks.get(3)? + ticks.get(4)?;
    let all: u64 = ticks.iter().sum();
    Some((all.saturating_sub(idle), all))
}

fn not_made(why: WhyBack, error: &ErrorObject) -> NotMade {
    let sentence = format!("{}: {}", error.message, error.next);
    NotMade { why, sentence }
}

fn impossible(sentence: impl Into<String>) -> NotMade {
    NotMade {
        why: WhyBack::Impossible,
        sentence: sentence.into(),
    }
}

impl Workshop for Outside {
    async fn work(
        &self,
        grant: Grant,
        key: OpenKey,
        stop: CancellationToken,
    ) -> Result<Made, NotMade> {
        // Dropped when `stop` says so: everything below can be.
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(NotMade { why: WhyBack::Drained, sentence: "stopped".into() }),
            made = self.make(grant, key) => made,
        }
    }
}

impl Outside {
    async fn make(&self, grant: Grant, key: OpenKey) -> Result<Made, NotMade> {
        let hub = &self.0;
        let (spec, submitter) = grant
            .spec
            .open()
            .map_err(|error| impossible(error.to_string()))?;
        let (lease, _) = grant
            .lease
            .open()
            .map_err(|error| impossible(error.to_string()))?;
        if spec.network != hub.network
            || spec.id != lease.attempt.task
            || spec.content != grant.job.reference()
        {
            return Err(impossible(
                "the task that was lent is not the one that its submitter signed",
            ));
        }
        for hint in &grant.hints {
            let addresses = hint.addresses.clone();
            hub.mesh.learn(hint.peer, addresses, FoundBy::Record).await;
        }
        let task_key = self.task_key(&grant, &key, submitter, lease).await?;
        let parts = Parts {
            job: grant.job.clone(),
            plan: grant.plan.clone(),
            step: lease.attempt.subtask,
            answers: grant.answers.clone(),
            answer: grant.answer.clone(),
        };
        let loaded = ground_of(&hub.contents, &task_key, &parts, None).await;
        let opened = loaded.map_err(|error| match error.kind {
            ErrorKind::BadRequest => not_made(WhyBack::Impossible, &error),
            _ => not_made(WhyBack::Unable, &error),
        })?;
        let held = Held {
            attempt: lease.attempt,
            part: lease.part,
            term: lease.term,
        };
        match (lease.part, &opened.job) {
            // One that comes with its answer is replayed by both.
            (Part::Author, Job::Solve(_)) if grant.answer.is_none() => {
                self.write(&grant, spec, held, &opened, &task_key).await
            }
            (Part::Author | Part::Checker, _) => {
                let answer = grant.answer.as_ref().map(|answer| answer.reference());
                let run = self.run(&opened).await?;
                let summary =
                    ResultSummary::of_run(hub.network, held, answer.unwrap_or_else(nothing), &run);
                self.hand_in(summary, None, &run, Tokens(0), &task_key)
                    .await
            }
        }
    }

    /// The task's key: wrapped in the lease, or given by the submitter of a task that is sealed from the coordinator.
    async fn task_key(
        &self,
        grant: &Grant,
        key: &OpenKey,
        submitter: edgecoder_protocol::PeerId,
        lease: &SubtaskLease,
    ) -> Result<TaskKey, NotMade> {
        let hub = &self.0;
        let purpose = Purpose {
            task: lease.attempt.task,
            subtask: lease.attempt.subtask,
            attempt: lease.attempt.attempt,
            reader: hub.id,
            term: lease.term,
        };
        let wrapped = match &grant.key {
            Some(wrapped) => wrapped.clone(),
            None => {
                let own = LeaseKey {
                    network: hub.network,
                    key: lease.key,
                };
                let request = Request::Key {
                    lease: Box::new(grant.lease.clone()),
                    key: Box::new(Signed::new(own, hub.key())),
                };
                match hub.ask(submitter, request, KEY).await {
                    Ok(Response::Key(wrapped)) => wrapped,
                    Ok(Response::Refused(error)) => return Err(not_made(WhyBack::Unable, &error)),
                    Ok(_) => return Err(impossible("the submitter answered something else")),
                    Err(sentence) => {
                        return Err(NotMade {
                            why: WhyBack::Unable,
                            sentence,
                        });
                    }
                }
            }
        };
        TaskKey::unwrap(&wrapped, key, &purpose).map_err(|error| impossible(error.to_string()))
    }

    /// Runs what the attempt is made of.
    async fn run(&self, opened: &Opened) -> Result<ExecAnswer, NotMade> {
        let execution = execution_of(opened).await;
        let execution = execution.map_err(|error| not_made(WhyBack::Impossible, &error))?;
        let ran = self.0.executor.for_others().run(execution, false).await;
        ran.map_err(|error| match error.kind {
            ErrorKind::BadRequest | ErrorKind::TooLarge => not_made(WhyBack::Impossible, &error),
            _ => not_made(WhyBack::Unable, &error),
        })
    }

    /// Has the agent write the step's file.
    async fn write(
        &self,
        grant: &Grant,
        spec: &TaskSpec,
        held: Held,
        opened: &Opened,
        task_key: &TaskKey,
    ) -> Result<Made, NotMade> {
        let hub = &self.0;
        let (written, run) = match self.merge(opened).await? {
            Some(merged) => merged,
            None => {
                let written = self.agent(grant, spec, opened).await?;
                let run = self.run_with(opened, &written.answer).await?;
                (written, run)
            }
        };
        let again =
            |how: &dyn std::fmt::Display| format!("what was written did not pass again: {how}");
        match run.outcome {
            Outcome::Ok => {}
            Outcome::Inconclusive => return Err(undecided(again(&run.reason))),
            failed => return Err(unsolved(again(&failed))),
        }
        let bytes = written.answer.to_bytes();
        let bytes = bytes.map_err(|error| impossible(error.to_string()))?;
        let sealed = self.seal(task_key, label::ANSWER, &bytes)?;
        let reference = ContentRef::of(&sealed);
        let sealed = hub.contents.send(sealed).await;
        let sealed = sealed.map_err(|error| not_made(WhyBack::Unable, &error))?;
        let summary = ResultSummary {
            transcript: written.transcript,
            ..ResultSummary::of_run(hub.network, held, reference, &run)
        };
        self.hand_in(summary, Some(sealed), &run, written.tokens, task_key)
            .await
    }

    /// A merge without conflicts that passes needs no model.
    async fn merge(&self, opened: &Opened) -> Result<Option<(Written, ExecAnswer)>, NotMade> {
        let merge = opened.merge().await;
        let merge = merge.map_err(|error| not_made(WhyBack::Unable, &error))?;
        let Some(code) = merge.and_then(|merge| merge.text.ok()) else {
            return Ok(None);
        };
        let answer = Answer { code, tests: None };
        let run = self.run_with(opened, &answer).await?;
        let written = Written {
            answer,
            transcript: Hash::of(b""),
            tokens: Tokens(0),
        };
        Ok((run.outcome == Outcome::Ok).then_some((written, run)))
    }

    async fn run_with(&self, opened: &Opened, answer: &Answer) -> Result<ExecAnswer, NotMade> {
        let with = Opened {
            answer: Some(answer.clone()),
            ..opened.clone()
        };
        self.run(&with).await
    }

    /// Asks the model that the lease gives leave for, until what it writes passes.
    async fn agent(
        &self,
        grant: &Grant,
        spec: &TaskSpec,
        opened: &Opened,
    ) -> Result<Written, NotMade> {
        let hub = &self.0;
        let request = opened.request().await;
        let request = request.map_err(|error| not_made(WhyBack::Impossible, &error))?;
        let Some(signed) = &grant.token else {
            return Err(impossible("the lease came without leave to ask a model"));
        };
        let Some(seat) = hub.seat() else {
            return Err(impossible("nobody may give leave at the moment"));
        };
        let token = signed.open_by(seat.holder);
        let token = token.map_err(|error| impossible(error.to_string()))?;
        let model = Recorded::new(SlotModel {
            hub: hub.clone(),
            slot: token.slot,
            token: signed.clone(),
        });
        let card = model.inner.card().await;
        let card = card.map_err(|error| not_made(WhyBack::Unable, &error))?;
        let budget = request.budget.min(token.budget);
        let request = Arc::new(TaskRequest {
            budget,
            ..(*request).clone()
        });
        let config = agent_config(&request, &card);
        let judge = AgentJudge::new(hub.executor.for_others(), request.clone());
        let deadline = Duration::from_millis(spec.deadline_ms);
        // Nobody watches: the steps of a lent task are its submitter's to see.
        let (steps, unseen) = mpsc::channel(1);
        drop(unseen);
        let cancel = CancellationToken::new();
        let _withdraw = cancel.clone().drop_guard();
        let ports = (&model, &judge);
        let solution = solve(config, &request.prompt, deadline, ports, &steps, &cancel).await;
        let (code, tests) = match (solution.outcome, solution.code, solution.judged) {
            (SolveOutcome::Solved | SolveOutcome::Untested, Some(code), Some((tests, _))) => {
                (code, tests)
            }
            (SolveOutcome::Inconclusive, _, _) => return Err(undecided(solution.next)),
            (SolveOutcome::Broken, _, _) => {
                let why = WhyBack::Unable;
                let sentence = solution.next;
                return Err(NotMade { why, sentence });
            }
            (_, _, _) => return Err(unsolved(solution.next)),
        };
        if let Some(path) = opened.writes()
            && !FileKind::of(&path).accepts(code.as_bytes())
        {
            return Err(unsolved(format!(
                "what was written is not what {path} says that it holds"
            )));
        }
        let tests = match tests {
            Tests::Model(text) => Some(text),
            Tests::Given | Tests::None => None,
        };
        Ok(Written {
            answer: Answer { code, tests },
            transcript: model.transcript(),
            tokens: solution.tokens,
        })
    }

    fn seal(&self, key: &TaskKey, name: &str, bytes: &[u8]) -> Result<Vec<u8>, NotMade> {
        let sealed = self.0.seal(key, name, bytes);
        sealed.map_err(|error| not_made(WhyBack::Unable, &error))
    }

    async fn hand_in(
        &self,
        summary: ResultSummary,
        answer: Option<edgecoder_protocol::wire::Sealed>,
        run: &ExecAnswer,
        tokens: Tokens,
        key: &TaskKey,
    ) -> Result<Made, NotMade> {
        let json = serde_json::to_vec(run).map_err(|error| impossible(error.to_string()))?;
        let sealed = self.seal(key, label::REPORT, &json)?;
        let report = self.0.contents.send(sealed).await;
        let report = report.map_err(|error| not_made(WhyBack::Unable, &error))?;
        Ok(Made {
            summary,
            answer,
            report,
            tokens,
        })
    }
}

/// What the agent wrote.
struct Written {
    answer: Answer,
    transcript: Hash,
    tokens: Tokens,
}

/// A model whose prompts and replies are hashed as they come: the transcript that a result commits to.
struct Recorded {
    inner: SlotModel,
    chain: Mutex<Hash>,
}

impl Recorded {
    fn new(inner: SlotModel) -> Self {
        let chain = Mutex::new(Hash::of(b"edgecoder/transcript/1"));
        Self { inner, chain }
    }

    fn transcript(&self) -> Hash {
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Model for Recorded {
    async fn generate(&self, request: GenerateRequest) -> Result<Generation, PortError> {
        let asked = serde_json::to_vec(&request).unwrap_or_default();
        let said = self.inner.generate(request).await?;
        let said_bytes = serde_json::to_vec(&said).unwrap_or_default();
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let link = [chain.0, Hash::of(&asked).0, Hash::of(&said_bytes).0].concat();
        *chain = Hash::of(&link);
        Ok(said)
    }
}

fn unsolved(sentence: String) -> NotMade {
    let why = WhyBack::Unsolved;
    NotMade { why, sentence }
}

/// This machine, or what its owner lends of it, came to no result: nobody's failure, and no word on the task or on the
/// model that wrote for it.
fn undecided(sentence: String) -> NotMade {
    let why = WhyBack::Drained;
    NotMade { why, sentence }
}

/// What a task that only runs code is answered with.
fn nothing() -> ContentRef {
    ContentRef::of(b"")
}
