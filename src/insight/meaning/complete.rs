//! What an insight means, once everything is measured: to whom it is attributed, who is behind it, how serious it is, ATT&CK, a sentence.
//!
//! The order matters, for each step uses those before it: a culprit is named by the attributions, the severity asks who that is, the sentence says
//! all of it.

use chrono::Days;

use crate::detect::Direction;
use crate::event::without_session;
use crate::insight::attribute::Attribute;
use crate::insight::events::compared::Compared;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::usual::Usual;
use crate::insight::meaning::actor::{behind, names};
use crate::insight::meaning::attack::attacks;
use crate::insight::meaning::next_query::next_query;
use crate::insight::meaning::sentence::sentence;
use crate::insight::meaning::severity::{all_failed, severity};
use crate::insight::requests::concern;
use crate::insight::{Attribution, Insight, InsightType, Lasting};
use crate::shown::number;

/// Fills in what the events tell, and what all of it means.
pub(in crate::insight) fn complete(insight: &mut Insight, evidence: &Evidence, usual: &Usual) {
    insight.attributions = attributions(insight, evidence, usual);
    let name_of = |principal: &str| {
        let name = evidence.names.of(principal).or_else(|| usual.names.of(principal))?;
        Some(without_session(name).to_owned())
    };
    insight.actor = behind(insight, evidence, name_of);
    insight.names = names(insight, name_of);
    insight.severity = severity(insight, &evidence.values[Attribute::Api]);
    if insight.reason.is_some() {
        insight.measured.score = f64::from(insight.severity as u8) * 25.0;
    }
    insight.attacks = attacks(insight);
    insight.sentence = sentence(insight, evidence, usual)
        + &concern::words(&insight.concerns, all_failed(insight.measured.errors, insight.measured.observed))
        + &lasting(insight)
        + &left_out(insight);
    insight.next_query = next_query(insight, false);
}

/// Says of which account an insight is, for readers of several.
pub(in crate::insight) fn name_account(insight: &mut Insight) {
    if !insight.account.is_empty() {
        insight.sentence = format!("{}; account {}", insight.sentence, insight.account);
    }
    insight.next_query = next_query(insight, true);
}

/// What is said of an episode that goes on, comes again, or has become a level.
fn lasting(insight: &Insight) -> String {
    let life = &insight.life;
    let by_itself = if life.lasting == Lasting::KeptOpen { ", with what is odd still" } else { "" };
    match life.tonight.filter(|_| !insight.ended) {
        _ if life.level_shift => format!("; so {}, and taken for its new level from now on", nights(insight)),
        Some(calls) if insight.direction == Direction::Up => {
            let since = insight.start.date_naive();
            format!("; going on since {since}, {} of them on {}{by_itself}", number(calls), insight.date)
        }
        Some(_) => format!("; going on since {}", insight.start.date_naive()) + by_itself,
        None if life.times > 1 => {
            // The entity may have done something else in the nights before.
            let since = insight.date - Days::new(u64::from(life.times - 1));
            format!("; at the same hours for {} nights in a row since {since}", life.times)
        }
        None => String::new(),
    }
}

/// Of which days nothing is told, though it lasted.
pub(in crate::insight) fn left_out(insight: &Insight) -> String {
    let days = insight.life.left_out.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if days.is_empty() { days } else { format!("; {days} not counted, for nobody judged it") }
}

/// For how many nights it was so: in a row only if there were none between.
fn nights(insight: &Insight) -> String {
    let nights = insight.life.nights;
    match insight.life.since {
        Some(since) if (insight.date - since).num_days() + 1 != i64::from(nights) => {
            format!("on {nights} nights since {since}")
        }
        _ => format!("for {nights} nights in a row"),
    }
}

/// The attributes that say something new: not the one that the insight is about.
fn attributions(insight: &Insight, evidence: &Evidence, usual: &Usual) -> Vec<Attribution> {
    let own = match insight.insight_type {
        InsightType::AkInsight => Some(Attribute::AccessKey),
        InsightType::IpInsight => Some(Attribute::SourceAddress),
        InsightType::PrincipalInsight => Some(Attribute::Principal),
        InsightType::ApiCallRateInsight => Some(Attribute::Api),
        _ => None,
    };
    let others = Attribute::ALL.into_iter().filter(|&attribute| Some(attribute) != own);
    let compared = |attribute: Attribute| Compared {
        attribute,
        direction: insight.direction,
        observed: (&evidence.values[attribute], insight.counted_minutes() as f64),
        usual: usual.values[attribute].as_ref().map(|values| (values, usual.minutes as f64)),
    };
    // Every call has a principal; those of a role may have no key.
    let whole = compared(Attribute::Principal).whole();
    others.filter_map(|attribute| compared(attribute).attribution(whole)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::Actor;
    use crate::insight::Measured;
    use crate::insight::example::rate;

    /// What is told of a drop in which one principal called twice, where the week before had these calls.
    fn drop(usual: &[(&str, u64)]) -> Insight {
        let values = usual.iter().map(|&(who, calls)| (who.to_owned(), calls)).collect();
        let names = [("user/282", "svc-0", 9), ("user/27", "lin27", 9)].into_iter().collect();
        let mut usual = Usual { minutes: 10_080, names, ..Usual::default() };
        usual.values[Attribute::Principal] = Some(values);
        let mut evidence = Evidence::default();
        evidence.values[Attribute::Principal].insert("user/27".to_owned(), 2);
        evidence.names.add("user/27", "lin27", 2);
        let measured = Measured { observed: 2, ..rate().measured };
        let mut insight = Insight { direction: Direction::Down, measured, ..rate() };
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

    #[test]
    fn days_that_nobody_judged_are_named_and_not_among_its_minutes() {
        let mut insight = rate();
        let minutes = insight.minutes();
        assert_eq!((left_out(&insight).as_str(), insight.counted_minutes()), ("", minutes));
        insight.start -= chrono::Duration::days(2);
        insight.life.left_out = ["2026-01-28".parse().unwrap()].into();
        assert_eq!(left_out(&insight), "; 2026-01-28 not counted, for nobody judged it");
        assert_eq!(insight.counted_minutes(), minutes + 24 * 60, "one of two days");
    }

    #[test]
    fn what_comes_again_does_so_since_its_own_first_night() {
        let mut insight = rate();
        insight.life.times = 2;
        insight.life.since = Some("2026-01-26".parse().unwrap());
        // The example is of the 29th.
        assert_eq!(lasting(&insight), "; at the same hours for 2 nights in a row since 2026-01-28");
    }
}
