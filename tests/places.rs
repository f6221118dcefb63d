//! Country and network owner of addresses, in whatever tells of one: with a database in the settings, without, with a damaged one, and
//! with one whose texts are an attacker's.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;
mod json_schema;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use common::places::{PLACE, SHOWN, damaged, database, made_at};
use common::{Outcome, assert_same_files, dated, day, files_below, insights, read_parquet, texts, write_parquet};
use parquet::file::properties::WriterProperties;
use serde_json::Value;

const NIGHT: &str = "2026-01-29";
const ALL: &str = "actiontrail,cloudtrail,ocsf,security-lake,parquet,csv";
/// Files of a night with their schemas.
const JSON_LINES: [(&str, &str); 5] = [
    ("insights/insights.jsonl", "actiontrail-insight"),
    ("insights/insights.cloudtrail.jsonl", "cloudtrail-insight"),
    ("insights/insights.ocsf.jsonl", "ocsf-detection-finding"),
    ("alerts/alerts.jsonl", "alert"),
    ("alerts/alerts.ocsf.jsonl", "ocsf-alert-finding"),
];
/// What whoever writes a database may call a country and a network.
const HOSTILE: [(&str, &str); 2] = [
    ("country_code", "=1+1"),
    ("as_name", "=cmd|' /C calc'!A0<script>alert(1)</script>\u{1b}[31m\u{202e}\n| [x](http://evil)"),
];

fn sample() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample").to_str().unwrap().to_owned()
}

/// A folder with databases by their names; each as a setting.
struct Databases(tempfile::TempDir);

impl Databases {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
        write("good", database(&PLACE));
        write("fresh", made_at(&PLACE, u32::MAX));
        write("hostile", made_at(&HOSTILE, u32::MAX));
        write("damaged", damaged(&PLACE));
        write("other", database(&[("connection_type", "Corporate")]));
        write("junk", b"junk".to_vec());
        write("named", made_at(&[("country_code", "Germany"), ("as_name", "Example Net")], u32::MAX));
        Self(folder)
    }

    fn setting(&self, names: &[&str]) -> String {
        let path = |name: &&str| self.0.path().join(name).to_str().unwrap().to_owned();
        format!("geoip.files={}", names.iter().map(path).collect::<Vec<_>>().join(","))
    }
}

fn databases() -> &'static Databases {
    static DATABASES: OnceLock<Databases> = OnceLock::new();
    DATABASES.get_or_init(Databases::new)
}

/// The program with some databases.
fn with(names: &[&str], arguments: &[&str]) -> Outcome {
    let setting = databases().setting(names);
    let more: &[&str] = if names.is_empty() { &[] } else { &["--set", &setting] };
    insights(arguments.iter().chain(more))
}

/// A judged night, and what its run said.
struct Night {
    state: PathBuf,
    said: Outcome,
}

impl Night {
    fn judge(names: &[&str]) -> Self {
        let state = tempfile::tempdir().unwrap().keep().join("state");
        let arguments = ["run", &sample(), "--state", state.to_str().unwrap(), "--date", NIGHT, "--outputs", ALL];
        let said = with(names, &arguments);
        Self { state, said }
    }

    fn file(&self, name: &str) -> PathBuf {
        let (kind, file) = name.split_once('/').unwrap();
        dated(&self.state.join(kind), day(1, 29)).join(file)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        self.text(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn page(&self) -> String {
        fs::read_to_string(self.state.join(format!("reports/{NIGHT}.html"))).unwrap()
    }

    fn digest(&self) -> String {
        fs::read_to_string(self.state.join(format!("reports/{NIGHT}.md"))).unwrap()
    }
}

fn placed() -> &'static Night {
    static NIGHT: OnceLock<Night> = OnceLock::new();
    NIGHT.get_or_init(|| Night::judge(&["good"]))
}

fn bare() -> &'static Night {
    static NIGHT: OnceLock<Night> = OnceLock::new();
    NIGHT.get_or_init(|| Night::judge(&[]))
}

fn hostile() -> &'static Night {
    static NIGHT: OnceLock<Night> = OnceLock::new();
    NIGHT.get_or_init(|| Night::judge(&["hostile"]))
}

