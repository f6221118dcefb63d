//! A rise told apart from the rest of its entity's calls: where one principal, key, address or API makes nearly all of it, or one error of an
//! API, the rise begins and ends with the calls of that one, however many others call meanwhile.
//!
//! Whose they are is read from the minutes that all calls together show. A value is held against its share of the week before, as in
//! [`compared`](crate::insight::events::compared): it makes a rise if it has four fifths of what the rise has too much, and of several the one that is least
//! likely by chance, `y ln(y / m) - (y - m)`. Where that one has an episode of its own at that time, of no fewer calls, the rise is a part of it and
//! begins and ends with its first and last call therein, unless its calls speak against that: more calls tell more exactly. *When it is wrong*:
//! where the culprit calls the same for other reasons just before or after.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::event::fold_service;
use crate::insight::attribute::Attribute;
use crate::insight::events::again::Narrowed;
use crate::insight::events::described::NO_ERROR;
use crate::insight::events::eve;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::investigate::Investigation;
use crate::insight::events::spelling::folded;
use crate::insight::events::target::{Begin, Minutes, Target};
use crate::insight::events::usual::Usual;
use crate::partition::Partitions;
use crate::rollup::{EntityKey, Family};
use crate::shown::OTHER;

/// Who makes so much of what a rise has too much makes it.
const MAKES_IT: f64 = 0.8;
/// What is added to counts of the week before, so that whoever is new is not infinitely surprising.
const SMOOTHING: f64 = 0.5;
/// The attributes that can make a rise, and the families of those who are named there.
const MAKERS: [(Attribute, Family); 5] = [
    (Attribute::Principal, Family::Principal),
    (Attribute::AccessKey, Family::AccessKey),
    (Attribute::SourceAddress, Family::SourceIp),
    (Attribute::Api, Family::Api),
    (Attribute::ErrorCode, Family::ApiError),
];

/// Looks for the minutes of rises again, by the calls of those who make them, and reads the events of those that turn out to have others.
///
/// # Errors
/// When a file cannot be read.
///
/// [`missing`]: crate::insight::events::missing
pub fn tell_apart(
    partitions: &Partitions,
    read: &Investigation<'_>,
    usual: &[Usual],
    evidence: &mut [Evidence],
) -> Result<()> {
    let Investigation { targets, date, .. } = *read;
    let all = targets.iter().zip(usual).zip(&*evidence).enumerate();
    let (places, mut of_makers): (Vec<usize>, Vec<Target>) = all
        .filter_map(|(place, ((target, usual), evidence))| Some((place, of_maker(target, usual, evidence)?)))
        .unzip();
    eve::look_back(partitions, date, &mut of_makers)?;
    let of_makers = places.into_iter().zip(of_makers).map(|(place, target)| Narrowed { place, target });
    let of_makers: Vec<Narrowed> = of_makers.collect();
    let minutes = read.count_narrowed(&of_makers)?;
    let made = of_makers.into_iter().zip(minutes);
    let made = made.map(|(Narrowed { place, target }, minutes)| Made { place, target, minutes });
    // A key may name nobody in this account.
    let made: Vec<Made> = made.filter(|made| made.minutes.iter().any(|&calls| calls > 0)).collect();
    let spans = spans(targets, evidence, &made);
    let is_moved = |&place: &usize| spans[place] != (evidence[place].span, evidence[place].before);
    let moved: Vec<usize> = (0..targets.len()).filter(is_moved).collect();
    moved.iter().for_each(|&place| (evidence[place].span, evidence[place].before) = spans[place]);
    read.look_again(&moved, evidence)
}

/// A rise as whoever makes it is looked for, by the place of its target, and the calls of that one by minute.
struct Made {
    place: usize,
    target: Target,
    minutes: Vec<u32>,
}

/// The minutes of an episode among those that were searched, and how many more it has before midnight.
type Found = ((usize, usize), usize);

