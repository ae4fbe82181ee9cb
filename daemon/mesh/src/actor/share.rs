//! What this node puts in the DHT, renewed for as long as it runs, and what it keeps there for others, as the
//! daemon accepts it. Asking is done in `lookups`.

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::PeerId;
use libp2p::{
    Multiaddr,
    kad::{InboundRequest, Quorum, Record, RecordKey, store::RecordStore},
};
use tokio::time::Instant;
use tracing::debug;

use super::{
    Actor,
    lookups::{FIND_MAX, Purpose, RENEWALS_MAX},
};
use crate::{
    Event, RecordVerdict,
    behaviour::{RECORD_MAX, RECORD_RENEWAL, RECORD_TTL, RECORDS_MAX},
    book::ADDRESSES_MAX,
    bootstrap::PEERS_WANTED,
    convert,
    quota::Quota,
};

/// Records, and provided keys, that one peer may leave here.
const PER_PEER_MAX: usize = 64;

/// The longest key, in bytes; ours are hashes with a prefix.
const KEY_MAX: usize = 128;

/// While fewer peers than wanted are connected, the DHT is asked for neighbours this often.
const BOOTSTRAP_EVERY: Duration = Duration::from_secs(60);

/// While fewer peers than wanted are connected, a place in the network is drawn and looked for: soon, and then as often
/// as for neighbours. One walk meets a few peers, and costs a handshake with each.
const WALK_FIRST: Duration = Duration::from_secs(1);

/// What was put in the DHT while nobody was connected is put there again after so long.
const RETRY: Duration = Duration::from_secs(5);

/// Something that this node put in the DHT.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kept {
    Provided(Vec<u8>),
    Record(Vec<u8>),
}

/// See the file.
pub struct Share {
    /// With a record's value, and when it is due for renewal; at most [`RECORDS_MAX`].
    kept: BTreeMap<Kept, (Option<Vec<u8>>, Instant)>,
    bootstrap_at: Instant,
    walk_at: Instant,
    records: Quota,
    provided: Quota,
}

impl Share {
    pub fn new(now: Instant) -> Self {
        Self {
            kept: BTreeMap::new(),
            bootstrap_at: now + BOOTSTRAP_EVERY,
            walk_at: now + WALK_FIRST,
            records: Quota::new(PER_PEER_MAX),
            provided: Quota::new(PER_PEER_MAX),
        }
    }
}

impl Actor {
    pub(super) fn provide(&mut self, key: Vec<u8>) {
        self.keep(Kept::Provided(key), None);
    }

    pub(super) fn stop_providing(&mut self, key: &[u8]) {
        self.share.kept.remove(&Kept::Provided(key.to_vec()));
        if let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut() {
            kademlia.stop_providing(&RecordKey::new(&key));
        }
    }

    pub(super) fn put_record(&mut self, key: Vec<u8>, value: Vec<u8>) {
        if value.len() > RECORD_MAX {
            debug!(bytes = value.len(), "record is too large for the DHT");
            return;
        }
        self.keep(Kept::Record(key), Some(value));
    }

    fn keep(&mut self, kept: Kept, value: Option<Vec<u8>>) {
        let is_full = self.share.kept.len() >= RECORDS_MAX && !self.share.kept.contains_key(&kept);
        if is_full || self.swarm.behaviour().kademlia.as_ref().is_none() {
            debug!("nothing more is kept in the DHT");
            return;
        }
        let now = Instant::now();
        self.share.kept.insert(kept, (value, now));
        self.renew(now);
    }

    /// Renews what is due, and looks for neighbours when they are few.
    pub(super) fn renew(&mut self, now: Instant) {
        let mut places = RENEWALS_MAX.saturating_sub(self.lookups.renewals());
        let due: Vec<_> = self
            .share
            .kept
            .iter()
            .filter(|(_, (_, at))| *at <= now)
            .map(|(kept, (value, _))| (kept.clone(), value.clone()))
            .take(places)
            .collect();
        self.walk(now);
        for (kept, value) in due {
            if places == 0 || !self.has_place() {
                return;
            }
            places -= 1;
            self.renew_one(now, kept, value);
        }
        if self.share.bootstrap_at <= now && self.book.connected() < PEERS_WANTED {
            self.share.bootstrap_at = now + BOOTSTRAP_EVERY;
            if let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut() {
                // Err when nobody is known, and then there is nobody to ask.
                kademlia.bootstrap().ok();
            }
        }
    }

