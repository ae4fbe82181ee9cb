//! What daemon and child say to each other over their socket: a length, then bincode.
//!
//! Neither trusts the other's length: the child reads files made by strangers.

use std::io::{self, Read};

use edgecoder_protocol::{
    generation::{GenerateRequest, Generation, ModelCard},
    ids::Hash,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Bytes of one frame. A request that is longer is refused before it is sent.
pub const FRAME_MAX: usize = 16 << 20;

/// Requests the child works on or holds in line; the daemon keeps further ones waiting.
pub const IN_FLIGHT_MAX: usize = 64;

/// What the child needs to load its model. Always the first frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Load {
    pub path: String,
    pub threads: u32,
    pub context: u32,
    pub batch: u32,
    pub size_max: u64,
}

/// From the daemon to the child.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Command {
    Load(Load),
    Generate {
        id: u64,
        request: GenerateRequest,
        stream: bool,
    },
    Cancel {
        id: u64,
    },
}

/// From the child to the daemon.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Report {
    /// The model is loaded; its hash is still unknown and zero in the card.
    Loaded(ModelCard),
    /// The hash of the file, some time after `Loaded`.
    Hashed(Hash),
    /// The file was not accepted; the child ends.
    Unusable { why: String },
    /// Pieces of a request's answers, by candidate.
    Written { id: u64, pieces: Vec<(u32, String)> },
    /// The request is finished.
    Done { id: u64, generation: Generation },
    /// The request breaks a limit.
    Refused { id: u64, why: String },
}

fn codec() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<FRAME_MAX>()
}

/// Appends one frame to `out`.
///
/// # Errors
/// `InvalidInput` when the value is longer than [`FRAME_MAX`]; `out` is then unchanged.
pub fn encode(value: &impl Serialize, out: &mut Vec<u8>) -> io::Result<()> {
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
    let body =
        bincode::serde::encode_to_vec(value, codec()).map_err(|why| wrong(why.to_string()))?;
    let length = u32::try_from(body.len())
        .ok()
        .filter(|_| body.len() <= FRAME_MAX)
        .ok_or_else(|| {
            wrong(format!(
                "a frame of {} bytes exceeds {FRAME_MAX}",
                body.len()
            ))
        })?;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&body);
    Ok(())
}

/// The length of the body that follows a frame's first four bytes.
///
/// # Errors
/// `InvalidData` when it exceeds [`FRAME_MAX`].
pub fn body_length(prefix: [u8; 4]) -> io::Result<usize> {
    let length = usize::try_from(u32::from_le_bytes(prefix)).unwrap_or(usize::MAX);
    if length > FRAME_MAX {
        let why = format!("a frame of {length} bytes exceeds {FRAME_MAX}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(length)
}

/// Reads a frame's body back; left-over bytes are an error.
///
/// # Errors
/// `InvalidData` when the bytes are not one whole value.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    match bincode::serde::decode_from_slice(body, codec()) {
        Ok((value, used)) if used == body.len() => Ok(value),
        Ok((_, used)) => Err(wrong(format!(
            "{} bytes after the value",
            body.len() - used
        ))),
        Err(why) => Err(wrong(why.to_string())),
    }
}

/// Reads one frame from a blocking stream; `None` when the other side has closed.
pub fn read<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<Option<T>> {
    let mut prefix = [0; 4];
    match stream.read_exact(&mut prefix) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut body = vec![0; body_length(prefix)?];
    stream.read_exact(&mut body)?;
    decode(&body).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_read_back_and_lies_about_length_are_refused() {
        let mut bytes = Vec::new();
        encode(&Command::Cancel { id: 7 }, &mut bytes).unwrap();
        let back: Option<Command> = read(&mut bytes.as_slice()).unwrap();
        assert!(matches!(back, Some(Command::Cancel { id: 7 })));
        assert!(read::<Command>(&mut [].as_slice()).unwrap().is_none());

        let mut too_long = bytes.clone();
        too_long[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(read::<Command>(&mut too_long.as_slice()).is_err());
        let mut trailing = bytes.clone();
        trailing[0] += 1;
        trailing.push(0);
        assert!(read::<Command>(&mut trailing.as_slice()).is_err());
    }
}
