//! A seeded world of duty machines on one thread: links with delay and loss, crashes, nodes that sleep, partitions,
//! calendars that differ, a member that lies. In consensus' place stands a log that is ordered at once and followed a
//! moment later; what `apply` does with an entry is the real rule.
//!
//! Checked after every step, from outside: whoever acts on a duty has the unexpired promises of a quorum (those who lie
//! counted), nobody else acts on it too, and who wakes up ends what ran out before it does anything else.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::Arc,
    time::Duration,
};

use edgecoder_council::duties::{
    Answer, Ask, Config, Duties, Moment, Output, Scene, Tell, Why, Willing,
};
use edgecoder_protocol::{
    Hash, Millis, PeerId,
    key::NodeKey,
    ledger::{
        apply::At,
        decree::{Approved, Decree, Order},
        duty::Duty,
        entry::{Body, Entry},
        members::MemberSet,
        state::State,
    },
    network::Genesis,
};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};

mod check;
mod liar;

pub const MS: u64 = 1_000;
pub const SECOND: u64 = 1_000_000;
const START: u64 = 1_000_000_000;

#[derive(Clone, Debug)]
enum Event {
    Tick(u64),
    Ask(usize, Ask, Duration),
    Answer(usize, Answer, Duration),
    Unreached(usize),
    Tell(usize, Tell),
    Follow,
    /// An entry of the node comes into the log.
    Log(Body, u64),
}

pub struct Node {
    pub key: Arc<NodeKey>,
    pub me: PeerId,
    pub machine: Option<Duties>,
    pub willing: Willing,
    /// Milliseconds that its calendar is ahead.
    pub skew: i64,
    state: State,
    followed: usize,
    boots: u64,
    tick: u64,
    /// When its last entry comes into the log.
    logged: u64,
    sleeps_until: u64,
    has_slept: bool,
    /// What it was told to do.
    pub began: BTreeMap<Duty, u64>,
}

/// Something that happened, for tests to look at.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Began(usize, Duty, u64),
    Ended(usize, Duty, u64, Why),
    /// An entry that counted, with when it had been submitted.
    Logged(Body, u64),
}

pub struct World {
    pub rng: StdRng,
    pub now: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, (usize, u64, Event)>,
    next: u64,
    pub nodes: Vec<Node>,
    genesis: Genesis,
    members: MemberSet,
    config: (u16, u16),
    pub state: State,
    log: Vec<(Entry, PeerId, At)>,
    /// Of a hundred messages so many are lost.
    pub loss: u32,
    /// Delay of a message, in microseconds.
    pub delay: (u64, u64),
    /// From when an entry is submitted to when it is in the log.
    pub consensus: (u64, u64),
    /// Nodes that nothing reaches and that reach nobody.
    pub cut: BTreeSet<usize>,
    pub liar: Option<usize>,
    pub messages: u64,
    pub seen: Vec<(u64, Seen)>,
    /// What honest members promised to whom, until when.
    promises: BTreeMap<(Duty, u64, usize), BTreeMap<usize, u64>>,
    /// When members last said of a grant that its holder is gone; what was said before a restart is forgotten.
    suspected: BTreeMap<(Duty, u64, usize), u64>,
}

pub fn key(number: u8) -> NodeKey {
    NodeKey::from_seed(&mut [number; 32])
}

impl World {
    pub fn new(seed: u64, count: u8, config: (u16, u16)) -> Self {
        let members = MemberSet::new((1..=count).map(|one| key(one).peer_id())).unwrap();
        let genesis = Genesis {
            name: "lab".into(),
            operators: vec![key(200).peer_id()],
            members: members.clone(),
            founded: Millis(0),
            salt: [0; 16],
        };
        let state = State::new(&genesis);
        let node = |key: NodeKey| Node {
            me: key.peer_id(),
            key: Arc::new(key),
            machine: None,
            willing: Willing::ALL,
            skew: 0,
            state: state.clone(),
            followed: 0,
            boots: 0,
            tick: 0,
            logged: 0,
            sleeps_until: 0,
            has_slept: false,
            began: BTreeMap::new(),
        };
        Self {
            rng: StdRng::seed_from_u64(seed),
            now: 0,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            next: 0,
            nodes: (1..=count).map(key).map(node).collect(),
            genesis,
            members,
            config,
            state,
            log: Vec::new(),
            loss: 0,
            delay: (200, 20 * MS),
            consensus: (10 * MS, 150 * MS),
            cut: BTreeSet::new(),
            liar: None,
            messages: 0,
            seen: Vec::new(),
            promises: BTreeMap::new(),
            suspected: BTreeMap::new(),
        }
    }

    pub fn boot_all(&mut self) {
        for at in 0..self.nodes.len() {
            self.boot(at);
        }
    }

    /// Starts a node, which remembers the log alone.
    pub fn boot(&mut self, at: usize) {
        let (shards, slots) = self.config;
        let node = &mut self.nodes[at];
        let willing = node.willing;
        let config = Config {
            shards,
            slots,
            willing,
        };
        node.machine = Some(Duties::new(node.key.clone(), self.genesis.id(), config));
        node.boots += 1;
        self.input(at, |machine, moment, scene| machine.tick(moment, scene));
        self.push(0, at, Event::Follow);
    }

