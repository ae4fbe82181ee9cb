//! The acceptance tier: named lines that take minutes to hours, each held against its bar.
//!
//! A failing line does not end the tier: what the others found is worth having.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::failure::{FAILED, Failure};
use crate::invocation::{Invocation, quoted};
use crate::measurements::{Bar, judge};
use crate::place::Place;
use crate::progress::{Done, Progress, succeed};
use crate::requirements::Requirement;
use crate::screen::Screen;
use crate::setup;

/// One line of the tier.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// What `cargo verify --full NAME` calls it.
    pub name: &'static str,
    /// What it shows, in a few words.
    pub what: &'static str,
    work: Work,
}

#[derive(Clone, Copy, Debug)]
enum Work {
    /// Licences, bans, sources and advisories of all dependencies.
    Deny,
    /// The protocol crate's dependencies, shown and held against what it must not have.
    Tree,
    /// The test with this line's name, marked `#[ignore = "acceptance: NAME"]`.
    Test,
    /// `edgecoder WORDS --json`, its output held against the bar.
    Measure(&'static str, Bar),
}

const fn line(name: &'static str, what: &'static str, work: Work) -> Line {
    Line { name, what, work }
}

/// All lines, in the order they are run: quick ones first.
pub const LINES: [Line; 26] = [
    line(
        "tree",
        "the protocol depends on no runtime, socket, disk or random source",
        Work::Tree,
    ),
    line(
        "deny",
        "licences, bans, sources and advisories of all dependencies",
        Work::Deny,
    ),
    line(
        "programs",
        "every program of our own set passes in the sandbox",
        Work::Measure(
            "eval --tasks tests/programs/programs.jsonl.gz --solver canonical",
            Bar::AllOf(50),
        ),
    ),
    line(
        "compositions",
        "the embedded model on unseen compositions: at least 95 % within ten answers",
        Work::Measure(
            "eval --tasks bootstrap/model/heldout/compositions.jsonl.gz --solver agent -k 10",
            Bar::PassAt10(0.95),
        ),
    ),
    line(
        "phrasings",
        "the embedded model on unseen phrasings: at least 65 % within ten answers",
        Work::Measure(
            "eval --tasks bootstrap/model/heldout/phrasings.jsonl.gz --solver agent -k 10",
            Bar::PassAt10(0.65),
        ),
    ),
    line(
        "bench-sandbox",
        "runs in the sandbox against bare processes of the same interpreter",
        Work::Measure("bench sandbox", Bar::Rows),
    ),
    line(
        "bench-inference",
        "generation against the same loop over llama.cpp's C interface",
        Work::Measure("bench inference", Bar::Rows),
    ),
    line(
        "bench-mesh",
        "tasks, gossip, transfer and an idle daemon in a network, against one node and against Dask",
        Work::Measure("bench mesh", Bar::Rows),
    ),
    line(
        "kill-points",
        "nothing acknowledged is lost over a thousand kills of what writes vote log and ledger",
        Work::Test,
    ),
    line(
        "crash-copies",
        "nothing acknowledged is lost and nothing signed twice over restarts from a hundred and seventy crashes",
        Work::Test,
    ),
    line(
        "takeover",
        "500 tasks are delivered once while one of four members is killed every 5 s, the coordinator among them",
        Work::Test,
    ),
    line(
        "bit-flips",
        "a thousand changed bits of a member's files are found or in what nothing reads, and mended",
        Work::Test,
    ),
    line(
        "ledger-export",
        "a checker that shares no code reads an exported ledger of 10,000 entries",
        Work::Test,
    ),
    line(
        "foreign-node",
        "js-libp2p, from npm, meets nodes of ours",
        Work::Test,
    ),
    line(
        "native-baseline",
        "equal receipts from native and baseline x86-64 code",
        Work::Test,
    ),
    line(
        "thousand-bundles",
        "a thousand bundles replay as agreed",
        Work::Test,
    ),
    line(
        "kill-daemon",
        "the daemon killed at fifty random moments loses nothing",
        Work::Test,
    ),
    line(
        "corrupted-cache",
        "a damaged compiled guest is compiled anew and never run",
        Work::Test,
    ),
    line(
        "lean-build",
        "a daemon without its heavy parts serves, and says what it cannot do",
        Work::Test,
    ),
    line(
        "churn",
        "work goes on while workers die and join every two seconds",
        Work::Test,
    ),
    line(
        "bad-messages",
        "a hundred thousand messages that are none block their senders and nobody else",
        Work::Test,
    ),
    line(
        "roles",
        "each role builds without the others' heavy crates and starts alone",
        Work::Test,
    ),
    line(
        "second-slot",
        "a second inference slot raises the rate of planning at least 1.6 times",
        Work::Test,
    ),
    line(
        "sealed-marker",
        "a sealed task's marker is in no capture, store or memory but its readers'",
        Work::Test,
    ),
    line(
        "mesh-marker",
        "a mesh task's marker is in no capture, store or memory but its listed readers'",
        Work::Test,
    ),
    line(
        "strace-local",
        "local mode opens no internet socket",
        Work::Test,
    ),
];

/// What a line needs that the build does not.
fn needs(name: &str) -> &'static [Requirement] {
    match name {
        "bench-sandbox" => &[Requirement::Python],
        "bench-mesh" => &[Requirement::Python, Requirement::Iproute, Requirement::Etcd],
        "ledger-export" => &[Requirement::Python],
        "churn" => &[Requirement::Iproute, Requirement::Nftables],
        "sealed-marker" | "mesh-marker" => &[
            Requirement::Iproute,
            Requirement::Nftables,
            Requirement::Tcpdump,
        ],
        "strace-local" => &[Requirement::Strace],
        _ => &[],
    }
}

