//! From a draft to labels: counts what the planted rows add to every entity, labels whoever they change visibly, and refuses
//! drafts that would meet another anomaly on the same entity.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rand_xoshiro::Xoshiro256PlusPlus;

use super::{Plan, Silence};
use crate::generate::actor::{Actor, Key};
use crate::generate::entity::Entity;
use crate::generate::expectation::Expectation;
use crate::generate::label::Label;
use crate::generate::network::SERVICE_HOSTS;
use crate::generate::row::Row;
use crate::generate::services::ERRORS;
use crate::generate::stream::{Purpose, stream};
use crate::generate::world::World;
use crate::time::HOUR_SECONDS;

/// How often a kind may look for another place before it is given up.
const ATTEMPTS: u32 = 200;
/// How far apart in time two anomalies of one entity stay.
const MARGIN: u32 = 2 * HOUR_SECONDS;
/// The planted calls in an hour that make a side effect worth a label, if they also double the entity's calls.
pub(super) const VISIBLE: u64 = 10;
/// The part of its calls that an entity must lose for a drop to be a drop of it too.
pub(super) const VISIBLE_LOSS: f64 = 0.5;

/// An anomaly before it is accepted.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) kind: &'static str,
    pub(super) span: Range<u32>,
    /// What the anomaly is about, with its size; labelled in any case.
    pub(super) marks: Vec<(Entity, Option<f64>)>,
    pub(super) rows: Vec<Row>,
    pub(super) silence: Option<Silence>,
}

/// Places anomalies in a world.
#[derive(Debug)]
pub(super) struct Planner<'world> {
    pub(super) world: &'world mut World,
    pub(super) random: Xoshiro256PlusPlus,
    /// The first and the day after the last on which anything is planted.
    pub(super) days: Range<u32>,
    /// Principals that already did something unheard of.
    pub(super) culprits: BTreeSet<u32>,
    labelled: BTreeMap<Entity, Vec<Range<u32>>>,
    touched: BTreeMap<Entity, Vec<Range<u32>>>,
    /// Addresses in foreign networks so far.
    pub(super) foreign: u32,
    anomalies: u32,
    plan: Plan,
}

/// What an anomaly adds to one entity in one hour.
#[derive(Debug, Clone, Copy)]
struct Extra {
    calls: u64,
    first: u32,
    last: u32,
}

type Extras = BTreeMap<(u32, Entity), Extra>;

impl<'world> Planner<'world> {
    pub(super) fn new(world: &'world mut World, first_day: u32) -> Self {
        let random = stream(world.options.seed, Purpose::Plan, 0, 0);
        let days = first_day..world.options.days;
        Self {
            world,
            random,
            days,
            culprits: BTreeSet::new(),
            labelled: BTreeMap::new(),
            touched: BTreeMap::new(),
            foreign: 0,
            anomalies: 0,
            plan: Plan::default(),
        }
    }

    /// Plants `count` anomalies of a kind, or as many as there is room for.
    pub(super) fn repeat(&mut self, count: u32, mut draft: impl FnMut(&mut Self) -> Option<Draft>) {
        for _ in 0..count {
            let _ = (0..ATTEMPTS).any(|_| draft(self).is_some_and(|draft| self.accept(draft)));
        }
    }

    /// Adds labels of something that was not planted.
    pub(super) fn note(&mut self, labels: Vec<Label>) {
        self.anomalies += u32::from(!labels.is_empty());
        self.plan.labels.extend(labels);
    }

    /// The plan, in order of time.
    pub(super) fn finish(mut self) -> Plan {
        self.plan.rows.sort_by_key(|row| row.second);
        self.plan.labels.sort_by_key(|label| (label.start, label.anomaly, label.entity));
        self.plan
    }

    fn accept(&mut self, draft: Draft) -> bool {
        let extras = self.extras(&draft.rows);
        let labels = self.labels(&draft, &extras);
        if self.meets_another(&draft, &labels, &extras) {
            return false;
        }
        for label in &labels {
            self.labelled.entry(label.entity).or_default().push(label.start..label.end);
        }
        for ((_, entity), extra) in &extras {
            self.touched.entry(*entity).or_default().push(extra.first..extra.last + 1);
        }
        self.anomalies += 1;
        let whole: Vec<Label> = labels.into_iter().map(|label| self.whole(label, &draft, &extras)).collect();
        self.plan.labels.extend(whole);
        self.plan.rows.extend(draft.rows);
        self.plan.silences.extend(draft.silence);
        true
    }

