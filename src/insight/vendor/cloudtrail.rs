//! An insight in CloudTrail's dialect: `AwsCloudTrailInsight`.
//!
//! Consumers of CloudTrail Insights find every field where they expect it. The vendor has two types only, `ApiCallRateInsight` and
//! `ApiErrorRateInsight`, both about one API; the others are written under their own type name, with their own API, the one that all of
//! their calls went to, or the most telling; `*` stands where nobody knows. Principals are named by their ARNs under `userIdentityArn`,
//! where events tell these, and where they do not for all of them by their identifiers under `principalId`.

use serde_json::{Value, json};

use super::{BASELINE_MINUTES, Maker, analysis, attribution, bare, event_id, event_time, states, written};
use crate::insight::{Attribute, Attribution, Cloud, Insight, InsightType, Share};

/// What stands for an API or a source where there is not one.
const ANY: &str = "*";

/// The events of an insight: its start and, if it is over, its end.
pub fn events(insight: &Insight, maker: Maker<'_>) -> Vec<Value> {
    states(insight).iter().map(|state| event(insight, state, maker)).collect()
}

fn event(insight: &Insight, state: &str, maker: Maker<'_>) -> Value {
    let mut event = json!({
        "eventVersion": "1.09",
        "eventTime": event_time(insight, state),
        "awsRegion": insight.region,
        "eventID": event_id(insight, state),
        "eventType": "AwsCloudTrailInsight",
        "recipientAccountId": insight.account,
        "sharedEventID": insight.id,
        "eventCategory": "Insight",
        "insightDetails": details(insight, state, maker),
    });
    if insight.insight_type == InsightType::ApiErrorRateInsight {
        event["insightDetails"]["errorCode"] = json!(insight.object);
    }
    event
}

fn details(insight: &Insight, state: &str, maker: Maker<'_>) -> Value {
    let (source, name) = api(insight);
    json!({
        "state": state,
        "eventSource": source,
        "eventName": name,
        "insightType": insight.insight_type.name(),
        "insightObject": insight.object,
        "insightContext": {
            "statistics": {
                "baseline": { "average": insight.measured.baseline_average },
                "insight": { "average": insight.average() },
                "insightDuration": insight.minutes(),
                "baselineDuration": BASELINE_MINUTES,
            },
            "attributions": insight.attributions.iter().flat_map(|found| in_dialect(insight, found)).collect::<Vec<_>>(),
        },
        "analysis": analysis(insight, maker),
    })
}

/// The event source and the event name.
fn api(insight: &Insight) -> (String, String) {
    let host = |service: &str| Cloud::of(insight).service_host(service);
    if let Some((service, name)) = insight.own_api() {
        return (host(service), name.to_owned());
    }
    let apis = insight.apis().into_iter().filter_map(|api| api.split_once('/'));
    let apis: Vec<(String, &str)> = apis.map(|(service, name)| (host(service), name)).collect();
    let is_shared = apis.iter().all(|(service, _)| *service == apis[0].0);
    let is_broad = insight.attribution(Attribute::Api).is_some_and(|found| found.broad);
    match apis.first() {
        Some((service, name)) if apis.len() == 1 || !is_broad => (service.clone(), (*name).to_owned()),
        Some((service, _)) if is_shared => (service.clone(), ANY.to_owned()),
        _ => (ANY.to_owned(), ANY.to_owned()),
    }
}