    pub fn crash(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.machine = None;
        node.boots += 1;
        node.began.clear();
        self.suspected.retain(|(_, _, by), _| *by != at);
    }

    /// A node does nothing for a while, and then all that came in between at once.
    pub fn sleep(&mut self, at: usize, span: u64) {
        self.nodes[at].sleeps_until = self.now + span;
        self.nodes[at].has_slept = true;
    }

    pub fn drain(&mut self, at: usize) {
        self.input(at, |machine, moment, scene| machine.drain(moment, scene));
    }

    pub fn wall(&self, at: usize) -> Millis {
        Millis((START + self.now / MS).saturating_add_signed(self.nodes[at].skew))
    }

    /// A node's monotonic clock: each has its own zero.
    pub fn clock(&self, at: usize) -> Duration {
        Duration::from_micros(self.now) + Duration::from_secs(100 * at as u64)
    }

    pub fn index_of(&self, peer: &PeerId) -> usize {
        self.nodes.iter().position(|node| node.me == *peer).unwrap()
    }

    pub fn holder(&self, duty: Duty) -> Option<usize> {
        self.state.duty(duty).holder.map(|one| self.index_of(&one))
    }

    /// The one who acts on a duty.
    pub fn acting(&self, duty: Duty) -> Option<usize> {
        (0..self.nodes.len()).find(|at| self.acts(*at, duty))
    }

    fn acts(&self, at: usize, duty: Duty) -> bool {
        let node = &self.nodes[at];
        let holds = node
            .machine
            .as_ref()
            .and_then(|one| one.holds(duty, self.clock(at)));
        holds.is_some() && node.began.get(&duty).copied() == holds
    }

    pub fn duties(&self) -> Vec<Duty> {
        let shards = (0..self.config.0).map(Duty::Coordinator);
        let slots = (0..self.config.1).map(Duty::Inference);
        [Duty::ControlPlane]
            .into_iter()
            .chain(shards)
            .chain(slots)
            .collect()
    }

    fn push(&mut self, after: u64, to: usize, event: Event) {
        self.next += 1;
        self.queue.push(Reverse((self.now + after, self.next)));
        self.events
            .insert(self.next, (to, self.nodes[to].boots, event));
    }

    fn send(&mut self, from: usize, to: usize, event: Event) {
        self.messages += 1;
        let is_lost = self.rng.random_range(0..100) < self.loss;
        if is_lost || self.cut.contains(&from) || self.cut.contains(&to) {
            return;
        }
        let delay = self.rng.random_range(self.delay.0..=self.delay.1);
        self.push(delay, to, event);
    }

    /// Runs for so many microseconds.
    pub fn run(&mut self, span: u64) {
        let until = self.now + span;
        self.run_until(until, |_| false);
    }

    /// Runs until then, or until `is_done`; whether it was.
    pub fn run_until(&mut self, until: u64, is_done: impl Fn(&Self) -> bool) -> bool {
        while let Some(Reverse((at, id))) = self.queue.peek().copied() {
            if at > until || is_done(self) {
                break;
            }
            self.queue.pop();
            self.now = at;
            let (node, boots, event) = self.events.remove(&id).unwrap();
            let there = &self.nodes[node];
            let is_up = there.machine.is_some() && there.boots == boots;
            let sleeps_until = there.sleeps_until;
            match event {
                Event::Log(body, submitted) => self.log(node, body, submitted),
                event if is_up && sleeps_until > at => {
                    self.push(sleeps_until - at, node, event);
                }
                event if is_up => self.happen(node, event),
                // To a process that is no more.
                Event::Ask(from, ..) if self.rng.random_range(0..2) == 0 => {
                    self.send(node, from, Event::Unreached(node));
                }
                _ => {}
            }
            self.check();
        }
        let is_done = is_done(self);
        if !is_done {
            self.now = self.now.max(until);
        }
        is_done
    }

    fn happen(&mut self, at: usize, event: Event) {
        match event {
            Event::Tick(stamp) if stamp != self.nodes[at].tick => {}
            Event::Tick(_) => {
                self.lie_in_wait(at);
                self.input(at, |machine, moment, scene| machine.tick(moment, scene));
            }
            Event::Ask(from, ask, sent) => {
                let peer = self.nodes[from].me;
                let answer = self.input(at, |machine, moment, scene| {
                    machine.ask(moment, scene, peer, ask)
                });
                let answer = self.lie_in_answer(at, ask, answer);
                self.note_answer(at, from, ask, &answer);
                self.send(at, from, Event::Answer(at, answer, sent));
            }
            Event::Answer(from, answer, sent) => {
                let peer = self.nodes[from].me;
                self.input(at, |machine, moment, scene| {
                    machine.answered(moment, scene, peer, answer, sent);
                });
            }
            Event::Unreached(from) => {
                let peer = self.nodes[from].me;
                self.input(at, |machine, moment, _| machine.unreached(moment.now, peer));
            }
            Event::Tell(from, tell) => {
                let peer = self.nodes[from].me;
                self.input(at, |machine, moment, scene| {
                    machine.told(moment, scene, peer, tell)
                });
            }
            Event::Follow => {
                if self.cut.contains(&at) {
                    self.push(50 * MS, at, Event::Follow);
                    return;
                }
                let node = &mut self.nodes[at];
                for (entry, signer, when) in &self.log[node.followed..] {
                    node.state.next_height();
                    node.state.apply(entry, *signer, *when).unwrap();
                }
                node.followed = self.log.len();
                self.input(at, |machine, moment, scene| machine.tick(moment, scene));
            }
            Event::Log(..) => unreachable!(),
        }
    }

