//! Rule files with faults: each is refused with its place and what to write instead, and the others go on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Outcome, day, generate_quiet, insights, program};
use insights::rules::parse::parse_text;
use insights::rules::settings::RawRules;
use insights::rules::{RuleSet, RuleSettings};

const GOOD: &str = "title: good\nid: good\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {eventName: CreateUser}, condition: s}\n";

/// What `insights rules check` says of a file.
fn check(text: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rule.yml"), text).unwrap();
    program().current_dir(folder.path()).args(["rules", "check", "rule.yml"]).output().unwrap().into()
}

/// The faults that are found in each text, a line each.
fn faults(texts: &[&str]) -> String {
    let said = |text: &&str| {
        let outcome = check(text).expect_code(2);
        let lines: Vec<&str> = outcome.stdout.lines().filter(|line| !line.contains(" can be used, ")).collect();
        assert!(!lines.is_empty(), "{text}");
        lines.join("\n")
    };
    texts.iter().map(said).collect::<Vec<_>>().join("\n")
}

fn detection(lines: &str) -> String {
    format!(
        "title: t\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n  s:\n    {lines}\n  condition: s\n"
    )
}

#[test]
fn fields_modifiers_and_values() {
    let texts = [
        "eventNam: x",
        "sourceIpAddress: x",
        "foo.bar: x",
        "eventName|contain: x",
        "eventName|not: x",
        "eventName|contains|endswith: x",
        "eventName|i: x",
        "eventName|wide|utf16: x",
        "eventName|cidr|base64: 10.0.0.0/8",
        "eventName|hour: 3",
        "eventName|all: x",
        "eventName: []",
        "eventName|re: 'a(b'",
        "eventName|re: '((a{1,200}){1,200}){1,200}'",
        "eventName|re: '(a)\\1'",
        "sourceIPAddress|cidr: 10.0.0.0/40",
        "requestParameters.n|gt: many",
        "eventName|exists: perhaps",
        "eventName|fieldref: eventNames",
        "eventName|expand: '%unknown%'",
    ]
    .map(detection);
    insta::assert_snapshot!(faults(&texts.each_ref().map(String::as_str)));
}

#[test]
fn conditions_and_heads() {
    let head = "title: t\nlogsource: {product: aws, service: cloudtrail}\n";
    let texts = [
        format!("{head}detection: {{s: {{eventName: x}}, condition: sel}}"),
        format!("{head}detection: {{s: {{eventName: x}}, condition: 1 of sel_*}}"),
        format!("{head}detection: {{s: {{eventName: x}}, condition: s and}}"),
        format!("{head}detection: {{s: {{eventName: x}}, condition: s | count() > 5}}"),
        format!("{head}detection: {{s: {{eventName: x}}, condition: s, timeframe: 5m}}"),
        format!("{head}detection: {{s: {{eventName: x}}}}"),
        format!("{head}detection: {{s: {{}}, condition: s}}"),
        format!("{head}level: hgh\ndetection: {{s: {{eventName: x}}, condition: s}}"),
        format!("{head}insights: {{exampels: []}}\ndetection: {{s: {{eventName: x}}, condition: s}}"),
        format!("{head}fields: [eventNam]\ndetection: {{s: {{eventName: x}}, condition: s}}"),
        "title: t\ndetection: {s: {eventName: x}, condition: s}".to_owned(),
        "title: t\nlogsource: {product: windows}\ndetection: {s: {eventName: x}, condition: s}".to_owned(),
        "logsource: {product: aws}\ndetection: {s: {eventName: x}, condition: s}".to_owned(),
        "title: [t\n".to_owned(),
        "title: a\ntitle: b\n".to_owned(),
        "- a\n- b\n".to_owned(),
        "action: global\ntitle: t\n".to_owned(),
        "# nothing\n".to_owned(),
    ];
    insta::assert_snapshot!(faults(&texts.each_ref().map(String::as_str)));
}

