//! Directories of our own, which nobody else may read or write.

use std::fs::DirBuilder;
use std::io;
use std::path::Path;

use tempfile::TempDir;

/// Creates a directory, and those above it, that nobody else may write into: what lies there is executed.
pub(crate) fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A directory as private as that, which goes with the value.
pub(crate) fn temporary(prefix: &str) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.prefix(prefix).tempdir()
}
