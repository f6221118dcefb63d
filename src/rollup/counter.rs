//! Counting one day: batches of events in, a [`DayRollup`] out.
//!
//! A counter may see all of a day or a part; parts are absorbed into one another in any order, and only then finished, when
//! everything is put in the order of its keys. What comes out does not remember how the work was divided. A counter is used day
//! after day, for most of what it has learnt about names holds on the next.

use std::sync::Arc;

use rayon::prelude::*;

use crate::event::signs_in;
use crate::partition::EventBatch;
use crate::rollup::day::{DayRollup, FamilyRollup, ScanCounts};
use crate::rollup::hours::{HourCount, HourlyCounts, SLOTS_PER_HOUR};
use crate::rollup::inputs::Inputs;
use crate::rollup::keys::Keyer;
use crate::rollup::members::{EntityKey, Members};
use crate::rollup::names::Names;
use crate::rollup::pairs::PairCounter;
use crate::rollup::room::{Full, Noted, Room};
use crate::rollup::shed::Shed;
use crate::rollup::{Family, NONE, RowKeys};

/// Some hours of a day.
pub type HourSet = [bool; 24];

/// Rows of one five-minute slot that follow one another: the slot, the first row, one past the last row.
pub type Run = (u16, usize, usize);

/// Why a day has to be counted anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anew {
    /// Rows of an hour came after the hour had been summed up: that hour has to be counted in parts.
    OutOfOrder,
    /// A family has more names than there is room for.
    Full,
}

impl From<Full> for Anew {
    fn from(Full: Full) -> Self {
        Self::Full
    }
}

/// Counts events of one day.
#[derive(Debug, Default)]
pub struct DayCounter {
    keyer: Keyer,
    keys: RowKeys,
    hours: [HourlyCounts; Family::COUNTED.len()],
    pairs: Option<PairCounter>,
    /// By an API's number of the day whether it signs people in.
    sign_ins: Vec<bool>,
    counts: ScanCounts,
    in_parts: HourSet,
    open: Option<u8>,
    closed: HourSet,
    room: Option<Arc<Room>>,
    told: Noted,
}

impl DayCounter {
    /// A counter with or without the pairs.
    pub fn new(pairs: bool) -> Self {
        Self::of_names(pairs, Names::All)
    }

    /// The same of some names.
    pub(super) fn of_names(pairs: bool, names: Names) -> Self {
        let has_networks = pairs || matches!(names, Names::Only(_));
        let keyer = Keyer::of_names(has_networks, names);
        Self { keyer, pairs: pairs.then(PairCounter::default), ..Self::default() }
    }

    /// Begins a day. The hours `in_parts` are those whose rows may come in several pieces, or to several counters.
    pub fn begin_day(&mut self, in_parts: HourSet) {
        self.keyer.begin_day();
        self.hours.iter_mut().for_each(HourlyCounts::begin_day);
        self.pairs.iter_mut().for_each(PairCounter::begin_day);
        self.sign_ins.clear();
        self.counts = ScanCounts::default();
        (self.in_parts, self.open, self.closed) = (in_parts, None, HourSet::default());
        (self.room, self.told) = (None, Noted::default());
    }

    /// The same with so much room for names, which it shares with other counters.
    pub(super) fn begin_day_within(&mut self, room: Arc<Room>, in_parts: HourSet) {
        self.begin_day(in_parts);
        self.room = Some(room);
    }

    /// How many names it holds of a family.
    pub(super) fn held(&self, family: Family) -> usize {
        self.keyer.members(family).len()
    }

    /// Writes down what was counted of a family, every hour in parts, and forgets it.
    pub(super) fn shed(&mut self, family: Family, shed: &Shed) -> crate::Result<()> {
        let counted = Family::COUNTED.iter().position(|&counted| counted == family);
        let cells = counted.map_or(&[][..], |place| self.hours[place].parts());
        shed.put(self.keyer.members(family).keys(), cells)?;
        *self = Self::of_names(self.pairs.is_some(), self.keyer.names().clone());
        self.begin_day([true; 24]);
        Ok(())
    }

    /// What has to be read of each row group.
    pub(super) fn inputs(&self) -> Inputs {
        self.keyer.inputs()
    }

    /// Notes rows that are not counted as events of the day.
    pub fn note(&mut self, counts: ScanCounts) {
        self.counts += counts;
    }

    /// Counts a batch whose rows are all of the day; `runs` cover it.
    pub fn count(&mut self, batch: &EventBatch, runs: &[Run]) -> Result<(), Anew> {
        self.keyer.number_rows(batch, &mut self.keys);
        self.take_room()?;
        for (&family, hours) in Family::COUNTED.iter().zip(&mut self.hours) {
            hours.reserve(self.keyer.members(family).len());
        }
        for run in runs {
            self.enter((usize::from(run.0) / SLOTS_PER_HOUR) as u8)?;
            self.count_run(*run);
        }
        self.make_room_for_pairs();
        self.count_pairs();
        self.counts.events += batch.times.len() as u64;
        self.counts.errors += self.keys.failed().len() as u64;
        self.counts.without_api += self.keys.of(Family::Api).iter().filter(|&&api| api == NONE).count() as u64;
        Ok(())
    }

