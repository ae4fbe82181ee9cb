//! Which model tasks use: the embedded one or a file, each behind a provider that starts its child when needed.

use std::{
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use edgecoder_inference::{Config, InferenceError, Llama, Provider, WorkerProgram};
use edgecoder_node_store::{Faults, write_whole};
use edgecoder_protocol::{
    Hash,
    operator::{ErrorKind, ErrorObject, ModelView},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The name of the model that comes with the program.
pub const EMBEDDED: &str = "embedded";
/// That model: a few megabytes, trained from the project's own generator (bootstrap/model/MODEL_CARD.md).
const EMBEDDED_BYTES: &[u8] = include_bytes!("../../../bootstrap/model/seedling-q8_0.gguf");

/// A boxed answer, so that nodes can be given other models in tests.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ErrorObject>> + Send + 'a>>;

/// Where a node's models come from.
pub trait Models: Send + Sync {
    /// The active model's provider.
    fn active(&self) -> Answer<'_, Arc<dyn Provider>>;
    /// Names the active model without loading it.
    fn choose(&self, file: &str);
    /// Loads `file` and makes it active; the old one stays when that fails.
    fn switch(&self, file: &str) -> Answer<'_, ModelView>;
    /// The models at hand.
    fn list(&self) -> Pin<Box<dyn Future<Output = Vec<ModelView>> + Send + '_>>;
    /// The active model's name.
    fn file(&self) -> String;
    /// The process that runs it, when one does.
    fn pid(&self) -> Option<u32>;
}

/// Models that llama.cpp runs in a child of this daemon. Tasks that have begun keep the model they began with, so
/// for a while after a switch there may be two children.
pub struct LlamaModels {
    worker: WorkerProgram,
    threads: u32,
    cache_dir: PathBuf,
    faults: Faults,
    /// Ends every child.
    stop: CancellationToken,
    actors: TaskTracker,
    state: Mutex<State>,
}

struct State {
    file: String,
    loaded: Option<Loaded>,
}

/// A provider. Its actor and child end with its last handle: tasks that have it go on with it.
struct Loaded {
    file: String,
    llama: Llama,
}

impl LlamaModels {
    /// Models run by `worker` with `threads` (0: the default); `file` is active.
    pub fn new(
        worker: WorkerProgram,
        threads: u32,
        cache_dir: &Path,
        file: &str,
        faults: Faults,
    ) -> Self {
        let state = Mutex::new(State {
            file: file.to_owned(),
            loaded: None,
        });
        Self {
            worker,
            threads,
            cache_dir: cache_dir.to_owned(),
            faults,
            stop: CancellationToken::new(),
            actors: TaskTracker::new(),
            state,
        }
    }

    /// Ends every child.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.actors.close();
        self.actors.wait().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic while the lock was held left a whole state: it is only ever assigned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn provider(&self, file: &str) -> Result<Loaded, ErrorObject> {
        let path = if file == EMBEDDED {
            self.unpack()?
        } else {
            PathBuf::from(file)
        };
        let mut config = Config::new(path, self.worker.clone());
        if self.threads > 0 {
            config.threads = self.threads;
        }
        let (llama, actor) = Llama::spawn(config, self.stop.child_token());
        self.actors.spawn(async move {
            if let Err(error) = actor.await {
                tracing::error!(%error, "the model's actor did not end well");
            }
        });
        Ok(Loaded {
            file: file.to_owned(),
            llama,
        })
    }

    /// The embedded model as a file, named by its hash: llama.cpp loads files only. Checked at each use, since
    /// the cache folder may be cleaned or damaged.
    fn unpack(&self) -> Result<PathBuf, ErrorObject> {
        let hash = Hash::of(EMBEDDED_BYTES);
        let folder = self.cache_dir.join("models");
        let path = folder.join(format!("{hash}.gguf"));
        if std::fs::read(&path).is_ok_and(|bytes| bytes == EMBEDDED_BYTES) {
            return Ok(path);
        }
        let written = std::fs::create_dir_all(&folder)
            .and_then(|()| write_whole(&path, EMBEDDED_BYTES, 0o600, &self.faults));
        written.map(|()| path).map_err(|error| {
            let message = format!(
                "the embedded model cannot be unpacked to {}: {error}",
                folder.display()
            );
            let next = "check free space and permissions there, or set cache_dir to another folder";
            ErrorObject::new(ErrorKind::Internal, message, next)
        })
    }

    fn current(&self) -> Result<Llama, ErrorObject> {
        let mut state = self.lock();
        let file = state.file.clone();
        if let Some(loaded) = &state.loaded
            && loaded.file == file
        {
            return Ok(loaded.llama.clone());
        }
        let loaded = self.provider(&file)?;
        let llama = loaded.llama.clone();
        state.loaded = Some(loaded);
        Ok(llama)
    }
}

/// What the API reports of an inference error.
pub fn inference_error(error: &InferenceError) -> ErrorObject {
    let (kind, next) = match error {
        InferenceError::NoModel { .. } | InferenceError::BadModel { .. } => (
            ErrorKind::NoModel,
            "choose a model with `edgecoder model use FILE`, or `edgecoder model use embedded`",
        ),
        InferenceError::Refused { .. } => (
            ErrorKind::BadRequest,
            "ask for less, or use a model with more context",
        ),
        InferenceError::ChildDied { .. } => (
            ErrorKind::NoModel,
            "try again; if it happens again use another model file",
        ),
        _ => (
            ErrorKind::Internal,
            "try again; `edgecoder doctor` looks for what is wrong",
        ),
    };
    ErrorObject::new(kind, error.to_string(), next)
}

impl Models for LlamaModels {
    fn active(&self) -> Answer<'_, Arc<dyn Provider>> {
        Box::pin(async move {
            let llama = self.current()?;
            Ok(Arc::new(llama) as Arc<dyn Provider>)
        })
    }

    fn choose(&self, file: &str) {
        self.lock().file = file.to_owned();
    }

    fn switch(&self, file: &str) -> Answer<'_, ModelView> {
        let file = file.to_owned();
        Box::pin(async move {
            if file != EMBEDDED && !Path::new(&file).is_absolute() {
                let message = format!("{file:?} is not an absolute path");
                return Err(ErrorObject::new(
                    ErrorKind::BadRequest,
                    message,
                    "give the whole path",
                ));
            }
            let loaded = self.provider(&file)?;
            let card = loaded.llama.card().await;
            let card = card.map_err(|error| inference_error(&error))?;
            {
                let mut state = self.lock();
                state.file.clone_from(&file);
                state.loaded = Some(loaded);
            }
            let schema = "edgecoder/model/1".to_owned();
            Ok(ModelView {
                schema,
                file,
                active: true,
                card: Some(card),
            })
        })
    }

    fn list(&self) -> Pin<Box<dyn Future<Output = Vec<ModelView>> + Send + '_>> {
        Box::pin(async move {
            let file = self.file();
            let card = match self.current() {
                Ok(llama) => llama.card().await.ok(),
                Err(_) => None,
            };
            let schema = || "edgecoder/model/1".to_owned();
            let active = ModelView {
                schema: schema(),
                file: file.clone(),
                active: true,
                card,
            };
            let embedded = ModelView {
                schema: schema(),
                file: EMBEDDED.into(),
                active: false,
                card: None,
            };
            if file == EMBEDDED {
                vec![active]
            } else {
                vec![active, embedded]
            }
        })
    }

    fn file(&self) -> String {
        self.lock().file.clone()
    }

    fn pid(&self) -> Option<u32> {
        self.lock()
            .loaded
            .as_ref()
            .and_then(|loaded| loaded.llama.child_pid())
    }
}
