//! The settings that trails were last seen to have, so that a change tells what is recorded less than before.
//!
//! A change of a trail names its new settings and not the old ones. Each night leaves what is known by then in
//! `trail_settings/DATE.json` of the state directory, and the next night that is judged goes on from the newest such file. Only
//! settings that decide how much is recorded, and where, are kept; of so many trails and values that hostile requests cannot fill
//! the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::event::ChangeKind;
use crate::insight::events::evidence::{Evidence, Request};
use crate::insight::events::target::Target;
use crate::insight::requests::concern::Concern;
use crate::insight::requests::serious::flatten;
use crate::insight::requests::trail_name::trail_name;
use crate::rollup::{EntityKey, Family};
use crate::storage::{Daily, entries, read_left, remove, write_json};

/// Parameters that list what is recorded; `all` stands for everything.
const LISTS: [&str; 3] = ["eventrw", "trailregion", "readwritetype"];
/// Parameters that switch a part of the recording on.
const SWITCHES: [&str; 5] = [
    "startlogging",
    "ismultiregiontrail",
    "includeglobalserviceevents",
    "includemanagementevents",
    "enablelogfilevalidation",
];
/// Parameters that say where records go.
const PLACES: [&str; 5] =
    ["ossbucketname", "slsprojectarn", "maxcomputeprojectarn", "s3bucketname", "cloudwatchlogsloggrouparn"];
/// Trails that are remembered, those changed last.
const MOST_TRAILS: usize = 1000;
/// Values of a parameter that are remembered, and the bytes of one.
const MOST_VALUES: usize = 100;
const MOST_BYTES: usize = 256;

/// The last seen settings of one trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Trail {
    account: String,
    /// Its region, where each has names of its own.
    #[serde(default)]
    region: String,
    /// Its name, in lower case and without the path of an ARN.
    name: String,
    /// When it was changed last.
    seen: DateTime<Utc>,
    /// Values by parameter, both in lower case.
    settings: BTreeMap<String, BTreeSet<String>>,
}

/// A setting of a trail that is less than it was, or other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lessened {
    /// What that means.
    pub concern: Concern,
    /// The trail's name.
    pub trail: String,
    /// The parameter.
    pub parameter: String,
    /// Its values before.
    pub before: BTreeSet<String>,
    /// When the trail was changed before.
    pub last_seen: DateTime<Utc>,
    /// Its values now.
    pub now: BTreeSet<String>,
}

/// All trails that were seen to be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailBook {
    /// By account, name and region.
    trails: BTreeMap<(String, String, String), Trail>,
}

/// The newest file of a night up to and with `date`.
///
/// # Errors
/// When the folder is there and cannot be listed.
pub fn newest(state: &Path, date: NaiveDate) -> Result<Option<PathBuf>> {
    Ok(newest_night(state, date)?.map(|date| path(state, date)))
}

fn newest_night(state: &Path, date: NaiveDate) -> Result<Option<NaiveDate>> {
    let files = entries(&Daily::TrailSettings.root(state))?;
    let day = |file: &PathBuf| file.file_name()?.to_str()?.strip_suffix(".json")?.parse::<NaiveDate>().ok();
    Ok(files.iter().filter_map(day).filter(|day| *day <= date).max())
}

fn path(state: &Path, date: NaiveDate) -> PathBuf {
    Daily::TrailSettings.file(state, date, "json")
}

impl TrailBook {
    /// What the nights before `date` left.
    ///
    /// # Errors
    /// When the newest file is there and cannot be read.
    pub fn read_before(state: &Path, date: NaiveDate) -> Result<Self> {
        let newest = date.pred_opt().map_or(Ok(None), |before| newest_night(state, before))?;
        let Some(newest) = newest else { return Ok(Self::default()) };
        let trails: Vec<Trail> = read_left(&path(state, newest), newest)?.unwrap_or_default();
        let key = |trail: &Trail| (trail.account.clone(), trail.name.clone(), trail.region.clone());
        Ok(Self { trails: trails.into_iter().map(|trail| (key(&trail), trail)).collect() })
    }

