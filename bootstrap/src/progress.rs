//! Steps one after the other: announced, timed, remembered for the closing table.

use crate::failure::{FAILED, Failure, UNAVAILABLE};
use crate::invocation::Invocation;
use crate::place::Place;
use crate::screen::{Outcome, Row, Screen, now};

/// How a step ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Nothing to add.
    Plainly,
    /// With a fact worth a place in the table.
    With(String),
    /// A part of it could not be done here, and why.
    Partly(String),
}

/// The run of a command so far.
#[derive(Debug)]
pub struct Progress {
    /// The folders that the steps work with.
    pub place: Place,
    /// Where they are shown.
    pub screen: Screen,
    rows: Vec<Row>,
}

impl Progress {
    /// A run that will number its steps up to `steps`.
    pub fn new(place: Place, steps: usize) -> Self {
        Self {
            place,
            screen: Screen::new(steps),
            rows: Vec::new(),
        }
    }

    /// Runs one step and remembers how it ended.
    pub fn step(
        &mut self,
        name: &str,
        title: &str,
        work: impl FnOnce(&Place, &Screen) -> Result<Done, Failure>,
    ) -> Result<(), Failure> {
        self.screen.step(title);
        let start = now();
        let result = work(&self.place, &self.screen);
        let (outcome, note) = match &result {
            Ok(Done::Plainly) => (Outcome::Passed, String::new()),
            Ok(Done::With(note)) => (Outcome::Passed, note.clone()),
            Ok(Done::Partly(note)) => (Outcome::Skipped, note.clone()),
            Err(failure) => (
                Outcome::Failed,
                failure.what.lines().next().unwrap_or_default().to_owned(),
            ),
        };
        if result.is_ok() {
            self.screen.done(start);
        }
        self.rows.push(Row {
            name: name.to_owned(),
            outcome,
            took: start.elapsed(),
            note,
        });
        result.map(|_| ())
    }

    /// A step that is one command, its output on the screen.
    pub fn command(
        &mut self,
        name: &str,
        title: &str,
        invocation: &Invocation,
    ) -> Result<(), Failure> {
        self.step(name, title, |place, screen| {
            screen.detail(&format!("$ {invocation}"));
            succeed(place, invocation).map(|()| Done::Plainly)
        })
    }

    /// Shows the table.
    pub fn table(&self, title: &str) {
        self.screen.heading(title);
        self.screen.table(&self.rows);
    }
}

/// Runs `invocation` to its end; anything but success is a failure that says how to repeat it.
pub fn succeed(place: &Place, invocation: &Invocation) -> Result<(), Failure> {
    let repeat = || format!("cd {} && {invocation}", place.root.display());
    match invocation.run(&place.root) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(
            FAILED,
            format!("`{invocation}` ended with {status}"),
            repeat(),
        )),
        Err(error) => Err(Failure::new(
            UNAVAILABLE,
            format!("`{invocation}` could not be started: {error}"),
            repeat(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        let here = std::env::temp_dir();
        Progress::new(
            Place {
                root: here.clone(),
                target: here.clone(),
                cache: here,
            },
            2,
        )
    }

    #[test]
    fn a_failing_command_says_how_to_repeat_it() {
        let place = progress().place;
        let failure = succeed(&place, &Invocation::words("false")).unwrap_err();
        assert_eq!(failure.code, FAILED);
        assert_eq!(
            failure.next,
            [format!("cd {} && false", place.root.display())]
        );
        let absent = succeed(&place, &Invocation::words("no-such-program-here")).unwrap_err();
        assert_eq!(absent.code, UNAVAILABLE);
    }

    #[test]
    fn every_step_leaves_a_row_however_it_ends() {
        let mut progress = progress();
        progress
            .step("one", "First", |_, _| Ok(Done::Partly("offline".into())))
            .unwrap();
        progress
            .step("two", "Second", |_, _| {
                Err(Failure::new(1, "broke\nbadly", "x"))
            })
            .unwrap_err();
        let seen: Vec<(&str, Outcome, &str)> = progress
            .rows
            .iter()
            .map(|row| (row.name.as_str(), row.outcome, row.note.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("one", Outcome::Skipped, "offline"),
                ("two", Outcome::Failed, "broke")
            ]
        );
    }
}
