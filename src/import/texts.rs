//! A log record as the texts of its columns, without partitions: what rules are tried out on.

use crate::event::Column;
use crate::import::record::{Event, parse};

/// An event as its partition's columns would hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTexts {
    /// Milliseconds since 1970.
    pub time: i64,
    /// The text of each of [`Column::ALL`].
    pub texts: Vec<Option<String>>,
}

/// Reads the events of a log record, in any form that [`import`](crate::import::import) understands.
///
/// # Errors
/// What is wrong with the record, in words.
pub fn event_texts(record: &str) -> Result<Vec<EventTexts>, String> {
    let mut events = Vec::new();
    parse(record, None, &mut |event, _| {
        events.push(event.map(|event| texts(&event)).map_err(|error| error.to_string()));
    });
    events.into_iter().collect()
}

fn texts(event: &Event<'_>) -> EventTexts {
    let text = |column: Column| match column {
        Column::MfaAuthenticated => event.mfa.map(|truth| truth.to_string()),
        Column::IsGlobal => event.global.map(|truth| truth.to_string()),
        other => event.text(other).map(str::to_owned),
    };
    EventTexts { time: event.time, texts: Column::ALL.map(text).to_vec() }
}
