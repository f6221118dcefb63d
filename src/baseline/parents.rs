//! What entities that come and go, or are new, borrow from their parent: an API from its service, an address from its network.
//!
//! How much is estimated from how far the family's parents lie apart ([`Nested`]), day sizes taken as log-normal around what is usual
//! of the family. Families without parents borrow nothing but what an entity's own few days tell.

use std::collections::HashMap;
use std::net::IpAddr;

use rayon::prelude::*;

use crate::baseline::FamilyHistory;
use crate::baseline::sparse::DaySizes;
use crate::event::network;
use crate::rollup::Family;
use crate::stats::{Deviations, Effect, GroupEvidence, Nested};

/// Entities with more active days than this tell nothing of those that come and go.
const MOST_ACTIVE_DAYS: usize = 15;

/// The parents of a family's entities and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Parents {
    nested: Nested,
    /// By entity the number of its parent.
    of: Vec<u32>,
    known: Vec<GroupEvidence>,
}

/// The name of an entity's parent, within its account; `None` where its family knows none.
pub(super) fn parent(history: &FamilyHistory, member: usize) -> Option<String> {
    let name = history.key(member).fields().nth(1)?;
    match history.family {
        Family::Api | Family::ApiError => Some(name.to_owned()),
        Family::SourceIp => name.parse::<IpAddr>().ok().map(network),
        _ => None,
    }
}

impl Parents {
    /// Learns from all entities; `totals` gives those of an entity's active days before the scored one.
    pub(super) fn learn(history: &FamilyHistory, sizes: &DaySizes, totals: impl Fn(usize) -> Vec<u64> + Sync) -> Self {
        let of = numbers(history);
        let deviations = |member: usize| deviations(sizes, &totals(member));
        let members: Vec<Deviations> = (0..history.len()).into_par_iter().map(deviations).collect();
        let telling = |&member: &usize| members[member].count > 0.0;
        let mut order: Vec<usize> = (0..history.len()).filter(telling).collect();
        order.sort_by_key(|&member| of[member]);
        let sorted: Vec<Deviations> = order.iter().map(|&member| members[member]).collect();
        let ends = order.chunk_by(|&left, &right| of[left] == of[right]).map(<[usize]>::len);
        let groups: Vec<&[Deviations]> = ends
            .scan(0, |start, length| {
                *start += length;
                Some(&sorted[*start - length..*start])
            })
            .collect();
        let nested = Nested::fit(groups.iter().copied());
        let mut known = vec![GroupEvidence::default(); of.iter().max().map_or(0, |&last| last as usize + 1)];
        for &member in &order {
            known[of[member] as usize].add(nested.evidence(&members[member]));
        }
        Self { nested, of, known }
    }

    /// What an entity's parent and its own few days say about the size of its next; `own` are the totals of its active days.
    pub(super) fn effect(&self, sizes: &DaySizes, member: usize, own: &[u64]) -> Effect {
        let Some(known) = self.of.get(member).and_then(|&parent| self.known.get(parent as usize)) else {
            return Effect::default();
        };
        let own = deviations(sizes, own);
        self.nested.expect(&own, known.without(self.nested.evidence(&own)))
    }

    /// Whether the family's parents differ beyond chance.
    pub(super) fn have_a_say(&self) -> bool {
        self.nested.between_groups() > 0.0
    }
}

/// How far the days of an entity that comes and goes are from what is usual of such.
fn deviations(sizes: &DaySizes, totals: &[u64]) -> Deviations {
    let usual = sizes.center(totals.len()).filter(|_| (1..=MOST_ACTIVE_DAYS).contains(&totals.len()));
    usual.map_or_else(Deviations::default, |usual| {
        Deviations::of(totals.iter().map(|&total| (total as f64).ln_1p() - usual))
    })
}

/// By entity the number of its parent, in the order in which they are met; all entities of a family without parents have the same.
fn numbers(history: &FamilyHistory) -> Vec<u32> {
    let mut known: HashMap<(String, Option<String>), u32> = HashMap::new();
    let number = |member: usize| {
        let parent = parent(history, member);
        let account = parent.as_ref().map_or_else(String::new, |_| history.key(member).account().to_owned());
        let next = known.len() as u32;
        *known.entry((account, parent)).or_insert(next)
    };
    (0..history.len()).map(number).collect()
}
