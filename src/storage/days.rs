//! Folders of days, `date=YYYY-MM-DD`: how they are called, and which of them there are.
//!
//! What is not there is empty; what cannot be read is an error, never empty.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use crate::error::{Error, Result};

/// The folder of a day in `folder`.
pub fn day_folder(folder: &Path, date: NaiveDate) -> PathBuf {
    folder.join(format!("date={date}"))
}

/// The day that a folder is of, if its name says one.
pub fn day_of_folder(path: &Path) -> Option<NaiveDate> {
    path.file_name()?.to_str()?.strip_prefix("date=")?.parse().ok()
}

/// The files of that name in the folders of days in `folder`, in the order of days.
///
/// # Errors
/// When a folder is there and cannot be read.
pub fn files_of_days(folder: &Path, file: &str) -> Result<Vec<(NaiveDate, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::read(folder))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let day = entry.map_err(Error::read(folder))?.path();
        let Some(date) = day_of_folder(&day) else { continue };
        let path = day.join(file);
        if path.try_exists().map_err(Error::read(&path))? {
            files.push((date, path));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_empty_and_what_cannot_be_read_is_an_error() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("rollups");
        assert_eq!(files_of_days(&folder, "rollup.parquet").unwrap(), []);
        for name in ["date=2026-01-02", "date=2026-01-01", "date=2026-01-03", "date=soon", "other"] {
            fs::create_dir_all(folder.join(name)).unwrap();
            if name != "date=2026-01-03" {
                fs::write(folder.join(name).join("rollup.parquet"), "").unwrap();
            }
        }
        let days: Vec<String> =
            files_of_days(&folder, "rollup.parquet").unwrap().iter().map(|(date, _)| date.to_string()).collect();
        assert_eq!(days, ["2026-01-01", "2026-01-02"]);
        let file = folder.join("other").join("rollup.parquet");
        assert!(matches!(files_of_days(&file, "rollup.parquet"), Err(Error::Read { path, .. }) if path == file));
    }
}
