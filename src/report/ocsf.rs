//! An insight as an OCSF Detection Finding (class 2004), for whoever collects findings of many tools.
//!
//! `anomaly_analyses` holds what was observed beside what was expected; `evidences` holds who, from where and with what. Attributions
//! are counted each by itself, so an evidence holds one value of one attribute, with its calls a minute under `data`; only the
//! first evidence puts together the values that most calls had. `finding_info.uid` stays while an episode goes on from night to night;
//! `metadata.uid` is of the line, and the activity says whether it begins, goes on or ends. [`lake`] writes the same findings as nested Parquet.

pub mod alert;
mod evidence;
mod lake;
mod nested;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::detect::{Direction, Model};
use crate::insight::meaning::attack;
use crate::insight::vendor::{BASELINE_MINUTES, MODEL, Maker};
use crate::insight::{Attack, Attribution, Cloud, Insight, Severity};
use crate::time::DAY_MINUTES;

pub(super) use lake::write as write_lake;

/// The version of the schema: the first with `anomaly_analyses`.
pub const VERSION: &str = "1.5.0";

/// What a night does with a finding: begins it, goes on with one of the night before, or ends that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    Create,
    Update,
    Close,
}

impl Activity {
    fn of(insight: &Insight) -> Self {
        match (insight.life.continued, insight.ended) {
            (false, _) => Self::Create,
            (true, false) => Self::Update,
            (true, true) => Self::Close,
        }
    }

    /// The schema's number and word for it.
    const fn name(self) -> (u32, &'static str) {
        match self {
            Self::Create => (1, "Create"),
            Self::Update => (2, "Update"),
            Self::Close => (3, "Close"),
        }
    }

    /// The schema's number and word for how the finding stands after it.
    const fn status(self) -> (u32, &'static str) {
        match self {
            Self::Create => (1, "New"),
            Self::Update => (2, "In Progress"),
            Self::Close => (4, "Resolved"),
        }
    }
}

/// The id of what is told of a finding in a night: its own in the first, another in each that goes on with it.
fn line_uid(finding: Uuid, date: NaiveDate, continued: bool) -> String {
    let of_night = || Uuid::new_v5(&finding, date.to_string().as_bytes());
    if continued { of_night() } else { finding }.to_string()
}

/// When what a night tells of a finding happened: its first moment where the finding begins, its last one where it goes on or ends, within the
/// night's day.
fn occurred((start, end): (DateTime<Utc>, DateTime<Utc>), date: NaiveDate, continued: bool) -> i64 {
    let day = date.and_time(NaiveTime::MIN).and_utc();
    let last = day + TimeDelta::days(1) - TimeDelta::milliseconds(1);
    (if continued { end } else { start }).clamp(day, last).timestamp_millis()
}

/// [`occurred`], of an insight.
fn time(insight: &Insight) -> i64 {
    occurred((insight.start, insight.end), insight.date, insight.life.continued)
}

/// The finding of an insight.
pub fn finding(insight: &Insight, maker: Maker<'_>) -> Value {
    let activity = Activity::of(insight);
    let ((activity_id, activity_name), (status_id, status)) = (activity.name(), activity.status());
    let mut finding = json!({
        "activity_id": activity_id,
        "activity_name": activity_name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "type_uid": 200_400 + activity_id,
        "type_name": format!("Detection Finding: {activity_name}"),
        "severity_id": insight.severity as u8 + 1,
        "severity": capitalized(insight.severity.name()),
        "status_id": status_id,
        "status": status,
        "is_alert": insight.severity >= Severity::Medium,
        "risk_score": insight.measured.score.round() as i64,
        "message": insight.sentence,
        "time": time(insight),
        "start_time": insight.start.timestamp_millis(),
        "end_time": insight.end.timestamp_millis(),
        "duration": (insight.end - insight.start).num_milliseconds(),
        "timezone_offset": 0,
        "count": insight.measured.observed,
        "metadata": metadata(&line_uid(insight.id, insight.date, insight.life.continued), insight.insight_type.name()),
        "cloud": cloud(insight),
        "finding_info": information(insight),
        "resources": [{ "uid": insight.entity, "name": insight.object, "type": insight.family.name() }],
        "evidences": evidence::evidences(insight),
        "observables": evidence::observables(insight),
        "anomaly_analyses": [anomaly_analysis(insight)],
        "remediation": { "desc": format!("Look at the events behind it: {}", insight.next_query) },
        "unmapped": unmapped(insight, maker),
    });
    remove_nulls(&mut finding);
    finding
}

