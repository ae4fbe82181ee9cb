//! Settings that reach the daemon which a command starts: files, folders, models, odd environments.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt};

use support::{Home, program, repository, said};

#[test]
fn a_settings_file_named_by_a_flag_reaches_the_daemon() {
    let home = Home::new();
    home.write("own.toml", "model = \"/nonexistent/own.gguf\"\n");
    home.write("main.py", "print(1)");
    let said = home.run("exec --config own.toml main.py");
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(home.status()["model"], "/nonexistent/own.gguf");
}

#[test]
fn a_data_folder_of_ones_own_has_a_socket_of_its_own() {
    let mut home = Home::new();
    let runtime = home.path("run").display().to_string();
    home.set("XDG_RUNTIME_DIR", Some(&runtime));
    home.write("main.py", "print(1)");
    let data = |name: &str| home.path(name).display().to_string();
    let (file, flag) = (data("from-file"), data("from-flag"));
    home.write("own.toml", format!("data_dir = \"{file}\"\n"));
    // The environment's folder would win over the file's.
    let own = |words: &str| {
        let mut command = home.command(program("edgecoder"));
        command.env_remove("EDGECODER_DATA_DIR");
        said(command.args(words.split(' ')))
    };
    for (flags, folder) in [
        ("--config own.toml".to_owned(), &file),
        (format!("--data-dir {flag}"), &flag),
    ] {
        let said = own(&format!("{flags} exec main.py"));
        assert_eq!(said.code, 0, "{flags}: {said:?}");
        let status = own(&format!("{flags} daemon status --json")).json();
        assert_eq!(status["data_dir"], folder.as_str(), "{flags}");
        let socket = format!("{folder}/edgecoderd.sock");
        assert!(fs::metadata(&socket).is_ok(), "{flags}: no {socket}");
        assert_eq!(own(&format!("{flags} daemon stop")).code, 0);
    }
    assert_eq!(home.exec("print(1)", "").code, 0);
    assert!(home.socket().exists(), "the environment moves it too");
    assert!(!home.path("run").exists());
}

#[test]
fn a_model_that_a_setting_names_wins_over_the_one_chosen_last() {
    let mut home = Home::new();
    let shipped = repository().join("bootstrap/model/seedling-q8_0.gguf");
    home.write("own.gguf", fs::read(shipped).unwrap());
    let said = home.run("model use own.gguf");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!said.out.contains("next start"), "{said:?}");
    home.stop();
    let model = |home: &Home| home.run("model show --json").json()["file"].clone();
    assert!(
        model(&home).as_str().unwrap().ends_with("own.gguf"),
        "a choice is remembered"
    );
    home.stop();
    home.set("EDGECODER_MODEL", Some("embedded"));
    assert_eq!(model(&home), "embedded", "the setting is ignored");
    let said = home.run("model use own.gguf");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("environment EDGECODER_MODEL") && said.out.contains("next start"),
        "{said:?}"
    );
    assert!(model(&home).as_str().unwrap().ends_with("own.gguf"));
    home.stop();
    assert_eq!(model(&home), "embedded");
    home.stop();
    home.set("EDGECODER_MODEL", None);
    assert!(model(&home).as_str().unwrap().ends_with("own.gguf"));
}

#[test]
fn an_environment_that_is_not_text_disturbs_nobody() {
    let home = Home::new();
    home.write("main.py", "print(1)");
    let mut command = home.command(program("edgecoder"));
    let odd = OsStr::from_bytes(b"\xff\xfe");
    command.env("ODD", odd).env(odd, "x");
    // The daemon inherits it.
    let said = said(command.args(["exec", "main.py"]));
    assert_eq!((said.code, said.out.as_str()), (0, "1\n"), "{said:?}");
}

#[test]
fn settings_of_the_mesh_are_shown_and_checked() {
    let home = Home::new().with("EDGECODER_WORKER_CPU", "50");
    let file = ".config/edgecoder/config.toml";
    home.write(
        file,
        "mdns = false\nroles = [\"agent\", \"worker\"]\nworker_hours = \"22:00-06:00\"\n",
    );
    let shown = home.run("config show --origin");
    assert_eq!(shown.code, 0, "{shown:?}");
    for line in [
        "mdns = \"false\"  # file ",
        "roles = \"agent,worker\"  # file ",
        "worker_hours = \"22:00-06:00\"  # file ",
        "worker_cpu = \"50\"  # environment EDGECODER_WORKER_CPU",
        "privacy = \"mesh\"  # default",
        "kademlia = \"server\"  # default",
    ] {
        assert!(shown.out.contains(line), "no {line} in {shown:?}");
    }
    for (text, why) in [
        ("mode = \"public\"", "expected local, mesh or enterprise"),
        ("roles = [\"miner\"]", "worker, coordinator, bootstrap"),
        ("listen = \"0.0.0.0:4001\"", "such as /ip4/"),
        ("external = \"example.org\"", "such as /ip4/"),
        ("bootstrap = \"/ip4/192.0.2.1/tcp/1\"", "end in a peer id"),
        ("mdns = 1", "expected true or false"),
        ("gossip = \"on\"", "expected true or false"),
        ("kademlia = true", "server, client or off"),
        ("privacy = \"public\"", "sealed, enterprise or mesh"),
        ("worker_slots = 1025", "0 to 1024"),
        ("worker_hours = \"8-17\"", "HH:MM-HH:MM"),
        ("worker_idle_only = 2", "expected true or false"),
        ("worker_cpu = 0", "1 to 100"),
        ("worker_memory = -1", "MiB"),
        ("worker_slot = 1", "did you mean `worker_slots`?"),
        ("worker_cpu = 1.5", "a number, true, false or a list"),
    ] {
        home.write(file, text);
        // The environment's value would win over the file's.
        let mut command = home.command(program("edgecoder"));
        command.env_remove("EDGECODER_WORKER_CPU");
        said(command.args(["config", "show"])).refuses(64, why);
    }
    assert!(!home.data().exists(), "looking at settings made a folder");
}
