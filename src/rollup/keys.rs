//! From a batch of events to the member of each family that every row belongs to.
//!
//! This is the one place where the meaning of an event (who, from where, did it fail, what does it change) meets the columns.
//! The meaning is worked out once for each distinct combination of texts; rows only look numbers up.

use std::collections::BTreeMap;

use foldhash::quality::RandomState;
use hashbrown::HashMap;

use crate::event::{
    ChangeKind, Column, Principal, SourceAddress, failure_code, fold_service, network, permanent_access_key,
    service_name,
};
use crate::partition::{EventBatch, TextColumn};
use crate::rollup::combine::Combination;
use crate::rollup::members::{EntityKey, Members};
use crate::rollup::{Family, NONE};

/// Position of each column in the batches that [`Keyer::number_rows`] takes.
#[derive(Clone, Copy)]
#[repr(usize)]
enum Input {
    Recipient,
    Caller,
    Service,
    EventName,
    SourceIp,
    Region,
    IdentityType,
    PrincipalId,
    AccessKey,
    ErrorCode,
    ErrorMessage,
}

/// What has to be read of each row group: for every input the columns that can supply it, best first.
pub const INPUTS: [&[Column]; 11] = [
    &[Column::RecipientAccountId, Column::AccountId],
    &[Column::AccountId, Column::RecipientAccountId],
    &[Column::ServiceName, Column::EventSource],
    &[Column::EventName],
    &[Column::SourceIpAddress],
    &[Column::Region],
    &[Column::UserIdentityType],
    &[Column::PrincipalId, Column::UserName],
    &[Column::AccessKeyId],
    &[Column::ErrorCode],
    &[Column::ErrorMessage],
];

/// The columns to read with or without those that only pairs need.
pub fn inputs(pairs: bool) -> [&'static [Column]; INPUTS.len()] {
    let mut inputs = INPUTS;
    if !pairs {
        inputs[Input::Region as usize] = &[];
    }
    inputs
}

/// The members that the rows of a batch belong to, family by family.
#[derive(Debug, Default)]
pub struct RowKeys {
    /// Row by row the member, or `NONE`; unused for the families of [`RARE`].
    members: [Vec<u32>; Family::COUNT],
    /// For the families of [`RARE`] the rows that have a member, ascending, and the member.
    rare: [Vec<(u32, u32)>; RARE.len()],
    /// Row by row the error code's number, or [`NONE`] for success.
    codes: Vec<u32>,
    /// The rows that failed, ascending.
    failed: Vec<u32>,
}

/// Families that few rows belong to: they are kept as lists of rows.
const RARE: [Family; 2] = [Family::ApiError, Family::Change];

impl RowKeys {
    /// The members of a family, row by row, or [`NONE`]; `None` for a family of which only a list is kept.
    pub fn dense(&self, family: Family) -> Option<&[u32]> {
        (!RARE.contains(&family)).then(|| self.of(family))
    }

    /// The rows of a rare family and their members; empty for the others.
    pub fn listed(&self, family: Family) -> &[(u32, u32)] {
        RARE.iter().position(|&rare| rare == family).map_or(&[], |position| &self.rare[position])
    }

