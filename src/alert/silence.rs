//! Rules that must not be silent: an alert when their matches do not come.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::alert::occurrence::Grouped;
use crate::rules::RuleSet;

/// A rule's silence, from the moment at which it had lasted too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Silence {
    /// The rule's position.
    pub(super) rule: usize,
    /// The last match before it, or since when the rule is watched.
    pub(super) since: i64,
    /// From when to when it was too long.
    pub(super) span: Range<i64>,
    /// Whether a match ended it.
    pub(super) is_over: bool,
}

/// Takes the occurrences of rules that must not be silent out of `grouped`, for those alert by what is missing; the silences of the
/// time in `span`. `heard` is what was left before, and becomes what is left now.
pub(super) fn silences(
    rules: &RuleSet,
    grouped: &mut Grouped,
    heard: &mut BTreeMap<String, i64>,
    span: &Range<i64>,
) -> Vec<Silence> {
    let mut times: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
    for (position, rule) in rules.rules().iter().enumerate() {
        if rule.extension.notify.no_data_ms().is_some() && rules.reports(position) {
            times.insert(position, Vec::new());
        }
    }
    grouped.retain(|_, (identity, occurrences)| match times.get_mut(&identity.rule) {
        Some(times) => {
            times.extend(occurrences.iter().map(|one| one.time));
            false
        }
        None => true,
    });
    let mut found = Vec::new();
    let before = std::mem::take(heard);
    for (position, mut times) in times {
        let rule = &rules.rules()[position];
        times.sort_unstable();
        let last = before.get(&rule.id).copied().unwrap_or(span.start);
        let longest = rule.extension.notify.no_data_ms().unwrap_or(i64::MAX);
        found.extend(of_rule(position, longest, last, &times, span.end));
        heard.insert(rule.id.clone(), times.last().copied().unwrap_or(last));
    }
    found
}

fn of_rule(rule: usize, longest: i64, mut last: i64, times: &[i64], end: i64) -> Vec<Silence> {
    let mut found = Vec::new();
    let ends = times.iter().map(|&time| (time, true)).chain([(end, false)]);
    for (time, is_over) in ends {
        if time - last > longest {
            found.push(Silence { rule, since: last, span: last.saturating_add(longest)..time, is_over });
        }
        last = time;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_lasts_from_too_long_to_the_next_match() {
        let silence = |since, span, is_over| Silence { rule: 0, since, span, is_over };
        assert_eq!(of_rule(0, 10, 0, &[5, 15, 30], 35), [silence(15, 25..30, true)]);
        assert_eq!(of_rule(0, 10, -20, &[], 5), [silence(-20, -10..5, false)]);
        assert_eq!(of_rule(0, 10, 0, &[8], 18), []);
    }
}
