//! A segment on its way to a sink: from its opening until every event of it is accounted for.

use std::io;

use super::{Item, Round, Way};
use crate::io::parcel::Parcel;
use crate::outbox::counters::DropReason;
use crate::sink::{Batch, Guarantee, Rejection};
use crate::spool::Content;

/// A segment that is on its way.
pub(super) struct Flight {
    pub(super) item: Item,
    pub(super) batch: Batch,
    pub(super) is_whole: bool,
    pub(super) parcel: Parcel,
}

impl Way {
    /// What was read of a segment that was picked. `None`: there is nothing to send of it, and that is settled.
    pub(super) fn open(
        &mut self,
        item: Item,
        content: io::Result<Option<Content>>,
        max_events: usize,
        round: &Round<'_, '_>,
    ) -> Option<Flight> {
        match content {
            Ok(Some(content)) => {
                // The destination may have some of it from now on. Without the mark it would be summed after our death, if it
                // waited for too long, and be counted twice.
                let _ = self.queue.doubt(item.name);
                let is_whole = content.is_whole();
                let parcel = Parcel::new(content.batch.events.len(), max_events);
                return Some(Flight { item, batch: content.batch, is_whole, parcel });
            }
            // Somebody else has delivered and removed it. Where nobody may, it was lost.
            Ok(None) if self.outlet.guarantee() == Guarantee::ExactlyOnce => {
                self.tell(round, |tally| tally.delivered += item.own);
            }
            Ok(None) => {
                self.tell(round, |tally| tally.drop_events(DropReason::Corrupt, item.own));
                if item.own > 0 {
                    round.shared.books.lock().warn("a segment of the spool is gone, and its events with it".to_owned());
                }
            }
            // It stays in the spool, and no flush waits for it.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                round.shared.books.lock().warn(format!("a segment of the spool was left alone: {error}"));
            }
            Err(error) => {
                // Another process has it in hand.
                if error.kind() != io::ErrorKind::WouldBlock {
                    round.shared.books.lock().warn(format!("a segment of the spool cannot be read for now: {error}"));
                }
                self.aside.push(item);
            }
        }
        self.count_settled(round);
        None
    }

    /// Begins the flight of the next segment.
    pub(super) fn begin_flight(&mut self, max_events: usize, round: &Round<'_, '_>) {
        if self.flight.is_none()
            && let Some(item) = self.pick()
        {
            let content = self.queue.read(item.name);
            self.flight = self.open(item, content, max_events, round);
        }
    }

    /// Every event of a segment is accounted for: it is given up, and the books are told.
    ///
    /// # Errors
    /// When the dead letters could not be written; then nothing has happened.
    pub(super) fn settle(
        &mut self,
        flight: &Flight,
        rejected: &[Rejection],
        round: &Round<'_, '_>,
    ) -> Result<(), String> {
        let Flight { item, batch, is_whole, .. } = flight;
        for rejection in rejected {
            if let Some(event) = batch.events.get(rejection.index) {
                let buried = self.queue.bury(event, &rejection.reason, round.now().unix_ns);
                buried.map_err(|error| format!("a rejected event could not be kept: {error}"))?;
            }
        }
        let (readable, rejected) = (batch.events.len() as u64, rejected.len() as u64);
        let is_whole = *is_whole && readable >= item.own;
        self.queue.release(item.name, is_whole);
        if !is_whole {
            let id = &batch.id;
            let text = format!("the segment {id} is damaged; what could be read was delivered, and the file is kept");
            round.shared.books.lock().warn(text);
        }
        self.tell(round, |tally| {
            tally.last_error = None;
            if item.own > 0 {
                let readable = readable.min(item.own);
                tally.delivered += readable.saturating_sub(rejected);
                tally.drop_events(DropReason::Rejected, rejected.min(readable));
                tally.drop_events(DropReason::Corrupt, item.own - readable);
            } else if !item.is_fold {
                tally.adopted += readable.saturating_sub(rejected);
            }
        });
        self.count_settled(round);
        Ok(())
    }
}
