//! Insights from lines of ActionTrail Insights events, of which the part under `analysis` is ours.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::detect::{Direction, Model};
use crate::evaluate::matching::canonical;
use crate::insight::Attribute;

use super::{Found, Numbers, Set, text_or_id};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    shared_event_id: String,
    recipient_account_id: String,
    insight_details: Details,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    state: String,
    insight_context: Context,
    analysis: Analysis,
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    statistics: Statistics,
    attributions: Vec<Attribution>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Statistics {
    insight_count: Option<i64>,
}

#[derive(Deserialize)]
struct Attribution {
    attribute: String,
    insight: Vec<Share>,
}

#[derive(Deserialize)]
struct Share {
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Analysis {
    family: String,
    entity: String,
    direction: Direction,
    judged_by: Option<Model>,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    incident: Option<Value>,
    expected: Option<f64>,
    #[serde(rename = "log10PValue")]
    log10_p_value: Option<f64>,
    score: Option<f64>,
}

/// Reads the lines of a file; an error is a line's number and what is wrong with it.
pub(super) fn parse(text: &str, night: Option<NaiveDate>) -> Result<Vec<Found>, (usize, String)> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let event = |(number, line): (usize, &str)| {
        let event = serde_json::from_str(line).map_err(|error| (number + 1, format!("no insights event: {error}")))?;
        Ok(found(event, night))
    };
    lines.map(event).collect()
}

fn found(event: Event, night: Option<NaiveDate>) -> Found {
    let Details { state, insight_context, analysis } = event.insight_details;
    let values = |shares: Vec<Share>| shares.into_iter().map(|share| share.value).collect();
    let attributions = insight_context.attributions.into_iter();
    let attributions: BTreeMap<Attribute, Vec<String>> = attributions
        .filter_map(|attribution| Some((Attribute::named(&attribution.attribute)?, values(attribution.insight))))
        .collect();
    let numbers = Numbers {
        observed: insight_context.statistics.insight_count,
        expected: analysis.expected,
        log10_p_value: analysis.log10_p_value,
        score: analysis.score,
    };
    Found {
        id: event.shared_event_id,
        night: night.unwrap_or_else(|| analysis.start.date_naive()),
        set: Set::of(&analysis.family, analysis.direction, analysis.judged_by),
        account: event.recipient_account_id,
        entity: canonical(&analysis.family, &analysis.entity),
        family: analysis.family,
        direction: analysis.direction,
        start: analysis.start,
        end: analysis.end,
        told_end: analysis.end,
        is_open: state == "Start",
        incident: analysis.incident.as_ref().and_then(text_or_id),
        numbers,
        attributions: Some(attributions),
    }
}
