//! `insights.jsonl`: one ActionTrail Insights event a line.

use std::path::Path;

use crate::error::Result;
use crate::insight::Insight;
use crate::insight::vendor::{Maker, events};
use crate::storage::write_text;

/// Writes the events of all insights.
pub fn write(path: &Path, insights: &[Insight], maker: Maker<'_>) -> Result<()> {
    let lines = insights.iter().flat_map(|insight| events(insight, maker)).map(|event| format!("{event}\n"));
    write_text(path, &lines.collect::<String>())
}
