//! What is durable when: what this member signs before it is said, blocks before what follows them is said, and neither
//! more often than that.

use std::time::Duration;

use edgecoder_node_store::{Journal, JournalError, LedgerError};
use edgecoder_protocol::{
    PeerId,
    ledger::{block::Certificate, chain::Executed, light::Anchor},
};
use tokio::time::{Instant, timeout};

use super::{Actor, Done, Fatal, Placed, joining};
use crate::{
    Logged, Part, What,
    engine::{Equivocation, Record},
    ports::Ports,
    store::{
        self, Place,
        epoch::{self, Adopted},
    },
    tip,
};

/// Until a state must have been taken over: the largest comes at 1 Mbit/s.
const JOIN_MAX: Duration = Duration::from_secs(1_200);

impl<P: Ports> Actor<P> {
    pub(super) fn record(&mut self, logged: &Logged) -> Result<(), Fatal> {
        let me = self.key.peer_id();
        let is_own = match &logged.what {
            What::Engine(Record::Vote(vote)) => vote.claimant() == me,
            What::Engine(Record::Proposal(proposal)) => proposal.claimant() == me,
            What::Engine(_) | What::Block(_) => false,
        };
        self.is_promised |= is_own;
        let bytes = store::record(logged).map_err(Fatal::Other)?;
        let votes = self.votes.as_mut();
        let votes = votes.ok_or_else(|| Fatal::Other("the vote log is away".into()))?;
        Ok(votes.append(&bytes)?)
    }

    /// Nothing is said, and nobody told of a place, before what this member signed is durable.
    pub(super) async fn keep_promises(&mut self) -> Result<(), Fatal> {
        if self.is_due {
            self.sync_ledger().await?;
        }
        if !self.is_promised {
            return Ok(());
        }
        self.with_votes(Journal::sync).await?;
        self.is_promised = false;
        Ok(())
    }

    /// Uses the vote log off the async threads.
    pub(super) async fn with_votes(
        &mut self,
        work: impl FnOnce(&mut Journal) -> Result<(), JournalError> + Send + 'static,
    ) -> Result<(), Fatal> {
        let mut votes = self
            .votes
            .take()
            .ok_or_else(|| Fatal::Other("the vote log is away".into()))?;
        let away = tokio::task::spawn_blocking(move || {
            let result = work(&mut votes);
            (votes, result)
        });
        let (votes, result) = away
            .await
            .map_err(|error| Fatal::Other(error.to_string()))?;
        self.votes = Some(votes);
        Ok(result?)
    }

    pub(super) async fn commit(
        &mut self,
        executed: &Executed,
        certificate: &Certificate,
        in_log: bool,
    ) -> Result<(), Fatal> {
        store::write(&self.ledger, &mut self.tiles, executed, certificate)?;
        self.unsynced = Some(Instant::now());
        self.is_due |= !in_log;
        let header = &executed.block.header;
        if header.next != header.members
            && let Some(members) = self.machine.chain().deciders()
        {
            self.links.keep(members.members());
        }
        self.end_epoch(executed);
        tracing::debug!(
            height = header.height,
            round = certificate.round,
            entries = executed.leaves.len(),
            "decided"
        );
        let first = header.log.size - executed.leaves.len() as u64;
        for (index, leaf) in (first..).zip(&executed.leaves) {
            let place = Placed {
                height: header.height,
                index,
                leaf: *leaf,
            };
            let replies = self.waiting.remove(leaf).unwrap_or_default();
            self.placed
                .extend(replies.into_iter().map(|reply| (reply, place)));
        }
        Ok(())
    }

    /// Keeps what shows that a member signed twice.
    pub(super) fn guilty(&mut self, peer: PeerId, proof: &Equivocation) -> Result<(), Fatal> {
        tracing::error!(%peer, "a member signed two different votes or proposals in one place");
        self.guilty.insert(peer);
        let name = store::guilty_note(&peer);
        Ok(self.ledger.put_note(&name, &proof.to_bytes())?)
    }

