//! A night, step by step: history, baseline, detection, investigation, insights, rules, alerts.
//!
//! This module alone knows all rooms and the order in which one goes through them; each step is one call.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::alert::check::{Checked, check};
use crate::alert::day::{DayAlerts, Look};
use crate::alert::{Alert, RuleBook};
use crate::baseline::{FamilyHistory, Feed, Window};
use crate::detect::change;
use crate::detect::judgement::{Night, RateResult, judge};
use crate::detect::replay::Calibrations;
use crate::error::{Error, Result};
use crate::insight::investigate::investigate;
use crate::insight::place::PlaceBook;
use crate::insight::usual::Past;
use crate::insight::vendor::Maker;
use crate::insight::{Built, Incident, Insight, InsightType, NightFindings, build, episode, incident};
use crate::partition::Partitions;
use crate::report::{CalibrationRecord, FamilyRecord, NightRecord, output};
use crate::rollup::update::{Update, update};
use crate::rollup::{Family, store};
use crate::settings::Settings;
use crate::storage::write_text;

/// A finished night.
#[derive(Debug)]
pub struct NightResult {
    /// What was read, tested and found.
    pub record: NightRecord,
    /// The insights, most serious first.
    pub insights: Vec<Insight>,
    /// The stories that they tell, most serious first.
    pub incidents: Vec<Incident>,
    /// What the rules raised, most serious first.
    pub alerts: Vec<Alert>,
    /// The files that were written.
    pub written: Vec<PathBuf>,
}

