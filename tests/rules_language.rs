//! What the rule language means on events: every construct with an event that it matches and a close one that it does not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use insights::rules::example::{evaluate_records, fired};
use insights::rules::parse::parse_text;
use insights::rules::settings::RawRules;
use insights::rules::{Program, RuleSet, RuleSettings};
use serde_json::{Value, json};

/// The set of some rule files' text; all of them can be used.
#[track_caller]
fn rules(texts: &[&str], settings: &RuleSettings) -> RuleSet {
    let parsed = texts.iter().enumerate().map(|(at, text)| parse_text(&format!("{at}.yml"), text, settings)).collect();
    let set = RuleSet::link(parsed, settings);
    assert!(set.refusals().is_empty(), "{:?}", set.refusals());
    set
}

fn cloudtrail(detection: &str) -> String {
    format!("title: t\nid: t\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n{detection}\n")
}

/// A CloudTrail event with these fields beside the required ones.
fn event(fields: Value) -> String {
    let mut event = json!({
        "eventTime": "2026-01-05T10:00:00Z", "eventName": "CreateUser", "eventSource": "iam.amazonaws.com",
        "awsRegion": "eu-west-1", "eventID": "e1"
    });
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    event.as_object_mut().unwrap().extend(fields);
    event.to_string()
}

fn matches(detection: &str, fields: Value, settings: &RuleSettings) -> bool {
    let set = rules(&[&cloudtrail(detection)], settings);
    !evaluate_records(&Program::compile(&set), settings, &[event(fields)]).unwrap().is_empty()
}

/// A detection, fields of an event that it matches, fields of an event that it does not.
#[track_caller]
fn check(cases: &[(&str, Value, Value)]) {
    let settings = RuleSettings::default();
    for (detection, yes, no) in cases {
        assert!(matches(detection, yes.clone(), &settings), "{detection}\nshould match {yes}");
        assert!(!matches(detection, no.clone(), &settings), "{detection}\nshould not match {no}");
    }
}

/// A single selection of these fields.
fn selection(fields: &str) -> String {
    format!("  selection:\n    {}\n  condition: selection", fields.replace('\n', "\n    "))
}

#[track_caller]
fn check_selections(cases: &[(&str, Value, Value)]) {
    for (fields, yes, no) in cases {
        check(&[(&selection(fields), yes.clone(), no.clone())]);
    }
}

#[test]
fn values_and_wildcards() {
    check_selections(&[
        ("eventName: createuser", json!({}), json!({"eventName": "CreateUsers"})),
        ("eventName: [PutX, Create*]", json!({}), json!({"eventName": "DeleteX"})),
        ("eventName: Create?ser", json!({}), json!({"eventName": "CreateXuser"})),
        (r"userAgent: 'a\*b'", json!({"userAgent": "a*b"}), json!({"userAgent": "axb"})),
        ("userAgent: 'x*y'", json!({"userAgent": "x\ny"}), json!({"userAgent": "x\nz"})),
        (
            "requestParameters.size: 15",
            json!({"requestParameters": {"size": 15}}),
            json!({"requestParameters": {"size": 150}}),
        ),
        (
            "requestParameters.size: 15",
            json!({"requestParameters": {"size": "15"}}),
            json!({"requestParameters": {"size": "x15"}}),
        ),
        (
            "requestParameters.size: '1*'",
            json!({"requestParameters": {"size": 15}}),
            json!({"requestParameters": {"size": 51}}),
        ),
        (
            "requestParameters.on: true",
            json!({"requestParameters": {"on": "True"}}),
            json!({"requestParameters": {"on": false}}),
        ),
        (
            "requestParameters.on: 'TRUE'",
            json!({"requestParameters": {"on": true}}),
            json!({"requestParameters": {"on": "yes"}}),
        ),
        (
            "userIdentity.accountId: 123456789012345678",
            json!({"userIdentity": {"accountId": "123456789012345678"}}),
            json!({"userIdentity": {"accountId": "123456789012345679"}}),
        ),
    ]);
}

