//! Who is told of what, and when: at most once for a fingerprint in a while, and never twice of the same.
//!
//! The decision is a pure function of the alerts, the time and what was told before. What was told is remembered in
//! `alerting/told.json`, and every notice is a line of `alerting/date=D/notices.jsonl`, D being the day on which it was given.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::alert::carry::folder;
use crate::alert::{Alert, AlertSettings, Fingerprint, Status, moment};
use crate::error::{Error, Result};
use crate::storage::{Daily, read_json, write_json, write_text};
use crate::time::{DAY_MS, HOUR_MS};

/// So many checks before the last one are remembered, of an hour its last one: enough for a clock that is wrong for some days.
const EARLIER: usize = 100;
/// After so many milliseconds nobody waits for the end of an alert any more.
const FORGOTTEN: i64 = 30 * DAY_MS;

/// What somebody is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// When.
    pub at: DateTime<Utc>,
    /// That an alert fires, or that it is over.
    pub status: Status,
    /// The alert.
    pub alert: Alert,
}

/// What was told so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToldBook {
    /// The time of the last check, in milliseconds.
    pub checked: Option<i64>,
    /// Checks before it, ascending.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<i64>,
    entries: BTreeMap<Fingerprint, Entry>,
}

/// A fingerprint's newest alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    alert: Alert,
    /// When somebody was last told.
    told: Option<i64>,
    /// Whether there is something new to tell.
    pending: bool,
    /// Whether it was noticed that it is over.
    over: bool,
}

impl ToldBook {
    /// What was told so far; nothing if nobody was ever told.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(state: &Path) -> Result<Self> {
        let what = (
            "what was told so far",
            "remove the file and run `insights alert` once with a --last that reaches back to the last start: alerts since then are told again",
        );
        Ok(read_json(&path(state), what)?.unwrap_or_default())
    }

    /// The time of the last check that was not after `now`.
    pub fn last_check(&self, now: i64) -> Option<i64> {
        self.checked.iter().chain(self.earlier.iter().rev()).find(|checked| **checked <= now).copied()
    }

    /// The time of the last check, where that is yet to come: some clock was wrong.
    pub fn ahead(&self, now: i64) -> Option<i64> {
        self.checked.filter(|checked| *checked > now)
    }

    /// Writes what was told.
    ///
    /// # Errors
    /// When that is impossible.
    pub fn write(&self, state: &Path) -> Result<()> {
        write_json(&path(state), self)
    }

    /// Takes notice of alerts whose last match is not before `from`, and says what is to be told at `now` (both in milliseconds), in
    /// order of severity.
    pub fn check<'a>(
        &mut self,
        alerts: impl IntoIterator<Item = &'a Alert>,
        from: i64,
        now: i64,
        settings: &AlertSettings,
    ) -> Vec<Notice> {
        let mut lately: Vec<&Alert> =
            alerts.into_iter().filter(|alert| alert.last_time.timestamp_millis() >= from).collect();
        lately.sort_by_key(|alert| (alert.last_time, alert.date));
        lately.into_iter().for_each(|alert| self.take(alert));
        self.note_check(now);
        let mut notices = Vec::new();
        for entry in self.entries.values_mut() {
            notices.extend(entry.tell(now, settings));
        }
        self.entries.retain(|_, entry| entry.is_kept(from, now, settings));
        notices.sort_by_key(|notice| (std::cmp::Reverse(notice.alert.severity), notice.alert.fingerprint));
        notices
    }

    /// Notes a check at `now`; what was done at a time that is yet to come was done at one that nobody knows.
    fn note_check(&mut self, now: i64) {
        let hour = |checked: &i64| checked.div_euclid(HOUR_MS);
        self.earlier.retain(|checked| *checked <= now);
        if let Some(checked) = self.checked.replace(now).filter(|checked| *checked <= now) {
            self.earlier.pop_if(|last| hour(last) == hour(&checked));
            self.earlier.push(checked);
        }
        self.earlier.drain(..self.earlier.len().saturating_sub(EARLIER));
        self.entries.values_mut().for_each(|entry| {
            entry.told.take_if(|told| *told > now);
        });
    }

    /// Takes back that somebody was told: it could not be done. `before` is what was told until then.
    pub fn take_back(&mut self, notices: &[Notice], before: &Self) {
        for notice in notices {
            let fingerprint = notice.alert.fingerprint;
            let told = before.entries.get(&fingerprint).and_then(|entry| entry.told);
            let fires = notice.status == Status::Firing;
            let alert = notice.alert.clone();
            self.entries.insert(fingerprint, Entry { alert, told, pending: fires, over: false });
        }
    }

    fn take(&mut self, alert: &Alert) {
        let fresh = |told| Entry { alert: alert.clone(), told, pending: true, over: false };
        match self.entries.get_mut(&alert.fingerprint) {
            None => {
                self.entries.insert(alert.fingerprint, fresh(None));
            }
            Some(entry) if entry.alert.alert_id == alert.alert_id => {
                let more = alert.count > entry.alert.count;
                entry.pending |= more;
                entry.over &= !more;
                entry.alert = alert.clone();
            }
            Some(entry) if alert.last_time > entry.alert.last_time => *entry = fresh(entry.told),
            Some(_) => {}
        }
    }
}

