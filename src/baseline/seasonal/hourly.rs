//! How much an entity's single hours clump, by hour of the day: a job of three o'clock makes that hour unsteady and no other.
//!
//! Where an entity's slots are all alike, and most are, its own dispersion stands. Where they differ by more than chance, each hour of the day
//! is drawn towards it by as much as it is not heard, and the hour's two slots, that of weekdays and that of weekends, towards the hour: a job
//! of every day is as unsteady on the few Sundays that were seen as on all other days.

use super::Fit;
use crate::baseline::SLOTS;
use crate::baseline::calendar::slot;
use crate::baseline::series::Series;
use crate::stats::{DispersionEvidence, DispersionPrior, DrawnAlpha, MAX_ALPHA};

/// An entity with fewer calls an hour tells nothing of its slots.
const LEAST_LEVEL: f64 = 1.0;
/// The standard deviation of an hour's two slots around it, as a part of that between hours.
const WITHIN_HOUR: f64 = 0.5;
/// The same of hours and slots that look steadier than what they are drawn towards, as a part of its alpha: by chance alone those with few calls
/// do, and an hour in which nothing ever was says nothing of how it would clump.
const STEADIER: f64 = 0.5;
/// Slots that differ by less than this share of the entity's alpha are alike.
const LEAST_APART: f64 = 0.25;

/// What an entity's slots tell of their clumps.
pub(super) struct SlotClumps {
    evidence: [DispersionEvidence; SLOTS],
    /// The alpha of hours with such a mean.
    usual: [f64; SLOTS],
    /// The standard deviation of slots' alphas around it.
    deviation: f64,
}

impl SlotClumps {
    /// A slot's evidence, and what it is drawn towards: its hour of the day, itself drawn to what is usual.
    pub(super) fn of(&self, slot: usize) -> (DispersionEvidence, DispersionPrior) {
        let other = (slot + SLOTS / 2) % SLOTS;
        let of_hour = self.evidence[slot].and(&self.evidence[other]);
        let hour = DrawnAlpha::limited(&of_hour, &around(self.usual[slot], self.deviation, &of_hour)).alpha(0.0);
        (self.evidence[slot], around(hour, WITHIN_HOUR * self.deviation, &self.evidence[slot]))
    }

    /// The alpha of each slot.
    pub(super) fn alphas(&self) -> [f64; SLOTS] {
        std::array::from_fn(|slot| {
            let (evidence, prior) = self.of(slot);
            DrawnAlpha::limited(&evidence, &prior).alpha(0.0)
        })
    }
}

/// What evidence is drawn towards; who looks steadier lies less far from it.
fn around(alpha: f64, deviation: f64, evidence: &DispersionEvidence) -> DispersionPrior {
    let looks_steadier = evidence.alpha().is_none_or(|own| own < alpha);
    let deviation = if looks_steadier { deviation.min(STEADIER * alpha) } else { deviation };
    DispersionPrior::new(alpha.min(MAX_ALPHA), deviation).unwrap_or(DispersionPrior::USUAL)
}

impl Fit {
    /// What each slot's hours tell; `None` where slots are alike.
    ///
    /// ```text
    /// tau^2 = (sum I_s (a_s - a)^2 - slots) / sum I_s,   each hour's alpha drawn to `a` by 1 / tau^2, each slot's to its hour's by 4 / tau^2
    /// ```
    /// with `a_s` a slot's own estimate, `I_s` its information, `a` the entity's alpha of hours with such a mean. Source: the moment
    /// estimate of heterogeneity from Cochran's Q, as in meta-analysis.
    pub(super) fn slot_clumps(&self, series: &Series, weights: &[f64]) -> Option<SlotClumps> {
        if self.level < LEAST_LEVEL {
            return None;
        }
        let evidence = self.evidence_by_slot(series, weights);
        let usual: [f64; SLOTS] = std::array::from_fn(|slot| self.alpha_at(0, self.means[slot]));
        let (mut apart, mut slots, mut information) = (0.0, 0.0, 0.0);
        for (evidence, usual) in evidence.iter().zip(usual) {
            if let Some(own) = evidence.alpha() {
                let worth = evidence.information_at(usual);
                apart += worth * (own - usual).powi(2);
                information += worth;
                slots += 1.0;
            }
        }
        let deviation = ((apart - slots) / information).max(0.0).sqrt();
        (deviation > LEAST_APART * self.alpha[0]).then_some(SlotClumps { evidence, usual, deviation })
    }

    /// The alpha of one of the week's hours.
    pub(super) fn alpha_of(&self, week_hour: u8) -> f64 {
        let own = self.by_slot.as_ref().map(|alphas| alphas[slot(week_hour)]);
        own.unwrap_or_else(|| self.alpha_at(0, self.mean(week_hour)))
    }
}
