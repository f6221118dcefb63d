//! What the events and the history tell of an insight: who, from where, against what is usual; what makes a change serious; and
//! which insights tell one story.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::Path;

use chrono::NaiveDate;
use common::made::{Call, key_of, write_days};
use common::{dated, day, insights};
use serde_json::Value;

fn night() -> NaiveDate {
    day(1, 29)
}

fn run(events: &Path, state: &Path) -> String {
    let date = night().to_string();
    let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", &date];
    insights(arguments).expect_code(0).stdout
}

fn starts(state: &Path) -> Vec<Value> {
    let path = dated(&state.join("insights"), night()).join("insights.jsonl");
    let lines: Vec<Value> =
        fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.into_iter().filter(|event| event["insightDetails"]["state"] == "Start").collect()
}

fn of<'a>(found: &'a [Value], insight_type: &str, object: &str) -> &'a Value {
    let is = |event: &&Value| {
        event["insightDetails"]["insightType"] == insight_type && event["insightDetails"]["insightObject"] == object
    };
    found.iter().find(is).unwrap_or_else(|| panic!("no {insight_type} of {object}"))
}

fn attribution<'a>(event: &'a Value, attribute: &str) -> &'a Value {
    let all = event["insightDetails"]["insightContext"]["attributions"].as_array().unwrap();
    all.iter().find(|found| found["attribute"] == attribute).unwrap_or_else(|| panic!("no {attribute} in {event}"))
}

fn first<'a>(event: &'a Value, attribute: &str) -> &'a str {
    attribution(event, attribute)["insight"][0]["value"].as_str().unwrap()
}

