//! The nights that were judged before, from their records, and the mark of those that were begun and not finished.
//!
//! A night's files are replaced one after the other and its record last. While that goes on `runs/DATE.unfinished` stands beside
//! the record, so that a night that was killed in the middle is known from one that is whole.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::late::{Basis, Reported, ReportedAlert, Revision, omitted};
use crate::storage::{Daily, entries, is_there, remove, write_text};

/// How the name of an unfinished night's mark ends.
const MARK: &str = "unfinished";

/// A night that was judged, or begun, before, or that should have been.
#[derive(Debug, Clone, Default)]
pub struct PastNight {
    /// The day.
    pub date: NaiveDate,
    /// Whether its files may be of two runs.
    pub is_unfinished: bool,
    /// Whether no run judged it, though nights before and after it were judged.
    pub is_skipped: bool,
    /// What its record says; `None` where there is none, or it cannot be understood.
    pub record: Option<PastRecord>,
}

/// What is read of a night's record.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct PastRecord {
    /// The program's version.
    pub version: String,
    /// The hash of the settings.
    pub settings_hash: String,
    /// The hash of those that change insights; absent from records of earlier versions.
    #[serde(default)]
    pub judging_hash: Option<String>,
    /// What its results rest on; absent from records of earlier versions.
    pub basis: Option<Basis>,
    /// What was reported.
    #[serde(default)]
    pub reported: Vec<Reported>,
    /// The alerts; absent from records of earlier versions.
    pub reported_alerts: Option<Vec<ReportedAlert>>,
    /// What later runs made of it.
    #[serde(default)]
    pub revisions: Vec<Revision>,
}

impl PastNight {
    /// What is known of a night; nothing, if it was never judged.
    ///
    /// # Errors
    /// When its record is there and cannot be read.
    pub fn read(state: &Path, date: NaiveDate) -> Result<Self> {
        let path = Daily::Runs.file(state, date, "json");
        let text = match fs::read(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(Error::read(&path)(error)),
        };
        let record = text.as_deref().map(serde_json::from_slice::<PastRecord>);
        // A record that is damaged tells nothing: its night is judged again as one that was not finished.
        let is_damaged = matches!(record, Some(Err(_)));
        let is_unfinished = is_damaged || is_there(&mark(state, date))?;
        Ok(Self { date, is_unfinished, is_skipped: false, record: record.and_then(std::result::Result::ok) })
    }
}

/// Adds the days of `there` that lie between judged nights and were never judged themselves. Whether their events came after later nights
/// were judged, [`Now::standing`](crate::late::Now::standing) knows.
pub fn with_skipped(nights: Vec<PastNight>, there: &BTreeSet<NaiveDate>) -> Vec<PastNight> {
    let (Some(first), Some(last)) = (nights.first(), nights.last()) else { return nights };
    let is_known = |date: NaiveDate| nights.iter().any(|night| night.date == date);
    let skipped = there.range(first.date..last.date).filter(|date| !is_known(**date));
    let skipped = skipped.map(|&date| PastNight { date, is_skipped: true, ..PastNight::default() });
    let mut all: Vec<PastNight> = skipped.chain(nights.iter().cloned()).collect();
    all.sort_by_key(|night| night.date);
    all
}

impl PastRecord {
    /// That of a night of which nothing was told.
    pub fn of_nothing() -> Self {
        Self { reported_alerts: Some(Vec::new()), ..Self::default() }
    }
}

/// The nights among some days that were judged or begun, ascending.
///
/// # Errors
/// When a record is there and cannot be read.
pub fn judged(state: &Path, days: &RangeInclusive<NaiveDate>) -> Result<Vec<PastNight>> {
    let files = entries(&Daily::Runs.root(state))?;
    let day = |file: &PathBuf| day_of(file.file_name()?.to_str()?).filter(|date| days.contains(date));
    let mut dates: Vec<NaiveDate> = files.iter().filter_map(day).collect();
    dates.sort_unstable();
    dates.dedup();
    dates.into_iter().map(|date| PastNight::read(state, date)).collect()
}

/// The day of a record or a mark.
fn day_of(name: &str) -> Option<NaiveDate> {
    let (day, ending) = name.split_once('.')?;
    ["json", MARK].contains(&ending).then(|| day.parse().ok()).flatten()
}

/// Marks a night as not finished, before the first of its files is replaced.
pub fn begin(state: &Path, date: NaiveDate) -> Result<()> {
    write_text(&mark(state, date), "")
}

/// Takes the mark away, after the last of a night's files was written, and the one that it was left out before.
pub fn finish(state: &Path, date: NaiveDate) -> Result<()> {
    omitted::judged(state, date)?;
    remove(&mark(state, date))
}

fn mark(state: &Path, date: NaiveDate) -> PathBuf {
    Daily::Runs.file(state, date, MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, number).unwrap()
    }

    #[test]
    fn nights_are_known_by_their_records_and_marks() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        assert!(judged(state, &(day(1)..=day(31))).unwrap().is_empty());
        begin(state, day(3)).unwrap();
        let record = r#"{"version": "1", "settings_hash": "a", "something": "new"}"#;
        for (name, text) in [("2026-01-02.json", record), ("2026-01-04.json", "{"), ("2026-01-20.json", record)] {
            fs::write(Daily::Runs.root(state).join(name), text).unwrap();
        }
        fs::write(Daily::Runs.root(state).join("notes.txt"), "").unwrap();
        let nights = judged(state, &(day(1)..=day(10))).unwrap();
        let told: Vec<_> =
            nights.iter().map(|night| (night.date, night.is_unfinished, night.record.is_some())).collect();
        assert_eq!(told, [(day(2), false, true), (day(3), true, false), (day(4), true, false)]);
        assert_eq!(nights[0].record.as_ref().unwrap().basis, None);
        finish(state, day(3)).unwrap();
        finish(state, day(3)).unwrap();
        assert_eq!(judged(state, &(day(1)..=day(3))).unwrap().len(), 1);
    }

    #[test]
    fn days_between_judged_nights_are_known_to_be_skipped() {
        let nights = [5, 8, 9].map(|number| PastNight { date: day(number), ..PastNight::default() }).to_vec();
        let skipped = |there: RangeInclusive<u32>| {
            let all = with_skipped(nights.clone(), &there.map(day).collect());
            assert!(all.is_sorted_by_key(|night| night.date) && all.len() >= nights.len());
            all.iter().filter(|night| night.is_skipped).map(|night| night.date).collect::<Vec<_>>()
        };
        assert_eq!(skipped(1..=12), [day(6), day(7)]);
        assert_eq!(skipped(7..=12), [day(7)]);
        assert!(skipped(8..=12).is_empty() && with_skipped(Vec::new(), &[day(1)].into()).is_empty());
    }
}
