//! Where a row group's columns are read from: their chunks, each brought into memory by one read.
//!
//! Parquet asks for every page header and every page by itself, which from a file is a read and a new handle each time. Chunks
//! that are unusually large stay in the file, so that memory does not grow with how somebody chose to write.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parquet::errors::Result;
use parquet::file::reader::{ChunkReader, Length};

/// A chunk larger than this is read from the file page by page.
const LARGEST: u64 = 1 << 24;

/// A file of which some column chunks are in memory.
#[derive(Debug, Clone)]
pub(super) struct Chunks {
    file: Arc<File>,
    length: u64,
    loaded: Vec<(u64, Bytes)>,
}

impl Chunks {
    /// Reads the chunks that lie in these ranges of bytes.
    pub(super) fn load(
        mut file: File,
        length: u64,
        ranges: impl IntoIterator<Item = Range<u64>>,
    ) -> std::io::Result<Self> {
        let mut loaded = Vec::new();
        for range in ranges.into_iter().filter(|range| range.end - range.start <= LARGEST && range.end <= length) {
            let length = range.end - range.start;
            let mut bytes = Vec::with_capacity(length as usize);
            file.seek(SeekFrom::Start(range.start))?;
            if (&file).take(length).read_to_end(&mut bytes)? as u64 != length {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            loaded.push((range.start, Bytes::from(bytes)));
        }
        Ok(Self { file: Arc::new(file), length, loaded })
    }

    /// What is in memory from `start` on, to the end of its chunk.
    fn from(&self, start: u64) -> Option<Bytes> {
        let within = |(first, bytes): &&(u64, Bytes)| (*first..first + bytes.len() as u64).contains(&start);
        self.loaded.iter().find(within).map(|(first, bytes)| bytes.slice((start - first) as usize..))
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Chunks {
    type T = Source;

    fn get_read(&self, start: u64) -> Result<Source> {
        Ok(match self.from(start) {
            Some(bytes) => Source::Memory(bytes),
            None => Source::File(self.file.get_read(start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        match self.from(start) {
            Some(bytes) if length <= bytes.len() => Ok(bytes.slice(..length)),
            _ => self.file.get_bytes(start, length),
        }
    }
}

/// Bytes to be read one after another.
#[derive(Debug)]
pub(super) enum Source {
    Memory(Bytes),
    File(BufReader<File>),
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Memory(bytes) => {
                let length = buffer.len().min(bytes.len());
                bytes.copy_to_slice(&mut buffer[..length]);
                Ok(length)
            }
            Self::File(file) => file.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn memory_and_file_hold_the_same() {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..200).collect();
        file.write_all(&content).unwrap();
        let chunks = Chunks::load(file, 200, [20..60, 100..120, 190..210]).unwrap();
        assert_eq!(chunks.loaded.len(), 2, "what is not in the file is not read ahead");
        for start in [0, 20, 35, 59, 60, 99, 100, 150] {
            let expected = &content[start..start + 30];
            assert_eq!(chunks.get_bytes(start as u64, 30).unwrap(), expected);
            let mut one = [0; 1];
            chunks.get_read(start as u64).unwrap().read_exact(&mut one).unwrap();
            assert_eq!(one[0], expected[0]);
        }
        assert!(chunks.get_bytes(190, 30).is_err());
    }
}
