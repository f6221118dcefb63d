//! A judgement laid open: what each hour was expected to hold, every window that was looked at, and how much would have been enough.
//!
//! Nothing is decided here; the numbers are those that [`super::rate`] decides by, asked for again.

use serde::Serialize;

use crate::baseline::seasonal::Fit;
use crate::baseline::{Expectation, FamilyBaseline};
use crate::detect::surge::Surges;
use crate::detect::windows::{Day, Look};
use crate::detect::{Direction, Model, Span, Thresholds, WindowTest, rate};
use crate::time::HourSpan;

/// An hour of the scored day beside what was expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HourExpected {
    /// The hour.
    pub hour: u8,
    /// Calls.
    pub calls: u32,
    /// Failed calls among them.
    pub errors: u32,
    /// Calls that were expected.
    pub expected: f64,
    /// The lower end of the central 99 %; of an entity that is judged by the day, that of the day.
    pub lower: u64,
    /// The upper end.
    pub upper: u64,
    /// Whether the feed was alive.
    pub alive: bool,
}

/// The hours of the scored day, by the fit that it is told by. Only the seasonal model expects something of an hour. The others expect something
/// of the day: each hour has an even part of its mean, and the ends of the interval are the day's.
pub fn hours(
    baseline: &FamilyBaseline<'_>,
    member: usize,
    expectation: &Expectation,
    told: Option<&Fit>,
) -> Vec<HourExpected> {
    let today = baseline.window().length();
    let (calls, alive) = (baseline.calls_of(member, today), baseline.alive(member, today..today + 1));
    let mut errors = [0; 24];
    for hour in baseline.hours_of(member, today) {
        errors[usize::from(hour.hour) - today * 24] = hour.errors;
    }
    let of_day = |value: f64| if rate::model(expectation) == Model::Seasonal { value } else { value / 24.0 };
    let hour = |hour: u8| {
        let place = usize::from(hour);
        let (expected, lower, upper) = rate::expected(baseline, member, (expectation, told), HourSpan::hour(hour));
        let (calls, errors, alive) = (calls[place], errors[place], alive[place]);
        HourExpected { hour, calls, errors, expected: of_day(expected), lower, upper, alive }
    };
    (0..24).map(hour).collect()
}

/// Every window of the scored day that was looked at, the most unlikely first, those of failures by their share of the calls. Entities
/// that come and go, or are new, have one: the day.
pub(super) fn windows(
    baseline: &FamilyBaseline<'_>,
    surges: Option<&Surges<'_>>,
    thresholds: &Thresholds,
    member: usize,
    expectation: &Expectation,
) -> Vec<WindowTest> {
    let today = baseline.window().length();
    let mut tests = match (surges, expectation) {
        (Some(surges), _) => {
            let ln_count = rate::score_expected(baseline, thresholds, member, today, expectation).ln_up;
            surges.tests(member, today, ln_count)
        }
        (None, Expectation::Seasonal { fits, .. }) => {
            let levels: Vec<_> =
                fits.iter().map(|fit| Day::new(baseline, fit, member, today, Look::Close).tests()).collect();
            deciding(&levels)
        }
        (None, _) => vec![whole_day(baseline, thresholds, member, expectation)],
    };
    // Sorting is stable: among equals the narrower and the earlier come first.
    tests
        .sort_by(|left, right| left.ln_corrected.total_cmp(&right.ln_corrected).then(left.ln_p.total_cmp(&right.ln_p)));
    tests
}

/// Of the tests by several fits those that decide: in each direction those of the fit under which the day is likeliest.
fn deciding(levels: &[Vec<WindowTest>]) -> Vec<WindowTest> {
    let own = |tests: &[WindowTest], direction: Direction| -> Vec<WindowTest> {
        tests.iter().copied().filter(|test| test.direction == direction).collect()
    };
    let least = |tests: &[WindowTest]| tests.iter().map(|test| test.ln_corrected).fold(0.0, f64::min);
    let decides = |direction: Direction| {
        let of_levels = levels.iter().map(|tests| own(tests, direction));
        // Of equals the last, as in the score.
        of_levels.max_by(|left, right| least(left).total_cmp(&least(right))).unwrap_or_default()
    };
    [Direction::Up, Direction::Down].into_iter().flat_map(decides).collect()
}

fn whole_day(
    baseline: &FamilyBaseline<'_>,
    thresholds: &Thresholds,
    member: usize,
    expectation: &Expectation,
) -> WindowTest {
    let today = baseline.window().length();
    let observed = baseline.calls_of(member, today).iter().map(|&calls| u64::from(calls)).sum();
    let (expected, ..) = rate::expected(baseline, member, (expectation, None), HourSpan::DAY);
    let ln_p = rate::score_expected(baseline, thresholds, member, today, expectation).ln_up;
    let direction = Direction::of(observed, expected);
    WindowTest { span: Span::Hours { first: 0, end: 24 }, observed, expected, direction, ln_p, ln_corrected: ln_p }
}

/// The least count of an hour that would be reported as a rise, alone or with hours beside it, where a day's p-value up to a threshold is selected,
/// once it is corrected by a power: the rest of the day being what it is, and by the gates of the judgement; `None` where single hours are not
/// judged.
pub fn least_remarkable(
    baseline: &FamilyBaseline<'_>,
    thresholds: &Thresholds,
    member: usize,
    expectation: &Expectation,
    hour: u8,
    (ln_threshold, power): (f64, f64),
) -> Option<u64> {
    let Expectation::Seasonal { .. } = expectation else { return None };
    let today = baseline.calls_of(member, baseline.window().length());
    let remarkable = |count: u32| {
        let mut calls = today;
        calls[usize::from(hour)] = count;
        let found = rate::rises_with(baseline, thresholds, (member, calls), expectation, (ln_threshold, power));
        found.into_iter().any(|rise| rise.contains(hour))
    };
    let mut most = (0..32).map(|power| 1_u32 << power).find(|&count| remarkable(count))?;
    let mut least = most / 2;
    while least + 1 < most {
        let middle = least.midpoint(most);
        if remarkable(middle) { most = middle } else { least = middle }
    }
    Some(u64::from(most))
}
