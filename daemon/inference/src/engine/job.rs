//! One request while it is worked on: its prompt, its answers, and what each still may take.

use std::time::Instant;

use edgecoder_protocol::{
    generation::{Candidate, FinishReason, GenerateRequest, Generation},
    units::Tokens,
};
use llama_cpp_2::{token::LlamaToken, vocab::LlamaVocab};

use super::choose::Chooser;
use crate::wire::Report;

/// A request under way.
pub struct Job {
    pub id: u64,
    pub stream: bool,
    pub prompt: Vec<LlamaToken>,
    /// Tokens of the prompt that the context holds.
    pub decoded: usize,
    /// Where in the batch the prompt's last logits stand, in the step that finishes the prompt.
    pub prompt_row: Option<i32>,
    pub answers: Vec<Answer>,
    /// Cells of the context set aside for it.
    pub cells: usize,
    pub deadline: Instant,
    budget: u64,
    answer_max: u64,
}

/// One answer being written.
pub struct Answer {
    /// The context's sequence that holds it.
    pub sequence: i32,
    /// The token to decode next, and where its logits will stand.
    pub next: Option<(LlamaToken, i32)>,
    /// Tokens of prompt and answer that the context holds.
    pub position: i32,
    pub finish: Option<FinishReason>,
    chooser: Chooser,
    text: Text,
    logprobs: f64,
    tokens: u64,
}

/// What a job needs of the context, decided before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Tokens one answer may take.
    pub answer_max: u64,
    /// Cells of the context for prompt and answers.
    pub cells: usize,
}

impl Room {
    /// Room for a prompt in a context of `cells`, of which one sequence may use `sequence_max`.
    ///
    /// # Errors
    /// In words with numbers, when not even one token an answer fits.
    pub fn plan(
        request: &GenerateRequest,
        prompt: usize,
        cells: usize,
        sequence_max: usize,
    ) -> Result<Self, String> {
        let candidates = request.candidates.max(1) as usize;
        let alone = sequence_max.saturating_sub(prompt);
        let shared = cells.saturating_sub(prompt) / candidates;
        let free = alone.min(shared);
        if free == 0 {
            return Err(format!(
                "the prompt has {prompt} tokens and wants {candidates} answers; this model reads {} \
                 at once. Shorten the prompt or ask for fewer answers",
                cells.min(sequence_max)
            ));
        }
        let answer_max = request.answer_max.0.min(request.budget.0).min(free as u64);
        let all = answer_max
            .saturating_mul(candidates as u64)
            .min(request.budget.0);
        let cells = prompt + usize::try_from(all).unwrap_or(cells);
        Ok(Self { answer_max, cells })
    }
}

impl Job {
    /// A job at its start, its answers not yet given sequences.
    pub fn new(
        id: u64,
        stream: bool,
        request: &GenerateRequest,
        prompt: Vec<LlamaToken>,
        room: Room,
        deadline: Instant,
    ) -> Self {
        let answers = (0..request.candidates)
            .map(|index| Answer {
                sequence: -1,
                next: None,
                position: 0,
                finish: None,
                chooser: Chooser::new(request.sampling, index, request.candidates),
                text: Text::new(&request.prefix),
                logprobs: 0.0,
                tokens: 0,
            })
            .collect();
        Self {
            id,
            stream,
            prompt,
            decoded: 0,
            prompt_row: None,
            answers,
            cells: room.cells,
            deadline,
            budget: request.budget.0,
            answer_max: room.answer_max,
        }
    }

    /// Ends every answer that has not ended.
    pub fn end(&mut self, reason: FinishReason) {
        for answer in &mut self.answers {
            answer.finish.get_or_insert(reason);
            answer.next = None;
        }
    }

    /// Whether every answer has ended.
    pub fn is_done(&self) -> bool {
        self.answers.iter().all(|answer| answer.finish.is_some())
    }

