//! Changes of permissions, passwords and the trail: reported by their meaning, not by their volume.
//!
//! *What it flags*: every attempt on the trail; changes of permissions and passwords that are a first by their principal (the first
//! that succeeds too, where all before were refused), that are more than this principal ever makes (p below 1 %), or that come while
//! there is no history to compare with. Usual changes of permissions are for [`crate::insight`] to look into: it reports those whose
//! requests are grave. An account whose feed falls silent on the day after its trail was touched with success, or stays away for
//! whole days from then on, is reported as if the silence were a change of the trail itself.
//! *Statistic*: the gamma-Poisson predictive tail of the principal's changes of that kind in a day.
//! *Assumptions*: a principal's days are exchangeable. *When it is wrong*: when changes are batched and come in clumps; then it
//! reports too much, which is the safer side. *Parameters*: none; no size gate silences a change.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::baseline::{FamilyHistory, Feed, HistoryHour, Window};
use crate::detect::Direction;
use crate::event::ChangeKind;
use crate::stats::NegativeBinomial;
use crate::time::HourSpan;

/// Days of history from which a first is a first.
pub const HISTORY_DAYS: usize = 7;
/// Below this p-value a day holds more changes than usual.
pub const UNUSUAL_BELOW: f64 = 0.01;
/// The call that starts a trail again, in both clouds.
const MENDING: &str = "StartLogging";
/// Coverage of the interval that is reported as expected.
const COVERAGE: f64 = 0.99;

/// Why a change is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The trail was touched: always reported.
    Trail,
    /// This principal never made a change of this kind before, or all its attempts failed.
    First,
    /// More changes than this principal makes.
    Unusual,
    /// There is no history to compare with.
    NoHistory,
    /// The feed fell silent on the day after the trail was touched.
    Silence,
    /// This principal does so usually, but what is asked for is grave whoever asks.
    Grave,
}

/// Changes of one kind by one principal through one service on the scored day.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeFound {
    /// What was changed.
    pub kind: ChangeKind,
    /// Why it is reported.
    pub reason: Reason,
    /// The entities of the change family, one an API; of a silence those of the day before, the last first.
    pub members: Vec<usize>,
    /// Attempts; of a silence the calls of the account that came nevertheless.
    pub calls: u64,
    /// Failed attempts among them; of a silence none.
    pub errors: u64,
    /// Attempts that were expected of the principal on a day; of a silence the calls of the account that were.
    pub expected: f64,
    /// The ends of the central 99 % of what was expected of the principal; of a silence, of which no more is known, both are the mean.
    pub interval: (u64, u64),
    /// The natural logarithm of the p-value.
    pub ln_p: f64,
    /// The hours of the day; none where a silence was over by then.
    pub hours: HourSpan,
    /// Of a silence, the whole days right before the scored one that it took.
    pub days_before: usize,
}

impl ChangeFound {
    /// Which way counts went: a silence is a drop.
    pub fn direction(&self) -> Direction {
        if self.reason == Reason::Silence { Direction::Down } else { Direction::Up }
    }
}

/// Changes of one kind by one principal, and what is thought of them.
#[derive(Debug, Clone, PartialEq)]
pub struct PrincipalChanges {
    /// The account.
    pub account: String,
    /// The principal, as `kind/id`.
    pub principal: String,
    /// What was changed.
    pub kind: ChangeKind,
    /// Attempts in the days before.
    pub past: u64,
    /// Those of them that succeeded.
    pub past_successes: u64,
    /// Attempts on the scored day.
    pub today: u64,
    /// Those of them that succeeded.
    pub today_successes: u64,
    /// The entities of the scored day by service, one an API.
    pub by_service: BTreeMap<String, Vec<usize>>,
    /// Attempts that were expected on a day.
    pub expected: f64,
    /// The natural logarithm of the p-value.
    pub ln_p: f64,
    /// Why they are reported; `None` if they are not.
    pub reason: Option<Reason>,
}

