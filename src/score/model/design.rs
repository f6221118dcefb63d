//! Which buckets of a series are alike: the seasonal design, laid out before anything is learnt.
//!
//! A design knows times, never counts.

use crate::stats::VarianceForm;
use crate::stats::log_linear::{MAX_COLUMNS, Row};

/// Harmonics of a long season.
const HARMONICS: usize = 3;

/// Buckets that share a factor on the level.
#[derive(Debug, Clone)]
pub struct Grouping {
    /// The slot of every bucket.
    pub slot_of: Vec<u16>,
    /// How many slots there are.
    pub slots: usize,
}

impl Grouping {
    /// Groups `buckets` buckets by a function of their number.
    pub fn new(buckets: usize, slots: usize, slot_of: impl Fn(usize) -> usize) -> Self {
        let slot_of = (0..buckets).map(|bucket| slot_of(bucket).min(slots - 1) as u16).collect();
        Self { slot_of, slots }
    }
}

/// What the mean of a bucket may depend on.
#[derive(Debug, Clone)]
pub enum Design {
    /// Factors of slots, one after the other: the first coarse, later ones finer. None: a constant level.
    Slots(Vec<Grouping>),
    /// A trend and harmonics of a season of so many buckets.
    Harmonics(f64),
}

impl Design {
    /// The form of variance that is believed without evidence: rates of activity vary in proportion, hour by hour; cases of
    /// a long season come in clumps.
    pub(super) fn usual_form(&self) -> VarianceForm {
        if self.varies_in_proportion() { VarianceForm::Quadratic } else { VarianceForm::Linear }
    }

    /// Whether counts are those of a rate that varies, and not of cases that come in clumps.
    pub(super) fn varies_in_proportion(&self) -> bool {
        matches!(self, Self::Slots(_))
    }

    /// The predictors of a bucket: level, trend in seasons, then pairs of harmonics.
    pub(super) fn row(period: f64, bucket: usize) -> Row {
        let mut row = [0.0; MAX_COLUMNS];
        let seasons = bucket as f64 / period;
        (row[0], row[1]) = (1.0, seasons);
        for harmonic in 1..=HARMONICS {
            let angle = std::f64::consts::TAU * harmonic as f64 * seasons.fract();
            (row[2 * harmonic], row[2 * harmonic + 1]) = (angle.sin(), angle.cos());
        }
        row
    }
}
