//! Searches that have a name in the settings: a request with blanks to fill in, and, for some, when it is worth an alert.
//!
//! ```toml
//! [searches.key-use]
//! access_key = "{key}"
//! failed = true
//! parameters = { key = "LTAI*" }                        # what a blank holds when nothing is given
//! alert = { every = "5m", last = "10m", above = 20, severity = "high" }
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use crate::error::{Error, Result, did_you_mean};
use crate::query::{Request, SearchAlert};

/// Saved searches by name.
pub type SavedSearches = BTreeMap<String, SavedSearch>;

/// Keys of a request of which one replaces the others.
const SHOWS: [&str; 5] = ["count", "count_by", "timeline", "sql", "columns"];

/// A request with blanks.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Table")]
pub struct SavedSearch {
    /// What it is for.
    pub description: Option<String>,
    /// When it is worth an alert.
    pub alert: Option<SearchAlert>,
    /// What blanks hold when nothing is given for them.
    pub parameters: BTreeMap<String, String>,
    /// The request's keys; texts may hold blanks, `{name}`.
    request: Table,
}

impl TryFrom<Table> for SavedSearch {
    type Error = toml::de::Error;

    fn try_from(mut table: Table) -> std::result::Result<Self, Self::Error> {
        let description = table.remove("description").map(Value::try_into).transpose()?;
        let alert = table.remove("alert").map(Value::try_into).transpose()?;
        let parameters = table.remove("parameters").map(Value::try_into).transpose()?.unwrap_or_default();
        Request::deserialize(table.clone())?;
        Ok(Self { description, alert, parameters, request: table })
    }
}

impl SavedSearch {
    /// The request with its blanks filled, and with what was typed beside it in the place of its own.
    ///
    /// # Errors
    /// [`Error::Query`] for a blank without a value, and for a value without a blank.
    pub fn request(&self, name: &str, given: &BTreeMap<String, String>, typed: &Request) -> Result<Request> {
        let wrong = |message: String, hint: &str| Error::Query { message, hint: Some(hint.to_owned()) };
        let blanks = self.blanks();
        if let Some(unknown) = given.keys().find(|key| !blanks.contains(key)) {
            let known = match blanks.as_slice() {
                [] => "; it has none".to_owned(),
                blanks => did_you_mean(unknown, blanks.iter().map(String::as_str)),
            };
            return Err(wrong(
                format!("search `{name}` has no parameter `{unknown}`{known}"),
                "see its blanks, `{name}`, in the settings",
            ));
        }
        let mut table = self.request.clone();
        for value in table.iter_mut().map(|(_, value)| value) {
            self.fill(value, given).map_err(|blank| {
                wrong(format!("search `{name}` needs a value for `{blank}`"), &format!("add -p {blank}=VALUE"))
            })?;
        }
        let typed = Table::try_from(typed).map_err(Error::internal)?;
        if typed.keys().any(|key| SHOWS.contains(&key.as_str())) {
            table.retain(|key, _| !SHOWS.contains(&key));
        }
        table.extend(typed);
        Request::deserialize(table)
            .map_err(|error| wrong(format!("search `{name}`: {}", error.message()), "see the settings"))
    }

    /// The names of the blanks, each once.
    pub fn blanks(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.request.values().for_each(|value| collect_blanks(value, &mut names));
        names.sort();
        names.dedup();
        names
    }

    fn fill(&self, value: &mut Value, given: &BTreeMap<String, String>) -> std::result::Result<(), String> {
        match value {
            Value::String(text) => {
                *text = replace(text, |blank| given.get(blank).or_else(|| self.parameters.get(blank)).cloned())?;
                Ok(())
            }
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.fill(item, given)),
            _ => Ok(()),
        }
    }
}

fn collect_blanks(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let _ = replace(text, |blank| {
                names.push(blank.to_owned());
                Some(String::new())
            });
        }
        Value::Array(items) => items.iter().for_each(|item| collect_blanks(item, names)),
        _ => {}
    }
}

/// Replaces every `{name}`; a brace around anything but a name is itself. The name of the first blank without a value is the error.
fn replace(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> std::result::Result<String, String> {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        let after = &rest[open + 1..];
        let name = after.split_once('}').map(|(name, _)| name).filter(|name| is_name(name));
        if let Some(name) = name {
            filled.push_str(&value(name).ok_or_else(|| name.to_owned())?);
            rest = &after[name.len() + 1..];
        } else {
            filled.push('{');
            rest = after;
        }
    }
    Ok(filled + rest)
}

/// Whether a text can be the name of a search or of a blank.
pub fn is_name(text: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    !text.is_empty() && text.len() <= 64 && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(text: &str) -> SavedSearch {
        toml::from_str(text).unwrap()
    }

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn blanks_are_filled_and_what_is_typed_wins() {
        let search =
            search("access_key = '{key}'\nevent = ['{verb}*', 'x{']\ncount = true\nparameters = { verb = 'Delete' }");
        assert_eq!(search.blanks(), ["key", "verb"]);
        let typed = Request { count_by: vec!["user".into()], ..Request::default() };
        let request = search.request("s", &given(&[("key", "LTAI1")]), &typed).unwrap();
        assert_eq!(
            (request.access_key, request.event),
            (vec!["LTAI1".to_owned()], vec!["Delete*".into(), "x{".into()])
        );
        assert!(!request.count && request.count_by == ["user"]);
    }

    #[test]
    fn what_is_missing_or_too_much_is_named() {
        let search = search("user = '{who}'");
        let message = |given| search.request("s", &given, &Request::default()).unwrap_err().to_string();
        assert_eq!(message(given(&[])), "search `s` needs a value for `who`");
        assert_eq!(message(given(&[("wo", "x")])), "search `s` has no parameter `wo`; did you mean `who`?");
    }

    #[test]
    fn unknown_keys_are_refused_when_the_settings_are_read() {
        for (text, words) in [
            ("evnt = 'x'", "unknown field `evnt`"),
            ("event = 'x'\nalert = { abov = 3 }", "unknown field `abov`"),
            ("event = 3", "did not match"),
        ] {
            let error = toml::from_str::<SavedSearch>(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
