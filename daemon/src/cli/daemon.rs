//! Finding the daemon, starting one when none runs, replacing one of another build, and `edgecoder daemon`.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use edgecoder_protocol::operator::NodeStatus;
use serde_json::json;

use super::{
    Place,
    args::DaemonAction,
    client::Client,
    failure::{Failure, UNREACHABLE},
    manage::print_json,
    screen::{self, Tone},
};
use crate::{build, data_dir};

/// How often and how long to look for a daemon that starts or stops: 15 s in all, most of it for a slow disk.
const LOOKS: u32 = 300;
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a daemon may take to say which build it is. One that is busy is used as it is.
const BUILD_WAIT: Duration = Duration::from_secs(1);
/// Bytes of a log that is appended to; a larger one is set aside at the next start.
const LOG_MAX: u64 = 10 << 20;
/// The program's name.
const PROGRAM: &str = "edgecoderd";

/// The daemon at the configured socket, started when none runs there. It is left running.
pub async fn ensure(at: &Place) -> Result<Client, Failure> {
    match Client::connect(&at.config.socket) {
        Ok(client) => current(at, client).await,
        Err(_) => start(at).await,
    }
}

/// `client`, or a new daemon in its place when it runs another build than this command would start: after an
/// update the old program would otherwise work on for days.
async fn current(at: &Place, client: Client) -> Result<Client, Failure> {
    let Some(own) = build::of(&program()) else {
        return Ok(client);
    };
    let status = tokio::time::timeout(BUILD_WAIT, client.get::<NodeStatus>("/v1/status")).await;
    // Whatever else is wrong, the command itself will say.
    let Ok(Ok(status)) = status else {
        return Ok(client);
    };
    if status.build == own {
        return Ok(client);
    }
    if status.tasks_open > 0 {
        screen::aside(format!(
            "note: edgecoderd (process {}) is of another build than this command, and works on {}; \
             `edgecoder daemon stop` replaces it, and the work begins again",
            status.pid,
            screen::plural(status.tasks_open, "task")
        ));
        return Ok(client);
    }
    screen::aside("note: edgecoderd was of another build than this command, and is started anew");
    stop(at, &client, &status).await?;
    start(at).await
}

async fn start(at: &Place) -> Result<Client, Failure> {
    let spinner = screen::spinner("starting edgecoderd");
    let started = started(at).await;
    spinner.finish_and_clear();
    started
}

