//! Finding partitions: which files there are, and which days they concern.
//!
//! Folders named `date=`, `dt=`, `day=` or `eventDay=` with a date, or `year=/month=/day=`, say what day their files hold; other
//! files are asked. A file that cannot be used becomes a [`Problem`]: it is named, counted, and the rest goes on.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::partition::{ColumnOverrides, EventFile};

/// Something in the input that was not used, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// The file, as it is called below the folder that was searched.
    pub file: String,
    /// What was wrong, in words.
    pub message: String,
}

/// The files of a folder of events, by day.
#[derive(Debug)]
pub struct Partitions {
    root: PathBuf,
    overrides: ColumnOverrides,
    dated: Vec<(NaiveDate, PathBuf)>,
    undated: Vec<EventFile>,
    problems: Vec<Problem>,
}

impl Partitions {
    /// Lists the Parquet files below `root` (or `root` itself, if it is one). Dated files are not opened yet.
    ///
    /// # Errors
    /// [`Error::NoPartitions`] when there is no Parquet file, [`Error::Read`] when a folder cannot be listed.
    pub fn find(root: &Path, overrides: &ColumnOverrides) -> Result<Self> {
        let mut paths = Vec::new();
        list(root, &mut paths)?;
        paths.sort();
        if paths.is_empty() {
            return Err(Error::NoPartitions { path: root.to_path_buf() });
        }
        let mut found = Self {
            root: root.to_path_buf(),
            overrides: overrides.clone(),
            dated: vec![],
            undated: vec![],
            problems: vec![],
        };
        for path in paths {
            match date_of_path(path.strip_prefix(root).unwrap_or(&path)) {
                Some(date) => found.dated.push((date, path)),
                None => match found.open(&path, None) {
                    Ok(file) => found.undated.push(file),
                    Err(problem) => found.problems.push(problem),
                },
            }
        }
        found.dated.sort();
        Ok(found)
    }

    /// The folder that was searched.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What was wrong with files in no dated folder.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The days that folders or undated files say they hold, ascending. A dated folder may hold rows of a neighbouring day too.
    pub fn dates(&self) -> BTreeSet<NaiveDate> {
        let undated = self.undated.iter().flat_map(|file| &file.row_groups).flat_map(|group| &group.days);
        self.dated.iter().map(|(date, _)| date).chain(undated).copied().collect()
    }

    /// Whether the folder of a day that held this file, as it is called below the root, has no files any more: its day was purged.
    pub fn is_purged(&self, file: &str) -> bool {
        date_of_path(Path::new(file)).is_some_and(|date| !self.has_folder(date))
    }

    /// Whether there are files in a folder that names this day.
    pub fn has_folder(&self, date: NaiveDate) -> bool {
        let first = self.dated.partition_point(|(folder, _)| *folder < date);
        self.dated.get(first).is_some_and(|(folder, _)| *folder == date)
    }

    /// Opens the files that may concern any of the days from `first` to `last`; those that cannot be opened are problems.
    pub fn open_range(&self, first: NaiveDate, last: NaiveDate) -> (Vec<EventFile>, Vec<Problem>) {
        let near = |date: NaiveDate| (date - first).num_days() >= -1 && (date - last).num_days() <= 1;
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for (date, path) in self.dated.iter().filter(|(date, _)| near(*date)) {
            match self.open(path, Some(*date)) {
                Ok(file) => files.push(file),
                Err(problem) => problems.push(problem),
            }
        }
        files.extend(self.undated.iter().cloned());
        (files, problems)
    }

    fn open(&self, path: &Path, date: Option<NaiveDate>) -> std::result::Result<EventFile, Problem> {
        let name = path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().into_owned();
        let name = if name.is_empty() { path.to_string_lossy().into_owned() } else { name };
        EventFile::open(path, name.clone(), date, &self.overrides)
            .map_err(|error| Problem { file: name, message: error.about_its_file() })
    }
}

fn list(path: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let kind = fs::metadata(path).map_err(Error::read(path))?;
    if kind.is_file() {
        found.push(path.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(Error::read(path))? {
        let entry = entry.map_err(Error::read(path))?.path();
        let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']));
        let parquet = entry.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
        match fs::metadata(&entry) {
            _ if hidden => {}
            // A link to nothing, or a file that has gone meanwhile, becomes a problem when it is opened.
            Err(_) if parquet => found.push(entry),
            Ok(kind) if parquet || kind.is_dir() => list(&entry, found)?,
            _ => {}
        }
    }
    Ok(())
}

/// The day that the folders of a path name, if they name one.
pub fn date_of_path(path: &Path) -> Option<NaiveDate> {
    let (mut year, mut month, mut day) = (None, None, None);
    for folder in path.parent()?.components() {
        let Some((name, value)) = folder.as_os_str().to_str().and_then(|text| text.split_once('=')) else { continue };
        match name.to_ascii_lowercase().as_str() {
            "date" | "dt" | "eventday" => return whole_date(value),
            "year" => year = value.parse().ok(),
            "month" => month = value.parse().ok(),
            "day" => match whole_date(value) {
                Some(date) => return Some(date),
                None => day = value.parse().ok(),
            },
            _ => {}
        }
    }
    NaiveDate::from_ymd_opt(year?, month?, day?)
}

fn whole_date(text: &str) -> Option<NaiveDate> {
    ["%Y-%m-%d", "%Y%m%d"].iter().find_map(|form| NaiveDate::parse_from_str(text, form).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_name_their_day_in_many_ways() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 5);
        for path in [
            "date=2026-01-05/part-0.parquet",
            "dt=20260105/hour=03/x.parquet",
            "region=eu/accountId=1/eventDay=20260105/u.parquet",
            "year=2026/month=01/day=05/x.parquet",
            "day=2026-01-05/x.parquet",
        ] {
            assert_eq!(date_of_path(Path::new(path)), day, "{path}");
        }
        for path in ["x.parquet", "2026/01/05/x.parquet", "date=soon/x.parquet", "year=2026/x.parquet"] {
            assert_eq!(date_of_path(Path::new(path)), None, "{path}");
        }
    }
}
