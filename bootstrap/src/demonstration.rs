//! `cargo quickstart -- mesh`: five daemons on this machine, one task, one of them killed in the middle, the result
//! anyway.
//!
//! Two processes. This one builds, stands in the terminal's foreground, and passes on what the other draws; the other
//! (`stage.rs`) has the daemons. Whatever ends this one, Ctrl-C or worse, closes the other's standard input, and it
//! clears away all that it has: no signal needs to be caught for that.

mod board;
mod node;
mod running;
mod show;
mod stage;
mod tale;

use std::io::{IsTerminal, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use crate::failure::{FAILED, Failure, UNAVAILABLE};
use crate::place::Place;
use crate::progress::Progress;
use crate::setup;

pub use show::Look;
pub use stage::run as play;

/// How the other process is told by its arguments what the reader sees; see [`look`].
pub const STAGE: &str = "stage";

/// Builds unless told otherwise, then plays it. The code with which the stage ended.
pub fn run(place: Place, build: bool) -> Result<ExitCode, Failure> {
    let place = if build { built(place)? } else { place };
    for name in ["edgecoder", "edgecoderd"] {
        let program = place.binary(name);
        if !program.is_file() {
            let what = format!(
                "{} is not there, and was not to be built",
                program.display()
            );
            return Err(Failure::new(UNAVAILABLE, what, "cargo quickstart -- mesh"));
        }
    }
    staged(seen()).map_err(|error| {
        let what = format!("the demonstration could not be started: {error}");
        Failure::new(FAILED, what, "cargo quickstart -- mesh")
    })
}

fn built(place: Place) -> Result<Place, Failure> {
    let mut progress = Progress::new(place, 3);
    setup::tools(&mut progress)?;
    setup::build(&mut progress)?;
    setup::guest(&mut progress)?;
    progress.screen.line("");
    Ok(progress.place)
}

/// Starts the other process and passes on what it says.
fn staged(look: Look) -> std::io::Result<ExitCode> {
    // This very program: the build may have put another file in its place.
    let own = Path::new("/proc/self/exe");
    let own = match own.exists() {
        true => own.to_owned(),
        false => std::env::current_exe()?,
    };
    let mut stage = Command::new(own)
        .arg0(env!("CARGO_PKG_NAME"))
        .arg(STAGE)
        .args(look.live.then_some("live"))
        .args(look.colour.then_some("colour"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Not in the foreground: Ctrl-C is for this process alone.
        .process_group(0)
        .spawn()?;
    let is_read = stage
        .stdout
        .take()
        .is_none_or(|out| pass(out, std::io::stdout()).is_ok());
    if !is_read {
        // Nobody takes it any more, as with `| head`: the stage stops when its input ends.
        drop(stage.stdin.take());
    }
    // Little, and only at its end.
    if let Some(errors) = stage.stderr.take() {
        pass(errors, std::io::stderr())?;
    }
    let status = stage.wait()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(FAILED)))
}

/// Copies each piece as it comes. `io::copy` would keep back what does not end in a newline.
fn pass(mut from: impl Read, mut to: impl Write) -> std::io::Result<()> {
    // A whole screen fits.
    let mut buffer = [0; 16 << 10];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read])?;
        to.flush()?;
    }
}

/// What the reader sees it on.
fn seen() -> Look {
    let terminal = std::io::stdout().is_terminal();
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    Look {
        live: terminal && !dumb && is_large_enough(),
        colour: terminal && !dumb && std::env::var_os("NO_COLOR").is_none(),
    }
}

/// Whether the terminal holds the whole screen. One that does not say is taken for a usual one.
fn is_large_enough() -> bool {
    let mut stty = Command::new("stty");
    // It asks the terminal that its standard input is; `output` alone would give it none.
    stty.arg("size")
        .stdin(Stdio::inherit())
        .stderr(Stdio::null());
    let said = stty
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    holds(&String::from_utf8_lossy(&said))
}

fn holds(size: &str) -> bool {
    let mut numbers = size
        .split_whitespace()
        .map_while(|word| word.parse::<usize>().ok());
    match (numbers.next(), numbers.next()) {
        // Some terminals that nobody set up say 0.
        (Some(rows), Some(columns)) if rows > 0 && columns > 0 => {
            rows > board::HEIGHT && columns >= board::WIDTH
        }
        _ => true,
    }
}

/// What [`staged`] said about the reader.
pub fn look(words: &[&str]) -> Look {
    Look {
        live: words.contains(&"live"),
        colour: words.contains(&"colour"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_large_enough_unless_it_says_otherwise() {
        let table = [
            ("24 80\n", true),
            ("50 200\n", true),
            ("23 80\n", false),
            ("24 79\n", false),
            ("0 0\n", true),
            ("", true),
        ];
        for (size, expected) in table {
            assert_eq!(holds(size), expected, "{size:?}");
        }
    }
}
