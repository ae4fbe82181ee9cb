//! The pure half of the agent: what follows from what the model and the judge said.
//!
//! With the user's tests: sample candidates, judge each, stop at the first that passes, else feed the best one's
//! first failure back. Without: ask the model for tests too, and let candidates and tests choose each other.

use std::collections::{BTreeSet, VecDeque};

use edgecoder_protocol::{
    Fuel, Outcome, Tokens,
    generation::{GenerateRequest, Generation, Message, Sampling},
    operator::{ErrorKind, SolveOutcome, Step},
};

use crate::{
    config::Config,
    extract::code_of,
    model_tests, plan,
    ports::{Judged, Judgement, PortError, Tests},
    prompt::{Style, Wording},
};

/// What a user is told when no run came to a verdict.
const INCONCLUSIVE: &str = "The sandbox could not reach a verdict (wall clock or host memory): try again when \
                            the machine is less busy, or lower --candidates.";
/// Answers with tests asked for: a second one is where the first was wrong.
const TEST_ANSWERS: u32 = 2;

/// Everything that can happen to a task.
#[derive(Debug)]
pub enum Input {
    /// The model answered.
    Generated(Generation),
    /// The judge judged the code last handed to it.
    Judged(Judgement),
    /// A port could not be used.
    Broken(PortError),
    /// The task's deadline passed.
    Deadline,
    /// The user withdrew it.
    Cancelled,
}

/// Everything the agent can ask of its driver.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Tell the user.
    Show(Step),
    /// Ask the model; answer with [`Input::Generated`].
    Generate(GenerateRequest),
    /// Judge this; answer with [`Input::Judged`].
    Judge {
        /// The code.
        code: String,
        /// By what.
        tests: Tests,
    },
    /// The task has ended.
    Finish {
        /// How.
        outcome: SolveOutcome,
        /// The best code, when there is any.
        code: Option<String>,
        /// What the user can do now.
        next: String,
    },
}

#[derive(Debug)]
enum Phase {
    /// Waiting for code.
    Coding,
    /// Candidates are judged one after the other, by `tests`.
    Judging {
        waiting: VecDeque<String>,
        now: String,
        judged: Vec<Judged>,
        tests: Tests,
    },
    /// Waiting for tests, with these candidates in hand.
    Testing {
        candidates: Vec<String>,
    },
    /// The chosen candidate runs once more, by the tests that are kept.
    Settling {
        code: String,
    },
    Ended,
}

/// One task.
#[derive(Debug)]
pub struct Agent {
    config: Config,
    wording: Wording,
    phase: Phase,
    attempt: u32,
    tokens: Tokens,
    fuel: Fuel,
    seen: BTreeSet<String>,
    best: Option<Judged>,
    unsure: bool,
    model_tests: Vec<String>,
    outputs: VecDeque<Output>,
    fault: Option<ErrorKind>,
}

impl Agent {
    /// Begins a task: plans it and asks for code.
    pub fn new(config: Config, prompt: &str) -> Self {
        let wording = Wording::new(
            config.style,
            prompt,
            config.entry.as_deref(),
            &config.tests_text,
        );
        let mut agent = Self {
            config,
            wording,
            phase: Phase::Coding,
            attempt: 0,
            tokens: Tokens(0),
            fuel: Fuel(0),
            seen: BTreeSet::new(),
            best: None,
            unsure: false,
            model_tests: Vec::new(),
            outputs: VecDeque::new(),
            fault: None,
        };
        let plan = plan::by_rule(&agent.config, agent.wording.function());
        agent.outputs.push_back(Output::Show(plan));
        let first = agent.wording.first();
        agent.ask_for_code(first);
        agent
    }

    /// Attempts made, tokens generated and fuel burned so far.
    pub fn spent(&self) -> (u32, Tokens, Fuel) {
        (self.attempt, self.tokens, self.fuel)
    }

    /// What kind of failure ended it, when a port could not be used.
    pub fn fault(&self) -> Option<ErrorKind> {
        self.fault
    }

    /// Next action for the driver, oldest first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Applies one input. Inputs after the end are ignored.
    pub fn handle(&mut self, input: Input) {
        let phase = std::mem::replace(&mut self.phase, Phase::Ended);
        match (phase, input) {
            (Phase::Ended, _) => {}
            (_, Input::Cancelled) => {
                self.finish(SolveOutcome::Cancelled, "Cancelled: nothing more runs.")
            }
            (_, Input::Deadline) => self.finish(
                SolveOutcome::Deadline,
                "The deadline passed: give more time with --deadline, or split the task.",
            ),
            (_, Input::Broken(error)) => {
                self.fault = Some(error.kind);
                self.note(error.message);
                self.finish(SolveOutcome::Broken, &error.next);
            }
            (Phase::Coding, Input::Generated(generation)) => self.coded(&generation),
            (Phase::Testing { candidates }, Input::Generated(generation)) => {
                self.tested(candidates, &generation);
            }
            (
                Phase::Judging {
                    waiting,
                    now,
                    mut judged,
                    tests,
                },
                Input::Judged(judgement),
            ) => {
                self.fuel = self.fuel.saturating_add(judgement.fuel);
                self.show_judgement(&now, &judgement, judged.len());
                judged.push(Judged {
                    code: now,
                    judgement,
                });
                self.judge_next(waiting, judged, tests);
            }
            (Phase::Settling { code }, Input::Judged(judgement)) => self.settled(code, &judgement),
            // An answer that was not asked for changes nothing.
            (phase, Input::Generated(_) | Input::Judged(_)) => self.phase = phase,
        }
    }

