//! The operator API's objects: HTTP with JSON over the daemon's Unix socket; CLI, TUI and portal are its clients.
//!
//! Paths stand beside each request. Every answer that is not 2xx carries an [`ErrorObject`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    cases::Case,
    execution::{Limits, Program, RelPath, SuiteKind, TestOrigin},
    generation::ModelCard,
    ids::{PeerId, ProfileId, TaskId},
    receipt::{EvidenceClass, Outcome, Receipt, TestResult, Verdict},
    task::{Payment, PrivacyClass, TaskState},
    units::{Bytes, Fuel, Millis, Tokens},
};

mod blob;
mod error;
mod ledger;
mod mesh;
mod trust;

pub use blob::{Blob, Files};
pub use error::{ErrorKind, ErrorObject};
pub use ledger::{
    BlockView, CouncilPart, CouncilView, DecreeAnswer, DecreeRequest, DutyView, EntriesRequest,
    EntryOutcome, EntryView, LedgerReport, LedgerView, MemberView, PlacedView, ProofRequest,
};
pub use mesh::{
    BoundsView, CoordinatorView, DialView, FoundBy, HeldPart, HeldView, HoursError, NetworkView,
    NodeView, PeerRow, PeerState, PolicyRequest, WorkerState, WorkerView, WorkingHours,
};
pub use trust::{
    AdmissionRule, AppealRequest, AskAnswer, AskRequest, AskView, ChargeView, EntryLine,
    ListingView, OwnStanding, RequestsView, RotateRequest,
};

/// Version of every path: `/v1/...`.
pub const API: &str = "/v1";
/// Bytes of one request's body: a snapshot at its largest, in base64, and room for the rest.
pub const BODY_MAX: usize = 64 << 20;

/// How code shall be judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TestSet {
    /// The text of a cases file.
    Cases(String),
    /// A test file of the snapshot.
    Suite {
        /// How it reports.
        kind: SuiteKind,
        /// Where it is.
        path: RelPath,
    },
}

/// `POST /v1/executions`: run once, or judge a solution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExecRequest {
    /// Everything the run sees.
    pub files: Files,
    /// The file to run, the solution to judge, or (with a suite and no solution) the test file.
    pub entry: RelPath,
    /// How to judge it; absent for a plain run.
    pub tests: Option<TestSet>,
    /// Standard input.
    #[serde(default)]
    pub stdin: Blob,
    /// Seed of the guest's random sources.
    #[serde(default)]
    pub seed: u64,
    /// Bounds; the defaults when absent.
    pub limits: Option<Limits>,
    /// Whether to return a bundle that anyone can replay.
    #[serde(default)]
    pub bundle: bool,
    /// Where it may be seen.
    #[serde(default)]
    pub privacy: PrivacyClass,
}

/// Answer to [`ExecRequest`] (FORMATS: exec).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExecAnswer {
    /// `edgecoder/exec/1`.
    pub schema: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What that proves.
    pub evidence: EvidenceClass,
    /// Why; empty when `ok`.
    pub reason: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The returned value, as JSON text.
    pub value: Option<String>,
    /// Per test.
    pub tests: Vec<TestResult>,
    /// Files the guest wrote.
    pub written: Files,
    /// Work.
    pub fuel: Fuel,
    /// Largest linear memory.
    pub memory: Bytes,
    /// Milliseconds.
    pub wall_ms: u64,
    /// The signed record.
    pub receipt: Receipt,
    /// The replayable bundle, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Blob>,
}

/// `POST /v1/replays` answers this; the request's body is the bundle itself.
///
/// It is the answer to an execution with the comparison beside (FORMATS: replay).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayAnswer {
    /// The run made here.
    #[serde(flatten)]
    pub replayed: ExecAnswer,
    /// What replay concluded.
    pub verdict: Verdict,
    /// The first field in which the bodies differ.
    pub differs: Option<String>,
    /// Who signed the recorded receipt.
    pub recorded_by: PeerId,
}

