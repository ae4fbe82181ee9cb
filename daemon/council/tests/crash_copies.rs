//! Members of a council are started again and again from copies of their files as crashes would leave them, taken at the
//! syncs of vote log and ledger (`real/disk.rs` says how): nothing acknowledged is lost, no key ever signs two things of
//! one place, and in the end all have one chain.
//!
//! Three worlds. **Alone**: nobody to fetch from, so that all must be on the one disk. **One of four**: it dies at the
//! moment of the copy, or goes on and its files are set back to it later, or it has lost all of them; the others live.
//! **Four at once**: nobody has anything but what was durable.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "real/disk.rs"]
mod disk;
#[path = "real/files.rs"]
mod files;
#[path = "real/network.rs"]
mod network;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use disk::{Crash, Disk, Loss};
use edgecoder_council::{Part, Place, Placed, verify};
use edgecoder_node_store::{Faults, LedgerLog, MemoryDisk, Moment};
use edgecoder_protocol::Hash;
use files::Image;
use network::{Member, Network, lock};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

/// What is synced. The vote log's own folder is only when the log is begun, with nothing there.
const POINTS: [&str; 6] = [
    "votes",
    "votes/votes-0",
    "ledger/db",
    "votes/votes-1",
    "ledger",
    "",
];
const KINDS: [(Moment, Loss); 3] = [
    (Moment::Before, Loss::Unsynced),
    (Moment::After, Loss::Unsynced),
    (Moment::Before, Loss::Nothing),
];
/// Bytes of the vote log at which it is begun anew: every twenty blocks or so.
const VOTES_MAX: u64 = 24 << 10;
/// By the tests' clock, in which nothing but waiting takes time.
const LONG: Duration = Duration::from_secs(600);

/// An entry whose place somebody was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Acknowledged {
    placed: Placed,
    block: Hash,
}

type Acks = Arc<Mutex<Vec<Acknowledged>>>;

/// A member that runs over files.
struct Life {
    member: Member,
    disk: Arc<Disk>,
    _folder: TempDir,
}

impl Life {
    async fn begin(
        network: &Arc<Network>,
        number: usize,
        image: &Image,
        crash: Option<Crash>,
        is_end: bool,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path(), image, crash, is_end);
        let place = Place::Folder(folder.path().to_path_buf());
        let is_dead = disk.is_dead.clone();
        let started = Member::start(network, number, place, disk.faults(), is_dead).await;
        Self {
            member: started.unwrap(),
            disk,
            _folder: folder,
        }
    }
}

/// Crashes at each kind of sync in turn, in each way.
fn crashes(count: usize, rng: &mut StdRng) -> Vec<Crash> {
    let crash = |number: usize| {
        let at = POINTS[number % POINTS.len()];
        let (moment, loss) = KINDS[(number / POINTS.len()) % KINDS.len()];
        let after = match at {
            "votes/votes-0" | "votes/votes-1" => rng.random_range(0..30),
            "ledger/db" => rng.random_range(0..4),
            "votes" => rng.random_range(0..2),
            _ => 0,
        };
        Crash {
            at,
            moment,
            loss,
            after,
            seed: rng.random(),
        }
    };
    (0..count).map(crash).collect()
}

/// Pays for as long as it may, some at a time, now and then with a pause in which the ledger is synced.
async fn work(members: &[&Member], acks: &Acks, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    loop {
        let mut paying = JoinSet::new();
        for member in members {
            for _ in 0..rng.random_range(1..5) {
                let (pay, acks) = (member.pay(), acks.clone());
                let (council, is_dead) = (member.council.clone(), member.is_dead.clone());
                paying.spawn(async move {
                    // What another life has spent already is refused.
                    let Ok(Ok(placed)) = timeout(Duration::from_secs(30), pay).await else {
                        return;
                    };
                    let block = network::block(&council, placed.height).unwrap();
                    let block = block.block.0.header.id();
                    if !network::is_set(&is_dead) {
                        lock(&acks).push(Acknowledged { placed, block });
                    }
                });
            }
        }
        while paying.join_next().await.is_some() {}
        let pause = [1, 1, 1, 300][rng.random_range(0..4)];
        sleep(Duration::from_millis(pause)).await;
    }
}

/// Works until the crash comes.
async fn until_crash(members: &[&Member], crashing: &Disk, acks: &Acks, what: &str, seed: u64) {
    let first = members[0];
    let working = async {
        first.fund().await;
        work(members, acks, seed).await;
    };
    tokio::select! {
        biased;
        () = crashing.crashed.notified() => {}
        () = working => {}
        () = sleep(LONG) => panic!("no such sync came: {what}"),
    }
}

