//! What can be shown of an event or counted by: its columns, and a few things made of several of them.

use std::borrow::Cow;

use crate::error::did_you_mean;
use crate::event::{
    Column, Principal, PrincipalKind, SourceAddress, failure_code, network, service_name, without_session,
};
use crate::partition::NO_TIME;
use crate::query::Mistake;
use crate::query::moment::rfc3339;
use crate::time::{DAY_MS, HOUR_MS};

static COLUMNS: [Column; Column::ALL.len()] = Column::ALL;

/// A column as a list of alternatives with nothing else in it.
pub(super) fn column_slice(column: Column) -> &'static [Column] {
    std::slice::from_ref(&COLUMNS[column as usize])
}

/// Something that an event shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// A column as it stands.
    Column(Column),
    /// The service, a host name cut to the service's part.
    Service,
    /// Service and event name: `Ecs/DeleteInstance`.
    Api,
    /// Who called, whatever the session: `user alice`, `role ram-admin`.
    Principal,
    /// The account that received the event, else the caller's.
    Account,
    /// The network of the source address.
    Network,
    /// The error code of a failed call.
    Error,
    /// The UTC day.
    Day,
    /// The UTC hour.
    Hour,
}

/// Names that people use beside those of columns.
const ALIASES: [(&str, Field); 24] = [
    ("time", Field::Column(Column::EventTime)),
    ("id", Field::Column(Column::EventId)),
    ("event", Field::Column(Column::EventName)),
    ("service", Field::Service),
    ("api", Field::Api),
    ("principal", Field::Principal),
    ("who", Field::Principal),
    ("user", Field::Column(Column::UserName)),
    ("role", Field::Principal),
    ("account", Field::Account),
    ("access_key", Field::Column(Column::AccessKeyId)),
    ("key", Field::Column(Column::AccessKeyId)),
    ("source_ip", Field::Column(Column::SourceIpAddress)),
    ("ip", Field::Column(Column::SourceIpAddress)),
    ("network", Field::Network),
    ("error", Field::Error),
    ("mfa", Field::Column(Column::MfaAuthenticated)),
    ("rw", Field::Column(Column::EventRw)),
    ("resource", Field::Column(Column::ResourceName)),
    ("parameters", Field::Column(Column::RequestParameters)),
    ("response", Field::Column(Column::ResponseElements)),
    ("identity", Field::Column(Column::UserIdentity)),
    ("day", Field::Day),
    ("hour", Field::Hour),
];

impl Field {
    /// What a table shows when nothing is asked for.
    pub const TABLE: [Self; 7] = [
        Self::Column(Column::EventTime),
        Self::Api,
        Self::Principal,
        Self::Column(Column::SourceIpAddress),
        Self::Column(Column::Region),
        Self::Error,
        Self::Column(Column::ResourceName),
    ];

    /// Every column.
    pub fn columns() -> Vec<Self> {
        Column::ALL.map(Self::Column).to_vec()
    }

    /// The field of that name: a column's, or a shorter one; case and `-` for `_` do not matter.
    pub fn named(name: &str) -> Result<Self, Mistake> {
        let folded = name.to_lowercase().replace('-', "_");
        let alias = ALIASES.iter().find(|(alias, _)| *alias == folded).map(|(_, field)| *field);
        alias.or_else(|| Column::named(&folded).map(Self::Column)).ok_or_else(|| {
            let known = || Column::ALL.iter().map(|column| column.name()).chain(ALIASES.iter().map(|(name, _)| *name));
            let message = format!("there is no field `{name}`{}", did_you_mean(&folded, known()));
            Mistake::new(name, 0, message, "a column of the events, or api, principal, network, error, day, hour")
        })
    }

    /// Understands lists of names.
    pub fn parse_list(lists: &[String]) -> Result<Vec<Self>, Mistake> {
        let mut fields = Vec::new();
        for list in lists {
            let mut place = 0;
            for name in list.split(',') {
                let at = place + (name.len() - name.trim_start().len());
                let field = Self::named(name.trim())
                    .map_err(|mistake| Mistake::new(list, at, mistake.message, mistake.expected))?;
                if fields.contains(&field) {
                    return Err(Mistake::new(
                        list,
                        at,
                        format!("`{}` is named twice", field.name()),
                        "each field once",
                    ));
                }
                fields.push(field);
                place += name.len() + 1;
            }
        }
        Ok(fields)
    }

