//! An explanation for a person at a terminal: a chart of the day, what was expected and why, what was tested, and what
//! decided.

use std::fmt::Write;

use crate::detect::trace::HourExpected;
use crate::detect::{Direction, Model, Span};
use crate::explain::answers::Answer;
use crate::explain::tables::{self, Cells, named};
use crate::explain::{Absorbed, Explanation, WindowShown};
use crate::insight::LeftToCaller;
use crate::place::Place;
use crate::shown::{Shown, TextTable, counted, number, printable, scientific};

/// Windows that are shown; JSON has all.
const WINDOWS: usize = 6;
/// Columns of the chart's bars where the terminal's width is not known.
const BAR: usize = 60;
/// What a line of the chart needs beside its bar.
const BESIDE: usize = 34;

/// The whole explanation; `width` is the terminal's, if there is one.
pub fn text(explanation: &Explanation, width: Option<u16>) -> String {
    let mut text = heading(explanation);
    let _ = writeln!(text, "\n{}", chart(explanation, width));
    let _ = writeln!(text, "{}", composition(explanation, width));
    let _ = writeln!(text, "{}", windows(explanation, width));
    for answer in &explanation.answers {
        let _ = write!(text, "\n{}", verdict(answer));
    }
    if let Some(level) = &explanation.absorbed {
        let _ = writeln!(text, "{}", absorbed(level));
    }
    for left in &explanation.left_to_callers {
        let _ = writeln!(text, "{}", left_to_caller(left));
    }
    let _ = write!(text, "{}", enough(explanation));
    let _ = write!(text, "{}", company(explanation, width));
    let _ = write!(text, "{}", partners(explanation, width));
    for reported in &explanation.reported {
        let open = if reported.is_open { ", not known to be over" } else { "" };
        let _ =
            writeln!(text, "\nreported as insight {} from {} to {}{open}", reported.id, reported.start, reported.end);
    }
    if explanation.changes > 0 {
        let _ = writeln!(text, "\n{}", changes(explanation));
    }
    text
}

pub(super) fn heading(explanation: &Explanation) -> String {
    let place = explanation.place.as_ref().map(Place::shown);
    let entity = printable(&named(&explanation.entity, explanation.called.as_deref().or(place.as_deref())));
    let account = if explanation.account.is_empty() { "no account" } else { &printable(&explanation.account) };
    let judged = match explanation.model {
        Model::Seasonal => "judged hour by hour against its own past",
        Model::Sparse => "judged by the day, for it comes and goes",
        Model::New => "judged by the day, for it is new",
        Model::FirstSeen => "judged by whom it met for the first time",
    };
    format!(
        "{} {entity} of account {account} on {}\n{judged}; known for {} of {} days of history\n",
        explanation.family.replace('_', " "),
        explanation.date,
        explanation.days_known,
        explanation.days_of_history,
    )
}

/// What the composition is of.
pub(super) fn composed(explanation: &Explanation) -> String {
    let composition = &explanation.composition;
    match composition.hour {
        Some(hour) => format!("{:.2} calls expected from {hour:02}:00, layer by layer", composition.expected),
        None => format!("{:.2} calls expected of the day, layer by layer", composition.expected),
    }
}

fn composition(explanation: &Explanation, width: Option<u16>) -> String {
    let composition = &explanation.composition;
    let mut text = format!("{}\n{}\n", composed(explanation), table(&tables::layers(explanation), width));
    if let Some(spread) = &composition.spread {
        let _ = writeln!(text, "{}", table(&tables::spread(spread), width));
    }
    for remark in &composition.remarks {
        let _ = writeln!(text, "{remark}");
    }
    text
}

pub(super) fn table(cells: &Cells, width: Option<u16>) -> TextTable {
    let shown = |name: &&str| if cells.whole.contains(name) { Shown::Names } else { Shown::Words };
    let mut table = TextTable::new(width, cells.head.iter().map(|name| ((*name).to_owned(), shown(name))));
    cells.rows.iter().for_each(|row| table.row(row.iter().map(|cell| printable(cell))));
    table
}

/// A line an hour: calls as a bar, the expected range as dots, and a mark where the one leaves the other.
pub(super) fn chart(explanation: &Explanation, width: Option<u16>) -> String {
    let bar = width.map_or(BAR, |width| usize::from(width).saturating_sub(BESIDE).clamp(10, 100));
    let most = explanation.hours.iter().map(|hour| u64::from(hour.calls)).max().unwrap_or(0);
    let band =
        if explanation.is_hourly() { explanation.hours.iter().map(|hour| hour.upper).max().unwrap_or(0) } else { 0 };
    let most = most.max(band).max(1);
    let mut text = String::from("hour     calls  expected\n");
    for hour in &explanation.hours {
        let expected = match (hour.alive, explanation.is_hourly()) {
            (false, _) => "feed silent".to_owned(),
            (true, true) => format!("{}–{}", number(hour.lower), number(hour.upper)),
            (true, false) => "–".to_owned(),
        };
        let line = bar_of(hour, explanation.is_hourly(), most, bar);
        let _ = writeln!(text, "  {:02}  {:>8}  {expected:<12} {line}", hour.hour, number(u64::from(hour.calls)));
    }
    text
}