fn text<'value>(value: &'value Value, pointer: &str) -> &'value str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer} of {value}"))
}

fn is_address(text: &str) -> bool {
    text.parse::<std::net::Ipv4Addr>().is_ok()
}

/// All texts of a column whose items may be nested.
fn nested_texts(array: &dyn Array, found: &mut Vec<String>) {
    if let Some(list) = array.as_list_opt::<i32>() {
        nested_texts(list.values(), found);
    } else if let Some(object) = array.as_struct_opt() {
        object.columns().iter().for_each(|column| nested_texts(column, found));
    } else if let Some(texts) = array.as_string_opt::<i32>() {
        found.extend(texts.iter().flatten().map(str::to_owned));
    }
}

#[test]
fn every_form_of_insights_and_alerts_has_places_and_is_as_its_schema_says() {
    for night in [placed(), bare(), hostile()] {
        for (file, schema) in JSON_LINES {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("data/schema/{schema}.schema.json"));
            let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            for line in night.lines(file) {
                assert_eq!(json_schema::errors(&schema, &line), Vec::<String>::new(), "{file}");
            }
        }
    }
    for (file, _) in JSON_LINES {
        let told = placed().text(file);
        assert!(told.contains("Example Net") && told.contains("\"DE\"") && told.contains("65000"), "{file}");
        let not_told = bare().text(file);
        assert!(!not_told.contains("places") && !not_told.contains("location"), "{file}");
    }
    let folder = placed().file("insights/security-lake");
    let lake = files_below(&folder).into_keys().next().unwrap();
    let mut found = Vec::new();
    nested_texts(read_parquet(&folder.join(lake)).column_by_name("evidences").unwrap(), &mut found);
    assert!(found.iter().any(|text| text == "Example Net"));
}

#[test]
fn tables_have_the_place_of_the_address_that_they_name_and_the_same_columns_without_a_database() {
    for (file, column) in [("insights/insights.parquet", "top_source_ip"), ("alerts/alerts.parquet", "source_ips")] {
        let [placed, bare] = [placed(), bare()].map(|night| read_parquet(&night.file(file)));
        assert_eq!(placed.schema(), bare.schema(), "{file}");
        let addresses = texts(&placed, column).into_iter().map(Option::unwrap_or_default);
        let is_placed: Vec<bool> = addresses.map(|text| text.split(' ').next().is_some_and(is_address)).collect();
        assert!(is_placed.contains(&true), "{file}");
        for (name, known) in [("country", "DE"), ("network_owner", "Example Net")] {
            let told = texts(&placed, name);
            for (row, _) in is_placed.iter().enumerate().filter(|(_, is_placed)| **is_placed) {
                assert_eq!(told[row].as_deref(), Some(known), "{file}, row {row}");
            }
            assert!(texts(&bare, name).iter().all(|told| told.as_deref() == Some("")), "{file}");
        }
        let numbers = |rows: &RecordBatch| -> Vec<Option<i64>> {
            rows.column_by_name("network_number").unwrap().as_primitive::<Int64Type>().iter().collect()
        };
        let told = numbers(&placed);
        for (row, _) in is_placed.iter().enumerate().filter(|(_, is_placed)| **is_placed) {
            assert_eq!(told[row], Some(65_000), "{file}, row {row}");
        }
        assert!(numbers(&bare).iter().all(Option::is_none), "{file}");
    }
    let sheet = placed().text("insights/insights.csv");
    assert!(sheet.contains(&format!("121.17.102.68 ({SHOWN})")) && sheet.contains(",DE,Example Net,65000,"), "{sheet}");
}

