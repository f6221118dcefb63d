//! The command that shows the events behind an insight: what to type next.
//!
//! Its values come from whoever can make a call, and people paste it into a shell. So every value is written as a pattern that means
//! only itself (`*`, `,`, `!` and `\` have a meaning there), then quoted for a POSIX shell; a value that is very long, or with characters in
//! it that do not show, is left out, which makes the answer wider, never wrong.

use std::collections::BTreeSet;

use chrono::{Duration, SecondsFormat};

use crate::detect::change::Reason;
use crate::event::PrincipalKind;
use crate::insight::{Actor, Insight, InsightType, NewCompany};
use crate::rollup::Family;
use crate::shown::{is_hidden, literal};

/// Bytes of a value that somebody would type, or paste; no cloud's own names are longer.
const MOST_TYPED: usize = 2048;
/// What a table shows of changes: what was asked for stands in the parameters.
const CHANGE_COLUMNS: &str = "--columns event_time,api,principal,source_ip_address,error,request_parameters";

/// `insights query EVENTS …` for the events of an insight; `EVENTS` is the reader's folder of partitions. The account is a condition
/// where there are several.
pub(in crate::insight) fn next_query(insight: &Insight, with_account: bool) -> String {
    let mut words = vec!["insights query EVENTS".to_owned()];
    words.extend(condition("--account", &insight.account).filter(|_| with_account));
    words.extend(conditions(insight).iter().filter_map(|(flag, value)| condition(flag, value)));
    words.extend(insight.new_company.as_ref().and_then(with_company));
    // In a silence there is nothing to see; what came before it tells more.
    let back = Duration::days(i64::from(insight.reason == Some(Reason::Silence)));
    words.push(format!("--from {}", (insight.start - back).to_rfc3339_opts(SecondsFormat::Secs, true)));
    words.push(format!("--to {}", insight.end.to_rfc3339_opts(SecondsFormat::Secs, true)));
    words.extend(Some(CHANGE_COLUMNS.to_owned()).filter(|_| insight.family == Family::Change));
    words.join(" ")
}

/// What tells the insight's events from others, apart from their time.
fn conditions(insight: &Insight) -> Vec<(&'static str, String)> {
    let apis = insight.apis();
    let api = || match insight.own_api() {
        Some((service, name)) => vec![("--service", service.to_owned()), ("--event", name.to_owned())],
        None => apis.first().copied().map_or_else(Vec::new, of_api),
    };
    let object = |flag| vec![(flag, insight.object.clone())];
    match insight.insight_type {
        InsightType::IpInsight => object("--source-ip"),
        InsightType::AkInsight => object("--access-key"),
        InsightType::PrincipalInsight => of_actor(insight),
        InsightType::ApiCallRateInsight => api(),
        InsightType::ApiErrorRateInsight => [api(), object("--error")].concat(),
        // A change is made through one API or several of a service.
        _ if apis.len() == 1 => [of_actor(insight), api()].concat(),
        _ => [of_actor(insight), object("--service")].concat(),
    }
}

/// What tells the events with new ones from an entity's others: with new ones of one sort, where these are named and all events are with some of them,
/// else with new ones of any sort, where all are named. `None` where there are too many of them.
pub(super) fn with_company(company: &NewCompany) -> Option<String> {
    let networks = || {
        let all = company.networks.iter().all(|network| network.contains('/'));
        Some(&company.networks).filter(|_| all)
    };
    match company.shared {
        Some(Family::Network) => list_condition("--source-ip", networks()?),
        Some(Family::Region) => list_condition("--region", &company.regions),
        Some(_) => of_apis(&company.apis),
        None if company.are_all_listed() => {
            let sorts = [("source_ip", networks()?), ("api", &company.apis), ("region", &company.regions)];
            let named = sorts.into_iter().filter(|(_, values)| !values.is_empty());
            let either: Option<Vec<String>> =
                named.map(|(field, values)| Some(format!("--either {field}={}", list(values)?))).collect();
            either.map(|either| either.join(" ")).filter(|either| !either.is_empty())
        }
        None => None,
    }
}

