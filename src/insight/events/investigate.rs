//! Going back to the events of what was flagged: the exact minutes, who did it, and some events to look at.
//!
//! Only row groups that can hold a flagged window are read ([`reading`](crate::insight::events::reading)). What is gathered is bounded: minutes of
//! the window, and the values of a few attributes.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::error::Result;
use crate::insight::Cloud;
use crate::insight::events::at_hand::AtHand;
use crate::insight::events::belonging::window;
use crate::insight::events::evidence::{EXAMPLES, Evidence};
use crate::insight::events::look::{Example, Look, Looker, Own, Seen, arns, ids, keep_earliest, union};
use crate::insight::events::notes::{Kept, MOST_KEPT_OF_GROUP, Noted, Notes, Room, Said, Trace};
use crate::insight::events::passing::{Part, Told};
use crate::insight::events::reading::{Group, Reader, groups, unless_damaged};
use crate::insight::events::target::Target;
use crate::partition::{EventBatch, EventFile};

/// Row groups, or pieces of them, of which results are held before they are put together.
pub(super) const AT_ONCE: usize = 16;
/// In so many pieces row groups are looked at again.
const PIECES: usize = 8;

/// The events of a day as they were read for some targets: what is remembered of each row group, so that a target can be looked at again.
#[derive(Debug)]
pub struct Investigation<'a> {
    pub(super) date: NaiveDate,
    pub(super) targets: &'a [Target],
    pub(super) groups: Vec<(Group<'a>, Noted)>,
}

impl<'a> Investigation<'a> {
    /// Reads the events of all targets; one [`Evidence`] for each, in their order. The first reading finds the minutes, a second look at
    /// what it found who was in them.
    ///
    /// # Errors
    /// When a file cannot be read. What is damaged is read up to there.
    pub fn of(files: &'a [EventFile], date: NaiveDate, targets: &'a [Target]) -> Result<(Self, Vec<Evidence>)> {
        let mut evidence: Vec<Evidence> = targets.iter().map(unseen).collect();
        let groups = groups(files, date, targets);
        let notes = find_minutes(&groups, date, targets, &mut evidence)?;
        for (target, evidence) in targets.iter().zip(&mut evidence) {
            (evidence.span, evidence.before) = target.span(&evidence.minutes);
        }
        let read = Self { date, targets, groups: groups.into_iter().zip(notes.groups).collect() };
        read.look(&mut evidence)?;
        Ok((read, evidence))
    }

    /// Fills in what the rows in the minutes of the episodes tell; `evidence` has these minutes and nothing else yet, or none at all of targets
    /// that are not to be looked at.
    pub(super) fn look(&self, evidence: &mut [Evidence]) -> Result<()> {
        let examples = look_closer(&self.groups, self.date, self.targets, evidence)?;
        name_examples(&self.groups, examples, self.targets, evidence)
    }
}

/// What the events of a day tell of all targets, in their order; nothing of it is to be looked at again.
///
/// # Errors
/// As [`Investigation::of`].
pub fn investigate(files: &[EventFile], date: NaiveDate, targets: &[Target]) -> Result<Vec<Evidence>> {
    Ok(Investigation::of(files, date, targets)?.1)
}

/// Reads anew what the events tell of some targets, each with its place among all.
///
/// # Errors
/// As [`Investigation::of`].
pub fn read_on(
    files: &[EventFile],
    date: NaiveDate,
    targets: Vec<(usize, Target)>,
    evidence: &mut [Evidence],
) -> Result<()> {
    let (places, targets): (Vec<usize>, Vec<Target>) = targets.into_iter().unzip();
    places.into_iter().zip(investigate(files, date, &targets)?).for_each(|(place, found)| evidence[place] = found);
    Ok(())
}

