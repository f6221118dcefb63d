//! An evaluation as tables for a person: every share with the counts it is made of.

use std::fmt::Write;

use chrono::NaiveTime;

use crate::detect::Direction;
use crate::evaluate::listing::{Apart, Listed, Nearest, Subject};
use crate::evaluate::measure::{AttackMeasure, Evaluation, KindMeasure, SetMeasure};
use crate::evaluate::proportion::Proportion;
use crate::evaluate::timing::Timing;
use crate::shown::{Shown, TextTable, counted, number, printable, scientific};

/// The evaluation as text; `width` is the terminal's, if there is one.
pub fn text(evaluation: &Evaluation, width: Option<u16>) -> String {
    let mut text = headline(evaluation);
    let mut section = |title: &str, header: &[&str], rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let _ = writeln!(text, "\n{title}\n{}", table(header, rows, width));
        }
    };
    section(
        "What was reported",
        &SET_HEADER,
        evaluation.sets.iter().filter(|set| set.reported > 0).map(set_row).collect(),
    );
    section("What was found of it", &KIND_HEADER, evaluation.kinds.iter().map(kind_row).collect());
    section("Attacks", &ATTACK_HEADER, evaluation.attacks.iter().map(attack_row).collect());
    section("Starts, ends and delay", &TIMING_HEADER, evaluation.timing.iter().map(timing_row).collect());
    let attributions = evaluation
        .attributions
        .iter()
        .map(|measure| vec![measure.attribute.to_owned(), share(measure.first), share(measure.among_five)]);
    section("Culprits of true insights", &["attribute", "named first", "among five"], attributions.collect());
    text
}

const SET_HEADER: [&str; 9] = [
    "set",
    "reported",
    "true",
    "explained",
    "repeated",
    "false",
    "precision",
    "false share",
    "false per 1000 entity-days",
];
const KIND_HEADER: [&str; 4] = ["kind", "size", "labels", "labels with 1 call an hour and 10 more or fewer"];
const ATTACK_HEADER: [&str; 3] = ["kind", "found", "in one incident"];
const TIMING_HEADER: [&str; 9] = [
    "kind",
    "size",
    "start within 5 min",
    "off by, min",
    "end within 5 min",
    "off by, min",
    "both",
    "first night",
    "delay, h",
];

fn headline(evaluation: &Evaluation) -> String {
    let mut text = String::new();
    let nights = match (evaluation.first_night, evaluation.last_night) {
        (Some(first), Some(last)) if first != last => format!("{} nights, {first} to {last}", evaluation.nights),
        (Some(first), _) => format!("the night of {first}"),
        _ => "no nights".to_owned(),
    };
    let tested =
        evaluation.entity_days.map_or("entity-days unknown, for a record of a run is missing".to_owned(), |days| {
            format!("{} entity-days tested for a rise, {} for a drop", number(days.up), number(days.down))
        });
    let _ = writeln!(text, "{nights}: {tested}");
    let outside = match evaluation.labels_outside {
        0 => String::new(),
        many => format!("; {many} more are of other days and left out"),
    };
    let labels = if evaluation.labels == 1 { "label" } else { "labels" };
    let _ = writeln!(text, "{} {labels}{outside}", evaluation.labels);
    if let Some(all) = evaluation.sets.last() {
        let f1 = evaluation.f1.map_or("unknown".to_owned(), |f1| format!("{f1:.2}"));
        let _ = writeln!(text, "precision {}, recall {}, F1 {f1}", exact(all.precision), exact(evaluation.recall));
        let nominal = evaluation.nominal_false_share * 100.0;
        let _ = writeln!(text, "false share {}, asked for {nominal:.0} %", exact(all.false_share));
    }
    let _ = writeln!(text, "recall on ordinary entities {}", exact(evaluation.recall_ordinary));
    text
}

fn table(header: &[&str], rows: Vec<Vec<String>>, width: Option<u16>) -> TextTable {
    let mut table = TextTable::new(width, header.iter().map(|name| (*name, Shown::Whole)));
    rows.into_iter().for_each(|row| table.row(row));
    table
}

fn set_row(set: &SetMeasure) -> Vec<String> {
    let counts = [set.reported, set.right, set.explained, set.repeated, set.wrong].map(|count| count.to_string());
    let rate = set.false_per_1000_entity_days.map_or("–".to_owned(), |rate| format!("{rate:.2}"));
    let shares = [percent(set.precision), percent(set.false_share), rate];
    [set.set.to_owned()].into_iter().chain(counts).chain(shares).collect()
}

fn kind_row(kind: &KindMeasure) -> Vec<String> {
    vec![printable(&kind.kind), kind.size.to_owned(), share(kind.found), share(kind.found_ordinary)]
}

fn attack_row(attack: &AttackMeasure) -> Vec<String> {
    vec![printable(&attack.kind), share(attack.found), share(attack.one_incident)]
}

