//! How each cloud and format names the fields of an event, as columns of a Parquet file.
//!
//! A path is written with dots whether the file nests structs or flattens names, and compared without case, for some catalogues
//! fold names to lower case. Where several spellings stand side by side, they are asked in the order given here.

use crate::event::Column;

/// A prefix that log stores put before every field of the event.
pub const ENVELOPE: &str = "event.";

/// Where a call came from: an address, or what stands in its place.
const SOURCES: &[&str] = &[
    "source_ip_address",
    "sourceipaddress",
    "src_endpoint.ip",
    "src_endpoint.domain",
    "src_endpoint.svc_name",
    "src_endpoint.hostname",
];

/// The lower-case column paths that can hold `column`, best first: canonical, ActionTrail, CloudTrail, OCSF API Activity.
pub fn spellings(column: Column) -> &'static [&'static str] {
    match column {
        Column::EventId => &["event_id", "eventid", "metadata.uid"],
        Column::EventTime => &["event_time", "eventtime", "time_dt", "time"],
        Column::EventName => &["event_name", "eventname", "api.operation"],
        Column::ServiceName => &["service_name", "servicename", "api.service.name"],
        Column::EventSource => &["event_source", "eventsource"],
        Column::EventType => &["event_type", "eventtype", "metadata.event_code"],
        Column::EventCategory => &["event_category", "eventcategory"],
        Column::EventRw => &["event_rw", "eventrw"],
        Column::ApiVersion => &["api_version", "apiversion", "api.version"],
        Column::Region => &["region", "acsregion", "awsregion", "cloud.region"],
        Column::SourceIpAddress => SOURCES,
        Column::UserAgent => &["user_agent", "useragent", "http_request.user_agent"],
        Column::RequestId => &["request_id", "requestid", "api.request.uid"],
        Column::AccountId => {
            &["account_id", "useridentity.accountid", "actor.user.account.uid", "actor.user.account_uid"]
        }
        Column::RecipientAccountId => {
            &["recipient_account_id", "recipientaccountid", "cloud.account.uid", "cloud.account_uid"]
        }
        Column::UserIdentityType => &["user_identity_type", "useridentity.type", "actor.user.type"],
        Column::PrincipalId => {
            &["principal_id", "useridentity.principalid", "useridentity.onbehalfof.userid", "actor.user.uid"]
        }
        Column::UserName => &[
            "user_name",
            "useridentity.username",
            "useridentity.sessioncontext.sessionissuer.username",
            "useridentity.invokedby",
            "actor.user.name",
            "actor.invoked_by",
        ],
        Column::AccessKeyId => &["access_key_id", "useridentity.accesskeyid", "actor.user.credential_uid"],
        Column::MfaAuthenticated => &[
            "mfa_authenticated",
            "useridentity.sessioncontext.attributes.mfaauthenticated",
            "useridentity.sessioncontext.sessionattributes.mfaauthenticated",
            "actor.session.is_mfa",
        ],
        Column::ErrorCode => &["error_code", "errorcode", "api.response.error"],
        Column::ErrorMessage => &["error_message", "errormessage", "api.response.message"],
        Column::ResourceType => &["resource_type", "resourcetype"],
        Column::ResourceName => &["resource_name", "resourcename"],
        Column::VpcId => &["vpc_id", "vpcid", "vpcendpointid"],
        Column::IsGlobal => &["is_global", "isglobal"],
        Column::RequestParameters => {
            &["request_parameters", "requestparameterjson", "requestparameters", "api.request.data"]
        }
        Column::ResponseElements => &["response_elements", "responseelements", "api.response.data"],
        Column::AdditionalEventData => &["additional_event_data", "additionaleventdata"],
        Column::UserIdentity => &["user_identity", "useridentity"],
        Column::OtherFields => &["other_fields"],
        Column::Cloud => &["cloud"],
    }
}

/// The lower-case paths below which fields may stand that make up `column` together, as structs, maps or flattened names.
pub fn objects(column: Column) -> &'static [&'static str] {
    match column {
        Column::RequestParameters => &["request_parameters", "requestparameters", "api.request.data"],
        Column::ResponseElements => &["response_elements", "responseelements", "api.response.data"],
        Column::AdditionalEventData => &["additional_event_data", "additionaleventdata"],
        Column::UserIdentity => &["user_identity", "useridentity"],
        _ => &[],
    }
}

/// The names of fields below the top, and of those at the top that no column holds, which rules may ask for.
const NAMES: [&str; 35] = [
    "principalId",
    "accountId",
    "accessKeyId",
    "userName",
    "invokedBy",
    "sessionContext",
    "sessionIssuer",
    "sessionAttributes",
    "mfaAuthenticated",
    "creationDate",
    "webIdFederationData",
    "federatedProvider",
    "sourceIdentity",
    "ec2RoleDelivery",
    "assumedRoot",
    "identityProvider",
    "credentialId",
    "onBehalfOf",
    "userId",
    "identityStoreArn",
    "inScopeOf",
    "eventVersion",
    "managementEvent",
    "serviceEventDetails",
    "sharedEventID",
    "vpcEndpointAccountId",
    "tlsDetails",
    "tlsVersion",
    "cipherSuite",
    "clientProvidedHostHeader",
    "sessionCredentialFromConsole",
    "edgeDeviceDetails",
    "insightDetails",
    "eventContext",
    "referencedResources",
];

/// A name as the clouds spell it, for some catalogues fold names to lower case; one that is not known, or not folded, stays as it is.
pub fn spelled(name: &str) -> &str {
    if name.contains(char::is_uppercase) {
        return name;
    }
    NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or(name)
}
