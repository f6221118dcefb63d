//! The model of one series: every bucket is foretold from those before it, then judged, then learnt from.
//!
//! The usual mean is a [`shape`] of level, season and trend; the recent level may have left it ([`track`]); counts vary
//! around both as a negative binomial, or with a longer tail ([`log_tail`]). Counts by number of bucket go in, forecasts come out: no files, no calendars.

pub mod design;
mod forecast;
mod log_tail;
mod shape;
mod track;
mod vacancy;

pub use design::{Design, Grouping};
pub use forecast::Forecast;

use forecast::Record;
use log_tail::LogResiduals;
use shape::{PastCounts, Shape};
use track::{Track, best, record, rivals};

use crate::stats::{NegativeBinomial, ln_negative_binomial};

/// How a series is to be walked through.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the mean may depend on.
    pub design: Design,
    /// Buckets that are learnt from before the first is judged.
    pub warmup: usize,
    /// Buckets between two fits of the shape.
    pub refit_every: usize,
    /// The most buckets that a shape is learnt from.
    pub window: usize,
    /// So many odd buckets in a row are a new level, not an anomaly.
    pub readmit_after: usize,
}

/// Foretells every bucket from those before it; `None` in gaps and in the first buckets, which only teach.
pub fn walk(values: &[Option<u64>], plan: &Plan) -> Vec<Option<Forecast>> {
    let first = values.iter().position(Option::is_some).unwrap_or(values.len());
    let mut walker = Walker::new(values, plan);
    let judged_from = first + plan.warmup.max(MIN_HISTORY);
    // The record of the rival views begins before judging does, so that there is one to choose by.
    let foretold_from = first + (plan.warmup / 2).max(MIN_HISTORY);
    for bucket in foretold_from..values.len() {
        let every = if bucket < judged_from { LAZY * plan.refit_every } else { plan.refit_every };
        if (bucket - foretold_from).is_multiple_of(every) || bucket == judged_from {
            walker.refit(bucket);
        }
        walker.pass(bucket, bucket >= judged_from);
    }
    walker.forecasts
}

/// Fewest buckets that anything is foretold from.
const MIN_HISTORY: usize = 8;
/// While nothing is judged yet, the shape is learnt anew only every so many times that it would be.
const LAZY: usize = 4;

struct Walker<'a> {
    plan: &'a Plan,
    values: &'a [Option<u64>],
    counts: Vec<f64>,
    present: Vec<f64>,
    shape: Option<Shape>,
    tracks: Vec<Track>,
    empty_share: f64,
    residuals: LogResiduals,
    record: Record,
    forecasts: Vec<Option<Forecast>>,
}

impl<'a> Walker<'a> {
    fn new(values: &'a [Option<u64>], plan: &'a Plan) -> Self {
        let counts = values.iter().map(|value| value.unwrap_or(0) as f64).collect();
        let present = values.iter().map(|value| f64::from(u8::from(value.is_some()))).collect();
        let forecasts = vec![None; values.len()];
        Self {
            plan,
            values,
            counts,
            present,
            shape: None,
            tracks: rivals(plan.design.usual_form()),
            empty_share: 0.0,
            residuals: LogResiduals::default(),
            record: Record::default(),
            forecasts,
        }
    }

    /// Learns the shape anew from what came before a bucket.
    fn refit(&mut self, bucket: usize) {
        let range = bucket.saturating_sub(self.plan.window)..bucket;
        let (counts, present) = (&self.counts[range.clone()], &self.present[range.clone()]);
        let past = PastCounts { range: range.clone(), counts, present };
        let (shape, vacancy) = vacancy::learn(&self.plan.design, &past, self.shape.as_ref());
        for track in &mut self.tracks {
            track.replay(&shape, counts, &vacancy.telling, self.plan.readmit_after);
        }
        self.empty_share = vacancy.share;
        self.shape = Some(shape);
    }

