//! The operating system's file system.

use std::fs::{File, FileTimes, Metadata, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::private::{home_folder, private_file, private_folder};
use super::{Disk, DiskFile, Facts, Kind, Lock};
use crate::error::Result;
use crate::fork::ClosedInChild;

/// The disk of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn make_home(&self, path: &Path) -> Result<()> {
        home_folder(path)
    }

    fn make_folder(&self, path: &Path) -> Result<()> {
        private_folder(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RealFile::from(private_file().read(true).write(true).create_new(true).open(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let opened = match private_file().read(true).write(true).open(path) {
            // A home that cannot be written can still be read.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) =>
            {
                private_file().read(true).open(path)
            }
            other => other,
        };
        let file = opened?;
        if file.metadata()?.is_file() {
            Ok(Arc::new(RealFile::from(file)))
        } else {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = private_file().append(true).create(true).open(path)?;
        // One call, because only then do two processes not mix their bytes.
        if file.write(bytes)? < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.sync_data()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn link(&self, original: &Path, link: &Path) -> io::Result<()> {
        std::fs::hard_link(original, link)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    #[cfg(unix)]
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// There a folder cannot be opened as a file, and its journal keeps names in order.
    #[cfg(not(unix))]
    fn sync_folder(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        // A name that is no text is none of ours.
        let names = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name().into_string().ok()));
        names.filter_map(io::Result::transpose).collect()
    }

    fn facts(&self, path: &Path) -> io::Result<Facts> {
        std::fs::symlink_metadata(path).map(|metadata| facts(&metadata))
    }
}

fn facts(metadata: &Metadata) -> Facts {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Folder,
        _ => Kind::Other,
    };
    let since_1970 = metadata.modified().ok().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    let modified_unix_ns = since_1970.and_then(|passed| i64::try_from(passed.as_nanos()).ok()).unwrap_or(0);
    Facts { kind, bytes: metadata.len(), modified_unix_ns }
}

#[cfg(unix)]
fn most_bytes() -> u64 {
    use nix::sys::resource::{Resource, getrlimit};
    getrlimit(Resource::RLIMIT_FSIZE).map_or(u64::MAX, |(soft, _)| soft)
}

#[cfg(not(unix))]
const fn most_bytes() -> u64 {
    u64::MAX
}

struct RealFile {
    /// A lock on it is not to outlive us in a child. Before the file, which it must not outlive.
    closed_in_child: OnceLock<ClosedInChild>,
    file: File,
    /// How long a file of this process may be. The kernel answers a write beyond that with a signal that ends the host.
    most_bytes: u64,
}

impl From<File> for RealFile {
    fn from(file: File) -> Self {
        Self { closed_in_child: OnceLock::new(), file, most_bytes: most_bytes() }
    }
}

impl DiskFile for RealFile {
    #[cfg(unix)]
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if offset.saturating_add(bytes.len() as u64) > self.most_bytes {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        std::os::unix::fs::FileExt::write_at(&self.file, bytes, offset)
    }

    #[cfg(windows)]
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_write(&self.file, bytes, offset)
    }

    fn read(&self, at_most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.take(at_most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn try_lock(&self, lock: Lock) -> io::Result<bool> {
        let tried = match lock {
            Lock::Alone => self.file.try_lock(),
            Lock::Shared => self.file.try_lock_shared(),
        };
        match tried {
            Ok(()) => {
                self.closed_in_child.get_or_init(|| ClosedInChild::new(&self.file));
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn unlock(&self) {
        let _ = self.file.unlock();
    }

    fn facts(&self) -> io::Result<Facts> {
        self.file.metadata().map(|metadata| facts(&metadata))
    }

    fn set_modified(&self, unix_ns: i64) -> io::Result<()> {
        let modified: SystemTime = UNIX_EPOCH + Duration::from_nanos(u64::try_from(unix_ns).unwrap_or(0));
        self.file.set_times(FileTimes::new().set_modified(modified))
    }

    #[cfg(unix)]
    fn is_at(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        match (self.file.metadata(), std::fs::symlink_metadata(path)) {
            (Ok(ours), Ok(theirs)) => identity(ours) == identity(theirs),
            _ => false,
        }
    }

    #[cfg(not(unix))]
    fn is_at(&self, path: &Path) -> bool {
        path.exists()
    }
}
