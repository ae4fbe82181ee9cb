//! `edgecoder ledger`: the ledger as the daemon has it, proofs of it, and their check without a daemon.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use edgecoder_protocol::{
    Millis,
    ledger::{
        light::{Anchor, LightClient},
        shown::{FILE_MAX, ProofFile, Shown},
    },
    network::{Genesis, InviteLine},
    operator::{BlockView, LedgerReport, LedgerView, ProofRequest},
};

use super::{
    Place,
    args::{LedgerAction, Prove},
    client::Client,
    failure::{FAILED, Failure, INTERNAL, USAGE},
    files,
    manage::print_json,
    screen::{self, Tone},
};
use crate::{
    config::Mode,
    network::{self, Network},
    node,
    serve::now,
    wiring::{council_folder, local_genesis},
};

/// How often a watcher asks for the next block.
const WATCH: Duration = Duration::from_millis(300);

/// `edgecoder ledger`.
pub async fn run(at: &Place, action: LedgerAction) -> Result<u8, Failure> {
    match action {
        LedgerAction::Status { json } => status(at, json).await,
        LedgerAction::Verify { json } => verify(at, json).await,
        LedgerAction::Show { height, json } => show(at, height, json).await,
        LedgerAction::Watch { json } => watch(at, json).await,
        LedgerAction::Prove(args) => prove(at, args).await,
        LedgerAction::CheckProof { file, invite } => check_proof(at, &file, invite.as_deref()),
        LedgerAction::Export { out } => export(at, out).await,
    }
}

async fn status(at: &Place, json: bool) -> Result<u8, Failure> {
    let view: LedgerView = at.client().await?.get("/v1/ledger").await?;
    if json {
        return print_json(&view);
    }
    screen::line(format!(
        "network   {} ({})",
        screen::safe(&view.name),
        view.network
    ));
    screen::line(format!(
        "blocks    {}, entries {}",
        screen::count(view.height),
        screen::count(view.entries)
    ));
    if view.height > 0 {
        screen::line(format!("last      {}", screen::moment(view.time)));
    }
    screen::line(format!("head      {}", view.head));
    screen::line(format!("log       {}", view.log));
    screen::line(format!("state     {} ({} values)", view.state, view.values));
    screen::line(format!("waiting   {}", view.waiting));
    screen::line(format!(
        "syncs     {} of the vote log, {} of the ledger, since the start",
        view.vote_syncs, view.ledger_syncs
    ));
    for what in &view.mended {
        let what = format!("mended    {}", screen::safe(what));
        screen::line(screen::out(&what, Tone::Bad));
    }
    Ok(0)
}

async fn verify(at: &Place, json: bool) -> Result<u8, Failure> {
    let spinner = screen::spinner("checking");
    let report: Result<LedgerReport, Failure> = match Client::connect(&at.config.socket) {
        Ok(client) => client.post("/v1/ledger/verify", &()).await,
        Err(_) => verify_files(at),
    };
    spinner.finish_and_clear();
    let report = report?;
    let code = if report.problem.is_some() { FAILED } else { 0 };
    if json {
        print_json(&report)?;
        return Ok(code);
    }
    screen::line(format!(
        "blocks that hold: {}, entries of them: {}; state {}",
        screen::count(report.blocks),
        screen::count(report.entries),
        report.state
    ));
    match &report.problem {
        None => screen::line(screen::out("nothing is damaged", Tone::Good)),
        Some(problem) => {
            let text = format!("damaged: {}", screen::safe(problem));
            screen::line(screen::out(&text, Tone::Bad));
            screen::line(
                "next:  restart the daemon: it sets what is damaged aside and fetches it anew",
            );
        }
    }
    Ok(code)
}

