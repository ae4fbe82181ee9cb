//! What is said to the node of a model.

use serde::{Deserialize, Serialize};

use crate::{
    generation::{GenerateRequest, Generation, ModelCard},
    operator::ErrorObject,
    signed::Signed,
    work::CapabilityToken,
};

/// What a model's node is asked, always with leave: a token that names caller, slot and budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModelAsk {
    /// What the model says of itself.
    Card {
        /// The leave.
        token: Signed<CapabilityToken>,
    },
    /// Answers to a prompt.
    Generate {
        /// The leave.
        token: Signed<CapabilityToken>,
        /// The prompt.
        request: Box<GenerateRequest>,
    },
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModelAnswer {
    /// What the model says of itself.
    Card(Box<ModelCard>),
    /// Answers.
    Generation(Generation),
    /// None, and why.
    Refused(ErrorObject),
}
