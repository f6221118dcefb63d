//! MITRE ATT&CK: which tactic and technique an insight would be, were it an attack.
//!
//! Insights about calls take the technique of the API (see [`crate::event::sensitivity`]); insights about an address, a key or a
//! principal say first that somebody's access may be in other hands, and then what it was used for.

use serde::Serialize;

use crate::detect::Direction;
use crate::event::sensitivity::{AttackTerm, CallMeaning, Sensitivity};
use crate::event::{is_denied, signs_in};
use crate::insight::{Concern, Insight, InsightType};

/// The edition of the ATT&CK matrix that names and identifiers are taken from, by insights and by the tags of the built-in rules.
pub const EDITION: &str = "19";

/// A tactic and the technique that serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Attack {
    /// What for.
    pub tactic: AttackTerm,
    /// How.
    pub technique: AttackTerm,
}

impl Attack {
    fn new(tactic: &'static str, technique: &'static str) -> Self {
        Self { tactic: AttackTerm::of(tactic), technique: AttackTerm::of(technique) }
    }

    fn of_call(meaning: CallMeaning) -> Self {
        Self::new(meaning.tactic, meaning.technique)
    }
}

/// The tactics and techniques of an insight, the most telling first; never none.
pub(in crate::insight) fn attacks(insight: &Insight) -> Vec<Attack> {
    let apis = insight.apis();
    let first = |fallback: Attack| apis.first().map_or(fallback, |api| Attack::of_call(CallMeaning::of_api(api)));
    let is_silence_of_the_trail = insight.insight_type == InsightType::TrailConcealmentInsight;
    if insight.direction == Direction::Down && !is_silence_of_the_trail {
        return vec![Attack::new("TA0040", "T1489")];
    }
    match insight.insight_type {
        InsightType::TrailConcealmentInsight => vec![Attack::new("TA0112", "T1685.002")],
        InsightType::PolicyChangeInsight => permission_change(insight, &apis),
        InsightType::PasswordChangeInsight => vec![password_change(&apis)],
        InsightType::ApiCallRateInsight => vec![first(Attack::new("TA0001", "T1078.004"))],
        InsightType::ApiErrorRateInsight => vec![errors(&apis, &insight.object)],
        InsightType::IpInsight | InsightType::AkInsight | InsightType::PrincipalInsight => {
            let mut found = vec![Attack::new("TA0001", "T1078.004")];
            found.extend(used_for(&apis).filter(|attack| *attack != found[0]));
            found
        }
    }
}

/// What most harm was done with.
fn used_for(apis: &[&str]) -> Option<Attack> {
    let meanings = apis.iter().map(|api| CallMeaning::of_api(api));
    meanings.into_iter().find(|meaning| meaning.sensitivity == Sensitivity::High).map(Attack::of_call)
}

/// What lets anybody in, or is a list of who gets in, gives no rights in the account: it lets data out.
fn permission_change(insight: &Insight, apis: &[&str]) -> Vec<Attack> {
    let (out, rights) = (Attack::new("TA0010", "T1537"), Attack::new("TA0004", "T1098.003"));
    let is_out = |api: &&str| Attack::of_call(CallMeaning::of_api(api)) == out;
    match insight.concerns.contains(&Concern::MadePublic) {
        _ if !apis.is_empty() && apis.iter().all(is_out) => vec![out],
        true => vec![out, rights],
        false => vec![rights],
    }
}

fn password_change(apis: &[&str]) -> Attack {
    let general = Attack::new("TA0003", "T1098");
    let told = apis.first().map(|api| Attack::of_call(CallMeaning::of_api(api)));
    told.filter(|attack| ["T1098.001", "T1531", "T1556.006"].contains(&attack.technique.uid)).unwrap_or(general)
}

/// Whether an API signs somebody in.
pub(super) fn is_sign_in(api: &str) -> bool {
    api.rsplit('/').next().is_some_and(signs_in)
}

/// Refusals are somebody trying what works; refused sign-ins are guesses at a password.
fn errors(apis: &[&str], code: &str) -> Attack {
    let api = apis.first().copied().unwrap_or_default();
    if is_sign_in(api) {
        return Attack::new("TA0006", "T1110");
    }
    if is_denied(code) {
        return Attack::new("TA0007", "T1580");
    }
    Attack::of_call(CallMeaning::of_api(api))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::example::rate;
    use crate::insight::{Attribute, Attribution, Share};

    #[test]
    fn what_lets_anybody_in_lets_data_out() {
        let of = |api: &str, concerns: &[Concern]| -> Vec<&str> {
            let apis = Attribution {
                attribute: Attribute::Api,
                insight: vec![Share { average: 1.0, value: api.to_owned() }],
                baseline: None,
                broad: false,
                most: true,
            };
            let insight = Insight {
                insight_type: InsightType::PolicyChangeInsight,
                family: crate::rollup::Family::Change,
                attributions: vec![apis],
                concerns: concerns.to_vec(),
                ..rate()
            };
            attacks(&insight).iter().map(|attack| attack.technique.uid).collect()
        };
        assert_eq!(of("Oss/PutBucketAcl", &[Concern::MadePublic]), ["T1537"]);
        assert_eq!(of("lambda/AddPermission20150331", &[Concern::MadePublic]), ["T1537", "T1098.003"]);
        assert_eq!(of("Ram/AttachPolicyToUser", &[Concern::AdministratorPolicy]), ["T1098.003"]);
    }
}
