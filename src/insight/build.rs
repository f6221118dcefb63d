//! From what detectors found, and what the events told, to insights in the order in which a person should look at them.

use chrono::NaiveDate;

use crate::baseline::{FamilyHistory, Feed, Window};
use crate::detect::change::{ChangeFound, Reason};
use crate::detect::{Deviation, Direction};
use crate::event::{ChangeKind, without_session};
use crate::insight::actor::{behind, names};
use crate::insight::attack::attacks;
use crate::insight::attribution::Compared;
use crate::insight::concern::{self, Concern};
use crate::insight::continuation::{go_on, left_insight};
use crate::insight::course::{Course, Rates};
use crate::insight::draft::{Subject, id, moment, rate_type};
use crate::insight::episode::{Episode, Episodes, Running, Same};
use crate::insight::findings::{NightFindings, usual_rate};
use crate::insight::first_seen;
use crate::insight::gaps::Gaps;
use crate::insight::investigate::{ATTRIBUTES, Evidence};
use crate::insight::new_level::{NewLevel, new_levels};
use crate::insight::next_query::next_query;
use crate::insight::over;
use crate::insight::rhythm::{Days, Rhythm, TELLING};
use crate::insight::sentence::sentence;
use crate::insight::severity::severity;
use crate::insight::usual::{DAYS, Usual};
use crate::insight::{Actor, Attribution, Insight, InsightType, Life};
use crate::rollup::Family;
use crate::shown::number;
use crate::stats::score;

/// Minutes of a day.
const DAY: i64 = 24 * 60;
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
struct Told<'a> {
    evidence: &'a Evidence,
    usual: &'a Usual,
}

