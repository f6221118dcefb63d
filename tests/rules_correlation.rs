//! Correlations against the plainest definition: for every moment, look at every member in the window.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use insights::rules::matched::MatchedEvent;
use insights::rules::parse::parse_text;
use insights::rules::settings::RawRules;
use insights::rules::{CorrelationMatch, Correlator, InsightInput, Intake, Match, RuleSet, RuleSettings};
use proptest::prelude::*;

const MINUTE: i64 = 60_000;

/// Two base rules `a` and `b`, and a correlation of them over ten minutes by user.
fn set(correlation: &str) -> RuleSet {
    let base = |name: &str| {
        format!(
            "title: {name}\nid: {name}\nlogsource: {{product: aws, service: cloudtrail}}\n\
             detection: {{s: {{eventName: {name}}}, condition: s}}\n---\n"
        )
    };
    let text = format!("{}{}title: c\nid: c\ncorrelation:\n  {correlation}\n", base("a"), base("b"));
    let settings = RuleSettings::default();
    let set = RuleSet::link(vec![parse_text("f", &text, &settings)], &settings);
    assert!(set.refusals().is_empty(), "{:?}", set.refusals());
    set
}

const BY_USER: &str = "group-by: [userIdentity.principalId]\n  timespan: 10m";

/// What is put in: which rule, when, whose, and a measured value.
type Happening = (usize, i64, u8, u8);

fn matched(happening: &Happening) -> Match {
    let &(rule, time, user, value) = happening;
    let event =
        MatchedEvent { time, event_id: Some(format!("{rule}{time}{user}{value}").into()), ..MatchedEvent::default() };
    Match { rule, event: Arc::new(event), captures: vec![Some(user.to_string()), Some(value.to_string())] }
}

fn correlate(set: &RuleSet, happenings: &[Happening]) -> Vec<CorrelationMatch> {
    let mut correlator = Correlator::new(set);
    for happening in happenings {
        correlator.push(&matched(happening), |_| true);
    }
    correlator.finish(i64::MIN..i64::MAX).0
}

/// Users and moments at which `fires` says so of what lies in the window that ends there.
fn plainly(happenings: &[Happening], fires: impl Fn(&[Happening], i64) -> bool) -> BTreeSet<(String, i64)> {
    let mut found = BTreeSet::new();
    for &(_, moment, user, _) in happenings {
        let window: Vec<Happening> = happenings
            .iter()
            .filter(|(_, time, other, _)| *other == user && *time <= moment && *time > moment - 10 * MINUTE)
            .copied()
            .collect();
        if fires(&window, moment) {
            found.insert((user.to_string(), moment));
        }
    }
    found
}

fn found(matches: &[CorrelationMatch]) -> BTreeSet<(String, i64)> {
    let all: Vec<(String, i64)> = matches.iter().map(|found| (found.group[0].clone(), found.time)).collect();
    let set: BTreeSet<(String, i64)> = all.iter().cloned().collect();
    assert_eq!(set.len(), all.len(), "a moment fired twice");
    set
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let moment = (0_i64..90).prop_map(|half_minutes| half_minutes * MINUTE / 2);
    prop::collection::vec((0_usize..2, moment, 0_u8..3, 0_u8..6), 0..60)
}

