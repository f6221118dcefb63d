//! `insights score`: any count series, judged bucket by bucket by what came before.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use rayon::prelude::*;

use crate::cli::output;
use crate::cli::{Common, exit};
use crate::score::season::{LocalTime, Season};
use crate::score::{
    CountTable, FileForm, Judge, Missing, Notes, Options, ScoreWriter, SeasonChoice, SeriesScore, judge, read, width,
};
use crate::settings::Settings;
use crate::shown::{counted, number, printable};
use crate::time::{DAY_SECONDS, HOUR_SECONDS, WEEK_SECONDS};

/// Score count series: what was expected of every bucket, and how unlikely it is
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ScoreArgs {
    /// CSV or Parquet file with the columns timestamp, value and, for several series, series
    #[arg(value_name = "COUNTS")]
    counts: PathBuf,
    /// Width of a bucket, such as 5m, 1h, 1d, 1w; rows of a bucket are added up [auto: the rows' own spacing]
    #[arg(long, value_name = "WIDTH", default_value = "auto", value_parser = parse_bucket)]
    bucket: Choice<u32>,
    /// What repeats: none, 24x7 (hours of the day, days of the week), or a number of buckets such as 52
    #[arg(long, value_name = "SEASON", default_value = "auto", value_parser = parse_season)]
    season: Choice<Season>,
    /// Buckets that are only learnt from [default: by season, see below]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    warmup: Option<u32>,
    /// What a bucket without a row means
    #[arg(long, value_enum, default_value = "auto")]
    missing: MissingChoice,
    /// Flag buckets whose two-sided p-value is at most this
    #[arg(long, value_name = "P", default_value = "0.0001", value_parser = parse_probability)]
    max_p: f64,
    /// Write to a file, CSV or Parquet by its ending [default: CSV to stdout]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Times may be RFC 3339, `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS` or numbers since 1970; without a zone they are UTC. The hours and days \
of season 24x7 are those of the settings `time_zone` and `days_off`. Season `auto` takes 24x7 for buckets of up to a day; weeks are judged \
by their level alone from the 31st on, and with a season of 52 from the 105th. The first 7 days (24x7; 21 for buckets of a day), two \
seasons of 52, three of a short season, or 30 buckets are only learnt from. A last bucket that ends after the rows do is not judged. Missing `auto`: a gap, which is neither judged nor learnt from; but zero in a series that has no zero rows and \
lacks one bucket in twenty or more. With p at most 0.0001, one ordinary bucket in 10,000 is flagged.

Examples:
  insights score counts.csv > scores.csv
  insights score counts.csv --bucket 1h --season 24x7 --out scores.parquet
  insights score weekly.csv --season 52 --warmup 156 --max-p 0.005 --out scores.csv";

/// Something, or what fits the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice<T> {
    Auto,
    Is(T),
}

/// What a bucket without a row means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum MissingChoice {
    /// Decided by the series
    Auto,
    /// Nobody counted
    Gap,
    /// Nothing happened
    Zero,
}

fn parse_bucket(text: &str) -> Result<Choice<u32>, String> {
    if text == "auto" {
        return Ok(Choice::Auto);
    }
    let expected = || format!("expected auto, or a number and s, m, h, d or w up to 1w, such as 5m; found `{text}`");
    let (digits, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => HOUR_SECONDS,
        "d" => DAY_SECONDS,
        "w" => WEEK_SECONDS,
        _ => return Err(expected()),
    };
    let count: u32 = digits.parse().map_err(|_| expected())?;
    let width = count.checked_mul(seconds).filter(|width| (1..=WEEK_SECONDS).contains(width)).ok_or_else(expected)?;
    Ok(Choice::Is(width))
}

fn parse_season(text: &str) -> Result<Choice<Season>, String> {
    match text {
        "auto" => Ok(Choice::Auto),
        "none" => Ok(Choice::Is(Season::None)),
        "24x7" => Ok(Choice::Is(Season::Week)),
        _ => match text.parse() {
            Ok(buckets) if (2..=10_000).contains(&buckets) => Ok(Choice::Is(Season::Buckets(buckets))),
            _ => Err(format!("expected auto, none, 24x7 or a number of buckets from 2 to 10000; found `{text}`")),
        },
    }
}

