//! A term, a membership and an entry, shown by files to one who knows the founding alone; and a thousand changes of such
//! files, each refused.

use std::collections::BTreeMap;

use super::*;
use crate::{
    key::NodeKey,
    ledger::{
        block::{Certificate, Stage, Vote},
        chain::Chain,
        decree::{Approved, Decree, Order, Standing},
        duty::Probes,
        entry::Body,
        light::Anchor,
        merkle::{self, TileWriter},
    },
    network::Genesis,
    signed::Checked,
};

fn key(number: u8) -> NodeKey {
    NodeKey::from_seed(&mut [number; 32])
}

fn genesis() -> Genesis {
    Genesis {
        name: "lab".into(),
        operators: vec![key(200).peer_id()],
        members: MemberSet::new([1, 2, 3].map(|one| key(one).peer_id())).unwrap(),
        founded: Millis(0),
        salt: [0; 16],
    }
}

/// A chain with what is needed to show parts of it.
struct World {
    chain: Chain,
    way: Vec<Way>,
    last: Option<Way>,
    entries: Vec<Signed<Entry>>,
    writer: TileWriter,
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl World {
    fn new() -> Self {
        Self {
            chain: Chain::new(&genesis()),
            way: Vec::new(),
            last: None,
            entries: Vec::new(),
            writer: TileWriter::default(),
            tiles: BTreeMap::new(),
        }
    }

    /// A block in which `by` says `body`, decided by all who vote.
    fn block(&mut self, by: u8, body: Body) {
        let time = Millis(1_000 * (self.chain.height() + 1));
        let entry = Entry {
            chain: self.chain.id(),
            nonce: self.chain.state().account(&key(by).peer_id()).nonce,
            expires: time,
            body,
        };
        let entry = Checked::new(entry, &key(by));
        let built = self.chain.build(time, [&entry]);
        let executed = built.block.unwrap_or_else(|| panic!("{:?}", built.refused));
        let header = executed.block.header.clone();
        let vote = Vote {
            chain: header.chain,
            height: header.height,
            round: 0,
            stage: Stage::Precommit,
            block: Some(header.id()),
        };
        let voters = self.chain.deciders().unwrap().clone();
        let keys = (1..=5)
            .map(key)
            .filter(|key| voters.contains(&key.peer_id()));
        let mut signatures: Vec<_> = keys
            .map(|key| (key.peer_id(), key.sign(&canonical::encode(&vote))))
            .collect();
        signatures.sort_unstable_by_key(|(by, _)| *by);
        let certificate = Certificate {
            round: 0,
            signatures,
        };
        let next = executed.state().council().unwrap().next.clone();
        let next = (header.next != header.members).then_some(next);
        let step = (
            Checkpoint {
                header,
                certificate,
            },
            next,
        );
        if step.1.is_some() {
            self.way.push(step.clone());
            self.last = None;
        } else {
            self.last = Some(step);
        }
        self.chain.commit(&executed).unwrap();
        self.writer.push(executed.leaves[0]);
        for tile in self.writer.changed() {
            self.tiles.insert((tile.level, tile.index), tile.hashes);
        }
        self.entries.push(entry.signed().clone());
    }

    fn order(&mut self, order: Order) {
        let decree = Decree {
            chain: self.chain.id(),
            version: self.chain.state().version_of(&order),
            expires: Millis(1_000_000),
            order,
        };
        let approvals = vec![decree.approve(&key(200))];
        self.block(200, Body::Decree(Approved { decree, approvals }));
    }

    fn way(&self) -> Vec<Way> {
        self.way.iter().chain(&self.last).cloned().collect()
    }

    fn show(&self, key: &Key) -> ProofFile {
        let state = self.chain.state();
        let (value, proof) = (state.value(key), state.prove(key));
        ProofFile::state(self.chain.id(), &self.way(), key, value, &proof)
    }
}

/// Three members; a fourth comes, and one of the first goes; a duty is granted.
fn world() -> World {
    let mut world = World::new();
    let peer = key(4).peer_id();
    world.order(Order::Admit {
        peer,
        standing: Standing::Trusted,
        owner: None,
    });
    world.order(Order::AddMember(peer));
    world.order(Order::RemoveMember(key(1).peer_id()));
    let probes = [2, 3, 4].map(|by| {
        let mut buckets: Vec<_> = [2, 3, 4].map(|one| (key(one).peer_id(), 0)).to_vec();
        buckets.sort_unstable();
        let probes = Probes {
            chain: world.chain.id(),
            at: Millis(4_000),
            buckets,
            duty: Duty::Coordinator(0),
        };
        Signed::new(probes, &key(by))
    });
    world.block(
        2,
        Body::Grant {
            duty: Duty::Coordinator(0),
            probes: probes.to_vec(),
        },
    );
    world
}

fn files(world: &World) -> [ProofFile; 3] {
    let proof = merkle::inclusion(&world.tiles, 1, world.chain.size()).unwrap();
    [
        world.show(&Key::Duty(Duty::Coordinator(0))),
        world.show(&Key::Council),
        ProofFile::entry(world.chain.id(), &world.way(), &world.entries[1], &proof),
    ]
}

fn check(text: &str) -> Result<Shown, ProofError> {
    let file: ProofFile =
        serde_json::from_str(text).map_err(|error| ProofError::Form(error.to_string()))?;
    let mut client = LightClient::new(Anchor::of_genesis(&genesis()));
    file.check(&mut client, Millis(5_000))
}

#[test]
fn a_term_a_membership_and_an_entry_are_shown_and_a_thousand_changes_are_refused() {
    let world = world();
    let texts = files(&world).map(|file| serde_json::to_string(&file).unwrap());
    let shown = texts.each_ref().map(|text| check(text).unwrap());
    let Shown::State {
        value: Some(duty), ..
    } = &shown[0]
    else {
        panic!("{shown:?}");
    };
    assert_eq!(
        **duty,
        Value::Duty(world.chain.state().duty(Duty::Coordinator(0)))
    );
    assert!(
        matches!(&shown[2], Shown::Entry { index: 1, .. }),
        "{shown:?}"
    );
    // A generator of its own, so that a failure can be repeated: the multiplier is Knuth's.
    let mut random = 1_u64;
    let mut draw = |below: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) as usize % below
    };
    for number in 0..1_000 {
        let text = &texts[number % texts.len()];
        let mut bytes = text.clone().into_bytes();
        let at = draw(bytes.len());
        let other = b"0123456789abcdef"[draw(16)];
        if bytes[at] == other {
            continue;
        }
        bytes[at] = other;
        let changed = String::from_utf8(bytes).unwrap();
        assert!(check(&changed).is_err(), "{number}: byte {at}: {changed}");
    }
}

#[test]
fn a_proof_of_another_network_or_of_what_is_not_so_shows_nothing() {
    let world = world();
    let [duty, council, _] = files(&world).map(|file| serde_json::to_value(&file).unwrap());
    let refused = |value: &serde_json::Value| check(&value.to_string()).is_err();
    assert!(!refused(&duty));
    // What another key has, a step less, and one that is not needed.
    let mut other = duty.clone();
    other["shows"]["state"]["key"] = "duty/coordinator/1".into();
    assert!(refused(&other));
    let mut short = council.clone();
    short["checkpoints"].as_array_mut().unwrap().remove(0);
    assert!(refused(&short));
    let mut nothing = duty.clone();
    nothing["shows"]["state"]["value"] = serde_json::Value::Null;
    assert!(refused(&nothing));
    let mut more = council;
    let next = more["checkpoints"][0]["next"].clone();
    let last = more["checkpoints"].as_array().unwrap().len() - 1;
    more["checkpoints"][last]["next"] = next;
    assert!(refused(&more));
}
