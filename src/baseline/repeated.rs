//! Hours whose events were delivered more than once, as counts alone tell.
//!
//! Where every event stands twice, every count is even. Usually about half of the APIs that are called in an hour have an odd count, and
//! all but one in three a count that is no multiple of three. An hour repeats where hardly any is left of those that usually are no
//! multiple, though as many APIs were called as usual, and clearly more often; a day does where the same holds of the counts of the day. So
//! many APIs must tell it that no chance does. Nobody can hide behind it: that takes everybody's calls. Where counts usually are multiples,
//! as where a trail always delivers twice, nothing is told.

use crate::baseline::feed::{UsualTotals, kind_of_day};
use crate::baseline::{Calendar, HistoryHour, Window};
use crate::time::DAY_HOURS;

/// How often an event may stand there, as far as that is asked; four times is twice two times.
const TIMES: [u32; 2] = [2, 3];
/// At most this share is left of the counts that usually are no multiples.
const LEFT: f64 = 0.05;
/// At least this share of the APIs that are usually called is.
const CALLED: f64 = 0.75;
/// There are at least so many times as many calls as usual.
const RISEN: f64 = 1.3;
/// So many counts must usually be no multiples.
const TELLING: f64 = 20.0;

/// How many counts there are in each hour of the window, and of how many the calls are no multiple of each of [`TIMES`].
#[derive(Debug, Clone)]
struct Counts {
    all: Vec<u64>,
    odd: [Vec<u64>; TIMES.len()],
}

/// The counts of an account's APIs, of hours and of days; a day's stand in the hour in which it begins.
#[derive(Debug, Clone)]
pub(super) struct Parities {
    hours: Counts,
    days: Counts,
}

impl Counts {
    fn new(hours: usize) -> Self {
        Self { all: vec![0; hours], odd: [vec![0; hours], vec![0; hours]] }
    }

    fn add(&mut self, hour: usize, calls: u32) {
        self.all[hour] += u64::from(calls > 0);
        for (odd, times) in self.odd.iter_mut().zip(TIMES) {
            odd[hour] += u64::from(!calls.is_multiple_of(times));
        }
    }
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
        Self { hours: Counts::new(hours), days: Counts::new(hours) }
    }

    /// Adds the calls of an API, hour by hour.
    pub(super) fn add(&mut self, hours: &[HistoryHour]) {
        for day in hours.chunk_by(|left, right| left.day() == right.day()) {
            day.iter().for_each(|hour| self.hours.add(usize::from(hour.hour), hour.calls));
            let calls = day.iter().fold(0, |calls: u32, hour| calls.saturating_add(hour.calls));
            day.first().into_iter().for_each(|hour| self.days.add(hour.day() * DAY_HOURS, calls));
        }
    }

    /// For each hour of the window how often its events stand there; 1 where nothing tells of more. `calls` are those of its hours.
    pub(super) fn times(&self, calls: &[u64], usual: &UsualTotals, window: &Window, calendar: &Calendar) -> Vec<u32> {
        let learn = |counts: &[u64]| UsualTotals::learn(counts, window, calendar);
        let (apis, apis_of_days) = (learn(&self.hours.all), learn(&self.days.all));
        let mut all = vec![1; calls.len()];
        for (place, times) in TIMES.into_iter().enumerate() {
            let (odd, odd_of_days) = (&self.hours.odd[place], &self.days.odd[place]);
            let (usual_odd, usual_of_days) = (learn(odd), learn(odd_of_days));
            for day in (0..=window.length()).filter(|day| window.is_present(*day)) {
                let (slots, first) = (calendar.slots(window.date(day)), day * DAY_HOURS);
                let (kind, sum) = (kind_of_day(&slots), calls[first..first + DAY_HOURS].iter().sum::<u64>());
                let of_day = Looked { odd: odd_of_days[first], apis: self.days.all[first], calls: sum };
                let all_day = of_day.repeats(usual_of_days.by_day[kind], apis_of_days.by_day[kind], usual.by_day[kind]);
                for (hour, slot) in (first..first + DAY_HOURS).zip(slots.map(usize::from)) {
                    let own = Looked { odd: odd[hour], apis: self.hours.all[hour], calls: calls[hour] };
                    let own = own.repeats(usual_odd.by_slot[slot], apis.by_slot[slot], usual.by_slot[slot]);
                    if all[hour] == 1 && calls[hour] > 0 && (own || all_day) {
                        all[hour] = times;
                    }
                }
            }
        }
        all
    }

    /// What is told of the scored day, of the number of times that most of its hours have; `times` is that of [`Self::times`].
    pub(super) fn repeat(&self, account: &str, times: &[u32]) -> Option<Repeat> {
        let first = times.len() - DAY_HOURS;
        let hours_of = |many: u32| {
            (0..DAY_HOURS as u8).filter(|hour| times[first + usize::from(*hour)] == many).collect::<Vec<u8>>()
        };
        let (place, hours) =
            TIMES.iter().map(|&many| hours_of(many)).enumerate().max_by_key(|(_, hours)| hours.len())?;
        let sum = |of: &[u64]| hours.iter().map(|hour| of[first + usize::from(*hour)]).sum();
        let (apis, odd) = (sum(&self.hours.all), sum(&self.hours.odd[place]));
        (!hours.is_empty()).then(|| Repeat { account: account.to_owned(), times: TIMES[place], hours, apis, odd })
    }
}

