use super::*;
use crate::insight::Severity;
use crate::report::night::{Alert, Details, Finding, Hour, Incident, Place, Record, Text};

/// What an attacker may write into whatever he names.
const HOSTILE: &str = "</script><script>alert(1)</script>\u{202e}\" onload=\"alert(1)";

fn alert() -> Alert {
    let json = serde_json::json!({
        "alert_id": "7", "rule": HOSTILE, "rule_id": HOSTILE, "group": HOSTILE, "severity": "critical", "account": HOSTILE,
        "first_time": "2026-01-29T10:00:00Z", "last_time": "2026-01-29T11:30:00Z", "count": 12, "sentence": HOSTILE, "actor": HOSTILE,
        "source_ips": [HOSTILE], "places": [{ "address": HOSTILE, "country": HOSTILE, "network_owner": HOSTILE, "network_number": 7 }],
        "next_query": HOSTILE, "description": HOSTILE, "false_positives": [HOSTILE], "continued": true,
        "example_event_ids": [HOSTILE],
    });
    serde_json::from_value(json).unwrap()
}

fn place() -> Place {
    let hostile = || Text::from(HOSTILE);
    Place { address: hostile(), country: hostile(), network_owner: hostile(), network_number: None }
}

/// The addresses of a finding, with where the hostile one is.
fn details() -> Details {
    let attribution = serde_json::json!({
        "attribute": "sourceIpAddress", "insight": [{ "average": 2.0, "value": HOSTILE }],
        "baseline": [{ "average": 1.0, "value": "203.0.113.7" }], "baselineKnown": true,
    });
    let own = Place { address: "203.0.113.7".into(), country: "DE".into(), ..Place::default() };
    let attributions = vec![serde_json::from_value(attribution).unwrap()];
    Details { attributions, places: vec![place(), own], ..Details::default() }
}

fn finding() -> Finding {
    let hostile = || Text::from(HOSTILE);
    let start: chrono::DateTime<chrono::Utc> = "2026-01-29T10:00:00Z".parse().unwrap();
    let hour = |place: i64| Hour {
        time: start + chrono::Duration::hours(place),
        calls: 9,
        expected: None,
        lower: 0,
        upper: 0,
        believed: true,
        flagged: place == 0,
    };
    Finding {
        id: "0-0".to_owned(),
        insight_type: "AkInsight".to_owned(),
        family: "access_key".to_owned(),
        severity: Some(Severity::High),
        entity: hostile(),
        account: hostile(),
        actor: hostile(),
        access_key: hostile(),
        source_ip: hostile(),
        user_agent: hostile(),
        api: hostile(),
        place: place(),
        details: details(),
        culprit: hostile(),
        sentence: hostile(),
        next_query: hostile(),
        examples: vec![hostile()],
        start,
        end: start + chrono::Duration::hours(1),
        hours: (0..3).map(hour).collect(),
        ..Finding::default()
    }
}

fn night() -> Night {
    let record = serde_json::json!({
        "warnings": [HOSTILE], "problems": [{ "file": HOSTILE, "message": HOSTILE }],
        "quality": [{ "kind": "duplicates", "sentence": "7 events were there twice", "where": "x", "effect": "y" }],
    });
    let record: Record = serde_json::from_value(record).unwrap();
    let date = "2026-01-29".parse().unwrap();
    let (findings, alerts) = (vec![finding()], vec![alert()]);
    let incidents: Vec<Incident> = Incident::group(&findings, &alerts);
    Night { date, findings, alerts, incidents, record: Some(record), ..Night::default() }
}

#[test]
fn a_night_without_anything_is_a_page_too() {
    let page = page(&Night::default());
    assert!(
        page.contains("None: nothing deviates from its history.") && page.contains("There is no record of this run.")
    );
}

#[test]
fn no_name_becomes_markup_wherever_it_stands() {
    let page = page(&night());
    assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (1, 1));
    assert!(!page.contains('\u{202e}') && !page.contains("\" onload"));
    assert!(page.contains("⟨U+202E⟩"));
}

#[test]
fn addresses_are_told_with_their_places() {
    let mut night = night();
    let (finding, alert) = (&mut night.findings[0], &mut night.alerts[0]);
    finding.actor = Text::default();
    finding.source_ip = "203.0.113.7".into();
    finding.culprit = "203.0.113.7".into();
    finding.place = Place { country: "DE".into(), network_number: Some(65_000), ..Place::default() };
    alert.source_ips = vec!["203.0.113.7".into(), "Internal".into()];
    alert.places =
        vec![Place { address: "203.0.113.7".into(), network_owner: "Example Net".into(), ..Place::default() }];
    let page = page(&night);
    for part in [
        "Incident 1: <bdi>203.0.113.7 (DE)</bdi>",
        "<dt>From</dt><dd><bdi>203.0.113.7 (DE, AS65000)</bdi></dd>",
        "<bdi>203.0.113.7</bdi> <span class=\"quiet\"><bdi>DE</bdi></span>",
        "<dt>From</dt><dd><bdi>203.0.113.7 (Example Net), Internal</bdi></dd>",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}

#[test]
fn alerts_and_remarks_are_told_and_agree_with_incidents() {
    let page = page(&night());
    for part in [
        "12 times",
        "10:00–11:30 UTC",
        "going on",
        "7 events were there twice",
        "Rules that agree",
        "href=\"#alert-7\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // The alert is the gravest of what speaks for the incident.
    assert!(page.contains("<h3 id=\"incident-1-title\"><span class=\"badge sev-critical\">critical</span>"));
}
