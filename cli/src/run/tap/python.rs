//! Python: a directory with a `sitecustomize.py`, first in `PYTHONPATH`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::written;

const PYTHONPATH: &str = "PYTHONPATH";

pub(super) const CLIENTS: &[&str] = &["httpx", "requests", "urllib3", "boto3", "aiohttp"];

/// In the home, interpreters keep its byte code from run to run.
pub(super) fn lay(home: Option<&Path>, otherwise: &Path) -> io::Result<PathBuf> {
    let write = |folder| written(folder, "sitecustomize.py", include_str!("sitecustomize.py"));
    let version = concat!("python-", env!("CARGO_PKG_VERSION"));
    let at_home = home.map(|home| home.join("run").join(version)).filter(|folder| can_be_in_pythonpath(folder));
    match at_home.map(write) {
        Some(Ok(folder)) => Ok(folder),
        _ => write(otherwise.join(version)),
    }
}

pub(super) fn apply(folder: &Path, command: &mut Command) {
    #[expect(clippy::disallowed_methods, reason = "a path is not text, and is handed on byte for byte")]
    let inherited = std::env::var_os(PYTHONPATH).unwrap_or_default();
    command.env(PYTHONPATH, first_in_path(folder, &inherited));
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
        let folder = lay(Some(&home), parent.path()).unwrap();
        assert_eq!(folder.parent(), Some(parent.path()));
        assert!(!home.exists());
    }
}