/// The member has all that was ever acknowledged, where it was said to be. One that dies on the way says nothing.
async fn assert_all_there(member: &Member, acks: &Acks, what: &str) {
    let acks = lock(acks).clone();
    let highest = acks.iter().map(|ack| ack.placed.height).max().unwrap_or(0);
    let reaches = member.reaches(highest).await;
    if member.is_dead() {
        return;
    }
    let view = member.council.view();
    let (part, height) = (&view.part, view.chain.height());
    assert!(reaches, "{what}: {height} of {highest}, {part:?}");
    assert!(view.mended.is_empty(), "{what}: {:?}", view.mended);
    assert!(view.guilty.is_empty(), "{what}: {:?}", view.guilty);
    for ack in acks {
        let placed = ack.placed;
        let block = member.block(placed.height).unwrap();
        assert_eq!(block.block.0.header.id(), ack.block, "{what}: {placed:?}");
        let leaf = member.leaf(placed.height, placed.index);
        assert_eq!(leaf, Some(placed.leaf), "{what}");
    }
}

/// All have one chain, which holds, and all vote.
async fn assert_equal(network: &Network, members: &[&Member], acks: &Acks) {
    for member in members {
        // Whoever was set back waits for a height to pass; what it said in an earlier life may come first.
        let twice = async {
            let mut paid = 0;
            while paid < 2 {
                paid += u32::from(member.pay().await.is_ok());
            }
        };
        timeout(LONG, twice).await.unwrap();
    }
    // What was said before and not waited for is decided, too, and then nothing more.
    let heights = || {
        let views = members.iter().map(|one| one.council.view());
        views.map(|view| view.chain.height()).collect::<Vec<_>>()
    };
    let settled = async {
        let mut before = Vec::new();
        while before != heights() || before.iter().any(|height| *height != before[0]) {
            before = heights();
            sleep(Duration::from_secs(5)).await;
        }
        before[0]
    };
    let highest = timeout(LONG, settled).await.unwrap();
    let mut heads = Vec::new();
    for member in members {
        assert_all_there(member, acks, "in the end").await;
        let view = member.council.view();
        assert_eq!(view.part, Part::Member);
        let (head, state) = (view.chain.head_id(), view.chain.state().root());
        heads.push((head, state));
        let verified = verify(member.council.ledger(), &network.genesis, highest);
        assert_eq!(
            (verified.problem, verified.blocks, verified.state),
            (None, highest, state)
        );
    }
    assert!(heads.windows(2).all(|pair| pair[0] == pair[1]), "{heads:?}");
    network.assert_nobody_said_two_things();
}

/// A member that nobody can help.
async fn alone(count: usize, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut network = Network::new(1, VOTES_MAX);
    let acks = Acks::default();
    let mut image = Image::new();
    let mut acknowledged = 0;
    for crash in crashes(count, &mut rng) {
        let what = format!("seed {seed}, alone: {crash:?}");
        if crash.at == "votes" {
            // Only what is not there yet is made: another network begins.
            network = Network::new(1, VOTES_MAX);
            image.clear();
            acknowledged += lock(&acks).drain(..).count();
        }
        let life = Life::begin(&network, 0, &image, Some(crash), true).await;
        assert_all_there(&life.member, &acks, &what).await;
        until_crash(&[&life.member], &life.disk, &acks, &what, rng.random()).await;
        image = life.disk.left().unwrap();
        life.member.end().await;
    }
    let life = Life::begin(&network, 0, &image, None, true).await;
    life.member.fund().await;
    assert_equal(&network, &[&life.member], &acks).await;
    acknowledged += lock(&acks).len();
    println!("alone: {count} restarts, {acknowledged} acknowledged");
    assert!(acknowledged > count, "too little to show anything");
    life.member.stop().await;
}

