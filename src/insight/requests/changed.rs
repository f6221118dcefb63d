//! What a change was made to: which policy for whom, whose password, which bucket, which trail.
//!
//! Read from the parameters of its requests, whose names are data (`data/changed.csv`, documented beside it). Values are whatever the
//! caller wrote: they are bounded here, and quoted where they could be taken for words of a sentence.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Serialize;
use serde_json::Value;

use crate::event::ChangeKind;
use crate::shown::number;

static TABLE: &str = include_str!("../../../data/changed.csv");
static PARAMETERS: LazyLock<Vec<Parameter>> = LazyLock::new(|| TABLE.lines().filter_map(Parameter::parse).collect());

/// Objects that are told apart.
const MOST_OBJECTS: usize = 1000;
/// Values of a request that are looked at, and characters of one that are kept.
const MOST_VALUES: usize = 8;
const KEPT: usize = 256;
/// Characters of a value that a sentence has room for; no cloud has longer names of policies and users.
const SHOWN: usize = 128;
/// Objects of an API that a sentence names, and objects that an insight lists.
const NAMED: usize = 3;
const LISTED: usize = 20;
/// How deep in a request names are looked for.
const DEEPEST: usize = 3;

/// One line of the table.
struct Parameter {
    kind: ChangeKind,
    name: &'static str,
    is_whom: bool,
    word: &'static str,
}

impl Parameter {
    fn parse(line: &'static str) -> Option<Self> {
        let fields: Vec<&'static str> = line.split(',').collect();
        let [kind, name, part, word] = fields[..] else { return None };
        let is_whom = ["what", "whom"].iter().position(|known| *known == part)? == 1;
        Some(Self { kind: ChangeKind::named(kind)?, name, is_whom, word })
    }
}

/// A name, and what it is the name of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NamedObject {
    /// What it is the name of: `policy`, `user`, `bucket`.
    pub word: &'static str,
    /// The name as the request has it; of a very long one the beginning.
    pub name: String,
}

/// What a request of a change is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Object {
    /// What is given, taken or changed.
    pub what: Vec<NamedObject>,
    /// For whom.
    pub whom: Vec<NamedObject>,
}

/// What a change was made to through one API, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The API's name, without its service.
    pub api: String,
    /// What, and for whom.
    #[serde(flatten)]
    pub object: Object,
    /// How many calls were about it.
    pub calls: u64,
}

/// What the requests of a change are about; of very many different objects those that come first in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Objects(BTreeMap<(String, Object), u64>);

/// What a request is about; `None` where it names nothing that is known.
pub(in crate::insight) fn object(kind: ChangeKind, request: &Value) -> Option<Object> {
    let mut found = Vec::new();
    find(kind, request, 0, &mut found);
    found.sort_by_key(|(line, _)| *line);
    found.dedup();
    let (mut what, mut whom) = (Vec::new(), Vec::new());
    for (line, name) in found.into_iter().take(MOST_VALUES) {
        let Parameter { is_whom, word, .. } = PARAMETERS[line];
        if is_whom { &mut whom } else { &mut what }.push(NamedObject { word, name });
    }
    Some(Object { what, whom }).filter(|object| *object != Object::default())
}

/// Finds the values of known parameters with their lines of the table. Documents inside texts are none of them.
fn find(kind: ChangeKind, request: &Value, depth: usize, found: &mut Vec<(usize, String)>) {
    let Value::Object(fields) = request else { return };
    for (name, value) in fields {
        let is_own = |parameter: &Parameter| parameter.kind == kind && parameter.name.eq_ignore_ascii_case(name);
        match (PARAMETERS.iter().position(is_own), value) {
            (Some(line), Value::Array(items)) => {
                found.extend(items.iter().take(MOST_VALUES).filter_map(text).map(|value| (line, value)));
            }
            (Some(line), value) if !value.is_object() => found.extend(text(value).map(|value| (line, value))),
            _ if depth + 1 < DEEPEST => find(kind, value, depth + 1, found),
            _ => {}
        }
    }
}

/// The text of a value that is one, or a number.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().chars().take(KEPT).collect(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    Some(text).filter(|text| !text.is_empty())
}

