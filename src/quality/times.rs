//! Rows at odd times or without any, entities beyond the cap, and feeds whose newest event is too old.
//!
//! Of files and counts that the scan has made already; only where a footer does not tell the newest time are rows read
//! for it.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};

use crate::error::Result;
use crate::partition::{EventFile, RowGroupRange, RowGroupReader};
use crate::quality::{Effect, Flaw, FlawKind, NAMED_FILES, NightInput, Whereabouts};
use crate::rollup::{Family, ScanCounts};
use crate::shown::number;
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS, midnight_ms};

/// The number that a partition which is overdue has, and a feed that broke off has not.
pub(super) const DAYS_MISSING: &str = "days_missing";

/// What the times and the names of a night's rows lack.
pub(super) fn judge(input: &NightInput<'_>) -> Vec<Flaw> {
    let date = input.window.scored();
    let flaws = [
        broke_off(input),
        input.due.and_then(|due| overdue(date, due, input.trail_touched)),
        ahead(input.ahead),
        skew(input.files, date, input.counts),
        rows(FlawKind::NoTime, input.counts.without_time, input.counts.timeless()),
        rows(FlawKind::NoApi, input.counts.without_api, input.counts.nameless()),
        too_many(input.counts, input.hidden),
    ];
    flaws.into_iter().flatten().collect()
}

fn rows(kind: FlawKind, rows: u64, sentence: Option<String>) -> Option<Flaw> {
    sentence.map(|sentence| Flaw {
        kind,
        whereabouts: Whereabouts::default(),
        numbers: [("rows", rows)].into(),
        effect: Effect::NotJudged,
        sentence,
    })
}

/// More entities than are named, and those of the days before that may be among the others: what they did is unknown,
/// also whether they have fallen silent.
fn too_many(counts: ScanCounts, hidden: &[(Family, usize)]) -> Option<Flaw> {
    let sentence = counts.capped()?;
    let known: usize = hidden.iter().map(|(_, hidden)| hidden).sum();
    let told = hidden.iter().filter(|(_, hidden)| *hidden > 0);
    let told = told.map(|(family, hidden)| format!("{} {}", number(*hidden as u64), family.name().replace('_', " ")));
    let lost = match told.collect::<Vec<_>>() {
        told if told.is_empty() => String::new(),
        told => format!(
            "; {} that were counted by name in the days before were not on this one, and may be among them: a drop of theirs is not seen",
            told.join(", ")
        ),
    };
    Some(Flaw {
        kind: FlawKind::TooManyEntities,
        whereabouts: Whereabouts::default(),
        numbers: [("entities", counts.beyond_cap), ("known_before", known as u64)].into(),
        effect: Effect::NotJudged,
        sentence: sentence + &lost,
    })
}

/// A feed that fell silent as a whole and stayed so until the day's end.
fn broke_off(input: &NightInput<'_>) -> Option<Flaw> {
    let last_hour = input.feed.last_heard()?;
    let day = days_of(input.window.scored(), 1);
    let newest = input.files.iter().filter_map(|file| newest_of(file, &day)).max();
    let newest = newest.unwrap_or(day.start + (i64::from(last_hour) + 1) * HOUR_MS - 1);
    let minutes = (day.end - newest) as u64 / MINUTE_MS as u64;
    Some(Flaw {
        kind: FlawKind::StaleFeed,
        whereabouts: Whereabouts { hours: (last_hour + 1..24).collect(), ..Whereabouts::default() },
        numbers: [("minutes_missing", minutes)].into(),
        effect: Effect::Masked,
        sentence: format!(
            "the newest event is of {}, {} minutes before the day's end: the feed has stopped, or the night was judged too early",
            moment(newest),
            number(minutes)
        ),
    })
}

