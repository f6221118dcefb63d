//! Addresses with their places: three more columns beside the one that holds addresses.

use crate::error::Result;
use crate::place::{Place, PlaceBook};
use crate::query::answer::{AnswerWriter, Heading, Kind, Value};

/// The headings, and those of places after the one of addresses, which is at `address`. A network's number is no quantity, but a name.
pub fn placed_headings(mut headings: Vec<Heading>, address: usize) -> Vec<Heading> {
    let columns = [("country", Kind::Text), ("network_owner", Kind::Text), ("network_number", Kind::Id)];
    let columns = columns.map(|(name, kind)| Heading::new(name, kind));
    headings.splice(address + 1..address + 1, columns);
    headings
}

/// Adds the places of one column's addresses to rows on their way to an answer, whose headings are [`placed_headings`].
#[allow(missing_debug_implementations)]
pub struct Placed<'book> {
    /// The answer.
    pub answer: Box<dyn AnswerWriter>,
    /// Where addresses are.
    pub places: &'book PlaceBook,
    /// The column of addresses.
    pub address: usize,
}

impl Placed<'_> {
    fn place(&self, row: &[Value<'_>]) -> Option<Place> {
        if let Value::Text(address) = &row[self.address] { self.places.look_up(address) } else { None }
    }
}

impl AnswerWriter for Placed<'_> {
    fn rows(&mut self, rows: &[Vec<Value<'_>>]) -> Result<()> {
        let places: Vec<Option<Place>> = rows.iter().map(|row| self.place(row)).collect();
        let wider = rows.iter().zip(&places).map(|(row, place)| {
            let mut row: Vec<Value<'_>> = row.iter().map(Value::borrowed).collect();
            row.splice(self.address + 1..self.address + 1, columns(place.as_ref()));
            row
        });
        self.answer.rows(&wider.collect::<Vec<_>>())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.answer.finish()
    }
}

fn columns(place: Option<&Place>) -> [Value<'_>; 3] {
    [
        Value::text(place.and_then(|place| place.country.as_deref())),
        Value::text(place.and_then(|place| place.network_owner.as_deref())),
        Value::text(place.and_then(|place| place.network_number).map(|number| number.to_string())),
    ]
}
