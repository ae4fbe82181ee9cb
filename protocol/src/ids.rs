//! Names of things: content hashes, tasks, peers, networks, profiles. Text in JSON, bytes in binary forms.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeTuple as _,
};
use utoipa::ToSchema;

use crate::hex::unhex;

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Not lower-case hexadecimal of the right length.
    #[error("expected {expected} lower-case hexadecimal digits, found {found:?}")]
    Hex {
        /// Digits expected.
        expected: usize,
        /// What was given, cut at 80 characters.
        found: String,
    },
    /// Not a libp2p peer id of an ed25519 key.
    #[error("not an ed25519 peer id (12D3Koo…): {found:?}")]
    Peer {
        /// What was given, cut at 80 characters.
        found: String,
    },
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

fn hex_to<const N: usize>(text: &str) -> Result<[u8; N], IdError> {
    let wrong = || IdError::Hex {
        expected: N * 2,
        found: cut(text),
    };
    // Measured first: what is given may be long.
    let fits = text.len() == N * 2;
    let bytes = fits.then(|| unhex(text)).flatten();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(wrong)
}

/// Text for people, bytes for machines: `bytes` is what `text` spells.
fn write_id<S: Serializer>(
    text: &impl fmt::Display,
    bytes: &[u8],
    to: S,
) -> Result<S::Ok, S::Error> {
    if to.is_human_readable() {
        return to.collect_str(text);
    }
    let mut fields = to.serialize_tuple(bytes.len())?;
    for byte in bytes {
        fields.serialize_element(byte)?;
    }
    fields.end()
}

/// Reads what [`write_id`] writes.
fn read_id<'de, const N: usize, T, D>(from: D, id: fn([u8; N]) -> T) -> Result<T, D::Error>
where
    T: FromStr<Err = IdError>,
    D: Deserializer<'de>,
    [u8; N]: Deserialize<'de>,
{
    if from.is_human_readable() {
        return String::deserialize(from)?.parse().map_err(D::Error::custom);
    }
    <[u8; N]>::deserialize(from).map(id)
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
        #[schema(value_type = String)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                hex_to::<$len>(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                write_id(self, &self.0, to)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                read_id(from, Self)
            }
        }
    };
}

hex_id! {
    /// A blake3 hash, written as 64 lower-case hexadecimal digits.
    Hash, 32
}
hex_id! {
    /// A task: 16 random bytes chosen by the submitting node, written as 32 hexadecimal digits.
    TaskId, 16
}
hex_id! {
    /// A network: the hash of what its operators founded it with.
    NetworkId, 32
}
hex_id! {
    /// An execution profile: the hash of everything that decides an outcome (guest, semantics, limits' rules).
    ProfileId, 32
}

impl Hash {
    /// The plain blake3 hash of `bytes`. Structured values are hashed by [`crate::canonical`] instead.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// A node's public key as libp2p spells it: base58btc of the identity multihash of the protobuf-encoded
/// ed25519 key (libp2p peer-ids specification), always beginning `12D3Koo`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String)]
pub struct PeerId(pub [u8; 32]);

/// Identity multihash (0x00), 36 bytes, protobuf: key type 1 (ed25519), 32 bytes of key.
const PEER_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = PEER_PREFIX.to_vec();
        bytes.extend_from_slice(&self.0);
        f.write_str(&bs58::encode(bytes).into_string())
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({self})")
    }
}

impl FromStr for PeerId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::Peer { found: cut(text) };
        // 38 bytes are at most 52 base58 digits; longer input is not decoded at all.
        if text.len() > 52 {
            return Err(wrong());
        }
        let bytes = bs58::decode(text).into_vec().map_err(|_| wrong())?;
        let key = bytes.strip_prefix(&PEER_PREFIX).ok_or_else(wrong)?;
        key.try_into().map(Self).map_err(|_| wrong())
    }
}

impl Serialize for PeerId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        write_id(self, &self.0, to)
    }
}

impl<'de> Deserialize<'de> for PeerId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read_id(from, Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_write_and_refuse_the_rest() {
        let hash = Hash::of(b"edgecoder");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for bad in ["", "ab", &hash.to_string().to_uppercase(), &"z".repeat(64)] {
            assert!(bad.parse::<Hash>().is_err(), "{bad:?}");
        }
        let peer = PeerId([7; 32]);
        let text = peer.to_string();
        assert!(text.starts_with("12D3Koo"), "{text}");
        assert_eq!(text.parse(), Ok(peer));
        for bad in [
            "",
            "12D3Koo",
            &text[1..],
            &format!("{text}1"),
            &"1".repeat(1000),
        ] {
            assert!(bad.parse::<PeerId>().is_err(), "{bad:?}");
        }
    }
}
