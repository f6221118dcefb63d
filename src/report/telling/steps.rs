//! What to do next about a finding: questions to ask, things to check, commands to run.

use crate::event::is_denied;
use crate::insight::Attribute;
use crate::report::night::{Finding, Place};
use crate::report::telling::whom;

/// What to do, first things first.
pub fn steps(finding: &Finding) -> Vec<String> {
    match finding.insight_type.as_str() {
        // Whether the trail was touched or fell silent.
        "TrailConcealmentInsight" => trail(finding),
        _ if finding.is_drop => drop(finding),
        "PolicyChangeInsight" => permissions(finding),
        "PasswordChangeInsight" => passwords(finding),
        "ApiErrorRateInsight" => errors(finding),
        "AkInsight" => access_key(finding),
        "IpInsight" => address(finding),
        _ => calls(finding),
    }
}

/// The commands that show more: its events, and why it was reported. What makes a change serious stands in its events. `EVENTS` and
/// `STATE` are the reader's folders.
pub fn commands(finding: &Finding) -> Vec<(&'static str, String)> {
    let events = if finding.is_change() { " --events EVENTS" } else { "" };
    let why = format!("insights explain {}{events} --state STATE", finding.id);
    vec![("its events", finding.next_query.whole().into_owned()), ("why it was reported", why)]
}

fn trail(finding: &Finding) -> Vec<String> {
    let who = whom(finding);
    vec![
        format!("Ask {who} whether this was planned, and who agreed to it."),
        "Put the trail back to all regions and all events, and see that it delivers.".to_owned(),
        format!(
            "Look at all that {who} did in the hours around it: what a trail is silenced for comes just before or after."
        ),
    ]
}

fn permissions(finding: &Finding) -> Vec<String> {
    let who = whom(finding);
    vec![
        format!("Ask {who} for the request behind it, and whether it was from the usual place."),
        "If nobody asked for it, take the rights back now.".to_owned(),
        "Look for what was done with the new rights since, by whoever has them.".to_owned(),
    ]
}

fn passwords(finding: &Finding) -> Vec<String> {
    let who = whom(finding);
    vec![
        format!(
            "Ask {who}, by another way than the account, whether they made the change; of somebody else's password ask its owner too."
        ),
        "If not, set the password and the second factor anew, and end all sessions.".to_owned(),
        "Look at the sign-ins since of whose password it was: `insights changes EVENTS --sign-ins`.".to_owned(),
    ]
}

fn errors(finding: &Finding) -> Vec<String> {
    let entity = finding.entity.raw().to_lowercase();
    let code = entity.rsplit('/').next().unwrap_or_default();
    let who = whom(finding);
    if entity.contains("signin") || entity.contains("login") {
        return vec![
            "These look like guesses at passwords: see whether a sign-in from the same address succeeded afterwards."
                .to_owned(),
            "Block the address, and see that the users it tried have a second factor.".to_owned(),
        ];
    }
    if is_denied(code) {
        return vec![
            format!(
                "Refusals in a row are somebody trying what works, or a job that lost its rights: ask {who} which."
            ),
            "See which other APIs they tried, and whether one of them succeeded.".to_owned(),
        ];
    }
    vec![
        format!("See what changed for {who}: a new version, a quota, a resource that is gone."),
        "If nothing explains it, look at the parameters of the failed calls.".to_owned(),
    ]
}

fn access_key(finding: &Finding) -> Vec<String> {
    let (key, who) = (finding.entity.shown(), whom(finding));
    vec![
        format!(
            "Ask {who} whether these calls are theirs; an address or a client that the key never had speaks for theft."
        ),
        format!("If they are not, disable {key} now and make a new one."),
        "See what the key read, changed and created in the time; what it created can outlive it.".to_owned(),
    ]
}

fn address(finding: &Finding) -> Vec<String> {
    if is_somebodys(finding) {
        return calls(finding);
    }
    let (address, who) = (Place::beside(&finding.details.places, &finding.entity), whom(finding));
    vec![
        format!("Find out whose address {address} is, and whether {who} may call from there."),
        "If it is nobody's, block it and replace the credentials that it used.".to_owned(),
    ]
}

/// Whether who calls most from an address now called most from there in the week before.
fn is_somebodys(finding: &Finding) -> bool {
    let found = finding.attribution(Attribute::Principal).filter(|found| found.baseline_known && !found.broad);
    let same = found.and_then(|found| Some(found.insight.first()?.value == found.baseline.first()?.value));
    same.unwrap_or(false)
}

fn calls(finding: &Finding) -> Vec<String> {
    let who = whom(finding);
    let credentials = credentials(finding);
    if finding.judged_by == "first_seen" {
        return vec![
            format!("Ask {who} whether these calls are theirs: they were never seen with what is new here."),
            format!("If they are not, end all sessions, and disable {credentials} now."),
            "See what was read, changed and created in the time; what was created can outlive it.".to_owned(),
        ];
    }
    vec![
        format!("Ask {who} whether a release, a migration or a job explains the calls."),
        format!("If nothing does, see what was read or changed, and limit or disable {credentials}."),
    ]
}

/// What the calls were made with, if one key stands out.
fn credentials(finding: &Finding) -> String {
    let broad = finding.attribution(Attribute::AccessKey).is_none_or(|found| found.broad);
    if broad || finding.access_key.is_empty() {
        "the credentials".to_owned()
    } else {
        finding.access_key.shown().into_owned()
    }
}

fn drop(finding: &Finding) -> Vec<String> {
    vec![
        format!("See whether the job or service behind {} still runs.", finding.entity.shown()),
        "See under “Health of the input” whether the feed was whole in these hours.".to_owned(),
        "If both are well, ask who switched it off: silence can be the sign of an attack, or of its end.".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_that_fell_silent_is_looked_into_as_a_trail() {
        let silence =
            Finding { insight_type: "TrailConcealmentInsight".to_owned(), is_drop: true, ..Finding::default() };
        assert!(steps(&silence)[1].contains("Put the trail back"), "{:?}", steps(&silence));
        let quiet = Finding { insight_type: "ApiCallRateInsight".to_owned(), is_drop: true, ..Finding::default() };
        assert!(steps(&quiet)[0].contains("still runs"), "{:?}", steps(&quiet));
    }

    #[test]
    fn refusals_are_the_codes_and_not_the_apis_names() {
        let of = |entity: &str| {
            let finding =
                Finding { insight_type: "ApiErrorRateInsight".to_owned(), entity: entity.into(), ..Finding::default() };
            steps(&finding)[0].clone()
        };
        assert!(of("Oss/GetObject/SignatureDoesNotMatch").starts_with("Refusals in a row"));
        assert!(of("Ecs/DenyAccessDenied/Throttling").starts_with("See what changed"));
    }
}
