//! `insights run`: the job.

mod telling;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::bail;
use chrono::{Days, NaiveDate, Utc};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::alert::RuleBook;
use crate::cli::output::{self, Format};
use crate::cli::progress::Heartbeat;
use crate::cli::{Common, date, exit, explain_code, memory, no_events, places, progress};
use crate::insight::Severity;
use crate::late::{Why, judged, omit, omitted};
use crate::partition::Partitions;
use crate::pipeline::{Job, NightResult, RunResult, run as run_job};
use crate::place::PlaceBook;
use crate::query::TimeRange;
use crate::report::metrics::RunMetrics;
use crate::settings::{self, OutputFormat, Settings};
use crate::shown::counted;
use crate::storage::{StateLock, remove_before, write_text};

/// Find what deviates on a day, compared with the days before it
#[derive(Debug, Args)]
#[command(after_help = "\
Counts whatever days of the baseline window were not counted yet, judges the day, and writes insights.jsonl (ActionTrail \
Insights events), insights.parquet (the same, flat) and a record of the run into the state directory. Evaluates the rules over \
the day as well, and writes alerts.jsonl and alerts.parquet. Nights before it whose events have come or changed since are \
judged again, up to `late_window` days back, and a night whose events came whole after later nights were judged is judged late; \
what that changes is said.

Examples:
  insights run events                          the newest day before today (UTC)
  insights run events --date 2026-02-04 --state /var/lib/insights
  insights run events --from 2026-01-29 --to 2026-02-04
  insights run events --outputs ocsf,csv --keep 400d
  insights run events --catch-up --quiet --fail-on high --metrics run.prom   for a scheduler")]
