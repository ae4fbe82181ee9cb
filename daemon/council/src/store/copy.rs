//! A database that has lost its end. sled passes over what is broken in its file, at each opening again: what is written
//! behind it is there until the next start, and then gone as well. So what such a database still has goes into a new one.

use std::{fs, io, path::Path};

use edgecoder_node_store::{Faults, LedgerLog};

use super::{LEDGER, StartError};

/// Where the new one is made.
const NEW: &str = "ledger.new";

/// Opens the database in a council's folder, which is known to have had `known` blocks. No crash takes one of these.
///
/// # Errors
/// [`StartError`] when the folder cannot be used.
pub fn open(
    folder: &Path,
    known: u64,
    faults: &Faults,
    mended: &mut Vec<String>,
) -> Result<LedgerLog, StartError> {
    let (path, new) = (folder.join(LEDGER), folder.join(NEW));
    if !path.exists() && new.exists() {
        // A crash came after the old one was set aside, which is when this one was whole.
        fs::rename(&new, &path).map_err(|error| failed(&error))?;
    }
    let opened = LedgerLog::open(&path, faults)?;
    if let Some(aside) = opened.set_aside {
        let aside = aside.display();
        mended.push(format!(
            "the ledger was damaged: set aside as {aside}, and fetched anew"
        ));
        return Ok(opened.log);
    }
    let has = opened.log.tip();
    if has >= known {
        return Ok(opened.log);
    }
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&error)),
        Ok(()) | Err(_) => {}
    }
    let fresh = LedgerLog::open(&new, faults)?.log;
    opened.log.copy_to(&fresh)?;
    fresh.sync()?;
    drop((opened, fresh));
    let aside = LedgerLog::set_aside(&path)?;
    fs::rename(&new, &path).map_err(|error| failed(&error))?;
    let aside = aside.display();
    mended.push(format!(
        "the ledger had {known} blocks and has {has}: set aside as {aside}, and the others fetched anew"
    ));
    // Opening syncs the folder, and with it the new name.
    Ok(LedgerLog::open(&path, faults)?.log)
}

fn failed(error: &io::Error) -> StartError {
    StartError::Failed(error.to_string())
}
