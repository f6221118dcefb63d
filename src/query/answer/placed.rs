//! Addresses with their places: for people in the same cell, for programs in three more columns.

use crate::error::Result;
use crate::place::{Place, PlaceBook};
use crate::query::answer::{AnswerFormat, AnswerWriter, Heading, Kind, Value};

/// The headings, of which the one at `address` is of addresses, with room for their places.
pub fn placed_headings(mut headings: Vec<Heading>, address: usize, format: AnswerFormat) -> Vec<Heading> {
    if format == AnswerFormat::Table {
        headings[address].kind = Kind::Names;
        return headings;
    }
    let columns = [("country", Kind::Text), ("network_owner", Kind::Text), ("network_number", Kind::Integer)];
    let next = address + 1;
    headings.splice(next..next, columns.map(|(name, kind)| Heading::new(name, kind)));
    headings
}

/// Adds the places of one column's addresses to rows on their way to an answer, whose headings are [`placed_headings`].
#[allow(missing_debug_implementations)]
pub struct Placed<'book> {
    /// The answer.
    pub answer: Box<dyn AnswerWriter>,
    /// Its form.
    pub format: AnswerFormat,
    /// Where addresses are.
    pub places: &'book PlaceBook,
    /// The column of addresses.
    pub address: usize,
}

impl Placed<'_> {
    fn place(&self, row: &[Value<'_>]) -> Option<Place> {
        if let Value::Text(address) = &row[self.address] { self.places.look_up(address) } else { None }
    }

    fn with_place<'row>(&self, row: &'row [Value<'_>], place: Option<&'row Place>) -> Vec<Value<'row>> {
        let mut row: Vec<Value<'_>> = row.iter().map(Value::borrowed).collect();
        let next = self.address + 1;
        if self.format != AnswerFormat::Table {
            row.splice(next..next, columns(place));
        } else if let Some(place) = place {
            row[self.address] = Value::Text(format!("{} ({})", place.address, place.shown()).into());
        }
        row
    }
}

impl AnswerWriter for Placed<'_> {
    fn rows(&mut self, rows: &[Vec<Value<'_>>]) -> Result<()> {
        let places: Vec<Option<Place>> = rows.iter().map(|row| self.place(row)).collect();
        let placed: Vec<Vec<Value<'_>>> =
            rows.iter().zip(&places).map(|(row, place)| self.with_place(row, place.as_ref())).collect();
        self.answer.rows(&placed)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.answer.finish()
    }
}

fn columns(place: Option<&Place>) -> [Value<'_>; 3] {
    [
        Value::text(place.and_then(|place| place.country.as_deref())),
        Value::text(place.and_then(|place| place.network_owner.as_deref())),
        place.and_then(|place| place.network_number).map_or(Value::Null, |number| Value::Integer(i64::from(number))),
    ]
}
