//! `cargo quickstart -- mesh` without the building: what it shows, and that it leaves nothing behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use support::{Home, program, said, wait_for};

mod support;

/// The demonstration on the programs beside this test, with folders of its own.
fn demonstration(home: &Home) -> Command {
    for folder in ["temporary", "target"] {
        fs::create_dir(home.path(folder)).unwrap();
    }
    let bootstrap = program("edgecoder-bootstrap");
    // The bootstrap looks in `debug`, whatever the profile of this test.
    symlink(bootstrap.parent().unwrap(), home.path("target/debug")).unwrap();
    let mut command = home.command(bootstrap);
    command
        .args(["quickstart", "--", "mesh", "--no-build"])
        .env("TMPDIR", home.path("temporary"))
        .env("XDG_CACHE_HOME", home.path("cache"))
        .env("CARGO_TARGET_DIR", home.path("target"));
    command
}

/// Processes that work in a folder of the demonstration's, which may be gone by now, and their children.
fn processes(home: &Home) -> Vec<u32> {
    let temporary = home.path("temporary");
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let all: Vec<u32> = all.collect();
    let works_there = |process: &u32| {
        fs::read_link(format!("/proc/{process}/cwd")).is_ok_and(|cwd| cwd.starts_with(&temporary))
    };
    let (mut found, others): (Vec<u32>, Vec<u32>) = all.into_iter().partition(works_there);
    // A daemon's children work elsewhere, in no environment that would tell them.
    let children = others.into_iter().filter(|process| {
        let parent = parent(*process);
        parent.is_some_and(|parent| found.contains(&parent))
    });
    let children: Vec<u32> = children.collect();
    found.extend(children);
    found
}

fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold spaces.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Waits until no process and no folder is left.
fn nothing_is_left(home: &Home) {
    wait_for("the demonstration to clear away what it had", || {
        let folders = fs::read_dir(home.path("temporary")).unwrap().count();
        (processes(home).is_empty() && folders == 0).then_some(())
    });
}

#[test]
fn five_daemons_solve_a_task_though_one_is_killed_in_the_middle() {
    let home = Home::new();
    let said = said(&mut demonstration(&home));
    assert_eq!(said.code, 0, "{said:?}");
    let out = &said.out;
    let has = |what: &str| assert!(out.contains(what), "no {what:?} in {said:?}");
    for name in ["coordinator", "worker 1", "worker 2", "worker 3", "user"] {
        let registered = |line: &str| line.starts_with(&format!("  {name} ")) && line.contains('…');
        assert!(out.lines().any(registered), "no {name} in {said:?}");
    }
    has(" is killed in the middle of it (SIGKILL, process ");
    has("lends the task anew");
    has("all 3 cases are right");
    has("replays the bundle: agreed");
    has("Verified in ");
    has("edgecoder replay ");
    assert!(
        !out.contains('\x1b'),
        "nobody asked for a terminal's codes: {said:?}"
    );
    nothing_is_left(&home);
    // The node of this test knows nothing of the network, and finds the same.
    let bundle = home.path("cache/edgecoder/quickstart/mesh.bundle");
    let replayed = home
        .run(&format!("replay --json {}", bundle.display()))
        .json();
    assert_eq!(replayed["verdict"], "agreed", "{replayed}");
    assert_eq!(replayed["evidence"], "cases", "{replayed}");
}

#[test]
fn a_demonstration_that_is_ended_takes_its_daemons_along() {
    let home = Home::new();
    let mut running = demonstration(&home).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let begun = lines.any(|line| line.unwrap().contains("lends the task anew"));
    assert!(begun, "nobody had the task after the first worker");
    let begun = processes(&home);
    assert!(
        begun.len() > 4,
        "four daemons and who runs the code: {begun:?}"
    );
    let process = Pid::from_raw(i32::try_from(running.id()).unwrap()).unwrap();
    kill_process(process, Signal::KILL).unwrap();
    running.wait().unwrap();
    nothing_is_left(&home);
    wait_for("the children of its daemons to end", || {
        let is_there = |process: &u32| fs::exists(format!("/proc/{process}")).unwrap();
        (!begun.iter().any(is_there)).then_some(())
    });
}

#[test]
fn a_demonstration_that_cannot_begin_says_what_to_do() {
    let home = Home::new();
    let mut command = demonstration(&home);
    fs::remove_file(home.path("target/debug")).unwrap();
    said(&mut command).refuses(69, "was not to be built");
    let mut unknown = home.command(program("edgecoder-bootstrap"));
    said(unknown.args(["quickstart", "--", "mash"])).refuses(64, "mash");
    nothing_is_left(&home);
}
