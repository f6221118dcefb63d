//! Which rows of a row group may belong to a target at all, by the one text that names its entity: nearly none do, and the rest is not
//! looked at any further.
//!
//! A sieve lets too much through (an API of another service, a user of another account), never too little.

use std::borrow::Cow;
use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::error::Result;
use crate::event::{PrincipalKind, SourceAddress, permanent_access_key, without_session};
use crate::insight::events::passing::{Columns, Part};
use crate::insight::events::stretches::{Span, stretches};
use crate::insight::events::target::Target;
use crate::partition::TextColumn;
use crate::rollup::{EntityKey, Family};

/// Where the columns that name entities stand among [`INPUTS`](crate::rollup::keys::INPUTS).
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

/// Some families, a bit each.
pub(super) type FamilySet = u8;

/// The set of one family.
pub(super) const fn set_of(family: Family) -> FamilySet {
    1 << family as usize
}

/// Texts of a column that may name an entity.
struct Test {
    column: usize,
    /// By name the families in which it is looked for, and when: first and one past the last millisecond.
    names: HashMap<String, (FamilySet, Vec<Span>), RandomState>,
    /// What a text names.
    named: Named,
}

/// What the texts of some targets have in common.
pub(super) struct Sieve(Vec<Test>);

impl Sieve {
    /// A sieve for targets, each with the time in which it is looked for.
    pub(in crate::insight) fn of<'a>(targets: impl Iterator<Item = (&'a Target, Span)>) -> Self {
        let mut tests: Vec<Test> = Vec::new();
        for (target, span) in targets {
            for key in &target.keys {
                let (column, name, named) = test(target.family, key);
                let place = tests.iter().position(|test| test.column == column).unwrap_or_else(|| {
                    tests.push(Test { column, names: HashMap::default(), named });
                    tests.len() - 1
                });
                let (families, spans) = tests[place].names.entry(name).or_default();
                *families |= set_of(target.family);
                spans.push(span);
            }
        }
        Self(tests)
    }

    /// The tests that some row of a row group may pass, as far as the dictionaries of its columns tell.
    pub(in crate::insight) fn open(&self, columns: &mut Columns<'_>) -> Result<Vec<OpenTest<'_>>> {
        let mut open = Vec::new();
        for test in &self.0 {
            let wanted = match columns.coded(test.column)? {
                Some(column) => {
                    let (by_key, spans) = test.wanted(column.dictionary());
                    if spans.is_empty() {
                        continue;
                    }
                    Some((ByKey::of(by_key), spans))
                }
                None => None,
            };
            open.push(OpenTest { test, wanted });
        }
        Ok(open)
    }

    /// Notes for the rows of a batch of which families a member may be there; `column` gives a column's texts.
    pub(super) fn mark(&self, column: impl Fn(usize) -> TextColumn, marks: &mut [FamilySet]) {
        self.0.iter().for_each(|test| test.mark(&column(test.column), marks));
    }
}

/// A test in a row group: by key the families that it is for, and when its names are looked for; nothing where rows hold no keys into one
/// dictionary.
pub(super) struct OpenTest<'sieve> {
    test: &'sieve Test,
    wanted: Option<(ByKey, Vec<Span>)>,
}

impl OpenTest<'_> {
    /// Notes for the rows of a part of which families a member may be there. Of a column of keys only those stretches are decoded in which a
    /// name is looked for that its dictionary holds.
    pub(super) fn mark(&self, columns: &mut Columns<'_>, part: &Part<'_>, marks: &mut [FamilySet]) -> Result<()> {
        let Some((by_key, spans)) = &self.wanted else {
            return columns.each_batch(self.test.column, part, |rows, column| self.test.mark(column, &mut marks[rows]));
        };
        let Some(column) = columns.coded(self.test.column)? else { return Ok(()) };
        for stretch in stretches(part.times, part.in_order, spans.clone()) {
            for first in stretch.clone().step_by(TOGETHER) {
                let rows = first..stretch.end.min(first + TOGETHER);
                match column.decode(part.in_group(&rows))? {
                    Some(keys) => by_key.mark(keys, &mut marks[rows]),
                    None => marks[rows].iter_mut().for_each(|mark| *mark |= by_key.of_key(0)),
                }
            }
        }
        Ok(())
    }
}

