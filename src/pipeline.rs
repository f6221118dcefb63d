//! A run: history brought up to date, the nights that late data have overtaken judged again, then the night that was asked for.
//!
//! This module alone knows all rooms and the order in which one goes through them. What happens within a night is `night`; which
//! nights before it no longer stand, `known_nights`.

mod known_nights;
mod night;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use crate::alert::check::{Checked, check};
use crate::alert::day::{DayAlerts, Look};
use crate::alert::{Alert, RuleBook};
use crate::baseline::{FamilyHistory, Window};
use crate::detect::change;
use crate::error::{Error, Result};
use crate::insight::vendor::Maker;
use crate::insight::{Incident, Insight};
use crate::late::{self, Why};
use crate::partition::{Partitions, Problem};
use crate::pipeline::known_nights::KnownNights;
use crate::pipeline::night::judge;
use crate::place::PlaceBook;
use crate::quality;
use crate::report::{self, NightRecord, output};
use crate::rollup::mend::Mended;
use crate::rollup::update::{Counting, Update, update};
use crate::rollup::{Family, store};
use crate::settings::Settings;
use crate::storage::{Daily, is_there, write_json};

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
    /// The days of partitions that lie ahead of the clock, where somebody asked for the newest.
    pub ahead: &'a [NaiveDate],
    /// Whether every night is meant to be judged, as by whoever names none: those that were skipped are judged late then.
    pub every_night: bool,
    /// The rules.
    pub book: &'a RuleBook,
    /// Where addresses are.
    pub places: &'a PlaceBook,
    /// Is told of events that were counted.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl<'a> Job<'a> {
    fn look(&self) -> Look<'a> {
        Look {
            partitions: self.partitions,
            state: self.state,
            book: self.book,
            places: self.places,
            settled: BTreeSet::new(),
        }
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
/// `asked_too` are to be judged next. Counts that turn out to be damaged are made anew from the events, as long as these are there, and so
/// is what an earlier night left: it is judged again first.
///
/// # Errors
/// When the state cannot be read or written. Input that could not be used is in the record.
pub fn run(job: &Job<'_>, date: NaiveDate, asked_too: &BTreeSet<NaiveDate>) -> Result<RunResult> {
    run_for(job, (date, Why::Asked), asked_too)
}

fn run_for(job: &Job<'_>, (date, why): (NaiveDate, Why), asked_too: &BTreeSet<NaiveDate>) -> Result<RunResult> {
    let (mut again, mut mended) = (Vec::new(), Mended::default());
    loop {
        match run_once(job, (date, &why), asked_too, &mut again, &mended) {
            Ok(night) => return Ok(RunResult { again, night }),
            Err(Error::Left { path, date: left, message }) if left < date && !mended.knows(&path) => {
                let next = asked_too.iter().copied().chain([date]).collect();
                let Ok(run) = run_for(job, (left, Why::Damaged), &next) else {
                    return Err(Error::Left { path, date: left, message });
                };
                again.extend(run.again.into_iter().chain([run.night]));
                mended.note(path, job.state, &format!("and {left} was judged again to make it anew: {message}"));
            }
            Err(error) => mended.remove(error, job.partitions, job.state)?,
        }
    }
}

/// As [`run`], as long as the history can be read; nights that were judged again are in `again`, however it ends.
fn run_once(
    job: &Job<'_>,
    (date, why): (NaiveDate, &Why),
    asked_too: &BTreeSet<NaiveDate>,
    again: &mut Vec<NightResult>,
    mended: &Mended,
) -> Result<NightResult> {
    let known = KnownNights::read(job, date)?;
    let history = update_history(job, date, &known.days(job))?;
    known.keep_what_knew_more(&history)?;
    known.judge_again(job, &history, again)?;
    let mut night = judge(job, &history, date, why.clone(), date)?;
    night.record.judged_again = again.iter().map(|night| night.record.date).collect();
    night.record.note_stale(known.stale(job, &history, again, asked_too)?, known.newest());
    // Of this run and not of the night: the page stays what it was.
    night.record.stale_nights.extend(mended.sentences().cloned());
    night.finish(job)?;
    let left = known.remake_pages(job, again, asked_too);
    if !left.is_empty() {
        night.record.stale_nights.extend(left);
        night.write_record(job)?;
        report::write_pages(job.state, date)?;
    }
    Ok(night)
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
        let path = self.write_record(job)?;
        self.written.push(path);
        self.written.extend(report::write_pages(job.state, self.record.date)?);
        late::finish(job.state, self.record.date)
    }

    fn write_record(&self, job: &Job<'_>) -> Result<PathBuf> {
        let path = Daily::Runs.file(job.state, self.record.date, "json");
        write_json(&path, &self.record)?;
        Ok(path)
    }
}

fn update_history(job: &Job<'_>, date: NaiveDate, days: &[NaiveDate]) -> Result<Update> {
    let partitions = job.partitions;
    let counting = Counting { pairs: true, max_entities: job.settings.max_entities };
    let history = update(partitions, days, job.state, counting, job.progress)?;
    if history.days.iter().any(|day| day.note.date == date) {
        return Ok(history);
    }
    if !history.problems.is_empty() {
        let own = some_problems(history.problems_of(date));
        let problems = if own.is_empty() { some_problems(history.problems.iter()) } else { own };
        return Err(Error::NothingUsable { date, problems });
    }
    let dates = partitions.dates();
    if dates.contains(&date) {
        return Err(Error::NothingUsable { date, problems: "its files hold no event of that day".to_owned() });
    }
    match (dates.first(), dates.last()) {
        (Some(&first), Some(&last)) => {
            let why = stopped_before(job.state, &dates, date)?;
            Err(Error::NoSuchDate { path: partitions.root().to_path_buf(), date, first, last, why })
        }
        _ => Err(Error::NoPartitions { path: partitions.root().to_path_buf() }),
    }
}

/// Whether the audit trail was touched on the newest day before one that has no events, as far as that was counted.
fn stopped_before(state: &Path, dates: &BTreeSet<NaiveDate>, date: NaiveDate) -> Result<String> {
    let Some(&before) = dates.range(..date).next_back() else { return Ok(String::new()) };
    let is_counted = is_there(&store::rollup_path(state, before))?;
    let window = Window::new(before, 0, |_| is_counted);
    let changes = FamilyHistory::read(state, Family::Change, &window)?;
    Ok(quality::stopped(before, &change::trail_touched(&changes, &window)))
}

/// The first problems, in words.
fn some_problems<'a>(problems: impl Iterator<Item = &'a Problem>) -> String {
    let told: Vec<String> = problems.take(3).map(|problem| format!("{}: {}", problem.file, problem.message)).collect();
    told.join("; ")
}

fn write_alerts(state: &Path, day: &DayAlerts, settings: &Settings, settings_hash: &str) -> Result<Vec<PathBuf>> {
    let folder = Daily::Alerts.folder(state, day.date);
    output::write_alerts(&folder, &day.alerts, &settings.formats, Maker { settings: settings_hash })
}
