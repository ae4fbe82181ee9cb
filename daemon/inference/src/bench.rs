//! Measures what the child, its scheduler and its socket cost, against the same work done straight on
//! llama.cpp's C API in a process of its own.
//!
//! Both read the same file, decode as many prompt tokens and generate as many tokens, on one thread. Time
//! is processor time, which a busy machine distorts little; ours includes the caller's. Loading is left
//! out on both sides.

pub mod clock;
pub mod model;
#[cfg(feature = "llama")]
mod peer;

use std::{io, path::Path, process::Stdio};

use edgecoder_protocol::{
    generation::{GenerateRequest, Generation, Message, Sampling, Speaker},
    units::Tokens,
};
use serde::Serialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};
use tokio_util::sync::CancellationToken;

use crate::{Config, InferenceError, Llama, Provider, WorkerProgram};
#[cfg(feature = "llama")]
pub use peer::peer_main;

/// What to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Pairs of runs, ours and the peer's, in turn first.
    pub pairs: u32,
    /// Bytes of prompt; a token each with the random model, and its template's on top.
    pub prompt: u32,
    /// Tokens generated.
    pub tokens: u32,
    /// Seeds prompts and the bootstrap.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            pairs: 20,
            prompt: 128,
            tokens: 64,
            seed: 1,
        }
    }
}

/// What was measured. Rates are tokens generated per second of processor time, prompt time included.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Our median rate.
    pub ours: f64,
    /// The peer's median rate.
    pub peer: f64,
    /// The median of the pairs' ratios, ours by the peer's.
    pub ratio: f64,
    /// The 95 % interval of that median, by bootstrap over the pairs.
    pub ratio_interval: (f64, f64),
    /// Every pair's rates, ours and the peer's.
    pub pairs: Vec<(f64, f64)>,
    /// Prompt tokens of each run.
    pub prompt_tokens: u64,
    /// Tokens generated in each run.
    pub generated_tokens: u64,
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// Our side gave no text.
    #[error("our side of the benchmark failed: {0}")]
    Ours(#[from] InferenceError),
    /// Our side could not be asked.
    #[error("our side of the benchmark failed: {0}")]
    Asking(String),
    /// The peer process failed.
    #[error("the peer's side of the benchmark failed: {0}")]
    Peer(#[from] io::Error),
    /// The two sides did different work, so a ratio would mean nothing.
    #[error("ours generated {ours} tokens and the peer {peer}; use the random benchmark model")]
    Unequal {
        /// Tokens we generated.
        ours: u64,
        /// Tokens the peer generated.
        peer: u64,
    },
}

/// One run of ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ran {
    /// Processor seconds that it took, of all processes that took part.
    pub seconds: f64,
    /// Tokens of the prompt, the template's included.
    pub prompt_tokens: u64,
    /// Tokens generated.
    pub generated_tokens: u64,
}

/// What is measured against the peer.
pub trait Subject {
    /// Answers `prompt` greedily with `tokens` tokens.
    fn run(
        &mut self,
        prompt: String,
        tokens: u32,
    ) -> impl Future<Output = Result<Ran, BenchError>> + Send;
}

/// [`compare`] of the provider by itself, in this process, on a child of its own. `worker` starts a program that
/// calls [`crate::worker_main`].
///
/// # Errors
/// As [`compare`].
pub async fn compare_provider(
    model: &Path,
    worker: WorkerProgram,
    peer: &WorkerProgram,
    plan: &Plan,
) -> Result<Comparison, BenchError> {
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let mut config = Config::new(model, worker);
    config.threads = 1;
    config.context = context(plan);
    let (llama, actor) = Llama::spawn(config, stop.clone());
    // Waits for the hash too, which would otherwise count as generation.
    llama.card().await?;
    let comparison = compare(&mut Provided { llama }, model, peer, plan).await;
    stop.cancel();
    // It ends by its token; a panic in it has been seen as `Stopped`.
    actor.await.ok();
    comparison
}

/// Tokens of context that a run of `plan` and its template fit in.
pub fn context(plan: &Plan) -> u32 {
    2 * (plan.prompt + plan.tokens) + 1_024
}

/// Runs the pairs one after another. `peer` starts a program that calls [`peer_main`]; the model should be one of
/// [`model::write_random_llama`].
///
/// Not cancel-safe: the peer process is killed and the measurement lost.
///
/// # Errors
/// [`BenchError`] says which side failed.
pub async fn compare(
    ours: &mut impl Subject,
    model: &Path,
    peer: &WorkerProgram,
    plan: &Plan,
) -> Result<Comparison, BenchError> {
    let mut prompts = Prompts { plan, round: 0 };
    let first = ours.run(prompts.next(), plan.tokens).await?;
    let prompt_tokens = first.prompt_tokens;
    let mut peer = Peer::start(peer, model, context(plan), prompt_tokens, plan.tokens).await?;
    peer.run().await?;
    let mut pairs = Vec::new();
    for pair in 0..plan.pairs {
        let mut theirs = None;
        if pair % 2 == 1 {
            theirs = Some(peer.run().await?);
        }
        let ran = ours.run(prompts.next(), plan.tokens).await?;
        let (peer_seconds, generated) = match theirs {
            Some(theirs) => theirs,
            None => peer.run().await?,
        };
        let tokens = ran.generated_tokens;
        if tokens != generated || ran.prompt_tokens != prompt_tokens {
            return Err(BenchError::Unequal {
                ours: tokens,
                peer: generated,
            });
        }
        pairs.push((tokens as f64 / ran.seconds, tokens as f64 / peer_seconds));
    }
    Ok(conclude(
        pairs,
        prompt_tokens,
        first.generated_tokens,
        plan.seed,
    ))
}

