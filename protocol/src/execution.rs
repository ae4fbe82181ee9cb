//! What can be asked of the sandbox, and what it answers. Execution is a pure function of [`Execution`].

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;

use crate::{
    canonical::{Canonical, DecodeError, Decoder, Encoder},
    cases::Case,
    receipt::{Outcome, ReceiptBody, TestResult},
    units::{Bytes, Fuel},
};

/// Bytes that a snapshot's files may hold together.
pub const FILES_MAX: Bytes = Bytes(32 << 20);
/// Bytes of one source file. Larger ones are data at best and a parser bomb at worst.
pub const SOURCE_MAX: Bytes = Bytes(4 << 20);
/// Files in a snapshot.
pub const FILES_COUNT_MAX: usize = 10_000;

/// Why a text is not a path inside a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} is not a path inside the files: {why}")]
pub struct PathError {
    /// The text, cut at 80 characters.
    pub path: String,
    /// Which rule it breaks.
    pub why: &'static str,
}

/// A path inside a snapshot: relative, `/`-separated, in normal form, at most 512 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[schema(value_type = String)]
#[serde(transparent)]
pub struct RelPath(String);

impl RelPath {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`PathError`] when it is absolute, empty, too long, or has an empty, `.` or `..` part, a backslash or NUL.
    pub fn new(text: impl Into<String>) -> Result<Self, PathError> {
        let text = text.into();
        let why = if text.is_empty() {
            "it is empty"
        } else if text.len() > 512 {
            "it is longer than 512 bytes"
        } else if text.contains(['\\', '\0']) {
            "it has a backslash or a NUL"
        } else if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            "it is absolute or has an empty, `.` or `..` part"
        } else {
            return Ok(Self(text));
        };
        Err(PathError {
            path: text.chars().take(80).collect(),
            why,
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the last `/`.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// The files that a run sees, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileTree(pub BTreeMap<RelPath, Vec<u8>>);

impl FileTree {
    /// Bytes of all contents.
    pub fn size(&self) -> Bytes {
        Bytes(self.0.values().map(|content| content.len() as u64).sum())
    }
}

impl Canonical for FileTree {
    const DOMAIN: &'static str = "edgecoder/snapshot/1";

    fn encode(&self, to: &mut Encoder) {
        let files: Vec<_> = self.0.iter().collect();
        to.list(&files, |to, (path, content)| {
            to.text(path.as_str()).bytes(content);
        });
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let files = from.list(|from| {
            let path = RelPath::new(from.text()?).map_err(|_| DecodeError::Invalid("path"))?;
            Ok((path, from.bytes()?.to_vec()))
        })?;
        Ok(Self(files.into_iter().collect()))
    }
}

/// Bounds of one guest run; part of what a receipt names. Each case of a [`Program::Cases`] has them anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// Work, set after instantiation.
    pub fuel: Fuel,
    /// The guest's linear memory, the interpreter's own ~30 MB included.
    pub memory: Bytes,
    /// Standard output and standard error, each; what is beyond is cut and said.
    pub output: Bytes,
    /// The value a call returns, as JSON.
    pub result: Bytes,
    /// Wall clock in milliseconds: a backstop that ends as `inconclusive`, never a verdict.
    pub wall_ms: u64,
}

impl Default for Limits {
    /// About 10 s of CPU: three times what the slowest of HumanEval and Exercism needs.
    fn default() -> Self {
        Self {
            fuel: Fuel(60_000_000_000),
            memory: Bytes(256 << 20),
            output: Bytes(1 << 20),
            result: Bytes(1 << 20),
            wall_ms: 120_000,
        }
    }
}

impl Limits {
    /// Largest limits a node accepts: more memory or output could starve it.
    pub const MAX: Self = Self {
        fuel: Fuel(10_000_000_000_000),
        memory: Bytes(1 << 30),
        output: Bytes(16 << 20),
        result: Bytes(16 << 20),
        wall_ms: 3_600_000,
    };

    /// The name of the first limit that exceeds [`Limits::MAX`].
    pub fn exceeded(&self) -> Option<&'static str> {
        let max = Self::MAX;
        [
            ("fuel", self.fuel.0 > max.fuel.0),
            ("memory", self.memory.0 > max.memory.0),
            ("output", self.output.0 > max.output.0),
            ("result", self.result.0 > max.result.0),
            ("wall_ms", self.wall_ms > max.wall_ms),
        ]
        .into_iter()
        .find_map(|(name, over)| over.then_some(name))
    }
}

