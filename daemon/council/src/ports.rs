//! What the council needs from outside: time, and a way to other nodes.

use std::{future::Future, time::Duration};

use edgecoder_protocol::{
    Millis, PeerId,
    wire::{CouncilAnswer, CouncilAsk, CouncilWord},
};

/// What the council needs from outside.
pub trait Ports: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Millis;

    /// Time since some moment before the start, by a clock that only goes forward and goes on while the machine is
    /// suspended.
    fn uptime(&self) -> Duration;

    /// Asks a peer; `None` when no answer came in time. Cancel-safe: dropping it withdraws the question.
    fn ask(
        &self,
        peer: PeerId,
        ask: CouncilAsk,
    ) -> impl Future<Output = Option<CouncilAnswer>> + Send;

    /// Puts a word on its way to a member, after the words before it of its kind; false when there is no way that keeps
    /// their order, or too much is on it, and then the member can still be asked. Whether it arrives is not told.
    fn say(&self, peer: PeerId, word: &CouncilWord) -> bool;

    /// A peer sent what no honest one sends.
    fn penalise(&self, peer: PeerId) -> impl Future<Output = ()> + Send;
}