/// An hour, or a day: counts that are no multiples, APIs and calls.
struct Looked {
    odd: u64,
    apis: u64,
    calls: u64,
}

impl Looked {
    fn repeats(&self, usual_odd: f64, usual_apis: f64, usual_calls: f64) -> bool {
        usual_odd >= TELLING
            && self.odd as f64 <= LEFT * usual_odd
            && self.apis as f64 >= CALLED * usual_apis
            && self.calls as f64 >= RISEN * usual_calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of four weeks and a day, by the calls of each API in each hour.
    fn told(apis: u32, calls: impl Fn(u32, usize) -> u32) -> (Parities, Vec<u32>) {
        let date: chrono::NaiveDate = "2026-02-02".parse().unwrap();
        let (window, calendar) = (Window::new(date, 28, |_| true), Calendar::new(chrono_tz::UTC));
        let (mut parities, mut all) = (Parities::new(29 * DAY_HOURS), vec![0; 29 * DAY_HOURS]);
        for api in 0..apis {
            let hour = |hour: usize| HistoryHour { hour: hour as u16, calls: calls(api, hour), errors: 0, peak: 0 };
            let hours: Vec<HistoryHour> = (0..29 * DAY_HOURS).map(hour).filter(|hour| hour.calls > 0).collect();
            hours.iter().for_each(|hour| all[usize::from(hour.hour)] += u64::from(hour.calls));
            parities.add(&hours);
        }
        let times = parities.times(&all, &UsualTotals::learn(&all, &window, &calendar), &window, &calendar);
        (parities, times)
    }

    /// APIs that are called as often as a hash says, `usually` so many times as often, and `many` times in the scored day's hours from `first`.
    fn times(apis: u32, first: usize, many: u32, usually: u32) -> (Parities, Vec<u32>) {
        told(apis, |api, hour| {
            let hash = blake3::hash(&[hour.to_le_bytes().as_slice(), &api.to_le_bytes()].concat()).as_bytes()[0];
            u32::from(hash % 30) * if hour >= 28 * DAY_HOURS + first { many } else { usually }
        })
    }

    #[test]
    fn hours_that_were_delivered_again_are_found_and_no_others() {
        for many in [2, 3, 4, 6] {
            let (parities, times) = times(100, 9, many, 1);
            let repeated: Vec<usize> = (0..times.len()).filter(|hour| times[*hour] > 1).collect();
            assert_eq!(repeated, (28 * DAY_HOURS + 9..29 * DAY_HOURS).collect::<Vec<_>>(), "{many} times");
            let repeat = parities.repeat("1", &times).unwrap();
            assert_eq!((repeat.times, repeat.odd), (if many == 3 { 3 } else { 2 }, 0));
            assert_eq!(repeat.hours, (9..24).collect::<Vec<u8>>());
        }
    }

    #[test]
    fn a_smaller_account_repeats_as_a_day_and_a_small_one_tells_nothing() {
        // Forty-five APIs, of which about a quarter is called in an hour.
        let sparse = |first: usize| {
            move |api: u32, hour: usize| {
                let hash = blake3::hash(&[hour.to_le_bytes().as_slice(), &api.to_le_bytes()].concat()).as_bytes()[1];
                u32::from(hash.saturating_sub(190)) * if hour >= 28 * DAY_HOURS + first { 2 } else { 1 }
            }
        };
        let repeated = |times: &[u32]| times.iter().filter(|times| **times == 2).count();
        assert_eq!(repeated(&told(45, sparse(0)).1), 24, "no hour tells it, the day does");
        assert_eq!(repeated(&told(45, sparse(12)).1), 0);
        assert_eq!(repeated(&told(4, sparse(0)).1), 0);
    }

    #[test]
    fn counts_that_usually_are_multiples_and_those_of_a_few_apis_tell_nothing() {
        let (parities, times) = times(100, 0, 2, 2);
        assert!(times.iter().all(|times| *times == 1) && parities.repeat("1", &times).is_none());
        let steady = told(1, |_, hour| if hour >= 28 * DAY_HOURS { 202 } else { 101 }).1;
        assert!(steady.iter().all(|times| *times == 1), "a job that works twice as much is a rise");
        let fewer = told(60, |api, hour| if hour >= 28 * DAY_HOURS { 2 } else { 3 + api % 2 }).1;
        assert!(fewer.iter().all(|times| *times == 1), "less is nothing that was delivered again");
    }

    #[test]
    fn a_few_even_counts_in_a_quiet_hour_tell_nothing() {
        let quiet = 28 * DAY_HOURS + 3;
        let (_, times) = told(60, |api, hour| if hour == quiet { 20 * u32::from(api < 10) } else { 1 + api % 2 });
        assert_eq!(times[quiet], 1, "most of the APIs were not called at all");
    }
}
