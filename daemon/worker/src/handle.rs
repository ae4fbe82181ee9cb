//! Talks to a running worker.

use std::sync::Arc;

use edgecoder_protocol::{
    NetworkId, PeerId,
    key::NodeKey,
    operator::{ErrorKind, ErrorObject},
    wire::{Held, Response},
};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Coordinator, Host, Input, Policy, Ports, Status, Workshop,
    actor::{self, Actor},
    checks::Parties,
};

/// Requests the mailbox holds before senders wait: the owner's few, and a coordinator's burst of openings.
const MAILBOX: usize = 64;

/// What is asked of the actor.
#[derive(Debug)]
pub(crate) enum Command {
    /// Something the owner wants.
    Owner(Input, oneshot::Sender<()>),
    /// A peer wants a commitment opened.
    Open(PeerId, Held, oneshot::Sender<Response>),
    /// A peer says to stop working.
    Stop(PeerId, Held, oneshot::Sender<Response>),
}

/// A running worker. Cheap to clone; dropping all clones does not stop it.
///
/// Every async method waits while the mailbox is full, and is cancel-safe: dropped before it was sent, the request has
/// no effect, after it stands.
#[derive(Clone, Debug)]
pub struct Worker {
    mailbox: mpsc::Sender<Command>,
    wake: Arc<Notify>,
    pub(crate) status: watch::Receiver<Status>,
}

impl Worker {
    /// Starts a worker of the node with `key` in `network`, for whoever coordinates it. It runs until `stop` is cancelled, then
    /// ends within 2 s; the caller joins the task. Must be called inside a Tokio runtime.
    pub fn spawn<C, W, H>(
        policy: Policy,
        ports: Ports<C, W, H>,
        key: Arc<NodeKey>,
        network: NetworkId,
        stop: CancellationToken,
    ) -> (Self, JoinHandle<()>)
    where
        C: Coordinator + 'static,
        W: Workshop + 'static,
        H: Host + 'static,
    {
        let parties = Parties {
            network,
            worker: key.peer_id(),
        };
        let (mailbox, inbox) = mpsc::channel(MAILBOX);
        let wake = Arc::new(Notify::new());
        let (actor, status) = Actor::new(policy, ports, key, parties);
        let calls = actor::Calls {
            inbox,
            wake: wake.clone(),
        };
        let task = tokio::spawn(actor.run(calls, stop));
        let handle = Self {
            mailbox,
            wake,
            status,
        };
        (handle, task)
    }

    /// Takes nothing new until [`Worker::resume`]; what is held is finished.
    pub async fn pause(&self) {
        self.tell(Input::Pause).await;
    }

    /// Takes work again, after [`Worker::pause`] or [`Worker::drain`].
    pub async fn resume(&self) {
        self.tell(Input::Resume).await;
    }

    /// Finishes what is held and takes nothing new: [`Worker::status`] shows when nothing is left.
    pub async fn drain(&self) {
        self.tell(Input::Drain).await;
    }

    /// Works by another policy from now on; what is held is finished in any case.
    pub async fn set_policy(&self, policy: Policy) {
        self.tell(Input::Policy(policy)).await;
    }

    /// There may be work: the coordinator is asked at once. Never waits; calls in quick succession are one.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// How it is doing. After it has stopped, how it was at its end.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Answers [`Request::Open`](edgecoder_protocol::wire::Request::Open) by `from`: the opening, for the coordinator
    /// and once it has confirmed the commitment, else a refusal. Asked again within 120 s it is the same opening.
    pub async fn opened(&self, from: PeerId, held: Held) -> Response {
        self.answer(|reply| Command::Open(from, held, reply)).await
    }

    /// Answers [`Request::Stop`](edgecoder_protocol::wire::Request::Stop) by `from`: when it is the coordinator, the
    /// work is cancelled and the lease forgotten; else a refusal.
    pub async fn stopped(&self, from: PeerId, held: Held) -> Response {
        self.answer(|reply| Command::Stop(from, held, reply)).await
    }

    async fn tell(&self, input: Input) {
        let (reply, done) = oneshot::channel();
        if self
            .mailbox
            .send(Command::Owner(input, reply))
            .await
            .is_ok()
        {
            // A worker that has stopped takes nothing and holds nothing: all of these are then true.
            done.await.ok();
        }
    }

    async fn answer(&self, command: impl FnOnce(oneshot::Sender<Response>) -> Command) -> Response {
        let (reply, answer) = oneshot::channel();
        if self.mailbox.send(command(reply)).await.is_ok()
            && let Ok(answer) = answer.await
        {
            return answer;
        }
        Response::Refused(ErrorObject::new(
            ErrorKind::Conflict,
            "This node's worker has stopped.",
            "Lend the subtask to another worker.",
        ))
    }
}