pub(super) struct RunArgs {
    /// Folder of event partitions
    #[arg(value_name = "EVENTS")]
    events: PathBuf,
    /// Folder for history and results
    #[arg(long, value_name = "DIR", default_value = "state")]
    state: PathBuf,
    /// The day to judge [default: the newest before today (UTC)]
    #[arg(long, value_name = "DATE", value_parser = date, conflicts_with_all = ["from", "to"])]
    date: Option<NaiveDate>,
    /// First of several days, judged one after the other
    #[arg(long, value_name = "DATE", value_parser = date, requires = "to")]
    from: Option<NaiveDate>,
    /// Last of several days
    #[arg(long, value_name = "DATE", value_parser = date, requires = "from")]
    to: Option<NaiveDate>,
    /// Judge also the days between the last one that was judged and the newest, such as those on which the machine was off, and
    /// those that had to be left out
    #[arg(long, conflicts_with_all = ["date", "from", "to"])]
    catch_up: bool,
    /// Exit with 1 if there is an insight or an alert of this severity or above
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<Severity>,
    /// What to write insights as, beside what other commands read [default: actiontrail,parquet]
    #[arg(long, value_enum, value_name = "FORMATS", value_delimiter = ',')]
    outputs: Vec<OutputFormat>,
    /// Remove days from the state that are older than this, such as 400d [default: keep all]
    #[arg(long, value_name = "DAYS")]
    keep: Option<settings::Days>,
    /// Look for event ids that stand in more than one event; reads every id
    #[arg(long)]
    check_duplicates: bool,
    /// Write every hour of every scored entity, with what was expected of it, to scored-hours.parquet
    #[arg(long)]
    scored_hours: bool,
    /// Write metrics in Prometheus' text format to this file
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl RunArgs {
    /// The settings that options of this command set.
    fn flags(&self) -> Vec<(&'static str, String)> {
        let name = |format: &OutputFormat| format.to_possible_value().map(|value| value.get_name().to_owned());
        let formats: Vec<String> = self.outputs.iter().filter_map(name).collect();
        let mut flags = Vec::new();
        flags.extend((!formats.is_empty()).then(|| ("outputs.formats", formats.join(","))));
        flags.extend(self.keep.map(|keep| ("operations.keep", keep.to_string())));
        flags.extend(self.metrics.as_ref().map(|path| ("operations.metrics", path.display().to_string())));
        flags.extend(self.scored_hours.then(|| ("operations.scored_hours", "true".to_owned())));
        flags.extend(self.check_duplicates.then(|| ("operations.check_duplicates", "true".to_owned())));
        flags
    }

    /// The days of partitions that are yet to come, where no day was named. Tomorrow has begun already where clocks are ahead of UTC.
    fn ahead(&self, partitions: &Partitions) -> Vec<NaiveDate> {
        let tomorrow = Utc::now().date_naive().succ_opt().filter(|_| self.date.is_none());
        let days = partitions.dates().into_iter();
        days.filter(|date| tomorrow.is_some_and(|tomorrow| *date > tomorrow)).collect()
    }

    /// The day that the newest partition should be of: yesterday, of a range its last day if that is over; none where one day was named.
    fn due(&self) -> Option<NaiveDate> {
        let yesterday = Utc::now().date_naive().pred_opt()?;
        if self.date.is_some() { None } else { Some(self.to.map_or(yesterday, |to| to.min(yesterday))) }
    }
}

pub(super) fn run(args: &RunArgs, common: &Common) -> anyhow::Result<u8> {
    let begin = Instant::now();
    let mut done = Done::default();
    let settings = match common.load_settings(&args.flags()) {
        Ok(settings) => settings,
        Err(error) => {
            // Monitoring must hear of a run that could not begin, where its place is known without the settings.
            let written =
                args.metrics.as_deref().map_or(Ok(()), |path| write_metrics((path, None), &done, exit::USAGE, begin));
            return Err(error.into()).and_then(|code| written.map(|()| code));
        }
    };
    let judged = judge(args, common, &settings, &mut done);
    complain_of_memory(&settings);
    let code = judged
        .as_ref()
        .map_or_else(explain_code, |places| places::complain_of_findings(places, &settings, code(args, &done)));
    let (metrics, limit) = (settings.operations.metrics.as_deref(), settings.operations.memory_limit);
    let written = metrics.map_or(Ok(()), |path| write_metrics((path, limit), &done, code, begin));
    // What stopped the run is worth more than that it could not be told.
    judged.and(written)?;
    output::step("run ended", &[("exit_code", json!(code)), ("seconds", json!(seconds(begin)))]);
    Ok(code)
}

/// What a run has come to.
#[derive(Default)]
struct Done {
    /// The nights that are finished, in their order.
    runs: Vec<RunResult>,
    /// Those of several that had to be left out.
    left_out: Vec<NaiveDate>,
}

/// Judges the days, tells each, and puts it to the others; where their addresses were looked up.
fn judge(args: &RunArgs, common: &Common, settings: &Settings, done: &mut Done) -> anyhow::Result<PlaceBook> {
    let partitions = Partitions::find(&args.events, &settings.columns)?;
    let dates = dates(args, &partitions, settings)?;
    let book = RuleBook::load(&settings.rules, &settings.alerts, &settings.columns)?;
    let places = places::open(settings)?;
    let _lock = StateLock::acquire(&args.state)?;
    let ground =
        Ground { partitions: &partitions, settings, settings_hash: &settings.hash(), book: &book, places: &places };
    let judged = nights(args, common, ground, &dates, done);
    let runs = &done.runs;
    // Nights that are finished are told, whatever becomes of a later one.
    let told = if args.format == Format::Json && !runs.is_empty() {
        output::json(&runs.iter().map(telling::value).collect::<Vec<_>>())
    } else {
        Ok(())
    };
    judged.and(told)?;
    retain(args, common, settings, runs)?;
    Ok(places)
}

/// What all nights of a run have in common.
#[derive(Clone, Copy)]
struct Ground<'a> {
    partitions: &'a Partitions,
    settings: &'a Settings,
    settings_hash: &'a str,
    book: &'a RuleBook,
    places: &'a PlaceBook,
}

