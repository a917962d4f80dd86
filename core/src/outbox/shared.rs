//! What host threads and the I/O thread share, and how an event gets into it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
use std::sync::{Arc, Condvar, MutexGuard};

use super::Kept;
use super::books::Books;
use super::counters::DropReason;
use super::handoff::Handoff;
use super::intake::{self, Intake, Pending, Written};
use super::settings::Settings;
use crate::clock::Clock;
use crate::io::Waker;
use crate::lock::Lock;
use crate::spool::{Disk, Header};

/// How long a host thread tries to have the lock of the spool before it leaves its event in memory. Longer than a busy
/// machine keeps a thread from running that holds the lock, since what is in memory does not survive `kill -9`; and whoever
/// holds it waits for the disk as long as that takes, anyway.
const PATIENCE_NS: u64 = 20_000_000;
/// The same where the memory is full as well: once, and then whoever holds the lock has a sick disk in hand.
const LAST_PATIENCE_NS: u64 = 100_000_000;
/// Events that a host thread writes for others before its own.
const FAVOURS: u64 = 64;

/// What host threads and our thread share.
pub(super) struct Shared {
    pub(super) home: PathBuf,
    pub(super) header: Header,
    pub(super) settings: Settings,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) waker: Arc<Waker>,
    pub(super) intake: Lock<Intake>,
    pub(super) books: Lock<Books>,
    /// The ticket up to which the events of its segment are safe from a loss of power; whoever holds the lock is making
    /// more of them safe.
    pub(super) committed: Lock<u64>,
    /// That of the last event written.
    pub(super) last_ticket: AtomicU64,
    /// Signalled after each round of our thread.
    pub(super) settled: Condvar,
    pub(super) is_sick: Flag,
    /// Events are in memory; read without the lock of the books.
    pub(super) is_in_memory: Flag,
    /// How patient host threads still are with whoever holds the lock of the intake; he resets it.
    pub(super) patience: AtomicU8,
    /// Our part of the thread is to end.
    pub(super) stopping: AtomicBool,
    /// And nobody will post any more.
    pub(super) is_left: AtomicBool,
    pub(super) handoffs: Vec<Arc<Handoff>>,
}

/// A hint between threads.
#[derive(Debug, Default)]
pub(super) struct Flag(AtomicBool);

