//! Commands that are waited for with patience and never outlive the demonstration, and the sign to stop.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::failure::{FAILED, Failure};

/// Between two looks at what is under way: short beside everything that is waited for, long beside a look.
const LOOK_EVERY: Duration = Duration::from_millis(30);
/// Lines of a command that wait to be read. It says a dozen at most; when it is full the command waits.
const LINES_MAX: usize = 64;

/// The sign that nobody watches any more.
#[derive(Clone, Debug)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Given when standard input ends: it is held open by the process that the reader can end.
    pub fn when_input_ends() -> Self {
        let stop = Self(Arc::new(AtomicBool::new(false)));
        let sign = stop.clone();
        // It ends with the process, which waits for nothing that it does.
        thread::spawn(move || {
            let mut byte = [0];
            while std::io::stdin().read(&mut byte).is_ok_and(|read| read > 0) {}
            sign.0.store(true, Ordering::Relaxed);
        });
        stop
    }

    /// Waits a moment.
    pub fn pause(&self) -> Result<(), Failure> {
        thread::sleep(LOOK_EVERY);
        if self.0.load(Ordering::Relaxed) {
            return Err(Failure::new(
                FAILED,
                "the demonstration was stopped",
                "cargo quickstart -- mesh",
            ));
        }
        Ok(())
    }
}

/// What there is of a command since the last look.
#[derive(Debug)]
pub enum Look {
    /// It wrote a line.
    Line(String),
    /// Nothing new.
    Quiet,
    /// It ended, and all its lines were read.
    Ended(ExitStatus),
}

/// A command under way. It is ended when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    errors: PathBuf,
}

impl Running {
    /// Starts it; `errors` takes what it says on standard error.
    pub fn start(mut command: Command, errors: &Path) -> Result<Self, Failure> {
        let started = File::create(errors).and_then(|file| {
            command.stdin(Stdio::null()).stdout(Stdio::piped());
            command.stderr(file).spawn()
        });
        let mut child = started.map_err(|error| {
            let program = command.get_program().to_string_lossy().into_owned();
            let what = format!("{program} could not be started: {error}");
            Failure::new(FAILED, what, "cargo quickstart")
        })?;
        let (sender, lines) = sync_channel(LINES_MAX);
        if let Some(out) = child.stdout.take() {
            // It ends when the command does, or when nobody takes the lines any more.
            thread::spawn(move || {
                let mut read = BufReader::new(out).lines().map_while(Result::ok);
                while read.next().is_some_and(|line| sender.send(line).is_ok()) {}
            });
        }
        Ok(Self {
            child,
            lines,
            errors: errors.to_owned(),
        })
    }

    /// What is new.
    pub fn look(&mut self) -> Result<Look, Failure> {
        match self.lines.try_recv() {
            Ok(line) => Ok(Look::Line(line)),
            Err(TryRecvError::Empty) => Ok(Look::Quiet),
            Err(TryRecvError::Disconnected) => {
                let status = self.child.wait().map_err(|error| {
                    Failure::new(FAILED, error.to_string(), "cargo quickstart -- mesh")
                })?;
                Ok(Look::Ended(status))
            }
        }
    }

    /// What it said on standard error.
    pub fn errors(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}
