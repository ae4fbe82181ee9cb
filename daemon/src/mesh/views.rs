//! What the operator sees of the network: this node in it, and its peers.

use std::sync::atomic::Ordering;

use edgecoder_mesh::{FoundBy as Found, PeerView};
use edgecoder_protocol::operator::{
    CoordinatorView, DialView, FoundBy, NetworkView, NodeView, PeerRow, PeerState,
};

use super::{Hub, hub::lock};
use crate::config::ROLES;

impl Hub {
    /// `GET /v1/node`.
    pub async fn view(&self) -> NodeView {
        let standing = lock(&self.standing).clone();
        let seat = self.seat();
        let is_own = self.is_coordinator(self.id);
        NodeView {
            schema: "edgecoder/node/1".into(),
            node: self.id,
            mode: self.config.mode.as_str().into(),
            network: NetworkView {
                id: self.network,
                name: self.genesis.name.clone(),
                private: self.is_private,
            },
            roles: self.config.roles.clone(),
            addresses: self.mesh.listening().await,
            coordinator: CoordinatorView {
                peer: seat.map(|seat| seat.holder),
                term: seat.map(|seat| seat.term),
                reachable: is_own || standing.reachable,
                registered: standing.registered,
                reason: self.own_trouble().or(standing.reason),
            },
            members: self.members(),
            clock_offset_ms: standing
                .is_measured
                .then(|| self.offset.load(Ordering::Relaxed)),
        }
    }

    /// `GET /v1/peers`.
    pub async fn peers(&self) -> Vec<PeerRow> {
        let views = self.mesh.peers().await;
        let roles = |view: &PeerView| {
            let record = self.record_of(view.peer);
            let says = |role| record.as_ref().is_some_and(|one| one.roles.contains(role));
            let named = ROLES.iter().filter(|(_, role)| says(role));
            named.map(|(name, _)| (*name).to_owned()).collect()
        };
        views.iter().map(|view| row(view, roles(view))).collect()
    }
}

fn row(view: &PeerView, roles: Vec<String>) -> PeerRow {
    let state = match (view.blocked, view.connected, &view.failure) {
        (true, _, _) => PeerState::Blocked,
        (false, true, _) => PeerState::Connected,
        (false, false, Some(_)) => PeerState::Unreachable,
        (false, false, None) => PeerState::Known,
    };
    PeerRow {
        schema: "edgecoder/peer/1".into(),
        peer: view.peer,
        found_by: match view.found_by {
            Found::Bootstrap => FoundBy::Bootstrap,
            Found::Mdns => FoundBy::Mdns,
            Found::Kademlia => FoundBy::Kademlia,
            Found::Identify => FoundBy::Identify,
            Found::Record => FoundBy::Record,
            Found::Invite => FoundBy::Invite,
            // However it was, it is here.
            _ => FoundBy::Inbound,
        },
        address: view.address.clone(),
        round_trip_ms: view.round_trip.map(|span| span.as_secs_f64() * 1_000.0),
        score: view.score,
        offences: view.offences,
        roles,
        state,
        failure: view
            .failure
            .as_ref()
            .filter(|_| !view.connected)
            .map(|failure| DialView {
                address: failure.address.clone(),
                step: failure.step.to_string(),
                reason: failure.reason.clone(),
            }),
    }
}