#[test]
fn absence() {
    check_selections(&[
        ("errorCode: null", json!({}), json!({"errorCode": "x"})),
        ("errorCode: null", json!({"errorCode": null}), json!({"errorCode": ""})),
        (
            "requestParameters.a: null",
            json!({"requestParameters": {"a": null}}),
            json!({"requestParameters": {"a": [null, 1]}}),
        ),
        (
            "requestParameters.a|exists: true",
            json!({"requestParameters": {"a": []}}),
            json!({"requestParameters": {"a": null}}),
        ),
        ("requestParameters.a|exists: false", json!({"requestParameters": {}}), json!({"requestParameters": {"a": 0}})),
        ("errorCode|contains: '*'", json!({"errorCode": ""}), json!({})),
        (
            "requestParameters.a|contains: '*'",
            json!({"requestParameters": {"a": ["x"]}}),
            json!({"requestParameters": {"a": []}}),
        ),
        (
            "requestParameters.a|contains: '*'",
            json!({"requestParameters": {"a": [{"b": 1}]}}),
            json!({"requestParameters": {"a": null}}),
        ),
        ("requestParameters.a|neq: 1", json!({"requestParameters": {"a": 2}}), json!({"requestParameters": {"a": 1}})),
        ("requestParameters.a|neq: 1", json!({"requestParameters": {"a": "x"}}), json!({"requestParameters": {}})),
        (
            "requestParameters.a|neq: [1, 2]",
            json!({"requestParameters": {"a": 3}}),
            json!({"requestParameters": {"a": 2}}),
        ),
    ]);
}

#[test]
fn parts_of_texts() {
    check_selections(&[
        ("userAgent|contains: BOTO", json!({"userAgent": "x boto3"}), json!({"userAgent": "bot"})),
        ("userAgent|contains|all: [a, b]", json!({"userAgent": "b a"}), json!({"userAgent": "b"})),
        ("userAgent|startswith: [aws, S3]", json!({"userAgent": "s3-x"}), json!({"userAgent": "x-s3"})),
        ("userAgent|endswith: browser", json!({"userAgent": "S3 Browser"}), json!({"userAgent": "Browser 3"})),
        ("userAgent|contains|cased: Boto", json!({"userAgent": "Boto3"}), json!({"userAgent": "boto3"})),
        ("userAgent|cased: Boto*", json!({"userAgent": "Boto3"}), json!({"userAgent": "boto3"})),
        ("userAgent|re: '^aws-.+/[0-9]{2}$'", json!({"userAgent": "aws-cli/12"}), json!({"userAgent": "AWS-cli/12"})),
        (
            "userAgent|re|i: '^aws-.+/[0-9]{2}$'",
            json!({"userAgent": "AWS-cli/12"}),
            json!({"userAgent": "AWS-cli/123"}),
        ),
        ("userAgent|re|m: '^b$'", json!({"userAgent": "a\nb\nc"}), json!({"userAgent": "ab"})),
        ("userAgent|re|s: 'a.b'", json!({"userAgent": "a\nb"}), json!({"userAgent": "ab"})),
        ("userAgent|windash|contains: ' -enc '", json!({"userAgent": "x /enc y"}), json!({"userAgent": "x +enc y"})),
        (
            "userAgent|windash|contains: ' -enc '",
            json!({"userAgent": "x \u{2014}enc y"}),
            json!({"userAgent": "x enc y"}),
        ),
    ]);
}

#[test]
fn encodings() {
    check_selections(&[
        (
            "requestParameters.d|base64: foobar",
            json!({"requestParameters": {"d": "Zm9vYmFy"}}),
            json!({"requestParameters": {"d": "foobar"}}),
        ),
        (
            "requestParameters.d|base64offset|contains: foobar",
            json!({"requestParameters": {"d": "eCBmb29iYXIgeQ=="}}),
            json!({"requestParameters": {"d": "eCBmb29iYQ=="}}),
        ),
        (
            "requestParameters.d|wide|base64|contains: ab",
            json!({"requestParameters": {"d": "xYQBiAA==x"}}),
            json!({"requestParameters": {"d": "YWI="}}),
        ),
        (
            "requestParameters.d|utf16be|base64: ab",
            json!({"requestParameters": {"d": "AGEAYg=="}}),
            json!({"requestParameters": {"d": "YQBiAA=="}}),
        ),
        (
            "requestParameters.d|utf16|base64: a",
            json!({"requestParameters": {"d": "//5hAA=="}}),
            json!({"requestParameters": {"d": "YQA="}}),
        ),
    ]);
}

