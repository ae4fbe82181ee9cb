//! The council and its ledger, by real daemons over TCP: who decides, what survives when members die, what a damaged
//! ledger comes to, what one who has only files can check.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use std::{fs, path::PathBuf};

use serde_json::Value;
use support::{
    Home, Said,
    network::{Network, Node},
    wait_for,
};

mod support;

/// A network whose founder and three others decide.
fn four() -> (Network, Vec<Node>) {
    let network = Network::found("coordinator", &[]);
    let nodes: Vec<Node> = (0..3).map(|_| network.join("worker", &[])).collect();
    for node in &nodes {
        let id = node.home.status()["node"].as_str().unwrap().to_owned();
        decree(&network.founder, &format!("admit {id} --as trusted"));
        decree(&network.founder, &format!("add-member {id}"));
    }
    for node in nodes.iter().chain([&network.founder]) {
        wait_for("four members", || {
            let view = council(&node.home);
            let is_in = view["part"] == "member" && view["members"].as_array()?.len() == 4;
            is_in.then_some(())
        });
    }
    (network, nodes)
}

#[track_caller]
fn good(said: Said) -> Said {
    assert_eq!(said.code, 0, "{said:?}");
    said
}

#[track_caller]
fn decree(operator: &Node, order: &str) -> Said {
    good(operator.home.run(&format!("council propose {order}")))
}

fn council(home: &Home) -> Value {
    good(home.run("council status --json")).json()
}

fn ledger(home: &Home) -> Value {
    good(home.run("ledger status --json")).json()
}

/// All have the founder's head and state; the head's height.
fn wait_equal(network: &Network, nodes: &[Node]) -> u64 {
    let own = ledger(&network.founder.home);
    for node in nodes {
        wait_for("one head", || {
            let other = ledger(&node.home);
            (other["head"] == own["head"]).then(|| assert_eq!(other["state"], own["state"]))
        });
    }
    own["height"].as_u64().unwrap()
}

/// The ledger's database of a node in this network.
fn database(home: &Home) -> PathBuf {
    let folders = fs::read_dir(home.data().join("council")).unwrap();
    let folder = folders.map(|one| one.unwrap().path()).next().unwrap();
    folder.join("ledger")
}

#[test]
fn members_die_and_come_back_while_a_council_of_four_decides() {
    let (mut network, mut nodes) = four();
    let document = network.founder.home.write("document", "a document");
    let document = document.display();
    for round in 0..9 {
        // The founder, too: its daemon holds nothing that the others do not.
        let victim = round % 4;
        match victim {
            3 => network.founder.kill(),
            other => nodes[other].kill(),
        }
        if victim == 3 {
            network.founder.start();
            wait_for("the founder votes", || {
                (council(&network.founder.home)["part"] == "member").then_some(())
            });
        }
        decree(
            &network.founder,
            &format!("policy policy-{round} {document}"),
        );
        if victim != 3 {
            nodes[victim].start();
        }
    }
    let height = wait_equal(&network, &nodes);
    assert!(height >= 15, "{height}");
    for node in nodes.iter().chain([&network.founder]) {
        let report = good(node.home.run("ledger verify --json")).json();
        assert_eq!(report["blocks"].as_u64(), Some(height));
        let view = council(&node.home);
        let members = view["members"].as_array().unwrap();
        assert!(
            members.iter().all(|one| one["signed_twice"] == false),
            "{view}"
        );
        let blobs = fs::read_dir(database(&node.home).join("blobs"));
        assert_eq!(blobs.map_or(0, Iterator::count), 0);
    }
}

#[test]
fn a_proof_is_checked_by_one_who_has_files_alone() {
    let (network, nodes) = four();
    // Made now, it begins where the ledger is now, and not with the founding.
    let invite = good(network.founder.home.run("network invite")).out;
    let invite = invite.lines().next().unwrap();
    let stranger = Home::new();
    for (shows, says) in [
        ("--state council", "council is"),
        ("--state duty/control-plane", "duty/control-plane"),
        ("--entry 1", "entry 1 is by"),
    ] {
        let proof = good(nodes[2].home.run(&format!("ledger prove {shows}"))).out;
        // Another home without a daemon, which has joined and never run.
        let mut reader = Node::new("worker", &[]);
        good(reader.home.edgecoder(&["network", "join", &network.line]));
        let file = reader.home.write("proof.json", &proof);
        let file = file.display();
        let said = good(reader.home.run(&format!("ledger check-proof {file}")));
        assert!(
            said.out.contains("it holds") && said.out.contains(says),
            "{said:?}"
        );
        let said = stranger.edgecoder(&[
            "ledger",
            "check-proof",
            "--invite",
            invite,
            reader.home.path("proof.json").to_str().unwrap(),
        ]);
        assert!(said.out.contains(says), "{said:?}");
        let forged = proof.replacen("\"network\": \"", "\"network\": \"0", 1);
        reader.home.write("proof.json", forged);
        let said = reader.home.run(&format!("ledger check-proof {file}"));
        assert_eq!(said.code, 1, "{said:?}");
        reader.kill();
    }
}

#[test]
fn a_damaged_ledger_is_found_and_mended_from_the_others() {
    let (network, mut nodes) = four();
    let height = wait_equal(&network, &nodes);
    let node = &mut nodes[0];
    node.home.stop();
    node.daemon.take().unwrap().wait().unwrap();
    good(node.home.run("ledger verify"));
    let file = database(&node.home).join("db");
    let whole = fs::read(&file).unwrap();
    // All over what is stored, so that something that counts is hit.
    let end = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let mut damaged = whole.clone();
    for at in (0..end).step_by(61) {
        damaged[at] ^= 0x10;
    }
    fs::write(&file, damaged).unwrap();
    let said = node.home.run("ledger verify");
    assert_eq!(said.code, 1, "{said:?}");
    node.start();
    wait_for("the same head again", || {
        (ledger(&nodes[0].home)["height"].as_u64() == Some(height)).then_some(())
    });
    let mended = ledger(&nodes[0].home)["mended"].to_string();
    assert!(mended.contains("fetched anew"), "{mended}");
    good(nodes[0].home.run("ledger verify"));
}

#[test]
fn a_node_that_is_alone_has_a_ledger_of_its_own() {
    let home = Home::new();
    let mut daemon = home.daemon();
    let view = council(&home);
    assert_eq!(view["part"], "member", "{view}");
    assert!(
        view["warning"].as_str().unwrap().contains("council of one"),
        "{view}"
    );
    good(home.run("council propose open true"));
    assert_eq!(council(&home)["is_open"], true);
    // Once more is about another version: the first has changed its subject.
    good(home.run("council propose open false"));
    assert_eq!(council(&home)["is_open"], false);
    let stranger =
        home.run("council propose add-member 12D3KooWPEFksiA6DyQairN3wxewDkDfJrJuPkJxvU1AYjxWsUTN");
    assert_ne!(stranger.code, 0, "{stranger:?}");
    let proof = good(home.run("ledger prove --state network"));
    home.stop();
    daemon.wait().unwrap();
    let file = home.write("proof.json", &proof.out);
    let said = good(home.run(&format!("ledger check-proof {}", file.display())));
    assert!(said.out.contains("it holds"), "{said:?}");
    good(home.run("ledger verify"));
}
