//! Nights that a run over several left out, because nothing of their events could be used: a mark says so until they are judged.
//!
//! `runs/DATE.omitted` holds what was wrong. Who catches up tries such a night again, for its files may have been mended.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use crate::error::Result;
use crate::storage::{Daily, entries, remove, write_text};

/// How the name of such a mark ends.
const MARK: &str = "omitted";

/// Marks a night as left out.
pub fn omit(state: &Path, date: NaiveDate, why: &str) -> Result<()> {
    write_text(&mark(state, date), &format!("{why}\n"))
}

/// The nights that were left out and not judged since.
///
/// # Errors
/// When it cannot be told which there are.
pub fn omitted(state: &Path) -> Result<BTreeSet<NaiveDate>> {
    let day = |file: &PathBuf| file.file_name()?.to_str()?.strip_suffix(MARK)?.strip_suffix('.')?.parse().ok();
    Ok(entries(&Daily::Runs.root(state))?.iter().filter_map(day).collect())
}

/// Takes the mark away.
pub(super) fn judged(state: &Path, date: NaiveDate) -> Result<()> {
    remove(&mark(state, date))
}

fn mark(state: &Path, date: NaiveDate) -> PathBuf {
    Daily::Runs.file(state, date, MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_is_left_out_until_it_is_judged() {
        let folder = tempfile::tempdir().unwrap();
        let day = |number| NaiveDate::from_ymd_opt(2026, 1, number).unwrap();
        assert!(omitted(folder.path()).unwrap().is_empty());
        omit(folder.path(), day(3), "its file is damaged").unwrap();
        omit(folder.path(), day(5), "its file is damaged").unwrap();
        super::super::past::begin(folder.path(), day(4)).unwrap();
        assert_eq!(omitted(folder.path()).unwrap(), [day(3), day(5)].into());
        super::super::past::finish(folder.path(), day(3)).unwrap();
        assert_eq!(omitted(folder.path()).unwrap(), [day(5)].into());
    }
}