/// Runs the job for one day: brings history up to date, finds what deviates, writes the results.
///
/// # Errors
/// When the state cannot be read or written. Input that could not be used is in the record.
pub fn run_night(
    partitions: &Partitions,
    date: NaiveDate,
    state: &Path,
    settings: &Settings,
    book: &RuleBook,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<NightResult> {
    let history = update_history(partitions, date, state, settings, progress)?;
    let window = Window::new(date, settings.baseline_days, |day| has_day(&history, state, day));
    let families = read_families(state, &window)?;
    let feed = Feed::judge(&families[0], &window, settings.calendar);
    let (detected, calibrations) = detect(families, &window, &feed, settings);
    let changes = FamilyHistory::read(state, Family::Change, &window)?;
    let found = change::detect(&changes, &window);
    let tested = detected.iter().map(|(history, result)| FamilyRecord::new(history, result)).collect();
    let rates = detected.into_iter().map(|(history, result)| (history, result.deviations)).collect();
    let before = episode::read_before(state, date)?;
    let findings = NightFindings::new(rates, (changes, found), before, settings.level_shift_days);
    let past = Past { state, partitions, window: &window, feed: &feed };
    let findings = findings.with_habits(&past)?;
    let targets = findings.targets(date);
    let (files, _) = partitions.open_range(date, date);
    let evidence = investigate(&files, date, &targets)?;
    let (usual, left_out) = past.usual(&targets)?;
    let Built { mut insights, episodes } = build(&findings, &evidence, &usual, &window, &feed);
    insights.retain(|insight| !settings.vendor_types_only || insight.insight_type != InsightType::PrincipalInsight);
    PlaceBook::open(&settings.geoip)?.annotate(&mut insights);
    let incidents = incident::group(&mut insights);
    let mut record = NightRecord::new(&history, &window, &feed, settings, tested, &insights);
    record.calibration = CalibrationRecord::of(&calibrations);
    record.incidents = incidents.len();
    record.absorbed = findings.absorbed();
    record.warnings.extend(left_out);
    let look = Look { partitions, state, book, settled: BTreeSet::new() };
    let day = look.whole_day(date, &insights)?;
    record.add_rules(book, &day);
    let mut written = write(state, &record, &insights, &day, settings)?;
    let before_record = written.len() - 1;
    written.insert(before_record, episode::write(state, date, episodes, &insights)?);
    day.keep(state, book)?;
    Ok(NightResult { record, insights, incidents, alerts: day.alerts, written })
}

/// Looks for what rules match of late: since the check before, and at least in the last `last` milliseconds before `now`. Writes the
/// alerts of the days that this touches.
///
/// # Errors
/// When the state cannot be read or written. Input that could not be used is in the days.
pub fn check_lately(
    partitions: &Partitions,
    state: &Path,
    settings: &Settings,
    book: &RuleBook,
    (last, now): (i64, i64),
) -> Result<Checked> {
    let mut look = Look { partitions, state, book, settled: BTreeSet::new() };
    let checked = check(&mut look, last, now)?;
    let hash = settings.hash();
    for day in &checked.days {
        write_alerts(state, day, settings, Maker { settings: &hash })?;
    }
    Ok(checked)
}

fn update_history(
    partitions: &Partitions,
    date: NaiveDate,
    state: &Path,
    settings: &Settings,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Update> {
    let first = date - chrono::Duration::days(settings.baseline_days as i64);
    let dates: Vec<NaiveDate> = first.iter_days().take_while(|day| *day <= date).collect();
    let history = update(partitions, &dates, state, true, progress)?;
    if history.days.iter().any(|day| day.note.date == date) {
        return Ok(history);
    }
    if !history.problems.is_empty() {
        let problem = |problem: &crate::partition::Problem| format!("{}: {}", problem.file, problem.message);
        let problems = history.problems.iter().take(3).map(problem).collect::<Vec<_>>().join("; ");
        return Err(Error::NothingUsable { date, problems });
    }
    let dates = partitions.dates();
    match (dates.first(), dates.last()) {
        (Some(&first), Some(&last)) => {
            Err(Error::NoSuchDate { path: partitions.root().to_path_buf(), date, first, last })
        }
        _ => Err(Error::NoPartitions { path: partitions.root().to_path_buf() }),
    }
}

fn has_day(history: &Update, state: &Path, day: NaiveDate) -> bool {
    history.days.iter().any(|updated| updated.note.date == day) && store::rollup_path(state, day).exists()
}

fn read_families(state: &Path, window: &Window) -> Result<Vec<FamilyHistory>> {
    Family::RATED.par_iter().map(|&family| FamilyHistory::read(state, family, window)).collect()
}

/// Judges the rates of all families; none are judged while there is too little history.
fn detect(
    families: Vec<FamilyHistory>,
    window: &Window,
    feed: &Feed,
    settings: &Settings,
) -> (Vec<(FamilyHistory, RateResult)>, Calibrations) {
    let night = Night { window, calendar: settings.calendar, feed, thresholds: settings.thresholds };
    if window.days_of_history() < settings.min_history_days {
        return (families.into_iter().map(|history| (history, RateResult::default())).collect(), Calibrations::new());
    }
    let rates = judge(&families.iter().collect::<Vec<_>>(), night);
    (families.into_iter().zip(rates.families).collect(), rates.calibrations)
}

fn write_alerts(state: &Path, day: &DayAlerts, settings: &Settings, maker: Maker<'_>) -> Result<Vec<PathBuf>> {
    let folder = state.join("alerts").join(format!("date={}", day.date));
    output::write_alerts(&folder, &day.alerts, &settings.formats, maker)
}

fn write(
    state: &Path,
    record: &NightRecord,
    insights: &[Insight],
    day: &DayAlerts,
    settings: &Settings,
) -> Result<Vec<PathBuf>> {
    let folder = state.join("insights").join(format!("date={}", record.date));
    let run = state.join("runs").join(format!("{}.json", record.date));
    let maker = Maker { settings: &record.settings_hash };
    let mut written = output::write(&folder, insights, &settings.formats, maker)?;
    written.extend(write_alerts(state, day, settings, maker)?);
    let text = serde_json::to_string_pretty(record).map_err(|error| Error::Internal(error.to_string()))?;
    write_text(&run, &(text + "\n"))?;
    written.push(run);
    Ok(written)
}
