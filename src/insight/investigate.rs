//! Going back to the events of what was flagged: the exact minutes, who did it, and some events to look at.
//!
//! Only row groups that can hold a flagged window are read ([`reading`](super::reading)). What is gathered is bounded: minutes of
//! the window, and the values of a few attributes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::error::Result;
use crate::event::ChangeKind;
use crate::insight::Cloud;
use crate::insight::at_hand::AtHand;
use crate::insight::belonging::window;
use crate::insight::concern::{self, Concern};
use crate::insight::look::{Example, Look, Looker, Own, Seen, arns, ids, keep_earliest, union};
use crate::insight::minutes::{Around, UsualDay, tail};
use crate::insight::names::Names;
use crate::insight::notes::{Kept, MOST_KEPT_OF_GROUP, Noted, Notes, Room, Said, Trace};
use crate::insight::passing::Told;
use crate::insight::reading::{Group, Reader, groups, unless_damaged};
use crate::insight::values::{Values, add_all};
use crate::partition::EventFile;
use crate::rollup::{EntityKey, Family};

pub use crate::insight::values::{ATTRIBUTES, OTHER};

/// Events that are named as examples.
pub(super) const EXAMPLES: usize = 10;
/// Bytes of a request's parameters that are looked at; no cloud records as many.
const MOST_PARAMETERS: usize = 1 << 20;
/// Requests about a trail that are kept, those that come first, and bytes of the parameters of one.
const REQUESTS: usize = 1000;
const MOST_KEPT_PARAMETERS: usize = 65_536;
/// Names of those who are given rights that are told apart.
const MOST_RECEIVERS: usize = 10_000;
/// Row groups, or pieces of them, of which results are held before they are put together.
const AT_ONCE: usize = 16;
/// In so many pieces row groups are looked at again.
const PIECES: usize = 8;

/// How the minutes of a target are found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Minutes {
    /// They are the hours that stood out.
    Whole,
    /// They are these of those that are searched, first and one past the last, and so many before midnight.
    Part((usize, usize), usize),
    /// They are those from the first event to the last.
    Active,
    /// A rise above what is usual, cut out of the hours searched.
    Rise {
        /// What is.
        usual: UsualDay,
        /// The fewest calls that would be worth telling.
        least: u64,
        /// Where it may begin.
        begin: Begin,
    },
    /// A fall below what is usual, cut out of the hours searched.
    Drop {
        /// What is.
        usual: UsualDay,
        /// Where it may begin.
        begin: Begin,
    },
    /// What is left of an episode of the night before.
    Tail {
        /// Its calls a minute.
        rate: f64,
        /// The calls a minute that follow it.
        usual: f64,
    },
}

/// Where an episode may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It goes on from the first minute that is searched.
    GoesOn,
    /// In the minutes that are searched.
    Within,
    /// In these, or in the hour before the midnight from which on they are searched.
    Before,
}

impl Begin {
    fn of(self, (first, end): (usize, usize)) -> (usize, usize) {
        (if self == Self::GoesOn { 0 } else { first }, end)
    }
}

/// An entity and the hours of the day in which it stood out.
#[derive(Debug, Clone)]
pub struct Target {
    /// The family.
    pub family: Family,
    /// The entities, more than one for a change made through several APIs.
    pub keys: Vec<EntityKey>,
    /// The hours that stood out, first and one past the last.
    pub hours: (u8, u8),
    /// The hours in which its minutes are looked for; they hold the former.
    pub search: (u8, u8),
    /// How they are found.
    pub minutes: Minutes,
    /// The day from which on the past tells nothing of what is usual: the one on which the episode began.
    pub since: NaiveDate,
    /// Only events with one of these are meant; with anybody, if there are none.
    pub with: Vec<(Family, EntityKey)>,
    /// The calls by minute of the hour before the midnight at which the day begins, where it may have begun in that; else nothing.
    pub eve: Vec<u32>,
}

