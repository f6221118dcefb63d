//! A judged night, read back from the files of a state directory: all that a page or a digest tells.
//!
//! Nothing but files goes in, and no file of a later night, so that what is told of a night is the same whenever it is asked for.
//! What somebody else may have written comes out as [`Text`]. Files of earlier nights that cannot be read cost their part of
//! the story, and are named; those of the night itself are needed.

mod again;
mod alert;
mod columns;
mod days;
mod finding;
mod hours;
mod incident;
mod place;
mod record;
mod since;
mod text;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::error::{Error, Result};
use crate::report::hours::FILE_NAME as HOURS;
use crate::storage::{Daily, is_there};

pub use again::{Change, JudgedAgain};
pub use alert::Alert;
pub use days::{CALENDAR_DAYS, DayCount};
pub use finding::{Attack, AttackTerm, Attribution, Details, Finding, Share};
pub use hours::Hour;
pub use incident::Incident;
pub use place::Place;
pub use record::{Calibration, Counts, Family, Hidden, Left, NewLevel, Over, Problem, Quality, Record, Rules};
pub use since::Since;
pub use text::Text;

/// Everything that is known of a night.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Night {
    /// The judged day.
    pub date: NaiveDate,
    /// The insights, the incidents of the run in their order.
    pub findings: Vec<Finding>,
    /// The alerts, the most serious first.
    pub alerts: Vec<Alert>,
    /// The stories, the one with the most evidence first.
    pub incidents: Vec<Incident>,
    /// What was read and tested; `None` where the record is gone.
    pub record: Option<Record>,
    /// What judging it again, and in its run earlier nights, changed.
    pub again: Vec<JudgedAgain>,
    /// What changed since the night before.
    pub since: Since,
    /// How much was found on each of the last days, the oldest first.
    pub days: Vec<DayCount>,
    /// What of earlier nights could not be read.
    pub unread: Vec<String>,
}

impl Night {
    /// Reads a night.
    ///
    /// # Errors
    /// When there is no such night, or its own files cannot be read.
    pub fn read(state: &Path, date: NaiveDate) -> Result<Self> {
        let folder = Daily::Insights.folder(state, date);
        if !is_there(&folder.join(TABLE))? {
            return Err(no_such_night(state, date)?);
        }
        let mut night = Self { date, findings: finding::read_table(&folder.join(TABLE))?, ..Self::default() };
        night.read_details(state)?;
        night.alerts = alert::read(&alerts_path(state, date))?;
        night.record = record::read(&Daily::Runs.file(state, date, "json"))?;
        night.incidents = Incident::group(&night.findings, &night.alerts);
        let again = again::read(state, date);
        night.again = again.unwrap_or_else(|error| {
            night.unread.push(format!("what was judged again: {error}"));
            Vec::new()
        });
        let before = night.read_before(state);
        night.since = Since::of(date, &night.findings, before, night.record.as_ref());
        for day in days::last(date) {
            let count = days::count(state, day);
            let known = count.map_err(|error| night.unread.push(format!("{day}: {error}")));
            night.days.push(known.unwrap_or(DayCount { date: day, ..DayCount::default() }));
        }
        Ok(night)
    }

    /// The night without what its runs did beside judging it: the same whatever came late, and whenever it was judged.
    #[must_use]
    pub fn lasting(self) -> Self {
        Self { again: Vec::new(), record: self.record.map(Record::lasting), ..self }
    }

    /// Adds what the flat table has no room for. An episode that goes on without beginning or ending tonight has its events in
    /// the night in which it began, or in the next if that was in its last hour.
    fn read_details(&mut self, state: &Path) -> Result<()> {
        let folder = Daily::Insights.folder(state, self.date);
        let mut details = finding::read_details(&folder.join(EVENTS))?;
        let starts = self.findings.iter().map(|finding| finding.start.date_naive());
        let begun: BTreeSet<NaiveDate> = starts.flat_map(|start| start.iter_days().take(2)).collect();
        for earlier in begun.into_iter().filter(|begin| *begin < self.date) {
            match finding::read_details(&Daily::Insights.folder(state, earlier).join(EVENTS)) {
                Ok(found) => found.into_iter().for_each(|(id, told)| {
                    details.entry(id).or_insert(told);
                }),
                Err(error) => {
                    let why = error.about_its_file();
                    self.unread.push(format!("{earlier}: who began what goes on tonight ({why})"));
                }
            }
        }
        let path = folder.join(HOURS);
        let mut hours = if is_there(&path)? { hours::read(&path)? } else { std::collections::BTreeMap::default() };
        for finding in &mut self.findings {
            finding.hours = hours.remove(&finding.id).unwrap_or_default();
            finding.details = details.remove(&finding.id).unwrap_or_else(|| std::mem::take(&mut finding.details));
        }
        Ok(())
    }

    /// The insights of the night before, if it was judged.
    fn read_before(&mut self, state: &Path) -> Option<Vec<Finding>> {
        let before = self.date.pred_opt()?;
        let path = Daily::Insights.folder(state, before).join(TABLE);
        let read = is_there(&path).and_then(|is_there| is_there.then(|| finding::read_table(&path)).transpose());
        read.map_err(|error| self.unread.push(format!("{before}: {error}"))).ok().flatten()
    }

    /// The zone whose clocks its readers go by.
    pub fn zone(&self) -> Tz {
        self.record.as_ref().and_then(|record| record.time_zone.parse().ok()).unwrap_or(Tz::UTC)
    }

    /// The findings of an incident.
    pub fn findings_of<'a>(&'a self, incident: &'a Incident) -> impl Iterator<Item = &'a Finding> {
        incident.findings.iter().map(|&finding| &self.findings[finding])
    }

    /// A culprit of an incident with where it is, if it is an address of which that is known.
    pub fn located(&self, incident: &Incident, culprit: &Text) -> String {
        Place::beside(self.findings_of(incident).flat_map(|finding| &finding.details.places), culprit)
    }

    /// The alerts of an incident.
    pub fn alerts_of<'a>(&'a self, incident: &'a Incident) -> impl Iterator<Item = &'a Alert> {
        incident.alerts.iter().map(|&alert| &self.alerts[alert])
    }
}

/// The flat table of a night.
const TABLE: &str = "insights.parquet";
/// The events of a night.
const EVENTS: &str = "insights.jsonl";

fn alerts_path(state: &Path, date: NaiveDate) -> PathBuf {
    Daily::Alerts.folder(state, date).join("alerts.jsonl")
}

/// The nights of which a state directory holds results.
///
/// # Errors
/// When there are none, or the folder cannot be read.
pub fn judged(state: &Path) -> Result<BTreeSet<NaiveDate>> {
    let files = Daily::Insights.files(state, TABLE)?;
    let nights: BTreeSet<NaiveDate> = files.into_iter().map(|(date, _)| date).collect();
    if nights.is_empty() { Err(Error::NoInsights { path: state.to_path_buf() }) } else { Ok(nights) }
}

fn no_such_night(state: &Path, date: NaiveDate) -> Result<Error> {
    let nights = judged(state)?;
    let (first, last) = (nights.first().copied().unwrap_or(date), nights.last().copied().unwrap_or(date));
    Ok(Error::NoSuchNight { path: state.to_path_buf(), date, first, last })
}
