//! Two builds of one engine, for this machine and for the oldest x86-64, agree byte for byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]
#![cfg(target_arch = "x86_64")]

mod common;

use common::{cases, config, script, suite};
use std::path::Path;

use edgecoder_protocol::{Execution, ExecutionReport, Outcome, canonical, execution::SuiteKind};
use edgecoder_sandbox::{EngineOptions, Sandbox, SandboxConfig};

/// Runs `execution` on both builds: the same body, byte for byte.
async fn agree(native: &Sandbox, baseline: &Sandbox, execution: Execution) -> ExecutionReport {
    let here = native.run(execution.clone()).await.unwrap();
    let there = baseline.run(execution).await.unwrap();
    assert_eq!(
        here.body.first_difference(&there.body),
        None,
        "{}\n{}",
        here.stdout,
        there.stdout
    );
    assert_eq!(
        canonical::encode(&here.body),
        canonical::encode(&there.body)
    );
    here
}

fn baseline() -> Sandbox {
    Sandbox::start(SandboxConfig {
        options: EngineOptions { baseline: true },
        ..config()
    })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "acceptance: native-baseline"]
async fn native_baseline_agree_on_every_program_of_our_own() {
    let (native, baseline) = (common::sandbox(), baseline());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/programs/src");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let source = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let report = agree(&native, &baseline, script(&source)).await;
        assert_eq!(report.body.outcome, Outcome::Ok, "{}", report.stderr);
        count += 1;
    }
    assert!(count >= 50, "only {count} programs were found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_for_the_oldest_machine_gives_the_same_receipts() {
    let (native, baseline) = (common::sandbox(), baseline());
    let floats = "import math, struct, random\nx = 0.1\nfor i in range(2000):\n    \
        x = math.fsum([math.sin(x) * i, math.exp(-x * x), x ** 0.5 if x > 0 else math.nan, random.gauss(0, 1)])\n    \
        x = math.fmod(x, 7.3)\nprint(x, struct.pack('<d', math.inf - math.inf), math.hypot(x, 3), 1e308 * 10)\n";
    let mut bomb = script("x = []\nwhile True: x.append(bytes(100000))");
    bomb.limits.memory.0 = 64 << 20;
    let mut endless = script("print('a', flush=True)\nwhile True: pass");
    endless.limits.fuel.0 = 123_456_789;
    let table = [
        (script(floats), Outcome::Ok),
        (script("def f(n): return f(n + 1)\nf(0)"), Outcome::Failed),
        (
            script("x = []\nfor _ in range(100000): x = [x]\nrepr(x)"),
            Outcome::Failed,
        ),
        (bomb, Outcome::OutOfMemory),
        (endless, Outcome::OutOfFuel),
        (
            suite(
                SuiteKind::Asserts,
                "def f(x): return {x, 'b'}",
                "assert f('a') == {'b'}",
            ),
            Outcome::Failed,
        ),
        (
            cases(
                "def f(x): return x / 3",
                r#"[{"entry": "f", "args": [1], "expect": 0.3333333333333333}]"#,
            ),
            Outcome::Ok,
        ),
    ];
    for (execution, outcome) in table {
        let report = agree(&native, &baseline, execution).await;
        let said = format!("{} {}", report.reason, report.stderr);
        assert_eq!(report.body.outcome, outcome, "{said}");
    }
}
