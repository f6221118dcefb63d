//! Hours whose events were delivered more than once, as counts alone tell.
//!
//! Where every event stands twice, every count is even. Usually about half of the APIs that are called in an hour have an odd count, and
//! all but one in three a count that is no multiple of three. An hour repeats where hardly any is left of those that usually are no
//! multiple, though as many APIs were called as usual; a day does where that holds of all its hours together. Nobody can hide behind it: that
//! takes everybody's calls. Where counts usually are multiples, as where a trail always delivers twice, nothing is told.

use crate::baseline::feed::{UsualTotals, kind_of_day};
use crate::baseline::{Calendar, Window};

/// How often an event may stand there, as far as that is asked; four times is twice two times.
const TIMES: [u32; 2] = [2, 3];
/// At most this share is left of the counts that usually are no multiples.
const LEFT: f64 = 0.05;
/// At least this share of the APIs that are usually called is.
const CALLED: f64 = 0.75;
/// So many counts must usually be no multiples.
const TELLING: f64 = 20.0;
/// Hours of a day.
const DAY: usize = 24;

/// For each hour of the window how many APIs were called, and of how many the calls are no multiple of each of [`TIMES`].
#[derive(Debug, Clone)]
pub(super) struct Parities {
    apis: Vec<u64>,
    odd: [Vec<u64>; TIMES.len()],
}

/// Hours of the scored day in which an account's events stand more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeat {
    /// The account.
    pub account: String,
    /// How often they stand there, or a part of that.
    pub times: u32,
    /// The hours, ascending.
    pub hours: Vec<u8>,
    /// APIs that were called in these hours, each counted once an hour.
    pub apis: u64,
    /// Those of them whose calls are no multiple.
    pub odd: u64,
}

impl Parities {
    pub(super) fn new(hours: usize) -> Self {
        Self { apis: vec![0; hours], odd: [vec![0; hours], vec![0; hours]] }
    }

    /// Adds the calls of an API in an hour.
    pub(super) fn add(&mut self, hour: usize, calls: u32) {
        self.apis[hour] += u64::from(calls > 0);
        for (odd, times) in self.odd.iter_mut().zip(TIMES) {
            odd[hour] += u64::from(!calls.is_multiple_of(times));
        }
    }

    /// For each hour of the window how often its events stand there; 1 where nothing tells of more.
    pub(super) fn times(&self, window: &Window, calendar: &Calendar) -> Vec<u32> {
        let apis = UsualTotals::learn(&self.apis, window, calendar);
        let mut all = vec![1; self.apis.len()];
        for (odd, times) in self.odd.iter().zip(TIMES) {
            let usual = UsualTotals::learn(odd, window, calendar);
            let repeats = |odd: u64, usual: f64, apis: u64, usual_apis: f64| {
                usual >= TELLING && odd as f64 <= LEFT * usual && apis as f64 >= CALLED * usual_apis
            };
            for day in (0..=window.length()).filter(|day| window.is_present(*day)) {
                let (slots, hours) = (calendar.slots(window.date(day)), day * DAY..(day + 1) * DAY);
                let (kind, sum) = (kind_of_day(&slots), |of: &[u64]| of[hours.clone()].iter().sum::<u64>());
                let all_day = repeats(sum(odd), usual.by_day[kind], sum(&self.apis), apis.by_day[kind]);
                for (hour, slot) in hours.clone().zip(slots.map(usize::from)) {
                    let own = repeats(odd[hour], usual.by_slot[slot], self.apis[hour], apis.by_slot[slot]);
                    if all[hour] == 1 && self.apis[hour] > 0 && (own || all_day) {
                        all[hour] = times;
                    }
                }
            }
        }
        all
    }

    /// What is told of the scored day, of the number of times that most of its hours have; `times` is that of [`Self::times`].
    pub(super) fn repeat(&self, account: &str, times: &[u32]) -> Option<Repeat> {
        let first = times.len() - DAY;
        let hours_of =
            |many: u32| (0..DAY as u8).filter(|hour| times[first + usize::from(*hour)] == many).collect::<Vec<u8>>();
        let (place, hours) =
            TIMES.iter().map(|&many| hours_of(many)).enumerate().max_by_key(|(_, hours)| hours.len())?;
        let sum = |of: &[u64]| hours.iter().map(|hour| of[first + usize::from(*hour)]).sum();
        let (apis, odd) = (sum(&self.apis), sum(&self.odd[place]));
        (!hours.is_empty()).then(|| Repeat { account: account.to_owned(), times: TIMES[place], hours, apis, odd })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four weeks and a day in which a hundred APIs are called, as often as a hash says, and on the scored day `times` times as often in
    /// hours from `first`.
    fn times(apis: u32, first: usize, many: u32, usually: u32) -> (Parities, Vec<u32>) {
        let date: chrono::NaiveDate = "2026-02-02".parse().unwrap();
        let window = Window::new(date, 28, |_| true);
        let mut parities = Parities::new(29 * DAY);
        for hour in 0..29 * DAY {
            for api in 0..apis {
                let hash = blake3::hash(&[hour.to_le_bytes().as_slice(), &api.to_le_bytes()].concat()).as_bytes()[0];
                let more = if hour >= 28 * DAY + first { many } else { usually };
                parities.add(hour, u32::from(hash % 30) * more);
            }
        }
        let times = parities.times(&window, &Calendar::new(chrono_tz::UTC));
        (parities, times)
    }

    #[test]
    fn hours_that_were_delivered_again_are_found_and_no_others() {
        for many in [2, 3, 4, 6] {
            let (parities, times) = times(100, 9, many, 1);
            let repeated: Vec<usize> = (0..times.len()).filter(|hour| times[*hour] > 1).collect();
            assert_eq!(repeated, (28 * DAY + 9..29 * DAY).collect::<Vec<_>>(), "{many} times");
            let repeat = parities.repeat("1", &times).unwrap();
            assert_eq!((repeat.times, repeat.odd), (if many == 3 { 3 } else { 2 }, 0));
            assert_eq!(repeat.hours, (9..24).collect::<Vec<u8>>());
        }
    }

    #[test]
    fn a_small_account_repeats_as_a_day_or_tells_nothing() {
        let (_, small) = times(4, 0, 2, 1);
        assert!(small[28 * DAY..].iter().filter(|times| **times == 2).count() > 20, "no hour tells it, the day does");
        let (_, part) = times(4, 9, 2, 1);
        assert!(part.iter().all(|times| *times == 1));
    }

    #[test]
    fn counts_that_usually_are_multiples_tell_nothing() {
        let (parities, times) = times(100, 0, 2, 2);
        assert!(times.iter().all(|times| *times == 1) && parities.repeat("1", &times).is_none());
    }

    #[test]
    fn a_few_even_counts_in_a_quiet_hour_tell_nothing() {
        let date: chrono::NaiveDate = "2026-02-02".parse().unwrap();
        let window = Window::new(date, 28, |_| true);
        let mut parities = Parities::new(29 * DAY);
        for hour in 0..29 * DAY {
            let apis = if hour == 28 * DAY + 3 { 10 } else { 60 };
            (0..apis).for_each(|api| parities.add(hour, if apis == 10 { 2 } else { 1 + api % 2 }));
        }
        let times = parities.times(&window, &Calendar::new(chrono_tz::UTC));
        assert_eq!(times[28 * DAY + 3], 1, "most of the APIs were not called at all");
    }
}