/// The service and the events of APIs, or each of them with its own where they are of several.
fn of_apis(apis: &[String]) -> Option<String> {
    let named: Vec<(&str, &str)> = apis.iter().map(|api| api.split_once('/')).collect::<Option<_>>()?;
    let services: BTreeSet<&str> = named.iter().map(|(service, _)| *service).collect();
    if services.len() > 1 {
        return Some(format!("--where api={}", list(apis)?));
    }
    let [services, events] = [services, named.iter().map(|(_, event)| *event).collect()];
    let [services, events] = [services, events].map(|values| values.into_iter().collect::<Vec<_>>());
    Some(format!("{} {}", list_condition("--service", &services)?, list_condition("--event", &events)?))
}

fn of_api(api: &str) -> Vec<(&'static str, String)> {
    let (service, event) = api.split_once('/').unwrap_or(("", api));
    vec![("--service", service.to_owned()), ("--event", event.to_owned())]
}

fn of_actor(insight: &Insight) -> Vec<(&'static str, String)> {
    let words = |actor: &Actor| match actor.kind.as_str() {
        kind if kind == PrincipalKind::Root.name() => ("--user", "root".to_owned()),
        kind if kind == PrincipalKind::Role.name() => {
            ("--role", actor.name.clone().unwrap_or_else(|| actor.id.clone()))
        }
        _ => ("--user", actor.name.clone().unwrap_or_else(|| actor.id.clone())),
    };
    insight.actor.iter().map(words).collect()
}

/// An option with its value; none where there is no value that could be typed.
fn condition(flag: &str, value: &str) -> Option<String> {
    list_condition(flag, &[value])
}

/// An option with several values, any of which will do; none where there is one that could not be typed.
pub(crate) fn list_condition(flag: &str, values: &[impl AsRef<str>]) -> Option<String> {
    let list = list(values)?;
    // What begins with a dash would be taken for an option.
    let between = if list.starts_with('-') { "=" } else { " " };
    Some(format!("{flag}{between}{list}"))
}

/// Several values as one word for a shell.
fn list(values: &[impl AsRef<str>]) -> Option<String> {
    let literals: Vec<String> = values.iter().map(|value| literal(value.as_ref())).collect();
    let cannot_be_typed = |value: &String| value.is_empty() || value.len() > MOST_TYPED || value.contains(is_hidden);
    let can_be = !literals.is_empty() && !literals.iter().any(cannot_be_typed);
    can_be.then(|| quoted(&literals.join(",")))
}

