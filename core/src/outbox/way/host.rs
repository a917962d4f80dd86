//! A function of the host: one batch at a time lies on the table until a thread of the host's takes it.

use std::sync::Arc;

use super::{Outlet, Round, Setback, Way};

impl Way {
    pub(super) fn step_host(&mut self, round: &Round<'_, '_>) -> bool {
        let Outlet::Host(handoff) = &self.outlet else { return false };
        let handoff = Arc::clone(handoff);
        self.begin_flight(usize::MAX, round);
        let Some(flight) = &self.flight else { return true };
        self.tickets += 1;
        // Tickets of several functions must differ.
        let ticket = self.tickets << 8 | (self.index as u64 & 0xff);
        handoff.lay_down(ticket, flight.batch.clone(), self.index, round.arrivals.clone());
        self.lane.begin();
        false
    }

    pub(super) fn settled_by_host(&mut self, outcome: Result<(), String>, round: &Round<'_, '_>) {
        let Some(flight) = self.flight.take() else { return };
        match outcome.and_then(|()| self.settle(&flight, &[], round)) {
            Ok(()) => self.succeeded(round),
            Err(reason) => {
                self.flight = Some(flight);
                self.set_back(&Setback::Later(None), &reason, round);
            }
        }
    }
}
