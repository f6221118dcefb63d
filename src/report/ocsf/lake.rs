//! Findings as nested Parquet, laid out as Amazon Security Lake wants a custom source.
//!
//! Below the folder stand `accountId=A/eventDay=YYYYMMDD/findings.parquet`, one class in a file, ordered by `time`, which is of that day, zstd. The lake's
//! own prefix and region come before that, so the folder is copied below `ext/SOURCE/region=REGION/`. Accounts of other
//! clouds are `external_ACCOUNT`, as the lake's rules have it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::insight::vendor::Maker;
use crate::insight::{Cloud, Insight};
use crate::report::ocsf::{finding, nested, time};
use crate::storage::{AtomicFile, compact, entries, remove};

/// Writes a file for every account and day, and removes the files of accounts that have no finding any more.
pub(in crate::report) fn write(folder: &Path, insights: &[Insight], maker: Maker<'_>) -> Result<()> {
    let mut parts: BTreeMap<String, Vec<&Insight>> = BTreeMap::new();
    for insight in insights {
        let part = format!("accountId={}/eventDay={}", account(insight), insight.date.format("%Y%m%d"));
        parts.entry(part).or_default().push(insight);
    }
    std::fs::create_dir_all(folder).map_err(Error::folder(folder))?;
    let kept: BTreeSet<PathBuf> = parts.keys().filter_map(|part| Some(folder.join(part.split('/').next()?))).collect();
    for (part, mut insights) in parts {
        insights.sort_by_key(|insight| (time(insight), insight.id));
        let findings: Vec<Value> = insights.into_iter().map(|insight| finding(insight, maker)).collect();
        write_file(&folder.join(part).join("findings.parquet"), &findings)?;
    }
    entries(folder)?.iter().filter(|entry| !kept.contains(*entry)).try_for_each(|entry| remove(entry))
}

/// The account as a part of a path; nothing that an event may hold can leave its folder.
fn account(insight: &Insight) -> String {
    let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
    let account: String = insight.account.chars().take(64).map(plain).collect();
    match Cloud::of(insight) {
        Cloud::Aws if !account.is_empty() => account,
        _ if account.is_empty() => "external".to_owned(),
        _ => format!("external_{account}"),
    }
}

fn write_file(path: &Path, findings: &[Value]) -> Result<()> {
    let internal = |error: arrow::error::ArrowError| Error::Internal(error.to_string());
    let rows = nested::rows(&SCHEMA, findings).map_err(internal)?;
    let file = AtomicFile::create(path)?;
    let mut writer =
        ArrowWriter::try_new(file.handle()?, SCHEMA.clone(), Some(compact().build())).map_err(Error::parquet(path))?;
    writer.write(&rows).map_err(Error::parquet(path))?;
    writer.close().map_err(Error::parquet(path))?;
    file.commit()
}

fn object(fields: Vec<Field>) -> DataType {
    DataType::Struct(Fields::from(fields))
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("element", item, true)))
}

fn fields(data_type: &DataType, names: &[&str]) -> Vec<Field> {
    names.iter().map(|name| Field::new(*name, data_type.clone(), true)).collect()
}

fn texts(names: &[&str]) -> Vec<Field> {
    fields(&DataType::Utf8, names)
}

fn longs(names: &[&str]) -> Vec<Field> {
    fields(&DataType::Int64, names)
}

fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

/// The columns of a finding: everything that [`finding`] writes.
static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let mut columns = fields(
        &DataType::Int32,
        &["activity_id", "category_uid", "class_uid", "severity_id", "status_id", "timezone_offset", "risk_score"],
    );
    columns.extend(longs(&["type_uid", "time", "start_time", "end_time", "duration", "count"]));
    columns.extend(texts(&[
        "activity_name",
        "category_name",
        "class_name",
        "type_name",
        "severity",
        "status",
        "message",
    ]));
    columns.push(field("is_alert", DataType::Boolean));
    columns.push(field("metadata", metadata()));
    columns.push(field("cloud", cloud()));
    columns.push(field("finding_info", information()));
    columns.push(field("resources", list(object(texts(&["uid", "name", "type"])))));
    columns.push(field("evidences", list(evidence())));
    columns.push(field("observables", list(observable())));
    columns.push(field("anomaly_analyses", list(anomaly_analysis())));
    columns.push(field("remediation", object(texts(&["desc"]))));
    columns.push(field("unmapped", unmapped()));
    Arc::new(Schema::new(columns))
});

fn metadata() -> DataType {
    let mut fields = texts(&["version", "uid", "event_code"]);
    fields.push(field("profiles", list(DataType::Utf8)));
    fields.push(field("product", object(texts(&["name", "vendor_name", "uid", "version"]))));
    object(fields)
}

fn cloud() -> DataType {
    let mut fields = texts(&["provider", "region"]);
    fields.push(field("account", object(texts(&["uid"]))));
    object(fields)
}

