//! What several matches or insights must come to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::rules::plan::Relation;
use crate::time::DAY_MS;

/// A rule about several matches or insights.
#[derive(Debug, Clone)]
pub struct Correlation {
    /// What is looked for among them.
    pub kind: CorrelationKind,
    /// What is correlated.
    pub members: Vec<Member>,
    /// The fields, or aliases, that members of a group share.
    pub group_by: Vec<String>,
    /// For each alias the field in a member (by the member's position).
    pub aliases: BTreeMap<String, BTreeMap<usize, String>>,
    /// How far the first and last of a group may lie apart, in milliseconds.
    pub window_ms: i64,
    /// Whether matches of the members count by themselves too.
    pub generate: bool,
}

impl Correlation {
    /// The longest window, in milliseconds: what a correlation must remember is bounded by it.
    pub const LONGEST_WINDOW_MS: i64 = 31 * DAY_MS;

    /// What it looks for, a line a part.
    pub fn describe(&self) -> Vec<String> {
        let members = self.members.iter().map(|member| match member {
            Member::Rule(name) => format!("of {name}"),
            Member::Insight(kind) => format!("of insights {}", kind.as_deref().unwrap_or("of any type")),
        });
        let mut lines = vec![format!("{} within {} s", self.kind.name(), self.window_ms / 1000)];
        lines.extend(members);
        if !self.group_by.is_empty() {
            lines.push(format!("by {}", self.group_by.join(", ")));
        }
        lines.extend(self.kind.bounds().iter().map(|bound| format!("{} {}", bound.relation.name(), bound.value)));
        lines
    }
}

/// What is correlated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// A rule's matches, by id or name.
    Rule(String),
    /// Insights of a type (`insight:ApiErrorRateInsight`); `None` for any.
    Insight(Option<String>),
}

impl Member {
    /// The prefix of a member that is an insight.
    pub const INSIGHT: &'static str = "insight:";
}

/// What is looked for among the members of a group within the window.
#[derive(Debug, Clone, PartialEq)]
pub enum CorrelationKind {
    /// How many there are.
    EventCount(Vec<Bound>),
    /// How many distinct values of the fields there are.
    ValueCount(Vec<String>, Vec<Bound>),
    /// The sum of a field.
    ValueSum(String, Vec<Bound>),
    /// The mean of a field.
    ValueAvg(String, Vec<Bound>),
    /// A percentile (nearest rank, 0 to 100) of a field.
    ValuePercentile(String, f64, Vec<Bound>),
    /// Which members there are.
    Temporal(Presence),
    /// Every member, in the order in which the rule names them.
    TemporalOrdered,
}

impl CorrelationKind {
    /// The bounds on what is measured.
    pub fn bounds(&self) -> &[Bound] {
        match self {
            Self::EventCount(bounds)
            | Self::ValueCount(_, bounds)
            | Self::ValueSum(_, bounds)
            | Self::ValueAvg(_, bounds)
            | Self::ValuePercentile(_, _, bounds) => bounds,
            Self::Temporal(_) | Self::TemporalOrdered => &[],
        }
    }

    /// The word for it in rule files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::EventCount(_) => "event_count",
            Self::ValueCount(..) => "value_count",
            Self::ValueSum(..) => "value_sum",
            Self::ValueAvg(..) => "value_avg",
            Self::ValuePercentile(..) => "value_percentile",
            Self::Temporal(_) => "temporal",
            Self::TemporalOrdered => "temporal_ordered",
        }
    }
}

/// Which members must have been seen, by position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// This one.
    Seen(usize),
    /// All of them.
    All(Vec<Self>),
    /// At least one.
    Any(Vec<Self>),
    /// At least so many of them.
    AtLeast(usize, Vec<Self>),
    /// Not this.
    Not(Box<Self>),
}

/// A bound on a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bound {
    /// The relation that must hold.
    pub relation: Relation,
    /// To this number.
    pub value: f64,
}
