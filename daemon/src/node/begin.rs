//! What a node begins with: the model that was chosen last, its ledger, its network.

use std::sync::Arc;

use edgecoder_council::Council;
use edgecoder_node_store::{Store, TreeName};
use edgecoder_protocol::key::NodeKey;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{ACTIVE_MODEL, Clock, NodeError};
#[cfg(feature = "mesh")]
use crate::config::Mode;
use crate::{
    config::{Config, Origin},
    wiring::{Models, Past, start_alone},
};

/// Makes the model that was chosen at run time the active one again.
pub fn choose_again(store: &Store, config: &Config, models: &dyn Models) -> Result<(), NodeError> {
    let chosen: Option<String> = store.get(TreeName::Settings, ACTIVE_MODEL)?;
    // A model that a setting names wins: what was chosen at run time stands for the default alone.
    if let (Some(file), Origin::Default) = (chosen, &config.model_origin) {
        // A model that is gone since must not keep the node from starting; using it says what is wrong.
        models.choose(&file);
    }
    Ok(())
}

/// The council of a node that is in no network.
pub async fn alone(
    config: &Config,
    store: &Store,
    key: Arc<NodeKey>,
    clock: Clock,
    stop: CancellationToken,
) -> Result<(Council, Option<JoinHandle<()>>), NodeError> {
    let past = Past {
        folder: store.is_durable().then_some(config.data_dir.as_path()),
        prunes: config.prunes,
        anchor: None,
    };
    let (council, task) = start_alone(past, key, clock, stop).await?;
    Ok((council, Some(task)))
}

/// Takes part in the network that the mode asks for; in local mode nothing of it is constructed.
#[cfg(feature = "mesh")]
pub async fn join(means: crate::mesh::Means) -> Result<Option<crate::mesh::MeshNode>, NodeError> {
    match means.config.mode {
        Mode::Local => Ok(None),
        Mode::Mesh | Mode::Enterprise => Ok(Some(crate::mesh::MeshNode::start(means).await?)),
    }
}
