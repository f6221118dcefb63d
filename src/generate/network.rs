//! Internet addresses: every index within a block gives another address, neighbours share a network.

use super::stream::scatter;

/// Names that cloud services put where an address should be.
pub(crate) const SERVICE_HOSTS: [&str; 3] = ["cloudmonitor.aliyuncs.com", "Internal", "ess.aliyuncs.com"];

/// Whose addresses they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    /// Gateways of the company's offices, shared by many people.
    Office,
    /// Servers.
    Servers,
    /// People's own lines.
    Homes,
    /// Where nobody of this company ever called from.
    Foreign,
}

impl Block {
    /// The first byte, and how many of our addresses share a network of 256.
    const fn shape(self) -> (u8, u32) {
        match self {
            Self::Office => (121, 8),
            Self::Servers => (47, 40),
            Self::Homes => (114, 1),
            Self::Foreign => (185, 1),
        }
    }

    /// The text of the block's address number `index`.
    pub(crate) fn address(self, seed: u64, index: u32) -> String {
        let (first, crowd) = self.shape();
        let place = scatter(seed ^ u64::from(first));
        // An odd multiplier permutes the 2^16 networks, so that no two indices meet.
        let network = (index / crowd).wrapping_mul((place as u32) | 1).wrapping_add((place >> 32) as u32);
        let host = 5 + (index % crowd) * (240 / crowd) + (network % 5);
        format!("{first}.{}.{}.{host}", (network >> 8) & 255, network & 255)
    }
}

/// The text of an IPv6 address of its own /48.
pub(crate) fn address_v6(seed: u64, index: u32) -> String {
    let network = index.wrapping_mul(4_051).wrapping_add(scatter(seed) as u32) & 0xFFFF;
    format!("2408:4005:{network:x}:1::{:x}", 1 + index % 200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn addresses_are_valid_and_differ() {
        let blocks = [Block::Office, Block::Servers, Block::Homes, Block::Foreign];
        let texts = |index| blocks.map(|block| block.address(9, index)).into_iter().chain([address_v6(9, index)]);
        let all: Vec<String> = (0..8_000).flat_map(texts).collect();
        assert!(all.iter().all(|text| text.parse::<std::net::IpAddr>().is_ok()));
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
