//! The child process: takes orders on the socket that stands in for its standard input, and gives up
//! whatever it does not need before it opens a file made by strangers.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    path::Path,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use edgecoder_protocol::ids::Hash;
use rustix::process::{Resource, Rlimit, Signal};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, sock_filter,
};

use crate::{
    engine,
    wire::{self, Command, IN_FLIGHT_MAX, Report},
};

/// Commands read and not yet obeyed: each request makes at most two, so this never fills while the
/// daemon keeps to its limit; if it does not, it waits.
const COMMANDS: usize = 4 * IN_FLIGHT_MAX;

/// Runs the child until the daemon closes the socket at file descriptor 0. Call it first thing in a
/// process of its own.
pub fn worker_main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        // Standard error is void in a daemon; by hand it says what went wrong.
        Err(error) => {
            eprintln!("inference worker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    confine()?;
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Fails when standard input is no socket, before anything is read from it.
    socket.peer_addr()?;
    let mut input = socket.try_clone()?;
    let Some(Command::Load(load)) = wire::read(&mut input)? else {
        return Err(io::Error::other("the first command is no Load"));
    };
    let (commands, orders) = sync_channel(COMMANDS);
    thread::Builder::new()
        .name("orders".into())
        .spawn(move || listen(input, &commands))?;
    let output = Output(Mutex::new(socket));
    thread::scope(|scope| {
        // Beside the loading: a large file takes seconds to hash.
        scope.spawn(|| tell_hash(Path::new(&load.path), &output));
        engine::run(&load, &orders, &mut &output)
    })
}

/// Passes commands on. The daemon's end of the socket is all that keeps this process alive.
fn listen(mut input: UnixStream, commands: &SyncSender<Command>) {
    while let Ok(Some(command)) = wire::read(&mut input) {
        if commands.send(command).is_err() {
            return;
        }
    }
    // The engine may be in the middle of a long step; nobody waits for what it does.
    std::process::exit(0);
}

/// The blake3 hash of a file, read in pieces.
fn hash(path: &Path) -> io::Result<Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(fs::File::open(path)?)?;
    Ok(Hash(*hasher.finalize().as_bytes()))
}

fn tell_hash(path: &Path, mut output: &Output) {
    let Ok(hash) = hash(path) else { return };
    let mut bytes = Vec::new();
    if wire::encode(&Report::Hashed(hash), &mut bytes).is_ok() {
        // A daemon that is gone needs no hash.
        output.write_all(&bytes).ok();
    }
}

/// The socket, written by one thread at a time, whole frames each.
struct Output(Mutex<UnixStream>);

impl Write for &Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// No network, no programs, no written files, no core dump, no new privileges; death with the daemon.
fn confine() -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none)?;
    rustix::process::setrlimit(
        Resource::Fsize,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    rustix::thread::set_no_new_privs(true)?;
    let filter = filter().map_err(io::Error::other)?;
    seccompiler::apply_filter(&foreign_numbers()).map_err(io::Error::other)?;
    seccompiler::apply_filter(&filter).map_err(io::Error::other)
}

/// Refuses system calls numbered from 2^30: the x32 interface, where a kernel has it, offers every call a second
/// time under such numbers, which a filter that allows by default would not know.
fn foreign_numbers() -> BpfProgram {
    const X32: u32 = 0x4000_0000;
    let step = |code: u32, jt: u8, jf: u8, k: u32| sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    vec![
        // The number is the first word of what a filter is given.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, X32),
        step(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
        ),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

/// Everything is allowed but what a model runner never needs. `socket` is refused whole, so also the
/// internet families; io_uring because it could open sockets around this filter.
fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let refused = [
        libc::SYS_socket,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_io_uring_setup,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_openat2,
        // What opens no file for writing and yet changes, removes or renames one.
        libc::SYS_truncate,
        libc::SYS_unlinkat,
        libc::SYS_renameat2,
        libc::SYS_linkat,
        libc::SYS_symlinkat,
        libc::SYS_mkdirat,
        libc::SYS_mknodat,
        libc::SYS_fchmod,
        libc::SYS_fchmodat,
        libc::SYS_fchown,
        libc::SYS_fchownat,
        libc::SYS_setxattr,
        libc::SYS_utimensat,
        libc::SYS_mount,
        // Signals to others, and others' descriptors.
        libc::SYS_kill,
        libc::SYS_tkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pidfd_send_signal,
    ];
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        refused.into_iter().map(|call| (call, Vec::new())).collect();
    rules.insert(libc::SYS_openat, writing(2)?);
    // An abort signals its own process by this one.
    rules.insert(
        libc::SYS_tgkill,
        vec![SeccompRule::new(vec![SeccompCondition::new(
            0,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::Ne,
            u64::from(std::process::id()),
        )?])?],
    );
    #[cfg(target_arch = "x86_64")]
    {
        rules.insert(libc::SYS_open, writing(1)?);
        let old = [
            libc::SYS_creat,
            libc::SYS_unlink,
            libc::SYS_rmdir,
            libc::SYS_rename,
            libc::SYS_renameat,
            libc::SYS_link,
            libc::SYS_symlink,
            libc::SYS_mkdir,
            libc::SYS_mknod,
            libc::SYS_chmod,
            libc::SYS_chown,
            libc::SYS_lchown,
        ];
        rules.extend(old.map(|call| (call, Vec::new())));
    }
    let denied = SeccompAction::Errno(libc::EPERM as u32);
    SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        denied,
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()
}

/// Opening a file with any flag that writes, makes or empties it.
fn writing(flags: u8) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC]
        .into_iter()
        .map(|flag| {
            let flag = u64::from(flag.unsigned_abs());
            let masked = SeccompCmpOp::MaskedEq(flag);
            let condition = SeccompCondition::new(flags, SeccompCmpArgLen::Dword, masked, flag)?;
            SeccompRule::new(vec![condition])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{fs::File, net::UdpSocket, os::unix::fs::PermissionsExt as _, process::Command};

    use super::*;

    #[test]
    fn the_filter_leaves_reading_and_takes_network_programs_and_writing() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model");
        fs::write(&model, b"weights").unwrap();
        let parent = rustix::process::getppid().unwrap();
        // A filter binds the thread that applies it.
        thread::scope(|scope| {
            scope.spawn(|| {
                rustix::thread::set_no_new_privs(true).unwrap();
                seccompiler::apply_filter(&foreign_numbers()).unwrap();
                seccompiler::apply_filter(&filter().unwrap()).unwrap();
                // SAFETY: getpid takes nothing; under the x32 number it must be refused or unknown.
                assert_eq!(unsafe { libc::syscall(0x4000_0000 + libc::SYS_getpid) }, -1);
                assert!(File::open(&model).is_ok());
                let denied = [
                    UdpSocket::bind("127.0.0.1:0").map(drop),
                    UdpSocket::bind("[::1]:0").map(drop),
                    Command::new("/bin/true").status().map(drop),
                    File::create(folder.path().join("new")).map(drop),
                    File::options().write(true).open(&model).map(drop),
                    fs::remove_file(&model),
                    fs::rename(&model, folder.path().join("other")),
                    fs::set_permissions(&model, fs::Permissions::from_mode(0o777)),
                    rustix::process::kill_process(parent, Signal::TERM).map_err(io::Error::from),
                ];
                for (index, result) in denied.into_iter().enumerate() {
                    let kind = result.map_err(|error| error.kind());
                    assert_eq!(kind, Err(io::ErrorKind::PermissionDenied), "{index}");
                }
            });
        });
    }
}
