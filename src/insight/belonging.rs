//! Which rows of a batch belong to which targets: by the entity, the time, and with whom it has to be.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::NaiveDate;

use crate::insight::investigate::Target;
use crate::insight::stretches::Span;
use crate::partition::{EventBatch, midnight_ms};
use crate::rollup::keys::Keyer;
use crate::rollup::{EntityKey, Family, NONE, RowKeys};

/// Milliseconds of a minute.
pub(super) const MINUTE_MS: i64 = 60_000;

/// The first millisecond of some hours of a day, and one past the last.
pub(super) fn window(date: NaiveDate, hours: (u8, u8)) -> Span {
    let hour = |hour: u8| midnight_ms(date) + i64::from(hour) * 60 * MINUTE_MS;
    (hour(hours.0), hour(hours.1))
}

/// For each target its rows in a batch, ascending. Each family's rows are gone through once, however many targets there are.
pub(super) fn rows_of(
    targets: &[Target],
    date: NaiveDate,
    batch: &EventBatch,
    keyer: &Keyer,
    keys: &RowKeys,
) -> Vec<Vec<u32>> {
    let mut rows = vec![Vec::new(); targets.len()];
    let families: BTreeSet<Family> = targets.iter().map(|target| target.family).collect();
    for family in families {
        let wanted = Wanted::of(targets, date, family, keyer);
        let mut note = |row: u32, member: u32| {
            let time = batch.times[row as usize];
            for (target, span, with) in wanted.by(member) {
                let is_with = |&(family, member): &(Family, u32)| keys.member(family, row as usize) == Some(member);
                if span.contains(&time) && with.as_ref().is_none_or(|with| with.iter().any(is_with)) {
                    rows[*target].push(row);
                }
            }
        };
        match keys.dense(family) {
            Some(members) => members.iter().enumerate().for_each(|(row, &member)| note(row as u32, member)),
            None => keys.listed(family).iter().for_each(|&(row, member)| note(row, member)),
        }
    }
    rows
}

/// A target's number, its time, and the members one of which its rows must be with; `None` if all rows are meant.
type Asked = (usize, Range<i64>, Option<Vec<(Family, u32)>>);

/// The targets of a family, by the numbers of its members.
struct Wanted {
    /// By member the place of what is asked about it; most are not asked about.
    places: Vec<u32>,
    asked: Vec<Vec<Asked>>,
}

impl Wanted {
    fn of(targets: &[Target], date: NaiveDate, family: Family, keyer: &Keyer) -> Self {
        let members = keyer.members(family);
        let mut wanted = Self { places: vec![NONE; members.len()], asked: Vec::new() };
        for (number, target) in targets.iter().enumerate().filter(|(_, target)| target.family == family) {
            let (start, end) = window(date, target.search);
            for member in target.keys.iter().filter_map(|key| members.number(key)) {
                wanted.about(member).push((number, start..end, with(target, keyer)));
            }
        }
        wanted
    }

    fn about(&mut self, member: u32) -> &mut Vec<Asked> {
        let place = &mut self.places[member as usize];
        if *place == NONE {
            *place = self.asked.len() as u32;
            self.asked.push(Vec::new());
        }
        &mut self.asked[*place as usize]
    }

    /// What is asked about a member.
    #[inline]
    fn by(&self, member: u32) -> &[Asked] {
        let place = self.places.get(member as usize).copied().unwrap_or(NONE);
        self.asked.get(place as usize).map_or(&[], Vec::as_slice)
    }
}

fn with(target: &Target, keyer: &Keyer) -> Option<Vec<(Family, u32)>> {
    let member = |(family, key): &(Family, EntityKey)| Some((*family, keyer.members(*family).number(key)?));
    (!target.with.is_empty()).then(|| target.with.iter().filter_map(member).collect())
}
