//! How long a coordinator that takes over needs, from the records that it finds, until it lends the first subtask:
//! with 10,000 of them queued. To that comes what `edgecoder bench mesh --only failover` measures.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark measures time, and what fails in it is its own fault"
)]

use std::{
    collections::BTreeMap,
    future::{Future, ready},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use edgecoder_coordinator::{Coordinator, Ground, Need, PeerAsk, Ports, Settings};
use edgecoder_protocol::{
    Fuel, Hash, Millis, PeerId, ProfileId, RelPath, Signed, TaskId, Tokens,
    key::NodeKey,
    ledger::{entry::Body, members::MemberSet},
    network::Genesis,
    operator::{ErrorKind, ErrorObject, ExecAnswer, Files, TaskRequest},
    record::{ModelOffer, PeerRecord, Role},
    sealing::{OpenKey, Purpose, TaskKey},
    task::PrivacyClass,
    wire::{Held, Kept, Listed, Request, Response, Sealed, Submission},
    work::{CapabilityToken, ContentRef, Job, LeaseKey, Requirements, TaskSpec, label},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const TASKS: usize = 2_500;
/// Of which each task has as many as [`PLAN`] names.
const STEPS: usize = 4;
const ROUNDS: usize = 5;
const PLAN: &str = r#"{"steps": [
 {"id": "a", "prompt": "write a", "writes": "a.py", "needs": []},
 {"id": "b", "prompt": "write b", "writes": "b.py", "needs": []},
 {"id": "c", "prompt": "write c", "writes": "c.py", "needs": []},
 {"id": "d", "prompt": "write d", "writes": "report.py", "needs": ["a", "b", "c"]}]}"#;

/// Stands for the node: keeps records in memory, has a model that plans, and peers that answer nothing.
#[derive(Clone, Default)]
struct Outside {
    kept: Arc<Mutex<BTreeMap<TaskId, Kept>>>,
    drawn: Arc<AtomicU64>,
}

impl Ports for Outside {
    fn now(&self) -> Millis {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Millis(now.as_millis() as u64)
    }

