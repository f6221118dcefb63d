//! Events of the scored day that are there and could not be read.

use std::collections::BTreeSet;

use crate::quality::silence::ranges;
use crate::quality::{Effect, Flaw, FlawKind, NAMED_FILES, Whereabouts};
use crate::rollup::{ScanCounts, Unread};
use crate::shown::counted;

/// That some hours are judged by half, if so.
pub(super) fn tell(counts: ScanCounts, unread: &[Unread]) -> Option<Flaw> {
    let hours: Vec<u8> = counts.unread_hours.into();
    if hours.is_empty() {
        return None;
    }
    let files: BTreeSet<&String> = unread.iter().map(|unread| &unread.file).collect();
    let sentence = format!(
        "events of the hours {} could not all be read, in {}: drops are not judged there, and rises by what was read",
        ranges(&hours),
        counted(files.len() as u64, "file", "files")
    );
    Some(Flaw {
        kind: FlawKind::UnreadEvents,
        numbers: [("rows", counts.unreadable), ("files", files.len() as u64)].into(),
        effect: Effect::NotJudged,
        whereabouts: Whereabouts {
            hours,
            files: files.into_iter().take(NAMED_FILES).cloned().collect(),
            ..Whereabouts::default()
        },
        sentence,
    })
}