/// Who wrote the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TestOrigin {
    /// The user.
    User,
    /// The model that also wrote the code.
    Model,
    /// The user, and the worker did not see them.
    HeldOut,
}

/// How a test file reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SuiteKind {
    /// `unittest` cases, discovered in the file.
    Unittest,
    /// Statements run after the solution in its namespace; each top-level `assert` is a test.
    Asserts,
}

impl SuiteKind {
    /// How the file at `path` reports, by its name: `test_*.py` and `*_test.py` are unittest (FORMATS: Tests).
    pub fn of(path: &RelPath) -> Self {
        let name = path.file_name();
        let is_suite = name.starts_with("test_") || name.ends_with("_test.py");
        if is_suite && name.ends_with(".py") {
            Self::Unittest
        } else {
            Self::Asserts
        }
    }
}

/// What to do with the files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Program {
    /// Run `entry` as `__main__` to its end.
    Script {
        /// The file to run.
        entry: RelPath,
    },
    /// Run test files, which may import `solution` as `solution` or by its own name.
    Suite {
        /// How they report.
        kind: SuiteKind,
        /// The code under test; `None` when the test file brings or imports it by itself.
        solution: Option<RelPath>,
        /// The test file.
        tests: RelPath,
        /// Who wrote it.
        origin: TestOrigin,
    },
    /// Call functions of `solution`, one fresh instance each, and compare on the host.
    Cases {
        /// The code under test.
        solution: RelPath,
        /// What to call and to expect. `expect` never enters the guest.
        cases: Vec<Case>,
        /// Who wrote them.
        origin: TestOrigin,
    },
}

/// One request to the sandbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// Everything the guest can read.
    pub files: FileTree,
    /// What to do.
    pub program: Program,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// Seeds every random source in the guest.
    pub seed: u64,
    /// Bounds.
    pub limits: Limits,
}

/// What came out. `body` is the part that every node agrees on; the rest is for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecutionReport {
    /// The verifiable part.
    pub body: ReceiptBody,
    /// Why the outcome is what it is: empty when `ok`, else a sentence.
    pub reason: String,
    /// Standard output, lossily decoded, cut at the limit.
    pub stdout: String,
    /// Standard error, likewise; tracebacks stand here.
    pub stderr: String,
    /// The returned value as JSON, for a single call.
    pub value: Option<String>,
    /// Per-test results with messages.
    pub tests: Vec<TestResult>,
    /// Files that the guest wrote, kept in memory only.
    pub written: FileTree,
    /// Largest linear memory of any run.
    pub memory: Bytes,
    /// Wall time of the whole execution, milliseconds.
    pub wall_ms: u64,
}

impl ExecutionReport {
    /// Whether it ran to its end and every test, if any, passed.
    pub fn passed(&self) -> bool {
        self.body.outcome == Outcome::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;

    #[test]
    fn paths_stay_inside_the_files() {
        for good in ["a.py", "src/a.py", "a b/ü.txt", "..a", "a..b/c"] {
            assert!(RelPath::new(good).is_ok(), "{good}");
        }
        let long = "a/".repeat(300) + "b";
        for bad in [
            "",
            "/etc/passwd",
            "../a",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "a\\b",
            "a\0",
            &long,
        ] {
            assert!(RelPath::new(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<RelPath>("\"../x\"").is_err());
    }

    #[test]
    fn a_snapshot_has_one_encoding() {
        let path = |text: &str| RelPath::new(text).unwrap();
        let tree = FileTree(BTreeMap::from([
            (path("b.py"), b"2".to_vec()),
            (path("a.py"), b"1".to_vec()),
        ]));
        let bytes = canonical::encode(&tree);
        assert_eq!(canonical::decode::<FileTree>(&bytes), Ok(tree));
        // The same files in another order are refused: they would hash differently.
        let swap = |from: &[u8]| {
            let mut out = from.to_vec();
            let (a, b) = (out.len() - 42 + 8, out.len() - 21 + 8);
            out.swap(a, b);
            out
        };
        assert!(canonical::decode::<FileTree>(&swap(&bytes)).is_err());
        assert!(canonical::decode::<FileTree>(&bytes[..bytes.len() - 1]).is_err());
    }
}