    /// Takes the next token of answer `index` from its row of the batch just decoded.
    pub fn advance(&mut self, index: usize, logits: &[f32], vocab: &LlamaVocab<'_>) {
        let answer = self
            .answers
            .get_mut(index)
            .filter(|answer| answer.finish.is_none());
        let Some(answer) = answer else { return };
        let (token, logprob) = answer.chooser.choose(logits);
        answer.logprobs += f64::from(logprob);
        answer.tokens += 1;
        self.budget = self.budget.saturating_sub(1);
        answer.next = None;
        // The end counts as a token: the model spent one on it, and was more or less sure of it.
        if vocab.is_eog(token) {
            answer.finish = Some(FinishReason::Stop);
        } else {
            vocab.token_to_piece_into(token, &mut answer.text.tail, false, None);
            if answer.tokens >= self.answer_max {
                answer.finish = Some(FinishReason::Length);
            } else {
                answer.next = Some((token, -1));
            }
        }
        if self.budget == 0 {
            self.end(FinishReason::Length);
        }
    }

    /// What was written since the last call, when the caller wants to see it.
    pub fn written(&mut self) -> Option<Report> {
        let mut pieces = Vec::new();
        for (index, answer) in (0..).zip(&mut self.answers) {
            let piece = answer.text.settle(answer.finish.is_some());
            if self.stream && !piece.is_empty() {
                pieces.push((index, piece.to_owned()));
            }
        }
        (!pieces.is_empty()).then_some(Report::Written {
            id: self.id,
            pieces,
        })
    }

    /// The finished generation. Call [`Job::written`] before.
    pub fn finish(self) -> Report {
        let candidates: Vec<Candidate> = self
            .answers
            .into_iter()
            .map(|answer| Candidate {
                text: answer.text.whole,
                finish: answer.finish.unwrap_or(FinishReason::Cancelled),
                mean_logprob: if answer.tokens == 0 {
                    0.0
                } else {
                    (answer.logprobs / answer.tokens as f64) as f32
                },
                tokens: Tokens(answer.tokens),
            })
            .collect();
        let generated = candidates.iter().map(|candidate| candidate.tokens.0).sum();
        let generation = Generation {
            candidates,
            prompt_tokens: Tokens(self.prompt.len() as u64),
            generated_tokens: Tokens(generated),
        };
        Report::Done {
            id: self.id,
            generation,
        }
    }
}

/// Bytes from the model becoming text: a token may end inside a letter.
struct Text {
    whole: String,
    tail: Vec<u8>,
    told: usize,
}

impl Text {
    fn new(prefix: &str) -> Self {
        Self {
            whole: prefix.to_owned(),
            tail: Vec::new(),
            told: 0,
        }
    }

    /// Moves whole letters out of the tail, and returns all text not returned before. What can never
    /// become a letter turns into U+FFFD; at the `last` call so does what is unfinished.
    fn settle(&mut self, last: bool) -> &str {
        let mut used = 0;
        while used < self.tail.len() {
            let rest = self.tail.get(used..).unwrap_or_default();
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.whole.push_str(text);
                    used = self.tail.len();
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    self.whole.push_str(&String::from_utf8_lossy(good));
                    used += good.len();
                    match error.error_len() {
                        Some(length) => used += length,
                        None if last => used += bad.len(),
                        None => break,
                    }
                    self.whole.push(char::REPLACEMENT_CHARACTER);
                }
            }
        }
        self.tail.drain(..used);
        let told = std::mem::replace(&mut self.told, self.whole.len());
        self.whole.get(told..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_cut_between_tokens_are_told_whole() {
        let mut text = Text::new("α");
        assert_eq!(text.settle(false), "α");
        let word = "βγ".as_bytes();
        text.tail.extend_from_slice(&word[..3]);
        assert_eq!(text.settle(false), "β");
        text.tail.extend_from_slice(&word[3..]);
        assert_eq!(text.settle(false), "γ");
        text.tail.extend_from_slice(&[0xFF, b'x', 0xE2]);
        assert_eq!(text.settle(false), "\u{FFFD}x");
        assert_eq!(text.settle(true), "\u{FFFD}");
        assert_eq!(text.whole, "αβγ\u{FFFD}x\u{FFFD}");
    }
}