/// `POST /v1/tasks`: solve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskRequest {
    /// What to write, in the user's words.
    pub prompt: String,
    /// Files the code and tests may use.
    #[serde(default)]
    pub files: Files,
    /// The user's tests; without them the model is asked for some.
    pub tests: Option<TestSet>,
    /// The name the solution is saved and imported by.
    pub solution: RelPath,
    /// Answers sampled at each step, 1 to 16.
    pub candidates: u32,
    /// Rounds of writing and repairing.
    pub max_iterations: u32,
    /// Tokens that all rounds may generate.
    pub budget: Tokens,
    /// Milliseconds for the whole task.
    pub deadline_ms: u64,
    /// Seed of sampling and of the guest.
    pub seed: u64,
    /// Bounds of each execution.
    pub limits: Option<Limits>,
    /// Where it may be seen.
    #[serde(default)]
    pub privacy: PrivacyClass,
}

/// One step of a task, as the event stream and `solve --json` show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Step {
    /// What will be done.
    Plan {
        /// Who made it: `rule`, or the model's name.
        by: String,
        /// The steps, in words.
        steps: Vec<String>,
    },
    /// The model is asked for code.
    Attempt {
        /// From 1.
        number: u32,
        /// Answers asked for.
        candidates: u32,
    },
    /// A candidate was judged.
    Test {
        /// The attempt.
        attempt: u32,
        /// Which candidate of it, from 1.
        candidate: u32,
        /// Tests passed.
        passed: u32,
        /// Tests in all.
        total: u32,
        /// The first failure, in a sentence; empty when all passed.
        failure: String,
        /// The code.
        code: String,
    },
    /// The failure goes back to the model.
    Repair {
        /// The attempt that failed.
        attempt: u32,
        /// What the model is told.
        failure: String,
    },
    /// Changes that nobody could put together: the user is asked to, with `edgecoder task resolve`.
    Conflict {
        /// The file.
        path: RelPath,
    },
    /// Something the user should know.
    Note {
        /// A sentence.
        text: String,
    },
    /// The end.
    Done(Box<TaskResult>),
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SolveOutcome {
    /// The code passed the tests there were.
    Solved,
    /// There were no usable tests; the code ran.
    Untested,
    /// Rounds ran out.
    Iterations,
    /// The token budget ran out.
    Budget,
    /// The deadline passed.
    Deadline,
    /// The model wrote the same code again.
    Repeating,
    /// The model does not know how to do this.
    Declined,
    /// No result could be judged: the sandbox ended as inconclusive.
    Inconclusive,
    /// The user withdrew it.
    Cancelled,
    /// The model or the sandbox could not be used.
    Broken,
}

/// The last event of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskResult {
    /// `edgecoder/solve/1`.
    pub schema: String,
    /// How it ended.
    pub outcome: SolveOutcome,
    /// What the receipt proves; absent when nothing was judged.
    pub evidence: Option<EvidenceClass>,
    /// The best code there is.
    pub code: Option<String>,
    /// Files that other steps wrote, beside the code.
    #[serde(default, skip_serializing_if = "Files::is_empty")]
    pub files: Files,
    /// The record of its last execution.
    pub receipt: Option<Receipt>,
    /// The bundle to replay it.
    pub bundle: Option<Blob>,
    /// Rounds used.
    pub attempts: u32,
    /// Tokens generated.
    pub tokens: Tokens,
    /// Work in the sandbox.
    pub fuel: Fuel,
    /// What kind of failure, when the model or the sandbox could not be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<ErrorKind>,
    /// What to do now, a sentence.
    pub next: String,
}

/// An event of a task, with its place in the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// `edgecoder/event/1`.
    pub schema: String,
    /// The task.
    pub task: TaskId,
    /// Rising from 1: `GET /v1/tasks/{id}/events?after=N` resumes behind it. A task that begins again after the
    /// daemon's restart leaves a gap.
    pub cursor: u64,
    /// When.
    pub at: Millis,
    /// The task's state after it.
    pub state: TaskState,
    /// What happened.
    pub step: Step,
}

