//! What was asked, in the two forms that follow from it alone: the job that the guest is given, and the part
//! of a receipt that the child is never asked about.

use edgecoder_protocol::{
    Execution, Fuel, Hash, Outcome, ProfileId, Program, ReceiptBody, RelPath, canonical,
    cases::{Case, Value, arguments_hash, cases_hash},
    execution::SuiteKind,
    receipt::{EvidenceClass, RunKind, TestsRef},
};

use crate::wire::{Job, Mode};

/// The part of an execution that the guest is given.
pub(crate) fn job(execution: &Execution) -> Job {
    let (mode, entry, tests, calls) = match &execution.program {
        Program::Script { entry } => (Mode::Script, entry.as_str(), "", vec![String::new()]),
        Program::Suite {
            kind,
            solution,
            tests,
            ..
        } => {
            let mode = match kind {
                SuiteKind::Unittest => Mode::Unittest,
                SuiteKind::Asserts => Mode::Asserts,
            };
            let solution = solution.as_ref().map_or("", RelPath::as_str);
            (mode, solution, tests.as_str(), vec![String::new()])
        }
        Program::Cases {
            solution, cases, ..
        } => (
            Mode::Call,
            solution.as_str(),
            "",
            cases.iter().map(call).collect(),
        ),
    };
    let files = &execution.files.0;
    Job {
        files: (files.iter())
            .map(|(path, content)| (path.as_str().to_owned(), content.clone()))
            .collect(),
        mode,
        entry: entry.to_owned(),
        tests: tests.to_owned(),
        calls,
        stdin: execution.stdin.clone(),
        seed: execution.seed,
        limits: execution.limits,
    }
}

fn call(case: &Case) -> String {
    let fields = [
        ("entry", Value::Text(case.entry.clone())),
        ("args", Value::List(case.args.clone())),
        ("kwargs", Value::Map(case.kwargs.clone())),
    ];
    Value::Map(fields.map(|(name, value)| (name.to_owned(), value)).into()).to_json()
}

/// The cases, where there are any.
pub(crate) fn cases(execution: &Execution) -> Option<&[Case]> {
    match &execution.program {
        Program::Cases { cases, .. } => Some(cases),
        Program::Script { .. } | Program::Suite { .. } => None,
    }
}

/// A receipt's body as far as the request decides it; the rest stands for a run that did not happen.
pub(crate) fn receipt(execution: &Execution, profile: ProfileId) -> ReceiptBody {
    let content = |path| Hash::of((execution.files.0.get(path)).map_or(&[], Vec::as_slice));
    let (kind, code, entry, tests, evidence) = match &execution.program {
        Program::Script { entry } => (
            RunKind::Script,
            content(entry),
            entry.to_string(),
            None,
            EvidenceClass::Ran,
        ),
        Program::Suite {
            kind,
            solution,
            tests,
            origin,
        } => {
            let code = solution.as_ref().unwrap_or(tests);
            let judged = TestsRef {
                hash: content(tests),
                origin: *origin,
            };
            let evidence = EvidenceClass::of(false, *origin);
            (
                (*kind).into(),
                content(code),
                code.to_string(),
                Some(judged),
                evidence,
            )
        }
        Program::Cases {
            solution,
            cases,
            origin,
        } => {
            let mut names: Vec<_> = cases.iter().map(|case| case.entry.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let judged = TestsRef {
                hash: cases_hash(cases),
                origin: *origin,
            };
            (
                RunKind::Cases,
                content(solution),
                format!("{solution}: {}", names.join(", ")),
                Some(judged),
                EvidenceClass::of(true, *origin),
            )
        }
    };
    ReceiptBody {
        profile,
        kind,
        code,
        snapshot: canonical::hash(&execution.files),
        entry,
        arguments: arguments_hash(cases(execution).unwrap_or(&[])),
        stdin: Hash::of(&execution.stdin),
        tests,
        limits: execution.limits,
        seed: execution.seed,
        outcome: Outcome::Inconclusive,
        evidence,
        results: Vec::new(),
        output: Hash([0; 32]),
        result: Hash([0; 32]),
        fuel: Fuel(0),
    }
}
