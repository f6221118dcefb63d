//! Escapes that stand for half a character: a surrogate without its other half, which no text can hold.
//!
//! They are replaced by U+FFFD in the record, as bytes that are no UTF-8 are, so that the field they stand in is not lost.

use std::borrow::Cow;

use memchr::memmem;

/// What stands in for half a character, as JSON writes it.
const REPLACEMENT: &str = "\\ufffd";
/// The length of an escape.
const LENGTH: usize = REPLACEMENT.len();

/// The record with every half of a character replaced; borrowed where there is none.
pub(super) fn mended(record: &str) -> Cow<'_, str> {
    let bytes = record.as_bytes();
    let mut mended: Option<String> = None;
    let (mut copied, mut from) = (0, 0);
    while let Some(found) = memmem::find(&bytes[from..], b"\\u") {
        let at = from + found;
        from = at + 2;
        let unit = if is_escaped(bytes, at) { None } else { unit_at(bytes, at) };
        match unit {
            Some(0xd800..=0xdbff) if matches!(unit_at(bytes, at + LENGTH), Some(0xdc00..=0xdfff)) => {
                from = at + 2 * LENGTH;
            }
            Some(0xd800..=0xdfff) => {
                let text = mended.get_or_insert_default();
                text.push_str(&record[copied..at]);
                text.push_str(REPLACEMENT);
                from = at + LENGTH;
                copied = from;
            }
            _ => {}
        }
    }
    match mended {
        Some(text) => Cow::Owned(text + &record[copied..]),
        None => Cow::Borrowed(record),
    }
}

/// Whether the backslash at a place is itself escaped by those before it.
fn is_escaped(bytes: &[u8], at: usize) -> bool {
    bytes[..at].iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

/// The unit of UTF-16 that an escape at a place stands for.
fn unit_at(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + LENGTH)?.strip_prefix(b"\\u")?;
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u16::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_wholes_are_not() {
        for (record, expected) in [
            (r#"{"a":"b\ud800ob"}"#, r#"{"a":"b\ufffdob"}"#),
            (r#"{"a":"\uDC00\uD83D\uDE00\ud83d"}"#, r#"{"a":"\ufffd\uD83D\uDE00\ufffd"}"#),
            (r#"{"a":"\ud800\ud83d\ude00"}"#, r#"{"a":"\ufffd\ud83d\ude00"}"#),
            (r#"{"a":"\\ud800 \\\ud800"}"#, r#"{"a":"\\ud800 \\\ufffd"}"#),
            (r#"{"a":"\u00e9 \ud8"}"#, r#"{"a":"\u00e9 \ud8"}"#),
            (r#"{"a":"b"}"#, r#"{"a":"b"}"#),
        ] {
            assert_eq!(mended(record), expected);
        }
        assert!(matches!(mended(r#"{"a":"\u003c"}"#), Cow::Borrowed(_)));
    }
}
