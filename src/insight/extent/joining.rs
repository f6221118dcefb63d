//! The hours of a deviation as those of one change: several of an entity are one where nothing between them speaks for what is usual, and each
//! has the hours after it in which it goes on. Detection picks the hours that tell most, not those in which it was so: a level that lasts is not
//! over because its first sixteen hours tell more than twenty-four.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::baseline::{FamilyHistory, Window};
use crate::detect::{Deviation, Model};
use crate::insight::extent::rhythm::{Days, HARDLY_ANY, Level, Rhythm, TELLING, lasted};
use crate::time::HourSpan;

/// Deviations with those of an entity as one between which nothing speaks for what is usual: there was no end between them. They go on until
/// they are over.
pub(in crate::insight) fn joined(history: &FamilyHistory, found: Vec<Deviation>, days: Days<'_>) -> Vec<Deviation> {
    let mut all: Vec<Deviation> = Vec::new();
    for next in found {
        match all.last_mut().filter(|last| is_one(history, last, &next, days)) {
            Some(last) => join(history, last, &next, days.window),
            None => all.push(next),
        }
    }
    let begins: BTreeSet<(usize, u8)> = all.iter().map(|found| (found.member, found.hours.begin())).collect();
    for found in all.iter_mut().filter(|found| found.model == Model::Seasonal) {
        let next = begins.range((found.member, found.hours.end())..(found.member + 1, 0)).next();
        lengthen(history, found, next.map_or(24, |(_, first)| *first), days);
    }
    all
}

/// Deviations of an entity as one in all of some hours that hold theirs, unless those between and beside them speak for what is usual; what is
/// usual in an hour or two between two of them tells nothing.
pub(in crate::insight) fn in_all_of(
    history: &FamilyHistory,
    found: &[Deviation],
    hours: HourSpan,
    days: Days<'_>,
) -> Option<Deviation> {
    let beyond = |found: &&Deviation| (found.observed as f64 - found.expected).abs();
    let most = found.iter().max_by(|left, right| beyond(left).total_cmp(&beyond(right)))?;
    let is_own = |hour: &u8| found.iter().any(|own| own.hours.contains(*hour));
    let added: Vec<u8> = hours.hours().filter(|hour| !is_own(hour)).collect();
    let place = |hour: u8| days.window.length() * 24 + usize::from(hour);
    let is_between = |hour: &u8| {
        let gaps = found.windows(2).map(|two| two[0].hours.end()..two[1].hours.begin());
        gaps.filter(|gap| gap.len() <= HARDLY_ANY).any(|gap| gap.contains(hour))
    };
    let unsure = added.iter().filter(|hour| !is_between(hour)).map(|&hour| place(hour));
    if speak_for_usual(history, most, &unsure, days) {
        return None;
    }
    let (first, rest) = found.split_first()?;
    let mut one = Deviation { hours, ..first.clone() };
    for own in rest {
        one.observed += own.observed;
        one.expected += own.expected;
        (one.lower, one.upper) = (one.lower + own.lower, one.upper + own.upper);
        one.ln_p = one.ln_p.min(own.ln_p);
    }
    widen(&mut one, added.iter().map(|&hour| expected(first, hour..hour + 1)).sum());
    one.observed +=
        added.iter().map(|&hour| calls(history, one.member, place(hour)..place(hour) + 1, days.window)).sum::<u64>();
    Some(one)
}

/// Whether some hours of the window speak for what is usual, and not for the level of a deviation.
fn speak_for_usual(
    history: &FamilyHistory,
    found: &Deviation,
    hours: &(impl Iterator<Item = usize> + Clone),
    days: Days<'_>,
) -> bool {
    let (rhythm, level) = level_of(history, found, days);
    let telling = |level| hours.clone().map(|hour| rhythm.telling(level, hour..hour + 1)).sum::<f64>();
    let more = rhythm.more(found.direction, found.observed, found.hours.places(days.window.length() * 24));
    // Whether what is added to usual calls grows with them is not known: hours end a rise only where they would, whichever way.
    telling(level) >= TELLING && more.is_none_or(|more| telling(more) >= TELLING)
}

/// Adds the hours after a deviation in which it goes on, if they tell that it does.
fn lengthen(history: &FamilyHistory, found: &mut Deviation, until: u8, days: Days<'_>) {
    let (rhythm, level) = level_of(history, found, days);
    let hour = |hour: u8| days.window.length() * 24 + usize::from(hour);
    let telling = |hours: Range<u8>| rhythm.telling(level, hour(hours.start)..hour(hours.end));
    let end = found.hours.end();
    let longer = end + lasted((end..until).map(|hour| telling(hour..hour + 1))) as u8;
    if telling(end..longer) > -TELLING {
        return;
    }
    widen(found, expected(found, end..longer));
    found.observed += calls(history, found.member, hour(end)..hour(longer), days.window);
    found.hours = found.hours.until(longer);
}

