//! Ends of epochs: a node goes on from its last snapshot, drops what it need not keep, and takes the state over from
//! others where what it missed is gone everywhere.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "real/files.rs"]
mod files;
#[path = "real/network.rs"]
mod network;

use std::{path::Path, sync::Arc};

use edgecoder_council::{
    Keeping, Machine, Output, Part, Place, StartError, VOTES_MAX, engine::Malachite, show_entry,
    show_state, verify, verify_files,
};
use edgecoder_node_store::{Faults, LedgerLog};
use edgecoder_protocol::{
    Credits, PeerId,
    ledger::{
        chain::Chain,
        entry::Body,
        light::{Anchor, LightClient},
        state::Key,
    },
};
use network::{Member, Network};

const PRUNED: Keeping = Keeping {
    epoch: 8,
    prunes: true,
};

async fn start(network: &Arc<Network>, number: usize, folder: &Path) -> Member {
    let place = Place::Folder(folder.join(number.to_string()));
    let started = Member::start(network, number, place, Faults::default(), Arc::default());
    started.await.unwrap()
}

/// Pays until the ledger is so high, and waits until all of these are there.
async fn grow(members: &[Member], height: u64) {
    while members[0].council.view().chain.height() < height {
        members[0].pay().await.unwrap();
    }
    for member in members {
        assert!(member.reaches(height).await);
    }
}

/// Until what is done at an epoch's end, beside all else, has been.
async fn pruned(member: &Member, first: u64) {
    while member.council.ledger().first() < first {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_member_that_missed_what_all_others_pruned_takes_the_state_over_and_votes() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::keeping(4, VOTES_MAX, PRUNED);
    let mut members = Vec::new();
    for number in 0..3 {
        members.push(start(&network, number, folder.path()).await);
    }
    members[0].fund().await;
    grow(&members, 40).await;
    for member in &members {
        pruned(member, 25).await;
        assert_eq!(member.block(24), None);
    }
    let late = start(&network, 3, folder.path()).await;
    assert!(late.reaches(40).await);
    let height = members[0].council.view().chain.height();
    assert!(late.reaches(height).await);
    let (own, others) = (late.council.view().chain, members[0].council.view().chain);
    assert_eq!(own.state().root(), others.state().root());
    assert_eq!(own.head_id(), others.head_id());
    // It has no checkpoint of most heights, and shows what there is all the same.
    let ledger = late.council.ledger();
    assert_eq!(ledger.head(3).unwrap(), None);
    let report = verify(ledger, &network.genesis, height);
    assert_eq!((report.problem, report.blocks), (None, height));
    let mut client = LightClient::new(Anchor::of_genesis(&network.genesis));
    let shown = show_state(ledger, &own, &Key::Supply).unwrap();
    shown.check(&mut client, network.now()).unwrap();
    // Three of four decide only with it.
    members.pop().unwrap().end().await;
    members.push(late);
    grow(&members, height + 20).await;
    assert_eq!(members[2].council.view().part, Part::Member);
    network.assert_nobody_said_two_things();
    // And over its files it goes on as before.
    let late = members.pop().unwrap();
    let before = late.council.view().chain;
    late.stop().await;
    let copy = folder.path().join("3");
    let report = verify_files(&copy, &network.genesis).unwrap();
    assert_eq!(report.problem, None);
    let late = start(&network, 3, folder.path()).await;
    let view = late.council.view();
    assert_eq!(view.chain.head_id(), before.head_id());
    assert!(view.mended.is_empty(), "{:?}", view.mended);
    members.push(late);
    grow(&members, height + 30).await;
    for member in members {
        member.stop().await;
    }
    network.assert_nobody_said_two_things();
}

#[tokio::test]
async fn what_was_pruned_is_not_shown_and_said_so_and_the_rest_is() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::keeping(1, VOTES_MAX, PRUNED);
    let members = [start(&network, 0, folder.path()).await];
    members[0].fund().await;
    grow(&members, 40).await;
    pruned(&members[0], 33).await;
    let (ledger, chain) = (members[0].council.ledger(), members[0].council.view().chain);
    let first = ledger.first();
    let size = chain.size();
    let report = verify(ledger, &network.genesis, chain.height());
    assert_eq!((report.problem, report.entries), (None, size));
    let refused = show_entry(ledger, &chain, 0).unwrap_err();
    assert!(refused.contains("pruned"), "{refused}");
    let mut shown = 0;
    for index in 0..size {
        let Ok(file) = show_entry(ledger, &chain, index) else {
            continue;
        };
        let mut client = LightClient::new(Anchor::of_genesis(&network.genesis));
        file.check(&mut client, network.now()).unwrap();
        shown += 1;
    }
    let kept = (first..=chain.height()).map(|height| {
        let block = members[0].block(height).unwrap().block.0;
        block.entries.len() as u64
    });
    assert_eq!(shown, kept.sum::<u64>(), "all that is left");
    let [member] = members;
    member.stop().await;
    // Without the last epoch it begins with the one before, and without both it says what is the matter.
    for (left, first) in [(1, None), (0, Some("set aside"))] {
        let path = folder.path().join("0/ledger");
        let log = LedgerLog::open(&path, &Faults::default()).unwrap().log;
        let newest = match left {
            1 => chain.height() / 8 % 2,
            _ => 1 - chain.height() / 8 % 2,
        };
        log.put_note(&format!("snapshot/{newest}/height"), &[])
            .unwrap();
        log.sync().unwrap();
        drop(log);
        let member = start(&network, 0, folder.path()).await;
        let view = member.council.view();
        match first {
            None => assert_eq!(view.chain.head_id(), chain.head_id()),
            Some(words) => {
                assert_eq!(view.chain.height(), 0);
                assert!(view.mended.iter().any(|one| one.contains(words)));
            }
        }
        member.stop().await;
    }
}

