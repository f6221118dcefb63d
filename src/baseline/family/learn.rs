//! Learning a family, step by step: shapes of the day, how counts clump, how levels drift, how large a usual day is.
//!
//! Each step hears the entities in their order, or a scattered sample of them; what it hears rests on the steps before.

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use super::FamilyBaseline;
use crate::baseline::dispersion::{Dispersions, Testimony};
use crate::baseline::drift::Drift;
use crate::baseline::parents::{OwnDays, Parents};
use crate::baseline::seasonal::{Fit, Learnt};
use crate::baseline::series::{OwnShape, ProfileSum, Series};
use crate::baseline::shift::SHIFT_DAYS;
use crate::baseline::sparse::{ActiveDays, NEW_DAYS, SPARSE_BELOW};

/// Entities of one group that are enough to have a shape of their own.
const GROUP_MEMBERS: f64 = 5.0;
/// Entities whose shapes are held at a time.
const SHAPES_AT_A_TIME: usize = 4096;
/// Entities that are heard about what a family shares; of more, a scattered sample is.
const WITNESSES: usize = 2048;

impl FamilyBaseline<'_> {
    /// Which entities are heard, in their order.
    fn witnesses(&self) -> impl Iterator<Item = usize> {
        self.sample(WITNESSES)
    }

    pub(super) fn learn_profiles(&mut self) {
        let mut overall = ProfileSum::default();
        let mut groups: BTreeMap<String, ProfileSum> = BTreeMap::new();
        let own_shape = |series: &mut Series, member: usize| {
            self.lay_out(member, &self.today(), series)?;
            Some((member, OwnShape::of(series)?))
        };
        for first in (0..self.history.len()).step_by(SHAPES_AT_A_TIME) {
            let members = first..self.history.len().min(first + SHAPES_AT_A_TIME);
            let shapes = members.into_par_iter().map_init(Series::default, own_shape);
            // Threads work the shapes out; they are added in the order of entities.
            for (member, shape) in shapes.collect::<Vec<_>>().into_iter().flatten() {
                overall.add(&shape);
                groups.entry(self.group(member).to_owned()).or_default().add(&shape);
            }
        }
        self.overall = overall.profile();
        let own = groups.into_iter().filter(|(_, sum)| sum.members() >= GROUP_MEMBERS);
        self.groups = own.map(|(group, sum)| (group, sum.profile())).collect();
    }

    pub(super) fn learn_dispersions(&mut self) {
        let testimony = |member: usize, series: &mut Series| {
            self.follow(member, series);
            Fit::testimony(series, self.profile(member))
        };
        let entities: Vec<Testimony> = self.hear(testimony);
        self.dispersions = Dispersions::learn(&entities);
    }

    /// Where levels drift, what clumps beside that is less.
    pub(super) fn learn_drift(&mut self) {
        let track = |member: usize, series: &mut Series| {
            Fit::new(series, self.profile(member), &self.dispersions).track(series)
        };
        self.drift = Drift::learn(self.hear(track).iter());
        if !self.drift.is_none() {
            self.learn_dispersions();
        }
    }

    /// What the witnesses that are active day by day tell, in their order.
    fn hear<T: Send>(&self, of_series: impl Fn(usize, &mut Series) -> T + Sync) -> Vec<T> {
        let tell = |member: usize| {
            let mut series = Series::default();
            self.lay_out(member, &self.today(), &mut series).filter(|_| series.level() >= SPARSE_BELOW)?;
            Some(of_series(member, &mut series))
        };
        let witnesses: Vec<usize> = self.witnesses().collect();
        witnesses.into_par_iter().filter_map(tell).collect()
    }

    /// Notes how the level of an entity drifted, if its family's do.
    pub(super) fn follow(&self, member: usize, series: &mut Series) {
        if self.drift.follows(series.level()) {
            let steady = Fit::new(series, self.profile(member), &self.dispersions);
            series.levels = self.drift.levels(&steady.track(series));
        }
    }

    pub(super) fn learn_sizes(&mut self) {
        let mut active = ActiveDays::default();
        for member in self.witnesses() {
            let totals = self.day_totals(member, &self.today());
            let Some(&(first_day, _)) = totals.first() else { continue };
            active.add(&totals.iter().map(|&(_, total)| total).collect::<Vec<_>>());
            // What shows up in the first week of the window was most likely there before, and so was what a cap may have hidden.
            if first_day >= NEW_DAYS && !(0..first_day).any(|day| self.history.is_hidden(member, day)) {
                let first_week = totals.iter().take_while(|(day, _)| *day < first_day + NEW_DAYS);
                active.add_first_week(&first_week.map(|&(_, total)| total).collect::<Vec<_>>());
            }
        }
        let witnesses = self.witnesses().count().max(1);
        let times = self.history.len() as f64 / witnesses as f64;
        let days = (NEW_DAYS..self.window.length()).filter(|&day| self.window.is_present(day)).count();
        self.sizes = active.fit(times, days);
        let own = |member| {
            let totals = self.totals_before(member, self.window.length());
            let is_new = self.days_known(member, self.window.length()) < NEW_DAYS;
            if is_new { OwnDays::New(totals) } else { OwnDays::Known(totals) }
        };
        self.parents = Parents::learn(self.history, &self.sizes, own);
    }

    /// How often those who rest on days off stay away.
    pub(super) fn learn_absences(&mut self) {
        for member in self.witnesses().collect::<Vec<_>>() {
            let nothing = self.window.length()..self.window.length();
            if let Some(own) = self.absences_of(member, &nothing) {
                self.absences.add(&own);
            }
        }
    }

    /// An entity's past, as much of it as is to be learnt from, without some days, of which only the level is known; `None` if there is none.
    pub(super) fn past(&self, member: usize, learnt: Learnt, without: &Range<usize>) -> Option<Series> {
        let mut series = Series::default();
        self.lay_out(member, without, &mut series)?;
        match learnt {
            Learnt::Whole => {}
            Learnt::Before(day) => series.forget_from(day),
            Learnt::Since(day) => series.forget_before(day),
        }
        self.follow(member, &mut series);
        Some(series)
    }

    /// What the days before one tell, at the level with which they ended.
    pub(in crate::baseline) fn fit_before(&self, member: usize, day: usize, without: &Range<usize>) -> Option<Fit> {
        let day = day.min(without.start);
        let series = self.past(member, Learnt::Before(day), without)?;
        let fit = Fit::new(&series, self.profile(member), &self.dispersions).of_days(Learnt::Before(day));
        Some(fit.on_day(day).unwrap_or(fit))
    }

    /// What the days from `since` on tell alone of a day, if they are enough, and one of them at least is like it.
    pub(in crate::baseline) fn fit_since(
        &self,
        member: usize,
        (since, day): (usize, usize),
        without: &Range<usize>,
    ) -> Option<Fit> {
        let series = self.past(member, Learnt::Since(since), without)?;
        let alike = series.believed_hours_like(self.is_off(day));
        if series.believed_hours() < SHIFT_DAYS * 24 || alike < 24 || series.level() < SPARSE_BELOW {
            return None;
        }
        Some(Fit::new(&series, self.profile(member), &self.dispersions).of_days(Learnt::Since(since)))
    }
}
