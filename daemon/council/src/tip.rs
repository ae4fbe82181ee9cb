//! The note beside the ledger of how far it was synced last: a database that has lost its end looks like a shorter one.
//! Not synced itself: an older note, an empty one or none only says less. One that says more would keep a member from
//! voting up to there, so it carries a sum, and a changed one says nothing.

use std::{fs, io, path::Path};

use edgecoder_protocol::Hash;

/// Its name.
const NAME: &str = "tip";

/// What the note says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tip {
    /// Nothing: there is none, or a crash has left it empty.
    Nothing,
    /// The ledger reached this height.
    Height(u64),
    /// It is not as it was written.
    Damaged,
}

impl Tip {
    /// The height that is known; 0 when nothing is.
    pub fn height(self) -> u64 {
        match self {
            Self::Height(height) => height,
            Self::Nothing | Self::Damaged => 0,
        }
    }
}

/// Reads the note in a council's folder.
pub fn read(folder: &Path) -> Tip {
    let bytes = match fs::read(folder.join(NAME)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Tip::Nothing,
        Err(_) => return Tip::Damaged,
    };
    if bytes.is_empty() {
        return Tip::Nothing;
    }
    let text = String::from_utf8(bytes).unwrap_or_default();
    let height = text.split(' ').next().and_then(|word| word.parse().ok());
    let whole = height.filter(|height| spelt(*height) == text);
    whole.map_or(Tip::Damaged, Tip::Height)
}

/// Writes it.
///
/// # Errors
/// The file's; what stands there then says less, or nothing.
pub fn note(folder: &Path, height: u64) -> io::Result<()> {
    fs::write(folder.join(NAME), spelt(height))
}

fn spelt(height: u64) -> String {
    let sum = Hash::of(format!("edgecoder/tip/1 {height}").as_bytes());
    format!("{height} {sum}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_was_noted_and_with_any_bit_changed_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), Tip::Nothing);
        note(folder.path(), 1_207).unwrap();
        assert_eq!(read(folder.path()), Tip::Height(1_207));
        let whole = fs::read(folder.path().join(NAME)).unwrap();
        for bit in 0..8 * whole.len() {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            fs::write(folder.path().join(NAME), changed).unwrap();
            assert_eq!(read(folder.path()), Tip::Damaged, "{bit}");
        }
        for end in 1..whole.len() {
            fs::write(folder.path().join(NAME), &whole[..end]).unwrap();
            assert_eq!(read(folder.path()), Tip::Damaged, "{end}");
        }
        fs::write(folder.path().join(NAME), "").unwrap();
        assert_eq!(read(folder.path()), Tip::Nothing);
    }
}
