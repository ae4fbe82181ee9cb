//! Which layer wins, and what is refused with which words.

use edgecoder_protocol::{
    Bytes,
    record::{Hours, Role},
    task::PrivacyClass,
};

use super::*;

fn layers(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Layers {
    let own = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<Vec<_>>()
    };
    let mut environment = own(environment);
    environment.push(("HOME".into(), "/home/u".into()));
    Layers {
        file: Some(file.into()),
        environment,
        flags: own(flags),
    }
}

#[test]
fn later_layers_win_and_each_value_knows_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, "threads = 2\nlog = \"warn\"\nmodel = \"/m.gguf\"\n").unwrap();
    let file = file.to_str().unwrap();
    let layers = layers(
        file,
        &[("EDGECODER_LOG", "debug"), ("EDGECODER_THREADS", "3")],
        &[("threads", "4")],
    );
    let settings = Settings::read(&layers).unwrap();
    let config = settings.config().unwrap();
    assert_eq!(
        (config.threads, config.log.as_str(), config.model.as_str()),
        (4, "debug", "/m.gguf")
    );
    assert_eq!(config.data_dir, Path::new("/home/u/.local/share/edgecoder"));
    let origins: Vec<String> = settings
        .iter()
        .map(|(key, s)| format!("{key}: {}", s.origin))
        .collect();
    assert!(
        origins.contains(&"threads: flag --threads".to_owned()),
        "{origins:?}"
    );
    assert!(origins.contains(&"log: environment EDGECODER_LOG".to_owned()));
    assert!(origins.contains(&format!("model: file {file}")));
    assert!(origins.contains(&"mode: default".to_owned()));
}

#[test]
fn the_default_socket_lies_in_a_data_folder_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let socket = |text: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]| {
        std::fs::write(&file, text).unwrap();
        let mut environment = environment.to_vec();
        environment.push(("XDG_RUNTIME_DIR", "/run/u"));
        let layers = layers(file.to_str().unwrap(), &environment, flags);
        let config = Settings::read(&layers).unwrap().config().unwrap();
        config.socket.to_str().unwrap().to_owned()
    };
    let own = [("data_dir", "/own")];
    let named = [("EDGECODER_SOCKET", "/named.sock")];
    assert_eq!(socket("", &[], &[]), "/run/u/edgecoder/edgecoderd.sock");
    assert_eq!(socket("", &[], &own), "/own/edgecoderd.sock");
    assert_eq!(
        socket("data_dir = \"/own\"", &[], &[]),
        "/own/edgecoderd.sock"
    );
    assert_eq!(
        socket("", &[("EDGECODER_DATA_DIR", "/own")], &[]),
        "/own/edgecoderd.sock"
    );
    assert_eq!(socket("", &named, &own), "/named.sock");
    assert_eq!(socket("socket = \"/named.sock\"", &[], &own), "/named.sock");
}

#[test]
fn what_cannot_be_used_is_refused_with_what_could() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let check = |text: &str, environment: &[(&str, &str)], says: &str| {
        std::fs::write(&file, text).unwrap();
        let layers = layers(file.to_str().unwrap(), environment, &[]);
        let error = Settings::read(&layers)
            .and_then(|settings| settings.config())
            .unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    };
    check("thread = 1", &[], "did you mean `threads`?");
    check("", &[("EDGECODER_SOKET", "/x")], "did you mean `socket`?");
    check("zzz = 1", &[], "unknown setting `zzz`");
    check("threads = -1", &[], "expected a number from 0 to 1024");
    check("mode = \"mash\"", &[], "expected local, mesh or enterprise");
    check("mdns = 1.5", &[], "true, false or a list");
    check("model = \"m.gguf\"", &[], "absolute path");
    check("threads = [", &[], "correct or remove it");
    check(
        "",
        &[("EDGECODER_SOCKET", &format!("/{}", "x".repeat(120)))],
        "107 bytes",
    );
    let missing = layers("/nonexistent/config.toml", &[], &[]);
    assert!(Settings::read(&missing).is_err());
}

const PEER: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

/// The settings with one key changed in the environment.
fn with(key: &str, value: &str) -> Result<Config, ConfigError> {
    let name = format!("EDGECODER_{}", key.to_uppercase());
    let layers = Layers {
        file: None,
        ..layers("", &[(&name, value)], &[])
    };
    Settings::read(&layers).and_then(|settings| settings.config())
}

#[test]
fn every_key_has_a_default_that_fits() {
    let layers = Layers {
        file: None,
        ..layers("", &[], &[])
    };
    let settings = Settings::read(&layers).unwrap();
    let shown: Vec<_> = settings.iter().map(|(key, _)| key).collect();
    let all: Vec<_> = KEYS.iter().map(|(key, _)| *key).collect();
    assert_eq!(shown, all);
    let config = settings.config().unwrap();
    assert_eq!(config.mode, Mode::Local);
    let mesh = MeshConfig {
        listen: vec![
            "/ip4/0.0.0.0/tcp/0".into(),
            "/ip4/0.0.0.0/udp/0/quic-v1".into(),
        ],
        external: Vec::new(),
        bootstrap: Vec::new(),
        mdns: true,
        gossip: true,
        kademlia: KademliaMode::Server,
        privacy: PrivacyClass::Mesh,
        worker: WorkerConfig {
            slots: 0,
            hours: None,
            idle_only: false,
            cpu_percent: 100,
            memory: None,
        },
    };
    assert_eq!(config.mesh, mesh);
}

