//! Files put in their places on a thread of their own: to wait for the disk is no work for a core.
//!
//! For files of which none needs another: after a failure the rest are put in their places all the same, and the first
//! failure is told.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::error::{Error, Result};
use crate::storage::AtomicFile;

/// So often files can be handed in before whoever does so has to wait for the disk.
const MOST_WAITING: usize = 8;

/// Takes files that are complete.
#[derive(Debug)]
pub struct Commits(SyncSender<Vec<AtomicFile>>);

impl Commits {
    /// Hands files in; they are put in their places one after another.
    pub fn put(&self, files: Vec<AtomicFile>) {
        // Nobody takes them only if the other thread has died, which is told at the end.
        let _ = self.0.send(files);
    }
}

/// Does some work, and comes back when all files that were handed in are in their places.
///
/// # Errors
/// Those of the work, or else the first that came of putting files in their places; those that follow it vanish.
pub fn commit_beside<T>(work: impl FnOnce(&Commits) -> Result<T>) -> Result<T> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(MOST_WAITING);
        let committed = scope.spawn(move || commit_all(receiver));
        let commits = Commits(sender);
        let done = work(&commits);
        drop(commits);
        let committed = committed.join();
        let done = done?;
        committed.map_err(|_| Error::Internal("the thread that puts files in their places has died".to_owned()))??;
        Ok(done)
    })
}

/// Goes on taking files after a failure, so that nobody waits in vain.
fn commit_all(files: Receiver<Vec<AtomicFile>>) -> Result<()> {
    let mut result = Ok(());
    for files in files {
        result = result.and_then(|()| files.into_iter().try_for_each(AtomicFile::commit));
    }
    result
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(target: &std::path::Path) -> AtomicFile {
        let mut file = AtomicFile::create(target).unwrap();
        file.write_all(b"whole").unwrap();
        file
    }

    #[test]
    fn all_files_are_in_their_places_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let target = |number: usize| folder.path().join(number.to_string());
        let done = commit_beside(|commits| {
            (0..3 * MOST_WAITING).for_each(|number| commits.put(vec![file(&target(number))]));
            Ok(7)
        });
        assert_eq!(done.unwrap(), 7);
        assert!((0..3 * MOST_WAITING).all(|number| target(number).exists()));
    }

    #[test]
    fn a_failure_is_told_and_nothing_that_follows_it_is_put_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let [taken, later] = ["taken", "later"].map(|name| folder.path().join(name));
        let done = commit_beside(|commits| {
            let first = file(&taken);
            // A folder that is not empty cannot be replaced by a file.
            std::fs::create_dir_all(taken.join("inside")).unwrap();
            commits.put(vec![first, file(&later)]);
            (0..3 * MOST_WAITING).for_each(|_| commits.put(vec![file(&later)]));
            Ok(())
        });
        assert!(matches!(done, Err(Error::Write { .. })), "{done:?}");
        assert!(!later.exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
