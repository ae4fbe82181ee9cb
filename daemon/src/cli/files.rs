//! Reading the user's files into a snapshot.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use edgecoder_protocol::{
    Limits, RelPath,
    execution::{FILES_COUNT_MAX, FILES_MAX, SuiteKind},
    operator::{Blob, Files, TestSet},
    units::{Bytes, Fuel},
};

use super::{
    args::LimitFlags,
    asserts,
    failure::{Failure, USAGE},
};

/// What standard input is called where a file's name would stand.
const STDIN: &str = "standard input";
/// Folders that hold no input: version control and caches.
const SKIPPED: [&str; 5] = [
    ".git",
    "__pycache__",
    ".venv",
    "node_modules",
    ".pytest_cache",
];

/// Reads one file of at most [`FILES_MAX`].
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_up_to(path, FILES_MAX.0)
}

/// Reads one file of at most `max` bytes.
pub fn read_up_to(path: &Path, max: u64) -> Result<Vec<u8>, Failure> {
    let fail = |error: io::Error| Failure::file("read", path, &error);
    let metadata = fs::metadata(path).map_err(fail)?;
    if metadata.is_dir() {
        return Err(Failure::new(
            USAGE,
            format!("{} is a folder", path.display()),
            "name a file",
        ));
    }
    if metadata.len() > max {
        return Err(too_large(path, max));
    }
    bounded(fs::File::open(path).map_err(fail)?, path, max)
}

/// Reads standard input to its end, of at most [`FILES_MAX`].
pub fn read_stdin() -> Result<Vec<u8>, Failure> {
    bounded(io::stdin(), Path::new(STDIN), FILES_MAX.0)
}

/// Reads to the end. The limit again: a device, a pipe or a growing file has no honest length.
fn bounded(from: impl Read, path: &Path, max: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    from.take(max + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::file("read", path, &error))?;
    if bytes.len() as u64 > max {
        Err(too_large(path, max))
    } else {
        Ok(bytes)
    }
}

/// Reads one UTF-8 file.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    text(read(path)?, path)
}

/// Reads standard input as UTF-8 text.
pub fn read_stdin_text() -> Result<String, Failure> {
    text(read_stdin()?, Path::new(STDIN))
}

fn text(bytes: Vec<u8>, path: &Path) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_| {
        Failure::new(
            USAGE,
            format!("{} is not UTF-8 text", path.display()),
            "save it as UTF-8",
        )
    })
}

fn too_large(path: &Path, max: u64) -> Failure {
    let message = format!("{} is larger than {} MiB", path.display(), max >> 20);
    Failure::new(USAGE, message, "give smaller files")
}

/// A snapshot in the making.
#[derive(Debug, Default)]
pub struct Snapshot {
    root: Option<PathBuf>,
    /// The files.
    pub files: Files,
}

impl Snapshot {
    /// The tree under `folder`: links are not followed, version control and caches are left out.
    pub fn of(folder: Option<&Path>) -> Result<Self, Failure> {
        let Some(folder) = folder else {
            return Ok(Self::default());
        };
        let root =
            fs::canonicalize(folder).map_err(|error| Failure::file("read", folder, &error))?;
        let mut snapshot = Self {
            root: Some(root.clone()),
            files: Files::default(),
        };
        let mut size = Bytes(0);
        snapshot.walk(&root, &mut size)?;
        Ok(snapshot)
    }

