//! Counts by hour with the expected band and the episode marked, as SVG.
//!
//! The drawing has a column for each hour and a hundred units of height, and is stretched to the width there is; words stand beside it as
//! HTML, for they must not be stretched. The scale is that of square roots: a burst of hundreds and a band of three calls are
//! both to be seen. Every hour says its numbers to the pointer, and, through the page's script, to finger and keyboard.

use std::fmt::Write;

use chrono::NaiveDate;
use maud::{Markup, html};

use crate::report::night::{Finding, Hour};
use crate::report::telling::{figure, short_date};
use crate::shown::{counted, number};

/// Units from bottom to top.
const HEIGHT: f64 = 100.0;

/// The chart of a finding; nothing where no counts were left.
pub(super) fn chart(finding: &Finding) -> Markup {
    let hours = &finding.hours;
    if hours.is_empty() {
        return html! {};
    }
    let top = scale_top(hours.iter().map(|hour| hour.calls.max(hour.upper)).max().unwrap_or(0));
    html! {
        figure.chart {
            figcaption {
                "Calls by hour" (basis(finding))
                span.quiet { " · square-root scale" }
            }
            div.plot {
                div.scale aria-hidden="true" { @for mark in [top, top / 4, 0] { span { (number(mark)) } } }
                (drawing(finding, top))
                div.days aria-hidden="true" { @for day in days(hours) { span { (short_date(day)) } } }
            }
            output.reading {}
        }
    }
}

/// What the counts are to be seen against.
fn basis(finding: &Finding) -> &'static str {
    if finding.hours.iter().any(|hour| hour.expected.is_some()) {
        ", on the band that was expected (99 %)"
    } else if finding.is_change() {
        "; changes are judged by what they mean"
    } else {
        "; judged by the day as a whole"
    }
}

fn drawing(finding: &Finding, top: u64) -> Markup {
    let hours = &finding.hours;
    let width = hours.len();
    html! {
        svg.hours viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" role="img" tabindex="0" aria-label=(summary(finding)) {
            path.grid d=(grid(width)) {}
            @let episode = blocks(hours, |hour| hour.flagged);
            @if !episode.is_empty() { path.episode d=(episode) {} }
            @let silent = blocks(hours, |hour| !hour.believed);
            @if !silent.is_empty() { path.silent d=(silent) {} }
            @let (band, expected) = band(hours, top);
            @if !band.is_empty() { path.band d=(band) {} path.expected d=(expected) {} }
            @for (class, flagged) in [("bar", false), ("bar flagged", true)] {
                @let bars = bars(hours, top, flagged);
                @if !bars.is_empty() { path class=(class) d=(bars) {} }
            }
            g { @for (place, hour) in hours.iter().enumerate() { rect x=(place) { title { (told(hour)) } } } }
        }
    }
}

/// What the picture shows, for whoever cannot see it.
fn summary(finding: &Finding) -> String {
    let peak = finding.hours.iter().max_by_key(|hour| (hour.calls, std::cmp::Reverse(hour.time)));
    let peak = peak.map_or(String::new(), |hour| format!("The busiest hour: {}.", told(hour)));
    let low = finding.hours.iter().filter(|hour| hour.flagged).min_by_key(|hour| (hour.calls, hour.time));
    let low = low.filter(|_| finding.is_drop).map_or(String::new(), |hour| format!(" In the drop: {}.", told(hour)));
    format!(
        "Calls by hour over {}. {peak}{low} Arrow keys go from hour to hour.",
        counted(days(&finding.hours).len() as u64, "day", "days")
    )
}

/// An hour in words.
fn told(hour: &Hour) -> String {
    let expected = hour.expected.map_or(String::new(), |expected| {
        format!(", expected {} ({}–{})", figure(expected), number(hour.lower), number(hour.upper))
    });
    let calls = counted(hour.calls, "call", "calls");
    let silent = if hour.believed { "" } else { ", the feed was silent" };
    format!("{}: {calls}{expected}{silent}", hour.time.format("%a %-d %b %H:%M"))
}

fn days(hours: &[Hour]) -> Vec<NaiveDate> {
    let mut days: Vec<NaiveDate> = hours.iter().map(|hour| hour.time.date_naive()).collect();
    days.dedup();
    days
}

/// The least round number from a count on, a quarter of which is whole: that is half way up.
fn scale_top(most: u64) -> u64 {
    let mut unit = 4_u64;
    loop {
        for factor in [10, 15, 20, 25, 30, 40, 50, 60, 80] {
            // Tenths of the unit; small ones must stay whole.
            let top = unit.saturating_mul(factor) / 10;
            if top >= most && (unit.saturating_mul(factor)).is_multiple_of(40) {
                return top;
            }
        }
        unit = match unit.checked_mul(10) {
            Some(next) => next,
            None => return most,
        };
    }
}

