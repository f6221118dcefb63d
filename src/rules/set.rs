//! The rules of a run: read from every place, checked against one another, and linked to the correlations that use them.
//!
//! What cannot be used is a [`Refusal`]; what the settings disable is left out, unless a correlation needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::rules::builtin;
use crate::rules::field::{LogSource, Operand};
use crate::rules::parse::{Filter, Parsed, parse_file, parse_text};
use crate::rules::plan::{Body, Condition, Correlation, CorrelationKind, Member, Rule};
use crate::rules::refusal::{Refusal, nearest};
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

/// How the matches of a rule reach a correlation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The correlation's position.
    pub correlation: usize,
    /// The member's position among the correlation's members.
    pub member: usize,
    /// Where the values of the group are: among the captures of a match, or among the group values of a correlation.
    pub group: Vec<usize>,
    /// Where the measured values are among the captures.
    pub values: Vec<usize>,
}

/// How insights reach a correlation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsightLink {
    /// The correlation's position.
    pub correlation: usize,
    /// The member's position among the correlation's members.
    pub member: usize,
    /// The type of insight; any if there is none.
    pub kind: Option<String>,
    /// The names under which an insight tells the values of the group.
    pub group: Vec<String>,
}

/// Why a rule cannot be used, and what to write instead.
type Reason = (String, String);

