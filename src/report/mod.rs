//! Writing findings down: for machines ([`output`]), for the monitoring of the job ([`metrics`]), for the person at the terminal
//! ([`summary`]), and for those who read in the morning what the night found ([`page`], [`digest`]).
//!
//! The former are written from what the night holds; the latter from what it left in the state directory ([`mod@night`]), in words that both
//! share ([`telling`]), so that they can be made again at any time.

mod columns;
pub mod csv;
pub mod digest;
pub mod hours;
mod jsonl;
pub mod metrics;
pub mod night;
pub mod ocsf;
pub mod output;
pub mod page;
pub mod ranking;
mod record;
mod rule_record;
pub mod scored_hours;
pub mod summary;
mod table;
pub mod telling;

pub use record::{CalibrationRecord, FamilyRecord, Judged, NightRecord, Told};
pub use rule_record::RuleRecord;

use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use crate::error::Result;
use crate::storage::{Daily, remove, write_text};

/// Writes the page and the digest of a night from the other files of the state directory. They are the same whatever came late; where the
/// night's runs did more than judge it, a digest among the records of runs tells that too.
pub fn write_pages(state: &Path, date: NaiveDate) -> Result<Vec<PathBuf>> {
    let night = night::Night::read(state, date)?;
    let lasting = night.clone().lasting();
    let path = |ending: &str| Daily::Reports.file(state, date, ending);
    let (html, markdown, of_runs) = (path("html"), path("md"), Daily::Runs.file(state, date, "md"));
    write_text(&markdown, &digest::night(&lasting).markdown())?;
    write_text(&html, &page::page(&lasting))?;
    if lasting == night {
        remove(&of_runs)?;
        return Ok(vec![markdown, html]);
    }
    write_text(&of_runs, &digest::night(&night).markdown())?;
    Ok(vec![markdown, html, of_runs])
}