#[test]
fn a_night_that_an_earlier_version_judged_is_asked_along_with_the_others() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, file) in [("insights", "insights.parquet"), ("alerts", "alerts.parquet")] {
        let rows = read_parquet(&placed().file(&format!("{kind}/{file}")));
        let places = ["country", "network_owner", "network_number"];
        let kept =
            rows.schema_ref().fields().iter().enumerate().filter(|(_, field)| !places.contains(&field.name().as_str()));
        let old = rows.project(&kept.map(|(column, _)| column).collect::<Vec<_>>()).unwrap();
        for (date, rows) in [(day(1, 28), &old), (day(1, 29), &rows)] {
            let path = dated(&folder.path().join(kind), date).join(file);
            write_parquet(&path, rows, WriterProperties::default());
        }
    }
    let (sample, state) = (sample(), folder.path().to_str().unwrap());
    let ask = |query: &str| {
        insights(["query", &sample, "--state", state, "--format", "csv", "--sql", query]).expect_code(0).stdout
    };
    for table in ["insights", "alerts"] {
        let counted =
            ask(&format!("SELECT count(*) AS all, count(country) AS told, max(country) AS country FROM {table}"));
        let row: Vec<&str> = counted.lines().nth(1).unwrap().split(',').collect();
        let [all, told] = [0, 1].map(|cell: usize| row[cell].parse::<u64>().unwrap());
        assert_eq!((told, row[2]), (all / 2, "DE"), "{table}: {counted}");
    }
    assert!(ask("SELECT * FROM alerts LIMIT 1").contains("source_ips,country,network_owner,network_number,tactic"));
}

/// The addresses of an insights event: its object, what it is attributed to and what was usual.
fn addresses_of(event: &Value) -> Vec<&str> {
    let details = &event["insightDetails"];
    let attributions = details["insightContext"]["attributions"].as_array().unwrap();
    let sources = attributions.iter().filter(|attribution| attribution["attribute"] == "sourceIpAddress");
    let shares = sources.flat_map(|sources| ["insight", "baseline"].map(|side| sources[side].as_array()));
    let values = shares.flatten().flatten().map(|share| text(share, "/value"));
    values.chain([text(details, "/insightObject")]).filter(|text| is_address(text)).collect()
}

#[test]
fn every_address_of_an_insight_has_its_place() {
    let mut all = 0;
    for event in placed().lines("insights/insights.jsonl") {
        let places = event["insightDetails"]["analysis"]["places"].as_array().cloned().unwrap_or_default();
        for address in addresses_of(&event) {
            let place = places.iter().find(|place| place["address"] == address);
            let place = place.unwrap_or_else(|| panic!("{address}: {event}"));
            assert_eq!((text(place, "/country"), text(place, "/networkOwner")), ("DE", "Example Net"));
            all += 1;
        }
    }
    assert!(all > 20, "{all}");
}

#[test]
fn every_address_of_an_alert_has_its_place() {
    let mut all = 0;
    for alert in placed().lines("alerts/alerts.jsonl") {
        let keys = alert["keys"].as_object().unwrap().values().filter_map(Value::as_str);
        let own = alert["source_ips"].as_array().unwrap().iter().filter_map(Value::as_str);
        for address in own.chain(keys).filter(|text| is_address(text)) {
            let places = alert["places"].as_array().unwrap();
            let place = places.iter().find(|place| place["address"] == address).unwrap();
            assert_eq!((text(place, "/country"), text(place, "/network_owner")), ("DE", "Example Net"));
            assert_eq!(place["network_number"], 65_000);
            all += 1;
        }
        if let [only] = &alert["source_ips"].as_array().unwrap()[..]
            && is_address(only.as_str().unwrap())
        {
            let placed = format!("from {} ({SHOWN})", only.as_str().unwrap());
            assert!(text(&alert, "/sentence").contains(&placed), "{alert}");
        }
    }
    assert!(all > 20, "{all}");
}

#[test]
fn without_a_database_nothing_else_is_missing() {
    let strip = |mut line: Value| -> Value {
        let is_insight = line.get("insightDetails").is_some();
        let told = if is_insight { line.pointer_mut("/insightDetails/analysis").unwrap() } else { &mut line };
        told["sentence"] = text(told, "/sentence").replace(&format!(" ({SHOWN})"), "").into();
        told.as_object_mut().unwrap().remove("places");
        line
    };
    for file in ["insights/insights.jsonl", "alerts/alerts.jsonl"] {
        let stripped: Vec<Value> = placed().lines(file).into_iter().map(strip).collect();
        assert_eq!(stripped, bare().lines(file), "{file}");
    }
    let digest = placed().digest();
    assert!(digest.contains(SHOWN));
    let stripped = digest.replace(&format!(" \\({SHOWN}\\)"), "").replace(&format!(" ({SHOWN})"), "");
    let bare = bare().digest();
    assert_eq!(stripped.lines().count(), bare.lines().count());
    for (line, bare) in stripped.lines().zip(bare.lines()) {
        // A long sentence is cut off earlier with places in it.
        assert!(line == bare || line.strip_suffix('…').is_some_and(|begin| bare.starts_with(begin)), "{line}\n{bare}");
    }
}

