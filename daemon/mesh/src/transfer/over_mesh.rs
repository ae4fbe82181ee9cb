//! Asks peers over the mesh. How many requests to one peer may be under way, and at what pace, the mesh decides.

use std::time::Duration;

use edgecoder_protocol::{
    PeerId,
    content::{REQUEST_MAX, RESPONSE_MAX},
};

use super::ports::{Ask, AskError};
use crate::{Mesh, RequestError, Service};

// The service carries every request and every answer.
const _: () = assert!(
    REQUEST_MAX <= Service::Chunk.request_max() && RESPONSE_MAX <= Service::Chunk.response_max()
);

impl Ask for Mesh {
    async fn ask(
        &self,
        peer: PeerId,
        body: Vec<u8>,
        within: Duration,
    ) -> Result<Vec<u8>, AskError> {
        let answer = self.request(peer, Service::Chunk, body, within).await;
        answer.map_err(AskError::from)
    }
}

impl From<RequestError> for AskError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Deadline => Self::Timeout,
            RequestError::Busy => Self::Busy,
            RequestError::Unreachable { .. }
            | RequestError::Lost { .. }
            | RequestError::Refused { .. }
            | RequestError::TooLarge { .. }
            | RequestError::Blocked
            | RequestError::Stopped => Self::Unreachable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DialStep;

    #[test]
    fn lateness_and_our_own_load_are_told_from_a_peer_that_cannot_be_asked() {
        let reason = || "why".to_owned();
        let unreachable = |text: &str| AskError::Unreachable(text.into());
        let step = DialStep::Transport;
        for (error, expected) in [
            (RequestError::Deadline, AskError::Timeout),
            (RequestError::Busy, AskError::Busy),
            (
                RequestError::Lost { reason: reason() },
                unreachable("the connection broke before the answer: why"),
            ),
            (
                RequestError::Refused { reason: reason() },
                unreachable("the peer refused: why"),
            ),
            (
                RequestError::Unreachable {
                    step,
                    reason: reason(),
                },
                unreachable(&format!("the peer cannot be reached ({step}): why")),
            ),
            (
                RequestError::TooLarge { bytes: 2, max: 1 },
                unreachable("2 bytes are more than the 1 that this service carries"),
            ),
            (RequestError::Blocked, unreachable("the peer is blocked")),
            (RequestError::Stopped, unreachable("the mesh has stopped")),
        ] {
            assert_eq!(AskError::from(error.clone()), expected, "{error:?}");
        }
    }
}
