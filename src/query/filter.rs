//! From options to conditions: which columns an option looks at, and how.
//!
//! Nothing is read here: [`evaluate`](super::evaluate) looks at rows.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::error::{Error, Result};
use crate::event::{Column, NO_CODE, PrincipalKind, service_name};
use crate::query::condition::{AddressPattern, Condition, ValueTest, View};
use crate::query::field::{Field, column_slice};
use crate::query::pattern::{Glob, Patterns};
use crate::query::{Mistake, Request, TimeRange};

const SERVICE: &[Column] = &[Column::ServiceName, Column::EventSource];
const EVENT_NAME: &[Column] = &[Column::EventName];
const IDENTITY_TYPE: &[Column] = &[Column::UserIdentityType];
const USER_NAME: &[Column] = &[Column::UserName];
const PRINCIPAL_ID: &[Column] = &[Column::PrincipalId];
const CODE: &[Column] = &[Column::ErrorCode];
const MESSAGE: &[Column] = &[Column::ErrorMessage];
const READ_WRITE: &[Column] = &[Column::EventRw];

/// Which events are asked for: all conditions must be met.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    /// When.
    pub range: TimeRange,
    /// What else.
    pub conditions: Vec<Condition>,
}

impl Filter {
    /// Understands the conditions of a request; `now` is what "ago" counts from.
    ///
    /// # Errors
    /// [`Error::Query`], with the option and the place in it.
    pub fn parse(request: &Request, now: i64) -> Result<Self> {
        let range = TimeRange::parse(request.from.as_deref(), request.to.as_deref(), now)?;
        let mut filter = Self { range, conditions: Vec::new() };
        filter.who(request)?;
        filter.what(request)?;
        filter.outcome(request)?;
        for condition in &request.conditions {
            filter.conditions.extend(column("--where", condition)?);
        }
        filter.either(&request.either)?;
        Ok(filter)
    }

    fn either(&mut self, conditions: &[String]) -> Result<()> {
        let all = |condition: &String| Ok(Condition::All(column("--either", condition)?));
        let any = conditions.iter().map(all).collect::<Result<Vec<_>>>()?;
        self.conditions.extend((!any.is_empty()).then_some(Condition::Any(any)));
        Ok(())
    }

    fn who(&mut self, request: &Request) -> Result<()> {
        self.list("--user", &request.user, false, user)?;
        self.list("--role", &request.role, false, role)?;
        self.list("--access-key", &request.access_key, true, |globs| as_is(&[Column::AccessKeyId], globs))?;
        self.list("--account", &request.account, true, |globs| {
            let either: [&[Column]; 2] = [&[Column::RecipientAccountId], &[Column::AccountId]];
            Condition::Any(either.map(|columns| as_is(columns, globs.clone())).to_vec())
        })?;
        self.addresses(&request.source_ip)
    }

    fn what(&mut self, request: &Request) -> Result<()> {
        let test = |columns, view| move |globs| Condition::Test(columns, ValueTest::Globs(view, globs));
        self.list("--event", &request.event, false, test(&[Column::EventName], View::AsIs))?;
        let services: Vec<String> = request.service.iter().map(|list| without_hosts(list)).collect();
        self.list("--service", &services, false, test(SERVICE, View::Service))?;
        self.list("--resource-type", &request.resource_type, false, test(&[Column::ResourceType], View::Elements))?;
        self.list("--resource-name", &request.resource_name, true, test(&[Column::ResourceName], View::Elements))?;
        self.list("--region", &request.region, false, test(&[Column::Region], View::AsIs))?;
        self.list("--event-id", &request.event_id, true, test(&[Column::EventId], View::AsIs))?;
        self.list("--event-type", &request.event_type, false, test(&[Column::EventType], View::AsIs))
    }

    fn outcome(&mut self, request: &Request) -> Result<()> {
        exclusive(("--read", request.read), ("--write", request.write))?;
        exclusive(("--failed", request.failed), ("--succeeded", request.succeeded))?;
        self.list("--error", &request.error, false, error)?;
        if request.read {
            self.conditions.push(reads());
        } else if request.write {
            self.conditions.push(not(reads()));
        }
        if request.failed {
            self.conditions.push(failed());
        } else if request.succeeded {
            self.conditions.push(not(failed()));
        }
        Ok(())
    }

    fn addresses(&mut self, lists: &[String]) -> Result<()> {
        self.conditions.extend(addressed("--source-ip", lists)?);
        Ok(())
    }

    fn list(
        &mut self,
        option: &str,
        lists: &[String],
        exact_case: bool,
        build: impl Fn(Vec<Glob>) -> Condition,
    ) -> Result<()> {
        self.conditions.extend(listed(option, lists, exact_case, build)?);
        Ok(())
    }
}