    fn note(&mut self, text: impl Into<String>) {
        self.outputs
            .push_back(Output::Show(Step::Note { text: text.into() }));
    }

    /// Asks for code, unless attempts or tokens are used up.
    fn ask_for_code(&mut self, messages: Vec<Message>) {
        if self.attempt >= self.config.iterations_max {
            let next = "Not solved in the attempts allowed: raise --max-iterations or --candidates, \
                        reword the task, or point at a larger model with `edgecoder model use FILE`.";
            return self.finish(SolveOutcome::Iterations, next);
        }
        let candidates = self.config.candidates;
        let Some(request) = self.request(messages, self.wording.prefix(), candidates) else {
            return self.finish(
                SolveOutcome::Budget,
                "The token budget is used up: raise it with --budget-tokens.",
            );
        };
        self.attempt += 1;
        self.phase = Phase::Coding;
        let number = self.attempt;
        self.outputs
            .push_back(Output::Show(Step::Attempt { number, candidates }));
        self.outputs.push_back(Output::Generate(request));
    }

    fn request(
        &self,
        messages: Vec<Message>,
        prefix: String,
        candidates: u32,
    ) -> Option<GenerateRequest> {
        let budget = self.config.budget.saturating_sub(self.tokens);
        (budget.0 > 0).then(|| GenerateRequest {
            messages,
            prefix,
            candidates,
            sampling: Sampling {
                // One candidate is the likeliest; several must differ to be worth having.
                temperature: if candidates == 1 {
                    0.0
                } else {
                    self.config.temperature
                },
                top_p: 0.98,
                // Another attempt must not draw the same samples.
                seed: self
                    .config
                    .seed
                    .wrapping_add(self.attempt.wrapping_mul(1_000)),
            },
            budget,
            answer_max: self.config.answer_max,
            deadline_ms: self.config.request_deadline_ms,
        })
    }

    fn coded(&mut self, generation: &Generation) {
        self.tokens = self.tokens.saturating_add(generation.generated_tokens);
        let threshold = self.config.decline_below;
        let sure = generation
            .candidates
            .first()
            .map(|candidate| candidate.mean_logprob);
        self.unsure = matches!((sure, threshold), (Some(sure), Some(least)) if sure < least);
        if self.unsure && !self.config.has_tests {
            return self.decline();
        }
        let mut fresh = Vec::new();
        for candidate in &generation.candidates {
            let code = code_of(&candidate.text);
            if !code.is_empty() && self.seen.insert(code.clone()) {
                fresh.push(code);
            }
        }
        if fresh.is_empty() {
            let next = "The model wrote the same code again: reword the task, add --candidates, or use a \
                        larger model.";
            return self.finish(SolveOutcome::Repeating, next);
        }
        if self.config.has_tests {
            return self.judge_next(fresh.into(), Vec::new(), Tests::Given);
        }
        let messages = self.wording.tests();
        match self.request(messages, String::new(), TEST_ANSWERS) {
            Some(request) => {
                self.phase = Phase::Testing { candidates: fresh };
                self.outputs.push_back(Output::Generate(request));
            }
            None => self.run_untested(fresh, "No tokens are left to ask the model for tests."),
        }
    }

    fn tested(&mut self, candidates: Vec<String>, generation: &Generation) {
        self.tokens = self.tokens.saturating_add(generation.generated_tokens);
        let answers: Vec<String> = generation
            .candidates
            .iter()
            .map(|candidate| match self.config.style {
                Style::Seedling => candidate.text.clone(),
                Style::Chat => code_of(&candidate.text),
            })
            .collect();
        let tests = model_tests::asserts(&answers, self.wording.function());
        if tests.is_empty() {
            return self.run_untested(candidates, "The model wrote no usable test.");
        }
        self.model_tests = tests;
        let text = self.model_tests.join("\n") + "\n";
        self.judge_next(candidates.into(), Vec::new(), Tests::Model(text));
    }

    /// Hands the next candidate to the judge, or draws the conclusion when one passed or all were judged.
    fn judge_next(&mut self, mut waiting: VecDeque<String>, judged: Vec<Judged>, tests: Tests) {
        let passed = judged
            .last()
            .is_some_and(|last| last.judgement.outcome == Outcome::Ok);
        if passed && tests == Tests::Given {
            let code = judged.last().map(|last| last.code.clone());
            return self.end(
                SolveOutcome::Solved,
                code,
                "Keep the bundle (--bundle FILE): anyone can run it again and compare, with `edgecoder replay FILE`.",
            );
        }
        match waiting.pop_front() {
            Some(now) => {
                let output = Output::Judge {
                    code: now.clone(),
                    tests: tests.clone(),
                };
                self.outputs.push_back(output);
                self.phase = Phase::Judging {
                    waiting,
                    now,
                    judged,
                    tests,
                };
            }
            None if tests == Tests::Given => self.repair(judged),
            None => self.choose_by_model_tests(judged),
        }
    }

