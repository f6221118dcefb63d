//! From a batch of events to the member of each family that every row belongs to.
//!
//! This is the one place where the meaning of an event (who, from where, did it fail, what does it change) meets the columns.
//! The meaning is worked out once for each distinct combination of texts; rows only look numbers up.

use std::collections::BTreeMap;

use foldhash::quality::RandomState;
use hashbrown::HashMap;

use crate::event::{ChangeKind, failure_code, fold_service, service_name};
use crate::partition::{EventBatch, TextColumn};
use crate::rollup::combine::Combination;
pub use crate::rollup::inputs::INPUTS;
use crate::rollup::inputs::{Input, Inputs, inputs};
use crate::rollup::meanings::{
    Addresses, Plain, access_key, api_key, change_by, changed_by, principal_key, region_key,
};
use crate::rollup::members::{EntityKey, Members};
use crate::rollup::names::Names;
use crate::rollup::plain_keys::PlainKeys;
use crate::rollup::{Family, NONE};

/// The members that the rows of a batch belong to, family by family.
#[derive(Debug, Default)]
pub struct RowKeys {
    /// Row by row the member, or `NONE`; unused for the rare families.
    members: [Vec<u32>; Family::COUNT],
    /// The rows that have an API error, ascending, and which.
    api_errors: Vec<(u32, u32)>,
    /// The rows that change something, ascending, and who changes what.
    changes: Vec<(u32, u32)>,
    /// Row by row the error code's number, or [`NONE`] for success.
    codes: Vec<u32>,
    /// The rows that failed, ascending.
    failed: Vec<u32>,
}

impl RowKeys {
    /// The members of a family, row by row, or [`NONE`]; `None` for a family of which only a list is kept.
    pub fn dense(&self, family: Family) -> Option<&[u32]> {
        (!is_rare(family)).then(|| self.of(family))
    }

    /// The rows of a rare family and their members; empty for the others.
    pub fn listed(&self, family: Family) -> &[(u32, u32)] {
        match family {
            Family::ApiError => &self.api_errors,
            Family::Change => &self.changes,
            _ => &[],
        }
    }

    /// The members of a family that is not rare, row by row, or [`NONE`].
    pub(super) fn of(&self, family: Family) -> &[u32] {
        &self.members[family as usize]
    }

    /// Where the members of a family are written row by row; [`RowKeys::list`] completes those of a rare one.
    pub(super) fn numbers_mut(&mut self, family: Family) -> &mut Vec<u32> {
        &mut self.members[family as usize]
    }

    /// Where the numbers of error codes are written; [`RowKeys::list_failed`] completes them.
    pub(super) fn codes_mut(&mut self) -> &mut Vec<u32> {
        &mut self.codes
    }

    /// Lists the rows that belong to a rare family.
    pub(super) fn list(&mut self, family: Family) {
        let listed = match family {
            Family::ApiError => &mut self.api_errors,
            Family::Change => &mut self.changes,
            _ => return,
        };
        let numbered = (0..).zip(self.members[family as usize].iter().copied());
        listed.clear();
        listed.extend(numbered.filter(|&(_, member)| member != NONE));
    }

    /// Lists the rows that failed.
    pub(super) fn list_failed(&mut self) {
        self.failed.clear();
        self.failed.extend((0..self.codes.len() as u32).filter(|&row| self.codes[row as usize] != NONE));
    }

    /// Makes those that failed through some of the APIs nobody's.
    pub(super) fn disown_failed(&mut self, through: impl Fn(u32) -> bool) {
        let Self { members, failed, .. } = self;
        for row in failed.iter().map(|row| *row as usize) {
            if through(members[Family::Api as usize][row]) {
                [Family::AccessKey, Family::Principal].iter().for_each(|caller| members[*caller as usize][row] = NONE);
            }
        }
    }

    /// The member of a family that a row belongs to.
    pub fn member(&self, family: Family, row: usize) -> Option<u32> {
        if let Some(members) = self.dense(family) {
            Some(members[row]).filter(|&member| member != NONE)
        } else {
            let listed = self.listed(family);
            listed.binary_search_by_key(&(row as u32), |(row, _)| *row).ok().map(|place| listed[place].1)
        }
    }

    /// The rows that failed, ascending.
    pub fn failed(&self) -> &[u32] {
        &self.failed
    }

    /// Whether a row failed.
    pub fn has_failed(&self, row: usize) -> bool {
        self.codes[row] != NONE
    }
}

/// Whether few rows belong to a family: they are kept as a list.
const fn is_rare(family: Family) -> bool {
    matches!(family, Family::ApiError | Family::Change)
}

/// Members that are remembered from day to day, of all families together; beyond, memory begins anew.
const MOST_REMEMBERED: usize = 1 << 20;

/// How a service is spelled: the spelling of the earliest event, the first in order among equals.
pub type Spelling = (i64, String);