#[test]
fn numbers_networks_and_other_fields() {
    let size = |size: Value| json!({"requestParameters": {"size": size}});
    check_selections(&[
        ("requestParameters.size|gt: 5", size(json!(5.5)), size(json!(5))),
        ("requestParameters.size|gte: 5", size(json!("5")), size(json!(4.9))),
        ("requestParameters.size|lt: 5", size(json!(-7)), size(json!(5))),
        ("requestParameters.size|lte: 5", size(json!(5)), size(json!("many"))),
        (
            "sourceIPAddress|cidr: 10.0.0.0/8",
            json!({"sourceIPAddress": "10.1.2.3"}),
            json!({"sourceIPAddress": "11.1.2.3"}),
        ),
        (
            "sourceIPAddress|cidr: [10.0.0.0/8, '2001:db8::/32']",
            json!({"sourceIPAddress": "2001:DB8::1"}),
            json!({"sourceIPAddress": "AWS Internal"}),
        ),
        ("sourceIPAddress|cidr: 10.0.0.0/8", json!({"sourceIPAddress": "::ffff:10.0.0.1"}), json!({})),
        (
            "userIdentity.userName|fieldref: requestParameters.userName",
            json!({"userIdentity": {"userName": "A"}, "requestParameters": {"userName": "a"}}),
            json!({"userIdentity": {"userName": "A"}}),
        ),
        (
            "userIdentity.arn|endswith|fieldref: requestParameters.userName",
            json!({"userIdentity": {"arn": "x/bob"}, "requestParameters": {"userName": "Bob"}}),
            json!({"userIdentity": {"arn": "x/bobby"}, "requestParameters": {"userName": "bob"}}),
        ),
    ]);
}

#[test]
fn objects_and_arrays() {
    let policy =
        json!({"requestParameters": {"policyDocument": "{\"Statement\": [{\"Effect\": \"Allow\"}]}", "userName": "u"}});
    let versioning = json!({"requestParameters": {"VersioningConfiguration": {"Status": "Suspended"}}});
    check_selections(&[
        ("requestParameters|contains: Suspended", versioning.clone(), json!({"requestParameters": {"x": "Enabled"}})),
        (
            "requestParameters|contains: '{\"Status\":\"Suspended\"}'",
            versioning,
            json!({"requestParameters": "Suspended"}),
        ),
        (
            "requestParameters|contains|all: ['\"Effect\":\"Allow\"', '\"userName\":\"u\"']",
            policy.clone(),
            json!({"requestParameters": {"Effect": "Allow"}}),
        ),
        ("requestParameters|re: '\"Effect\":\"A'", policy, json!({"requestParameters": {"Effect": "Deny"}})),
        (
            "requestParameters.items.id: b",
            json!({"requestParameters": {"items": [{"id": "a"}, {"id": "b"}]}}),
            json!({"requestParameters": {"items": [{"id": "ab"}]}}),
        ),
        (
            "requestParameters.items: b",
            json!({"requestParameters": {"items": ["a", "b"]}}),
            json!({"requestParameters": {"items": ["ab"]}}),
        ),
        ("requestParameters.a.b: 1", json!({"requestParameters": {"a.b": 1}}), json!({"requestParameters": {"a": 1}})),
        (
            "resources.ARN|startswith: 'arn:aws:s3'",
            json!({"resources": [{"ARN": "arn:aws:s3:::x"}]}),
            json!({"resources": []}),
        ),
        (
            "userIdentity.sessionContext.sessionIssuer.type: Role",
            json!({"userIdentity": {"sessionContext": {"sessionIssuer": {"type": "Role"}}}}),
            json!({"userIdentity": {"type": "Role"}}),
        ),
        (
            "responseElements.ConsoleLogin: Success",
            json!({"responseElements": {"ConsoleLogin": "Success"}}),
            json!({"responseElements": {"ConsoleLogin": "Failure"}}),
        ),
        (
            "additionalEventData.MFAUsed: 'No'",
            json!({"additionalEventData": {"MFAUsed": "No"}}),
            json!({"additionalEventData": {"MFAUsed": "Yes"}}),
        ),
    ]);
}

