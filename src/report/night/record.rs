//! The record of a run, read back: what was read and tested, what was wrong with it, how honest the p-values were.
//!
//! What a run did beside judging, such as which days it counted, is left where it is. Which nights it judged again and which it
//! found stale is told: nobody else would tell it in the morning.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::quality::FlawKind;
use crate::report::night::Text;
use crate::storage::read_text;

/// The record of a night.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of the record, see `NightRecord`")]
pub struct Record {
    pub version: Text,
    pub settings_hash: Text,
    /// The zone whose clocks its readers go by; empty in records of earlier versions.
    pub time_zone: String,
    pub counts: Counts,
    pub days_of_history: u64,
    pub missing_days: Vec<NaiveDate>,
    pub families: Vec<Family>,
    pub calibration: Vec<Calibration>,
    pub absorbed: u64,
    pub new_levels: Vec<NewLevel>,
    pub over: Vec<Over>,
    pub stale_nights: Vec<Text>,
    pub warnings: Vec<Text>,
    pub problems: Vec<Problem>,
    pub quality: Vec<Quality>,
    pub rules: Rules,
}

/// An entity that is at a new level, and is not reported any more.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of the record")]
pub struct NewLevel {
    pub family: String,
    pub account: Text,
    pub entity: Text,
    pub direction: String,
    /// Whether it is known to go on; records of earlier versions tell only of what is.
    #[serde(default = "yes")]
    pub known: bool,
    pub sentence: Text,
}

const fn yes() -> bool {
    true
}

impl NewLevel {
    /// What stays the same from night to night, as [`Finding::same`](crate::report::night::Finding::same) has it.
    pub fn same(&self) -> (String, Text, Text, bool) {
        (self.family.clone(), self.account.clone(), self.entity.clone(), self.direction == "down")
    }
}

/// An episode of an earlier night that is over.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of the record")]
pub struct Over {
    pub insight: String,
    pub family: String,
    pub account: Text,
    pub entity: Text,
    pub direction: String,
    pub sentence: Text,
}

impl Over {
    /// What stays the same from night to night.
    pub fn same(&self) -> (String, Text, Text, bool) {
        (self.family.clone(), self.account.clone(), self.entity.clone(), self.direction == "down")
    }
}

/// What became of the rules.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of `RuleRecord`")]
pub struct Rules {
    pub hidden: Vec<Hidden>,
}

/// A whitelist entry and how many matches it hid.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of the record")]
pub struct Hidden {
    pub reason: Text,
    pub matches: u64,
}

/// What became of the day's rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of `ScanCounts`")]
pub struct Counts {
    pub events: u64,
    pub errors: u64,
    pub set_aside: u64,
    pub without_time: u64,
    pub without_api: u64,
    pub unreadable: u64,
}

/// What was tested of a family.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of `FamilyRecord`")]
pub struct Family {
    pub family: String,
    pub entities: u64,
    pub tested: u64,
    pub tested_for_drops: u64,
    pub deviations: u64,
}

/// How honest the p-values of a set of tests were.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of `CalibrationRecord`")]
pub struct Calibration {
    pub set: String,
    pub entity_days: u64,
    pub nominal: Option<f64>,
    pub inflation: Option<f64>,
    pub power: f64,
}

/// Something that could not be used.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of `Problem`")]
pub struct Problem {
    pub file: Text,
    pub message: Text,
}

/// A defect of the input that the night worked around.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of the record")]
pub struct Quality {
    pub kind: Text,
    pub numbers: BTreeMap<String, u64>,
    pub effect: Text,
    pub sentence: Text,
}

impl Record {
    /// The record without what depends on when the night was judged, and on what came late: stale nights, and partitions that are overdue.
    pub(super) fn lasting(mut self) -> Self {
        self.stale_nights.clear();
        self.quality.retain(|flaw| !FlawKind::is_of_the_run(flaw.kind.raw(), &flaw.numbers));
        self
    }
}

/// Reads the record of a night; `None` where there is none.
pub(super) fn read(path: &Path) -> Result<Option<Record>> {
    let Some(text) = read_text(path)? else { return Ok(None) };
    let record = serde_json::from_str(&text).map_err(|error| Error::Line {
        path: path.to_path_buf(),
        line: error.line(),
        message: format!("no record of a run: {error}"),
    });
    record.map(Some)
}
