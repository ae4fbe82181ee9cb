//! What all parts of a node in a network share: who it is, how it asks others, and who answers here.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use edgecoder_council::Council;
use edgecoder_mesh::{Mesh, Service};
use edgecoder_protocol::{
    Hash, Millis, NetworkId, PeerId, Signed, TaskId,
    key::NodeKey,
    ledger::duty::Seat,
    network::Genesis,
    operator::{ErrorKind, ErrorObject},
    record::LIFE_MAX_MS,
    sealing::{OpenKey, Purpose, TaskKey},
    task::PrivacyClass,
    wire::{self, CONTROL_MAX, Request, Response},
};
use tokio::sync::{Notify, watch};
use zeroize::Zeroizing;

use super::{Contents, Slot, roster::Roster};
use crate::{
    config::Config,
    executor::Executor,
    node::{Clock, Random},
    wiring::Models,
};

/// Own sealed tasks whose key may be asked for: as many as a node has open.
const SEALED_MAX: usize = 1_024;

/// The roles that run here.
#[derive(Default)]
pub struct Roles {
    /// Lends work while it has the duty to, and keeps what whoever has it shares.
    #[cfg(feature = "coordinator")]
    pub coordinator: Option<crate::wiring::Chair>,
    /// Does work.
    #[cfg(feature = "worker")]
    pub worker: Option<(edgecoder_worker::Worker, super::Allowed)>,
    /// Answers for a model.
    pub slot: Option<Slot>,
}

/// How the coordinator stands to this node.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// It has taken this node's record.
    pub registered: bool,
    /// It answered last time.
    pub reachable: bool,
    /// What it said, or what happened, when it did not.
    pub reason: Option<String>,
    /// Whether the offset of its clock is known.
    pub is_measured: bool,
}

/// What all parts share.
pub struct Hub {
    /// The way to others.
    pub mesh: Mesh,
    /// Who this node is.
    pub id: PeerId,
    /// The network.
    pub network: NetworkId,
    /// What it was founded with.
    pub genesis: Genesis,
    /// Whether the network has a secret.
    pub is_private: bool,
    /// Who coordinates, by the ledger.
    pub(super) seats: watch::Receiver<Option<Seat>>,
    /// Somebody who should know does not answer: the ledger may have gone on.
    pub(super) doubt: Notify,
    /// The ledger that this node follows, and its part in deciding it.
    pub council: Council,
    /// Whose this node is.
    pub owner: Option<edgecoder_protocol::record::Owner>,
    pub(super) key: Arc<NodeKey>,
    /// What the node was told.
    pub config: Config,
    /// Where code runs.
    pub executor: Executor,
    /// Where models come from.
    pub models: Arc<dyn Models>,
    /// Sealed bytes.
    pub contents: Contents,
    pub(super) clock: Clock,
    pub(super) random: Random,
    /// Milliseconds that the coordinator's clock is ahead.
    pub(super) offset: AtomicI64,
    pub(super) standing: Mutex<Standing>,
    pub(super) roster: Roster,
    /// Own sealed tasks that are under way.
    pub(super) sealed: Mutex<BTreeMap<TaskId, ()>>,
    /// Own tasks whose user is asked something. No more than are open.
    pub(super) conflicts: Mutex<BTreeMap<TaskId, super::resolve::Open>>,
    /// Limits of others, and what waits for operators.
    pub(super) trust: Mutex<edgecoder_trust::Machine>,
    /// Of the next record.
    pub(super) sequence: AtomicU64,
    /// Set once: roles need the hub.
    pub(super) roles: OnceLock<Roles>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while a lock was held left whole values: each change is one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// This node's time.
    pub fn now(&self) -> Millis {
        (self.clock)()
    }

    /// The coordinator's time, as far as it is known: signed moments are by its clock.
    pub fn network_time(&self) -> Millis {
        let offset = self.offset.load(Ordering::Relaxed);
        Millis(self.now().0.saturating_add_signed(offset))
    }

    /// Fills a buffer with unpredictable bytes.
    pub fn random(&self, buffer: &mut [u8]) {
        (self.random)(buffer);
    }

    /// What signs for this node.
    pub fn key(&self) -> &Arc<NodeKey> {
        &self.key
    }

    /// What opens keys that are wrapped for this node as a reader of whole tasks.
    pub fn open_key(&self) -> OpenKey {
        OpenKey::from_seed(&mut self.derived("edgecoder/node-seal/1", &[]))
    }

    /// The key of this node's own task: the same after a restart.
    pub fn task_key(&self, task: TaskId) -> TaskKey {
        TaskKey::new(&mut self.derived("edgecoder/own-task-key/1", &task.0))
    }

    /// A secret of this node for one purpose: the same after a restart.
    pub(super) fn derived(&self, purpose: &str, of: &[u8]) -> Zeroizing<[u8; 32]> {
        let stored = self.key.to_stored();
        let secret = Zeroizing::new([purpose.as_bytes(), &stored[..], of].concat());
        Zeroizing::new(Hash::of(&secret).0)
    }

    /// The roles that run here.
    pub fn roles(&self) -> Option<&Roles> {
        self.roles.get()
    }

    /// There may be work for the worker here.
    pub fn wake(&self) {
        #[cfg(feature = "worker")]
        if let Some(worker) = self.a_worker() {
            worker.wake();
        }
    }

    /// Seals `content` with `key`.
    ///
    /// # Errors
    /// [`ErrorObject`] only for contents beyond the cipher's bounds.
    pub fn seal(&self, key: &TaskKey, label: &str, content: &[u8]) -> Result<Vec<u8>, ErrorObject> {
        let mut nonce = [0; 24];
        self.random(&mut nonce);
        let sealed = key.seal(label, content, &nonce);
        sealed.map_err(|error| internal(&error))
    }

