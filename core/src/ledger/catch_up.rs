//! Making the ledger current: what waits in the spool is taken in, whoever wrote it.

use std::path::{Path, PathBuf};

use super::Ledger;
use crate::error::Result;
use crate::sink::LedgerSink;
use crate::spool::{self, Reach};

/// What [`catch_up`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaughtUp {
    /// Events that the ledger did not have.
    pub stored: u64,
    /// Files of which something could not be read. What could be is in the ledger; they are kept for inspection.
    pub damaged: Vec<PathBuf>,
    /// Files of a newer llmlab, left alone.
    pub newer: Vec<PathBuf>,
}

/// Takes into the ledger of `home` what is in the spool, for all projects: the segments of dead processes, which are then
/// removed, and a copy of what living ones have written so far. Those are not disturbed; what they deliver later is
/// recognised.
///
/// A ledger is made only if there is something to take in.
///
/// # Errors
/// [`crate::ErrorCode::Storage`]: the ledger cannot be written. What is in the spool stays there.
pub fn catch_up(home: &Path) -> Result<CaughtUp> {
    let mut sink = LedgerSink::new(home);
    let mut caught_up = CaughtUp::default();
    for folder in spool::folders(home) {
        let swept = spool::sweep(&folder, None, Reach::All, &mut sink, &|| true)?;
        caught_up.stored += swept.stored;
        caught_up.damaged.extend(swept.kept);
        caught_up.newer.extend(swept.newer);
    }
    Ok(caught_up)
}

impl Ledger {
    /// The ledger of a home, current to the second: [`catch_up`], then [`Ledger::read`]. On a home that cannot be
    /// written, what the ledger has is better than no answer: then the first value tells why it is not current.
    ///
    /// # Errors
    /// As [`Ledger::read`].
    pub fn current(home: &Path) -> Result<(Result<CaughtUp>, Self)> {
        let caught_up = catch_up(home);
        Ok((caught_up, Self::read(&Self::path_in(home))?))
    }
}
