//! Which members this node reaches, and how quickly: measured by asking, never by what they say.

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::{
    PeerId,
    ledger::{
        duty::{Duty, UNREACHED},
        members::MemberSet,
    },
};

use super::{LEASE, PROBE_EVERY, RENEW_EVERY, message::Willing};

/// A candidate whose last answer was asked for longer ago than this is not reached: two probes may be lost.
const REACHED_FOR: Duration = Duration::from_millis(2_500);
/// A holder that answered so lately is there. A promise lasts at least this from when its holder died, so that the last
/// answer of a dead one delays nothing.
const THERE_FOR: Duration = LEASE.saturating_sub(RENEW_EVERY);
/// Up to these round trips in milliseconds a member is in the bucket of that position: a switch, a town, a continent,
/// the world. Coarse, so that members agree and a busy second changes nothing.
const BUCKETS_MS: [u128; 4] = [5, 25, 100, 400];

#[derive(Clone, Copy, Debug)]
struct Contact {
    /// When it was last asked for a sign of life.
    asked: Option<Duration>,
    /// When the last answer had been asked for, and the bucket of its round trip.
    met: Option<(Duration, u8)>,
    /// What it says it would hold.
    willing: Willing,
    /// Since when how much was heard of it that it was not asked for.
    told: (Duration, u32),
}

/// The members, as reached from here.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Members alone, so at most `MEMBERS_MAX`.
    contacts: BTreeMap<PeerId, Contact>,
    next: Duration,
}

impl Reach {
    /// Only these are members.
    pub fn keep(&mut self, members: &MemberSet) {
        self.contacts.retain(|peer, _| members.contains(peer));
    }

    /// Whom to ask now.
    pub fn probe(&mut self, me: PeerId, now: Duration, members: &MemberSet) -> Vec<PeerId> {
        let mut due = Vec::new();
        self.next = now + PROBE_EVERY;
        for peer in members.members().iter().filter(|one| **one != me) {
            let contact = self.contact(*peer);
            // An exchange about a lease is a sign of life as good as any.
            let met = contact.met.map(|(sent, _)| sent);
            match contact.asked.max(met).map(|last| last + PROBE_EVERY) {
                Some(later) if later > now => self.next = self.next.min(later),
                Some(_) | None => {
                    contact.asked = Some(now);
                    due.push(*peer);
                }
            }
        }
        due
    }

    /// When somebody is to be asked next.
    pub fn next_probe(&self) -> Duration {
        self.next
    }

    /// A member has answered at `now` what was asked at `sent`.
    pub fn met(&mut self, peer: PeerId, now: Duration, sent: Duration, willing: Willing) {
        let trip = now.saturating_sub(sent).as_millis();
        let slower = BUCKETS_MS.iter().filter(|limit| trip > **limit);
        let bucket = u8::try_from(slower.count()).unwrap_or(UNREACHED - 1);
        let contact = self.contact(peer);
        contact.willing = willing;
        if contact.met.is_none_or(|(last, _)| last < sent) {
            contact.met = Some((sent, bucket));
        }
    }

    /// What a member said of itself.
    pub fn is_willing(&mut self, peer: PeerId, willing: Willing) {
        self.contact(peer).willing = willing;
    }

    /// A member is not there.
    pub fn lost(&mut self, peer: &PeerId) {
        if let Some(contact) = self.contacts.get_mut(peer) {
            contact.met = None;
        }
    }

    /// Until when a holder's last answer shows that it is there.
    pub fn there_until(&self, peer: &PeerId) -> Option<Duration> {
        let (sent, _) = self.contacts.get(peer)?.met?;
        Some(sent + THERE_FOR)
    }

    /// Whether a member has answered lately.
    pub fn is_reached(&self, peer: &PeerId, now: Duration) -> bool {
        self.lately(peer, now).is_some()
    }

    /// How good a candidate a member is.
    pub fn bucket(&self, peer: &PeerId, duty: Duty, now: Duration) -> u8 {
        let lately = self.lately(peer, now);
        lately
            .filter(|one| one.willing.is_for(duty))
            .and_then(|one| one.met)
            .map_or(UNREACHED, |(_, bucket)| bucket)
    }

    /// Whether what a member tells is to be looked at.
    pub fn admits(&mut self, peer: PeerId, now: Duration, a_second: u32) -> bool {
        let contact = self.contact(peer);
        let (since, count) = contact.told;
        let fresh = now >= since + Duration::from_secs(1);
        contact.told = if fresh {
            (now, 1)
        } else {
            (since, count.saturating_add(1))
        };
        contact.told.1 <= a_second
    }

    fn lately(&self, peer: &PeerId, now: Duration) -> Option<&Contact> {
        let contact = self.contacts.get(peer)?;
        let (sent, _) = contact.met?;
        (now < sent + REACHED_FOR).then_some(contact)
    }

    fn contact(&mut self, peer: PeerId) -> &mut Contact {
        self.contacts.entry(peer).or_insert(Contact {
            asked: None,
            met: None,
            willing: Willing::NOTHING,
            told: (Duration::ZERO, 0),
        })
    }
}
