//! The daemon that a command starts for itself: started once, found again, replaced when old, really gone when stopped.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::{
    fs::{self, File, Permissions},
    io::Write,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
    thread,
};

use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};
use support::{Home, STEP, Said, cpu_ticks, program, said, wait_for};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_stop_returns_only_when_the_daemon_has_let_go_of_its_data() {
    let home = Home::new();
    assert_eq!(home.exec("print(1)", "").code, 0);
    let sandbox = home.status()["children"]["sandbox"].as_u64().unwrap();
    let ticks = cpu_ticks(sandbox).unwrap();
    thread::scope(|scope| {
        let run = scope.spawn(|| home.exec("while True: pass", "--fuel 1000000000000"));
        // Ten ticks of work: the run is in it, and must not hold up the end.
        wait_for("the run", || {
            (cpu_ticks(sandbox)? >= ticks + 10).then_some(())
        });
        assert_eq!(home.run("daemon stop").code, 0);
        let lock = File::open(home.data().join("lock")).unwrap();
        let free = flock(&lock, FlockOperation::NonBlockingLockExclusive);
        assert!(free.is_ok(), "the data is still in use");
        let said = run.join().unwrap();
        said.refuses(69, "is stopping");
    });
}

#[test]
fn a_client_that_never_finishes_does_not_hold_up_the_end() {
    let home = Home::new();
    let mut daemon = home.daemon();
    let mut half = UnixStream::connect(home.socket()).unwrap();
    half.write_all(b"POST /v1/executions HTTP/1.1\r\nHost: x\r\nContent-Le")
        .unwrap();
    let mut body = UnixStream::connect(home.socket()).unwrap();
    body.write_all(b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
        .unwrap();
    assert_eq!(home.run("daemon stop").code, 0);
    let ended = wait_for("the daemon's end", || daemon.try_wait().unwrap());
    assert!(ended.success(), "{}", home.log());
}

#[test]
fn commands_that_start_at_once_share_one_daemon() {
    let home = Home::new();
    home.write("main.py", "print(1)");
    for round in 0..3 {
        let all: Vec<Said> = thread::scope(|scope| {
            let runs: Vec<_> = (0..5)
                .map(|_| scope.spawn(|| home.run("exec main.py")))
                .collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        for said in all {
            assert_eq!(
                (said.code, said.out.as_str()),
                (0, "1\n"),
                "round {round}: {said:?}"
            );
        }
        let log = fs::read_to_string(home.data().join("edgecoderd.log")).unwrap();
        let starts = log.matches("edgecoderd listens").count();
        assert_eq!(starts, round + 1, "a start is missing from the log: {log}");
        assert_eq!(home.run("daemon stop").code, 0);
    }
}

#[test]
fn a_command_waits_for_a_daemon_that_starts_or_stops() {
    let home = Home::new();
    home.write("main.py", "print(1)");
    fs::create_dir(home.data()).unwrap();
    let lock = File::create(home.data().join("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let said = thread::scope(|scope| {
        let run = scope.spawn(|| home.run("exec main.py"));
        // As a daemon that holds its data and does not listen, for half a second.
        (0..50).for_each(|_| thread::sleep(STEP));
        drop(lock);
        run.join().unwrap()
    });
    assert_eq!((said.code, said.out.as_str()), (0, "1\n"), "{said:?}");
}

#[test]
fn a_log_that_has_grown_large_is_begun_anew_and_the_old_one_kept() {
    let home = Home::new();
    let log = home.data().join("edgecoderd.log");
    fs::create_dir(home.data()).unwrap();
    File::create(&log).unwrap().set_len(11 << 20).unwrap();
    assert_eq!(home.exec("print(1)", "").code, 0);
    assert!(fs::metadata(&log).unwrap().len() < 1 << 20);
    let old = fs::metadata(home.data().join("edgecoderd.log.old")).unwrap();
    assert_eq!(old.len(), 11 << 20);
}

/// Programs of this home's own, which a test may replace as a build does.
fn installed(home: &Home, name: &str) {
    let path = home.path(name);
    fs::remove_file(&path).ok();
    fs::copy(program(name), &path).unwrap();
}

fn exec(home: &Home) -> Said {
    home.write("main.py", "print(1)");
    let mut command = home.command(home.path("edgecoder"));
    let said = said(command.args(["exec", "main.py"]));
    assert_eq!((said.code, said.out.as_str()), (0, "1\n"), "{said:?}");
    said
}

fn status(home: &Home) -> Value {
    let (code, status) = home.request("GET", "/v1/status", &Value::Null).unwrap();
    assert_eq!(code, 200, "{status}");
    status
}

#[test]
fn a_daemon_of_an_older_build_is_replaced_unless_it_works_on_a_task() {
    let home = Home::new();
    for name in ["edgecoder", "edgecoderd"] {
        installed(&home, name);
    }
    exec(&home);
    let first = status(&home);
    exec(&home);
    assert_eq!(status(&home)["pid"], first["pid"], "replaced for no reason");
    installed(&home, "edgecoderd");
    exec(&home);
    let second = status(&home);
    assert_ne!(second["pid"], first["pid"], "the old daemon still runs");
    assert_ne!(second["build"], first["build"]);
    let asserts = "d2hpbGUgVHJ1ZTogcGFzcwo="; // `while True: pass`
    let task = json!({
        "prompt": "Write a function add(a, b) that returns the sum of a and b.",
        "files": {"asserts.py": asserts}, "tests": {"suite": {"kind": "asserts", "path": "asserts.py"}},
        "solution": "solution.py", "candidates": 1, "max_iterations": 1, "budget": 4096, "deadline_ms": 600_000,
        "seed": 1, "limits": {"fuel": 10_000_000_000_000_u64, "memory": 256 << 20, "output": 1 << 20, "result": 1 << 20,
            "wall_ms": 3_600_000},
    });
    let (code, task) = home.request("POST", "/v1/tasks", &task).unwrap();
    assert_eq!(code, 202, "{task}");
    // Its children are started by now, from the program that is replaced next.
    let sandbox = second["children"]["sandbox"].as_u64().unwrap();
    let ticks = cpu_ticks(sandbox).unwrap();
    wait_for("the task to run its code", || {
        (cpu_ticks(sandbox)? >= ticks + 10).then_some(())
    });
    installed(&home, "edgecoderd");
    let warned = exec(&home);
    assert!(
        warned.err.contains("another build") && warned.err.contains("edgecoder daemon stop"),
        "{warned:?}"
    );
    assert_eq!(
        status(&home)["pid"],
        second["pid"],
        "a task was interrupted"
    );
    // Without a program of its own there is nothing to compare with.
    fs::remove_file(home.path("edgecoderd")).unwrap();
    assert!(!exec(&home).err.contains("another build"));
    let cancel = format!("/v1/tasks/{}/cancel", task["id"].as_str().unwrap());
    assert_eq!(home.request("POST", &cancel, &Value::Null).unwrap().0, 200);
}

#[test]
fn status_of_no_daemon_is_json_too() {
    let home = Home::new();
    let said = home.run("daemon status --json");
    assert_eq!(said.code, 69, "{said:?}");
    let none = json!({"schema": "edgecoder/status/1", "running": false});
    assert_eq!(said.json(), none);
    assert!(!home.data().exists(), "looking made a data folder");
}

#[test]
fn the_data_folder_is_its_users_alone_whoever_makes_it() {
    let usual = |home: &Home, words: &str| {
        let mut command = home.command("sh");
        command.arg("-c").arg(format!(
            "umask 022; exec {} {words}",
            program("edgecoder").display()
        ));
        said(&mut command)
    };
    let home = Home::new();
    home.write("main.py", "print(1)");
    let said = usual(&home, "exec main.py");
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(mode(&home.data()), 0o700, "made by a command");
    home.stop();
    fs::set_permissions(home.data(), Permissions::from_mode(0o755)).unwrap();
    let mut daemon = home.daemon();
    assert_eq!(mode(&home.data()), 0o700, "left open by a daemon");
    home.stop();
    daemon.wait().unwrap();
    let home = Home::new();
    let said = usual(&home, "doctor");
    assert!(said.out.contains("ok   data folder"), "{said:?}");
    assert_eq!(mode(&home.data()), 0o700, "made by doctor");
    fs::set_permissions(home.data(), Permissions::from_mode(0o750)).unwrap();
    let said = usual(&home, "doctor");
    assert!(said.out.contains("FAIL data folder"), "{said:?}");
    // A folder that only holds the socket is not ours to close.
    let shared = home.path("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o755)).unwrap();
    home.stop();
    let said = usual(&home, "exec --socket shared/s.sock main.py");
    assert_eq!(said.code, 64, "there is no main.py here: {said:?}");
    home.write("main.py", "print(1)");
    let said = usual(&home, "exec --socket shared/s.sock main.py");
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(mode(&shared), 0o755);
    assert_eq!(mode(&shared.join("s.sock")), 0o600);
}

#[test]
fn a_socket_path_as_long_as_a_socket_may_have_works() {
    let home = Home::new();
    home.write("main.py", "print(1)");
    let folder = home.path("f");
    let filled = |name: &str, length: usize| {
        let room = length - folder.as_os_str().len() - name.len() - 1;
        format!("{}{}/{name}", folder.display(), "f".repeat(room))
    };
    for name in ["s", "a-socket-with-a-rather-long-name.sock"] {
        for length in [96, 103, 107] {
            let socket = filled(name, length);
            let said = home.edgecoder(&["exec", "--socket", &socket, "main.py"]);
            assert_eq!((said.code, said.out.as_str()), (0, "1\n"), "{said:?}");
            assert_eq!(mode(Path::new(&socket)), 0o600);
            let said = home.edgecoder(&["daemon", "stop", "--socket", &socket]);
            assert_eq!(said.code, 0, "{said:?}");
        }
        home.edgecoder(&["exec", "--socket", &filled(name, 108), "main.py"])
            .refuses(64, "107 bytes");
    }
}