impl Target {
    /// The minutes that stood out, counted from the first that is searched.
    fn core(&self) -> (usize, usize) {
        let minute = |hour: u8| usize::from(hour - self.search.0) * 60;
        (minute(self.hours.0), minute(self.hours.1))
    }

    /// The minutes of a run that `find` finds, and how many more it has before midnight.
    fn found(
        &self,
        minutes: &[u32],
        usual: &UsualDay,
        find: impl Fn(&Around) -> (usize, usize),
    ) -> ((usize, usize), usize) {
        let (core, before) = (self.core(), self.eve.len());
        let all = [&self.eve, minutes].concat();
        let first = i32::from(self.search.0) - before.div_ceil(60) as i32;
        let around = Around::new(&all, first, usual, (core.0 + before, core.1 + before));
        let (first, end) = find(&around);
        ((first.saturating_sub(before), end - before), before.saturating_sub(first))
    }

    /// The minutes of the episode among those that were searched, and how many more it has before midnight.
    pub(super) fn span(&self, minutes: &[u32]) -> ((usize, usize), usize) {
        match self.minutes {
            Minutes::Whole => (self.core(), 0),
            Minutes::Part(part, before) => (part, before),
            Minutes::Active => {
                let first = minutes.iter().position(|&calls| calls > 0);
                let last = minutes.iter().rposition(|&calls| calls > 0);
                (first.zip(last).map_or_else(|| self.core(), |(first, last)| (first, last + 1)), 0)
            }
            Minutes::Rise { usual, least, begin } => {
                let until_end = |around: &Around| {
                    let rise = around.rise(least);
                    if self.search.1 == 24 { around.until_midnight(rise) } else { rise }
                };
                let (run, before) = self.found(minutes, &usual, until_end);
                (begin.of(run), before)
            }
            Minutes::Drop { usual, begin } => {
                let (run, before) = self.found(minutes, &usual, Around::drop);
                (begin.of(run), before)
            }
            Minutes::Tail { rate, usual } => ((0, tail(minutes, rate, usual)), 0),
        }
    }
}

/// What the events of a target tell.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Calls by minute of the hours that were searched.
    pub minutes: Vec<u32>,
    /// The minutes of the episode among them, first and one past the last; all that follows is about these alone.
    pub span: (usize, usize),
    /// How many minutes more the episode has before the midnight at which the day begins.
    pub before: usize,
    /// What the events in these tell.
    pub eve: Option<Box<Evidence>>,
    /// Failed calls.
    pub errors: u64,
    /// For each of [`ATTRIBUTES`] the values and their calls.
    pub values: Values,
    /// The names of users and roles, where events tell any.
    pub names: Names,
    /// The earliest events: time and id.
    pub examples: Vec<(i64, String)>,
    /// Of changes of a trail, the successful requests in order of time.
    pub requests: Vec<Request>,
    /// What makes a change serious by what its requests say.
    pub concerns: BTreeSet<Concern>,
    /// To whom its requests give rights.
    pub receivers: BTreeSet<String>,
    /// What its attempts that failed asked for.
    pub tried: Tried,
    /// Its requests that were not looked at, or not wholly.
    pub unread: u64,
    /// The ARNs of those who called, by the bare identifier of each, as far as its first events tell them.
    pub principal_arns: BTreeMap<String, String>,
}

/// What attempts that failed asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// What would have made the change serious by what they say.
    pub concerns: BTreeSet<Concern>,
    /// To whom they would have given rights.
    pub receivers: BTreeSet<String>,
}

/// A successful request of a change of a trail.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// When, in milliseconds.
    pub time: i64,
    /// The API's name.
    pub api: String,
    /// Its parameters as JSON.
    pub parameters: String,
}

impl Evidence {
    /// Adds what later events of the same episode tell.
    pub(super) fn absorb(&mut self, later: Self) {
        self.errors += later.errors;
        self.values.iter_mut().zip(later.values).for_each(|(own, later)| add_all(own, later));
        self.names.absorb(&later.names);
        self.concerns.extend(later.concerns);
        self.unread += later.unread;
        later.receivers.into_iter().for_each(|name| self.add_receiver(name));
        self.tried.concerns.extend(later.tried.concerns);
        self.tried.receivers.extend(later.tried.receivers);
        self.tried.bound();
        self.principal_arns.extend(later.principal_arns);
        self.requests.extend(later.requests);
        self.keep_earliest();
    }

