//! A file of whole lines that several processes write to.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use crate::fork::ClosedInChild;

/// How much is read at once in search of the end of the last whole line.
pub(super) const TAIL_BYTES: u64 = 64 * 1024;
/// How every line of ours begins.
pub(super) const LINE_START: &[u8] = b"{\"id\":\"";
/// Writing a batch takes another process a few milliseconds. One that was stopped in the midst of it must not stop us: the
/// thread that writes here has other sinks to serve.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// Nobody else's while it is open.
pub(super) struct LinesFile {
    _closed_in_child: ClosedInChild,
    file: File,
    pub(super) len: u64,
}

impl LinesFile {
    /// The file that has the name now: a rotation by another process may have given the name to a new file while this one
    /// waited for the lock.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        loop {
            let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
            if !file.metadata()?.is_file() {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
            }
            let closed_in_child = ClosedInChild::new(&file);
            lock(&file)?;
            let mut lines = Self { _closed_in_child: closed_in_child, file, len: 0 };
            if is_still_named(&lines.file, path)? {
                lines.len = whole_lines(&mut lines.file)?;
                return Ok(lines);
            }
        }
    }

    /// Everything or nothing.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(bytes);
        if written.is_err() {
            self.file.set_len(self.len)?;
        }
        self.len += bytes.len() as u64;
        written
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

impl Drop for LinesFile {
    fn drop(&mut self) {
        // A forked child may have the file open as well; closing ours would leave the lock with it.
        let _ = self.file.unlock();
    }
}

fn lock(file: &File) -> io::Result<()> {
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::WouldBlock, "another process keeps it locked"))
}

/// A process that was killed while it wrote left part of a line. Its batch had no receipt and is written again, so the
/// part is taken away; readers would stumble over it. What is not of our making is only given its end of line.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let len = file.metadata()?.len();
    let (whole, rest) = end_of_last_line(file, len)?;
    if whole == len {
        return Ok(len);
    }
    if rest.starts_with(&LINE_START[..rest.len().min(LINE_START.len())]) {
        file.set_len(whole)?;
        return Ok(whole);
    }
    file.write_all(b"\n")?;
    Ok(len + 1)
}

/// Where it is, and how what comes behind it begins.
fn end_of_last_line(file: &mut File, len: u64) -> io::Result<(u64, Vec<u8>)> {
    let (mut end, mut rest) = (len, Vec::new());
    while end > 0 {
        let start = end.saturating_sub(TAIL_BYTES);
        file.seek(SeekFrom::Start(start))?;
        let mut part = Vec::new();
        (&mut *file).take(end - start).read_to_end(&mut part)?;
        let line = memchr::memrchr(b'\n', &part).map(|at| at + 1);
        rest.splice(..0, part.drain(line.unwrap_or(0)..));
        rest.truncate(LINE_START.len());
        if let Some(at) = line {
            return Ok((start + at as u64, rest));
        }
        end = start;
    }
    Ok((0, rest))
}

#[cfg(unix)]
fn is_still_named(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (open, named) = (file.metadata()?, fs::metadata(path));
    match named {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// An open file cannot lose its name there.
#[cfg(not(unix))]
fn is_still_named(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}
