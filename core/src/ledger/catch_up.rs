//! Making the ledger current: what waits in the spool is taken in, whoever wrote it.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};

use super::Ledger;
use crate::error::Result;
use crate::later;
use crate::sink::{Batch, LedgerSink, Receipt, Sink, SinkSettings};
use crate::spool::{self, Queue, Sealed};

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

/// How many segments go to the ledger at once. It bounds the open files and the memory.
const SEGMENTS_AT_ONCE: usize = 40;

/// Takes into the ledger of `home` what waits for it in the spool, for all projects: sealed segments, which are then removed,
/// and a copy of what living writers have written since. Those are not disturbed; what they deliver later is recognised.
///
/// A ledger is made only if there is something to take in.
///
/// # Errors
/// [`crate::ErrorCode::Storage`]: the ledger cannot be written. What is in the spool stays there.
pub fn catch_up(home: &Path) -> Result<CaughtUp> {
    let mut sink = LedgerSink::new(home);
    let mut caught_up = CaughtUp::default();
    for queue in spool::queues(home, &SinkSettings::Ledger.destination()) {
        for segments in queue.everything()?.chunks(SEGMENTS_AT_ONCE) {
            take_in(&queue, segments, &mut sink, &mut caught_up)?;
        }
        let copies: Vec<_> = queue.copies().into_iter().map(|content| content.batch).collect();
        for batches in copies.chunks(SEGMENTS_AT_ONCE) {
            caught_up.stored += sink.deliver(batches)?.iter().map(|receipt| receipt.stored).sum::<u64>();
        }
    }
    Ok(caught_up)
}

fn take_in(queue: &Queue, segments: &[Sealed], sink: &mut LedgerSink, caught_up: &mut CaughtUp) -> Result<()> {
    let mut found = Vec::new();
    let names: Vec<_> = segments.iter().map(|segment| segment.name).collect();
    for (segment, content) in segments.iter().zip(queue.read_many(&names)) {
        match content {
            Ok(Some(content)) => found.push((segment.name, content)),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                caught_up.newer.push(queue.ready_path(segment.name));
            }
            // Somebody else has it in hand, or had.
            Ok(None) | Err(_) => {}
        }
    }
    let batches: Vec<Batch> = found.iter_mut().map(|(_, content)| mem::take(&mut content.batch)).collect();
    let has_events = batches.iter().any(|batch| !batch.events.is_empty());
    let receipts = if has_events { sink.deliver(&batches)? } else { vec![Receipt::default(); batches.len()] };
    for (((name, content), batch), receipt) in found.iter().zip(&batches).zip(receipts) {
        caught_up.stored += receipt.stored;
        if receipt.accounts_for(batch.events.len()) {
            queue.release(*name, content.is_whole());
            if !content.is_whole() {
                caught_up.damaged.push(queue.ready_path(*name));
            }
        }
    }
    Ok(())
}

impl Ledger {
    /// The ledger of a home, current to the second: what this process is still reading, [`catch_up`], then [`Ledger::read`]. On a home that cannot be
    /// written, what the ledger has is better than no answer: then the first value tells why it is not current.
    ///
    /// # Errors
    /// As [`Ledger::read`].
    pub fn current(home: &Path) -> Result<(Result<CaughtUp>, Self)> {
        later::settle();
        let caught_up = catch_up(home);
        Ok((caught_up, Self::read(&Self::path_in(home))?))
    }
}
