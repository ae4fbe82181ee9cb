//! `cargo verify`: the commit tier. Its first failing step ends it.

use crate::acceptance::{self, Line};
use crate::doctests;
use crate::failure::{Failure, UNAVAILABLE};
use crate::invocation::Invocation;
use crate::place::Place;
use crate::progress::{Done, Progress, succeed};
use crate::setup;

/// Steps of the commit tier without the documentation's examples.
const STEPS: usize = 8;

/// Runs the commit tier, then `lines` of the acceptance tier.
pub fn run(place: Place, lines: &[Line]) -> Result<(), Failure> {
    let examples = doctests::exist_below(&place.root);
    let mut progress = Progress::new(place, STEPS + usize::from(examples) + lines.len());
    let result =
        commit_tier(&mut progress, examples).and_then(|()| acceptance::lines(&mut progress, lines));
    progress.table(if result.is_ok() {
        "Verified:"
    } else {
        "Not verified:"
    });
    result
}

fn commit_tier(progress: &mut Progress, examples: bool) -> Result<(), Failure> {
    let cargo = |progress: &Progress, line: &str| setup::cargo(&progress.place, line);
    setup::tools(progress)?;
    // Before the build, though it needs none of it: it takes a second, and fails most often.
    let invocation = cargo(progress, "fmt --all --check");
    progress.step("fmt", "Formatting", |place, screen| {
        components(place)?;
        screen.detail(&format!("$ {invocation}"));
        succeed(place, &invocation)
            .map(|()| Done::Plainly)
            .map_err(|mut failure| {
                failure.next.insert(0, "cargo fmt --all".to_owned());
                failure
            })
    })?;
    setup::build(progress)?;
    setup::guest(progress)?;
    let clippy = cargo(progress, "clippy --workspace --all-targets -- -D warnings");
    progress.command("clippy", "Lints, warnings as errors", &clippy)?;
    let lean = cargo(
        progress,
        "clippy --package edgecoder-daemon --no-default-features -- -D warnings",
    );
    progress.command("lean", "The daemon without its heavy parts", &lean)?;
    let tests = tests(&progress.place);
    progress.command("tests", "Tests", &tests)?;
    if examples {
        let doctests = cargo(progress, "test --workspace --doc");
        progress.command("doctests", "Examples in the documentation", &doctests)?;
    }
    let docs = cargo(progress, "doc --workspace --no-deps").with("RUSTDOCFLAGS", "-D warnings");
    progress.command("docs", "Documentation, warnings as errors", &docs)
}

/// nextest where it is installed: it runs each test in a process of its own and says which was slow.
fn tests(place: &Place) -> Invocation {
    if setup::has_nextest(place) {
        setup::cargo(place, "nextest run --workspace --no-fail-fast")
    } else {
        setup::cargo(
            place,
            "test --workspace --no-fail-fast --lib --bins --tests",
        )
    }
}

/// rustfmt and clippy are components of the toolchain that a minimal installation leaves out.
fn components(place: &Place) -> Result<(), Failure> {
    let absent: Vec<&str> = [("rustfmt", "fmt"), ("clippy", "clippy")]
        .into_iter()
        .filter(|(_, command)| {
            !setup::cargo(place, command)
                .arg("--version")
                .answers(&place.root)
        })
        .map(|(component, _)| component)
        .collect();
    if absent.is_empty() {
        return Ok(());
    }
    let add = Invocation::words("rustup component add").args(&absent.join(" "));
    succeed(place, &add).map_err(|failure| {
        Failure::new(
            UNAVAILABLE,
            format!(
                "the Rust toolchain lacks {}\n{}",
                absent.join(" and "),
                failure.what
            ),
            add.to_string(),
        )
    })
}
