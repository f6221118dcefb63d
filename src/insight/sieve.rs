//! Which rows of a batch may belong to a target at all, by the one text that names its entity: nearly none do, and the rest is not looked
//! at any further.
//!
//! A sieve lets too much through (an API of another service, a user of another account), never too little.

use std::borrow::Cow;

use foldhash::fast::RandomState;
use hashbrown::HashSet;

use crate::event::{Column, PrincipalKind, SourceAddress, permanent_access_key, without_session};
use crate::insight::investigate::Target;
use crate::partition::{EventBatch, EventFile, TextColumn};
use crate::rollup::keys::INPUTS;
use crate::rollup::{EntityKey, Family};

/// Where the columns that name entities stand in a batch; the order is that of [`INPUTS`](crate::rollup::keys::INPUTS).
const EVENT_NAME: usize = 3;
const SOURCE_IP: usize = 4;
const IDENTITY_TYPE: usize = 6;
const PRINCIPAL_ID: usize = 7;
const ACCESS_KEY: usize = 8;

/// Rows that are looked at together.
const RUN: usize = 128;

/// Texts of a column that may name an entity.
struct Test {
    column: usize,
    names: HashSet<String, RandomState>,
    /// What a text names.
    named: Named,
    /// The dictionary that was tested last, and for each of its keys whether it passes.
    known: Option<(TextColumn, Vec<bool>)>,
}

/// What the texts of some targets have in common.
pub(super) struct Sieve(Vec<Test>);

impl Sieve {
    /// A sieve for targets.
    pub(super) fn of<'a>(targets: impl Iterator<Item = &'a Target>) -> Self {
        let mut tests = Vec::new();
        for (target, key) in targets.flat_map(|target| target.keys.iter().map(move |key| (target, key))) {
            let (column, name, named) = test(target.family, key);
            if let Some(test) = tests.iter_mut().find(|test: &&mut Test| test.column == column) {
                test.names.insert(name);
            } else {
                tests.push(Test { column, names: HashSet::from_iter([name]), named, known: None });
            }
        }
        Self(tests)
    }

    /// Of [`INPUTS`] the columns that rows are told by; nothing in place of the others.
    pub(super) fn columns(&self) -> [&'static [Column]; INPUTS.len()] {
        let is_tested = |place: usize| self.0.iter().any(|test| test.column == place);
        std::array::from_fn(|place| if is_tested(place) { INPUTS[place] } else { &[] })
    }

    /// The rows that pass, ascending.
    pub(super) fn rows(&mut self, batch: &EventBatch) -> Vec<u32> {
        let mut passes = vec![false; batch.rows];
        for test in &mut self.0 {
            let column = &batch.columns[test.column];
            let by_key = test.by_key(column);
            match column.keys() {
                _ if !by_key.contains(&true) => {}
                Some(keys) => passes.iter_mut().zip(keys).for_each(|(passes, &key)| *passes |= by_key[key as usize]),
                None if by_key[0] => return (0..batch.rows as u32).collect(),
                None => {}
            }
        }
        passing(&passes)
    }

    /// Whether no row of a row group can pass, as far as the dictionaries of the batches that were seen tell.
    pub(super) fn is_vain(&self, file: &EventFile, group: usize) -> bool {
        self.0.iter().all(|test| {
            let known = test.known.as_ref().is_some_and(|(_, by_key)| !by_key.contains(&true));
            known && file.has_whole_dictionary(group, INPUTS[test.column])
        })
    }
}

/// The rows that pass. Most runs of rows have none.
fn passing(passes: &[bool]) -> Vec<u32> {
    let mut rows = Vec::new();
    for (run, passes) in passes.chunks(RUN).enumerate() {
        if passes.iter().fold(false, |any, &passes| any | passes) {
            let own = passes.iter().enumerate().filter(|(_, passes)| **passes);
            rows.extend(own.map(|(row, _)| (run * RUN + row) as u32));
        }
    }
    rows
}

impl Test {
    fn by_key(&mut self, column: &TextColumn) -> &[bool] {
        let is_known = self.known.as_ref().is_some_and(|(known, _)| known.same_dictionary(column));
        if !is_known {
            let passes =
                |key: i32| column.value(key).and_then(self.named).is_some_and(|name| self.names.contains(&*name));
            let by_key = (0..column.key_count() as i32).map(passes).collect();
            self.known = Some((column.without_rows(), by_key));
        }
        self.known.as_ref().map_or(&[], |(_, by_key)| by_key)
    }
}

/// How a text of a column comes to the name of an entity.
type Named = fn(&str) -> Option<Cow<'_, str>>;

/// By which column an entity is known, its name there, and how a text of the column comes to such a name.
fn test(family: Family, key: &EntityKey) -> (usize, String, Named) {
    let field = |place: usize| key.fields().nth(place).unwrap_or_default().to_owned();
    match family {
        Family::Api | Family::ApiError => (EVENT_NAME, field(2), as_is),
        Family::Change => (EVENT_NAME, field(3), as_is),
        Family::SourceIp => (SOURCE_IP, field(1), address),
        Family::AccessKey => (ACCESS_KEY, field(1), |text| permanent_access_key(text).map(Cow::Borrowed)),
        // The owner of an account goes by the account.
        _ if field(1) == PrincipalKind::Root.name() => {
            (IDENTITY_TYPE, field(1), |text| Some(PrincipalKind::parse(text).name().into()))
        }
        // A role's session follows its name after a colon; the names of others may have one too.
        _ => (PRINCIPAL_ID, without_session(&field(2)).to_owned(), |text| Some(without_session(text).into())),
    }
}

#[allow(clippy::unnecessary_wraps, reason = "it is one of several of this type")]
fn as_is(text: &str) -> Option<Cow<'_, str>> {
    Some(Cow::Borrowed(text))
}

/// Addresses of four numbers have one spelling, and there are many of them.
fn address(text: &str) -> Option<Cow<'_, str>> {
    let address = SourceAddress::parse(text)?.ip()?;
    let is_plain = address.is_ipv4() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    Some(if is_plain { Cow::Borrowed(text) } else { Cow::Owned(address.to_string()) })
}
