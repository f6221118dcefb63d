//! What the events of a target tell: minutes, values, examples, requests. All of it is bounded, however many events there are.
//!
//! Pieces are gathered from row groups in any order and by several threads, so each adds up to the same whatever the order. It is what was seen and no
//! more; what is unusual about it is asked in [`compared`](crate::insight::events), with [`usual`](super::usual) beside it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::event::ChangeKind;
use crate::insight::events::let_in::LetIn;
use crate::insight::events::names::Names;
use crate::insight::events::values::{Values, add_all};
use crate::insight::requests::changed::Objects;
use crate::insight::requests::concern::Concern;
use crate::insight::requests::serious::{self, gives_to};
use crate::insight::requests::trail_name::trail_of;

/// Events that are named as examples.
pub(in crate::insight) const EXAMPLES: usize = 10;
/// Bytes of a request's parameters that are looked at; no cloud records as many.
const MOST_PARAMETERS: usize = 1 << 20;
/// Requests about a trail that are kept, those that come first.
const REQUESTS: usize = 1000;
/// Bytes of the parameters of one that is kept; a longer one is looked at by itself, and not followed.
const MOST_KEPT_PARAMETERS: usize = 65_536;
/// Names of those who are given rights that are told apart.
const MOST_RECEIVERS: usize = 10_000;

/// What the events of a target tell.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The hour of the day from which on was searched.
    pub from: u8,
    /// Calls by minute of the hours that were searched.
    pub minutes: Vec<u32>,
    /// The minutes of the episode among them, first and one past the last; all that follows is about these alone.
    pub span: (usize, usize),
    /// How many minutes more the episode has before the midnight at which the day begins.
    pub before: usize,
    /// What the events in these tell.
    pub eve: Option<Box<Evidence>>,
    /// Failed calls.
    pub errors: u64,
    /// Who signed in, of an API that does that: where others failed, that is whom to ask.
    pub signed_in: BTreeMap<String, u64>,
    /// When the first of them did, in milliseconds.
    pub signed_in_at: Option<i64>,
    /// Of sign-ins that were refused, who got in from the same address, then or soon after.
    pub let_in: Option<LetIn>,
    /// Of each attribute the values and their calls.
    pub values: Values,
    /// Addresses among them that nobody used until lately.
    pub unseen: Unseen,
    /// The names of users and roles, where events tell any.
    pub names: Names,
    /// The earliest events: time and id.
    pub examples: Vec<(i64, String)>,
    /// Of changes of a trail, the successful requests in order of time.
    pub requests: Vec<Request>,
    /// What makes a change serious by what its requests say.
    pub concerns: BTreeSet<Concern>,
    /// To whom its requests give rights.
    pub receivers: BTreeSet<String>,
    /// What its requests are about, those that failed among them.
    pub objects: Objects,
    /// What its attempts that failed asked for.
    pub tried: Tried,
    /// Its requests that were not looked at, or not wholly.
    pub unread: u64,
    /// The ARNs of those who called, by the bare identifier of each, as far as its first events tell them.
    pub principal_arns: BTreeMap<String, String>,
}

/// Addresses that nobody in the account used in so many days before, or until the last of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unseen {
    /// The addresses, as they are spelled among the values, and the first day of each.
    pub addresses: BTreeMap<String, NaiveDate>,
    /// The days that were looked back on.
    pub days: usize,
}

/// What attempts that failed asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// What would have made the change serious by what they say.
    pub concerns: BTreeSet<Concern>,
    /// To whom they would have given rights.
    pub receivers: BTreeSet<String>,
}

/// A successful request of a change of a trail.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// When, in milliseconds.
    pub time: i64,
    /// The API's name.
    pub api: String,
    /// The region that tells trails of one name apart; empty where names are those of an account.
    pub region: String,
    /// Its parameters as JSON.
    pub parameters: String,
}

