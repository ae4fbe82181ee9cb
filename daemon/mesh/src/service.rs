//! The request-response protocols and how much each may carry. What their bodies say is not decided
//! here.

use std::time::Duration;

use libp2p::StreamProtocol;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A control message: a signed request, a page of a log. What is larger goes in pages.
const CONTROL_MAX: usize = 256 * KIB;

/// A prompt or a model's answer: two hundred thousand tokens are about 800 KiB of text.
const INFERENCE_MAX: usize = MIB;

/// Words of the council: a proposed block, or the blocks that somebody has missed.
const COUNCIL_MAX: usize = MIB;

/// A request for a chunk names it and no more.
const CHUNK_REQUEST_MAX: usize = KIB;

/// One chunk and what frames it.
const CHUNK_RESPONSE_MAX: usize = MIB + 4 * KIB;

/// The longest a request may be under way, whatever its caller asked for: an inference of minutes.
pub(crate) const REQUEST_TIME_MAX: Duration = Duration::from_secs(180);

/// Which protocol a request travels on. Each has its own streams, so that bulk never waits for control nor
/// control for bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Orders, claims, log pages: at most 256 KiB either way.
    Control,
    /// Generation by a peer's model: at most 1 MiB either way.
    Inference,
    /// Consensus, entries and blocks: at most 1 MiB either way.
    Council,
    /// Content chunks: at most 1 KiB to ask, 1 MiB and 4 KiB to answer.
    Chunk,
}

impl Service {
    /// The largest request body, in bytes.
    pub const fn request_max(self) -> usize {
        match self {
            Self::Control => CONTROL_MAX,
            Self::Inference => INFERENCE_MAX,
            Self::Council => COUNCIL_MAX,
            Self::Chunk => CHUNK_REQUEST_MAX,
        }
    }

    /// The largest response body, in bytes.
    pub const fn response_max(self) -> usize {
        match self {
            Self::Control => CONTROL_MAX,
            Self::Inference => INFERENCE_MAX,
            Self::Council => COUNCIL_MAX,
            Self::Chunk => CHUNK_RESPONSE_MAX,
        }
    }

    /// Requests to one peer that may be unanswered at a time; one more is [`crate::RequestError::Busy`]. A
    /// chunk window of 64 MiB fills any link; a model that answers more than 32 at once is a data centre's.
    pub const fn in_flight_max(self) -> usize {
        match self {
            Self::Control | Self::Chunk => 64,
            Self::Inference | Self::Council => 32,
        }
    }

    /// Streams of one connection, both directions together: what either side may have under way.
    pub(crate) const fn streams_max(self) -> usize {
        2 * self.in_flight_max()
    }

    pub(crate) const fn protocol(self) -> StreamProtocol {
        StreamProtocol::new(match self {
            Self::Control => "/edgecoder/control/1",
            Self::Inference => "/edgecoder/inference/1",
            Self::Council => "/edgecoder/council/1",
            Self::Chunk => "/edgecoder/chunk/1",
        })
    }
}
