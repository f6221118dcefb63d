//! Characters that do not show, or that make others show elsewhere than they stand.
//!
//! Names, parameters and user agents come from whoever can make a call. Controls steer terminals, bidirectional controls turn text
//! around, and characters without width make two names look the same. Where people read a text, each of them is a mark
//! that names it.

use std::borrow::Cow;
use std::fmt::Write;

/// Unicode's characters without a shape of their own, apart from controls: `Default_Ignorable_Code_Point`, separators of lines and
/// paragraphs, and annotations.
const HIDDEN: [(char, char); 16] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a character does not show, or moves others.
pub fn is_hidden(character: char) -> bool {
    character.is_control() || HIDDEN.iter().any(|&(first, last)| (first..=last).contains(&character))
}

/// The text with a mark such as `⟨U+202E⟩` for every character that is hidden.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            let _ = write!(shown, "⟨U+{:04X}⟩", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Names come from whoever can make a call: nothing in them may steer the terminal, or show elsewhere than it stands.
pub fn printable(text: &str) -> String {
    visible(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_is_named_and_the_rest_is_left() {
        for (text, shown) in [
            ("svc-25", "svc-25"),
            ("陈伟 – é", "陈伟 – é"),
            ("a\u{202e}b", "a⟨U+202E⟩b"),
            ("\u{1b}[2J", "⟨U+001B⟩[2J"),
            ("admin\u{200b}", "admin⟨U+200B⟩"),
            ("a\nb", "a⟨U+000A⟩b"),
            ("\u{e0041}", "⟨U+E0041⟩"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
