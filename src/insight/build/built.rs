//! From what detectors found, and what the events told, to insights in the order in which a person should look at them.
//!
//! Here a finding becomes an insight, goes on with one of the night before, or is left out with the reason kept; what is left to the next night is
//! noted on the way. How each kind is made stands in the files beside this one; what it means, in [`meaning`](crate::insight::meaning).

use std::cmp::Reverse;
use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::baseline::{FamilyHistory, Window};
use crate::detect::Deviation;
use crate::insight::attribute::Attribute;
use crate::insight::build::callers::LeftToCaller;
use crate::insight::build::change::change_insight;
use crate::insight::build::continuation::{begin_before, go_on, left_insight};
use crate::insight::build::draft::moment;
use crate::insight::build::first_seen;
use crate::insight::build::gaps::Gaps;
use crate::insight::build::new_level::{NewLevel, new_levels};
use crate::insight::build::rate::rate_insight;
use crate::insight::events::evidence::{Evidence, Unseen};
use crate::insight::events::usual::Usual;
use crate::insight::extent::rhythm::Days;
use crate::insight::findings::night::NightFindings;
use crate::insight::findings::targets::usual_rate;
use crate::insight::life::course::{Course, Rates};
use crate::insight::life::episode::{Episode, Episodes, Running, Same};
use crate::insight::life::over;
use crate::insight::meaning::complete::{complete, name_account};
use crate::insight::{Actor, Insight, InsightType, Lasting, Life};
use crate::rollup::{EntityKey, Family};

/// The insights of a night, and what it leaves to the next.
#[derive(Debug, Default)]
pub struct Built {
    /// The most serious first.
    pub insights: Vec<Insight>,
    /// Episodes of earlier nights that are over, and of which nothing is odd tonight.
    pub closed: Vec<Insight>,
    /// What the next night needs to know.
    pub episodes: Episodes,
    /// Entities that were reported until the night before, and are at a new level.
    pub new_levels: Vec<NewLevel>,
    /// Drops that are not reported, because a silent region explains them.
    pub explained: usize,
    /// Rises that are not reported, because they are no more than what their callers usually do.
    pub left_to_callers: Vec<LeftToCaller>,
}

/// What the events told of one target.
#[derive(Clone, Copy)]
pub(in crate::insight) struct Told<'a> {
    pub(in crate::insight) evidence: &'a Evidence,
    pub(in crate::insight) usual: &'a Usual,
}

/// The night and what can be believed of the days before it.
#[derive(Clone, Copy)]
pub(super) struct Night<'a> {
    pub(super) window: &'a Window,
    pub(super) days: Days<'a>,
    pub(super) gaps: Gaps<'a>,
}

/// Makes the insights of a night. `evidence` and `usual` are those of [`NightFindings::targets`].
pub fn build(
    findings: &NightFindings,
    evidence: &[Evidence],
    usual: &[Usual],
    days: Days<'_>,
    gaps: Gaps<'_>,
) -> Built {
    let window = days.window;
    let mut told = evidence.iter().zip(usual).map(|(evidence, usual)| Told { evidence, usual });
    let night = Night { window, days, gaps };
    let levels = new_levels(findings, days);
    let principals = findings.history(Family::Principal);
    let mut built = Built::default();
    for ((history, deviation), told) in findings.reported().zip(told.by_ref()) {
        // What was begun is told to its end, whatever explains the rest of it.
        let begun = Begun::of(findings, history, deviation, told);
        let is_new = matches!(begun, Begun::New);
        let left = || LeftToCaller::of(principals, window, (history, deviation), told, findings.thresholds.max_p_value);
        if is_new && night.gaps.explain(history, deviation, told.usual) {
            built.explained += 1;
        } else if let Some(left) = is_new.then(left).flatten() {
            built.left_to_callers.push(left);
        } else {
            built.add_rate(findings, (history, deviation), begun, told, night);
        }
    }
    if let Some((history, changes)) = &findings.changes {
        for (change, told) in changes.iter().zip(told.by_ref()) {
            built.insights.push(change_insight(findings, history, change, told, night));
        }
    }
    for (found, told) in findings.firsts.iter().zip(told.by_ref()) {
        built.insights.push(first_seen::insight(findings, found, (told.evidence, told.usual), window.scored()));
    }
    for (left, told) in findings.left_alone().into_iter().zip(told) {
        built.add_left(left, told, levels.contains_key(left.0), window.scored());
    }
    built.add_absorbed(findings, window);
    built
        .episodes
        .extend(findings.hidden.iter().chain(&findings.untold).map(|(same, left)| (same.clone(), left.clone())));
    built.new_levels = levels.into_values().collect();
    if findings.has_several_accounts() {
        built.insights.iter_mut().chain(&mut built.closed).for_each(name_account);
    }
    built.insights.sort_by(|left, right| {
        rank(left)
            .cmp(&rank(right))
            .then(right.measured.score.total_cmp(&left.measured.score))
            .then(left.start.cmp(&right.start))
            .then(left.id.cmp(&right.id))
    });
    built
}

