//! A whole worker against a coordinator and a workshop that the test plays itself, under Tokio's paused clock.

mod faults;
mod leases;
mod life;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use edgecoder_protocol::{
    EvidenceClass, Fuel, Hash, Millis, NetworkId, Outcome, PeerId, ProfileId, Signed, TaskId,
    Tokens,
    key::NodeKey,
    ledger::duty::Seat,
    operator::ErrorKind,
    sealing::{OpenKey, SealKey},
    task::PrivacyClass,
    wire::{Commit, Grant, Held, Request, Response, Sealed, WhyBack},
    work::{
        AttemptId, ContentRef, LeaseKey, Part, Requirements, ResultSummary, SubtaskLease, TaskSpec,
    },
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    AskError, Coordinator, Host, Made, NotMade, Policy, Ports, Stage, Status, Worker, Workshop,
};

const NETWORK: NetworkId = NetworkId([9; 32]);

type Reply = oneshot::Sender<Result<Response, AskError>>;

/// Work; no proof comes with it, since who reads that is the way to the coordinator.
fn given(grants: Vec<Grant>) -> Response {
    let proof = Vec::new();
    Response::Granted { grants, proof }
}

/// Stands for the way to the coordinator: whatever is asked waits until the test answers.
struct Line(mpsc::Sender<(Request, Reply)>, watch::Sender<Option<Seat>>);

