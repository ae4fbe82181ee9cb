//! Questions that have come to an end.

use edgecoder_protocol::wire::CouncilReply;

use super::{Actor, Done};
use crate::ports::Ports;

impl<P: Ports> Actor<P> {
    pub(super) fn done(&mut self, done: Done) {
        let now = self.ports.now();
        let (peer, answer) = match done {
            Done::Told(peer, answer) => {
                self.links.done(peer, answer.is_some());
                (peer, answer)
            }
            Done::Recalled(peer, answer) => {
                if let Some(answer) = answer
                    && let CouncilReply::Held(held) = answer.reply
                {
                    let held = held.map(|vote| *vote);
                    self.machine.recalled(now, peer, held, answer.height);
                }
                return;
            }
            Done::Fetched(peer, answer) => {
                let height = answer.as_ref().map(|one| one.height);
                let blocks = match answer.map(|one| one.reply) {
                    Some(CouncilReply::Blocks(blocks)) => blocks,
                    Some(CouncilReply::Pruned { epoch }) => {
                        self.machine.is_pruned(peer, epoch);
                        return;
                    }
                    Some(_) | None => Vec::new(),
                };
                self.machine.fetched(now, peer, blocks);
                if let Some(height) = height {
                    self.machine.is_at(peer, height);
                }
                return;
            }
            Done::Joined(peer, result) => {
                self.joined(peer, result);
                return;
            }
            Done::Looked(peer, answer, reply) => {
                reply.send(answer.is_some()).ok();
                (peer, answer)
            }
            Done::Penalised | Done::EpochEnded => return,
            Done::Forwarded(peer, leaf, answer) => {
                self.forwarded(leaf, answer.as_ref());
                (peer, answer)
            }
        };
        if let Some(answer) = answer {
            self.machine.is_at(peer, answer.height);
        }
    }
}
