//! The requests of this node: which wait for a connection, which for an answer, and which are overdue.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use edgecoder_protocol::PeerId;
use libp2p::request_response::{OutboundFailure, OutboundRequestId};
use tokio::{sync::oneshot, time::Instant};
use tokio_util::sync::CancellationToken;

use super::Actor;
use crate::{
    DialFailure, DialStep, RequestError, Service, convert,
    frame::{Fault, Outgoing, Query},
    mesh::Request,
};

/// Requests under way, to all peers together. One more is [`RequestError::Busy`].
const OPEN_MAX: usize = 4_096;

type Reply = oneshot::Sender<Result<Vec<u8>, RequestError>>;

/// A request whose caller waits.
struct Open {
    to: PeerId,
    service: Service,
    deadline: Instant,
    gone: CancellationToken,
    reply: Reply,
    /// Until it is sent.
    body: Option<Vec<u8>>,
}

/// All of them.
#[derive(Default)]
pub struct Requests {
    last: u64,
    open: BTreeMap<u64, Open>,
    deadlines: BTreeSet<(Instant, u64)>,
    /// Sent, and not reported as ended by request-response, whether or not somebody still waits.
    sent: HashMap<(Service, OutboundRequestId), (PeerId, u64)>,
    /// Not sent yet, oldest first: no connection, or too many sent lately. As many as in `open` without
    /// being in `sent`.
    waiting: BTreeMap<PeerId, VecDeque<u64>>,
    /// When there is a token for the next one to a connected peer.
    paced: BTreeMap<PeerId, Instant>,
    /// How many stand in `sent` and unsent in `open`.
    counts: BTreeMap<(PeerId, Service), usize>,
}

impl Requests {
    /// Takes a request in, or answers it that there is no room.
    fn admit(&mut self, request: Request) -> bool {
        let Request {
            to,
            service,
            body,
            deadline,
            gone,
            reply,
        } = request;
        let count = self.counts.get(&(to, service)).copied().unwrap_or_default();
        if count >= service.in_flight_max() || self.open.len() >= OPEN_MAX {
            // The caller may have gone.
            reply.send(Err(RequestError::Busy)).ok();
            return false;
        }
        self.counts.insert((to, service), count + 1);
        self.last += 1;
        let body = Some(body);
        self.deadlines.insert((deadline, self.last));
        self.waiting.entry(to).or_default().push_back(self.last);
        self.open.insert(
            self.last,
            Open {
                to,
                service,
                deadline,
                gone,
                reply,
                body,
            },
        );
        true
    }

    /// The oldest unsent one for a peer. Those whose callers are gone are dropped.
    fn next_waiting(&mut self, peer: &PeerId) -> Option<u64> {
        loop {
            let id = *self.waiting.get(peer)?.front()?;
            let open = self.open.get(&id)?;
            if !open.gone.is_cancelled() {
                return Some(id);
            }
            self.answer(id, Err(RequestError::Deadline));
        }
    }

    /// The unsent ones for a peer, all.
    fn all_waiting(&self, peer: &PeerId) -> Vec<u64> {
        let waiting = self.waiting.get(peer);
        waiting
            .map(|waiting| waiting.iter().copied().collect())
            .unwrap_or_default()
    }

    fn leave(&mut self, peer: PeerId, id: u64) {
        if let Some(waiting) = self.waiting.get_mut(&peer) {
            waiting.retain(|other| *other != id);
            if waiting.is_empty() {
                self.waiting.remove(&peer);
                self.paced.remove(&peer);
            }
        }
    }

    /// The peers to whom somebody still waits for a connection.
    pub fn waited_for(&self) -> BTreeSet<PeerId> {
        self.waiting.keys().copied().collect()
    }

    fn answer(&mut self, id: u64, answer: Result<Vec<u8>, RequestError>) {
        if let Some(open) = self.open.remove(&id) {
            self.deadlines.remove(&(open.deadline, id));
            if open.body.is_some() {
                self.uncount(open.to, open.service);
                self.leave(open.to, id);
            }
            // The caller may have gone.
            open.reply.send(answer).ok();
        }
    }

