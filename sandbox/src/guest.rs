//! The interpreters, as they are kept in the repository: compressed components pinned by SHA-256.
//!
//! They are not built on the user's machine: `componentize-py` is not reproducible byte for byte, and all
//! nodes must run the same bytes to agree on fuel (`guests/python/build.sh` made them).

#[cfg(feature = "engine")]
use edgecoder_protocol::Hash;

#[cfg(feature = "engine")]
const PYTHON_ZST: &[u8] = include_bytes!("../guests/python/python-3.14.wasm.zst");
const PYTHON_SHA256: &str = include_str!("../guests/python/python-3.14.sha256");

/// More than any guest needs; keeps a damaged archive from filling the memory.
#[cfg(feature = "engine")]
const GUEST_MAX: usize = 128 << 20;

/// An interpreter that programs run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    /// CPython 3.14, pre-initialised.
    Python,
}

impl Guest {
    /// The word in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python-3.14",
        }
    }

    /// SHA-256 of the component, in hexadecimal: what a profile names.
    pub fn sha256(self) -> &'static str {
        match self {
            Self::Python => PYTHON_SHA256.trim_ascii(),
        }
    }
}

/// The bytes, which only the child needs.
#[cfg(feature = "engine")]
impl Guest {
    /// Hash of the compressed bytes in this program, which changes whenever the component does.
    pub fn archive_hash(self) -> Hash {
        match self {
            Self::Python => Hash::of(PYTHON_ZST),
        }
    }

    /// The component itself.
    ///
    /// # Errors
    /// When the embedded archive cannot be decompressed: the program file is damaged.
    pub fn component(self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Python => zstd::bulk::decompress(PYTHON_ZST, GUEST_MAX),
        }
    }
}
