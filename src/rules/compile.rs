//! From rules to a [`Program`]: predicates that rules share are there once, and each rule is a small tree over their numbers.
//!
//! The cheapest parts of a condition come first, so that columns of JSON are looked into only for rows that passed the rest.

use hashbrown::{HashMap, HashSet};

use crate::event::Column;
use crate::rules::field::{LogSource, Operand, View, holds_json};
use crate::rules::json;
use crate::rules::pattern::{Pattern, Piece, fold};
use crate::rules::plan::{Body, Condition, Predicate, Quantifier, Test};
use crate::rules::set::RuleSet;

/// A predicate's number.
pub(super) type PredicateId = u32;

/// Rules, ready to be evaluated.
#[derive(Debug)]
pub struct Program {
    pub(super) predicates: Vec<Compiled>,
    pub(super) rules: Vec<CompiledRule>,
    captures: Vec<Vec<Operand>>,
}

/// A predicate, ready to be evaluated.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) operand: Operand,
    /// Folded texts, one of which a value may be equal to.
    equal: HashSet<String>,
    /// Every other test.
    pub(super) tests: Vec<Test>,
    quantifier: Quantifier,
    /// The one column on which it depends, if there is but one.
    pub(super) column: Option<Column>,
}

/// A rule about single events, ready to be evaluated.
#[derive(Debug)]
pub(super) struct CompiledRule {
    /// Its position in the [`RuleSet`].
    pub(super) rule: usize,
    pub(super) condition: Node,
    pub(super) columns: Vec<Column>,
}

/// A condition over predicates.
#[derive(Debug, Clone)]
pub(super) enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    AtLeast(u64, Vec<Self>),
    Not(Box<Self>),
    Is(PredicateId),
}

impl Program {
    /// Compiles the enabled rules about single events.
    pub fn compile(rules: &RuleSet) -> Self {
        let mut compiler = Compiler::default();
        let mut compiled = Vec::new();
        for (position, rule) in rules.rules().iter().enumerate() {
            if let Body::Detection(detection) = &rule.body {
                compiled.push(compiler.rule(position, detection.source, &detection.condition));
            }
        }
        Self { predicates: compiler.predicates, rules: compiled, captures: rules.captures() }
    }

    /// The fields of a rule's events that its correlations ask for.
    pub fn captures(&self, rule: usize) -> &[Operand] {
        self.captures.get(rule).map_or(&[], Vec::as_slice)
    }

    /// The number of rules about single events.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are no rules about single events.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The number of different predicates.
    pub fn predicates(&self) -> usize {
        self.predicates.len()
    }

    /// The columns that a compiled rule, and the correlations of its matches, ask for.
    pub(super) fn columns_of(&self, place: usize) -> impl Iterator<Item = Column> {
        let compiled = &self.rules[place];
        let captured = self.captures(compiled.rule).iter().flat_map(Operand::columns);
        compiled.columns.iter().copied().chain(captured)
    }

    /// What a rule compiles to, a line a part; `None` if it is not about single events.
    pub fn explain(&self, rule: usize) -> Option<String> {
        let compiled = self.rules.iter().find(|compiled| compiled.rule == rule)?;
        let mut text = String::new();
        self.describe(&compiled.condition, 0, &mut text);
        Some(text)
    }

    fn describe(&self, node: &Node, depth: usize, text: &mut String) {
        let mut line = |words: &str| text.extend(["  ".repeat(depth).as_str(), words, "\n"]);
        let parts = match node {
            Node::Is(predicate) => return line(&self.predicates[*predicate as usize].to_string()),
            Node::All(parts) => {
                line("all of");
                parts.as_slice()
            }
            Node::Any(parts) => {
                line("any of");
                parts.as_slice()
            }
            Node::AtLeast(number, parts) => {
                line(&format!("{number} of"));
                parts.as_slice()
            }
            Node::Not(part) => {
                line("not");
                std::slice::from_ref(part.as_ref())
            }
        };
        for part in parts {
            self.describe(part, depth + 1, text);
        }
    }
}

#[derive(Debug, Default)]
struct Compiler {
    predicates: Vec<Compiled>,
    numbers: HashMap<Predicate, PredicateId>,
}

