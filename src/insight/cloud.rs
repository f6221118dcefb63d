//! Which cloud an insight is of, told by its account and region.
//!
//! Accounts of AWS have twelve digits and those of Alibaba Cloud sixteen. Where there is no such account, a region that ends in a number
//! after a point of the compass (`us-east-1`) is taken for one of AWS.

use crate::insight::Insight;

/// A cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Alibaba Cloud.
    Alibaba,
    /// Amazon Web Services.
    Aws,
    /// One that cannot be told.
    Unknown,
}

impl Cloud {
    /// The cloud of an insight.
    pub fn of(insight: &Insight) -> Self {
        Self::of_account(&insight.account, &insight.region)
    }

    /// The cloud of an account, or else of a region.
    pub fn of_account(account: &str, region: &str) -> Self {
        let digits = account.bytes().all(|byte| byte.is_ascii_digit());
        match account.len() {
            12 if digits => Self::Aws,
            16 if digits => Self::Alibaba,
            _ if is_aws_region(region) => Self::Aws,
            _ => Self::Unknown,
        }
    }

    /// The provider's name.
    pub const fn provider(self) -> &'static str {
        match self {
            Self::Alibaba => "Alibaba Cloud",
            Self::Aws => "AWS",
            Self::Unknown => "Unknown",
        }
    }

    /// The host name by which audit events call a service.
    pub fn service_host(self, service: &str) -> String {
        let service = service.to_ascii_lowercase();
        match self {
            _ if service.contains('.') => service,
            Self::Alibaba => format!("{service}.aliyuncs.com"),
            Self::Aws => format!("{service}.amazonaws.com"),
            Self::Unknown => service,
        }
    }
}

fn is_aws_region(region: &str) -> bool {
    let Some((name, number)) = region.rsplit_once('-') else { return false };
    let compass = ["north", "south", "east", "west", "central"];
    number.parse::<u8>().is_ok() && compass.iter().any(|point| name.ends_with(point))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::example::rate;

    #[test]
    fn accounts_tell_before_regions_do() {
        for (account, region, expected) in [
            ("1599000000000001", "cn-hangzhou", Cloud::Alibaba),
            ("123456789012", "us-east-1", Cloud::Aws),
            ("", "ap-southeast-2", Cloud::Aws),
            ("", "cn-hangzhou", Cloud::Unknown),
            ("abc", "", Cloud::Unknown),
        ] {
            assert_eq!(Cloud::of(&Insight { account: account.into(), region: region.into(), ..rate() }), expected);
        }
    }

    #[test]
    fn services_have_a_host() {
        assert_eq!(Cloud::Aws.service_host("iam"), "iam.amazonaws.com");
        assert_eq!(Cloud::Alibaba.service_host("Oss"), "oss.aliyuncs.com");
        assert_eq!(Cloud::Alibaba.service_host("signin.aliyun.com"), "signin.aliyun.com");
    }
}
