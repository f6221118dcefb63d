//! Whether a family's past windows were as unlikely as they claimed, and what the next one's claim is worth in that light.
//!
//! Days of the last week are foretold from the days before and after that week, for a sample of the family. Where counts clump in a
//! way that no negative binomial knows, rare windows were less rare than promised, and the family's tails are stretched; where they
//! were rarer, they are drawn in. A family that had few windows keeps the model's own tails. Entity-days that would have been a
//! discovery teach nothing, so that a week of attacks does not hide the next.

use crate::baseline::dispersion::WIDTHS;
use crate::baseline::family::{DayWindow, Expectation, FamilyBaseline};
use crate::baseline::seasonal::{Fit, WHOLE_DAY};
use crate::stats::{TailCalibration, benjamini_hochberg};

/// The share of discoveries among entity-days that may be false ones.
const FALSE_DISCOVERY_RATE: f64 = 0.05;
/// Standard deviations from the mean within which a count is not in the tail.
const SURELY_USUAL: f64 = 1.0;

/// One of the two ways to be odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    Upper,
    Lower,
}

/// Sizes of entities that are told apart, powers of eight of their calls an hour: busy entities clump unlike quiet ones.
const SIZES: usize = 4;
/// Windows' worth of the whole family in the record of entities of a size.
const BORROWED: f64 = 1000.0;

/// The tails of a family's windows, by size of the entity and by width.
#[derive(Debug, Clone)]
pub(super) struct Tails {
    by_size: [Record; SIZES],
}

/// By width the upper and the lower tail.
type Record = [[TailCalibration; 2]; WHOLE_DAY + 1];

fn size(level: f64) -> usize {
    ((level.max(1.0).log2() / 3.0) as usize).min(SIZES - 1)
}

/// What became of an entity's windows on one day: width, tail, and `ln P` without the count itself and with it.
#[derive(Debug, Default)]
struct PastDay {
    size: usize,
    windows: [usize; WHOLE_DAY + 1],
    odd: Vec<(usize, Tail, f64, f64)>,
}

impl Tails {
    /// The model's own.
    pub(super) fn unknown() -> Self {
        Self { by_size: [[[TailCalibration::lasting(); 2]; WHOLE_DAY + 1]; SIZES] }
    }

    /// Learns from the last days of the window.
    pub(super) fn learn(baseline: &FamilyBaseline<'_>) -> Self {
        let mut tails = Self::unknown();
        let days = baseline.replayed().ask(|member, day, expected| match expected {
            Expectation::Seasonal { fits, .. } if fits.len() == 1 => Some(past_day(baseline, member, day, &fits[0])),
            _ => None,
        });
        let ln_p: Vec<f64> = days.iter().map(PastDay::ln_p).collect();
        let Ok(found) = benjamini_hochberg(&ln_p, ln_p.len(), FALSE_DISCOVERY_RATE) else { return tails };
        let mut family = tails.by_size[0];
        for (day, _) in days.iter().zip(found.rejected).filter(|(_, rejected)| !rejected) {
            day.teach(&mut family);
            day.teach(&mut tails.by_size[day.size]);
        }
        let own = tails.by_size.iter_mut().flat_map(|record| record.as_flattened_mut());
        for (own, family) in own.zip(family.as_flattened().iter().cycle()) {
            *own = own.and(&family.worth(BORROWED));
        }
        tails
    }

    /// What a window's `ln p` is worth; wider ones than a day are taken for days.
    pub(super) fn corrected(&self, level: f64, width: usize, tail: Tail, ln_p: f64) -> f64 {
        let record = &self.by_size[size(level)][width.min(WHOLE_DAY)][tail as usize];
        record.corrected_within_reach(ln_p)
    }
}

impl PastDay {
    fn teach(&self, record: &mut Record) {
        for (width, tails) in record.iter_mut().enumerate() {
            for (tail, record) in [Tail::Upper, Tail::Lower].into_iter().zip(tails) {
                let odd = self.odd.iter().filter(|odd| odd.0 == width && odd.1 == tail);
                record.add_usual(self.windows[width] - odd.clone().count());
                odd.for_each(|&(_, _, from, to)| record.add(from, to));
            }
        }
    }

    /// `ln p` of the day by its oddest window.
    fn ln_p(&self) -> f64 {
        let smallest = self.odd.iter().map(|odd| odd.3).fold(0.0, f64::min);
        (smallest + (self.windows.iter().sum::<usize>() as f64).max(1.0).ln()).min(0.0)
    }
}

