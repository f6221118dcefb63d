//! What happened tonight, in three sentences: how much was found, the gravest of it, and how far it can be trusted.

use crate::insight::Severity;
use crate::report::night::{Incident, Night};
use crate::report::telling::{counted, long_date, troubles};

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
    let serious = night.findings.iter().filter(|finding| finding.severity() >= Severity::High).count()
        + night.alerts.iter().filter(|alert| alert.severity() >= Severity::High).count();
    let mut parts = vec![format!("{} in {incidents}", counted(insights, "insight", "insights"))];
    if alerts > 0 {
        parts.push(format!("{} of rules", counted(alerts, "alert", "alerts")));
    }
    let new = match night.since.compared_with {
        Some(_) => format!("; {} new since the night before", night.since.new.len()),
        None => String::new(),
    };
    format!("{compared}{}, {serious} of them high or critical{new}.", parts.join(" and "))
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
    let inflated = record.calibration.iter().filter_map(|set| set.inflation).any(|inflation| inflation > 1.5);
    let honest = match (record.calibration.iter().any(|set| set.inflation.is_some()), inflated) {
        (true, false) => " P-values of the last days were honest.",
        (true, true) => " P-values of the last days promised too much and were corrected.",
        (false, _) => "",
    };
    match troubles(night).len() as u64 {
        0 => format!("The input was whole.{honest}"),
        many => {
            format!("Mind {} about the input, see “Health of the input”.{honest}", counted(many, "remark", "remarks"))
        }
    }
}
