//! Series to judgements: the options, their defaults, and one row a bucket.

use crate::error::{Error, Result};
use crate::score::model::{Forecast, walk};
use crate::score::season::{LocalTime, Season, Timeline, plan};
use crate::score::spacing::{Spacing, width};
use crate::score::table::{CountSeries, CountTable};
use crate::score::timeline::{Buckets, Feed, MAX_BUCKETS, Missing, lay_out, span};
use crate::shown::counted;
use crate::stats::score;
use crate::time::{DAY_SECONDS, WEEK_SECONDS};

/// The share of buckets that lie between `lower` and `upper` if nothing is wrong.
pub const INTERVAL: f64 = 0.99;

/// What repeats, as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeasonChoice {
    /// The week for buckets of up to a day. The year for weeks, once two are known; until then nothing.
    Auto,
    /// As said.
    Is(Season),
}

/// How series are to be scored.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Seconds a bucket; `None`: the spacing of the rows.
    pub bucket: Option<u32>,
    /// What repeats.
    pub season: SeasonChoice,
    /// Which hours are alike, and which days.
    pub local: LocalTime,
    /// Buckets that are only learnt from; `None`: as many as the season needs.
    pub warmup: Option<usize>,
    /// What a bucket without a row means.
    pub missing: Missing,
    /// Buckets with a two-sided p-value of at most this are flagged.
    pub max_p: f64,
}

/// One bucket of the result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Milliseconds since 1970 at which the bucket begins.
    pub time: i64,
    /// The value as it was read; what was judged is the nearest whole number.
    pub value: f64,
    /// What was expected and how unlikely the value is; `None` for buckets that were only learnt from.
    pub verdict: Option<Verdict>,
}

/// What the past says about a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Expected count.
    pub expected: f64,
    /// Ends of the central interval that holds 99 %.
    pub lower: u64,
    /// Its upper end.
    pub upper: u64,
    /// `P(Y >= value)`.
    pub p_up: f64,
    /// `P(Y <= value)`.
    pub p_down: f64,
    /// Two-sided: twice the smaller of the two, at most 1.
    pub p_value: f64,
    /// 0 to 100, from the p-value.
    pub score: f64,
    /// Whether the p-value is at most the limit.
    pub flagged: bool,
}

/// A scored series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesScore {
    /// Its name.
    pub name: String,
    /// Its buckets that have a value, in order.
    pub rows: Vec<Judgement>,
    /// What is worth knowing about how it was read.
    pub notes: Notes,
}

/// What is worth knowing about how a series was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notes {
    /// Buckets without a row that were left out.
    pub gaps: usize,
    /// Buckets with a row that could not be used, which were left out.
    pub unknown: usize,
    /// Buckets without a row that were taken as zero.
    pub zeros: usize,
    /// Rows added to another row of the same bucket.
    pub merged: usize,
    /// Values that are no whole numbers.
    pub fractions: usize,
    /// Whether the table ends before the last bucket does, which is not judged then.
    pub unfinished: bool,
}

/// What holds for all series of a table.
#[derive(Debug)]
pub struct Judge<'a> {
    table: &'a CountTable,
    options: Options,
    bucket: u32,
    step: i64,
    /// The millisecond up to which everything was counted.
    end: i64,
    feed: Feed,
}

/// Prepares a table: finds the width of its buckets.
///
/// # Errors
/// When the width is not asked for and cannot be told, or is more than a week.
pub fn judge<'a>(path: &std::path::Path, table: &'a CountTable, options: Options) -> Result<Judge<'a>> {
    let spacing = Spacing::of(table);
    let bucket = match (options.bucket, &spacing) {
        (Some(bucket), _) => bucket,
        (None, Some(spacing)) => usual_width(path, spacing)?,
        (None, None) => return Err(Error::counts(path, no_width(table))),
    };
    let end = counted_until(table, spacing.as_ref());
    let step = spacing.filter(Spacing::is_regular).map_or(0, |spacing| spacing.step());
    let judge = Judge { table, options, bucket, step, end, feed: Feed::of(table, bucket) };
    // A wild time is known before anything is written.
    table.series.iter().try_for_each(|series| judge.check_span(path, series))?;
    Ok(judge)
}

/// Why the width of buckets cannot be told.
fn no_width(table: &CountTable) -> String {
    match table.problems.first() {
        Some(first) if table.series.is_empty() => {
            format!("none of its {} can be used; {}", counted(table.unusable, "row", "rows"), first.message)
        }
        _ => "no series has two rows at different times, so buckets have no width; name one, such as --bucket 1h"
            .to_owned(),
    }
}

