//! The council against etcd: how long one client waits until what it says is in the log, and how much many say at once.
//! Four daemons of ours over TCP, every block durable, against three members of etcd. Each round measures one after the
//! other; who is not measured has nothing to do meanwhile. And what a member costs while nobody says anything.

use std::time::Duration;

use edgecoder_protocol::{
    Credits, Millis, NetworkId,
    key::NodeKey,
    ledger::{
        decree::{Approved, Decree, Order, Standing},
        entry::{Body, Entry},
    },
    operator::{
        CouncilPart, CouncilView, DecreeAnswer, DecreeRequest, EntriesRequest, EntryOutcome,
        LedgerView, NodeStatus, PlacedView,
    },
    signed::Checked,
};

use tokio::time::sleep;

use super::{
    at_least, at_most, below,
    daemons::{Daemons, Node},
    etcd::Etcd,
};
use crate::{
    cli::{
        Place,
        bench::{Figure, Row, clock, figure, odd},
        client::Client,
        eval::process_cpu_ms,
        failure::Failure,
    },
    network,
    serve::now,
};

pub const MEMBERS: usize = 4;
/// Writes of one client: enough for a p99.
const ROUNDS: usize = 6;
const WRITES: usize = 40;
/// Accounts that speak at once, and entries of each in one request.
const ACCOUNTS: u8 = 8;
const BATCH: usize = 512;
const BATCH_ROUNDS: usize = 5;
/// Clients of etcd at once.
const CLIENTS: u64 = 64;
const CLIENT_WRITES: u64 = 40;
/// Entries a second that the council must reach at least.
const RATE: f64 = 2_000.0;

/// What a new council has to say comes to an end.
const SETTLE: Duration = Duration::from_secs(5);
/// The processor's time is read in hundredths of a second: 0.5 % of a window is 10 of them.
const WINDOW: Duration = Duration::from_secs(20);
/// An idle member costs less, in percent of a core.
const IDLE: f64 = 0.5;

/// An account of the benchmark's own, and its next nonce.
struct Payer {
    key: NodeKey,
    nonce: u64,
}

pub async fn rows(at: &Place) -> Result<Vec<Row>, Failure> {
    let etcd = Etcd::start(&at.config.cache_dir).await?;
    let mut daemons = Daemons::found(at, "coordinator", "").await?;
    for _ in 1..MEMBERS {
        daemons.join("worker", "").await?;
    }
    let client = daemons.founder().client()?;
    let mut payers = prepare(&daemons, &client).await?;
    let idle = idle(&daemons).await?;
    let mut waits = waits(&daemons, &client, &etcd, &mut payers[0]).await?;
    waits.extend(rates(&client, &etcd, &mut payers, daemons.id()).await?);
    waits.push(idle);
    Ok(waits)
}

/// Makes the others of the first four members, and waits until all vote.
pub async fn admit(daemons: &Daemons, client: &Client) -> Result<(), Failure> {
    let keys = network::operator_keys(daemons.founder().data())?;
    let operator = keys.first().ok_or_else(|| odd(&"there is no operator"))?;
    let chain = daemons.id();
    let others = || daemons.others().iter().take(MEMBERS - 1);
    for node in others() {
        let status: NodeStatus = node.client()?.get("/v1/status").await?;
        let admit = Order::Admit {
            peer: status.node,
            standing: Standing::Trusted,
            owner: None,
        };
        for order in [admit, Order::AddMember(status.node)] {
            decree(client, operator, chain, order).await?;
        }
    }
    for node in others() {
        votes(node).await?;
    }
    Ok(())
}

