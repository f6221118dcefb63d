//! Saved searches on the command line: finding one, its parameters, the check of its alert, its past triggers.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::exit;
use crate::cli::query::complain;
use crate::cli::result::ResultArgs;
use crate::error::{Error, Result};
use crate::insight::Severity;
use crate::query::answer::{self, Heading, Kind, Value};
use crate::query::{
    Mistake, SavedSearch, Search, SearchAlert, TimeRange, Trigger, TriggerRecord, rfc3339, search_alert,
};
use crate::settings::Settings;
use crate::storage::StateLock;

/// A search and its name.
pub(super) type NamedSearch<'settings> = (&'settings str, &'settings SavedSearch);

/// The search of that name.
pub(super) fn find<'settings>(settings: &'settings Settings, name: &str) -> Result<NamedSearch<'settings>> {
    if let Some((name, search)) = settings.searches.get_key_value(name) {
        return Ok((name, search));
    }
    let known: Vec<&str> = settings.searches.keys().map(String::as_str).collect();
    let hint = match known.as_slice() {
        [] => "the settings have no searches; add one as [searches.NAME]".to_owned(),
        known => format!("the settings have {}", known.join(", ")),
    };
    Err(Error::Query { message: format!("--saved: there is no search `{name}`"), hint: Some(hint) })
}

/// `name=value` pairs.
pub(super) fn parameters(pairs: &[String]) -> Result<BTreeMap<String, String>> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.to_owned())),
        None => Err(Mistake::new(text, text.len(), "there is no `=`", "NAME=VALUE").of("--parameter")),
    };
    pairs.iter().map(pair).collect()
}

/// A check of a search's alert at some time.
pub(super) struct Check<'settings> {
    name: &'settings str,
    alert: SearchAlert,
    /// What its blanks hold instead of what the settings say.
    parameters: String,
    now: i64,
}

impl<'settings> Check<'settings> {
    pub(super) fn new(
        (name, search): NamedSearch<'settings>,
        given: &BTreeMap<String, String>,
        now: i64,
    ) -> Result<Self> {
        let alert = search.alert.ok_or_else(|| Error::Query {
            message: format!("--check: search `{name}` has no alert"),
            hint: Some(
                r#"add alert = { every = "5m", last = "10m", above = 0, severity = "medium" } to it"#.to_owned(),
            ),
        })?;
        let others = given.iter().filter(|(name, value)| search.parameters.get(*name) != Some(*value));
        let parameters = others.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
        Ok(Self { name, alert, parameters, now })
    }

    /// The time that is looked at.
    pub(super) fn window(&self) -> TimeRange {
        self.alert.window(self.now)
    }

    /// Counts if it is time to, decides, notes, and reports.
    pub(super) fn run(
        &self,
        search: &Search,
        state: &Path,
        result: &ResultArgs,
        fail_on: Option<Severity>,
    ) -> Result<u8> {
        let _lock = StateLock::acquire(state)?;
        let mut record = TriggerRecord::read(state, self.name)?;
        if !self.alert.is_due(&record, &self.parameters, self.now) {
            let checked = record.last_check(&self.parameters).map(rfc3339).unwrap_or_default();
            crate::cli::output::complain(&format!("`{}` was checked at {checked}; not due yet", self.name));
            return Ok(exit::DONE);
        }
        let (events, mut problems) = search.count();
        problems.extend(search.problems.iter().cloned());
        let trigger = search_alert(&self.alert, &self.parameters, self.now, events);
        record.note(&self.parameters, self.now, trigger.clone());
        record.write(state, self.name)?;
        answer::write_all(result.writer(headings(true))?, &[self.row(events, trigger.is_some())])?;
        let fails = trigger.is_some() && fail_on.is_some_and(|least| self.alert.severity >= least);
        let code = complain(&problems);
        Ok(if code == exit::DONE && fails { exit::FINDINGS } else { code })
    }

    fn row(&self, events: u64, fires: bool) -> Vec<Value<'_>> {
        vec![
            Value::Text(self.name.into()),
            Value::Text(self.parameters.as_str().into()),
            Value::Time(self.now),
            Value::Time(self.now - self.alert.last),
            Value::Time(self.now),
            Value::count(events),
            Value::count(self.alert.above),
            Value::Text(self.alert.severity.name().into()),
            Value::Truth(fires),
        ]
    }
}

fn headings(checked: bool) -> Vec<Heading> {
    let mut headings = vec![
        Heading::new("search", Kind::Text),
        Heading::new("parameters", Kind::Text),
        Heading::new("at", Kind::Time),
        Heading::new("from", Kind::Time),
        Heading::new("to", Kind::Time),
        Heading::new("events", Kind::Integer),
        Heading::new("above", Kind::Integer),
    ];
    if checked {
        headings.extend([Heading::new("severity", Kind::Text), Heading::new("alert", Kind::Truth)]);
    }
    headings
}

/// Past triggers, newest first.
pub(super) fn list_triggers((name, _): NamedSearch<'_>, state: &Path, result: &ResultArgs) -> Result<u8> {
    let record = TriggerRecord::read(state, name)?;
    let rows: Vec<Vec<Value<'_>>> = record.triggers.iter().rev().map(|trigger| past(name, trigger)).collect();
    answer::write_all(result.writer(headings(false))?, &rows)?;
    Ok(exit::DONE)
}

fn past<'a>(name: &'a str, trigger: &'a Trigger) -> Vec<Value<'a>> {
    vec![
        Value::Text(name.into()),
        Value::Text(trigger.parameters.as_str().into()),
        Value::Time(trigger.at),
        Value::Time(trigger.from),
        Value::Time(trigger.to),
        Value::count(trigger.events),
        Value::count(trigger.above),
    ]
}
