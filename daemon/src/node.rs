//! A node as a value: started from a configuration and ports, stopped gracefully, nothing global.

use std::{collections::BTreeSet, sync::Arc};

use edgecoder_council::Council;
use edgecoder_node_store::{Store, StoreError, TreeName};
use edgecoder_protocol::task::PrivacyClass;
use edgecoder_protocol::{
    Bytes, Millis, Tokens,
    generation::{CANDIDATES_MAX, GenerateRequest, Sampling},
    ids::TaskId,
    key::NodeKey,
    operator::{
        ErrorKind, ErrorObject, ExecAnswer, ExecRequest, ModelView, NodeStatus, SampleAnswer,
        SampleRequest, TaskRequest, TaskView,
    },
};
use edgecoder_sandbox::Sandbox;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

mod begin;
mod ledger;
mod network;
mod trust;

pub use ledger::report;

#[cfg(not(feature = "mesh"))]
use crate::config::Mode;
use crate::{
    config::Config,
    executor::Executor,
    tasks::{Elsewhere, Tasks, permit},
    wiring::{Models, inference_error},
};

/// Reads the time.
pub type Clock = fn() -> Millis;
/// Fills a buffer with unpredictable bytes.
pub type Random = fn(&mut [u8]);

/// Tokens of one sampled answer.
const SAMPLE_ANSWER_MAX: u64 = 2_048;
/// Milliseconds one sampling request may take.
const SAMPLE_DEADLINE_MS: u64 = 600_000;
/// The setting that remembers `model use`.
const ACTIVE_MODEL: &[u8] = b"active-model";

