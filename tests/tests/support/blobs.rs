//! What a database moved out of its file: sled puts large values into a folder `blobs/` that it never syncs, so nothing of
//! ours may ever be there (DESIGN 8).

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Files in folders of this name, anywhere below `folder`.
pub fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        // What another user keeps from us, or has gone meanwhile, is no database of a node's.
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        let is_blobs = folder.file_name().is_some_and(|name| name == "blobs");
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if is_blobs {
                found.push(path);
            }
        }
    }
    found
}
