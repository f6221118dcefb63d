//! What was reported until the night before and is not tonight, although nothing is over: levels that last.
//!
//! After three odd days the baseline asks the new level too, and after `level_shift_days` nights nothing more is said of an entity that still
//! deviates; so it is not reported again. That is said once, in the first night in which it is so. Who may be hidden by a cap tonight is told
//! as not known.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use crate::baseline::{FamilyHistory, Window};
use crate::detect::Direction;
use crate::insight::events::usual::DAYS;
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
pub(super) fn new_levels(findings: &NightFindings, window: &Window) -> BTreeMap<Same, NewLevel> {
    let was_told = |episode: &Episode| episode.insight.is_some();
    let before = findings.before.iter().filter(|(_, episode)| was_told(episode));
    let going_on = before.filter_map(|(same, episode)| {
        let history = findings.history(same.0)?;
        let is_settled = episode.open.is_none() || findings.lasts(same) && episode.nights >= LEAST_NIGHTS;
        let level = match (findings.deviates(same), episode.level_shift) {
            (true, true) if !findings.outgrows(same) => absorbed(history, same, episode, window),
            (false, _) if is_settled => new_level(history, same, episode, window),
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
    member: usize,
    calls: Vec<u64>,
    /// The day of the first night in which it was reported.
    begin: usize,
}

impl<'a> Days<'a> {
    fn of(history: &'a FamilyHistory, same: &Same, episode: &Episode, window: &'a Window) -> Option<Self> {
        let member = history.find(&same.1)?;
        let mut calls = vec![0_u64; window.length() + 1];
        for hour in history.hours(member) {
            calls[hour.day()] += u64::from(hour.calls);
        }
        let begin = (0..window.length()).find(|&day| window.date(day) == episode.since)?;
        Some(Self { history, window, member, calls, begin })
    }

    /// The calls of those of some days that are known.
    fn known(&self, days: std::ops::Range<usize>) -> Vec<u64> {
        let tonight = self.window.length();
        let is_counted = |day: usize| day == tonight || self.window.is_present(day);
        let known = days.filter(|&day| is_counted(day) && !self.history.is_hidden(self.member, day));
        known.map(|day| self.calls[day]).collect()
    }

    fn week_before(&self) -> Vec<u64> {
        self.known(self.begin.saturating_sub(DAYS)..self.begin)
    }

    fn since(&self) -> Vec<u64> {
        self.known(self.begin..self.window.length() + 1)
    }

    /// Whether all days since it was first reported are beyond the same days of the week before, and so is their mean: working days against
    /// working days. A day whose like is not known is held against the mean of that week. After a single night any two days must be so far
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
            like.and_then(|day| self.known(day..day + 1).first().copied()).map_or(mean(&old), |calls| calls as f64)
        };
        let of_day = |day: usize| self.known(day..day + 1).iter().all(|&calls| has_moved(calls as f64, like(day)));
        let extreme = |days: &[u64], largest: bool| {
            let days = days.iter().copied();
            (if largest { days.max() } else { days.min() }).unwrap_or(0) as f64
        };
        let is_up = direction == Direction::Up;
        let all_have = nights > 1 || has_moved(extreme(&now, !is_up), extreme(&old, is_up));
        all_have && has_moved(mean(&now), mean(&old)) && (self.begin..=self.window.length()).all(of_day)
    }

    fn told(&self, same: &Same, episode: &Episode, sentence: String) -> NewLevel {
        NewLevel { known: true, ..told(self.history, self.member, same, episode, sentence) }
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
fn new_level(history: &FamilyHistory, same: &Same, episode: &Episode, window: &Window) -> Option<NewLevel> {
    let days = Days::of(history, same, episode, window)?;
    let what = match (episode.nights, same.2) {
        (1, Direction::Up) => "is still above what was usual",
        (1, Direction::Down) => "is still below what was usual",
        _ => "has a new level",
    };
    let sentence = || {
        format!(
            "{} {what} since {}: {} calls a day where {} were usual; it was reported for {}, and is not while it lasts",
            subject(history, days.member, episode),
            episode.since,
            between(&days.since()),
            between(&days.week_before()),
            counted(u64::from(episode.nights), "night", "nights")
        )
    };
    days.have_moved(same.2, episode.nights).then(|| days.told(same, episode, sentence()))
}

/// An entity that still deviates, and was said to be at its new level the night before.
fn absorbed(history: &FamilyHistory, same: &Same, episode: &Episode, window: &Window) -> Option<NewLevel> {
    let days = Days::of(history, same, episode, window)?;
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
    use crate::baseline::HistoryHour;
    use crate::rollup::EntityKey;

    /// What is said of a key with so many calls a day, the scored one last, that was reported since the third day before it.
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
        new_level(&history, &same, &episode, &window).map(|level| level.sentence)
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
        // The scored day is like the last but three of the old week.
        let old = [100, 100, 100, 30, 100, 100, 100];
        assert!(told(Direction::Up, &[&old[..], &[300, 310, 300, 90]].concat()).is_some(), "a quiet day of the week");
        assert_eq!(told(Direction::Up, &[&old[..], &[300, 90, 300, 90]].concat()), None, "a day like those before");
    }
}
