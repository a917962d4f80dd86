//! The way out: events go to the spool on the thread of the host, and from there to the sinks on a thread of our own.
//!
//! ```text
//! host thread ─post─▶ active segment ─100 events, 300 s, 512 KiB, flush, exit─▶ a queue a sink ─llmlab-io─▶ sink ─receipt─▶ removed
//!               │     one lock, one pwrite
//!               └──▶ memory, while the disk is slow or full ─▶ written by whoever comes next
//! ```

use std::cell::RefCell;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, MutexGuard};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorCode, Result};
use crate::event::{Event, Origin};
use crate::fork::AtHome;
use crate::io::Io;
use crate::lock::{self, Lock};
use crate::sink::{HandedBatch, Sink, SinkSettings};
use crate::spool::{self, Disk, Header, Queue, RealDisk};

mod books;
mod counters;
mod drain;
mod handoff;
mod intake;
mod outlet;
mod settings;
mod shared;
mod station;
#[cfg(test)]
mod tests;
mod way;

use books::{Books, Tally};
pub use counters::{Counters, DropReason, Dropped, FlushReport, SinkCounters, SinkState};
use outlet::Outlet;
pub(crate) use settings::is_lost_with_the_machine;
pub use settings::{Durability, ExitFlush, Settings};
use shared::{Flag, PATIENT, Shared};
use station::Desk;
use way::Way;

/// A buffer that grew beyond this for an event too long to be taken is given back.
const MAX_BUFFER: usize = 128 * 1024;
thread_local! {
    /// Reused, so that recording does not allocate.
    static FRAME: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What has become of an event when [`Outbox::post`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// It survives `kill -9`; with [`Durability::Fsync`], a loss of power as well.
    Spooled,
    /// It waits in memory for a slow or full disk, and would be lost with the process.
    Memory,
    /// It was given up, and counted.
    Dropped,
}

/// Takes events from any thread, keeps them safe, and delivers them to every sink.
///
/// An event of which [`post`](Outbox::post) says [`Kept::Spooled`] survives `kill -9`. For every sink
/// `recorded = delivered + spooled + in memory + rolled up + dropped`, at any moment.
///
/// In a child of `fork` the outbox of the parent does nothing; make another one there, as `Llmlab` does by itself.
pub struct Outbox {
    /// Never dropped in a forked child, where the lock of the spool is the parent's.
    shared: AtHome<Arc<Shared>>,
    io: AtHome<Arc<Io>>,
    /// What the thread serves; taken by the first event.
    start: Lock<Option<Vec<Outlet>>>,
    is_started: AtomicBool,
}

/// Everything an outbox can be made of.
struct Parts<'a> {
    home: &'a Path,
    origin: Arc<Origin>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    io: Arc<Io>,
    disk: Arc<dyn Disk>,
    /// With the names of their folders.
    outlets: Vec<(String, Outlet)>,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("home", &self.shared.home).finish_non_exhaustive()
    }
}

impl Outbox {
    /// An outbox that delivers to the sinks of its settings, on the I/O thread of the process. No effects but 16 bytes of
    /// entropy: the spool and the thread come with the first event.
    pub fn new(home: &Path, origin: Arc<Origin>, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let outlet = |settings: &SinkSettings| (settings.destination(), Outlet::of(settings, home));
        let outlets = settings.sinks.iter().map(outlet).collect();
        let (io, disk) = (Io::of_process(), Arc::new(RealDisk));
        Self::of(Parts { home, origin, settings, clock, io, disk, outlets })
    }

    /// An outbox that delivers to sinks of your own, whatever the settings say of sinks, on an I/O thread of your own.
    pub fn with_sinks(
        home: &Path,
        origin: Arc<Origin>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        io: Arc<Io>,
        sinks: Vec<Box<dyn Sink>>,
    ) -> Self {
        let outlets = sinks.into_iter().map(|sink| (sink.name().to_owned(), Outlet::Local(sink))).collect();
        Self::of(Parts { home, origin, settings, clock, io, disk: Arc::new(RealDisk), outlets })
    }

