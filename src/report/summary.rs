//! The summary at the end of a run: what was read, what was missing, and the top insights with a sentence each.
//!
//! Made from values that are in memory still; the page and the digests read the files.

use std::fmt::Write;

use uuid::Uuid;

use crate::alert::Alert;
use crate::insight::{Insight, Severity};
use crate::late::{Difference, Identified, Revision, Why, because, judged_how, revised};
use crate::quality::FlawKind;
use crate::report::NightRecord;
use crate::shown::{Shown, TextTable, counted, number, printable};

/// Insights shown in full; the rest is in the files.
const SHOWN: usize = 12;
/// Episodes of earlier nights that are told to be over.
const SHOWN_OVER: usize = 8;
/// Rules whose alerts are shown.
const SHOWN_RULES: usize = 8;
/// Problems, and flaws of the input, that are shown; the rest is in the run record.
const PROBLEMS: usize = 10;

/// The summary of one night as text; `width` is the terminal's, if there is one.
pub fn night(record: &NightRecord, insights: &[Insight], alerts: &[Alert], width: Option<u16>) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}{}", headline(record, insights), alerts_in_short(alerts));
    let _ = writeln!(text, "{}", input(record));
    if let Some(local) = record.local_day() {
        let _ = writeln!(text, "{local}");
    }
    if let Some(calibration) = calibration(record) {
        let _ = writeln!(text, "{calibration}");
    }
    if let Some(revision) = &record.revision {
        let _ = writeln!(text, "since it was judged last: {}", revised(revision));
    }
    for warning in record.warnings.iter().chain(&record.stale_nights) {
        let _ = writeln!(text, "! {}", printable(warning));
    }
    let flaws: Vec<&str> = record.quality.iter().map(|flaw| flaw.sentence.as_str()).collect();
    let problems = record.problems.iter().map(|problem| format!("{}: {}", problem.file, problem.message));
    list(&mut text, &flaws);
    list(&mut text, &problems.collect::<Vec<_>>());
    if !insights.is_empty() {
        let _ = writeln!(text, "\n{}", table(insights, width));
        if insights.len() > SHOWN {
            let _ = writeln!(text, "and {} more, all in the files", insights.len() - SHOWN);
        }
    }
    if !alerts.is_empty() {
        let _ = write!(text, "\n{}", alert_table(alerts, SHOWN_RULES, width));
    }
    for level in &record.new_levels {
        let _ = writeln!(text, "{}", printable(&level.sentence));
    }
    if let Some(over) = over(record) {
        let _ = writeln!(text, "{}", printable(&over));
    }
    if let Some(left) = left_to_callers(record) {
        let _ = writeln!(text, "{}", printable(&left));
    }
    if let Some(waiting) = waiting(record) {
        let _ = writeln!(text, "{waiting}");
    }
    for hidden in &record.rules.hidden {
        let matches = counted(hidden.matches, "match", "matches");
        let _ = writeln!(text, "{matches} hidden by a whitelist: {}", printable(&hidden.reason));
    }
    if let Some(query) = first_query(insights, alerts) {
        let _ = writeln!(text, "begin with: {}", printable(query));
    }
    text
}

/// Some lines, and how many more there are.
fn list(text: &mut String, lines: &[impl AsRef<str>]) {
    for line in lines.iter().take(PROBLEMS) {
        let _ = writeln!(text, "! {}", printable(line.as_ref()));
    }
    if lines.len() > PROBLEMS {
        let _ = writeln!(text, "! and {} more, all in the run record", lines.len() - PROBLEMS);
    }
}

/// Episodes of earlier nights that are over, in one line.
fn over(record: &NightRecord) -> Option<String> {
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for over in record.over.iter().take(SHOWN_OVER) {
        let when = over.when();
        match told.iter_mut().find(|(other, _)| *other == when) {
            Some((_, names)) => names.push(&over.name),
            None => told.push((when, vec![&over.name])),
        }
    }
    let told: Vec<String> = told.iter().map(|(when, names)| format!("{} {when}", names.join(", "))).collect();
    let more = record.over.len().saturating_sub(SHOWN_OVER);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    (!told.is_empty()).then(|| format!("over: {}{more}", told.join("; ")))
}

