//! Whether the feed was alive, account by account and hour by hour.
//!
//! A missing hour is no hour without calls: it is masked, and neither alarms nor teaches. An hour counts as missing when its day has no
//! rollup, when the account was all but silent on the whole day, or when it had less than a twentieth of what is usual for the slot. In
//! an hour beside a missing one the feed may have broken off or come back: it counts as missing below three quarters of the usual. Nor is an
//! hour believed whose events were delivered more than once, or of which events could not be read; of the latter the feed was heard all the
//! same, and on the scored day it may be judged for more than what was read.

use std::collections::BTreeMap;

use crate::baseline::blind::{self, Blindness};
use crate::baseline::repeated::{Parities, Repeat};
use crate::baseline::{Calendar, FamilyHistory, HistoryHour, SLOTS, Window};
use crate::rollup::{Family, UnreadHours};
use crate::stats::upper_median;
use crate::time::{DAY_HOURS, HourSpan};

/// Less than this share of the usual total means that part of the feed is missing.
pub(super) const ALIVE_SHARE: f64 = 0.05;
/// Beside a missing hour, less than this share does.
const ALIVE_SHARE_BESIDE: f64 = 0.75;
/// Below this usual total a silent hour tells nothing about the feed.
const TELLING_TOTAL: f64 = 20.0;
/// Below this usual total a silent day tells nothing about it.
pub(super) const TELLING_DAY: f64 = 50.0;

/// Which hours of the window can be believed.
#[derive(Debug)]
pub struct Feed {
    accounts: BTreeMap<String, Account>,
    overall: Account,
    /// What differs for a family of an account.
    by_family: BTreeMap<(Family, String), Vec<bool>>,
    blind: Vec<Blindness>,
    /// The hours of the scored day of which events could not be read.
    unread: UnreadHours,
}

/// One account's hours.
#[derive(Debug)]
struct Account {
    /// For each hour of the window whether the feed was heard.
    heard: Vec<bool>,
    /// Whether its events stand there more than once.
    repeated: Vec<bool>,
    /// Whether it can be believed: it was heard, not repeated, and read.
    alive: Vec<bool>,
    /// The calls of each hour of the scored day.
    calls: Vec<u64>,
    /// The calls that are usual in it.
    usual: Vec<f64>,
    /// What of the scored day was delivered more than once.
    repeat: Option<Repeat>,
}

/// What is counted of an account hour by hour.
struct Counted {
    calls: Vec<u64>,
    parities: Parities,
}

impl Counted {
    fn new(hours: usize) -> Self {
        Self { calls: vec![0; hours], parities: Parities::new(hours) }
    }

    /// Adds the calls of an API.
    fn add(&mut self, hours: &[HistoryHour]) {
        hours.iter().for_each(|hour| self.calls[usize::from(hour.hour)] += u64::from(hour.calls));
        self.parities.add(hours);
    }
}

/// The hours of the scored day in which an account was silent though it is usually heard of.
#[derive(Debug, Clone, PartialEq)]
pub struct Silence {
    /// The account.
    pub account: String,
    /// The hours, ascending.
    pub hours: Vec<u8>,
    /// The calls that came all the same.
    pub calls: u64,
    /// The calls that usually come in these hours.
    pub usual: u64,
}

impl Feed {
    /// Judges the feed from the calls of all APIs.
    pub fn judge(apis: &FamilyHistory, window: &Window, calendar: &Calendar) -> Self {
        let hours = (window.length() + 1) * DAY_HOURS;
        let mut counted: BTreeMap<String, Counted> = BTreeMap::new();
        let mut overall = Counted::new(hours);
        for member in 0..apis.len() {
            let own = counted.entry(apis.key(member).account().to_owned()).or_insert_with(|| Counted::new(hours));
            own.add(apis.hours(member));
            overall.add(apis.hours(member));
        }
        for (account, hour) in apis.unnamed() {
            let own = counted.entry(account.to_owned()).or_insert_with(|| Counted::new(hours));
            own.calls[usize::from(hour.hour)] += u64::from(hour.calls);
            overall.calls[usize::from(hour.hour)] += u64::from(hour.calls);
        }
        let judge = |(account, counted): (&String, &Counted)| {
            (account.clone(), Account::judge(account, counted, window, calendar))
        };
        let accounts = counted.iter().map(judge).collect();
        let overall = Account::judge("", &overall, window, calendar);
        let unread = window.unread(window.length());
        Self { accounts, overall, by_family: BTreeMap::new(), blind: Vec::new(), unread }
    }

