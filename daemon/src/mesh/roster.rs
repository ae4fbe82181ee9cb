//! Who is in the network: the records that this node has heard, and how they become the same everywhere.
//!
//! The coordinator, with which all register, gossips a digest of its roster. Whoever has the same one knows that all in
//! it are still there; whoever has another one asks for the records, and forgets those that are not among them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound::{Excluded, Unbounded},
    sync::{Arc, Mutex},
    time::Duration,
};

use edgecoder_mesh::PublishError;
use edgecoder_protocol::{
    Hash, Millis, PeerId, Signed, canonical,
    record::{PeerRecord, open_record},
    wire::{Listed, RECORDS_MAX as PAGE, Request, Response},
};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{Hub, hub::lock, topics};

/// Records that are remembered: as many as a coordinator registers.
const RECORDS_MAX: usize = 4_096;
/// How often the coordinator looks whether its roster has changed, and says so if it has;
const LOOK: Duration = Duration::from_secs(2);
/// it says it again after so many looks: gossip has no history.
const SAY_AGAIN: u32 = 5;
/// What the coordinator's word is good for: three times that it says it.
const CONFIRMED: Duration = Duration::from_secs(30);
/// Nodes that hear of a change do not all ask at once: they wait up to so many milliseconds.
const SPREAD_MS: u64 = 1_000;
/// How long a page may take.
const ANSWER: Duration = Duration::from_secs(5);

/// A node's record with its end by this node's clock.
#[derive(Clone, Debug)]
pub struct Heard {
    /// As it was signed.
    pub signed: Signed<PeerRecord>,
    /// What it says.
    pub record: PeerRecord,
    /// Of all in it but what each renewal changes.
    said: Hash,
    /// Until when it holds.
    pub until: Millis,
}

/// The records, and the word that others have more.
#[derive(Debug, Default)]
pub struct Roster {
    records: Mutex<BTreeMap<PeerId, Heard>>,
    /// Who said the last digest, and when by its own clock.
    said: Mutex<Option<(PeerId, u64)>>,
    differs: Notify,
}

impl Hub {
    /// Remembers a record that lives `left_ms` yet, if its signature holds.
    pub(super) fn hear(&self, signed: Signed<PeerRecord>, left_ms: u32) {
        let Ok(record) = open_record(&signed, self.network) else {
            return;
        };
        let record = record.clone();
        let now = self.now();
        let until = Millis(now.0 + u64::from(record.life_ms.min(left_ms)));
        let mut records = lock(&self.roster.records);
        records.retain(|_, heard| heard.until > now);
        let is_newer = records.get(&record.peer).is_none_or(|heard| {
            let (old, new) = (heard.record.sequence, record.sequence);
            old < new || (old == new && heard.until < until)
        });
        if is_newer && (records.len() < RECORDS_MAX || records.contains_key(&record.peer)) {
            let heard = Heard {
                said: lasting(&record),
                signed,
                record,
                until,
            };
            records.insert(heard.record.peer, heard);
        }
    }

    /// What is known of `peer`.
    pub(super) fn record_of(&self, peer: PeerId) -> Option<PeerRecord> {
        let now = self.now();
        let records = lock(&self.roster.records);
        let heard = records.get(&peer).filter(|heard| heard.until > now)?;
        Some(heard.record.clone())
    }

    /// A page for others.
    pub(super) fn listed(&self, after: Option<PeerId>) -> Vec<Listed> {
        let now = self.now();
        let records = lock(&self.roster.records);
        let from = after.map_or(Unbounded, Excluded);
        let live = records
            .range((from, Unbounded))
            .filter(|(_, heard)| heard.until > now);
        let listed = live.map(|(_, heard)| Listed {
            record: heard.signed.clone(),
            left_ms: u32::try_from(heard.until.0 - now.0).unwrap_or(u32::MAX),
        });
        listed.take(PAGE).collect()
    }

