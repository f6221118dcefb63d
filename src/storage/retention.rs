//! Removing: what is asked for no more, and what a state directory holds of days long past.
//!
//! Only names that are a day are touched: `date=YYYY-MM-DD` folders, and files whose name begins with a day, in the folders
//! that hold one entry a day. Everything else stays, whoever put it there.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use chrono::NaiveDate;

use crate::error::{Error, Result};
use crate::storage::{Daily, entries};

/// Removes every entry of a day before `first_kept`; the days that were removed.
pub fn remove_before(state: &Path, first_kept: NaiveDate) -> Result<BTreeSet<NaiveDate>> {
    let mut removed = BTreeSet::new();
    for kept in Daily::ALL {
        for path in entries(&kept.root(state))? {
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(date) = name.and_then(day_of).filter(|date| *date < first_kept) {
                remove(&path)?;
                removed.insert(date);
            }
        }
    }
    Ok(removed)
}

/// Removes a file, or a folder and all that is in it; nothing is done if it is not there.
///
/// # Errors
/// When that is impossible.
pub fn remove(path: &Path) -> Result<()> {
    let is_folder = path.symlink_metadata().is_ok_and(|entry| entry.is_dir());
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::write(path)(error)),
        _ => Ok(()),
    }
}

/// The day that a name is about: `date=2026-01-31`, `2026-01-31.json`, `2026-01-31.2.json`.
fn day_of(name: &str) -> Option<NaiveDate> {
    let (day, rest) = name.strip_prefix("date=").unwrap_or(name).split_at_checked(10)?;
    (rest.is_empty() || rest.starts_with('.')).then(|| day.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entries_of_days_before_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        for kept in ["rollups/date=2026-01-10", "insights/date=2026-01-11", "rollups/notes", "other/date=2020-01-01"] {
            fs::create_dir_all(state.join(kept)).unwrap();
        }
        for old in ["rollups/date=2026-01-09", "insights/date=2025-12-31"] {
            fs::create_dir_all(state.join(old)).unwrap();
            fs::write(state.join(old).join("file"), "").unwrap();
        }
        fs::create_dir_all(state.join("runs")).unwrap();
        for file in ["runs/2026-01-09.json", "runs/2026-01-10.json", "runs/2026-01-09x"] {
            fs::write(state.join(file), "").unwrap();
        }
        let removed = remove_before(state, "2026-01-10".parse().unwrap()).unwrap();
        assert_eq!(removed.into_iter().map(|day| day.to_string()).collect::<Vec<_>>(), ["2025-12-31", "2026-01-09"]);
        for there in [
            "rollups/date=2026-01-10",
            "rollups/notes",
            "other/date=2020-01-01",
            "runs/2026-01-10.json",
            "runs/2026-01-09x",
        ] {
            assert!(state.join(there).exists(), "{there}");
        }
        for gone in ["rollups/date=2026-01-09", "insights/date=2025-12-31", "runs/2026-01-09.json"] {
            assert!(!state.join(gone).exists(), "{gone}");
        }
    }

    #[test]
    fn a_name_is_a_day_or_it_is_not() {
        for (name, day) in [
            ("date=2026-01-31", true),
            ("2026-01-31.json", true),
            ("2026-01-31.md", true),
            ("2026-01-31-copy", false),
            ("date=2026-13-31", false),
            ("lock", false),
            ("date=ééééé", false),
        ] {
            assert_eq!(day_of(name).is_some(), day, "{name}");
        }
    }
}