#[test]
fn correlations() {
    let with = |correlation: &str| format!("{GOOD}---\ntitle: c\nid: c\ncorrelation: {{{correlation}}}\n");
    let texts = [
        with("type: event_count, rules: [good], group-by: [eventName], timespan: 1h"),
        with("type: event_count, rules: [good], groupby: [eventName], timespan: 1h, condition: {gte: 2}"),
        with("type: event_count, group-by: [eventName], timespan: 1h, condition: {gte: 2}"),
        with("type: event_count, rules: [goods], timespan: 1h, condition: {gte: 2}"),
        with("type: event_count, rules: [good], timespan: 1h, condition: {gte: -1}"),
        with("type: event_count, rules: [good], timespan: 1h, condition: {gte: 5, ltt: 9}"),
        with("type: event_count, rules: [good], timespan: 1q, condition: {gte: 5}"),
        with("type: event_count, rules: [good], timespan: 90d, condition: {gte: 5}"),
        with("type: event_counts, rules: [good], timespan: 1h, condition: {gte: 5}"),
        with("type: value_count, rules: [good], timespan: 1h, condition: {gte: 5}"),
        with(
            "type: value_percentile, rules: [good], timespan: 1h, condition: {gte: 5, field: requestParameters.n, percentile: 101}",
        ),
        with("type: event_count, rules: [good], group-by: [who], timespan: 1h, condition: {gte: 5}"),
        with("type: event_count, rules: [good, good], timespan: 1h, condition: {gte: 5}"),
        with("type: event_count, rules: [c], timespan: 1h, condition: {gte: 5}"),
        with("type: temporal, rules: [good], timespan: 1h, condition: good and bad"),
        with("type: temporal_ordered, rules: [good], timespan: 1h, condition: good"),
        with(
            "type: event_count, rules: [good], group-by: [who], aliases: {who: {bad: eventName}}, timespan: 1h, condition: {gte: 5}",
        ),
        with("type: temporal, rules: [good, 'insight:*'], timespan: 1h, condition: 3 of them"),
        with("type: temporal, rules: [good, 'insight:*'], timespan: 1h, condition: {gte: 0}"),
        with("type: temporal, rules: [good, 'insight:*'], timespan: 1h, condition: {gte: 1.5}"),
        with("type: temporal, rules: [good, 'insight:*'], timespan: 1h, condition: {eq: 1}"),
        with("type: temporal_ordered, rules: [good, 'insight:*'], timespan: 1h, condition: {gte: 1}"),
        with(
            "type: value_count, rules: ['insight:*'], timespan: 1h, condition: {gte: 5, field: requestParameters.userName}",
        ),
        format!("{}insights: {{parameters: {{threshold: 5}}}}\n", with("type: temporal, rules: [good], timespan: 1h")),
        format!("{GOOD}insights: {{parameters: {{window: 5m}}}}\n"),
    ];
    insta::assert_snapshot!(faults(&texts.each_ref().map(String::as_str)));
}

#[test]
fn circles_and_twins_name_both_ends() {
    let circle = |name: &str, other: &str| {
        format!(
            "title: {name}\nid: {name}\ncorrelation: {{type: event_count, rules: [{other}], timespan: 1h, condition: {{gte: 2}}}}\n"
        )
    };
    let texts = [
        format!("{}---\n{}---\n{}", circle("a", "b"), circle("b", "c"), circle("c", "a")),
        format!("{GOOD}---\n{GOOD}"),
        format!(
            "{GOOD}---\ntitle: f\nlogsource: {{product: aws, service: cloudtrail}}\nfilter: {{rules: [other], s: {{eventName: x}}, condition: not s}}\n"
        ),
    ];
    insta::assert_snapshot!(faults(&texts.each_ref().map(String::as_str)));
}

#[test]
fn a_fault_costs_one_rule() {
    let outcome = check(&format!("{GOOD}---\ntitle: bad\n---\n{}", GOOD.replace("good", "better"))).expect_code(2);
    insta::assert_snapshot!(outcome.stdout);
    let outcome = check(GOOD).expect_code(0);
    assert_eq!(outcome.stdout, "1 rule can be used, 0 faults\n");
}