#[test]
fn page_summary_and_digests_name_places() {
    let (page, printed) = (placed().page(), &placed().said.stdout);
    assert_eq!(placed().said.code, Some(0));
    let lines = printed.lines().filter(|line| !line.starts_with("wrote "));
    insta::assert_snapshot!("summary", lines.collect::<Vec<_>>().join("\n"));
    for part in [
        "<bdi>121.17.102.68</bdi> <span class=\"quiet\"><bdi>DE, Example Net</bdi></span>",
        "<dt>From</dt><dd><bdi>121.17.102.68 (DE, Example Net)</bdi></dd>",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let state = placed().state.to_str().unwrap();
    let week =
        insights(["report", "--state", state, "--from", NIGHT, "--to", NIGHT, "--format", "markdown"]).expect_code(0);
    assert!(week.stdout.contains("DE, Example Net"), "{}", week.stdout);
}

#[test]
fn a_database_is_said_to_be_old_once_and_a_fresh_one_is_not() {
    let old = "was made on 1970-01-01, more than a year ago";
    assert_eq!(placed().said.stderr.matches(old).count(), 1, "{}", placed().said.stderr);
    let query = ["query", &sample(), "--from", NIGHT, "--to", NIGHT, "--limit", "2"];
    assert!(!with(&["fresh"], &query).expect_code(0).stderr.contains("geoip"));
    let twice = with(&["fresh", "fresh"], &query).expect_code(0).expect_said(&["is named twice"]);
    assert_eq!(twice.stdout, with(&["fresh"], &query).stdout);
}

/// A day's newest events in some form.
fn listed(names: &[&str], more: &[&str]) -> Outcome {
    let sample = sample();
    let day = ["query", &sample, "--from", NIGHT, "--to", NIGHT];
    with(names, &[&day[..], more].concat()).expect_code(0)
}

#[test]
fn lists_of_events_have_three_more_columns_if_they_show_addresses() {
    for line in listed(&["fresh"], &["--limit", "40", "--format", "json"]).stdout.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let known = event["source_ip_address"].as_str().is_some_and(is_address);
        let place = ["country", "network_owner"].map(|name| event[name].as_str());
        assert_eq!(place, if known { ["DE", "Example Net"].map(Some) } else { [None; 2] }, "{line}");
        assert_eq!(event["network_number"].as_i64(), known.then_some(65_000), "{line}");
    }
    let columns = ["--columns", "source_ip,api", "--limit", "40", "--format", "csv"];
    let sheet = listed(&["fresh"], &columns).stdout;
    assert!(sheet.starts_with("source_ip_address,country,network_owner,network_number,api\n"), "{sheet}");
    assert!(sheet.contains(",DE,Example Net,65000,"), "{sheet}");
    let table = listed(&["fresh"], &["--columns", "source_ip,api", "--limit", "40"]).stdout;
    assert!(table.contains("47.174.11.115 (DE,") && !table.contains("country"), "{table}");
    for none in [["--columns", "api,user", "--format", "csv"], ["--count-by", "api", "--format", "csv"]] {
        assert_eq!(listed(&["fresh"], &none).stdout, listed(&[], &none).stdout);
    }
}

#[test]
fn tables_for_people_have_them_beside_the_address() {
    let sample = sample();
    let tables = [
        listed(&["fresh"], &["--limit", "6"]),
        listed(&["fresh"], &["--count-by", "source_ip", "--limit", "4"]),
        with(&["fresh"], &["changes", &sample, "--user", "backup-sync"]),
        with(&["fresh"], &["changes", &sample, "--sign-ins", "--limit", "4"]),
        with(&["fresh"], &["access-key", &sample, "LTAI5tSN662BHn4pLutEARFv", "--limit", "1", "--now", "2026-02-05"]),
    ];
    insta::assert_snapshot!("tables", tables.map(|outcome| outcome.expect_code(0).stdout).join("\n"));
}

