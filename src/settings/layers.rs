//! Where a setting's value comes from: default, file, environment, command line, the later before the earlier.
//!
//! Names and kinds are checked as soon as a value is read, so that an error can say where it stands; what values mean
//! together is checked by [`settings`](crate::settings) afterwards.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use crate::error::{Error, Result, did_you_mean};
use crate::settings::reference::{InForce, REFERENCE, variable};
use crate::settings::{FILE_NAME, RawSettings, Settings, mistake};
use crate::storage::is_there;

/// Variables that options have, beside those of settings.
const OTHER_VARIABLES: [&str; 3] = ["INSIGHTS_SETTINGS", "INSIGHTS_THREADS", "INSIGHTS_LOG_FORMAT"];

/// Settings that are paths; in a file they are seen from its folder.
const PATHS: [&str; 3] = ["rules.paths", "geoip.files", "operations.metrics"];

/// Where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// A settings file.
    File(PathBuf),
    /// An environment variable, by name.
    Environment(String),
    /// The command line, by key.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(formatter, "default"),
            Self::File(path) => write!(formatter, "file {}", path.display()),
            Self::Environment(name) => write!(formatter, "environment {name}"),
            Self::Flag(key) => write!(formatter, "command line {key}"),
        }
    }
}

/// Everything that was set, and by whom.
#[derive(Debug, Default)]
pub struct Layers {
    set: BTreeMap<String, (Value, Source)>,
    unknown: Vec<String>,
}

/// The environment, as far as it is text.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

impl Layers {
    /// Reads the named file, or [`FILE_NAME`] if it is there, then variables, then what the command line sets.
    ///
    /// # Errors
    /// When a name is unknown, or a value is of the wrong kind.
    pub fn read(
        named: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
        flags: &[(String, String)],
    ) -> Result<Self> {
        let mut layers = Self::default();
        layers.read_file(named)?;
        let mut variables: Vec<(String, String)> =
            variables.filter(|(name, _)| name.starts_with("INSIGHTS_")).collect();
        variables.sort();
        for (name, text) in variables {
            match key_of_variable(&name) {
                Some(key) => layers.set_text(&key, &text, Source::Environment(name))?,
                None => layers.unknown.push(name),
            }
        }
        for (key, text) in flags {
            layers.set_text(key, text, Source::Flag(key.clone()))?;
        }
        Ok(layers)
    }

    fn read_file(&mut self, named: Option<&Path>) -> Result<()> {
        let path = named.unwrap_or(Path::new(FILE_NAME));
        if named.is_none() && !is_there(path)? {
            return Ok(());
        }
        let text = std::fs::read_to_string(path).map_err(Error::read(path))?;
        let wrong = |message: String| Error::Settings { path: path.to_path_buf(), message };
        // Read into the settings' own form for its words about what is wrong, and as a table for what was set.
        toml::from_str::<RawSettings>(&text).map_err(|error| wrong(mistake::in_file(&text, &error)))?;
        let table: Table = toml::from_str(&text).map_err(|error| wrong(mistake::in_file(&text, &error)))?;
        let mut found = BTreeMap::new();
        flatten("", &table, &mut found);
        let folder = path.parent().unwrap_or(Path::new(""));
        for key in PATHS {
            found.entry(key.to_owned()).and_modify(|value| from_folder(folder, value));
        }
        let source = Source::File(path.to_path_buf());
        self.set.extend(found.into_iter().map(|(key, value)| (key, (value, source.clone()))));
        Ok(())
    }

    fn set_text(&mut self, key: &str, text: &str, source: Source) -> Result<()> {
        let wrong = |message: String| Error::Settings { path: PathBuf::from(source.to_string()), message };
        let value = match defaults().get(key) {
            Some(default) => typed(default, text).map_err(|message| wrong(format!("{key}: {message}")))?,
            None if is_below("columns", key) && is_quoted(text) => as_written(text),
            None if is_below("columns", key) => Value::String(text.to_owned()),
            None if REFERENCE.iter().any(|table| table.is_open && is_below(table.key, key)) => as_written(text),
            None => {
                let near = did_you_mean(key, REFERENCE.iter().map(|setting| setting.key));
                return Err(wrong(format!("there is no setting `{key}`{near}")));
            }
        };
        let mut alone = Table::new();
        insert(&mut alone, key, value.clone());
        RawSettings::deserialize(Value::Table(alone)).map_err(|error| wrong(mistake::in_value(&error)))?;
        self.set.insert(key.to_owned(), (value, source));
        Ok(())
    }