/// `column=list`, as the value of an option.
fn column(option: &str, text: &str) -> Result<Vec<Condition>> {
    let expected = "COLUMN=LIST, such as user_agent=*cli*";
    let wrong = |at: usize, message: String| Mistake::new(text, at, message, expected).of(option);
    let (name, list) = text.split_once('=').ok_or_else(|| wrong(text.len(), "there is no `=`".to_owned()))?;
    let field = Field::named(name.trim()).map_err(|mistake| wrong(0, mistake.message))?;
    let lists = [list.to_owned()];
    let globs =
        |columns, view| listed(option, &lists, false, |globs| Condition::Test(columns, ValueTest::Globs(view, globs)));
    match field {
        Field::Column(Column::EventTime) => Err(wrong(0, "times go by --from and --to".to_owned())),
        Field::Column(Column::SourceIpAddress) => addressed(option, &lists),
        Field::Column(column) => globs(column_slice(column), View::AsIs),
        Field::Service => globs(SERVICE, View::Service),
        Field::Api => listed(option, &lists, false, |globs| Condition::Any(globs.into_iter().map(api).collect())),
        derived => Err(wrong(0, format!("`{}` is made of several columns", derived.name()))),
    }
}

/// `Service/EventName`, or an event's name alone.
fn api(glob: Glob) -> Condition {
    let test = |columns, view, glob| Condition::Test(columns, ValueTest::Globs(view, vec![glob]));
    match glob.around_slash() {
        Some((service, event)) => {
            Condition::All(vec![test(SERVICE, View::Service, service), test(EVENT_NAME, View::AsIs, event)])
        }
        None => test(EVENT_NAME, View::AsIs, glob),
    }
}

fn addressed(option: &str, lists: &[String]) -> Result<Vec<Condition>> {
    let understand = |globs: Vec<Glob>| {
        globs.into_iter().map(address).collect::<std::result::Result<Vec<_>, _>>().map_err(|(text, message)| {
            let list = lists.iter().find(|list| list.to_lowercase().contains(&text)).unwrap_or(&text);
            let at = list.to_lowercase().find(&text).unwrap_or_default();
            let expected = "an address, a network such as 203.0.113.0/24, a host name, or Internal";
            Mistake::new(list, at, message, expected).of(option)
        })
    };
    let Patterns { wanted, unwanted } = Patterns::parse(lists, false).map_err(|mistake| mistake.of(option))?;
    let test = |found| Condition::Test(&[Column::SourceIpAddress], ValueTest::Addresses(found));
    Ok(wanted_and_not(understand(wanted)?, understand(unwanted)?, test))
}

fn listed(
    option: &str,
    lists: &[String],
    exact_case: bool,
    build: impl Fn(Vec<Glob>) -> Condition,
) -> Result<Vec<Condition>> {
    let Patterns { wanted, unwanted } = Patterns::parse(lists, exact_case).map_err(|mistake| mistake.of(option))?;
    Ok(wanted_and_not(wanted, unwanted, build))
}

/// What is wanted must be met, what is unwanted must not.
fn wanted_and_not<P>(wanted: Vec<P>, unwanted: Vec<P>, build: impl Fn(Vec<P>) -> Condition) -> Vec<Condition> {
    let some = |patterns: Vec<P>| (!patterns.is_empty()).then(|| build(patterns));
    some(wanted).into_iter().chain(some(unwanted).map(not)).collect()
}

fn exclusive(one: (&str, bool), other: (&str, bool)) -> Result<()> {
    if one.1 && other.1 {
        let message = format!("{} and {} leave nothing between them", one.0, other.0);
        return Err(Error::Query { message, hint: Some(format!("give {} or {}, not both", one.0, other.0)) });
    }
    Ok(())
}