impl Request {
    /// The name of the trail that it is about, and its region where names are those of regions.
    pub(in crate::insight) fn trail(&self) -> Option<(String, String)> {
        let (name, region) = trail_of(&self.parameters)?;
        Some((name, region.unwrap_or_else(|| self.region.to_lowercase())))
    }

    /// Whether the trails of a service, in lower case, have names of their own in each region.
    pub fn is_by_region(service: &str) -> bool {
        service == "cloudtrail"
    }
}

impl Evidence {
    /// What makes a change serious by all of its events.
    pub(in crate::insight) fn all_concerns(&self) -> BTreeSet<Concern> {
        let gives_to_himself = self.names.all().any(|name| gives_to(&self.receivers, name));
        let more = [gives_to_himself.then_some(Concern::SelfGrant), (self.unread > 0).then_some(Concern::NotAllRead)];
        self.concerns.iter().copied().chain(more.into_iter().flatten()).collect()
    }

    /// What attempts that failed would have made of a change.
    pub(in crate::insight) fn concerns_of_attempts(&self) -> BTreeSet<Concern> {
        let would_give_to_himself = self.names.all().any(|name| gives_to(&self.tried.receivers, name));
        self.tried.concerns.iter().copied().chain(would_give_to_himself.then_some(Concern::SelfGrant)).collect()
    }

    /// Adds what later events of the same episode tell.
    pub(in crate::insight) fn absorb(&mut self, later: Self) {
        self.errors += later.errors;
        add_all(&mut self.signed_in, later.signed_in);
        self.signed_in_at = self.signed_in_at.into_iter().chain(later.signed_in_at).min();
        later.values.into_iter().for_each(|(attribute, later)| add_all(&mut self.values[attribute], later));
        self.names.absorb(&later.names);
        self.concerns.extend(later.concerns);
        self.unread += later.unread;
        self.objects.absorb(later.objects);
        later.receivers.into_iter().for_each(|name| self.add_receiver(name));
        self.tried.concerns.extend(later.tried.concerns);
        self.tried.receivers.extend(later.tried.receivers);
        self.unread += self.tried.bound();
        self.principal_arns.extend(later.principal_arns);
        self.requests.extend(later.requests);
        self.keep_earliest();
    }

    /// Looks at a successful request of a change.
    #[cfg(test)]
    pub(in crate::insight) fn look_at(&mut self, kind: ChangeKind, time: i64, api: &str, parameters: &str) {
        self.look_at_in("", kind, time, api, parameters);
    }

    /// Looks at a successful request of a change, in a region that tells trails of one name apart.
    pub(super) fn look_at_in(&mut self, region: &str, kind: ChangeKind, time: i64, api: &str, parameters: &str) {
        if parameters.len() > MOST_PARAMETERS {
            self.unread += 1;
            return;
        }
        let looked = serious::of_request(kind, api, parameters);
        self.unread += u64::from(looked.is_unread);
        self.concerns.extend(looked.concerns.into_keys());
        looked.object.into_iter().for_each(|object| self.objects.add(api, object, 1));
        looked.receivers.into_iter().for_each(|name| self.add_receiver(name));
        if kind == ChangeKind::Trail {
            self.keep(time, (api, region), parameters);
        }
    }

    /// Keeps a request about a trail, to be followed.
    fn keep(&mut self, time: i64, (api, region): (&str, &str), parameters: &str) {
        if parameters.len() > MOST_KEPT_PARAMETERS {
            self.unread += 1;
            return;
        }
        let (api, region, parameters) = (api.to_owned(), region.to_owned(), parameters.to_owned());
        self.requests.push(Request { time, api, region, parameters });
        if self.requests.len() >= 2 * REQUESTS {
            self.keep_earliest();
        }
    }

    /// A request whose parameters cannot be read.
    pub(super) fn miss(&mut self) {
        self.unread += 1;
    }

