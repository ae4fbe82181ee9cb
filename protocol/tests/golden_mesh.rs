//! Golden bytes of what nodes sign for each other, each read back; as `golden.rs` does for receipts.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::{fmt::Debug, fs, path::Path};

use edgecoder_protocol::{
    EvidenceClass, Fuel, Hash, Millis, NetworkId, Outcome, PeerId, ProfileId, TaskId, Tokens,
    canonical::{self, Canonical, DecodeError},
    network::{Genesis, Invite, NetworkSecret},
    record::{Hours, LIFE_MAX_MS, ModelOffer, PeerRecord, Role},
    sealing::{Purpose, SealKey},
    task::PrivacyClass,
    work::{
        AttemptId, CapabilityToken, ContentRef, LeaseKey, Part, Requirements, ResultSummary,
        SubtaskLease, TaskSpec,
    },
};

/// Compares with the stored bytes, reads them back, and refuses every shorter and every longer form.
fn golden<T: Canonical + Debug + PartialEq>(name: &str, value: &T) {
    let bytes = canonical::encode(value);
    let found: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.hex"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{found}\n")).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap();
    assert_eq!(
        found,
        wanted.trim_end(),
        "{name} changed: a new layout needs a new domain version"
    );
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

fn genesis() -> Genesis {
    Genesis {
        name: "lab".into(),
        operators: vec![PeerId([1; 32]), PeerId([2; 32])],
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
    golden("genesis-1", &genesis());
    let invite = Invite {
        genesis: genesis(),
        coordinator: PeerId([5; 32]),
        addresses: vec!["/ip4/192.0.2.1/tcp/4001".into()],
        secret: Some(NetworkSecret([6; 32])),
        expires: Millis(7),
    };
    golden("invite-1", &invite);
}

#[test]
fn a_peer_record_keeps_its_layout() {
    let record = PeerRecord {
        network: genesis().id(),
        peer: PeerId([1; 32]),
        seal: SealKey([2; 32]),
        owner: None,
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
    golden("peer-record-1", &record);
}

#[test]
fn what_fences_work_keeps_its_layout() {
    let purpose = Purpose {
        task: attempt().task,
        subtask: attempt().subtask,
        attempt: attempt().attempt,
        reader: PeerId([4; 32]),
        term: 5,
    };
    golden("key-purpose-1", &purpose);
    let key = LeaseKey {
        network: NetworkId([1; 32]),
        key: SealKey([2; 32]),
    };
    golden("lease-key-1", &key);
    let lease = SubtaskLease {
        network: NetworkId([1; 32]),
        attempt: attempt(),
        part: Part::Checker,
        worker: PeerId([2; 32]),
        key: SealKey([3; 32]),
        term: 4,
        granted: Millis(5),
    };
    golden("subtask-lease-1", &lease);
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
    golden("capability-token-1", &token);
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
    golden("task-spec-1", &spec);
    let summary = ResultSummary {
        network: NetworkId([1; 32]),
        attempt: attempt(),
        part: Part::Author,
        term: 2,
        answer: ContentRef::of(b"answer"),
        receipt: Hash([3; 32]),
        outcome: Outcome::Ok,
        evidence: EvidenceClass::Cases,
        fuel: Fuel(4),
        transcript: Hash([5; 32]),
    };
    golden("result-summary-1", &summary);
    let commitment = summary.commitment(PeerId([6; 32]), &[7; 32]);
    assert_eq!(
        commitment.to_string(),
        "6262df1500623c5e0c7712e05c9d0b0c57047144bd072ea87360069ea7f70bd8",
        "a commitment is a hash that others hold: it may not change"
    );
}
