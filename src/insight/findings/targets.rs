//! What the events are read for: of each finding the entity, the hours in which its minutes are looked for, and how they are found.
//!
//! Counts know hours, people ask for minutes: a target says between which hours the first and the last minute can lie. All are looked for in one reading
//! of the day, so that a night with a thousand findings reads its events once.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::baseline::{FamilyHistory, HistoryHour};
use crate::detect::change::ChangeFound;
use crate::detect::first_seen::{FirstSeen, NewPartner};
use crate::detect::{Deviation, Direction, Model, Thresholds};
use crate::insight::NightFindings;
use crate::insight::events::target::{Begin, Minutes, Target};
use crate::insight::extent::minutes::UsualDay;
use crate::insight::extent::rhythm::Days;
use crate::insight::life::course::{Course, Ending};
use crate::insight::life::episode::{Running, Same};
use crate::rollup::{EntityKey, Family};
use crate::time::HourSpan;

/// For each deviation, by its family, its entity's number and its hours, the hours in which its minutes are looked for.
pub(super) type Searched = BTreeMap<(Family, usize, HourSpan), HourSpan>;

/// What comes before all others of an entity.
const FIRST: HourSpan = HourSpan::first(0);

impl NightFindings {
    /// What to go back to the events for, in the order that [`build`](crate::insight::build()) expects the evidence in.
    pub fn targets(&self, days: Days<'_>) -> Vec<Target> {
        let date = days.window.scored();
        let rates = self.reported().map(|(history, deviation)| self.rate_target(history, deviation, days));
        let changes = self
            .changes
            .iter()
            .flat_map(|(history, found)| found.iter().map(move |change| change_target(history, change, date)));
        let left =
            self.left_alone().into_iter().map(|(same, _, running, course)| self.left_target(same, running, course));
        let firsts = self.firsts.iter().map(|found| new_company_target(found, self.history(found.family), date));
        rates.chain(changes).chain(firsts).chain(left).collect()
    }

    /// What the events of an episode that no deviation goes on with are read for: the hours for which it lasted.
    fn left_target(&self, (family, key, _): &Same, running: &Running, course: Course) -> Target {
        let whole = |hours: u8| (HourSpan::first(hours), Minutes::Whole);
        let (hours, minutes) = match course {
            Course::Ended(ending) => {
                let (from, rates) = (usize::from(ending.hours().begin()) * 60, ending.around);
                let minutes = Minutes::Tail { from, rate: rates.level, usual: rates.usual };
                (HourSpan::first(self.until_next(*family, key, ending)), minutes)
            }
            Course::KeptOpen(hours, _) => whole(hours),
            Course::GoesOn(_) | Course::Lasts(..) | Course::Untold => whole(0),
        };
        Target {
            family: *family,
            keys: vec![key.clone()],
            hours,
            search: hours,
            minutes,
            since: running.start.date_naive(),
            with: Vec::new(),
            eve: Vec::new(),
        }
    }

    /// The hour up to which the rest of an entity's episode is looked for: not in those of its next one.
    fn until_next(&self, family: Family, key: &EntityKey, ending: Ending) -> u8 {
        let end = ending.hours().end();
        let Some(member) = self.history(family).and_then(|history| history.find(key)) else { return end };
        let next = self.searched.range((family, member, FIRST)..(family, member + 1, FIRST)).next();
        next.map_or(end, |(_, search)| end.min(search.begin()))
    }

    /// The hours of the day in which a deviation's minutes are looked for.
    pub(in crate::insight) fn search(&self, history: &FamilyHistory, deviation: &Deviation) -> HourSpan {
        let known = self.searched.get(&(history.family, deviation.member, deviation.hours)).copied();
        let search = known.unwrap_or(deviation.hours);
        // What goes on is looked for from midnight on.
        if self.continued(history, deviation).is_some() { search.since(0) } else { search }
    }

    /// The fewest calls of its hours for which a rise would have been reported: more than the band, and past the gates.
    fn least(&self, deviation: &Deviation) -> u64 {
        let Thresholds { min_excess, min_ratio, .. } = self.thresholds;
        let past_gates = (deviation.expected + min_excess).max(deviation.expected * min_ratio).ceil() as u64;
        past_gates.max(deviation.upper + 1).min(deviation.observed)
    }

