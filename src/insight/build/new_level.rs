//! What was reported until the night before and is not tonight, although nothing is over: levels that last.
//!
//! After three odd days the baseline asks the new level too, and after `level_shift_days` nights nothing more is said of an entity that still
//! deviates; so it is not reported again. That is said once, in the first night in which it is so, if every day since lies outside of what was
//! usual on such days. Who may be hidden by a cap tonight is told
//! as not known.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use crate::baseline::{FamilyHistory, SLOTS, Window};
use crate::detect::Direction;
use crate::insight::events::usual::DAYS;
use crate::insight::extent::rhythm;
use crate::insight::findings::night::NightFindings;
use crate::insight::life::episode::{Episode, Same};
use crate::insight::meaning::sentence;
use crate::place::{PlaceBook, named_in};
use crate::rollup::Family;
use crate::shown::{counted, number};

/// Nights in a row that an entity must have been reported for before an episode of it that is open is a level.
const LEAST_NIGHTS: u32 = 3;
/// Every day since, and their mean, must differ so many times from the same days of the week before.
const LEAST_RATIO: f64 = 1.5;

/// An entity that is at a new level, and is not reported any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewLevel {
    /// The family.
    pub family: &'static str,
    /// The account.
    pub account: String,
    /// The entity, fields joined by slashes.
    pub entity: String,
    /// Which way its counts went.
    pub direction: Direction,
    /// The first night in which it was reported.
    pub since: NaiveDate,
    /// Whether it is known to go on; not where a cap may hide it tonight.
    pub known: bool,
    /// All of it for a person.
    pub sentence: String,
}

impl NewLevel {
    /// Adds where it is, if it is an address.
    pub fn locate(&mut self, places: &PlaceBook) {
        if self.family == Family::SourceIp.name() {
            self.sentence = named_in(&self.sentence, &places.look_up_all([self.entity.as_str()]));
        }
    }
}

/// Entities that were reported until the night before, and are not over. One of which an episode is open is at a level only if that goes on
/// though nothing is odd, after some nights.
pub(super) fn new_levels(findings: &NightFindings, night: rhythm::Days<'_>) -> BTreeMap<Same, NewLevel> {
    let was_told = |episode: &Episode| episode.insight.is_some();
    let before = findings.before.iter().filter(|(_, episode)| was_told(episode));
    let going_on = before.filter_map(|(same, episode)| {
        let history = findings.history(same.0)?;
        let is_settled = episode.open.is_none() || findings.lasts(same) && episode.nights >= LEAST_NIGHTS;
        let level = match (findings.deviates(same), episode.level_shift) {
            (true, true) if !findings.outgrows(same) => absorbed(history, same, episode, night),
            (false, _) if is_settled => new_level(history, same, episode, night),
            (true | false, _) => None,
        };
        Some((same.clone(), level?))
    });
    // What had ended goes on nowhere.
    let is_open = |episode: &Episode| episode.open.is_some() || episode.level_shift;
    let hidden = findings.hidden.iter().filter(|(_, episode)| was_told(episode) && is_open(episode));
    let unknown =
        hidden.filter_map(|(same, episode)| Some((same.clone(), unknown(findings.history(same.0)?, same, episode)?)));
    going_on.chain(unknown).collect()
}

/// An entity's calls on each day of the window.
struct Days<'a> {
    history: &'a FamilyHistory,
    window: &'a Window,
    /// Whether it is a day of the weekend, or another day off, for the most part.
    is_off: Vec<bool>,
    member: usize,
    calls: Vec<u64>,
    /// The day of the first night in which it was reported.
    begin: usize,
}

impl<'a> Days<'a> {
    fn of(history: &'a FamilyHistory, same: &Same, episode: &Episode, night: rhythm::Days<'a>) -> Option<Self> {
        let rhythm::Days { window, calendar, .. } = night;
        let member = history.find(&same.1)?;
        let mut calls = vec![0_u64; window.length() + 1];
        for hour in history.hours(member) {
            calls[hour.day()] += u64::from(hour.calls);
        }
        let begin = (0..window.length()).find(|&day| window.date(day) == episode.since)?;
        let off_hours =
            |day| calendar.slots(window.date(day)).iter().filter(|&&slot| slot as usize >= SLOTS / 2).count();
        let is_off = (0..=window.length()).map(|day| off_hours(day) > 12).collect();
        Some(Self { history, window, is_off, member, calls, begin })
    }

    /// The calls of those of some days that are known.
    fn known(&self, days: impl Iterator<Item = usize>) -> Vec<u64> {
        let tonight = self.window.length();
        let is_counted = |day: usize| day == tonight || self.window.is_present(day);
        let known = days.filter(|&day| is_counted(day) && !self.history.is_hidden(self.member, day));
        known.map(|day| self.calls[day]).collect()
    }

    fn week_before(&self) -> Vec<u64> {
        self.known(self.begin.saturating_sub(DAYS)..self.begin)
    }

