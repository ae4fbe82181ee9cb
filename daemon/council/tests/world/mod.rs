//! A seeded world of council members on one thread: links with delay and loss, disks that forget what was not synced,
//! crashes, partitions, clocks. The machine and the engine are the real ones; network, disk and time stand in for the
//! actor's. Checks that belong to every run are made here, from what members say and decide.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    sync::Arc,
    time::Duration,
};

use edgecoder_council::{
    Logged, Machine, Output, Part, Timer, What,
    engine::{Malachite, Record},
};
use edgecoder_protocol::{
    Credits, Hash, Millis, PeerId, Signed,
    key::NodeKey,
    ledger::{
        block::Vote,
        chain::Chain,
        consensus::{Decided, Said},
        decree::{Approved, Decree, Order},
        entry::{Body, Entry},
        members::MemberSet,
    },
    network::Genesis,
    signed::Checked,
};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};

type Member = Machine<Malachite>;

/// What reaches a node.
#[derive(Clone, Debug)]
pub enum Event {
    Said(PeerId, Said),
    Entries(Vec<Signed<Entry>>),
    AskMark(PeerId),
    Marked(PeerId, Option<Signed<Vote>>, u64),
    AskBlocks(PeerId, u64),
    Blocks(PeerId, Vec<Decided>),
    IsAt(PeerId, u64),
    Timer(Timer, u64),
}

/// What a crash leaves.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    pub log: Vec<Logged>,
    pub log_synced: usize,
    pub blocks: Vec<Decided>,
    pub blocks_synced: usize,
    pub syncs: u64,
}

pub struct Node {
    pub key: Arc<NodeKey>,
    pub machine: Option<Member>,
    pub disk: Disk,
    pub guilty: Vec<PeerId>,
    pub stopped: Option<String>,
    timers: BTreeMap<Timer, u64>,
    /// Milliseconds that its clock is ahead.
    pub skew: i64,
    boots: u64,
}

/// What a lying member says to one of the others.
type Lie = fn(&mut World, usize, &Said, usize) -> Option<Said>;

pub struct World {
    pub rng: StdRng,
    pub now: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, (usize, u64, Event)>,
    next: u64,
    pub nodes: Vec<Node>,
    pub genesis: Genesis,
    /// One in so many messages is lost.
    pub loss: Option<u32>,
    /// Delay of a message, in microseconds.
    pub delay: (u64, u64),
    /// Whether a message gets from one to another.
    pub cut: fn(usize, usize) -> bool,
    /// Each height's block, whoever decided it first.
    pub decided: BTreeMap<u64, Hash>,
    /// What each member said, in each place.
    signed: BTreeMap<(PeerId, u64, u32, u8), Option<Hash>>,
    pub messages: u64,
    /// Whether a member's words are changed on their way.
    pub lie: Option<Lie>,
}

pub fn key(number: u8) -> NodeKey {
    NodeKey::from_seed(&mut [number; 32])
}

pub const OPERATOR: u8 = 200;
pub const START: u64 = 1_000_000;
const DAY: Duration = Duration::from_secs(86_400);

impl World {
    pub fn new(seed: u64, count: u8) -> Self {
        let members = MemberSet::new((1..=count).map(|one| key(one).peer_id())).unwrap();
        let genesis = Genesis {
            name: "lab".into(),
            operators: vec![key(OPERATOR).peer_id()],
            members: members.clone(),
            founded: Millis(0),
            salt: [0; 16],
        };
        let mut keys: Vec<NodeKey> = (1..=count).map(key).collect();
        keys.sort_by_key(NodeKey::peer_id);
        let node = |key: NodeKey| Node {
            key: Arc::new(key),
            machine: None,
            disk: Disk::default(),
            guilty: Vec::new(),
            stopped: None,
            timers: BTreeMap::new(),
            skew: 0,
            boots: 0,
        };
        let mut world = Self {
            rng: StdRng::seed_from_u64(seed),
            now: 0,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            next: 0,
            nodes: keys.into_iter().map(node).collect(),
            genesis,
            loss: None,
            delay: (100, 300),
            cut: |_, _| false,
            decided: BTreeMap::new(),
            signed: BTreeMap::new(),
            messages: 0,
            lie: None,
        };
        for node in 0..usize::from(count) {
            world.boot(node);
        }
        world
    }