/// How far from the top a count is drawn.
fn depth(count: f64, top: u64) -> f64 {
    let share = (count / top.max(1) as f64).clamp(0.0, 1.0);
    ((1.0 - share.sqrt()) * HEIGHT * 10.0).round() / 10.0
}

/// Midnights and the half of the height.
fn grid(width: usize) -> String {
    let mut path = format!("M0 50H{width}");
    for midnight in (24..width).step_by(24) {
        let _ = write!(path, "M{midnight} 0V100");
    }
    path
}

/// Runs of hours, from bottom to top.
fn blocks(hours: &[Hour], is_in: impl Fn(&Hour) -> bool) -> String {
    let mut path = String::new();
    let mut first = None;
    for place in 0..=hours.len() {
        match (first, hours.get(place).is_some_and(&is_in)) {
            (None, true) => first = Some(place),
            (Some(begin), false) => {
                let _ = write!(path, "M{begin} 0H{place}V100H{begin}Z");
                first = None;
            }
            _ => {}
        }
    }
    path
}

/// The band, and the line of what was expected.
fn band(hours: &[Hour], top: u64) -> (String, String) {
    let known: Vec<(usize, &Hour, f64)> =
        hours.iter().enumerate().filter_map(|(place, hour)| Some((place, hour, hour.expected?))).collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else { return (String::new(), String::new()) };
    let (mut above, mut line, mut below) = (format!("M{} ", first.0), format!("M{} ", first.0), String::new());
    for (place, hour, expected) in &known {
        let _ = write!(
            above,
            "{}{}H{}",
            if *place == first.0 { "" } else { "V" },
            depth(hour.upper as f64, top),
            place + 1
        );
        let _ = write!(line, "{}{}H{}", if *place == first.0 { "" } else { "V" }, depth(*expected, top), place + 1);
    }
    for (place, hour, _) in known.iter().rev() {
        let _ = write!(below, "V{}H{place}", depth(hour.lower as f64, top));
    }
    debug_assert!(last.0 >= first.0);
    (format!("{above}{below}Z"), line)
}

/// A bar for every hour with calls, inside the episode or outside it.
fn bars(hours: &[Hour], top: u64, flagged: bool) -> String {
    let mut path = String::new();
    for (place, hour) in hours.iter().enumerate().filter(|(_, hour)| hour.calls > 0 && hour.flagged == flagged) {
        let _ = write!(path, "M{place}.2 100V{}h.6V100Z", depth(hour.calls as f64, top));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(place: i64, calls: u64, band: Option<(u64, u64)>) -> Hour {
        let midnight: chrono::DateTime<chrono::Utc> = "2026-01-29T00:00:00Z".parse().unwrap();
        Hour {
            time: midnight + chrono::Duration::hours(place),
            calls,
            expected: band.map(|(lower, upper)| (lower + upper) as f64 / 2.0),
            lower: band.map_or(0, |band| band.0),
            upper: band.map_or(0, |band| band.1),
            believed: true,
            flagged: calls > 50,
        }
    }

    #[test]
    fn the_top_is_round_and_so_is_its_quarter() {
        let tops = [0, 1, 4, 5, 9, 17, 100, 204, 999, 1_000_001].map(scale_top);
        assert_eq!(tops, [4, 4, 4, 8, 12, 20, 100, 240, 1000, 1_200_000]);
        assert!(tops.iter().all(|top| top % 4 == 0));
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "exact by construction")]
    fn a_quarter_of_the_top_is_half_way_up() {
        assert_eq!([0.0, 25.0, 100.0, 400.0].map(|count| depth(count, 100)), [100.0, 50.0, 0.0, 0.0]);
    }

    #[test]
    fn a_chart_has_band_bars_and_episode() {
        let hours = [hour(0, 1, Some((0, 4))), hour(1, 100, Some((0, 4))), hour(2, 0, Some((1, 9)))];
        assert_eq!(blocks(&hours, |hour| hour.flagged), "M1 0H2V100H1Z");
        assert_eq!(bars(&hours, 100, true), "M1.2 100V0h.6V100Z");
        assert_eq!(bars(&hours, 100, false), "M0.2 100V90h.6V100Z");
        let (band, line) = band(&hours, 100);
        assert_eq!(band, "M0 80H1V80H2V70H3V90H2V100H1V100H0Z");
        assert_eq!(line, "M0 85.9H1V85.9H2V77.6H3");
    }

    #[test]
    fn hours_say_their_numbers() {
        assert_eq!(told(&hour(11, 204, Some((0, 9)))), "Thu 29 Jan 11:00: 204 calls, expected 4.5 (0–9)");
        assert_eq!(
            told(&Hour { believed: false, ..hour(1, 0, None) }),
            "Thu 29 Jan 01:00: 0 calls, the feed was silent"
        );
    }
}
