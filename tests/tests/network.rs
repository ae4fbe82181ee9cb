//! Networks as files of a data folder: founded, invited to, joined, shown; and what is asked of a daemon in one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::mpsc,
    thread,
};

use serde_json::{Value, json};
use support::{Home, program, said_with};

const ADDRESS: &str = "/ip4/192.0.2.1/tcp/4001";
const PEER: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

/// An invite that held until November 2023: no command makes one that has expired.
const EXPIRED: &str = "edgecoder-invite-1:7B_nu5WeKowmE6GOmgydLW-aosiahwRACsSsKQSTnZliT1iv1tUZYA9gxcY8bnVwp67D0Pv76aRhe\
    I_9nkqCAIqI4910CfGV_VLbLTy6XXLKZwm_HZQSG_N0iAG0D29cEgAAAAAAAABlZGdlY29kZXIvaW52aXRlLzEDAAAAAAAAAGxhYgEAAAAAAAAAiojj\
    3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1wBAAAAAAAAAIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOUBQAAAAAAAAAGBgYGBgYGBgY\
    GBgYGBgYGAQAAAAAAAABQAAAAAAAAAC9pcDQvMTkyLjAuMi4xL3RjcC80MDAxL3AycC8xMkQzS29vV0pXb2FxWmhEYW9FRnNoRjdSaDFicFk5b2hpaE\
    ZoemNXNmQ2OUxyMk5BU3VxAL2bvkTdGhqQmGOmQSvIN0q_cias4lb4p0ZtoUUWoWBhAQAAAAAAAACBOXcOqH0XX1ajVGbDTH7My42KkbTuN6Jd9g9bj\
    8mzlAAFAAAAAAAAAABo5c-LAQAA";

/// A home whose node has founded the network `lab`.
fn founder(flags: &str) -> Home {
    let home = Home::new();
    let said = home.run(&format!("network create lab {flags}"));
    assert_eq!(said.code, 0, "{said:?}");
    home
}

/// The line that `home` invites with.
fn invite(home: &Home) -> String {
    let said = home.run(&format!("network invite --address {ADDRESS}"));
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.out.lines().count(), 1, "{said:?}");
    said.out.trim_end().to_owned()
}

