//! From what was joined to an [`Alert`] with everything that is told of it.

use chrono::{NaiveDate, SecondsFormat};

use crate::alert::attack::Tagged;
use crate::alert::join::{APIS, Joined, alert_id};
use crate::alert::occurrence::Identity;
use crate::alert::sentence::{actor, length, next_query, sentence};
use crate::alert::silence::Silence;
use crate::alert::{ADDRESSES, Alert, Fingerprint, RuleBook, Status, moment};
use crate::rules::plan::Rule;

/// Letters of a key's value that are shown.
const LETTERS: usize = 1_000;

/// The stretch of a day that alerts are told of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) date: NaiveDate,
    /// The first moment of the day.
    pub(super) begin: i64,
    /// One past the last moment that was looked at.
    pub(super) end: i64,
}

/// The alert of some matches.
pub(super) fn of_matches(
    book: &RuleBook,
    told: Stretch,
    fingerprint: Fingerprint,
    identity: &Identity,
    joined: &Joined,
) -> Alert {
    let rule = &book.rules.rules()[identity.rule];
    let running = &joined.running;
    let named = identity.named_keys(rule);
    let keys: Vec<(String, String)> =
        named.iter().filter_map(|(field, value)| Some((field.clone(), value.clone()?))).collect();
    let only_account = if let [account] = running.accounts.as_slice() { account.as_str() } else { "" };
    let account = if identity.account.is_empty() { only_account } else { &identity.account };
    let may_go_on = told.end - running.last <= book.alerts.group_gap;
    Alert {
        alert_id: running.id,
        account: shortened(account),
        keys: named.into_iter().map(|(field, value)| (field, value.as_deref().map(shortened))).collect(),
        first_time: moment(running.first),
        last_time: moment(running.last),
        count: running.count,
        failed: running.failed,
        example_event_ids: running.examples.clone(),
        actor: actor(running),
        apis: running.apis.iter().take(APIS).cloned().collect(),
        source_ips: running.addresses.iter().take(ADDRESSES).cloned().collect(),
        sentence: sentence(rule, running, &shortened_values(&keys)),
        next_query: next_query(running, rule.source().is_some(), &keys),
        continued: joined.continued,
        status: if may_go_on { Status::Firing } else { Status::Resolved },
        notifications: joined.notifications.iter().copied().map(moment).collect(),
        ..of_rule(rule, told.date, fingerprint)
    }
}

/// The alert of matches that did not come.
pub(super) fn of_silence(book: &RuleBook, told: Stretch, silence: &Silence) -> Alert {
    let rule = &book.rules.rules()[silence.rule];
    let fingerprint = Fingerprint::new("", &rule.id, [Some("no data")]);
    let begin = silence.span.start;
    let second = |ms| moment(ms).to_rfc3339_opts(SecondsFormat::Secs, true);
    let longest = length(begin - silence.since);
    Alert {
        alert_id: alert_id(fingerprint, begin),
        first_time: moment(begin),
        last_time: moment(silence.span.end),
        sentence: format!("{}: no match since {}, longer than {longest}", rule.title, second(silence.since)),
        next_query: format!(
            "insights query EVENTS --from {} --to {} --timeline",
            second(silence.since),
            second(silence.span.end)
        ),
        continued: begin < told.begin,
        no_data: true,
        status: if silence.is_over { Status::Resolved } else { Status::Firing },
        notifications: Some(begin).filter(|begin| *begin >= told.begin).map(moment).into_iter().collect(),
        ..of_rule(rule, told.date, fingerprint)
    }
}

/// What a rule says of all its alerts.
fn of_rule(rule: &Rule, date: NaiveDate, fingerprint: Fingerprint) -> Alert {
    let tagged = Tagged::of(&rule.tags);
    Alert {
        alert_id: uuid::Uuid::nil(),
        date,
        rule_id: rule.id.clone(),
        rule: rule.title.clone(),
        builtin: rule.extension.builtin.clone(),
        group: rule.extension.group.clone(),
        severity: rule.level,
        severity_number: rule.level.vendor_number(),
        account: String::new(),
        keys: std::collections::BTreeMap::new(),
        fingerprint,
        first_time: moment(0),
        last_time: moment(0),
        count: 0,
        failed: 0,
        example_event_ids: Vec::new(),
        actor: None,
        apis: Vec::new(),
        source_ips: Vec::new(),
        places: Vec::new(),
        tactic: tagged.tactic,
        technique: tagged.technique,
        technique_name: tagged.technique_name,
        sentence: String::new(),
        next_query: String::new(),
        continued: false,
        no_data: false,
        status: Status::Firing,
        notifications: Vec::new(),
        description: rule.description.clone(),
        false_positives: rule.false_positives.clone(),
    }
}

fn shortened_values(keys: &[(String, String)]) -> Vec<(String, String)> {
    keys.iter().map(|(field, value)| (field.clone(), shortened(value))).collect()
}

/// Values come from whoever can make a call, and may be as long as an event.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
