//! Where a call came from: an IP address, a service's host name, or the cloud's own inside.
//!
//! Only IP addresses are members of the IP family; the other two say that a service acted, which has no address to baseline.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use crate::event::meaningful;

/// A classified source address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceAddress {
    /// An address on a network; IPv4 in IPv6 clothing counts as IPv4.
    Ip(IpAddr),
    /// The cloud itself, with no address told.
    Internal,
    /// A service that called on somebody's behalf, by host name.
    Host(String),
}

impl SourceAddress {
    /// Classifies the text of a source-address field; `None` when it says nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let text = meaningful(text)?;
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::Ip(address.to_canonical()));
        }
        let inside = text.eq_ignore_ascii_case("internal") || text.eq_ignore_ascii_case("aws internal");
        Some(if inside { Self::Internal } else { Self::Host(text.to_owned()) })
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            _ => None,
        }
    }
}

/// The network of an address, as text: IPv4 /24, IPv6 /48.
pub fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => Ipv4Net::new_assert(v4, 24).trunc().to_string(),
        IpAddr::V6(v6) => Ipv6Net::new_assert(Ipv6Addr::from(u128::from(v6)), 48).trunc().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_hosts_and_the_inside_are_not_addresses() {
        assert_eq!(
            SourceAddress::parse("cloudmonitor.aliyuncs.com"),
            Some(SourceAddress::Host("cloudmonitor.aliyuncs.com".into()))
        );
        for inside in ["Internal", "internal", "AWS Internal"] {
            assert_eq!(SourceAddress::parse(inside), Some(SourceAddress::Internal));
        }
        assert_eq!(SourceAddress::parse("NULL"), None);
        assert_eq!(SourceAddress::parse("").and_then(|found| found.ip()), None);
    }

    #[test]
    fn one_address_has_one_spelling() {
        let spellings =
            [("::ffff:203.0.113.7", "203.0.113.7"), ("2001:DB8:0::1", "2001:db8::1"), ("10.0.0.1", "10.0.0.1")];
        for (written, shown) in spellings {
            assert_eq!(SourceAddress::parse(written).unwrap().ip().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn networks_are_slash_24_and_slash_48() {
        assert_eq!(network("203.0.113.77".parse().unwrap()), "203.0.113.0/24");
        assert_eq!(network("2001:db8:1:2::3".parse().unwrap()), "2001:db8:1::/48");
    }
}
