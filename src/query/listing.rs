//! Lists of events: newest first, from an event on, so many of them; in bounded memory however many there are.

use crate::error::{Error, Result};
use crate::event::Column;
use crate::partition::Problem;
use crate::query::answer::{Heading, Kind, Value};
use crate::query::condition::{Condition, ValueTest, View};
use crate::query::field::column_slice;
use crate::query::{Field, Filter, Hit, Page, Patterns, Search, TimeRange, parse_moment, rfc3339};
use crate::shown::literal;

/// Places of events that are held at once.
const HITS: usize = 262_144;
/// Events whose fields are held at once.
const PAGE: usize = 8_192;

/// What part of the matching events is listed, and what of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// What is shown.
    pub fields: Vec<Field>,
    /// The most events; all where there is none.
    pub limit: Option<usize>,
    /// Events that are passed over.
    pub offset: usize,
    /// Only what is older than this.
    pub before: Option<Hit>,
}

/// What became of a listing.
#[derive(Debug, Default)]
pub struct Listed {
    /// Events that were shown.
    pub shown: usize,
    /// Where the next page begins, in the words of `--before`, if there is more.
    pub next: Option<String>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// The headings of fields.
pub fn headings(fields: &[Field]) -> Vec<Heading> {
    fields.iter().map(|field| Heading::new(field.name(), kind(*field))).collect()
}

fn kind(field: Field) -> Kind {
    match field {
        Field::Column(Column::EventTime) => Kind::Time,
        Field::Column(Column::EventId | Column::AccessKeyId | Column::SourceIpAddress) => Kind::Id,
        Field::Column(Column::MfaAuthenticated | Column::IsGlobal) => Kind::Truth,
        Field::Column(
            Column::RequestParameters
            | Column::ResponseElements
            | Column::AdditionalEventData
            | Column::UserIdentity
            | Column::OtherFields,
        ) => Kind::Json,
        _ => Kind::Text,
    }
}

impl Search {
    /// Gives the rows of a listing, a page at a time, to `show`.
    ///
    /// # Errors
    /// What `show` returns.
    pub fn list(&self, listing: &Listing, mut show: impl FnMut(&[Vec<Value<'_>>]) -> Result<()>) -> Result<Listed> {
        let (mut listed, mut before, mut skip) = (Listed::default(), listing.before, listing.offset);
        loop {
            let left = listing.limit.map_or(usize::MAX, |limit| limit - listed.shown);
            let most = left.saturating_add(skip).saturating_add(1).min(HITS);
            let (hits, problems) = self.newest(before, most);
            // A row group that cannot be read is met on every page of it.
            listed.problems.extend(problems);
            let wanted = &hits[skip.min(hits.len())..];
            let wanted = &wanted[..left.min(wanted.len())];
            for page in wanted.chunks(PAGE) {
                let (page, problems) = Page::read(self, page, &listing.fields);
                listed.problems.extend(problems);
                show(&page.values(&listing.fields))?;
            }
            listed.shown += wanted.len();
            skip = skip.saturating_sub(hits.len());
            if listing.limit == Some(listed.shown) && hits.len() > wanted.len() {
                listed.next = wanted.last().map(|last| self.bookmark(*last));
            }
            if hits.len() < most || listing.limit == Some(listed.shown) {
                listed.problems.sort();
                listed.problems.dedup();
                return Ok(listed);
            }
            before = hits.last().copied();
        }
    }

    /// `TIME/ID` of an event; `TIME/+NUMBER` of one without an id, which is the so-manieth, newest first, of the matching events of its moment.
    fn bookmark(&self, hit: Hit) -> String {
        let (page, _) = Page::read(self, &[hit], &[Field::Column(Column::EventId)]);
        let id = (!page.is_empty()).then(|| page.text(0, 0)).flatten();
        let time = rfc3339(hit.time);
        let place = || self.of_moment(hit.time, HITS).iter().position(|other| *other == hit);
        match id {
            Some(id) => format!("{time}/{id}"),
            None => place().map_or(time.clone(), |place| format!("{time}/+{}", place + 1)),
        }
    }

    /// The first matching events of a moment, newest first.
    fn of_moment(&self, time: i64, most: usize) -> Vec<Hit> {
        let range = TimeRange { from: Some(time), to: Some(time.saturating_add(1)) };
        self.with_filter(Filter { range, conditions: self.filter.conditions.clone() }).newest(None, most).0
    }

    /// Finds the event that `--before` names: a time, an event id, or both with a slash between, where in place of an id may stand
    /// which of the matching events of that moment it is.
    ///
    /// # Errors
    /// [`Error::Query`] when there is no such event.
    pub fn before(&self, text: &str, now: i64) -> Result<Hit> {
        if let Ok(time) = parse_moment(text, now, false) {
            return Ok(Hit::at_start_of(time));
        }
        let timed = text.split_once('/').and_then(|(time, id)| Some((parse_moment(time, now, false).ok()?, id)));
        let number = timed.and_then(|(time, id)| Some((time, id.strip_prefix('+')?.parse::<usize>().ok()?)));
        if let Some((time, number)) = number.filter(|(_, number)| (1..=HITS).contains(number)) {
            return self.of_moment(time, number).get(number - 1).copied().ok_or_else(|| no_such_event(text));
        }
        let (range, id) = match timed {
            Some((time, id)) => (TimeRange { from: Some(time), to: Some(time + 1) }, id),
            None => (TimeRange::default(), text),
        };
        let globs = Patterns::parse(&[literal(id)], true).map_err(|mistake| mistake.of("--before"))?.wanted;
        let is_it = Condition::Test(column_slice(Column::EventId), ValueTest::Globs(View::AsIs, globs));
        let (hits, _) = self.with_filter(Filter { range, conditions: vec![is_it] }).newest(None, 1);
        hits.first().copied().ok_or_else(|| no_such_event(text))
    }
}

fn no_such_event(text: &str) -> Error {
    Error::Query {
        message: format!("--before: there is no event `{text}` in the days that were asked for"),
        hint: Some("expected a time, an event id, or TIME/ID as a page says at its end".to_owned()),
    }
}

impl Page {
    /// The values of all events, a row each; `fields` are those that were read.
    pub fn values(&self, fields: &[Field]) -> Vec<Vec<Value<'_>>> {
        let value = |event: usize, (number, field): (usize, &Field)| match kind(*field) {
            Kind::Time => Value::time(self.time(event)),
            Kind::Truth => match self.text(event, number).as_deref() {
                Some(text) if text.eq_ignore_ascii_case("true") || text == "1" => Value::Truth(true),
                Some(text) if text.eq_ignore_ascii_case("false") || text == "0" => Value::Truth(false),
                _ => Value::Null,
            },
            _ => Value::text(self.text(event, number)),
        };
        (0..self.len()).map(|event| fields.iter().enumerate().map(|field| value(event, field)).collect()).collect()
    }
}
