//! The canonical columns of an event partition: names, order and types.
//!
//! This is the contract between whoever writes partitions and everything that reads them. Text is plain `Utf8`; Parquet's own
//! dictionary encoding makes it compact, and every engine can read it.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// One column of the canonical schema; the discriminant is its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
#[repr(usize)]
pub enum Column {
    EventId,
    EventTime,
    EventName,
    ServiceName,
    EventSource,
    EventType,
    EventCategory,
    EventRw,
    ApiVersion,
    Region,
    SourceIpAddress,
    UserAgent,
    RequestId,
    AccountId,
    RecipientAccountId,
    UserIdentityType,
    PrincipalId,
    UserName,
    AccessKeyId,
    MfaAuthenticated,
    ErrorCode,
    ErrorMessage,
    ResourceType,
    ResourceName,
    VpcId,
    IsGlobal,
    RequestParameters,
    ResponseElements,
    AdditionalEventData,
    UserIdentity,
    OtherFields,
    Cloud,
}

impl Column {
    /// Every column, in the order in which partitions hold them.
    pub const ALL: [Self; 32] = [
        Self::EventId,
        Self::EventTime,
        Self::EventName,
        Self::ServiceName,
        Self::EventSource,
        Self::EventType,
        Self::EventCategory,
        Self::EventRw,
        Self::ApiVersion,
        Self::Region,
        Self::SourceIpAddress,
        Self::UserAgent,
        Self::RequestId,
        Self::AccountId,
        Self::RecipientAccountId,
        Self::UserIdentityType,
        Self::PrincipalId,
        Self::UserName,
        Self::AccessKeyId,
        Self::MfaAuthenticated,
        Self::ErrorCode,
        Self::ErrorMessage,
        Self::ResourceType,
        Self::ResourceName,
        Self::VpcId,
        Self::IsGlobal,
        Self::RequestParameters,
        Self::ResponseElements,
        Self::AdditionalEventData,
        Self::UserIdentity,
        Self::OtherFields,
        Self::Cloud,
    ];

    /// The column's name in a canonical partition.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventId => "event_id",
            Self::EventTime => "event_time",
            Self::EventName => "event_name",
            Self::ServiceName => "service_name",
            Self::EventSource => "event_source",
            Self::EventType => "event_type",
            Self::EventCategory => "event_category",
            Self::EventRw => "event_rw",
            Self::ApiVersion => "api_version",
            Self::Region => "region",
            Self::SourceIpAddress => "source_ip_address",
            Self::UserAgent => "user_agent",
            Self::RequestId => "request_id",
            Self::AccountId => "account_id",
            Self::RecipientAccountId => "recipient_account_id",
            Self::UserIdentityType => "user_identity_type",
            Self::PrincipalId => "principal_id",
            Self::UserName => "user_name",
            Self::AccessKeyId => "access_key_id",
            Self::MfaAuthenticated => "mfa_authenticated",
            Self::ErrorCode => "error_code",
            Self::ErrorMessage => "error_message",
            Self::ResourceType => "resource_type",
            Self::ResourceName => "resource_name",
            Self::VpcId => "vpc_id",
            Self::IsGlobal => "is_global",
            Self::RequestParameters => "request_parameters",
            Self::ResponseElements => "response_elements",
            Self::AdditionalEventData => "additional_event_data",
            Self::UserIdentity => "user_identity",
            Self::OtherFields => "other_fields",
            Self::Cloud => "cloud",
        }
    }

    /// The column's type in a canonical partition.
    pub fn data_type(self) -> DataType {
        match self {
            Self::EventTime => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            Self::MfaAuthenticated | Self::IsGlobal => DataType::Boolean,
            _ => DataType::Utf8,
        }
    }

    /// The column of that canonical name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }
}

/// The schema of a canonical partition: every [`Column`], in order, all but the time nullable.
pub fn canonical() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let field = |column: Column| Field::new(column.name(), column.data_type(), column != Column::EventTime);
        Arc::new(Schema::new(Column::ALL.map(field).to_vec()))
    });
    SCHEMA.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_name_and_schema_agree() {
        for (position, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column as usize, position);
            assert_eq!(Column::named(column.name()), Some(column));
            assert_eq!(canonical().field(position).name(), column.name());
        }
    }
}