    /// The name in headings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Column(column) => column.name(),
            Self::Service => "service",
            Self::Api => "api",
            Self::Principal => "principal",
            Self::Account => "account",
            Self::Network => "network",
            Self::Error => "error",
            Self::Day => "day",
            Self::Hour => "hour",
        }
    }

    /// The columns it is made of, each with what may stand in for it.
    pub fn inputs(self) -> &'static [&'static [Column]] {
        static ALONE: std::sync::LazyLock<Vec<&'static [Column]>> =
            std::sync::LazyLock::new(|| Column::ALL.into_iter().map(column_slice).collect());
        const SERVICE: &[Column] = &[Column::ServiceName, Column::EventSource];
        match self {
            Self::Column(Column::EventTime) | Self::Day | Self::Hour => &[],
            Self::Column(column) => std::slice::from_ref(&ALONE[column as usize]),
            Self::Service => &[SERVICE],
            Self::Api => &[SERVICE, &[Column::EventName]],
            Self::Principal => &[
                &[Column::UserIdentityType],
                &[Column::PrincipalId],
                &[Column::UserName],
                &[Column::AccountId, Column::RecipientAccountId],
            ],
            Self::Account => &[&[Column::RecipientAccountId, Column::AccountId]],
            Self::Network => &[&[Column::SourceIpAddress]],
            Self::Error => &[&[Column::ErrorCode], &[Column::ErrorMessage]],
        }
    }

    /// Whether the event's time is needed.
    pub fn needs_time(self) -> bool {
        matches!(self, Self::Column(Column::EventTime) | Self::Day | Self::Hour)
    }

    /// As much of a time as the field shows.
    pub fn cut_time(self, time: i64) -> i64 {
        match self {
            Self::Day if time != NO_TIME => time - time.rem_euclid(DAY_MS),
            Self::Hour if time != NO_TIME => time - time.rem_euclid(HOUR_MS),
            _ => time,
        }
    }

    /// The text, made of the texts of [`Field::inputs`] and the time.
    pub fn text<'a>(self, inputs: &[Option<&'a str>], time: i64) -> Option<Cow<'a, str>> {
        match self {
            Self::Column(Column::EventTime) => (time != NO_TIME).then(|| rfc3339(time).into()),
            Self::Day => {
                (time != NO_TIME).then(|| rfc3339(self.cut_time(time)).chars().take(10).collect::<String>().into())
            }
            Self::Hour => (time != NO_TIME).then(|| rfc3339(self.cut_time(time)).into()),
            Self::Column(_) | Self::Account => inputs[0].map(Cow::Borrowed),
            Self::Service => inputs[0].map(|service| service_name(service).into()),
            Self::Api => match (inputs[0], inputs[1]) {
                (Some(service), Some(event)) => Some(format!("{}/{event}", service_name(service)).into()),
                (service, event) => service.or(event).map(Cow::Borrowed),
            },
            Self::Principal => principal(inputs).map(Cow::Owned),
            Self::Network => inputs[0].map(|source| match SourceAddress::parse(source).and_then(|found| found.ip()) {
                Some(address) => network(address).into(),
                None => source.into(),
            }),
            Self::Error => failure_code(inputs[0], inputs[1]).map(Cow::Borrowed),
        }
    }
}

/// Names are what people know; where an event tells none, the id stands.
fn principal(inputs: &[Option<&str>]) -> Option<String> {
    let found = Principal::from_fields(inputs[0], inputs[1], inputs[2], inputs[3])?;
    let name = match (found.kind, inputs[2]) {
        (PrincipalKind::Root, _) | (_, None) => found.id.as_str(),
        (PrincipalKind::Role, Some(name)) => without_session(name),
        (_, Some(name)) => name,
    };
    Some(if found.kind == PrincipalKind::Unknown { name.to_owned() } else { format!("{} {name}", found.kind.name()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_forgiving_and_mistakes_are_not_silent() {
        assert_eq!(Field::named("Access-Key").unwrap(), Field::Column(Column::AccessKeyId));
        assert_eq!(Field::named("error_message").unwrap(), Field::Column(Column::ErrorMessage));
        let mistake = Field::parse_list(&["user, reigon".into()]).unwrap_err();
        assert_eq!((mistake.at, mistake.message.as_str()), (6, "there is no field `reigon`; did you mean `region`?"));
        assert!(Field::named("").is_err());
        let twice = Field::parse_list(&["time,region".into(), "event_time".into()]).unwrap_err();
        assert_eq!(twice.message, "`event_time` is named twice");
    }

    #[test]
    fn things_made_of_several_columns() {
        let time = 1_769_680_861_500;
        let text = |field: Field, inputs: &[Option<&str>]| field.text(inputs, time).map(Cow::into_owned).unwrap();
        assert_eq!(text(Field::Api, &[Some("iam.amazonaws.com"), Some("CreateUser")]), "iam/CreateUser");
        assert_eq!(text(Field::Principal, &[Some("assumed-role"), Some("34:s"), Some("admin:s"), None]), "role admin");
        assert_eq!(text(Field::Principal, &[Some("root-account"), Some("1"), Some("root"), Some("1")]), "root 1");
        assert_eq!(text(Field::Network, &[Some("203.0.113.9")]), "203.0.113.0/24");
        assert_eq!(text(Field::Network, &[Some("Internal")]), "Internal");
        assert_eq!(text(Field::Error, &[None, Some("Incorrect password.")]), "(no code)");
        assert_eq!(text(Field::Hour, &[]), "2026-01-29T10:00:00Z");
        assert_eq!(text(Field::Day, &[]), "2026-01-29");
        assert_eq!(Field::Day.text(&[], NO_TIME), None);
    }

    #[test]
    fn every_field_is_found_by_its_own_name() {
        for field in ALIASES.iter().map(|(_, field)| *field).chain(Field::columns()) {
            assert_eq!(Field::named(field.name()).unwrap(), field);
        }
    }
}
