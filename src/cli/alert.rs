//! `insights alert`: rules over what arrived lately, for a scheduler that starts it every so often.

use std::fmt::Write;
use std::path::PathBuf;

use chrono::Utc;
use clap::Args;
use serde_json::json;

use crate::alert::check::Checked;
use crate::alert::notice::{self, Notice};
use crate::alert::{Alert, RuleBook, Status, hook};
use crate::cli::output::{self, Format};
use crate::cli::{Common, exit, places};
use crate::error::Result;
use crate::insight::Severity;
use crate::partition::{Partitions, Problem};
use crate::pipeline::{Job, check_lately};
use crate::query::{parse_length, parse_moment, rfc3339};
use crate::report::summary::alert_table;
use crate::settings::Settings;
use crate::shown::printable;
use crate::storage::StateLock;
use crate::time::date_of_ms;

/// Evaluate the rules over what arrived lately, and print what somebody should be told
#[derive(Debug, Args)]
#[command(after_help = "\
Looks at the events since the start before, and at those of --last before that, so that late events are seen and a start that \
was missed is caught up. What is told is told once, and of one rule and its keys at most once an hour. The alerts of the days that \
were looked at are written as `insights run` writes them. With `command` under [alerts] in insights.toml, a program of yours gets \
what is due as JSON on its standard input.

Examples:
  insights alert events                            every 15 minutes, by any scheduler
  insights alert events --last 2h --state /var/lib/insights --quiet --fail-on high
  insights alert events --now 2026-01-29T08:00:00Z --format json")]