    /// One input to a node's machine, and what it wants done then.
    pub fn input<T>(
        &mut self,
        at: usize,
        give: impl FnOnce(&mut Duties, Moment, &Scene<'_>) -> T,
    ) -> T {
        let moment = Moment {
            now: self.clock(at),
            wall: self.wall(at),
        };
        let ran_out: BTreeSet<Duty> = self
            .duties()
            .into_iter()
            .filter(|duty| {
                let node = &self.nodes[at];
                let holds = node
                    .machine
                    .as_ref()
                    .and_then(|one| one.holds(*duty, moment.now));
                node.began.contains_key(duty) && holds.is_none()
            })
            .collect();
        let node = &mut self.nodes[at];
        let members = node.state.council().unwrap().next.clone();
        let scene = Scene {
            state: &node.state,
            members: &members,
            height: node.followed as u64,
        };
        let machine = node.machine.as_mut().unwrap();
        let given = give(machine, moment, &scene);
        let outputs: Vec<Output> = std::iter::from_fn(|| machine.poll()).collect();
        node.tick += 1;
        let (tick, next) = (node.tick, machine.next(moment.now));
        let next = u64::try_from(next.as_micros()).unwrap();
        self.push(next.max(MS), at, Event::Tick(tick));
        if std::mem::take(&mut self.nodes[at].has_slept) {
            let first = outputs.iter().take(ran_out.len());
            let ended = first.filter_map(|one| match one {
                Output::Ended { duty, .. } => Some(*duty),
                _ => None,
            });
            assert_eq!(ended.collect::<BTreeSet<_>>(), ran_out, "not ended first");
        }
        for output in outputs {
            self.perform(at, output);
        }
        given
    }

    fn perform(&mut self, at: usize, output: Output) {
        match output {
            Output::Ask(peer, ask) => {
                let sent = self.clock(at);
                self.send(at, self.index_of(&peer), Event::Ask(at, ask, sent));
            }
            Output::Tell(peers, tell) => {
                let tell = self.lie_in_tell(at, tell);
                self.note_tell(at, &tell);
                for peer in peers {
                    self.send(at, self.index_of(&peer), Event::Tell(at, tell.clone()));
                }
            }
            Output::Submit(body) if !self.cut.contains(&at) => {
                let after = self.rng.random_range(self.consensus.0..=self.consensus.1);
                // In the order of their nonces.
                let when = (self.now + after).max(self.nodes[at].logged);
                self.nodes[at].logged = when;
                self.push(when - self.now, at, Event::Log(body, self.now));
            }
            Output::Submit(_) => {}
            Output::Began { duty, term } => {
                assert_eq!(self.nodes[at].began.insert(duty, term), None, "begun twice");
                self.seen.push((self.now, Seen::Began(at, duty, term)));
            }
            Output::Ended { duty, term, why } => {
                assert_eq!(
                    self.nodes[at].began.remove(&duty),
                    Some(term),
                    "ended twice"
                );
                self.seen.push((self.now, Seen::Ended(at, duty, term, why)));
            }
        }
    }

    fn log(&mut self, by: usize, body: Body, submitted: u64) {
        let signer = self.nodes[by].me;
        self.enter(signer, body, submitted);
    }

    fn enter(&mut self, signer: PeerId, body: Body, submitted: u64) {
        let time = Millis(START + self.now / MS);
        let entry = Entry {
            chain: self.genesis.id(),
            nonce: self.state.account(&signer).nonce,
            expires: Millis(time.0 + 60_000),
            body: body.clone(),
        };
        let index = self.log.len() as u64;
        let parent = Hash(self.rng.random());
        let at = At {
            time,
            parent,
            index,
        };
        self.state.next_height();
        if self.state.apply(&entry, signer, at).is_ok() {
            self.log.push((entry, signer, at));
            self.seen.push((self.now, Seen::Logged(body, submitted)));
            for node in 0..self.nodes.len() {
                let delay = self.rng.random_range(0..=20 * MS);
                self.push(delay, node, Event::Follow);
            }
        }
    }

    /// The operator orders.
    pub fn order(&mut self, order: Order) {
        let operator = key(200);
        let version = self.state.version_of(&order);
        let expires = Millis(START + self.now / MS + 60_000);
        let decree = Decree {
            chain: self.genesis.id(),
            version,
            expires,
            order,
        };
        let approvals = vec![decree.approve(&operator)];
        self.enter(
            operator.peer_id(),
            Body::Decree(Approved { decree, approvals }),
            self.now,
        );
    }
}
