//! What a daemon costs that has nothing to do, as coordinator and worker without a model, connected over TCP to 49
//! peers of this process, all of which began with its address. Its children count as it does.

use std::time::Duration;

use edgecoder_protocol::{NetworkId, PeerId};
use tokio::time::sleep;

use super::{
    below,
    daemons::{Daemons, Node},
    peers::{Peers, config, on_all_cores},
};
use crate::{
    cli::{
        Place,
        bench::{Row, clock, figure, odd},
        eval::process_cpu_ms,
        failure::Failure,
    },
    mesh::work_topic,
};

/// With the daemon, 50.
const PEERS: usize = 49;
/// How long they may take to be connected.
const CONNECTED_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// What a new mesh has to say comes to an end.
const SETTLE: Duration = Duration::from_secs(20);
/// The processor's time is read in hundredths of a second: 1 % of a window is 20 of them.
const WINDOW: Duration = Duration::from_secs(20);
const WINDOWS: usize = 3;

pub async fn rows(at: &Place) -> Result<Vec<Row>, Failure> {
    let daemons = Daemons::found(at, "agent,coordinator,worker", "").await?;
    let (network, daemon) = (daemons.id(), daemons.coordinator());
    let addresses = daemons.addresses().await?;
    let (ready, connected) = tokio::sync::oneshot::channel();
    let (done, finish) = tokio::sync::oneshot::channel::<()>();
    let peers = on_all_cores(async move {
        let peers = surround(network, daemon, addresses).await?;
        // Whoever waits is gone only when all is dropped.
        ready.send(()).ok();
        finish.await.ok();
        peers.stop().await;
        Ok(())
    });
    let watched = async {
        // An end without a word is told by the other side.
        if connected.await.is_err() {
            return Ok(Vec::new());
        }
        let found = watch(daemons.founder()).await;
        done.send(()).ok();
        found
    };
    let (peers, found) = tokio::join!(peers, watched);
    peers?;
    found
}

async fn surround(
    network: NetworkId,
    daemon: PeerId,
    addresses: Vec<String>,
) -> Result<Peers, Failure> {
    let topic = work_topic(network, "python", false);
    let mut peers = Peers::new();
    for number in 0..PEERS {
        let listen = "/ip4/127.0.0.1/tcp/0".to_owned();
        peers.start(number, config(network, listen, addresses.clone(), &topic))?;
    }
    let began = clock();
    for mesh in &peers.meshes {
        let is_connected = async || {
            let known = mesh.peers().await;
            known.iter().any(|one| one.connected && one.peer == daemon)
        };
        while !is_connected().await {
            if began.elapsed() > CONNECTED_MAX {
                return Err(odd(&"a peer does not reach the daemon"));
            }
            sleep(LOOK_EVERY).await;
        }
    }
    Ok(peers)
}

async fn watch(node: &Node) -> Result<Vec<Row>, Failure> {
    sleep(SETTLE).await;
    let pids = node.processes().await?;
    let (mut cpu, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..WINDOWS {
        let total = || pids.iter().map(|pid| process_cpu_ms(*pid)).sum::<u64>();
        let (before, began) = (total(), clock());
        sleep(WINDOW).await;
        let used = total().checked_sub(before);
        let used = used.ok_or_else(|| odd(&"a child of the daemon has ended"))?;
        cpu.push(used as f64 / 10.0 / began.elapsed().as_secs_f64());
        memory.push(pids.iter().map(|pid| resident(*pid)).sum::<f64>());
    }
    let name = "an idle daemon among 50 peers";
    Ok(vec![
        below(format!("{name}: of a core"), figure(None, cpu, "%"), 1.0),
        below(format!("{name}: memory"), figure(None, memory, "MB"), 100.0),
    ])
}

/// A process's resident memory in MB.
fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) * 1024.0 / 1e6
}
