//! What of a day's events is known to be there and could not be read: in which files and row groups, and in which hours.
//!
//! What is counted of such hours is the least that there was. Here it is told which hours these are and whether what could not be read
//! can be read by now; what follows from it for a judgement is the business of whoever judges counts.

use std::ops::{BitOrAssign, Range};

use serde::{Deserialize, Serialize};

use crate::partition::{EventFile, Problem, RowGroupReader};
use crate::rollup::inputs::INPUTS;
use crate::time::{DAY_HOURS, HourSpan};

/// Hours of a day of which some rows could not be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<u8>", from = "Vec<u8>")]
pub struct UnreadHours(u32);

impl UnreadHours {
    /// Every hour: nobody knows which rows were in a file that cannot be opened.
    pub const DAY: Self = Self((1 << DAY_HOURS) - 1);

    /// Whether there are none.
    // The signature is serde's.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Whether an hour is one of them.
    pub fn contains(self, hour: usize) -> bool {
        hour < DAY_HOURS && self.0 >> hour & 1 == 1
    }

    /// Whether one of them is among some hours.
    pub fn touches(self, mut hours: Range<usize>) -> bool {
        hours.any(|hour| self.contains(hour))
    }

    /// The hours, ascending.
    pub fn hours(self) -> impl Iterator<Item = u8> {
        (0..DAY_HOURS).filter(move |hour| self.contains(*hour)).map(|hour| hour as u8)
    }
}

impl From<HourSpan> for UnreadHours {
    fn from(hours: HourSpan) -> Self {
        hours.hours().collect::<Vec<u8>>().into()
    }
}

impl From<Vec<u8>> for UnreadHours {
    fn from(hours: Vec<u8>) -> Self {
        let known = hours.into_iter().filter(|hour| usize::from(*hour) < DAY_HOURS);
        Self(known.fold(0, |all, hour| all | 1 << hour))
    }
}

impl From<UnreadHours> for Vec<u8> {
    fn from(hours: UnreadHours) -> Self {
        hours.hours().collect()
    }
}

impl BitOrAssign for UnreadHours {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// A row group that could not be read to its end, or a file that could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The file, or folder, as it is called below the events folder.
    pub file: String,
    /// The row group; `None` where it is all of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_group: Option<usize>,
    /// What was wrong, in words.
    pub message: String,
}

impl Unread {
    /// All of a file.
    pub(super) fn file(problem: &Problem) -> Self {
        Self { file: problem.file.clone(), row_group: None, message: problem.message.clone() }
    }

    /// The same for whoever wants to know what and not where.
    pub fn problem(&self) -> Problem {
        Problem { file: self.file.clone(), message: self.message.clone() }
    }

    /// Whether a row group of one of these files can be read by now: files are put right in their place, with the footer that they had.
    pub(super) fn is_readable_in(&self, files: &[EventFile]) -> bool {
        let file = files.iter().find(|file| file.name == self.file);
        let group = self.row_group.filter(|group| file.is_some_and(|file| *group < file.row_groups.len()));
        file.zip(group).is_some_and(|(file, group)| is_readable(file, group))
    }
}

fn is_readable(file: &EventFile, group: usize) -> bool {
    let batches = RowGroupReader::open(file, group, &INPUTS);
    batches.is_ok_and(|mut batches| batches.all(|batch| batch.is_ok())) && file.unread_responses(group).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_a_set_and_are_written_as_a_list() {
        let mut hours = UnreadHours::from(HourSpan::new(2, 4));
        hours |= UnreadHours::from(vec![23, 24, 3]);
        assert_eq!(serde_json::to_string(&hours).unwrap(), "[2,3,23]");
        assert_eq!(serde_json::from_str::<UnreadHours>("[23,2,3]").unwrap(), hours);
        assert!(hours.contains(3) && !hours.contains(4) && !hours.contains(24));
        assert!(hours.touches(0..3) && !hours.touches(4..23));
        assert_eq!(UnreadHours::DAY.hours().count(), 24);
        assert!(UnreadHours::default().is_empty() && !hours.is_empty());
    }
}