impl Entry {
    /// Whether it may matter to a later check, which looks at nothing before `from`.
    fn is_kept(&self, from: i64, now: i64, settings: &AlertSettings) -> bool {
        let last = self.alert.last_time.timestamp_millis();
        let told_lately = self.told.is_some_and(|told| now - told < settings.repeat_interval);
        self.pending || last >= from || told_lately || !self.over && now - last < FORGOTTEN
    }

    fn tell(&mut self, now: i64, settings: &AlertSettings) -> Option<Notice> {
        let notice = |status| Notice { at: moment(now), status, alert: self.alert.clone() };
        if self.pending {
            let due = self.told.is_none_or(|told| now - told >= settings.repeat_interval);
            let notice = due.then(|| notice(Status::Firing));
            self.pending = !due;
            self.told = if due { Some(now) } else { self.told };
            return notice;
        }
        let quiet = now - self.alert.last_time.timestamp_millis() > settings.group_gap;
        let is_over = if self.alert.no_data { self.alert.status == Status::Resolved } else { quiet };
        let newly = is_over && !self.over;
        let notice = (newly && settings.resolved).then(|| notice(Status::Resolved));
        self.over |= newly;
        notice
    }
}

/// Adds notices to the record of the day on which they were given.
///
/// # Errors
/// When that is impossible.
pub fn record(state: &Path, notices: &[Notice]) -> Result<()> {
    let Some(first) = notices.first() else { return Ok(()) };
    let path = folder(state, first.at.date_naive()).join("notices.jsonl");
    let mut text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text.map_err(Error::read(&path))?,
    };
    for notice in notices {
        text += &serde_json::to_string(notice).map_err(Error::internal)?;
        text.push('\n');
    }
    write_text(&path, &text)
}

