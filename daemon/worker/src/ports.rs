//! What a worker needs from outside: a coordinator to ask, a workshop that does the work, and its host.

use std::{future::Future, time::Duration};

use edgecoder_protocol::{
    Millis, Tokens,
    ledger::duty::Seat,
    sealing::OpenKey,
    wire::{Grant, Request, Response, Sealed, WhyBack},
    work::ResultSummary,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::AskError;

/// The coordinator, over the mesh or in this process.
pub trait Coordinator: Send + Sync {
    /// Asks it once; whoever implements this neither repeats nor keeps the request. Cancel-safe: dropping the future
    /// withdraws the request, which may have been seen.
    ///
    /// # Errors
    /// [`AskError`]; [`AskError::Timeout`] after `within`.
    fn ask(
        &self,
        request: Request,
        within: Duration,
    ) -> impl Future<Output = Result<Response, AskError>> + Send;

    /// Who it is, and by which grant; nobody while the duty is vacant. What is lent by any other grant counts for
    /// nothing.
    fn seat(&self) -> watch::Receiver<Option<Seat>>;
}

/// What came of work. What is inline is at most [`INLINE_MAX`](edgecoder_protocol::wire::INLINE_MAX).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// What the worker signs.
    pub summary: ResultSummary,
    /// The sealed answer; none from a checker, nor for a task that only runs code.
    pub answer: Option<Sealed>,
    /// The whole answer of the execution with its receipt, sealed for the task's readers.
    pub report: Sealed,
    /// Tokens that models generated for it.
    pub tokens: Tokens,
}

/// Work that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotMade {
    /// In one word.
    pub why: WhyBack,
    /// In a sentence; what is longer than a message may carry is cut.
    pub sentence: String,
}

/// Who does the work.
pub trait Workshop: Send + Sync {
    /// Does what `grant` asks for; what is sealed opens with `key`. The lease was checked: the coordinator signed it
    /// for this network, node and key. The rest of the grant was not, and may be anything.
    ///
    /// Ends soon after `stop` was cancelled, with whatever; the future is dropped if it does not.
    ///
    /// # Errors
    /// [`NotMade`] when there is no result.
    fn work(
        &self,
        grant: Grant,
        key: OpenKey,
        stop: CancellationToken,
    ) -> impl Future<Output = Result<Made, NotMade>> + Send;
}

/// The machine that the worker runs on. None of these may block.
pub trait Host: Send + Sync {
    /// Now. It never goes back while the worker runs, whatever is done to the machine's clock.
    fn now(&self) -> Millis;

    /// Fills `to` with bytes that nobody can guess.
    fn random(&self, to: &mut [u8]);

    /// Minutes since midnight, UTC.
    fn minute_of_day_utc(&self) -> u16;

    /// Whether nobody else uses the machine.
    fn is_idle(&self) -> bool;
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Ports<C, W, H> {
    /// Who is asked.
    pub coordinator: C,
    /// Who works.
    pub workshop: W,
    /// What it runs on.
    pub host: H,
}