    fn random(&self, into: &mut [u8]) {
        for chunk in into.chunks_mut(8) {
            let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
            let bytes = Hash::of(&drawn.to_le_bytes()).0;
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    fn ask(
        &self,
        _: PeerId,
        _: Request,
        _: Duration,
    ) -> impl Future<Output = Result<Response, PeerAsk>> + Send {
        ready(Err(PeerAsk("nobody is there".into())))
    }

    async fn load(&self, sealed: &Sealed, _: PeerId) -> Result<Vec<u8>, ErrorObject> {
        match sealed {
            Sealed::Inline(bytes) => Ok(bytes.clone()),
            Sealed::Fetch(_) => Err(missing()),
        }
    }

    async fn keep(&self, _: Vec<u8>) -> Result<ContentRef, ErrorObject> {
        Err(missing())
    }

    async fn baseline(&self, _: &Job) -> Result<(), ErrorObject> {
        Ok(())
    }

    async fn plan(
        &self,
        _: &TaskRequest,
        _: PeerId,
        _: Signed<CapabilityToken>,
    ) -> Result<Option<String>, ErrorObject> {
        Ok(Some(PLAN.into()))
    }

    async fn rerun(&self, _: Ground) -> Result<ExecAnswer, ErrorObject> {
        Err(missing())
    }

    async fn announce(&self, _: Vec<Need>) {}

    async fn convict(&self, _: PeerId, _: Held, _: Ground, _: Vec<u8>) {}

    async fn penalise(&self, _: PeerId) {}

    async fn store(&self, kept: Kept) -> Result<(), ErrorObject> {
        self.kept.lock().unwrap().insert(kept.task, kept);
        Ok(())
    }

    fn share(&self, _: TaskId) -> impl Future<Output = Result<(), ErrorObject>> + Send {
        ready(Ok(()))
    }

    fn log(&self, _: Body) {}

    fn refuses(&self, _: PeerId) -> Option<ErrorObject> {
        None
    }

    fn is_over(&self, _: Hash) -> bool {
        false
    }

    async fn unstore(&self, task: TaskId) {
        self.kept.lock().unwrap().remove(&task);
    }
}

fn missing() -> ErrorObject {
    ErrorObject::new(ErrorKind::NotFound, "not in this benchmark", "read it")
}

fn key(number: u8) -> Arc<NodeKey> {
    Arc::new(NodeKey::from_seed(&mut [number; 32]))
}

fn open() -> OpenKey {
    OpenKey::from_seed(&mut [77; 32])
}

fn genesis() -> Genesis {
    Genesis {
        name: "bench".into(),
        operators: vec![key(1).peer_id()],
        members: MemberSet::one(key(2).peer_id()),
        founded: Millis(1),
        salt: [3; 16],
    }
}

/// Two workers, who answer for a model as well.
fn nodes() -> Vec<Listed> {
    let node = |number: u8| {
        let key = key(number);
        let record = PeerRecord {
            network: genesis().id(),
            peer: key.peer_id(),
            seal: open().public().unwrap(),
            owner: None,
            roles: vec![Role::Inference, Role::Worker],
            languages: vec!["python".into()],
            models: vec![ModelOffer {
                name: "model".into(),
                hash: Hash::of(b"model"),
            }],
            slots: 16,
            hours: None,
            profile: ProfileId([0; 32]),
            build: "bench".into(),
            addresses: Vec::new(),
            sequence: 1,
            life_ms: 55_000,
        };
        Listed {
            record: Signed::new(record, &key),
            left_ms: 55_000,
        }
    };
    vec![node(10), node(11)]
}

fn submission(by: &NodeKey, number: usize) -> Submission {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(number as u64).to_be_bytes());
    let id = TaskId(id);
    let task = TaskRequest {
        prompt: "Build a report".into(),
        files: Files::default(),
        tests: None,
        solution: RelPath::new("report.py").unwrap(),
        candidates: 1,
        max_iterations: 1,
        budget: Tokens(1_000),
        deadline_ms: 3_600_000,
        seed: 0,
        limits: None,
        privacy: PrivacyClass::Local,
    };
    let key = TaskKey::new(&mut Hash::of(&id.0).0);
    let bytes = Job::Solve(task).to_bytes().unwrap();
    let job = Sealed::Inline(key.seal(label::JOB, &bytes, &[5; 24]).unwrap());
    let spec = TaskSpec {
        network: genesis().id(),
        id,
        class: PrivacyClass::Mesh,
        requirements: Requirements {
            languages: vec!["python".into()],
            profile: ProfileId([0; 32]),
            model: true,
        },
        content: job.reference(),
        heldout: None,
        tokens: Tokens(1_000),
        fuel: Fuel(1_000_000),
        deadline_ms: 3_600_000,
    };
    let me = self::key(2).peer_id();
    let seal = open().public().unwrap();
    let purpose = Purpose::of_member(id, me);
    let wrapped = key.wrap(&seal, &purpose, &mut Hash::of(&[id.0, [9; 16]].concat()).0);
    Submission {
        spec: Signed::new(spec, by),
        job,
        keys: vec![(me, wrapped.unwrap())],
    }
}

fn start(
    outside: &Outside,
    term: u64,
    stop: &CancellationToken,
) -> (Coordinator, watch::Sender<bool>) {
    let (lease, holds) = watch::channel(true);
    let settings = Settings {
        genesis: genesis(),
        key: key(2),
        open: open(),
        shard: 0,
        term,
        takes_over: true,
        holds,
        stored: outside.kept.lock().unwrap().values().cloned().collect(),
        nodes: nodes(),
    };
    let (coordinator, _) = Coordinator::start(settings, outside.clone(), stop.clone());
    (coordinator, lease)
}

/// Submits all tasks, and waits until each is planned.
async fn queue(outside: &Outside) {
    let stop = CancellationToken::new();
    let (coordinator, _lease) = start(outside, 1, &stop);
    // No submitter may have more than half.
    let submitters = [key(20), key(21)];
    for number in 0..TASKS {
        let by = &submitters[number % 2];
        let request = Request::Submit(Box::new(submission(by, number)));
        let answer = coordinator.ask(by.peer_id(), request).await;
        assert!(matches!(answer, Some(Response::Done { .. })), "{answer:?}");
    }
    let planned = |kept: &Kept| kept.mark.version > 0;
    while outside
        .kept
        .lock()
        .unwrap()
        .values()
        .filter(|one| planned(one))
        .count()
        < TASKS
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
}

/// Seconds from the start of a coordinator until it has lent something.
async fn take_over(outside: &Outside, term: u64) -> f64 {
    let worker = key(10);
    let lease_key = LeaseKey {
        network: genesis().id(),
        key: open().public().unwrap(),
    };
    let request = Request::Take {
        keys: vec![Signed::new(lease_key, &worker)],
        wait_ms: 20_000,
    };
    let stop = CancellationToken::new();
    let began = Instant::now();
    let (coordinator, _lease) = start(outside, term, &stop);
    let answer = coordinator.ask(worker.peer_id(), request).await;
    let took = began.elapsed().as_secs_f64();
    let is_lent = matches!(&answer, Some(Response::Granted { grants, .. }) if grants.len() == 1);
    assert!(is_lent, "{answer:?}");
    stop.cancel();
    took
}

#[tokio::main]
async fn main() {
    let outside = Outside::default();
    queue(&outside).await;
    let mut samples = Vec::new();
    for term in 2..2 + ROUNDS as u64 {
        samples.push(take_over(&outside, term).await);
    }
    samples.sort_by(f64::total_cmp);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "takeover of {} queued subtasks, records to first lease: median {:.2} s of {ROUNDS}, worst {:.2} s (load {})",
        TASKS * STEPS,
        samples[ROUNDS / 2],
        samples[ROUNDS - 1],
        load.split(' ').next().unwrap_or("unknown"),
    );
}
