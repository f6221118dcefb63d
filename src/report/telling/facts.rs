//! Who, from where, with what, when.

use crate::insight::Attribute;
use crate::report::night::{Finding, Night, Text};
use crate::report::telling::span;
use crate::shown::{OTHER, counted, local_span, number};

/// A name and what is known under it.
pub type Fact = (&'static str, String);

/// What is known of a finding, the most asked for first; what is not known is left out.
pub fn facts(finding: &Finding, night: &Night) -> Vec<Fact> {
    let facts = [
        ("Who", who(finding)),
        (
            "AccessKey",
            own(finding, "access_key").unwrap_or_else(|| first(finding, Attribute::AccessKey, &finding.access_key)),
        ),
        ("From", from(finding)),
        ("With", first(finding, Attribute::UserAgent, &finding.user_agent)),
        ("What", what(finding)),
        ("When", when(finding, night)),
        ("Account", [finding.account.shown(), finding.region.shown()].join(" ").trim().to_owned()),
        ("ATT&CK", attacks(finding)),
    ];
    facts.into_iter().filter(|(_, known)| !known.is_empty()).collect()
}

/// The entity, if the finding is about one of that family.
fn own(finding: &Finding, family: &str) -> Option<String> {
    (finding.family == family).then(|| finding.entity.shown().into_owned())
}

/// The value that best explains the finding, if one does.
fn first(finding: &Finding, attribute: Attribute, named: &Text) -> String {
    if named.is_empty() || named.raw() == "null" {
        return String::new();
    }
    let broad = finding.attribution(attribute).is_some_and(|found| found.broad);
    if broad { format!("many, {} among them", named.shown()) } else { named.shown().into_owned() }
}

fn who(finding: &Finding) -> String {
    let principal = finding.attribution(Attribute::Principal).and_then(|found| found.insight.first());
    let principal = principal.filter(|share| share.value.raw() != OTHER);
    let named = || match principal {
        Some(share) => first(finding, Attribute::Principal, &finding.called(&share.value)),
        None => own(finding, "principal").unwrap_or_default(),
    };
    if finding.actor.is_empty() { named() } else { finding.actor.shown().into_owned() }
}

fn from(finding: &Finding) -> String {
    let place = finding.place.shown();
    let located = |address: &Text| {
        if place.is_empty() { address.clone() } else { Text::new(format!("{} ({place})", address.raw())) }
    };
    match finding.family.as_str() {
        "source_ip" => located(&finding.entity).shown().into_owned(),
        _ if finding.source_ip.is_empty() => String::new(),
        _ => first(finding, Attribute::SourceAddress, &located(&finding.source_ip)),
    }
}

fn what(finding: &Finding) -> String {
    let calls = counted(finding.observed, "call", "calls");
    match finding.family.as_str() {
        "api_error" => format!("{calls} failed: {}", finding.entity.shown()),
        _ => format!("{calls}{}{}", to(finding), failed(finding)),
    }
}

fn failed(finding: &Finding) -> String {
    if finding.errors == 0 {
        return String::new();
    }
    format!(", {} failed", counted(finding.errors, "call", "calls"))
}

/// ` to Oss/GetObject` where all calls went there, `, 204 of them to Oss/GetObject` where others did not.
fn to(finding: &Finding) -> String {
    let api = finding.api.shown();
    if finding.api.is_empty() {
        return String::new();
    }
    if finding.family == "api" {
        return format!(" to {api}");
    }
    let attribution = finding.attribution(Attribute::Api);
    let share = attribution.and_then(|found| found.insight.iter().find(|share| share.value == finding.api));
    match share.map(|share| (share.average * finding.minutes as f64).round() as u64) {
        Some(calls) if calls >= finding.observed => format!(" to {api}"),
        Some(calls) => format!(", {} of them to {api}", number(calls)),
        None => format!(", to {api} among others"),
    }
}

fn when(finding: &Finding, night: &Night) -> String {
    let date = night.date;
    let day = finding.start.date_naive();
    let minutes = counted(finding.minutes, "minute", "minutes");
    let open = if finding.ended { "" } else { ", not over at midnight" };
    let local = local_span(finding.start, finding.end, night.zone());
    let local = local.map_or(String::new(), |local| format!(" ({local})"));
    format!("{day} {}{local}, {minutes}{open}", span(finding.start, finding.end, if day < date { day } else { date }))
}

/// `T1685.002 Disable or Modify Tools: Disable or Modify Cloud Log (Defense Impairment)`, and more of them.
pub fn attacks(finding: &Finding) -> String {
    let attack = |attack: &crate::report::night::Attack| {
        let tactic = if attack.tactic.name.is_empty() { attack.tactic.uid.shown() } else { attack.tactic.name.shown() };
        format!("{} {} ({tactic})", attack.technique.uid.shown(), attack.technique.name.shown())
    };
    finding.details.attacks.iter().map(attack).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::night::{Attribution, Share};

    #[test]
    fn calls_are_told_of_the_api_that_they_went_to() {
        let told = |shares: &[(&str, f64)]| {
            let share = |&(api, average): &(&str, f64)| Share { average, value: api.into() };
            let mut finding = Finding { observed: 8, minutes: 2, ..Finding::default() };
            finding.api = "cloudtrail/DeleteTrail".into();
            finding.details.attributions = vec![Attribution {
                attribute: Attribute::Api,
                insight: shares.iter().map(share).collect(),
                baseline: Vec::new(),
                baseline_known: true,
                broad: false,
            }];
            what(&finding)
        };
        assert_eq!(told(&[("cloudtrail/DeleteTrail", 4.0)]), "8 calls to cloudtrail/DeleteTrail");
        let most = [("cloudtrail/DeleteTrail", 1.5), ("cloudtrail/StopLogging", 1.5)];
        assert_eq!(told(&most), "8 calls, 3 of them to cloudtrail/DeleteTrail");
        assert_eq!(told(&[]), "8 calls, to cloudtrail/DeleteTrail among others");
    }
}
