//! The model of entities that come and go, and of those that were never seen: how likely they are to show up, and with how much.
//!
//! Such entities make their calls in clumps, so no model of single hours is honest about them. A day is judged as a whole:
//! whether the entity is active at all, and the size of the day among the active days of entities like it, taken as log-normal.

use crate::baseline::layers::Drawn;
use crate::stats::{Effect, LogNormalPredictive};

/// An entity with fewer calls an hour than this comes and goes.
pub const SPARSE_BELOW: f64 = 0.25;
/// Days after which an entity is no longer new.
pub const NEW_DAYS: usize = 7;

/// The sizes of active days, by how active their entities were.
#[derive(Debug, Default)]
pub struct ActiveDays {
    by_activity: [Vec<u64>; BANDS],
    first_days: Vec<u64>,
    newcomers: f64,
}

/// Bands of activity: powers of two of the number of active days.
const BANDS: usize = 6;

fn band(active_days: usize) -> usize {
    (active_days.max(1).ilog2() as usize).min(BANDS - 1)
}

/// What is expected of the active days of each kind of entity.
#[derive(Debug)]
pub struct DaySizes {
    by_activity: [Option<LogNormalPredictive>; BANDS],
    first_days: Option<LogNormalPredictive>,
    /// Entities that are to be expected on a day that were never seen before.
    newcomers: f64,
}

impl ActiveDays {
    /// Adds the active days of an entity, sparse or not.
    pub fn add(&mut self, totals: &[u64]) {
        self.by_activity[band(totals.len())].extend_from_slice(totals);
    }

    /// Adds the days of an entity's first week.
    pub fn add_first_week(&mut self, totals: &[u64]) {
        self.newcomers += 1.0;
        self.first_days.extend_from_slice(totals);
    }

    /// Fits the sizes; a band with too few days borrows from all, and so does a family with too few newcomers. Of the family so many times
    /// what was added is known, on so many days on which newcomers could be told.
    ///
    /// ```text
    /// newcomers a day = (times newcomers + 0.5) / (days + 1)
    /// ```
    pub fn fit(self, times: f64, days: usize) -> DaySizes {
        let all: Vec<u64> = self.by_activity.concat();
        let overall = LogNormalPredictive::fit(&all);
        let by_activity = self.by_activity.map(|totals| LogNormalPredictive::fit(&totals).or(overall));
        let first_days = LogNormalPredictive::fit(&self.first_days).or(overall);
        DaySizes { by_activity, first_days, newcomers: (times * self.newcomers + 0.5) / (days as f64 + 1.0) }
    }
}

impl DaySizes {
    /// `ln P(a day of an entity that comes and goes holds at least `total` calls)`; `totals` are those of its own active days,
    /// and `effect` is what they and its parent tell; `active` is the chance that it is active at all. `None` when there is nothing to compare with. An entity with enough
    /// active days is compared with itself.
    ///
    /// ```text
    /// P = P(active) * P(size of an active day >= total)
    /// ```
    pub fn ln_upper(&self, totals: &[u64], effect: Effect, active: f64, total: u64) -> Option<f64> {
        let sizes = self.sizes(totals, effect)?;
        Some(active.min(1.0).ln() + sizes.ln_upper(total))
    }

    /// The size of a usual active day of such an entity.
    pub fn usual(&self, totals: &[u64], effect: Effect) -> Option<f64> {
        self.sizes(totals, effect).map(|sizes| sizes.median())
    }

    /// The same, with what it comes of: the geometric mean of the entity's own active days, all of it or nothing, and that of such
    /// entities, its parent's considered.
    pub fn drawn(&self, totals: &[u64], effect: Effect) -> Drawn {
        let logs = totals.iter().map(|&total| (total as f64).ln_1p()).sum::<f64>();
        let own = (!totals.is_empty()).then(|| (logs / totals.len() as f64).exp_m1());
        let is_enough = LogNormalPredictive::fit(totals).is_some();
        let lent = self.lent(totals, effect).map(|sizes| sizes.median());
        Drawn { own, own_weight: f64::from(u8::from(is_enough)), lent }
    }

    fn sizes(&self, totals: &[u64], effect: Effect) -> Option<LogNormalPredictive> {
        LogNormalPredictive::fit(totals).or_else(|| self.lent(totals, effect))
    }

    fn lent(&self, totals: &[u64], effect: Effect) -> Option<LogNormalPredictive> {
        self.by_activity[band(totals.len())].map(|sizes| sizes.informed(effect))
    }

    /// `ln P(a day of a new entity holds at least `total` calls)`; on its first day, where newcomers are rare, beside how rare they are.
    ///
    /// ```text
    /// P = min(1, newcomers a day) P(size of a day in the first week >= total)   on the first day,   P(size >= total) on others
    /// ```
    pub fn ln_upper_new(&self, effect: Effect, total: u64, is_first_day: bool) -> Option<f64> {
        let ln_rare = if is_first_day { self.newcomers.min(1.0).ln() } else { 0.0 };
        self.first_days.map(|sizes| ln_rare + sizes.informed(effect).ln_upper(total))
    }

    /// Entities that are to be expected on a day that were never seen before.
    pub fn newcomers(&self) -> f64 {
        self.newcomers
    }

    /// The size of a usual day in an entity's first week.
    pub fn usual_new(&self, effect: Effect) -> Option<f64> {
        self.first_days.map(|sizes| sizes.informed(effect).median())
    }

    /// The size of a day in an entity's first week.
    pub(super) fn of_new(&self) -> Option<LogNormalPredictive> {
        self.first_days
    }

    /// The size of a day of entities with so many active days.
    pub(super) fn of_like(&self, active_days: usize) -> Option<LogNormalPredictive> {
        self.by_activity[band(active_days)]
    }
}
