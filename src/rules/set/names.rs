//! Names that the settings use for rules, and that no rule has: a slip there would leave a rule on, or a match visible, unnoticed.

use crate::rules::plan::{Body, Rule};
use crate::rules::refusal::{Place, Refusal, instead};
use crate::rules::settings::{RuleSettings, names_rule};
use crate::severity::Severity;

/// A refusal for every name in the settings that is no rule's.
pub(super) fn unknown(rules: &[Rule], settings: &RuleSettings) -> Vec<Refusal> {
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
    refusals.dedup();
    refusals
}

/// What an override sets that a rule about single events has not.
fn without_effect(rule: &Rule, settings: &RuleSettings) -> Option<Refusal> {
    let set = settings.override_of(&rule.id, rule.extension.builtin.as_deref())?;
    let key = set.threshold.map(|_| "threshold").or(set.window.as_ref().map(|_| "window"))?;
    matches!(rule.body, Body::Detection(_)).then(|| Refusal {
        place: Place { file: "settings, rules.override".to_owned(), ..Place::default() },
        found: format!("`{}` is a rule about single events and has no `{key}`", rule.id),
        instead: "set its `level` or `values`, or override a correlation of it".to_owned(),
    })
}

fn refusal(rules: &[Rule], key: &str, name: &str, kind: &str) -> Refusal {
    let ids = rules.iter().flat_map(|rule| [Some(rule.id.as_str()), rule.extension.builtin.as_deref()]).flatten();
    let tags = rules.iter().flat_map(|rule| &rule.tags).map(String::as_str).filter(|_| kind != "rule");
    Refusal {
        place: Place { file: format!("settings, rules.{key}"), ..Place::default() },
        found: format!("there is no {kind} `{name}`"),
        instead: instead(name, ids.chain(tags)),
    }
}
