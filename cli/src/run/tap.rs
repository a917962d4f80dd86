//! How the Python processes of a run are reached: a private directory with a `sitecustomize.py`, first in `PYTHONPATH`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::{NamedTempFile, TempDir};

use crate::folder::{create_private, temporary};

const SITECUSTOMIZE: &str = include_str!("sitecustomize.py");
const PYTHONPATH: &str = "PYTHONPATH";

/// The tap of one run.
pub(crate) struct Tap {
    folder: PathBuf,
    /// Where the interpreters say how they fared; it goes with the run.
    notes: TempDir,
}

impl Tap {
    /// Lays the private directory in the home, where interpreters keep its byte code from run to run; among the
    /// temporary files if the home cannot be written.
    pub(crate) fn lay(home: Option<&Path>) -> io::Result<Self> {
        let notes = temporary("llmlab-run-")?;
        let version = concat!("python-", env!("CARGO_PKG_VERSION"));
        let at_home = home.map(|home| home.join("run").join(version)).filter(|folder| can_be_in_pythonpath(folder));
        let folder = match at_home.map(written) {
            Some(Ok(folder)) => folder,
            _ => written(notes.path().join(version))?,
        };
        Ok(Self { folder, notes })
    }

    /// Puts the tap into the environment of a command.
    pub(crate) fn apply(&self, command: &mut Command) {
        #[expect(clippy::disallowed_methods, reason = "a path is not text, and is handed on byte for byte")]
        let inherited = std::env::var_os(PYTHONPATH).unwrap_or_default();
        command.env(PYTHONPATH, first_in_path(&self.folder, &inherited));
        command.env("LLMLAB_RUN_NOTES", self.notes.path());
    }

    /// Some interpreter was tapped.
    pub(crate) fn was_used(&self) -> bool {
        self.notes.path().join("tapped").exists()
    }

    /// An interpreter that could not be tapped.
    pub(crate) fn unreached(&self) -> Option<String> {
        let path = fs::read(self.notes.path().join("untapped")).ok()?;
        Some(String::from_utf8_lossy(&path).into_owned())
    }
}

fn can_be_in_pythonpath(folder: &Path) -> bool {
    std::env::join_paths([folder]).is_ok()
}

/// An empty `PYTHONPATH` is none; joining it would add the working directory.
fn first_in_path(folder: &Path, inherited: &OsStr) -> OsString {
    let first = std::env::split_paths(inherited).next();
    if first.as_deref() == Some(folder) {
        return inherited.to_owned();
    }
    let mut path = folder.as_os_str().to_owned();
    if !inherited.is_empty() {
        path.push(if cfg!(windows) { ";" } else { ":" });
        path.push(inherited);
    }
    path
}

/// The directory, with the file in it. Other runs may be reading it, so it is replaced in one step, and only if it differs.
fn written(folder: PathBuf) -> io::Result<PathBuf> {
    create_private(&folder)?;
    let file = folder.join("sitecustomize.py");
    if !fs::read(&file).is_ok_and(|present| present == SITECUSTOMIZE.as_bytes()) {
        let mut new = NamedTempFile::new_in(&folder)?;
        new.write_all(SITECUSTOMIZE.as_bytes())?;
        new.persist(file)?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_first_and_never_twice() {
        let folder = Path::new("/home/ann/.llmlab/run/python-1");
        let path = |inherited: &str| first_in_path(folder, OsStr::new(inherited)).into_string().unwrap();
        assert_eq!(path(""), "/home/ann/.llmlab/run/python-1");
        assert_eq!(path("/lib:"), "/home/ann/.llmlab/run/python-1:/lib:");
        assert_eq!(path(&path("/lib")), path("/lib"));
    }

    #[test]
    fn a_home_that_cannot_be_in_a_path_list_is_not_used() {
        let parent = tempfile::tempdir().unwrap();
        let home = parent.path().join("a:b");
        let tap = Tap::lay(Some(&home)).unwrap();
        assert!(tap.folder.starts_with(tap.notes.path()));
        assert!(!home.exists());
    }

    #[cfg(unix)]
    #[test]
    fn the_directories_are_private_and_an_old_file_is_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let home = parent.path().join("home");
        let tap = Tap::lay(Some(&home)).unwrap();
        let file = tap.folder.join("sitecustomize.py");
        fs::write(&file, "print('old')").unwrap();
        let tap = Tap::lay(Some(&home)).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), SITECUSTOMIZE);
        for folder in [home.as_path(), &home.join("run"), &tap.folder, tap.notes.path()] {
            assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700, "{}", folder.display());
        }
        assert_eq!(fs::read_dir(&tap.folder).unwrap().count(), 1);
    }
}
