//! The ids of events, as numbers that can be kept by the million.

/// An event's id as 128 bits of its BLAKE3 hash: two ids that differ have the same less likely than a processor breaks, and nobody can
/// make such a pair.
pub fn id_hash(id: &str) -> u128 {
    let bytes = *blake3::hash(id.as_bytes()).as_bytes();
    u128::from_le_bytes(std::array::from_fn(|index| bytes[index]))
}
