//! Whose a node is: the operator whose key lies beside its own, or one who gave it a line to say so.

use std::path::Path;

use edgecoder_node_store::{Faults, write_whole};
use edgecoder_protocol::{
    PeerId,
    network::Genesis,
    record::{Owner, Vouch, VouchError},
};

use super::{NODE, NetworkError, OPERATOR, files, keys, prepare};
use crate::node::Random;

/// The word of an operator whose key is elsewhere, as its line.
const OWNER: &str = "network.owner";

/// This data folder's operator key, made unless it is there: its id is what a network lists.
///
/// # Errors
/// [`NetworkError`] when a key is there and cannot be used, or none can be written.
pub fn operator(data_dir: &Path, random: Random) -> Result<PeerId, NetworkError> {
    prepare(data_dir)?;
    Ok(keys::made(&data_dir.join(OPERATOR), random, &Faults::default())?.peer_id())
}

/// The operator of this data folder says that `node` is its own.
///
/// # Errors
/// [`NetworkError::NoOperator`] where there is no key of an operator of this network.
pub fn vouch(data_dir: &Path, genesis: &Genesis, node: PeerId) -> Result<Vouch, NetworkError> {
    let path = data_dir.join(OPERATOR);
    let operator = keys::read(&path)?;
    let operator = operator.filter(|key| genesis.operators.contains(&key.peer_id()));
    let operator = operator.ok_or(NetworkError::NoOperator { path })?;
    Ok(Vouch::new(genesis.id(), node, &operator))
}

/// Takes an operator's word for this node.
///
/// # Errors
/// [`NetworkError::Vouch`] for what is none; [`NetworkError::Elsewhere`] for one about another node or network, or of
/// somebody whom this network does not list; others when it cannot be written.
pub fn belong(data_dir: &Path, genesis: &Genesis, line: &str) -> Result<Owner, NetworkError> {
    let word: Vouch = line.parse()?;
    let node = keys::read(&data_dir.join(NODE))?.map(|key| key.peer_id());
    let why = match (word.network == genesis.id(), Some(word.node) == node) {
        (false, _) => Some("it is about another network"),
        (true, false) => Some("it is about another node"),
        (true, true) if !genesis.operators.contains(&word.owner.operator) => {
            Some("its signer is no operator of this network")
        }
        (true, true) => None,
    };
    if let Some(why) = why {
        return Err(NetworkError::Elsewhere { why });
    }
    let path = data_dir.join(OWNER);
    let bytes = format!("{word}\n");
    write_whole(&path, bytes.as_bytes(), 0o600, &Faults::default())
        .map_err(|source| NetworkError::file("write", &path, source))?;
    Ok(word.owner)
}

/// Whose this node is.
pub(super) fn owner(data_dir: &Path, genesis: &Genesis) -> Result<Option<Owner>, NetworkError> {
    let Some(node) = keys::read(&data_dir.join(NODE))?.map(|key| key.peer_id()) else {
        return Ok(None);
    };
    let operator = keys::read(&data_dir.join(OPERATOR))?;
    if let Some(key) = operator.filter(|key| genesis.operators.contains(&key.peer_id())) {
        return Ok(Some(Owner::vouch(genesis.id(), node, &key)));
    }
    let Some(line) = files::read_line(&data_dir.join(OWNER))? else {
        return Ok(None);
    };
    let word: Vouch = line
        .parse()
        .map_err(|error: VouchError| NetworkError::Damaged {
            path: data_dir.join(OWNER),
            why: error.to_string(),
        })?;
    // One that is left of another network says nothing here.
    let is_of_this = word.network == genesis.id() && word.node == node;
    Ok(is_of_this.then_some(word.owner))
}
