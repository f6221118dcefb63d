//! Detections and conditions: from the parser's tree to a [`Condition`] in which every name is replaced by what it stands for.

use std::collections::{BTreeMap, BTreeSet};

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier as Count, SelectorPattern, SigmaString,
    SigmaValue, detection_name_matches,
};

use crate::rules::field::{LogSource, Operand};
use crate::rules::parse::document::Document;
use crate::rules::parse::modifier::{Fault, Modifiers};
use crate::rules::plan::{Condition, Predicate, Quantifier, Scalar, Test};
use crate::rules::refusal::{Refusal, instead};

/// The most predicates a rule may come to after every name is replaced.
const MOST_PREDICATES: usize = 100_000;
/// The most values that placeholders may turn one value into.
const MOST_VALUES: usize = 10_000;

/// What the reading of one rule's detections needs to know.
pub(super) struct Reading<'r> {
    pub(super) document: Document<'r>,
    /// The key under which the detections stand.
    pub(super) section: &'static str,
    pub(super) source: LogSource,
    /// What placeholders stand for.
    pub(super) values: BTreeMap<String, Vec<Scalar>>,
}

/// The selections of a rule by name, and the number of comparisons in each.
struct NamedSelections<'r> {
    named: BTreeMap<&'r str, Condition>,
    weights: BTreeMap<&'r str, usize>,
}