fn bar_of(hour: &HourExpected, is_hourly: bool, most: u64, width: usize) -> String {
    let place = |value: u64| (value as f64 / most as f64 * width as f64).round() as usize;
    let (calls, lower, upper) = (place(u64::from(hour.calls)), place(hour.lower), place(hour.upper));
    let inside = |column: usize| is_hourly && hour.alive && (lower..upper).contains(&column);
    let cell = |column: usize| match (column < calls, inside(column)) {
        (true, _) => '█',
        (false, true) => '·',
        (false, false) => ' ',
    };
    let mark = match u64::from(hour.calls) {
        calls if is_hourly && hour.alive && calls > hour.upper => " ▲",
        calls if is_hourly && hour.alive && calls < hour.lower => " ▼",
        _ => "",
    };
    let line: String = (0..width).map(cell).collect();
    format!("{}{mark}", line.trim_end())
}

fn windows(explanation: &Explanation, width: Option<u16>) -> String {
    let rest = explanation.windows.len().saturating_sub(WINDOWS);
    let rest = if rest > 0 { format!("\nand {rest} windows less unlikely") } else { String::new() };
    format!("{}{rest}", table(&tables::windows(explanation, WINDOWS), width))
}

pub(super) fn span(window: &WindowShown) -> String {
    match window.span {
        Span::Hours { first, end } => format!("{first:02}:00–{end:02}:00"),
        Span::Days { days } => format!("the {days} days that end with it"),
        Span::Peak { hour } => format!("five minutes of {hour:02}:00"),
    }
}

/// Which way a window deviates.
pub(super) fn way(window: &WindowShown) -> &'static str {
    if window.direction == Direction::Up { "more" } else { "less" }
}

fn verdict(answer: &Answer) -> String {
    let outcome = if answer.reported { "yes" } else { "no" };
    let (p, q) = (power_of_ten(answer.log10_p), power_of_ten(answer.log10_q));
    let mut text =
        format!("{}? {outcome}: p {p}, {}, q {q}{}\n", answer.asked.words(), place(answer), corrected(answer));
    for gate in &answer.gates {
        let _ = writeln!(text, "  {} {}: {}", if gate.passed { "✓" } else { "✗" }, gate.setting, gate.says);
    }
    text
}

/// Where an answer stands among those of its set.
pub(super) fn place(answer: &Answer) -> String {
    format!("{} of {} tests", number(answer.rank as u64), number(answer.tests as u64))
}

/// That p is not what the model says, where that is so.
pub(super) fn corrected(answer: &Answer) -> &'static str {
    match (answer.joined, answer.power < 1.0) {
        (true, _) => ", p that who calls and what is called are new together",
        (false, true) => ", p corrected by the replay",
        (false, false) => "",
    }
}

/// That it is at a new level, and when it is told again.
/// Why a rise is no finding of its own.
pub(super) fn left_to_caller(left: &LeftToCaller) -> String {
    format!(
        "not told: {} made most of the calls from {} to {} UTC: it is as busy in some hours of other days, and about as large a part of its calls usually goes here",
        printable(&left.principal),
        left.start.format("%H:%M"),
        left.end.format("%H:%M"),
    )
}

pub(super) fn absorbed(level: &Absorbed) -> String {
    let (more, or) = match level.direction {
        Direction::Up => ("more", "higher"),
        Direction::Down => ("fewer", "lower"),
    };
    let tonight = if level.lasts { "so it is not told tonight" } else { "and tonight is not odd" };
    let bound = if level.direction == Direction::Up { "at least" } else { "at most" };
    let from =
        level.told_again_from.map(|calls| format!("with {bound} {} a day, or ", counted(calls, "call", "calls")));
    format!(
        "{or} level since {}: {more} calls than expected on {}, none of those between being usual, are taken for new, {tonight}; it is told again {}once a night was not odd in this way",
        level.since,
        counted(u64::from(level.nights), "night", "nights"),
        from.unwrap_or_default()
    )
}

fn enough(explanation: &Explanation) -> String {
    let Some(enough) = explanation.what_would_be_enough() else { return String::new() };
    format!(
        "{} calls in the hour from {:02}:00 would have been reported; it had {}\n",
        number(enough.needed),
        enough.hour,
        number(enough.calls)
    )
}

fn company(explanation: &Explanation, width: Option<u16>) -> String {
    let company = &explanation.company;
    let mut text = String::new();
    if !company.kinds.is_empty() {
        let _ = writeln!(text, "\n{}", table(&tables::company(explanation), width));
    }
    if let Some(why) = &company.left_out {
        let _ = writeln!(text, "\nnot asked about new company: {why}");
    }
    text
}

fn partners(explanation: &Explanation, width: Option<u16>) -> String {
    if explanation.partners.is_empty() {
        return String::new();
    }
    format!("\n{}\n", table(&tables::partners(explanation), width))
}

/// That it made changes, too, and how to ask about them.
pub(super) fn changes(explanation: &Explanation) -> String {
    format!(
        "it made {} of permissions, passwords or the trail: insights explain --family change {} --date {}",
        counted(explanation.changes, "change", "changes"),
        printable(&explanation.entity),
        explanation.date
    )
}

/// A p-value as people write it, from its power of ten.
pub(super) fn power_of_ten(log10: f64) -> String {
    if log10 > -3.0 {
        return format!("{:.3}", 10.0_f64.powf(log10.min(0.0)));
    }
    scientific(log10)
}
