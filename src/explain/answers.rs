//! What was asked about an entity's day, and the answers: p, its place among the others, q, and the gates that it had
//! to pass.
//!
//! Nothing is decided here: ranks, thresholds and gates are those of [`judgement`](crate::detect::judgement), asked for
//! again and named.

use std::cmp::Ordering;

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

use crate::baseline::Expectation;
use crate::detect::judgement::Judgement;
use crate::detect::select::{Ranked, TestSet};
use crate::detect::{Deviation, Direction, Thresholds, WindowTest, trace};
use crate::explain::text::power_of_ten;

/// Digits behind the point at most.
const MOST_DIGITS: usize = 9;
/// The power of ten of the least p-value of which digits can be told.
const LEAST_POWER: f64 = -300.0;

/// A question about an entity's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Whether there were more calls than expected.
    Rise,
    /// Whether there were fewer.
    Drop,
    /// Whether there were more errors than its calls explain.
    Errors,
    /// Whether something new made too many calls.
    Newcomer,
    /// Whether it met more, or rarer, new company than its habits explain.
    Company,
}

impl Asked {
    /// The question about counts that a set of tests asks.
    fn of_counts(set: TestSet) -> Self {
        match set {
            TestSet::RateUp => Self::Rise,
            TestSet::RateDown => Self::Drop,
            TestSet::Error => Self::Errors,
            TestSet::New => Self::Newcomer,
            TestSet::FirstSeen => Self::Company,
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Rise => "a rise",
            Self::Drop => "a drop",
            Self::Errors => "more errors than its calls explain",
            Self::Newcomer => "a newcomer with too many calls",
            Self::Company => "new company beyond its habits",
        }
    }
}

/// What was asked about an entity's day, and the answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The question.
    pub asked: Asked,
    /// The set of tests it was ranked in.
    pub set: TestSet,
    /// Its place there: 1 is the most unlikely; equals share the first of their places.
    pub rank: usize,
    /// How many tests there are in the set.
    pub tests: usize,
    /// The day's p-value, corrected by replay, as a power of ten.
    pub log10_p: f64,
    /// The power it was corrected by.
    pub power: f64,
    /// Whether p is that of the event that others, which it called or which called it, are new as well.
    pub joined: bool,
    /// Its q-value among the set's tests, as a power of ten.
    pub log10_q: f64,
    /// The p-value up to which tests of the set were selected, as a power of ten; minus infinity, shown as null, where
    /// none was.
    #[serde(serialize_with = "finite")]
    pub log10_threshold: f64,
    /// The gates it had to pass, in order.
    pub gates: Vec<Gate>,
    /// Whether it passed them all.
    pub reported: bool,
}

impl Answer {
    /// Whether a new level in this direction silences it.
    pub(super) fn is_absorbed(&self, direction: Direction) -> bool {
        match self.asked {
            Asked::Rise | Asked::Errors | Asked::Newcomer => direction == Direction::Up,
            Asked::Drop => direction == Direction::Down,
            Asked::Company => false,
        }
    }

    /// Adds the gate that what deviated on so many nights does not pass, none of those between being usual; tells
    /// whether it would have been reported.
    pub(super) fn absorb(&mut self, since: NaiveDate, nights: u32, level_shift_days: u32) -> bool {
        let was_reported = std::mem::take(&mut self.reported);
        let says = format!(
            "so since {since}, {nights} nights before this one, none between being usual; at most {level_shift_days} are told"
        );
        self.gates.push(Gate { setting: "level_shift_days", says, passed: false });
        was_reported
    }
}

/// A condition for being reported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gate {
    /// The setting that decides it; of company, what does.
    pub setting: &'static str,
    /// What was found beside what was needed, in words.
    pub says: String,
    /// Whether it was met.
    pub passed: bool,
}

/// How many calls would have been enough.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Enough {
    /// The hour.
    pub hour: u8,
    /// The calls in it.
    pub calls: u64,
    /// The calls from which it would have been reported.
    pub needed: u64,
}

/// A question about counts.
pub(super) fn of_counts(
    judgement: &Judgement<'_>,
    thresholds: &Thresholds,
    ranked: &Ranked,
    windows: &[WindowTest],
) -> Answer {
    let direction = if ranked.test.set == TestSet::RateDown { Direction::Down } else { Direction::Up };
    let candidates = judgement.candidates(ranked);
    let largest = candidates.iter().max_by(|left, right| excess(left).total_cmp(&excess(right)));
    // Where nothing was selected the most unlikely window stands for what might have been.
    let sizes = largest.map(|found| (found.observed, found.expected)).or_else(|| {
        let own = windows.iter().find(|test| test.direction == direction);
        own.map(|test| (test.observed, test.expected))
    });
    let size_gates = sizes.map(|(observed, expected)| size_gates(thresholds, direction, observed, expected));
    let asked = Asked::of_counts(ranked.test.set);
    answer(judgement, asked, ranked, judgement.power(ranked.test.set), size_gates.into_iter().flatten())
}

/// An answer whose further gates are known.
pub(super) fn answer(
    judgement: &Judgement<'_>,
    asked: Asked,
    ranked: &Ranked,
    power: f64,
    further: impl IntoIterator<Item = Gate>,
) -> Answer {
    let gates: Vec<Gate> = std::iter::once(selection_gate(ranked)).chain(further).collect();
    let (before, tests) = judgement.place(ranked);
    Answer {
        asked,
        set: ranked.test.set,
        rank: before + 1,
        tests,
        log10_p: log10(ranked.test.ln_p),
        power,
        joined: judgement.is_joined(ranked),
        log10_q: log10(ranked.ln_q),
        log10_threshold: log10(ranked.ln_threshold),
        reported: gates.iter().all(|gate| gate.passed),
        gates,
    }
}

