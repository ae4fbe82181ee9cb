//! Stands in for the engine in a build without llama.cpp: says so of every model.

use std::{
    io::{self, Write},
    sync::mpsc::Receiver,
};

use crate::wire::{self, Command, Load, Report};

/// Reports that no model can be used, and ends.
///
/// # Errors
/// Those of `out`: the daemon is gone.
pub fn run(_: &Load, _: &Receiver<Command>, out: &mut impl Write) -> io::Result<()> {
    let why =
        "this program was built without llama.cpp: build it with the feature `llama`".to_owned();
    let mut bytes = Vec::new();
    wire::encode(&Report::Unusable { why }, &mut bytes)?;
    out.write_all(&bytes)
}