/// A member whose files are lost or set back while three others go on.
async fn one_of_four(count: usize, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let network = Network::new(4, VOTES_MAX);
    let acks = Acks::default();
    let mut others = Vec::new();
    for number in 1..4 {
        let place = Place::Memory(MemoryDisk::default(), LedgerLog::memory());
        let faults = Faults::default();
        let started = Member::start(&network, number, place, faults, Arc::default());
        others.push(started.await.unwrap());
    }
    let mut image = Image::new();
    let mut set_back = 0;
    for crash in crashes(count, &mut rng) {
        // Where it is begun anew it has lost everything that it had.
        if crash.at == "votes" {
            image.clear();
        }
        let is_end = rng.random_range(0..3) != 0;
        set_back += usize::from(!is_end);
        let what = format!("seed {seed}, one of four, at its end {is_end}: {crash:?}");
        let life = Life::begin(&network, 0, &image, Some(crash), is_end).await;
        assert_all_there(&life.member, &acks, &what).await;
        let members: Vec<_> = others.iter().chain([&life.member]).collect();
        let seed = rng.random();
        until_crash(&members, &life.disk, &acks, &what, seed).await;
        if !is_end {
            // Mostly so long that it has said more of a height that is not decided when it is back.
            let more = rng.random_range(100..2_000) * [1, 1, 1, 20][rng.random_range(0..4)];
            let more = Duration::from_micros(more);
            timeout(more, work(&members, &acks, seed)).await.ok();
        }
        image = life.disk.left().unwrap();
        life.member.end().await;
    }
    let life = Life::begin(&network, 0, &image, None, true).await;
    let members: Vec<_> = others.iter().chain([&life.member]).collect();
    assert_equal(&network, &members, &acks).await;
    let (acknowledged, words) = (lock(&acks).len(), network.assert_nobody_said_two_things());
    println!(
        "one of four: {count} restarts, {set_back} of them set back, {acknowledged} acknowledged, {words} words heard"
    );
    assert!(acknowledged > count, "too little to show anything");
    life.member.stop().await;
    for other in others {
        other.stop().await;
    }
}

/// A power cut of all members.
async fn four_at_once(count: usize, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let network = Network::new(4, VOTES_MAX);
    let acks = Acks::default();
    let mut images = vec![Image::new(); 4];
    let points = crashes(2 * count, &mut rng).into_iter();
    let points = points.filter(|crash| crash.at != "votes").take(count);
    for (number, crash) in points.enumerate() {
        let first = number % 4;
        let what = format!("seed {seed}, four at once, first {first}: {crash:?}");
        let mut lives = Vec::new();
        for (at, image) in images.iter().enumerate() {
            let crash = (at == first).then(|| crash.clone());
            lives.push(Life::begin(&network, at, image, crash, true).await);
        }
        let members: Vec<_> = lives.iter().map(|life| &life.member).collect();
        if lives[first].disk.left().is_none() {
            for member in &members {
                assert_all_there(member, &acks, &what).await;
            }
        }
        let seed = rng.random();
        until_crash(&members, &lives[first].disk, &acks, &what, seed).await;
        for (at, life) in lives.iter().enumerate() {
            images[at] = match life.disk.left() {
                Some(left) => left,
                None => life.disk.cut(rng.random()),
            };
        }
        for life in lives {
            life.member.end().await;
        }
    }
    let mut lives = Vec::new();
    for (at, image) in images.iter().enumerate() {
        lives.push(Life::begin(&network, at, image, None, true).await);
    }
    let members: Vec<_> = lives.iter().map(|life| &life.member).collect();
    members[0].fund().await;
    assert_equal(&network, &members, &acks).await;
    let (acknowledged, words) = (lock(&acks).len(), network.assert_nobody_said_two_things());
    println!("four at once: {count} power cuts, {acknowledged} acknowledged, {words} words heard");
    assert!(acknowledged > count, "too little to show anything");
    for life in lives {
        life.member.stop().await;
    }
}

/// Every point and kind that `count` crashes have, each once.
fn kinds(count: usize) -> usize {
    let all = crashes(count, &mut StdRng::seed_from_u64(0));
    let kinds = all
        .iter()
        .map(|one| (one.at, one.moment == Moment::Before, one.loss));
    kinds.collect::<BTreeSet<_>>().len()
}

#[tokio::test(start_paused = true)]
async fn a_dozen_crashes_at_syncs_lose_nothing_and_nobody_signs_twice() {
    alone(6, 1).await;
    one_of_four(4, 2).await;
    four_at_once(2, 3).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "acceptance: crash-copies"]
async fn crash_copies_of_a_hundred_syncs_lose_nothing_and_nobody_signs_twice() {
    assert_eq!(kinds(36), POINTS.len() * KINDS.len());
    for seed in 0..2 {
        alone(36, 10 + seed).await;
        one_of_four(36, 20 + seed).await;
        four_at_once(16, 30 + seed).await;
    }
}
