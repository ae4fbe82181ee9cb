//! Which block may come next, what is taken into one, and where there is no more room.

use super::*;
use crate::{
    canonical,
    ids::PeerId,
    key::NodeKey,
    ledger::{
        decree::{Approved, Decree, Order},
        entry::Body,
    },
    units::Credits,
};

const FOUNDED: Millis = Millis(1_000);
const EXPIRES: Millis = Millis(60_000);
/// Entries of this size leave [`REST`] of a block.
const LARGE: usize = 6_400;
const REST: usize = ENTRIES_BYTES_MAX % LARGE;

fn key(number: u8) -> NodeKey {
    NodeKey::from_seed(&mut [number; 32])
}

fn genesis() -> Genesis {
    Genesis {
        name: "lab".into(),
        operators: vec![key(200).peer_id()],
        members: MemberSet::one(key(1).peer_id()),
        founded: FOUNDED,
        salt: [0; 16],
    }
}

fn entry(by: u8, nonce: u64, body: Body) -> Checked<Entry> {
    let entry = Entry {
        chain: genesis().id(),
        nonce,
        expires: EXPIRES,
        body,
    };
    Checked::new(entry, &key(by))
}

fn approved(version: u64, order: Order) -> Approved {
    let decree = Decree {
        chain: genesis().id(),
        version,
        expires: EXPIRES,
        order,
    };
    let approvals = vec![decree.approve(&key(200))];
    Approved { decree, approvals }
}

/// The operator gives itself credits.
fn issued(nonce: u64, before: u64) -> Checked<Entry> {
    let to = key(200).peer_id();
    let amount = Credits(10_000);
    let decree = approved(before, Order::Issue { to, amount });
    entry(200, nonce, Body::Decree(decree))
}

/// The operator pays somebody.
fn paid(nonce: u64) -> Checked<Entry> {
    let to = key(9).peer_id();
    let amount = Credits(1);
    entry(200, nonce, Body::Transfer { to, amount })
}

/// An entry of the operator of exactly so many bytes: a policy of its own name, and approvals that count for nothing.
fn sized(nonce: u64, size: usize) -> Checked<Entry> {
    let make = |digits: usize, approvals: usize| {
        let policy = Order::Policy {
            name: format!("{nonce:0digits$}"),
            document: Hash([1; 32]),
        };
        let junk = (0..approvals as u8).map(|number| (PeerId([number; 32]), [0; 64]));
        let decree = junk.fold(approved(0, policy), Approved::with);
        entry(200, nonce, Body::Decree(decree))
    };
    let more = size - make(4, 0).signed().size();
    let made = make(4 + more % 96, more / 96);
    assert_eq!(made.signed().size(), size);
    made
}

/// Whole large entries, as many as a block has room for.
fn large() -> Vec<Checked<Entry>> {
    let count = (ENTRIES_BYTES_MAX / LARGE) as u64;
    (0..count).map(|nonce| sized(nonce, LARGE)).collect()
}

fn built(chain: &Chain, time: u64, entries: &[Checked<Entry>]) -> Executed {
    chain.build(Millis(time), entries).block.unwrap()
}

/// A chain with a block at 2,000 in which the operator got credits.
fn begun() -> Chain {
    let mut chain = Chain::new(&genesis());
    let first = built(&chain, 2_000, &[issued(0, 0)]);
    chain.commit(&first).unwrap();
    chain
}

fn check(chain: &Chain, block: Block) -> Result<Executed, BadBlock> {
    chain.check(Arc::new(block), |_| false)
}

#[test]
fn a_block_that_was_built_is_one_that_may_come_next() {
    let mut chain = Chain::new(&genesis());
    assert_eq!((chain.height(), chain.time()), (0, FOUNDED));
    assert_eq!(chain.head_id(), first_parent(genesis().id()));
    let before = chain.state().root();
    for (number, time) in [(0, 1_001), (1, 1_002)] {
        let made = built(&chain, time, &[issued(number, 10_000 * number)]);
        let found = check(&chain, (*made.block).clone()).unwrap();
        assert_eq!(found.id, made.id);
        assert_eq!(found.leaves, made.leaves);
        assert_eq!(found.state().root(), made.state().root());
        chain.commit(&found).unwrap();
        assert_eq!(chain.head(), Some(&made.block.header));
        let now = (chain.height(), chain.time(), chain.size());
        assert_eq!(now, (number + 1, Millis(time), number + 1));
    }
    assert_ne!(chain.state().root(), before);
    assert_eq!(chain.deciders(), Some(&genesis().members));
}

