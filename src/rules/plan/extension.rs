//! What only this product knows of a rule: the key `insights:` of its file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The key `insights:` of a rule file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Extension {
    /// The product's own id for the rule.
    pub builtin: Option<String>,
    /// The product's group of rules.
    pub group: Option<String>,
    /// Defaults that the settings may override.
    pub parameters: Parameters,
    /// When to notify.
    pub notify: Notify,
    /// Events that the rule is tested with.
    pub examples: Vec<Example>,
}

/// The parameters of a rule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// In place of the bound in a correlation's condition.
    pub threshold: Option<f64>,
    /// In place of a correlation's timespan.
    pub window: Option<String>,
    /// What `%name%` stands for under the modifier `expand`.
    pub values: BTreeMap<String, Vec<Scalar>>,
}

/// A plain value of a rule file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true`, `false`.
    Truth(bool),
    /// A whole number.
    Whole(i64),
    /// Another number.
    Decimal(f64),
    /// A text.
    Text(String),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Truth(truth) => truth.fmt(formatter),
            Self::Whole(number) => number.fmt(formatter),
            Self::Decimal(number) => number.fmt(formatter),
            Self::Text(text) => text.fmt(formatter),
        }
    }
}

/// When to notify.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notify {
    /// Only after so many checks in a row that matched.
    pub consecutive: u32,
    /// When nothing matched for so long, and not for matches.
    pub no_data: Option<String>,
}

impl Default for Notify {
    fn default() -> Self {
        Self { consecutive: 1, no_data: None }
    }
}

impl Notify {
    /// How long the rule may be silent, in milliseconds; `None` where it may for ever.
    pub fn no_data_ms(&self) -> Option<i64> {
        self.no_data.as_deref().and_then(crate::rules::parse::timespan_ms)
    }
}

/// Events, and whether the rule fires on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What it shows.
    pub name: String,
    /// Whether the rule must match.
    pub fires: bool,
    /// The events as the cloud writes them, or [`Repeated`](crate::rules::example::Repeated) ones.
    #[serde(default)]
    pub events: Vec<serde_json::Value>,
}
