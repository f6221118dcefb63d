//! Joining: occurrences of one fingerprint become alerts, one after another.
//!
//! A pure fold over occurrences in order of time. What it remembers between them is a [`Thread`], so that a day may be cut anywhere
//! and its parts folded one after the other: the same alerts come out.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::alert::occurrence::{Occurrence, What};
use crate::alert::{ADDRESSES, AlertSettings, EXAMPLES, Fingerprint};
use crate::rules::matched::MatchedEvent;

/// The namespace of alert ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x5e0c_13c7_9a1f_4f6e_8b5d_70a4_2c9e_d311);
/// Principals that are remembered by name; one more says that there were many.
pub const ACTORS: usize = 10;
/// APIs that are remembered; one more says that there were many.
pub const APIS: usize = 5;

/// Who made a call, as events tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Kind and id, as `user/2389…`.
    pub principal: String,
    /// The name, where one is told.
    pub name: Option<String>,
}

/// An alert while its occurrences come in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// The alert's id: of its fingerprint and first match.
    pub id: Uuid,
    /// The first event, in milliseconds.
    pub first: i64,
    /// The last match.
    pub last: i64,
    /// Matches.
    pub count: u64,
    /// Failed calls among them; those that correlations looked at are not counted.
    pub failed: u64,
    /// The most members that a correlation had in its window.
    pub members: u64,
    /// Ids of the first events.
    pub examples: Vec<String>,
    /// The first callers, at most one more than [`ACTORS`].
    pub callers: Vec<Caller>,
    /// The first addresses, at most one more than [`ADDRESSES`].
    pub addresses: Vec<String>,
    /// The first APIs as `Service/EventName`, at most one more than [`APIS`].
    pub apis: Vec<String>,
    /// The accounts of its events, at most two.
    pub accounts: Vec<String>,
    /// The check in which the last match fell.
    check: i64,
    /// Checks in a row with a match, up to that one.
    checks: u32,
    /// When there were enough of them.
    pub fired: Option<i64>,
}

/// What is remembered of a fingerprint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Thread {
    /// The alert that further occurrences join.
    pub open: Option<Running>,
    /// The last moment that was worth a notification.
    pub notified: Option<i64>,
}

/// An alert as far as a stretch of time saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    /// Everything that is known of it, from its beginning on.
    pub running: Running,
    /// Whether it began before the stretch.
    pub continued: bool,
    /// The moments in the stretch that were worth a notification.
    pub notifications: Vec<i64>,
}

/// How a rule's occurrences are joined.
#[derive(Debug, Clone, Copy)]
pub struct Joining<'s> {
    /// The settings.
    pub settings: &'s AlertSettings,
    /// Checks in a row that must have a match before the alert counts.
    pub consecutive: u32,
    /// The fingerprint.
    pub fingerprint: Fingerprint,
}

impl Joining<'_> {
    /// Folds occurrences, in order of time, into a thread; the alerts that they are parts of, those aside that do not count yet.
    pub fn join(self, thread: &mut Thread, occurrences: &[Occurrence]) -> Vec<Joined> {
        let going_on = |running| Joined { running, continued: true, notifications: Vec::new() };
        let mut current = thread.open.take().map(going_on);
        let (mut alerts, mut seen) = (Vec::new(), false);
        for occurrence in occurrences {
            let is_over = |joined: &mut Joined| occurrence.time - joined.running.last > self.settings.group_gap;
            alerts.extend(current.take_if(is_over).filter(|_| seen));
            seen = true;
            let joined = current.get_or_insert_with(|| self.begin(occurrence));
            joined.running.add(occurrence, self.settings.check_interval);
            joined.notifications.extend(self.notify(&mut joined.running, &mut thread.notified));
        }
        thread.open = current.as_ref().map(|joined| joined.running.clone());
        alerts.extend(current.filter(|_| seen));
        alerts.retain(|joined| joined.running.fired.is_some());
        alerts
    }

    fn begin(self, occurrence: &Occurrence) -> Joined {
        let running = Running {
            id: alert_id(self.fingerprint, occurrence.time),
            first: occurrence.first(),
            last: occurrence.time,
            count: 0,
            failed: 0,
            members: 0,
            examples: Vec::new(),
            callers: Vec::new(),
            addresses: Vec::new(),
            apis: Vec::new(),
            accounts: Vec::new(),
            check: i64::MIN,
            checks: 0,
            fired: None,
        };
        Joined { running, continued: false, notifications: Vec::new() }
    }

    /// The last match's moment, if it is worth a notification.
    fn notify(self, running: &mut Running, notified: &mut Option<i64>) -> Option<i64> {
        if running.fired.is_none() && running.checks >= self.consecutive.max(1) {
            running.fired = Some(running.last);
        }
        running.fired?;
        let due = notified.is_none_or(|before| running.last - before >= self.settings.repeat_interval);
        due.then(|| *notified.insert(running.last))
    }
}

