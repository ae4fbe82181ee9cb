//! What is on a request's stream: one frame each way, and nothing after it.
//!
//! `version (1 byte) | network (32) | length (u32, little-endian) | body`. The length is compared with the
//! service's cap before anything is allocated, and memory then grows with what arrives. A frame that cannot
//! be read is a [`Fault`], which travels to the actor as a value: request-response would swallow an error. One
//! zero byte instead of a frame is a refusal, so that a connection that broke is not mistaken for one. What a
//! body says is not looked at.

mod codec;

use std::io;

use edgecoder_protocol::NetworkId;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::Offence;

pub use codec::{Answer, Body, Codec, INBOUND_BYTES_MAX, Outgoing, Query};

/// The version that the protocols `/edgecoder/*/1` carry.
pub const VERSION: u8 = 1;

/// Stands in the version's place when there is no answer.
const REFUSAL: u8 = 0;

const HEADER: usize = 1 + 32 + 4;

/// What a body's buffer starts with; it grows by doubling as bytes come.
const BUFFER_START: usize = 16 * 1024;

/// Why a frame could not be read.
#[derive(Debug)]
pub enum Fault {
    /// The stream ended before its first byte.
    Closed,
    /// The other side will not answer.
    Refused,
    /// The stream ended inside the frame.
    Truncated,
    Version(u8),
    Network,
    Oversized {
        length: u64,
    },
    /// It took too long to come, or nobody waits for it any more.
    Late,
    Io(io::Error),
}

impl Fault {
    /// What the sender is to be blamed for, if anything.
    pub fn offence(&self) -> Option<Offence> {
        match self {
            Self::Truncated => Some(Offence::Malformed),
            Self::Version(_) => Some(Offence::WrongVersion),
            Self::Network => Some(Offence::WrongNetwork),
            Self::Oversized { .. } => Some(Offence::Oversized),
            // Broken connections and slow links happen to anybody.
            Self::Closed | Self::Refused | Self::Late | Self::Io(_) => None,
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("the stream was closed without a frame"),
            Self::Refused => f.write_str("there is no answer"),
            Self::Truncated => f.write_str("the frame ends too early"),
            Self::Version(found) => write!(f, "the frame has version {found}"),
            Self::Network => f.write_str("the frame is another network's"),
            Self::Oversized { length } => write!(f, "the frame announces {length} bytes"),
            Self::Late => f.write_str("the frame came too late"),
            Self::Io(error) => write!(f, "the stream broke: {error}"),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            _ => Self::Io(error),
        }
    }
}

/// Writes one frame. The caller has checked that `body` is under the cap.
pub async fn write_frame(
    io: &mut (impl AsyncWrite + Unpin),
    network: &NetworkId,
    body: &[u8],
) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    let mut header = [0; HEADER];
    header[0] = VERSION;
    header[1..33].copy_from_slice(&network.0);
    header[33..].copy_from_slice(&length.to_le_bytes());
    io.write_all(&header).await?;
    io.write_all(body).await?;
    io.flush().await
}

/// Writes a refusal in a frame's place.
pub async fn write_refusal(io: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    io.write_all(&[REFUSAL]).await?;
    io.flush().await
}

/// Reads a frame's header; the length of the body that follows is at most `max`.
pub async fn read_header(
    io: &mut (impl AsyncRead + Unpin),
    network: &NetworkId,
    max: usize,
) -> Result<usize, Fault> {
    let mut version = [0; 1];
    if io.read(&mut version).await? == 0 {
        return Err(Fault::Closed);
    }
    match version[0] {
        VERSION => {}
        REFUSAL => return Err(Fault::Refused),
        other => return Err(Fault::Version(other)),
    }
    let mut rest = [0; HEADER - 1];
    io.read_exact(&mut rest).await?;
    let (found, length) = rest.split_at(32);
    if found != network.0 {
        return Err(Fault::Network);
    }
    let length = length
        .iter()
        .rev()
        .fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
    usize::try_from(length)
        .ok()
        .filter(|length| *length <= max)
        .ok_or(Fault::Oversized { length })
}

/// Reads a body of exactly `length` bytes.
pub async fn read_body(io: &mut (impl AsyncRead + Unpin), length: usize) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::with_capacity(length.min(BUFFER_START));
    io.take(length as u64).read_to_end(&mut body).await?;
    if body.len() < length {
        return Err(Fault::Truncated);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{executor::block_on, io::Cursor};

    const NETWORK: NetworkId = NetworkId([7; 32]);

    fn read(bytes: &[u8], max: usize) -> Result<Vec<u8>, Fault> {
        block_on(async {
            let mut io = Cursor::new(bytes);
            let length = read_header(&mut io, &NETWORK, max).await?;
            read_body(&mut io, length).await
        })
    }

    fn frame(body: &[u8]) -> Vec<u8> {
        let mut io = Cursor::new(Vec::new());
        block_on(write_frame(&mut io, &NETWORK, body)).unwrap();
        io.into_inner()
    }

    #[test]
    fn a_frame_has_these_bytes() {
        let mut expected = vec![1];
        expected.extend_from_slice(&[7; 32]);
        expected.extend_from_slice(&[3, 0, 0, 0, b'a', b'b', b'c']);
        assert_eq!(frame(b"abc"), expected);
    }

    #[test]
    fn a_frame_reads_back_and_each_damage_has_its_name() {
        let good = frame(b"abc");
        assert_eq!(read(&good, 3).unwrap(), b"abc");
        assert_eq!(read(&frame(b""), 0).unwrap(), b"");
        let with = |at: usize, value: u8| {
            let mut bad = good.clone();
            bad[at] = value;
            bad
        };
        let name = |bytes: &[u8]| format!("{:?}", read(bytes, 3).unwrap_err());
        assert_eq!(name(&[]), "Closed");
        assert_eq!(name(&good[..1]), "Truncated");
        assert_eq!(name(&good[..36]), "Truncated");
        assert_eq!(name(&good[..39]), "Truncated");
        assert_eq!(name(&[0]), "Refused");
        assert_eq!(name(&with(0, 2)), "Version(2)");
        assert_eq!(name(&with(20, 8)), "Network");
        assert_eq!(name(&with(33, 4)), "Oversized { length: 4 }");
        assert_eq!(name(&with(36, 0xff)), "Oversized { length: 4278190083 }");
    }

    #[test]
    fn a_length_that_is_not_followed_by_bytes_allocates_little() {
        let mut io = Cursor::new(vec![0; 10]);
        assert!(matches!(
            block_on(read_body(&mut io, 1 << 20)),
            Err(Fault::Truncated)
        ));
    }
}
