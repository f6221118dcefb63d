//! The flat forms of insights and of alerts: one column a thing, the same in Parquet and in CSV.

use chrono::{DateTime, Utc};

use crate::alert::Alert;
use crate::detect::Model;
use crate::insight::{Attribute, Insight};
use crate::place::Place;
use crate::rollup::Family;

/// How a column is filled.
pub(super) enum Values<Row> {
    /// Text, empty where there is none.
    Text(fn(&Row) -> String),
    /// A number; NaN where there is none.
    Number(fn(&Row) -> f64),
    /// A whole number.
    Count(fn(&Row) -> u64),
    /// A whole number; null where there is none.
    Known(fn(&Row) -> Option<u64>),
    /// A moment in UTC.
    Time(fn(&Row) -> DateTime<Utc>),
    /// Yes or no.
    Flag(fn(&Row) -> bool),
}

/// Columns in their order, by name.
pub(super) type Columns<Row> = [(&'static str, Values<Row>)];

use Values::{Count, Flag, Known, Number, Text, Time};

/// The columns in their order.
pub(super) const COLUMNS: [(&str, Values<Insight>); 45] = [
    ("insight_id", Text(|insight| insight.id.to_string())),
    ("date", Text(|insight| insight.date.to_string())),
    ("insight_type", Text(|insight| insight.insight_type.name().to_owned())),
    ("severity", Text(|insight| insight.severity.name().to_owned())),
    ("score", Number(|insight| insight.measured.score)),
    ("account", Text(|insight| insight.account.clone())),
    ("region", Text(|insight| insight.region.clone())),
    ("family", Text(|insight| insight.family.name().to_owned())),
    ("entity", Text(|insight| insight.entity.clone())),
    ("direction", Text(|insight| format!("{:?}", insight.direction).to_lowercase())),
    ("judged_by", Text(|insight| insight.model.map_or("", Model::name).to_owned())),
    ("start", Time(|insight| insight.start)),
    ("end", Time(|insight| insight.end)),
    ("ended", Flag(|insight| insight.ended)),
    ("minutes", Count(|insight| insight.minutes() as u64)),
    ("observed", Count(|insight| insight.measured.observed)),
    ("errors", Count(|insight| insight.measured.errors)),
    ("expected", Number(|insight| insight.measured.expected)),
    ("expected_lower", Count(|insight| insight.measured.expected_lower)),
    ("expected_upper", Count(|insight| insight.measured.expected_upper)),
    ("average_per_minute", Number(Insight::average)),
    ("baseline_average_per_minute", Number(|insight| insight.measured.baseline_average)),
    ("p_value", Number(Insight::p_value)),
    ("log10_p_value", Number(|insight| insight.measured.ln_p / std::f64::consts::LN_10)),
    ("q_value", Number(|insight| insight.measured.ln_q.map_or(f64::NAN, f64::exp))),
    ("days_of_history", Count(|insight| insight.measured.days_known as u64)),
    ("tactic", Text(|insight| attack(insight, |attack| attack.tactic.uid))),
    ("technique", Text(|insight| attack(insight, |attack| attack.technique.uid))),
    ("technique_name", Text(|insight| attack(insight, |attack| attack.technique.name))),
    ("actor", Text(|insight| insight.actor.as_ref().map_or_else(String::new, crate::insight::Actor::shown))),
    ("top_access_key", Text(|insight| leading(insight, Attribute::AccessKey))),
    ("top_source_ip", Text(|insight| leading(insight, Attribute::SourceAddress))),
    ("top_user_agent", Text(|insight| leading(insight, Attribute::UserAgent))),
    ("top_api", Text(|insight| insight.apis().first().copied().unwrap_or_default().to_owned())),
    ("top_error_code", Text(|insight| leading(insight, Attribute::ErrorCode))),
    ("country", Text(|insight| place(insight).and_then(country).unwrap_or_default())),
    ("network_owner", Text(|insight| place(insight).and_then(network_owner).unwrap_or_default())),
    ("network_number", Known(|insight| place(insight).and_then(network_number))),
    ("sentence", Text(|insight| insight.sentence.clone())),
    ("next_query", Text(|insight| insight.next_query.clone())),
    ("incident", Text(|insight| insight.incident.id.to_string())),
    ("incident_rank", Count(|insight| u64::from(insight.incident.rank))),
    ("culprit", Text(culprit)),
    ("concerns", Text(concerns)),
    ("example_event_ids", Text(|insight| insight.examples.join(" "))),
];

/// The columns of alerts in their order.
pub(super) const ALERT_COLUMNS: [(&str, Values<Alert>); 33] = [
    ("alert_id", Text(|alert| alert.alert_id.to_string())),
    ("date", Text(|alert| alert.date.to_string())),
    ("severity", Text(|alert| alert.severity.name().to_owned())),
    ("severity_number", Count(|alert| u64::from(alert.severity_number))),
    ("rule_id", Text(|alert| alert.rule_id.clone())),
    ("rule", Text(|alert| alert.rule.clone())),
    ("builtin", Text(|alert| text(alert.builtin.as_ref()))),
    ("group", Text(|alert| text(alert.group.as_ref()))),
    ("account", Text(|alert| alert.account.clone())),
    ("fingerprint", Text(|alert| alert.fingerprint.to_string())),
    ("keys", Text(|alert| serde_json::to_string(&alert.keys).unwrap_or_default())),
    ("first_time", Time(|alert| alert.first_time)),
    ("last_time", Time(|alert| alert.last_time)),
    ("count", Count(|alert| alert.count)),
    ("failed", Count(|alert| alert.failed)),
    ("continued", Flag(|alert| alert.continued)),
    ("no_data", Flag(|alert| alert.no_data)),
    ("status", Text(|alert| alert.status.name().to_owned())),
    ("notifications", Count(|alert| alert.notifications.len() as u64)),
    ("actor", Text(|alert| text(alert.actor.as_ref()))),
    ("apis", Text(|alert| alert.apis.join(" "))),
    ("source_ips", Text(|alert| alert.source_ips.join(" "))),
    ("country", Text(|alert| place_of_alert(alert).and_then(country).unwrap_or_default())),
    ("network_owner", Text(|alert| place_of_alert(alert).and_then(network_owner).unwrap_or_default())),
    ("network_number", Known(|alert| place_of_alert(alert).and_then(network_number))),
    ("tactic", Text(|alert| text(alert.tactic.as_ref()))),
    ("technique", Text(|alert| text(alert.technique.as_ref()))),
    ("technique_name", Text(|alert| text(alert.technique_name.as_ref()))),
    ("sentence", Text(|alert| alert.sentence.clone())),
    ("next_query", Text(|alert| alert.next_query.clone())),
    ("description", Text(|alert| alert.description.clone())),
    ("false_positives", Text(|alert| alert.false_positives.join("\n"))),
    ("example_event_ids", Text(|alert| alert.example_event_ids.join(" "))),
];

fn country(place: &Place) -> Option<String> {
    place.country.clone()
}

fn network_owner(place: &Place) -> Option<String> {
    place.network_owner.clone()
}

fn network_number(place: &Place) -> Option<u64> {
    place.network_number.map(u64::from)
}

fn text(value: Option<&String>) -> String {
    value.cloned().unwrap_or_default()
}

fn attack(insight: &Insight, pick: fn(&crate::insight::Attack) -> &'static str) -> String {
    insight.attacks.first().map_or(String::new(), |attack| pick(attack).to_owned())
}

/// Whom its incident is about.
pub(super) fn culprit(insight: &Insight) -> String {
    insight.incident.culprit.as_ref().map_or_else(String::new, |culprit| culprit.value.clone())
}

fn concerns(insight: &Insight) -> String {
    insight.concerns.iter().map(|concern| concern.name()).collect::<Vec<_>>().join(" ")
}

/// The value of an attribute that best explains the insight.
pub(super) fn leading(insight: &Insight, attribute: Attribute) -> String {
    insight.values(attribute).next().unwrap_or_default().to_owned()
}

/// What is known of the address that it is about, or else of the one that best explains it.
fn place(insight: &Insight) -> Option<&Place> {
    let own = match insight.family {
        Family::SourceIp => &insight.object,
        _ => &leading(insight, Attribute::SourceAddress),
    };
    placed(&insight.places, own)
}

/// What is known of the first of its addresses.
fn place_of_alert(alert: &Alert) -> Option<&Place> {
    placed(&alert.places, alert.source_ips.first().map_or("", String::as_str))
}

fn placed<'places>(places: &'places [Place], address: &str) -> Option<&'places Place> {
    places.iter().find(|place| place.address == address)
}
