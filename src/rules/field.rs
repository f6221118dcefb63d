//! Log sources, and what the names of their fields mean: a column, a path into a column of JSON, or something worked out.
//!
//! Rules are written in the cloud's own names. A name that no event of the log source can have is refused, except below the fields
//! that hold whatever a service likes. Canonical column names are understood beside them.

use serde::Serialize;

use crate::event::Column;
use crate::rules::refusal::instead;

/// Whose events a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogSource {
    /// `product: aws`, `service: cloudtrail`.
    CloudTrail,
    /// `product: alibabacloud`, `service: actiontrail`.
    ActionTrail,
}

impl LogSource {
    /// Every log source.
    pub const ALL: [Self; 2] = [Self::CloudTrail, Self::ActionTrail];

    /// Product and service, as rules name them.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::CloudTrail => ("aws", "cloudtrail"),
            Self::ActionTrail => ("alibabacloud", "actiontrail"),
        }
    }

    /// The word for its cloud in the column `cloud`.
    pub const fn cloud(self) -> &'static str {
        match self {
            Self::CloudTrail => "aws",
            Self::ActionTrail => "alibaba",
        }
    }

    /// What a field of this name is.
    ///
    /// # Errors
    /// What to write instead, when no event of this source has such a field.
    pub fn operand(self, name: &str) -> Result<Operand, String> {
        let name = name.strip_prefix(ENVELOPE).filter(|_| self == Self::ActionTrail).unwrap_or(name);
        if let Some(found) = derived(name).or_else(|| self.column(name)).or_else(|| self.json(name)) {
            return Ok(found);
        }
        Err(instead(name, self.known_names()))
    }

    fn column(self, name: &str) -> Option<Operand> {
        let own = match self {
            Self::CloudTrail => CLOUDTRAIL,
            Self::ActionTrail => ACTIONTRAIL,
        };
        let find = |table: &[(&str, Column)]| table.iter().find(|(known, _)| *known == name).map(|(_, column)| *column);
        let column = find(SHARED).or_else(|| find(own)).or_else(|| Column::named(name));
        match (self, name) {
            (Self::CloudTrail, "readOnly") => Some(Operand::Column(Column::EventRw, View::ReadOnly)),
            (_, "eventTime" | "event_time") => Some(Operand::Time),
            (_, "userIdentity.userName") => {
                Some(Operand::json(Column::UserIdentity, "userName", Some(Column::UserName)))
            }
            (_, MFA) => {
                Some(Operand::json(Column::UserIdentity, &MFA["userIdentity.".len()..], Some(Column::MfaAuthenticated)))
            }
            _ => column.map(|column| Operand::Column(column, View::Text)),
        }
    }

    fn json(self, name: &str) -> Option<Operand> {
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        if let Some((_, column)) = CONTAINERS.iter().find(|(known, _)| *known == first) {
            return (!rest.is_empty()).then(|| Operand::json(*column, rest, None));
        }
        self.others().contains(&first).then(|| Operand::json(Column::OtherFields, name, None))
    }

    /// Top-level fields that no column holds.
    fn others(self) -> &'static [&'static str] {
        match self {
            Self::CloudTrail => CLOUDTRAIL_OTHERS,
            Self::ActionTrail => ACTIONTRAIL_OTHERS,
        }
    }

    fn known_names(self) -> impl Iterator<Item = &'static str> {
        let own = if self == Self::CloudTrail { CLOUDTRAIL } else { ACTIONTRAIL };
        let columns = SHARED.iter().chain(own).map(|(name, _)| *name);
        let containers = CONTAINERS.iter().map(|(name, _)| *name);
        columns.chain(containers).chain(self.others().iter().copied()).chain(["eventTime", "readOnly"]).chain(DERIVED)
    }
}

/// What log stores put before every field.
const ENVELOPE: &str = "event.";
const MFA: &str = "userIdentity.sessionContext.attributes.mfaAuthenticated";