impl Compiler {
    fn rule(&mut self, rule: usize, source: LogSource, condition: &Condition) -> CompiledRule {
        let of_cloud = Predicate {
            operand: Operand::Column(Column::Cloud, View::Text),
            // Partitions of other writers do not say which cloud they are of.
            tests: vec![Test::Null, Test::Text(literal(source.cloud()))],
            quantifier: Quantifier::Any,
        };
        let condition = Condition::All(vec![Condition::Is(of_cloud), condition.clone()]);
        let condition = self.node(&condition);
        let columns = self.columns(&condition);
        CompiledRule { rule, condition, columns }
    }

    fn node(&mut self, condition: &Condition) -> Node {
        match condition {
            Condition::Is(predicate) => Node::Is(self.number(predicate)),
            Condition::Not(part) => Node::Not(Box::new(self.node(part))),
            Condition::All(parts) => {
                let mut nodes = Vec::new();
                for part in parts {
                    match self.node(part) {
                        Node::All(inner) => nodes.extend(inner),
                        other => nodes.push(other),
                    }
                }
                single(self.cheapest_first(nodes), Node::All)
            }
            Condition::Any(parts) => {
                let nodes = parts.iter().map(|part| self.node(part)).collect();
                single(self.cheapest_first(nodes), Node::Any)
            }
            Condition::AtLeast(number, parts) => {
                Node::AtLeast(*number, parts.iter().map(|part| self.node(part)).collect())
            }
        }
    }

    fn cheapest_first(&self, mut nodes: Vec<Node>) -> Vec<Node> {
        nodes.sort_by_cached_key(|node| self.cost(node));
        nodes
    }

    fn cost(&self, node: &Node) -> u32 {
        match node {
            Node::Is(predicate) => self.predicates[*predicate as usize].cost(),
            Node::Not(part) => self.cost(part),
            Node::All(parts) | Node::Any(parts) | Node::AtLeast(_, parts) => {
                parts.iter().map(|part| self.cost(part)).max().unwrap_or(0) + 1
            }
        }
    }

    fn number(&mut self, predicate: &Predicate) -> PredicateId {
        if let Some(known) = self.numbers.get(predicate) {
            return *known;
        }
        let number = self.predicates.len() as PredicateId;
        self.predicates.push(Compiled::new(predicate));
        self.numbers.insert(predicate.clone(), number);
        number
    }

