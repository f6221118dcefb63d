//! Whether the feed was alive, account by account and hour by hour.
//!
//! A missing hour is no hour without calls: it is masked, and neither alarms nor teaches. An hour counts as missing when its
//! day has no rollup, when the account was wholly silent, or when it had less than a twentieth of what is usual for the slot.

use std::collections::BTreeMap;

use crate::baseline::{Calendar, FamilyHistory, SLOTS, Window};

/// Less than this share of the usual total means that part of the feed is missing.
const ALIVE_SHARE: f64 = 0.05;
/// Below this usual total a silent hour tells nothing about the feed.
const TELLING_TOTAL: f64 = 20.0;

/// Which hours of the window can be believed.
#[derive(Debug)]
pub struct Feed {
    alive: BTreeMap<String, Vec<bool>>,
    overall: Vec<bool>,
}

impl Feed {
    /// Judges the feed from the calls of all APIs.
    pub fn judge(apis: &FamilyHistory, window: &Window, calendar: Calendar) -> Self {
        let hours = (window.length() + 1) * 24;
        let mut totals: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let mut overall = vec![0; hours];
        for member in 0..apis.len() {
            let total = totals.entry(apis.key(member).account().to_owned()).or_insert_with(|| vec![0; hours]);
            for hour in apis.hours(member) {
                total[usize::from(hour.hour)] += u64::from(hour.calls);
                overall[usize::from(hour.hour)] += u64::from(hour.calls);
            }
        }
        let judge = |total: &Vec<u64>| alive(total, window, calendar);
        let alive = totals.iter().map(|(account, total)| (account.clone(), judge(total))).collect();
        Self { alive, overall: judge(&overall) }
    }

    /// For each hour of the window whether the account's feed was alive; an unknown account shares everybody's.
    pub fn alive(&self, account: &str) -> &[bool] {
        self.alive.get(account).unwrap_or(&self.overall)
    }

    /// The hours of the scored day in which nothing can be said of an account that is usually heard of.
    pub fn silent_hours(&self) -> Vec<(String, Vec<u8>)> {
        let silent = |alive: &Vec<bool>| {
            let today = &alive[alive.len() - 24..];
            (0..24_u8).filter(|&hour| !today[usize::from(hour)]).collect::<Vec<u8>>()
        };
        let found = self.alive.iter().map(|(account, alive)| (account.clone(), silent(alive)));
        found.filter(|(_, hours)| !hours.is_empty()).collect()
    }
}

fn alive(totals: &[u64], window: &Window, calendar: Calendar) -> Vec<bool> {
    let usual = usual_by_slot(totals, window, calendar);
    let hour_alive = |day: usize, hour: usize, slot: u8| {
        let total = totals[day * 24 + hour] as f64;
        let usual = usual[usize::from(slot)];
        usual < TELLING_TOTAL || total >= ALIVE_SHARE * usual
    };
    let day_alive = |day: usize| {
        let slots = calendar.slots(window.date(day));
        (0..24).map(move |hour| window.is_present(day) && hour_alive(day, hour, slots[hour])).collect::<Vec<_>>()
    };
    (0..=window.length()).flat_map(day_alive).collect()
}

/// The median total of each slot over the days before the scored one.
fn usual_by_slot(totals: &[u64], window: &Window, calendar: Calendar) -> Vec<f64> {
    let mut by_slot = vec![Vec::new(); SLOTS];
    for day in (0..window.length()).filter(|&day| window.is_present(day)) {
        for (hour, slot) in calendar.slots(window.date(day)).into_iter().enumerate() {
            by_slot[usize::from(slot)].push(totals[day * 24 + hour]);
        }
    }
    let median = |values: &mut Vec<u64>| {
        values.sort_unstable();
        values.get(values.len() / 2).map_or(0.0, |&middle| middle as f64)
    };
    by_slot.iter_mut().map(median).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::HistoryHour;
    use crate::rollup::{EntityKey, Family};

    fn judged(calls: impl Fn(u16) -> u32, present: impl Fn(usize) -> bool) -> Feed {
        let date: chrono::NaiveDate = "2026-02-02".parse().unwrap();
        let window = Window::new(date, 28, |day| present((28 - (date - day).num_days()) as usize));
        let hours = (0..29 * 24).map(|hour| HistoryHour { hour, calls: calls(hour), errors: 0, peak: 0 });
        let hours: Vec<HistoryHour> = hours.filter(|hour| hour.calls > 0).collect();
        let history = FamilyHistory::from_entities(Family::Api, [(EntityKey::new(["1", "ecs", "Run"]), hours)]);
        Feed::judge(&history, &window, Calendar::new(chrono_tz::UTC))
    }

    #[test]
    fn silence_of_a_busy_account_is_masked_and_of_a_quiet_one_believed() {
        let gap = 28 * 24 + 5;
        let busy = judged(|hour| if hour == gap || hour == 100 { 0 } else { 200 }, |_| true);
        assert_eq!(busy.silent_hours(), [("1".to_owned(), vec![5])]);
        assert!(!busy.alive("1")[100] && busy.alive("1")[101]);
        let quiet = judged(|hour| if hour == gap { 0 } else { 5 }, |_| true);
        assert!(quiet.silent_hours().is_empty());
    }

    #[test]
    fn a_trickle_of_the_usual_is_a_gap_too_and_a_day_without_a_rollup_is_one_long_gap() {
        let feed = judged(|hour| if hour == 28 * 24 { 9 } else { 200 }, |day| day != 3);
        assert_eq!(feed.silent_hours(), [("1".to_owned(), vec![0])]);
        assert!(feed.alive("1")[3 * 24..4 * 24].iter().all(|&alive| !alive));
    }
}
