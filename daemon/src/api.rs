//! The operator API over a Unix socket: routes, limits, the event stream.
//!
//! Who may connect is decided by the socket's mode (0600) in a folder of the user's own; no token is needed on top.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{
        DefaultBodyLimit, FromRequest, Path, Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use edgecoder_protocol::{
    ids::TaskId,
    operator::{
        BODY_MAX, Conflict, ErrorKind, ErrorObject, Event, ExecAnswer, ExecRequest, ModelView,
        NodeStatus, ReplayAnswer, Resolution, SampleAnswer, SampleRequest, TaskRequest, TaskView,
        UseModel,
    },
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::mpsc;
use utoipa::OpenApi;

use crate::node::NodeHandle;

mod ledger;
mod network;
mod trust;

/// Events on their way to one watcher; a slow watcher waits, the task does not.
const EVENTS_AHEAD: usize = 16;
/// An idle event stream says that it lives, so that a dead client is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

struct ApiError(ErrorObject);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.kind.status());
        (
            status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            Json(self.0),
        )
            .into_response()
    }
}

impl From<ErrorObject> for ApiError {
    fn from(error: ErrorObject) -> Self {
        Self(error)
    }
}

type Answer<T> = Result<Json<T>, ApiError>;

/// A JSON body whose refusal is an [`ErrorObject`] too.
struct Input<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = ApiError;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, ApiError> {
        match Json::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(refusal(rejection.status(), rejection.body_text()).into()),
        }
    }
}

fn refusal(status: StatusCode, text: String) -> ErrorObject {
    let next = "GET /v1/openapi.json describes every request";
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("the request is larger than {} MiB", BODY_MAX >> 20);
        return ErrorObject::new(ErrorKind::TooLarge, message, "send smaller files");
    }
    ErrorObject::new(ErrorKind::BadRequest, text, next)
}

/// The API's description.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "EdgeCoder operator API",
        description = "HTTP with JSON over the daemon's Unix socket."
    ),
    paths(
        status,
        stop,
        execute,
        replay,
        sample,
        submit,
        list_tasks,
        show_task,
        cancel_task,
        events,
        list_models,
        use_model,
        network::node,
        network::peers,
        network::worker,
        network::pause,
        network::resume,
        network::drain,
        network::policy,
        ledger::status,
        ledger::block,
        ledger::verify,
        ledger::prove,
        ledger::export,
        ledger::entries,
        ledger::council,
        ledger::decree,
        ledger::approved,
        trust::requests,
        trust::ask,
        trust::appeal,
        trust::rotate
    ),
    components(schemas(ErrorObject))
)]
struct Description;

/// The OpenAPI document.
///
/// # Errors
/// Only if it cannot be written as JSON, which a test rules out.
pub fn openapi() -> Result<String, serde_json::Error> {
    Description::openapi().to_pretty_json()
}

/// The routes over a running node.
pub fn router(node: NodeHandle) -> Router {
    Router::new()
        .route("/v1/openapi.json", get(description))
        .route("/v1/status", get(status))
        .route("/v1/stop", post(stop))
        .route("/v1/executions", post(execute))
        .route("/v1/replays", post(replay))
        .route("/v1/generations", post(sample))
        .route("/v1/tasks", post(submit).get(list_tasks))
        .route("/v1/tasks/{id}", get(show_task))
        .route("/v1/tasks/{id}/cancel", post(cancel_task))
        .route("/v1/tasks/{id}/conflict", get(conflict).post(resolve))
        .route("/v1/tasks/{id}/events", get(events))
        .route("/v1/models", get(list_models))
        .route("/v1/models/use", post(use_model))
        .route("/v1/ledger", get(ledger::status))
        .route("/v1/ledger/blocks/{height}", get(ledger::block))
        .route("/v1/ledger/verify", post(ledger::verify))
        .route("/v1/ledger/proofs", post(ledger::prove))
        .route("/v1/ledger/export", get(ledger::export))
        .route("/v1/ledger/entries", post(ledger::entries))
        .route("/v1/council", get(ledger::council))
        .route("/v1/council/decrees", post(ledger::decree))
        .route("/v1/council/approved", post(ledger::approved))
        .route(
            "/v1/council/requests",
            get(trust::requests).post(trust::ask),
        )
        .route("/v1/council/appeals", post(trust::appeal))
        .route("/v1/council/rotations", post(trust::rotate))
        .route("/v1/node", get(network::node))
        .route("/v1/peers", get(network::peers))
        .route("/v1/worker", get(network::worker))
        .route("/v1/worker/pause", post(network::pause))
        .route("/v1/worker/resume", post(network::resume))
        .route("/v1/worker/drain", post(network::drain))
        .route("/v1/worker/policy", post(network::policy))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(node)
}

