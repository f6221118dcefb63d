//! What a rule says, in our own words: the form between reading it and compiling it.
//!
//! Nothing here knows YAML or how events are stored in batches; values are typed, modifiers are gone, and every name in a condition
//! has been replaced by what it stands for.

mod condition;
mod correlation;
mod extension;

use std::collections::BTreeSet;

use crate::rules::field::LogSource;
use crate::rules::refusal::Position;
use crate::severity::Severity;

pub use condition::{
    Condition, Decimal, Detection, Expression, FieldShape, FieldTest, Predicate, Quantifier, Relation, Test,
};
pub use correlation::{Bound, Correlation, CorrelationKind, Member, Presence};
pub use extension::{Example, Extension, Notify, Parameters, Scalar};

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
    pub level: Severity,
    /// Tags, ATT&CK's among them.
    pub tags: Vec<String>,
    /// The fields that tell one alert of the rule from another; none: one alert for the rule.
    pub fields: Vec<String>,
    /// Harmless things that match too.
    pub false_positives: Vec<String>,
    /// Where it stands.
    pub place: Position,
    /// What only this product knows of it.
    pub extension: Extension,
    /// The lists that `%name%` in it stands for.
    pub placeholders: BTreeSet<String>,
    /// What it looks for.
    pub body: Body,
}

impl Rule {
    /// Whether a word names it: its id, the product's own id for it, or its name.
    pub fn is_called(&self, word: &str) -> bool {
        self.has_id(word) || self.name.as_deref() == Some(word)
    }

    /// Whether a word is its id, or the product's own id for it.
    pub fn has_id(&self, word: &str) -> bool {
        self.id == word || self.extension.builtin.as_deref() == Some(word)
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