#[test]
fn what_expands_without_end_is_stopped() {
    let mut bomb = String::from("title: b\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.extend([format!("a{level}: &a{level} [{aliases}]\n")]);
    }
    let nested = format!("title: n\nx: {}1{}\n", "[".repeat(20_000), "]".repeat(20_000));
    let itself = "title: i\na: &a [x, *a]\n";
    let parentheses = format!(
        "{GOOD}---\n{}",
        detection("eventName: x")
            .replace("condition: s", &format!("condition: {}s{}", "(".repeat(30_000), ")".repeat(30_000)))
    );
    for text in [bomb.as_str(), &nested, itself, &parentheses] {
        let start = Instant::now();
        let outcome = check(text).expect_code(2);
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        assert!(outcome.stdout.starts_with("rule.yml:"), "{}", outcome.stdout);
    }
}

#[test]
fn a_large_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.yml");
    fs::write(&large, format!("{GOOD}# {}\n", "x".repeat(10 << 20))).unwrap();
    fs::write(folder.path().join("small.yml"), GOOD).unwrap();
    let check = |folder: &Path| {
        program().current_dir(folder).args(["rules", "check", "large.yml", "small.yml"]).output().unwrap()
    };
    let outcome = Outcome::from(check(folder.path())).expect_code(2);
    assert!(outcome.stdout.contains("large.yml: the file has 10485"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("1 rule can be used, 1 fault"), "{}", outcome.stdout);
    fs::write(folder.path().join("insights.toml"), "[rules]\nmax_file_bytes = 20000000\n").unwrap();
    let outcome = Outcome::from(check(folder.path())).expect_code(2);
    assert!(outcome.stdout.contains("the id or name of `good` is also that of"), "{}", outcome.stdout);
}

#[test]
fn the_others_run_and_the_exit_code_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    generate_quiet(&folder.path().join("events"), 3, 1, 3_000);
    assert!(day(1, 1).to_string() == "2026-01-01");
    let rule = GOOD
        .replace("aws, service: cloudtrail", "alibabacloud, service: actiontrail")
        .replace("CreateUser", "Describe*");
    fs::write(folder.path().join("good.yml"), rule).unwrap();
    let good = insights(["rules", "test", &path("good.yml"), "--events", &path("events"), "--quiet"]).expect_code(0);
    fs::write(folder.path().join("bad.yml"), detection("eventNam: x")).unwrap();
    let both = insights(["rules", "test", &path("good.yml"), &path("bad.yml"), "--events", &path("events"), "--quiet"]);
    let both = both.expect_code(2).expect_said(&["bad.yml:5:5: no event of aws/cloudtrail has a field `eventNam`"]);
    assert_eq!(both.stdout, good.stdout);
    assert!(good.stdout.contains("matches of 1 rule out of 1 in"), "{}", good.stdout);
}

#[test]
fn examples_that_contradict_their_rule_are_named() {
    let event = "{eventTime: '2026-01-05T00:00:00Z', eventName: NAME, eventSource: iam.amazonaws.com}";
    let rule = |first: &str, second: &str| {
        let example = |name: &str, fires: bool, api: &str| {
            format!("    - {{name: {name}, fires: {fires}, events: [{}]}}\n", event.replace("NAME", api))
        };
        format!("{GOOD}insights:\n  examples:\n{}{}", example("it", true, first), example("near", false, second))
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rule.yml");
    let test = |text: &str| {
        fs::write(&file, text).unwrap();
        insights(["rules", "test", file.to_str().unwrap()])
    };
    let outcome = test(&rule("CreateUser", "DeleteUser")).expect_code(0);
    assert_eq!(outcome.stdout, "1 rule, 0 of them without examples; 2 examples, 0 failed\n");
    insta::assert_snapshot!(test(&rule("DeleteUser", "CreateUser")).expect_code(2).stdout);
}

#[test]
fn a_rule_without_an_id_is_overridden_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "[rules.override.often]\nthreshold = 5\nwindow = '2h'\nlevel = 'high'\n[rules.override.listed]\nvalues = {apis = ['StopLogging']}\n";
    fs::write(folder.path().join("insights.toml"), format!("[rules]\npaths = ['own.yml']\n{settings}")).unwrap();
    let rule = "title: t\nname: listed\nlogsource: {product: aws, service: cloudtrail}\n\
                detection: {s: {'eventName|expand': '%apis%'}, condition: s}\n---\n\
                title: t\nname: often\ncorrelation: {type: event_count, rules: [listed], timespan: 1h, condition: {gte: 2}}\n";
    fs::write(folder.path().join("own.yml"), rule).unwrap();
    let show = |name: &str| -> String {
        let outcome: Outcome =
            program().current_dir(folder.path()).args(["rules", "show", name]).output().unwrap().into();
        outcome.expect_code(0).stdout
    };
    let often = show("often");
    assert!(["high", "event_count within 7200 s", "gte 5"].iter().all(|part| often.contains(part)), "{often}");
    assert!(show("listed").to_lowercase().contains("stoplogging"), "{}", show("listed"));
}