#[test]
fn a_change_says_what_was_changed_for_whom_wherever_it_is_told() {
    const HOSTILE: &str = r#"{"UserName":"<img src=x onerror=alert(1)>\u202e for user root"}"#;
    let changes = |date: NaiveDate| -> Vec<Call> {
        let call =
            |second, user, service, api, parameters| Call { service, api, parameters, ..Call::usual(second, user) };
        let attach = r#"{"PolicyName":"AdministratorAccess","PolicyType":"System","UserName":"support2"}"#;
        let public = r#"{"bucketName":"backups","bucketPolicy":{"Statement":[{"Effect":"Allow","Principal":"*"}]}}"#;
        let made = vec![
            call(36_000, 3, "Ram", "UpdateLoginProfile", r#"{"UserName":"emil4","Password":"***"}"#),
            call(36_060, 4, "Ram", "AttachPolicyToUser", attach),
            call(36_120, 5, "s3.amazonaws.com", "PutBucketPolicy", public),
            call(36_180, 6, "iam.amazonaws.com", "UpdateLoginProfile", r#"{"userName":"fay5"}"#),
            Call { error: Some("NoPermission"), ..call(36_240, 8, "Ram", "UpdateLoginProfile", HOSTILE) },
        ];
        if date == night() { made } else { Vec::new() }
    };
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    write_days(&events, day(1, 1), night(), changes);
    run(&events, &state);
    let found = starts(&state);
    let reports = state.join("reports");
    let report = |ending: &str| fs::read_to_string(reports.join(format!("{}.{ending}", night()))).unwrap();
    let (digest, page) = (report("md"), report("html"));
    for (api, word, name, said) in [
        ("UpdateLoginProfile", "user", "emil4", "Ram/UpdateLoginProfile (user emil4) from 192.0.2.3"),
        (
            "AttachPolicyToUser",
            "policy",
            "AdministratorAccess",
            "Ram/AttachPolicyToUser (policy AdministratorAccess for user support2) from 192.0.2.4",
        ),
        ("PutBucketPolicy", "bucket", "backups", "s3/PutBucketPolicy (bucket backups) from 192.0.2.5"),
        ("UpdateLoginProfile", "user", "fay5", "iam/UpdateLoginProfile (user fay5) from 192.0.2.6"),
    ] {
        let named = serde_json::json!({ "word": word, "name": name });
        let is_own = |event: &&Value| {
            let changed = &event["insightDetails"]["analysis"]["changed"][0];
            changed["api"] == api && (changed["what"][0] == named || changed["whom"][0] == named)
        };
        let analysis = &found.iter().find(is_own).unwrap_or_else(|| panic!("no {name}"))["insightDetails"]["analysis"];
        let sentence = analysis["sentence"].as_str().unwrap();
        assert!(sentence.contains(said), "{sentence}");
        assert!(page.contains(name), "{name} on the page");
        let plain = digest.replace('\\', "");
        assert!(plain.contains(said), "{said} in the digest:\n{digest}");
        let query = analysis["nextQuery"].as_str().unwrap();
        assert!(query.ends_with("request_parameters"), "{query}");
    }
    let hostile = |event: &&Value| event["insightDetails"]["analysis"]["changed"].to_string().contains("<img");
    assert!(found.iter().any(|event| hostile(&event)));
    for text in [&digest, &page] {
        assert!(!text.contains("<img src=x") && !text.contains('\u{202e}'), "it is escaped");
    }
}

/// Half an hour in which somebody with the key of user 7 makes twenty calls a minute from elsewhere.
fn thief(date: NaiveDate) -> Vec<Call> {
    let stolen =
        |second: i64| Call { address: "203.0.113.66".to_owned(), agent: "thief/1.0", ..Call::usual(second, 7) };
    if date == night() { (40_200..42_000).step_by(3).map(stolen).collect() } else { Vec::new() }
}

#[test]
fn a_thief_is_named_first_beside_what_is_usual_and_all_of_it_is_one_incident() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    write_days(&events, day(1, 1), night(), thief);
    run(&events, &state);
    let found = starts(&state);
    let key = of(&found, "AkInsight", &key_of("7"));
    assert_eq!((first(key, "sourceIpAddress"), first(key, "userAgent")), ("203.0.113.66", "thief/1.0"));
    // Ten calls an hour of the everyday API from the everyday address.
    for (attribute, value) in
        [("apiRelated", "Ecs/DescribeInstances"), ("sourceIpAddress", "192.0.2.7"), ("userAgent", "everyday")]
    {
        let usual = &attribution(key, attribute)["baseline"][0];
        assert_eq!(usual["value"], value);
        assert!((usual["average"].as_f64().unwrap() - 10.0 / 60.0).abs() < 0.001, "{usual}");
    }
    // Everybody calls this API, and nineteen of twenty as they always do.
    let api = of(&found, "ApiCallRateInsight", "DescribeInstances");
    assert_eq!((first(api, "principalId"), first(api, "accessKeyId")), ("7", key_of("7").as_str()));
    assert_eq!(attribution(api, "principalId")["baseline"].as_array().unwrap().len(), 5);
    assert_eq!(attribution(api, "principalId")["broad"], false);
    let examples = key["insightDetails"]["analysis"]["exampleEventIds"].as_array().unwrap();
    assert_eq!(examples.len(), 10);
    let incident = |event: &Value| event["insightDetails"]["analysis"]["incident"].clone();
    for (insight_type, object) in [("PrincipalInsight", "7"), ("ApiCallRateInsight", "DescribeInstances")] {
        assert_eq!(incident(of(&found, insight_type, object)), incident(key));
    }
    assert_eq!((&incident(key)["rank"], &incident(key)["culprit"]["value"]), (&Value::from(1), &Value::from("user/7")));
}

#[test]
fn nobody_is_named_where_everybody_does_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let everybody = |date: NaiveDate| {
        let calls = (1..=20).flat_map(|number| (0..15).map(move |call| Call::usual(40_000 + call * 97, number)));
        if date == night() { calls.collect() } else { Vec::new() }
    };
    write_days(&events, day(1, 1), night(), everybody);
    run(&events, &state);
    let found = starts(&state);
    let principals = attribution(of(&found, "ApiCallRateInsight", "DescribeInstances"), "principalId");
    assert_eq!(principals["broad"], true, "{principals}");
    assert_eq!(principals["insight"].as_array().unwrap().len(), 5);
}