    /// Follows a night's changes of trails in their order, and adds to the evidence of each what it is less than before.
    pub fn follow(&mut self, targets: &[Target], evidence: &mut [Evidence]) {
        let is_trail = |key: &EntityKey| key.fields().nth(1) == Some(ChangeKind::Trail.name());
        let own =
            targets.iter().zip(evidence.iter()).enumerate().filter(|(_, (target, _))| {
                target.family == Family::Change && target.keys.first().is_some_and(is_trail)
            });
        let mut requests: Vec<(i64, usize, String, Request)> = own
            .flat_map(|(number, (target, evidence))| {
                let account = target.keys[0].account();
                evidence.requests.iter().map(move |request| (request.time, number, account.to_owned(), request.clone()))
            })
            .collect();
        requests.sort_by_key(|(time, number, ..)| (*time, *number));
        for (_, number, account, request) in requests {
            let less = self.apply(&account, &request);
            evidence[number].concerns.extend(less.into_iter().map(|difference| difference.concern));
        }
    }

    /// Notes the settings of a successful request; in what they are less than they were. Requests come in order of time.
    pub fn apply(&mut self, account: &str, request: &Request) -> Vec<Lessened> {
        let Ok(parameters) = serde_json::from_str::<Value>(&request.parameters) else { return Vec::new() };
        let mut flat = Vec::new();
        flatten("", &parameters, &mut flat);
        let Some((name, region)) = trail_name(&flat) else { return Vec::new() };
        let region = region.unwrap_or_else(|| request.region.to_lowercase());
        let settings = settings(&flat);
        let seen = DateTime::from_timestamp_millis(request.time).unwrap_or_default();
        if settings.is_empty() {
            return Vec::new();
        }
        let key = self.place_of(account, &name, &region);
        let region = key.2.clone();
        let new = || Trail { account: account.to_owned(), region, name: name.clone(), seen, settings: BTreeMap::new() };
        let trail = self.trails.entry(key).or_insert_with(new);
        let last_seen = std::mem::replace(&mut trail.seen, seen);
        let mut less = Vec::new();
        for (parameter, now) in settings {
            let Some(before) = trail.settings.insert(parameter.clone(), now.clone()) else { continue };
            if let Some(concern) = lessened(&parameter, &before, &now) {
                less.push(Lessened { concern, trail: name.clone(), parameter, before, last_seen, now });
            }
        }
        self.forget();
        less
    }

    /// Where a trail stands. A region that is not told, as in books of an earlier version, is that of the only trail of the name.
    fn place_of(&mut self, account: &str, name: &str, region: &str) -> (String, String, String) {
        let key = |region: &str| (account.to_owned(), name.to_owned(), region.to_owned());
        let own = key(region);
        if self.trails.contains_key(&own) {
            return own;
        }
        let all: Vec<_> = self.trails.range(key("")..).map(|(place, _)| place).take(2).cloned().collect();
        let mut namesakes = all.into_iter().filter(|place| place.0 == account && place.1 == name);
        match (namesakes.next(), namesakes.next()) {
            (Some(only), None) if region.is_empty() => only,
            (Some(nowhere), _) if nowhere.2.is_empty() => {
                if let Some(known) = self.trails.remove(&nowhere) {
                    self.trails.insert(own.clone(), Trail { region: region.to_owned(), ..known });
                }
                own
            }
            _ => own,
        }
    }

    fn forget(&mut self) {
        if self.trails.len() > MOST_TRAILS
            && let Some(oldest) = self.trails.iter().min_by_key(|(_, trail)| trail.seen).map(|(key, _)| key.clone())
        {
            self.trails.remove(&oldest);
        }
    }

    /// Writes what is known after the night of `date`; `None` where that is nothing.
    ///
    /// # Errors
    /// When the file cannot be written or, being there and needed no more, removed.
    pub fn write(&self, state: &Path, date: NaiveDate) -> Result<Option<PathBuf>> {
        let path = path(state, date);
        if self.trails.is_empty() {
            remove(&path)?;
            return Ok(None);
        }
        let trails: Vec<&Trail> = self.trails.values().collect();
        write_json(&path, &trails)?;
        Ok(Some(path))
    }
}

