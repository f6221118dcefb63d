//! Which files a night's insights and alerts are written to.
//!
//! Each format is a way of writing [`Insight`]s down, and a new one is a variant here with its file and its writer. What other
//! commands read of a state directory, [`OutputFormat::Actiontrail`] and [`OutputFormat::Parquet`], is always written; the others
//! are when asked for, and a file of a format that is no longer asked for goes when its day is judged again.

use std::path::{Path, PathBuf};

use crate::alert::Alert;
use crate::error::{Error, Result};
use crate::insight::Insight;
use crate::insight::vendor::{self, Maker};
use crate::report::columns::{ALERT_COLUMNS, COLUMNS};
use crate::report::{csv, jsonl, ocsf, table};
use crate::settings::OutputFormat;
use crate::storage::remove;

impl OutputFormat {
    /// The file, or for Security Lake the folder, below the day's folder.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Actiontrail => "insights.jsonl",
            Self::Cloudtrail => "insights.cloudtrail.jsonl",
            Self::Ocsf => "insights.ocsf.jsonl",
            Self::SecurityLake => "security-lake",
            Self::Parquet => "insights.parquet",
            Self::Csv => "insights.csv",
        }
    }

    fn write(self, path: &Path, insights: &[Insight], closed: &[Insight], maker: Maker<'_>) -> Result<()> {
        let all = || insights.iter().chain(closed);
        match self {
            Self::Actiontrail => jsonl::write(path, all().flat_map(|one| vendor::events(one, maker))),
            Self::Cloudtrail => jsonl::write(path, all().flat_map(|one| vendor::cloudtrail::events(one, maker))),
            Self::Ocsf => jsonl::write(path, all().map(|one| ocsf::finding(one, maker))),
            Self::SecurityLake => ocsf::write_lake(path, &all().cloned().collect::<Vec<_>>(), maker),
            Self::Parquet => table::write(path, insights, &COLUMNS),
            Self::Csv => csv::write(path, insights),
        }
    }
}

/// Writes a day's insights into its folder in every format that is asked for, and removes what is asked for no more. Of episodes that are
/// closed, the second, the formats that follow a finding from its begin to its end tell; tables hold the day's findings alone.
pub fn write(
    folder: &Path,
    (insights, closed): (&[Insight], &[Insight]),
    asked: &[OutputFormat],
    maker: Maker<'_>,
) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for format in OutputFormat::ALL {
        let path = folder.join(format.file_name());
        if format.is_state() || asked.contains(&format) {
            format.write(&path, insights, closed, maker)?;
            written.push(path);
        } else {
            remove(&path)?;
        }
    }
    Ok(written)
}

/// Writes a day's alerts into its folder: as lines, as a table and, where that is asked for, as OCSF findings.
pub fn write_alerts(folder: &Path, alerts: &[Alert], asked: &[OutputFormat], maker: Maker<'_>) -> Result<Vec<PathBuf>> {
    let [lines, parquet, findings] =
        ["alerts.jsonl", "alerts.parquet", "alerts.ocsf.jsonl"].map(|name| folder.join(name));
    let values = alerts.iter().map(serde_json::to_value).collect::<std::result::Result<Vec<_>, _>>();
    jsonl::write(&lines, values.map_err(Error::internal)?.into_iter())?;
    table::write(&parquet, alerts, &ALERT_COLUMNS)?;
    let mut written = vec![lines, parquet];
    if asked.contains(&OutputFormat::Ocsf) {
        jsonl::write(&findings, alerts.iter().map(|alert| ocsf::alert::finding(alert, maker)))?;
        written.push(findings);
    } else {
        remove(&findings)?;
    }
    Ok(written)
}
