//! What a state directory keeps by day, and where: the layout that every room goes by.
//!
//! A folder of days (`date=YYYY-MM-DD`), or a file a day. What is not there is empty; what cannot be read is an error, never empty.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use crate::error::{Error, Result};

/// What is kept by day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daily {
    /// Counts and pairs.
    Rollups,
    /// Insights, and what a night leaves to the next.
    Insights,
    /// Alerts.
    Alerts,
    /// What alerts are made from, and who was told.
    Alerting,
    /// Pages and digests.
    Reports,
    /// Records of nights.
    Runs,
    /// Settings that trails were seen to have.
    TrailSettings,
}

impl Daily {
    /// All of it.
    pub const ALL: [Self; 7] =
        [Self::Rollups, Self::Insights, Self::Alerts, Self::Alerting, Self::Reports, Self::Runs, Self::TrailSettings];

    const fn name(self) -> &'static str {
        match self {
            Self::Rollups => "rollups",
            Self::Insights => "insights",
            Self::Alerts => "alerts",
            Self::Alerting => "alerting",
            Self::Reports => "reports",
            Self::Runs => "runs",
            Self::TrailSettings => "trail_settings",
        }
    }

    /// Where all of its days are.
    pub fn root(self, state: &Path) -> PathBuf {
        state.join(self.name())
    }

    /// The folder of a day.
    pub fn folder(self, state: &Path, date: NaiveDate) -> PathBuf {
        day_folder(&self.root(state), date)
    }

    /// The file of a day.
    pub fn file(self, state: &Path, date: NaiveDate, ending: &str) -> PathBuf {
        self.root(state).join(format!("{date}.{ending}"))
    }

    /// The files of that name in the folders of all days, in the order of days.
    ///
    /// # Errors
    /// When a folder is there and cannot be read.
    pub fn files(self, state: &Path, name: &str) -> Result<Vec<(NaiveDate, PathBuf)>> {
        let mut files = Vec::new();
        for day in entries(&self.root(state))? {
            let Some(date) = day_of_folder(&day) else { continue };
            let path = day.join(name);
            if is_there(&path)? {
                files.push((date, path));
            }
        }
        files.sort();
        Ok(files)
    }
}

/// The folder of a day in a folder of days.
pub fn day_folder(days: &Path, date: NaiveDate) -> PathBuf {
    days.join(format!("date={date}"))
}

/// The day that a folder is of, if its name says one.
pub fn day_of_folder(path: &Path) -> Option<NaiveDate> {
    path.file_name()?.to_str()?.strip_prefix("date=")?.parse().ok()
}

/// Whether there is something of that name. What cannot be looked at is not taken for absent.
///
/// # Errors
/// When that cannot be told.
pub fn is_there(path: &Path) -> Result<bool> {
    path.try_exists().map_err(Error::read(path))
}

/// What is in a folder; nothing if it is not there.
///
/// # Errors
/// When it is there and cannot be read.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::read(folder))?,
    };
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(Error::read(folder))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_empty_and_what_cannot_be_read_is_an_error() {
        let state = tempfile::tempdir().unwrap();
        let days = || Daily::Rollups.files(state.path(), "rollup.parquet");
        assert_eq!(days().unwrap(), []);
        let folder = Daily::Rollups.root(state.path());
        for name in ["date=2026-01-02", "date=2026-01-01", "date=2026-01-03", "date=soon", "other"] {
            fs::create_dir_all(folder.join(name)).unwrap();
            if name != "date=2026-01-03" {
                fs::write(folder.join(name).join("rollup.parquet"), "").unwrap();
            }
        }
        assert_eq!(
            days().unwrap().iter().map(|(date, _)| date.to_string()).collect::<Vec<_>>(),
            ["2026-01-01", "2026-01-02"]
        );
        assert!(is_there(&folder).unwrap() && !is_there(&folder.join("absent")).unwrap());
        fs::remove_dir_all(&folder).unwrap();
        fs::write(&folder, "").unwrap();
        let within = folder.join("within");
        assert!(matches!(is_there(&within), Err(Error::Read { path, .. }) if path == within));
        assert!(matches!(days(), Err(Error::Read { path, .. }) if path == folder));
    }
}
