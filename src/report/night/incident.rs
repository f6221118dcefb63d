//! Incidents with all that speaks for them: insights that tell one story, and the alerts of rules about the same actor at the same time.
//!
//! They are ranked by the gravest severity among insights and alerts; then a change that nothing makes serious but its kind comes after all that
//! says more; then by how much evidence agrees, which is the sum, over the
//! kinds of evidence (insight types and rules), of the gravest severity of each kind; then by the insights alone. Alerts do not
//! lift what consists of drops. The run ranks in this way too ([`ranking`](crate::report::ranking)) and numbers the incidents by it, so that
//! one is called the same wherever it is told.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use crate::insight::Severity;
use crate::report::night::{Alert, Finding};

/// An alert so near to an incident counts as at the same time.
const AROUND: i64 = 30;

/// A story of the night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Its number, by which the summary and the table call it as well.
    pub number: u64,
    /// That of the gravest insight or alert.
    pub severity: Severity,
    /// Its insights, by their number, the most serious first.
    pub findings: Vec<usize>,
    /// The alerts that agree with it, by their number.
    pub alerts: Vec<usize>,
    /// When it begins.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    says_why: bool,
    evidence: u32,
}

impl Incident {
    /// Groups insights by the stories that the run found in them, and adds the alerts that agree.
    pub fn group(findings: &[Finding], alerts: &[Alert]) -> Vec<Self> {
        let mut stories: BTreeMap<(u64, &str), Vec<usize>> = BTreeMap::new();
        for (number, finding) in findings.iter().enumerate() {
            stories.entry((finding.incident_rank, &finding.incident)).or_default().push(number);
        }
        let stories = stories.into_values().enumerate();
        let mut incidents: Vec<Incident> =
            stories.map(|(place, own)| incident(place as u64 + 1, own, findings, alerts)).collect();
        incidents.sort_by_key(|incident| Reverse(incident.rank_key()));
        incidents
    }

    /// What it is ranked by.
    pub fn rank_key(&self) -> (Severity, bool, u32) {
        (self.severity, self.says_why, self.evidence)
    }
}

fn incident(place: u64, own: Vec<usize>, findings: &[Finding], all: &[Alert]) -> Incident {
    let parts = || own.iter().map(|&number| &findings[number]);
    let start = parts().map(|finding| finding.start).min().unwrap_or_default();
    let end = parts().map(|finding| finding.end).max().unwrap_or_default();
    let around = Duration::minutes(AROUND);
    let agrees = |alert: &Alert| {
        alert.first_time < end + around
            && alert.last_time > start - around
            && parts().any(|finding| agree(alert, finding))
    };
    let alerts: Vec<usize> = (0..all.len()).filter(|&number| agrees(&all[number])).collect();
    // That calls are missing is no more serious because their caller did something else.
    let is_lifted = parts().any(|finding| !finding.is_drop || finding.is_change());
    let rules = alerts.iter().filter(|_| is_lifted).map(|&number| (all[number].rule_id.raw(), all[number].severity()));
    let kinds = parts().map(|finding| (finding.insight_type.as_str(), finding.severity())).chain(rules);
    let mut gravest: BTreeMap<&str, Severity> = BTreeMap::new();
    for (kind, severity) in kinds {
        let known = gravest.entry(kind).or_insert(severity);
        *known = severity.max(*known);
    }
    let severity = gravest.values().copied().max().unwrap_or(Severity::Informational);
    let is_bare = |finding: &Finding| finding.is_change() && finding.concerns.is_empty();
    let says_why = parts().any(|finding| finding.severity() == severity && !is_bare(finding))
        || alerts.iter().any(|&number| is_lifted && all[number].severity() == severity);
    let evidence = gravest.values().map(|&severity| severity as u32).sum();
    // Nights of earlier versions have no numbers.
    let number = own.first().map(|&first| findings[first].incident_rank).filter(|&rank| rank > 0).unwrap_or(place);
    Incident { number, severity, findings: own, alerts, start, end, says_why, evidence }
}

