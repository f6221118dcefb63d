//! Insights as members of correlations: what each is about, under the names that rules group by.

use std::collections::BTreeMap;

use crate::insight::{Attribute, Attribution, Insight};
use crate::rollup::Family;
use crate::rules::InsightInput;

/// Attributes with the column that holds their values.
const ATTRIBUTES: [(Attribute, &str); 4] = [
    (Attribute::AccessKey, "access_key_id"),
    (Attribute::SourceAddress, "source_ip_address"),
    (Attribute::Principal, "insights.principal"),
    (Attribute::ErrorCode, "error_code"),
];
/// The vendor's word for no error.
const NONE: &str = "null";

/// An insight as correlations see it.
pub(super) fn member(insight: &Insight) -> InsightInput {
    let mut keys = BTreeMap::new();
    let mut tell = |name: &str, value: &str| {
        if !value.is_empty() && value != NONE {
            keys.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    };
    ["account_id", "recipient_account_id"].iter().for_each(|name| tell(name, &insight.account));
    match insight.family {
        Family::SourceIp => tell("source_ip_address", &insight.object),
        Family::AccessKey => tell("access_key_id", &insight.object),
        Family::Principal => tell("insights.principal", &insight.entity),
        _ => {}
    }
    if let [api] = insight.apis().as_slice() {
        let (service, name) = insight.own_api().or_else(|| api.split_once('/')).unwrap_or(("", api));
        ["service_name", "event_source"].iter().for_each(|column| tell(column, service));
        tell("event_name", name);
    }
    if let Some(actor) = &insight.actor {
        tell("insights.principal", &format!("{}/{}", actor.kind, actor.id));
        tell("principal_id", &actor.id);
        ["user_name", InsightInput::USER_NAME]
            .iter()
            .for_each(|name| tell(name, actor.name.as_deref().unwrap_or_default()));
    }
    for (attribute, column) in ATTRIBUTES {
        let busiest = insight.attribution(attribute).and_then(Attribution::busiest);
        if let Some(share) = busiest.filter(|share| insight.speaks_for_all(share)) {
            tell(column, &share.value);
        }
    }
    let kind = insight.insight_type.name().to_owned();
    InsightInput { kind, time: insight.start.timestamp_millis(), id: insight.id.to_string(), keys }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::InsightType;
    use crate::insight::example::rate;

    #[test]
    fn an_insight_tells_what_it_is_about_and_who_made_most_of_its_calls() {
        let found = member(&rate());
        let told: Vec<(&str, &str)> = found.keys.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        for pair in [
            ("access_key_id", "LTAI5tEXAMPLE"),
            ("event_name", "GetObject"),
            ("insights.principal", "user/2389"),
            ("recipient_account_id", "1599000000000001"),
            ("source_ip_address", "203.0.113.77"),
            ("user_name", "svc-25"),
        ] {
            assert!(told.contains(&pair), "{pair:?} is not in {told:?}");
        }
        assert!(found.keys.keys().all(|name| InsightInput::TOLD.contains(&name.as_str())), "{told:?}");
    }

    #[test]
    fn correlations_know_every_type() {
        use InsightType::{
            AkInsight, ApiCallRateInsight, ApiErrorRateInsight, IpInsight, PasswordChangeInsight, PolicyChangeInsight,
            PrincipalInsight, TrailConcealmentInsight,
        };
        let types = [
            TrailConcealmentInsight,
            PolicyChangeInsight,
            PasswordChangeInsight,
            ApiCallRateInsight,
            ApiErrorRateInsight,
            IpInsight,
            AkInsight,
            PrincipalInsight,
        ];
        assert_eq!(types.map(InsightType::name), InsightInput::KINDS);
    }

    #[test]
    fn the_object_goes_before_what_is_attributed() {
        let insight = Insight {
            insight_type: InsightType::AkInsight,
            family: Family::AccessKey,
            object: "LTAI5tOTHER".to_owned(),
            ..rate()
        };
        assert_eq!(member(&insight).keys["access_key_id"], "LTAI5tOTHER");
    }

    #[test]
    fn a_value_of_a_few_calls_does_not_speak_for_all() {
        let mut insight = rate();
        insight.attributions.iter_mut().flat_map(|found| &mut found.insight).for_each(|share| share.average = 1.0);
        assert!(!member(&rate()).keys.contains_key("error_code"), "no error is no error code");
        assert!(!member(&insight).keys.contains_key("access_key_id"));
    }
}
