//! Databases to test with, written byte by byte as MaxMind's format has it.

use std::path::PathBuf;

use crate::place::PlaceBook;

/// A database whose one record covers `203.0.113.0/24`: a path of 24 nodes, the record, the metadata.
pub(crate) fn database(record: &[u8], made: u32) -> Vec<u8> {
    let (network, nodes) = (u32::from_be_bytes([203, 0, 113, 0]), 24_u32);
    let mut bytes = Vec::new();
    for depth in 0..nodes {
        let next = if depth + 1 == nodes { nodes + 16 } else { depth + 1 };
        let set = (network >> (31 - depth)) & 1 == 1;
        let (left, right) = if set { (nodes, next) } else { (next, nodes) };
        bytes.extend(&left.to_be_bytes()[1..]);
        bytes.extend(&right.to_be_bytes()[1..]);
    }
    bytes.extend([0; 16]);
    bytes.extend(record);
    bytes.extend(about(nodes, made));
    bytes
}

/// A database that says the same of all addresses, but of `200.0.0.0/5`, whose record lies beyond its end.
pub(crate) fn damaged(record: &[u8]) -> Vec<u8> {
    let (nodes, whole, beyond) = (5_u32, 5 + 16, 5 + 16 + 9_000);
    let tree = [(whole, 1), (whole, 2), (3, whole), (4, whole), (whole, beyond)];
    let mut bytes = Vec::new();
    for (left, right) in tree {
        bytes.extend(&u32::to_be_bytes(left)[1..]);
        bytes.extend(&u32::to_be_bytes(right)[1..]);
    }
    bytes.extend([0; 16]);
    bytes.extend(record);
    bytes.extend(about(nodes, 1));
    bytes
}

fn about(nodes: u32, made: u32) -> Vec<u8> {
    let mut bytes = b"\xab\xcd\xefMaxMind.com".to_vec();
    bytes.extend(map(&[
        ("binary_format_major_version", vec![0xa1, 2]),
        ("binary_format_minor_version", vec![0xa0]),
        ("build_epoch", [&[4, 2], &made.to_be_bytes()[..]].concat()),
        ("database_type", string("Test")),
        ("description", map(&[])),
        ("ip_version", vec![0xa1, 4]),
        ("languages", vec![0, 4]),
        ("node_count", number(nodes)),
        ("record_size", vec![0xa1, 24]),
    ]));
    bytes
}

/// A number of four bytes.
pub(crate) fn number(number: u32) -> Vec<u8> {
    [&[0xc4], &number.to_be_bytes()[..]].concat()
}

/// A text.
pub(crate) fn string(text: &str) -> Vec<u8> {
    assert!(text.len() < 29 + 256);
    let mut bytes = if text.len() < 29 { vec![0x40 | text.len() as u8] } else { vec![0x5d, (text.len() - 29) as u8] };
    bytes.extend(text.as_bytes());
    bytes
}

/// A map.
pub(crate) fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0xe0 | entries.len() as u8];
    for (key, value) in entries {
        bytes.extend(string(key));
        bytes.extend(value);
    }
    bytes
}

/// Databases with these records, opened in this order.
pub(crate) fn book(records: &[Vec<u8>]) -> PlaceBook {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = (0..records.len()).map(|number| folder.path().join(format!("{number}.mmdb"))).collect();
    for (file, record) in files.iter().zip(records) {
        std::fs::write(file, database(record, 1)).unwrap();
    }
    PlaceBook::open(&files).unwrap()
}
