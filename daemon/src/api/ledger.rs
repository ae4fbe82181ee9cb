//! The operator API's paths of the ledger and the council.

use std::convert::Infallible;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, State},
    http::header,
    response::Response,
};
use edgecoder_protocol::{
    ledger::shown::ProofFile,
    operator::{
        BlockView, CouncilView, DecreeAnswer, DecreeRequest, EntriesRequest, EntryOutcome,
        ErrorKind, ErrorObject, LedgerReport, LedgerView, PlacedView, ProofRequest,
    },
};
use tokio::sync::mpsc;

use super::{Answer, ApiError, Input};
use crate::node::NodeHandle;

/// Lines of an export on their way to a reader; a slow reader waits, the ledger does not.
const LINES_AHEAD: usize = 8;

/// The ledger as this node has it.
#[utoipa::path(get, path = "/v1/ledger", responses((status = 200, body = LedgerView)))]
pub(super) async fn status(State(node): State<NodeHandle>) -> Json<LedgerView> {
    Json(node.ledger())
}

/// A block.
#[utoipa::path(get, path = "/v1/ledger/blocks/{height}", params(("height" = u64, Path)),
    responses((status = 200, body = BlockView), (status = "default", body = ErrorObject)))]
pub(super) async fn block(
    State(node): State<NodeHandle>,
    Path(height): Path<String>,
) -> Answer<BlockView> {
    let height = height.parse().map_err(|_| {
        let next = "name a height: 1, 2, …";
        ErrorObject::new(
            ErrorKind::BadRequest,
            format!("{height:?} is no height"),
            next,
        )
    })?;
    Ok(Json(node.block(height).await?))
}

/// Everything checked again.
#[utoipa::path(post, path = "/v1/ledger/verify",
    responses((status = 200, body = LedgerReport), (status = "default", body = ErrorObject)))]
pub(super) async fn verify(State(node): State<NodeHandle>) -> Answer<LedgerReport> {
    Ok(Json(node.verify_ledger().await?))
}

/// A proof's file.
#[utoipa::path(post, path = "/v1/ledger/proofs", request_body = ProofRequest,
    responses((status = 200, description = "A proof's file"), (status = "default", body = ErrorObject)))]
pub(super) async fn prove(
    State(node): State<NodeHandle>,
    Input(request): Input<ProofRequest>,
) -> Answer<ProofFile> {
    Ok(Json(node.prove(request).await?))
}

/// The whole ledger as lines of JSON: the founding, then each block.
#[utoipa::path(get, path = "/v1/ledger/export",
    responses((status = 200, description = "Lines of JSON"), (status = "default", body = ErrorObject)))]
pub(super) async fn export(State(node): State<NodeHandle>) -> Result<Response, ApiError> {
    node.has_all_blocks()?;
    let (lines, read) = mpsc::channel::<Result<Bytes, Infallible>>(LINES_AHEAD);
    tokio::spawn(async move {
        for height in 0.. {
            match node.export_line(height).await {
                Ok(Some(line)) if lines.send(Ok(format!("{line}\n").into())).await.is_ok() => {}
                // The end, or nobody reads any more.
                Ok(_) => return,
                Err(error) => {
                    tracing::error!(height, message = error.message, "the export ends early");
                    return;
                }
            }
        }
    });
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(read));
    Response::builder()
        .header(header::CONTENT_TYPE, "application/x-ndjson")
        .body(body)
        .map_err(|error| {
            let next = "try again";
            ErrorObject::new(ErrorKind::Internal, error.to_string(), next).into()
        })
}

/// Puts entries into the log; answers when each is there or refused.
#[utoipa::path(post, path = "/v1/ledger/entries", request_body = EntriesRequest,
    responses((status = 200, body = Vec<EntryOutcome>), (status = "default", body = ErrorObject)))]
pub(super) async fn entries(
    State(node): State<NodeHandle>,
    Input(request): Input<EntriesRequest>,
) -> Answer<Vec<EntryOutcome>> {
    Ok(Json(node.put_entries(request).await?))
}

/// Who decides the ledger.
#[utoipa::path(get, path = "/v1/council", responses((status = 200, body = CouncilView)))]
pub(super) async fn council(State(node): State<NodeHandle>) -> Json<CouncilView> {
    Json(node.council_view())
}

/// What a decree would have to be signed as now.
#[utoipa::path(post, path = "/v1/council/decrees", request_body = DecreeRequest,
    responses((status = 200, body = DecreeAnswer), (status = "default", body = ErrorObject)))]
pub(super) async fn decree(
    State(node): State<NodeHandle>,
    Input(request): Input<DecreeRequest>,
) -> Answer<DecreeAnswer> {
    Ok(Json(node.decree(&request)?))
}

/// Puts a decree that enough operators approved into the log; answers when it is there.
#[utoipa::path(post, path = "/v1/council/approved", request_body = DecreeRequest,
    responses((status = 200, body = PlacedView), (status = "default", body = ErrorObject)))]
pub(super) async fn approved(
    State(node): State<NodeHandle>,
    Input(request): Input<DecreeRequest>,
) -> Answer<PlacedView> {
    Ok(Json(node.approved(&request).await?))
}
