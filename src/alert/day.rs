//! The alerts of a day: matches found or remembered, correlated with those of the days before, joined, written up.
//!
//! A day may be looked at whole, or a stretch at a time: what a stretch holds takes the place of what was known of it, and the
//! alerts are made anew from all of it. So overlapping stretches, late events and starts that were missed change nothing.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use crate::alert::carry::{Carry, newest_before};
use crate::alert::insight_member::member;
use crate::alert::join::Joining;
use crate::alert::matches::{self, DayMatches, Note, minute_of};
use crate::alert::members::Members;
use crate::alert::occurrence::{Grouped, add_correlated, by_fingerprint};
use crate::alert::places::annotate;
use crate::alert::rank::rank;
use crate::alert::silence::silences;
use crate::alert::write_up::{Stretch, of_matches, of_silence};
use crate::alert::{Alert, RuleBook};
use crate::error::{Error, Result};
use crate::insight::Insight;
use crate::partition::{EventFile, Partitions, Problem};
use crate::place::PlaceBook;
use crate::rules::evaluate::scan::{Looked, evaluate_day};
use crate::rules::intake::Taken;
use crate::rules::matched::Facts;
use crate::rules::{CorrelationMatch, Intake, Match};
use crate::storage::{AtomicFile, is_there};
use crate::time::{DAY_MS, date_of_ms, midnight_ms};

/// Where to look, and for what.
#[derive(Debug)]
pub struct Look<'a> {
    /// The events.
    pub partitions: &'a Partitions,
    /// What is remembered.
    pub state: &'a Path,
    /// The rules.
    pub book: &'a RuleBook,
    /// Where addresses are.
    pub places: &'a PlaceBook,
    /// Days whose remembered matches are as good as their events: they were looked at a moment ago.
    pub settled: BTreeSet<NaiveDate>,
}

/// What a day came to.
#[derive(Debug)]
pub struct DayAlerts {
    /// The day.
    pub date: NaiveDate,
    /// Its alerts, most serious first.
    pub alerts: Vec<Alert>,
    /// Events that were looked at in this run.
    pub looked: Looked,
    /// Matches of the day that are known.
    pub matches: u64,
    /// Matches beyond what is kept of a day.
    pub beyond: u64,
    /// What became of them.
    pub taken: Taken,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// What a reader should know.
    pub warnings: Vec<String>,
    carry: Carry,
    remembered: Vec<AtomicFile>,
}

/// What is gathered on the way.
#[derive(Default)]
struct Gathered {
    looked: Looked,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    /// Matches of days that are to be remembered, as files that are not in their place yet.
    remembered: Vec<AtomicFile>,
}

/// What matched on a day, and on those that correlations look back on: all that can be done before the day's insights are known.
#[allow(missing_debug_implementations)]
pub struct Matched<'a> {
    date: NaiveDate,
    own: DayMatches,
    before: Before,
    /// What the day before left, with the day's own insights.
    carry: Carry,
    gathered: Gathered,
    /// The matches, taken; insights are still to come.
    intake: Intake<'a>,
    /// Those that are to be reported by themselves.
    reported: Grouped,
}

