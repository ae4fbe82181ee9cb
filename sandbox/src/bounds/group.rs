//! Control groups of a sandbox's own: made below the daemon's, told their limits, filled with children, removed.
//!
//! A group is called `edgecoder-PID-NUMBER` after the daemon, so that those of daemons that were killed are known and
//! removed by the next. It changes no group that it has not made, but for one thing: a group of version 2 hands
//! controllers on only while it has no members of its own, so that a daemon which is alone in its group steps aside
//! into one below it (`edgecoder-PID-daemon`), and back when it ends. Where others are in it, they are left alone.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{Layer, Machine, Places};

/// How every group of ours begins.
const PREFIX: &str = "edgecoder-";
/// Groups that one process makes at once in one place: far more than it has sandboxes.
const GROUPS_MAX: u32 = 64;
const MEMBERS: &str = "cgroup.procs";
const HANDED_ON: &str = "cgroup.subtree_control";

/// The file system of control groups, and its double in tests.
pub(super) trait Tree {
    fn read(&self, path: &Path) -> io::Result<String>;
    /// Writes to a file that is there.
    fn write(&self, path: &Path, text: &str) -> io::Result<()>;
    fn make(&self, folder: &Path) -> io::Result<()>;
    fn remove(&self, folder: &Path) -> io::Result<()>;
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;
}

/// The kernel's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel;

impl Tree for Kernel {
    fn read(&self, path: &Path) -> io::Result<String> {
        fs::read_to_string(path)
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).open(path)?;
        file.write_all(text.as_bytes())
    }

    fn make(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir(folder)
    }

    fn remove(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir(folder)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
        let names = names.map(|name| name.map(|name| name.to_string_lossy().into_owned()));
        names.collect()
    }
}

/// What the groups are to bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Microseconds of processor time in each period of so many.
    pub(super) quota: Option<(u64, u64)>,
    /// Bytes.
    pub(super) memory: Option<u64>,
}

impl Wanted {
    fn controllers(&self) -> Vec<&'static str> {
        let cpu = self.quota.map(|_| "cpu");
        cpu.into_iter()
            .chain(self.memory.map(|_| "memory"))
            .collect()
    }

    fn limits_of(&self, layer: Layer, controller: &str) -> Vec<Limit> {
        let limit = |file, value: u64| Limit {
            file,
            value: value.to_string(),
            is_needed: true,
        };
        match (layer, controller, self.quota, self.memory) {
            (Layer::CgroupV2, "cpu", Some((quota, period)), _) => vec![Limit {
                file: "cpu.max",
                value: format!("{quota} {period}"),
                is_needed: true,
            }],
            (_, "cpu", Some((quota, period)), _) => vec![
                limit("cpu.cfs_period_us", period),
                limit("cpu.cfs_quota_us", quota),
            ],
            // Swap counts too, where the kernel counts it: a bound that is met by swapping others out is none.
            (Layer::CgroupV2, "memory", _, Some(memory)) => vec![
                limit("memory.max", memory),
                limit("memory.swap.max", 0).where_there(),
            ],
            (_, "memory", _, Some(memory)) => vec![
                limit("memory.limit_in_bytes", memory),
                limit("memory.memsw.limit_in_bytes", memory).where_there(),
            ],
            _ => Vec::new(),
        }
    }
}

/// One value in a file of a group.
#[derive(Debug)]
struct Limit {
    file: &'static str,
    value: String,
    is_needed: bool,
}

impl Limit {
    fn where_there(self) -> Self {
        Self {
            is_needed: false,
            ..self
        }
    }
}

/// Why there are no groups.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum GroupError {
    /// The kernel shows none that could do it.
    #[error("no hierarchy of control groups with the controllers {wanted} is mounted here")]
    NotThere {
        /// Which.
        wanted: String,
    },
    /// Somebody else's processes are in the daemon's group.
    #[error(
        "the daemon shares its control group {} with other processes, so that nothing can be handed on", .0.display()
    )]
    Shared(PathBuf),
    /// A file or folder.
    #[error("{}: {source}", path.display())]
    Denied {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl GroupError {
    /// What the owner can do about it.
    pub(super) fn next(&self) -> &'static str {
        match self {
            Self::NotThere { .. } => {
                "nothing need be done; for an exact share run a kernel with control groups, mounted at /sys/fs/cgroup"
            }
            Self::Shared(_) | Self::Denied { .. } => {
                "for an exact share give the daemon a control group of its own; with version 2: `systemd-run --user -p Delegate=yes edgecoderd`"
            }
        }
    }
}

