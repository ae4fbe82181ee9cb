//! The one byte layout of everything that is signed or hashed.
//!
//! A value is written as its domain tag followed by its fields in declaration order: integers little-endian
//! at fixed width, booleans and enum tags one byte, texts and byte strings behind a 64-bit length, lists
//! behind a 64-bit count. There is one encoding of each value and no padding; [`decode`] refuses whatever
//! does not re-encode to the same bytes. Golden bytes in `tests/golden/` pin the layout.

use crate::ids::Hash;

/// Writes one value's fields.
#[derive(Debug, Default)]
pub struct Encoder(Vec<u8>);

impl Encoder {
    /// One byte: an enum's tag or a small count.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// The bytes written.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    /// Bytes of a length that the layout fixes, without a prefix.
    pub fn fixed(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Bytes behind their length.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.u64(bytes.len() as u64).fixed(bytes)
    }

    /// UTF-8 text behind its length in bytes.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// A count, then each item.
    pub fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.u64(items.len() as u64);
        for item in items {
            each(self, item);
        }
        self
    }

    /// 0, or 1 and the value.
    pub fn option<T>(&mut self, value: Option<&T>, each: impl FnOnce(&mut Self, &T)) -> &mut Self {
        match value {
            None => self.u8(0),
            Some(value) => {
                self.u8(1);
                each(self, value);
                self
            }
        }
    }
}

/// Why bytes are not a canonical encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end inside a field, or a length exceeds what is left.
    #[error("the bytes end inside a field")]
    Truncated,
    /// Bytes are left over.
    #[error("bytes are left over after the last field")]
    Trailing,
    /// A tag, text or domain that the layout does not allow.
    #[error("a value that the layout does not allow: {0}")]
    Invalid(&'static str),
}

/// Reads one value's fields, never allocating more than the input's length.
#[derive(Debug)]
pub struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    /// Bytes of a known length.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when fewer are left.
    pub fn fixed(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    /// Bytes of a length that the layout fixes.
    ///
    /// # Errors
    /// As [`Decoder::fixed`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.fixed(N)?;
        bytes.try_into().map_err(|_| DecodeError::Truncated)
    }

    /// One byte.
    ///
    /// # Errors
    /// As [`Decoder::fixed`].
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    /// Four bytes.
    ///
    /// # Errors
    /// As [`Decoder::fixed`].
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// As [`Decoder::fixed`].
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number that is written as four bytes and has two.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when it is larger, else as [`Decoder::fixed`].
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        u16::try_from(self.u32()?).map_err(|_| DecodeError::Invalid("a number of two bytes"))
    }

    /// A yes or no: one byte, 1 or 0.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when it is another, else as [`Decoder::fixed`].
    pub fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Invalid("flag")),
        }
    }

    /// A hash.
    ///
    /// # Errors
    /// As [`Decoder::fixed`].
    pub fn hash(&mut self) -> Result<Hash, DecodeError> {
        self.array().map(Hash)
    }

    /// Bytes behind their length.
    ///
    /// # Errors
    /// As [`Decoder::fixed`].
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = usize::try_from(self.u64()?).map_err(|_| DecodeError::Truncated)?;
        self.fixed(len)
    }

    /// Text behind its length.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when it is not UTF-8, else as [`Decoder::fixed`].
    pub fn text(&mut self) -> Result<String, DecodeError> {
        let bytes = self.bytes()?;
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Invalid("text"))?;
        Ok(text.to_owned())
    }

    /// 0, or 1 and the value.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when the first byte is another, else what `each` returns.
    pub fn option<T>(
        &mut self,
        each: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        match self.u8()? {
            0 => Ok(None),
            1 => each(self).map(Some),
            _ => Err(DecodeError::Invalid("option")),
        }
    }

    /// A count, then each item. An item is at least one byte, so the count is bounded by what is left.
    ///
    /// # Errors
    /// As [`Decoder::fixed`], or what `each` returns.
    pub fn list<T>(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let count = usize::try_from(self.u64()?).map_err(|_| DecodeError::Truncated)?;
        if count > self.0.len() {
            return Err(DecodeError::Truncated);
        }
        (0..count).map(|_| each(self)).collect()
    }
}

/// A value with a canonical layout.
pub trait Canonical: Sized {
    /// Separates this layout from every other; ends in the layout's version. Never reused.
    const DOMAIN: &'static str;

    /// Writes the fields.
    fn encode(&self, to: &mut Encoder);

    /// Reads the fields.
    ///
    /// # Errors
    /// [`DecodeError`] when they are not valid.
    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError>;
}

/// The canonical bytes of `value`: domain tag (as text), then fields.
pub fn encode<T: Canonical>(value: &T) -> Vec<u8> {
    let mut encoder = Encoder::default();
    encoder.text(T::DOMAIN);
    value.encode(&mut encoder);
    encoder.finish()
}

/// Reads one value's fields, which are all of `bytes`.
pub(crate) fn read_whole<T>(
    bytes: &[u8],
    read: impl FnOnce(&mut Decoder<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut decoder = Decoder(bytes);
    let value = read(&mut decoder)?;
    match decoder.0.is_empty() {
        true => Ok(value),
        false => Err(DecodeError::Trailing),
    }
}

/// Reads canonical bytes, refusing any that `value` would not be written as.
///
/// # Errors
/// [`DecodeError`] when the bytes are malformed, of another domain, or not canonical.
pub fn decode<T: Canonical>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut decoder = Decoder(bytes);
    if decoder.bytes()? != T::DOMAIN.as_bytes() {
        return Err(DecodeError::Invalid("domain"));
    }
    let value = T::decode(&mut decoder)?;
    if !decoder.0.is_empty() {
        return Err(DecodeError::Trailing);
    }
    if encode(&value) != bytes {
        return Err(DecodeError::Invalid("not canonical"));
    }
    Ok(value)
}

/// The hash of the canonical bytes.
pub fn hash<T: Canonical>(value: &T) -> Hash {
    Hash::of(&encode(value))
}