impl Coordinator for Line {
    async fn ask(&self, request: Request, _: Duration) -> Result<Response, AskError> {
        let gone = || AskError::Unreachable("the test has ended".into());
        let (reply, answer) = oneshot::channel();
        self.0.send((request, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    fn seat(&self) -> watch::Receiver<Option<Seat>> {
        self.1.subscribe()
    }
}

/// What the test makes of a piece of work.
enum Deed {
    Made(Box<Made>),
    NotMade(NotMade),
    Panic,
    /// Goes on for ever, and does not hear that it was cancelled.
    Deaf,
}

/// Work that was begun.
struct Begun {
    grant: Grant,
    key: OpenKey,
    stop: CancellationToken,
    deed: oneshot::Sender<Deed>,
}

/// Stands for agent and sandbox: does what the test says, and stops when it is cancelled.
struct Bench(mpsc::Sender<Begun>);

impl Workshop for Bench {
    async fn work(
        &self,
        grant: Grant,
        key: OpenKey,
        stop: CancellationToken,
    ) -> Result<Made, NotMade> {
        let (deed, told) = oneshot::channel();
        let begun = Begun {
            grant,
            key,
            stop: stop.clone(),
            deed,
        };
        self.0.send(begun).await.ok();
        let deed = tokio::select! {
            () = stop.cancelled() => Deed::NotMade(NotMade {
                why: WhyBack::Drained,
                sentence: "Cancelled.".into(),
            }),
            told = told => told.unwrap_or(Deed::Deaf),
        };
        match deed {
            Deed::Made(made) => Ok(*made),
            Deed::NotMade(not_made) => Err(not_made),
            Deed::Panic => panic!("on purpose"),
            Deed::Deaf => std::future::pending().await,
        }
    }
}

/// Stands for the machine: Tokio's clock, and bytes that are all different.
struct Computer {
    start: Instant,
    drawn: AtomicU64,
}

impl Host for Computer {
    fn now(&self) -> Millis {
        Millis(1_000_000).after(self.start.elapsed())
    }

    fn random(&self, to: &mut [u8]) {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed) + 1;
        to.fill(0);
        to[..8].copy_from_slice(&drawn.to_le_bytes());
    }

    fn minute_of_day_utc(&self) -> u16 {
        720
    }

    fn is_idle(&self) -> bool {
        true
    }
}

fn node() -> NodeKey {
    NodeKey::from_seed(&mut [3; 32])
}

fn chief() -> NodeKey {
    NodeKey::from_seed(&mut [4; 32])
}

/// A worker with everything around it.
struct World {
    worker: Worker,
    task: JoinHandle<()>,
    stop: CancellationToken,
    asks: mpsc::Receiver<(Request, Reply)>,
    works: mpsc::Receiver<Begun>,
    /// What heartbeats named; they are answered by the way.
    beats: Vec<Vec<Held>>,
    /// Requests for work that wait for an answer.
    takes: Vec<(Vec<Signed<LeaseKey>>, Reply)>,
}

impl World {
    fn new(slots: u32) -> Self {
        let (line, asks) = mpsc::channel(8);
        let (bench, works) = mpsc::channel(8);
        let host = Computer {
            start: Instant::now(),
            drawn: AtomicU64::new(0),
        };
        let seat = Seat {
            holder: chief().peer_id(),
            term: 3,
        };
        let ports = Ports {
            coordinator: Line(line, watch::channel(Some(seat)).0),
            workshop: Bench(bench),
            host,
        };
        let policy = Policy {
            slots,
            hours: None,
            only_when_idle: false,
        };
        let stop = CancellationToken::new();
        let (worker, task) = Worker::spawn(policy, ports, Arc::new(node()), NETWORK, stop.clone());
        Self {
            worker,
            task,
            stop,
            asks,
            works,
            beats: Vec::new(),
            takes: Vec::new(),
        }
    }

    /// The next request that is no heartbeat; those are answered.
    async fn next(&mut self) -> (Request, Reply) {
        let next = async {
            loop {
                match self.asks.recv().await.expect("the worker has ended") {
                    (Request::Heartbeat { held }, reply) => {
                        self.beats.push(held);
                        reply.send(Ok(done())).ok();
                    }
                    other => return other,
                }
            }
        };
        soon(next).await
    }

    /// The next request that is not for work either; those wait.
    async fn asked(&mut self) -> (Request, Reply) {
        let asked = async {
            loop {
                match self.next().await {
                    (Request::Take { keys, .. }, reply) => self.takes.push((keys, reply)),
                    other => return other,
                }
            }
        };
        soon(asked).await
    }

    async fn take(&mut self) -> (Vec<Signed<LeaseKey>>, Reply) {
        if let Some(take) = self.takes.pop() {
            return take;
        }
        match self.next().await {
            (Request::Take { keys, wait_ms }, reply) => {
                assert_eq!(wait_ms, 4_000);
                (keys, reply)
            }
            (other, _) => panic!("{other:?} instead of a request for work"),
        }
    }

    async fn committed(&mut self) -> (Commit, Reply) {
        match self.asked().await {
            (Request::Commit(commit), reply) => (*commit, reply),
            (other, _) => panic!("{other:?} instead of a commitment"),
        }
    }

    async fn given_back(&mut self) -> (Held, WhyBack, String, Reply) {
        match self.asked().await {
            (
                Request::GiveBack {
                    held,
                    why,
                    sentence,
                },
                reply,
            ) => (held, why, sentence, reply),
            (other, _) => panic!("{other:?} instead of a returned lease"),
        }
    }

    /// Grants `subtask` and waits for its work to begin.
    async fn begin(&mut self, subtask: u16) -> Begun {
        let (keys, reply) = self.take().await;
        reply
            .send(Ok(given(vec![grant(lease(subtask, &keys[0]))])))
            .ok();
        soon(self.works.recv()).await.expect("no work")
    }

    /// Waits until the status is so.
    async fn until(&self, so: impl Fn(&Status) -> bool) {
        let mut status = self.worker.clone().status;
        soon(status.wait_for(so))
            .await
            .expect("the worker has ended");
    }

    fn stages(&self) -> Vec<(u16, Stage)> {
        let held = self.worker.status().held.into_iter();
        held.map(|holding| (holding.held.attempt.subtask, holding.stage))
            .collect()
    }
}

/// Fails instead of waiting for ever, on the paused clock.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(300), what).await;
    waited.expect("it waits in vain")
}

fn done() -> Response {
    Response::Done { now: Millis(0) }
}

fn attempt(subtask: u16) -> AttemptId {
    AttemptId {
        task: TaskId([7; 16]),
        subtask,
        attempt: 1,
    }
}

fn held(subtask: u16) -> Held {
    Held {
        attempt: attempt(subtask),
        part: Part::Author,
        term: 3,
    }
}

/// A lease that is as it must be, for an offered key.
fn lease(subtask: u16, key: &Signed<LeaseKey>) -> SubtaskLease {
    let offered = key.open_by(node().peer_id()).expect("the node's own");
    assert_eq!(offered.network, NETWORK);
    SubtaskLease {
        network: NETWORK,
        attempt: attempt(subtask),
        part: Part::Author,
        worker: node().peer_id(),
        key: offered.key,
        term: 3,
        granted: Millis(5),
    }
}

fn grant(lease: SubtaskLease) -> Grant {
    grant_by(lease, &chief())
}

fn grant_by(lease: SubtaskLease, signer: &NodeKey) -> Grant {
    let spec = TaskSpec {
        network: NETWORK,
        id: lease.attempt.task,
        class: PrivacyClass::Mesh,
        requirements: Requirements {
            languages: vec!["python".into()],
            profile: ProfileId([5; 32]),
            model: false,
        },
        content: ContentRef::of(b"job"),
        heldout: None,
        tokens: Tokens(100),
        fuel: Fuel(1_000),
        deadline_ms: 60_000,
    };
    Grant {
        lease: Signed::new(lease, signer),
        spec: Signed::new(spec, &NodeKey::from_seed(&mut [8; 32])),
        job: Sealed::Inline(b"job".to_vec()),
        plan: None,
        answers: Vec::new(),
        answer: None,
        key: None,
        token: None,
        hints: Vec::new(),
    }
}

fn made(subtask: u16) -> Made {
    Made {
        summary: ResultSummary {
            network: NETWORK,
            attempt: attempt(subtask),
            part: Part::Author,
            term: 3,
            answer: ContentRef::of(b"answer"),
            receipt: Hash([6; 32]),
            shown: Hash([12; 32]),
            outcome: Outcome::Ok,
            evidence: EvidenceClass::Cases,
            fuel: Fuel(7),
            transcript: Hash([8; 32]),
        },
        answer: Some(Sealed::Inline(b"answer".to_vec())),
        report: Sealed::Inline(b"report".to_vec()),
        tokens: Tokens(11),
    }
}

fn refusal(response: &Response) -> Option<ErrorKind> {
    match response {
        Response::Refused(error) => Some(error.kind),
        _ => None,
    }
}
