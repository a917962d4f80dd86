//! What is behind the one lock of an outbox. Everything here is quick: a `pwrite`, or the making of a file every hundred
//! events.

use std::collections::VecDeque;

use super::Shared;
use super::counters::{Counters, DropReason};
use crate::error::{Error, ErrorCode, Result};
use crate::spool::{Sealed, Segment, Spool};

/// Events in a segment. A batch of a hundred is what a request or a transaction is worth making for.
const SEAL_EVENTS: u32 = 100;
/// Bytes in a segment.
const SEAL_BYTES: u64 = 512 * 1024;
/// Memory for events that cannot be spooled.
const MEMORY_BYTES: usize = 4 * 1024 * 1024;
/// How long a spool that failed is left in peace.
const RETRY_NS: u64 = 1_000_000_000;

#[derive(Default)]
pub(super) struct State {
    spool: Option<Spool>,
    active: Option<Segment>,
    /// The last segment was full, so that the next one is likely to be needed.
    next_is_wanted: bool,
    /// After a failure, the monotonic time of the next try.
    retry_at_ns: Option<u64>,
    /// Frames that could not be spooled, oldest first.
    memory: VecDeque<Box<[u8]>>,
    memory_bytes: usize,
    /// Sealed segments, oldest first. Those being delivered are still in it.
    waiting: VecDeque<Sealed>,
    /// How many segments left the front of `waiting`.
    settled: u64,
    /// Events in segments that cannot be read for now; the next process tries again.
    left_behind: u64,
    rounds_begun: u64,
    last_failed_round: u64,
    /// The thread has ended.
    stopped: bool,
    recorded: u64,
    delivered: u64,
    adopted: u64,
    dropped: [u64; DropReason::ALL.len()],
    /// Why events wait in memory.
    spool_error: Option<String>,
    /// Why segments wait.
    delivery_error: Option<String>,
    warning: Option<String>,
}

/// What a flush waits for.
pub(super) struct Goal {
    settled: u64,
    rounds_begun: u64,
}

/// What became of a segment that was to be delivered.
pub(super) enum Fate {
    /// The sink has this many of its events; the others could not be read.
    Delivered(u64),
    /// It is in the spool and cannot be read for now.
    LeftBehind,
}

impl State {
    /// Takes one event. `true`: there is work for the thread.
    pub(super) fn record(&mut self, frame: std::result::Result<&[u8], DropReason>, shared: &Shared) -> bool {
        self.recorded += 1;
        let frame = match frame {
            Ok(frame) => frame,
            Err(reason) => {
                self.dropped[reason as usize] += 1;
                return false;
            }
        };
        // Events stay in order: while some wait in memory, the others wait behind them.
        let sealed_before = self.sealed();
        let written = self.spool_memory(shared).and_then(|()| self.write(frame, shared));
        if let Err(error) = written {
            self.spool_failed(&error);
            self.remember(frame);
        }
        self.sealed() > sealed_before
    }

    fn sealed(&self) -> u64 {
        self.settled + self.waiting.len() as u64
    }

    /// The one place that decides when a segment is full.
    const fn is_full(segment: &Segment) -> bool {
        segment.events() >= SEAL_EVENTS || segment.bytes() >= SEAL_BYTES
    }

    fn write(&mut self, frame: &[u8], shared: &Shared) -> Result<()> {
        let segment = match &mut self.active {
            Some(segment) => segment,
            none => none.insert(begin_segment(&mut self.spool, &mut self.retry_at_ns, shared)?),
        };
        let written = segment.append(frame).map_err(|cause| cannot_spool(shared).caused_by(cause));
        if written.is_err() {
            self.retry_at_ns = Some(shared.clock.now().monotonic_ns.saturating_add(RETRY_NS));
        }
        self.next_is_wanted = Self::is_full(segment);
        if written.is_err() || self.next_is_wanted {
            self.seal();
        }
        written
    }

    /// Begins the next segment after a full one, where no event did: our thread has the time for it, the host has not.
    pub(super) fn begin_next(&mut self, shared: &Shared) {
        if std::mem::take(&mut self.next_is_wanted) && self.active.is_none() {
            self.active = begin_segment(&mut self.spool, &mut self.retry_at_ns, shared).ok();
        }
    }

    fn seal(&mut self) {
        if let Some(sealed) = self.active.take().and_then(Segment::seal) {
            self.waiting.push_back(sealed);
        }
    }

    fn remember(&mut self, frame: &[u8]) {
        if self.memory_bytes + frame.len() > MEMORY_BYTES {
            self.dropped[DropReason::MemoryFull as usize] += 1;
        } else {
            self.memory_bytes += frame.len();
            self.memory.push_back(frame.into());
        }
    }

