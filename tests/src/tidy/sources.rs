//! Rules on single Rust files: size, names, bounds, and what they may name.

use super::code::{Mention, blank, mentions};
use super::{Breach, NOT_IN_PROTOCOL, OWNED, ROLES, Rule};

/// Above this a file is read by nobody in one go (STYLE: few above 500).
const LINES_MAX: usize = 500;

pub(super) const RULES: [Rule; 8] = [
    Rule {
        name: "every file says what it is for",
        check: module_doc,
        bad: &[
            ("a/src/x.rs", "use std::fs;\n"),
            ("a/src/x.rs", "/// An item.\nfn f() {}\n"),
        ],
        good: &[("a/src/x.rs", "//! Reads.\n"), ("a/x.py", "import os\n")],
    },
    Rule {
        name: "no file is too long",
        check: length,
        // 501 lines cannot be written here; the limit is checked on its own below.
        bad: &[("a/src/x.rs", TOO_LONG)],
        good: &[("a/src/x.rs", "//! Short.\n"), ("a/notes.md", TOO_LONG)],
    },
    Rule {
        name: "types are named after what they are",
        check: names,
        bad: &[
            ("a/src/x.rs", "pub struct TaskManager;"),
            ("a/src/x.rs", "enum PathUtil { A }"),
            ("a/src/x.rs", "trait CaseHelper {}"),
            ("a/src/x.rs", "type Io = u8; struct IoUtils(u8);"),
        ],
        good: &[(
            "a/src/x.rs",
            "struct Utility; struct Managers(Vec<u8>); let manager = 1;",
        )],
    },
    Rule {
        name: "every queue is bounded",
        check: bounded,
        bad: &[
            (
                "a/src/x.rs",
                "let (a, b) = tokio::sync::mpsc::unbounded_channel();",
            ),
            ("a/src/x.rs", "use tokio::sync::{mpsc::{UnboundedSender}};"),
        ],
        good: &[(
            "a/src/x.rs",
            "let (a, b) = mpsc::channel(8); // not unbounded_channel",
        )],
    },
    Rule {
        name: "the protocol is pure",
        check: protocol,
        bad: &[
            ("protocol/src/x.rs", "let text = std::fs::read(path);"),
            ("protocol/src/x.rs", "use std::{fmt, net::IpAddr};"),
            ("protocol/src/x.rs", "use std::time::{Duration, Instant};"),
            ("protocol/src/x.rs", "let now = time::SystemTime::now();"),
            ("protocol/src/x.rs", "tokio::spawn(f());"),
            ("protocol/src/x.rs", "use rand;"),
            ("protocol/src/x.rs", "getrandom::fill(&mut seed);"),
        ],
        good: &[
            (
                "protocol/src/x.rs",
                "use std::time::Duration; let rand = 1; // tokio::spawn",
            ),
            ("protocol/src/x.rs", "let text = \"std::fs\";"),
            ("sandbox/src/x.rs", "use std::fs;"),
            // Golden files are read by tests.
            ("protocol/tests/x.rs", "use std::fs;"),
        ],
    },
    Rule {
        name: "a machine decides and does nothing",
        check: machine,
        bad: &[
            (
                "daemon/agent/src/machine.rs",
                "let reply = model.ask().await;",
            ),
            ("daemon/agent/src/machine.rs", "async fn f() {}"),
            ("daemon/agent/src/machine.rs", "use std::time::Instant;"),
            (
                "daemon/agent/src/machine/plan.rs",
                "let x: HashMap<u8, u8> = m;",
            ),
            (
                "daemon/agent/src/machine.rs",
                "use std::collections::{BTreeMap, HashSet};",
            ),
            ("daemon/agent/src/machine.rs", "let n = rand::random();"),
            ("daemon/agent/src/machine.rs", "std::env::var(name)"),
            ("daemon/agent/src/machine.rs", "use tokio::time;"),
        ],
        good: &[
            (
                "daemon/agent/src/machine.rs",
                "use std::collections::BTreeMap; // no .await",
            ),
            (
                "daemon/agent/src/actor.rs",
                "let now = Instant::now(); x.await",
            ),
        ],
    },
    Rule {
        name: "a heavy crate is named by its owner alone",
        check: owned,
        bad: &[
            ("daemon/src/x.rs", "use libp2p::PeerId;"),
            (
                "daemon/src/x.rs",
                "let id = libp2p_identity::Keypair::generate();",
            ),
            ("daemon/agent/src/x.rs", "use sled::Db;"),
            ("daemon/src/x.rs", "use wasmtime_wasi::p2;"),
            ("tests/tests/x.rs", "let e = wasmtime::Engine::default();"),
            ("sandbox/src/x.rs", "use llama_cpp_sys_2 as sys;"),
        ],
        good: &[
            (
                "sandbox/src/x.rs",
                "use wasmtime::Engine; // and not sled::Db",
            ),
            ("node-store/src/x.rs", "use sled::Db;"),
            ("daemon/inference/src/x.rs", "use llama_cpp_2::model;"),
            (
                "daemon/src/x.rs",
                "let wasmtime = 48; let sledge = sledge::new();",
            ),
        ],
    },
    Rule {
        name: "who talks to whom is read in the daemon alone",
        check: roles,
        bad: &[
            (
                "daemon/agent/src/x.rs",
                "use edgecoder_inference::Provider;",
            ),
            ("sandbox/src/x.rs", "edgecoder_agent::run();"),
            ("daemon/mesh/src/x.rs", "use edgecoder_control_plane::Mode;"),
        ],
        good: &[
            (
                "daemon/src/wiring/x.rs",
                "use edgecoder_agent::ports; use edgecoder_inference::P;",
            ),
            ("daemon/agent/tests/x.rs", "use edgecoder_agent::machine;"),
            ("tests/tests/x.rs", "use edgecoder_agent::machine;"),
            ("daemon/agent/src/x.rs", "use edgecoder_protocol::task;"),
        ],
    },
];

