//! The books of one outbox: double entry, so that they balance at any moment. A host thread holds their lock for a few
//! additions; nobody holds it while a disk is asked.

use std::cmp::Reverse;

use super::counters::{Counters, DropReason, Dropped, SinkCounters, SinkState};
use crate::error::Error;
use crate::ring::Ring;

type Drops = [u64; DropReason::ALL.len()];

#[derive(Debug, Default)]
pub(super) struct Books {
    /// The events in memory are here, where they are counted.
    ring: Ring,
    recorded: u64,
    /// Written to the spool, for all sinks.
    written: u64,
    /// Given up before any sink had them.
    dropped: Drops,
    pub(super) sinks: Vec<Tally>,
    /// Why events wait in memory.
    spool_error: Option<String>,
    warning: Option<String>,
    /// How many flushes were asked for.
    pub(super) flushes: u64,
    /// The monotonic time until which the most patient of them waits.
    pub(super) flush_until_ns: u64,
    /// How often somebody asked to look for what others left, without waiting for the time of it.
    pub(super) looks: u64,
    /// The last of these that was done.
    pub(super) looked: u64,
    /// The thread does not work for us any more.
    pub(super) is_stopped: bool,
}

/// What became of the events on the way to one sink.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) name: String,
    pub(super) is_local: bool,
    pub(super) state: SinkState,
    /// Something waits that this process could deliver.
    pub(super) is_pending: bool,
    pub(super) delivered: u64,
    pub(super) rolled_up: u64,
    pub(super) dropped: Drops,
    pub(super) adopted: u64,
    pub(super) last_error: Option<String>,
    /// The last flush that has its answer: what was recorded before it is delivered, or will not be in time.
    pub(super) answered: u64,
    /// The last flush that a failure has followed.
    pub(super) failed: u64,
}

impl Tally {
    /// Events that left the spool.
    fn gone(&self) -> u64 {
        self.delivered + self.rolled_up + self.dropped.iter().sum::<u64>()
    }

    pub(super) fn drop_events(&mut self, reason: DropReason, events: u64) {
        self.dropped[reason as usize] += events;
    }
}

impl Books {
    pub(super) fn of(sinks: impl Iterator<Item = (String, bool)>) -> Self {
        let tally = |(name, is_local)| Tally { name, is_local, ..Tally::default() };
        Self { sinks: sinks.map(tally).collect(), ..Self::default() }
    }

    pub(super) fn enter_written(&mut self) {
        self.recorded += 1;
        self.written += 1;
        self.spool_error = None;
    }

    pub(super) const fn enter_dropped(&mut self, reason: DropReason) {
        self.recorded += 1;
        self.dropped[reason as usize] += 1;
    }

    /// `false`: there is no room in memory, and nothing was entered.
    pub(super) fn enter_in_memory(&mut self, frame: &[u8]) -> bool {
        let is_taken = self.ring.push(frame);
        self.recorded += u64::from(is_taken);
        is_taken
    }

    /// Copies the oldest frame in memory; `false` if there is none.
    pub(super) fn oldest_in_memory(&self, frame: &mut Vec<u8>) -> bool {
        self.ring.peek(frame)
    }

    /// That frame was written.
    pub(super) fn move_to_spool(&mut self) {
        self.ring.pop();
        self.written += 1;
        self.spool_error = None;
    }

    pub(super) const fn in_memory(&self) -> u64 {
        self.ring.frames()
    }

    pub(super) fn spool_failed(&mut self, error: &Error) {
        // One warning for a failure that lasts.
        if self.spool_error.replace(error.to_string()).is_none() {
            self.warn(error.to_string());
        }
    }

    /// Keeps the first failure for the host's log.
    pub(super) fn warn(&mut self, text: String) {
        self.warning.get_or_insert(text);
    }

    pub(super) const fn take_warning(&mut self) -> Option<String> {
        self.warning.take()
    }

    /// What was given up, by reason; over all sinks.
    pub(super) fn all_dropped(&self) -> Drops {
        let mut all = self.dropped;
        for (reason, count) in all.iter_mut().enumerate() {
            *count += self.sinks.iter().map(|sink| sink.dropped[reason]).sum::<u64>();
        }
        all
    }

    /// What was given up before a sink had it or on the way to this one.
    pub(super) fn dropped_for(&self, sink: usize) -> Dropped {
        let drops = DropReason::ALL.map(|reason| {
            let own = self.sinks.get(sink).map_or(0, |sink| sink.dropped[reason as usize]);
            (reason.as_str(), self.dropped[reason as usize] + own)
        });
        drops.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    pub(super) fn counters(&self) -> Counters {
        let of_sink = |(index, tally): (usize, &Tally)| SinkCounters {
            name: tally.name.clone(),
            state: tally.state,
            delivered: tally.delivered,
            spooled: self.written.saturating_sub(tally.gone()),
            rolled_up: tally.rolled_up,
            dropped: self.dropped_for(index),
            adopted: tally.adopted,
            last_error: tally.last_error.clone(),
        };
        let sinks: Vec<_> = self.sinks.iter().enumerate().map(of_sink).collect();
        // Of two that are as far, the one that says why.
        let rank = |sink: &&SinkCounters| (Reverse(sink.spooled), sink.delivered, sink.last_error.is_none());
        let behind = sinks.iter().min_by_key(rank).cloned();
        let behind = behind.unwrap_or_else(|| SinkCounters {
            spooled: self.written,
            dropped: self.dropped_for(usize::MAX),
            ..SinkCounters::default()
        });
        Counters {
            recorded: self.recorded,
            delivered: behind.delivered,
            spooled: behind.spooled,
            in_memory: self.ring.frames(),
            rolled_up: behind.rolled_up,
            dropped: behind.dropped,
            adopted: sinks.iter().map(|sink| sink.adopted).max().unwrap_or_default(),
            last_error: behind.last_error.or_else(|| self.spool_error.clone()),
            sinks,
        }
    }
}