/// The millisecond up to which a table counts: a step behind its last row, which may be early by half of one.
fn counted_until(table: &CountTable, spacing: Option<&Spacing>) -> i64 {
    let last =
        table.series.iter().filter_map(|series| series.rows.last()).map(|row| row.time).max().unwrap_or(i64::MIN);
    last.saturating_add(spacing.map_or(0, Spacing::step).saturating_mul(1500))
}

/// The step that rows keep.
fn usual_width(path: &std::path::Path, spacing: &Spacing) -> Result<u32> {
    let step = spacing.step();
    match u32::try_from(step) {
        Ok(bucket) if bucket <= WEEK_SECONDS && spacing.is_regular() => Ok(bucket),
        Ok(bucket) if bucket <= WEEK_SECONDS => Err(Error::counts(path, spacing.irregular())),
        _ => {
            let days = step / i64::from(DAY_SECONDS);
            Err(Error::counts(path, format!("rows are {days} days apart; the widest bucket is a week")))
        }
    }
}

impl Judge<'_> {
    /// How far rows are apart, in seconds, where that is more than a bucket: most buckets have no row then.
    pub fn wider_step(&self) -> Option<i64> {
        (self.step > i64::from(self.bucket)).then_some(self.step)
    }

    /// Seconds that a bucket lasts.
    pub fn bucket(&self) -> u32 {
        self.bucket
    }

    /// Scores one series of the table.
    ///
    /// # Errors
    /// When its times span more buckets than can be laid out.
    pub fn score(&self, path: &std::path::Path, series: &CountSeries) -> Result<SeriesScore> {
        let aligned = self.options.bucket.is_some();
        let mut buckets =
            lay_out(series, self.bucket, aligned).map_err(|buckets| self.too_many(path, series, buckets))?;
        let (before, unknown) = (buckets.empty(), buckets.unknown.len());
        buckets.fill(self.options.missing, &self.feed);
        let (gaps, zeros) = (buckets.empty() - unknown, before - buckets.empty());
        let fractions = series.rows.iter().filter(|row| row.value.fract() != 0.0).count();
        let unfinished = self.is_unfinished(&buckets.timeline);
        let notes = Notes { gaps, unknown, zeros, merged: buckets.merged, fractions, unfinished };
        let mut rows = self.rows(&buckets);
        rows.iter_mut().rev().take(usize::from(unfinished)).for_each(|row| row.verdict = None);
        Ok(SeriesScore { name: series.name.clone(), rows, notes })
    }

    /// Whether the last bucket lasts longer than the table counts.
    fn is_unfinished(&self, timeline: &Timeline) -> bool {
        timeline.buckets > 0 && timeline.begin(timeline.buckets).saturating_mul(1000) > self.end
    }

    fn check_span(&self, path: &std::path::Path, series: &CountSeries) -> Result<()> {
        let buckets = span(series, self.bucket, self.options.bucket.is_some());
        if buckets > MAX_BUCKETS as u64 { Err(self.too_many(path, series, buckets)) } else { Ok(()) }
    }

    fn too_many(&self, path: &std::path::Path, series: &CountSeries, buckets: u64) -> Error {
        let what = if self.table.named { format!("series `{}`", series.name) } else { "its rows".to_owned() };
        Error::counts(
            path,
            format!("{what} would make {buckets} buckets of {}; is a time wrong?", width(i64::from(self.bucket))),
        )
    }

    fn rows(&self, buckets: &Buckets) -> Vec<Judgement> {
        let counts: Vec<Option<u64>> =
            buckets.values.iter().map(|value| value.map(|value| value.round() as u64)).collect();
        let forecasts = self.forecasts(&counts, &buckets.timeline);
        let row = |(bucket, forecast): (usize, &Option<Forecast>)| {
            let (value, count) = (buckets.values[bucket]?, counts[bucket]?);
            let verdict = forecast.as_ref().map(|forecast| Verdict::new(forecast, count, self.options.max_p));
            Some(Judgement { time: buckets.timeline.begin(bucket) * 1000, value, verdict })
        };
        forecasts.iter().enumerate().filter_map(row).collect()
    }

    fn forecasts(&self, counts: &[Option<u64>], timeline: &Timeline) -> Vec<Option<Forecast>> {
        let Options { season, warmup, local, .. } = &self.options;
        let with = |season: Season| walk(counts, &plan(timeline, season, *warmup, local));
        match season {
            SeasonChoice::Is(season) => with(*season),
            SeasonChoice::Auto => match (timeline.usual_season(), warmup) {
                // The year takes two years to learn; until then the level tells what it can.
                (year @ Season::Buckets(_), None) => {
                    let known = with(year).into_iter().zip(with(Season::None));
                    known.map(|(seasonal, level)| seasonal.or(level)).collect()
                }
                (season, _) => with(season),
            },
        }
    }
}

