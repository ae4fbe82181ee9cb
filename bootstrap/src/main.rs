//! From a checkout to a running node: `cargo quickstart` and `cargo verify`.
//!
//! It starts other programs and reads what they say. It builds with few dependencies, because a
//! newcomer waits for it before anything is shown, and it knows nothing of the daemon's inside.

mod acceptance;
mod arguments;
mod demonstration;
mod doctests;
mod failure;
mod invocation;
mod measurements;
mod packages;
mod place;
mod progress;
mod quickstart;
mod requirements;
mod screen;
mod setup;
mod verify;

use std::process::ExitCode;

use arguments::Request;
use failure::Failure;
use place::Place;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::from(failure.code)
        }
    }
}

fn run(words: &[String]) -> Result<ExitCode, Failure> {
    let place = Place::find();
    match arguments::parse(words, &acceptance::names())? {
        Request::Quickstart => quickstart::run(place),
        Request::Mesh { build } => return demonstration::run(place, build),
        Request::Stage(look) => demonstration::play(&place, look),
        Request::Verify => verify::run(place, &[]),
        Request::VerifyFull => verify::run(place, &acceptance::LINES),
        Request::Acceptance(names) => acceptance::run(place, &names),
        Request::Help => {
            println!("{}\n\nLines of the acceptance tier:", arguments::HELP);
            for line in &acceptance::LINES {
                println!("  {:<18} {}", line.name, line.what);
            }
            Ok(())
        }
    }
    .map(|()| ExitCode::SUCCESS)
}
