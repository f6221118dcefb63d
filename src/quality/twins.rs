//! Events that seem to have been delivered more than once, as counts and footers tell; nothing is read for it.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::baseline::Repeat;
use crate::event::Column;
use crate::partition::EventFile;
use crate::quality::silence::ranges;
use crate::quality::{Effect, Flaw, FlawKind, NAMED_FILES, Whereabouts, shown};
use crate::shown::number;

/// Hours of an account in which every event stands more than once.
pub(super) fn repeated(repeat: &Repeat) -> Flaw {
    let Repeat { account, times, hours, apis, odd } = repeat;
    let when = if hours.len() == 24 { "all day".to_owned() } else { format!("in the hours {}", ranges(hours)) };
    let multiples = match (odd, times) {
        (0, 2) => "all are even".to_owned(),
        (0, many) => format!("all are multiples of {many}"),
        (odd, many) => format!("all but {} are multiples of {many}", number(*odd)),
    };
    Flaw {
        kind: FlawKind::RepeatedEvents,
        numbers: [("counts", *apis), ("odd", *odd), ("times", u64::from(*times))].into(),
        effect: Effect::Masked,
        sentence: format!(
            "the events of {} stand there {times} times {when}, for of the {} counts of its APIs {multiples}: masked, nothing is said of their rates; `--check-duplicates` names the files",
            shown(account),
            number(*apis)
        ),
        whereabouts: Whereabouts { account: Some(account.clone()), hours: hours.clone(), ..Whereabouts::default() },
    }
}

/// What two files of the same events have in common, however each is written: rows, the first and the last moment, the first and the last id.
type Look = (u64, i64, i64, Vec<u8>, Vec<u8>);

/// Files of the day that seem to hold the same events.
pub(super) fn flaw(files: &[EventFile], date: NaiveDate) -> Option<Flaw> {
    let mut alike: BTreeMap<Look, Vec<&EventFile>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.concerns(date)) {
        if let Some(look) = look(file) {
            alike.entry(look).or_default().push(file);
        }
    }
    let twins: Vec<&Vec<&EventFile>> = alike.values().filter(|files| files.len() > 1).collect();
    let rows: u64 = twins.iter().flat_map(|files| &files[1..]).map(|file| file.rows()).sum();
    let first = twins.first()?;
    let named: Vec<&str> = first.iter().take(3).map(|file| file.name.as_str()).collect();
    let more = if twins.len() > 1 { format!(", and {} more groups of files", twins.len() - 1) } else { String::new() };
    let names = twins.iter().flat_map(|files| files.iter()).map(|file| file.name.clone());
    Some(Flaw {
        kind: FlawKind::DuplicateIds,
        numbers: [("rows", rows), ("files", twins.iter().map(|files| files.len() as u64).sum())].into(),
        effect: Effect::ForInformation,
        sentence: format!(
            "{} seem to hold the same events, which are counted again: as many rows between the same moments and ids{more}; `--check-duplicates` tells",
            named.join(" and ")
        ),
        whereabouts: Whereabouts { files: names.take(NAMED_FILES).collect(), ..Whereabouts::default() },
    })
}

/// How a file looks; `None` where its footer does not tell.
fn look(file: &EventFile) -> Option<Look> {
    let groups = || file.row_groups.iter().enumerate().filter(|(_, group)| group.rows > 0);
    let spans: Vec<(i64, i64)> = groups().map(|(_, group)| group.span).collect::<Option<_>>()?;
    let bounds: Vec<Vec<(&[u8], &[u8])>> =
        groups().map(|(number, _)| file.text_bounds(number, &[Column::EventId])).collect::<Option<_>>()?;
    let ids = || bounds.iter().flatten();
    Some((
        file.rows(),
        spans.iter().map(|span| span.0).min()?,
        spans.iter().map(|span| span.1).max()?,
        ids().map(|(least, _)| least.to_vec()).min()?,
        ids().map(|(_, most)| most.to_vec()).max()?,
    ))
}
