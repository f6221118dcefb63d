//! Correlations: read from the document itself, for the parser behind takes whole numbers only and passes over keys it does not know.

use std::collections::BTreeMap;

use rsigma_parser::{ConditionExpr, Quantifier, SelectorPattern, parse_condition};
use serde::Deserialize;
use yaml_serde::Value;

use crate::rules::parse::document::Document;
use crate::rules::parse::timespan_ms;
use crate::rules::plan::{Bound, Correlation, CorrelationKind, Member, Parameters, Presence, Relation};
use crate::rules::refusal::{Refusal, instead};

/// The longest window: what a correlation must remember is bounded by it.
const LONGEST_WINDOW_MS: i64 = 31 * 86_400_000;

const KEYS: [&str; 7] = ["type", "rules", "group-by", "timespan", "condition", "aliases", "generate"];
const TYPES: [&str; 7] =
    ["event_count", "value_count", "value_sum", "value_avg", "value_percentile", "temporal", "temporal_ordered"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Raw {
    r#type: String,
    #[serde(default)]
    rules: Names,
    #[serde(default)]
    group_by: Names,
    timespan: String,
    condition: Option<Value>,
    #[serde(default)]
    aliases: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    generate: bool,
}

/// One name or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Many(Vec<String>),
}

impl Default for Names {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Names {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(name) => vec![name],
            Self::Many(names) => names,
        }
    }
}

/// The condition of a correlation that counts or measures.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawCondition {
    gt: Option<f64>,
    gte: Option<f64>,
    lt: Option<f64>,
    lte: Option<f64>,
    eq: Option<f64>,
    neq: Option<f64>,
    field: Option<Value>,
    percentile: Option<f64>,
}

/// Reads the key `correlation` of a document.
pub(super) fn read(document: &Document<'_>, value: &Value, parameters: &Parameters) -> Result<Correlation, Refusal> {
    let reader = Reader { document, parameters };
    let raw = Raw::deserialize(value).map_err(|error| reader.explain(&error.to_string()))?;
    reader.correlation(raw)
}

struct Reader<'r> {
    document: &'r Document<'r>,
    parameters: &'r Parameters,
}