    /// Believes the hours of the scored day of which ids tell that events stand there once, whatever counts may look like: `ids` are those that were
    /// read of each hour and do not repeat, and most of its calls must have one.
    #[must_use]
    pub fn believing_ids(mut self, ids: &[u64; DAY_HOURS]) -> Self {
        let unread = self.unread;
        let is_told = |hour: usize, calls: u64| !unread.contains(hour) && ids[hour] > 0 && 2 * ids[hour] >= calls;
        let told: Vec<bool> =
            self.overall.calls.iter().enumerate().map(|(hour, &calls)| is_told(hour, calls)).collect();
        for account in self.accounts.values_mut().chain([&mut self.overall]) {
            let today = account.alive.len() - DAY_HOURS;
            for hour in (0..DAY_HOURS).filter(|&hour| told[hour]) {
                (account.repeated[today + hour], account.alive[today + hour]) = (false, account.heard[today + hour]);
            }
            account.repeat.take_if(|repeat| repeat.hours.iter().all(|&hour| told[usize::from(hour)]));
        }
        self
    }

    /// Masks hours of the scored day, whoever's they are: their events are known to stand there more than once.
    #[must_use]
    pub fn masking_repeated(mut self, hours: &[u8]) -> Self {
        for account in self.accounts.values_mut().chain([&mut self.overall]) {
            let today = account.alive.len() - DAY_HOURS;
            for hour in hours.iter().map(|hour| today + usize::from(*hour)) {
                (account.repeated[hour], account.alive[hour]) = (true, false);
            }
        }
        self
    }

    /// Masks for each family the days on which events did not name its members.
    #[must_use]
    pub fn masking(mut self, families: &[&FamilyHistory], apis: &FamilyHistory, window: &Window) -> Self {
        let all = blind::day_totals(apis, window);
        for history in families.iter().filter(|history| blind::NAMED.contains(&history.family)) {
            for found in blind::judge(history, &all, window) {
                let mut alive = self.alive(&found.account).to_vec();
                for day in found.days {
                    alive[day * DAY_HOURS..(day + 1) * DAY_HOURS].fill(false);
                }
                self.by_family.insert((history.family, found.account), alive);
                self.blind.extend(found.today);
            }
        }
        self
    }

    /// The same as [`Self::alive`] for the members of one family.
    pub fn alive_in(&self, family: Family, account: &str) -> &[bool] {
        if self.by_family.is_empty() {
            return self.alive(account);
        }
        self.by_family.get(&(family, account.to_owned())).map_or_else(|| self.alive(account), Vec::as_slice)
    }

    /// The hours of the scored day of which events could not be read: what was counted is the least that there was.
    pub fn unread(&self) -> UnreadHours {
        self.unread
    }

    /// The families that the scored day's events do not name.
    pub fn blind(&self) -> &[Blindness] {
        &self.blind
    }

    fn of(&self, account: &str) -> &Account {
        self.accounts.get(account).unwrap_or(&self.overall)
    }

    /// For each hour of the window whether the account's feed was alive; an unknown account shares everybody's.
    pub fn alive(&self, account: &str) -> &[bool] {
        &self.of(account).alive
    }

    /// For each hour of the window whether the account's events stand there more than once: what is counted of it is too much.
    pub fn repeated(&self, account: &str) -> &[bool] {
        &self.of(account).repeated
    }

    /// Who was silent on the scored day, and when, in the order of accounts.
    pub fn silences(&self) -> Vec<Silence> {
        let silence = |(name, account): (&String, &Account)| account.silence(name);
        self.accounts.iter().filter_map(silence).collect()
    }

    /// Whose events of the scored day stand there more than once, as counts tell, in the order of accounts.
    pub fn repeats(&self) -> impl Iterator<Item = &Repeat> {
        self.accounts.values().filter_map(|account| account.repeat.as_ref())
    }

