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
use crate::rollup::Family;
use crate::stats::{Deviations, Effect, Evidence, Nested, Place};

/// Of entities with more active days than this only the mean counts: how their days vary tells nothing of those that come and go.
const MOST_ACTIVE_DAYS: usize = 15;

/// The parents of a family's entities and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Parents {
    nested: Nested,
    /// By entity its parent and its account.
    places: Vec<Place>,
    /// What each entity tells of its parent, what all tell of each parent, and what all of them of each account.
    members: Vec<Evidence>,
    groups: Vec<Evidence>,
    strata: Vec<Evidence>,
}

impl Parents {
    /// Learns from all entities; `totals` gives those of an entity's active days before the scored one. Where hardly any parent has more
    /// than one entity, accounts take the place of parents.
    pub(super) fn learn(history: &FamilyHistory, sizes: &DaySizes, totals: impl Fn(usize) -> Vec<u64> + Sync) -> Self {
        let mut places = places(history);
        let of = |member: usize| deviations(sizes, &totals(member));
        let days: Vec<Deviations> = (0..history.len()).into_par_iter().map(of).collect();
        let mut nested = fit(&places, &days);
        if !nested.are_members_told() {
            places.iter_mut().for_each(|place| place.group = place.stratum);
            nested = fit(&places, &days);
        }
        let members: Vec<Evidence> = days.iter().map(|days| nested.of_group(days)).collect();
        let numbers = |number: fn(&Place) -> u32| places.iter().map(number).max().map_or(0, |last| last as usize + 1);
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

    /// What an entity's parent, its account and its own few days say about the size of its next; `own` are the totals of its active days.
    pub(super) fn effect(&self, sizes: &DaySizes, member: usize, own: &[u64]) -> Effect {
        let Some(place) = self.places.get(member) else { return Effect::default() };
        let group = self.groups[place.group as usize];
        let other_groups = self.strata[place.stratum as usize].without(self.nested.of_stratum(group));
        self.nested.expect(&deviations(sizes, own), group.without(self.members[member]), other_groups)
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
        Family::AccessKey => history.owner(member).map(|owner| owner.label()),
        _ => None,
    }
}

fn fit(places: &[Place], days: &[Deviations]) -> Nested {
    let placed = places.iter().copied().zip(days.iter().copied());
    let mut telling: Vec<(Place, Deviations)> = placed.filter(|(_, days)| days.count > 0.0).collect();
    // Stable, so that entities of a place are added in their order.
    telling.sort_by_key(|&(place, _)| place);
    Nested::fit(&telling)
}

/// How far the days of an entity are from what is usual of those with so many active days.
fn deviations(sizes: &DaySizes, totals: &[u64]) -> Deviations {
    let Some(usual) = sizes.center(totals.len()).filter(|_| !totals.is_empty()) else { return Deviations::default() };
    let days = Deviations::of(totals.iter().map(|&total| (total as f64).ln_1p() - usual));
    if totals.len() > MOST_ACTIVE_DAYS { days.of_mean_alone() } else { days }
}

/// By entity the numbers of its parent and its account, in the order in which they are met. Principals are their accounts' own; whoever else
/// has no parent that is known is alone.
fn places(history: &FamilyHistory) -> Vec<Place> {
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
        places.push(Place { stratum, group });
    }
    places
}