/// The endings of rule files.
const ENDINGS: [&str; 2] = ["yml", "yaml"];

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
        Ok(Self::link(parsed, settings))
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
        let mut filters = Vec::new();
        for file in parsed {
            set.refusals.extend(file.refusals);
            filters.extend(file.filters);
            for rule in file.rules {
                set.add(rule);
            }
        }
        set.apply(filters);
        set.rules.sort_by(|left, right| left.id.cmp(&right.id));
        set.refuse_unsound_correlations();
        set.leave_out_disabled(settings);
        set.connect();
        set.refusals.sort();
        set
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

    /// How far before a day its correlations look, in milliseconds.
    pub fn look_back_ms(&self) -> i64 {
        let mut longest: BTreeMap<usize, i64> = BTreeMap::new();
        for &position in &self.order {
            let Some(correlation) = self.correlation(position) else { continue };
            let members = correlation.members.iter().filter_map(|member| self.member(member));
            let below = members.filter_map(|member| longest.get(&member)).max().copied().unwrap_or(0);
            longest.insert(position, correlation.window_ms + below);
        }
        longest.into_values().max().unwrap_or(0)
    }

    /// The id, name or product's own id that is most like a word.
    pub fn nearest(&self, word: &str) -> Option<&str> {
        let names = self.rules.iter().flat_map(|rule| {
            [Some(rule.id.as_str()), rule.name.as_deref(), rule.extension.builtin.as_deref()].into_iter().flatten()
        });
        Some(nearest(word, names)).filter(|name| !name.is_empty())
    }

    pub(super) fn captures(&self) -> Vec<Vec<Operand>> {
        self.captures.clone()
    }

    fn add(&mut self, rule: Rule) {
        let twin = |other: &&Rule| other.id == rule.id || other.name.is_some() && other.name == rule.name;
        match self.rules.iter().find(twin) {
            Some(twin) => {
                let instead = "give each rule an id of its own, such as a fresh UUID".to_owned();
                let found = format!("the id or name of `{}` is also that of {}", rule.id, twin.place);
                self.refusals.push(Refusal { place: rule.place, found, instead });
            }
            None => self.rules.push(rule),
        }
    }

    fn apply(&mut self, filters: Vec<Filter>) {
        for filter in filters {
            let mut used = false;
            for rule in &mut self.rules {
                let named = filter.rules.as_ref().is_none_or(|names| names.iter().any(|name| is_called(rule, name)));
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

    /// Takes out correlations that lead back to themselves, then those with members that are not there, until none is left.
    fn refuse_unsound_correlations(&mut self) {
        let circles: Vec<Option<Reason>> = (0..self.rules.len()).map(|position| self.circle(position)).collect();
        self.refuse(circles);
        loop {
            let reason = |correlation| self.missing_member(correlation).or_else(|| self.keyless(correlation));
            let reasons: Vec<Option<Reason>> =
                (0..self.rules.len()).map(|position| self.correlation(position).and_then(reason)).collect();
            if !self.refuse(reasons) {
                return;
            }
        }
    }

    /// Takes out the rules for which there is a reason; whether there were any.
    fn refuse(&mut self, reasons: Vec<Option<Reason>>) -> bool {
        let before = self.rules.len();
        for (rule, reason) in std::mem::take(&mut self.rules).into_iter().zip(reasons) {
            match reason {
                Some((found, instead)) => self.refusals.push(Refusal { place: rule.place, found, instead }),
                None => self.rules.push(rule),
            }
        }
        self.rules.len() < before
    }

    fn missing_member(&self, correlation: &Correlation) -> Option<Reason> {
        for (position, member) in correlation.members.iter().enumerate() {
            let Member::Rule(name) = member else { continue };
            if self.member(member).is_none() {
                let known = self.rules.iter().flat_map(|rule| [Some(rule.id.as_str()), rule.name.as_deref()]).flatten();
                let instead = format!("did you mean `{}`?", nearest(name, known));
                return Some((
                    format!("the correlation names a rule `{name}` that is not there, or cannot be used"),
                    instead,
                ));
            }
            if correlation.members[..position].contains(member) {
                return Some((format!("the correlation names `{name}` twice"), "name each rule once".into()));
            }
        }
        None
    }

    fn circle(&self, start: usize) -> Option<Reason> {
        let mut open = vec![start];
        let mut seen = vec![false; self.rules.len()];
        while let Some(position) = open.pop() {
            let members =
                self.correlation(position).map(|correlation| correlation.members.as_slice()).unwrap_or_default();
            for member in members.iter().filter_map(|member| self.member(member)) {
                if member == start {
                    let path = format!("the correlation leads back to itself, by way of `{}`", self.rules[position].id);
                    return Some((path, "take one of them out of `rules`".into()));
                }
                if !std::mem::replace(&mut seen[member], true) {
                    open.push(member);
                }
            }
        }
        None
    }

    /// A field that a member cannot tell.
    fn keyless(&self, correlation: &Correlation) -> Option<Reason> {
        for (position, member) in correlation.members.iter().enumerate() {
            let name = if let Member::Rule(name) = member { name.as_str() } else { "an insight" };
            let fields = correlation.fields_of(position).into_iter().chain(correlation.measured());
            for field in fields {
                let known = match self.member(member).map(|rule| &self.rules[rule].body) {
                    Some(Body::Detection(detection)) => {
                        detection.source.operand(&field).map(|_| ()).map_err(str::to_owned)
                    }
                    Some(Body::Correlation(inner)) if inner.group_by.contains(&field) => Ok(()),
                    Some(Body::Correlation(inner)) => Err(inner.group_by.first().cloned().unwrap_or_default()),
                    None => any_operand(&field).map(|_| ()).ok_or_else(|| "userIdentity.accessKeyId".to_owned()),
                };
                if let Err(nearest) = known {
                    let instead =
                        format!("did you mean `{nearest}`? a field of another name can be given under `aliases`");
                    return Some((format!("`{name}` has no field `{field}` to correlate by"), instead));
                }
            }
        }
        None
    }

    /// The position of the rule that a member is.
    fn member(&self, member: &Member) -> Option<usize> {
        let Member::Rule(name) = member else { return None };
        self.rules.iter().position(|rule| is_called(rule, name))
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
            let Some(correlation) = self.correlation(position).filter(|correlation| !correlation.generate) else {
                continue;
            };
            let members = correlation.members.iter().filter_map(|member| self.member(member));
            found.extend(members.filter(|&member| self.rules[member].place.file == rule.place.file));
        }
        found
    }

    fn connect(&mut self) {
        self.captures = vec![Vec::new(); self.rules.len()];
        self.links = vec![Vec::new(); self.rules.len()];
        self.reports = self.rules.iter().map(|rule| !self.disabled.contains(&rule.id)).collect();
        self.order = self.in_order();
        self.keys = self.rules.iter().zip(&mut self.captures).map(|(rule, captures)| keys(rule, captures)).collect();
        for position in self.order.clone() {
            let Some(correlation) = self.correlation(position).cloned() else { continue };
            for (member, named) in correlation.members.iter().enumerate() {
                match (named, self.member(named)) {
                    (Member::Insight(kind), _) => {
                        let group = correlation.fields_of(member).iter().map(|field| key_name(field)).collect();
                        self.insights.push(InsightLink { correlation: position, member, kind: kind.clone(), group });
                    }
                    (Member::Rule(_), Some(rule)) => self.connect_rule(position, &correlation, member, rule),
                    (Member::Rule(_), None) => {}
                }
            }
        }
    }

    fn connect_rule(&mut self, position: usize, correlation: &Correlation, member: usize, rule: usize) {
        self.reports[rule] &= correlation.generate;
        let fields = correlation.fields_of(member);
        let (group, values) = match &self.rules[rule].body {
            Body::Correlation(inner) => {
                let place = |field: &String| inner.group_by.iter().position(|known| known == field);
                (fields.iter().filter_map(place).collect(), Vec::new())
            }
            Body::Detection(detection) => {
                let source = detection.source;
                let mut capture = |field: &String| self.captures[rule].capture(source, field);
                let group = fields.iter().filter_map(&mut capture).collect();
                (group, correlation.measured().iter().filter_map(&mut capture).collect())
            }
        };
        self.links[rule].push(Link { correlation: position, member, group, values });
    }

    /// Correlations, members first. There are no circles any more.
    fn in_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = Vec::new();
        let all: Vec<usize> = (0..self.rules.len()).filter(|&rule| self.correlation(rule).is_some()).collect();
        while order.len() < all.len() {
            let before = order.len();
            for &position in &all {
                let members =
                    self.correlation(position).map(|correlation| correlation.members.as_slice()).unwrap_or_default();
                let mut inner =
                    members.iter().filter_map(|member| self.member(member)).filter(|member| all.contains(member));
                if !order.contains(&position) && inner.all(|member| order.contains(&member)) {
                    order.push(position);
                }
            }
            if order.len() == before {
                break;
            }
        }
        order
    }
}