impl Flag {
    pub(super) fn set(&self, is: bool) {
        // Mostly it is so already, and reading does not take the line away from other processors.
        if self.0.load(Ordering::Relaxed) != is {
            self.0.store(is, Ordering::SeqCst);
        }
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Nobody has waited in vain.
pub(super) const PATIENT: u8 = 0;
/// Somebody has: the others leave their events in memory at once. One more, and somebody has waited even with the memory
/// full: the others give their events up at once.
const IMPATIENT: u8 = 1;

impl Shared {
    pub(super) fn drop_event(&self, reason: DropReason) -> Kept {
        self.books.lock().enter_dropped(reason);
        Kept::Dropped
    }

    /// Writes a frame, or leaves it in memory.
    pub(super) fn store(&self, frame: &[u8]) -> Kept {
        let kept = match self.intake_for(PATIENT, PATIENCE_NS) {
            Some(intake) => self.write(intake, frame),
            None => self.leave_in_memory(frame),
        };
        // Whoever left an event in memory while we held the lock relies on us, or on our thread.
        fence(Ordering::SeqCst);
        if self.is_in_memory.is_set() {
            self.drain(FAVOURS);
        }
        kept
    }

    /// The lock of the intake, for whoever may still wait for it.
    fn intake_for(&self, patience: u8, at_most_ns: u64) -> Option<MutexGuard<'_, Intake>> {
        if self.is_sick.is_set() {
            return None;
        }
        if self.patience.load(Ordering::Relaxed) > patience {
            return self.intake.try_lock();
        }
        if let Some(intake) = self.intake.try_lock() {
            return Some(intake);
        }
        let start_ns = self.clock.monotonic_ns();
        let is_over = || self.clock.monotonic_ns().saturating_sub(start_ns) >= at_most_ns;
        let intake = self.intake.try_lock_until(is_over);
        if intake.is_none() {
            self.patience.fetch_max(patience + 1, Ordering::Relaxed);
        }
        intake
    }

    /// Writes what waits in memory, for the order of events, and then the frame.
    fn write(&self, mut intake: MutexGuard<'_, Intake>, frame: &[u8]) -> Kept {
        self.write_memory(&mut intake, FAVOURS);
        if self.is_in_memory.is_set() {
            return self.leave_in_memory_with(intake, frame);
        }
        match intake.write(frame, self) {
            Ok(written) => {
                self.books.lock().enter_written();
                self.release(intake);
                self.finish(written)
            }
            Err(error) => {
                self.books.lock().spool_failed(&error);
                self.leave_in_memory_with(intake, frame)
            }
        }
    }

    fn finish(&self, written: Written) -> Kept {
        if written.is_work {
            self.waker.wake();
        }
        if let Some(pending) = written.sync {
            return self.commit(&pending);
        }
        Kept::Spooled
    }

    /// Several threads that wait for the platter at once wait for one sync of all their events.
    fn commit(&self, pending: &Pending) -> Kept {
        let segment_of = |ticket: u64| ticket >> 32;
        let mut committed = self.committed.lock();
        if segment_of(*committed) == segment_of(pending.ticket) && *committed >= pending.ticket {
            return Kept::Spooled;
        }
        let last = self.last_ticket.load(Ordering::Acquire);
        if pending.handle.sync().is_err() {
            return Kept::Memory;
        }
        // A later segment's events are not in this file, but then all of this one's are.
        *committed = if segment_of(last) == segment_of(pending.ticket) { last } else { pending.ticket | 0xffff_ffff };
        Kept::Spooled
    }

    fn release(&self, intake: MutexGuard<'_, Intake>) {
        if self.patience.load(Ordering::Relaxed) != PATIENT {
            self.patience.store(PATIENT, Ordering::Relaxed);
        }
        drop(intake);
    }

    fn leave_in_memory_with(&self, intake: MutexGuard<'_, Intake>, frame: &[u8]) -> Kept {
        let is_taken = self.enter_in_memory(frame);
        self.release(intake);
        if is_taken { Kept::Memory } else { self.drop_event(DropReason::MemoryFull) }
    }

    fn leave_in_memory(&self, frame: &[u8]) -> Kept {
        if self.enter_in_memory(frame) {
            return Kept::Memory;
        }
        // The memory is full because many were quicker than the disk. That is worth a wait, unless it is the disk's fault.
        match self.intake_for(IMPATIENT, LAST_PATIENCE_NS) {
            Some(mut intake) => {
                self.write_memory(&mut intake, FAVOURS);
                self.leave_in_memory_with(intake, frame)
            }
            None => self.drop_event(DropReason::MemoryFull),
        }
    }

    fn enter_in_memory(&self, frame: &[u8]) -> bool {
        let mut books = self.books.lock();
        let is_taken = books.enter_in_memory(frame);
        let is_first = is_taken && books.in_memory() == 1;
        // Under the lock, so that whoever writes the last one and whoever adds one agree.
        self.is_in_memory.set(books.in_memory() > 0);
        drop(books);
        if is_first {
            self.waker.wake();
        }
        is_taken
    }

    /// Writes what waits in memory, if nobody else is writing.
    pub(super) fn drain(&self, at_most: u64) {
        if at_most == u64::MAX {
            let mut intake = self.intake.lock();
            self.write_memory(&mut intake, at_most);
            self.release(intake);
        } else if !self.is_sick.is_set()
            && let Some(mut intake) = self.intake.try_lock()
        {
            self.write_memory(&mut intake, at_most);
            self.release(intake);
        }
    }

    fn write_memory(&self, intake: &mut Intake, at_most: u64) {
        if !self.is_in_memory.is_set() || intake.is_at_rest(self.clock.monotonic_ns()) {
            return;
        }
        let mut frame = Vec::new();
        for _ in 0..at_most {
            if !self.books.lock().oldest_in_memory(&mut frame) {
                break;
            }
            match intake.write(&frame, self) {
                Ok(written) => {
                    self.books.lock().move_to_spool();
                    if written.is_work {
                        self.waker.wake();
                    }
                }
                Err(error) => {
                    self.books.lock().spool_failed(&error);
                    break;
                }
            }
        }
        let books = self.books.lock();
        self.is_in_memory.set(books.in_memory() > 0);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Seals everything on a thread of the host's, which is leaving.
    pub(super) fn seal_everything(&self) {
        let (mut sealed, full) = {
            let mut intake = self.intake.lock();
            intake.end_active();
            intake.end_spare();
            intake.take_full()
        };
        sealed.extend(full.into_iter().filter_map(|segment| intake::seal(segment, self)));
        self.intake.lock().give_sealed(sealed);
    }

    /// When the outbox is gone and the thread is through with it, others may deliver what it left.
    pub(super) fn close_if_left(&self) {
        if self.is_left.load(Ordering::SeqCst) && self.books.lock().is_stopped {
            self.seal_everything();
            self.intake.lock().close();
        }
    }
}
