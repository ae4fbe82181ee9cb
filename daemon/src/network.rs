//! The network that a node is in, as files of its data folder, all for its user alone: `network.json` says which,
//! `network.secret` is a private network's key, `operator.key` signs invites where the network was created,
//! `network.owner` is an operator's word that the node is theirs.
//!
//! Nothing here needs a daemon or speaks to a peer. All functions block on the disk, for moments.

use std::path::{Path, PathBuf};

use edgecoder_node_store::Faults;
use edgecoder_protocol::{
    Millis, PeerId,
    canonical::{self, DecodeError},
    key::NodeKey,
    ledger::{light::Anchor, members::MemberSet},
    network::{
        ADDRESSES_MAX, Genesis, Invite, InviteError, InviteLine, NetworkSecret, OPERATORS_MAX,
    },
    record::Owner,
};

use crate::{config::ends_in_peer, data_dir, node::Random};

mod error;
mod files;
mod keys;
mod ownership;

pub use error::NetworkError;
pub use keys::node_key;
use ownership::owner;
pub use ownership::{belong, operator, vouch};

/// The network's description.
const NETWORK: &str = "network.json";
/// A private network's key, as 64 hexadecimal digits.
const SECRET: &str = "network.secret";
/// The operator's key, where the network was created.
const OPERATOR: &str = "operator.key";
/// The node's own key.
const NODE: &str = "node.key";
/// The one that it is to go by, and the one that it went by.
const NODE_NEXT: &str = "node.key.next";
const NODE_OLD: &str = "node.key.old";

/// The network that a node is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// What it was founded with.
    pub genesis: Genesis,
    /// Where to begin, by the invite: multiaddresses that end in `/p2p/PEER`; none where it was created.
    pub addresses: Vec<String>,
    /// The key of a private network.
    pub secret: Option<NetworkSecret>,
    /// The word of one of its operators that this node is theirs.
    pub owner: Option<Owner>,
    /// What the invite says of the ledger; none where the network was created.
    pub anchor: Option<Anchor>,
}

/// What a network is created with.
#[derive(Clone, Copy, Debug)]
pub struct Founding<'a> {
    /// Its name, for people.
    pub name: &'a str,
    /// Whether only those who are given its secret can connect.
    pub private: bool,
    /// The first member of its council; absent: this node.
    pub member: Option<PeerId>,
    /// Operators beside the one whose key is, or will be, in the data folder: they vouch for nodes of their own.
    pub operators: &'a [PeerId],
    /// The time.
    pub now: Millis,
    /// Randomness.
    pub random: Random,
}

impl Network {
    /// The network that the node with this data folder is in.
    ///
    /// # Errors
    /// [`NetworkError`] when a file of it is damaged, missing, open to others or does not belong to the rest: a node
    /// must not take part in another network than it was told to, nor in a private one without its key.
    pub fn load(data_dir: &Path) -> Result<Option<Self>, NetworkError> {
        let Some(file) = files::read(&data_dir.join(NETWORK))? else {
            return Ok(None);
        };
        let secret = match file.secret_hash {
            None => None,
            Some(hash) => Some(files::read_secret(&data_dir.join(SECRET), hash)?),
        };
        let owner = owner(data_dir, &file.genesis)?;
        Ok(Some(Self {
            genesis: file.genesis,
            addresses: file.addresses,
            secret,
            owner,
            anchor: file.anchor,
        }))
    }

