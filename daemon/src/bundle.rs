//! Bundles: a receipt with everything it hashes, as tar.zst with `receipt.json` first.
//!
//! A bundle comes from a stranger: sizes are bounded before anything is kept, names are checked as paths inside
//! the snapshot, and nothing is believed before signature and hashes have been compared.

use std::io::Read;

use edgecoder_protocol::{
    Execution, FileTree, Program, Receipt, RelPath, canonical, cases,
    execution::{FILES_COUNT_MAX, FILES_MAX, Limits, SuiteKind, TestOrigin},
    ids::Hash,
    operator::BODY_MAX,
    receipt::{ReceiptError, RunKind},
};
use serde::{Deserialize, Serialize};

use crate::executor::all_held_out;

/// Bytes of a bundle after decompression: what one request can hold, a tar header and padding for each file, and
/// the receipt with ten thousand results.
const UNPACKED_MAX: u64 = BODY_MAX as u64 + (FILES_COUNT_MAX as u64) * 1_024 + (16 << 20);
/// Value of the recipe's `schema` field.
const RECIPE: &str = "edgecoder/recipe/1";
/// Begins the last frame: one that zstd skips, 32 bytes long.
const SEAL: [u8; 8] = [0x5e, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];
const SEAL_LEN: usize = SEAL.len() + 32;
/// Small bundles are written often and read rarely: speed before size.
const ZSTD_LEVEL: i32 = 1;

/// Why a bundle cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Not a tar.zst, or a truncated one.
    #[error("the bundle cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// More bytes or files than any bundle of ours.
    #[error("the bundle is larger than {} MiB, or holds too many files", BODY_MAX >> 20)]
    TooLarge,
    /// A part is missing or not what it should be.
    #[error("the bundle is malformed: {0}")]
    Malformed(String),
    /// The receipt does not hold.
    #[error("the bundle's receipt is not to be believed: {0}")]
    Receipt(#[from] ReceiptError),
    /// The content is not what the receipt names.
    #[error("the bundle's {field} is not what its receipt names: it was changed")]
    Content {
        /// The field of the receipt's body.
        field: &'static str,
    },
}

/// What is run, beside files, standard input and receipt.
#[derive(Serialize, Deserialize)]
struct Recipe {
    schema: String,
    kind: RunKind,
    entry: Option<RelPath>,
    tests: Option<RelPath>,
    origin: Option<TestOrigin>,
    seed: u64,
    limits: Limits,
}

/// Writes the bundle of `execution` and its signed `receipt`.
///
/// # Errors
/// Only those of a writer into memory.
pub fn write(execution: &Execution, receipt: &Receipt) -> Result<Vec<u8>, BundleError> {
    let encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    let mut tar = tar::Builder::new(encoder);
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // No clock: the same run gives the same bytes.
        header.set_mtime(0);
        tar.append_data(&mut header, name, bytes)
    };
    let json = |value: serde_json::Result<Vec<u8>>| {
        value.map_err(|e| BundleError::Malformed(e.to_string()))
    };
    add("receipt.json", &json(serde_json::to_vec_pretty(receipt))?)?;
    let (recipe, cases) = recipe(execution);
    add("recipe.json", &json(serde_json::to_vec_pretty(&recipe))?)?;
    if let Some(cases) = cases {
        add("cases.json", cases.as_bytes())?;
    }
    add("stdin", &execution.stdin)?;
    for (path, content) in &execution.files.0 {
        add(&format!("files/{path}"), content)?;
    }
    Ok(seal(tar.into_inner()?.finish()?))
}

/// Appends the hash of all bytes, as a frame that every reader of zstd skips: compression has bits that change
/// nothing of the content, and a bundle shall be noticed to be changed whatever bit it was.
fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let hash = Hash::of(&bytes);
    bytes.extend_from_slice(&SEAL);
    bytes.extend_from_slice(&hash.0);
    bytes
}

/// The bytes before the seal. A bundle that somebody packed by other means has none; then nothing may follow its
/// one frame, so that a seal with a changed bit is not taken for none.
fn unsealed(bytes: &[u8]) -> Result<&[u8], BundleError> {
    let changed = |why: &str| Err(BundleError::Malformed(why.to_owned()));
    if let Some((before, last)) = bytes.split_last_chunk::<SEAL_LEN>()
        && last.starts_with(&SEAL)
    {
        return if last[SEAL.len()..] == Hash::of(before).0 {
            Ok(before)
        } else {
            changed("its checksum does not hold: it was changed or damaged")
        };
    }
    match zstd::zstd_safe::find_frame_compressed_size(bytes) {
        Ok(size) if size == bytes.len() => Ok(bytes),
        Ok(_) => changed("bytes follow its content"),
        Err(_) => changed("it is no zstd archive, or was cut"),
    }
}

fn recipe(execution: &Execution) -> (Recipe, Option<String>) {
    let (seed, limits) = (execution.seed, execution.limits);
    let make = |kind, entry, tests, origin| Recipe {
        schema: RECIPE.to_owned(),
        kind,
        entry,
        tests,
        origin,
        seed,
        limits,
    };
    match &execution.program {
        Program::Script { entry } => (make(RunKind::Script, Some(entry.clone()), None, None), None),
        Program::Suite {
            kind,
            solution,
            tests,
            origin,
        } => {
            let tests = Some(tests.clone());
            (
                make(RunKind::from(*kind), solution.clone(), tests, Some(*origin)),
                None,
            )
        }
        Program::Cases {
            solution,
            cases,
            origin,
        } => {
            let recipe = make(RunKind::Cases, Some(solution.clone()), None, Some(*origin));
            (recipe, Some(cases::write(cases)))
        }
    }
}

