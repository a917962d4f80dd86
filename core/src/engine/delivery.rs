//! Getting events out of the client, and waiting until they are.

use std::time::Duration;

use crate::engine::Llmlab;
use crate::later;
use crate::outbox::{FlushReport, is_lost_with_the_machine};
use crate::sink::HandedBatch;

impl Llmlab {
    /// Seals what was recorded and waits until it is delivered, for `timeout` at most. A delivery that fails is tried
    /// again, with growing pauses. Returns early where nothing can happen before the time is over: where the next try comes
    /// later, or a sink refuses everything (a wrong key), or another process serves it. What is not delivered stays in the
    /// spool.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// use std::time::Duration;
    ///
    /// lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).record();
    /// let report = lab.flush(Duration::from_secs(5));
    /// assert_eq!((report.delivered, report.pending), (1, 0));
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn flush(&self, timeout: Duration) -> FlushReport {
        later::settle();
        self.outbox().flush(timeout)
    }

    /// Delivers now what dead processes of this project left, to every sink of this client, and returns when nothing of it
    /// waits any more; after `timeout` at the latest, and early where every sink that has something to come refuses it.
    pub fn drain(&self, timeout: Duration) -> FlushReport {
        later::settle();
        self.outbox().drain(timeout)
    }

    /// Seals what was recorded, waits until it is delivered, and ends the I/O of this client. A delivery that fails is not
    /// tried again: the next process does. What is recorded afterwards is still spooled.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// use std::time::Duration;
    ///
    /// lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).record();
    /// assert!(lab.shutdown(Duration::from_secs(5)).is_complete());
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn shutdown(&self, timeout: Duration) -> FlushReport {
        later::settle();
        self.outbox().shutdown(timeout)
    }

    /// What is left to do at the end of the process, within the limits of `exit_flush`. Safe to call more than once; what
    /// is recorded afterwards is still spooled.
    pub fn exit_flush(&self) -> FlushReport {
        later::settle();
        let is_disk_lost = self.core.config.is_ephemeral || is_lost_with_the_machine(&self.core.config.home);
        let (here, everywhere) = self.core.config.exit_flush.limits(is_disk_lost);
        self.outbox().leave(here, everywhere)
    }

    /// Waits for the next batch for a callback sink, by the name under which it is configured; `None` after `timeout`, and
    /// at once where there is no such sink. To be called by one thread of the host's for each such sink; the I/O thread
    /// never calls the host.
    #[doc(hidden)]
    pub fn next_batch(&self, sink: &str, timeout: Duration) -> Option<HandedBatch> {
        self.outbox().next_batch(sink, timeout)
    }

    /// Says what became of a batch: `Ok` counts it as delivered, an error brings it back later. A ticket that was settled
    /// before is ignored.
    #[doc(hidden)]
    pub fn settle_batch(&self, ticket: u64, outcome: &Result<(), String>) {
        self.outbox().settle_batch(ticket, outcome);
    }
}