#[test]
fn a_block_with_one_thing_wrong_cannot_come_next() {
    type Change = fn(&mut Block);
    let rows: [(Change, BadBlock); 15] = [
        (|one| one.header.chain.0[0] ^= 1, BadBlock::Foreign),
        (|one| one.header.version += 1, BadBlock::Foreign),
        (
            |one| one.header.height = 3,
            BadBlock::Height {
                found: 3,
                expected: 2,
            },
        ),
        (|one| one.header.parent.0[0] ^= 1, BadBlock::Parent),
        (|one| one.header.time = Millis(2_000), BadBlock::Time),
        (|one| one.entries.clear(), BadBlock::Size),
        (|one| one.header.members.0[0] ^= 1, BadBlock::Members),
        (|one| one.header.next.0[0] ^= 1, BadBlock::Members),
        (|one| one.header.log.hash.0[0] ^= 1, BadBlock::Log),
        (|one| one.header.log.size += 1, BadBlock::Log),
        (|one| one.header.state.0[0] ^= 1, BadBlock::State),
        // The last left out, and then the log is another before the state is.
        (|one| one.entries.truncate(1), BadBlock::Log),
        (
            |one| one.entries[1] = forged(&one.entries[1]),
            BadBlock::Signature { index: 1 },
        ),
        (
            |one| one.entries.swap(0, 1),
            BadBlock::Entry {
                index: 0,
                why: Refused::Nonce {
                    found: 2,
                    expected: 1,
                },
            },
        ),
        // It is in time for its entries no more.
        (
            |one| one.header.time = Millis(EXPIRES.0 + 1),
            BadBlock::Entry {
                index: 0,
                why: Refused::Expired,
            },
        ),
    ];
    let chain = begun();
    let good = (*built(&chain, 3_000, &[paid(1), paid(2)]).block).clone();
    assert!(check(&chain, good.clone()).is_ok());
    for (change, bad) in rows {
        let mut block = good.clone();
        change(&mut block);
        assert_eq!(check(&chain, block).unwrap_err(), bad);
    }
}

/// With another signature.
fn forged(entry: &Signed<Entry>) -> Signed<Entry> {
    let mut bytes = entry.to_bytes();
    bytes[7] ^= 1;
    Signed::from_bytes(&bytes).unwrap()
}

#[test]
fn the_first_block_is_later_than_the_founding() {
    let chain = Chain::new(&genesis());
    let at = |time| {
        check(
            &chain,
            (*built(&chain, time, &[issued(0, 0)]).block).clone(),
        )
    };
    assert_eq!(at(FOUNDED.0).unwrap_err(), BadBlock::Time);
    assert!(at(FOUNDED.0 + 1).is_ok());
}

#[test]
fn a_signature_that_was_checked_before_is_not_checked_again() {
    let chain = begun();
    let mut block = (*built(&chain, 3_000, &[paid(1), paid(2)]).block).clone();
    block.entries[1] = forged(&block.entries[1]);
    let known = merkle::leaf(&block.entries[1].to_bytes());
    // It goes on to the log, which has another leaf.
    let found = chain.check(Arc::new(block), |leaf| *leaf == known);
    assert_eq!(found.unwrap_err(), BadBlock::Log);
}

#[test]
fn what_counts_for_nothing_is_left_out_of_a_block_and_said() {
    let chain = begun();
    let early = paid(7);
    let candidates = [early.clone(), paid(1), paid(1), paid(2)];
    let made = chain.build(Millis(3_000), &candidates);
    let nonce = |found, expected| Refused::Nonce { found, expected };
    assert_eq!(made.refused, [(0, nonce(7, 1)), (2, nonce(1, 2))]);
    let block = made.block.unwrap();
    let taken = [paid(1), paid(2)].map(|one| one.signed().clone());
    assert_eq!(block.block.entries, taken);
    let nothing = chain.build(Millis(3_000), [&early]);
    assert!(nothing.block.is_none());
    assert_eq!(nothing.refused, [(0, nonce(7, 1))]);
    assert_eq!(chain.would_count(&early, Millis(3_000)), Err(nonce(7, 1)));
    assert_eq!(chain.would_count(&paid(1), Millis(3_000)), Ok(()));
}

#[test]
fn a_block_has_so_many_entries_and_no_more() {
    let chain = begun();
    let entries: Vec<_> = (0..=ENTRIES_MAX as u64)
        .map(|number| paid(number + 1))
        .collect();
    let made = chain.build(Millis(3_000), &entries);
    assert_eq!(made.refused, [], "there was no room");
    let full = made.block.unwrap();
    assert_eq!(full.block.entries.len(), ENTRIES_MAX);
    assert!(check(&chain, (*full.block).clone()).is_ok());
    let last = &entries[ENTRIES_MAX];
    assert!(!full.leaves_out(last));
    let mut more = (*full.block).clone();
    more.entries.push(last.signed().clone());
    assert_eq!(check(&chain, more).unwrap_err(), BadBlock::Size);
}