    /// Looks at a successful request of a change.
    pub(super) fn look_at(&mut self, kind: ChangeKind, time: i64, api: &str, parameters: &str) {
        let is_trail = kind == ChangeKind::Trail;
        if parameters.len() > if is_trail { MOST_KEPT_PARAMETERS } else { MOST_PARAMETERS } {
            self.unread += 1;
            return;
        }
        let looked = concern::of_request(kind, api, parameters);
        self.concerns.extend(looked.concerns.into_keys());
        looked.receivers.into_iter().for_each(|name| self.add_receiver(name));
        if is_trail {
            self.requests.push(Request { time, api: api.to_owned(), parameters: parameters.to_owned() });
            if self.requests.len() >= 2 * REQUESTS {
                self.keep_earliest();
            }
        }
    }

    /// Looks at a request of a change that failed.
    pub(super) fn look_at_attempt(&mut self, kind: ChangeKind, api: &str, parameters: &str) {
        if parameters.len() <= MOST_PARAMETERS {
            let looked = concern::of_request(kind, api, parameters);
            self.tried.concerns.extend(looked.concerns.into_keys());
            self.tried.receivers.extend(looked.receivers);
            self.tried.bound();
        }
    }

    fn add_receiver(&mut self, name: String) {
        self.receivers.insert(name);
        if self.receivers.len() > MOST_RECEIVERS {
            self.receivers.pop_last();
            self.unread += 1;
        }
    }

    fn keep_earliest(&mut self) {
        self.requests.sort();
        self.unread += self.requests.len().saturating_sub(REQUESTS) as u64;
        self.requests.truncate(REQUESTS);
    }

    /// The minute by whose end there are as many calls as are named as examples.
    pub(super) fn last_example(&self) -> usize {
        let mut calls = 0;
        let enough = |minute: &usize| {
            calls += self.minutes[*minute] as usize;
            calls >= EXAMPLES
        };
        (self.span.0..self.span.1.min(self.minutes.len())).find(enough).unwrap_or(self.span.1)
    }

    /// The longest run of the episode's minutes without a call.
    pub(super) fn longest_gap(&self) -> i64 {
        let minutes = self.minutes.get(self.span.0..self.span.1).unwrap_or_default();
        minutes.split(|&calls| calls > 0).map(<[u32]>::len).max().unwrap_or(0) as i64
    }

    /// Calls in the episode's minutes.
    pub fn calls(&self) -> u64 {
        let calls = self.minutes.get(self.span.0..self.span.1).unwrap_or_default();
        calls.iter().map(|&calls| u64::from(calls)).sum()
    }
}

impl Tried {
    fn bound(&mut self) {
        while self.receivers.len() > MOST_RECEIVERS {
            self.receivers.pop_last();
        }
    }
}

