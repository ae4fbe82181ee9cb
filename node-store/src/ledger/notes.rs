//! Named values: small ones, and large ones such as a state's snapshot or evidence. Written in steps, so that a large
//! one need not fit in the database's memory at once: rows under a new generation, then the name, then the old rows go.

use super::{
    LedgerError, LedgerLog,
    layout::{self, Kind, block_key, name_key, row_key},
    rows::{Changes, State, damaged},
};

/// Bytes of a note's name.
pub const NAME_MAX: usize = 128;
/// Bytes of a note.
pub const NOTE_MAX: usize = 128 << 20;
/// Rows written in one batch: 768 KiB.
const WRITTEN_AT_ONCE: usize = 128;

impl LedgerLog {
    /// Replaces the note of this name at once or not at all; durable after [`LedgerLog::sync`].
    ///
    /// # Errors
    /// [`LedgerError::TooLarge`] over [`NAME_MAX`] or [`NOTE_MAX`], or the database's; the old note then stands.
    pub fn put_note(&self, name: &str, bytes: &[u8]) -> Result<(), LedgerError> {
        for (what, found, most) in [
            ("note's name", name.len(), NAME_MAX),
            ("note", bytes.len(), NOTE_MAX),
        ] {
            if found > most {
                return Err(LedgerError::TooLarge { what, bytes: found });
            }
        }
        let rows = &self.0.rows;
        let generation = {
            let mut state = self.write();
            let mut next = state.clone();
            next.generation += 1;
            rows.apply(Changes::new(), &mut state, next)?;
            state.generation
        };
        let key = block_key(Kind::Content, generation);
        let mut changes = Changes::new();
        for number in 0..layout::count(bytes.len()) {
            changes.insert(row_key(&key, number), Some(layout::row(bytes, number)));
            if changes.len() == WRITTEN_AT_ONCE {
                // Not held throughout: a block does not wait for a large note.
                let mut state = self.write();
                let next = state.clone();
                rows.apply(std::mem::take(&mut changes), &mut state, next)?;
            }
        }
        let mut state = self.write();
        let old = rows.get(&name_key(name))?;
        let next = state.clone();
        changes.insert(name_key(name), Some(generation.to_be_bytes().to_vec()));
        rows.apply(changes, &mut state, next)?;
        let old = old.and_then(|old| old.first_chunk().copied());
        match old {
            Some(old) => self.remove_content(&mut state, u64::from_be_bytes(old)),
            None => Ok(()),
        }
    }

    /// The note of this name.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`], or the database's.
    pub fn note(&self, name: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        let _state = self.read();
        let Some(generation) = self.0.rows.get(&name_key(name))? else {
            return Ok(None);
        };
        let generation = generation.first_chunk().ok_or_else(|| damaged("note"))?;
        let key = block_key(Kind::Content, u64::from_be_bytes(*generation));
        let note = self.joined(&key, NOTE_MAX)?;
        note.map(Some).ok_or_else(|| damaged("note"))
    }

    /// Bytes of a note from `from` on, at most `max`, and how many it has in all; only their rows are read.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`], or the database's.
    pub fn note_part(
        &self,
        name: &str,
        from: u64,
        max: usize,
    ) -> Result<Option<(u64, Vec<u8>)>, LedgerError> {
        let _state = self.read();
        let rows = &self.0.rows;
        let Some(generation) = rows.get(&name_key(name))? else {
            return Ok(None);
        };
        let generation = generation.first_chunk().ok_or_else(|| damaged("note"))?;
        let key = block_key(Kind::Content, u64::from_be_bytes(*generation));
        let part = layout::part(from, max, |number| rows.get(&row_key(&key, number)))?;
        part.map(Some).ok_or_else(|| damaged("note"))
    }

    /// Removes a note's rows, the first last: a crash in between leaves what the next opening knows how to remove.
    pub(super) fn remove_content(
        &self,
        state: &mut State,
        generation: u64,
    ) -> Result<(), LedgerError> {
        let mut all = Changes::new();
        self.remove(&block_key(Kind::Content, generation), &mut all)?;
        while !all.is_empty() {
            let keep = all.len().saturating_sub(WRITTEN_AT_ONCE);
            let first_kept = all.keys().nth(keep).cloned().unwrap_or_default();
            let part = all.split_off(&first_kept);
            let next = state.clone();
            self.0.rows.apply(part, state, next)?;
        }
        Ok(())
    }
}
