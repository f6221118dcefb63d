//! The names of the forms in which insights are written.

use serde::{Deserialize, Serialize};

/// A form in which insights are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OutputFormat {
    /// ActionTrail Insights events, JSON lines
    Actiontrail,
    /// The same in CloudTrail's dialect, JSON lines
    Cloudtrail,
    /// OCSF Detection Findings, JSON lines
    Ocsf,
    /// OCSF Detection Findings, nested Parquet laid out for Amazon Security Lake
    SecurityLake,
    /// A flat table, Parquet
    Parquet,
    /// The flat table, CSV
    Csv,
}

impl OutputFormat {
    /// All formats.
    pub const ALL: [Self; 6] =
        [Self::Actiontrail, Self::Cloudtrail, Self::Ocsf, Self::SecurityLake, Self::Parquet, Self::Csv];

    /// Whether other commands read it, so that it is written whatever the settings say.
    pub const fn is_state(self) -> bool {
        matches!(self, Self::Actiontrail | Self::Parquet)
    }
}