/// What decides first which of two insights comes first: how serious they are, what kind they are, and the gravest thing about a change. Calls that
/// failed for the most part say less than their errors do, and come after these.
fn rank(insight: &Insight) -> impl Ord {
    let of_errors = insight.insight_type == InsightType::ApiCallRateInsight
        && 2 * insight.measured.errors > insight.measured.observed;
    let kind = if of_errors { InsightType::ApiErrorRateInsight } else { insight.insight_type };
    let gravest = insight.concerns.first().copied();
    (Reverse(insight.severity), kind, of_errors, gravest.is_none(), gravest)
}

/// Days of history from which on it says something that nobody used an address.
const LEAST_DAYS: usize = 7;
/// An address is new for so many days: what it did on the first of them does not make it usual on the next.
const NEW_FOR: usize = 7;

/// The addresses of an episode that nobody in its account used until lately, where all days of them are known.
fn unseen(history: Option<&FamilyHistory>, window: &Window, account: &str, evidence: &Evidence) -> Unseen {
    let Some(history) = history else { return Unseen::default() };
    let first_day = |address: &String| {
        let member = history.find(&EntityKey::new([account, address]))?;
        let first = history.hours(member).first()?.day();
        let before = (0..first).filter(|&day| window.is_present(day)).count();
        let is_new = first + NEW_FOR > window.length() && before >= LEAST_DAYS;
        (is_new && history.days_hidden(member, window) == 0).then(|| window.date(first))
    };
    let addresses = evidence.values[Attribute::SourceAddress].keys();
    let addresses = addresses.filter_map(|address| Some((address.clone(), first_day(address)?)));
    Unseen { addresses: addresses.collect(), days: window.days_of_history() }
}

/// How a deviation stands to the episode of the night before.
#[derive(Clone, Copy)]
enum Begun<'a> {
    /// It goes on with it.
    Continues(&'a Running),
    /// That was over, and it does the same again by the same hand.
    Repeats(&'a Running),
    /// It has nothing to do with any.
    New,
}

impl<'a> Begun<'a> {
    fn of(findings: &'a NightFindings, history: &FamilyHistory, deviation: &Deviation, told: Told<'_>) -> Self {
        if let Some(running) = findings.continued(history, deviation) {
            return Self::Continues(running);
        }
        let repeated = findings.repeated(history, deviation);
        repeated.filter(|before| before.is_by_the_same(told.evidence)).map_or(Self::New, Self::Repeats)
    }

    /// The same of an entity that has outgrown what was told of it, or did it once tonight: that is nothing that comes again.
    fn outgrown(self) -> Self {
        match self {
            Self::Repeats(_) => Self::New,
            other => other,
        }
    }

    fn continued(self) -> Option<&'a Running> {
        match self {
            Self::Continues(running) => Some(running),
            Self::Repeats(_) | Self::New => None,
        }
    }

    /// Nights in which the same came again, with this one.
    fn times(self) -> u32 {
        match self {
            Self::Repeats(before) => before.times + 1,
            Self::Continues(_) | Self::New => 0,
        }
    }
}

