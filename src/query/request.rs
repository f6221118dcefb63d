//! What can be asked of events, as it is typed: the options of `insights query`, which are also the keys of a saved search.
//!
//! Nothing is understood yet; [`Filter`](crate::query::Filter) and its siblings do that.

use serde::{Deserialize, Deserializer, Serialize};

/// Conditions and what to do with the events that meet them; all of it optional.
///
/// Lists are written with commas, `*` stands for anything, and `!` before a value means "not this".
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option that is given or not")]
#[allow(clippy::doc_markdown, reason = "the comments are what --help prints")]
pub struct Request {
    /// Not earlier than this: a date, a time, or how long ago (7d, 24h, 30m)
    #[arg(long, value_name = "TIME", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Earlier than this; a date means the end of its day
    #[arg(long, value_name = "TIME", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Event names: DeleteInstance, Delete*, '!Describe*'
    #[arg(long, value_name = "LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub event: Vec<String>,
    /// Services: Ecs, Ram, iam
    #[arg(long, value_name = "LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub service: Vec<String>,
    /// Users and other callers that are no roles, by name or id; root for the account's owner
    #[arg(long, value_name = "LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub user: Vec<String>,
    /// Roles by name or id, whatever the session; role:session for one
    #[arg(long, value_name = "LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub role: Vec<String>,
    /// AccessKeys, case counts; '*' for any, '!*' for calls without one
    #[arg(long, value_name = "LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub access_key: Vec<String>,
    /// Addresses, networks (203.0.113.0/24), host names, Internal
    #[arg(long, value_name = "LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub source_ip: Vec<String>,
    /// Resource types: ACS::ECS::Instance
    #[arg(long, value_name = "LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub resource_type: Vec<String>,
    /// Resource names or ids, case counts
    #[arg(long, value_name = "LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub resource_name: Vec<String>,
    /// Events that only read, by what the log says or else by the verb of their name
    #[arg(long, conflicts_with = "write", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "is_false")]
    pub read: bool,
    /// Events that do not only read
    #[arg(long, help_heading = "Conditions")]
    #[serde(skip_serializing_if = "is_false")]
    pub write: bool,
    /// Error codes; "(no code)" for failures that have only a message
    #[arg(long, value_name = "LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub error: Vec<String>,
    /// Calls that failed
    #[arg(long, conflicts_with = "succeeded", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "is_false")]
    pub failed: bool,
    /// Calls that did not fail
    #[arg(long, help_heading = "Conditions")]
    #[serde(skip_serializing_if = "is_false")]
    pub succeeded: bool,
    /// Regions
    #[arg(long, value_name = "LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub region: Vec<String>,
    /// Accounts, the caller's or the one that received the event
    #[arg(long, value_name = "LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub account: Vec<String>,
    /// Event ids, case counts
    #[arg(long, value_name = "LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub event_id: Vec<String>,
    /// Event types: ApiCall, ConsoleSignin
    #[arg(long, value_name = "LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub event_type: Vec<String>,
    /// Any other column: user_agent=*cli*, 'request_parameters=*i-0001*'
    #[arg(long = "where", value_name = "COLUMN=LIST", help_heading = "Conditions")]
    #[serde(rename = "where", skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub conditions: Vec<String>,
    /// One of these, beside all others: --either source_ip=203.0.113.0/24 --either api=Ram/CreateUser,Ram/Attach*
    #[arg(long, value_name = "COLUMN=LIST", help_heading = "Conditions")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub either: Vec<String>,
    /// Only how many events there are
    #[arg(long, help_heading = "What to show")]
    #[serde(skip_serializing_if = "is_false")]
    pub count: bool,
    /// How many events by one or several fields, most first
    #[arg(long, value_name = "FIELD,…", conflicts_with = "count", help_heading = "What to show")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub count_by: Vec<String>,
    /// How many events by time: 5m, 1h, 1d [default: what fits a screen]
    #[arg(long, value_name = "LENGTH", num_args = 0..=1, default_missing_value = "auto", conflicts_with_all = ["count", "count_by"], help_heading = "What to show")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<String>,
    /// An SQL query over the tables events, insights, alerts, rollups and pairs
    #[arg(long, value_name = "QUERY", conflicts_with_all = ["count", "count_by", "timeline", "columns"], help_heading = "What to show")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// Which fields of an event to show
    #[arg(long, value_name = "FIELD,…", help_heading = "What to show")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub columns: Vec<String>,
    /// The most rows; 0 for all [default: 50 in a table, else all]
    #[arg(long, value_name = "N", help_heading = "What to show")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Leave out so many of the newest events
    #[arg(long, value_name = "N", help_heading = "What to show")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    /// Go on after an event: its id, a time, or TIME/ID as a page says at its end
    #[arg(long, value_name = "EVENT", help_heading = "What to show")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A single text, or a list of them.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(texts) => texts,
    })
}
