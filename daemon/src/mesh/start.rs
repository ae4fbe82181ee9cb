//! How a node's part in a network begins: the mesh's configuration, the hub, the roles that were asked for.

use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicI64, AtomicU64},
};

use edgecoder_mesh::{Config as Wanted, KademliaMode as Kademlia, Limits, Mesh, Psk};
use edgecoder_node_store::{Content, Faults};
use edgecoder_protocol::{Bytes, ledger::duty::Seat, record::Role, wire::Willing};
use tokio::sync::{Notify, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Contents, Hub, JoinError, Means, Roles, Slot, roster::Roster, seat, topics};
use crate::{
    config::{Config, KademliaMode, MeshConfig, ROLES},
    network::Network,
};

/// Bytes of sealed contents that a node keeps for others to fetch; the oldest make room.
const CONTENTS_QUOTA: Bytes = Bytes(4 << 30);
/// The folder of sealed contents, in the data folder.
const CONTENTS: &str = "contents";

/// What the mesh is started with.
pub fn mesh_config(config: &Config, network: &Network) -> Wanted {
    let mesh = &config.mesh;
    let own = &mesh.bootstrap;
    Wanted {
        listen: listen(mesh, network.secret.is_some()),
        external: mesh.external.clone(),
        bootstrap: match own.is_empty() {
            true => network.addresses.clone(),
            false => own.clone(),
        },
        mdns: mesh.mdns,
        kademlia: match mesh.kademlia {
            KademliaMode::Server => Kademlia::Server,
            KademliaMode::Client => Kademlia::Client,
            KademliaMode::Off => Kademlia::Off,
        },
        gossip: mesh.gossip,
        psk: network.secret.as_ref().map(|secret| Psk(secret.0)),
        limits: Limits::default(),
        subscriptions: subscriptions(config, network),
        ..Wanted::new(network.genesis.id())
    }
}

/// Where to listen. The pre-shared key of a private network covers TCP and not QUIC, whose addresses are left out.
fn listen(config: &MeshConfig, is_private: bool) -> Vec<String> {
    let fits = |address: &&String| !is_private || !address.contains("/quic-v1");
    let kept: Vec<String> = config.listen.iter().filter(fits).cloned().collect();
    if kept.len() < config.listen.len() {
        tracing::info!("a private network does not speak QUIC: its addresses are left out");
    }
    kept
}

/// What this node could do is what it listens for.
fn subscriptions(config: &Config, network: &Network) -> Vec<String> {
    let roles = config.network_roles();
    let id = network.genesis.id();
    let mut topics = Vec::new();
    if roles.contains(&Role::Worker) {
        topics.push(topics::work(id, "python", false));
    }
    if roles.contains(&Role::Worker) && roles.contains(&Role::Inference) {
        topics.push(topics::work(id, "python", true));
    }
    // An address book needs no roster.
    if roles != [Role::Bootstrap] {
        topics.push(topics::roster(id));
        topics.push(topics::ledger(id));
    }
    topics
}

/// Which duties this node is ready to hold, should it be a member of the council.
fn willing(roles: &[Role]) -> Willing {
    Willing {
        control_plane: true,
        coordinator: roles.contains(&Role::Coordinator),
        inference: roles.contains(&Role::Inference),
    }
}

/// Whether this build has what the roles need.
fn built(wanted: &[Role]) -> Result<(), JoinError> {
    let has = |role: &Role| match role {
        Role::Agent => cfg!(feature = "agent"),
        Role::Inference => cfg!(feature = "inference"),
        Role::Worker => cfg!(feature = "worker"),
        Role::Coordinator => cfg!(feature = "coordinator"),
        Role::Bootstrap => cfg!(feature = "bootstrap"),
    };
    let name = |role: &Role| {
        ROLES
            .iter()
            .find(|(_, one)| one == role)
            .map_or("", |(name, _)| name)
    };
    match wanted.iter().find(|role| !has(role)) {
        Some(role) => Err(JoinError::NotBuilt { role: name(role) }),
        None => Ok(()),
    }
}

