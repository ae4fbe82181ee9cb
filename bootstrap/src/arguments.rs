//! What was asked for on the command line. It decides only; nothing is run here.

use crate::demonstration::{Look, STAGE, look};
use crate::failure::{Failure, USAGE};

/// What `--help` and a wrong command line show.
pub const HELP: &str = "\
cargo quickstart                     from this checkout to a first solved task
cargo quickstart -- mesh             five daemons here, one task, one of them killed, the result anyway
cargo quickstart -- mesh --no-build  the same, with what was built before
cargo verify                         format, lints, tests and docs: what every commit must pass
cargo verify --full                  the same, then every line of the acceptance tier
cargo verify --full NAME...          only these lines of the acceptance tier";

/// One thing that this program does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Check, build, compile the guest, solve the sample task.
    Quickstart,
    /// The demonstration of a network.
    Mesh {
        /// Whether to check and build before.
        build: bool,
    },
    /// The part of the demonstration that has the daemons. It is started by the other part, not by hand.
    Stage(Look),
    /// The commit tier.
    Verify,
    /// The commit tier, then every acceptance line.
    VerifyFull,
    /// Only these acceptance lines, in the order of the table.
    Acceptance(Vec<String>),
    /// Show [`HELP`].
    Help,
}

/// Understands the arguments after the program's name; `known` are the acceptance lines' names.
pub fn parse(arguments: &[String], known: &[&str]) -> Result<Request, Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [.., "--help" | "-h"] | ["help"] => Ok(Request::Help),
        // Cargo hands on the `--` of `cargo quickstart -- mesh`, behind the one in the alias.
        ["quickstart", "--", words @ ..] | ["quickstart", words @ ..] => quickstart(words),
        [STAGE, words @ ..] => Ok(Request::Stage(look(words))),
        ["verify"] => Ok(Request::Verify),
        ["verify", "--full"] => Ok(Request::VerifyFull),
        ["verify", "--full", names @ ..] => acceptance(names, known),
        ["verify", extra, ..] => Err(usage(format!(
            "verify does not know `{extra}`; a line of the acceptance tier needs --full before it"
        ))),
        [] => Err(usage("no command was given")),
        [other, ..] => Err(usage(format!("there is no command `{other}`"))),
    }
}

fn quickstart(words: &[&str]) -> Result<Request, Failure> {
    match words {
        [] => Ok(Request::Quickstart),
        ["mesh"] => Ok(Request::Mesh { build: true }),
        ["mesh", "--no-build"] => Ok(Request::Mesh { build: false }),
        ["mesh", extra, ..] => Err(usage(format!(
            "quickstart mesh does not know `{extra}`; it may be followed by --no-build"
        ))),
        [extra, ..] => Err(usage(format!(
            "quickstart does not know `{extra}`; it may be followed by mesh"
        ))),
    }
}

fn acceptance(names: &[&str], known: &[&str]) -> Result<Request, Failure> {
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        return Err(Failure::new(
            USAGE,
            format!("the acceptance tier has no line `{unknown}`"),
            format!(
                "cargo verify --full with one or more of: {}",
                known.join(", ")
            ),
        ));
    }
    Ok(Request::Acceptance(
        names.iter().map(|name| (*name).to_owned()).collect(),
    ))
}

fn usage(what: impl Into<String>) -> Failure {
    Failure {
        code: USAGE,
        what: what.into(),
        next: HELP.lines().map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["deny", "tree"];

    fn asked(line: &str) -> Result<Request, u8> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words, KNOWN).map_err(|failure| failure.code)
    }

    #[test]
    fn each_command_line_has_one_meaning() {
        let table = [
            ("quickstart", Ok(Request::Quickstart)),
            ("quickstart --", Ok(Request::Quickstart)),
            ("quickstart now", Err(USAGE)),
            ("quickstart mesh", Ok(Request::Mesh { build: true })),
            ("quickstart -- mesh", Ok(Request::Mesh { build: true })),
            (
                "quickstart -- mesh --no-build",
                Ok(Request::Mesh { build: false }),
            ),
            ("quickstart -- mesh now", Err(USAGE)),
            ("quickstart -- now", Err(USAGE)),
            ("quickstart -- -- mesh", Err(USAGE)),
            ("verify", Ok(Request::Verify)),
            ("verify --full", Ok(Request::VerifyFull)),
            (
                "verify --full tree",
                Ok(Request::Acceptance(vec!["tree".into()])),
            ),
            (
                "verify --full tree deny",
                Ok(Request::Acceptance(vec!["tree".into(), "deny".into()])),
            ),
            ("verify --full forest", Err(USAGE)),
            ("verify tree", Err(USAGE)),
            ("verify --fast", Err(USAGE)),
            ("verify --help", Ok(Request::Help)),
            ("help", Ok(Request::Help)),
            ("", Err(USAGE)),
            ("build", Err(USAGE)),
        ];
        for (line, expected) in table {
            assert_eq!(asked(line), expected, "{line:?}");
        }
    }

    #[test]
    fn an_unknown_acceptance_line_is_answered_with_the_names() {
        let words = ["verify", "--full", "forest"].map(str::to_owned);
        let failure = parse(&words, KNOWN).unwrap_err();
        assert_eq!(
            failure.next,
            ["cargo verify --full with one or more of: deny, tree"],
            "{failure}"
        );
    }
}