/// Reads the events of all targets; one [`Evidence`] for each, in their order. The first reading finds the minutes, a second look at
/// what it found who was in them.
pub fn investigate(files: &[EventFile], date: NaiveDate, targets: &[Target]) -> Result<Vec<Evidence>> {
    let mut evidence: Vec<Evidence> = targets.iter().map(unseen).collect();
    let groups = groups(files, date, targets);
    let notes = find_minutes(&groups, date, targets, &mut evidence)?;
    for (target, evidence) in targets.iter().zip(&mut evidence) {
        (evidence.span, evidence.before) = target.span(&evidence.minutes);
    }
    let again: Vec<(Group<'_>, Noted)> = groups.into_iter().zip(notes.groups).collect();
    let examples = look_closer(&again, date, targets, &mut evidence)?;
    name_examples(&again, examples, targets, &mut evidence)?;
    Ok(evidence)
}

/// Counts the calls of all targets by minute of the hours that are searched, and looks no closer.
pub(super) fn count_minutes(files: &[EventFile], date: NaiveDate, targets: &[Target]) -> Result<Vec<Vec<u32>>> {
    let mut evidence: Vec<Evidence> = targets.iter().map(unseen).collect();
    find_minutes(&groups(files, date, targets), date, targets, &mut evidence)?;
    Ok(evidence.into_iter().map(|evidence| evidence.minutes).collect())
}

/// Nothing of any minute yet.
fn unseen(target: &Target) -> Evidence {
    let minutes = usize::from(target.search.1 - target.search.0) * 60;
    Evidence { minutes: vec![0; minutes], ..Evidence::default() }
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

    fn keep(&mut self, own: &[Own], told: &mut dyn Told) -> Result<()> {
        if own.is_empty() {
            return Ok(());
        }
        let rows = union(own);
        self.rows += rows.len();
        self.parts += 1;
        let few = self.room.whole && self.rows <= MOST_KEPT_OF_GROUP;
        let described = if few { unless_damaged(told.described(&rows))?.flatten() } else { None };
        if let Some(batch) = described {
            self.kept.push((rows, batch));
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
            let start = |target: usize| window(date, targets[target].search).0;
            traces.extend(rows.iter().map(|(target, rows)| Trace::of(*target, start(*target), rows, part)));
            keeping.keep(&rows, told)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_looked_at_and_what_is_not_is_said() {
        let harmless = r#"{"PolicyName":"ReadOnlyAccess","UserName":"bob"}"#;
        let grave = r#"{"PolicyName":"AdministratorAccess","UserName":"mallory"}"#;
        let mut evidence = Evidence { names: [("user/7", "mallory", 2)].into_iter().collect(), ..Evidence::default() };
        (0..300).for_each(|time| evidence.look_at(ChangeKind::Permission, time, "AttachPolicyToUser", harmless));
        evidence.look_at(ChangeKind::Permission, 300, "AttachPolicyToUser", grave);
        let padded = format!("{}{grave}", " ".repeat(100_000));
        let mut later = Evidence::default();
        later.look_at(ChangeKind::Permission, 301, "AttachPolicyToUser", &padded);
        assert_eq!(concern::of_evidence(&later), [Concern::AdministratorPolicy].into());
        evidence.absorb(later);
        assert_eq!(concern::of_evidence(&evidence), [Concern::AdministratorPolicy, Concern::SelfGrant].into());
        evidence.look_at(ChangeKind::Permission, 302, "AttachPolicyToUser", &" ".repeat(MOST_PARAMETERS + 1));
        assert!(concern::of_evidence(&evidence).contains(&Concern::NotAllRead));
    }

    #[test]
    fn an_attempt_that_failed_tells_what_it_asked_for() {
        let grave = r#"{"PolicyName":"AdministratorAccess","UserName":"mallory"}"#;
        let mut evidence = Evidence { names: [("user/7", "mallory", 1)].into_iter().collect(), ..Evidence::default() };
        evidence.look_at_attempt(ChangeKind::Permission, "AttachPolicyToUser", grave);
        assert!(concern::of_evidence(&evidence).is_empty(), "nothing was given");
        assert_eq!(concern::of_attempts(&evidence), [Concern::AdministratorPolicy, Concern::SelfGrant].into());
    }

    #[test]
    fn the_earliest_requests_about_a_trail_are_kept_whatever_order_they_are_read_in() {
        let look = |times: &mut dyn Iterator<Item = i64>| {
            let mut evidence = Evidence::default();
            times.for_each(|time| evidence.look_at(ChangeKind::Trail, time, "UpdateTrail", r#"{"Name":"t"}"#));
            evidence
        };
        let most = 3 * REQUESTS as i64;
        let mut evidence = look(&mut (most / 2..most).rev());
        evidence.absorb(look(&mut (0..most / 2)));
        assert!(evidence.requests.iter().map(|request| request.time).eq(0..REQUESTS as i64));
        assert_eq!(evidence.unread, 2 * REQUESTS as u64);
    }
}