fn metadata(uid: &str, event_code: &str) -> Value {
    json!({
        "version": VERSION,
        "uid": uid,
        "event_code": event_code,
        "profiles": ["cloud"],
        "product": {
            "name": "Insights",
            "vendor_name": "Insights",
            "uid": "insights",
            "version": env!("CARGO_PKG_VERSION"),
        },
    })
}

fn cloud(insight: &Insight) -> Value {
    json!({
        "provider": Cloud::of(insight).provider(),
        "region": Some(&insight.region).filter(|region| !region.is_empty()),
        "account": (!insight.account.is_empty()).then(|| json!({ "uid": insight.account })),
    })
}

fn information(insight: &Insight) -> Value {
    let named = |named: &crate::event::sensitivity::AttackTerm| json!({ "uid": named.uid, "name": named.name });
    let attack = |found: &Attack| json!({ "tactic": named(&found.tactic), "technique": named(&found.technique), "version": attack::EDITION });
    let event = |id: &String| json!({ "uid": id });
    json!({
        "uid": insight.id.to_string(),
        "title": insight.insight_type.name(),
        "desc": insight.sentence,
        "types": [insight.insight_type.name()],
        "created_time": insight.start.timestamp_millis(),
        "first_seen_time": insight.start.timestamp_millis(),
        "last_seen_time": insight.end.timestamp_millis(),
        "analytic": analytic(insight),
        "attacks": insight.attacks.iter().map(attack).collect::<Vec<_>>(),
        "related_events": insight.examples.iter().map(event).collect::<Vec<_>>(),
        "related_events_count": insight.measured.observed,
    })
}

fn analytic(insight: &Insight) -> Value {
    let (kind, name, algorithm) = match insight.model {
        Some(Model::Seasonal) => (3, "Statistical", "negative binomial, by hour of the day and kind of day"),
        Some(Model::Sparse) => (3, "Statistical", "log-normal size of active days"),
        Some(Model::New) => (3, "Statistical", "log-normal size of first days"),
        Some(Model::FirstSeen) => (3, "Statistical", "Pitman-Yor law of new company"),
        None => (2, "Behavioral", "first or unusual change by a principal"),
    };
    json!({
        "type_id": kind,
        "type": name,
        "name": MODEL,
        "uid": insight.family.name(),
        "version": MODEL.rsplit('/').next(),
        "algorithm": algorithm,
    })
}

/// The calls beside what was expected of them, then every attribute's values beside those that were usual.
fn anomaly_analysis(insight: &Insight) -> Value {
    let mut anomalies = vec![json!({
        "observation_parameter": "calls",
        "observation_type": "Frequency Analysis",
        "observed_pattern": pattern(insight),
        "observations": [{
            "value": insight.measured.observed.to_string(),
            "count": insight.measured.observed,
            "timespan": timespan(insight.start, insight.end),
        }],
    })];
    anomalies.extend(insight.attributions.iter().map(|found| attributed(insight, found)));
    let mut baselines = vec![expected(insight)];
    baselines.extend(insight.attributions.iter().filter_map(usual));
    json!({
        "analysis_targets": [{ "name": insight.entity, "type": insight.family.name() }],
        "anomalies": anomalies,
        "baselines": baselines,
    })
}

fn expected(insight: &Insight) -> Value {
    json!({
        "observation_parameter": "calls",
        "observation_type": "Frequency Analysis",
        "observed_pattern": "EXPECTED",
        "observations": [{
            "value": format!(
                "expected={};lower={};upper={}",
                insight.measured.expected, insight.measured.expected_lower, insight.measured.expected_upper
            ),
            "count": insight.measured.expected.round() as i64,
            "timespan": { "duration_days": insight.measured.days_known },
        }],
    })
}

