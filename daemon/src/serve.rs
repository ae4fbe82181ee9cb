//! The daemon process: locks its data folder, makes the ports, starts the node, serves its socket, stops.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use edgecoder_inference::WorkerProgram;
use edgecoder_node_store::{Faults, Opened, Store, StoreError};
use edgecoder_protocol::Millis;
use edgecoder_sandbox::{Bounds, EngineOptions, Sandbox, SandboxConfig};
use tokio::net::{UnixListener, UnixSocket};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    api, build,
    config::{Config, Mode},
    data_dir,
    network::{NetworkError, node_key},
    node::{Node, NodeError, NodeHandle, Ports},
    wiring::{LlamaModels, Models},
};

/// How long a stopping daemon waits for its last answers to be taken.
const ANSWERS_MAX: Duration = Duration::from_secs(3);
/// Hidden subcommand of the daemon that runs the sandbox's child.
pub const SANDBOX_WORKER: &str = "sandbox-worker";
/// Hidden subcommand that compiles the guest.
pub const COMPILE_GUEST: &str = "compile-guest";
/// Hidden subcommand that runs the model's child.
pub const INFERENCE_WORKER: &str = "inference-worker";
/// Hidden subcommand that measures llama.cpp alone.
pub const BENCH_PEER: &str = "bench-peer";
/// Connections that wait to be accepted: more than any script opens at once. Further ones wait to connect.
const BACKLOG: u32 = 1_024;

/// Why the daemon could not start or went down.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Another daemon works on the same data.
    #[error("another daemon uses {}: stop it with `edgecoder daemon stop`, or set another data_dir", .0.display())]
    Locked(PathBuf),
    /// A folder or file cannot be used.
    #[error("cannot use {}: {source}; check free space and permissions, or set another folder", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The node's key.
    #[error("{0}; {next}", next = .0.next())]
    Key(#[from] NetworkError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The sandbox's child cannot be made ready.
    #[error("the sandbox cannot start: {0}")]
    Sandbox(String),
}

/// The time, for ports.
pub fn now() -> Millis {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place where the daemon reads the wall clock"
    )]
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Millis(since.map_or(0, |span| {
        u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
    }))
}

/// Randomness, for ports.
pub fn random(buffer: &mut [u8]) {
    if getrandom::fill(buffer).is_err() {
        // No kernel that this runs on refuses randomness; guessable ids and keys would be worse than an end.
        std::process::abort();
    }
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// [`ServeError`] when it cannot start, or its last state could not be made durable.
pub async fn run(config: Config, faults: Faults) -> Result<(), ServeError> {
    let path = std::env::current_exe().map_err(|source| ServeError::File {
        path: "/proc/self/exe".into(),
        source,
    })?;
    let program = Program {
        path,
        build: build::running(),
    };
    let worker = WorkerProgram {
        path: program.path.clone(),
        args: vec![INFERENCE_WORKER.into()],
    };
    let models = Arc::new(LlamaModels::new(
        worker,
        config.threads,
        &config.cache_dir,
        &config.model,
        faults.clone(),
    ));
    let ended = run_with(config, faults, program, models.clone()).await;
    models.stop().await;
    ended
}

/// The daemon's program: it runs the sandbox's children, and commands compare its build with their own.
#[derive(Clone, Debug)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// Which build of it.
    pub build: String,
}

impl Program {
    /// The program at `path`; its build is empty when it is not there.
    pub fn at(path: PathBuf) -> Self {
        let build = build::of(&path).unwrap_or_default();
        Self { path, build }
    }
}

