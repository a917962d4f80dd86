//! The default sink: the embedded ledger.

use std::path::{Path, PathBuf};

use super::{Batch, Guarantee, Receipt, Sink};
use crate::error::Result;
use crate::ledger::Ledger;

/// Opens the ledger with the first batch, on the thread that delivers: a process that only records never opens `SQLite`.
pub(crate) struct LedgerSink {
    path: PathBuf,
    ledger: Option<Ledger>,
}

impl LedgerSink {
    pub(crate) fn new(home: &Path) -> Self {
        Self { path: Ledger::path_in(home), ledger: None }
    }
}

impl Sink for LedgerSink {
    fn name(&self) -> &'static str {
        "ledger"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn deliver(&mut self, batches: &[Batch]) -> Result<Vec<Receipt>> {
        if let Some(adrift) = self.ledger.take_if(|ledger| ledger.is_adrift()) {
            adrift.abandon();
        }
        let ledger = match &mut self.ledger {
            Some(ledger) => ledger,
            none => none.insert(Ledger::open(&self.path)?),
        };
        let receipts = ledger.ingest(batches);
        if receipts.is_err() {
            // A file that was moved away or repaired meanwhile is found by opening it again.
            self.ledger = None;
        }
        receipts
    }
}