fn excess(found: &Deviation) -> f64 {
    (found.observed as f64 - found.expected).abs()
}

fn selection_gate(ranked: &Ranked) -> Gate {
    let (ln_p, ln_threshold) = (log10(ranked.test.ln_p), log10(ranked.ln_threshold));
    let says = if ln_threshold.is_finite() {
        let (found, threshold) = told_apart(ln_p, ln_threshold);
        format!("p {found}, selected up to {threshold}")
    } else {
        format!("p {}, and nothing of its set was selected", power_of_ten(ln_p))
    };
    Gate { setting: "false_discovery_rate, max_p_value", says, passed: ranked.selected }
}

fn size_gates(thresholds: &Thresholds, direction: Direction, observed: u64, expected: f64) -> [Gate; 2] {
    let calls = observed as f64;
    let Thresholds { min_excess, min_ratio, drop_min_expected, drop_max_ratio, .. } = *thresholds;
    let gate = |setting, says, passed| Gate { setting, says, passed };
    match direction {
        Direction::Up => [
            gate(
                "min_excess",
                format!(
                    "{} calls above the {expected:.1} expected, {min_excess} needed",
                    beside(calls - expected, min_excess, 1)
                ),
                calls - expected >= min_excess,
            ),
            gate(
                "min_ratio",
                format!("{}, {min_ratio} needed", times(calls, expected, min_ratio)),
                calls >= min_ratio * expected,
            ),
        ],
        Direction::Down => [
            gate(
                "drop_min_expected",
                format!("{} calls expected, {drop_min_expected} needed", beside(expected, drop_min_expected, 1)),
                expected >= drop_min_expected,
            ),
            gate(
                "drop_max_ratio",
                format!(
                    "{} of what was expected, at most {drop_max_ratio} allowed",
                    beside(calls / expected.max(1e-9), drop_max_ratio, 2)
                ),
                calls <= drop_max_ratio * expected,
            ),
        ],
    }
}

fn times(calls: f64, expected: f64, needed: f64) -> String {
    if expected > 0.0 {
        return format!("{} times what was expected", beside(calls / expected, needed, 1));
    }
    "something where nothing was expected".to_owned()
}

/// A number with so many digits behind the point, or as many more as it takes to see on which side of a bound it is.
fn beside(value: f64, bound: f64, digits: usize) -> String {
    let shown = |digits: usize| format!("{value:.digits$}");
    let side = |shown: &String| shown.parse::<f64>().map_or(Ordering::Equal, |shown| shown.total_cmp(&bound));
    (digits..MOST_DIGITS)
        .map(shown)
        .find(|shown| side(shown) == value.total_cmp(&bound))
        .unwrap_or_else(|| shown(digits))
}

/// Two p-values, by their powers of ten, with as many digits as it takes to tell them apart.
fn told_apart(one: f64, other: f64) -> (String, String) {
    let plain = (power_of_ten(one), power_of_ten(other));
    if plain.0 != plain.1 || one < LEAST_POWER || one.total_cmp(&other).is_eq() {
        return plain;
    }
    let exact = |log10: f64, digits: usize| format!("{:.digits$e}", 10.0_f64.powf(log10));
    let pairs = (2..MOST_DIGITS).map(|digits| (exact(one, digits), exact(other, digits)));
    pairs.into_iter().find(|(one, other)| one != other).unwrap_or(plain)
}

/// What would have been enough in the hour that stands out most; errors are judged by their share, so nothing is said
/// of them.
pub(super) fn enough(
    judgement: &Judgement<'_>,
    thresholds: &Thresholds,
    (family, member): (usize, usize),
    expectation: &Expectation,
    windows: &[WindowTest],
) -> Option<Enough> {
    let baseline = &judgement.baselines()[family];
    let ranked = judgement.ranked(family, member).find(|ranked| ranked.test.set == TestSet::RateUp)?;
    let single = windows.iter().filter(|test| test.direction == Direction::Up && test.span.hours().len() == 1);
    let hour = single.map(|test| test.span.hours().start as u8).next()?;
    let calls = u64::from(baseline.calls_of(member, baseline.window().length())[usize::from(hour)]);
    let selected = (judgement.selected_up_to(ranked), judgement.power(ranked.test.set));
    let needed = trace::least_remarkable(baseline, thresholds, member, expectation, hour, selected)?;
    Some(Enough { hour, calls, needed })
}

pub(super) fn log10(ln: f64) -> f64 {
    ln / std::f64::consts::LN_10
}

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn finite<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_none() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_seen_to_be_on_its_side_of_a_bound() {
        assert_eq!(beside(1.975, 2.0, 1), "1.98");
        assert_eq!(beside(1.9996, 2.0, 1), "1.9996");
        assert_eq!((beside(2.0, 2.0, 1), beside(4.06, 2.0, 1)), ("2.0".to_owned(), "4.1".to_owned()));
        assert_eq!((beside(0.504, 0.5, 2), beside(20.04, 20.0, 1)), ("0.504".to_owned(), "20.04".to_owned()));
    }

    #[test]
    fn p_values_that_differ_are_shown_to() {
        let shown = |one: f64, other: f64| told_apart(one.log10(), other.log10());
        assert_eq!(shown(0.005_2, 0.005), ("5.20e-3".to_owned(), "5.00e-3".to_owned()));
        assert_eq!(shown(0.04, 0.005), ("0.040".to_owned(), "0.005".to_owned()));
        assert_eq!(shown(0.005, 0.005), ("0.005".to_owned(), "0.005".to_owned()));
    }
}
