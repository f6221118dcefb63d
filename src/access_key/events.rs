//! From events: everything, at the cost of reading them.

use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;

use crate::access_key::{KeyHistory, Keys, Owner, Precision, Trait, Use};
use crate::error::Result;
use crate::event::Column;
use crate::partition::{EventBatch, NO_TIME, Problem, RowChoice, RowGroupReader};
use crate::query::{Field, GroupPlace, NumberedField, Search, number_rows};
use crate::time::{DAY_MS, date_of_ms};

/// What is read of an event: the key, its owner and account, the owner's id, then what [`TRAITS`] are made of.
const FIELDS: [Field; 11] = [
    Field::Column(Column::AccessKeyId),
    Field::Principal,
    Field::Column(Column::AccountId),
    Field::Column(Column::PrincipalId),
    Field::Service,
    Field::Api,
    Field::Network,
    Field::Column(Column::SourceIpAddress),
    Field::Column(Column::Region),
    Field::Column(Column::ResourceName),
    Field::Error,
];

/// The place of the error among [`FIELDS`].
const ERROR: usize = 10;
/// How many of [`FIELDS`] tell whose a key is.
const WHOSE: usize = 4;

/// The traits of a key, with the places of their fields.
const TRAITS: [(Trait, usize); 7] = [
    (Trait::Service, 4),
    (Trait::Api, 5),
    (Trait::Network, 6),
    (Trait::Address, 7),
    (Trait::Region, 8),
    (Trait::Resource, 9),
    (Trait::Error, ERROR),
];

/// Adds the events of a search.
pub fn add_events(keys: &mut Keys, search: &Search) -> Vec<Problem> {
    let mut problems = Vec::new();
    for wave in search.groups.chunks(rayon::current_num_threads()) {
        let read: Vec<_> = wave.par_iter().map(|&place| read_group(search, place)).collect();
        for group in read {
            match group {
                Ok(group) => {
                    for (key, history) in group {
                        keys.entry(key).or_default().merge(history);
                    }
                }
                Err(problem) => problems.push(problem),
            }
        }
    }
    problems
}

fn read_group(search: &Search, place: GroupPlace) -> std::result::Result<Keys, Problem> {
    let selection = search.select(place)?;
    let read = || -> Result<Keys> {
        let mut group = GroupUses::default();
        if selection.is_empty() {
            return Ok(Keys::new());
        }
        let columns: Vec<&[Column]> = FIELDS.iter().flat_map(|field| field.inputs()).copied().collect();
        let choice = RowChoice { rows: selection.rows(), ..RowChoice::default() };
        for batch in RowGroupReader::open_rows(search.file(place), place.group as usize, &columns, choice)? {
            group.add(&batch?);
        }
        Ok(group.into_keys())
    };
    read().map_err(|error| search.problem(place, &error))
}

/// What keys did in one row group, by the numbers of their values.
struct GroupUses {
    fields: Vec<NumberedField>,
    /// By key.
    all: HashMap<u32, Use>,
    /// The days of each key, counted from 1970.
    days: HashSet<(u32, i64)>,
    /// The key and the day of the row before: most rows have those of their neighbour.
    last: Option<(u32, i64)>,
    /// By key, trait and value.
    traits: HashMap<(u32, u32, u32), Use>,
    /// The last event of each key: its time, its principal, its account, its principal's id.
    owners: HashMap<u32, (i64, [u32; WHOSE - 1])>,
}

impl Default for GroupUses {
    fn default() -> Self {
        let fields = FIELDS.map(NumberedField::new).into();
        Self {
            fields,
            all: HashMap::new(),
            days: HashSet::new(),
            last: None,
            traits: HashMap::new(),
            owners: HashMap::new(),
        }
    }
}

impl GroupUses {
    fn add(&mut self, batch: &EventBatch) {
        let numbers = number_rows(&mut self.fields, batch);
        let failed: Vec<bool> = self.fields[ERROR].values().iter().map(Option::is_some).collect();
        let named: Vec<bool> = self.fields[0].values().iter().map(Option::is_some).collect();
        for (row, &time) in batch.times.iter().enumerate() {
            let key = numbers[0][row];
            if time == NO_TIME || !named[key as usize] {
                continue;
            }
            let failures = Some(failed[numbers[ERROR][row] as usize].into());
            let used = Use { first: time, last: time, precision: Precision::Millisecond, calls: 1, failures };
            add(&mut self.all, key, used);
            let day = Some((key, time.div_euclid(DAY_MS)));
            if self.last != day {
                self.last = day;
                self.days.extend(day);
            }
            for (kind, (_, field)) in (0..).zip(TRAITS) {
                add(&mut self.traits, (key, kind, numbers[field][row]), used);
            }
            let owner = (time, [1, 2, 3].map(|field| numbers[field][row]));
            let known = self.owners.entry(key).or_insert(owner);
            if known.0 < time {
                *known = owner;
            }
        }
    }

