//! Finding partitions: which files there are, and which days they concern.
//!
//! Folders named `date=`, `dt=`, `day=` or `eventDay=` with a date, or `year=/month=/day=`, say what day their files hold; other
//! files are asked. A file that cannot be used becomes a [`Problem`]: it is named, counted, and the rest goes on. So does one that is
//! the copy of another: nobody opens it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::partition::copies::{Found, copies};
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
    /// Files of dated folders that are copies of others.
    copies: Vec<(NaiveDate, Problem)>,
    problems: Vec<Problem>,
}

impl Partitions {
    /// Lists the Parquet files below `root` (or `root` itself, if it is one). Dated files are not opened yet.
    ///
    /// # Errors
    /// [`Error::NoPartitions`] when there is no Parquet file, [`Error::Read`] when a folder cannot be listed.
    pub fn find(root: &Path, overrides: &ColumnOverrides) -> Result<Self> {
        let (mut files, mut unlisted) = (Vec::new(), Vec::new());
        list(root, &mut files, &mut unlisted)?;
        if files.is_empty() {
            let unlisted = unlisted.into_iter().next().map(|(_, error)| error);
            return Err(unlisted.unwrap_or_else(|| Error::NoPartitions { path: root.to_path_buf() }));
        }
        for file in &mut files {
            file.date = date_of_path(file.path.strip_prefix(root).unwrap_or(&file.path));
        }
        files.sort();
        let mut found = Self {
            root: root.to_path_buf(),
            overrides: overrides.clone(),
            dated: vec![],
            undated: vec![],
            copies: vec![],
            problems: unlisted.iter().map(|(folder, error)| unlisted_folder(root, folder, error)).collect(),
        };
        found.problems.sort();
        found.sort_out(&files);
        Ok(found)
    }

    /// Tells dated files, others and copies apart; the files come in order.
    fn sort_out(&mut self, files: &[Found]) {
        let copies = copies(files, &self.overrides);
        for (place, file) in files.iter().enumerate() {
            let copy = copies.get(&place).map(|original| self.copy(&file.path, &files[*original].path));
            match (file.date, copy) {
                (Some(date), None) => self.dated.push((date, file.path.clone())),
                (Some(date), Some(copy)) => self.copies.push((date, copy)),
                (None, Some(copy)) => self.problems.push(copy),
                (None, None) => match self.open(&file.path, None) {
                    Ok(file) => {
                        self.problems.extend(of_no_day(&file));
                        self.undated.push(file);
                    }
                    Err(problem) => self.problems.push(problem),
                },
            }
        }
    }

    fn copy(&self, path: &Path, original: &Path) -> Problem {
        let original = self.name_of(original);
        Problem {
            file: self.name_of(path),
            message: format!(
                "holds the same as `{original}`, to the byte: its events are counted once, remove one of the two"
            ),
        }
    }

    /// The folder that was searched.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Which columns settings name to be read for which.
    pub fn columns(&self) -> &ColumnOverrides {
        &self.overrides
    }

    /// What was wrong with files in no dated folder, and with folders that could not be listed.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The days that folders or undated files say they hold, ascending. A dated folder may hold rows of a neighbouring day too.
    pub fn dates(&self) -> BTreeSet<NaiveDate> {
        let undated = self.undated.iter().flat_map(|file| &file.row_groups).flat_map(|group| &group.days);
        let copies = self.copies.iter().map(|(date, _)| date);
        self.dated.iter().map(|(date, _)| date).chain(copies).chain(undated).copied().collect()
    }

    /// As [`Partitions::dates`], with the days that have no folder of their own and of which a neighbour's holds rows.
    pub fn dates_with_neighbours(&self) -> BTreeSet<NaiveDate> {
        let mut dates = self.dates();
        let folders: BTreeSet<NaiveDate> = self.dated.iter().map(|(date, _)| *date).collect();
        for folder in &folders {
            let beside: Vec<NaiveDate> = [folder.pred_opt(), folder.succ_opt()].into_iter().flatten().collect();
            let bare = |date: &&NaiveDate| !folders.contains(date) && !dates.contains(date);
            let bare: Vec<NaiveDate> = beside.iter().filter(bare).copied().collect();
            if bare.is_empty() {
                continue;
            }
            let own = self.dated.iter().filter(|(date, _)| date == folder);
            for file in own.filter_map(|(date, path)| self.open(path, Some(*date)).ok()) {
                dates.extend(bare.iter().filter(|date| file.concerns(**date)));
            }
        }
        dates
    }

    /// Whether the folder of a day that held this file, as it is called below the root, has no files any more: its day was purged.
    pub fn is_purged(&self, file: &str) -> bool {
        date_of_path(Path::new(file)).is_some_and(|date| !self.has_folder(date))
    }

