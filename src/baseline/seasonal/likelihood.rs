//! What an entity's hours, as they were, say of two descriptions of them: pauses or clumps, much clumping or little.
//!
//! What is weighed down before anything is learnt may be the entity's way: with its bursts put aside, whoever works in sessions looks steady
//! between pauses, or among others that are steady. So nothing is put aside here; only that one attack, or one job, does not make all hours clump.

use super::Fit;
use crate::baseline::dispersion::WIDTHS;
use crate::baseline::series::Series;
use crate::stats::{DispersionEvidence, NegativeBinomial};

/// Hours of the day that may clump by themselves: those of a job and of what it leads to.
const HOURS_OF_A_JOB: usize = 2;
/// An entity is asked whether it clumps more than it was drawn to where its own estimate is so many times as large, and at least so large.
const MUCH_MORE: f64 = 4.0;
const MUCH: f64 = 1.0;
/// What is beyond doubt: so much of the log of a likelihood ratio, two standard errors.
const BEYOND_DOUBT: f64 = 2.0;

impl Fit {
    /// Whether pauses, with what the entity does between them, describe its hours better than the clumps of this fit do.
    ///
    /// ```text
    /// sum over hours [ln P(y | clumps) - ln P(y | pauses)] < 0
    /// P(y | pauses) = (1 - s) NB(y; between) + s [y = 0]
    /// ```
    /// with `s` the share of hours that are paused. Both have as many parameters but for that share.
    pub(super) fn is_outdone_by(&self, between: &Self, series: &Series) -> bool {
        let share = between.pauses.map_or(0.0, |pauses| pauses.share);
        let ratio = |hour: usize| {
            let active = between.ln_mass(series, hour, None) + (-share).ln_1p();
            let paused = if series.counts[hour] == 0 { (share + active.exp()).ln() } else { active };
            self.ln_mass(series, hour, None) - paused
        };
        (0..series.counts.len()).filter(|&hour| series.believed[hour]).map(ratio).sum::<f64>() < 0.0
    }

    /// Lets hours clump as much as they do beyond doubt, where this is far more than the group's members do that the entity was drawn to.
    ///
    /// ```text
    /// a = the least of own/4, own/2 and own for which  R(a) > 2 and R(a) > max R - 2,   R(a) = sum [ln P(y | a) - ln P(y | as drawn)]
    /// ```
    /// `R` without the day and the two hours of the day that say most. Source: the profile likelihood's lower bound, which holds where counts clump so much that an
    /// estimate's standard error says little.
    pub(super) fn clump_as_they_do(&mut self, series: &Series, evidence: &DispersionEvidence) {
        let own = evidence.alpha().unwrap_or(0.0);
        if own < MUCH || own < MUCH_MORE * self.alpha[0] {
            return;
        }
        let tried = [0.25, 0.5, 1.0].map(|part| {
            let ratio = |hour: usize| self.ln_mass(series, hour, Some(part * own)) - self.ln_mass(series, hour, None);
            (part * own, Ratios::of(series, ratio).without(1, HOURS_OF_A_JOB))
        });
        let best = tried.iter().map(|(_, ratio)| *ratio).fold(0.0, f64::max);
        let least = tried.into_iter().find(|(_, ratio)| *ratio > BEYOND_DOUBT && *ratio > best - BEYOND_DOUBT);
        if let Some((least, _)) = least {
            self.clump_at_least(least);
        }
    }

    fn clump_at_least(&mut self, alpha: f64) {
        for (width, &length) in WIDTHS.iter().enumerate() {
            let least = alpha / length as f64;
            self.alpha[width] = self.alpha[width].max(least);
            self.by_mean[width].iter_mut().flatten().for_each(|own| *own = own.max(least));
        }
        (self.by_slot, self.beyond_doubt) = (None, Some(alpha));
    }

    /// `ln P` of what an hour of the past held, by this alpha or the hour's own.
    fn ln_mass(&self, series: &Series, hour: usize, alpha: Option<f64>) -> f64 {
        let alpha = alpha.unwrap_or_else(|| self.alpha_of(series.week_hours[hour])).max(1e-6);
        let expected = NegativeBinomial::new(self.past_mean(series, hour), alpha.recip());
        expected.map_or(0.0, |expected| expected.ln_mass(u64::from(series.counts[hour])))
    }
}

/// By how much believed hours speak for one of two descriptions: logs of likelihood ratios, day by day.
struct Ratios(Vec<[f64; 24]>);