/// As [`run`], with models from elsewhere.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    config: Config,
    faults: Faults,
    program: Program,
    models: Arc<dyn Models>,
) -> Result<(), ServeError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| ServeError::File { path, source }
    };
    data_dir::make(&config.data_dir)
        .and_then(|()| data_dir::close(&config.data_dir))
        .map_err(file(&config.data_dir))?;
    data_dir::make(&config.cache_dir).map_err(file(&config.cache_dir))?;
    let locked = data_dir::lock(&config.data_dir).await;
    let Some(_lock) = locked.map_err(file(&config.data_dir))? else {
        return Err(ServeError::Locked(config.data_dir));
    };
    let key = node_key(&config.data_dir, random, &faults)?;
    let database = config.data_dir.join("db");
    let Opened { store, set_aside } = Store::open(&database, &faults)?;
    if let Some(path) = set_aside {
        warn!(path = %path.display(), "the database could not be read and was set aside; a new one is begun");
    }
    let unbounded = SandboxConfig {
        faults: faults.clone(),
        ..sandbox_config(program.path, &config)
    };
    let lent = lent_sandbox(&config, &unbounded);
    let sandbox = Sandbox::start(unbounded);
    let listener = listen(&config.socket)?;
    let socket = config.socket.clone();
    let ports = Ports {
        store,
        sandbox: sandbox.clone(),
        lent: lent.clone(),
        models,
        build: program.build,
        key,
        clock: now,
        random,
    };
    let node = Node::start(config, ports).await?;
    let handle = node.handle();
    info!(node = %handle.status().await.node, socket = %socket.display(), "edgecoderd listens");
    let served = answer(listener, handle).await;
    // Gone first: a client must not find a daemon that no longer serves.
    fs::remove_file(&socket).ok();
    let ended = node.stop().await;
    sandbox.stop().await;
    if let Some(lent) = lent {
        lent.stop().await;
    }
    info!("edgecoderd has stopped");
    served.map_err(file(&socket))?;
    Ok(ended?)
}

/// Serves the operator API until the node stops or the process is told to.
async fn answer(listener: UnixListener, node: NodeHandle) -> io::Result<()> {
    let stopping = node.stopping().clone();
    let stopped = {
        let stopping = stopping.clone();
        async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                () = signalled() => stopping.cancel(),
            }
        }
    };
    let serving = axum::serve(listener, api::router(node)).with_graceful_shutdown(stopped);
    tokio::select! {
        served = serving.into_future() => served,
        () = overdue(&stopping) => Ok(()),
    }
}

/// Some time after the node began to stop: a client that never finishes its request must not hold up the end.
async fn overdue(stopping: &CancellationToken) {
    stopping.cancelled().await;
    tokio::time::sleep(ANSWERS_MAX).await;
}

/// How the daemon, and a benchmark in its place, runs the sandbox: `program` is `edgecoderd`.
pub fn sandbox_config(program: PathBuf, config: &Config) -> SandboxConfig {
    SandboxConfig {
        program,
        args: vec![SANDBOX_WORKER.into()],
        cache_dir: config.cache_dir.clone(),
        threads: config.sandbox_threads as usize,
        options: EngineOptions::default(),
        bounds: Bounds::default(),
        faults: Faults::default(),
    }
}

/// A sandbox of its own for what is done for others, where their share is bounded. Its children are started with the
/// first work for them.
fn lent_sandbox(config: &Config, unbounded: &SandboxConfig) -> Option<Sandbox> {
    let worker = &config.mesh.worker;
    let bounds = Bounds {
        cpu_percent: worker.cpu_percent,
        memory: worker.memory,
    };
    let works = config.mode != Mode::Local && config.roles.iter().any(|role| role == "worker");
    (works && !bounds.are_none()).then(|| {
        Sandbox::start(SandboxConfig {
            bounds,
            ..unbounded.clone()
        })
    })
}

async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        // Without handlers the default action ends the process, which a crash-safe store survives.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

/// Listens on `socket`, for this user only. A stale socket of a daemon that died is replaced: the data folder's
/// lock has shown that it is dead, and a connection attempt shows that nobody else listens.
fn listen(socket: &Path) -> Result<UnixListener, ServeError> {
    let fail = |source| ServeError::File {
        path: socket.to_owned(),
        source,
    };
    if let Some(folder) = socket.parent() {
        data_dir::make(folder).map_err(fail)?;
    }
    if std::os::unix::net::UnixStream::connect(socket).is_ok() {
        return Err(ServeError::Locked(socket.to_owned()));
    }
    match fs::symlink_metadata(socket) {
        Ok(found) if std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) => {
            fs::remove_file(socket).map_err(fail)?;
        }
        Ok(_) => {
            let source = io::Error::other("it exists and is not a socket");
            return Err(fail(source));
        }
        Err(_) => {}
    }
    // Restricted before it listens: nobody else can connect in between. No other name is needed for that, which
    // could be longer than a socket's path may be.
    let bound = UnixSocket::new_stream().map_err(fail)?;
    bound.bind(socket).map_err(fail)?;
    fs::set_permissions(socket, Permissions::from_mode(0o600)).map_err(fail)?;
    bound.listen(BACKLOG).map_err(fail)
}