/// Judges night after night; those that are finished are in `done`, however it ends. Where there are several, one that cannot be judged
/// is left out, as long as another can.
fn nights(
    args: &RunArgs,
    common: &Common,
    ground: Ground<'_>,
    dates: &[NaiveDate],
    done: &mut Done,
) -> anyhow::Result<()> {
    let Ground { partitions, settings, settings_hash, book, places } = ground;
    telling::begin(&args.state, settings_hash, dates.len());
    let ahead = args.ahead(partitions);
    for (number, &date) in dates.iter().enumerate() {
        check_memory(settings, done.runs.len())?;
        let is_last = number + 1 == dates.len();
        let begin = Instant::now();
        let bar = progress::events(common, &date.to_string(), None);
        let heartbeat = Heartbeat::new(date);
        let progress = |events| {
            bar.inc(events);
            heartbeat.tick(bar.position());
        };
        let job = Job {
            partitions,
            state: &args.state,
            settings,
            settings_hash,
            // Only of the last of several days is it the newest.
            due: args.due().filter(|_| is_last),
            ahead: if is_last { &ahead } else { &[] },
            every_night: args.date.is_none() && args.from.is_none(),
            book,
            places,
            progress: &progress,
        };
        let next: BTreeSet<NaiveDate> = dates[number + 1..].iter().copied().collect();
        let run = run_job(&job, date, &next);
        bar.finish_and_clear();
        let run = match run {
            Err(error) if error.is_of_one_night() && !(is_last && done.runs.is_empty()) => {
                leave_out(&args.state, date, &error)?;
                done.left_out.push(date);
                continue;
            }
            run => run?,
        };
        telling::log(&run, begin);
        if args.format == Format::Text {
            output::result(&telling::text(&run, common.quiet))?;
        }
        done.runs.push(run);
    }
    Ok(())
}

/// Names a night that cannot be judged. One that never was is marked, so that it is tried again.
fn leave_out(state: &Path, date: NaiveDate, error: &crate::Error) -> crate::Result<()> {
    output::complain(&format!("! {date} is left out: {error}"));
    if matches!(error, crate::Error::NothingUsable { .. }) { omit(state, date, &error.to_string()) } else { Ok(()) }
}

