//! What memory has no room for, in parts, on a disk: written record by record, and read back part by part.
//!
//! The file has no name from the beginning, so nothing of it is left whatever ends the program.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Bytes of a part that wait in memory to be written together.
const WAITING: usize = 1 << 15;

/// Records in a file without a name, each in one of several parts.
#[derive(Debug)]
pub struct Spill {
    folder: PathBuf,
    file: File,
    end: u64,
    parts: Vec<PartPieces>,
}

/// Where the records of a part are: those that are written in pieces, the last in memory.
#[derive(Debug, Clone, Default)]
struct PartPieces {
    pieces: Vec<(u64, usize)>,
    waiting: Vec<u8>,
}

impl Spill {
    /// An empty file on the disk of `folder`, which is made if need be.
    ///
    /// # Errors
    /// When there can be no file there.
    pub fn create(folder: &Path, parts: usize) -> Result<Self> {
        fs::create_dir_all(folder).map_err(Error::folder(folder))?;
        let file = tempfile::tempfile_in(folder).map_err(Error::write(folder))?;
        Ok(Self { folder: folder.to_path_buf(), file, end: 0, parts: vec![PartPieces::default(); parts.max(1)] })
    }

    /// Adds a record to the part that a hash says.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn put(&mut self, hash: u64, record: &[u8]) -> Result<()> {
        let place = (hash % self.parts.len() as u64) as usize;
        self.parts[place].waiting.extend_from_slice(record);
        if self.parts[place].waiting.len() < WAITING { Ok(()) } else { self.write(place) }
    }

    fn write(&mut self, place: usize) -> Result<()> {
        let part = &mut self.parts[place];
        self.file.write_all(&part.waiting).map_err(Error::write(&self.folder))?;
        part.pieces.push((self.end, part.waiting.len()));
        self.end += part.waiting.len() as u64;
        part.waiting.clear();
        Ok(())
    }

    /// Calls `each` with the records of every part, one after another, and gives their place back.
    ///
    /// # Errors
    /// Those of `each`, or when the file cannot be read.
    pub fn for_each_part(mut self, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut records = Vec::new();
        for part in std::mem::take(&mut self.parts) {
            records.clear();
            for (begin, length) in part.pieces {
                let piece = records.len();
                records.resize(piece + length, 0);
                let read =
                    self.file.seek(SeekFrom::Start(begin)).and_then(|_| self.file.read_exact(&mut records[piece..]));
                read.map_err(Error::read(&self.folder))?;
            }
            records.extend_from_slice(&part.waiting);
            each(&records)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_comes_back_in_its_part_in_order_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new");
        let mut spill = Spill::create(&place, 3).unwrap();
        let record = |number: u32| number.to_le_bytes().repeat(400);
        (0..100).for_each(|number| spill.put(u64::from(number), &record(number)).unwrap());
        assert!(spill.end > 0 && spill.parts.iter().all(|part| !part.waiting.is_empty()));
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0, "the file has a name");
        let mut parts = Vec::new();
        spill
            .for_each_part(|records| {
                parts.push(records.to_vec());
                Ok(())
            })
            .unwrap();
        let expected: Vec<Vec<u8>> =
            (0..3).map(|part| (0..100).filter(|number| number % 3 == part).flat_map(record).collect()).collect();
        assert!(parts == expected);
    }

    #[test]
    fn a_place_that_is_no_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("file");
        fs::write(&taken, "").unwrap();
        let refused = Spill::create(&taken, 1).unwrap_err().to_string();
        assert!(refused.contains(taken.to_str().unwrap()), "{refused}");
    }
}