/// Finds the changes that are to be reported, whatever their requests say.
pub fn detect(history: &FamilyHistory, window: &Window) -> Vec<ChangeFound> {
    let judged = judged(history, window);
    let found = judged.iter().filter_map(|changes| Some((changes, changes.reason?)));
    found.flat_map(|(changes, reason)| changes.found(history, window, reason)).collect()
}

/// The changes of permissions that are usual, and are to be reported if their requests are grave.
pub fn usual(history: &FamilyHistory, window: &Window) -> Vec<ChangeFound> {
    let judged = judged(history, window);
    let usual = judged.iter().filter(|changes| changes.reason.is_none() && changes.kind == ChangeKind::Permission);
    usual.flat_map(|changes| changes.found(history, window, Reason::Grave)).collect()
}

/// Judges the changes of every principal, in the order of accounts, kinds and principals; of the past alone, too.
pub fn judged(history: &FamilyHistory, window: &Window) -> Vec<PrincipalChanges> {
    let mut principals: BTreeMap<(String, ChangeKind, String), PrincipalChanges> = BTreeMap::new();
    for member in 0..history.len() {
        let fields: Vec<&str> = history.key(member).fields().collect();
        let [account, kind, service, _, principal_kind, principal] = fields[..] else { continue };
        let Some(kind) = ChangeKind::named(kind) else { continue };
        let who = format!("{principal_kind}/{principal}");
        let new = |(account, kind, who): &(String, ChangeKind, String)| PrincipalChanges::none(account, *kind, who);
        let changes = principals.entry((account.to_owned(), kind, who)).or_insert_with_key(new);
        let (past, today) = history.split(member, window);
        changes.past += past.iter().map(|hour| u64::from(hour.calls)).sum::<u64>();
        changes.past_successes += past.iter().map(successes).sum::<u64>();
        changes.today += today.iter().map(|hour| u64::from(hour.calls)).sum::<u64>();
        changes.today_successes += today.iter().map(successes).sum::<u64>();
        if !today.is_empty() {
            changes.by_service.entry(service.to_owned()).or_default().push(member);
        }
    }
    let days = window.days_of_history();
    principals.into_values().map(|changes| changes.judge(days)).collect()
}

/// Silences of accounts after their trail was touched with success: those that begin on the scored day, the day after, and those that took
/// all days between that day and the scored one.
pub fn silences(history: &FamilyHistory, window: &Window, feed: &Feed) -> Vec<ChangeFound> {
    let mut found = begun(history, window, feed);
    found.extend(over(history, window, feed));
    found
}

/// Silences that took the days right before the scored one. Of one that began earlier, on the day of the change, that day's night told.
fn over(history: &FamilyHistory, window: &Window, feed: &Feed) -> Vec<ChangeFound> {
    let missing: BTreeSet<NaiveDate> = window.missing().collect();
    // Events that cannot be read are no silence.
    let is_silent = |day: &usize| missing.contains(&window.date(*day)) && window.unread(*day).is_empty();
    let days = (0..window.length()).rev().take_while(is_silent).count();
    let Some(last) = window.length().checked_sub(days + 1).filter(|_| days > 0) else { return Vec::new() };
    let mut touched: BTreeMap<&str, Vec<(u16, usize)>> = BTreeMap::new();
    for member in (0..history.len()).filter(|&member| touches_the_trail(history, member)) {
        let account = history.key(member).account();
        let own =
            history.hours(member).iter().filter(|hour| usize::from(hour.hour) / 24 == last && successes(hour) > 0);
        if feed.alive(account)[last * 24 + 23] {
            touched.entry(account).or_default().extend(own.map(|hour| (hour.hour, member)));
        }
    }
    touched.retain(|_, changes| !changes.is_empty());
    let silence = |(account, mut changes): (&str, Vec<(u16, usize)>)| {
        changes.sort_unstable_by(|left, right| right.cmp(left));
        let members = changes.into_iter().map(|(_, member)| member).collect();
        let expected = feed.usual(account, HourSpan::DAY) * days as f64;
        ChangeFound { days_before: days, ..silent(members, (0, expected), HourSpan::first(0)) }
    };
    touched.into_iter().map(silence).collect()
}

