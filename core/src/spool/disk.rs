//! The file system as the spool needs it: every effect goes through here, so that a test can fail the k-th of them, cut a
//! write short, or take the power away.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::Result;

mod private;
mod real;

pub(crate) use private::{home_folder, not_writable, private_file, private_folder};
pub(crate) use real::RealDisk;

/// Folders and the names in them. Nothing here follows a symbolic link at the end of a path.
pub(crate) trait Disk: Send + Sync {
    /// Makes the home and what is above it, unless it is there; one that is there is taken as the user made it.
    ///
    /// # Errors
    /// If it cannot be made.
    fn make_home(&self, path: &Path) -> Result<()>;

    /// Makes a folder for the user alone, unless it is there.
    ///
    /// # Errors
    /// If it cannot be made or is somebody else's: who may write there could forge events, or read what users do.
    fn make_folder(&self, path: &Path) -> Result<()>;

    /// A new file for the user alone. Fails with [`io::ErrorKind::AlreadyExists`] if the name is taken.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// A file that exists. Anything but a regular file is an error ([`io::ErrorKind::InvalidInput`]), and never waited for.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Adds bytes at the end of a file, which is made if it is missing, and brings them to the platter. Two processes do
    /// not mix theirs.
    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Gives a file another name in place of the old one; whatever had that name is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file another name beside the old one. Fails with [`io::ErrorKind::AlreadyExists`] if the name is taken.
    fn link(&self, original: &Path, link: &Path) -> io::Result<()>;

    /// Takes a name away.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Brings the names of a folder to the platter.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// What is in a folder, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// What is known of the file, folder or other thing at a path.
    fn facts(&self, path: &Path) -> io::Result<Facts>;
}

/// An open file.
pub(crate) trait DiskFile: Send + Sync {
    /// Writes once at an offset, and says how much of it was written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// The first bytes, as many as there are.
    fn read(&self, at_most: u64) -> io::Result<Vec<u8>>;

    /// Cuts it off.
    fn cut(&self, bytes: u64) -> io::Result<()>;

    /// Brings what was written to the platter.
    fn sync(&self) -> io::Result<()>;

    /// Takes the lock, which goes with the process or with [`DiskFile::unlock`]. `false`: somebody else has it.
    fn try_lock(&self, lock: Lock) -> io::Result<bool>;

    /// Gives the lock up. Closing alone would not do: a child that the host forks holds a copy of the file, and the lock
    /// with it, until it executes something else.
    fn unlock(&self);

    /// What is known of it.
    fn facts(&self) -> io::Result<Facts>;

    /// Sets the time of its last change.
    fn set_modified(&self, unix_ns: i64) -> io::Result<()>;

    /// The path still leads to this file: it was not renamed or removed since it was opened.
    fn is_at(&self, path: &Path) -> bool;
}

/// Who else may have the lock of a file at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Nobody.
    Alone,
    /// Others who only look.
    Shared,
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) kind: Kind,
    pub(crate) bytes: u64,
    pub(crate) modified_unix_ns: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    /// A link, a pipe, a socket: none of ours.
    Other,
}