    fn spool_memory(&mut self, shared: &Shared) -> Result<()> {
        while let Some(frame) = self.memory.pop_front() {
            if let Err(error) = self.write(&frame, shared) {
                self.memory.push_front(frame);
                return Err(error);
            }
            self.memory_bytes -= frame.len();
            self.spool_error = None;
        }
        Ok(())
    }

    /// Tries to bring the events in memory to the spool. `true`: none is left there.
    pub(super) fn retry_memory(&mut self, shared: &Shared) -> bool {
        if let Err(error) = self.spool_memory(shared) {
            self.spool_failed(&error);
        }
        self.memory.is_empty()
    }

    /// Seals the active segment. `None`: there is nothing to wait for.
    pub(super) fn seal_everything(&mut self, shared: &Shared) -> Option<Goal> {
        self.retry_at_ns = None;
        self.retry_memory(shared);
        self.next_is_wanted = false;
        self.seal();
        let goal = Goal { settled: self.sealed(), rounds_begun: self.rounds_begun };
        (!self.waiting.is_empty()).then_some(goal)
    }

    /// Delivered, or a try that began after the flush has failed, or nobody is there to try.
    pub(super) fn is_settled(&self, goal: &Goal) -> bool {
        self.settled >= goal.settled || self.last_failed_round > goal.rounds_begun || self.stopped
    }

    /// The oldest segments; they stay in the queue until [`State::settle`].
    pub(super) fn begin_round(&mut self, at_most: usize) -> Vec<Sealed> {
        self.rounds_begun += 1;
        self.waiting.iter().take(at_most).cloned().collect()
    }

    /// Takes the oldest segment from the queue.
    pub(super) fn settle(&mut self, fate: &Fate) {
        let Some(segment) = self.waiting.pop_front() else { return };
        self.settled += 1;
        let events = u64::from(segment.events);
        match *fate {
            Fate::Delivered(delivered) => {
                self.delivery_error = None;
                let delivered = delivered.min(events);
                self.delivered += delivered;
                self.dropped[DropReason::Corrupt as usize] += events - delivered;
            }
            Fate::LeftBehind => self.left_behind += events,
        }
    }

    pub(super) fn delivery_failed(&mut self, error: &Error) {
        self.last_failed_round = self.rounds_begun;
        // One warning for a failure that lasts.
        if self.delivery_error.replace(error.to_string()).is_none() {
            self.warn(error);
        }
    }

    fn spool_failed(&mut self, error: &Error) {
        // Until the next try the reason is the old one.
        if self.spool_error.is_none() {
            self.spool_error = Some(error.to_string());
            self.warn(error);
        }
    }

    pub(super) const fn adopt(&mut self, events: u64) {
        self.adopted += events;
    }

    pub(super) const fn stop(&mut self) {
        self.stopped = true;
    }

    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Keeps the first failure for the host's log.
    pub(super) fn warn(&mut self, error: &Error) {
        self.warning.get_or_insert_with(|| error.to_string());
    }

    pub(super) const fn take_warning(&mut self) -> Option<String> {
        self.warning.take()
    }

    /// Every number from where the events are, so that the books can be checked.
    pub(super) fn counters(&self) -> Counters {
        let waiting: u64 = self.waiting.iter().map(|segment| u64::from(segment.events)).sum();
        let active = self.active.as_ref().map_or(0, Segment::events);
        let dropped = DropReason::ALL.into_iter().zip(self.dropped).filter(|(_, count)| *count > 0);
        Counters {
            recorded: self.recorded,
            delivered: self.delivered,
            spooled: waiting + u64::from(active) + self.left_behind,
            in_memory: self.memory.len() as u64,
            dropped: dropped.map(|(reason, count)| (reason.as_str(), count)).collect(),
            adopted: self.adopted,
            last_error: self.delivery_error.clone().or_else(|| self.spool_error.clone()),
        }
    }
}

fn begin_segment(spool: &mut Option<Spool>, retry_at_ns: &mut Option<u64>, shared: &Shared) -> Result<Segment> {
    let now_ns = shared.clock.now().monotonic_ns;
    if retry_at_ns.is_some_and(|at| now_ns < at) {
        return Err(cannot_spool(shared));
    }
    let begun = match spool.as_mut() {
        Some(spool) => Ok(spool),
        None => Spool::open(&shared.home, shared.header.clone()).map(|opened| spool.insert(opened)),
    };
    let begun = begun.and_then(|spool| spool.segment().map_err(|cause| cannot_spool(shared).caused_by(cause)));
    if begun.is_err() {
        // Opened anew, because the folders may have been removed.
        *spool = None;
        *retry_at_ns = Some(now_ns.saturating_add(RETRY_NS));
    } else {
        *retry_at_ns = None;
    }
    begun
}

fn cannot_spool(shared: &Shared) -> Error {
    let home = shared.home.display();
    Error::new(
        ErrorCode::Storage,
        format!("events cannot be written to {home}, so they wait in memory; make it writable or set LLMLAB_HOME"),
    )
}