fn shown(home: &Home) -> Value {
    home.run("network show --json").json()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn an_invited_node_is_in_the_same_network() {
    let founder = founder("");
    let here = shown(&founder);
    assert_eq!(here["schema"], "edgecoder/network/1");
    assert_eq!(
        (&here["name"], &here["private"], &here["operated_here"]),
        (&json!("lab"), &json!(false), &json!(true))
    );
    let line = invite(&founder);
    let home = Home::new();
    let said = home.run(&format!("network join {line}"));
    assert_eq!(said.code, 0, "{said:?}");
    for part in ["lab", "UTC", "mode = \"mesh\"", "edgecoder daemon stop"] {
        assert!(said.out.contains(part), "no {part:?} in {said:?}");
    }
    let there = shown(&home);
    for key in ["network", "name", "founded", "operators", "members"] {
        assert_eq!(there[key], here[key], "{key}");
    }
    let coordinator = here["members"][0].as_str().unwrap();
    assert_eq!(
        there["addresses"],
        json!([format!("{ADDRESS}/p2p/{coordinator}")])
    );
    assert_eq!(there["operated_here"], false);
    let said = home.run(&format!("network invite --address {ADDRESS}"));
    said.refuses(64, "only an operator");
    // The id that the founder was given stays its daemon's.
    let key = fs::read(founder.data().join("node.key")).unwrap();
    assert_eq!(founder.exec("print(1)", "").code, 0);
    assert_eq!(founder.status()["node"], here["members"][0]);
    assert_eq!(fs::read(founder.data().join("node.key")).unwrap(), key);
    assert_eq!(
        founder.status()["mode"],
        "local",
        "a network changed the mode"
    );
}

#[test]
fn a_node_leaves_its_network_only_when_told_to() {
    let (one, other) = (founder(""), founder(""));
    let line = invite(&one);
    let before = shown(&other);
    let said = other.run(&format!("network join {line}"));
    said.refuses(64, "in a network already");
    assert!(said.err.contains("--replace"), "{said:?}");
    other
        .run("network create more")
        .refuses(64, "in a network already");
    assert_eq!(shown(&other), before);
    let said = other.run(&format!("network join --replace {line}"));
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(shown(&other)["network"], shown(&one)["network"]);
    let fresh = Home::new();
    assert_eq!(fresh.run(&format!("network join {line}")).code, 0);
    let said = fresh.run(&format!("network join {line}"));
    said.refuses(64, "in a network already");
}

#[test]
fn a_line_that_was_changed_is_refused() {
    let line = invite(&founder(""));
    let home = Home::new();
    let start = line.find(':').unwrap() + 1;
    for at in [start, start + 40, line.len() / 2, line.len() - 8] {
        let old = line.as_bytes()[at];
        let new = if old == b'A' { "B" } else { "A" };
        let changed = format!("{}{new}{}", &line[..at], &line[at + 1..]);
        let said = home.run(&format!("network join {changed}"));
        said.refuses(64, "invite");
    }
    home.run(&format!("network join {}", &line[..line.len() - 9]))
        .refuses(64, "copy the whole line again");
    home.run("network join hello")
        .refuses(64, "this is not an invite");
    home.run("network show").refuses(64, "in no network");
}

#[test]
fn an_expired_invite_is_refused() {
    let home = Home::new();
    home.run(&format!("network join {EXPIRED}"))
        .refuses(64, "has expired");
    assert!(!home.data().join("network.json").exists());
    let said = founder("").run(&format!("network invite --days 0 --address {ADDRESS}"));
    assert_eq!(said.code, 64, "{said:?}");
}

#[test]
fn a_secret_is_in_the_invite_and_nowhere_else() {
    let home = Home::new();
    let created = home.run("network create lab --private");
    assert_eq!(created.code, 0, "{created:?}");
    let secret = fs::read_to_string(home.data().join("network.secret")).unwrap();
    let secret = secret.trim();
    assert_eq!(secret.len(), 64);
    for file in ["network.json", "network.secret", "operator.key", "node.key"] {
        assert_eq!(mode(&home.data().join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&home.data()), 0o700);
    let invited = home.run(&format!("network invite --address {ADDRESS}"));
    let line = invited.out.trim_end().to_owned();
    assert!(invited.err.contains("secret"), "{invited:?}");
    assert!(!invited.err.contains(&line), "{invited:?}");
    let other = Home::new();
    // On standard input, where other users of the machine do not see it.
    let mut command = other.command(program("edgecoder"));
    let joined = said_with(
        command.args(["network", "join", "-"]),
        format!("{line}\n").as_bytes(),
    );
    assert_eq!(joined.code, 0, "{joined:?}");
    let kept = fs::read_to_string(other.data().join("network.secret")).unwrap();
    assert_eq!(kept.trim(), secret);
    assert_eq!(mode(&other.data().join("network.secret")), 0o600);
    let description = fs::read_to_string(other.data().join("network.json")).unwrap();
    let mut seen = vec![created, joined, home.run("network show")];
    seen.push(home.run("network show --json"));
    seen.push(other.run("network join -"));
    seen.push(other.run(&format!("network join {line}")));
    seen.push(home.run("config show"));
    for said in seen {
        assert!(!said.out.contains(secret), "{said:?}");
        assert!(!said.err.contains(secret), "{said:?}");
        assert!(!said.out.contains(&line), "{said:?}");
        assert!(!said.err.contains(&line), "{said:?}");
    }
    assert!(!description.contains(secret));
    // A file of another's secret, or none, is not taken for it; nor is what was there shown.
    let path = other.data().join("network.secret");
    fs::write(&path, format!("{}\n", "0".repeat(64))).unwrap();
    other.run("network show").refuses(70, "of another network");
    fs::remove_file(&path).unwrap();
    other.run("network show").refuses(70, "is not there");
}

#[test]
fn damaged_files_are_named_with_what_to_do() {
    let home = founder("");
    let path = home.data().join("network.json");
    let good = fs::read_to_string(&path).unwrap();
    for (text, why) in [
        ("garbage".to_owned(), "network.json"),
        (String::new(), "network.json"),
        ("x".repeat(1 << 20), "too long"),
        (good.replace("\"lab\"", "\"lob\""), "its id is not"),
    ] {
        fs::write(&path, text).unwrap();
        for command in [
            "network show".to_owned(),
            format!("network invite --address {ADDRESS}"),
        ] {
            let said = home.run(&command);
            said.refuses(70, why);
            assert!(said.err.contains("network join LINE --replace"), "{said:?}");
        }
    }
    fs::write(&path, &good).unwrap();
    let key = home.data().join("operator.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let said = home.run("network show");
    said.refuses(70, "others may read");
    assert!(said.err.contains("chmod 600"), "{said:?}");
}

#[test]
fn an_invite_needs_an_address_that_leads_here() {
    let mut home = founder("");
    let said = home.run("network invite");
    said.refuses(64, "no address");
    assert!(said.err.contains("--address /ip4/"), "{said:?}");
    assert_eq!(said.out, "");
    home.run("network invite --address 192.0.2.1:4001")
        .refuses(64, "no multiaddr");
    for nowhere in ["/ip4/0.0.0.0/tcp/4001", "/ip4/192.0.2.1/tcp/0"] {
        home.set("EDGECODER_EXTERNAL", Some(nowhere));
        home.run("network invite").refuses(64, "no address");
    }
    home.set("EDGECODER_EXTERNAL", Some("/dns/lab.example/tcp/4001"));
    let said = home.run("network invite");
    assert_eq!(said.code, 0, "{said:?}");
    let other = Home::new();
    other.run(&format!("network join {}", said.out.trim()));
    let own = shown(&home)["members"][0].clone();
    let address = format!("/dns/lab.example/tcp/4001/p2p/{}", own.as_str().unwrap());
    assert_eq!(shown(&other)["addresses"], json!([address]));
    Home::new()
        .edgecoder(&["network", "create", "a\u{7}b"])
        .refuses(64, "cannot be a network's name");
    let elsewhere = founder(&format!("--member {PEER}"));
    assert_eq!(shown(&elsewhere)["members"], json!([PEER]));
}

#[test]
fn an_invite_names_where_a_running_daemon_is_reached() {
    let home = founder("");
    let network = shown(&home);
    let own = network["members"][0].as_str().unwrap().to_owned();
    let at = |address: &str| format!("{address}/p2p/{own}");
    let said = [
        at("/ip4/127.0.0.1/tcp/4001"),
        at("/ip4/0.0.0.0/tcp/4001"),
        at("/ip4/192.0.2.9/udp/4001/quic-v1"),
    ];
    let view = json!({"schema": "edgecoder/node/1", "node": own, "mode": "mesh",
        "network": {"id": network["network"], "name": "lab", "private": false},
        "roles": ["agent"], "addresses": said, "members": 1, "clock_offset_ms": null,
        "coordinator": {"peer": own, "reachable": true, "registered": true, "reason": null}});
    daemon(&home, move |asked| {
        (asked == "GET /v1/node").then(|| view.clone())
    });
    let line = home.run("network invite").out;
    let other = Home::new();
    other.run(&format!("network join {}", line.trim()));
    // What only this machine can use comes last, what nobody can is left out.
    assert_eq!(
        shown(&other)["addresses"],
        json!([
            at("/ip4/192.0.2.9/udp/4001/quic-v1"),
            at("/ip4/127.0.0.1/tcp/4001")
        ])
    );
}

#[test]
fn in_local_mode_nothing_is_asked_of_a_network() {
    let home = Home::new();
    for command in [
        "peers",
        "node --json",
        "worker status",
        "worker pause",
        "worker policy --slots 2",
    ] {
        let said = home.run(command);
        said.refuses(5, "local mode");
        assert!(said.err.contains("mode = \"mesh\""), "{said:?}");
    }
    assert!(!home.data().exists(), "a daemon was started");
    for command in [
        "worker policy",
        "worker policy --hours 8-17",
        "worker policy --slots 2000",
    ] {
        assert_eq!(home.run(command).code, 64, "{command}");
    }
}

/// Method and path of a request, and its body.
fn asked(stream: &mut UnixStream) -> Option<(String, String)> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                let line = head.lines().next()?.strip_suffix(" HTTP/1.1")?;
                return Some((line.to_owned(), body.to_owned()));
            }
        }
        let mut part = [0; 4_096];
        let length = stream.read(&mut part).ok().filter(|length| *length > 0)?;
        request.extend_from_slice(&part[..length]);
    }
}

