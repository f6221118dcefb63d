//! What values the attributes of some rows have.
//!
//! Values are counted by the small numbers that stand for them in a batch; their texts are made once a batch, not once a row. How many values
//! are told apart is the business of [`values`](crate::insight::events::values).

use std::collections::BTreeMap;
use std::mem::take;

use crate::event::{Column, SourceAddress, failure_code, fold_service, service_name};
use crate::insight::attribute::{Attribute, ByAttribute};
use crate::insight::events::names::Names;
use crate::insight::events::tally::Tally;
use crate::insight::events::values::{Counts, add};
use crate::partition::{EventBatch, TextColumn};
use crate::rollup::NONE;
use crate::rollup::keys::INPUTS;
use crate::rollup::wanted::{PairNumbers, Sayings, principal_label};

/// The columns that tell attributes and names.
pub(super) const DESCRIBING: [&[Column]; 13] = [
    INPUTS[1],
    INPUTS[2],
    INPUTS[3],
    INPUTS[4],
    INPUTS[5],
    INPUTS[6],
    INPUTS[7],
    INPUTS[8],
    INPUTS[9],
    INPUTS[10],
    &[Column::UserAgent],
    &[Column::ResourceName],
    &[Column::UserName],
];
/// The inputs that the first of them are.
pub(super) const DESCRIBING_INPUTS: std::ops::RangeInclusive<usize> = 1..=10;
/// Where columns stand in a batch.
const CALLER: usize = 0;
const SERVICE: usize = 1;
const API: usize = 2;
const SOURCE_IP: usize = 3;
const REGION: usize = 4;
const IDENTITY_TYPE: usize = 5;
const PRINCIPAL_ID: usize = 6;
const ACCESS_KEY: usize = 7;
const ERROR_CODE: usize = 8;
const ERROR_MESSAGE: usize = 9;
const USER_AGENT: usize = 10;
const RESOURCE: usize = 11;
const NAME: usize = 12;

/// What an event without an error code has for one.
pub(super) const NO_ERROR: &str = "null";

/// Tells what rows say, batch after batch; its memory is bounded.
pub(super) struct Describer {
    principals: Sayings,
    addresses: Sayings,
    calls: Sayings,
    failures: Sayings,
}

/// What the rows of a batch say of an attribute.
struct Coded<'a> {
    codes: Codes<'a>,
    texts: Texts<'a>,
}

/// What codes stand for, if they stand for anything.
enum Texts<'a> {
    Column(&'a TextColumn),
    /// By number, and what a row without one says.
    Said(&'a [String], Option<&'a str>),
    Shown(Vec<Option<String>>),
}

impl Texts<'_> {
    /// How many codes there are.
    fn count(&self) -> usize {
        match self {
            Self::Column(column) => column.key_count(),
            Self::Said(texts, _) => texts.len() + 1,
            Self::Shown(texts) => texts.len(),
        }
    }

    fn of(&self, code: u32) -> Option<&str> {
        match self {
            Self::Column(column) => column.value(code as i32),
            Self::Said(texts, none) => texts.get(code as usize).map(String::as_str).or(*none),
            Self::Shown(texts) => texts[code as usize].as_deref(),
        }
    }
}

/// The code of each row of a batch, by which its value goes. Several may stand for one value.
enum Codes<'a> {
    /// All have the same value.
    Same,
    /// Keys into a dictionary, the last of which stands for none.
    Keys(&'a [i32]),
    /// Numbers, the last of which stands for none.
    Numbers(Vec<u32>),
}

/// What the rows of a batch say.
pub(super) struct Described<'a> {
    batch: &'a EventBatch,
    attributes: ByAttribute<Coded<'a>>,
    /// Nothing if there are no names.
    named: Option<NamePairs>,
    /// By row whether it failed.
    failed: Vec<bool>,
    tally: Tally,
}

