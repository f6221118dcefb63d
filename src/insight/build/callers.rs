//! Rises of APIs that are no more than what one principal does anyway: whoever has busy hours has them on all APIs that it calls.
//!
//! An API that ten principals call knows nothing of their habits: a usual busy hour of one of them is none of its own. What such a rise is
//! as likely as is told by its caller: by how busy its busiest hours are day by day, and by what part of its calls go that way. Where that is
//! usual, the rise is nothing; where the caller does more than it ever does, or other things, it stays. An address or a key has the habits of
//! who uses it, and is judged by them already.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::baseline::{FamilyHistory, Window};
use crate::detect::{Deviation, Direction};
use crate::event::sensitivity::{CallMeaning, Sensitivity};
use crate::insight::attribute::Attribute;
use crate::insight::build::built::Told;
use crate::insight::build::draft::moment;
use crate::rollup::{EntityKey, Family};
use crate::stats::{BetaBinomial, LogNormalPredictive};
use crate::time::HourSpan;

/// Who makes a smaller part of what is beyond the usual does not explain it.
const LEAST_PART: f64 = 0.8;
/// Calls' worth of belief in the part of a caller's calls that usually go that way: hours differ more than chance would make them.
const BELIEF: f64 = 20.0;
/// A larger part than so many times the usual one is something else that it does.
const MOST_TIMES: f64 = 3.0;
/// Rises that are less likely than this by themselves are told whoever makes them.
const LEAST_P: f64 = 1e-6;
/// Days of the week before that tell this part.
const WEEK: usize = crate::insight::events::usual::DAYS;

/// A rise that is left to its caller: no finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftToCaller {
    /// The family.
    pub family: String,
    /// The account.
    pub account: String,
    /// The entity, fields joined by slashes.
    pub entity: String,
    /// When the rise began.
    pub start: DateTime<Utc>,
    /// When it was over.
    pub end: DateTime<Utc>,
    /// Its calls.
    pub calls: u64,
    /// The principal that made most of them.
    pub principal: String,
}

impl LeftToCaller {
    /// The rise if it is as likely by its caller's habits as a finding must not be; what nothing else knows of.
    pub(in crate::insight) fn of(
        principals: Option<&FamilyHistory>,
        window: &Window,
        (history, deviation): (&FamilyHistory, &Deviation),
        told: Told<'_>,
        max_p_value: f64,
    ) -> Option<Self> {
        let (principal, ln_p) = by_caller(principals?, window, (history, deviation), told)?;
        let at = |hour: u8| moment(window.scored(), i64::from(hour) * 60);
        (ln_p > max_p_value.ln()).then(|| Self {
            family: history.family.name().to_owned(),
            account: history.key(deviation.member).account().to_owned(),
            entity: history.label(deviation.member),
            start: at(deviation.hours.begin()),
            end: at(deviation.hours.end()),
            calls: deviation.observed,
            principal: principal.to_owned(),
        })
    }
}

/// A principal and what it did in the hours of a rise.
struct Caller<'a> {
    principals: &'a FamilyHistory,
    window: &'a Window,
    member: usize,
}

/// The principal that makes a rise of an API, and `ln P` of the rise by its habits; `None` where nobody makes most of it, or nothing
/// is known of who does.
///
/// ```text
/// P = P(busiest hours of a day >= n) P(X >= k of n),   X beta-binomial with the week's part of the caller's calls, drawn by 20 calls
/// ```
/// with `n` all calls of the caller in the hours of the rise, `k` those that are part of it. The busiest as many hours of its days are
/// taken as log-normal. APIs that can do much harm are not asked about, nor what is most unlikely by itself.
fn by_caller<'a>(
    principals: &FamilyHistory,
    window: &Window,
    (history, deviation): (&FamilyHistory, &Deviation),
    told: Told<'a>,
) -> Option<(&'a str, f64)> {
    let is_grave = || CallMeaning::of_api(&history.label(deviation.member)).sensitivity == Sensitivity::High;
    if deviation.direction != Direction::Up
        || history.family != Family::Api
        || deviation.ln_p < LEAST_P.ln()
        || is_grave()
    {
        return None;
    }
    let (name, &calls) = told.evidence.values[Attribute::Principal].iter().max_by_key(|(_, calls)| **calls)?;
    if (calls as f64) < LEAST_PART * (deviation.observed as f64 - deviation.expected) {
        return None;
    }
    let (kind, id) = name.split_once('/')?;
    let key = EntityKey::new([history.key(deviation.member).account(), kind, id]);
    let caller = Caller { principals, window, member: principals.find(&key)? };
    let usual = *told.usual.values[Attribute::Principal].as_ref()?.get(name)?;
    let in_hours = caller.calls(window.length(), deviation.hours).max(calls);
    Some((name, caller.ln_busy(deviation.hours, in_hours)? + caller.ln_part(usual, calls, in_hours)?))
}

