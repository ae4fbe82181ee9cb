//! Node keys: ed25519, stored in libp2p's protobuf form, so that the mesh can use them unchanged.

use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use zeroize::{Zeroize, Zeroizing};

use crate::ids::PeerId;

/// Bytes of a stored private key: protobuf header, 32 bytes of seed, 32 of public key.
pub const STORED_LEN: usize = 68;

/// Protobuf: field 1 (type) = 1 (ed25519), field 2 (data) = 64 bytes.
const STORED_PREFIX: [u8; 4] = [0x08, 0x01, 0x12, 0x40];

/// Why stored bytes are not a node key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Wrong length or header.
    #[error("not a libp2p ed25519 private key")]
    Malformed,
    /// The public half does not belong to the private half.
    #[error("the two halves of the key do not belong together")]
    Mismatch,
}

/// A node's signing key. Never printed, wiped when dropped.
pub struct NodeKey(SigningKey);

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeKey({})", self.peer_id())
    }
}

impl NodeKey {
    /// The key that `seed` (32 random bytes from the caller) stands for. The caller's copy is wiped.
    pub fn from_seed(seed: &mut [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        seed.zeroize();
        Self(key)
    }

    /// Reads the form that [`NodeKey::to_stored`] writes.
    ///
    /// # Errors
    /// [`KeyError`] when the bytes are not such a key.
    pub fn from_stored(bytes: &[u8]) -> Result<Self, KeyError> {
        let pair = bytes
            .strip_prefix(&STORED_PREFIX)
            .ok_or(KeyError::Malformed)?;
        let pair: Zeroizing<[u8; 64]> =
            Zeroizing::new(pair.try_into().map_err(|_| KeyError::Malformed)?);
        SigningKey::from_keypair_bytes(&pair)
            .map(Self)
            .map_err(|_| KeyError::Mismatch)
    }

    /// The key as libp2p's `PrivateKey` message; secret.
    pub fn to_stored(&self) -> Zeroizing<[u8; STORED_LEN]> {
        let mut out = Zeroizing::new([0; STORED_LEN]);
        out[..4].copy_from_slice(&STORED_PREFIX);
        out[4..].copy_from_slice(&self.0.to_keypair_bytes());
        out
    }

    /// Who signs with this key.
    pub fn peer_id(&self) -> PeerId {
        PeerId(self.0.verifying_key().to_bytes())
    }

    /// Signs `message`, which must be a domain-separated encoding ([`crate::canonical`]).
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl PeerId {
    /// Whether anybody can sign as this: 32 bytes that are a point of the curve, and not one of small order.
    pub fn is_key(&self) -> bool {
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| !key.is_weak())
    }
}

/// Whether `signature` over `message` is by `signer`. Strict: weak keys and malleable signatures fail.
pub fn verify(signer: &PeerId, message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(&signer.0).is_ok_and(|key| {
        !key.is_weak()
            && key
                .verify(message, &Signature::from_bytes(signature))
                .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> NodeKey {
        NodeKey::from_seed(&mut [byte; 32])
    }

    #[test]
    fn a_stored_key_reads_back_and_a_damaged_one_does_not() {
        let stored = key(3).to_stored();
        assert_eq!(
            NodeKey::from_stored(&stored[..]).unwrap().peer_id(),
            key(3).peer_id()
        );
        assert_eq!(
            NodeKey::from_stored(&stored[..67]).unwrap_err(),
            KeyError::Malformed
        );
        let mut crossed = *stored;
        crossed[60] ^= 1;
        assert_eq!(
            NodeKey::from_stored(&crossed).unwrap_err(),
            KeyError::Mismatch
        );
    }

    #[test]
    fn a_signature_is_bound_to_signer_and_message() {
        let signature = key(3).sign(b"one");
        assert!(verify(&key(3).peer_id(), b"one", &signature));
        assert!(!verify(&key(4).peer_id(), b"one", &signature));
        assert!(!verify(&key(3).peer_id(), b"two", &signature));
    }

    #[test]
    fn bytes_that_nobody_can_sign_as_are_no_key() {
        assert!(key(3).peer_id().is_key());
        let mut one = [0; 32];
        one[0] = 1;
        // No point has this y; the neutral point; one of order 4.
        for bytes in [[2; 32], one, [0; 32]] {
            assert!(!PeerId(bytes).is_key(), "{bytes:?}");
        }
    }
}
