//! What was asked about an entity's day, and the answers: p, its place among the others, q, and the gates that it had to pass.

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

use crate::baseline::Expectation;
use crate::detect::judgement::Judgement;
use crate::detect::select::{Ranked, TestSet};
use crate::detect::{Deviation, Direction, Thresholds, WindowTest, trace};
use crate::explain::text::power_of_ten;

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
    /// Its q-value among the set's tests, as a power of ten.
    pub log10_q: f64,
    /// The p-value up to which tests of the set were selected, as a power of ten; minus infinity, shown as null, where none was.
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

    /// Adds the gate that what deviated for so many nights in a row does not pass; tells whether it would have been reported.
    pub(super) fn absorb(&mut self, since: NaiveDate, nights: u32, level_shift_days: u32) -> bool {
        let was_reported = std::mem::take(&mut self.reported);
        let says =
            format!("so since {since}, {nights} nights before this one, at most {level_shift_days} are told in a row");
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
        let own = windows.iter().find(|test| test.above == (direction == Direction::Up));
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
    let found = power_of_ten(log10(ranked.test.ln_p));
    let says = if ranked.ln_threshold.is_finite() {
        format!("p {found}, selected up to {}", power_of_ten(log10(ranked.ln_threshold)))
    } else {
        format!("p {found}, and nothing of its set was selected")
    };
    Gate { setting: "false_discovery_rate, max_p_value", says, passed: ranked.selected }
}

fn size_gates(thresholds: &Thresholds, direction: Direction, observed: u64, expected: f64) -> [Gate; 2] {
    let calls = observed as f64;
    let gate = |setting, says, passed| Gate { setting, says, passed };
    match direction {
        Direction::Up => [
            gate(
                "min_excess",
                format!(
                    "{:.1} calls above the {expected:.1} expected, {} needed",
                    calls - expected,
                    thresholds.min_excess
                ),
                calls - expected >= thresholds.min_excess,
            ),
            gate(
                "min_ratio",
                format!("{}, {} needed", times(calls, expected), thresholds.min_ratio),
                calls >= thresholds.min_ratio * expected,
            ),
        ],
        Direction::Down => [
            gate(
                "drop_min_expected",
                format!("{expected:.1} calls expected, {} needed", thresholds.drop_min_expected),
                expected >= thresholds.drop_min_expected,
            ),
            gate(
                "drop_max_ratio",
                format!(
                    "{:.2} of what was expected, at most {} allowed",
                    calls / expected.max(1e-9),
                    thresholds.drop_max_ratio
                ),
                calls <= thresholds.drop_max_ratio * expected,
            ),
        ],
    }
}

fn times(calls: f64, expected: f64) -> String {
    if expected > 0.0 {
        return format!("{:.1} times what was expected", calls / expected);
    }
    "something where nothing was expected".to_owned()
}

/// What would have been enough in the hour that stands out most; errors are judged by their share, so nothing is said of them.
pub(super) fn enough(
    judgement: &Judgement<'_>,
    thresholds: &Thresholds,
    (family, member): (usize, usize),
    expectation: &Expectation,
    windows: &[WindowTest],
) -> Option<Enough> {
    let baseline = &judgement.baselines()[family];
    let ranked = judgement.ranked(family, member).find(|ranked| ranked.test.set == TestSet::RateUp)?;
    let single = windows.iter().filter(|test| test.above && test.span.hours().len() == 1);
    let hour = single.map(|test| test.span.hours().start as u8).next()?;
    let calls = u64::from(baseline.calls_of(member, baseline.window().length())[usize::from(hour)]);
    let ln_threshold = selected_from(ranked, thresholds) / judgement.power(ranked.test.set);
    let needed = trace::least_remarkable(baseline, thresholds, member, expectation, hour, ln_threshold)?;
    Some(Enough { hour, calls, needed })
}

/// The p-value up to which tests are selected; where none was, what the first would have needed cannot be more than the cap.
fn selected_from(ranked: &Ranked, thresholds: &Thresholds) -> f64 {
    if ranked.ln_threshold.is_finite() { ranked.ln_threshold } else { thresholds.max_p_value.ln() }
}

pub(super) fn log10(ln: f64) -> f64 {
    ln / std::f64::consts::LN_10
}

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn finite<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_none() }
}