/// An attribution as this dialect has it. Principals stand by their ARNs, if any is known, and by their identifiers unless all are.
fn in_dialect(insight: &Insight, found: &Attribution) -> Vec<Value> {
    let by_id = attribution(attribute(found.attribute), found);
    if found.attribute != Attribute::Principal {
        return vec![by_id];
    }
    let arn = |share: &Share| {
        let value = insight.principal_arns.get(bare(&share.value))?.clone();
        Some(Share { value, ..share.clone() })
    };
    let named = |shares: &Vec<Share>| shares.iter().filter_map(arn).collect::<Vec<_>>();
    let by_arn =
        Attribution { insight: named(&found.insight), baseline: found.baseline.as_ref().map(named), ..found.clone() };
    let shares = |found: &Attribution| found.insight.len() + found.baseline.as_ref().map_or(0, Vec::len);
    let arns = (!by_arn.insight.is_empty()).then(|| written("userIdentityArn", &by_arn, |arn| arn));
    let is_complete = arns.is_some() && shares(&by_arn) == shares(found);
    arns.into_iter().chain((!is_complete).then_some(by_id)).collect()
}

/// The attribute's name in this dialect.
fn attribute(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::SourceAddress => "sourceIPAddress",
        Attribute::Api => "eventName",
        Attribute::Region => "awsRegion",
        other => other.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::example::rate;

    #[test]
    fn the_fields_are_where_the_vendor_has_them() {
        let events = events(&rate(), Maker { settings: "0" });
        let [start, end] = &events[..] else { panic!("{events:?}") };
        assert_eq!(start["eventType"], "AwsCloudTrailInsight");
        assert_eq!(start["sharedEventID"], end["sharedEventID"]);
        assert_ne!(start["eventID"], end["eventID"]);
        assert_eq!(start["insightDetails"]["eventSource"], "oss.aliyuncs.com");
        assert_eq!(start["insightDetails"]["eventName"], "GetObject");
        assert_eq!(end["eventTime"], "2026-01-29T11:50:00Z");
        assert_eq!(end["insightDetails"]["state"], "End");
    }

    #[test]
    fn an_insight_about_no_api_names_what_its_calls_share() {
        let share = |average, value: &str| Share { average, value: value.to_owned() };
        let mut insight = Insight { family: crate::rollup::Family::AccessKey, attributions: Vec::new(), ..rate() };
        assert_eq!(api(&insight), ("*".to_owned(), "*".to_owned()));
        insight.attributions = vec![Attribution {
            attribute: Attribute::Api,
            insight: vec![share(10.4, "ecs/RunInstances"), share(10.0, "ecs/DescribeInstances")],
            baseline: None,
            broad: false,
            most: false,
        }];
        let ecs = |name: &str| ("ecs.aliyuncs.com".to_owned(), name.to_owned());
        assert_eq!(api(&insight), ecs("RunInstances"), "the most telling");
        insight.attributions[0].broad = true;
        assert_eq!(api(&insight), ecs("*"), "all share the service");
        insight.attributions[0].insight[1].value = "Oss/GetObject".to_owned();
        assert_eq!(api(&insight), ("*".to_owned(), "*".to_owned()));
        insight.attributions[0].insight.truncate(1);
        assert_eq!(api(&insight), ecs("RunInstances"));
    }

    #[test]
    fn principals_go_by_their_arns_where_these_are_known() {
        let mut insight = rate();
        let named = |insight: &Insight| -> Vec<(Value, Vec<Value>)> {
            let told = in_dialect(insight, &insight.attributions[0]);
            let values =
                |told: &Value| told["insight"].as_array().unwrap().iter().map(|own| own["value"].clone()).collect();
            told.iter().map(|told| (told["attribute"].clone(), values(told))).collect()
        };
        insight.attributions[0].baseline = None;
        assert_eq!(named(&insight), [(json!("principalId"), vec![json!("2389")])]);
        let arn = "arn:aws:iam::123456789012:user/svc-25";
        insight.principal_arns = [("2389".to_owned(), arn.to_owned())].into();
        assert_eq!(named(&insight), [(json!("userIdentityArn"), vec![json!(arn)])]);
        let other = Share { average: 0.1, value: "user/7".to_owned() };
        insight.attributions[0].insight.push(other);
        let both =
            [(json!("userIdentityArn"), vec![json!(arn)]), (json!("principalId"), vec![json!("2389"), json!("7")])];
        assert_eq!(named(&insight), both, "no identifier among ARNs, and none left out");
    }
}
