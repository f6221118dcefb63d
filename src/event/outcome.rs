//! Whether a call failed, by the clouds' real habits.
//!
//! Successful events come without error fields, with empty ones, with the word `null`, and, for sign-ins, with the message
//! `success`; some failed sign-ins carry a message and no code. A dry run that would have succeeded is answered with an error code of its own:
//! the caller asked nothing else, and nothing was refused. What one cloud's console does for a person tells its outcome in the response, below its
//! own name, and may tell of a failure nowhere else.

use serde_json::Value;

use crate::event::meaningful;

/// What stands for the error code of a failure that has only a message.
pub const NO_CODE: &str = "(no code)";

/// What a dry run is answered with that would have succeeded, behind whoever answers; one that would have failed has that failure's code.
const DRY_RUN: &str = "DryRunOperation";

/// The error code if the call failed, [`NO_CODE`] if it failed without one, `None` if it succeeded, or would have but for being a dry run.
pub fn failure_code<'a>(error_code: Option<&'a str>, error_message: Option<&str>) -> Option<&'a str> {
    let told = |message: &&str| !message.eq_ignore_ascii_case("success");
    let code = error_code.and_then(meaningful);
    if code.and_then(|code| code.rsplit('.').next()).is_some_and(|last| last.eq_ignore_ascii_case(DRY_RUN)) {
        return None;
    }
    code.or_else(|| error_message.and_then(meaningful).filter(told).map(|_| NO_CODE))
}

/// What tells its outcome in the response, below its own name.
const TOLD_BY_RESPONSE: [&str; 6] = [
    "ConsoleLogin",
    "CheckMfa",
    "SwitchRole",
    "PasswordRecoveryRequested",
    "PasswordRecoveryCompleted",
    "PasswordUpdated",
];

/// How a response says that it failed; it becomes the message of an event that has none.
pub const FAILURE: &str = "Failure";

/// Whether events of a name may tell in their response alone that they failed.
pub fn is_told_by_response(event_name: &str) -> bool {
    TOLD_BY_RESPONSE.iter().any(|name| name.eq_ignore_ascii_case(event_name))
}

/// Whether the response to such an event says that it failed.
pub fn failed_by_response(response: &str) -> bool {
    // Nearly all say something else, and that is seen without taking them apart.
    response.contains(FAILURE)
        && serde_json::from_str::<Value>(response)
            .is_ok_and(|told| TOLD_BY_RESPONSE.iter().any(|name| told[name] == FAILURE))
}

/// Words in error codes that say that a call was not allowed.
const DENIED: [&str; 12] = [
    "nopermission",
    "forbidden",
    "forbbiden",
    "denied",
    "unauthorized",
    "notauthorized",
    "invalidaccesskeyid",
    "invalidsecuritytoken",
    "signaturedoesnotmatch",
    "invalidauthorization",
    "authfailure",
    "invalidclienttokenid",
];

/// Whether an error code says that the caller was not allowed to, or not who they said they were.
pub fn is_denied(code: &str) -> bool {
    let code = code.to_ascii_lowercase();
    DENIED.iter().any(|word| code.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_many_spellings() {
        for code in
            ["NoPermission", "Forbidden.RAM", "AccessDenied", "SignatureDoesNotMatch", "Client.UnauthorizedOperation"]
        {
            assert!(is_denied(code), "{code}");
        }
        for code in ["NoSuchKey", "Throttling", NO_CODE, ""] {
            assert!(!is_denied(code), "{code}");
        }
    }

    #[test]
    fn some_say_in_their_response_alone_that_they_failed() {
        assert!(["ConsoleLogin", "consolelogin", "SwitchRole"].into_iter().all(is_told_by_response));
        assert!(!["ConsoleSignin", "AssumeRole", ""].into_iter().any(is_told_by_response));
        assert!(failed_by_response(r#"{"ConsoleLogin":"Failure"}"#));
        assert!(failed_by_response(r#"{ "CheckMfa" : "Failure" }"#));
        let deep = format!("{}{}", "[".repeat(100_000), r#"{"ConsoleLogin":"Failure"}"#);
        for other in
            [r#"{"ConsoleLogin":"Success"}"#, r#"{"Reason":"Failure"}"#, r#"["Failure"]"#, "Failure", "", &deep]
        {
            assert!(!failed_by_response(other), "{}", &other[..other.len().min(40)]);
        }
    }

    #[test]
    fn success_has_many_spellings() {
        for (code, message) in [
            (None, None),
            (Some(""), Some("")),
            (Some("null"), Some("NULL")),
            (None, Some("success")),
            (Some(""), Some("Success")),
            (Some("\"\""), None),
        ] {
            assert_eq!(failure_code(code, message), None, "{code:?} {message:?}");
        }
    }

    #[test]
    fn a_dry_run_fails_as_the_call_would() {
        let would = Some("Request would have succeeded, but DryRun flag is set.");
        for code in ["Client.DryRunOperation", "DryRunOperation", "dryrunoperation"] {
            assert_eq!(failure_code(Some(code), would), None, "{code}");
        }
        for code in ["Client.UnauthorizedOperation", "DryRunOperation.Denied", "NoDryRunOperation"] {
            assert_eq!(failure_code(Some(code), None), Some(code));
        }
    }

    #[test]
    fn a_message_alone_is_a_failure() {
        assert_eq!(failure_code(None, Some("Failed authentication")), Some(NO_CODE));
        assert_eq!(failure_code(Some("\"NoPermission\""), Some("success")), Some("NoPermission"));
    }
}
