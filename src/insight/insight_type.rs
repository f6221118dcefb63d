//! What kind of insight it is: the vendor's types, so that who reads theirs can read ours, and one that it does not have, for principals.
//!
//! A type says what an insight is about, not who found it: a rate that is too high and a first meeting of the same key are both an `AkInsight`.

use serde::Serialize;

/// The vendor's types, and our extension for principals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[allow(missing_docs)]
pub enum InsightType {
    TrailConcealmentInsight,
    PolicyChangeInsight,
    PasswordChangeInsight,
    ApiCallRateInsight,
    ApiErrorRateInsight,
    IpInsight,
    AkInsight,
    PrincipalInsight,
}

impl InsightType {
    /// The name in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TrailConcealmentInsight => "TrailConcealmentInsight",
            Self::PolicyChangeInsight => "PolicyChangeInsight",
            Self::PasswordChangeInsight => "PasswordChangeInsight",
            Self::ApiCallRateInsight => "ApiCallRateInsight",
            Self::ApiErrorRateInsight => "ApiErrorRateInsight",
            Self::IpInsight => "IpInsight",
            Self::AkInsight => "AkInsight",
            Self::PrincipalInsight => "PrincipalInsight",
        }
    }
}
