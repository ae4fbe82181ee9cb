//! Golden bytes: what is signed or hashed keeps its layout, or this test changes with a new domain version.
//!
//! `BLESS=1 cargo test -p edgecoder-protocol --test golden` rewrites the files; a reviewer sees it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use std::{collections::BTreeMap, fs, path::Path};

use edgecoder_protocol::{
    Bytes, EvidenceClass, FileTree, Fuel, Hash, Limits, Outcome, ProfileId, Receipt, ReceiptBody,
    RelPath, TestOutcome,
    canonical::{self, DecodeError},
    cases,
    execution::TestOrigin,
    key::NodeKey,
    receipt::{ReceiptError, RunKind, TestRecord, TestsRef},
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{found}\n")).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap();
    assert_eq!(
        found,
        wanted.trim_end(),
        "{name} changed: a new layout needs a new domain version"
    );
}

fn body() -> ReceiptBody {
    let record = |name: &str, outcome| TestRecord {
        name: name.into(),
        outcome,
    };
    ReceiptBody {
        profile: ProfileId([1; 32]),
        kind: RunKind::Unittest,
        code: Hash::of(b"code"),
        snapshot: Hash::of(b"snapshot"),
        entry: "solution.py".into(),
        arguments: Hash::of(b"arguments"),
        stdin: Hash::of(b""),
        tests: Some(TestsRef {
            hash: Hash::of(b"tests"),
            origin: TestOrigin::User,
        }),
        limits: Limits {
            fuel: Fuel(1),
            memory: Bytes(2),
            output: Bytes(3),
            result: Bytes(4),
            wall_ms: 5,
        },
        seed: 6,
        outcome: Outcome::Failed,
        evidence: EvidenceClass::Suite,
        results: vec![
            record("a", TestOutcome::Passed),
            record("ü", TestOutcome::Errored),
        ],
        output: Hash::of(b"output"),
        result: Hash::of(b"result"),
        fuel: Fuel(7),
    }
}

#[test]
fn a_receipt_body_keeps_its_layout_and_has_no_other() {
    let bytes = canonical::encode(&body());
    golden("receipt-body-1.hex", &hex(&bytes));
    assert_eq!(canonical::decode::<ReceiptBody>(&bytes), Ok(body()));
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(
        canonical::decode::<ReceiptBody>(&longer),
        Err(DecodeError::Trailing)
    );
    for cut in 0..bytes.len() {
        assert!(
            canonical::decode::<ReceiptBody>(&bytes[..cut]).is_err(),
            "cut at {cut}"
        );
    }
    // Another domain's bytes are never read as this one's.
    let tree = canonical::encode(&FileTree(BTreeMap::new()));
    assert_eq!(
        canonical::decode::<ReceiptBody>(&tree),
        Err(DecodeError::Invalid("domain"))
    );
}

#[test]
fn a_changed_bit_never_reads_as_the_same_body() {
    let bytes = canonical::encode(&body());
    for at in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[at / 8] ^= 1 << (at % 8);
        if let Ok(read) = canonical::decode::<ReceiptBody>(&changed) {
            assert_ne!(read, body(), "bit {at}");
        }
    }
}

#[test]
fn a_snapshot_and_cases_keep_their_hashes() {
    let path = RelPath::new("a.py").unwrap();
    let tree = FileTree(BTreeMap::from([(path, b"x = 1\n".to_vec())]));
    golden("snapshot-1.hex", &hex(&canonical::encode(&tree)));
    let text = r#"[{"entry": "f", "args": [1, 2.5, "ü", null, [true]], "kwargs": {"k": {"a": NaN}}, "expect": 3},
        {"entry": "g", "raises": "ValueError", "heldout": true}]"#;
    let cases = cases::read(text).unwrap();
    golden(
        "arguments-1.hex",
        &cases::arguments_hash(&cases).to_string(),
    );
    golden("cases-1.hex", &cases::cases_hash(&cases).to_string());
}

#[test]
fn a_key_and_its_signature_are_those_of_libp2p() {
    let key = NodeKey::from_seed(&mut [7; 32]);
    golden("node-key.hex", &hex(&key.to_stored()[..]));
    golden("peer-id.txt", &key.peer_id().to_string());
    let receipt = Receipt::sign(body(), &key);
    golden(
        "receipt-1.json",
        &serde_json::to_string_pretty(&receipt).unwrap(),
    );
    assert_eq!(receipt.check(), Ok(()));
    let mut other = receipt.clone();
    other.body.fuel = Fuel(8);
    assert_eq!(other.check(), Err(ReceiptError::Signature));
    let mut other = receipt.clone();
    other.signer = NodeKey::from_seed(&mut [8; 32]).peer_id();
    assert_eq!(other.check(), Err(ReceiptError::Signature));
    let mut other = receipt;
    other.schema = "edgecoder/receipt/2".into();
    assert!(matches!(other.check(), Err(ReceiptError::Schema { .. })));
}
