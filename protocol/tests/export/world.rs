//! A network that says everything a ledger can hold, block by block, and whose blocks are decided by real keys.

use std::collections::BTreeMap;

use edgecoder_protocol::{
    Hash, Millis, NetworkId, PeerId, Signed, canonical,
    key::NodeKey,
    ledger::{
        apply::{At, Refused},
        block::{Block, Certificate, Header, Stage, VERSION, Vote},
        duty::Duty,
        entry::{Body, Entry, Fenced},
        export::{Decided, Founding},
        light::first_parent,
        members::MemberSet,
        merkle::{self, CompactRange},
        state::State,
    },
    network::Genesis,
};

pub const OPERATORS: [u32; 3] = [200, 201, 202];
pub const SHARDS: [Duty; 2] = [Duty::Coordinator(0), Duty::Coordinator(1)];

/// Members 1 to 4, others who are trusted 5 and 6, operators 200 to 202, others from 1,000.
pub fn key(number: u32) -> NodeKey {
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    NodeKey::from_seed(&mut seed)
}

pub fn id(number: u32) -> PeerId {
    key(number).peer_id()
}

/// A hash of its own for each number.
pub fn hash(number: u32) -> Hash {
    Hash::of(&number.to_le_bytes())
}

pub fn founding() -> Founding {
    let mut operators = OPERATORS.map(id).to_vec();
    operators.sort_unstable();
    Founding {
        genesis: Genesis {
            name: "lab ünder test".into(),
            operators,
            members: MemberSet::new((1..=4).map(id)).unwrap(),
            founded: Millis(1_000_000),
            salt: [3; 16],
        },
    }
}

pub fn chain() -> NetworkId {
    founding().genesis.id()
}

#[derive(Clone)]
pub struct World {
    pub state: State,
    /// The log before this block.
    pub before: CompactRange,
    parent: Hash,
    pub height: u64,
    pub entries: Vec<Signed<Entry>>,
    pub blocks: Vec<Decided>,
    /// Whose key is whose.
    pub names: BTreeMap<PeerId, u32>,
    /// Who decrees now.
    pub operators: [u32; 3],
    pub workers: Vec<u32>,
    /// Who never was a member, or is none any more.
    pub trusted: Vec<u32>,
    pub tasks: Vec<Fenced>,
    pub forgotten: usize,
    /// Keys that others have taken the place of.
    pub rotated: Vec<u32>,
    /// Who is blacklisted until after this block.
    pub listed: u32,
    pub fresh: u32,
    random: u64,
}

/// Now and then nothing is said for some days.
pub fn time_of(height: u64) -> Millis {
    let idle = height / 3 * 4 * 24 * 3_600_000;
    Millis(1_000_000 + 5_000 * height + idle)
}

impl World {
    pub fn new() -> Self {
        let Founding { genesis } = founding();
        Self {
            state: State::new(&genesis),
            before: CompactRange::default(),
            parent: first_parent(genesis.id()),
            height: 0,
            entries: Vec::new(),
            blocks: Vec::new(),
            names: (1..=4).map(|number| (id(number), number)).collect(),
            operators: OPERATORS,
            workers: Vec::new(),
            trusted: vec![5, 6],
            tasks: Vec::new(),
            forgotten: 0,
            rotated: Vec::new(),
            listed: 0,
            fresh: 1_000,
            random: 1,
        }
    }

    /// A world of so many entries, in blocks of so many.
    pub fn of(entries: usize, block: usize) -> Self {
        let mut world = Self::new();
        for _ in 0..entries / block {
            world.open();
            world.fill(block);
            world.close();
        }
        world
    }

    pub fn below(&mut self, most: usize) -> usize {
        let next = self.random.wrapping_mul(6_364_136_223_846_793_005);
        self.random = next.wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as usize % most
    }

    pub fn fresh(&mut self) -> u32 {
        self.fresh += 1;
        self.names.insert(id(self.fresh), self.fresh);
        self.fresh
    }