/// Reads a bundle and checks that its content is what its receipt names.
///
/// # Errors
/// [`BundleError`]; nothing of it may then be run.
pub fn read(bytes: &[u8]) -> Result<(Execution, Receipt), BundleError> {
    if bytes.len() > BODY_MAX {
        return Err(BundleError::TooLarge);
    }
    let mut parts = Parts::default();
    let decoder = zstd::Decoder::new(unsealed(bytes)?)?;
    // One byte beyond the limit tells a bomb from a bundle of just that size.
    let mut tar = tar::Archive::new(decoder.take(UNPACKED_MAX + 1));
    for entry in tar.entries()? {
        let mut entry = entry?;
        let name = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| BundleError::Malformed("a file name is not UTF-8".into()))?;
        if !entry.header().entry_type().is_file() {
            return Err(BundleError::Malformed(format!(
                "{name:?} is not a plain file"
            )));
        }
        if entry.size() > FILES_MAX.0 || parts.files.0.len() >= FILES_COUNT_MAX {
            return Err(BundleError::TooLarge);
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        parts.add(&name, content)?;
    }
    // What follows the last entry is read too: damage there is damage.
    std::io::copy(&mut tar.into_inner(), &mut std::io::sink())?;
    let (execution, receipt) = parts.finish()?;
    receipt.check()?;
    check_content(&execution, &receipt)?;
    Ok((execution, receipt))
}

#[derive(Default)]
struct Parts {
    receipt: Option<Receipt>,
    recipe: Option<Recipe>,
    cases: Option<String>,
    stdin: Option<Vec<u8>>,
    files: FileTree,
}

impl Parts {
    fn add(&mut self, name: &str, content: Vec<u8>) -> Result<(), BundleError> {
        let malformed =
            |why: &dyn std::fmt::Display| BundleError::Malformed(format!("{name}: {why}"));
        let first = self.receipt.is_none();
        let fresh = match name {
            "receipt.json" => {
                let receipt =
                    serde_json::from_slice(&content).map_err(|error| malformed(&error))?;
                self.receipt.replace(receipt).is_none()
            }
            _ if first => return Err(malformed(&"`receipt.json` must come first")),
            "recipe.json" => {
                let recipe = serde_json::from_slice(&content).map_err(|error| malformed(&error))?;
                self.recipe.replace(recipe).is_none()
            }
            "cases.json" => {
                let text = String::from_utf8(content).map_err(|error| malformed(&error))?;
                self.cases.replace(text).is_none()
            }
            "stdin" => self.stdin.replace(content).is_none(),
            _ => {
                let path = name
                    .strip_prefix("files/")
                    .ok_or_else(|| malformed(&"unexpected file"))?;
                let path = RelPath::new(path).map_err(|error| malformed(&error))?;
                self.files.0.insert(path, content).is_none()
            }
        };
        if fresh {
            Ok(())
        } else {
            Err(malformed(&"it is there twice"))
        }
    }

    fn finish(self) -> Result<(Execution, Receipt), BundleError> {
        let missing = |name: &str| BundleError::Malformed(format!("`{name}` is missing"));
        let recipe = self.recipe.ok_or_else(|| missing("recipe.json"))?;
        if recipe.schema != RECIPE {
            let found: String = recipe.schema.chars().take(80).collect();
            return Err(BundleError::Malformed(format!(
                "recipe.json has the schema {found:?}, not {RECIPE:?}"
            )));
        }
        let entry = recipe.entry;
        let need = |value: Option<RelPath>, name: &str| value.ok_or_else(|| missing(name));
        let origin = || recipe.origin.ok_or_else(|| missing("origin"));
        let suite = |kind| -> Result<Program, BundleError> {
            let tests = need(recipe.tests.clone(), "tests")?;
            Ok(Program::Suite {
                kind,
                solution: entry.clone(),
                tests,
                origin: origin()?,
            })
        };
        let program = match recipe.kind {
            RunKind::Script => Program::Script {
                entry: need(entry, "entry")?,
            },
            RunKind::Unittest => suite(SuiteKind::Unittest)?,
            RunKind::Asserts => suite(SuiteKind::Asserts)?,
            RunKind::Cases => {
                let text = self.cases.ok_or_else(|| missing("cases.json"))?;
                let cases =
                    cases::read(&text).map_err(|e| BundleError::Malformed(e.to_string()))?;
                let origin = origin()?;
                if (origin == TestOrigin::HeldOut) != all_held_out(&cases) {
                    let why = "its cases and their origin contradict each other";
                    return Err(BundleError::Malformed(why.into()));
                }
                let solution = need(entry, "entry")?;
                Program::Cases {
                    solution,
                    cases,
                    origin,
                }
            }
        };
        let receipt = self.receipt.ok_or_else(|| missing("receipt.json"))?;
        let stdin = self.stdin.unwrap_or_default();
        let (seed, limits) = (recipe.seed, recipe.limits);
        Ok((
            Execution {
                files: self.files,
                program,
                stdin,
                seed,
                limits,
            },
            receipt,
        ))
    }
}

/// Compares what the receipt names of its inputs; the rest is compared by running it.
///
/// # Errors
/// [`BundleError::Content`] naming what differs.
pub fn check_content(execution: &Execution, receipt: &Receipt) -> Result<(), BundleError> {
    let body = &receipt.body;
    let same = [
        (
            "snapshot",
            canonical::hash(&execution.files) == body.snapshot,
        ),
        ("stdin", Hash::of(&execution.stdin) == body.stdin),
        ("limits", execution.limits == body.limits),
        ("seed", execution.seed == body.seed),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((field, _)) => Err(BundleError::Content { field }),
        None => Ok(()),
    }
}