    fn since(&self) -> Vec<u64> {
        self.known(self.begin..=self.window.length())
    }

    /// The days of the week before and those since, of days off or of the others alone.
    fn of_kind(&self, is_off: bool) -> (Vec<u64>, Vec<u64>) {
        let own = |days: std::ops::Range<usize>| self.known(days.filter(|&day| self.is_off[day] == is_off));
        (own(self.begin.saturating_sub(DAYS)..self.begin), own(self.begin..self.window.length() + 1))
    }

    /// Whether all days since are outside of what the week before had on days off, or on others, whichever they are.
    fn are_outside(&self, direction: Direction) -> bool {
        [false, true].into_iter().all(|is_off| {
            let (old, now) = self.of_kind(is_off);
            is_outside(direction, &if old.is_empty() { self.week_before() } else { old }, &now)
        })
    }

    /// What the days since had where those before had something else: by the kind of day where they can be told apart only so.
    fn told_apart(&self, direction: Direction) -> String {
        let (old, now) = (self.week_before(), self.since());
        let [(old_working, working), (old_off, off)] = [false, true].map(|is_off| self.of_kind(is_off));
        if is_outside(direction, &old, &now)
            || [&old_working, &working, &old_off, &off].iter().any(|days| days.is_empty())
        {
            return format!("{} calls a day where {} were usual", between(&now), between(&old));
        }
        format!(
            "{} calls on working days where {} were usual, {} on days off where {} were",
            between(&working),
            between(&old_working),
            between(&off),
            between(&old_off)
        )
    }

    /// Whether all days since it was first reported are outside of what was usual on such days, and beyond the same days of the week before, and
    /// so is their mean: working days against working days. A day whose like is not known is held against the mean of that week. After a single night any two days must be so far
    /// apart: one odd day is soon followed by another that is busy.
    fn have_moved(&self, direction: Direction, nights: u32) -> bool {
        let (old, now) = (self.week_before(), self.since());
        if old.is_empty() || now.is_empty() {
            return false;
        }
        let mean = |days: &[u64]| days.iter().sum::<u64>() as f64 / days.len() as f64;
        let has_moved = |now: f64, old: f64| match direction {
            Direction::Up => now > LEAST_RATIO * old,
            Direction::Down => now * LEAST_RATIO < old,
        };
        let like = |day: usize| {
            let like = (self.begin + (day - self.begin) % DAYS).checked_sub(DAYS);
            like.and_then(|day| self.known(std::iter::once(day)).first().copied())
                .map_or(mean(&old), |calls| calls as f64)
        };
        let of_day =
            |day: usize| self.known(std::iter::once(day)).iter().all(|&calls| has_moved(calls as f64, like(day)));
        let extreme = |days: &[u64], largest: bool| {
            let days = days.iter().copied();
            (if largest { days.max() } else { days.min() }).unwrap_or(0) as f64
        };
        let is_up = direction == Direction::Up;
        let all_have = nights > 1 || has_moved(extreme(&now, !is_up), extreme(&old, is_up));
        let is_level = all_have && self.are_outside(direction);
        is_level && has_moved(mean(&now), mean(&old)) && (self.begin..=self.window.length()).all(of_day)
    }

    fn told(&self, same: &Same, episode: &Episode, sentence: String) -> NewLevel {
        NewLevel { known: true, ..told(self.history, self.member, same, episode, sentence) }
    }
}

/// Whether some days are all beyond all others.
fn is_outside(direction: Direction, old: &[u64], now: &[u64]) -> bool {
    match direction {
        Direction::Up => now.iter().min().zip(old.iter().max()).is_none_or(|(now, old)| now > old),
        Direction::Down => now.iter().max().zip(old.iter().min()).is_none_or(|(now, old)| now < old),
    }
}

fn told(history: &FamilyHistory, member: usize, same: &Same, episode: &Episode, sentence: String) -> NewLevel {
    NewLevel {
        family: history.family.name(),
        account: same.1.account().to_owned(),
        entity: history.label(member),
        direction: same.2,
        since: episode.since,
        known: false,
        sentence,
    }
}

/// An entity that is not odd any more, and goes on as it did while it was.
fn new_level(history: &FamilyHistory, same: &Same, episode: &Episode, night: rhythm::Days<'_>) -> Option<NewLevel> {
    let days = Days::of(history, same, episode, night)?;
    let what = match (episode.nights, same.2) {
        (1, Direction::Up) => "is still above what was usual",
        (1, Direction::Down) => "is still below what was usual",
        _ => "has a new level",
    };
    let sentence = || {
        format!(
            "{} {what} since {}: {}; it was reported for {}, and is not while it lasts",
            subject(history, days.member, episode),
            episode.since,
            days.told_apart(same.2),
            counted(u64::from(episode.nights), "night", "nights")
        )
    };
    days.have_moved(same.2, episode.nights).then(|| days.told(same, episode, sentence()))
}

