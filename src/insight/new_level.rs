//! Levels that the model has taken for new: entities that were reported for some nights, and go on as they did without being odd any more.
//!
//! After three odd days the baseline asks the new level too, so the entity is not reported again although nothing is over. That is
//! said once, in the first night in which it is so.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use crate::baseline::{FamilyHistory, Window};
use crate::detect::Direction;
use crate::insight::episode::{Episode, Same};
use crate::insight::findings::NightFindings;
use crate::insight::usual::DAYS;
use crate::rollup::Family;
use crate::shown::{clipped, number};

/// Nights in a row that an entity must have been reported for.
const LEAST_NIGHTS: u32 = 3;
/// Every day since must differ so many times from all days of the week before.
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
    /// All of it for a person.
    pub sentence: String,
}

/// Entities that were reported until the night before, and are now at a new level. One of which an episode is open is only if that goes on.
pub(super) fn new_levels(findings: &NightFindings, window: &Window) -> BTreeMap<Same, NewLevel> {
    let before = findings.before.iter().filter(|(_, episode)| !episode.level_shift && episode.nights >= LEAST_NIGHTS);
    let quiet =
        before.filter(|(same, episode)| !findings.deviates(same) && (episode.open.is_none() || findings.lasts(same)));
    quiet
        .filter_map(|(same, episode)| {
            Some((same.clone(), new_level(findings.history(same.0)?, same, episode, window)?))
        })
        .collect()
}

fn new_level(history: &FamilyHistory, same: &Same, episode: &Episode, window: &Window) -> Option<NewLevel> {
    let member = history.find(&same.1)?;
    let mut calls = vec![0_u64; window.length() + 1];
    for hour in history.hours(member) {
        calls[usize::from(hour.hour / 24)] += u64::from(hour.calls);
    }
    let begin = (0..window.length()).find(|&day| window.date(day) == episode.since)?;
    let range = |days: std::ops::Range<usize>| {
        let is_known =
            |day: usize| (day == window.length() || window.is_present(day)) && !history.is_hidden(member, day);
        let present = || days.clone().filter(|&day| is_known(day));
        Some((present().map(|day| calls[day]).min()?, present().map(|day| calls[day]).max()?))
    };
    let (old, now) = (range(begin.saturating_sub(DAYS)..begin)?, range(begin..window.length() + 1)?);
    let has_moved = match same.2 {
        Direction::Up => now.0 as f64 > LEAST_RATIO * old.1 as f64,
        Direction::Down => (now.1 as f64) * LEAST_RATIO < old.0 as f64,
    };
    has_moved.then(|| NewLevel {
        family: history.family.name(),
        account: same.1.account().to_owned(),
        entity: history.label(member),
        direction: same.2,
        since: episode.since,
        sentence: format!(
            "{} has a new level since {}: {} calls a day where {} were usual; it was reported for {} nights, and is not while it lasts",
            subject(history, member),
            episode.since,
            between(now),
            between(old),
            episode.nights
        ),
    })
}

fn subject(history: &FamilyHistory, member: usize) -> String {
    let label = history.label(member);
    let name = clipped(&label);
    if history.family == Family::AccessKey { format!("AccessKey {name}") } else { name.into_owned() }
}

fn between((least, most): (u64, u64)) -> String {
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
        assert_eq!(of([160, 150, 160, 160]), None, "hardly more than its busiest day");
        let down = |now: [u32; 4]| told(Direction::Down, &[&old[..], &now[..]].concat());
        assert!(down([0, 3, 0, 2]).is_some_and(|said| said.contains("0–3 calls a day where 90–110")));
        assert_eq!(down([0, 3, 0, 90]), None);
    }
}
