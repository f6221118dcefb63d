//! The rules of a run: read from every place, checked against one another, and linked to the correlations that use them.
//!
//! What cannot be used is a [`Refusal`]; what the settings disable is left out, unless a correlation needs it.

mod files;
mod links;
mod names;
mod soundness;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hashbrown::HashMap;

use crate::error::{Result, meant};
use crate::rules::builtin;
use crate::rules::field::Operand;
use crate::rules::parse::{Filter, Parsed, parse_text};
use crate::rules::plan::{Body, Condition, Correlation, Member, Rule};
use crate::rules::refusal::{Position, Refusal};
use crate::rules::set::files::read_all;
use crate::rules::set::links::{InsightLink, Link};
use crate::rules::settings::RuleSettings;

/// Rules that belong together, in order of their ids.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    refusals: Vec<Refusal>,
    /// Ids of rules that the settings leave out.
    disabled: Vec<String>,
    /// Whether a rule's own matches are reported.
    reports: Vec<bool>,
    captures: Vec<Vec<Operand>>,
    keys: Vec<Vec<usize>>,
    links: Vec<Vec<Link>>,
    insights: Vec<InsightLink>,
    /// Positions of correlations, members before those that use them.
    order: Vec<usize>,
}

impl RuleSet {
    /// The built-in rules and those of the settings' folders, as the settings want them.
    ///
    /// # Errors
    /// [`Error::Read`] when a folder cannot be listed.
    pub fn load(settings: &RuleSettings) -> Result<Self> {
        let mut parsed = Vec::new();
        if settings.builtin {
            parsed.extend(builtin::FILES.iter().map(|(name, text)| parse_text(name, text, settings)));
        }
        parsed.extend(read_all(&settings.paths, settings)?);
        let mut set = Self::default();
        let placeholders = parsed.iter().flat_map(|file| file.placeholders.iter().cloned()).collect();
        set.gather(parsed);
        set.refusals.extend(names::unknown(&set.rules, &placeholders, settings));
        set.finish(settings);
        Ok(set)
    }

    /// The rules of some files and folders alone.
    ///
    /// # Errors
    /// [`Error::Read`] when a folder cannot be listed.
    pub fn read(paths: &[PathBuf], settings: &RuleSettings) -> Result<Self> {
        Ok(Self::link(read_all(paths, settings)?, settings))
    }

    /// Puts together what files hold.
    pub fn link(parsed: Vec<Parsed>, settings: &RuleSettings) -> Self {
        let mut set = Self::default();
        set.gather(parsed);
        set.finish(settings);
        set
    }

    fn gather(&mut self, parsed: Vec<Parsed>) {
        let mut filters = Vec::new();
        let mut names = HashMap::new();
        for file in parsed {
            self.refusals.extend(file.refusals);
            filters.extend(file.filters);
            for rule in file.rules {
                self.add(rule, &mut names);
            }
        }
        self.apply(filters);
        self.rules.sort_by(|left, right| left.id.cmp(&right.id));
    }

    fn finish(&mut self, settings: &RuleSettings) {
        self.refuse_unsound_correlations();
        self.leave_out_disabled(settings);
        self.connect();
        self.refusals.sort();
    }

    /// The rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What cannot be used.
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// Ids of rules that the settings leave out.
    pub fn disabled(&self) -> &[String] {
        &self.disabled
    }

    /// Whether a rule's own matches are reported: those of a correlation's member are only if the correlation says `generate`.
    pub fn reports(&self, rule: usize) -> bool {
        self.reports[rule]
    }

    /// Where the values of a rule's `fields`, which tell its alerts apart, are among the captures of a match.
    pub fn keys(&self, rule: usize) -> &[usize] {
        &self.keys[rule]
    }

    /// The correlations that use a rule's matches.
    pub fn links(&self, rule: usize) -> &[Link] {
        &self.links[rule]
    }

    /// The correlations that use insights.
    pub fn insight_links(&self) -> &[InsightLink] {
        &self.insights
    }

    /// Positions of correlations, members before those that use them.
    pub fn correlations(&self) -> &[usize] {
        &self.order
    }

    /// The correlation at a position.
    pub fn correlation(&self, rule: usize) -> Option<&Correlation> {
        match &self.rules.get(rule)?.body {
            Body::Correlation(correlation) => Some(correlation),
            Body::Detection(_) => None,
        }
    }

