//! One command line: shown as a person would type it, run from the checkout's root.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};

/// A program, its arguments and what is set in its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Invocation {
    /// `line` holds the program and arguments without spaces in them, apart by spaces.
    pub fn words(line: &str) -> Self {
        let mut words = line.split_whitespace().map(str::to_owned);
        Self {
            program: words.next().unwrap_or_default(),
            arguments: words.collect(),
            environment: Vec::new(),
        }
    }

    /// A program that stands at `path`.
    pub fn at(path: &Path) -> Self {
        let program = path.display().to_string();
        Self {
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Adds one argument, spaces and all.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds the words of `line`.
    pub fn args(mut self, line: &str) -> Self {
        self.arguments
            .extend(line.split_whitespace().map(str::to_owned));
        self
    }

    /// Sets a variable for the program.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Runs it with this program's own terminal.
    pub fn run(&self, root: &Path) -> io::Result<ExitStatus> {
        self.command(root).status()
    }

    /// Runs it and keeps what it wrote to standard output; standard error goes to the terminal.
    pub fn capture(&self, root: &Path) -> io::Result<Output> {
        self.command(root).stderr(Stdio::inherit()).output()
    }

    /// Whether it starts and succeeds, shown to nobody: for questions such as `cargo nextest --version`.
    pub fn answers(&self, root: &Path) -> bool {
        self.command(root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn command(&self, root: &Path) -> Command {
        let mut command = Command::new(self.resolved());
        command.args(&self.arguments).current_dir(root);
        // What cargo told this program about itself would be untrue for the programs below it.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(is_about_this_package) {
                command.env_remove(name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The very cargo that started this program, so that the toolchain stays the same.
    fn resolved(&self) -> std::ffi::OsString {
        match self.program.as_str() {
            "cargo" => std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
            other => other.into(),
        }
    }
}

fn is_about_this_package(name: &str) -> bool {
    const PREFIXES: [&str; 4] = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

impl fmt::Display for Invocation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(out, "{name}={} ", quoted(value))?;
        }
        write!(out, "{}", quoted(&self.program))?;
        for argument in &self.arguments {
            write!(out, " {}", quoted(argument))?;
        }
        Ok(())
    }
}

/// A word as a POSIX shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_a_person_types_it() {
        let table = [
            (
                Invocation::words("cargo fmt --all --check"),
                "cargo fmt --all --check",
            ),
            (
                Invocation::words("cargo doc").with("RUSTDOCFLAGS", "-D warnings"),
                "RUSTDOCFLAGS='-D warnings' cargo doc",
            ),
            (
                Invocation::at(Path::new("/b in/edgecoder"))
                    .args("solve --cases a.json")
                    .arg("it's"),
                r"'/b in/edgecoder' solve --cases a.json 'it'\''s'",
            ),
            (Invocation::words("x").arg(""), "x ''"),
        ];
        for (invocation, expected) in table {
            assert_eq!(invocation.to_string(), expected);
        }
    }

    #[test]
    fn what_cargo_said_of_this_package_is_not_passed_on() {
        for (name, about) in [
            ("CARGO_PKG_NAME", true),
            ("CARGO_MANIFEST_DIR", true),
            ("CARGO_BIN_NAME", true),
            ("CARGO_HOME", false),
            ("CARGO_TARGET_DIR", false),
            ("PATH", false),
        ] {
            assert_eq!(is_about_this_package(name), about, "{name}");
        }
    }
}
