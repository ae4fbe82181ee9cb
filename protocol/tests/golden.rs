//! Golden bytes: what is signed or hashed keeps its layout, or this test changes with a new domain version.
//!
//! `BLESS=1 cargo test -p edgecoder-protocol --test golden` rewrites the files; a reviewer sees it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use std::{collections::BTreeMap, fmt::Debug, fs, path::Path};

use edgecoder_protocol::{
    Bytes, EvidenceClass, FileTree, Fuel, Hash, Limits, Millis, NetworkId, Outcome, PeerId,
    ProfileId, Receipt, ReceiptBody, RelPath, TaskId, TestOutcome, Tokens,
    canonical::{self, Canonical, DecodeError},
    cases,
    execution::TestOrigin,
    key::NodeKey,
    ledger::{light::Anchor, members::MemberSet},
    network::{Genesis, Invite, NetworkSecret},
    receipt::{ReceiptError, RunKind, TestRecord, TestsRef},
    record::{Hours, LIFE_MAX_MS, ModelOffer, Owner, PeerRecord, Role},
    sealing::SealKey,
    task::PrivacyClass,
    work::{
        AttemptId, CapabilityToken, ContentRef, LeaseKey, Part, Requirements, ResultSummary,
        SubtaskLease, TaskSpec,
    },
};

#[path = "golden/ledger.rs"]
mod ledger;

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

/// Compares a value's bytes with the stored ones, reads them back, and refuses every shorter and longer form.
fn layout<T: Canonical + Debug + PartialEq>(name: &str, value: &T) {
    let bytes = canonical::encode(value);
    golden(&format!("{name}.hex"), &hex(&bytes));
    assert_eq!(canonical::decode::<T>(&bytes).as_ref(), Ok(value));
    for cut in 0..bytes.len() {
        assert!(
            canonical::decode::<T>(&bytes[..cut]).is_err(),
            "{name} cut at {cut}"
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(canonical::decode::<T>(&longer), Err(DecodeError::Trailing));
}

#[test]
fn a_receipt_body_keeps_its_layout_and_has_no_other() {
    layout("receipt-body-1", &body());
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

fn genesis() -> Genesis {
    Genesis {
        name: "lab".into(),
        operators: vec![PeerId([1; 32]), PeerId([2; 32])],
        members: MemberSet::new([3, 4].map(|one| PeerId([one; 32]))).unwrap(),
        founded: Millis(3),
        salt: [4; 16],
    }
}

fn attempt() -> AttemptId {
    AttemptId {
        task: TaskId([1; 16]),
        subtask: 2,
        attempt: 3,
    }
}

#[test]
fn a_network_and_its_invite_keep_their_layout() {
    layout("genesis-1", &genesis());
    let invite = Invite {
        genesis: genesis(),
        addresses: vec!["/ip4/192.0.2.1/tcp/4001".into()],
        secret: Some(NetworkSecret([6; 32])),
        anchor: Anchor::of_genesis(&genesis()),
        expires: Millis(7),
    };
    layout("invite-1", &invite);
}

#[test]
fn a_peer_record_keeps_its_layout() {
    let record = PeerRecord {
        network: genesis().id(),
        peer: PeerId([1; 32]),
        seal: SealKey([2; 32]),
        owner: Some(Owner::vouch(
            genesis().id(),
            PeerId([1; 32]),
            &NodeKey::from_seed(&mut [7; 32]),
        )),
        roles: Role::ALL.to_vec(),
        languages: vec!["javascript".into(), "python".into()],
        models: vec![ModelOffer {
            name: "m".into(),
            hash: Hash([3; 32]),
        }],
        slots: 4,
        hours: Some(Hours {
            from: 1_320,
            until: 360,
        }),
        profile: ProfileId([5; 32]),
        build: "b".into(),
        addresses: vec!["/ip4/192.0.2.1/tcp/4001".into()],
        sequence: 6,
        life_ms: LIFE_MAX_MS,
    };
    layout("peer-record-1", &record);
}

#[test]
fn what_fences_work_keeps_its_layout() {
    let key = LeaseKey {
        network: NetworkId([1; 32]),
        key: SealKey([2; 32]),
    };
    layout("lease-key-1", &key);
    let lease = SubtaskLease {
        network: NetworkId([1; 32]),
        attempt: attempt(),
        part: Part::Checker,
        worker: PeerId([2; 32]),
        key: SealKey([3; 32]),
        term: 4,
        granted: Millis(5),
    };
    layout("subtask-lease-1", &lease);
    let token = CapabilityToken {
        network: NetworkId([1; 32]),
        attempt: attempt(),
        caller: PeerId([2; 32]),
        slot: PeerId([3; 32]),
        budget: Tokens(4),
        term: 5,
        issued: Millis(6),
        life_ms: 7,
    };
    layout("capability-token-1", &token);
}

#[test]
fn a_task_and_what_came_of_it_keep_their_layout() {
    let spec = TaskSpec {
        network: NetworkId([1; 32]),
        id: TaskId([2; 16]),
        class: PrivacyClass::Sealed,
        requirements: Requirements {
            languages: vec!["python".into()],
            profile: ProfileId([3; 32]),
            model: true,
        },
        content: ContentRef::of(b"sealed"),
        heldout: Some(Hash([4; 32])),
        tokens: Tokens(5),
        fuel: Fuel(6),
        deadline_ms: 7,
    };
    layout("task-spec-1", &spec);
    let summary = ResultSummary {
        network: NetworkId([1; 32]),
        attempt: attempt(),
        part: Part::Author,
        term: 2,
        answer: ContentRef::of(b"answer"),
        receipt: Hash([3; 32]),
        shown: Hash([33; 32]),
        outcome: Outcome::Ok,
        evidence: EvidenceClass::Cases,
        fuel: Fuel(4),
        transcript: Hash([5; 32]),
    };
    layout("result-summary-1", &summary);
    let commitment = summary.commitment(PeerId([6; 32]), &[7; 32]);
    assert_eq!(
        commitment.to_string(),
        "dd6c73e94334260637e8d233449d0f914670619a6b2737d7dc14d3b2c4f17cf0",
        "a commitment is a hash that others hold: it may not change"
    );
}