    pub fn clock(&self, node: usize) -> Millis {
        let now = START + self.now / 1_000;
        Millis(now.saturating_add_signed(self.nodes[node].skew))
    }

    pub fn index_of(&self, peer: &PeerId) -> usize {
        let mut keys = self.nodes.iter();
        keys.position(|node| node.key.peer_id() == *peer).unwrap()
    }

    /// Starts a node from its disk.
    pub fn boot(&mut self, at: usize) {
        let now = self.clock(at);
        let node = &mut self.nodes[at];
        let mut chain = Chain::new(&self.genesis);
        for one in &node.disk.blocks {
            let executed = chain.check(one.block.0.clone(), |_| false).unwrap();
            chain.commit(&executed).unwrap();
        }
        let engine = Malachite::new(node.key.clone(), self.genesis.id());
        let log = node.disk.log.clone();
        let mut machine = Machine::new(node.key.peer_id(), chain, 0, engine, log, true);
        machine.begin(now);
        node.machine = Some(machine);
        node.boots += 1;
        node.timers.clear();
        self.perform(at);
    }

    /// Ends a node; what was not synced survives as far as chance has it.
    pub fn crash(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.machine = None;
        let disk = &mut node.disk;
        let log = self.rng.random_range(disk.log_synced..=disk.log.len());
        let blocks = self
            .rng
            .random_range(disk.blocks_synced..=disk.blocks.len());
        disk.log.truncate(log);
        disk.blocks.truncate(blocks);
        disk.log_synced = log;
        disk.blocks_synced = blocks;
    }

    fn push(&mut self, after: u64, to: usize, event: Event) {
        let boots = self.nodes[to].boots;
        self.next += 1;
        self.queue.push(Reverse((self.now + after, self.next)));
        self.events.insert(self.next, (to, boots, event));
    }

    fn send(&mut self, from: usize, to: usize, event: Event) {
        self.messages += 1;
        let is_lost = self
            .loss
            .is_some_and(|one_in| self.rng.random_range(0..one_in) == 0);
        if is_lost || (self.cut)(from, to) {
            return;
        }
        let delay = self.rng.random_range(self.delay.0..=self.delay.1);
        self.push(delay, to, event);
    }

    /// Runs for so many microseconds more.
    pub fn run_for(&mut self, span: u64) {
        self.run(self.now + span);
    }

    /// Runs until `until` microseconds, or until nothing happens any more.
    pub fn run(&mut self, until: u64) {
        while let Some(Reverse((at, id))) = self.queue.peek().copied() {
            if at > until {
                break;
            }
            self.queue.pop();
            self.now = at;
            let (node, boots, event) = self.events.remove(&id).unwrap();
            self.happen(node, boots, event);
        }
        self.now = self.now.max(until);
    }

    fn happen(&mut self, at: usize, boots: u64, event: Event) {
        let now = self.clock(at);
        let me = self.nodes[at].key.peer_id();
        let node = &mut self.nodes[at];
        let Some(machine) = &mut node.machine else {
            return;
        };
        match event {
            Event::Said(from, said) => {
                machine.hear(now, from, said);
                let height = machine.chain().height();
                let from = self.index_of(&from);
                self.send(at, from, Event::IsAt(me, height));
            }
            Event::Entries(entries) => {
                let checked = entries.into_iter().filter_map(|one| one.checked().ok());
                machine.relayed(now, checked.collect());
            }
            Event::AskMark(from) => {
                let held = machine.holds_of(&from);
                let height = machine.chain().height();
                let from = self.index_of(&from);
                self.send(at, from, Event::Marked(me, held, height));
            }
            Event::Marked(from, held, height) => machine.recalled(now, from, held, height),
            Event::AskBlocks(from, after) => {
                let blocks = node.disk.blocks.iter();
                let after = usize::try_from(after).unwrap();
                let blocks = blocks.skip(after).take(20).cloned().collect();
                let from = self.index_of(&from);
                self.send(at, from, Event::Blocks(me, blocks));
            }
            Event::Blocks(from, blocks) => machine.fetched(now, from, blocks),
            Event::IsAt(from, height) => machine.is_at(from, height),
            Event::Timer(timer, due) => {
                if boots != node.boots || node.timers.get(&timer) != Some(&due) {
                    return;
                }
                node.timers.remove(&timer);
                machine.timer(now, timer);
            }
        }
        self.perform(at);
    }

