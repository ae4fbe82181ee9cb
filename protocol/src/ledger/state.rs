//! The state that all nodes reach from the same entries, as one map whose root a block states.
//!
//! A copy costs nothing, so a proposed block is applied to one. What may change it is in `apply`.

use std::sync::LazyLock;

use super::{
    decree::Standing,
    duty::{Duty, Seat},
    members::MemberSet,
    trie::{Proof, Trie},
};
use crate::{
    canonical::Encoder,
    ids::{Hash, NetworkId, PeerId},
    network::Genesis,
    units::{Credits, Millis},
};

mod layout;

/// What a value is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// What the network was founded with and its operators changed since.
    Network,
    /// Who votes.
    Council,
    /// Credits that there are.
    Supply,
    /// Credits and entries of a key's holder.
    Account(PeerId),
    /// Whether a peer takes part.
    Peer(PeerId),
    /// Whether a peer is to be left alone.
    Listing(PeerId),
    /// Who holds a duty.
    Duty(Duty),
    /// How a task stands.
    Task(Hash),
    /// A document that all go by.
    Policy(String),
}

impl Key {
    /// Where the map has it.
    pub fn hash(&self) -> Hash {
        // Asked for with each entry, and always the same.
        static NETWORK: LazyLock<Hash> = LazyLock::new(|| named(0, &[]));
        match self {
            Self::Network => *NETWORK,
            Self::Council => named(1, &[]),
            Self::Supply => named(2, &[]),
            Self::Account(peer) => named(3, &peer.0),
            Self::Peer(peer) => named(4, &peer.0),
            Self::Listing(peer) => named(5, &peer.0),
            Self::Duty(duty) => named(6, &duty.bytes()),
            Self::Task(task) => named(7, &task.0),
            Self::Policy(name) => {
                let mut to = Encoder::default();
                to.fixed(DOMAIN).u8(8).text(name);
                Hash::of(&to.finish())
            }
        }
    }
}

/// What a key's bytes begin with: `edgecoder/state-key/1` as a canonical text.
const DOMAIN: &[u8; 29] = b"\x15\0\0\0\0\0\0\0edgecoder/state-key/1";

/// The hash of a key with a name of at most 32 bytes, put together on the stack: several are asked for with each entry.
fn named(tag: u8, name: &[u8]) -> Hash {
    let mut bytes = [0; DOMAIN.len() + 1 + 32];
    let (domain, rest) = bytes.split_at_mut(DOMAIN.len());
    domain.copy_from_slice(DOMAIN);
    rest[0] = tag;
    rest[1..=name.len()].copy_from_slice(name);
    Hash::of(&bytes[..DOMAIN.len() + 1 + name.len()])
}

/// What the network was founded with and its operators changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkState {
    /// Which.
    pub chain: NetworkId,
    /// Who decrees, in rising order; an operator's new key takes the old one's place.
    pub operators: Vec<PeerId>,
    /// Whether whoever asks is admitted as a worker.
    pub is_open: bool,
    /// Decrees about this so far.
    pub version: u64,
}

/// Who votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouncilState {
    /// At this height.
    pub members: MemberSet,
    /// At the next.
    pub next: MemberSet,
    /// Changes so far.
    pub version: u64,
}

/// Credits that there are: what accounts have is issued and not burned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    /// Ever issued.
    pub issued: Credits,
    /// Ever burned.
    pub burned: Credits,
}

/// Credits and entries of a key's holder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Entries so far: the nonce of the next.
    pub nonce: u64,
    /// What it has.
    pub balance: Credits,
    /// The key that has taken its place; nothing of the old one counts then.
    pub rotated: Option<PeerId>,
}

/// Whether a peer takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerState {
    /// As what.
    pub standing: Standing,
    /// Whose it is; none for the unattributed owner.
    pub owner: Option<PeerId>,
    /// Whether it does no more.
    pub is_revoked: bool,
    /// Those that it holds, in rising order, at most [`super::duty::DUTIES_MAX`].
    pub duties: Vec<Duty>,
    /// Decrees about it so far.
    pub version: u64,
}

/// Whether a peer is to be left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// What proves it.
    pub evidence: Hash,
    /// Why, for people.
    pub reason: String,
    /// Until when, by the blocks' time.
    pub until: Millis,
    /// What the peer says to it.
    pub appeal: Option<Hash>,
    /// Decrees about it so far.
    pub version: u64,
}

/// Who holds a duty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DutyState {
    /// Who; nobody when it is vacant.
    pub holder: Option<PeerId>,
    /// The last grant's: the index of its entry in the log.
    pub term: u64,
}

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskState {
    /// Of which shard.
    pub shard: u16,
    /// Assignments so far.
    pub assigned: u64,
    /// When it was last spoken of.
    pub at: Millis,
    /// A commitment to how it ended.
    pub result: Option<Hash>,
}

/// A document that all go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What it says, by its hash.
    pub document: Hash,
    /// Decrees about it so far.
    pub version: u64,
}

/// What the map holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of [`Key::Network`].
    Network(NetworkState),
    /// Of [`Key::Council`].
    Council(CouncilState),
    /// Of [`Key::Supply`].
    Supply(Supply),
    /// Of [`Key::Account`].
    Account(Account),
    /// Of [`Key::Peer`].
    Peer(PeerState),
    /// Of [`Key::Listing`].
    Listing(Listing),
    /// Of [`Key::Duty`].
    Duty(DutyState),
    /// Of [`Key::Task`].
    Task(TaskState),
    /// Of [`Key::Policy`].
    Policy(Policy),
}

