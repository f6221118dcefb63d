//! Who made a call: one principal per user or role, whatever the session.
//!
//! A role is a person's mask; its sessions come and go, so the session's name is cut off and the role keeps the history.
//! Temporary keys belong to their principal; only permanent `AccessKeys` have a history of their own.

use crate::event::meaningful;

/// What kind of thing a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// The account's owner.
    Root,
    /// A RAM or IAM user.
    User,
    /// A role, through any of its sessions.
    Role,
    /// A cloud service acting by itself.
    Service,
    /// Someone signed in through another identity provider.
    Federated,
    /// Another account.
    Account,
    /// A kind this version has no word for.
    Unknown,
}

impl PrincipalKind {
    /// The word by which files and people know the kind.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::User => "user",
            Self::Role => "role",
            Self::Service => "service",
            Self::Federated => "federated",
            Self::Account => "account",
            Self::Unknown => "unknown",
        }
    }

    /// Understands the identity types of both clouds, in any case.
    pub fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "root-account" | "root" => Self::Root,
            "ram-user" | "iamuser" => Self::User,
            "assumed-role" | "assumedrole" | "role" => Self::Role,
            "system" | "awsservice" | "service" => Self::Service,
            "cloudsso-user" | "saml-user" | "oidc-user" | "federateduser" | "samluser" | "webidentityuser"
            | "identitycenteruser" | "directory" => Self::Federated,
            "alibaba-cloud-account" | "awsaccount" | "account" => Self::Account,
            _ => Self::Unknown,
        }
    }
}

/// The one who made a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// What kind of thing it is.
    pub kind: PrincipalKind,
    /// Its lasting identifier within the account.
    pub id: String,
}

impl Principal {
    /// Finds the principal from the identity fields of an event, each as written; `None` when none of them says who it was.
    ///
    /// The identifier is the account for its owner, the role's own for a session, the principal's otherwise; where the cloud
    /// gave none, the name stands in.
    pub fn from_fields(
        identity_type: Option<&str>,
        principal_id: Option<&str>,
        user_name: Option<&str>,
        account: Option<&str>,
    ) -> Option<Self> {
        let [identity_type, principal_id, user_name, account] =
            [identity_type, principal_id, user_name, account].map(|field| field.and_then(meaningful));
        let kind = identity_type.map_or(PrincipalKind::Unknown, PrincipalKind::parse);
        let id = match kind {
            PrincipalKind::Root => account.or(principal_id).or(user_name),
            PrincipalKind::Role => principal_id.or(user_name).map(without_session),
            _ => principal_id.or(user_name),
        };
        id.map(|id| Self { kind, id: id.to_owned() })
    }
}

/// `RoleId:SessionName` without the session.
pub fn without_session(id: &str) -> &str {
    id.split_once(':').map_or(id, |(role, _)| role)
}

/// The key, if it is a permanent one (`LTAI…`, `AKIA…`); temporary and absent keys have no history of their own.
pub fn permanent_access_key(text: &str) -> Option<&str> {
    meaningful(text).filter(|key| key.starts_with("LTAI") || key.starts_with("AKIA"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: &str, id: Option<&str>, name: Option<&str>) -> Option<(PrincipalKind, String)> {
        Principal::from_fields(Some(kind), id, name, Some("1599")).map(|principal| (principal.kind, principal.id))
    }

    #[test]
    fn sessions_of_a_role_are_one_principal() {
        let first = found("assumed-role", Some("343:alice"), None);
        assert_eq!(first, found("AssumedRole", Some("343:bob"), Some("ram-admin:bob")));
        assert_eq!(first, Some((PrincipalKind::Role, "343".into())));
        assert_eq!(found("assumed-role", None, Some("ram-admin:bob")), Some((PrincipalKind::Role, "ram-admin".into())));
    }

    #[test]
    fn root_is_its_account() {
        assert_eq!(found("root-account", Some("1599"), Some("root")), Some((PrincipalKind::Root, "1599".into())));
        assert_eq!(found("Root", None, None), Some((PrincipalKind::Root, "1599".into())));
    }

    #[test]
    fn services_go_by_name_and_nobody_is_nobody() {
        assert_eq!(
            found("AWSService", None, Some("ec2.amazonaws.com")),
            Some((PrincipalKind::Service, "ec2.amazonaws.com".into()))
        );
        assert_eq!(found("ram-user", Some("NULL"), Some("")), None);
        assert_eq!(Principal::from_fields(None, None, None, None), None);
    }

    #[test]
    fn only_permanent_keys_have_a_history() {
        for key in ["LTAI5tEXAMPLE", "AKIAEXAMPLE"] {
            assert_eq!(permanent_access_key(key), Some(key));
        }
        for other in ["STS.NUexample", "ASIAEXAMPLE", "", "NULL"] {
            assert_eq!(permanent_access_key(other), None);
        }
    }
}