    /// How far before a moment each correlation's members bear on it, in milliseconds: by its own window, and those of what builds on it.
    pub fn reaches(&self) -> BTreeMap<usize, i64> {
        let mut reaches: BTreeMap<usize, i64> = BTreeMap::new();
        for &position in self.order.iter().rev() {
            let Some(correlation) = self.correlation(position) else { continue };
            let above = self.links[position].iter().filter_map(|link| reaches.get(&link.correlation)).max();
            let reach = correlation.window_ms + above.copied().unwrap_or(0);
            reaches.insert(position, reach);
        }
        reaches
    }

    /// How far before a day its correlations look, in milliseconds.
    pub fn look_back_ms(&self) -> i64 {
        self.reaches().into_values().max().unwrap_or(0)
    }

    /// The id, name or product's own id that is most like a word.
    pub fn nearest(&self, word: &str) -> Option<&str> {
        let names = self.rules.iter().flat_map(|rule| {
            [Some(rule.id.as_str()), rule.name.as_deref(), rule.extension.builtin.as_deref()].into_iter().flatten()
        });
        meant(word, names)
    }

    pub(super) fn captures(&self) -> Vec<Vec<Operand>> {
        self.captures.clone()
    }

    /// Adds a rule whose id and name nobody has yet; `names` are those that are taken, and where.
    fn add(&mut self, rule: Rule, names: &mut HashMap<(bool, String), Position>) {
        let own: Vec<(bool, String)> = [(true, Some(&rule.id)), (false, rule.name.as_ref())]
            .map(|(id, name)| Some((id, name?.clone())))
            .into_iter()
            .flatten()
            .collect();
        if let Some(twin) = own.iter().find_map(|name| names.get(name)) {
            let instead = "give each rule an id of its own, such as a fresh UUID".to_owned();
            let found = format!("the id or name of `{}` is also that of {twin}", rule.id);
            self.refusals.push(Refusal { place: rule.place, found, instead });
        } else {
            names.extend(own.into_iter().map(|name| (name, rule.place.clone())));
            self.rules.push(rule);
        }
    }

    fn apply(&mut self, filters: Vec<Filter>) {
        for filter in filters {
            let mut used = false;
            for rule in &mut self.rules {
                let named = filter.rules.as_ref().is_none_or(|names| names.iter().any(|name| rule.is_called(name)));
                if let Body::Detection(detection) = &mut rule.body
                    && named
                    && detection.source == filter.source
                {
                    used = true;
                    let own = std::mem::replace(&mut detection.condition, Condition::All(Vec::new()));
                    detection.condition = Condition::All(vec![own, filter.condition.clone()]);
                }
            }
            if !used {
                let (found, instead) =
                    ("the filter is for no rule there is", "name rules of the same log source by id or name");
                self.refusals.push(Refusal { place: filter.place, found: found.into(), instead: instead.into() });
            }
        }
    }

    /// The position of the rule that a member is.
    fn member(&self, member: &Member) -> Option<usize> {
        let Member::Rule(name) = member else { return None };
        self.rules.iter().position(|rule| rule.is_called(name))
    }

    fn leave_out_disabled(&mut self, settings: &RuleSettings) {
        let members = self.base_rules();
        // The base rules of a correlation say nothing by themselves, also when the correlation is left out.
        let enabled: Vec<bool> = self
            .rules
            .iter()
            .enumerate()
            .map(|(position, rule)| settings.enables(rule) && !members.contains(&position))
            .collect();
        let mut needed = enabled.clone();
        // Members of what is needed are needed too; as deep as chains can be.
        for _ in 0..self.rules.len() {
            let before = needed.clone();
            for position in (0..self.rules.len()).filter(|&position| before[position]) {
                let members =
                    self.correlation(position).map(|correlation| correlation.members.as_slice()).unwrap_or_default();
                for member in members.iter().filter_map(|member| self.member(member)) {
                    needed[member] = true;
                }
            }
            if needed == before {
                break;
            }
        }
        let mut position = 0;
        self.disabled = self.rules.iter().filter(|rule| !settings.enables(rule)).map(|rule| rule.id.clone()).collect();
        self.rules.retain(|_| {
            position += 1;
            needed[position - 1]
        });
    }

    /// Positions of rules that stand beside a correlation in its file, for nothing but to be its members.
    fn base_rules(&self) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for (position, rule) in self.rules.iter().enumerate() {
            let silent = |correlation: &&Correlation| !correlation.generate;
            let Some(correlation) = self.correlation(position).filter(silent) else { continue };
            let members = correlation.members.iter().filter_map(|member| self.member(member));
            found.extend(members.filter(|&member| self.rules[member].place.file == rule.place.file));
        }
        found
    }
}
