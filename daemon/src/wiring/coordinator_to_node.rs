//! The coordinator's outside is this node: its mesh, contents, sandbox, models and database.

use std::{sync::Arc, time::Duration};

use edgecoder_agent::decomposition;
use edgecoder_coordinator::{Coordinator, Ground, Need, PeerAsk, Ports, Settings, inspect};
use edgecoder_mesh::{Offence, PublishError};
use edgecoder_node_store::{Store, StoreError};
use edgecoder_protocol::{
    Hash, Millis, PeerId, Signed, TaskId, Tokens,
    generation::{GenerateRequest, Sampling},
    ledger::{
        duty::Seat,
        entry::Body,
        state::{Key, Value},
    },
    operator::{ErrorKind, ErrorObject, ExecAnswer, TaskRequest},
    plan::STEPS_MAX,
    wire::{Held, Kept, Request, Response, Sealed},
    work::{CapabilityToken, ContentRef, Job},
};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    coordinator_to_log,
    coordinator_to_members::{self, Members},
    records::Records,
};
use crate::mesh::{
    Hub, JoinError, Opened, SlotModel, baseline, evidence, execution_of, from_job,
    seat::{self, DUTY, SHARD},
    work_topic,
};

/// Tokens of a plan's text.
const PLAN_TOKENS: Tokens = Tokens(2_048);
/// How long a model may take to plan.
const PLAN_MS: u64 = 60_000;

/// A duty is given back so often until it is.
const GIVE_BACK_EVERY: Duration = Duration::from_millis(500);

/// A node's place as coordinator: taken for as long as the log and a quorum of members say so.
pub struct Chair {
    /// While the lease stands.
    running: watch::Receiver<Option<Coordinator>>,
    records: Records,
}

impl Chair {
    /// The place, and what takes it whenever it is this node's, until `stop`.
    ///
    /// # Errors
    /// [`JoinError`] when records of tasks cannot be read.
    pub async fn new(
        hub: &Arc<Hub>,
        store: Store,
        stop: CancellationToken,
    ) -> Result<(Self, impl Future<Output = ()> + Send + use<>), JoinError> {
        let opened = spawn_blocking(move || Records::open(store)).await;
        let records = opened.map_err(|error| JoinError::Key(error.to_string()))??;
        let (told, running) = watch::channel(None);
        let work = follow(hub.clone(), records.clone(), told, stop);
        Ok((Self { running, records }, work))
    }

    /// What this node answers as coordinator, or as one that keeps tasks for it.
    pub async fn answer(&self, hub: &Arc<Hub>, from: PeerId, request: Request) -> Response {
        if let Request::Keep(_)
        | Request::Unkeep { .. }
        | Request::Marks { .. }
        | Request::Fetch { .. } = &request
        {
            return coordinator_to_members::keep(hub, &self.records, from, request).await;
        }
        let running = self.running.borrow().clone();
        let Some(coordinator) = running else {
            return hub.elsewhere();
        };
        match coordinator.ask(from, request).await {
            Some(Response::Granted { grants, .. }) if !grants.is_empty() => {
                match hub.council.lease_proof(DUTY).await {
                    Some(proof) => Response::Granted { grants, proof },
                    // The lease ran out meanwhile: nothing is lent that nobody may believe.
                    None => hub.elsewhere(),
                }
            }
            // Another takes over, or it is granted the duty anew.
            other => other.unwrap_or_else(|| hub.elsewhere()),
        }
    }

    /// Who may work has changed.
    pub async fn review(&self) {
        let running = self.running.borrow().clone();
        if let Some(coordinator) = running {
            coordinator.review().await;
        }
    }

    /// A node's last connection is closed.
    pub async fn disconnected(&self, peer: PeerId) {
        let running = self.running.borrow().clone();
        if let Some(coordinator) = running {
            coordinator.disconnected(peer).await;
        }
    }
}

