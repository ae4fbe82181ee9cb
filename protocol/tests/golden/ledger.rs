//! What the ledger signs and hashes.

use edgecoder_protocol::{
    Credits, Signed,
    ledger::{
        block::{Certificate, Checkpoint, Header, Stage, Vote},
        decree::{Approved, Decree, Order, Standing},
        duty::{Duty, Probes, Renewal, Suspicion},
        entry::{Body, Entry, Fenced},
        light::Anchor,
        merkle::{self, CompactRange, Consistency, Inclusion, TileWriter},
        snapshot::Snapshot,
        state::{Key, PeerState, State, TaskState, Value},
        trie::{End, Proof, Trie},
    },
};

use super::*;

#[test]
fn a_log_and_what_is_shown_of_it_keep_their_layout() {
    let leaves = (0..7u8).map(|entry| merkle::leaf(&[entry]));
    let range: CompactRange = leaves.collect();
    layout("log-range-1", &range);
    golden("log-root-1.hex", &range.root().hash.to_string());
    let path = vec![Hash([1; 32]), Hash([2; 32])];
    let inclusion = Inclusion {
        index: 3,
        size: 4,
        path: path.clone(),
    };
    layout("log-inclusion-1", &inclusion);
    let (from, to) = (5, 6);
    layout("log-consistency-1", &Consistency { from, to, path });
}

#[test]
fn a_state_and_what_is_shown_of_it_keep_their_layout() {
    let mut trie = Trie::default();
    for byte in 0..7 {
        trie.insert(Hash::of(&[byte]), genesis());
    }
    golden("state-root-1.hex", &trie.root().to_string());
    let mut siblings = vec![Hash([0; 32]); 9];
    siblings[7] = Hash([1; 32]);
    for (name, end) in [
        ("empty", End::Empty),
        ("own", End::Own),
        (
            "other",
            End::Other {
                key: Hash([2; 32]),
                value: Hash([3; 32]),
            },
        ),
    ] {
        let siblings = siblings.clone();
        layout(&format!("state-proof-{name}-1"), &Proof { siblings, end });
    }
}

const CHAIN: NetworkId = NetworkId([1; 32]);
const DUTY: Duty = Duty::Coordinator(7);

#[test]
fn a_block_and_what_is_voted_on_it_keep_their_layout() {
    let members = MemberSet::new([PeerId([1; 32]), PeerId([2; 32])]).unwrap();
    layout("member-set-1", &members);
    let header = Header {
        chain: CHAIN,
        height: 3,
        time: Millis(4),
        parent: Hash([5; 32]),
        log: CompactRange::default().root(),
        state: Hash([6; 32]),
        members: members.hash(),
        next: members.hash(),
        version: 1,
    };
    layout("block-1", &header);
    let anchor = Anchor {
        chain: CHAIN,
        members: members.clone(),
        head: Some(header.clone()),
        at: Millis(7),
    };
    layout("anchor-1", &anchor);
    let mut log = TileWriter::default();
    (0..3u8).for_each(|entry| log.push(merkle::leaf(&[entry])));
    log.changed();
    layout("log-edge-1", &log);
    let task = TaskState {
        shard: 1,
        assigned: 2,
        at: Millis(3),
        result: Some(Hash([4; 32])),
    };
    let epoch = Snapshot {
        header: header.clone(),
        log,
        values: vec![(Hash([9; 32]), Value::Task(task))],
    };
    layout("epoch-1", &epoch);
    for (name, stage, block) in [
        ("vote-nil-1", Stage::Prevote, None),
        ("vote-1", Stage::Precommit, Some(header.id())),
    ] {
        let vote = Vote {
            chain: CHAIN,
            height: 3,
            round: 2,
            stage,
            block,
        };
        layout(name, &vote);
    }
    let certificate = Certificate {
        round: 2,
        signatures: vec![(PeerId([1; 32]), [8; 64])],
    };
    layout(
        "checkpoint-1",
        &Checkpoint {
            header,
            certificate,
        },
    );
}

