//! Correlations: what several matches or insights of a group within a span of time come to.
//!
//! A pure function of what is put in, whatever its order: a correlation fires at a moment if the members of a group in the window that
//! ends there, `(moment - timespan, moment]`, satisfy its condition. What happened at one moment is looked at together. To be exact from
//! a day's first moment on, the caller puts in the matches of the time before as well ([`RuleSet::look_back_ms`]). Members that lack a
//! value of the group, or one that is measured, are not correlated, but counted.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rules::inputs::{Input, Inputs};
use crate::rules::matched::Match;
use crate::rules::plan::{Correlation, CorrelationKind, Presence};
use crate::rules::set::RuleSet;
use crate::rules::window::{Percentile, Sequence, Sum, ValueCount, bounds_hold};

pub use crate::rules::inputs::MOST_INPUTS;

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

impl InsightInput {
    /// The name under which rules know `userIdentity.userName`.
    pub const USER_NAME: &'static str = "user_identity->userName or user_name";
    /// All that an insight can tell, by the names of [`keys`](Self::keys).
    pub const TOLD: [&'static str; 12] = [
        "account_id",
        "recipient_account_id",
        "source_ip_address",
        "access_key_id",
        "insights.principal",
        "principal_id",
        "user_name",
        Self::USER_NAME,
        "service_name",
        "event_source",
        "event_name",
        "error_code",
    ];
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
    pub examples: Vec<Arc<str>>,
}

/// What was not correlated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Members that lack a value of the group.
    pub without_group: u64,
    /// Members that lack a value that is measured.
    pub without_value: u64,
    /// Members beyond [`MOST_INPUTS`].
    pub beyond_limit: u64,
}

/// Gathers members, then tells what fired.
#[derive(Debug)]
pub struct Correlator<'s> {
    rules: &'s RuleSet,
    inputs: Inputs,
    left_out: LeftOut,
}

impl<'s> Correlator<'s> {
    /// A correlator of a set's correlations.
    pub fn new(rules: &'s RuleSet) -> Self {
        Self { rules, inputs: Inputs::default(), left_out: LeftOut::default() }
    }

    /// Puts in a match for the correlations that `wanted` names (by position).
    pub fn push(&mut self, found: &Match, mut wanted: impl FnMut(usize) -> bool) {
        let mut id = None;
        for link in self.rules.links(found.rule) {
            if !wanted(link.correlation) {
                continue;
            }
            let capture = |place: &usize| found.captures.get(*place).and_then(Option::as_deref);
            let group = link.group.iter().map(capture);
            let Some(group) = self.group(group) else { continue };
            let Some(value) = self.measured(link.values.iter().map(capture)) else { continue };
            if id.is_none() {
                id = found.event.event_id.as_ref().map(|id| self.inputs.id(id));
            }
            self.inputs.add(link.correlation, Input::new(found.event.time, group, link.member, value, id));
        }
    }

    /// Puts in an insight.
    pub fn push_insight(&mut self, insight: &InsightInput) {
        for link in self.rules.insight_links() {
            if link.kind.as_ref().is_some_and(|kind| *kind != insight.kind) {
                continue;
            }
            let tell = |name: &String| insight.keys.get(name).map(String::as_str);
            let Some(group) = self.group(link.group.iter().map(tell)) else { continue };
            let Some(value) = self.measured(link.values.iter().map(tell)) else { continue };
            let id = self.inputs.id(&Arc::from(insight.id.as_str()));
            self.inputs.add(link.correlation, Input::new(insight.time, group, link.member, value, Some(id)));
        }
    }

    /// The group with these values; `None`, and counted, where one is lacking or no more members are taken.
    #[allow(clippy::option_option, reason = "an item that is lacking is not the end of the items")]
    fn group<'t>(&mut self, values: impl Iterator<Item = Option<&'t str>> + Clone) -> Option<u32> {
        if values.clone().any(|value| value.is_none()) {
            self.left_out.without_group += 1;
            return None;
        }
        if self.inputs.is_full() {
            self.left_out.beyond_limit += 1;
            return None;
        }
        Some(self.inputs.group(values.flatten()))
    }

    /// What these values come to; `None`, and counted, where one is lacking.
    #[allow(clippy::option_option, reason = "nothing to measure is not a value that is lacking")]
    fn measured<'t>(&mut self, values: impl Iterator<Item = Option<&'t str>>) -> Option<Option<u32>> {
        let Some(values) = values.collect::<Option<Vec<&str>>>() else {
            self.left_out.without_value += 1;
            return None;
        };
        Some(self.inputs.measured(&values))
    }

    /// What fired at moments in `span` (milliseconds since 1970), by rule, moment and group.
    pub fn finish(mut self, span: Range<i64>) -> (Vec<CorrelationMatch>, LeftOut) {
        let mut fired = Vec::new();
        self.fire(&span, &mut |moment, known| fired.push(moment.describe(known)));
        fired.sort_by(|left: &CorrelationMatch, right| {
            (left.rule, left.time, &left.group).cmp(&(right.rule, right.time, &right.group))
        });
        (fired, self.left_out)
    }

    /// Adds to `counts`, by position, at how many moments in `span` each correlation fired, and forgets what no window of a later
    /// moment reaches.
    pub fn count(&mut self, span: &Range<i64>, counts: &mut [u64]) {
        self.fire(span, &mut |moment, _| counts[moment.rule] += 1);
        for (rule, reach) in self.rules.reaches() {
            self.inputs.forget_until(rule, span.end.saturating_sub(reach));
        }
        self.inputs.compact();
    }

    /// What could not be correlated.
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// Calls `each` with every moment in `span` at which a correlation fired; those that fire are members of those built on them.
    fn fire(&mut self, span: &Range<i64>, each: &mut dyn FnMut(&Moment<'_>, &Inputs)) {
        let rules = self.rules;
        let mut fed: BTreeMap<usize, Vec<Input>> = BTreeMap::new();
        for &rule in rules.correlations() {
            let Some(correlation) = rules.correlation(rule) else { continue };
            let inputs = self.inputs.in_order(rule, &fed.remove(&rule).unwrap_or_default());
            let mut passed_on = Vec::new();
            let known = &self.inputs;
            let mut fires = |moment: &Moment<'_>| {
                if !rules.links(rule).is_empty() {
                    passed_on.push((moment.time(), moment.latest()));
                }
                if span.contains(&moment.time()) {
                    each(moment, known);
                }
            };
            for group in inputs.chunk_by(|left, right| left.group == right.group) {
                correlate_group(rule, correlation, group, known, &mut fires);
            }
            for (time, latest) in passed_on {
                for link in rules.links(rule) {
                    let group = self.inputs.part_of_group(latest.group, &link.group);
                    let value = self.inputs.measured_of_group(latest.group, &link.values);
                    let input = Input::new(time, group, link.member, value, latest.id());
                    fed.entry(link.correlation).or_default().push(input);
                }
            }
        }
    }
}

