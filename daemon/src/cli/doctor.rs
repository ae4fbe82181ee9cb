//! `edgecoder doctor`: looks at what an installation needs; each failure names its remedy.

use std::{os::unix::fs::PermissionsExt, path::Path};

use edgecoder_protocol::{
    operator::{ExecAnswer, ExecRequest, ModelView, NodeStatus, WorkerView},
    task::PrivacyClass,
};
use edgecoder_sandbox::Sandbox;
use serde::Serialize;

use super::{
    Place,
    client::Client,
    failure::{FAILED, Failure},
    manage::print_json,
    screen::{self, Tone},
};
use crate::{config::Mode, data_dir, serve::sandbox_config};

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    ok: bool,
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    found: String,
    remedy: String,
}

impl Check {
    fn of(name: &'static str, found: Result<String, (String, String)>) -> Self {
        match found {
            Ok(found) => Self {
                name,
                ok: true,
                found,
                remedy: String::new(),
            },
            Err((found, remedy)) => Self {
                name,
                ok: false,
                found,
                remedy,
            },
        }
    }
}

/// `edgecoder doctor`.
pub async fn run(at: &Place, json: bool) -> Result<u8, Failure> {
    let spinner = screen::spinner("looking");
    let mut checks = vec![
        // Keys, tasks and bundles are nobody else's to read; compiled guests must only not be written by others.
        Check::of("data folder", folder(&at.config.data_dir, 0o077)),
        Check::of("cache folder", folder(&at.config.cache_dir, 0o022)),
        Check::of("free space", free_space(&at.config.data_dir)),
    ];
    match at.client().await {
        Err(failure) => checks.push(Check::of("daemon", Err((failure.message, failure.next)))),
        Ok(client) => {
            checks.push(Check::of("daemon", daemon(&client).await));
            checks.push(Check::of(
                "node key",
                key(&at.config.data_dir.join("node.key")),
            ));
            checks.push(Check::of("sandbox", sandbox(&client).await));
            checks.push(Check::of("sandbox sealed", sealed(at).await));
            checks.push(Check::of("model", model(&client).await));
            if at.config.mode != Mode::Local && at.config.roles.iter().any(|role| role == "worker")
            {
                checks.push(Check::of("worker bounds", bounds(&client).await));
            }
        }
    }
    spinner.finish_and_clear();
    let ok = checks.iter().all(|check| check.ok);
    if json {
        print_json(&Report {
            schema: "edgecoder/doctor/1",
            ok,
            checks,
        })?;
    } else {
        for check in &checks {
            let (mark, tone) = if check.ok {
                ("ok  ", Tone::Good)
            } else {
                ("FAIL", Tone::Bad)
            };
            let found = screen::safe(&check.found);
            screen::line(format!(
                "{} {:<14} {found}",
                screen::out(mark, tone),
                check.name
            ));
            if !check.ok {
                screen::line(format!("     remedy: {}", screen::safe(&check.remedy)));
            }
        }
    }
    Ok(if ok { 0 } else { FAILED })
}

type Found = Result<String, (String, String)>;

/// Whether a folder can be written, and none of the rights `closed` is open to others.
fn folder(path: &Path, closed: u32) -> Found {
    let remedy = || {
        format!(
            "mkdir -p {0} && chown $USER {0} && chmod 700 {0}",
            path.display()
        )
    };
    let fail = |error: std::io::Error| (format!("{}: {error}", path.display()), remedy());
    data_dir::make(path).map_err(fail)?;
    let probe = path.join(format!(".doctor-{}.tmp", std::process::id()));
    std::fs::write(&probe, b"probe").map_err(fail)?;
    std::fs::remove_file(&probe).map_err(fail)?;
    let mode = std::fs::metadata(path).map_err(fail)?.permissions().mode() & 0o777;
    if mode & closed != 0 {
        return Err((
            format!("{} is open to others (mode {mode:o})", path.display()),
            remedy(),
        ));
    }
    Ok(format!("{} can be written", path.display()))
}

fn free_space(path: &Path) -> Found {
    let look = |error: rustix::io::Errno| (error.to_string(), format!("df -h {}", path.display()));
    let stat = rustix::fs::statvfs(path).map_err(look)?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let found = format!("{} MB free", free / 1_000_000);
    // A compiled guest, a database and a bundle or two.
    if free < 200_000_000 {
        return Err((
            found,
            format!("free at least 200 MB on the disk of {}", path.display()),
        ));
    }
    Ok(found)
}

