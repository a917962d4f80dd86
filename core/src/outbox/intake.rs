//! The writing end of the spool, behind one lock. What is done under it is a `pwrite`; the making of a file now and then,
//! where our thread did not do it before.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::settings::Durability;
use super::shared::Shared;
use crate::error::{Error, ErrorCode, Result};
use crate::spool::{Sealed, Segment, Spool, SyncHandle, Unbegun};

/// Events in a segment. A batch of a hundred is what a request or a transaction is worth making for.
const SEAL_EVENTS: u32 = 100;
/// Bytes in a segment.
const SEAL_BYTES: u64 = 512 * 1024;
/// How long the first event of a segment waits for others.
pub(super) const SEAL_NS: u64 = 300 * SECOND_NS;
/// How long a spool that failed is left in peace.
pub(super) const RETRY_NS: u64 = SECOND_NS;
/// Full segments that may wait for our thread; each is an open file. Beyond, the host seals.
const MOST_FULL: usize = 16;
const SECOND_NS: u64 = 1_000_000_000;
/// A disk on which a write takes longer on average is sick, and nobody but our thread writes to it.
const SICK_NS: u64 = 1_000_000;
/// What one write counts at most: a thread that had to wait for a processor makes no sick disk.
const MOST_NS: u64 = 8 * SICK_NS;
/// What takes so long was the disk's fault, or that of a very busy machine: it counts enough that two in a row make the disk
/// sick, and one alone does not. A few dozen good writes make it well again.
const STUCK_NS: u64 = 100 * SICK_NS;
const STUCK_COUNTS_NS: u64 = 20 * SICK_NS;

#[derive(Default)]
pub(super) struct Intake {
    spool: Option<Spool>,
    active: Option<Active>,
    /// Begun by our thread, for the next event after a full segment.
    spare: Option<Segment>,
    /// Where the numbers of segments go on if the spool must be opened anew.
    next_number: u64,
    /// Full or ended, not sealed yet; oldest first.
    full: Vec<Segment>,
    sealed: Vec<Sealed>,
    next_is_wanted: bool,
    /// After a failure, the monotonic time of the next try.
    retry_at_ns: Option<u64>,
    /// Something was written since the last sync.
    is_dirty: bool,
    /// The average of the last writes, about 32 of them.
    write_ns: u64,
    noted_drops: u64,
    /// Segments in which an event was written.
    begun: u64,
}

struct Active {
    segment: Segment,
    first_ns: u64,
}

/// What a write asks of the others.
#[derive(Default)]
pub(super) struct Written {
    /// Our thread has something to do: a segment is full, or a timer must be set.
    pub(super) is_work: bool,
    /// To be synced before the host is told that it is safe.
    pub(super) sync: Option<Pending>,
}

/// A place in the order of everything written, and how to make it safe from a loss of power.
pub(super) struct Pending {
    pub(super) handle: SyncHandle,
    /// The number of the segment, and of the event in it.
    pub(super) ticket: u64,
}

impl Intake {
    /// Writes one frame.
    pub(super) fn write(&mut self, frame: &[u8], shared: &Shared) -> Result<Written> {
        let begun_ns = shared.clock.monotonic_ns();
        // Making files is no write: it takes its time on a healthy disk as well.
        let mut writing_ns = begun_ns;
        let active = if let Some(active) = &mut self.active {
            active
        } else {
            let segment = self.begin(begun_ns, shared)?;
            self.begun += 1;
            writing_ns = shared.clock.monotonic_ns();
            self.active.insert(Active { segment, first_ns: begun_ns })
        };
        let appended = active.segment.append(frame);
        let ended_ns = shared.clock.monotonic_ns();
        let took_ns = ended_ns.saturating_sub(writing_ns);
        let counts_ns = if took_ns < STUCK_NS { took_ns.min(MOST_NS) } else { STUCK_COUNTS_NS };
        self.write_ns = self.write_ns - self.write_ns / 32 + counts_ns / 32;
        shared.is_sick.set(self.write_ns > SICK_NS);
        if let Err(cause) = appended {
            self.retry_at_ns = Some(ended_ns.saturating_add(RETRY_NS));
            self.end_active();
            return Err(cannot_spool(shared).caused_by(cause));
        }
        if active.segment.events() == 1 {
            active.first_ns = begun_ns;
        }
        let sync = (shared.settings.durability == Durability::Fsync).then(|| {
            let ticket = self.begun << 32 | u64::from(active.segment.events());
            shared.last_ticket.store(ticket, Ordering::Release);
            Pending { handle: active.segment.sync_handle(), ticket }
        });
        let is_full = active.segment.events() >= SEAL_EVENTS || active.segment.bytes() >= SEAL_BYTES;
        let is_first = !std::mem::replace(&mut self.is_dirty, true);
        if is_full {
            self.next_is_wanted = true;
            self.end_active();
            if self.full.len() > MOST_FULL {
                self.seal_full(shared);
            }
        }
        Ok(Written { is_work: is_full || is_first, sync })
    }

