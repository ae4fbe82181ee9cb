//! Takes from the child process what running guests does not need, before it reads its first request: an
//! escape from the engine then lands where nothing can be opened, sent, started or written.

use std::{collections::BTreeMap, io};

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// Descriptors: the three standard ones, and a few that the runtime may hold.
const DESCRIPTORS_MAX: u64 = 16;

/// What a running guest's host needs: memory without execution, waiting, the clock, and the open socket.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sendto,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Seals every thread of this process. Threads must exist already, and code must be mapped already. It may then map
/// `data_max` bytes of writable memory, if that is less than what any child may.
///
/// A limit on address space would not do in its place: the engine reserves 4 GiB for each guest, of which it makes
/// writable only what the guest has grown to, and only that is counted here (getrlimit(2), `RLIMIT_DATA`).
///
/// # Errors
/// When the kernel refuses; the caller then ends.
pub(crate) fn seal(data_max: Option<u64>) -> io::Result<()> {
    let gib = 1_u64 << 30;
    // A guest that runs and one that is being dropped or prepared, each up to 1 GiB, and as much for the rest.
    let memory = data_max.unwrap_or(u64::MAX).min(3 * gib);
    for (what, max) in [
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        (Resource::Nofile, DESCRIPTORS_MAX),
        (Resource::Data, memory),
    ] {
        let limit = Rlimit {
            current: Some(max),
            maximum: Some(max),
        };
        setrlimit(what, limit)?;
    }
    // Sets no-new-privileges too, and covers the threads that run already.
    seccompiler::apply_filter_all_threads(&filter().map_err(io::Error::other)?)
        .map_err(io::Error::other)
}

fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    // Memory, but never such that data becomes code.
    let exec = libc::PROT_EXEC as u64;
    let not_code = SeccompRule::new(vec![SeccompCondition::new(
        2,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(exec),
        0,
    )?])?;
    rules.insert(libc::SYS_mmap, vec![not_code.clone()]);
    rules.insert(libc::SYS_mprotect, vec![not_code]);
    // A panic's abort signals its own process; another one is nobody's to signal.
    let own = SeccompRule::new(vec![SeccompCondition::new(
        0,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::Eq,
        u64::from(std::process::id()),
    )?])?;
    rules.insert(libc::SYS_tgkill, vec![own]);
    #[cfg(target_arch = "x86_64")]
    {
        rules.insert(libc::SYS_poll, Vec::new());
    }
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    // Refused, not killed: a refusal is an error that the self-test can see and a log can show.
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)?.try_into()
}
