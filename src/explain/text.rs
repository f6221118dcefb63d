//! An explanation for a person at a terminal: a chart of the day, what was tested, and what decided.

use std::fmt::Write;

use comfy_table::{Table, presets};

use crate::detect::select::TestSet;
use crate::detect::trace::HourExpected;
use crate::detect::{Direction, Model, Span};
use crate::explain::{Answer, Explanation, WindowShown};
use crate::insight::sentence_number as number;
use crate::report::summary::printable;

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
    let _ = writeln!(text, "{}", windows(explanation));
    for answer in &explanation.answers {
        let _ = write!(text, "\n{}", verdict(answer));
    }
    let _ = write!(text, "{}", enough(explanation));
    let _ = write!(text, "{}", partners(explanation));
    for reported in &explanation.reported {
        let _ = writeln!(text, "\nreported as insight {} from {} to {}", reported.id, reported.start, reported.end);
    }
    text
}

pub(super) fn heading(explanation: &Explanation) -> String {
    let entity = printable(&explanation.entity);
    let account = if explanation.account.is_empty() { "no account" } else { &printable(&explanation.account) };
    let judged = match explanation.model {
        Model::Seasonal => "judged hour by hour against its own past",
        Model::Sparse => "judged by the day, for it comes and goes",
        Model::New => "judged by the day, for it is new",
        Model::FirstSeen => "judged by whom it met for the first time",
    };
    let mut text = format!(
        "{} {entity} of account {account} on {}\n{judged}; known for {} of {} days of history\n",
        explanation.family.replace('_', " "),
        explanation.date,
        explanation.days_known,
        explanation.days_of_history,
    );
    for layer in &explanation.layers {
        let _ = writeln!(text, "  {}: {}", layer.name, layer.says);
    }
    text
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

fn windows(explanation: &Explanation) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(["window", "calls", "expected", "way", "p", "p, all windows considered"]);
    for window in explanation.windows.iter().take(WINDOWS) {
        let (own, corrected) = (power_of_ten(window.log10_p), power_of_ten(window.log10_corrected_p));
        let (calls, expected) = (number(window.observed), format!("{:.1}", window.expected));
        table.add_row([&span(window), &calls, &expected, way(window), &own, &corrected]);
    }
    let rest = explanation.windows.len().saturating_sub(WINDOWS);
    let rest = if rest > 0 { format!("\nand {rest} windows less unlikely") } else { String::new() };
    format!("{table}{rest}")
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

/// What a set of tests asks.
pub(super) fn asked(set: TestSet) -> &'static str {
    match set {
        TestSet::RateUp => "a rise",
        TestSet::RateDown => "a drop",
        TestSet::Error => "more errors than its calls explain",
        TestSet::New => "a newcomer with too many calls",
    }
}

fn verdict(answer: &Answer) -> String {
    let outcome = if answer.reported { "yes" } else { "no" };
    let (p, q) = (power_of_ten(answer.log10_p), power_of_ten(answer.log10_q));
    let corrected = if answer.power < 1.0 { ", p corrected by the replay" } else { "" };
    let mut text = format!("{}? {outcome}: p {p}, q {q}{corrected}\n", asked(answer.set));
    for gate in &answer.gates {
        let _ = writeln!(text, "  {} {}: {}", if gate.passed { "✓" } else { "✗" }, gate.setting, gate.says);
    }
    text
}

fn enough(explanation: &Explanation) -> String {
    // What was reported was enough, in whichever window.
    let is_reported = explanation.answers.iter().any(|answer| answer.reported);
    let Some(enough) = explanation.enough.filter(|_| !is_reported) else { return String::new() };
    format!(
        "{} calls in the hour from {:02}:00 would have been reported; it had {}\n",
        number(enough.needed),
        enough.hour,
        number(enough.calls)
    )
}

fn partners(explanation: &Explanation) -> String {
    if explanation.partners.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(["seen with", "name", "calls", "usual a day"]);
    for partner in &explanation.partners {
        let kind = partner.family.replace('_', " ");
        table.add_row([&kind, &printable(&partner.name), &number(partner.calls), &format!("{:.1}", partner.usual)]);
    }
    format!("\n{table}\n")
}

/// A p-value as people write it, from its power of ten.
pub(super) fn power_of_ten(log10: f64) -> String {
    if log10 > -3.0 {
        return format!("{:.3}", 10.0_f64.powf(log10.min(0.0)));
    }
    let exponent = log10.floor();
    format!("{:.1}e{exponent}", 10.0_f64.powf(log10 - exponent))
}