    fn begin(&mut self, now_ns: u64, shared: &Shared) -> Result<Segment> {
        if let Some(spare) = self.spare.take() {
            return Ok(spare);
        }
        if self.is_at_rest(now_ns) {
            return Err(cannot_spool(shared));
        }
        let spool = match &mut self.spool {
            Some(spool) => Ok(spool),
            none => Spool::open(Arc::clone(&shared.disk), &shared.home, shared.header.clone())
                .map(|opened| none.insert(opened.numbered_from(self.next_number))),
        };
        let begun = spool.and_then(|spool| spool.segment().map_err(|cause| cannot_spool(shared).caused_by(cause)));
        if begun.is_err() {
            // Opened anew, because the folders may have been removed.
            if let Some(spool) = self.spool.take() {
                self.next_number = spool.next_number();
            }
            self.retry_at_ns = Some(now_ns.saturating_add(RETRY_NS));
        } else {
            self.retry_at_ns = None;
        }
        begun
    }

    /// It failed lately, and has no segment to write to.
    pub(super) fn is_at_rest(&self, now_ns: u64) -> bool {
        self.active.is_none() && self.spare.is_none() && self.retry_at_ns.is_some_and(|at| now_ns < at)
    }

    /// The segment for after the present one, which our thread begins without the lock: the host has not the time.
    pub(super) fn next(&mut self) -> Option<Unbegun> {
        let is_wanted = std::mem::take(&mut self.next_is_wanted) && self.spare.is_none();
        self.spool.as_mut().filter(|_| is_wanted).map(Spool::unbegun)
    }

    pub(super) fn give_spare(&mut self, segment: Segment) {
        self.spare = Some(segment);
    }

    /// The active segment is to be sealed now if its first event has waited long enough.
    pub(super) fn end_aged(&mut self, now_ns: u64) {
        if self.seals_at_ns().is_some_and(|at| at <= now_ns) {
            self.end_active();
        }
    }

    pub(super) fn seals_at_ns(&self) -> Option<u64> {
        let active = self.active.as_ref().filter(|active| active.segment.events() > 0)?;
        Some(active.first_ns.saturating_add(SEAL_NS))
    }

    /// Whoever flushes or leaves waits for nothing.
    pub(super) fn end_active(&mut self) {
        self.full.extend(self.active.take().map(|active| active.segment));
    }

    /// A failed spool is tried again at once.
    pub(super) const fn hurry(&mut self) {
        self.retry_at_ns = None;
    }

    /// Nothing is left behind but what holds an event.
    pub(super) fn end_spare(&mut self) {
        self.full.extend(self.spare.take());
        self.next_is_wanted = false;
    }

    fn seal_full(&mut self, shared: &Shared) {
        for segment in std::mem::take(&mut self.full) {
            self.sealed.extend(seal(segment, shared));
        }
    }

    /// What is to be sealed, by whoever has the time, and what was sealed in a hurry before it.
    pub(super) fn take_full(&mut self) -> (Vec<Sealed>, Vec<Segment>) {
        (std::mem::take(&mut self.sealed), std::mem::take(&mut self.full))
    }

    /// What somebody else sealed, for the ways.
    pub(super) fn give_sealed(&mut self, sealed: Vec<Sealed>) {
        self.sealed.extend(sealed);
    }

    /// What has to be synced; from now on nothing has to. What is sealed is in the hands of the disk.
    pub(super) fn take_dirty(&mut self) -> Option<SyncHandle> {
        let is_dirty = std::mem::take(&mut self.is_dirty);
        self.active.as_ref().filter(|_| is_dirty).map(|active| active.segment.sync_handle())
    }

    pub(super) const fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    pub(super) const fn spool(&mut self) -> Option<&mut Spool> {
        self.spool.as_mut()
    }

    /// Others may deliver from now on what this writer left.
    pub(super) fn close(&mut self) {
        self.end_active();
        self.spare = None;
        if let Some(spool) = self.spool.take() {
            spool.close();
        }
    }

    /// Keeps the drop counters on disk, if they changed.
    pub(super) fn note_dropped(&mut self, drops: &[u64]) {
        let total = drops.iter().sum();
        let counts: Vec<_> = (0_u8..).zip(drops.iter().copied()).filter(|(_, count)| *count > 0).collect();
        if total != self.noted_drops
            && let Some(spool) = &mut self.spool
            && spool.note_dropped(&counts).is_ok()
        {
            self.noted_drops = total;
        }
    }
}

/// Gives a segment its names. Where a loss of power must not undo that, the reader does it, who has the time.
pub(super) fn seal(segment: Segment, shared: &Shared) -> Option<Sealed> {
    match shared.settings.durability {
        Durability::Process => segment.seal(),
        Durability::Fsync => segment.end(),
    }
}

fn cannot_spool(shared: &Shared) -> Error {
    let home = shared.home.display();
    Error::new(
        ErrorCode::Storage,
        format!("events cannot be written to {home}, so they wait in memory; make it writable or set LLMLAB_HOME"),
    )
}