    fn show_judgement(&mut self, code: &str, judgement: &Judgement, before: usize) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.outputs.push_back(Output::Show(Step::Test {
            attempt: self.attempt,
            candidate: count(before + 1),
            passed: count(judgement.passed()),
            total: count(judgement.tests.len()),
            failure: judgement.failure.clone(),
            code: code.to_owned(),
        }));
    }

    /// Feeds the best candidate's first failure back.
    fn repair(&mut self, judged: Vec<Judged>) {
        if judged
            .iter()
            .all(|one| one.judgement.outcome == Outcome::Inconclusive)
        {
            return self.finish(SolveOutcome::Inconclusive, INCONCLUSIVE);
        }
        // The first of equals: the greedy candidate leads.
        let best = judged
            .into_iter()
            .rev()
            .max_by_key(|one| one.judgement.passed());
        let Some(best) = best else {
            return self.decline();
        };
        let messages = self.wording.repair(&best.code, &best.judgement.failure);
        let failure = best.judgement.failure.clone();
        let better = |old: &Judged| best.judgement.passed() >= old.judgement.passed();
        if self.best.as_ref().is_none_or(better) {
            self.best = Some(best);
        }
        if self.unsure {
            return self.decline();
        }
        if self.attempt < self.config.iterations_max {
            let attempt = self.attempt;
            self.outputs
                .push_back(Output::Show(Step::Repair { attempt, failure }));
        }
        self.ask_for_code(messages);
    }

    fn choose_by_model_tests(&mut self, judged: Vec<Judged>) {
        let codes = || {
            judged
                .iter()
                .map(|one| one.code.clone())
                .collect::<Vec<_>>()
        };
        match model_tests::agree(&judged, &self.model_tests) {
            None => {
                let codes = codes();
                self.run_untested(codes, "No candidate passed any test that the model wrote.");
            }
            Some((index, kept)) => {
                let dropped = self.model_tests.len() - kept.len();
                if dropped > 0 {
                    let all = self.model_tests.len();
                    self.note(format!(
                        "{dropped} of the model's {all} tests disagree with every better candidate and were dropped."
                    ));
                }
                let code = judged[index].code.clone();
                let tests = Tests::Model(kept.join("\n") + "\n");
                self.settle(code, tests);
            }
        }
    }

    fn run_untested(&mut self, candidates: Vec<String>, why: &str) {
        self.note(why);
        match candidates.into_iter().next() {
            Some(code) => self.settle(code, Tests::None),
            None => self.decline(),
        }
    }

    fn settle(&mut self, code: String, tests: Tests) {
        self.outputs.push_back(Output::Judge {
            code: code.clone(),
            tests,
        });
        self.phase = Phase::Settling { code };
    }

    fn settled(&mut self, code: String, judgement: &Judgement) {
        self.fuel = self.fuel.saturating_add(judgement.fuel);
        let ran = judgement.outcome == Outcome::Ok;
        if !judgement.tests.is_empty() {
            self.show_judgement(&code, judgement, 0);
        }
        match (ran, judgement.tests.is_empty()) {
            (true, false) => self.end(
                SolveOutcome::Solved,
                Some(code),
                "Only the model's own tests passed: give yours with --tests or --cases to have it verified.",
            ),
            (true, true) => self.end(
                SolveOutcome::Untested,
                Some(code),
                "It ran, nothing was tested: give tests with --tests or --cases.",
            ),
            (false, _) if judgement.outcome == Outcome::Inconclusive => {
                self.end(SolveOutcome::Inconclusive, Some(code), INCONCLUSIVE);
            }
            (false, _) => {
                let messages = self.wording.repair(&code, &judgement.failure);
                let (attempt, failure) = (self.attempt, judgement.failure.clone());
                self.outputs.push_back(Output::Show(Step::Repair { attempt, failure }));
                self.ask_for_code(messages);
            }
        }
    }

    fn decline(&mut self) {
        let next = "This is outside what the model knows: see `edgecoder model show` for its language, or point at \
                    a real coder model with `edgecoder model use FILE`.";
        self.finish(SolveOutcome::Declined, next);
    }

    fn finish(&mut self, outcome: SolveOutcome, next: &str) {
        let code = self.best.as_ref().map(|best| best.code.clone());
        self.end(outcome, code, next);
    }

    fn end(&mut self, outcome: SolveOutcome, code: Option<String>, next: &str) {
        self.phase = Phase::Ended;
        self.outputs.push_back(Output::Finish {
            outcome,
            code,
            next: next.to_owned(),
        });
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
