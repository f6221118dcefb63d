//! How good the insights are, measured against labels of what was planted or is known to have happened.
//!
//! Everything is counted by events, never by buckets: a label is found once or not at all, and an insight is right once or not
//! at all ([`matching`]). No point adjustment: a long anomaly that is touched counts as much as a short one. [`measure`] turns the
//! matches into numbers, each with the counts it is made of; [`text`] shows them. Knows nothing of how insights are found: it
//! reads the files that a run leaves ([`reported`]) and the lines of `labels.jsonl` ([`label`]).

mod attribution;
pub mod label;
pub mod matching;
pub mod measure;
mod proportion;
pub mod reported;
pub mod text;
mod timing;

use std::path::Path;

use crate::error::Result;

pub use measure::Evaluation;
pub use proportion::Proportion;

/// Compares the insights of a state directory (its `insights/` folder, or one file of insights) with labels. `nominal` is the
/// share of false discoveries that was asked for.
///
/// # Errors
/// When a file cannot be read, or a line of it is not what it should be.
pub fn evaluate(insights: &Path, labels: &Path, nominal: f64) -> Result<Evaluation> {
    let reported = reported::read(insights)?;
    let labels = label::read(labels)?;
    Ok(measure::measure(&reported, labels, nominal))
}