impl Verdict {
    fn new(forecast: &Forecast, count: u64, max_p: f64) -> Self {
        let (ln_up, ln_down) = (forecast.ln_upper(count), forecast.ln_lower(count));
        let ln_p = (ln_up.min(ln_down) + std::f64::consts::LN_2).min(0.0);
        let (lower, upper) = forecast.interval(INTERVAL);
        Self {
            expected: forecast.mean(),
            lower,
            upper,
            p_up: ln_up.exp(),
            p_down: ln_down.exp(),
            p_value: ln_p.exp(),
            score: score(ln_p).unwrap_or(0.0),
            flagged: ln_p <= max_p.ln(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::score::table::CountRow;
    use crate::time::HOUR_SECONDS;

    /// A row every so many seconds, from a Monday on.
    fn table(values: &[u16], step: u32) -> CountTable {
        let time = |row: usize| 1000 * (1_767_571_200 + row as i64 * i64::from(step));
        let rows = values.iter().enumerate().map(|(row, &value)| CountRow { time: time(row), value: f64::from(value) });
        CountTable {
            series: vec![CountSeries { rows: rows.collect(), ..CountSeries::default() }],
            ..CountTable::default()
        }
    }

    fn scored(values: &[u16], step: u32, bucket: Option<u32>) -> SeriesScore {
        let (table, local) = (table(values, step), LocalTime::utc());
        let options =
            Options { bucket, season: SeasonChoice::Auto, local, warmup: None, missing: Missing::Gap, max_p: 1e-4 };
        let path = Path::new("counts.csv");
        judge(path, &table, options).unwrap().score(path, &table.series[0]).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// The last bucket of what is left may be cut itself; those before it may not change.
        #[test]
        fn cutting_the_tail_changes_nothing_that_was_said(
            values in prop::collection::vec(0_u16..60, 40..420),
            (step, bucket) in prop_oneof![
                Just((HOUR_SECONDS, None)),
                Just((DAY_SECONDS, None)),
                Just((WEEK_SECONDS, None)),
                Just((HOUR_SECONDS, Some(DAY_SECONDS))),
                Just((DAY_SECONDS, Some(WEEK_SECONDS))),
            ],
            share in 0.1_f64..1.0,
        ) {
            let left = (values.len() as f64 * share).ceil() as usize;
            let [whole, cut] = [&values[..], &values[..left]].map(|values| scored(values, step, bucket).rows);
            let same = cut.len() - usize::from(bucket.is_some());
            prop_assert_eq!(&whole[..same], &cut[..same]);
        }
    }

    #[test]
    fn weeks_are_judged_before_their_year_is_known() {
        let judged = |weeks: usize| {
            let rows = scored(&vec![20; weeks], WEEK_SECONDS, None).rows;
            rows.iter().filter(|row| row.verdict.is_some()).count()
        };
        assert_eq!([20, 60, 104, 150].map(judged), [0, 30, 74, 120]);
    }

    #[test]
    fn what_is_unfinished_is_not_judged() {
        let judged = |hours: usize, bucket: u32| {
            let score = scored(&vec![20; hours], HOUR_SECONDS, Some(bucket));
            (score.notes.unfinished, score.rows.last().unwrap().verdict.is_some())
        };
        assert_eq!(judged(30 * 24, DAY_SECONDS), (false, true));
        assert_eq!(judged(30 * 24 - 1, DAY_SECONDS), (true, false));
        assert_eq!(judged(30 * 24 + 1, DAY_SECONDS), (true, false));
        assert_eq!(judged(300, HOUR_SECONDS), (false, true));
        assert_eq!(
            judged(300, HOUR_SECONDS / 4),
            (false, true),
            "a bucket narrower than a step is over by the next row"
        );
    }

    #[test]
    fn a_series_that_ends_before_the_others_has_finished_buckets() {
        let mut table = table(&[20; 40 * 24], HOUR_SECONDS);
        let rows = table.series[0].rows[..30 * 24 + 5].to_vec();
        let early = CountSeries { name: "early".to_owned(), rows, ..CountSeries::default() };
        table.series.push(early);
        let options = Options {
            bucket: Some(DAY_SECONDS),
            season: SeasonChoice::Auto,
            local: LocalTime::utc(),
            warmup: None,
            missing: Missing::Gap,
            max_p: 1e-4,
        };
        let path = Path::new("counts.csv");
        let score = judge(path, &table, options).unwrap().score(path, &table.series[1]).unwrap();
        let last = score.rows.last().unwrap();
        assert!(!score.notes.unfinished && last.verdict.is_some_and(|verdict| verdict.p_down < 1e-3), "{last:?}");
    }
}
