//! Taking over the state of a later height from a peer, where the blocks that lead there are gone: checkpoints first, as
//! a light client follows them, then the snapshot, which its checkpoint proves.

use edgecoder_node_store::NOTE_MAX;
use edgecoder_protocol::{
    PeerId,
    canonical::{self, Canonical},
    ledger::{
        block::{Checkpoint, Header},
        chain::Chain,
        light::{Anchor, LightClient},
        members::MemberSet,
        shown::Way,
        snapshot::Snapshot,
    },
    network::Genesis,
    wire::{CouncilAsk, CouncilReply, Leg, PART_MAX},
};

use crate::{ports::Ports, store::epoch::Adopted};

/// Why nothing was taken over.
type Why = String;

/// What `peer` has at the end of an epoch, believed from `anchor` on, which may be earlier or later.
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
    let known = anchor.head.clone().filter(|head| head.height >= height);
    let (way, header) = match known {
        None => follow(ports, peer, anchor, height).await?,
        Some(head) => {
            let header = descend(ports, peer, head, height).await?;
            // The anchor proves it. Whoever has to be shown the way here later needs it from the founding on.
            let founding = Anchor {
                at: ports.now(),
                ..Anchor::of_genesis(genesis)
            };
            let (way, found) = follow(ports, peer, founding, height).await?;
            if found != header {
                return Err("its checkpoints lead elsewhere than the anchor".into());
            }
            (way, header)
        }
    };
    let bytes = whole(ports, peer, height).await?;
    let genesis = genesis.clone();
    let proving = tokio::task::spawn_blocking(move || prove(&genesis, &header, way, bytes));
    proving.await.map_err(|error| error.to_string())?
}

/// The header of an earlier height, by each one's word on its parent.
async fn descend<P: Ports>(
    ports: &P,
    peer: PeerId,
    from: Header,
    height: u64,
) -> Result<Header, Why> {
    let mut header = from;
    while header.height > height {
        let from = header.height - 1;
        let reply = ask(ports, peer, CouncilAsk::Headers { from }).await?;
        let CouncilReply::Headers(below) = reply else {
            return Err(odd());
        };
        if below.is_empty() {
            return Err("its headers do not lead there".into());
        }
        for bytes in below {
            if header.height == height {
                break;
            }
            let parent: Header = of(&bytes)?;
            if parent.id() != header.parent || parent.height + 1 != header.height {
                return Err("its headers are not each other's parents".into());
            }
            header = parent;
        }
    }
    Ok(header)
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
) -> Result<(Vec<Way>, Header), Why> {
    let mut client = LightClient::new(anchor);
    let mut way = Vec::new();
    loop {
        let head = client.anchor().head.clone();
        let after = match head {
            Some(head) if head.height == height => return Ok((way, head)),
            head => head.map_or(0, |head| head.height),
        };
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

fn of<T: Canonical>(bytes: &[u8]) -> Result<T, Why> {
    canonical::decode(bytes).map_err(|error| error.to_string())
}

fn read(leg: &Leg) -> Result<Way, Why> {
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
        let end = from.saturating_add(bytes.len() as u64);
        let is_last = end == total;
        let fits = total <= NOTE_MAX as u64 && end <= total;
        // All but the last are as large as they may be: nobody is kept waiting byte by byte.
        if !fits || bytes.is_empty() || (!is_last && bytes.len() != PART_MAX) {
            return Err("its snapshot does not come to an end".into());
        }
        whole.extend(bytes);
        if is_last {
            return Ok(whole);
        }
    }
}

fn prove(
    genesis: &Genesis,
    header: &Header,
    way: Vec<Way>,
    bytes: Vec<u8>,
) -> Result<Adopted, Why> {
    let snapshot: Snapshot = of(&bytes)?;
    let is_proved = *header == snapshot.header;
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