/// The night and what can be believed of the days before it.
#[derive(Clone, Copy)]
struct Night<'a> {
    window: &'a Window,
    days: Days<'a>,
    gaps: Gaps<'a>,
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
        let is_new = findings.continued(history, deviation).is_none();
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
        built.add_left(left, told, levels.contains_key(left.0), findings.level_shift_days, window.scored());
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
        let searched = findings.search(history, deviation);
        let mut insight = rate_insight((history, deviation), continued, told, night, searched);
        insight.life = Life {
            continued: continued.is_some(),
            nights: episode.nights,
            // Of several episodes of a night the first says it.
            level_shift: episode.level_shift && !self.episodes.contains_key(&same),
            incident: episode.incident,
            tonight: continued.map(|_| insight.observed),
        };
        insight.ended |= episode.level_shift;
        let mut evidence = told.evidence.clone();
        if let Some(running) = continued {
            go_on(&mut insight, &mut evidence, running);
        }
        complete(&mut insight, &evidence, told.usual);
        episode.insight = Some(insight.id);
        let called = insight.actor.as_ref().filter(|actor| history.family == Family::Principal && actor.name.is_some());
        episode.name = called.map(Actor::shown).or(episode.name);
        let usual = usual_rate(deviation);
        let end = moment(date, i64::from(searched.0) * 60 + evidence.span.1 as i64);
        episode.open = (!insight.ended).then(|| Running::of(&insight, end, usual, &evidence));
        // Of several episodes of an entity only the last can be open at midnight.
        self.episodes.insert(same, episode);
        self.insights.push(insight);
    }

    /// An episode that no deviation goes on with: a finding of this night only if it lasts and is not a level by now.
    fn add_left(
        &mut self,
        (same, before, running, course): (&Same, &Episode, &Running, Course),
        told: Told<'_>,
        is_level: bool,
        level_shift_days: u32,
        date: NaiveDate,
    ) {
        let mut life = Life { continued: true, nights: before.nights, incident: before.incident, ..Life::default() };
        let seen = (told.evidence, told.usual);
        match course {
            Course::Lasts(_) if is_level => {
                life.level_shift = true;
                let nothing = Evidence::default();
                self.close(left_insight(same, (running, Rates::default()), (&nothing, told.usual), life, date));
            }
            Course::Lasts(rates) => {
                let mut episode = Episode::following(same, date, Some(before), level_shift_days)
                    .with_calls(Some(before), told.evidence.calls());
                (life.nights, life.level_shift) = (episode.nights, episode.level_shift);
                life.tonight = Some(told.evidence.calls());
                let mut insight = left_insight(same, (running, rates), seen, life, date);
                insight.ended |= episode.level_shift;
                episode.insight = Some(insight.id);
                let open = || Running::of(&insight, insight.end, running.usual, told.evidence);
                episode.open = (!insight.ended).then(open);
                self.episodes.insert(same.clone(), episode);
                self.insights.push(insight);
            }
            Course::Ended(_, rates) => self.close(left_insight(same, (running, rates), seen, life, date)),
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

/// Whether an episode may go on after its last minute of the day: nothing until midnight speaks for what is usual, or too short a time.
fn goes_on(
    (history, deviation): (&FamilyHistory, &Deviation),
    continued: Option<&Running>,
    evidence: &Evidence,
    night: Night<'_>,
    (start, end): (i64, i64),
) -> bool {
    let silence = DAY - end;
    if silence <= 0 {
        return true;
    }
    let rest_of_hour = evidence.minutes.iter().skip(evidence.span.1).take((silence % 60) as usize);
    let rest_of_hour: u64 = rest_of_hour.map(|&calls| u64::from(calls)).sum();
    // Calls until midnight that are none of a rise mean that it was over before them: its count is of all between start and end.
    let next_hour = night.window.length() * 24 + (end as usize).div_ceil(60);
    let mut later = history.hours_on(deviation.member, night.window.length()).iter();
    let is_called_later = later.any(|hour| usize::from(hour.hour) >= next_hour && hour.calls > 0);
    if deviation.direction == Direction::Up && (is_called_later || rest_of_hour > 0) {
        return false;
    }
    let today = night.window.length() as i64 * DAY;
    let first = continued.map_or(start, |running| (running.start - moment(night.window.scored(), 0)).num_minutes());
    let begun_on = usize::try_from((today + first).div_euclid(DAY)).unwrap_or(0);
    let rhythm = Rhythm::learn(history, deviation.member, night.days, begun_on);
    let observed = continued.map_or(0, |running| running.observed) + evidence.calls();
    let level = rhythm.level(deviation.direction, observed, today + first..today + end);
    let telling = rhythm.telling_after(level, (today + end) as usize, rest_of_hour);
    let is_short = deviation.direction == Direction::Up && silence < 60 && silence <= evidence.longest_gap();
    is_short || telling < TELLING
}

fn rate_insight(
    (history, deviation): (&FamilyHistory, &Deviation),
    continued: Option<&Running>,
    told: Told<'_>,
    night: Night<'_>,
    searched: (u8, u8),
) -> Insight {
    let Told { evidence, .. } = told;
    let date = night.window.scored();
    let first_minute = i64::from(searched.0) * 60;
    let (start, end) = (first_minute + evidence.span.0 as i64, first_minute + evidence.span.1 as i64);
    let key = history.key(deviation.member);
    let fields = history.spelled(deviation.member);
    let is_open = goes_on((history, deviation), continued, evidence, night, (start, end));
    let (observed, errors) = calls_of(history, deviation, evidence, night.window);
    let insight_type = rate_type(history.family);
    let episode = format!("{}{:?}", deviation.hours.0, deviation.direction);
    let subject = Subject {
        id: id(insight_type, key.account(), &fields.join("/"), date, &episode),
        insight_type,
        account: key.account().to_owned(),
        family: history.family,
        fields,
        object: object(history, deviation.member),
    };
    Insight {
        direction: deviation.direction,
        model: Some(deviation.model),
        start: moment(date, start),
        // An hour's silence is not told, for it may go on after midnight.
        end: moment(date, if is_open && DAY - end < 60 { DAY } else { end }),
        ended: !is_open,
        observed,
        errors,
        expected: deviation.expected,
        expected_lower: deviation.lower,
        expected_upper: deviation.upper,
        ln_p: deviation.ln_p,
        ln_q: Some(deviation.ln_q),
        score: capped_score(deviation),
        baseline_average: baseline_average(history, &[deviation.member], night.window, night.gaps.feed),
        days_known: deviation.days_known,
        days_hidden: history.days_hidden(deviation.member, night.window),
        ..subject.draft(evidence, date)
    }
}

/// Calls of an episode and the failed ones among them: of its minutes, or, where the events are gone, of its hours as they were
/// counted.
fn calls_of(history: &FamilyHistory, deviation: &Deviation, evidence: &Evidence, window: &Window) -> (u64, u64) {
    if evidence.calls() > 0 {
        return (evidence.calls(), evidence.errors);
    }
    let first = window.length() * 24;
    let (begin, end) = (first + usize::from(deviation.hours.0), first + usize::from(deviation.hours.1));
    let hours = history.split(deviation.member, window).1.iter();
    let errors = hours.filter(|hour| (begin..end).contains(&usize::from(hour.hour))).map(|hour| u64::from(hour.errors));
    (deviation.observed, errors.sum())
}

fn change_insight(
    findings: &NightFindings,
    history: &FamilyHistory,
    change: &ChangeFound,
    told: Told<'_>,
    night: Night<'_>,
) -> Insight {
    let mut insight = bare_change(history, change, told.evidence, night);
    insight.concerns = findings.concerns(history, change, told.evidence);
    if change.reason == Reason::Silence {
        insight.baseline_average = change.expected / insight.minutes() as f64;
    } else if change.kind == ChangeKind::Trail && is_followed_by_silence(change, &insight.account, night.gaps.feed) {
        insight.concerns.push(Concern::SilenceFollowed);
        insight.concerns.sort_unstable();
    }
    complete(&mut insight, told.evidence, told.usual);
    insight
}

/// A change without what makes it serious, and without what all of it means.
fn bare_change(history: &FamilyHistory, change: &ChangeFound, evidence: &Evidence, night: Night<'_>) -> Insight {
    let date = night.window.scored();
    let is_silence = change.reason == Reason::Silence;
    let (start, end) = change_minutes(change, evidence);
    let insight_type = change_type(change.kind);
    let member = change.members[0];
    let key = history.key(member);
    let fields = history.spelled(member);
    let principal = key.fields().skip(4).collect::<Vec<_>>().join("/");
    let service = history.service(member).unwrap_or_default().to_owned();
    let identity = format!("{service}/{principal}");
    let subject = Subject {
        id: id(insight_type, key.account(), &identity, date, if is_silence { "silence" } else { change.kind.name() }),
        insight_type,
        account: key.account().to_owned(),
        family: Family::Change,
        fields,
        object: service,
    };
    Insight {
        direction: change.direction(),
        reason: Some(change.reason),
        start: moment(date, start),
        end: moment(date, end),
        observed: change.calls,
        errors: change.errors,
        expected: change.expected,
        expected_lower: change.interval.0,
        expected_upper: change.interval.1,
        ln_p: change.ln_p,
        baseline_average: baseline_average(history, &change.members, night.window, night.gaps.feed),
        days_known: night.window.days_of_history(),
        ..subject.draft(evidence, date)
    }
}

fn change_type(kind: ChangeKind) -> InsightType {
    match kind {
        ChangeKind::Permission => InsightType::PolicyChangeInsight,
        ChangeKind::Password => InsightType::PasswordChangeInsight,
        ChangeKind::Trail => InsightType::TrailConcealmentInsight,
    }
}

/// The minutes of the day of a change, from its first call to its last; all of its hours for a silence, and where the events are
/// gone.
fn change_minutes(change: &ChangeFound, evidence: &Evidence) -> (i64, i64) {
    let day_minute = |minute: usize| i64::from(change.hours.0) * 60 + minute as i64;
    let first = evidence.minutes.iter().position(|&calls| calls > 0);
    let last = evidence.minutes.iter().rposition(|&calls| calls > 0);
    match first.zip(last) {
        Some((first, last)) if change.reason != Reason::Silence => (day_minute(first), day_minute(last + 1)),
        _ => (i64::from(change.hours.0) * 60, i64::from(change.hours.1) * 60),
    }
}

/// Whether the account's feed fell silent in the hour of a change, or later that day.
fn is_followed_by_silence(change: &ChangeFound, account: &str, feed: &Feed) -> bool {
    feed.silences_begun(account).iter().any(|silence| silence.0 >= change.hours.0)
}

/// Fills in what the events tell, and what all of it means.
pub(super) fn complete(insight: &mut Insight, evidence: &Evidence, usual: &Usual) {
    insight.attributions = attributions(insight, evidence, usual);
    let name_of = |principal: &str| {
        let name = evidence.names.of(principal).or_else(|| usual.names.of(principal))?;
        Some(without_session(name).to_owned())
    };
    insight.actor = behind(insight, evidence, name_of);
    insight.names = names(insight, name_of);
    insight.severity = severity(insight);
    if insight.reason.is_some() {
        insight.score = f64::from(insight.severity as u8) * 25.0;
    }
    insight.attacks = attacks(insight);
    insight.sentence = sentence(insight, evidence)
        + &concern::words(&insight.concerns, insight.errors > 0 && insight.errors == insight.observed)
        + &lasting(insight);
    insight.next_query = next_query(insight, false);
}

/// Says of which account an insight is, for readers of several.
fn name_account(insight: &mut Insight) {
    if !insight.account.is_empty() {
        insight.sentence = format!("{}; account {}", insight.sentence, insight.account);
    }
    insight.next_query = next_query(insight, true);
}

/// What is said of an episode that goes on, or has become a level.
fn lasting(insight: &Insight) -> String {
    let life = &insight.life;
    match life.tonight.filter(|_| !insight.ended) {
        _ if life.level_shift => {
            format!("; so for {} nights in a row, and taken for its new level from now on", life.nights)
        }
        Some(calls) if insight.direction == Direction::Up => {
            format!("; going on since {}, {} of them on {}", insight.start.date_naive(), number(calls), insight.date)
        }
        Some(_) => format!("; going on since {}", insight.start.date_naive()),
        None => String::new(),
    }
}

fn object(history: &FamilyHistory, member: usize) -> String {
    history.key(member).fields().last().unwrap_or_default().to_owned()
}

/// The score of the evidence, held down where there is little to judge by.
fn capped_score(deviation: &Deviation) -> f64 {
    let full = score(deviation.ln_p.min(0.0)).unwrap_or(0.0);
    let by_age = match deviation.days_known {
        0..7 => 60.0,
        7..14 => 75.0,
        _ => 100.0,
    };
    let by_stability = if deviation.unstable { 50.0 } else { 100.0 };
    full.min(by_age).min(by_stability)
}

/// Calls a minute over the believed hours of the seven days before the scored one.
fn baseline_average(history: &FamilyHistory, members: &[usize], window: &Window, feed: &Feed) -> f64 {
    let first = window.length().saturating_sub(DAYS) * 24;
    let calls: u64 = members
        .iter()
        .flat_map(|&member| history.split(member, window).0)
        .filter(|hour| usize::from(hour.hour) >= first)
        .map(|hour| u64::from(hour.calls))
        .sum();
    let alive = feed.alive_in(history.family, history.key(members[0]).account());
    let minutes = alive[first..window.length() * 24].iter().filter(|&&alive| alive).count() * 60;
    if minutes == 0 { 0.0 } else { calls as f64 / minutes as f64 }
}

/// The attributes that say something new: not the one that the insight is about.
fn attributions(insight: &Insight, evidence: &Evidence, usual: &Usual) -> Vec<Attribution> {
    let own = match insight.insight_type {
        InsightType::AkInsight => "accessKeyId",
        InsightType::IpInsight => "sourceIpAddress",
        InsightType::PrincipalInsight => "principalId",
        InsightType::ApiCallRateInsight => "apiRelated",
        _ => "",
    };
    let others = (0..ATTRIBUTES.len()).filter(|&attribute| ATTRIBUTES[attribute] != own);
    let compared = others.map(|attribute| Compared {
        attribute,
        direction: insight.direction,
        observed: (&evidence.values[attribute], insight.minutes() as f64),
        usual: usual.values[attribute].as_ref().map(|values| (values, usual.minutes as f64)),
    });
    compared.filter_map(|compared| compared.attribution()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::Actor;
    use crate::insight::example::rate;

    /// What is told of a drop in which one principal called twice, where the week before had these calls.
    fn drop(usual: &[(&str, u64)]) -> Insight {
        let values = usual.iter().map(|&(who, calls)| (who.to_owned(), calls)).collect();
        let names = [("user/282", "svc-0", 9), ("user/27", "lin27", 9)].into_iter().collect();
        let mut usual = Usual { minutes: 10_080, names, ..Usual::default() };
        usual.values[0] = Some(values);
        let mut evidence = Evidence::default();
        evidence.values[0].insert("user/27".to_owned(), 2);
        evidence.names.add("user/27", "lin27", 2);
        let mut insight = Insight { direction: Direction::Down, observed: 2, ..rate() };
        complete(&mut insight, &evidence, &usual);
        insight
    }

    #[test]
    fn a_drop_is_of_who_is_missing_and_not_of_who_still_calls() {
        let insight = drop(&[("user/27", 2_000), ("user/282", 900_000)]);
        assert_eq!(insight.actor.as_ref().map(Actor::shown).as_deref(), Some("user svc-0"));
        assert_eq!(insight.names["user/27"], "lin27");
        assert!(!insight.sentence.contains("lin27"), "{}", insight.sentence);
        let many = [("user/1", 900_000), ("user/2", 900_000), ("user/3", 900_000), ("user/27", 2_000)];
        assert_eq!(drop(&many).actor, None, "nobody stands out");
    }
}
