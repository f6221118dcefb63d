//! An insight in CloudTrail's dialect: `AwsCloudTrailInsight`.
//!
//! Consumers of CloudTrail Insights find every field where they expect it. The vendor has two types only, `ApiCallRateInsight` and
//! `ApiErrorRateInsight`, both about one API; the others are written under their own type name, with the API that most of their
//! calls went to, or `*` where there is no such API. An event names a principal by its identifier, for audit events rarely tell
//! its ARN: it stands under `principalId`, and under `userIdentityArn` only where it is one.

use serde_json::{Value, json};

use super::{BASELINE_MINUTES, Maker, analysis, attribution, event_id, event_time, states, upper};
use crate::insight::{Attribution, Cloud, Insight, InsightType, Share};

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
        "sharedEventID": upper(insight.id),
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
                "baseline": { "average": insight.baseline_average },
                "insight": { "average": insight.average() },
                "insightDuration": insight.minutes(),
                "baselineDuration": BASELINE_MINUTES,
            },
            "attributions": insight.attributions.iter().map(|found| attribution(attribute(found), found)).collect::<Vec<_>>(),
        },
        "analysis": analysis(insight, maker),
    })
}

/// The event source and the event name.
fn api(insight: &Insight) -> (String, String) {
    let leading = match insight.attribution("apiRelated") {
        None => insight.apis().into_iter().next(),
        Some(found) => {
            let speaks_for_all = |share: &&Share| insight.speaks_for_all(share);
            found.busiest().filter(speaks_for_all).map(|share| share.value.as_str())
        }
    };
    let Some((service, name)) = leading.and_then(|api| api.split_once('/')) else {
        return (ANY.to_owned(), ANY.to_owned());
    };
    (Cloud::of(insight).service_host(service), name.to_owned())
}

/// The attribute's name in this dialect.
fn attribute(found: &Attribution) -> &'static str {
    let is_arn = found.insight.first().is_some_and(|share| share.value.starts_with("arn:"));
    match found.attribute {
        "principalId" if is_arn => "userIdentityArn",
        "sourceIpAddress" => "sourceIPAddress",
        "apiRelated" => "eventName",
        "acsRegion" => "awsRegion",
        other => other,
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
    fn an_insight_about_no_api_names_none() {
        let share = |average, value: &str| crate::insight::Share { average, value: value.to_owned() };
        let mut insight = Insight { family: crate::rollup::Family::AccessKey, attributions: Vec::new(), ..rate() };
        assert_eq!(api(&insight), ("*".to_owned(), "*".to_owned()));
        insight.attributions = vec![Attribution {
            attribute: "apiRelated",
            insight: vec![share(10.4, "ecs/RunInstances"), share(10.0, "ecs/DescribeInstances")],
            ..Attribution::default()
        }];
        assert_eq!(api(&insight).1, "*");
        insight.attributions[0].insight[0].average = 20.0;
        assert_eq!(api(&insight), ("ecs.aliyuncs.com".to_owned(), "RunInstances".to_owned()));
        insight.attributions[0].insight.reverse();
        assert_eq!(api(&insight).1, "RunInstances", "the most telling need not have the most calls");
    }
}
