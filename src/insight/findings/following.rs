//! APIs that do nothing but what one of their callers does: a service that calls twice as often calls each of its APIs twice as often, and each
//! tells so in some of these hours only. Their deviations are one, with the hours of that caller's.
//!
//! Who an API follows is told by the pairs of the day and of the week before: of what the API has too much that day, or too little, it makes four
//! fifths. The hours that are added must not speak for what is usual. *When it is wrong*: where an API has another reason as well,
//! in other hours of that day.

use std::collections::{BTreeMap, BTreeSet};

use crate::baseline::FamilyHistory;
use crate::detect::{Deviation, Direction};
use crate::error::Result;
use crate::insight::events::usual::Past;
use crate::insight::extent::joining::in_all_of;
use crate::insight::extent::rhythm::Days;
use crate::rollup::store::{Partners, Question, Side};
use crate::rollup::{EntityKey, Family};
use crate::time::HourSpan;

/// Who makes so much of what an API has too much, or too little, is followed.
const MAKES_IT: f64 = 0.8;
/// Who can be followed: pairs hold these with APIs.
const FOLLOWED: [Family; 2] = [Family::Principal, Family::AccessKey];

/// Who called some APIs on the scored day, and in the week before.
#[derive(Debug, Default)]
pub(super) struct Callers(BTreeMap<EntityKey, Vec<CalledBy>>);

/// The callers of an API that are of one family.
#[derive(Debug)]
struct CalledBy {
    family: Family,
    today: Partners,
    week: Partners,
}

/// By family, account, name and direction the hours of the deviations of those who can be followed.
type Leaders = BTreeMap<(Family, String, String, Direction), Vec<HourSpan>>;

impl Callers {
    /// Those of the APIs that deviate, if one of those who may be followed does.
    pub(super) fn read(rates: &[(FamilyHistory, Vec<Deviation>)], past: &Past<'_>) -> Result<Self> {
        let of =
            |family: Family| rates.iter().filter(move |(history, found)| history.family == family && !found.is_empty());
        let apis: BTreeSet<EntityKey> = of(Family::Api)
            .flat_map(|(history, found)| found.iter().map(|deviation| history.key(deviation.member).clone()))
            .collect();
        let apis: Vec<EntityKey> = apis.into_iter().collect();
        let mut callers: BTreeMap<EntityKey, Vec<CalledBy>> = BTreeMap::new();
        for family in FOLLOWED.into_iter().filter(|&family| !apis.is_empty() && of(family).next().is_some()) {
            let question = Question { families: (family, Family::Api), side: Side::Right, wanted: &apis };
            let (today, week) = past.of_day_and_week(question)?;
            for (api, (today, week)) in apis.iter().zip(today.into_iter().zip(week)) {
                callers.entry(api.clone()).or_default().push(CalledBy { family, today, week });
            }
        }
        Ok(Self(callers))
    }

    /// Makes the deviations of each API that follows a caller one, in the hours of that caller's.
    pub(super) fn lead(&self, rates: &mut [(FamilyHistory, Vec<Deviation>)], days: Days<'_>) {
        let leaders = leaders(rates);
        for (history, found) in rates.iter_mut().filter(|(history, _)| history.family == Family::Api) {
            let mut all: Vec<Deviation> = Vec::new();
            for own in found.chunk_by(|left, right| (left.member, left.direction) == (right.member, right.direction)) {
                let led = self.led(history, own, &leaders);
                // Where the API does not do so for as long, its own are still those of one caller.
                let hull = led.and_then(|_| Some(own.first()?.hours.hull(own.last()?.hours)));
                let mut one = led.into_iter().chain(hull).filter_map(|hours| in_all_of(history, own, hours, days));
                match one.next() {
                    Some(one) => all.push(one),
                    None => all.extend_from_slice(own),
                }
            }
            *found = all;
        }
    }

    /// The hours of the deviations of whom an API follows that are at the time of its own, with these; `None` if there are none.
    fn led(&self, history: &FamilyHistory, own: &[Deviation], leaders: &Leaders) -> Option<HourSpan> {
        let (first, last) = (own.first()?, own.last()?);
        let key = history.key(first.member);
        let expected: f64 = first.by_hour.last_chunk::<24>()?.iter().map(|band| band.mean).sum();
        let meets = |hours: &&HourSpan| own.iter().any(|own| own.hours.overlaps(**hours));
        let followed = self.0.get(key)?.iter().flat_map(|called| {
            let who = called.followed(first.direction, expected);
            who.map(|who| (called.family, key.account().to_owned(), who.to_owned(), first.direction))
        });
        // Whoever has two has stopped between them, and so has the API.
        let only = |theirs: &Vec<HourSpan>| {
            let mut met = theirs.iter().filter(meets).copied();
            met.next().filter(|_| met.next().is_none())
        };
        let theirs = followed.filter_map(|leader| leaders.get(&leader)).filter_map(only);
        Some(theirs.reduce(HourSpan::hull)?.hull(first.hours).hull(last.hours))
    }
}

