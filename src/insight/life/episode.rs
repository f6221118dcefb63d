//! What one night leaves to the next: the entities that deviated, since when, and the episodes that were not over at midnight.
//!
//! It stands in `episodes.json` beside the night's insights, and the next night that is judged reads that file alone, if hardly a night was left
//! out between. An episode that is open at midnight is gone on with under its id, in the first minutes of the next day if it is not found
//! there again, and is reported as over; it is never begun twice. What it did in a night that was left out is not known, and said to be so.
//! One that was over, and comes again at the same hours of the next day by the same, is one change: a job that was
//! moved, say. An entity that deviates the same way for so many nights, none of those between being usual, has a new level: that is said
//! once, and then nothing more of it until a night without.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Days, Duration, NaiveDate, Timelike, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::detect::{Deviation, Direction, Model};
use crate::error::Result;
use crate::insight::attribute::{Attribute, ByAttribute};
use crate::insight::events::evidence::Evidence;
use crate::insight::events::investigate::top;
use crate::insight::events::names::Names;
use crate::insight::events::values::Values;
use crate::insight::life::nights::minutes_until;
use crate::insight::meaning::actor::dominant_of;
use crate::insight::{Insight, Measured};
use crate::rollup::{EntityKey, Family};
use crate::shown::OTHER;
use crate::storage::{Daily, is_there, read_left, write_json};

/// Values of an attribute that are kept of an episode.
const KEPT_VALUES: usize = 100;
/// Nights in a row that may be left out.
const LEFT_OUT: u64 = 3;
/// What comes again has at most so many times as many calls too many, or too few, or one in so many.
const ALIKE: f64 = 2.0;

/// An entity and a direction: what is the same from night to night.
pub type Same = (Family, EntityKey, Direction);
/// What a night leaves to the next.
pub type Episodes = BTreeMap<Same, Episode>;

/// An entity that deviated in a night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    family: String,
    key: Vec<String>,
    direction: Direction,
    /// The first of the nights in which it did, none of those between being usual.
    pub since: NaiveDate,
    /// In how many it did, or was told with its story, of which another part did.
    pub nights: u32,
    /// Whether this is taken for its new level, and nothing more is said of it.
    pub level_shift: bool,
    /// The most calls of one of these days, of a drop the fewest; nights of earlier versions left none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u64>,
    /// The story it was a part of.
    pub incident: Option<Uuid>,
    /// The insight that was reported of it, if one was that night.
    pub insight: Option<Uuid>,
    /// What it was called there, of a principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its episode, if that was not over at midnight.
    pub open: Option<Running>,
    /// Its episode, if that was over: one like it at the same hours of the next day is the same change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Running>,
}

/// An episode that was not over at midnight, with all that its end will tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Running {
    pub id: Uuid,
    pub account: String,
    pub region: String,
    pub object: String,
    pub entity: String,
    /// The fields that `entity` joins; nights of earlier versions left none.
    #[serde(default)]
    pub fields: Vec<String>,
    pub model: Option<Model>,
    pub start: DateTime<Utc>,
    /// One past the last minute with calls: its end, should nothing follow.
    pub end: DateTime<Utc>,
    #[serde(flatten)]
    pub measured: Measured,
    /// Calls a minute that were usual at its hours.
    pub usual: f64,
    /// How often it was there: more than once where it came again at the same hours of the next day.
    #[serde(default = "once")]
    pub times: u32,
    pub values: Values,
    #[serde(default)]
    pub names_by_principal: Names,
    pub examples: Vec<String>,
    #[serde(default)]
    pub principal_arns: BTreeMap<String, String>,
    /// Its days whose nights were left out: of these nothing is counted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left_out: BTreeSet<NaiveDate>,
}

impl Running {
    /// Its calls, as many as there would be had none of its days been left out.
    pub fn calls_of_all_days(&self) -> u64 {
        let left_out = minutes_until(&self.left_out, self.end);
        let all = (self.end - self.start).num_minutes();
        let counted = (all - left_out).max(1);
        if left_out == 0 {
            self.measured.observed
        } else {
            (self.measured.observed as f64 * all as f64 / counted as f64).round() as u64
        }
    }

