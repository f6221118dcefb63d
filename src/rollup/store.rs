//! The history store: one folder a day below `rollups/`, holding `rollup.parquet` and, where pairs are kept, `pairs.parquet`.
//!
//! `rollup.parquet` has a row an entity, ordered by family and key: its dimensions, and four lists of equal length with the
//! hours in which it was active. `pairs.parquet` names entities by their row in the former. Both say in their metadata what
//! format they have and which input they were made from, so that a day is redone only when its input changed. Each family, and each
//! kind of pair, begins a row group of its own, whose statistics name it: that is how one of them is read without the others.
//! Numbers are packed by their differences ([`Packed`](crate::storage::Packed)); files of earlier versions have other encodings of
//! Parquet and are read all the same.

mod entities;
mod input;
mod merge;
mod owners;
mod pair_days;
mod partners;
mod reading;
mod writing;

pub use entities::{Detail, EntityDay};
pub use input::{DayInput, InputFile};
pub use merge::{FamilyDays, MergedDay, Numbering};
pub use owners::{Owners, read_owners};
pub use pair_days::{PairDay, merge_pairs};
pub use partners::{Partners, Question, Side, answer, read_partners};
pub use reading::{read_family, read_note, read_pairs, unread_hours};
pub use writing::{day_files, write_day};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use crate::error::Result;
use crate::partition::ColumnOverrides;
use crate::storage::{Daily, is_there};

/// The version of the file format; readers refuse newer ones.
pub const FORMAT: u32 = 1;
/// Metadata key: the format version.
const FORMAT_KEY: &str = "insights.format";
/// Metadata key: a [`DayNote`] as JSON.
const NOTE_KEY: &str = "insights.day";

/// The folder of a day's rollup in a state directory.
pub fn folder(state: &Path, date: NaiveDate) -> PathBuf {
    Daily::Rollups.folder(state, date)
}

/// The rollup file of a day.
pub fn rollup_path(state: &Path, date: NaiveDate) -> PathBuf {
    folder(state, date).join("rollup.parquet")
}

/// Those of some days that have a rollup.
///
/// # Errors
/// When that cannot be told.
pub fn counted_days(state: &Path, days: impl Iterator<Item = NaiveDate>) -> Result<BTreeSet<NaiveDate>> {
    let mut counted = BTreeSet::new();
    for day in days {
        if is_there(&rollup_path(state, day))? {
            counted.insert(day);
        }
    }
    Ok(counted)
}

/// The pairs file of a day.
pub fn pairs_path(state: &Path, date: NaiveDate) -> PathBuf {
    folder(state, date).join("pairs.parquet")
}

/// What a rollup file says about itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DayNote {
    /// The day.
    pub date: NaiveDate,
    /// What it was made from.
    pub input: DayInput,
    /// Whether pairs were counted.
    pub pairs: bool,
    /// By what settings.
    #[serde(default)]
    pub counted_by: CountedBy,
    /// What became of the rows.
    pub counts: crate::rollup::ScanCounts,
    /// What could not be read.
    pub problems: Vec<crate::rollup::Unread>,
}

/// The settings that decide what is counted of a day's events.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct CountedBy {
    /// Which columns were named to be read for which; nothing in rollups of earlier versions.
    pub columns: String,
    /// The most entities of a family that were named; 0 in rollups of earlier versions, which do not tell.
    pub max_entities: usize,
}

impl CountedBy {
    /// The settings of a count.
    pub fn new(columns: &ColumnOverrides, max_entities: usize) -> Self {
        let named: Vec<String> = columns.iter().map(|(column, name)| format!("{}={name:?}", column.name())).collect();
        Self { columns: named.join(","), max_entities }
    }

    /// Whether a day that was counted by these, and left out some entities or none, would be counted the same by others.
    pub fn counts_as(&self, other: &Self, beyond_cap: u64) -> bool {
        let same_cap = self.max_entities == other.max_entities;
        self.columns == other.columns && (same_cap || beyond_cap == 0 && other.max_entities > self.max_entities)
    }
}

/// The days that a state directory has rollups of, ascending.
///
/// # Errors
/// When a folder is there and cannot be read.
pub fn dates(state: &Path) -> Result<Vec<NaiveDate>> {
    let files = Daily::Rollups.files(state, "rollup.parquet")?;
    Ok(files.into_iter().map(|(date, _)| date).collect())
}
