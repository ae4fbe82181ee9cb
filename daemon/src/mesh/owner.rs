//! What a worker's owner sees and decides, in the words of the operator API.

use std::sync::Mutex;

use edgecoder_protocol::{
    operator::{BoundsView, HeldView, PolicyRequest, WorkerState, WorkerView, WorkingHours},
    record::Hours,
};
use edgecoder_sandbox::InForce;
use edgecoder_worker::{Policy, State, Worker};

use super::{Hub, hub::lock, membership::cores};

/// What is allowed at the moment.
#[derive(Debug)]
pub struct Allowed(Mutex<Policy>);

impl Allowed {
    /// What the settings allow.
    pub fn new(policy: Policy) -> Self {
        Self(Mutex::new(policy))
    }
}

impl Hub {
    /// The worker here.
    pub fn a_worker(&self) -> Option<&Worker> {
        self.roles()?.worker.as_ref().map(|(worker, _)| worker)
    }

    /// Subtasks at once and hours, as the owner allows them at the moment.
    pub(super) fn offered(&self) -> (u32, Option<Hours>) {
        let allowed = self.roles().and_then(|roles| roles.worker.as_ref());
        let policy = allowed.map(|(_, allowed)| *lock(&allowed.0));
        policy.map_or((0, None), |policy| (policy.slots, policy.hours))
    }

    /// `GET /v1/worker`.
    pub fn worker_view(&self) -> Option<WorkerView> {
        let (worker, allowed) = self.roles()?.worker.as_ref()?;
        let status = worker.status();
        let policy = *lock(&allowed.0);
        Some(WorkerView {
            schema: "edgecoder/worker/1".into(),
            state: match status.state {
                State::Working | State::Unreachable => WorkerState::Ready,
                State::Paused => WorkerState::Paused,
                State::Draining => WorkerState::Draining,
                State::OutsideHours => WorkerState::Resting,
                State::NotIdle => WorkerState::Yielding,
            },
            slots: status.slots,
            hours: WorkingHours(policy.hours),
            idle_only: policy.only_when_idle,
            bounds: bounds(self.executor.bounds()),
            held: status
                .held
                .iter()
                .map(|one| HeldView {
                    task: one.held.attempt.task,
                    step: one.held.attempt.subtask,
                    part: one.held.part.into(),
                    since: one.since,
                })
                .collect(),
            done: status.counters.done,
            given_back: status.counters.given_back,
            lost: status.counters.lost,
        })
    }

    /// `POST /v1/worker/policy`.
    pub async fn set_policy(&self, request: PolicyRequest) {
        let Some((worker, allowed)) = self.roles().and_then(|roles| roles.worker.as_ref()) else {
            return;
        };
        let policy = {
            let mut policy = lock(&allowed.0);
            if let Some(slots) = request.slots {
                policy.slots = cores(slots, self.config.mesh.worker.cpu_percent);
            }
            if let Some(hours) = request.hours {
                policy.hours = hours.0;
            }
            if let Some(idle_only) = request.idle_only {
                policy.only_when_idle = idle_only;
            }
            *policy
        };
        worker.set_policy(policy).await;
    }
}

fn bounds(found: Option<InForce>) -> BoundsView {
    match found {
        Some(in_force) => BoundsView {
            layer: in_force.layer.as_str().into(),
            cpu_percent: in_force.bounds.cpu_percent,
            memory: in_force.bounds.memory,
            guarantee: in_force.to_string(),
        },
        None => BoundsView {
            layer: "none".into(),
            cpu_percent: 100,
            memory: None,
            guarantee: "work for others may use what there is".into(),
        },
    }
}
