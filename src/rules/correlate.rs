//! Correlations: what several matches or insights of a group within a span of time come to.
//!
//! A pure function of what is put in, whatever its order: a correlation fires at a moment if the members of a group in the window that
//! ends there, `(moment - timespan, moment]`, satisfy its condition. What happened at one moment is looked at together. To be exact from
//! a day's first moment on, the caller puts in the matches of the time before as well ([`RuleSet::look_back_ms`]). Members that lack a
//! value of the group are not correlated, but counted.

use std::collections::BTreeMap;
use std::ops::Range;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::rules::matched::Match;
use crate::rules::plan::{Correlation, CorrelationKind, Presence};
use crate::rules::set::RuleSet;
use crate::rules::window::{Percentile, Sequence, Sum, ValueCount, bounds_hold};

/// The most members that one run correlates; those beyond are counted.
pub const MOST_INPUTS: usize = 5_000_000;
/// Events that a correlation's match names as examples.
const EXAMPLES: usize = 10;

/// An insight, as correlations see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InsightInput {
    /// Its type, as `ApiErrorRateInsight`.
    pub kind: String,
    /// When it began, in milliseconds since 1970.
    pub time: i64,
    /// Its id.
    pub id: String,
    /// What it is about, by canonical column name (`access_key_id`), or by the name of a derived field (`insights.principal`).
    pub keys: BTreeMap<String, String>,
}

/// A correlation that fired.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CorrelationMatch {
    /// The correlation's position in the [`RuleSet`].
    pub rule: usize,
    /// The values of the group, in the order of the rule's `group-by`.
    pub group: Vec<String>,
    /// The time of the first member in the window, in milliseconds since 1970.
    pub first: i64,
    /// The moment.
    pub time: i64,
    /// How many members are in the window.
    pub members: u64,
    /// What was measured: a count, sum, mean or percentile; the number of members for temporal correlations.
    pub value: f64,
    /// Ids of the latest events and insights in the window.
    pub examples: Vec<String>,
}

/// What was not correlated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Members that lack a value of the group.
    pub without_group: u64,
    /// Members beyond [`MOST_INPUTS`].
    pub beyond_limit: u64,
}

/// Gathers members, then tells what fired.
#[derive(Debug)]
pub struct Correlator<'s> {
    rules: &'s RuleSet,
    /// By rule position.
    inputs: BTreeMap<usize, Vec<Input>>,
    texts: Texts,
    left_out: LeftOut,
    count: usize,
}

/// Texts by number, each once.
#[derive(Debug, Default)]
struct Texts {
    numbers: HashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
}

impl Texts {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(&known) = self.numbers.get(text) {
            return known;
        }
        let number = self.texts.len() as u32;
        self.numbers.insert(text.into(), number);
        self.texts.push(text.into());
        number
    }

    fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }
}

/// A member of a group. Equal inputs are interchangeable, so that their order makes no difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Input {
    group: Vec<u32>,
    pub(super) time: i64,
    pub(super) member: usize,
    /// The number of the measured text, if there is one.
    pub(super) value: Option<u32>,
    /// The measured number, in millionths.
    pub(super) number: Option<i128>,
    id: Option<u32>,
}

impl<'s> Correlator<'s> {
    /// A correlator of a set's correlations.
    pub fn new(rules: &'s RuleSet) -> Self {
        Self { rules, inputs: BTreeMap::new(), texts: Texts::default(), left_out: LeftOut::default(), count: 0 }
    }

    /// Puts in a match for the correlations that `wanted` names (by position).
    pub fn push(&mut self, found: &Match, mut wanted: impl FnMut(usize) -> bool) {
        for link in self.rules.links(found.rule) {
            if !wanted(link.correlation) {
                continue;
            }
            let capture = |place: &usize| found.captures.get(*place).and_then(Option::as_deref);
            let group: Option<Vec<&str>> = link.group.iter().map(capture).collect();
            let values: Vec<Option<&str>> = link.values.iter().map(capture).collect();
            self.add(link.correlation, link.member, found.event.time, group, &values, found.event.event_id.as_deref());
        }
    }

    /// Puts in an insight.
    pub fn push_insight(&mut self, insight: &InsightInput) {
        for link in self.rules.insight_links() {
            if link.kind.as_ref().is_none_or(|kind| *kind == insight.kind) {
                let group = link.group.iter().map(|name| insight.keys.get(name).map(String::as_str)).collect();
                self.add(link.correlation, link.member, insight.time, group, &[], Some(&insight.id));
            }
        }
    }

    fn add(
        &mut self,
        rule: usize,
        member: usize,
        time: i64,
        group: Option<Vec<&str>>,
        values: &[Option<&str>],
        id: Option<&str>,
    ) {
        let Some(group) = group else {
            self.left_out.without_group += 1;
            return;
        };
        if self.count >= MOST_INPUTS {
            self.left_out.beyond_limit += 1;
            return;
        }
        let Ok(measured) =
            values.iter().copied().collect::<Option<Vec<&str>>>().map(|values| values.join("\u{1f}")).ok_or(())
        else {
            return;
        };
        let number = measured.trim().parse::<f64>().ok().and_then(millionths);
        let input = Input {
            group: group.into_iter().map(|text| self.texts.number(text)).collect(),
            time,
            member,
            value: (!values.is_empty()).then(|| self.texts.number(&measured)),
            number,
            id: id.map(|id| self.texts.number(id)),
        };
        self.count += 1;
        self.inputs.entry(rule).or_default().push(input);
    }