#[test]
fn counts_by_address_have_them_too() {
    let by = ["--count-by", "user,source_ip", "--format", "csv"];
    let (placed, bare) = (listed(&["fresh"], &by).stdout, listed(&[], &by).stdout);
    assert!(
        placed.starts_with("user_name,source_ip_address,country,network_owner,network_number,events\n"),
        "{placed}"
    );
    let without: String =
        placed.replace(",country,network_owner,network_number", "").replace(",DE,Example Net,65000", "");
    // What has no place has three empty cells.
    assert_eq!(without.replace(",,,,", ","), bare.replace(",,", ","));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("by.parquet");
    listed(&["fresh"], &["--count-by", "source_ip", "--out", file.to_str().unwrap()]);
    let rows = read_parquet(&file);
    assert!(texts(&rows, "network_number").contains(&Some("65000".to_owned())));
    let names: Vec<&String> = rows.schema_ref().fields().iter().map(|field| field.name()).collect::<Vec<_>>();
    assert_eq!(names, ["source_ip_address", "country", "network_owner", "network_number", "events"]);
}

#[test]
fn answers_of_sql_have_them_beside_a_column_of_addresses() {
    let sample = sample();
    let ask = |query: &str| {
        let own = ["query", &sample, "--from", NIGHT, "--to", NIGHT, "--format", "csv", "--sql", query];
        with(&["fresh"], &own).expect_code(0).stdout
    };
    let answer =
        ask("SELECT source_ip_address, count(*) AS n FROM events GROUP BY source_ip_address ORDER BY n DESC LIMIT 40");
    assert!(answer.starts_with("source_ip_address,country,network_owner,network_number,n\n"), "{answer}");
    assert!(answer.contains(",DE,Example Net,65000,"), "{answer}");
    assert!(!ask("SELECT count(*) AS n FROM events").contains("country"));
}

#[test]
fn networks_that_are_new_have_places() {
    let lines = placed().lines("insights/insights.jsonl");
    let analyses = lines.iter().map(|line| &line["insightDetails"]["analysis"]);
    let firsts: Vec<&Value> = analyses.filter(|analysis| analysis["judgedBy"] == "first_seen").collect();
    assert!(!firsts.is_empty());
    for analysis in firsts {
        for network in analysis["firstSeen"]["networks"].as_array().unwrap() {
            let place = analysis["places"].as_array().unwrap().iter().find(|place| place["address"] == *network);
            assert_eq!(text(place.unwrap(), "/country"), "DE", "{analysis}");
        }
        let sentence = text(analysis, "/sentence");
        assert!(!sentence.contains("from the network ") || sentence.contains(&format!("/24 ({SHOWN})")), "{sentence}");
    }
}

#[test]
fn a_country_without_a_code_is_told_but_not_to_ocsf() {
    let night = Night::judge(&["named"]);
    let told = "countries that are no codes of ISO 3166 (`Germany`) are left out of OCSF findings";
    assert_eq!(night.said.stderr.matches(told).count(), 1, "{}", night.said.stderr);
    assert!(night.text("insights/insights.jsonl").contains("Germany"));
    for file in ["insights/insights.ocsf.jsonl", "alerts/alerts.ocsf.jsonl"] {
        assert!(night.lines(file).iter().all(|line| !line.to_string().contains("\"country\"")), "{file}");
    }
}

#[test]
fn changes_and_sign_ins_have_places() {
    for asked in [["--user", "backup-sync"], ["--sign-ins", "--limit=5"]] {
        let sample = sample();
        let arguments = [&["changes", &sample][..], &asked, &["--format", "csv"]].concat();
        let placed = with(&["fresh"], &arguments).expect_code(0).stdout;
        assert!(placed.contains("source_ip_address,country,network_owner,network_number,"), "{placed}");
        assert!(placed.contains(",DE,Example Net,65000,"), "{placed}");
        assert!(!with(&[], &arguments).expect_code(0).stdout.contains("country"));
    }
}

