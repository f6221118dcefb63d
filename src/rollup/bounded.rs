//! Counting a day on which there are more names than can be held.
//!
//! Who is named is known only when every name's calls are, and a name that does little now may do much later: nothing can be dropped on the way.
//! So a family that has too many names is counted by itself, and whenever memory is full what was counted is [`Shed`] to a disk. It comes back some
//! names at a time, each counted to its end, and of those that were and those that come the ones with the most calls stay. When it is known
//! which names are kept, one more pass counts the whole day with these alone, pairs and all.
//!
//! Without a disk the names could be counted share by share, each in a pass of its own. That was tried: it is some lines less, and its time grows
//! with the square of the names that somebody makes up.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use foldhash::quality::RandomState;
use hashbrown::HashSet;

use crate::error::Result;
use crate::rollup::Family;
use crate::rollup::cap::OtherHours;
use crate::rollup::day::{DayRollup, FamilyRollup};
use crate::rollup::members::EntityKey;
use crate::rollup::names::{Kept, Names};
use crate::rollup::scan::{Day, ScanOptions, counters};
use crate::rollup::shed::Shed;
use crate::rollup::unread::Unread;

/// Which names of a family are kept, and what the others come to.
struct Choice {
    kept: Arc<HashSet<EntityKey, RandomState>>,
    /// By what stands for those of an account.
    others: BTreeMap<EntityKey, OtherHours>,
    /// How many there are.
    beyond: u64,
}

/// Counts a day that has too many names in at least one of the `crowded` families: the rollup is that of [`DayRollup::capped`], to the byte. What
/// is shed goes to the disk of a folder.
pub(super) fn count(
    day: &Day<'_>,
    options: ScanOptions,
    folder: &Path,
    mut crowded: Vec<Family>,
) -> Result<(DayRollup, Vec<Unread>)> {
    let mut choices = BTreeMap::new();
    loop {
        for family in crowded {
            choices.insert(family, choose(day, options, folder, family)?);
        }
        let mut counters = counters(options, &names_of(&choices));
        match day.count(&mut counters, options.max_names) {
            Ok(problems) => {
                return Ok((tell_of_others(counters[0].finish(), &choices, options.max_entities), problems));
            }
            Err(more) => crowded = more,
        }
    }
}

/// Finds the names of a family that are kept.
fn choose(day: &Day<'_>, options: ScanOptions, folder: &Path, family: Family) -> Result<Choice> {
    let shed = Shed::create(family, folder)?;
    let mut counters = counters(ScanOptions { pairs: false, ..options }, &Names::Only(family));
    day.shed(&mut counters, family, options.max_names, &shed)?;
    drop(counters);
    let (mut found, mut names) = (FamilyRollup::empty(family), 0);
    shed.for_each_part(|counted| {
        names += counted.members.len();
        found.append(&counted);
        if found.members.len() > options.max_names {
            found.cap(options.max_entities);
        }
    })?;
    found.cap(options.max_entities);
    Ok(Choice::of(&found, names, options.max_entities))
}

impl Choice {
    /// What is to be known of a family that has so many names, of which at most so many are kept.
    fn of(found: &FamilyRollup, names: usize, most: usize) -> Self {
        let (mut kept, mut others) = (HashSet::default(), BTreeMap::new());
        for (member, key) in found.members.iter().enumerate() {
            // Where all are kept, somebody may be called so.
            if key.is_other() && names > most {
                others.insert(key.clone(), found.others_hours(member));
            } else {
                kept.insert(key.clone());
            }
        }
        Self { beyond: (names - kept.len()) as u64, kept: Arc::new(kept), others }
    }
}

fn names_of(choices: &BTreeMap<Family, Choice>) -> Names {
    let mut kept = Kept::default();
    for (&family, choice) in choices {
        kept[family as usize] = Some(Arc::clone(&choice.kept));
    }
    Names::Kept(kept)
}

