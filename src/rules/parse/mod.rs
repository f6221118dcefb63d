//! From the text of rule files to [`plan::Rule`](crate::rules::plan::Rule)s: the only room that knows the Sigma parser.
//!
//! The parser reads one document at a time; what it lets pass is checked here. Everything that cannot be used becomes a
//! [`Refusal`] with its place, and the other rules go on.

mod correlation;
mod detection;
mod document;
mod encode;
mod modifier;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rsigma_parser::{FilterRuleTarget, Modifier, SigmaCollection, Timespan, parse_sigma_yaml};
use serde::Deserialize;
use yaml_serde::Value;

use crate::rules::field::LogSource;
use crate::rules::parse::detection::Reading;
use crate::rules::parse::document::Document;
use crate::rules::plan::{Body, Condition, Detection, Extension, Level, Rule, Scalar};
use crate::rules::refusal::{Place, Refusal, nearest};
use crate::rules::settings::RuleSettings;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Its rules, in the file's order.
    pub rules: Vec<Rule>,
    /// Its filters.
    pub filters: Vec<Filter>,
    /// What in it cannot be used.
    pub refusals: Vec<Refusal>,
}

/// A condition that is added to other rules.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Ids or names of rules; `None` for every rule of the log source.
    pub rules: Option<Vec<String>>,
    /// Whose rules.
    pub source: LogSource,
    /// What must hold as well.
    pub condition: Condition,
    /// Where it stands.
    pub place: Place,
}

/// Reads a rule file; its size is looked at before it is read.
pub fn parse_file(path: &Path, settings: &RuleSettings) -> Parsed {
    let file = path.to_string_lossy().into_owned();
    let refuse = |found: String, instead: String| {
        let place = Place { file: file.clone(), ..Place::default() };
        Parsed { refusals: vec![Refusal { place, found, instead }], ..Parsed::default() }
    };
    let limit = settings.max_file_bytes;
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > limit => {
            let found = format!("the file has {} bytes, more than {limit}", metadata.len());
            return refuse(found, "split it, or raise `max_file_bytes` under `[rules]` in insights.toml".into());
        }
        _ => {}
    }
    match fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => parse_text(&file, &text, settings),
        Ok(Err(_)) => refuse("the file is no UTF-8 text".into(), "save it as UTF-8".into()),
        Err(error) => refuse(format!("the file cannot be read: {error}"), "check its name and permissions".into()),
    }
}

/// Reads the text of a rule file.
pub fn parse_text(file: &str, text: &str, settings: &RuleSettings) -> Parsed {
    let mut parsed = Parsed::default();
    let documents = Document::split(file, text.strip_prefix('\u{feff}').unwrap_or(text));
    if documents.is_empty() {
        let place = Place { file: file.to_owned(), ..Place::default() };
        let instead = "write a rule with title, logsource and detection".to_owned();
        parsed.refusals.push(Refusal { place, found: "the file holds no rule".into(), instead });
    }
    for document in documents {
        if let Err(refusal) = (Reader { document, settings }).read(&mut parsed) {
            parsed.refusals.push(refusal);
        }
    }
    parsed
}

/// A timespan such as `10m`, in milliseconds; up to a year.
pub fn timespan_ms(text: &str) -> Option<i64> {
    let seconds = i64::try_from(Timespan::parse(text).ok()?.seconds).ok()?;
    Some(seconds * 1000).filter(|_| seconds <= 366 * 86_400)
}

struct Reader<'r> {
    document: Document<'r>,
    settings: &'r RuleSettings,
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

