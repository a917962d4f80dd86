//! Where batches go. A sink is one file under `sink/`; how it keeps its promise is its own business.

use std::sync::Arc;

use crate::error::Result;
use crate::event::{Event, Origin};

mod ledger;

pub(crate) use ledger::LedgerSink;

/// The events of one sealed segment: the unit of delivery.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The same at every delivery of these events, whichever process delivers them.
    pub id: String,
    /// What all of the events share.
    pub origin: Arc<Origin>,
    /// In the order in which they were recorded.
    pub events: Vec<Event>,
}

/// What a sink says of one batch. Its segment is removed only if the receipt accounts for every event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Events that the sink did not have before.
    pub stored: u64,
    /// Events that it had already.
    pub duplicates: u64,
}

impl Receipt {
    /// Every event of the batch is in the sink.
    pub const fn accounts_for(&self, batch: &Batch) -> bool {
        self.stored + self.duplicates == batch.events.len() as u64
    }
}

/// What a sink does with a batch that reaches it twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// It keeps one copy of each event, told apart by the event's id.
    ExactlyOnce,
    /// It may keep two.
    AtLeastOnce,
}

/// A destination of batches. It is called by one thread, `llmlab-io`, and never by the host's.
pub trait Sink: Send {
    /// Its name in configuration and statistics.
    fn name(&self) -> &'static str;

    /// What a second delivery does.
    fn guarantee(&self) -> Guarantee;

    /// Delivers batches, oldest first, and returns the receipts of as many as it managed, in the same order. Several at
    /// once, because a sink may do them in one transaction; a batch without a receipt is delivered again.
    ///
    /// # Errors
    /// When not even the first batch could be delivered. Nothing is lost: all of them are delivered again.
    fn deliver(&mut self, batches: &[Batch]) -> Result<Vec<Receipt>>;
}