impl Part<'_> {
    /// Rows of the part as rows of the row group.
    fn in_group(&self, rows: &Range<usize>) -> Range<usize> {
        rows.start + self.first as usize..rows.end + self.first as usize
    }
}

/// By key the families that a row may have a member of.
enum ByKey {
    /// For every number of two bytes, so that none is beyond the end and nothing has to be checked row by row.
    All(Box<[FamilySet; SHORT]>),
    Some(Vec<FamilySet>),
}

impl ByKey {
    fn of(mut by_key: Vec<FamilySet>) -> Self {
        if by_key.len() > SHORT {
            return Self::Some(by_key);
        }
        by_key.resize(SHORT, 0);
        by_key.into_boxed_slice().try_into().map_or_else(|by_key: Box<[_]>| Self::Some(by_key.into_vec()), Self::All)
    }

    fn of_key(&self, key: usize) -> FamilySet {
        match self {
            Self::All(by_key) => by_key[key],
            Self::Some(by_key) => by_key[key],
        }
    }

    fn mark(&self, keys: &[i32], marks: &mut [FamilySet]) {
        let rows = marks.iter_mut().zip(keys);
        match self {
            Self::All(by_key) => rows.for_each(|(mark, &key)| *mark |= by_key[usize::from(key as u16)]),
            Self::Some(by_key) => rows.for_each(|(mark, &key)| *mark |= by_key[key as usize]),
        }
    }
}

/// The rows that are marked for one of some families. Most runs of rows have none.
pub(in crate::insight) fn those(marks: &[FamilySet], families: FamilySet) -> Vec<u32> {
    let mut rows = Vec::new();
    for (run, marks) in marks.chunks(RUN).enumerate() {
        if marks.iter().fold(0, |any, mark| any | mark) & families == 0 {
            continue;
        }
        let (begin, first) = (rows.len(), (run * RUN) as u32);
        rows.resize(begin + marks.len(), 0);
        let mut end = begin;
        // Whether a row is marked cannot be foreseen, so nothing branches on it.
        for (row, mark) in marks.iter().enumerate() {
            rows[end] = first + row as u32;
            end += usize::from(mark & families != 0);
        }
        rows.truncate(end);
    }
    rows
}

impl Test {
    fn families_of(&self, text: Option<&str>) -> Option<&(FamilySet, Vec<Span>)> {
        self.names.get(&*text.and_then(self.named)?)
    }

    fn mark(&self, column: &TextColumn, marks: &mut [FamilySet]) {
        let families = |key: i32| self.families_of(column.value(key)).map_or(0, |(families, _)| *families);
        let by_key: Vec<FamilySet> = (0..column.key_count() as i32).map(families).collect();
        match column.keys() {
            Some(_) if by_key.iter().all(|&families| families == 0) => {}
            Some(keys) => marks.iter_mut().zip(keys).for_each(|(mark, &key)| *mark |= by_key[key as usize]),
            None => marks.iter_mut().for_each(|mark| *mark |= by_key[0]),
        }
    }

    /// By key the families that its text may name a member of, and when the names are looked for that a dictionary holds.
    fn wanted(&self, dictionary: &TextColumn) -> (Vec<FamilySet>, Vec<Span>) {
        let mut wanted = Vec::new();
        let by_key = (0..dictionary.key_count() as i32).map(|key| {
            let Some((families, spans)) = self.families_of(dictionary.value(key)) else { return 0 };
            wanted.extend(spans);
            *families
        });
        (by_key.collect(), wanted)
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
    // Whether all bytes are such is asked without branches, for texts are short.
    if text.bytes().fold(true, |are, byte| are & matches!(byte, b'0'..=b'9' | b'.')) {
        return Some(Cow::Borrowed(text));
    }
    Some(Cow::Owned(SourceAddress::parse(text)?.ip()?.to_string()))
}
