//! An alert to test with: a rule's match of one event.

use std::collections::BTreeMap;

use crate::alert::{Alert, Fingerprint, Status};
use crate::insight::Severity;

/// The alert.
pub(crate) fn alert() -> Alert {
    let moment = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    Alert {
        alert_id: uuid::Uuid::from_u128(9),
        date: "2026-01-29".parse().unwrap(),
        rule_id: "0b7d".to_owned(),
        rule: "Audit trail stopped".to_owned(),
        builtin: Some("cis.at.trail_off".to_owned()),
        group: Some("permission-and-audit".to_owned()),
        severity: Severity::High,
        severity_number: 8,
        account: "1599000000000001".to_owned(),
        keys: BTreeMap::from([("recipientAccountId".to_owned(), Some("1599000000000001".to_owned()))]),
        fingerprint: Fingerprint::new("1599000000000001", "0b7d", [Some("1599000000000001")]),
        first_time: moment("2026-01-29T07:14:03Z"),
        last_time: moment("2026-01-29T07:20:00Z"),
        count: 2,
        failed: 1,
        example_event_ids: vec!["A5A4BB74-1".to_owned(), "A5A4BB74-2".to_owned()],
        actor: Some("user nora61".to_owned()),
        apis: vec!["Actiontrail/StopLogging".to_owned()],
        source_ips: vec!["203.0.113.77".to_owned()],
        places: Vec::new(),
        tactic: Some("TA0112".to_owned()),
        technique: Some("T1685.002".to_owned()),
        technique_name: Some("Disable or Modify Tools: Disable or Modify Cloud Log".to_owned()),
        sentence: "Audit trail stopped: user nora61 called Actiontrail/StopLogging 2 times".to_owned(),
        next_query: "insights query EVENTS --event-id A5A4BB74-1,A5A4BB74-2".to_owned(),
        continued: false,
        no_data: false,
        status: Status::Resolved,
        notifications: vec![moment("2026-01-29T07:14:03Z")],
        description: "The trail was stopped.".to_owned(),
        false_positives: vec!["Planned work.".to_owned()],
    }
}
