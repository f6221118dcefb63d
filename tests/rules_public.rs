//! The constructs that the public AWS rules use, each in a rule of our own with an event that it matches and a close one that it does not.
//!
//! What the 57 rules about CloudTrail in the public collection are made of: a map of fields (equal texts, lists of texts, null); the
//! modifiers `contains` (a word, `*`, a word with wildcards), `contains|all`, `startswith`, `re` and `fieldref`; a list of maps; fields
//! at the top, nested, in arrays of objects, whole objects, and one that no event has; the eleven forms of condition below.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use insights::rules::example::evaluate_records;
use insights::rules::parse::parse_text;
use insights::rules::{Program, RuleSet, RuleSettings};
use serde_json::{Value, json};

/// A detection, an event that it matches, and one that it does not.
type Case = (&'static str, Value, Value);

/// Whether a rule with this detection matches a CloudTrail event with these fields beside the required ones.
fn matches(detection: &str, fields: &Value) -> bool {
    let mut event = json!({
        "eventTime": "2026-01-05T10:00:00Z", "eventName": "PutThing", "eventSource": "thing.amazonaws.com",
        "awsRegion": "eu-west-1", "eventID": "e1"
    });
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let rule = format!(
        "title: t\nid: t\nlogsource:\n  product: aws\n  service: cloudtrail\ndetection:\n  {}\n",
        detection.replace('\n', "\n  ")
    );
    let settings = RuleSettings::default();
    let set = RuleSet::link(vec![parse_text("t.yml", &rule, &settings)], &settings);
    assert!(set.refusals().is_empty(), "{detection}\n{:?}", set.refusals());
    !evaluate_records(&Program::compile(&set), &settings, &[event.to_string()]).unwrap().is_empty()
}

#[track_caller]
fn check(cases: &[Case]) {
    for (detection, yes, no) in cases {
        assert!(matches(detection, yes), "{detection}\nshould match {yes}");
        assert!(!matches(detection, no), "{detection}\nshould not match {no}");
    }
}

/// One selection of these fields.
fn check_fields(cases: &[Case]) {
    for (fields, yes, no) in cases {
        let detection = format!("selection:\n  {}\ncondition: selection", fields.replace('\n', "\n  "));
        assert!(matches(&detection, yes), "{fields}\nshould match {yes}");
        assert!(!matches(&detection, no), "{fields}\nshould not match {no}");
    }
}

#[test]
fn values() {
    check_fields(&[
        (
            "eventSource: thing.amazonaws.com\neventName: PutThing",
            json!({}),
            json!({"eventSource": "other.amazonaws.com"}),
        ),
        ("eventName:\n  - GetThing\n  - PutThing", json!({}), json!({"eventName": "DeleteThing"})),
        ("eventName: PutThing\nerrorCode: null", json!({}), json!({"errorCode": "AccessDenied"})),
        (
            "userAgent|contains: 'Tool/${version}'",
            json!({"userAgent": "a Tool/${version} b"}),
            json!({"userAgent": "Tool/1"}),
        ),
        ("errorMessage|contains: '*'", json!({"errorMessage": "no such thing"}), json!({})),
        ("userAgent|contains: 'OS*kali'", json!({"userAgent": "x OS/6.1 Kali y"}), json!({"userAgent": "kali OS"})),
        (
            "requestParameters|contains|all:\n  - '\"s3:Get*\"'\n  - '\"Principal\":\"\\*\"'",
            json!({"requestParameters": {"policy": {"Action": "s3:GetObject", "Principal": "*"}}}),
            json!({"requestParameters": {"policy": {"Action": "s3:GetObject", "Principal": "me"}}}),
        ),
        (
            "eventName|startswith: PutThing",
            json!({"eventName": "PutThing20150331v2"}),
            json!({"eventName": "XPutThing"}),
        ),
        (
            "userIdentity.arn|re: '.+:assumed-role/thing:.+'",
            json!({"userIdentity": {"arn": "arn:aws:sts::1:assumed-role/thing:role/i-0a"}}),
            json!({"userIdentity": {"arn": "arn:aws:sts::1:assumed-role/other/i-0a"}}),
        ),
        (
            "userIdentity.arn|fieldref: requestParameters.userName",
            json!({"userIdentity": {"arn": "bob"}, "requestParameters": {"userName": "Bob"}}),
            json!({"userIdentity": {"arn": "bob"}, "requestParameters": {"userName": "eve"}}),
        ),
    ]);
}

#[test]
fn where_fields_lie() {
    check_fields(&[
        (
            "userIdentity.type: Root\neventType: AwsServiceEvent",
            json!({"userIdentity": {"type": "Root"}, "eventType": "AwsServiceEvent"}),
            json!({"userIdentity": {"type": "Root"}}),
        ),
        (
            "additionalEventData.MFAUsed: 'NO'\nresponseElements.ConsoleLogin: Success",
            json!({"additionalEventData": {"MFAUsed": "No"}, "responseElements": {"ConsoleLogin": "Success"}}),
            json!({"additionalEventData": {"MFAUsed": "No"}, "responseElements": {"ConsoleLogin": "Failure"}}),
        ),
        (
            "requestParameters.enable: 'false'",
            json!({"requestParameters": {"enable": false}}),
            json!({"requestParameters": {"enable": true}}),
        ),
        (
            "responseElements.public: 'true'",
            json!({"responseElements": {"public": true}}),
            json!({"responseElements": {"public": "no"}}),
        ),
        (
            "responseElements.pending.values.password|contains: '*'",
            json!({"responseElements": {"pending": {"values": {"password": "****"}}}}),
            json!({"responseElements": {"pending": {"values": {"size": 3}}}}),
        ),
        (
            "requestParameters.definitions.command|contains: 'AWS_X'",
            json!({"requestParameters": {"definitions": [{"name": "a"}, {"command": ["sh", "curl $AWS_X"]}]}}),
            json!({"requestParameters": {"definitions": [{"command": ["sh"]}], "command": "AWS_X"}}),
        ),
        (
            "requestParameters.layers|contains: '*'",
            json!({"requestParameters": {"layers": ["arn:x"]}}),
            json!({"requestParameters": {"layers": []}}),
        ),
        (
            "requestParameters.layers|contains: '*'",
            json!({"requestParameters": {"layers": [{"arn": "x"}]}}),
            json!({"requestParameters": {}}),
        ),
        (
            "requestParameters|contains: Suspended",
            json!({"requestParameters": {"Configuration": {"Status": "Suspended"}}}),
            json!({"requestParameters": {"Configuration": {"Status": "Enabled"}}}),
        ),
        (
            "userIdentity.sessionContext.sessionIssuer.type: Role",
            json!({"userIdentity": {"sessionContext": {"sessionIssuer": {"type": "Role"}}}}),
            json!({"userIdentity": {"type": "Role"}}),
        ),
        (
            "sourceIPAddress|contains: '.'",
            json!({"sourceIPAddress": "192.0.2.1"}),
            json!({"sourceIPAddress": "AWS Internal"}),
        ),
        ("status: 'success'", json!({"status": "success"}), json!({})),
    ]);
}

#[test]
fn conditions() {
    let filtered = "selection:\n  eventName: PutThing\nfilter_main_service:\n  userAgent: console\nfilter_main_failed:\n  errorCode|contains: '*'\ncondition: ";
    let statuses = "selection_event:\n  eventName: PutThing\nselection_status_error:\n  errorCode: AccessDenied\nselection_status_text:\n  errorMessage|contains: denied\ncondition: ";
    let with =
        |head: &str, condition: &str| -> &'static str { Box::leak(format!("{head}{condition}").into_boxed_str()) };
    check(&[
        ("selection:\n  eventName: PutThing\ncondition: selection", json!({}), json!({"eventName": "X"})),
        (
            "selection_source:\n  - eventName: X\n  - eventName: PutThing\n    errorCode: null\ncondition: selection_source",
            json!({}),
            json!({"errorCode": "x"}),
        ),
        (
            with(filtered, "selection and not 1 of filter_main_*"),
            json!({"userAgent": "cli"}),
            json!({"userAgent": "console"}),
        ),
        (with(filtered, "selection and not 1 of filter*"), json!({}), json!({"errorCode": "x"})),
        (
            with(filtered, "selection and not filter_main_service"),
            json!({"errorCode": "x"}),
            json!({"userAgent": "Console"}),
        ),
        (
            with(statuses, "selection_event and 1 of selection_status_*"),
            json!({"errorMessage": "was denied"}),
            json!({}),
        ),
        (
            "selection_source:\n  eventSource: thing.amazonaws.com\nselection_action_a:\n  eventName: PutThing\nselection_action_b:\n  eventName: X\nselection_status_a:\n  errorCode: null\ncondition: selection_source and 1 of selection_action_* and 1 of selection_status_*",
            json!({}),
            json!({"errorCode": "x"}),
        ),
        (
            "selection_user:\n  userIdentity.type: Root\nselection_event:\n  eventType: AwsServiceEvent\ncondition: selection_user and not selection_event",
            json!({"userIdentity": {"type": "Root"}, "eventType": "AwsApiCall"}),
            json!({"userIdentity": {"type": "Root"}, "eventType": "AwsServiceEvent"}),
        ),
        (
            with(statuses, "1 of selection_*"),
            json!({"eventName": "X", "errorCode": "AccessDenied"}),
            json!({"eventName": "X"}),
        ),
    ]);
}
