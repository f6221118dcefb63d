//! What values the attributes of some rows have, and how often.
//!
//! Values are counted by the small numbers that stand for them in a batch; their texts are made once a batch, not once a row.

use std::borrow::Cow;
use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::event::{SourceAddress, meaningful, service_name};
use crate::partition::{EventBatch, TextColumn};
use crate::rollup::keys::{INPUTS, Keyer};
use crate::rollup::{EntityKey, Family, NONE, RowKeys};
use crate::shown;

/// Distinct values of an attribute that are told apart; the rest goes by one name.
const MOST_VALUES: usize = 10_000;
/// What values beyond [`MOST_VALUES`] are counted under.
pub const OTHER: &str = shown::OTHER;

/// The attributes of an event that an insight is attributed to.
pub const ATTRIBUTES: [&str; 8] = [
    "principalId",
    "accessKeyId",
    "sourceIpAddress",
    "userAgent",
    "apiRelated",
    "errorCode",
    "acsRegion",
    "resourceName",
];

/// For each of [`ATTRIBUTES`] the values and their calls.
pub type Values = [BTreeMap<String, u64>; ATTRIBUTES.len()];

/// The place of the attribute that tells the principal.
const PRINCIPAL: usize = 0;
/// Where columns stand in a batch.
const SERVICE: usize = 2;
const API: usize = 3;
const SOURCE_IP: usize = 4;
const REGION: usize = 5;
const ACCESS_KEY: usize = 8;
const USER_AGENT: usize = INPUTS.len();
const RESOURCE: usize = INPUTS.len() + 1;
const NAME: usize = INPUTS.len() + 2;

/// The rows of a batch that belong to one target.
pub(super) struct TargetRows<'a> {
    pub(super) batch: &'a EventBatch,
    pub(super) keyer: &'a Keyer,
    pub(super) keys: &'a RowKeys,
    /// By row of the batch the member of [`Family::ApiError`], or [`NONE`].
    pub(super) errors: &'a [u32],
    /// The rows, ascending in the batch.
    pub(super) rows: &'a [u32],
    /// For each row of the batch its number in the row group.
    pub(super) numbers: &'a [u32],
}

