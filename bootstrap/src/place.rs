//! Where things are: the checkout, the build folder shared by all commands, the cache.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folders that every step works with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The checkout.
    pub root: PathBuf,
    /// Where cargo puts what it builds.
    pub target: PathBuf,
    /// Where this program keeps its own outputs and tools.
    pub cache: PathBuf,
}

impl Place {
    /// Reads the environment that cargo gave this program.
    pub fn find() -> Self {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| OsString::from(env!("CARGO_MANIFEST_DIR")));
        Self::from_environment(Path::new(&manifest), |name| std::env::var_os(name))
    }

    /// As [`Place::find`], with the environment as an argument.
    ///
    /// The build folder is the user's own choice if there is one, else a folder in the cache: a second
    /// checkout then finds everything already built.
    fn from_environment(manifest: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| {
            variable(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let root = manifest.parent().unwrap_or(manifest).to_path_buf();
        // XDG Base Directory Specification: a relative path there is invalid and ignored.
        let cache = set("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .map_or_else(|| root.join("target"), |cache| cache.join("edgecoder"));
        let target = set("CARGO_TARGET_DIR")
            .or_else(|| set("CARGO_BUILD_TARGET_DIR"))
            .map_or_else(|| cache.join("target"), |target| root.join(target));
        Self {
            root,
            target,
            cache,
        }
    }

    /// The folder with `edgecoder` and `edgecoderd`.
    pub fn binaries(&self) -> PathBuf {
        self.target.join("debug")
    }

    /// One of our binaries.
    pub fn binary(&self, name: &str) -> PathBuf {
        self.binaries()
            .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(variables: &[(&str, &str)]) -> PathBuf {
        Place::from_environment(Path::new("/src/edgecoder/bootstrap"), |name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.into())
        })
        .target
    }

    #[test]
    fn the_build_folder_is_the_users_choice_or_lies_in_the_cache() {
        let home = ("HOME", "/home/ada");
        let table: [(&[(&str, &str)], &str); 7] = [
            (&[home], "/home/ada/.cache/edgecoder/target"),
            (
                &[home, ("XDG_CACHE_HOME", "/fast")],
                "/fast/edgecoder/target",
            ),
            (
                &[home, ("XDG_CACHE_HOME", "relative")],
                "/home/ada/.cache/edgecoder/target",
            ),
            (&[home, ("CARGO_TARGET_DIR", "/build")], "/build"),
            (
                &[home, ("CARGO_TARGET_DIR", "build")],
                "/src/edgecoder/build",
            ),
            (&[home, ("CARGO_BUILD_TARGET_DIR", "/other")], "/other"),
            (&[], "/src/edgecoder/target/target"),
        ];
        for (variables, expected) in table {
            assert_eq!(target(variables), Path::new(expected), "{variables:?}");
        }
    }
}
