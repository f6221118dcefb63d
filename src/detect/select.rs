//! Which of a night's tests are discoveries: Benjamini-Hochberg, once a night, in five sets across all families.
//!
//! Rises, drops, errors, newcomers and first meetings are different questions with different shares of true answers, so each is a set of its own;
//! families are not, because an attacker does not know them. Within a set tests about calls that can do much harm have a part of its false
//! discoveries to themselves, for they are few, and not to be lost among many that matter less. *When it is wrong*: under strong dependence between entities other
//! than positive.

use std::collections::BTreeMap;

use crate::detect::{Direction, Model, Thresholds};
use crate::error::{Error, Result};
use crate::rollup::Family;
use crate::stats::{ParameterError, benjamini_hochberg, q_values};

/// The part of a set's false discoveries that its sensitive tests have to themselves.
const SENSITIVE_SHARE: f64 = 0.3;
/// So far above zero the logarithm of a p-value may be by rounding.
const ROUNDING: f64 = 1e-9;

/// The sets within which the share of false discoveries is controlled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TestSet {
    /// More calls than expected.
    RateUp,
    /// Fewer calls than expected.
    RateDown,
    /// More errors than calls explain.
    Error,
    /// Calls of something that was never seen.
    New,
    /// Somebody with whom, or something with which, it was never seen before.
    FirstSeen,
}

impl TestSet {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::RateUp, Self::RateDown, Self::Error, Self::New, Self::FirstSeen];

    /// The question that a family's entity is asked, by the model that judges it and the direction it is asked about.
    ///
    /// Errors are a question of their own, also on the first days of an API: they are judged by their share of the calls.
    pub const fn of(family: Family, model: Model, direction: Direction) -> Self {
        match (model, direction, family) {
            (Model::FirstSeen, ..) => Self::FirstSeen,
            (_, Direction::Down, _) => Self::RateDown,
            (_, _, Family::ApiError) => Self::Error,
            (Model::New, ..) => Self::New,
            _ => Self::RateUp,
        }
    }

    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RateUp => "rate_up",
            Self::RateDown => "rate_down",
            Self::Error => "error",
            Self::New => "new",
            Self::FirstSeen => "first_seen",
        }
    }

    /// What it asks about, for people: the same words wherever the night is told.
    pub const fn words(self) -> &'static str {
        match self {
            Self::RateUp => "rises",
            Self::RateDown => "drops",
            Self::Error => "errors",
            Self::New => "newcomers",
            Self::FirstSeen => "first meetings",
        }
    }

    /// The set of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }
}

/// One question asked about an entity's day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Test {
    /// The set.
    pub set: TestSet,
    /// The family, by its place among those judged; beyond them are those of other questions.
    pub family: usize,
    /// The entity's number in the family.
    pub member: usize,
    /// The natural logarithm of the p-value.
    pub ln_p: f64,
    /// Whether it is about calls that can do much harm: such tests have a part of their set's false discoveries to themselves.
    pub sensitive: bool,
}

/// A test beside the others of its set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// The test.
    pub test: Test,
    /// The natural logarithm of its q-value.
    pub ln_q: f64,
    /// The natural logarithm of the p-value up to which tests of its set, and as sensitive, were selected.
    pub ln_threshold: f64,
    /// Whether it was selected.
    pub selected: bool,
}

/// Ranks tests within their sets; they come by set, then in the order given.
///
/// # Errors
/// [`Error::Internal`] when a test has no p-value: without it nobody could say what else was found in its set.
pub fn rank(tests: &[Test], thresholds: &Thresholds) -> Result<Vec<Ranked>> {
    let mut sets: BTreeMap<TestSet, Vec<Test>> = BTreeMap::new();
    for test in tests {
        sets.entry(test.set).or_default().push(*test);
    }
    let mut ranked = Vec::with_capacity(tests.len());
    for (set, tests) in sets {
        ranked.extend(rank_within(&tests, thresholds).map_err(|error| unranked(set, error))?);
    }
    Ok(ranked)
}

/// A set whose discoveries cannot be told.
pub(super) fn unranked(set: TestSet, error: ParameterError) -> Error {
    Error::Internal(format!("the p-values of {} cannot be ranked: {error}", set.words()))
}

/// What is above `ln 1` by rounding alone counts as that, and is no reason to stop a night.
pub(super) fn rounded(ln_p: f64) -> f64 {
    if (0.0..ROUNDING).contains(&ln_p) { 0.0 } else { ln_p }
}

fn rank_within(tests: &[Test], thresholds: &Thresholds) -> std::result::Result<Vec<Ranked>, ParameterError> {
    let ln_weights = ln_weights(tests);
    let ln_weight = |test: &Test| ln_weights[usize::from(test.sensitive)];
    let weighed = |test: &Test| {
        let ln_p = rounded(test.ln_p);
        let weighed = ln_p - ln_weight(test);
        // What is no p-value stays none.
        if ln_p <= 0.0 && weighed > 0.0 { 0.0 } else { weighed }
    };
    let ln_p: Vec<f64> = tests.iter().map(weighed).collect();
    let selection = benjamini_hochberg(&ln_p, ln_p.len(), thresholds.false_discovery_rate)?;
    let ln_q = q_values(&ln_p, ln_p.len())?;
    let ranked = |(&test, ln_q): (&Test, f64)| {
        let ln_threshold = (selection.ln_threshold + ln_weight(&test)).min(thresholds.max_p_value.ln());
        Ranked { test, ln_q, ln_threshold, selected: test.ln_p <= ln_threshold }
    };
    Ok(tests.iter().zip(ln_q).map(ranked).collect())
}

