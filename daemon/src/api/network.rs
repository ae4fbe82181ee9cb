//! The operator API's paths of a node in a network. In local mode, or in a build without a mesh, each is refused.

use axum::{Json, extract::State};
use edgecoder_protocol::operator::{ErrorObject, NodeView, PeerRow, PolicyRequest, WorkerView};

use super::{Answer, Input};
use crate::node::NodeHandle;

/// This node in its network.
#[utoipa::path(get, path = "/v1/node",
    responses((status = 200, body = NodeView), (status = "default", body = ErrorObject)))]
pub(super) async fn node(State(node): State<NodeHandle>) -> Answer<NodeView> {
    Ok(Json(node.in_network().await?))
}

/// The peers it knows.
#[utoipa::path(get, path = "/v1/peers",
    responses((status = 200, body = Vec<PeerRow>), (status = "default", body = ErrorObject)))]
pub(super) async fn peers(State(node): State<NodeHandle>) -> Answer<Vec<PeerRow>> {
    Ok(Json(node.peers().await?))
}

/// What its worker does.
#[utoipa::path(get, path = "/v1/worker",
    responses((status = 200, body = WorkerView), (status = "default", body = ErrorObject)))]
pub(super) async fn worker(State(node): State<NodeHandle>) -> Answer<WorkerView> {
    Ok(Json(node.worker()?))
}

/// Takes nothing new until told to resume; what is held is finished.
#[utoipa::path(post, path = "/v1/worker/pause",
    responses((status = 200, body = WorkerView), (status = "default", body = ErrorObject)))]
pub(super) async fn pause(State(node): State<NodeHandle>) -> Answer<WorkerView> {
    Ok(Json(node.pause_worker().await?))
}

/// Takes work again.
#[utoipa::path(post, path = "/v1/worker/resume",
    responses((status = 200, body = WorkerView), (status = "default", body = ErrorObject)))]
pub(super) async fn resume(State(node): State<NodeHandle>) -> Answer<WorkerView> {
    Ok(Json(node.resume_worker().await?))
}

/// Finishes what it holds and takes nothing new.
#[utoipa::path(post, path = "/v1/worker/drain",
    responses((status = 200, body = WorkerView), (status = "default", body = ErrorObject)))]
pub(super) async fn drain(State(node): State<NodeHandle>) -> Answer<WorkerView> {
    Ok(Json(node.drain_worker().await?))
}

/// Changes what its owner allows, until the daemon stops.
#[utoipa::path(post, path = "/v1/worker/policy", request_body = PolicyRequest,
    responses((status = 200, body = WorkerView), (status = "default", body = ErrorObject)))]
pub(super) async fn policy(
    State(node): State<NodeHandle>,
    Input(request): Input<PolicyRequest>,
) -> Answer<WorkerView> {
    Ok(Json(node.set_worker_policy(request).await?))
}