fn information() -> DataType {
    let named = || object(texts(&["uid", "name"]));
    let mut fields = texts(&["uid", "title", "desc"]);
    fields.push(field("types", list(DataType::Utf8)));
    fields.extend(longs(&["created_time", "first_seen_time", "last_seen_time", "related_events_count"]));
    let mut analytic = texts(&["type", "name", "uid", "version", "algorithm"]);
    analytic.push(field("type_id", DataType::Int32));
    fields.push(field("analytic", object(analytic)));
    let mut attack = texts(&["version"]);
    attack.extend([field("tactic", named()), field("technique", named())]);
    fields.push(field("attacks", list(object(attack))));
    fields.push(field("related_events", list(object(texts(&["uid"])))));
    object(fields)
}

fn evidence() -> DataType {
    let mut user = texts(&["uid", "name", "type", "credential_uid"]);
    user.push(field("account", object(texts(&["uid"]))));
    let user = object(user);
    let system = object(vec![field("number", DataType::Int64), field("name", DataType::Utf8)]);
    let mut endpoint = texts(&["ip", "svc_name"]);
    endpoint.extend([field("location", object(texts(&["country"]))), field("autonomous_system", system)]);
    let mut api = texts(&["operation"]);
    api.push(field("service", object(texts(&["name"]))));
    object(vec![
        field("api", object(api)),
        field("actor", object(vec![field("user", user)])),
        field("src_endpoint", object(endpoint)),
        field("http_request", object(texts(&["user_agent"]))),
        // Free-form JSON is text in the lake.
        field("data", DataType::Utf8),
    ])
}

fn observable() -> DataType {
    let mut fields = texts(&["name", "type", "value"]);
    fields.push(field("type_id", DataType::Int32));
    object(fields)
}

fn anomaly_analysis() -> DataType {
    let timespan = object(longs(&["start_time", "end_time", "duration_days"]));
    let mut observation = texts(&["value"]);
    observation.extend([field("count", DataType::Int64), field("timespan", timespan)]);
    let mut observed = texts(&["observation_parameter", "observation_type", "observed_pattern"]);
    observed.push(field("observations", list(object(observation))));
    let observed = object(observed);
    object(vec![
        field("analysis_targets", list(object(texts(&["name", "type"])))),
        field("anomalies", list(observed.clone())),
        field("baselines", list(observed)),
    ])
}

fn unmapped() -> DataType {
    let mut fields = fields(
        &DataType::Float64,
        &["score", "p_value", "log10_p_value", "q_value", "average_per_minute", "baseline_average_per_minute"],
    );
    fields.extend(texts(&[
        "direction",
        "family",
        "entity",
        "judged_by",
        "reason",
        "next_query",
        "incident",
        "settings",
    ]));
    fields.push(field("concerns", list(DataType::Utf8)));
    fields.extend([field("ended", DataType::Boolean), field("continued", DataType::Boolean)]);
    fields.push(field("errors", DataType::Int64));
    object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::example::rate;
    use crate::place::Place;

    /// Every path of an object or a list that ends in a value.
    fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            // Free-form JSON is one value.
            Value::Object(_) if path == ".evidences.data" => found.push(path.to_owned()),
            Value::Object(fields) => {
                fields.iter().for_each(|(name, field)| paths(field, &format!("{path}.{name}"), found));
            }
            Value::Array(items) => items.iter().for_each(|item| paths(item, path, found)),
            _ => found.push(path.to_owned()),
        }
    }

    fn columns(data_type: &DataType, path: &str, found: &mut Vec<String>) {
        match data_type {
            DataType::Struct(fields) => {
                fields.iter().for_each(|field| columns(field.data_type(), &format!("{path}.{}", field.name()), found));
            }
            DataType::List(item) => columns(item.data_type(), path, found),
            _ => found.push(path.to_owned()),
        }
    }

    #[test]
    fn every_field_of_a_finding_has_its_column() {
        let place = Place {
            address: "203.0.113.77".into(),
            country: Some("DE".into()),
            network_owner: Some("Example Net".into()),
            network_number: Some(65_000),
        };
        let mut written = Vec::new();
        paths(&finding(&Insight { places: vec![place], ..rate() }, Maker { settings: "0" }), "", &mut written);
        let mut known = Vec::new();
        columns(&DataType::Struct(SCHEMA.fields().clone()), "", &mut known);
        for path in written {
            assert!(known.contains(&path), "no column for {path}");
        }
    }

    #[test]
    fn an_account_cannot_leave_its_folder() {
        for (text, folder) in [
            ("123456789012", "123456789012"),
            ("1599000000000001", "external_1599000000000001"),
            ("../../etc", "external_______etc"),
            ("", "external"),
        ] {
            assert_eq!(account(&Insight { account: text.into(), ..rate() }), folder);
        }
    }
}
