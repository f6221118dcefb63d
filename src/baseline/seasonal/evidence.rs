//! What an entity's past tells of its dispersion: squared deviations from the fitted means, by the width and the mean of windows.
//!
//! Windows of a width lie side by side and are made of narrower ones. An hour that was weighed down has that weight by itself, and
//! none but its cut count within wider windows. The estimate that comes of it is [`crate::stats::shrunk_alpha`].

use super::{Fit, WHOLE_DAY};
use crate::baseline::calendar::slot;
use crate::baseline::dispersion::{BANDS, WIDTHS, band};
use crate::baseline::series::Series;
use crate::baseline::{SLOTS, WEEK_HOURS};
use crate::stats::{AlikeBuckets, DispersionEvidence};

/// Evidence by the band of a window's mean.
pub(super) type Bands = [Option<DispersionEvidence>; BANDS];

/// The evidence of all bands.
pub(super) fn of_all(bands: &Bands) -> DispersionEvidence {
    bands.iter().flatten().fold(DispersionEvidence::new(), DispersionEvidence::and)
}

impl Fit {
    /// The evidence of single hours.
    pub(super) fn evidence_of_hours(&self, series: &Series, weights: &[f64]) -> DispersionEvidence {
        of_all(&self.evidence_by_mean(series, weights))
    }

    /// The evidence of single hours, by their means.
    pub(super) fn evidence_by_mean(&self, series: &Series, weights: &[f64]) -> Bands {
        let mut bands = [None; BANDS];
        for (mean, _, of_kind) in self.evidence_by_kind(series, weights) {
            let evidence: &mut DispersionEvidence = bands[band(mean)].get_or_insert_default();
            *evidence = evidence.and(&of_kind);
        }
        bands
    }

    /// The evidence of single hours, by the slot that they are in.
    pub(super) fn evidence_by_slot(&self, series: &Series, weights: &[f64]) -> [DispersionEvidence; SLOTS] {
        let mut slots = [DispersionEvidence::new(); SLOTS];
        for (_, week_hour, of_kind) in self.evidence_by_kind(series, weights) {
            let evidence = &mut slots[slot(week_hour)];
            *evidence = evidence.and(&of_kind);
        }
        slots
    }

    /// The evidence of single hours by their kind, with its mean and an hour of the week of it: hours of a kind have one mean, so that they are
    /// added up first.
    fn evidence_by_kind(
        &self,
        series: &Series,
        weights: &[f64],
    ) -> impl Iterator<Item = (f64, u8, DispersionEvidence)> {
        let mut kinds = vec![(AlikeBuckets::default(), f64::NAN, 0); self.kinds(series)];
        for (hour, (&count, &weight)) in series.counts.iter().zip(weights).enumerate() {
            let (buckets, mean, of) = &mut kinds[self.kind(series, hour)];
            if mean.is_nan() {
                (*mean, *of) = (self.past_mean(series, hour), series.week_hours[hour]);
            }
            buckets.add(f64::from(count) - *mean, weight);
        }
        kinds.into_iter().filter(|(buckets, ..)| buckets.weight() > 0.0).map(|(buckets, mean, week_hour)| {
            let mut evidence = DispersionEvidence::new();
            // Out of range are only counts beyond 1e15, which do not fit the type.
            let _ = evidence.add_alike(&buckets, mean, self.samples[slot(week_hour)].max(LEAST_SAMPLES));
            (mean, week_hour, evidence)
        })
    }
}

/// A mean that rests on fewer samples tells nothing of how counts vary around it.
const LEAST_SAMPLES: f64 = 1.001;

/// A window of the past, or an hour of it.
#[derive(Clone, Copy)]
struct PastWindow {
    count: f64,
    mean: f64,
    /// The same at the level of the fit's means, and the level on its first day.
    base: f64,
    level: f64,
    /// The mean of its hours that were not paused.
    active_mean: f64,
    /// The fewest samples behind one of its hours' means.
    samples: f64,
    /// Whether all of it can be believed.
    believed: bool,
}

impl PastWindow {
    fn and(self, other: &Self) -> Self {
        Self {
            count: self.count + other.count,
            mean: self.mean + other.mean,
            base: self.base + other.base,
            level: self.level,
            active_mean: self.active_mean + other.active_mean,
            samples: self.samples.min(other.samples),
            believed: self.believed && other.believed,
        }
    }
}

/// An entity's past, hour by hour, beside what the fit expects of it.
pub(super) struct EntityPast {
    hours: Vec<PastWindow>,
    /// Days behind the means of whole days.
    days: f64,
}

impl EntityPast {
    /// Lays out some counts of the past.
    pub(super) fn new(fit: &Fit, series: &Series, counts: &[f64]) -> Self {
        let means: [f64; WEEK_HOURS] = std::array::from_fn(|hour| fit.mean(hour as u8));
        let samples: [f64; WEEK_HOURS] = std::array::from_fn(|hour| fit.samples[slot(hour as u8)]);
        let paused = fit.pauses.map(|pauses| fit.likely_paused(series, &pauses));
        let hour = |hour: usize| {
            let place = usize::from(series.week_hours[hour]);
            let (base, level) = (means[place], series.levels.on(hour / 24));
            let mean = base * level;
            let active_mean = if paused.as_ref().is_some_and(|paused| paused[hour]) { 0.0 } else { mean };
            PastWindow {
                count: counts[hour],
                mean,
                base,
                level,
                active_mean,
                samples: samples[place],
                believed: series.believed[hour],
            }
        };
        let hours = (0..counts.len()).map(hour).collect();
        Self { hours, days: fit.week.days() }
    }

    /// The evidence of each width beyond the hour.
    pub(super) fn wider(&self) -> Vec<(usize, Bands)> {
        let mut known: Vec<(usize, Vec<PastWindow>)> = Vec::with_capacity(WIDTHS.len());
        let mut found = Vec::with_capacity(WIDTHS.len());
        for (width, &hours) in WIDTHS.iter().enumerate().skip(1) {
            let (narrower, windows) = known
                .iter()
                .rev()
                .find(|(narrower, _)| hours % narrower == 0)
                .map_or((1, &self.hours), |(narrower, windows)| (*narrower, windows));
            let windows = widen(windows, hours / narrower);
            found.push((width, self.evidence(&windows, width)));
            known.push((hours, windows));
        }
        found
    }

    /// Within a day pauses are told apart from what is counted between them; wider windows are foretold by the level with which they begin.
    fn evidence(&self, windows: &[PastWindow], width: usize) -> Bands {
        let behind = if width >= WHOLE_DAY { self.days } else { f64::INFINITY };
        let mean =
            |window: &PastWindow| if width <= WHOLE_DAY { window.active_mean } else { window.base * window.level };
        let mut bands = [None; BANDS];
        for window in windows.iter().filter(|window| window.believed && mean(window) > 0.0) {
            let evidence: &mut DispersionEvidence = bands[band(mean(window))].get_or_insert_default();
            let samples = window.samples.min(behind).max(LEAST_SAMPLES);
            // Out of range are only counts beyond 1e15, which do not fit the type.
            let _ = evidence.add(window.count, mean(window), 1.0, samples);
        }
        bands
    }
}

/// Windows as wide as some narrower ones together; what is left at the end makes none.
fn widen(windows: &[PastWindow], times: usize) -> Vec<PastWindow> {
    let together = |windows: &[PastWindow]| windows[1..].iter().fold(windows[0], PastWindow::and);
    windows.chunks_exact(times).map(together).collect()
}
