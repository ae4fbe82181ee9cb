//! The IO half: asks the ports what the machine wants to know, until it finishes.

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::{
    Fuel, Receipt, Tokens,
    operator::{ErrorKind, SolveOutcome, Step},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    machine::{Agent, Input, Output},
    ports::{Judge, Judgement, Model, Tests},
};

/// How a task ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// How.
    pub outcome: SolveOutcome,
    /// The best code.
    pub code: Option<String>,
    /// By what that code was last judged, and the record of it.
    pub judged: Option<(Tests, Receipt)>,
    /// Attempts made.
    pub attempts: u32,
    /// Tokens generated.
    pub tokens: Tokens,
    /// Work in the sandbox.
    pub fuel: Fuel,
    /// What kind of failure ended it, when a port could not be used.
    pub fault: Option<ErrorKind>,
    /// What to do now.
    pub next: String,
}

/// Solves one task; `steps` receives what the user should see (full: waits, so a slow reader slows the task,
/// which its deadline bounds; closed: the task goes on unseen).
///
/// Cancel-safe: dropping the future withdraws whatever the ports are doing.
pub async fn solve(
    config: Config,
    prompt: &str,
    deadline: Duration,
    (model, judge): (&impl Model, &impl Judge),
    steps: &mpsc::Sender<Step>,
    cancel: &CancellationToken,
) -> Solution {
    let mut agent = Agent::new(config, prompt);
    // Receipts only: what candidates printed and wrote may be large, and the machine has read it.
    let mut judged: BTreeMap<String, (Tests, Receipt)> = BTreeMap::new();
    let timer = tokio::time::sleep(deadline);
    tokio::pin!(timer);
    loop {
        let output = match agent.poll_output() {
            // Before any interruption: a deadline that has passed stays passed, and would hide the end for ever.
            Some(Output::Finish {
                outcome,
                code,
                next,
            }) => {
                let (attempts, tokens, fuel) = agent.spent();
                let judged = code.as_ref().and_then(|code| judged.remove(code));
                let fault = agent.fault();
                return Solution {
                    outcome,
                    code,
                    judged,
                    attempts,
                    tokens,
                    fuel,
                    fault,
                    next,
                };
            }
            Some(output) => output,
            None => {
                // The machine always has an output until it has finished; see its tests.
                agent.handle(Input::Cancelled);
                continue;
            }
        };
        let input = tokio::select! {
            biased;
            () = cancel.cancelled() => Input::Cancelled,
            () = &mut timer => Input::Deadline,
            input = perform(output, model, judge, steps, &mut judged) => match input {
                Some(input) => input,
                None => continue,
            },
        };
        tracing::debug!(input = ?std::mem::discriminant(&input), "agent input");
        // What was queued before an interruption no longer matters, except how it ends.
        if matches!(input, Input::Cancelled | Input::Deadline) {
            while agent.poll_output().is_some() {}
        }
        agent.handle(input);
    }
}

/// Performs one output; what follows from it, if anything does.
async fn perform(
    output: Output,
    model: &impl Model,
    judge: &impl Judge,
    steps: &mpsc::Sender<Step>,
    judged: &mut BTreeMap<String, (Tests, Receipt)>,
) -> Option<Input> {
    match output {
        Output::Show(step) => {
            // Nobody may be listening; the task goes on.
            steps.send(step).await.ok();
            None
        }
        Output::Generate(request) => Some(match model.generate(request).await {
            Ok(generation) => Input::Generated(generation),
            Err(error) => Input::Broken(error),
        }),
        Output::Judge { code, tests } => Some(match judge.judge(&code, &tests).await {
            Ok(answer) => {
                let judgement = Judgement::from(&answer);
                judged.insert(code, (tests, answer.receipt));
                Input::Judged(judgement)
            }
            Err(error) => Input::Broken(error),
        }),
        // The caller returns at the end instead.
        Output::Finish { .. } => None,
    }
}