/// The id of the alert that begins with a match at a moment.
pub(super) fn alert_id(fingerprint: Fingerprint, begin: i64) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{fingerprint}\u{0}{begin}").as_bytes())
}

impl Running {
    fn add(&mut self, occurrence: &Occurrence, check_interval: i64) {
        // The windows of one correlation overlap; what was in one before is known.
        let known_until = if self.count == 0 { i64::MIN } else { self.last };
        self.last = occurrence.time;
        self.first = self.first.min(occurrence.first());
        self.count += 1;
        self.members = self.members.max(occurrence.members());
        for id in occurrence.ids() {
            remember(&mut self.examples, id, EXAMPLES);
        }
        if let What::Event(event) = &occurrence.what {
            self.failed += u64::from(event.error_code.is_some());
        }
        occurrence.events_after(known_until).for_each(|event| self.add_event(event));
        let check = occurrence.time.div_euclid(check_interval);
        self.checks = match check.checked_sub(self.check) {
            Some(0) => self.checks,
            Some(1) => self.checks + 1,
            _ => 1,
        };
        self.check = check;
    }

    fn add_event(&mut self, event: &MatchedEvent) {
        if self.apis.len() <= APIS
            && let Some(name) = &event.event_name
            && !self.apis.iter().any(|api| is_api(api, event.service.as_deref(), name))
        {
            let service = event.service.as_deref().map_or(String::new(), |service| format!("{service}/"));
            self.apis.push(format!("{service}{name}"));
        }
        event.source_ip.iter().for_each(|address| remember(&mut self.addresses, address, ADDRESSES + 1));
        event.account.iter().for_each(|account| remember(&mut self.accounts, account, 2));
        if let Some(principal) = &event.principal
            && self.callers.len() <= ACTORS
            && !self.callers.iter().any(|caller| *caller.principal == **principal)
        {
            let name = event.user_name.as_deref().map(str::to_owned);
            self.callers.push(Caller { principal: principal.to_string(), name });
        }
    }
}

fn is_api(known: &str, service: Option<&str>, name: &str) -> bool {
    let Some(service) = service else { return known == name };
    known.strip_prefix(service).and_then(|rest| rest.strip_prefix('/')) == Some(name)
}

