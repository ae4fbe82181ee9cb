//! The agent's model is whatever provider the node has active.

use std::sync::Arc;

use edgecoder_agent::{Model, PortError};
use edgecoder_inference::Provider;
use edgecoder_protocol::generation::{GenerateRequest, Generation};
use tokio_util::sync::CancellationToken;

use super::{agent_to_sandbox::port_error, models::inference_error};

/// One task's access to the active model.
pub struct AgentModel(pub Arc<dyn Provider>);

impl Model for AgentModel {
    async fn generate(&self, request: GenerateRequest) -> Result<Generation, PortError> {
        let cancel = CancellationToken::new();
        // Dropping this future (deadline, cancellation) withdraws the request from the model.
        let _withdraw = cancel.clone().drop_guard();
        let answer = self.0.generate(request, None, cancel).await;
        answer.map_err(|error| port_error(inference_error(&error)))
    }
}
