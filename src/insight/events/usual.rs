//! What is usual for an entity: the values of its attributes in the seven days before an episode began.
//!
//! Pairs of the rollups hold the principal, AccessKey, API and region sides of keys, principals and APIs for nothing. All other
//! values are in the events alone; they are counted there if all days still have theirs, in files that can be opened, and the week has
//! not too many rows; else they stay unknown and a note says why.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use chrono::NaiveDate;
use rayon::prelude::*;

use crate::baseline::{Feed, Window};
use crate::error::Result;
use crate::insight::attribute::{Attribute, ByAttribute};
use crate::insight::events::look::each_row;
use crate::insight::events::names::Names;
use crate::insight::events::target::{Minutes, Target};
use crate::insight::events::values::{Counts, Values, add};
use crate::partition::{EventFile, Partitions, Problem, date_of_path};
use crate::rollup::store::{Partners, Question, Side, answer, read_note, read_partners, rollup_path};
use crate::rollup::{EntityKey, Family};
use crate::time::HourSpan;

/// Days of the vendor's baseline.
pub const DAYS: usize = 7;
/// Days before the scored one that are looked at: a week before what began within the last week.
const FARTHEST: usize = 2 * DAYS;
/// Rows of a week beyond which its events are not read a second time.
pub const MOST_ROWS: u64 = 8_000_000;

/// What was usual for one target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usual {
    /// Minutes in which the account's feed was alive.
    pub minutes: u64,
    /// Of each attribute the values and their calls; `None` where they are not known.
    pub values: ByAttribute<Option<BTreeMap<String, u64>>>,
    /// What its principals were called; empty where events were not counted.
    pub names: Names,
}

/// What the events of a day tell of a target.
#[derive(Debug)]
struct Counted {
    values: Values,
    names: Names,
}

/// Pairs that tell an attribute: of whom, what is asked, and the attribute.
const TOLD_BY_PAIRS: [(Family, (Family, Family), Side, Attribute); 5] = [
    (Family::AccessKey, (Family::AccessKey, Family::Api), Side::Left, Attribute::Api),
    (Family::Principal, (Family::Principal, Family::Api), Side::Left, Attribute::Api),
    (Family::Principal, (Family::Principal, Family::Region), Side::Left, Attribute::Region),
    (Family::Api, (Family::Principal, Family::Api), Side::Right, Attribute::Principal),
    (Family::Api, (Family::AccessKey, Family::Api), Side::Right, Attribute::AccessKey),
];

/// Where the past is to be found.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// The state directory with its rollups.
    pub state: &'a Path,
    /// The events.
    pub partitions: &'a Partitions,
    /// The days of the night.
    pub window: &'a Window,
    /// The hours that can be believed.
    pub feed: &'a Feed,
}

