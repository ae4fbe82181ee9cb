//! One bit of a member's files is changed, a thousand times over: what `edgecoder ledger verify` calls finds it, or what
//! is read back is as it was; and the member that is started over such files mends them, and says so.
//!
//! One thing is neither found nor without effect, and counted apart: a bit of the vote log's **last write**. It looks as
//! a write that a crash has cut short, which is no damage; what was signed in it the other members hold, and the member
//! asks them before it signs again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "real/files.rs"]
mod files;
#[path = "real/network.rs"]
mod network;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use edgecoder_council::{Part, Place, verify_files};
use edgecoder_node_store::{Faults, Journal, LedgerLog, MemoryDisk, Moment, StoredBlock, TileKey};
use files::Image;
use network::{Member, Network, lock};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use tokio::{task::JoinSet, time::timeout};

/// Bytes of the vote log at which it is begun anew, so that both of its files have been used.
const SHORT: u64 = 48 << 10;
/// As in a node: it has all blocks of a short chain.
const LONG: u64 = edgecoder_council::VOTES_MAX;
/// Files that are hit, and how often of ten times: the others are what sled keeps beside its database.
const DATABASE: usize = 5;
const VOTES: usize = 3;
const TIP: usize = 1;

/// Everything that is read back of a member's files.
#[derive(Debug, PartialEq, Eq)]
struct Content {
    blocks: Vec<Option<StoredBlock>>,
    tiles: Vec<Option<Vec<u8>>>,
    votes: Vec<Vec<u8>>,
    tip: Option<Vec<u8>>,
}

fn content(folder: &Path) -> Content {
    let tip = fs::read(folder.join("tip")).ok();
    let log = LedgerLog::open(&folder.join("ledger"), &Faults::default())
        .unwrap()
        .log;
    let (_, replay) = Journal::open(&folder.join("votes"), &Faults::default()).unwrap();
    let keys = (0..4).flat_map(|level| (0..12).map(move |index| TileKey { level, index }));
    Content {
        blocks: (1..=log.tip() + 1)
            .map(|height| log.block(height).unwrap())
            .collect(),
        tiles: keys.map(|key| log.tile(key).unwrap()).collect(),
        votes: replay.records,
        tip,
    }
}

/// A member's files after an orderly end, and the network that wrote them, in which the others live on.
struct Written {
    network: Arc<Network>,
    others: Vec<Member>,
    files: Image,
    content: Content,
    /// Where the vote log's last write begins, and in which file.
    last: (PathBuf, usize),
}

fn live(bytes: &[u8]) -> usize {
    let last = bytes.iter().rposition(|byte| *byte != 0);
    last.map_or(0, |last| last + 1)
}

impl Written {
    async fn new(members: u8, blocks: u64, votes_max: u64) -> Self {
        let network = Network::new(members, votes_max);
        let mut others = Vec::new();
        for number in 1..usize::from(members) {
            let place = Place::Memory(MemoryDisk::default(), LedgerLog::memory());
            let faults = Faults::default();
            let started = Member::start(&network, number, place, faults, Arc::default());
            others.push(started.await.unwrap());
        }
        let folder = tempfile::tempdir().unwrap();
        // How far each write to the vote log had come.
        let ends: Arc<Mutex<Vec<(PathBuf, usize)>>> = Arc::default();
        let (told, root) = (ends.clone(), folder.path().to_path_buf());
        let faults = Faults::watched(move |path, moment| {
            let name = path.strip_prefix(&root).unwrap();
            if moment == Moment::After && name.starts_with("votes/") && path.is_file() {
                let end = live(&fs::read(path).unwrap());
                lock(&told).push((name.to_path_buf(), end));
            }
        });
        let place = Place::Folder(folder.path().to_path_buf());
        let started = Member::start(&network, 0, place, faults, Arc::default());
        let member = started.await.unwrap();
        member.fund().await;
        let mut burst = 1;
        while member.council.view().chain.height() < blocks {
            burst = burst % 3 + 1;
            let paying: JoinSet<_> = (0..burst).map(|_| member.pay()).collect();
            for paid in paying.join_all().await {
                paid.unwrap();
            }
        }
        member.stop().await;
        let files = files::all(folder.path());
        let ends = lock(&ends).clone();
        let (live_file, _) = ends.last().unwrap().clone();
        let mut before = ends.iter().rev().skip(1);
        let before = before.find(|(file, _)| *file == live_file).unwrap().1;
        Self {
            content: content(folder.path()),
            last: (live_file, before),
            network,
            others,
            files,
        }
    }