    /// Foretells a bucket, then learns from it.
    fn pass(&mut self, bucket: usize, judge: bool) {
        let Some(shape) = &self.shape else { return };
        let usual = shape.mean(&self.plan.design, bucket);
        let unsure = shape.relative_variance(&self.plan.design, bucket);
        let value = self.values[bucket];
        if value.is_some() {
            let expected = best(&self.tracks).expect(usual, unsure);
            let counts = NegativeBinomial::new(expected.mean, expected.inverse_size.recip());
            // Cases of a long season come in clumps, and these are not log-normal.
            let tail = self.plan.design.varies_in_proportion().then(|| self.residuals.tail(expected.mean)).flatten();
            let forecast = counts.ok().map(|counts| Forecast::new(counts, tail, self.empty_share, &self.record));
            if let (Some(forecast), Some(count)) = (&forecast, value) {
                self.record.add(forecast, count);
            }
            self.forecasts[bucket] = forecast.filter(|_| judge);
            if value.is_some_and(|count| count > 0 || self.empty_share == 0.0) {
                let count = self.counts[bucket];
                let said = ln_negative_binomial(count, expected.mean, expected.inverse_size);
                self.residuals.learn(expected.mean, count, said);
            }
            record(&mut self.tracks, usual, unsure, self.counts[bucket]);
        }
        // Where vacancy is usual, an empty bucket says nothing about the level.
        let telling = value.is_some_and(|value| value > 0 || self.empty_share == 0.0);
        let count = telling.then(|| self.counts[bucket]);
        for track in &mut self.tracks {
            track.learn(usual, count, self.plan.readmit_after);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_distr::{Distribution, Poisson};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::score::season::{LocalTime, Season, Timeline, plan};

    fn hourly(buckets: usize) -> Plan {
        plan(&Timeline { start: 4 * 86_400, bucket: 3600, buckets }, Season::Week, None, &LocalTime::utc())
    }

    fn poisson(mean: f64, random: &mut Xoshiro256PlusPlus) -> u64 {
        Poisson::new(mean).unwrap().sample(random) as u64
    }

    /// Busy by day, quiet by night, half as busy at weekends; then changed.
    fn rhythm(hours: usize, change: impl Fn(usize, f64) -> f64) -> Vec<Option<u64>> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
        let usual = |hour: usize| {
            let day = if (8..18).contains(&(hour % 24)) { 60.0 } else { 6.0 };
            day * if hour / 24 % 7 >= 5 { 0.5 } else { 1.0 }
        };
        (0..hours).map(|hour| Some(poisson(change(hour, usual(hour)).max(1e-9), &mut random))).collect()
    }

    fn ln_p(forecast: Option<&Forecast>, count: u64) -> f64 {
        let forecast = forecast.unwrap();
        forecast.ln_upper(count).min(forecast.ln_lower(count))
    }

    #[test]
    fn the_season_is_learnt() {
        let forecasts = walk(&rhythm(5 * 168, |_, mean| mean), &hourly(5 * 168));
        let mean = |hour: usize| forecasts[hour].as_ref().unwrap().mean();
        let week = 4 * 168;
        for (hour, usual) in [(week + 12, 60.0), (week + 3, 6.0), (week + 5 * 24 + 12, 30.0), (week + 6 * 24 + 3, 3.0)]
        {
            assert!((mean(hour) / usual - 1.0).abs() < 0.25, "{hour}: {} for {usual}", mean(hour));
        }
    }

    #[test]
    fn what_comes_later_changes_nothing() {
        let whole = rhythm(600, |_, mean| mean);
        let forecasts = walk(&whole, &hourly(600));
        assert_eq!(walk(&whole[..400], &hourly(400)), forecasts[..400]);
        let mut changed = whole.clone();
        changed[450] = Some(10_000);
        assert_eq!(walk(&changed, &hourly(600))[..=450], forecasts[..=450]);
    }

    #[test]
    fn an_earlier_burst_does_not_hide_a_later_one() {
        let clean = rhythm(4 * 168, |_, mean| mean);
        let mut dirty = clean.clone();
        (200..204).for_each(|hour| dirty[hour] = Some(900));
        let [clean, dirty] = [clean, dirty].map(|values| ln_p(walk(&values, &hourly(values.len()))[540].as_ref(), 240));
        assert!(clean < -20.0 && dirty < 0.7 * clean, "{clean} {dirty}");
    }

    #[test]
    fn gaps_are_neither_judged_nor_learnt_from() {
        let mut values = rhythm(4 * 168, |_, mean| mean);
        (350..420).for_each(|hour| values[hour] = None);
        let forecasts = walk(&values, &hourly(values.len()));
        assert!((350..420).all(|hour| forecasts[hour].is_none()));
        let after = forecasts[3 * 168 + 12].as_ref().unwrap().mean();
        assert!((45.0..75.0).contains(&after), "{after}");
    }

    #[test]
    fn a_lasting_change_is_odd_at_first_and_usual_after_some_days() {
        let values = rhythm(5 * 168, |hour, mean| if hour >= 464 { 3.0 * mean } else { mean });
        let forecasts = walk(&values, &hourly(values.len()));
        let odd = |hours: std::ops::Range<usize>| {
            hours.filter(|&hour| ln_p(forecasts[hour].as_ref(), values[hour].unwrap()) < 1e-4_f64.ln()).count()
        };
        assert!(odd(464..474) >= 6, "{}", odd(464..474));
        assert!(odd(570..840) <= 5, "{}", odd(570..840));
    }

    #[test]
    fn a_series_that_is_often_off_is_not_odd_when_it_is_off() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(8);
        let mut values = rhythm(4 * 168, |_, mean| mean + 20.0);
        for value in &mut values {
            *value = value.filter(|_| random.random::<f64>() > 0.1).or(Some(0));
        }
        let forecasts = walk(&values, &hourly(values.len()));
        let off = forecasts[3 * 168 + 12].as_ref().unwrap();
        assert!((0.05..0.2).contains(&off.ln_lower(0).exp()), "{}", off.ln_lower(0).exp());
        assert!(off.ln_upper(200) < -15.0 && (55.0..85.0).contains(&off.mean()), "{}", off.mean());
        // One outage in a series that is never off stays odd.
        let steady = rhythm(4 * 168, |hour, mean| if (300..306).contains(&hour) { 0.0 } else { mean + 20.0 });
        assert!(ln_p(walk(&steady, &hourly(steady.len()))[3 * 168 + 12].as_ref(), 0) < -15.0);
    }

