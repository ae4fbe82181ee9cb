//! Reads the header of a GGUF file: for `model show`, and to refuse files that would abort llama.cpp.
//!
//! Layout: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. Every length is checked against
//! what is left of the file before anything is allocated. Tensor data is not looked at.

mod writer;

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

pub use writer::{Kind, Writer};

/// Metadata entries; real files have some dozens.
const ENTRIES_MAX: u64 = 4_096;
/// Tensors; the largest published models have some thousands.
const TENSORS_MAX: u64 = 65_536;
/// Bytes of a key or a tensor's name (the specification allows 65,535 and 64).
const NAME_MAX: u64 = 65_535;
/// Bytes of a text: chat templates reach some tens of thousands.
const TEXT_MAX: u64 = 4 << 20;
/// Elements of an array: vocabularies reach some hundred thousand, merges about as many.
const ARRAY_MAX: u64 = 8 << 20;
/// Layers that llama.cpp has room for are fewer; it aborts on 0 and on very many.
const BLOCKS: std::ops::RangeInclusive<u64> = 1..=1_000;

/// A value of the metadata. Arrays are walked, counted and not kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Any integer type, without sign.
    Unsigned(u64),
    /// Any integer type with sign.
    Signed(i64),
    /// Either float type.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(String),
    /// An array of this many elements.
    Array(u64),
}

/// A tensor's entry in the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Elements in each dimension, fastest first.
    pub shape: Vec<u64>,
    /// ggml's number for the type of its elements.
    pub kind: u32,
}

/// What a file's header says.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// Format version, 2 or 3.
    pub version: u32,
    /// Metadata by key.
    pub metadata: BTreeMap<String, Value>,
    /// Tensors in file order.
    pub tensors: Vec<Tensor>,
}

/// Why a file is no usable GGUF model; reads as a clause after "it cannot be used:".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The file ends inside its header.
    #[error("the file ends inside its header")]
    Truncated,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    /// It is readable but breaks a rule.
    #[error("{0}")]
    Broken(String),
}

impl From<io::Error> for GgufError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            _ => Self::Io(error),
        }
    }
}

fn broken<T>(why: impl Into<String>) -> Result<T, GgufError> {
    Err(GgufError::Broken(why.into()))
}

