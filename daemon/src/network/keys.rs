//! Keys in files, as the daemon keeps its own: libp2p's form, for this user alone.

use std::{io, path::Path};

use edgecoder_node_store::{Faults, write_new};
use edgecoder_protocol::key::{NodeKey, STORED_LEN};

use super::{NODE, NetworkError, files};
use crate::node::Random;

/// The node's own key, made unless it is there.
///
/// # Errors
/// [`NetworkError`] when it cannot be read, written or used.
pub fn node_key(data_dir: &Path, random: Random, faults: &Faults) -> Result<NodeKey, NetworkError> {
    made(&data_dir.join(NODE), random, faults)
}

/// The key at `path`, made unless it is there.
pub(super) fn made(path: &Path, random: Random, faults: &Faults) -> Result<NodeKey, NetworkError> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    let mut seed = [0; 32];
    random(&mut seed);
    let key = NodeKey::from_seed(&mut seed);
    match write_new(path, &key.to_stored()[..], 0o600, faults) {
        Ok(()) => Ok(key),
        // A daemon that starts just now has made one: that one counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| NetworkError::file("read", path, error))
        }
        Err(error) => Err(NetworkError::file("write", path, error)),
    }
}

/// The key at `path`, if there is one.
pub(super) fn read(path: &Path) -> Result<Option<NodeKey>, NetworkError> {
    let Some(bytes) = files::read_private(path, STORED_LEN as u64)? else {
        return Ok(None);
    };
    match NodeKey::from_stored(&bytes) {
        Ok(key) => Ok(Some(key)),
        Err(error) => Err(NetworkError::Key {
            path: path.to_owned(),
            why: error.to_string(),
        }),
    }
}
