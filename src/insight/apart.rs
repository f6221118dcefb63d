//! A rise told apart from the rest of its entity's calls: where one principal, key, address or API makes nearly all of it, the rise begins and
//! ends with the calls of that one, however many others call meanwhile.
//!
//! Whose they are is read from the minutes that all calls together show. A value is held against its share of the week before, as in
//! [`attribution`](super::attribution): it makes a rise if it has four fifths of what the rise has too much, and of several the one that is least
//! likely by chance, `y ln(y / m) - (y - m)`. *When it is wrong*: where the culprit calls the same for other reasons just before or after.

use chrono::NaiveDate;

use crate::error::Result;
use crate::event::fold_service;
use crate::insight::eve;
use crate::insight::investigate::{Begin, Evidence, Minutes, OTHER, Target, count_minutes, investigate};
use crate::insight::usual::Usual;
use crate::insight::values::folded;
use crate::partition::{EventFile, Partitions};
use crate::rollup::{EntityKey, Family};

/// Who makes so much of what a rise has too much makes it.
const MAKES_IT: f64 = 0.8;
/// What is added to counts of the week before, so that whoever is new is not infinitely surprising.
const SMOOTHING: f64 = 0.5;
/// The attributes that can make a rise, by their places in [`ATTRIBUTES`], and the families of those who are named there.
const MAKERS: [(usize, Family); 4] =
    [(0, Family::Principal), (1, Family::AccessKey), (2, Family::SourceIp), (4, Family::Api)];

/// Where the events are.
#[derive(Debug, Clone, Copy)]
pub struct Events<'a> {
    /// Those of the day.
    pub files: &'a [EventFile],
    /// All.
    pub partitions: &'a Partitions,
    /// The day.
    pub date: NaiveDate,
}

/// Looks for the minutes of rises again, by the calls of those who make them, and reads the events of those that turn out to have others.
pub fn tell_apart(events: Events<'_>, targets: &[Target], usual: &[Usual], evidence: &mut [Evidence]) -> Result<()> {
    let Events { files, partitions, date } = events;
    let all = targets.iter().zip(usual).zip(&*evidence).enumerate();
    let (places, mut of_makers): (Vec<usize>, Vec<Target>) = all
        .filter_map(|(place, ((target, usual), evidence))| Some((place, of_maker(target, usual, evidence)?)))
        .unzip();
    eve::look_back(partitions, date, &mut of_makers)?;
    let minutes = count_minutes(files, date, &of_makers)?;
    let mut moved: Vec<(usize, Target)> = Vec::new();
    for ((place, of_maker), minutes) in places.into_iter().zip(&of_makers).zip(&minutes) {
        let own = &evidence[place];
        // A key may name nobody in this account.
        let is_found = minutes.iter().sum::<u32>() > 0;
        let (span, before) = of_maker.span(minutes);
        if is_found && (span, before) != (own.span, own.before) {
            moved.push((place, Target { minutes: Minutes::Part(span, before), ..targets[place].clone() }));
        }
    }
    let (places, moved): (Vec<usize>, Vec<Target>) = moved.into_iter().unzip();
    for (place, found) in places.into_iter().zip(investigate(files, date, &moved)?) {
        evidence[place] = found;
    }
    Ok(())
}

/// The rise of a target as whoever makes it is to be looked for; nothing if nobody does, or it is no rise.
fn of_maker(target: &Target, usual: &Usual, evidence: &Evidence) -> Option<Target> {
    let Minutes::Rise { usual: day, least, begin } = target.minutes else { return None };
    if begin == Begin::GoesOn {
        return None;
    }
    let expected = day.calls(target.search.0, evidence.span);
    let excess = evidence.calls() as f64 - expected;
    let makers = MAKERS.iter().filter(|(_, family)| *family != target.family);
    let values = makers.flat_map(|&(attribute, family)| {
        let of_week = usual.values[attribute].as_ref().map(|values| folded(attribute, values)).unwrap_or_default();
        let all = of_week.values().map(|(_, calls)| calls).sum::<u64>() as f64;
        let seen = folded(attribute, &evidence.values[attribute]).into_iter();
        let share = move |value: &str| {
            let own = of_week.get(value).map_or(0.0, |&(_, calls)| calls as f64);
            (own + SMOOTHING) / (all + 2.0 * SMOOTHING)
        };
        let named = seen.filter(|(_, (value, _))| *value != OTHER);
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
    let account = target.keys.first()?.account();
    let least = least.min(calls as u64);
    Some(Target {
        minutes: Minutes::Rise { usual: day.times(share), least, begin },
        with: vec![(family, key(family, account, value)?)],
        eve: Vec::new(),
        ..target.clone()
    })
}

/// The entity that an attribute's value names.
fn key(family: Family, account: &str, value: &str) -> Option<EntityKey> {
    Some(match family {
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
    use crate::insight::investigate::ATTRIBUTES;
    use crate::insight::minutes::UsualDay;

    /// A rise of an API from 9:00 to 11:00, of which somebody made so many calls among so many, and usually so many of a thousand.
    fn maker(calls: u64, all: u64, of_thousand: u64) -> Option<EntityKey> {
        let target = Target {
            family: Family::Api,
            keys: vec![EntityKey::new(["1", "ecs", "Describe"])],
            hours: (9, 11),
            search: (9, 11),
            minutes: Minutes::Rise { usual: UsualDay::even(0.5), least: 30, begin: Begin::Within },
            since: "2026-01-29".parse().unwrap(),
            with: Vec::new(),
            eve: Vec::new(),
        };
        let mut evidence = Evidence { minutes: vec![0; 120], span: (0, 120), ..Evidence::default() };
        evidence.minutes[0] = all as u32;
        let values = |own: u64, all: u64| [("user/7".to_owned(), own), ("user/8".to_owned(), all - own)].into();
        evidence.values[0] = values(calls, all);
        let mut usual = Usual::default();
        usual.values[0] = Some(values(of_thousand, 1000));
        of_maker(&target, &usual, &evidence).map(|target| target.with[0].1.clone())
    }

    #[test]
    fn whoever_has_nearly_all_of_what_is_too_much_makes_a_rise() {
        let user = Some(EntityKey::new(["1", "user", "7"]));
        assert_eq!(maker(100, 160, 0), user, "of a hundred too many");
        assert_eq!(maker(70, 160, 0), None);
        assert_eq!(maker(130, 160, 500), user, "thirty are usual");
        assert_eq!(maker(100, 160, 500), None);
        assert_eq!(ATTRIBUTES[MAKERS[3].0], "apiRelated");
    }
}
