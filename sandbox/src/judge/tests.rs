//! The rules of judging, as a table.

use std::collections::BTreeMap;

use edgecoder_protocol::{
    EvidenceClass, Limits, Program, Verdict,
    execution::{SuiteKind, TestOrigin},
};

use super::*;
use crate::request::job;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn execution(program: Program) -> Execution {
    Execution {
        files: FileTree(BTreeMap::from([(path("a.py"), b"a".to_vec())])),
        program,
        stdin: Vec::new(),
        seed: 1,
        limits: Limits::default(),
    }
}

fn script() -> Execution {
    execution(Program::Script {
        entry: path("a.py"),
    })
}

fn calls(cases: &str) -> Execution {
    execution(Program::Cases {
        solution: path("a.py"),
        cases: edgecoder_protocol::cases::read(cases).unwrap(),
        origin: TestOrigin::User,
    })
}

fn run(ended: RawEnded) -> RawRun {
    RawRun {
        ended,
        fuel: Fuel(5),
        ..RawRun::not_run(String::new())
    }
}

fn raised(class: &str) -> RawEnded {
    RawEnded::Raised {
        class: class.into(),
        bases: vec!["Exception".into()],
        message: "m".into(),
    }
}

fn report(execution: &Execution, runs: Vec<(usize, RawRun)>) -> ExecutionReport {
    let mut judge = Judge::new(execution);
    for (index, run) in runs {
        judge.take(index, run);
    }
    judge.finish(ProfileId([0; 32]), 0)
}

#[test]
fn each_way_to_end_has_its_outcome() {
    use Outcome::{Failed, Inconclusive, Ok, OutOfFuel, OutOfMemory};
    let table = [
        (RawEnded::Returned, false, Ok, ""),
        (RawEnded::Returned, true, Ok, ""),
        (raised("E"), false, Failed, "it raised E: m"),
        (
            raised("MemoryError"),
            false,
            Failed,
            "it raised MemoryError: m",
        ),
        (raised("MemoryError"), true, OutOfMemory, "more memory"),
        (
            RawEnded::Trapped("unreachable".into()),
            true,
            OutOfMemory,
            "more memory",
        ),
        (
            RawEnded::Trapped("unreachable".into()),
            false,
            Failed,
            "broke: unreachable",
        ),
        (
            RawEnded::Exited("0".into()),
            false,
            Failed,
            "left early (exit 0)",
        ),
        (RawEnded::Unsupported("w".into()), false, Failed, "it w"),
        (RawEnded::OutOfFuel, false, OutOfFuel, "fuel"),
        (RawEnded::WallClock, false, Inconclusive, "wall clock"),
        (
            RawEnded::StackExhausted,
            false,
            Inconclusive,
            "native stack",
        ),
        (
            RawEnded::NotRun("w".into()),
            false,
            Inconclusive,
            "w; try again",
        ),
    ];
    for (ended, denied, outcome, reason) in table {
        let raw = RawRun {
            denied,
            ..run(ended.clone())
        };
        let report = report(&script(), vec![(0, raw)]);
        assert_eq!(report.body.outcome, outcome, "{ended:?}");
        assert!(
            report.reason.contains(reason),
            "{ended:?}: {}",
            report.reason
        );
        assert_eq!(report.reason.is_empty(), outcome == Ok);
    }
}

#[test]
fn a_suite_passes_only_if_something_passed_and_nothing_failed() {
    use TestOutcome::{Errored, Failed, Passed, Skipped};
    let suite = execution(Program::Suite {
        kind: SuiteKind::Unittest,
        solution: None,
        tests: path("a.py"),
        origin: TestOrigin::Model,
    });
    for (outcomes, passes) in [
        (vec![Passed], true),
        (vec![Passed, Skipped], true),
        (vec![Skipped], false),
        (vec![Passed, Failed], false),
        (vec![Errored, Passed], false),
    ] {
        let test = |outcome: &TestOutcome| TestResult {
            name: "t".into(),
            outcome: *outcome,
            message: String::new(),
        };
        let raw = RawRun {
            tests: outcomes.iter().map(test).collect(),
            ..run(RawEnded::Returned)
        };
        let report = report(&suite, vec![(0, raw)]);
        assert_eq!(report.passed(), passes, "{outcomes:?}");
        assert_eq!(report.body.evidence, EvidenceClass::ModelTests);
    }
}

#[test]
fn cases_are_judged_one_by_one_in_any_order() {
    let wanted = calls(
        r#"[{"entry": "f", "expect": 1}, {"entry": "f", "raises": "Exception"}, {"entry": "g", "expect": 2}]"#,
    );
    let returned = |value: &str| RawRun {
        value: value.into(),
        ..run(RawEnded::Returned)
    };
    let runs = |third: RawRun| vec![(0, returned("1")), (1, run(raised("E"))), (2, third)];
    let ok = report(&wanted, runs(returned("2")));
    assert_eq!((ok.body.outcome, ok.body.fuel), (Outcome::Ok, Fuel(15)));
    assert_eq!(ok.body.entry, "a.py: f, g");
    let mut shuffled = runs(returned("2"));
    shuffled.reverse();
    assert_eq!(report(&wanted, shuffled).body, ok.body);

    for (third, outcome, verdict) in [
        (returned("3"), Outcome::Failed, TestOutcome::Failed),
        (returned("["), Outcome::Failed, TestOutcome::Errored),
        (returned(""), Outcome::Failed, TestOutcome::Errored),
        (run(raised("E")), Outcome::Failed, TestOutcome::Errored),
        (
            run(RawEnded::OutOfFuel),
            Outcome::OutOfFuel,
            TestOutcome::Errored,
        ),
        (
            run(RawEnded::WallClock),
            Outcome::Inconclusive,
            TestOutcome::Errored,
        ),
        (
            run(RawEnded::Exited("0".into())),
            Outcome::Failed,
            TestOutcome::Errored,
        ),
    ] {
        let told = format!("{third:?}");
        let report = report(&wanted, runs(third));
        assert_eq!(report.body.outcome, outcome, "{told}");
        assert_eq!(report.tests[2].outcome, verdict, "{told}");
    }
}

#[test]
fn a_missing_run_is_inconclusive_and_agrees_with_nothing() {
    let wanted = calls(r#"[{"entry": "f", "expect": 1}, {"entry": "f", "expect": 1}]"#);
    let half = report(&wanted, vec![(0, run(raised("E"))), (9, run(raised("E")))]);
    assert_eq!(half.body.outcome, Outcome::Inconclusive);
    assert_eq!(half.body.judge_replay(&half.body), Verdict::Inconclusive);
}

#[test]
fn what_came_out_is_in_the_receipt_and_what_a_person_reads_is_cut() {
    let mut wanted = script();
    wanted.limits.output = Bytes(3);
    let said = |out: &[u8], cut| RawRun {
        stdout: out.to_vec(),
        cut,
        ..run(RawEnded::Returned)
    };
    let whole = report(&wanted, vec![(0, said(b"abc", false))]);
    let cut = report(&wanted, vec![(0, said(b"abc", true))]);
    assert_eq!((whole.stdout.as_str(), whole.stderr.as_str()), ("abc", ""));
    assert_eq!(cut.stdout, "abc");
    assert!(cut.stderr.contains("beyond 3 bytes was cut"));
    assert_eq!(whole.body.first_difference(&cut.body), Some("output"));
}

#[test]
fn expectations_never_enter_the_guest() {
    let job = job(&calls(r#"[{"entry": "f", "args": [1], "expect": 98765}]"#));
    assert_eq!(job.calls, [r#"{"args":[1],"entry":"f","kwargs":{}}"#]);
}