fn denied(path: &Path) -> impl FnOnce(io::Error) -> GroupError {
    let path = path.to_owned();
    move |source| GroupError::Denied { path, source }
}

#[derive(Debug)]
struct Group {
    folder: PathBuf,
    limits: Vec<Limit>,
}

/// A daemon that has stepped aside.
#[derive(Debug)]
struct Aside {
    from: PathBuf,
    to: PathBuf,
    handed_on: Vec<&'static str>,
}

/// Groups that bound whoever is in them, one a hierarchy.
#[derive(Debug)]
pub(super) struct Groups<T: Tree> {
    tree: T,
    layer: Layer,
    all: Vec<Group>,
    aside: Option<Aside>,
}

impl<T: Tree> Groups<T> {
    /// Makes them, and removes those of daemons that are gone. Nothing is left behind when it fails.
    ///
    /// # Errors
    /// [`GroupError`], and something else must bound.
    pub(super) fn make(tree: T, machine: &Machine, wanted: Wanted) -> Result<Self, GroupError> {
        let places = Places::read(&machine.cgroup, &machine.mounts);
        let controllers = wanted.controllers();
        let (layer, own) = choose(&tree, &places, &controllers)?;
        let mut groups = Self {
            tree,
            layer,
            all: Vec::new(),
            aside: None,
        };
        let made = groups.fill(machine, wanted, &controllers, own);
        if made.is_err() {
            groups.release();
        }
        made.map(|()| groups)
    }

    fn fill(
        &mut self,
        machine: &Machine,
        wanted: Wanted,
        controllers: &[&'static str],
        own: Vec<PathBuf>,
    ) -> Result<(), GroupError> {
        for (controller, place) in controllers.iter().zip(&own) {
            self.sweep(place, machine);
            let limits = wanted.limits_of(self.layer, controller);
            let beside = |group: &&mut Group| group.folder.parent() == Some(place);
            // A process is in one group of a hierarchy, which then has all limits that belong there.
            if let Some(group) = self.all.iter_mut().find(beside) {
                group.limits.extend(limits);
                continue;
            }
            if self.layer == Layer::CgroupV2 {
                self.hand_on(place, controllers, machine.pid)?;
            }
            let folder = self.claim(place, machine.pid)?;
            self.all.push(Group { folder, limits });
        }
        for group in &self.all {
            self.limit(group)?;
        }
        Ok(())
    }

    /// Makes a folder that nobody has.
    fn claim(&self, place: &Path, pid: u32) -> Result<PathBuf, GroupError> {
        for number in 0..GROUPS_MAX {
            let folder = place.join(format!("{PREFIX}{pid}-{number}"));
            match self.tree.make(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.map_err(denied(&folder)).map(|()| folder),
            }
        }
        let full = io::Error::other("too many groups of this daemon are there already");
        Err(denied(place)(full))
    }

    fn limit(&self, group: &Group) -> Result<(), GroupError> {
        for limit in &group.limits {
            let path = group.folder.join(limit.file);
            match self.tree.write(&path, &limit.value) {
                Err(_) if !limit.is_needed => {}
                written => written.map_err(denied(&path))?,
            }
        }
        Ok(())
    }

    /// Removes groups of daemons that are gone. One that has members yet, or that is not ours to remove, stays.
    fn sweep(&self, place: &Path, machine: &Machine) {
        let Ok(names) = self.tree.names(place) else {
            return;
        };
        for name in names {
            let pid = name
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.split('-').next());
            let is_stale = pid
                .and_then(|pid| pid.parse().ok())
                .is_some_and(|pid| pid != machine.pid && !(machine.is_alive)(pid));
            if is_stale {
                self.tree.remove(&place.join(name)).ok();
            }
        }
    }

