//! Series to judgements: the options, their defaults, and one row a bucket.

use crate::error::{Error, Result};
use crate::score::model::{Forecast, Plan, walk};
use crate::score::season::{LocalTime, Season, Timeline, WEEK, plan};
use crate::score::spacing::{Spacing, width};
use crate::score::table::{CountSeries, CountTable};
use crate::score::timeline::{Buckets, Feed, MAX_BUCKETS, Missing, lay_out, span};
use crate::stats::score;

/// The share of buckets that lie between `lower` and `upper` if nothing is wrong.
pub const INTERVAL: f64 = 0.99;

/// What repeats, as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeasonChoice {
    /// The week for buckets of up to a day, the year for weeks; nothing for series too short for it.
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
    /// Buckets without a value.
    pub gaps: usize,
    /// Buckets without a row that were taken as zero.
    pub zeros: usize,
    /// Rows added to another row of the same bucket.
    pub merged: usize,
    /// Values that are no whole numbers.
    pub fractions: usize,
}

/// What holds for all series of a table.
#[derive(Debug)]
pub struct Judge<'a> {
    table: &'a CountTable,
    options: Options,
    bucket: u32,
    step: i64,
    feed: Feed,
}

/// Prepares a table: finds the width of its buckets.
///
/// # Errors
/// When the width is not asked for and cannot be told, or is more than a week.
pub fn judge<'a>(path: &std::path::Path, table: &'a CountTable, options: Options) -> Result<Judge<'a>> {
    let unknown =
        || Error::counts(path, "no series has two rows at different times, so buckets have no width".to_owned());
    let spacing = Spacing::of(table);
    let bucket = match (options.bucket, &spacing) {
        (Some(bucket), _) => bucket,
        (None, Some(spacing)) => usual_width(path, spacing)?,
        (None, None) => return Err(unknown()),
    };
    let step = spacing.filter(Spacing::is_regular).map_or(0, |spacing| spacing.step());
    let judge = Judge { table, options, bucket, step, feed: Feed::of(table, bucket) };
    // A wild time is known before anything is written.
    table.series.iter().try_for_each(|series| judge.check_span(path, series))?;
    Ok(judge)
}

/// The step that rows keep.
fn usual_width(path: &std::path::Path, spacing: &Spacing) -> Result<u32> {
    let step = spacing.step();
    match u32::try_from(step) {
        Ok(bucket) if bucket <= WEEK && spacing.is_regular() => Ok(bucket),
        Ok(bucket) if bucket <= WEEK => Err(Error::counts(path, spacing.irregular())),
        _ => {
            let days = step / i64::from(crate::score::season::DAY);
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
        let without_row = buckets.values.iter().filter(|value| value.is_none()).count();
        buckets.fill(self.options.missing, &self.feed);
        let gaps = buckets.values.iter().filter(|value| value.is_none()).count();
        let fractions = series.rows.iter().filter(|row| row.value.fract() != 0.0).count();
        let notes = Notes { gaps, zeros: without_row - gaps, merged: buckets.merged, fractions };
        Ok(SeriesScore { name: series.name.clone(), rows: self.rows(&buckets), notes })
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
        let forecasts = walk(&counts, &self.plan(&buckets.timeline));
        let row = |(bucket, forecast): (usize, &Option<Forecast>)| {
            let (value, count) = (buckets.values[bucket]?, counts[bucket]?);
            let verdict = forecast.as_ref().map(|forecast| Verdict::new(forecast, count, self.options.max_p));
            Some(Judgement { time: buckets.timeline.begin(bucket) * 1000, value, verdict })
        };
        forecasts.iter().enumerate().filter_map(row).collect()
    }

    fn plan(&self, timeline: &Timeline) -> Plan {
        let season = match self.options.season {
            SeasonChoice::Is(season) => season,
            SeasonChoice::Auto => timeline.usual_season(),
        };
        let local = &self.options.local;
        let asked = plan(timeline, season, self.options.warmup, local);
        let short = timeline.buckets < 2 * asked.warmup && self.options.warmup.is_none();
        if self.options.season == SeasonChoice::Auto && short {
            plan(timeline, Season::None, None, local)
        } else {
            asked
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
