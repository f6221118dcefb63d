//! How unusual a finding is, in words that need no statistics.
//!
//! What the week before did not have is named, where that can be told: a list of usual values that is full may lack one.

use crate::detect::change::Reason;
use crate::insight::{Attribute, Concern};
use crate::report::night::{Finding, Place, Share};
use crate::report::telling::{MOST_VALUES, figure};
use crate::shown::{OTHER, counted, number, scientific};

/// Attributes whose new values say something about who it is, in words.
const TELLING: [(Attribute, &str); 4] = [
    (Attribute::Principal, "principal"),
    (Attribute::AccessKey, "AccessKey"),
    (Attribute::SourceAddress, "address"),
    (Attribute::UserAgent, "client"),
];

/// How unusual it is: against what was expected, how often such a day comes by chance, against what it was judged, and what is new
/// about it.
pub fn unusual(finding: &Finding) -> String {
    if finding.is_change() {
        return change(finding);
    }
    let (told, new) = (rate(finding), unseen(finding));
    if new.is_empty() { told } else { format!("{told} New to it, against the week before: {}.", new.join(", ")) }
}

/// What leads an attribute now and was not there at all in the week before.
fn unseen(finding: &Finding) -> Vec<String> {
    let new = |(attribute, word): (Attribute, &str)| {
        let found = finding.attribution(attribute).filter(|found| found.baseline_known && !found.broad)?;
        let value = &found.insight.first()?.value;
        // It may be among those that were not counted one by one.
        let may_be = |usual: &Share| usual.value == *value || usual.value.raw() == OTHER;
        // Where there was nothing in the week before, nobody is any newer than the thing itself.
        let was_there = !found.baseline.is_empty();
        let is_new = was_there
            && value.raw() != OTHER
            && found.baseline.len() < MOST_VALUES
            && !found.baseline.iter().any(may_be);
        let named = || match attribute {
            Attribute::SourceAddress => Place::beside(&finding.details.places, value),
            _ => finding.called(value).shown().into_owned(),
        };
        is_new.then(|| format!("{word} {}", named()))
    };
    if finding.is_drop { Vec::new() } else { TELLING.into_iter().filter_map(new).collect() }
}

fn change(finding: &Finding) -> String {
    let days = counted(finding.days_of_history, "day", "days");
    let known = match finding.details.reason {
        Some(Reason::First) => format!("This principal never did so in the {days} of history."),
        Some(Reason::Unusual) => format!(
            "In the {days} of history this principal did so {} times a day; a day like this comes by chance {}.",
            figure(finding.expected),
            how_often(finding.log10_p)
        ),
        Some(Reason::Grave) => {
            "This principal makes such changes; it is what was asked for that is worth a look.".to_owned()
        }
        Some(Reason::Trail) => format!("Changes of the audit trail are always reported; there are {days} of history."),
        Some(Reason::Silence) => format!(
            "After the trail was touched {} came where {} are usual; there are {days} of history.",
            if finding.observed == 0 {
                "not one event".to_owned()
            } else {
                format!("only {}", number(finding.observed))
            },
            counted(finding.expected.round() as u64, "call", "calls")
        ),
        Some(Reason::NoHistory) | None => {
            "There is too little history to say whether this principal does so usually.".to_owned()
        }
    };
    let all_failed = finding.errors > 0 && finding.errors == finding.observed;
    let words = |concern: Concern| if all_failed { concern.tried_words() } else { concern.words() };
    let concerns: Vec<&str> = finding.concerns.iter().filter_map(|name| Concern::named(name).map(words)).collect();
    if concerns.is_empty() { known } else { format!("{known} What makes it serious: {}.", concerns.join("; ")) }
}

