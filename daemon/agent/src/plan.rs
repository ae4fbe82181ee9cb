//! The plan of a task that one agent does alone. No model makes it, and it says so.

use edgecoder_protocol::operator::Step;

use crate::config::Config;

/// The steps that the machine will take, labelled as made by rule.
pub fn by_rule(config: &Config, function: Option<&str>) -> Step {
    let what = function.unwrap_or("the program");
    let write = match config.candidates {
        1 => format!("write {what}, one candidate at a time"),
        many => format!("write {what}, {many} candidates at a time"),
    };
    let mut steps = vec![write];
    if config.has_tests {
        steps.push("run each candidate against your tests in the sandbox".to_owned());
        let rounds = config.iterations_max;
        steps.push(format!(
            "feed the first failing test back, up to {rounds} attempts"
        ));
    } else {
        steps.push("ask the model for tests, since none were given".to_owned());
        steps.push("keep the candidate and the tests that agree".to_owned());
    }
    Step::Plan {
        by: "rule".to_owned(),
        steps,
    }
}
