//! Ranking a night's incidents by all that speaks for them, the alerts of rules included.
//!
//! What a reader of the files is told of them ([`night`](crate::report::night)) is what decides here too, so that the numbers that a run gives its
//! incidents are in the order in which pages and digests show them.

use crate::alert::Alert;
use crate::error::{Error, Result};
use crate::insight::{Actor, Attribute, Incident, Insight};
use crate::report::columns::{culprit, leading};
use crate::report::night;

/// Gives the incidents of a night their ranks, and puts them and their insights in that order.
///
/// # Errors
/// When an alert cannot be told, which is a defect of this program.
pub fn rank(insights: &mut [Insight], incidents: &mut [Incident], alerts: &[Alert]) -> Result<()> {
    let findings: Vec<night::Finding> = insights.iter().map(finding).collect();
    let told = alerts.iter().map(|alert| serde_json::from_value(serde_json::to_value(alert)?));
    let alerts: Vec<night::Alert> =
        told.collect::<serde_json::Result<_>>().map_err(|error| Error::Internal(error.to_string()))?;
    let order: Vec<u64> = night::Incident::group(&findings, &alerts).iter().map(|incident| incident.number).collect();
    let rank = |before: u32| order.iter().position(|number| *number == u64::from(before)).unwrap_or(0) as u32 + 1;
    let ranks: Vec<u32> = (0..=incidents.len() as u32).map(rank).collect();
    incidents.iter_mut().for_each(|incident| incident.rank = ranks[incident.rank as usize]);
    incidents.sort_by_key(|incident| incident.rank);
    insights.iter_mut().for_each(|insight| insight.incident.rank = ranks[insight.incident.rank as usize]);
    insights.sort_by_key(|insight| insight.incident.rank);
    Ok(())
}

/// What ranking asks of an insight, as the table tells it.
fn finding(insight: &Insight) -> night::Finding {
    night::Finding {
        insight_type: insight.insight_type.name().to_owned(),
        severity: Some(insight.severity),
        account: insight.account.as_str().into(),
        family: insight.family.name().to_owned(),
        entity: insight.entity.as_str().into(),
        is_drop: insight.direction == crate::detect::Direction::Down,
        start: insight.start,
        end: insight.end,
        actor: insight.actor.as_ref().map(Actor::shown).unwrap_or_default().as_str().into(),
        access_key: leading(insight, Attribute::AccessKey).as_str().into(),
        source_ip: leading(insight, Attribute::SourceAddress).as_str().into(),
        culprit: culprit(insight).as_str().into(),
        concerns: insight.concerns.iter().map(|concern| concern.name().to_owned()).collect(),
        incident: insight.incident.id.to_string(),
        incident_rank: u64::from(insight.incident.rank),
        ..night::Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use uuid::Uuid;

    use super::*;
    use crate::insight::Severity;
    use crate::insight::example::rate;
    use crate::insight::life::incident::group;

    #[test]
    fn an_alert_that_agrees_moves_an_incident_up_and_its_number_with_it() {
        let other = |name: &str| Actor { kind: "user".into(), id: name.into(), name: Some(name.into()) };
        let apart = |name: &str, hours, severity| Insight {
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
            entity: format!("Oss/{name}"),
            start: rate().start + Duration::hours(hours),
            end: rate().end + Duration::hours(hours),
            actor: Some(other(name)),
            attributions: Vec::new(),
            severity,
            ..rate()
        };
        let mut insights = vec![apart("a", 0, Severity::High), apart("b", 3, Severity::Low)];
        let mut incidents = group(&mut insights);
        let time = insights[1].start;
        let alert = Alert {
            account: insights[1].account.clone(),
            actor: Some("user b".to_owned()),
            severity: Severity::Critical,
            first_time: time,
            last_time: time,
            ..crate::alert::example::alert()
        };
        rank(&mut insights, &mut incidents, &[]).unwrap();
        assert_eq!(insights[0].entity, "Oss/a");
        rank(&mut insights, &mut incidents, &[alert]).unwrap();
        let told: Vec<_> = insights.iter().map(|insight| (insight.entity.as_str(), insight.incident.rank)).collect();
        assert_eq!(told, [("Oss/b", 1), ("Oss/a", 2)]);
        assert_eq!([incidents[0].parts[0], incidents[1].parts[0]], [insights[0].id, insights[1].id]);
        assert_eq!([incidents[0].rank, incidents[1].rank], [1, 2]);
    }
}
