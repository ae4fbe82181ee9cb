//! Entries applied to a state, as a block does it: to a copy that is kept, with the root after each batch. Signatures
//! are checked before, and cost what they cost.

use std::time::Instant;

use edgecoder_protocol::{
    Credits, Hash, Millis, PeerId, Signed,
    key::NodeKey,
    ledger::{
        apply::At,
        decree::{Approved, Decree, Order},
        duty::{Duty, Probes},
        entry::{Body, Entry, Fenced},
        members::MemberSet,
        state::State,
    },
    network::Genesis,
};

use super::{BATCH, scattered};

const ENTRIES: u64 = 200_000;
const ACCOUNTS: u64 = 1_000;
/// Entries a second that must be applied at least, so that their signatures and not this are what takes a member's time.
const BAR: f64 = 200_000.0;
const DUTY: Duty = Duty::Coordinator(0);
const NOW: Millis = Millis(1_000_000);

fn key(number: u64) -> NodeKey {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    NodeKey::from_seed(&mut seed)
}

/// A network of one, whose accounts have credits and whose member holds a shard.
struct World {
    genesis: Genesis,
    state: State,
    index: u64,
    founder: NodeKey,
    accounts: Vec<PeerId>,
    nonces: Vec<u64>,
    tasks: u64,
    term: u64,
}

impl World {
    fn new() -> Self {
        let founder = key(ACCOUNTS);
        let genesis = Genesis {
            name: "bench".into(),
            operators: vec![founder.peer_id()],
            members: MemberSet::one(founder.peer_id()),
            founded: Millis(0),
            salt: [0; 16],
        };
        let mut world = Self {
            state: State::new(&genesis),
            genesis,
            index: 0,
            accounts: (0..ACCOUNTS).map(|one| key(one).peer_id()).collect(),
            nonces: vec![0; ACCOUNTS as usize + 1],
            founder,
            tasks: 0,
            term: 0,
        };
        for number in 0..ACCOUNTS as usize {
            let issue = world.issue(world.accounts[number]);
            world.say(issue);
        }
        let probes = Probes {
            chain: world.genesis.id(),
            at: NOW,
            buckets: vec![(world.founder.peer_id(), 0)],
            duty: DUTY,
        };
        let probes = vec![Signed::new(probes, &world.founder)];
        world.term = world.index;
        world.say(Body::Grant { duty: DUTY, probes });
        world
    }

    fn issue(&self, to: PeerId) -> Body {
        let order = Order::Issue {
            to,
            amount: Credits(ENTRIES),
        };
        let decree = Decree {
            chain: self.genesis.id(),
            version: self.state.version_of(&order),
            expires: NOW,
            order,
        };
        let approvals = vec![decree.approve(&self.founder)];
        Body::Decree(Approved { decree, approvals })
    }

    /// The founder says something, and it counts.
    fn say(&mut self, body: Body) {
        let entry = self.entry(ACCOUNTS as usize, body);
        let by = self.founder.peer_id();
        let applied = self.state.apply(&entry, by, at(self.index));
        applied.expect("it fits");
        self.index += 1;
    }

    fn entry(&mut self, by: usize, body: Body) -> Entry {
        let nonce = self.nonces[by];
        self.nonces[by] += 1;
        Entry {
            chain: self.genesis.id(),
            nonce,
            expires: NOW,
            body,
        }
    }

    fn transfer(&mut self, number: u64) -> (PeerId, Entry) {
        let from = (scattered(2 * number) % ACCOUNTS) as usize;
        let to =
            (from + 1 + (scattered(2 * number + 1) % (ACCOUNTS - 1)) as usize) % ACCOUNTS as usize;
        let to = self.accounts[to];
        let amount = Credits(1);
        let entry = self.entry(from, Body::Transfer { to, amount });
        (self.accounts[from], entry)
    }

    /// One of three that make a task: accepted, assigned, ended.
    fn task(&mut self, step: u64) -> (PeerId, Entry) {
        if step.is_multiple_of(3) {
            self.tasks += 1;
        }
        let task = Fenced {
            task: Hash::of(&self.tasks.to_le_bytes()),
            shard: 0,
            term: self.term,
        };
        let what = Hash::of(&step.to_le_bytes());
        let body = match step % 3 {
            0 => Body::Accept(task),
            1 => Body::Assign { task, what },
            _ => Body::End { task, result: what },
        };
        let entry = self.entry(ACCOUNTS as usize, body);
        (self.founder.peer_id(), entry)
    }
}

fn at(index: u64) -> At {
    At {
        time: NOW,
        parent: Hash([9; 32]),
        index,
    }
}

pub fn applied() {
    let mut world = World::new();
    let paid: Vec<_> = (0..ENTRIES).map(|number| world.transfer(number)).collect();
    report("transfers", &mut world, &paid);
    // Two of five pay, the others are about tasks.
    let mut steps = 0;
    let mixed: Vec<_> = (0..ENTRIES)
        .map(|number| match number % 5 {
            0 | 1 => world.transfer(number),
            _ => {
                steps += 1;
                world.task(steps - 1)
            }
        })
        .collect();
    report("transfers and tasks", &mut world, &mixed);
}

fn report(what: &str, world: &mut World, entries: &[(PeerId, Entry)]) {
    let mut rates: Vec<f64> = entries
        .chunks(BATCH as usize)
        .map(|batch| {
            let start = Instant::now();
            let mut next = world.state.clone();
            next.next_height();
            for (by, entry) in batch {
                let applied = next.apply(entry, *by, at(world.index));
                applied.expect("it fits");
                world.index += 1;
            }
            next.root();
            world.state = next;
            batch.len() as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let (median, most) = (rates[rates.len() / 2], rates[rates.len() - 1]);
    let holds = if median >= BAR { "holds" } else { "MISSED" };
    println!(
        "{what}: {ENTRIES} entries in batches of {BATCH}, {median:.0} ({most:.0}) entries a second; the bar of {BAR:.0} {holds}"
    );
}