impl Past<'_> {
    /// What is usual for each target, in their order; and what is left out, in words.
    pub fn usual(&self, targets: &[Target]) -> Result<(Vec<Usual>, Option<String>)> {
        let mut usual: Vec<Usual> =
            targets.iter().map(|target| Usual { minutes: self.minutes(target), ..Usual::default() }).collect();
        let asked = asked(targets);
        let questions: Vec<(NaiveDate, Question<'_>)> =
            asked.iter().map(|asked| (asked.since, asked.question())).collect();
        for (asked, partners) in asked.iter().zip(self.answers(&questions)?) {
            for (target, partners) in asked.targets.iter().zip(partners.into_iter().flatten()) {
                usual[*target].values[asked.attribute] = Some(partners);
            }
        }
        let left_out = self.count_events(targets, &mut usual)?;
        Ok((usual, left_out))
    }

    /// What pairs tell of some entities: whom they met on the scored day, and in the week before. Nothing where a day has none.
    pub(in crate::insight) fn of_day_and_week(&self, question: Question<'_>) -> Result<(Vec<Partners>, Vec<Partners>)> {
        let nobody = || vec![Partners::new(); question.wanted.len()];
        let scored = self.window.scored();
        let today = read_partners(self.state, scored, question)?;
        let week = self.answers(&[(scored, question)])?.pop().flatten();
        Ok((today.unwrap_or_else(nobody), week.unwrap_or_else(nobody)))
    }

    /// Those days of that week that have a rollup.
    fn days(&self, since: NaiveDate) -> Vec<NaiveDate> {
        let days = week(self.window, since).filter(|&day| self.window.is_present(day));
        days.map(|day| self.window.date(day)).collect()
    }

    fn minutes(&self, target: &Target) -> u64 {
        let alive = self.feed.alive(target.keys.first().map_or("", |key| key.account()));
        let hours = week(self.window, target.since).flat_map(|day| &alive[day * 24..(day + 1) * 24]);
        hours.filter(|&&alive| alive).count() as u64 * 60
    }

    /// What the pairs of the week before a day answer, by question in their order; `None` where a day of that week has none.
    fn answers(&self, questions: &[(NaiveDate, Question<'_>)]) -> Result<Vec<Option<Vec<Partners>>>> {
        let nobody = |(_, question): &(NaiveDate, Question<'_>)| Some(vec![Partners::new(); question.wanted.len()]);
        let mut sums: Vec<Option<Vec<Partners>>> = questions.iter().map(nobody).collect();
        for (day, places) in self.by_day(questions.iter().map(|(since, _)| *since)) {
            let of_day: Vec<Question<'_>> = places.iter().map(|&place| questions[place].1).collect();
            match answer(self.state, day, &of_day)? {
                Some(found) => {
                    places.iter().zip(found).for_each(|(&place, found)| add_partners(&mut sums[place], found));
                }
                None => places.iter().for_each(|&place| sums[place] = None),
            }
        }
        Ok(sums)
    }

    /// By day the places of those before whom it is a day of the week.
    fn by_day(&self, since: impl Iterator<Item = NaiveDate>) -> BTreeMap<NaiveDate, Vec<usize>> {
        let mut places: BTreeMap<NaiveDate, Vec<usize>> = BTreeMap::new();
        for (place, since) in since.enumerate() {
            self.days(since).into_iter().for_each(|day| places.entry(day).or_default().push(place));
        }
        places
    }

    /// The events of some days, as their rollups tell: what spares opening the files of more than are read.
    fn counted(&self, days: &[NaiveDate]) -> Result<u64> {
        let events = |&day: &NaiveDate| {
            let note = read_note(&rollup_path(self.state, day))?;
            Ok(note.map_or(0, |note| note.counts.events))
        };
        days.iter().map(events).sum()
    }

    /// Fills in what no pair tells.
    fn count_events(&self, targets: &[Target], usual: &mut [Usual]) -> Result<Option<String>> {
        if targets.is_empty() {
            return Ok(None);
        }
        let of_targets = targets.iter().map(|target| target.since).collect::<BTreeSet<_>>().into_iter();
        let days: BTreeSet<NaiveDate> = of_targets.flat_map(|since| self.days(since)).collect();
        let days: Vec<NaiveDate> = days.into_iter().collect();
        let too_many = || Some(left_out(&format!("the seven days before have more than {MOST_ROWS} events")));
        if self.counted(&days)? > MOST_ROWS {
            return Ok(too_many());
        }
        let opened = days.iter().map(|&day| self.partitions.open_range(day, day));
        let (files, problems): (Vec<Vec<EventFile>>, Vec<Vec<Problem>>) = opened.unzip();
        if let Some(problem) = problems.iter().flatten().find(|problem| is_of(problem, &days)) {
            return Ok(Some(left_out(&format!("`{}`, of the seven days before, {}", problem.file, problem.message))));
        }
        let rows = |(day, files): (&NaiveDate, &Vec<EventFile>)| -> u64 {
            let groups = files.iter().flat_map(|file| file.row_groups_of(*day).map(|group| &file.row_groups[group]));
            groups.map(|group| group.rows).sum()
        };
        let rows: Vec<u64> = days.iter().zip(&files).map(rows).collect();
        let gone: BTreeSet<NaiveDate> =
            days.iter().zip(&rows).filter(|(_, rows)| **rows == 0).map(|(day, _)| *day).collect();
        if self.days(self.window.scored()).iter().any(|day| gone.contains(day)) {
            return Ok(Some(left_out("of some of the seven days before there are no events any more")));
        }
        if rows.iter().sum::<u64>() > MOST_ROWS {
            return Ok(too_many());
        }
        let whole_days: Vec<Target> = targets.iter().map(whole_day).collect();
        let counted: Vec<Vec<Counted>> = days
            .par_iter()
            .zip(&files)
            .map(|(&day, files)| count_day(files, day, &whole_days))
            .collect::<Result<_>>()?;
        for (target, usual) in usual.iter_mut().enumerate() {
            let own_days = self.days(targets[target].since);
            if own_days.iter().any(|day| gone.contains(day)) {
                continue;
            }
            let own = days.iter().zip(&counted).filter(|(day, _)| own_days.contains(day));
            fill(usual, own.map(|(_, counted)| &counted[target]));
        }
        let is_partial = targets.iter().any(|target| self.days(target.since).iter().any(|day| gone.contains(day)));
        Ok(is_partial.then(|| {
            left_out("of what goes on from earlier nights, as there are no events of the week before any more")
        }))
    }
}

/// The week before an episode that began on the day `since`, as days of the window.
fn week(window: &Window, since: NaiveDate) -> Range<usize> {
    let length = window.length();
    let begin = (0..length).find(|&day| window.date(day) >= since).unwrap_or(length);
    let first = begin.saturating_sub(DAYS).max(length.saturating_sub(FARTHEST));
    first..begin.max(first)
}

/// Whether a file that cannot be used would hold events of some days; those of their neighbours are opened too.
fn is_of(problem: &Problem, days: &[NaiveDate]) -> bool {
    date_of_path(Path::new(&problem.file)).is_none_or(|date| days.contains(&date))
}

fn left_out(why: &str) -> String {
    format!("what is usual for addresses, user agents, error codes and resources is left out of attributions: {why}")
}

/// What pairs are asked about some targets whose episodes began on the same day.
struct Asked {
    since: NaiveDate,
    families: (Family, Family),
    side: Side,
    attribute: Attribute,
    targets: Vec<usize>,
    /// Theirs.
    keys: Vec<EntityKey>,
}

impl Asked {
    fn question(&self) -> Question<'_> {
        Question { families: self.families, side: self.side, wanted: &self.keys }
    }
}

/// All that pairs are asked.
fn asked(targets: &[Target]) -> Vec<Asked> {
    let mut all = Vec::new();
    for &(family, families, side, attribute) in &TOLD_BY_PAIRS {
        let mut own: Vec<usize> = (0..targets.len()).filter(|&target| targets[target].family == family).collect();
        own.sort_by_key(|&target| targets[target].since);
        for own in own.chunk_by(|&left, &right| targets[left].since == targets[right].since) {
            let keys = own.iter().map(|&target| targets[target].keys[0].clone()).collect();
            all.push(Asked { since: targets[own[0]].since, families, side, attribute, targets: own.to_vec(), keys });
        }
    }
    all
}

/// Adds what a day tells, unless another told nothing.
fn add_partners(sums: &mut Option<Vec<Partners>>, found: Vec<Partners>) {
    for (sum, found) in sums.iter_mut().flatten().zip(found) {
        found.into_iter().for_each(|(value, calls)| add(sum, value, calls));
    }
}

fn whole_day(target: &Target) -> Target {
    Target {
        hours: HourSpan::DAY,
        search: HourSpan::DAY,
        minutes: Minutes::Whole,
        with: Vec::new(),
        eve: Vec::new(),
        ..target.clone()
    }
}

fn count_day(files: &[EventFile], day: NaiveDate, targets: &[Target]) -> Result<Vec<Counted>> {
    let mut counted: Vec<(Counts, Names)> = targets.iter().map(|_| Default::default()).collect();
    each_row(files, day, targets, |described, target, rows| {
        let (counts, names) = &mut counted[target];
        described.count(rows, counts, names);
    })?;
    Ok(counted.into_iter().map(|(counts, names)| Counted { values: counts.into(), names }).collect())
}

fn fill<'a>(usual: &mut Usual, days: impl Iterator<Item = &'a Counted>) {
    let unknown = Attribute::ALL.into_iter().filter(|&attribute| usual.values[attribute].is_none());
    let unknown: Vec<Attribute> = unknown.collect();
    let mut sums = Values::default();
    for day in days {
        for &attribute in &unknown {
            for (value, &calls) in &day.values[attribute] {
                add(&mut sums[attribute], value.clone(), calls);
            }
        }
        usual.names.absorb(&day.names);
    }
    for attribute in unknown {
        usual.values[attribute] = Some(std::mem::take(&mut sums[attribute]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_seven_days_whenever_the_episode_began() {
        let window = Window::new("2026-01-29".parse().unwrap(), 28, |_| true);
        let of = |since: &str| week(&window, since.parse().unwrap());
        assert_eq!(of("2026-01-29"), 21..28);
        assert_eq!(of("2026-01-28"), 20..27, "what goes on from the night before has a week before it too");
        assert_eq!(of("2026-01-20"), 14..19, "as far as it is looked back");
        assert!(of("2025-12-01").is_empty());
    }
}
