//! What work for others may use of this machine, in the words of the operator API.

use edgecoder_protocol::{Bytes, operator::WorkerView};
use edgecoder_sandbox::InForce;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::NodeHandle;

/// `GET /v1/worker`, and the answer to whatever changes what it does: the worker, and what bounds its executions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BoundedWorker {
    /// The worker.
    #[serde(flatten)]
    pub worker: WorkerView,
    /// What bounds its executions.
    pub bounds: BoundsView,
}

/// What executions for others may use together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BoundsView {
    /// What keeps it: `none`, `cgroup v2`, `cgroup v1`, or `rlimit and nice`.
    pub layer: String,
    /// Percent of the processors, as it is set; 100 bounds nothing.
    pub cpu_percent: u32,
    /// Memory, as it is set; absent: not bounded.
    pub memory: Option<Bytes>,
    /// What the layer guarantees of that, in a sentence's part.
    pub guarantee: String,
}

impl From<Option<InForce>> for BoundsView {
    fn from(found: Option<InForce>) -> Self {
        match found {
            Some(in_force) => Self {
                layer: in_force.layer.as_str().into(),
                cpu_percent: in_force.bounds.cpu_percent,
                memory: in_force.bounds.memory,
                guarantee: in_force.to_string(),
            },
            None => Self {
                layer: "none".into(),
                cpu_percent: 100,
                memory: None,
                guarantee: "work for others may use what there is".into(),
            },
        }
    }
}

impl NodeHandle {
    /// `worker` with what bounds its executions.
    pub fn bounded(&self, worker: WorkerView) -> BoundedWorker {
        let bounds = self.inner.executor.bounds().into();
        BoundedWorker { worker, bounds }
    }
}