    /// The settings that this comes to.
    ///
    /// # Errors
    /// When a value is out of its range; the message names where it was set.
    pub fn settings(&self) -> Result<Settings> {
        let mut table = Table::new();
        for (key, (value, _)) in &self.set {
            insert(&mut table, key, value.clone());
        }
        let raw =
            RawSettings::deserialize(Value::Table(table)).map_err(|error| self.blame(mistake::in_value(&error)))?;
        Settings::from_raw(raw).map_err(|message| self.blame(message))
    }

    /// An error about the setting that a message begins with.
    fn blame(&self, message: String) -> Error {
        let key = message.split(':').next().unwrap_or_default();
        let is_it = |set: &str| {
            set == key || is_below(key, set) || set.strip_suffix(key).is_some_and(|table| table.ends_with('.'))
        };
        let source = self.set.iter().find(|(set, _)| is_it(set)).map(|(_, (_, source))| source);
        let file = self.set.values().find_map(|(_, source)| matches!(source, Source::File(_)).then_some(source));
        let path = match source.or(file) {
            Some(Source::File(path)) => path.clone(),
            Some(other) => PathBuf::from(other.to_string()),
            None => PathBuf::from(FILE_NAME),
        };
        Error::Settings { path, message }
    }

    /// Variables that are named like settings and are none, each with what may have been meant, in words.
    pub fn unknown_variables(&self) -> Vec<(String, String)> {
        let known: Vec<String> = REFERENCE.iter().map(|setting| variable(setting.key)).collect();
        let others = self.unknown.iter().filter(|name| !OTHER_VARIABLES.contains(&name.as_str()));
        others.map(|name| (name.clone(), did_you_mean(name, known.iter().map(String::as_str)))).collect()
    }

    /// Every setting with its value and where that came from, in the order of the reference.
    pub fn in_force(&self) -> Vec<InForce> {
        let defaults = flat(&RawSettings::default());
        let mut found = Vec::new();
        for setting in &REFERENCE {
            if setting.is_open {
                found.extend(self.set.iter().filter(|(key, _)| is_below(setting.key, key)).map(set));
            } else if let Some(own) = self.set.get_key_value(setting.key) {
                found.push(set(own));
            } else {
                let value = defaults.get(setting.key).map_or(String::new(), shown);
                found.push(InForce { key: setting.key.to_owned(), value, source: Source::Default });
            }
        }
        found
    }
}

/// Whether a key is of something in a table.
fn is_below(table: &str, key: &str) -> bool {
    key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'))
}

fn set((key, (value, source)): (&String, &(Value, Source))) -> InForce {
    InForce { key: key.clone(), value: shown(value), source: source.clone() }
}

/// A value as it would be written into the file.
pub(super) fn shown(value: &Value) -> String {
    value.to_string()
}

/// The defaults, those of rules among them.
fn defaults() -> BTreeMap<String, Value> {
    let raw = RawSettings::default();
    let mut found = flat(&raw);
    if let Ok(Value::Table(rules)) = Value::try_from(&raw.rules) {
        flatten("rules", &rules, &mut found);
    }
    found
}

/// All values of settings by key; tables' names come before a point.
pub(super) fn flat(raw: &RawSettings) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    if let Ok(Value::Table(table)) = Value::try_from(raw) {
        flatten("", &table, &mut found);
    }
    found
}

fn flatten(before: &str, table: &Table, found: &mut BTreeMap<String, Value>) {
    for (name, value) in table {
        // Ids of rules have points in them.
        let name = if name.contains('.') { &format!("\"{name}\"") } else { name };
        let key = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
        match value {
            Value::Table(inner) => flatten(&key, inner, found),
            value => drop(found.insert(key, value.clone())),
        }
    }
}

/// Paths as they are seen from the working folder.
fn from_folder(folder: &Path, value: &mut Value) {
    match value {
        Value::Array(paths) => paths.iter_mut().for_each(|path| from_folder(folder, path)),
        Value::String(path) if !path.is_empty() => *path = folder.join(&*path).to_string_lossy().into_owned(),
        _ => {}
    }
}

