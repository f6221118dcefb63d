//! Which entity and which night is meant: an insight's id, or an entity by its name.
//!
//! What is typed may be an id, a whole name, the last part of one, or what a person is called; where it fits several,
//! the error lists them and none is chosen.

use std::path::Path;

use chrono::NaiveDate;

use crate::baseline::{FamilyHistory, Window};
use crate::error::{Error, Result, meant};
use crate::evaluate::matching::canonical;
use crate::evaluate::reported::{self, Found};
use crate::event::ChangeKind;
use crate::explain::names::Names;
use crate::rollup::Family;
use crate::shown::{OTHER, counted};
use crate::storage::is_there;

/// Candidates that an error names.
const NAMED: usize = 8;
/// Characters of an id that are enough to know it by.
const LEAST_ID: usize = 6;

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// An insight's id or the begin of one, or an entity as outputs write it, or the last part of that.
    pub about: String,
    /// The family, if it was said.
    pub family: Option<Family>,
    /// The account, if it was said.
    pub account: Option<String>,
    /// The hour whose expectation is taken to pieces, in UTC; the most telling one if none was said.
    pub hour: Option<u8>,
}

impl Question {
    /// Whether changes are asked about, and no rates: by the family, by an insight about some, or by an entity that is
    /// one.
    pub(super) fn is_about_changes(&self, insight: Option<&Found>) -> bool {
        if let Some(found) = insight {
            return found.family == Family::Change.name();
        }
        let kind = self.about.split_once('/').and_then(|(kind, _)| ChangeKind::named(kind));
        self.family == Some(Family::Change) || self.family.is_none() && kind.is_some()
    }
}

/// The insight that is meant, if what was typed can be an id.
///
/// # Errors
/// When several ids begin so.
pub fn insight(question: &Question, state: &Path) -> Result<Option<Found>> {
    let about = question.about.to_lowercase();
    let is_id = about.len() >= LEAST_ID && about.chars().all(|digit| digit.is_ascii_hexdigit() || digit == '-');
    if !is_id || !is_there(&state.join("insights"))? {
        return Ok(None);
    }
    let found = reported::read(state)?.found;
    let mut meant = found.into_iter().filter(|found| found.id.to_lowercase().starts_with(&about));
    match (meant.next(), meant.next()) {
        (found, None) => Ok(found),
        (Some(one), Some(other)) => Err(Error::Query {
            message: format!("`{}` begins several insight ids, {} and {} among them", question.about, one.id, other.id),
            hint: Some("write more of the id".to_owned()),
        }),
        (None, Some(_)) => Ok(None),
    }
}

/// Whether a reported insight is about an entity.
pub fn is_about(found: &Found, family: Family, history: &FamilyHistory, member: usize) -> bool {
    let key = history.key(member);
    found.family == family.name()
        && found.account == key.account()
        && canonical(family.name(), &key.label()) == found.entity
}

/// The entity that is meant: its family, by its place among `families`, and its number there. What nothing is called
/// may be the name of a principal.
///
/// # Errors
/// When none has that name, or several have.
pub(super) fn entity(
    question: &Question,
    families: &[FamilyHistory],
    window: &Window,
    names: &mut Names<'_>,
) -> Result<(usize, usize)> {
    if question.about.split('/').all(|field| field == OTHER) {
        return Err(many(question, families, window));
    }
    let mut exact = Vec::new();
    let mut partial = Vec::new();
    for (family, history) in families.iter().enumerate() {
        if question.family.is_some_and(|wanted| wanted != history.family) {
            continue;
        }
        for member in 0..history.len() {
            if question.account.as_ref().is_some_and(|account| account != history.key(member).account()) {
                continue;
            }
            match fits(&question.about, history, member) {
                Some(true) => exact.push((family, member)),
                Some(false) => partial.push((family, member)),
                None => {}
            }
        }
    }
    let mut found = if exact.is_empty() { partial } else { exact };
    if found.is_empty() {
        found = called(question, families, names)?;
    }
    match found[..] {
        [found] => Ok(found),
        [] => Err(unknown(question, families, window.scored(), names.have_events())),
        _ => Err(ambiguous(question, families, &found)),
    }
}