fn parse_probability(text: &str) -> Result<f64, String> {
    let expected = || format!("expected a probability above 0 and at most 1; found `{text}`");
    text.parse().ok().filter(|&p: &f64| p > 0.0 && p <= 1.0).ok_or_else(expected)
}

/// Series that are worked on before any is written.
const AT_ONCE: usize = 64;

pub(super) fn run(args: &ScoreArgs, common: &Common) -> anyhow::Result<u8> {
    let settings = common.load_settings(&[])?;
    args.out.as_deref().map_or(Ok(()), expect_writable)?;
    let table = read(&args.counts)?;
    complain_of_rows(&table, args);
    let judge = judge(&args.counts, &table, options(args, &settings))?;
    let totals = match &args.out {
        Some(target) => {
            let totals = write_all(&judge, &table, args, ScoreWriter::<io::Stdout>::file(target)?, target)?;
            if !common.quiet {
                output::complain(&format!("wrote {}", target.display()));
            }
            totals
        }
        None => write_all(&judge, &table, args, ScoreWriter::stream(io::stdout())?, Path::new("stdout"))?,
    };
    if !common.quiet {
        output::complain(&summary(&totals, &judge, args.max_p));
    }
    Ok(if table.unusable == 0 { exit::DONE } else { exit::PARTIAL })
}

/// Refuses a place that could not be written in the end, before the work is done.
fn expect_writable(out: &Path) -> crate::Result<()> {
    FileForm::of(out)?;
    output::expect_folder(out)
}

fn options(args: &ScoreArgs, settings: &Settings) -> Options {
    let days_off = settings.calendar.days_off().clone();
    Options {
        bucket: match args.bucket {
            Choice::Auto => None,
            Choice::Is(seconds) => Some(seconds),
        },
        season: match args.season {
            Choice::Auto => SeasonChoice::Auto,
            Choice::Is(season) => SeasonChoice::Is(season),
        },
        local: LocalTime { zone: settings.calendar.zone(), days_off },
        warmup: args.warmup.map(|buckets| buckets as usize),
        missing: match args.missing {
            MissingChoice::Auto => Missing::Auto,
            MissingChoice::Gap => Missing::Gap,
            MissingChoice::Zero => Missing::Zero,
        },
        max_p: args.max_p,
    }
}

fn complain_of_rows(table: &CountTable, args: &ScoreArgs) {
    for problem in &table.problems {
        output::complain(&format!("! {}: {}", printable(&problem.file), printable(&problem.message)));
    }
    let more = table.unusable - table.problems.len() as u64;
    if more > 0 {
        output::complain(&format!(
            "! {}: and {} like these",
            args.counts.display(),
            counted(more, "more row", "more rows")
        ));
    }
}

/// What came of all series.
#[derive(Debug, Default)]
struct Totals {
    series: u64,
    judged: u64,
    learnt: u64,
    flagged: u64,
    never_judged: u64,
    unfinished: u64,
    notes: Notes,
}

impl Totals {
    fn add(&mut self, score: &SeriesScore) {
        let judged = score.rows.iter().filter(|row| row.verdict.is_some()).count() as u64;
        let flagged = score.rows.iter().filter(|row| row.verdict.is_some_and(|verdict| verdict.flagged)).count();
        self.series += 1;
        self.judged += judged;
        self.learnt += score.rows.len() as u64 - judged;
        self.flagged += flagged as u64;
        self.never_judged += u64::from(judged == 0);
        self.unfinished += u64::from(score.notes.unfinished);
        self.notes.gaps += score.notes.gaps;
        self.notes.unknown += score.notes.unknown;
        self.notes.zeros += score.notes.zeros;
        self.notes.merged += score.notes.merged;
        self.notes.fractions += score.notes.fractions;
    }
}

