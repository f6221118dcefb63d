//! Accounts, regions and families that are usually heard of and were not.

use crate::baseline::{Blindness, Feed, Silence, SilentRegions};
use crate::quality::{Effect, Flaw, FlawKind, Whereabouts, shown};
use crate::shown::number;

/// Silent accounts: for some hours, or all day.
pub(super) fn accounts(feed: &Feed) -> Vec<Flaw> {
    feed.silences().into_iter().map(account).collect()
}

fn account(silence: Silence) -> Flaw {
    let all_day = silence.hours.len() == 24;
    let when = if all_day { "all day".to_owned() } else { format!("in the hours {}", ranges(&silence.hours)) };
    let sentence = format!(
        "the feed of {} was silent {when} ({} calls, {} are usual): masked, no rates are judged there",
        shown(&silence.account),
        number(silence.calls),
        number(silence.usual)
    );
    Flaw {
        kind: if all_day { FlawKind::SilentAccount } else { FlawKind::SilentHours },
        numbers: [("calls", silence.calls), ("usual", silence.usual)].into(),
        effect: Effect::Masked,
        whereabouts: Whereabouts { account: Some(silence.account), hours: silence.hours, ..Whereabouts::default() },
        sentence,
    }
}

/// Silent regions of accounts that were heard of.
pub(super) fn regions(regions: &SilentRegions, feed: &Feed) -> Vec<Flaw> {
    let silent = feed.silences();
    let is_wholly_silent =
        |account: &str| silent.iter().any(|known| known.account == account && known.hours.len() == 24);
    let told = regions.all().iter().filter(|region| !is_wholly_silent(&region.account));
    told.map(|found| Flaw {
        kind: FlawKind::SilentRegion,
        numbers: [("calls", found.calls), ("usual", found.usual)].into(),
        effect: Effect::Masked,
        sentence: format!(
            "region {} of {} was silent all day ({} calls, {} are usual): drops that it explains are not reported",
            found.region,
            shown(&found.account),
            number(found.calls),
            number(found.usual)
        ),
        whereabouts: Whereabouts {
            account: Some(found.account.clone()),
            region: Some(found.region.clone()),
            ..Whereabouts::default()
        },
    })
    .collect()
}

/// Families that hardly an event named.
pub(super) fn families(feed: &Feed) -> Vec<Flaw> {
    feed.blind().iter().map(family).collect()
}

fn family(found: &Blindness) -> Flaw {
    Flaw {
        kind: FlawKind::UnnamedFamily,
        numbers: [("calls", found.calls), ("usual", found.usual)].into(),
        effect: Effect::Masked,
        sentence: format!(
            "events of {} name no {} ({} calls do, {} are usual): masked, nothing is said of any",
            shown(&found.account),
            found.family.name().replace('_', " "),
            number(found.calls),
            number(found.usual)
        ),
        whereabouts: Whereabouts { account: Some(found.account.clone()), ..Whereabouts::default() },
    }
}

/// `05, 09-23`.
pub(super) fn ranges(hours: &[u8]) -> String {
    let runs = hours.chunk_by(|hour, next| hour + 1 == *next);
    let shown = runs.map(|run| match run {
        [hour] => format!("{hour:02}"),
        [first, .., last] => format!("{first:02}-{last:02}"),
        [] => String::new(),
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_told_in_ranges() {
        assert_eq!(ranges(&[5, 9, 10, 11, 23]), "05, 09-11, 23");
    }
}
