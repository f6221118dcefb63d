//! The settings: what is typed into `insights.toml`, and what it means.
//!
//! Every setting has a good default and the file is optional. A key that does not exist is an error that names the nearest one. The
//! environment and the command line may set the same keys, see [`Layers`]; what each key is, is told once, in [`REFERENCE`].

mod dates;
mod layers;
mod mistake;
mod output_format;
mod quantity;
mod reference;

pub use layers::{Layers, Source, environment};
pub use output_format::OutputFormat;
pub use quantity::{Bytes, Days};
pub use reference::{InForce, REFERENCE, Setting, example, variable};

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;

use chrono::NaiveDate;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::alert::{AlertSettings, RawAlerts};
use crate::baseline::Calendar;
use crate::detect::Thresholds;
use crate::error::did_you_mean;
use crate::event::Column;
use crate::partition::ColumnOverrides;
use crate::query::{SavedSearches, is_name};
use crate::rules::RuleSettings;
use crate::rules::settings::RawRules;
use crate::rules::typed_date;

/// The file that is looked for in the working folder.
pub const FILE_NAME: &str = "insights.toml";
/// Entities of a family and day that are named unless the settings say otherwise: more than a cloud has.
const MAX_ENTITIES: usize = 1_000_000;
/// Days that must be kept beside the baseline's, for days that come late; more if the window for these is longer.
const DAYS_BESIDE_BASELINE: u32 = 7;

/// Settings as they are in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Days of history that a day is compared with.
    pub baseline_days: usize,
    /// Days of history below which no rates are judged.
    pub min_history_days: usize,
    /// The seasonal slots.
    pub calendar: Calendar,
    /// Days that nothing is learnt from.
    pub incident_days: BTreeSet<NaiveDate>,
    /// What counts as worth a person's time.
    pub thresholds: Thresholds,
    /// Names of columns in files that no dialect knows.
    pub columns: ColumnOverrides,
    /// Nights of a deviation, none of those between being usual, after which it is taken for an entity's new level.
    pub level_shift_days: u32,
    /// Days before a night in which data that came late or changed make their nights be judged again.
    pub late_window: u32,
    /// The most entities of a family that a day's rollup names.
    pub max_entities: usize,
    /// Whether to leave out insights that the vendor has no type for.
    pub vendor_types_only: bool,
    /// Searches that have a name; they change no result of a run.
    pub searches: SavedSearches,
    /// What insights are written as.
    pub formats: Vec<OutputFormat>,
    /// Databases of addresses.
    pub geoip: Vec<PathBuf>,
    /// What the job does beside judging.
    pub operations: Operations,
    /// Which rules are evaluated, and how.
    pub rules: RuleSettings,
    /// What is made of their matches, and who is told.
    pub alerts: AlertSettings,
}

/// Settings for whoever runs the job; none of them changes a result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Operations {
    /// How long days stay in the state; `None` for ever.
    pub keep: Option<Days>,
    /// How much memory to make do with.
    pub memory_limit: Option<Bytes>,
    /// Where metrics are written.
    pub metrics: Option<PathBuf>,
    /// Whether to look for ids that stand in more than one event.
    pub check_duplicates: bool,
    /// Whether to write every hour of every scored entity.
    pub scored_hours: bool,
}

/// The file's own form.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawSettings {
    baseline_days: usize,
    min_history_days: usize,
    time_zone: String,
    #[serde(deserialize_with = "typed_date::several")]
    days_off: Vec<String>,
    #[serde(deserialize_with = "typed_date::several")]
    incident_days: Vec<String>,
    false_discovery_rate: f64,
    max_p_value: f64,
    min_excess: f64,
    min_ratio: f64,
    drop_min_expected: f64,
    drop_max_ratio: f64,
    level_shift_days: u32,
    late_window: u32,
    max_entities: usize,
    vendor_types_only: bool,
    columns: BTreeMap<String, String>,
    #[serde(skip_serializing)]
    searches: SavedSearches,
    #[serde(skip_serializing)]
    rules: RawRules,
    alerts: RawAlerts,
    outputs: RawOutputs,
    geoip: RawGeoip,
    operations: RawOperations,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
struct RawOutputs {
    formats: Vec<String>,
}