impl CalledBy {
    /// Those who make nearly all of what an API has too much or too little, of which so many calls were expected that day.
    fn followed(&self, direction: Direction, expected: f64) -> impl Iterator<Item = &str> {
        let sum = |calls: &Partners| calls.values().sum::<u64>() as f64;
        let of = |calls: &Partners, who: &str| calls.get(who).copied().unwrap_or(0) as f64;
        let sign = if direction == Direction::Up { 1.0 } else { -1.0 };
        let (beyond, all) = (sign * (sum(&self.today) - expected), sum(&self.week).max(1.0));
        let makes_it = move |who: &&str| {
            let own = of(&self.today, who) - expected * of(&self.week, who) / all;
            beyond > 0.0 && sign * own >= MAKES_IT * beyond
        };
        let names: BTreeSet<&str> = self.today.keys().chain(self.week.keys()).map(String::as_str).collect();
        names.into_iter().filter(makes_it)
    }
}

/// The hours of the deviations of those who can be followed.
fn leaders(rates: &[(FamilyHistory, Vec<Deviation>)]) -> Leaders {
    let mut leaders = Leaders::new();
    for (history, found) in rates.iter().filter(|(history, _)| FOLLOWED.contains(&history.family)) {
        for deviation in found {
            let key = history.key(deviation.member);
            let name = key.fields().skip(1).collect::<Vec<_>>().join("/");
            let leader = (history.family, key.account().to_owned(), name, deviation.direction);
            leaders.entry(leader).or_default().push(deviation.hours);
        }
    }
    leaders
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::{Calendar, Feed, HistoryHour, Window};
    use crate::detect::hours::Band;

    /// An entity that usually calls so often in each hour, and so often in the hours of its last day; its deviations in some of them.
    fn entity(
        key: (Family, &[&str]),
        usual: u32,
        today: impl Fn(u8) -> u32,
        hours: &[(u8, u8)],
    ) -> (FamilyHistory, Vec<Deviation>) {
        let hour = |hour: u16, calls: u32| HistoryHour { hour, calls, errors: 0, peak: calls };
        let own =
            (0..28 * 24).map(|place| hour(place, usual)).chain((0..24).map(|of| hour(28 * 24 + of, today(of as u8))));
        let key_of = EntityKey::new(key.1.iter().copied());
        let history = FamilyHistory::from_entities(key.0, [(key_of, own.collect())]);
        let deviation = |hours: HourSpan| Deviation {
            member: 0,
            direction: Direction::Up,
            model: crate::detect::Model::Seasonal,
            hours,
            observed: hours.hours().map(|hour| u64::from(today(hour))).sum(),
            expected: f64::from(hours.length()) * f64::from(usual),
            lower: 0,
            upper: 100,
            ln_p: -30.0,
            ln_q: -20.0,
            unstable: false,
            days_known: 28,
            by_hour: vec![Band { lower: 0, mean: f64::from(usual), upper: 30 }; 48],
        };
        (history, hours.iter().map(|&(begin, end)| deviation(HourSpan::new(begin, end))).collect())
    }

    /// The hours and calls told of an API that a service usually calls twenty times an hour and others as often, and which deviates from 12 to 14
    /// and from 18 to 20, on a day on which the service does from 9 on; `service` are its calls of the API that day.
    fn told(service: u64, api: impl Fn(u8) -> u32) -> Vec<(HourSpan, u64)> {
        told_of(&[(12, 14), (18, 20)], service, api)
    }

    /// The same of an API with other deviations.
    fn told_of(hours: &[(u8, u8)], service: u64, api: impl Fn(u8) -> u32) -> Vec<(HourSpan, u64)> {
        let window = Window::new("2026-01-31".parse().unwrap(), 28, |_| true);
        let calendar = Calendar::new(chrono_tz::UTC);
        let (apis, found) = entity((Family::Api, &["1", "ecs", "Describe"]), 40, &api, hours);
        let today: u64 = (0..24).map(|hour| u64::from(api(hour))).sum();
        let feed = Feed::judge(&apis, &window, &calendar);
        let double = |hour: u8| if hour < 9 { 40 } else { 80 };
        let mut rates = vec![(apis, found), entity((Family::Principal, &["1", "user", "7"]), 40, double, &[(9, 24)])];
        let partners = |own: u64, all: u64| [("user/7".to_owned(), own), ("user/8".to_owned(), all - own)].into();
        let called = CalledBy { family: Family::Principal, today: partners(service, today), week: partners(50, 100) };
        let callers = Callers([(EntityKey::new(["1", "ecs", "Describe"]), vec![called])].into());
        callers.lead(&mut rates, Days { window: &window, calendar: &calendar, feed: &feed });
        rates[0].1.iter().map(|found| (found.hours, found.observed)).collect()
    }

    #[test]
    fn an_api_has_the_hours_of_the_service_that_it_follows() {
        let more = |hour: u8| match hour {
            0..9 => 40,
            12 | 13 | 18 | 19 => 70,
            _ => 56,
        };
        let beyond = 4 * 30 + 11 * 16;
        assert_eq!(told(480 + beyond, more), [(HourSpan::new(9, 24), 4 * 70 + 11 * 56)]);
        let alone = [(HourSpan::new(12, 14), 140), (HourSpan::new(18, 20), 140)];
        assert_eq!(told(480 + beyond / 2, more), alone, "others do as much of it");
        let bursts = |hour: u8| if [12, 13, 18, 19].contains(&hour) { 70 } else { 40 };
        assert_eq!(told(480 + 120, bursts), alone, "the other hours are as usual");
        let gap = |hour: u8| if [12, 13, 16, 17].contains(&hour) { 70 } else { 40 };
        assert_eq!(
            told_of(&[(12, 14), (16, 18)], 480 + 120, gap),
            [(HourSpan::new(12, 18), 360)],
            "two usual hours between tell nothing"
        );
    }
}
