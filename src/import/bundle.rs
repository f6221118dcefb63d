//! Reading log files in bundles: the unit of work for a thread.
//!
//! A bundle is some files that follow one another, enough of them to make a run worth merging. How files fall into bundles
//! depends on their sizes alone, so the runs are the same for any number of threads.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::import::frame::{Framer, Workspace};
use crate::import::outline::Outline;
use crate::import::record::RecordError;
use crate::import::rows::Rows;
use crate::import::run::{Run, RunSpace};
use crate::import::source::{self, LogFile};
use crate::import::surrogates::mended;
use crate::import::{ImportProgress, Limits, record};
use crate::partition::Problem;

/// Bytes of files in a bundle, as they are on disk: few enough that all cores have work to the end, but no fewer than make a run, and
/// no more than make a large one.
const BUNDLE_BYTES: RangeInclusive<u64> = 1 << 19..=4 << 20;
/// Bundles that are aimed at between these bounds.
const BUNDLES: u64 = 64;
/// Bytes of events in a run, as they are in memory.
const RUN_BYTES: usize = 24 << 20;
/// Kinds of fault that are named for one file; more are only counted.
const NAMED_FAULTS: usize = 20;
/// Events between two reports of progress.
const REPORT_EVERY: u64 = 4096;

/// What came out of a bundle.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    pub(super) events: u64,
    pub(super) set_aside: u64,
    pub(super) runs: Vec<Run>,
    pub(super) problems: Vec<Problem>,
    /// What is known to be no event.
    pub(super) passed_over: BTreeMap<&'static str, u64>,
}

/// Reads all files.
pub(super) fn read_all(
    files: &[LogFile],
    limits: &Limits,
    spill: &std::path::Path,
    progress: &dyn ImportProgress,
) -> Result<Vec<Bundle>> {
    let space = RunSpace { folder: spill, resident: AtomicUsize::new(0) };
    let bundles = bundles(files);
    let read = |(number, files): (usize, &&[LogFile])| {
        let mut reader = BundleReader {
            number,
            space: &space,
            limits: *limits,
            progress,
            rows: Rows::new(),
            workspace: Workspace::default(),
            bundle: Bundle::default(),
        };
        files.iter().try_for_each(|file| reader.read(file))?;
        reader.close_run()?;
        Ok(reader.bundle)
    };
    bundles.par_iter().enumerate().with_max_len(1).map(read).collect()
}

fn bundles(files: &[LogFile]) -> Vec<&[LogFile]> {
    let mut bundles = Vec::new();
    let all: u64 = files.iter().map(|file| file.size).sum();
    let enough = (all / BUNDLES).clamp(*BUNDLE_BYTES.start(), *BUNDLE_BYTES.end());
    let (mut first, mut bytes) = (0, 0);
    for (index, file) in files.iter().enumerate() {
        bytes += file.size;
        if bytes >= enough || index + 1 == files.len() {
            bundles.push(&files[first..=index]);
            (first, bytes) = (index + 1, 0);
        }
    }
    bundles
}

struct BundleReader<'a> {
    number: usize,
    space: &'a RunSpace<'a>,
    limits: Limits,
    progress: &'a dyn ImportProgress,
    rows: Rows,
    workspace: Workspace,
    bundle: Bundle,
}

/// What is wrong with a file, by kind, in the order of appearance.
#[derive(Default)]
struct Faults(Vec<Fault>);

struct Fault {
    message: String,
    /// The number of the first record that has it, from 1; `None` where no record is at fault.
    first: Option<u64>,
    count: u64,
}

impl Faults {
    fn note(&mut self, message: String, record: Option<u64>) {
        let known = |message: &str| self.0.iter().position(|known| known.message == message);
        let room = self.0.len() < NAMED_FAULTS;
        let message = if room || known(&message).is_some() { message } else { "faults of other kinds".to_owned() };
        match known(&message) {
            Some(place) => self.0[place].count += 1,
            None => self.0.push(Fault { message, first: record, count: 1 }),
        }
    }

    fn into_problems(self, file: &std::path::Path) -> impl Iterator<Item = Problem> {
        let file = file.display().to_string();
        let words = |Fault { message, first, count }: Fault| match (first, count) {
            (None, 1) => message,
            (None, _) => format!("{message} ({count} times)"),
            (Some(first), 1) => format!("record {first}: {message}"),
            (Some(first), _) => format!("from record {first} on: {message} ({count} times)"),
        };
        self.0.into_iter().map(move |fault| Problem { file: file.clone(), message: words(fault) })
    }
}