/// The principals of a name.
fn called(question: &Question, families: &[FamilyHistory], names: &mut Names<'_>) -> Result<Vec<(usize, usize)>> {
    let place = families.iter().position(|history| history.family == Family::Principal);
    let asked = question.family.is_none_or(|family| family == Family::Principal);
    let Some(place) = place.filter(|_| asked) else { return Ok(Vec::new()) };
    let (called, history) = (names.called(&question.about)?, &families[place]);
    let is_meant = |&member: &usize| {
        let account = question.account.as_deref().is_none_or(|account| account == history.key(member).account());
        account && called.contains(&history.label(member))
    };
    Ok((0..history.len()).filter(is_meant).map(|member| (place, member)).collect())
}

/// Whether a name is an entity's whole label, or the last part of it.
fn fits(about: &str, history: &FamilyHistory, member: usize) -> Option<bool> {
    let key = history.key(member);
    if [key.label(), history.label(member)].iter().any(|label| label.eq_ignore_ascii_case(about)) {
        return Some(true);
    }
    key.fields().last().filter(|last| last.eq_ignore_ascii_case(about)).map(|_| false)
}

/// What stands for many is no entity: what it is, how much it was that night, and how there would be less of it.
fn many(question: &Question, families: &[FamilyHistory], window: &Window) -> Error {
    let is_meant = |history: &&FamilyHistory| question.family.is_none_or(|family| family == history.family);
    let calls = |history: &FamilyHistory| -> u64 {
        let own = history.unnamed().filter(|(_, hour)| hour.day() == window.length());
        let asked = own.filter(|(account, _)| question.account.as_deref().is_none_or(|asked| asked == *account));
        asked.map(|(_, hour)| u64::from(hour.calls)).sum()
    };
    let told = |history: &FamilyHistory| {
        let calls = calls(history);
        (calls > 0)
            .then(|| format!("{} of {}", counted(calls, "call", "calls"), history.family.name().replace('_', " ")))
    };
    let told: Vec<String> = families.iter().filter(is_meant).filter_map(told).collect();
    let told = if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
    Error::Query {
        message: format!(
            "`{OTHER}` is no entity: it stands for all further entities of an account's family on a day that has more than \
             `max_entities` allows, which are not counted one by one and not judged; on {} it holds {told}",
            window.scored()
        ),
        hint: Some("to have them counted by name set `max_entities` higher, remove the rollups of these days, and run them again".to_owned()),
    }
}

fn unknown(question: &Question, families: &[FamilyHistory], date: NaiveDate, has_events: bool) -> Error {
    let wanted = families.iter().filter(|history| question.family.is_none_or(|family| family == history.family));
    let labels = wanted.flat_map(|history| (0..history.len()).map(move |member| (history, member)));
    let labels: Vec<(Family, String)> =
        labels.map(|(history, member)| (history.family, history.label(member))).collect();
    let near = meant(&question.about, labels.iter().map(|(_, label)| label.as_str()));
    let nearest = labels.iter().find(|(_, label)| Some(label.as_str()) == near);
    let hint = nearest.map(|(family, label)| format!("the nearest name is `--family {} {label}`", family.name()));
    let by_name = "of users the counts know the ids; with --events EVENTS names are looked up";
    let otherwise = if labels.is_empty() { "count the history first, with `insights rollup EVENTS`" } else { by_name };
    let otherwise = if has_events && !labels.is_empty() { "write it as outputs do" } else { otherwise };
    Error::Query {
        message: format!("nothing is known of `{}` on {date} or in the days it is compared with", question.about),
        hint: hint.or_else(|| Some(otherwise.to_owned())),
    }
}

fn ambiguous(question: &Question, families: &[FamilyHistory], found: &[(usize, usize)]) -> Error {
    let name = |&(family, member): &(usize, usize)| {
        let history = &families[family];
        let account = history.key(member).account();
        format!("  --family {} --account {account} {}", history.family.name(), history.label(member))
    };
    let mut names: Vec<String> = found.iter().take(NAMED).map(name).collect();
    names.extend((found.len() > NAMED).then(|| format!("  and {} more", found.len() - NAMED)));
    Error::Query {
        message: format!("`{}` may be several things:\n{}", question.about, names.join("\n")),
        hint: Some("say which with --family and --account".to_owned()),
    }
}