/// A daemon that answers as `answer` says by method and path; what it was asked is sent on.
fn daemon(
    home: &Home,
    answer: impl Fn(&str) -> Option<Value> + Send + 'static,
) -> mpsc::Receiver<String> {
    fs::create_dir_all(home.data()).unwrap();
    let listener = UnixListener::bind(home.socket()).unwrap();
    let (log, seen) = mpsc::channel();
    // Ends with the test's process.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // One that only looks whether somebody listens asks nothing.
            let Some((line, body)) = asked(&mut stream) else {
                continue;
            };
            let none = json!({"schema": "edgecoder/error/1", "kind": "not-found",
                "message": "there is no such path", "next": "GET /v1/openapi.json lists all paths"});
            let (status, answer) = match answer(&line) {
                Some(answer) if answer["kind"] == "policy" => ("403 Forbidden", answer.to_string()),
                Some(answer) => ("200 OK", answer.to_string()),
                None => ("404 Not Found", none.to_string()),
            };
            let length = answer.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
            stream.write_all((head + &answer).as_bytes()).ok();
            log.send(format!("{line} {body}")).ok();
        }
    });
    seen
}

#[test]
fn peers_and_node_show_what_the_daemon_says() {
    let home = Home::new().with("EDGECODER_MODE", "mesh");
    let peer = |state: &str, failure: Value| {
        json!({"schema": "edgecoder/peer/1", "peer": PEER, "found_by": "mdns", "address": ADDRESS,
            "round_trip_ms": 1.25, "score": -2.0, "offences": 0, "roles": ["agent", "worker"],
            "state": state, "failure": failure})
    };
    let failure = json!({"address": ADDRESS, "step": "handshake", "reason": "wrong \u{1b}[2Jkey"});
    let peers = json!([peer("connected", Value::Null), peer("unreachable", failure)]);
    let network = "0".repeat(64);
    let coordinator = "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X";
    let node = json!({"schema": "edgecoder/node/1", "node": PEER, "mode": "mesh",
        "network": {"id": network, "name": "lab", "private": true}, "roles": ["agent"],
        "addresses": [format!("{ADDRESS}/p2p/{PEER}")], "members": 4, "clock_offset_ms": -7,
        "coordinator": {"peer": coordinator, "term": 7, "reachable": false,
            "registered": false, "reason": "nobody answered"}});
    let (all, one) = (peers.clone(), node.clone());
    daemon(&home, move |asked| match asked {
        "GET /v1/peers" => Some(all.clone()),
        "GET /v1/node" => Some(one.clone()),
        _ => None,
    });
    let said = home.run("peers");
    assert_eq!(said.code, 0, "{said:?}");
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines.len(), 4, "{said:?}");
    for part in ["mdns", "connected", "1.2", "-2.0", "agent,worker", ADDRESS] {
        assert!(lines[1].contains(part), "no {part:?} in {said:?}");
    }
    assert_eq!(
        lines[3],
        format!("    handshake failed at {ADDRESS}: wrong [2Jkey")
    );
    assert_eq!(home.run("peers --json").json(), peers);
    let said = home.run("node");
    assert_eq!(said.code, 0, "{said:?}");
    for part in [
        "lab, private",
        "not reachable",
        "nobody answered",
        "(term 7)",
        "7 ms ahead of the coordinator's",
        ADDRESS,
    ] {
        assert!(said.out.contains(part), "no {part:?} in {said:?}");
    }
    assert_eq!(home.run("node --json").json(), node);
    home.run("worker status")
        .refuses(64, "there is no such path");
}

