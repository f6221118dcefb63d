//! A night, step by step: history, baseline, detection, investigation, insights.
//!
//! This module alone knows all rooms and the order in which one goes through them; each step is one call.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::baseline::{FamilyHistory, Feed, SilentRegions, Window};
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
use crate::quality::{self, Duplicates, NightInput, duplicates};
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

/// Runs the job for one day: brings history up to date, finds what deviates, writes the results. `due` is the day that the newest
/// partition should be of, where somebody expects one.
///
/// # Errors
/// When the state cannot be read or written. Input that could not be used is in the record.
pub fn run_night(
    partitions: &Partitions,
    (date, due): (NaiveDate, Option<NaiveDate>),
    state: &Path,
    settings: &Settings,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<NightResult> {
    let history = update_history(partitions, date, state, settings, progress)?;
    let window = Window::new(date, settings.baseline_days, |day| has_day(&history, state, day));
    let families = read_families(state, &window)?;
    let feed = Feed::judge(&families[0], &window, settings.calendar);
    let regions = SilentRegions::judge(state, &window, settings.calendar)?;
    let (files, _) = partitions.open_range(date, date);
    let counts = history.counts_of(date);
    let input =
        NightInput { window: &window, files: &files, counts, apis: &families[0], feed: &feed, regions: &regions, due };
    let mut quality = quality::judge(&input);
    let duplicates = settings.operations.check_duplicates.then(|| duplicates::find(&files, date)).transpose()?;
    quality.extend(duplicates.iter().filter_map(Duplicates::flaw));
    let (detected, calibrations) = detect(families, &window, &feed, settings);
    let changes = FamilyHistory::read(state, Family::Change, &window)?;
    let mut found = change::detect(&changes, &window);
    found.extend(change::silences(&changes, &window, &feed));
    let tested = detected.iter().map(|(history, result)| FamilyRecord::new(history, result)).collect();
    let rates = detected.into_iter().map(|(history, result)| (history, result.deviations)).collect();
    let before = episode::read_before(state, date)?;
    let findings = NightFindings::new(rates, (changes, found), before, settings.level_shift_days);
    let past = Past { state, partitions, window: &window, feed: &feed };
    let findings = findings.with_habits(&past)?;
    let targets = findings.targets(date);
    let evidence = investigate(&files, date, &targets)?;
    let (usual, left_out) = past.usual(&targets)?;
    let Built { mut insights, episodes, explained } = build(&findings, &evidence, &usual, &window, (&feed, &regions));
    insights.retain(|insight| !settings.vendor_types_only || insight.insight_type != InsightType::PrincipalInsight);
    PlaceBook::open(&settings.geoip)?.annotate(&mut insights);
    let incidents = incident::group(&mut insights);
    let mut record = NightRecord::new(&history, &window, settings, tested, &insights);
    record.calibration = CalibrationRecord::of(&calibrations);
    record.incidents = incidents.len();
    record.absorbed = findings.absorbed();
    record.quality = quality;
    record.drops_explained = explained;
    record.ids_checked = duplicates.map(|found| found.checked);
    record.warnings.extend(left_out);
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
