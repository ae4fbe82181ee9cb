//! The commands around the main job: settings, doctor, daemon, completions, man pages.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use serde_json::json;
use support::{Home, wait_for};

#[test]
fn settings_say_where_they_come_from() {
    let home = Home::new().with("EDGECODER_THREADS", "3");
    home.write(
        ".config/edgecoder/config.toml",
        "log = \"warn\"\nthreads = 2\n",
    );
    let said = home.run("config show --origin --socket /tmp/other.sock");
    assert_eq!(said.code, 0, "{said:?}");
    let line = |key: &str| {
        let line = said
            .out
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")));
        line.unwrap_or_else(|| panic!("no {key} in {said:?}"))
            .to_owned()
    };
    assert!(
        line("threads").contains("\"3\"  # environment EDGECODER_THREADS"),
        "{said:?}"
    );
    assert!(line("log").contains("\"warn\"  # file "), "{said:?}");
    assert!(line("socket").ends_with("# flag --socket"), "{said:?}");
    assert!(line("mode").ends_with("\"local\"  # default"), "{said:?}");
    assert!(
        !home.data().exists(),
        "looking at settings made a data folder"
    );
    home.write(".config/edgecoder/config.toml", "thread = 2\n");
    home.run("config show")
        .refuses(64, "did you mean `threads`?");
    let misspelt = Home::new().with("EDGECODER_SOKET", "/x");
    misspelt
        .run("daemon status")
        .refuses(64, "did you mean `socket`?");
}

#[test]
fn doctor_exits_with_what_it_found_and_names_a_remedy() {
    let home = Home::new();
    let said = home.run("doctor --json");
    let report = said.json();
    assert_eq!(report["schema"], "edgecoder/doctor/1");
    let checks = report["checks"].as_array().unwrap();
    for name in [
        "data folder",
        "daemon",
        "sandbox",
        "sandbox sealed",
        "model",
    ] {
        let check = checks.iter().find(|check| check["name"] == name);
        assert!(
            check.is_some_and(|check| check["ok"] == true),
            "{name}: {report:#}"
        );
    }
    let ok = checks.iter().all(|check| check["ok"] == true);
    assert_eq!(
        (said.code == 0, &report["ok"]),
        (ok, &json!(ok)),
        "{report:#}"
    );
    fs::set_permissions(home.data(), Permissions::from_mode(0o777)).unwrap();
    let said = home.run("doctor");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.out.contains("FAIL data folder") && said.out.contains("remedy: "),
        "{said:?}"
    );
}

#[test]
fn the_daemon_starts_when_needed_and_stops_when_told() {
    let home = Home::new();
    assert_eq!(home.run("daemon status").code, 69, "nothing runs yet");
    assert_eq!(
        home.run("daemon stop").code,
        0,
        "stopping nothing is done at once"
    );
    assert_eq!(home.exec("print(1)", "").code, 0);
    let status = home.status();
    assert_eq!(
        (&status["schema"], &status["mode"]),
        (&json!("edgecoder/status/1"), &json!("local"))
    );
    let mode = fs::metadata(home.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others can reach the socket");
    let key = fs::metadata(home.data().join("node.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(key & 0o777, 0o600, "others can read the key");
    let children = status["children"].as_object().unwrap().clone();
    assert!(children.contains_key("sandbox"), "{status}");
    assert_eq!(home.run("daemon stop").code, 0);
    let mut pids = vec![status["pid"].as_u64().unwrap()];
    pids.extend(children.values().map(|pid| pid.as_u64().unwrap()));
    for pid in pids {
        // A zombie has no `exe`: it has ended, whether or not somebody has read its status.
        let ended = || {
            fs::read_link(format!("/proc/{pid}/exe"))
                .is_err()
                .then_some(())
        };
        wait_for("daemon and children to end", ended);
    }
    assert!(!home.socket().exists());
    assert_eq!(home.run("daemon status").code, 69);
}

#[test]
fn the_command_after_a_stop_starts_a_daemon_again() {
    let home = Home::new();
    for round in 0..5 {
        let said = home.exec("print(1)", "");
        assert_eq!(
            (said.code, said.out.as_str()),
            (0, "1\n"),
            "round {round}: {said:?}"
        );
        assert_eq!(home.run("daemon stop").code, 0);
    }
}

#[test]
fn an_idle_daemon_without_a_model_stays_under_60_mb() {
    let home = Home::new();
    let mut daemon = home.daemon();
    let status = wait_for("a second of idling", || {
        let status = home.status();
        (status["uptime_ms"].as_u64().unwrap() >= 1_000).then_some(status)
    });
    assert!(status["children"].get("inference").is_none(), "{status}");
    let bytes = support::resident(daemon.id());
    assert!(bytes < 60_000_000, "{bytes}");
    home.stop();
    daemon.wait().unwrap();
}

#[test]
fn completions_and_man_pages_name_every_command() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let said = home.run(&format!("completions {shell}"));
        assert_eq!(said.code, 0, "{said:?}");
        for command in ["solve", "replay", "doctor"] {
            assert!(said.out.contains(command), "{shell}: no {command}");
        }
    }
    assert_eq!(home.run("completions tcsh").code, 64);
    let said = home.run("man pages");
    assert_eq!(said.code, 0, "{said:?}");
    for page in [
        "edgecoder.1",
        "edgecoder-solve.1",
        "edgecoder-daemon-stop.1",
    ] {
        let text = fs::read_to_string(home.path("pages").join(page)).unwrap();
        assert!(text.contains(".TH edgecoder"), "{page}: {text}");
    }
    assert!(!home.data().exists(), "help started a daemon");
}
