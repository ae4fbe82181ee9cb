//! What a task's request allows, and what the agent is told of it.

use edgecoder_agent::{Config as AgentConfig, Style, TEMPERATURE, Tests};
use edgecoder_protocol::{
    Tokens, cases,
    generation::{CANDIDATES_MAX, ModelCard},
    operator::{ErrorKind, ErrorObject, TaskRequest, TestSet},
};

use crate::{executor::sandbox_refusal, wiring::AgentJudge};

/// Tokens one answer may take.
const ANSWER_MAX: Tokens = Tokens(2_048);

/// Refuses what cannot be worked on, before anything is stored.
pub fn check(request: &TaskRequest) -> Result<(), ErrorObject> {
    let refuse = |kind, message: String, next: &str| Err(ErrorObject::new(kind, message, next));
    if request.prompt.trim().is_empty() {
        return refuse(
            ErrorKind::BadRequest,
            "the prompt is empty".into(),
            "say what to write",
        );
    }
    if request.prompt.len() > 64 << 10 {
        let next = "put long material into files and name them with --files";
        return refuse(
            ErrorKind::TooLarge,
            "the prompt is longer than 64 KiB".into(),
            next,
        );
    }
    if !(1..=CANDIDATES_MAX).contains(&request.candidates) {
        let message = format!(
            "{} candidates: expected 1 to {CANDIDATES_MAX}",
            request.candidates
        );
        return refuse(
            ErrorKind::BadRequest,
            message,
            "set --candidates within that",
        );
    }
    if !(1..=100).contains(&request.max_iterations) {
        let message = format!("{} attempts: expected 1 to 100", request.max_iterations);
        return refuse(
            ErrorKind::BadRequest,
            message,
            "set --max-iterations within that",
        );
    }
    if let Some(TestSet::Suite { path, .. }) = &request.tests
        && *path == request.solution
    {
        let message = format!("{path} would be both the tests and the solution");
        return refuse(
            ErrorKind::BadRequest,
            message,
            "give the solution another name with --out",
        );
    }
    // With an empty solution, the very run that each candidate will get: what is wrong with it is said now, and not
    // after a model has worked.
    let tests = request.tests.as_ref().map_or(Tests::None, |_| Tests::Given);
    let run = AgentJudge::execution(request, "", &tests)?;
    edgecoder_sandbox::check_sizes(&run).map_err(|error| sandbox_refusal(&error))
}

/// What the agent is told of `request` and the model.
pub fn agent_config(request: &TaskRequest, card: &ModelCard) -> AgentConfig {
    let (entry, tests_text) = match &request.tests {
        None => (None, String::new()),
        Some(TestSet::Cases(text)) => {
            // Read once already when it was accepted.
            let cases = cases::read(text).unwrap_or_default();
            let entry = cases.first().map(|case| case.entry.clone());
            let shown: Vec<_> = cases.into_iter().filter(|case| !case.heldout).collect();
            (entry, cases::write(&shown))
        }
        Some(TestSet::Suite { path, .. }) => {
            let text = request
                .files
                .0
                .get(path)
                .map(|blob| String::from_utf8_lossy(&blob.0).into_owned());
            (None, text.unwrap_or_default())
        }
    };
    AgentConfig {
        candidates: request.candidates,
        iterations_max: request.max_iterations,
        budget: request.budget,
        answer_max: ANSWER_MAX,
        request_deadline_ms: request.deadline_ms,
        // Sampling needs 32 bits; which ones does not matter.
        seed: (request.seed ^ (request.seed >> 32)) as u32,
        style: Style::named(&card.prompt_style),
        decline_below: card.decline_below,
        temperature: card.sample_temperature.unwrap_or(TEMPERATURE),
        has_tests: request.tests.is_some(),
        entry,
        tests_text,
    }
}
