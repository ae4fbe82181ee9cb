//! What peers send: requests, answers, gossip. Each is checked for form and rate, and handed up when there is
//! room; verdicts come back here.

use std::time::Duration;

use edgecoder_protocol::{PeerId, content::ContentResponse};
use libp2p::{
    gossipsub::{self, IdentTopic, MessageAcceptance},
    kad::store::RecordStore,
    request_response::{Event as Exchange, Message, ResponseChannel},
    swarm::ConnectionId,
};
use tokio::{sync::oneshot, time::Instant};
use tracing::debug;

use super::Actor;
use crate::{
    Event, GOSSIP_MAX, GossipVerdict, Offence, PublishError, Reply, Service, convert,
    event::Verdict,
    frame::{Answer, Body, Fault, Query},
    gossip,
};

/// Gossip and records that the daemon is judging. Further ones are ignored until it has caught up.
pub const VERDICTS: usize = 1_024;

/// Frames broken off whose senders may just have lost the connection. Further ones go unpunished.
const SUSPECTS_MAX: usize = 256;

/// A connection that still stands so long after a frame broke off was not lost.
const DOUBT: Duration = Duration::from_secs(2);

/// The sender of a frame that ended too early.
pub struct Suspect {
    at: Instant,
    peer: PeerId,
    connection: ConnectionId,
}

impl Actor {
    pub(super) fn on_exchange(&mut self, service: Service, event: Exchange<Query, Answer>) {
        match event {
            Exchange::Message {
                peer,
                connection_id,
                message,
            } => {
                let Some(peer) = convert::from_libp2p(&peer) else {
                    return;
                };
                self.hear(&peer);
                match message {
                    Message::Request {
                        request: Query::In(query),
                        channel,
                        ..
                    } => {
                        self.on_query(peer, connection_id, service, query, channel);
                    }
                    Message::Response {
                        request_id,
                        response: Answer::In(answer),
                    } => {
                        if let Err(fault) = &answer {
                            self.blame(peer, connection_id, fault);
                        }
                        self.on_answer(service, request_id, answer);
                    }
                    // Our own halves never come in.
                    Message::Request {
                        request: Query::Out(_),
                        ..
                    }
                    | Message::Response {
                        response: Answer::Owed(..),
                        ..
                    } => {}
                }
            }
            Exchange::OutboundFailure {
                request_id, error, ..
            } => {
                self.on_outbound_failure(service, request_id, error);
            }
            Exchange::InboundFailure { peer, error, .. } => {
                debug!(%peer, %error, "answer not sent");
            }
            Exchange::ResponseSent { .. } => {}
        }
    }

    fn on_query(
        &mut self,
        from: PeerId,
        connection: ConnectionId,
        service: Service,
        query: Result<Body, Fault>,
        channel: ResponseChannel<Answer>,
    ) {
        let (sender, answer) = oneshot::channel();
        let mut room = self.rooms.of(from, service);
        // A chunk is a thousand times what asks for it: it is not read before there is room for it.
        let is_crowded = service == Service::Chunk && !room.take(service.response_max());
        // Err when the connection is gone, and then nobody waits. Dropping `sender` below refuses.
        let exchange = self.swarm.behaviour_mut().service(service);
        let is_waited_for = exchange
            .send_response(channel, Answer::Owed(answer, room))
            .is_ok();
        if !self.flood.admit(Instant::now(), from) {
            self.penalise(from, Offence::Flood);
            return;
        }
        let Body { bytes, place } = match query {
            Ok(body) => body,
            Err(fault) => return self.blame(from, connection, &fault),
        };
        if !is_waited_for {
            return;
        }
        if is_crowded {
            // Who has gone needs no answer.
            sender.send(ContentResponse::Busy.encode()).ok();
            return;
        }
        if !self.has_room() {
            debug!(peer = %from, ?service, "request refused: the daemon is behind");
            return;
        }
        let reply = Reply {
            sender,
            max: service.response_max(),
            _place: place,
        };
        self.tell(Event::Request {
            from,
            service,
            body: bytes,
            reply,
        });
    }

    fn hear(&mut self, peer: &PeerId) {
        if let Some(known) = self.book.get_mut(peer) {
            known.heard_at = Instant::now();
        }
    }

    pub(super) fn blame(&mut self, peer: PeerId, connection: ConnectionId, fault: &Fault) {
        debug!(%peer, %fault, "bad frame");
        match (fault, fault.offence()) {
            // A dying connection breaks frames off as well, and its end is reported after theirs.
            (Fault::Truncated, _) if self.suspects.len() < SUSPECTS_MAX => {
                self.suspects.push(Suspect {
                    at: Instant::now(),
                    peer,
                    connection,
                });
            }
            (Fault::Truncated, _) | (_, None) => {}
            (_, Some(offence)) => self.penalise(peer, offence),
        }
    }