/// Reads and checks the header of the model at `path`.
///
/// # Errors
/// [`GgufError`] says in words what is wrong.
pub fn read(path: &Path) -> Result<Header, GgufError> {
    // Asked before opening: opening a pipe waits for a writer.
    if !std::fs::metadata(path)?.is_file() {
        return broken("it is not a plain file");
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    if size == 0 {
        return broken("the file is empty");
    }
    let mut reader = Reader {
        // Nothing beyond the file's length can be asked for, whatever its counts say.
        bytes: BufReader::new(file).take(size),
    };
    let header = reader.header()?;
    check(&header)?;
    Ok(header)
}

/// The rules beyond the layout that llama.cpp enforces by ending its process.
fn check(header: &Header) -> Result<(), GgufError> {
    let Some(architecture) = header.text("general.architecture") else {
        return broken("it names no architecture");
    };
    let key = format!("{architecture}.block_count");
    match header.metadata.get(&key) {
        Some(Value::Unsigned(blocks)) if BLOCKS.contains(blocks) => {}
        Some(Value::Unsigned(blocks)) => {
            let (least, most) = (BLOCKS.start(), BLOCKS.end());
            return broken(format!(
                "it claims {blocks} layers ({least} to {most} are possible)"
            ));
        }
        _ => return broken(format!("it has no {key}")),
    }
    if header.tensors.is_empty() {
        return broken("it holds no tensors");
    }
    Ok(())
}

impl Header {
    /// The text under `key`, if it is one.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.metadata.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The number under `key` as a float, if it is one.
    pub fn float(&self, key: &str) -> Option<f64> {
        match self.metadata.get(key) {
            Some(Value::Float(value)) => Some(*value),
            _ => None,
        }
    }

    /// The unsigned number under `key`, if it is one.
    pub fn unsigned(&self, key: &str) -> Option<u64> {
        match self.metadata.get(key) {
            Some(Value::Unsigned(value)) => Some(*value),
            _ => None,
        }
    }

    /// Elements of all tensors.
    pub fn parameters(&self) -> u64 {
        self.tensors.iter().fold(0, |sum: u64, tensor| {
            let elements = tensor.shape.iter().copied().fold(1, u64::saturating_mul);
            sum.saturating_add(elements)
        })
    }
}

struct Reader {
    bytes: io::Take<BufReader<File>>,
}

impl Reader {
    fn header(&mut self) -> Result<Header, GgufError> {
        if &self.take::<4>()? != b"GGUF" {
            return broken("it does not begin as a GGUF file");
        }
        let version = self.u32()?;
        if !(2..=3).contains(&version) {
            return broken(format!("it has GGUF version {version}; 2 and 3 are known"));
        }
        let tensor_count = self.count(TENSORS_MAX, "tensors")?;
        let entries = self.count(ENTRIES_MAX, "metadata entries")?;
        let mut header = Header {
            version,
            ..Header::default()
        };
        for _ in 0..entries {
            let key = self.string(NAME_MAX)?;
            let kind = self.u32()?;
            let value = self.value(kind, &key)?;
            if header.metadata.contains_key(&key) {
                return broken(format!("it gives {key:?} twice"));
            }
            header.metadata.insert(key, value);
        }
        for _ in 0..tensor_count {
            header.tensors.push(self.tensor()?);
        }
        Ok(header)
    }

    fn value(&mut self, kind: u32, key: &str) -> Result<Value, GgufError> {
        Ok(match kind {
            0 => Value::Unsigned(u8::from_le_bytes(self.take()?).into()),
            1 => Value::Signed(i8::from_le_bytes(self.take()?).into()),
            2 => Value::Unsigned(u16::from_le_bytes(self.take()?).into()),
            3 => Value::Signed(i16::from_le_bytes(self.take()?).into()),
            4 => Value::Unsigned(self.u32()?.into()),
            5 => Value::Signed(i32::from_le_bytes(self.take()?).into()),
            6 => Value::Float(f32::from_le_bytes(self.take()?).into()),
            7 => Value::Bool(self.take::<1>()? != [0]),
            8 => Value::Text(self.string(TEXT_MAX)?),
            9 => Value::Array(self.array(key)?),
            10 => Value::Unsigned(self.u64()?),
            11 => Value::Signed(i64::from_le_bytes(self.take()?)),
            12 => Value::Float(f64::from_le_bytes(self.take()?)),
            _ => return broken(format!("{key:?} has the unknown type {kind}")),
        })
    }

    fn array(&mut self, key: &str) -> Result<u64, GgufError> {
        let kind = self.u32()?;
        let length = self.count(ARRAY_MAX, "elements in one array")?;
        if kind == 8 {
            self.texts(length, key == "tokenizer.ggml.tokens")?;
            return Ok(length);
        }
        let width = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            10..=12 => 8,
            _ => return broken(format!("{key:?} is an array of the unknown type {kind}")),
        };
        self.skip(length * width)?;
        Ok(length)
    }

    fn texts(&mut self, length: u64, distinct: bool) -> Result<(), GgufError> {
        let mut seen = HashSet::new();
        for _ in 0..length {
            let size = self.u64()?;
            if !distinct {
                self.skip(size)?;
                continue;
            }
            let word = self.sized(size, NAME_MAX)?;
            // llama.cpp asserts that words and numbers map one to one.
            if !seen.insert(word) {
                return broken("its vocabulary holds the same word twice");
            }
        }
        Ok(())
    }

    fn tensor(&mut self) -> Result<Tensor, GgufError> {
        let name = self.string(NAME_MAX)?;
        let dimensions = self.u32()?;
        if !(1..=4).contains(&dimensions) {
            return broken(format!("tensor {name:?} has {dimensions} dimensions"));
        }
        let shape = (0..dimensions)
            .map(|_| self.u64())
            .collect::<Result<Vec<_>, _>>()?;
        let elements = shape
            .iter()
            .try_fold(1_u64, |product, &side| product.checked_mul(side));
        if elements.is_none_or(|elements| elements == 0 || elements > 1 << 50) {
            return broken(format!(
                "tensor {name:?} has the impossible shape {shape:?}"
            ));
        }
        let kind = self.u32()?;
        let _offset = self.u64()?;
        Ok(Tensor { name, shape, kind })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        let mut bytes = [0; N];
        self.bytes.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, GgufError> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, GgufError> {
        self.take().map(u64::from_le_bytes)
    }

    fn count(&mut self, most: u64, what: &str) -> Result<u64, GgufError> {
        match self.u64()? {
            count if count <= most => Ok(count),
            count => broken(format!(
                "it claims {count} {what} (at most {most} are possible)"
            )),
        }
    }

    fn string(&mut self, most: u64) -> Result<String, GgufError> {
        let size = self.u64()?;
        let bytes = self.sized(size, most)?;
        String::from_utf8(bytes).or_else(|_| broken("a text in its header is not UTF-8"))
    }

    fn sized(&mut self, size: u64, most: u64) -> Result<Vec<u8>, GgufError> {
        if size > self.bytes.limit() {
            return Err(GgufError::Truncated);
        }
        if size > most {
            return broken(format!(
                "a text in its header has {size} bytes (at most {most})"
            ));
        }
        let mut bytes = Vec::new();
        (&mut self.bytes).take(size).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn skip(&mut self, size: u64) -> Result<(), GgufError> {
        let skipped = io::copy(&mut (&mut self.bytes).take(size), &mut io::sink())?;
        if skipped < size {
            Err(GgufError::Truncated)
        } else {
            Ok(())
        }
    }
}
