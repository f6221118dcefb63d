//! How much more than Poisson the entities of a family vary, learnt from all of them together.
//!
//! What an entity's own past is worth beside that is said in [`crate::stats`]; here is only what the others lend it.

use crate::stats::{DispersionEvidence, DispersionPrior, group_dispersion};

/// Widths of the windows that are told apart, in hours: what clumps within hours need not clump within days.
pub const WIDTHS: [usize; 6] = [1, 3, 6, 24, 72, 168];

/// What a family's entities tell of dispersion, by the size of the entity: the prior of an entity's own alpha.
#[derive(Debug, Clone)]
pub struct Dispersions {
    pub(super) by_width: [WidthDispersions; WIDTHS.len()],
}

/// The dispersions of windows of one width.
#[derive(Debug, Clone)]
pub(super) struct WidthDispersions {
    by_size: Vec<DispersionPrior>,
}

/// Powers of two that sizes and means are told apart by.
pub(super) const BANDS: usize = 24;
/// The band of a mean of one call an hour.
const BAND_OF_ONE: i64 = 10;

/// `floor(log2(mean))` is the exponent with which a float is stored.
pub(super) fn band(mean: f64) -> usize {
    let exponent = (mean.max(1e-6).to_bits() >> 52) as i64 - 1023;
    (exponent + BAND_OF_ONE).clamp(0, BANDS as i64 - 1) as usize
}

/// What one entity contributes to [`Dispersions`].
#[derive(Debug, Clone)]
pub struct Testimony {
    pub(super) level: f64,
    pub(super) by_width: [DispersionEvidence; WIDTHS.len()],
}

impl Dispersions {
    /// Nothing known.
    pub fn unknown() -> Self {
        let nothing = || WidthDispersions { by_size: vec![DispersionPrior::USUAL; BANDS] };
        Self { by_width: std::array::from_fn(|_| nothing()) }
    }

    /// Learns from all entities, in their order.
    pub fn learn(entities: &[Testimony]) -> Self {
        Self { by_width: std::array::from_fn(|width| WidthDispersions::learn(entities, width)) }
    }
}

impl WidthDispersions {
    fn learn(entities: &[Testimony], width: usize) -> Self {
        fn member(entity: &Testimony, width: usize) -> (&DispersionEvidence, f64) {
            let hourly = entity.by_width[0].alpha().unwrap_or(0.0);
            (&entity.by_width[width], explained(hourly, width))
        }
        let overall =
            group_dispersion(entities.iter().map(|entity| member(entity, width))).unwrap_or(DispersionPrior::USUAL);
        let of_size = |size: usize| {
            let near = entities.iter().filter(|entity| band(entity.level).abs_diff(size) <= 1);
            group_dispersion(near.map(|entity| member(entity, width))).unwrap_or(overall)
        };
        Self { by_size: (0..BANDS).map(of_size).collect() }
    }

    pub(super) fn prior(&self, level: f64) -> DispersionPrior {
        self.by_size[band(level)]
    }
}

/// What the clumps within hours make of a wider window's alpha, if they are independent.
pub(super) fn explained(hourly: f64, width: usize) -> f64 {
    if width == 0 { 0.0 } else { hourly / WIDTHS[width] as f64 }
}
