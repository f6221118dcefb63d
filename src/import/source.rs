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

/// Finds log files in files and folders, in the order of their paths, each once.
pub(super) fn find(roots: &[PathBuf]) -> Result<Vec<LogFile>> {
    let mut paths = Vec::new();
    for root in roots {
        if fs::metadata(root).map_err(Error::read(root))?.is_file() {
            paths.push(root.clone());
        } else {
            list(root, &mut paths)?;
        }
    }
    paths.sort();
    paths.dedup();
    if paths.is_empty() {
        return Err(Error::NoLogs { path: roots.first().cloned().unwrap_or_default() });
    }
    let sized = |path: PathBuf| {
        let size = fs::metadata(&path).map_err(Error::read(&path))?.len();
        Ok(LogFile { path, size })
    };
    // Of several that fail the first is told, whichever thread was faster.
    paths.into_par_iter().map(sized).collect::<Vec<_>>().into_iter().collect()
}

fn list(path: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(path).map_err(Error::read(path))?;
    let mut entries: Vec<DirEntry> = entries.collect::<io::Result<_>>().map_err(Error::read(path))?;
    entries.sort_by_cached_key(DirEntry::file_name);
    for entry in entries {
        let inner = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if hidden {
            continue;
        }
        if is_file(&entry)? {
            if has_known_ending(&inner) {
                found.push(inner);
            }
        } else {
            list(&inner, found)?;
        }
    }
    Ok(())
}

/// Whether an entry is a file, or a link to one.
fn is_file(entry: &DirEntry) -> Result<bool> {
    let kind = entry.file_type().map_err(Error::read(&entry.path()))?;
    if kind.is_file() || kind.is_dir() {
        return Ok(kind.is_file());
    }
    Ok(fs::metadata(entry.path()).map_err(Error::read(&entry.path()))?.is_file())
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