impl Default for Describer {
    fn default() -> Self {
        Self {
            principals: Sayings::new(principal_label),
            addresses: Sayings::new(|texts| texts[0].and_then(SourceAddress::parse).map(source)),
            calls: Sayings::new(|texts| Some(format!("{}/{}", fold_service(service_name(texts[0]?)), texts[1]?))),
            failures: Sayings::new(|texts| failure_code(texts[0], texts[1]).map(|code| code.replace('\0', "\u{fffd}"))),
        }
    }
}

impl Describer {
    /// What the rows of a batch with the columns of [`DESCRIBING`] say.
    pub(super) fn describe<'a>(&'a mut self, batch: &'a EventBatch) -> Described<'a> {
        let columns =
            |places: &[usize]| -> Vec<&TextColumn> { places.iter().map(|&place| &batch.columns[place]).collect() };
        let number = |sayings: &mut Sayings, places: &[usize]| {
            let mut numbers = Vec::new();
            sayings.number_rows(&columns(places), batch.rows, &mut numbers);
            numbers
        };
        let principals = number(&mut self.principals, &[CALLER, IDENTITY_TYPE, PRINCIPAL_ID]);
        let mut addresses = number(&mut self.addresses, &[SOURCE_IP]);
        let mut calls = number(&mut self.calls, &[SERVICE, API]);
        let mut failures = number(&mut self.failures, &[ERROR_CODE, ERROR_MESSAGE]);
        let failed: Vec<bool> = failures.iter().map(|&failure| failure != NONE).collect();
        // What calls no API is no failure of one.
        failures.iter_mut().zip(&calls).filter(|(_, call)| **call == NONE).for_each(|(failure, _)| *failure = NONE);
        let none = self.principals.texts().len() as u32;
        let mut principals: Vec<u32> = principals.into_iter().map(|number| number.min(none)).collect();
        let named = (!batch.columns[NAME].is_all_null()).then(|| NamePairs::of(&principals, &batch.columns[NAME]));
        let mut shown = shown_calls(batch, &calls, self.calls.texts().len());
        let attributes = ByAttribute::of(|attribute| match attribute {
            Attribute::Principal => {
                Coded::of_numbers(take(&mut principals), Texts::Said(self.principals.texts(), None))
            }
            Attribute::AccessKey => Coded::of_column(&batch.columns[ACCESS_KEY]),
            Attribute::SourceAddress => {
                Coded::of_numbers(take(&mut addresses), Texts::Said(self.addresses.texts(), None))
            }
            Attribute::UserAgent => Coded::of_column(&batch.columns[USER_AGENT]),
            Attribute::Api => Coded::of_numbers(take(&mut calls), Texts::Shown(take(&mut shown))),
            Attribute::ErrorCode => {
                Coded::of_numbers(take(&mut failures), Texts::Said(self.failures.texts(), Some(NO_ERROR)))
            }
            Attribute::Region => Coded::of_column(&batch.columns[REGION]),
            Attribute::Resource => Coded::of_column(&batch.columns[RESOURCE]),
        });
        Described { batch, attributes, named, failed, tally: Tally::default() }
    }
}

/// By number of a call how the first row that has it spells service and API.
fn shown_calls(batch: &EventBatch, calls: &[u32], count: usize) -> Vec<Option<String>> {
    let mut shown = vec![None; count + 1];
    for (row, &call) in calls.iter().enumerate().filter(|(_, call)| **call != NONE) {
        let shown = &mut shown[call as usize];
        if shown.is_none() {
            let text = |place: usize| batch.columns[place].row(row).unwrap_or_default();
            *shown = Some(format!("{}/{}", service_name(text(SERVICE)), text(API)));
        }
    }
    shown
}

impl<'a> Coded<'a> {
    fn of_column(column: &'a TextColumn) -> Self {
        Self { codes: column.keys().map_or(Codes::Same, Codes::Keys), texts: Texts::Column(column) }
    }

