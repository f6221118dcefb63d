//! What a fit says of an hour, layer by layer: the numbers that it was made of, worked out again.
//!
//! For those who explain. Nothing is judged by these numbers, so a test holds them against the mean and the spread that
//! are.

use super::{DAY_TYPE_HOURS, Fit, INFLATION, around, evidence, parents};
use crate::baseline::SLOTS;
use crate::baseline::calendar::slot;
use crate::baseline::dispersion::{Dispersions, band};
use crate::baseline::layers::{Drawn, HourLayers, LayerKind, Pile, Spread};
use crate::baseline::series::{LENT_CALLS, LENT_HOURS, Profile, Series, SlotSums};
use crate::stats::{DispersionEvidence, DispersionPrior, DrawnAlpha};

impl Fit {
    /// The layers of an hour of the week, from the past that a fit is made of; `used` is what that fit has become on
    /// the day, and by what.
    pub(in crate::baseline) fn layers(
        series: &Series,
        profile: &Profile,
        dispersions: &Dispersions,
        (by, used): (LayerKind, &Self),
        week_hour: u8,
    ) -> HourLayers {
        let (fit, weights) = Self::robust(series, profile, dispersions);
        let sums = series.sums(Some(&weights), &fit.week);
        let mut pile = fit.pile(&sums, profile, week_hour);
        if matches!(by, LayerKind::NewLevel | LayerKind::OtherDays) || !series.levels.is_flat() {
            pile.lay(by, None, used.mean(week_hour));
        }
        let spread = used.spread(series, &weights, dispersions, week_hour, &fit);
        HourLayers { layers: pile.layers, spread }
    }

    fn pile(&self, sums: &SlotSums, profile: &Profile, week_hour: u8) -> Pile {
        let slot = slot(week_hour);
        let level = sums.level();
        let (calls, hours) = (sums.calls.iter().sum::<f64>(), sums.hours.iter().sum::<f64>());
        let day_type = day_type(sums, profile, level, slot);
        let parent = parents(sums, profile)[slot];
        let own = sums.calls[slot] / sums.hours[slot].max(f64::MIN_POSITIVE);
        // What stands behind a slot is its own hours and what its group's shape counts for.
        let lent = self.samples[slot] - sums.hours[slot];
        let mut pile = Pile::new();
        let own_level = Drawn::by_worth((calls / hours.max(1e-9), hours), (LENT_CALLS / LENT_HOURS, LENT_HOURS));
        pile.lay(LayerKind::Level, Some(own_level), level);
        pile.lay(LayerKind::DayType, Some(day_type), day_type.value());
        pile.lay(LayerKind::Shape, None, parent);
        let hour = Drawn::by_worth((own, sums.hours[slot]), (parent, lent));
        pile.lay(LayerKind::Hour, Some(hour), self.means[slot]);
        if self.week.is_told() {
            pile.lay(LayerKind::DayOfWeek, None, self.mean(week_hour));
        }
        pile
    }

    /// How far an hour may stray. `learnt` is the fit before its level was changed.
    fn spread(
        &self,
        series: &Series,
        weights: &[f64],
        dispersions: &Dispersions,
        week_hour: u8,
        learnt: &Self,
    ) -> Spread {
        let mean = self.mean(week_hour);
        let bands = learnt.evidence_by_mean(series, weights);
        let all = evidence::of_all(&bands);
        let prior = dispersions.by_width[0].prior(learnt.level);
        let alike = bands.get(band(mean)).copied().flatten();
        let entity = drawn(&all, prior);
        let around = around(DrawnAlpha::limited(&all, &prior).alpha(0.0), 0);
        let of_hours =
            alike.map_or_else(|| DrawnAlpha::limited(&all, &prior), |alike| DrawnAlpha::limited(&alike, &around));
        let clumps = self.by_slot.as_ref().and_then(|_| learnt.slot_clumps(series, weights));
        let at_that_time = clumps.map(|clumps| clumps.of(slot(week_hour)));
        let alpha = self.alpha_of(week_hour);
        let is_certain = at_that_time.is_some() || self.beyond_doubt.is_some();
        Spread {
            entity,
            alike: alike.map(|alike| drawn(&alike, around)),
            at_that_time: at_that_time.map(|(evidence, prior)| drawn(&evidence, prior)),
            beyond_doubt: self.beyond_doubt,
            uncertainty: if is_certain { 0.0 } else { INFLATION / of_hours.worth().sqrt() },
            alpha,
            hour: (1.0 / mean + alpha) / self.samples[slot(week_hour)],
            level: 1.0 / (self.total + 1.0),
        }
    }
}

