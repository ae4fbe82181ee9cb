//! A light client that follows one checkpoint after the other, each decided by real keys, and none left out. A member
//! leaves on the way and comes back.

use std::hint::black_box;

use edgecoder_protocol::{
    Credits, Millis, canonical,
    key::NodeKey,
    ledger::{
        block::{Certificate, Checkpoint, Stage, Vote},
        chain::{Chain, Executed},
        decree::{Approved, Decree, Order},
        entry::{Body, Entry},
        light::{Anchor, LightClient},
        members::MemberSet,
    },
    network::Genesis,
    signed::Checked,
};

use super::{judged, measure};

const CHECKPOINTS: u64 = 10_000;
const MEMBERS: u8 = 4;
/// Microseconds in which all of them must be followed.
const BAR: f64 = 5e6;
const RUNS: u64 = 5;

fn key(number: u8) -> NodeKey {
    NodeKey::from_seed(&mut [number; 32])
}

/// What the operator orders in the block of this height.
fn order(height: u64) -> Order {
    let member = key(MEMBERS).peer_id();
    match height {
        5_000 => Order::RemoveMember(member),
        5_500 => Order::AddMember(member),
        _ => Order::Issue {
            to: key(100).peer_id(),
            amount: Credits(1),
        },
    }
}

/// The next block: one decree.
fn block(chain: &Chain, operator: &NodeKey) -> Executed {
    let time = Millis(1_000 * (chain.height() + 1));
    let order = order(chain.height() + 1);
    let decree = Decree {
        chain: chain.id(),
        version: chain.state().version_of(&order),
        expires: time,
        order,
    };
    let approvals = vec![decree.approve(operator)];
    let entry = Entry {
        chain: chain.id(),
        nonce: chain.height(),
        expires: time,
        body: Body::Decree(Approved { decree, approvals }),
    };
    let built = chain.build(time, [&Checked::new(entry, operator)]);
    built.block.expect("the decree counts")
}

/// What all who vote at its height sign.
fn decided(executed: &Executed, keys: &[NodeKey], members: &MemberSet) -> Checkpoint {
    let header = executed.block.header.clone();
    let vote = Vote {
        chain: header.chain,
        height: header.height,
        round: 0,
        stage: Stage::Precommit,
        block: Some(header.id()),
    };
    let bytes = canonical::encode(&vote);
    let voters = keys.iter().filter(|key| members.contains(&key.peer_id()));
    let mut signatures: Vec<_> = voters
        .map(|key| (key.peer_id(), key.sign(&bytes)))
        .collect();
    signatures.sort_unstable_by_key(|(by, _)| *by);
    let certificate = Certificate {
        round: 0,
        signatures,
    };
    Checkpoint {
        header,
        certificate,
    }
}

pub fn followed() {
    let (operator, keys) = (key(200), (1..=MEMBERS).map(key).collect::<Vec<_>>());
    let genesis = Genesis {
        name: "bench".into(),
        operators: vec![operator.peer_id()],
        members: MemberSet::new(keys.iter().map(NodeKey::peer_id)).expect("they are few"),
        founded: Millis(0),
        salt: [0; 16],
    };
    let mut chain = Chain::new(&genesis);
    let (mut sent, mut signatures, mut changes) = (Vec::new(), 0, 0);
    for _ in 0..CHECKPOINTS {
        let executed = block(&chain, &operator);
        let members = chain.deciders().expect("there is a council").clone();
        let checkpoint = decided(&executed, &keys, &members);
        signatures += checkpoint.certificate.signatures.len();
        chain.commit(&executed).expect("it follows");
        let next = chain.deciders().filter(|next| **next != members).cloned();
        changes += u32::from(next.is_some());
        sent.push((canonical::encode(&checkpoint), next));
    }
    let bytes: usize = sent.iter().map(|(bytes, _)| bytes.len()).sum();
    let now = chain.time();
    let follow = measure(RUNS, |_| {
        let mut client = LightClient::new(Anchor::of_genesis(&genesis));
        for (bytes, next) in &sent {
            let checkpoint = canonical::decode(bytes).expect("it is one");
            let followed = client.follow(&checkpoint, next.as_ref(), now);
            followed.expect("it is decided");
        }
        let head = client.anchor().head.as_ref().map(|head| head.height);
        assert_eq!(black_box(head), Some(CHECKPOINTS));
    });
    let (median, least) = (follow.median / 1e6, follow.least / 1e6);
    println!(
        "light client: {CHECKPOINTS} checkpoints of {bytes} bytes, {signatures} signatures, {changes} changes of members, decoded and followed in {median:.2} ({least:.2}) s; {}",
        judged(follow.median, BAR, "5 s")
    );
}
