//! What is decided, as tables; and groups, made in a double of the kernel's file system.
//!
//! The double stands in for a hierarchy of version 2 with the controllers `cpu` and `memory`, which a machine that
//! runs version 1 cannot have at the same time: a folder that is made has its files at once, is removed with them
//! though not with members or folders in it, takes a process out of where it was, and hands no controllers on while it
//! has members (cgroups(7); the last was seen on a kernel 6.18, with the one controller that was free there).

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
};

use edgecoder_protocol::Bytes;

use super::{
    Bounds, InForce, Layer, Machine, OwnLimits,
    group::{GroupError, Groups, Tree, Wanted},
    place::Places,
};

const MIB: u64 = 1 << 20;

fn bounds(cpu_percent: u32, mib: Option<u64>) -> Bounds {
    Bounds {
        cpu_percent,
        memory: mib.map(|mib| Bytes(mib * MIB)),
    }
}

#[test]
fn a_share_is_worth_so_many_children_and_so_much_to_each() {
    for (cpu, mib, threads, cores, children, quota, each) in [
        (25, None, 2, 2, 1, Some(50_000), None),
        (50, None, 2, 2, 1, Some(100_000), None),
        (51, None, 2, 2, 2, Some(102_000), None),
        (1, None, 1, 1, 1, Some(1_000), None),
        (25, None, 16, 16, 4, Some(400_000), None),
        (25, None, 2, 16, 2, Some(400_000), None),
        (100, Some(1_024), 4, 4, 4, None, Some(256)),
        (100, Some(300), 4, 4, 2, None, Some(150)),
        (100, Some(128), 4, 4, 1, None, Some(128)),
        // Never none: the settings refuse so little, and one child tells what is wrong.
        (100, Some(1), 4, 4, 1, None, Some(1)),
        (50, Some(1_024), 4, 4, 2, Some(200_000), Some(512)),
    ] {
        let bounds = bounds(cpu, mib);
        let row = format!("{cpu} % and {mib:?} MiB, {threads} on {cores}");
        assert_eq!(bounds.children(threads, cores), children, "{row}");
        let wanted = Wanted {
            quota: quota.map(|quota| (quota, 100_000)),
            memory: mib.map(|mib| mib * MIB),
        };
        assert_eq!(bounds.wanted(cores), wanted, "{row}");
        let own = OwnLimits {
            data_max: each.map(|mib| mib * MIB),
            yields: cpu < 100,
        };
        assert_eq!(bounds.own(children), own, "{row}");
    }
    assert!(Bounds::default().are_none());
    assert!(!bounds(99, None).are_none() && !bounds(100, Some(512)).are_none());
}

#[test]
fn what_is_in_force_says_what_it_guarantees() {
    let said = |layer, cpu, mib, children| {
        let bounds = bounds(cpu, mib);
        let in_force = InForce {
            bounds,
            layer,
            children,
            cores: 4,
        };
        in_force.to_string()
    };
    for (layer, cpu, mib, children, wanted) in [
        (
            Layer::CgroupV2,
            25,
            None,
            1,
            "25 % of 4 processors together",
        ),
        (
            Layer::CgroupV1,
            25,
            Some(512),
            1,
            "25 % of 4 processors together, 512 MiB of memory together",
        ),
        (
            Layer::Rlimits,
            30,
            Some(512),
            2,
            "2 of 4 processors at most, at niceness 19, 256 MiB of writable memory for each of 2 at once",
        ),
        (
            Layer::Rlimits,
            100,
            Some(512),
            4,
            "128 MiB of writable memory for each of 4 at once",
        ),
    ] {
        assert_eq!(said(layer, cpu, mib, children), wanted);
    }
}

const ONE: &str = "\
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 /box /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
const TWO: &str =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

#[test]
fn own_groups_are_found_in_what_the_kernel_says() {
    let places = |two: Option<&str>, one: &[(&str, &str)]| Places {
        two: two.map(PathBuf::from),
        one: one
            .iter()
            .map(|(name, path)| ((*name).to_owned(), PathBuf::from(path)))
            .collect(),
    };
    for (cgroup, mounts, wanted) in [
        (
            "0::/user.slice/a.service\n",
            TWO,
            places(Some("/sys/fs/cgroup/user.slice/a.service"), &[]),
        ),
        (
            "4:memory:/box/inner\n1:cpu,cpuacct:/\n0::/\n",
            ONE,
            places(
                Some("/sys/fs/cgroup/unified"),
                &[
                    ("cpu", "/sys/fs/cgroup/cpu"),
                    ("cpuacct", "/sys/fs/cgroup/cpu"),
                    ("memory", "/sys/fs/cgroup/memory/inner"),
                ],
            ),
        ),
        // Out of sight: above a namespace's root, beside what is mounted, not mounted, or no line at all.
        ("0::/../../a\n", TWO, places(None, &[])),
        ("4:memory:/other\n", ONE, places(None, &[])),
        ("7:pids:/\n", ONE, places(None, &[])),
        ("nonsense\n", "nonsense\n", places(None, &[])),
    ] {
        assert_eq!(Places::read(cgroup, mounts), wanted, "{cgroup}");
    }
}