    /// Looks at a request of a change that failed: a grant tells whom to watch, and any what was meant.
    pub(super) fn look_at_attempt(&mut self, kind: ChangeKind, api: &str, parameters: &str) {
        if parameters.len() > MOST_PARAMETERS {
            self.unread += 1;
            return;
        }
        let looked = serious::of_request(kind, api, parameters);
        self.unread += u64::from(looked.is_unread);
        looked.object.into_iter().for_each(|object| self.objects.add(api, object, 1));
        if kind == ChangeKind::Permission {
            self.tried.concerns.extend(looked.concerns.into_keys());
            self.tried.receivers.extend(looked.receivers);
            self.unread += self.tried.bound();
        }
    }

    fn add_receiver(&mut self, name: String) {
        self.receivers.insert(name);
        if self.receivers.len() > MOST_RECEIVERS {
            self.receivers.pop_last();
            self.unread += 1;
        }
    }

    fn keep_earliest(&mut self) {
        self.requests.sort();
        self.unread += self.requests.len().saturating_sub(REQUESTS) as u64;
        self.requests.truncate(REQUESTS);
    }

    /// The minute by whose end there are as many calls as are named as examples.
    pub(super) fn last_example(&self) -> usize {
        let mut calls = 0;
        let enough = |minute: &usize| {
            calls += self.minutes[*minute] as usize;
            calls >= EXAMPLES
        };
        (self.span.0..self.span.1.min(self.minutes.len())).find(enough).unwrap_or(self.span.1)
    }

    /// The minutes of the day of the episode, first and one past the last.
    pub(in crate::insight) fn minutes_of_day(&self) -> (i64, i64) {
        let first = i64::from(self.from) * 60;
        (first + self.span.0 as i64, first + self.span.1 as i64)
    }

    /// The hour of the day until which was searched.
    pub(in crate::insight) fn until(&self) -> u8 {
        self.from + (self.minutes.len() / 60) as u8
    }

    /// Calls in so many minutes after the episode, as far as was searched.
    pub(in crate::insight) fn calls_after(&self, minutes: i64) -> u64 {
        let after = self.minutes.iter().skip(self.span.1).take(minutes.max(0) as usize);
        after.map(|&calls| u64::from(calls)).sum()
    }

    /// The longest run of the episode's minutes without a call.
    pub(in crate::insight) fn longest_gap(&self) -> i64 {
        let minutes = self.minutes.get(self.span.0..self.span.1).unwrap_or_default();
        minutes.split(|&calls| calls > 0).map(<[u32]>::len).max().unwrap_or(0) as i64
    }

    /// Calls in the episode's minutes.
    pub fn calls(&self) -> u64 {
        let calls = self.minutes.get(self.span.0..self.span.1).unwrap_or_default();
        calls.iter().map(|&calls| u64::from(calls)).sum()
    }
}