/// The newest partition is older than the one that should be there; that is more than a delay where the trail was
/// touched last.
fn overdue(date: NaiveDate, due: NaiveDate, trail_touched: &[String]) -> Option<Flaw> {
    let days = u64::try_from((due - date).num_days()).ok().filter(|days| *days > 0)?;
    Some(Flaw {
        kind: FlawKind::StaleFeed,
        whereabouts: Whereabouts::default(),
        numbers: [(DAYS_MISSING, days), ("trail_changes", trail_touched.len() as u64)].into(),
        effect: if trail_touched.is_empty() { Effect::ForInformation } else { Effect::NotJudged },
        sentence: format!(
            "the newest partition is of {date}, and one of {due} should be there: {} missing{}",
            if days == 1 { "a day is".to_owned() } else { format!("{days} days are") },
            stopped(date, trail_touched)
        ),
    })
}

/// Partitions of days that are yet to come: their names are wrong, or the clock is.
fn ahead(days: &[NaiveDate]) -> Option<Flaw> {
    let (first, last) = (days.first()?, days.last()?);
    let named = match days.len() {
        1 => format!("a partition is of {first}"),
        many => format!("{many} partitions are of {first} to {last}"),
    };
    Some(Flaw {
        kind: FlawKind::FuturePartition,
        whereabouts: Whereabouts::default(),
        numbers: [("days", days.len() as u64)].into(),
        effect: Effect::NotJudged,
        sentence: format!(
            "{named}, which is yet to come: its name is wrong, or this machine's clock; it was passed over"
        ),
    })
}

/// That a feed may have been stopped on purpose; nothing where the trail was not touched.
pub fn stopped(date: NaiveDate, trail_touched: &[String]) -> String {
    if trail_touched.is_empty() {
        return String::new();
    }
    format!(
        "; on {date} the audit trail was touched with {}: the feed may have been stopped on purpose",
        trail_touched.join(", ")
    )
}

/// Rows that are more than a day away from the day of their folder.
fn skew(files: &[EventFile], date: NaiveDate, counts: ScanCounts) -> Option<Flaw> {
    let said = counts.far_away()?;
    let near = days_of(date, 3);
    let own = || files.iter().filter(|file| file.folder_date == Some(date));
    let is_far = |file: &&EventFile| {
        file.row_groups
            .iter()
            .filter_map(|group| group.span)
            .any(|(first, last)| !near.contains(&first) || !near.contains(&last))
    };
    let named: BTreeSet<String> = own().filter(is_far).map(|file| file.name.clone()).collect();
    let times = own().flat_map(|file| file.row_groups.iter().filter_map(|group| group.span));
    let (earliest, latest) =
        times.fold((near.start, near.end - 1), |(from, to), (first, last)| (from.min(first), to.max(last)));
    let from = (earliest < near.start).then(|| format!("as early as {}", moment(earliest)));
    let to = (latest >= near.end).then(|| format!("as late as {}", moment(latest)));
    let extremes: Vec<String> = from.into_iter().chain(to).collect();
    let extremes = if extremes.is_empty() { String::new() } else { format!(" ({})", extremes.join(", ")) };
    Some(Flaw {
        kind: FlawKind::ClockSkew,
        numbers: [("rows", counts.set_aside), ("files", named.len() as u64)].into(),
        whereabouts: Whereabouts { files: named.into_iter().take(NAMED_FILES).collect(), ..Whereabouts::default() },
        effect: Effect::NotJudged,
        sentence: format!("{said}{extremes}"),
    })
}

/// The newest time of a file that lies in a day. It is read where the footer does not tell it; what cannot be read, or
/// lies before what is known, does not count.
fn newest_of(file: &EventFile, day: &std::ops::Range<i64>) -> Option<i64> {
    let told = file.row_groups.iter().filter_map(|group| group.span).map(|(_, last)| last);
    let told = told.filter(|last| day.contains(last)).max();
    let is_open = |group: &RowGroupRange| match group.span {
        Some((first, last)) => first < day.end && last >= day.end,
        None => true,
    };
    let open = file.row_groups.iter().enumerate().filter(|(_, group)| is_open(group));
    let read = open.filter_map(|(group, _)| newest_in(file, group, day).ok().flatten()).max();
    told.max(read)
}

fn newest_in(file: &EventFile, group: usize, day: &std::ops::Range<i64>) -> Result<Option<i64>> {
    let mut newest = None;
    for batch in RowGroupReader::open(file, group, &[])? {
        newest = newest.max(batch?.times.iter().copied().filter(|time| day.contains(time)).max());
    }
    Ok(newest)
}

