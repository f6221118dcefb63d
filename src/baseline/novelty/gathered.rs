//! What is added up while the pairs of one kind are read, entity by entity.
//!
//! An entity's pairs come day by day, so that whether a partner is new is told by a mark on the partner, and nothing is sorted.

use std::collections::BTreeSet;

use super::kind::{EntityHabits, First, Habit, Novelty};
use super::visitors::Visitors;
use super::{BANDS, Days, LEAST_PEERS, REPLAYED, TONIGHT, band};
use crate::rollup::Family;
use crate::rollup::store::PairDay;
use crate::stats::{KindCounts, PitmanYor};

/// What is added up while a kind is read.
pub(super) struct Gathered<'a> {
    novelty: Novelty,
    /// Who came from the networks that partners are, where a partner that one alone came with is no news.
    visitors: Option<&'a Visitors>,
    /// Pairs first seen on one of the days that are asked.
    firsts: Vec<First>,
    /// By partner how many knew it before the scored day.
    known_to: Vec<u32>,
    marks: Vec<Mark>,
    /// By band, and at last of all, what the entities' histories have in common.
    counts: Vec<KindCounts>,
    by_day: Vec<DayCount>,
}

/// By whom a partner was met last, and on how many days before the scored one.
#[derive(Clone, Copy, Default)]
struct Mark {
    /// One more than the entity's number; 0 for nobody.
    met_by: u32,
    past: u32,
}

/// What an entity met on one day of the window.
#[derive(Clone, Copy, Default)]
struct DayCount {
    met: u32,
    new: u32,
    /// Those met for the first time that are left to the principal who came with them.
    left: u32,
}

impl<'a> Gathered<'a> {
    /// Nothing yet of a kind with so many partners. What an API meets from a network is its own news only where several `visitors` came.
    pub(super) fn new(families: (Family, Family), partners: usize, visitors: &'a Visitors) -> Self {
        Self {
            novelty: Novelty::new(families),
            visitors: Some(visitors).filter(|_| families == (Family::Api, Family::Network)),
            firsts: Vec::new(),
            known_to: vec![0; partners],
            marks: vec![Mark::default(); partners],
            counts: vec![KindCounts::default(); BANDS + 1],
            by_day: Vec::new(),
        }
    }

    /// Adds an entity with all its pairs, those of each partner in the order of days, and tells whether it met somebody new on the scored one.
    /// No entity comes twice.
    pub(super) fn add(&mut self, member: u32, met: &[PairDay], days: Days<'_>) -> bool {
        self.by_day.clear();
        self.by_day.resize(days.length + 1, DayCount::default());
        let mut singletons = 0;
        for &pair in met {
            let (partner, day) = (pair.partner as usize, days.of(pair));
            let is_past = day < days.length;
            self.by_day[day].met += 1;
            let mark = &mut self.marks[partner];
            if mark.met_by != member + 1 {
                *mark = Mark { met_by: member + 1, past: 0 };
                self.known_to[partner] += u32::from(is_past);
                let asked = u8::try_from(days.asked(pair)).ok();
                let is_one = |day: u8| self.visitors.is_some_and(|visitors| visitors.is_one(pair.partner, day));
                let is_left = asked.is_some_and(is_one);
                let count = &mut self.by_day[day];
                *if is_left { &mut count.left } else { &mut count.new } += 1;
                let first = |day| First { partner: pair.partner, day, member, is_left, known_to: 0 };
                self.firsts.extend(asked.map(first));
            }
            if is_past {
                mark.past += 1;
                singletons += u32::from(mark.past == 1);
                singletons -= u32::from(mark.past == 2);
            }
        }
        self.add_habits(member, singletons)
    }

    /// Adds whom many met whose names were not kept: somebody knew these.
    pub(super) fn add_many(&mut self, met: &[PairDay], days: Days<'_>) {
        let past = met.iter().filter(|pair| days.of(**pair) < days.length).map(|pair| pair.partner);
        for partner in past.collect::<BTreeSet<u32>>() {
            self.known_to[partner as usize] += 1;
        }
    }

    fn add_habits(&mut self, member: u32, singletons: u32) -> bool {
        let habits = habits(&self.by_day);
        let tonight = habits[TONIGHT];
        if tonight.is_settled() {
            for band in [band(tonight.kinds), BANDS] {
                self.counts[band].add(tonight.draws, tonight.kinds, singletons);
            }
        }
        if tonight.is_settled() || tonight.new > 0 {
            self.novelty.entities.push(EntityHabits { member, days: habits });
        }
        tonight.new > 0
    }

    pub(super) fn learn(self) -> Novelty {
        let Self { novelty, firsts, known_to, counts, .. } = self;
        let everybody = PitmanYor::fit(&counts[BANDS]);
        let of_band = |counts: &KindCounts| {
            if counts.sequences() < LEAST_PEERS { everybody } else { PitmanYor::fit(counts) }
        };
        novelty.learnt(counts[..BANDS].iter().map(of_band), firsts, &known_to)
    }
}

/// What an entity had met before, and met on, each of the days that are asked.
fn habits(by_day: &[DayCount]) -> [Habit; REPLAYED + 1] {
    let mut habits = [Habit::default(); REPLAYED + 1];
    let (mut before, mut last) = (Habit::default(), None);
    for (day, count) in by_day.iter().enumerate() {
        // The last day is the last that is asked, however few there are.
        if let Some(asked) = (day + REPLAYED + 1).checked_sub(by_day.len()) {
            let narrow = |count: u32| count.min(u32::from(u16::MAX)) as u16;
            let (new, left) = (narrow(count.new), narrow(count.left));
            let known = narrow(count.met - count.new - count.left);
            habits[asked] =
                Habit { since: last.map_or(0, |last: usize| (day - last) as u16), known, new, left, ..before };
        }
        if count.met > 0 {
            last = Some(day);
            before.draws += count.met;
            before.kinds += count.new + count.left;
            before.days += 1;
        }
    }
    habits
}
