//! The command that shows the events behind an insight: what to type next.
//!
//! Its values come from whoever can make a call, and people paste it into a shell, so every one is quoted for the shell; a value with
//! control characters in it is left out, which makes the answer wider, never wrong.

use chrono::SecondsFormat;

use crate::insight::{Actor, Insight, InsightType};

/// `insights query EVENTS …` for the events of an insight; `EVENTS` is the reader's folder of partitions.
pub(super) fn next_query(insight: &Insight) -> String {
    let mut words = vec!["insights query EVENTS".to_owned()];
    let mut add = |flag: &str, value: &str| {
        if !value.is_empty() && !value.chars().any(char::is_control) {
            words.push(format!("{flag} {}", quoted(value)));
        }
    };
    let event = |api: &str| api.rsplit('/').next().unwrap_or_default().to_owned();
    let apis = insight.apis();
    match insight.insight_type {
        InsightType::IpInsight => add("--source-ip", &insight.object),
        InsightType::AkInsight => add("--access-key", &insight.object),
        InsightType::ApiCallRateInsight | InsightType::ApiErrorRateInsight => {
            apis.first().into_iter().for_each(|api| add("--event", &event(api)));
        }
        _ => insight.actor.iter().for_each(|actor| add("--user", user(actor))),
    }
    if insight.reason.is_some()
        && let [api] = apis[..]
    {
        add("--event", &event(api));
    }
    add("--from", &insight.start.to_rfc3339_opts(SecondsFormat::Secs, true));
    add("--to", &insight.end.to_rfc3339_opts(SecondsFormat::Secs, true));
    words.join(" ")
}

fn user(actor: &Actor) -> &str {
    actor.name.as_deref().unwrap_or(&actor.id)
}

/// A word for a POSIX shell.
fn quoted(value: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@%+,".contains(character);
    if value.chars().all(plain) && !value.starts_with('-') {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::example::rate;

    #[test]
    fn the_question_fits_the_type() {
        let times = "--from 2026-01-29T11:40:00Z --to 2026-01-29T11:50:00Z";
        assert_eq!(next_query(&rate()), format!("insights query EVENTS --event GetObject {times}"));
        let key = Insight { insight_type: InsightType::AkInsight, object: "LTAI5tEXAMPLE".into(), ..rate() };
        assert_eq!(next_query(&key), format!("insights query EVENTS --access-key LTAI5tEXAMPLE {times}"));
    }

    #[test]
    fn no_value_leaves_its_quotes() {
        for (value, written) in [
            ("alice", "alice"),
            ("a b", "'a b'"),
            ("$(rm -rf /)", "'$(rm -rf /)'"),
            ("it's; `id`", r"'it'\''s; `id`'"),
            ("--sql", "'--sql'"),
        ] {
            assert_eq!(quoted(value), written);
        }
        let hostile = Actor { kind: "user".into(), id: "1".into(), name: Some("a\nb".into()) };
        let found =
            next_query(&Insight { insight_type: InsightType::PrincipalInsight, actor: Some(hostile), ..rate() });
        assert!(!found.contains("--user") && !found.contains('\n'), "{found}");
    }
}