    pub fn time(&self) -> Millis {
        time_of(self.height)
    }

    pub fn number(&self, peer: &PeerId) -> u32 {
        let operator = OPERATORS.into_iter().find(|one| id(*one) == *peer);
        operator.unwrap_or_else(|| self.names[peer])
    }

    pub fn signer(&self, entry: &Signed<Entry>) -> u32 {
        self.number(&entry.open().unwrap().1)
    }

    pub fn members(&self) -> Vec<u32> {
        let council = self.state.council().unwrap();
        let named = |one| self.names[one];
        council.members.members().iter().map(named).collect()
    }

    pub fn holder(&self, duty: Duty) -> u32 {
        self.names[&self.state.duty(duty).holder.unwrap()]
    }

    /// Begins the next block.
    pub fn open(&mut self) {
        self.height += 1;
        self.state.next_height();
        let values = self.state.len();
        self.state.pass(time_of(self.height - 1), self.time());
        let state = &self.state;
        // Seven days after the last word about it a task is forgotten.
        self.forgotten += values - state.len();
        self.tasks.retain(|one| state.task(&one.task).is_some());
    }

    pub fn entry(&self, by: u32, body: Body) -> Entry {
        Entry {
            chain: chain(),
            nonce: self.state.account(&id(by)).nonce,
            expires: self.time().after(std::time::Duration::from_secs(60)),
            body,
        }
    }

    pub fn try_say(&mut self, by: u32, entry: &Entry) -> Result<(), Refused> {
        let at = At {
            time: self.time(),
            parent: self.parent,
            index: self.before.size() + self.entries.len() as u64,
        };
        self.state.apply(entry, id(by), at)
    }

    pub fn say(&mut self, by: u32, body: Body) {
        let entry = self.entry(by, body);
        if let Err(refused) = self.try_say(by, &entry) {
            panic!("{} {by} {entry:?}: {refused}", self.height);
        }
        self.entries.push(Signed::new(entry, &key(by)));
    }

    /// The log with this block.
    fn range(&self) -> CompactRange {
        let mut range = self.before.clone();
        range.extend(self.entries.iter().map(|one| merkle::leaf(&one.to_bytes())));
        range
    }

    pub fn header(&self) -> Header {
        let council = self.state.council().unwrap();
        Header {
            chain: chain(),
            height: self.height,
            time: self.time(),
            parent: self.parent,
            log: self.range().root(),
            state: self.state.root(),
            members: council.members.hash(),
            next: council.next.hash(),
            version: VERSION,
        }
    }

    /// The block with this header, precommitted by these.
    pub fn decided(&self, header: Header, signers: &[u32]) -> Decided {
        let certificate = certificate(&header, (self.height % 3) as u32, signers);
        let entries = self.entries.clone();
        let block = Block { header, entries };
        Decided { block, certificate }
    }

    pub fn close(&mut self) {
        let mut signers = self.members();
        if self.height.is_multiple_of(2) {
            signers.pop();
        }
        let header = self.header();
        self.parent = header.id();
        let decided = self.decided(header, &signers);
        self.blocks.push(decided);
        self.before = self.range();
        self.entries.clear();
    }
}

pub fn certificate(header: &Header, round: u32, signers: &[u32]) -> Certificate {
    votes(header, round, Stage::Precommit, signers)
}

pub fn votes(header: &Header, round: u32, stage: Stage, signers: &[u32]) -> Certificate {
    let vote = Vote {
        chain: header.chain,
        height: header.height,
        round,
        stage,
        block: Some(header.id()),
    };
    let bytes = canonical::encode(&vote);
    let sign = |number: &u32| (id(*number), key(*number).sign(&bytes));
    let mut signatures: Vec<_> = signers.iter().map(sign).collect();
    signatures.sort_unstable_by_key(|(by, _)| *by);
    Certificate { round, signatures }
}