/// Starts a daemon unless another works on the same data: one that another command just started, and that will
/// listen soon, or one that is stopping, in whose place ours is started then.
async fn started(at: &Place) -> Result<Client, Failure> {
    let mut own: Option<Started> = None;
    for _ in 0..LOOKS {
        if let Ok(client) = Client::connect(&at.config.socket) {
            return Ok(client);
        }
        let ended = match &mut own {
            None => None,
            // A status that cannot be read yet is read at the next look.
            Some(started) => started.process.try_wait().ok().flatten(),
        };
        let in_use = data_dir::in_use(&at.config.data_dir);
        match (&own, ended) {
            (Some(started), Some(status)) if !in_use => return Err(died(at, started, status)),
            // It gave way to another.
            (Some(_), Some(_)) => own = None,
            (None, _) if !in_use => own = Some(spawn(at)?),
            (Some(_) | None, _) => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let socket = at.config.socket.display();
    Err(if own.is_some() {
        Failure::new(
            UNREACHABLE,
            format!("edgecoderd did not open {socket} in time"),
            format!("see its log, {}", log_file(at).display()),
        )
    } else {
        Failure::new(
            UNREACHABLE,
            format!(
                "another daemon uses {} and does not listen at {socket}",
                at.config.data_dir.display()
            ),
            "stop it with `edgecoder daemon stop` and the --socket it was started with, or set another data_dir",
        )
    })
}

/// `edgecoderd` beside this program, else on the PATH.
pub fn program() -> PathBuf {
    let beside = std::env::current_exe()
        .ok()
        .map(|me| me.with_file_name(PROGRAM));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(PROGRAM));
    beside
        .into_iter()
        .chain(on_path)
        .find(|path| path.is_absolute() && path.is_file())
        .unwrap_or_else(|| PathBuf::from(PROGRAM))
}

fn log_file(at: &Place) -> PathBuf {
    at.config.data_dir.join("edgecoderd.log")
}

/// A daemon that this command started.
struct Started {
    process: Child,
    /// Where in the log it began.
    begin: u64,
}

/// Opens the log for appending: another daemon, which wins a race with ours, may write to it too.
fn open_log(log: &Path) -> std::io::Result<(File, u64)> {
    if std::fs::metadata(log).is_ok_and(|found| found.len() > LOG_MAX) {
        std::fs::rename(log, log.with_extension("log.old"))?;
    }
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).open(log)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

fn spawn(at: &Place) -> Result<Started, Failure> {
    let log = log_file(at);
    let folder = &at.config.data_dir;
    data_dir::make(folder).map_err(|error| Failure::file("make", folder, &error))?;
    let (file, begin) = open_log(&log).map_err(|error| Failure::file("write", &log, &error))?;
    let program = program();
    let mut command = Command::new(&program);
    for (key, value) in &at.arguments {
        command
            .arg(format!("--{}", key.replace('_', "-")))
            .arg(value);
    }
    // A process group of its own: closing the terminal or Ctrl-C here does not stop its work.
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .process_group(0);
    let process = command.spawn().map_err(|error| {
        let next = "install it beside `edgecoder` (`cargo quickstart` builds both)";
        Failure::new(
            UNREACHABLE,
            format!("cannot start {}: {error}", program.display()),
            next,
        )
    })?;
    Ok(Started { process, begin })
}

/// What a daemon said before it ended by itself.
fn died(at: &Place, started: &Started, status: ExitStatus) -> Failure {
    let log = log_file(at);
    let said = File::open(&log).and_then(|mut file| {
        file.seek(SeekFrom::Start(started.begin))?;
        let mut bytes = Vec::new();
        file.take(LOG_MAX).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    });
    let said = said.unwrap_or_default();
    let last = said.lines().last().unwrap_or("it said nothing");
    Failure::new(
        UNREACHABLE,
        format!("edgecoderd did not start ({status}): {last}"),
        format!("correct that and try again; its log is {}", log.display()),
    )
}

/// `edgecoder daemon`.
pub async fn run(at: &Place, action: DaemonAction) -> Result<u8, Failure> {
    match action {
        DaemonAction::Status { json } => status(at, json).await,
        DaemonAction::Stop => stop_any(at).await,
    }
}

async fn status(at: &Place, json: bool) -> Result<u8, Failure> {
    let Ok(client) = Client::connect(&at.config.socket) else {
        if json {
            print_json(&json!({"schema": "edgecoder/status/1", "running": false}))?;
        } else {
            none_runs(at);
        }
        return Ok(UNREACHABLE);
    };
    let status: NodeStatus = client.get("/v1/status").await?;
    if json {
        return print_json(&status);
    }
    show(&status);
    Ok(0)
}

fn none_runs(at: &Place) {
    screen::line(format!("no daemon runs at {}", at.config.socket.display()));
}

/// Stops the daemon at `at` without a word on the screen.
pub async fn stop_quietly(at: &Place) -> Result<(), Failure> {
    let client = Client::connect(&at.config.socket)
        .map_err(|error| Failure::new(UNREACHABLE, error.to_string(), "it has ended already"))?;
    let status: NodeStatus = client.get("/v1/status").await?;
    stop(at, &client, &status).await
}

/// Stops the daemon that listens, or waits for one that starts or stops just now.
async fn stop_any(at: &Place) -> Result<u8, Failure> {
    for _ in 0..LOOKS {
        if let Ok(client) = Client::connect(&at.config.socket) {
            match client.get::<NodeStatus>("/v1/status").await {
                Ok(status) => {
                    stop(at, &client, &status).await?;
                    screen::line(format!("edgecoderd (process {}) has stopped", status.pid));
                    return Ok(0);
                }
                // It ended in this moment, or is about to.
                Err(failure) if failure.code == UNREACHABLE => {}
                Err(failure) => return Err(failure),
            }
        } else if !data_dir::in_use(&at.config.data_dir) {
            none_runs(at);
            return Ok(0);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(Failure::new(
        UNREACHABLE,
        format!(
            "a daemon uses {} and does not listen at {}",
            at.config.data_dir.display(),
            at.config.socket.display()
        ),
        "if it is still stopping, wait; else name its socket with --socket",
    ))
}

/// Asks the daemon to stop and waits until it has let go of its data: only then can another begin.
async fn stop(at: &Place, client: &Client, status: &NodeStatus) -> Result<(), Failure> {
    let asked: Result<NodeStatus, Failure> = client.post_bytes("/v1/stop", Vec::new()).await;
    match asked {
        // A daemon that dies before it has answered has stopped, too.
        Err(failure) if failure.code != UNREACHABLE => return Err(failure),
        Ok(_) | Err(_) => {}
    }
    let spinner = screen::spinner("waiting for what runs to stop");
    for _ in 0..LOOKS {
        let gone = match Client::connect(&at.config.socket) {
            Err(_) => !data_dir::in_use(Path::new(&status.data_dir)),
            // Another command may have started the next one already.
            Ok(client) => client
                .get::<NodeStatus>("/v1/status")
                .await
                .is_ok_and(|now| now.pid != status.pid),
        };
        if gone {
            spinner.finish_and_clear();
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    spinner.finish_and_clear();
    Err(Failure::new(
        UNREACHABLE,
        format!("edgecoderd (process {}) is still stopping", status.pid),
        "wait, or end that process",
    ))
}

fn show(status: &NodeStatus) {
    let seconds = status.uptime_ms / 1_000;
    screen::line(screen::out("edgecoderd is running", Tone::Good));
    let rows = [
        ("version", status.version.clone()),
        ("process", status.pid.to_string()),
        ("node", status.node.to_string()),
        ("mode", status.mode.clone()),
        ("roles", status.roles.join(", ")),
        ("profile", status.profile.to_string()),
        (
            "up",
            format!(
                "{}h {:02}m {:02}s",
                seconds / 3_600,
                seconds / 60 % 60,
                seconds % 60
            ),
        ),
        ("open tasks", status.tasks_open.to_string()),
        ("memory", format!("{} MB", status.rss.0 / 1_000_000)),
        ("data", status.data_dir.clone()),
        ("model", status.model.clone()),
    ];
    for (name, value) in rows {
        screen::line(format!("  {name:<11} {value}"));
    }
    for (name, pid) in &status.children {
        screen::line(format!("  {:<11} process {pid}", name));
    }
}
