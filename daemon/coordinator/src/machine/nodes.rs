//! Who is here, what each can do, and whose it is.

use std::collections::{BTreeMap, BTreeSet};

use edgecoder_protocol::{Millis, PeerId, ProfileId};

use super::Need;
use crate::config::NODES_MAX;

/// What a node said of itself, as far as lending goes by it; verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeOffer {
    /// Whose it is; `None` for the one unattributed owner.
    pub owner: Option<PeerId>,
    /// Whether it takes subtasks.
    pub is_worker: bool,
    /// Whether it may, by the ledger.
    pub is_admitted: bool,
    /// Subtasks that it works on at a time.
    pub slots: usize,
    /// Whether it answers for a model.
    pub has_model: bool,
    /// Whether others may ask that model.
    pub is_inference: bool,
    /// Languages it runs.
    pub languages: BTreeSet<String>,
    /// What its executions agree with.
    pub profile: ProfileId,
    /// Where it says that it listens.
    pub addresses: Vec<String>,
    /// Until when the record holds, by this clock.
    pub until: Millis,
}

impl NodeOffer {
    /// What of `need` this node lacks, in words.
    pub(super) fn lacks(&self, need: &Need) -> Option<&'static str> {
        let speaks = |name: &String| self.languages.contains(name);
        match need {
            _ if !self.is_worker || !self.is_admitted => Some("no worker"),
            _ if self.profile != need.profile => Some("another execution profile"),
            _ if !need.languages.iter().all(speaks) => Some("not the language"),
            _ if need.own_model && !self.has_model => Some("no model of its own"),
            _ => None,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Nodes {
    known: BTreeMap<PeerId, NodeOffer>,
    /// Of these, those whose connection has closed since they last registered.
    away: BTreeSet<PeerId>,
}

impl Nodes {
    /// Takes a record in; false when there is no room.
    pub(super) fn register(&mut self, peer: PeerId, offer: NodeOffer) -> bool {
        let has_room = self.known.len() < NODES_MAX || self.known.contains_key(&peer);
        if has_room {
            self.known.insert(peer, offer);
            self.away.remove(&peer);
        }
        has_room
    }

    pub(super) fn expire(&mut self, now: Millis) {
        self.known.retain(|_, offer| offer.until > now);
        self.away.retain(|peer| self.known.contains_key(peer));
    }

    /// Who may work has changed: by what `admits` says. Returns who may no more.
    pub(super) fn review(&mut self, admits: impl Fn(&PeerId) -> bool) -> Vec<PeerId> {
        let mut out = Vec::new();
        for (peer, offer) in &mut self.known {
            let is_admitted = admits(peer);
            if offer.is_admitted && !is_admitted {
                out.push(*peer);
            }
            offer.is_admitted = is_admitted;
        }
        out
    }

    /// Its connection has closed: nothing is expected of it until it registers again.
    pub(super) fn leave(&mut self, peer: PeerId) {
        if self.known.contains_key(&peer) {
            self.away.insert(peer);
        }
    }

    pub(super) fn get(&self, peer: &PeerId) -> Option<&NodeOffer> {
        self.known.get(peer)
    }

    /// The owner, where nodes without one are all the same owner's.
    pub(super) fn owner(&self, peer: &PeerId) -> Option<PeerId> {
        self.known.get(peer).and_then(|offer| offer.owner)
    }

    /// Whether anybody but `author`'s owner could check what `author` did, and is not `out`.
    pub(super) fn has_other_owner(
        &self,
        author: &PeerId,
        need: &Need,
        out: impl Fn(&PeerId) -> bool,
    ) -> bool {
        let own = self.owner(author);
        self.here(&need.of_checker())
            .any(|(peer, offer)| offer.owner != own && !out(peer))
    }

    /// Whether an author and somebody to check it are here who are not `out`.
    pub(super) fn has_two(&self, need: &Need, out: impl Fn(&PeerId) -> bool) -> bool {
        let left = |need: &Need| self.here(need).filter(|(peer, _)| !out(peer)).count();
        left(need) > 0 && left(&need.of_checker()) > 1
    }

    /// Nodes that can do `need` and are connected.
    fn here(&self, need: &Need) -> impl Iterator<Item = (&PeerId, &NodeOffer)> {
        self.known
            .iter()
            .filter(|(peer, offer)| !self.away.contains(peer) && offer.lacks(need).is_none())
    }

    /// Nodes that could do `need`.
    pub(super) fn able(&self, need: &Need) -> usize {
        self.known
            .values()
            .filter(|offer| offer.lacks(need).is_none())
            .count()
    }

    /// Whether anybody answers for a model that others may ask.
    pub(super) fn has_inference(&self) -> bool {
        self.known.values().any(|offer| offer.is_inference)
    }

    /// What most stands in the way of `need`.
    pub(super) fn missing(&self, need: &Need) -> &'static str {
        let workers = || {
            let known = self.known.values();
            known.filter(|offer| offer.is_worker && offer.is_admitted)
        };
        if workers().next().is_none() {
            return match self.known.values().any(|offer| offer.is_worker) {
                true => "no worker that is registered was admitted by the operators",
                false => "no worker is registered",
            };
        }
        if !workers().any(|offer| offer.profile == need.profile) {
            return "no worker has the same execution profile: it runs another version";
        }
        let speaks = |offer: &NodeOffer| {
            need.languages
                .iter()
                .all(|name| offer.languages.contains(name))
        };
        if !workers().any(speaks) {
            return "no worker runs the language";
        }
        "no worker has a model of its own"
    }

    pub(super) fn inference_slots(&self) -> Vec<PeerId> {
        let is_here = |peer: &PeerId| !self.away.contains(peer);
        let slots = self
            .known
            .iter()
            .filter(|(peer, offer)| offer.is_inference && is_here(peer));
        slots.map(|(peer, _)| *peer).collect()
    }
}