/// Coordinates by one grant after the other, whenever it is this node's turn.
async fn follow(
    hub: Arc<Hub>,
    records: Records,
    told: watch::Sender<Option<Coordinator>>,
    stop: CancellationToken,
) {
    let mut held = hub.council.held();
    loop {
        let term = held.borrow_and_update().get(&DUTY).copied();
        if let Some(term) = term
            && !serve(&hub, &records, term, &told, &stop).await
        {
            // What does not coordinate must not be renewed as if it did.
            stop.run_until_cancelled(give_back(&hub, term)).await;
        }
        match stop.run_until_cancelled(held.changed()).await {
            Some(Ok(())) => {}
            // The council has stopped, or the node stops.
            Some(Err(_)) | None => return,
        }
    }
}

/// Coordinates until the log says that this grant is over, or the node stops; false when it did not, or broke off.
async fn serve(
    hub: &Arc<Hub>,
    records: &Records,
    term: u64,
    told: &watch::Sender<Option<Coordinator>>,
    stop: &CancellationToken,
) -> bool {
    let begun = {
        let records = records.clone();
        spawn_blocking(move || Ok((records.begin(term)?, records.list()?)))
    };
    let begun: Result<(bool, Vec<Kept>), StoreError> = match begun.await {
        Ok(begun) => begun,
        Err(error) => {
            tracing::error!(%error, "tasks are not coordinated");
            return false;
        }
    };
    let stored = match begun {
        Ok((true, stored)) => stored,
        // Lent by a life of this node that is no more: a new grant has a new term.
        Ok((false, _)) => return false,
        Err(error) => {
            tracing::error!(%error, "tasks are not coordinated: the database cannot be read");
            return false;
        }
    };
    let quit = stop.child_token();
    let _quit = quit.clone().drop_guard();
    let (holds, held) = watch::channel(true);
    let started = {
        let (hub, records, quit) = (hub.clone(), records.clone(), quit.clone());
        // Thousands of signatures and keys are looked at.
        spawn_blocking(move || start(&hub, &records, term, stored, held, quit)).await
    };
    let (coordinator, mut task) = match started {
        Ok(started) => started,
        Err(error) => {
            tracing::error!(%error, "the coordinator did not start");
            return false;
        }
    };
    let gathering =
        coordinator_to_members::gather(hub.clone(), records.clone(), coordinator.clone());
    told.send_replace(Some(coordinator.clone()));
    let watching = watch_lease(hub, term, |is_held| {
        holds.send_replace(is_held);
        told.send_replace(is_held.then(|| coordinator.clone()));
    });
    let broke_off = tokio::select! {
        biased;
        () = stop.cancelled() => false,
        () = watching => false,
        ended = &mut task => {
            tracing::error!(?ended, "the coordinator broke off");
            true
        }
        () = async { gathering.await; std::future::pending().await } => false,
    };
    told.send_replace(None);
    quit.cancel();
    if !broke_off && let Err(error) = task.await {
        tracing::error!(%error, "the coordinator did not end well");
    }
    !broke_off
}

/// Says whenever the lease runs out or is renewed, until the log says that the grant is over.
async fn watch_lease(hub: &Arc<Hub>, term: u64, mut say: impl FnMut(bool)) {
    let holder = hub.id;
    let (mut view, mut held) = (hub.council.watch(), hub.council.held());
    let mut was_held = true;
    while seat::of(&view.borrow_and_update()) == Some(Seat { holder, term }) {
        let is_held = held.borrow_and_update().get(&DUTY) == Some(&term);
        if is_held != was_held {
            say(is_held);
            was_held = is_held;
        }
        let changed = tokio::select! {
            changed = view.changed() => changed.is_ok(),
            changed = held.changed() => changed.is_ok(),
        };
        if !changed {
            return;
        }
    }
}