#[test]
fn matches_of_rules_that_are_tried_have_places() {
    let sample = sample();
    let arguments = ["rules", "test", "--events", &sample, "--matches"];
    let (placed, bare) = (with(&["fresh"], &arguments), with(&[], &arguments));
    let matches = placed.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let known = matches.filter(|found| found["source_ip"].as_str().is_some_and(is_address));
    assert!(known.map(|found| assert_eq!(found["network_owner"], "Example Net", "{found}")).count() > 20);
    assert!(bare.stdout.lines().count() > 20 && !bare.stdout.contains("network_owner"));
}

#[test]
fn an_access_key_has_places_beside_its_addresses() {
    let sample = sample();
    let state = tempfile::tempdir().unwrap();
    let arguments = ["access-key", &sample, "LTAI5tSN662BHn4pLutEARFv", "--state", state.path().to_str().unwrap()];
    let sheet = with(&["fresh"], &[&arguments[..], &["--format", "csv"]].concat()).expect_code(0).stdout;
    assert!(sheet.starts_with("kind,value,country,network_owner,network_number,calls,"), "{sheet}");
    for row in sheet.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(cells[2] == "DE", is_address(cells[1]) || cells[0] == "network", "{row}");
    }
    let json = [&arguments[..], &["--format", "json"]].concat();
    let told: Value = serde_json::from_str(&with(&["fresh"], &json).expect_code(0).stdout).unwrap();
    let networks = told["used_for"]["network"].as_array().unwrap();
    assert!(networks.iter().all(|network| network["country"] == "DE"), "{networks:?}");
    let addresses = told["used_for"]["address"].as_array().unwrap();
    for address in addresses {
        assert_eq!(address["country"] == "DE", is_address(text(address, "/value")), "{address}");
    }
    assert!(told["used_for"]["api"][0].get("country").is_none());
    assert!(!with(&[], &json).expect_code(0).stdout.contains("country"));
}

#[test]
fn an_explanation_says_where_an_address_is() {
    let state = placed().state.to_str().unwrap();
    let sample = sample();
    let explain = |names: &[&str], more: &[&str]| {
        with(names, &[&["explain", "--state", state, "--date", NIGHT][..], more].concat()).expect_code(0).stdout
    };
    let address = "47.174.11.13";
    let own = ["--family", "source_ip", address];
    let heading = format!("source ip {address} ({SHOWN}) of account ");
    assert!(explain(&["fresh"], &own).starts_with(&heading), "{}", explain(&["fresh"], &own));
    assert!(explain(&["fresh"], &[&own[..], &["--format", "html"]].concat()).contains(&heading));
    let json: Value = serde_json::from_str(&explain(&["fresh"], &[&own[..], &["--format", "json"]].concat())).unwrap();
    assert_eq!(json["place"]["network_owner"], "Example Net");
    assert!(!explain(&[], &[&own[..], &["--format", "json"]].concat()).contains("place"));
    let changes = ["--family", "change", "permission", "--events", &sample];
    let table = explain(&["fresh"], &changes);
    insta::assert_snapshot!("changes", table.replace(&sample, "EVENTS"));
    assert!(table.contains("121.17.102.188 (DE,") && !explain(&[], &changes).contains("121.17.102.188 (DE,"));
    let json: Value =
        serde_json::from_str(&explain(&["fresh"], &[&changes[..], &["--format", "json"]].concat())).unwrap();
    assert_eq!(json["changes"][0]["events"][0]["place"]["country"], "DE", "{json}");
}

