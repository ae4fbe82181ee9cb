//! What a sealed process must be refused, tried for real.

use std::{ffi::CString, io};

/// Tries each forbidden thing; the text says what, the flag whether it was refused. Runs after sealing, in a
/// process of its own.
pub(crate) fn attempts() -> Vec<(String, bool)> {
    let mut all = Vec::new();
    let mut refused = |what: &str, result: io::Result<()>| {
        let by_seal = matches!(&result, Err(error) if error.raw_os_error() == Some(libc::EPERM));
        all.push((what.to_owned(), by_seal));
    };
    refused(
        "open /etc/passwd",
        std::fs::File::open("/etc/passwd").map(drop),
    );
    let file = std::env::temp_dir().join("edgecoder-self-test");
    refused("write a file", std::fs::write(&file, "x"));
    refused(
        "open a network socket",
        std::net::UdpSocket::bind("127.0.0.1:0").map(drop),
    );
    refused(
        "open a Unix socket",
        std::os::unix::net::UnixDatagram::unbound().map(drop),
    );
    refused("fork", fork());
    refused("execute a program", execute());
    refused("make memory executable", make_code());
    refused("trace a process", trace());
    refused("signal its parent", signal_parent());
    all
}

fn outcome(returned: i64) -> io::Result<()> {
    if returned < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn fork() -> io::Result<()> {
    // SAFETY: should it succeed, the new process leaves at once without running anything else.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: ends the process without running destructors that the parent owns.
        unsafe { libc::_exit(0) }
    }
    outcome(pid.into())
}

fn execute() -> io::Result<()> {
    let program = CString::new("/bin/true")?;
    let args = [program.as_ptr(), std::ptr::null()];
    // SAFETY: both arrays end in null and outlive the call.
    outcome(unsafe { libc::execve(program.as_ptr(), args.as_ptr(), args[1..].as_ptr()) }.into())
}

fn make_code() -> io::Result<()> {
    let (prot, flags) = (
        libc::PROT_READ | libc::PROT_EXEC,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    // SAFETY: a new anonymous mapping touches no existing memory.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), 4096, prot, flags, -1, 0) };
    outcome(if at == libc::MAP_FAILED { -1 } else { 0 })
}

fn signal_parent() -> io::Result<()> {
    let parent = std::os::unix::process::parent_id();
    // SAFETY: signal 0 only asks whether a signal could be sent, and no pointer is passed.
    outcome(unsafe { libc::syscall(libc::SYS_tgkill, parent, parent, 0) })
}

fn trace() -> io::Result<()> {
    // SAFETY: TRACEME takes no pointers.
    outcome(unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) })
}
