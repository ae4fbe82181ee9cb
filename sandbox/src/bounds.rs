//! What the children of one sandbox may use of the machine together: a share of its processors, and memory.
//!
//! Decides how a bound is kept, and keeps it: by control groups where the daemon may make some (`place` finds where,
//! `group` makes them), else by what a process can do to itself. Then fewer children run at once, each behind
//! everybody else who wants a processor, and each with its part of the memory as its resource limit. It starts no
//! process, and what is not bounded is not touched.

use std::{fmt, fs, path::Path};

use edgecoder_protocol::Bytes;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

mod group;
mod place;
#[cfg(test)]
mod tests;

use group::{Groups, Kernel, Wanted};
use place::Places;

/// Below this a child cannot even have its guest ready: 71 MB of writable memory are mapped then, measured, and the
/// interpreter takes more as soon as it runs.
pub const MEMORY_MIN: Bytes = Bytes(128 << 20);

/// The span over which a control group's share of the processors is kept, in microseconds: the kernel's default.
const PERIOD: u64 = 100_000;

/// What all children of a sandbox may use together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Percent of the processors that this process may use, 1 to 100; 100 bounds nothing.
    pub cpu_percent: u32,
    /// Memory, at least [`MEMORY_MIN`]; absent: as the machine has it.
    pub memory: Option<Bytes>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            cpu_percent: 100,
            memory: None,
        }
    }
}

impl Bounds {
    /// Whether they bound nothing.
    pub fn are_none(self) -> bool {
        self == Self::default()
    }

    /// Children that run at once, of as many as there would be without: no more than the processors that the share
    /// is worth, so that none of them waits for most of its time, and no more than the memory feeds.
    fn children(self, threads: usize, cores: usize) -> usize {
        let share = (cores * self.cpu_percent as usize).div_ceil(100);
        let fed = |memory: Bytes| usize::try_from(memory.0 / MEMORY_MIN.0).unwrap_or(usize::MAX);
        threads
            .min(share)
            .min(self.memory.map_or(usize::MAX, fed))
            .max(1)
    }

    /// What a control group is to be told.
    fn wanted(self, cores: usize) -> Wanted {
        let quota = PERIOD * cores as u64 * u64::from(self.cpu_percent) / 100;
        Wanted {
            quota: (self.cpu_percent < 100).then_some((quota, PERIOD)),
            memory: self.memory.map(|memory| memory.0),
        }
    }

    /// What each of so many children does to itself, where no control group holds them.
    fn own(self, children: usize) -> OwnLimits {
        OwnLimits {
            data_max: self.memory.map(|memory| memory.0 / children as u64),
            yields: self.cpu_percent < 100,
        }
    }
}

/// What a child does to itself before it serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OwnLimits {
    /// Bytes of writable memory that it may map.
    pub(crate) data_max: Option<u64>,
    /// Whether it leaves the processors to whoever else wants them.
    pub(crate) yields: bool,
}

/// What keeps the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Control groups, version 2.
    CgroupV2,
    /// Control groups, version 1.
    CgroupV1,
    /// Resource limits, niceness, and fewer children.
    Rlimits,
}

impl Layer {
    /// As a screen says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CgroupV2 => "cgroup v2",
            Self::CgroupV1 => "cgroup v1",
            Self::Rlimits => "rlimit and nice",
        }
    }
}

/// Bounds that are in force. Its text says what they guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce {
    /// What was asked for.
    pub bounds: Bounds,
    /// What keeps it.
    pub layer: Layer,
    /// Children at once.
    pub children: usize,
    /// Processors that this process may use.
    pub cores: usize,
}

impl fmt::Display for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            bounds,
            children,
            cores,
            ..
        } = *self;
        let mib = |bytes: u64| bytes >> 20;
        let percent = bounds.cpu_percent;
        let (cpu, memory) = match self.layer {
            Layer::CgroupV2 | Layer::CgroupV1 => (
                format!("{percent} % of {cores} processors together"),
                bounds
                    .memory
                    .map(|all| format!("{} MiB of memory together", mib(all.0))),
            ),
            Layer::Rlimits => (
                format!("{children} of {cores} processors at most, at niceness 19"),
                bounds.own(children).data_max.map(|each| {
                    format!(
                        "{} MiB of writable memory for each of {children} at once",
                        mib(each)
                    )
                }),
            ),
        };
        let cpu = (percent < 100).then_some(cpu);
        let all: Vec<String> = cpu.into_iter().chain(memory).collect();
        f.write_str(&all.join(", "))
    }
}

/// Where a process is, and on what.
struct Machine {
    /// As `/proc/self/cgroup` has it.
    cgroup: String,
    /// As `/proc/self/mountinfo` has it.
    mounts: String,
    pid: u32,
    is_alive: fn(u32) -> bool,
}

impl Machine {
    fn this() -> Self {
        // Unreadable is as empty: no control group is found then.
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            cgroup: read("/proc/self/cgroup"),
            mounts: read("/proc/self/mountinfo"),
            pid: std::process::id(),
            is_alive: |pid| Path::new(&format!("/proc/{pid}")).exists(),
        }
    }
}

/// Bounds with what keeps them; groups that were made are removed with it.
pub(crate) struct Keeper {
    in_force: InForce,
    groups: Option<Groups<Kernel>>,
}

impl Keeper {
    /// Sets up `bounds` for children of which `threads` would run at once without, on `cores` processors.
    pub(crate) fn set_up(bounds: Bounds, threads: usize, cores: usize) -> Self {
        let made = Groups::make(Kernel, &Machine::this(), bounds.wanted(cores));
        let (layer, groups) = match made {
            Ok(groups) => (groups.layer(), Some(groups)),
            Err(error) => {
                warn!(
                    %error,
                    next = error.next(),
                    "no control group can hold the sandbox; resource limits and niceness do, which guarantee less"
                );
                (Layer::Rlimits, None)
            }
        };
        let in_force = InForce {
            bounds,
            layer,
            children: bounds.children(threads, cores),
            cores,
        };
        info!(layer = layer.as_str(), guarantee = %in_force, "the sandbox is bounded");
        Self { in_force, groups }
    }

    pub(crate) fn in_force(&self) -> InForce {
        self.in_force
    }

    /// What each child does to itself.
    pub(crate) fn own(&self) -> OwnLimits {
        match self.groups {
            Some(_) => OwnLimits::default(),
            None => self.in_force.bounds.own(self.in_force.children),
        }
    }

    /// Puts a process that was just started under the bounds. It blocks: the kernel may take milliseconds.
    ///
    /// # Errors
    /// When the kernel refuses; the process must not serve then.
    pub(crate) fn admit(&self, pid: u32) -> std::io::Result<()> {
        self.groups.as_ref().map_or(Ok(()), |one| one.admit(pid))
    }

    /// Processes that were ended for the memory that they wanted, since the bounds were set up.
    pub(crate) fn kills(&self) -> u64 {
        self.groups.as_ref().map_or(0, Groups::kills)
    }

    /// Removes what was made, if no process is left in it; whether nothing of it is there any more.
    pub(crate) fn release(&self) -> bool {
        self.groups.as_ref().is_none_or(Groups::release)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // What cannot be removed yet goes at the next start.
        self.release();
    }
}