/// What `insights rules list` says on stderr with these settings, the code being 2.
fn said_of_settings(settings: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("insights.toml"), settings).unwrap();
    let outcome: Outcome = program().current_dir(folder.path()).args(["rules", "list"]).output().unwrap().into();
    outcome.expect_code(2).stderr
}

#[test]
fn what_settings_set_of_rules_is_their_own_fault() {
    let threshold = said_of_settings("[rules.override.\"cis.at.unauth_apicall\"]\nthreshold = -1\n");
    assert!(
        threshold.contains("rules.override.\"cis.at.unauth_apicall\".threshold: expected a number from 0"),
        "{threshold}"
    );
    let single = said_of_settings("[rules.override.\"cis.at.trail_off\"]\nthreshold = 3\n");
    assert!(single.contains("settings, rules.override: `cis.at.trail_off` is a rule about single events"), "{single}");
    let lists = said_of_settings(
        "[rules]\nvalues = {allowed_network = []}\n[rules.override.\"cis.at.unauth_login\"]\nvalues = {nets = []}\n",
    );
    for words in [
        "settings, rules.values: no rule takes a list `allowed_network`; did you mean `allowed_networks`?",
        "settings, rules.override: `cis.at.unauth_login` takes no list `nets`; write one of `allowed_networks`",
    ] {
        assert!(lists.contains(words), "{lists}");
    }
}

#[test]
fn a_correlation_whose_override_cannot_be_stays_as_it_is() {
    let settings: RawRules = toml::from_str("[override.often]\nthreshold = 3").unwrap();
    let settings = settings.validate(chrono_tz::UTC).unwrap();
    let text =
        format!("{GOOD}---\ntitle: often\nid: often\ncorrelation: {{type: temporal, rules: [good], timespan: 1h}}\n");
    let set = RuleSet::link(vec![parse_text("f.yml", &text, &settings)], &settings);
    let found: Vec<String> = set.refusals().iter().map(ToString::to_string).collect();
    assert_eq!(set.rules().len(), 2, "{found:?}");
    assert!(found.len() == 1 && found[0].starts_with("settings, rules.override: `often`: a `threshold`"), "{found:?}");
    let good = set.rules().iter().position(|rule| rule.id == "good").unwrap();
    assert!(!set.reports(good), "its members say nothing by themselves");
}

#[test]
fn insights_of_no_type_and_folders_without_rules_are_faults() {
    let correlation = |kind: &str| {
        format!(
            "{GOOD}---\ntitle: t\nid: t\ncorrelation: {{type: temporal, rules: [good, 'insight:{kind}'], timespan: 1h}}\n"
        )
    };
    check(&correlation("AkInsight")).expect_code(0);
    for (kind, near) in [
        ("Nope", "write one of `TrailConcealmentInsight`"),
        ("apierrorrateinsight", "did you mean `ApiErrorRateInsight`?"),
    ] {
        let said = check(&correlation(kind)).expect_code(2).stdout;
        assert!(said.contains(&format!("there are no insights of a type `{kind}`; {near}")), "{said}");
    }
    let empty = tempfile::tempdir().unwrap();
    insights(["rules", "check", empty.path().to_str().unwrap()]).expect_code(2).expect_said(&["there is no rule file"]);
}