    /// Penalises those whose connection outlived their broken frame.
    pub(super) fn judge_suspects(&mut self, now: Instant) {
        let is_ripe = |suspect: &Suspect| now.saturating_duration_since(suspect.at) >= DOUBT;
        let ripe: Vec<_> = self
            .suspects
            .extract_if(.., |suspect| is_ripe(suspect))
            .collect();
        for suspect in ripe {
            if self.connections.contains_key(&suspect.connection) {
                self.penalise(suspect.peer, Offence::Malformed);
            }
        }
    }

    pub(super) fn on_gossip(&mut self, event: gossipsub::Event) {
        // Subscriptions, slow peers and peers without gossip need no decision.
        let gossipsub::Event::Message {
            propagation_source,
            message_id,
            message,
        } = event
        else {
            return;
        };
        let slot = self.verdicts.clone().try_reserve_owned().ok();
        let forwarder = convert::from_libp2p(&propagation_source);
        let source = message.source.as_ref().and_then(convert::from_libp2p);
        let is_well_formed = source.is_some() && message.data.len() <= GOSSIP_MAX;
        match (forwarder, source, slot) {
            (Some(forwarder), Some(source), Some(slot)) if is_well_formed && self.has_room() => {
                let id = message_id;
                let verdict = GossipVerdict {
                    slot: Some(slot),
                    id,
                    forwarder: propagation_source,
                };
                let topic = message.topic.into_string();
                let body = message.data;
                self.tell(Event::Gossip {
                    topic,
                    source,
                    forwarder,
                    body,
                    verdict,
                });
            }
            (_, _, _) => {
                let acceptance = match is_well_formed {
                    true => MessageAcceptance::Ignore,
                    false => MessageAcceptance::Reject,
                };
                self.judge(&message_id, &propagation_source, acceptance);
            }
        }
    }

    pub(super) fn on_verdict(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Gossip {
                id,
                forwarder,
                acceptance,
            } => self.judge(&id, &forwarder, acceptance),
            Verdict::Record(record) => {
                let kademlia = self.swarm.behaviour_mut().kademlia.as_mut();
                if let Some(Err(error)) = kademlia.map(|kademlia| kademlia.store_mut().put(*record))
                {
                    debug!(%error, "record not stored");
                }
            }
            Verdict::BadRecord(from) => self.penalise(from, Offence::BadSignature),
        }
    }

    fn judge(
        &mut self,
        id: &gossipsub::MessageId,
        forwarder: &libp2p::PeerId,
        acceptance: MessageAcceptance,
    ) {
        let is_rejected = matches!(acceptance, MessageAcceptance::Reject);
        if let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() {
            // False when the message has left the cache: then it is too late to pass it on.
            gossip.report_message_validation_result(id, forwarder, acceptance);
        }
        if let (true, Some(forwarder)) = (is_rejected, convert::from_libp2p(forwarder)) {
            self.penalise(forwarder, Offence::Malformed);
        }
    }

    pub(super) fn subscribe(&mut self, topic: &str) {
        if let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() {
            gossip::subscribe(gossip, topic);
        }
    }

    pub(super) fn unsubscribe(&mut self, topic: &str) {
        if let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() {
            gossip.unsubscribe(&IdentTopic::new(topic));
        }
    }

    pub(super) fn publish(&mut self, topic: &str, body: Vec<u8>) -> Result<(), PublishError> {
        let bytes = body.len();
        let gossip = self
            .swarm
            .behaviour_mut()
            .gossip
            .as_mut()
            .ok_or(PublishError::Off)?;
        if bytes > GOSSIP_MAX {
            return Err(PublishError::TooLarge { bytes });
        }
        match gossip.publish(IdentTopic::new(topic), body) {
            Ok(_) => Ok(()),
            Err(gossipsub::PublishError::Duplicate) => Err(PublishError::Duplicate),
            Err(gossipsub::PublishError::NoPeersSubscribedToTopic) => Err(PublishError::NoPeers),
            Err(gossipsub::PublishError::MessageTooLarge) => Err(PublishError::TooLarge { bytes }),
            Err(gossipsub::PublishError::AllQueuesFull(_)) => Err(PublishError::Busy),
            Err(
                error @ (gossipsub::PublishError::SigningError(_)
                | gossipsub::PublishError::TransformFailed(_)),
            ) => Err(PublishError::Signing(error.to_string())),
        }
    }
}