/// What a node needs from outside. Several nodes of one process may share sandbox and models.
pub struct Ports {
    /// Where it keeps things.
    pub store: Store,
    /// Where code runs.
    pub sandbox: Sandbox,
    /// Where code of others runs, where their share is bounded; absent: in the same sandbox.
    pub lent: Option<Sandbox>,
    /// Where models come from.
    pub models: Arc<dyn Models>,
    /// Which build of the program it is: opaque.
    pub build: String,
    /// What signs its receipts.
    pub key: NodeKey,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// Its store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its ledger cannot be read.
    #[error(transparent)]
    Council(#[from] edgecoder_council::StartError),
    /// It cannot take part in its network.
    #[cfg(feature = "mesh")]
    #[error(transparent)]
    Join(#[from] crate::mesh::JoinError),
    /// It was built without a mesh.
    #[error("this build has no mesh: set `mode = \"local\"`, or build with the feature of a role")]
    NoMesh,
}

/// A running node.
pub struct Node {
    handle: NodeHandle,
    runner: JoinHandle<()>,
    /// Of a node in no network; in one, the mesh has it.
    alone: Option<JoinHandle<()>>,
    #[cfg(feature = "mesh")]
    mesh: Option<crate::mesh::MeshNode>,
}

/// Talks to a node. Cheap to clone; answers with errors once the node has stopped.
#[derive(Clone)]
pub struct NodeHandle {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    tasks: Tasks,
    executor: Executor,
    models: Arc<dyn Models>,
    store: Store,
    key: Arc<NodeKey>,
    clock: Clock,
    random: Random,
    started: Millis,
    build: String,
    stop: CancellationToken,
    elsewhere: Option<Arc<dyn Elsewhere>>,
    council: Council,
    #[cfg(feature = "mesh")]
    hub: Option<Arc<crate::mesh::Hub>>,
}

impl Node {
    /// Starts a node; open tasks of its last run begin again.
    ///
    /// # Errors
    /// [`NodeError`] when its store cannot be read, or it cannot take part in its network.
    pub async fn start(config: Config, ports: Ports) -> Result<Self, NodeError> {
        let stop = CancellationToken::new();
        let key = Arc::new(ports.key);
        let executor = Executor::new(ports.sandbox, key.clone()).lending(ports.lent);
        let store = ports.store;
        let models = ports.models;
        begin::choose_again(&store, &config, &*models)?;
        #[cfg(feature = "mesh")]
        let mesh = begin::join(crate::mesh::Means {
            config: config.clone(),
            key: key.clone(),
            executor: executor.clone(),
            models: models.clone(),
            store: store.clone(),
            clock: ports.clock,
            random: ports.random,
        })
        .await?;
        #[cfg(feature = "mesh")]
        let hub = mesh.as_ref().map(crate::mesh::MeshNode::hub);
        #[cfg(feature = "mesh")]
        let elsewhere = hub.clone().map(|hub| Arc::new(hub) as Arc<dyn Elsewhere>);
        #[cfg(feature = "mesh")]
        let shared = hub.as_ref().map(|hub| hub.council.clone());
        #[cfg(not(feature = "mesh"))]
        let shared = None;
        #[cfg(not(feature = "mesh"))]
        let elsewhere: Option<Arc<dyn Elsewhere>> = match config.mode {
            Mode::Local => None,
            Mode::Mesh | Mode::Enterprise => return Err(NodeError::NoMesh),
        };
        let (council, alone) = match shared {
            Some(council) => (council, None),
            None => begin::alone(&config, &store, key.clone(), ports.clock, stop.clone()).await?,
        };
        let (tasks, runner) = Tasks::start(
            store.clone(),
            executor.clone(),
            models.clone(),
            elsewhere.clone(),
            ports.clock,
            stop.clone(),
        )?;
        let inner = Inner {
            config,
            tasks,
            executor,
            models,
            store,
            key,
            clock: ports.clock,
            random: ports.random,
            started: (ports.clock)(),
            build: ports.build,
            stop,
            elsewhere,
            council,
            #[cfg(feature = "mesh")]
            hub,
        };
        Ok(Self {
            handle: NodeHandle {
                inner: Arc::new(inner),
            },
            runner,
            alone,
            #[cfg(feature = "mesh")]
            mesh,
        })
    }

    /// A handle to it.
    pub fn handle(&self) -> NodeHandle {
        self.handle.clone()
    }

    /// Stops taking work, lets go of what runs (it begins again at the next start), and syncs the store. The
    /// ports' children are the caller's to stop.
    ///
    /// # Errors
    /// [`StoreError`] when the last state could not be made durable.
    pub async fn stop(self) -> Result<(), StoreError> {
        self.handle.inner.stop.cancel();
        if let Err(error) = self.runner.await {
            tracing::error!(%error, "the task runner did not end well");
        }
        if let Some(alone) = self.alone
            && let Err(error) = alone.await
        {
            tracing::error!(%error, "the council did not end well");
        }
        #[cfg(feature = "mesh")]
        if let Some(mesh) = self.mesh {
            mesh.stop().await;
        }
        let store = self.handle.inner.store.clone();
        match tokio::task::spawn_blocking(move || store.sync()).await {
            Ok(result) => result,
            Err(error) => {
                tracing::error!(%error, "the last sync did not run");
                Ok(())
            }
        }
    }
}

impl NodeHandle {
    /// Runs code here, or in the network when its privacy class says so.
    ///
    /// # Errors
    /// [`ErrorObject`] when the request cannot be run, or may not leave this node.
    pub async fn execute(&self, request: ExecRequest) -> Result<ExecAnswer, ErrorObject> {
        let elsewhere = self.inner.elsewhere.as_deref();
        permit(elsewhere, request.privacy)?;
        match (request.privacy, elsewhere) {
            (PrivacyClass::Local, _) => self.inner.executor.execute(request).await,
            (_, Some(network)) => network.execute(request).await,
            // Refused above already.
            (_, None) => Err(ErrorObject::new(
                ErrorKind::Policy,
                "this node is in no network",
                "submit with the privacy class `local`",
            )),
        }
    }

    /// The task service.
    pub fn tasks(&self) -> &Tasks {
        &self.inner.tasks
    }

    /// What runs and signs executions.
    pub fn executor(&self) -> &Executor {
        &self.inner.executor
    }

    /// The ledger that this node follows, and its part in deciding it.
    pub fn council(&self) -> &Council {
        &self.inner.council
    }

    /// Cancelled when somebody asks the node to stop, or it stops.
    pub fn stopping(&self) -> &CancellationToken {
        &self.inner.stop
    }

    /// Accepts a task under a fresh id.
    ///
    /// # Errors
    /// As [`Tasks::submit`].
    pub async fn submit(&self, request: TaskRequest) -> Result<TaskView, ErrorObject> {
        let mut id = [0; 16];
        (self.inner.random)(&mut id);
        self.inner.tasks.submit(TaskId(id), request).await
    }

    /// Samples code for a prompt without judging it.
    ///
    /// # Errors
    /// [`ErrorObject`] when the request is malformed or no model can answer.
    pub async fn sample(&self, request: SampleRequest) -> Result<SampleAnswer, ErrorObject> {
        if !(1..=CANDIDATES_MAX).contains(&request.candidates) {
            let message = format!(
                "{} samples: expected 1 to {CANDIDATES_MAX}",
                request.candidates
            );
            return Err(ErrorObject::new(
                ErrorKind::BadRequest,
                message,
                "set -k within that",
            ));
        }
        let model = self.inner.models.active().await?;
        let card = model
            .card()
            .await
            .map_err(|error| inference_error(&error))?;
        let style = edgecoder_agent::Style::named(&card.prompt_style);
        let temperature = card
            .sample_temperature
            .unwrap_or(edgecoder_agent::TEMPERATURE);
        let wording = edgecoder_agent::Wording::new(style, &request.prompt, None, "");
        // Answers that say the same are worth one: as many as a batch holds are drawn, the first different ones kept.
        let drawn = if request.candidates == 1 {
            1
        } else {
            CANDIDATES_MAX
        };
        let asked = request.answer_max.map_or(SAMPLE_ANSWER_MAX, |max| max.0);
        let answer_max = asked.min(SAMPLE_ANSWER_MAX);
        let generation = model
            .generate(
                GenerateRequest {
                    messages: wording.first(),
                    prefix: wording.prefix(),
                    candidates: drawn,
                    sampling: Sampling {
                        temperature: if drawn == 1 { 0.0 } else { temperature },
                        top_p: 0.98,
                        // Sampling needs 32 bits; which ones does not matter.
                        seed: request.seed as u32,
                    },
                    budget: Tokens(answer_max * u64::from(drawn)),
                    answer_max: Tokens(answer_max),
                    deadline_ms: SAMPLE_DEADLINE_MS,
                },
                None,
                self.inner.stop.child_token(),
            )
            .await
            .map_err(|error| inference_error(&error))?;
        let codes = generation
            .candidates
            .iter()
            .map(|one| edgecoder_agent::code_of(&one.text));
        Ok(SampleAnswer {
            schema: "edgecoder/sample/1".into(),
            codes: different(codes, request.candidates as usize),
            prompt_tokens: generation.prompt_tokens,
            tokens: generation.generated_tokens,
        })
    }

    /// The models this node knows: the active one, and the embedded one.
    pub async fn models(&self) -> Vec<ModelView> {
        self.inner.models.list().await
    }

    /// Makes `file` the model of tasks that begin from now on, once it has loaded; remembered over restarts.
    ///
    /// # Errors
    /// [`ErrorObject`] when it cannot be loaded; the old model then stays.
    pub async fn use_model(&self, file: &str) -> Result<ModelView, ErrorObject> {
        let view = self.inner.models.switch(file).await?;
        let (store, file) = (self.inner.store.clone(), file.to_owned());
        let write = tokio::task::spawn_blocking(move || {
            store.put(TreeName::Settings, ACTIVE_MODEL, &file)?;
            store.sync()
        });
        let failed = |message: String| {
            let next =
                "it is used until the daemon stops; free space in the data folder and try again";
            ErrorObject::new(ErrorKind::Internal, message, next)
        };
        let written = write.await.map_err(|error| failed(error.to_string()))?;
        written.map_err(|error| failed(error.to_string()))?;
        Ok(view)
    }

    /// What the node says of itself.
    pub async fn status(&self) -> NodeStatus {
        let inner = &self.inner;
        let model = inner.models.pid().map(|pid| ("inference".to_owned(), pid));
        NodeStatus {
            schema: "edgecoder/status/1".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            build: inner.build.clone(),
            pid: std::process::id(),
            node: inner.key.peer_id(),
            mode: inner.config.mode.as_str().into(),
            roles: inner.config.roles.clone(),
            profile: inner.executor.sandbox().profile(),
            uptime_ms: u64::try_from((inner.clock)().since(inner.started).as_millis())
                .unwrap_or(u64::MAX),
            tasks_open: inner.tasks.open(),
            rss: resident(),
            data_dir: inner.config.data_dir.display().to_string(),
            model: inner.models.file(),
            children: inner.executor.children().into_iter().chain(model).collect(),
        }
    }
}

/// The first `count` of `codes` that are not empty and say something new.
fn different(codes: impl Iterator<Item = String>, count: usize) -> Vec<String> {
    let mut seen = BTreeSet::new();
    codes
        .filter(|code| !code.is_empty() && seen.insert(code.clone()))
        .take(count)
        .collect()
}

/// Resident memory of this process, from the second field of `/proc/self/statm` (pages); 0 where there is none.
fn resident() -> Bytes {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    Bytes(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node of this data folder whose children are never needed.
    async fn start(folder: &std::path::Path, mode: &str) -> Result<Node, NodeError> {
        let path = folder.display();
        let layers = crate::config::Layers {
            environment: vec![
                ("EDGECODER_DATA_DIR".into(), format!("{path}/data")),
                ("EDGECODER_CACHE_DIR".into(), format!("{path}/cache")),
                ("EDGECODER_MODE".into(), mode.into()),
            ],
            ..Default::default()
        };
        let config = crate::config::Settings::read(&layers)
            .unwrap()
            .config()
            .unwrap();
        let program = folder.join("no-such-program");
        let worker = edgecoder_inference::WorkerProgram {
            path: program.clone(),
            args: Vec::new(),
        };
        let faults = edgecoder_node_store::Faults::default();
        let models = crate::wiring::LlamaModels::new(worker, 1, folder, "embedded", faults);
        let ports = Ports {
            store: Store::memory(),
            sandbox: Sandbox::start(crate::serve::sandbox_config(program, &config)),
            lent: None,
            models: Arc::new(models),
            build: "test".into(),
            key: NodeKey::from_seed(&mut [7; 32]),
            clock: || Millis(1),
            random: |buffer| buffer.fill(5),
        };
        Node::start(config, ports).await
    }

    #[cfg(feature = "mesh")]
    #[tokio::test]
    async fn in_local_mode_no_mesh_object_is_constructed() {
        let folder = tempfile::tempdir().unwrap();
        let node = start(folder.path(), "local").await.unwrap();
        assert!(node.mesh.is_none(), "nothing of a mesh");
        let handle = node.handle();
        assert!(handle.inner.hub.is_none() && handle.inner.elsewhere.is_none());
        let refused = handle.hub().err().map(|error| error.kind);
        assert_eq!(refused, Some(ErrorKind::Policy));
        node.stop().await.unwrap();
        // The other modes need a network, and say so.
        let error = start(folder.path(), "mesh").await.err().unwrap();
        assert!(error.to_string().contains("in no network"), "{error}");
    }

    #[test]
    fn of_sampled_answers_the_first_different_ones_are_kept() {
        let drawn = ["a", "b", "a", "", "b", "c", "d"].map(str::to_owned);
        assert_eq!(different(drawn.into_iter(), 3), ["a", "b", "c"]);
    }
}