fn insert(table: &mut Table, key: &str, value: Value) {
    match first_name(key) {
        (name, None) => drop(table.insert(name.to_owned(), value)),
        (name, Some(rest)) => {
            let inner = table.entry(name.to_owned()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// The first name of a key, and the key below it; a name with points in it stands in quotes.
fn first_name(key: &str) -> (&str, Option<&str>) {
    let Some(quoted) = key.strip_prefix('"') else {
        return key.split_once('.').map_or((key, None), |(name, rest)| (name, Some(rest)));
    };
    match quoted.split_once("\".") {
        Some((name, rest)) => (name, Some(rest)),
        None => (quoted.trim_end_matches('"'), None),
    }
}

/// The setting that a variable is of; other programs have variables of such names too, so an unknown one is none of
/// ours.
fn key_of_variable(name: &str) -> Option<String> {
    REFERENCE.iter().find_map(|setting| match name.strip_prefix(&variable(setting.key))? {
        "" if !setting.is_open => Some(setting.key.to_owned()),
        rest if setting.is_open => Some(format!("{}.{}", setting.key, rest.strip_prefix('_')?.to_lowercase())),
        _ => None,
    })
}

/// Text as the value that it would be in the file; as itself where it would be none.
fn as_written(text: &str) -> Value {
    let value = toml::from_str::<Table>(&format!("value = {text}")).ok().filter(|table| table.len() == 1);
    value.and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Whether a text is in quotes, as one would write it into the file.
fn is_quoted(text: &str) -> bool {
    let within = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    within('"') || within('\'')
}

/// Text as a value of the kind that the default is of; lists are separated by commas, or written as in the file, and
/// so may texts be.
fn typed(default: &Value, text: &str) -> std::result::Result<Value, String> {
    let wrong = |kind: &str| format!("expected {kind}, found `{text}`");
    let bare = text.trim();
    match (default, as_written(bare)) {
        (Value::Array(_), list @ Value::Array(_)) => return Ok(list),
        (Value::Array(_), one @ Value::String(_)) if is_quoted(bare) => return Ok(Value::Array(vec![one])),
        (Value::String(_), text @ Value::String(_)) if is_quoted(bare) => return Ok(text),
        _ => {}
    }
    match default {
        Value::Integer(_) => bare.parse().map(Value::Integer).map_err(|_| wrong("a whole number")),
        Value::Float(_) => bare.parse().map(Value::Float).map_err(|_| wrong("a number")),
        Value::Boolean(_) => bare.parse().map(Value::Boolean).map_err(|_| wrong("`true` or `false`")),
        Value::Array(_) => {
            let items = bare.split(',').map(str::trim).filter(|item| !item.is_empty());
            let item = |item: &str| if is_quoted(item) { as_written(item) } else { Value::String(item.to_owned()) };
            Ok(Value::Array(items.map(item).collect()))
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn layers(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Layers> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        std::fs::write(&path, file).unwrap();
        Layers::read(Some(&path), pairs(variables).into_iter(), &pairs(flags))
    }

    fn refusal(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
        layers(file, variables, flags).and_then(|layers| layers.settings()).unwrap_err().to_string()
    }

    #[test]
    fn the_command_line_wins_over_the_environment_over_the_file() {
        let file = "min_excess = 20\nmin_ratio = 3\nbaseline_days = 14";
        let variables = [("INSIGHTS_MIN_EXCESS", "30"), ("INSIGHTS_MIN_RATIO", "4"), ("INSIGHTS_OTHER", "x")];
        let layers = layers(file, &variables, &[("min_excess", "40"), ("outputs.formats", "csv, ocsf")]).unwrap();
        let settings = layers.settings().unwrap();
        let thresholds = settings.thresholds;
        assert_eq!((thresholds.min_excess, thresholds.min_ratio, settings.baseline_days), (40.0, 4.0, 14));
        let told: BTreeMap<String, String> =
            layers.in_force().into_iter().map(|found| (found.key, found.source.to_string())).collect();
        assert_eq!(told["min_excess"], "command line min_excess");
        assert_eq!(told["min_ratio"], "environment INSIGHTS_MIN_RATIO");
        assert!(told["baseline_days"].starts_with("file "));
        assert_eq!(told["max_p_value"], "default");
    }

    #[test]
    fn a_variable_that_is_no_setting_is_told_and_does_no_harm() {
        let variables = [("INSIGHTS_MIN_RATOI", "3"), ("INSIGHTS_THREADS", "2"), ("INSIGHTS_MIN_RATIO", "4")];
        let unknown = layers("", &variables, &[]).unwrap().unknown_variables();
        assert_eq!(unknown, pairs(&[("INSIGHTS_MIN_RATOI", "; did you mean `INSIGHTS_MIN_RATIO`?")]));
    }

    #[test]
    fn columns_may_be_named_anywhere() {
        let layers = layers(
            "[columns]\nevent_time = 'ts'",
            &[("INSIGHTS_COLUMNS_EVENT_NAME", "op")],
            &[("columns.region", "r")],
        );
        assert_eq!(layers.unwrap().settings().unwrap().columns.len(), 3);
    }

    #[test]
    fn lists_and_tables_may_be_written_as_in_the_file() {
        let flags = [
            ("rules.disable", "[\"low\", 'x']"),
            ("rules.enable", "high, y"),
            ("rules.builtin", "false"),
            ("rules.override.\"cis.at.root_login\".threshold", "3"),
            ("searches.a.user", "alice"),
            ("outputs.formats", "['csv']"),
            ("columns.region", "true"),
        ];
        let settings = layers("", &[], &flags).unwrap().settings().unwrap();
        let rules = (settings.rules.disable.len(), settings.rules.enable.len(), settings.rules.builtin);
        assert_eq!(rules, (2, 2, false));
        assert_eq!(settings.rules.overrides["cis.at.root_login"].threshold, Some(3.0));
        assert_eq!((settings.searches.len(), settings.formats.len()), (1, 1));
        assert_eq!(settings.columns[&crate::event::Column::Region], "true");
    }

    #[test]
    fn texts_may_stand_in_quotes_as_in_the_file() {
        let flags = [
            ("geoip.files", "\"a b.mmdb\""),
            ("rules.enable", "'x', y"),
            ("time_zone", "\"Asia/Shanghai\""),
            ("columns.region", "'where'"),
        ];
        let settings = layers("", &[], &flags).unwrap().settings().unwrap();
        assert_eq!(settings.geoip, [PathBuf::from("a b.mmdb")]);
        assert_eq!(settings.rules.enable, ["x", "y"]);
        assert_eq!(settings.calendar.zone().name(), "Asia/Shanghai");
        assert_eq!(settings.columns[&crate::event::Column::Region], "where");
    }

    #[test]
    fn paths_of_a_file_are_seen_from_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        let text =
            "[rules]\npaths = ['my-rules', '/etc/rules']\n[geoip]\nfiles = ['a.mmdb']\n[operations]\nmetrics = ''";
        std::fs::write(&path, text).unwrap();
        let flags = pairs(&[("operations.metrics", "here.prom")]);
        let layers = Layers::read(Some(&path), std::iter::empty(), &flags).unwrap();
        let settings = layers.settings().unwrap();
        assert_eq!(settings.rules.paths, [folder.path().join("my-rules"), PathBuf::from("/etc/rules")]);
        assert_eq!(settings.geoip, [folder.path().join("a.mmdb")]);
        assert_eq!(settings.operations.metrics, Some(PathBuf::from("here.prom")));
        let bare = Layers::read(Some(&path), std::iter::empty(), &[]).unwrap().settings().unwrap();
        assert_eq!(bare.operations.metrics, None);
    }

    #[test]
    fn names_may_have_points_in_them() {
        let file = "[rules.override.'cis.at.root_login']\nthreshold = 3\n[rules.override.\"cis.at.unauth_login\".values]\nnets = ['10.0.0.0/8']";
        let rules = layers(file, &[], &[]).unwrap().settings().unwrap().rules;
        assert_eq!(rules.overrides["cis.at.root_login"].threshold, Some(3.0));
        assert_eq!(rules.overrides["cis.at.unauth_login"].values["nets"].len(), 1);
    }

    #[test]
    fn a_wrong_value_names_where_it_was_set() {
        for (refused, words) in [
            (refusal("min_ratio = 0.5", &[], &[]), "own.toml`: min_ratio: expected a number from 1 to"),
            (
                refusal("", &[("INSIGHTS_MIN_RATIO", "0.5")], &[]),
                "`environment INSIGHTS_MIN_RATIO`: min_ratio: expected",
            ),
            (
                refusal("", &[], &[("min_ratio", "x")]),
                "`command line min_ratio`: min_ratio: expected a number, found `x`",
            ),
            (refusal("", &[], &[("min_ration", "2")]), "there is no setting `min_ration`; did you mean `min_ratio`?"),
            (
                refusal("", &[], &[("outputs.formats", "cvs")]),
                "outputs.formats: there is no format `cvs`; there are actiontrail",
            ),
            (refusal("", &[], &[("operations.keep", "9")]), "operations.keep: expected days or weeks"),
            (refusal("", &[], &[("operations.keep", "9d")]), "operations.keep: expected at least 35 days"),
            (refusal("min_ratio = 'x'", &[], &[]), "own.toml`: line 1: min_ratio: expected a number, found `x`"),
            (
                refusal("min_ratio = '3'", &[], &[]),
                "own.toml`: line 1: min_ratio: expected a number, found the text `3`",
            ),
            (
                refusal("", &[], &[("rules.builtin", "nope")]),
                "`command line rules.builtin`: rules.builtin: expected `true` or `false`, found `nope`",
            ),
            (
                refusal("", &[], &[("rules.holidays", "['soon']")]),
                "`command line rules.holidays`: rules.holidays: expected a date",
            ),
            (
                refusal("min_ratio = 3", &[], &[("columns.event_tim", "ts")]),
                "`command line columns.event_tim`: columns: there is no event column `event_tim`",
            ),
        ] {
            assert!(refused.contains(words), "{refused}");
        }
    }
}
