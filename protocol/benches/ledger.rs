//! Prints what the log's tree, the state's map, the application of entries and a light client cost, as medians, with the
//! least in brackets: on a machine that has other work the medians are not ours. Absolute times belong to the machine.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a measurement reads the clock, and a failure here is a failed measurement"
)]

use std::{collections::BTreeMap, fmt, hint::black_box, time::Instant};

use edgecoder_protocol::{
    Hash,
    canonical::{self, Canonical, DecodeError, Decoder, Encoder},
    ledger::{
        merkle::{self, CompactRange, TileWriter},
        trie::Trie,
    },
};

#[path = "ledger/entries.rs"]
mod entries;
#[path = "ledger/light.rs"]
mod light;

const ENTRIES: u64 = 1_000_000;
const ACCOUNTS: u64 = 100_000;
const BATCH: u64 = 1_000;
/// An inclusion proof's bars: microseconds to make and to check it, and its bytes.
const MAKE_BAR: f64 = 1_000.0;
const CHECK_BAR: f64 = 50.0;
const BYTES_BAR: f64 = 2_048.0;

/// As large as an account's record may be.
#[derive(Clone)]
struct Account {
    nonce: u64,
    balances: [u64; 4],
    owner: Hash,
}

impl Canonical for Account {
    const DOMAIN: &'static str = "edgecoder/bench-account/1";

    fn encode(&self, to: &mut Encoder) {
        to.u64(self.nonce);
        for balance in self.balances {
            to.u64(balance);
        }
        to.fixed(&self.owner.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            nonce: from.u64()?,
            balances: [from.u64()?, from.u64()?, from.u64()?, from.u64()?],
            owner: from.hash()?,
        })
    }
}

fn account(nonce: u64) -> Account {
    Account {
        nonce,
        balances: [nonce; 4],
        owner: Hash([7; 32]),
    }
}

fn key(number: u64) -> Hash {
    Hash::of(&number.to_le_bytes())
}

/// Numbers that look random and are the same in every run.
fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

/// Median and least time of one run, in microseconds.
struct Time {
    median: f64,
    least: f64,
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ({:.1}) µs", self.median, self.least)
    }
}

/// Whether what was measured is at most the bar, in words.
fn judged(measured: f64, bar: f64, says: &str) -> String {
    let holds = if measured <= bar { "holds" } else { "MISSED" };
    format!("the bar of {says} {holds}")
}

