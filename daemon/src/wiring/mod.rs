//! Who talks to whom: one file an arrow between roles. Only here do role crates meet.

mod agent_to_model;
mod agent_to_sandbox;
mod models;

pub use agent_to_model::AgentModel;
pub use agent_to_sandbox::AgentJudge;
pub use models::{Answer as ModelAnswer, EMBEDDED, LlamaModels, Models, inference_error};