    /// What fired at moments in `span` (milliseconds since 1970), by rule, moment and group.
    pub fn finish(mut self, span: Range<i64>) -> (Vec<CorrelationMatch>, LeftOut) {
        let mut fired = Vec::new();
        for &rule in self.rules.correlations() {
            let Some(correlation) = self.rules.correlation(rule) else { continue };
            let mut inputs = self.inputs.remove(&rule).unwrap_or_default();
            inputs.sort_unstable();
            let mut matches = Vec::new();
            for group in inputs.chunk_by(|left, right| left.group == right.group) {
                correlate_group(rule, correlation, group, &self.texts, &mut matches);
            }
            for found in &matches {
                self.feed(found);
            }
            fired.extend(matches.into_iter().filter(|found| span.contains(&found.time)));
        }
        fired.sort_by(|left, right| (left.rule, left.time, &left.group).cmp(&(right.rule, right.time, &right.group)));
        (fired, self.left_out)
    }

    /// A correlation that fired is a member of those built on it.
    fn feed(&mut self, found: &CorrelationMatch) {
        for link in self.rules.links(found.rule) {
            let group = link.group.iter().map(|place| found.group.get(*place).map(String::as_str)).collect();
            let id = found.examples.first().map(String::as_str);
            self.add(link.correlation, link.member, found.time, group, &[], id);
        }
    }
}

/// A number in millionths; sums of them are exact, in whatever order.
fn millionths(number: f64) -> Option<i128> {
    let scaled = (number * 1e6).round();
    (scaled.abs() < 1e30).then_some(scaled as i128)
}

/// Goes through the members of one group, in order of time.
fn correlate_group(
    rule: usize,
    correlation: &Correlation,
    inputs: &[Input],
    texts: &Texts,
    matches: &mut Vec<CorrelationMatch>,
) {
    let mut window = Window::new(correlation);
    let mut first = 0;
    let mut next = 0;
    while let Some(moment) = inputs.get(next).map(|input| input.time) {
        let after = next + inputs[next..].partition_point(|input| input.time == moment);
        let start = moment.saturating_sub(correlation.window_ms);
        inputs[next..after].iter().for_each(|input| window.add(input));
        while inputs[first].time <= start {
            window.remove(&inputs[first]);
            first += 1;
        }
        next = after;
        if let Some(value) = window.fires(&inputs[first..after], moment, start) {
            let latest = inputs[first..after].iter().rev().filter_map(|input| input.id);
            matches.push(CorrelationMatch {
                rule,
                group: inputs[first].group.iter().map(|&text| texts.text(text).to_owned()).collect(),
                first: inputs[first].time,
                time: moment,
                members: (after - first) as u64,
                value,
                examples: latest.take(EXAMPLES).map(|id| texts.text(id).to_owned()).collect(),
            });
        }
    }
}

/// What is known of the members in the window.
struct Window<'c> {
    kind: &'c CorrelationKind,
    values: ValueCount,
    sum: Sum,
    percentile: Percentile,
    seen: Vec<u64>,
    sequence: Sequence,
}

impl<'c> Window<'c> {
    fn new(correlation: &'c Correlation) -> Self {
        let rank = if let CorrelationKind::ValuePercentile(_, rank, _) = &correlation.kind { *rank } else { 50.0 };
        Self {
            kind: &correlation.kind,
            values: ValueCount::default(),
            sum: Sum::default(),
            percentile: Percentile::new(rank),
            seen: vec![0; correlation.members.len()],
            sequence: Sequence::new(correlation.members.len()),
        }
    }

    fn add(&mut self, input: &Input) {
        match self.kind {
            CorrelationKind::EventCount(_) => {}
            CorrelationKind::ValueCount(..) => self.values.add(input.value),
            CorrelationKind::ValueSum(..) | CorrelationKind::ValueAvg(..) => self.sum.add(input.number),
            CorrelationKind::ValuePercentile(..) => self.percentile.add(input.number),
            CorrelationKind::Temporal(_) => self.seen[input.member] += 1,
            CorrelationKind::TemporalOrdered => self.sequence.add(input.member, input.time),
        }
    }

    fn remove(&mut self, input: &Input) {
        match self.kind {
            CorrelationKind::EventCount(_) | CorrelationKind::TemporalOrdered => {}
            CorrelationKind::ValueCount(..) => self.values.remove(input.value),
            CorrelationKind::ValueSum(..) | CorrelationKind::ValueAvg(..) => self.sum.remove(input.number),
            CorrelationKind::ValuePercentile(..) => self.percentile.remove(input.number),
            CorrelationKind::Temporal(_) => self.seen[input.member] -= 1,
        }
    }

    /// The measured value, if the condition holds at this moment.
    fn fires(&mut self, inputs: &[Input], moment: i64, start: i64) -> Option<f64> {
        let count = inputs.len() as f64;
        let (value, bounds) = match self.kind {
            CorrelationKind::EventCount(bounds) => (Some(count), bounds),
            CorrelationKind::ValueCount(_, bounds) => (Some(self.values.distinct() as f64), bounds),
            CorrelationKind::ValueSum(_, bounds) => (self.sum.total(), bounds),
            CorrelationKind::ValueAvg(_, bounds) => (self.sum.mean(), bounds),
            CorrelationKind::ValuePercentile(_, _, bounds) => (self.percentile.value(), bounds),
            CorrelationKind::Temporal(presence) => return self.present(presence).then_some(count),
            CorrelationKind::TemporalOrdered => return self.sequence.ends_at(moment, start).then_some(count),
        };
        value.filter(|value| bounds_hold(bounds, *value))
    }

    fn present(&self, presence: &Presence) -> bool {
        match presence {
            Presence::Seen(member) => self.seen[*member] > 0,
            Presence::All(parts) => parts.iter().all(|part| self.present(part)),
            Presence::Any(parts) => parts.iter().any(|part| self.present(part)),
            Presence::Not(part) => !self.present(part),
        }
    }
}
