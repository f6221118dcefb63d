//! The measures: precision by set, recall by kind and size, false alerts, attacks, timing, attribution.
//!
//! *Precision* is true / (true + false) insights and *recall* found / all labels, both one to one; *F1* is their harmonic mean. The
//! *false share* is the part of all reported insights that is false, to be compared with the false discovery rate that was asked
//! for. An *attack* is found when any of its labels is.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;

use crate::detect::Direction;
use crate::detect::select::TestSet;
use crate::evaluate::attribution::{self, AttributionMeasure};
use crate::evaluate::label::Label;
use crate::evaluate::matching::{Matches, Verdict, matches};
use crate::evaluate::proportion::Proportion;
use crate::evaluate::reported::{EntityDays, Found, Reported, Set};
use crate::evaluate::timing::{self, Timing};

/// Everything that is measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Nights of which there are results.
    pub nights: usize,
    /// The first of them.
    pub first_night: Option<NaiveDate>,
    /// The last.
    pub last_night: Option<NaiveDate>,
    /// What was tested; `None` unless the record of every night is there.
    pub entity_days: Option<EntityDays>,
    /// Labels that touch one of the nights.
    pub labels: usize,
    /// Labels that do not, and are left out.
    pub labels_outside: usize,
    /// The share of false discoveries that was asked for.
    pub nominal_false_share: f64,
    /// By set, then all sets together.
    pub sets: Vec<SetMeasure>,
    /// Labels found.
    pub recall: Proportion,
    /// Labels found, of entities with at least one call an hour and a change of at least ten.
    pub recall_ordinary: Proportion,
    /// The harmonic mean of precision and recall.
    pub f1: Option<f64>,
    /// By kind and size.
    pub kinds: Vec<KindMeasure>,
    /// Attacks by kind, then all kinds together.
    pub attacks: Vec<AttackMeasure>,
    /// Starts, ends and delays by kind and size, then all of them together.
    pub timing: Vec<Timing>,
    /// By attribute; empty where insights come without.
    pub attributions: Vec<AttributionMeasure>,
}

/// What was reported in one set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetMeasure {
    /// The set's name; `all` for all of them.
    pub set: &'static str,
    /// All insights.
    pub reported: usize,
    /// Insights that found a label.
    #[serde(rename = "true")]
    pub right: usize,
    /// Side effects of an attack.
    pub explained: usize,
    /// Further insights about a label that was found already.
    pub repeated: usize,
    /// Insights about nothing that is known.
    #[serde(rename = "false")]
    pub wrong: usize,
    /// True of true and false.
    pub precision: Proportion,
    /// False of all reported.
    pub false_share: Proportion,
    /// False insights in a thousand tested entity-days.
    pub false_per_1000_entity_days: Option<f64>,
}

/// How many labels of a kind and size were found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindMeasure {
    /// The kind.
    pub kind: String,
    /// The size: `drop`, the nearest of ×3, ×5, ×10 and ×30, `below ×2`, or `new` where nothing was usual.
    pub size: &'static str,
    /// All labels.
    pub found: Proportion,
    /// Those of entities with at least one call an hour and a change of at least ten.
    pub found_ordinary: Proportion,
}

/// How many attacks of a kind were found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttackMeasure {
    /// The kind; `all` for all of them.
    pub kind: String,
    /// Attacks of which at least one label was found.
    pub found: Proportion,
    /// Of the found ones, those all of whose insights belong to one incident; of nothing where insights are not grouped.
    pub one_incident: Proportion,
}

/// The labels that a judged night could find, and those of other days.
pub(super) fn judged(reported: &Reported, labels: Vec<Label>) -> (Vec<Label>, Vec<Label>) {
    labels.into_iter().partition(|label| {
        let (first, last) = label.days();
        reported.nights.range(first..=last).next().is_some()
    })
}

