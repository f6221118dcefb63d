//! What was reported: insights read back from the files of a state directory, and how much was tested to find them.
//!
//! An insight that went on over several nights has several lines under one id; here it is one, from its first start to its last
//! end. The nights are those of which there are results; what is labelled on other days cannot have been found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::detect::select::TestSet;
use crate::detect::{Direction, Model};
use crate::error::{Error, Result};
use crate::insight::Attribute;
use crate::rollup::Family;
use crate::storage::{day_of_folder, entries, is_there, read_text};

mod lines;
mod table;

/// What insights are measured by: the question whose answers they are, and changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Set {
    /// An answer to a question that was asked of all entities of a night.
    Asked(TestSet),
    /// A change of permissions, passwords or the trail.
    Change,
}

impl Set {
    /// Every set.
    pub const ALL: [Self; 6] = [
        Self::Asked(TestSet::RateUp),
        Self::Asked(TestSet::RateDown),
        Self::Asked(TestSet::Error),
        Self::Asked(TestSet::New),
        Self::Asked(TestSet::FirstSeen),
        Self::Change,
    ];

    /// The words for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked(TestSet::RateUp) => "rate up",
            Self::Asked(TestSet::RateDown) => "rate down",
            Self::Asked(TestSet::Error) => "error",
            Self::Asked(TestSet::New) => "new",
            Self::Asked(TestSet::FirstSeen) => "first seen",
            Self::Change => "change",
        }
    }

    /// The set of an insight about a family's entity, by what it was judged by; changes are judged by no model, and an insight that
    /// does not say by which is about a rate.
    fn of(family: &str, direction: Direction, model: Option<Model>) -> Self {
        match Family::named(family) {
            Some(Family::Change) => Self::Change,
            // Of families that are not known here only errors would differ.
            family => {
                Self::Asked(TestSet::of(family.unwrap_or(Family::Api), model.unwrap_or(Model::Seasonal), direction))
            }
        }
    }
}

/// The numbers of an episode in its first night, where they are told.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Numbers {
    /// Calls in it.
    pub observed: Option<i64>,
    /// Calls that were to be expected.
    pub expected: Option<f64>,
    /// The decimal logarithm of its p-value.
    pub log10_p_value: Option<f64>,
    /// Its score, 0 to 100.
    pub score: Option<f64>,
}

/// A reported episode.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What its lines share.
    pub id: String,
    /// The first night that reported it.
    pub night: NaiveDate,
    /// The set it belongs to.
    pub set: Set,
    /// The family's name.
    pub family: String,
    /// The account.
    pub account: String,
    /// The entity in the form in which entities are compared.
    pub entity: String,
    /// Which way counts went.
    pub direction: Direction,
    /// The first minute.
    pub start: DateTime<Utc>,
    /// One past the last minute; of an episode that is open, the end of the last night.
    pub end: DateTime<Utc>,
    /// One past the last minute that was told of.
    pub told_end: DateTime<Utc>,
    /// Whether nothing says that it has ended.
    pub is_open: bool,
    /// The story that it is a part of, where insights are grouped.
    pub incident: Option<String>,
    /// How large and how unlikely it is.
    pub numbers: Numbers,
    /// The attributes with their values, in the order in which they were named; `None` where the file holds none.
    pub attributions: Option<BTreeMap<Attribute, Vec<String>>>,
}

/// Entities times days that were tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct EntityDays {
    /// For a rise.
    pub up: u64,
    /// For a drop.
    pub down: u64,
}

/// Everything that was reported.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported {
    /// The nights of which there are results.
    pub nights: BTreeSet<NaiveDate>,
    /// What was reported in them, in the order of their starts.
    pub found: Vec<Found>,
    /// What was tested; `None` unless there is a record of every night.
    pub entity_days: Option<EntityDays>,
}

/// Reads a state directory, its `insights/` folder, or one file of insights (`.jsonl` or `.parquet`).
///
/// # Errors
/// When nothing of the kind is there, or it cannot be understood.
pub fn read(path: &Path) -> Result<Reported> {
    if std::fs::metadata(path).map_err(Error::read(path))?.is_file() {
        return read_file(path);
    }
    let inside = path.join("insights");
    let folder = if is_there(&inside)? { inside } else { path.to_path_buf() };
    let nights = nights_in(&folder)?;
    if nights.is_empty() {
        return Err(Error::NoInsights { path: path.to_path_buf() });
    }
    let mut found = Vec::new();
    for (&night, file) in &nights {
        found.extend(insights_of(file, Some(night))?);
    }
    let nights: BTreeSet<NaiveDate> = nights.into_keys().collect();
    let entity_days = entity_days(&folder.with_file_name("runs"), &nights)?;
    Ok(Reported { found: until(nights.last(), one_each(found)), nights, entity_days })
}

/// Lines say when an episode began and when it ended, and nothing of the nights between: one that is open goes on to the end of the last.
fn until(last: Option<&NaiveDate>, mut found: Vec<Found>) -> Vec<Found> {
    let midnight = last.and_then(NaiveDate::succ_opt).map(|next| next.and_time(NaiveTime::MIN).and_utc());
    for open in found.iter_mut().filter(|found| found.is_open) {
        open.end = midnight.map_or(open.end, |midnight| open.end.max(midnight));
    }
    found
}

