//! What others left, and what is too much.

use super::{Item, Round, Way};
use crate::error::Result;
use crate::event::EventId;
use crate::spool::{Bounds, Folding, SegmentName, Spool};

impl Way {
    /// Looks for what dead writers left, and again for what could not be read.
    pub(in super::super) fn adopt(&mut self, round: &Round<'_, '_>) -> Result<()> {
        for item in std::mem::take(&mut self.aside) {
            self.enqueue(item);
        }
        if self.is_elsewhere() {
            return Ok(());
        }
        for sealed in self.queue.adopt(round.shared.header.writer, self.outlet.guarantee())? {
            self.enqueue(Item { name: sealed.name, bytes: sealed.bytes, own: 0, is_fold: false });
        }
        Ok(())
    }

    /// What a sink refuses to take from us, another process may deliver; until it is time to ask it again.
    pub(in super::super) fn leave_to_others(&mut self, now_ns: u64) {
        if self.lane.is_paused() && self.lane.due_ns().is_some_and(|due| due > now_ns) {
            self.disown();
        }
    }

    pub(in super::super) const fn is_over_bounds(&self, max_bytes: u64) -> bool {
        self.waiting_bytes > max_bytes && self.waiting_bytes > self.fold_at_bytes
    }

    /// Sums the oldest segments up, where more wait than the user allows.
    pub(in super::super) fn fold(&mut self, next_id: &mut u64, round: &Round<'_, '_>) -> std::io::Result<()> {
        let shared = round.shared;
        if self.is_elsewhere() || shared.intake.lock().spool().is_none() {
            return Ok(());
        }
        let in_hand = self.flight.as_ref().map(|flight| flight.item.name);
        let writer = shared.header.writer;
        let mut next_name = || {
            let mut intake = shared.intake.lock();
            intake.spool().map_or(SegmentName { writer, number: u64::MAX }, Spool::next_name)
        };
        let mut next_id = || {
            *next_id += 1;
            EventId { writer, counter: *next_id }
        };
        let folded = self.queue.fold(&mut Folding {
            bounds: Bounds { bytes: shared.settings.spool_max_bytes, days: shared.settings.spool_max_days },
            now_unix_ns: round.now().unix_ns,
            writer,
            next_name: &mut next_name,
            next_id: &mut next_id,
            spare: &|name| Some(name) == in_hand,
        });
        // What could not be summed now is not looked at again for every segment that joins it.
        self.fold_at_bytes = self.waiting_bytes + shared.settings.spool_max_bytes / 8;
        let folded = folded?;
        for folded in folded {
            let mut rolled_up = 0;
            for (source, events) in folded.sources {
                let Some(at) = self.waiting.iter().position(|item| item.name == source) else { continue };
                let Some(item) = self.waiting.remove(at) else { continue };
                self.waiting_bytes -= u64::from(item.bytes);
                rolled_up += events.min(item.own);
                self.count_settled(round);
            }
            self.tell(round, |tally| tally.rolled_up += rolled_up);
            self.fold_at_bytes = 0;
            self.put_back(Item { name: folded.sum.name, bytes: folded.sum.bytes, own: 0, is_fold: true });
        }
        Ok(())
    }
}
