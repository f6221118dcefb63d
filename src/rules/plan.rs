//! What a rule says, in our own words: the form between reading it and compiling it.
//!
//! Nothing here knows YAML or how events are stored in batches; values are typed, modifiers are gone, and every name in a condition
//! has been replaced by what it stands for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::{Column, service_name};
use crate::rules::field::{LogSource, Operand};
use crate::rules::pattern::{Pattern, fold};
use crate::rules::refusal::Place;

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

/// A rule about single events.
#[derive(Debug, Clone)]
pub struct Detection {
    /// Whose events it is about.
    pub source: LogSource,
    /// What an event must be like.
    pub condition: Condition,
}

/// A condition with every name resolved.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of them hold.
    All(Vec<Self>),
    /// At least one holds.
    Any(Vec<Self>),
    /// So many hold.
    AtLeast(u64, Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// An event's field is like this.
    Is(Predicate),
}

impl Condition {
    fn collect_services(&self, services: &mut BTreeSet<String>) {
        match self {
            Self::All(parts) | Self::Any(parts) | Self::AtLeast(_, parts) => {
                for part in parts {
                    part.collect_services(services);
                }
            }
            Self::Not(_) => {}
            Self::Is(predicate) => {
                if let Operand::Column(Column::EventSource | Column::ServiceName, _) = predicate.operand {
                    let plain = predicate
                        .tests
                        .iter()
                        .filter_map(|test| if let Test::Text(text) = test { text.plain() } else { None });
                    services.extend(plain.map(|text| service_name(text).to_owned()));
                }
            }
        }
    }
}

/// A field and what its value must be like.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Predicate {
    /// What is looked at.
    pub operand: Operand,
    /// What it is compared with.
    pub tests: Vec<Test>,
    /// How many of the tests must hold.
    pub quantifier: Quantifier,
}

/// How many tests must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// At least one.
    Any,
    /// None, of a value that is there (`neq`).
    None,
}

/// What a value must be like.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Test {
    /// A text.
    Text(Pattern),
    /// A text in which the expression is found.
    Expression(Expression),
    /// A number, or a text that is one, in this relation to another.
    Number(Relation, Decimal),
    /// This number, or the text of it.
    Equals(Decimal, String),
    /// A word for true or for false.
    Truth(bool),
    /// Nothing.
    Null,
    /// Something (true) or nothing (false).
    Exists(bool),
    /// An address in this network.
    Network(ipnet::IpNet),
    /// Like another field of the event.
    Field(FieldTest),
}

/// A comparison with another field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldTest {
    /// The other field.
    pub other: Operand,
    /// What relation the values must have.
    pub shape: FieldShape,
    /// Whether case counts.
    pub cased: bool,
}

/// The relation between two fields' texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldShape {
    /// The same text.
    Equals,
    /// The other's text is in it.
    Contains,
    /// It begins with the other's text.
    StartsWith,
    /// It ends with the other's text.
    EndsWith,
}

impl FieldTest {
    /// Whether two texts are in the relation.
    pub fn holds(&self, text: &str, other: &str) -> bool {
        let (text, other) = if self.cased { (text.into(), other.into()) } else { (fold(text), fold(other)) };
        match self.shape {
            FieldShape::Equals => text == other,
            FieldShape::Contains => text.contains(other.as_ref()),
            FieldShape::StartsWith => text.starts_with(other.as_ref()),
            FieldShape::EndsWith => text.ends_with(other.as_ref()),
        }
    }
}

/// A comparison of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Equal.
    Eq,
    /// Not equal.
    Neq,
}

impl Relation {
    /// Every relation.
    pub const ALL: [Self; 6] = [Self::Gt, Self::Gte, Self::Lt, Self::Lte, Self::Eq, Self::Neq];

    /// The word for it in rule files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Eq => "eq",
            Self::Neq => "neq",
        }
    }

    /// Whether `left` is in this relation to `right`.
    #[allow(clippy::float_cmp, reason = "equality is what the rule asks for")]
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Gt => left > right,
            Self::Gte => left >= right,
            Self::Lt => left < right,
            Self::Lte => left <= right,
            Self::Eq => left == right,
            Self::Neq => left != right,
        }
    }
}

/// A number of a rule, comparable bit by bit so that equal predicates can be found.
#[derive(Debug, Clone, Copy)]
pub struct Decimal(pub f64);

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Decimal {}

impl std::hash::Hash for Decimal {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// A regular expression, flags included.
#[derive(Debug, Clone)]
pub struct Expression(regex::Regex);

impl Expression {
    /// The largest program that an expression may become, in bytes.
    pub const SIZE_LIMIT: usize = 1 << 20;

    /// Compiles an expression; one that would become too large is an error.
    pub fn new(pattern: &str) -> Result<Self, regex::Error> {
        let mut builder = regex::RegexBuilder::new(pattern);
        builder.size_limit(Self::SIZE_LIMIT).dfa_size_limit(Self::SIZE_LIMIT).nest_limit(50).build().map(Self)
    }

    /// Whether it is found in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// The pattern.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Expression {}

impl std::hash::Hash for Expression {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

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
