//! Who talks to whom: one file an arrow between roles. Only here do role crates meet.

mod agent_to_model;
mod agent_to_sandbox;
#[cfg(feature = "coordinator")]
mod coordinator_to_log;
#[cfg(feature = "coordinator")]
mod coordinator_to_members;
#[cfg(feature = "coordinator")]
mod coordinator_to_node;
mod council_to_node;
mod models;
#[cfg(feature = "coordinator")]
mod records;
#[cfg(feature = "worker")]
mod worker_to_coordinator;
#[cfg(feature = "worker")]
mod worker_to_node;

pub use agent_to_model::AgentModel;
pub use agent_to_sandbox::{AgentJudge, port_error};
#[cfg(feature = "coordinator")]
pub use coordinator_to_node::Chair;
pub use council_to_node::{
    Past, Running as RunningCouncil, council_folder, local_genesis, start_alone,
};
#[cfg(feature = "mesh")]
pub use council_to_node::{hear, members_with, start_council};
pub use models::{Answer as ModelAnswer, EMBEDDED, LlamaModels, Models, inference_error};
#[cfg(feature = "worker")]
pub use worker_to_node::start_worker;
