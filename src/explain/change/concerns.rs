//! What makes a change serious, and what says so: its requests, the settings that its trail had before, and when and from where its
//! principal usually calls.

use std::collections::{BTreeMap, BTreeSet};

use crate::baseline::Feed;
use crate::event::{ChangeKind, network};
use crate::explain::change::Said;
use crate::explain::change::events::Seen;
use crate::insight::Concern;
use crate::insight::events::evidence::Request;
use crate::insight::life::trail::{Lessened, TrailBook};
use crate::insight::meaning::habits::Habits;
use crate::insight::requests::serious::{gives_to, of_request};
use crate::rollup::EntityKey;
use crate::time::HourSpan;

/// Networks that are named.
const NAMED: usize = 5;

/// Each concern with what says so.
pub(super) type Found = BTreeMap<Concern, String>;

/// What requests say by themselves.
pub(super) fn of_requests(kind: ChangeKind, seen: &[&Seen]) -> Found {
    let mut found = Found::new();
    let mut receivers = BTreeSet::new();
    // Where every attempt to give rights failed, what they asked for tells.
    let have_failed = kind == ChangeKind::Permission && seen.iter().all(|change| change.failed);
    for change in seen.iter().filter(|change| have_failed || !change.failed) {
        let parameters = change.event.request_parameters.as_deref().unwrap_or_default();
        let looked = of_request(kind, &change.event_name, parameters);
        let at = change.event.time.as_deref().unwrap_or_default();
        if looked.is_unread {
            let says = || format!("{} at {at}: its parameters are cut off or nested too deep", change.event.api);
            found.entry(Concern::NotAllRead).or_insert_with(says);
        }
        for (concern, says) in looked.concerns {
            found.entry(concern).or_insert_with(|| format!("{} at {at}: {says}", change.event.api));
        }
        receivers.extend(looked.receivers);
    }
    let names = seen.iter().filter_map(|change| change.event.name.as_deref());
    if let Some(name) = names.into_iter().find(|name| gives_to(&receivers, name)) {
        found.insert(Concern::SelfGrant, format!("{name} called, and is among those who are given rights"));
    }
    found
}

/// What trails were less than before, by the time and the id of the request.
pub(super) type LessThanBefore = BTreeMap<(i64, Option<String>), Vec<Lessened>>;

/// What the trails of an account were less than before on a day whose requests come in order of time.
pub(super) fn lessened(account: &str, book: &mut TrailBook, seen: &[&Seen]) -> LessThanBefore {
    let mut less = LessThanBefore::new();
    for change in seen.iter().filter(|change| !change.failed) {
        let request = Request {
            time: change.time,
            api: change.event_name.clone(),
            region: change.region.clone(),
            parameters: change.event.request_parameters.clone().unwrap_or_default(),
        };
        less.entry((change.time, change.event.id.clone())).or_default().extend(book.apply(account, &request));
    }
    less
}

/// What the trails of an account were less than before, of some of the requests. Recording less than before says all that recording
/// less than everything does.
pub(super) fn of_trails(found: &mut Found, seen: &[&Seen], lessened: &LessThanBefore) {
    for less in seen.iter().filter_map(|change| lessened.get(&(change.time, change.event.id.clone()))).flatten() {
        let listed = |values: &BTreeSet<String>| values.iter().cloned().collect::<Vec<_>>().join(", ");
        let says = format!(
            "{} of trail {} was {} since {}, now {}",
            less.parameter,
            less.trail,
            listed(&less.before),
            less.last_seen.format("%Y-%m-%d"),
            listed(&less.now)
        );
        found.entry(less.concern).or_insert(says);
    }
    if found.contains_key(&Concern::RecordsLess) {
        found.remove(&Concern::Narrowed);
    }
}

/// What is unusual about when and from where.
pub(super) fn of_habits(found: &mut Found, habits: &Habits, principal: &EntityKey, sources: &[&str], hour: u8) {
    for concern in habits.unusual(principal, sources.iter().copied(), hour) {
        let says = match concern {
            Concern::UnusualNetwork => from_where(habits, principal, sources),
            _ => at_what_hour(habits, principal, hour),
        };
        found.insert(concern, says);
    }
}

fn from_where(habits: &Habits, principal: &EntityKey, sources: &[&str]) -> String {
    let networks: BTreeSet<String> = sources.iter().filter_map(|source| source.parse().ok()).map(network).collect();
    let is_new = |network: &String| habits.networks(principal).is_none_or(|known| !known.contains(network));
    let new: Vec<String> = networks.into_iter().filter(is_new).collect();
    format!("from {}; {}", new.join(", "), usual_networks(habits, principal))
}

fn usual_networks(habits: &Habits, principal: &EntityKey) -> String {
    let known: Vec<&str> = habits.networks(principal).into_iter().flatten().map(String::as_str).collect();
    let more = known.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("until then it called from {}{more}", known[..known.len().min(NAMED)].join(", "))
}

/// What can be said of a concern that the night found, without its events.
pub(super) fn of_the_night(concern: Concern, habits: &Habits, principal: &EntityKey) -> String {
    let found = "so the night found it; --events EVENTS shows what says so";
    match concern {
        Concern::UnusualNetwork => format!("{found}; {}", usual_networks(habits, principal)),
        _ => found.to_owned(),
    }
}

fn at_what_hour(habits: &Habits, principal: &EntityKey, hour: u8) -> String {
    let hours: Vec<u8> = habits.hours(principal).into_iter().flatten().collect();
    format!("from {hour:02}:00 UTC; until then it was active from {}", spans(&hours))
}

/// Hours of the day as spans.
fn spans(hours: &[u8]) -> String {
    let runs = hours.chunk_by(|hour, next| hour + 1 == *next);
    let spans = runs.map(|run| HourSpan::hour(run[0]).hull(HourSpan::hour(run[run.len() - 1])).to_string());
    spans.collect::<Vec<_>>().join(" and ")
}

/// That the feed of the account fell silent after a change of its trail.
pub(super) fn of_feed(found: &mut Found, feed: &Feed, account: &str, hour: u8) {
    if let Some(silence) = feed.silences_begun(account).into_iter().find(|silence| silence.begin() >= hour) {
        found.insert(Concern::SilenceFollowed, format!("silent from {silence} UTC"));
    }
}

/// The concerns as they are shown, the gravest first.
pub(super) fn said(found: Found) -> Vec<Said> {
    let said = |(concern, says): (Concern, String)| Said {
        concern: concern.name(),
        words: concern.words(),
        grave: concern.is_grave(),
        says,
    };
    found.into_iter().map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_told_as_spans() {
        assert_eq!(spans(&[0, 1, 2, 9, 22, 23]), "00:00 to 03:00 and 09:00 to 10:00 and 22:00 to 24:00");
        assert_eq!(spans(&[]), "");
    }
}