    /// A file and a bit of what is used of it.
    fn choose(&self, rng: &mut StdRng) -> (PathBuf, usize) {
        let is_of = |kind: usize, path: &Path| match kind {
            kind if kind < DATABASE => path == Path::new("ledger/db"),
            kind if kind < DATABASE + VOTES => path.starts_with("votes"),
            kind if kind < DATABASE + VOTES + TIP => path == Path::new("tip"),
            _ => path.starts_with("ledger") && path != Path::new("ledger/db"),
        };
        let kind = rng.random_range(0..10);
        let files: Vec<_> = self.files.iter().collect();
        let files: Vec<_> = files.iter().filter(|file| is_of(kind, file.0)).collect();
        let (path, bytes) = files[rng.random_range(0..files.len())];
        let bit = rng.random_range(0..8 * live(bytes));
        ((*path).clone(), bit)
    }

    /// The files with one bit changed.
    fn flipped(&self, path: &Path, bit: usize) -> Image {
        let mut files = self.files.clone();
        files.get_mut(path).unwrap()[bit / 8] ^= 1 << (bit % 8);
        files
    }

    fn is_in_last_write(&self, path: &Path, bit: usize) -> bool {
        path == self.last.0 && bit / 8 >= self.last.1
    }

    /// A member is started over damaged files while the others go on: it has all again; what it mended.
    async fn mend(&self, files: &Image, what: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        files::write(folder.path(), files);
        let place = Place::Folder(folder.path().to_path_buf());
        let faults = Faults::default();
        let started = Member::start(&self.network, 0, place, faults, Arc::default());
        let member = started.await.unwrap();
        let mended = member.council.view().mended.to_vec();
        let payer = self.others.first().unwrap_or(&member);
        // It has its own blocks again, from its vote log if from nobody else, and follows.
        let height = self.content.blocks.len() as u64 - 1;
        let view = || member.council.view();
        assert!(member.reaches(height).await, "{what}: {:?}", view().part);
        let mut last = height;
        for _ in 0..2 {
            let paid = timeout(Duration::from_secs(60), payer.pay()).await;
            let paid =
                paid.unwrap_or_else(|_| panic!("{what}: nothing is decided, {:?}", view().part));
            last = paid.unwrap().height;
        }
        assert!(member.reaches(last).await, "{what}: {:?}", view().part);
        // By their ledgers: what is seen of a member may be a moment older than what it has said.
        let id = |council| network::block(council, last).unwrap().block.0.header.id();
        assert_eq!(id(&member.council), id(&payer.council), "{what}: the block");
        assert!(view().guilty.is_empty(), "{what}");
        member.stop().await;
        let checked = verify_files(folder.path(), &self.network.genesis).unwrap();
        assert_eq!(checked.problem, None, "{what}: the files");
        // Another member may have another quorum's signatures of the same block.
        let bodies = |content: &Content| {
            let blocks = content.blocks.iter().flatten().take(height as usize);
            blocks.map(|block| block.body.clone()).collect::<Vec<_>>()
        };
        let now = bodies(&content(folder.path()));
        assert!(now == bodies(&self.content), "{what}");
        self.network.assert_nobody_said_two_things();
        mended
    }

    async fn end(self) {
        for other in self.others {
            other.stop().await;
        }
    }
}

/// What came of the flips.
#[derive(Debug, Default)]
struct Count {
    found: u32,
    /// In what nothing reads.
    harmless: u32,
    /// In the vote log's last write.
    cut_short: u32,
    mended: u32,
}

