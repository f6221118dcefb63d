//! What a window is expected to hold, as a distribution: its mean, what it may stray by, and its tails.
//!
//! What clumps, and what is not known because calls are few, is gamma-like; what lifts whole days, and what is not known because hours clump, is
//! multiplicative and has a longer tail.

use super::{Fit, WHOLE_DAY};
use crate::baseline::calendar::slot;
use crate::baseline::dispersion::band;
use crate::stats::{LogNormalMixed, NegativeBinomial, PausedNegativeBinomial};

/// Windows below this p-value are looked at more closely.
pub(in crate::baseline) const LOOK_CLOSER_BELOW: f64 = 0.01;
/// The largest relative variance that is taken for a log-normal one; what is beyond has a gamma's tail.
const MOST_LIFTED: f64 = 4.0;
/// The largest part of a window's relative variance, that of counting included, that is: what is left must be broad enough for the sum over the
/// log-normal's points to be smooth.
const MOST_OF_ALL: f64 = 8.0 / 9.0;

/// A window's mean, and how far it may stray from it, as relative variances.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    mean: f64,
    /// Clumps.
    alpha: f64,
    /// What is not known of the mean because calls are few.
    counted: f64,
    /// What is not known of it because hours clump.
    clumped: f64,
    /// The part of the clumps that its hours' slots have beyond others of such means.
    of_slots: f64,
}

impl Moments {
    pub(super) fn spread(&self) -> f64 {
        self.alpha + self.counted + self.clumped
    }
}

/// The first count of which something does not hold that holds of all below it; looked for around a guess.
fn first_not(holds: impl Fn(u64) -> bool, guess: u64) -> u64 {
    let (mut below, mut first) = (0, guess.max(1));
    if !holds(0) {
        return 0;
    }
    while holds(first) && first < u64::MAX / 2 {
        (below, first) = (first, first * 2);
    }
    while first - below > 1 {
        let middle = below.midpoint(first);
        if holds(middle) { below = middle } else { first = middle }
    }
    first
}

impl Fit {
    /// What a window of [`WIDTHS`]`[width]` hours, given as hours of the week, is expected to hold: the predictive distribution, with
    /// all that is uncertain about its mean.
    ///
    /// ```text
    /// 1/size = alpha + sum m_i^2 u_i / (sum m_i)^2 + 1 / (calls seen + 1),   u_i = (1/m_i + alpha) / n_i
    /// ```
    /// where alpha is the entity's for that width and windows with such a mean, or what its hours' clumps come to if that is more,
    /// `m_i` the means of the slots, `n_i` the hours behind them, their group's included, and the last term is the level's own uncertainty (a
    /// gamma posterior whose shape is the number of calls seen).
    pub fn expected(&self, hours: &[u8], width: usize) -> Option<NegativeBinomial> {
        let moments = self.moments(hours, width);
        NegativeBinomial::new(moments.mean, moments.spread().recip()).ok()
    }

    /// The calls that such a window is told to be expected to hold: of an entity whose hours pauses describe, by what it is judged by.
    pub fn told(&self, hours: &[u8], width: usize) -> f64 {
        let paused = self.described().and_then(|_| self.with_pauses(hours, width));
        let plain = || self.expected(hours, width).map_or(0.0, |expected| expected.mean());
        paused.map_or_else(plain, |paused| paused.mean())
    }

    /// The central interval of such a window, both ends included. Of an entity that pauses its ends are those of what it is judged by:
    ///
    /// ```text
    /// [0 if P(0 calls) >= (1 - coverage)/2,   min k: P(more than k calls) <= (1 - coverage)/2]
    /// ```
    pub fn interval(&self, hours: &[u8], width: usize, coverage: f64) -> Option<(u64, u64)> {
        let (lower, upper) = self.expected(hours, width)?.interval(coverage).ok()?;
        if self.with_pauses(hours, width).is_none() {
            return Some((lower, upper));
        }
        let outside = (0.5 * (1.0 - coverage)).ln();
        let may_be_nothing = self.ln_lower(hours, width, 0) >= outside;
        let is_below = |count: u64| self.ln_upper(hours, width, count.saturating_add(1)) > outside;
        Some((if may_be_nothing { 0 } else { lower }, first_not(is_below, upper)))
    }

    pub(super) fn moments(&self, hours: &[u8], width: usize) -> Moments {
        let mean: f64 = hours.iter().map(|&hour| self.mean(hour)).sum();
        let alpha = self.alpha_of_window(hours, width);
        let (mut counted, mut clumped) = (0.0, 0.0);
        for &hour in hours {
            let (of_hour, samples) = (self.mean(hour), self.samples[slot(hour)]);
            counted += of_hour / samples;
            clumped += of_hour * of_hour / samples;
        }
        let square = mean * mean;
        let of_slots = self.by_slot.as_ref().map_or(0.0, |_| (alpha - self.alpha_at(width, mean)).max(0.0));
        let (counted, clumped) = (counted / square + 1.0 / (self.total + 1.0), alpha * clumped / square);
        Moments { mean, alpha, counted, clumped, of_slots }
    }

