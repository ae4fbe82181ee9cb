//! What a node shows of its ledger's past to whoever asks: blocks, or where they are gone, the state of a later height.

use edgecoder_node_store::LedgerLog;
use edgecoder_protocol::{
    ledger::consensus::Decided,
    wire::{BLOCKS_MAX, COUNCIL_MAX, CouncilAsk, CouncilReply, HEADERS_MAX, LEGS_MAX},
};

use super::Council;
use crate::{
    store::{self, epoch},
    verify::{headers, legs},
};

impl Council {
    /// The answer to a question about the past.
    pub(super) async fn past(&self, ask: CouncilAsk) -> CouncilReply {
        let refused = |why: &str| CouncilReply::Refused(why.into());
        match ask {
            CouncilAsk::Blocks { after } => self.blocks_or_state(after).await,
            CouncilAsk::Way { after, to } => {
                let legs = self.read(move |ledger| legs(ledger, after, to, LEGS_MAX));
                match legs.await {
                    Some(Ok(legs)) => CouncilReply::Way(legs),
                    Some(Err(why)) => CouncilReply::Refused(why),
                    None => refused("this node's ledger has stopped"),
                }
            }
            CouncilAsk::Headers { from } => {
                let headers = self.read(move |ledger| headers(ledger, from, HEADERS_MAX));
                match headers.await {
                    Some(Ok(headers)) => CouncilReply::Headers(headers),
                    Some(Err(why)) => CouncilReply::Refused(why),
                    None => refused("this node's ledger has stopped"),
                }
            }
            CouncilAsk::Epoch { height, from } => {
                let part = self.read(move |ledger| epoch::part(ledger, height, from));
                match part.await {
                    Some(Ok(Some((total, bytes)))) => CouncilReply::Epoch { total, bytes },
                    _ => refused("the state of that height is not here any more"),
                }
            }
            _ => refused("that is not about the past"),
        }
    }

    /// Blocks after a height; where they were pruned, which state there is instead.
    async fn blocks_or_state(&self, after: u64) -> CouncilReply {
        let blocks = self.blocks_after(after).await;
        if !blocks.is_empty() || after >= self.ledger().tip() {
            return CouncilReply::Blocks(blocks);
        }
        match self.read(epoch::offered).await {
            Some(Some(epoch)) => CouncilReply::Pruned { epoch },
            Some(None) | None => CouncilReply::Blocks(Vec::new()),
        }
    }

    /// Blocks after a height, as many as fit in a message.
    pub async fn blocks_after(&self, after: u64) -> Vec<Decided> {
        let bytes_max = COUNCIL_MAX - (16 << 10);
        let blocks =
            self.read(move |ledger| store::blocks_after(ledger, after, BLOCKS_MAX, bytes_max));
        blocks.await.unwrap_or_default()
    }

    /// Reads off the async threads; nothing when the node stops.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&LedgerLog) -> T + Send + 'static,
    ) -> Option<T> {
        let ledger = self.ledger().clone();
        tokio::task::spawn_blocking(move || work(&ledger))
            .await
            .ok()
    }
}