impl Default for RawOutputs {
    fn default() -> Self {
        Self { formats: vec!["actiontrail".to_owned(), "parquet".to_owned()] }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
struct RawGeoip {
    files: Vec<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
struct RawOperations {
    keep: String,
    memory_limit: String,
    metrics: String,
    check_duplicates: bool,
    scored_hours: bool,
}

impl Default for RawSettings {
    fn default() -> Self {
        let thresholds = Thresholds::default();
        Self {
            baseline_days: 28,
            min_history_days: 7,
            time_zone: "UTC".to_owned(),
            days_off: Vec::new(),
            incident_days: Vec::new(),
            false_discovery_rate: thresholds.false_discovery_rate,
            max_p_value: thresholds.max_p_value,
            min_excess: thresholds.min_excess,
            min_ratio: thresholds.min_ratio,
            drop_min_expected: thresholds.drop_min_expected,
            drop_max_ratio: thresholds.drop_max_ratio,
            level_shift_days: 7,
            late_window: 3,
            max_entities: MAX_ENTITIES,
            vendor_types_only: false,
            columns: BTreeMap::new(),
            searches: SavedSearches::new(),
            rules: RawRules::default(),
            alerts: RawAlerts::default(),
            outputs: RawOutputs::default(),
            geoip: RawGeoip::default(),
            operations: RawOperations::default(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            baseline_days: 28,
            min_history_days: 7,
            calendar: Calendar::new(chrono_tz::UTC),
            incident_days: BTreeSet::new(),
            thresholds: Thresholds::default(),
            columns: ColumnOverrides::new(),
            level_shift_days: 7,
            late_window: 3,
            max_entities: MAX_ENTITIES,
            vendor_types_only: false,
            searches: SavedSearches::new(),
            formats: vec![OutputFormat::Actiontrail, OutputFormat::Parquet],
            geoip: Vec::new(),
            operations: Operations::default(),
            rules: RuleSettings::default(),
            alerts: AlertSettings::default(),
        }
    }
}

impl Settings {
    #[cfg(test)]
    fn parse(text: &str) -> std::result::Result<Self, String> {
        Self::from_raw(toml::from_str(text).map_err(|error| mistake::in_file(text, &error))?)
    }

    fn from_raw(raw: RawSettings) -> std::result::Result<Self, String> {
        let zone = raw.time_zone.parse().map_err(|_| format!("time_zone: `{}` is no IANA time zone", raw.time_zone))?;
        within_bounds(&raw)?;
        let operations = operations(&raw)?;
        Ok(Self {
            baseline_days: raw.baseline_days,
            min_history_days: raw.min_history_days,
            calendar: Calendar::new(zone).with_days_off(dates::read("days_off", &raw.days_off)?),
            incident_days: dates::read("incident_days", &raw.incident_days)?,
            thresholds: Thresholds {
                false_discovery_rate: raw.false_discovery_rate,
                max_p_value: raw.max_p_value,
                min_excess: raw.min_excess,
                min_ratio: raw.min_ratio,
                drop_min_expected: raw.drop_min_expected,
                drop_max_ratio: raw.drop_max_ratio,
            },
            columns: raw.columns.into_iter().map(column_override).collect::<std::result::Result<_, _>>()?,
            level_shift_days: raw.level_shift_days,
            late_window: raw.late_window,
            max_entities: raw.max_entities,
            vendor_types_only: raw.vendor_types_only,
            searches: named(raw.searches)?,
            formats: raw
                .outputs
                .formats
                .iter()
                .map(|name| format_named(name))
                .collect::<std::result::Result<_, _>>()?,
            geoip: raw.geoip.files.into_iter().map(PathBuf::from).collect(),
            operations,
            rules: raw.rules.validate(zone)?,
            alerts: raw.alerts.validate()?,
        })
    }

    /// The same of what can change the insights of a night: whatever rules match, they stand.
    pub fn judging_hash(&self) -> String {
        let plain = Self::default();
        Self { rules: plain.rules, alerts: plain.alerts, ..self.clone() }.hash()
    }

    /// A short hash of everything that can change what is found.
    pub fn hash(&self) -> String {
        let judging = Self {
            late_window: 0,
            searches: SavedSearches::new(),
            formats: Vec::new(),
            geoip: Vec::new(),
            operations: Operations::default(),
            alerts: self.alerts.judging(),
            ..self.clone()
        };
        blake3::hash(format!("{judging:?}").as_bytes()).to_hex()[..16].to_owned()
    }
}

/// Whether numbers are such as can be judged by.
fn within_bounds(raw: &RawSettings) -> std::result::Result<(), String> {
    between("baseline_days", raw.baseline_days as f64, 7.0, 400.0)?;
    between("min_history_days", raw.min_history_days as f64, 1.0, 400.0)?;
    if raw.min_history_days > raw.baseline_days {
        let (least, days) = (raw.min_history_days, raw.baseline_days);
        return Err(format!("min_history_days: expected at most the {days} baseline_days, found {least}"));
    }
    between("false_discovery_rate", raw.false_discovery_rate, 1e-9, 0.5)?;
    between("max_p_value", raw.max_p_value, 0.0, 1.0)?;
    between("min_excess", raw.min_excess, 0.0, 1e12)?;
    between("min_ratio", raw.min_ratio, 1.0, 1e6)?;
    between("drop_min_expected", raw.drop_min_expected, 1.0, 1e12)?;
    between("drop_max_ratio", raw.drop_max_ratio, 0.0, 1.0)?;
    between("level_shift_days", f64::from(raw.level_shift_days), 2.0, 400.0)?;
    between("late_window", f64::from(raw.late_window), 0.0, 60.0)?;
    between("max_entities", raw.max_entities as f64, 1.0, 1e9)
}

fn format_named(name: &str) -> std::result::Result<OutputFormat, String> {
    OutputFormat::from_str(name, false).map_err(|_| {
        let names: Vec<String> = OutputFormat::value_variants()
            .iter()
            .filter_map(|format| format.to_possible_value().map(|value| value.get_name().to_owned()))
            .collect();
        format!("outputs.formats: there is no format `{name}`; there are {}", names.join(", "))
    })
}

fn operations(settings: &RawSettings) -> std::result::Result<Operations, String> {
    let raw = &settings.operations;
    let keep: Option<Days> = optional(&raw.keep).map_err(|message| format!("operations.keep: {message}"))?;
    let beside = settings.late_window.max(DAYS_BESIDE_BASELINE);
    let least = settings.baseline_days + beside as usize;
    if let Some(keep) = keep.filter(|keep| (keep.0 as usize) < least) {
        return Err(format!(
            "operations.keep: expected at least {least} days, for a night compares with {} days (baseline_days) and {beside} \
             more are kept for days that come late, found {keep}",
            settings.baseline_days
        ));
    }
    let memory_limit = optional(&raw.memory_limit).map_err(|message| format!("operations.memory_limit: {message}"))?;
    let metrics = Some(&raw.metrics).filter(|path| !path.is_empty()).map(PathBuf::from);
    let (check_duplicates, scored_hours) = (raw.check_duplicates, raw.scored_hours);
    Ok(Operations { keep, memory_limit, metrics, check_duplicates, scored_hours })
}

/// A quantity that need not be there.
fn optional<Quantity: FromStr<Err = String>>(text: &str) -> std::result::Result<Option<Quantity>, String> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

fn between(name: &str, value: f64, least: f64, most: f64) -> std::result::Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{name}: expected a number from {least} to {most}, found {value}"))
}

fn named(searches: SavedSearches) -> std::result::Result<SavedSearches, String> {
    match searches.keys().find(|name| !is_name(name)) {
        Some(name) => Err(format!("searches: `{name}` is no name; expected letters, digits, `-` and `_`, at most 64")),
        None => Ok(searches),
    }
}

fn column_override((name, path): (String, String)) -> std::result::Result<(Column, String), String> {
    if let Some(column) = Column::named(&name) {
        if path.is_empty() {
            return Err(format!("columns.{name}: expected the name that the column has in your files, found nothing"));
        }
        Ok((column, path))
    } else {
        let near = did_you_mean(&name, Column::ALL.iter().map(|column| column.name()));
        Err(format!("columns: there is no event column `{name}`{near}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, words) in [
            ("\nbaseline_day = 3", "line 2: there is no setting `baseline_day`; did you mean `baseline_days`?"),
            ("[outputs]\nformat = []", "line 2: there is no setting `outputs.format`; did you mean `formats`?"),
            ("operations = 3", "line 1: operations: expected a table, found `3`"),
            ("min_ratio = 0.5", "min_ratio: expected a number from 1 to 1000000, found 0.5"),
            (
                "baseline_days = 14\nmin_history_days = 21",
                "min_history_days: expected at most the 14 baseline_days, found 21",
            ),
            ("time_zone = 'Mars/Olympus'", "time_zone: `Mars/Olympus` is no IANA time zone"),
            ("[columns]\nevent_tim = 'x'", "columns: there is no event column `event_tim`; did you mean `event_time`?"),
            ("days_off = ['2026-02-30']", "days_off: `2026-02-30` is neither a date"),
            ("days_off = [2026-02-17T10:00:00Z]", "days_off: `2026-02-17T10:00:00Z` is neither a date"),
            ("days_off = [3]", "line 1: days_off: expected a date such as 2026-02-17, found `3`"),
            (
                "[columns]\nprincipal_id = ''",
                "columns.principal_id: expected the name that the column has in your files",
            ),
            (
                "[rules.override.'cis.at.unauth_apicall']\nthreshold = -1",
                "rules.override.\"cis.at.unauth_apicall\".threshold: expected a number from 0 up, found -1",
            ),
            (
                "[rules.override.often]\nwindow = '1.5h'",
                "rules.override.often.window: expected a number and s, m, h or d",
            ),
            ("\nmin_ratio = 'x'", "line 2: min_ratio: expected a number, found `x`"),
            ("baseline_days = -1", "line 1: baseline_days: expected a whole number, found `-1`"),
            ("vendor_types_only = 'yes'", "line 1: vendor_types_only: expected `true` or `false`, found `yes`"),
            ("[outputs]\nformats = 'csv'", "line 2: outputs.formats: expected a list, found `csv`"),
            ("[rules]\ndisable = [\n'low',\n3]", "line 4: rules.disable: expected a text, found `3`"),
            ("[searches.a]\nusr = 1", "line 2: there is no setting `searches.a.usr`; did you mean `user`?"),
            ("[searches.a]\nbogus = 1", "line 2: there is no setting `searches.a.bogus`"),
            (
                "[searches.a]\nuser = 'x'\n[searches.b]\nlimit = 'x'",
                "line 4: searches.b.limit: expected a whole number",
            ),
            ("min_ratio = 3\nlate_window = 2\nmin_ratio = 4", "line 3: `min_ratio` is set twice"),
            ("min_ratio = ", "line 1: "),
        ] {
            let message = Settings::parse(text).unwrap_err();
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn dates_need_no_quotes() {
        let rules =
            "[rules]\nholidays = [2026-10-01]\n[[rules.whitelist]]\nusers = ['a']\nreason = 'b'\nexpires = 2026-12-31";
        let bare = format!("days_off = [2026-01-01, '2026-02-16/2026-02-22']\nincident_days = [2026-03-01]\n{rules}");
        let quoted = bare.replace("2026-01-01,", "'2026-01-01',").replace("[2026-03-01]", "['2026-03-01']");
        let quoted = quoted.replace("[2026-10-01]", "['2026-10-01']").replace("2026-12-31", "'2026-12-31'");
        assert_eq!(Settings::parse(&bare).unwrap(), Settings::parse(&quoted).unwrap());
        assert_eq!(Settings::parse(&bare).unwrap().calendar.days_off().len(), 8);
    }

    #[test]
    fn what_is_written_is_in_force() {
        let settings =
            Settings::parse("time_zone = 'Asia/Shanghai'\nmin_excess = 20\n[columns]\nevent_time = 'ts'").unwrap();
        assert_eq!(settings.calendar.zone(), chrono_tz::Asia::Shanghai);
        assert_eq!(settings.columns[&Column::EventTime], "ts");
        assert_ne!(settings.hash(), Settings::default().hash());
        let [none, off, incident] = ["", "days_off = ['2026-02-17']", "incident_days = ['2026-02-17']"]
            .map(|text| Settings::parse(text).unwrap().hash());
        assert!(none != off && none != incident && off != incident);
    }
}