/// The windows of a day, side by side; those with hours that are not believed are left out.
fn past_day(baseline: &FamilyBaseline<'_>, member: usize, day: usize, fit: &Fit) -> PastDay {
    let (calls, alive) = (baseline.calls_of(member, day), baseline.alive(member, day..day + 1));
    let week_hours = baseline.week_hours(day..day + 1);
    let mut past = PastDay { size: size(fit.level()), ..PastDay::default() };
    for (width, &length) in WIDTHS.iter().enumerate().take(WHOLE_DAY + 1) {
        for first in (0..24).step_by(length).filter(|&first| !alive[first..first + length].contains(&false)) {
            let window = DayWindow { member, day, first, hours: &week_hours[first..first + length], width };
            let count = calls[first..first + length].iter().map(|&calls| u64::from(calls)).sum();
            past.windows[width] += 1;
            past.note(baseline, fit, window, count);
        }
    }
    past
}

impl PastDay {
    fn note(&mut self, baseline: &FamilyBaseline<'_>, fit: &Fit, window: DayWindow<'_>, count: u64) {
        let Some(expected) = fit.expected(window.hours, window.width) else { return };
        let apart = (count as f64 - expected.mean()) / expected.variance().sqrt();
        if apart > SURELY_USUAL {
            let ln_upper = |count| baseline.ln_upper_of_past(fit, window, count);
            self.odd.push((window.width, Tail::Upper, ln_upper(count + 1), ln_upper(count)));
        } else if apart < -SURELY_USUAL || count == 0 {
            let ln_lower = |count| baseline.ln_lower_of_past(fit, window, count);
            let without = count.checked_sub(1).map_or(f64::NEG_INFINITY, ln_lower);
            self.odd.push((window.width, Tail::Lower, without, ln_lower(count)));
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_distr::{Distribution, Gamma, Poisson, StandardNormal};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::baseline::{Calendar, FamilyHistory, Feed, HistoryHour, Window};
    use crate::rollup::{EntityKey, Family};

    const DAYS_BEFORE: usize = 28;

    /// What a family of sixty entities with twenty calls an hour teaches; `mixing` is the factor of an hour of an entity.
    fn learnt(mixing: impl Fn(usize, usize, &mut Xoshiro256PlusPlus) -> f64) -> Tails {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
        let mut entity = |number: usize| {
            let hours = (0..=DAYS_BEFORE * 24).map(|hour| {
                let mean = 20.0 * mixing(number, hour, &mut random);
                let calls: f64 = Poisson::new(mean.max(1e-9)).unwrap().sample(&mut random);
                HistoryHour { hour: hour as u16, calls: calls as u32, errors: 0, peak: 0 }
            });
            (EntityKey::new(["1", &format!("10.0.0.{number:03}")]), hours.filter(|hour| hour.calls > 0).collect())
        };
        let history = FamilyHistory::from_entities(Family::SourceIp, (0..60).map(&mut entity).collect::<Vec<_>>());
        let window = Window::new("2026-02-02".parse().unwrap(), DAYS_BEFORE, |_| true);
        let calendar = Calendar::new(chrono_tz::UTC);
        let feed = Feed::judge(&history, &window, &calendar);
        FamilyBaseline::learn(&history, &window, &calendar, &feed).tails().clone()
    }

    fn clumps(random: &mut Xoshiro256PlusPlus) -> f64 {
        Gamma::new(4.0, 0.25).unwrap().sample(random)
    }

    /// How many times what it claims an hour of one in ten thousand is worth.
    fn stretched(tails: &Tails, tail: Tail) -> f64 {
        1e4 * tails.corrected(20.0, 0, tail, 1e-4_f64.ln()).exp()
    }

    #[test]
    fn a_short_history_keeps_the_models_own_tails() {
        assert!((stretched(&Tails::unknown(), Tail::Upper) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn tails_that_are_the_models_own_are_left_alone_and_heavy_ones_stretched() {
        let own = stretched(&learnt(|_, _, random| clumps(random)), Tail::Upper);
        assert!((0.5..2.0).contains(&own), "{own}");
        let heavy = learnt(|_, _, random| {
            let normal: f64 = StandardNormal.sample(random);
            (0.6 * normal - 0.18).exp()
        });
        let stretch = stretched(&heavy, Tail::Upper);
        assert!(stretch > 2.5, "{stretch}");
    }

    #[test]
    fn a_week_of_attacks_does_not_hide_the_next() {
        let attacked = |number: usize, hour: usize| number.is_multiple_of(6) && hour > 22 * 24 && hour % 24 < 3;
        let quiet = stretched(&learnt(|_, _, random| clumps(random)), Tail::Upper);
        let loud = learnt(|number, hour, random| clumps(random) * if attacked(number, hour) { 20.0 } else { 1.0 });
        let loud = stretched(&loud, Tail::Upper);
        assert!(loud < 2.0 * quiet, "{loud} {quiet}");
    }
}
