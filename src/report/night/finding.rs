//! An insight, read back from the flat table of its night and, for what a table cannot hold, from the events.
//!
//! The table comes first, for it has a row for each finding; the events add to it.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, NaiveDate, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::detect::change::Reason;
use crate::error::{Error, Result};
use crate::insight::{Attribute, Severity};
use crate::report::night::columns::Columns;
use crate::report::night::hours::Hour;
use crate::report::night::{Place, Text};

/// An insight as it was reported.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of the table, described in README.md")]
pub struct Finding {
    pub id: String,
    pub insight_type: String,
    pub severity: Option<Severity>,
    pub score: f64,
    pub account: Text,
    pub region: Text,
    pub family: String,
    pub entity: Text,
    pub is_drop: bool,
    pub judged_by: String,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub ended: bool,
    pub minutes: u64,
    pub observed: u64,
    pub errors: u64,
    pub expected: f64,
    pub expected_lower: u64,
    pub expected_upper: u64,
    pub average: f64,
    pub baseline_average: f64,
    pub log10_p: Option<f64>,
    pub q: Option<f64>,
    pub days_of_history: u64,
    pub actor: Text,
    pub access_key: Text,
    pub source_ip: Text,
    pub user_agent: Text,
    pub api: Text,
    /// Where its address is.
    pub place: Place,
    pub sentence: Text,
    pub next_query: Text,
    pub incident: String,
    pub incident_rank: u64,
    pub culprit: Text,
    pub concerns: Vec<String>,
    pub examples: Vec<Text>,
    /// What only the events tell; empty for what neither begins nor ends in the night.
    pub details: Details,
    /// Counts by hour, in order of time; empty where the night left none.
    pub hours: Vec<Hour>,
}

/// What the flat table has no room for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details {
    /// Who, from where, with what.
    pub attributions: Vec<Attribution>,
    /// What principals are called, as far as events tell.
    pub names: BTreeMap<String, Text>,
    /// Where its addresses are, as far as a database told.
    pub places: Vec<Place>,
    /// ATT&CK tactics and techniques, the most telling first.
    pub attacks: Vec<Attack>,
    /// Why a change is reported; `None` for rates, and where the night's events do not tell.
    pub reason: Option<Reason>,
    /// Days of history on which a cap may have left it without a name.
    pub days_hidden: u64,
}

/// One attribute: the values of the insight beside those that were usual.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Attribution {
    pub attribute: Attribute,
    #[serde(default)]
    pub insight: Vec<Share>,
    #[serde(default)]
    pub baseline: Vec<Share>,
    #[serde(default)]
    pub baseline_known: bool,
    #[serde(default)]
    pub broad: bool,
}

/// A value and its calls a minute.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct Share {
    pub average: f64,
    pub value: Text,
}

/// A tactic and the technique that serves it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct Attack {
    pub tactic: AttackTerm,
    pub technique: AttackTerm,
}

/// An identifier with its name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct AttackTerm {
    pub uid: Text,
    pub name: Text,
}

impl Finding {
    /// What stays the same from night to night: an entity and the way it went.
    pub fn same(&self) -> (String, Text, Text, bool) {
        (self.family.clone(), self.account.clone(), self.entity.clone(), self.is_drop)
    }

    /// Whether an earlier night reported its begin.
    pub fn is_continued(&self, date: NaiveDate) -> bool {
        self.start.date_naive() < date
    }

    /// Its severity; what this version does not know is the least.
    pub fn severity(&self) -> Severity {
        self.severity.unwrap_or(Severity::Informational)
    }

    /// Whether it is a change of permissions, passwords or the trail, which no model judges.
    pub fn is_change(&self) -> bool {
        self.family == "change"
    }

    /// A principal by its kind and name, as actors are told; as it is where no name is known.
    pub fn called(&self, principal: &Text) -> Text {
        let kind = principal.raw().split_once('/').map(|(kind, _)| kind);
        match kind.zip(self.details.names.get(principal.raw())) {
            Some((kind, name)) => Text::new(format!("{kind} {}", name.raw())),
            None => principal.clone(),
        }
    }

