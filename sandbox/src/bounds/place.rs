//! Where in each hierarchy of control groups this process is, from what the kernel says in `/proc/self/cgroup` and
//! `/proc/self/mountinfo` (cgroups(7), proc_pid_mountinfo(5)). Reads two texts; touches nothing.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

/// The folders of this process's own groups.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// In the one hierarchy of version 2.
    pub(super) two: Option<PathBuf>,
    /// In those of version 1, by controller.
    pub(super) one: BTreeMap<String, PathBuf>,
}

impl Places {
    /// Reads both texts. What is malformed, or lies outside what is mounted, is as if it were not there.
    pub(super) fn read(cgroup: &str, mounts: &str) -> Self {
        let mounts: Vec<Mount<'_>> = mounts.lines().filter_map(Mount::read).collect();
        let mut places = Self::default();
        for line in cgroup.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
                continue;
            };
            if controllers.is_empty() {
                let mount = mounts.iter().find(|mount| mount.kind == "cgroup2");
                places.two = mount.and_then(|mount| mount.folder(path));
                continue;
            }
            for controller in controllers.split(',') {
                let mount = mounts.iter().find(|mount| mount.has(controller));
                if let Some(folder) = mount.and_then(|mount| mount.folder(path)) {
                    places.one.insert(controller.to_owned(), folder);
                }
            }
        }
        places
    }
}

/// A line of `mountinfo`.
struct Mount<'a> {
    /// Which part of the file system is mounted.
    root: &'a str,
    at: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn read(line: &'a str) -> Option<Self> {
        // Optional fields stand before the dash, their number varies.
        let (before, after) = line.split_once(" - ")?;
        let (mut before, mut after) = (before.split(' ').skip(3), after.split(' '));
        Some(Self {
            root: before.next()?,
            at: before.next()?,
            kind: after.next()?,
            options: after.nth(1)?,
        })
    }

    fn has(&self, controller: &str) -> bool {
        self.kind == "cgroup" && self.options.split(',').any(|one| one == controller)
    }

    /// The folder of the group that the hierarchy calls `path`.
    fn folder(&self, path: &str) -> Option<PathBuf> {
        let below = Path::new(path).strip_prefix(self.root).ok()?;
        // Above the root of a cgroup namespace a path begins with `/..`: it cannot be reached from here.
        let is_plain = below
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        is_plain.then(|| Path::new(self.at).join(below))
    }
}
