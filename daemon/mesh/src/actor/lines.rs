//! Lines: with whom they are kept, and what comes of one that a peer opened.

use edgecoder_protocol::PeerId;
use tokio::time::Instant;
use tracing::debug;

use super::Actor;
use crate::{
    Event, Line, Offence, convert,
    lines::{self, Words},
};

impl Actor {
    pub(super) fn keep_lines(&mut self, mut peers: Vec<PeerId>) {
        peers.retain(|peer| *peer != self.me);
        self.swarm.behaviour_mut().lines.keep(peers);
    }

    pub(super) fn open_line(&mut self, peer: &PeerId, line: Line) {
        if let Some(peer) = convert::to_libp2p(peer) {
            let behaviour = self.swarm.behaviour_mut();
            behaviour.lines.open(Instant::now(), peer, line);
        }
    }

    pub(super) fn on_line(&mut self, event: lines::Event) {
        match event {
            lines::Event::Opened { peer, line, words } => {
                if let Some(peer) = convert::from_libp2p(&peer) {
                    self.on_opened(peer, line, words);
                }
            }
            lines::Event::Faulty {
                peer,
                connection,
                fault,
            } => {
                if let Some(peer) = convert::from_libp2p(&peer) {
                    self.blame(peer, connection, &fault);
                }
            }
        }
    }

    /// Dropping the words closes the line, and its peer sends requests.
    fn on_opened(&mut self, from: PeerId, line: Line, words: Words) {
        if !self.flood.admit(Instant::now(), from) {
            self.penalise(from, Offence::Flood);
        } else if self.has_room() {
            self.tell(Event::Line { from, line, words });
        } else {
            debug!(peer = %from, ?line, "line refused: the daemon is behind");
        }
    }
}