#[test]
fn a_condition_is_weighed_while_it_is_expanded() {
    let values: Vec<String> = (0..50_000).map(|number| number.to_string()).collect();
    let condition = vec!["s"; 10_000].join(" or ");
    let text = format!(
        "title: t\nlogsource: {{product: aws, service: cloudtrail}}\ndetection: {{s: {{eventName: [{}]}}, condition: {condition}}}\n",
        values.join(", ")
    );
    let outcome = check(&text).expect_code(2);
    assert!(outcome.stdout.contains("comes to more than 100000 comparisons"), "{}", outcome.stdout);
}

/// Eight bad rules, each with what must be said of it.
fn eight_bad_rules() -> [(&'static str, String, &'static str); 8] {
    let circle = |name: &str, other: &str| {
        format!(
            "title: {name}\nid: {name}\ncorrelation: {{type: event_count, rules: [{other}], timespan: 1h, condition: {{gte: 2}}}}\n"
        )
    };
    let mut bomb = String::from("title: bomb\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.extend([format!("a{level}: &a{level} [{aliases}]\n")]);
    }
    [
        (
            "field.yml",
            detection("eventNam: x"),
            "field.yml:5:5: no event of aws/cloudtrail has a field `eventNam`; did you mean `eventName`?",
        ),
        (
            "modifier.yml",
            detection("eventName|contain: x"),
            "modifier.yml:5:15: there is no modifier `contain`; did you mean `contains`?",
        ),
        (
            "regex.yml",
            detection("eventName|re: '((a{1,200}){1,200}){1,200}'"),
            "regex.yml:5:5: the regular expression `((a{1,200}){1,200}){1,200}` becomes larger than 1048576 bytes; use smaller repetitions, or `contains`",
        ),
        (
            "circle.yml",
            format!("{}---\n{}", circle("a", "b"), circle("b", "a")),
            "circle.yml:1:1: the correlation leads back to itself, by way of `b`; take one of them out of `rules`",
        ),
        (
            "twin.yml",
            GOOD.replace("title: good", "title: twin"),
            "twin.yml:1:1: the id or name of `good` is also that of",
        ),
        (
            "source.yml",
            "title: t\ndetection: {s: {eventName: x}, condition: s}\n".to_owned(),
            "source.yml:1: the rule has no log source; add `logsource:`",
        ),
        ("large.yml", format!("{GOOD}# {}\n", "x".repeat(10 << 20)), "large.yml: the file has 10485"),
        (
            "bomb.yml",
            bomb,
            "bomb.yml:2:5: YAML anchors that expand without end, or lists nested too deep; write the values out",
        ),
    ]
}

#[test]
fn eight_bad_rules_stop_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    generate_quiet(&folder.path().join("events"), 3, 1, 2_000);
    fs::create_dir(path("rules")).unwrap();
    // Of two files with one id the first in the order of names is used.
    fs::write(
        path("rules/a-good.yml"),
        GOOD.replace("aws, service: cloudtrail", "alibabacloud, service: actiontrail")
            .replace("CreateUser", "Describe*"),
    )
    .unwrap();
    let test = || insights(["rules", "test", &path("rules"), "--events", &path("events"), "--quiet"]);
    let alone = test().expect_code(0);
    assert!(alone.stdout.contains("matches of 1 rule out of 1 in"), "{}", alone.stdout);
    let bad = eight_bad_rules();
    bad.iter().for_each(|(name, text, _)| fs::write(folder.path().join("rules").join(name), text).unwrap());
    let said: Vec<&str> = bad.iter().map(|(.., said)| *said).collect();
    let together = test().expect_code(2).expect_said(&said);
    assert_eq!(together.stdout, alone.stdout);
}

