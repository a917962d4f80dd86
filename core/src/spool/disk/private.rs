//! The modes of what we create: what is recorded is for the user alone.

use std::fs::{Metadata, OpenOptions};
use std::io;
use std::path::Path;

use crate::error::{Error, ErrorCode, Result};

fn unusable(path: &Path, fix: &str) -> Error {
    Error::new(ErrorCode::Storage, format!("the folder {} cannot be used; {fix}", path.display()))
}

pub(crate) fn not_writable(path: &Path, cause: io::Error) -> Error {
    unusable(path, "make it writable, or set LLMLAB_HOME to a folder of your own").caused_by(cause)
}

/// Creates the home for the user alone. One that is there already is taken as the user made it.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn home_folder(home: &Path) -> Result<()> {
    if home.is_dir() {
        return Ok(());
    }
    if let Some(parent) = home.parent() {
        std::fs::create_dir_all(parent).map_err(|cause| not_writable(home, cause))?;
    }
    match create_private_folder(home) {
        // Another process was faster.
        Err(_) if home.is_dir() => Ok(()),
        other => other.map_err(|cause| not_writable(home, cause)),
    }
}

/// Creates a folder for the user alone.
///
/// # Errors
/// If it cannot be made or is somebody else's: who may write there could forge events, or read what users do.
pub(crate) fn private_folder(path: &Path) -> Result<()> {
    match create_private_folder(path) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other.map_err(|cause| not_writable(path, cause)),
    }
    let metadata = std::fs::symlink_metadata(path).map_err(|cause| not_writable(path, cause))?;
    if is_private(&metadata) {
        Ok(())
    } else {
        Err(unusable(path, "it must be a folder that belongs to you and that nobody else can write to (chmod go-w)"))
    }
}

#[cfg(unix)]
fn create_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create_private_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir(path)
}

#[cfg(unix)]
fn is_private(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.is_dir() && metadata.uid() == nix::unistd::geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

#[cfg(not(unix))]
fn is_private(metadata: &Metadata) -> bool {
    metadata.is_dir()
}

/// Options for a file of the user alone. A link in its place is not followed, and a pipe not waited for; the standard
/// library closes it on `exec`.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits());
    }
    options
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn folders_and_files_are_for_the_user_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        home_folder(folder.parent().unwrap()).unwrap();
        private_folder(&folder).unwrap();
        private_folder(&folder).unwrap();
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let file = private_file().create_new(true).write(true).open(folder.join("f")).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused_by_name() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("shared");
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        let message = private_folder(&folder).unwrap_err().to_string();
        assert!(message.contains("shared") && message.contains("chmod go-w"), "{message}");
    }

    #[test]
    fn a_link_in_the_place_of_a_folder_or_a_file_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let link = home.path().join("link");
        std::os::unix::fs::symlink(home.path(), &link).unwrap();
        assert!(private_folder(&link).is_err());
        let target = home.path().join("target");
        std::fs::write(&target, "").unwrap();
        let link = home.path().join("file-link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(private_file().write(true).open(link).is_err());
    }
}
