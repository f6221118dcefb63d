//! What was counted of a family's names, written down where memory has no room for it, and taken up again some names at a time.
//!
//! A name and its five-minute counts are a record, and all records of a name are in the same part of the file: so a part can be counted to its
//! end without the others. Hashes are seeded, so that nobody can make up names that are all in one part.

use std::hash::BuildHasher;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use foldhash::quality::RandomState;

use crate::error::{Error, Result};
use crate::rollup::Family;
use crate::rollup::day::FamilyRollup;
use crate::rollup::hours::{Cell, HourlyCounts};
use crate::rollup::members::{EntityKey, Members};
use crate::storage::Spill;

/// A part holds about so many of all names.
const PARTS: usize = 256;

/// Counts of one family's names, on a disk; several counters may add to them.
#[derive(Debug)]
pub(super) struct Shed {
    family: Family,
    hasher: RandomState,
    spill: Mutex<Spill>,
}

impl Shed {
    /// Nothing yet, on the disk of a folder.
    pub(super) fn create(family: Family, folder: &Path) -> Result<Self> {
        let spill = Mutex::new(Spill::create(folder, PARTS)?);
        Ok(Self { family, hasher: RandomState::default(), spill })
    }

    /// Adds names and what was counted of them; `cells` name members by their place among `keys`, in that order.
    pub(super) fn put<'a>(&self, keys: impl Iterator<Item = &'a EntityKey>, mut cells: &[Cell]) -> Result<()> {
        let mut spill = self.spill.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = Vec::new();
        for (member, key) in (0..).zip(keys) {
            let (own, others) = cells.split_at(cells.iter().take_while(|cell| cell.member == member).count());
            cells = others;
            write(key.as_str(), own, &mut record);
            spill.put(self.hasher.hash_one(key.as_str()), &record)?;
        }
        Ok(())
    }

    /// Calls `each` with some names after others, each counted to its end.
    pub(super) fn for_each_part(self, mut each: impl FnMut(FamilyRollup)) -> Result<()> {
        let family = self.family;
        let spill = self.spill.into_inner().unwrap_or_else(PoisonError::into_inner);
        spill.for_each_part(|records| {
            each(read(family, records).ok_or_else(|| Error::internal("what was shed does not come back as it was"))?);
            Ok(())
        })
    }
}

fn write(key: &str, cells: &[Cell], record: &mut Vec<u8>) {
    record.clear();
    record.extend((key.len() as u32).to_le_bytes());
    record.extend(key.as_bytes());
    record.extend((cells.len() as u32).to_le_bytes());
    for cell in cells {
        record.extend(u32::from(cell.slot).to_le_bytes());
        record.extend(cell.calls.to_le_bytes());
        record.extend(cell.errors.to_le_bytes());
    }
}

/// Adds up the records of a part; `None` if they are not what was written.
fn read(family: Family, mut records: &[u8]) -> Option<FamilyRollup> {
    let (mut members, mut hours) = (Members::default(), HourlyCounts::default());
    while !records.is_empty() {
        let length = number(&mut records)? as usize;
        let (key, rest) = records.split_at_checked(length)?;
        records = rest;
        let lasting = members.intern(EntityKey::of_joined(std::str::from_utf8(key).ok()?));
        let member = members.number_of_day(lasting);
        for _ in 0..number(&mut records)? {
            let [slot, calls, errors] = [number(&mut records)?, number(&mut records)?, number(&mut records)?];
            hours.add_part(Cell { slot: slot as u16, member, calls, errors });
        }
    }
    let (members, ranks) = members.in_order();
    let hours = hours.finish(members.len());
    Some(FamilyRollup::new(family, members, &ranks, hours))
}

fn number(records: &mut &[u8]) -> Option<u32> {
    let (number, rest) = records.split_first_chunk()?;
    *records = rest;
    Some(u32::from_le_bytes(*number))
}