    fn extras(&self, rows: &[Row]) -> Extras {
        let mut extras = Extras::new();
        for row in rows {
            for entity in Entity::of(self.world, row) {
                let fresh = Extra { calls: 0, first: row.second, last: row.second };
                let extra = extras.entry((row.second / HOUR_SECONDS, entity)).or_insert(fresh);
                extra.calls += 1;
                extra.first = extra.first.min(row.second);
                extra.last = extra.last.max(row.second);
            }
        }
        extras
    }

    fn labels(&self, draft: &Draft, extras: &Extras) -> Vec<Label> {
        let marked = draft.marks.iter().map(|(entity, size)| self.marked(draft, *entity, *size));
        let side_effects = match &draft.silence {
            None => self.gains(draft, extras),
            Some(silence) => self.losses(draft, silence),
        };
        let is_new = |label: &Label| draft.marks.iter().all(|(entity, _)| *entity != label.entity);
        marked.chain(side_effects.into_iter().filter(is_new)).collect()
    }

    fn marked(&self, draft: &Draft, entity: Entity, size: Option<f64>) -> Label {
        let expected = self.expected(entity, &draft.span);
        let planted = draft.rows.iter().filter(|row| entity.holds(self.world, row)).count() as i64;
        let calls = if draft.silence.is_some() { -(expected.round() as i64) } else { planted };
        self.label(draft.kind, entity, draft.span.clone(), size, expected, calls)
    }

    pub(super) fn label(
        &self,
        kind: &'static str,
        entity: Entity,
        span: Range<u32>,
        size: Option<f64>,
        expected: f64,
        calls: i64,
    ) -> Label {
        Label { entity, kind, start: span.start, end: span.end, size, expected, calls, anomaly: self.anomalies + 1 }
    }

    /// Labels of every entity whose calls the planted rows visibly multiply.
    fn gains(&self, draft: &Draft, extras: &Extras) -> Vec<Label> {
        let mut seen: BTreeMap<Entity, (Range<u32>, u64)> = BTreeMap::new();
        let mut hours: BTreeMap<u32, Expectation> = BTreeMap::new();
        for ((hour, entity), extra) in extras.iter().filter(|(_, extra)| extra.calls >= VISIBLE) {
            let expectation = hours.entry(*hour).or_insert_with(|| Expectation::of(self.world, *hour));
            if extra.calls as f64 >= expectation.calls(*entity) {
                let minutes = extra.first / 60 * 60..(extra.last / 60 + 1) * 60;
                seen.entry(*entity).or_insert((minutes.clone(), 0)).0.end = minutes.end;
            }
        }
        for ((_, entity), extra) in extras {
            if let Some((span, calls)) = seen.get_mut(entity)
                && span.contains(&extra.first)
            {
                *calls += extra.calls;
            }
        }
        let label = |(entity, (span, calls)): (Entity, (Range<u32>, u64))| {
            let expected = self.expected(entity, &span);
            let size = (expected >= 1.0).then(|| 1.0 + calls as f64 / expected);
            self.label(draft.kind, entity, span, size, expected, calls as i64)
        };
        seen.into_iter().map(label).collect()
    }

    /// A label from the minute of its first planted call to that of its last, which is all that anybody can see of it. A side effect's
    /// hours before and after those that were seen go with them as long as the planted calls double the entity's there too.
    fn whole(&self, mut label: Label, draft: &Draft, extras: &Extras) -> Label {
        let is_mark = draft.marks.iter().any(|(entity, _)| *entity == label.entity);
        let planted = |hour: u32| {
            let extra = extras.get(&(hour, label.entity))?;
            let part = draft.span.start.max(hour * HOUR_SECONDS)..draft.span.end.min((hour + 1) * HOUR_SECONDS);
            (is_mark || extra.calls as f64 >= self.expected(label.entity, &part)).then_some(*extra)
        };
        let (first, last) = (label.start / HOUR_SECONDS, (label.end - 1) / HOUR_SECONDS);
        let seen = (first..=last).filter_map(|hour| extras.get(&(hour, label.entity)).copied());
        let before = (0..first).rev().map_while(planted);
        let after = (last + 1..).map_while(planted);
        let all: Vec<Extra> = before.chain(seen).chain(after).collect();
        let ends = all
            .iter()
            .map(|extra| (extra.first, extra.last))
            .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        // Nothing is planted in a silence.
        let Some((first, last)) = ends else { return label };
        (label.start, label.end) = (first / 60 * 60, (last / 60 + 1) * 60);
        label.calls = all.iter().map(|extra| extra.calls as i64).sum();
        label.expected = self.expected(label.entity, &(label.start..label.end));
        if !is_mark {
            label.size = (label.expected >= 1.0).then(|| 1.0 + label.calls as f64 / label.expected);
        }
        label
    }

