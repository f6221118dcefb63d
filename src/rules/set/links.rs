//! How matches and insights reach the correlations that use them, and which fields must be captured for that.

use crate::rules::field::{LogSource, Operand};
use crate::rules::plan::{Body, Correlation, CorrelationKind, Member, Rule};
use crate::rules::set::RuleSet;

/// How the matches of a rule reach a correlation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The correlation's position.
    pub correlation: usize,
    /// The member's position among the correlation's members.
    pub member: usize,
    /// Where the values of the group are: among the captures of a match, or among the group values of a correlation.
    pub group: Vec<usize>,
    /// Where the measured values are, likewise.
    pub values: Vec<usize>,
}

/// How insights reach a correlation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsightLink {
    /// The correlation's position.
    pub correlation: usize,
    /// The member's position among the correlation's members.
    pub member: usize,
    /// The type of insight; any if there is none.
    pub kind: Option<String>,
    /// The names under which an insight tells the values of the group.
    pub group: Vec<String>,
    /// The names under which it tells what is measured.
    pub values: Vec<String>,
}

impl RuleSet {
    /// Links every correlation to its members, and says what is captured of them.
    pub(super) fn connect(&mut self) {
        self.captures = vec![Vec::new(); self.rules.len()];
        self.links = vec![Vec::new(); self.rules.len()];
        self.reports = self.rules.iter().map(|rule| !self.disabled.contains(&rule.id)).collect();
        self.order = self.in_order();
        self.keys = self.rules.iter().zip(&mut self.captures).map(|(rule, captures)| keys(rule, captures)).collect();
        for position in self.order.clone() {
            let Some(correlation) = self.correlation(position).cloned() else { continue };
            for (member, named) in correlation.members.iter().enumerate() {
                match (named, self.member(named)) {
                    (Member::Insight(kind), _) => {
                        let names = |fields: Vec<String>| fields.iter().map(|field| key_name(field)).collect();
                        let (group, values) = (names(correlation.fields_of(member)), names(correlation.measured()));
                        let kind = kind.clone();
                        self.insights.push(InsightLink { correlation: position, member, kind, group, values });
                    }
                    (Member::Rule(_), Some(rule)) => self.connect_rule(position, &correlation, member, rule),
                    (Member::Rule(_), None) => {}
                }
            }
        }
    }

    fn connect_rule(&mut self, position: usize, correlation: &Correlation, member: usize, rule: usize) {
        self.reports[rule] &= correlation.generate;
        let fields = correlation.fields_of(member);
        let (group, values) = match &self.rules[rule].body {
            Body::Correlation(inner) => {
                let place = |field: &String| inner.group_by.iter().position(|known| known == field);
                (fields.iter().filter_map(place).collect(), correlation.measured().iter().filter_map(place).collect())
            }
            Body::Detection(detection) => {
                let source = detection.source;
                let mut capture = |field: &String| self.captures[rule].capture(source, field);
                let group = fields.iter().filter_map(&mut capture).collect();
                (group, correlation.measured().iter().filter_map(&mut capture).collect())
            }
        };
        self.links[rule].push(Link { correlation: position, member, group, values });
    }

    /// Correlations, members first. There are no circles any more.
    fn in_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = Vec::new();
        let all: Vec<usize> = (0..self.rules.len()).filter(|&rule| self.correlation(rule).is_some()).collect();
        while order.len() < all.len() {
            let before = order.len();
            for &position in &all {
                let members =
                    self.correlation(position).map(|correlation| correlation.members.as_slice()).unwrap_or_default();
                let mut inner =
                    members.iter().filter_map(|member| self.member(member)).filter(|member| all.contains(member));
                if !order.contains(&position) && inner.all(|member| order.contains(&member)) {
                    order.push(position);
                }
            }
            if order.len() == before {
                break;
            }
        }
        order
    }
}

impl Correlation {
    /// The fields by which a member is grouped.
    pub(super) fn fields_of(&self, member: usize) -> Vec<String> {
        let field =
            |name: &String| self.aliases.get(name).and_then(|fields| fields.get(&member)).unwrap_or(name).clone();
        self.group_by.iter().map(field).collect()
    }

    /// The fields that are measured.
    pub(super) fn measured(&self) -> Vec<String> {
        match &self.kind {
            CorrelationKind::ValueCount(fields, _) => fields.clone(),
            CorrelationKind::ValueSum(field, _)
            | CorrelationKind::ValueAvg(field, _)
            | CorrelationKind::ValuePercentile(field, ..) => vec![field.clone()],
            _ => Vec::new(),
        }
    }
}

trait Capture {
    /// The place of a field among what is captured, added if it is not there yet.
    fn capture(&mut self, source: LogSource, field: &str) -> Option<usize>;
}

impl Capture for Vec<Operand> {
    fn capture(&mut self, source: LogSource, field: &str) -> Option<usize> {
        let operand = source.operand(field).ok()?;
        let place = self.iter().position(|known| *known == operand).unwrap_or(self.len());
        if place == self.len() {
            self.push(operand);
        }
        Some(place)
    }
}

/// Captures the fields that tell a rule's alerts apart; where they are.
fn keys(rule: &Rule, captures: &mut Vec<Operand>) -> Vec<usize> {
    let capture = |source| rule.fields.iter().filter_map(|field| captures.capture(source, field)).collect();
    rule.source().map_or_else(Vec::new, capture)
}

/// What a field of this name is, in whichever log source has it.
fn any_operand(field: &str) -> Option<Operand> {
    LogSource::ALL.into_iter().find_map(|source| source.operand(field).ok())
}

/// The name by which an insight tells a field: that of the column, whatever the cloud calls it.
pub(super) fn key_name(field: &str) -> String {
    any_operand(field).map_or_else(|| field.to_owned(), |operand| operand.to_string())
}
