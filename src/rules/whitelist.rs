//! Whose matches are hidden, why, and until when.
//!
//! What a whitelist hides is not lost: it is counted by entry and can be listed.

use std::net::IpAddr;

use chrono::NaiveDate;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::event::{SourceAddress, without_session};
use crate::rules::matched::MatchedEvent;
use crate::rules::pattern::{Pattern, Piece};
use crate::rules::plan::Rule;
use crate::rules::settings::{date, names_rule};
use crate::rules::typed_date;
use crate::time::date_of_ms;

/// An entry as it is typed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawEntry {
    rules: Vec<String>,
    accounts: Vec<String>,
    users: Vec<String>,
    roles: Vec<String>,
    networks: Vec<String>,
    reason: String,
    #[serde(deserialize_with = "typed_date::one")]
    expires: Option<String>,
}

/// Every entry, in the order of the settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Whitelist {
    entries: Vec<Entry>,
}

/// Whose matches are hidden.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The rules it is for, by id, tag or level; all if there are none.
    pub rules: Vec<String>,
    /// Accounts, RAM or IAM users, and roles: each list that is not empty must hold the event's.
    pub accounts: Names,
    /// User names or ids.
    pub users: Names,
    /// Role names or ids.
    pub roles: Names,
    /// Networks of source addresses.
    pub networks: Vec<IpNet>,
    /// Why.
    pub reason: String,
    /// The first day on which it no longer holds; it ends with the UTC day before.
    pub expires: Option<NaiveDate>,
}

/// Names as rules have values: `*` stands for any characters, `?` for one, and case does not count.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Names(Vec<Pattern>);

impl Names {
    fn new(typed: &[String]) -> Self {
        Self(typed.iter().map(|text| pattern(text)).collect())
    }

    fn holds(&self, values: &[Option<&str>]) -> bool {
        values.iter().flatten().any(|value| self.0.iter().any(|pattern| pattern.is_match(value)))
    }
}

/// A text with wildcards; a backslash before one takes its meaning away.
fn pattern(text: &str) -> Pattern {
    let mut pieces = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let literal = if letter == '\\' { letters.next_if(|next| matches!(next, '*' | '?' | '\\')) } else { None };
        pieces.push(match (literal, letter) {
            (Some(literal), _) => Piece::Char(literal),
            (None, '*') => Piece::Run,
            (None, '?') => Piece::One,
            (None, other) => Piece::Char(other),
        });
    }
    Pattern::new(&pieces, false)
}

impl Whitelist {
    /// Checks what was typed.
    pub fn parse(raw: Vec<RawEntry>) -> Result<Self, String> {
        let entries = raw.into_iter().enumerate().map(|(at, entry)| entry.validate(at + 1));
        Ok(Self { entries: entries.collect::<Result<_, _>>()? })
    }

    /// The entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The first entry that hides a rule's match of an event.
    pub fn hides(&self, rule: &Rule, event: &MatchedEvent) -> Option<usize> {
        self.entries.iter().position(|entry| entry.is_for(rule) && entry.holds(event))
    }
}

impl RawEntry {
    fn validate(self, number: usize) -> Result<Entry, String> {
        let named = |key: &str| format!("rules.whitelist, entry {number}, {key}");
        if self.reason.trim().is_empty() {
            return Err(format!("{}: expected why these matches are hidden, found nothing", named("reason")));
        }
        let subjects = [&self.accounts, &self.users, &self.roles, &self.networks];
        if subjects.iter().all(|list| list.is_empty()) {
            return Err(format!("{}: expected at least one of accounts, users, roles, networks", named("subject")));
        }
        let networks = self.networks.iter().map(|text| {
            network(text).ok_or_else(|| {
                format!("{}: expected an address or network such as 10.0.0.0/8, found `{text}`", named("networks"))
            })
        });
        Ok(Entry {
            networks: networks.collect::<Result<_, _>>()?,
            expires: self.expires.as_deref().map(|text| date(&named("expires"), text)).transpose()?,
            rules: self.rules,
            accounts: Names::new(&self.accounts),
            users: Names::new(&self.users),
            roles: Names::new(&self.roles),
            reason: self.reason,
        })
    }
}

impl Entry {
    fn is_for(&self, rule: &Rule) -> bool {
        self.rules.is_empty() || self.rules.iter().any(|name| names_rule(name, rule))
    }

    fn holds(&self, event: &MatchedEvent) -> bool {
        let lists = |list: &Names, values: &[Option<&str>]| list.0.is_empty() || list.holds(values);
        let name = event.user_name.as_deref().map(without_session);
        let principal =
            |wanted: &str| event.principal.as_deref().and_then(|id| id.strip_prefix(wanted)?.strip_prefix('/'));
        let is_role = principal("role").is_some();
        let in_time = self.expires.is_none_or(|end| date_of_ms(event.time).is_some_and(|day| day < end));
        in_time
            && lists(&self.accounts, &[event.account.as_deref(), event.caller_account.as_deref()])
            && (self.users.0.is_empty()
                || !is_role && lists(&self.users, &[event.user_name.as_deref(), principal("user"), principal("root")]))
            && (self.roles.0.is_empty() || is_role && lists(&self.roles, &[name, principal("role")]))
            && (self.networks.is_empty() || self.holds_address(event))
    }

    fn holds_address(&self, event: &MatchedEvent) -> bool {
        let address = event.source_ip.as_deref().and_then(SourceAddress::parse).and_then(|source| source.ip());
        address.is_some_and(|address: IpAddr| self.networks.iter().any(|network| network.contains(&address)))
    }
}

/// A network, or an address as a network of one.
pub(super) fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_wildcards_and_no_case() {
        let holds = |typed: &str, name: &str| Names::new(&[typed.to_owned()]).holds(&[None, Some(name)]);
        assert!(holds("nora*", "nora61") && holds("NORA61", "nora61") && holds("*", "x") && holds("nora6?", "nora61"));
        assert!(!holds("nora", "nora61") && !holds(r"nora\*", "nora61"));
        assert!(holds(r"nora\*", "nora*") && holds(r"a\b", r"a\b"));
    }
}