fn path(state: &Path) -> PathBuf {
    Daily::Alerting.root(state).join("told.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::example::alert;
    use crate::time::MINUTE_MS;
    fn at(key: u8, begin: i64, last: i64, count: u64) -> Alert {
        let fingerprint = Fingerprint::new("1", &key.to_string(), []);
        Alert {
            alert_id: crate::alert::join::alert_id(fingerprint, begin),
            fingerprint,
            first_time: moment(begin * MINUTE_MS),
            last_time: moment(last * MINUTE_MS),
            count,
            ..alert()
        }
    }

    /// Checks a book at a minute; what is told, by status and count.
    fn check(book: &mut ToldBook, now: i64, alerts: &[Alert], resolved: bool) -> Vec<(Status, u64)> {
        let settings = AlertSettings { resolved, ..AlertSettings::default() };
        let from = book.last_check(now * MINUTE_MS).unwrap_or(now * MINUTE_MS) - 30 * MINUTE_MS;
        let notices = book.check(alerts, from, now * MINUTE_MS, &settings);
        let text = serde_json::to_string(book).unwrap();
        *book = serde_json::from_str(&text).unwrap();
        notices.iter().map(|notice| (notice.status, notice.alert.count)).collect()
    }

    #[test]
    fn the_same_is_told_once_and_more_of_it_after_an_hour() {
        let mut book = ToldBook::default();
        let firing = |count| vec![(Status::Firing, count)];
        assert_eq!(check(&mut book, 100, &[at(1, 95, 95, 1)], false), firing(1));
        assert_eq!(check(&mut book, 115, &[at(1, 95, 95, 1)], false), []);
        assert_eq!(check(&mut book, 130, &[at(1, 95, 120, 2)], false), []);
        assert_eq!(check(&mut book, 145, &[at(1, 95, 140, 3)], false), []);
        assert_eq!(check(&mut book, 160, &[], false), firing(3), "what had to wait is told when its time has come");
        assert_eq!(check(&mut book, 240, &[], false), []);
    }

    #[test]
    fn what_was_before_the_first_check_is_not_told() {
        assert_eq!(
            check(&mut ToldBook::default(), 100, &[at(1, 60, 69, 1), at(2, 60, 70, 2)], false),
            [(Status::Firing, 2)]
        );
    }

    #[test]
    fn what_is_over_is_told_once_where_asked() {
        let mut book = ToldBook::default();
        check(&mut book, 100, &[at(1, 95, 95, 1)], true);
        assert_eq!(check(&mut book, 155, &[], true), []);
        assert_eq!(check(&mut book, 156, &[], true), [(Status::Resolved, 1)]);
        assert_eq!(check(&mut book, 170, &[], true), []);
        assert_eq!(check(&mut book, 185, &[at(1, 180, 180, 1)], true), [(Status::Firing, 1)]);
        assert!(book.entries.len() == 1 && check(&mut book, 400, &[], true) == [(Status::Resolved, 1)]);
        check(&mut book, 500, &[], true);
        assert!(book.entries.is_empty(), "what is long over is forgotten");
    }

    #[test]
    fn what_could_not_be_told_is_told_by_the_next_check() {
        let mut book = ToldBook::default();
        let before = book.clone();
        let settings = AlertSettings::default();
        let notices = book.check(&[at(1, 95, 95, 1)], 0, 100 * MINUTE_MS, &settings);
        book.take_back(&notices, &before);
        assert_eq!(check(&mut book, 115, &[], false), [(Status::Firing, 1)]);
        assert_eq!(check(&mut book, 130, &[], false), []);
    }

    #[test]
    fn a_clock_that_is_set_back_tells_nothing_twice() {
        let mut book = ToldBook::default();
        check(&mut book, 100, &[at(1, 95, 95, 1)], false);
        assert_eq!(check(&mut book, 40, &[at(1, 95, 95, 1)], false), []);
    }

    #[test]
    fn a_clock_that_was_ahead_hides_neither_the_check_before_nor_what_comes_after() {
        let mut book = ToldBook::default();
        let (minute, year) = (MINUTE_MS, 365 * DAY_MS);
        for now in (0..600).step_by(15).chain([year / minute, year / minute + 15]) {
            check(&mut book, now, &[at(1, 585, 585, 1)], false);
        }
        assert_eq!(
            (book.last_check(600 * minute), book.ahead(600 * minute)),
            (Some(585 * minute), Some(year + 15 * minute))
        );
        assert_eq!(check(&mut book, 600, &[at(1, 585, 595, 2)], false), [(Status::Firing, 2)]);
        assert_eq!((book.last_check(600 * minute), book.ahead(600 * minute)), (Some(600 * minute), None));
        assert_eq!(
            book.earlier,
            (0..10).map(|hour| (hour * 60 + 45) * minute).collect::<Vec<_>>(),
            "of an hour the last"
        );
        (0..3000).for_each(|hour| book.note_check(year + hour * HOUR_MS));
        assert_eq!(book.earlier.len(), EARLIER);
    }

    #[test]
    fn notices_of_a_day_are_kept_one_after_the_other() {
        let state = tempfile::tempdir().unwrap();
        let notice = Notice { at: moment(MINUTE_MS), status: Status::Firing, alert: alert() };
        record(state.path(), &[]).unwrap();
        record(state.path(), std::slice::from_ref(&notice)).unwrap();
        record(state.path(), &[notice.clone(), notice.clone()]).unwrap();
        let text =
            std::fs::read_to_string(folder(state.path(), "1970-01-01".parse().unwrap()).join("notices.jsonl")).unwrap();
        let read: Vec<Notice> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, vec![notice; 3]);
    }
}