/// The minutes of all episodes: of those that somebody makes by the calls of that one, and with its own episode where it has one.
fn spans(targets: &[Target], evidence: &[Evidence], made: &[Made]) -> Vec<Found> {
    let mut alone: Vec<Found> = evidence.iter().map(|evidence| (evidence.span, evidence.before)).collect();
    made.iter().for_each(|made| alone[made.place] = made.target.span(&made.minutes));
    let rises = (0..targets.len()).filter(|&target| may_be_told_apart(&targets[target]));
    let mut by_entity: BTreeMap<(Family, &EntityKey), Vec<usize>> = BTreeMap::new();
    rises.for_each(|target| {
        by_entity.entry((targets[target].family, &targets[target].keys[0])).or_default().push(target);
    });
    let mut spans = alone.clone();
    for Made { place, target, minutes } in made {
        let (span, _) = alone[*place];
        let calls = minutes.get(span.0..span.1).map_or(0, |calls| calls.iter().map(|&calls| u64::from(calls)).sum());
        let own = of_day(target, alone[*place]);
        let of_makers = target.with.iter().filter_map(|(family, key)| by_entity.get(&(*family, key))).flatten();
        let theirs = of_makers.filter(|other| evidence[**other].calls() >= calls);
        let mut theirs = theirs.map(|&other| of_day(&targets[other], alone[other]));
        if let Some(others) = theirs.find(|other| other.0 < own.1 && own.0 < other.1) {
            spans[*place] = target.span_in(minutes, others);
        }
    }
    spans
}

/// The same in minutes of the day; what is before its midnight is negative.
fn of_day(target: &Target, (span, before): Found) -> (i64, i64) {
    let first = target.search.minutes(0).start;
    (first + span.0 as i64 - before as i64, first + span.1 as i64)
}

/// Whether the minutes of a target are those of a rise that begins tonight.
fn may_be_told_apart(target: &Target) -> bool {
    matches!(target.minutes, Minutes::Rise { begin: Begin::Within | Begin::Before, .. })
}

/// The rise of a target as whoever makes it is to be looked for; nothing if nobody does, or it is no rise.
fn of_maker(target: &Target, usual: &Usual, evidence: &Evidence) -> Option<Target> {
    let Minutes::Rise { usual: day, least, begin } = target.minutes else { return None };
    if !may_be_told_apart(target) {
        return None;
    }
    let expected = day.calls(target.search.begin(), evidence.span);
    let excess = evidence.calls() as f64 - expected;
    let makers = MAKERS.iter().filter(|(_, family)| may_make(*family, target.family));
    let values = makers.flat_map(|&(attribute, family)| {
        let of_week = usual.values[attribute].as_ref().map(|values| folded(attribute, values)).unwrap_or_default();
        let all = of_week.values().map(|(_, calls)| calls).sum::<u64>() as f64;
        let seen = folded(attribute, &evidence.values[attribute]).into_iter();
        let share = move |value: &str| {
            let own = of_week.get(value).map_or(0.0, |&(_, calls)| calls as f64);
            (own + SMOOTHING) / (all + 2.0 * SMOOTHING)
        };
        let named = seen.filter(|(_, (value, _))| ![OTHER, NO_ERROR].contains(value));
        named.map(move |(folded, (value, calls))| (family, value, calls as f64, share(&folded)))
    });
    let made = values.filter(|(.., calls, share)| calls - expected * share >= MAKES_IT * excess && excess > 0.0);
    let likelihood = |(.., calls, share): &(Family, &str, f64, f64)| {
        let usual = (expected * share).max(f64::MIN_POSITIVE);
        calls * (calls / usual).ln() - (calls - usual)
    };
    let (family, value, calls, share) = made.max_by(|left, right| {
        likelihood(left).total_cmp(&likelihood(right)).then_with(|| (right.0, right.1).cmp(&(left.0, left.1)))
    })?;
    let least = least.min(calls as u64);
    Some(Target {
        minutes: Minutes::Rise { usual: day.times(share), least, begin },
        with: vec![(family, key(family, target.keys.first()?, value)?)],
        eve: Vec::new(),
        ..target.clone()
    })
}

/// Whether entities of a family can make rises of another: an API makes those of its callers, not of its own errors; errors those of their API.
fn may_make(maker: Family, of: Family) -> bool {
    match maker {
        Family::Api => ![Family::Api, Family::ApiError].contains(&of),
        Family::ApiError => of == Family::Api,
        _ => maker != of,
    }
}

