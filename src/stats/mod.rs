//! The pure mathematics the detector stands on: tails of count distributions in log space, robust residuals,
//! dispersion, multiple testing, scores.
//!
//! Nothing here knows files, clocks, events or serialisation: numbers go in, numbers come out, and the same numbers
//! give the same bits. Probabilities travel as natural logarithms, because the interesting ones lie far below the
//! smallest `f64`. What is expected of an entity is decided in `baseline`, what is done about it in `detect`.

mod beta_binomial;
mod calibration;
mod dispersion;
mod false_discovery;
pub mod level;
pub mod log_linear;
mod mixed;
mod negative_binomial;
mod nested;
mod normal;
mod occasional;
mod order;
mod overdispersion;
mod paused;
mod pitman_yor;
mod predictive;
mod robust;
mod score;
mod special;
pub mod student;
mod succession;
mod tail_calibration;

#[cfg(test)]
mod reference;

pub use beta_binomial::BetaBinomial;
pub use calibration::{Calibration, MEASURABLE};
pub use dispersion::{
    AlikeBuckets, DispersionEvidence, DispersionPrior, DrawnAlpha, GROUP_MIN_INFORMATION, GROUP_MIN_MEMBERS, MAX_ALPHA,
    MIN_ALPHA, group_dispersion, predictive_size, shrunk_alpha,
};
pub use false_discovery::{Combination, Selection, benjamini_hochberg, bonferroni, q_values};
pub use mixed::LogNormalMixed;
pub use negative_binomial::{NegativeBinomial, SURELY_USUAL};
pub use nested::{Deviations, Effect, Evidence, Nested, NestedPlace};
pub use normal::{ln_normal_upper, normal_score};
pub use occasional::{Occasional, ln_occasional};
pub use order::{median, upper_median};
pub use overdispersion::{ExcessEvidence, Overdispersion, VarianceForm, ln_negative_binomial};
pub use paused::PausedNegativeBinomial;
pub use pitman_yor::{KindCounts, PitmanYor};
pub use predictive::{LogNormalPredictive, MIN_LOG_DEVIATION, MIN_VALUES};
pub use robust::{DOWN_WEIGHT_FROM, DROP_MIN_MEAN, IGNORE_ABOVE, full_weight_range, has_full_weight, residual, weight};
pub use score::score;
pub use special::{ln_1m_exp, ln_beta_regularized, ln_gamma_lower, ln_gamma_upper, ln_sum_exp};
pub use succession::rule_of_succession;
pub use tail_calibration::TailCalibration;

/// A number handed to this module that the mathematics has no answer for, such as a negative mean or a NaN.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{name} must be {requirement}, but is {value}")]
pub struct ParameterError {
    /// Which parameter it was, in the words of the function that refused it.
    pub name: &'static str,
    /// What the parameter has to satisfy.
    pub requirement: &'static str,
    /// What was given.
    pub value: f64,
}

/// Passes when `holds`; the conditions are written so that a NaN fails them.
fn require(holds: bool, name: &'static str, requirement: &'static str, value: f64) -> Result<(), ParameterError> {
    if holds { Ok(()) } else { Err(ParameterError { name, requirement, value }) }
}
