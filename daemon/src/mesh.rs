//! A node in a network: the mesh with everything that this node says and answers there.
//!
//! [`Hub`] is what the parts share; `events` hears the mesh, `membership` registers the node, `contents` moves sealed
//! bytes, `roster` knows who is here, `submit` gives this node's tasks away and `bring` follows them, `slot` answers for its
//! model, `trust` keeps out whom the ledger lists. Coordinator and worker are role crates and are connected in [`crate::wiring`]. In local mode nothing here is
//! constructed.

use std::{sync::Arc, time::Duration};

use edgecoder_mesh::{Mesh, StartError, Started};
use edgecoder_node_store::{ContentError, Store, StoreError};
use edgecoder_protocol::key::NodeKey;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{Config, Mode},
    executor::Executor,
    network::{Network, NetworkError},
    node::{Clock, Random},
    wiring::Models,
};

mod bring;
mod contents;
mod deliver;
mod events;
pub mod evidence;
mod hub;
mod judge;
mod ledger;
mod membership;
#[cfg(feature = "worker")]
mod owner;
mod perform;
mod remembered;
mod resolve;
mod roster;
pub mod seat;
mod slot;
mod start;
mod submit;
mod topics;
mod trust;
mod views;

pub use contents::Contents;
pub use hub::{Hub, Roles};
#[cfg(feature = "worker")]
pub use owner::Allowed;
pub use perform::{Opened, Parts, baseline, execution_of, from_job, ground_of};
pub use slot::{Slot, SlotModel};
pub use topics::work as work_topic;

/// How long a node that stops waits for its duties to be taken back.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// Why a node cannot take part in its network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// There is no network to be in.
    #[error(
        "this node is in no network; create one with `edgecoder network create`, or join with `edgecoder network join LINE`"
    )]
    NoNetwork,
    /// The mode promises an overlay, and the network has none.
    #[error(
        "mode `enterprise` is for a private network, and this one is open; set `mode = \"mesh\"`, or found one with `edgecoder network create NAME --private`"
    )]
    NotPrivate,
    /// A role that this program was built without.
    #[error(
        "this program was built without the role `{role}`; take it out of `roles`, or build with `--features {role}`"
    )]
    NotBuilt {
        /// Which.
        role: &'static str,
    },
    /// The network's files.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The ledger.
    #[error(transparent)]
    Council(#[from] edgecoder_council::StartError),
    /// The mesh.
    #[error(transparent)]
    Mesh(#[from] StartError),
    /// The contents' folder.
    #[error(transparent)]
    Contents(#[from] ContentError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node's keys.
    #[error("the node's key cannot be used: {0}")]
    Key(String),
}

/// What a node brings along.
pub struct Means {
    /// What it was told.
    pub config: Config,
    /// Who it is.
    pub key: Arc<NodeKey>,
    /// Where code runs.
    pub executor: Executor,
    /// Where models come from.
    pub models: Arc<dyn Models>,
    /// Where it keeps things.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
}

/// A node's part in its network, while it runs.
pub struct MeshNode {
    hub: Arc<Hub>,
    tasks: TaskTracker,
    stop: CancellationToken,
    mesh_stop: CancellationToken,
    actor: JoinHandle<()>,
}

impl MeshNode {
    /// Takes part in the network that the data folder names, with the configured roles.
    ///
    /// # Errors
    /// [`JoinError`]; nothing is left running then.
    pub async fn start(means: Means) -> Result<Self, JoinError> {
        let data_dir = means.config.data_dir.clone();
        let loaded = tokio::task::spawn_blocking(move || Network::load(&data_dir)).await;
        let network = loaded.map_err(|error| JoinError::Key(error.to_string()))??;
        let network = network.ok_or(JoinError::NoNetwork)?;
        if means.config.mode == Mode::Enterprise && network.secret.is_none() {
            return Err(JoinError::NotPrivate);
        }
        let stop = CancellationToken::new();
        // Its own token: goodbyes are said over the mesh, so that it ends last.
        let mesh_stop = CancellationToken::new();
        let store = means.store.clone();
        let mut config = start::mesh_config(&means.config, &network);
        config.listen = remembered::same_ports(&store, config.listen).await;
        let Started {
            mesh,
            events,
            actor,
        } = Mesh::start(config, &means.key, mesh_stop.clone())?;
        let started = start::roles(means, network, mesh, stop.clone()).await;
        let (hub, told, tasks) = match started {
            Ok(started) => started,
            Err(error) => {
                mesh_stop.cancel();
                return Err(error);
            }
        };
        tasks.spawn(seat::run(hub.clone(), told, stop.clone()));
        tasks.spawn(events::run(hub.clone(), events, stop.clone()));
        tasks.spawn(membership::run(hub.clone(), stop.clone()));
        tasks.spawn(roster::run(hub.clone(), stop.clone()));
        tasks.spawn(ledger::run(hub.clone(), stop.clone()));
        tasks.spawn(trust::run(hub.clone(), stop.clone()));
        tasks.spawn(remembered::run(hub.clone(), store, stop.clone()));
        Ok(Self {
            hub,
            tasks,
            stop,
            mesh_stop,
            actor,
        })
    }

    /// What the rest of the node talks to.
    pub fn hub(&self) -> Arc<Hub> {
        self.hub.clone()
    }

    /// Says goodbye and stops: unfinished work of others is handed back.
    pub async fn stop(self) {
        // So that others need not find out by its silence.
        if tokio::time::timeout(DRAIN_MAX, self.hub.council.drain())
            .await
            .is_err()
        {
            tracing::info!("the council has not taken this node's duties back in time");
        }
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.mesh_stop.cancel();
        if let Err(error) = self.actor.await {
            tracing::error!(%error, "the mesh did not end well");
        }
    }
}
