//! What a rule says, in our own words: the form between reading it and compiling it.
//!
//! Nothing here knows YAML or how events are stored in batches; values are typed, modifiers are gone, and every name in a condition
//! has been replaced by what it stands for.

mod condition;
mod correlation;
mod extension;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::rules::field::LogSource;
use crate::rules::refusal::Place;

pub use condition::{
    Condition, Decimal, Detection, Expression, FieldShape, FieldTest, Predicate, Quantifier, Relation, Test,
};
pub use correlation::{Bound, Correlation, CorrelationKind, Member, Presence};
pub use extension::{Example, Extension, Notify, Parameters, Scalar};

/// How bad a match is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Informational,
    /// Worth a look some day.
    Low,
    /// Worth a look; what a rule without a level has.
    #[default]
    Medium,
    /// Worth a look now.
    High,
    /// Worth waking somebody.
    Critical,
}

impl Level {
    /// Every level, mildest first.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word for it in rule files.
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
    pub const fn severity(self) -> u8 {
        match self {
            Self::Informational => 2,
            Self::Low => 4,
            Self::Medium => 6,
            Self::High => 8,
            Self::Critical => 10,
        }
    }
}

/// A rule that can be compiled.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What it is known by: its id, or its name or title where it has none.
    pub id: String,
    /// The name by which correlations may refer to it.
    pub name: Option<String>,
    /// One line about it.
    pub title: String,
    /// What it finds and why that matters.
    pub description: String,
    /// How bad a match is.
    pub level: Level,
    /// Tags, ATT&CK's among them.
    pub tags: Vec<String>,
    /// The fields that tell one alert of the rule from another; none: one alert for the rule.
    pub fields: Vec<String>,
    /// Harmless things that match too.
    pub false_positives: Vec<String>,
    /// Where it stands.
    pub place: Place,
    /// What only this product knows of it.
    pub extension: Extension,
    /// What it looks for.
    pub body: Body,
}

impl Rule {
    /// Whether a word names it: its id, the product's own id for it, or its name.
    pub fn is_called(&self, word: &str) -> bool {
        self.id == word || self.name.as_deref() == Some(word) || self.extension.builtin.as_deref() == Some(word)
    }

    /// The log source, of rules about single events.
    pub fn source(&self) -> Option<LogSource> {
        match &self.body {
            Body::Detection(detection) => Some(detection.source),
            Body::Correlation(_) => None,
        }
    }

    /// `event`, or the type of a correlation.
    pub fn kind(&self) -> &'static str {
        match &self.body {
            Body::Detection(_) => "event",
            Body::Correlation(correlation) => correlation.kind.name(),
        }
    }

    /// The services that the rule names, in lower case.
    pub fn services(&self) -> BTreeSet<String> {
        let mut services = BTreeSet::new();
        if let Body::Detection(detection) = &self.body {
            detection.condition.collect_services(&mut services);
        }
        services
    }
}

/// What a rule looks for.
#[derive(Debug, Clone)]
pub enum Body {
    /// Something in a single event.
    Detection(Detection),
    /// Something in several events or insights.
    Correlation(Correlation),
}
