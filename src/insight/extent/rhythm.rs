//! Whether what an entity does is usual again, or as it was in an episode: the hours after it, held against both.
//!
//! *Statistic*: the log of the likelihood ratio of two Poisson processes. Where `m` calls are usual and `n` would go with the episode's
//! level, `y` calls speak for what is usual by `(n - m) - y ln(n / m)`. An episode in hours in which the entity is usually busy has a
//! level that is so many times what is usual, so that the nights and weekends in which nothing is usual tell nothing of it; any other
//! has so many calls beside it. *When it is wrong*: what is usual is a trimmed mean by hour of weekdays and of weekend days, so a change
//! of the entity's hours looks like a return.

use std::ops::Range;

use crate::baseline::{Calendar, FamilyHistory, Feed, HistoryHour, SLOTS, Window};
use crate::detect::Direction;
use crate::rollup::Family;

/// Hours speak for what is usual from here on: it is then twenty times as likely as the episode's level.
pub(in crate::insight) const TELLING: f64 = 3.0;
/// So many hours that are as usual tell nothing: calls clump, and an hour of a level is as low at times.
pub(in crate::insight) const HARDLY_ANY: usize = 2;
/// An episode in whose hours as many calls are usual has a level that is a multiple of them.
const BUSY: f64 = 3.0;
/// A level is at least so many times as high, or as low, as what is usual.
const LEAST_RATIO: f64 = 1.5;
/// The share of the busiest days of a slot that tells nothing of what is usual.
const TRIMMED: f64 = 0.1;
/// Days of a slot that are needed to tell what is usual in it.
const LEAST_DAYS: usize = 2;
/// Calls an hour that are usual at least: one a day.
pub(super) const LEAST_USUAL: f64 = 1.0 / 24.0;

/// What the days of a night's window are.
#[derive(Debug, Clone, Copy)]
pub struct Days<'a> {
    /// Which they are.
    pub window: &'a Window,
    /// Their slots.
    pub calendar: &'a Calendar,
    /// Which hours can be believed.
    pub feed: &'a Feed,
}

impl Days<'_> {
    /// Which hours can be believed of an account's members of a family: the last one before the scored day, then those of that day.
    pub(in crate::insight) fn believed(&self, (family, account): (Family, &str)) -> [bool; 25] {
        let alive = self.feed.alive_in(family, account);
        alive.last_chunk().copied().unwrap_or([true; 25])
    }
}

/// How much an episode differs from what is usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::insight) enum Level {
    /// So many times as many calls.
    Times(f64),
    /// So many more calls an hour.
    More(f64),
}

impl Level {
    /// Calls an hour where so many are usual.
    pub(in crate::insight) fn calls(self, usual: f64) -> f64 {
        match self {
            Self::Times(ratio) => usual * ratio,
            Self::More(more) => usual + more,
        }
    }

    /// By how much `calls` in a part of an hour speak for what is usual, of which there would be `usual` in all of it.
    pub(in crate::insight) fn telling(self, usual: f64, part: f64, calls: u64) -> f64 {
        // A call where none is usual is one of at least one a day; that there is none tells nothing there.
        let usual = if calls > 0 { usual.max(LEAST_USUAL) } else { usual };
        let ratio = match self {
            Self::Times(ratio) => ratio,
            Self::More(_) => self.calls(usual) / usual.max(LEAST_USUAL),
        };
        (self.calls(usual) - usual) * part - calls as f64 * ratio.max(f64::MIN_POSITIVE).ln()
    }
}

/// An entity's hours, from the first of the window to the last of the scored day.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::insight) struct Rhythm(Vec<Hour>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Hour {
    calls: u64,
    usual: f64,
    is_believed: bool,
}

impl Rhythm {
    /// What an entity did, and what was usual in the days before day `before` of the window.
    pub(in crate::insight) fn learn(history: &FamilyHistory, member: usize, days: Days<'_>, before: usize) -> Self {
        let Days { window, calendar, feed } = days;
        let alive = feed.alive_in(history.family, history.key(member).account());
        let slots: Vec<u8> = (0..=window.length()).flat_map(|day| calendar.slots(window.date(day))).collect();
        let mut calls = vec![0_u64; slots.len()];
        history.hours(member).iter().for_each(|hour| calls[usize::from(hour.hour)] += u64::from(hour.calls));
        let born = history.hours(member).first().map_or(before, HistoryHour::day);
        let teaches = |day: &usize| window.is_present(*day) && !history.is_hidden(member, *day);
        let hours = (born..before).filter(teaches).flat_map(|day| day * 24..(day + 1) * 24);
        let mut past: Vec<Vec<u64>> = vec![Vec::new(); SLOTS];
        hours.filter(|&hour| alive[hour]).for_each(|hour| past[usize::from(slots[hour])].push(calls[hour]));
        let usual: Vec<f64> = (0..SLOTS).map(|slot| usual_of(&past, slot)).collect();
        let hour = |(hour, calls)| Hour { calls, usual: usual[usize::from(slots[hour])], is_believed: alive[hour] };
        Self(calls.into_iter().enumerate().map(hour).collect())
    }