impl Built {
    fn add_rate(
        &mut self,
        findings: &NightFindings,
        (history, deviation): (&FamilyHistory, &Deviation),
        begun: Begun<'_>,
        told: Told<'_>,
        night: Night<'_>,
    ) {
        let date = night.window.scored();
        let same = NightFindings::same(history, deviation);
        let outgrown = findings.outgrows(&same);
        let before = findings.before.get(&same).filter(|_| !outgrown);
        let calls = findings.calls_of(&same, night.window);
        let mut episode = Episode::following(&same, date, before, findings.level_shift_days).with_calls(before, calls);
        let is_told =
            matches!(begun, Begun::Repeats(before) if self.insights.iter().any(|insight| insight.id == before.id));
        let begun = if outgrown || is_told { begun.outgrown() } else { begun };
        let (continued, is_new) = (begun.continued(), matches!(begun, Begun::New));
        // A story goes on only while an episode of it does.
        episode.incident = episode.incident.filter(|_| !is_new);
        let mut insight = rate_insight((history, deviation), continued, told, night);
        insight.life = Life {
            continued: !is_new,
            nights: episode.nights,
            since: Some(episode.since),
            times: begun.times(),
            // Of several episodes of a night the first says it.
            level_shift: episode.level_shift && !self.episodes.contains_key(&same),
            incident: episode.incident,
            tonight: continued.map(|_| insight.measured.observed),
            left_out: BTreeSet::new(),
            lasting: Lasting::Not,
        };
        insight.ended |= episode.level_shift;
        let mut evidence = told.evidence.clone();
        evidence.unseen = unseen(findings.history(Family::SourceIp), night.window, &insight.account, &evidence);
        let usual = usual_rate(deviation);
        begin_before(&mut insight, &mut evidence, usual);
        match begun {
            Begun::Continues(running) => go_on(&mut insight, &mut evidence, running),
            // What lies between is none of it: each night tells its own.
            Begun::Repeats(before) => insight.id = before.id,
            Begun::New => {}
        }
        complete(&mut insight, &evidence, told.usual);
        episode.insight = Some(insight.id);
        let called = insight.actor.as_ref().filter(|actor| history.family == Family::Principal && actor.name.is_some());
        episode.name = called.map(Actor::shown).or(episode.name);
        let end = moment(date, evidence.minutes_of_day().1);
        let running = Running::of(&insight, end, usual, &evidence);
        (episode.open, episode.again) = if insight.ended { (None, Some(running)) } else { (Some(running), None) };
        // Of several episodes of an entity only the last can be open at midnight.
        self.episodes.insert(same, episode);
        self.insights.push(insight);
    }

    /// An episode that no deviation goes on with: it is over, or its entity's level by now, and no finding of this night.
    fn add_left(
        &mut self,
        (same, before, running, course): (&Same, &Episode, &Running, Course),
        told: Told<'_>,
        level_shift: bool,
        date: NaiveDate,
    ) {
        let (nights, incident) = (before.nights, before.incident);
        let life = Life { continued: true, nights, incident, level_shift, ..Life::default() };
        match course {
            Course::Lasts(..) => {
                let nothing = Evidence::default();
                let life = Life { lasting: Lasting::Closed, ..life };
                self.close(left_insight(same, (running, Rates::default()), (&nothing, told.usual), life, date).0);
            }
            Course::Ended(ending) => {
                let life = Life { level_shift: false, ..life };
                let before = ending.before.filter(|_| !running.left_out.is_empty());
                let running = &Running { end: before.unwrap_or(running.end), ..running.clone() };
                self.close(left_insight(same, (running, ending.whole), (told.evidence, told.usual), life, date).0);
            }
            Course::KeptOpen(_, rates) => {
                let tonight = Some(told.evidence.calls());
                let life = Life { level_shift: false, lasting: Lasting::KeptOpen, tonight, ..life };
                let (insight, evidence) = left_insight(same, (running, rates), (told.evidence, told.usual), life, date);
                let mut episode = before.clone();
                episode.nights += 1;
                episode.open = Some(Running::of(&insight, insight.end, rates.usual, &evidence));
                self.episodes.insert(same.clone(), episode);
                self.insights.push(insight);
            }
            Course::GoesOn(_) | Course::Untold => {}
        }
    }

