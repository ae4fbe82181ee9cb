//! Taking over the state of a later height from a peer, where the blocks that lead there are gone: checkpoints first, as
//! a light client follows them, then the snapshot, which its checkpoint proves.

use edgecoder_node_store::NOTE_MAX;
use edgecoder_protocol::{
    PeerId,
    canonical::{self, Canonical},
    ledger::{
        block::Checkpoint,
        chain::Chain,
        light::{Anchor, LightClient},
        members::MemberSet,
        shown::Way,
        snapshot::Snapshot,
    },
    network::Genesis,
    wire::{CouncilAsk, CouncilReply, Leg},
};

use crate::{ports::Ports, store::epoch::Adopted};

/// Why nothing was taken over.
type Why = String;

/// What `peer` has at the end of an epoch, believed from `anchor` on.
///
/// # Errors
/// A sentence: it cannot be believed, or did not come.
pub async fn fetch<P: Ports>(
    ports: &P,
    peer: PeerId,
    genesis: &Genesis,
    anchor: Anchor,
    height: u64,
) -> Result<Adopted, Why> {
    let (way, client) = follow(ports, peer, anchor, height).await?;
    let bytes = whole(ports, peer, height).await?;
    let (genesis, anchor) = (genesis.clone(), client.anchor().clone());
    let proving = tokio::task::spawn_blocking(move || prove(&genesis, &anchor, way, bytes));
    proving.await.map_err(|error| error.to_string())?
}

async fn ask<P: Ports>(ports: &P, peer: PeerId, ask: CouncilAsk) -> Result<CouncilReply, Why> {
    let answer = ports.ask(peer, ask).await;
    answer
        .map(|one| one.reply)
        .ok_or_else(|| "no answer came".into())
}

fn odd() -> Why {
    "it answered something else".into()
}

async fn follow<P: Ports>(
    ports: &P,
    peer: PeerId,
    anchor: Anchor,
    height: u64,
) -> Result<(Vec<Way>, LightClient), Why> {
    let mut client = LightClient::new(anchor);
    let mut way = Vec::new();
    loop {
        let after = client.anchor().head.as_ref().map_or(0, |head| head.height);
        if after == height {
            return Ok((way, client));
        }
        let to = height;
        let CouncilReply::Way(legs) = ask(ports, peer, CouncilAsk::Way { after, to }).await? else {
            return Err(odd());
        };
        if legs.is_empty() {
            return Err("its checkpoints do not lead there".into());
        }
        // Each is later than the one before, or is refused: this ends.
        for leg in legs {
            let (checkpoint, next) = read(&leg)?;
            let followed = client.follow(&checkpoint, next.as_ref(), ports.now());
            followed.map_err(|error| error.to_string())?;
            if checkpoint.header.height > height {
                return Err("its checkpoints lead past it".into());
            }
            way.push((checkpoint, next));
        }
    }
}

fn read(leg: &Leg) -> Result<Way, Why> {
    fn of<T: Canonical>(bytes: &[u8]) -> Result<T, Why> {
        canonical::decode(bytes).map_err(|error| error.to_string())
    }
    let checkpoint: Checkpoint = of(&leg.checkpoint)?;
    let next: Option<MemberSet> = match leg.next.is_empty() {
        true => None,
        false => Some(of(&leg.next)?),
    };
    Ok((checkpoint, next))
}

async fn whole<P: Ports>(ports: &P, peer: PeerId, height: u64) -> Result<Vec<u8>, Why> {
    let mut whole = Vec::new();
    loop {
        let from = whole.len() as u64;
        let part = ask(ports, peer, CouncilAsk::Epoch { height, from }).await?;
        let CouncilReply::Epoch { total, bytes } = part else {
            return Err(odd());
        };
        let fits = total <= NOTE_MAX as u64 && from + bytes.len() as u64 <= total;
        if !fits || bytes.is_empty() {
            return Err("its snapshot does not come to an end".into());
        }
        whole.extend(bytes);
        if whole.len() as u64 == total {
            return Ok(whole);
        }
    }
}

fn prove(
    genesis: &Genesis,
    anchor: &Anchor,
    way: Vec<Way>,
    bytes: Vec<u8>,
) -> Result<Adopted, Why> {
    let snapshot: Snapshot = canonical::decode(&bytes).map_err(|error| error.to_string())?;
    let is_proved = anchor.head.as_ref() == Some(&snapshot.header);
    let chain = Chain::resume(genesis, &snapshot).filter(|_| is_proved);
    Ok(Adopted {
        chain: chain.ok_or("its snapshot is not what its checkpoint names")?,
        tiles: snapshot.log,
        bytes,
        way,
    })
}

#[cfg(test)]
mod tests;
