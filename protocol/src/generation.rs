//! What can be asked of a model, and what it answers; the same for every provider.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::units::Tokens;

/// Who speaks in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// Instructions that frame the chat.
    System,
    /// The person, or the agent on their behalf.
    User,
    /// The model.
    Assistant,
}

/// One turn of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Who speaks.
    pub role: Speaker,
    /// What they say.
    pub content: String,
}

/// How tokens are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sampling {
    /// 0 takes the likeliest token always.
    pub temperature: f32,
    /// Keeps the likeliest tokens that hold this share of probability.
    pub top_p: f32,
    /// Seeds the choice; candidate `i` uses `seed + i`.
    pub seed: u32,
}

/// A request for `candidates` independent answers to one prompt, decoded in one batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GenerateRequest {
    /// The chat so far.
    pub messages: Vec<Message>,
    /// How the answer begins, given to the model as already said; part of each answer's text.
    pub prefix: String,
    /// Answers wanted, 1 to [`CANDIDATES_MAX`].
    pub candidates: u32,
    /// How tokens are chosen. With several candidates the first is taken greedily.
    pub sampling: Sampling,
    /// Tokens that all candidates together may take.
    pub budget: Tokens,
    /// Tokens that one answer may take.
    pub answer_max: Tokens,
    /// Milliseconds until the request ends as [`FinishReason::Deadline`].
    pub deadline_ms: u64,
}

/// Candidates of one request: the sequences a context is made for.
pub const CANDIDATES_MAX: u32 = 16;

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FinishReason {
    /// The model said so.
    Stop,
    /// The answer's or the request's budget, or the model's context, was used up.
    Length,
    /// The deadline passed.
    Deadline,
    /// The caller went away or cancelled.
    Cancelled,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Candidate {
    /// The text, the request's prefix included.
    pub text: String,
    /// Why it ended.
    pub finish: FinishReason,
    /// Mean natural-log probability per generated token: how sure the model was.
    pub mean_logprob: f32,
    /// Tokens generated.
    pub tokens: Tokens,
}

/// All answers to one request, in the order of their seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Generation {
    /// The answers.
    pub candidates: Vec<Candidate>,
    /// Tokens of the prompt, counted once.
    pub prompt_tokens: Tokens,
    /// Tokens generated, all candidates.
    pub generated_tokens: Tokens,
}

/// What a loaded model says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelCard {
    /// Its name, from the file.
    pub name: String,
    /// blake3 of the file.
    pub hash: crate::ids::Hash,
    /// Bytes of the file.
    pub size: crate::units::Bytes,
    /// Parameters.
    pub parameters: u64,
    /// Tokens of context it was trained for.
    pub context: u32,
    /// How prompts are worded for it: `seedling/1` for the embedded model, else `chat`.
    pub prompt_style: String,
    /// Mean log-probability below which an answer is declined; absent for models that do not say.
    pub decline_below: Option<f32>,
    /// Temperature at which its samples differ and still make sense; absent for models that do not say.
    pub sample_temperature: Option<f32>,
}