    /// Whether a deviation is like it, at the same hours of another day, or an hour earlier or later: by half as much too many calls, or twice as
    /// much, or too few.
    pub fn is_repeated(&self, deviation: &Deviation) -> bool {
        let hours = (self.start.hour(), (self.end - Duration::minutes(1)).hour() + 1);
        let is_within_a_day = hours.0 < hours.1 && self.end - self.start <= Duration::days(1);
        let (first, end) = (u32::from(deviation.hours.begin()), u32::from(deviation.hours.end()));
        let is_at_its_hours = first < hours.1 && hours.0 < end && first + 1 >= hours.0 && end <= hours.1 + 1;
        let own = self.measured.observed as f64 - self.measured.expected;
        let ratio = (deviation.observed as f64 - deviation.expected) / own;
        is_within_a_day && is_at_its_hours && (1.0 / ALIKE..=ALIKE).contains(&ratio)
    }

    /// Whether who makes most of its calls makes most of these: principal, key and address, as far as one of them stands out. Somebody must,
    /// unless there are no calls at all.
    pub fn is_by_the_same(&self, evidence: &Evidence) -> bool {
        fn makers(values: &Values) -> [Option<&str>; Attribute::ACTORS.len()] {
            Attribute::ACTORS.map(|maker| dominant_of(&values[maker]).map(|(who, _)| who))
        }
        let before = makers(&self.values);
        let is_silence = self.values[Attribute::Principal].is_empty();
        before == makers(&evidence.values) && (is_silence || before.iter().any(Option::is_some))
    }

    /// An insight with what was counted of it until it ends, or until midnight.
    pub fn of(insight: &Insight, end: DateTime<Utc>, usual: f64, evidence: &Evidence) -> Self {
        Self {
            id: insight.id,
            account: insight.account.clone(),
            region: insight.region.clone(),
            object: insight.object.clone(),
            entity: insight.entity.clone(),
            fields: insight.fields.clone(),
            model: insight.model,
            start: insight.start,
            end,
            measured: insight.measured.finite(),
            usual,
            times: insight.life.times.max(1),
            values: ByAttribute::of(|attribute| most(&evidence.values[attribute])),
            names_by_principal: evidence.names.most(KEPT_VALUES),
            examples: insight.examples.clone(),
            principal_arns: insight.principal_arns.clone(),
            left_out: insight.life.left_out.clone(),
        }
    }
}

/// The most frequent values of an attribute, and all others under one name, so that they add up to all calls.
fn most(counts: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    if counts.len() <= KEPT_VALUES {
        return counts.clone();
    }
    let mut kept: BTreeMap<String, u64> =
        top(counts, KEPT_VALUES).into_iter().map(|(value, calls)| (value.to_owned(), calls)).collect();
    let others = counts.values().sum::<u64>() - kept.values().sum::<u64>();
    *kept.entry(OTHER.to_owned()).or_default() += others;
    kept
}

/// Notes of earlier versions say nothing of how often.
const fn once() -> u32 {
    1
}

impl Episode {
    /// A night on which an entity deviates, after what the night before left of it.
    pub fn following(same: &Same, date: NaiveDate, before: Option<&Self>, level_shift_days: u32) -> Self {
        let (since, nights) = before.map_or((date, 1), |before| (before.since, before.nights + 1));
        Self {
            family: same.0.name().to_owned(),
            key: same.1.fields().map(str::to_owned).collect(),
            direction: same.2,
            since,
            nights,
            level_shift: nights >= level_shift_days,
            level: None,
            incident: before.and_then(|before| before.incident),
            insight: None,
            name: before.and_then(|before| before.name.clone()),
            open: None,
            again: None,
        }
    }

    /// The same with the calls of its day, after what the days before had; at a level that is taken for new by then nothing is added, so
    /// that whoever grows slowly outgrows it in the end.
    #[must_use]
    pub fn with_calls(self, before: Option<&Self>, calls: u64) -> Self {
        let farthest = match self.direction {
            Direction::Up => u64::max,
            Direction::Down => u64::min,
        };
        let known = before.and_then(|before| before.level);
        let level = match known {
            Some(level) if before.is_some_and(|before| before.level_shift) => level,
            known => known.map_or(calls, |level| farthest(level, calls)),
        };
        Self { level: Some(level), ..self }
    }

