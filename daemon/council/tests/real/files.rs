//! All files of a member's folder, in memory.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Files by their path in the folder.
pub type Image = BTreeMap<PathBuf, Vec<u8>>;

/// The files of one folder, by their path in the member's.
pub fn files_in(folder: &Path, name: &Path) -> Image {
    let Ok(entries) = fs::read_dir(folder.join(name)) else {
        return Image::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.is_file());
    let read = |path: PathBuf| {
        // sled has removed it, unless it is there.
        let bytes = fs::read(&path).ok()?;
        Some((name.join(path.file_name()?), bytes))
    };
    files.filter_map(read).collect()
}

/// All files of a member.
pub fn all(folder: &Path) -> Image {
    let folders = ["", "ledger", "votes"].map(Path::new);
    let all = folders.iter().flat_map(|name| files_in(folder, name));
    all.collect()
}

/// Writes them into an empty folder.
pub fn write(folder: &Path, image: &Image) {
    for (path, bytes) in image {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
