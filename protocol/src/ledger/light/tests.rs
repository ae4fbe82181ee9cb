//! A small chain, decided by real keys, followed and checked from nothing but its founding.

use super::*;
use crate::{
    key::NodeKey,
    ledger::{
        apply::At,
        block::{Certificate, Stage, VERSION, Vote},
        entry::Body,
        merkle::{CompactRange, TileWriter},
        state::State,
    },
    network::Genesis,
    units::Credits,
};
use std::collections::BTreeMap;

fn key(number: u8) -> NodeKey {
    NodeKey::from_seed(&mut [number; 32])
}

fn set(members: &[u8]) -> MemberSet {
    MemberSet::new(members.iter().map(|number| key(*number).peer_id())).unwrap()
}

fn genesis() -> Genesis {
    Genesis {
        name: "lab".into(),
        operators: vec![key(200).peer_id()],
        members: set(&[1, 2, 3, 4]),
        founded: Millis(0),
        salt: [0; 16],
    }
}

/// Precommits of `members` for `header`.
fn decided(header: Header, round: u32, members: &[u8]) -> Checkpoint {
    let vote = Vote {
        chain: header.chain,
        height: header.height,
        round,
        stage: Stage::Precommit,
        block: Some(header.id()),
    };
    let bytes = canonical::encode(&vote);
    let sign = |number: &u8| (key(*number).peer_id(), key(*number).sign(&bytes));
    let mut signatures: Vec<_> = members.iter().map(sign).collect();
    signatures.sort_unstable_by_key(|(by, _)| *by);
    Checkpoint {
        header,
        certificate: Certificate { round, signatures },
    }
}

/// A chain in memory: an entry of member 1 in each block.
struct Chain {
    state: State,
    range: CompactRange,
    writer: TileWriter,
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
    entries: Vec<Signed<Entry>>,
    headers: Vec<Header>,
}

impl Chain {
    fn new() -> Self {
        Self {
            state: State::new(&genesis()),
            range: CompactRange::default(),
            writer: TileWriter::default(),
            tiles: BTreeMap::new(),
            entries: Vec::new(),
            headers: Vec::new(),
        }
    }

    fn time(&self) -> Millis {
        Millis(1_000 * (self.headers.len() as u64 + 1))
    }

    /// A block in which member 1 says `body`; its header, which names these members.
    fn block(&mut self, body: Body, members: &MemberSet, next: &MemberSet) -> Header {
        self.state.next_height();
        let signer = key(1).peer_id();
        let entry = Entry {
            chain: genesis().id(),
            nonce: self.state.account(&signer).nonce,
            expires: self.time(),
            body,
        };
        let parent = self
            .headers
            .last()
            .map_or(first_parent(genesis().id()), Header::id);
        let at = At {
            time: self.time(),
            parent,
            index: self.range.size(),
        };
        self.state.apply(&entry, signer, at).unwrap();
        let entry = Signed::new(entry, &key(1));
        let leaf = merkle::leaf(&entry.to_bytes());
        self.range.push(leaf);
        self.writer.push(leaf);
        for tile in self.writer.changed() {
            self.tiles.insert((tile.level, tile.index), tile.hashes);
        }
        self.entries.push(entry);
        let header = Header {
            chain: genesis().id(),
            height: self.headers.len() as u64 + 1,
            time: at.time,
            parent,
            log: self.range.root(),
            state: self.state.root(),
            members: members.hash(),
            next: next.hash(),
            version: VERSION,
        };
        self.headers.push(header.clone());
        header
    }

    /// A block that changes nobody, and says something.
    fn plain(&mut self) -> Header {
        let members = self.state.council().unwrap().next.clone();
        let body = Body::Decree(issue(&self.state));
        self.block(body, &members, &members)
    }
}

/// The operator gives somebody a credit.
fn issue(state: &State) -> super::super::decree::Approved {
    use super::super::decree::{Approved, Decree, Order};
    let order = Order::Issue {
        to: key(9).peer_id(),
        amount: Credits(1),
    };
    let decree = Decree {
        chain: genesis().id(),
        version: state.version_of(&order),
        expires: NOW,
        order,
    };
    let approvals = vec![decree.approve(&key(200))];
    Approved { decree, approvals }
}

fn client() -> LightClient {
    LightClient::new(Anchor::of_genesis(&genesis()))
}

const NOW: Millis = Millis(1_000_000);

