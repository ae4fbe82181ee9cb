//! Generation through a daemon, from request to answer, against the same loop over llama.cpp's C interface.

use std::path::Path;

use edgecoder_inference::{
    WorkerProgram,
    bench::{BenchError, Comparison, Plan, Ran, Subject, clock::process_seconds, compare, model},
};
use edgecoder_protocol::{
    Tokens,
    operator::{ModelView, NodeStatus, SampleAnswer, SampleRequest, UseModel},
};

use super::{
    Place,
    bench::{Figure, Row, odd},
    bench_daemon::Own,
    client::Client,
    failure::Failure,
    screen,
};
use crate::{data_dir, serve::BENCH_PEER};

/// What the ratio must keep.
const BAR: f64 = 0.95;

/// Runs the comparison on a model of about 100 million random weights, written for it and removed again.
pub async fn run(at: &Place) -> Result<Vec<Row>, Failure> {
    let folder = &at.config.cache_dir;
    data_dir::make(folder).map_err(|error| Failure::file("make", folder, &error))?;
    let file = folder.join(format!("bench-{}.gguf", std::process::id()));
    let spinner = screen::spinner("measuring; leave the machine alone for a minute or two");
    let written = write_model(&file);
    let rows = match written {
        Err(error) => Err(Failure::file("write", &file, &error)),
        Ok(()) => measure(at, &file).await,
    };
    spinner.finish_and_clear();
    // Large and of no further use; if it cannot be removed the next clean of the cache does.
    std::fs::remove_file(&file).ok();
    rows
}

/// A model that is asked in the user's words alone: a system message before them would be the same in every run,
/// decoded once and kept, and the peer decodes all of its prompt every time.
fn write_model(file: &Path) -> std::io::Result<()> {
    let mut model = model::random_llama(model::Shape::BENCH);
    model.text("edgecoder.prompt_style", "seedling/1");
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    model.write(1, &mut out)?;
    std::io::Write::flush(&mut out)
}

async fn measure(at: &Place, file: &Path) -> Result<Vec<Row>, Failure> {
    let own = Own::start(at, "threads = 1\n").await?;
    let found = compare_daemon(&own.client, file).await;
    own.stop().await;
    let found = found?;
    let (low, high) = found.ratio_interval;
    let n = found.pairs.len();
    let figure = |name, median| Figure {
        name,
        median,
        p99: None,
        n,
        unit: "tokens/CPU-s",
    };
    Ok(vec![Row {
        name: format!(
            "generation, {} + {} tokens (95 % of ratio {low:.3} to {high:.3})",
            found.prompt_tokens, found.generated_tokens
        ),
        ours: figure(None, found.ours),
        peer: figure(Some("llama.cpp C API"), found.peer),
        ratio: found.ratio,
        bar: format!("at least {BAR}"),
        ok: found.ratio >= BAR,
    }])
}

/// The daemon over its API, with both processes' time.
struct Daemon<'client> {
    client: &'client Client,
    processes: Vec<u32>,
}

impl Daemon<'_> {
    fn seconds(&self) -> Result<f64, BenchError> {
        let each = self.processes.iter().map(|pid| process_seconds(*pid));
        Ok(each.sum::<std::io::Result<f64>>()?)
    }
}

impl Subject for Daemon<'_> {
    async fn run(&mut self, prompt: String, tokens: u32) -> Result<Ran, BenchError> {
        let request = SampleRequest {
            prompt,
            candidates: 1,
            seed: 0,
            answer_max: Some(Tokens(tokens.into())),
        };
        let before = self.seconds()?;
        let answer: Result<SampleAnswer, Failure> =
            self.client.post("/v1/generations", &request).await;
        let answer = answer.map_err(|failure| BenchError::Asking(failure.message))?;
        Ok(Ran {
            seconds: self.seconds()? - before,
            prompt_tokens: answer.prompt_tokens.0,
            generated_tokens: answer.tokens.0,
        })
    }
}

async fn compare_daemon(client: &Client, file: &Path) -> Result<Comparison, Failure> {
    let path = file.display().to_string();
    let _: ModelView = client
        .post("/v1/models/use", &UseModel { file: path })
        .await?;
    let status: NodeStatus = client.get("/v1/status").await?;
    let child = status.children.get("inference").copied();
    let child = child.ok_or_else(|| odd(&"the daemon runs no model"))?;
    let mut daemon = Daemon {
        client,
        processes: vec![status.pid, child],
    };
    let peer = WorkerProgram {
        path: super::daemon::program(),
        args: vec![BENCH_PEER.into()],
    };
    let compared = compare(&mut daemon, file, &peer, &Plan::default()).await;
    compared.map_err(|error| odd(&error))
}