    /// Whether a day with so many calls is so many times beyond the level that is taken for new.
    pub fn is_outgrown(&self, calls: u64, min_ratio: f64) -> bool {
        let Some(level) = self.level.filter(|_| self.level_shift) else { return false };
        let (level, calls) = (level as f64, calls as f64);
        match self.direction {
            Direction::Up => calls >= min_ratio * level,
            Direction::Down => calls * min_ratio <= level && calls < level,
        }
    }

    /// The least calls of a day that are beyond that level, of a drop the most.
    pub fn told_again_from(&self, min_ratio: f64) -> Option<u64> {
        let level = self.level? as f64;
        Some(match self.direction {
            Direction::Up => (min_ratio * level).ceil() as u64,
            Direction::Down => (level / min_ratio).floor() as u64,
        })
    }

    /// The same after nights that were left out: nothing comes again on the next day.
    fn after(self, left_out: &BTreeSet<NaiveDate>) -> Self {
        let open = self.open.map(|running| Running { left_out: &running.left_out | left_out, ..running });
        Self { open, again: self.again.filter(|_| left_out.is_empty()), ..self }
    }

    /// Which entity and direction it is; `None` if its family is not known to this version.
    pub fn same(&self) -> Option<Same> {
        let key = EntityKey::new(self.key.iter().map(String::as_str));
        Some((Family::named(&self.family)?, key, self.direction))
    }
}

/// The file in which the night of `date` leaves its episodes.
pub fn path(state: &Path, date: NaiveDate) -> PathBuf {
    Daily::Insights.folder(state, date).join("episodes.json")
}

/// The last night before `date` that was judged, if hardly any was left out since.
///
/// # Errors
/// When it cannot be told whether a file is there.
pub fn night_before(state: &Path, date: NaiveDate) -> Result<Option<NaiveDate>> {
    for back in 1..=1 + LEFT_OUT {
        let Some(night) = date.checked_sub_days(Days::new(back)) else { break };
        if is_there(&path(state, night))? {
            return Ok(Some(night));
        }
    }
    Ok(None)
}

/// What that night left.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read_before(state: &Path, date: NaiveDate) -> Result<Episodes> {
    let Some(night) = night_before(state, date)? else { return Ok(BTreeMap::new()) };
    let episodes: Vec<Episode> = read_left(&path(state, night), night)?.unwrap_or_default();
    let left_out: BTreeSet<NaiveDate> = night.iter_days().skip(1).take_while(|day| *day < date).collect();
    let left = episodes.into_iter().map(|episode| episode.after(&left_out));
    Ok(left.filter_map(|episode| Some((episode.same()?, episode))).collect())
}

