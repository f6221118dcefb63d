//! A drop of an API told with the drop of whoever is missing: where a key, a principal or an address falls silent, the APIs that it calls fall
//! short from the same minute on, and for as long.
//!
//! Others go on calling them, more or less often by chance, so that by all calls such a drop begins and ends with hours, and in one that was low
//! for no reason. Whoever has a drop of its own at that time, and lacks four fifths of what the API's drop lacks by its share of the week
//! before, is missing. The API's drop then has the minutes of that one, if no more than half of what that one usually
//! makes of the API's calls is left in them. *When it is wrong*: where the API is out of order, and whoever calls it most gives up later.

use chrono::NaiveDate;

use crate::error::Result;
use crate::insight::attribute::Attribute;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::investigate::investigate;
use crate::insight::events::target::{Begin, Minutes, Target};
use crate::insight::events::usual::Usual;
use crate::insight::extent::minutes::UsualDay;
use crate::partition::EventFile;
use crate::rollup::Family;
use crate::time::HourSpan;

/// Who lacks so much of what a drop lacks is missing.
const LACKS_IT: f64 = 0.8;
/// Who is missing makes at most so much of what it usually does.
const LEFT: f64 = 0.5;
/// Who can be missing, and the attribute that names each.
const MISSING: [(Family, Attribute); 3] = [
    (Family::Principal, Attribute::Principal),
    (Family::AccessKey, Attribute::AccessKey),
    (Family::SourceIp, Attribute::SourceAddress),
];

/// Tells drops of APIs with those of whoever is missing, and reads the events of those that turn out to have other minutes.
///
/// # Errors
/// When a file cannot be read.
pub fn tell_with_the_missing(
    files: &[EventFile],
    (date, targets): (NaiveDate, &[Target]),
    usual: &[Usual],
    evidence: &mut [Evidence],
) -> Result<()> {
    let missing = Missing::all(targets, usual, evidence);
    let moved: Vec<Target> = missing.iter().map(|missing| missing.target.clone()).collect();
    let found = investigate(files, date, &moved)?;
    for (missing, found) in missing.iter().zip(found).filter(|(missing, found)| missing.is_borne_out(found)) {
        evidence[missing.place] = found;
    }
    Ok(())
}

/// A drop that goes with somebody's.
#[derive(Debug)]
struct Missing {
    /// The place of its target.
    place: usize,
    /// Its target, with the minutes of whoever is missing.
    target: Target,
    /// The calls of that one that are usual.
    usual: UsualDay,
    /// Where that one stands: among the attributes, and there.
    who: (Attribute, String),
}

/// A target, and what was read of it.
#[derive(Debug, Clone, Copy)]
struct Read<'a> {
    target: &'a Target,
    usual: &'a Usual,
    evidence: &'a Evidence,
}

impl Missing {
    /// The drops of APIs that go with somebody's and have other minutes so far.
    fn all(targets: &[Target], usual: &[Usual], evidence: &[Evidence]) -> Vec<Self> {
        let read = |place: usize| Read { target: &targets[place], usual: &usual[place], evidence: &evidence[place] };
        let drops: Vec<usize> =
            (0..targets.len()).filter(|&place| matches!(targets[place].minutes, Minutes::Drop { .. })).collect();
        let of_apis = drops.iter().filter(|&&place| targets[place].family == Family::Api);
        let missing = of_apis.filter_map(|&place| {
            let own = read(place);
            let lacking = || drops.iter().filter_map(|&other| Some((read(other), own.lacks(read(other))?)));
            let (other, (who, share, _)) = lacking().max_by(|left, right| left.1.2.total_cmp(&right.1.2))?;
            // Of one that was there in between, both its drops are meant.
            if lacking().filter(|(_, (other, ..))| *other == who).count() > 1 {
                return None;
            }
            let Minutes::Drop { usual: day, .. } = own.target.minutes else { return None };
            let target = own.with_minutes_of(other, room(targets, place))?;
            Some(Self { place, target, usual: day.times(share), who })
        });
        missing.collect()
    }