/// Numbers the members of all families, day by day, and remembers what it worked out.
#[derive(Debug, Default)]
pub struct Keyer {
    members: [Members; Family::COUNT],
    /// By family what its members are told by.
    combinations: [Combination; Family::COUNT],
    codes: Members,
    /// What error codes are told by.
    of_codes: Combination,
    /// By an address's lasting number the lasting number of its network.
    network_of: Vec<u32>,
    /// By an address's number of the day the number of its network.
    networks: Vec<u32>,
    /// By an API's number of the day what it changes.
    changes_by_api: Vec<Option<ChangeKind>>,
    api_errors: HashMap<(u32, u32), u32, RandomState>,
    changes: HashMap<(u32, u32), u32, RandomState>,
    spellings: BTreeMap<String, Spelling>,
    with_networks: bool,
    names: Names,
    plain: PlainKeys,
}

impl Keyer {
    /// A keyer that also finds networks, which only pairs need, or leaves them out.
    pub fn new(with_networks: bool) -> Self {
        Self::of_names(with_networks, Names::All)
    }

    /// The same of some names.
    pub(super) fn of_names(with_networks: bool, names: Names) -> Self {
        Self { with_networks, names, ..Self::default() }
    }

    /// The names that it knows.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// The columns that [`Keyer::number_rows`] looks at.
    pub(super) fn inputs(&self) -> Inputs {
        inputs(&families(&self.names, self.with_networks))
    }

    /// Begins a day on which nobody has occurred yet.
    pub fn begin_day(&mut self) {
        if self.members.iter().map(Members::known).sum::<usize>() > MOST_REMEMBERED {
            *self = Self::of_names(self.with_networks, self.names.clone());
        }
        self.members.iter_mut().chain([&mut self.codes]).for_each(Members::begin_day);
        self.combinations.iter_mut().chain([&mut self.of_codes]).for_each(Combination::begin_day);
        self.plain.begin_day();
        self.networks.clear();
        self.changes_by_api.clear();
        self.api_errors.clear();
        self.changes.clear();
        self.spellings.clear();
    }

    /// The day's members of a family.
    pub fn members(&self, family: Family) -> &Members {
        &self.members[family as usize]
    }

    /// The day's members of a family, to be put in order.
    pub(super) fn members_mut(&mut self) -> &mut [Members; Family::COUNT] {
        &mut self.members
    }

    /// How the day's services are spelled, by folded name.
    pub(super) fn spellings(&self) -> &BTreeMap<String, Spelling> {
        &self.spellings
    }

    /// The day's number of a key that came from elsewhere, new or known.
    pub fn adopt(&mut self, family: Family, key: EntityKey) -> u32 {
        occurring(&mut self.members[family as usize], key)
    }

    /// Takes over a spelling that was seen elsewhere.
    pub fn adopt_spelling(&mut self, folded: &str, spelling: Spelling) {
        keep_earliest(&mut self.spellings, folded, spelling);
    }

    /// Finds the members of every row. `batch` holds the columns of [`INPUTS`].
    pub fn number_rows(&mut self, batch: &EventBatch, keys: &mut RowKeys) {
        let column = |input: Input| &batch.columns[input as usize];
        let rows = batch.times.len();
        self.note_spellings(column(Input::Service), &batch.times);
        if !matches!(self.names, Names::All) {
            return self.number_plainly(batch, keys);
        }
        self.number_apis(&[column(Input::Recipient), column(Input::Service), column(Input::EventName)], rows, keys);
        self.number_addresses(&[column(Input::Recipient), column(Input::SourceIp)], rows, keys);
        self.number_callers(batch, keys);
        let mut codes = Plain {
            members: &mut self.codes,
            key: |texts: &[Option<&str>]| Some(EntityKey::new([failure_code(texts[0], texts[1])?])),
        };
        let columns = [column(Input::ErrorCode), column(Input::ErrorMessage)];
        self.of_codes.number_rows(&columns, rows, &mut keys.codes, &mut codes);
        self.number_errors(keys);
        self.number_changes(keys);
    }

    fn number_plainly(&mut self, batch: &EventBatch, keys: &mut RowKeys) {
        let families = families(&self.names, self.with_networks);
        self.plain.number_rows(batch, families, &self.names, &mut self.members, keys);
    }

    fn number_apis(&mut self, columns: &[&TextColumn], rows: usize, keys: &mut RowKeys) {
        let numbers = &mut keys.members[Family::Api as usize];
        let mut apis = Plain { members: &mut self.members[Family::Api as usize], key: api_key };
        self.combinations[Family::Api as usize].number_rows(columns, rows, numbers, &mut apis);
        let apis = &self.members[Family::Api as usize];
        for number in self.changes_by_api.len()..apis.len() {
            self.changes_by_api.push(changed_by(apis.key(number as u32)));
        }
    }

    fn number_addresses(&mut self, columns: &[&TextColumn], rows: usize, keys: &mut RowKeys) {
        let [addresses, networks] = two(&mut self.members, Family::SourceIp, Family::Network);
        let mut addresses = Addresses {
            members: addresses,
            networks: self.with_networks.then_some(networks),
            network_of: &mut self.network_of,
            of_day: &mut self.networks,
        };
        let [numbers, networks] = two(&mut keys.members, Family::SourceIp, Family::Network);
        self.combinations[Family::SourceIp as usize].number_rows(columns, rows, numbers, &mut addresses);
        networks.clear();
        if self.with_networks {
            networks
                .extend(numbers.iter().map(|&address| self.networks.get(address as usize).copied().unwrap_or(NONE)));
        }
    }

