//! What one task may use.

use edgecoder_protocol::{Tokens, generation::CANDIDATES_MAX};

use crate::prompt::Style;

/// Most candidates of one attempt.
pub const CONFIG_MAX_CANDIDATES: u32 = CANDIDATES_MAX;

/// Temperature for models that name none: published coder models are sampled between 0.6 and 1.
pub const TEMPERATURE: f32 = 0.8;

/// Limits and manner of one task.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Answers sampled at each attempt.
    pub candidates: u32,
    /// Attempts, the first included.
    pub iterations_max: u32,
    /// Tokens that all attempts may generate.
    pub budget: Tokens,
    /// Tokens of one answer.
    pub answer_max: Tokens,
    /// Milliseconds one request to the model may take.
    pub request_deadline_ms: u64,
    /// Seed of sampling.
    pub seed: u32,
    /// How prompts are worded for the model.
    pub style: Style,
    /// Mean log-probability of the greedy answer below which the model does not know what it says.
    pub decline_below: Option<f32>,
    /// Temperature of candidates after the first.
    pub temperature: f32,
    /// Whether the user gave tests.
    pub has_tests: bool,
    /// The function that the tests call, when they name one.
    pub entry: Option<String>,
    /// The text of the tests, for models that can read it; held-out cases are not in it.
    pub tests_text: String,
}
