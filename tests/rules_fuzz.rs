//! Whatever a rule file holds: no panic, and what cannot be used has a place in the file and a word of advice.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use insights::rules::builtin::FILES;
use insights::rules::example::evaluate_records;
use insights::rules::parse::parse_text;
use insights::rules::{Program, RuleSet, RuleSettings};
use proptest::prelude::*;
use yaml_serde::{Mapping, Value};

const EVENT: &str = r#"{"eventTime": "2026-01-05T10:00:00Z", "eventName": "CreateUser", "eventSource": "iam.amazonaws.com",
    "awsRegion": "eu-west-1", "eventID": "e1", "requestParameters": {"a": [{"b": "x"}, 1.5, null], "c.d": "{\"e\": true}"}}"#;

/// Reads a file, links and compiles what can be used, and evaluates it.
fn try_file(text: &str) {
    let settings = RuleSettings::default();
    let set = RuleSet::link(vec![parse_text("f.yml", text, &settings)], &settings);
    let lines = text.split('\n').count();
    for refusal in set.refusals() {
        assert_eq!(refusal.place.file, "f.yml");
        assert!(!refusal.found.is_empty() && !refusal.instead.is_empty(), "{refusal:?}");
        let whole_file = refusal.found == "the file holds no rule";
        assert!(whole_file || (1..=lines).contains(&refusal.place.line), "{refusal} in {lines} lines of\n{text}");
        let line = text.split('\n').nth(refusal.place.line.max(1) - 1).unwrap_or_default();
        assert!(refusal.place.column <= line.chars().count() + 1, "{refusal} in\n{text}");
    }
    let program = Program::compile(&set);
    evaluate_records(&program, &settings, &[EVENT.to_owned()]).unwrap();
    for position in 0..set.rules().len() {
        let _ = program.explain(position);
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["*", "%x%", "a(b", "10.0.0.0/8", "1h", "s", "\\", "?", "good", "CreateUser", "iam*"])
            .prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ]
}

fn key() -> impl Strategy<Value = String> {
    let known = vec![
        "eventName",
        "eventName|contains",
        "eventName|re",
        "requestParameters.a.b",
        "requestParameters|contains|all",
        "sourceIPAddress|cidr",
        "userIdentity.arn|fieldref",
        "eventName|exists",
        "eventTime|gt",
        "eventName|base64offset|contains",
        "s",
        "condition",
        "timeframe",
        "|all",
        "rules",
        "group-by",
        "timespan",
        "type",
        "field",
        "gte",
        "aliases",
        "examples",
        "parameters",
    ];
    prop_oneof![4 => prop::sample::select(known).prop_map(str::to_owned), 1 => "\\PC{0,10}"]
}

fn tree() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..4).prop_map(|entries| {
                Value::from(entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect::<Mapping>())
            }),
        ]
    })
}

/// A rule in which some part is anything at all.
fn odd_rule() -> impl Strategy<Value = String> {
    let parts = [
        "title",
        "id",
        "logsource",
        "detection",
        "correlation",
        "filter",
        "level",
        "tags",
        "fields",
        "insights",
        "falsepositives",
        "name",
    ];
    (prop::sample::subsequence(parts.to_vec(), 1..4), prop::collection::vec(tree(), 4), any::<bool>()).prop_map(|(odd, values, correlates)| {
        let text = if correlates {
            "title: t\nid: t\ncorrelation: {type: event_count, rules: [good], group-by: [eventName], timespan: 1h, condition: {gte: 2}}"
        } else {
            "title: t\nid: t\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {eventName: CreateUser}, condition: s}"
        };
        let mut rule: Mapping = yaml_serde::from_str(text).unwrap();
        for (part, value) in odd.into_iter().zip(values) {
            rule.insert(Value::from(part), value);
        }
        yaml_serde::to_string(&rule).unwrap()
    })
}

/// What is done to the lines of a sound rule.
#[derive(Debug, Clone)]
enum Damage {
    Drop(usize),
    Double(usize),
    Swap(usize, usize),
    Indent(usize, usize),
    Insert(usize, usize, String),
    Cut(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let token = prop::sample::select(vec![
        "|",
        ":",
        ": ",
        "- ",
        "*",
        "&a ",
        "*a",
        "%x%",
        "'",
        "\"",
        "[",
        "{",
        "}",
        "#",
        "---\n",
        "\t",
        "\u{feff}",
        "\0",
        "!!binary ",
        "? ",
        "é",
        "\r",
        "\u{2028}",
    ]);
    prop_oneof![
        any::<usize>().prop_map(Damage::Drop),
        any::<usize>().prop_map(Damage::Double),
        (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Damage::Swap(one, other)),
        (any::<usize>(), 1..5_usize).prop_map(|(line, blanks)| Damage::Indent(line, blanks)),
        (any::<usize>(), any::<usize>(), token.prop_map(str::to_owned))
            .prop_map(|(line, at, text)| Damage::Insert(line, at, text)),
        any::<usize>().prop_map(Damage::Cut),
    ]
}

fn damaged(text: &str, damages: &[Damage]) -> String {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    for damage in damages {
        let count = lines.len().max(1);
        if lines.is_empty() {
            break;
        }
        match damage {
            Damage::Drop(line) => drop(lines.remove(line % count)),
            Damage::Double(line) => lines.insert(line % count, lines[line % count].clone()),
            Damage::Swap(one, other) => lines.swap(one % count, other % count),
            Damage::Indent(line, blanks) => lines[line % count].insert_str(0, &" ".repeat(*blanks)),
            Damage::Insert(line, at, token) => {
                let line = &mut lines[line % count];
                let places: Vec<usize> = line.char_indices().map(|(place, _)| place).chain([line.len()]).collect();
                line.insert_str(places[at % places.len()], token);
            }
            Damage::Cut(line) => lines.truncate(line % count),
        }
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text(text in "\\PC{0,200}|[-a-z:|*&'\"\\[\\]{}#%! \n]{0,200}") {
        try_file(&text);
    }

    #[test]
    fn a_rule_with_parts_that_are_anything(rule in odd_rule()) {
        try_file(&rule);
        let good = "title: good\nid: good\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {eventName: CreateUser}, condition: s}\n";
        try_file(&format!("{good}---\n{rule}"));
    }

    #[test]
    fn a_damaged_rule(file in 0..FILES.len(), damages in prop::collection::vec(damage(), 1..4)) {
        try_file(&damaged(FILES[file].1, &damages));
    }
}
