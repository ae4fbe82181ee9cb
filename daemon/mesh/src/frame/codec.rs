//! The frame as request-response wants it.
//!
//! An answer is handed over as a promise, so that whoever owes it needs no way back to the swarm: the stream
//! waits for it, and says so when it is dropped. A request carries its deadline, so that a stream that nobody
//! reads any more does not hold a place.

use std::{io, sync::Arc};

use edgecoder_protocol::NetworkId;
use futures::{AsyncRead, AsyncWrite};
use libp2p::{StreamProtocol, request_response};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::{Duration, Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{Fault, read_body, read_header, write_frame, write_refusal};
use crate::{Service, rooms::Room, service::REQUEST_TIME_MAX};

/// How long a request may take to arrive once its stream is open: 1 MiB at 140 kbit/s.
const ARRIVAL_MAX: Duration = Duration::from_secs(60);

/// Bytes of requests that have been announced and not answered, from all peers together. When so many are
/// here, further ones wait in their streams, and their senders' windows fill.
pub const INBOUND_BYTES_MAX: usize = 256 << 20;

/// A request's body that arrived, and its place among [`INBOUND_BYTES_MAX`].
#[derive(Debug)]
pub struct Body {
    pub bytes: Vec<u8>,
    pub place: OwnedSemaphorePermit,
}

/// A request of ours.
#[derive(Debug)]
pub struct Outgoing {
    pub body: Vec<u8>,
    pub deadline: Instant,
    /// Cancelled when nobody waits for the answer any more.
    pub gone: CancellationToken,
}

/// A request, on the way out or come in.
#[derive(Debug)]
pub enum Query {
    Out(Outgoing),
    In(Result<Body, Fault>),
}

/// An answer, owed by us or come in.
#[derive(Debug)]
pub enum Answer {
    Owed(oneshot::Receiver<Vec<u8>>, Room),
    In(Result<Vec<u8>, Fault>),
}

/// Reads and writes the frames of one service. request-response clones it for each stream.
#[derive(Clone)]
pub struct Codec {
    pub service: Service,
    pub network: NetworkId,
    /// One permit a byte, shared by all codecs of the node.
    pub places: Arc<Semaphore>,
    /// Of the request that this clone sent.
    wait: Option<(Instant, CancellationToken)>,
}

impl Codec {
    pub fn new(service: Service, network: NetworkId, places: Arc<Semaphore>) -> Self {
        Self {
            service,
            network,
            places,
            wait: None,
        }
    }

    async fn read_in(&self, io: &mut (impl AsyncRead + Unpin)) -> Result<Body, Fault> {
        let length = match read_header(io, &self.network, self.service.request_max()).await {
            // There is nothing to refuse yet.
            Err(Fault::Refused) => return Err(Fault::Version(0)),
            other => other?,
        };
        // The cap is under 4 GiB, and an empty body still needs an answer kept for it.
        let permits = u32::try_from(length.max(1)).unwrap_or(u32::MAX);
        let place = self
            .places
            .clone()
            .acquire_many_owned(permits)
            .await
            .map_err(|_| Fault::Closed)?;
        let bytes = read_body(io, length).await?;
        Ok(Body { bytes, place })
    }

    async fn read_answer(&self, io: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, Fault> {
        let length = read_header(io, &self.network, self.service.response_max()).await?;
        read_body(io, length).await
    }
}

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    type Request = Query;
    type Response = Answer;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Query>
    where
        T: AsyncRead + Unpin + Send,
    {
        let read = timeout(ARRIVAL_MAX, self.read_in(io)).await;
        Ok(Query::In(read.unwrap_or(Err(Fault::Late))))
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Answer>
    where
        T: AsyncRead + Unpin + Send,
    {
        let (deadline, gone) = self
            .wait
            .take()
            .unwrap_or_else(|| (Instant::now() + REQUEST_TIME_MAX, CancellationToken::new()));
        let read = tokio::select! {
            biased;
            () = gone.cancelled() => Err(Fault::Late),
            read = timeout_at(deadline, self.read_answer(io)) => read.unwrap_or(Err(Fault::Late)),
        };
        Ok(Answer::In(read))
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        query: Query,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let Query::Out(out) = query else {
            return Err(io::Error::other("a request that came in is not sent on"));
        };
        self.wait = Some((out.deadline, out.gone));
        // Never broken off: half a frame would be blamed on us.
        write_frame(io, &self.network, &out.body).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        answer: Answer,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let Answer::Owed(body, mut room) = answer else {
            return Err(io::Error::other("an answer that came in is not sent on"));
        };
        match body.await {
            Ok(body) if room.take(body.len()) => write_frame(io, &self.network, &body).await,
            Ok(_) | Err(_) => write_refusal(io).await,
        }
    }
}
