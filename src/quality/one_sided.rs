//! Trails that deliver only writes, or only reads, and which types of insight that blinds.

use crate::baseline::{OneSided, Side};
use crate::quality::{Effect, Flaw, FlawKind, Whereabouts, shown};
use crate::shown::number;

/// What to tell of each.
pub(super) fn tell(sides: &[OneSided]) -> Vec<Flaw> {
    sides.iter().map(flaw).collect()
}

fn flaw(found: &OneSided) -> Flaw {
    let (kind, word, blind) = match found.missing {
        Side::Reads => (
            FlawKind::WritesOnly,
            "writes",
            "ApiCallRateInsight and ApiErrorRateInsight do not see reading APIs, and IpInsight, AkInsight and PrincipalInsight do not \
             see who only looks around",
        ),
        Side::Writes => (
            FlawKind::ReadsOnly,
            "reads",
            "no change is seen: PolicyChangeInsight, PasswordChangeInsight and TrailConcealmentInsight are blind",
        ),
    };
    let since = if found.is_news() {
        format!(" (before, {} % were others), and drops that this explains are not reported", found.others_before)
    } else {
        String::new()
    };
    Flaw {
        kind,
        whereabouts: Whereabouts { account: Some(found.account.clone()), ..Whereabouts::default() },
        numbers: [("calls", found.calls), ("others", found.others), ("others_before_percent", found.others_before)]
            .into(),
        effect: Effect::NotJudged,
        sentence: format!(
            "the trail of {} delivers {word} only, {} of {} calls{since}: {blind}",
            shown(&found.account),
            number(found.calls - found.others),
            number(found.calls)
        ),
    }
}