    /// Asks a peer, or this node itself. Cancel-safe: dropping the future withdraws the request.
    ///
    /// # Errors
    /// A sentence: the peer cannot be reached, did not answer in time, or not with an answer.
    pub async fn ask(
        self: &Arc<Self>,
        peer: PeerId,
        request: Request,
        within: Duration,
    ) -> Result<Response, String> {
        if peer == self.id {
            let answer = self.answer(self.id, request);
            let answer = tokio::time::timeout(within, answer).await;
            return answer.map_err(|_| "no answer came in time".into());
        }
        let body = wire::encode::<_, CONTROL_MAX>(&request).map_err(|error| error.to_string())?;
        let answer = self
            .mesh
            .request(peer, Service::Control, body, within)
            .await;
        let bytes = answer.map_err(|error| error.to_string())?;
        match wire::decode::<Response, CONTROL_MAX>(&bytes) {
            Ok(response) => Ok(response),
            Err(error) => {
                self.mesh
                    .penalise(peer, edgecoder_mesh::Offence::Malformed)
                    .await;
                Err(error.to_string())
            }
        }
    }

    /// What this node answers to `from`.
    pub async fn answer(self: &Arc<Self>, from: PeerId, request: Request) -> Response {
        if let Some(why) = self.turns_away(from).filter(|_| from != self.id) {
            return Response::Refused(why);
        }
        match request {
            Request::AskAdmission { .. } | Request::Desk => self.at_the_desk(from, request),
            Request::Peers { after } => Response::Peers(self.listed(after)),
            Request::Open { held } => self.to_worker(from, held, true).await,
            Request::Stop { held } => self.to_worker(from, held, false).await,
            Request::Key { lease, key } => self.own_key(from, &lease, &key),
            Request::Register(record) => {
                let heard = record.clone();
                let response = self.to_coordinator(from, Request::Register(record)).await;
                if matches!(response, Response::Done { .. }) {
                    self.hear(*heard, LIFE_MAX_MS);
                }
                response
            }
            other => self.to_coordinator(from, other).await,
        }
    }

    #[cfg(feature = "coordinator")]
    async fn to_coordinator(self: &Arc<Self>, from: PeerId, request: Request) -> Response {
        match self.roles().and_then(|roles| roles.coordinator.as_ref()) {
            Some(chair) => match self.limit(from, &request) {
                Ok(()) => chair.answer(self, from, request).await,
                Err(error) => Response::Refused(error),
            },
            None => self.elsewhere(),
        }
    }

    #[cfg(not(feature = "coordinator"))]
    async fn to_coordinator(&self, _: PeerId, _: Request) -> Response {
        self.elsewhere()
    }

    /// This node does not coordinate.
    pub fn elsewhere(&self) -> Response {
        let height = self.council.view().chain.height();
        Response::Elsewhere { height }
    }

    #[cfg(feature = "worker")]
    async fn to_worker(&self, from: PeerId, held: wire::Held, open: bool) -> Response {
        match self.a_worker() {
            Some(worker) if open => worker.opened(from, held).await,
            Some(worker) => worker.stopped(from, held).await,
            None => no_worker(),
        }
    }

    #[cfg(not(feature = "worker"))]
    async fn to_worker(&self, _: PeerId, _: wire::Held, _: bool) -> Response {
        no_worker()
    }

    /// The key of an own sealed task, for whoever the coordinator lent a part of it to.
    fn own_key(
        &self,
        from: PeerId,
        lease: &Signed<edgecoder_protocol::work::SubtaskLease>,
        key: &Signed<edgecoder_protocol::work::LeaseKey>,
    ) -> Response {
        let refuse = |message: &str| {
            let next = "take another subtask";
            Response::Refused(ErrorObject::new(ErrorKind::Policy, message, next))
        };
        let Some(seat) = self.seat() else {
            return refuse("nobody may lend anything at the moment");
        };
        let (Ok(lease), Ok(key)) = (lease.open_by(seat.holder), key.open_by(from)) else {
            return refuse("the lease is not the coordinator's, or the key not the asker's");
        };
        let fits = lease.network == self.network
            && lease.term == seat.term
            && key.network == self.network
            && lease.worker == from
            && lease.key == key.key;
        let task = lease.attempt.task;
        if !fits || !lock(&self.sealed).contains_key(&task) {
            return refuse(
                "the lease does not name this network, this asker, this key and an open task of mine",
            );
        }
        let purpose = Purpose {
            task,
            subtask: lease.attempt.subtask,
            attempt: lease.attempt.attempt,
            reader: from,
            term: lease.term,
        };
        let mut random = [0; 32];
        self.random(&mut random);
        match self.task_key(task).wrap(&key.key, &purpose, &mut random) {
            Ok(wrapped) => Response::Key(wrapped),
            Err(_) => refuse("the key cannot be sealed for"),
        }
    }

    /// Marks an own task as one whose key may be asked for.
    pub(super) fn open_sealed(&self, task: TaskId, class: PrivacyClass) {
        let mut sealed = lock(&self.sealed);
        if class == PrivacyClass::Sealed && sealed.len() < SEALED_MAX {
            sealed.insert(task, ());
        }
    }

    pub(super) fn close_sealed(&self, task: TaskId) {
        lock(&self.sealed).remove(&task);
    }
}

fn no_worker() -> Response {
    let next = "lend it to a node with the role `worker`";
    Response::Refused(ErrorObject::new(
        ErrorKind::Policy,
        "this node does not work",
        next,
    ))
}

/// A fault of this node.
pub(super) fn internal(error: &dyn std::fmt::Display) -> ErrorObject {
    let next = "`edgecoder doctor` looks for what is wrong";
    ErrorObject::new(ErrorKind::Internal, error.to_string(), next)
}
