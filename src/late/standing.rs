//! Whether a night's results are still those that its data give, and what is to be done where they are not.
//!
//! ```text
//! unfinished                                  ─┐
//! counts of a day within the window differ     ├─▶ judged again, if it lies within the window, before the asked night
//! the night before leaves something else       │
//! no run judged it, though later nights were  ─┘
//! counts of an older day differ                ──▶ stale: named
//! one of these, judged with other settings     ──▶ named, and left as it is
//! or by another version
//! ```
//!
//! By other settings or another version alone a night stands: what it reported is what its data gave then, and an upgrade does not put
//! every night of the window in doubt. So does one that does not say by which data it was judged: nobody can tell what changed.
//!
//! The window is `late_window` days long and ends with the asked night. A night whose own events, or part of whose history, are
//! gone would know less than before: it is named and not judged again. What is older than the window is named if it is stale.

use std::path::Path;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::late::PastNight;
use crate::rollup::update::{DayOutcome, Update, UpdatedDay};

/// Why a night is judged, or would have to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Somebody asked for it.
    Asked,
    /// A run was killed while it wrote the results.
    Unfinished,
    /// What it had left to the nights after it was damaged.
    Damaged,
    /// The events of these days have come, have changed or have gone since.
    Counts(Vec<NaiveDate>),
    /// The night before was judged again and leaves something else.
    NightBefore,
    /// No run had judged it, though nights before and after it were judged: as a rule its events came whole after that.
    CameLate,
    /// Its data differ, whichever way, and it was judged with other settings or by another version besides.
    Maker,
}

/// Whether results stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// They do.
    Stands,
    /// The night is to be judged again.
    Again(Why),
    /// They do not, and are left as they are.
    Stale(StaleNight),
}

/// A night whose results do not stand and are left as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StaleNight {
    /// The night.
    pub date: NaiveDate,
    /// Why they do not.
    pub why: Why,
    /// Whether judging it again would know less: its events, or some of its history, are gone.
    pub is_lost: bool,
}

/// What nights are held against: the counts there are now, and who would judge.
#[derive(Debug, Clone, Copy)]
pub struct Now<'a> {
    /// The state directory.
    pub state: &'a Path,
    /// The counts.
    pub history: &'a Update,
    /// The nights that are known, as they were before the run.
    pub nights: &'a [PastNight],
    /// Whether every night is meant to be judged.
    pub every_night: bool,
    /// The night that was asked for.
    pub asked: NaiveDate,
    /// The first day of the window in which late data are made good.
    pub first_late: NaiveDate,
    /// The program's version.
    pub version: &'a str,
    /// The hash of the settings.
    pub settings_hash: &'a str,
    /// The hash of those that change insights.
    pub judging_hash: &'a str,
}

