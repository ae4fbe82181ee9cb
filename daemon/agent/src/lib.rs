//! Plan, code, test, iterate: turns a prompt and tests into code that passes them.
//!
//! `machine` decides what to ask the model, which candidate the tests choose, what to feed back and when to
//! stop; `actor` performs it through two ports, a model and a judge. Neither knows which model or sandbox that is.

#[cfg(feature = "runtime")]
mod actor;
mod config;
mod extract;
mod machine;
mod model_tests;
mod plan;
mod ports;
mod prompt;

#[cfg(feature = "runtime")]
pub use actor::{Solution, solve};
pub use config::{CONFIG_MAX_CANDIDATES, Config, TEMPERATURE};
pub use extract::code_of;
pub use machine::{Agent, Input, Output};
pub use ports::{Judge, Judged, Judgement, Model, PortError, Tests};
pub use prompt::{Style, Wording, decomposition};