    fn of(parts: Parts<'_>) -> Self {
        let Parts { home, origin, settings, clock, io, disk, outlets } = parts;
        let destinations = outlets.iter().map(|(name, _)| name.clone()).collect();
        let books = Books::of(outlets.iter().map(|(name, outlet)| (name.clone(), outlet.is_local())));
        let outlets: Vec<_> = outlets.into_iter().map(|(_, outlet)| outlet).collect();
        let handoffs = outlets.iter().filter_map(|outlet| match outlet {
            Outlet::Host(handoff) => Some(Arc::clone(handoff)),
            _ => None,
        });
        let shared = Shared {
            home: home.to_owned(),
            header: Header { writer: nonce(clock.as_ref()), origin, destinations },
            settings,
            clock,
            disk,
            waker: Arc::clone(io.waker()),
            intake: Lock::default(),
            books: Lock::new(books),
            committed: Lock::default(),
            last_ticket: AtomicU64::new(0),
            settled: Condvar::new(),
            is_sick: Flag::default(),
            is_in_memory: Flag::default(),
            patience: AtomicU8::new(PATIENT),
            stopping: AtomicBool::new(false),
            is_left: AtomicBool::new(false),
            handoffs: handoffs.collect(),
        };
        Self {
            shared: AtHome::new(Arc::new(shared)),
            io: AtHome::new(io),
            start: Lock::new(Some(outlets)),
            is_started: AtomicBool::new(false),
        }
    }

    /// The nonce of this writer, the first half of the id of each of its events.
    pub fn writer(&self) -> [u8; 16] {
        self.shared.header.writer
    }

    /// Records an event. Its id and origin must be those of this outbox: they are written once a segment, and not with
    /// each event; an event of another writer is dropped and counted.
    ///
    /// Never fails, and never waits for the network or a sink; one `pwrite`, and `fsync` only where the settings want it.
    pub fn post(&self, event: &Event) -> Kept {
        if !self.shared.is_here() {
            return Kept::Dropped;
        }
        let kept = FRAME.try_with(|frame| match frame.try_borrow_mut() {
            Ok(mut frame) => self.record(event, &mut frame),
            Err(_) => self.record(event, &mut Vec::new()),
        });
        // A thread that is being torn down has no buffer any more.
        let kept = kept.unwrap_or_else(|_| self.record(event, &mut Vec::new()));
        if !self.is_started.load(Ordering::Relaxed) {
            self.start_thread();
        }
        kept
    }

    fn record(&self, event: &Event, frame: &mut Vec<u8>) -> Kept {
        let shared = &**self.shared;
        let header = &shared.header;
        let ours = event.id.writer == header.writer
            && (Arc::ptr_eq(&event.origin, &header.origin) || event.origin == header.origin);
        let kept = if !ours {
            shared.drop_event(DropReason::Foreign)
        } else if spool::encode(event, frame) || spool::encode(&event.abridged(), frame) {
            shared.store(frame)
        } else {
            shared.drop_event(DropReason::TooLarge)
        };
        if frame.capacity() > MAX_BUFFER {
            *frame = Vec::new();
        }
        kept
    }

    /// Seals what was recorded and waits until every sink has it, at most for `timeout`. A delivery that fails is tried
    /// again, with growing pauses. Returns early where nothing can happen before the time is over: where the next try comes
    /// later, or the sink is paused or served by another process.
    pub fn flush(&self, timeout: Duration) -> FlushReport {
        let until_ns = self.shared.clock.monotonic_ns().saturating_add(nanoseconds(timeout));
        self.wait_for_sinks(timeout, timeout, Some(until_ns))
    }

    /// The same, but a sink that fails once is not waited for any longer: for whoever is about to leave.
    fn flush_once(&self, here: Duration, everywhere: Duration) -> FlushReport {
        self.wait_for_sinks(here, everywhere, None)
    }

    /// `here`: the limit for the sinks on this machine, which need not wait for those elsewhere. `until_ns`: until when a
    /// sink that fails is tried again; `None`: not at all.
    fn wait_for_sinks(&self, here: Duration, everywhere: Duration, until_ns: Option<u64>) -> FlushReport {
        let shared = &**self.shared;
        if !self.is_started.load(Ordering::Acquire) || !self.shared.is_here() {
            return self.counters().into();
        }
        let mut books = shared.books.lock();
        books.flushes += 1;
        books.flush_until_ns = books.flush_until_ns.max(until_ns.unwrap_or(0));
        let flush = books.flushes;
        self.io.wake();
        let is_over = |sink: &Tally| sink.answered >= flush || until_ns.is_none() && sink.failed >= flush;
        let limit = |books: &Books| {
            let is_far = books.sinks.iter().any(|sink| !sink.is_local && !is_over(sink));
            if is_far { everywhere } else { here }
        };
        let is_answered = |books: &Books| books.is_stopped || books.sinks.iter().all(is_over);
        self.wait(books, limit, is_answered).counters().into()
    }

