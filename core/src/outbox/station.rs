//! One round of the I/O thread for one outbox.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::intake::{self, RETRY_NS};
use super::shared::Shared;
use super::way::{Arrival, Round, Way};
use crate::backoff::SECOND_NS;
use crate::io::{Hands, Next, Station};

/// How much a loss of power may cost.
const SYNC_NS: u64 = 5 * SECOND_NS;
/// How often the orphans of dead processes are looked for, and what is too old. Only while something waits, so that a
/// process that has nothing to do sleeps. It is also the longest sleep with a timer, which a suspended machine prolongs.
const LOOK_NS: u64 = 60 * SECOND_NS;
/// The first id of the sums that a fold makes; those of recorded events are counted from nothing.
const FOLD_IDS: u64 = 1 << 63;

pub(super) struct Desk {
    shared: Arc<Shared>,
    ways: Vec<Way>,
    arrivals: (Sender<Arrival>, Receiver<Arrival>),
    /// The last flush that was passed on.
    flushes: u64,
    /// The last look that was done because somebody asked for it.
    looks: u64,
    next_look_ns: u64,
    sync_at_ns: Option<u64>,
    fold_ids: u64,
}

impl Desk {
    pub(super) fn new(shared: Arc<Shared>, ways: Vec<Way>) -> Self {
        let arrivals = crossbeam_channel::unbounded();
        Self { shared, ways, arrivals, flushes: 0, looks: 0, next_look_ns: 0, sync_at_ns: None, fold_ids: FOLD_IDS }
    }

    /// Brings what is in memory to the spool, and what is full to the ways.
    fn collect(&mut self, flush: Option<u64>, now_ns: u64) {
        let shared = &*self.shared;
        if flush.is_some() {
            shared.intake.lock().hurry();
        }
        shared.drain(u64::MAX);
        let mut next = None;
        let (sealed, full) = {
            let mut intake = shared.intake.lock();
            intake.end_aged(now_ns);
            if flush.is_some() || shared.is_stopping() {
                intake.end_active();
                intake.end_spare();
            } else {
                next = intake.next();
            }
            intake.take_full()
        };
        // Where it cannot be begun, the next event finds out and says so.
        if let Some(segment) = next.and_then(|next| next.begin().ok()) {
            shared.intake.lock().give_spare(segment);
        }
        let full = full.into_iter().filter_map(|segment| intake::seal(segment, shared));
        for sealed in sealed.into_iter().chain(full) {
            for way in &mut self.ways {
                way.push(sealed);
            }
        }
    }

    /// What dead processes left, and what is too much.
    fn look_around(&mut self, now_ns: u64, hands: &mut Hands<'_>) {
        let max_bytes = self.shared.settings.spool_max_bytes;
        let is_time = now_ns >= self.next_look_ns;
        for way in &mut self.ways {
            let round = Round { shared: &self.shared, hands, arrivals: &self.arrivals.0 };
            if is_time && let Err(error) = way.adopt(&round) {
                self.shared.books.lock().warn(error.to_string());
            }
            if (is_time || way.is_over_bounds(max_bytes))
                && let Err(error) = way.fold(&mut self.fold_ids, &round)
            {
                self.shared.books.lock().warn(format!("the oldest events could not be summed up: {error}"));
            }
            way.leave_to_others(now_ns);
        }
        if is_time {
            self.next_look_ns = now_ns.saturating_add(LOOK_NS);
        }
    }

    /// Makes what was written safe from a loss of power, at most every five seconds.
    fn sync(&mut self, now_ns: u64) {
        if !self.shared.intake.lock().is_dirty() {
            self.sync_at_ns = None;
            return;
        }
        let at = *self.sync_at_ns.get_or_insert(now_ns.saturating_add(SYNC_NS));
        if at <= now_ns {
            self.sync_at_ns = None;
            let handle = self.shared.intake.lock().take_dirty();
            // A disk that fails here fails the next write as well, and that is told.
            if let Some(handle) = handle {
                let _ = handle.sync();
            }
        }
    }

    fn note_dropped(&mut self) {
        let shared = &*self.shared;
        let all = shared.books.lock().all_dropped();
        if all.iter().any(|count| *count > 0) {
            shared.intake.lock().note_dropped(&all);
            for (index, way) in self.ways.iter_mut().enumerate() {
                let dropped = shared.books.lock().dropped_for(index);
                way.note_dropped(shared.header.writer, &dropped);
            }
        }
    }

    fn next(&self, is_more: bool) -> Next {
        if is_more {
            return Next::In(Duration::ZERO);
        }
        let now_ns = self.shared.clock.monotonic_ns();
        let in_memory = self.shared.books.lock().in_memory() > 0;
        let seals_at = self.shared.intake.lock().seals_at_ns();
        let is_pending = seals_at.is_some() || in_memory || self.ways.iter().any(Way::is_pending);
        let timers = [
            self.sync_at_ns,
            seals_at,
            in_memory.then_some(now_ns.saturating_add(RETRY_NS)),
            is_pending.then_some(self.next_look_ns),
        ];
        let due = timers.into_iter().flatten().chain(self.ways.iter().filter_map(Way::due_ns)).min();
        due.map_or(Next::WhenWoken, |due| Next::In(Duration::from_nanos(due.saturating_sub(now_ns))))
    }
}

impl Station for Desk {
    fn round(&mut self, hands: &mut Hands<'_>) -> Next {
        let shared = Arc::clone(&self.shared);
        let is_stopping = shared.is_stopping();
        let now_ns = shared.clock.monotonic_ns();
        let (flushes, flush_until_ns, looks) = {
            let books = shared.books.lock();
            (books.flushes, books.flush_until_ns, books.looks)
        };
        if looks > self.looks {
            self.next_look_ns = 0;
        }
        self.looks = looks;
        let flush = (flushes > self.flushes).then_some(flushes);
        self.flushes = flushes;
        self.collect(flush, now_ns);
        for arrival in self.arrivals.1.try_iter().collect::<Vec<_>>() {
            let mut round = Round { shared: &shared, hands, arrivals: &self.arrivals.0 };
            if let Some(way) = self.ways.get_mut(arrival.way) {
                way.arrived(arrival.news, &mut round);
            }
        }
        let mut is_more = false;
        for way in &mut self.ways {
            let mut round = Round { shared: &shared, hands, arrivals: &self.arrivals.0 };
            if let Some(flush) = flush {
                way.promise(flush, flush_until_ns, &round);
            }
            is_more |= !is_stopping && way.step(&mut round);
        }
        if !is_stopping {
            self.look_around(now_ns, hands);
        }
        for way in &self.ways {
            way.show_state(&Round { shared: &shared, hands, arrivals: &self.arrivals.0 });
        }
        shared.books.lock().looked = looks;
        self.sync(now_ns);
        self.note_dropped();
        if is_stopping {
            shared.books.lock().is_stopped = true;
            shared.close_if_left();
        }
        shared.settled.notify_all();
        if is_stopping { Next::Gone } else { self.next(is_more) }
    }
}