#[test]
fn settings_of_the_mesh_are_read_from_a_file_as_toml_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let text = format!(
        "mode = \"enterprise\"\nroles = [\"worker\", \"agent\"]\nlisten = [\"/ip4/192.0.2.1/tcp/4001\"]\n\
         external = \"/dns/node.example/tcp/4001, /ip6/::1/udp/9/quic-v1\"\n\
         bootstrap = [\"/ip4/192.0.2.2/tcp/4001/p2p/{PEER}\"]\nmdns = false\ngossip = \"false\"\n\
         kademlia = \"off\"\nprivacy = \"sealed\"\nworker_slots = 3\n\
         worker_hours = \"22:00-06:00\"\nworker_idle_only = true\nworker_cpu = 50\nworker_memory = 2048\n"
    );
    std::fs::write(&file, text).unwrap();
    let layers = layers(file.to_str().unwrap(), &[], &[]);
    let config = Settings::read(&layers).unwrap().config().unwrap();
    assert_eq!(config.mode, Mode::Enterprise);
    assert_eq!(config.roles, ["worker", "agent"]);
    assert_eq!(config.network_roles(), [Role::Agent, Role::Worker]);
    let mesh = MeshConfig {
        listen: vec!["/ip4/192.0.2.1/tcp/4001".into()],
        external: vec![
            "/dns/node.example/tcp/4001".into(),
            "/ip6/::1/udp/9/quic-v1".into(),
        ],
        bootstrap: vec![format!("/ip4/192.0.2.2/tcp/4001/p2p/{PEER}")],
        mdns: false,
        gossip: false,
        kademlia: KademliaMode::Off,
        privacy: PrivacyClass::Sealed,
        worker: WorkerConfig {
            slots: 3,
            hours: Some(Hours {
                from: 1_320,
                until: 360,
            }),
            idle_only: true,
            cpu_percent: 50,
            memory: Some(Bytes(2 << 30)),
        },
    };
    assert_eq!(config.mesh, mesh);
}

#[test]
fn each_value_of_the_mesh_is_checked() {
    let many = ["/ip4/192.0.2.1/tcp/1"; 17].join(",");
    let named = format!("/ip4/192.0.2.1/tcp/1/p2p/{PEER}");
    for (key, good, bad) in [
        (
            "mode",
            &["local", "mesh", "enterprise"][..],
            &["", "Mesh"][..],
        ),
        (
            "roles",
            &["agent", "inference, worker,coordinator,bootstrap"],
            &["", "agent,", "agent,agent", "miner"],
        ),
        (
            "listen",
            &["", "/ip4/0.0.0.0/tcp/0", "/ip6/::/tcp/0 , /memory/7"],
            &["4001", "/ip4/0.0.0.0/tcp/0,", &named, &many],
        ),
        (
            "external",
            &["", "/dns/a.example/tcp/1"],
            &["a.example", &named],
        ),
        ("bootstrap", &["", &named], &["/ip4/192.0.2.1/tcp/1"]),
        ("mdns", &["true", "false"], &["", "yes", "1"]),
        ("gossip", &["true", "false"], &["no"]),
        ("kademlia", &["server", "client", "off"], &["", "on"]),
        (
            "privacy",
            &["local", "sealed", "enterprise", "mesh"],
            &["", "public"],
        ),
        ("worker_slots", &["0", "1024"], &["", "-1", "1025"]),
        (
            "worker_hours",
            &["", "always", "08:00-17:30"],
            &["8-17", "08:00-08:00"],
        ),
        ("worker_idle_only", &["true", "false"], &["always"]),
        ("worker_cpu", &["1", "100"], &["0", "101", "50%"]),
        (
            "worker_memory",
            &["0", "128", "512"],
            &["", "-1", "127", "1g", "16777217"],
        ),
    ] {
        for value in good {
            assert!(with(key, value).is_ok(), "{key} = {value}");
        }
        for value in bad {
            let error = with(key, value).unwrap_err();
            let is_named = matches!(&error, ConfigError::Value { key: found, .. } if *found == key);
            assert!(is_named, "{key} = {value}: {error}");
        }
    }
}

#[test]
fn a_task_goes_no_further_than_mode_and_ceiling_allow() {
    use PrivacyClass::{Enterprise, Local, Mesh, Sealed};
    let allowed = |mode: &str, ceiling: &str| -> Vec<PrivacyClass> {
        let layers = Layers {
            file: None,
            ..layers(
                "",
                &[("EDGECODER_MODE", mode), ("EDGECODER_PRIVACY", ceiling)],
                &[],
            )
        };
        let config = Settings::read(&layers).unwrap().config().unwrap();
        let classes = [Local, Sealed, Enterprise, Mesh].into_iter();
        classes.filter(|class| config.allows(*class)).collect()
    };
    assert_eq!(allowed("local", "mesh"), [Local]);
    assert_eq!(allowed("mesh", "local"), [Local]);
    assert_eq!(allowed("mesh", "sealed"), [Local, Sealed]);
    assert_eq!(allowed("mesh", "enterprise"), [Local, Sealed]);
    assert_eq!(allowed("mesh", "mesh"), [Local, Sealed, Mesh]);
    assert_eq!(allowed("enterprise", "sealed"), [Local, Sealed]);
    assert_eq!(
        allowed("enterprise", "enterprise"),
        [Local, Sealed, Enterprise]
    );
    assert_eq!(
        allowed("enterprise", "mesh"),
        [Local, Sealed, Enterprise, Mesh]
    );
}