/// Rises that are no more than what their callers do anyway, in one line.
fn left_to_callers(record: &NightRecord) -> Option<String> {
    let names: Vec<&str> = record.left_to_callers.iter().map(|left| left.entity.as_str()).collect();
    let shown = names.iter().take(SHOWN_OVER).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(SHOWN_OVER);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let rises = counted(
        names.len() as u64,
        "rise is no more than its caller usually does",
        "rises are no more than their callers usually do",
    );
    (!names.is_empty()).then(|| format!("left out: {rises}: {shown}{more}"))
}

/// Rules that fire on ordinary days and raise nothing until they are tuned, if any matched.
fn waiting(record: &NightRecord) -> Option<String> {
    let waiting = &record.rules.waiting;
    let matches = counted(waiting.values().sum(), "match", "matches");
    let told = match waiting.len() {
        0 => return None,
        1 => format!("1 rule with {matches} waits for tuning"),
        many => format!("{many} rules with {matches} wait for tuning"),
    };
    Some(format!("{told}: insights rules list --tag insights.tune-first"))
}

/// The command that shows what is most serious; insights go before alerts, for they are fewer.
fn first_query<'a>(insights: &'a [Insight], alerts: &'a [Alert]) -> Option<&'a str> {
    let insight = insights.first().map(|insight| (insight.severity, &insight.next_query));
    let alert = alerts.first().map(|alert| (alert.severity, &alert.next_query));
    match (insight, alert) {
        (Some((severity, query)), Some((other, _))) if severity >= other => Some(query),
        (_, Some((_, query))) | (Some((_, query)), None) => Some(query),
        (None, None) => None,
    }
}

/// `; 9 alerts, 3 high or critical`.
fn alerts_in_short(alerts: &[Alert]) -> String {
    let serious = alerts.iter().filter(|alert| alert.severity >= Severity::High).count();
    let serious = if serious > 0 { format!(", {serious} high or critical") } else { String::new() };
    match alerts.len() {
        0 => String::new(),
        1 => format!("; 1 alert{serious}"),
        many => format!("; {many} alerts{serious}"),
    }
}

/// Alerts, a row for each rule with the first of them, in the order in which they come; at most `shown` rows.
pub fn alert_table(alerts: &[Alert], shown: usize, width: Option<u16>) -> String {
    let mut rules: Vec<(&Alert, usize, u64)> = Vec::new();
    for alert in alerts {
        match rules.iter_mut().find(|(first, ..)| first.rule_id == alert.rule_id) {
            Some((_, count, matches)) => (*count, *matches) = (*count + 1, *matches + alert.count),
            None => rules.push((alert, 1, alert.count)),
        }
    }
    let columns = [
        ("severity", Shown::Whole),
        ("alerts", Shown::Number),
        ("times", Shown::Number),
        ("what happened, the first of each rule", Shown::Words),
    ];
    let mut table = TextTable::new(width, columns);
    for (first, count, matches) in rules.iter().take(shown) {
        let (count, matches) = (number(*count as u64), number(*matches));
        table.row([first.severity.name(), &count, &matches, &printable(&first.sentence)]);
    }
    let more: usize = rules.iter().skip(shown).map(|(_, count, _)| count).sum();
    let more = if more > 0 { format!("and {more} more, less severe or of noisier rules\n") } else { String::new() };
    format!("{table}\n{more}")
}

/// What judging an earlier night again changed, and what is wrong with its input that is not with the asked night's
/// too.
pub fn again(record: &NightRecord, why: &Why, asked: &NightRecord, width: Option<u16>) -> String {
    let (how, because) = (judged_how(why), because(why));
    let revision = record.revision.as_ref();
    let changed = revision.map_or_else(|| "nothing that was reported has changed".to_owned(), revised);
    let mut text = format!("{} {how}, {because}: {changed}\n", record.date);
    let flaws = record.quality.iter().filter(|flaw| !asked.quality.iter().any(|other| other.sentence == flaw.sentence));
    list(&mut text, &flaws.map(|flaw| flaw.sentence.as_str()).collect::<Vec<_>>());
    if let Some(revision) = revision {
        let _ = writeln!(text, "{}", revision_table(record, revision, width));
    }
    text
}

fn revision_table(record: &NightRecord, revision: &Revision, width: Option<u16>) -> TextTable {
    let columns =
        [("", Shown::Whole), ("severity", Shown::Whole), ("type", Shown::Whole), ("what happened", Shown::Words)];
    let mut table = TextTable::new(width, columns);
    difference(&mut table, &revision.insights, &record.reported, |own| {
        (own.severity, own.insight_type.trim_end_matches("Insight").to_owned(), &own.sentence)
    });
    difference(&mut table, &revision.alerts, &record.reported_alerts, |own| {
        (own.severity, "alert".to_owned(), &own.sentence)
    });
    table
}

