//! Importing CloudTrail: 40 gzip files of `{"Records": [...]}` with 500 events each, every event once, of two days.
//!
//! CloudTrail delivers many small compressed files, so opening, decompressing and parsing decide, and so does merging: each file
//! covers a stretch of time that overlaps its neighbours', as deliveries from several regions do. Records have the usual twenty
//! fields, a role session as identity, and parameters of a few hundred bytes; one in twenty failed.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use criterion::{BatchSize, Criterion, Throughput};
use flate2::Compression;
use flate2::write::GzEncoder;
use insights::import::{ImportOptions, ImportProgress, ImportReport, Limits, import};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The allocator of the program, so that what is measured is what runs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FILES: u64 = 40;
const EVENTS_PER_FILE: u64 = 500;
/// 2026-01-05T00:00:00Z.
const FIRST_SECOND: u64 = 1_767_571_200;
const SECONDS: u64 = 2 * 86_400;
const APIS: [(&str, &str, bool); 6] = [
    ("s3.amazonaws.com", "GetObject", true),
    ("ec2.amazonaws.com", "DescribeInstances", true),
    ("kms.amazonaws.com", "Decrypt", true),
    ("sts.amazonaws.com", "AssumeRole", true),
    ("lambda.amazonaws.com", "UpdateFunctionCode20150331v2", false),
    ("ec2.amazonaws.com", "CreateTags", false),
];
const REGIONS: [&str; 3] = ["eu-central-1", "us-east-1", "ap-southeast-1"];

fn main() -> Result<(), Box<dyn Error>> {
    let logs = tempfile::tempdir()?;
    write_logs(logs.path())?;
    let events = FILES * EVENTS_PER_FILE;
    let first = import_into(logs.path(), &tempfile::tempdir()?)?;
    assert!(first.added == events && first.problems.is_empty(), "not everything was imported: {first:?}");

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("import");
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    group.throughput(Throughput::Elements(events)).bench_function("cloudtrail", |bencher| {
        bencher.iter_batched_ref(
            tempfile::tempdir,
            |out| out.as_ref().map(|out| import_into(logs.path(), out)).map_err(ToString::to_string),
            BatchSize::PerIteration,
        );
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}

fn import_into(logs: &Path, out: &TempDir) -> insights::Result<ImportReport> {
    let options =
        ImportOptions { logs: vec![logs.to_path_buf()], out: out.path().to_path_buf(), limits: Limits::default() };
    import(&options, &Silent)
}

struct Silent;

impl ImportProgress for Silent {
    fn begin(&self, _bytes: u64) {}

    fn advance(&self, _bytes: u64, _events: u64) {}
}

/// Writes the log files.
fn write_logs(folder: &Path) -> Result<(), Box<dyn Error>> {
    for number in 0..FILES {
        let records: Vec<Value> = (0..EVENTS_PER_FILE)
            .map(|place| record(number, place))
            .collect::<Option<_>>()
            .ok_or("a time is no time")?;
        let path = folder.join(format!("123456789012_CloudTrail_{number:04}.json.gz"));
        let mut file = GzEncoder::new(File::create(&path)?, Compression::default());
        serde_json::to_writer(&mut file, &json!({ "Records": records }))?;
        file.finish()?;
    }
    Ok(())
}

/// An event of a file; files begin evenly spread over the days and reach into the three that follow.
fn record(file: u64, place: u64) -> Option<Value> {
    let number = file * EVENTS_PER_FILE + place;
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let second = (file * SECONDS / FILES + place * 4 * SECONDS / FILES / EVENTS_PER_FILE) % SECONDS;
    let time = DateTime::from_timestamp((FIRST_SECOND + second) as i64, 0)?.to_rfc3339_opts(SecondsFormat::Secs, true);
    let (source, name, read_only) = APIS[(mixed % APIS.len() as u64) as usize];
    let region = REGIONS[(mixed / 7 % REGIONS.len() as u64) as usize];
    let role = format!("worker-{}", mixed / 11 % 40);
    let session = format!("i-{:017x}", mixed / 13 % 400);
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": format!("AROAEXAMPLE{role}:{session}"),
            "arn": format!("arn:aws:sts::123456789012:assumed-role/{role}/{session}"),
            "accountId": "123456789012",
            "accessKeyId": format!("ASIA{:016X}", mixed / 13 % 400),
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": format!("AROAEXAMPLE{role}"),
                    "arn": format!("arn:aws:iam::123456789012:role/{role}"),
                    "accountId": "123456789012",
                    "userName": role,
                },
                "attributes": { "creationDate": time, "mfaAuthenticated": "false" },
            },
        },
        "eventTime": time,
        "eventSource": source,
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": format!("10.{}.{}.{}", mixed / 17 % 4, mixed / 19 % 8, mixed / 23 % 250),
        "userAgent": "aws-sdk-java/2.29.1 Linux/6.1 OpenJDK_64-Bit_Server_VM/21.0.5 cfg/retry-mode/standard",
        "requestParameters": {
            "bucketName": format!("data-{}", mixed / 29 % 30),
            "key": format!("tables/orders/day={}/part-{mixed:012x}.parquet", mixed % 31),
            "Host": format!("data-{}.s3.{region}.amazonaws.com", mixed / 29 % 30),
        },
        "responseElements": null,
        "additionalEventData": { "CipherSuite": "TLS_AES_128_GCM_SHA256", "bytesTransferredOut": mixed % 100_000 },
        "requestID": format!("{number:08x}-5e1f-4b7c-9a3d-{mixed:012x}"),
        "eventID": format!("{number:08x}-0c6e-4d9b-8f25-{mixed:012x}"),
        "readOnly": read_only,
        "resources": [{ "accountId": "123456789012", "type": "AWS::S3::Bucket" }],
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management",
        "tlsDetails": { "tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256" },
    });
    if mixed.is_multiple_of(20) {
        record["errorCode"] = json!("AccessDenied");
        record["errorMessage"] = json!(format!("User: {session} is not authorized to perform: {name}"));
    }
    Some(record)
}