impl Reader<'_> {
    fn refuse(&self, key: &str, found: impl Into<String>, instead: impl Into<String>) -> Refusal {
        self.document.refuse(&["correlation", key], found, instead)
    }

    /// What serde says, and the nearest key where it met one it does not know.
    fn explain(&self, message: &str) -> Refusal {
        let quoted = |before: &str| message.split_once(before).and_then(|(_, rest)| rest.split('`').next());
        if let Some(key) = quoted("unknown field `") {
            let known = KEYS.into_iter().chain(Relation::ALL.map(Relation::name)).chain(["field", "percentile"]);
            let instead = instead(key, known);
            return self.refuse(key, format!("a correlation has no key `{key}`"), instead);
        }
        if let Some(key) = quoted("missing field `") {
            return self.refuse("type", format!("the correlation has no `{key}`"), format!("add `{key}:`"));
        }
        self.refuse("type", format!("the correlation cannot be read: {message}"), format!("write {}", KEYS.join(", ")))
    }

    fn correlation(&self, raw: Raw) -> Result<Correlation, Refusal> {
        let members: Vec<String> = raw.rules.list();
        if members.is_empty() {
            return Err(self.refuse(
                "type",
                "the correlation names no rules",
                "add `rules:` with ids or names of rules",
            ));
        }
        let group_by = raw.group_by.list();
        let aliases = self.aliases(raw.aliases, &members, &group_by)?;
        let kind = self.kind(&raw.r#type, raw.condition, &members)?;
        Ok(Correlation {
            kind,
            members: members.into_iter().map(member).collect(),
            group_by,
            aliases,
            window_ms: self.window(&raw.timespan)?,
            generate: raw.generate,
        })
    }

    fn aliases(
        &self,
        raw: BTreeMap<String, BTreeMap<String, String>>,
        members: &[String],
        group_by: &[String],
    ) -> Result<BTreeMap<String, BTreeMap<usize, String>>, Refusal> {
        let mut aliases = BTreeMap::new();
        for (alias, fields) in raw {
            if !group_by.contains(&alias) {
                let instead = format!("add `{alias}` to `group-by`, or remove the alias");
                return Err(self.refuse(&alias, format!("the alias `{alias}` is not grouped by"), instead));
            }
            let mut by_member = BTreeMap::new();
            for (name, field) in fields {
                let Some(position) = members.iter().position(|member| *member == name) else {
                    let instead = instead(&name, members.iter().map(String::as_str));
                    return Err(self.refuse(
                        &name,
                        format!("the alias `{alias}` names `{name}`, which is not in `rules`"),
                        instead,
                    ));
                };
                by_member.insert(position, field);
            }
            aliases.insert(alias, by_member);
        }
        Ok(aliases)
    }

    fn window(&self, written: &str) -> Result<i64, Refusal> {
        let text = self.parameters.window.as_deref().unwrap_or(written);
        let instead = "write a number and s, m, h or d, such as 10m, up to 31d";
        let span =
            timespan_ms(text).ok_or_else(|| self.refuse("timespan", format!("`{text}` is no timespan"), instead))?;
        if (1..=LONGEST_WINDOW_MS).contains(&span) {
            return Ok(span);
        }
        Err(self.refuse("timespan", format!("the timespan `{text}` is out of range"), instead))
    }

    fn kind(&self, kind: &str, condition: Option<Value>, members: &[String]) -> Result<CorrelationKind, Refusal> {
        if kind.starts_with("temporal") {
            return self.temporal(kind, condition, members);
        }
        if !TYPES.contains(&kind) {
            let instead = instead(kind, TYPES);
            return Err(self.refuse("type", format!("there is no correlation type `{kind}`"), instead));
        }
        let condition = self.measure(condition)?;
        let bounds = self.bounds(&condition)?;
        let mut fields = self.fields(condition.field.as_ref())?;
        if kind == "event_count" {
            return Ok(CorrelationKind::EventCount(bounds));
        }
        if fields.is_empty() {
            return Err(self.refuse(
                "condition",
                format!("`{kind}` has no `field`"),
                "name the field under `condition`",
            ));
        }
        if kind == "value_count" {
            return Ok(CorrelationKind::ValueCount(fields, bounds));
        }
        let field = fields.swap_remove(0);
        match kind {
            "value_sum" => Ok(CorrelationKind::ValueSum(field, bounds)),
            "value_avg" => Ok(CorrelationKind::ValueAvg(field, bounds)),
            _ => {
                self.percentile(condition.percentile).map(|rank| CorrelationKind::ValuePercentile(field, rank, bounds))
            }
        }
    }

    fn percentile(&self, rank: Option<f64>) -> Result<f64, Refusal> {
        let rank = rank.unwrap_or(50.0);
        if (0.0..=100.0).contains(&rank) {
            return Ok(rank);
        }
        Err(self.refuse("percentile", format!("the percentile {rank}"), "write a number from 0 to 100"))
    }

    fn measure(&self, condition: Option<Value>) -> Result<RawCondition, Refusal> {
        let condition = condition.ok_or_else(|| {
            self.refuse("type", "the correlation has no condition", "add `condition:` with gt, gte, lt, lte, eq or neq")
        })?;
        RawCondition::deserialize(condition).map_err(|error| self.explain(&error.to_string()))
    }

    /// The bounds of a condition, with the parameter `threshold` in place of the first.
    fn bounds(&self, condition: &RawCondition) -> Result<Vec<Bound>, Refusal> {
        let written = [condition.gt, condition.gte, condition.lt, condition.lte, condition.eq, condition.neq];
        let pairs = Relation::ALL.into_iter().zip(written);
        let mut bounds: Vec<Bound> =
            pairs.filter_map(|(relation, value)| value.map(|value| Bound { relation, value })).collect();
        if let (Some(first), Some(threshold)) = (bounds.first_mut(), self.parameters.threshold) {
            first.value = threshold;
        }
        if bounds.is_empty() {
            return Err(self.refuse("condition", "the condition has no bound", "write gt, gte, lt, lte, eq or neq"));
        }
        match bounds.iter().find(|bound| !bound.value.is_finite() || bound.value < 0.0) {
            Some(bound) => {
                let found = format!("`{}: {}`", bound.relation.name(), bound.value);
                Err(self.refuse(bound.relation.name(), found, "write a number from 0 up"))
            }
            None => Ok(bounds),
        }
    }

    fn fields(&self, value: Option<&Value>) -> Result<Vec<String>, Refusal> {
        let Some(value) = value else { return Ok(Vec::new()) };
        Names::deserialize(value)
            .map(Names::list)
            .map_err(|_| self.refuse("field", "`field` is no name", "write a field's name, or a list of names"))
    }

    fn temporal(&self, kind: &str, condition: Option<Value>, members: &[String]) -> Result<CorrelationKind, Refusal> {
        if self.parameters.threshold.is_some() && !matches!(condition, Some(Value::Mapping(_))) {
            return Err(self.refuse(
                "condition",
                "a `threshold` for a correlation without a bound",
                "write `condition:` with gte and a number, or leave out the threshold",
            ));
        }
        let ordered = match kind {
            "temporal_ordered" => true,
            "temporal" => false,
            other => {
                let instead = instead(other, TYPES);
                return Err(self.refuse("type", format!("there is no correlation type `{other}`"), instead));
            }
        };
        match condition {
            None if ordered => Ok(CorrelationKind::TemporalOrdered),
            None => Ok(CorrelationKind::Temporal(Presence::All(seen(members)))),
            Some(Value::String(text)) if !ordered => {
                let parsed = parse_condition(&text).map_err(|error| {
                    self.refuse("condition", error.to_string(), "combine rule names with and, or, not")
                })?;
                self.presence(&parsed, members).map(CorrelationKind::Temporal)
            }
            Some(Value::String(_)) => Err(self.refuse(
                "condition",
                "`temporal_ordered` takes no expression",
                "leave out `condition`, or use `temporal`",
            )),
            Some(map) => self.count_of_members(
                ordered,
                &RawCondition::deserialize(map).map_err(|error| self.explain(&error.to_string()))?,
                members,
            ),
        }
    }

    /// `condition: {gte: N}`: so many different members; in order only all of them make sense.
    fn count_of_members(
        &self,
        ordered: bool,
        condition: &RawCondition,
        members: &[String],
    ) -> Result<CorrelationKind, Refusal> {
        let [Bound { relation: Relation::Gte, value: wanted }] = self.bounds(condition)?[..] else {
            return Err(self.refuse(
                "condition",
                "a temporal correlation with a bound other than `gte`",
                "write `gte:` and the number of rules, or an expression such as `a and not b`",
            ));
        };
        if wanted.fract() != 0.0 {
            return Err(self.refuse("condition", format!("`gte: {wanted}` rules"), "write a whole number"));
        }
        let presence = self.at_least(wanted as u64, members)?;
        match ordered {
            false => Ok(CorrelationKind::Temporal(presence)),
            true if wanted as usize == members.len() => Ok(CorrelationKind::TemporalOrdered),
            true => Err(self.refuse(
                "condition",
                format!("{wanted} out of {} rules in order", members.len()),
                "leave it out for all of them, or use `temporal`",
            )),
        }
    }

    /// So many different members: at least one, and no more than there are.
    fn at_least(&self, wanted: u64, members: &[String]) -> Result<Presence, Refusal> {
        let most = members.len();
        match usize::try_from(wanted) {
            Ok(wanted) if (1..=most).contains(&wanted) => Ok(Presence::AtLeast(wanted, seen(members))),
            _ => Err(self.refuse("condition", format!("{wanted} out of {most} rules"), format!("write 1 to {most}"))),
        }
    }

    fn presence(&self, expression: &ConditionExpr, members: &[String]) -> Result<Presence, Refusal> {
        let all = |parts: &[ConditionExpr]| {
            parts.iter().map(|part| self.presence(part, members)).collect::<Result<Vec<_>, _>>()
        };
        match expression {
            ConditionExpr::And(parts) => all(parts).map(Presence::All),
            ConditionExpr::Or(parts) => all(parts).map(Presence::Any),
            ConditionExpr::Not(part) => Ok(Presence::Not(Box::new(self.presence(part, members)?))),
            ConditionExpr::Identifier(name) => {
                let position = members.iter().position(|member| member == name);
                position.map(Presence::Seen).ok_or_else(|| {
                    let instead = instead(name, members.iter().map(String::as_str));
                    self.refuse("condition", format!("the condition names `{name}`, which is not in `rules`"), instead)
                })
            }
            ConditionExpr::Selector { quantifier, pattern: SelectorPattern::Them } => match quantifier {
                Quantifier::Any => Ok(Presence::Any(seen(members))),
                Quantifier::All => Ok(Presence::All(seen(members))),
                Quantifier::Count(wanted) => self.at_least(*wanted, members),
            },
            ConditionExpr::Selector { .. } => {
                Err(self.refuse("condition", "a pattern of names", "name each rule, with and, or, not"))
            }
        }
    }
}

/// Each member by itself.
fn seen(members: &[String]) -> Vec<Presence> {
    (0..members.len()).map(Presence::Seen).collect()
}

fn member(name: String) -> Member {
    match name.strip_prefix(Member::INSIGHT) {
        Some("" | "*") => Member::Insight(None),
        Some(kind) => Member::Insight(Some(kind.to_owned())),
        None => Member::Rule(name),
    }
}