/// Says that this node does not coordinate by this grant, until the log does: the others would renew it for ever.
async fn give_back(hub: &Arc<Hub>, term: u64) {
    let (holder, duty) = (hub.id, DUTY);
    let mut view = hub.council.watch();
    while seat::of(&view.borrow_and_update()) == Some(Seat { holder, term }) {
        if let Err(error) = hub.council.enter(Body::Release { duty, term }).await {
            tracing::debug!(%error, "the coordinator's duty is not given back yet");
        }
        // What is known here may be old, and a word that is signed by it no good.
        if let Ok(Err(_)) = timeout(GIVE_BACK_EVERY, view.changed()).await {
            return;
        }
    }
}

fn start(
    hub: &Arc<Hub>,
    records: &Records,
    term: u64,
    stored: Vec<Kept>,
    holds: watch::Receiver<bool>,
    quit: CancellationToken,
) -> (Coordinator, JoinHandle<()>) {
    let settings = Settings {
        genesis: hub.genesis.clone(),
        key: hub.key().clone(),
        open: hub.open_key(),
        shard: SHARD,
        term,
        takes_over: hub
            .council
            .view()
            .chain
            .deciders()
            .is_some_and(|set| set.members().len() > 1),
        holds,
        stored,
        nodes: hub.all_listed(),
    };
    let (log, due) = mpsc::channel(coordinator_to_log::WAITING_MAX);
    let logging = coordinator_to_log::write(hub.clone(), due);
    let until = quit.clone();
    tokio::spawn(async move { until.run_until_cancelled(logging).await });
    let members = Members::new(hub.clone(), records.clone(), term, quit.clone());
    let outside = Outside {
        hub: hub.clone(),
        records: records.clone(),
        members,
        log,
    };
    Coordinator::start(settings, outside, quit)
}

struct Outside {
    hub: Arc<Hub>,
    records: Records,
    members: Arc<Members>,
    log: mpsc::Sender<Body>,
}

fn internal(error: &dyn std::fmt::Display) -> ErrorObject {
    let next = "check free space and permissions of the coordinator's data folder";
    ErrorObject::new(ErrorKind::Internal, error.to_string(), next)
}

impl Ports for Outside {
    fn now(&self) -> Millis {
        self.hub.now()
    }

    fn random(&self, into: &mut [u8]) {
        self.hub.random(into);
    }

    fn refuses(&self, peer: PeerId) -> Option<ErrorObject> {
        self.hub.refuses(peer)
    }

    async fn ask(
        &self,
        peer: PeerId,
        request: Request,
        within: Duration,
    ) -> Result<Response, PeerAsk> {
        self.hub.ask(peer, request, within).await.map_err(PeerAsk)
    }

    async fn load(&self, sealed: &Sealed, from: PeerId) -> Result<Vec<u8>, ErrorObject> {
        self.hub.contents.load(sealed, Some(from)).await
    }

    async fn keep(&self, bytes: Vec<u8>) -> Result<ContentRef, ErrorObject> {
        self.hub.contents.keep(bytes).await
    }

    async fn baseline(&self, job: &Job) -> Result<(), ErrorObject> {
        match job {
            Job::Exec(_) => Ok(()),
            Job::Solve(task) => baseline(&self.hub.executor.for_others(), task).await,
        }
    }

    async fn plan(
        &self,
        task: &TaskRequest,
        slot: PeerId,
        token: Signed<CapabilityToken>,
    ) -> Result<Option<String>, ErrorObject> {
        let model = SlotModel {
            hub: self.hub.clone(),
            slot,
            token,
        };
        let card = model.card().await?;
        let Some(messages) =
            decomposition(&card.prompt_style, &task.prompt, &names(task), STEPS_MAX)
        else {
            return Ok(None);
        };
        let request = GenerateRequest {
            messages,
            prefix: String::new(),
            candidates: 1,
            sampling: Sampling {
                temperature: 0.0,
                top_p: 1.0,
                seed: 0,
            },
            budget: PLAN_TOKENS,
            answer_max: PLAN_TOKENS,
            deadline_ms: PLAN_MS,
        };
        let generation = model.generation(request).await?;
        Ok(generation.candidates.into_iter().next().map(|one| one.text))
    }