/// Measures what was reported against labels.
pub fn measure(reported: &Reported, labels: Vec<Label>, nominal: f64) -> Evaluation {
    let (labels, outside) = judged(reported, labels);
    let found = &reported.found;
    let matches = matches(found, &labels);
    let sets = set_measures(found, &matches, reported.entity_days);
    let recalled = || labels.iter().zip(&matches.found_by);
    let recall = Proportion::of(recalled(), |(_, insight)| insight.is_some());
    let ordinary = recalled().filter(|(label, _)| label.is_ordinary());
    let precision = sets.last().and_then(|all| all.precision.share);
    Evaluation {
        nights: reported.nights.len(),
        first_night: reported.nights.first().copied(),
        last_night: reported.nights.last().copied(),
        entity_days: reported.entity_days,
        labels: labels.len(),
        labels_outside: outside.len(),
        nominal_false_share: nominal,
        sets,
        recall,
        recall_ordinary: Proportion::of(ordinary, |(_, insight)| insight.is_some()),
        f1: precision.zip(recall.share).map(|(precision, recall)| harmonic_mean(precision, recall)),
        kinds: kind_measures(&labels, &matches),
        attacks: attack_measures(found, &labels, &matches),
        timing: timing::measure(found, &labels, &matches, reported.nights.first().copied()),
        attributions: attribution::measure(found, &labels, &matches),
    }
}

fn harmonic_mean(left: f64, right: f64) -> f64 {
    if left + right > 0.0 { 2.0 * left * right / (left + right) } else { 0.0 }
}

fn set_measures(found: &[Found], matches: &Matches, tested: Option<EntityDays>) -> Vec<SetMeasure> {
    let verdicts = |set: Option<Set>| {
        let own = found.iter().zip(&matches.verdicts).filter(move |(found, _)| set.is_none_or(|set| found.set == set));
        own.map(|(_, verdict)| *verdict).collect::<Vec<Verdict>>()
    };
    let entity_days = |set: Option<Set>| match set {
        Some(Set::Change) => None,
        Some(Set::Asked(TestSet::RateDown)) => tested.map(|days| days.down),
        _ => tested.map(|days| days.up),
    };
    let sets = Set::ALL.into_iter().map(|set| set_measure(set.name(), &verdicts(Some(set)), entity_days(Some(set))));
    sets.chain([set_measure("all", &verdicts(None), entity_days(None))]).collect()
}

fn set_measure(set: &'static str, verdicts: &[Verdict], entity_days: Option<u64>) -> SetMeasure {
    let count = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| is(verdict)).count();
    let (right, wrong) =
        (count(|verdict| matches!(verdict, Verdict::True(_))), count(|&verdict| verdict == Verdict::False));
    SetMeasure {
        set,
        reported: verdicts.len(),
        right,
        explained: count(|verdict| matches!(verdict, Verdict::Explained(_))),
        repeated: count(|verdict| matches!(verdict, Verdict::Repeated(_))),
        wrong,
        precision: Proportion::new(right, right + wrong),
        false_share: Proportion::new(wrong, verdicts.len()),
        false_per_1000_entity_days: entity_days
            .filter(|&days| days > 0)
            .map(|days| wrong as f64 * 1000.0 / days as f64),
    }
}

/// Sizes in the order in which they are shown, with the factor from which each begins: the geometric middle between neighbours.
pub(super) const SIZES: [(&str, f64); 7] = [
    ("drop", f64::NEG_INFINITY),
    ("below ×2", 0.0),
    ("×3", 2.0),
    ("×5", 3.873),
    ("×10", 7.071),
    ("×30", 17.32),
    ("new", f64::INFINITY),
];

/// The place of a label's size in [`SIZES`].
pub(super) fn size(label: &Label) -> usize {
    let factor = match (label.direction(), label.size) {
        (Direction::Down, _) => f64::NEG_INFINITY,
        (Direction::Up, None) => f64::INFINITY,
        (Direction::Up, Some(size)) => size.max(0.0),
    };
    SIZES.iter().rposition(|(_, from)| factor >= *from).unwrap_or(0)
}

fn kind_measures(labels: &[Label], matches: &Matches) -> Vec<KindMeasure> {
    let mut kinds: BTreeMap<(&str, usize), Vec<(&Label, bool)>> = BTreeMap::new();
    for (label, insight) in labels.iter().zip(&matches.found_by) {
        kinds.entry((&label.kind, size(label))).or_default().push((label, insight.is_some()));
    }
    let measure = |((kind, size), labels): ((&str, usize), Vec<(&Label, bool)>)| KindMeasure {
        kind: kind.to_owned(),
        size: SIZES[size].0,
        found: Proportion::of(&labels, |(_, found)| *found),
        found_ordinary: Proportion::of(labels.iter().filter(|(label, _)| label.is_ordinary()), |(_, found)| *found),
    };
    kinds.into_iter().map(measure).collect()
}

