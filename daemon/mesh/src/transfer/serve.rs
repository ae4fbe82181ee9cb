//! The giving side: one request, one answer. How many are answered at a time is decided where they come in.

use edgecoder_protocol::{
    canonical::DecodeError,
    content::{ContentRequest, ContentResponse},
};

use super::ports::{Source, Supply};

/// The response body to the request body `request`. Blocks as long as `source` does.
///
/// # Errors
/// [`DecodeError`] when it is no request; the peer is then to blame.
pub fn answer(request: &[u8], source: &impl Source) -> Result<Vec<u8>, DecodeError> {
    let request = ContentRequest::decode(request)?;
    let supply = match request {
        ContentRequest::Outline { hash } => source.outline(hash),
        ContentRequest::Chunk { hash, index } => source.chunk(hash, index),
    };
    let response = match (&supply, request) {
        (Supply::Found(bytes), ContentRequest::Outline { .. }) => ContentResponse::Outline(bytes),
        (Supply::Found(bytes), ContentRequest::Chunk { .. }) => ContentResponse::Chunk(bytes),
        (Supply::Absent, _) => ContentResponse::Absent,
        (Supply::Busy, _) => ContentResponse::Busy,
    };
    Ok(response.encode())
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgecoder_protocol::Hash;

    const HASH: Hash = Hash([3; 32]);

    /// Gives `0` to whoever asks for chunk 7 or the outline of `HASH`.
    struct Fixed(Supply);

    impl Source for Fixed {
        fn outline(&self, hash: Hash) -> Supply {
            assert_eq!(hash, HASH);
            self.0.clone()
        }

        fn chunk(&self, hash: Hash, index: u32) -> Supply {
            assert_eq!((hash, index), (HASH, 7));
            self.0.clone()
        }
    }

    #[test]
    fn each_request_is_answered_with_what_the_source_has() {
        let hash = HASH;
        let outline = ContentRequest::Outline { hash };
        let chunk = ContentRequest::Chunk { hash, index: 7 };
        let found = || Supply::Found(b"xy".to_vec());
        for (request, supply, response) in [
            (outline, found(), ContentResponse::Outline(b"xy")),
            (chunk, found(), ContentResponse::Chunk(b"xy")),
            (outline, Supply::Absent, ContentResponse::Absent),
            (chunk, Supply::Absent, ContentResponse::Absent),
            (outline, Supply::Busy, ContentResponse::Busy),
            (chunk, Supply::Busy, ContentResponse::Busy),
        ] {
            let source = Fixed(supply);
            let answer = answer(&request.encode(), &source);
            assert_eq!(answer, Ok(response.encode()), "{request:?}, {:?}", source.0);
        }
    }

    #[test]
    fn what_is_no_request_is_refused_before_the_source_is_asked() {
        let source = Fixed(Supply::Absent);
        for (request, error) in [
            (vec![], DecodeError::Truncated),
            (vec![0; 32], DecodeError::Truncated),
            (vec![0; 34], DecodeError::Trailing),
            (vec![2; 33], DecodeError::Invalid("kind of content request")),
            (vec![1; 37], DecodeError::Invalid("index of a chunk")),
        ] {
            assert_eq!(answer(&request, &source), Err(error), "{request:?}");
        }
    }
}
