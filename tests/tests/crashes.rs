//! What dies without warning: either child, and the daemon; what it leaves behind; and what comes back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::net::UnixListener,
    process::Stdio,
    thread,
};

use support::{Home, Said, cpu_ticks, kill, program, said, wait_for};

const PROMPT: &str = "Write a function add(a, b) that returns the sum of a and b.";
const CASES: &str = r#"[{"entry": "add", "args": [2, 3], "expect": 5}]"#;

fn solve(home: &Home) -> Said {
    home.write("cases.json", CASES);
    home.edgecoder(&["solve", "--cases", "cases.json", PROMPT])
}

fn child(home: &Home, name: &str) -> Option<u64> {
    home.status()["children"][name].as_u64()
}

#[test]
fn a_run_answers_though_the_sandbox_is_killed_under_it() {
    let home = Home::new();
    assert_eq!(home.exec("print(1)", "").code, 0);
    let before = home.status();
    let pid = child(&home, "sandbox").unwrap();
    let ticks = cpu_ticks(pid).unwrap();
    let said = thread::scope(|scope| {
        let run = scope.spawn(|| home.exec("for _ in range(20_000_000): pass\nprint('done')", ""));
        // Ten ticks of work: the run is in it.
        wait_for("the run", || (cpu_ticks(pid)? >= ticks + 10).then_some(()));
        kill(u32::try_from(pid).unwrap());
        run.join().unwrap()
    });
    assert_eq!((said.code, said.out.as_str()), (0, "done\n"), "{said:?}");
    home.still_lives(&before);
    assert_ne!(child(&home, "sandbox"), Some(pid));
}

#[test]
fn a_task_ends_though_the_model_is_killed_while_it_writes() {
    let home = Home::new();
    assert_eq!(solve(&home).code, 0);
    let before = home.status();
    let mut killed = 0;
    for _ in 0..3 {
        let mut command = home.command(program("edgecoder"));
        command.args([
            "solve",
            "--json",
            "--candidates",
            "16",
            "--cases",
            "cases.json",
            PROMPT,
        ]);
        let mut task = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(task.stdout.take().unwrap()).lines();
        let is_attempt = |line: &String| line.contains("\"event\":\"attempt\"");
        lines
            .find(|line| line.as_ref().is_ok_and(is_attempt))
            .unwrap()
            .unwrap();
        if let Some(pid) = child(&home, "inference") {
            kill(u32::try_from(pid).unwrap());
            killed += 1;
        }
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        let ended = task.wait().unwrap();
        let mut err = String::new();
        task.stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        let last = rest.last().unwrap_or_else(|| panic!("no end: {err}"));
        assert!(last.contains("\"event\":\"done\""), "{last} {err}");
        // One death is made up for by the next child.
        assert_eq!(ended.code(), Some(0), "{last} {err}");
    }
    assert!(killed > 0, "no model ran");
    let said = solve(&home);
    assert_eq!(said.code, 0, "{said:?}");
    home.still_lives(&before);
}

#[test]
fn a_stale_socket_is_replaced_and_a_foreign_file_is_not() {
    let home = Home::new();
    fs::create_dir(home.data()).unwrap();
    drop(UnixListener::bind(home.socket()).unwrap());
    assert!(
        home.socket().exists(),
        "a dropped listener leaves its socket"
    );
    let said = home.exec("print(1)", "");
    assert_eq!((said.code, said.out.as_str()), (0, "1\n"), "{said:?}");
    assert_eq!(home.run("daemon stop").code, 0);
    wait_for("the socket to go", || {
        (!home.socket().exists()).then_some(())
    });
    fs::write(home.socket(), "somebody's notes").unwrap();
    home.exec("print(1)", "").refuses(69, "not a socket");
    assert_eq!(
        fs::read_to_string(home.socket()).unwrap(),
        "somebody's notes"
    );
}

#[test]
fn a_second_daemon_on_the_same_data_refuses_with_a_sentence() {
    let home = Home::new();
    let mut first = home.daemon();
    let before = home.status();
    let second = said(&mut home.command(program("edgecoderd")));
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.err.contains("another daemon uses"), "{second:?}");
    assert!(second.err.contains("edgecoder daemon stop"), "{second:?}");
    let other_socket = home.path("other.sock");
    let mut command = home.command(program("edgecoderd"));
    let second = said(command.arg("--socket").arg(&other_socket));
    assert_eq!(second.code, 1, "{second:?}");
    assert!(!other_socket.exists());
    home.still_lives(&before);
    first.kill().unwrap();
    first.wait().unwrap();
    // The lock died with its holder.
    assert_eq!(home.exec("print(1)", "").code, 0);
}

#[test]
fn death_at_any_sync_leaves_a_node_that_starts_again() {
    let mut died = 0;
    for sync in 0..12 {
        let mut home = Home::new();
        home.set("EDGECODER_FAULT", Some(&format!("die:{sync}")));
        home.write("cases.json", CASES);
        let said = home.edgecoder(&["solve", "--json", "--cases", "cases.json", PROMPT]);
        assert!(said.code == 0 || said.code == 69, "die:{sync}: {said:?}");
        died += usize::from(said.code != 0);
        // What a stream had named before the end is there afterwards.
        let named: Vec<_> = said
            .lines()
            .iter()
            .map(|line| line["task"].clone())
            .collect();
        home.stop();
        home.set("EDGECODER_FAULT", None);
        let again = solve(&home);
        assert_eq!(again.code, 0, "after die:{sync}: {again:?}");
        let tasks = home.run("task list --json").json();
        let tasks = tasks.as_array().unwrap();
        for id in named {
            let is_there = tasks.iter().any(|task| task["id"] == id);
            assert!(is_there, "die:{sync} lost {id}");
        }
    }
    assert!(died >= 3, "only {died} of 12 faults were reached");
}

/// Recompiles the guest, which takes half a minute of both cores.
#[test]
#[ignore = "acceptance: corrupted-cache"]
fn corrupted_cache_is_compiled_anew_and_never_run() {
    let mut home = Home::new();
    let cache = home.path("cache");
    home.set("EDGECODER_CACHE_DIR", Some(&cache.display().to_string()));
    let compiled = |extension: &str| {
        let files = fs::read_dir(cache.join("guests")).into_iter().flatten();
        let paths = files.map(|file| file.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|e| e == extension))
            .collect::<Vec<_>>()
    };
    assert_eq!(home.exec("print(1)", "").code, 0);
    let [guest] = compiled("cwasm").try_into().unwrap();
    let good = fs::read(&guest).unwrap();
    home.stop();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 0x40;
    fs::write(&guest, &bad).unwrap();
    let said = home.exec("print(2)", "");
    assert_eq!((said.code, said.out.as_str()), (0, "2\n"), "{said:?}");
    assert!(
        fs::read(&guest).unwrap() != bad,
        "the damaged file is still there"
    );
    assert_eq!(
        compiled("damaged").len(),
        1,
        "it was not kept for whoever looks into it"
    );
}