/// The names of all lines.
pub fn names() -> Vec<&'static str> {
    LINES.iter().map(|line| line.name).collect()
}

/// Sets up, then runs the named lines.
pub fn run(place: Place, names: &[String]) -> Result<(), Failure> {
    let chosen: Vec<Line> = LINES
        .into_iter()
        .filter(|line| names.iter().any(|name| name == line.name))
        .collect();
    let mut progress = Progress::new(place, 3 + chosen.len());
    let result = setup::tools(&mut progress)
        .and_then(|()| setup::build(&mut progress))
        .and_then(|()| setup::guest(&mut progress))
        .and_then(|()| lines(&mut progress, &chosen));
    progress.table(if result.is_ok() {
        "Accepted:"
    } else {
        "Not accepted:"
    });
    result
}

/// Runs `lines` to the last; fails if one of them failed.
pub fn lines(progress: &mut Progress, lines: &[Line]) -> Result<(), Failure> {
    let mut failed = Vec::new();
    for line in lines {
        let title = format!("{}: {}", line.name, line.what);
        let result = progress.step(line.name, &title, |place, screen| {
            setup::need(place, screen, needs(line.name))?;
            match line.work {
                Work::Deny => deny(place, screen),
                Work::Tree => tree(place, screen),
                Work::Test => ignored_test(place, screen, line.name),
                Work::Measure(words, bar) => measure(place, screen, line.name, words, bar),
            }
        });
        if let Err(failure) = result {
            progress.screen.line(&format!("      {failure}"));
            failed.push(line.name);
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let repeat = format!("cargo verify --full {}", failed.join(" "));
    Err(Failure::new(
        FAILED,
        format!("missed: {}", failed.join(", ")),
        repeat,
    ))
}

fn measure(
    place: &Place,
    screen: &Screen,
    name: &str,
    words: &str,
    bar: Bar,
) -> Result<Done, Failure> {
    let folder = place.target.join("acceptance");
    let edgecoder = own_node(place, &folder.join("node"))?;
    let invocation = edgecoder.clone().args(words).arg("--json");
    screen.detail(&format!("$ {invocation}"));
    let again = format!("cd {} && {invocation}", place.root.display());
    let output = invocation.capture(&place.root);
    if !edgecoder.args("daemon stop").answers(&place.root) {
        screen
            .detail("its daemon could not be stopped, and is stopped before the next measurement");
    }
    let output = output.map_err(|error| Failure::new(FAILED, error.to_string(), again.clone()))?;
    let json = String::from_utf8_lossy(&output.stdout);
    let kept = folder.join(format!("{name}.json"));
    // Kept for reading afterwards; the judgement below does not depend on it.
    if fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&kept, json.as_bytes()))
        .is_ok()
    {
        screen.detail(&format!("whole output: {}", kept.display()));
    }
    // An evaluation of a model exits with 1 when a task was not solved; the bar decides instead.
    let judged = judge(bar, &json);
    if matches!(bar, Bar::Rows) && !output.status.success() && judged.is_ok() {
        return Err(Failure::new(
            FAILED,
            format!("it ended with {}", output.status),
            again,
        ));
    }
    let finding = judged.map_err(|finding| Failure::new(FAILED, finding, again))?;
    screen.detail(&finding);
    Ok(Done::With(finding))
}

/// `edgecoder` with a fresh node in `folder`. The user's own would bring its model and settings into the figures,
/// and would be left with the measurement's tasks.
fn own_node(place: &Place, folder: &Path) -> Result<Invocation, Failure> {
    let shown = folder.display();
    let edgecoder = Invocation::at(&place.binary("edgecoder"))
        .with("EDGECODER_DATA_DIR", shown.to_string())
        .with(
            "EDGECODER_SOCKET",
            folder.join("edgecoderd.sock").display().to_string(),
        )
        .with("EDGECODER_MODEL", "embedded");
    // Left from a measurement that was interrupted. Whether there was one does not matter.
    edgecoder.clone().args("daemon stop").answers(&place.root);
    let removed = match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => fs::create_dir_all(folder),
    };
    removed.map(|()| edgecoder).map_err(|error| {
        Failure::new(
            FAILED,
            format!("a node of the measurement's own cannot be made in {shown}: {error}"),
            format!("rm -r {}", quoted(&shown.to_string())),
        )
    })
}

