//! Which layer wins, and what is refused with which words.

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
    check("mode = \"mesh\"", &[], "expected local");
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
