//! What can go wrong, in words a person can act on.
//!
//! An error names the file, what was found and what was expected; [`Error::hint`] says what to do next, apart from the
//! message, so that a terminal, a log and a test can each show what they need. Things that concern one file among many
//! are not errors but [`crate::partition::Problem`]s: they are collected, and the work goes on.

mod caught;

use std::io;
use std::path::{Path, PathBuf};

pub use caught::{caught, caught_everywhere};

/// The library's result.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that stops a command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// What was being read.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// What was being written.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A Parquet file is damaged, or is no Parquet at all.
    #[error("`{}` is not readable Parquet: {message}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the decoder met.
        message: String,
    },
    /// A Parquet file of events lacks a column that nothing can stand in for.
    #[error("`{}` has no column for `{column}`; it has {found}", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The canonical name of what is missing.
        column: &'static str,
        /// The columns that are there, for the reader's eye.
        found: String,
    },
    /// A column is of a type that cannot hold what it should.
    #[error("`{}`, column `{column}`: expected {expected}, found {found}", path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column, as it is named in the file.
        column: String,
        /// What would have been read.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// There is nothing to work on.
    #[error("no event partitions in `{}`", path.display())]
    NoPartitions {
        /// The folder that was searched.
        path: PathBuf,
    },
    /// No log files were found to import.
    #[error("no log files in `{}`", path.display())]
    NoLogs {
        /// The folder that was searched.
        path: PathBuf,
    },
    /// The asked-for day has no events.
    #[error("no events on {date} in `{}`; there are events from {first} to {last}{why}", path.display())]
    NoSuchDate {
        /// The folder that was searched.
        path: PathBuf,
        /// The day asked for.
        date: chrono::NaiveDate,
        /// The earliest day that is there.
        first: chrono::NaiveDate,
        /// The latest day that is there.
        last: chrono::NaiveDate,
        /// What may have been the reason, in words; empty where nothing is known of one.
        why: String,
    },
    /// The asked-for day was not judged.
    #[error("`{}` has no results of {date}; there are some from {first} to {last}", path.display())]
    NoSuchNight {
        /// The state directory.
        path: PathBuf,
        /// The day asked for.
        date: chrono::NaiveDate,
        /// The earliest day that was judged.
        first: chrono::NaiveDate,
        /// The latest day that was judged.
        last: chrono::NaiveDate,
    },
    /// The asked-for day has files, and none of them can be used.
    #[error("nothing of {date} can be used: {problems}")]
    NothingUsable {
        /// The day asked for.
        date: chrono::NaiveDate,
        /// The files and what is wrong with them.
        problems: String,
    },
    /// No day before today has events that can be used.
    #[error("no usable events before today ({today}) in `{}`{problem}", path.display())]
    NothingBefore {
        /// The folder that was searched.
        path: PathBuf,
        /// Today.
        today: chrono::NaiveDate,
        /// What is wrong with a file, after a semicolon; empty if nothing is.
        problem: String,
    },
    /// The nights of a run needed more memory than is allowed.
    #[error("{needed} of memory were needed, more than the limit of {limit}; {days} judged and stay so")]
    Memory {
        /// How much was needed, in words.
        needed: String,
        /// How much is allowed.
        limit: String,
        /// How many days were judged before, with their verb.
        days: String,
    },
    /// The night was judged while its events could be read, and now they cannot.
    #[error("{date} was judged before, and its events {found}; what was reported then is kept", found = what_became(problems))]
    EventsGone {
        /// The night.
        date: chrono::NaiveDate,
        /// The files that are there and what is wrong with them; empty if there are none.
        problems: String,
    },
    /// Someone else writes to the same state directory.
    #[error("`{}` is in use by {holder}", path.display())]
    Locked {
        /// The state directory.
        path: PathBuf,
        /// Who holds it, as the lock file says.
        holder: String,
    },
    /// A settings file cannot be used.
    #[error("`{}`: {message}", path.display())]
    Settings {
        /// The settings file.
        path: PathBuf,
        /// Line, column and reason.
        message: String,
    },
    /// What was asked for cannot be understood, or cannot be.
    #[error("{message}")]
    Query {
        /// What is wrong and where; may have several lines.
        message: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// A file that this program wrote is not in a form that it can read.
    #[error("`{}` is not a rollup that this version can read: {message}", path.display())]
    Rollup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A file of the history is of a later version of this program.
    #[error("`{}` is of a newer version of this program: {message}", path.display())]
    NewerRollup {
        /// The file.
        path: PathBuf,
        /// Which formats it has and is known here.
        message: String,
    },
    /// A table of counts cannot be scored.
    #[error("`{}` cannot be scored: {message}", path.display())]
    Counts {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// There are no insights to evaluate.
    #[error("no insights in `{}`", path.display())]
    NoInsights {
        /// The folder that was searched.
        path: PathBuf,
    },
    /// A line of a text file is not what it should be.
    #[error("`{}`, line {line}: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// What a night left to those after it is damaged.
    #[error("`{}` is damaged, in which {date} leaves something to the days after it: {message}", path.display())]
    Left {
        /// The file.
        path: PathBuf,
        /// The night that wrote it.
        date: chrono::NaiveDate,
        /// What is wrong with it.
        message: String,
    },
    /// The program that is told of alerts was not told.
    #[error("alerts.command: `{program}` {message}")]
    Notify {
        /// The program.
        program: String,
        /// What went wrong.
        message: String,
    },
    /// A count does not add up: a defect of this program, never to be passed over.
    #[error("internal check failed: {0}")]
    Internal(String),
}

/// How alike two words must be for one to be meant by the other.
const ALIKE: f64 = 0.7;

/// The known word that may have been meant by `word`: the most like it, if it is like it at all; case does not matter.
pub fn meant<'known>(word: &str, known: impl IntoIterator<Item = &'known str>) -> Option<&'known str> {
    let word = word.to_lowercase();
    let scored = known.into_iter().map(|name| (likeness(&word, &name.to_lowercase()), name));
    let best = scored.max_by(|left, right| left.0.total_cmp(&right.0));
    best.filter(|(likeness, _)| *likeness > ALIKE).map(|(_, name)| name)
}

