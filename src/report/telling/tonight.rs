//! What happened tonight, in three sentences: how much was found, the gravest of it, and how far it can be trusted.

use crate::insight::Severity;
use crate::report::night::{Alert, Calibration, Finding, Incident, Night};
use crate::report::telling::{long_date, troubles};
use crate::shown::counted;

/// The three sentences.
pub fn tonight(night: &Night) -> [String; 3] {
    [found(night), gravest(night), trust(night)]
}

fn found(night: &Night) -> String {
    let compared = night.record.as_ref().map_or(String::new(), |record| {
        format!(
            "{} of {} were compared with {} of history: ",
            counted(record.counts.events, "event", "events"),
            long_date(night.date),
            counted(record.days_of_history, "day", "days")
        )
    });
    let (insights, alerts) = (night.findings.len() as u64, night.alerts.len() as u64);
    if insights + alerts == 0 {
        return format!("{compared}nothing deviated, and no rule raised an alert.");
    }
    let incidents = counted(night.incidents.len() as u64, "incident", "incidents");
    let of_insights = serious(night.findings.iter().map(Finding::severity));
    let of_alerts = serious(night.alerts.iter().map(Alert::severity));
    let mut parts = vec![format!("{} in {incidents}{of_insights}", counted(insights, "insight", "insights"))];
    if alerts > 0 {
        parts.push(format!("{} of rules{of_alerts}", counted(alerts, "alert", "alerts")));
    }
    let new = match night.since.compared_with {
        Some(_) => format!("; {} new since the night before", night.since.new.len()),
        None => String::new(),
    };
    format!("{compared}{}{new}.", parts.join(" and "))
}

/// ` (7 high or critical)`; nothing where there are none.
fn serious(severities: impl Iterator<Item = Severity>) -> String {
    match severities.filter(|severity| *severity >= Severity::High).count() {
        0 => String::new(),
        count => format!(" ({count} high or critical)"),
    }
}

fn gravest(night: &Night) -> String {
    match (night.incidents.first(), night.alerts.first()) {
        (Some(incident), Some(alert)) if alert.severity() > incident.severity => alert_words(alert),
        (Some(incident), _) => incident_words(night, incident),
        (None, Some(alert)) => alert_words(alert),
        (None, None) => "There is nothing to look into.".to_owned(),
    }
}

fn alert_words(alert: &crate::report::night::Alert) -> String {
    format!("Most serious ({}): {}.", alert.severity().name(), alert.sentence.shown())
}

fn incident_words(night: &Night, incident: &Incident) -> String {
    let lead = night.findings_of(incident).next().map_or(String::new(), |lead| lead.sentence.shown().into_owned());
    format!("Most serious ({}): {lead}.", incident.severity.name())
}

fn trust(night: &Night) -> String {
    let Some(record) = &night.record else {
        return "The record of the run is gone, so nothing can be said of how complete its input was.".to_owned();
    };
    let honest = honest(&record.calibration);
    match troubles(night).len() as u64 {
        0 => format!("The input was whole.{honest}"),
        many => {
            format!("Mind {} about the input, see “Health of the input”.{honest}", counted(many, "remark", "remarks"))
        }
    }
}

/// What the replay of the last days says of the p-values; nothing where it could measure none.
fn honest(sets: &[Calibration]) -> &'static str {
    let measured = sets.iter().filter(|set| set.inflation.is_some()).count();
    match (measured, sets.iter().any(|set| set.power < 1.0)) {
        (0, _) => "",
        (_, true) => " P-values of the last days promised too much and were corrected.",
        (some, false) if some < sets.len() => " P-values of the last days were honest where that can be measured.",
        (_, false) => " P-values of the last days were honest.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_serious_is_counted_of_insights_and_of_alerts_by_itself() {
        let alert = |severity: &str| serde_json::from_value(serde_json::json!({ "severity": severity })).unwrap();
        let finding = |severity| Finding { severity: Some(severity), ..Finding::default() };
        let night = Night {
            findings: vec![finding(Severity::High), finding(Severity::Low)],
            alerts: vec![alert("critical"), alert("high"), alert("medium")],
            ..Night::default()
        };
        let told = found(&night);
        assert!(
            told.contains("2 insights in 0 incidents (1 high or critical) and 3 alerts of rules (2 high or critical)")
        );
        assert_eq!(serious([Severity::Medium].into_iter()), "");
    }

    #[test]
    fn honesty_is_claimed_only_of_what_was_measured_and_not_corrected() {
        let set = |inflation, power| Calibration { inflation, power, ..Calibration::default() };
        let told = |sets: &[Calibration]| honest(sets).trim().to_owned();
        assert_eq!(told(&[set(None, 1.0)]), "");
        assert_eq!(told(&[set(Some(1.2), 1.0)]), "P-values of the last days were honest.");
        assert!(told(&[set(Some(1.2), 1.0), set(None, 1.0)]).ends_with("honest where that can be measured."));
        assert!(told(&[set(Some(1.2), 0.9), set(None, 1.0)]).ends_with("were corrected."));
    }
}
