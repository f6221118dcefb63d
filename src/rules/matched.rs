//! What is kept of an event that a rule matched: enough to group, to whitelist, and to show.

use std::sync::Arc;

use serde::Serialize;

use crate::event::{Column, Principal, failure_code, meaningful, service_name};
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

/// An event that a rule matched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the columns' own names")]
pub struct MatchedEvent {
    /// Milliseconds since 1970.
    pub time: i64,
    pub event_id: Option<String>,
    pub event_name: Option<String>,
    pub service: Option<String>,
    /// The account whose log it is in.
    pub account: Option<String>,
    /// The account of who called.
    pub caller_account: Option<String>,
    /// Kind and id of who called, as `user/2389…`.
    pub principal: Option<String>,
    pub user_name: Option<String>,
    pub access_key: Option<String>,
    pub source_ip: Option<String>,
    pub region: Option<String>,
    /// The error's code, or a word for an error without one; nothing if the call succeeded.
    pub error_code: Option<String>,
    pub resource_name: Option<String>,
    pub user_agent: Option<String>,
}

impl MatchedEvent {
    /// Reads a row; `facts` holds the place of each of [`FACTS`] among the batch's columns.
    pub(super) fn read(batch: &EventBatch, facts: &[usize], row: usize) -> Self {
        let text = |fact: usize| batch.columns[facts[fact]].row(row);
        let kept = |fact: usize| text(fact).and_then(meaningful).map(str::to_owned);
        Self {
            time: batch.times[row],
            event_id: kept(0),
            event_name: kept(1),
            service: text(2).map(|service| service_name(service).to_owned()),
            account: kept(3),
            caller_account: kept(4),
            principal: principal(text(5), text(6), text(7), text(4)),
            user_name: kept(7),
            access_key: kept(8),
            source_ip: kept(9),
            region: kept(10),
            error_code: failure_code(text(11), text(12)).map(str::to_owned),
            resource_name: kept(13),
            user_agent: kept(14),
        }
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