/// Adds what was expected in more hours. Nobody judged them, so the band grows as the expected count does.
fn widen(found: &mut Deviation, more: f64) {
    let share = if found.expected > 0.0 { more / found.expected } else { 0.0 };
    let times = |calls: u64| calls as f64 * (1.0 + share);
    (found.lower, found.upper) = (times(found.lower).floor() as u64, times(found.upper).ceil() as u64);
    found.expected += more;
}

/// What was expected in some hours of the day that are not among a deviation's own.
fn expected(found: &Deviation, hours: Range<u8>) -> f64 {
    let day = found.by_hour.last_chunk::<24>();
    let own = day.and_then(|day| day.get(usize::from(hours.start)..usize::from(hours.end)));
    own.unwrap_or_default().iter().map(|band| band.mean).sum()
}

/// The calls of an entity in some hours of the scored day, counted from the first of the window.
fn calls(history: &FamilyHistory, member: usize, hours: Range<usize>, window: &Window) -> u64 {
    let own = history.split(member, window).1.iter().filter(|hour| hours.contains(&usize::from(hour.hour)));
    own.map(|hour| u64::from(hour.calls)).sum()
}

/// What an entity usually does, and the level of a deviation of it.
fn level_of(history: &FamilyHistory, found: &Deviation, days: Days<'_>) -> (Rhythm, Level) {
    let today = days.window.length();
    let rhythm = Rhythm::learn(history, found.member, days, today);
    let level = rhythm.level(found.direction, found.observed, found.hours.minutes(today as i64 * 24 * 60));
    (rhythm, level)
}

fn is_one(history: &FamilyHistory, last: &Deviation, next: &Deviation, days: Days<'_>) -> bool {
    if (last.member, last.direction, last.model) != (next.member, next.direction, next.model) {
        return false;
    }
    let hour = |hour: u8| days.window.length() * 24 + usize::from(hour);
    !speak_for_usual(history, last, &(hour(last.hours.end())..hour(next.hours.begin())), days)
}