    /// Everybody, as another would be told.
    pub fn all_listed(&self) -> Vec<Listed> {
        let mut all: Vec<Listed> = Vec::new();
        let mut after = None;
        loop {
            let page = self.listed(after);
            after = page.last().map(|one| one.record.claimant());
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    /// How many are here.
    pub(super) fn members(&self) -> u64 {
        let now = self.now();
        let records = lock(&self.roster.records);
        records.values().filter(|heard| heard.until > now).count() as u64
    }

    /// The same wherever the same is known of the same nodes.
    fn digest(&self) -> Hash {
        let now = self.now();
        let records = lock(&self.roster.records);
        let live = records.iter().filter(|(_, heard)| heard.until > now);
        let said = live.flat_map(|(peer, heard)| [peer.0, heard.said.0]);
        Hash::of(said.collect::<Vec<_>>().as_flattened())
    }

    /// The coordinator's digest has come. False when it is none; absent when it was said before the last one, which
    /// whoever keeps old ones may send again.
    pub(super) fn told(&self, by: PeerId, body: &[u8]) -> Option<bool> {
        // Its moment, which makes each another message, and the digest.
        let moment = body.first_chunk().copied().map(u64::from_le_bytes);
        let digest = body.get(8..).and_then(|rest| rest.try_into().ok());
        let (Some(moment), Some(digest)) = (moment, digest) else {
            return Some(false);
        };
        let mut said = lock(&self.roster.said);
        if said.is_some_and(|(last, at)| last == by && moment <= at) {
            return None;
        }
        *said = Some((by, moment));
        drop(said);
        if Hash(digest) != self.digest() {
            self.roster.differs.notify_one();
            return Some(true);
        }
        let now = self.now();
        for heard in lock(&self.roster.records).values_mut() {
            if heard.until > now {
                heard.until = heard.until.max(now.after(CONFIRMED));
            }
        }
        Some(true)
    }

    /// Asks the coordinator for everybody's records.
    pub(super) async fn fetch_roster(self: &Arc<Self>) -> Result<(), String> {
        let (mut after, mut listed) = (None, BTreeSet::from([self.id]));
        for _ in 0..RECORDS_MAX / PAGE {
            let request = Request::Peers { after };
            let (Response::Peers(page), _) = self.ask_coordinator(request, ANSWER).await? else {
                return Err("the coordinator answered something else".into());
            };
            let last = page.last().and_then(|one| one.record.open().ok());
            after = last.map(|(_, signer)| signer);
            let is_last = page.len() < PAGE || after.is_none();
            for one in page {
                listed.extend(one.record.open().map(|(_, signer)| signer));
                self.hear(one.record, one.left_ms);
            }
            if is_last {
                break;
            }
        }
        lock(&self.roster.records).retain(|peer, _| listed.contains(peer));
        Ok(())
    }
}

/// The hash of what a node says of itself until something there changes.
fn lasting(record: &PeerRecord) -> Hash {
    let said = PeerRecord {
        sequence: 0,
        life_ms: 0,
        ..record.clone()
    };
    canonical::hash(&said)
}

/// Says what the roster is, while this node coordinates; else follows what is said. Until `stop`.
pub async fn run(hub: Arc<Hub>, stop: CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = say(&hub) => {}
        () = follow(&hub) => {}
    }
}

async fn say(hub: &Hub) {
    let topic = topics::roster(hub.network);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut since) = (None, 0);
    loop {
        looks.tick().await;
        if !hub.is_coordinator(hub.id) {
            last = None;
            continue;
        }
        let digest = hub.digest();
        since += 1;
        if last == Some(digest) && since < SAY_AGAIN {
            continue;
        }
        let body = [&hub.now().0.to_le_bytes()[..], &digest.0].concat();
        match hub.mesh.publish(&topic, body).await {
            // Nobody listens yet, or gossip is off here.
            Ok(()) | Err(PublishError::NoPeers | PublishError::Off) => {}
            Err(error) => tracing::warn!(%error, "the roster was not announced"),
        }
        (last, since) = (Some(digest), 0);
    }
}

async fn follow(hub: &Arc<Hub>) {
    loop {
        hub.roster.differs.notified().await;
        let mut random = [0; 8];
        hub.random(&mut random);
        sleep(Duration::from_millis(
            u64::from_le_bytes(random) % SPREAD_MS,
        ))
        .await;
        if let Err(reason) = hub.fetch_roster().await {
            // It is said again.
            tracing::debug!(reason, "the roster was not fetched");
        }
    }
}