/// Counts the calls of all targets by minute of the hours that are searched, and looks no closer.
pub(super) fn count_minutes(files: &[EventFile], date: NaiveDate, targets: &[Target]) -> Result<Vec<Vec<u32>>> {
    let groups = groups(files, date, targets);
    let mut minutes: Vec<Vec<u32>> = targets.iter().map(no_calls).collect();
    for some in groups.chunks(AT_ONCE) {
        let find = |reader: &mut Reader<'_>, group: &Group<'_>| traces(reader, *group, (date, targets));
        let found: Vec<Vec<Trace>> =
            some.par_iter().map_init(|| Reader::new(date, targets), find).collect::<Result<_>>()?;
        found.iter().flatten().for_each(|trace| trace.count(&mut minutes[trace.target]));
    }
    Ok(minutes)
}

/// The rows of all targets in a row group.
pub(super) fn traces(
    reader: &mut Reader<'_>,
    group: Group<'_>,
    (date, targets): (NaiveDate, &[Target]),
) -> Result<Vec<Trace>> {
    let mut traces = Vec::new();
    reader.find(group, &mut |part, rows, _| {
        traces.extend(rows.iter().map(|(target, rows)| Trace::of(*target, start(date, &targets[*target]), rows, part)));
        Ok(())
    })?;
    Ok(traces)
}

/// When the first minute begins that is searched for a target.
fn start(date: NaiveDate, target: &Target) -> i64 {
    window(date, target.search).0
}

/// No calls in any of the minutes that are searched for a target.
pub(super) fn no_calls(target: &Target) -> Vec<u32> {
    vec![0; usize::from(target.search.length()) * 60]
}

/// Nothing of any minute yet.
fn unseen(target: &Target) -> Evidence {
    Evidence { from: target.search.begin(), minutes: no_calls(target), ..Evidence::default() }
}

/// Keeps what the rows of a row group say, while they are few; of more of them what was decoded anyway.
struct Keeping {
    room: Room,
    parts: usize,
    rows: usize,
    kept: Vec<Kept>,
    at_hand: AtHand,
}

impl Keeping {
    fn new(room: Room) -> Self {
        Self { room, parts: 0, rows: 0, kept: Vec::new(), at_hand: AtHand::default() }
    }

    fn keep(&mut self, part: &Part<'_>, own: &[Own], told: &mut dyn Told) -> Result<()> {
        if own.is_empty() {
            return Ok(());
        }
        let rows = union(own);
        self.rows += rows.len();
        self.parts += 1;
        let few = self.room.whole && self.rows <= MOST_KEPT_OF_GROUP;
        let described = if few { unless_damaged(told.described(&rows))?.flatten() } else { None };
        if let Some(batch) = described {
            let times = rows.iter().map(|&row| part.time(row)).collect();
            self.kept.push((rows, EventBatch { times, ..batch }));
            return Ok(());
        }
        (self.room.whole, self.kept) = (false, Vec::new());
        // Of a row group in several parts there is not enough in one place.
        let is_whole = self.parts == 1 && self.room.at_hand;
        self.at_hand = if is_whole { told.at_hand(&rows).unwrap_or_default() } else { AtHand::default() };
        Ok(())
    }

    fn said(self) -> Said {
        if self.kept.is_empty() { Said::AtHand(self.at_hand) } else { Said::Whole(self.kept) }
    }
}

/// What was seen in a piece, by target, and events that may be named.
type SeenOfPiece = (Vec<(usize, Evidence)>, Vec<(usize, Example)>);

/// Looks at the rows in the minutes of the episodes; gives the events that may be named, each with the place of its row group. What row groups
/// that follow one another tell is put together at once: how many do does not depend on the number of cores.
fn look_closer(
    groups: &[(Group<'_>, Noted)],
    date: NaiveDate,
    targets: &[Target],
    evidence: &mut [Evidence],
) -> Result<Vec<(usize, Example)>> {
    let known = evidence.to_vec();
    let look = Look { date, targets, known: &known };
    let together = groups.len().div_ceil(PIECES).max(1);
    let pieces: Vec<_> = groups.chunks(together).enumerate().collect();
    let closer = |looker: &mut Looker<'_>, (piece, groups): &(usize, &[(Group<'_>, Noted)])| {
        let (mut seen, mut examples) = (Seen::default(), Vec::new());
        for (place, (group, noted)) in groups.iter().enumerate() {
            let found = looker.closer(*group, noted, &mut seen)?;
            examples.extend(found.into_iter().map(|example| (piece * together + place, example)));
            keep_earliest(&mut examples, |(_, example)| example);
        }
        Ok((seen.into_evidence(), examples))
    };
    let mut examples = Vec::new();
    for some in pieces.chunks(AT_ONCE) {
        let found: Vec<SeenOfPiece> = some.par_iter().map_init(|| Looker::new(look), closer).collect::<Result<_>>()?;
        for (seen, mut found) in found {
            seen.into_iter().for_each(|(target, more)| evidence[target].absorb(more));
            examples.append(&mut found);
        }
        keep_earliest(&mut examples, |(_, example)| example);
    }
    Ok(examples)
}

