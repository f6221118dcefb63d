//! What a first reading remembers of a day, asked again: which rows of a target are with somebody, and what is in other minutes of it.
//!
//! Nothing is searched anew but where too much was found to be remembered, or a file is damaged.

use rayon::prelude::*;

use crate::error::Result;
use crate::insight::events::at_hand::AtHand;
use crate::insight::events::belonging::Belonging;
use crate::insight::events::described::DESCRIBING_INPUTS;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::investigate::{AT_ONCE, Investigation, no_calls, traces};
use crate::insight::events::notes::{Noted, Said, Trace};
use crate::insight::events::passing::{Columns, Told};
use crate::insight::events::reading::{Group, Reader, unless_damaged};
use crate::insight::events::target::Target;
use crate::partition::{EventBatch, TextColumn};

/// A target once more, of which only the rows with somebody are meant; its hours are the same.
#[derive(Debug)]
pub(super) struct Narrowed {
    /// The target's place among those that were read for.
    pub(super) place: usize,
    pub(super) target: Target,
}

impl Investigation<'_> {
    /// The calls by minute of narrowed targets, in their order.
    pub(super) fn count_narrowed(&self, narrowed: &[Narrowed]) -> Result<Vec<Vec<u32>>> {
        let targets: Vec<Target> = narrowed.iter().map(|narrowed| narrowed.target.clone()).collect();
        let new = || (Reader::new(self.date, &targets), Belonging::of(&targets, self.date));
        let find = |(reader, belonging): &mut (Reader<'_>, Belonging), (group, noted): &(Group<'_>, Noted)| {
            let known = match noted {
                Noted::Traces(traces, said) => remembered(belonging, *group, (traces, said), narrowed)?,
                Noted::Nothing => None,
            };
            known.map_or_else(
                || Ok(Calls::Found(traces(reader, *group, (self.date, &targets))?)),
                |own| Ok(Calls::Remembered(own)),
            )
        };
        let mut minutes: Vec<Vec<u32>> = targets.iter().map(no_calls).collect();
        for some in self.groups.chunks(AT_ONCE) {
            let found: Vec<Calls> = some.par_iter().map_init(new, find).collect::<Result<_>>()?;
            found.iter().for_each(|calls| calls.count(&mut minutes));
        }
        Ok(minutes)
    }

    /// Looks again at some targets, whose minutes are others than were found; `evidence` is that of all targets.
    pub(super) fn look_again(&self, places: &[usize], evidence: &mut [Evidence]) -> Result<()> {
        if places.is_empty() {
            return Ok(());
        }
        let mut again: Vec<Evidence> = self.targets.iter().map(|_| Evidence::default()).collect();
        for &place in places {
            let Evidence { from, minutes, span, before, .. } = std::mem::take(&mut evidence[place]);
            again[place] = Evidence { from, minutes, span, before, ..Evidence::default() };
        }
        self.look(&mut again)?;
        places.iter().for_each(|&place| evidence[place] = std::mem::take(&mut again[place]));
        Ok(())
    }
}

/// The calls of narrowed targets in a row group.
enum Calls {
    /// By narrowed target the minute of each of its rows.
    Remembered(Vec<Vec<u16>>),
    /// Found by reading the row group again.
    Found(Vec<Trace>),
}

impl Calls {
    fn count(&self, minutes: &mut [Vec<u32>]) {
        match self {
            Self::Remembered(own) => own.iter().zip(minutes).for_each(|(own, minutes)| {
                own.iter().for_each(|&minute| minutes[usize::from(minute)] += 1);
            }),
            Self::Found(traces) => traces.iter().for_each(|trace| trace.count(&mut minutes[trace.target])),
        }
    }
}

/// By narrowed target the minutes of its rows among those that are remembered of a row group; nothing where a damaged file does not tell.
fn remembered(
    belonging: &mut Belonging,
    group: Group<'_>,
    (traces, said): (&[Trace], &Said),
    narrowed: &[Narrowed],
) -> Result<Option<Vec<Vec<u16>>>> {
    let all: Vec<(Vec<u32>, Vec<u16>)> = narrowed.iter().map(|narrowed| all_of(traces, narrowed.place)).collect();
    let mut kept: Vec<Vec<u32>> = all.iter().map(|(rows, _)| rows.clone()).collect();
    let mut columns = Columns::of(group);
    let narrow = match said {
        // Of a row group in several parts no one batch has all.
        Said::Whole(parts) if parts.len() == 1 => {
            let (rows, batch) = &parts[0];
            belonging.in_company(&mut kept, &mut KeptRows { rows, batch, others: columns })
        }
        Said::Whole(_) | Said::AtHand(_) => belonging.in_company(&mut kept, &mut columns),
    };
    let of_kept = |(kept, (rows, minutes)): (&Vec<u32>, &(Vec<u32>, Vec<u16>))| {
        let mut kept = kept.iter().peekable();
        let own = rows.iter().zip(minutes).filter(|(row, _)| kept.next_if_eq(row).is_some());
        own.map(|(_, &minute)| minute).collect()
    };
    Ok(unless_damaged(narrow)?.map(|()| kept.iter().zip(&all).map(of_kept).collect()))
}