impl Caller<'_> {
    /// Its calls in some hours of a day.
    fn calls(&self, day: usize, hours: HourSpan) -> u64 {
        let of_day = self.principals.hours_on(self.member, day).iter();
        let within = of_day.filter(|hour| hours.places(day * 24).contains(&usize::from(hour.hour)));
        within.map(|hour| u64::from(hour.calls)).sum()
    }

    /// `ln P(the busiest hours of a day, as many as these, hold at least so many calls)`.
    fn ln_busy(&self, hours: HourSpan, calls: u64) -> Option<f64> {
        let length = hours.length();
        let busiest =
            |day: usize| (0..=24 - length).map(|first| self.calls(day, HourSpan::new(first, first + length))).max();
        let days = (0..self.window.length()).filter_map(busiest).filter(|&calls| calls > 0);
        Some(LogNormalPredictive::fit(&days.collect::<Vec<_>>())?.ln_upper(calls))
    }

    /// `ln P(at least so many of its calls go that way)`; `usual` did in the week before. `None` where that is another part than it was.
    fn ln_part(&self, usual: u64, calls: u64, of: u64) -> Option<f64> {
        let week = self.window.length().saturating_sub(WEEK)..self.window.length();
        let all: u64 = week.map(|day| self.calls(day, HourSpan::DAY)).sum();
        let part = (usual as f64 + 0.5) / (all.max(usual) as f64 + 1.0);
        if calls as f64 > MOST_TIMES * part * of as f64 {
            return None;
        }
        Some(BetaBinomial::new(of, part * BELIEF, (1.0 - part) * BELIEF).ok()?.ln_upper(calls))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::HistoryHour;
    use crate::detect::Model;
    use crate::insight::events::evidence::Evidence;
    use crate::insight::events::usual::Usual;

    /// The scored day.
    const TODAY: usize = 28;
    /// The hour of the rise.
    const HOUR: u8 = 18;

    fn hour(day: usize, hour: usize, calls: u32) -> HistoryHour {
        HistoryHour { hour: (day * 24 + hour) as u16, calls, errors: 0, peak: calls }
    }

    /// A service that makes ten calls an hour and in one hour of each day forty to sixty, at six in the evening today so many.
    fn principals(today: u32) -> FamilyHistory {
        let busy = |day: usize| (day * 7) % 24;
        let calls = |day: usize, of_day: usize| if of_day == busy(day) { 40 + (day as u32 * 13) % 21 } else { 10 };
        let past = (0..TODAY).flat_map(|day| (0..24).map(move |of_day| hour(day, of_day, calls(day, of_day))));
        let hours = past.chain([hour(TODAY, usize::from(HOUR), today)]).collect();
        FamilyHistory::from_entities(Family::Principal, [(EntityKey::new(["1", "user", "svc"]), hours)])
    }

    /// The rise of an API from one call to twenty, nineteen of which the service made; a fifth of its calls usually go there.
    fn left(today: u32, usual: u64) -> Option<LeftToCaller> {
        let window = Window::new("2026-02-02".parse().unwrap(), TODAY, |_| true);
        let apis = FamilyHistory::from_entities(
            Family::Api,
            [(EntityKey::new(["1", "slb", "DescribeRules"]), vec![hour(TODAY, usize::from(HOUR), 20)])],
        );
        let deviation = Deviation {
            member: 0,
            direction: Direction::Up,
            model: Model::Seasonal,
            hours: HourSpan::hour(HOUR),
            observed: 20,
            expected: 1.0,
            lower: 0,
            upper: 7,
            ln_p: -11.0,
            ln_q: -5.0,
            unstable: false,
            days_known: TODAY,
            by_hour: Vec::new(),
        };
        let (mut evidence, mut known) = (Evidence::default(), Usual::default());
        evidence.values[Attribute::Principal] = [("user/svc".to_owned(), 19), ("user/other".to_owned(), 1)].into();
        known.values[Attribute::Principal] = Some([("user/svc".to_owned(), usual)].into());
        let told = Told { evidence: &evidence, usual: &known };
        LeftToCaller::of(Some(&principals(today)), &window, (&apis, &deviation), told, 5e-3)
    }

    #[test]
    fn a_usual_busy_hour_of_a_caller_is_no_finding_of_what_it_calls() {
        let left = left(62, 400).unwrap();
        assert_eq!((left.principal.as_str(), left.entity.as_str(), left.calls), ("user/svc", "slb/DescribeRules", 20));
        assert_eq!((left.end - left.start).num_hours(), 1);
    }

    #[test]
    fn a_caller_that_does_more_than_ever_or_other_things_explains_nothing() {
        assert_eq!(left(900, 400), None, "never so busy");
        assert_eq!(left(20, 3), None, "never here");
    }
}