/// From 0 to 1; in short words a letter too many or too few counts little.
fn likeness(word: &str, name: &str) -> f64 {
    let alike = strsim::jaro_winkler(word, name);
    if word.len() > 1 && strsim::damerau_levenshtein(word, name) == 1 { alike.max(ALIKE + 0.01) } else { alike }
}

/// `; did you mean `region`?`, or nothing.
pub fn did_you_mean<'known>(word: &str, known: impl IntoIterator<Item = &'known str>) -> String {
    meant(word, known).map_or(String::new(), |name| format!("; did you mean `{name}`?"))
}

fn what_became(problems: &str) -> String {
    if problems.is_empty() { "are gone".to_owned() } else { format!("cannot be read: {problems}") }
}

impl Error {
    /// A reading error at `path`.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Read { path, source }
    }

    /// A writing error at `path`.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Write { path, source }
    }

    /// A file to be written whose ending says nothing of its form.
    pub fn unknown_ending(out: &Path, endings: &str) -> Self {
        let message = format!("--out: nothing is known of how to write `{}`", out.display());
        Self::Query { message, hint: Some(format!("expected a name that ends with {endings}")) }
    }

    /// A defect of this program, by whatever error shows it.
    #[allow(clippy::needless_pass_by_value, reason = "it stands in `map_err` as it is")]
    pub fn internal<E: ToString>(error: E) -> Self {
        Self::Internal(error.to_string())
    }

    /// A table of counts at `path` that cannot be scored.
    pub fn counts(path: &Path, message: String) -> Self {
        Self::Counts { path: path.to_path_buf(), message }
    }

    /// An error while making a folder at `path`; a file that stands there is one that is no folder.
    pub fn folder(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| {
            let is_file = std::fs::metadata(&path).is_ok_and(|found| found.is_file());
            let source = if is_file { io::ErrorKind::NotADirectory.into() } else { source };
            Self::Write { path, source }
        }
    }

    /// A Parquet error at `path`; the operating system's own errors keep their words.
    pub fn parquet<E: ToString>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Parquet { path, message: source.to_string() }
    }

    /// Reads what a Parquet file at `path` holds, with the library's decoder, which may panic at what is damaged.
    pub fn if_damaged<T>(path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
        caught(read).unwrap_or_else(|panicked| {
            let message = format!("it is damaged: {panicked}");
            Err(Self::Parquet { path: path.to_path_buf(), message })
        })
    }

    /// What is wrong with a file, for where its name stands beside it already.
    pub fn about_its_file(&self) -> String {
        match self {
            Self::Read { source, .. } => format!("cannot be read: {source}"),
            Self::Parquet { message, .. } => format!("not readable Parquet: {message}"),
            Self::MissingColumn { column, found, .. } => format!("has no column for `{column}`; it has {found}"),
            Self::ColumnType { column, expected, found, .. } => {
                format!("column `{column}`: expected {expected}, found {found}")
            }
            Self::Rollup { message, .. } | Self::NewerRollup { message, .. } | Self::Counts { message, .. } => {
                message.clone()
            }
            Self::Line { line, message, .. } => format!("line {line}: {message}"),
            other => other.to_string(),
        }
    }

    /// What to try next, where there is something to try.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSuchNight { date, .. } => {
                Some(format!("judge that day first: `insights run EVENTS --date {date}`"))
            }
            Self::EventsGone { date, .. } => Some(format!(
                "put the events back and run this again; to judge by the counts alone, remove `runs/{date}.json` from the \
                 state first"
            )),
            Self::Left { date, .. } => Some(format!(
                "`insights run EVENTS --date {date}` makes it anew from that day's events; where these are gone, remove the file \
                 to do without what it told"
            )),
            Self::Query { hint, .. } => hint.clone(),
            other => other.usual_hint().map(str::to_owned),
        }
    }

    /// What to try next where nothing of the case matters but its kind.
    fn usual_hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoPartitions { .. } => {
                "expected `date=YYYY-MM-DD/*.parquet`, `year=/month=/day=` folders or Parquet files; \
                 make partitions from audit logs with `insights import LOGS --out EVENTS`"
            }
            Self::NoLogs { .. } => {
                "expected files ending in .json, .jsonl, .ndjson, .log, .txt or .gz, or name the files themselves"
            }
            Self::MissingColumn { .. } => "name the file's own column for it under `[columns]` in insights.toml",
            Self::NoInsights { .. } => {
                "expected a state directory of `insights run`, its `insights` folder, or a file of insights"
            }
            Self::NoSuchDate { .. } => "choose a day with events, or leave out the date for the newest",
            Self::NothingBefore { .. } => "name the day with `--date` to judge one that is not over, or mend the files",
            Self::NothingUsable { .. } => "mend or replace the files, or judge another day",
            Self::Memory { .. } => {
                "run the same command with a higher limit, or from the next day on: it goes on from there"
            }
            Self::ColumnType { .. } => "name another column of the file for it under `[columns]` in insights.toml",
            Self::Settings { .. } => {
                "`insights settings --example` prints every setting with what it does and its default"
            }
            Self::Locked { .. } => "wait for the other run to end, or give this one another folder",
            Self::Write { source, .. } if source.kind() == io::ErrorKind::NotADirectory => {
                "a file stands where a folder should; name another place"
            }
            Self::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some space and run the same command again; what was finished before is kept"
            }
            Self::Write { source, .. }
                if matches!(source.kind(), io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded) =>
            {
                "raise the limit on files (`ulimit -f`, a quota) and run the same command again; what was finished before is kept"
            }
            Self::Rollup { .. } => {
                "its day's events are not there to make it anew: put them back and run this again, or delete the file to do without the day"
            }
            Self::NewerRollup { .. } => {
                "run the newer version, or delete the file: the next run makes it anew from the events"
            }
            Self::Counts { .. } => {
                "expected CSV with a header line, or Parquet, with the columns `timestamp`, `value` and, for several \
                 series, `series`"
            }
            Self::Notify { .. } => "what it should have been told is told again by the next start",
            Self::Internal(_) => "please report this, with the command that you ran",
            _ => return None,
        })
    }

    /// Whether it is about the night that was asked for alone, so that others can be judged.
    pub const fn is_of_one_night(&self) -> bool {
        matches!(self, Self::NothingUsable { .. } | Self::EventsGone { .. })
    }

    /// The process exit code that tells a scheduler what kind of trouble this is.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings { .. } | Self::NoSuchDate { .. } | Self::NoSuchNight { .. } | Self::Query { .. } => 2,
            _ => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_alike_may_have_been_meant() {
        assert_eq!(meant("reigon", ["resource", "region"]), Some("region"));
        assert_eq!(meant("REGION", ["region"]), Some("region"));
        assert_eq!(meant("foo", ["who", "operations.keep"]), None);
        assert_eq!(meant("wo", ["who", "why"]), Some("who"));
        assert_eq!(meant("", ["region"]), None);
        assert_eq!(did_you_mean("nope", ["many_errors"]), "");
    }
}