    /// Asks `peer` for the state of a later height.
    pub(super) fn join(&mut self, peer: PeerId, height: u64) {
        let chain = self.machine.chain();
        let Some(members) = chain.deciders().cloned() else {
            return;
        };
        let own = Anchor {
            chain: chain.id(),
            members,
            head: chain.head().cloned(),
            at: chain.time(),
        };
        let height_of = |one: &Anchor| one.head.as_ref().map_or(0, |head| head.height);
        let invited = self.settings.anchor.clone();
        let later = invited.filter(|one| height_of(one) > height_of(&own));
        let anchor = later.unwrap_or(own);
        let (ports, genesis) = (self.ports.clone(), self.settings.genesis.clone());
        self.jobs.spawn(async move {
            let joining = joining::fetch(&*ports, peer, &genesis, anchor, height);
            let joined = timeout(JOIN_MAX, joining).await;
            let joined = joined.unwrap_or_else(|_| Err("it took too long".into()));
            Done::Joined(peer, joined.map(Box::new))
        });
    }

    pub(super) fn joined(&mut self, peer: PeerId, result: Result<Box<Adopted>, String>) {
        match result {
            Ok(adopted) => self.adopted = Some(adopted),
            Err(why) => {
                tracing::warn!(%peer, why, "the state at an epoch's end was not taken over");
                self.machine.not_joined(peer);
            }
        }
    }

    /// Goes on from the state that was taken over, if there is one; whether there was.
    pub(super) async fn adopt(&mut self) -> Result<bool, Fatal> {
        let Some(adopted) = self.adopted.take() else {
            return Ok(false);
        };
        let now = self.ports.now();
        let is_frozen = matches!(self.machine.part(), Part::Frozen(_));
        if is_frozen || adopted.chain.height() <= self.machine.chain().height() {
            self.machine.adopt(now, None);
            return Ok(false);
        }
        let (ledger, keeping) = (self.ledger.clone(), self.settings.keeping);
        let writing = tokio::task::spawn_blocking(move || {
            let written = epoch::adopt(&ledger, keeping, &adopted);
            written.map(|()| adopted)
        });
        let adopted = writing
            .await
            .map_err(|error| Fatal::Other(error.to_string()))??;
        let height = adopted.chain.height();
        tracing::warn!(
            height,
            "blocks up to here are gone where they were asked for: their state was taken over and proved"
        );
        self.tiles = adopted.tiles;
        self.machine.adopt(now, Some(adopted.chain));
        if let Some(members) = self.machine.chain().deciders() {
            self.links.keep(members.members());
        }
        self.unsynced = Some(Instant::now());
        self.sync_ledger().await?;
        Ok(true)
    }

    /// Keeps the state at the end of an epoch, beside what goes on.
    fn end_epoch(&mut self, executed: &Executed) {
        let keeping = self.settings.keeping;
        if !keeping.ends_with(executed.block.header.height) {
            return;
        }
        let (ledger, executed) = (self.ledger.clone(), executed.clone());
        let tiles = self.tiles.clone();
        let writing = tokio::task::spawn_blocking(move || {
            epoch::end(&ledger, keeping, &executed.snapshot(tiles))
        });
        self.jobs.spawn(async move {
            match writing.await {
                Ok(Ok(())) => {}
                // The next start goes through one epoch more, and nothing is pruned.
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the state at an epoch's end was not kept")
                }
                Err(error) => tracing::warn!(%error, "the state at an epoch's end was not kept"),
            }
            Done::EpochEnded
        });
    }

    pub(super) async fn sync_ledger(&mut self) -> Result<(), Fatal> {
        self.is_due = false;
        if self.unsynced.take().is_some() {
            let ledger = self.ledger.clone();
            let folder = match &self.settings.place {
                Place::Folder(folder) => Some(folder.clone()),
                Place::Memory(..) => None,
            };
            let height = self.ledger.tip();
            let synced = tokio::task::spawn_blocking(move || {
                ledger.sync()?;
                if let Some(Err(error)) = folder.map(|folder| tip::note(&folder, height)) {
                    tracing::warn!(%error, "how far the ledger is was not noted");
                }
                Ok::<_, LedgerError>(())
            })
            .await;
            synced.map_err(|error| Fatal::Other(error.to_string()))??;
            self.ledger_syncs += 1;
        }
        Ok(())
    }

    /// Begins the vote log anew when it is long, once the ledger has all of its blocks.
    pub(super) async fn begin_anew(&mut self) -> Result<(), Fatal> {
        if self
            .votes
            .as_ref()
            .is_none_or(|votes| votes.bytes() < self.settings.votes_max)
        {
            return Ok(());
        }
        self.sync_ledger().await?;
        let live = self.machine.live_records().map(store::record);
        let live: Vec<Vec<u8>> = live.collect::<Result<_, _>>().map_err(Fatal::Other)?;
        self.with_votes(move |votes| votes.restart(&live)).await?;
        self.is_promised = false;
        Ok(())
    }
}