/// Of some events, by target: times and ids, and identifiers of principals with their ARNs.
type Named = (Vec<(usize, (i64, String))>, Vec<(usize, (String, String))>);

/// Reads the ids of the events that are named as examples, and what their callers are called: hardly any, in few row groups.
fn name_examples(
    groups: &[(Group<'_>, Noted)],
    examples: Vec<(usize, Example)>,
    targets: &[Target],
    evidence: &mut [Evidence],
) -> Result<()> {
    // Only one cloud has ARNs.
    let has_arns = |target: usize| {
        targets[target].keys.first().is_some_and(|key| Cloud::of_account(key.account(), "") == Cloud::Aws)
    };
    let mut by_group: BTreeMap<usize, Vec<Example>> = BTreeMap::new();
    examples.into_iter().for_each(|(group, example)| by_group.entry(group).or_default().push(example));
    let named: Vec<Named> = by_group
        .into_par_iter()
        .map(|(group, examples)| {
            let named = ids(groups[group].0, &examples)?;
            let with_arns = examples.into_iter().filter(|example| has_arns(example.target()));
            Ok((named, arns(groups[group].0, &with_arns.collect::<Vec<_>>())?))
        })
        .collect::<Result<_>>()?;
    for (examples, arns) in named {
        examples.into_iter().for_each(|(target, example)| evidence[target].examples.push(example));
        arns.into_iter().for_each(|(target, (id, arn))| {
            evidence[target].principal_arns.insert(id, arn);
        });
    }
    for evidence in evidence {
        evidence.examples.sort();
        evidence.examples.truncate(EXAMPLES);
    }
    Ok(())
}

/// Counts the minutes of all targets, row group by row group, and notes where their rows are.
fn find_minutes(groups: &[Group<'_>], date: NaiveDate, targets: &[Target], evidence: &mut [Evidence]) -> Result<Notes> {
    let find = |reader: &mut Reader<'_>, group: Group<'_>, room: Room| {
        let (mut traces, mut keeping): (Vec<Trace>, _) = (Vec::new(), Keeping::new(room));
        reader.find(group, &mut |part, rows, told| {
            let trace = |(target, rows): &Own| Trace::of(*target, start(date, &targets[*target]), rows, part);
            traces.extend(rows.iter().map(trace));
            keeping.keep(part, &rows, told)
        })?;
        Ok((traces, keeping.said()))
    };
    let mut notes = Notes::default();
    for some in groups.chunks(AT_ONCE) {
        let room = notes.room();
        let find = |reader: &mut Reader<'_>, group: &Group<'_>| find(reader, *group, room);
        let found: Vec<(Vec<Trace>, Said)> =
            some.par_iter().map_init(|| Reader::new(date, targets), find).collect::<Result<_>>()?;
        found.into_iter().for_each(|(traces, said)| notes.push(traces, said, evidence));
    }
    Ok(notes)
}

/// The values with the most calls, most first, equal ones in order of the value.
pub fn top(counts: &BTreeMap<String, u64>, most: usize) -> Vec<(&str, u64)> {
    let mut values: Vec<(&str, u64)> = counts.iter().map(|(value, &calls)| (value.as_str(), calls)).collect();
    values.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
    values.truncate(most);
    values
}