impl<'a> Look<'a> {
    /// Looks at what matched on a whole day, for which nothing need be known of its insights.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn whole_day(&self, date: NaiveDate) -> Result<Matched<'a>> {
        let mut gathered = Gathered::default();
        let own = self.whole(date, &mut gathered)?;
        self.matched(date, own, self.left_before(date)?, gathered)
    }

    /// What the matches of a day come to with the insights that were found on it.
    pub fn with_insights(&self, mut matched: Matched<'a>, insights: &[Insight]) -> DayAlerts {
        matched.carry.insights = insights.iter().map(member).collect();
        self.decide(matched)
    }

    /// Looks at a stretch of a day; at all of it up to the stretch's end, if what is remembered of it cannot be used.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn stretch(&self, date: NaiveDate, stretch: Range<i64>) -> Result<DayAlerts> {
        let mut gathered = Gathered::default();
        let remembered = self.lately(date, &mut gathered)?;
        let from =
            remembered.as_ref().map_or(midnight_ms(date), |known| minute_of(stretch.start.min(known.note.until)));
        let mut own = self.evaluate(date, from..stretch.end, &mut gathered);
        own.note.input = None;
        if let Some(remembered) = remembered {
            own.add_known(remembered, &(from..stretch.end));
        }
        let mut carry = self.left_before(date)?;
        carry.insights = Carry::read(self.state, date)?.insights;
        Ok(self.decide(self.matched(date, own, carry, gathered)?))
    }

    /// What the newest day before this one left; nothing if events of a day between the two were never looked at.
    fn left_before(&self, date: NaiveDate) -> Result<Carry> {
        let Some(newest) = newest_before(self.state, date)? else { return Ok(Carry::default()) };
        let is_between = |day: &NaiveDate| (newest..date).contains(day) && *day != newest;
        if self.partitions.dates().iter().any(is_between) {
            return Ok(Carry::default());
        }
        Carry::read(self.state, newest)
    }

    fn matched(&self, date: NaiveDate, own: DayMatches, carry: Carry, mut gathered: Gathered) -> Result<Matched<'a>> {
        let before = self.before(date, &mut gathered)?;
        let mut intake = Intake::new(&self.book.rules, &self.book.settings.whitelist);
        before.matches.iter().for_each(|found| intake.look_back(found));
        let reported = by_fingerprint(&self.book.rules, own.matches.iter().filter(|found| intake.take(found)));
        gathered.remembered.push(own.prepare(self.state, date, self.book)?);
        Ok(Matched { date, own, before, carry, gathered, intake, reported })
    }

    /// The matches of a whole day: of its events, or those that are remembered where the events are gone.
    fn whole(&self, date: NaiveDate, gathered: &mut Gathered) -> Result<DayMatches> {
        if !self.has_events(date)
            && let Some(remembered) = self.read_remembered(date, gathered)?
        {
            return Ok(remembered);
        }
        Ok(self.evaluate(date, span_of(date), gathered))
    }

    /// What was remembered of a day. Without a file that is damaged the day is as one that was never looked at; that is said.
    fn read_remembered(&self, date: NaiveDate, gathered: &mut Gathered) -> Result<Option<DayMatches>> {
        match DayMatches::read(self.state, date, self.book) {
            Err(damage @ Error::Parquet { .. }) => {
                let message = damage.about_its_file();
                gathered.warnings.push(format!("what was remembered of the matches of {date} is {message}"));
                Ok(None)
            }
            read => read,
        }
    }

    /// What is remembered of a day that is looked at piece by piece. What was looked at whole must be looked at again if more has arrived.
    fn lately(&self, date: NaiveDate, gathered: &mut Gathered) -> Result<Option<DayMatches>> {
        let files = self.partitions.open_range(date, date).0;
        let unchanged = |input: &String| *input == input_of(&files, date);
        let remembered = self.read_remembered(date, gathered)?;
        Ok(remembered.filter(|known| known.note.input.as_ref().is_none_or(unchanged)))
    }

    fn has_events(&self, date: NaiveDate) -> bool {
        self.partitions.open_range(date, date).0.iter().any(|file| file.concerns(date))
    }

    /// The matches of a part of a day.
    fn evaluate(&self, date: NaiveDate, span: Range<i64>, gathered: &mut Gathered) -> DayMatches {
        let (files, unopened) = self.partitions.open_range(date, date);
        let input = input_of(&files, date);
        let files: Vec<EventFile> =
            if span == span_of(date) { files } else { files.iter().map(|file| file.narrowed(&span)).collect() };
        let note =
            Note { rules: self.book.fingerprint().to_owned(), until: span.end, input: Some(input), ..Note::default() };
        let mut found = DayMatches { note, matches: Vec::new() };
        let (looked, unread) = evaluate_day(&self.book.program, &self.book.settings.hours, &files, date, |one| {
            if span.contains(&one.event.time) {
                found.add(one);
            }
            if found.has_room() { Facts::All } else { Facts::Time }
        });
        found.sort();
        gathered.looked.events += looked.events;
        gathered.looked.candidates += looked.candidates;
        let copies = self.partitions.copies(date, date).cloned();
        gathered.problems.extend(unopened.into_iter().chain(copies).chain(unread));
        found
    }

    /// From matches to alerts.
    fn decide(&self, matched: Matched) -> DayAlerts {
        let Matched { date, own, before, mut carry, mut gathered, mut intake, reported } = matched;
        let day = span_of(date);
        let span = day.start..own.note.until.clamp(day.start, day.end);
        let today = carry.insights.iter().map(|insight| &insight.id).collect::<BTreeSet<_>>();
        // An insight that goes on past midnight is told again by the next night; the newest word counts.
        let earlier = before.carries.iter().flat_map(|carry| &carry.insights);
        earlier.filter(|insight| !today.contains(&insight.id)).for_each(|insight| intake.take_insight(insight));
        carry.insights.iter().for_each(|insight| intake.take_insight(insight));
        let (correlated, taken) = intake.finish(span.clone());
        let alerts = self.alerts(date, reported, correlated, &before.matches, &own, &mut carry);
        carry.prune(span.end, &self.book.alerts);
        let (matches, beyond) = (own.matches.len() as u64, own.note.beyond());
        gathered.problems.sort();
        gathered.problems.dedup();
        let Gathered { looked, problems, warnings, remembered } = gathered;
        DayAlerts { date, alerts, looked, matches, beyond, taken, problems, warnings, carry, remembered }
    }

    fn alerts(
        &self,
        date: NaiveDate,
        mut grouped: Grouped,
        correlated: Vec<CorrelationMatch>,
        before: &[Match],
        own: &DayMatches,
        carry: &mut Carry,
    ) -> Vec<Alert> {
        let book = self.book;
        let looked_at = before.iter().chain(own.matches.iter().filter(|found| book.is_member(found.rule)));
        let members = Members::gather(&book.rules, &book.settings.whitelist, &correlated, looked_at);
        add_correlated(&mut grouped, &book.rules, correlated, &members);
        let day = span_of(date);
        let told = Stretch { date, begin: day.start, end: own.note.until.clamp(day.start, day.end) };
        let silences = silences(&book.rules, &mut grouped, &mut carry.heard, &(told.begin..told.end));
        grouped.retain(|_, (identity, _)| !book.waits(identity.rule));
        let mut alerts: Vec<Alert> = silences.iter().map(|silence| of_silence(book, told, silence)).collect();
        for (fingerprint, (identity, occurrences)) in &grouped {
            let consecutive = book.rules.rules()[identity.rule].extension.notify.consecutive;
            let joining = Joining { settings: &book.alerts, consecutive, fingerprint: *fingerprint };
            let joined = joining.join(carry.threads.entry(*fingerprint).or_default(), occurrences);
            alerts.extend(joined.iter().map(|joined| of_matches(book, told, *fingerprint, identity, joined)));
        }
        rank(&mut alerts, &book.rules);
        annotate(&mut alerts, self.places);
        alerts
    }

    /// What correlations may look back on.
    fn before(&self, date: NaiveDate, gathered: &mut Gathered) -> Result<Before> {
        let begin = midnight_ms(date);
        let floor = begin.saturating_sub(self.book.look_back_ms());
        let mut before = Before::default();
        let days = date_of_ms(floor).unwrap_or(date).iter_days().take_while(|day| *day < date);
        for day in days {
            let found = self.remembered(day, gathered)?;
            let looked_at =
                found.into_iter().filter(|found| found.event.time > floor && self.book.is_member(found.rule));
            before.matches.extend(looked_at);
            before.carries.push(Carry::read(self.state, day)?);
        }
        Ok(before)
    }

    /// The matches of an earlier day: those that are remembered, or else, as long as its events are there, those of its events.
    fn remembered(&self, day: NaiveDate, gathered: &mut Gathered) -> Result<Vec<Match>> {
        let remembered = self.read_remembered(day, gathered)?;
        let (files, _) = self.partitions.open_range(day, day);
        let has_events = files.iter().any(|file| file.concerns(day));
        if let Some(remembered) = remembered {
            let whole = remembered.note.until >= span_of(day).end;
            let same = remembered.note.input.as_ref() == Some(&input_of(&files, day));
            if !has_events || whole && (same || self.settled.contains(&day)) {
                return Ok(remembered.matches);
            }
        } else if !has_events {
            if is_there(&matches::path(self.state, day))? {
                gathered.warnings.push(format!(
                    "correlations do not look back on {day}: its events are gone, and its matches are damaged or those of other rules"
                ));
            }
            return Ok(Vec::new());
        }
        let found = self.evaluate(day, span_of(day), gathered);
        gathered.remembered.push(found.prepare(self.state, day, self.book)?);
        Ok(found.matches)
    }
}

/// What came before a day.
#[derive(Default)]
struct Before {
    matches: Vec<Match>,
    carries: Vec<Carry>,
}

impl DayAlerts {
    /// Remembers the day for those after it.
    ///
    /// # Errors
    /// When that is impossible.
    pub fn keep(&mut self, state: &Path) -> Result<Vec<PathBuf>> {
        let mut written = Vec::new();
        for file in self.remembered.drain(..) {
            written.push(file.target().to_path_buf());
            file.commit()?;
        }
        written.push(self.carry.write(state, self.date)?);
        Ok(written)
    }
}

/// From the first moment of a day to the last, in milliseconds.
pub(super) fn span_of(date: NaiveDate) -> Range<i64> {
    midnight_ms(date)..midnight_ms(date) + DAY_MS
}

/// A hash of the files with events of a day.
fn input_of(files: &[EventFile], date: NaiveDate) -> String {
    let mut hasher = blake3::Hasher::new();
    for file in files.iter().filter(|file| file.concerns(date)) {
        hasher.update(format!("{:?} {}\n", file.name, file.fingerprint).as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}