impl Reading<'_> {
    /// The condition of a detection section.
    pub(super) fn condition(&self, detections: &Detections) -> Result<Condition, Refusal> {
        if detections.timeframe.is_some() {
            return Err(self.document.refuse(
                &[self.section, "timeframe"],
                "`timeframe` is from before correlations",
                "write a correlation with `timespan` that names this rule",
            ));
        }
        let mut named = BTreeMap::new();
        // The parser keeps a hash map; names are put in order before anything is made of them.
        let mut names: Vec<&String> = detections.named.keys().collect();
        names.sort();
        for name in names {
            named.insert(name.as_str(), self.detection(name, &detections.named[name])?);
        }
        let named = NamedSelections {
            weights: named.iter().map(|(&name, condition)| (name, weight(condition))).collect(),
            named,
        };
        let mut room = MOST_PREDICATES;
        let conditions = detections.conditions.iter().map(|written| self.expression(written, &named, &mut room));
        let mut conditions: Vec<Condition> = conditions.collect::<Result<_, _>>()?;
        Ok(if conditions.len() == 1 { conditions.remove(0) } else { Condition::Any(conditions) })
    }

    fn detection(&self, name: &str, detection: &Detection) -> Result<Condition, Refusal> {
        let refuse = |found: &str, instead: &str| Err(self.document.refuse(&[self.section, name], found, instead));
        match detection {
            Detection::AllOf(items) if items.is_empty() => refuse("an empty map", "write at least one field"),
            Detection::AllOf(items) => {
                items.iter().map(|item| self.item(name, item)).collect::<Result<_, _>>().map(Condition::All)
            }
            Detection::AnyOf(parts) if parts.is_empty() => refuse("an empty list", "write at least one map"),
            Detection::AnyOf(parts) => self.parts(name, parts).map(Condition::Any),
            Detection::And(parts) => self.parts(name, parts).map(Condition::All),
            Detection::Keywords(values) if values.is_empty() => refuse("an empty list", "write at least one keyword"),
            Detection::Keywords(values) => self.keywords(name, Modifiers::default(), values),
            Detection::ArrayMatch { .. } | Detection::Conditional { .. } => refuse(
                "a block for array members (`field[any]`)",
                "write the plain field: any member of an array matches",
            ),
        }
    }

    fn parts(&self, name: &str, parts: &[Detection]) -> Result<Vec<Condition>, Refusal> {
        parts.iter().map(|part| self.detection(name, part)).collect()
    }

    fn item(&self, selection: &str, item: &DetectionItem) -> Result<Condition, Refusal> {
        let field = item.field.name.as_deref().unwrap_or_default();
        let refuse = |(found, instead): Fault| self.document.refuse(&[self.section, selection, field], found, instead);
        let modifiers = Modifiers::new(&item.field.modifiers).map_err(refuse)?;
        if item.values.is_empty() {
            return Err(refuse((format!("`{field}` has an empty list of values"), "write at least one value".into())));
        }
        let raw = item.field.modifiers.contains(&Modifier::Re);
        let values =
            if modifiers.expand { self.expand(&item.values, raw).map_err(refuse)? } else { item.values.clone() };
        if item.field.name.is_none() {
            return self.keywords(selection, modifiers, &values);
        }
        if modifiers.all && item.values.len() < 2 && !modifiers.expand {
            return Err(refuse((format!("`{field}|all` has a single value"), "leave out `all`".into())));
        }
        let operand = self.operand(field).map_err(refuse)?;
        self.predicates(&operand, &modifiers, &values).map_err(refuse)
    }

    fn keywords(&self, selection: &str, modifiers: Modifiers, values: &[SigmaValue]) -> Result<Condition, Refusal> {
        let modifiers = modifiers.for_keywords();
        self.predicates(&Operand::Anything, &modifiers, values)
            .map_err(|(found, instead)| self.document.refuse(&[self.section, selection], found, instead))
    }

    fn predicates(&self, operand: &Operand, modifiers: &Modifiers, values: &[SigmaValue]) -> Result<Condition, Fault> {
        let field = |name: &str| self.operand(name);
        let tests: Vec<Vec<Test>> =
            values.iter().map(|value| modifiers.tests(value, &field)).collect::<Result<_, _>>()?;
        let quantifier = if modifiers.negated { Quantifier::None } else { Quantifier::Any };
        let is = |tests| Condition::Is(Predicate { operand: operand.clone(), tests, quantifier });
        if modifiers.all && !tests.is_empty() {
            return Ok(Condition::All(tests.into_iter().map(is).collect()));
        }
        Ok(is(tests.concat()))
    }

    /// What a field of this log source is.
    pub(super) fn operand(&self, field: &str) -> Result<Operand, Fault> {
        self.source.operand(field).map_err(|instead| {
            let (product, service) = self.source.names();
            (format!("no event of {product}/{service} has a field `{field}`"), instead)
        })
    }

    /// The values with their placeholders filled in.
    fn expand(&self, values: &[SigmaValue], raw: bool) -> Result<Vec<SigmaValue>, Fault> {
        let mut expanded = Vec::new();
        for value in values {
            match value {
                SigmaValue::String(text) => expanded.extend(self.fill(&text.original, raw)?),
                other => expanded.push(other.clone()),
            }
            if expanded.len() > MOST_VALUES {
                return Err((
                    format!("placeholders make more than {MOST_VALUES} values"),
                    "use fewer placeholders".into(),
                ));
            }
        }
        Ok(expanded)
    }

    fn fill(&self, text: &str, raw: bool) -> Result<Vec<SigmaValue>, Fault> {
        let value = |text: &str| {
            if raw { SigmaValue::from_raw_string(text) } else { SigmaValue::String(SigmaString::new(text)) }
        };
        let Some((name, before, after)) = placeholder(text) else { return Ok(vec![value(text)]) };
        let scalars = self.values.get(name).ok_or_else(|| {
            let instead = format!(
                "give `{name}` a list under `insights.parameters.values`, or under `[rules.values]` in insights.toml"
            );
            (format!("there are no values for `%{name}%`"), instead)
        })?;
        if before.is_empty() && after.is_empty() {
            let typed = |scalar: &Scalar| match scalar {
                Scalar::Whole(number) => SigmaValue::Integer(*number),
                Scalar::Decimal(number) => SigmaValue::Float(*number),
                Scalar::Truth(truth) => SigmaValue::Bool(*truth),
                Scalar::Text(text) => value(text),
            };
            return Ok(scalars.iter().map(typed).collect());
        }
        let mut filled = Vec::new();
        for scalar in scalars {
            for rest in self.fill(after, true)? {
                filled.push(value(&format!("{before}{scalar}{rest}")));
                if filled.len() > MOST_VALUES {
                    return Err((
                        format!("placeholders make more than {MOST_VALUES} values"),
                        "use fewer placeholders".into(),
                    ));
                }
            }
        }
        Ok(filled)
    }

    /// An expression with every name replaced, as long as the comparisons do not become more than there is room for.
    fn expression(
        &self,
        expression: &ConditionExpr,
        named: &NamedSelections<'_>,
        room: &mut usize,
    ) -> Result<Condition, Refusal> {
        let mut all = |parts: &[ConditionExpr]| {
            parts.iter().map(|part| self.expression(part, named, room)).collect::<Result<Vec<_>, _>>()
        };
        match expression {
            ConditionExpr::And(parts) => all(parts).map(Condition::All),
            ConditionExpr::Or(parts) => all(parts).map(Condition::Any),
            ConditionExpr::Not(part) => Ok(Condition::Not(Box::new(self.expression(part, named, room)?))),
            ConditionExpr::Identifier(name) => self.stood_for(name, named, room),
            ConditionExpr::Selector { quantifier, pattern } => {
                let wanted = |name: &str| match pattern {
                    SelectorPattern::Them => !name.starts_with('_'),
                    SelectorPattern::Pattern(pattern) => detection_name_matches(pattern, name),
                };
                let parts = named.named.keys().filter(|name| wanted(name));
                let parts = parts.map(|name| self.stood_for(name, named, room)).collect::<Result<Vec<_>, _>>()?;
                match quantifier {
                    _ if parts.is_empty() => Err(self.unnamed(&pattern.to_string(), named)),
                    Count::Any => Ok(Condition::Any(parts)),
                    Count::All => Ok(Condition::All(parts)),
                    Count::Count(number) => Ok(Condition::AtLeast(*number, parts)),
                }
            }
        }
    }

    /// What a name stands for.
    fn stood_for(&self, name: &str, named: &NamedSelections<'_>, room: &mut usize) -> Result<Condition, Refusal> {
        let (condition, weight) =
            named.named.get(name).zip(named.weights.get(name)).ok_or_else(|| self.unnamed(name, named))?;
        *room = room.checked_sub(*weight).ok_or_else(|| {
            let found = format!("the condition comes to more than {MOST_PREDICATES} comparisons");
            self.document.refuse(&[self.section, "condition"], found, "split the rule")
        })?;
        Ok(condition.clone())
    }

    fn unnamed(&self, name: &str, named: &NamedSelections<'_>) -> Refusal {
        let instead = instead(name, named.named.keys().copied());
        let found = format!("the condition names `{name}`, which is no selection of this rule");
        self.document.refuse(&[self.section, "condition"], found, instead)
    }
}

/// The first `%name%` of a text, what stands before it, and what after.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.'))
    };
    let signs: Vec<usize> = text.match_indices('%').map(|(at, _)| at).collect();
    let between = signs.windows(2).map(|pair| (&text[pair[0] + 1..pair[1]], &text[..pair[0]], &text[pair[1] + 1..]));
    between.into_iter().find(|(name, _, _)| is_name(name))
}

/// The names of all placeholders that a text may have.
pub(super) fn placeholders(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some((name, _, after)) = placeholder(rest) {
            names.insert(name.to_owned());
            rest = after;
        }
    }
    names
}

/// The number of comparisons in a condition.
pub(super) fn weight(condition: &Condition) -> usize {
    match condition {
        Condition::All(parts) | Condition::Any(parts) | Condition::AtLeast(_, parts) => parts.iter().map(weight).sum(),
        Condition::Not(part) => weight(part),
        Condition::Is(predicate) => predicate.tests.len().max(1),
    }
}
