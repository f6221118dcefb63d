//! From what detectors found, and what the events told, to insights in the order in which a person should look at them.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use uuid::Uuid;

use crate::baseline::{FamilyHistory, Feed, Window};
use crate::detect::change::ChangeFound;
use crate::detect::{Deviation, Direction};
use crate::event::ChangeKind;
use crate::insight::attack::attacks;
use crate::insight::investigate::{ATTRIBUTES, Evidence, Target, top};
use crate::insight::next_query::next_query;
use crate::insight::sentence::sentence;
use crate::insight::severity::severity;
use crate::insight::{Actor, Attribution, Insight, InsightType, Severity, Share};
use crate::rollup::Family;
use crate::stats::score;

/// The namespace of insight ids; any fixed value does.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f0c_6d0a_54a1_4c7b_9d55_1f2e_7a31_c6e4);
/// Values named for each attribute.
const TOP: usize = 5;
/// Days before the start whose mean is the vendor's baseline.
const BASELINE_DAYS: usize = 7;

/// What the detectors found in a night, family by family.
#[derive(Debug, Default)]
pub struct NightFindings {
    /// Deviations with the history they are about.
    pub rates: Vec<(FamilyHistory, Vec<Deviation>)>,
    /// Changes with theirs.
    pub changes: Option<(FamilyHistory, Vec<ChangeFound>)>,
}

impl NightFindings {
    /// What to go back to the events for, in the order that [`build`] expects the evidence in.
    pub fn targets(&self) -> Vec<Target> {
        let rates = self.rates.iter().flat_map(|(history, found)| {
            found.iter().map(|deviation| Target {
                family: history.family,
                keys: vec![history.key(deviation.member).clone()],
                hours: deviation.hours,
                rise_above: (deviation.direction == Direction::Up).then_some(deviation.expected),
            })
        });
        let changes = self.changes.iter().flat_map(|(history, found)| {
            found.iter().map(|change| Target {
                family: Family::Change,
                keys: change.members.iter().map(|&member| history.key(member).clone()).collect(),
                hours: change.hours,
                rise_above: None,
            })
        });
        rates.chain(changes).collect()
    }
}

/// Makes the insights of a night, the most serious first.
pub fn build(findings: &NightFindings, evidence: &[Evidence], window: &Window, feed: &Feed) -> Vec<Insight> {
    let mut evidence = evidence.iter();
    let mut insights = Vec::new();
    for (history, deviations) in &findings.rates {
        for deviation in deviations {
            if let Some(evidence) = evidence.next() {
                insights.push(rate_insight(history, deviation, evidence, window, feed));
            }
        }
    }
    if let Some((history, changes)) = &findings.changes {
        for change in changes {
            if let Some(evidence) = evidence.next() {
                insights.push(change_insight(history, change, evidence, window, feed));
            }
        }
    }
    insights.sort_by(|left, right| {
        let rank = |insight: &Insight| (std::cmp::Reverse(insight.severity), insight.insight_type);
        rank(left)
            .cmp(&rank(right))
            .then(right.score.total_cmp(&left.score))
            .then(left.start.cmp(&right.start))
            .then(left.id.cmp(&right.id))
    });
    insights
}

fn moment(date: NaiveDate, minutes: i64) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc() + Duration::minutes(minutes)
}

fn rate_type(family: Family) -> InsightType {
    match family {
        Family::ApiError => InsightType::ApiErrorRateInsight,
        Family::SourceIp => InsightType::IpInsight,
        Family::AccessKey => InsightType::AkInsight,
        Family::Principal => InsightType::PrincipalInsight,
        _ => InsightType::ApiCallRateInsight,
    }
}

fn rate_insight(
    history: &FamilyHistory,
    deviation: &Deviation,
    evidence: &Evidence,
    window: &Window,
    feed: &Feed,
) -> Insight {
    let first_hour = deviation.hours.0;
    let minutes = evidence.span;
    let observed =
        evidence.minutes.get(minutes.0..minutes.1).map_or(0, |calls| calls.iter().map(|&calls| u64::from(calls)).sum());
    let day_minute = |minute: usize| i64::from(first_hour) * 60 + minute as i64;
    let key = history.key(deviation.member);
    let entity = history.label(deviation.member);
    let insight_type = rate_type(history.family);
    let score = capped_score(deviation);
    let mut insight = Insight {
        id: id(
            insight_type,
            key.account(),
            &entity,
            window.scored(),
            &format!("{first_hour}{:?}", deviation.direction),
        ),
        insight_type,
        date: window.scored(),
        account: key.account().to_owned(),
        region: region(evidence),
        object: object(history, deviation.member),
        family: history.family,
        entity,
        direction: deviation.direction,
        model: Some(deviation.model),
        reason: None,
        start: moment(window.scored(), day_minute(minutes.0)),
        end: moment(window.scored(), day_minute(minutes.1)),
        ended: day_minute(minutes.1) < 24 * 60,
        observed,
        errors: evidence.errors,
        expected: deviation.expected,
        expected_lower: deviation.lower,
        expected_upper: deviation.upper,
        ln_p: deviation.ln_p,
        ln_q: Some(deviation.ln_q),
        score,
        severity: Severity::Informational,
        baseline_average: baseline_average(history, &[deviation.member], window, feed),
        days_known: deviation.days_known,
        attributions: Vec::new(),
        examples: evidence.examples.iter().map(|(_, id)| id.clone()).collect(),
        actor: None,
        attacks: Vec::new(),
        places: Vec::new(),
        sentence: String::new(),
        next_query: String::new(),
    };
    complete(&mut insight, evidence);
    insight
}