const SHARED: &[(&str, Column)] = &[
    ("eventName", Column::EventName),
    ("eventSource", Column::EventSource),
    ("eventType", Column::EventType),
    ("eventCategory", Column::EventCategory),
    ("apiVersion", Column::ApiVersion),
    ("userAgent", Column::UserAgent),
    ("recipientAccountId", Column::RecipientAccountId),
    ("errorCode", Column::ErrorCode),
    ("errorMessage", Column::ErrorMessage),
    ("userIdentity.type", Column::UserIdentityType),
    ("userIdentity.accountId", Column::AccountId),
    ("userIdentity.principalId", Column::PrincipalId),
    ("userIdentity.accessKeyId", Column::AccessKeyId),
    ("requestParameters", Column::RequestParameters),
    ("responseElements", Column::ResponseElements),
    ("additionalEventData", Column::AdditionalEventData),
    ("userIdentity", Column::UserIdentity),
];

const CLOUDTRAIL: &[(&str, Column)] = &[
    ("eventID", Column::EventId),
    ("requestID", Column::RequestId),
    ("awsRegion", Column::Region),
    ("sourceIPAddress", Column::SourceIpAddress),
    ("vpcEndpointId", Column::VpcId),
];

const ACTIONTRAIL: &[(&str, Column)] = &[
    ("eventId", Column::EventId),
    ("requestId", Column::RequestId),
    ("serviceName", Column::ServiceName),
    ("eventRW", Column::EventRw),
    ("acsRegion", Column::Region),
    ("sourceIpAddress", Column::SourceIpAddress),
    ("resourceType", Column::ResourceType),
    ("resourceName", Column::ResourceName),
    ("vpcId", Column::VpcId),
    ("isGlobal", Column::IsGlobal),
    ("requestParameterJson", Column::RequestParameters),
];

/// Fields that hold what a service likes; any path into them is allowed.
const CONTAINERS: &[(&str, Column)] = &[
    ("requestParameters", Column::RequestParameters),
    ("requestParameterJson", Column::RequestParameters),
    ("responseElements", Column::ResponseElements),
    ("additionalEventData", Column::AdditionalEventData),
    ("userIdentity", Column::UserIdentity),
];

const CLOUDTRAIL_OTHERS: &[&str] = &[
    "eventVersion",
    "managementEvent",
    "resources",
    "serviceEventDetails",
    "sharedEventID",
    "vpcEndpointAccountId",
    "tlsDetails",
    "sessionCredentialFromConsole",
    "edgeDeviceDetails",
    "addendum",
    "annotation",
    "insightDetails",
    "eventContext",
    // No event has it at the top, but a public rule asks for it.
    "status",
];

const ACTIONTRAIL_OTHERS: &[&str] = &["eventVersion", "referencedResources", "eventAttributes", "insightDetails"];

/// What a rule looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A column.
    Column(Column, View),
    /// A path into a column of JSON, and the column that stands in where that one is empty.
    Json {
        /// The column of JSON.
        column: Column,
        /// The field names, joined by dots.
        path: String,
        /// The column that stands in.
        fallback: Option<Column>,
    },
    /// The event's time, as RFC 3339 in UTC.
    Time,
    /// Something worked out from the event.
    Derived(Derived),
    /// Any text of the event, for keywords.
    Anything,
}

/// How a column is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// As it is.
    Text,
    /// `true` for `Read`, else `false`.
    ReadOnly,
    /// `true` for the identity types of an account's owner, else `false`.
    Root,
}

/// What only this product can tell of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Derived {
    /// Whether the call failed.
    Failed,
    /// Whether it was outside working hours.
    OutsideHours,
    /// Who called: kind and id.
    Principal,
    /// The network of the source address.
    Network,
}

const DERIVED: [&str; 5] =
    ["insights.outside_hours", "insights.principal", "insights.network", "insights.failed", "insights.root"];

fn derived(name: &str) -> Option<Operand> {
    Some(match name {
        "insights.outside_hours" => Operand::Derived(Derived::OutsideHours),
        "insights.principal" => Operand::Derived(Derived::Principal),
        "insights.network" => Operand::Derived(Derived::Network),
        "insights.failed" => Operand::Derived(Derived::Failed),
        "insights.root" => Operand::Column(Column::UserIdentityType, View::Root),
        _ => return None,
    })
}

