//! The way out: events go to the spool on the thread of the host, and from there to a sink on a thread of our own.
//!
//! ```text
//! host thread ─post─▶ active segment ─sealed─▶ waiting segments ─llmlab-io─▶ sink ─receipt─▶ segment removed
//!                     one lock, one pwrite                       the only reader of the spool
//! ```

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::clock::Clock;
use crate::error::{Error, ErrorCode, Result};
use crate::event::{Attribution, Event, Origin};
use crate::moment::Moment;
use crate::sink::{LedgerSink, Sink};
use crate::spool::{self, Header};

mod counters;
mod delivery;
mod state;

pub use counters::{Counters, DropReason, FlushReport};
use state::State;

/// A buffer that grew beyond this for an event too long to be taken is given back.
const MAX_BUFFER: usize = 128 * 1024;

thread_local! {
    /// Reused, so that recording does not allocate.
    static FRAME: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Takes events from any thread, keeps them safe, and delivers them.
///
/// An event whose [`post`](Outbox::post) has returned survives `kill -9`, unless the home cannot be written to; then it
/// waits in memory, and [`Outbox::counters`] says so. Always, `recorded = delivered + spooled + in memory + dropped`.
///
/// In a child of `fork` the outbox of the parent must not be used: leak it (`std::mem::forget`) and make another one.
/// Leaking is always safe; what was spooled is found by the next process.
pub struct Outbox {
    shared: Arc<Shared>,
    /// Wakes the thread. It has room for one, because waking twice is waking.
    wake: Sender<()>,
    /// What the thread starts with; taken by the first event.
    start: Mutex<Option<Start>>,
    started: AtomicBool,
}

type Start = (Box<dyn Sink>, Receiver<()>);

/// What host threads and our thread share.
struct Shared {
    home: PathBuf,
    header: Header,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Signalled when a delivery succeeded or failed, and when the thread has ended.
    settled: Condvar,
    stopping: AtomicBool,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("home", &self.shared.home).finish_non_exhaustive()
    }
}

impl Outbox {
    /// An outbox that delivers to the ledger of `home`. No effects but 16 bytes of entropy: the spool and the thread come
    /// with the first event.
    pub fn new(home: &Path, origin: Arc<Origin>, clock: Arc<dyn Clock>) -> Self {
        Self::with_sink(home, origin, clock, Box::new(LedgerSink::new(home)))
    }

