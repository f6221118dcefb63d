//! What is said of a night, in words, whatever it is written in: the three sentences at the top, who and where and when, how unusual it
//! is, what to do next.
//!
//! Every function gives text in which nothing hides ([`crate::shown::visible`]); escaping is for whoever writes it down.

mod again;
mod facts;
mod health;
mod steps;
mod tonight;
mod unusual;

use chrono::{DateTime, Duration, NaiveDate, Utc};

use crate::report::night::{Alert, Finding, Incident, Night};
use crate::shown;

pub use again::{AGAIN, change, judged_again, stale};
pub use facts::{Fact, attacks, facts};
pub use health::{HIDDEN, honesty, input, troubles};
pub use steps::{commands, steps};
pub use tonight::tonight;
pub use unusual::unusual;

/// Values that are named of an attribute at most; a shorter list of usual values is all there were.
pub const MOST_VALUES: usize = 5;

/// `Thursday 29 January 2026`.
pub fn long_date(date: NaiveDate) -> String {
    date.format("%A %-d %B %Y").to_string()
}

/// `Thu 29 Jan`.
pub fn short_date(date: NaiveDate) -> String {
    date.format("%a %-d %b").to_string()
}

/// `11:40–11:50 UTC`, with the days where they are not the night's.
pub fn span(start: DateTime<Utc>, end: DateTime<Utc>, date: NaiveDate) -> String {
    let moment = |time: DateTime<Utc>| {
        if time.date_naive() == date {
            time.format("%H:%M").to_string()
        } else {
            time.format("%-d %b %H:%M").to_string()
        }
    };
    let midnight = date.succ_opt().map(|next| next.and_time(chrono::NaiveTime::MIN).and_utc());
    let end_shown = if Some(end) == midnight { "24:00".to_owned() } else { moment(end) };
    if end - start <= Duration::minutes(1) {
        format!("{} UTC", moment(start))
    } else {
        format!("{}–{end_shown} UTC", moment(start))
    }
}

/// The rules that agree with an incident, each once: the first of its alerts, and how many there are.
pub fn agreeing_rules<'night>(night: &'night Night, incident: &'night Incident) -> Vec<(&'night Alert, u64)> {
    let mut rules: Vec<(&Alert, u64)> = Vec::new();
    for alert in night.alerts_of(incident) {
        match rules.iter_mut().find(|(first, _)| first.rule_id == alert.rule_id) {
            Some((_, alerts)) => *alerts += 1,
            None => rules.push((alert, 1)),
        }
    }
    rules
}

/// The type without its ending, in words.
pub fn type_words(insight_type: &str) -> &str {
    match insight_type {
        "TrailConcealmentInsight" => "audit trail",
        "PolicyChangeInsight" => "permissions",
        "PasswordChangeInsight" => "passwords",
        "ApiCallRateInsight" => "API calls",
        "ApiErrorRateInsight" => "API errors",
        "IpInsight" => "source IP",
        "AkInsight" => "AccessKey",
        "PrincipalInsight" => "principal",
        other => other.trim_end_matches("Insight"),
    }
}

/// A number with as many digits as say something: `0.04`, `2.5`, `204`.
pub fn figure(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        size if size < 0.01 => format!("{number:.4}"),
        size if size < 1.0 => format!("{number:.2}"),
        size if size < 100.0 => format!("{number:.1}"),
        _ => shown::number(number.round() as u64),
    }
}

/// Whom a finding is about, for a sentence that asks them.
fn whom(finding: &Finding) -> String {
    if finding.actor.is_empty() { "whoever is behind it".to_owned() } else { finding.actor.shown().into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_name_other_days_than_the_nights() {
        let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let date = "2026-01-29".parse().unwrap();
        for (start, end, shown) in [
            ("2026-01-29T11:40:00Z", "2026-01-29T11:50:00Z", "11:40–11:50 UTC"),
            ("2026-01-29T11:40:00Z", "2026-01-29T11:41:00Z", "11:40 UTC"),
            ("2026-01-29T21:00:00Z", "2026-01-30T00:00:00Z", "21:00–24:00 UTC"),
            ("2026-01-28T21:00:00Z", "2026-01-29T01:00:00Z", "28 Jan 21:00–01:00 UTC"),
        ] {
            assert_eq!(span(moment(start), moment(end), date), shown);
        }
    }

    #[test]
    fn figures_have_the_digits_that_say_something() {
        let figures = [0.0, 0.0042, 0.04, 2.5, 27.25, 1204.4].map(figure);
        assert_eq!(figures, ["0", "0.0042", "0.04", "2.5", "27.2", "1,204"]);
    }
}
