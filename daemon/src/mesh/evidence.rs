//! Evidence of a lie: a bundle that anybody can replay, with the liar's own signed receipt, in the data folder.

use std::path::{Path, PathBuf};

use edgecoder_node_store::write_whole;
use edgecoder_protocol::{
    Hash, Millis, PeerId,
    operator::{ErrorObject, ExecAnswer},
    wire::{Charge, Held},
};
use tokio::task::spawn_blocking;

use super::{Hub, Opened, execution_of, hub::internal};
use crate::{bundle, data_dir};

/// The folder, in the data folder.
const FOLDER: &str = "evidence";
/// Bundles that are kept; the oldest makes room. Keys cost nothing, and each lie is as large as its task.
const KEPT: usize = 256;

/// Writes the execution of `opened` with the receipt of `run`, which `liar` signed; returns where, and its hash.
///
/// # Errors
/// [`ErrorObject`] when it is no execution, or the disk does not take it.
pub async fn keep(
    hub: &Hub,
    liar: PeerId,
    held: Held,
    opened: &Opened,
    run: &ExecAnswer,
) -> Result<(PathBuf, Hash), ErrorObject> {
    let execution = execution_of(opened).await?;
    let bytes = bundle::write(&execution, &run.receipt).map_err(|error| internal(&error))?;
    let folder = hub.config.data_dir.join(FOLDER);
    let attempt = held.attempt;
    let name = format!(
        "{}-{}-{}-{liar}.bundle",
        attempt.task, attempt.subtask, attempt.attempt
    );
    let write = spawn_blocking(move || {
        data_dir::make(&folder)?;
        make_room(&folder)?;
        let path = folder.join(name);
        write_whole(&path, &bytes, 0o600, &Default::default())?;
        Ok::<_, std::io::Error>((path, Hash::of(&bytes)))
    });
    write
        .await
        .map_err(|error| internal(&error))?
        .map_err(|error| internal(&error))
}

/// The lies that are shown by bundles of an earlier life of this node, each read once. What cannot be read shows nothing.
pub fn kept(data_dir: &Path) -> Vec<Charge> {
    let Ok(entries) = std::fs::read_dir(data_dir.join(FOLDER)) else {
        return Vec::new();
    };
    let charge = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let (_, liar) = name.strip_suffix(".bundle")?.rsplit_once('-')?;
        let since = entry.metadata().ok()?.modified().ok()?;
        let since = since.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(Charge {
            peer: liar.parse().ok()?,
            evidence: Hash::of(&std::fs::read(entry.path()).ok()?),
            at: Millis(u64::try_from(since.as_millis()).ok()?),
        })
    };
    entries.take(2 * KEPT).filter_map(charge).collect()
}

/// Removes the oldest bundles, until one more may come.
fn make_room(folder: &Path) -> std::io::Result<()> {
    let mut kept = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        kept.push((entry.metadata()?.modified()?, entry.path()));
    }
    kept.sort_unstable();
    for (_, path) in kept.iter().take((kept.len() + 1).saturating_sub(KEPT)) {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_one_more_and_what_is_new_stays() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..KEPT + 3 {
            std::fs::write(folder.path().join(format!("{number}.bundle")), "x").unwrap();
        }
        make_room(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), KEPT - 1);
        make_room(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), KEPT - 1);
    }
}
