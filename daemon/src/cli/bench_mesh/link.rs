//! Network namespaces of threads: each side of a link is a thread with a network of its own, in which all that it
//! starts lives. They have no names, so that they are gone with this process, however it ends.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::cli::failure::{Failure, INTERNAL};

/// Bytes that may pass at once: a few large segments, well below one chunk.
const BURST: &str = "128kb";
/// What waits longer at the bottleneck is dropped.
const QUEUE: &str = "100ms";

/// One end of a virtual cable: each of the links has its own /24.
#[derive(Clone, Copy, Debug)]
pub struct Cable(pub u8);

impl Cable {
    fn near(self) -> String {
        format!("bench{}", self.0)
    }

    fn address(self, end: u8) -> String {
        format!("10.213.{}.{end}", self.0)
    }

    /// The far end's address.
    pub fn far_address(self) -> String {
        self.address(2)
    }

    /// Lays the cable from this thread's network to that of the thread `far`.
    pub fn lay(self, far: i32) -> Result<(), Failure> {
        let (near, far) = (self.near(), far.to_string());
        system(
            "ip",
            &[
                "link", "add", &near, "type", "veth", "peer", "name", FAR, "netns", &far,
            ],
        )?;
        let address = format!("{}/24", self.address(1));
        system("ip", &["address", "add", &address, "dev", &near])?;
        self.set("up")
    }

    /// Cuts it (`down`) or mends it (`up`), at the near end.
    pub fn set(self, state: &str) -> Result<(), Failure> {
        system("ip", &["link", "set", &self.near(), state])
    }

    /// Takes the far end, in this thread's network, into use; what it sends is limited to `rate` (as `tc` reads it).
    pub fn take(self, rate: &str) -> Result<(), Failure> {
        let address = format!("{}/24", self.far_address());
        system("ip", &["address", "add", &address, "dev", FAR])?;
        system("ip", &["link", "set", FAR, "up"])?;
        system(
            "tc",
            &[
                "qdisc", "add", "dev", FAR, "root", "tbf", "rate", rate, "burst", BURST, "latency",
                QUEUE,
            ],
        )
    }
}

/// How the far end is called in its own network.
const FAR: &str = "far";

/// Gives this thread, and all that it starts from now on, an empty network of its own. Its number, by which others
/// name it.
pub fn own_network() -> Result<i32, Failure> {
    // SAFETY: no pointers are involved; a new network namespace concerns this thread alone.
    let made = unsafe { libc::unshare(libc::CLONE_NEWNET) };
    if made != 0 {
        let why = std::io::Error::last_os_error();
        let message = format!("a network namespace cannot be made: {why}");
        return Err(Failure::new(INTERNAL, message, "run it as root"));
    }
    system("ip", &["link", "set", "lo", "up"])?;
    Ok(rustix::thread::gettid().as_raw_nonzero().get())
}

fn system(program: &str, words: &[&str]) -> Result<(), Failure> {
    let fail = |why: String| {
        let message = format!("`{program} {}` failed: {why}", words.join(" "));
        let next = "run it as root, with iproute2 installed (Debian: apt-get install iproute2)";
        Failure::new(INTERNAL, message, next)
    };
    let output = Command::new(found(program))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| fail(error.to_string()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(fail(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        )),
    }
}

/// Where `program` is; it may lie in a folder that is on root's path only, with some distributions.
fn found(program: &str) -> PathBuf {
    let usual = ["/usr/sbin", "/sbin"].map(|folder| Path::new(folder).join(program));
    let there = usual.into_iter().find(|path| path.is_file());
    there.unwrap_or_else(|| PathBuf::from(program))
}
