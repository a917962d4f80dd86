//! The lists of a home on disk: the one that was taken last, and the one before.
//!
//! ```text
//! <home>/prices/
//!     current.json                     which list is taken and which was before; replaced as a whole
//!     <version>-<checksum>.jsonl       a list; never changed
//!     incoming                         being written
//!     lock                             held by whoever writes
//! ```

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::catalogue::List;
use crate::error::{Error, ErrorCode, Result};
use crate::moment::format_rfc3339;
use crate::spool::{Disk, DiskFile, FileLock, RealDisk};

const MAX_BOOKS_BYTES: u64 = 64 * 1024;

/// A list that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Kept {
    /// Its version.
    pub version: u64,
    /// Its name in the folder.
    file: String,
    /// Its checksum, SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Where it came from.
    pub from: String,
    /// When it was taken, RFC 3339.
    pub taken: String,
    /// The user wants it even where the built-in prices are newer.
    #[serde(default)]
    pub pinned: bool,
}

/// What `current.json` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Books {
    /// None: the built-in prices, after a rollback.
    current: Option<Kept>,
    previous: Option<Kept>,
}

/// The lists of a home.
pub struct Lists {
    disk: Arc<dyn Disk>,
    home: PathBuf,
}

impl std::fmt::Debug for Lists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lists").field("home", &self.home).finish_non_exhaustive()
    }
}

impl Lists {
    /// Those of a home. Touches nothing.
    pub fn of(home: &Path) -> Self {
        Self::on(Arc::new(RealDisk), home)
    }

    pub(super) fn on(disk: Arc<dyn Disk>, home: &Path) -> Self {
        Self { disk, home: home.to_owned() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.join("prices").join(name)
    }

    /// The list that was taken last, whole; `None` where there is none.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn current(&self) -> std::result::Result<Option<(Kept, List)>, String> {
        let mut seen = None;
        loop {
            let Some(kept) = self.books()?.current else { return Ok(None) };
            match self.list(&kept) {
                Ok(list) => return Ok(Some((kept, list))),
                // It was replaced between the two looks, twice even: then its file is gone.
                Err(_) if seen.as_ref() != Some(&kept) => seen = Some(kept),
                Err(why) => return Err(why),
            }
        }
    }

    /// What is known of the list that was taken last, and of the one before.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn told(&self) -> std::result::Result<(Option<Kept>, Option<Kept>), String> {
        self.books().map(|books| (books.current, books.previous))
    }

    fn books(&self) -> std::result::Result<Books, String> {
        let path = self.path("current.json");
        let damaged = |why: &dyn std::fmt::Display| format!("{} cannot be used: {why}", path.display());
        let bytes = match self.disk.open(&path).and_then(|file| file.read(MAX_BOOKS_BYTES)) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Books::default());
            }
            Err(error) => return Err(damaged(&error)),
        };
        serde_json::from_slice(&bytes).map_err(|error| damaged(&error))
    }

    fn list(&self, kept: &Kept) -> std::result::Result<List, String> {
        let path = self.path(&kept.file);
        let damaged = |why: &dyn std::fmt::Display| format!("the price list {} cannot be used: {why}", path.display());
        let file = self.disk.open(&path).map_err(|error| damaged(&error))?;
        let bytes = file.read(List::MAX_BYTES as u64 + 1).map_err(|error| damaged(&error))?;
        if sha256(&bytes) != kept.sha256 {
            return Err(damaged(&"it is not what was taken"));
        }
        let text = String::from_utf8(bytes).map_err(|error| damaged(&error))?;
        List::open(&text).map_err(|error| damaged(&error))
    }

    /// Puts a list in the place of the current one, which becomes the one before. `expected` is the version that was
    /// current when it was decided.
    ///
    /// # Errors
    /// [`ErrorCode::Storage`]; then what was current is so still, unless the very last step failed.
    pub(super) fn take(&self, text: &str, kept: Kept, expected: Option<u64>) -> Result<()> {
        self.alone(|| {
            let books = self.books().unwrap_or_default();
            if books.current.as_ref().map(|current| current.version) != expected {
                return Err(failed("another update was faster; run this one again"));
            }
            self.write(&kept.file, text.as_bytes())?;
            // A list that is damaged is no last good one.
            let previous = books.current.filter(|current| *current != kept && self.list(current).is_ok());
            self.settle(&Books { current: Some(kept), previous: previous.or(books.previous) })
        })
    }

    /// Goes back to the list before, or to the built-in prices; a second time undoes that.
    ///
    /// # Errors
    /// [`ErrorCode::Storage`]; then nothing changed, unless the very last step failed.
    pub fn roll_back(&self) -> Result<Option<Kept>> {
        if self.told().is_ok_and(|told| told == (None, None)) {
            return Err(failed("there is nothing to go back to: no list was ever taken"));
        }
        self.alone(|| {
            let books = self.books().unwrap_or_default();
            let current = books.previous.filter(|previous| self.list(previous).is_ok());
            let current = current.map(|previous| Kept { pinned: true, ..previous });
            self.settle(&Books { current: current.clone(), previous: books.current })?;
            Ok(current)
        })
    }

    /// Replaces the books and removes the lists that they do not name.
    fn settle(&self, books: &Books) -> Result<()> {
        let text = serde_json::to_vec(books).map_err(|cause| failed("the list cannot be kept").caused_by(cause))?;
        self.write("current.json", &text)?;
        let named = [&books.current, &books.previous].map(|kept| kept.as_ref().map(|kept| kept.file.as_str()));
        for name in self.disk.list(&self.home.join("prices")).unwrap_or_default() {
            if Path::new(&name).extension().is_some_and(|extension| extension == "jsonl")
                && !named.contains(&Some(&name))
            {
                // What is left over costs space and nothing else.
                let _ = self.disk.remove(&self.path(&name));
            }
        }
        Ok(())
    }

    /// Writes a file as a whole: under this name there are the old bytes or the new ones, also after a power cut.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (incoming, path) = (self.path("incoming"), self.path(name));
        let write = || {
            match self.disk.remove(&incoming) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let file = self.disk.create(&incoming)?;
            let mut written = 0;
            while written < bytes.len() {
                match file.write_at(&bytes[written..], written as u64)? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    count => written += count,
                }
            }
            file.sync()?;
            self.disk.rename(&incoming, &path)?;
            self.disk.sync_folder(&self.home.join("prices"))
        };
        write().map_err(|cause| failed(&format!("{} cannot be written", path.display())).caused_by(cause))
    }

    fn alone<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.disk.make_home(&self.home)?;
        self.disk.make_folder(&self.home.join("prices"))?;
        let lock = self.lock().map_err(|cause| failed("the folder of prices cannot be locked").caused_by(cause))?;
        let lock = lock.ok_or_else(|| failed("another update is being taken; run this one again"))?;
        let outcome = work();
        lock.unlock();
        outcome
    }

    fn lock(&self) -> io::Result<Option<Arc<dyn DiskFile>>> {
        let path = self.path("lock");
        let file = match self.disk.create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.disk.open(&path)?,
            other => other?,
        };
        Ok(file.try_lock(FileLock::Alone)?.then_some(file))
    }
}

impl Kept {
    pub(super) fn new(text: &str, version: u64, from: &str, taken_unix_ns: i64, pinned: bool) -> Self {
        let sha256 = sha256(text.as_bytes());
        let file = format!("{version}-{}.jsonl", &sha256[..16]);
        Self { version, file, sha256, from: from.to_owned(), taken: format_rfc3339(taken_unix_ns), pinned }
    }
}

fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn failed(message: &str) -> Error {
    Error::new(ErrorCode::Storage, message)
}