/// Adds what is told otherwise than before, the most serious first; `show` gives severity, type and sentence.
fn difference<T: Identified>(
    table: &mut TextTable,
    difference: &Difference<T>,
    told: &[T],
    show: impl Fn(&T) -> (Severity, String, &String),
) {
    let now = |ids: &[Uuid]| told.iter().filter(|own| ids.contains(&own.id())).collect::<Vec<_>>();
    let taken_back = difference.taken_back.iter().collect();
    for (what, mut told) in
        [("added", now(&difference.added)), ("changed", now(&difference.changed)), ("taken back", taken_back)]
    {
        told.sort_by_key(|one| std::cmp::Reverse(show(one).0));
        for one in told.iter().take(SHOWN) {
            let (severity, kind, sentence) = show(one);
            table.row([what, severity.name(), &kind, &printable(sentence)]);
        }
        if told.len() > SHOWN {
            table.row([what, "", "", &format!("and {} more", told.len() - SHOWN)]);
        }
    }
}

fn headline(record: &NightRecord, insights: &[Insight]) -> String {
    let what = match insights.len() {
        0 => "no insights".to_owned(),
        1 => "1 insight".to_owned(),
        many => format!("{many} insights"),
    };
    let serious = insights.iter().filter(|insight| insight.severity >= Severity::High).count();
    let serious = if serious > 0 { format!(", {serious} high or critical") } else { String::new() };
    let stories = match (record.incidents, insights.len()) {
        (_, 0 | 1) => String::new(),
        (1, _) => " in 1 incident".to_owned(),
        (many, _) => format!(" in {many} incidents"),
    };
    format!("{}: {what}{stories}{serious}", record.date)
}

fn input(record: &NightRecord) -> String {
    let counts = record.counts;
    let failed = if counts.events > 0 { counts.errors as f64 / counts.events as f64 * 100.0 } else { 0.0 };
    let entities: Vec<String> = record
        .families
        .iter()
        .filter(|family| family.tested > 0)
        .map(|family| format!("{} {}", number(family.tested as u64), family.family.replace('_', " ")))
        .collect();
    let compared = match record.days_of_history {
        0 => "no history to compare with".to_owned(),
        1 => "compared with 1 day of history".to_owned(),
        days => format!("compared with {days} days of history"),
    };
    let tested = if entities.is_empty() { String::new() } else { format!("; tested {}", entities.join(", ")) };
    let ids = match (record.ids_checked, record.quality.iter().any(|flaw| flaw.kind == FlawKind::DuplicateIds)) {
        (Some(checked), false) => format!("; {} ids, none twice", number(checked)),
        _ => String::new(),
    };
    let events = counted(counts.events, "event", "events");
    format!("{events} read, {failed:.1} % failed{ids}; {compared}{tested}")
}

/// How honest p-values were, in one line; `None` before there was enough history to judge days again.
fn calibration(record: &NightRecord) -> Option<String> {
    let told = record.calibration.iter().map(|found| {
        let what = found.set.words();
        match (found.nominal, found.inflation) {
            (Some(nominal), Some(inflation)) => {
                let corrected = if found.power < 1.0 { ", corrected" } else { "" };
                format!("{what} below {nominal}: {inflation:.1} times as many as due{corrected}")
            }
            _ => format!("{what}: not measurable yet"),
        }
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| format!("p-values of the last 7 days judged again: {}", told.join("; ")))
}

fn table(insights: &[Insight], width: Option<u16>) -> TextTable {
    let columns = [
        ("incident", Shown::Number),
        ("severity", Shown::Whole),
        ("score", Shown::Number),
        ("type", Shown::Whole),
        ("what happened", Shown::Words),
    ];
    let mut table = TextTable::new(width, columns);
    let mut shown = 0;
    for insight in insights.iter().take(SHOWN) {
        let kind = insight.insight_type.name().trim_end_matches("Insight");
        let (rank, score) = (insight.incident.rank, format!("{:.0}", insight.measured.score));
        let incident = if rank == shown { String::new() } else { rank.to_string() };
        shown = rank;
        table.row([&incident, insight.severity.name(), &score, kind, &printable(&insight.sentence)]);
    }
    table
}