    async fn rerun(&self, ground: Ground) -> Result<ExecAnswer, ErrorObject> {
        let opened = opened(ground)?;
        self.hub
            .executor
            .for_others()
            .run(execution_of(&opened).await?, false)
            .await
    }

    async fn announce(&self, needs: Vec<Need>) {
        for need in needs {
            for language in &need.languages {
                let topic = work_topic(self.hub.network, language, need.own_model);
                // The moment makes each announcement another message.
                let body = self.hub.now().0.to_le_bytes().to_vec();
                match self.hub.mesh.publish(&topic, body).await {
                    // Nobody listens, or gossip is off: whoever comes polls first.
                    Ok(()) | Err(PublishError::NoPeers | PublishError::Off) => {}
                    Err(error) => tracing::warn!(%error, "work was not announced"),
                }
                // A worker of this node hears it without gossip.
                self.hub.wake();
            }
        }
    }

    async fn convict(&self, liar: PeerId, held: Held, ground: Ground, report: Vec<u8>) {
        let kept = async {
            let opened = opened(ground)?;
            let run = serde_json::from_slice(&report).map_err(|error| internal(&error))?;
            evidence::keep(&self.hub, liar, held, &opened, &run).await
        };
        match kept.await {
            Ok((path, hash)) => {
                self.hub.charge(liar, hash);
                tracing::info!(peer = %liar, path = %path.display(), %hash, "evidence is kept");
            }
            Err(error) => {
                tracing::warn!(peer = %liar, error = %error.message, "evidence could not be kept");
            }
        }
        self.hub.mesh.penalise(liar, Offence::BadSignature).await;
    }

    async fn penalise(&self, peer: PeerId) {
        self.hub.mesh.penalise(peer, Offence::Malformed).await;
    }

    async fn store(&self, kept: Kept) -> Result<(), ErrorObject> {
        let records = self.records.clone();
        let accepted = inspect(&kept).map_err(|error| internal(&error))?.accepted;
        let put = spawn_blocking(move || {
            records.put(kept, accepted)?;
            records.sync()
        });
        put.await
            .map_err(|error| internal(&error))?
            .map_err(|error| internal(&error))
    }

    fn share(&self, task: TaskId) -> impl Future<Output = Result<(), ErrorObject>> + Send {
        self.members.share(task)
    }

    fn log(&self, body: Body) {
        // The log says less then; what is paid and proven needs more than that to be said.
        if self.log.try_send(body).is_err() {
            tracing::warn!("too much waits for the log: an entry about a task is left out");
        }
    }

    fn is_over(&self, name: Hash) -> bool {
        let view = self.hub.council.view();
        let value = view.chain.state().value(&Key::Task(name));
        matches!(value, Some(Value::Task(task)) if task.result.is_some())
    }

    async fn unstore(&self, task: TaskId) {
        let records = self.records.clone();
        let removed = spawn_blocking(move || records.remove(task)).await;
        // What is left is an ended task, which is removed at a later start.
        match removed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%task, %error, "a record was not removed"),
            Err(error) => tracing::warn!(%task, %error, "a record was not removed"),
        }
    }
}

fn opened(ground: Ground) -> Result<Opened, ErrorObject> {
    from_job(
        ground.job,
        ground.plan.as_deref(),
        ground.step,
        ground.answers,
        ground.answer,
    )
}

fn names(task: &TaskRequest) -> Vec<String> {
    let mut names: Vec<String> = task
        .files
        .0
        .keys()
        .map(|path| path.as_str().to_owned())
        .collect();
    names.push(task.solution.as_str().to_owned());
    names
}