    fn walk(&mut self, folder: &Path, size: &mut Bytes) -> Result<(), Failure> {
        let fail = |error: io::Error| Failure::file("read", folder, &error);
        let mut entries = fs::read_dir(folder)
            .map_err(fail)?
            .collect::<Result<Vec<_>, _>>()
            .map_err(fail)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, kind) = (entry.path(), entry.file_type().map_err(fail)?);
            if kind.is_dir() {
                if !SKIPPED.contains(&entry.file_name().to_string_lossy().as_ref()) {
                    self.walk(&path, size)?;
                }
            } else if kind.is_file() {
                let content = read(&path)?;
                *size = Bytes(size.0 + content.len() as u64);
                if *size > FILES_MAX || self.files.0.len() >= FILES_COUNT_MAX {
                    let message = format!(
                        "the files are more than {} MiB, or more than {FILES_COUNT_MAX}",
                        FILES_MAX.0 >> 20
                    );
                    return Err(Failure::new(
                        USAGE,
                        message,
                        "name a smaller folder with --files",
                    ));
                }
                let relative = self.relative(&path)?;
                self.files.0.insert(relative, Blob(content));
            }
        }
        Ok(())
    }

    fn relative(&self, path: &Path) -> Result<RelPath, Failure> {
        let inside = self
            .root
            .as_ref()
            .and_then(|root| path.strip_prefix(root).ok());
        let name = inside
            .or_else(|| path.file_name().map(Path::new))
            .unwrap_or(path);
        let text = name.to_str().ok_or_else(|| {
            let message = format!("the name of {} is not UTF-8", path.display());
            Failure::new(USAGE, message, "rename it")
        })?;
        RelPath::new(text).map_err(|error| Failure::new(USAGE, error.to_string(), "rename it"))
    }

    /// Adds a file of the command line: inside the folder it keeps its relative name, outside it goes to the root.
    pub fn add(&mut self, path: &Path) -> Result<RelPath, Failure> {
        let content = read(path)?;
        let full = fs::canonicalize(path).map_err(|error| Failure::file("read", path, &error))?;
        let inside = self
            .root
            .as_ref()
            .is_some_and(|root| full.starts_with(root));
        // Outside, the name is the one typed, not that of what a link points at.
        let name = self.relative(if inside { &full } else { path })?;
        let name = if inside { name } else { self.root_name(&name)? };
        if !inside && self.files.0.get(&name).is_some_and(|old| old.0 != content) {
            let message = format!(
                "{} would replace the file {name} of --files",
                path.display()
            );
            return Err(Failure::new(USAGE, message, "rename one of the two"));
        }
        self.files.0.insert(name.clone(), Blob(content));
        Ok(name)
    }

    /// What code is called that will be written to `out`: inside the folder it is judged where it will lie,
    /// outside it goes to the root.
    pub fn output(&self, out: &Path) -> Result<RelPath, Failure> {
        // Resolved without its last part, which need not be there yet.
        let folder = out.parent().filter(|folder| *folder != Path::new(""));
        let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")));
        let full = match (folder, out.file_name()) {
            (Ok(folder), Some(name)) => folder.join(name),
            _ => out.to_owned(),
        };
        self.relative(&full)
    }

    fn root_name(&self, name: &RelPath) -> Result<RelPath, Failure> {
        RelPath::new(name.file_name())
            .map_err(|error| Failure::new(USAGE, error.to_string(), "rename it"))
    }

    /// The tests of `--tests` or `--cases`; a suite becomes part of the snapshot.
    pub fn tests(
        &mut self,
        tests: Option<&Path>,
        cases: Option<&Path>,
    ) -> Result<Option<TestSet>, Failure> {
        match (cases, tests) {
            (Some(path), _) => Ok(Some(TestSet::Cases(read_text(path)?))),
            (None, Some(path)) => {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                if name.ends_with(".json") {
                    return Ok(Some(TestSet::Cases(read_text(path)?)));
                }
                if !name.ends_with(".py") {
                    let message =
                        format!("{name} is neither cases (*.json) nor Python tests (*.py)");
                    return Err(Failure::new(USAGE, message, "give a .json or .py file"));
                }
                let path = self.add(path)?;
                let kind = SuiteKind::of(&path);
                self.check_tests(&path, kind)?;
                Ok(Some(TestSet::Suite { kind, path }))
            }
            (None, None) => Ok(None),
        }
    }

    /// Refuses a test file that would pass without testing anything.
    fn check_tests(&self, path: &RelPath, kind: SuiteKind) -> Result<(), Failure> {
        let content = self.files.0.get(path).map(|blob| blob.0.as_slice());
        let text = String::from_utf8_lossy(content.unwrap_or_default());
        let refuse = |why: &str, next: String| {
            let message = format!("{path} would test nothing: {why}");
            Err(Failure::new(USAGE, message, next))
        };
        if text.trim().is_empty() {
            return refuse("it is empty", "write the tests into it".into());
        }
        match kind {
            SuiteKind::Asserts if asserts::tests_nothing(&text) => refuse(
                "by its name it is run as plain asserts, and its tests stand in functions or classes",
                format!(
                    "rename it to test_{}, which is run as a suite",
                    path.file_name()
                ),
            ),
            SuiteKind::Asserts | SuiteKind::Unittest => Ok(()),
        }
    }
}

/// The limits that flags give; `None` when none does.
pub fn limits(flags: &LimitFlags) -> Option<Limits> {
    if flags.fuel.is_none() && flags.memory.is_none() && flags.wall.is_none() {
        return None;
    }
    let usual = Limits::default();
    Some(Limits {
        fuel: flags.fuel.map_or(usual.fuel, Fuel),
        memory: flags
            .memory
            .map_or(usual.memory, |mib| Bytes(mib.saturating_mul(1 << 20))),
        wall_ms: flags
            .wall
            .map_or(usual.wall_ms, |seconds| seconds.saturating_mul(1_000)),
        ..usual
    })
}
