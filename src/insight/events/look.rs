//! The second look of an investigation, at the rows in the minutes of their episodes: who was in them, and which events to name.
//!
//! Which rows these are is remembered since the first reading. Ids and parameters are long and nearly all different, so they are read of
//! those few rows alone that will be named.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::error::Result;
use crate::event::{ChangeKind, Column, IdentityText};
use crate::insight::events::at_hand::AtHand;
use crate::insight::events::belonging::window;
use crate::insight::events::described::{DESCRIBING, Described, Describer};
use crate::insight::events::evidence::{EXAMPLES, Evidence, Request};
use crate::insight::events::notes::{Noted, Said, Trace};
use crate::insight::events::reading::{Group, Reader, groups, unless_damaged};
use crate::insight::events::sieve::those;
use crate::insight::events::target::Target;
use crate::insight::events::texts::{Texts, ascending};
use crate::insight::events::values::Counts;
use crate::partition::{EventBatch, EventFile, RowChoice, RowGroupReader, read_rows};
use crate::rollup::Family;

/// Requests whose parameters are in memory at a time.
const REQUESTS_AT_ONCE: usize = 32_768;
/// Rows of a row group that are read together.
const ROWS_TOGETHER: usize = 1 << 17;
/// Of a file that is damaged, rows that are read together.
const BATCH_ROWS: usize = 8192;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub(in crate::insight) date: NaiveDate,
    pub(in crate::insight) targets: &'a [Target],
    /// The evidence by target, whose minutes are known.
    pub(in crate::insight) known: &'a [Evidence],
}

/// What row groups tell, by target.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<usize, (Evidence, Counts)>);

impl Seen {
    fn of(&mut self, target: usize) -> &mut (Evidence, Counts) {
        self.0.entry(target).or_default()
    }

    /// The same as evidence.
    pub(super) fn into_evidence(self) -> Vec<(usize, Evidence)> {
        let whole = |(target, (evidence, counts)): (usize, (Evidence, Counts))| {
            (target, Evidence { values: counts.into(), ..evidence })
        };
        self.0.into_iter().map(whole).collect()
    }
}

/// An event that may be named, by its row in a row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Example {
    target: usize,
    time: i64,
    row: u32,
}

impl Example {
    /// Whose event it is.
    pub(in crate::insight) fn target(&self) -> usize {
        self.target
    }

    fn when(&self) -> (usize, i64) {
        (self.target, self.time)
    }
}

/// A request of a change, without its parameters.
#[derive(Debug)]
struct Unread {
    target: usize,
    kind: ChangeKind,
    api: String,
    /// Whether names of trails are those of a region.
    by_region: bool,
    row: u32,
    failed: bool,
}

/// The rows of a target that lie in the minutes of its episode, ascending.
pub(in crate::insight) type Own = (usize, Vec<u32>);

/// Looks at one row group after another.
pub(super) struct Looker<'a> {
    look: Look<'a>,
    reader: Reader<'a>,
    batches: Batches,
}

impl<'a> Looker<'a> {
    pub(in crate::insight) fn new(look: Look<'a>) -> Self {
        Self { look, reader: Reader::new(look.date, look.targets), batches: Batches::default() }
    }

    /// Adds what the rows of a row group tell of the episodes; gives the events that may be named.
    pub(super) fn closer(&mut self, group: Group<'_>, noted: &Noted, seen: &mut Seen) -> Result<Vec<Example>> {
        let Self { look, reader, batches } = self;
        match noted {
            Noted::Traces(traces, said) => look.at(batches, group, traces, said, seen),
            Noted::Nothing => {
                let mut examples = Vec::new();
                reader.find(group, &mut |part, rows, _| {
                    let start = |target: usize| window(look.date, look.targets[target].search).0;
                    let traces = rows.iter().map(|(target, rows)| Trace::of(*target, start(*target), rows, part));
                    examples.append(&mut look.at(
                        batches,
                        group,
                        &traces.collect::<Vec<_>>(),
                        &Said::default(),
                        seen,
                    )?);
                    keep_earliest(&mut examples, |example| example);
                    Ok(())
                })?;
                Ok(examples)
            }
        }
    }
}

