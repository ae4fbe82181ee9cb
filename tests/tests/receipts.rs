//! What a receipt is worth: equal on every node, bound to its bundle, and never believed once changed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::{fs, io::Read, path::Path};

use serde_json::Value;
use support::{Home, Unprivileged};

/// Programs that touch clock, randomness, hashing, environment and standard input.
const SOURCE: &str = "import os, random, sys, time, uuid, locale, hashlib\n\
    print(time.time(), random.random(), uuid.uuid4(), sorted(os.environ))\n\
    print({str(n) for n in range(20)}, hash('x'), time.localtime(), locale.getlocale())\n\
    print(sys.stdin.read(), os.getcwd(), 0.1 + 0.2, float('nan'))\n\
    open('made.txt', 'w').write('kept in memory')\n";

fn receipt(home: &Home, words: &str) -> Value {
    let said = home.run(&format!("{words} --receipt receipt.json"));
    assert!(said.code < 2, "{said:?}");
    serde_json::from_slice(&fs::read(home.path("receipt.json")).unwrap()).unwrap()
}

fn inputs(home: &Home) {
    home.write("main.py", SOURCE);
    home.write("input.txt", "from standard input");
    home.write("add.py", "def add(a, b):\n    return a + b\n");
    home.write(
        "asserts.py",
        "assert add(1, 2) == 3\nassert add(1, 1) == 3, 'no'\n",
    );
    home.write(
        "cases.json",
        r#"[{"entry": "add", "args": [0.1, 0.2], "expect": 0.3, "approx": 1e-9}]"#,
    );
}

const RUNS: [&str; 3] = [
    "exec --stdin input.txt --seed 7 main.py",
    "test --tests asserts.py add.py",
    "test --cases cases.json add.py",
];

