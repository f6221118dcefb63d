//! Families of which an account's events named nobody on a day though they usually do: a column that was absent or empty.
//!
//! Calls without an address are no addresses that fell silent. Such a day is masked for that family alone, as hours without any event
//! are for all. Errors are left out: that nothing failed is good news, not a fault of the feed.

use std::collections::BTreeMap;

use crate::baseline::feed::TELLING_DAY;
use crate::baseline::{FamilyHistory, HistoryHour, Window};
use crate::rollup::Family;
use crate::stats::upper_median;

/// Families whose members are named by a column of their own.
pub(super) const NAMED: [Family; 3] = [Family::SourceIp, Family::AccessKey, Family::Principal];
/// Less than this share of what is usual means that the column said nothing.
const NOTHING: f64 = 0.005;
/// Days that must tell what is usual.
const LEAST_DAYS: usize = 7;

/// An account's calls by day of the window.
pub(super) type DayTotals = BTreeMap<String, Vec<u64>>;

/// A family that the scored day's events do not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blindness {
    /// The account.
    pub account: String,
    /// The family.
    pub family: Family,
    /// Calls of named members.
    pub calls: u64,
    /// Those that are usual among so many events.
    pub usual: u64,
}

/// The days of the window on which an account's events did not name a family.
#[derive(Debug)]
pub(super) struct BlindDays {
    pub(super) account: String,
    pub(super) days: Vec<usize>,
    /// Of the scored day.
    pub(super) today: Option<Blindness>,
}

/// The accounts that were blind for a family on some day; `all` are the calls of all APIs.
pub(super) fn judge(family: &FamilyHistory, all: &DayTotals, window: &Window) -> Vec<BlindDays> {
    let named = day_totals(family, window);
    let nothing = vec![0; window.length() + 1];
    let of_account = |(account, all): (&String, &Vec<u64>)| {
        let named = named.get(account).unwrap_or(&nothing);
        let usual = usual_share(named, all, window)?;
        let expected = |day: usize| usual * all[day] as f64;
        let is_blind = |day: &usize| expected(*day) >= TELLING_DAY && (named[*day] as f64) < NOTHING * expected(*day);
        let days: Vec<usize> = (0..=window.length()).filter(is_blind).collect();
        let today = days.last().filter(|&&day| day == window.length()).map(|&day| Blindness {
            account: account.clone(),
            family: family.family,
            calls: named[day],
            usual: expected(day).round() as u64,
        });
        (!days.is_empty()).then(|| BlindDays { account: account.clone(), days, today })
    };
    all.iter().filter_map(of_account).collect()
}

/// The median share of calls whose member is named, over days before the scored one with enough calls.
fn usual_share(named: &[u64], all: &[u64], window: &Window) -> Option<f64> {
    let tells = |day: &usize| window.is_present(*day) && all[*day] as f64 >= TELLING_DAY;
    let days = || (0..window.length()).filter(tells);
    upper_median(days().map(|day| named[day] as f64 / all[day] as f64)).filter(|_| days().count() >= LEAST_DAYS)
}

/// The calls of each account by day, of members beyond a cap too.
pub(super) fn day_totals(history: &FamilyHistory, window: &Window) -> DayTotals {
    let mut totals = DayTotals::new();
    let mut add = |account: &str, hour: HistoryHour| {
        if !totals.contains_key(account) {
            totals.insert(account.to_owned(), vec![0; window.length() + 1]);
        }
        if let Some(total) = totals.get_mut(account) {
            total[hour.day()] += u64::from(hour.calls);
        }
    };
    for member in 0..history.len() {
        let account = history.key(member).account();
        history.hours(member).iter().for_each(|hour| add(account, *hour));
    }
    history.unnamed().for_each(|(account, hour)| add(account, hour));
    totals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::{Calendar, Feed};
    use crate::rollup::EntityKey;

    /// Thirty calls an hour, of which `named` in a day's number come from named addresses.
    fn blind(named: impl Fn(u16) -> u32) -> (Vec<usize>, Option<Blindness>, Feed) {
        let window = Window::new("2026-02-02".parse().unwrap(), 28, |_| true);
        let hours = |calls: &dyn Fn(u16) -> u32| -> Vec<HistoryHour> {
            let hours = (0..29 * 24).map(|hour| HistoryHour { hour, calls: calls(hour / 24), errors: 0, peak: 0 });
            hours.filter(|hour| hour.calls > 0).collect()
        };
        let key = |name: &str| EntityKey::new(["1", name]);
        let apis = FamilyHistory::from_entities(Family::Api, [(key("ecs"), hours(&|_| 30))]);
        let own = FamilyHistory::from_entities(Family::SourceIp, [(key("192.0.2.7"), hours(&named))]);
        let feed = Feed::judge(&apis, &window, &Calendar::new(chrono_tz::UTC)).masking(&[&own], &apis, &window);
        let mut found = judge(&own, &day_totals(&apis, &window), &window);
        let first = found.pop();
        let (days, today) = first.map_or((Vec::new(), None), |found| (found.days, found.today));
        (days, today, feed)
    }

    #[test]
    fn days_without_a_name_are_masked_for_that_family_alone() {
        let (days, today, feed) = blind(|day| if day == 3 || day == 28 { 0 } else { 29 });
        assert_eq!(days, [3, 28]);
        assert_eq!(today.map(|today| (today.calls, today.usual)), Some((0, 696)));
        let masked = |family| feed.alive_in(family, "1")[3 * 24..4 * 24].iter().all(|alive| !alive);
        assert!(masked(Family::SourceIp) && !masked(Family::Api));
        assert_eq!(feed.blind().len(), 1);
    }

    #[test]
    fn few_names_are_names_and_a_family_that_was_never_named_is_not_missed() {
        assert!(blind(|day| if day == 28 { 1 } else { 29 }).0.is_empty());
        assert!(blind(|day| u32::from(day == 9) * 29).0.is_empty());
    }
}