/// The level of weekdays or of weekends, as [`parents`] has it.
fn day_type(sums: &SlotSums, profile: &Profile, level: f64, slot: usize) -> Drawn {
    let slots = if slot < 24 { 0..24 } else { 24..SLOTS };
    let sum = |values: &[f64; SLOTS]| values[slots.clone()].iter().sum::<f64>();
    let (calls, hours, usual) = (sum(&sums.calls), sum(&sums.hours), sum(&profile.shape) / 24.0);
    Drawn::by_worth((calls / hours.max(1e-9), hours), (level * usual, DAY_TYPE_HOURS))
}

fn drawn(evidence: &DispersionEvidence, prior: DispersionPrior) -> Drawn {
    let DrawnAlpha { own, information, lent, belief } = DrawnAlpha::limited(evidence, &prior);
    Drawn::by_worth((own, information), (lent, belief))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::baseline::{Calendar, Expectation, FamilyBaseline, FamilyHistory, Feed, HistoryHour, Window};
    use crate::rollup::{EntityKey, Family};
    use crate::stats::MIN_ALPHA;

    /// Thirty entities with levels, rhythms and bursts of their own; the first ten at ten times their level on the last
    /// days. If levels drift, the others' grow by so much a day.
    fn history(days: u16, drift: f64) -> FamilyHistory {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
        let mut entity = |number: u16| {
            let hours = (0..days * 24 + 24).filter_map(|hour| {
                let usual = f64::from(number + 1) * (1.0 + 0.6 * (f64::from(hour % 24) / 4.0).sin());
                let usual = if hour / 24 % 7 > 4 { usual / 2.0 } else { usual };
                let usual = if number < 10 { usual } else { usual * (drift * f64::from(hour / 24)).exp() };
                let usual = if number < 10 && hour / 24 + 3 >= days { 10.0 * usual } else { usual };
                let burst = if random.random_range(0..2000) == 0 { 40.0 } else { 1.0 };
                let calls = (usual * burst * random.random_range(0.2..1.8)).round() as u32;
                (calls > 0).then_some(HistoryHour { hour, calls, errors: 0, peak: calls })
            });
            (EntityKey::new(["1", &format!("10.0.0.{number:03}")]), hours.collect())
        };
        FamilyHistory::from_entities(Family::SourceIp, (0..30).map(&mut entity).collect::<Vec<_>>())
    }

    /// Compares every hour's layers with its fit; gives how many had a new level, and how many had drifted.
    fn compare(days: u16, drift: f64) -> (usize, usize) {
        let (history, calendar) = (history(days, drift), Calendar::new(chrono_tz::UTC));
        let window = Window::new("2026-02-02".parse().unwrap(), days.into(), |_| true);
        let feed = Feed::judge(&history, &window, &calendar);
        let baseline = FamilyBaseline::learn(&history, &window, &calendar, &feed);
        let (mut moved, mut drifted) = (0, 0);
        for (member, hour) in (0..history.len()).flat_map(|member| (0..24).map(move |hour| (member, hour))) {
            let expectation = baseline.expect(member, days.into());
            let Expectation::Seasonal { fits, .. } = &expectation else { continue };
            moved += usize::from(fits.len() > 1);
            for fit in fits {
                let week_hour = baseline.week_hours(days.into()..usize::from(days) + 1)[usize::from(hour)];
                let spread = fit.moments(&[week_hour], 0).spread();
                let mean = fit.expected(&[week_hour], 0).unwrap().mean();
                let found = baseline.hour_layers(member, days.into(), fit, hour).unwrap();
                drifted += usize::from(found.layers.iter().any(|layer| layer.kind == LayerKind::Drift));
                let near = |found: f64, wanted: f64| (found / wanted - 1.0).abs() < 1e-9;
                let product: f64 = found.layers.iter().map(|layer| layer.factor).product();
                assert!(near(product, mean), "{member} {hour}: {product} {mean}");
                for drawn in found.layers.iter().filter(|layer| layer.kind != LayerKind::Level) {
                    let value = drawn.drawn.map_or(drawn.calls, |drawn| drawn.value());
                    assert!(near(value, drawn.calls), "{member} {hour}: {drawn:?}");
                }
                assert!(near(found.spread.total(), spread), "{member} {hour}: {:?} {spread}", found.spread);
                let alike = found.spread.at_that_time.or(found.spread.alike).unwrap_or(found.spread.entity);
                let of_alpha = alike.value().max(MIN_ALPHA);
                assert!(near(of_alpha + found.spread.uncertainty, found.spread.alpha), "{:?}", found.spread);
            }
        }
        (moved, drifted)
    }

    #[test]
    fn layers_and_spread_come_to_what_the_detector_uses() {
        assert!(compare(28, 0.0).0 > 24, "too few new levels");
        // Long enough for days of the week.
        assert!(compare(70, 0.0).0 > 24, "too few new levels");
        let (_, drifted) = compare(28, 0.02);
        assert!(drifted > 24, "{drifted} drifted");
    }
}
