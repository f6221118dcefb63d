//! The events behind changes: one by one, with what was asked for.
//!
//! Read from partitions, if somebody said where they are. Their entities are named as the rollup names them, or events
//! and counts would not find one another.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::baseline::FamilyHistory;
use crate::error::Result;
use crate::event::{ChangeKind, Column, Principal, fold_service};
use crate::explain::change::Event;
use crate::insight::events::evidence::Request;
use crate::partition::Partitions;
use crate::query::{Condition, Field, Filter, Page, Patterns, Search, TimeRange, ValueTest, View, rfc3339};
use crate::rollup::EntityKey;
use crate::shown::literal;

/// Changes of a day that are looked at, the latest ones.
pub(super) const MOST_READ: usize = 20_000;

/// What is read of an event, in the order in which [`of_row`] takes it.
const FIELDS: [Field; 13] = [
    Field::Column(Column::UserIdentityType),
    Field::Column(Column::PrincipalId),
    Field::Column(Column::UserName),
    Field::Column(Column::AccountId),
    Field::Account,
    Field::Service,
    Field::Column(Column::EventName),
    Field::Column(Column::SourceIpAddress),
    Field::Column(Column::AccessKeyId),
    Field::Error,
    Field::Column(Column::RequestParameters),
    Field::Column(Column::EventId),
    Field::Column(Column::Region),
];

/// A change as an event tells it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Its time in milliseconds.
    pub(super) time: i64,
    /// The name of its API.
    pub(super) event_name: String,
    /// The region that tells trails of one name apart; empty where names are those of an account.
    pub(super) region: String,
    /// Whether it failed.
    pub(super) failed: bool,
    /// What is shown of it.
    pub(super) event: Event,
}

/// The changes of a day by the entity that they belong to, in order of time.
#[derive(Debug, Default)]
pub(super) struct SeenChanges {
    by_entity: BTreeMap<EntityKey, Vec<Seen>>,
    /// What could not be read, in words.
    pub(super) problems: Vec<String>,
    /// Whether there were more than are looked at.
    pub(super) cut: bool,
}

impl SeenChanges {
    /// Reads the changes of a day through APIs that some entities name.
    pub(super) fn read(
        events: &Partitions,
        date: NaiveDate,
        history: &FamilyHistory,
        members: impl IntoIterator<Item = usize>,
    ) -> Result<Self> {
        let name = |member: usize| history.key(member).fields().nth(3).map(literal);
        let mut names: Vec<String> = members.into_iter().filter_map(name).collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            return Ok(Self::default());
        }
        let globs = Patterns::parse(&names, true).map_err(|mistake| mistake.of("event"))?.wanted;
        let conditions = vec![Condition::Test(&[Column::EventName], ValueTest::Globs(View::AsIs, globs))];
        let range = TimeRange::of_days(Some(date), Some(date))?;
        let search = Search::open(events, Filter { range, conditions });
        let (mut hits, failed) = search.newest(None, MOST_READ + 1);
        let mut seen = Self { cut: hits.len() > MOST_READ, ..Self::default() };
        hits.truncate(MOST_READ);
        hits.reverse();
        let (page, unread) = Page::read(&search, &hits, &FIELDS);
        for event in 0..page.len() {
            if let Some((key, found)) = of_row(&page, event) {
                seen.by_entity.entry(key).or_default().push(found);
            }
        }
        let problems = search.problems.iter().chain(&failed).chain(&unread);
        seen.problems = problems.map(|problem| format!("{}: {}", problem.file, problem.message)).collect();
        seen.problems.sort();
        seen.problems.dedup();
        Ok(seen)
    }

    /// Those of some entities, in order of time.
    pub(super) fn of(&self, history: &FamilyHistory, members: &[usize]) -> Vec<&Seen> {
        let own = members.iter().filter_map(|&member| self.by_entity.get(history.key(member)));
        let mut own: Vec<&Seen> = own.flatten().collect();
        own.sort_by(|left, right| (left.time, &left.event.id).cmp(&(right.time, &right.event.id)));
        own
    }
}

/// An event of a page with the entity that it belongs to, if it is a change.
fn of_row(page: &Page, event: usize) -> Option<(EntityKey, Seen)> {
    let texts: Vec<Option<String>> =
        (0..FIELDS.len()).map(|field| page.text(event, field).map(std::borrow::Cow::into_owned)).collect();
    let text = |field: usize| texts[field].as_deref();
    let (service, name) = (text(5)?, text(6)?);
    let kind = ChangeKind::of_call(service, name)?;
    let principal = Principal::from_fields(text(0), text(1).or(text(2)), None, text(3).or(text(4)));
    let who = principal.as_ref().map_or(["unknown", ""], |found| [found.kind.name(), &found.id]);
    let what = [text(4).unwrap_or_default(), kind.name(), &fold_service(service), name];
    let key = EntityKey::new(what.into_iter().chain(who));
    let time = page.time(event)?;
    let shown = Event {
        id: texts[11].clone(),
        time: Some(rfc3339(time)),
        api: format!("{service}/{name}"),
        name: texts[2].clone(),
        source_ip_address: texts[7].clone(),
        place: None,
        access_key_id: texts[8].clone(),
        outcome: text(9).unwrap_or("success").to_owned(),
        request_parameters: texts[10].clone(),
    };
    let region = texts[12].clone().filter(|_| Request::is_by_region(&fold_service(service))).unwrap_or_default();
    Some((key, Seen { time, event_name: name.to_owned(), region, failed: texts[9].is_some(), event: shown }))
}
