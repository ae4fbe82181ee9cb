//! Long runs, each a line of `cargo verify --full`: a thousand replays, and every socket of local mode.
//!
//! Equal receipts from native and baseline code are tested in the sandbox's crate, which alone can ask for
//! another build of its guest.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::{fs, path::PathBuf, process::Command};

use support::{Home, program, repository, said, wait_for};

/// Every source of our own programs.
fn sources() -> Vec<PathBuf> {
    let folder = fs::read_dir(repository().join("tests/programs/src")).unwrap();
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The last function before `check`: the one that `check` is called with.
fn entry_point(source: &str) -> &str {
    let above = source.split("\ndef check(").next().unwrap();
    let header = above
        .rsplit_once("\ndef ")
        .map_or(above, |(_, header)| header);
    header.trim_start_matches("def ").split('(').next().unwrap()
}

#[test]
#[ignore = "acceptance: thousand-bundles"]
fn thousand_bundles_replay_as_agreed() {
    let (maker, checker) = (Home::new(), Home::new());
    let checker = checker
        .with("TZ", "Asia/Tokyo")
        .with("LC_ALL", "tr_TR.UTF-8");
    let sources = sources();
    maker.write(
        "cases.json",
        r#"[{"entry": "f", "args": [3], "expect": 10}]"#,
    );
    for number in 0..1_000 {
        let path = &sources[number % sources.len()];
        let source = fs::read_to_string(path).unwrap();
        let call = format!("check({})\n", entry_point(&source));
        maker.write("solution.py", &source);
        maker.write("asserts.py", &call);
        maker.write(
            "main.py",
            format!("{source}\n\n{call}print(__name__, {number}, id(check) % 16)\n"),
        );
        maker.write(
            "f.py",
            format!(
                "import random\nN = {number}\ndef f(x):\n    return x + random.choice([7, 7])\n"
            ),
        );
        let words = match number % 3 {
            0 => format!("exec --seed {number} main.py"),
            1 => format!("test --seed {number} --tests asserts.py solution.py"),
            _ => format!("test --seed {number} --cases cases.json f.py"),
        };
        let made = maker.run(&format!("{words} --bundle run.bundle"));
        assert_eq!(made.code, 0, "{}: {made:?}", path.display());
        let bundle = maker.path("run.bundle").display().to_string();
        let replayed = checker.edgecoder(&["replay", &bundle]);
        assert_eq!(
            replayed.code,
            0,
            "{number}, {}: {replayed:?}",
            path.display()
        );
        assert!(replayed.out.contains("verdict: agreed"), "{replayed:?}");
        if number % 100 == 99 {
            println!("{} bundles agreed", number + 1);
        }
    }
}

#[test]
#[ignore = "acceptance: strace-local"]
fn strace_local_mode_opens_no_internet_socket() {
    let strace = Command::new("strace").arg("--version").output();
    assert!(
        strace.is_ok(),
        "there is no strace here (Debian: apt-get install strace)"
    );
    let home = Home::new();
    home.write(
        "cases.json",
        r#"[{"entry": "add", "args": [2, 3], "expect": 5}]"#,
    );
    let trace = home.path("trace.txt");
    let mut strace = home.command("strace");
    strace
        .args(["-f", "-qq", "-e", "trace=network", "-o"])
        .arg(&trace);
    // The daemon that the command starts is followed too, and both its children.
    strace
        .arg(program("edgecoder"))
        .args(["solve", "--cases", "cases.json"]);
    strace.arg("Write a function add(a, b) that returns the sum of a and b.");
    let mut tracing = strace.spawn().unwrap();
    wait_for("the task's end", || {
        let (_, tasks) = home.request("GET", "/v1/tasks", &serde_json::Value::Null)?;
        (tasks[0]["state"] == "delivered").then_some(())
    });
    let reaching = "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 22))\nexcept OSError:\n    print('refused')";
    let said_of = home.exec(reaching, "");
    assert_eq!(
        (said_of.code, said_of.out.as_str()),
        (0, "refused\n"),
        "{said_of:?}"
    );
    let status = home.status();
    for child in ["sandbox", "inference"] {
        assert!(
            status["children"][child].is_u64(),
            "no {child} was traced: {status}"
        );
    }
    assert_eq!(home.run("daemon stop").code, 0);
    assert!(tracing.wait().unwrap().success());
    let text = fs::read_to_string(&trace).unwrap();
    assert!(text.contains("AF_UNIX"), "the trace saw no socket at all");
    let bad: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("AF_INET") || line.contains("AF_NETLINK"))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    // The same trace of a program that does open one: the check can fail.
    let mut control = home.command("strace");
    control
        .args(["-f", "-qq", "-e", "trace=network", "-o"])
        .arg(&trace);
    control.args(["bash", "-c", ": < /dev/tcp/127.0.0.1/9 || true"]);
    said(&mut control);
    assert!(
        fs::read_to_string(&trace).unwrap().contains("AF_INET"),
        "the trace misses sockets"
    );
}

/// A daemon without wasmtime and llama.cpp, from the same sources.
#[test]
#[ignore = "acceptance: lean-build"]
fn lean_build_serves_and_says_what_it_cannot_do() {
    let target = program("edgecoder").parent().unwrap().join("lean");
    let cargo = |words: &str| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(words.split_whitespace()).arg("--target-dir");
        command.arg(&target).current_dir(repository());
        command
    };
    let build = "build --package edgecoder-daemon --no-default-features --bins";
    assert!(cargo(build).status().unwrap().success());
    let tree = "tree --package edgecoder-daemon --no-default-features --edges normal --prefix none";
    let tree = said(
        Command::new("cargo")
            .args(tree.split_whitespace())
            .current_dir(repository()),
    );
    for heavy in ["wasmtime", "llama-cpp", "minijinja"] {
        assert!(!tree.out.contains(heavy), "{heavy} is in {}", tree.out);
    }
    let home = Home::new();
    let lean = |words: &str| {
        let mut command = home.command(target.join("debug/edgecoder"));
        said(command.args(words.split_whitespace()))
    };
    home.write("main.py", "print(1)");
    lean("exec main.py").refuses(70, "feature `sandbox`");
    let solve = lean("solve anything");
    assert_eq!(solve.code, 4, "{solve:?}");
    assert!(
        format!("{solve:?}").contains("feature `llama`"),
        "{solve:?}"
    );
    assert_eq!(lean("daemon status").code, 0);
    assert_eq!(lean("daemon stop").code, 0);
}
