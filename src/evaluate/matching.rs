//! Which insight is about which label: one to one, by entity and time.
//!
//! An insight *can be about* a label if both name the same entity and direction and touch a common hour. Pairs are formed from
//! those that share the most minutes downwards, each label and each insight once. What is left over is judged in this order:
//!
//! * [`Verdict::Repeated`]: it is about a label that another insight has found already;
//! * [`Verdict::Explained`]: it touches an hour of a planted attack, goes the same way, and names the attack's actor or object as
//!   itself or as first in an attribution: a side effect that is too small for a label of its own;
//! * [`Verdict::False`].
//!
//! Repeated and explained insights are neither true nor false: they raise neither recall nor precision.

use chrono::{DateTime, Utc};

use crate::evaluate::label::Label;
use crate::evaluate::reported::Found;
use crate::event::fold_service;
use crate::insight::Attribute;
use crate::time::HOUR_SECONDS;

/// Seconds of the bucket that a label and an insight must have in common.
const BUCKET_SECONDS: i64 = HOUR_SECONDS as i64;

/// What an insight turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The one that found this label.
    True(usize),
    /// About this label, which another insight has found.
    Repeated(usize),
    /// A side effect of the attack with this number.
    Explained(usize),
    /// About nothing that is known to have happened.
    False,
}

/// Matched insights and labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches {
    /// For each insight what it is.
    pub verdicts: Vec<Verdict>,
    /// For each label the insight that found it.
    pub found_by: Vec<Option<usize>>,
}

/// An entity in the form in which entities are compared: services in lower case, changes without the API.
pub fn canonical(family: &str, entity: &str) -> String {
    let fields = |most: usize| entity.splitn(most, '/').collect::<Vec<_>>();
    match (family, &fields(5)[..]) {
        ("change", [kind, service, _, principal @ ..]) => {
            [&[*kind, &fold_service(service)], principal].concat().join("/")
        }
        ("api" | "api_error", [service, ..]) => {
            format!("{}{}", fold_service(service), &entity[service.len()..])
        }
        _ => entity.to_owned(),
    }
}

/// Matches insights with labels.
pub fn matches(found: &[Found], labels: &[Label]) -> Matches {
    let mut pairs: Vec<(i64, usize, usize)> = Vec::new();
    for (insight, reported) in found.iter().enumerate() {
        for (label, known) in labels.iter().enumerate().filter(|(_, known)| is_about(reported, known)) {
            pairs.push((-common_seconds(reported, known), label, insight));
        }
    }
    pairs.sort_unstable();
    let mut found_by = vec![None; labels.len()];
    let mut verdicts = vec![Verdict::False; found.len()];
    for &(_, label, insight) in &pairs {
        if found_by[label].is_none() && verdicts[insight] == Verdict::False {
            found_by[label] = Some(insight);
            verdicts[insight] = Verdict::True(label);
        }
    }
    for &(_, label, insight) in &pairs {
        if verdicts[insight] == Verdict::False {
            verdicts[insight] = Verdict::Repeated(label);
        }
    }
    for (insight, verdict) in verdicts.iter_mut().enumerate().filter(|(_, verdict)| **verdict == Verdict::False) {
        if let Some(label) = labels.iter().find(|label| explains(label, &found[insight])) {
            *verdict = Verdict::Explained(label.attack);
        }
    }
    Matches { verdicts, found_by }
}

/// Whether both name the same entity, in whatever account.
pub(super) fn is_of(found: &Found, label: &Label) -> bool {
    found.family == label.family && found.entity == label.entity
}

fn is_about(found: &Found, label: &Label) -> bool {
    is_of(found, label)
        && found.direction == label.direction()
        && label.account.as_ref().is_none_or(|account| *account == found.account)
        && share_a_bucket(found, label)
}

/// The buckets that an interval touches, first and one past the last.
fn buckets(start: DateTime<Utc>, end: DateTime<Utc>) -> (i64, i64) {
    let last = (end.timestamp_millis() - 1).div_euclid(1000 * BUCKET_SECONDS);
    (start.timestamp().div_euclid(BUCKET_SECONDS), last + 1)
}