#[test]
fn conditions() {
    check(&[
        (
            "  a: {eventName: CreateUser}\n  b: {errorCode: null}\n  condition: a and b",
            json!({}),
            json!({"errorCode": "x"}),
        ),
        (
            "  a: {eventName: CreateUser}\n  b: {errorCode: x}\n  condition: a and not b",
            json!({}),
            json!({"errorCode": "x"}),
        ),
        (
            "  a: {eventName: X}\n  b: {errorCode: x}\n  c: {userAgent: y}\n  condition: a or (b and not c)",
            json!({"errorCode": "x"}),
            json!({"errorCode": "x", "userAgent": "y"}),
        ),
        ("  s_1: {eventName: X}\n  s_2: {errorCode: x}\n  condition: 1 of s_*", json!({"eventName": "X"}), json!({})),
        (
            "  s_1: {eventName: X}\n  s_2: {errorCode: x}\n  condition: all of s_*",
            json!({"eventName": "X", "errorCode": "x"}),
            json!({"eventName": "X"}),
        ),
        (
            "  s_1: {eventName: X}\n  s_2: {errorCode: x}\n  s_3: {userAgent: y}\n  condition: 2 of s_*",
            json!({"eventName": "X", "userAgent": "y"}),
            json!({"eventName": "X"}),
        ),
        (
            "  a: {eventName: CreateUser}\n  f_1: {errorCode: x}\n  f_2: {userAgent: y}\n  condition: a and not 1 of f_*",
            json!({}),
            json!({"userAgent": "y"}),
        ),
        (
            "  a: {eventName: CreateUser}\n  _b: {errorCode: x}\n  condition: all of them",
            json!({}),
            json!({"eventName": "X"}),
        ),
        (
            "  a:\n    - {eventName: X}\n    - {errorCode: x, userAgent: y}\n  condition: a",
            json!({"errorCode": "x", "userAgent": "y"}),
            json!({"errorCode": "x"}),
        ),
        ("  a: {eventName: X}\n  b: {errorCode: x}\n  condition: [a, b]", json!({"errorCode": "x"}), json!({})),
        (
            "  a: [alpha, beta]\n  condition: a",
            json!({"requestParameters": {"x": [{"y": "an ALPHA"}]}}),
            json!({"requestParameters": {"alpha": 1}}),
        ),
        (
            "  a:\n    '|all': [alpha, beta]\n  condition: a",
            json!({"userAgent": "alpha", "errorMessage": "beta"}),
            json!({"userAgent": "alpha"}),
        ),
        ("  a: word\n  condition: not a", json!({}), json!({"userAgent": "a word"})),
    ]);
}

#[test]
fn what_only_this_product_tells() {
    check_selections(&[
        ("insights.failed: true", json!({"errorCode": "AccessDenied"}), json!({"errorCode": "null"})),
        (
            "insights.root: true",
            json!({"userIdentity": {"type": "Root"}}),
            json!({"userIdentity": {"type": "IAMUser"}}),
        ),
        (
            "insights.network: 203.0.113.0/24",
            json!({"sourceIPAddress": "203.0.113.9"}),
            json!({"sourceIPAddress": "203.0.112.9"}),
        ),
        (
            "insights.principal: role/AROA1",
            json!({"userIdentity": {"type": "AssumedRole", "principalId": "AROA1:s"}}),
            json!({"userIdentity": {"type": "IAMUser", "principalId": "AROA1"}}),
        ),
        ("insights.outside_hours: true", json!({"eventTime": "2026-01-05T03:00:00Z"}), json!({})),
        ("readOnly: false", json!({"readOnly": false}), json!({"readOnly": true})),
        ("eventTime|startswith: '2026-01-05T10'", json!({}), json!({"eventTime": "2026-01-05T11:00:00Z"})),
        ("event_name: CreateUser", json!({}), json!({"eventName": "X"})),
    ]);
}