fn measure(runs: u64, mut run: impl FnMut(u64)) -> Time {
    let mut times: Vec<f64> = (0..runs)
        .map(|number| {
            let start = Instant::now();
            run(number);
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    Time {
        median: times[times.len() / 2],
        least: times[0],
    }
}

fn log() {
    let leaves: Vec<Hash> = (0..ENTRIES)
        .map(|number| merkle::leaf(&number.to_le_bytes()))
        .collect();
    let mut range = CompactRange::default();
    let push = measure(ENTRIES / BATCH, |block| {
        let first = (block * BATCH) as usize;
        range.extend(leaves[first..first + BATCH as usize].iter().copied());
        black_box(range.root());
    });
    let (mut writer, mut tiles) = (TileWriter::default(), BTreeMap::new());
    let write = measure(ENTRIES / BATCH, |block| {
        let first = (block * BATCH) as usize;
        for leaf in &leaves[first..first + BATCH as usize] {
            writer.push(*leaf);
        }
        for tile in writer.changed() {
            tiles.insert((tile.level, tile.index), tile.hashes);
        }
    });
    println!("log of {ENTRIES}: a block of {BATCH}: root {push}, tiles {write}");

    let root = range.root();
    let index = |run| scattered(run) % ENTRIES;
    let make = measure(1_000, |run| {
        black_box(merkle::inclusion(&tiles, index(run), ENTRIES));
    });
    let proof = merkle::inclusion(&tiles, index(1), ENTRIES).expect("the tiles are whole");
    let bytes = canonical::encode(&proof).len();
    let check = measure(1_000, |_| {
        assert!(proof.verify(leaves[index(1) as usize], black_box(&root)));
    });
    let make_bar = judged(make.median, MAKE_BAR, "1 ms");
    let bytes_bar = judged(bytes as f64, BYTES_BAR, "2 KiB");
    let check_bar = judged(check.median, CHECK_BAR, "50 µs");
    println!(
        "inclusion: made in {make}; {make_bar}; {bytes} bytes; {bytes_bar}; checked in {check}; {check_bar}"
    );

    let from = |run| index(run).max(1);
    let make = measure(1_000, |run| {
        black_box(merkle::consistency(&tiles, from(run), ENTRIES));
    });
    let old = merkle::range_at(&tiles, from(1)).expect("the tiles are whole");
    let proof = merkle::consistency(&tiles, from(1), ENTRIES).expect("the tiles are whole");
    let bytes = canonical::encode(&proof).len();
    let check = measure(1_000, |_| {
        assert!(proof.verify(&old.root(), black_box(&root)));
    });
    println!("consistency: made in {make}, {bytes} bytes, checked in {check}");
}

fn state() {
    let mut trie = Trie::default();
    let start = Instant::now();
    for number in 0..ACCOUNTS {
        trie.insert(key(number), account(number));
    }
    trie.root();
    let built = start.elapsed().as_secs_f64() * 1e3;
    println!("state of {ACCOUNTS}: built in {built:.0} ms");

    let keys: Vec<Hash> = (0..200 * BATCH)
        .map(|n| key(scattered(n) % ACCOUNTS))
        .collect();
    let batch = |run: u64| &keys[(run * BATCH) as usize..((run + 1) * BATCH) as usize];
    let report = |what: &str, time: Time| {
        let rate = |time: f64| BATCH as f64 / time * 1e6;
        let (median, least) = (rate(time.median), rate(time.least));
        println!("{what}: {time} a batch of {BATCH}, {median:.0} ({least:.0}) a second");
    };
    let in_place = measure(200, |run| {
        for key in batch(run) {
            trie.insert(*key, account(run));
        }
        black_box(trie.root());
    });
    report("updates in place, with the root", in_place);
    let proposed = measure(200, |run| {
        let mut copy = trie.clone();
        for key in batch(run) {
            copy.insert(*key, account(run));
        }
        black_box(copy.root());
    });
    report("updates of a copy that is dropped", proposed);
    let decided = measure(200, |run| {
        let mut copy = trie.clone();
        for key in batch(run) {
            copy.insert(*key, account(run));
        }
        black_box(copy.root());
        trie = copy;
    });
    report("updates of a copy that is kept", decided);
    let new = measure(100, |run| {
        let mut copy = trie.clone();
        for number in 0..BATCH {
            copy.insert(key(ACCOUNTS + run * BATCH + number), account(number));
        }
        black_box(copy.root());
    });
    report("new keys in a copy that is dropped", new);

    let root = trie.root();
    let make = measure(1_000, |run| {
        black_box(trie.prove(&keys[run as usize]));
    });
    let proof = trie.prove(&keys[0]);
    let value = trie.get(&keys[0]).map(canonical::hash);
    let bytes = canonical::encode(&proof).len();
    let check = measure(1_000, |_| {
        assert!(proof.verify(black_box(&root), &keys[0], value.as_ref()));
    });
    println!("state proof: made in {make}, {bytes} bytes, checked in {check}");
}

fn main() {
    // `cargo bench … -- light` runs that part alone.
    let parts: [(&str, fn()); 4] = [
        ("log", log),
        ("state", state),
        ("entries", entries::applied),
        ("light", light::followed),
    ];
    let named = |name: &str| std::env::args().any(|argument| argument == name);
    let is_any_named = parts.iter().any(|(name, _)| named(name));
    for (name, run) in parts {
        if !is_any_named || named(name) {
            run();
        }
    }
}