    fn number_callers(&mut self, batch: &EventBatch, keys: &mut RowKeys) {
        let column = |input: Input| &batch.columns[input as usize];
        let (caller, recipient) = (column(Input::Caller), column(Input::Recipient));
        let identity = [caller, column(Input::IdentityType), column(Input::PrincipalId)];
        self.number_family(Family::AccessKey, &[caller, column(Input::AccessKey)], access_key, batch, keys);
        self.number_family(Family::Principal, &identity, principal_key, batch, keys);
        self.number_family(Family::Region, &[recipient, column(Input::Region)], region_key, batch, keys);
    }

    fn number_family(
        &mut self,
        family: Family,
        columns: &[&TextColumn],
        key: fn(&[Option<&str>]) -> Option<EntityKey>,
        batch: &EventBatch,
        keys: &mut RowKeys,
    ) {
        let mut meaning = Plain { members: &mut self.members[family as usize], key };
        let numbers = &mut keys.members[family as usize];
        self.combinations[family as usize].number_rows(columns, batch.times.len(), numbers, &mut meaning);
    }

    fn number_errors(&mut self, keys: &mut RowKeys) {
        keys.list_failed();
        let apis = &keys.members[Family::Api as usize];
        keys.api_errors.clear();
        for &row in &keys.failed {
            let (api, code) = (apis[row as usize], keys.codes[row as usize]);
            if api != NONE {
                keys.api_errors.push((row, self.api_error(api, code)));
            }
        }
    }

    fn api_error(&mut self, api: u32, code: u32) -> u32 {
        if let Some(&known) = self.api_errors.get(&(api, code)) {
            return known;
        }
        let api_key = self.members[Family::Api as usize].key(api).clone();
        let key = EntityKey::new(api_key.fields().chain(self.codes.key(code).fields()));
        let number = self.adopt(Family::ApiError, key);
        self.api_errors.insert((api, code), number);
        number
    }

    fn number_changes(&mut self, keys: &mut RowKeys) {
        keys.changes.clear();
        if self.changes_by_api.iter().all(Option::is_none) {
            return;
        }
        let principals = &keys.members[Family::Principal as usize];
        for (row, &api) in keys.members[Family::Api as usize].iter().enumerate() {
            if self.changes_by_api.get(api as usize).is_some_and(Option::is_some) {
                keys.changes.push((row as u32, self.change(api, principals[row])));
            }
        }
    }

    fn change(&mut self, api: u32, principal: u32) -> u32 {
        if let Some(&known) = self.changes.get(&(api, principal)) {
            return known;
        }
        let Some(kind) = self.changes_by_api[api as usize] else { return NONE };
        let [apis, principals] = [Family::Api, Family::Principal].map(|family| &self.members[family as usize]);
        let key = change_by(apis.key(api), kind, (principal != NONE).then(|| principals.key(principal)));
        let number = self.adopt(Family::Change, key);
        self.changes.insert((api, principal), number);
        number
    }

    fn note_spellings(&mut self, services: &TextColumn, times: &[i64]) {
        let earliest = earliest_by_key(services, times);
        for (key, &time) in earliest.iter().enumerate().filter(|(_, time)| **time != i64::MAX) {
            if let Some(shown) = services.value(key as i32).map(service_name) {
                keep_earliest(&mut self.spellings, &fold_service(shown), (time, shown.to_owned()));
            }
        }
    }
}

/// The families that some names concern; of those that are known for their pairs alone none where there are no pairs.
fn families(names: &Names, with_pairs: bool) -> impl Iterator<Item = Family> + Clone {
    let is_wanted = move |family: &Family| names.concern(*family) && (with_pairs || Family::COUNTED.contains(family));
    Family::ALL.into_iter().filter(is_wanted)
}

/// The day's number of a key.
fn occurring(members: &mut Members, key: EntityKey) -> u32 {
    let lasting = members.intern(key);
    members.number_of_day(lasting)
}

fn two<T>(all: &mut [T; Family::COUNT], one: Family, other: Family) -> [&mut T; 2] {
    all.get_disjoint_mut([one as usize, other as usize]).unwrap_or_else(|_| unreachable!("two families"))
}

fn earliest_by_key(column: &TextColumn, times: &[i64]) -> Vec<i64> {
    let mut earliest = vec![i64::MAX; column.key_count()];
    match column.keys() {
        Some(keys) => keys.iter().zip(times).for_each(|(&key, &time)| {
            let first = &mut earliest[key as usize];
            *first = time.min(*first);
        }),
        None => earliest[0] = times.iter().copied().min().unwrap_or(i64::MAX),
    }
    earliest
}

fn keep_earliest(spellings: &mut BTreeMap<String, Spelling>, folded: &str, spelling: Spelling) {
    match spellings.get_mut(folded) {
        Some(known) if *known <= spelling => {}
        Some(known) => *known = spelling,
        None => {
            spellings.insert(folded.to_owned(), spelling);
        }
    }
}