    /// Whether that one is missing in the minutes that were read.
    fn is_borne_out(&self, evidence: &Evidence) -> bool {
        let expected = self.usual.calls(self.target.search.begin(), evidence.span);
        calls(evidence, &self.who) as f64 <= LEFT * expected
    }
}

impl Read<'_> {
    /// Who `other` is, its share of what is usual here, and how many of its calls are missing, if it is at the same time and they are nearly all
    /// that is.
    fn lacks(self, other: Self) -> Option<((Attribute, String), f64, f64)> {
        let (_, place) = *MISSING.iter().find(|(family, _)| *family == other.target.family)?;
        let Minutes::Drop { usual: day, .. } = self.target.minutes else { return None };
        let (own, theirs) = (self.of_day(), other.of_day());
        let who = (place, other.target.keys.first()?.fields().skip(1).collect::<Vec<_>>().join("/"));
        let of_week = self.usual.values[place].as_ref()?;
        let share = *of_week.get(&who.1)? as f64 / of_week.values().sum::<u64>().max(1) as f64;
        let expected = day.calls(self.target.search.begin(), self.evidence.span);
        let lacking = expected - self.evidence.calls() as f64;
        let missing = expected * share - calls(self.evidence, &who) as f64;
        let is_missing = lacking > 0.0 && missing >= LACKS_IT * lacking && own.0 < theirs.1 && theirs.0 < own.1;
        is_missing.then_some((who, share, missing))
    }

    /// Its minutes of the day; what is before its midnight is negative.
    fn of_day(self) -> (i64, i64) {
        let (first, Evidence { span, before, .. }) = (self.target.search.minutes(0).start, self.evidence);
        (first + span.0 as i64 - *before as i64, first + span.1 as i64)
    }

    /// Its target with the minutes of another one, as far as there is room for it; nothing if these are its own.
    fn with_minutes_of(self, other: Self, room: HourSpan) -> Option<Target> {
        let Minutes::Drop { begin, .. } = self.target.minutes else { return None };
        let (first, end) = other.of_day();
        let std::ops::Range { start: from, end: until } = room.minutes(0);
        let before = if begin == Begin::Before && from == 0 { first.min(0).unsigned_abs() as usize } else { 0 };
        let first = if begin == Begin::GoesOn { 0 } else { first.max(from) };
        let end = end.min(until);
        let search = self.target.search.hull(HourSpan::new((first / 60) as u8, ((end + 59) / 60) as u8));
        let minute = |minute: i64| (minute - search.minutes(0).start) as usize;
        let is_moved = self.of_day() != (first - before as i64, end);
        (is_moved && first < end).then(|| Target {
            minutes: Minutes::Part((minute(first), minute(end)), before),
            search,
            ..self.target.clone()
        })
    }
}

/// The hours of the day in which no other episode of a target's entity is looked for, before and after its own.
fn room(targets: &[Target], place: usize) -> HourSpan {
    let Target { family, keys, search, .. } = &targets[place];
    let of_entity =
        |(other, target): &(usize, &Target)| *other != place && (target.family, &target.keys) == (*family, keys);
    let others = || targets.iter().enumerate().filter(of_entity).map(|(_, target)| target.search);
    let first = others().map(HourSpan::end).filter(|&end| end <= search.begin()).max();
    let end = others().map(HourSpan::begin).filter(|&begin| begin >= search.end()).min();
    HourSpan::new(first.unwrap_or(0), end.unwrap_or(24))
}

