//! A canonical value with its signature. What is inside can be read only by way of the signature's check.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    canonical::{self, Canonical, DecodeError},
    ids::{Hash, PeerId},
    key::{NodeKey, verify},
};

/// Bytes that a signed value's canonical form may have: what comes from a peer is measured before it is decoded.
pub const SIGNED_MAX: usize = 64 << 10;

/// A value with the bytes of it that were signed, and who vouches for them.
///
/// One that was read from elsewhere may be forged: [`Signed::open`] is the only way to the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T> {
    value: T,
    /// The canonical bytes of `value`: kept, so that checking and passing on do not encode it again.
    bytes: Vec<u8>,
    signer: PeerId,
    signature: [u8; 64],
}

/// Why a signed value is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignedError {
    /// The signature is not by the named signer over this value.
    #[error("the signature does not belong to the value and its signer {signer}")]
    Signature {
        /// Who it claims to be from.
        signer: PeerId,
    },
    /// Signed by somebody who may not say this.
    #[error("signed by {signer}, expected {expected}")]
    Signer {
        /// Who signed.
        signer: PeerId,
        /// Who should have.
        expected: PeerId,
    },
}

impl<T: Canonical> Signed<T> {
    /// Signs `value`.
    pub fn new(value: T, key: &NodeKey) -> Self {
        let bytes = canonical::encode(&value);
        let signature = key.sign(&bytes);
        Self {
            value,
            bytes,
            signer: key.peer_id(),
            signature,
        }
    }

    /// The value and its signer, once the signature has been checked.
    ///
    /// # Errors
    /// [`SignedError::Signature`] when it does not hold.
    pub fn open(&self) -> Result<(&T, PeerId), SignedError> {
        let signer = self.signer;
        if verify(&signer, &self.bytes, &self.signature) {
            Ok((&self.value, signer))
        } else {
            Err(SignedError::Signature { signer })
        }
    }

    /// What somebody says that `signer` signed: put together again from its parts, and not checked.
    pub fn claimed(value: T, signer: PeerId, signature: [u8; 64]) -> Self {
        Self {
            bytes: canonical::encode(&value),
            value,
            signer,
            signature,
        }
    }

    /// The value and who claims it: for a place that has checked the signature, or these very bytes, before.
    pub(crate) fn parts(&self) -> (&T, PeerId) {
        (&self.value, self.signer)
    }

    /// The value, when `expected` has signed it.
    ///
    /// # Errors
    /// [`SignedError`] when somebody else has, or the signature does not hold.
    pub fn open_by(&self, expected: PeerId) -> Result<&T, SignedError> {
        if self.signer != expected {
            let signer = self.signer;
            return Err(SignedError::Signer { signer, expected });
        }
        self.open().map(|(value, _)| value)
    }

    /// As [`Signed::open`], kept with the value, so that what was checked once is not checked again.
    ///
    /// # Errors
    /// As [`Signed::open`].
    pub fn checked(self) -> Result<Checked<T>, SignedError> {
        self.open()?;
        Ok(Checked(self))
    }

    /// The hash of the value, whoever signed it.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.bytes)
    }

    /// What stands for it in public: nobody finds the value from it who does not have the signature.
    pub fn commitment(&self) -> Hash {
        let domain = b"edgecoder/signed-commitment/1";
        Hash::of(&[domain, &self.signature[..], &self.signer.0[..], &self.bytes].concat())
    }

    /// Who is said to have signed it: not checked.
    pub fn claimant(&self) -> PeerId {
        self.signer
    }

    /// Length of [`Signed::to_bytes`].
    pub fn size(&self) -> usize {
        96 + self.bytes.len()
    }

    /// Value, signer and signature as bytes: the signature and the signer's key before the canonical value.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.signature[..], &self.signer.0[..], &self.bytes].concat()
    }

    /// Reads what [`Signed::to_bytes`] writes; the signature is not checked yet.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are longer than [`SIGNED_MAX`] allows, or not canonical.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > SIGNED_MAX + 96 {
            return Err(DecodeError::Invalid("longer than a signed value may be"));
        }
        let (signature, rest) = bytes
            .split_first_chunk::<64>()
            .ok_or(DecodeError::Truncated)?;
        let (signer, value) = rest
            .split_first_chunk::<32>()
            .ok_or(DecodeError::Truncated)?;
        Ok(Self {
            value: canonical::decode(value)?,
            bytes: value.to_vec(),
            signer: PeerId(*signer),
            signature: *signature,
        })
    }
}

/// A signed value whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked<T>(Signed<T>);

impl<T: Canonical> Checked<T> {
    /// Signs `value`.
    pub fn new(value: T, key: &NodeKey) -> Self {
        Self(Signed::new(value, key))
    }
}

impl<T> Checked<T> {
    /// The value.
    pub fn value(&self) -> &T {
        &self.0.value
    }

    /// Its signature.
    pub fn signature(&self) -> &[u8; 64] {
        &self.0.signature
    }

    /// Who signed it.
    pub fn signer(&self) -> PeerId {
        self.0.signer
    }

    /// The value with its signature, to be passed on.
    pub fn signed(&self) -> &Signed<T> {
        &self.0
    }
}

impl<T: Canonical> Serialize for Signed<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serde_bytes::Bytes::new(&self.to_bytes()).serialize(to)
    }
}

impl<'de, T: Canonical> Deserialize<'de> for Signed<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(from)?;
        Self::from_bytes(&bytes).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::FileTree;

    fn key(byte: u8) -> NodeKey {
        NodeKey::from_seed(&mut [byte; 32])
    }

    fn signed() -> Signed<FileTree> {
        let path = crate::RelPath::new("a.py").unwrap();
        let files = FileTree([(path, b"pass".to_vec())].into());
        Signed::new(files, &key(3))
    }

    #[test]
    fn a_signed_value_opens_for_its_signer_alone() {
        let signed = signed();
        let read = Signed::<FileTree>::from_bytes(&signed.to_bytes()).unwrap();
        assert_eq!(read, signed);
        assert_eq!(read.open().unwrap().1, key(3).peer_id());
        assert!(read.open_by(key(3).peer_id()).is_ok());
        assert_eq!(
            read.open_by(key(4).peer_id()),
            Err(SignedError::Signer {
                signer: key(3).peer_id(),
                expected: key(4).peer_id()
            })
        );
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let bytes = signed().to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let opened = Signed::<FileTree>::from_bytes(&changed).ok();
            let believed = opened.is_some_and(|signed| signed.open().is_ok());
            assert!(!believed, "bit {bit}");
        }
        for end in 0..bytes.len() {
            assert!(
                Signed::<FileTree>::from_bytes(&bytes[..end]).is_err(),
                "{end}"
            );
        }
    }

    #[test]
    fn a_longer_value_is_refused_before_it_is_read() {
        let long = vec![0; SIGNED_MAX + 97];
        assert_eq!(
            Signed::<FileTree>::from_bytes(&long),
            Err(DecodeError::Invalid("longer than a signed value may be"))
        );
    }
}