impl Operand {
    fn json(column: Column, path: &str, fallback: Option<Column>) -> Self {
        Self::Json { column, path: path.to_owned(), fallback }
    }

    /// The columns that it needs; the time is always there.
    pub fn columns(&self) -> Vec<Column> {
        match self {
            Self::Column(column, _) => vec![*column],
            Self::Json { column, fallback, .. } => std::iter::once(*column).chain(*fallback).collect(),
            Self::Time | Self::Derived(Derived::OutsideHours) => Vec::new(),
            Self::Derived(Derived::Failed) => vec![Column::ErrorCode, Column::ErrorMessage],
            Self::Derived(Derived::Network) => vec![Column::SourceIpAddress],
            Self::Derived(Derived::Principal) => vec![
                Column::UserIdentityType,
                Column::PrincipalId,
                Column::UserName,
                Column::AccountId,
                Column::RecipientAccountId,
            ],
            Self::Anything => Column::ALL.into_iter().filter(|column| *column != Column::EventTime).collect(),
        }
    }
}

impl std::fmt::Display for Operand {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Column(column, View::Text) => formatter.write_str(column.name()),
            Self::Column(column, View::ReadOnly) => write!(formatter, "read_only({})", column.name()),
            Self::Column(column, View::Root) => write!(formatter, "root({})", column.name()),
            Self::Json { column, path, fallback: None } => write!(formatter, "{}->{path}", column.name()),
            Self::Json { column, path, fallback: Some(other) } => {
                write!(formatter, "{}->{path} or {}", column.name(), other.name())
            }
            Self::Time => formatter.write_str(Column::EventTime.name()),
            Self::Derived(Derived::Failed) => formatter.write_str("insights.failed"),
            Self::Derived(Derived::OutsideHours) => formatter.write_str("insights.outside_hours"),
            Self::Derived(Derived::Principal) => formatter.write_str("insights.principal"),
            Self::Derived(Derived::Network) => formatter.write_str("insights.network"),
            Self::Anything => formatter.write_str("any text"),
        }
    }
}

/// Whether a column's text may be a JSON object or array, to be looked into.
pub fn holds_json(column: Column) -> bool {
    matches!(
        column,
        Column::RequestParameters
            | Column::ResponseElements
            | Column::AdditionalEventData
            | Column::UserIdentity
            | Column::OtherFields
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_has_its_own_spellings() {
        let text = |column| Ok(Operand::Column(column, View::Text));
        assert_eq!(LogSource::CloudTrail.operand("sourceIPAddress"), text(Column::SourceIpAddress));
        assert_eq!(LogSource::CloudTrail.operand("sourceIpAddress"), Err("did you mean `sourceIPAddress`?".to_owned()));
        assert_eq!(LogSource::ActionTrail.operand("sourceIpAddress"), text(Column::SourceIpAddress));
        assert_eq!(LogSource::ActionTrail.operand("event.userIdentity.type"), text(Column::UserIdentityType));
        assert_eq!(LogSource::CloudTrail.operand("event_name"), text(Column::EventName));
        assert_eq!(LogSource::ActionTrail.operand("insights.fail"), Err("did you mean `insights.failed`?".to_owned()));
    }

    #[test]
    fn paths_into_json_are_free() {
        let found = LogSource::ActionTrail.operand("requestParameterJson.SecurityIps").unwrap();
        assert_eq!(found.to_string(), "request_parameters->SecurityIps");
        let found = LogSource::CloudTrail.operand("userIdentity.sessionContext.sessionIssuer.type").unwrap();
        assert_eq!(found.to_string(), "user_identity->sessionContext.sessionIssuer.type");
        let found = LogSource::CloudTrail.operand("tlsDetails.tlsVersion").unwrap();
        assert_eq!(found.to_string(), "other_fields->tlsDetails.tlsVersion");
        assert_eq!(LogSource::CloudTrail.operand("userIdentity.userName").unwrap().columns().len(), 2);
    }
}