#[test]
fn placeholders_take_the_nearest_values() {
    let rule = "title: t\nid: t\nlogsource: {product: aws, service: cloudtrail}\n\
        insights: {builtin: own-id, parameters: {values: {nets: [10.0.0.0/8], most: [5]}}}\n\
        detection:\n  s: {eventName: CreateUser}\n  f:\n    sourceIPAddress|cidr|expand: '%nets%'\n  \
        n:\n    requestParameters.n|gt|expand: '%most%'\n  condition: s and not f and n";
    let fires = |settings: &RuleSettings, address: &str, number: i64| {
        let set = rules(&[rule], settings);
        let record = event(json!({"sourceIPAddress": address, "requestParameters": {"n": number}}));
        !evaluate_records(&Program::compile(&set), settings, &[record]).unwrap().is_empty()
    };
    let defaults = RuleSettings::default();
    assert!(!fires(&defaults, "10.1.1.1", 6) && fires(&defaults, "11.1.1.1", 6) && !fires(&defaults, "11.1.1.1", 5));
    let typed: RawRules = toml::from_str(
        "values = {nets = ['12.0.0.0/8'], most = [1]}\n[override.own-id]\nvalues = {nets = ['11.0.0.0/8', '13.1.1.1']}",
    )
    .unwrap();
    let set = typed.validate(chrono_tz::UTC).unwrap();
    assert!(!fires(&set, "11.1.1.1", 6) && !fires(&set, "13.1.1.1", 6) && fires(&set, "10.1.1.1", 6));
    assert!(!fires(&set, "10.1.1.1", 5), "the rule's own value wins over the one for all rules");
    let nothing: RawRules = toml::from_str("[override.t]\nvalues = {nets = []}").unwrap();
    assert!(fires(&nothing.validate(chrono_tz::UTC).unwrap(), "10.1.1.1", 6), "an empty list matches nothing");
}

#[test]
fn filters_narrow_the_rules_they_name() {
    let rule = cloudtrail(&selection("eventName: CreateUser"));
    let filter = "title: f\nlogsource: {product: aws, service: cloudtrail}\nfilter:\n  rules: [t]\n  \
        admin: {userIdentity.userName: admin}\n  condition: not admin";
    let settings = RuleSettings::default();
    let set = rules(&[&rule, filter], &settings);
    let hits = |name: &str| {
        let record = event(json!({"userIdentity": {"userName": name}}));
        evaluate_records(&Program::compile(&set), &settings, &[record]).unwrap().len()
    };
    assert_eq!((hits("admin"), hits("bob")), (0, 1));
}

#[test]
fn each_log_source_sees_its_own_cloud() {
    let settings = RuleSettings::default();
    let actiontrail = "title: a\nid: a\nlogsource: {product: alibabacloud, service: actiontrail}\n\
        detection: {s: {eventName: CreateUser, requestParameterJson.UserName: bob}, condition: s}";
    let set = rules(&[&cloudtrail(&selection("eventName: CreateUser")), actiontrail], &settings);
    let aws = event(json!({}));
    let alibaba = json!({"eventTime": "2026-01-05T10:00:00Z", "eventName": "CreateUser", "serviceName": "Ram",
        "acsRegion": "cn-hangzhou", "requestParameterJson": "{\"UserName\":\"Bob\"}"});
    let program = Program::compile(&set);
    let fired = |record: String| fired(&set, &program, &settings, &[record]).unwrap();
    assert_eq!(fired(aws), [1]);
    assert_eq!(fired(alibaba.to_string()), [0]);
}

