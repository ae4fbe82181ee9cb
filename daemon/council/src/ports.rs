//! What the council needs from outside: time, and a way to other nodes.

use std::{future::Future, time::Duration};

use edgecoder_protocol::{
    Millis, PeerId,
    wire::{CouncilAnswer, CouncilAsk},
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

    /// A peer sent what no honest one sends.
    fn penalise(&self, peer: PeerId) -> impl Future<Output = ()> + Send;
}