    /// Its attribution to an attribute.
    pub fn attribution(&self, attribute: Attribute) -> Option<&Attribution> {
        self.details.attributions.iter().find(|found| found.attribute == attribute)
    }
}

/// The insights of a night, the incidents in their order.
pub(super) fn read_table(path: &Path) -> Result<Vec<Finding>> {
    let columns = Columns::read(path)?;
    let mut findings = vec![Finding::default(); columns.len()];
    fill_what(&columns, &mut findings)?;
    fill_numbers(&columns, &mut findings)?;
    fill_who(&columns, &mut findings)?;
    Ok(findings)
}

/// Puts the values of a column into the findings.
fn fill<Value>(findings: &mut [Finding], values: Vec<Value>, put: impl Fn(&mut Finding, Value)) {
    findings.iter_mut().zip(values).for_each(|(finding, value)| put(finding, value));
}

fn fill_what(columns: &Columns<'_>, findings: &mut [Finding]) -> Result<()> {
    let texts = |name| columns.texts(name);
    fill(findings, texts("insight_id")?, |finding, id| finding.id = id.to_lowercase());
    fill(findings, texts("insight_type")?, |finding, name| finding.insight_type = name);
    fill(findings, texts("severity")?, |finding, name| finding.severity = Severity::named(&name));
    fill(findings, texts("family")?, |finding, name| finding.family = name);
    fill(findings, texts("direction")?, |finding, name| finding.is_drop = name == "down");
    fill(findings, texts("judged_by")?, |finding, name| finding.judged_by = name);
    fill(findings, texts("incident")?, |finding, id| finding.incident = id.to_lowercase());
    fill(findings, columns.counts("incident_rank")?, |finding, rank| finding.incident_rank = rank);
    fill(findings, texts("sentence")?, |finding, text| finding.sentence = Text::new(text));
    fill(findings, texts("next_query")?, |finding, text| finding.next_query = Text::new(text));
    fill(findings, texts("concerns")?, |finding, names| finding.concerns = words(&names).map(str::to_owned).collect());
    fill(findings, texts("example_event_ids")?, |finding, ids| {
        finding.examples = words(&ids).map(Text::from).collect();
    });
    Ok(())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

fn fill_numbers(columns: &Columns<'_>, findings: &mut [Finding]) -> Result<()> {
    let (counts, numbers) = (|name| columns.counts(name), |name| columns.numbers(name));
    fill(findings, columns.times("start")?, |finding, time| finding.start = time);
    fill(findings, columns.times("end")?, |finding, time| finding.end = time);
    fill(findings, columns.flags("ended")?, |finding, ended| finding.ended = ended);
    fill(findings, counts("minutes")?, |finding, count| finding.minutes = count);
    fill(findings, counts("observed")?, |finding, count| finding.observed = count);
    fill(findings, counts("errors")?, |finding, count| finding.errors = count);
    fill(findings, counts("expected_lower")?, |finding, count| finding.expected_lower = count);
    fill(findings, counts("expected_upper")?, |finding, count| finding.expected_upper = count);
    fill(findings, counts("days_of_history")?, |finding, count| finding.days_of_history = count);
    fill(findings, numbers("score")?, |finding, number| finding.score = number.unwrap_or_default());
    fill(findings, numbers("expected")?, |finding, number| finding.expected = number.unwrap_or_default());
    fill(findings, numbers("average_per_minute")?, |finding, number| finding.average = number.unwrap_or_default());
    fill(findings, numbers("baseline_average_per_minute")?, |finding, number| {
        finding.baseline_average = number.unwrap_or_default();
    });
    fill(findings, numbers("log10_p_value")?, |finding, number| finding.log10_p = number);
    fill(findings, numbers("q_value")?, |finding, number| finding.q = number);
    Ok(())
}

fn fill_who(columns: &Columns<'_>, findings: &mut [Finding]) -> Result<()> {
    let texts = |name| columns.texts(name).map(|texts| texts.into_iter().map(Text::new).collect::<Vec<Text>>());
    fill(findings, texts("account")?, |finding, text| finding.account = text);
    fill(findings, texts("region")?, |finding, text| finding.region = text);
    fill(findings, texts("entity")?, |finding, text| finding.entity = text);
    fill(findings, texts("actor")?, |finding, text| finding.actor = text);
    fill(findings, texts("top_access_key")?, |finding, text| finding.access_key = text);
    fill(findings, texts("top_source_ip")?, |finding, text| finding.source_ip = text);
    fill(findings, texts("top_user_agent")?, |finding, text| finding.user_agent = text);
    fill(findings, texts("top_api")?, |finding, text| finding.api = text);
    fill(findings, texts("country")?, |finding, text| finding.place.country = text);
    fill(findings, texts("network_owner")?, |finding, text| finding.place.network_owner = text);
    // Nights of earlier versions have it as text.
    fill(findings, columns.texts("network_number")?, |finding, text| finding.place.network_number = text.parse().ok());
    fill(findings, texts("culprit")?, |finding, text| finding.culprit = text);
    let attacks = ["tactic", "technique", "technique_name"].map(texts);
    let [tactics, techniques, names] = attacks;
    for (((finding, tactic), technique), name) in findings.iter_mut().zip(tactics?).zip(techniques?).zip(names?) {
        if !technique.is_empty() {
            let tactic = AttackTerm { name: Text::default(), uid: tactic };
            finding.details.attacks = vec![Attack { tactic, technique: AttackTerm { uid: technique, name } }];
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    shared_event_id: String,
    insight_details: EventDetails,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventDetails {
    insight_context: Context,
    #[serde(default)]
    analysis: Analysis,
}

#[derive(Deserialize)]
struct Context {
    #[serde(default, deserialize_with = "known")]
    attributions: Vec<Attribution>,
}

/// The attributions to attributes that this version knows: a later one may have written more.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<Attribution>, D::Error> {
    let is_known = |found: &Value| found["attribute"].as_str().is_none_or(|name| Attribute::named(name).is_some());
    let known = Vec::<Value>::deserialize(deserializer)?.into_iter().filter(is_known);
    known.map(|found| serde_json::from_value(found).map_err(D::Error::custom)).collect()
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Analysis {
    names: Vec<Called>,
    places: Vec<Place>,
    attacks: Vec<Attack>,
    reason: Option<Reason>,
    #[serde(rename = "daysNotCountedInFull")]
    days_hidden: u64,
}

#[derive(Deserialize)]
struct Called {
    principal: String,
    name: Text,
}

/// What the events of a night tell of each insight, by its id.
pub(super) fn read_details(path: &Path) -> Result<BTreeMap<String, Details>> {
    let text = std::fs::read_to_string(path).map_err(Error::read(path))?;
    let mut details = BTreeMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let event: Event = serde_json::from_str(line).map_err(|error| Error::Line {
            path: path.to_path_buf(),
            line: number + 1,
            message: format!("no insights event: {error}"),
        })?;
        let EventDetails { insight_context, analysis } = event.insight_details;
        let Analysis { names, places, attacks, reason, days_hidden } = analysis;
        let names = names.into_iter().map(|called| (called.principal, called.name)).collect();
        let attributions = insight_context.attributions;
        let told = Details { attributions, names, places, attacks, reason, days_hidden };
        // Of a start and an end, the end comes last and knows more.
        details.insert(event.shared_event_id.to_lowercase(), told);
    }
    Ok(details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_later_version_attributes_is_passed_over_and_what_is_broken_is_not() {
        let read = |attributions: &str| {
            let context = format!("{{\"attributions\": [{attributions}]}}");
            serde_json::from_str::<Context>(&context).map(|context| context.attributions)
        };
        let known = r#"{"attribute": "userAgent", "insight": [{"average": 1.5, "value": "curl"}]}"#;
        let found = read(&format!(r#"{{"attribute": "tlsVersion", "insight": []}}, {known}"#)).unwrap();
        assert_eq!(found.iter().map(|found| found.attribute).collect::<Vec<_>>(), [Attribute::UserAgent]);
        assert!(read(r#"{"attribute": "userAgent", "insight": [{"value": "curl"}]}"#).is_err());
        assert!(read("{}").is_err());
    }
}
