//! What a day leaves to the days after it: alerts that may go on, its insights as members of correlations, and which rules are silent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::alert::join::Thread;
use crate::alert::{AlertSettings, Fingerprint};
use crate::error::Result;
use crate::rules::InsightInput;
use crate::storage::{Daily, read_left, write_json};

/// What is left.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Carry {
    /// Alerts that further matches would join, and when somebody was last told.
    pub threads: BTreeMap<Fingerprint, Thread>,
    /// Insights of the day.
    pub insights: Vec<InsightInput>,
    /// Of the rules that must not be silent, by id: the last match, or since when they are watched.
    pub heard: BTreeMap<String, i64>,
}

impl Carry {
    /// What a day left; nothing if it was not looked at.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(state: &Path, date: NaiveDate) -> Result<Self> {
        Ok(read_left(&path(state, date), date)?.unwrap_or_default())
    }

    /// Forgets what cannot matter after `end`.
    pub fn prune(&mut self, end: i64, settings: &AlertSettings) {
        for thread in self.threads.values_mut() {
            thread.open.take_if(|open| end - open.last > settings.group_gap);
            thread.notified.take_if(|notified| end - *notified > settings.repeat_interval);
        }
        self.threads.retain(|_, thread| thread.open.is_some() || thread.notified.is_some());
    }

    /// Writes what a day leaves.
    ///
    /// # Errors
    /// When that is impossible.
    pub fn write(&self, state: &Path, date: NaiveDate) -> Result<PathBuf> {
        let path = path(state, date);
        write_json(&path, self)?;
        Ok(path)
    }
}

/// The newest day before `date` that left something.
///
/// # Errors
/// When the folder is there and cannot be listed.
pub fn newest_before(state: &Path, date: NaiveDate) -> Result<Option<NaiveDate>> {
    let days = Daily::Alerting.files(state, FILE)?.into_iter().map(|(day, _)| day);
    Ok(days.filter(|day| *day < date).max())
}

/// The name of the file.
const FILE: &str = "carry.json";

/// The file in which a day leaves something.
pub fn path(state: &Path, date: NaiveDate) -> PathBuf {
    folder(state, date).join(FILE)
}

/// What is remembered of a day.
pub(super) fn folder(state: &Path, date: NaiveDate) -> PathBuf {
    Daily::Alerting.folder(state, date)
}
