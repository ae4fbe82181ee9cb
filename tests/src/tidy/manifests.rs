//! Rules on the crates' manifests: who depends on whom.

use toml::{Table, Value};

use super::{Breach, NOT_IN_PROTOCOL, OWNED, ROLES, Rule, is_of};

pub(super) const RULES: [Rule; 4] = [
    Rule {
        name: "role crates form a star",
        check: roles,
        bad: &[
            (
                "daemon/agent/Cargo.toml",
                "[dependencies]\nedgecoder-inference.workspace = true",
            ),
            (
                "daemon/agent/Cargo.toml",
                "[dev-dependencies]\nedgecoder-mesh = { path = \"x\" }",
            ),
            (
                "daemon/mesh/Cargo.toml",
                "[dependencies]\nother = { package = \"edgecoder-ide\" }",
            ),
            (
                "daemon/mesh/Cargo.toml",
                "[target.'cfg(unix)'.dependencies]\nedgecoder-trust.workspace = true",
            ),
            (
                "sandbox/Cargo.toml",
                "[dependencies]\nedgecoder-agent.workspace = true",
            ),
        ],
        good: &[
            (
                "daemon/Cargo.toml",
                "[dependencies]\nedgecoder-agent.workspace = true",
            ),
            (
                "tests/Cargo.toml",
                "[dev-dependencies]\nedgecoder-agent.workspace = true",
            ),
            (
                "daemon/agent/Cargo.toml",
                "[dependencies]\nedgecoder-protocol.workspace = true",
            ),
            (
                "Cargo.toml",
                "[workspace.dependencies]\nedgecoder-agent = { path = \"x\" }",
            ),
        ],
    },
    Rule {
        name: "a heavy crate is a dependency of its owner alone",
        check: owned,
        bad: &[
            (
                "daemon/Cargo.toml",
                "[dependencies]\nlibp2p.workspace = true",
            ),
            (
                "daemon/Cargo.toml",
                "[dev-dependencies]\nwasmtime-wasi = \"48\"",
            ),
            (
                "daemon/agent/Cargo.toml",
                "[dependencies]\nllama-cpp-2.workspace = true",
            ),
            (
                "daemon/Cargo.toml",
                "[dependencies]\nstore = { package = \"sled\", version = \"0\" }",
            ),
        ],
        good: &[
            (
                "node-store/Cargo.toml",
                "[dependencies]\nsled.workspace = true",
            ),
            (
                "daemon/inference/Cargo.toml",
                "[dependencies]\nllama-cpp-sys-2.workspace = true",
            ),
            ("Cargo.toml", "[workspace.dependencies]\nsled = \"0.34.7\""),
        ],
    },
    Rule {
        name: "the protocol depends on nothing that acts",
        check: protocol,
        bad: &[
            (
                "protocol/Cargo.toml",
                "[dependencies]\ntokio.workspace = true",
            ),
            (
                "protocol/Cargo.toml",
                "[build-dependencies]\nrand = \"0.10\"",
            ),
        ],
        good: &[
            (
                "protocol/Cargo.toml",
                "[dependencies]\nblake3.workspace = true",
            ),
            (
                "sandbox/Cargo.toml",
                "[dependencies]\ntokio.workspace = true",
            ),
        ],
    },
    Rule {
        name: "every crate takes the workspace's lints",
        check: lints,
        bad: &[("x/Cargo.toml", "[package]\nname = \"x\"")],
        good: &[
            (
                "x/Cargo.toml",
                "[package]\nname = \"x\"\n[lints]\nworkspace = true",
            ),
            ("Cargo.toml", "[workspace]\nmembers = []"),
        ],
    },
];

/// A manifest, or a breach that says why it cannot be read; nothing for any other file.
fn manifest(path: &str, text: &str) -> Option<Result<Table, Breach>> {
    let is_manifest = path == "Cargo.toml" || path.ends_with("/Cargo.toml");
    is_manifest.then(|| {
        text.parse::<Table>()
            .map_err(|error| Breach::new(0, error.to_string()))
    })
}

/// The packages that a manifest depends on, of every kind and for every target, by their own names.
fn dependencies(manifest: &Table) -> Vec<String> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(Value::as_table);
    let scopes = targets
        .into_iter()
        .flat_map(|targets| targets.values().filter_map(Value::as_table))
        .chain([manifest]);
    scopes
        .flat_map(|scope| KINDS.iter().filter_map(|kind| scope.get(*kind)?.as_table()))
        .flatten()
        .map(|(name, value)| {
            let renamed = value.get("package").and_then(Value::as_str);
            renamed.unwrap_or(name).to_owned()
        })
        .collect()
}

fn refuse(path: &str, text: &str, wrong: impl Fn(&str) -> Option<String>) -> Vec<Breach> {
    match manifest(path, text) {
        None => Vec::new(),
        Some(Err(breach)) => vec![breach],
        Some(Ok(manifest)) => dependencies(&manifest)
            .iter()
            .filter_map(|name| wrong(name))
            .map(|what| Breach::new(0, what))
            .collect(),
    }
}

fn roles(path: &str, text: &str) -> Vec<Breach> {
    let free = [
        "daemon/Cargo.toml",
        "simulations/Cargo.toml",
        "tests/Cargo.toml",
    ];
    if free.contains(&path) {
        return Vec::new();
    }
    refuse(path, text, |name| {
        let role = name.strip_prefix("edgecoder-")?;
        let own = path.starts_with(&format!("daemon/{role}/"));
        (ROLES.contains(&role) && !own)
            .then(|| format!("`{name}`: only the daemon, simulations and tests know roles"))
    })
}

fn owned(path: &str, text: &str) -> Vec<Breach> {
    refuse(path, text, |name| {
        let (_, owner) = OWNED.iter().find(|(family, _)| is_of(name, family))?;
        (!path.starts_with(owner)).then(|| format!("`{name}` belongs to {owner} alone"))
    })
}

fn protocol(path: &str, text: &str) -> Vec<Breach> {
    if !path.starts_with("protocol/") {
        return Vec::new();
    }
    refuse(path, text, |name| {
        NOT_IN_PROTOCOL
            .iter()
            .any(|family| is_of(name, family))
            .then(|| format!("`{name}`: the protocol neither runs, reads, sends nor draws lots"))
    })
}

fn lints(path: &str, text: &str) -> Vec<Breach> {
    let Some(Ok(manifest)) = manifest(path, text) else {
        return Vec::new();
    };
    let taken = manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace"));
    if !manifest.contains_key("package") || taken == Some(&Value::Boolean(true)) {
        return Vec::new();
    }
    vec![Breach::new(0, "add `[lints] workspace = true`")]
}