impl BundleReader<'_> {
    /// Reads a file; what is wrong with it is noted, and only trouble with our own disk is an error.
    fn read(&mut self, file: &LogFile) -> Result<()> {
        let consumed = Arc::new(AtomicU64::new(0));
        let mut faults = Faults::default();
        let before = self.bundle.events;
        if file.size == 0 {
            faults.note("the file is empty (0 bytes)".to_owned(), None);
        }
        match source::open(&file.path, self.limits.decompressed, consumed.clone()) {
            Err(error) => faults.note(format!("reading stopped: {error}"), None),
            Ok(reader) => self.read_records(reader, &mut faults, &consumed)?,
        }
        self.bundle.problems.extend(faults.into_problems(&file.path));
        let reported = (self.bundle.events - before) / REPORT_EVERY * REPORT_EVERY;
        self.progress.advance(consumed.swap(0, Ordering::Relaxed), self.bundle.events - before - reported);
        Ok(())
    }

    fn read_records(&mut self, reader: impl Read, faults: &mut Faults, consumed: &AtomicU64) -> Result<()> {
        let mut framer = Framer::new(reader, self.limits, std::mem::take(&mut self.workspace));
        let (mut found, mut number) = (0, 0);
        while let Some(record) = framer.next() {
            number += 1;
            let (length, events, outcome) = match record {
                Ok(record) => {
                    // Nearly all records are sound, and that is found out faster than what is wrong with the others.
                    let text = std::str::from_utf8(record.bytes)
                        .map_or_else(|_| String::from_utf8_lossy(record.bytes), Cow::Borrowed);
                    if matches!(text, Cow::Owned(_)) {
                        faults.note("bytes that are no UTF-8 were replaced by U+FFFD".to_owned(), Some(number));
                    }
                    let outline = record.outline.filter(|_| matches!(text, Cow::Borrowed(_)));
                    take_record(&mut self.rows, &text, outline, record.bytes.len())
                }
                Err(error) => (0, 0, Outcome { errors: vec![error.to_string()], ..Outcome::default() }),
            };
            self.bundle.events += events;
            found += events;
            if found >= REPORT_EVERY {
                self.progress.advance(consumed.swap(0, Ordering::Relaxed), REPORT_EVERY);
                found -= REPORT_EVERY;
            }
            if events == 0 && outcome.passed_over.is_empty() {
                framer.reject(length);
            }
            self.bundle.set_aside += outcome.errors.len() as u64;
            for message in outcome.errors {
                faults.note(message, Some(number));
            }
            if outcome.has_halves {
                faults.note("halves of characters were replaced by U+FFFD".to_owned(), Some(number));
            }
            for what in outcome.passed_over {
                *self.bundle.passed_over.entry(what).or_default() += 1;
            }
            if self.rows.bytes() >= RUN_BYTES {
                self.close_run()?;
            }
        }
        self.workspace = framer.into_workspace();
        Ok(())
    }

    fn close_run(&mut self) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let events = self.rows.finish().map_err(Error::internal)?;
        let name = format!("run-{:06}-{:06}.parquet", self.number, self.bundle.runs.len());
        self.bundle.runs.push(Run::new(&events, self.space, &name)?);
        Ok(())
    }
}

/// What of a record is no event.
#[derive(Default)]
struct Outcome {
    /// What was wrong.
    errors: Vec<String>,
    /// What is known to be none.
    passed_over: Vec<&'static str>,
    /// Whether halves of characters were replaced in it.
    has_halves: bool,
}

/// The length of a record, how many events it held, and what the others in it were.
fn take_record(rows: &mut Rows, text: &str, outline: Option<&Outline>, length: usize) -> (usize, u64, Outcome) {
    let text = mended(text);
    let outline = outline.filter(|_| matches!(text, Cow::Borrowed(_)));
    let (mut events, mut outcome) = (0, Outcome { has_halves: matches!(text, Cow::Owned(_)), ..Outcome::default() });
    record::parse(&text, outline, &mut |event, content| match event {
        Ok(event) => {
            rows.push(&event, content.as_bytes());
            outcome.has_halves |= event.has_halves;
            events += 1;
        }
        Err(RecordError::Foreign(what)) => outcome.passed_over.push(what),
        Err(error) => outcome.errors.push(error.to_string()),
    });
    (length, events, outcome)
}
