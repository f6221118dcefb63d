//! What every insight begins as: whom it is about, and what the events told at once. What was measured is laid over it, and what all of
//! it means is filled in by [`complete`](crate::insight::meaning::complete::complete).

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use uuid::Uuid;

use crate::detect::Direction;
use crate::insight::attribute::Attribute;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::investigate::top;
use crate::insight::{IncidentPart, Insight, InsightType, Life, Measured};
use crate::rollup::Family;
use crate::severity::Severity;

/// The namespace of insight ids; any fixed value does.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f0c_6d0a_54a1_4c7b_9d55_1f2e_7a31_c6e4);

/// What an insight is about.
pub(super) struct Subject {
    pub(super) id: Uuid,
    pub(super) insight_type: InsightType,
    pub(super) account: String,
    pub(super) family: Family,
    /// The fields of its key after the account, the service as it is spelled.
    pub(super) fields: Vec<String>,
    pub(super) object: String,
}

impl Subject {
    /// An insight of which nothing is measured but the events: a rise, over at the midnight at which it began.
    pub(super) fn draft(self, evidence: &Evidence, date: NaiveDate) -> Insight {
        let Self { id, insight_type, account, family, fields, object } = self;
        Insight {
            id,
            insight_type,
            date,
            account,
            region: region(evidence),
            object,
            family,
            entity: fields.join("/"),
            fields,
            direction: Direction::Up,
            model: None,
            reason: None,
            start: moment(date, 0),
            end: moment(date, 0),
            ended: true,
            measured: Measured::counted(evidence),
            severity: Severity::Informational,
            attributions: Vec::new(),
            examples: evidence.examples.iter().map(|(_, id)| id.clone()).collect(),
            actor: None,
            names: BTreeMap::new(),
            principal_arns: evidence.principal_arns.clone(),
            attacks: Vec::new(),
            places: Vec::new(),
            sentence: String::new(),
            next_query: String::new(),
            life: Life::default(),
            incident: IncidentPart::default(),
            concerns: Vec::new(),
            changed: Vec::new(),
            new_company: None,
        }
    }
}

/// An id that depends only on what the episode is, so that a re-run finds the same.
pub(in crate::insight) fn id(
    insight_type: InsightType,
    account: &str,
    entity: &str,
    date: NaiveDate,
    more: &str,
) -> Uuid {
    let name = [insight_type.name(), account, entity, &date.to_string(), more].join("\u{0}");
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

pub(super) fn rate_type(family: Family) -> InsightType {
    match family {
        Family::ApiError => InsightType::ApiErrorRateInsight,
        Family::SourceIp => InsightType::IpInsight,
        Family::AccessKey => InsightType::AkInsight,
        Family::Principal => InsightType::PrincipalInsight,
        _ => InsightType::ApiCallRateInsight,
    }
}

pub(in crate::insight) fn moment(date: NaiveDate, minutes: i64) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc() + Duration::minutes(minutes)
}

pub(in crate::insight) fn region(evidence: &Evidence) -> String {
    top(&evidence.values[Attribute::Region], 1).first().map_or(String::new(), |(region, _)| (*region).to_owned())
}
