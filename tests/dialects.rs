//! However a cloud or a writer lays out the same events, the same entities and counts come out: canonical columns, nested and
//! flattened ActionTrail, CloudTrail, OCSF API Activity; every text type, time type, encoding and codec that Parquet has.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Int64Array, MapBuilder, RecordBatch, StringArray, StringBuilder, StructArray,
    TimestampMillisecondArray, TimestampSecondArray,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use chrono::{DateTime, SecondsFormat};
use common::{Entity, Pairs, dated, day, insights, midnight, read_day, roll_up, write_parquet};
use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

/// Who makes a call; the words for it differ by cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    User,
    Role,
    Root,
    Service,
    Nobody,
}

#[derive(Debug, Clone)]
struct Call {
    number: usize,
    time: i64,
    service: &'static str,
    name: &'static str,
    region: &'static str,
    source: &'static str,
    who: Who,
    error: Option<&'static str>,
}

const ACCOUNT: &str = "123456789012";
const RECIPIENT: &str = "210987654321";
const HOST: &str = "cloudformation.amazonaws.com";
const APIS: [(&str, &str); 5] = [
    ("ec2", "RunInstances"),
    ("ec2", "DescribeInstances"),
    ("s3", "GetObject"),
    ("iam", "AttachUserPolicy"),
    ("cloudtrail", "StopLogging"),
];
const SOURCES: [&str; 4] = ["203.0.113.7", "203.0.113.99", "2001:db8:7:1::5", HOST];
const CALLERS: [Who; 7] = [Who::User, Who::User, Who::Role, Who::Role, Who::Root, Who::Service, Who::Nobody];
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// The events that every dialect writes in its own way.
fn calls() -> Vec<Call> {
    let call = |number: usize| {
        let (service, name) = APIS[number * 7 % 11 % APIS.len()];
        Call {
            number,
            time: midnight(day(1, 5)) + (number as i64 * 277 + (number as i64 % 3) * 60) * 1000,
            service,
            name,
            region: REGIONS[number % 3 / 2],
            source: SOURCES[number * 5 % 13 % SOURCES.len()],
            who: CALLERS[number % CALLERS.len()],
            error: [None, None, None, Some("AccessDenied"), None, Some("Throttling")][number % 6],
        }
    };
    (0..300).map(call).collect()
}

impl Call {
    fn id(&self) -> String {
        format!("event-{:04}", self.number)
    }

    fn account(&self) -> Option<String> {
        (self.who != Who::Nobody).then(|| ACCOUNT.to_owned())
    }

    fn principal(&self) -> Option<String> {
        match self.who {
            Who::User => Some(format!("AIDA{}", self.number % 4)),
            Who::Role => Some(format!("AROA{}:session-{}", self.number % 3, self.number)),
            Who::Root => Some(ACCOUNT.to_owned()),
            Who::Service | Who::Nobody => None,
        }
    }

    fn user_name(&self) -> Option<String> {
        match self.who {
            Who::User => Some(format!("person-{}", self.number % 4)),
            Who::Service => Some(HOST.to_owned()),
            _ => None,
        }
    }

    fn access_key(&self) -> Option<String> {
        match self.who {
            Who::User => Some(format!("AKIA{}", self.number % 4)),
            Who::Role => Some(format!("ASIA{}", self.number)),
            _ => None,
        }
    }

    fn kind(&self, words: [&str; 4]) -> Option<String> {
        let word = match self.who {
            Who::User => words[0],
            Who::Role => words[1],
            Who::Root => words[2],
            Who::Service => words[3],
            Who::Nobody => return None,
        };
        Some(word.to_owned())
    }

    fn is_from_host(&self) -> bool {
        self.source == HOST
    }
}

const ALIBABA: [&str; 4] = ["ram-user", "assumed-role", "root-account", "system"];
const AMAZON: [&str; 4] = ["IAMUser", "AssumedRole", "Root", "AWSService"];

type Columns = Vec<(String, ArrayRef)>;

fn column(name: &str, array: ArrayRef) -> (String, ArrayRef) {
    (name.to_owned(), array)
}