/// The weights of a set's ordinary and of its sensitive tests, one on average: what p-values are divided by.
///
/// ```text
/// 0.7 n / (n - k),   0.3 n / k,   k sensitive ones of n;   1 if there are none, or more than that share
/// ```
/// Source: p-value weighting, Genovese, Roeder and Wasserman 2006; the weights do not look at p-values.
fn ln_weights(tests: &[Test]) -> [f64; 2] {
    let (all, sensitive) = (tests.len() as f64, tests.iter().filter(|test| test.sensitive).count() as f64);
    if sensitive == 0.0 || sensitive >= SENSITIVE_SHARE * all {
        return [0.0; 2];
    }
    [(1.0 - SENSITIVE_SHARE) * all / (all - sensitive), SENSITIVE_SHARE * all / sensitive].map(f64::ln)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::judgement;
    use crate::detect::rate::EntityScore;

    fn test(set: TestSet, member: usize, p: f64) -> Test {
        Test { set, family: 0, member, ln_p: p.ln(), sensitive: false }
    }

    #[test]
    fn sensitive_tests_have_a_share_of_their_own_and_others_the_rest() {
        let mut tests: Vec<Test> = (0..300).map(|member| test(TestSet::FirstSeen, member, 0.4)).collect();
        tests[7] = test(TestSet::FirstSeen, 7, 0.003);
        assert_eq!(selected(&tests).count(), 0, "one of three hundred");
        (tests[7].sensitive, tests[9].sensitive) = (true, true);
        let found: Vec<Ranked> = selected(&tests).collect();
        assert_eq!(found.iter().map(|found| found.test.member).collect::<Vec<_>>(), [7], "one of two");
        let ln_weights = ln_weights(&tests).map(f64::exp);
        assert!((ln_weights[0] * 298.0 + ln_weights[1] * 2.0 - 300.0).abs() < 1e-9);
        tests.iter_mut().for_each(|test| test.sensitive = true);
        assert_eq!(selected(&tests).count(), 0, "all are no few");
        tests.iter_mut().for_each(|test| test.sensitive = false);
        tests[8] = test(TestSet::FirstSeen, 8, 2e-4);
        tests[9].sensitive = true;
        let threshold = rank(&tests, &Thresholds::default()).unwrap()[8].ln_threshold.exp();
        assert!(threshold < 0.05 / 300.0, "what the sensitive have, others do not: {threshold}");
    }

    fn selected(tests: &[Test]) -> impl Iterator<Item = Ranked> {
        rank(tests, &Thresholds::default()).unwrap().into_iter().filter(|ranked| ranked.selected)
    }

    #[test]
    fn each_set_is_controlled_by_itself_and_families_together() {
        let mut tests = vec![test(TestSet::RateUp, 0, 1e-5), Test { family: 1, ..test(TestSet::RateUp, 7, 2e-4) }];
        tests.extend((1..400).map(|member| test(TestSet::RateUp, member, 0.5)));
        tests.push(test(TestSet::New, 3, 0.02));
        tests.push(test(TestSet::Error, 3, 5e-4));
        tests.extend((10..400).map(|member| test(TestSet::New, member, 0.5)));
        tests.push(test(TestSet::FirstSeen, 4, 5e-4));
        let found: Vec<(TestSet, usize)> = selected(&tests).map(|found| (found.test.set, found.test.member)).collect();
        assert_eq!(found, [(TestSet::RateUp, 0), (TestSet::RateUp, 7), (TestSet::Error, 3), (TestSet::FirstSeen, 4)]);
    }

    #[test]
    fn a_test_without_a_p_value_is_an_error_and_no_empty_set() {
        let tests = [test(TestSet::RateUp, 0, 1e-9), test(TestSet::New, 1, f64::NAN)];
        let error = rank(&tests, &Thresholds::default()).unwrap_err().to_string();
        assert!(error.contains("the p-values of newcomers cannot be ranked: ln_p must be"), "{error}");
        let rounding = Test { ln_p: 1e-16, ..tests[0] };
        assert_eq!(rank(&[rounding], &Thresholds::default()).unwrap().len(), 1);
    }

    #[test]
    fn a_question_is_that_of_its_direction_then_its_family_then_its_model() {
        let set = |family, model| [Direction::Up, Direction::Down].map(|way| TestSet::of(family, model, way));
        assert_eq!(set(Family::Api, Model::Seasonal), [TestSet::RateUp, TestSet::RateDown]);
        assert_eq!(set(Family::Api, Model::Sparse), [TestSet::RateUp, TestSet::RateDown]);
        assert_eq!(set(Family::SourceIp, Model::New), [TestSet::New, TestSet::RateDown]);
        assert_eq!(set(Family::ApiError, Model::New), [TestSet::Error, TestSet::RateDown]);
        assert_eq!(set(Family::AccessKey, Model::FirstSeen)[0], TestSet::FirstSeen);
    }

    #[test]
    fn a_judgement_asks_the_same_questions() {
        for family in Family::RATED {
            for model in [Model::Seasonal, Model::Sparse, Model::New] {
                let score = EntityScore { ln_up: -1.0, ln_down: Some(-2.0), model };
                let asked: Vec<TestSet> = judgement::tests(0, family, &[score]).map(|test| test.set).collect();
                let told = [Direction::Up, Direction::Down].map(|way| TestSet::of(family, model, way));
                assert_eq!(asked, told, "{family:?} {model:?}");
            }
        }
    }

    #[test]
    fn nothing_is_selected_above_the_largest_p_value() {
        let tests: Vec<Test> = (0..100).map(|member| test(TestSet::New, member, 0.02)).collect();
        assert_eq!(selected(&tests).count(), 0);
    }
}