/// Silences that begin on the scored day, after the trail was touched on the day before it. Where it was touched on the scored day too,
/// before the silence, that change is reported anyway.
fn begun(history: &FamilyHistory, window: &Window, feed: &Feed) -> Vec<ChangeFound> {
    let today = (window.length() * 24) as u16;
    let mut touched: BTreeMap<&str, Vec<(u16, usize)>> = BTreeMap::new();
    for member in (0..history.len()).filter(|&member| touches_the_trail(history, member)) {
        let hours = history.hours(member).iter().filter(|hour| hour.hour + 24 >= today && successes(hour) > 0);
        touched.entry(history.key(member).account()).or_default().extend(hours.map(|hour| (hour.hour, member)));
    }
    let mut found = Vec::new();
    for (account, mut touched) in touched {
        touched.sort_unstable_by(|left, right| right.cmp(left));
        let before: Vec<usize> = touched.iter().filter(|(hour, _)| *hour < today).map(|(_, member)| *member).collect();
        let since = touched.iter().filter(|(hour, _)| *hour >= today).map(|(hour, _)| (hour - today) as u8).min();
        let is_before = |silence: &HourSpan| since.is_none_or(|since| silence.begin() < since);
        let silence = feed.silences_begun(account).into_iter().find(is_before);
        let calls = |hours| (feed.calls(account, hours), feed.usual(account, hours));
        found.extend(silence.filter(|_| !before.is_empty()).map(|hours| silent(before, calls(hours), hours)));
    }
    found
}

/// Through which APIs of any account the trail was touched with success on the scored day, as `Service/EventName`.
pub fn trail_touched(history: &FamilyHistory, window: &Window) -> Vec<String> {
    let is_trail = |member: &usize| touches_the_trail(history, *member);
    let tonight = |member: &usize| history.split(*member, window).1.iter().any(|hour| successes(hour) > 0);
    let touched = (0..history.len()).filter(is_trail).filter(tonight);
    let apis = touched.filter_map(|member| Some(history.spelled(member).get(1..3)?.join("/")));
    apis.collect::<BTreeSet<String>>().into_iter().collect()
}

fn silent(mut members: Vec<usize>, (calls, expected): (u64, f64), hours: HourSpan) -> ChangeFound {
    let mut known = BTreeSet::new();
    members.retain(|&member| known.insert(member));
    let (kind, reason, usual) = (ChangeKind::Trail, Reason::Silence, expected.round() as u64);
    let interval = (usual, usual);
    ChangeFound { kind, reason, members, calls, errors: 0, expected, interval, ln_p: 0.0, hours, days_before: 0 }
}

/// Attempts of an hour that succeeded.
fn successes(hour: &HistoryHour) -> u64 {
    u64::from(hour.calls.saturating_sub(hour.errors))
}

/// Whether a change is one of the trail; to start it again is no such.
fn touches_the_trail(history: &FamilyHistory, member: usize) -> bool {
    kind_of(history, member) == Some(ChangeKind::Trail) && !mends(history, member)
}

/// Whether a change makes the trail record again: it belongs to whatever stopped it, and is nothing by itself.
fn mends(history: &FamilyHistory, member: usize) -> bool {
    history.key(member).fields().nth(3) == Some(MENDING)
}

fn kind_of(history: &FamilyHistory, member: usize) -> Option<ChangeKind> {
    ChangeKind::named(history.key(member).fields().nth(1)?)
}

impl PrincipalChanges {
    fn none(account: &str, kind: ChangeKind, principal: &str) -> Self {
        Self {
            account: account.to_owned(),
            principal: principal.to_owned(),
            kind,
            past: 0,
            past_successes: 0,
            today: 0,
            today_successes: 0,
            by_service: BTreeMap::new(),
            expected: 0.0,
            ln_p: 0.0,
            reason: None,
        }
    }

    fn judge(mut self, days: usize) -> Self {
        self.expected = (self.past as f64 + 0.5) / (days as f64 + 1.0);
        self.ln_p = self.ln_p_of(self.today);
        self.reason = match self.kind {
            ChangeKind::Trail => Some(Reason::Trail),
            _ if days < HISTORY_DAYS => Some(Reason::NoHistory),
            _ if self.is_first() => Some(Reason::First),
            _ if self.ln_p < UNUSUAL_BELOW.ln() => Some(Reason::Unusual),
            _ => None,
        };
        self
    }