fn rate(finding: &Finding) -> String {
    let expected = match finding.judged_by.as_str() {
        "new" if finding.days_of_history == 0 => {
            format!(
                "{}; first days of others usually hold up to {} calls.",
                if finding.details.days_hidden == 0 { "Never seen before" } else { "Not known from before" },
                number(finding.expected_upper)
            )
        }
        "new" => format!(
            "Known for {}; such early days usually hold up to {} calls.",
            counted(finding.days_of_history, "day", "days"),
            number(finding.expected_upper)
        ),
        "sparse" => format!(
            "It comes and goes; its active days usually hold up to {} calls, this day's part was {}.",
            number(finding.expected_upper),
            number(finding.observed)
        ),
        "first_seen" => {
            let never = if finding.details.days_hidden == 0 { "was never" } else { "is not known to have been" };
            format!("In {} of history it {never} seen with these.", counted(finding.days_of_history, "day", "days"))
        }
        _ => seasonal(finding),
    };
    let chance = format!("By chance a day like this comes {}.", how_often(finding.log10_p));
    let false_share = finding.q.filter(|q| q.is_finite()).map_or(String::new(), |q| {
        format!(" Of findings at least this unusual {} are expected to be false alarms.", percent(q))
    });
    let history = format!(" Compared with {} of history.", counted(finding.days_of_history, "day", "days"));
    let hidden = match finding.details.days_hidden {
        0 => String::new(),
        1 => " 1 more day was not counted in full: it may have been among those without a name.".to_owned(),
        days => format!(
            " {} more days were not counted in full: it may have been among those without a name.",
            number(days)
        ),
    };
    format!("{expected} {chance}{false_share}{history}{hidden}")
}

fn seasonal(finding: &Finding) -> String {
    let (lower, upper) = (number(finding.expected_lower), number(finding.expected_upper));
    let observed = counted(finding.observed, "call", "calls");
    let ratio = finding.observed as f64 / finding.expected.max(f64::MIN_POSITIVE);
    let times = if finding.is_drop || !(1.5..1e6).contains(&ratio) {
        String::new()
    } else {
        format!(", {} times the expected {}", figure(ratio), figure(finding.expected))
    };
    format!("{observed} where {lower}–{upper} were expected in these hours{times}.")
}

/// `about once in 12,000 days (p = 8.3e-5)`.
fn how_often(log10_p: Option<f64>) -> String {
    let Some(log10) = log10_p.filter(|log10| log10.is_finite()) else { return "next to never".to_owned() };
    let p = if log10 > -3.0 { format!("{:.4}", 10_f64.powf(log10)) } else { scientific(log10) };
    match -log10 {
        size if size < 0.5 => format!("often (p = {p})"),
        size if size < 6.0 => format!("about once in {} days (p = {p})", number(rounded(10_f64.powf(size)))),
        _ => format!("less than once in a million days (p = {p})"),
    }
}

/// Two digits; more would promise too much.
fn rounded(number: f64) -> u64 {
    let unit = 10_f64.powf(number.log10().floor() - 1.0).max(1.0);
    ((number / unit).round() * unit) as u64
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        share if share < 0.01 => "less than 0.01 %".to_owned(),
        share if share < 1.0 => format!("{share:.2} %"),
        share => format!("{share:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::night::{Attribution, Text};

    #[test]
    fn a_silence_after_the_trail_was_touched_is_told_as_one() {
        let mut finding = Finding { family: "change".to_owned(), expected: 41.6, ..Finding::default() };
        finding.details.reason = Some(Reason::Silence);
        assert!(
            unusual(&finding).starts_with("After the trail was touched not one event came where 42 calls are usual")
        );
        finding.observed = 3;
        assert!(unusual(&finding).starts_with("After the trail was touched only 3 came where 42 calls are usual"));
        finding.details.reason = None;
        assert!(unusual(&finding).starts_with("There is too little history"));
    }

    #[test]
    fn who_leads_now_is_new_where_others_were_before_him_and_not_where_nobody_was() {
        let share = |value: &str| Share { average: 0.1, value: Text::new(value) };
        let told = |before: &[&str]| {
            let mut finding = Finding::default();
            finding.details.attributions = vec![Attribution {
                attribute: Attribute::Principal,
                insight: vec![share("p-s1")],
                baseline: before.iter().copied().map(share).collect(),
                baseline_known: true,
                broad: false,
            }];
            unusual(&finding).contains("New to it, against the week before: principal p-s1")
        };
        assert_eq!([told(&["p-s2"]), told(&["p-s1"]), told(&[])], [true, false, false]);
    }

    #[test]
    fn probabilities_are_said_as_how_often() {
        for (log10, said) in [
            (Some(-0.1), "often (p = 0.7943)"),
            (Some(-2.5), "about once in 320 days (p = 0.0032)"),
            (Some(-5.0), "about once in 100,000 days (p = 1.0e-5)"),
            (Some(-48.2), "less than once in a million days (p = 6.3e-49)"),
            (Some(f64::NEG_INFINITY), "next to never"),
            (None, "next to never"),
        ] {
            assert_eq!(how_often(log10), said);
        }
    }
}
