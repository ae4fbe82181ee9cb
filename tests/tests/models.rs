//! Model files that are broken, hostile or talk nonsense: refused or bounded, with the old model kept.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::fs;

use serde_json::Value;
use support::{Home, repository};

const PROMPT: &str = "Write a function add(a, b) that returns the sum of a and b.";
const CASES: &str = r#"[{"entry": "add", "args": [2, 3], "expect": 5}]"#;

fn shipped() -> Vec<u8> {
    fs::read(repository().join("bootstrap/model/seedling-q8_0.gguf")).unwrap()
}

/// The shipped model with another value for a number of its header. GGUF writes a key as length and text,
/// then the value's type (4: u32), then the value.
fn with_number(model: &[u8], key: &str, value: u32) -> Vec<u8> {
    let mut model = model.to_vec();
    let at = model
        .windows(key.len())
        .position(|window| window == key.as_bytes());
    let at = at.unwrap_or_else(|| panic!("no {key} in the header")) + key.len();
    assert_eq!(model[at..at + 4], 4_u32.to_le_bytes(), "{key} is no u32");
    model[at + 4..at + 8].copy_from_slice(&value.to_le_bytes());
    model
}

/// The whole key that ends so: it begins with the model's architecture.
fn key(model: &[u8], ending: &str) -> String {
    let end = model
        .windows(ending.len())
        .position(|window| window == ending.as_bytes())
        .unwrap();
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'-';
    let start = model[..end].iter().rposition(|byte| !name(byte)).unwrap() + 1;
    String::from_utf8(model[start..end + ending.len()].to_vec()).unwrap()
}

#[track_caller]
fn solves(home: &Home) {
    home.write("cases.json", CASES);
    let said = home.edgecoder(&["solve", "--cases", "cases.json", PROMPT]);
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn a_broken_model_file_is_refused_and_the_old_model_stays() {
    let home = Home::new();
    solves(&home);
    let before = home.status();
    let good = shipped();
    let blocks = key(&good, ".block_count");
    let embedding = key(&good, ".embedding_length");
    let heads = key(&good, ".attention.head_count");
    let mut magic = good.clone();
    magic[0] ^= 1;
    let mut version = good.clone();
    version[4] = 99;
    let mut tensors = good.clone();
    tensors[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut keys = good.clone();
    keys[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("three-bytes", good[..3].to_vec()),
        ("header-only", good[..24].to_vec()),
        ("half", good[..good.len() / 2].to_vec()),
        ("one-byte-short", good[..good.len() - 1].to_vec()),
        ("bad-magic", magic),
        ("bad-version", version),
        ("countless-tensors", tensors),
        ("countless-keys", keys),
        ("no-blocks", with_number(&good, &blocks, 0)),
        ("many-blocks", with_number(&good, &blocks, 100_000)),
        ("one-block-more", with_number(&good, &blocks, 1_000)),
        ("no-width", with_number(&good, &embedding, 0)),
        ("odd-width", with_number(&good, &embedding, 77)),
        ("no-heads", with_number(&good, &heads, 0)),
        ("text", b"this is no model\n".repeat(1000)),
    ] {
        let file = home.write(&format!("{name}.gguf"), bytes);
        let said = home.run(&format!("model use {}", file.display()));
        assert!(said.code == 4 || said.code == 64, "{name}: {said:?}");
        assert!(
            said.err.contains("next:") && !said.err.contains("panicked"),
            "{name}: {said:?}"
        );
        let status = home.status();
        assert_eq!(
            (&status["pid"], &status["model"]),
            (&before["pid"], &before["model"]),
            "{name}"
        );
    }
    home.run("model use missing.gguf")
        .refuses(64, "missing.gguf");
    home.run("model use .").refuses(4, "");
    let show = home.run("model show --json").json();
    assert_eq!(
        (&show["file"], &show["active"]),
        (&"embedded".into(), &Value::Bool(true))
    );
    solves(&home);
    home.still_lives(&before);
}

#[test]
fn another_model_is_used_and_remembered_and_its_loss_is_said() {
    let home = Home::new();
    let file = home.write("own.gguf", shipped());
    let name = file.canonicalize().unwrap().display().to_string();
    let said = home.run("model use own.gguf");
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(home.status()["model"], name.as_str());
    solves(&home);
    home.stop();
    assert_eq!(home.run("model show --json").json()["file"], name.as_str());
    solves(&home);
    home.stop();
    fs::remove_file(&file).unwrap();
    let said = home.edgecoder(&["solve", "--cases", "cases.json", PROMPT]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(
        format!("{said:?}").contains("model use embedded"),
        "{said:?}"
    );
    assert_eq!(home.run("model use embedded").code, 0);
    solves(&home);
}

#[test]
fn a_model_that_writes_garbage_for_ever_ends_by_its_limits() {
    let home = Home::new();
    let mut noise = shipped();
    let start = noise.len() / 2;
    // Between 0x18 and 0x2b a byte is a small weight, a scale's exponent or a tiny float, and never infinite.
    let mut state = 1_u32;
    for byte in &mut noise[start..] {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = 0x18 + (state >> 24) as u8 % 20;
    }
    let file = home.write("noise.gguf", noise);
    let said = home.run(&format!("model use {}", file.display()));
    assert_eq!(said.code, 0, "{said:?}");
    let before = home.status();
    home.write("cases.json", CASES);
    let flags = "solve --json --cases cases.json --budget-tokens 2000 --max-iterations 3";
    let mut arguments: Vec<&str> = flags.split(' ').collect();
    arguments.push(PROMPT);
    let said = home.edgecoder(&arguments);
    assert!(said.code == 2 || said.code == 3, "{said:?}");
    let done = said.lines().pop().unwrap();
    assert!(done["tokens"].as_u64().unwrap() <= 2000, "{done}");
    assert!(!done["next"].as_str().unwrap().is_empty(), "{done}");
    home.still_lives(&before);
    assert_eq!(home.run("model use embedded").code, 0);
    solves(&home);
}
