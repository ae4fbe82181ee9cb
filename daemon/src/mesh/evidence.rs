//! Evidence of a lie: a bundle that anybody can replay, with the liar's own signed receipt, in the data folder.

use std::path::PathBuf;

use edgecoder_node_store::write_whole;
use edgecoder_protocol::{
    PeerId,
    operator::{ErrorObject, ExecAnswer},
    wire::Held,
};
use tokio::task::spawn_blocking;

use super::{Hub, Opened, execution_of, hub::internal};
use crate::{bundle, data_dir};

/// The folder, in the data folder.
const FOLDER: &str = "evidence";

/// Writes the execution of `opened` with the receipt of `run`, which `liar` signed; returns where.
///
/// # Errors
/// [`ErrorObject`] when it is no execution, or the disk does not take it.
pub async fn keep(
    hub: &Hub,
    liar: PeerId,
    held: Held,
    opened: &Opened,
    run: &ExecAnswer,
) -> Result<PathBuf, ErrorObject> {
    let execution = execution_of(opened)?;
    let bytes = bundle::write(&execution, &run.receipt).map_err(|error| internal(&error))?;
    let folder = hub.config.data_dir.join(FOLDER);
    let attempt = held.attempt;
    let name = format!(
        "{}-{}-{}-{liar}.bundle",
        attempt.task, attempt.subtask, attempt.attempt
    );
    let write = spawn_blocking(move || {
        data_dir::make(&folder)?;
        let path = folder.join(name);
        write_whole(&path, &bytes, 0o600, &Default::default())?;
        Ok::<_, std::io::Error>(path)
    });
    write
        .await
        .map_err(|error| internal(&error))?
        .map_err(|error| internal(&error))
}