/// The number of each row of a batch, by which its value of an attribute goes. Several numbers may stand for one value.
enum Codes<'a> {
    /// All have the same value.
    Same,
    /// Keys into a dictionary, and how many there are.
    Keys(&'a [i32], usize),
    /// Members of a family, and how many there are; [`NONE`] for none.
    Members(&'a [u32], usize),
}

impl<'a> Codes<'a> {
    fn of_column(column: &'a TextColumn) -> Self {
        column.keys().map_or(Self::Same, |keys| Self::Keys(keys, column.key_count()))
    }

    #[inline]
    fn of(&self, row: u32) -> u32 {
        match self {
            Self::Same => 0,
            Self::Keys(keys, _) => keys[row as usize] as u32,
            Self::Members(members, _) => members[row as usize],
        }
    }

    /// For each number that occurs, in order, the first of the rows that have it, and how many have it.
    fn tally(&self, rows: &[u32]) -> Vec<(u32, u64)> {
        match *self {
            Self::Same => rows.first().map(|&row| (row, rows.len() as u64)).into_iter().collect(),
            Self::Keys(keys, count) => tally(rows, count, |row| keys[row as usize] as u32),
            Self::Members(members, count) => tally(rows, count + 1, |row| members[row as usize].min(count as u32)),
        }
    }
}

/// A table of counts that is larger than so many rows is not worth its while.
const CELLS_A_ROW: usize = 8;

fn tally(rows: &[u32], bound: usize, code: impl Fn(u32) -> u32) -> Vec<(u32, u64)> {
    if bound > rows.len() * CELLS_A_ROW {
        let mut coded: Vec<(u32, u32)> = rows.iter().map(|&row| (code(row), row)).collect();
        coded.sort_unstable();
        return coded.chunk_by(|one, other| one.0 == other.0).map(|same| (same[0].1, same.len() as u64)).collect();
    }
    let mut cells = vec![(NONE, 0_u32); bound];
    for &row in rows {
        let (first, calls) = &mut cells[code(row) as usize];
        *first = row.min(*first);
        *calls += 1;
    }
    cells.into_iter().filter(|(_, calls)| *calls > 0).map(|(first, calls)| (first, u64::from(calls))).collect()
}

impl TargetRows<'_> {
    /// The same batch with fewer rows.
    pub(super) fn only<'b>(&'b self, rows: &'b [u32]) -> TargetRows<'b> {
        TargetRows { rows, ..*self }
    }

    /// Whether a row failed.
    pub(super) fn has_failed(&self, row: u32) -> bool {
        self.keys.has_failed(row as usize)
    }

    /// The name of the API that a row calls, as it is written.
    pub(super) fn api(&self, row: u32) -> Option<&str> {
        self.batch.columns[API].row(row as usize)
    }

    /// The names of users or roles, each with its principal and their calls, in an investigation.
    pub(super) fn names(&self) -> Vec<(String, &str, u64)> {
        let (principals, names) = (self.codes(PRINCIPAL), Codes::of_column(&self.batch.columns[NAME]));
        let mut seen: HashMap<(u32, u32), (u32, u64), RandomState> = HashMap::default();
        for &row in self.rows {
            seen.entry((principals.of(row), names.of(row))).or_insert((row, 0)).1 += 1;
        }
        let mut seen: Vec<_> = seen.into_iter().collect();
        seen.sort_unstable();
        let told = |(_, (row, calls))| {
            let principal = self.value(PRINCIPAL, row).unwrap_or_default().into_owned();
            Some((principal, self.batch.columns[NAME].row(row as usize)?, calls))
        };
        seen.into_iter().filter_map(told).collect()
    }

    /// Adds the values of all rows.
    pub(super) fn count(&self, values: &mut Values) {
        for (attribute, counts) in values.iter_mut().enumerate() {
            for (row, calls) in self.codes(attribute).tally(self.rows) {
                if let Some(value) = self.value(attribute, row) {
                    add(counts, value, calls);
                }
            }
        }
    }

    fn codes(&self, attribute: usize) -> Codes<'_> {
        let column = |place: usize| Codes::of_column(&self.batch.columns[place]);
        let members = |family: Family, of_rows| Codes::Members(of_rows, self.keyer.members(family).len());
        let family = |family: Family| members(family, self.keys.dense(family).unwrap_or_default());
        match attribute {
            PRINCIPAL => family(Family::Principal),
            1 => column(ACCESS_KEY),
            2 => column(SOURCE_IP),
            3 => column(USER_AGENT),
            4 => family(Family::Api),
            5 => members(Family::ApiError, self.errors),
            6 => column(REGION),
            _ => column(RESOURCE),
        }
    }

    /// The value of an attribute in a row.
    fn value(&self, attribute: usize, row: u32) -> Option<Cow<'_, str>> {
        let text = |column: usize| self.batch.columns[column].row(row as usize);
        let key = |family: Family| Some(self.keyer.members(family).key(self.keys.member(family, row as usize)?));
        match attribute {
            PRINCIPAL => key(Family::Principal).map(EntityKey::label).map(Cow::Owned),
            1 => text(ACCESS_KEY).and_then(meaningful).map(Cow::Borrowed),
            2 => text(SOURCE_IP).and_then(SourceAddress::parse).map(source).map(Cow::Owned),
            3 => text(USER_AGENT).map(Cow::Borrowed),
            4 => {
                let call = text(SERVICE).map(service_name).zip(text(API));
                call.map(|(service, api)| Cow::Owned(format!("{service}/{api}")))
            }
            5 => Some(key(Family::ApiError).and_then(|key| key.fields().last()).unwrap_or("null").into()),
            6 => text(REGION).map(Cow::Borrowed),
            _ => text(RESOURCE).map(Cow::Borrowed),
        }
    }
}

fn source(source: SourceAddress) -> String {
    match source {
        SourceAddress::Ip(address) => address.to_string(),
        SourceAddress::Internal => "Internal".to_owned(),
        SourceAddress::Host(host) => host,
    }
}

/// Adds calls of a value; values beyond the most that are told apart go by one name.
pub(super) fn add(counts: &mut BTreeMap<String, u64>, value: impl AsRef<str> + Into<String>, calls: u64) {
    if let Some(known) = counts.get_mut(AsRef::<str>::as_ref(&value)) {
        *known += calls;
    } else if counts.len() < MOST_VALUES {
        counts.insert(value.into(), calls);
    } else {
        *counts.entry(OTHER.to_owned()).or_default() += calls;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_are_the_same_however_many_numbers_there_could_be(codes in prop::collection::vec(0_u32..20, 1..80), step in 1_usize..4) {
            let rows: Vec<u32> = (0..codes.len() as u32).step_by(step).collect();
            let mut plain: BTreeMap<u32, (u32, u64)> = BTreeMap::new();
            rows.iter().for_each(|&row| plain.entry(codes[row as usize]).or_insert((row, 0)).1 += 1);
            let plain: Vec<(u32, u64)> = plain.into_values().collect();
            for bound in [20, 1_000_000] {
                prop_assert_eq!(&tally(&rows, bound, |row| codes[row as usize]), &plain);
            }
        }
    }
}
