//! Who changed a resource, a user or a role: the writing events that name it, in order; and sign-ins.
//!
//! The clouds log what was asked for, never what was there before: a change is shown with its parameters.

use crate::error::{Error, Result};
use crate::event::{Column, SECOND_FACTOR, failure_code, truth};
use crate::query::{Condition, Glob, Patterns, ValueTest, View, reads};
use crate::shown::literal;

const NAME: &[Column] = &[Column::ResourceName];
const PARAMETERS: &[Column] = &[Column::RequestParameters];
const EVENT: &[Column] = &[Column::EventName];
const SERVICE: &[Column] = &[Column::ServiceName, Column::EventSource];

/// What was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A resource, by name or id.
    Resource(String),
    /// A user, by name.
    User(String),
    /// A role, by name.
    Role(String),
}

impl Subject {
    /// What an event must be to have changed, or tried to change, the subject.
    ///
    /// Resources are named among the event's resources, or in its parameters; so are users (`alice`, or `alice@…`) and roles.
    ///
    /// # Errors
    /// [`Error::Query`] for an empty name.
    pub fn conditions(&self) -> Result<Vec<Condition>> {
        let (option, name, is_user) = match self {
            Self::Resource(name) => ("--resource", name, false),
            Self::User(name) => ("--user", name, true),
            Self::Role(name) => ("--role", name, false),
        };
        if name.trim().is_empty() {
            let hint = Some("expected a name or an id".to_owned());
            return Err(Error::Query { message: format!("{option}: the name is empty"), hint });
        }
        let name = literal(name.trim());
        let mut names = vec![name.clone()];
        let mut mentions = vec![format!("*\"{name}\"*"), format!("*\"{name}\\\\\"*")];
        if is_user {
            names.push(format!("{name}@*"));
            mentions.push(format!("*\"{name}@*"));
        }
        if let Self::Role(_) = self {
            mentions.push(format!("*:role/{name}\"*"));
            names.push(format!("*:role/{name}"));
        }
        let named = Condition::Test(NAME, ValueTest::Globs(View::Elements, globs(&names)?));
        let mentioned = Condition::Test(PARAMETERS, ValueTest::Globs(View::AsIs, globs(&mentions)?));
        Ok(vec![Condition::Not(Box::new(reads())), Condition::Any(vec![named, mentioned])])
    }
}

/// Sign-ins to the console, of both clouds and of their single sign-on.
///
/// # Errors
/// None for these patterns.
pub fn sign_ins() -> Result<Vec<Condition>> {
    let test = |columns, names: &[&str]| -> Result<Condition> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(Condition::Test(columns, ValueTest::Globs(View::Service, globs(&names)?)))
    };
    let console = test(EVENT, &["ConsoleSignin", "ConsoleLogin"])?;
    let sign_on = vec![test(SERVICE, &["CloudSSO"])?, test(EVENT, &["Login"])?];
    Ok(vec![Condition::Any(vec![console, Condition::All(sign_on)])])
}

fn globs(texts: &[String]) -> Result<Vec<Glob>> {
    Ok(Patterns::parse(texts, true).map_err(|mistake| mistake.of("name"))?.wanted)
}

/// Whether a second factor was used at a sign-in, as far as the event tells: by one of [`SECOND_FACTOR`], or by the column of API calls.
pub fn mfa(column: Option<&str>, additional: Option<&str>) -> Option<bool> {
    let told = additional.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok()).and_then(|data| {
        let value = SECOND_FACTOR.iter().find_map(|name| data.get(name))?;
        value.as_bool().or_else(|| value.as_str().and_then(truth))
    });
    told.or_else(|| column.and_then(truth))
}

/// How a call ended, in words: `success`, or the error code.
pub fn outcome<'a>(code: Option<&'a str>, message: Option<&str>) -> &'a str {
    failure_code(code, message).unwrap_or("success")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_factors_have_three_names() {
        assert_eq!(mfa(None, Some(r#"{"isMFAChecked":"false"}"#)), Some(false));
        assert_eq!(mfa(None, Some(r#"{"mfaChecked":"true","loginType":"password"}"#)), Some(true));
        assert_eq!(mfa(Some("false"), Some(r#"{"MFAUsed":"Yes"}"#)), Some(true));
        assert_eq!(mfa(Some("true"), None), Some(true));
        assert_eq!(mfa(None, Some("no json")), None);
    }

    #[test]
    fn a_subject_is_found_by_name_and_in_parameters() {
        let conditions = Subject::User("al*ce".into()).conditions().unwrap();
        let Condition::Any(parts) = &conditions[1] else { panic!("{conditions:?}") };
        let passes = |part: usize, text: &str| match &parts[part] {
            Condition::Test(_, test) => test.passes(Some(text)),
            other => panic!("{other:?}"),
        };
        assert!(passes(0, "group-1,al*ce@corp.onaliyun.com"));
        assert!(!passes(0, "alice"));
        assert!(passes(1, r#"{"UserName":"al*ce","PolicyName":"x"}"#));
        assert!(passes(1, r#"{"Users":"[\"al*ce\",\"b\"]"}"#));
        assert!(!passes(1, r#"{"UserName":"al*cex"}"#));
        assert!(Subject::Role(" ".into()).conditions().is_err());
    }
}