    fn rate_target(&self, history: &FamilyHistory, deviation: &Deviation, days: Days<'_>) -> Target {
        let continued = self.continued(history, deviation);
        let hours = if continued.is_some() { deviation.hours.since(0) } else { deviation.hours };
        let key = history.key(deviation.member);
        let usual = usual_day(deviation).believing(days.believed((history.family, key.account())));
        // What goes on was worth telling when it began.
        let least = if continued.is_some() { 0 } else { self.least(deviation) };
        let search = self.search(history, deviation);
        let begin = match continued {
            Some(_) => Begin::GoesOn,
            None if search.begin() == 0
                && !self.was_told_at_its_end(&Self::same(history, deviation), days.window.scored()) =>
            {
                Begin::Before
            }
            None => Begin::Within,
        };
        Target {
            family: history.family,
            keys: vec![key.clone()],
            hours,
            search,
            minutes: match deviation.direction {
                Direction::Up => Minutes::Rise { usual, least, begin },
                Direction::Down => Minutes::Drop { usual, begin },
            },
            since: continued.map_or(days.window.scored(), |running| running.start.date_naive()),
            with: Vec::new(),
            eve: Vec::new(),
        }
    }
}

/// What the events of a change are read for.
pub(super) fn change_target(history: &FamilyHistory, change: &ChangeFound, date: NaiveDate) -> Target {
    Target {
        family: Family::Change,
        keys: change.members.iter().map(|&member| history.key(member).clone()).collect(),
        hours: change.hours,
        search: change.hours,
        minutes: Minutes::Whole,
        since: date,
        with: Vec::new(),
        eve: Vec::new(),
    }
}

/// The hours in which the minutes of each deviation are looked for. It may begin in the hour before those that stand out, and end in the
/// hour after; an hour between two of an entity belongs to the first, or its calls would be told twice.
pub(in crate::insight) fn searched(history: &FamilyHistory, found: &[Deviation]) -> Searched {
    let mut all: Vec<&Deviation> = found.iter().collect();
    all.sort_by_key(|deviation| (deviation.member, deviation.hours));
    let mut searched = Searched::new();
    let mut until = None;
    for (place, own) in all.iter().enumerate() {
        let next = all.get(place + 1).filter(|next| next.member == own.member);
        let (begin, end) = (own.hours.begin(), own.hours.end());
        let until_next = (end + 1).min(next.map_or(24, |next| next.hours.begin())).max(end);
        let before = until.filter(|(member, _)| *member == own.member).map_or(0, |(_, hour)| hour);
        let first = begin.saturating_sub(1).max(before).min(begin);
        searched.insert((history.family, own.member, own.hours), HourSpan::new(first, until_next));
        until = Some((own.member, until_next));
    }
    searched
}

/// Calls a minute that would have been usual: what was expected is about the hours in the seasonal model, and the day in others.
pub(in crate::insight) fn usual_rate(deviation: &Deviation) -> f64 {
    let hours = match deviation.model {
        Model::Seasonal => f64::from(deviation.hours.length()),
        Model::Sparse | Model::New | Model::FirstSeen => 24.0,
    };
    deviation.expected / (hours * 60.0)
}

/// What is usual in the hours of the scored day, and in the one before it: what was expected of each, or the same in all where days are judged as a whole.
fn usual_day(deviation: &Deviation) -> UsualDay {
    let hours = deviation.by_hour.last_chunk::<25>().filter(|_| deviation.model == Model::Seasonal);
    hours.map_or_else(|| UsualDay::even(usual_rate(deviation)), |hours| UsualDay::of_hours(hours.map(|band| band.mean)))
}

/// The events that an entity's new company is told by.
fn new_company_target(found: &FirstSeen, history: Option<&FamilyHistory>, date: NaiveDate) -> Target {
    let hours = hours_of_new_company(found, history);
    let with = |(family, partners): &(Family, Vec<NewPartner>)| {
        partners.iter().map(|partner| (*family, partner.key.clone())).collect::<Vec<_>>()
    };
    Target {
        family: found.family,
        keys: vec![found.key.clone()],
        hours,
        search: hours,
        minutes: Minutes::Active,
        since: date,
        with: found.partners.iter().flat_map(with).collect(),
        eve: Vec::new(),
    }
}

/// The hours of the night in which an entity was active: any of them may be with its new company.
pub(in crate::insight) fn hours_of_new_company(found: &FirstSeen, history: Option<&FamilyHistory>) -> HourSpan {
    let member = history.and_then(|history| Some((history, history.find(&found.key)?)));
    member.map_or(HourSpan::DAY, |(history, member)| last_hours(history, member))
}

/// The hours of an entity's last day, from its first call to its last.
fn last_hours(history: &FamilyHistory, member: usize) -> HourSpan {
    let hours = history.hours(member);
    let day = hours.last().map_or(0, HistoryHour::day);
    let of_day = || hours.iter().filter(|hour| hour.day() == day).map(|hour| (hour.hour % 24) as u8);
    HourSpan::new(of_day().min().unwrap_or(0), of_day().max().map_or(24, |last| last + 1))
}