#[test]
fn two_nodes_in_different_environments_sign_the_same_body() {
    let (one, other) = (Home::new(), Home::new());
    let one = one
        .with("TZ", "Asia/Tokyo")
        .with("LANG", "tr_TR.UTF-8")
        .with("LC_ALL", "tr_TR.UTF-8");
    let other = other
        .with("TZ", "America/St_Johns")
        .with("LC_ALL", "C")
        .with("USER", "somebody")
        .with("PYTHONHASHSEED", "3")
        .with("EDGECODER_SANDBOX_THREADS", "1");
    inputs(&one);
    inputs(&other);
    for run in RUNS {
        let (first, second) = (receipt(&one, run), receipt(&other, run));
        assert_eq!(first["schema"], "edgecoder/receipt/1");
        assert_eq!(first["body"], second["body"], "{run}");
        assert_ne!(first["signer"], second["signer"], "both have one key");
        assert_ne!(first["signature"], second["signature"]);
        assert_eq!(
            first["signature"].as_str().unwrap().len(),
            128,
            "ed25519 in hex"
        );
        assert!(first["signer"].as_str().unwrap().starts_with("12D3Koo"));
    }
    // Another user of the machine, where the test may become one.
    let nobody = Unprivileged::new().with_guest();
    inputs(&nobody.home);
    let said = nobody.run(&[
        "exec",
        "--json",
        "--stdin",
        "input.txt",
        "--seed",
        "7",
        "main.py",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(
        said.json()["receipt"]["body"],
        receipt(&one, RUNS[0])["body"]
    );
    assert_eq!(nobody.run(&["daemon", "stop"]).code, 0);
    let seeded =
        |seed: u32| receipt(&one, &format!("exec --seed {seed} main.py"))["body"]["output"].clone();
    assert_ne!(
        seeded(1),
        seeded(2),
        "the receipt does not depend on what ran"
    );
}

#[test]
fn a_bundle_replays_as_agreed_on_another_node() {
    let (maker, checker) = (Home::new(), Home::new());
    inputs(&maker);
    let maker_id = maker.exec_json("", "")["receipt"]["signer"].clone();
    for run in RUNS {
        let said = maker.run(&format!("{run} --bundle run.bundle"));
        assert!(said.code < 2, "{said:?}");
        let bundle = checker.write("run.bundle", fs::read(maker.path("run.bundle")).unwrap());
        let said = checker.run(&format!("replay --json {}", bundle.display()));
        assert_eq!(said.code, 0, "{run}: {said:?}");
        let answer = said.json();
        assert_eq!(
            (&answer["verdict"], &answer["differs"]),
            (&"agreed".into(), &Value::Null)
        );
        assert_eq!(answer["recorded_by"], maker_id);
        // An exec object of the run made here, and the verdict beside it.
        assert_eq!(answer["schema"], "edgecoder/exec/1");
        assert_ne!(answer["receipt"]["signer"], maker_id);
        assert!(answer["outcome"].is_string() && answer["tests"].is_array());
        assert!(answer.get("replayed").is_none(), "{answer}");
    }
}

#[test]
fn the_same_run_gives_the_same_bundle() {
    let home = Home::new();
    inputs(&home);
    let bundle = || {
        home.run("exec --stdin input.txt main.py --bundle run.bundle");
        fs::read(home.path("run.bundle")).unwrap()
    };
    assert_eq!(bundle(), bundle());
}

/// The parts of a bundle, in order.
fn unpack(bundle: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut tar = tar::Archive::new(zstd::Decoder::new(bundle).unwrap());
    let part = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry: tar::Entry<'_, zstd::Decoder<'_, std::io::BufReader<&[u8]>>> =
            entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (name, content)
    };
    tar.entries().unwrap().map(part).collect()
}

fn pack(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    for (name, content) in parts {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // Directly, since the writer refuses names that a stranger may choose.
        header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, content.as_slice()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// Replays bytes as a bundle; true when they agree.
#[track_caller]
fn agrees(home: &Home, bundle: &[u8]) -> bool {
    let path = home.write("changed.bundle", bundle);
    let said = home.run(&format!("replay --json {}", Path::display(&path)));
    assert!([0, 1, 64].contains(&said.code), "{said:?}");
    assert!(!said.err.contains("panicked"), "{said:?}");
    said.code == 0
}

#[test]
fn a_bundle_with_one_bit_changed_never_replays_as_agreed() {
    let home = Home::new();
    inputs(&home);
    home.run("test --cases cases.json add.py --bundle run.bundle");
    let bundle = fs::read(home.path("run.bundle")).unwrap();
    assert!(agrees(&home, &bundle), "the bundle itself does not replay");
    let before = home.status();
    // Places over the whole length, another bit in each, and every byte of the seal at its end.
    let spread = (0..60).map(|number| bundle.len() * number / 60);
    let mut agreed = Vec::new();
    for (number, at) in spread.chain(bundle.len() - 40..bundle.len()).enumerate() {
        let mut changed = bundle.clone();
        changed[at] ^= 1 << (number % 8);
        if agrees(&home, &changed) {
            agreed.push(at);
        }
    }
    assert!(
        agreed.is_empty(),
        "agreed with a bit changed at {agreed:?} of {}",
        bundle.len()
    );
    for cut in [1, 8, 39, 41, 100] {
        let cut = &bundle[..bundle.len() - cut];
        assert!(!agrees(&home, cut), "agreed when cut to {}", cut.len());
    }
    home.still_lives(&before);
}

#[test]
fn a_bit_changed_inside_any_part_of_a_bundle_is_noticed() {
    let home = Home::new();
    inputs(&home);
    home.run("test --cases cases.json add.py --bundle run.bundle");
    let parts = unpack(&fs::read(home.path("run.bundle")).unwrap());
    assert_eq!(parts[0].0, "receipt.json", "the receipt comes first");
    assert!(
        agrees(&home, &pack(&parts)),
        "packing again changes the verdict"
    );
    for (index, (name, content)) in parts.iter().enumerate() {
        // Every seventeenth byte: names, digits, signature, code.
        for at in (0..content.len()).step_by(17) {
            let mut changed = parts.clone();
            changed[index].1[at] ^= 1;
            let meant = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
            let same = meant(content).is_some() && meant(content) == meant(&changed[index].1);
            // White space between JSON's tokens means nothing.
            assert!(
                same || !agrees(&home, &pack(&changed)),
                "{name}: byte {at} of {}",
                content.len()
            );
        }
    }
}

#[test]
fn a_receipt_signed_by_another_or_of_another_run_is_refused() {
    let (home, other) = (Home::new(), Home::new());
    inputs(&home);
    inputs(&other);
    home.run("test --cases cases.json add.py --bundle run.bundle");
    let parts = unpack(&fs::read(home.path("run.bundle")).unwrap());
    let with_receipt = |receipt: &Value| {
        let mut changed = parts.clone();
        changed[0].1 = serde_json::to_vec(receipt).unwrap();
        pack(&changed)
    };
    let own: Value = serde_json::from_slice(&parts[0].1).unwrap();
    assert!(agrees(&home, &with_receipt(&own)));
    let mut forged = own.clone();
    forged["signer"] = receipt(&other, RUNS[2])["signer"].clone();
    assert!(
        !agrees(&home, &with_receipt(&forged)),
        "another's name over our signature"
    );
    assert!(
        !agrees(&home, &with_receipt(&receipt(&other, RUNS[1]))),
        "the receipt of another run"
    );
    for broken in [&b""[..], b"not a bundle", &pack(&parts[1..]), &pack(&[])] {
        assert!(!agrees(&home, broken));
    }
    for name in [
        "files/../../escape.py",
        "/etc/escape",
        "files/add.py",
        "receipt.json",
        "other",
    ] {
        let mut more = parts.clone();
        more.push((name.to_owned(), Vec::new()));
        assert!(!agrees(&home, &pack(&more)), "{name}");
    }
}