    /// Has `place` give its controllers to the groups below it.
    fn hand_on(
        &mut self,
        place: &Path,
        controllers: &[&'static str],
        pid: u32,
    ) -> Result<(), GroupError> {
        let file = place.join(HANDED_ON);
        let given = self.tree.read(&file).map_err(denied(&file))?;
        if has_all(&given, controllers) {
            return Ok(());
        }
        let order = signed('+', controllers);
        match self.tree.write(&file, &order) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {}
            written => return written.map_err(denied(&file)),
        }
        if self.members(place) != [pid] {
            return Err(GroupError::Shared(place.to_owned()));
        }
        let to = place.join(format!("{PREFIX}{pid}-daemon"));
        self.tree.make(&to).map_err(denied(&to))?;
        self.aside = Some(Aside {
            from: place.to_owned(),
            to: to.clone(),
            handed_on: controllers.to_vec(),
        });
        let members = to.join(MEMBERS);
        let moved = self.tree.write(&members, &pid.to_string());
        moved.map_err(denied(&members))?;
        self.tree.write(&file, &order).map_err(denied(&file))
    }

    fn members(&self, folder: &Path) -> Vec<u32> {
        let text = self.tree.read(&folder.join(MEMBERS)).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// What these groups are.
    pub(super) fn layer(&self) -> Layer {
        self.layer
    }

    /// Puts a process into them.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn admit(&self, pid: u32) -> io::Result<()> {
        let pid = pid.to_string();
        for group in &self.all {
            let members = group.folder.join(MEMBERS);
            match self.tree.write(&members, &pid) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // Whoever tidies up takes a group without members for one that nobody needs.
                    self.tree.make(&group.folder)?;
                    self.limit(group).map_err(io::Error::other)?;
                    self.tree.write(&members, &pid)?;
                }
                written => written?,
            }
        }
        Ok(())
    }

    /// Processes that the kernel ended in them for want of memory.
    pub(super) fn kills(&self) -> u64 {
        let file = match self.layer {
            Layer::CgroupV2 => "memory.events",
            Layer::CgroupV1 | Layer::Rlimits => "memory.oom_control",
        };
        let counted = self.all.iter().filter_map(|group| {
            let text = self.tree.read(&group.folder.join(file)).ok()?;
            let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
            count?.trim().parse::<u64>().ok()
        });
        counted.sum()
    }

    /// Removes them, and takes the daemon back to where it was; whether nothing is left.
    pub(super) fn release(&self) -> bool {
        let gone = |folder: &Path| match self.tree.remove(folder) {
            Err(error) => error.kind() == io::ErrorKind::NotFound,
            Ok(()) => true,
        };
        let mut is_clear = true;
        for group in &self.all {
            is_clear &= gone(&group.folder);
        }
        if let Some(aside) = self.aside.as_ref().filter(|_| is_clear) {
            // A group has controllers to hand on or members. What cannot be moved back stays where it is, and the
            // group with it until it ends.
            let order = signed('-', &aside.handed_on);
            self.tree.write(&aside.from.join(HANDED_ON), &order).ok();
            for pid in self.members(&aside.to) {
                let pid = pid.to_string();
                self.tree.write(&aside.from.join(MEMBERS), &pid).ok();
            }
            is_clear = gone(&aside.to);
        }
        is_clear
    }
}

/// Which version has what is wanted, and where each controller's own group is.
fn choose(
    tree: &impl Tree,
    places: &Places,
    controllers: &[&str],
) -> Result<(Layer, Vec<PathBuf>), GroupError> {
    if let Some(place) = &places.two {
        let there = tree.read(&place.join("cgroup.controllers"));
        if has_all(&there.unwrap_or_default(), controllers) {
            return Ok((Layer::CgroupV2, vec![place.clone(); controllers.len()]));
        }
    }
    let one = controllers.iter().map(|one| places.one.get(*one).cloned());
    match one.collect::<Option<Vec<PathBuf>>>() {
        Some(places) if !places.is_empty() => Ok((Layer::CgroupV1, places)),
        Some(_) | None => Err(GroupError::NotThere {
            wanted: controllers.join(" and "),
        }),
    }
}

fn has_all(listed: &str, wanted: &[&str]) -> bool {
    let listed: Vec<&str> = listed.split_whitespace().collect();
    wanted.iter().all(|one| listed.contains(one))
}

/// An order to hand controllers on, or no longer.
fn signed(sign: char, controllers: &[&str]) -> String {
    let each = controllers.iter().map(|one| format!("{sign}{one}"));
    each.collect::<Vec<_>>().join(" ")
}
