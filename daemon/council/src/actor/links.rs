//! What is on its way to other members: at most some requests to each at a time, with what came up meanwhile in the
//! next one. Where it is too much the oldest goes: newer words say more.

use std::collections::{BTreeMap, VecDeque};

use edgecoder_protocol::{
    PeerId, Signed,
    ledger::{block::ENTRIES_MAX, consensus::Said, entry::Entry},
    wire::{COUNCIL_MAX, CouncilAsk, SAID_MAX},
};

use crate::store::size_of;

/// Requests to one member that are under way. With one, a vote would wait for the answer to the one before it.
const UNDER_WAY_MAX: u32 = 4;
/// Words that wait for one member.
const WAITING_MAX: usize = 512;
/// Words that are kept for a member that does not answer.
const KEPT: usize = 32;
/// Bytes of what is put into one request.
const BYTES_MAX: usize = COUNCIL_MAX - (64 << 10);

/// What waits for one member.
#[derive(Debug, Default)]
struct Link {
    said: VecDeque<Said>,
    entries: VecDeque<Signed<Entry>>,
    under_way: u32,
}

/// What waits for each member; there are only so many.
#[derive(Debug, Default)]
pub struct Links(BTreeMap<PeerId, Link>);

impl Links {
    /// Puts words on the way.
    pub fn say(&mut self, said: &Said, to: &[PeerId]) {
        for peer in to {
            let link = self.0.entry(*peer).or_default();
            if link.said.len() >= WAITING_MAX {
                link.said.pop_front();
            }
            link.said.push_back(said.clone());
        }
    }

    /// Puts entries on the way.
    pub fn relay(&mut self, entries: &[Signed<Entry>], to: &[PeerId]) {
        for peer in to {
            let link = self.0.entry(*peer).or_default();
            for entry in entries {
                if link.entries.len() >= 2 * ENTRIES_MAX {
                    link.entries.pop_front();
                }
                link.entries.push_back(entry.clone());
            }
        }
    }

    /// Requests that may go now.
    pub fn due(&mut self) -> Vec<(PeerId, CouncilAsk)> {
        let mut due = Vec::new();
        for (peer, link) in &mut self.0 {
            while link.under_way < UNDER_WAY_MAX {
                let Some(ask) = link.next() else {
                    break;
                };
                link.under_way += 1;
                due.push((*peer, ask));
            }
        }
        due
    }

    /// A request has come to an end.
    pub fn done(&mut self, peer: PeerId, is_answered: bool) {
        let Some(link) = self.0.get_mut(&peer) else {
            return;
        };
        link.under_way = link.under_way.saturating_sub(1);
        if !is_answered {
            let old = link.said.len().saturating_sub(KEPT);
            link.said.drain(..old);
            link.entries.clear();
        }
    }

    /// Only these are spoken to.
    pub fn keep(&mut self, members: &[PeerId]) {
        self.0.retain(|peer, _| members.contains(peer));
    }
}

impl Link {
    /// Words first: entries wait for the next block anyway.
    fn next(&mut self) -> Option<CouncilAsk> {
        let said = take(&mut self.said, SAID_MAX, |said| match said {
            Said::Proposal { block, .. } => size_of(block),
            Said::Vote(_) => 512,
            Said::Votes { votes, .. } => 512 * votes.len() + 64,
        });
        if !said.is_empty() {
            return Some(CouncilAsk::Say(said));
        }
        let entries = take(&mut self.entries, ENTRIES_MAX, |entry| entry.size() + 8);
        (!entries.is_empty()).then_some(CouncilAsk::Relay(entries))
    }
}

/// The first ones, as many as fit.
fn take<T>(from: &mut VecDeque<T>, max: usize, size: impl Fn(&T) -> usize) -> Vec<T> {
    let mut bytes = 0;
    let fits = |one: &&T| {
        bytes += size(one);
        bytes <= BYTES_MAX
    };
    let count = from.iter().take(max).take_while(fits).count();
    from.drain(..count).collect()
}
