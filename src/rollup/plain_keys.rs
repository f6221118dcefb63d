//! The members of a row, family by family, each told by its own columns and nothing else.
//!
//! [`Keyer`](crate::rollup::keys::Keyer) is faster, for it takes an address's network from the address, and a failure from the API. Where names are
//! chosen, an address that is not kept still has a network that may be, so there nothing can be taken from another family.

use crate::event::failure_code;
use crate::partition::EventBatch;
use crate::rollup::combine::{Combination, Meaning};
use crate::rollup::inputs::{FAILURE, Input, inputs_of};
use crate::rollup::meanings::{
    Chosen, access_key, address_key, api_error_key, api_key, change_key, network_key, principal_key, region_key,
};
use crate::rollup::members::{EntityKey, Members};
use crate::rollup::names::Names;
use crate::rollup::{Family, NONE, RowKeys};

/// Finds the members of rows by the columns of each family.
#[derive(Debug, Default)]
pub(super) struct PlainKeys {
    combinations: [Combination; Family::COUNT],
    failures: Combination,
}

/// What the texts of a family's inputs stand for.
pub(super) const fn key_of(family: Family) -> fn(&[Option<&str>]) -> Option<EntityKey> {
    match family {
        Family::Api => api_key,
        Family::ApiError => api_error_key,
        Family::SourceIp => address_key,
        Family::AccessKey => access_key,
        Family::Principal => principal_key,
        Family::Change => change_key,
        Family::Network => network_key,
        Family::Region => region_key,
    }
}

impl PlainKeys {
    /// Forgets the day's numbers.
    pub(super) fn begin_day(&mut self) {
        self.combinations.iter_mut().chain([&mut self.failures]).for_each(Combination::begin_day);
    }

    /// Finds the members of every row, of those families and names that are asked for.
    pub(super) fn number_rows(
        &mut self,
        batch: &EventBatch,
        families: impl Iterator<Item = Family>,
        names: &Names,
        members: &mut [Members; Family::COUNT],
        keys: &mut RowKeys,
    ) {
        let columns =
            |inputs: &[Input]| -> Vec<_> { inputs.iter().map(|&input| &batch.columns[input as usize]).collect() };
        let rows = batch.times.len();
        self.failures.number_rows(&columns(&FAILURE), rows, keys.codes_mut(), &mut Failures);
        keys.list_failed();
        for family in families {
            let mut meaning = Chosen { members: &mut members[family as usize], key: key_of(family), family, names };
            let combination = &mut self.combinations[family as usize];
            combination.number_rows(&columns(inputs_of(family)), rows, keys.numbers_mut(family), &mut meaning);
            keys.list(family);
        }
    }
}

/// Whether texts tell of a failure: 0, or [`NONE`].
struct Failures;

impl Meaning for Failures {
    fn lasting(&mut self, texts: &[Option<&str>]) -> u32 {
        failure_code(texts[0], texts[1]).map_or(NONE, |_| 0)
    }

    fn of_day(&mut self, lasting: u32) -> u32 {
        lasting
    }
}