fn text(calls: &[Call], of: impl Fn(&Call) -> Option<String>) -> ArrayRef {
    Arc::new(calls.iter().map(of).collect::<StringArray>())
}

fn milliseconds(calls: &[Call]) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from_iter_values(calls.iter().map(|call| call.time)).with_timezone("UTC"))
}

fn written_time(call: &Call) -> String {
    DateTime::from_timestamp_millis(call.time).unwrap().to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn structure(columns: Columns, present: Option<Vec<bool>>) -> ArrayRef {
    let field = |(name, array): &(String, ArrayRef)| Field::new(name, array.data_type().clone(), true);
    let fields: Fields = columns.iter().map(field).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Arc::new(StructArray::new(fields, arrays, present.map(NullBuffer::from)))
}

fn table(columns: Columns) -> RecordBatch {
    let nullable = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(nullable).unwrap()
}

fn canonical(calls: &[Call]) -> Columns {
    vec![
        column("event_id", text(calls, |call| Some(call.id()))),
        column("event_time", milliseconds(calls)),
        column("event_name", text(calls, |call| Some(call.name.to_owned()))),
        column("service_name", text(calls, |call| Some(call.service.to_owned()))),
        column("region", text(calls, |call| Some(call.region.to_owned()))),
        column("source_ip_address", text(calls, |call| Some(call.source.to_owned()))),
        column("account_id", text(calls, Call::account)),
        column("recipient_account_id", text(calls, |_| Some(RECIPIENT.to_owned()))),
        column("user_identity_type", text(calls, |call| call.kind(ALIBABA))),
        column("principal_id", text(calls, Call::principal)),
        column("user_name", text(calls, Call::user_name)),
        column("access_key_id", text(calls, Call::access_key)),
        column("error_code", text(calls, |call| call.error.map(str::to_owned))),
    ]
}

fn identity(calls: &[Call], kinds: [&str; 4]) -> Columns {
    vec![
        column("type", text(calls, |call| call.kind(kinds))),
        column("accountId", text(calls, Call::account)),
        column("principalId", text(calls, Call::principal)),
        column("userName", text(calls, Call::user_name)),
        column("accessKeyId", text(calls, Call::access_key)),
    ]
}

fn known(calls: &[Call]) -> Vec<bool> {
    calls.iter().map(|call| call.who != Who::Nobody).collect()
}

fn action_trail_top(calls: &[Call]) -> Columns {
    vec![
        column("eventId", text(calls, |call| Some(call.id()))),
        column("eventTime", text(calls, |call| Some(written_time(call)))),
        column("eventName", text(calls, |call| Some(call.name.to_owned()))),
        column("serviceName", text(calls, |call| Some(call.service.to_owned()))),
        column("acsRegion", text(calls, |call| Some(call.region.to_owned()))),
        column("sourceIpAddress", text(calls, |call| Some(call.source.to_owned()))),
        column("recipientAccountId", text(calls, |_| Some(RECIPIENT.to_owned()))),
        column("errorCode", text(calls, |call| Some(call.error.unwrap_or_default().to_owned()))),
    ]
}

fn action_trail_nested(calls: &[Call]) -> Columns {
    let mut columns = action_trail_top(calls);
    columns.insert(2, column("userIdentity", structure(identity(calls, ALIBABA), Some(known(calls)))));
    columns
}

fn action_trail_flattened(calls: &[Call]) -> Columns {
    let own = identity(calls, ALIBABA).into_iter().map(|(name, array)| (format!("userIdentity.{name}"), array));
    let all = action_trail_top(calls).into_iter().chain(own);
    all.map(|(name, array)| (format!("event.{name}"), array)).collect()
}

fn action_trail_enveloped(calls: &[Call]) -> Columns {
    let topic = text(calls, |_| Some("actiontrail_audit_event".to_owned()));
    vec![column("__topic__", topic), column("event", structure(action_trail_nested(calls), None))]
}

fn lower_case(columns: Columns) -> Columns {
    columns.into_iter().map(|(name, array)| (name.to_lowercase(), array)).collect()
}

fn cloud_trail(calls: &[Call]) -> Columns {
    let mut own = identity(calls, AMAZON);
    own[3] = column("userName", text(calls, |call| call.user_name().filter(|_| call.who != Who::Service)));
    let invoked_by = text(calls, |call| call.user_name().filter(|_| call.who == Who::Service));
    own.push(column("invokedBy", invoked_by));
    vec![
        column("eventVersion", text(calls, |_| Some("1.11".to_owned()))),
        column("userIdentity", structure(own, Some(known(calls)))),
        column("eventTime", text(calls, |call| Some(written_time(call)))),
        column("eventSource", text(calls, |call| Some(format!("{}.amazonaws.com", call.service)))),
        column("eventName", text(calls, |call| Some(call.name.to_owned()))),
        column("awsRegion", text(calls, |call| Some(call.region.to_owned()))),
        column("sourceIPAddress", text(calls, |call| Some(call.source.to_owned()))),
        column("errorCode", text(calls, |call| call.error.map(str::to_owned))),
        column("eventID", text(calls, |call| Some(call.id()))),
        column("recipientAccountId", text(calls, |_| Some(RECIPIENT.to_owned()))),
    ]
}

fn ocsf(calls: &[Call]) -> Columns {
    let service =
        structure(vec![column("name", text(calls, |call| Some(format!("{}.amazonaws.com", call.service))))], None);
    let response = structure(
        vec![column("error", text(calls, |call| call.error.map(str::to_owned)))],
        Some(calls.iter().map(|call| call.error.is_some()).collect()),
    );
    let api = vec![
        column("response", response),
        column("operation", text(calls, |call| Some(call.name.to_owned()))),
        column("service", service),
    ];
    let user = vec![
        column("type", text(calls, |call| call.kind(AMAZON))),
        column("name", text(calls, |call| call.user_name().filter(|_| call.who != Who::Service))),
        column("uid", text(calls, Call::principal)),
        column("credential_uid", text(calls, Call::access_key)),
        column("account", structure(vec![column("uid", text(calls, Call::account))], Some(known(calls)))),
    ];
    let actor = vec![
        column("user", structure(user, Some(known(calls)))),
        column("invoked_by", text(calls, |call| call.user_name().filter(|_| call.who == Who::Service))),
    ];
    let source = vec![
        column("ip", text(calls, |call| (!call.is_from_host()).then(|| call.source.to_owned()))),
        column("domain", text(calls, |call| call.is_from_host().then(|| call.source.to_owned()))),
    ];
    let recipient = structure(vec![column("uid", text(calls, |_| Some(RECIPIENT.to_owned())))], None);
    let cloud = vec![column("region", text(calls, |call| Some(call.region.to_owned()))), column("account", recipient)];
    vec![
        column("metadata", structure(vec![column("uid", text(calls, |call| Some(call.id())))], None)),
        column("time", Arc::new(calls.iter().map(|call| Some(call.time)).collect::<Int64Array>())),
        column("api", structure(api, None)),
        column("actor", structure(actor, Some(known(calls)))),
        column("src_endpoint", structure(source, None)),
        column("cloud", structure(cloud, None)),
    ]
}

/// The identity as one JSON text.
fn identity_text(calls: &[Call]) -> ArrayRef {
    let text_of = |call: &Call| {
        let fields = [
            ("type", call.kind(ALIBABA)),
            ("accountId", call.account()),
            ("principalId", call.principal()),
            ("userName", call.user_name()),
            ("accessKeyId", call.access_key()),
        ];
        let told = fields.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
        serde_json::Value::Object(told.collect()).to_string()
    };
    text(calls, |call| (call.who != Who::Nobody).then(|| text_of(call)))
}

/// The identity as a map of its fields.
fn identity_map(calls: &[Call]) -> ArrayRef {
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for call in calls {
        for (name, text) in [
            ("type", call.kind(ALIBABA)),
            ("accountId", call.account()),
            ("principalId", call.principal()),
            ("userName", call.user_name()),
            ("accessKeyId", call.access_key()),
        ] {
            map.keys().append_value(name);
            map.values().append_option(text);
        }
        map.append(call.who != Who::Nobody).unwrap();
    }
    Arc::new(map.finish())
}

fn with_identity(calls: &[Call], identity: ArrayRef) -> Columns {
    let mut columns = action_trail_top(calls);
    columns.push(column("userIdentity", identity));
    columns
}

type Counted = (Vec<Entity>, Pairs);

fn counted_at(name: &str, rows: &RecordBatch, properties: WriterProperties) -> Counted {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    write_parquet(&events.join(name), rows, properties);
    counted_in(folder.path(), &events)
}

fn counted_in(folder: &Path, events: &Path) -> Counted {
    let state = folder.join("state");
    roll_up(events, &state, &[]);
    read_day(&state, day(1, 5))
}

fn counted(rows: &RecordBatch, properties: WriterProperties) -> Counted {
    counted_at("date=2026-01-05/part.parquet", rows, properties)
}

fn reference() -> Counted {
    counted(&table(canonical(&calls())), WriterProperties::default())
}

fn family(counted: &Counted, name: &str) -> Vec<Entity> {
    counted.0.iter().filter(|entity| entity.family == name).cloned().collect()
}

#[test]
fn the_canonical_columns_are_counted_as_they_were_made() {
    let (calls, counted) = (calls(), reference());
    let total = |entities: &[Entity]| -> usize {
        entities.iter().flat_map(|entity| &entity.hours).map(|hour| hour.calls as usize).sum()
    };
    let number = |wanted: &dyn Fn(&Call) -> bool| calls.iter().filter(|call| wanted(call)).count();
    assert_eq!(total(&family(&counted, "api")), calls.len());
    assert_eq!(total(&family(&counted, "api_error")), number(&|call| call.error.is_some()));
    assert_eq!(total(&family(&counted, "source_ip")), number(&|call| !call.is_from_host()));
    assert_eq!(total(&family(&counted, "access_key")), number(&|call| call.who == Who::User));
    assert_eq!(total(&family(&counted, "principal")), number(&|call| call.who != Who::Nobody));
    assert_eq!(total(&family(&counted, "change")), number(&|call| matches!(call.service, "iam" | "cloudtrail")));
    let kinds: Vec<String> = family(&counted, "principal").into_iter().map(|entity| entity.key[1].clone()).collect();
    let mut distinct = kinds.clone();
    distinct.dedup();
    assert_eq!(distinct, ["role", "root", "service", "user"]);
    assert_eq!(kinds.len(), 3 + 1 + 1 + 4, "sessions are no principals");
}

#[test]
fn every_dialect_gives_the_same() {
    let (calls, expected) = (calls(), reference());
    let dialects: [(&str, Columns); 9] = [
        ("nested ActionTrail", action_trail_nested(&calls)),
        ("flattened ActionTrail", action_trail_flattened(&calls)),
        ("enveloped ActionTrail", action_trail_enveloped(&calls)),
        ("flattened ActionTrail in lower case", lower_case(action_trail_flattened(&calls))),
        ("identity as text", with_identity(&calls, identity_text(&calls))),
        ("identity as map", with_identity(&calls, identity_map(&calls))),
        ("CloudTrail", cloud_trail(&calls)),
        ("OCSF", ocsf(&calls)),
        ("canonical, columns in another order", canonical(&calls).into_iter().rev().collect()),
    ];
    for (name, columns) in dialects {
        assert_eq!(counted(&table(columns), WriterProperties::default()), expected, "{name}");
    }
}

/// The events of a table as `query` prints them, by id.
fn asked(columns: Columns) -> Vec<serde_json::Value> {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    write_parquet(&dated(&events, day(1, 5)).join("a.parquet"), &table(columns), WriterProperties::default());
    let asked = ["query", events.to_str().unwrap(), "--format", "json", "--limit", "1000", "--columns"];
    let wanted = "event_id,cloud,event_rw,mfa_authenticated,user_identity,request_parameters,other_fields";
    let printed = insights(asked.iter().chain([&wanted])).expect_code(0).stdout;
    let mut rows: Vec<serde_json::Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    rows.sort_by_key(|row| row["event_id"].to_string());
    rows
}

/// A field that holds JSON, whether it is printed as such or as text.
fn inner(row: &serde_json::Value, field: &str) -> serde_json::Value {
    row[field].as_str().map_or_else(|| row[field].clone(), |text| serde_json::from_str(text).unwrap())
}

fn with_parameters(calls: &[Call], parameters: ArrayRef, fold: bool) -> Columns {
    let session = vec![column(
        "attributes",
        structure(vec![column("mfaAuthenticated", text(calls, |_| Some("true".to_owned())))], None),
    )];
    let mut own = identity(calls, AMAZON);
    own.push(column("arn", text(calls, |call| Some(format!("arn:aws:iam::1:user/{}", call.number)))));
    own.push(column("sessionContext", structure(session, None)));
    let mut columns = cloud_trail(calls);
    let own = if fold { lower_case(own) } else { own };
    columns[1] = column("userIdentity", structure(own, None));
    columns.extend([
        column("readOnly", text(calls, |call| Some(call.name.starts_with("Describe").to_string()))),
        column("tlsDetails", text(calls, |_| Some(r#"{"tlsVersion":"TLSv1.3"}"#.to_owned()))),
        column("requestParameters", parameters),
    ]);
    if fold { lower_case(columns) } else { columns }
}

#[test]
fn nested_fields_are_the_json_that_they_were() {
    let calls = &calls()[..20];
    let structure = structure(
        vec![
            column("PolicyName", text(calls, |call| Some(format!("p{}", call.number)))),
            column("UserName", text(calls, |_| Some("alice".to_owned()))),
        ],
        None,
    );
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for call in calls {
        map.keys().append_value("PolicyName");
        map.values().append_value(format!("p{}", call.number));
        map.keys().append_value("UserName");
        map.values().append_value("alice");
        map.append(true).unwrap();
    }
    let map: ArrayRef = Arc::new(map.finish());
    for (parameters, fold) in [(structure.clone(), false), (map.clone(), false), (map, true)] {
        let rows = asked(with_parameters(calls, parameters, fold));
        assert_eq!(rows.len(), calls.len());
        for (call, row) in calls.iter().zip(&rows) {
            let names = ["cloud", "event_rw", "mfa_authenticated"].map(|name| row[name].to_string().replace('"', ""));
            let access = if call.name.starts_with("Describe") { "Read" } else { "Write" };
            assert_eq!(names, ["aws", access, "true"], "{row}");
            let identity = inner(row, "user_identity");
            assert_eq!(identity["arn"], format!("arn:aws:iam::1:user/{}", call.number), "{row}");
            assert_eq!(identity["sessionContext"]["attributes"]["mfaAuthenticated"], "true", "{row}");
            assert_eq!(identity["principalId"].as_str().map(str::to_owned), call.principal(), "{row}");
            assert_eq!(inner(row, "request_parameters")["UserName"], "alice", "{row}");
            assert_eq!(inner(row, "request_parameters")["PolicyName"], format!("p{}", call.number), "{row}");
            let others = inner(row, "other_fields");
            assert_eq!(others["eventVersion"], "1.11", "{row}");
            assert_eq!(others["tlsDetails"]["tlsVersion"], "TLSv1.3", "{row}");
        }
    }
}

#[test]
fn the_provider_or_the_service_tells_the_cloud() {
    let calls = &calls()[..20];
    let mut provided = ocsf(calls);
    let Some((_, cloud)) = provided.last_mut() else { panic!("a column is needed") };
    let aws = column("provider", text(calls, |_| Some("AWS".to_owned())));
    let mut fields: Columns = cloud
        .as_struct()
        .column_names()
        .into_iter()
        .map(str::to_owned)
        .zip(cloud.as_struct().columns().to_vec())
        .collect();
    fields.push(aws);
    *cloud = structure(fields, None);
    let mut canonical = canonical(calls);
    canonical
        .push(column("event_source", text(calls, |call| Some(format!("{}.cn-hangzhou.aliyuncs.com", call.service)))));
    for (columns, expected) in [(provided, "aws"), (ocsf(calls), "aws"), (canonical, "alibaba")] {
        assert!(asked(columns).iter().all(|row| row["cloud"] == expected), "{expected}");
    }
}

#[test]
fn dialects_may_stand_side_by_side() {
    let (calls, expected) = (calls(), reference());
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    let (first, rest) = calls.split_at(100);
    let (second, third) = rest.split_at(100);
    for (name, columns) in [("a", cloud_trail(first)), ("b", ocsf(second)), ("c", action_trail_nested(third))] {
        let path = dated(&events, day(1, 5)).join(format!("{name}.parquet"));
        write_parquet(&path, &table(columns), WriterProperties::default());
    }
    assert_eq!(counted_in(folder.path(), &events), expected);
}

#[test]
fn every_layout_of_folders_gives_the_same() {
    let (rows, expected) = (table(canonical(&calls())), reference());
    for name in [
        "year=2026/month=01/day=05/x.parquet",
        "region=eu/eventDay=20260105/hour=03/x.parquet",
        "dt=2026-01-05/x.PARQUET",
        "2026/01/05/x.parquet",
        "x.parquet",
    ] {
        assert_eq!(counted_at(name, &rows, WriterProperties::default()), expected, "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alone.parquet");
    write_parquet(&file, &rows, WriterProperties::default());
    assert_eq!(counted_in(folder.path(), &file), expected);
}

fn codecs() -> Vec<Compression> {
    vec![
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::BROTLI(BrotliLevel::default()),
    ]
}

#[test]
fn every_codec_gives_the_same() {
    let (rows, expected) = (table(canonical(&calls())), reference());
    for codec in codecs() {
        let properties = WriterProperties::builder().set_compression(codec).build();
        assert_eq!(counted(&rows, properties), expected, "{codec:?}");
    }
}

#[test]
fn every_encoding_gives_the_same() {
    let expected = reference();
    let plain = || WriterProperties::builder().set_dictionary_enabled(false);
    let ways: [(&str, WriterProperties); 7] = [
        ("plain", plain().build()),
        ("delta lengths", plain().set_encoding(Encoding::PLAIN).set_writer_version(WriterVersion::PARQUET_2_0).build()),
        ("no statistics", WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None).build()),
        ("statistics cut short", WriterProperties::builder().set_statistics_truncate_length(Some(1)).build()),
        ("second version", WriterProperties::builder().set_writer_version(WriterVersion::PARQUET_2_0).build()),
        (
            "dictionaries that overflow",
            WriterProperties::builder().set_dictionary_page_size_limit(16).set_write_batch_size(8).build(),
        ),
        (
            "small pages and row groups",
            WriterProperties::builder()
                .set_data_page_row_count_limit(7)
                .set_write_batch_size(7)
                .set_max_row_group_row_count(Some(23))
                .build(),
        ),
    ];
    for (name, properties) in ways {
        for columns in [canonical(&calls()), cloud_trail(&calls())] {
            assert_eq!(counted(&table(columns), properties.clone()), expected, "{name}");
        }
    }
}

/// The same columns with every text of another type, structs included.
fn retyped(columns: Columns, data_type: &DataType) -> Columns {
    let one = |array: &ArrayRef| match array.data_type() {
        DataType::Utf8 => cast(array, data_type).unwrap(),
        _ => array.clone(),
    };
    columns.into_iter().map(|(name, array)| (name, one(&array))).collect()
}

fn assert_same_as_text(data_types: &[DataType]) {
    let expected = reference();
    for data_type in data_types {
        for columns in [canonical(&calls()), action_trail_flattened(&calls())] {
            let rows = table(retyped(columns, data_type));
            assert_eq!(counted(&rows, WriterProperties::default()), expected, "{data_type}");
        }
    }
}

#[test]
fn every_type_of_text_gives_the_same() {
    let dictionary = |key: DataType| DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8));
    let dictionaries = [DataType::Int32, DataType::UInt16].map(dictionary);
    assert_same_as_text(&[[DataType::LargeUtf8, DataType::Utf8View].as_slice(), &dictionaries].concat());
}

#[test]
fn texts_that_are_not_annotated_as_text_give_the_same() {
    assert_same_as_text(&[DataType::Binary, DataType::LargeBinary, DataType::BinaryView]);
}

fn with_time(times: ArrayRef) -> RecordBatch {
    let mut columns = canonical(&calls());
    columns[1] = column("event_time", times);
    table(columns)
}

#[test]
fn every_type_of_time_gives_the_same() {
    let (calls, expected) = (calls(), reference());
    let seconds: ArrayRef = Arc::new(TimestampSecondArray::from_iter_values(calls.iter().map(|call| call.time / 1000)));
    for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
        for zone in [None, Some("UTC"), Some("+00:00"), Some("Asia/Shanghai"), Some("-05:00")] {
            let naive = cast(&seconds, &DataType::Timestamp(unit, None)).unwrap();
            let numbers = cast(&naive, &DataType::Int64).unwrap();
            let times = cast(&numbers, &DataType::Timestamp(unit, zone.map(Into::into))).unwrap();
            let rows = with_time(times);
            assert_eq!(counted(&rows, WriterProperties::default()), expected, "{unit:?} {zone:?}");
        }
    }
}

#[test]
fn times_may_be_numbers_or_text() {
    let (calls, expected) = (calls(), reference());
    let moment = |call: &Call| DateTime::from_timestamp_millis(call.time).unwrap();
    let east = chrono::FixedOffset::east_opt(8 * 3600).unwrap();
    let forms: [(&str, ArrayRef); 7] = [
        ("numbers, seconds", Arc::new(calls.iter().map(|call| Some(call.time / 1000)).collect::<Int64Array>())),
        ("numbers, microseconds", Arc::new(calls.iter().map(|call| Some(call.time * 1000)).collect::<Int64Array>())),
        ("RFC 3339", text(&calls, |call| Some(written_time(call)))),
        ("with fractions", text(&calls, |call| Some(moment(call).to_rfc3339_opts(SecondsFormat::Micros, false)))),
        ("with an offset", text(&calls, |call| Some(moment(call).with_timezone(&east).to_rfc3339()))),
        ("with a blank", text(&calls, |call| Some(moment(call).format("%Y-%m-%d %H:%M:%S").to_string()))),
        ("quoted", text(&calls, |call| Some(format!("\"{}\"", written_time(call))))),
    ];
    for (name, times) in forms {
        assert_eq!(counted(&with_time(times), WriterProperties::default()), expected, "{name}");
    }
}

#[test]
fn what_is_not_there_is_not_counted_and_the_rest_is() {
    let (calls, expected) = (calls(), reference());
    let needed = ["event_time", "event_name", "service_name", "recipient_account_id"];
    let few: Columns = canonical(&calls).into_iter().filter(|(name, _)| needed.contains(&name.as_str())).collect();
    let found = counted(&table(few), WriterProperties::default());
    let calls_only = |entity: Entity| {
        let hours: Vec<_> = entity.hours.iter().map(|hour| (hour.hour, hour.calls, hour.peak)).collect();
        (entity.key, hours)
    };
    let apis = |counted: &Counted| family(counted, "api").into_iter().map(calls_only).collect::<Vec<_>>();
    assert_eq!(apis(&found), apis(&expected));
    for nothing in ["api_error", "source_ip", "access_key", "principal"] {
        assert_eq!(family(&found, nothing), []);
    }
}

#[test]
fn columns_of_ones_own_are_named_in_the_settings() {
    let expected = reference();
    let names = ["when", "what", "svc"];
    let mut columns = canonical(&calls());
    for (place, name) in [1, 2, 3].into_iter().zip(names) {
        columns[place].0 = name.to_owned();
    }
    let folder = tempfile::tempdir().unwrap();
    let (events, state) = (folder.path().join("events"), folder.path().join("state"));
    write_parquet(&dated(&events, day(1, 5)).join("x.parquet"), &table(columns), WriterProperties::default());
    let settings = folder.path().join("own.toml");
    fs::write(&settings, "[columns]\nevent_time = 'when'\nevent_name = 'What'\nservice_name = 'svc'\n").unwrap();
    roll_up(&events, &state, &["--settings", settings.to_str().unwrap()]);
    assert_eq!(read_day(&state, day(1, 5)), expected);
}
