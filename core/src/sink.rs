//! Where batches go. A sink is one file under `sink/`; how it keeps its promise is its own business.
//!
//! There are three kinds. A [`Sink`] stores on the spot (ledger, file, console). A [`Remote`] only says what to ask a
//! server and what its answer means; the request itself is made by the I/O thread. A callback is served by the host.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::SystemClock;
use crate::error::Result;
use crate::event::{Event, Origin};

mod console;
mod custom;
mod handed;
mod jsonl;
mod ledger;
mod llmlab;
pub(crate) mod otlp;
mod settings;
#[cfg(test)]
mod suite;
mod traces;
mod track;
mod verdict;

pub use custom::CustomSink;
pub use handed::HandedBatch;
pub(crate) use ledger::LedgerSink;
pub use settings::{Endpoint, Secret, SinkSettings};
pub(crate) use verdict::words;

/// A sink that stores on the spot; `None` for the other kinds. `home` is where the ledger lies.
pub(crate) fn local(settings: &SinkSettings, home: &Path) -> Option<Box<dyn Sink>> {
    Some(match settings {
        SinkSettings::Ledger => Box::new(LedgerSink::new(home)),
        SinkSettings::Jsonl { path, max_bytes, keep } => Box::new(jsonl::JsonlSink::new(path, *max_bytes, *keep)),
        SinkSettings::Console => Box::new(console::ConsoleSink::new()),
        _ => return None,
    })
}

/// The translator for a sink behind HTTP; `None` for the other kinds. `home` is where the ledger lies.
pub(crate) fn remote(settings: &SinkSettings, home: &Path) -> Option<Box<dyn Remote>> {
    Some(match settings {
        SinkSettings::Llmlab(endpoint) => Box::new(llmlab::Llmlab::new(endpoint, Box::new(SystemClock))),
        SinkSettings::Track(endpoint, path) => Box::new(track::Track::new(endpoint, path)),
        SinkSettings::Traces(endpoint) => Box::new(traces::Traces::new(endpoint, home)),
        SinkSettings::Otlp(endpoint) => Box::new(otlp::OtlpSink::new(endpoint)),
        _ => return None,
    })
}

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

/// What a sink says of some events of a batch. Their segment is removed only if the receipts account for every event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Events that the sink did not have before.
    pub stored: u64,
    /// Events that it had already.
    pub duplicates: u64,
    /// Events that it will never take.
    pub rejected: Vec<Rejection>,
}

/// An event that a sink will never take, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The event's place in the batch.
    pub index: usize,
    /// In the sink's words.
    pub reason: String,
}

impl Receipt {
    /// Every one of so many events was stored, known or rejected.
    pub fn accounts_for(&self, events: usize) -> bool {
        self.stored + self.duplicates + self.rejected.len() as u64 == events as u64
    }
}

/// What a sink does with a batch that reaches it twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guarantee {
    /// It keeps one copy of each event, told apart by the event's id.
    ExactlyOnce,
    /// It may keep two.
    AtLeastOnce,
}

/// A sink that stores on the spot. It is called by one thread, `llmlab-io`, and never by the host's. One of your own is
/// given to [`Builder::sink`](crate::Builder::sink).
///
/// ```
/// # let home = tempfile::tempdir().unwrap();
/// use std::collections::HashSet;
/// use std::time::Duration;
///
/// use llmlab::sink::{Batch, Guarantee, Receipt, Sink};
/// use llmlab::{Llmlab, SinkChoice};
///
/// /// Keeps what it is given in memory, and knows what it has.
/// #[derive(Default)]
/// struct Memory(HashSet<String>);
///
/// impl Sink for Memory {
///     fn name(&self) -> &'static str {
///         "memory"
///     }
///
///     fn guarantee(&self) -> Guarantee {
///         Guarantee::ExactlyOnce
///     }
///
///     fn deliver(&mut self, batches: &[Batch]) -> llmlab::Result<Vec<Receipt>> {
///         let receipt = |batch: &Batch| {
///             let new = batch.events.iter().filter(|event| self.0.insert(event.id.to_string())).count() as u64;
///             Receipt { stored: new, duplicates: batch.events.len() as u64 - new, ..Receipt::default() }
///         };
///         Ok(batches.iter().map(receipt).collect())
///     }
/// }
///
/// let lab = Llmlab::builder().home(home.path()).sink("ledger").sink(SinkChoice::custom(Memory::default())).build()?;
/// lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).record();
/// assert!(lab.flush(Duration::from_secs(5)).is_complete());
/// # Ok::<(), llmlab::Error>(())
/// ```
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

/// A sink behind HTTP: pure translation. It is called by one thread, `llmlab-io`, and never by the host's.
pub trait Remote: Send {
    /// Its name in configuration and statistics.
    fn name(&self) -> &'static str;

    /// What a second delivery does.
    fn guarantee(&self) -> Guarantee;

    /// The most events that one request may hold.
    fn max_events(&self) -> usize;

    /// The server is known to unpack what it is sent. One that is not may answer gzip with 400, as if the events were
    /// wrong.
    fn takes_gzip(&self) -> bool {
        true
    }

    /// What to ask for these events of a batch. `None`: nothing has to be sent for them, and they count as stored.
    ///
    /// # Errors
    /// When it cannot be said yet; it is asked again later.
    fn request(&mut self, batch: &Batch, events: Range<usize>) -> Result<Option<Message>>;

    /// What the answer to [`Remote::request`] means. `now_unix_ns` is for dates in headers.
    fn judge(&self, batch: &Batch, events: Range<usize>, answer: &Answer, now_unix_ns: i64) -> Verdict;

    /// What a writer has had to drop so far, by reason, for formats that can say so.
    fn note_dropped(&mut self, _writer: [u8; 16], _events: &[(&'static str, u64)]) {}
}

/// A request: always `POST`, redirects refused, gzip unless the server does not take that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Absolute.
    pub url: String,
    /// Names in lower case. The endpoint's own headers and key are not among them: the client adds those that a message
    /// does not override.
    pub headers: Vec<(&'static str, String)>,
    /// Uncompressed.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `retry-after`.
    pub retry_after: Option<String>,
    /// At most 1 MiB of the body.
    pub body: Vec<u8>,
}

/// Why there was no [`Answer`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Name, connection, time limit, reset, a body that broke off: worth another try.
    Transient(String),
    /// The server's certificate was not accepted, or the address or a file of the configuration cannot be used.
    Refused(String),
}

/// What an answer means for the events that were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The server has said of each event what became of it; indices are those of the batch.
    Receipt(Receipt),
    /// Try again, not before this has passed if the server said so.
    Retry {
        /// What `retry-after` said.
        after: Option<Duration>,
        /// For the last error.
        reason: String,
    },
    /// Something among these events is not acceptable: halve them. A single one is the culprit.
    Split {
        /// For the dead letter.
        reason: String,
    },
    /// The server does not take compressed bodies.
    Uncompressed,
    /// Nothing that is sent will be accepted until somebody corrects the configuration. Everything is kept.
    Pause {
        /// For the warning.
        reason: String,
    },
}
