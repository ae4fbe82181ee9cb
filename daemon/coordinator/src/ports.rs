//! What a coordinator needs from outside: time, peers, sealed bytes, a sandbox and a model, somewhere to keep things.

use std::{collections::BTreeMap, future::Future, time::Duration};

use edgecoder_protocol::{
    Hash, Millis, PeerId, Signed, TaskId,
    ledger::entry::Body,
    operator::{ErrorObject, ExecAnswer, TaskRequest},
    wire::{Held, Kept, Request, Response, Sealed},
    work::{CapabilityToken, ContentRef, Job},
};

use crate::Need;

/// Everything that one attempt's execution is made from, in clear.
#[derive(Clone, Debug, PartialEq)]
pub struct Ground {
    /// What the task asks for.
    pub job: Job,
    /// The model's reply that its plan is read from; one step without.
    pub plan: Option<String>,
    /// Which step.
    pub step: u16,
    /// Answers of earlier steps.
    pub answers: BTreeMap<u16, Vec<u8>>,
    /// The answer that is judged, for a task that has one.
    pub answer: Option<Vec<u8>>,
}

/// A question to a peer that was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PeerAsk(pub String);

/// What a coordinator needs from outside. Futures are cancel-safe: dropping one withdraws what it does.
pub trait Ports: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Millis;

    /// Fills a buffer with unpredictable bytes.
    fn random(&self, into: &mut [u8]);

    /// Why nothing is lent to a peer, where the network's operators have not admitted it, or no more. Asked at each of
    /// its requests for work: it must not take long.
    fn refuses(&self, peer: PeerId) -> Option<ErrorObject>;

    /// Asks a peer.
    fn ask(
        &self,
        peer: PeerId,
        request: Request,
        within: Duration,
    ) -> impl Future<Output = Result<Response, PeerAsk>> + Send;

    /// The bytes that `sealed` stands for; fetched from `from` or whoever has them, and kept for others to fetch.
    fn load(
        &self,
        sealed: &Sealed,
        from: PeerId,
    ) -> impl Future<Output = Result<Vec<u8>, ErrorObject>> + Send;

    /// Keeps bytes for others to fetch.
    fn keep(&self, bytes: Vec<u8>) -> impl Future<Output = Result<ContentRef, ErrorObject>> + Send;

    /// Runs the task's tests on the unsolved state.
    ///
    /// # Errors
    /// [`ErrorObject`] when that shows that nobody should work on it.
    fn baseline(&self, job: &Job) -> impl Future<Output = Result<(), ErrorObject>> + Send;

    /// Asks the model at `slot` for a plan; `None` when one step is as good. The reply is not believed: it is read as
    /// [`edgecoder_protocol::plan::Plan`].
    fn plan(
        &self,
        task: &TaskRequest,
        slot: PeerId,
        token: Signed<CapabilityToken>,
    ) -> impl Future<Output = Result<Option<String>, ErrorObject>> + Send;

    /// Runs an attempt's execution here.
    fn rerun(&self, ground: Ground)
    -> impl Future<Output = Result<ExecAnswer, ErrorObject>> + Send;

    /// Tells the network that there is work of these kinds.
    fn announce(&self, needs: Vec<Need>) -> impl Future<Output = ()> + Send;

    /// Somebody signed what is not so: keeps the evidence (the execution, and `report`, which its signer sealed for
    /// the task's readers) for anybody to check, and treats the peer accordingly.
    fn convict(
        &self,
        liar: PeerId,
        held: Held,
        ground: Ground,
        report: Vec<u8>,
    ) -> impl Future<Output = ()> + Send;

    /// A peer sent what no honest node sends: a signature that does not hold, or what is not what it fixed.
    fn penalise(&self, peer: PeerId) -> impl Future<Output = ()> + Send;

    /// Keeps a task's record, durably.
    fn store(&self, kept: Kept) -> impl Future<Output = Result<(), ErrorObject>> + Send;

    /// Has other members keep a task as it is stored here, or forget it if it is not. Begun by the call; the future
    /// ends when so many keep it that one of them is honest, and dropping it withdraws no more than the waiting.
    ///
    /// # Errors
    /// [`ErrorObject`] when too few can be reached.
    fn share(&self, task: TaskId) -> impl Future<Output = Result<(), ErrorObject>> + Send;

    /// Puts something into the log, soon. What the log does not take is said by nobody else.
    fn log(&self, body: Body);

    /// Whether the log says that the task of this name is over.
    fn is_over(&self, name: Hash) -> bool;

    /// Removes a task's record.
    fn unstore(&self, task: TaskId) -> impl Future<Output = ()> + Send;
}
