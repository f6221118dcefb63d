//! Audit log files in, partitions out: sorted, compact, and every event once.
//!
//! Files are read in bundles on all cores ([`bundle`]); each bundle yields sorted runs of events, held in memory or, beyond a
//! budget, on disk. Then each day's runs are merged, duplicates dropped ([`duplicates`]) and a partition file written ([`merge`]).
//! What cannot be read is named and counted; everything else goes in.

mod bundle;
mod duplicates;
mod frame;
mod merge;
mod outline;
mod record;
mod rows;
mod run;
mod source;
mod surrogates;
mod texts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::partition::Problem;
use crate::storage::{StateLock, TEMPORARY_PREFIX};

pub use frame::Limits;
pub use texts::{EventTexts, event_texts};

/// What to import, where to, and how much of it is believable.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Files, or folders to search for files.
    pub logs: Vec<PathBuf>,
    /// The folder of partitions, new or not.
    pub out: PathBuf,
    /// Caps against input that was made to exhaust us.
    pub limits: Limits,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Files that were looked at.
    pub files: u64,
    /// Events that were read.
    pub events: u64,
    /// Events that are now in partitions and were not before.
    pub added: u64,
    /// Events that were there already, or came twice.
    pub duplicates: u64,
    /// Records that were set aside: broken, beyond a limit, or no audit events.
    pub set_aside: u64,
    /// What is there beside events and is known to be none, with how many there are.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub passed_over: BTreeMap<&'static str, u64>,
    /// The days that got events, each with their number.
    pub days: Vec<(NaiveDate, u64)>,
    /// What was wrong, by file.
    pub problems: Vec<Problem>,
}

/// Told how the work goes on: bytes of input read and events found since the last call.
pub trait ImportProgress: Sync {
    /// The import is about to read so many bytes.
    fn begin(&self, bytes: u64);
    /// So many bytes more were read, and so many events found.
    fn advance(&self, bytes: u64, events: u64);
}

/// Imports log files.
///
/// # Errors
/// [`Error::NoLogs`] when there is nothing to import, [`Error::Locked`] while another import writes there, [`Error::Read`] when a folder cannot be listed, [`Error::Write`] when
/// partitions cannot be written. Unusable files are no errors: they are in the report.
pub fn import(options: &ImportOptions, progress: &dyn ImportProgress) -> Result<ImportReport> {
    let found = source::find(&options.logs)?;
    let files = found.files;
    progress.begin(files.iter().map(|file| file.size).sum());
    let _lock = StateLock::of_events(&options.out)?;
    let spill = SpillFolder::create(&options.out)?;
    let bundles = bundle::read_all(&files, &options.limits, spill.path(), progress)?;
    let mut report = ImportReport { files: files.len() as u64, problems: found.problems, ..ImportReport::default() };
    if found.other_endings > 0 {
        report.passed_over.insert(OTHER_ENDINGS, found.other_endings);
    }
    let mut runs = Vec::new();
    for bundle in bundles {
        report.events += bundle.events;
        report.set_aside += bundle.set_aside;
        report.problems.extend(bundle.problems);
        for (what, count) in bundle.passed_over {
            *report.passed_over.entry(what).or_default() += count;
        }
        runs.extend(bundle.runs);
    }
    merge::write_partitions(&options.out, &runs, &mut report)?;
    Ok(report)
}

/// How files are called whose endings log files do not have.
const OTHER_ENDINGS: &str = "files with other endings";

/// A folder for runs that do not fit in memory; it goes when the import does, however that ends.
struct SpillFolder(tempfile::TempDir);

impl SpillFolder {
    fn create(out: &Path) -> Result<Self> {
        tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempdir_in(out).map(Self).map_err(Error::write(out))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}