/// The values of the days before; none where they are not known or there were no calls.
fn usual(found: &Attribution) -> Option<Value> {
    let shares = found.baseline.as_ref().filter(|shares| !shares.is_empty())?;
    let observation = |share: &crate::insight::Share| {
        json!({
            "value": share.value,
            "count": (share.average * BASELINE_MINUTES as f64).round() as i64,
            "timespan": { "duration_days": BASELINE_MINUTES / DAY_MINUTES },
        })
    };
    Some(json!({
        "observation_parameter": found.attribute,
        "observation_type": "Attribution",
        "observed_pattern": "USUAL",
        "observations": shares.iter().map(observation).collect::<Vec<_>>(),
    }))
}

fn attributed(insight: &Insight, found: &Attribution) -> Value {
    let observation = |share: &crate::insight::Share| {
        json!({
            "value": share.value,
            "count": (share.average * insight.counted_minutes() as f64).round() as i64,
            "timespan": timespan(insight.start, insight.end),
        })
    };
    json!({
        "observation_parameter": found.attribute,
        "observation_type": "Attribution",
        "observed_pattern": found.broad.then_some("BROAD"),
        "observations": found.insight.iter().map(observation).collect::<Vec<_>>(),
    })
}

/// What the counts look like, in a word.
fn pattern(insight: &Insight) -> &'static str {
    match (insight.direction, insight.model) {
        (Direction::Down, _) => "DROP",
        (_, Some(Model::New | Model::FirstSeen)) => "UNSEEN",
        (_, Some(Model::Seasonal)) => "SPIKE",
        _ => "RARE",
    }
}

fn timespan(start: DateTime<Utc>, end: DateTime<Utc>) -> Value {
    json!({ "start_time": start.timestamp_millis(), "end_time": end.timestamp_millis() })
}