fn conclude(
    pairs: Vec<(f64, f64)>,
    prompt_tokens: u64,
    generated_tokens: u64,
    seed: u64,
) -> Comparison {
    let ratios: Vec<f64> = pairs.iter().map(|(ours, peer)| ours / peer).collect();
    Comparison {
        ours: median(pairs.iter().map(|pair| pair.0).collect()),
        peer: median(pairs.iter().map(|pair| pair.1).collect()),
        ratio_interval: bootstrap(&ratios, seed),
        ratio: median(ratios),
        pairs,
        prompt_tokens,
        generated_tokens,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => at(count / 2),
        count => f64::midpoint(at(count / 2 - 1), at(count / 2)),
    }
}

/// The 2.5th and 97.5th percentile of the medians of 4,000 resamples (Efron 1979).
fn bootstrap(values: &[f64], seed: u64) -> (f64, f64) {
    const RESAMPLES: usize = 4_000;
    let mut state = seed | 1;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let index = (state >> 16) as usize % values.len().max(1);
        values.get(index).copied().unwrap_or(f64::NAN)
    };
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| median((0..values.len()).map(|_| draw()).collect()))
        .collect();
    medians.sort_by(f64::total_cmp);
    let at = |share: usize| {
        medians
            .get(RESAMPLES * share / 1_000)
            .copied()
            .unwrap_or(f64::NAN)
    };
    (at(25), at(975))
}

/// The provider in this process, whose time counts too.
struct Provided {
    llama: Llama,
}

impl Provided {
    fn child_seconds(&self) -> io::Result<f64> {
        let pid = self
            .llama
            .child_pid()
            .ok_or_else(|| io::Error::other("the child is gone"))?;
        clock::process_seconds(pid)
    }
}

impl Subject for Provided {
    async fn run(&mut self, prompt: String, tokens: u32) -> Result<Ran, BenchError> {
        let request = GenerateRequest {
            messages: vec![Message {
                role: Speaker::User,
                content: prompt,
            }],
            prefix: String::new(),
            candidates: 1,
            sampling: Sampling {
                temperature: 0.0,
                top_p: 1.0,
                seed: 0,
            },
            budget: Tokens(tokens.into()),
            answer_max: Tokens(tokens.into()),
            deadline_ms: 3_600_000,
        };
        let (before, own) = (self.child_seconds()?, clock::own_seconds()?);
        let generation: Generation = self
            .llama
            .generate(request, None, CancellationToken::new())
            .await?;
        let seconds = self.child_seconds()? - before + clock::own_seconds()? - own;
        Ok(Ran {
            seconds,
            prompt_tokens: generation.prompt_tokens.0,
            generated_tokens: generation.generated_tokens.0,
        })
    }
}

/// Letters that differ from the first on, so that no run can share the prompt of the one before.
struct Prompts<'plan> {
    plan: &'plan Plan,
    round: u64,
}

impl Prompts<'_> {
    fn next(&mut self) -> String {
        self.round += 1;
        let mut state = self
            .plan
            .seed
            .wrapping_add(self.round)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            | 1;
        (0..self.plan.prompt)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                char::from(b'a' + (state >> 16) as u8 % 26)
            })
            .collect()
    }
}

struct Peer {
    process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    async fn start(
        program: &WorkerProgram,
        model: &Path,
        context: u32,
        prompt: u64,
        tokens: u32,
    ) -> io::Result<Self> {
        let mut process = Command::new(&program.path)
            .args(&program.args)
            .arg(model)
            .args([context.to_string(), prompt.to_string(), tokens.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let piped = || io::Error::other("it has no pipe");
        let orders = process.stdin.take().ok_or_else(piped)?;
        let answers = BufReader::new(process.stdout.take().ok_or_else(piped)?).lines();
        let mut peer = Self {
            process,
            orders,
            answers,
        };
        // It says a first line when its model is loaded.
        peer.line().await?;
        Ok(peer)
    }

    async fn line(&mut self) -> io::Result<String> {
        match self.answers.next_line().await? {
            Some(line) => Ok(line),
            None => Err(io::Error::other(format!(
                "it ended: {}",
                self.process.wait().await?
            ))),
        }
    }

    /// Processor seconds of one run, and the tokens it generated.
    async fn run(&mut self) -> io::Result<(f64, u64)> {
        let pid = self
            .process
            .id()
            .ok_or_else(|| io::Error::other("it ended"))?;
        let before = clock::process_seconds(pid)?;
        self.orders.write_all(b"run\n").await?;
        let line = self.line().await?;
        let spent = clock::process_seconds(pid)? - before;
        let generated = line
            .parse()
            .map_err(|_| io::Error::other(format!("it said {line:?}")))?;
        Ok((spent, generated))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_median_and_the_median_is_of_the_ratios() {
        let pairs = (1..=20)
            .map(|index| (100.0 + f64::from(index), 100.0))
            .collect();
        let comparison = conclude(pairs, 1, 1, 7);
        assert!((comparison.ratio - 1.105).abs() < 1e-9, "{comparison:?}");
        let (low, high) = comparison.ratio_interval;
        assert!(
            1.03 < low && low < 1.105 && 1.105 < high && high < 1.18,
            "{comparison:?}"
        );
    }
}