async fn no_route() -> ApiError {
    let next = "GET /v1/openapi.json lists all paths";
    ApiError(ErrorObject::new(
        ErrorKind::NotFound,
        "there is no such path",
        next,
    ))
}

async fn no_method() -> ApiError {
    let next = "GET /v1/openapi.json lists each path with its methods";
    ApiError(ErrorObject::new(
        ErrorKind::BadRequest,
        "this path has no such method",
        next,
    ))
}

/// Runs `work` unless the node stops first: a long run must not hold up its end.
async fn until_stopped<T>(
    node: &NodeHandle,
    work: impl Future<Output = Result<T, ErrorObject>>,
) -> Result<T, ErrorObject> {
    tokio::select! {
        biased;
        () = node.stopping().cancelled() => Err(ErrorObject::new(
            ErrorKind::Busy,
            "the daemon is stopping",
            "try again: the next command starts a daemon",
        )),
        answer = work => answer,
    }
}

async fn description() -> Result<Response, ApiError> {
    let document = openapi().map_err(|error| {
        ErrorObject::new(
            ErrorKind::Internal,
            error.to_string(),
            "report this as a bug",
        )
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], document).into_response())
}

/// What the node says of itself.
#[utoipa::path(get, path = "/v1/status", responses((status = 200, body = NodeStatus)))]
async fn status(State(node): State<NodeHandle>) -> Json<NodeStatus> {
    Json(node.status().await)
}

/// Asks the daemon to stop; open tasks begin again at its next start.
#[utoipa::path(post, path = "/v1/stop", responses((status = 200, body = NodeStatus)))]
async fn stop(State(node): State<NodeHandle>) -> Json<NodeStatus> {
    node.stopping().cancel();
    Json(node.status().await)
}

/// Runs code once, or judges a solution.
#[utoipa::path(post, path = "/v1/executions", request_body = ExecRequest,
    responses((status = 200, body = ExecAnswer), (status = "default", body = ErrorObject)))]
async fn execute(
    State(node): State<NodeHandle>,
    Input(request): Input<ExecRequest>,
) -> Answer<ExecAnswer> {
    let work = node.execute(request);
    Ok(Json(until_stopped(&node, work).await?))
}

/// Replays a bundle, which is the request's body.
#[utoipa::path(post, path = "/v1/replays", request_body(content = Vec<u8>, content_type = "application/zstd"),
    responses((status = 200, body = ReplayAnswer), (status = "default", body = ErrorObject)))]
async fn replay(
    State(node): State<NodeHandle>,
    bundle: Result<Bytes, BytesRejection>,
) -> Answer<ReplayAnswer> {
    let bundle = bundle.map_err(|rejection| refusal(rejection.status(), rejection.body_text()))?;
    let work = node.executor().replay(&bundle);
    Ok(Json(until_stopped(&node, work).await?))
}

/// Samples code for a prompt without judging it.
#[utoipa::path(post, path = "/v1/generations", request_body = SampleRequest,
    responses((status = 200, body = SampleAnswer), (status = "default", body = ErrorObject)))]
async fn sample(
    State(node): State<NodeHandle>,
    Input(request): Input<SampleRequest>,
) -> Answer<SampleAnswer> {
    Ok(Json(until_stopped(&node, node.sample(request)).await?))
}

/// Submits a task.
#[utoipa::path(post, path = "/v1/tasks", request_body = TaskRequest,
    responses((status = 202, body = TaskView), (status = "default", body = ErrorObject)))]
async fn submit(
    State(node): State<NodeHandle>,
    Input(request): Input<TaskRequest>,
) -> Result<(StatusCode, Json<TaskView>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(node.submit(request).await?)))
}

/// All tasks, newest first.
#[utoipa::path(get, path = "/v1/tasks", responses((status = 200, body = Vec<TaskView>)))]
async fn list_tasks(State(node): State<NodeHandle>) -> Answer<Vec<TaskView>> {
    Ok(Json(node.tasks().list()?))
}

/// One task.
#[utoipa::path(get, path = "/v1/tasks/{id}", params(("id" = String, Path)),
    responses((status = 200, body = TaskView), (status = "default", body = ErrorObject)))]