    fn close(&mut self, mut insight: Insight) {
        over::close(&mut insight);
        self.closed.push(insight);
    }

    /// Levels that were told to be new go on without a word.
    fn add_absorbed(&mut self, findings: &NightFindings, window: &Window) {
        for (history, found) in &findings.rates {
            for deviation in found {
                let same = NightFindings::same(history, deviation);
                let Some(before) = findings.before.get(&same).filter(|before| before.level_shift) else { continue };
                self.episodes.entry(same).or_insert_with_key(|same| {
                    let calls = findings.calls_of(same, window);
                    let mut episode =
                        Episode::following(same, window.scored(), Some(before), findings.level_shift_days)
                            .with_calls(Some(before), calls);
                    episode.level_shift = true;
                    episode
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::Concern;
    use crate::insight::Measured;
    use crate::insight::example::rate;

    #[test]
    fn an_address_is_unseen_if_nobody_used_it_on_any_day_before() {
        let window = Window::new("2026-02-02".parse().unwrap(), 28, |_| true);
        let hour = |day: u16| crate::baseline::HistoryHour { hour: day * 24 + 9, calls: 1, errors: 0, peak: 1 };
        let of =
            |address: &str, days: &[u16]| (EntityKey::new(["1", address]), days.iter().map(|&day| hour(day)).collect());
        let history = FamilyHistory::from_entities(
            Family::SourceIp,
            [of("192.0.2.1", &[3, 28]), of("192.0.2.2", &[28]), of("192.0.2.4", &[26, 28]), of("192.0.2.5", &[21, 28])],
        );
        let mut evidence = Evidence::default();
        let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"];
        evidence.values[Attribute::SourceAddress] = addresses.map(|address| (address.to_owned(), 1)).into();
        let found = unseen(Some(&history), &window, "1", &evidence);
        assert_eq!(
            (found.addresses, found.days),
            (
                [("192.0.2.2", window.scored()), ("192.0.2.4", window.date(26))]
                    .map(|(ip, day)| (ip.to_owned(), day))
                    .into(),
                28
            ),
            "of the third nothing is known, and the last was used for a week"
        );
        assert!(unseen(None, &window, "1", &evidence).addresses.is_empty());
    }

    #[test]
    fn errors_come_before_the_calls_that_failed_and_what_is_graver_before_what_is_not() {
        let of = |insight_type, errors| {
            let measured = Measured { errors, ..rate().measured };
            Insight { insight_type, measured, ..rate() }
        };
        let errors = of(InsightType::ApiErrorRateInsight, 204);
        let (failed, calls) = (of(InsightType::ApiCallRateInsight, 203), of(InsightType::ApiCallRateInsight, 3));
        let mut all = [&failed, &errors, &calls];
        all.sort_by(|left, right| rank(left).cmp(&rank(right)));
        assert_eq!(all, [&calls, &errors, &failed]);
        let trail = |concerns: &[Concern]| {
            let insight = of(InsightType::TrailConcealmentInsight, 0);
            Insight { concerns: concerns.to_vec(), ..insight }
        };
        let (nothing, less, stopped) = (trail(&[]), trail(&[Concern::RecordsLess]), trail(&[Concern::Stopped]));
        let mut all = [&nothing, &less, &stopped];
        all.sort_by(|left, right| rank(left).cmp(&rank(right)));
        assert_eq!(all, [&stopped, &less, &nothing]);
    }
}