/// Whether both touch a common hour.
pub(super) fn share_a_bucket(found: &Found, label: &Label) -> bool {
    let (own, other) = (buckets(found.start, found.end), buckets(label.start, label.end));
    own.0 < other.1 && other.0 < own.1
}

/// Seconds that lie in both.
pub(super) fn common_seconds(found: &Found, label: &Label) -> i64 {
    (found.end.min(label.end) - found.start.max(label.start)).num_seconds().max(0)
}

/// Whether an insight is a side effect of what the label is a part of.
fn explains(label: &Label, found: &Found) -> bool {
    if found.direction != label.direction() || !share_a_bucket(found, label) {
        return false;
    }
    let Some((attribute, value)) = attribute_of(&label.family, &label.entity) else { return false };
    let own = attribute_of(&found.family, &found.entity).filter(|_| found.family != label.family);
    own.is_some_and(|(name, own)| name == attribute && same_value(value, own))
        || first(found, attribute).is_some_and(|first| same_value(value, first))
}

fn first(found: &Found, attribute: Attribute) -> Option<&str> {
    found.attributions.as_ref()?.get(&attribute)?.first().map(String::as_str)
}

/// The attribute under which an attribution would name an entity, and the entity's name there.
pub fn attribute_of<'entity>(family: &str, entity: &'entity str) -> Option<(Attribute, &'entity str)> {
    match family {
        "principal" => Some((Attribute::Principal, entity)),
        "access_key" => Some((Attribute::AccessKey, entity)),
        "source_ip" => Some((Attribute::SourceAddress, entity)),
        "api" => Some((Attribute::Api, entity)),
        "api_error" => Some((Attribute::Api, entity.rsplit_once('/')?.0)),
        // Kind and service come before the principal.
        "change" => Some((Attribute::Principal, entity.splitn(3, '/').nth(2)?)),
        _ => None,
    }
}

