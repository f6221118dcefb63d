//! How much more than Poisson the entities of a family vary, learnt from all of them together.
//!
//! What an entity's own past is worth beside that is said in [`crate::stats`]; here is only what the others lend it.

use crate::stats::{DispersionEvidence, DispersionPrior, group_alpha};

/// Widths of the windows that are told apart, in hours: what clumps within hours need not clump within days.
pub const WIDTHS: [usize; 2] = [1, 3];
/// Alpha where no group can tell.
pub(super) const USUAL_ALPHA: f64 = 0.3;

/// What a family's entities tell of dispersion: by the size of the entity, and by the mean of the hour.
///
/// The first is the prior of an entity's own alpha. The second is a floor: calls come in clumps, so hours that are usually
/// quiet vary far more, for their mean, than the busy hours that an entity's alpha is learnt from.
#[derive(Debug, Clone)]
pub struct Dispersions {
    pub(super) by_width: [WidthDispersions; WIDTHS.len()],
}

/// The dispersions of windows of one width.
#[derive(Debug, Clone)]
pub(super) struct WidthDispersions {
    by_size: Vec<f64>,
    by_mean: Vec<f64>,
}

/// Powers of two that sizes and means are told apart by.
pub(super) const BANDS: usize = 24;
/// The band of a mean of one call an hour.
const BAND_OF_ONE: f64 = 10.0;
/// Entities that must speak for a band.
const BAND_MEMBERS: usize = 3;
/// The largest alpha of an hour's mean; beyond it a mean says nothing.
const MOST_ALPHA: f64 = 200.0;

pub(super) fn band(mean: f64) -> usize {
    (mean.max(1e-6).log2().floor() + BAND_OF_ONE).clamp(0.0, BANDS as f64 - 1.0) as usize
}

/// Sums from which the alpha of a band of means is estimated: `sum [(y-m)^2 - m]`, `sum m^2`, and the variance of the former.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BandSums {
    pub(super) excess: f64,
    pub(super) squares: f64,
    pub(super) sampling: f64,
    pub(super) members: usize,
}

impl BandSums {
    /// The band's alpha: what the entity's own windows tell, drawn towards what all entities' do.
    ///
    /// ```text
    /// (I a + A a_all) / (I + A),   I = (sum m^2)^2 / sum [2 m^2 (1 + 0.3 m)^2 + m]
    /// ```
    fn shrunk_towards(&self, all: f64) -> f64 {
        if self.squares <= 0.0 {
            return all;
        }
        let own = (self.excess / self.squares).clamp(0.0, MOST_ALPHA);
        let information = self.squares * self.squares / self.sampling;
        let prior = DispersionPrior::DEFAULT_INFORMATION;
        (information * own + prior * all) / (information + prior)
    }
}

/// What one entity contributes to [`Dispersions`].
#[derive(Debug, Clone)]
pub struct Testimony {
    pub(super) level: f64,
    pub(super) by_width: [WidthTestimony; WIDTHS.len()],
}

/// An entity's evidence on windows of one width.
#[derive(Debug, Clone)]
pub(super) struct WidthTestimony {
    pub(super) evidence: DispersionEvidence,
    pub(super) bands: Vec<BandSums>,
}

impl Dispersions {
    /// Nothing known.
    pub fn unknown() -> Self {
        let nothing = || WidthDispersions { by_size: vec![USUAL_ALPHA; BANDS], by_mean: vec![0.0; BANDS] };
        Self { by_width: std::array::from_fn(|_| nothing()) }
    }

    /// Learns from all entities, in their order.
    pub fn learn(entities: &[Testimony]) -> Self {
        Self { by_width: std::array::from_fn(|width| WidthDispersions::learn(entities, width)) }
    }
}

impl WidthDispersions {
    fn learn(entities: &[Testimony], width: usize) -> Self {
        let overall =
            group_alpha(entities.iter().map(|entity| &entity.by_width[width].evidence)).unwrap_or(USUAL_ALPHA);
        let of_size = |size: usize| {
            let near = entities.iter().filter(|entity| band(entity.level).abs_diff(size) <= 1);
            group_alpha(near.map(|entity| &entity.by_width[width].evidence)).unwrap_or(overall)
        };
        let of_mean = |mean: usize| {
            let mut sum = BandSums::default();
            for entity in entities {
                let own = &entity.by_width[width].bands[mean];
                sum.excess += own.excess;
                sum.squares += own.squares;
                sum.members += own.members;
            }
            if sum.members >= BAND_MEMBERS { (sum.excess / sum.squares).clamp(0.0, MOST_ALPHA) } else { 0.0 }
        };
        Self { by_size: (0..BANDS).map(of_size).collect(), by_mean: (0..BANDS).map(of_mean).collect() }
    }

    pub(super) fn prior(&self, level: f64) -> f64 {
        self.by_size.get(band(level)).copied().unwrap_or(USUAL_ALPHA)
    }

    /// The floors of an entity, by band of means.
    pub(super) fn floors(&self, own: &[BandSums]) -> Vec<f64> {
        own.iter().zip(&self.by_mean).map(|(own, &all)| own.shrunk_towards(all)).collect()
    }
}
