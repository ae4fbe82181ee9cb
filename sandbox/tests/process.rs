//! The child process: sealed, replaceable, and the same everywhere.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::{fs, time::Duration};

use common::{cache_dir, cases, config, sandbox, script};
use edgecoder_protocol::{Fuel, Outcome, canonical};
use edgecoder_sandbox::{Sandbox, SandboxError};
use rustix::process::{Pid, Signal, kill_process};

async fn kill(sandbox: &Sandbox) {
    let pid = sandbox.child_pids().first().copied().unwrap();
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
}

/// Runs long enough to be killed under it, and ends.
fn long() -> edgecoder_protocol::Execution {
    let mut execution = script("for i in range(100_000_000): pass\nprint('done')");
    execution.limits.fuel = Fuel(1 << 40);
    execution
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_child_is_refused_everything() {
    let attempts = sandbox().self_test().await.unwrap();
    assert!(attempts.len() >= 8, "{attempts:?}");
    for (what, refused) in attempts {
        assert!(refused, "the sealed process could {what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_survives_one_death_of_the_child() {
    let sandbox = sandbox();
    sandbox.ready().await.unwrap();
    let run = tokio::spawn({
        let sandbox = sandbox.clone();
        async move { sandbox.run(long()).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    kill(&sandbox).await;
    let report = run.await.unwrap().unwrap();
    assert_eq!(
        (report.body.outcome, report.stdout.as_str()),
        (Outcome::Ok, "done\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_death_is_inconclusive_and_the_next_run_works() {
    let sandbox = sandbox();
    sandbox.ready().await.unwrap();
    let run = tokio::spawn({
        let sandbox = sandbox.clone();
        async move { sandbox.run(long()).await }
    });
    let mut killed = None;
    for _ in 0..2 {
        // The next child, once it has had the time to take the request.
        let mut pid = sandbox.child_pids().first().copied();
        while pid.is_none() || pid == killed {
            tokio::time::sleep(Duration::from_millis(5)).await;
            pid = sandbox.child_pids().first().copied();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        kill(&sandbox).await;
        killed = pid;
    }
    let report = run.await.unwrap().unwrap();
    assert_eq!(
        report.body.outcome,
        Outcome::Inconclusive,
        "{}",
        report.reason
    );
    let report = sandbox.run(script("print(1)")).await.unwrap();
    assert_eq!(report.stdout, "1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_run_frees_its_thread() {
    let sandbox = Sandbox::start(edgecoder_sandbox::SandboxConfig {
        threads: 1,
        ..config()
    });
    sandbox.ready().await.unwrap();
    let mut endless = script("while True: pass");
    endless.limits.fuel = Fuel(1 << 42);
    let dropped = tokio::time::timeout(Duration::from_millis(200), sandbox.run(endless)).await;
    assert!(dropped.is_err());
    let next = tokio::time::timeout(Duration::from_secs(20), sandbox.run(script("print(2)"))).await;
    assert_eq!(next.unwrap().unwrap().stdout, "2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_the_child_and_refuses_further_runs() {
    let sandbox = sandbox();
    sandbox.ready().await.unwrap();
    let pid = sandbox.child_pids().first().copied().unwrap();
    sandbox.stop().await;
    assert!(!fs::exists(format!("/proc/{pid}/exe")).unwrap());
    assert!(matches!(
        sandbox.run(script("")).await,
        Err(SandboxError::Stopped)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_cache_is_never_mapped() {
    let usual = sandbox();
    usual.ready().await.unwrap();
    usual.stop().await;
    let own = tempfile::tempdir().unwrap();
    let guests = own.path().join("guests");
    fs::create_dir(&guests).unwrap();
    for file in fs::read_dir(cache_dir().join("guests")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), guests.join(file.file_name())).unwrap();
    }
    let find = |ending: &str| {
        let all = fs::read_dir(&guests)
            .unwrap()
            .map(|file| file.unwrap().path());
        all.filter(|path| path.extension().is_some_and(|e| e == ending))
            .collect::<Vec<_>>()
    };
    for compiled in find("cwasm") {
        let mut code = fs::read(&compiled).unwrap();
        let middle = code.len() / 2;
        code[middle] ^= 1;
        fs::write(&compiled, code).unwrap();
    }
    let sandbox = Sandbox::start(edgecoder_sandbox::SandboxConfig {
        cache_dir: own.path().to_owned(),
        ..config()
    });
    let report = sandbox.run(script("print(3)")).await.unwrap();
    assert_eq!(report.stdout, "3\n");
    // The damaged file is kept aside, and a new one stands in its place.
    assert_eq!(find("damaged").len(), 1);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_children_agree_byte_for_byte_whatever_their_environment() {
    let source = "import random, uuid, time, os, locale, hashlib\n\
        print(random.random(), uuid.uuid4(), time.time(), dict(os.environ), time.tzname)\n\
        print(hash('x'), {str(i) for i in range(20)}, id(object()) % 8, locale.getlocale())\n\
        open('a', 'w').write('b')\n";
    let wanted = r#"[{"entry": "f", "args": [1], "expect": 2}, {"entry": "f", "expect": 2}]"#;
    let solution = "import random\ndef f(x=0): return x + 1 if x else random.random()";
    let run = async |locale: &str, zone: &str| {
        // Through `env`, since the child gets none of ours.
        let config = config();
        let program = config.program.clone();
        let sandbox = Sandbox::start(edgecoder_sandbox::SandboxConfig {
            program: "/usr/bin/env".into(),
            args: vec![
                format!("LC_ALL={locale}").into(),
                format!("TZ={zone}").into(),
                "PYTHONHASHSEED=3".into(),
                program.into(),
            ],
            ..config
        });
        let mut bytes = Vec::new();
        for execution in [script(source), cases(solution, wanted)] {
            let report = sandbox.run(execution).await.unwrap();
            assert_ne!(
                report.body.outcome,
                Outcome::Inconclusive,
                "{}",
                report.reason
            );
            bytes.push(canonical::encode(&report.body));
        }
        bytes
    };
    assert_eq!(
        run("C", "UTC").await,
        run("tr_TR.UTF-8", "Asia/Tokyo").await
    );
}
