//! A peer's checkpoints and snapshot as they are, and with each kind of damage that a liar could do.

use std::{sync::Arc, time::Duration};

use edgecoder_node_store::{Faults, LedgerLog, MemoryDisk};
use edgecoder_protocol::{
    Credits, Millis,
    key::NodeKey,
    ledger::{
        decree::{Approved, Decree, Order},
        entry::Body,
        state::Key,
    },
    wire::{CouncilAnswer, CouncilWord, HEADERS_MAX, LEGS_MAX, Willing},
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    Council, Place, Settings, VOTES_MAX,
    store::epoch::{self, Keeping},
    verify::{headers, legs},
};

const NOW: Millis = Millis(1_000_000);

fn key() -> NodeKey {
    NodeKey::from_seed(&mut [1; 32])
}

fn genesis() -> Genesis {
    let me = key().peer_id();
    Genesis {
        name: "lab".into(),
        operators: vec![me],
        members: MemberSet::one(me),
        founded: Millis(0),
        salt: [0; 16],
    }
}

/// Stands for the way to a peer that answers from `ledger`, after doing `lie` to it.
struct Shelf<L> {
    ledger: LedgerLog,
    lie: L,
}

impl<L: Fn(CouncilReply) -> CouncilReply + Send + Sync + 'static> Ports for Shelf<L> {
    fn now(&self) -> Millis {
        NOW
    }

    fn uptime(&self) -> Duration {
        Duration::ZERO
    }

    async fn ask(&self, _: PeerId, ask: CouncilAsk) -> Option<CouncilAnswer> {
        let reply = match ask {
            CouncilAsk::Way { after, to } => {
                CouncilReply::Way(legs(&self.ledger, after, to, LEGS_MAX).unwrap())
            }
            CouncilAsk::Headers { from } => {
                CouncilReply::Headers(headers(&self.ledger, from, HEADERS_MAX).unwrap())
            }
            CouncilAsk::Epoch { height, from } => {
                let (total, bytes) = epoch::part(&self.ledger, height, from).unwrap()?;
                CouncilReply::Epoch { total, bytes }
            }
            _ => return None,
        };
        let reply = (self.lie)(reply);
        Some(CouncilAnswer { height: 0, reply })
    }

    fn say(&self, _: PeerId, _: &CouncilWord) -> bool {
        false
    }

    async fn penalise(&self, _: PeerId) {}
}

/// The ledger of a council of one with an epoch's end at height 4.
async fn ledger() -> (Council, LedgerLog) {
    let ledger = LedgerLog::memory();
    let settings = Settings {
        key: Arc::new(key()),
        genesis: genesis(),
        place: Place::Memory(MemoryDisk::default(), ledger.clone()),
        faults: Faults::default(),
        willing: Willing::NOTHING,
        gives_back: false,
        votes_max: VOTES_MAX,
        keeping: Keeping {
            epoch: 4,
            prunes: true,
        },
        anchor: None,
    };
    let nobody = Shelf {
        ledger: ledger.clone(),
        lie: |reply| reply,
    };
    let started = crate::start(settings, Arc::new(nobody), CancellationToken::new());
    let (council, _) = started.await.unwrap();
    for _ in 0..5 {
        let order = Order::Issue {
            to: key().peer_id(),
            amount: Credits(1),
        };
        let chain = council.view().chain;
        let decree = Decree {
            chain: chain.id(),
            version: chain.state().version_of(&order),
            expires: NOW.after(Duration::from_secs(60)),
            order,
        };
        let approvals = vec![decree.approve(&key())];
        let approved = Approved { decree, approvals };
        council.say(Body::Decree(approved)).await.unwrap();
    }
    while epoch::offered(&ledger) != Some(4) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (council, ledger)
}

async fn fetched<L>(ledger: &LedgerLog, lie: L) -> Result<Adopted, Why>
where
    L: Fn(CouncilReply) -> CouncilReply + Send + Sync + 'static,
{
    from_anchor(ledger, lie, Anchor::of_genesis(&genesis())).await
}

