//! What goes out to other nodes: words on lines or, where there is none, as requests; questions; complaints.

use edgecoder_protocol::{
    PeerId,
    wire::{CouncilAnswer, CouncilAsk, CouncilWord},
};

use super::{Actor, Done};
use crate::ports::Ports;

impl<P: Ports> Actor<P> {
    /// Sends what waits for members, on lines as far as there are some.
    pub(super) fn send(&mut self) {
        loop {
            let due = self.links.due();
            if due.is_empty() {
                return;
            }
            for (peer, ask) in due {
                let word = CouncilWord::Tell(ask);
                if self.ports.say(peer, &word) {
                    self.links.done(peer, true);
                } else if let CouncilWord::Tell(ask) = word {
                    self.spawn(peer, ask, Done::Told);
                }
            }
        }
    }

    pub(super) fn offence(&mut self, peer: PeerId, what: &'static str) {
        tracing::warn!(%peer, what, "a member sent what no honest one sends");
        let ports = self.ports.clone();
        self.jobs.spawn(async move {
            ports.penalise(peer).await;
            Done::Penalised
        });
    }

    pub(super) fn spawn(
        &mut self,
        peer: PeerId,
        ask: CouncilAsk,
        done: fn(PeerId, Option<CouncilAnswer>) -> Done,
    ) {
        let ports = self.ports.clone();
        self.jobs
            .spawn(async move { done(peer, ports.ask(peer, ask).await) });
    }
}