/// Waits until a member takes part in deciding.
pub async fn votes(node: &Node) -> Result<(), Failure> {
    let began = clock();
    let client = node.client()?;
    while client.get::<CouncilView>("/v1/council").await?.part != CouncilPart::Member {
        if began.elapsed().as_secs() > 30 {
            return Err(odd(&"a member does not vote"));
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Makes the others members, and accounts with credits.
async fn prepare(daemons: &Daemons, client: &Client) -> Result<Vec<Payer>, Failure> {
    admit(daemons, client).await?;
    let keys = network::operator_keys(daemons.founder().data())?;
    let operator = keys.first().ok_or_else(|| odd(&"there is no operator"))?;
    let mut payers = Vec::new();
    for number in 1..=ACCOUNTS {
        let key = NodeKey::from_seed(&mut [number; 32]);
        let (to, amount) = (key.peer_id(), Credits(1_000_000));
        let order = Order::Issue { to, amount };
        decree(client, operator, daemons.id(), order).await?;
        payers.push(Payer { key, nonce: 0 });
    }
    Ok(payers)
}

async fn decree(
    client: &Client,
    operator: &NodeKey,
    chain: NetworkId,
    order: Order,
) -> Result<(), Failure> {
    let expires = Millis(now().0 + 3_600_000);
    let mut decree = Decree {
        chain,
        version: 0,
        expires,
        order,
    };
    let unsigned = Approved {
        decree: decree.clone(),
        approvals: Vec::new(),
    };
    let request = DecreeRequest {
        line: unsigned.to_string(),
    };
    let answer: DecreeAnswer = client.post("/v1/council/decrees", &request).await?;
    decree.version = answer.version;
    let approvals = vec![decree.approve(operator)];
    let line = Approved { decree, approvals }.to_string();
    let request = DecreeRequest { line };
    client
        .post::<PlacedView>("/v1/council/approved", &request)
        .await
        .map(drop)
}

impl Payer {
    /// The next entries: each pays a millionth to the same account.
    fn entries(&mut self, chain: NetworkId, count: usize) -> EntriesRequest {
        let to = NodeKey::from_seed(&mut [99; 32]).peer_id();
        let expires = Millis(now().0 + 3_600_000);
        let mut one = || {
            let body = Body::Transfer {
                to,
                amount: Credits(1),
            };
            let entry = Entry {
                chain,
                nonce: self.nonce,
                expires,
                body,
            };
            self.nonce += 1;
            let bytes = Checked::new(entry, &self.key).signed().to_bytes();
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        EntriesRequest {
            entries: (0..count).map(|_| one()).collect(),
        }
    }
}

/// Has entries put into the log; refuses any end but that all are there.
async fn put(client: &Client, request: &EntriesRequest) -> Result<(), Failure> {
    let outcomes: Vec<EntryOutcome> = client.post("/v1/ledger/entries", request).await?;
    let refused = outcomes.iter().find_map(|one| match one {
        EntryOutcome::Placed(_) => None,
        EntryOutcome::Refused(why) => Some(why),
    });
    match refused {
        None => Ok(()),
        Some(why) => Err(odd(&format!("an entry was refused: {why}"))),
    }
}

/// What each member costs that has nothing to decide.
async fn idle(daemons: &Daemons) -> Result<Row, Failure> {
    sleep(SETTLE).await;
    let mut members = Vec::new();
    for node in daemons.all() {
        members.push(node.processes().await?);
    }
    let used = |pids: &Vec<u32>| pids.iter().map(|pid| process_cpu_ms(*pid)).sum::<u64>();
    let (before, began) = (members.iter().map(used).collect::<Vec<_>>(), clock());
    sleep(WINDOW).await;
    let mut shares = Vec::new();
    for (pids, before) in members.iter().zip(before) {
        let used = used(pids).checked_sub(before);
        let used = used.ok_or_else(|| odd(&"a child of a daemon has ended"))?;
        shares.push(used as f64 / 10.0 / began.elapsed().as_secs_f64());
    }
    let name = "an idle member of four: of a core";
    Ok(below(name, figure(None, shares, "%"), IDLE))
}

/// One client, one write after the other; and what each cost in syncs.
async fn waits(
    daemons: &Daemons,
    client: &Client,
    etcd: &Etcd,
    payer: &mut Payer,
) -> Result<Vec<Row>, Failure> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut own_syncs, mut their_syncs) = (Vec::new(), Vec::new());
    let mut writer = etcd.client().await?;
    for round in 0..=ROUNDS {
        let requests: Vec<_> = (0..WRITES)
            .map(|_| payer.entries(daemons.id(), 1))
            .collect();
        let before = syncs(daemons).await?;
        let mut own = Vec::new();
        for request in &requests {
            let began = clock();
            put(client, request).await?;
            own.push(began.elapsed().as_secs_f64() * 1e3);
        }
        let after = syncs(daemons).await?;
        let etcd_before = etcd.syncs().await?;
        let mut peer = Vec::new();
        for number in 0..WRITES {
            let began = clock();
            writer.write(number as u64).await?;
            peer.push(began.elapsed().as_secs_f64() * 1e3);
        }
        let etcd_after = etcd.syncs().await?;
        // The first round warms both.
        if round > 0 {
            ours.extend(own);
            theirs.extend(peer);
            let each = |syncs: u64| syncs as f64 / WRITES as f64;
            own_syncs.push(each(after - before) / MEMBERS as f64);
            their_syncs.push(each(etcd_after - etcd_before) / 3.0);
        }
    }
    let name = Some("etcd, 3 members");
    Ok(vec![
        at_most(
            "one client's entry in the log",
            figure(None, ours, "ms"),
            figure(name, theirs, "ms"),
            5.0,
        ),
        shown(
            "syncs of a member for each",
            figure(None, own_syncs, "syncs"),
            figure(name, their_syncs, "syncs"),
        ),
    ])
}

/// Syncs of all members so far.
async fn syncs(daemons: &Daemons) -> Result<u64, Failure> {
    let mut syncs = 0;
    for node in daemons.all() {
        let view: LedgerView = node.client()?.get("/v1/ledger").await?;
        syncs += view.vote_syncs + view.ledger_syncs;
    }
    Ok(syncs)
}

/// A row without a bar.
fn shown(name: &str, ours: Figure, peer: Figure) -> Row {
    Row {
        bar: String::new(),
        ok: true,
        ..at_least(name, ours, peer, 0.0)
    }
}

/// Many at once.
async fn rates(
    client: &Client,
    etcd: &Etcd,
    payers: &mut [Payer],
    chain: NetworkId,
) -> Result<Vec<Row>, Failure> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=BATCH_ROUNDS {
        let requests: Vec<_> = payers
            .iter_mut()
            .map(|payer| payer.entries(chain, BATCH))
            .collect();
        let began = clock();
        let puts = requests.iter().map(|request| put(client, request));
        futures::future::try_join_all(puts).await?;
        let own = (payers.len() * BATCH) as f64 / began.elapsed().as_secs_f64();
        let mut writers = Vec::new();
        for _ in 0..CLIENTS {
            writers.push(etcd.client().await?);
        }
        let began = clock();
        let writes = writers
            .iter_mut()
            .zip(0..)
            .map(|(writer, client)| async move {
                for number in 0..CLIENT_WRITES {
                    writer.write(client * CLIENT_WRITES + number).await?;
                }
                Ok::<_, Failure>(())
            });
        futures::future::try_join_all(writes).await?;
        let peer = (CLIENTS * CLIENT_WRITES) as f64 / began.elapsed().as_secs_f64();
        if round > 0 {
            ours.push(own);
            theirs.push(peer);
        }
    }
    let ours = figure(None, ours, "entries/s");
    let bar = Figure {
        name: Some("the bar"),
        median: RATE,
        p99: None,
        n: 1,
        unit: "entries/s",
    };
    Ok(vec![
        at_least("entries of 8 accounts, in batches", ours.clone(), bar, 1.0),
        shown(
            "the same, beside 64 clients of etcd",
            ours,
            figure(Some("etcd, 3 members"), theirs, "writes/s"),
        ),
    ])
}
