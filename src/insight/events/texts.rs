//! Texts of few rows of a row group: ids, parameters and identities, which are long and nearly all different.

use crate::error::Result;
use crate::event::Column;
use crate::insight::events::reading::{Group, unless_damaged};
use crate::partition::{TextColumn, read_texts};

/// The texts of a column in some rows of a row group.
pub(super) struct Texts {
    rows: Vec<u32>,
    /// Nothing where the file is damaged, which was named when the day was counted.
    column: Option<TextColumn>,
}

impl Texts {
    /// Reads them; rows may come in any order, and more than once.
    pub(super) fn read((file, group): Group<'_>, column: Column, rows: impl Iterator<Item = u32>) -> Result<Self> {
        let rows = ascending(rows);
        if rows.is_empty() {
            return Ok(Self { rows, column: Some(TextColumn::constant(None)) });
        }
        let batch = unless_damaged(read_texts(file, group, &[&[column]], &rows))?;
        Ok(Self { rows, column: batch.and_then(|mut batch| batch.columns.pop()) })
    }

    /// Whether the file is damaged there.
    pub(super) fn are_damaged(&self) -> bool {
        self.column.is_none()
    }

    /// The text of a row that was read.
    pub(super) fn of(&self, row: u32) -> Option<&str> {
        self.column.as_ref()?.row(self.rows.binary_search(&row).ok()?)
    }
}

/// Rows in their order, each once.
pub(super) fn ascending(rows: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut rows: Vec<u32> = rows.collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}