/// What the schema has no place for.
fn unmapped(insight: &Insight, maker: Maker<'_>) -> Value {
    json!({
        "score": insight.measured.score,
        "p_value": insight.p_value(),
        "log10_p_value": insight.measured.ln_p / std::f64::consts::LN_10,
        "q_value": insight.measured.ln_q.map(f64::exp),
        "direction": insight.direction,
        "family": insight.family.name(),
        "entity": insight.entity,
        "judged_by": insight.model,
        "reason": insight.reason,
        "ended": insight.ended,
        "errors": insight.measured.errors,
        "average_per_minute": insight.average(),
        "baseline_average_per_minute": insight.measured.baseline_average,
        "next_query": insight.next_query,
        "incident": insight.incident.id.to_string(),
        "concerns": insight.concerns,
        "continued": insight.life.continued,
        "settings": maker.settings,
    })
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// A field that says nothing is left out.
fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::Measured;
    use crate::insight::example::rate;

    #[test]
    fn what_was_seen_stands_beside_what_was_expected() {
        let finding = finding(&rate(), Maker { settings: "0" });
        let analysis = &finding["anomaly_analyses"][0];
        assert_eq!(analysis["anomalies"][0]["observations"][0]["count"], 204);
        assert_eq!(analysis["baselines"][0]["observations"][0]["value"], "expected=2.5;lower=0;upper=9");
        assert_eq!(finding["type_uid"], 200_401);
        assert_eq!((finding["severity_id"].as_i64(), finding["severity"].as_str()), (Some(4), Some("High")));
        assert_eq!(finding["cloud"]["provider"], "Alibaba Cloud");
        assert_eq!(finding["finding_info"]["attacks"][0]["technique"]["uid"], "T1530");
    }

    #[test]
    fn what_goes_on_is_an_update_and_its_end_closes_it() {
        let of = |continued, ended| {
            let life = crate::insight::Life { continued, ..rate().life };
            finding(&Insight { ended, life, ..rate() }, Maker { settings: "0" })
        };
        let told = |finding: &Value| {
            (finding["type_uid"].as_u64().unwrap(), finding["activity_name"].clone(), finding["status"].clone())
        };
        assert_eq!(told(&of(false, true)), (200_401, json!("Create"), json!("New")), "begun and over in one night");
        assert_eq!(told(&of(true, false)), (200_402, json!("Update"), json!("In Progress")));
        assert_eq!(told(&of(true, true)), (200_403, json!("Close"), json!("Resolved")));
        assert_eq!(of(true, true)["finding_info"]["uid"], of(false, false)["finding_info"]["uid"]);
        assert_ne!(of(true, true)["metadata"]["uid"], of(false, false)["metadata"]["uid"]);
    }

    #[test]
    fn what_a_night_tells_happened_on_its_day() {
        let of = |start: &str, end: &str, continued: bool| {
            let life = crate::insight::Life { continued, ..rate().life };
            let (start, end) = (start.parse().unwrap(), end.parse().unwrap());
            let finding = finding(&Insight { start, end, life, ..rate() }, Maker { settings: "0" });
            assert_eq!(finding["start_time"], json!(start.timestamp_millis()));
            DateTime::from_timestamp_millis(finding["time"].as_i64().unwrap()).unwrap().to_rfc3339()
        };
        assert_eq!(of("2026-01-29T11:40:00Z", "2026-01-29T11:50:00Z", false), "2026-01-29T11:40:00+00:00");
        assert_eq!(of("2026-01-27T23:40:00Z", "2026-01-29T01:50:00Z", true), "2026-01-29T01:50:00+00:00");
        let goes_on = of("2026-01-27T23:40:00Z", "2026-01-30T00:00:00Z", true);
        assert_eq!(goes_on, "2026-01-29T23:59:59.999+00:00");
        let ended_before = of("2026-01-27T23:40:00Z", "2026-01-28T23:50:00Z", true);
        assert_eq!(ended_before, "2026-01-29T00:00:00+00:00");
    }

    #[test]
    fn what_was_usual_stands_beside_what_is_attributed() {
        let mut insight = rate();
        let share = |average, value: &str| crate::insight::Share { average, value: value.to_owned() };
        insight.attributions[0].baseline = Some(vec![share(0.5, "user/2389"), share(0.25, "user/1")]);
        insight.attributions[1].baseline = Some(Vec::new());
        let finding = finding(&insight, Maker { settings: "0" });
        let baselines = finding["anomaly_analyses"][0]["baselines"].as_array().unwrap();
        assert_eq!(baselines.len(), 2, "the unknown and the empty have none");
        assert_eq!(baselines[1]["observation_parameter"], "principalId");
        assert_eq!(baselines[1]["observations"][0]["count"], 5040);
        let evidences = finding["evidences"].as_array().unwrap();
        let of = |attribute: &str| &evidences.iter().find(|one| one["data"]["attribute"] == attribute).unwrap()["data"];
        assert_eq!(of("principalId")["baseline_average_per_minute"], 0.5);
        assert!(of("accessKeyId").get("baseline_average_per_minute").is_none());
    }

    #[test]
    fn a_key_is_nobodys_identifier() {
        let finding = finding(&rate(), Maker { settings: "0" });
        let evidences = finding["evidences"].as_array().unwrap();
        let key = evidences.iter().find(|one| one["data"]["attribute"] == "accessKeyId").unwrap();
        let user = &key["actor"]["user"];
        assert_eq!((&user["credential_uid"], user.get("uid")), (&"LTAI5tEXAMPLE".into(), None), "{user}");
        let whose = evidences[0]["actor"]["user"].clone();
        assert_eq!((&whose["credential_uid"], &whose["uid"]), (&"LTAI5tEXAMPLE".into(), &"2389".into()), "{whose}");
    }

    #[test]
    fn nothing_is_null() {
        let measured = Measured { ln_q: None, ..rate().measured };
        let text = finding(&Insight { region: String::new(), measured, ..rate() }, Maker { settings: "0" }).to_string();
        assert!(!text.contains("null,") && !text.contains(":null"), "{text}");
    }
}
