//! How the processes of a run are reached: each language has a private file that its programs load at their start.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::{NamedTempFile, TempDir};

use crate::folder::{create_private, temporary};

mod node;
mod python;

/// The tap of one run.
pub(crate) struct Tap {
    /// What is first in `PYTHONPATH`.
    folder: PathBuf,
    /// What Node is to require.
    preload: PathBuf,
    /// Where the programs say how they fared; it goes with the run.
    notes: TempDir,
}

impl Tap {
    /// Lays the private files in the home, or among the temporary files if the home cannot be written.
    pub(crate) fn lay(home: Option<&Path>) -> io::Result<Self> {
        let notes = temporary("llmlab-run-")?;
        Ok(Self { folder: python::lay(home, notes.path())?, preload: node::lay(home)?, notes })
    }

    /// Puts the tap into the environment of a command.
    pub(crate) fn apply(&self, command: &mut Command) {
        python::apply(&self.folder, command);
        node::apply(&self.preload, command);
        command.env("LLMLAB_RUN_NOTES", self.notes.path());
    }

    /// What the taps of the programs that were tapped reach, by the names that people know; none if no program was.
    pub(crate) fn clients(&self) -> Vec<&'static str> {
        let languages = [("tapped-python", python::CLIENTS), ("tapped-node", node::CLIENTS)];
        languages
            .into_iter()
            .filter(|(note, _)| self.notes.path().join(note).exists())
            .flat_map(|(_, clients)| clients.iter().copied())
            .collect()
    }

    /// A program that could not be tapped.
    pub(crate) fn unreached(&self) -> Option<String> {
        let path = fs::read(self.notes.path().join("untapped")).ok()?;
        Some(String::from_utf8_lossy(&path).into_owned())
    }
}

/// The directory, with a file in it. Other runs may be reading it, so it is replaced in one step, and only if it differs.
fn written(folder: PathBuf, name: &str, text: &str) -> io::Result<PathBuf> {
    create_private(&folder)?;
    let file = folder.join(name);
    if !fs::read(&file).is_ok_and(|present| present == text.as_bytes()) {
        let mut new = NamedTempFile::new_in(&folder)?;
        new.write_all(text.as_bytes())?;
        new.persist(file)?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_directories_are_private_and_an_old_file_is_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let home = parent.path().join("home");
        let tap = Tap::lay(Some(&home)).unwrap();
        let files = [tap.folder.join("sitecustomize.py"), tap.preload.clone()];
        let written = files.each_ref().map(|file| fs::read_to_string(file).unwrap());
        for file in &files {
            fs::write(file, "print('old')").unwrap();
        }
        let tap = Tap::lay(Some(&home)).unwrap();
        assert_eq!(files.each_ref().map(|file| fs::read_to_string(file).unwrap()), written);
        let node = tap.preload.parent().unwrap();
        for folder in [home.as_path(), &home.join("run"), &tap.folder, node, tap.notes.path()] {
            assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700, "{}", folder.display());
        }
        assert_eq!(fs::read_dir(&tap.folder).unwrap().count() + fs::read_dir(node).unwrap().count(), 2);
    }
}