/// What is known of one attack.
#[derive(Default)]
struct Attack<'label> {
    kind: &'label str,
    found: bool,
    incidents: BTreeSet<Option<&'label str>>,
}

fn attack_measures(found: &[Found], labels: &[Label], matches: &Matches) -> Vec<AttackMeasure> {
    let mut attacks: BTreeMap<usize, Attack<'_>> = BTreeMap::new();
    for (label, insight) in labels.iter().zip(&matches.found_by) {
        let attack = attacks.entry(label.attack).or_default();
        attack.kind = &label.kind;
        attack.found |= insight.is_some();
    }
    for (found, verdict) in found.iter().zip(&matches.verdicts) {
        let number = match *verdict {
            Verdict::True(label) | Verdict::Repeated(label) => labels[label].attack,
            Verdict::Explained(attack) => attack,
            Verdict::False => continue,
        };
        attacks.entry(number).or_default().incidents.insert(found.incident.as_deref());
    }
    let grouped = found.iter().any(|found| found.incident.is_some());
    let attacks: Vec<Attack<'_>> = attacks.into_values().collect();
    let kinds: BTreeSet<&str> = attacks.iter().map(|attack| attack.kind).collect();
    let own = |kind: &str| {
        let attacks: Vec<_> = attacks.iter().filter(|attack| attack.kind == kind).collect();
        attack_measure(kind, &attacks, grouped)
    };
    let all: Vec<_> = attacks.iter().collect();
    kinds.iter().map(|kind| own(kind)).chain([attack_measure("all", &all, grouped)]).collect()
}

fn attack_measure(kind: &str, attacks: &[&Attack<'_>], grouped: bool) -> AttackMeasure {
    let with_incidents = attacks.iter().filter(|attack| grouped && attack.found);
    AttackMeasure {
        kind: kind.to_owned(),
        one_incident: Proportion::of(with_incidents, |attack| attack.incidents.len() == 1),
        found: Proportion::of(attacks, |attack| attack.found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::matching::tests::{insight, label};

    fn reported(found: Vec<Found>) -> Reported {
        let nights = found.iter().map(|found| found.night).collect();
        Reported { nights, found, entity_days: Some(EntityDays { up: 500, down: 100 }) }
    }

    #[test]
    fn precision_recall_and_false_alerts_come_with_their_counts() {
        let labels = vec![label("api", "a/b", 60, 120), label("api", "c/d", 60, 120), label("api", "e/f", 9000, 9060)];
        let found = vec![insight("api", "a/b", 60, 120), insight("api", "x/y", 60, 120), insight("api", "a/b", 62, 70)];
        let measured = measure(&reported(found), labels, 0.05);
        let all = measured.sets.last().unwrap();
        assert_eq!((all.reported, all.right, all.repeated, all.wrong), (3, 1, 1, 1));
        assert_eq!((all.precision.share, all.false_per_1000_entity_days), (Some(0.5), Some(2.0)));
        assert_eq!((measured.labels, measured.labels_outside, measured.recall.count), (2, 1, 1));
        assert_eq!(measured.f1, Some(0.5));
    }

    #[test]
    fn sizes_go_to_the_nearest_factor() {
        let of = |size: Option<f64>, calls: i64| {
            SIZES[super::size(&Label { size, calls: Some(calls), ..label("api", "a/b", 0, 60) })].0
        };
        let sizes = [1.4, 2.9, 4.0, 6.9, 10.0, 29.0].map(|size| of(Some(size), 50));
        assert_eq!(sizes, ["below ×2", "×3", "×5", "×5", "×10", "×30"]);
        assert_eq!((of(None, 50), of(Some(0.0), -50)), ("new", "drop"));
    }

    #[test]
    fn an_attack_is_one_incident_when_all_its_insights_are() {
        let labels = vec![label("api", "a/b", 60, 120), label("principal", "user/7", 60, 120)];
        let with = |incident: &str, found: Found| Found { incident: Some(incident.to_owned()), ..found };
        let (api, principal) = (insight("api", "a/b", 60, 120), insight("principal", "user/7", 60, 120));
        let one = vec![with("x", api.clone()), with("x", principal.clone())];
        let two = vec![with("x", api.clone()), with("y", principal.clone())];
        let count = |found: Vec<Found>| measure(&reported(found), labels.clone(), 0.05).attacks[0].one_incident;
        assert_eq!((count(one).count, count(two).count), (1, 0));
        assert_eq!(count(vec![api, principal]).of, 0);
    }
}
