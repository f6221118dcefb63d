//! Made-up events and rules, drawn from the same small pools, so that they often meet.

use fastrand::Rng;
use serde_json::{Value, json};

const NAMES: [&str; 8] =
    ["CreateUser", "createuser", "DeleteTrail", "StopLogging", "GetObject", "PutObject", "GÜR", "x"];
const WORDS: [&str; 14] = [
    "alpha",
    "Alpha",
    "ALPHA beta",
    "beta",
    "",
    "a*b",
    "a?b",
    "-enc x",
    "ünïcode",
    "true",
    "1",
    "15",
    "10.1.2.3",
    "null ",
];
const AGENTS: [&str; 6] = ["aws-cli/2.0", "Boto3/1.2", "S3 Browser 9", "console.amazonaws.com", "", "aws-sdk-go"];
const ADDRESSES: [&str; 6] =
    ["10.1.2.3", "192.0.2.77", "2001:db8::1", "AWS Internal", "ec2.amazonaws.com", "203.0.113.9"];

fn pick<'a>(random: &mut Rng, pool: &[&'a str]) -> &'a str {
    pool[random.usize(..pool.len())]
}

fn scalar(random: &mut Rng) -> Value {
    match random.u8(..8) {
        0 => Value::Null,
        1 => json!(random.bool()),
        2 => json!(random.i64(-2..20)),
        3 => json!(f64::from(random.i32(-4..40)) / 2.0),
        _ => json!(pick(random, &WORDS)),
    }
}

fn value(random: &mut Rng) -> Value {
    match random.u8(..6) {
        0 => Value::Array((0..random.usize(..4)).map(|_| scalar(random)).collect()),
        _ => scalar(random),
    }
}

/// A CloudTrail event; fields may be absent.
pub(crate) fn event(random: &mut Rng, at: u64) -> Value {
    let mut event = json!({
        "eventTime": format!("2026-01-05T{:02}:{:02}:00Z", random.u8(..24), random.u8(..60)),
        "eventID": format!("e{at}"), "eventName": pick(random, &NAMES), "eventSource": "iam.amazonaws.com", "awsRegion": "eu-west-1",
        "userIdentity": {"type": pick(random, &["Root", "IAMUser", "AssumedRole"]), "userName": pick(random, &["alpha", "Beta", "eve"])},
    });
    let mut maybe = |name: &str, value: Value| {
        if random.u8(..3) > 0 {
            event[name] = value;
        }
    };
    let mut other = Rng::with_seed(at.wrapping_mul(7919));
    maybe("userAgent", json!(pick(&mut other, &AGENTS)));
    maybe("sourceIPAddress", json!(pick(&mut other, &ADDRESSES)));
    maybe("errorCode", json!(pick(&mut other, &["AccessDenied", "accessdenied", "", "Throttling"])));
    let items: Vec<Value> = (0..other.usize(..3)).map(|_| json!({"id": scalar(&mut other)})).collect();
    maybe(
        "requestParameters",
        json!({
            "a": value(&mut other), "b": value(&mut other), "nested": {"x": scalar(&mut other)}, "items": items, "p.q": scalar(&mut other)
        }),
    );
    maybe("responseElements", json!({"flag": scalar(&mut other)}));
    event
}

/// Fields whose values are plain or lists of plain ones.
const FIELDS: [&str; 11] = [
    "eventName",
    "userAgent",
    "sourceIPAddress",
    "errorCode",
    "userIdentity.type",
    "userIdentity.userName",
    "requestParameters.a",
    "requestParameters.b",
    "requestParameters.nested.x",
    "requestParameters.items.id",
    "responseElements.flag",
];

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn pool<'a>(field: &str) -> &'a [&'a str] {
    match field {
        "eventName" => &NAMES,
        "userAgent" => &AGENTS,
        "sourceIPAddress" => &ADDRESSES,
        "errorCode" => &["AccessDenied", "", "Throttling"],
        "userIdentity.type" => &["root", "IAMUser", "assumedrole"],
        "userIdentity.userName" => &["ALPHA", "beta", "eve"],
        _ => &WORDS,
    }
}