#[test]
fn a_worker_is_told_what_the_command_says() {
    let home = Home::new().with("EDGECODER_MODE", "mesh");
    let view = json!({"schema": "edgecoder/worker/1", "state": "draining", "slots": 2,
        "hours": "22:00-06:00", "idle_only": true, "done": 5, "given_back": 1, "lost": 0,
        "bounds": {"layer": "cgroup v2", "cpu_percent": 25, "memory": null, "guarantee": "a quarter"},
        "held": [{"task": "0".repeat(32), "step": 3, "part": "checker", "since": 1}]});
    let answer = view.clone();
    let seen = daemon(&home, move |asked| {
        asked.contains("/v1/worker").then(|| answer.clone())
    });
    assert_eq!(home.run("worker status --json").json(), view);
    let said = home.run("worker status");
    assert_eq!(said.code, 0, "{said:?}");
    for part in [
        "draining",
        "22:00-06:00",
        "5 done, 1 given back, 0 lost",
        "step 3 of",
        "as checker",
    ] {
        assert!(said.out.contains(part), "no {part:?} in {said:?}");
    }
    for command in [
        "pause",
        "resume",
        "drain",
        "policy --slots 0 --idle-only false",
        "policy --hours always",
    ] {
        let said = home.run(&format!("worker {command}"));
        assert_eq!(said.code, 0, "{command}: {said:?}");
    }
    let asked: Vec<String> = seen
        .try_iter()
        .filter(|line| line.starts_with("POST"))
        .collect();
    let [pause, resume, drain, policy, always] = asked.try_into().unwrap();
    assert_eq!(pause, "POST /v1/worker/pause ");
    assert_eq!(resume, "POST /v1/worker/resume ");
    assert_eq!(drain, "POST /v1/worker/drain ");
    let body = |line: &str| -> Value {
        let text = line.strip_prefix("POST /v1/worker/policy ").unwrap();
        serde_json::from_str(text).unwrap()
    };
    assert_eq!(
        body(&policy),
        json!({"slots": 0, "hours": null, "idle_only": false})
    );
    assert_eq!(
        body(&always),
        json!({"slots": null, "hours": "always", "idle_only": null})
    );
}