fn calls(evidence: &Evidence, (attribute, value): &(Attribute, String)) -> u64 {
    evidence.values[*attribute].get(value).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollup::EntityKey;

    /// A drop in some hours of the day, told of these minutes of it, of something that usually has a call a minute.
    fn drop(family: Family, name: &[&str], (first, end): (u8, u8), told: (usize, usize)) -> (Target, Evidence) {
        let search = HourSpan::new(first - 1, end + 1);
        let target = Target {
            family,
            keys: vec![EntityKey::new(name.iter().copied())],
            hours: HourSpan::new(first, end),
            search,
            minutes: Minutes::Drop { usual: UsualDay::even(1.0), begin: Begin::Within },
            since: "2026-01-29".parse().unwrap(),
            with: Vec::new(),
            eve: Vec::new(),
        };
        let first = usize::from(search.begin()) * 60;
        let minutes = vec![0; usize::from(search.length()) * 60];
        (
            target,
            Evidence { from: search.begin(), minutes, span: (told.0 - first, told.1 - first), ..Evidence::default() },
        )
    }

    /// The minutes of the day with which a drop of an API from 12:00 to 22:00 is told, of which a key makes so many of ten calls, and others made
    /// so many of ten in it. The key made none from 11:19 on.
    fn told(of_ten: u64, others: u32) -> Option<(u8, Minutes)> {
        let (api, mut of_api) = drop(Family::Api, &["1", "ecs", "Describe"], (12, 22), (720, 1320));
        of_api.minutes[60] = 60 * others;
        of_api.values[Attribute::AccessKey] = [("LTAI2".to_owned(), 60 * u64::from(others))].into();
        let (key, of_key) = drop(Family::AccessKey, &["1", "LTAI1"], (12, 24), (679, 1440));
        let mut usual = Usual::default();
        usual.values[Attribute::AccessKey] =
            Some([("LTAI1".to_owned(), of_ten), ("LTAI2".to_owned(), 10 - of_ten)].into());
        let all = Missing::all(&[api, key], &[usual, Usual::default()], &[of_api, of_key]);
        all.first().map(|missing| (missing.target.search.begin(), missing.target.minutes))
    }

    #[test]
    fn a_drop_has_the_minutes_of_whoever_is_missing() {
        let whole = Some((11, Minutes::Part((19, 780), 0)));
        assert_eq!(told(10, 0), whole);
        assert_eq!(told(6, 4), whole, "others make the rest");
        assert_eq!(told(6, 3), whole, "or not quite");
        assert_eq!(told(6, 1), None, "others are missing too");
    }

    #[test]
    fn another_episode_of_the_api_keeps_its_hours() {
        let (api, of_api) = drop(Family::Api, &["1", "ecs", "Describe"], (15, 20), (900, 1200));
        let (before, of_before) = drop(Family::Api, &["1", "ecs", "Describe"], (12, 13), (720, 780));
        let (key, of_key) = drop(Family::AccessKey, &["1", "LTAI1"], (12, 24), (679, 1440));
        let mut usual = Usual::default();
        usual.values[Attribute::AccessKey] = Some([("LTAI1".to_owned(), 10)].into());
        let all =
            Missing::all(&[api, before, key], &[usual.clone(), usual, Usual::default()], &[of_api, of_before, of_key]);
        let minutes: Vec<_> = all.iter().map(|missing| (missing.target.search, missing.target.minutes)).collect();
        assert_eq!(
            minutes,
            [(HourSpan::new(14, 24), Minutes::Part((0, 600), 0)), (HourSpan::new(11, 14), Minutes::Part((19, 180), 0))],
            "the first has all up to the hour in which the next is looked for"
        );
    }

    #[test]
    fn who_calls_as_ever_is_not_missing() {
        let (target, mut evidence) = drop(Family::Api, &["1", "ecs", "Describe"], (12, 22), (720, 1320));
        let mut missing =
            Missing { place: 0, target, usual: UsualDay::even(0.5), who: (Attribute::AccessKey, "LTAI1".to_owned()) };
        assert!(missing.is_borne_out(&evidence));
        evidence.values[Attribute::AccessKey].insert("LTAI1".to_owned(), 151);
        assert!(!missing.is_borne_out(&evidence), "of three hundred");
        missing.usual = UsualDay::even(1.0);
        assert!(missing.is_borne_out(&evidence), "of six hundred");
    }
}