/// Whether an alert and an insight name the same actor, key or address.
fn agree(alert: &Alert, finding: &Finding) -> bool {
    let named = [&finding.actor, &finding.culprit, &finding.entity, &finding.access_key, &finding.source_ip];
    let is_named = |value: &str| !value.is_empty() && named.iter().any(|name| name.raw() == value);
    let keys = alert.keys.values().filter_map(|value| value.as_str());
    let values = keys.chain([alert.actor.raw()]).chain(alert.source_ips.iter().map(crate::report::night::Text::raw));
    alert.account == finding.account && values.into_iter().any(is_named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(insight_type: &str, severity: Severity, rank: u64, actor: &str) -> Finding {
        let (start, end) = ("2026-01-29T10:00:00Z".parse().unwrap(), "2026-01-29T11:00:00Z".parse().unwrap());
        let (insight_type, incident) = (insight_type.to_owned(), rank.to_string());
        let (severity, actor) = (Some(severity), actor.into());
        Finding { insight_type, severity, incident_rank: rank, incident, actor, start, end, ..Finding::default() }
    }

    fn alert(actor: &str, time: &str, severity: &str) -> Alert {
        let json = serde_json::json!({ "actor": actor, "first_time": time, "last_time": time, "severity": severity });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn an_alert_about_its_caller_agrees_with_a_drop_and_does_not_lift_it() {
        let drop = |is_drop| Finding { is_drop, ..finding("ApiCallRateInsight", Severity::Low, 1, "user a") };
        let alerts = [alert("user a", "2026-01-29T10:30:00Z", "high")];
        let of = |is_drop| Incident::group(&[drop(is_drop)], &alerts).remove(0);
        assert_eq!((of(true).severity, of(true).alerts.len()), (Severity::Low, 1));
        assert_eq!(of(false).severity, Severity::High);
        let silence = Finding { family: "change".to_owned(), ..drop(true) };
        assert_eq!(Incident::group(&[silence], &alerts)[0].severity, Severity::High);
    }

    #[test]
    fn a_change_that_does_nothing_comes_after_one_that_is_serious() {
        let trail = |rank, actor: &str, concerns: &[&str]| Finding {
            family: "change".to_owned(),
            concerns: concerns.iter().map(|&name| name.to_owned()).collect(),
            ..finding("TrailConcealmentInsight", Severity::Critical, rank, actor)
        };
        let findings = [trail(1, "user a", &[]), trail(2, "user b", &["records_less"])];
        let order = |alerts: &[Alert]| Incident::group(&findings, alerts).remove(0).number;
        let time = "2026-01-29T10:30:00Z";
        assert_eq!(order(&[]), 2);
        assert_eq!(order(&[alert("user a", time, "high")]), 2, "a lesser alert does not say why it is critical");
        assert_eq!(order(&[alert("user a", time, "critical")]), 1, "as grave, and more evidence");
    }

    #[test]
    fn evidence_that_agrees_comes_before_a_single_sign_of_the_same_severity() {
        let findings = [
            finding("IpInsight", Severity::High, 1, "user a"),
            finding("AkInsight", Severity::High, 2, "user b"),
            finding("PrincipalInsight", Severity::High, 2, "user b"),
            finding("ApiCallRateInsight", Severity::Low, 3, "user c"),
        ];
        let order = |alerts: &[Alert]| {
            Incident::group(&findings, alerts).into_iter().map(|incident| incident.findings[0]).collect::<Vec<_>>()
        };
        assert_eq!(order(&[]), [1, 0, 3]);
        let numbers = Incident::group(&findings, &[]).into_iter().map(|incident| incident.number).collect::<Vec<_>>();
        assert_eq!(numbers, [2, 1, 3], "the run's");
        assert_eq!(order(&[alert("user c", "2026-01-29T10:30:00Z", "critical")]), [3, 1, 0]);
        // Elsewhere, or at another time, it is no part of the story.
        assert_eq!(order(&[alert("user d", "2026-01-29T10:30:00Z", "critical")]), [1, 0, 3]);
        assert_eq!(order(&[alert("user c", "2026-01-29T12:30:00Z", "critical")]), [1, 0, 3]);
    }
}