    /// Labels of every entity that visibly loses calls when another falls silent.
    fn losses(&self, draft: &Draft, silence: &Silence) -> Vec<Label> {
        let mut lost: BTreeMap<Entity, (Range<u32>, f64, f64)> = BTreeMap::new();
        for (hour, part) in hours_of(&silence.span) {
            let all = Expectation::of(self.world, hour);
            let gone = Expectation::given(self.world, hour, silence.entity);
            for entity in self.countable() {
                let (expected, missing) = (all.calls(entity), gone.calls(entity));
                if missing >= VISIBLE as f64 && missing >= VISIBLE_LOSS * expected {
                    let entry = lost.entry(entity).or_insert((part.clone(), 0.0, 0.0));
                    entry.0.end = part.end;
                    entry.1 += expected;
                    entry.2 += missing;
                }
            }
        }
        let label = |(entity, (span, expected, missing)): (Entity, (Range<u32>, f64, f64))| {
            let size = Some((1.0 - missing / expected).max(0.0));
            self.label(draft.kind, entity, span, size, expected, -(missing.round() as i64))
        };
        lost.into_iter().map(label).collect()
    }

    /// Whether another anomaly already stands on one of the entities, or a silence would be broken.
    fn meets_another(&self, draft: &Draft, labels: &[Label], extras: &Extras) -> bool {
        let wide = |span: &Range<u32>| span.start.saturating_sub(MARGIN)..span.end + MARGIN;
        let overlaps = |taken: Option<&Vec<Range<u32>>>, span: &Range<u32>| {
            taken.is_some_and(|taken| taken.iter().any(|other| other.start < span.end && span.start < other.end))
        };
        let met = |label: &Label| overlaps(self.labelled.get(&label.entity), &wide(&(label.start..label.end)));
        let broken = |((_, entity), extra): (&(u32, Entity), &Extra)| {
            let span = extra.first..extra.last + 1;
            self.plan.silences.iter().any(|silence| {
                silence.entity == *entity && silence.span.start < span.end && span.start < silence.span.end
            })
        };
        let disturbed = |silence: &Silence| overlaps(self.touched.get(&silence.entity), &wide(&silence.span));
        labels.iter().any(met) || extras.iter().any(broken) || draft.silence.as_ref().is_some_and(disturbed)
    }

    /// The calls expected of an entity in an interval, by the parts of hours that it covers.
    pub(super) fn expected(&self, entity: Entity, span: &Range<u32>) -> f64 {
        let rate = |hour| -> f64 {
            let of = |actor: &Actor| self.world.rate(actor, hour) * entity.share(self.world, actor);
            self.world.people.actors.iter().map(of).sum()
        };
        hours_of(span).map(|(hour, part)| rate(hour) * f64::from(part.end - part.start) / f64::from(HOUR_SECONDS)).sum()
    }

    /// Every entity of the families that have a volume, in a fixed order.
    pub(super) fn countable(&self) -> impl Iterator<Item = Entity> + '_ {
        let people = &self.world.people;
        let is_key = |position: &u32| matches!(people.credentials[*position as usize].key, Key::Permanent(_));
        let apis = 0..self.world.catalogue.apis.len() as u16;
        let errors =
            apis.clone().flat_map(|api| (0..ERRORS.len() as u8).map(move |error| Entity::ApiError(api, error)));
        let addresses = (SERVICE_HOSTS.len() as u32..people.addresses.len() as u32).map(Entity::SourceIp);
        let keys = (0..people.credentials.len() as u32).filter(is_key).map(Entity::AccessKey);
        apis.map(Entity::Api)
            .chain(errors)
            .chain(addresses)
            .chain(keys)
            .chain((0..people.principals.len() as u32).map(Entity::Principal))
    }
}

/// The hours that an interval touches, counted from the start, each with the part of the interval in it.
pub(super) fn hours_of(span: &Range<u32>) -> impl Iterator<Item = (u32, Range<u32>)> + use<> {
    let Range { start, end } = *span;
    (start / HOUR_SECONDS..end.div_ceil(HOUR_SECONDS))
        .map(move |hour| (hour, start.max(hour * HOUR_SECONDS)..end.min((hour + 1) * HOUR_SECONDS)))
}
