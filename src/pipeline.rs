//! A night, step by step: history, baseline, detection, investigation, insights, rules, alerts.
//!
//! This module alone knows all rooms and the order in which one goes through them; each step is one call. A run ([`run`]) first
//! judges again what late data have overtaken, then the night that was asked for.

mod late;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::alert::check::{Checked, check};
use crate::alert::day::{DayAlerts, Look};
use crate::alert::{Alert, RuleBook};
use crate::baseline::novelty::Company;
use crate::baseline::{FamilyHistory, Feed, SilentRegions, Window};
use crate::detect::change::ChangeFound;
use crate::detect::first_seen::{self, FirstSeen};
use crate::detect::judgement::{Night, RateResult};
use crate::detect::replay::Calibrations;
use crate::detect::select::TestSet;
use crate::detect::{change, judgement};
use crate::error::{Error, Result};
use crate::insight::investigate::investigate;
use crate::insight::place::PlaceBook;
use crate::insight::trail::TrailBook;
use crate::insight::usual::Past;
use crate::insight::vendor::Maker;
use crate::insight::{Built, Incident, Insight, InsightType, NightFindings, build, episode, hours, incident};
use crate::late::{Basis, PastNight, Why, left_before};
use crate::partition::{Partitions, Problem};
use crate::pipeline::late::KnownNights;
use crate::quality::{self, Inspection, NightInput};
use crate::report::{self, CalibrationRecord, FamilyRecord, NightRecord, output};
use crate::rollup::update::{Update, update};
use crate::rollup::{Family, store};
use crate::settings::Settings;
use crate::storage::write_text;

/// What the nights of a run have in common.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations)]
pub struct Job<'a> {
    /// The events.
    pub partitions: &'a Partitions,
    /// The state directory.
    pub state: &'a Path,
    /// The settings in force.
    pub settings: &'a Settings,
    /// Their hash.
    pub settings_hash: &'a str,
    /// The day that the newest partition should be of, where somebody expects one.
    pub due: Option<NaiveDate>,
    /// The rules.
    pub book: &'a RuleBook,
    /// Is told of events that were counted.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl<'a> Job<'a> {
    fn look(&self) -> Look<'a> {
        Look { partitions: self.partitions, state: self.state, book: self.book, settled: BTreeSet::new() }
    }
}

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
    /// Why the night was judged.
    pub why: Why,
    /// The files that were written.
    pub written: Vec<PathBuf>,
}

/// A finished run.
#[derive(Debug)]
pub struct RunResult {
    /// Nights before the asked one that no longer stood and were judged again.
    pub again: Vec<NightResult>,
    /// The night that was asked for.
    pub night: NightResult,
}

/// Runs the job for one day: brings history up to date, judges again what late data have overtaken, then the day. The days of
/// `asked_too` are to be judged next.
///
/// # Errors
/// When the state cannot be read or written. Input that could not be used is in the record.
pub fn run(job: &Job<'_>, date: NaiveDate, asked_too: &BTreeSet<NaiveDate>) -> Result<RunResult> {
    let known = KnownNights::read(job, date)?;
    let history = update_history(job, date, &known.days(job))?;
    known.keep_what_knew_more(&history)?;
    let again = known.judge_again(job, &history)?;
    let mut night = judge(job, &history, date, Why::Asked, date)?;
    night.record.judged_again = again.iter().map(|night| night.record.date).collect();
    night.record.note_stale(known.stale(job, &history, &again, asked_too)?, known.newest());
    night.finish(job)?;
    night.record.stale_nights.extend(known.remake_pages(job, &again, asked_too));
    Ok(RunResult { again, night })
}

/// Finds what deviates on a day whose history is up to date, and replaces its results; [`NightResult::finish`] must follow.
fn judge(job: &Job<'_>, history: &Update, date: NaiveDate, why: Why, in_run_of: NaiveDate) -> Result<NightResult> {
    let Job { partitions, state, settings, .. } = *job;
    let window = Window::new(date, settings.baseline_days, |day| has_day(history, state, day));
    let window = window.without(&settings.incident_days);
    let families = read_families(state, &window)?;
    let feed = Feed::judge(&families[0], &window, &settings.calendar);
    let regions = SilentRegions::judge(state, &window, &settings.calendar)?;
    let (files, _) = partitions.open_range(date, date);
    let input = NightInput {
        window: &window,
        files: &files,
        counts: history.counts_of(date),
        apis: &families[0],
        feed: &feed,
        regions: &regions,
        due: job.due.filter(|_| matches!(why, Why::Asked)),
        check_duplicates: settings.operations.check_duplicates,
    };
    let Inspection { flaws, ids_checked } = quality::inspect(&input)?;
    let company = Company::read(state, &window)?;
    let Detected { rates: detected, firsts, calibrations, unjudged } =
        detect(families, company, &window, &feed, settings);
    let changes = read_changes(state, &window, &feed)?;
    let tested = detected.iter().map(|(history, result)| FamilyRecord::new(history, result)).collect();
    let rates = detected.into_iter().map(|(history, result)| (history, result.deviations)).collect();
    let before = episode::read_before(state, date)?;
    let findings = NightFindings::new(rates, changes, before, settings.level_shift_days).with_firsts(firsts);
    let past = Past { state, partitions, window: &window, feed: &feed };
    let findings = findings.with_habits(&past)?;
    let targets = findings.targets(date);
    let mut evidence = investigate(&files, date, &targets)?;
    let mut trails = TrailBook::read_before(state, date)?;
    trails.follow(&targets, &mut evidence);
    let (usual, left_out) = past.usual(&targets)?;
    let Built { mut insights, episodes, explained } = build(&findings, &evidence, &usual, &window, (&feed, &regions));
    insights.retain(|insight| !settings.vendor_types_only || insight.insight_type != InsightType::PrincipalInsight);
    PlaceBook::open(&settings.geoip)?.annotate(&mut insights);
    let incidents = incident::group(&mut insights);
    let mut record = NightRecord::new(history, &window, settings, tested, &insights);
    record.calibration = CalibrationRecord::of(&calibrations);
    record.incidents = incidents.len();
    record.absorbed = findings.absorbed();
    (record.quality, record.ids_checked) = (flaws, ids_checked);
    record.drops_explained = explained;
    record.warnings.extend(left_out.into_iter().chain(unjudged));
    let day = job.look().whole_day(date, &insights)?;
    record.add_rules(job.book, &day);
    record.basis = Basis::of(&window, history, left_before(state, date)?);
    record.revise(PastNight::read(state, date)?, &why, in_run_of);
    crate::late::begin(state, date)?;
    let mut written = write(state, &record, &insights, settings)?;
    written.extend(write_alerts(state, &day, settings, &record.settings_hash)?);
    let hours = hours::hours(&findings, &insights, &window, &feed);
    written.push(report::hours::write(&insights_folder(state, date), &hours)?);
    written.push(episode::write(state, date, episodes, &insights)?);
    written.extend(trails.write(state, date)?);
    day.keep(state, job.book)?;
    Ok(NightResult { record, insights, incidents, alerts: day.alerts, why, written })
}