fn ignored_test(place: &Place, screen: &Screen, name: &str) -> Result<Done, Failure> {
    let test = name.replace('-', "_");
    let invocation = if setup::has_nextest(place) {
        setup::cargo(
            place,
            "nextest run --workspace --profile acceptance --run-ignored ignored-only -E",
        )
        .arg(format!("test({test})"))
    } else {
        // `cargo test` calls it a success when no test has the name.
        let list = setup::cargo(place, "test --quiet --workspace --lib --bins --tests --")
            .args("--ignored --list")
            .arg(&test);
        let listed = list
            .capture(&place.root)
            .map(|output| output.stdout)
            .unwrap_or_default();
        if !String::from_utf8_lossy(&listed).contains(": test") {
            let what = format!("there is no test `{test}` marked as ignored");
            return Err(Failure::new(FAILED, what, list.to_string()));
        }
        setup::cargo(
            place,
            "test --workspace --lib --bins --tests -- --nocapture --ignored",
        )
        .arg(&test)
    };
    screen.detail(&format!("$ {invocation}"));
    succeed(place, &invocation).map(|()| Done::Plainly)
}

/// Shown to the reader, and judged by the tidy test that holds the list of what must not be there.
fn tree(place: &Place, screen: &Screen) -> Result<Done, Failure> {
    let shown = setup::cargo(
        place,
        "tree --package edgecoder-protocol --edges normal --prefix none",
    );
    let judged = setup::cargo(place, "test --package edgecoder-tests --lib")
        .arg("the_protocol_has_no_runtime_in_its_tree");
    for invocation in [shown, judged] {
        screen.detail(&format!("$ {invocation}"));
        succeed(place, &invocation)?;
    }
    Ok(Done::Plainly)
}

fn deny(place: &Place, screen: &Screen) -> Result<Done, Failure> {
    let deny = cargo_deny(place, screen)?;
    let check = deny
        .clone()
        .args("check --hide-inclusion-graph bans licenses sources");
    screen.detail(&format!("$ {check}"));
    succeed(place, &check)?;
    let fetch = deny.clone().args("fetch db");
    screen.detail(&format!("$ {fetch}"));
    if !fetch.answers(&place.root) {
        return Ok(Done::Partly(
            "advisories only: their database cannot be reached".to_owned(),
        ));
    }
    let advisories = deny.args("--offline check --hide-inclusion-graph advisories");
    screen.detail(&format!("$ {advisories}"));
    succeed(place, &advisories).map(|()| Done::Plainly)
}

/// cargo-deny as installed, else one of our own in the cache.
fn cargo_deny(place: &Place, screen: &Screen) -> Result<Invocation, Failure> {
    let installed = Invocation::words("cargo-deny");
    if installed.clone().arg("--version").answers(&place.root) {
        return Ok(installed);
    }
    let tools = place.cache.join("tools");
    let own = Invocation::at(&tools.join("bin/cargo-deny"));
    if !own.clone().arg("--version").answers(&place.root) {
        let install = setup::cargo(place, "install --locked cargo-deny --root")
            .arg(tools.display().to_string());
        screen.detail(&format!("$ {install}"));
        succeed(place, &install)?;
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    /// Stands for `edgecoder`: says what it was told, and answers an evaluation as if all had passed.
    const FAKE: &str = r#"#!/bin/sh
echo "$EDGECODER_DATA_DIR $EDGECODER_SOCKET $EDGECODER_MODEL $*" >> "$(dirname "$0")/calls"
test "$1" = eval && touch "$EDGECODER_DATA_DIR/used" && echo '{"tasks": 60, "passed": 60}'
true
"#;

    fn measured(root: PathBuf) -> Vec<String> {
        let place = Place {
            target: root.join("target"),
            cache: root.join("cache"),
            root,
        };
        fs::create_dir_all(place.binaries()).unwrap();
        let fake = place.binary("edgecoder");
        fs::write(&fake, FAKE).unwrap();
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
        let node = place.target.join("acceptance/node");
        fs::create_dir_all(&node).unwrap();
        fs::write(node.join("left"), "").unwrap();
        let screen = Screen::new(1);
        let bar = Bar::AllOf(50);
        measure(&place, &screen, "programs", "eval --tasks x", bar).unwrap();
        assert!(node.join("used").exists() && !node.join("left").exists());
        assert!(place.target.join("acceptance/programs.json").exists());
        let node = node.display();
        let own = format!("{node} {node}/edgecoderd.sock embedded ");
        let calls = fs::read_to_string(place.binaries().join("calls")).unwrap();
        let calls = calls.lines().map(|call| call.strip_prefix(&own).unwrap());
        calls.map(str::to_owned).collect()
    }

    #[test]
    fn a_measurement_has_a_fresh_node_of_its_own_and_stops_it() {
        let root = std::env::temp_dir().join(format!("edgecoder-measure-{}", std::process::id()));
        let calls = measured(root.clone());
        assert_eq!(
            calls,
            ["daemon stop", "eval --tasks x --json", "daemon stop"]
        );
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn each_line_has_a_name_of_its_own() {
        let mut names = names();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
