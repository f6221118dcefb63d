//! A night, step by step: history, baseline, detection, investigation, insights.
//!
//! This module alone knows all rooms and the order in which one goes through them; each step is one call.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::baseline::novelty::Company;
use crate::baseline::{FamilyHistory, Feed, Window};
use crate::detect::change;
use crate::detect::first_seen::{self, FirstSeen};
use crate::detect::judgement::{Night, RateResult, judge};
use crate::detect::replay::Calibrations;
use crate::detect::select::TestSet;
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
    progress: &(dyn Fn(u64) + Sync),
) -> Result<NightResult> {
    let history = update_history(partitions, date, state, settings, progress)?;
    let window = Window::new(date, settings.baseline_days, |day| has_day(&history, state, day));
    let families = read_families(state, &window)?;
    let feed = Feed::judge(&families[0], &window, settings.calendar);
    let company = Company::read(state, &window)?;
    let Detected { detected, firsts, calibrations, unjudged } = detect(families, company, &window, &feed, settings);
    let changes = FamilyHistory::read(state, Family::Change, &window)?;
    let found = change::detect(&changes, &window);
    let tested = detected.iter().map(|(history, result)| FamilyRecord::new(history, result)).collect();
    let rates = detected.into_iter().map(|(history, result)| (history, result.deviations)).collect();
    let before = episode::read_before(state, date)?;
    let findings = NightFindings::new(rates, (changes, found), before, settings.level_shift_days).with_firsts(firsts);
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
    record.warnings.extend(left_out.into_iter().chain(unjudged));
    let mut written = write(state, &record, &insights, settings)?;
    let before_record = written.len() - 1;
    written.insert(before_record, episode::write(state, date, episodes, &insights)?);
    Ok(NightResult { record, insights, incidents, written })
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

/// What the detectors made of a night.
#[derive(Default)]
struct Detected {
    detected: Vec<(FamilyHistory, RateResult)>,
    firsts: Vec<FirstSeen>,
    calibrations: Calibrations,
    /// What could not be judged, in words.
    unjudged: Option<String>,
}

/// Judges the rates of all families, and whom their entities met; none are judged while there is too little history.
fn detect(
    families: Vec<FamilyHistory>,
    company: Company,
    window: &Window,
    feed: &Feed,
    settings: &Settings,
) -> Detected {
    let thresholds = settings.thresholds;
    let night = Night { window, calendar: settings.calendar, feed, thresholds };
    if window.days_of_history() < settings.min_history_days {
        let detected = families.into_iter().map(|history| (history, RateResult::default())).collect();
        return Detected { detected, ..Detected::default() };
    }
    let company = first_seen::judge(company, &thresholds);
    let rates = judge(&families.iter().collect::<Vec<_>>(), night, &company.tests(families.len()));
    let firsts = company.found(&rates.others, families.len());
    let mut calibrations = rates.calibrations;
    calibrations.extend(company.calibration.map(|calibration| (TestSet::New, calibration)));
    let detected = families.into_iter().zip(rates.families).collect();
    Detected { detected, firsts, calibrations, unjudged: company.left_out() }
}

fn write(state: &Path, record: &NightRecord, insights: &[Insight], settings: &Settings) -> Result<Vec<PathBuf>> {
    let folder = state.join("insights").join(format!("date={}", record.date));
    let run = state.join("runs").join(format!("{}.json", record.date));
    let maker = Maker { settings: &record.settings_hash };
    let mut written = output::write(&folder, insights, &settings.formats, maker)?;
    let text = serde_json::to_string_pretty(record).map_err(|error| Error::Internal(error.to_string()))?;
    write_text(&run, &(text + "\n"))?;
    written.push(run);
    Ok(written)
}