/// An entity that still deviates, and was said to be at its new level the night before.
fn absorbed(history: &FamilyHistory, same: &Same, episode: &Episode, night: rhythm::Days<'_>) -> Option<NewLevel> {
    let days = Days::of(history, same, episode, night)?;
    let usual = match &days.week_before()[..] {
        [] => String::new(),
        known => format!(" where {} were usual", between(known)),
    };
    let sentence = format!(
        "{} goes on at the level that it has had since {}: {} calls a day{usual}; it was reported for {}, and is taken for its new level",
        subject(history, days.member, episode),
        episode.since,
        between(&days.since()),
        counted(u64::from(episode.nights), "night", "nights")
    );
    Some(days.told(same, episode, sentence))
}

/// An entity that may be among those that are not counted by name tonight.
fn unknown(history: &FamilyHistory, same: &Same, episode: &Episode) -> Option<NewLevel> {
    let member = history.find(&same.1)?;
    let sentence = format!(
        "{} was reported until the night before; whether it goes on is not known, for it may be among those that were not counted by name",
        subject(history, member, episode)
    );
    Some(told(history, member, same, episode, sentence))
}

/// A principal by the name that it was last reported under.
fn subject(history: &FamilyHistory, member: usize, episode: &Episode) -> String {
    sentence::subject(history.family, &history.label(member), episode.name.clone())
}

/// The least and the most of some days.
fn between(days: &[u64]) -> String {
    let least = days.iter().copied().min().unwrap_or(0);
    let most = days.iter().copied().max().unwrap_or(0);
    if least == most { number(least) } else { format!("{}–{}", number(least), number(most)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::{Calendar, Feed, HistoryHour};
    use crate::rollup::EntityKey;

    /// What is said of a key with so many calls a day, the scored one last, that was reported since the third day before it, a Monday; the
    /// Thursdays are days off.
    fn told(direction: Direction, days: &[u32]) -> Option<String> {
        let window = Window::new("2026-01-29".parse().unwrap(), 28, |_| true);
        let key = EntityKey::new(["1", "LTAI1"]);
        let first = 29 - days.len();
        let hour = |(place, &calls): (usize, &u32)| HistoryHour {
            hour: ((first + place) * 24 + 9) as u16,
            calls,
            errors: 0,
            peak: calls,
        };
        let hours = days.iter().enumerate().map(hour).filter(|hour| hour.calls > 0).collect();
        let history = FamilyHistory::from_entities(Family::AccessKey, [(key.clone(), hours)]);
        let same = (Family::AccessKey, key, direction);
        let mut episode = Episode::following(&same, "2026-01-26".parse().unwrap(), None, 7);
        episode.nights = 3;
        let off = ["2026-01-22", "2026-01-29"].map(|day| day.parse().unwrap());
        let calendar = Calendar::new(chrono_tz::UTC).with_days_off(off);
        let feed = Feed::judge(&FamilyHistory::from_entities(Family::Api, []), &window, &calendar);
        let night = rhythm::Days { window: &window, calendar: &calendar, feed: &feed };
        new_level(&history, &same, &episode, night).map(|level| level.sentence)
    }

    #[test]
    fn a_level_that_lasts_is_told_and_a_return_is_not() {
        let old = [100, 90, 110, 100, 95, 100, 100];
        let of = |now: [u32; 4]| told(Direction::Up, &[&old[..], &now[..]].concat());
        let said = of([900, 950, 920, 910]).unwrap();
        assert!(said.starts_with("AccessKey LTAI1 has a new level since 2026-01-26: 900–950 calls a day where 90–110"));
        assert_eq!(of([900, 950, 920, 105]), None, "it is back");
        assert_eq!(of([160, 150, 160, 160]), None, "hardly more than the busiest of these days");
        let down = |now: [u32; 4]| told(Direction::Down, &[&old[..], &now[..]].concat());
        assert!(down([0, 3, 0, 2]).is_some_and(|said| said.contains("0–3 calls a day where 90–110")));
        assert_eq!(down([0, 3, 0, 90]), None);
    }

    #[test]
    fn days_are_held_against_their_like() {
        // The scored day is a day off, as the last but three of the old week is, and its weekend.
        let old = [100, 100, 110, 30, 100, 30, 32];
        let said = told(Direction::Up, &[&old[..], &[300, 310, 300, 90]].concat()).unwrap();
        assert!(
            said.contains("300–310 calls on working days where 100–110 were usual, 90 on days off where 30–32 were;")
        );
        assert_eq!(told(Direction::Up, &[&old[..], &[300, 90, 300, 90]].concat()), None, "a day like those before");
    }

    #[test]
    fn a_day_within_what_is_usual_is_no_new_level() {
        let old = [0, 40, 82, 3, 0, 0, 0];
        let now =
            |tuesday: u32, thursday: u32| told(Direction::Up, &[&old[..], &[120, tuesday, 152, thursday]].concat());
        assert_eq!(now(76, 40), None, "Tuesday is beyond the one before, and not beyond the Wednesday before");
        assert!(now(90, 40).is_some());
        assert_eq!(now(90, 0), None);
    }
}