#[test]
fn what_members_and_operators_say_keeps_its_layout() {
    let (chain, duty, term) = (CHAIN, DUTY, 5);
    let probes = Probes {
        chain,
        at: Millis(9),
        buckets: vec![(PeerId([1; 32]), 0), (PeerId([2; 32]), 255)],
        duty,
    };
    layout("probes-1", &probes);
    let at = Millis(9);
    layout(
        "suspicion-1",
        &Suspicion {
            chain,
            at,
            duty,
            term,
        },
    );
    let until = Millis(10);
    layout(
        "renewal-1",
        &Renewal {
            chain,
            duty,
            term,
            until,
        },
    );
    for (name, order) in orders() {
        let decree = Decree {
            chain,
            version: 2,
            expires: Millis(11),
            order,
        };
        layout(&format!("decree-{name}-1"), &decree);
    }
}

fn orders() -> [(&'static str, Order); 10] {
    let (peer, until) = (PeerId([3; 32]), Millis(10));
    let reason = String::from("a forged receipt");
    [
        ("add-member", Order::AddMember(peer)),
        ("remove-member", Order::RemoveMember(peer)),
        (
            "admit",
            Order::Admit {
                peer,
                standing: Standing::Worker,
                owner: Some(PeerId([4; 32])),
            },
        ),
        (
            "revoke",
            Order::Revoke {
                peer,
                reason: reason.clone(),
            },
        ),
        (
            "blacklist",
            Order::Blacklist {
                peer,
                evidence: Hash([5; 32]),
                reason,
                until,
            },
        ),
        ("pardon", Order::Pardon(peer)),
        (
            "policy",
            Order::Policy {
                name: "privacy".into(),
                document: Hash([6; 32]),
            },
        ),
        ("open-admission", Order::OpenAdmission(true)),
        (
            "issue",
            Order::Issue {
                to: peer,
                amount: Credits(7),
            },
        ),
        (
            "replace-member",
            Order::ReplaceMember {
                old: peer,
                new: PeerId([4; 32]),
            },
        ),
    ]
}

#[test]
fn entries_keep_their_layout() {
    for (name, body) in of_members().into_iter().chain(of_others()) {
        let entry = Entry {
            chain: CHAIN,
            nonce: 1,
            expires: Millis(2),
            body,
        };
        layout(&format!("entry-{name}-1"), &entry);
    }
}

fn key() -> NodeKey {
    NodeKey::from_seed(&mut [3; 32])
}

fn of_members() -> Vec<(&'static str, Body)> {
    let (duty, term) = (DUTY, 5);
    let decree = Decree {
        chain: CHAIN,
        version: 0,
        expires: Millis(11),
        order: Order::Pardon(PeerId([3; 32])),
    };
    let approvals = vec![decree.approve(&key())];
    let probes = Probes {
        chain: CHAIN,
        at: Millis(9),
        buckets: Vec::new(),
        duty,
    };
    let probes = vec![Signed::new(probes, &key())];
    let suspicion = Suspicion {
        chain: CHAIN,
        at: Millis(9),
        duty,
        term,
    };
    let suspicions = vec![Signed::new(suspicion, &key())];
    let expire = Body::Expire {
        duty,
        term,
        suspicions,
    };
    vec![
        ("decree", Body::Decree(Approved { decree, approvals })),
        ("grant", Body::Grant { duty, probes }),
        ("release", Body::Release { duty, term }),
        ("expire", expire),
    ]
}

fn of_others() -> Vec<(&'static str, Body)> {
    let task = Fenced {
        task: Hash([7; 32]),
        shard: 7,
        term: 5,
    };
    let owner = Some(Owner::vouch(CHAIN, key().peer_id(), &key()));
    let new = PeerId([8; 32]);
    let signature = [9; 64];
    let (what, result, statement) = (Hash([1; 32]), Hash([2; 32]), Hash([3; 32]));
    let (to, amount) = (PeerId([4; 32]), Credits(6));
    vec![
        ("register", Body::Register { owner }),
        ("rotate", Body::Rotate { new, signature }),
        ("accept", Body::Accept(task)),
        ("assign", Body::Assign { task, what }),
        ("end", Body::End { task, result }),
        ("transfer", Body::Transfer { to, amount }),
        ("appeal", Body::Appeal { statement }),
    ]
}

#[test]
fn the_state_of_a_founded_network_keeps_its_root() {
    let state = State::new(&genesis());
    golden("founded-state-1.hex", &state.root().to_string());
    golden("state-key-1.hex", &Key::Duty(DUTY).hash().to_string());
    let peer = PeerState {
        standing: Standing::Trusted,
        owner: Some(PeerId([1; 32])),
        is_revoked: true,
        duties: vec![Duty::ControlPlane, DUTY],
        version: 2,
    };
    layout("peer-state-1", &Value::Peer(peer));
}