    /// Whoever was not let in was not there: whose name was tried has met nobody.
    fn count_pairs(&mut self) {
        let Some(pairs) = &mut self.pairs else { return };
        let apis = self.keyer.members(Family::Api);
        let is_sign_in = |api: u32| apis.key(api).fields().last().is_some_and(signs_in);
        self.sign_ins.extend((self.sign_ins.len()..apis.len()).map(|api| is_sign_in(api as u32)));
        self.keys.disown_failed(|api| self.sign_ins.get(api as usize).is_some_and(|signs_in| *signs_in));
        pairs.count(&self.keys);
    }

    /// Changes are never too many, and neither are names that were chosen.
    fn take_room(&mut self) -> Result<(), Full> {
        let Some(room) = &self.room else { return Ok(()) };
        let may_fill = |family: &Family| *family != Family::Change && !self.keyer.names().are_chosen(*family);
        let mut families = Family::ALL.into_iter().filter(may_fill);
        families.try_for_each(|family| room.take(family, self.keyer.members(family), &mut self.told))
    }

    fn make_room_for_pairs(&mut self) {
        if let Some(pairs) = &mut self.pairs {
            let members = |family| self.keyer.members(family).len();
            pairs.reserve(members(Family::Api), members(Family::Network), members(Family::Region));
        }
    }

    fn enter(&mut self, hour: u8) -> Result<(), Anew> {
        if self.open == Some(hour) {
            return Ok(());
        }
        self.close();
        if self.closed[usize::from(hour)] {
            return Err(Anew::OutOfOrder);
        }
        self.hours.iter_mut().for_each(|hours| hours.open(hour));
        self.open = Some(hour);
        Ok(())
    }

    fn close(&mut self) {
        if let Some(hour) = self.open.take() {
            self.hours.iter_mut().for_each(|hours| hours.open(hour));
            self.closed[usize::from(hour)] = !self.in_parts[usize::from(hour)];
        }
    }

    fn count_run(&mut self, (slot, first, end): Run) {
        let in_parts = self.in_parts[usize::from(slot) / SLOTS_PER_HOUR];
        let failed = between(self.keys.failed(), |&row| row, first, end);
        let counted = Family::COUNTED.iter().zip(&mut self.hours);
        for (&family, hours) in counted.filter(|(family, _)| self.keyer.names().concern(**family)) {
            let listed = between(self.keys.listed(family), |&(row, _)| row, first, end);
            let outcomes = listed.iter().map(|&(row, member)| (member, self.keys.has_failed(row as usize)));
            match (self.keys.dense(family), in_parts) {
                (Some(members), false) => hours.count(slot, &members[first..end], first, failed),
                (Some(members), true) => hours.count_part(slot, &members[first..end], first, failed),
                (None, false) => hours.count_listed(slot, outcomes),
                (None, true) => hours.count_part_listed(slot, outcomes),
            }
        }
    }

    /// Adds what another counter has counted of the same day.
    pub fn absorb(&mut self, other: &mut Self) -> Result<(), Anew> {
        self.close();
        other.close();
        if self.closed.iter().zip(&other.closed).any(|(here, there)| *here && *there) {
            return Err(Anew::OutOfOrder);
        }
        for (folded, spelling) in other.keyer.spellings() {
            self.keyer.adopt_spelling(folded, spelling.clone());
        }
        let renumber = Family::ALL.map(|family| {
            let keys = other.keyer.members(family).keys();
            keys.map(|key| self.keyer.adopt(family, key.clone())).collect::<Vec<u32>>()
        });
        for ((family, hours), others) in Family::COUNTED.iter().zip(&mut self.hours).zip(&other.hours) {
            hours.absorb(others, &renumber[*family as usize]);
        }
        self.make_room_for_pairs();
        if let (Some(pairs), Some(others)) = (&mut self.pairs, &mut other.pairs) {
            pairs.absorb(others, &renumber);
        }
        self.counts += other.counts;
        Ok(())
    }

    /// Puts everything in order.
    pub fn finish(&mut self) -> DayRollup {
        self.close();
        let spellings =
            self.keyer.spellings().iter().map(|(folded, (_, shown))| (folded.clone(), shown.clone())).collect();
        let ordered: Vec<(Vec<EntityKey>, Vec<u32>)> =
            self.keyer.members_mut().par_iter_mut().map(Members::in_order).collect();
        let (members, ranks): (Vec<_>, Vec<_>) = ordered.into_iter().unzip();
        let hours = self.hours.par_iter_mut().zip(&members).map(|(hours, members)| hours.finish(members.len()));
        let mut hours: Vec<&[HourCount]> = hours.collect();
        hours.resize(Family::COUNT, &[]);
        let families: Vec<_> = Family::ALL.into_iter().zip(members).zip(hours).collect();
        let family = |((family, members), hours): ((Family, Vec<EntityKey>), &[HourCount])| {
            FamilyRollup::new(family, members, &ranks[family as usize], hours)
        };
        let pairs = self.pairs.as_mut();
        let (families, pairs) = rayon::join(
            || families.into_par_iter().map(family).collect(),
            || pairs.map_or_else(Vec::new, |pairs| pairs.finish(&ranks)),
        );
        DayRollup { families, pairs, spellings, counts: self.counts }
    }
}

/// Those of some items, ascending by row, whose row lies in a range.
fn between<T>(items: &[T], row: impl Fn(&T) -> u32, first: usize, end: usize) -> &[T] {
    let place = |bound: usize| items.partition_point(|item| (row(item) as usize) < bound);
    &items[place(first)..place(end)]
}