async fn daemon(client: &Client) -> Found {
    let status: Result<NodeStatus, Failure> = client.get("/v1/status").await;
    let status = status.map_err(|failure| (failure.message, failure.next))?;
    if status.version != env!("CARGO_PKG_VERSION") {
        let found = format!(
            "it is version {}, this is {}",
            status.version,
            env!("CARGO_PKG_VERSION")
        );
        return Err((found, "edgecoder daemon stop".into()));
    }
    Ok(format!(
        "process {}, {} MB, mode {}",
        status.pid,
        status.rss.0 / 1_000_000,
        status.mode
    ))
}

fn key(path: &Path) -> Found {
    let remedy = || format!("chmod 600 {}", path.display());
    let metadata = std::fs::metadata(path).map_err(|error| (error.to_string(), remedy()))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err((
            format!("{} may be read by others (mode {mode:o})", path.display()),
            remedy(),
        ));
    }
    Ok(format!("{} is private", path.display()))
}

async fn sandbox(client: &Client) -> Found {
    let failed = |failure: Failure| (failure.message, failure.next);
    let path = edgecoder_protocol::RelPath::new("doctor.py")
        .map_err(|error| (error.to_string(), "report this as a bug".to_owned()))?;
    let code = edgecoder_protocol::operator::Blob(b"print(sum(range(10)))\n".to_vec());
    let request = ExecRequest {
        files: edgecoder_protocol::operator::Files([(path.clone(), code)].into()),
        entry: path,
        tests: None,
        stdin: edgecoder_protocol::operator::Blob::default(),
        seed: 0,
        limits: None,
        bundle: false,
        privacy: PrivacyClass::Local,
    };
    let answer: ExecAnswer = client
        .post("/v1/executions", &request)
        .await
        .map_err(failed)?;
    if answer.stdout == "45\n" {
        Ok(format!(
            "a run took {} fuel in {} ms",
            answer.fuel, answer.wall_ms
        ))
    } else {
        let found = format!(
            "a run that should print 45 ended as {}: {}",
            answer.outcome, answer.reason
        );
        Err((
            found,
            "remove the cache folder's guests/ and run this again".into(),
        ))
    }
}

async fn sealed(at: &Place) -> Found {
    let sandbox = Sandbox::start(sandbox_config(super::daemon::program(), &at.config));
    let tried = sandbox.self_test().await;
    sandbox.stop().await;
    let remedy = "use a Linux kernel with seccomp (CONFIG_SECCOMP_FILTER), version 5.13 or newer";
    let tried = tried.map_err(|error| (error.to_string(), remedy.to_owned()))?;
    let open: Vec<&str> = tried
        .iter()
        .filter(|(_, refused)| !refused)
        .map(|(attempt, _)| attempt.as_str())
        .collect();
    if open.is_empty() {
        Ok(format!(
            "all {} attempts to reach out were refused",
            tried.len()
        ))
    } else {
        Err((format!("not refused: {}", open.join(", ")), remedy.into()))
    }
}

/// What keeps work for others within its share. That a weaker layer does is no failure: it says what it guarantees.
async fn bounds(client: &Client) -> Found {
    let worker: Result<WorkerView, Failure> = client.get("/v1/worker").await;
    let worker = worker.map_err(|failure| (failure.message, failure.next))?;
    let bounds = worker.bounds;
    Ok(format!("{}: {}", bounds.layer, bounds.guarantee))
}

async fn model(client: &Client) -> Found {
    let models: Result<Vec<ModelView>, Failure> = client.get("/v1/models").await;
    let models = models.map_err(|failure| (failure.message, failure.next))?;
    let active = models.into_iter().find(|model| model.active);
    match active {
        Some(ModelView {
            file,
            card: Some(card),
            ..
        }) => Ok(format!(
            "{file}: {}, {} parameters",
            card.name,
            screen::count(card.parameters)
        )),
        Some(model) => Err((
            format!("{} cannot be loaded", model.file),
            "edgecoder model use embedded".into(),
        )),
        None => Err((
            "none is active".into(),
            "edgecoder model use embedded".into(),
        )),
    }
}
