//! What is counted, declared once: the families, what keys them, and the pairs that are kept.
//!
//! The scan kernel and any other engine that makes rollups (a cluster's SQL, the tests' independent count) are made from these
//! tables. Adding a family means adding it to [`Family`] and its
//! tables here, and saying in [`crate::rollup::RowKeys`] which rows are its members.

/// Something a family is keyed by: a column of the rollup file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Dimension {
    Account,
    Service,
    Api,
    ErrorCode,
    SourceIp,
    AccessKey,
    PrincipalKind,
    Principal,
    Change,
    Network,
    Region,
}

impl Dimension {
    /// Every dimension, in the order of the rollup file's columns.
    pub const ALL: [Self; 11] = [
        Self::Account,
        Self::Service,
        Self::Api,
        Self::ErrorCode,
        Self::SourceIp,
        Self::AccessKey,
        Self::PrincipalKind,
        Self::Principal,
        Self::Change,
        Self::Network,
        Self::Region,
    ];

    /// The name of its column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Service => "service",
            Self::Api => "api",
            Self::ErrorCode => "error_code",
            Self::SourceIp => "source_ip",
            Self::AccessKey => "access_key",
            Self::PrincipalKind => "principal_kind",
            Self::Principal => "principal",
            Self::Change => "change",
            Self::Network => "network",
            Self::Region => "region",
        }
    }
}

/// A kind of thing with a history of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(usize)]
pub enum Family {
    /// An API of a service.
    Api,
    /// An API and the error code with which it failed; its calls are the failed ones.
    ApiError,
    /// A source IP address.
    SourceIp,
    /// A permanent AccessKey.
    AccessKey,
    /// A user, a role or another identity, whatever the session.
    Principal,
    /// A principal's change of permissions, passwords or the trail through one API.
    Change,
    /// A network of source addresses; known for its pairs, not counted by the hour.
    Network,
    /// A region; known for its pairs, not counted by the hour.
    Region,
}

impl Family {
    /// How many families there are.
    pub const COUNT: usize = 8;

    /// Every family, in the order of the rollup file's rows.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Api,
        Self::ApiError,
        Self::SourceIp,
        Self::AccessKey,
        Self::Principal,
        Self::Change,
        Self::Network,
        Self::Region,
    ];

    /// The families that are counted by the hour, and so have a history.
    pub const COUNTED: [Self; 6] =
        [Self::Api, Self::ApiError, Self::SourceIp, Self::AccessKey, Self::Principal, Self::Change];

    /// The families whose rates are judged.
    pub const RATED: [Self; 5] = [Self::Api, Self::ApiError, Self::SourceIp, Self::AccessKey, Self::Principal];

    /// The name in files and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::ApiError => "api_error",
            Self::SourceIp => "source_ip",
            Self::AccessKey => "access_key",
            Self::Principal => "principal",
            Self::Change => "change",
            Self::Network => "network",
            Self::Region => "region",
        }
    }

    /// The family of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// What tells its members apart, after the account. The account is the one that received the event, for `access_key` and
    /// `principal` the caller's own; each stands in for the other.
    pub const fn keyed_by(self) -> &'static [Dimension] {
        match self {
            Self::Api => &[Dimension::Service, Dimension::Api],
            Self::ApiError => &[Dimension::Service, Dimension::Api, Dimension::ErrorCode],
            Self::SourceIp => &[Dimension::SourceIp],
            Self::AccessKey => &[Dimension::AccessKey],
            Self::Principal => &[Dimension::PrincipalKind, Dimension::Principal],
            Self::Change => {
                &[Dimension::Change, Dimension::Service, Dimension::Api, Dimension::PrincipalKind, Dimension::Principal]
            }
            Self::Network => &[Dimension::Network],
            Self::Region => &[Dimension::Region],
        }
    }
}

/// Keys and who called with them.
pub const OWNERS: (Family, Family) = (Family::AccessKey, Family::Principal);

/// The pairs that are kept by the day, with calls: what tells first-seen, the baseline side of attributions, and whose a key is.
pub const PAIRS: [(Family, Family); 7] = [
    (Family::AccessKey, Family::Api),
    (Family::AccessKey, Family::Network),
    (Family::Principal, Family::Api),
    (Family::Principal, Family::Network),
    (Family::Principal, Family::Region),
    (Family::Api, Family::Network),
    OWNERS,
];

/// The pairs of which the first of their kind is news. Whose a key is is no habit of it.
pub fn company() -> impl Iterator<Item = (Family, Family)> {
    PAIRS.into_iter().filter(|&families| families != OWNERS)
}

/// The name of a pair in files: `access_key_api`.
pub fn pair_name((left, right): (Family, Family)) -> String {
    format!("{}_{}", left.name(), right.name())
}
