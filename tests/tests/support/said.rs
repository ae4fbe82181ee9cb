//! Commands run to their end, and what they said.

use std::{
    fmt,
    io::{Read, Write},
    process::{Command, Stdio},
    thread,
};

use serde_json::Value;

use super::{STEP, STEPS};

/// What a command said, and its exit code.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, out, err } = self;
        write!(f, "exit {code}\n--- stdout\n{out}\n--- stderr\n{err}")
    }
}

impl Said {
    /// Its standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Its standard output as one JSON object a line.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        let line =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.out.lines().map(line).collect()
    }

    /// A failure as a user may expect one: this code, a sentence with `why`, and what to do next.
    #[track_caller]
    pub fn refuses(&self, code: i32, why: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(why), "no {why:?} in {self:?}");
        assert!(self.err.contains("next:"), "nothing to do next in {self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
    }
}

/// Runs a command to its end.
pub fn said(command: &mut Command) -> Said {
    said_with(command, b"")
}

/// Runs a command to its end with `input` as its standard input.
pub fn said_with(command: &mut Command, input: &[u8]) -> Said {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    thread::scope(|scope| {
        // A command that ends without reading all of its input is no failure of the test.
        scope.spawn(move || stdin.write_all(input).ok());
        let (out, err) = (scope.spawn(|| text(out)), scope.spawn(|| text(err)));
        for _ in 0..STEPS {
            if let Some(status) = child.try_wait().unwrap() {
                let (out, err) = (out.join().unwrap(), err.join().unwrap());
                let code = status.code().unwrap_or(-1);
                return Said { code, out, err };
            }
            thread::sleep(STEP);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (out, err) = (out.join().unwrap(), err.join().unwrap());
        panic!("{command:?} did not end; it said:\n{out}\n{err}");
    })
}

fn text(mut from: impl Read) -> String {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