#[test]
fn a_file_of_the_week_that_cannot_be_opened_leaves_what_is_usual_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    write_days(&events, day(1, 1), night(), thief);
    fs::write(dated(&events, day(1, 27)).join("part-0001.parquet"), "no Parquet at all").unwrap();
    let date = night().to_string();
    let arguments = ["run", events.to_str().unwrap(), "--state", state.to_str().unwrap(), "--date", &date];
    let printed = insights(arguments).expect_code(4).stdout;
    assert!(printed.contains("user agents") && printed.contains("part-0001.parquet`, of the seven days"), "{printed}");
    let found = starts(&state);
    let agents = attribution(of(&found, "AkInsight", &key_of("7")), "userAgent");
    assert_eq!((&agents["baselineKnown"], &agents["baseline"]), (&Value::Bool(false), &Value::Array(Vec::new())));
}

#[test]
fn without_the_weeks_events_pairs_still_tell_and_the_rest_is_said_to_be_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    write_days(&events, day(1, 1), night(), thief);
    common::roll_up(&events, &state, &[]);
    for date in day(1, 1).iter_days().take_while(|date| *date < night()) {
        fs::remove_dir_all(dated(&events, date)).unwrap();
    }
    let printed = run(&events, &state);
    assert!(printed.contains("user agents"), "{printed}");
    let found = starts(&state);
    let key = of(&found, "AkInsight", &key_of("7"));
    let agents = attribution(key, "userAgent");
    assert_eq!((&agents["baselineKnown"], &agents["baseline"]), (&Value::Bool(false), &Value::Array(Vec::new())));
    let apis = attribution(key, "apiRelated");
    assert_eq!(
        (&apis["baselineKnown"], &apis["baseline"][0]["value"]),
        (&Value::Bool(true), &"Ecs/DescribeInstances".into())
    );
}

#[test]
fn a_drop_is_attributed_to_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let busy = |date: NaiveDate| {
        let quiet = |second: &i64| date != night() || !(21_600..43_200).contains(second);
        (0..86_400)
            .step_by(60)
            .filter(quiet)
            .map(|second| Call { api: "DescribeDisks", ..Call::usual(second, 3) })
            .collect()
    };
    write_days(&events, day(1, 1), night(), busy);
    run(&events, &state);
    let found = starts(&state);
    let api = of(&found, "ApiCallRateInsight", "DescribeDisks");
    assert_eq!((first(api, "principalId"), first(api, "sourceIpAddress")), ("3", "192.0.2.3"));
    assert_eq!(api["insightDetails"]["analysis"]["direction"], "down");
}

#[test]
fn a_change_that_gives_all_rights_to_oneself_from_elsewhere_is_critical() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let change = |date: NaiveDate| {
        let attach = |user: u32, parameters: &'static str, address: &str| Call {
            service: "Ram",
            api: "AttachPolicyToUser",
            parameters,
            address: address.to_owned(),
            ..Call::usual(50_000 + i64::from(user), user)
        };
        let own = r#"{"PolicyName":"AdministratorAccess","PolicyType":"System","UserName":"name5"}"#;
        let harmless = r#"{"PolicyName":"AliyunOSSReadOnlyAccess","PolicyType":"System","UserName":"name9"}"#;
        if date == night() { vec![attach(5, own, "203.0.113.5"), attach(6, harmless, "192.0.2.6")] } else { Vec::new() }
    };
    write_days(&events, day(1, 1), night(), change);
    let printed = run(&events, &state);
    assert!(printed.contains("incident"), "{printed}");
    let found = starts(&state);
    let changes: Vec<&Value> =
        found.iter().filter(|event| event["insightDetails"]["insightType"] == "PolicyChangeInsight").collect();
    let by = |name: &str| {
        let analysis =
            |event: &&&Value| event["insightDetails"]["analysis"]["sentence"].as_str().unwrap().contains(name);
        &changes.iter().find(analysis).unwrap()["insightDetails"]["analysis"]
    };
    let grave = by("name5");
    assert_eq!(grave["concerns"], serde_json::json!(["administrator_policy", "self_grant", "unusual_network"]));
    assert_eq!(grave["severity"], "critical");
    assert!(grave["sentence"].as_str().unwrap().contains("it gives all rights"), "{grave}");
    let harmless = by("name6");
    assert_eq!((&harmless["concerns"], &harmless["severity"]), (&serde_json::json!([]), &Value::from("high")));
}

