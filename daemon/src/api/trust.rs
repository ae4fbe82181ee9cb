//! The operator API's paths of who is dealt with.

use axum::{Json, extract::State};
use edgecoder_protocol::operator::{
    AppealRequest, AskAnswer, AskRequest, EntryLine, ErrorObject, PlacedView, RequestsView,
    RotateRequest,
};

use super::{Answer, Input};
use crate::node::NodeHandle;

/// What waits for the network's operators.
#[utoipa::path(get, path = "/v1/council/requests",
    responses((status = 200, body = RequestsView), (status = "default", body = ErrorObject)))]
pub(super) async fn requests(State(node): State<NodeHandle>) -> Answer<RequestsView> {
    Ok(Json(node.requests().await?))
}

/// This node asks to be admitted.
#[utoipa::path(post, path = "/v1/council/requests", request_body = AskRequest,
    responses((status = 200, body = AskAnswer), (status = "default", body = ErrorObject)))]
pub(super) async fn ask(
    State(node): State<NodeHandle>,
    Input(request): Input<AskRequest>,
) -> Answer<AskAnswer> {
    Ok(Json(node.ask_admission(&request).await?))
}

/// This node's objection to its listing, for another node to put into the log.
#[utoipa::path(post, path = "/v1/council/appeals", request_body = AppealRequest,
    responses((status = 200, body = EntryLine), (status = "default", body = ErrorObject)))]
pub(super) async fn appeal(
    State(node): State<NodeHandle>,
    Input(request): Input<AppealRequest>,
) -> Answer<EntryLine> {
    Ok(Json(node.appeal(&request)?))
}

/// This node goes by another key from now on; answers when the log says so.
#[utoipa::path(post, path = "/v1/council/rotations", request_body = RotateRequest,
    responses((status = 200, body = PlacedView), (status = "default", body = ErrorObject)))]
pub(super) async fn rotate(
    State(node): State<NodeHandle>,
    Input(request): Input<RotateRequest>,
) -> Answer<PlacedView> {
    Ok(Json(node.rotate(&request).await?))
}