    fn columns(&self, node: &Node) -> Vec<Column> {
        let mut found = Vec::new();
        node.visit(&mut |predicate| found.extend(self.predicates[predicate as usize].columns()));
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn single(mut nodes: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    if nodes.len() == 1 { nodes.remove(0) } else { join(nodes) }
}

fn literal(text: &str) -> Pattern {
    Pattern::new(&text.chars().map(Piece::Char).collect::<Vec<_>>(), false)
}

impl Node {
    /// Calls `visit` with every predicate.
    pub(super) fn visit(&self, visit: &mut dyn FnMut(PredicateId)) {
        match self {
            Self::Is(predicate) => visit(*predicate),
            Self::Not(part) => part.visit(visit),
            Self::All(parts) | Self::Any(parts) | Self::AtLeast(_, parts) => {
                for part in parts {
                    part.visit(visit);
                }
            }
        }
    }
}

/// A value that a predicate is asked about.
pub(super) enum Value<'a> {
    /// There is none.
    Absent,
    /// A text.
    Text(&'a str),
    /// Values as JSON text, of which any counts.
    Json(Vec<&'a str>),
}

impl Value<'_> {
    /// Calls `visit` with every text that the value can be compared by, until it says true.
    pub(super) fn any_text(&self, visit: &mut dyn FnMut(&str) -> bool) -> bool {
        match self {
            Self::Absent => false,
            Self::Text(text) => visit(text),
            Self::Json(values) => values.iter().any(|value| json::any_text(value, visit)),
        }
    }
}

impl Compiled {
    fn new(predicate: &Predicate) -> Self {
        let mut equal = HashSet::new();
        let mut tests = Vec::new();
        for test in &predicate.tests {
            match test {
                Test::Text(pattern) if pattern.plain().is_some() => {
                    equal.extend(pattern.plain().map(str::to_owned));
                }
                other => tests.push(other.clone()),
            }
        }
        let mut compiled =
            Self { operand: predicate.operand.clone(), equal, tests, quantifier: predicate.quantifier, column: None };
        let refers = compiled.tests.iter().any(|test| matches!(test, Test::Field(_)));
        compiled.column = match compiled.columns().as_slice() {
            [column] if !refers => Some(*column),
            _ => None,
        };
        compiled
    }

    /// Every column that it needs.
    pub(super) fn columns(&self) -> Vec<Column> {
        let other = |test: &Test| if let Test::Field(field) = test { field.other.columns() } else { Vec::new() };
        self.operand.columns().into_iter().chain(self.tests.iter().flat_map(other)).collect()
    }

    /// A rough order of how dear it is: columns, then what is worked out, then JSON, then everything.
    fn cost(&self) -> u32 {
        let test = self.tests.iter().any(|test| matches!(test, Test::Expression(_) | Test::Field(_)));
        let operand = match &self.operand {
            Operand::Column(column, _) if holds_json(*column) => 6,
            Operand::Column(..) => 0,
            Operand::Time | Operand::Derived(_) => 2,
            Operand::Json { .. } => 8,
            Operand::Anything => 16,
        };
        operand + u32::from(test)
    }

    /// Whether a value satisfies the predicate; `other` gives the values of fields that it refers to.
    pub(super) fn holds(&self, value: &Value<'_>, other: &dyn Fn(&Operand) -> Vec<String>) -> bool {
        let any = self.any(value, other);
        match self.quantifier {
            Quantifier::None => !matches!(value, Value::Absent) && !any,
            Quantifier::Any => any,
        }
    }

    fn any(&self, value: &Value<'_>, other: &dyn Fn(&Operand) -> Vec<String>) -> bool {
        let has = |test: &Test| self.tests.contains(test);
        match value {
            Value::Absent => has(&Test::Null) || has(&Test::Exists(false)),
            Value::Json(_) if has(&Test::Exists(true)) => true,
            Value::Json(_) => value.any_text(&mut |text| self.is_like(text, other)),
            Value::Text(text) => self.is_like(text, other),
        }
    }

    fn is_like(&self, text: &str, other: &dyn Fn(&Operand) -> Vec<String>) -> bool {
        (!self.equal.is_empty() && self.equal.contains(fold(text).as_ref()))
            || self.tests.iter().any(|test| test_holds(test, text, other))
    }
}

fn test_holds(test: &Test, text: &str, other: &dyn Fn(&Operand) -> Vec<String>) -> bool {
    match test {
        Test::Text(pattern) => pattern.is_match(text),
        Test::Expression(expression) => expression.is_match(text),
        Test::Number(relation, bound) => text.trim().parse().is_ok_and(|number: f64| relation.holds(number, bound.0)),
        Test::Equals(number, written) => text == written || equals(text, number.0),
        Test::Truth(expected) => truth(text) == Some(*expected),
        Test::Null => false,
        Test::Exists(expected) => *expected,
        Test::Network(network) => {
            text.parse::<std::net::IpAddr>().is_ok_and(|address| network.contains(&address.to_canonical()))
        }
        Test::Field(field) => other(&field.other).iter().any(|other| field.holds(text, other)),
    }
}

/// Numbers are equal as numbers where a float can tell them apart, and only as texts beyond.
#[allow(clippy::float_cmp, reason = "equality is what the rule asks for")]
fn equals(text: &str, number: f64) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.abs() < EXACT && text.parse::<f64>().is_ok_and(|found| found == number)
}

fn truth(text: &str) -> Option<bool> {
    match fold(text).as_ref() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

impl std::fmt::Display for Compiled {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut equal: Vec<String> = self.equal.iter().map(|text| format!("= {text:?}")).collect();
        equal.sort();
        let tests: Vec<String> = equal.into_iter().chain(self.tests.iter().map(describe)).collect();
        let joined = if tests.is_empty() { "never".to_owned() } else { tests.join(" or ") };
        let none = if self.quantifier == Quantifier::None { "is there, and neither " } else { "" };
        write!(formatter, "{} {none}{joined}", self.operand)
    }
}

fn describe(test: &Test) -> String {
    match test {
        Test::Text(pattern) => pattern.to_string(),
        Test::Expression(expression) => format!("matches /{}/", expression.as_str()),
        Test::Number(relation, number) => format!("{} {}", relation.name(), number.0),
        Test::Equals(_, written) => format!("= {written}"),
        Test::Truth(truth) => format!("is {truth}"),
        Test::Null => "is absent".to_owned(),
        Test::Exists(true) => "is there".to_owned(),
        Test::Exists(false) => "is not there".to_owned(),
        Test::Network(network) => format!("in {network}"),
        Test::Field(field) => format!("{:?} {}", field.shape, field.other).to_lowercase(),
    }
}
