//! The identity of an event as one JSON text: its usual fields, which canonical partitions hold in columns of their own.

use serde_json::Value;

use crate::event::{Column, meaningful, truth};

/// What an identity tells, by the columns that hold it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdentityText {
    /// The kind of identity.
    pub kind: Option<String>,
    /// Its account.
    pub account: Option<String>,
    /// Its lasting identifier.
    pub principal: Option<String>,
    /// Its name, that of the role behind it, or of the service that called for it.
    pub name: Option<String>,
    /// Its key.
    pub key: Option<String>,
    /// Its ARN, where the cloud has such names.
    pub arn: Option<String>,
    /// Whether the session used a second factor, in the identity's own word.
    pub mfa: Option<String>,
}

impl IdentityText {
    /// Reads an identity in the form of either cloud; nothing of a text that is no JSON object.
    pub fn parse(text: &str) -> Self {
        let Ok(value @ Value::Object(_)) = serde_json::from_str::<Value>(text) else { return Self::default() };
        let field = |pointer: &str| value.pointer(pointer).and_then(said);
        let first = |pointers: &[&str]| pointers.iter().find_map(|pointer| field(pointer));
        Self {
            kind: field("/type"),
            account: field("/accountId"),
            principal: first(&["/principalId", "/onBehalfOf/userId"]),
            name: first(&["/userName", "/sessionContext/sessionIssuer/userName", "/invokedBy"]),
            key: field("/accessKeyId"),
            arn: field("/arn"),
            mfa: first(&[
                "/sessionContext/attributes/mfaAuthenticated",
                "/sessionContext/sessionAttributes/mfaAuthenticated",
            ]),
        }
    }

    /// Its identifier without a session, and its ARN without one: a role is behind many sessions.
    pub fn id_and_arn(self) -> Option<(String, String)> {
        let id = self.principal?.split(':').next().unwrap_or_default().to_owned();
        let arn = self.arn.filter(|arn| arn.starts_with("arn:"))?;
        let is_session = arn.split(':').nth(5).is_some_and(|resource| resource.starts_with("assumed-role/"));
        let role = arn.rsplit_once('/').filter(|_| is_session && arn.matches('/').count() > 1);
        Some((id, role.map_or(arn.clone(), |(role, _)| role.to_owned())))
    }

    /// What it tells for a column; `None` of columns of which an identity knows nothing.
    pub fn of(self, column: Column) -> Option<String> {
        match column {
            Column::UserIdentityType => self.kind,
            Column::AccountId => self.account,
            Column::PrincipalId => self.principal,
            Column::UserName => self.name,
            Column::AccessKeyId => self.key,
            Column::MfaAuthenticated => self.mfa.as_deref().and_then(truth).map(|truth| truth.to_string()),
            _ => None,
        }
    }
}

/// The columns that an identity tells something for.
pub const OF_IDENTITY: [Column; 6] = [
    Column::UserIdentityType,
    Column::AccountId,
    Column::PrincipalId,
    Column::UserName,
    Column::AccessKeyId,
    Column::MfaAuthenticated,
];

fn said(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => meaningful(text).map(str::to_owned),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_one_arn_whatever_its_sessions() {
        let of = |id: &str, arn: &str| {
            let text = serde_json::json!({ "principalId": id, "arn": arn }).to_string();
            IdentityText::parse(&text).id_and_arn()
        };
        let told = |id: &str, arn: &str| Some((id.to_owned(), arn.to_owned()));
        let user = "arn:aws:iam::123456789012:user/team/ann";
        assert_eq!(of("AIDA1", user), told("AIDA1", user));
        let role = "arn:aws:sts::123456789012:assumed-role/deploy";
        assert_eq!(of("AROA1:build-7", &format!("{role}/build-7")), told("AROA1", role));
        assert_eq!(of("AIDA1", ""), None);
    }

    #[test]
    fn identities_of_both_clouds_tell_who_it_was() {
        let user = IdentityText::parse(r#"{"type":"ram-user","accountId":1599,"principalId":"u1","userName":"alice"}"#);
        let told = OF_IDENTITY.map(|column| user.clone().of(column));
        assert_eq!(
            told,
            [Some("ram-user"), Some("1599"), Some("u1"), Some("alice"), None, None].map(|text| text.map(str::to_owned))
        );
        let role = IdentityText::parse(
            r#"{"type":"AssumedRole","sessionContext":{"sessionIssuer":{"userName":"admin"},"attributes":{"mfaAuthenticated":"true"}}}"#,
        );
        assert_eq!(
            (role.name.as_deref(), role.clone().of(Column::MfaAuthenticated).as_deref()),
            (Some("admin"), Some("true"))
        );
        let person = r#"{"type":"IdentityCenterUser","onBehalfOf":{"userId":"9067","identityStoreArn":"a"}}"#;
        assert_eq!(IdentityText::parse(person).principal.as_deref(), Some("9067"));
        for nothing in ["", "null", "[1]", "alice", "{\"type\":"] {
            assert_eq!(IdentityText::parse(nothing), IdentityText::default(), "{nothing}");
        }
    }
}