async fn from_anchor<L>(ledger: &LedgerLog, lie: L, anchor: Anchor) -> Result<Adopted, Why>
where
    L: Fn(CouncilReply) -> CouncilReply + Send + Sync + 'static,
{
    let ledger = ledger.clone();
    let ports = Shelf { ledger, lie };
    fetch(&ports, key().peer_id(), &genesis(), anchor, 4).await
}

fn anchor_at(ledger: &LedgerLog, height: u64) -> Anchor {
    let head = ledger.head(height).unwrap().unwrap();
    let head: Checkpoint = canonical::decode(&head).unwrap();
    Anchor {
        head: Some(head.header),
        at: NOW,
        ..Anchor::of_genesis(&genesis())
    }
}

#[tokio::test]
async fn an_anchor_on_either_side_of_the_epochs_end_proves_it() {
    let (council, ledger) = ledger().await;
    for height in [2, 3, 4, 5] {
        let adopted = from_anchor(&ledger, |reply| reply, anchor_at(&ledger, height)).await;
        let adopted = adopted.unwrap();
        assert_eq!(adopted.chain.height(), 4, "{height}");
        let (last, _) = adopted.way.last().unwrap();
        assert_eq!(Some(&last.header), adopted.chain.head());
    }
    // Another past than the one that the invite names.
    let mut other = anchor_at(&ledger, 5);
    if let Some(head) = &mut other.head {
        head.parent.0[0] ^= 1;
    }
    let refused = from_anchor(&ledger, |reply| reply, other).await;
    assert!(refused.is_err());
    let mut other = anchor_at(&ledger, 4);
    if let Some(head) = &mut other.head {
        head.parent.0[0] ^= 1;
    }
    let refused = from_anchor(&ledger, |reply| reply, other).await;
    assert!(refused.is_err());
    drop(council);
}

#[tokio::test]
async fn what_a_peer_has_is_taken_over_and_nothing_else() {
    let (council, ledger) = ledger().await;
    let adopted = fetched(&ledger, |reply| reply).await.unwrap();
    assert_eq!(adopted.chain.height(), 4);
    assert_eq!(adopted.tiles.size(), adopted.chain.size());
    let at = Key::Supply;
    assert!(adopted.chain.state().value(&at).is_some());
    let (total, _) = epoch::part(&ledger, 4, 0).unwrap().unwrap();
    for bit in 0..8 * total as usize {
        let lie = move |reply| match reply {
            CouncilReply::Epoch { total, mut bytes } => {
                bytes[bit / 8] ^= 1 << (bit % 8);
                CouncilReply::Epoch { total, bytes }
            }
            other => other,
        };
        assert!(fetched(&ledger, lie).await.is_err(), "bit {bit}");
    }
    drop(council);
}

#[tokio::test]
async fn a_peer_that_leads_nowhere_or_never_ends_is_given_up() {
    let (council, ledger) = ledger().await;
    let lies: [fn(CouncilReply) -> CouncilReply; 5] = [
        |reply| match reply {
            CouncilReply::Way(_) => CouncilReply::Way(Vec::new()),
            other => other,
        },
        |reply| match reply {
            CouncilReply::Way(mut legs) => {
                legs[0].checkpoint[40] ^= 1;
                CouncilReply::Way(legs)
            }
            other => other,
        },
        |reply| match reply {
            CouncilReply::Epoch { total, .. } => CouncilReply::Epoch {
                total,
                bytes: Vec::new(),
            },
            other => other,
        },
        |reply| match reply {
            CouncilReply::Epoch { bytes, .. } => CouncilReply::Epoch {
                total: u64::MAX,
                bytes,
            },
            other => other,
        },
        |reply| match reply {
            CouncilReply::Epoch { .. } => CouncilReply::Heard,
            other => other,
        },
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        assert!(fetched(&ledger, lie).await.is_err(), "lie {number}");
    }
    drop(council);
}
