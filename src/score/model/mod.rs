//! The model of one series: every bucket is foretold from those before it, then judged, then learnt from.
//!
//! The usual mean is a [`shape`] of level, season and trend; the recent level may have left it ([`track`]); counts vary
//! around both as a negative binomial. Counts by number of bucket go in, forecasts come out: no files, no calendars.

pub mod design;
mod forecast;
mod shape;
mod track;
mod vacancy;

pub use design::{Design, Grouping};
pub use forecast::Forecast;

use forecast::Record;
use shape::{Past, Shape};
use track::{Track, best, record, rivals};

use crate::stats::NegativeBinomial;

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
            record: Record::default(),
            forecasts,
        }
    }

    /// Learns the shape anew from what came before a bucket.
    fn refit(&mut self, bucket: usize) {
        let range = bucket.saturating_sub(self.plan.window)..bucket;
        let (counts, present) = (&self.counts[range.clone()], &self.present[range.clone()]);
        let past = Past { range: range.clone(), counts, present };
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
            let forecast = counts.ok().map(|counts| Forecast::new(counts, self.empty_share, &self.record));
            if let (Some(forecast), Some(count)) = (&forecast, value) {
                self.record.add(forecast, count);
            }
            self.forecasts[bucket] = forecast.filter(|_| judge);
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
