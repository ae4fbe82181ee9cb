//! What every source of text offers.

use std::{future::Future, pin::Pin};

use edgecoder_protocol::generation::{GenerateRequest, Generation, ModelCard};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::InferenceError;

/// A sensible capacity for a channel of [`Delta`]s. When it is full the request's later text waits and
/// is joined into fewer, longer pieces; other requests are not held up.
pub const DELTAS: usize = 64;

/// A piece of an answer as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// Which answer, from 0.
    pub candidate: u32,
    /// What follows the pieces before it; the request's prefix comes first.
    pub text: String,
}

/// A future of a [`Provider`]: boxed, so that providers can be chosen at run time.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, InferenceError>> + Send + 'a>>;

/// A source of text.
pub trait Provider: Send + Sync {
    /// Answers one request.
    ///
    /// `sink` receives the answers as they are written. Once the model has begun, `cancel` and the
    /// deadline end the answers where they are, and the generation says so; before, they are errors.
    /// Cancel-safe: dropping the future cancels the request.
    fn generate(
        &self,
        request: GenerateRequest,
        sink: Option<mpsc::Sender<Delta>>,
        cancel: CancellationToken,
    ) -> Boxed<'_, Generation>;

    /// What the model says of itself; loads it if need be. Cancel-safe.
    fn card(&self) -> Boxed<'_, ModelCard>;
}
