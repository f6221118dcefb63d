//! Which rule reports changes, with what each of them found, and what would have made it decide otherwise.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::baseline::Window;
use crate::detect::change::{HISTORY_DAYS, Reason, UNUSUAL_BELOW};
use crate::event::ChangeKind;
use crate::explain::answers::log10;
use crate::explain::change::Rule;
use crate::explain::change::subject::{Quiet, Subject};
use crate::explain::text::power_of_ten;
use crate::shown::{counted, number};

/// Whether and why it is reported, in words.
pub(super) fn verdict(subject: &Subject) -> String {
    let judged = &subject.judged;
    match judged.reason {
        Some(Reason::Silence) => "reported: the feed of the account fell silent on the day after its trail was changed",
        Some(Reason::Trail) => "reported: it touches the trail, which is always told",
        Some(Reason::NoHistory) => "reported: there is too little history to know what is usual",
        Some(Reason::First) => "reported: a first by this principal",
        Some(Reason::Unusual) => "reported: more than this principal makes",
        Some(Reason::Grave) => "reported: usual for this principal, but what is asked for is grave whoever asks",
        None => "not reported: this principal is known to make such changes, and made no more than usual",
    }
    .to_owned()
}

/// What was asked, in the order in which the first that is met decides; `past` are the attempts of the days before.
pub(super) fn rules(subject: &Subject, window: &Window, past: &BTreeMap<NaiveDate, u64>) -> Vec<Rule> {
    let judged = &subject.judged;
    let days = window.days_of_history();
    if let Some(Quiet { hours, days_before, calls, usual }) = subject.silence {
        let when = match days_before {
            0 => format!("from {hours} UTC"),
            1 => "on the day before".to_owned(),
            days => format!("in the {days} days before"),
        };
        let says = format!(
            "{} of the account {when}, where {} are usual",
            if calls == 0 { "no calls".to_owned() } else { format!("but {}", counted(calls, "call", "calls")) },
            number(usual.round() as u64)
        );
        return vec![Rule { rule: "silence after a change of the trail", says, met: true }];
    }
    let is_trail = judged.kind == ChangeKind::Trail;
    let known = match past.last_key_value() {
        None => format!("none by this principal in {} of history", counted(days as u64, "day", "days")),
        Some((last, _)) => format!(
            "{} by this principal before, on {} of {days}, the last on {last}{}",
            number(judged.past),
            counted(past.len() as u64, "day", "days"),
            if judged.past_successes == 0 { "; none succeeded" } else { "" }
        ),
    };
    let rare = format!(
        "{} that day, {:.2} expected: p {} as a rare count, reported below {UNUSUAL_BELOW}, which is from {} on",
        number(judged.today),
        judged.expected,
        power_of_ten(log10(judged.ln_p)),
        number(judged.usual_up_to() + 1)
    );
    let history = format!("{} of history, {HISTORY_DAYS} needed", counted(days as u64, "day", "days"));
    let what = if is_trail { "it touches the trail" } else { "it does not touch the trail" };
    let has_history = days >= HISTORY_DAYS;
    let rule = |rule, says, met| Rule { rule, says, met };
    let is_grave = judged.reason == Some(Reason::Grave);
    let grave = is_grave.then(|| rule("grave", "what is asked for is grave whoever asks".to_owned(), true));
    let mut rules = vec![
        rule("always", what.to_owned(), is_trail),
        rule("no history", history, !has_history),
        rule("first", known, has_history && judged.is_first()),
        rule("more than usual", rare, has_history && !judged.is_first() && judged.ln_p < UNUSUAL_BELOW.ln()),
    ];
    rules.extend(grave);
    rules
}

/// What would have made the night decide otherwise.
pub(super) fn otherwise(subject: &Subject, window: &Window) -> Vec<String> {
    let judged = &subject.judged;
    let usual = judged.usual_up_to();
    let days = window.days_of_history();
    match judged.reason {
        Some(Reason::Silence) => vec![
            "calls of the account in these hours: a feed that goes on".to_owned(),
            "no change of the trail on the day before".to_owned(),
        ],
        Some(Reason::Trail) => {
            vec!["nothing: whoever touches the trail is told of, failed attempts too".to_owned()]
        }
        Some(Reason::NoHistory) => vec![format!(
            "{HISTORY_DAYS} days of history instead of {days}; then only a first, or more than usual, is told"
        )],
        Some(Reason::First) => vec![format!(
            "one {} of {}s by this principal in the {} days before that is not on a day set aside as an incident",
            if judged.past == 0 { "change" } else { "successful change" },
            judged.kind.name(),
            window.length()
        )],
        Some(Reason::Unusual) => vec![format!(
            "at most {} that day instead of {}",
            counted(usual, "attempt", "attempts"),
            number(judged.today)
        )],
        Some(Reason::Grave) => {
            vec!["no request for all rights, for rights of one's own, or for letting anybody in".to_owned()]
        }
        None => {
            vec![format!("{} that day instead of {}", counted(usual + 1, "attempt", "attempts"), number(judged.today))]
        }
    }
}