    /// Founds a network and puts this node into it. The node's key and the operator's are made unless they are
    /// there: one operator may found several networks.
    ///
    /// # Errors
    /// [`NetworkError::Exists`] when the node is in a network; others when the name cannot be, or a file cannot be
    /// written or used.
    pub fn create(data_dir: &Path, founding: Founding<'_>) -> Result<Self, NetworkError> {
        refuse_if_there(data_dir, "create")?;
        let random = founding.random;
        let mut salt = [0; 16];
        random(&mut salt);
        let mut genesis = Genesis {
            name: founding.name.to_owned(),
            operators: founding.operators.to_vec(),
            members: MemberSet::one(PeerId([0; 32])),
            founded: founding.now,
            salt,
        };
        // Before a key is made that would be good for nothing.
        if genesis.operators.len() >= OPERATORS_MAX {
            return Err(NetworkError::TooManyOperators);
        }
        let one = Genesis {
            operators: vec![PeerId([0; 32])],
            ..genesis.clone()
        };
        check(&one).map_err(|_| NetworkError::Name {
            name: founding.name.to_owned(),
        })?;
        prepare(data_dir)?;
        let node = node_key(data_dir, random, &Faults::default())?;
        // Others are let in by decree, when they are there to vote.
        genesis.members = MemberSet::one(founding.member.unwrap_or(node.peer_id()));
        let operator = keys::made(&data_dir.join(OPERATOR), random, &Faults::default())?;
        genesis.operators.push(operator.peer_id());
        genesis.operators.sort_unstable();
        genesis.operators.dedup();
        let secret = founding.private.then(|| {
            let mut bytes = [0; 32];
            random(&mut bytes);
            NetworkSecret(bytes)
        });
        let network = Self {
            owner: Some(Owner::vouch(genesis.id(), node.peer_id(), &operator)),
            genesis,
            addresses: Vec::new(),
            secret,
            anchor: None,
        };
        network.write(data_dir, false)?;
        Ok(network)
    }

    /// Puts this node into the network that `line` invites to, instead of the one it is in when `replace` says so.
    /// Returns it with the moment until which the invite holds.
    ///
    /// # Errors
    /// [`NetworkError::Exists`] without `replace`; [`NetworkError::Invite`] when the line is damaged, forged or
    /// has expired at `now`; others when a file cannot be written.
    pub fn join(
        data_dir: &Path,
        line: &str,
        replace: bool,
        now: Millis,
    ) -> Result<(Self, Millis), NetworkError> {
        let line: InviteLine = line.parse()?;
        let invite = line.open(now)?.clone();
        if !replace {
            refuse_if_there(data_dir, "join")?;
        }
        prepare(data_dir)?;
        let fits = |address: &String| ends_in_peer(address);
        let network = Self {
            owner: owner(data_dir, &invite.genesis)?,
            genesis: invite.genesis,
            // Others are of transports that this program has not, and no help to it.
            addresses: invite.addresses.into_iter().filter(fits).collect(),
            secret: invite.secret,
            anchor: Some(invite.anchor),
        };
        network.write(data_dir, replace)?;
        Ok((network, invite.expires))
    }

    /// What is believed of its ledger by the files alone: what the invite says, or the founding.
    pub fn begins_at(&self) -> Anchor {
        let invited = self.anchor.clone();
        invited.unwrap_or_else(|| Anchor::of_genesis(&self.genesis))
    }

    /// An invite to begin at `addresses` and with what `anchor` says of the ledger, signed with the operator's key of this data folder. For a private network
    /// the line holds its secret.
    ///
    /// # Errors
    /// [`NetworkError::NoOperator`] where there is no such key or it is not of this network;
    /// [`NetworkError::Address`] for an address that does not say where and who; [`NetworkError::TooMany`] of them.
    pub fn invite(
        &self,
        data_dir: &Path,
        addresses: Vec<String>,
        anchor: Anchor,
        expires: Millis,
    ) -> Result<InviteLine, NetworkError> {
        if let Some(address) = addresses.iter().find(|address| !ends_in_peer(address)) {
            let address = address.clone();
            return Err(NetworkError::Address { address });
        }
        if addresses.len() > ADDRESSES_MAX {
            let count = addresses.len();
            return Err(NetworkError::TooMany { count });
        }
        let path = data_dir.join(OPERATOR);
        let Some(operator) = keys::read(&path)? else {
            return Err(NetworkError::NoOperator { path });
        };
        let invite = Invite {
            genesis: self.genesis.clone(),
            addresses,
            secret: self.secret.clone(),
            anchor,
            expires,
        };
        InviteLine::new(invite, &operator).map_err(|error| match error {
            InviteError::Signature(_) => NetworkError::NoOperator { path },
            other => NetworkError::Invite(other),
        })
    }

