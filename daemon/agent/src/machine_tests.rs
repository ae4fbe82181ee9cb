//! The machine's rules, one test each.

use edgecoder_protocol::generation::{Candidate, FinishReason};

use super::*;

fn config() -> Config {
    Config {
        candidates: 1,
        iterations_max: 3,
        budget: Tokens(1_000),
        answer_max: Tokens(100),
        request_deadline_ms: 1_000,
        seed: 7,
        style: Style::Seedling,
        decline_below: Some(-1.0),
        temperature: 0.8,
        has_tests: true,
        entry: Some("f".into()),
        tests_text: String::new(),
    }
}

fn says_with(texts: &[&str], mean_logprob: f32) -> Input {
    let candidates = texts.iter().map(|text| Candidate {
        text: (*text).to_owned(),
        finish: FinishReason::Stop,
        mean_logprob,
        tokens: Tokens(10),
    });
    Input::Generated(Generation {
        candidates: candidates.collect(),
        prompt_tokens: Tokens(5),
        generated_tokens: Tokens(10 * texts.len() as u64),
    })
}

fn says(texts: &[&str]) -> Input {
    says_with(texts, -0.1)
}

fn judged(passed: &[bool]) -> Input {
    let all = passed.iter().all(|passed| *passed);
    Input::Judged(Judgement {
        outcome: if all { Outcome::Ok } else { Outcome::Failed },
        tests: passed
            .iter()
            .enumerate()
            .map(|(n, p)| (format!("t{n}"), *p))
            .collect(),
        failure: if all {
            String::new()
        } else {
            "f(1) returned 2, expected 3".into()
        },
        fuel: Fuel(100),
    })
}

/// Plays `inputs`; the outputs as short words.
fn play(config: Config, prompt: &str, inputs: Vec<Input>) -> Vec<String> {
    let mut agent = Agent::new(config, prompt);
    let mut inputs = inputs.into_iter();
    let mut words = Vec::new();
    loop {
        while let Some(output) = agent.poll_output() {
            words.push(match output {
                Output::Show(Step::Plan { by, .. }) => format!("plan by {by}"),
                Output::Show(Step::Attempt { number, .. }) => format!("attempt {number}"),
                Output::Show(Step::Test { passed, total, .. }) => format!("{passed}/{total}"),
                Output::Show(Step::Repair { failure, .. }) => format!("repair {failure}"),
                Output::Show(Step::Conflict { .. }) => "conflict".to_owned(),
                Output::Show(Step::Note { .. }) => "note".to_owned(),
                Output::Show(Step::Done(_)) => "done".to_owned(),
                Output::Generate(request) => {
                    format!("ask {} of {}", request.candidates, request.budget)
                }
                Output::Judge {
                    code,
                    tests: Tests::Given,
                } => format!("judge {}", code.trim()),
                Output::Judge {
                    code,
                    tests: Tests::Model(t),
                } => {
                    format!("judge {} by {}", code.trim(), t.lines().count())
                }
                Output::Judge {
                    code,
                    tests: Tests::None,
                } => format!("run {}", code.trim()),
                Output::Finish { outcome, code, .. } => {
                    format!("{outcome:?} {}", code.unwrap_or_default().trim())
                }
            });
        }
        match inputs.next() {
            Some(input) => agent.handle(input),
            None => return words,
        }
    }
}

fn check(config: Config, inputs: Vec<Input>, expected: &[&str]) {
    assert_eq!(play(config, "Write f(x).", inputs), expected);
}

#[test]
fn a_failing_test_is_fed_back_and_the_repair_passes() {
    check(
        config(),
        vec![
            says(&["bad"]),
            judged(&[true, false]),
            says(&["good"]),
            judged(&[true, true]),
        ],
        &[
            "plan by rule",
            "attempt 1",
            "ask 1 of 1000",
            "judge bad",
            "1/2",
            "repair f(1) returned 2, expected 3",
            "attempt 2",
            "ask 1 of 990",
            "judge good",
            "2/2",
            "Solved good",
        ],
    );
}

#[test]
fn the_first_candidate_that_passes_ends_it_and_equal_ones_are_judged_once() {
    check(
        Config {
            candidates: 4,
            ..config()
        },
        vec![
            says(&["a", "a", "b", "c"]),
            judged(&[false]),
            judged(&[true]),
        ],
        &[
            "plan by rule",
            "attempt 1",
            "ask 4 of 1000",
            "judge a",
            "0/1",
            "judge b",
            "1/1",
            "Solved b",
        ],
    );
}

#[test]
fn it_stops_when_attempts_tokens_or_ideas_run_out() {
    let last = |config, inputs| play(config, "Write f(x).", inputs).pop().unwrap();
    let fails = || judged(&[true, false]);
    let attempts = vec![
        says(&["a"]),
        fails(),
        says(&["b"]),
        fails(),
        says(&["c"]),
        fails(),
    ];
    assert_eq!(last(config(), attempts), "Iterations c");
    let poor = Config {
        budget: Tokens(10),
        ..config()
    };
    assert_eq!(last(poor, vec![says(&["a"]), fails()]), "Budget a");
    assert_eq!(
        last(config(), vec![says(&["a"]), fails(), says(&["a"])]),
        "Repeating a"
    );
    assert_eq!(
        last(config(), vec![says(&["a"]), fails(), Input::Deadline]),
        "Deadline a"
    );
    assert_eq!(
        last(config(), vec![says(&["a"]), Input::Cancelled, fails()]),
        "Cancelled "
    );
    let error = PortError {
        message: "m".into(),
        next: "n".into(),
        kind: ErrorKind::NoModel,
    };
    assert_eq!(last(config(), vec![Input::Broken(error)]), "Broken ");
    let inconclusive = Input::Judged(Judgement {
        outcome: Outcome::Inconclusive,
        tests: vec![],
        failure: "wall clock".into(),
        fuel: Fuel(0),
    });
    assert_eq!(
        last(config(), vec![says(&["a"]), inconclusive]),
        "Inconclusive "
    );
}

#[test]
fn an_unsure_model_declines_unless_the_tests_pass() {
    let last = |config, inputs| play(config, "Write f(x).", inputs).pop().unwrap();
    let unsure = || says_with(&["a"], -2.0);
    assert_eq!(
        last(config(), vec![unsure(), judged(&[false])]),
        "Declined a"
    );
    assert_eq!(last(config(), vec![unsure(), judged(&[true])]), "Solved a");
    let untested = Config {
        has_tests: false,
        ..config()
    };
    assert_eq!(last(untested, vec![unsure()]), "Declined ");
}

#[test]
fn without_tests_candidates_and_the_models_tests_choose_each_other() {
    let untested = || Config {
        has_tests: false,
        candidates: 2,
        ..config()
    };
    let tests = "assert f(1) == 1\nassert f(2) == 9\nassert g(1) == 1\nprint()";
    check(
        untested(),
        vec![
            says(&["a", "b"]),
            says(&[tests]),
            judged(&[false, false]),
            judged(&[true, false]),
            judged(&[true]),
        ],
        &[
            "plan by rule",
            "attempt 1",
            "ask 2 of 1000",
            "ask 2 of 980",
            "judge a by 2",
            "0/2",
            "judge b by 2",
            "1/2",
            "note",
            "judge b by 1",
            "1/1",
            "Solved b",
        ],
    );
    let words = play(
        untested(),
        "Write f(x).",
        vec![says(&["a"]), says(&["nonsense"]), judged(&[])],
    );
    assert_eq!(words[words.len() - 3..], ["note", "run a", "Untested a"]);
}