fn write_all<Out: Write>(
    judge: &Judge<'_>,
    table: &CountTable,
    args: &ScoreArgs,
    mut writer: ScoreWriter<Out>,
    target: &Path,
) -> anyhow::Result<Totals> {
    let mut totals = Totals::default();
    for some in table.series.chunks(AT_ONCE) {
        let scores: Vec<SeriesScore> =
            some.par_iter().map(|series| judge.score(&args.counts, series)).collect::<Result<_, _>>()?;
        for score in &scores {
            totals.add(score);
        }
        writer.add(&scores).map_err(|error| written(target, error))?;
    }
    writer.finish(target)?;
    Ok(totals)
}

/// A failure to write, of a pipe or of a file that has its name only when it is whole.
fn written(target: &Path, error: io::Error) -> crate::Error {
    // The words of an unfinished file's own errors name it, which is nobody's business.
    let source = error.raw_os_error().map_or(error, io::Error::from_raw_os_error);
    crate::Error::write(target)(source)
}

fn summary(totals: &Totals, judge: &Judge<'_>, max_p: f64) -> String {
    let mut lines = vec![format!(
        "{} series in buckets of {}: {} judged, {} only learnt from; {} flagged (p at most {max_p})",
        number(totals.series),
        width(i64::from(judge.bucket())),
        counted(totals.judged, "bucket", "buckets"),
        number(totals.learnt),
        number(totals.flagged)
    )];
    if let Some(step) = judge.wider_step() {
        lines.push(format!("! rows are {} apart, more than a bucket is wide; see --bucket", width(step)));
    }
    lines.extend(remarks(totals));
    lines.join("\n")
}

/// What is worth knowing about how rows were read: how many, in words for one and for many.
fn remarks(totals: &Totals) -> impl Iterator<Item = String> {
    let Notes { gaps, unknown, zeros, merged, fractions, .. } = totals.notes;
    let short = "series too short for a single bucket to be judged; see --warmup";
    let remarks = [
        (totals.never_judged, short, short),
        (
            totals.unfinished,
            "series ends in a bucket that is unfinished, which was not judged",
            "series end in a bucket that is unfinished, which was not judged",
        ),
        (
            gaps as u64,
            "bucket has no row and was left out as a gap; see --missing",
            "buckets have no row and were left out as gaps; see --missing",
        ),
        (
            unknown as u64,
            "bucket has a row that could not be used and was left out as a gap",
            "buckets have a row that could not be used and were left out as gaps",
        ),
        (
            zeros as u64,
            "bucket has no row and was taken as zero; see --missing",
            "buckets have no row and were taken as zero; see --missing",
        ),
        (
            merged as u64,
            "row fell into a bucket that had one already and was added to it",
            "rows fell into a bucket that had one already and were added to it",
        ),
        (
            fractions as u64,
            "value is not a whole number and was judged as the nearest one",
            "values are not whole numbers and were judged as the nearest one",
        ),
    ];
    let told = remarks.into_iter().filter(|(count, ..)| *count > 0);
    told.map(|(count, one, many)| format!("! {}", counted(count, one, many)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_read_and_said() {
        for (text, seconds) in
            [("5m", 300), ("30m", 1800), ("1h", 3600), ("1d", DAY_SECONDS), ("1w", WEEK_SECONDS), ("90s", 90)]
        {
            assert_eq!(parse_bucket(text), Ok(Choice::Is(seconds)));
        }
        assert_eq!(parse_bucket("auto"), Ok(Choice::Auto));
        for text in ["", "m", "0m", "2w", "5x", "-1h", "99999999999w", "5é"] {
            assert!(parse_bucket(text).is_err(), "{text}");
        }
    }

    #[test]
    fn seasons_are_read() {
        assert_eq!(parse_season("24x7"), Ok(Choice::Is(Season::Week)));
        assert_eq!(parse_season("52"), Ok(Choice::Is(Season::Buckets(52))));
        for text in ["", "1", "0", "yearly", "99999"] {
            assert!(parse_season(text).is_err(), "{text}");
        }
    }
}
