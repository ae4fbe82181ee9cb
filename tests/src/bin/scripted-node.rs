//! A daemon whose model is a script: what stands in for a large model in tests across processes, and for nothing else.
//!
//! `scripted-node EDGECODERD SCRIPT` reads the same settings as `edgecoderd`. SCRIPT is a JSON list of rows
//! `{"contains": TEXT, "say": [TEXT...], "after_ms": N}`: a request whose last message contains the text is answered so,
//! by the first row that fits, after that time; any other gets an empty answer. It answers one request at a time, as a
//! model does that fills its machine.

use std::{path::PathBuf, pin::Pin, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use edgecoder_daemon::{
    config::{Layers, Settings, environment},
    serve,
    wiring::{ModelAnswer, Models},
};
use edgecoder_inference::{Boxed, Delta, Provider, Scripted, scripted::Act};
use edgecoder_node_store::Faults;
use edgecoder_protocol::{
    generation::{GenerateRequest, Generation, ModelCard},
    operator::{ErrorKind, ErrorObject, ModelView},
};
use serde::Deserialize;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

#[derive(Deserialize)]
struct Row {
    contains: String,
    say: Vec<String>,
    #[serde(default)]
    after_ms: u64,
}

/// A script that is asked one thing at a time.
struct InTurn {
    script: Scripted,
    turn: Mutex<()>,
}

impl Provider for InTurn {
    fn generate(
        &self,
        request: GenerateRequest,
        sink: Option<mpsc::Sender<Delta>>,
        cancel: CancellationToken,
    ) -> Boxed<'_, Generation> {
        Box::pin(async move {
            let _turn = self.turn.lock().await;
            self.script.generate(request, sink, cancel).await
        })
    }

    fn card(&self) -> Boxed<'_, ModelCard> {
        self.script.card()
    }
}

/// One model, always the same.
struct Script(Arc<InTurn>);

impl Models for Script {
    fn active(&self) -> ModelAnswer<'_, Arc<dyn Provider>> {
        Box::pin(async { Ok(self.0.clone() as Arc<dyn Provider>) })
    }

    fn choose(&self, _: &str) {}

    fn switch(&self, _: &str) -> ModelAnswer<'_, ModelView> {
        let error = ErrorObject::new(ErrorKind::Policy, "the model is a script", "use edgecoderd");
        Box::pin(async { Err(error) })
    }

    fn list(&self) -> Pin<Box<dyn Future<Output = Vec<ModelView>> + Send + '_>> {
        Box::pin(async { Vec::new() })
    }

    fn file(&self) -> String {
        "script".into()
    }

    fn pid(&self) -> Option<u32> {
        None
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let mut words = std::env::args_os().skip(1).map(PathBuf::from);
    let usage = "scripted-node EDGECODERD SCRIPT";
    let (program, script) = (words.next().context(usage)?, words.next().context(usage)?);
    let rows: Vec<Row> = serde_json::from_slice(&std::fs::read(script)?)?;
    let script = Scripted::new(move |request| {
        let last = request
            .messages
            .last()
            .map_or("", |message| message.content.as_str());
        match rows.iter().find(|row| last.contains(&row.contains)) {
            Some(row) => Act::Slowly(Duration::from_millis(row.after_ms), row.say.clone()),
            None => Act::Say(Vec::new()),
        }
    });
    let layers = Layers {
        environment: environment(),
        ..Layers::default()
    };
    let config = Settings::read(&layers)?.config()?;
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(&config.log))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let turn = Mutex::new(());
    let models = Arc::new(Script(Arc::new(InTurn { script, turn })));
    let program = serve::Program::at(program);
    runtime.block_on(serve::run_with(config, Faults::default(), program, models))?;
    Ok(())
}
