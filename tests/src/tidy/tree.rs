//! Rules on what cargo resolves: the protocol's whole tree, and one build for programs and tests.

use std::collections::BTreeSet;
use std::process::Command;

use super::{Breach, NOT_IN_PROTOCOL, Rule, is_of, root};

/// The name under which the rule is given the output of `cargo tree` instead of a file.
const PROTOCOL_TREE: &str = "(tree of edgecoder-protocol)";

pub(super) const RULES: [Rule; 1] = [Rule {
    name: "the protocol's tree has no runtime",
    check: protocol,
    bad: &[
        (
            PROTOCOL_TREE,
            "edgecoder-protocol v0.1.0\nblake3 v1.8.7\ntokio v1.54.1\n",
        ),
        (
            PROTOCOL_TREE,
            "edgecoder-protocol v0.1.0\nrand v0.10.4 (*)\n",
        ),
        (PROTOCOL_TREE, "blake3 v1.8.7\n"),
    ],
    good: &[(
        PROTOCOL_TREE,
        "edgecoder-protocol v0.1.0\nrandom-name v1.0.0\n",
    )],
}];

fn protocol(path: &str, text: &str) -> Vec<Breach> {
    if path != PROTOCOL_TREE {
        return Vec::new();
    }
    let names = || {
        text.lines()
            .filter_map(|line| line.split_whitespace().next())
    };
    if !names().any(|name| name == "edgecoder-protocol") {
        return vec![Breach::new(0, "this is not the protocol's tree")];
    }
    let unwanted: BTreeSet<&str> = names()
        .filter(|name| NOT_IN_PROTOCOL.iter().any(|family| is_of(name, family)))
        .collect();
    unwanted
        .into_iter()
        .map(|name| Breach::new(0, format!("`{name}` is in the protocol's tree")))
        .collect()
}

fn cargo_tree(arguments: &str) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--prefix", "none"])
        .args(arguments.split_whitespace())
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_protocol_has_no_runtime_in_its_tree() {
    let tree = cargo_tree("--package edgecoder-protocol --edges normal");
    assert_eq!(protocol(PROTOCOL_TREE, &tree), []);
}

/// The crates that `tests` has with other features than `programs`, both as `name|features` lines.
/// Crates that only tests use are no change.
fn changed(programs: &str, tests: &str) -> Vec<String> {
    fn name(line: &str) -> &str {
        line.split('|').next().unwrap_or(line)
    }
    fn crates(tree: &str) -> BTreeSet<&str> {
        tree.lines()
            .map(|line| line.trim_end_matches(" (*)"))
            .collect()
    }
    let (programs, tests) = (crates(programs), crates(tests));
    let shared: BTreeSet<&str> = programs.iter().map(|line| name(line)).collect();
    tests
        .difference(&programs)
        .filter(|line| shared.contains(name(line)))
        .map(|line| (*line).to_owned())
        .collect()
}

/// A feature that only a test asks for changes every crate that has it, and cargo then compiles those,
/// and all that stand on them, a second time.
#[test]
fn tests_are_built_from_the_same_crates_as_the_programs() {
    let tree =
        |edges: &str| cargo_tree(&format!("--workspace --edges {edges} --format {{p}}|{{f}}"));
    let changed = changed(&tree("normal,build"), &tree("normal,build,dev"));
    assert!(
        changed.is_empty(),
        "only tests ask for these features; ask for them in [workspace.dependencies]: {changed:?}"
    );
}

#[test]
fn a_feature_that_only_tests_ask_for_is_seen() {
    let programs = "tokio v1|net,rt\nserde v1|std (*)\n";
    assert_eq!(
        changed(programs, "serde v1|std\ninsta v1|\ntokio v1|net,rt (*)\n"),
        [""; 0]
    );
    assert_eq!(
        changed(programs, "serde v1|std\ntokio v1|net,rt,test-util\n"),
        ["tokio v1|net,rt,test-util"]
    );
}