/// The entity that an attribute's value names, of calls that belong to another one.
fn key(family: Family, of: &EntityKey, value: &str) -> Option<EntityKey> {
    let account = of.account();
    Some(match family {
        Family::ApiError => EntityKey::new(of.fields().chain([value])),
        Family::Principal => {
            let (kind, id) = value.split_once('/')?;
            EntityKey::new([account, kind, id])
        }
        Family::Api => {
            let (service, api) = value.split_once('/')?;
            EntityKey::new([account, &fold_service(service), api])
        }
        _ => EntityKey::new([account, value]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::extent::minutes::UsualDay;
    use crate::time::HourSpan;

    /// A rise of an entity from 9:00 to 11:00, in which sixty calls are usual.
    fn rise(family: Family, key: EntityKey) -> Target {
        Target {
            family,
            keys: vec![key],
            hours: HourSpan::new(9, 11),
            search: HourSpan::new(9, 11),
            minutes: Minutes::Rise { usual: UsualDay::even(0.5), least: 30, begin: Begin::Within },
            since: "2026-01-29".parse().unwrap(),
            with: Vec::new(),
            eve: Vec::new(),
        }
    }

    /// So many calls in these hours.
    fn evidence(calls: u64) -> Evidence {
        let mut evidence = Evidence { from: 9, minutes: vec![0; 120], span: (0, 120), ..Evidence::default() };
        evidence.minutes[0] = calls as u32;
        evidence
    }

    /// Who makes a rise of an API, of which somebody made so many calls among so many, and usually so many of a thousand.
    fn maker(calls: u64, all: u64, of_thousand: u64) -> Option<EntityKey> {
        let (target, mut evidence) = (rise(Family::Api, EntityKey::new(["1", "ecs", "Describe"])), evidence(all));
        let values = |own: u64, all: u64| [("user/7".to_owned(), own), ("user/8".to_owned(), all - own)].into();
        evidence.values[Attribute::Principal] = values(calls, all);
        let mut usual = Usual::default();
        usual.values[Attribute::Principal] = Some(values(of_thousand, 1000));
        of_maker(&target, &usual, &evidence).map(|target| target.with[0].1.clone())
    }

    #[test]
    fn whoever_has_nearly_all_of_what_is_too_much_makes_a_rise() {
        let user = Some(EntityKey::new(["1", "user", "7"]));
        assert_eq!(maker(100, 160, 0), user, "of a hundred too many");
        assert_eq!(maker(70, 160, 0), None);
        assert_eq!(maker(130, 160, 500), user, "thirty are usual");
        assert_eq!(maker(100, 160, 500), None);
    }

    #[test]
    fn an_error_makes_rises_of_its_api_and_an_api_none_of_its_errors() {
        let api = EntityKey::new(["1", "ecs", "Describe"]);
        let told = |family: Family, own: EntityKey, failed: u64| {
            let (target, mut evidence) = (rise(family, own), evidence(160));
            evidence.values[Attribute::Api] = [("Ecs/Describe".to_owned(), 160)].into();
            evidence.values[Attribute::ErrorCode] =
                [("Throttling".to_owned(), failed), (NO_ERROR.to_owned(), 160 - failed)].into();
            let mut usual = Usual::default();
            usual.values[Attribute::Api] = Some([("Ecs/Describe".to_owned(), 1000)].into());
            usual.values[Attribute::ErrorCode] =
                Some([("Throttling".to_owned(), 10), (NO_ERROR.to_owned(), 990)].into());
            of_maker(&target, &usual, &evidence).map(|target| target.with[0].clone())
        };
        let error = EntityKey::new(["1", "ecs", "Describe", "Throttling"]);
        assert_eq!(told(Family::Api, api.clone(), 100), Some((Family::ApiError, error.clone())));
        assert_eq!(told(Family::Api, api.clone(), 60), None, "others fail or succeed more often too");
        assert_eq!(told(Family::Api, api, 5), None, "what succeeds has no entity");
        assert_eq!(told(Family::ApiError, error, 160), None);
    }
}