    /// The alpha of a window.
    pub(super) fn alpha_of_window(&self, hours: &[u8], width: usize) -> f64 {
        if let (0, &[hour]) = (width, hours) {
            return self.alpha_of(hour);
        }
        let mean: f64 = hours.iter().map(|&hour| self.mean(hour)).sum();
        self.alpha_at(width, mean).max(self.clumps_of_hours(hours, mean))
    }

    pub(super) fn alpha_at(&self, width: usize, mean: f64) -> f64 {
        self.by_mean[width].get(band(mean)).copied().flatten().unwrap_or(self.alpha[width])
    }

    /// What the clumps within hours come to in a wider window, if they are independent: as much as one hour's where one makes most of it.
    ///
    /// ```text
    /// sum alpha_i m_i^2 / (sum m_i)^2
    /// ```
    fn clumps_of_hours(&self, hours: &[u8], mean: f64) -> f64 {
        let clumps = |&hour: &u8| self.alpha_of(hour) * self.mean(hour).powi(2);
        hours.iter().map(clumps).sum::<f64>() / (mean * mean)
    }

    /// What the entity does between pauses, if these describe its hours.
    fn described(&self) -> Option<&Self> {
        self.between.as_deref().filter(|between| between.pauses.is_some_and(|pauses| pauses.describe))
    }

    /// The hours in which the entity pauses, and what it does in the others; `None` if it does not, or the window is wider than a day.
    fn with_pauses(&self, hours: &[u8], width: usize) -> Option<PausedNegativeBinomial> {
        let between = self.between.as_deref().filter(|_| width <= WHOLE_DAY)?;
        let pauses = between.pauses?;
        let moments = between.moments(hours, width);
        PausedNegativeBinomial::new(
            moments.mean,
            moments.spread().recip(),
            hours.len(),
            pauses.share,
            pauses.together[width],
        )
        .ok()
    }

    /// `ln P(at least `count` calls)` in such a window. Where that is little, what lifts whole days is kept apart from what clumps
    /// within them, and of both answers the more careful one is taken. An entity whose hours pauses describe better than clumps do is judged by what
    /// it does between pauses, and by how many of the hours may be such.
    ///
    /// ```text
    /// day variance = max(0, alpha of whole days - alpha of hours / 24), neither inflated
    /// ln-normal part = day variance + clumps of its slots beyond the usual + what clumps leave unsure of the mean,   1/size = 1/size of `expected` - that
    /// ```
    pub fn ln_upper(&self, hours: &[u8], width: usize, count: u64) -> f64 {
        let (fit, plain, ln_possible) = match (self.with_pauses(hours, width), self.described()) {
            (Some(paused), Some(between)) => (between, paused.ln_upper(count), paused.ln_unpaused()),
            _ => (self, self.expected(hours, width).map_or(0.0, |plain| plain.ln_upper(count)), 0.0),
        };
        // Sparing the closer look where nothing hangs on it; just below the border it may say a little more than the border does.
        if plain >= LOOK_CLOSER_BELOW.ln() {
            return plain;
        }
        plain.max(ln_possible + fit.ln_upper_by_days(hours, width, count))
    }

    fn ln_upper_by_days(&self, hours: &[u8], width: usize, count: u64) -> f64 {
        let moments = self.moments(hours, width);
        let lifted = (self.day_variance + moments.of_slots).min(moments.alpha);
        let most = MOST_OF_ALL * (moments.mean.recip() + moments.spread());
        let lifted = (lifted + moments.clumped).min(most).min(MOST_LIFTED);
        let size = (moments.spread() - lifted).max(1e-6).recip();
        LogNormalMixed::new(moments.mean, size, lifted).map_or(0.0, |mixed| mixed.ln_upper(count))
    }

    /// `ln P(at most `count` calls)` in such a window; of an entity that pauses as likely as its pauses make it, if that is more.
    pub fn ln_lower(&self, hours: &[u8], width: usize, count: u64) -> f64 {
        let plain = self.expected(hours, width).map_or(0.0, |expected| expected.ln_lower(count));
        self.with_pauses(hours, width).map_or(plain, |paused| plain.max(paused.ln_lower(count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_count_is_found_whatever_was_guessed() {
        for first in [0, 1, 2, 17, 1000] {
            for guess in [0, 1, 16, 17, 18, 5000] {
                assert_eq!(first_not(|count| count < first, guess), first, "{first} from {guess}");
            }
        }
        assert!(first_not(|_| true, 3) >= u64::MAX / 2);
    }
}