    /// Like [`flush`](Outbox::flush), and ends our part of the thread, all within `timeout`; but a sink that fails is not
    /// tried again, because the next process will. Events posted later are spooled and delivered by the next process, or by
    /// whoever reads the ledger. May be called twice.
    pub fn shutdown(&self, timeout: Duration) -> FlushReport {
        self.leave(timeout, timeout)
    }

    /// The same within limits for the sinks on this machine and for all.
    pub(crate) fn leave(&self, here: Duration, everywhere: Duration) -> FlushReport {
        if !self.shared.is_here() {
            return FlushReport::default();
        }
        let start_ns = self.shared.clock.monotonic_ns();
        self.flush_once(here, everywhere);
        self.stop();
        let passed = Duration::from_nanos(self.shared.clock.monotonic_ns().saturating_sub(start_ns));
        let left = here.max(everywhere).saturating_sub(passed);
        let is_stopped = self.wait(self.shared.books.lock(), |_| left, |books| books.is_stopped).is_stopped;
        if !is_stopped {
            // A sink has the thread in its hands; what is sealed is found by others.
            self.shared.seal_everything();
        }
        self.counters().into()
    }

    /// What became of the events so far.
    pub fn counters(&self) -> Counters {
        if self.shared.is_here() { self.shared.books.lock().counters() } else { Counters::default() }
    }

    /// The first failure since the last question, as a text for the host's log; `None` if there was none.
    pub fn take_warning(&self) -> Option<String> {
        self.shared.books.lock().take_warning()
    }

    /// Waits for the next batch for the function of this name; `None` after `timeout`, and at once where there is none.
    pub fn next_batch(&self, sink: &str, timeout: Duration) -> Option<HandedBatch> {
        self.shared.handoffs.iter().find(|handoff| handoff.name() == sink)?.take(timeout)
    }

    /// What became of a batch; one that failed comes again. An unknown ticket is ignored.
    pub fn settle_batch(&self, ticket: u64, outcome: &std::result::Result<(), String>) {
        if self.shared.handoffs.iter().any(|handoff| handoff.settle(ticket, outcome)) {
            self.io.wake();
        }
    }

    /// Tells whether events could be spooled under this home, for a clear error at the start.
    ///
    /// # Errors
    /// [`ErrorCode::Storage`], naming the folder and the fix.
    pub fn check(home: &Path) -> Result<()> {
        spool::check(home)
    }

    /// Waits until something holds, at most so long from now.
    fn wait<'a>(
        &self,
        mut books: MutexGuard<'a, Books>,
        limit: impl Fn(&Books) -> Duration,
        holds: impl Fn(&Books) -> bool,
    ) -> MutexGuard<'a, Books> {
        let start_ns = self.shared.clock.monotonic_ns();
        while !holds(&books) {
            let passed = Duration::from_nanos(self.shared.clock.monotonic_ns().saturating_sub(start_ns));
            let left = limit(&books).saturating_sub(passed);
            if left.is_zero() {
                break;
            }
            let is_over;
            (books, is_over) = lock::wait(&self.shared.settled, books, left);
            if is_over {
                break;
            }
        }
        books
    }

    #[cold]
    fn start_thread(&self) {
        let Some(outlets) = self.start.lock().take() else { return };
        self.is_started.store(true, Ordering::Release);
        let shared = &**self.shared;
        let way = |(index, outlet): (usize, Outlet)| {
            let name = &shared.header.destinations[index];
            let queue = Queue::new(Arc::clone(&shared.disk), &shared.home, &shared.header.origin.project, name);
            Way::new(index, queue, outlet, u64::from_be_bytes(first_half(shared.header.writer)) ^ index as u64)
        };
        let ways = outlets.into_iter().enumerate().map(way).collect();
        let desk = Desk::new(Arc::clone(&self.shared), ways);
        if let Err(cause) = self.io.serve(Box::new(desk)) {
            let error = Error::new(
                ErrorCode::Storage,
                "no thread could be started; events wait in the spool for llmlab status",
            );
            let mut books = shared.books.lock();
            books.is_stopped = true;
            books.warn(error.caused_by(cause).to_string());
        }
    }

    fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // One that never ran never will.
        if self.start.lock().take().is_some() {
            self.is_started.store(true, Ordering::Release);
            self.shared.books.lock().is_stopped = true;
        }
        self.io.wake();
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        if self.shared.is_here() {
            self.shared.is_left.store(true, Ordering::SeqCst);
            self.stop();
            self.shared.seal_everything();
            self.shared.close_if_left();
        }
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

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn first_half(nonce: [u8; 16]) -> [u8; 8] {
    let mut half = [0; 8];
    half.copy_from_slice(&nonce[..8]);
    half
}