#[test]
fn checkpoints_are_followed_and_others_refused() {
    let mut chain = Chain::new();
    let headers: Vec<Header> = (0..5).map(|_| chain.plain()).collect();
    let mut client = client();
    let good = |at: usize| decided(headers[at].clone(), 0, &[1, 2, 3]);
    client.follow(&good(0), None, NOW).unwrap();
    client.follow(&good(3), None, NOW).unwrap();
    let with = |change: fn(&mut Header)| {
        let mut header = headers[4].clone();
        change(&mut header);
        decided(header, 0, &[1, 2, 3])
    };
    let mut forged = good(4);
    forged.certificate.signatures[1].1[5] ^= 1;
    let mut twice = good(4);
    twice.certificate.signatures[1] = twice.certificate.signatures[0];
    let rows = [
        (good(3), Disbelief::Old),
        (good(1), Disbelief::Old),
        (with(|one| one.chain.0[0] ^= 1), Disbelief::Chain),
        (with(|one| one.time = Millis(4_000)), Disbelief::Old),
        (with(|one| one.log.size = 3), Disbelief::Old),
        (
            with(|one| one.time = Millis(NOW.0 + 10_001)),
            Disbelief::Future,
        ),
        (with(|one| one.members = Hash([1; 32])), Disbelief::Members),
        (with(|one| one.next = Hash([1; 32])), Disbelief::Next),
        (
            decided(headers[4].clone(), 0, &[1, 2]),
            Disbelief::Certificate,
        ),
        (
            decided(headers[4].clone(), 0, &[1, 2, 9]),
            Disbelief::Certificate,
        ),
        (forged, Disbelief::Certificate),
        (twice, Disbelief::Certificate),
    ];
    let before = client.clone();
    for (checkpoint, disbelief) in rows {
        assert_eq!(client.follow(&checkpoint, None, NOW), Err(disbelief));
        assert_eq!(client, before);
    }
    let late = Millis(4_000)
        .after(TRUSTING)
        .after(Duration::from_millis(1));
    assert_eq!(client.follow(&good(4), None, late), Err(Disbelief::Stale));
    client.follow(&good(4), None, NOW).unwrap();
}

#[test]
fn the_founding_is_believed_for_as_long_as_a_block() {
    let founded = Genesis {
        founded: Millis(7_000_000),
        ..genesis()
    };
    let anchor = Anchor::of_genesis(&founded);
    let expected = Anchor {
        chain: founded.id(),
        members: set(&[1, 2, 3, 4]),
        head: None,
        at: Millis(7_000_000),
    };
    assert_eq!(anchor, expected);
    // What is decided late is followed by nobody who knows the founding alone, and in time by everybody.
    let last = founded.founded.after(TRUSTING);
    let header = Header {
        chain: founded.id(),
        height: 1,
        time: last,
        parent: first_parent(founded.id()),
        log: CompactRange::default().root(),
        state: Hash([0; 32]),
        members: anchor.members.hash(),
        next: anchor.members.hash(),
        version: VERSION,
    };
    let first = decided(header, 0, &[1, 2, 3]);
    let mut light = LightClient::new(anchor);
    let late = last.after(Duration::from_millis(1));
    assert_eq!(light.follow(&first, None, late), Err(Disbelief::Stale));
    assert_eq!(light.follow(&first, None, last), Ok(()));
    assert_eq!(light.anchor().at, last);
    assert_eq!(light.follow(&first, None, late), Err(Disbelief::Old));
}