    fn into_keys(self) -> Keys {
        let text = |field: usize, number: u32| self.fields[field].values()[number as usize].clone();
        let mut keys = Keys::new();
        let mut all: Vec<(&u32, &Use)> = self.all.iter().collect();
        all.sort_by_key(|(key, _)| **key);
        for (&key, &used) in all {
            let history = keys.entry(text(0, key).unwrap_or_default()).or_default();
            history.add(used);
            if let Some(&(_, [principal, account, id])) = self.owners.get(&key) {
                history.owner = text(1, principal).map(|principal| owner(principal, text(3, id)));
                history.account = text(2, account);
            }
        }
        let mut days: Vec<&(u32, i64)> = self.days.iter().collect();
        days.sort_unstable();
        for &(key, day) in days {
            keys.entry(text(0, key).unwrap_or_default()).or_default().days.extend(date_of_ms(day * DAY_MS));
        }
        let mut traits: Vec<(&(u32, u32, u32), &Use)> = self.traits.iter().collect();
        traits.sort_by_key(|(place, _)| **place);
        for (&(key, kind, value), &used) in traits {
            let (kind, field) = TRAITS[kind as usize];
            let history: &mut KeyHistory = keys.entry(text(0, key).unwrap_or_default()).or_default();
            if let Some(value) = text(field, value) {
                history.add_trait(kind, &value, used);
            }
        }
        keys
    }
}

fn add<Place: std::hash::Hash + Eq>(uses: &mut HashMap<Place, Use>, place: Place, used: Use) {
    uses.entry(place).and_modify(|known| *known = known.and(used)).or_insert(used);
}

/// The session of a role is no part of its id.
fn owner(principal: String, id: Option<String>) -> Owner {
    let root = principal.starts_with("root ");
    let id = id.map(|id| id.split_once(':').map_or(id.clone(), |(role, _)| role.to_owned()));
    Owner { principal, id, root }
}

/// Finds the owners of keys that have none yet, from the newest events backwards, and stops when every key has one.
pub fn find_owners(keys: &mut Keys, search: &Search) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut unknown = keys.values().filter(|history| history.owner.is_none()).count();
    for &place in &search.groups {
        if unknown == 0 {
            break;
        }
        match owners(search, place) {
            Ok(found) => {
                for (key, (owner, account)) in found {
                    if let Some(history) = keys.get_mut(&key).filter(|history| history.owner.is_none()) {
                        history.owner = Some(owner);
                        history.account = history.account.take().or(account);
                        unknown -= 1;
                    }
                }
            }
            Err(error) => problems.push(search.problem(place, &error)),
        }
    }
    problems
}

type Owners = Vec<(String, (Owner, Option<String>))>;

/// The principals behind the keys of a row group; of several of one key the last.
fn owners(search: &Search, place: GroupPlace) -> Result<Owners> {
    let mut fields: Vec<NumberedField> = FIELDS[..WHOSE].iter().map(|&field| NumberedField::new(field)).collect();
    let columns: Vec<&[Column]> = FIELDS[..WHOSE].iter().flat_map(|field| field.inputs()).copied().collect();
    let choice = RowChoice { times: false, ..RowChoice::default() };
    let mut last: HashMap<u32, [u32; WHOSE - 1]> = HashMap::new();
    for batch in RowGroupReader::open_rows(search.file(place), place.group as usize, &columns, choice)? {
        let batch = batch?;
        let numbers = number_rows(&mut fields, &batch);
        last.extend((0..batch.rows).map(|row| (numbers[0][row], [1, 2, 3].map(|field| numbers[field][row]))));
    }
    let text = |field: usize, number: u32| fields[field].values()[number as usize].clone();
    let mut last: Vec<(u32, [u32; WHOSE - 1])> = last.into_iter().collect();
    last.sort_unstable();
    let named = |(key, [principal, account, id]): (u32, [u32; WHOSE - 1])| {
        Some((text(0, key)?, (owner(text(1, principal)?, text(3, id)), text(2, account))))
    };
    Ok(last.into_iter().filter_map(named).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::TextColumn;

    #[test]
    fn every_day_of_a_row_group_is_a_day_of_use() {
        let mut group = GroupUses::default();
        let columns: Vec<&[Column]> = FIELDS.iter().flat_map(|field| field.inputs()).copied().collect();
        let columns: Vec<TextColumn> = columns
            .iter()
            .map(|names| TextColumn::constant(names.contains(&Column::AccessKeyId).then_some("LTAI1")))
            .collect();
        let times: Vec<i64> = [0, 1, 4, 1, 9].map(|day| day * DAY_MS + 5).into();
        group.add(&EventBatch { rows: times.len(), times: times.into(), columns });
        assert_eq!(group.into_keys()["LTAI1"].days.len(), 4);
    }
}
