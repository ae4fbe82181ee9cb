//! Which dials Kademlia may make by itself, and whom the daemon has no connection with.
//!
//! Kademlia bootstraps whenever its table gains a peer and has fewer than 20 (its throttle cannot be switched
//! off from outside), and a bootstrap dials everybody it hears of: measured, 50 nodes ended with 49
//! connections each. This behaviour sees each dial before it happens. Those that the actor announced pass;
//! others are Kademlia's, and pass while a lookup is wanted or few peers are connected; a walk has a few of its
//! own. An incoming connection is refused to those alone whom the daemon's [`Door`] keeps out, and so is a dial to one.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm, dummy,
    },
};

/// Announced dials that have not begun. Each begins at once, so more than one is a mistake; a few are kept.
const ANNOUNCED_MAX: usize = 16;

use crate::convert;

/// The daemon's say in who may be connected, asked at each connection. Offences are counted apart from it.
#[derive(Clone)]
pub struct Door(Arc<dyn Fn(&edgecoder_protocol::PeerId) -> bool + Send + Sync>);

impl Door {
    /// One that lets in whoever `admits` says. It is asked on the mesh's own loop, so it must neither block nor wait.
    pub fn new(
        admits: impl Fn(&edgecoder_protocol::PeerId) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(admits))
    }

    /// Whether it lets `peer` in.
    pub fn admits(&self, peer: &edgecoder_protocol::PeerId) -> bool {
        (self.0)(peer)
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

/// Refused: the door is shut to this peer.
#[derive(Debug)]
pub struct Shut;

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this node deals with no such peer")
    }
}

impl std::error::Error for Shut {}

/// Refused: nobody asked for this dial.
#[derive(Debug)]
pub struct Unwanted;

impl fmt::Display for Unwanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("enough peers are connected and no lookup is under way")
    }
}

impl std::error::Error for Unwanted {}

/// See the file.
#[derive(Debug)]
pub struct Gate {
    free: usize,
    wanted: usize,
    /// Lookups that the actor has under way.
    pub lookups: usize,
    /// Further dials that Kademlia may make: a walk's, while others wait behind the gate.
    pub strides: usize,
    /// Who may be connected; all, before the daemon says.
    pub door: Option<Door>,
    announced: BTreeSet<ConnectionId>,
    /// Bounded by the connection limits' pending dials.
    pending: BTreeMap<ConnectionId, Option<PeerId>>,
    connected: BTreeSet<PeerId>,
    /// Peers that Kademlia dialled, and that nobody else did; at most as many as connections.
    passing: BTreeSet<PeerId>,
}

impl Gate {
    /// Lets Kademlia dial freely below `free` connected peers; a lookup's connections stay up to `wanted`.
    pub fn new(free: usize, wanted: usize) -> Self {
        Self {
            free,
            wanted,
            lookups: 0,
            strides: 0,
            door: None,
            announced: BTreeSet::new(),
            pending: BTreeMap::new(),
            connected: BTreeSet::new(),
            passing: BTreeSet::new(),
        }
    }

    /// Lets the dial with this id pass. To be called right before the dial.
    pub fn announce(&mut self, id: ConnectionId) {
        if self.announced.len() >= ANNOUNCED_MAX {
            self.announced.pop_first();
        }
        self.announced.insert(id);
    }

    /// A peer is wanted for itself, whoever dialled it.
    pub fn keep(&mut self, peer: &PeerId) {
        self.passing.remove(peer);
    }

    /// A peer beyond the wanted number whom only a finished lookup connected; the caller disconnects it.
    pub fn surplus(&mut self) -> Option<PeerId> {
        if self.lookups > 0 || self.connected.len() <= self.wanted {
            return None;
        }
        let peer = self.passing.pop_last()?;
        self.connected.remove(&peer);
        Some(peer)
    }

    fn let_in(&self, peer: &PeerId) -> Result<(), ConnectionDenied> {
        let is_shut =
            |door: &Door| convert::from_libp2p(peer).is_some_and(|peer| !door.admits(&peer));
        match self.door.as_ref().is_some_and(is_shut) {
            true => Err(ConnectionDenied::new(Shut)),
            false => Ok(()),
        }
    }

    fn is_open(&self) -> bool {
        self.lookups > 0 || self.connected.len() + self.pending.len() < self.free
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.let_in(&peer)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let is_announced = self.announced.remove(&id);
        if let Some(peer) = &peer {
            self.let_in(peer)?;
        }
        if !is_announced && !self.is_open() {
            self.strides = self
                .strides
                .checked_sub(1)
                .ok_or_else(|| ConnectionDenied::new(Unwanted))?;
        }
        self.pending.insert(id, peer.filter(|_| !is_announced));
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.let_in(&peer)?;
        if self.pending.remove(&id).flatten().is_some() && !self.connected.contains(&peer) {
            self.passing.insert(peer);
        }
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => {
                self.connected.insert(event.peer_id);
            }
            FromSwarm::ConnectionClosed(event) if event.remaining_established == 0 => {
                self.connected.remove(&event.peer_id);
                self.passing.remove(&event.peer_id);
            }
            FromSwarm::DialFailure(event) => {
                self.pending.remove(&event.connection_id);
                self.announced.remove(&event.connection_id);
            }
            // Other events concern no dial.
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
