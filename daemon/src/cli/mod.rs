//! The `edgecoder` command: a client of the operator API that starts a daemon for itself when none runs.

mod args;
mod asserts;
mod bench;
mod bench_daemon;
mod bench_inference;
#[cfg(feature = "mesh")]
mod bench_mesh;
mod bench_peer;
mod client;
mod council;
mod daemon;
mod doctor;
mod eval;
mod exec;
mod failure;
mod files;
mod ledger;
mod manage;
mod mesh;
mod network;
mod outputs;
mod screen;
mod solve;
mod trust;

use std::process::ExitCode;

use clap::Parser;

use crate::config::{Config, Layers, Settings, environment};

pub use args::Arguments;
use args::Command;
use client::Client;
use failure::Failure;

/// Runs the command line to its exit code.
pub async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version print to standard output and are no failure.
            let printed = error.print();
            if error.use_stderr() {
                return ExitCode::from(failure::USAGE);
            }
            if let Err(error) = printed {
                screen::lost(&error);
            }
            return ExitCode::SUCCESS;
        }
    };
    match run(arguments).await {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            screen::failure(&failure);
            ExitCode::from(failure.code)
        }
    }
}

async fn run(arguments: Arguments) -> Result<u8, Failure> {
    let settings = Settings::read(&Layers {
        file: arguments.config.clone(),
        environment: environment(),
        flags: arguments.flags(),
    })?;
    let config = settings.config()?;
    let at = Place {
        config,
        arguments: arguments.handed_on(),
    };
    match arguments.command {
        Command::Solve(args) => solve::run(&at, args).await,
        Command::Exec(args) => exec::exec(&at, args).await,
        Command::Test(args) => exec::test(&at, args).await,
        Command::Replay(args) => exec::replay(&at, args).await,
        Command::Eval(args) => eval::run(&at, args).await,
        Command::Bench(args) => bench::run(&at, args).await,
        Command::Task { action } => manage::task(&at, action).await,
        Command::Model { action } => manage::model(&at, action).await,
        Command::Doctor { json } => doctor::run(&at, json).await,
        Command::Config { action } => manage::config(&settings, &action),
        Command::Daemon { action } => daemon::run(&at, action).await,
        Command::Network { action } => network::run(&at, action).await,
        Command::Ledger { action } => ledger::run(&at, action).await,
        Command::Council { action } => council::run(&at, action).await,
        Command::Peers { json } => mesh::peers(&at, json).await,
        Command::Node { json } => mesh::node(&at, json).await,
        Command::Worker { action } => mesh::worker(&at, action).await,
        Command::Completions { shell } => manage::completions(shell),
        Command::Man { folder } => manage::man(&folder),
    }
}

/// Which node the command talks to.
struct Place {
    config: Config,
    /// Flags to hand on to a daemon that is started.
    arguments: Vec<(String, String)>,
}

impl Place {
    /// The daemon, started when none runs.
    async fn client(&self) -> Result<Client, Failure> {
        daemon::ensure(self).await
    }
}
