//! From what detectors found, and what the events told, to insights in the order in which a person should look at them.

use chrono::NaiveDate;

use crate::baseline::{FamilyHistory, Window};
use crate::detect::Deviation;
use crate::insight::change::change_insight;
use crate::insight::continuation::{begin_before, go_on, left_insight};
use crate::insight::course::{Course, Rates};
use crate::insight::draft::moment;
use crate::insight::episode::{Episode, Episodes, Running, Same};
use crate::insight::findings::NightFindings;
use crate::insight::first_seen;
use crate::insight::gaps::Gaps;
use crate::insight::investigate::Evidence;
use crate::insight::meaning::{complete, name_account};
use crate::insight::new_level::{NewLevel, new_levels};
use crate::insight::over;
use crate::insight::rate::rate_insight;
use crate::insight::rhythm::Days;
use crate::insight::targets::usual_rate;
use crate::insight::usual::Usual;
use crate::insight::{Actor, Insight, Lasting, Life};
use crate::rollup::Family;

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
}

/// What the events told of one target.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) usual: &'a Usual,
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
    let levels = new_levels(findings, window);
    let mut built = Built::default();
    for ((history, deviation), told) in findings.reported().zip(told.by_ref()) {
        // What was begun is told to its end, whatever explains the rest of it.
        let is_new = findings.continued(history, deviation).or(repeated(findings, history, deviation, told)).is_none();
        if is_new && night.gaps.explain(history, deviation, told.usual) {
            built.explained += 1;
        } else {
            built.add_rate(findings, history, deviation, told, night);
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
        let rank = |insight: &Insight| (std::cmp::Reverse(insight.severity), insight.insight_type);
        rank(left)
            .cmp(&rank(right))
            .then(right.score.total_cmp(&left.score))
            .then(left.start.cmp(&right.start))
            .then(left.id.cmp(&right.id))
    });
    built
}

/// The episode of the night before that was over, and that a deviation repeats by the same hand.
fn repeated<'a>(
    findings: &'a NightFindings,
    history: &FamilyHistory,
    deviation: &Deviation,
    told: Told<'_>,
) -> Option<&'a Running> {
    findings.repeated(history, deviation).filter(|before| before.is_by_the_same(told.evidence))
}

impl Built {
    fn add_rate(
        &mut self,
        findings: &NightFindings,
        history: &FamilyHistory,
        deviation: &Deviation,
        told: Told<'_>,
        night: Night<'_>,
    ) {
        let date = night.window.scored();
        let same = NightFindings::same(history, deviation);
        let outgrown = findings.outgrows(&same);
        let before = findings.before.get(&same).filter(|_| !outgrown);
        let calls = findings.calls_of(&same, night.window);
        let mut episode = Episode::following(&same, date, before, findings.level_shift_days).with_calls(before, calls);
        let continued = findings.continued(history, deviation);
        let repeated = repeated(findings, history, deviation, told).filter(|_| !outgrown);
        let begun = continued.or(repeated);
        // A story goes on only while an episode of it does.
        episode.incident = episode.incident.filter(|_| begun.is_some());
        let searched = findings.search(history, deviation);
        let mut insight = rate_insight((history, deviation), continued, told, night, searched);
        insight.life = Life {
            continued: begun.is_some(),
            nights: episode.nights,
            since: Some(episode.since),
            times: repeated.filter(|_| continued.is_none()).map_or(0, |before| before.times + 1),
            // Of several episodes of a night the first says it.
            level_shift: episode.level_shift && !self.episodes.contains_key(&same),
            incident: episode.incident,
            tonight: continued.map(|_| insight.observed),
            lasting: Lasting::Not,
        };
        insight.ended |= episode.level_shift;
        let mut evidence = told.evidence.clone();
        let usual = usual_rate(deviation);
        begin_before(&mut insight, &mut evidence, usual);
        match (continued, repeated) {
            (Some(running), _) => go_on(&mut insight, &mut evidence, running),
            // What lies between is none of it: each night tells its own.
            (None, Some(before)) => insight.id = before.id,
            (None, None) => {}
        }
        complete(&mut insight, &evidence, told.usual);
        episode.insight = Some(insight.id);
        let called = insight.actor.as_ref().filter(|actor| history.family == Family::Principal && actor.name.is_some());
        episode.name = called.map(Actor::shown).or(episode.name);
        let end = moment(date, i64::from(searched.0) * 60 + evidence.span.1 as i64);
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
