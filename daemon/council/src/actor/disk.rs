//! What is durable when: what this member signs before it is said, blocks before what follows them is said, and neither
//! more often than that.

use edgecoder_node_store::{Journal, JournalError, LedgerError};
use edgecoder_protocol::ledger::{block::Certificate, chain::Executed};
use tokio::time::Instant;

use super::{Actor, Fatal, Placed};
use crate::{Logged, What, engine::Record, ports::Ports, store, tip};

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

    pub(super) async fn sync_ledger(&mut self) -> Result<(), Fatal> {
        self.is_due = false;
        if self.unsynced.take().is_some() {
            let (ledger, folder) = (self.ledger.clone(), self.folder.clone());
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
            .is_none_or(|votes| votes.bytes() < self.votes_max)
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
