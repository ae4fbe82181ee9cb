//! The rules on the repository itself (ARCHITECTURE.md, invariants 1 to 4, and the house style).
//!
//! A rule takes a file's path and text and returns its breaches, so that each can be shown a bad
//! example: `every_rule_was_seen_red` refuses a rule without one. What clippy checks is left to clippy.

mod code;
mod manifests;
mod sources;
mod texts;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

/// One breach: the line (from 1; 0 for the file as a whole) and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Breach {
    line: usize,
    what: String,
}

impl Breach {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Self {
            line,
            what: what.into(),
        }
    }
}

/// A path from the repository's root, and a text.
type Example = (&'static str, &'static str);

/// A rule with the examples that show what it refuses and what it leaves alone.
struct Rule {
    name: &'static str,
    check: fn(path: &str, text: &str) -> Vec<Breach>,
    bad: &'static [Example],
    good: &'static [Example],
}

/// The roles, begun or not (DESIGN: a role crate never depends on another).
const ROLES: [&str; 11] = [
    "agent",
    "inference",
    "worker",
    "coordinator",
    "council",
    "economy",
    "trust",
    "mesh",
    "control-plane",
    "portal",
    "ide",
];

/// Crates whose name begins so, and the one folder that may name them.
const OWNED: [(&str, &str); 4] = [
    ("libp2p", "daemon/mesh/"),
    ("sled", "node-store/"),
    ("wasmtime", "sandbox/"),
    ("llama-cpp", "daemon/inference/"),
];

/// What the protocol has nowhere in its tree: runtimes, sockets, databases, engines, random sources.
const NOT_IN_PROTOCOL: [&str; 9] = [
    "async-std",
    "getrandom",
    "libp2p",
    "mio",
    "rand",
    "sled",
    "socket2",
    "tokio",
    "wasmtime",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether the crate `name` is the family `family`: itself, or with a suffix after a hyphen.
fn is_of(name: &str, family: &str) -> bool {
    name.strip_prefix(family)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Every text file of the repository, as (path from the root, text).
fn files() -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if is_ours(&path) {
                    folders.push(path);
                }
                continue;
            }
            // What is no text (a model, a guest) is nobody's source.
            if let Ok(text) = fs::read_to_string(&path) {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                found.push((name.replace('\\', "/"), text));
            }
        }
    }
    found.sort();
    found
}

fn is_ours(folder: &Path) -> bool {
    let name = folder.file_name().unwrap().to_str().unwrap();
    let settings = [".cargo", ".ci", ".config"].contains(&name);
    // Cargo and other tools mark the folders that they build into.
    (settings || !name.starts_with('.'))
        && name != "__pycache__"
        && name != "target"
        && !folder.join("CACHEDIR.TAG").exists()
}

fn rules() -> Vec<&'static Rule> {
    sources::RULES
        .iter()
        .chain(&manifests::RULES)
        .chain(&texts::RULES)
        .chain(&tree::RULES)
        .collect()
}

#[test]
fn the_repository_keeps_every_rule() {
    let mut breaches = Vec::new();
    let files = files();
    assert!(
        files.iter().any(|(path, _)| path == "Cargo.toml"),
        "the root was not found"
    );
    for (path, text) in &files {
        for rule in rules() {
            for breach in (rule.check)(path, text) {
                breaches.push(format!(
                    "{path}:{}: {} ({})",
                    breach.line, breach.what, rule.name
                ));
            }
        }
    }
    assert!(
        breaches.is_empty(),
        "{} breaches:\n{}",
        breaches.len(),
        breaches.join("\n")
    );
}

#[test]
fn every_rule_was_seen_red() {
    for rule in rules() {
        assert!(!rule.bad.is_empty(), "{} has no bad example", rule.name);
        for (path, text) in rule.bad {
            assert!(
                !(rule.check)(path, text).is_empty(),
                "{} accepts {path}: {text}",
                rule.name
            );
        }
    }
}

#[test]
fn no_rule_refuses_what_is_right() {
    for rule in rules() {
        assert!(!rule.good.is_empty(), "{} has no good example", rule.name);
        for (path, text) in rule.good {
            assert_eq!(
                (rule.check)(path, text),
                [],
                "{} refuses {path}: {text}",
                rule.name
            );
        }
    }
}
