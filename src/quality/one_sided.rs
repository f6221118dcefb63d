//! Accounts whose trail delivers only writes, or only reads, as the names of their APIs tell.

use std::collections::BTreeMap;

use crate::baseline::{FamilyHistory, HistoryHour, Window};
use crate::event::only_reads;
use crate::quality::{Effect, Flaw, FlawKind, Whereabouts, shown};
use crate::shown::number;

/// With fewer calls than this it may be that nobody read.
const TELLING_CALLS: u64 = 500;
/// One in so many calls at most is an exception: names do not tell everything.
const EXCEPTION: u64 = 200;
/// From this percentage of reads before on, their end is a change of what the trail delivers.
const USUAL_PERCENT: u64 = 5;

/// Calls of an account, and those among them that only read.
#[derive(Debug, Clone, Copy, Default)]
struct Calls {
    all: u64,
    reads: u64,
}

impl Calls {
    fn add(&mut self, hours: &[HistoryHour], reads: bool) {
        let calls: u64 = hours.iter().map(|hour| u64::from(hour.calls)).sum();
        self.all += calls;
        self.reads += if reads { calls } else { 0 };
    }

    fn writes(self) -> u64 {
        self.all - self.reads
    }
}

/// The accounts of which one side is missing on the scored day.
pub(super) fn judge(apis: &FamilyHistory, window: &Window) -> Vec<Flaw> {
    let mut accounts: BTreeMap<&str, (Calls, Calls)> = BTreeMap::new();
    for member in 0..apis.len() {
        let key = apis.key(member);
        let reads = key.fields().nth(2).is_some_and(only_reads);
        let (before, today) = apis.split(member, window);
        let calls = accounts.entry(key.account()).or_default();
        calls.0.add(before, reads);
        calls.1.add(today, reads);
    }
    accounts.into_iter().filter_map(|(account, (before, today))| one_sided(account, before, today)).collect()
}

fn one_sided(account: &str, before: Calls, today: Calls) -> Option<Flaw> {
    let is_rare = |calls: u64| calls * EXCEPTION <= today.all;
    let (kind, word, missing, missing_before, blind) = match () {
        () if today.all < TELLING_CALLS => return None,
        () if is_rare(today.reads) => (
            FlawKind::WritesOnly,
            "writes",
            today.reads,
            before.reads,
            "ApiCallRateInsight and ApiErrorRateInsight do not see reading APIs, and IpInsight, AkInsight and PrincipalInsight do not \
             see who only looks around",
        ),
        () if is_rare(today.writes()) => (
            FlawKind::ReadsOnly,
            "reads",
            today.writes(),
            before.writes(),
            "no change is seen: PolicyChangeInsight, PasswordChangeInsight and TrailConcealmentInsight are blind",
        ),
        () => return None,
    };
    let percent = (missing_before * 100).checked_div(before.all).unwrap_or(0);
    let since = if percent >= USUAL_PERCENT { format!(" (before, {percent} % were others)") } else { String::new() };
    Some(Flaw {
        kind,
        whereabouts: Whereabouts { account: Some(account.to_owned()), ..Whereabouts::default() },
        numbers: [("calls", today.all), ("others", missing), ("others_before_percent", percent)].into(),
        effect: Effect::NotJudged,
        sentence: format!(
            "the trail of {} delivers {word} only, {} of {} calls{since}: {blind}",
            shown(account),
            number(today.all - missing),
            number(today.all)
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(before: (u64, u64), today: (u64, u64)) -> Option<(FlawKind, u64)> {
        let calls = |(reads, writes): (u64, u64)| Calls { all: reads + writes, reads };
        one_sided("1", calls(before), calls(today)).map(|flaw| (flaw.kind, flaw.numbers["others_before_percent"]))
    }

    #[test]
    fn a_side_that_is_missing_is_told_and_a_small_one_is_not() {
        assert_eq!(judged((900, 100), (0, 600)), Some((FlawKind::WritesOnly, 90)));
        assert_eq!(judged((0, 0), (3, 600)), Some((FlawKind::WritesOnly, 0)));
        assert_eq!(judged((900, 100), (600, 0)), Some((FlawKind::ReadsOnly, 10)));
        assert_eq!(judged((900, 100), (10, 590)), None);
        assert_eq!(judged((900, 100), (0, 400)), None, "few calls tell nothing");
    }
}