    /// Whether there are files in a folder that names this day.
    pub fn has_folder(&self, date: NaiveDate) -> bool {
        let first = self.dated.partition_point(|(folder, _)| *folder < date);
        let has_copy = || self.copies.iter().any(|(folder, _)| *folder == date);
        self.dated.get(first).is_some_and(|(folder, _)| *folder == date) || has_copy()
    }

    /// The files near the days from `first` to `last` that were left out, because each is the copy of another.
    pub fn copies(&self, first: NaiveDate, last: NaiveDate) -> impl Iterator<Item = &Problem> {
        self.copies.iter().filter(move |(date, _)| is_near(*date, first, last)).map(|(_, copy)| copy)
    }

    /// Opens the files that may concern any of the days from `first` to `last`; those that cannot be opened are problems.
    pub fn open_range(&self, first: NaiveDate, last: NaiveDate) -> (Vec<EventFile>, Vec<Problem>) {
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for (date, path) in self.dated.iter().filter(|(date, _)| is_near(*date, first, last)) {
            match self.open(path, Some(*date)) {
                Ok(file) => files.push(file),
                Err(problem) => problems.push(problem),
            }
        }
        files.extend(self.undated.iter().cloned());
        (files, problems)
    }

    fn open(&self, path: &Path, date: Option<NaiveDate>) -> std::result::Result<EventFile, Problem> {
        let name = self.name_of(path);
        EventFile::open(path, name.clone(), date, &self.overrides)
            .map_err(|error| Problem { file: name, message: error.about_its_file() })
    }

    /// What a file is called below the root.
    fn name_of(&self, path: &Path) -> String {
        let name = path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().into_owned();
        if name.is_empty() { path.to_string_lossy().into_owned() } else { name }
    }
}

/// That no row of a file outside of dated folders has a time, if so: no day will count them.
fn of_no_day(file: &EventFile) -> Option<Problem> {
    let is_told = file.rows() > 0 && file.row_groups.iter().all(|group| group.days.is_empty());
    is_told.then(|| Problem {
        file: file.name.clone(),
        message: format!(
            "none of its rows ({}) has a time, and no folder names their day: they were not counted",
            file.rows()
        ),
    })
}

/// Whether a folder of this day may hold rows of the days from `first` to `last`.
fn is_near(folder: NaiveDate, first: NaiveDate, last: NaiveDate) -> bool {
    (folder - first).num_days() >= -1 && (folder - last).num_days() <= 1
}

/// A folder that could not be listed, and why.
type Unlisted = (PathBuf, Error);

/// Lists the Parquet files of a folder, which must be readable itself; the folders in it need not.
fn list(path: &Path, found: &mut Vec<Found>, unlisted: &mut Vec<Unlisted>) -> Result<()> {
    let file = |path: &Path, size| Found { date: None, path: path.to_path_buf(), size };
    let kind = fs::metadata(path).map_err(Error::read(path))?;
    if kind.is_file() {
        found.push(file(path, kind.len()));
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(Error::read(path))? {
        let entry = entry.map_err(Error::read(path))?.path();
        let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']));
        let parquet = entry.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
        match fs::metadata(&entry) {
            _ if hidden => {}
            // A link to nothing, or a file that has gone meanwhile, becomes a problem when it is opened.
            Err(_) if parquet => found.push(file(&entry, 0)),
            Ok(kind) if kind.is_dir() => {
                if let Err(error) = no_loop(&entry).and_then(|()| list(&entry, found, unlisted)) {
                    unlisted.push((entry, error));
                }
            }
            Ok(kind) if parquet && kind.is_file() => found.push(file(&entry, kind.len())),
            Ok(_) if parquet => unlisted.push((entry.clone(), Error::read(&entry)(neither_file_nor_folder()))),
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a link to a folder that it is in itself.
pub(crate) fn no_loop(folder: &Path) -> Result<()> {
    let is_link = fs::symlink_metadata(folder).is_ok_and(|kind| kind.is_symlink());
    let real = |path: &Path| fs::canonicalize(path).map_err(Error::read(folder));
    if is_link && real(folder.parent().unwrap_or(folder))?.starts_with(real(folder)?) {
        return Err(Error::read(folder)(io::Error::other("it is a link to a folder that it is in itself")));
    }
    Ok(())
}

/// What is wrong with pipes and the like.
pub(crate) fn neither_file_nor_folder() -> io::Error {
    io::Error::other("it is neither a file nor a folder")
}

/// All files of a folder, as a problem.
fn unlisted_folder(root: &Path, folder: &Path, error: &Error) -> Problem {
    let name = folder.strip_prefix(root).unwrap_or(folder);
    let is_folder = std::fs::metadata(folder).is_ok_and(|found| found.is_dir());
    let name = if is_folder { name.join("*") } else { name.to_path_buf() };
    Problem { file: name.to_string_lossy().into_owned(), message: error.about_its_file() }
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