/// `flips` single bits of a member's of four, and every `each`th of those found is mended.
async fn flips(flips: u32, each: u32, blocks: u64, seed: u64) {
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let written = Written::new(4, blocks, SHORT).await;
    let genesis = &written.network.genesis;
    let mut count = Count::default();
    for number in 0..flips {
        let (path, bit) = written.choose(&mut rng);
        let what = format!("seed {seed}, flip {number}: bit {bit} of {path:?}");
        let files = written.flipped(&path, bit);
        let folder = tempfile::tempdir().unwrap();
        files::write(folder.path(), &files);
        let problem = verify_files(folder.path(), genesis).unwrap().problem;
        if problem.is_some() {
            count.found += 1;
            if count.found % each == 0 {
                let mended = written.mend(&files, &what).await;
                assert!(!mended.is_empty(), "{what}: {problem:?}, and nothing said");
                count.mended += 1;
            }
            continue;
        }
        let mut now = content(folder.path());
        // Read before it was opened, and not written since.
        if written.is_in_last_write(&path, bit) && now.votes != written.content.votes {
            assert!(written.content.votes.starts_with(&now.votes), "{what}");
            now.votes.clone_from(&written.content.votes);
            count.cut_short += 1;
            written.mend(&files, &what).await;
        } else {
            count.harmless += 1;
        }
        assert!(
            now == written.content,
            "{what}: not found, and not harmless"
        );
    }
    let sizes = written
        .files
        .iter()
        .map(|(path, bytes)| (path, live(bytes)));
    let sizes: Vec<_> = sizes.collect();
    println!("{blocks} blocks, {sizes:?}: {flips} flips, {count:?}");
    // The test would show nothing if no flip were ever found, or mended.
    assert!(count.found > flips / 2 && count.mended > 0, "{count:?}");
    written.end().await;
}

/// A member that is alone has its blocks from its vote log.
async fn flips_alone(flips: u32, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let written = Written::new(1, 40, LONG).await;
    let mut mended = 0;
    while mended < flips {
        let (path, bit) = written.choose(&mut rng);
        if path.starts_with("votes") {
            continue;
        }
        let what = format!("seed {seed}, alone: bit {bit} of {path:?}");
        let files = written.flipped(&path, bit);
        let said = written.mend(&files, &what).await;
        mended += u32::from(!said.is_empty());
    }
    println!("alone: {flips} mended from the vote log");
    written.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_alone_says_what_is_lost_for_good() {
    let written = Written::new(1, 120, SHORT).await;
    let mut files = written.files.clone();
    // All over the database, of whose first blocks the vote log has none any more.
    let database = files.get_mut(Path::new("ledger/db")).unwrap();
    for at in (0..live(database)).step_by(61) {
        database[at] ^= 0x10;
    }
    let folder = tempfile::tempdir().unwrap();
    files::write(folder.path(), &files);
    let place = Place::Folder(folder.path().to_path_buf());
    let faults = Faults::default();
    let started = Member::start(&written.network, 0, place, faults, Arc::default());
    let member = started.await.unwrap();
    let mut view = member.council.watch();
    let told = view.wait_for(|view| matches!(view.part, Part::Broken(_)));
    let told = timeout(Duration::from_secs(60), told).await.unwrap();
    let Part::Broken(why) = told.unwrap().part.clone() else {
        unreachable!("as it was waited for");
    };
    let height = written.content.blocks.len() - 1;
    let lost = format!("blocks 1 to {height} are lost");
    assert!(why.starts_with(&lost), "{why}");
    assert!(!member.council.view().mended.is_empty());
    member.stop().await;
}

#[tokio::test(start_paused = true)]
async fn fifty_bit_flips_are_found_or_harmless_and_mended() {
    flips(50, 4, 120, 1).await;
    flips_alone(3, 2).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "acceptance: bit-flips"]
async fn bit_flips_in_a_thousand_places_are_found_or_harmless_and_mended() {
    flips(1_000, 11, 400, 10).await;
    flips_alone(20, 11).await;
}
