//! The part of `insights.toml` that is about rules: which are enabled, their parameters, working hours, whitelists.
//!
//! `RawRules` is what is typed; [`RuleSettings`] is what it means.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::rules::hours::WorkingHours;
use crate::rules::parse::timespan_ms;
use crate::rules::plan::{Correlation, Rule, Scalar};
use crate::rules::typed_date;
use crate::rules::whitelist::{RawEntry, Whitelist};
use crate::severity::Severity;

/// The most bytes a rule file may have, unless the settings say otherwise.
pub const MAX_FILE_BYTES: u64 = 10 << 20;

/// The table `[rules]` as it is typed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawRules {
    disable: Vec<String>,
    enable: Vec<String>,
    paths: Vec<PathBuf>,
    builtin: Option<bool>,
    max_file_bytes: Option<u64>,
    values: BTreeMap<String, Vec<Scalar>>,
    working_hours: RawHours,
    #[serde(deserialize_with = "typed_date::several")]
    holidays: Vec<String>,
    #[serde(rename = "override")]
    overrides: BTreeMap<String, Override>,
    whitelist: Vec<RawEntry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawHours {
    from: String,
    to: String,
    days: Vec<String>,
}

impl Default for RawHours {
    fn default() -> Self {
        let (from, to, days) = WorkingHours::default().typed();
        Self { from, to, days }
    }
}

/// What the settings say of a rule in place of what its file says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Override {
    /// The bound of a correlation's condition.
    pub threshold: Option<f64>,
    /// The timespan of a correlation.
    pub window: Option<String>,
    /// How bad a match is.
    pub level: Option<Severity>,
    /// What `%name%` stands for.
    pub values: BTreeMap<String, Vec<Scalar>>,
}

/// Settings about rules, as they are in force.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSettings {
    /// Ids, tags and levels of rules that are not evaluated.
    pub disable: Vec<String>,
    /// Ids, tags and levels of rules that are evaluated although they are disabled otherwise.
    pub enable: Vec<String>,
    /// Folders and files of rules beside the built-in ones.
    pub paths: Vec<PathBuf>,
    /// Whether the built-in rules are used.
    pub builtin: bool,
    /// The most bytes a rule file may have.
    pub max_file_bytes: u64,
    /// What `%name%` stands for in any rule that does not say it itself.
    pub values: BTreeMap<String, Vec<Scalar>>,
    /// By rule id, or the product's own id.
    pub overrides: BTreeMap<String, Override>,
    /// When people work.
    pub hours: WorkingHours,
    /// Whose matches are hidden.
    pub whitelist: Whitelist,
}

impl Default for RuleSettings {
    fn default() -> Self {
        Self {
            disable: Vec::new(),
            enable: Vec::new(),
            paths: Vec::new(),
            builtin: true,
            max_file_bytes: MAX_FILE_BYTES,
            values: BTreeMap::new(),
            overrides: BTreeMap::new(),
            hours: WorkingHours::default(),
            whitelist: Whitelist::default(),
        }
    }
}

impl RawRules {
    /// What was typed, checked.
    ///
    /// # Errors
    /// The key, what was found and what was expected.
    pub fn validate(self, zone: Tz) -> Result<RuleSettings, String> {
        let hours = &self.working_hours;
        let hours = WorkingHours::parse(zone, &hours.from, &hours.to, &hours.days, &self.holidays)?;
        self.overrides.iter().try_for_each(|(name, set)| set.check(name))?;
        Ok(RuleSettings {
            disable: self.disable,
            enable: self.enable,
            paths: self.paths,
            builtin: self.builtin.unwrap_or(true),
            max_file_bytes: self.max_file_bytes.unwrap_or(MAX_FILE_BYTES),
            values: self.values,
            overrides: self.overrides,
            hours,
            whitelist: Whitelist::parse(self.whitelist)?,
        })
    }

    /// The names of the keys, to suggest from.
    pub const KEYS: [&'static str; 10] = [
        "disable",
        "enable",
        "paths",
        "builtin",
        "max_file_bytes",
        "values",
        "working_hours",
        "holidays",
        "override",
        "whitelist",
    ];
}

impl Override {
    fn check(&self, name: &str) -> Result<(), String> {
        let name = if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() };
        let key = |key: &str| format!("rules.override.{name}.{key}");
        if let Some(threshold) = self.threshold.filter(|threshold| !threshold.is_finite() || *threshold < 0.0) {
            return Err(format!("{}: expected a number from 0 up, found {threshold}", key("threshold")));
        }
        let is_window =
            |text: &str| timespan_ms(text).is_some_and(|span| (1..=Correlation::LONGEST_WINDOW_MS).contains(&span));
        match self.window.as_deref().filter(|text| !is_window(text)) {
            Some(text) => Err(format!(
                "{}: expected a number and s, m, h or d, such as 10m, up to 31d, found `{text}`",
                key("window")
            )),
            None => Ok(()),
        }
    }
}

impl RuleSettings {
    /// The name by which the settings override a rule.
    pub(super) fn override_name<'n>(&self, id: &'n str, builtin: Option<&'n str>) -> &'n str {
        builtin.filter(|_| !self.overrides.contains_key(id)).unwrap_or(id)
    }

    /// What is said of a rule, by its id or the product's own id for it.
    pub fn override_of(&self, id: &str, builtin: Option<&str>) -> Option<&Override> {
        self.overrides.get(id).or_else(|| self.overrides.get(builtin?))
    }

    /// Whether a rule is evaluated: `enable` wins over `disable`, and what neither names is.
    pub fn enables(&self, rule: &Rule) -> bool {
        let named = |names: &[String]| names.iter().any(|name| names_rule(name, rule));
        named(&self.enable) || !named(&self.disable)
    }
}

/// Whether a word of the settings names a rule: by id, the product's own id, tag or level.
pub fn names_rule(name: &str, rule: &Rule) -> bool {
    rule.has_id(name) || rule.level.name() == name || rule.tags.iter().any(|tag| tag == name)
}

/// A date as settings have it.
pub(super) fn date(key: &str, text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| format!("{key}: expected a date such as 2026-10-01, found `{text}`"))
}
