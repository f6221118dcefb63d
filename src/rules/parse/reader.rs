//! One document: a rule, a correlation or a filter, with the keys that all of them have.
//!
//! Keys that only this product knows are read here as well, for the parser behind would pass over them without a word.

use std::collections::BTreeMap;

use rsigma_parser::{FilterRuleTarget, SigmaCollection, parse_sigma_yaml};
use serde::Deserialize;
use yaml_serde::Value;

use crate::rules::field::LogSource;
use crate::rules::parse::detection::{Reading, placeholders};
use crate::rules::parse::document::Document;
use crate::rules::parse::{Filter, Parsed, correlation};
use crate::rules::plan::{Body, Correlation, Detection, Extension, Rule, Scalar};
use crate::rules::refusal::{Position, Refusal, instead};
use crate::rules::settings::{Override, RuleSettings};
use crate::severity::Severity;

/// Reads one document.
pub(super) struct Reader<'r> {
    pub(super) document: Document<'r>,
    pub(super) settings: &'r RuleSettings,
}

/// The keys of a rule about which nothing is decided by its kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Head {
    id: Option<String>,
    name: Option<String>,
    title: Option<String>,
    description: Option<String>,
    level: Option<String>,
    tags: Option<Vec<String>>,
    fields: Option<Vec<String>>,
    falsepositives: Option<Value>,
}

impl Head {
    /// What the rule is known by: its id, or its name or title where it has none.
    fn known_by(&self) -> &str {
        [&self.id, &self.name, &self.title].into_iter().flatten().next().map_or("", String::as_str)
    }
}

