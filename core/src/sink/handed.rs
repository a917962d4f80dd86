//! Batches for functions of the host, which it calls on a thread of its own.

use super::Batch;

/// A batch in the hands of the host. It counts as delivered once it is settled; one that never is stays in the spool and
/// is handed out again by the next process.
#[derive(Clone, Debug)]
pub struct HandedBatch {
    /// Its number, for the settlement.
    pub ticket: u64,
    /// What the function is given.
    pub batch: Batch,
}