    /// Numbers of which the last but for [`NONE`] stands before the end of the texts.
    fn of_numbers(mut numbers: Vec<u32>, texts: Texts<'a>) -> Self {
        let none = texts.count() as u32 - 1;
        numbers.iter_mut().for_each(|number| *number = (*number).min(none));
        Self { codes: Codes::Numbers(numbers), texts }
    }

    fn count(&self, rows: &[u32], tally: &mut Tally, mut each: impl FnMut(&str, u64)) {
        let told = |code: u32, calls: u64| self.texts.of(code).into_iter().for_each(|text| each(text, calls));
        let bound = self.texts.count();
        match &self.codes {
            Codes::Same => tally.each(rows, bound, |_| 0, told),
            Codes::Keys(keys) => tally.each(rows, bound, |row| keys[row as usize] as u32, told),
            Codes::Numbers(numbers) => tally.each(rows, bound, |row| numbers[row as usize], told),
        }
    }
}

/// Who calls by which name: the number of a principal and the key of a name, together by one code.
struct NamePairs {
    codes: Vec<u32>,
    pairs: PairNumbers,
}

impl NamePairs {
    fn of(principals: &[u32], names: &TextColumn) -> Self {
        // Most principals go by one name, so nothing is set aside for more.
        let mut pairs = PairNumbers::new(0);
        let key = |row: usize| names.keys().map_or(0, |keys| keys[row] as u32);
        let codes = principals.iter().enumerate().map(|(row, &principal)| pairs.number(principal, key(row))).collect();
        Self { codes, pairs }
    }

    fn count(&self, rows: &[u32], tally: &mut Tally, mut each: impl FnMut((u32, u32), u64)) {
        let pairs = self.pairs.pairs();
        let told = |code: u32, calls: u64| each(pairs[code as usize], calls);
        tally.each(rows, pairs.len(), |row| self.codes[row as usize], told);
    }
}

impl Described<'_> {
    /// Whether a row failed.
    pub(super) fn has_failed(&self, row: u32) -> bool {
        self.failed[row as usize]
    }

    /// The name of the API that a row calls, as it is written.
    pub(super) fn api(&self, row: u32) -> Option<&str> {
        self.batch.columns[API].row(row as usize)
    }

    /// Adds the values of rows, and the names of users or roles.
    pub(super) fn count(&mut self, rows: &[u32], counts: &mut Counts, names: &mut Names) {
        let Self { batch, attributes, named, tally, .. } = self;
        for (attribute, coded) in attributes.iter() {
            match named.as_ref().filter(|_| attribute == Attribute::Principal) {
                Some(named) => named.count(rows, tally, |(principal, name), calls| {
                    let principal = coded.texts.of(principal);
                    principal.into_iter().for_each(|principal| counts.add(attribute, principal, calls));
                    let name = batch.columns[NAME].value(name as i32);
                    name.into_iter().for_each(|name| names.add(principal.unwrap_or_default(), name, calls));
                }),
                None => coded.count(rows, tally, |text, calls| counts.add(attribute, text, calls)),
            }
        }
    }

    /// Adds the principals of those rows that did not fail; which they are.
    pub(super) fn count_successful(&mut self, rows: &[u32], principals: &mut BTreeMap<String, u64>) -> Vec<u32> {
        let successful: Vec<u32> = rows.iter().copied().filter(|&row| !self.has_failed(row)).collect();
        let Self { attributes, tally, .. } = self;
        attributes[Attribute::Principal].count(&successful, tally, |who, calls| add(principals, who, calls));
        successful
    }

    /// How many of some rows failed.
    pub(super) fn failures(&self, rows: &[u32]) -> u64 {
        rows.iter().filter(|&&row| self.has_failed(row)).count() as u64
    }
}

fn source(source: SourceAddress) -> String {
    match source {
        SourceAddress::Ip(address) => address.to_string(),
        SourceAddress::Internal => "Internal".to_owned(),
        SourceAddress::Host(host) => host,
    }
}
