//! Log records made by hand, as CloudTrail writes them, and their way into partitions.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::insights;

pub(crate) const ACCOUNT: &str = "111122223333";

pub(crate) fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A call by user alice from one address.
#[allow(clippy::needless_pass_by_value, reason = "parameters are made for the call")]
pub(crate) fn call(time: DateTime<Utc>, source: &str, name: &str, parameters: Value) -> Value {
    json!({
        "eventID": format!("{source}-{name}-{}", time.timestamp_millis()),
        "eventTime": time.to_rfc3339(),
        "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name,
        "eventType": "AwsApiCall",
        "eventVersion": "1.08",
        "readOnly": false,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.15",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLEALICE",
            "arn": format!("arn:aws:iam::{ACCOUNT}:user/alice"),
            "accountId": ACCOUNT,
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
            "userName": "alice",
        },
        "recipientAccountId": ACCOUNT,
        "requestParameters": parameters,
    })
}

/// A sign-in to the console that failed.
pub(crate) fn failed_sign_in(time: DateTime<Utc>, user: &str, address: &str) -> Value {
    json!({
        "eventID": format!("signin-{user}-{}", time.timestamp_millis()),
        "eventTime": time.to_rfc3339(),
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "eventType": "AwsConsoleSignIn",
        "eventVersion": "1.08",
        "readOnly": false,
        "awsRegion": "us-east-1",
        "sourceIPAddress": address,
        "userAgent": "Mozilla/5.0",
        "userIdentity": { "type": "IAMUser", "accountId": ACCOUNT, "userName": user },
        "recipientAccountId": ACCOUNT,
        "responseElements": { "ConsoleLogin": "Failure" },
        "additionalEventData": { "MFAUsed": "No" },
        "errorMessage": "Failed authentication",
    })
}

/// Puts records into the partitions of a folder.
pub(crate) fn import(records: &[Value], events: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("log.json");
    fs::write(&logs, json!({ "Records": records }).to_string()).unwrap();
    insights(["import", logs.to_str().unwrap(), "--out", events.to_str().unwrap(), "--quiet"]).expect_code(0);
}

/// The alerts that a state directory holds of a day.
pub(crate) fn alerts(state: &Path, date: &str) -> Vec<Value> {
    let path = state.join("alerts").join(format!("date={date}")).join("alerts.jsonl");
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The alerts of a rule among others.
pub(crate) fn of_rule<'a>(alerts: &'a [Value], title: &str) -> Vec<&'a Value> {
    alerts.iter().filter(|alert| alert["rule"] == title).collect()
}
