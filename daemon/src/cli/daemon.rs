//! Finding the daemon, starting one when none runs, and `edgecoder daemon`.

use std::{
    fs::OpenOptions,
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use edgecoder_protocol::operator::NodeStatus;

use super::{
    Place,
    args::DaemonAction,
    client::Client,
    failure::{Failure, UNREACHABLE},
    screen::{self, Tone},
};

/// How often and how long to look for a daemon that was just started: 15 s in all, most of it for a slow disk.
const LOOKS: u32 = 300;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The daemon at the configured socket, started when none runs there. It is left running.
pub async fn ensure(at: &Place) -> Result<Client, Failure> {
    if let Ok(client) = Client::connect(&at.config.socket) {
        return Ok(client);
    }
    let mut child = spawn(at)?;
    let spinner = screen::spinner("starting edgecoderd");
    for _ in 0..LOOKS {
        if let Ok(client) = Client::connect(&at.config.socket) {
            spinner.finish_and_clear();
            return Ok(client);
        }
        if let Ok(Some(status)) = child.try_wait() {
            spinner.finish_and_clear();
            // Another command may have started one at the same moment; then ours gave way to it.
            if let Ok(client) = Client::connect(&at.config.socket) {
                return Ok(client);
            }
            let log = log_file(at);
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let last = said.lines().last().unwrap_or("it said nothing").to_owned();
            return Err(Failure::new(
                UNREACHABLE,
                format!("edgecoderd did not start ({status}): {last}"),
                format!("correct that and try again; its log is {}", log.display()),
            ));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    spinner.finish_and_clear();
    Err(Failure::new(
        UNREACHABLE,
        format!(
            "edgecoderd did not open {} in time",
            at.config.socket.display()
        ),
        format!("see its log, {}", log_file(at).display()),
    ))
}

/// `edgecoderd` beside this program, else on the PATH.
pub fn program() -> PathBuf {
    let beside = std::env::current_exe()
        .ok()
        .map(|me| me.with_file_name("edgecoderd"));
    beside
        .filter(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from("edgecoderd"))
}

fn log_file(at: &Place) -> PathBuf {
    at.config.data_dir.join("edgecoderd.log")
}

fn spawn(at: &Place) -> Result<std::process::Child, Failure> {
    let log = log_file(at);
    let folder = &at.config.data_dir;
    std::fs::create_dir_all(folder).map_err(|error| Failure::file("make", folder, &error))?;
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&log)
        .map_err(|error| Failure::file("write", &log, &error))?;
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
    command.spawn().map_err(|error| {
        let next = "install it beside `edgecoder` (`cargo quickstart` builds both)";
        Failure::new(
            UNREACHABLE,
            format!("cannot start {}: {error}", program.display()),
            next,
        )
    })
}

/// `edgecoder daemon`.
pub async fn run(at: &Place, action: DaemonAction) -> Result<u8, Failure> {
    let Ok(client) = Client::connect(&at.config.socket) else {
        screen::line(format!("no daemon runs at {}", at.config.socket.display()));
        return Ok(match action {
            DaemonAction::Status { .. } => UNREACHABLE,
            DaemonAction::Stop => 0,
        });
    };
    match action {
        DaemonAction::Status { json } => {
            let status: NodeStatus = client.get("/v1/status").await?;
            if json {
                return super::manage::print_json(&status);
            }
            show(&status);
        }
        DaemonAction::Stop => {
            let status: NodeStatus = client.post_bytes("/v1/stop", Vec::new()).await?;
            let spinner = screen::spinner("waiting for what runs to stop");
            for _ in 0..LOOKS {
                if Client::connect(&at.config.socket).is_err() {
                    spinner.finish_and_clear();
                    screen::line(format!("edgecoderd (process {}) has stopped", status.pid));
                    return Ok(0);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            return Err(Failure::new(
                UNREACHABLE,
                format!("edgecoderd (process {}) is still stopping", status.pid),
                "wait, or end that process",
            ));
        }
    }
    Ok(0)
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
