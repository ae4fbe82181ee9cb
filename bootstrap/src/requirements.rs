//! What the build needs besides Rust, and whether this machine has it.
//!
//! It looks in the places where the build itself will look; it installs nothing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::invocation::Invocation;

/// Something that cargo does not bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    /// Configures llama.cpp's build.
    Cmake,
    /// Runs it.
    Make,
    /// Compiles it, with the C++ standard library's headers.
    Cxx,
    /// Reads llama.cpp's C header for the Rust binding (bindgen), with the compiler's own headers.
    Libclang,
    /// The peer of a benchmark: the system's own interpreter.
    Python,
    /// Sees every system call of a process, for one acceptance line.
    Strace,
    /// Makes network namespaces, where traffic can be cut.
    Iproute,
    /// Cuts traffic without a word in such a namespace.
    Nftables,
    /// Sees what is sent in such a namespace.
    Tcpdump,
    /// The peer of the council's benchmark.
    Etcd,
}

impl Requirement {
    /// What the build needs, in the order it is shown.
    pub const BUILD: [Self; 4] = [Self::Cmake, Self::Make, Self::Cxx, Self::Libclang];

    /// How it is called on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cmake => "cmake",
            Self::Make => "make",
            Self::Cxx => "C++ compiler",
            Self::Libclang => "libclang",
            Self::Python => "python3",
            Self::Strace => "strace",
            Self::Iproute => "ip",
            Self::Nftables => "nft",
            Self::Tcpdump => "tcpdump",
            Self::Etcd => "etcd",
        }
    }

    /// Where it is, if it is here and works.
    pub fn find(self) -> Option<PathBuf> {
        match self {
            Self::Cmake => program(&env::var("CMAKE").unwrap_or_else(|_| "cmake".to_owned())),
            Self::Make => program("make"),
            Self::Cxx => {
                // The name that the build will call; packages of g++ and of clang++ both provide it.
                let path = program(&env::var("CXX").unwrap_or_else(|_| "c++".to_owned()))?;
                compiles(&path).then_some(path)
            }
            Self::Libclang => libclang(),
            Self::Python => program("/usr/bin/python3"),
            Self::Strace => program("strace"),
            // In folders that are on root's path only, with some distributions.
            Self::Iproute => system_program("ip"),
            Self::Nftables => system_program("nft"),
            Self::Tcpdump => system_program("tcpdump"),
            Self::Etcd => program("etcd"),
        }
    }
}

fn system_program(name: &str) -> Option<PathBuf> {
    let usual = |folder| program(&format!("{folder}/{name}"));
    program(name)
        .or_else(|| usual("/usr/sbin"))
        .or_else(|| usual("/sbin"))
}

fn program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
        .find(|path| path.is_file())
}

/// A compiler without its standard library would only be noticed minutes into the build.
fn compiles(compiler: &Path) -> bool {
    Invocation::at(compiler)
        .args("-fsyntax-only -x c++ -include vector /dev/null")
        .answers(Path::new("/"))
}

fn libclang() -> Option<PathBuf> {
    // As clang-sys searches: this variable alone if it is set, else the usual folders.
    let folders = match env::var_os("LIBCLANG_PATH") {
        Some(path) => {
            let path = PathBuf::from(path);
            match path.parent() {
                Some(parent) if path.is_file() => vec![parent.to_path_buf()],
                _ => vec![path],
            }
        }
        None => library_folders(),
    };
    folders.iter().find_map(|folder| library_in(folder))
}

fn library_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for variable in ["LD_LIBRARY_PATH", "LIBRARY_PATH"] {
        folders.extend(env::var_os(variable).iter().flat_map(env::split_paths));
    }
    let config = Invocation::words("llvm-config --prefix");
    if program("llvm-config").is_some()
        && let Ok(output) = config.capture(Path::new("/"))
        && let Some(prefix) = String::from_utf8_lossy(&output.stdout).lines().next()
    {
        folders.extend(["lib", "lib64"].map(|library| Path::new(prefix).join(library)));
    }
    for apple in [
        "/Library/Developer/CommandLineTools/usr/lib",
        "/usr/local/opt/llvm/lib",
    ] {
        folders.push(PathBuf::from(apple));
    }
    // `/usr/lib*`, `/usr/lib*/*`, `/usr/lib*/*/*` and the same below /usr/local.
    for root in ["/usr", "/usr/local"] {
        let libraries = below(Path::new(root)).into_iter().filter(|path| {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            name.is_some_and(|name| name.starts_with("lib") || name.starts_with("llvm"))
        });
        for library in libraries {
            let children = below(&library);
            folders.push(library);
            folders.extend(children.iter().flat_map(|child| below(child)));
            folders.extend(children);
        }
    }
    folders
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// The library in `folder`, if the compiler's headers came with it. Some distributions ship the bare
/// library for other programs; bindgen then stops at `stddef.h`.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let mut libraries: Vec<PathBuf> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| is_libclang(&name.to_string_lossy()))
        })
        .collect();
    libraries.sort();
    libraries.into_iter().find(|library| {
        let real = fs::canonicalize(library).unwrap_or_else(|_| library.clone());
        let beside = real.parent().map(|parent| parent.join("clang"));
        let elsewhere = ["/usr/lib/clang", "/usr/lib64/clang"].map(PathBuf::from);
        beside.into_iter().chain(elsewhere).any(|headers| {
            below(&headers)
                .iter()
                .any(|version| version.join("include/stddef.h").is_file())
        })
    })
}

/// `libclang.so`, `libclang-14.so.1`, `libclang.dylib`; not `libclang-cpp.so` or `libclangAST.a`.
fn is_libclang(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("libclang") else {
        return false;
    };
    let numbered = rest
        .strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains(".so"));
    numbered || rest == ".so" || rest.starts_with(".so.") || rest == ".dylib"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_c_library_counts_as_libclang() {
        for (name, counts) in [
            ("libclang.so", true),
            ("libclang.so.1", true),
            ("libclang-14.so", true),
            ("libclang-14.so.1", true),
            ("libclang-14.0.6.so", true),
            ("libclang.dylib", true),
            ("libclang-cpp.so.14", false),
            ("libclangAST.a", false),
            ("libclang.a", false),
            ("libc.so", false),
        ] {
            assert_eq!(is_libclang(name), counts, "{name}");
        }
    }
}