/// `GET /v1/tasks/{id}`, and an item of `GET /v1/tasks`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    /// `edgecoder/task/1`.
    pub schema: String,
    /// Its id.
    pub id: TaskId,
    /// Where it is in its life.
    pub state: TaskState,
    /// How far paying has come.
    pub payment: Payment,
    /// The prompt's first 200 characters.
    pub prompt: String,
    /// When it was accepted.
    pub submitted: Millis,
    /// When it last changed.
    pub changed: Millis,
    /// Its end, when there is one; a list leaves code, receipt and bundle out.
    pub result: Option<TaskResult>,
}

/// `GET /v1/tasks/{id}/conflict`: changes of one file that were made apart and do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conflict {
    /// The task.
    pub task: TaskId,
    /// The file.
    pub path: RelPath,
    /// What all versions began with.
    pub base: String,
    /// The versions.
    pub sides: Vec<String>,
    /// All changes in one text, those that do not fit together between conflict markers.
    pub text: String,
}

/// `POST /v1/tasks/{id}/conflict`: the whole file, put together by its user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resolution {
    /// The file's text.
    pub code: String,
}

/// `POST /v1/generations` samples code for one prompt without judging (used by `eval`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SampleRequest {
    /// As in a task.
    pub prompt: String,
    /// Different answers wanted, the greedy one first; fewer come when the model repeats itself.
    pub candidates: u32,
    /// Seed.
    pub seed: u64,
    /// Tokens that one answer may take; the node's usual limit when absent.
    #[serde(default)]
    pub answer_max: Option<Tokens>,
}

/// Answer to [`SampleRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SampleAnswer {
    /// `edgecoder/sample/1`.
    pub schema: String,
    /// Code, no two the same.
    pub codes: Vec<String>,
    /// Tokens of the prompt.
    pub prompt_tokens: Tokens,
    /// Tokens generated.
    pub tokens: Tokens,
}

/// `GET /v1/models`, and the answer to `POST /v1/models/use`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelView {
    /// `edgecoder/model/1`.
    pub schema: String,
    /// The file; `embedded` for the one that comes with the program.
    pub file: String,
    /// Whether tasks use it.
    pub active: bool,
    /// What it says of itself, once loaded.
    pub card: Option<ModelCard>,
}

/// `POST /v1/models/use`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UseModel {
    /// Absolute path of a GGUF file, or `embedded`.
    pub file: String,
}

/// `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeStatus {
    /// `edgecoder/status/1`.
    pub schema: String,
    /// Program version.
    pub version: String,
    /// Which build of it runs: opaque, and compared by those who would start another.
    #[serde(default)]
    pub build: String,
    /// The daemon's process.
    pub pid: u32,
    /// Its key.
    pub node: PeerId,
    /// Where it may send and take work.
    pub mode: String,
    /// Roles it runs.
    pub roles: Vec<String>,
    /// What decides its executions.
    pub profile: ProfileId,
    /// Milliseconds since it started.
    pub uptime_ms: u64,
    /// Tasks not yet ended.
    pub tasks_open: u64,
    /// Resident memory of the daemon, children not counted.
    pub rss: Bytes,
    /// Its data folder.
    pub data_dir: String,
    /// The active model's file.
    pub model: String,
    /// Processes of the children that run now: sandbox, sandbox-2 and so on while there is work, inference.
    pub children: BTreeMap<String, u32>,
}

/// The program that a request asks for; `cases` are those of its [`TestSet::Cases`].
pub fn program(
    entry: RelPath,
    tests: Option<&TestSet>,
    cases: Vec<Case>,
    origin: TestOrigin,
) -> Program {
    match tests {
        None => Program::Script { entry },
        Some(TestSet::Cases(_)) => Program::Cases {
            solution: entry,
            cases,
            origin,
        },
        Some(TestSet::Suite { kind, path }) => {
            let solution = (*path != entry).then_some(entry);
            Program::Suite {
                kind: *kind,
                solution,
                tests: path.clone(),
                origin,
            }
        }
    }
}