fn timing_row(timing: &Timing) -> Vec<String> {
    let figure = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.0}"));
    vec![
        printable(&timing.kind),
        timing.size.to_owned(),
        counts(timing.starts),
        figure(timing.start_error),
        counts(timing.ends),
        figure(timing.end_error),
        counts(timing.both),
        counts(timing.first_night),
        figure(timing.delay_hours),
    ]
}

fn percent(proportion: Proportion) -> String {
    proportion.share.map_or("–".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

/// `12 of 14`.
fn counts(proportion: Proportion) -> String {
    format!("{} of {}", proportion.count, proportion.of)
}

/// `12 of 14 (86 %)`.
fn share(proportion: Proportion) -> String {
    if proportion.of == 0 {
        return "–".to_owned();
    }
    format!("{} ({})", counts(proportion), percent(proportion))
}

/// `86 % (12 of 14, 95 % interval 60–96 %)`.
fn exact(proportion: Proportion) -> String {
    let (Some(low), Some(high)) = (proportion.low, proportion.high) else { return "unknown".to_owned() };
    let Proportion { count, of, .. } = proportion;
    format!("{} ({count} of {of}, 95 % interval {:.0}–{:.0} %)", percent(proportion), low * 100.0, high * 100.0)
}

const LIST_HEADER: [(&str, Shown); 9] = [
    ("outcome", Shown::Whole),
    ("what", Shown::Words),
    ("entity", Shown::Names),
    ("when", Shown::Words),
    ("calls", Shown::Number),
    ("expected", Shown::Number),
    ("p", Shown::Whole),
    ("score", Shown::Number),
    ("nearest", Shown::Names),
];

/// A list as text; `width` is the terminal's, if there is one.
pub fn listed(list: &[Listed], width: Option<u16>) -> String {
    let mut table = TextTable::new(width, LIST_HEADER);
    list.iter().for_each(|listed| table.row(listed_row(listed)));
    if table.is_empty() { "nothing to list\n".to_owned() } else { format!("{table}\n") }
}

fn listed_row(listed: &Listed) -> [String; 9] {
    let Listed { outcome, subject, nearest } = listed;
    let nothing = || "–".to_owned();
    [
        outcome.name().to_owned(),
        what(subject),
        named(subject),
        when(subject),
        subject.observed.map_or_else(nothing, |calls| calls.to_string()),
        subject.expected.map_or_else(nothing, |expected| format!("{expected:.1}")),
        subject.log10_p_value.map_or_else(nothing, scientific),
        subject.score.map_or_else(nothing, |score| format!("{score:.0}")),
        nearest.as_ref().map_or_else(|| "nothing".to_owned(), near),
    ]
}

/// A label's kind and size, which a drop says by itself; an insight's set.
fn what(subject: &Subject) -> String {
    let what = printable(&subject.what);
    match subject.size {
        Some(size) if subject.direction == Direction::Up => format!("{what} {size}"),
        _ => what,
    }
}

fn named(subject: &Subject) -> String {
    format!("{} {}", subject.family, printable(&subject.entity))
}

/// The moments, with one date where one day holds both.
fn when(subject: &Subject) -> String {
    let Subject { start, end, .. } = subject;
    let is_midnight = end.time() == NaiveTime::MIN;
    let last_day = if is_midnight { end.date_naive().pred_opt() } else { Some(end.date_naive()) };
    let end = match (last_day == Some(start.date_naive()), is_midnight) {
        (true, true) => "24:00".to_owned(),
        (true, false) => end.format("%H:%M").to_string(),
        (false, _) => end.format("%Y-%m-%d %H:%M").to_string(),
    };
    format!("{} to {end}", start.format("%Y-%m-%d %H:%M"))
}

/// The nearest, and why it is not the one.
fn near(nearest: &Nearest) -> String {
    let subject = &nearest.subject;
    let who = subject.size.map_or("insight", |_| &subject.what);
    let away = || {
        let hours = counted(nearest.minutes_away.unsigned_abs().div_ceil(60), "hour", "hours");
        format!("{hours} {}", if nearest.minutes_away < 0 { "before" } else { "after" })
    };
    let who = printable(who);
    match nearest.apart {
        None => format!("{who}, {}", when(subject)),
        Some(Apart::FoundAlready) => format!("{who} that another insight found"),
        Some(Apart::FoundAnother) => format!("{who} that found another label"),
        Some(Apart::SideEffect) => format!("side effect of {who} of {}", named(subject)),
        Some(Apart::OtherHours) => format!("{who} of the same entity, {}", away()),
        Some(Apart::OtherDirection) => format!("{who} of the same entity in the other direction, {}", when(subject)),
        Some(Apart::OtherAccount) => {
            format!("{who} of that name in account {}", printable(subject.account.as_deref().unwrap_or_default()))
        }
        Some(Apart::OtherEntity) => format!("{who} of {} in the same hours", named(subject)),
    }
}
