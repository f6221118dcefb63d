//! Which calls only read, and which sign somebody in, by the name of their API: not every export says so itself.

/// What the names of APIs begin with that change nothing, in both clouds.
const READING_VERBS: [&str; 10] =
    ["Describe", "List", "Get", "Query", "Check", "Search", "Lookup", "Head", "BatchGet", "Select"];

/// Whether an API of that name signs somebody in to the console.
pub fn signs_in(event_name: &str) -> bool {
    ["ConsoleSignin", "ConsoleLogin", "Login"].contains(&event_name)
}

/// Whether an API of that name only reads.
pub fn only_reads(event_name: &str) -> bool {
    READING_VERBS.iter().any(|verb| event_name.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_reading_from_writing() {
        assert!(["DescribeInstances", "ListUsers", "GetObject", "LookupEvents"].into_iter().all(only_reads));
        assert!(!["RunInstances", "ConsoleSignin", "DeleteObject", "AssumeRole", ""].into_iter().any(only_reads));
    }
}
