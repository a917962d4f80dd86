//! Where a batch for a function of the host changes hands: our thread lays it down, a thread of the host's takes it.

use std::sync::Condvar;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::way::{Arrival, News};
use crate::lock::{self, Lock};
use crate::sink::{Batch, HandedBatch};

pub(super) struct Handoff {
    /// The name under which the function was given.
    name: String,
    table: Lock<Table>,
    laid_down: Condvar,
}

#[derive(Default)]
struct Table {
    batch: Option<HandedBatch>,
    /// The batch that is in the hands of the host.
    taken: Option<u64>,
    /// Whom to tell, and as what.
    way: Option<(usize, Sender<Arrival>)>,
}

impl Handoff {
    pub(super) fn new(name: String) -> Self {
        Self { name, table: Lock::default(), laid_down: Condvar::new() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Our side.
    pub(super) fn lay_down(&self, ticket: u64, batch: Batch, way: usize, arrivals: Sender<Arrival>) {
        let batch = Some(HandedBatch { ticket, batch });
        *self.table.lock() = Table { batch, taken: None, way: Some((way, arrivals)) };
        self.laid_down.notify_one();
    }

    /// The host's side.
    pub(super) fn take(&self, timeout: Duration) -> Option<HandedBatch> {
        let mut table = self.table.lock();
        let mut is_over = false;
        while table.batch.is_none() && !is_over {
            (table, is_over) = lock::wait(&self.laid_down, table, timeout);
        }
        let handed = table.batch.take()?;
        table.taken = Some(handed.ticket);
        Some(handed)
    }

    /// `true`: the ticket was handed out here, and our side is told.
    pub(super) fn settle(&self, ticket: u64, outcome: &Result<(), String>) -> bool {
        let mut table = self.table.lock();
        let is_ours = table.taken == Some(ticket);
        if is_ours {
            table.taken = None;
            if let Some((way, arrivals)) = &table.way {
                let _ = arrivals.send(Arrival { way: *way, news: News::Settled(outcome.clone()) });
            }
        }
        is_ours
    }
}
