//! Which values of an attribute explain an insight: those whose calls changed most surely against the week before.
//!
//! Values are ranked by the signed log-likelihood ratio of a Poisson count, `y ln(y / m) - (y - m)` with `y` calls in the episode
//! and `m` those that the week before would have had in as much time, plus one half so that new values stay finite; values that
//! changed the other way come last. A value's *share* is its part of the change, and where the first has less than two fifths the
//! attribute is *broad*: nobody stands out. What goes by one name because there is too much of it comes last, and never stands out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::detect::Direction;
use crate::insight::attribute::Attribute;
use crate::insight::events::spelling::folded;
use crate::insight::{Attribution, Share};
use crate::shown::OTHER;

/// Values that are named on either side.
const TOP: usize = 5;
/// What is added to an expected count, so that what never happened is not infinitely surprising.
const SMOOTHING: f64 = 0.5;
/// A first value with a smaller share of the change does not stand out.
const STANDS_OUT: f64 = 0.4;
/// One with a larger share has most of it.
const HALF: f64 = 0.5;

/// One attribute of an episode.
pub(in crate::insight) struct Compared<'a> {
    /// Which.
    pub(in crate::insight) attribute: Attribute,
    /// Which way counts went.
    pub(in crate::insight) direction: Direction,
    /// The values during the episode, and its minutes.
    pub(in crate::insight) observed: (&'a BTreeMap<String, u64>, f64),
    /// The values of the week before, and its minutes; `None` where they are not known.
    pub(in crate::insight) usual: Option<(&'a BTreeMap<String, u64>, f64)>,
}

/// A value with its calls in the episode, and those that would have been usual.
struct Candidate<'a> {
    value: &'a str,
    calls: f64,
    expected: f64,
}

impl Compared<'_> {
    /// The attribution; `None` if there is nothing to name. `whole` is the change of all calls, some of which may lack the attribute.
    pub(in crate::insight) fn attribution(&self, whole: f64) -> Option<Attribution> {
        let mut candidates = self.candidates();
        let rank = |candidate: &Candidate<'_>| evidence(candidate, self.direction);
        candidates.sort_by(|left, right| {
            let is_many = |candidate: &Candidate<'_>| candidate.value == OTHER;
            is_many(left)
                .cmp(&is_many(right))
                .then(rank(right).total_cmp(&rank(left)))
                .then(right.calls.total_cmp(&left.calls))
                .then(left.value.cmp(right.value))
        });
        let minutes = self.observed.1;
        let (first, all) = (self.change_of(candidates.first()?), self.change(&candidates));
        let first_share = if all > 0.0 { first / all } else { 0.0 };
        let share =
            |candidate: &Candidate<'_>| Share { average: candidate.calls / minutes, value: candidate.value.to_owned() };
        Some(Attribution {
            attribute: self.attribute,
            insight: candidates.iter().take(TOP).map(share).collect(),
            baseline: self.usual.map(|(values, minutes)| busiest(self.attribute, values, minutes)),
            broad: first_share < STANDS_OUT || candidates[0].value == OTHER,
            most: first > HALF * all.max(whole) && candidates[0].value != OTHER,
        })
    }

    fn candidates(&self) -> Vec<Candidate<'_>> {
        let (observed, minutes) = self.observed;
        let observed = folded(self.attribute, observed);
        let usual = self.usual.map(|(values, _)| folded(self.attribute, values)).unwrap_or_default();
        let scale = self.usual.map_or(0.0, |(_, all)| minutes / all.max(1.0));
        let expected = |value: &Cow<'_, str>| usual.get(value).map_or(0.0, |&(_, calls)| calls as f64 * scale);
        let seen = observed.iter().map(|(folded, &(value, calls))| Candidate {
            value,
            calls: calls as f64,
            expected: expected(folded),
        });
        let mut candidates: Vec<Candidate<'_>> = seen.collect();
        if self.direction == Direction::Down {
            let missing = usual.iter().filter(|(folded, _)| !observed.contains_key(*folded));
            candidates.extend(missing.map(|(folded, &(value, _))| Candidate {
                value,
                calls: 0.0,
                expected: expected(folded),
            }));
        }
        candidates
    }

    /// The changes of all values in the episode's direction together.
    pub(in crate::insight) fn whole(&self) -> f64 {
        self.change(&self.candidates())
    }

    fn change(&self, candidates: &[Candidate<'_>]) -> f64 {
        candidates.iter().map(|candidate| self.change_of(candidate)).sum()
    }

    fn change_of(&self, candidate: &Candidate<'_>) -> f64 {
        match self.direction {
            Direction::Up => (candidate.calls - candidate.expected).max(0.0),
            Direction::Down => (candidate.expected - candidate.calls).max(0.0),
        }
    }
}

/// The signed log-likelihood ratio: positive for a change in the direction asked for.
fn evidence(candidate: &Candidate<'_>, direction: Direction) -> f64 {
    let (calls, expected) = (candidate.calls, candidate.expected + SMOOTHING);
    let ratio = if calls > 0.0 { calls * (calls / expected).ln() - (calls - expected) } else { expected };
    let risen = calls > expected;
    if risen == (direction == Direction::Up) { ratio } else { -ratio }
}