    /// The level of an episode with so many calls, from one minute of the window to another.
    pub(in crate::insight) fn level(&self, direction: Direction, observed: u64, minutes: Range<i64>) -> Level {
        let (usual, hours) = self.usual_between(minutes);
        let ratio = (observed as f64 + 0.5) / (usual + 0.5);
        match direction {
            Direction::Down => Level::Times(ratio.min(1.0 / LEAST_RATIO)),
            Direction::Up if usual >= BUSY => Level::Times(ratio.max(LEAST_RATIO)),
            Direction::Up => more(observed, usual, hours),
        }
    }

    /// The same of a rise as so many more calls, however many are usual; of a drop there are never less than none.
    pub(super) fn more(&self, direction: Direction, observed: u64, hours: Range<usize>) -> Option<Level> {
        let (usual, hours) = self.usual_between(hours.start as i64 * 60..hours.end as i64 * 60);
        (direction == Direction::Up).then(|| more(observed, usual, hours))
    }

    /// The calls that are usual from one minute of the window to another, and how many hours of it that is.
    fn usual_between(&self, minutes: Range<i64>) -> (f64, f64) {
        let last = self.0.len() as i64 * 60;
        let (from, to) = (minutes.start.clamp(0, last), minutes.end.clamp(0, last));
        let part = |hour: i64| ((hour * 60 + 60).min(to) - (hour * 60).max(from)) as f64 / 60.0;
        let hours = (from / 60..(to + 59) / 60).map(|hour| (hour as usize, part(hour)));
        let usual = hours.map(|(hour, part)| self.0[hour].usual * part).sum();
        (usual, (to - from).max(1) as f64 / 60.0)
    }

    /// By how much some hours speak for what is usual; below zero for the level.
    pub(in crate::insight) fn telling(&self, level: Level, hours: Range<usize>) -> f64 {
        let believed = self.0.get(hours).unwrap_or_default().iter().filter(|hour| hour.is_believed);
        believed.map(|hour| level.telling(hour.usual, 1.0, hour.calls)).sum()
    }

    /// The same of all that is left of the window from a minute on; `calls` are those in the rest of that minute's hour.
    pub(in crate::insight) fn telling_after(&self, level: Level, minute: usize, calls: u64) -> f64 {
        let next = minute.div_ceil(60);
        let part = (next * 60 - minute) as f64 / 60.0;
        let begun = self.0.get(minute / 60).filter(|hour| hour.is_believed && part > 0.0);
        begun.map_or(0.0, |hour| level.telling(hour.usual, part, calls)) + self.telling(level, next..self.0.len())
    }

    /// By how much hours must speak for what is usual to be the end of an episode in these: by more than twice as much as any of its own did, in
    /// which it was not over. Calls clump: an hour of a level is as low as what is usual at times.
    pub(in crate::insight) fn over(&self, level: Level, episode: Range<usize>) -> f64 {
        TELLING + 2.0 * self.most_telling(level, episode)
    }

    /// How many of some hours can be believed.
    pub(in crate::insight) fn believed(&self, hours: Range<usize>) -> usize {
        self.0.get(hours).unwrap_or_default().iter().filter(|hour| hour.is_believed).count()
    }

    /// For how many of some hours a level goes on, as [`lasted`] tells, and whether it was over then: whether what is usual came back after them,
    /// and is told by `over`. What comes after such a gap is another thing. Hours that do not follow at once must be telling by
    /// themselves: a call at night is no level.
    pub(in crate::insight) fn lasted(&self, level: Level, hours: Range<usize>, over: f64) -> (usize, bool) {
        let telling = |hour: usize| self.telling(level, hour..hour + 1);
        let (mut best, mut sum) = ((0, 0.0), 0.0);
        for hour in hours.clone() {
            sum -= telling(hour);
            let follows = hour == hours.start + best.0;
            if sum > best.1 + if follows { 0.0 } else { TELLING } {
                best = (hour + 1 - hours.start, sum);
            } else if best.1 - sum >= over && self.is_back(level, hours.start + best.0..hour + 1) {
                return (best.0, true);
            }
        }
        (best.0, false)
    }

    /// The most by which any hours in a row of some speak for what is usual.
    fn most_telling(&self, level: Level, hours: Range<usize>) -> f64 {
        let so_far = |sum: &mut f64, hour: usize| {
            *sum = (*sum + self.telling(level, hour..hour + 1)).max(0.0);
            Some(*sum)
        };
        hours.scan(0.0, so_far).fold(0.0, f64::max)
    }

    /// Whether there are no more calls in some hours than are usual; after a drop no fewer.
    fn is_back(&self, level: Level, hours: Range<usize>) -> bool {
        let hours = self.0.get(hours).unwrap_or_default().iter().filter(|hour| hour.is_believed);
        let (calls, usual) = hours.fold((0, 0.0), |(calls, usual), hour| (calls + hour.calls, usual + hour.usual));
        match level {
            Level::Times(ratio) if ratio < 1.0 => calls as f64 >= usual,
            Level::Times(_) | Level::More(_) => calls as f64 <= usual,
        }
    }

