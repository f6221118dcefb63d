//! Names that are too long for a sentence.

use std::borrow::Cow;

/// Characters of a name that a sentence has room for. No cloud's own names are longer.
const LONGEST: usize = 160;

/// The text, cut where it is longer than a sentence has room for.
pub fn clipped(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_long_is_cut() {
        assert_eq!(clipped("GetObject"), "GetObject");
        assert_eq!(clipped(&"é".repeat(LONGEST)).chars().count(), LONGEST);
        assert_eq!(clipped(&"é".repeat(50_000)), format!("{}…", "é".repeat(LONGEST)));
    }
}