/// The values with the most calls a minute.
fn busiest(attribute: Attribute, values: &BTreeMap<String, u64>, minutes: f64) -> Vec<Share> {
    let mut values: Vec<(&str, u64)> = folded(attribute, values).into_values().collect();
    values.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
    let top = values.into_iter().take(TOP);
    top.map(|(value, calls)| Share { average: calls as f64 / minutes.max(1.0), value: value.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(all: &[(&str, u64)]) -> BTreeMap<String, u64> {
        all.iter().map(|&(value, calls)| (value.to_owned(), calls)).collect()
    }

    fn named(attribution: &Attribution) -> Vec<&str> {
        attribution.insight.iter().map(|share| share.value.as_str()).collect()
    }

    fn compare(observed: &[(&str, u64)], usual: Option<&[(&str, u64)]>, direction: Direction) -> Attribution {
        let (observed, usual) = (values(observed), usual.map(values));
        let usual = usual.as_ref().map(|usual| (usual, 10_080.0));
        Compared { attribute: Attribute::Principal, direction, observed: (&observed, 60.0), usual }
            .attribution(0.0)
            .unwrap()
    }

    #[test]
    fn whoever_is_new_comes_before_whoever_is_always_busy() {
        // Ten thousand calls a week are sixty an hour: the busy one did what it always does.
        let observed = [("user/busy", 62), ("user/thief", 40)];
        let known = compare(&observed, Some(&[("user/busy", 10_080)]), Direction::Up);
        assert_eq!(named(&known), ["user/thief", "user/busy"]);
        assert!(!known.broad);
        assert_eq!(known.baseline, Some(vec![Share { average: 1.0, value: "user/busy".to_owned() }]));
        let unknown = compare(&observed, None, Direction::Up);
        assert_eq!((named(&unknown), &unknown.baseline), (vec!["user/busy", "user/thief"], &None));
    }

    #[test]
    fn a_drop_is_attributed_to_whoever_is_missing() {
        let found =
            compare(&[("user/here", 60)], Some(&[("user/here", 10_080), ("user/gone", 5_040)]), Direction::Down);
        assert_eq!(named(&found), ["user/gone", "user/here"]);
        assert!(found.insight[0].average.abs() < f64::EPSILON);
    }

    #[test]
    fn nobody_stands_out_where_all_rise_alike() {
        let two = compare(&[("user/1", 20), ("user/2", 20)], Some(&[]), Direction::Up);
        assert!(!two.broad && !two.most, "one of two");
        assert!(compare(&[("user/1", 20), ("user/2", 19)], Some(&[]), Direction::Up).most);
        let keys = values(&[("LTAI1", 20), ("LTAI2", 10)]);
        let keys = Compared {
            attribute: Attribute::AccessKey,
            direction: Direction::Up,
            observed: (&keys, 60.0),
            usual: None,
        };
        assert!(keys.attribution(30.0).unwrap().most && !keys.attribution(40.0).unwrap().most, "ten calls have no key");
        let everybody: Vec<(String, u64)> = (0..10).map(|number| (format!("user/{number}"), 20)).collect();
        let everybody: Vec<(&str, u64)> = everybody.iter().map(|(user, calls)| (user.as_str(), *calls)).collect();
        let found = compare(&everybody, Some(&[]), Direction::Up);
        assert!(found.broad && !found.most);
        assert_eq!(found.insight.len(), TOP);
    }

    #[test]
    fn an_api_is_one_however_its_service_is_spelled() {
        let week = [("Oss/GetObject", 9_000), ("oss/GetObject", 1_080), ("Kms/Decrypt", 10_080)];
        let compare = |observed: &[(&str, u64)], direction| {
            let (observed, usual) = (values(observed), values(&week));
            let usual = Some((&usual, 10_080.0));
            Compared { attribute: Attribute::Api, direction, observed: (&observed, 60.0), usual }
                .attribution(0.0)
                .unwrap()
        };
        let risen = compare(&[("Oss/GetObject", 30), ("oss/GetObject", 40), ("Kms/Decrypt", 100)], Direction::Up);
        let shares: Vec<(&str, f64)> =
            risen.insight.iter().map(|share| (share.value.as_str(), share.average * 60.0)).collect();
        assert_eq!(shares, [("Kms/Decrypt", 100.0), ("oss/GetObject", 70.0)], "by the spelling of most of its calls");
        assert!(!risen.broad, "forty of fifty too many");
        let usual = Share { average: 1.0, value: "Oss/GetObject".to_owned() };
        assert!(risen.baseline.unwrap().contains(&usual), "all of it under one name");
        let fallen = compare(&[("oss/GetObject", 60), ("Kms/Decrypt", 0)], Direction::Down);
        assert_eq!(named(&fallen), ["Kms/Decrypt", "oss/GetObject"], "the other spelling is not missing");
    }

    #[test]
    fn what_stands_for_many_comes_last_and_never_stands_out() {
        let crowd = compare(&[(OTHER, 500), ("user/thief", 40)], Some(&[]), Direction::Up);
        assert_eq!((named(&crowd), crowd.broad), (vec!["user/thief", OTHER], true), "a twelfth of the change");
        let gone = compare(&[("user/here", 60)], Some(&[("user/here", 10_080), (OTHER, 50_400)]), Direction::Down);
        assert_eq!((named(&gone), gone.broad), (vec!["user/here", OTHER], true));
        assert!(compare(&[(OTHER, 500)], Some(&[]), Direction::Up).broad);
    }

    #[test]
    fn the_ratio_is_that_of_the_formula() {
        let ratio = |calls, expected, direction| evidence(&Candidate { value: "", calls, expected }, direction);
        assert!((ratio(20.0, 4.5, Direction::Up) - (20.0 * 4.0_f64.ln() - 15.0)).abs() < 1e-12);
        assert!(ratio(1.0, 9.5, Direction::Up) < 0.0 && ratio(1.0, 9.5, Direction::Down) > 0.0);
        assert!((ratio(0.0, 9.5, Direction::Down) - 10.0).abs() < 1e-12);
    }
}