pub(super) struct AlertArgs {
    /// Folder of event partitions
    #[arg(value_name = "EVENTS")]
    events: PathBuf,
    /// How late events may come: at least so much before now is looked at, such as 30m or 2h
    #[arg(long, value_name = "TIME", default_value = "30m")]
    last: String,
    /// Folder for history and results
    #[arg(long, value_name = "DIR", default_value = "state")]
    state: PathBuf,
    /// The time that it is taken to be [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    /// Exit with 1 if something of this severity or above is told
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<Severity>,
    /// How to print what is told
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Rules of which notices are printed; the rest is in the files.
const SHOWN: usize = 50;

pub(super) fn run(args: &AlertArgs, common: &Common) -> anyhow::Result<u8> {
    let settings = common.load_settings(&[])?;
    let (last, now) = span(args)?;
    let book = RuleBook::load(&settings.rules, &settings.alerts, &settings.columns)?;
    let partitions = Partitions::find(&args.events, &settings.columns)?;
    let places = places::open(&settings)?;
    let _lock = StateLock::acquire(&args.state)?;
    let job = Job {
        partitions: &partitions,
        state: &args.state,
        settings: &settings,
        settings_hash: &settings.hash(),
        due: None,
        ahead: &[],
        every_night: false,
        book: &book,
        places: &places,
        progress: &|_| (),
    };
    let mut checked = check_lately(&job, last, now)?;
    print(args, common, &checked)?;
    let told = tell(args, &settings, &mut checked);
    let problems = problems(&partitions, &checked);
    complain(&book, &checked, &problems);
    complain_of_silence(&partitions, &checked);
    complain_of_clock(&checked);
    told?;
    Ok(places::complain_of_findings(&places, &settings, code(args, &book, &checked, &problems)))
}

/// `--last` and `--now` in milliseconds.
fn span(args: &AlertArgs) -> Result<(i64, i64)> {
    let clock = Utc::now().timestamp_millis();
    let last = parse_length(&args.last).map_err(|mistake| mistake.of("--last"))?;
    let now = match &args.now {
        Some(text) => parse_moment(text, clock, false).map_err(|mistake| mistake.of("--now"))?,
        None => clock,
    };
    Ok((last, now))
}

fn print(args: &AlertArgs, common: &Common, checked: &Checked) -> anyhow::Result<()> {
    if args.format == Format::Json {
        return output::json(&checked.notices);
    }
    let of = |status| checked.notices.iter().filter(move |notice| notice.status == status).map(|notice| &notice.alert);
    let firing: Vec<Alert> = of(Status::Firing).cloned().collect();
    let mut text = String::new();
    if !firing.is_empty() {
        text += &alert_table(&firing, SHOWN, output::width());
        let _ = writeln!(text, "begin with: {}", printable(&firing[0].next_query));
    }
    for alert in of(Status::Resolved) {
        let _ = writeln!(text, "over: {}", printable(&alert.sentence));
    }
    if checked.notices.is_empty() && !common.quiet {
        let (from, now) = (rfc3339(checked.from), rfc3339(checked.now));
        let _ = writeln!(text, "nothing to tell from {from} to {now}");
    }
    Ok(output::result(&text)?)
}

/// Tells the program of the settings, and remembers who was told; what could not be told is told again by the next start.
fn tell(args: &AlertArgs, settings: &Settings, checked: &mut Checked) -> Result<()> {
    let told = hook::tell(&settings.alerts.command, &checked.notices);
    if told.is_err() {
        checked.told.take_back(&checked.notices, &checked.before);
    } else {
        notice::record(&args.state, &checked.notices)?;
    }
    checked.told.write(&args.state)?;
    told
}

/// What could not be read, each once.
fn problems(partitions: &Partitions, checked: &Checked) -> Vec<Problem> {
    let mut problems = partitions.problems().to_vec();
    problems.extend(checked.days.iter().flat_map(|day| day.problems.iter().cloned()));
    problems.sort();
    problems.dedup();
    problems
}

fn complain(book: &RuleBook, checked: &Checked, problems: &[Problem]) {
    book.rules.refusals().iter().for_each(|refusal| output::complain(&format!("! rule not used: {refusal}")));
    for problem in problems {
        output::complain(&format!("! {}: {}", printable(&problem.file), printable(&problem.message)));
    }
    checked.days.iter().flat_map(|day| &day.warnings).for_each(|warning| output::complain(&format!("! {warning}")));
    let events: u64 = checked.days.iter().map(|day| day.looked.events).sum();
    let numbers = [
        ("from", json!(rfc3339(checked.from))),
        ("now", json!(rfc3339(checked.now))),
        ("events", json!(events)),
        ("alerts", json!(checked.days.iter().map(|day| day.alerts.len()).sum::<usize>())),
        ("told", json!(checked.notices.len())),
    ];
    output::step("checked", &numbers);
}

/// A feed that has ended tells nothing, which is no good news.
fn complain_of_silence(partitions: &Partitions, checked: &Checked) {
    let newest = partitions.dates().last().copied();
    let silent = newest.zip(date_of_ms(checked.from)).filter(|(newest, from)| newest < from);
    if let Some((newest, from)) = silent {
        output::complain(&format!(
            "! the newest events are of {newest}: nothing has arrived of {from} or later, so there was nothing to look at"
        ));
    }
}

/// What was looked at by a clock that was ahead was looked at some time ago, nobody knows when.
fn complain_of_clock(checked: &Checked) {
    if let Some(ahead) = checked.ahead {
        output::complain(&format!(
            "! the check before was at {}, which is yet to come: a clock was wrong, so everything since {} was looked at",
            rfc3339(ahead),
            rfc3339(checked.from)
        ));
    }
}

fn code(args: &AlertArgs, book: &RuleBook, checked: &Checked, problems: &[Problem]) -> u8 {
    let fires = |notice: &Notice| {
        notice.status == Status::Firing && args.fail_on.is_some_and(|least| notice.alert.severity >= least)
    };
    if !book.rules.refusals().is_empty() {
        exit::USAGE
    } else if !problems.is_empty() {
        exit::PARTIAL
    } else if checked.notices.iter().any(fires) {
        exit::FINDINGS
    } else {
        exit::DONE
    }
}
