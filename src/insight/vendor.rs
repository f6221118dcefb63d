//! ActionTrail's own form of an insight: a `Start` event and, once the episode is over, an `End` event.
//!
//! Averages are calls a minute and durations whole minutes, as the vendor has them; under `insightDetails.analysis` stands what
//! the vendor never says. [`cloudtrail`] is the same in the words of the other cloud.

pub mod cloudtrail;

use chrono::SecondsFormat;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::insight::{Attribute, Attribution, Insight, Share};
use crate::place::Place;
use crate::time::DAY_MINUTES;

/// Minutes of the vendor's baseline: seven days.
pub const BASELINE_MINUTES: i64 = 7 * DAY_MINUTES;

/// What every event of a run says about how it was made.
#[derive(Debug, Clone, Copy)]
pub struct Maker<'a> {
    /// The hash of the settings.
    pub settings: &'a str,
}

/// The name of the model, with a version that changes when its numbers do.
pub const MODEL: &str = "seasonal-negative-binomial/1";

/// The events of an insight: its start and, if it is over, its end.
pub fn events(insight: &Insight, maker: Maker<'_>) -> Vec<Value> {
    states(insight).iter().map(|state| event(insight, state, maker)).collect()
}

/// Which events tell of an insight: the start of what goes on from the night before was told then.
fn states(insight: &Insight) -> &'static [&'static str] {
    match (insight.life.continued, insight.ended) {
        (false, false) => &["Start"],
        (false, true) => &["Start", "End"],
        (true, false) => &[],
        (true, true) => &["End"],
    }
}

fn event(insight: &Insight, state: &str, maker: Maker<'_>) -> Value {
    json!({
        "eventId": event_id(insight, state),
        "sharedEventId": insight.id,
        "eventVersion": "1",
        "eventTime": event_time(insight, state),
        "eventType": "ActionTrailInsight",
        "eventCategory": "Insight",
        "acsRegion": insight.region,
        "recipientAccountId": insight.account,
        "insightDetails": {
            "state": state,
            "insightType": insight.insight_type.name(),
            "insightObject": insight.object,
            "insightContext": {
                "statistics": {
                    "insight": { "average": insight.average() },
                    "insightDuration": insight.minutes(),
                    "baseline": { "average": insight.measured.baseline_average },
                    "baselineDuration": BASELINE_MINUTES,
                    "insightCount": insight.measured.observed,
                },
                "attributions": insight.attributions.iter().map(|found| attribution(found.attribute.name(), found)).collect::<Vec<_>>(),
            },
            "analysis": analysis(insight, maker),
        },
    })
}

fn place(place: &Place) -> Value {
    json!({
        "address": place.address,
        "country": place.country,
        "networkOwner": place.network_owner,
        "networkNumber": place.network_number,
    })
}

/// An event's own id, the same in every re-run. One that comes again at the same hours ends in each of its nights, so the night is a part of it.
fn event_id(insight: &Insight, state: &str) -> String {
    Uuid::new_v5(&insight.id, format!("{state}/{}", insight.date).as_bytes()).to_string()
}

fn event_time(insight: &Insight, state: &str) -> String {
    let time = if state == "Start" { insight.start } else { insight.end };
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// What neither vendor says; the same in both dialects.
fn analysis(insight: &Insight, maker: Maker<'_>) -> Value {
    let mut analysis = json!({
        "sentence": insight.sentence,
        "nextQuery": insight.next_query,
        "family": insight.family.name(),
        "entity": insight.entity,
        "direction": insight.direction,
        "judgedBy": insight.model,
        "reason": insight.reason,
        "expected": insight.measured.expected,
        "expectedLower": insight.measured.expected_lower,
        "expectedUpper": insight.measured.expected_upper,
        "errors": insight.measured.errors,
        "pValue": insight.p_value(),
        "log10PValue": insight.measured.ln_p / std::f64::consts::LN_10,
        "qValue": insight.measured.ln_q.map(f64::exp),
        "score": insight.measured.score,
        "severity": insight.severity,
        "attacks": insight.attacks,
        "actor": insight.actor,
        "names": insight.names.iter().map(|(principal, name)| json!({ "principal": bare(principal), "name": name })).collect::<Vec<_>>(),
        "start": insight.start.to_rfc3339_opts(SecondsFormat::Secs, true),
        "end": insight.end.to_rfc3339_opts(SecondsFormat::Secs, true),
        "daysOfHistory": insight.measured.days_known,
        "exampleEventIds": insight.examples,
        "incident": insight.incident,
        "concerns": insight.concerns,
        "continued": insight.life.continued,
        "nights": insight.life.nights,
        "levelShift": insight.life.level_shift,
        "model": MODEL,
        "settings": maker.settings,
    });
    if !insight.changed.is_empty() {
        analysis["changed"] = json!(insight.changed);
    }
    if let Some(company) = &insight.new_company {
        analysis["firstSeen"] = json!(company);
    }
    if insight.measured.days_hidden > 0 {
        analysis["daysNotCountedInFull"] = json!(insight.measured.days_hidden);
    }
    if !insight.places.is_empty() {
        analysis["places"] = insight.places.iter().map(place).collect();
    }
    analysis
}

/// An attribution under the name that a dialect has for its attribute; principals by their identifiers.
fn attribution(name: &str, found: &Attribution) -> Value {
    match found.attribute {
        Attribute::Principal => written(name, found, bare),
        _ => written(name, found, |value| value),
    }
}

fn written(name: &str, found: &Attribution, spelled: fn(&str) -> &str) -> Value {
    let share = |share: &Share| json!({ "average": share.average, "value": spelled(&share.value) });
    json!({
        "attribute": name,
        "insight": found.insight.iter().map(share).collect::<Vec<_>>(),
        "baseline": found.baseline.iter().flatten().map(share).collect::<Vec<_>>(),
        "baselineKnown": found.baseline.is_some(),
        "broad": found.broad,
    })
}

/// The identifier of a principal as the clouds write it, without the kind that we know it by.
fn bare(principal: &str) -> &str {
    principal.split_once('/').map_or(principal, |(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::Life;
    use crate::insight::example::rate;

    #[test]
    fn each_event_has_an_id_of_its_own_and_all_of_an_episode_share_one() {
        let maker = Maker { settings: "0" };
        let again = |days: u64| {
            let life = Life { continued: days > 0, ..rate().life };
            Insight { date: rate().date + chrono::Days::new(days), life, ..rate() }
        };
        let of = |field: &str| -> Vec<Value> {
            (0..3).flat_map(|days| events(&again(days), maker)).map(|event| event[field].clone()).collect()
        };
        let (mut own, mut shared) = (of("eventId"), of("sharedEventId"));
        assert_eq!(own.len(), 4, "a start, and an end in each of three nights");
        assert_eq!(own, of("eventId"), "the same in every re-run");
        own.sort_by_key(Value::to_string);
        own.dedup();
        shared.dedup();
        assert_eq!((own.len(), shared.len()), (4, 1));
        let dialect: Vec<Value> = (0..3)
            .flat_map(|days| cloudtrail::events(&again(days), maker))
            .map(|event| event["eventID"].clone())
            .collect();
        assert_eq!(dialect, of("eventId"), "both dialects name it alike");
    }
}
