//! Generation through the daemon's child against the same loop over llama.cpp's C interface.

use edgecoder_inference::{
    WorkerProgram,
    bench::{Plan, compare, model},
};

use super::{
    Place,
    bench::{Figure, Row, odd},
    failure::Failure,
    screen,
};
use crate::{
    data_dir,
    serve::{BENCH_PEER, INFERENCE_WORKER},
};

/// What the ratio must keep.
const BAR: f64 = 0.95;

/// Runs the comparison on a model of about 100 million random weights, written for it and removed again.
pub async fn run(at: &Place) -> Result<Vec<Row>, Failure> {
    let folder = &at.config.cache_dir;
    data_dir::make(folder).map_err(|error| Failure::file("make", folder, &error))?;
    let file = folder.join(format!("bench-{}.gguf", std::process::id()));
    let spinner = screen::spinner("measuring; leave the machine alone for a minute or two");
    let written = model::write_random_llama(&file, model::Shape::BENCH, 1);
    let rows = match written {
        Err(error) => Err(Failure::file("write", &file, &error)),
        Ok(()) => measure(&file).await,
    };
    spinner.finish_and_clear();
    // Large and of no further use; if it cannot be removed the next clean of the cache does.
    std::fs::remove_file(&file).ok();
    rows
}

async fn measure(file: &std::path::Path) -> Result<Vec<Row>, Failure> {
    let program = |word: &str| WorkerProgram {
        path: super::daemon::program(),
        args: vec![word.into()],
    };
    let plan = Plan::default();
    let found = compare(file, program(INFERENCE_WORKER), &program(BENCH_PEER), &plan).await;
    let found = found.map_err(|error| odd(&error))?;
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