/// A text for a rule: whole, a part, or with wildcards.
fn text(random: &mut Rng, field: &str) -> String {
    let whole = pick(random, pool(field));
    let letters: Vec<char> = whole.chars().collect();
    let part: String =
        if letters.len() > 2 { letters[1..letters.len() - 1].iter().collect() } else { whole.to_owned() };
    match random.u8(..6) {
        0 => format!("*{}*", literal(&part)),
        1 => format!("{}*", letters.first().map_or(String::new(), |letter| literal(&letter.to_string()))),
        2 if !letters.is_empty() => format!("?{}", literal(&letters[1..].iter().collect::<String>())),
        3 => literal(&part),
        _ => literal(whole),
    }
}

fn literal(text: &str) -> String {
    text.replace('*', "\\*").replace('?', "\\?")
}

/// The first or the second half of a text.
fn part<'t>(text: &'t str, random: &mut Rng) -> &'t str {
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    if random.bool() { &text[..middle] } else { &text[middle..] }
}

fn list(random: &mut Rng, least: usize, one: impl Fn(&mut Rng) -> String) -> String {
    let count = least + random.usize(..3);
    let values: Vec<String> = (0..count.max(1)).map(|_| one(random)).collect();
    format!("[{}]", values.join(", "))
}

fn item(random: &mut Rng) -> String {
    let field = pick(random, &FIELDS);
    let texts = |random: &mut Rng, least| list(random, least, |random| quoted(&text(random, field)));
    // The oracle leaves these open at the other end where there are wildcards (see `intended`).
    let plain_texts =
        |random: &mut Rng| list(random, 1, |random| quoted(&literal(part(pick(random, pool(field)), random))));
    let number = |random: &mut Rng| random.i32(-2..20).to_string();
    match random.u8(..17) {
        0 => format!("{field}: null"),
        1 => format!("{field}: {}", random.bool()).replace("true", "'true'").replace("false", "'false'"),
        2 => format!("{field}: {}", number(random)),
        3 => format!("{field}|contains: {}", texts(random, 1)),
        4 => format!("{field}|startswith: {}", plain_texts(random)),
        5 => format!("{field}|endswith: {}", plain_texts(random)),
        6 => format!("{field}|contains|all: {}", texts(random, 2)),
        7 => format!("{field}|cased: {}", texts(random, 1)),
        8 => format!("{field}|exists: {}", random.bool()),
        9 => format!("{field}|{}: {}", pick(random, &["gt", "gte", "lt", "lte"]), number(random)),
        10 => format!("{field}|re: {}", quoted(pick(random, &["^[A-Z]", "a.*b?", "[0-9]{2}", "^$", "(?i)alpha|root"]))),
        11 => format!("{field}|re|i: {}", quoted(pick(random, &["^ALPHA", "LOG", "^aws-.+"]))),
        12 => format!(
            "sourceIPAddress|cidr: {}",
            pick(random, &["10.0.0.0/8", "'2001:db8::/32'", "[192.0.2.0/24, 203.0.113.0/28]"])
        ),
        13 => "userIdentity.userName|fieldref: requestParameters.nested.x".to_owned(),
        // Of these none is ever null (see `intended`).
        14 if !field.contains("Parameters") && !field.contains("Elements") => {
            format!("{field}|neq: {}", quoted(pick(random, pool(field))).replace('*', "\\*").replace('?', "\\?"))
        }
        _ => format!("{field}: {}", texts(random, 1)),
    }
}

/// A map of fields, each once.
fn map(random: &mut Rng) -> String {
    let mut items: Vec<String> = (0..1 + random.usize(..2)).map(|_| item(random)).collect();
    items.sort();
    items.dedup_by(|left, right| left.split(':').next() == right.split(':').next());
    format!("{{{}}}", items.join(", "))
}

fn selection(random: &mut Rng) -> String {
    match random.u8(..8) {
        0 => list(random, 1, map),
        1 => list(random, 1, |random| pick(random, &["alpha", "Browser", "nothing"]).to_owned()),
        _ => map(random),
    }
}

/// A rule with up to three selections.
pub(crate) fn rule(random: &mut Rng, at: u64) -> String {
    let conditions = [
        "s_1",
        "s_1 and s_2",
        "s_1 or s_2",
        "s_1 and not s_2",
        "1 of s_*",
        "all of s_*",
        "2 of s_*",
        "s_1 and not 1 of s_*",
        "not (s_1 or s_2) and s_3",
        "s_1 and (s_2 or not s_3)",
        "all of them",
    ];
    let selections: String = (1..4).map(|number| format!("  s_{number}: {}\n", selection(random))).collect();
    let condition = pick(random, &conditions);
    format!(
        "title: rule {at}\nid: '{at}'\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n{selections}  condition: {condition}\n"
    )
}