    /// Whether nothing like it was there before: no attempt, or none that succeeded where one succeeds now.
    pub fn is_first(&self) -> bool {
        self.past == 0 || self.past_successes == 0 && self.today_successes > 0
    }

    /// The natural logarithm of the p-value that so many attempts in a day would have.
    fn ln_p_of(&self, attempts: u64) -> f64 {
        self.predictive().map_or(0.0, |predictive| predictive.ln_upper(attempts))
    }

    /// What is expected of a day: the gamma-Poisson predictive of the days before.
    fn predictive(&self) -> Option<NegativeBinomial> {
        NegativeBinomial::new(self.expected, self.past as f64 + 0.5).ok()
    }

    /// The most attempts in a day that are no more than usual.
    pub fn usual_up_to(&self) -> u64 {
        let is_unusual = |attempts: &u64| self.ln_p_of(*attempts) < UNUSUAL_BELOW.ln();
        let (mut usual, mut unusual) = (0, 1);
        while !is_unusual(&unusual) && unusual < u64::from(u32::MAX) {
            (usual, unusual) = (unusual, unusual * 2);
        }
        while unusual - usual > 1 {
            let middle = usual.midpoint(unusual);
            if is_unusual(&middle) { unusual = middle } else { usual = middle }
        }
        usual
    }

    /// What is reported of them, service by service.
    fn found(&self, history: &FamilyHistory, window: &Window, reason: Reason) -> Vec<ChangeFound> {
        let told = self.by_service.values().filter(|members| !members.iter().all(|&member| mends(history, member)));
        told.map(|members| self.summed(history, window, members, reason)).collect()
    }

