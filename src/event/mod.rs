//! What an audit event is, whatever cloud wrote it: its columns, who made the call, from where, and whether it failed.
//!
//! Everything after reading speaks only the words of this module; how a cloud spells its fields stays in [`dialect`].

mod address;
mod change;
mod cloud;
pub mod dialect;
mod id;
mod identity;
mod identity_text;
mod outcome;
pub mod schema;
mod second_factor;
pub mod sensitivity;
mod service;
mod verb;

pub use address::{SourceAddress, network};
pub use change::ChangeKind;
pub use cloud::cloud_of;
pub use id::id_hash;
pub use identity::{Principal, PrincipalKind, permanent_access_key, without_session};
pub use identity_text::{IdentityText, OF_IDENTITY};
pub use outcome::{FAILURE, NO_CODE, failed_by_response, failure_code, is_denied, is_told_by_response};
pub use schema::Column;
pub use second_factor::{SECOND_FACTOR, truth};
pub use service::{fold_service, service_name};
pub use verb::{only_reads, signs_in};

/// The word for null that some exports write.
const NULL: &str = "null";

/// A text that says something: neither absent, empty, nor a word for null, and free of the quotes some exports leave around it.
pub fn meaningful(text: &str) -> Option<&str> {
    // Nearly all texts begin and end with a letter or a digit, and are no word for nothing; every distinct value comes by here.
    if let [first, .., last] = text.as_bytes()
        && text.len() > NULL.len()
        && first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
    {
        return Some(text);
    }
    let bare = text.trim().trim_matches('"');
    let empty = bare.is_empty() || bare.eq_ignore_ascii_case(NULL);
    (!empty).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_nothing_are_nothing() {
        for nothing in ["", "null", "NULL", "\"\"", " ", "\"null\""] {
            assert_eq!(meaningful(nothing), None, "{nothing:?}");
        }
        assert_eq!(meaningful("\"Forbidden.RAM\""), Some("Forbidden.RAM"));
    }
}
