//! What is kept of an event that a rule matched: enough to group, to whitelist, and to show.

use std::sync::Arc;

use crate::event::{Column, Principal, failure_code, service_name};
use crate::partition::EventBatch;

/// The columns that [`MatchedEvent`] is made of, each with those that stand in for it.
pub const FACTS: [&[Column]; 15] = [
    &[Column::EventId],
    &[Column::EventName],
    &[Column::ServiceName, Column::EventSource],
    &[Column::RecipientAccountId, Column::AccountId],
    &[Column::AccountId, Column::RecipientAccountId],
    &[Column::UserIdentityType],
    &[Column::PrincipalId],
    &[Column::UserName],
    &[Column::AccessKeyId],
    &[Column::SourceIpAddress],
    &[Column::Region],
    &[Column::ErrorCode],
    &[Column::ErrorMessage],
    &[Column::ResourceName],
    &[Column::UserAgent],
];

/// How much of an event is told with a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facts {
    /// Everything in [`MatchedEvent`].
    All,
    /// Its time alone, where matches are only counted and correlated.
    Time,
}

impl Facts {
    /// The columns that must be read for it.
    pub(super) fn columns(self) -> &'static [&'static [Column]] {
        match self {
            Self::All => &FACTS,
            Self::Time => &[],
        }
    }
}

/// An event that a rule matched.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the columns' own names")]
pub struct MatchedEvent {
    /// Milliseconds since 1970.
    pub time: i64,
    pub event_id: Option<Arc<str>>,
    pub event_name: Option<Arc<str>>,
    pub service: Option<Arc<str>>,
    /// The account whose log it is in.
    pub account: Option<Arc<str>>,
    /// The account of who called.
    pub caller_account: Option<Arc<str>>,
    /// Kind and id of who called, as `user/2389…`.
    pub principal: Option<Arc<str>>,
    pub user_name: Option<Arc<str>>,
    pub access_key: Option<Arc<str>>,
    pub source_ip: Option<Arc<str>>,
    pub region: Option<Arc<str>>,
    /// The error's code, or a word for an error without one; nothing if the call succeeded.
    pub error_code: Option<Arc<str>>,
    pub resource_name: Option<Arc<str>>,
    pub user_agent: Option<Arc<str>>,
}

/// Makes [`MatchedEvent`]s of a batch's rows; texts that come again are shared.
#[derive(Debug)]
pub(super) struct FactReader {
    /// The place of each of [`FACTS`] among the batch's columns.
    places: Vec<usize>,
    /// The texts of each fact by key, as far as they were asked for.
    texts: Vec<Vec<Option<Arc<str>>>>,
}

impl FactReader {
    pub(super) fn new(places: Vec<usize>) -> Self {
        let texts = vec![Vec::new(); places.len()];
        Self { places, texts }
    }

    /// Takes notice of a batch.
    pub(super) fn begin(&mut self, batch: &EventBatch) {
        for (texts, place) in self.texts.iter_mut().zip(&self.places) {
            texts.clear();
            texts.resize(batch.columns[*place].key_count(), None);
        }
    }

    pub(super) fn read(&mut self, batch: &EventBatch, row: usize) -> MatchedEvent {
        if self.places.is_empty() {
            return MatchedEvent { time: batch.times[row], ..MatchedEvent::default() };
        }
        let text = |fact: usize| batch.columns[self.places[fact]].row(row);
        let error_code = failure_code(text(11), text(12)).map(Arc::from);
        let principal = principal(text(5), text(6), text(7), text(4)).map(Arc::from);
        let service = text(2).map(|service| Arc::from(service_name(service)));
        MatchedEvent {
            time: batch.times[row],
            event_id: text(0).map(Arc::from),
            event_name: self.shared(batch, row, 1),
            service,
            account: self.shared(batch, row, 3),
            caller_account: self.shared(batch, row, 4),
            principal,
            user_name: self.shared(batch, row, 7),
            access_key: self.shared(batch, row, 8),
            source_ip: self.shared(batch, row, 9),
            region: self.shared(batch, row, 10),
            error_code,
            resource_name: self.shared(batch, row, 13),
            user_agent: self.shared(batch, row, 14),
        }
    }

    fn shared(&mut self, batch: &EventBatch, row: usize, fact: usize) -> Option<Arc<str>> {
        let column = &batch.columns[self.places[fact]];
        let key = column.keys().map_or(0, |keys| keys[row]);
        let known = self.texts[fact].get_mut(key as usize)?;
        if known.is_none() {
            *known = column.value(key).map(Arc::from);
        }
        known.clone()
    }
}

/// Kind and id of who called.
pub(super) fn principal(
    kind: Option<&str>,
    id: Option<&str>,
    name: Option<&str>,
    account: Option<&str>,
) -> Option<String> {
    Principal::from_fields(kind, id, name, account).map(|found| format!("{}/{}", found.kind.name(), found.id))
}

/// A rule that matched an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The rule's position in the [`RuleSet`](crate::rules::RuleSet).
    pub rule: usize,
    /// The event, shared by all rules that matched it.
    pub event: Arc<MatchedEvent>,
    /// The values of the fields that correlations of this rule ask for, in the order of [`crate::rules::Program::captures`].
    pub captures: Vec<Option<String>>,
}