impl Look<'_> {
    fn at(
        &self,
        batches: &mut Batches,
        group: Group<'_>,
        traces: &[Trace],
        said: &Said,
        seen: &mut Seen,
    ) -> Result<Vec<Example>> {
        let span = |trace: &Trace| self.known[trace.target].span.0..self.known[trace.target].span.1;
        let all = traces.iter().map(|trace| (trace.target, trace.rows(&span(trace))));
        let all: Vec<Own> = all.filter(|(_, rows)| !rows.is_empty()).collect();
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let (mut requests, mut sign_ins) = (Vec::new(), Vec::new());
        let mut count = |described: &mut Described<'_>, numbers: &[u32], target: usize, rows: &[u32]| {
            let (evidence, counts) = seen.of(target);
            described.count(rows, counts, &mut evidence.names);
            evidence.errors += described.failures(rows);
            if self.targets[target].signs_in() {
                let successful = described.count_successful(rows, &mut evidence.signed_in);
                sign_ins.extend(successful.into_iter().map(|row| (target, numbers[row as usize])));
            }
            if let Some(kind) = change_kind(&self.targets[target]) {
                let by_region = kind == ChangeKind::Trail && is_by_region(&self.targets[target]);
                requests.extend(unread((target, kind, by_region), rows, numbers, described));
            }
        };
        match said {
            Said::Whole(kept) => kept.iter().for_each(|(rows, batch)| batches.tell(batch, rows, &all, &mut count)),
            Said::AtHand(at_hand) => batches.each(group, &all, at_hand, &mut count)?,
        }
        let early = traces.iter().map(|trace| (trace.target, trace.rows(&self.early(trace.target))));
        let examples = if has_ids(group) { examples(group, &early.collect::<Vec<_>>(), said)? } else { Vec::new() };
        read_requests(group, &requests, said, seen)?;
        note_first_sign_ins(group, &sign_ins, said, seen)?;
        Ok(examples)
    }

    /// The minutes of an episode in which its first events are.
    fn early(&self, target: usize) -> std::ops::Range<usize> {
        let (first, end) = self.known[target].span;
        first..end.min(self.known[target].last_example() + 1)
    }
}

/// The events among some rows that may be named.
fn examples(group: Group<'_>, early: &[Own], said: &Said) -> Result<Vec<Example>> {
    let rows = union(early);
    let times = times(group, &rows, said)?;
    let mut examples = Vec::new();
    for (target, own) in early {
        let own = own.iter().filter_map(|row| Some((*row, *times.get(rows.binary_search(row).ok()?)?)));
        examples.extend(own.map(|(row, time)| Example { target: *target, time, row }));
    }
    keep_earliest(&mut examples, |example| example);
    Ok(examples)
}

/// Reads the rows of all targets on one day and calls `each` with what a batch says, a target's number, and its rows by their places there.
pub(super) fn each_row(
    files: &[EventFile],
    date: NaiveDate,
    targets: &[Target],
    mut each: impl FnMut(&mut Described<'_>, usize, &[u32]),
) -> Result<()> {
    let (mut reader, mut batches) = (Reader::new(date, targets), Batches::default());
    for group in groups(files, date, targets) {
        reader.find(group, &mut |_, rows, _| {
            let nothing = AtHand::default();
            batches.each(group, &rows, &nothing, &mut |described, _, target, rows| each(described, target, rows))
        })?;
    }
    Ok(())
}

/// Notes when the first of some sign-ins was, each of a target by its row.
fn note_first_sign_ins(group: Group<'_>, sign_ins: &[(usize, u32)], said: &Said, seen: &mut Seen) -> Result<()> {
    let rows = ascending(sign_ins.iter().map(|(_, row)| *row));
    let times = times(group, &rows, said)?;
    for (target, row) in sign_ins {
        let (evidence, _) = seen.of(*target);
        let time = rows.binary_search(row).ok().and_then(|place| times.get(place));
        evidence.signed_in_at = evidence.signed_in_at.into_iter().chain(time.copied()).min();
    }
    Ok(())
}

/// The times of rows; none where the file is damaged.
fn times(group: Group<'_>, rows: &[u32], said: &Said) -> Result<Vec<i64>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(times) = said.times(rows) {
        return Ok(times);
    }
    let read = unless_damaged(read_rows(group.0, group.1, &[], rows))?;
    Ok(read.map_or_else(Vec::new, |batch| batch.times.to_vec()))
}