/// The milliseconds of an odd number of days with `date` in their middle.
fn days_of(date: NaiveDate, days: i64) -> std::ops::Range<i64> {
    let around = days / 2 * DAY_MS;
    midnight_ms(date) - around..midnight_ms(date) + DAY_MS + around
}

fn moment(ms: i64) -> String {
    let time: Option<DateTime<Utc>> = DateTime::from_timestamp_millis(ms);
    time.map_or_else(|| "a time beyond the calendar".to_owned(), |time| time.format("%Y-%m-%d %H:%M UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overdue_partition_is_told_and_one_in_time_is_not() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 2, day).unwrap();
        assert_eq!(overdue(day(4), day(4), &[]), None);
        assert_eq!(overdue(day(4), day(3), &[]), None);
        let flaw = overdue(day(4), day(7), &[]).unwrap();
        assert_eq!(flaw.numbers["days_missing"], 3);
        assert_eq!(
            flaw.sentence,
            "the newest partition is of 2026-02-04, and one of 2026-02-07 should be there: 3 days are missing"
        );
        let touched = ["Actiontrail/StopLogging".to_owned()];
        let flaw = overdue(day(4), day(5), &touched).unwrap();
        assert!(
            flaw.sentence
                .contains("a day is missing; on 2026-02-04 the audit trail was touched with Actiontrail/StopLogging")
        );
        assert_eq!(flaw.effect, Effect::NotJudged);
    }

    #[test]
    fn the_newest_event_is_read_where_no_footer_tells_it() {
        use std::sync::Arc;

        use arrow::array::{ArrayRef, RecordBatch, StringArray};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let text = |texts: [&str; 3]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
        let times = ["2026-01-05T00:00:20Z", "2026-01-05T21:35:37Z", "2026-01-06T00:01:00Z"];
        let columns =
            [("event_time", text(times)), ("event_name", text(["Run"; 3])), ("service_name", text(["ecs"; 3]))];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        let date = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
        let overrides = crate::partition::ColumnOverrides::new();
        let file = EventFile::open(&path, "a".to_owned(), Some(date), &overrides).unwrap();
        let newest = newest_of(&file, &days_of(date, 1)).map(moment);
        assert_eq!(newest.as_deref(), Some("2026-01-05 21:35 UTC"));
        assert_eq!(newest_of(&file, &days_of(date.pred_opt().unwrap(), 1)), None);
    }

    #[test]
    fn partitions_that_are_yet_to_come_are_told() {
        let day = |day| NaiveDate::from_ymd_opt(2027, 5, day).unwrap();
        assert_eq!(ahead(&[]), None);
        let one = ahead(&[day(1)]).unwrap();
        assert!(one.sentence.starts_with("a partition is of 2027-05-01, which is yet to come"), "{}", one.sentence);
        let flaw = ahead(&[day(1), day(9)]).unwrap();
        assert_eq!(flaw.numbers["days"], 2);
        assert!(flaw.sentence.starts_with("2 partitions are of 2027-05-01 to 2027-05-09"), "{}", flaw.sentence);
    }

    #[test]
    fn those_of_the_days_before_that_a_cap_may_hide_are_counted_by_family() {
        let counts = ScanCounts { beyond_cap: 421, ..ScanCounts::default() };
        assert_eq!(too_many(ScanCounts::default(), &[(Family::Api, 9)]), None);
        let hidden = [(Family::Api, 9), (Family::SourceIp, 0), (Family::AccessKey, 1_200)];
        let flaw = too_many(counts, &hidden).unwrap();
        assert_eq!((flaw.numbers["entities"], flaw.numbers["known_before"]), (421, 1_209));
        let told = "; 9 api, 1,200 access key that were counted by name in the days before were not on this one";
        assert!(flaw.sentence.contains(told), "{}", flaw.sentence);
        assert!(!too_many(counts, &[(Family::Api, 0)]).unwrap().sentence.contains("days before"));
    }
}
