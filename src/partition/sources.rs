//! What supplies a column in a row group: leaves of the file, one text throughout, what is made of other fields, what
//! responses say.
//!
//! Where several columns can supply a text, the first that is surely without nulls ends the list; how rows are put
//! together from what is left is the business of [`read`](super::read).

use std::sync::Arc;

use parquet::file::statistics::Statistics;

use crate::error::Result;
use crate::event::Column;
use crate::partition::columns::Leaf;
use crate::partition::made::Made;
use crate::partition::{EventFile, TextColumn};

/// Where the rows of a column come from.
pub(super) enum Source {
    Leaf(Leaf),
    Constant(TextColumn),
    Made(Arc<Made>),
    /// The messages of rows that failed by their response alone, by their ascending places.
    Responses(Vec<u32>),
}

impl Source {
    pub(super) fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Self::Leaf(leaf) => vec![leaf],
            Self::Constant(_) | Self::Responses(_) => Vec::new(),
            Self::Made(made) => made.leaves(),
        }
    }
}

/// What supplies a column of some rows in this row group, or of all.
pub(super) fn sources(
    file: &EventFile,
    group: usize,
    alternatives: &[Column],
    rows: Option<&[u32]>,
) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    if alternatives.contains(&Column::ErrorMessage) {
        let failed = file.failures_by_response(group, rows)?;
        found.extend((!failed.is_empty()).then_some(Source::Responses(failed)));
    }
    found.append(&mut held(file, group, alternatives));
    Ok(found)
}

/// What a file holds of a column in this row group: leaves after the first that is surely without nulls are of no use.
pub(super) fn held(file: &EventFile, group: usize, alternatives: &[Column]) -> Vec<Source> {
    let mut found = Vec::new();
    for &column in alternatives {
        for leaf in file.columns.leaves(column) {
            let (source, complete) = source(file, group, leaf);
            found.push(source);
            if complete {
                return found;
            }
        }
        match file.columns.made(column).map(|made| (made, &**made)) {
            Some((_, Made::Constant(word))) => {
                found.push(Source::Constant(TextColumn::constant(Some(word))));
                return found;
            }
            Some((made, _)) => found.push(Source::Made(made.clone())),
            None => {}
        }
    }
    found
}

fn source(file: &EventFile, group: usize, leaf: &Leaf) -> (Source, bool) {
    let chunk = file.metadata.metadata().row_group(group).column(leaf.index);
    let rows = file.metadata.metadata().row_group(group).num_rows() as u64;
    let unknown = (Source::Leaf(leaf.clone()), false);
    let Some(statistics) = chunk.statistics() else { return unknown };
    match statistics.null_count_opt() {
        Some(nulls) if nulls == rows => (Source::Constant(TextColumn::constant(None)), false),
        Some(0) => match single_value(statistics) {
            Some(value) => (Source::Constant(TextColumn::constant(Some(&value))), true),
            None => (Source::Leaf(leaf.clone()), true),
        },
        _ => unknown,
    }
}

/// The one text of a column without nulls, if its statistics show that there is but one. Statistics that were cut short
/// differ between smallest and largest, for the largest is rounded up; so equal ones are whole.
fn single_value(statistics: &Statistics) -> Option<String> {
    let Statistics::ByteArray(values) = statistics else { return None };
    let (smallest, largest) = (values.min_opt()?, values.max_opt()?);
    (smallest == largest).then(|| smallest.as_utf8().ok().map(str::to_owned)).flatten()
}