    /// As the actor: what is recorded is synced before anything is said.
    pub fn perform(&mut self, at: usize) {
        loop {
            let node = &mut self.nodes[at];
            let Some(output) = node.machine.as_mut().and_then(Machine::poll) else {
                return;
            };
            let me = node.key.peer_id();
            match output {
                Output::Record(logged) => node.disk.log.push(logged),
                Output::Say(said, to) => self.say(at, &said, to),
                Output::Relay(entries, to) => {
                    for peer in to {
                        let to = self.index_of(&peer);
                        self.send(at, to, Event::Entries(entries.clone()));
                    }
                }
                Output::Forward(_, entry, to) => {
                    // As the members' own, so that the world needs no more kinds of events.
                    for peer in to {
                        let to = self.index_of(&peer);
                        self.send(at, to, Event::Entries(vec![entry.clone()]));
                    }
                }
                Output::Recall(peers) => {
                    for peer in peers {
                        let to = self.index_of(&peer);
                        self.send(at, to, Event::AskMark(me));
                    }
                }
                Output::Fetch(peer, after) => {
                    let to = self.index_of(&peer);
                    self.send(at, to, Event::AskBlocks(me, after));
                }
                // Here nobody says that blocks are gone.
                Output::Join(..) => unreachable!(),
                Output::After(timer, span) => {
                    let due = u64::try_from(span.as_micros()).unwrap();
                    let stamp = self.now + due;
                    node.timers.insert(timer, stamp);
                    self.push(due, at, Event::Timer(timer, stamp));
                }
                Output::Cancel(timer) => {
                    node.timers.remove(&timer);
                }
                Output::CancelEngine => {
                    node.timers
                        .retain(|timer, _| !matches!(timer, Timer::Engine(_)));
                }
                Output::Commit {
                    executed,
                    certificate,
                    in_log,
                } => {
                    let height = executed.block.header.height;
                    let first = self.decided.entry(height).or_insert(executed.id);
                    assert_eq!(*first, executed.id, "two blocks of height {height}");
                    let disk = &mut node.disk;
                    disk.blocks.push(Decided::new(executed.block, &certificate));
                    if !in_log {
                        disk.blocks_synced = disk.blocks.len();
                        disk.syncs += 1;
                    }
                }
                Output::Dropped(..) | Output::Offence(..) => {}
                Output::Guilty(peer, _) => node.guilty.push(peer),
                Output::Stopped(why) => node.stopped = Some(why),
            }
        }
    }

    fn say(&mut self, at: usize, said: &Said, to: Vec<PeerId>) {
        let node = &mut self.nodes[at];
        let (me, disk) = (node.key.peer_id(), &mut node.disk);
        if disk.log_synced < disk.log.len() {
            disk.log_synced = disk.log.len();
            disk.syncs += 1;
        }
        self.note(said);
        for peer in to {
            let to = self.index_of(&peer);
            let changed = match self.lie {
                Some(lie) => lie(self, at, said, to),
                None => Some(said.clone()),
            };
            if let Some(said) = changed {
                self.send(at, to, Event::Said(me, said));
            }
        }
    }

