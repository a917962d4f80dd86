//! The embedded ledger: what `llmlab status` reads, and the sink of a default install.
//!
//! `SQLite` in WAL mode, so that many processes read and write at once. Text is stored once and referred to by number, an
//! event's id is its row id, and rollups by hour make a total independent of the number of events.

use std::fmt::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode as SqliteCode, OpenFlags};

use crate::error::{Error, ErrorCode, Result};
use crate::fork;
use crate::spool::{home_folder, private_file};

mod axis;
mod catch_up;
mod ingest;
mod prune;
mod query;
mod reprice;
mod rollup;
mod row;
mod schema;
mod totals;
mod trace;
mod words;
mod writers;

pub use axis::{GroupBy, Key};
pub use catch_up::{CaughtUp, catch_up};
pub use prune::Pruned;
pub use query::Filter;
pub use reprice::{PriceOf, Repriced, RepricedModel, Repricing};
pub(crate) use rollup::HOUR_NS;
pub use totals::Totals;

use words::Words;

/// How long a writer waits for the others. A transaction takes milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// An open ledger.
pub struct Ledger {
    connection: Connection,
    /// For messages.
    path: PathBuf,
    /// Which file that was when it was opened.
    file: Option<(u64, u64)>,
    words: Words,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A child keeps its hands off `SQLite` where its parent had it open: a thread may have held its locks at the fork, and
/// what it knows of locked files is the parent's.
fn ours_to_open() -> Result<()> {
    static FIRST: AtomicU64 = AtomicU64::new(0);
    let ours = fork::generation();
    match FIRST.compare_exchange(0, ours, Ordering::AcqRel, Ordering::Acquire) {
        Err(first) if first != ours => Err(Error::new(
            ErrorCode::Storage,
            "this process was forked from one that had the ledger open, so it cannot open it; ask there, start it with \
             `spawn`, or run `llmlab status`",
        )),
        _ => Ok(()),
    }
}

/// Tells one file from another of the same name.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    path.metadata().ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
const fn identity(_path: &Path) -> Option<(u64, u64)> {
    // An open file cannot be removed there.
    None
}

impl Ledger {
    /// Where the ledger of a home is.
    pub fn path_in(home: &Path) -> PathBuf {
        home.join("ledger.db")
    }

    /// Opens the ledger, and makes it if there is none (mode 0600).
    ///
    /// # Errors
    /// [`ErrorCode::Storage`], naming the path and the fix, for a ledger that cannot be read or written, is damaged, or
    /// belongs to a newer llmlab.
    pub fn open(path: &Path) -> Result<Self> {
        ours_to_open()?;
        if let Some(home) = path.parent() {
            home_folder(home)?;
        }
        // SQLite gives its other files the mode of this one.
        let made = private_file().write(true).create(true).truncate(false).open(path);
        made.map_err(|cause| inaccessible(path).caused_by(cause))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|cause| failure(path, cause))?;
        let mut ledger = Self::over(connection, path)?;
        schema::prepare_to_write(&mut ledger.connection).map_err(|problem| problem.of(path))?;
        Ok(ledger)
    }

    /// Opens the ledger of a home to ask it questions. Where there is none, the answer is an empty one, and
    /// none is made; one of an older version is brought to this one.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn read(path: &Path) -> Result<Self> {
        ours_to_open()?;
        match path.try_exists() {
            Ok(true) => {}
            Ok(false) => {
                let connection = Connection::open_in_memory().map_err(|cause| failure(path, cause))?;
                let mut ledger = Self::over(connection, path)?;
                schema::prepare_to_write(&mut ledger.connection).map_err(|problem| problem.of(path))?;
                return Ok(ledger);
            }
            Err(cause) => return Err(inaccessible(path).caused_by(cause)),
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|cause| failure(path, cause))?;
        let ledger = Self::over(connection, path)?;
        match schema::check(&ledger.connection) {
            Ok(()) => Ok(ledger),
            // Of an older version, or its maker died before there were tables.
            Err(schema::Problem::Older(_)) => Self::open(path),
            Err(schema::Problem::Sqlite(cause)) if is_denied(&cause) && !log_of(path).exists() => {
                Self::read_still(path)
            }
            Err(problem) => Err(problem.of(path)),
        }
    }

    /// Opens a ledger that nobody writes, in a folder that cannot be written: there `SQLite` cannot make the files through
    /// which readers and writers agree, and must be told that the file does not change.
    fn read_still(path: &Path) -> Result<Self> {
        let mut uri = "file:".to_owned();
        for &byte in path.as_os_str().as_encoded_bytes() {
            // Writing to a string does not fail.
            let _ = write!(uri, "%{byte:02X}");
        }
        uri.push_str("?immutable=1");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(uri, flags);
        let ledger = Self::over(connection.map_err(|cause| failure(path, cause))?, path)?;
        schema::check(&ledger.connection).map_err(|problem| problem.of(path))?;
        Ok(ledger)
    }

    fn over(connection: Connection, path: &Path) -> Result<Self> {
        connection.busy_timeout(BUSY_TIMEOUT).map_err(|cause| failure(path, cause))?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(Self { connection, path: path.to_owned(), file: identity(path), words: Words::default() })
    }

    /// The file was removed or replaced under us: what is written to it is lost.
    pub(crate) fn is_adrift(&self) -> bool {
        identity(&self.path) != self.file
    }

    /// Closes a ledger that is adrift. At the end of a connection `SQLite` removes the log by its name, which may be that of
    /// somebody else's by now.
    pub(crate) fn abandon(self) {
        if self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).is_err() {
            std::mem::forget(self);
        }
    }

    fn failure(&self, cause: rusqlite::Error) -> Error {
        failure(&self.path, cause)
    }
}

fn is_denied(cause: &rusqlite::Error) -> bool {
    matches!(
        cause.sqlite_error_code(),
        Some(SqliteCode::CannotOpen | SqliteCode::ReadOnly | SqliteCode::PermissionDenied)
    )
}

/// The write-ahead log beside a ledger that is in use, or whose last writer died.
fn log_of(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

fn inaccessible(path: &Path) -> Error {
    Error::new(
        ErrorCode::Storage,
        format!("the ledger {} cannot be opened; check its owner and mode, or set LLMLAB_HOME", path.display()),
    )
}

/// What `SQLite` says, with the path and what to do about it.
fn failure(path: &Path, cause: rusqlite::Error) -> Error {
    let path_text = path.display();
    match cause.sqlite_error_code() {
        Some(SqliteCode::NotADatabase | SqliteCode::DatabaseCorrupt) => Error::new(
            ErrorCode::Storage,
            format!("the ledger {path_text} is damaged or no ledger; move it away and a new one is made"),
        ),
        _ if is_denied(&cause) => inaccessible(path),
        Some(SqliteCode::DatabaseBusy | SqliteCode::DatabaseLocked) => Error::new(
            ErrorCode::Storage,
            format!("the ledger {path_text} is in use by another process for longer than {BUSY_TIMEOUT:?}; try again"),
        ),
        Some(SqliteCode::DiskFull) => {
            Error::new(ErrorCode::Storage, format!("no space is left for the ledger {path_text}; free some"))
        }
        _ => Error::new(ErrorCode::Storage, format!("the ledger {path_text} failed")),
    }
    .caused_by(cause)
}