    /// The network's description is written last (when it is there, all it needs is), a secret that it does not
    /// need is removed after.
    fn write(&self, data_dir: &Path, replace: bool) -> Result<(), NetworkError> {
        let secret = data_dir.join(SECRET);
        if let Some(bytes) = &self.secret {
            files::write_secret(&secret, bytes)?;
        }
        files::write(&data_dir.join(NETWORK), self, replace)?;
        match &self.secret {
            Some(_) => Ok(()),
            None => files::remove(&secret),
        }
    }
}

/// This node's id, once it has a key.
///
/// # Errors
/// [`NetworkError`] when a key is there and cannot be used.
pub fn node_id(data_dir: &Path) -> Result<Option<PeerId>, NetworkError> {
    let key = keys::read(&data_dir.join(NODE))?;
    Ok(key.map(|key| key.peer_id()))
}

/// The keys of this data folder that may be an operator's: of the network that was created here, and the node's own,
/// which is the operator of a node that is alone.
///
/// # Errors
/// [`NetworkError`] when a key is there and cannot be used.
pub fn operator_keys(data_dir: &Path) -> Result<Vec<NodeKey>, NetworkError> {
    let found = [OPERATOR, NODE].map(|name| keys::read(&data_dir.join(name)));
    let found: Result<Vec<Option<NodeKey>>, NetworkError> = found.into_iter().collect();
    Ok(found?.into_iter().flatten().collect())
}

/// The key that this node is to go by, made unless it is there.
///
/// # Errors
/// [`NetworkError`] when it cannot be read, written or used.
pub fn next_key(data_dir: &Path, random: Random) -> Result<NodeKey, NetworkError> {
    keys::made(&data_dir.join(NODE_NEXT), random, &Faults::default())
}

/// Puts that key in the place of the node's own, which is kept beside it: it opens what was sealed for it.
///
/// # Errors
/// [`NetworkError`] when a file cannot be renamed. A key is there at every moment.
pub fn use_next_key(data_dir: &Path) -> Result<(), NetworkError> {
    let (own, old, next) = (NODE, NODE_OLD, NODE_NEXT);
    let [own, old, next] = [own, old, next].map(|name| data_dir.join(name));
    let failed = |source| NetworkError::file("write", &own, source);
    // A second name first: a crash in between leaves the old key in both.
    match std::fs::remove_file(&old) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    std::fs::hard_link(&own, &old).map_err(failed)?;
    std::fs::rename(&next, &own).map_err(failed)?;
    let folder = std::fs::File::open(data_dir);
    folder.and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Where the operator's key lies, or would.
pub fn operator_file(data_dir: &Path) -> PathBuf {
    data_dir.join(OPERATOR)
}

/// Whether the operator's key of this data folder is one of the network's.
///
/// # Errors
/// [`NetworkError`] when a key is there and cannot be used.
pub fn is_operated_here(data_dir: &Path, genesis: &Genesis) -> Result<bool, NetworkError> {
    let operator = keys::read(&data_dir.join(OPERATOR))?;
    Ok(operator.is_some_and(|key| genesis.operators.contains(&key.peer_id())))
}

/// Whether `genesis` is one that others will read: the canonical form has the bounds.
fn check(genesis: &Genesis) -> Result<(), DecodeError> {
    canonical::decode::<Genesis>(&canonical::encode(genesis)).map(|_| ())
}

/// Refuses when there is a description already, readable or not.
fn refuse_if_there(data_dir: &Path, doing: &'static str) -> Result<(), NetworkError> {
    let path = data_dir.join(NETWORK);
    match std::fs::symlink_metadata(&path) {
        Ok(_) => Err(NetworkError::Exists { path, doing }),
        Err(_) => Ok(()),
    }
}

fn prepare(data_dir: &Path) -> Result<(), NetworkError> {
    data_dir::make(data_dir)
        .and_then(|()| data_dir::close(data_dir))
        .map_err(|source| NetworkError::file("make", data_dir, source))
}

#[cfg(test)]
mod tests;