fn read_file(path: &Path) -> Result<Reported> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let night = day_of_folder(folder);
    let found = one_each(insights_of(path, night)?);
    let first_and_last = night
        .map(|night| (night, night))
        .or_else(|| Some((found.iter().map(|found| found.night).min()?, found.iter().map(|found| found.night).max()?)));
    let days =
        first_and_last.into_iter().flat_map(|(first, last)| first.iter_days().take_while(move |day| *day <= last));
    let nights: BTreeSet<NaiveDate> = days.collect();
    let runs = folder.parent().map(|insights| insights.with_file_name("runs"));
    let entity_days = match (night, runs) {
        (Some(_), Some(runs)) => entity_days(&runs, &nights)?,
        _ => None,
    };
    Ok(Reported { nights, found, entity_days })
}

/// The nights of a folder and the file of each: events, or the table where there are none.
fn nights_in(folder: &Path) -> Result<BTreeMap<NaiveDate, PathBuf>> {
    let mut nights = BTreeMap::new();
    // Somebody named it, so it must be there.
    std::fs::metadata(folder).map_err(Error::read(folder))?;
    for day in entries(folder)? {
        let Some(date) = day_of_folder(&day) else { continue };
        for file in ["insights.jsonl", "insights.parquet"].map(|name| day.join(name)) {
            if !nights.contains_key(&date) && is_there(&file)? {
                nights.insert(date, file);
            }
        }
    }
    Ok(nights)
}

fn insights_of(path: &Path, night: Option<NaiveDate>) -> Result<Vec<Found>> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet")) {
        return table::read(path, night);
    }
    let text = std::fs::read_to_string(path).map_err(Error::read(path))?;
    lines::parse(&text, night).map_err(|(line, message)| Error::Line { path: path.to_path_buf(), line, message })
}

/// Lines of one id become one insight, which has the attributions and the numbers of its first line.
fn one_each(lines: Vec<Found>) -> Vec<Found> {
    let mut by_id: BTreeMap<String, Found> = BTreeMap::new();
    for line in lines {
        if let Some(known) = by_id.get_mut(&line.id) {
            known.start = known.start.min(line.start);
            known.end = known.end.max(line.end);
            known.told_end = known.told_end.max(line.told_end);
            known.night = known.night.min(line.night);
            known.is_open &= line.is_open;
        } else {
            by_id.insert(line.id.clone(), line);
        }
    }
    let mut found: Vec<Found> = by_id.into_values().collect();
    found.sort_by(|left, right| left.start.cmp(&right.start).then_with(|| left.id.cmp(&right.id)));
    found
}

#[derive(Deserialize)]
struct Record {
    families: Vec<TestedFamily>,
}

#[derive(Deserialize)]
struct TestedFamily {
    tested: u64,
    #[serde(default)]
    tested_for_drops: u64,
}

/// What the records of all nights say was tested; `None` if one of them is missing.
fn entity_days(runs: &Path, nights: &BTreeSet<NaiveDate>) -> Result<Option<EntityDays>> {
    let mut sum = EntityDays::default();
    for night in nights {
        let path = runs.join(format!("{night}.json"));
        let Some(text) = read_text(&path)? else { return Ok(None) };
        let record: Record = serde_json::from_str(&text).map_err(|error| Error::Line {
            path,
            line: error.line(),
            message: format!("no record of a run: {error}"),
        })?;
        sum.up += record.families.iter().map(|family| family.tested).sum::<u64>();
        sum.down += record.families.iter().map(|family| family.tested_for_drops).sum::<u64>();
    }
    Ok(Some(sum))
}

/// The text of a JSON value that may be a text or an object with an `id`.
fn text_or_id(value: &Value) -> Option<String> {
    value.as_str().or_else(|| value.get("id")?.as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insights_are_sorted_as_the_night_sorted_their_tests() {
        for family in [Family::Api, Family::ApiError, Family::SourceIp, Family::AccessKey, Family::Principal] {
            for (model, direction) in
                Model::ALL.into_iter().flat_map(|model| [(model, Direction::Up), (model, Direction::Down)])
            {
                let asked = TestSet::of(family, model, direction);
                assert_eq!(Set::of(family.name(), direction, Some(model)), Set::Asked(asked), "{family:?} {model:?}");
            }
        }
        let new_error = Set::of(Family::ApiError.name(), Direction::Up, Some(Model::New));
        assert_eq!(new_error, Set::Asked(TestSet::Error), "the errors of a new API are errors");
        let company = Set::of(Family::AccessKey.name(), Direction::Up, Some(Model::FirstSeen));
        assert_eq!(company, Set::Asked(TestSet::FirstSeen), "and whom a key met is no newcomer");
        assert_eq!(Set::of(Family::Change.name(), Direction::Up, None), Set::Change);
        let asked: Vec<Set> = TestSet::ALL.into_iter().map(Set::Asked).chain([Set::Change]).collect();
        assert_eq!(asked, Set::ALL);
    }
}