impl Ratios {
    fn of(series: &Series, ratio: impl Fn(usize) -> f64) -> Self {
        let hour = |hour: usize| if series.believed[hour] { ratio(hour) } else { 0.0 };
        let days = 0..series.counts.len() / 24;
        Self(days.map(|day| std::array::from_fn(|of_day| hour(day * 24 + of_day))).collect())
    }

    /// The sum of all without the days, and of the rest without the hours of the day, that say most for it.
    fn without(mut self, days: usize, hours: usize) -> f64 {
        let sum = |day: &[f64; 24]| day.iter().sum::<f64>();
        self.0.sort_by(|left, right| sum(left).total_cmp(&sum(right)));
        let left = &self.0[..self.0.len().saturating_sub(days)];
        let mut by_hour: [f64; 24] = std::array::from_fn(|hour| left.iter().map(|day| day[hour]).sum());
        by_hour.sort_by(f64::total_cmp);
        by_hour[..24 - hours].iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_distr::{Distribution, Gamma, LogNormal, Poisson};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::baseline::dispersion::Dispersions;
    use crate::baseline::series::ProfileSum;
    use crate::baseline::{Calendar, HistoryHour};

    /// Four weeks of somebody's hours, by day and hour of the day.
    fn past(mut calls: impl FnMut(usize, usize) -> u32) -> Series {
        let calendar = Calendar::new(chrono_tz::UTC);
        let monday: chrono::NaiveDate = "2026-01-05".parse().unwrap();
        let week_hours: Vec<u8> =
            (0..28).flat_map(|day| calendar.week_hours(monday + chrono::Days::new(day))).collect();
        let hours =
            (0..week_hours.len()).map(|hour| (hour, calls(hour / 24, hour % 24))).filter(|(_, calls)| *calls > 0);
        let hours: Vec<HistoryHour> =
            hours.map(|(hour, calls)| HistoryHour { hour: hour as u16, calls, errors: 0, peak: 1 }).collect();
        let mut series = Series::default();
        series.fill(&hours, &week_hours, &vec![true; week_hours.len()], 0);
        series
    }

    /// About ten calls in an hour of a service.
    fn ten(random: &mut Xoshiro256PlusPlus) -> u32 {
        let mean = Gamma::new(20.0, 0.5).unwrap().sample(random);
        Poisson::new(mean).unwrap().sample(random) as u32
    }

    /// Forty services with about ten calls in every hour.
    fn steady(random: &mut Xoshiro256PlusPlus) -> Dispersions {
        let profile = ProfileSum::default().profile();
        let all = (0..40).map(|_| Fit::testimony(&past(|_, _| ten(random)), &profile));
        Dispersions::learn(&all.collect::<Vec<_>>())
    }

    fn ln_p(past: &Series, dispersions: &Dispersions, hour: u8, calls: u64) -> f64 {
        Fit::new(past, &ProfileSum::default().profile(), dispersions).ln_upper(&[hour], 0, calls)
    }

    #[test]
    fn whoever_works_in_sessions_is_no_service_though_all_others_are() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(17);
        let others = steady(&mut random);
        let size = LogNormal::new(3.0, 1.5).unwrap();
        let sessions = past(|day, hour| {
            let works = day % 7 < 5 && (7..17).contains(&hour) && random.random_bool(0.3);
            if works { size.sample(&mut random) as u32 } else { 0 }
        });
        for hour in [7, 12, 16] {
            let ln_p = ln_p(&sessions, &others, hour, 33);
            assert!(ln_p > (1e-8_f64).ln(), "33 calls at {hour} o'clock: {ln_p}");
        }
    }

    #[test]
    fn a_job_of_one_hour_and_one_attack_leave_other_hours_steady() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(18);
        let others = steady(&mut random);
        let service = past(|day, hour| match (day, hour) {
            (_, 3) if day % 2 == 0 => 300,
            (9, 8..20) => 900,
            _ => ten(&mut random),
        });
        let ln_p = ln_p(&service, &others, 12, 60);
        assert!(ln_p < (1e-7_f64).ln(), "{ln_p}");
    }

    #[test]
    fn one_day_or_one_hour_of_the_day_decides_nothing() {
        let mut all = vec![[-0.1; 24]; 28];
        assert!(Ratios(all.clone()).without(1, 2) < 0.0);
        all[7] = [50.0; 24];
        all.iter_mut().for_each(|day| (day[3], day[4]) = (9.0, 9.0));
        assert!(Ratios(all.clone()).without(1, 2) < 0.0, "an attack, and a job");
        assert!(Ratios(all.clone()).without(0, 2) > 0.0 && Ratios(all.clone()).without(1, 1) > 0.0);
        all[8] = [50.0; 24];
        assert!(Ratios(all).without(1, 2) > 0.0, "its way");
    }
}