#[test]
fn members_change_by_one_and_no_height_that_changes_them_is_left_out() {
    let sets = [
        set(&[1, 2, 3, 4]),
        set(&[1, 2, 3, 4, 5]),
        set(&[2, 3, 4, 5]),
    ];
    let header = |height: u64, members: &MemberSet, next: &MemberSet| Header {
        chain: genesis().id(),
        height,
        time: Millis(height),
        parent: Hash([0; 32]),
        log: CompactRange::default().root(),
        state: Hash([0; 32]),
        members: members.hash(),
        next: next.hash(),
        version: VERSION,
    };
    let first = decided(header(1, &sets[0], &sets[1]), 0, &[1, 2, 3]);
    let second = decided(header(2, &sets[1], &sets[2]), 0, &[2, 3, 4, 5]);
    let third = decided(header(3, &sets[2], &sets[2]), 0, &[3, 4, 5]);
    let mut light = client();
    assert_eq!(
        light.follow(&second, Some(&sets[2]), NOW),
        Err(Disbelief::Members)
    );
    assert_eq!(light.follow(&first, None, NOW), Err(Disbelief::Next));
    assert_eq!(
        light.follow(&first, Some(&sets[2]), NOW),
        Err(Disbelief::Next)
    );
    light.follow(&first, Some(&sets[1]), NOW).unwrap();
    assert_eq!(light.follow(&third, None, NOW), Err(Disbelief::Members));
    light.follow(&second, Some(&sets[2]), NOW).unwrap();
    light.follow(&third, None, NOW).unwrap();
    // One takes another's place.
    let replaced = set(&[3, 4, 5, 6]);
    let fourth = decided(header(4, &sets[2], &replaced), 0, &[3, 4, 5]);
    let mut other = light.clone();
    other.follow(&fourth, Some(&replaced), NOW).unwrap();
    // Two leave at once.
    let pair = set(&[4, 5]);
    let fourth = decided(header(4, &sets[2], &pair), 0, &[3, 4, 5]);
    assert_eq!(
        light.follow(&fourth, Some(&pair), NOW),
        Err(Disbelief::Next)
    );
}

#[test]
fn what_is_in_the_log_and_the_state_is_believed_and_nothing_else() {
    let mut chain = Chain::new();
    for _ in 0..300 {
        chain.plain();
    }
    let head = chain.headers.last().unwrap().clone();
    let mut light = client();
    assert_eq!(
        light.extends(
            &head.log,
            &merkle::consistency(&chain.tiles, 300, 300).unwrap()
        ),
        Err(Disbelief::Nothing)
    );
    light
        .follow(&decided(head, 2, &[1, 3, 4]), None, NOW)
        .unwrap();
    let entry = &chain.entries[123];
    let proof = merkle::inclusion(&chain.tiles, 123, 300).unwrap();
    assert_eq!(light.includes(entry, &proof), Ok(()));
    assert_eq!(
        light.includes(&chain.entries[124], &proof),
        Err(Disbelief::Proof)
    );
    let earlier = chain.headers[99].log;
    let grown = merkle::consistency(&chain.tiles, 100, 300).unwrap();
    assert_eq!(light.extends(&earlier, &grown), Ok(()));
    let other = LogRoot {
        hash: Hash([1; 32]),
        ..earlier
    };
    assert_eq!(light.extends(&other, &grown), Err(Disbelief::Proof));
    let account = Key::Account(key(9).peer_id());
    let value = Value::Account(chain.state.account(&key(9).peer_id()));
    let shown = chain.state.prove(&account);
    assert_eq!(light.has(&account, Some(&value), &shown), Ok(()));
    assert_eq!(light.has(&account, None, &shown), Err(Disbelief::Proof));
    let nobody = Key::Account(key(77).peer_id());
    let absent = chain.state.prove(&nobody);
    assert_eq!(light.has(&nobody, None, &absent), Ok(()));
    assert_eq!(
        light.has(&nobody, Some(&value), &absent),
        Err(Disbelief::Proof)
    );
}

#[test]
fn two_decisions_of_one_round_name_who_signed_both_and_of_two_rounds_nobody() {
    let members = set(&[1, 2, 3, 4]);
    let mut chain = Chain::new();
    let header = chain.plain();
    let other = Header {
        state: Hash([1; 32]),
        ..header.clone()
    };
    let one = decided(header.clone(), 1, &[1, 2, 3]);
    let two = decided(other.clone(), 1, &[2, 3, 4]);
    let mut guilty = vec![key(2).peer_id(), key(3).peer_id()];
    guilty.sort_unstable();
    assert_eq!(fork(&one, &two, &members), Some(Fork::Guilty(guilty)));
    let later = decided(other.clone(), 2, &[2, 3, 4]);
    assert_eq!(fork(&one, &later, &members), Some(Fork::Frozen));
    assert_eq!(
        fork(&one, &decided(header, 3, &[1, 2, 4]), &members),
        None,
        "the same block"
    );
    assert_eq!(
        fork(&one, &decided(other, 1, &[3, 4]), &members),
        None,
        "not decided"
    );
    // Nobody is named who has not signed: one bad signature makes the whole no decision.
    let mut framed = two;
    let innocent = (key(1).peer_id(), [7; 64]);
    framed.certificate.signatures.push(innocent);
    framed
        .certificate
        .signatures
        .sort_unstable_by_key(|(by, _)| *by);
    assert_eq!(fork(&one, &framed, &members), None);
}
