//! Writes small GGUF files: random-weight models for the benchmark and the tests.

use std::io::{self, Write};

/// Tensor data begins, and each tensor begins, at a multiple of this.
const ALIGNMENT: u64 = 32;

/// How a tensor's elements are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 32-bit floats.
    F32,
    /// Blocks of 32 eight-bit integers with one 16-bit scale.
    Q8,
}

impl Kind {
    fn number(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::Q8 => 8,
        }
    }

    fn bytes(self, elements: u64) -> u64 {
        match self {
            Self::F32 => elements * 4,
            Self::Q8 => elements / 32 * 34,
        }
    }
}

struct Planned {
    name: String,
    shape: Vec<u64>,
    kind: Kind,
    fill: Fill,
}

#[derive(Clone, Copy)]
enum Fill {
    Ones,
    Random { scale: f32 },
}

/// Collects metadata and tensors, then writes them as one file.
#[derive(Default)]
pub struct Writer {
    entries: u64,
    metadata: Vec<u8>,
    tensors: Vec<Planned>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

impl Writer {
    fn entry(&mut self, key: &str, kind: u32) {
        self.entries += 1;
        text(&mut self.metadata, key);
        self.metadata.extend_from_slice(&kind.to_le_bytes());
    }

    /// Adds a 32-bit unsigned number.
    pub fn unsigned(&mut self, key: &str, value: u32) {
        self.entry(key, 4);
        self.metadata.extend_from_slice(&value.to_le_bytes());
    }

    /// Adds a 32-bit float.
    pub fn float(&mut self, key: &str, value: f32) {
        self.entry(key, 6);
        self.metadata.extend_from_slice(&value.to_le_bytes());
    }

    /// Adds a truth value.
    pub fn truth(&mut self, key: &str, value: bool) {
        self.entry(key, 7);
        self.metadata.push(value.into());
    }

    /// Adds a text.
    pub fn text(&mut self, key: &str, value: &str) {
        self.entry(key, 8);
        text(&mut self.metadata, value);
    }

    /// Adds an array of texts.
    pub fn texts(&mut self, key: &str, values: &[String]) {
        self.array(key, 8, values.len());
        values
            .iter()
            .for_each(|value| text(&mut self.metadata, value));
    }

    /// Adds an array of 32-bit signed numbers.
    pub fn numbers(&mut self, key: &str, values: &[i32]) {
        self.array(key, 5, values.len());
        values
            .iter()
            .for_each(|value| self.metadata.extend_from_slice(&value.to_le_bytes()));
    }

    fn array(&mut self, key: &str, kind: u32, length: usize) {
        self.entry(key, 9);
        self.metadata.extend_from_slice(&kind.to_le_bytes());
        self.metadata
            .extend_from_slice(&(length as u64).to_le_bytes());
    }

    /// Adds a vector of ones, as norms have.
    pub fn ones(&mut self, name: impl Into<String>, length: u64) {
        let (name, shape) = (name.into(), vec![length]);
        self.tensors.push(Planned {
            name,
            shape,
            kind: Kind::F32,
            fill: Fill::Ones,
        });
    }

    /// Adds a matrix of random elements of about the size `scale`. A row of [`Kind::Q8`] must be a
    /// multiple of 32 wide.
    pub fn random(&mut self, name: impl Into<String>, row: u64, rows: u64, kind: Kind, scale: f32) {
        let (name, shape) = (name.into(), vec![row, rows]);
        self.tensors.push(Planned {
            name,
            shape,
            kind,
            fill: Fill::Random { scale },
        });
    }

    /// Writes the file; the same seed gives the same bytes.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, seed: u64, out: &mut impl Write) -> io::Result<()> {
        let mut head = b"GGUF".to_vec();
        head.extend_from_slice(&3_u32.to_le_bytes());
        head.extend_from_slice(&(self.tensors.len() as u64).to_le_bytes());
        head.extend_from_slice(&self.entries.to_le_bytes());
        head.extend_from_slice(&self.metadata);
        let mut offset = 0;
        for tensor in &self.tensors {
            text(&mut head, &tensor.name);
            head.extend_from_slice(&(tensor.shape.len() as u32).to_le_bytes());
            tensor
                .shape
                .iter()
                .for_each(|side| head.extend_from_slice(&side.to_le_bytes()));
            head.extend_from_slice(&tensor.kind.number().to_le_bytes());
            head.extend_from_slice(&u64::to_le_bytes(offset));
            let size = tensor.kind.bytes(tensor.shape.iter().product());
            offset += size.next_multiple_of(ALIGNMENT);
        }
        head.resize(head.len().next_multiple_of(ALIGNMENT as usize), 0);
        out.write_all(&head)?;
        let mut random = Random(seed | 1);
        for tensor in &self.tensors {
            let mut data = Vec::new();
            tensor.fill_into(&mut random, &mut data);
            data.resize(data.len().next_multiple_of(ALIGNMENT as usize), 0);
            out.write_all(&data)?;
        }
        Ok(())
    }
}

impl Planned {
    fn fill_into(&self, random: &mut Random, data: &mut Vec<u8>) {
        let elements: u64 = self.shape.iter().product();
        match (self.fill, self.kind) {
            (Fill::Ones, _) => {
                (0..elements).for_each(|_| data.extend_from_slice(&1.0_f32.to_le_bytes()));
            }
            (Fill::Random { scale }, Kind::F32) => (0..elements).for_each(|_| {
                let unit = random.next() as i32 as f32 / i32::MAX as f32;
                data.extend_from_slice(&(unit * scale).to_le_bytes());
            }),
            (Fill::Random { scale }, Kind::Q8) => (0..elements / 32).for_each(|_| {
                data.extend_from_slice(&half(scale / 127.0).to_le_bytes());
                (0..4).for_each(|_| data.extend_from_slice(&random.next().to_le_bytes()));
            }),
        }
    }
}

/// xorshift64*: quick, and good enough for weights that mean nothing.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

/// The IEEE 754 half of a positive float between 2^-14 and 65,504, rounded towards zero.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let exponent = (bits >> 23).saturating_sub(112);
    ((exponent << 10) | ((bits >> 13) & 0x3ff)) as u16
}

fn text(out: &mut Vec<u8>, value: &str) {
    out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    out.extend_from_slice(value.as_bytes());
}