impl Reader<'_> {
    /// Adds what the document holds to `parsed`.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn read(&self, parsed: &mut Parsed) -> Result<(), Refusal> {
        let value = self.yaml()?;
        let extension = self.extension(&value)?;
        parsed.placeholders.extend(placeholders(self.document.text()));
        let head = Head::deserialize(&value).map_err(|error| self.document.unreadable(&error.to_string()))?;
        let set = self.settings.override_of(head.known_by(), extension.builtin.as_deref());
        let body = if value.get("correlation").is_some() {
            let (correlation, refusal) = self.correlation_as_set(&value, head.known_by(), &extension, set)?;
            parsed.refusals.extend(refusal);
            Body::Correlation(correlation)
        } else {
            let collection = self.sigma()?;
            if let Some(filter) = collection.filters.first() {
                parsed.filters.push(self.filter(filter, self.values(&extension, set))?);
                return Ok(());
            }
            let Some(rule) = collection.rules.first() else { return Ok(()) };
            Body::Detection(self.detection(rule, &head, &extension, set)?)
        };
        parsed.rules.push(self.rule(head, extension, set, body)?);
        Ok(())
    }

    /// The document as plain YAML. References that would expand without end are stopped by the reader's own limit.
    fn yaml(&self) -> Result<Value, Refusal> {
        let value: Value = yaml_serde::from_str(self.document.text()).map_err(|error| {
            let message = error.to_string();
            if message.contains("repetition limit") || message.contains("recursion limit") {
                let found = "YAML anchors that expand without end, or lists nested too deep";
                return Refusal {
                    place: self.document.anchor(),
                    found: found.into(),
                    instead: "write the values out".into(),
                };
            }
            let place = error.location().map(|place| self.document.place_of(place.index()));
            Refusal {
                place: place.unwrap_or_else(|| self.document.place(&[])),
                found: format!("this is no YAML: {}", without_places(&message)),
                instead: "mend the YAML; values with `: ` or `#` need quotes".into(),
            }
        })?;
        if !value.is_mapping() {
            return Err(self.document.refuse(
                &[],
                "this is no map",
                "write a rule with title, logsource and detection",
            ));
        }
        if value.get("action").is_some() {
            let instead = "write every rule in full, in documents of its own";
            return Err(self.document.refuse(&["action"], "`action` is from before Sigma 2", instead));
        }
        Ok(value)
    }

    fn extension(&self, value: &Value) -> Result<Extension, Refusal> {
        let Some(value) = value.get("insights") else { return Ok(Extension::default()) };
        let extension = Extension::deserialize(value).map_err(|error| {
            let message = error.to_string();
            let key = message.split_once("unknown field `").and_then(|(_, rest)| rest.split('`').next());
            let known = [
                "builtin",
                "group",
                "parameters",
                "notify",
                "examples",
                "threshold",
                "window",
                "values",
                "consecutive",
                "no_data",
                "name",
                "fires",
                "events",
            ];
            match key {
                Some(key) => {
                    let instead = instead(key, known);
                    self.document.refuse(&["insights", key], format!("`insights` has no key `{key}`"), instead)
                }
                None => self.document.refuse(
                    &["insights"],
                    format!("`insights` cannot be read: {message}"),
                    "see the rules chapter of the documentation",
                ),
            }
        })?;
        match &extension.notify.no_data {
            Some(text) if extension.notify.no_data_ms().is_none() => Err(self.document.refuse(
                &["insights", "notify", "no_data"],
                format!("`{text}` is no timespan"),
                "write a number and s, m, h or d, as `24h`",
            )),
            _ => Ok(extension),
        }
    }

    /// The document as the Sigma parser sees it; whatever it complains of refuses the document.
    fn sigma(&self) -> Result<SigmaCollection, Refusal> {
        let collection =
            parse_sigma_yaml(self.document.text()).map_err(|error| self.document.explain(&error.to_string()))?;
        match collection.errors.first() {
            Some(error) => Err(self.document.explain(error)),
            None => Ok(collection),
        }
    }

    /// The correlation with what the settings set of it. Where that cannot be, it is as its file has it, and the
    /// settings' fault is told: without it, its members would report by themselves.
    fn correlation_as_set(
        &self,
        value: &Value,
        known_by: &str,
        extension: &Extension,
        set: Option<&Override>,
    ) -> Result<(Correlation, Option<Refusal>), Refusal> {
        let refused = match self.correlation(value, extension, set) {
            Err(refused) if set.is_some() => refused,
            read => return read.map(|correlation| (correlation, None)),
        };
        let correlation = self.correlation(value, extension, None)?;
        let name = self.settings.override_name(known_by, extension.builtin.as_deref());
        let found = format!("`{name}`: {}", refused.found);
        Ok((correlation, Some(Refusal { place: Position::settings("override"), found, instead: refused.instead })))
    }

    fn correlation(
        &self,
        value: &Value,
        extension: &Extension,
        set: Option<&Override>,
    ) -> Result<Correlation, Refusal> {
        let own = &extension.parameters;
        let mut parameters = own.clone();
        parameters.threshold = set.and_then(|set| set.threshold).or(own.threshold);
        parameters.window = set.and_then(|set| set.window.clone()).or_else(|| own.window.clone());
        let section = value.get("correlation").unwrap_or(&Value::Null);
        correlation::read(&self.document, section, &parameters)
    }

    fn detection(
        &self,
        rule: &rsigma_parser::SigmaRule,
        head: &Head,
        extension: &Extension,
        set: Option<&Override>,
    ) -> Result<Detection, Refusal> {
        if rule.sigma_version.is_some_and(|version| version > 2) {
            return Err(self.document.refuse(
                &["sigma-version"],
                "a version of Sigma after 2",
                "write the rule in Sigma 2",
            ));
        }
        let parameters = &extension.parameters;
        if parameters.threshold.is_some() || parameters.window.is_some() {
            return Err(self.document.refuse(
                &["insights", "parameters"],
                "a `threshold` or `window` for a rule about single events",
                "give it to the correlation that names this rule",
            ));
        }
        let source = self.log_source(&rule.logsource)?;
        let values = self.values(extension, set);
        let reading = Reading { document: self.document, section: "detection", source, values };
        let condition = reading.condition(&rule.detection)?;
        for field in head.fields.iter().flatten() {
            reading
                .operand(field)
                .map_err(|(found, instead)| self.document.refuse(&["fields", field], found, instead))?;
        }
        Ok(Detection { source, condition })
    }

    fn filter(
        &self,
        filter: &rsigma_parser::FilterRule,
        values: BTreeMap<String, Vec<Scalar>>,
    ) -> Result<Filter, Refusal> {
        let source = self.log_source(&filter.logsource.clone().unwrap_or_default())?;
        let reading = Reading { document: self.document, section: "filter", source, values };
        Ok(Filter {
            rules: match &filter.rules {
                FilterRuleTarget::Any => None,
                FilterRuleTarget::Specific(names) => Some(names.clone()),
            },
            source,
            condition: reading.condition(&filter.detection)?,
            place: self.document.place(&["title"]),
        })
    }

    /// What placeholders stand for: the settings' word for this rule, then the rule's own, then the settings' for all
    /// rules.
    fn values(&self, extension: &Extension, set: Option<&Override>) -> BTreeMap<String, Vec<Scalar>> {
        let mut values = self.settings.values.clone();
        values.extend(extension.parameters.values.clone());
        values.extend(set.map(|set| set.values.clone()).unwrap_or_default());
        values
    }

    fn log_source(&self, source: &rsigma_parser::LogSource) -> Result<LogSource, Refusal> {
        let known =
            LogSource::ALL.map(|source| format!("product: {}, service: {}", source.names().0, source.names().1));
        let instead = format!("write `{}`", known.join("` or `"));
        let (product, service) = (source.product.as_deref(), source.service.as_deref());
        if product.is_none() && service.is_none() && source.category.is_none() {
            return Err(self.document.refuse(
                &[],
                "the rule has no log source",
                format!("add `logsource:`; {instead}"),
            ));
        }
        let fits = |known: LogSource| {
            let names = known.names();
            product.is_none_or(|product| product == names.0) && service.is_none_or(|service| service == names.1)
        };
        let found = LogSource::ALL
            .into_iter()
            .find(|known| fits(*known))
            .filter(|_| source.category.is_none() && source.custom.is_empty());
        found.ok_or_else(|| {
            let named = [source.category.as_deref(), product, service];
            let named: Vec<&str> = named.into_iter().flatten().collect();
            self.document.refuse(
                &["logsource"],
                format!("there are no events of the log source {}", named.join("/")),
                instead,
            )
        })
    }

    fn rule(&self, head: Head, extension: Extension, set: Option<&Override>, body: Body) -> Result<Rule, Refusal> {
        let title = head.title.clone().filter(|title| !title.trim().is_empty());
        let title = title.ok_or_else(|| self.document.refuse(&[], "the rule has no `title`", "add `title:`"))?;
        let level = match head.level.as_deref() {
            None => Severity::OF_RULES,
            Some(word) => Severity::named(word).ok_or_else(|| self.document.unknown_level(word))?,
        };
        Ok(Rule {
            level: set.and_then(|set| set.level).unwrap_or(level),
            id: head.known_by().to_owned(),
            name: head.name,
            title,
            description: head.description.unwrap_or_default().trim().to_owned(),
            tags: head.tags.unwrap_or_default(),
            fields: head.fields.unwrap_or_default(),
            false_positives: lines(head.falsepositives.as_ref()),
            place: self.document.place(&["title"]),
            extension,
            placeholders: placeholders(self.document.text()),
            body,
        })
    }
}

/// A message of the YAML reader without its places, which are counted from the document's first line.
fn without_places(message: &str) -> String {
    let mut parts = message.split(" at line ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |told, part| {
        let after = part.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let after = after.strip_prefix(" column ").unwrap_or(after);
        told + after.trim_start_matches(|letter: char| letter.is_ascii_digit())
    })
}

/// A text, or a list of texts.
fn lines(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Sequence(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}
