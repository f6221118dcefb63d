//! Log files on disk: finding them, and reading them plain or compressed.
//!
//! Whether a file is compressed is told by its content. What comes out of a compressed file is capped, for a small file can
//! be made to hold more than any disk.

use std::fs::{self, DirEntry, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::partition::{Problem, neither_file_nor_folder, no_loop};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const READ_BUFFER: usize = 1 << 17;
/// Endings that log files have; files named outright may have any.
const ENDINGS: [&str; 6] = ["json", "jsonl", "ndjson", "log", "gz", "txt"];

/// A log file.
#[derive(Debug, Clone)]
pub(super) struct LogFile {
    pub(super) path: PathBuf,
    pub(super) size: u64,
}

/// What files and folders hold.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The log files, in the order of their paths, each once.
    pub(super) files: Vec<LogFile>,
    /// What could not be listed.
    pub(super) problems: Vec<Problem>,
    /// Files in folders whose endings log files do not have.
    pub(super) other_endings: u64,
}

/// Finds log files in files and folders. What is named outright must be there; what is wrong in a folder costs itself alone.
pub(super) fn find(roots: &[PathBuf]) -> Result<Found> {
    let (mut paths, mut found) = (Vec::new(), Found::default());
    for root in roots {
        let kind = fs::metadata(root).map_err(Error::read(root))?;
        if kind.is_file() {
            paths.push(root.clone());
        } else if kind.is_dir() {
            list(root, &mut paths, &mut found)?;
        } else {
            return Err(Error::read(root)(neither_file_nor_folder()));
        }
    }
    paths.sort();
    paths.dedup();
    let sized = |path: PathBuf| (fs::metadata(&path), path);
    for (kind, path) in paths.into_par_iter().map(sized).collect::<Vec<_>>() {
        match kind {
            Ok(kind) => found.files.push(LogFile { path, size: kind.len() }),
            Err(error) => found.note(&path, &Error::read(&path)(error)),
        }
    }
    if found.files.is_empty() && found.problems.is_empty() {
        return Err(Error::NoLogs { path: roots.first().cloned().unwrap_or_default() });
    }
    Ok(found)
}

impl Found {
    fn note(&mut self, path: &Path, error: &Error) {
        self.problems.push(Problem { file: path.display().to_string(), message: error.about_its_file() });
    }
}

fn list(path: &Path, paths: &mut Vec<PathBuf>, found: &mut Found) -> Result<()> {
    let entries = fs::read_dir(path).map_err(Error::read(path))?;
    let mut entries: Vec<DirEntry> = entries.collect::<io::Result<_>>().map_err(Error::read(path))?;
    entries.sort_by_cached_key(DirEntry::file_name);
    for entry in entries {
        let inner = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && let Err(error) = take_entry(&entry, &inner, paths, found) {
            found.note(&inner, &error);
        }
    }
    Ok(())
}

fn take_entry(entry: &DirEntry, path: &Path, paths: &mut Vec<PathBuf>, found: &mut Found) -> Result<()> {
    if !is_file(entry)? {
        no_loop(path)?;
        return list(path, paths, found);
    }
    if has_known_ending(path) {
        paths.push(path.to_path_buf());
    } else {
        found.other_endings += 1;
    }
    Ok(())
}

/// Whether an entry is a file, or a link to one, and else a folder.
fn is_file(entry: &DirEntry) -> Result<bool> {
    let kind = entry.file_type().map_err(Error::read(&entry.path()))?;
    if kind.is_file() || kind.is_dir() {
        return Ok(kind.is_file());
    }
    let kind = fs::metadata(entry.path()).map_err(Error::read(&entry.path()))?;
    if kind.is_file() || kind.is_dir() {
        return Ok(kind.is_file());
    }
    Err(Error::read(&entry.path())(neither_file_nor_folder()))
}

fn has_known_ending(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// Opens a file for reading its text, whatever its name says; `read` counts the bytes taken from disk.
pub(super) fn open(path: &Path, most: u64, read: Arc<AtomicU64>) -> io::Result<Box<dyn Read>> {
    let mut file = BufReader::with_capacity(READ_BUFFER, Counted { inner: File::open(path)?, read });
    if file.fill_buf()?.starts_with(&GZIP_MAGIC) {
        return Ok(Box::new(Capped { inner: MultiGzDecoder::new(file), left: most, most }));
    }
    Ok(Box::new(file))
}

struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

struct Capped<R> {
    inner: R,
    left: u64,
    most: u64,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)? as u64;
        if count > self.left {
            let message = format!("it decompresses to more than {} bytes (see --max-decompressed)", self.most);
            return Err(io::Error::other(message));
        }
        self.left -= count;
        Ok(count as usize)
    }
}
