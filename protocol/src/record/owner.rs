//! Whose a node is: an operator's signature over network and node. Whether the operator counts, the network says.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    canonical::{DecodeError, Decoder, Encoder},
    ids::{NetworkId, PeerId},
    key::{NodeKey, verify},
};

/// An operator's word that a node belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The operator.
    pub operator: PeerId,
    /// Its signature; whether it holds, [`Owner::holds`] says.
    signature: [u8; 64],
}

impl Owner {
    /// The operator with `key` says that `node` is its own.
    pub fn vouch(network: NetworkId, node: PeerId, key: &NodeKey) -> Self {
        Self {
            operator: key.peer_id(),
            signature: key.sign(&statement(network, node)),
        }
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.operator.0).fixed(&self.signature);
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            operator: PeerId(from.array()?),
            signature: from.array()?,
        })
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

/// How a line of this version begins.
const VOUCH: &str = "edgecoder-owner-1:";
/// Bytes in a line: network, node, operator, signature.
const VOUCH_LEN: usize = 32 + 32 + 32 + 64;

/// An operator's word on its way to the node that it is about: one line, and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouch {
    /// The network.
    pub network: NetworkId,
    /// The node.
    pub node: PeerId,
    /// What was said.
    pub owner: Owner,
}

/// Why a line is no operator's word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VouchError {
    /// Something else, or of a newer version.
    #[error("this is no operator's word: one begins with `{VOUCH}`")]
    Form,
    /// Cut short or changed.
    #[error("the operator's word is damaged: copy the whole line again")]
    Damaged,
}

impl Vouch {
    /// The operator with `key` says that `node` is its own.
    pub fn new(network: NetworkId, node: PeerId, key: &NodeKey) -> Self {
        Self {
            network,
            node,
            owner: Owner::vouch(network, node, key),
        }
    }
}

impl fmt::Display for Vouch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: [&[u8]; 4] = [
            &self.network.0,
            &self.node.0,
            &self.owner.operator.0,
            &self.owner.signature,
        ];
        write!(f, "{VOUCH}{}", URL_SAFE_NO_PAD.encode(parts.concat()))
    }
}

impl FromStr for Vouch {
    type Err = VouchError;

    fn from_str(line: &str) -> Result<Self, VouchError> {
        let text = line.trim().strip_prefix(VOUCH).ok_or(VouchError::Form)?;
        if text.len() > VOUCH_LEN * 2 {
            return Err(VouchError::Damaged);
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| VouchError::Damaged)?;
        let part = |at: usize| bytes.get(at..at + 32)?.first_chunk().copied();
        let read = || {
            Some(Self {
                network: NetworkId(part(0)?),
                node: PeerId(part(32)?),
                owner: Owner {
                    operator: PeerId(part(64)?),
                    signature: bytes.get(96..)?.try_into().ok()?,
                },
            })
        };
        let vouch = read().ok_or(VouchError::Damaged)?;
        match vouch.owner.holds(vouch.network, vouch.node) {
            true => Ok(vouch),
            false => Err(VouchError::Damaged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reads_back_and_not_with_anything_changed() {
        let key = NodeKey::from_seed(&mut [1; 32]);
        let word = Vouch::new(NetworkId([2; 32]), PeerId([3; 32]), &key);
        let line = word.to_string();
        assert_eq!(line.parse(), Ok(word));
        assert_eq!(
            format!(" {line}\n")
                .parse::<Vouch>()
                .map(|one| one.to_string()),
            Ok(line.clone())
        );
        for (at, byte) in line.bytes().enumerate() {
            let mut other = line.clone().into_bytes();
            other[at] = if byte == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert!(other.parse::<Vouch>().is_err(), "{other}");
        }
        for text in [
            "",
            "edgecoder-owner-1:",
            "edgecoder-owner-1:AAAA",
            &line[..line.len() - 1],
        ] {
            assert!(text.parse::<Vouch>().is_err(), "{text}");
        }
    }
}