/// The rows of a target, ascending, and their minutes. A row group that is searched in parts has several traces of it.
fn all_of(traces: &[Trace], target: usize) -> (Vec<u32>, Vec<u16>) {
    let (mut rows, mut minutes) = (Vec::new(), Vec::new());
    for (more, of_more) in traces.iter().filter(|trace| trace.target == target).map(Trace::all) {
        rows.extend(more);
        minutes.extend(of_more);
    }
    (rows, minutes)
}

/// What was kept of rows, and the row group for all else.
struct KeptRows<'a> {
    rows: &'a [u32],
    batch: &'a EventBatch,
    others: Columns<'a>,
}

impl Told for KeptRows<'_> {
    fn take(&mut self, place: usize, rows: &[u32]) -> Result<TextColumn> {
        if !DESCRIBING_INPUTS.contains(&place) {
            return self.others.take(place, rows);
        }
        let places: Vec<u32> = rows.iter().filter_map(|row| Some(self.rows.binary_search(row).ok()? as u32)).collect();
        Ok(self.batch.columns[place - DESCRIBING_INPUTS.start()].take(&places))
    }

    fn described(&mut self, _: &[u32]) -> Result<Option<EventBatch>> {
        Ok(None)
    }

    fn at_hand(&self, _: &[u32]) -> Option<AtHand> {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::insight::events::investigate::{count_minutes, investigate};
    use crate::insight::events::reading::tests::{DATE, key, open, target};
    use crate::insight::events::target::Minutes;
    use crate::rollup::Family;

    /// How much of what was found is remembered.
    #[derive(Debug, Clone, Copy)]
    enum Memory {
        Whole,
        Rows,
        Nothing,
    }

    fn forgetting(mut read: Investigation<'_>, memory: Memory) -> Investigation<'_> {
        for (_, noted) in &mut read.groups {
            *noted = match (std::mem::replace(noted, Noted::Nothing), memory) {
                (Noted::Traces(traces, said), Memory::Whole) => Noted::Traces(traces, said),
                (Noted::Traces(traces, _), Memory::Rows) => Noted::Traces(traces, Said::default()),
                (Noted::Traces(..) | Noted::Nothing, _) => Noted::Nothing,
            };
        }
        read
    }

    proptest! {
        /// However much is remembered, what is asked again comes to the same as what is searched anew.
        #[test]
        fn what_is_asked_again_is_what_a_new_search_finds(
            rows in prop::collection::vec(
                (0_u16..1440, 0_u8..6, 0_u8..9, prop::option::weighted(0.8, 0_u8..5), prop::option::weighted(0.8, 0_u8..5)), 1..200
            ),
            asked in prop::collection::vec((0_usize..4, 0_u8..8, 0_u8..23, 1_u8..6), 1..5),
            makers in prop::collection::vec((0_usize..4, 0_u8..6), 5),
            spans in prop::collection::vec((0_usize..90, 0_usize..90), 5),
            memory in prop::sample::select(vec![Memory::Whole, Memory::Rows, Memory::Nothing]),
        ) {
            let (_folder, file) = open(&rows, 20, true);
            let files = [file];
            let targets: Vec<Target> =
                asked.iter().map(|&(family, number, hour, hours)| target(&(family, number, hour, hours, None))).collect();
            let (read, mut evidence) = Investigation::of(&files, DATE, &targets).unwrap();
            let read = forgetting(read, memory);
            let families = [Family::Api, Family::SourceIp, Family::AccessKey, Family::Principal];
            let narrowed: Vec<Narrowed> = targets.iter().zip(&makers).enumerate().map(|(place, (target, maker))| {
                let with = vec![(families[maker.0], key(families[maker.0], maker.1))];
                Narrowed { place, target: Target { with, ..target.clone() } }
            }).collect();
            let anew: Vec<Target> = narrowed.iter().map(|narrowed| narrowed.target.clone()).collect();
            prop_assert_eq!(read.count_narrowed(&narrowed).unwrap(), count_minutes(&files, DATE, &anew).unwrap());

            let length = |target: &Target| usize::from(target.search.length()) * 60;
            let part = |(target, &(one, other)): (&Target, &(usize, usize))| {
                let end = length(target);
                Target { minutes: Minutes::Part((one.min(other).min(end), one.max(other).min(end)), 0), ..target.clone() }
            };
            let moved: Vec<Target> = targets.iter().zip(&spans).map(part).collect();
            for (evidence, target) in evidence.iter_mut().zip(&moved) {
                (evidence.span, evidence.before) = target.span(&evidence.minutes);
            }
            let places: Vec<usize> = (0..targets.len()).step_by(2).collect();
            read.look_again(&places, &mut evidence).unwrap();
            let expected = investigate(&files, DATE, &moved).unwrap();
            for place in places {
                prop_assert_eq!(format!("{:?}", evidence[place]), format!("{:?}", expected[place]));
            }
        }
    }
}