#[test]
fn a_blocks_entries_have_so_many_bytes_and_no_more() {
    let chain = Chain::new(&genesis());
    let mut entries = large();
    let nonce = entries.len() as u64;
    entries.push(sized(nonce, REST));
    let full = built(&chain, 2_000, &entries);
    let bytes: usize = full.block.entries.iter().map(Signed::size).sum();
    assert_eq!(bytes, ENTRIES_BYTES_MAX);
    assert!(check(&chain, (*full.block).clone()).is_ok());
    let encoded = canonical::encode(&*full.block);
    assert_eq!(
        canonical::decode::<Block>(&encoded).as_ref(),
        Ok(&*full.block)
    );
    entries[nonce as usize] = sized(nonce, REST + 1);
    let made = chain.build(Millis(2_000), &entries);
    assert_eq!(made.refused, []);
    let most = made.block.unwrap();
    assert_eq!(most.block.entries.len(), nonce as usize);
    let mut more = (*most.block).clone();
    more.entries.push(entries[nonce as usize].signed().clone());
    assert!(canonical::decode::<Block>(&canonical::encode(&more)).is_err());
    assert_eq!(check(&chain, more).unwrap_err(), BadBlock::Size);
}

#[test]
fn what_a_block_leaves_out_would_have_counted_and_had_room() {
    let chain = Chain::new(&genesis());
    let entries = large();
    let nonce = entries.len() as u64;
    let block = built(&chain, 2_000, &entries);
    assert!(block.leaves_out(&sized(nonce, REST)));
    assert!(!block.leaves_out(&sized(nonce, REST + 1)), "no room");
    assert!(!block.leaves_out(&sized(nonce + 1, REST)), "not yet");
    assert!(!block.leaves_out(&sized(0, REST)), "taken in");
}

#[test]
fn a_block_is_committed_on_the_head_that_it_was_executed_on() {
    let mut chain = begun();
    let one = built(&chain, 3_000, &[paid(1)]);
    let other = built(&chain, 3_001, &[paid(1)]);
    chain.commit(&one).unwrap();
    let before = (chain.head_id(), chain.state().root(), chain.size());
    for late in [&other, &one] {
        assert_eq!(chain.commit(late), Err(BadBlock::Parent));
        let after = (chain.head_id(), chain.state().root(), chain.size());
        assert_eq!(after, before);
    }
    let ahead = built(&chain, 4_000, &[paid(2)]);
    assert_eq!(begun().commit(&ahead), Err(BadBlock::Parent));
    chain.commit(&ahead).unwrap();
}

/// A chain of some blocks, with the edge of its log.
fn grown() -> (Chain, Executed, TileWriter) {
    let mut chain = Chain::new(&genesis());
    let mut tiles = TileWriter::default();
    let mut last = None;
    for nonce in 0..5 {
        let entry = match nonce {
            0 => issued(0, 0),
            nonce => paid(nonce),
        };
        let time = Millis(FOUNDED.0 + 1 + nonce);
        let block = chain.build(time, [&entry]).block.unwrap();
        block.leaves.iter().for_each(|leaf| tiles.push(*leaf));
        tiles.changed();
        chain.commit(&block).unwrap();
        last = Some(block);
    }
    (chain, last.unwrap(), tiles)
}

#[test]
fn a_chain_goes_on_from_a_snapshot_as_if_it_had_all_blocks() {
    let (mut whole, last, tiles) = grown();
    let snapshot = last.snapshot(tiles);
    let bytes = canonical::encode(&snapshot);
    let read: Snapshot = canonical::decode(&bytes).unwrap();
    assert_eq!(read, snapshot);
    let mut resumed = Chain::resume(&genesis(), &read).unwrap();
    assert_eq!(resumed.head_id(), whole.head_id());
    assert_eq!(resumed.size(), whole.size());
    assert_eq!(resumed.state().root(), whole.state().root());
    let next = whole.build(Millis(5_000), [&paid(5)]).block.unwrap();
    let same = resumed.check(next.block.clone(), |_| false).unwrap();
    whole.commit(&next).unwrap();
    resumed.commit(&same).unwrap();
    assert_eq!(resumed.state().root(), whole.state().root());
}

#[test]
fn no_changed_snapshot_is_gone_on_from() {
    let (chain, last, tiles) = grown();
    let bytes = canonical::encode(&last.snapshot(tiles));
    for bit in 0..8 * bytes.len() {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let read = canonical::decode::<Snapshot>(&changed);
        let resumed = read.ok().and_then(|one| Chain::resume(&genesis(), &one));
        // Of the header alone a checkpoint says more: parent, height and time are no matter of the state.
        let same = resumed.filter(|one| one.head() == chain.head());
        assert!(same.is_none(), "bit {bit}");
    }
    let other = Genesis {
        salt: [1; 16],
        ..genesis()
    };
    let read = canonical::decode::<Snapshot>(&bytes).unwrap();
    assert!(Chain::resume(&other, &read).is_none());
}
