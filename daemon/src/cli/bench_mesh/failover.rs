//! How long the network has no coordinator after `kill -9` of the one it had: from the kill until a node that only
//! follows has registered with the next. Four members over TCP; each killed one is back before the next dies.

use std::time::Duration;

use edgecoder_protocol::operator::{NodeStatus, NodeView};
use tokio::time::sleep;

use super::{
    below,
    council::{self, MEMBERS},
    daemons::Daemons,
};
use crate::cli::{
    Place,
    bench::{Row, clock, figure, odd},
    client::Client,
    failure::Failure,
};

/// Coordinators that are killed.
const KILLS: usize = 100;
/// Milliseconds that the worst of them may take.
const BAR: f64 = 5_000.0;
/// How often the follower is asked.
const LOOK: Duration = Duration::from_millis(20);
/// A failover that takes longer is none.
const NEVER: Duration = Duration::from_secs(60);
/// Pauses between kills differ by up to so much, so that they meet each moment of a lease.
const SPREAD_MS: u64 = 700;

pub async fn rows(at: &Place) -> Result<Vec<Row>, Failure> {
    let mut daemons = Daemons::found(at, "coordinator", "").await?;
    for _ in 1..MEMBERS {
        daemons.join("coordinator", "").await?;
    }
    // It only follows, and outlives them all.
    daemons.join("agent", "").await?;
    let client = daemons.founder().client()?;
    council::admit(&daemons, &client).await?;
    let mut members = Vec::new();
    for node in daemons.all().iter().take(MEMBERS) {
        let status: NodeStatus = node.client()?.get("/v1/status").await?;
        members.push(status.node);
    }
    let watcher = daemons.all()[MEMBERS].client()?;
    let mut waits = Vec::new();
    for number in 0..KILLS as u64 {
        let before = seated(&watcher, 0).await?;
        let holder = members.iter().position(|one| Some(*one) == before.0);
        let holder = holder.ok_or_else(|| odd(&"somebody else coordinates"))?;
        sleep(Duration::from_millis(number * 97 % SPREAD_MS)).await;
        daemons.kill(holder)?;
        let began = clock();
        seated(&watcher, before.1 + 1).await?;
        waits.push(began.elapsed().as_secs_f64() * 1_000.0);
        daemons.start_again(holder).await?;
        council::votes(&daemons.all()[holder]).await?;
    }
    let worst = waits.iter().copied().fold(0.0, f64::max);
    let (all, one) = (figure(None, waits, "ms"), figure(None, vec![worst], "ms"));
    Ok(vec![
        below(
            "failover after kill -9 of the coordinator, four members",
            all,
            BAR,
        ),
        below(format!("the worst of {KILLS}"), one, BAR),
    ])
}

/// Who coordinates by a grant of this term or a later one, with its term, once it has taken the follower's record.
async fn seated(
    watcher: &Client,
    least: u64,
) -> Result<(Option<edgecoder_protocol::PeerId>, u64), Failure> {
    let began = clock();
    loop {
        let view: NodeView = watcher.get("/v1/node").await?;
        let seat = view.coordinator;
        match seat.term {
            Some(term) if term >= least && seat.registered => return Ok((seat.peer, term)),
            _ if began.elapsed() > NEVER => return Err(odd(&"nobody takes over")),
            _ => sleep(LOOK).await,
        }
    }
}