/// Without a daemon, a copy of the files is checked, so that nothing is changed.
fn verify_files(at: &Place) -> Result<LedgerReport, Failure> {
    let genesis = founding(at)?;
    let folder = council_folder(&at.config.data_dir, genesis.id());
    let copy = std::env::temp_dir().join(format!("edgecoder-verify-{}", std::process::id()));
    let copied = copy_folder(&folder, &copy);
    let checked = copied
        .map_err(|error| Failure::file("read", &folder, &error))
        .and_then(|()| {
            let checked = edgecoder_council::verify_files(&copy, &genesis);
            checked.map(node::report).map_err(|error| {
                let next = "restart the daemon: it sets what is damaged aside and fetches it anew";
                Failure::new(FAILED, error.to_string(), next)
            })
        });
    if let Err(error) = std::fs::remove_dir_all(&copy) {
        screen::aside(format!("{} was left behind: {error}", copy.display()));
    }
    checked
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir(to)?;
    for found in std::fs::read_dir(from)? {
        let found = found?;
        // What an earlier start has set aside is known to be damaged.
        if found.file_name().to_string_lossy().contains(".broken-") {
            continue;
        }
        let target = to.join(found.file_name());
        match found.file_type()?.is_dir() {
            true => copy_folder(&found.path(), &target)?,
            false => {
                std::fs::copy(found.path(), target)?;
            }
        }
    }
    Ok(())
}

/// What this node's network was founded with; a node that is in none has one of its own.
fn founding(at: &Place) -> Result<Genesis, Failure> {
    let data_dir = &at.config.data_dir;
    if at.config.mode == Mode::Local {
        let id = network::node_id(data_dir)?;
        let none = || {
            Failure::new(
                USAGE,
                "this node has no ledger yet",
                "`edgecoder ledger status`",
            )
        };
        return id.map(local_genesis).ok_or_else(none);
    }
    match Network::load(data_dir)? {
        Some(network) => Ok(network.genesis),
        None => Err(Failure::new(
            USAGE,
            "this node is in no network",
            "`edgecoder network join LINE`, or give an invite with --invite",
        )),
    }
}

/// What this node believes of its network's ledger by its files alone.
fn believed(at: &Place) -> Result<Anchor, Failure> {
    match Network::load(&at.config.data_dir)? {
        Some(network) => Ok(network.begins_at()),
        None => Ok(Anchor::of_genesis(&founding(at)?)),
    }
}

async fn show(at: &Place, height: Option<u64>, json: bool) -> Result<u8, Failure> {
    let client = at.client().await?;
    let height = match height {
        Some(height) => height,
        None => client.get::<LedgerView>("/v1/ledger").await?.height,
    };
    let block: BlockView = client.get(&format!("/v1/ledger/blocks/{height}")).await?;
    if json {
        return print_json(&block);
    }
    print_block(&block);
    Ok(0)
}

fn print_block(block: &BlockView) {
    let heading = format!(
        "block {}  {}  round {}  {}",
        block.height,
        screen::moment(block.time),
        block.round,
        block.id
    );
    screen::line(screen::out(&heading, Tone::Dim));
    for entry in &block.entries {
        screen::line(format!("{:>8}  {}", entry.index, screen::safe(&entry.what)));
        screen::line(format!("          by {} ({})", entry.signer, entry.nonce));
    }
}

async fn watch(at: &Place, json: bool) -> Result<u8, Failure> {
    let client = at.client().await?;
    let mut seen = client.get::<LedgerView>("/v1/ledger").await?.height;
    loop {
        let height = client.get::<LedgerView>("/v1/ledger").await?.height;
        while seen < height {
            seen += 1;
            let block: BlockView = client.get(&format!("/v1/ledger/blocks/{seen}")).await?;
            match json {
                true => {
                    let line = serde_json::to_string(&block);
                    screen::line(line.map_err(|error| odd(&error))?);
                }
                false => print_block(&block),
            }
        }
        tokio::time::sleep(WATCH).await;
    }
}

fn odd(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        INTERNAL,
        error.to_string(),
        "`edgecoder doctor` looks for what is wrong",
    )
}

async fn prove(at: &Place, args: Prove) -> Result<u8, Failure> {
    let request = match (args.entry, args.state) {
        (Some(index), _) => ProofRequest::Entry(index),
        (None, Some(key)) => ProofRequest::State(key),
        // The grammar asks for one of them.
        (None, None) => {
            return Err(Failure::new(
                USAGE,
                "nothing to prove",
                "name an entry or a key",
            ));
        }
    };
    let proof: ProofFile = at
        .client()
        .await?
        .post("/v1/ledger/proofs", &request)
        .await?;
    let text = serde_json::to_string_pretty(&proof).map_err(|error| odd(&error))?;
    screen::line(text);
    Ok(0)
}