#[derive(Default)]
struct Folder {
    files: BTreeMap<String, String>,
    members: BTreeSet<u32>,
}

impl Folder {
    /// What the group above hands on. The file of swap is left out: a kernel without it has none.
    fn give(&mut self, controllers: &str) {
        self.files
            .insert("cgroup.controllers".into(), controllers.into());
        for (controller, file, text) in [
            ("cpu", "cpu.max", "max"),
            ("memory", "memory.max", "max"),
            ("memory", "memory.events", "oom 3\noom_kill 2\n"),
        ] {
            if controllers.contains(controller) {
                self.files.insert(file.into(), text.into());
            }
        }
    }
}

/// Groups by path, as they would be below `/sys/fs/cgroup`.
#[derive(Default)]
struct Double(Mutex<BTreeMap<PathBuf, Folder>>);

impl Double {
    /// A group of the system's: which controllers it has, which it hands on, who is in it.
    fn with(self, path: &str, controllers: &str, handed_on: &str, members: &[u32]) -> Self {
        let folder = Folder {
            files: BTreeMap::from([
                ("cgroup.controllers".into(), controllers.into()),
                ("cgroup.subtree_control".into(), handed_on.into()),
            ]),
            members: members.iter().copied().collect(),
        };
        self.lock().insert(path.into(), folder);
        self
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Folder>> {
        self.0.lock().unwrap()
    }

    /// Every group with its members and what was written into it.
    fn shown(&self) -> String {
        let line = |(path, folder): (&PathBuf, &Folder)| {
            let files = folder.files.iter();
            let set: Vec<String> = files
                .filter(|(name, _)| !name.starts_with("cgroup."))
                .map(|(name, text)| format!(" {name}={text}"))
                .collect();
            format!("{} {:?}{}", path.display(), folder.members, set.concat())
        };
        self.lock().iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn parts(path: &Path) -> (PathBuf, String) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    (path.parent().unwrap().to_owned(), name)
}

impl Tree for &Double {
    fn read(&self, path: &Path) -> io::Result<String> {
        let (folder, name) = parts(path);
        let all = self.lock();
        let folder = all.get(&folder).ok_or_else(missing)?;
        if name == "cgroup.procs" {
            return Ok(folder
                .members
                .iter()
                .map(|pid| format!("{pid}\n"))
                .collect());
        }
        folder.files.get(&name).cloned().ok_or_else(missing)
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        let (folder, name) = parts(path);
        let mut all = self.lock();
        let found = all.get_mut(&folder).ok_or_else(missing)?;
        match name.as_str() {
            "cgroup.procs" => {
                let pid = text.parse().unwrap();
                for other in all.values_mut() {
                    other.members.remove(&pid);
                }
                all.get_mut(&folder).unwrap().members.insert(pid);
            }
            "cgroup.subtree_control" => {
                if text.starts_with('+') && !found.members.is_empty() {
                    return Err(io::ErrorKind::ResourceBusy.into());
                }
                // An order to take back names all that was given.
                let kept = match text.starts_with('+') {
                    true => text.replace('+', ""),
                    false => String::new(),
                };
                found.files.insert(name, kept.clone());
                let below = |(path, _): &(&PathBuf, &mut Folder)| path.parent() == Some(&folder);
                all.iter_mut()
                    .filter(below)
                    .for_each(|(_, one)| one.give(&kept));
            }
            _ => {
                *found.files.get_mut(&name).ok_or_else(missing)? = text.to_owned();
            }
        }
        Ok(())
    }

    fn make(&self, path: &Path) -> io::Result<()> {
        let mut all = self.lock();
        if all.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let above = all.get(path.parent().unwrap()).ok_or_else(missing)?;
        let given = above.files["cgroup.subtree_control"].clone();
        let own = ("cgroup.subtree_control".to_owned(), String::new());
        let files = BTreeMap::from([own]);
        let members = BTreeSet::new();
        let mut folder = Folder { files, members };
        folder.give(&given);
        all.insert(path.to_owned(), folder);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut all = self.lock();
        let is_above = all.keys().any(|other| other.parent() == Some(path));
        match all.get(path) {
            None => return Err(missing()),
            Some(folder) if is_above || !folder.members.is_empty() => {
                return Err(io::ErrorKind::ResourceBusy.into());
            }
            Some(_) => {}
        }
        all.remove(path);
        Ok(())
    }

    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        let all = self.lock();
        let below = all.keys().filter(|other| other.parent() == Some(path));
        Ok(below.map(|other| parts(other).1).collect())
    }
}

/// The daemon is process 7; processes below 100 live.
fn machine(cgroup: &str) -> Machine {
    Machine {
        cgroup: cgroup.into(),
        mounts: TWO.into(),
        pid: 7,
        is_alive: |pid| pid < 100,
    }
}

const WANTED: Wanted = Wanted {
    quota: Some((50_000, 100_000)),
    memory: Some(512 * MIB),
};

#[test]
fn a_daemon_alone_in_its_group_steps_aside_and_back() {
    let tree = Double::default().with("/sys/fs/cgroup/a", "cpu memory pids", "", &[7]);
    let groups = Groups::make(&tree, &machine("0::/a\n"), WANTED).unwrap();
    assert_eq!(groups.layer(), Layer::CgroupV2);
    groups.admit(50).unwrap();
    let count = "memory.events=oom 3\noom_kill 2\n";
    let held = format!(
        "/sys/fs/cgroup/a {{}}\n\
         /sys/fs/cgroup/a/edgecoder-7-0 {{50}} cpu.max=50000 100000 {count} memory.max=536870912\n\
         /sys/fs/cgroup/a/edgecoder-7-daemon {{7}} cpu.max=max {count} memory.max=max"
    );
    assert_eq!(tree.shown(), held);
    assert_eq!(groups.kills(), 2);
    assert!(!groups.release(), "a child is in it");
    tree.lock().values_mut().for_each(|one| {
        one.members.remove(&50);
    });
    assert!(groups.release());
    assert_eq!(tree.shown(), "/sys/fs/cgroup/a {7}");
    assert!(groups.release(), "again is no harm");
}

#[test]
fn a_group_that_hands_on_already_is_left_as_it_is() {
    let tree = Double::default().with("/sys/fs/cgroup/a", "cpu memory", "cpu memory", &[7, 8]);
    let groups = Groups::make(&tree, &machine("0::/a\n"), WANTED).unwrap();
    let second = Groups::make(&tree, &machine("0::/a\n"), WANTED).unwrap();
    let shown = tree.shown();
    for wanted in ["/a {7, 8}\n", "edgecoder-7-0 {}", "edgecoder-7-1 {}"] {
        assert!(shown.contains(wanted), "{shown}");
    }
    // Somebody tidied up: it is made again, with its limits.
    tree.lock()
        .remove(Path::new("/sys/fs/cgroup/a/edgecoder-7-1"));
    second.admit(50).unwrap();
    assert!(tree.shown().contains("edgecoder-7-1 {50} cpu.max=50000"));
    drop(groups);
}

#[test]
fn what_cannot_be_had_is_refused_with_a_reason_and_leaves_nothing() {
    let shared = Double::default().with("/sys/fs/cgroup/a", "cpu memory", "", &[7, 8]);
    let refused = Groups::make(&shared, &machine("0::/a\n"), WANTED);
    assert!(matches!(refused.err(), Some(GroupError::Shared(_))));
    assert_eq!(shared.shown(), "/sys/fs/cgroup/a {7, 8}");
    // It says that it hands on what it has not: no folder of ours can be given a limit.
    let broken = Double::default().with("/sys/fs/cgroup/a", "cpu memory", "pids", &[]);
    broken
        .lock()
        .get_mut(Path::new("/sys/fs/cgroup/a"))
        .unwrap()
        .files
        .remove("cgroup.subtree_control");
    let refused = Groups::make(&broken, &machine("0::/a\n"), WANTED)
        .err()
        .unwrap();
    assert!(matches!(refused, GroupError::Denied { .. }), "{refused}");
    assert!(refused.next().contains("Delegate=yes"));
    assert_eq!(broken.shown(), "/sys/fs/cgroup/a {}");
    for (cgroup, controllers) in [("0::/a\n", "cpu pids"), ("0::/b\n", "cpu memory"), ("", "")] {
        let tree = Double::default().with("/sys/fs/cgroup/a", controllers, "", &[7]);
        let refused = Groups::make(&tree, &machine(cgroup), WANTED);
        assert!(matches!(refused.err(), Some(GroupError::NotThere { .. })));
    }
}

#[test]
fn groups_of_daemons_that_are_gone_are_removed_and_no_others() {
    let tree = Double::default().with("/sys/fs/cgroup/a", "cpu memory", "cpu memory", &[7]);
    for (name, members) in [
        ("edgecoder-100-0", &[][..]),
        ("edgecoder-100-daemon", &[]),
        ("edgecoder-101-0", &[55]),
        ("edgecoder-8-0", &[]),
        ("edgecoder-x", &[]),
        ("other", &[]),
    ] {
        let path = format!("/sys/fs/cgroup/a/{name}");
        (&tree).make(Path::new(&path)).unwrap();
        let mut all = tree.lock();
        all.get_mut(Path::new(&path)).unwrap().members = members.iter().copied().collect();
    }
    let groups = Groups::make(&tree, &machine("0::/a\n"), WANTED).unwrap();
    assert!(groups.release());
    let names = (&&tree).names(Path::new("/sys/fs/cgroup/a")).unwrap();
    assert_eq!(
        names,
        ["edgecoder-101-0", "edgecoder-8-0", "edgecoder-x", "other"]
    );
}