/// Whether the events of a row group may have ids to be named by.
fn has_ids((file, group): Group<'_>) -> bool {
    file.text_bounds(group, &[Column::EventId]).is_none_or(|bounds| !bounds.is_empty())
}

/// All rows, ascending, each once.
pub(super) fn union(all: &[Own]) -> Vec<u32> {
    let first = all.iter().filter_map(|(_, rows)| rows.first()).min().copied().unwrap_or_default();
    let end = all.iter().filter_map(|(_, rows)| rows.last()).max().map_or(first, |last| last + 1);
    let mut marks = vec![0_u8; (end - first) as usize];
    all.iter().flat_map(|(_, rows)| rows).for_each(|row| marks[(row - first) as usize] = 1);
    let mut rows = those(&marks, 1);
    rows.iter_mut().for_each(|row| *row += first);
    rows
}

/// What is called with what a batch says, the numbers of its rows in the row group, a target, and its rows by their places in the batch.
type Each<'each> = dyn FnMut(&mut Described<'_>, &[u32], usize, &[u32]) + 'each;

/// Reads rows of row groups, batch by batch.
#[derive(Default)]
struct Batches {
    describer: Describer,
    /// Where rows stand in a batch, by how far they are from its first.
    places: Vec<u32>,
}

impl Batches {
    /// Calls `each` with the rows of every target.
    fn each(&mut self, group: Group<'_>, all: &[Own], at_hand: &AtHand, each: &mut Each<'_>) -> Result<()> {
        let rows = union(all);
        let Some(mut opened) = unless_damaged(at_hand.open(group))? else {
            return self.until_damage(group, &rows, all, each);
        };
        for rows in rows.chunks(ROWS_TOGETHER) {
            match unless_damaged(opened.read(rows))? {
                Some(batch) => self.tell(&batch, rows, all, each),
                None => return self.until_damage(group, rows, all, each),
            }
        }
        Ok(())
    }

    /// The same for some rows up to the place where the file is damaged.
    fn until_damage(&mut self, group: Group<'_>, rows: &[u32], all: &[Own], each: &mut Each<'_>) -> Result<()> {
        let choice = RowChoice { rows: Some(rows), times: true, batch_rows: BATCH_ROWS };
        let mut first = 0;
        for batch in RowGroupReader::open_rows(group.0, group.1, &DESCRIBING, choice)? {
            let Some(batch) = unless_damaged(batch)? else { break };
            self.tell(&batch, &rows[first..first + batch.rows], all, each);
            first += batch.rows;
        }
        Ok(())
    }

    fn tell(&mut self, batch: &EventBatch, rows: &[u32], all: &[Own], each: &mut Each<'_>) {
        let (Some(&first), Some(&last)) = (rows.first(), rows.last()) else { return };
        let length = (last - first) as usize + 1;
        self.places.resize(self.places.len().max(length), 0);
        (0..).zip(rows).for_each(|(place, row)| self.places[(row - first) as usize] = place);
        let mut described = self.describer.describe(batch);
        let mut own = Vec::new();
        for (target, all) in all {
            let begin = all.partition_point(|&row| row < first);
            let end = all.partition_point(|&row| row <= last);
            own.clear();
            own.extend(all[begin..end].iter().map(|row| self.places[(row - first) as usize]));
            if !own.is_empty() {
                each(&mut described, rows, *target, &own);
            }
        }
    }
}

