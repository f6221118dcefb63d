//! Days of events made by hand: twenty people who call the same API every few minutes, and whatever a test adds to them.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray};
use chrono::NaiveDate;
use parquet::file::properties::WriterProperties;

use super::{dated, midnight, write_parquet};

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Seconds of the day.
    pub(crate) second: i64,
    pub(crate) user: String,
    pub(crate) service: &'static str,
    pub(crate) api: &'static str,
    pub(crate) account: &'static str,
    pub(crate) region: &'static str,
    pub(crate) address: String,
    pub(crate) agent: &'static str,
    pub(crate) parameters: &'static str,
    pub(crate) error: Option<&'static str>,
}

impl Call {
    /// A call of a person's everyday API from its everyday address.
    pub(crate) fn usual(second: i64, number: u32) -> Self {
        Self {
            second,
            user: number.to_string(),
            service: "Ecs",
            api: "DescribeInstances",
            account: "1",
            region: "cn-hangzhou",
            address: format!("192.0.2.{number}"),
            agent: "everyday",
            parameters: "{}",
            error: None,
        }
    }
}

/// The key of a user.
pub(crate) fn key_of(user: &str) -> String {
    format!("LTAI5tMADE{user}")
}

/// A day on which twenty people make ten calls an hour each, at minutes that differ a little from day to day.
pub(crate) fn usual_day(date: NaiveDate) -> Vec<Call> {
    let day = midnight(date) / 86_400_000;
    let people = (1..=20_u32).flat_map(|number| (0..240_i64).map(move |call| (number, call)));
    let jitter = |number: u32, call: i64| (i64::from(number) * 37 + call * 101 + day * 53) % 350;
    people.map(|(number, call)| Call::usual(call * 360 + jitter(number, call), number)).collect()
}

/// Writes the calls of a day as its partition.
pub(crate) fn write_day(events: &Path, date: NaiveDate, calls: Vec<Call>) {
    write_part(events, date, 0, calls);
}

/// Writes calls as one file of a day's partition.
pub(crate) fn write_part(events: &Path, date: NaiveDate, part: u32, mut calls: Vec<Call>) {
    calls.sort_by_key(|call| call.second);
    let texts = |text: &dyn Fn(usize, &Call) -> Option<String>| -> ArrayRef {
        Arc::new(calls.iter().enumerate().map(|(row, call)| text(row, call)).collect::<StringArray>())
    };
    let times = calls.iter().map(|call| midnight(date) + call.second * 1000);
    let times: ArrayRef = Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC"));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("event_id", texts(&|row, _| Some(format!("{date}-{row}")))),
        ("event_time", times),
        ("event_name", texts(&|_, call| Some(call.api.to_owned()))),
        ("service_name", texts(&|_, call| Some(call.service.to_owned()))),
        ("region", texts(&|_, call| Some(call.region.to_owned()))),
        ("source_ip_address", texts(&|_, call| Some(call.address.clone()))),
        ("user_agent", texts(&|_, call| Some(call.agent.to_owned()))),
        ("account_id", texts(&|_, call| Some(call.account.to_owned()))),
        ("recipient_account_id", texts(&|_, call| Some(call.account.to_owned()))),
        ("user_identity_type", texts(&|_, _| Some("ram-user".to_owned()))),
        ("principal_id", texts(&|_, call| Some(call.user.clone()))),
        ("user_name", texts(&|_, call| Some(format!("name{}", call.user)))),
        ("access_key_id", texts(&|_, call| Some(key_of(&call.user)))),
        ("error_code", texts(&|_, call| call.error.map(str::to_owned))),
        ("request_parameters", texts(&|_, call| Some(call.parameters.to_owned()))),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    write_parquet(
        &dated(events, date).join(format!("part-{part:04}.parquet")),
        &rows,
        WriterProperties::builder().build(),
    );
}

/// Writes days from `first` to `last`, with what a test adds to each.
pub(crate) fn write_days(events: &Path, first: NaiveDate, last: NaiveDate, more: impl Fn(NaiveDate) -> Vec<Call>) {
    for date in first.iter_days().take_while(|date| *date <= last) {
        write_day(events, date, usual_day(date).into_iter().chain(more(date)).collect());
    }
}