fn remember(known: &mut Vec<String>, text: &str, most: usize) {
    if known.len() < most && !known.iter().any(|other| other == text) {
        known.push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::time::MINUTE_MS;
    fn occurrence(time: i64, number: u32) -> Occurrence {
        let text = |text: String| Some(Arc::from(text));
        let event = MatchedEvent {
            time,
            event_id: text(format!("{time}-{number}")),
            event_name: text(format!("Call{}", number % 7)),
            principal: text(format!("user/{}", number % 13)),
            source_ip: text(format!("192.0.2.{}", number % 9)),
            error_code: number.is_multiple_of(3).then(|| Arc::from("Denied")),
            ..MatchedEvent::default()
        };
        Occurrence { time, what: What::Event(Arc::new(event)) }
    }

    fn joining(settings: &AlertSettings, consecutive: u32) -> Joining<'_> {
        Joining { settings, consecutive, fingerprint: Fingerprint::new("1", "r", []) }
    }

    fn minutes(times: &[i64]) -> Vec<Occurrence> {
        times.iter().map(|&time| occurrence(time * MINUTE_MS, 1)).collect()
    }

    fn counts(times: &[i64], consecutive: u32) -> Vec<(u64, Vec<i64>)> {
        let settings = AlertSettings::default();
        let alerts = joining(&settings, consecutive).join(&mut Thread::default(), &minutes(times));
        let notified = |joined: &Joined| joined.notifications.iter().map(|ms| ms / MINUTE_MS).collect();
        alerts.iter().map(|joined| (joined.running.count, notified(joined))).collect()
    }

    #[test]
    fn an_hour_without_a_match_ends_an_alert() {
        assert_eq!(counts(&[0, 60, 120, 181], 1), [(3, vec![0, 60, 120]), (1, vec![181])]);
    }

    #[test]
    fn at_most_one_notification_an_hour() {
        assert_eq!(counts(&[0, 10, 59, 61, 100, 122], 1), [(6, vec![0, 61, 122])]);
    }

    #[test]
    fn an_alert_counts_after_enough_checks_in_a_row() {
        assert_eq!(counts(&[0, 16, 20, 31, 40], 3), [(5, vec![31])]);
        assert_eq!(counts(&[0, 16, 46, 61], 3), [], "a check without a match begins anew");
        assert_eq!(counts(&[1, 2, 3, 4], 2), [], "many matches in one check are one check");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let settings = AlertSettings::default();
        let many: Vec<Occurrence> = (0..200).map(|number| occurrence(i64::from(number), number)).collect();
        let alerts = joining(&settings, 1).join(&mut Thread::default(), &many);
        let running = &alerts[0].running;
        let lengths = [running.examples.len(), running.callers.len(), running.addresses.len(), running.apis.len()];
        assert_eq!(lengths, [EXAMPLES, ACTORS + 1, ADDRESSES + 1, APIS + 1]);
        assert_eq!((running.count, running.failed), (200, 67));
    }

    proptest! {
        /// Cutting time anywhere, and handing what is remembered over as text, changes no alert.
        #[test]
        fn time_may_be_cut_anywhere(
            mut times in prop::collection::vec(0_i64..2_000, 1..60),
            cuts in prop::collection::vec(0_i64..2_000, 0..4),
            consecutive in 1_u32..4,
        ) {
            times.sort_unstable();
            let settings = AlertSettings::default();
            let all: Vec<Occurrence> = times.iter().map(|&time| occurrence(time * MINUTE_MS, time as u32)).collect();
            let whole = joining(&settings, consecutive).join(&mut Thread::default(), &all);
            let mut cuts = cuts;
            cuts.push(2_000);
            cuts.sort_unstable();
            let (mut thread, mut from, mut parts) = (Thread::default(), 0, Vec::<Joined>::new());
            for cut in cuts {
                let part: Vec<Occurrence> =
                    all.iter().filter(|one| (from..cut).contains(&(one.time / MINUTE_MS))).cloned().collect();
                from = cut;
                for joined in joining(&settings, consecutive).join(&mut thread, &part) {
                    match parts.last_mut().filter(|last| last.running.id == joined.running.id) {
                        Some(last) => {
                            prop_assert!(joined.continued);
                            last.running = joined.running;
                            last.notifications.extend(joined.notifications);
                        }
                        None => parts.push(joined),
                    }
                }
                let text = serde_json::to_string(&thread).unwrap();
                thread = serde_json::from_str(&text).unwrap();
            }
            let known = |joined: &[Joined]| -> Vec<(Running, Vec<i64>)> {
                joined.iter().map(|one| (one.running.clone(), one.notifications.clone())).collect()
            };
            prop_assert_eq!(known(&whole), known(&parts));
        }
    }
}