const TOO_LONG: &str = {
    const NEWLINES: [u8; LINES_MAX + 1] = [b'\n'; LINES_MAX + 1];
    match std::str::from_utf8(&NEWLINES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

fn module_doc(path: &str, text: &str) -> Vec<Breach> {
    if !is_rust(path) || text.trim_start().starts_with("//!") {
        return Vec::new();
    }
    vec![Breach::new(
        1,
        "begin with `//!`: what the file does, and what it deliberately does not",
    )]
}

fn length(path: &str, text: &str) -> Vec<Breach> {
    let lines = text.lines().count();
    if !is_rust(path) || lines <= LINES_MAX {
        return Vec::new();
    }
    vec![Breach::new(
        0,
        format!("{lines} lines; split by idea below {LINES_MAX}"),
    )]
}

fn names(path: &str, text: &str) -> Vec<Breach> {
    const EMPTY: [&str; 5] = ["Manager", "Helper", "Helpers", "Util", "Utils"];
    let mentions = rust_mentions(path, text);
    let declares = |mention: &Mention| {
        ["struct", "enum", "trait", "type", "union"]
            .iter()
            .any(|word| mention.segments == [*word])
    };
    mentions
        .windows(2)
        .filter(|pair| declares(&pair[0]))
        .filter_map(|pair| pair[1].segments.first().map(|name| (pair[1].line, name)))
        .filter(|(_, name)| EMPTY.iter().any(|word| name.ends_with(word)))
        .map(|(line, name)| Breach::new(line, format!("say what `{name}` is, not that it helps")))
        .collect()
}

fn bounded(path: &str, text: &str) -> Vec<Breach> {
    named(
        path,
        text,
        "give the queue a bound, and say what happens when it is full",
        |mention| {
            ["unbounded_channel", "UnboundedSender", "UnboundedReceiver"]
                .iter()
                .any(|word| mention.contains(word))
        },
    )
}

fn is_impure(mention: &Mention) -> bool {
    const MODULES: [&str; 6] = [
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "fastrand",
    ];
    ["Instant", "SystemTime", "thread_rng"]
        .iter()
        .any(|word| mention.contains(word))
        || MODULES.iter().any(|module| mention.is_below(module))
        || NOT_IN_PROTOCOL
            .iter()
            .any(|name| mention.is_below(&name.replace('-', "_")))
}

fn protocol(path: &str, text: &str) -> Vec<Breach> {
    if !path.starts_with("protocol/src/") {
        return Vec::new();
    }
    named(
        path,
        text,
        "the protocol is pure: take the time, the seed, the bytes as arguments",
        is_impure,
    )
}

fn machine(path: &str, text: &str) -> Vec<Breach> {
    if !(path.ends_with("/machine.rs") || path.contains("/machine/")) {
        return Vec::new();
    }
    named(
        path,
        text,
        "a machine is pure and ordered: outputs instead of deeds, BTree instead of Hash",
        |mention| {
            is_impure(mention)
                || mention.is_below("std::io")
                || ["await", "async", "HashMap", "HashSet"]
                    .iter()
                    .any(|word| mention.contains(word))
        },
    )
}

fn owned(path: &str, text: &str) -> Vec<Breach> {
    let foreign: Vec<&(&str, &str)> = OWNED
        .iter()
        .filter(|(_, owner)| !path.starts_with(owner))
        .collect();
    named(
        path,
        text,
        "only the crate's owner names it (ARCHITECTURE.md, invariant 3)",
        |mention| {
            let Some(root) = mention.segments.first().filter(|_| is_crate(mention)) else {
                return false;
            };
            foreign
                .iter()
                .any(|(family, _)| super::is_of(&root.replace('_', "-"), family))
        },
    )
}

fn roles(path: &str, text: &str) -> Vec<Breach> {
    let free = ["daemon/src/", "daemon/tests/", "simulations/", "tests/"];
    if free.iter().any(|folder| path.starts_with(folder)) {
        return Vec::new();
    }
    let others: Vec<String> = ROLES
        .iter()
        .filter(|role| !path.starts_with(&format!("daemon/{role}/")))
        .map(|role| format!("edgecoder_{}", role.replace('-', "_")))
        .collect();
    named(
        path,
        text,
        "roles do not know each other: take a port, and wire it in daemon/src",
        |mention| {
            is_crate(mention)
                && others
                    .iter()
                    .any(|other| mention.segments.first() == Some(other))
        },
    )
}

/// Whether the path's beginning can be a crate: it is imported, or more follows.
fn is_crate(mention: &Mention) -> bool {
    mention.imported || mention.segments.len() > 1
}

fn named(path: &str, text: &str, advice: &str, wrong: impl Fn(&Mention) -> bool) -> Vec<Breach> {
    rust_mentions(path, text)
        .into_iter()
        .filter(|mention| wrong(mention))
        .map(|mention| {
            Breach::new(
                mention.line,
                format!("`{}`: {advice}", mention.segments.join("::")),
            )
        })
        .collect()
}

fn rust_mentions(path: &str, text: &str) -> Vec<Mention> {
    if is_rust(path) {
        mentions(&blank(text))
    } else {
        Vec::new()
    }
}
