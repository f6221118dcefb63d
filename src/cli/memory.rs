//! Making do with less memory: fewer threads, and no further night once the limit was passed.
//!
//! What a night holds is its counts, which grow with the entities of its days up to `max_entities`, the matches of rules, up to a million, and what each thread decodes. The number of threads is
//! all that can be chosen beforehand, so that is what a limit changes; it is no wall. The wall is the operating system's
//! (`MemoryMax=` of systemd, `resources.limits` of Kubernetes), and the limit belongs somewhat below it.
//!
//! The two constants were measured on ten days of a million events: 200 MiB on one thread, 264 on two, 404 on four, 725 on eight.

use crate::error::{Error, Result};
use crate::settings::Bytes;
use crate::shown::counted;

/// What a run holds on one thread.
const BASE: u64 = 224 << 20;
/// What every further thread holds.
const PER_THREAD: u64 = 80 << 20;

/// How many threads fit below the limit, at most as many as there are.
///
/// # Errors
/// When not even one fits.
pub(super) fn threads(limit: Bytes, available: usize) -> Result<usize> {
    if limit.0 < BASE {
        return Err(Error::Query {
            message: format!("a memory limit of {limit} is too little"),
            hint: Some(format!("{} is the least that a run can do with", Bytes(BASE))),
        });
    }
    let further = (limit.0 - BASE) / PER_THREAD;
    Ok(available.min(1 + usize::try_from(further).unwrap_or(usize::MAX - 1)))
}

/// The most memory that this process has held so far, in bytes; `None` where the system does not tell.
pub(super) fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// That more memory was held than a limit allows, in words; `None` where it was kept.
pub(super) fn passed(limit: Bytes, peak: u64, threads: usize) -> Option<String> {
    let held = peak >> 20;
    (peak > limit.0).then(|| {
        format!(
            "the memory limit of {limit} was not kept: {held} MiB were held at the most, on {}: the entities of a day \
             (`max_entities`) and the matches of rules take what they need",
            counted(threads as u64, "thread", "threads")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_memory_is_fewer_threads() {
        assert_eq!(threads(Bytes(BASE), 8).unwrap(), 1);
        assert_eq!(threads(Bytes(BASE + 3 * PER_THREAD), 8).unwrap(), 4);
        assert_eq!(threads(Bytes(64 << 30), 8).unwrap(), 8);
        assert!(threads(Bytes(1 << 20), 8).is_err());
    }

    #[test]
    fn a_limit_that_was_not_kept_is_told_with_what_was_held() {
        let told = passed(Bytes(BASE), 810 << 20, 1).unwrap();
        assert!(
            told.starts_with("the memory limit of 224M was not kept: 810 MiB were held at the most, on 1 thread"),
            "{told}"
        );
        assert_eq!(passed(Bytes(BASE), BASE, 1), None);
    }
}