/// An event that changes nothing: the log says so or, where it says neither, the verb of the event's name does.
pub fn reads() -> Condition {
    let told = || Condition::Test(READ_WRITE, ValueTest::Present);
    let by_verb = Condition::Test(&[Column::EventName], ValueTest::ReadingVerb);
    let untold = Condition::All(vec![not(told()), by_verb]);
    Condition::Any(vec![Condition::Test(READ_WRITE, ValueTest::Read), untold])
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn as_is(columns: &'static [Column], globs: Vec<Glob>) -> Condition {
    Condition::Test(columns, ValueTest::Globs(View::AsIs, globs))
}

/// A caller that is no role, by name or by id. Not every cloud names the account's owner.
fn user(globs: Vec<Glob>) -> Condition {
    let mut known_by = vec![as_is(USER_NAME, globs.clone())];
    if globs.iter().any(|glob| glob.matches("root")) {
        known_by.push(Condition::Test(IDENTITY_TYPE, ValueTest::Kind(PrincipalKind::Root)));
    }
    known_by.push(as_is(PRINCIPAL_ID, globs));
    let role = Condition::Test(IDENTITY_TYPE, ValueTest::Kind(PrincipalKind::Role));
    Condition::All(vec![Condition::Any(known_by), not(role)])
}

fn role(globs: Vec<Glob>) -> Condition {
    let seen = |columns, globs| Condition::Test(columns, ValueTest::Globs(View::RolePart, globs));
    let role = Condition::Test(IDENTITY_TYPE, ValueTest::Kind(PrincipalKind::Role));
    Condition::All(vec![role, Condition::Any(vec![seen(USER_NAME, globs.clone()), seen(PRINCIPAL_ID, globs)])])
}

fn error(globs: Vec<Glob>) -> Condition {
    let without_code = globs.iter().any(|glob| glob.matches(NO_CODE));
    let code = as_is(CODE, globs);
    if !without_code {
        return code;
    }
    let message_alone = vec![not(Condition::Test(CODE, ValueTest::Present)), failure_message()];
    Condition::Any(vec![code, Condition::All(message_alone)])
}

fn failed() -> Condition {
    Condition::Any(vec![Condition::Test(CODE, ValueTest::Present), failure_message()])
}

fn failure_message() -> Condition {
    Condition::Test(MESSAGE, ValueTest::FailureMessage)
}

/// A network, an address, or a text; what looks like one of the former and is not comes back with the reason.
fn address(glob: Glob) -> std::result::Result<AddressPattern, (String, String)> {
    let Some(text) = glob.literal().map(str::to_owned) else { return Ok(AddressPattern::Text(glob)) };
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(AddressPattern::Network(IpNet::from(address.to_canonical())));
    }
    if text.contains('/') {
        let network = text.parse::<IpNet>();
        return network.map(AddressPattern::Network).map_err(|_| (text.clone(), format!("`{text}` is no network")));
    }
    let like_address = text.chars().all(|character| character.is_ascii_digit() || character == '.')
        || text.contains(':')
            && text.chars().all(|character| character.is_ascii_hexdigit() || ":.".contains(character));
    if like_address {
        let reason = format!("`{text}` is no address; an address can have `*` in it");
        return Err((text, reason));
    }
    Ok(AddressPattern::Text(glob))
}

/// Services as they are compared: of a cloud's own host the part that names the service, for so are the events' read.
fn without_hosts(list: &str) -> String {
    let service = |name: &str| if name.contains(['*', '\\']) { name } else { service_name(name) }.to_owned();
    list.split(',').map(service).collect::<Vec<String>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(request: &Request) -> String {
        let error = Filter::parse(request, 0).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        format!("{error}\nhint: {}", error.hint().unwrap())
    }

    fn asked(set: impl FnOnce(&mut Request)) -> Request {
        let mut request = Request::default();
        set(&mut request);
        request
    }

    #[test]
    fn nothing_asked_is_everything() {
        assert_eq!(Filter::parse(&Request::default(), 0).unwrap(), Filter::default());
    }

    #[test]
    fn mistakes_name_option_place_and_remedy() {
        for (request, words) in [
            (asked(|r| r.event = vec!["a,,b".into()]), "--event: a value is empty\n  a,,b\n    ^"),
            (
                asked(|r| r.source_ip = vec!["10.0.0.1,10.0.0.0/33".into()]),
                "`10.0.0.0/33` is no network\n  10.0.0.1,10.0.0.0/33\n           ^",
            ),
            (asked(|r| r.source_ip = vec!["10.0.0.256".into()]), "`10.0.0.256` is no address"),
            (asked(|r| r.conditions = vec!["user_agnt=*x".into()]), "did you mean `user_agent`?"),
            (asked(|r| r.conditions = vec!["user_agent".into()]), "there is no `=`"),
            (asked(|r| r.conditions = vec!["event_time=2026".into()]), "--from and --to"),
            (asked(|r| r.either = vec!["region=eu".into(), "hour=7".into()]), "--either: `hour` is made of several"),
            (asked(|r| (r.read, r.write) = (true, true)), "--read and --write"),
        ] {
            let message = message(&request);
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn one_of_several_conditions_is_enough_beside_the_others() {
        let request = asked(|r| {
            r.user = vec!["eve".into()];
            r.either = vec!["source_ip=203.0.113.0/24".into(), "api=Ram/Get*,ListUsers".into()];
        });
        let conditions = Filter::parse(&request, 0).unwrap().conditions;
        let [_, Condition::Any(any)] = &conditions[..] else { panic!("{conditions:?}") };
        let [Condition::All(network), Condition::All(apis)] = &any[..] else { panic!("{any:?}") };
        assert!(matches!(&network[..], [Condition::Test(_, ValueTest::Addresses(_))]), "{network:?}");
        let [Condition::Any(apis)] = &apis[..] else { panic!("{apis:?}") };
        assert!(matches!(&apis[..], [Condition::All(_), Condition::Test(EVENT_NAME, _)]), "{apis:?}");
    }

    #[test]
    fn hosts_and_stars_are_no_malformed_addresses() {
        let request = asked(|r| r.source_ip = vec!["cloudmonitor.aliyuncs.com,Internal,10.1.*,!10.0.0.0/8".into()]);
        assert_eq!(Filter::parse(&request, 0).unwrap().conditions.len(), 2);
    }
}
