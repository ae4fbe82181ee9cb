//! Who can read what: a task's contents under one random key, and that key wrapped for each reader.
//!
//! Contents are XChaCha20-Poly1305 under a [`TaskKey`]; a key is wrapped by HPKE (RFC 9180: X25519, HKDF-SHA256,
//! ChaCha20-Poly1305) for a reader's [`SealKey`], with the reason for which it reads bound in. Randomness is always
//! an argument. Who gets a key is decided elsewhere.

use std::convert::Infallible;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use hpke::{
    Deserializable, Kem as _, OpModeR, OpModeS, Serializable,
    aead::ChaCha20Poly1305,
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    rand_core::{TryCryptoRng, TryRng},
    single_shot_open, single_shot_seal_with_rng,
};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    canonical::Encoder,
    ids::{PeerId, TaskId},
};

type Kem = X25519HkdfSha256;

/// Bytes of the nonce before a sealed content, and of the tag after it.
pub const SEAL_OVERHEAD: usize = 24 + 16;
/// Domain of [`Draws`]' stretching.
const DRAWS: &str = "edgecoder 2026 sealing randomness";

/// Why something sealed cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Another key, another purpose, or changed bytes: which of them cannot be told.
    #[error("it was sealed for another reader or purpose, or was changed")]
    Unreadable,
    /// Not a point that a key can be wrapped for.
    #[error("this is not a key that anything can be sealed for")]
    Key,
}

/// The public half of a reader's key, X25519.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SealKey(pub [u8; 32]);

/// The private half. Never printed, wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct OpenKey([u8; 32]);

impl std::fmt::Debug for OpenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenKey(…)")
    }
}

impl OpenKey {
    /// The key that `seed`, 32 random bytes, stands for. The caller's copy is wiped.
    pub fn from_seed(seed: &mut [u8; 32]) -> Self {
        let (private, _) = Kem::derive_keypair(&seed[..]);
        seed.zeroize();
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&private.to_bytes());
        Self(bytes)
    }

    /// What others seal with.
    ///
    /// # Errors
    /// [`SealError::Key`] only if the key's bytes are not one, which [`OpenKey::from_seed`] rules out.
    pub fn public(&self) -> Result<SealKey, SealError> {
        let public = Kem::sk_to_pk(&self.private()?);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&public.to_bytes());
        Ok(SealKey(bytes))
    }

    fn private(&self) -> Result<<Kem as hpke::Kem>::PrivateKey, SealError> {
        Deserializable::from_bytes(&self.0).map_err(|_| SealError::Key)
    }
}

/// Why a reader may read a task; bound into the wrapping, so that a key wrapped for one lease is of no use in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// The task.
    pub task: TaskId,
    /// The subtask; 0 for a reader of the whole task.
    pub subtask: u16,
    /// The attempt; 0 for a reader of the whole task.
    pub attempt: u32,
    /// Who reads.
    pub reader: PeerId,
    /// The coordinator's term.
    pub term: u64,
}

impl Purpose {
    /// For a member of the council, as the coordinator of the whole task that it is or may come to be.
    pub fn of_member(task: TaskId, reader: PeerId) -> Self {
        Self {
            task,
            subtask: 0,
            attempt: 0,
            reader,
            term: 0,
        }
    }

    /// What HPKE binds into the wrapping. Changing this layout makes keys wrapped before unreadable.
    fn info(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.text("edgecoder/key-purpose/1")
            .fixed(&self.task.0)
            .u32(u32::from(self.subtask))
            .u32(self.attempt)
            .fixed(&self.reader.0)
            .u64(self.term);
        to.finish()
    }
}

/// A task's key, wrapped for one reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// The encapsulated key.
    encapsulated: [u8; 32],
    /// The task's key and the tag.
    sealed: Vec<u8>,
}

/// What a task's contents are sealed with. Never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct TaskKey([u8; 32]);

impl std::fmt::Debug for TaskKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TaskKey(…)")
    }
}

impl TaskKey {
    /// A key of 32 random bytes. The caller's copy is wiped.
    pub fn new(random: &mut [u8; 32]) -> Self {
        let key = Self(*random);
        random.zeroize();
        key
    }

    /// The key's bytes, for the submitter's own store.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals `content`; `label` says what it is and must be given again to open it. `nonce` is 24 random bytes, never
    /// used twice with one key.
    ///
    /// # Errors
    /// [`SealError::Unreadable`] only for contents beyond the cipher's 256 GiB.
    pub fn seal(
        &self,
        label: &str,
        content: &[u8],
        nonce: &[u8; 24],
    ) -> Result<Vec<u8>, SealError> {
        let payload = Payload {
            msg: content,
            aad: label.as_bytes(),
        };
        let cipher = XChaCha20Poly1305::new(&self.0.into());
        let sealed = cipher
            .encrypt(nonce.into(), payload)
            .map_err(|_| SealError::Unreadable)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what [`TaskKey::seal`] made.
    ///
    /// # Errors
    /// [`SealError::Unreadable`] when key or label are others, or the bytes were changed.
    pub fn open(&self, label: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed
            .split_first_chunk::<24>()
            .ok_or(SealError::Unreadable)?;
        let payload = Payload {
            msg: sealed,
            aad: label.as_bytes(),
        };
        let cipher = XChaCha20Poly1305::new(&self.0.into());
        cipher
            .decrypt(nonce.into(), payload)
            .map_err(|_| SealError::Unreadable)
    }

    /// Wraps the key for `reader`. `random` is 32 bytes, used once.
    ///
    /// # Errors
    /// [`SealError::Key`] when `reader` is not a key that can be sealed for.
    pub fn wrap(
        &self,
        reader: &SealKey,
        purpose: &Purpose,
        random: &mut [u8; 32],
    ) -> Result<WrappedKey, SealError> {
        let public = <Kem as hpke::Kem>::PublicKey::from_bytes(&reader.0);
        let public = public.map_err(|_| SealError::Key)?;
        let mut draws = Draws::new(random);
        let (encapsulated, sealed) =
            single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(
                &OpModeS::Base,
                &public,
                &purpose.info(),
                &self.0,
                &[],
                &mut draws,
            )
            .map_err(|_| SealError::Key)?;
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&encapsulated.to_bytes());
        Ok(WrappedKey {
            encapsulated: bytes,
            sealed,
        })
    }

