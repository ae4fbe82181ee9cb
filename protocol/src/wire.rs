//! Messages between nodes, as bytes of the mesh's services: how they become bytes (here), what a coordinator, its
//! workers and submitters say to each other (`control`), what is said to a model's node (`inference`).
//!
//! A body is bincode of at most so many bytes, and one that does not read back whole is refused. What somebody must
//! answer for is [`crate::Signed`] inside; the rest is believed of the connection's peer alone, whose identity the
//! transport has proved. The mesh's frame around a body carries version and network.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned, de::Error as _};

mod control;
mod council;
mod desk;
mod duty;
mod inference;

pub use control::{
    CheckedResult, Commit, DONE_AFTER_MAX, Dispute, Grant, HELD_MAX, Held, Hint, INLINE_MAX,
    KEPT_MAX, Kept, Listed, MARKS_MAX, Mark, NOTES_MAX, News, Opening, RECORD_MAX, RECORDS_MAX,
    Request, Response, Sealed, Submission, TAKE_MAX, WhyBack,
};
pub use council::{
    BLOCKS_MAX, CouncilAnswer, CouncilAsk, CouncilReply, CouncilWord, HEADERS_MAX, LEGS_MAX, Leg,
    PART_MAX, SAID_MAX,
};
pub use desk::{AdmissionAsk, Charge, Desk, NOTE_MAX};
pub use duty::{DutyAnswer, DutyAsk, DutyTell, Willing};
pub use inference::{ModelAnswer, ModelAsk};

/// Bytes of a control message: the control service's cap.
pub const CONTROL_MAX: usize = 256 << 10;
/// Bytes of a message about the council: the council service's cap.
pub const COUNCIL_MAX: usize = 1 << 20;
/// Bytes of a message to or from a model: the inference service's cap.
pub const INFERENCE_MAX: usize = 1 << 20;

const fn config<const MAX: usize>() -> Configuration<LittleEndian, Fixint, Limit<MAX>> {
    bincode::config::standard()
        .with_fixed_int_encoding()
        .with_limit::<MAX>()
}

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// More bytes than the service carries.
    #[error("the message is larger than {max} bytes")]
    TooLarge {
        /// The service's cap.
        max: usize,
    },
    /// Not of this form.
    #[error("the message is malformed: {0}")]
    Malformed(String),
    /// Bytes follow it.
    #[error("{0} bytes follow the message")]
    Trailing(usize),
}

/// The bytes of `message`, at most `MAX`.
///
/// # Errors
/// [`WireError::TooLarge`] when they would be more than a peer takes.
pub fn encode<T: Serialize, const MAX: usize>(message: &T) -> Result<Vec<u8>, WireError> {
    let malformed = |error: bincode::error::EncodeError| WireError::Malformed(error.to_string());
    let bytes = bincode::serde::encode_to_vec(message, config::<MAX>()).map_err(malformed)?;
    if bytes.len() > MAX {
        return Err(WireError::TooLarge { max: MAX });
    }
    Ok(bytes)
}

/// The message that `bytes` are; nothing is allocated beyond `MAX`.
///
/// # Errors
/// [`WireError`] when they are not exactly one.
pub fn decode<T: DeserializeOwned, const MAX: usize>(bytes: &[u8]) -> Result<T, WireError> {
    if bytes.len() > MAX {
        return Err(WireError::TooLarge { max: MAX });
    }
    let malformed = |error: bincode::error::DecodeError| WireError::Malformed(error.to_string());
    let (message, used) =
        bincode::serde::decode_from_slice(bytes, config::<MAX>()).map_err(malformed)?;
    match bytes.len() - used {
        0 => Ok(message),
        more => Err(WireError::Trailing(more)),
    }
}

/// Reads a list of at most `MAX` items.
fn capped<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MAX: usize>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let items = Vec::deserialize(from)?;
    match items.len() <= MAX {
        true => Ok(items),
        false => Err(D::Error::custom(format!("more than {MAX} items"))),
    }
}

/// Reads a text of at most `MAX` bytes.
fn short<'de, D: Deserializer<'de>, const MAX: usize>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    match text.len() <= MAX {
        true => Ok(text),
        false => Err(D::Error::custom(format!("a text above {MAX} bytes"))),
    }
}

#[cfg(test)]
mod tests;
