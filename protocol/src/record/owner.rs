//! Whose a node is: an operator's signature over network and node. Whether the operator counts, the network says.

use crate::{
    canonical::Encoder,
    ids::{NetworkId, PeerId},
    key::{NodeKey, verify},
};

/// An operator's word that a node belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The operator.
    pub operator: PeerId,
    /// Its signature; whether it holds, [`Owner::holds`] says.
    pub(super) signature: [u8; 64],
}

impl Owner {
    /// The operator with `key` says that `node` is its own.
    pub fn vouch(network: NetworkId, node: PeerId, key: &NodeKey) -> Self {
        Self {
            operator: key.peer_id(),
            signature: key.sign(&statement(network, node)),
        }
    }

    /// Whether the operator said so of `node`.
    pub fn holds(&self, network: NetworkId, node: PeerId) -> bool {
        verify(&self.operator, &statement(network, node), &self.signature)
    }
}

/// What an operator signs.
fn statement(network: NetworkId, node: PeerId) -> Vec<u8> {
    let mut to = Encoder::default();
    to.text("edgecoder/belongs/1")
        .fixed(&network.0)
        .fixed(&node.0);
    to.finish()
}