/// Whether an attribution's value names an entity: services in any case, principals with or without their kind.
pub fn same_value(entity: &str, value: &str) -> bool {
    entity.eq_ignore_ascii_case(value) || entity.rsplit_once('/').is_some_and(|(_, id)| id == value)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::detect::Direction;
    use crate::evaluate::reported::{Numbers, Set};
    use proptest::prelude::*;

    fn moment(minute: i64) -> DateTime<Utc> {
        "2026-01-29T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + chrono::Duration::minutes(minute)
    }

    pub(crate) fn label(family: &str, entity: &str, start: i64, end: i64) -> Label {
        Label {
            start: moment(start),
            end: moment(end),
            family: family.to_owned(),
            account: Some("1".to_owned()),
            entity: entity.to_owned(),
            kind: "rate_spike".to_owned(),
            size: Some(10.0),
            expected: Some(100.0),
            calls: Some(900),
            attack: 0,
        }
    }

    pub(crate) fn insight(family: &str, entity: &str, start: i64, end: i64) -> Found {
        Found {
            id: format!("{family}/{entity}/{start}"),
            night: moment(start).date_naive(),
            set: Set::Asked(crate::detect::select::TestSet::RateUp),
            family: family.to_owned(),
            account: "1".to_owned(),
            entity: entity.to_owned(),
            direction: Direction::Up,
            start: moment(start),
            end: moment(end),
            told_end: moment(end),
            is_open: false,
            incident: None,
            numbers: Numbers::default(),
            attributions: Some(std::collections::BTreeMap::new()),
        }
    }

    #[test]
    fn a_label_is_found_once_and_by_the_one_that_shares_most() {
        let labels = [label("api", "ecs/Run", 60, 240)];
        let found = [insight("api", "ecs/Run", 50, 70), insight("api", "ecs/Run", 80, 230)];
        let matches = matches(&found, &labels);
        assert_eq!(matches.verdicts, [Verdict::Repeated(0), Verdict::True(0)]);
        assert_eq!(matches.found_by, [Some(1)]);
    }

    #[test]
    fn entity_direction_account_and_a_common_hour_are_needed() {
        let labels = [label("source_ip", "192.0.2.1", 61, 65)];
        let judge = |found: Found| matches(&[found], &labels).verdicts[0];
        assert_eq!(judge(insight("source_ip", "192.0.2.1", 110, 119)), Verdict::True(0));
        assert_eq!(judge(insight("source_ip", "192.0.2.1", 120, 125)), Verdict::False);
        assert_eq!(judge(insight("source_ip", "192.0.2.1", 50, 60)), Verdict::False);
        assert_eq!(judge(insight("source_ip", "192.0.2.2", 61, 65)), Verdict::False);
        assert_eq!(
            judge(Found { direction: Direction::Down, ..insight("source_ip", "192.0.2.1", 61, 65) }),
            Verdict::False
        );
        assert_eq!(judge(Found { account: "2".into(), ..insight("source_ip", "192.0.2.1", 61, 65) }), Verdict::False);
    }

    #[test]
    fn side_effects_of_an_attack_are_neither_true_nor_false() {
        let labels = [label("source_ip", "192.0.2.1", 60, 90), label("principal", "user/7", 60, 90)];
        let with = |attribute: Attribute, values: &[&str]| {
            let values = values.iter().map(|&value| value.to_owned()).collect();
            let attributions = Some([(attribute, values)].into());
            Found { attributions, ..insight("api", "oss/GetObject", 60, 70) }
        };
        let judge = |found: Found| matches(&[found], &labels).verdicts[0];
        assert_eq!(judge(with(Attribute::SourceAddress, &["192.0.2.1", "192.0.2.9"])), Verdict::Explained(0));
        assert_eq!(judge(with(Attribute::SourceAddress, &["192.0.2.9", "192.0.2.1"])), Verdict::False);
        assert_eq!(judge(with(Attribute::Principal, &["user/7"])), Verdict::Explained(0));
        assert_eq!(judge(with(Attribute::Principal, &["7"])), Verdict::Explained(0));
        assert_eq!(judge(insight("change", "trail/actiontrail/user/7", 60, 61)), Verdict::Explained(0));
        assert_eq!(
            judge(Found { start: moment(600), end: moment(601), ..with(Attribute::Principal, &["user/7"]) }),
            Verdict::False
        );
    }

    #[test]
    fn entities_are_compared_without_the_services_case_and_changes_without_their_api() {
        assert_eq!(canonical("api", "Ecs/RunInstances"), "ecs/RunInstances");
        assert_eq!(canonical("api_error", "RDS/Describe/No.Permission/x"), "rds/Describe/No.Permission/x");
        assert_eq!(canonical("change", "trail/Actiontrail/UpdateTrail/user/a/b"), "trail/actiontrail/user/a/b");
        assert_eq!(canonical("source_ip", "2001:DB8::1"), "2001:DB8::1");
        assert_eq!(canonical("change", "odd"), "odd");
    }

    proptest! {
        /// However intervals lie, no label and no insight is counted twice, and every insight about some label is true or repeated.
        #[test]
        fn matching_is_one_to_one(
            labels in prop::collection::vec((0_i64..600, 1_i64..200), 0..8),
            found in prop::collection::vec((0_i64..600, 1_i64..200), 0..8),
        ) {
            let labels: Vec<Label> = labels.iter().map(|&(start, length)| label("api", "a/b", start, start + length)).collect();
            let found: Vec<Found> = found.iter().map(|&(start, length)| insight("api", "a/b", start, start + length)).collect();
            let matches = matches(&found, &labels);
            let mut seen = std::collections::BTreeSet::new();
            for (label, insight) in matches.found_by.iter().enumerate() {
                if let Some(insight) = insight {
                    prop_assert!(seen.insert(insight));
                    prop_assert_eq!(matches.verdicts[*insight], Verdict::True(label));
                }
            }
            for (insight, found) in found.iter().enumerate() {
                let about = labels.iter().any(|label| is_about(found, label));
                let is_false = matches!(matches.verdicts[insight], Verdict::False);
                prop_assert_eq!(about, !is_false);
            }
        }
    }
}