/// Writes what a night leaves, with the stories that its insights turned out to be parts of.
pub fn write(state: &Path, date: NaiveDate, mut episodes: Episodes, insights: &[Insight]) -> Result<PathBuf> {
    let incident: BTreeMap<Uuid, Uuid> = insights.iter().map(|insight| (insight.id, insight.incident.id)).collect();
    for episode in episodes.values_mut() {
        let own = episode.insight.and_then(|insight| incident.get(&insight).copied());
        episode.incident = own.or(episode.incident);
    }
    let path = path(state, date);
    let episodes: Vec<&Episode> = episodes.values().collect();
    write_json(&path, &episodes)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::example::rate;
    use crate::time::HourSpan;

    #[test]
    fn what_is_kept_adds_up_to_all_calls() {
        let counts: BTreeMap<String, u64> = (0..300).map(|value| (format!("{value:03}"), value)).collect();
        let kept = most(&counts);
        assert_eq!(kept.values().sum::<u64>(), counts.values().sum::<u64>());
        assert_eq!((kept.len(), kept.contains_key("299"), kept.contains_key("100")), (KEPT_VALUES + 1, true, false));
        let few: BTreeMap<String, u64> = counts.into_iter().take(3).collect();
        assert_eq!(most(&few), few);
    }

    #[test]
    fn the_numbers_of_an_episode_stand_among_its_fields_and_are_read_back() {
        let insight = rate();
        let running = Running::of(&insight, insight.end, 0.1, &Evidence::default());
        let text = serde_json::to_string(&running).unwrap();
        let numbers = r#""observed":204,"errors":3,"expected":2.5,"expected_lower":0,"expected_upper":9,"ln_p":-110.5,"ln_q":-100.25,"score":98.5,"baseline_average":0.04,"days_known":28,"days_hidden":0"#;
        assert!(text.contains(&format!(r#""end":"2026-01-29T11:50:00Z",{numbers},"usual":0.1,"#)), "{text}");
        assert_eq!(serde_json::from_str::<Running>(&text).unwrap(), running);
        let earlier = text.replace(r#","days_hidden":0"#, "");
        assert_eq!(serde_json::from_str::<Running>(&earlier).unwrap(), running, "nights of earlier versions left none");
    }

    #[test]
    fn what_a_night_left_is_read_after_nights_that_were_left_out() {
        let day = |day: u32| NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
        let state = tempfile::tempdir().unwrap();
        let insight = rate();
        let same = (insight.family, EntityKey::new(["1", "oss", "GetObject"]), insight.direction);
        let running = Running::of(&insight, insight.end, 0.1, &Evidence::default());
        let mut episode = Episode::following(&same, day(5), None, 7);
        (episode.open, episode.again) = (Some(running.clone()), Some(running));
        write(state.path(), day(5), [(same.clone(), episode)].into(), &[]).unwrap();
        let left = |date: u32| read_before(state.path(), day(date)).unwrap().remove(&same);
        let left_out = |date: u32| left(date).unwrap().open.unwrap().left_out.into_iter().collect::<Vec<_>>();
        assert_eq!((left_out(6), left_out(8)), (vec![], vec![day(6), day(7)]));
        let (start, end) = ("2026-01-05T12:00:00Z".parse().unwrap(), "2026-01-07T12:00:00Z".parse().unwrap());
        let running = Running { start, end, left_out: [day(6)].into(), ..left(6).unwrap().open.unwrap() };
        let running = Running { measured: Measured { observed: 300, ..running.measured }, ..running };
        assert_eq!(running.calls_of_all_days(), 600, "one day of two was left out");
        assert!(left(6).unwrap().again.is_some() && left(8).unwrap().again.is_none(), "it is not the next day");
        assert_eq!((left(9).is_some(), left(10), left(5)), (true, None, None));
        write(state.path(), day(7), Episodes::new(), &[]).unwrap();
        assert_eq!(left(8), None, "a night between knew nothing of it");
    }

    #[test]
    fn what_comes_again_is_at_the_same_hours_and_about_as_large() {
        // From 11:40 to 11:50.
        let insight = rate();
        let running = Running::of(&insight, insight.end, 0.1, &Evidence::default());
        let excess = insight.measured.observed as f64 - insight.measured.expected;
        let deviation = |hours: HourSpan, observed: u64| Deviation {
            member: 0,
            direction: Direction::Up,
            model: Model::Seasonal,
            hours,
            observed,
            expected: insight.measured.expected,
            lower: 0,
            upper: 0,
            ln_p: -20.0,
            ln_q: -10.0,
            unstable: false,
            days_known: 28,
            by_hour: Vec::new(),
        };
        let again = |hours: HourSpan, times: f64| {
            let observed = (insight.measured.expected + times * excess).round() as u64;
            running.is_repeated(&deviation(hours, observed))
        };
        assert!(
            again(HourSpan::new(11, 12), 1.0) && again(HourSpan::new(10, 13), 1.9) && again(HourSpan::new(11, 12), 0.6)
        );
        let by = |who: &str| {
            let mut evidence = Evidence::default();
            evidence.values[Attribute::Principal].insert(who.to_owned(), 200);
            evidence
        };
        let running_of = Running::of(&insight, insight.end, 0.1, &by("user/1"));
        assert!(running_of.is_by_the_same(&by("user/1")) && !running_of.is_by_the_same(&by("user/2")));
        assert!(!again(HourSpan::new(12, 13), 1.0), "an hour later");
        let start = insight.start - Duration::days(1);
        let longer = Running { start, ..running.clone() };
        let same = deviation(HourSpan::hour(11), insight.measured.observed);
        assert!(running.is_repeated(&same) && !longer.is_repeated(&same), "a day and ten minutes");
        assert!(!again(HourSpan::new(0, 24), 1.0), "the whole of a day is not at its hours");
        assert!(!again(HourSpan::new(11, 12), 3.0) && !again(HourSpan::new(11, 12), 0.2), "much larger, much smaller");
    }
}
