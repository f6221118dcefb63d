//! An alert as an OCSF Detection Finding: of a rule, where an insight's is of a statistic.

use serde_json::{Value, json};

use crate::alert::{Alert, Status};
use crate::insight::meaning::attack::EDITION;
use crate::insight::vendor::Maker;
use crate::insight::{Cloud, Severity};
use crate::report::ocsf::evidence::{api, endpoint};
use crate::report::ocsf::{capitalized, line_uid, metadata, occurred, remove_nulls};

/// The finding of an alert.
pub fn finding(alert: &Alert, maker: Maker<'_>) -> Value {
    let (activity, name) = if alert.continued { (2, "Update") } else { (1, "Create") };
    let (status, word) = match (alert.status, alert.continued) {
        (Status::Resolved, _) => (4, "Resolved"),
        (Status::Firing, true) => (2, "In Progress"),
        (Status::Firing, false) => (1, "New"),
    };
    let severity = alert.severity as u8 + 1;
    let mut finding = json!({
        "activity_id": activity,
        "activity_name": name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "type_uid": 200_400 + activity,
        "type_name": format!("Detection Finding: {name}"),
        "severity_id": severity,
        "severity": capitalized(alert.severity.name()),
        "status_id": status,
        "status": word,
        "is_alert": alert.severity >= Severity::Medium,
        "message": alert.sentence,
        "time": occurred((alert.first_time, alert.last_time), alert.date, alert.continued),
        "start_time": alert.first_time.timestamp_millis(),
        "end_time": alert.last_time.timestamp_millis(),
        "duration": (alert.last_time - alert.first_time).num_milliseconds(),
        "timezone_offset": 0,
        "count": alert.count,
        "metadata": metadata(&line_uid(alert.alert_id, alert.date, alert.continued), alert.builtin.as_ref().unwrap_or(&alert.rule_id)),
        "cloud": {
            "provider": Cloud::of_account(&alert.account, "").provider(),
            "account": (!alert.account.is_empty()).then(|| json!({ "uid": alert.account })),
        },
        "finding_info": information(alert),
        "resources": resources(alert),
        "evidences": evidences(alert),
        "observables": observables(alert),
        "remediation": { "desc": format!("Look at the events behind it: {}", alert.next_query) },
        "unmapped": unmapped(alert, maker),
    });
    remove_nulls(&mut finding);
    finding
}

fn information(alert: &Alert) -> Value {
    let event = |id: &String| json!({ "uid": id });
    json!({
        "uid": alert.alert_id.to_string(),
        "title": alert.rule,
        "desc": if alert.description.is_empty() { &alert.sentence } else { &alert.description },
        "types": [alert.group.as_deref().unwrap_or("rule")],
        "created_time": alert.first_time.timestamp_millis(),
        "first_seen_time": alert.first_time.timestamp_millis(),
        "last_seen_time": alert.last_time.timestamp_millis(),
        "analytic": { "type_id": 1, "type": "Rule", "name": alert.rule, "uid": alert.rule_id },
        "attacks": attacks(alert),
        "related_events": alert.example_event_ids.iter().map(event).collect::<Vec<_>>(),
        "related_events_count": alert.count,
    })
}

/// The tactic and the technique of the rule's tags; the schema wants at least one of them.
fn attacks(alert: &Alert) -> Vec<Value> {
    if alert.tactic.is_none() && alert.technique.is_none() {
        return Vec::new();
    }
    let technique = alert.technique.as_ref().map(|uid| json!({ "uid": uid, "name": alert.technique_name }));
    let tactic =
        alert.tactic.as_ref().map(|uid| json!({ "uid": uid, "name": crate::event::sensitivity::name_of(uid) }));
    vec![json!({ "tactic": tactic, "technique": technique, "version": EDITION })]
}

fn resources(alert: &Alert) -> Vec<Value> {
    let known = alert.keys.iter().filter_map(|(field, value)| Some((field, value.as_ref()?)));
    known.map(|(field, value)| json!({ "uid": value, "name": value, "type": field })).collect()
}

/// What was called, by whom and from where, each by itself.
fn evidences(alert: &Alert) -> Vec<Value> {
    let calls = alert.apis.iter().map(|call| json!({ "api": api(call) }));
    let actor = alert.actor.iter().map(|actor| json!({ "actor": { "user": { "name": actor } } }));
    let sources = alert.source_ips.iter().map(|address| json!({ "src_endpoint": endpoint(&alert.places, address) }));
    calls.chain(actor).chain(sources).collect()
}

fn observables(alert: &Alert) -> Vec<Value> {
    let addresses = alert.source_ips.iter().filter(|address| address.parse::<std::net::IpAddr>().is_ok());
    let observable = |address: &String| json!({ "name": "evidences.src_endpoint.ip", "type_id": 2, "type": "IP Address", "value": address });
    addresses.map(observable).collect()
}

/// What the schema has no place for.
fn unmapped(alert: &Alert, maker: Maker<'_>) -> Value {
    json!({
        "fingerprint": alert.fingerprint,
        "severity_number": alert.severity_number,
        "failed": alert.failed,
        "no_data": alert.no_data,
        "notifications": alert.notifications,
        "false_positives": alert.false_positives,
        "next_query": alert.next_query,
        "settings": maker.settings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::example::alert;

    #[test]
    fn an_alert_is_a_finding_of_a_rule() {
        let finding = finding(&alert(), Maker { settings: "0" });
        assert_eq!(finding["type_uid"], 200_401);
        assert_eq!((finding["severity_id"].as_i64(), finding["severity"].as_str()), (Some(4), Some("High")));
        assert_eq!(finding["finding_info"]["analytic"]["type_id"], 1);
        assert_eq!(finding["finding_info"]["attacks"][0]["technique"]["uid"], "T1685.002");
        assert_eq!(finding["evidences"][0]["api"]["operation"], "StopLogging");
        assert_eq!(finding["cloud"]["provider"], "Alibaba Cloud");
        assert_eq!(finding["metadata"]["event_code"], "cis.at.trail_off");
    }

    #[test]
    fn what_goes_on_is_an_update() {
        let finding =
            finding(&Alert { continued: true, tactic: None, technique: None, ..alert() }, Maker { settings: "0" });
        assert_eq!(finding["activity_name"], "Update");
        assert_ne!(finding["metadata"]["uid"], finding["finding_info"]["uid"], "a line of its own");
        assert_eq!(finding["finding_info"]["attacks"], json!([]));
    }
}
