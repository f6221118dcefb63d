//! How serious a finding is: one scale of five levels for insights, rules and what they raise.
//!
//! What makes an insight serious is the business of [`crate::insight`]; how bad a match of a rule is stands in the rule.

use serde::{Deserialize, Serialize};

/// How serious a finding is: worth knowing, worth a look some day, worth a look, worth a look now, worth waking somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "`--help` would print what is said of each")]
pub enum Severity {
    #[value(alias = "info")]
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// All levels, the least first.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];
    /// That of a rule that names none.
    pub const OF_RULES: Self = Self::Medium;

    /// The name in every output, and in rule files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The level of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    /// The vendor's number for it: 10 critical, 8 high, 6 medium, 4 low, 2 report.
    pub const fn vendor_number(self) -> u8 {
        match self {
            Self::Informational => 2,
            Self::Low => 4,
            Self::Medium => 6,
            Self::High => 8,
            Self::Critical => 10,
        }
    }

    /// So many levels up or down, as far as there are levels.
    pub(crate) fn moved(self, levels: i32) -> Self {
        let place = (self as i32 + levels).clamp(0, Self::Critical as i32);
        Self::ALL[place as usize]
    }
}
