//! Stands in for the child in a build without the engine: answers that nothing can be run, and why.

use std::{
    ffi::OsString, io, os::fd::FromRawFd as _, os::unix::net::UnixStream, process::ExitCode,
};

use crate::wire::{self, FromChild, NotReady, Role};

const WHY: &str = "this program was built without the sandbox: build it with the feature `sandbox`";

/// The body of the program's hidden `sandbox-worker` command.
pub fn worker_main() -> ExitCode {
    // SAFETY: standard input is open by convention and nothing else in this process uses it.
    let socket = unsafe { UnixStream::from_raw_fd(0) };
    match answer(socket) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sandbox-worker: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The body of the hidden `compile-guest` command.
pub fn compile_main(_: &[OsString]) -> ExitCode {
    eprintln!("compile-guest: {WHY}");
    ExitCode::from(70)
}

fn answer(mut socket: UnixStream) -> io::Result<()> {
    let answer = match wire::read(&mut socket)? {
        Role::Serve { .. } | Role::SelfTest => {
            FromChild::Ready(Err(NotReady::Broken(WHY.to_owned())))
        }
        Role::Compile { .. } => FromChild::Compiled(Err(WHY.to_owned())),
    };
    wire::write(&mut socket, &answer)
}