    /// The silences of the scored day that did not come over from the day before.
    pub fn silences_begun(&self, account: &str) -> Vec<HourSpan> {
        let alive = &self.of(account).heard;
        let midnight = alive.len() - DAY_HOURS;
        let begins = |hour: &usize| !alive[*hour] && (*hour == 0 || alive[*hour - 1]);
        let length = |first: usize| alive[first..].iter().take_while(|alive| !**alive).count();
        let run = |first: usize| HourSpan::new((first - midnight) as u8, (first - midnight + length(first)) as u8);
        (midnight..alive.len()).filter(begins).map(run).collect()
    }

    /// The calls of an account in some hours of the scored day.
    pub fn calls(&self, account: &str, hours: HourSpan) -> u64 {
        self.of(account).calls[hours.places(0)].iter().sum()
    }

    /// The calls that are usual for an account in some hours of the scored day.
    pub fn usual(&self, account: &str, hours: HourSpan) -> f64 {
        self.of(account).usual[hours.places(0)].iter().sum()
    }

    /// The last hour of the scored day in which the feed as a whole was alive, if it then fell silent until the day's end.
    pub fn last_heard(&self) -> Option<u8> {
        let today = &self.overall.heard[self.overall.heard.len() - DAY_HOURS..];
        if today[DAY_HOURS - 1] { None } else { today.iter().rposition(|&alive| alive).map(|hour| hour as u8) }
    }
}

impl Account {
    fn judge(name: &str, counted: &Counted, window: &Window, calendar: &Calendar) -> Self {
        let Counted { calls, parities } = counted;
        let usual = UsualTotals::learn(calls, window, calendar);
        let (today, times) = (window.length() * DAY_HOURS, parities.times(calls, &usual, window, calendar));
        let heard = alive(calls, &usual, window, calendar);
        Self {
            alive: (0..)
                .zip(heard.iter().zip(&times))
                .map(|(hour, (heard, times))| *heard && *times == 1 && !window.is_unread(hour))
                .collect(),
            repeated: times.iter().map(|times| *times > 1).collect(),
            heard,
            calls: calls[today..].to_vec(),
            repeat: parities.repeat(name, &times),
            usual: calendar.slots(window.scored()).map(|slot| usual.by_slot[usize::from(slot)]).to_vec(),
        }
    }

    fn silence(&self, account: &str) -> Option<Silence> {
        let today = &self.heard[self.heard.len() - DAY_HOURS..];
        let hours: Vec<u8> = (0..DAY_HOURS as u8).filter(|&hour| !today[usize::from(hour)]).collect();
        let sum =
            |of: &dyn Fn(usize) -> f64| hours.iter().map(|&hour| of(usize::from(hour))).sum::<f64>().round() as u64;
        let (calls, usual) = (sum(&|hour| self.calls[hour] as f64), sum(&|hour| self.usual[hour]));
        (!hours.is_empty()).then(|| Silence { account: account.to_owned(), hours, calls, usual })
    }
}

/// What is usual before the scored day.
pub(super) struct UsualTotals {
    /// The median total of each slot.
    pub(super) by_slot: Vec<f64>,
    /// The median total of a weekday, and that of a weekend day.
    pub(super) by_day: [f64; 2],
}

impl UsualTotals {
    pub(super) fn learn(totals: &[u64], window: &Window, calendar: &Calendar) -> Self {
        let mut by_slot = vec![Vec::new(); SLOTS];
        let mut by_day = [Vec::new(), Vec::new()];
        for day in (0..window.length()).filter(|&day| window.is_present(day)) {
            let hours = &totals[day * DAY_HOURS..(day + 1) * DAY_HOURS];
            let slots = calendar.slots(window.date(day));
            for (hour, (&total, slot)) in hours.iter().zip(slots).enumerate() {
                if !window.unread(day).contains(hour) {
                    by_slot[usize::from(slot)].push(total);
                }
            }
            if window.unread(day).is_empty() {
                by_day[kind_of_day(&slots)].push(hours.iter().sum());
            }
        }
        Self {
            by_slot: by_slot.iter().map(|totals| usual_total(totals)).collect(),
            by_day: by_day.each_ref().map(|totals| usual_total(totals)),
        }
    }
}

/// Whether more of the day is weekend than not, as a number.
pub(super) fn kind_of_day(slots: &[u8; DAY_HOURS]) -> usize {
    usize::from(slots.iter().filter(|&&slot| usize::from(slot) >= DAY_HOURS).count() * 2 > DAY_HOURS)
}