/// Completes a day that was counted by the chosen names. What stands for others was counted as one; its peaks are those of one of them.
fn tell_of_others(mut rollup: DayRollup, choices: &BTreeMap<Family, Choice>, most: usize) -> DayRollup {
    for (&family, choice) in choices {
        let found = &mut rollup.families[family as usize];
        for member in 0..found.members.len() {
            if let Some(hours) = choice.others.get(&found.members[member]) {
                found.set_peaks(member, hours);
            }
        }
        rollup.counts.beyond_cap += choice.beyond;
    }
    rollup.capped_but(most, |family| choices.contains_key(&family))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray};
    use chrono::NaiveDate;
    use parquet::arrow::ArrowWriter;
    use proptest::prelude::*;

    use super::*;
    use crate::partition::{ColumnOverrides, EventFile, Partitions};
    use crate::rollup::scan_day;
    use crate::shown::OTHER;
    use crate::time::midnight_ms;

    const DATE: NaiveDate = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
    const MINUTE: i64 = 60_000;

    /// A minute of the day, and by column which of its texts stands there.
    type Event = (i64, [u8; 8]);

    /// Columns, how many texts each has, and how they begin. Few names of each are common to many events, many occur once.
    const COLUMNS: [(&str, u8, &str); 8] = [
        ("account_id", 3, "account"),
        ("service_name", 3, "Svc"),
        ("event_name", 12, "CreateUser"),
        ("source_ip_address", 40, "10.0."),
        ("principal_id", 12, "person"),
        ("access_key_id", 40, "LTAI"),
        ("region", 4, "region"),
        ("error_code", 6, "Denied"),
    ];

    /// The text of a number; of some numbers none.
    fn text((name, _, begin): (&str, u8, &str), number: u8) -> Option<String> {
        match (name, number) {
            ("service_name", 0) => Some("SVC1".to_owned()),
            ("source_ip_address", _) => Some(format!("{begin}{}.{}", number / 3, number % 3)),
            ("account_id" | "event_name", _) => Some(format!("{begin}{number}")),
            (_, 0) => None,
            // Somebody may well be called so.
            ("access_key_id" | "principal_id", 1) => Some(OTHER.to_owned()),
            _ => Some(format!("{begin}{number}")),
        }
    }

    fn write(path: &Path, events: &[Event]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let times = events.iter().map(|(minute, _)| midnight_ms(DATE) + minute * MINUTE);
        let mut columns: Vec<(&str, ArrayRef)> =
            vec![("event_time", Arc::new(TimestampMillisecondArray::from_iter_values(times)))];
        for (place, column) in COLUMNS.into_iter().enumerate() {
            let texts: StringArray =
                events.iter().map(|(_, numbers)| text(column, numbers[place] % column.1)).collect();
            columns.push((column.0, Arc::new(texts)));
        }
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
        let batch = batch.unwrap();
        let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
        for first in (0..events.len()).step_by(40) {
            writer.write(&batch.slice(first, (events.len() - first).min(40))).unwrap();
            writer.flush().unwrap();
        }
        writer.close().unwrap();
    }

    fn opened(folder: &Path) -> Vec<EventFile> {
        let (files, problems) = Partitions::find(folder, &ColumnOverrides::new()).unwrap().open_range(DATE, DATE);
        assert_eq!(problems, []);
        files
    }

    /// What is written of a day: spellings of services that nobody is named by are not.
    fn written(mut rollup: DayRollup) -> DayRollup {
        let named: Vec<String> = rollup.families[..2]
            .iter()
            .flat_map(|family| family.members.iter().filter_map(|key| key.fields().nth(1).map(str::to_owned)))
            .collect();
        rollup.spellings.retain(|folded, _| named.contains(folded));
        rollup
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let number = || prop_oneof![2 => 0_u8..4, 1 => any::<u8>()];
        let numbers = prop::array::uniform8(number());
        prop::collection::vec((0_i64..1440, numbers), 1..250)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn what_was_counted_share_by_share_is_what_was_counted_at_once(
            mut events in events(), sorted in any::<bool>(), cut in 0_usize..250, threads in 1_usize..4, pairs in any::<bool>(),
            max_entities in 1_usize..20, more in 0_usize..20,
        ) {
            if sorted {
                events.sort_by_key(|event| event.0);
            }
            let folder = tempfile::tempdir().unwrap();
            let (first, second) = events.split_at(cut.min(events.len()));
            for (number, part) in [first, second].into_iter().enumerate().filter(|(_, part)| !part.is_empty()) {
                write(&folder.path().join(format!("date={DATE}/{number}.parquet")), part);
            }
            let files = opened(folder.path());
            let options = ScanOptions { pairs, threads, max_entities, max_names: max_entities + more };
            let at_once = ScanOptions { max_entities: usize::MAX, max_names: usize::MAX, ..options };
            let expected = scan_day(&files, DATE, at_once).unwrap().0.capped(max_entities);
            let (found, problems) = scan_day(&files, DATE, options).unwrap();
            prop_assert_eq!(problems, []);
            prop_assert_eq!(written(found), written(expected));
        }
    }
}