    /// The members of a family that is not rare, row by row, or [`NONE`].
    pub(super) fn of(&self, family: Family) -> &[u32] {
        &self.members[family as usize]
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

/// How a service is spelled: the spelling of the earliest event, the first in order among equals.
pub type Spelling = (i64, String);

/// Numbers the members of all families, and remembers what it worked out.
#[derive(Debug, Default)]
pub struct Keyer {
    members: [Members; Family::COUNT],
    combinations: [Combination; 6],
    codes: Members,
    network_of: Vec<u32>,
    change_of: Vec<Option<ChangeKind>>,
    api_errors: HashMap<(u32, u32), u32, RandomState>,
    changes: HashMap<(u32, u32), u32, RandomState>,
    spellings: BTreeMap<String, Spelling>,
    with_networks: bool,
}

impl Keyer {
    /// A keyer that also finds networks, which only pairs need, or leaves them out.
    pub fn new(with_networks: bool) -> Self {
        Self { with_networks, ..Self::default() }
    }

    /// The members of a family seen so far.
    pub fn members(&self, family: Family) -> &Members {
        &self.members[family as usize]
    }

    /// The number of a key that came from elsewhere, new or known.
    pub fn adopt(&mut self, family: Family, key: EntityKey) -> u32 {
        self.members[family as usize].intern(key)
    }

    /// Takes over a spelling that was seen elsewhere.
    pub fn adopt_spelling(&mut self, folded: &str, spelling: Spelling) {
        keep_earliest(&mut self.spellings, folded, spelling);
    }

    /// Gives up all members and spellings.
    pub fn into_parts(self) -> ([Members; Family::COUNT], BTreeMap<String, Spelling>) {
        (self.members, self.spellings)
    }

    /// Finds the members of every row. `batch` holds the columns of [`INPUTS`].
    pub fn number_rows(&mut self, batch: &EventBatch, keys: &mut RowKeys) {
        let column = |input: Input| &batch.columns[input as usize];
        let rows = batch.times.len();
        self.note_spellings(column(Input::Service), &batch.times);
        self.number_apis(&[column(Input::Recipient), column(Input::Service), column(Input::EventName)], rows, keys);
        self.number_addresses(&[column(Input::Recipient), column(Input::SourceIp)], rows, keys);
        self.number_callers(batch, keys);
        let codes = &mut self.codes;
        self.combinations[4].number_rows(
            &[column(Input::ErrorCode), column(Input::ErrorMessage)],
            rows,
            &mut keys.codes,
            |texts| failure_code(texts[0], texts[1]).map_or(NONE, |code| codes.intern(EntityKey::new([code]))),
        );
        self.number_errors(keys);
        self.number_changes(keys);
    }

    fn number_apis(&mut self, columns: &[&TextColumn], rows: usize, keys: &mut RowKeys) {
        let (apis, changes) = (&mut self.members[Family::Api as usize], &mut self.change_of);
        self.combinations[0].number_rows(columns, rows, &mut keys.members[Family::Api as usize], |texts| {
            let (Some(service), Some(name)) = (texts[1].map(service_name), texts[2]) else { return NONE };
            let number = apis.intern(EntityKey::new([texts[0].unwrap_or_default(), &fold_service(service), name]));
            changes.resize(changes.len().max(number as usize + 1), None);
            changes[number as usize] = ChangeKind::of_call(service, name);
            number
        });
    }

    fn number_addresses(&mut self, columns: &[&TextColumn], rows: usize, keys: &mut RowKeys) {
        let [addresses, networks] = self
            .members
            .get_disjoint_mut([Family::SourceIp as usize, Family::Network as usize])
            .unwrap_or_else(|_| unreachable!("two families"));
        let (network_of, with_networks) = (&mut self.network_of, self.with_networks);
        self.combinations[1].number_rows(columns, rows, &mut keys.members[Family::SourceIp as usize], |texts| {
            let (account, written) = (texts[0].unwrap_or_default(), texts[1].unwrap_or_default());
            // Row groups repeat addresses, mostly in their one spelling: then there is nothing to take apart.
            let known = addresses.find([account, written]);
            if let Some(known) = known.filter(|&known| !with_networks || network_of[known as usize] != NONE) {
                return known;
            }
            let Some(address) = SourceAddress::parse(written).and_then(|source| source.ip()) else { return NONE };
            let number = addresses.intern(EntityKey::new([account, &address.to_string()]));
            network_of.resize(network_of.len().max(number as usize + 1), NONE);
            if with_networks && network_of[number as usize] == NONE {
                network_of[number as usize] = networks.intern(EntityKey::new([account, &network(address)]));
            }
            number
        });
        let [addresses, networks] = keys
            .members
            .get_disjoint_mut([Family::SourceIp as usize, Family::Network as usize])
            .unwrap_or_else(|_| unreachable!("two families"));
        let network_of = |&address: &u32| self.network_of.get(address as usize).copied().unwrap_or(NONE);
        networks.clear();
        if with_networks {
            networks.extend(addresses.iter().map(network_of));
        }
    }

    fn number_callers(&mut self, batch: &EventBatch, keys: &mut RowKeys) {
        let column = |input: Input| &batch.columns[input as usize];
        let rows = batch.times.len();
        let [access_keys, principals, regions] = self
            .members
            .get_disjoint_mut([Family::AccessKey as usize, Family::Principal as usize, Family::Region as usize])
            .unwrap_or_else(|_| unreachable!("three families"));
        let caller = column(Input::Caller);
        let numbers = &mut keys.members[Family::AccessKey as usize];
        self.combinations[2].number_rows(&[caller, column(Input::AccessKey)], rows, numbers, |texts| {
            let key = texts[1].and_then(permanent_access_key);
            key.map_or(NONE, |key| access_keys.intern(EntityKey::new([texts[0].unwrap_or_default(), key])))
        });
        let numbers = &mut keys.members[Family::Principal as usize];
        let identity = [caller, column(Input::IdentityType), column(Input::PrincipalId)];
        self.combinations[3].number_rows(&identity, rows, numbers, |texts| {
            let principal = Principal::from_fields(texts[1], texts[2], None, texts[0]);
            principal.map_or(NONE, |found| {
                principals.intern(EntityKey::new([texts[0].unwrap_or_default(), found.kind.name(), &found.id]))
            })
        });
        let numbers = &mut keys.members[Family::Region as usize];
        self.combinations[5].number_rows(&[column(Input::Recipient), column(Input::Region)], rows, numbers, |texts| {
            texts[1].map_or(NONE, |region| regions.intern(EntityKey::new([texts[0].unwrap_or_default(), region])))
        });
    }

    fn number_errors(&mut self, keys: &mut RowKeys) {
        keys.failed.clear();
        keys.failed.extend((0..keys.codes.len() as u32).filter(|&row| keys.codes[row as usize] != NONE));
        let apis = &keys.members[Family::Api as usize];
        keys.rare[0].clear();
        for &row in &keys.failed {
            let (api, code) = (apis[row as usize], keys.codes[row as usize]);
            if api != NONE {
                keys.rare[0].push((row, self.api_error(api, code)));
            }
        }
    }

    fn api_error(&mut self, api: u32, code: u32) -> u32 {
        if let Some(&known) = self.api_errors.get(&(api, code)) {
            return known;
        }
        let api_key = self.members[Family::Api as usize].key(api).clone();
        let key = EntityKey::new(api_key.fields().chain(self.codes.key(code).fields()));
        let number = self.members[Family::ApiError as usize].intern(key);
        self.api_errors.insert((api, code), number);
        number
    }

    fn number_changes(&mut self, keys: &mut RowKeys) {
        keys.rare[1].clear();
        let principals = &keys.members[Family::Principal as usize];
        for (row, &api) in keys.members[Family::Api as usize].iter().enumerate() {
            if self.change_of.get(api as usize).is_some_and(Option::is_some) {
                keys.rare[1].push((row as u32, self.change(api, principals[row])));
            }
        }
    }

    fn change(&mut self, api: u32, principal: u32) -> u32 {
        if let Some(&known) = self.changes.get(&(api, principal)) {
            return known;
        }
        let Some(kind) = self.change_of[api as usize] else { return NONE };
        let api_key = self.members[Family::Api as usize].key(api).clone();
        let principal_key =
            (principal != NONE).then(|| self.members[Family::Principal as usize].key(principal).clone());
        let who: Vec<&str> = principal_key.as_ref().map_or(vec!["unknown", ""], |key| key.fields().skip(1).collect());
        let what = api_key.fields().skip(1);
        let key = EntityKey::new([api_key.account(), kind.name()].into_iter().chain(what).chain(who));
        let number = self.members[Family::Change as usize].intern(key);
        self.changes.insert((api, principal), number);
        number
    }

    fn note_spellings(&mut self, services: &TextColumn, times: &[i64]) {
        let mut earliest = vec![i64::MAX; services.key_count()];
        match services.keys() {
            Some(keys) => keys.iter().zip(times).for_each(|(&key, &time)| {
                let first = &mut earliest[key as usize];
                *first = time.min(*first);
            }),
            None => earliest[0] = times.iter().copied().min().unwrap_or(i64::MAX),
        }
        for (key, &time) in earliest.iter().enumerate().filter(|(_, time)| **time != i64::MAX) {
            if let Some(shown) = services.value(key as i32).map(service_name) {
                keep_earliest(&mut self.spellings, &fold_service(shown), (time, shown.to_owned()));
            }
        }
    }
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
