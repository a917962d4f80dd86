//! A sink that stores on the spot: several segments at once, because it may do them in one transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Flight, Item, Outlet, Round, Setback, Way, reason_of};
use crate::error::{Error, ErrorCode, Result};
use crate::sink::{Batch, Receipt};

/// It bounds the memory, and how long other ways wait for their turn.
const SEGMENTS_AT_ONCE: usize = 40;

impl Way {
    pub(super) fn step_local(&mut self, round: &Round<'_, '_>) -> bool {
        let at_once = if self.lane.is_half_open() { 1 } else { SEGMENTS_AT_ONCE };
        let items: Vec<_> = self.waiting.drain(..at_once.min(self.waiting.len())).collect();
        self.waiting_bytes -= items.iter().map(|item| u64::from(item.bytes)).sum::<u64>();
        let names: Vec<_> = items.iter().map(|item| item.name).collect();
        let mut flights = Vec::new();
        for (item, content) in items.into_iter().zip(self.queue.read_many(&names)) {
            flights.extend(self.open(item, content, usize::MAX, round));
        }
        if flights.is_empty() {
            return !self.waiting.is_empty();
        }
        // Owned by the batch's flight again afterwards: a sink takes a slice of batches.
        let batches: Vec<Batch> = flights.iter_mut().map(|flight| std::mem::take(&mut flight.batch)).collect();
        let outcome = self.deliver(&batches);
        for (flight, batch) in flights.iter_mut().zip(batches) {
            flight.batch = batch;
        }
        let outcome = outcome.map_err(|error| reason_of(&error));
        let outcome = outcome.and_then(|receipts| self.accept(&mut flights, receipts, round));
        // What was not settled waits where it waited.
        for item in flights.iter().rev().map(|flight| flight.item).collect::<Vec<Item>>() {
            self.put_back(item);
        }
        match outcome {
            Ok(()) => self.succeeded(round),
            Err(reason) => self.set_back(&Setback::Later(None), &reason, round),
        }
        !self.waiting.is_empty()
    }

    fn deliver(&mut self, batches: &[Batch]) -> Result<Vec<Receipt>> {
        let Outlet::Local(sink) = &mut self.outlet else { return Ok(Vec::new()) };
        catch_unwind(AssertUnwindSafe(|| sink.deliver(batches))).unwrap_or_else(|_| {
            let message = format!("the sink {} ended in a panic; please report it", sink.name());
            Err(Error::new(ErrorCode::Storage, message))
        })
    }

    /// Settles the flights that have a receipt, and leaves the others.
    fn accept(
        &mut self,
        flights: &mut Vec<Flight>,
        receipts: Vec<Receipt>,
        round: &Round<'_, '_>,
    ) -> std::result::Result<(), String> {
        let nothing = receipts.is_empty();
        for receipt in receipts {
            let Some(flight) = flights.first() else { break };
            let events = flight.batch.events.len();
            let adds_up = receipt.accounts_for(events) && receipt.rejected.iter().all(|event| event.index < events);
            if !adds_up {
                return Err(self.unaccounted());
            }
            self.settle(flight, &receipt.rejected, round)?;
            flights.remove(0);
        }
        if nothing { Err(self.unaccounted()) } else { Ok(()) }
    }

    fn unaccounted(&self) -> String {
        let name = match &self.outlet {
            Outlet::Local(sink) => sink.name(),
            _ => "",
        };
        format!("the sink {name} did not account for every event; they are delivered again")
    }
}
