//! An insight to test with: one API called too often, by one user from one address.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::detect::{Direction, Model};
use crate::insight::meaning::attack::attacks;
use crate::insight::{
    Actor, Attribute, Attribution, IncidentPart, Insight, InsightType, Life, Measured, Severity, Share,
};
use crate::rollup::Family;

/// What an attacker may write into a field that he chooses.
pub(crate) const HOSTILE: &str = "=cmd|' /C calc'!A0<script>alert(1)</script>";

/// The insight; its user agent is [`HOSTILE`].
pub(crate) fn rate() -> Insight {
    let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let attribution = |attribute, value: &str| Attribution {
        attribute,
        insight: vec![Share { average: 20.4, value: value.to_owned() }],
        baseline: None,
        broad: false,
        most: false,
    };
    let insight = Insight {
        id: Uuid::from_u128(7),
        insight_type: InsightType::ApiCallRateInsight,
        date: NaiveDate::from_ymd_opt(2026, 1, 29).unwrap(),
        account: "1599000000000001".to_owned(),
        region: "cn-hangzhou".to_owned(),
        object: "GetObject".to_owned(),
        family: Family::Api,
        entity: "Oss/GetObject".to_owned(),
        fields: vec!["Oss".to_owned(), "GetObject".to_owned()],
        direction: Direction::Up,
        model: Some(Model::Seasonal),
        reason: None,
        start: moment("2026-01-29T11:40:00Z"),
        end: moment("2026-01-29T11:50:00Z"),
        ended: true,
        measured: Measured {
            observed: 204,
            errors: 3,
            expected: 2.5,
            expected_lower: 0,
            expected_upper: 9,
            ln_p: -110.5,
            ln_q: Some(-100.25),
            score: 98.5,
            baseline_average: 0.04,
            days_known: 28,
            days_hidden: 0,
        },
        severity: Severity::High,
        attributions: vec![
            attribution(Attribute::Principal, "user/2389"),
            attribution(Attribute::AccessKey, "LTAI5tEXAMPLE"),
            attribution(Attribute::SourceAddress, "203.0.113.77"),
            attribution(Attribute::UserAgent, HOSTILE),
            attribution(Attribute::ErrorCode, "null"),
            attribution(Attribute::Region, "cn-hangzhou"),
        ],
        examples: vec!["A5A4BB74-1".to_owned(), "A5A4BB74-2".to_owned()],
        actor: Some(Actor { kind: "user".to_owned(), id: "2389".to_owned(), name: Some("svc-25".to_owned()) }),
        names: [("user/2389".to_owned(), "svc-25".to_owned())].into(),
        principal_arns: std::collections::BTreeMap::new(),
        attacks: Vec::new(),
        places: Vec::new(),
        sentence: "Oss/GetObject was called 204 times".to_owned(),
        next_query: "insights query EVENTS --event GetObject".to_owned(),
        life: Life { nights: 1, ..Life::default() },
        incident: IncidentPart { id: Uuid::from_u128(8), rank: 1, parts: 1, culprit: None },
        concerns: Vec::new(),
        changed: Vec::new(),
        new_company: None,
    };
    Insight { attacks: attacks(&insight), ..insight }
}
