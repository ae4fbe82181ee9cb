//! The daemon, and (as hidden subcommands) the children that it starts from its own program.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::Parser;
use edgecoder_daemon::{
    config::{Layers, Settings, environment},
    serve,
};
use edgecoder_node_store::Faults;

/// A node of EdgeCoder. `edgecoder` starts one by itself when none runs.
#[derive(Debug, Parser)]
#[command(name = "edgecoderd", version)]
struct Arguments {
    /// Read settings from FILE instead of the usual config.toml.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of keys, database and bundles.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Folder of compiled guests.
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Unix socket of the operator API.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// A GGUF file, or `embedded`.
    #[arg(long)]
    model: Option<String>,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_deref().and_then(|word| word.to_str()) {
        Some(serve::SANDBOX_WORKER) => edgecoder_sandbox::worker_main(),
        Some(serve::INFERENCE_WORKER) => edgecoder_inference::worker_main(),
        #[cfg(feature = "llama")]
        Some(serve::BENCH_PEER) => edgecoder_inference::bench::peer_main(
            arguments.filter_map(|word| word.into_string().ok()),
        ),
        Some(serve::COMPILE_GUEST) => compile_guest(arguments.collect()),
        _ => daemon(),
    }
}

/// Compiles for the configured cache unless arguments say otherwise.
fn compile_guest(arguments: Vec<std::ffi::OsString>) -> ExitCode {
    if !arguments.is_empty() {
        return edgecoder_sandbox::compile_main(&arguments);
    }
    let layers = Layers {
        environment: environment(),
        ..Layers::default()
    };
    match Settings::read(&layers).and_then(|settings| settings.config()) {
        Ok(config) => edgecoder_sandbox::compile_main(&[config.cache_dir.into_os_string()]),
        Err(error) => fail(&error),
    }
}

/// What is logged: the consensus engine tells of each vote at the level of our own turning points.
fn filter(wanted: &str) -> String {
    const ENGINE: &str = "arc_malachitebft_core_consensus=warn,arc_malachitebft_core_driver=warn";
    format!("{ENGINE},{wanted}")
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}

fn daemon() -> ExitCode {
    let arguments = Arguments::parse();
    let path = |key: &str, value: &Option<PathBuf>| {
        value
            .as_ref()
            .map(|path| (key.to_owned(), path.to_string_lossy().into_owned()))
    };
    let flags = [
        path("data_dir", &arguments.data_dir),
        path("cache_dir", &arguments.cache_dir),
        path("socket", &arguments.socket),
        arguments
            .model
            .clone()
            .map(|model| ("model".to_owned(), model)),
    ];
    let layers = Layers {
        file: arguments.config,
        environment: environment(),
        flags: flags.into_iter().flatten().collect(),
    };
    let config = match Settings::read(&layers).and_then(|settings| settings.config()) {
        Ok(config) => config,
        Err(error) => return fail(&error),
    };
    let faults = match std::env::var("EDGECODER_FAULT") {
        Err(_) => Faults::default(),
        Ok(text) => match Faults::parse(&text) {
            Some(faults) => faults,
            None => {
                return fail(&format!(
                    "EDGECODER_FAULT={text}: expected die:N, full:N or broken:N"
                ));
            }
        },
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter(&config.log)))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    // Two threads serve the API; the work is done in the children.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(serve::run(config, faults)),
        Err(error) => return fail(&error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "edgecoderd ends");
            fail(&error)
        }
    }
}
