//! Text in CSV.
//!
//! Spreadsheets run what begins like a formula, and names and user agents come from whoever can make a call. Text that begins
//! with a sign that starts one is written with an apostrophe before it, as OWASP advises for CSV injection; control characters, which
//! could begin a new cell or row in a careless reader, become spaces.

use std::borrow::Cow;

/// Signs that a spreadsheet may take for the begin of a formula, the wide forms of East Asian keyboards included.
const BEGINS_FORMULA: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// Text that no spreadsheet takes for anything but text.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let begins_formula = text.trim_start().starts_with(BEGINS_FORMULA) || text.starts_with(char::is_control);
    if !begins_formula && !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let plain: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    Cow::Owned(if begins_formula { format!("'{plain}") } else { plain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_begins_a_formula() {
        for (text, written) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("  =1+1", "'  =1+1"),
            ("\t=1+1", "' =1+1"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("a\r\nb", "a  b"),
            ("aws-cli/2.0", "aws-cli/2.0"),
            ("", ""),
        ] {
            assert_eq!(harmless(text), written, "{text:?}");
        }
    }
}