#[test]
fn whitelists_hide_and_count() {
    let typed: RawRules = toml::from_str(
        "whitelist = [\n  {users = ['bob'], reason = 'known'},\n  {rules = ['other'], users = ['eve'], reason = 'x'},\n  \
         {networks = ['10.0.0.0/8'], reason = 'office', expires = '2026-01-05'},\n  {roles = ['deploy'], reason = 'robot'},\n]",
    )
    .unwrap();
    let settings = typed.validate(chrono_tz::UTC).unwrap();
    let set = rules(&[&cloudtrail(&selection("eventName: CreateUser"))], &settings);
    let program = Program::compile(&set);
    let hidden = |identity: Value, address: &str| {
        let record = event(json!({"userIdentity": identity, "sourceIPAddress": address}));
        fired(&set, &program, &settings, &[record]).unwrap().is_empty()
    };
    let user = |name: &str| json!({"type": "IAMUser", "principalId": "AIDA", "userName": name});
    let role = json!({"type": "AssumedRole", "principalId": "AROA:s", "sessionContext": {"sessionIssuer": {"userName": "deploy"}}});
    assert!(hidden(user("bob"), "192.0.2.1"));
    assert!(!hidden(user("eve"), "192.0.2.1"), "an entry for another rule");
    assert!(!hidden(user("eve"), "10.0.0.1"), "an entry that has expired");
    assert!(hidden(role, "192.0.2.1"));
    assert!(!hidden(user("deploy"), "192.0.2.1"), "a user is no role");
}

#[test]
fn whitelists_need_a_reason_and_a_subject() {
    for (typed, words) in [
        ("whitelist = [{users = ['bob']}]", "rules.whitelist, entry 1, reason: expected why"),
        ("whitelist = [{reason = 'x'}]", "expected at least one of accounts, users, roles, networks"),
        ("whitelist = [{networks = ['10.0.0.0/40'], reason = 'x'}]", "found `10.0.0.0/40`"),
        (
            "whitelist = [{users = ['b'], reason = 'x', expires = 'soon'}]",
            "expected a date such as 2026-10-01, found `soon`",
        ),
    ] {
        let raw: RawRules = toml::from_str(typed).unwrap();
        let error = raw.validate(chrono_tz::UTC).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn disabled_rules_rest_unless_a_correlation_needs_them() {
    let base = "title: b\nid: b\nlevel: low\ntags: [attack.t1]\nlogsource: {product: aws, service: cloudtrail}\n\
        detection: {s: {eventName: CreateUser}, condition: s}";
    let other = base.replace("title: b\nid: b", "title: c\nid: c");
    let correlation = "title: many\nid: many\nlevel: high\ncorrelation: {type: event_count, rules: [b], group-by: [eventName], timespan: 1h, condition: {gte: 2}}";
    let typed: RawRules = toml::from_str("disable = ['low', 'attack.t9']").unwrap();
    let settings = typed.validate(chrono_tz::UTC).unwrap();
    let set = rules(&[base, &other, correlation], &settings);
    let ids: Vec<&str> = set.rules().iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["b", "many"]);
    assert_eq!(set.disabled(), ["b", "c"]);
    assert!(!set.reports(0) && set.reports(1));
    let typed: RawRules = toml::from_str("disable = ['low']\nenable = ['c']").unwrap();
    let set = rules(&[base, &other], &typed.validate(chrono_tz::UTC).unwrap());
    assert_eq!(set.rules().len(), 1);
}

#[test]
fn a_percent_sign_before_a_placeholder_hides_it_from_nobody() {
    let rule = "title: t\nid: t\nlogsource: {product: aws, service: cloudtrail}\n\
        insights: {parameters: {values: {apis: [one, two]}}}\n\
        detection:\n  s:\n    requestParameters.n|expand: '100 % of %apis%, 5 % of %apis%'\n  condition: s";
    let settings = RuleSettings::default();
    let set = rules(&[rule], &settings);
    let fires = |text: &str| {
        let record = event(json!({"requestParameters": {"n": text}}));
        !evaluate_records(&Program::compile(&set), &settings, &[record]).unwrap().is_empty()
    };
    assert!(fires("100 % of one, 5 % of two") && fires("100 % of two, 5 % of two"));
    assert!(!fires("100 % of three, 5 % of two") && !fires("100 % of %apis%, 5 % of %apis%"));
}
