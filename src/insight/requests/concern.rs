//! What makes a change of permissions, passwords or the trail serious, beyond that it happened.
//!
//! Some of it stands in the parameters of the request (`request`); the rest is about who did it, when and from where. A concern is named
//! in the insight's sentence; the grave ones raise its severity.

use serde::Serialize;

use crate::severity::Severity;

/// One thing that makes a change serious; the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// All rights over an account or a service were given.
    AdministratorPolicy,
    /// Somebody gave rights to himself.
    SelfGrant,
    /// Nothing is recorded any more.
    Stopped,
    /// The account's feed fell silent after it.
    SilenceFollowed,
    /// The trail records less than it was last seen to.
    RecordsLess,
    /// The trail records less than everything.
    Narrowed,
    /// The trail's records go elsewhere than they were last seen to.
    Redirected,
    /// Anybody may read or write.
    MadePublic,
    /// A second factor or an expiry is no longer asked for.
    WeakerSignIn,
    /// A password was set that its user need not change.
    PasswordKnownToTheCaller,
    /// Some of its requests were too long, or too many, to be looked at.
    NotAllRead,
    /// From a network from which the principal never called.
    UnusualNetwork,
    /// At an hour at which the principal never calls.
    UnusualHour,
}

impl Concern {
    const ALL: [Self; 13] = [
        Self::AdministratorPolicy,
        Self::SelfGrant,
        Self::Stopped,
        Self::SilenceFollowed,
        Self::RecordsLess,
        Self::Narrowed,
        Self::Redirected,
        Self::MadePublic,
        Self::WeakerSignIn,
        Self::PasswordKnownToTheCaller,
        Self::NotAllRead,
        Self::UnusualNetwork,
        Self::UnusualHour,
    ];

    /// The word by which tables and files know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AdministratorPolicy => "administrator_policy",
            Self::SelfGrant => "self_grant",
            Self::Stopped => "stopped",
            Self::SilenceFollowed => "silence_followed",
            Self::RecordsLess => "records_less",
            Self::Narrowed => "narrowed",
            Self::Redirected => "redirected",
            Self::MadePublic => "made_public",
            Self::WeakerSignIn => "weaker_sign_in",
            Self::PasswordKnownToTheCaller => "password_known_to_the_caller",
            Self::NotAllRead => "not_all_read",
            Self::UnusualNetwork => "unusual_network",
            Self::UnusualHour => "unusual_hour",
        }
    }

    /// The words for a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::AdministratorPolicy => "it gives all rights",
            Self::SelfGrant => "it is to the caller's own benefit",
            Self::Stopped => "it stops the recording",
            Self::SilenceFollowed => "the account's feed fell silent after it",
            Self::RecordsLess => "the trail records less than before",
            Self::Narrowed => "the trail records less than everything now",
            Self::Redirected => "its records go elsewhere than before",
            Self::MadePublic => "it lets anybody in",
            Self::WeakerSignIn => "it makes signing in easier",
            Self::PasswordKnownToTheCaller => "the caller knows the new password",
            Self::NotAllRead => "some of its requests were too long, too many or too broken to be looked at",
            Self::UnusualNetwork => "from a network new for this principal",
            Self::UnusualHour => "at an unusual hour for this principal",
        }
    }

    /// The words where every attempt failed.
    pub const fn tried_words(self) -> &'static str {
        match self {
            Self::AdministratorPolicy => "it would have given all rights",
            Self::SelfGrant => "it would have been to the caller's own benefit",
            Self::MadePublic => "it would have let anybody in",
            Self::WeakerSignIn => "it would have made signing in easier",
            other => other.words(),
        }
    }

    /// Whether it raises the severity by a level, whatever that is.
    pub const fn is_grave(self) -> bool {
        matches!(
            self,
            Self::AdministratorPolicy
                | Self::SelfGrant
                | Self::Stopped
                | Self::SilenceFollowed
                | Self::RecordsLess
                | Self::MadePublic
        )
    }

    /// The concern of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|concern| concern.name() == name)
    }
}

/// One level more for a grave concern; for any other up to `high`.
pub(in crate::insight) fn raised(severity: Severity, concerns: &[Concern]) -> Severity {
    let more = severity.moved(1);
    match concerns.iter().any(|concern| concern.is_grave()) {
        true => more,
        false if concerns.is_empty() => severity,
        false => severity.max(more.min(Severity::High)),
    }
}

/// The concerns as the end of a sentence; nothing if there are none.
pub(in crate::insight) fn words(concerns: &[Concern], all_failed: bool) -> String {
    let words = |concern: &Concern| if all_failed { concern.tried_words() } else { concern.words() };
    concerns.iter().map(|concern| format!("; {}", words(concern))).collect::<Vec<_>>().concat()
}