impl Correlation {
    /// The fields by which a member is grouped.
    fn fields_of(&self, member: usize) -> Vec<String> {
        let field =
            |name: &String| self.aliases.get(name).and_then(|fields| fields.get(&member)).unwrap_or(name).clone();
        self.group_by.iter().map(field).collect()
    }

    /// The fields that are measured.
    fn measured(&self) -> Vec<String> {
        match &self.kind {
            CorrelationKind::ValueCount(fields, _) => fields.clone(),
            CorrelationKind::ValueSum(field, _)
            | CorrelationKind::ValueAvg(field, _)
            | CorrelationKind::ValuePercentile(field, ..) => vec![field.clone()],
            _ => Vec::new(),
        }
    }
}

trait Capture {
    /// The place of a field among what is captured, added if it is not there yet.
    fn capture(&mut self, source: LogSource, field: &str) -> Option<usize>;
}

impl Capture for Vec<Operand> {
    fn capture(&mut self, source: LogSource, field: &str) -> Option<usize> {
        let operand = source.operand(field).ok()?;
        let place = self.iter().position(|known| *known == operand).unwrap_or(self.len());
        if place == self.len() {
            self.push(operand);
        }
        Some(place)
    }
}

/// Captures the fields that tell a rule's alerts apart; where they are.
fn keys(rule: &Rule, captures: &mut Vec<Operand>) -> Vec<usize> {
    let capture = |source| rule.fields.iter().filter_map(|field| captures.capture(source, field)).collect();
    rule.source().map_or_else(Vec::new, capture)
}

fn is_called(rule: &Rule, name: &str) -> bool {
    rule.id == name || rule.name.as_deref() == Some(name)
}

fn any_operand(field: &str) -> Option<Operand> {
    LogSource::ALL.into_iter().find_map(|source| source.operand(field).ok())
}

/// The name by which an insight tells a field: that of the column, whatever the cloud calls it.
fn key_name(field: &str) -> String {
    any_operand(field).map_or_else(|| field.to_owned(), |operand| operand.to_string())
}

fn read_all(paths: &[PathBuf], settings: &RuleSettings) -> Result<Vec<Parsed>> {
    let mut files = Vec::new();
    for path in paths {
        list(path, &mut files)?;
    }
    Ok(files.iter().map(|file| parse_file(file, settings)).collect())
}

/// The rule files below a folder, in order of their names; a file that is named counts whatever its ending.
fn list(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !fs::metadata(path).map_err(Error::read(path))?.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(Error::read(path))?;
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()
        .map_err(Error::read(path))?;
    entries.sort();
    for entry in entries {
        let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let rule =
            entry.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)));
        // Links to folders are not followed: they may lead back.
        if !hidden && (rule || entry.is_dir() && !entry.is_symlink()) {
            list(&entry, files)?;
        }
    }
    Ok(())
}