    /// An outbox that delivers to a sink of your own.
    pub fn with_sink(home: &Path, origin: Arc<Origin>, clock: Arc<dyn Clock>, sink: Box<dyn Sink>) -> Self {
        let (wake, woken) = bounded(1);
        let shared = Shared {
            home: home.to_owned(),
            header: Header { writer: nonce(clock.as_ref()), origin },
            clock,
            state: Mutex::default(),
            settled: Condvar::new(),
            stopping: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared), wake, start: Mutex::new(Some((sink, woken))), started: AtomicBool::new(false) }
    }

    /// The nonce of this writer, the first half of the id of each of its events.
    pub fn writer(&self) -> [u8; 16] {
        self.shared.header.writer
    }

    /// Records an event. Its id and origin must be those of this outbox: they are written once a segment, and not with
    /// each event; an event of another writer is dropped and counted.
    ///
    /// Never fails and never waits for the network or the ledger; one `pwrite` without `fsync`.
    pub fn post(&self, event: &Event) {
        let sealed = FRAME.try_with(|frame| match frame.try_borrow_mut() {
            Ok(mut frame) => self.record(event, &mut frame),
            Err(_) => self.record(event, &mut Vec::new()),
        });
        // A thread that is being torn down has no buffer any more.
        if sealed.unwrap_or_else(|_| self.record(event, &mut Vec::new())) {
            self.wake_up();
        }
        if !self.started.load(Ordering::Relaxed) {
            self.start_thread();
        }
    }

    fn record(&self, event: &Event, frame: &mut Vec<u8>) -> bool {
        let header = &self.shared.header;
        let ours = event.id.writer == header.writer
            && (Arc::ptr_eq(&event.origin, &header.origin) || event.origin == header.origin);
        let fate = if !ours {
            Err(DropReason::Foreign)
        } else if spool::encode(event, frame) || spool::encode(&without_tags(event), frame) {
            Ok(&**frame)
        } else {
            Err(DropReason::TooLarge)
        };
        let sealed = self.shared.state.lock().record(fate, &self.shared);
        if frame.capacity() > MAX_BUFFER {
            *frame = Vec::new();
        }
        sealed
    }

    /// Seals what was recorded and waits until it is delivered, at most for `timeout`. Returns early when a delivery has
    /// failed, because the next try comes later than anybody wants to wait.
    pub fn flush(&self, timeout: Duration) -> FlushReport {
        let shared = &*self.shared;
        let start = shared.clock.now();
        let mut state = shared.state.lock();
        if let Some(goal) = state.seal_everything(shared) {
            drop(state);
            self.start_thread();
            self.wake_up();
            state = shared.state.lock();
            self.wait(&mut state, start, timeout, |state| state.is_settled(&goal));
        }
        state.counters().into()
    }

    /// Like [`flush`](Outbox::flush), and ends the thread, all within `timeout`. Events posted later are spooled and
    /// delivered by the next process, or by whoever reads the ledger. May be called twice.
    pub fn shutdown(&self, timeout: Duration) -> FlushReport {
        let start = self.shared.clock.now();
        self.flush(timeout);
        self.stop();
        let mut state = self.shared.state.lock();
        self.wait(&mut state, start, timeout, State::is_stopped);
        state.counters().into()
    }

    /// Starts no thread and opens no ledger: what is spooled is left to the next process, or to whoever reads the ledger.
    /// For the child of a fork, where threads that do not exist any more may hold the locks inside `SQLite` for ever.
    pub fn leave_delivery_to_others(&self) {
        self.stop();
    }

    /// What became of the events so far.
    pub fn counters(&self) -> Counters {
        self.shared.state.lock().counters()
    }

    /// The first failure since the last question, as a text for the host's log; `None` if there was none.
    pub fn take_warning(&self) -> Option<String> {
        self.shared.state.lock().take_warning()
    }

    /// Tells whether events could be spooled under this home, for a clear error at the start.
    ///
    /// # Errors
    /// [`ErrorCode::Storage`], naming the folder and the fix.
    pub fn check(home: &Path) -> Result<()> {
        spool::check(home)
    }

    /// Waits until something holds, at most for `timeout` from `start`.
    fn wait(
        &self,
        state: &mut MutexGuard<'_, State>,
        start: Moment,
        timeout: Duration,
        holds: impl Fn(&State) -> bool,
    ) {
        while !holds(state) {
            let passed = Duration::from_nanos(self.shared.clock.now().ns_since(start));
            let left = timeout.saturating_sub(passed);
            if left.is_zero() || self.shared.settled.wait_for(state, left).timed_out() {
                break;
            }
        }
    }

    fn wake_up(&self) {
        // Full: it was woken already. Disconnected: it has ended.
        let _ = self.wake.try_send(());
    }

    fn start_thread(&self) {
        let Some((sink, woken)) = self.start.lock().take() else { return };
        self.started.store(true, Ordering::Relaxed);
        if let Err(cause) = delivery::spawn(Arc::clone(&self.shared), sink, woken) {
            let error = Error::new(
                ErrorCode::Storage,
                "no thread could be started; events wait in the spool for llmlab status",
            );
            let mut state = self.shared.state.lock();
            state.stop();
            state.warn(&error.caused_by(cause));
        }
    }

    fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        // One that never ran never will.
        if self.start.lock().take().is_some() {
            self.started.store(true, Ordering::Relaxed);
            self.shared.state.lock().stop();
        }
        self.wake_up();
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let _ = self.shared.state.lock().seal_everything(&self.shared);
        self.stop();
    }
}

/// Sixteen bytes that no other writer has.
fn nonce(clock: &dyn Clock) -> [u8; 16] {
    let mut nonce = [0; 16];
    if getrandom::fill(&mut nonce).is_err() {
        // No entropy: the process and the time tell writers of one machine apart.
        nonce[..8].copy_from_slice(&clock.now().unix_ns.to_be_bytes());
        nonce[8..12].copy_from_slice(&std::process::id().to_be_bytes());
    }
    nonce
}

/// The tags are the one part of an event whose size is up to the host, and no money hangs on them.
fn without_tags(event: &Event) -> Event {
    let attribution = Attribution { tags: Vec::new(), ..(*event.attribution).clone() };
    Event { attribution: Arc::new(attribution), ..event.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::tests::ManualClock;
    use crate::spool::testing::{call, header};

    #[test]
    fn a_spool_that_failed_is_left_in_peace_for_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        std::fs::write(&home, "").unwrap();
        let clock = Arc::new(ManualClock::default());
        let outbox = Outbox::new(&home, header().origin, Arc::<ManualClock>::clone(&clock));
        let post = |counter| {
            let mut event = call(counter);
            event.id.writer = outbox.writer();
            outbox.post(&event);
            let counters = outbox.counters();
            (counters.in_memory, counters.spooled)
        };
        assert_eq!(post(0), (1, 0));
        std::fs::remove_file(&home).unwrap();
        assert_eq!(post(1), (2, 0));
        clock.advance_ns(999_999_999);
        assert_eq!(post(2), (3, 0));
        clock.advance_ns(1);
        assert_eq!(post(3), (0, 4));
        assert_eq!(outbox.counters().last_error, None);
    }
}