#[test]
fn settings_that_name_no_rule_are_faults_too() {
    let folder = tempfile::tempdir().unwrap();
    let run = |settings: &str, arguments: &[&str]| -> Outcome {
        fs::write(folder.path().join("insights.toml"), settings).unwrap();
        program().current_dir(folder.path()).arg("rules").args(arguments).output().unwrap().into()
    };
    let wrong = "[rules]\ndisable = ['cis.at.trail_of', 'low', 'attack.persistence']\n[rules.override.'cis.at.root_logn']\nthreshold = 3\n\
                 [[rules.whitelist]]\nrules = ['cis.at.api_eror']\naccounts = ['1']\nreason = 'x'\n";
    let outcome = run(wrong, &["list", "--service", "kms"]).expect_code(2);
    insta::assert_snapshot!(outcome.stderr);
    let single = "[rules.override.'cis.at.trail_off']\nthreshold = 3\n";
    run(single, &["list", "--service", "kms"])
        .expect_code(2)
        .expect_said(&["is a rule about single events and has no `threshold`; set its `level` or `values`"]);
    let none = run("", &["list", "--set", "rules.builtin=false"]).expect_code(0).stdout;
    assert!(none.ends_with("\n0 rules\n"), "{none}");
    run("", &["list", "--set", "rules.disable=[\"cis.at.trail_of\"]"])
        .expect_code(2)
        .expect_said(&["`cis.at.trail_of`"]);
    run("[rules]\ndisable = ['cis.at.trail_off', 'low']\n", &["list", "--service", "kms"]).expect_code(0);
}

#[test]
fn the_latest_alerts_of_a_rule_are_shown() {
    let set = RuleSet::load(&RuleSettings::default()).unwrap();
    let rule = set.rules().iter().find(|rule| rule.is_called("cis.at.trail_off")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let alert = |rule: &str, time: &str, count: u64| {
        format!("{{\"rule_id\": \"{rule}\", \"first_time\": \"{time}\", \"count\": {count}, \"account\": \"1\"}}\n")
    };
    for (date, lines) in [
        ("2026-01-01", alert(&rule.id, "2026-01-01T08:00:00Z", 1)),
        ("2026-01-02", alert(&rule.id, "2026-01-02T08:00:00Z", 2) + &alert("another", "2026-01-02T09:00:00Z", 9)),
        ("2026-01-03", String::new()),
    ] {
        let day = folder.path().join("alerts").join(format!("date={date}"));
        fs::create_dir_all(&day).unwrap();
        fs::write(day.join("alerts.jsonl"), lines).unwrap();
    }
    let show = |state: &Path| {
        let shown = insights(["rules", "show", "cis.at.trail_off", "--state", state.to_str().unwrap()]).expect_code(0);
        shown.stdout.lines().filter(|line| line.contains("lately")).map(str::to_owned).collect::<Vec<_>>()
    };
    let lately = show(folder.path());
    assert_eq!(lately.len(), 2, "{lately:?}");
    assert!(lately[0].contains("2026-01-02T08:00:00Z, 2 times, account 1"), "{lately:?}");
    assert!(lately[1].contains("2026-01-01T08:00:00Z, 1 times, account 1"), "{lately:?}");
    assert!(show(&folder.path().join("nothing")).is_empty());
    let damaged = folder.path().join("alerts/date=2026-01-03/alerts.jsonl");
    fs::write(&damaged, alert(&rule.id, "2026-01-03T08:00:00Z", 3) + "no alert\n").unwrap();
    insights(["rules", "show", "cis.at.trail_off", "--state", folder.path().to_str().unwrap()])
        .expect_code(3)
        .expect_said(&["alerts.jsonl`, line 2: this is no alert"]);
    let wrong = insights(["rules", "show", "cis.at.trail_of"]).expect_code(2);
    wrong.expect_said(&["error: there is no rule `cis.at.trail_of`", "hint: did you mean `cis.at.trail_off`?"]);
}

#[test]
fn a_list_may_be_a_page() {
    let page = insights(["rules", "list", "--service", "actiontrail", "--level", "high", "--format", "markdown"])
        .expect_code(0);
    assert!(page.stdout.starts_with("# Rules\n\n"), "{}", page.stdout);
    assert!(page.stdout.contains("(trail-off.yml) | high | "), "{}", page.stdout);
    assert!(!page.stdout.contains("| low |") && !page.stdout.contains("## aws/"), "{}", page.stdout);
}