/// A moment at which a correlation fired.
struct Moment<'i> {
    rule: usize,
    /// The members in the window, in order of time.
    inputs: &'i [Input],
    value: f64,
}

impl Moment<'_> {
    fn time(&self) -> i64 {
        self.inputs[self.inputs.len() - 1].time
    }

    /// The latest member that has an id, or the first where none has.
    fn latest(&self) -> Input {
        *self.inputs.iter().rev().find(|input| input.id().is_some()).unwrap_or(&self.inputs[0])
    }

    fn describe(&self, inputs: &Inputs) -> CorrelationMatch {
        let latest = self.inputs.iter().rev().filter_map(|input| inputs.id_of(*input));
        CorrelationMatch {
            rule: self.rule,
            group: inputs.group_values(self.inputs[0].group).map(str::to_owned).collect(),
            first: self.inputs[0].time,
            time: self.time(),
            members: self.inputs.len() as u64,
            value: self.value,
            examples: latest.take(EXAMPLES).cloned().collect(),
        }
    }
}

/// Goes through the members of one group, in order of time.
fn correlate_group(
    rule: usize,
    correlation: &Correlation,
    inputs: &[Input],
    known: &Inputs,
    each: &mut dyn FnMut(&Moment<'_>),
) {
    let mut window = Window::new(correlation, known);
    let mut first = 0;
    let mut next = 0;
    while let Some(moment) = inputs.get(next).map(|input| input.time) {
        let after = next + inputs[next..].partition_point(|input| input.time == moment);
        let start = moment.saturating_sub(correlation.window_ms);
        inputs[next..after].iter().for_each(|input| window.add(*input));
        while inputs[first].time <= start {
            window.remove(inputs[first]);
            first += 1;
        }
        next = after;
        if let Some(value) = window.fires(&inputs[first..after], moment, start) {
            each(&Moment { rule, inputs: &inputs[first..after], value });
        }
    }
}

/// What is known of the members in the window.
struct Window<'c> {
    kind: &'c CorrelationKind,
    known: &'c Inputs,
    values: ValueCount,
    sum: Sum,
    percentile: Percentile,
    seen: Vec<u64>,
    sequence: Sequence,
}

impl<'c> Window<'c> {
    fn new(correlation: &'c Correlation, known: &'c Inputs) -> Self {
        let rank = if let CorrelationKind::ValuePercentile(_, rank, _) = &correlation.kind { *rank } else { 50.0 };
        Self {
            kind: &correlation.kind,
            known,
            values: ValueCount::default(),
            sum: Sum::default(),
            percentile: Percentile::new(rank),
            seen: vec![0; correlation.members.len()],
            sequence: Sequence::new(correlation.members.len()),
        }
    }

    fn add(&mut self, input: Input) {
        match self.kind {
            CorrelationKind::EventCount(_) => {}
            CorrelationKind::ValueCount(..) => self.values.add(input.value()),
            CorrelationKind::ValueSum(..) | CorrelationKind::ValueAvg(..) => self.sum.add(self.known.millionths(input)),
            CorrelationKind::ValuePercentile(..) => self.percentile.add(self.known.millionths(input)),
            CorrelationKind::Temporal(_) => self.seen[input.member as usize] += 1,
            CorrelationKind::TemporalOrdered => self.sequence.add(input.member as usize, input.time),
        }
    }

    fn remove(&mut self, input: Input) {
        match self.kind {
            CorrelationKind::EventCount(_) | CorrelationKind::TemporalOrdered => {}
            CorrelationKind::ValueCount(..) => self.values.remove(input.value()),
            CorrelationKind::ValueSum(..) | CorrelationKind::ValueAvg(..) => {
                self.sum.remove(self.known.millionths(input));
            }
            CorrelationKind::ValuePercentile(..) => self.percentile.remove(self.known.millionths(input)),
            CorrelationKind::Temporal(_) => self.seen[input.member as usize] -= 1,
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
            Presence::AtLeast(least, parts) => parts.iter().filter(|part| self.present(part)).count() >= *least,
            Presence::Not(part) => !self.present(part),
        }
    }
}