    /// What looks odd every week is a habit: it must not be kept out of the shape for ever because it looks odd.
    #[test]
    fn a_weekly_habit_is_learnt_however_odd_it_is() {
        let party = |hour: usize| (5 * 24 + 1..5 * 24 + 4).contains(&(hour % 168));
        let values = rhythm(8 * 168, |hour, mean| if party(hour) { 4000.0 } else { 100.0 * mean });
        let forecasts = walk(&values, &hourly(values.len()));
        let odd = |hour: &usize| ln_p(forecasts[*hour].as_ref(), values[*hour].unwrap()) < 1e-4_f64.ln();
        let late: Vec<usize> = (5 * 168..8 * 168).filter(odd).collect();
        assert!(late.len() <= 2, "{late:?}");
    }

    #[test]
    fn closed_at_night_is_a_season_and_not_vacancy() {
        let values = rhythm(4 * 168, |_, mean| if mean > 20.0 { mean } else { 0.0 });
        let forecasts = walk(&values, &hourly(values.len()));
        assert!(ln_p(forecasts[3 * 168 + 12].as_ref(), 0) < -15.0, "closed at noon");
        assert!(ln_p(forecasts[3 * 168 + 3].as_ref(), 40) < -15.0, "busy at night");
    }

    #[test]
    fn extremes_are_survived() {
        let series =
            [vec![Some(0); 300], vec![Some(1_000_000_000_000_000); 300], vec![None; 300], vec![Some(7)], Vec::new()];
        for values in series {
            let forecasts = walk(&values, &hourly(values.len()));
            assert_eq!(forecasts.len(), values.len());
            for forecast in forecasts.iter().flatten() {
                assert!(
                    forecast.mean().is_finite()
                        && forecast.ln_upper(3) <= 0.0
                        && forecast.interval(0.99).0 <= forecast.interval(0.99).1
                );
            }
        }
    }
}