/// Seconds since then, to the millisecond.
fn seconds(begin: Instant) -> f64 {
    (begin.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
}

/// Begins no further night once the limit was passed.
fn check_memory(settings: &Settings, judged: usize) -> crate::Result<()> {
    let Some((limit, peak)) = settings.operations.memory_limit.zip(memory::peak()) else { return Ok(()) };
    if judged > 0 && peak > limit.0 {
        let days = counted(judged as u64, "day is", "days are");
        return Err(crate::Error::Memory { needed: format!("{} MiB", peak >> 20), limit: limit.to_string(), days });
    }
    Ok(())
}

/// A limit that was not kept is said of a single night too, which no further one stops at.
fn complain_of_memory(settings: &Settings) {
    let limit = settings.operations.memory_limit.zip(memory::peak());
    let told = limit.and_then(|(limit, peak)| memory::passed(limit, peak, rayon::current_num_threads()));
    if let Some(told) = told {
        output::complain(&format!("! {told}"));
    }
}

/// Removes days that are older than what is kept, counted from the newest judged day.
fn retain(args: &RunArgs, common: &Common, settings: &Settings, runs: &[RunResult]) -> anyhow::Result<()> {
    let newest = runs.iter().map(|run| run.night.record.date).max();
    let Some((keep, newest)) = settings.operations.keep.zip(newest) else { return Ok(()) };
    let Some(first_kept) = newest.checked_sub_days(Days::new(u64::from(keep.0))) else { return Ok(()) };
    let removed = remove_before(&args.state, first_kept)?;
    if !removed.is_empty() && !common.quiet {
        output::complain(&format!(
            "{} before {first_kept} removed from the state, as {keep} are kept",
            counted(removed.len() as u64, "day", "days")
        ));
    }
    Ok(())
}

fn write_metrics(
    (path, memory_limit): (&Path, Option<settings::Bytes>),
    done: &Done,
    exit_code: u8,
    begin: Instant,
) -> anyhow::Result<()> {
    let metrics = RunMetrics {
        nights: done.runs.iter().map(|run| (&run.night.record, &run.night.insights[..])).collect(),
        left_out: done.left_out.len(),
        exit_code,
        ended: Utc::now(),
        seconds: begin.elapsed().as_secs_f64(),
        peak_memory: memory::peak(),
        memory_limit: memory_limit.map(|limit| limit.0),
    };
    Ok(write_text(path, &metrics.text())?)
}

fn dates(args: &RunArgs, partitions: &Partitions, settings: &Settings) -> anyhow::Result<Vec<NaiveDate>> {
    let known = partitions.dates();
    if let Some(date) = args.date {
        return Ok(vec![date]);
    }
    if let (Some(from), Some(to)) = (args.from, args.to) {
        TimeRange::of_days(args.from, args.to)?;
        let between: Vec<NaiveDate> = known.into_iter().filter(|date| (from..=to).contains(date)).collect();
        if between.is_empty() {
            bail!(no_events(&args.events, partitions, args.from, args.to));
        }
        return Ok(between);
    }
    let today = Utc::now().date_naive();
    match known.iter().rfind(|date| **date < today) {
        Some(&newest) if args.catch_up => missed(&args.state, &known, newest, settings.baseline_days),
        Some(&newest) => Ok(vec![newest]),
        None => bail!(crate::Error::NothingBefore {
            path: args.events.clone(),
            today,
            problem: partitions.problems().first().map_or(String::new(), |problem| format!("; {}", problem.message)),
        }),
    }
}

/// The days after the last that was judged and those that were left out within the baseline window, up to the newest; that too in
/// any case, as it may rest on the others.
fn missed(
    state: &Path,
    known: &BTreeSet<NaiveDate>,
    newest: NaiveDate,
    window: usize,
) -> anyhow::Result<Vec<NaiveDate>> {
    let last = judged(state, &(NaiveDate::MIN..=newest))?.last().map(|night| night.date);
    let (omitted, first) = (omitted(state)?, newest.checked_sub_days(Days::new(window as u64)));
    let is_new = |date: NaiveDate| last.is_some_and(|last| date > last);
    let is_left = |date: NaiveDate| omitted.contains(&date) && first.is_none_or(|first| date >= first);
    let is_missed = |date: &&NaiveDate| **date < newest && (is_new(**date) || is_left(**date));
    Ok(known.iter().filter(is_missed).copied().chain([newest]).collect())
}

fn code(args: &RunArgs, done: &Done) -> u8 {
    let nights = || done.runs.iter().flat_map(|run| run.again.iter().chain([&run.night]));
    if nights().any(|night| !night.record.rules.refused.is_empty()) {
        exit::USAGE
    } else if !done.left_out.is_empty() || nights().any(|night| night.record.is_partial()) {
        exit::PARTIAL
    } else if args.fail_on.is_some_and(|least| nights().any(|night| has_news(night, least))) {
        exit::FINDINGS
    } else {
        exit::DONE
    }
}

/// Whether a night has an insight or an alert of this severity or above; of one that was judged again by the way only those count
/// that are new, or more serious than they were told.
fn has_news(night: &NightResult, least: Severity) -> bool {
    let revision = night.record.revision.as_ref();
    let is_new = |id| revision.is_some_and(|revision| revision.insights.is_news(id));
    let is_new_alert = |id| revision.is_some_and(|revision| revision.alerts.is_news(id));
    let mut serious = night.insights.iter().filter(|insight| insight.severity >= least);
    let mut raised = night.alerts.iter().filter(|alert| alert.severity >= least);
    match night.why {
        Why::Asked => serious.next().is_some() || raised.next().is_some(),
        _ => serious.any(|insight| is_new(insight.id)) || raised.any(|alert| is_new_alert(alert.alert_id)),
    }
}