fn change_insight(
    history: &FamilyHistory,
    change: &ChangeFound,
    evidence: &Evidence,
    window: &Window,
    feed: &Feed,
) -> Insight {
    let busy = |minute: &usize| evidence.minutes[*minute] > 0;
    let first = (0..evidence.minutes.len()).find(busy).unwrap_or(0);
    let last = (0..evidence.minutes.len()).rev().find(busy).unwrap_or(first);
    let day_minute = |minute: usize| i64::from(change.hours.0) * 60 + minute as i64;
    let insight_type = match change.kind {
        ChangeKind::Permission => InsightType::PolicyChangeInsight,
        ChangeKind::Password => InsightType::PasswordChangeInsight,
        ChangeKind::Trail => InsightType::TrailConcealmentInsight,
    };
    let member = change.members[0];
    let key = history.key(member);
    let entity = history.label(member);
    let principal = key.fields().skip(4).collect::<Vec<_>>().join("/");
    let service = history.service(member).unwrap_or_default().to_owned();
    let identity = format!("{service}/{principal}");
    let mut insight = Insight {
        id: id(insight_type, key.account(), &identity, window.scored(), change.kind.name()),
        insight_type,
        date: window.scored(),
        account: key.account().to_owned(),
        region: region(evidence),
        object: service,
        family: Family::Change,
        entity,
        direction: Direction::Up,
        model: None,
        reason: Some(change.reason),
        start: moment(window.scored(), day_minute(first)),
        end: moment(window.scored(), day_minute(last + 1)),
        ended: true,
        observed: change.calls,
        errors: change.errors,
        expected: change.expected,
        expected_lower: 0,
        expected_upper: change.expected.ceil() as u64,
        ln_p: change.ln_p,
        ln_q: None,
        score: 0.0,
        severity: Severity::Informational,
        baseline_average: baseline_average(history, &change.members, window, feed),
        days_known: window.days_of_history(),
        attributions: Vec::new(),
        examples: evidence.examples.iter().map(|(_, id)| id.clone()).collect(),
        actor: None,
        attacks: Vec::new(),
        places: Vec::new(),
        sentence: String::new(),
        next_query: String::new(),
    };
    complete(&mut insight, evidence);
    insight
}

/// Fills in what the events tell, and what all of it means.
fn complete(insight: &mut Insight, evidence: &Evidence) {
    insight.attributions = attributions(insight, evidence);
    insight.actor = actor(insight, evidence);
    insight.severity = severity(insight);
    if insight.reason.is_some() {
        insight.score = f64::from(insight.severity as u8) * 25.0;
    }
    insight.attacks = attacks(insight);
    insight.sentence = sentence(insight, evidence);
    insight.next_query = next_query(insight);
}

fn actor(insight: &Insight, evidence: &Evidence) -> Option<Actor> {
    let own = || (insight.family == Family::Principal).then(|| Actor::of_entity(&insight.entity)).flatten();
    Actor::of(evidence).or_else(own)
}

/// An id that depends only on what the episode is, so that a re-run finds the same.
fn id(insight_type: InsightType, account: &str, entity: &str, date: NaiveDate, more: &str) -> Uuid {
    let name = [insight_type.name(), account, entity, &date.to_string(), more].join("\u{0}");
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

fn object(history: &FamilyHistory, member: usize) -> String {
    history.key(member).fields().last().unwrap_or_default().to_owned()
}

fn region(evidence: &Evidence) -> String {
    top(&evidence.values[6], 1).first().map_or(String::new(), |(region, _)| (*region).to_owned())
}

/// The score of the evidence, held down where there is little to judge by.
fn capped_score(deviation: &Deviation) -> f64 {
    let full = score(deviation.ln_p.min(0.0)).unwrap_or(0.0);
    let by_age = match deviation.days_known {
        0..7 => 60.0,
        7..14 => 75.0,
        _ => 100.0,
    };
    let by_stability = if deviation.unstable { 50.0 } else { 100.0 };
    full.min(by_age).min(by_stability)
}

/// Calls a minute over the believed hours of the seven days before the scored one.
fn baseline_average(history: &FamilyHistory, members: &[usize], window: &Window, feed: &Feed) -> f64 {
    let first = window.length().saturating_sub(BASELINE_DAYS) * 24;
    let calls: u64 = members
        .iter()
        .flat_map(|&member| history.split(member, window).0)
        .filter(|hour| usize::from(hour.hour) >= first)
        .map(|hour| u64::from(hour.calls))
        .sum();
    let alive = feed.alive(history.key(members[0]).account());
    let minutes = alive[first..window.length() * 24].iter().filter(|&&alive| alive).count() * 60;
    if minutes == 0 { 0.0 } else { calls as f64 / minutes as f64 }
}

/// The attributes that say something new: not the one that the insight is about.
fn attributions(insight: &Insight, evidence: &Evidence) -> Vec<Attribution> {
    let own = match insight.insight_type {
        InsightType::AkInsight => "accessKeyId",
        InsightType::IpInsight => "sourceIpAddress",
        InsightType::PrincipalInsight => "principalId",
        InsightType::ApiCallRateInsight => "apiRelated",
        _ => "",
    };
    let minutes = insight.minutes() as f64;
    let attributed =
        ATTRIBUTES.iter().zip(&evidence.values).filter(|(name, values)| **name != own && !values.is_empty());
    let attribution = |(&attribute, values): (&&'static str, _)| {
        let share = |(value, calls): (&str, u64)| Share { average: calls as f64 / minutes, value: value.to_owned() };
        Attribution { attribute, insight: top(values, TOP).into_iter().map(share).collect() }
    };
    attributed.map(attribution).collect()
}