#[test]
fn a_daemon_with_old_settings_is_to_be_stopped() {
    let home = Home::new().with("EDGECODER_MODE", "mesh");
    daemon(&home, |asked| {
        let refusal = json!({"schema": "edgecoder/error/1", "kind": "policy",
            "message": "this node is in local mode", "next": "change the mode"});
        (asked != "GET /v1/status").then_some(refusal)
    });
    for command in ["peers", "node", "worker resume"] {
        let said = home.run(command);
        said.refuses(5, "local mode");
        assert!(said.err.contains("edgecoder daemon stop"), "{said:?}");
    }
}

#[test]
fn a_task_for_others_is_refused_by_a_node_that_sends_nothing_away() {
    let home = Home::new();
    let solve = |flags: &[&str]| {
        let words = [&["solve"], flags, &["Write a function f()."]].concat();
        home.edgecoder(&words)
    };
    solve(&["--mesh"]).refuses(5, "local mode");
    solve(&["--mesh", "--privacy", "sealed"]).refuses(5, "local mode");
    solve(&["--privacy", "enterprise"]).refuses(5, "local mode");
    assert_eq!(solve(&["--privacy", "public"]).code, 64);
    // Of both flags the class counts: what shall stay here stays here.
    let said = solve(&["--mesh", "--privacy", "local", "--budget-tokens", "1"]);
    assert_ne!(said.code, 5, "{said:?}");
}
