//! What people see: colour and spinners on a terminal only, plain lines elsewhere.

use std::{
    io::{IsTerminal, Write},
    path::Path,
    time::Duration,
};

use edgecoder_protocol::Millis;
use indicatif::{ProgressBar, ProgressStyle};

use super::failure::{Failure, INTERNAL};

/// A colour by its meaning.
#[derive(Clone, Copy)]
pub enum Tone {
    /// It worked.
    Good,
    /// It did not.
    Bad,
    /// Beside the point.
    Dim,
    /// A heading.
    Strong,
}

/// Writes `text` in `tone` when `terminal` and the user allows colour (NO_COLOR).
pub fn tint(text: &str, tone: Tone, terminal: bool) -> String {
    if !terminal || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Dim => "2",
        Tone::Strong => "1",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// `text` in `tone` for standard output.
pub fn out(text: &str, tone: Tone) -> String {
    tint(text, tone, std::io::stdout().is_terminal())
}

/// Prints a line to standard output. A reader that has gone (`| head`) changes nothing but what is shown: the
/// command goes on to its exit code. Output that is lost otherwise ends it, since the exit code would promise more
/// than was delivered.
pub fn line(text: impl std::fmt::Display) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{text}") {
        lost(&error);
    }
}

/// Ends the command over an error of standard output, unless only the reader has gone.
pub fn lost(error: &std::io::Error) {
    if error.kind() != std::io::ErrorKind::BrokenPipe {
        failure(&Failure::file(
            "write to",
            Path::new("standard output"),
            error,
        ));
        std::process::exit(INTERNAL.into());
    }
}

/// Prints a line to standard error: what is beside the result. Nobody can be told when it is lost.
pub fn aside(text: impl std::fmt::Display) {
    writeln!(std::io::stderr().lock(), "{text}").ok();
}

/// Text that came from code, a model or a peer, without control characters that could drive the terminal, and
/// without those that turn the direction of writing, which show other code than runs (CVE-2021-42574).
pub fn safe(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .filter(|c| *c == '\n' || *c == '\t' || !(c.is_control() || turns(*c)))
        .collect()
}

/// Prints a failure to standard error.
pub fn failure(failure: &Failure) {
    let terminal = std::io::stderr().is_terminal();
    aside(format!(
        "{} {}",
        tint("error:", Tone::Bad, terminal),
        safe(&failure.message)
    ));
    if !failure.next.is_empty() {
        aside(format!(
            "{} {}",
            tint(" next:", Tone::Strong, terminal),
            safe(&failure.next)
        ));
    }
}

/// A spinner for what may take more than a second; nothing where standard error is no terminal.
pub fn spinner(text: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message(text.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A bar for `total` steps; nothing where standard error is no terminal.
pub fn bar(total: u64, text: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total).with_message(text.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar
}

/// A count with its noun.
pub fn plural(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// Large counts with spaces between thousands.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A moment in UTC, to the minute: everybody reads the same, wherever they are. Days become a date by Hinnant's
/// `civil_from_days` (chrono-Compatible Low-Level Date Algorithms), which counts years from March.
pub fn moment(at: Millis) -> String {
    let minutes = at.0 / 60_000;
    let days = minutes / 1_440 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let date = day - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    format!("{year:04}-{month:02}-{date:02} {hour:02}:{minute:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date() {
        for (millis, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399_999, "2000-02-28 23:59 UTC"),
            (951_868_800_000, "2000-03-01 00:00 UTC"),
            (1_709_210_096_000, "2024-02-29 12:34 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00 UTC"),
        ] {
            assert_eq!(moment(Millis(millis)), text);
        }
    }

    #[test]
    fn foreign_text_cannot_drive_the_terminal() {
        assert_eq!(safe("a\u{1b}[2Jb\r\n\tc\u{9b}d"), "a[2Jb\n\tcd");
        assert_eq!(safe("if\u{202e} x\u{2066}"), "if x");
        assert_eq!(plural(1, "test") + &plural(2, "test"), "1 test2 tests");
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!(tint("x", Tone::Bad, false), "x");
    }
}
