//! Hostile and broken inputs: each has an outcome, and none reaches the host.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]
#![allow(clippy::disallowed_methods, reason = "measures real time")]

mod common;

use std::time::{Duration, Instant};

use common::{cases, execution, files, path, sandbox, script, suite};
use edgecoder_protocol::{
    Bytes, Execution, Fuel, Outcome, Program,
    execution::{SOURCE_MAX, SuiteKind},
};
use edgecoder_sandbox::{RefusedExecution, SandboxError};

/// Enough for the native recursion that CPython allows (12 billion), and gone in a second or two.
const FUEL: u64 = 20_000_000_000;

/// Small limits, so that what must be stopped is stopped soon.
fn limited(source: &str) -> Execution {
    let mut execution = script(source);
    execution.limits.fuel = Fuel(FUEL);
    execution.limits.memory = Bytes(128 << 20);
    execution.limits.output = Bytes(64 << 10);
    execution
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn every_attack_ends_in_its_own_outcome() {
    use Outcome::{Failed, Ok, OutOfFuel, OutOfMemory};
    let sandbox = sandbox();
    let nested = "x = []\nfor _ in range(100000):\n    x = [x]\n";
    let table: &[(&str, String, Outcome, &str)] = &[
        (
            "loop",
            "while True: pass".into(),
            OutOfFuel,
            "burned all its fuel",
        ),
        ("big power", "9**9**9".into(), OutOfFuel, "fuel"),
        (
            "backtracking",
            "import re\nre.match('(a+)+$', 'a'*40+'b')".into(),
            OutOfFuel,
            "fuel",
        ),
        (
            "memory",
            "x = []\nwhile True: x.append(bytes(1 << 20))".into(),
            OutOfMemory,
            "memory",
        ),
        (
            "caught memory",
            "try:\n    x = bytes(1 << 28)\nexcept MemoryError:\n    pass".into(),
            Ok,
            "",
        ),
        (
            "recursion",
            "def f(): f()\nf()".into(),
            Failed,
            "RecursionError",
        ),
        (
            "nested repr",
            format!("{nested}str(x)"),
            Failed,
            "RecursionError",
        ),
        (
            "nested json",
            format!("{nested}import json\njson.dumps(x)"),
            Failed,
            "RecursionError",
        ),
        (
            "os._exit",
            "import os\nos._exit(0)".into(),
            Failed,
            "left early (exit 0)",
        ),
        (
            "sys.exit",
            "import sys\nsys.exit(0)".into(),
            Failed,
            "left early (exit 0)",
        ),
        (
            "SystemExit",
            "raise SystemExit('bye')".into(),
            Failed,
            "left early (exit 1)",
        ),
        ("abort", "import os\nos.abort()".into(), Failed, ""),
        (
            "passwd",
            "open('/etc/passwd')".into(),
            Failed,
            "FileNotFoundError",
        ),
        (
            "folder",
            "import os\nos.listdir('/etc')".into(),
            Failed,
            "FileNotFoundError",
        ),
        (
            "write outside",
            "open('/etc/x', 'w')".into(),
            Failed,
            "FileNotFoundError",
        ),
        (
            "beneath our files",
            "import posix\nposix.open('/etc/passwd', 0)".into(),
            Failed,
            "FileNotFoundError",
        ),
        (
            "socket",
            "import socket\nsocket.socket().connect(('1.1.1.1', 80))".into(),
            Failed,
            "Error",
        ),
        (
            "name lookup",
            "import socket\nsocket.getaddrinfo('example.com', 80)".into(),
            Failed,
            "gaierror",
        ),
        (
            "process",
            "import subprocess\nsubprocess.run(['ls'])".into(),
            Failed,
            "OSError",
        ),
        ("fork", "import os\nos.fork()".into(), Failed, "Error"),
        (
            "ctypes",
            "import ctypes".into(),
            Failed,
            "ModuleNotFoundError",
        ),
    ];
    for (name, source, outcome, reason) in table {
        let report = sandbox.run(limited(source)).await.unwrap();
        let told = format!(
            "{name}: {} {}\n{}",
            report.body.outcome, report.reason, report.stderr
        );
        assert_eq!(report.body.outcome, *outcome, "{told}");
        assert!(report.reason.contains(reason), "{told}");
        assert!(!report.stdout.contains("root:"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_bomb_is_cut_and_said() {
    let sandbox = sandbox();
    for source in [
        "for _ in range(100000): print('x' * 1000)",
        "import os\nfor _ in range(1000): os.write(1, b'x' * 1000)",
        "import posix\nfor _ in range(1000): posix.write(1, b'x' * 1000)",
    ] {
        let report = sandbox.run(limited(source)).await.unwrap();
        assert_eq!(report.body.outcome, Outcome::Ok, "{}", report.reason);
        assert_eq!(report.stdout.len(), 64 << 10, "{source}");
        assert!(report.stderr.contains("was cut"), "{}", report.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_printed_before_a_stop_is_kept() {
    let report = sandbox()
        .run(limited("print('before', flush=True)\nwhile True: pass"))
        .await
        .unwrap();
    assert_eq!(report.body.outcome, Outcome::OutOfFuel);
    assert_eq!(report.stdout, "before\n");
    assert_eq!(report.body.fuel, Fuel(FUEL));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_sleep_takes_no_time() {
    let sandbox = sandbox();
    sandbox.ready().await.unwrap();
    let began = Instant::now();
    let source = "import time, select, threading\na = time.time()\ntime.sleep(3600)\n\
        print(round(time.time() - a), round(time.monotonic()))\nthreading.Event().wait(3600)\n";
    let report = sandbox.run(limited(source)).await.unwrap();
    assert_eq!(report.body.outcome, Outcome::Ok, "{}", report.reason);
    assert_eq!(report.stdout, "3600 3600\n");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wall_clock_stops_as_inconclusive() {
    let mut execution = script("while True: pass");
    execution.limits.fuel = Fuel(1 << 42);
    execution.limits.wall_ms = 200;
    let report = sandbox().run(execution).await.unwrap();
    assert_eq!(
        report.body.outcome,
        Outcome::Inconclusive,
        "{}",
        report.reason
    );
    assert!(report.reason.contains("wall clock"));
}

#[tokio::test(flavor = "multi_thread")]
async fn unacceptable_requests_are_refused_before_anything_runs() {
    let sandbox = sandbox();
    let refused = async |execution: Execution| match sandbox.run(execution).await {
        Err(SandboxError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    let huge = refused(script(&"#".repeat(100 << 20))).await;
    assert!(matches!(huge, RefusedExecution::Source { .. }), "{huge}");
    assert!(huge.to_string().contains(&SOURCE_MAX.to_string()), "{huge}");

    let mut not_text = script("");
    not_text
        .files
        .0
        .insert(path("main.py"), b"x = '\xff'".to_vec());
    let why = refused(not_text).await;
    assert_eq!(
        why,
        RefusedExecution::NotUtf8 {
            path: path("main.py"),
            at: 5
        }
    );

    let mut missing = script("");
    missing.program = Program::Script {
        entry: path("other.py"),
    };
    assert_eq!(
        refused(missing).await,
        RefusedExecution::Missing {
            path: path("other.py")
        }
    );

    let mut greedy = script("");
    greedy.limits.memory = Bytes(u64::MAX);
    assert!(matches!(
        refused(greedy).await,
        RefusedExecution::Limit {
            limit: "memory",
            ..
        }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_early_never_passes_a_suite_or_a_case() {
    let sandbox = sandbox();
    for leave in [
        "import os\nos._exit(0)",
        "import sys\nsys.exit(0)",
        "raise SystemExit",
    ] {
        for kind in [SuiteKind::Unittest, SuiteKind::Asserts] {
            let report = sandbox
                .run(suite(kind, leave, "import solution\nassert True"))
                .await;
            let report = report.unwrap();
            assert_eq!(
                report.body.outcome,
                Outcome::Failed,
                "{leave}: {}",
                report.reason
            );
            assert!(report.reason.contains("left early"), "{}", report.reason);
        }
        let wanted = r#"[{"entry": "f", "expect": null}]"#;
        let report = sandbox.run(cases(leave, wanted)).await.unwrap();
        assert_eq!(
            report.body.outcome,
            Outcome::Failed,
            "{leave}: {}",
            report.reason
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_run_are_all_there_is() {
    let entry = path("a/main.py");
    let tree = files([
        (
            "a/main.py",
            "import helper, os\nprint(helper.X, sorted(os.listdir('/work')))\nopen('out.txt', 'w').write('hi')\nprint(open('data.txt').read())",
        ),
        ("a/helper.py", "X = 1"),
        ("data.txt", "d"),
    ]);
    let report = sandbox()
        .run(execution(tree, Program::Script { entry }))
        .await
        .unwrap();
    assert_eq!(
        report.body.outcome,
        Outcome::Ok,
        "{} {}",
        report.reason,
        report.stderr
    );
    assert_eq!(report.stdout, "1 ['a', 'data.txt']\nd\n");
    assert_eq!(report.written, files([("out.txt", "hi")]));
}

/// Our own code in the guest is in reach of a program, so its answer may be anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_answer_larger_than_a_frame_ends_the_run_and_not_the_child() {
    let sandbox = sandbox();
    sandbox.ready().await.unwrap();
    let pid = sandbox.child_pids();
    let forged = "from _edgecoder import files\nname = 'a' * (1 << 20)\nfiles.changed.add(name)\n\
        files.written = lambda: [(name, b'')] * 126\n";
    let mut run = script(forged);
    run.limits.memory.0 = 512 << 20;
    let report = sandbox.run(run).await.unwrap();
    assert_ne!(report.body.outcome, Outcome::Ok, "{}", report.reason);
    let next = sandbox.run(script("print(1)")).await.unwrap();
    assert_eq!((next.stdout.as_str(), sandbox.child_pids()), ("1\n", pid));
}