impl Now<'_> {
    /// Whether a night's results stand.
    ///
    /// # Errors
    /// When what the night before left cannot be read.
    pub fn standing(&self, night: &PastNight) -> Result<Standing> {
        let is_late = (self.first_late..self.asked).contains(&night.date);
        let why = match self.doubt(night)? {
            None => return Ok(Standing::Stands),
            // Files of two runs are mended whoever made them.
            Some(Why::Unfinished) => Why::Unfinished,
            Some(_) if is_late && self.is_of_another(night) => Why::Maker,
            Some(why) => why,
        };
        let is_recent = match &why {
            Why::Counts(days) => days.iter().any(|day| *day >= self.first_late),
            Why::Maker => false,
            _ => true,
        };
        let is_lost = is_late && self.is_lost(night);
        if is_late && is_recent && !is_lost {
            return Ok(Standing::Again(why));
        }
        Ok(Standing::Stale(StaleNight { date: night.date, why, is_lost }))
    }

    /// Why the data would give other results, if they might.
    fn doubt(&self, night: &PastNight) -> Result<Option<Why>> {
        if night.is_skipped {
            return Ok((self.has_events(night) && self.came_late(night)).then_some(Why::CameLate));
        }
        if night.is_unfinished {
            return Ok(Some(Why::Unfinished));
        }
        let Some(basis) = night.record.as_ref().and_then(|record| record.basis.as_ref()) else { return Ok(None) };
        let changed = basis.changed(night.date, self.history);
        if !changed.is_empty() {
            return Ok(Some(Why::Counts(changed)));
        }
        Ok(basis.before_differs(self.state, night.date)?.then_some(Why::NightBefore))
    }

    fn is_of_another(&self, night: &PastNight) -> bool {
        night.record.as_ref().is_some_and(|record| {
            let is_otherwise = match record.judging_hash.as_deref() {
                Some(judging) => judging != self.judging_hash,
                None => record.settings_hash != self.settings_hash,
            };
            record.version != self.version || is_otherwise
        })
    }

    /// Whether a night that no run judged should have been: all of the window are meant to be, or a later one was judged before its events came.
    fn came_late(&self, night: &PastNight) -> bool {
        let did_without = |later: &PastNight| {
            let basis = later.record.as_ref().and_then(|record| record.basis.as_ref());
            basis.is_some_and(|basis| basis.changed(later.date, self.history).contains(&night.date))
        };
        let is_meant = self.every_night && night.date >= self.first_late;
        is_meant || self.nights.iter().any(|later| later.date > night.date && did_without(later))
    }

    fn has_events(&self, night: &PastNight) -> bool {
        let has_events = |day: &UpdatedDay| day.note.date == night.date && day.outcome != DayOutcome::Kept;
        self.history.days.iter().any(has_events)
    }

    fn is_lost(&self, night: &PastNight) -> bool {
        let basis = night.record.as_ref().and_then(|record| record.basis.as_ref());
        !self.has_events(night) || basis.is_some_and(|basis| basis.is_lost(self.history))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::late::past::PastRecord;
    use crate::late::{Basis, left_before};
    use crate::rollup::ScanCounts;
    use crate::rollup::store::{CountedBy, DayInput, DayNote, InputFile};

    fn day(number: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, number).unwrap()
    }

    /// Days 1 to `last` with one file each; those of `changed` have another one.
    fn history(last: u32, changed: &[u32]) -> Update {
        let updated = |number: u32| {
            let fingerprint = if changed.contains(&number) { "other" } else { "first" }.to_owned();
            let file = InputFile { file: "part".to_owned(), size: 1, fingerprint, rows: 1 };
            let input = DayInput { files: vec![file] };
            let (counted_by, counts) = (CountedBy::default(), ScanCounts::default());
            let note = DayNote { date: day(number), input, pairs: true, counted_by, counts, problems: vec![] };
            UpdatedDay { note, outcome: DayOutcome::UpToDate, is_of_other_settings: false }
        };
        Update { days: (1..=last).map(updated).collect(), problems: Vec::new() }
    }

    /// A night judged on days 1 to itself as they first were.
    fn judged(number: u32) -> PastNight {
        let window = crate::baseline::Window::new(day(number), number as usize - 1, |_| true);
        let basis = Basis::of(&window, &history(number, &[]), None);
        let record = PastRecord {
            version: "1".to_owned(),
            settings_hash: "a".to_owned(),
            judging_hash: Some("j".to_owned()),
            basis: Some(basis),
            reported: Vec::new(),
            reported_alerts: None,
            revisions: Vec::new(),
        };
        PastNight { date: day(number), record: Some(record), ..PastNight::default() }
    }

    /// Night 20 was asked for, with three days for what comes late.
    fn standing(night: &PastNight, history: &Update, state: &Path) -> Standing {
        let now = Now {
            state,
            history,
            nights: &[judged(19)],
            every_night: false,
            asked: day(20),
            first_late: day(17),
            version: "1",
            settings_hash: "a",
            judging_hash: "j",
        };
        now.standing(night).unwrap()
    }

    fn stale(number: u32, why: Why) -> Standing {
        Standing::Stale(StaleNight { date: day(number), why, is_lost: false })
    }

    #[test]
    fn recent_changes_are_made_good_and_older_ones_named() {
        let state = tempfile::tempdir().unwrap();
        let told = |number: u32, changed: &[u32]| standing(&judged(number), &history(20, changed), state.path());
        assert_eq!(told(18, &[]), Standing::Stands);
        assert_eq!(told(18, &[19]), Standing::Stands, "a later day is none of its business");
        assert_eq!(told(18, &[17]), Standing::Again(Why::Counts(vec![day(17)])));
        assert_eq!(told(18, &[5, 18]), Standing::Again(Why::Counts(vec![day(5), day(18)])));
        assert_eq!(told(18, &[16]), stale(18, Why::Counts(vec![day(16)])), "an older change is named");
        assert_eq!(told(16, &[16]), stale(16, Why::Counts(vec![day(16)])), "so is an older night");
        assert_eq!(told(25, &[18]), stale(25, Why::Counts(vec![day(18)])), "and one after the asked");
    }

    #[test]
    fn another_night_before_an_unfinished_one_and_another_maker() {
        let state = tempfile::tempdir().unwrap();
        let told = |night: &PastNight| standing(night, &history(20, &[]), state.path());
        let told_late = |night: &PastNight| standing(night, &history(20, &[18]), state.path());
        let mut unfinished = judged(19);
        unfinished.is_unfinished = true;
        let mut foreign = judged(19);
        foreign.record.as_mut().unwrap().settings_hash = "b".to_owned();
        let late = Standing::Again(Why::Counts(vec![day(18)]));
        assert_eq!(told_late(&foreign), late, "other rules change no insights");
        foreign.record.as_mut().unwrap().judging_hash = Some("k".to_owned());
        assert_eq!(told(&foreign), Standing::Stands, "its data are what they were");
        assert_eq!(told_late(&foreign), stale(19, Why::Maker));
        let mut newer = judged(19);
        newer.record.as_mut().unwrap().version = "0".to_owned();
        assert_eq!([told(&newer), told_late(&newer)], [Standing::Stands, stale(19, Why::Maker)], "an upgrade");
        foreign.is_unfinished = true;
        assert_eq!(
            [told(&unfinished), told(&foreign)],
            [Standing::Again(Why::Unfinished), Standing::Again(Why::Unfinished)]
        );
        let left = crate::insight::life::episode::path(state.path(), day(18));
        crate::storage::write_text(&left, "[]").unwrap();
        assert!(left_before(state.path(), day(19)).unwrap().is_some());
        assert_eq!(told(&judged(19)), Standing::Again(Why::NightBefore));
        assert_eq!(told(&judged(18)), Standing::Stands);
    }

    #[test]
    fn a_night_that_would_know_less_is_left() {
        let state = tempfile::tempdir().unwrap();
        let lost = |number, why| Standing::Stale(StaleNight { date: day(number), why, is_lost: true });
        let mut purged = history(20, &[17]);
        purged.days[17].outcome = DayOutcome::Kept;
        let why = Why::Counts(vec![day(17)]);
        assert_eq!(standing(&judged(18), &purged, state.path()), lost(18, why.clone()));
        assert_eq!(standing(&judged(19), &purged, state.path()), Standing::Again(why.clone()));
        let mut shortened = history(20, &[17]);
        shortened.days.remove(3);
        assert_eq!(standing(&judged(19), &shortened, state.path()), lost(19, why));
    }

    #[test]
    fn a_night_that_was_skipped_is_judged_late_and_named_when_it_is_too_late() {
        let state = tempfile::tempdir().unwrap();
        let skipped = |number| PastNight { date: day(number), is_skipped: true, ..PastNight::default() };
        let told = |number, changed: &[u32]| standing(&skipped(number), &history(20, changed), state.path());
        assert_eq!(told(18, &[18]), Standing::Again(Why::CameLate));
        assert_eq!(told(12, &[12]), stale(12, Why::CameLate));
        assert_eq!(told(18, &[17]), Standing::Stands, "night 19 knew it, and nobody asked for it");
        let mut unusable = history(20, &[]);
        unusable.days.remove(17);
        assert_eq!(standing(&skipped(18), &unusable, state.path()), Standing::Stands, "nothing of it can be used");
    }

    #[test]
    fn a_day_that_appears_is_a_change_and_one_that_goes_is_none() {
        let state = tempfile::tempdir().unwrap();
        let mut night = judged(19);
        night.record.as_mut().unwrap().basis.as_mut().unwrap().days.remove(&day(18));
        assert_eq!(standing(&night, &history(20, &[]), state.path()), Standing::Again(Why::Counts(vec![day(18)])));
        let mut shortened = history(20, &[]);
        shortened.days.remove(3);
        assert_eq!(standing(&judged(19), &shortened, state.path()), Standing::Stands);
    }
}
