//! Accounts whose trail delivers only writes, or only reads, as the names of their APIs tell.
//!
//! What a trail does not deliver any more has not dropped: [`OneSided::lacks`] tells whose calls are among it.

use std::collections::{BTreeMap, BTreeSet};

use crate::baseline::{FamilyHistory, HistoryHour, Window};
use crate::event::only_reads;
use crate::rollup::{EntityKey, Family};

/// With fewer calls than this it may be that nobody read.
const TELLING_CALLS: u64 = 500;
/// One in so many calls at most is an exception: names do not tell everything.
const EXCEPTION: u64 = 200;
/// A side that was delivered before is missing below one in so many of its calls of a usual day: that the other has become so many more
/// makes no trail one-sided.
const FALLEN: u64 = 10;
/// From this percentage of the calls before on, the end of a side is a change of what the trail delivers.
const USUAL_PERCENT: u64 = 5;

/// A side of what can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// APIs that only read.
    Reads,
    /// All others.
    Writes,
}

/// An account of which one side is missing on the scored day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneSided {
    /// The account.
    pub account: String,
    /// The side that is missing.
    pub missing: Side,
    /// The account's calls.
    pub calls: u64,
    /// Those of the missing side that came all the same.
    pub others: u64,
    /// The percentage of that side among the calls before.
    pub others_before: u64,
}

/// Calls of an account, and those among them that only read.
#[derive(Debug, Clone, Copy, Default)]
struct Calls {
    all: u64,
    reads: u64,
}

impl Calls {
    fn add(&mut self, hours: &[HistoryHour], reads: bool) {
        let calls: u64 = hours.iter().map(|hour| u64::from(hour.calls)).sum();
        self.all += calls;
        self.reads += if reads { calls } else { 0 };
    }

    /// Whether a side is no more than the names of APIs leave open.
    fn is_exception(self, side: Side) -> bool {
        self.of(side) * EXCEPTION <= self.all
    }

    fn of(self, side: Side) -> u64 {
        match side {
            Side::Reads => self.reads,
            Side::Writes => self.all - self.reads,
        }
    }
}

/// What an account did before the scored day.
#[derive(Debug, Clone, Default)]
struct PastCalls {
    calls: Calls,
    /// The days on which there were calls.
    days: BTreeSet<usize>,
}

impl PastCalls {
    /// Whether few calls of a side are none that went missing only beside many others: it was an exception before too, or they are far
    /// fewer than on a usual day.
    fn misses(&self, side: Side, today: Calls) -> bool {
        let days = self.days.len() as u64;
        self.calls.is_exception(side) || today.of(side) * FALLEN * days < self.calls.of(side)
    }
}

impl OneSided {
    /// The accounts of which one side is missing on the scored day, in their order.
    pub fn judge(apis: &FamilyHistory, window: &Window) -> Vec<Self> {
        let mut accounts: BTreeMap<&str, (PastCalls, Calls)> = BTreeMap::new();
        for member in 0..apis.len() {
            let key = apis.key(member);
            let (before, today) = apis.split(member, window);
            let calls = accounts.entry(key.account()).or_default();
            calls.0.calls.add(before, reads(key));
            calls.0.days.extend(before.iter().map(HistoryHour::day));
            calls.1.add(today, reads(key));
        }
        accounts.into_iter().filter_map(|(account, (past, today))| Self::of(account, &past, today)).collect()
    }

    fn of(account: &str, past: &PastCalls, today: Calls) -> Option<Self> {
        let before = past.calls;
        let is_missing = |side: &Side| today.is_exception(*side) && past.misses(*side, today);
        let missing = [Side::Reads, Side::Writes].into_iter().find(is_missing)?;
        (today.all >= TELLING_CALLS).then(|| Self {
            account: account.to_owned(),
            missing,
            calls: today.all,
            others: today.of(missing),
            others_before: (before.of(missing) * 100).checked_div(before.all).unwrap_or(0),
        })
    }

    /// Whether the trail delivered both sides before.
    pub fn is_news(&self) -> bool {
        self.others_before >= USUAL_PERCENT
    }

    /// Whether calls of an entity are missing because the trail delivers them no more: those of an API of the missing side, and some of
    /// everybody who calls.
    pub fn lacks(&self, family: Family, key: &EntityKey) -> bool {
        let is_api = matches!(family, Family::Api | Family::ApiError);
        self.is_news() && key.account() == self.account && (!is_api || reads(key) == (self.missing == Side::Reads))
    }
}

fn reads(api: &EntityKey) -> bool {
    api.fields().nth(2).is_some_and(only_reads)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(before: (u64, u64), today: (u64, u64)) -> Option<OneSided> {
        let calls = |(reads, writes): (u64, u64)| Calls { all: reads + writes, reads };
        OneSided::of("1", &PastCalls { calls: calls(before), days: BTreeSet::from([27]) }, calls(today))
    }

    #[test]
    fn a_side_that_is_missing_is_told_and_a_small_one_is_not() {
        let told = |before, today| judged(before, today).map(|found| (found.missing, found.others_before));
        assert_eq!(told((900, 100), (0, 600)), Some((Side::Reads, 90)));
        assert_eq!(told((0, 0), (3, 600)), Some((Side::Reads, 0)));
        assert_eq!(told((900, 100), (600, 0)), Some((Side::Writes, 10)));
        assert_eq!(told((900, 100), (10, 590)), None);
        assert_eq!(told((900, 100), (0, 400)), None, "few calls tell nothing");
    }

    #[test]
    fn a_side_is_not_missing_because_the_other_has_become_many_more() {
        let told = |before, today| judged(before, today).map(|found| (found.missing, found.is_news()));
        assert_eq!(told((900, 100), (40_000, 90)), None, "one client reads and reads");
        assert_eq!(told((900, 100), (40_000, 10)), None);
        assert_eq!(told((900, 100), (40_000, 9)), Some((Side::Writes, true)));
        assert_eq!(told((1000, 4), (1000, 4)), Some((Side::Writes, false)), "it never was delivered");
    }

    #[test]
    fn a_usual_day_is_one_of_those_with_calls() {
        let past = |days| PastCalls { calls: Calls { all: 14_000, reads: 12_600 }, days: (0..days).collect() };
        let told = |days| OneSided::of("1", &past(days), Calls { all: 40_000, reads: 39_990 });
        assert!(told(14).is_none() && told(13).is_some(), "a hundred writes a day, or a few more");
    }

    #[test]
    fn what_is_not_delivered_any_more_has_not_dropped() {
        let key = |event: &str| EntityKey::new(["1", "ecs", event]);
        let writes_only = judged((900, 100), (0, 600)).unwrap();
        assert!(writes_only.lacks(Family::Api, &key("DescribeInstances")));
        assert!(!writes_only.lacks(Family::Api, &key("RunInstances")));
        assert!(writes_only.lacks(Family::SourceIp, &EntityKey::new(["1", "192.0.2.7"])));
        assert!(!writes_only.lacks(Family::SourceIp, &EntityKey::new(["2", "192.0.2.7"])));
        let always = judged((10, 990), (0, 600)).unwrap();
        assert!(!always.lacks(Family::Api, &key("DescribeInstances")), "it never was delivered");
    }
}