    /// The calls a minute that are usual in some hours.
    pub(in crate::insight) fn usual(&self, hours: Range<usize>) -> f64 {
        let length = hours.len().max(1) as f64;
        self.0.get(hours).unwrap_or_default().iter().map(|hour| hour.usual).sum::<f64>() / (length * 60.0)
    }
}

/// So many more calls in each of some hours than are usual in all of them.
fn more(observed: u64, usual: f64, hours: f64) -> Level {
    Level::More((observed as f64 - usual).max(1.0) / hours)
}

/// For how many of some hours or minutes, from the first on, a level goes on: as many as speak for it most. Each is told by how much it
/// speaks for what is usual.
pub(in crate::insight) fn lasted(telling: impl Iterator<Item = f64>) -> usize {
    let (mut best, mut sum) = ((0, 0.0), 0.0);
    for (place, telling) in telling.enumerate() {
        sum -= telling;
        if sum > best.1 {
            best = (place + 1, sum);
        }
    }
    best.0
}

/// What is usual in a slot; where it is hardly known, in the same hour of other days too.
fn usual_of(past: &[Vec<u64>], slot: usize) -> f64 {
    let own = &past[slot];
    if own.len() >= LEAST_DAYS {
        return trimmed_mean(own.clone());
    }
    trimmed_mean(own.iter().chain(&past[(slot + SLOTS / 2) % SLOTS]).copied().collect())
}

fn trimmed_mean(mut calls: Vec<u64>) -> f64 {
    calls.sort_unstable();
    calls.truncate(calls.len() - (calls.len() as f64 * TRIMMED).floor() as usize);
    if calls.is_empty() { 0.0 } else { calls.iter().sum::<u64>() as f64 / calls.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollup::EntityKey;

    /// The rhythm of a key that calls ten times an hour from 9 to 17 on weekdays, on a Saturday after this Friday.
    fn office(friday: u32) -> Rhythm {
        let window = Window::new("2026-01-31".parse().unwrap(), 28, |_| true);
        let calendar = Calendar::new(chrono_tz::UTC);
        // The first day of the window is a Saturday.
        let is_weekday = |day: u16| day % 7 >= 2;
        let days = (0..28_u16).filter(|day| is_weekday(*day));
        let hours = days.flat_map(|day| (9..17).map(move |hour| (day, hour))).map(|(day, hour)| {
            let calls = if day == 27 { friday } else { 10 };
            HistoryHour { hour: day * 24 + hour, calls, errors: 0, peak: calls }
        });
        let history =
            FamilyHistory::from_entities(Family::AccessKey, [(EntityKey::new(["1", "LTAI1"]), hours.collect())]);
        let all = (0..29 * 24).map(|hour| HistoryHour { hour, calls: 1000, errors: 0, peak: 100 }).collect();
        let apis = FamilyHistory::from_entities(Family::Api, [(EntityKey::new(["1", "ecs", "Describe"]), all)]);
        let feed = Feed::judge(&apis, &window, &calendar);
        Rhythm::learn(&history, 0, Days { window: &window, calendar: &calendar, feed: &feed }, 27)
    }

    #[test]
    fn hours_in_which_nothing_is_usual_tell_nothing_of_a_level() {
        let rhythm = office(60);
        let friday = 27 * 24;
        let minutes = (friday + 9) * 60..(friday + 17) * 60;
        let level = rhythm.level(Direction::Up, 480, minutes);
        assert!(matches!(level, Level::Times(ratio) if (ratio - 6.0).abs() < 0.1), "{level:?}");
        let friday = friday as usize;
        assert!(rhythm.telling(level, friday + 17..friday + 48).abs() < 0.01, "the night and Saturday");
        assert!(rhythm.telling(level, friday + 9..friday + 17) < -TELLING, "it is at its level");
        assert!(office(10).telling(level, friday + 9..friday + 10) > TELLING, "it is not");
    }

    #[test]
    fn the_silence_after_a_burst_where_nothing_is_usual_tells_of_its_end() {
        let rhythm = office(10);
        let night = 27 * 24 + 2;
        let level = rhythm.level(Direction::Up, 60, night * 60..night * 60 + 30);
        assert_eq!(level, Level::More(120.0));
        assert!(rhythm.telling(level, night as usize + 1..night as usize + 2) > TELLING);
        assert!(rhythm.telling_after(level, night as usize * 60 + 59, 0) > TELLING);
    }

    #[test]
    fn a_drop_goes_on_where_nothing_is_called_and_is_over_where_something_is() {
        let rhythm = office(0);
        let friday = 27_usize * 24;
        let level = rhythm.level(Direction::Down, 0, (friday as i64 + 9) * 60..(friday as i64 + 12) * 60);
        assert!(rhythm.telling(level, friday + 12..friday + 17) < -TELLING);
        assert!(office(9).telling(level, friday + 12..friday + 13) > TELLING);
    }

    #[test]
    fn the_busiest_days_tell_nothing_of_what_is_usual() {
        assert!((trimmed_mean(vec![10, 10, 10, 10, 10, 10, 10, 10, 10, 900]) - 10.0).abs() < 1e-9);
        assert!((trimmed_mean(vec![])).abs() < 1e-9);
    }
}