/// The replicated state.
#[derive(Clone, Debug)]
pub struct State {
    map: Trie<Value>,
}

macro_rules! read {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $of:ty),*), $variant:ident, $value:ty, $key:expr) => {
        $(#[$doc])*
        pub fn $name(&self, $($arg: $of),*) -> Option<&$value> {
            match self.map.get(&$key.hash()) {
                Some(Value::$variant(value)) => Some(value),
                // Each kind of key has its own kind of value.
                Some(_) | None => None,
            }
        }
    };
}

impl State {
    /// Before the first block.
    pub fn new(genesis: &Genesis) -> Self {
        let members = genesis.members.clone();
        let mut state = Self {
            map: Trie::default(),
        };
        let network = NetworkState {
            chain: genesis.id(),
            operators: genesis.operators.clone(),
            is_open: false,
            version: 0,
        };
        for member in members.members() {
            let peer = PeerState {
                standing: Standing::Trusted,
                owner: None,
                is_revoked: false,
                duties: Vec::new(),
                version: 0,
            };
            state.put(&Key::Peer(*member), Value::Peer(peer));
        }
        let council = CouncilState {
            next: members.clone(),
            members,
            version: 0,
        };
        state.put(&Key::Network, Value::Network(network));
        state.put(&Key::Council, Value::Council(council));
        state.put(&Key::Supply, Value::Supply(Supply::default()));
        state
    }

    /// The state that has these values by the hashes of their keys.
    pub(super) fn of(values: &[(Hash, Value)]) -> Self {
        let mut map = Trie::default();
        for (key, value) in values {
            map.insert(*key, value.clone());
        }
        Self { map }
    }

    /// All values by the hashes of their keys, which rise.
    pub(super) fn pairs(&self) -> Vec<(Hash, Value)> {
        let pairs = self.map.iter();
        pairs.map(|(key, value)| (*key, value.clone())).collect()
    }

    /// What it has under `key`.
    pub fn value(&self, key: &Key) -> Option<&Value> {
        self.map.get(&key.hash())
    }

    /// What a block states of it.
    pub fn root(&self) -> Hash {
        self.map.root()
    }

    /// Proves what it has under `key`, or that it has nothing.
    pub fn prove(&self, key: &Key) -> Proof {
        self.map.prove(&key.hash())
    }

    /// Values that it holds.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Never: there is always a network.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// All values, in the order of their keys' hashes.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.map.iter().map(|(_, value)| value)
    }

    pub(super) fn put(&mut self, key: &Key, value: Value) {
        self.put_at(key.hash(), value);
    }

    /// As [`Self::put`], by the hash of the key.
    pub(super) fn put_at(&mut self, key: Hash, value: Value) {
        self.map.insert(key, value);
    }

    pub(super) fn remove_where(&mut self, is_out: impl Fn(&Value) -> bool) {
        let out = self.map.iter().filter(|(_, value)| is_out(value));
        let out: Vec<Hash> = out.map(|(key, _)| *key).collect();
        for key in out {
            self.map.remove(&key);
        }
    }

    /// The account of a key of this hash.
    pub(super) fn account_at(&self, key: &Hash) -> Option<Account> {
        match self.map.get(key) {
            Some(Value::Account(account)) => Some(*account),
            Some(_) | None => None,
        }
    }

    /// The task of a key of this hash.
    pub(super) fn task_at(&self, key: &Hash) -> Option<TaskState> {
        match self.map.get(key) {
            Some(Value::Task(task)) => Some(*task),
            Some(_) | None => None,
        }
    }

    read!(
        /// The network.
        network(), Network, NetworkState, Key::Network
    );
    read!(
        /// Who votes.
        council(), Council, CouncilState, Key::Council
    );
    read!(
        /// The credits that there are.
        supply(), Supply, Supply, Key::Supply
    );
    read!(
        /// An account; one that is not here is empty.
        account_of(peer: &PeerId), Account, Account, Key::Account(*peer)
    );
    read!(
        /// Whether a peer takes part.
        peer(peer: &PeerId), Peer, PeerState, Key::Peer(*peer)
    );
    read!(
        /// Whether a peer is to be left alone; an entry may have run out.
        listing(peer: &PeerId), Listing, Listing, Key::Listing(*peer)
    );
    read!(
        /// Who holds a duty.
        duty_of(duty: Duty), Duty, DutyState, Key::Duty(duty)
    );
    read!(
        /// How a task stands.
        task(task: &Hash), Task, TaskState, Key::Task(*task)
    );
    read!(
        /// A document that all go by.
        policy(name: &str), Policy, Policy, Key::Policy(name.to_owned())
    );

    /// An account, empty when it is not here.
    pub fn account(&self, peer: &PeerId) -> Account {
        self.account_of(peer).copied().unwrap_or_default()
    }

    /// A duty, vacant when it never was anybody's.
    pub fn duty(&self, duty: Duty) -> DutyState {
        self.duty_of(duty).copied().unwrap_or_default()
    }

    /// Who holds a duty; nobody while it is vacant.
    pub fn seat(&self, duty: Duty) -> Option<Seat> {
        let DutyState { holder, term } = self.duty(duty);
        holder.map(|holder| Seat { holder, term })
    }

    /// Whether nobody deals with `peer` at that time.
    pub fn is_listed(&self, peer: &PeerId, at: Millis) -> bool {
        self.listing(peer).is_some_and(|one| at < one.until)
    }
}