/// Looks for what rules match of late: since the check before, and at least in the last `last` milliseconds before `now`. Writes the
/// alerts of the days that this touches.
///
/// # Errors
/// When the state cannot be read or written. Input that could not be used is in the days.
pub fn check_lately(job: &Job<'_>, last: i64, now: i64) -> Result<Checked> {
    let checked = check(&mut job.look(), last, now)?;
    for day in &checked.days {
        write_alerts(job.state, day, job.settings, job.settings_hash)?;
    }
    Ok(checked)
}

impl NightResult {
    /// Writes the record and the pages that are made from it, with which a night is done.
    fn finish(&mut self, job: &Job<'_>) -> Result<()> {
        let path = job.state.join("runs").join(format!("{}.json", self.record.date));
        let text = serde_json::to_string_pretty(&self.record).map_err(|error| Error::Internal(error.to_string()))?;
        write_text(&path, &(text + "\n"))?;
        self.written.push(path);
        self.written.extend(report::write_pages(job.state, self.record.date)?);
        crate::late::finish(job.state, self.record.date)
    }
}

fn update_history(job: &Job<'_>, date: NaiveDate, days: &[NaiveDate]) -> Result<Update> {
    let partitions = job.partitions;
    let history = update(partitions, days, job.state, true, job.progress)?;
    if history.days.iter().any(|day| day.note.date == date) {
        return Ok(history);
    }
    if !history.problems.is_empty() {
        return Err(Error::NothingUsable { date, problems: some_problems(history.problems.iter()) });
    }
    let dates = partitions.dates();
    if dates.contains(&date) {
        return Err(Error::NothingUsable { date, problems: "its files hold no event of that day".to_owned() });
    }
    match (dates.first(), dates.last()) {
        (Some(&first), Some(&last)) => {
            Err(Error::NoSuchDate { path: partitions.root().to_path_buf(), date, first, last })
        }
        _ => Err(Error::NoPartitions { path: partitions.root().to_path_buf() }),
    }
}

/// The first problems, in words.
fn some_problems<'a>(problems: impl Iterator<Item = &'a Problem>) -> String {
    let told: Vec<String> = problems.take(3).map(|problem| format!("{}: {}", problem.file, problem.message)).collect();
    told.join("; ")
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
    rates: Vec<(FamilyHistory, RateResult)>,
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
    let night = Night { window, calendar: &settings.calendar, feed, thresholds };
    if window.days_of_history() < settings.min_history_days {
        let rates = families.into_iter().map(|history| (history, RateResult::default())).collect();
        return Detected { rates, ..Detected::default() };
    }
    let company = first_seen::judge(company, &thresholds);
    let rates = judgement::judge(&families.iter().collect::<Vec<_>>(), night, &company.tests(families.len()));
    let firsts = company.found(&rates.others, families.len());
    let mut calibrations = rates.calibrations;
    calibrations.extend(company.calibration.map(|calibration| (TestSet::New, calibration)));
    let rates = families.into_iter().zip(rates.families).collect();
    Detected { rates, firsts, calibrations, unjudged: company.left_out() }
}

/// The changes of the window, and those of the scored day that are to be reported.
fn read_changes(state: &Path, window: &Window, feed: &Feed) -> Result<(FamilyHistory, Vec<ChangeFound>)> {
    let changes = FamilyHistory::read(state, Family::Change, window)?;
    let mut found = change::detect(&changes, window);
    found.extend(change::silences(&changes, window, feed));
    Ok((changes, found))
}

fn insights_folder(state: &Path, date: NaiveDate) -> PathBuf {
    state.join("insights").join(format!("date={date}"))
}

fn write_alerts(state: &Path, day: &DayAlerts, settings: &Settings, settings_hash: &str) -> Result<Vec<PathBuf>> {
    let folder = state.join("alerts").join(format!("date={}", day.date));
    output::write_alerts(&folder, &day.alerts, &settings.formats, Maker { settings: settings_hash })
}

fn write(state: &Path, record: &NightRecord, insights: &[Insight], settings: &Settings) -> Result<Vec<PathBuf>> {
    let folder = insights_folder(state, record.date);
    let maker = Maker { settings: &record.settings_hash };
    output::write(&folder, insights, &settings.formats, maker)
}
