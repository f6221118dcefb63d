//! A file that appears under its name only when it is complete.
//!
//! It is written beside its place, so that the rename stays within one file system, and vanishes if it is dropped
//! unfinished. A process that is killed leaves a file with [`TEMPORARY_PREFIX`]; [`remove_leftovers`] sweeps those up.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// How the name of an unfinished file begins.
pub const TEMPORARY_PREFIX: &str = ".insights-unfinished-";

/// An unfinished file; [`AtomicFile::commit`] puts it in its place.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    temporary: NamedTempFile,
}

impl AtomicFile {
    /// Starts the file that will be `target`, making its folder if need be. What stands there and is no file, such as a device or a folder,
    /// is left alone: a rename would put a file in its place.
    pub fn create(target: &Path) -> Result<Self> {
        if fs::metadata(target).is_ok_and(|found| !found.is_file()) {
            return Err(Error::write(target)(io::Error::other("it is there and is no file")));
        }
        let folder = target.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(Error::folder(folder))?;
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .permissions(default_permissions())
            .tempfile_in(folder)
            // Its words name the temporary file, which is nobody's business.
            .map_err(|error| Error::write(target)(error.kind().into()))?;
        Ok(Self { target: target.to_path_buf(), temporary })
    }

    /// Where it will stand.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Another handle to write through, for writers that own what they write to.
    pub fn handle(&self) -> Result<fs::File> {
        self.temporary.as_file().try_clone().map_err(Error::write(&self.target))
    }

    /// Makes the file durable and visible, replacing what stood there.
    pub fn commit(self) -> Result<()> {
        self.temporary.as_file().sync_data().map_err(Error::write(&self.target))?;
        let target = self.target;
        self.temporary.persist(&target).map_err(|error| Error::write(&target)(error.error))?;
        sync_folder(&target)
    }
}

/// Makes a file's name durable, which is written in its folder. Not every file system can do that.
#[cfg(unix)]
fn sync_folder(target: &Path) -> Result<()> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match fs::File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if !is_not_offered(error.kind()) => Err(Error::write(folder)(error)),
        _ => Ok(()),
    }
}

/// Whether a file system has no such thing, or a folder lets nobody read it.
#[cfg(unix)]
fn is_not_offered(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied)
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<()> {
    Ok(())
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.flush()
    }
}

/// Temporary files are private by default; what becomes a result should be readable as other files are.
#[cfg(unix)]
fn default_permissions() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o644)
}

#[cfg(not(unix))]
fn default_permissions() -> fs::Permissions {
    fs::metadata(".").map(|found| found.permissions()).unwrap_or_else(|_| unreachable!("the working folder exists"))
}

/// Writes a whole text file at once.
pub fn write_text(target: &Path, text: &str) -> Result<()> {
    write_bytes(target, text.as_bytes())
}

/// Writes a whole file at once.
pub fn write_bytes(target: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(target)?;
    file.write_all(bytes).map_err(Error::write(target))?;
    file.commit()
}

/// Removes what a killed process left unfinished anywhere below `folder`.
pub fn remove_leftovers(folder: &Path) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::read(folder)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(Error::read(folder))?;
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let unfinished = entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX);
        match (unfinished, is_folder) {
            (true, true) => fs::remove_dir_all(&path).map_err(Error::write(&path))?,
            (true, false) => fs::remove_file(&path).map_err(Error::write(&path))?,
            (false, true) => remove_leftovers(&path)?,
            (false, false) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_visible_before_commit_and_nothing_is_left_after() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("deep/er/file.txt");
        let mut file = AtomicFile::create(&target).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!target.exists());
        drop(file);
        assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 0);
        write_text(&target, "whole").unwrap();
        write_text(&target, "anew").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "anew");
        assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut taken = vec![folder.path().to_path_buf()];
        #[cfg(unix)]
        {
            let socket = folder.path().join("socket");
            std::os::unix::net::UnixListener::bind(&socket).unwrap();
            taken.push(socket);
        }
        for target in taken {
            let refused = AtomicFile::create(&target).unwrap_err().to_string();
            assert!(refused.ends_with("it is there and is no file"), "{refused}");
            assert!(!target.is_file());
        }
    }

    #[test]
    fn leftovers_of_a_killed_process_are_swept_up() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a").join(format!("{TEMPORARY_PREFIX}runs"))).unwrap();
        fs::write(folder.path().join("a").join(format!("{TEMPORARY_PREFIX}x")), "").unwrap();
        fs::write(folder.path().join("a/kept"), "").unwrap();
        remove_leftovers(folder.path()).unwrap();
        let names: Vec<_> = fs::read_dir(folder.path().join("a")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["kept"]);
    }
}