async fn show_task(State(node): State<NodeHandle>, Path(id): Path<String>) -> Answer<TaskView> {
    Ok(Json(node.tasks().show(task_id(&id)?)?))
}

/// Withdraws a task.
#[utoipa::path(post, path = "/v1/tasks/{id}/cancel", params(("id" = String, Path)),
    responses((status = 200, body = TaskView), (status = "default", body = ErrorObject)))]
async fn cancel_task(State(node): State<NodeHandle>, Path(id): Path<String>) -> Answer<TaskView> {
    Ok(Json(node.tasks().cancel(task_id(&id)?).await?))
}

/// Changes of a task that nobody could put together.
#[utoipa::path(get, path = "/v1/tasks/{id}/conflict", params(("id" = String, Path)),
    responses((status = 200, body = Conflict), (status = "default", body = ErrorObject)))]
async fn conflict(State(node): State<NodeHandle>, Path(id): Path<String>) -> Answer<Conflict> {
    Ok(Json(node.tasks().conflict(task_id(&id)?)?))
}

/// Puts them together.
#[utoipa::path(post, path = "/v1/tasks/{id}/conflict", params(("id" = String, Path)),
    request_body = Resolution,
    responses((status = 200, body = TaskView), (status = "default", body = ErrorObject)))]
async fn resolve(
    State(node): State<NodeHandle>,
    Path(id): Path<String>,
    Input(resolution): Input<Resolution>,
) -> Answer<TaskView> {
    Ok(Json(node.tasks().resolve(task_id(&id)?, resolution)?))
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

/// A task's events after a cursor, one JSON object a line, until the task ends. A client that was cut off asks
/// again with the last cursor it has.
#[utoipa::path(get, path = "/v1/tasks/{id}/events",
    params(("id" = String, Path), ("after" = Option<u64>, Query)),
    responses((status = 200, body = Event, content_type = "application/x-ndjson"),
        (status = "default", body = ErrorObject)))]
async fn events(
    State(node): State<NodeHandle>,
    Path(id): Path<String>,
    after: Result<Query<After>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(After { after }) =
        after.map_err(|rejection| refusal(rejection.status(), rejection.body_text()))?;
    let id = task_id(&id)?;
    // Refused before the stream begins, with a proper status.
    node.tasks().events(id, after)?;
    let (lines, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(EVENTS_AHEAD);
    // Ends by itself: at the task's end, when the client goes (the channel closes), or when the node stops.
    tokio::spawn(stream_events(node, id, after, lines));
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

async fn stream_events(
    node: NodeHandle,
    id: TaskId,
    mut after: u64,
    lines: mpsc::Sender<Result<Bytes, Infallible>>,
) {
    loop {
        let Ok((events, more)) = node.tasks().events(id, after) else {
            return;
        };
        for event in events {
            after = event.cursor;
            let Ok(mut line) = serde_json::to_vec(&event) else {
                return;
            };
            line.push(b'\n');
            if lines.send(Ok(line.into())).await.is_err() {
                return;
            }
        }
        let Some(mut more) = more else { return };
        // Between the look above and this wait an event may have come: the cursor tells.
        while *more.borrow_and_update() <= after {
            tokio::select! {
                () = node.stopping().cancelled() => return,
                () = lines.closed() => return,
                // It has ended and is in the store: the next look finds the rest there.
                changed = more.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(KEEP_ALIVE) => {
                    if lines.send(Ok(Bytes::from_static(b"\n"))).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// The models that tasks can use.
#[utoipa::path(get, path = "/v1/models", responses((status = 200, body = Vec<ModelView>)))]
async fn list_models(State(node): State<NodeHandle>) -> Json<Vec<ModelView>> {
    Json(node.models().await)
}

/// Makes a model active once it has loaded.
#[utoipa::path(post, path = "/v1/models/use", request_body = UseModel,
    responses((status = 200, body = ModelView), (status = "default", body = ErrorObject)))]
async fn use_model(
    State(node): State<NodeHandle>,
    Input(UseModel { file }): Input<UseModel>,
) -> Answer<ModelView> {
    Ok(Json(until_stopped(&node, node.use_model(&file)).await?))
}

fn task_id(text: &str) -> Result<TaskId, ErrorObject> {
    text.parse().map_err(|_| {
        let next = "`edgecoder task list` shows the ids";
        ErrorObject::new(
            ErrorKind::BadRequest,
            format!("{text:?} is not a task id"),
            next,
        )
    })
}