impl Objects {
    /// Adds calls of an API that are about an object.
    pub(in crate::insight) fn add(&mut self, api: &str, object: Object, calls: u64) {
        *self.0.entry((api.to_owned(), object)).or_default() += calls;
        if self.0.len() > MOST_OBJECTS {
            self.0.pop_last();
        }
    }

    /// Adds those of others.
    pub(in crate::insight) fn absorb(&mut self, others: Self) {
        others.0.into_iter().for_each(|((api, object), calls)| self.add(&api, object, calls));
    }

    /// The objects with the most calls, most first.
    pub(in crate::insight) fn listed(&self) -> Vec<Changed> {
        let mut all: Vec<(&(String, Object), u64)> = self.0.iter().map(|(object, &calls)| (object, calls)).collect();
        all.sort_by_key(|(_, calls)| Reverse(*calls));
        let changed = |((api, object), calls): (&(String, Object), u64)| Changed {
            api: api.clone(),
            object: object.clone(),
            calls,
        };
        all.into_iter().take(LISTED).map(changed).collect()
    }

    /// What an API, named with its service, was called about, in words: the objects with the most calls. Empty where none is known.
    pub(in crate::insight) fn words(&self, api: &str) -> String {
        let is_own = |(name, _): &(String, Object)| {
            api.strip_suffix(name.as_str()).is_some_and(|service| service.ends_with('/'))
        };
        let mut own: Vec<(&Object, u64)> =
            self.0.iter().filter(|(known, _)| is_own(known)).map(|((_, object), &calls)| (object, calls)).collect();
        own.sort_by_key(|(_, calls)| Reverse(*calls));
        let more = own.len().saturating_sub(NAMED);
        let words: Vec<String> = own.into_iter().take(NAMED).map(|(object, _)| object.words()).collect();
        let more = if more > 0 { format!(" and {} more", number(more as u64)) } else { String::new() };
        words.join("; ") + &more
    }
}

impl Object {
    /// A thing of which no more is known than its name.
    pub(in crate::insight) fn resource(name: &str) -> Self {
        let name = name.chars().take(KEPT).collect();
        Self { what: vec![NamedObject { word: "resource", name }], whom: Vec::new() }
    }

    /// `policy AdministratorAccess for user bob`, `user bob`, `bucket backups`.
    pub(in crate::insight) fn words(&self) -> String {
        let words = |named: &[NamedObject]| named.iter().map(NamedObject::words).collect::<Vec<_>>().join(", ");
        match (&self.what[..], &self.whom[..]) {
            (what, []) => words(what),
            ([], whom) => words(whom),
            (what, whom) => format!("{} for {}", words(what), words(whom)),
        }
    }
}

impl NamedObject {
    fn words(&self) -> String {
        format!("{} {}", self.word, quoted(of_arn(&self.name)))
    }
}

/// The end of an ARN, by which people know the thing.
fn of_arn(name: &str) -> &str {
    let is_arn = ["arn:", "acs:"].iter().any(|start| name.starts_with(start));
    let end = name.rsplit(['/', ':']).next().unwrap_or_default();
    if is_arn && !end.is_empty() { end } else { name }
}

