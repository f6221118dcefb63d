//! Which rows belong to which targets: by the entity, the time, and with whom it has to be.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::error::Result;
use crate::insight::events::passing::{Part, Told};
use crate::insight::events::sieve::{FamilySet, set_of, those};
use crate::insight::events::stretches::Span;
use crate::insight::events::target::Target;
use crate::partition::TextColumn;
use crate::rollup::wanted::WantedKeys;
use crate::rollup::{EntityKey, Family, NONE};
use crate::time::{HOUR_MS, HourSpan, midnight_ms};

/// The first millisecond of some hours of a day, and one past the last.
pub(in crate::insight) fn window(date: NaiveDate, hours: HourSpan) -> Span {
    let hour = |hour: u8| midnight_ms(date) + i64::from(hour) * HOUR_MS;
    (hour(hours.begin()), hour(hours.end()))
}

/// Finds the rows of targets.
#[derive(Debug)]
pub(super) struct Belonging {
    families: Vec<OfFamily>,
    /// By target when it is looked for.
    spans: Vec<Span>,
    /// By target those one of whom its rows must be with; nobody, if all are meant.
    company: Vec<Vec<WantedKeys>>,
    numbers: Vec<u32>,
}

/// The targets of a family.
#[derive(Debug)]
struct OfFamily {
    family: Family,
    keys: WantedKeys,
    /// By an entity's number its targets.
    asked: Vec<Vec<usize>>,
}

impl Belonging {
    pub(in crate::insight) fn of(targets: &[Target], date: NaiveDate) -> Self {
        let mut families: BTreeMap<Family, OfFamily> = BTreeMap::new();
        for (number, target) in targets.iter().enumerate() {
            let new = || OfFamily { family: target.family, keys: WantedKeys::new(target.family), asked: Vec::new() };
            let own = families.entry(target.family).or_insert_with(new);
            target.keys.iter().for_each(|key| own.ask(key, number));
        }
        Self {
            families: families.into_values().collect(),
            spans: targets.iter().map(|target| window(date, target.search)).collect(),
            company: targets.iter().map(company).collect(),
            numbers: Vec::new(),
        }
    }

    /// For each target its rows among those of a part that are marked as perhaps of its family, ascending. Each family's rows are gone
    /// through once, however many targets there are.
    pub(in crate::insight) fn rows(
        &mut self,
        marks: &[FamilySet],
        part: &Part<'_>,
        told: &mut impl Told,
    ) -> Result<Vec<(usize, Vec<u32>)>> {
        let mut rows = vec![Vec::new(); self.spans.len()];
        look_up_names(&self.families, marks, part, told)?;
        let Self { families, spans, numbers, .. } = self;
        for own in families {
            let mut candidates = those(marks, set_of(own.family));
            if candidates.is_empty() {
                continue;
            }
            candidates.iter_mut().for_each(|row| *row += part.first);
            number_rows(&mut own.keys, told, &candidates, numbers)?;
            let known = candidates.iter().zip(&*numbers).filter(|(_, number)| **number != NONE);
            for (&row, &number) in known {
                let time = part.time(row);
                for &target in &own.asked[number as usize] {
                    if spans[target].0 <= time && time < spans[target].1 {
                        rows[target].push(row);
                    }
                }
            }
        }
        self.in_company(&mut rows, told)?;
        Ok(rows.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()).collect())
    }

    /// Leaves out rows that are not with those they have to be with.
    pub(super) fn in_company(&mut self, rows: &mut [Vec<u32>], told: &mut impl Told) -> Result<()> {
        let meant = rows.iter_mut().zip(&mut self.company);
        for (rows, company) in meant.filter(|(rows, company)| !(rows.is_empty() || company.is_empty())) {
            let mut is_with = vec![false; rows.len()];
            for keys in company {
                number_rows(keys, told, rows, &mut self.numbers)?;
                is_with.iter_mut().zip(&self.numbers).for_each(|(is_with, &number)| *is_with |= number != NONE);
            }
            let mut is_with = is_with.into_iter();
            rows.retain(|_| is_with.next() == Some(true));
        }
        Ok(())
    }
}

impl OfFamily {
    fn ask(&mut self, key: &EntityKey, target: usize) {
        let number = self.keys.want(key);
        self.asked.resize(self.asked.len().max(number as usize + 1), Vec::new());
        let asked = &mut self.asked[number as usize];
        // A target may name somebody twice.
        if asked.last() != Some(&target) {
            asked.push(target);
        }
    }
}

/// Looks up what tells entities apart, of the rows of all families: each may ask for the same columns, and who describes rows does too.
fn look_up_names(families: &[OfFamily], marks: &[FamilySet], part: &Part<'_>, told: &mut impl Told) -> Result<()> {
    let mut all = those(marks, FamilySet::MAX);
    all.iter_mut().for_each(|row| *row += part.first);
    let marked = marks.iter().fold(0, |any, mark| any | mark);
    let asked = families.iter().filter(|own| marked & set_of(own.family) != 0);
    let places: BTreeSet<usize> = asked.flat_map(|own| own.keys.inputs()).collect();
    places.into_iter().try_for_each(|place| told.look_up(place, &all))
}

fn company(target: &Target) -> Vec<WantedKeys> {
    let mut company: BTreeMap<Family, WantedKeys> = BTreeMap::new();
    for (family, key) in &target.with {
        company.entry(*family).or_insert_with(|| WantedKeys::new(*family)).want(key);
    }
    company.into_values().collect()
}

fn number_rows(keys: &mut WantedKeys, told: &mut impl Told, rows: &[u32], numbers: &mut Vec<u32>) -> Result<()> {
    let columns: Vec<TextColumn> = keys.inputs().map(|place| told.take(place, rows)).collect::<Result<_>>()?;
    keys.number_rows(&columns.iter().collect::<Vec<_>>(), rows.len(), numbers);
    Ok(())
}
