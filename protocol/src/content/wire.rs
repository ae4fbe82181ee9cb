//! What peers say to each other about contents, as bodies without a version: the service that carries them has it.
//! Lengths are checked here; whether a chunk is the right one, the outline says.

use crate::{
    canonical::{DecodeError, Encoder},
    ids::Hash,
};

use super::{CHUNK, CHUNKS_MAX, OUTLINE_MAX};

/// Bytes of the largest request.
pub const REQUEST_MAX: usize = 1 + 32 + 4;
/// Bytes of the largest response: below 1 MiB + 4 KiB.
pub const RESPONSE_MAX: usize = 1 + OUTLINE_MAX;

const _: () = assert!(RESPONSE_MAX <= (1 << 20) + (4 << 10) && CHUNK < RESPONSE_MAX);

/// What a peer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentRequest {
    /// The outline of a content.
    Outline {
        /// Which.
        hash: Hash,
    },
    /// One chunk.
    Chunk {
        /// Of which content.
        hash: Hash,
        /// Which chunk, below [`CHUNKS_MAX`].
        index: u32,
    },
}

impl ContentRequest {
    /// Tag 0 and the hash, or tag 1, the hash and the index (4 bytes, little-endian).
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        match self {
            Self::Outline { hash } => to.u8(0).fixed(&hash.0),
            Self::Chunk { hash, index } => to.u8(1).fixed(&hash.0).u32(*index),
        };
        to.finish()
    }

    /// Reads what [`ContentRequest::encode`] writes.
    ///
    /// # Errors
    /// [`DecodeError`]; the peer is then to blame.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > REQUEST_MAX {
            return Err(DecodeError::Trailing);
        }
        let (tag, rest) = bytes.split_first().ok_or(DecodeError::Truncated)?;
        let (hash, rest) = rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        let hash = Hash(*hash);
        match (tag, rest) {
            (0, []) => Ok(Self::Outline { hash }),
            (0, _) => Err(DecodeError::Trailing),
            (1, index) => {
                let index = index.try_into().map_err(|_| DecodeError::Truncated)?;
                let index = u32::from_le_bytes(index);
                if index >= CHUNKS_MAX {
                    return Err(DecodeError::Invalid("index of a chunk"));
                }
                Ok(Self::Chunk { hash, index })
            }
            _ => Err(DecodeError::Invalid("kind of content request")),
        }
    }
}

/// What it is answered. Borrows: a chunk is not copied to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentResponse<'a> {
    /// An encoded [`Outline`](super::Outline).
    Outline(&'a [u8]),
    /// A chunk's bytes.
    Chunk(&'a [u8]),
    /// The peer does not have it.
    Absent,
    /// The peer has too much to do: ask later.
    Busy,
}

impl<'a> ContentResponse<'a> {
    /// Tag 0 and an outline, tag 1 and a chunk, tag 2 or tag 3 alone.
    pub fn encode(&self) -> Vec<u8> {
        let (tag, bytes): (u8, &[u8]) = match self {
            Self::Outline(bytes) => (0, bytes),
            Self::Chunk(bytes) => (1, bytes),
            Self::Absent => (2, &[]),
            Self::Busy => (3, &[]),
        };
        let mut out = Vec::with_capacity(1 + bytes.len());
        out.push(tag);
        out.extend_from_slice(bytes);
        out
    }

    /// Reads what [`ContentResponse::encode`] writes; what is inside is not looked at.
    ///
    /// # Errors
    /// [`DecodeError`]; the peer is then to blame.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        match bytes.split_first().ok_or(DecodeError::Truncated)? {
            (0, outline) if outline.len() <= OUTLINE_MAX => Ok(Self::Outline(outline)),
            (1, chunk) if chunk.len() <= CHUNK => Ok(Self::Chunk(chunk)),
            (2, []) => Ok(Self::Absent),
            (3, []) => Ok(Self::Busy),
            (0..=3, _) => Err(DecodeError::Trailing),
            _ => Err(DecodeError::Invalid("kind of content response")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `prefix`, 32 times `0xab`, `suffix`.
    fn golden(prefix: &[u8], suffix: &[u8]) -> Vec<u8> {
        [prefix, &[0xab; 32], suffix].concat()
    }

    #[test]
    fn requests_have_one_layout_and_nothing_else_is_read() {
        let hash = Hash([0xab; 32]);
        let index = 0x0102;
        for (request, bytes) in [
            (ContentRequest::Outline { hash }, golden(&[0], &[])),
            (
                ContentRequest::Chunk { hash, index },
                golden(&[1], &[2, 1, 0, 0]),
            ),
        ] {
            assert_eq!(request.encode(), bytes);
            assert_eq!(ContentRequest::decode(&bytes), Ok(request));
            for len in 0..bytes.len() {
                assert!(ContentRequest::decode(&bytes[..len]).is_err(), "{len}");
            }
            let long = [&bytes[..], &[0]].concat();
            assert_eq!(ContentRequest::decode(&long), Err(DecodeError::Trailing));
        }
        let last = CHUNKS_MAX - 1;
        assert!(ContentRequest::decode(&golden(&[1], &last.to_le_bytes())).is_ok());
        for bad in [
            golden(&[2], &[]),
            golden(&[1], &CHUNKS_MAX.to_le_bytes()),
            golden(&[1], &[255; 4]),
            vec![0; 1 << 16],
        ] {
            assert!(ContentRequest::decode(&bad).is_err());
        }
    }

    #[test]
    fn responses_have_one_layout_and_nothing_else_is_read() {
        for (response, bytes) in [
            (ContentResponse::Outline(b"xy"), &b"\0xy"[..]),
            (ContentResponse::Chunk(b"xy"), b"\x01xy"),
            (ContentResponse::Chunk(b""), b"\x01"),
            (ContentResponse::Absent, b"\x02"),
            (ContentResponse::Busy, b"\x03"),
        ] {
            assert_eq!(response.encode(), bytes);
            assert_eq!(ContentResponse::decode(bytes), Ok(response));
        }
        let (outline, chunk) = (vec![0; OUTLINE_MAX], vec![0; CHUNK]);
        for largest in [
            ContentResponse::Outline(&outline),
            ContentResponse::Chunk(&chunk),
        ] {
            let mut bytes = largest.encode();
            assert!(bytes.len() <= RESPONSE_MAX);
            assert_eq!(ContentResponse::decode(&bytes), Ok(largest));
            bytes.push(0);
            assert_eq!(ContentResponse::decode(&bytes), Err(DecodeError::Trailing));
        }
        for bad in [&b""[..], b"\x02x", b"\x03x", b"\x04", b"\xff"] {
            assert!(ContentResponse::decode(bad).is_err(), "{bad:?}");
        }
    }
}
