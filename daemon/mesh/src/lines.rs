//! Lines: streams that stay open between this node and those it keeps them with, one for each direction and [`Line`].
//! A word on one costs no stream of its own and no answer, comes in the order in which it was said, and is lost only
//! with its stream.
//!
//! Decides with whom lines are kept, when one is opened and when again after a loss. Anybody else's stream is refused
//! while its protocol is negotiated. What is on a stream is `frames`, who drives it `handler`; what words mean, and
//! whether to say a lost one again, the daemon decides.

mod frames;
mod handler;
mod outlets;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    task::{Context, Poll},
};

use edgecoder_protocol::NetworkId;
use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm,
    },
};
use tokio::time::{Duration, Instant};

use crate::{convert, frame::Fault};
use handler::{Handler, Order, Report};

pub use frames::{Line, Word, Words};
pub use outlets::{Outlets, SayError};

/// Peers with whom lines are kept; with the rest, requests do. A council has at most 31 members.
pub const KEPT_MAX: usize = 32;

/// A peer that would not have a line is not asked again for so long: it may hear only now that it should.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What the actor hears of.
#[derive(Debug)]
pub enum Event {
    /// A kept peer has opened a line to this node.
    Opened {
        peer: PeerId,
        line: Line,
        words: Words,
    },
    /// What came on a line cannot be read; the line is closed.
    Faulty {
        peer: PeerId,
        connection: ConnectionId,
        fault: Fault,
    },
}

/// Where an outgoing line stands.
#[derive(Debug)]
enum Outgoing {
    Opening(ConnectionId),
    Open(ConnectionId),
    /// It was refused or lost, and is not opened before.
    Not(Instant),
}

/// See the file.
#[derive(Debug)]
pub struct Lines {
    network: NetworkId,
    outlets: Outlets,
    /// At most [`KEPT_MAX`].
    kept: BTreeSet<PeerId>,
    /// Bounded by the connection limits.
    connections: BTreeMap<PeerId, BTreeSet<ConnectionId>>,
    /// Of kept peers.
    outgoing: BTreeMap<(PeerId, Line), Outgoing>,
    /// At most one for each connection and line, and what handlers report, which is taken at once.
    due: VecDeque<ToSwarm<Event, Order>>,
}

impl Lines {
    pub fn new(network: NetworkId, outlets: Outlets) -> Self {
        Self {
            network,
            outlets,
            kept: BTreeSet::new(),
            connections: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            due: VecDeque::new(),
        }
    }

    /// Keeps lines with these peers, at most [`KEPT_MAX`], and closes all others.
    pub fn keep(&mut self, peers: impl IntoIterator<Item = edgecoder_protocol::PeerId>) {
        let peers: BTreeSet<_> = peers.into_iter().take(KEPT_MAX).collect();
        let kept = peers.iter().filter_map(convert::to_libp2p).collect();
        self.outlets.keep(&peers);
        let before = std::mem::replace(&mut self.kept, kept);
        let changed: Vec<PeerId> = before.symmetric_difference(&self.kept).copied().collect();
        for peer in changed {
            let is_kept = self.kept.contains(&peer);
            if !is_kept {
                self.outgoing.retain(|(of, _), _| *of != peer);
            }
            let connections = self.connections.get(&peer).into_iter().flatten().copied();
            for connection in connections.collect::<Vec<_>>() {
                self.order(peer, connection, Order::Keep(is_kept));
            }
        }
    }

    /// Opens a line to a kept and connected peer, unless it is open or was refused a moment ago.
    pub fn open(&mut self, now: Instant, peer: PeerId, line: Line) {
        let may = match self.outgoing.get(&(peer, line)) {
            Some(Outgoing::Opening(_) | Outgoing::Open(_)) => false,
            Some(Outgoing::Not(until)) => *until <= now,
            None => true,
        };
        if !may || !self.kept.contains(&peer) {
            return;
        }
        // The newest: an older one may be dying.
        let newest = self.connections.get(&peer).and_then(|all| all.last());
        if let Some(connection) = newest.copied() {
            let at = Outgoing::Opening(connection);
            self.outgoing.insert((peer, line), at);
            self.order(peer, connection, Order::Open(line));
        }
    }

    fn order(&mut self, peer_id: PeerId, connection: ConnectionId, event: Order) {
        self.due.push_back(ToSwarm::NotifyHandler {
            peer_id,
            handler: NotifyHandler::One(connection),
            event,
        });
    }

    /// Outgoing lines by this connection, or all of them that `is_it`, are no more.
    fn lose(&mut self, peer: PeerId, connection: ConnectionId, line: Option<Line>) {
        let until = Instant::now() + RETRY_AFTER;
        for ((of, which), at) in &mut self.outgoing {
            let is_by = match at {
                Outgoing::Opening(by) | Outgoing::Open(by) => *by == connection,
                Outgoing::Not(_) => false,
            };
            if *of == peer && is_by && line.is_none_or(|line| line == *which) {
                *at = Outgoing::Not(until);
                if let Some(peer) = convert::from_libp2p(&peer) {
                    self.outlets.remove(peer, *which);
                }
            }
        }
    }

    fn handler(&self, peer: &PeerId) -> Handler {
        Handler::new(self.network, self.kept.contains(peer))
    }
}

impl NetworkBehaviour for Lines {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(&peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(&peer))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => {
                let connections = self.connections.entry(event.peer_id).or_default();
                connections.insert(event.connection_id);
                // A line that was lost with the connection before is worth asking for at once.
                self.outgoing.retain(|(peer, _), at| {
                    *peer != event.peer_id || !matches!(at, Outgoing::Not(_))
                });
            }
            FromSwarm::ConnectionClosed(event) => {
                self.lose(event.peer_id, event.connection_id, None);
                if let Some(connections) = self.connections.get_mut(&event.peer_id) {
                    connections.remove(&event.connection_id);
                }
                if event.remaining_established == 0 {
                    self.connections.remove(&event.peer_id);
                }
            }
            // Other events concern no line.
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        report: THandlerOutEvent<Self>,
    ) {
        match report {
            // Dropping the words closes a line with somebody who is kept no more.
            Report::Opened(line, words) if self.kept.contains(&peer) => {
                // Whoever asks on it has its answer on this node's.
                self.open(Instant::now(), peer, line);
                let event = Event::Opened { peer, line, words };
                self.due.push_back(ToSwarm::GenerateEvent(event));
            }
            Report::Faulty(fault) => {
                let event = Event::Faulty {
                    peer,
                    connection,
                    fault,
                };
                self.due.push_back(ToSwarm::GenerateEvent(event));
            }
            Report::Ready(line, outlet) => {
                let at = self.outgoing.get_mut(&(peer, line));
                let at = at.filter(|at| matches!(at, Outgoing::Opening(by) if *by == connection));
                if let Some((at, peer)) = at.zip(convert::from_libp2p(&peer)) {
                    *at = Outgoing::Open(connection);
                    self.outlets.put(peer, line, outlet);
                }
            }
            Report::Closed(line) => self.lose(peer, connection, Some(line)),
            Report::Opened(..) => {}
        }
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.due.pop_front() {
            Some(event) => Poll::Ready(event),
            // What makes one due comes by the actor or the swarm, after which it polls.
            None => Poll::Pending,
        }
    }
}