/// Nobody is asked: the founding or the invite, and the file, are all there is.
fn check_proof(at: &Place, file: &Path, invite: Option<&str>) -> Result<u8, Failure> {
    let now = now();
    let anchor = match invite {
        Some(line) => anchor_of(line, now)?,
        // A node that is alone has founded its network itself, and trusts that for as long as it is.
        None if at.config.mode == Mode::Local => Anchor {
            at: now,
            ..Anchor::of_genesis(&founding(at)?)
        },
        None => believed(at)?,
    };
    let bytes = match file.as_os_str() == "-" {
        true => files::read_stdin()?,
        false => files::read_up_to(file, FILE_MAX as u64)?,
    };
    let wrong = |error: &dyn std::fmt::Display| {
        let next = "ask for a fresh one: `edgecoder ledger prove`";
        Failure::new(FAILED, format!("this proves nothing: {error}"), next)
    };
    let proof: ProofFile = serde_json::from_slice(&bytes).map_err(|error| wrong(&error))?;
    let mut client = LightClient::new(anchor);
    let shown = proof
        .check(&mut client, now)
        .map_err(|error| wrong(&error))?;
    let head = client.anchor().head.as_ref();
    let (height, time) = head.map_or((0, Millis(0)), |head| (head.height, head.time));
    screen::line(screen::out("it holds", Tone::Good));
    screen::line(format!("by block {height} of {}", screen::moment(time)));
    match shown {
        Shown::Entry { entry, index } => {
            let what = entry.open().map(|(entry, _)| entry.body.to_string());
            screen::line(format!("entry {index} is by {}", entry.claimant()));
            screen::line(screen::safe(&what.unwrap_or_default()));
        }
        Shown::State { key, value: None } => screen::line(format!("{key} has no value")),
        Shown::State {
            key,
            value: Some(value),
        } => screen::line(format!("{key} is {}", screen::safe(&format!("{value:?}")))),
    }
    Ok(0)
}

fn anchor_of(line: &str, now: Millis) -> Result<Anchor, Failure> {
    let text = match line {
        "-" => files::read_stdin_text()?,
        line => line.to_owned(),
    };
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(USAGE, error.to_string(), "ask an operator for a new invite")
    };
    let invite: InviteLine = text.parse().map_err(|error| failed(&error))?;
    let invite = invite.open(now).map_err(|error| failed(&error))?;
    Ok(invite.anchor.clone())
}

async fn export(at: &Place, out: Option<PathBuf>) -> Result<u8, Failure> {
    let client = at.client().await?;
    let view: LedgerView = client.get("/v1/ledger").await?;
    let mut lines = client.lines("/v1/ledger/export").await?;
    let mut file = match &out {
        None => None,
        Some(path) => {
            let made = std::fs::File::create(path);
            Some(std::io::BufWriter::new(
                made.map_err(|error| Failure::file("write", path, &error))?,
            ))
        }
    };
    let mut blocks = 0_u64;
    while let Some(line) = lines.next_line().await? {
        match (&mut file, &out) {
            (Some(file), Some(path)) => {
                writeln!(file, "{line}").map_err(|error| Failure::file("write", path, &error))?;
            }
            _ => screen::line(line),
        }
        blocks += 1;
    }
    if let (Some(mut file), Some(path)) = (file, &out) {
        file.flush()
            .map_err(|error| Failure::file("write", path, &error))?;
        screen::line(format!(
            "{} written to {}",
            screen::plural(blocks.saturating_sub(1), "block"),
            path.display()
        ));
    }
    match blocks > view.height {
        true => Ok(0),
        false => Err(Failure::new(
            INTERNAL,
            format!(
                "only {} of {} blocks came",
                blocks.saturating_sub(1),
                view.height
            ),
            "`edgecoder ledger verify` says more",
        )),
    }
}