#[test]
fn a_grave_request_is_reported_of_whoever_makes_such_changes_every_day() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let daily = |date: NaiveDate| {
        let attach = |second: i64, parameters: &'static str| Call {
            service: "Ram",
            api: "AttachPolicyToUser",
            parameters,
            ..Call::usual(second, 5)
        };
        let harmless = r#"{"PolicyName":"AliyunOSSReadOnlyAccess","PolicyType":"System","UserName":"name9"}"#;
        let own = r#"{"PolicyName":"AdministratorAccess","PolicyType":"System","UserName":"name5"}"#;
        let grave = (date == night()).then(|| attach(50_060, own));
        std::iter::once(attach(50_000, harmless)).chain(grave).collect()
    };
    write_days(&events, day(1, 1), night(), daily);
    run(&events, &state);
    let found = starts(&state);
    let own = of(&found, "PolicyChangeInsight", "Ram");
    let analysis = &own["insightDetails"]["analysis"];
    assert_eq!(analysis["reason"], "grave");
    assert_eq!(analysis["concerns"], serde_json::json!(["administrator_policy", "self_grant"]));
    assert_eq!(analysis["severity"], "high");
}

#[test]
fn where_there_are_several_accounts_each_insight_names_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let twice = |date: NaiveDate| {
        let other = |call: Call| Call { account: "2", ..call };
        common::made::usual_day(date)
            .into_iter()
            .map(other)
            .chain(thief(date))
            .chain(thief(date).into_iter().map(other))
            .collect()
    };
    write_days(&events, day(1, 1), night(), twice);
    run(&events, &state);
    for event in starts(&state) {
        let (account, analysis) = (event["recipientAccountId"].as_str().unwrap(), &event["insightDetails"]["analysis"]);
        let (query, sentence) = (analysis["nextQuery"].as_str().unwrap(), analysis["sentence"].as_str().unwrap());
        assert!(query.starts_with(&format!("insights query EVENTS --account {account} ")), "{query}");
        assert!(sentence.contains(&format!("; account {account}")), "{sentence}");
    }
    assert!(starts(&state).len() >= 4);
}

#[test]
fn who_got_in_after_a_spray_is_told_and_nobody_else_has_met_its_network() {
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    let sign_in = |second: i64, user: u32, address: &str, error| {
        let (service, api, address) = ("AasSub", "ConsoleSignin", address.to_owned());
        Call { service, api, address, error, ..Call::usual(second, user) }
    };
    let eve = night() - chrono::Duration::days(1);
    write_days(&events, day(1, 1), night(), |date| {
        let usual = (1..=20_u32).map(|user| sign_in(28_800 + i64::from(user), user, &format!("192.0.2.{user}"), None));
        let tries = (0..45_u32).map(|number| {
            sign_in(36_000 + i64::from(number) * 53, 1 + number % 20, "66.6.6.6", Some("InvalidPassword"))
        });
        let spray = tries.filter(|_| date == eve || date == night());
        let regions = Call { api: "DescribeRegions", address: "66.6.6.6".to_owned(), ..Call::usual(39_180, 12) };
        let got_in = [sign_in(39_120, 12, "66.6.6.6", None), regions];
        usual.chain(spray).chain(got_in.into_iter().filter(|_| date == night())).collect()
    });
    run(&events, &state);
    let found = starts(&state);
    let calls = of(&found, "ApiCallRateInsight", "ConsoleSignin");
    let sentence = calls["insightDetails"]["analysis"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("; user name12 signed in from 66.6.6.6 at 10:52 UTC"), "{sentence}");
    let principals = found.iter().filter(|event| event["insightDetails"]["insightType"] == "PrincipalInsight");
    let met: Vec<&str> = principals.map(|event| event["insightDetails"]["insightObject"].as_str().unwrap()).collect();
    assert_eq!(met, ["12"], "those whose names were tried have met nobody, on the day before either");
}
