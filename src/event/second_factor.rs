//! Whether a second factor was used at a sign-in, as far as an event tells.
//!
//! API calls have a column for it; sign-ins tell it in their extras, under names that differ by kind of user and by cloud. How the
//! extras are taken apart is the business of whoever reads them.

/// The names of the extras: `isMFAChecked` and `mfaChecked` of `ActionTrail`, `MFAUsed` of `CloudTrail`.
pub const SECOND_FACTOR: [&str; 3] = ["isMFAChecked", "mfaChecked", "MFAUsed"];

/// Yes or no, in the words of either cloud; `None` of any other word.
pub fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_have_many_words() {
        assert_eq!(["true", "Yes", "1"].map(truth), [Some(true); 3]);
        assert_eq!(["FALSE", "no", "0"].map(truth), [Some(false); 3]);
        assert_eq!(["", "2", "null"].map(truth), [None; 3]);
    }
}
