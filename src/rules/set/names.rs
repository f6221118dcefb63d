//! Names that the settings use for rules, and that no rule has: a slip there would leave a rule on, or a match visible, unnoticed.

use std::collections::BTreeSet;

use crate::rules::plan::{Body, Rule};
use crate::rules::refusal::{Position, Refusal, instead};
use crate::rules::settings::{RuleSettings, names_rule};
use crate::severity::Severity;

/// A refusal for every name in the settings that is no rule's.
/// `placeholders` are those of all rules and filters.
pub(super) fn unknown(rules: &[Rule], placeholders: &BTreeSet<String>, settings: &RuleSettings) -> Vec<Refusal> {
    let whitelisted = settings.whitelist.entries().iter().flat_map(|entry| &entry.rules);
    let named =
        [("disable", settings.disable.iter().collect::<Vec<_>>()), ("enable", settings.enable.iter().collect())];
    let named = named.into_iter().chain([("whitelist", whitelisted.collect())]);
    let mut refusals: Vec<Refusal> = named
        .flat_map(|(key, names)| names.into_iter().map(move |name| (key, name)))
        .filter(|(_, name)| Severity::named(name).is_none() && !rules.iter().any(|rule| names_rule(name, rule)))
        .map(|(key, name)| refusal(rules, key, name, "rule, tag or level"))
        .collect();
    let overridden = settings.overrides.keys().filter(|name| !rules.iter().any(|rule| rule.has_id(name)));
    refusals.extend(overridden.map(|name| refusal(rules, "override", name, "rule")));
    refusals.extend(rules.iter().filter_map(|rule| without_effect(rule, settings)));
    let lists = settings.values.keys().filter(|name| !placeholders.contains(*name));
    refusals.extend(lists.map(|name| no_list("values", "no rule takes a", name, placeholders)));
    refusals.extend(rules.iter().flat_map(|rule| lists_of_others(rule, settings)));
    refusals.dedup();
    refusals
}

/// Lists that an override gives a rule which takes none of that name.
fn lists_of_others(rule: &Rule, settings: &RuleSettings) -> Vec<Refusal> {
    let builtin = rule.extension.builtin.as_deref();
    let Some(set) = settings.override_of(&rule.id, builtin) else { return Vec::new() };
    let nobody = format!("`{}` takes no", settings.override_name(&rule.id, builtin));
    let lists = set.values.keys().filter(|name| !rule.placeholders.contains(*name));
    lists.map(|name| no_list("override", &nobody, name, &rule.placeholders)).collect()
}

fn no_list(key: &str, nobody: &str, name: &str, known: &BTreeSet<String>) -> Refusal {
    Refusal {
        place: Position::settings(key),
        found: format!("{nobody} list `{name}`"),
        instead: instead(name, known.iter().map(String::as_str)),
    }
}

/// What an override sets that a rule about single events has not.
fn without_effect(rule: &Rule, settings: &RuleSettings) -> Option<Refusal> {
    let builtin = rule.extension.builtin.as_deref();
    let set = settings.override_of(&rule.id, builtin)?;
    let name = settings.override_name(&rule.id, builtin);
    let key = set.threshold.map(|_| "threshold").or(set.window.as_ref().map(|_| "window"))?;
    matches!(rule.body, Body::Detection(_)).then(|| Refusal {
        place: Position::settings("override"),
        found: format!("`{name}` is a rule about single events and has no `{key}`"),
        instead: "set its `level` or `values`, or override a correlation of it".to_owned(),
    })
}

fn refusal(rules: &[Rule], key: &str, name: &str, kind: &str) -> Refusal {
    let ids = rules.iter().flat_map(|rule| [Some(rule.id.as_str()), rule.extension.builtin.as_deref()]).flatten();
    let tags = rules.iter().flat_map(|rule| &rule.tags).map(String::as_str).filter(|_| kind != "rule");
    Refusal {
        place: Position::settings(key),
        found: format!("there is no {kind} `{name}`"),
        instead: instead(name, ids.chain(tags)),
    }
}
