//! Which rows of a batch may belong to a target at all, by the one text that names its entity: nearly none do, and the rest is not looked
//! at any further.
//!
//! A sieve lets too much through (an API of another service, a user of another account), never too little.

use std::borrow::Cow;
use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::error::Result;
use crate::event::{Column, PrincipalKind, SourceAddress, permanent_access_key, without_session};
use crate::insight::investigate::Target;
use crate::insight::stretches::{Span, stretches};
use crate::partition::{CodedColumn, EventBatch, EventFile, TextColumn};
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

/// How many numbers of two bytes there are.
const SHORT: usize = 1 << 16;
/// Rows that are decoded together, few enough for their keys to stay in the processor's cache.
const TOGETHER: usize = 8192;

/// Texts of a column that may name an entity.
struct Test {
    column: usize,
    /// By name when its entities are looked for, first and one past the last millisecond.
    names: HashMap<String, Vec<Span>, RandomState>,
    /// What a text names.
    named: Named,
    /// The dictionary that was tested last, and for each of its keys whether it passes.
    known: Option<(TextColumn, Vec<bool>)>,
}

/// What the texts of some targets have in common.
pub(super) struct Sieve(Vec<Test>);

impl Sieve {
    /// A sieve for targets, each with the time in which it is looked for.
    pub(super) fn of<'a>(targets: impl Iterator<Item = (&'a Target, Span)>) -> Self {
        let mut tests: Vec<Test> = Vec::new();
        for (target, span) in targets {
            for key in &target.keys {
                let (column, name, named) = test(target.family, key);
                let place = tests.iter().position(|test| test.column == column).unwrap_or_else(|| {
                    tests.push(Test { column, names: HashMap::default(), named, known: None });
                    tests.len() - 1
                });
                tests[place].names.entry(name).or_default().push(span);
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
        those(&passes)
    }

    /// The rows of a row group that pass, ascending, and the columns that tell it, by their places; `None` where these are not keys into
    /// one dictionary each. Of a column only those stretches are decoded in which a name is looked for that its dictionary holds.
    pub(super) fn search<'file>(
        &self,
        (file, group): (&'file EventFile, usize),
        times: &[i64],
    ) -> Result<Option<(Vec<u32>, Vec<ToldBy<'file>>)>> {
        let mut passes = vec![false; times.len()];
        let in_order = times.is_sorted();
        let mut columns = Vec::with_capacity(self.0.len());
        for test in &self.0 {
            let Some(mut column) = CodedColumn::open(file, group, INPUTS[test.column])? else { return Ok(None) };
            let (by_key, spans) = test.wanted(column.dictionary());
            let_pass(&mut column, by_key, stretches(times, in_order, spans), &mut passes)?;
            columns.push((test.column, column));
        }
        Ok(Some((those(&passes), columns)))
    }

    /// Whether no row of a row group can pass, as far as the dictionaries of the batches that were seen tell.
    pub(super) fn is_vain(&self, file: &EventFile, group: usize) -> bool {
        self.0.iter().all(|test| {
            let known = test.known.as_ref().is_some_and(|(_, by_key)| !by_key.contains(&true));
            known && file.has_whole_dictionary(group, INPUTS[test.column])
        })
    }
}

/// A column that tells which rows pass, and its place.
pub(super) type ToldBy<'file> = (usize, CodedColumn<'file>);

/// Notes which rows pass by their keys, in the stretches of a column in which any can.
fn let_pass(
    column: &mut CodedColumn<'_>,
    by_key: Vec<bool>,
    stretches: Vec<Range<usize>>,
    passes: &mut [bool],
) -> Result<()> {
    let by_key = ByKey::of(by_key);
    for stretch in stretches {
        for first in stretch.clone().step_by(TOGETHER) {
            let rows = first..stretch.end.min(first + TOGETHER);
            let passes = &mut passes[rows.clone()];
            match column.decode(rows)? {
                Some(keys) => by_key.let_pass(keys, passes),
                None => passes.fill(true),
            }
        }
    }
    Ok(())
}

/// By key whether a row passes.
enum ByKey {
    /// For every number of two bytes, so that none is beyond the end and nothing has to be checked row by row.
    All(Box<[bool; SHORT]>),
    Some(Vec<bool>),
}

impl ByKey {
    fn of(mut by_key: Vec<bool>) -> Self {
        if by_key.len() > SHORT {
            return Self::Some(by_key);
        }
        by_key.resize(SHORT, false);
        by_key.into_boxed_slice().try_into().map_or_else(|by_key: Box<[bool]>| Self::Some(by_key.into_vec()), Self::All)
    }

    fn let_pass(&self, keys: &[i32], passes: &mut [bool]) {
        let rows = passes.iter_mut().zip(keys);
        match self {
            Self::All(by_key) => rows.for_each(|(passes, &key)| *passes |= by_key[usize::from(key as u16)]),
            Self::Some(by_key) => rows.for_each(|(passes, &key)| *passes |= by_key[key as usize]),
        }
    }
}

/// The rows that pass. Most runs of rows have none.
pub(super) fn those(passes: &[bool]) -> Vec<u32> {
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
                |key: i32| column.value(key).and_then(self.named).is_some_and(|name| self.names.contains_key(&*name));
            let by_key = (0..column.key_count() as i32).map(passes).collect();
            self.known = Some((column.without_rows(), by_key));
        }
        self.known.as_ref().map_or(&[], |(_, by_key)| by_key)
    }

    /// By key whether its text is a name, and when the names are looked for that a dictionary holds.
    fn wanted(&self, dictionary: &TextColumn) -> (Vec<bool>, Vec<Span>) {
        let mut spans = Vec::new();
        let by_key = (0..dictionary.key_count() as i32).map(|key| {
            let own = dictionary.value(key).and_then(self.named).and_then(|name| self.names.get(&*name));
            spans.extend(own.into_iter().flatten());
            own.is_some()
        });
        (by_key.collect(), spans)
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
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Some(Cow::Borrowed(text));
    }
    Some(Cow::Owned(SourceAddress::parse(text)?.ip()?.to_string()))
}
