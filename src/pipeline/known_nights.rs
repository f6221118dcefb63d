//! The nights around the asked one that no longer stand: those within the window for late data are judged again, in their order, and
//! the others are named.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chrono::{Days, NaiveDate};

use crate::error::{Error, Result};
use crate::late::{Now, PastNight, StaleNight, Standing, judged, with_skipped};
use crate::pipeline::night::judge;
use crate::pipeline::{Job, NightResult, some_problems};
use crate::report;
use crate::rollup::update::Update;

/// The nights that were judged before and may be touched by what a run finds, and those between them that were not.
#[derive(Debug)]
pub(super) struct KnownNights {
    asked: NaiveDate,
    first_late: NaiveDate,
    nights: Vec<PastNight>,
    /// Of the settings that change insights.
    judging_hash: String,
}

impl KnownNights {
    /// Those from which, or to which, the window of the night of `asked` reaches.
    pub(super) fn read(job: &Job<'_>, asked: NaiveDate) -> Result<Self> {
        let late = u64::from(job.settings.late_window);
        let reach = job.settings.baseline_days as u64;
        let nights = judged(job.state, &around(asked, late + reach, reach))?;
        let nights = with_skipped(nights, &job.partitions.dates());
        Ok(Self { asked, first_late: before(asked, late), nights, judging_hash: job.settings.judging_hash() })
    }

    /// The days whose counts are needed: the windows of the asked night and of those that may be judged again.
    pub(super) fn days(&self, job: &Job<'_>) -> Vec<NaiveDate> {
        let first = self.late().map(|night| night.date).next().unwrap_or(self.asked);
        let first = before(first, job.settings.baseline_days as u64);
        first.iter_days().take_while(|day| *day <= self.asked).collect()
    }

    /// Stops a run that would put what counts alone tell in the place of what the events told.
    pub(super) fn keep_what_knew_more(&self, history: &Update) -> Result<()> {
        let is_judged = |night: &PastNight| night.date == self.asked && night.record.is_some() && !night.is_unfinished;
        if history.is_all_there_is(self.asked) && self.nights.iter().any(is_judged) {
            let problems = some_problems(history.problems_of(self.asked));
            return Err(Error::EventsGone { date: self.asked, problems });
        }
        Ok(())
    }

    fn late(&self) -> impl Iterator<Item = &PastNight> {
        self.nights.iter().filter(|night| (self.first_late..self.asked).contains(&night.date))
    }

    /// Judges again the nights before the asked one that are to be; each sees what the one before left.
    pub(super) fn judge_again(&self, job: &Job<'_>, history: &Update, again: &mut Vec<NightResult>) -> Result<()> {
        for night in self.late() {
            if let Standing::Again(why) = self.now(job, history).standing(night)? {
                let mut result = judge(job, history, night.date, why, self.asked)?;
                result.finish(job)?;
                again.push(result);
            }
        }
        Ok(())
    }

    /// The nights that are stale now that the asked one is judged; those that are asked for next are not named.
    pub(super) fn stale(
        &self,
        job: &Job<'_>,
        history: &Update,
        again: &[NightResult],
        asked_too: &BTreeSet<NaiveDate>,
    ) -> Result<Vec<StaleNight>> {
        let done: BTreeSet<NaiveDate> = again.iter().map(|night| night.record.date).collect();
        let is_left = |night: &&PastNight| {
            night.date != self.asked && !done.contains(&night.date) && !asked_too.contains(&night.date)
        };
        let mut stale = Vec::new();
        for night in self.nights.iter().filter(is_left) {
            match self.now(job, history).standing(night)? {
                Standing::Stands => {}
                Standing::Stale(night) => stale.push(night),
                // What became stale only now, because a night judged before the window was judged again.
                Standing::Again(why) => stale.push(StaleNight { date: night.date, why, is_lost: false }),
            }
        }
        Ok(stale)
    }

    /// Makes the pages anew that tell of nights which were judged again: those of the nights after them. What is wrong with the
    /// files of such a night stops nobody; it is the answer.
    pub(super) fn remake_pages(
        &self,
        job: &Job<'_>,
        again: &[NightResult],
        asked_too: &BTreeSet<NaiveDate>,
    ) -> Vec<String> {
        let done: BTreeSet<NaiveDate> = again.iter().map(|night| night.record.date).chain([self.asked]).collect();
        let is_after = |night: &&PastNight| done.first().is_some_and(|first| night.date > *first);
        let is_left = |night: &&PastNight| !done.contains(&night.date) && !asked_too.contains(&night.date);
        let nights = self.nights.iter().filter(is_after).filter(is_left).filter(|night| night.record.is_some());
        let failure = |night: &PastNight| {
            let error = report::write_pages(job.state, night.date).err()?;
            Some(format!("the page of {} could not be made anew: {error}", night.date))
        };
        nights.filter_map(failure).collect()
    }

    /// The last night that was judged.
    pub(super) fn newest(&self) -> NaiveDate {
        self.nights.last().map_or(self.asked, |night| night.date.max(self.asked))
    }

    fn now<'a>(&'a self, job: &'a Job<'_>, history: &'a Update) -> Now<'a> {
        Now {
            state: job.state,
            history,
            nights: &self.nights,
            every_night: job.every_night,
            asked: self.asked,
            first_late: self.first_late,
            version: env!("CARGO_PKG_VERSION"),
            settings_hash: job.settings_hash,
            judging_hash: &self.judging_hash,
        }
    }
}

fn before(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN)
}

fn around(date: NaiveDate, before_it: u64, after_it: u64) -> RangeInclusive<NaiveDate> {
    before(date, before_it)..=date.checked_add_days(Days::new(after_it)).unwrap_or(NaiveDate::MAX)
}
