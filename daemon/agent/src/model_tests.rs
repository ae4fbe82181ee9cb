//! Tests that the model wrote: reading them, and agreeing on which to believe.

use std::collections::BTreeSet;

use crate::ports::{Judged, Judgement};

/// Tests kept of what the model wrote; more say little more and cost runs.
const TESTS_MAX: usize = 12;

/// The lines of `answers` that are one-line asserts and, when `function` is known, call it; each once.
pub fn asserts(answers: &[String], function: Option<&str>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let call = function.map(|name| format!("{name}("));
    answers
        .iter()
        .flat_map(|answer| answer.lines())
        .map(str::trim_end)
        .filter(|line| line.starts_with("assert ") && line.len() <= 300 && line.contains("=="))
        .filter(|line| {
            call.as_ref()
                .is_none_or(|call| line.contains(call.as_str()))
        })
        .filter(|line| seen.insert((*line).to_owned()))
        .take(TESTS_MAX)
        .map(str::to_owned)
        .collect()
}

/// Which candidate the tests choose, and the tests it passes.
///
/// Code and tests come from one model, either may be wrong, and each vouches for the other: the candidate that
/// passes most is taken, and the tests it fails are dropped, which the caller must say. `judged` were run
/// against `tests` in their order; a candidate whose results do not line up passes nothing.
pub fn agree(judged: &[Judged], tests: &[String]) -> Option<(usize, Vec<String>)> {
    let passes = |judgement: &Judgement| -> Vec<String> {
        if judgement.tests.len() != tests.len() {
            return Vec::new();
        }
        let kept = judgement
            .tests
            .iter()
            .zip(tests)
            .filter(|((_, passed), _)| *passed);
        kept.map(|(_, test)| test.clone()).collect()
    };
    judged
        .iter()
        .enumerate()
        .map(|(index, judged)| (index, passes(&judged.judgement)))
        // The first of equals: the greedy candidate leads.
        .max_by_key(|(index, kept)| (kept.len(), usize::MAX - index))
        .filter(|(_, kept)| !kept.is_empty())
}