impl Tried {
    /// Leaves out names beyond the first; gives how many.
    fn bound(&mut self) -> u64 {
        let beyond = self.receivers.len().saturating_sub(MOST_RECEIVERS);
        (0..beyond).for_each(|_| drop(self.receivers.pop_last()));
        beyond as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_looked_at_and_what_is_not_is_said() {
        let harmless = r#"{"PolicyName":"ReadOnlyAccess","UserName":"bob"}"#;
        let grave = r#"{"PolicyName":"AdministratorAccess","UserName":"mallory"}"#;
        let mut evidence = Evidence { names: [("user/7", "mallory", 2)].into_iter().collect(), ..Evidence::default() };
        (0..300).for_each(|time| evidence.look_at(ChangeKind::Permission, time, "AttachPolicyToUser", harmless));
        evidence.look_at(ChangeKind::Permission, 300, "AttachPolicyToUser", grave);
        let padded = format!("{}{grave}", " ".repeat(100_000));
        let mut later = Evidence::default();
        later.look_at(ChangeKind::Permission, 301, "AttachPolicyToUser", &padded);
        assert_eq!(later.all_concerns(), [Concern::AdministratorPolicy].into());
        evidence.absorb(later);
        assert_eq!(evidence.all_concerns(), [Concern::AdministratorPolicy, Concern::SelfGrant].into());
        let mut cut = Evidence::default();
        cut.look_at(ChangeKind::Permission, 302, "AttachPolicyToUser", &grave[..20]);
        assert_eq!(cut.all_concerns(), [Concern::NotAllRead].into());
        evidence.look_at(ChangeKind::Permission, 302, "AttachPolicyToUser", &" ".repeat(MOST_PARAMETERS + 1));
        assert!(evidence.all_concerns().contains(&Concern::NotAllRead));
    }

    #[test]
    fn an_attempt_that_failed_tells_what_it_asked_for() {
        let grave = r#"{"PolicyName":"AdministratorAccess","UserName":"mallory"}"#;
        let mut evidence = Evidence { names: [("user/7", "mallory", 1)].into_iter().collect(), ..Evidence::default() };
        evidence.look_at_attempt(ChangeKind::Permission, "AttachPolicyToUser", grave);
        assert!(evidence.all_concerns().is_empty(), "nothing was given");
        assert_eq!(evidence.concerns_of_attempts(), [Concern::AdministratorPolicy, Concern::SelfGrant].into());
    }

    #[test]
    fn a_long_request_about_a_trail_is_looked_at_and_not_followed() {
        let stops =
            |length: usize| format!(r#"{{"Name":"t","IsMultiRegionTrail":false,"Pad":"{}"}}"#, " ".repeat(length));
        let looked = |length: usize| {
            let mut evidence = Evidence::default();
            evidence.look_at(ChangeKind::Trail, 1, "UpdateTrail", &stops(length));
            (evidence.all_concerns(), evidence.requests.len())
        };
        let (short, kept) = looked(0);
        assert!(kept == 1 && !short.is_empty(), "{short:?}");
        let (long, kept) = looked(MOST_KEPT_PARAMETERS);
        assert_eq!(kept, 0);
        assert_eq!(long, short.into_iter().chain([Concern::NotAllRead]).collect());
        assert_eq!(looked(MOST_PARAMETERS), ([Concern::NotAllRead].into(), 0));
    }

    #[test]
    fn what_is_left_out_of_attempts_is_said() {
        let attempt = |names: std::ops::Range<usize>, padding: usize| {
            let mut evidence = Evidence::default();
            for name in names {
                let request = format!(r#"{{"UserName":"u{name}"{}}}"#, " ".repeat(padding));
                evidence.look_at_attempt(ChangeKind::Permission, "AttachPolicyToUser", &request);
            }
            evidence
        };
        assert_eq!(attempt(0..1, MOST_PARAMETERS).unread, 1);
        let mut evidence = attempt(0..MOST_RECEIVERS, 0);
        assert_eq!(evidence.unread, 0);
        evidence.absorb(attempt(MOST_RECEIVERS..MOST_RECEIVERS + 3, 0));
        assert_eq!((evidence.unread, evidence.tried.receivers.len()), (3, MOST_RECEIVERS));
    }

    #[test]
    fn the_earliest_requests_about_a_trail_are_kept_whatever_order_they_are_read_in() {
        let look = |times: &mut dyn Iterator<Item = i64>| {
            let mut evidence = Evidence::default();
            times.for_each(|time| evidence.look_at(ChangeKind::Trail, time, "UpdateTrail", r#"{"Name":"t"}"#));
            evidence
        };
        let most = 3 * REQUESTS as i64;
        let mut evidence = look(&mut (most / 2..most).rev());
        evidence.absorb(look(&mut (0..most / 2)));
        assert!(evidence.requests.iter().map(|request| request.time).eq(0..REQUESTS as i64));
        assert_eq!(evidence.unread, 2 * REQUESTS as u64);
    }
}
