//! Databases of addresses, made byte by byte in MaxMind's format: one record for all IPv4 addresses, or for half of them.

/// What a database says of everybody, and how that reads.
pub(crate) const PLACE: [(&str, &str); 3] = [("country_code", "DE"), ("as_name", "Example Net"), ("asn", "AS65000")];
pub(crate) const SHOWN: &str = "DE, Example Net";

/// A database that says the same of every IPv4 address.
pub(crate) fn database(record: &[(&str, &str)]) -> Vec<u8> {
    file(record, "Test", 1, [17, 17])
}

/// The same, made at a time in seconds.
pub(crate) fn made_at(record: &[(&str, &str)], seconds: u32) -> Vec<u8> {
    file(record, "Test", seconds, [17, 17])
}

/// A database whose record of all addresses from `128.0.0.0` on lies beyond its end.
pub(crate) fn damaged(record: &[(&str, &str)]) -> Vec<u8> {
    file(record, "Test", u32::MAX, [17, 9_000])
}

/// One node with its two sides; sixteen bytes that part the tree from the data; the record; what the database says of itself.
fn file(record: &[(&str, &str)], kind: &str, seconds: u32, sides: [u32; 2]) -> Vec<u8> {
    let tree: Vec<u8> = sides.iter().flat_map(|side| side.to_be_bytes()[1..].to_vec()).collect();
    let record: Vec<(&str, Vec<u8>)> = record.iter().map(|(key, value)| (*key, text(value))).collect();
    let about = map(&[
        ("binary_format_major_version", vec![0xa1, 2]),
        ("binary_format_minor_version", vec![0xa0]),
        ("build_epoch", [&[4, 2], &seconds.to_be_bytes()[..]].concat()),
        ("database_type", text(kind)),
        ("description", map(&[])),
        ("ip_version", vec![0xa1, 4]),
        ("languages", vec![0, 4]),
        ("node_count", vec![0xc1, 1]),
        ("record_size", vec![0xa1, 24]),
    ]);
    [&tree, &[0; 16][..], &map(&record), b"\xab\xcd\xefMaxMind.com", &about].concat()
}

fn text(text: &str) -> Vec<u8> {
    let length = text.len();
    let head = if length < 29 { vec![0x40 | length as u8] } else { vec![0x5d, u8::try_from(length - 29).unwrap()] };
    [head, text.as_bytes().to_vec()].concat()
}

fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries_of = |(key, value): &(&str, Vec<u8>)| [text(key), value.clone()].concat();
    [vec![0xe0 | entries.len() as u8], entries.iter().flat_map(entries_of).collect()].concat()
}
