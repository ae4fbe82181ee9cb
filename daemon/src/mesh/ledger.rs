//! How nodes hear that the ledger has grown: members say by gossip how far it is, and whoever has heard nothing for a
//! while asks one of them. What they say is believed of nothing but where to ask for blocks, which prove themselves.

use std::{sync::Arc, time::Duration};

use edgecoder_protocol::PeerId;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{Hub, topics};
use crate::wiring::members_with;

/// Members speak no more often than this.
const SPEAK: Duration = Duration::from_millis(250);
/// Whoever has heard nothing for so long asks.
const QUIET: Duration = Duration::from_secs(10);
/// The same before anything was heard at all.
const FIRST: Duration = Duration::from_secs(1);

/// Says and asks until `stop`.
pub async fn run(hub: Arc<Hub>, stop: CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = work(&hub) => {}
    }
}

async fn work(hub: &Hub) {
    let mut seen = hub.council.watch();
    let mut said = seen.borrow().chain.height();
    let (mut turn, mut quiet) = (0, FIRST);
    let mut lines = members_with(&hub.council);
    hub.mesh.keep_lines(lines.clone()).await;
    loop {
        let deadline = Instant::now() + quiet;
        let heard = async {
            tokio::select! {
                changed = seen.changed() => Some(changed),
                () = hub.doubt.notified() => None,
            }
        };
        match timeout_at(deadline, heard).await {
            Ok(Some(Ok(()))) => {
                let height = seen.borrow_and_update().chain.height();
                if height > said {
                    quiet = QUIET;
                    said = height;
                    let members = members_with(&hub.council);
                    let is_changed = members != lines;
                    if is_changed {
                        lines.clone_from(&members);
                        hub.mesh.keep_lines(members).await;
                    }
                    speak(hub, height, is_changed).await;
                    sleep(SPEAK).await;
                }
            }
            // The council has stopped.
            Ok(Some(Err(_))) => return,
            doubt => {
                turn += 1;
                if ask(hub, turn).await {
                    quiet = QUIET;
                }
                // Many may doubt at once, and the answer be a moment away.
                if doubt.is_ok() {
                    sleep(SPEAK).await;
                }
            }
        }
    }
}

/// Tells everybody, where it is this node's to tell: as many members as cannot all be down speak of each height. Of one
/// with other members all do: whoever is behind does not know the new ones and does not listen to them, and a new one
/// does not know yet that it is to speak.
async fn speak(hub: &Hub, height: u64, is_changed: bool) {
    let view = hub.council.view();
    let Some(set) = view.chain.deciders() else {
        return;
    };
    let Some(place) = set.members().iter().position(|one| *one == hub.id) else {
        return;
    };
    let turn = (place as u64).wrapping_add(height) % set.members().len() as u64;
    if is_changed || turn < set.some_honest() as u64 {
        let topic = topics::ledger(hub.network);
        // What two say alike, gossip takes for one message.
        let body = [&height.to_le_bytes()[..], &hub.id.0].concat();
        if let Err(error) = hub.mesh.publish(&topic, body).await {
            tracing::debug!(%error, "nobody was told of a block");
        }
    }
}

/// Asks one of the members how far it is; whether it answered.
async fn ask(hub: &Hub, turn: usize) -> bool {
    let view = hub.council.view();
    let members = view.chain.deciders().map(|set| set.members().to_vec());
    let mut others = members.unwrap_or_default();
    others.retain(|one| *one != hub.id);
    let Some(peer) = others.get(turn % others.len().max(1)).copied() else {
        return true;
    };
    hub.council.look(peer).await
}

impl Hub {
    /// Somebody says how far the ledger is. Whether it may be passed on; nothing is known of one who is no member here:
    /// it may be one by a block that has not come yet.
    pub(super) async fn heard_of_ledger(&self, source: PeerId, body: &[u8]) -> Option<bool> {
        let said = body.split_first_chunk::<8>();
        let Some((height, _)) = said.filter(|(_, by)| *by == source.0) else {
            return Some(false);
        };
        let height = u64::from_le_bytes(*height);
        if !self.council.view().is_member(&source) {
            return None;
        }
        self.council.is_at(source, height).await;
        Some(true)
    }
}