/// Makes two deviations one, with the hours between them.
fn join(history: &FamilyHistory, last: &mut Deviation, next: &Deviation, window: &Window) {
    let first = window.length() * 24;
    let between = first + usize::from(last.hours.end())..first + usize::from(next.hours.begin());
    last.observed += next.observed + calls(history, last.member, between, window);
    // What was expected of a day as a whole was expected once.
    if next.model == Model::Seasonal {
        let between = expected(last, last.hours.end()..next.hours.begin());
        last.expected += next.expected;
        (last.lower, last.upper) = (last.lower + next.lower, last.upper + next.upper);
        widen(last, between);
    }
    last.hours = last.hours.hull(next.hours);
    last.ln_p = last.ln_p.min(next.ln_p);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::{Calendar, Feed, HistoryHour};
    use crate::detect::Direction;
    use crate::detect::hours::Band;
    use crate::rollup::{EntityKey, Family};

    /// The hours, the calls and what is expected of a deviation from 15:00 to 20:00, of a key that usually calls forty times an hour, and calls
    /// so often in the hours from 15:00 on.
    fn found(direction: Direction, calls: [u32; 9]) -> (HourSpan, u64, f64) {
        let window = Window::new("2026-01-31".parse().unwrap(), 28, |_| true);
        let calendar = Calendar::new(chrono_tz::UTC);
        let hour = |hour: u16, calls: u32| HistoryHour { hour, calls, errors: 0, peak: calls };
        let own = (0..29 * 24_u16).map(|place| match place.checked_sub(28 * 24 + 15) {
            Some(after) => hour(place, calls[usize::from(after)]),
            None => hour(place, 40),
        });
        let own = own.filter(|hour| hour.calls > 0).collect();
        let history = FamilyHistory::from_entities(Family::AccessKey, [(EntityKey::new(["1", "LTAI1"]), own)]);
        let all = (0..29 * 24).map(|place| hour(place, 1000)).collect();
        let apis = FamilyHistory::from_entities(Family::Api, [(EntityKey::new(["1", "ecs", "Describe"]), all)]);
        let feed = Feed::judge(&apis, &window, &calendar);
        let found = Deviation {
            member: 0,
            direction,
            model: Model::Seasonal,
            hours: HourSpan::new(15, 20),
            observed: calls[..5].iter().map(|&calls| u64::from(calls)).sum(),
            expected: 200.0,
            lower: 150,
            upper: 250,
            ln_p: -50.0,
            ln_q: -40.0,
            unstable: false,
            days_known: 28,
            by_hour: vec![Band { lower: 25, mean: 40.0, upper: 55 }; 48],
        };
        let days = Days { window: &window, calendar: &calendar, feed: &feed };
        let joined = joined(&history, vec![found], days);
        (joined[0].hours, joined[0].observed, joined[0].expected)
    }

    #[test]
    fn a_rise_has_all_hours_in_which_it_goes_on() {
        let rise = |calls| found(Direction::Up, calls);
        assert_eq!(
            rise([160, 160, 160, 160, 160, 110, 120, 100, 150]),
            (HourSpan::new(15, 24), 1280, 360.0),
            "not so high, and not usual"
        );
        assert_eq!(rise([160, 160, 160, 160, 160, 150, 42, 38, 44]), (HourSpan::new(15, 21), 950, 240.0), "it is over");
        assert_eq!(rise([160, 160, 160, 160, 160, 45, 55, 38, 44]), (HourSpan::new(15, 20), 800, 200.0));
    }

    /// The hours of what is made of two deviations of a key that calls 4 times an hour at night and 20 times from 8 to 16, and calls so often in
    /// the 24 hours of its last day.
    fn of_two(hours: [HourSpan; 2], today: [u32; 24]) -> Vec<(HourSpan, u64, f64)> {
        let window = Window::new("2026-01-31".parse().unwrap(), 28, |_| true);
        let calendar = Calendar::new(chrono_tz::UTC);
        let usual = |hour: u16| if (8..16).contains(&(hour % 24)) { 20 } else { 4 };
        let hour = |hour: u16, calls: u32| HistoryHour { hour, calls, errors: 0, peak: calls };
        let own = (0..28 * 24_u16).map(|place| hour(place, usual(place)));
        let own = own.chain((0..24).map(|of_day| hour(28 * 24 + of_day, today[usize::from(of_day)]))).collect();
        let history = FamilyHistory::from_entities(Family::AccessKey, [(EntityKey::new(["1", "LTAI1"]), own)]);
        let all = (0..29 * 24).map(|place| hour(place, 1000)).collect();
        let apis = FamilyHistory::from_entities(Family::Api, [(EntityKey::new(["1", "ecs", "Describe"]), all)]);
        let feed = Feed::judge(&apis, &window, &calendar);
        let band = |hour: u16| Band { lower: 0, mean: f64::from(usual(hour)), upper: 40 };
        let deviation = |hours: HourSpan| Deviation {
            member: 0,
            direction: Direction::Up,
            model: Model::Seasonal,
            hours,
            observed: today[hours.places(0)].iter().map(|&calls| u64::from(calls)).sum(),
            expected: hours.hours().map(|hour| f64::from(usual(hour.into()))).sum(),
            lower: 10,
            upper: 100,
            ln_p: -50.0,
            ln_q: -40.0,
            unstable: false,
            days_known: 28,
            by_hour: (0..48).map(|place| band(place % 24)).collect(),
        };
        let days = Days { window: &window, calendar: &calendar, feed: &feed };
        let joined = joined(&history, hours.map(deviation).to_vec(), days);
        joined.iter().map(|found| (found.hours, found.observed, found.expected)).collect()
    }

    #[test]
    fn what_is_added_to_a_day_is_one_rise_though_it_tells_little_where_more_is_usual() {
        let added: [u32; 24] = std::array::from_fn(|hour| if (8..16).contains(&hour) { 33 } else { 17 });
        assert_eq!(of_two([HourSpan::first(8), HourSpan::new(16, 24)], added), [(HourSpan::new(0, 24), 536, 224.0)]);
        let twice: [u32; 24] = std::array::from_fn(|hour| if (8..16).contains(&hour) { 20 } else { 17 });
        assert_eq!(
            of_two([HourSpan::first(8), HourSpan::new(16, 24)], twice).len(),
            2,
            "the hours between are as usual"
        );
    }

    #[test]
    fn a_drop_has_all_hours_in_which_it_goes_on() {
        let drop = |calls| found(Direction::Down, calls);
        assert_eq!(drop([0; 9]), (HourSpan::new(15, 24), 0, 360.0));
        assert_eq!(drop([4, 4, 4, 4, 4, 9, 5, 8, 5]), (HourSpan::new(15, 24), 47, 360.0));
        assert_eq!(drop([4, 4, 4, 4, 4, 4, 38, 41, 44]), (HourSpan::new(15, 21), 24, 240.0), "it is back");
        assert_eq!(drop([4, 4, 4, 4, 4, 38, 38, 41, 44]), (HourSpan::new(15, 20), 20, 200.0));
    }
}
