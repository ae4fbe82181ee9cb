//! Continuous batching: every step decodes one batch made of one token of each answer being written and
//! as much as fits of the prompts in line, whichever requests they belong to.

use std::{collections::VecDeque, time::Instant};

use edgecoder_protocol::generation::{CANDIDATES_MAX, FinishReason, GenerateRequest};
use llama_cpp_2::{
    context::LlamaContext, llama_batch::LlamaBatch, model::LlamaModel, token::LlamaToken,
    vocab::LlamaVocab,
};

use super::{
    job::{Job, Room},
    prompt::Prompter,
};
use crate::wire::Report;

/// Answers written at once, of all requests.
pub const SEQUENCES: u32 = 32;

/// The sequence that keeps the last prompt for the next request to share.
const KEPT: i32 = SEQUENCES as i32;

/// Shorter common beginnings are not worth a copy: every chat of a model has some words in common.
const SHARED_MIN: usize = 32;

/// The requests, the context they share, and what to tell the daemon.
pub struct Scheduler<'model> {
    prompter: Prompter<'model>,
    vocab: LlamaVocab<'model>,
    context: LlamaContext<'model>,
    batch: LlamaBatch<'static>,
    batch_max: usize,
    sequence_max: usize,
    keeps_prompts: bool,
    kept: Vec<LlamaToken>,
    idle_sequences: Vec<i32>,
    waiting: VecDeque<Job>,
    running: Vec<Job>,
    reports: Vec<Report>,
}

impl<'model> Scheduler<'model> {
    /// Takes a context that was made with one sequence more than [`SEQUENCES`].
    pub fn new(model: &'model LlamaModel, context: LlamaContext<'model>) -> Self {
        let batch_max = context.n_batch() as usize;
        Self {
            prompter: Prompter::new(model),
            vocab: model.vocab(),
            batch: LlamaBatch::new(batch_max, 1),
            batch_max,
            sequence_max: context.n_ctx().min(model.n_ctx_train()) as usize,
            // A recurrent state cannot be cut at an earlier token.
            keeps_prompts: !model.is_recurrent() && !model.is_hybrid(),
            kept: Vec::new(),
            idle_sequences: (0..KEPT).rev().collect(),
            waiting: VecDeque::new(),
            running: Vec::new(),
            reports: Vec::new(),
            context,
        }
    }

    /// Whether there is nothing to do.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }

    /// What to tell the daemon, oldest first.
    pub fn take_reports(&mut self) -> std::vec::Drain<'_, Report> {
        self.reports.drain(..)
    }

    /// Puts a request in line, or refuses it.
    pub fn submit(&mut self, id: u64, request: &GenerateRequest, stream: bool, deadline: Instant) {
        match self.job(id, request, stream, deadline) {
            Ok(job) => self.waiting.push_back(job),
            Err(why) => self.reports.push(Report::Refused { id, why }),
        }
    }

    fn job(
        &self,
        id: u64,
        request: &GenerateRequest,
        stream: bool,
        deadline: Instant,
    ) -> Result<Job, String> {
        check(request)?;
        let prompt = self.prompter.tokens(request)?;
        if prompt.is_empty() {
            return Err("the prompt is empty".into());
        }
        let cells = self.context.n_ctx() as usize;
        let room = Room::plan(request, prompt.len(), cells, self.sequence_max)?;
        Ok(Job::new(id, stream, request, prompt, room, deadline))
    }

    /// Ends a request where it is; one that is not here has ended already.
    pub fn cancel(&mut self, id: u64) {
        let jobs = self.running.iter_mut().chain(&mut self.waiting);
        jobs.filter(|job| job.id == id)
            .for_each(|job| job.end(FinishReason::Cancelled));
    }

    /// Does one step; `now` is when it begins.
    pub fn step(&mut self, now: Instant) {
        for job in self.running.iter_mut().chain(&mut self.waiting) {
            if job.deadline <= now {
                job.end(FinishReason::Deadline);
            }
        }
        self.retire();
        self.admit();
        self.fill_batch();
        if self.batch.n_tokens() == 0 {
            return;
        }
        if let Err(error) = self.context.decode(&mut self.batch) {
            self.give_up(&format!("llama.cpp could not decode it ({error})"));
            return;
        }
        self.take_tokens();
        self.retire();
    }

    fn take_tokens(&mut self) {
        for job in &mut self.running {
            if let Some(row) = job.prompt_row.take() {
                share_prompt(
                    &mut self.context,
                    job,
                    self.keeps_prompts.then_some(&mut self.kept),
                );
                let logits = self.context.get_logits_ith(row);
                (0..job.answers.len()).for_each(|index| job.advance(index, logits, &self.vocab));
            } else {
                for index in 0..job.answers.len() {
                    let next = job.answers.get(index).and_then(|answer| answer.next);
                    if let Some((_, row)) = next.filter(|&(_, row)| row >= 0) {
                        job.advance(index, self.context.get_logits_ith(row), &self.vocab);
                    }
                }
            }
            self.reports.extend(job.written());
        }
    }

    /// Reports finished jobs and frees what they held; answers that end early free theirs at once.
    fn retire(&mut self) {
        let freed = |context: &mut LlamaContext<'_>, sequence: &mut i32, idle: &mut Vec<i32>| {
            if *sequence >= 0 {
                // Removing a whole sequence cannot fail.
                context.kv_cache_seq_rm(*sequence, None, None).ok();
                idle.push(std::mem::replace(sequence, -1));
            }
        };
        for job in &mut self.running {
            for answer in job
                .answers
                .iter_mut()
                .filter(|answer| answer.finish.is_some())
            {
                freed(
                    &mut self.context,
                    &mut answer.sequence,
                    &mut self.idle_sequences,
                );
            }
        }
        let done = self.running.extract_if(.., |job| job.is_done());
        let (unstarted, waiting): (Vec<Job>, Vec<Job>) =
            self.waiting.drain(..).partition(Job::is_done);
        self.waiting = waiting.into();
        for mut job in done.chain(unstarted) {
            self.reports.extend(job.written());
            self.reports.push(job.finish());
        }
    }

    /// Starts waiting jobs in order while sequences and cells last.
    fn admit(&mut self) {
        while let Some(job) = self.waiting.front() {
            let total = self.context.n_ctx() as usize;
            let held: usize = self.running.iter().map(|job| job.cells).sum();
            if self.idle_sequences.len() < job.answers.len() || held + job.cells > total {
                return;
            }
            let Some(mut job) = self.waiting.pop_front() else {
                return;
            };
            for answer in &mut job.answers {
                answer.sequence = self.idle_sequences.pop().unwrap_or(-1);
            }
            self.reuse_kept(&mut job);
            if held + job.cells + self.kept.len() > total {
                self.trim_kept(0);
            }
            self.running.push(job);
        }
    }

    /// Forgets the kept prompt from token `length` on.
    fn trim_kept(&mut self, length: usize) {
        self.kept.truncate(length);
        let trimmed =
            u32::try_from(length).map(|from| self.context.kv_cache_seq_rm(KEPT, Some(from), None));
        if !matches!(trimmed, Ok(Ok(()))) {
            self.kept.clear();
            // Removing a whole sequence cannot fail.
            self.context.kv_cache_seq_rm(KEPT, None, None).ok();
        }
    }

    /// Takes over what the job's prompt has in common with the kept one, and forgets the rest: so a
    /// request alone finds its cells where it would in an empty context, which makes its logits the same
    /// to the last bit whatever came before.
    fn reuse_kept(&mut self, job: &mut Job) {
        let pairs = self.kept.iter().zip(&job.prompt);
        let common = pairs.take_while(|(kept, token)| kept == token).count();
        // The last token is always decoded: its logits are needed.
        let common = common.min(job.prompt.len() - 1);
        let common = if common < SHARED_MIN { 0 } else { common };
        self.trim_kept(common);
        // Trimming may have had to forget all.
        let Some(first) = job
            .answers
            .first()
            .filter(|_| common > 0 && !self.kept.is_empty())
        else {
            return;
        };
        if self
            .context
            .copy_kv_cache_seq(KEPT, first.sequence, None, None)
            .is_ok()
        {
            job.decoded = common;
        }
    }

    fn fill_batch(&mut self) {
        self.batch.clear();
        let mut room = self.batch_max;
        let mut add = |batch: &mut LlamaBatch<'_>, token, position, sequence, logits| {
            let row = batch.n_tokens();
            let added = room > 0 && batch.add(token, position, &[sequence], logits).is_ok();
            room -= usize::from(added);
            added.then_some(row)
        };
        for job in &mut self.running {
            for answer in &mut job.answers {
                if let Some((token, row)) = &mut answer.next {
                    let added = add(
                        &mut self.batch,
                        *token,
                        answer.position,
                        answer.sequence,
                        true,
                    );
                    // A token that found no room waits for the next step, without a row.
                    *row = added.unwrap_or(-1);
                    answer.position += i32::from(added.is_some());
                }
            }
        }
        for job in &mut self.running {
            let Some(sequence) = job.answers.first().map(|answer| answer.sequence) else {
                continue;
            };
            while let Some(&token) = job.prompt.get(job.decoded) {
                let last = job.decoded + 1 == job.prompt.len();
                let position = i32::try_from(job.decoded).unwrap_or(i32::MAX);
                let Some(row) = add(&mut self.batch, token, position, sequence, last) else {
                    return;
                };
                job.decoded += 1;
                job.prompt_row = last.then_some(row);
            }
        }
    }

    /// After a failed step nothing in the context is certain: everything running is refused.
    fn give_up(&mut self, why: &str) {
        self.context.clear_kv_cache();
        self.kept.clear();
        self.idle_sequences = (0..KEPT).rev().collect();
        for job in self.running.drain(..) {
            self.reports.push(Report::Refused {
                id: job.id,
                why: why.to_owned(),
            });
        }
    }
}

/// Gives every answer of `job` the prompt that its first answer's sequence holds, and keeps it for the
/// next request. With a unified cache this copies no data.
fn share_prompt(context: &mut LlamaContext<'_>, job: &mut Job, kept: Option<&mut Vec<LlamaToken>>) {
    let length = i32::try_from(job.prompt.len()).unwrap_or(i32::MAX);
    let first = job.answers.first().map_or(-1, |answer| answer.sequence);
    for answer in &mut job.answers {
        answer.position = length;
        if answer.sequence != first {
            // Whole copies have no positions that could be out of range.
            context
                .copy_kv_cache_seq(first, answer.sequence, None, None)
                .ok();
        }
    }
    if let Some(kept) = kept {
        context.kv_cache_seq_rm(KEPT, None, None).ok();
        context.copy_kv_cache_seq(first, KEPT, None, None).ok();
        kept.clone_from(&job.prompt);
    }
}

fn check(request: &GenerateRequest) -> Result<(), String> {
    let sampling = request.sampling;
    if !(1..=CANDIDATES_MAX).contains(&request.candidates) {
        return Err(format!(
            "{} answers are wanted; 1 to {CANDIDATES_MAX} are possible",
            request.candidates
        ));
    }
    if request.budget.0 == 0 || request.answer_max.0 == 0 {
        return Err("it allows no tokens; raise its budget".into());
    }
    if !sampling.temperature.is_finite() || !(0.0..=1.0).contains(&sampling.top_p) {
        return Err("temperature must be finite, and top-p between 0 and 1".into());
    }
    Ok(())
}
