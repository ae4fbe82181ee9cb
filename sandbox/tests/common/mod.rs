//! A sandbox with a real child, and short ways to say what it shall run.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, path::PathBuf};

use edgecoder_protocol::{
    Execution, ExecutionReport, FileTree, Limits, Program, RelPath,
    cases::Case,
    execution::{SuiteKind, TestOrigin},
};
use edgecoder_sandbox::{Bounds, EngineOptions, Sandbox, SandboxConfig};

/// Where compiled guests are kept in production too, so that the 20 s are spent once.
pub fn cache_dir() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from);
    cache.join("edgecoder")
}

pub fn config() -> SandboxConfig {
    SandboxConfig {
        program: env!("CARGO_BIN_EXE_sandbox-worker").into(),
        args: vec!["sandbox-worker".into()],
        cache_dir: cache_dir(),
        threads: 2,
        options: EngineOptions::default(),
        bounds: Bounds::default(),
        faults: Default::default(),
    }
}

pub fn sandbox() -> Sandbox {
    Sandbox::start(config())
}

pub fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

pub fn files<const N: usize>(files: [(&str, &str); N]) -> FileTree {
    let file = |(name, text): (&str, &str)| (path(name), text.as_bytes().to_vec());
    FileTree(BTreeMap::from(files.map(file)))
}

pub fn execution(files: FileTree, program: Program) -> Execution {
    Execution {
        files,
        program,
        stdin: Vec::new(),
        seed: 7,
        limits: Limits::default(),
    }
}

pub fn script(source: &str) -> Execution {
    let entry = path("main.py");
    execution(files([("main.py", source)]), Program::Script { entry })
}

pub fn suite(kind: SuiteKind, solution: &str, tests: &str) -> Execution {
    execution(
        files([("solution.py", solution), ("tests.py", tests)]),
        Program::Suite {
            kind,
            solution: Some(path("solution.py")),
            tests: path("tests.py"),
            origin: TestOrigin::User,
        },
    )
}

pub fn cases(solution: &str, cases: &str) -> Execution {
    let cases: Vec<Case> = edgecoder_protocol::cases::read(cases).unwrap();
    execution(
        files([("solution.py", solution)]),
        Program::Cases {
            solution: path("solution.py"),
            cases,
            origin: TestOrigin::User,
        },
    )
}

/// Each test's name, outcome and message, one a line.
pub fn told(report: &ExecutionReport) -> String {
    let line = |test: &edgecoder_protocol::TestResult| {
        format!("{} {} {}\n", test.name, test.outcome, test.message)
    };
    report
        .tests
        .iter()
        .map(line)
        .collect::<String>()
        .replace(" \n", "\n")
}