    /// Looks for peers anywhere in the network, when few are connected: those are dialled in an order that is drawn.
    fn walk(&mut self, now: Instant) {
        if self.share.walk_at > now || self.book.connected() >= PEERS_WANTED {
            return;
        }
        // With nobody connected there is nobody to ask yet.
        let is_begun = self.book.connected() > 0 && self.look_around(now);
        self.share.walk_at = now
            + match is_begun {
                true => BOOTSTRAP_EVERY,
                false => WALK_FIRST,
            };
    }

    fn renew_one(&mut self, now: Instant, kept: Kept, value: Option<Vec<u8>>) {
        let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut() else {
            return;
        };
        let started = match (&kept, value) {
            (Kept::Record(key), Some(value)) => {
                kademlia.put_record(Record::new(key.clone(), value), Quorum::One)
            }
            (Kept::Record(key) | Kept::Provided(key), _) => {
                kademlia.start_providing(RecordKey::new(&key))
            }
        };
        match started {
            Ok(id) => self.follow(id, Purpose::Renewal, now + FIND_MAX),
            Err(error) => debug!(%error, "the DHT's local store is full"),
        }
        // With nobody connected it only reached this node.
        let wait = match self.book.connected() {
            0 => RETRY,
            _ => RECORD_RENEWAL,
        };
        if let Some((_, at)) = self.share.kept.get_mut(&kept) {
            *at = now + wait;
        }
    }

    /// Puts a peer that speaks Kademlia in the routing table.
    pub(super) fn add_to_kademlia(
        &mut self,
        peer: &PeerId,
        addresses: impl IntoIterator<Item = Multiaddr>,
    ) {
        let kademlia = self.swarm.behaviour_mut().kademlia.as_mut();
        if let (Some(kademlia), Some(id)) = (kademlia, convert::to_libp2p(peer)) {
            for address in addresses.into_iter().take(ADDRESSES_MAX) {
                kademlia.add_address(&id, address);
            }
        }
    }

    /// A peer wants something stored here.
    pub(super) fn on_dht_request(&mut self, request: InboundRequest) {
        let now = Instant::now();
        let end = now + RECORD_TTL;
        match request {
            InboundRequest::PutRecord {
                source,
                record: Some(record),
                ..
            } => {
                let key = record.key.to_vec();
                let Some(from) = convert::from_libp2p(&source) else {
                    return;
                };
                let is_small = key.len() <= KEY_MAX && record.value.len() <= RECORD_MAX;
                if !is_small || !self.has_room() || !self.share.records.admit(now, from, &key, end)
                {
                    return;
                }
                if let Ok(slot) = self.verdicts.clone().try_reserve_owned() {
                    let value = record.value.clone();
                    let verdict = RecordVerdict {
                        slot,
                        record: Box::new(record),
                        from,
                    };
                    self.tell(Event::Record {
                        from,
                        key,
                        value,
                        verdict,
                    });
                }
            }
            InboundRequest::AddProvider {
                record: Some(mut record),
            } => {
                let key = record.key.to_vec();
                // Kademlia has checked that the provider speaks for itself.
                let Some(from) = convert::from_libp2p(&record.provider) else {
                    return;
                };
                if key.len() > KEY_MAX || !self.share.provided.admit(now, from, &key, end) {
                    return;
                }
                record.addresses.truncate(ADDRESSES_MAX);
                let kademlia = self.swarm.behaviour_mut().kademlia.as_mut();
                if let Some(Err(error)) =
                    kademlia.map(|kademlia| kademlia.store_mut().add_provider(record))
                {
                    debug!(%error, "provider not stored");
                }
            }
            // Answered by Kademlia itself.
            _ => {}
        }
    }
}
