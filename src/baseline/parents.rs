//! What entities that come and go, or are new, borrow from their parent: an API from its service, an address from its network, a key
//! from its principal; and all of them from their account.
//!
//! How much is estimated from how far the family's parents, and accounts, lie apart ([`Nested`]), day sizes taken as log-normal around
//! what is usual of the family. An entity whose parent nobody knows is drawn towards its account, and where accounts do not differ nothing is
//! borrowed but what an entity's own few days tell.

use std::collections::HashMap;
use std::net::IpAddr;

use rayon::prelude::*;

use crate::baseline::FamilyHistory;
use crate::baseline::sparse::DaySizes;
use crate::event::network;
use crate::rollup::{EntityKey, Family};
use crate::stats::{Deviations, Effect, Evidence, Nested, NestedPlace};

/// Of entities with more active days than this only the mean counts: how their days vary tells nothing of those that come and go.
const MOST_ACTIVE_DAYS: usize = 15;

/// The parents of a family's entities and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Parents {
    nested: Nested,
    /// By entity its parent and its account.
    places: Vec<NestedPlace>,
    /// What each entity tells of its parent, what all tell of each parent, and what all of them of each account.
    members: Vec<Evidence>,
    groups: Vec<Evidence>,
    strata: Vec<Evidence>,
}

/// The totals of an entity's active days, compared with those of its like.
#[derive(Debug)]
pub(super) enum OwnDays {
    /// Of one that is known for a week or more, with those that are active as often.
    Known(Vec<u64>),
    /// Of one that is new, with first weeks.
    New(Vec<u64>),
}

impl OwnDays {
    /// How far they are from what is usual, in units of its deviation: sizes differ more among some than among others.
    fn deviations(&self, sizes: &DaySizes) -> Deviations {
        let (totals, usual) = match self {
            Self::Known(totals) => (totals, sizes.of_like(totals.len())),
            Self::New(totals) => (totals, sizes.of_new()),
        };
        let Some(usual) = usual.filter(|_| !totals.is_empty()) else { return Deviations::default() };
        let days = Deviations::of(totals.iter().map(|&total| usual.deviation(total)));
        if totals.len() > MOST_ACTIVE_DAYS { days.of_mean_alone() } else { days }
    }
}

impl Parents {
    /// Learns from all entities; `own` gives an entity's active days before the scored one. Where hardly any parent has more than one
    /// entity, accounts take the place of parents.
    pub(super) fn learn(history: &FamilyHistory, sizes: &DaySizes, own: impl Fn(usize) -> OwnDays + Sync) -> Self {
        let mut places = places(history);
        let of = |member: usize| own(member).deviations(sizes);
        let days: Vec<Deviations> = (0..history.len()).into_par_iter().map(of).collect();
        let mut nested = fit(&places, &days);
        if !nested.are_members_told() {
            places.iter_mut().for_each(|place| place.group = place.stratum);
            nested = fit(&places, &days);
        }
        let members: Vec<Evidence> = days.iter().map(|days| nested.of_group(days)).collect();
        let numbers =
            |number: fn(&NestedPlace) -> u32| places.iter().map(number).max().map_or(0, |last| last as usize + 1);
        let mut groups = vec![(Evidence::default(), 0); numbers(|place| place.group)];
        for (place, member) in places.iter().zip(&members) {
            let (group, stratum) = &mut groups[place.group as usize];
            group.add(*member);
            *stratum = place.stratum;
        }
        let mut strata = vec![Evidence::default(); numbers(|place| place.stratum)];
        groups.iter().for_each(|&(group, stratum)| strata[stratum as usize].add(nested.of_stratum(group)));
        Self { nested, places, members, groups: groups.into_iter().map(|(group, _)| group).collect(), strata }
    }

    /// What an entity's parent, its account and its own few days say about the size of its next.
    pub(super) fn effect(&self, sizes: &DaySizes, member: usize, own: &OwnDays) -> Effect {
        let Some(place) = self.places.get(member) else { return Effect::default() };
        let group = self.groups[place.group as usize];
        let other_groups = self.strata[place.stratum as usize].without(self.nested.of_stratum(group));
        self.nested.expect(&own.deviations(sizes), group.without(self.members[member]), other_groups)
    }

    /// Who has a say about an entity beside its family: its parent, or its account, where such differ beyond chance.
    pub(super) fn name(&self, history: &FamilyHistory, member: usize) -> Option<String> {
        let parent = parent(history, member).filter(|_| self.nested.between_groups() > 0.0);
        let account = || Some(format!("account {}", history.key(member).account()));
        parent.or_else(|| account().filter(|_| self.nested.between_strata() > 0.0))
    }
}

/// The name of an entity's parent, within its account; `None` where nobody knows one.
fn parent(history: &FamilyHistory, member: usize) -> Option<String> {
    let name = || history.key(member).fields().nth(1);
    match history.family {
        Family::Api | Family::ApiError => name().map(str::to_owned),
        Family::SourceIp => name()?.parse::<IpAddr>().ok().map(network),
        Family::AccessKey => history.owner(member).map(EntityKey::label),
        _ => None,
    }
}

fn fit(places: &[NestedPlace], days: &[Deviations]) -> Nested {
    let placed = places.iter().copied().zip(days.iter().copied());
    let mut telling: Vec<(NestedPlace, Deviations)> = placed.filter(|(_, days)| days.count > 0.0).collect();
    // Stable, so that entities of a place are added in their order.
    telling.sort_by_key(|&(place, _)| place);
    Nested::fit(&telling)
}