/// The requests among some rows, whose parameters are to be read; those that failed tell what was meant.
fn unread(
    (target, kind, by_region): (usize, ChangeKind, bool),
    rows: &[u32],
    numbers: &[u32],
    described: &Described<'_>,
) -> impl Iterator<Item = Unread> {
    rows.iter().map(move |&row| Unread {
        target,
        kind,
        api: described.api(row).unwrap_or_default().to_owned(),
        by_region,
        row: numbers[row as usize],
        failed: described.has_failed(row),
    })
}

/// Reads the parameters of requests and looks at them.
fn read_requests(group: Group<'_>, requests: &[Unread], said: &Said, seen: &mut Seen) -> Result<()> {
    for requests in requests.chunks(REQUESTS_AT_ONCE) {
        let rows = ascending(requests.iter().map(|request| request.row));
        let times = times(group, &rows, said)?;
        let parameters = Texts::read(group, Column::RequestParameters, rows.iter().copied())?;
        let by_region = requests.iter().filter(|request| request.by_region).map(|request| request.row);
        let regions = Texts::read(group, Column::Region, by_region)?;
        for Unread { target, kind, api, by_region, row, failed } in requests {
            let (evidence, _) = seen.of(*target);
            let time = rows.binary_search(row).ok().and_then(|place| times.get(place));
            let own = parameters.of(*row).unwrap_or_default();
            match time {
                _ if parameters.are_damaged() => evidence.miss(),
                _ if *failed => evidence.look_at_attempt(*kind, api, own),
                Some(&time) => {
                    let region = regions.of(*row).filter(|_| *by_region).unwrap_or_default();
                    evidence.look_at_in(region, *kind, time, api, own);
                }
                None => evidence.miss(),
            }
        }
    }
    Ok(())
}

/// What kind of change a target is, if it is one.
fn change_kind(target: &Target) -> Option<ChangeKind> {
    let key = target.keys.first().filter(|_| target.family == Family::Change)?;
    key.fields().nth(1).and_then(ChangeKind::named)
}

/// Whether names of trails in a target's requests are those of a region.
fn is_by_region(target: &Target) -> bool {
    target.keys.first().and_then(|key| key.fields().nth(2)).is_some_and(Request::is_by_region)
}

/// Leaves out what cannot be among the earliest events of its target.
pub(super) fn keep_earliest<T>(examples: &mut Vec<T>, example: impl Fn(&T) -> &Example) {
    examples.sort_by_key(|item| example(item).when());
    let mut own = (usize::MAX, 0, i64::MAX);
    examples.retain(|item| {
        let Example { target, time, .. } = *example(item);
        let (last, before, latest) = own;
        own = if target == last { (target, before + 1, latest) } else { (target, 1, i64::MAX) };
        if own.1 == EXAMPLES {
            own.2 = time;
        }
        time <= own.2
    });
}

/// The ids of events of a row group; nothing for those that have none, or none that can be read.
pub(in crate::insight) fn ids(group: Group<'_>, examples: &[Example]) -> Result<Vec<(usize, (i64, String))>> {
    let ids = Texts::read(group, Column::EventId, examples.iter().map(|example| example.row))?;
    let named = |example: &Example| Some((example.target, (example.time, ids.of(example.row)?.to_owned())));
    Ok(examples.iter().filter_map(named).collect())
}

/// Identifiers of those who called in some rows, with their ARNs. Only events of the cloud that has such names tell them.
pub(in crate::insight) fn arns(group: Group<'_>, examples: &[Example]) -> Result<Vec<(usize, (String, String))>> {
    let identities = Texts::read(group, Column::UserIdentity, examples.iter().map(|example| example.row))?;
    let told = |example: &Example| {
        let identity = IdentityText::parse(identities.of(example.row)?);
        Some((example.target, identity.id_and_arn()?))
    };
    Ok(examples.iter().filter_map(told).collect())
}