    fn summed(&self, history: &FamilyHistory, window: &Window, members: &[usize], reason: Reason) -> ChangeFound {
        let today = || members.iter().flat_map(|&member| history.split(member, window).1);
        let hour = |hour: u16| (usize::from(hour) - window.length() * 24) as u8;
        let first = today().map(|found| hour(found.hour)).min().unwrap_or(0);
        let last = today().map(|found| hour(found.hour)).max().unwrap_or(0);
        ChangeFound {
            kind: self.kind,
            reason,
            members: members.to_vec(),
            calls: today().map(|found| u64::from(found.calls)).sum(),
            errors: today().map(|found| u64::from(found.errors)).sum(),
            expected: self.expected,
            interval: self.predictive().and_then(|expected| expected.interval(COVERAGE).ok()).unwrap_or_default(),
            ln_p: self.ln_p,
            hours: HourSpan::new(first, last + 1),
            days_before: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Calendar;
    use crate::rollup::{EntityKey, Family};

    const TODAY: u16 = 28 * 24;

    fn window() -> Window {
        Window::new("2026-01-29".parse().unwrap(), 28, |_| true)
    }

    fn hours(hours: &[u16], calls: u32) -> Vec<HistoryHour> {
        hours.iter().map(|&hour| HistoryHour { hour, calls, errors: 0, peak: calls }).collect()
    }

    fn reasons(kind: &str, past: &[u16], calls_today: u32) -> Vec<Reason> {
        let key = EntityKey::new(["1", kind, "ram", "AttachPolicyToUser", "user", "7"]);
        let all = [hours(past, 1), hours(&[TODAY + 9], calls_today)].concat();
        let history = FamilyHistory::from_entities(Family::Change, [(key, all)]);
        detect(&history, &window()).into_iter().map(|found| found.reason).collect()
    }

    #[test]
    fn a_first_by_a_principal_is_told_and_a_second_is_not() {
        assert_eq!(reasons("permission", &[], 1), [Reason::First]);
        assert_eq!(reasons("permission", &[40], 1), []);
        assert_eq!(reasons("password", &[], 1), [Reason::First]);
    }

    #[test]
    fn attempts_that_were_refused_make_no_success_usual() {
        let failed = |hours: Vec<HistoryHour>| -> Vec<HistoryHour> {
            hours.into_iter().map(|hour| HistoryHour { errors: hour.calls, ..hour }).collect()
        };
        let reasons = |past: Vec<HistoryHour>, today: Vec<HistoryHour>| {
            let key = EntityKey::new(["1", "permission", "ram", "AttachPolicyToUser", "user", "7"]);
            let history = FamilyHistory::from_entities(Family::Change, [(key, [past, today].concat())]);
            detect(&history, &window()).into_iter().map(|found| found.reason).collect::<Vec<_>>()
        };
        let (past, today) = (hours(&[18 * 24 + 11], 1), hours(&[TODAY + 12], 1));
        assert_eq!(reasons(failed(past.clone()), today.clone()), [Reason::First]);
        assert_eq!(reasons(failed(past.clone()), failed(today.clone())), [], "it is refused as ever");
        assert_eq!(reasons(past, today), []);
    }

    #[test]
    fn usual_changes_of_permissions_are_left_to_their_requests() {
        let of = |kind: &str, past: &[u16]| {
            let key = EntityKey::new(["1", kind, "ram", "AttachPolicyToUser", "user", "7"]);
            let history = FamilyHistory::from_entities(
                Family::Change,
                [(key, [hours(past, 1), hours(&[TODAY + 9], 1)].concat())],
            );
            usual(&history, &window()).into_iter().map(|found| (found.reason, found.hours)).collect::<Vec<_>>()
        };
        assert_eq!(of("permission", &[40]), [(Reason::Grave, HourSpan::hour(9))]);
        assert_eq!(of("permission", &[]), [], "reported anyway");
        assert_eq!(of("password", &[40]), []);
    }

    #[test]
    fn more_than_usual_is_told_and_the_usual_is_not() {
        let daily: Vec<u16> = (0..28).map(|day| day * 24 + 9).collect();
        assert_eq!(reasons("permission", &daily, 12), [Reason::Unusual]);
        assert_eq!(reasons("permission", &daily, 3), []);
    }

    #[test]
    fn the_most_that_is_usual_is_where_the_telling_begins() {
        for past in [&[40_u16][..], &(0..28).map(|day| day * 24 + 9).collect::<Vec<_>>()] {
            let key = EntityKey::new(["1", "permission", "ram", "AttachPolicyToUser", "user", "7"]);
            let history = FamilyHistory::from_entities(Family::Change, [(key, hours(past, 1))]);
            let usual = judged(&history, &window())[0].usual_up_to() as u32;
            assert!(usual > 0);
            assert_eq!(reasons("permission", past, usual), [], "{usual}");
            assert_eq!(reasons("permission", past, usual + 1), [Reason::Unusual], "{usual}");
        }
    }

    #[test]
    fn the_trail_is_always_told() {
        let daily: Vec<u16> = (0..28).map(|day| day * 24 + 9).collect();
        assert_eq!(reasons("trail", &daily, 1), [Reason::Trail]);
    }

    #[test]
    fn to_start_the_trail_is_told_with_what_stopped_it_and_not_alone() {
        let found = |calls: &[&str]| {
            let key = |call: &str| EntityKey::new(["1", "trail", "actiontrail", call, "user", "7"]);
            let hours = hours(&[TODAY + 9], 1);
            let history =
                FamilyHistory::from_entities(Family::Change, calls.iter().map(|call| (key(call), hours.clone())));
            let found: Vec<usize> = detect(&history, &window()).iter().map(|found| found.members.len()).collect();
            (found, trail_touched(&history, &window()).len())
        };
        assert_eq!(found(&["StartLogging"]), (vec![], 0));
        assert_eq!(found(&["StartLogging", "StopLogging"]), (vec![2], 1));
    }

    /// The silences after changes of the trail, where but a trickle comes from this hour of the scored day on.
    fn silent(changes: Vec<HistoryHour>, stops: u16, trickle: u32) -> Vec<ChangeFound> {
        let window = window();
        let of_api = [hours(&(0..stops).collect::<Vec<_>>(), 200), hours(&[TODAY + 20], trickle)].concat();
        let of_api = of_api.into_iter().filter(|hour| hour.calls > 0).collect();
        let apis = FamilyHistory::from_entities(Family::Api, [(EntityKey::new(["1", "ecs", "Run"]), of_api)]);
        let feed = Feed::judge(&apis, &window, &Calendar::new(chrono_tz::UTC));
        let key = EntityKey::new(["1", "trail", "actiontrail", "StopLogging", "user", "7"]);
        let history = FamilyHistory::from_entities(Family::Change, [(key, changes)]);
        silences(&history, &window, &feed)
    }

    fn silences_after(changes: &[u16], stops: u16) -> Vec<HourSpan> {
        silent(hours(changes, 1), stops, 0).into_iter().map(|found| found.hours).collect()
    }

    #[test]
    fn a_silence_counts_what_came_nevertheless() {
        let calls = |trickle| silent(hours(&[TODAY - 2], 1), TODAY + 10, trickle)[0].calls;
        assert_eq!([calls(0), calls(3)], [0, 3]);
    }

    #[test]
    fn a_silence_of_whole_days_after_a_change_of_the_trail_is_told_by_the_next_night() {
        let found = |missing: &[usize], touched: u16| {
            let first: NaiveDate = "2026-01-01".parse().unwrap();
            let window = Window::new("2026-01-29".parse().unwrap(), 28, |date| {
                !missing.contains(&((date - first).num_days() as usize))
            });
            let hours_there: Vec<u16> =
                (0..TODAY + 24).filter(|hour| !missing.contains(&(usize::from(*hour) / 24))).collect();
            let apis = EntityKey::new(["1", "ecs", "Run"]);
            let apis = FamilyHistory::from_entities(Family::Api, [(apis, hours(&hours_there, 200))]);
            let feed = Feed::judge(&apis, &window, &Calendar::new(chrono_tz::UTC));
            let key = EntityKey::new(["1", "trail", "actiontrail", "StopLogging", "user", "7"]);
            let history = FamilyHistory::from_entities(Family::Change, [(key, hours(&[touched], 1))]);
            let found = silences(&history, &window, &feed);
            found.iter().map(|found| (found.days_before, found.expected.round() as u64)).collect::<Vec<_>>()
        };
        assert_eq!(found(&[27], 26 * 24 + 23), [(1, 4_800)]);
        assert_eq!(found(&[26, 27], 25 * 24 + 23), [(2, 9_600)]);
        assert_eq!(found(&[27], 25 * 24 + 23), [], "a day was there after it");
        assert_eq!(found(&[25], 24 * 24 + 23), [], "the night before told it");
        assert_eq!(found(&[], 27 * 24 + 23), []);
    }

    #[test]
    fn an_attempt_on_the_trail_that_was_refused_makes_no_silence_its_doing() {
        let refused = |hour| HistoryHour { hour, calls: 1, errors: 1, peak: 1 };
        let found = |changes| silent(changes, TODAY + 10, 0).len();
        assert_eq!(found(vec![refused(TODAY - 2)]), 0);
        assert_eq!(found([hours(&[TODAY - 2], 1), vec![refused(TODAY + 9)]].concat()), 1, "nor takes it away");
    }

    #[test]
    fn a_silence_on_the_day_after_a_change_of_the_trail_is_told() {
        assert_eq!(silences_after(&[TODAY - 2], TODAY + 10), [HourSpan::new(10, 24)]);
        assert_eq!(silences_after(&[TODAY - 2], TODAY), [HourSpan::DAY]);
    }

    #[test]
    fn a_silence_that_went_on_from_before_or_follows_nothing_or_a_change_of_the_day_is_not() {
        assert_eq!(silences_after(&[TODAY - 2], TODAY - 1), [], "it was the concern of the night before");
        assert_eq!(silences_after(&[TODAY - 30], TODAY + 10), []);
        assert_eq!(silences_after(&[TODAY - 2], TODAY + 24), []);
        assert_eq!(silences_after(&[TODAY + 9], TODAY + 10), [], "that change is reported with it");
        assert_eq!(silences_after(&[TODAY - 2, TODAY + 9], TODAY + 10), []);
    }
}