/// Starts this node's part in the council.
async fn council(
    means: &Means,
    network: &Network,
    mesh: &Mesh,
    stop: CancellationToken,
) -> Result<crate::wiring::RunningCouncil, JoinError> {
    let is_durable = means.store.is_durable();
    let past = crate::wiring::Past {
        folder: is_durable.then_some(means.config.data_dir.as_path()),
        prunes: means.config.prunes,
        anchor: network.anchor.clone(),
    };
    let started = crate::wiring::start_council(
        past,
        means.key.clone(),
        network.genesis.clone(),
        mesh.clone(),
        willing(&means.config.network_roles()),
        means.clock,
        stop,
    );
    Ok(started.await?)
}

/// Starts the roles that were asked for.
pub async fn roles(
    means: Means,
    network: Network,
    mesh: Mesh,
    stop: CancellationToken,
) -> Result<(Arc<Hub>, watch::Sender<Option<Seat>>, TaskTracker), JoinError> {
    let folder = means.config.data_dir.join(CONTENTS);
    let opened = tokio::task::spawn_blocking(move || {
        Content::open(&folder, CONTENTS_QUOTA, &Faults::default())
    });
    let store = opened
        .await
        .map_err(|error| JoinError::Key(error.to_string()))??;
    let contents = Contents::new(store, mesh.clone());
    let (council, deciding) = council(&means, &network, &mesh, stop.clone()).await?;
    let (told, seats) = watch::channel(seat::of(&council.view()));
    let hub = Arc::new(Hub {
        id: mesh.peer_id(),
        mesh,
        network: network.genesis.id(),
        is_private: network.secret.is_some(),
        genesis: network.genesis,
        seats,
        doubt: Notify::new(),
        council,
        owner: network.owner,
        // Rises over restarts with the clock; within one, by one each.
        sequence: AtomicU64::new((means.clock)().0),
        key: means.key,
        config: means.config,
        executor: means.executor,
        models: means.models,
        contents,
        clock: means.clock,
        random: means.random,
        offset: AtomicI64::new(0),
        standing: Mutex::default(),
        roster: Roster::default(),
        sealed: Mutex::default(),
        trust: Mutex::default(),
        conflicts: Mutex::default(),
        roles: OnceLock::new(),
    });
    let tasks = TaskTracker::new();
    tasks.spawn(joined(deciding));
    let wanted = hub.config.network_roles();
    built(&wanted)?;
    let mut roles = Roles::default();
    if wanted.contains(&Role::Inference) {
        roles.slot = Some(Slot::new());
    }
    #[cfg(feature = "coordinator")]
    {
        // Every member keeps what whoever coordinates shares, whether it would coordinate itself or not.
        let (chair, work) = crate::wiring::Chair::new(&hub, means.store, stop.clone()).await?;
        roles.coordinator = Some(chair);
        if wanted.contains(&Role::Coordinator) {
            tasks.spawn(work);
        }
    }
    #[cfg(feature = "worker")]
    if wanted.contains(&Role::Worker) {
        let worker = &hub.config.mesh.worker;
        let policy = edgecoder_worker::Policy {
            slots: super::membership::cores(worker.slots, worker.cpu_percent),
            hours: worker.hours,
            only_when_idle: worker.idle_only,
        };
        let (worker, task) = crate::wiring::start_worker(&hub, policy, stop.clone());
        roles.worker = Some((worker, super::Allowed::new(policy)));
        tasks.spawn(joined(task));
    }
    // A build with neither role has nothing to stop.
    drop(stop);
    // Set here and nowhere else.
    hub.roles.set(roles).ok();
    Ok((hub, told, tasks))
}

async fn joined(task: tokio::task::JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, "a role did not end well");
    }
}
