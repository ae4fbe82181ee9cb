//! What a person sees: numbered steps with their times, and a table at the end.
//!
//! It writes to standard output only. Colour is used on a terminal without `NO_COLOR`.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it should.
    Passed,
    /// It did not.
    Failed,
    /// It, or a part of it, could not be done here; the note says why.
    Skipped,
}

/// One line of the closing table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The step.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What it took.
    pub took: Duration,
    /// What is worth knowing besides; often empty.
    pub note: String,
}

/// The terminal, or whatever stands in for it.
#[derive(Debug)]
pub struct Screen {
    colour: bool,
    steps: usize,
    step: usize,
}

/// The present moment.
#[expect(
    clippy::disallowed_methods,
    reason = "the one clock of this program, for printed times"
)]
pub fn now() -> Instant {
    Instant::now()
}

impl Screen {
    /// A screen that will number its steps up to `steps`.
    pub fn new(steps: usize) -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            colour,
            steps,
            step: 0,
        }
    }

    /// Announces the next step.
    pub fn step(&mut self, title: &str) {
        self.step += 1;
        let number = format!("[{}/{}]", self.step, self.steps);
        self.line(&format!(
            "\n{} {}",
            self.paint("1;36", &number),
            self.paint("1", title)
        ));
    }

    /// An indented line below the step's title.
    pub fn detail(&self, text: &str) {
        self.line(&format!("      {text}"));
    }

    /// Closes a step that succeeded.
    pub fn done(&self, since: Instant) {
        let text = format!("done in {}", spoken(since.elapsed()));
        self.line(&format!("      {}", self.paint("32", &text)));
    }

    /// A line as it is. A closed standard output is no reason to stop: the work goes on.
    pub fn line(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// A line that stands out.
    pub fn heading(&self, text: &str) {
        self.line(&format!("\n{}", self.paint("1", text)));
    }

    /// The closing table.
    pub fn table(&self, rows: &[Row]) {
        let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
        for row in rows {
            let (code, word) = match row.outcome {
                Outcome::Passed => ("32", "passed "),
                Outcome::Failed => ("1;31", "FAILED "),
                Outcome::Skipped => ("33", "skipped"),
            };
            let text = format!(
                "  {:width$}  {}  {:>9}  {}",
                row.name,
                self.paint(code, word),
                spoken(row.took),
                row.note
            );
            self.line(text.trim_end());
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A span as a person says it: tenths below a minute, whole seconds above.
pub fn spoken(span: Duration) -> String {
    let seconds = span.as_secs();
    if seconds < 60 {
        format!("{:.1} s", span.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_spoken_in_tenths_below_a_minute_and_whole_seconds_above() {
        let table = [
            (40, "0.0 s"),
            (12_340, "12.3 s"),
            (60_000, "1 min 00 s"),
            (754_900, "12 min 34 s"),
        ];
        for (millis, expected) in table {
            assert_eq!(spoken(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn without_a_terminal_nothing_is_painted() {
        let plain = Screen {
            colour: false,
            steps: 1,
            step: 0,
        };
        assert_eq!(plain.paint("32", "done"), "done");
        let bright = Screen {
            colour: true,
            steps: 1,
            step: 0,
        };
        assert_eq!(bright.paint("32", "done"), "\x1b[32mdone\x1b[0m");
    }
}