#[test]
fn whoever_is_told_of_an_alert_is_told_where_from() {
    let folder = tempfile::tempdir().unwrap();
    let (told, state) = (folder.path().join("told.json"), folder.path().join("state"));
    let settings = folder.path().join("insights.toml");
    let (command, file) = (format!("cat > {}", told.display()), databases().0.path().join("fresh"));
    let lines = format!("[alerts]\ncommand = ['sh', '-c', '{command}']\n[geoip]\nfiles = ['{}']\n", file.display());
    fs::write(&settings, lines).unwrap();
    let (sample, settings, state) = (sample(), settings.to_str().unwrap(), state.to_str().unwrap());
    let now = "2026-01-30T00:00:00Z";
    let arguments = ["alert", &sample, "--last", "24h", "--now", now, "--settings", settings, "--state", state];
    let printed = insights(arguments).expect_code(0).stdout;
    insta::assert_snapshot!("alerts", printed);
    let notices: Value = serde_json::from_str(&fs::read_to_string(told).unwrap()).unwrap();
    let placed = |notice: &&Value| notice["alert"]["places"][0]["network_owner"] == "Example Net";
    assert!(notices.as_array().unwrap().iter().filter(placed).count() > 3, "{notices}");
    let remembered = files_below(Path::new(state)).into_iter().filter(|(path, _)| path.ends_with("notices.jsonl"));
    assert!(remembered.map(|(_, bytes)| String::from_utf8(bytes).unwrap()).all(|text| text.contains("Example Net")));
}

#[test]
fn texts_of_a_database_do_nothing_anywhere() {
    let (page, digest) = (hostile().page(), hostile().digest());
    assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (1, 1));
    assert!(page.contains("=cmd|") && digest.contains("cmd"), "{digest}");
    let plain = |text: &str| !text.contains(['\u{1b}', '\u{202e}']);
    assert!(plain(&page) && plain(&digest) && plain(&hostile().said.stdout));
    assert!(!digest.contains("<script") && !digest.contains("[x]("), "{digest}");
    for (file, _) in JSON_LINES {
        assert!(plain(&hostile().text(file)), "{file}");
    }
    let by = ["--count-by", "source_ip", "--format", "csv"];
    for sheet in [hostile().text("insights/insights.csv"), listed(&["hostile"], &by).stdout] {
        let mut reader = csv::Reader::from_reader(sheet.as_bytes());
        let cells: Vec<String> =
            reader.records().flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()).collect();
        assert!(cells.iter().any(|cell| cell.starts_with("'=cmd")) && cells.iter().any(|cell| cell == "'=1+1"));
        assert!(cells.iter().all(|cell| !cell.starts_with('=') && !cell.contains(char::is_control)));
    }
    let table = listed(&["hostile"], &["--columns", "source_ip", "--limit", "40"]).stdout;
    assert!(plain(&table) && table.contains("=cmd|"), "{table}");
}

#[test]
fn a_database_that_cannot_be_used_stops_whatever_shows_addresses() {
    let (sample, state) = (sample(), placed().state.to_str().unwrap());
    let commands: [&[&str]; 6] = [
        &["run", &sample, "--state", state, "--date", NIGHT],
        &["alert", &sample, "--state", state, "--now", "2026-01-30T00:00:00Z"],
        &["query", &sample, "--limit", "1"],
        &["changes", &sample, "--sign-ins"],
        &["access-key", &sample, "--state", state],
        &["explain", "Oss/GetObject", "--state", state],
    ];
    let before = files_below(&placed().state);
    for command in commands {
        with(&["junk"], command).expect_code(2).expect_said(&["junk", "expected a database in MaxMind's format"]);
        with(&["good", "other"], command).expect_code(2).expect_said(&["found one of type `Test`"]);
        with(&["absent"], command).expect_code(3).expect_said(&["absent"]);
    }
    assert_same_files(&before, &files_below(&placed().state));
    // What shows none needs none.
    with(&["junk"], &["query", &sample, "--count"]).expect_code(0);
}

#[test]
fn damage_in_a_database_is_told_and_costs_places_alone() {
    let night = Night::judge(&["damaged"]);
    let said = night.said.clone().expect_code(4).expect_said(&["damaged: ", "could not be looked up"]);
    assert!(said.stdout.contains(SHOWN), "{}", said.stdout);
    let ids = |night: &Night| -> Vec<String> {
        let lines = night.lines("insights/insights.jsonl");
        lines.iter().map(|line| text(line, "/eventId").to_owned()).collect()
    };
    assert_eq!(ids(&night), ids(bare()));
    let sample = sample();
    let all = ["query", &sample, "--from", NIGHT, "--to", NIGHT, "--count-by", "source_ip"];
    with(&["damaged"], &all).expect_code(4).expect_said(&["could not be looked up"]);
}