/// The median of some totals, of two in the middle the larger; zero of none.
pub(super) fn usual_total(totals: &[u64]) -> f64 {
    upper_median(totals.iter().map(|&total| total as f64)).unwrap_or(0.0)
}

fn alive(totals: &[u64], usual: &UsualTotals, window: &Window, calendar: &Calendar) -> Vec<bool> {
    let slots: Vec<[u8; DAY_HOURS]> = (0..=window.length()).map(|day| calendar.slots(window.date(day))).collect();
    let day_alive: Vec<bool> = (0..=window.length())
        .map(|day| {
            let total: u64 = totals[day * DAY_HOURS..(day + 1) * DAY_HOURS].iter().sum();
            let usual = usual.by_day[kind_of_day(&slots[day])];
            let is_enough = usual < TELLING_DAY || total as f64 >= ALIVE_SHARE * usual;
            window.is_present(day) && (is_enough || !window.unread(day).is_empty())
        })
        .collect();
    let reaches = |hour: usize, share: f64| {
        let usual = usual.by_slot[usize::from(slots[hour / DAY_HOURS][hour % DAY_HOURS])];
        usual < TELLING_TOTAL || totals[hour] as f64 >= share * usual || window.is_unread(hour)
    };
    let alive: Vec<bool> =
        (0..totals.len()).map(|hour| day_alive[hour / DAY_HOURS] && reaches(hour, ALIVE_SHARE)).collect();
    let beside_silence = |hour: usize| {
        let silent = |hour: Option<usize>| hour.and_then(|hour| alive.get(hour)).is_some_and(|alive| !alive);
        silent(hour.checked_sub(1)) || silent(Some(hour + 1))
    };
    let believed = |hour: usize| alive[hour] && (!beside_silence(hour) || reaches(hour, ALIVE_SHARE_BESIDE));
    (0..totals.len()).map(believed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollup::EntityKey;

    fn judged(calls: impl Fn(u16) -> u32, present: impl Fn(usize) -> bool) -> Feed {
        judged_by_half(calls, present, |_| UnreadHours::default())
    }

    /// The same where events of some hours could not be read.
    fn judged_by_half(
        calls: impl Fn(u16) -> u32,
        present: impl Fn(usize) -> bool,
        unread: impl Fn(usize) -> UnreadHours,
    ) -> Feed {
        let date: chrono::NaiveDate = "2026-02-02".parse().unwrap();
        let number = |day: chrono::NaiveDate| (28 - (date - day).num_days()) as usize;
        let window = Window::new(date, 28, |day| present(number(day))).with_unread(|day| unread(number(day)));
        let hours = (0..29 * 24).map(|hour| HistoryHour { hour, calls: calls(hour), errors: 0, peak: 0 });
        let hours: Vec<HistoryHour> = hours.filter(|hour| hour.calls > 0).collect();
        let history = FamilyHistory::from_entities(Family::Api, [(EntityKey::new(["1", "ecs", "Run"]), hours)]);
        Feed::judge(&history, &window, &Calendar::new(chrono_tz::UTC))
    }

    #[test]
    fn ids_know_better_than_counts_whether_an_hour_stands_twice() {
        let account = || Account {
            heard: vec![true; 2 * DAY_HOURS],
            repeated: [[false; DAY_HOURS], [true; DAY_HOURS]].concat(),
            alive: [[true; DAY_HOURS], [false; DAY_HOURS]].concat(),
            calls: vec![10; DAY_HOURS],
            usual: vec![5.0; DAY_HOURS],
            repeat: Some(Repeat {
                account: "1".into(),
                times: 2,
                hours: (0..DAY_HOURS as u8).collect(),
                apis: 99,
                odd: 0,
            }),
        };
        let feed = || Feed {
            accounts: [("1".to_owned(), account())].into(),
            overall: account(),
            by_family: BTreeMap::new(),
            blind: Vec::new(),
            unread: UnreadHours::default(),
        };
        let told = feed().believing_ids(&[10; DAY_HOURS]);
        assert!(
            told.repeats().next().is_none() && !told.repeated("1").contains(&true) && !told.alive("1").contains(&false)
        );
        let mut few = [10; DAY_HOURS];
        few[7] = 4;
        let told = feed().believing_ids(&few);
        assert_eq!(told.repeats().count(), 1, "most calls of one hour have no id");
        assert!(told.repeated("1")[DAY_HOURS + 7] && !told.repeated("1")[DAY_HOURS + 8]);
    }

    #[test]
    fn silence_of_a_busy_account_is_masked_and_of_a_quiet_one_believed() {
        let gap = 28 * 24 + 5;
        let busy = judged(|hour| if hour == gap || hour == 100 { 0 } else { 200 }, |_| true);
        let silence = Silence { account: "1".to_owned(), hours: vec![5], calls: 0, usual: 200 };
        assert_eq!(busy.silences(), [silence]);
        assert_eq!((busy.silences_begun("1"), busy.last_heard()), (vec![HourSpan::hour(5)], None));
        assert!(!busy.alive("1")[100] && busy.alive("1")[101]);
        let quiet = judged(|hour| if hour == gap { 0 } else { 5 }, |_| true);
        assert!(quiet.silences().is_empty());
    }

    #[test]
    fn a_trickle_of_the_usual_is_a_gap_too_and_a_day_without_a_rollup_is_one_long_gap() {
        let feed = judged(|hour| if hour == 28 * 24 { 9 } else { 200 }, |day| day != 3);
        assert_eq!(feed.silences()[0].hours, [0]);
        assert!(feed.alive("1")[3 * 24..4 * 24].iter().all(|&alive| !alive));
    }

    #[test]
    fn an_hour_of_which_events_could_not_be_read_is_masked_and_no_silence() {
        let gap = |hour: u16| [100, 28 * 24 + 5, 28 * 24 + 6].contains(&hour);
        let calls = |hour: u16| if gap(hour) { 0 } else { 200 };
        let unread = |day| match day {
            4 => UnreadHours::from(HourSpan::hour(4)),
            28 => UnreadHours::from(HourSpan::new(5, 7)),
            _ => UnreadHours::default(),
        };
        let feed = judged_by_half(calls, |_| true, unread);
        assert_eq!((feed.silences(), feed.silences_begun("1"), feed.last_heard()), (vec![], vec![], None));
        let masked: Vec<u16> = (0..29 * 24).filter(|hour| !feed.alive("1")[usize::from(*hour)]).collect();
        assert_eq!(masked, [100, 28 * 24 + 5, 28 * 24 + 6], "and their neighbours are believed");
        let all_day = judged_by_half(
            |hour| if hour < 28 * 24 { 200 } else { 0 },
            |_| true,
            |day| {
                if day == 28 { UnreadHours::DAY } else { UnreadHours::default() }
            },
        );
        assert!(all_day.silences().is_empty() && !all_day.alive("1")[28 * 24..].contains(&true));
    }

    #[test]
    fn what_could_not_be_read_lowers_nothing_that_is_usual() {
        let unread = |day| if day < 20 { UnreadHours::DAY } else { UnreadHours::default() };
        let feed = judged_by_half(|hour| if hour < 20 * 24 { 1 } else { 200 }, |_| true, unread);
        assert!((feed.usual("1", HourSpan::hour(7)) - 200.0).abs() < 1e-9);
    }

    #[test]
    fn an_hour_in_which_the_feed_breaks_off_is_not_believed_and_an_ordinary_small_hour_is() {
        let today = 28 * 24;
        let broken = judged(
            |hour| match hour {
                hour if hour == today + 9 => 100,
                hour if hour > today + 9 => 0,
                hour if hour == today + 3 => 100,
                _ => 200,
            },
            |_| true,
        );
        assert_eq!(broken.silences()[0].hours, (9..24).collect::<Vec<u8>>());
        assert_eq!((broken.silences_begun("1"), broken.last_heard()), (vec![HourSpan::new(9, 24)], Some(8)));
    }

    #[test]
    fn a_small_account_that_is_silent_all_day_is_masked_and_its_silence_goes_on_from_the_day_before() {
        let yesterday = 27 * 24;
        let small = judged(|hour| if hour >= yesterday { 0 } else { 5 }, |_| true);
        assert_eq!(small.silences()[0].hours.len(), 24);
        assert_eq!(small.silences_begun("1"), []);
        let tiny = judged(|hour| u32::from(hour < yesterday), |_| true);
        assert!(tiny.silences().is_empty(), "24 calls a day tell nothing");
    }
}