    /// Unwraps a key that was wrapped for `key` and `purpose`.
    ///
    /// # Errors
    /// [`SealError::Unreadable`] when it was not.
    pub fn unwrap(
        wrapped: &WrappedKey,
        key: &OpenKey,
        purpose: &Purpose,
    ) -> Result<Self, SealError> {
        let encapsulated = <Kem as hpke::Kem>::EncappedKey::from_bytes(&wrapped.encapsulated);
        let encapsulated = encapsulated.map_err(|_| SealError::Unreadable)?;
        let mut opened = single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeR::Base,
            &key.private()?,
            &encapsulated,
            &purpose.info(),
            &wrapped.sealed,
            &[],
        )
        .map_err(|_| SealError::Unreadable)?;
        let bytes = <[u8; 32]>::try_from(opened.as_slice());
        opened.zeroize();
        bytes.map(Self).map_err(|_| SealError::Unreadable)
    }
}

/// The caller's 32 random bytes as the random source that HPKE asks for.
struct Draws(blake3::OutputReader);

impl Draws {
    fn new(random: &mut [u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(DRAWS);
        hasher.update(random);
        random.zeroize();
        Self(hasher.finalize_xof())
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(to);
        Ok(())
    }
}

impl TryCryptoRng for Draws {}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose() -> Purpose {
        Purpose {
            task: TaskId([1; 16]),
            subtask: 2,
            attempt: 3,
            reader: PeerId([4; 32]),
            term: 5,
        }
    }

    fn key(byte: u8) -> OpenKey {
        OpenKey::from_seed(&mut [byte; 32])
    }

    #[test]
    fn a_key_is_unwrapped_by_its_reader_for_its_purpose_alone() {
        let task = TaskKey::new(&mut [7; 32]);
        let public = key(1).public().unwrap();
        let wrapped = task.wrap(&public, &purpose(), &mut [9; 32]).unwrap();
        let unwrap = |key: &OpenKey, purpose: &Purpose| TaskKey::unwrap(&wrapped, key, purpose);
        assert_eq!(unwrap(&key(1), &purpose()), Ok(task.clone()));
        assert_eq!(unwrap(&key(2), &purpose()), Err(SealError::Unreadable));
        let others = [
            Purpose {
                task: TaskId([2; 16]),
                ..purpose()
            },
            Purpose {
                subtask: 3,
                ..purpose()
            },
            Purpose {
                attempt: 4,
                ..purpose()
            },
            Purpose {
                reader: PeerId([5; 32]),
                ..purpose()
            },
            Purpose {
                term: 6,
                ..purpose()
            },
        ];
        for other in others {
            assert_eq!(
                unwrap(&key(1), &other),
                Err(SealError::Unreadable),
                "{other:?}"
            );
        }
        assert_eq!(
            task.wrap(&SealKey([0; 32]), &purpose(), &mut [9; 32]),
            Err(SealError::Key),
            "the point of order one gives everybody the same secret"
        );
    }

    #[test]
    fn contents_open_under_their_key_and_label_and_whole() {
        let task = TaskKey::new(&mut [7; 32]);
        let sealed = task.seal("body", b"a secret", &[1; 24]).unwrap();
        assert_eq!(sealed.len(), b"a secret".len() + SEAL_OVERHEAD);
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(task.open("body", &sealed).unwrap(), b"a secret");
        assert_eq!(task.open("files", &sealed), Err(SealError::Unreadable));
        let other = TaskKey::new(&mut [8; 32]);
        assert_eq!(other.open("body", &sealed), Err(SealError::Unreadable));
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                task.open("body", &changed),
                Err(SealError::Unreadable),
                "{bit}"
            );
        }
        assert_eq!(task.open("body", &sealed[..10]), Err(SealError::Unreadable));
    }

    #[test]
    fn a_purpose_keeps_its_layout() {
        let pinned = "0f66224f162ec77e325cc3af3101826f4214ebdc2a039114e5d2304af6cc40a3";
        assert_eq!(crate::Hash::of(&purpose().info()).to_string(), pinned);
    }

    #[test]
    fn secrets_are_not_printed() {
        let shown = format!("{:?} {:?}", key(1), TaskKey::new(&mut [7; 32]));
        assert_eq!(shown, "OpenKey(…) TaskKey(…)");
    }
}