/// By entity the numbers of its parent and its account, in the order in which they are met. Principals are their accounts' own; whoever else
/// has no parent that is known is alone.
fn places(history: &FamilyHistory) -> Vec<NestedPlace> {
    let mut accounts: HashMap<&str, u32> = HashMap::new();
    let mut parents: HashMap<(u32, String), u32> = HashMap::new();
    let mut groups = 0;
    let mut next = || {
        groups += 1;
        groups - 1
    };
    let mut places = Vec::with_capacity(history.len());
    for member in 0..history.len() {
        let count = accounts.len() as u32;
        let stratum = *accounts.entry(history.key(member).account()).or_insert(count);
        let parent = parent(history, member).or_else(|| (history.family == Family::Principal).then(String::new));
        let group = match parent {
            Some(parent) => *parents.entry((stratum, parent)).or_insert_with(&mut next),
            None => next(),
        };
        places.push(NestedPlace { stratum, group });
    }
    places
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_distr::{Distribution, StandardNormal};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use crate::baseline::{Calendar, FamilyBaseline, FamilyHistory, Feed, HistoryHour, Window};
    use crate::detect::Thresholds;
    use crate::detect::rate::score;
    use crate::rollup::{EntityKey, Family};

    const TODAY: usize = 28;
    /// Principals; the first is quiet, the last is busy, those between have levels of all kinds.
    const PRINCIPALS: usize = 30;
    const KEYS_OF_EACH: usize = 5;

    fn window() -> Window {
        Window::new("2026-02-02".parse().unwrap(), TODAY, |_| true)
    }

    fn owner_of(key: &EntityKey) -> Option<EntityKey> {
        let name = key.label();
        (!name.contains("unknown")).then(|| EntityKey::new([key.account(), "user", &name[..3]]))
    }

    /// Keys of principals that differ by much. Some come and go, some call every day; of each principal one was first seen in the third week.
    /// `today` are others that are first seen on the scored day.
    fn history(differ: f64, today: &[(&str, u32)]) -> FamilyHistory {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
        let normal = |random: &mut Xoshiro256PlusPlus| -> f64 { StandardNormal.sample(random) };
        let mut entities = Vec::new();
        for principal in 0..PRINCIPALS {
            let level = 4.0 + differ * (4.0 * principal as f64 / (PRINCIPALS - 1) as f64 - 2.0);
            for number in 0..KEYS_OF_EACH {
                let (share, first) = ([1.0, 0.4, 0.25][number % 3], if number == 4 { 19 } else { 0 });
                let own = level + 0.3 * normal(&mut random);
                let mut hours = Vec::new();
                for day in first..TODAY {
                    if random.random_bool(share) {
                        let calls = (own + 0.4 * normal(&mut random)).exp().ceil() as u32;
                        hours.push(HistoryHour { hour: (day * 24 + 10) as u16, calls, errors: 0, peak: calls });
                    }
                }
                entities.push((EntityKey::new(["1", &format!("p{principal:02}-{number}")]), hours));
            }
        }
        for &(name, calls) in today {
            let hour = HistoryHour { hour: (TODAY * 24 + 10) as u16, calls, errors: 0, peak: calls };
            entities.push((EntityKey::new(["1", name]), vec![hour]));
        }
        FamilyHistory::from_entities(Family::AccessKey, entities)
    }

    /// Calls a usual day, `ln p` of its today, and who has a say, for each of the named keys.
    fn judged(history: &FamilyHistory, names: &[&str]) -> Vec<(f64, f64, Option<String>)> {
        let window = window();
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(history, &window, &calendar);
        let baseline = FamilyBaseline::learn(history, &window, &calendar, &feed);
        let scores = score(&baseline, &Thresholds::default(), TODAY);
        let of = |name: &&str| {
            let member = history.find(&EntityKey::new(["1", name])).unwrap();
            (baseline.usual_first_day(member), scores[member].ln_up, baseline.parent(member))
        };
        names.iter().map(of).collect()
    }

    #[test]
    fn a_young_key_of_a_busy_principal_is_expected_to_do_more_than_one_of_a_quiet_principal() {
        let today = [("p00-new", 400), ("p29-new", 400), ("unknown", 60)];
        let history = history(1.5, &today).with_owners(owner_of);
        let [quiet, busy, unknown] = &judged(&history, &today.map(|key| key.0))[..] else { panic!() };
        assert!(quiet.0 * 20.0 < unknown.0 && unknown.0 * 5.0 < busy.0, "{quiet:?} {unknown:?} {busy:?}");
        assert!(quiet.1 < 0.001_f64.ln() && busy.1 > 0.2_f64.ln(), "{quiet:?} {busy:?}");
        assert_eq!([&quiet.2, &busy.2].map(|name| name.as_deref().unwrap()), ["user/p00", "user/p29"]);
    }

    #[test]
    fn a_young_key_of_unknown_principal_does_not_alarm_on_a_normal_day() {
        let history = history(1.5, &[("unknown-1", 55), ("unknown-2", 1000)]).with_owners(owner_of);
        let found = judged(&history, &["unknown-1", "unknown-2"]);
        assert!(found.iter().all(|found| found.1 > 0.05_f64.ln() && found.2.is_none()), "{found:?}");
    }

    #[test]
    fn principals_that_do_not_differ_have_no_say() {
        let history = history(0.0, &[("p00-new", 60)]);
        let without = judged(&history, &["p00-new"]);
        let with = judged(&history.with_owners(owner_of), &["p00-new"]);
        assert!((with[0].0 / without[0].0 - 1.0).abs() < 0.15 && with[0].2.is_none(), "{with:?} {without:?}");
    }

    #[test]
    fn how_many_threads_learn_does_not_matter() {
        let history = history(1.5, &[("p29-new", 400), ("unknown", 60)]).with_owners(owner_of);
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| judged(&history, &["p29-new", "unknown", "p03-1"]))
        };
        assert_eq!(on(1), on(4));
    }
}
