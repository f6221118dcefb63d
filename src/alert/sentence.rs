//! What an alert says to a person: a sentence, and the command that shows its events.

use chrono::{DateTime, Duration, SecondsFormat, Utc};

use crate::alert::join::{ACTORS, APIS, Caller, Running};
use crate::alert::occurrence::ACCOUNTS;
use crate::alert::{ADDRESSES, moment};
use crate::insight::{Actor, list_condition};
use crate::rules::plan::{Body, Correlation, Rule};
use crate::shown::{clipped, counted, number, span};
use crate::time::MINUTE_MS;

/// Who did it, where it was one.
pub(super) fn actor(running: &Running) -> Option<String> {
    let [caller] = running.callers.as_slice() else { return None };
    caller.as_actor().map(|actor| actor.shown())
}

impl Caller {
    fn as_actor(&self) -> Option<Actor> {
        let name = self.name.as_deref().map(|name| name.split(':').next().unwrap_or(name).to_owned());
        Actor::of_entity(&self.principal).map(|actor| Actor { name, ..actor })
    }
}

/// The sentence of an alert about matches.
pub(super) fn sentence(rule: &Rule, running: &Running, keys: &[(String, String)]) -> String {
    let when = span(moment(running.first), whole_minutes(running));
    match &rule.body {
        Body::Detection(_) => format!("{}: {} {when}{}", rule.title, deed(running), outcome(running)),
        Body::Correlation(correlation) => format!("{}: {} {when}", rule.title, story(correlation, running, keys)),
    }
}

/// `user alice called Ram/CreateUser 3 times from 203.0.113.9`.
fn deed(running: &Running) -> String {
    let who = match running.callers.len() {
        0 => "someone".to_owned(),
        1 => actor(running).unwrap_or_else(|| "someone".to_owned()),
        many if many > ACTORS => format!("more than {ACTORS} principals"),
        many => format!("{many} principals"),
    };
    let what = listed(&running.apis, APIS, "other APIs");
    let times = if running.count == 1 { String::new() } else { format!(" {} times", number(running.count)) };
    format!("{who} called {what}{times}{}", origin(running))
}

/// `31 matches within 1 h of userName bob from 198.18.0.7`.
fn story(correlation: &Correlation, running: &Running, keys: &[(String, String)]) -> String {
    let window = length(correlation.window_ms);
    // The account is the same for nearly all of them, and stands elsewhere.
    let telling = keys.iter().filter(|(field, _)| !ACCOUNTS.contains(&field.as_str()));
    let name = |field: &str| field.rsplit('.').next().unwrap_or(field).to_owned();
    let of: Vec<String> = telling
        .map(|(field, value)| known(running, value).unwrap_or_else(|| format!("{} {}", name(field), clipped(value))))
        .collect();
    let of = if of.is_empty() { String::new() } else { format!(" of {}", of.join(" and ")) };
    format!("{} within {window}{of}{}", counted(running.members, "match", "matches"), origin(running))
}

/// A principal by its name, where the events told it.
fn known(running: &Running, principal: &str) -> Option<String> {
    let caller = running.callers.iter().find(|caller| caller.principal == principal)?;
    caller.as_actor().map(|actor| actor.shown())
}

fn origin(running: &Running) -> String {
    match running.addresses.len() {
        0 => String::new(),
        1 => format!(" from {}", clipped(&running.addresses[0])),
        many if many > ADDRESSES => format!(" from more than {ADDRESSES} addresses"),
        many => format!(" from {many} addresses"),
    }
}

fn outcome(running: &Running) -> String {
    match (running.failed, running.count) {
        (0, _) => String::new(),
        (1, 1) => " and failed".to_owned(),
        (failed, all) if failed == all => " and failed every time".to_owned(),
        (failed, _) => format!(", {} of them failed", number(failed)),
    }
}

/// Up to three of several names.
fn listed(names: &[String], most: usize, others: &str) -> String {
    let first = names.iter().take(3).map(|name| clipped(name)).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "something".to_owned(),
        1..=3 => first,
        many if many > most => format!("{first} and many {others}"),
        many => format!("{first} and {} {others}", many - 3),
    }
}

/// One past the minute of the last match, as spans have it.
fn whole_minutes(running: &Running) -> DateTime<Utc> {
    moment(running.last - running.last.rem_euclid(MINUTE_MS)) + Duration::minutes(1)
}

/// `90 min`, `24 h`.
pub(super) fn length(ms: i64) -> String {
    match ms / 1000 {
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// The fields that `insights query` has an option for.
const OPTIONS: [(&str, &str); 10] = [
    ("recipientAccountId", "--account"),
    ("userIdentity.accountId", "--account"),
    ("userIdentity.accessKeyId", "--access-key"),
    ("userIdentity.userName", "--user"),
    ("sourceIPAddress", "--source-ip"),
    ("sourceIpAddress", "--source-ip"),
    ("insights.network", "--source-ip"),
    ("eventName", "--event"),
    ("errorCode", "--error"),
    ("eventId", "--event-id"),
];

/// `insights query EVENTS …` for the events of an alert: by their ids if all are known, else by what they have in common.
pub(super) fn next_query(running: &Running, is_event: bool, keys: &[(String, String)]) -> String {
    let all_known = is_event && running.examples.len() as u64 == running.count;
    let mut words = vec!["insights query EVENTS".to_owned()];
    match list_condition("--event-id", &running.examples).filter(|_| all_known) {
        Some(ids) => words.push(ids),
        None => words.extend(in_common(running, keys)),
    }
    let (from, to) = (running.first.div_euclid(1000), running.last.div_euclid(1000) + 1);
    let second = |second: i64| moment(second * 1000).to_rfc3339_opts(SecondsFormat::Secs, true);
    words.push(format!("--from {} --to {}", second(from), second(to)));
    words.join(" ")
}

/// The name of an API; `None` where two slashes leave open which of them ends the service.
fn event_name(api: &str) -> Option<String> {
    let name = api.split_once('/').map_or(api, |(_, name)| name);
    (!name.contains('/')).then(|| name.to_owned())
}

fn in_common(running: &Running, keys: &[(String, String)]) -> Vec<String> {
    let mut conditions: Vec<(&str, Vec<String>)> = Vec::new();
    let mut add = |flag: &'static str, values: Vec<String>| {
        if !values.is_empty() && !conditions.iter().any(|(known, _)| *known == flag) {
            conditions.push((flag, values));
        }
    };
    for (field, value) in keys {
        if let Some((_, flag)) = OPTIONS.iter().find(|(known, _)| known == field) {
            add(flag, vec![value.clone()]);
        }
    }
    let names = running.apis.iter().map(|api| event_name(api)).collect::<Option<Vec<String>>>();
    add("--event", names.filter(|_| running.apis.len() <= APIS).unwrap_or_default());
    if let [caller] = running.callers.as_slice() {
        let name = caller.as_actor().map(|actor| actor.name.unwrap_or(actor.id));
        match caller.principal.split('/').next() {
            Some("root") => add("--user", vec!["root".to_owned()]),
            Some("role") => add("--role", name.into_iter().collect()),
            _ => add("--user", name.into_iter().collect()),
        }
    }
    if let [address] = running.addresses.as_slice() {
        add("--source-ip", vec![address.clone()]);
    }
    conditions.iter().filter_map(|(flag, values)| list_condition(flag, values)).collect()
}