    /// No member says two things in one place.
    fn note(&mut self, said: &Said) {
        let (place, what) = match said {
            Said::Proposal { proposal, .. } => {
                let (said, by) = proposal.open().unwrap();
                ((by, said.height, said.round, 0), Some(said.block))
            }
            Said::Vote(vote) => {
                let (said, by) = vote.open().unwrap();
                let stage = 1 + said.stage as u8;
                ((by, said.height, said.round, stage), said.block)
            }
            Said::Votes { .. } => return,
        };
        let first = self.signed.entry(place).or_insert(what);
        assert_eq!(*first, what, "{place:?} signed twice");
    }

    /// A node takes an entry of a user in.
    pub fn submit(&mut self, at: usize, by: u8, body: Body) -> Option<Hash> {
        let now = self.clock(at);
        let chain = self.genesis.id();
        let machine = self.nodes[at].machine.as_mut()?;
        let entry = Entry {
            chain,
            nonce: machine.next_nonce(&key(by).peer_id()),
            expires: Millis(now.0 + 600_000),
            body,
        };
        let leaf = machine.submit(now, Checked::new(entry, &key(by))).ok();
        self.perform(at);
        leaf
    }

    /// The operator gives a user credits.
    pub fn fund(&mut self, at: usize, user: u8) {
        let machine = self.nodes[at].machine.as_ref().unwrap();
        let version = machine.chain().state().supply().unwrap().issued.0;
        let decree = Decree {
            chain: self.genesis.id(),
            version,
            expires: self.clock(at).after(DAY),
            order: Order::Issue {
                to: key(user).peer_id(),
                amount: Credits(1_000_000),
            },
        };
        let approvals = vec![decree.approve(&key(OPERATOR))];
        let approved = Approved { decree, approvals };
        self.submit(at, OPERATOR, Body::Decree(approved)).unwrap();
    }

    /// The operator orders.
    pub fn order(&mut self, at: usize, order: Order) {
        let machine = self.nodes[at].machine.as_ref().unwrap();
        let decree = Decree {
            chain: self.genesis.id(),
            version: machine.chain().state().version_of(&order),
            expires: self.clock(at).after(DAY),
            order,
        };
        let approvals = vec![decree.approve(&key(OPERATOR))];
        let approved = Approved { decree, approvals };
        self.submit(at, OPERATOR, Body::Decree(approved)).unwrap();
    }

    /// A user pays one credit to nobody in particular.
    pub fn pay(&mut self, at: usize, by: u8) -> Option<Hash> {
        let to = key(by.wrapping_add(50)).peer_id();
        let amount = Credits(1);
        self.submit(at, by, Body::Transfer { to, amount })
    }

    pub fn height(&self, at: usize) -> u64 {
        let machine = self.nodes[at].machine.as_ref();
        machine.map_or(0, |machine| machine.chain().height())
    }

    pub fn size(&self, at: usize) -> u64 {
        let machine = self.nodes[at].machine.as_ref();
        machine.map_or(0, |machine| machine.chain().size())
    }

    pub fn part(&self, at: usize) -> Part {
        let machine = self.nodes[at].machine.as_ref().unwrap();
        machine.part().clone()
    }

    /// All that are up have one head and one state.
    pub fn assert_equal(&self) {
        let up = self.nodes.iter().filter_map(|node| node.machine.as_ref());
        let heads: Vec<_> = up
            .map(|one| {
                (
                    one.chain().height(),
                    one.chain().head_id(),
                    one.chain().state().root(),
                )
            })
            .collect();
        assert!(heads.windows(2).all(|pair| pair[0] == pair[1]), "{heads:?}");
        for (at, node) in self.nodes.iter().enumerate() {
            assert_eq!(node.stopped, None, "node {at}");
        }
    }
}

/// Votes of `by` in a log.
pub fn own_votes(log: &[Logged], by: &PeerId) -> usize {
    let is_own = |one: &&Logged| match &one.what {
        What::Engine(Record::Vote(vote)) => vote.open().is_ok_and(|(_, who)| who == *by),
        What::Engine(_) | What::Block(_) => false,
    };
    log.iter().filter(is_own).count()
}
