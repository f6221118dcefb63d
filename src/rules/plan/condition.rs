//! What an event must be like: fields, and the tests on their values.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::event::{Column, service_name};
use crate::rules::field::{LogSource, Operand};
use crate::rules::pattern::{Pattern, fold};

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
    pub(super) fn collect_services(&self, services: &mut BTreeSet<String>) {
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
