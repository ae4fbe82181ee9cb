//! llama.cpp in a real child process, with models of random weights made on the spot.

#![allow(
    clippy::unwrap_used,
    reason = "all of this crate is tests, its helpers too"
)]

mod bench;
mod child;
mod files;
mod limits;
mod text;

use std::path::{Path, PathBuf};

use edgecoder_inference::{
    Config, InferenceError, Llama, Provider, WorkerProgram,
    bench::model::{Shape, write_random_llama},
};
use edgecoder_protocol::{
    generation::{GenerateRequest, Generation, Message, Sampling, Speaker},
    units::Tokens,
};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A provider on a model of its own.
struct World {
    llama: Llama,
    path: PathBuf,
    _folder: TempDir,
    _stop: DropGuard,
}

impl World {
    fn new() -> Self {
        Self::with(
            |path| write_random_llama(path, Shape::TINY, 1).unwrap(),
            |_| {},
        )
    }

    fn with(write: impl FnOnce(&Path), change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        write(&path);
        let worker = WorkerProgram {
            path: env!("CARGO_BIN_EXE_inference-worker").into(),
            args: Vec::new(),
        };
        let mut config = Config::new(&path, worker);
        config.threads = 1;
        change(&mut config);
        let stop = CancellationToken::new();
        let (llama, _task) = Llama::spawn(config, stop.clone());
        Self {
            llama,
            path,
            _folder: folder,
            _stop: stop.drop_guard(),
        }
    }

    async fn ask(&self, request: GenerateRequest) -> Result<Generation, InferenceError> {
        self.llama
            .generate(request, None, CancellationToken::new())
            .await
    }
}

fn request(content: &str) -> GenerateRequest {
    GenerateRequest {
        messages: vec![Message {
            role: Speaker::User,
            content: content.into(),
        }],
        prefix: String::new(),
        candidates: 1,
        sampling: Sampling {
            temperature: 0.0,
            top_p: 1.0,
            seed: 0,
        },
        budget: Tokens(24),
        answer_max: Tokens(24),
        deadline_ms: 60_000,
    }
}

/// One that would run for hours.
fn endless(content: &str) -> GenerateRequest {
    GenerateRequest {
        budget: Tokens(1 << 40),
        answer_max: Tokens(1 << 40),
        ..request(content)
    }
}

fn hot(seed: u32) -> Sampling {
    Sampling {
        temperature: 2.0,
        top_p: 0.95,
        seed,
    }
}