fn values(window: &[Happening]) -> Vec<f64> {
    window.iter().map(|(.., value)| f64::from(*value)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn event_count(happenings in happenings()) {
        let set = set(&format!("type: event_count\n  rules: [a, b]\n  {BY_USER}\n  condition: {{gte: 4}}"));
        prop_assert_eq!(found(&correlate(&set, &happenings)), plainly(&happenings, |window, _| window.len() >= 4));
    }

    #[test]
    fn event_count_in_a_range(happenings in happenings()) {
        let set = set(&format!("type: event_count\n  rules: [a, b]\n  {BY_USER}\n  condition: {{gt: 2, lte: 5}}"));
        prop_assert_eq!(found(&correlate(&set, &happenings)), plainly(&happenings, |window, _| (3..=5).contains(&window.len())));
    }

    #[test]
    fn value_count(happenings in happenings()) {
        let set = set(&format!("type: value_count\n  rules: [a, b]\n  {BY_USER}\n  condition: {{gte: 3, field: requestParameters.v}}"));
        let distinct = |window: &[Happening], _| window.iter().map(|(.., value)| value).collect::<BTreeSet<_>>().len() >= 3;
        prop_assert_eq!(found(&correlate(&set, &happenings)), plainly(&happenings, distinct));
    }

    #[test]
    fn sums_and_means(happenings in happenings()) {
        let measured = |kind: &str, bound: &str| set(&format!("type: {kind}\n  rules: [a, b]\n  {BY_USER}\n  condition: {{{bound}, field: requestParameters.v}}"));
        let sum = |window: &[Happening], _| values(window).iter().sum::<f64>() > 9.5;
        prop_assert_eq!(found(&correlate(&measured("value_sum", "gt: 9.5"), &happenings)), plainly(&happenings, sum));
        let mean = |window: &[Happening], _| values(window).iter().sum::<f64>() / window.len() as f64 >= 3.5;
        prop_assert_eq!(found(&correlate(&measured("value_avg", "gte: 3.5"), &happenings)), plainly(&happenings, mean));
    }

    #[test]
    fn percentile(happenings in happenings()) {
        let set = set(&format!("type: value_percentile\n  rules: [a, b]\n  {BY_USER}\n  condition: {{gte: 4, field: requestParameters.v, percentile: 80}}"));
        let rank = |window: &[Happening], _| {
            let mut values = values(window);
            values.sort_by(f64::total_cmp);
            values[(0.8 * values.len() as f64).ceil() as usize - 1] >= 4.0
        };
        prop_assert_eq!(found(&correlate(&set, &happenings)), plainly(&happenings, rank));
    }

    #[test]
    fn temporal(happenings in happenings()) {
        let seen = |window: &[Happening], rule: usize| window.iter().any(|(member, ..)| *member == rule);
        let both = set(&format!("type: temporal\n  rules: [a, b]\n  {BY_USER}"));
        prop_assert_eq!(found(&correlate(&both, &happenings)), plainly(&happenings, |window, _| seen(window, 0) && seen(window, 1)));
        let only = set(&format!("type: temporal\n  rules: [a, b]\n  {BY_USER}\n  condition: b and not a"));
        prop_assert_eq!(found(&correlate(&only, &happenings)), plainly(&happenings, |window, _| seen(window, 1) && !seen(window, 0)));
    }

    #[test]
    fn temporal_ordered(happenings in happenings()) {
        let set = set(&format!("type: temporal_ordered\n  rules: [b, a]\n  {BY_USER}"));
        // An `a` at this very moment, and a `b` in the window, no later.
        let ends = |window: &[Happening], moment| {
            window.iter().any(|(member, time, ..)| *member == 0 && *time == moment) && window.iter().any(|(member, ..)| *member == 1)
        };
        prop_assert_eq!(found(&correlate(&set, &happenings)), plainly(&happenings, ends));
    }

    #[test]
    fn the_order_of_arrival_makes_no_difference(happenings in happenings(), seed in 0_u64..1000) {
        let set = set(&format!("type: event_count\n  rules: [a, b]\n  {BY_USER}\n  condition: {{gte: 3}}"));
        let mut shuffled = happenings.clone();
        shuffled.sort_by_key(|happening| (happening.1 as u64).wrapping_mul(seed * 2 + 1) % 97);
        prop_assert_eq!(correlate(&set, &happenings), correlate(&set, &shuffled));
    }
}

#[test]
fn windows_go_on_past_midnight() {
    let set = set(&format!("type: event_count\n  rules: [a]\n  {BY_USER}\n  condition: {{gte: 3}}"));
    let midnight = 1_767_657_600_000;
    let mut correlator = Correlator::new(&set);
    for minutes in [-6, -3, 2] {
        correlator.push(&matched(&(0, midnight + minutes * MINUTE, 1, 0)), |_| true);
    }
    let (fired, _) = correlator.finish(midnight..midnight + 86_400_000);
    assert_eq!(fired.len(), 1);
    assert_eq!((fired[0].first, fired[0].time), (midnight - 6 * MINUTE, midnight + 2 * MINUTE));
    assert_eq!((fired[0].members, fired[0].value), (3, 3.0));
    assert_eq!(set.look_back_ms(), 10 * MINUTE);
}

#[test]
fn correlations_build_on_correlations() {
    let chain = format!(
        "type: event_count\n  rules: [a]\n  {BY_USER}\n  condition: {{gte: 3}}\n---\ntitle: d\nid: d\ncorrelation:\n  \
         type: temporal_ordered\n  rules: [c, b]\n  group-by: [userIdentity.principalId]\n  timespan: 1h"
    );
    let set = set(&chain);
    let happenings: Vec<Happening> =
        [(0, 0), (0, 1), (0, 2), (1, 30), (1, 63)].map(|(rule, minute)| (rule, minute * MINUTE, 7, 0)).to_vec();
    let fired = correlate(&set, &happenings);
    let ids: Vec<(&str, i64)> =
        fired.iter().map(|found| (set.rules()[found.rule].id.as_str(), found.time / MINUTE)).collect();
    assert_eq!(ids, [("c", 2), ("d", 30)]);
    assert_eq!(set.look_back_ms(), 70 * MINUTE);
}

#[test]
fn an_insight_may_be_a_member() {
    let set = set(
        "type: temporal_ordered\n  rules: ['insight:ApiErrorRateInsight', a]\n  group-by: [userIdentity.accessKeyId]\n  timespan: 1h",
    );
    let fired = |kind: &str, key: &str| {
        let mut correlator = Correlator::new(&set);
        let keys = BTreeMap::from([("access_key_id".to_owned(), key.to_owned())]);
        correlator.push_insight(&InsightInput { kind: kind.to_owned(), time: 0, id: "i".to_owned(), keys });
        let event = MatchedEvent { time: 30 * MINUTE, event_id: Some("e".into()), ..MatchedEvent::default() };
        correlator.push(&Match { rule: 0, event: Arc::new(event), captures: vec![Some("AKIA1".to_owned())] }, |_| true);
        correlator.finish(i64::MIN..i64::MAX).0
    };
    assert_eq!(fired("ApiErrorRateInsight", "AKIA1")[0].examples, ["e", "i"].map(Arc::<str>::from));
    assert!(fired("ApiErrorRateInsight", "AKIA2").is_empty());
    assert!(fired("IpInsight", "AKIA1").is_empty());
}

#[test]
fn so_many_of_the_members_are_enough() {
    let fired = |condition: &str, minutes: &[(usize, i64)]| {
        let set = set(&format!("type: temporal\n  rules: [a, b, 'insight:*']\n  {BY_USER}\n  condition: {condition}"));
        let mut correlator = Correlator::new(&set);
        for &(member, minute) in minutes {
            let keys = BTreeMap::from([("principal_id".to_owned(), "1".to_owned())]);
            let (kind, id) = ("IpInsight".to_owned(), "i".to_owned());
            match member {
                2 => correlator.push_insight(&InsightInput { kind, time: minute * MINUTE, id, keys }),
                rule => correlator.push(&matched(&(rule, minute * MINUTE, 1, 0)), |_| true),
            }
        }
        correlator.finish(i64::MIN..i64::MAX).0.iter().map(|found| found.time / MINUTE).collect::<Vec<_>>()
    };
    let minutes = [(0, 0), (0, 1), (1, 2), (2, 30), (1, 31), (0, 32)];
    for two in ["2 of them", "{gte: 2}"] {
        assert_eq!(fired(two, &minutes), [2, 31, 32], "{two}");
    }
    assert_eq!(fired("1 of them", &minutes), [0, 1, 2, 30, 31, 32]);
    for all in ["3 of them", "all of them", "{gte: 3}"] {
        assert_eq!(fired(all, &minutes), [32], "{all}");
    }
}

#[test]
fn what_correlations_and_insights_are_grouped_by_can_be_measured() {
    // Two users for each of whom `a` matched twice.
    let chain = format!(
        "type: event_count\n  rules: [a]\n  {BY_USER}\n  condition: {{gte: 2}}\n---\ntitle: d\nid: d\ncorrelation:\n  \
         type: value_count\n  rules: [c, 'insight:*']\n  timespan: 1h\n  condition: {{gte: 2, field: userIdentity.principalId}}"
    );
    let set = set(&chain);
    let mut correlator = Correlator::new(&set);
    for (minute, user) in [(0, 1), (1, 1), (2, 2), (3, 1), (9, 2)] {
        correlator.push(&matched(&(0, minute * MINUTE, user, 0)), |_| true);
    }
    for (minute, user) in [(70, "1"), (80, "3"), (90, "3")] {
        let keys = BTreeMap::from([("principal_id".to_owned(), user.to_owned())]);
        correlator.push_insight(&InsightInput {
            kind: "IpInsight".into(),
            time: minute * MINUTE,
            id: "i".into(),
            keys,
        });
    }
    let fired = correlator.finish(i64::MIN..i64::MAX).0;
    let of_d = fired.iter().filter(|found| set.rules()[found.rule].id == "d");
    assert_eq!(
        of_d.map(|found| (found.time / MINUTE, found.value)).collect::<Vec<_>>(),
        [(9, 2.0), (80, 2.0), (90, 2.0)]
    );
}

#[test]
fn fields_of_different_names_are_joined_by_aliases() {
    let set = set("type: temporal\n  rules: [a, b]\n  group-by: [who]\n  timespan: 1h\n  aliases:\n    who:\n      \
         a: userIdentity.userName\n      b: requestParameters.userName");
    let happenings = [(0, 0, 1, 0), (1, MINUTE, 1, 0), (1, MINUTE, 2, 0)];
    assert_eq!(found(&correlate(&set, &happenings)), BTreeSet::from([("1".to_owned(), MINUTE)]));
}

#[test]
fn members_without_a_group_are_counted() {
    let set = set(&format!("type: event_count\n  rules: [a]\n  {BY_USER}\n  condition: {{gte: 1}}"));
    let mut correlator = Correlator::new(&set);
    let nobody = Match { captures: vec![None], ..matched(&(0, 0, 1, 0)) };
    correlator.push(&nobody, |_| true);
    let (fired, left_out) = correlator.finish(i64::MIN..i64::MAX);
    assert_eq!((fired.len(), left_out.without_group), (0, 1));
}

#[test]
fn members_without_a_value_to_measure_are_counted() {
    let set = set(&format!(
        "type: value_count\n  rules: [a]\n  {BY_USER}\n  condition: {{field: requestParameters.v, gte: 1}}"
    ));
    let mut correlator = Correlator::new(&set);
    let nothing = Match { captures: vec![Some("1".to_owned()), None], ..matched(&(0, 0, 1, 0)) };
    correlator.push(&nothing, |_| true);
    let (fired, left_out) = correlator.finish(i64::MIN..i64::MAX);
    assert_eq!((fired.len(), left_out.without_group, left_out.without_value), (0, 0, 1));
}

#[test]
fn a_match_that_an_entry_keeps_from_several_correlations_is_hidden_once() {
    let typed = "whitelist = [{rules = ['c', 'd'], accounts = ['1'], reason = 'known'}]";
    let settings = toml::from_str::<RawRules>(typed).unwrap().validate(chrono_tz::UTC).unwrap();
    let base = "title: a\nid: a\nlogsource: {product: aws, service: cloudtrail}\n\
        detection: {s: {eventName: a}, condition: s}\n";
    let correlation = |id: &str| {
        format!(
            "---\ntitle: {id}\nid: {id}\ncorrelation:\n  type: event_count\n  rules: [a]\n  {BY_USER}\n  condition: {{gte: 1}}\n"
        )
    };
    let text = format!("{base}{}{}", correlation("c"), correlation("d"));
    let set = RuleSet::link(vec![parse_text("f", &text, &settings)], &settings);
    assert!(set.refusals().is_empty(), "{:?}", set.refusals());
    let mut intake = Intake::new(&set, &settings.whitelist);
    let found = matched(&(0, 0, 1, 0));
    let event = MatchedEvent { account: Some("1".into()), ..(*found.event).clone() };
    intake.take(&Match { event: Arc::new(event), ..found });
    assert_eq!(intake.taken().hidden, [1]);
}

#[test]
fn a_correlation_may_name_a_rule_by_the_products_own_id() {
    let text = "title: a\nid: a\ninsights: {builtin: own-id}\nlogsource: {product: aws, service: cloudtrail}\n\
        detection: {s: {eventName: a}, condition: s}\n---\ntitle: c\nid: c\ncorrelation:\n  type: event_count\n  \
        rules: [own-id]\n  group-by: [userIdentity.principalId]\n  timespan: 10m\n  condition: {gte: 2}\n";
    let settings = RuleSettings::default();
    let set = RuleSet::link(vec![parse_text("f", text, &settings)], &settings);
    assert!(set.refusals().is_empty(), "{:?}", set.refusals());
    assert_eq!(correlate(&set, &[(0, 0, 1, 0), (0, MINUTE, 1, 0)]).len(), 1);
}