    fn uncount(&mut self, peer: PeerId, service: Service) {
        if let Some(count) = self.counts.get_mut(&(peer, service)) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&(peer, service));
            }
        }
    }

    /// Takes the body out to be sent; its count stays until request-response reports the end.
    fn take_body(&mut self, id: u64) -> Option<(PeerId, Service, Outgoing)> {
        let open = self.open.get_mut(&id)?;
        let body = open.body.take()?;
        let out = Outgoing {
            body,
            deadline: open.deadline,
            gone: open.gone.clone(),
        };
        let (to, service) = (open.to, open.service);
        self.leave(to, id);
        Some((to, service, out))
    }

    /// What request-response says has ended.
    fn end(
        &mut self,
        service: Service,
        id: OutboundRequestId,
        answer: Result<Vec<u8>, RequestError>,
    ) {
        if let Some((peer, open)) = self.sent.remove(&(service, id)) {
            self.uncount(peer, service);
            self.answer(open, answer);
        }
    }

    /// When the next one is overdue, or may be sent.
    pub fn next_deadline(&self) -> Option<Instant> {
        let overdue = self.deadlines.first().map(|(deadline, _)| *deadline);
        overdue
            .into_iter()
            .chain(self.paced.values().copied())
            .min()
    }

    /// Answers the overdue ones.
    pub fn expire(&mut self, now: Instant) {
        while let Some((deadline, id)) = self.deadlines.first().copied() {
            if deadline > now {
                break;
            }
            self.deadlines.pop_first();
            self.answer(id, Err(RequestError::Deadline));
        }
    }
}

impl Actor {
    pub(super) fn on_request(&mut self, request: Request) {
        let to = request.to;
        let refusal = match () {
            () if to == self.me => {
                Some(DialFailure::new("", DialStep::WrongPeer, "it is this very node").into())
            }
            () if self.is_out(&to) => Some(RequestError::Blocked),
            () => None,
        };
        if let Some(refusal) = refusal {
            // The caller may have gone.
            request.reply.send(Err(refusal)).ok();
            return;
        }
        let Some(peer) = convert::to_libp2p(&to) else {
            return;
        };
        if !self.requests.admit(request) {
            return;
        }
        let behaviour = self.swarm.behaviour_mut();
        behaviour.gate.keep(&peer);
        if behaviour.control.is_connected(&peer) {
            self.send_waiting(&to);
        } else {
            self.reach(to);
        }
    }

    fn send(&mut self, id: u64) {
        let Some((to, service, out)) = self.requests.take_body(id) else {
            return;
        };
        let Some(peer) = convert::to_libp2p(&to) else {
            return;
        };
        let exchange = self.swarm.behaviour_mut().service(service);
        let sent = exchange.send_request(&peer, Query::Out(out));
        self.requests.sent.insert((service, sent), (to, id));
    }

    /// Sends what waits for a connected peer, as fast as that peer will take it.
    pub(super) fn send_waiting(&mut self, peer: &PeerId) {
        let now = Instant::now();
        while let Some(id) = self.requests.next_waiting(peer) {
            if !self.pace.admit(now, *peer) {
                let at = now + self.pace.wait(peer);
                self.requests.paced.insert(*peer, at);
                return;
            }
            self.send(id);
        }
    }

    /// Sends what had to wait for its turn.
    pub(super) fn send_paced(&mut self, now: Instant) {
        let due = self.requests.paced.extract_if(.., |_, at| *at <= now);
        for peer in due.map(|(peer, _)| peer).collect::<Vec<_>>() {
            self.send_waiting(&peer);
        }
    }

    /// Answers what waits for a connection that does not come.
    pub(super) fn fail_waiting(&mut self, peer: &PeerId, error: &RequestError) {
        for id in self.requests.all_waiting(peer) {
            self.requests.answer(id, Err(error.clone()));
        }
    }

    pub(super) fn on_answer(
        &mut self,
        service: Service,
        id: OutboundRequestId,
        answer: Result<Vec<u8>, Fault>,
    ) {
        let answer = answer.map_err(|fault| match fault {
            Fault::Late => RequestError::Deadline,
            Fault::Closed | Fault::Truncated | Fault::Io(_) => RequestError::Lost {
                reason: fault.to_string(),
            },
            Fault::Refused | Fault::Version(_) | Fault::Network | Fault::Oversized { .. } => {
                RequestError::Refused {
                    reason: fault.to_string(),
                }
            }
        });
        self.requests.end(service, id, answer);
    }

    pub(super) fn on_outbound_failure(
        &mut self,
        service: Service,
        id: OutboundRequestId,
        error: OutboundFailure,
    ) {
        let error = match error {
            OutboundFailure::Timeout => RequestError::Deadline,
            OutboundFailure::UnsupportedProtocols => RequestError::Refused {
                reason: error.to_string(),
            },
            // It was connected when the request was handed over.
            OutboundFailure::DialFailure | OutboundFailure::ConnectionClosed => {
                RequestError::Lost {
                    reason: "the connection closed".into(),
                }
            }
            OutboundFailure::Io(error) => RequestError::Lost {
                reason: error.to_string(),
            },
        };
        self.requests.end(service, id, Err(error));
    }
}
