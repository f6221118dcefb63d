//! Which calls change permissions, passwords or the trail itself.
//!
//! The sets are data, `data/changes.csv`, one line an API of either cloud; this module only looks them up. Failed attempts are
//! changes too: whoever tried is worth knowing.

use std::sync::LazyLock;

use hashbrown::HashMap;

use crate::event::fold_service;

static TABLE: &str = include_str!("../../data/changes.csv");

/// What a change touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// Who may do what.
    Permission,
    /// Passwords, second factors and other ways to prove who one is.
    Password,
    /// The audit trail and other evidence.
    Trail,
}

impl ChangeKind {
    /// The word by which files know the kind.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Permission => "permission",
            Self::Password => "password",
            Self::Trail => "trail",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Permission, Self::Password, Self::Trail].into_iter().find(|kind| kind.name() == name)
    }

    /// What a call of `event_name` of `service` (as shown, any case) changes, if it is in the table.
    pub fn of_call(service: &str, event_name: &str) -> Option<Self> {
        static KINDS: LazyLock<HashMap<String, HashMap<&'static str, ChangeKind>>> = LazyLock::new(read_table);
        KINDS.get(fold_service(service).as_ref())?.get(event_name).copied()
    }
}

fn read_table() -> HashMap<String, HashMap<&'static str, ChangeKind>> {
    let mut kinds: HashMap<String, HashMap<&'static str, ChangeKind>> = HashMap::new();
    for line in TABLE.lines().skip(1) {
        let fields: Vec<&'static str> = line.split(',').collect();
        if let [_, kind, service, event_name] = fields[..]
            && let Some(kind) = ChangeKind::named(kind)
        {
            kinds.entry(fold_service(service).into_owned()).or_default().insert(event_name, kind);
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_understood() {
        let known: usize = read_table().values().map(HashMap::len).sum();
        assert_eq!(known, TABLE.lines().count() - 1);
    }

    #[test]
    fn both_clouds_and_any_case() {
        assert_eq!(ChangeKind::of_call("actiontrail", "StopLogging"), Some(ChangeKind::Trail));
        assert_eq!(ChangeKind::of_call("cloudtrail", "PutEventSelectors"), Some(ChangeKind::Trail));
        assert_eq!(ChangeKind::of_call("RAM", "AttachPolicyToUser"), Some(ChangeKind::Permission));
        assert_eq!(ChangeKind::of_call("Ims", "ChangePassword"), Some(ChangeKind::Password));
        assert_eq!(ChangeKind::of_call("Ecs", "StopLogging"), None);
    }
}