/// A word for a POSIX shell.
fn quoted(value: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@%+,".contains(character);
    if value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::example::rate;
    use crate::rollup::Family;

    const TIMES: &str = "--from 2026-01-29T11:40:00Z --to 2026-01-29T11:50:00Z";

    #[test]
    fn the_question_fits_the_type() {
        let asks = |insight_type, object: &str, asked: &str| {
            let insight = Insight { insight_type, object: object.into(), ..rate() };
            assert_eq!(next_query(&insight, false), format!("insights query EVENTS {asked} {TIMES}"));
        };
        let change = Insight { family: Family::Change, insight_type: InsightType::PolicyChangeInsight, ..rate() };
        assert!(next_query(&change, false).ends_with("error,request_parameters"), "what was asked for is shown");
        asks(InsightType::ApiCallRateInsight, "GetObject", "--service Oss --event GetObject");
        asks(InsightType::AkInsight, "LTAI5tEXAMPLE", "--access-key LTAI5tEXAMPLE");
        asks(InsightType::IpInsight, "203.0.113.77", "--source-ip 203.0.113.77");
        asks(InsightType::PrincipalInsight, "2389", "--user svc-25");
        asks(InsightType::PolicyChangeInsight, "Ram", "--user svc-25 --service Oss --event GetObject");
    }

    #[test]
    fn slashes_in_names_stay_where_they_are_and_accounts_are_told_apart() {
        let fields = ["My/Service", "Ev/F", "Not/Found"].map(str::to_owned).to_vec();
        let insight = Insight {
            insight_type: InsightType::ApiErrorRateInsight,
            family: Family::ApiError,
            entity: fields.join("/"),
            object: fields[2].clone(),
            fields,
            ..rate()
        };
        let asked = "--service My/Service --event Ev/F --error Not/Found";
        assert_eq!(next_query(&insight, false), format!("insights query EVENTS {asked} {TIMES}"));
        let of_account = format!("insights query EVENTS --account 1599000000000001 {asked} {TIMES}");
        assert_eq!(next_query(&insight, true), of_account);
        assert_eq!(insight.apis(), ["My/Service/Ev/F"]);
    }

    #[test]
    fn of_a_first_meeting_only_the_events_with_the_new_one_are_asked_for() {
        let asked = |networks: &[&str], apis: &[&str], regions: &[&str], shared| {
            let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            let (networks, apis, regions) = (own(networks), own(apis), own(regions));
            let total = networks.len() + apis.len() + regions.len();
            let company = NewCompany { networks, apis, regions, total, shared, ..NewCompany::default() };
            next_query(&Insight { new_company: Some(company), insight_type: InsightType::AkInsight, ..rate() }, false)
        };
        let network = ["203.0.113.0/24"];
        assert!(
            asked(&network, &["Ram/ListUsers"], &[], Some(Family::Network)).contains("--source-ip 203.0.113.0/24 ")
        );
        assert!(asked(&[], &[], &["cn-beijing", "eu"], Some(Family::Region)).contains("--region cn-beijing,eu "));
        let apis = asked(&network, &["Ram/ListUsers", "Ecs/Run", "Ram/Get"], &[], Some(Family::Api));
        assert!(apis.contains("--where api=Ram/ListUsers,Ecs/Run,Ram/Get ") && !apis.contains("--source-ip"), "{apis}");
        let of_one = asked(&network, &["Ram/ListUsers", "Ram/Get"], &[], Some(Family::Api));
        assert!(of_one.contains("--service Ram --event Get,ListUsers "), "{of_one}");
        let any = asked(&network, &["Ram/ListUsers", "Ecs/Run it"], &["eu"], None);
        let either =
            "--either source_ip=203.0.113.0/24 --either api='Ram/ListUsers,Ecs/Run it' --either region=eu --from";
        assert!(any.contains(either), "{any}");
        let many: Vec<String> = (0..21).map(|number| format!("Ecs/Call{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let wide = asked(&network, &many[..20], &[], None);
        assert!(wide.contains("--either"), "{wide}");
        let company = NewCompany {
            apis: many[..20].iter().map(|&api| api.to_owned()).collect(),
            total: 21,
            ..NewCompany::default()
        };
        assert_eq!(with_company(&company), None, "one of them is not named");
    }

    #[test]
    fn roles_and_the_owner_have_their_own_way_to_be_asked_for() {
        for (kind, asked) in [("role", "--role svc-25"), ("root", "--user root"), ("service", "--user svc-25")] {
            let actor = Actor { kind: kind.into(), id: "1".into(), name: Some("svc-25".into()) };
            let insight = Insight { insight_type: InsightType::PrincipalInsight, actor: Some(actor), ..rate() };
            assert_eq!(next_query(&insight, false), format!("insights query EVENTS {asked} {TIMES}"));
        }
    }

    #[test]
    fn a_value_is_one_word_that_means_itself() {
        for (value, written) in [
            ("alice", "--user alice"),
            ("a b", "--user 'a b'"),
            ("$(rm -rf /)", "--user '$(rm -rf /)'"),
            ("it's; `id`", r"--user 'it'\''s; `id`'"),
            ("--sql", "--user=--sql"),
            ("!a*,b", r"--user '\!a\*\,b'"),
            (r"CORP\alice", r"--user 'CORP\\alice'"),
        ] {
            assert_eq!(condition("--user", value).unwrap(), written);
        }
        assert_eq!(condition("--user", "a\nb"), None);
        assert_eq!(condition("--user", "a\u{202e}b"), None);
        assert_eq!(condition("--user", ""), None);
        assert_eq!(condition("--user", &"a".repeat(50_000)), None);
    }
}