/// A name as it stands in a sentence: in quotes where it could be taken for words of it.
fn quoted(name: &str) -> String {
    let cut: String = name.chars().take(SHOWN).collect();
    let cut = if cut.len() < name.len() { cut + "…" } else { cut };
    let is_plain = |character: char| character.is_alphanumeric() || "-_./:@+=*$#|…".contains(character);
    if cut.chars().all(is_plain) { cut } else { format!("“{}”", cut.replace(['“', '”'], "\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(kind: ChangeKind, parameters: &str) -> String {
        object(kind, &serde_json::from_str(parameters).unwrap()).map_or_else(String::new, |object| object.words())
    }

    #[test]
    fn every_line_of_the_table_is_understood() {
        assert_eq!(TABLE.lines().filter_map(Parameter::parse).count(), TABLE.lines().count() - 1);
    }

    #[test]
    fn whose_and_which_is_named_in_both_clouds() {
        use ChangeKind::{Password, Permission, Trail};
        for (kind, parameters, said) in [
            (Password, r#"{"UserName":"emil4","Password":"***"}"#, "user emil4"),
            (Password, r#"{"userName":"emil4","passwordResetRequired":false}"#, "user emil4"),
            (Password, r#"{"serialNumber":"arn:aws:iam::1:mfa/eve","userName":"eve"}"#, "device eve for user eve"),
            (
                Permission,
                r#"{"PolicyName":"AdministratorAccess","PolicyType":"System","UserName":"support2"}"#,
                "policy AdministratorAccess for user support2",
            ),
            (
                Permission,
                r#"{"userName":"alice","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}"#,
                "policy AdministratorAccess for user alice",
            ),
            (Permission, r#"{"GroupName":"admins","UserName":"bob"}"#, "user bob, group admins"),
            (
                Permission,
                r#"{"bucketName":"backups","bucketPolicy":{"Statement":[{"Principal":"*"}]}}"#,
                "bucket backups",
            ),
            (Permission, r#"{"BucketName":"backups","x-oss-acl":"public-read"}"#, "bucket backups"),
            (Permission, r#"{"functionName":"pay","principal":"*"}"#, "function pay for principal *"),
            (Trail, r#"{"Name":"main","TrailRegion":"eu-central-1"}"#, "trail main"),
            (Trail, r#"{"name":"arn:aws:cloudtrail:eu-west-1:1:trail/main"}"#, "trail main"),
            (Trail, r#"{"DeleteFlowLogsRequest":{"FlowLogId":["fl-1","fl-2"]}}"#, "flow log fl-1, flow log fl-2"),
            (Permission, r#"{"PolicyDocument":"{\"UserName\":\"nobody\"}"}"#, ""),
            (Password, r#"["UserName"]"#, ""),
        ] {
            assert_eq!(words(kind, parameters), said, "{parameters}");
        }
    }

    #[test]
    fn hostile_names_are_bounded_and_no_words_of_the_sentence() {
        let of = |name: &str| words(ChangeKind::Password, &serde_json::json!({ "UserName": name }).to_string());
        assert_eq!(of("a for user bob; it is harmless"), "user “a for user bob; it is harmless”");
        assert_eq!(of("a” at 10:00 “b"), "user “a\" at 10:00 \"b”");
        assert_eq!(of(&"x".repeat(100_000)), format!("user {}…", "x".repeat(SHOWN)));
        assert_eq!(of("<script>"), "user “<script>”");
        let deep = format!("{}\"UserName\":\"x\"{}", "{\"a\":".repeat(90) + "{", "}".repeat(91));
        assert_eq!(words(ChangeKind::Password, &deep), "");
        let many: Vec<String> = (0..500).map(|number| format!("fl-{number}")).collect();
        let request = serde_json::json!({ "FlowLogId": many });
        assert_eq!(object(ChangeKind::Trail, &request).unwrap().what.len(), MOST_VALUES);
    }

    #[test]
    fn however_many_there_are_the_same_are_kept_in_any_order() {
        let object = |number: usize| Object::resource(&format!("{number:05}"));
        let all = |numbers: &mut dyn Iterator<Item = usize>| {
            let mut objects = Objects::default();
            numbers.for_each(|number| objects.add("PutBucketAcl", object(number), 1));
            objects
        };
        let most = MOST_OBJECTS + 50;
        let mut halves = all(&mut (most / 2..most));
        halves.absorb(all(&mut (0..most / 2)));
        assert_eq!(halves, all(&mut (0..most).rev()));
        assert_eq!(halves.0.len(), MOST_OBJECTS);
    }

    #[test]
    fn a_sentence_names_some_of_an_api_alone() {
        let mut objects = Objects::default();
        let user = |name: &str| object(ChangeKind::Password, &serde_json::json!({ "UserName": name })).unwrap();
        for name in ["a", "b", "c", "d", "d"] {
            objects.add("UpdateLoginProfile", user(name), 1);
        }
        objects.add("DeleteLoginProfile", user("z"), 9);
        assert_eq!(objects.words("Ram/UpdateLoginProfile"), "user d; user a; user b and 1 more");
        assert_eq!(
            (objects.words("Ram/DeleteLoginProfile"), objects.words("Ram/Profile")),
            ("user z".into(), String::new())
        );
        assert_eq!((objects.listed()[0].calls, objects.listed().len()), (9, 5));
    }
}