impl Reader<'_> {
    fn read(&self, parsed: &mut Parsed) -> Result<(), Refusal> {
        let value = self.yaml()?;
        let extension = self.extension(&value)?;
        let head = Head::deserialize(&value).map_err(|error| self.unreadable(&error.to_string()))?;
        if value.get("correlation").is_some() {
            parsed.rules.push(self.correlation(&value, head, extension)?);
            return Ok(());
        }
        let collection = self.sigma()?;
        if let Some(filter) = collection.filters.first() {
            parsed.filters.push(self.filter(filter, &extension)?);
        } else if let Some(rule) = collection.rules.first() {
            parsed.rules.push(self.detection(rule, head, extension)?);
        }
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
            let place = error.location().map(|place| self.document.at(place.line(), place.column()));
            Refusal {
                place: place.unwrap_or_else(|| self.document.place(&[])),
                found: format!("this is no YAML: {message}"),
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
                    let instead = format!("did you mean `{}`?", nearest(key, known));
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
        let collection = parse_sigma_yaml(self.document.text()).map_err(|error| self.explain(&error.to_string()))?;
        match collection.errors.first() {
            Some(error) => Err(self.explain(error)),
            None => Ok(collection),
        }
    }

    fn explain(&self, error: &str) -> Refusal {
        let quoted = |before: &str| error.strip_prefix(before).map(|rest| rest.trim_matches(['\'', '"', ' ']));
        if let Some(modifier) = quoted("Unknown modifier ") {
            return self.unknown_modifier(modifier);
        }
        if let Some(field) = quoted("Missing required field ") {
            return self.document.refuse(&[], format!("the rule has no `{field}`"), format!("add `{field}:`"));
        }
        if let Some(message) = error.strip_prefix("Condition parse error") {
            let column = message.strip_prefix(" at 1:").and_then(|rest| rest.split(':').next());
            let column = column.map_or_else(String::new, |column| format!(" at its character {column}"));
            let instead =
                "combine selections with and, or, not, `1 of name*`, `all of name*`; to count, write a correlation";
            return self.document.refuse(
                &["detection", "condition"],
                format!("the condition cannot be read{column}"),
                instead,
            );
        }
        if error.contains("`not` is not a value modifier") {
            return self.document.refuse(
                &["detection"],
                "`not` is no modifier",
                "write `not selection` in the condition",
            );
        }
        if let Some(word) = quoted("invalid level: ") {
            return self.unknown_level(word);
        }
        self.unreadable(error)
    }

    fn unreadable(&self, message: &str) -> Refusal {
        let message = message.lines().next().unwrap_or_default();
        self.document.refuse(
            &[],
            format!("the rule cannot be read: {message}"),
            "see the Sigma specification, version 2",
        )
    }

    fn unknown_modifier(&self, modifier: &str) -> Refusal {
        let needle = format!("|{modifier}");
        let line = self.document.text().lines().enumerate().find_map(|(line, text)| Some((line, text.find(&needle)?)));
        let place = line.map(|(line, column)| self.document.at(line + 1, column + 2));
        let known = MODIFIERS.iter().copied().filter(|name| name.parse::<Modifier>().is_ok());
        Refusal {
            place: place.unwrap_or_else(|| self.document.place(&["detection"])),
            found: format!("there is no modifier `{modifier}`"),
            instead: format!("did you mean `{}`?", nearest(modifier, known)),
        }
    }

    fn unknown_level(&self, word: &str) -> Refusal {
        let instead = format!("write {}", Level::ALL.map(Level::name).join(", "));
        self.document.refuse(&["level"], format!("there is no level `{word}`"), instead)
    }

    fn correlation(&self, value: &Value, head: Head, extension: Extension) -> Result<Rule, Refusal> {
        let own = &extension.parameters;
        let id = head.id.as_deref().unwrap_or_default();
        let set = self.settings.override_of(id, extension.builtin.as_deref());
        let mut parameters = own.clone();
        parameters.threshold = set.and_then(|set| set.threshold).or(own.threshold);
        parameters.window = set.and_then(|set| set.window.clone()).or_else(|| own.window.clone());
        let section = value.get("correlation").unwrap_or(&Value::Null);
        let correlation = correlation::read(&self.document, section, &parameters)?;
        self.rule(head, extension, Body::Correlation(correlation))
    }

    fn detection(&self, rule: &rsigma_parser::SigmaRule, head: Head, extension: Extension) -> Result<Rule, Refusal> {
        if rule.sigma_version.is_some_and(|version| version > 2) {
            return Err(self.document.refuse(
                &["sigma-version"],
                "a version of Sigma after 2",
                "write the rule in Sigma 2",
            ));
        }
        let source = self.log_source(&rule.logsource)?;
        let id = head.id.as_deref().unwrap_or_default();
        let values = self.values(id, &extension);
        let reading = Reading { document: self.document, section: "detection", source, values };
        let condition = reading.condition(&rule.detection)?;
        for field in head.fields.iter().flatten() {
            reading
                .operand(field)
                .map_err(|(found, instead)| self.document.refuse(&["fields", field], found, instead))?;
        }
        self.rule(head, extension, Body::Detection(Detection { source, condition }))
    }

    fn filter(&self, filter: &rsigma_parser::FilterRule, extension: &Extension) -> Result<Filter, Refusal> {
        let source = self.log_source(&filter.logsource.clone().unwrap_or_default())?;
        let id = filter.id.as_deref().unwrap_or_default();
        let values = self.values(id, extension);
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

    /// What placeholders stand for: the settings' word for this rule, then the rule's own, then the settings' for all rules.
    fn values(&self, id: &str, extension: &Extension) -> BTreeMap<String, Vec<Scalar>> {
        let mut values = self.settings.values.clone();
        values.extend(extension.parameters.values.clone());
        if let Some(set) = self.settings.override_of(id, extension.builtin.as_deref()) {
            values.extend(set.values.clone());
        }
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

    fn rule(&self, head: Head, extension: Extension, body: Body) -> Result<Rule, Refusal> {
        let title = head.title.clone().filter(|title| !title.trim().is_empty());
        let title = title.ok_or_else(|| self.document.refuse(&[], "the rule has no `title`", "add `title:`"))?;
        let level = match head.level.as_deref() {
            None => Level::default(),
            Some(word) => Level::named(word).ok_or_else(|| self.unknown_level(word))?,
        };
        let id = head.id.or_else(|| head.name.clone()).unwrap_or_else(|| title.clone());
        let set = self.settings.override_of(&id, extension.builtin.as_deref());
        Ok(Rule {
            level: set.and_then(|set| set.level).unwrap_or(level),
            id,
            name: head.name,
            title,
            description: head.description.unwrap_or_default().trim().to_owned(),
            tags: head.tags.unwrap_or_default(),
            fields: head.fields.unwrap_or_default(),
            false_positives: lines(head.falsepositives.as_ref()),
            place: self.document.place(&["title"]),
            extension,
            body,
        })
    }
}

/// A text, or a list of texts.
fn lines(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Sequence(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

/// Every modifier, to suggest from.
const MODIFIERS: [&str; 25] = [
    "contains",
    "startswith",
    "endswith",
    "all",
    "re",
    "i",
    "m",
    "s",
    "cidr",
    "exists",
    "fieldref",
    "gt",
    "gte",
    "lt",
    "lte",
    "neq",
    "cased",
    "wide",
    "utf16le",
    "utf16be",
    "utf16",
    "base64",
    "base64offset",
    "windash",
    "expand",
];