/// The settings that a request names, lists taken apart.
fn settings(parameters: &[(String, String)]) -> BTreeMap<String, BTreeSet<String>> {
    let mut settings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in parameters {
        let is_known = [&LISTS[..], &SWITCHES, &PLACES].iter().any(|known| known.contains(&name.as_str()));
        if is_known && !value.is_empty() {
            let own = settings.entry(name.clone()).or_default();
            let parts = value.split(',').map(str::trim).filter(|part| part.len() <= MOST_BYTES).map(str::to_owned);
            own.extend(parts);
        }
    }
    settings.retain(|_, values| values.len() <= MOST_VALUES);
    settings
}

/// What a new value of a parameter is less than the old one, if it is.
fn lessened(parameter: &str, before: &BTreeSet<String>, now: &BTreeSet<String>) -> Option<Concern> {
    if PLACES.contains(&parameter) {
        return (before != now).then_some(Concern::Redirected);
    }
    let all = if SWITCHES.contains(&parameter) { "true" } else { "all" };
    let is_less = match (before.contains(all), now.contains(all)) {
        (_, true) => false,
        (true, false) => true,
        (false, false) => LISTS.contains(&parameter) && !before.is_subset(now),
    };
    is_less.then_some(Concern::RecordsLess)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(minute: i64, parameters: &str) -> Request {
        let (api, parameters) = ("UpdateTrail".to_owned(), parameters.to_owned());
        Request { time: minute * 60_000, api, region: String::new(), parameters }
    }

    #[test]
    fn trails_of_one_name_in_two_regions_are_two() {
        let mut book = TrailBook::default();
        let mut told = |region: &str, parameters: &str| {
            let own = Request { region: region.to_owned(), ..request(0, parameters) };
            book.apply("1", &own).into_iter().map(|less| less.concern.name()).collect::<Vec<_>>()
        };
        let to = |bucket: &str| format!(r#"{{"name":"t","s3BucketName":"{bucket}"}}"#);
        let by_arn = r#"{"name":"arn:aws:cloudtrail:eu-west-1:1:trail/t","s3BucketName":"c"}"#;
        assert!(told("eu-west-1", &to("a")).is_empty());
        assert!(told("us-east-1", &to("b")).is_empty(), "another trail");
        assert_eq!(told("us-east-1", by_arn), ["redirected"], "the ARN names the first");
        assert_eq!(told("eu-west-1", &to("c")), [""; 0]);
        let selectors = r#"{"trailName":"t","advancedEventSelectors":[{"name":"all"}],"s3BucketName":"d"}"#;
        assert_eq!(told("us-east-1", selectors), ["redirected"], "a selector's name is no trail's");
    }

    #[test]
    fn a_trail_that_an_earlier_version_knew_is_known_again() {
        let mut book = TrailBook::default();
        assert!(told(&mut book, r#"{"name":"t","s3BucketName":"a"}"#).is_empty());
        let own = Request { region: "eu-west-1".to_owned(), ..request(0, r#"{"name":"t","s3BucketName":"b"}"#) };
        assert_eq!(book.apply("1", &own).len(), 1);
        assert_eq!(book.trails.len(), 1);
    }

    fn told(book: &mut TrailBook, parameters: &str) -> Vec<&'static str> {
        let less: BTreeSet<Concern> =
            book.apply("1", &request(0, parameters)).into_iter().map(|less| less.concern).collect();
        less.into_iter().map(Concern::name).collect()
    }

    #[test]
    fn less_than_before_is_seen_and_the_same_or_more_is_not() {
        let mut book = TrailBook::default();
        assert!(told(&mut book, r#"{"Name":"t","EventRW":"Write","OssBucketName":"logs"}"#).is_empty(), "never seen");
        assert!(told(&mut book, r#"{"Name":"t","EventRW":"Write"}"#).is_empty(), "as it was");
        assert!(told(&mut book, r#"{"Name":"t","EventRW":"All","TrailRegion":"cn-hangzhou, cn-beijing"}"#).is_empty());
        assert_eq!(told(&mut book, r#"{"Name":"t","EventRW":"Write"}"#), ["records_less"]);
        assert_eq!(told(&mut book, r#"{"Name":"t","EventRW":"Read"}"#), ["records_less"], "writes are lost");
        assert_eq!(told(&mut book, r#"{"Name":"t","TrailRegion":"cn-beijing"}"#), ["records_less"]);
        assert!(told(&mut book, r#"{"Name":"other","EventRW":"Read"}"#).is_empty(), "another trail");
        assert_eq!(told(&mut book, r#"{"Name":"T","OssBucketName":"mine"}"#), ["redirected"]);
    }

    #[test]
    fn the_other_clouds_words_are_known_too() {
        let mut book = TrailBook::default();
        let selectors = |kind: &str, management: bool| {
            format!(
                r#"{{"trailName":"t","eventSelectors":[{{"readWriteType":"{kind}","includeManagementEvents":{management}}}]}}"#
            )
        };
        assert!(told(&mut book, &selectors("All", true)).is_empty());
        assert_eq!(told(&mut book, &selectors("WriteOnly", true)), ["records_less"]);
        assert_eq!(told(&mut book, &selectors("WriteOnly", false)), ["records_less"]);
        let arn = r#"{"name":"arn:aws:cloudtrail:eu-west-1:1:trail/t","isMultiRegionTrail":true,"s3BucketName":"a"}"#;
        assert!(told(&mut book, arn).is_empty());
        let narrowed = r#"{"name":"t","isMultiRegionTrail":false,"s3BucketName":"b"}"#;
        assert_eq!(told(&mut book, narrowed), ["records_less", "redirected"]);
    }

    #[test]
    fn the_book_goes_from_night_to_night() {
        let folder = tempfile::tempdir().unwrap();
        let day = |number| NaiveDate::from_ymd_opt(2026, 1, number).unwrap();
        let mut book = TrailBook::read_before(folder.path(), day(5)).unwrap();
        assert_eq!((book.write(folder.path(), day(5)).unwrap(), &book), (None, &TrailBook::default()));
        told(&mut book, r#"{"Name":"t","EventRW":"All"}"#);
        book.write(folder.path(), day(5)).unwrap().unwrap();
        let mut later = TrailBook::read_before(folder.path(), day(9)).unwrap();
        assert_eq!(later, book);
        assert_eq!(TrailBook::read_before(folder.path(), day(5)).unwrap(), TrailBook::default(), "not the night's own");
        assert_eq!(told(&mut later, r#"{"Name":"t","EventRW":"Read"}"#), ["records_less"]);
        later.write(folder.path(), day(9)).unwrap();
        assert_eq!(newest(folder.path(), day(8)).unwrap(), Some(path(folder.path(), day(5))));
        std::fs::write(path(folder.path(), day(9)), "[{").unwrap();
        let error = TrailBook::read_before(folder.path(), day(10)).unwrap_err();
        assert!(matches!(&error, crate::Error::Left { date, .. } if *date == day(9)), "{error}");
    }

    #[test]
    fn hostile_requests_fill_nothing() {
        let mut book = TrailBook::default();
        for number in 0..(MOST_TRAILS as i64 + 50) {
            let parameters = format!(r#"{{"Name":"t{number}","EventRW":"All"}}"#);
            book.apply("1", &request(number, &parameters));
        }
        assert_eq!(book.trails.len(), MOST_TRAILS);
        assert!(book.trails.contains_key(&("1".to_owned(), "t1049".to_owned(), String::new())), "the last are kept");
        let long = format!(r#"{{"Name":"{}","EventRW":"All"}}"#, "x".repeat(10_000));
        assert!(told(&mut book, &long).is_empty());
        let many: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        told(&mut book, &format!(r#"{{"Name":"many","TrailRegion":"{}"}}"#, many.join(",")));
        assert!(
            !book.trails.contains_key(&("1".to_owned(), "many".to_owned(), String::new())),
            "too many values are none"
        );
        assert!(told(&mut book, "{\"Name\":").is_empty());
    }
}