#[test]
fn a_state_is_taken_over_only_when_nobody_has_the_blocks_and_an_honest_member_says_so() {
    let network = Network::keeping(4, VOTES_MAX, PRUNED);
    let follower = network::key(99);
    let chain = Chain::new(&network.genesis);
    let engine = Malachite::new(Arc::new(network::key(99)), chain.id());
    let me = follower.peer_id();
    let mut machine = Machine::new(me, chain, 0, engine, Vec::new(), true);
    let peers: Vec<PeerId> = network.keys.iter().map(|key| key.peer_id()).collect();
    let asked = |machine: &mut Machine<Malachite>| {
        let outputs = std::iter::from_fn(|| machine.poll());
        let asks = outputs.filter_map(|output| match output {
            Output::Fetch(peer, _) => Some((peer, false)),
            Output::Join(peer, _) => Some((peer, true)),
            _ => None,
        });
        asks.collect::<Vec<_>>()
    };
    machine.begin(network.now());
    machine.is_at(peers[0], 100);
    assert_eq!(asked(&mut machine), [(peers[0], false)]);
    machine.is_at(peers[1], 90);
    machine.is_pruned(peers[0], 64);
    assert_eq!(
        asked(&mut machine),
        [(peers[1], false)],
        "another may have them"
    );
    machine.fetched(network.now(), peers[1], Vec::new());
    assert_eq!(asked(&mut machine), [], "one member may lie");
    machine.is_at(peers[2], 95);
    assert_eq!(asked(&mut machine), [(peers[2], false)]);
    machine.is_pruned(peers[2], 72);
    assert_eq!(asked(&mut machine), [(peers[2], true)]);
    // What does not come, or is not believed, is asked of another, and blocks of whoever has some.
    machine.not_joined(peers[2]);
    assert_eq!(asked(&mut machine), []);
    machine.is_at(peers[3], 99);
    assert_eq!(asked(&mut machine), [(peers[3], false)]);
}

#[tokio::test]
async fn a_ledger_that_is_not_the_invites_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::keeping(1, VOTES_MAX, PRUNED);
    let member = start(&network, 0, folder.path()).await;
    member.fund().await;
    member.pay().await.unwrap();
    let chain = member.council.view().chain;
    member.stop().await;
    let anchor = Anchor {
        head: chain.head().cloned(),
        ..Anchor::of_genesis(&network.genesis)
    };
    *network::lock(&network.anchor) = Some(anchor.clone());
    start(&network, 0, folder.path()).await.stop().await;
    let mut other = anchor;
    if let Some(head) = &mut other.head {
        head.state.0[0] ^= 1;
    }
    *network::lock(&network.anchor) = Some(other);
    let place = Place::Folder(folder.path().join("0"));
    let refused = Member::start(&network, 0, place, Faults::default(), Arc::default()).await;
    assert!(matches!(refused.err(), Some(StartError::Foreign(_))));
}

#[tokio::test]
async fn a_block_of_one_who_decides_alone_is_seen_by_nobody_before_a_crash_cannot_take_it() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::keeping(1, VOTES_MAX, PRUNED);
    let member = start(&network, 0, &folder.path().join("live")).await;
    member.fund().await;
    for round in 0..5 {
        let before = member.council.view().chain.height();
        let to = network::key(250).peer_id();
        let amount = Credits(1);
        // Nobody waits for its place: what is durable then is not for anybody's sake.
        let body = Body::Transfer { to, amount };
        member.council.enter(body).await.unwrap();
        assert!(member.reaches(before + 1).await);
        // As `kill -9` leaves it: what the files have now.
        let copy = folder.path().join(round.to_string());
        files::write(&copy.join("0"), &files::all(&folder.path().join("live/0")));
        let seen = member.block(before + 1).unwrap().block.0.header.id();
        let alone = Network::keeping(1, VOTES_MAX, PRUNED);
        let again = start(&alone, 0, &copy).await;
        assert!(again.reaches(before + 1).await, "round {round}");
        let found = again.block(before + 1).unwrap().block.0.header.id();
        assert_eq!(found, seen, "round {round}");
        again.stop().await;
    }
    member.stop().await;
}
