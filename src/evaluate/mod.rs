//! How good the insights are, measured against labels of what was planted or is known to have happened.
//!
//! Everything is counted by events, never by buckets: a label is found once or not at all, and an insight is right once or not
//! at all ([`matching`]). No point adjustment: a long anomaly that is touched counts as much as a short one. [`measure`] turns the
//! matches into numbers, each with the counts it is made of, [`listing`] tells them one by one; [`text`] shows them. Knows nothing of how insights are found: it
//! reads the files that a run leaves ([`reported`]) and the lines of `labels.jsonl` ([`label`]).

mod attribution;
pub mod label;
pub mod listing;
pub mod matching;
pub mod measure;
mod proportion;
pub mod reported;
pub mod text;
mod timing;

use std::path::Path;

use crate::error::Result;

pub use listing::{Listed, Which};
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

/// Lists what was false, what was missed, or everything, one by one.
///
/// # Errors
/// As [`evaluate`].
pub fn list(insights: &Path, labels: &Path, which: Which) -> Result<Vec<Listed>> {
    let reported = reported::read(insights)?;
    Ok(listing::list(&reported, label::read(labels)?, which))
}
