//! Who, from where and with what, as evidences and observables of a finding.

use serde_json::{Map, Value, json};

use crate::insight::{Actor, Attribute, Attribution, Insight, Share};
use crate::place::Place;
use crate::shown::OTHER;

/// The attributes that an evidence has a place for.
const ATTRIBUTES: [Attribute; 5] =
    [Attribute::Principal, Attribute::AccessKey, Attribute::SourceAddress, Attribute::Api, Attribute::UserAgent];

/// What most calls had in common, then every attributed value by itself.
pub(super) fn evidences(insight: &Insight) -> Vec<Value> {
    let mut evidences = Vec::new();
    // A user agent alone is no evidence to the schema.
    let tells =
        |common: &Map<String, Value>| ["api", "actor", "src_endpoint"].iter().any(|place| common.contains_key(*place));
    evidences.extend(Some(common(insight)).filter(tells).map(Value::Object));
    for attribute in ATTRIBUTES {
        if let Some(found) = insight.attribution(attribute) {
            let named = found.insight.iter().filter(|share| share.value != OTHER);
            evidences.extend(named.map(|share| single(insight, found, share)));
        }
    }
    evidences
}

fn common(insight: &Insight) -> Map<String, Value> {
    let mut evidence = Map::new();
    if insight.family == crate::rollup::Family::Api || insight.family == crate::rollup::Family::ApiError {
        evidence.extend(insight.apis().first().map(|value| ("api".to_owned(), api(value))));
    }
    for attribute in ATTRIBUTES {
        let leading = insight.attribution(attribute).and_then(Attribution::busiest);
        if let Some(share) = leading.filter(|share| insight.speaks_for_all(share)) {
            add(&mut evidence, insight, attribute, &share.value);
        }
    }
    evidence
}

fn single(insight: &Insight, found: &Attribution, share: &Share) -> Value {
    let mut evidence = Map::new();
    add(&mut evidence, insight, found.attribute, &share.value);
    let data = json!({
        "attribute": found.attribute,
        "average_per_minute": share.average,
        "baseline_average_per_minute": found.usual(&share.value),
    });
    evidence.insert("data".to_owned(), data);
    Value::Object(evidence)
}

/// Puts a value where the schema has it.
fn add(evidence: &mut Map<String, Value>, insight: &Insight, attribute: Attribute, value: &str) {
    let (place, content) = match attribute {
        Attribute::Principal => ("actor", json!({ "user": user(insight, value) })),
        // Whose it is, is not known of every key.
        Attribute::AccessKey => {
            ("actor", json!({ "user": { "account": { "uid": insight.account }, "credential_uid": value } }))
        }
        Attribute::SourceAddress => ("src_endpoint", endpoint(&insight.places, value)),
        Attribute::Api => ("api", api(value)),
        _ => ("http_request", json!({ "user_agent": value })),
    };
    match evidence.get_mut(place) {
        // An actor whose user is known takes the key as the user's credential.
        Some(known) if attribute == Attribute::AccessKey => known["user"]["credential_uid"] = json!(value),
        Some(_) => {}
        None => {
            evidence.insert(place.to_owned(), content);
        }
    }
}

fn user(insight: &Insight, principal: &str) -> Value {
    let found = insight.actor.clone().filter(|actor| format!("{}/{}", actor.kind, actor.id) == principal);
    let Some(actor) = found.or_else(|| Actor::of_entity(principal)) else { return json!({ "uid": principal }) };
    let name = actor.name.or_else(|| insight.names.get(principal).cloned());
    json!({ "uid": actor.id, "name": name, "type": actor.kind })
}

pub(super) fn endpoint(places: &[Place], address: &str) -> Value {
    if address.parse::<std::net::IpAddr>().is_err() {
        return json!({ "svc_name": address });
    }
    let Some(place) = places.iter().find(|place| place.address == address) else {
        return json!({ "ip": address });
    };
    let system = json!({ "number": place.network_number, "name": place.network_owner });
    let known = place.network_number.is_some() || place.network_owner.is_some();
    json!({
        "ip": address,
        "location": place.country_code().map(|country| json!({ "country": country })),
        "autonomous_system": known.then_some(system),
    })
}

pub(super) fn api(value: &str) -> Value {
    match value.split_once('/') {
        Some((service, operation)) => json!({ "operation": operation, "service": { "name": service } }),
        None => json!({ "operation": value }),
    }
}

/// The values that other tools search for, each with the schema's number for its kind.
pub(super) fn observables(insight: &Insight) -> Vec<Value> {
    let observable = |name: &str, kind: (u8, &str), value: &str| json!({ "name": name, "type_id": kind.0, "type": kind.1, "value": value });
    let mut found = Vec::new();
    for address in
        insight.values(Attribute::SourceAddress).filter(|address| address.parse::<std::net::IpAddr>().is_ok())
    {
        found.push(observable("evidences.src_endpoint.ip", (2, "IP Address"), address));
    }
    for agent in insight.values(Attribute::UserAgent) {
        found.push(observable("evidences.http_request.user_agent", (16, "HTTP User-Agent"), agent));
    }
    for key in insight.values(Attribute::AccessKey) {
        found.push(observable("evidences.actor.user.credential_uid", (19, "User Credential ID"), key));
    }
    for name in insight.actor.iter().filter_map(|actor| actor.name.as_deref()) {
        found.push(observable("evidences.actor.user.name", (4, "User Name"), name));
    }
    if insight.family == crate::rollup::Family::SourceIp {
        found.push(observable("resources.name", (2, "IP Address"), &insight.object));
    }
    found
}
