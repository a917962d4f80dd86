//! A sink for tests.

use std::collections::HashSet;
use std::sync::Arc;

use llmlab::event::EventId;
use llmlab::sink::{Batch, Guarantee, Receipt, Sink};
use llmlab::{Error, ErrorCode, Result};
use parking_lot::{Condvar, Mutex};

/// A sink whose answers a test decides.
#[derive(Clone, Default)]
pub(crate) struct Fickle(Arc<(Mutex<Plan>, Condvar)>);

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own")]
pub(crate) struct Plan {
    pub(crate) failing: bool,
    pub(crate) short_receipts: bool,
    pub(crate) panicking: bool,
    pub(crate) closed: bool,
    delivered: Vec<EventId>,
}

impl Sink for Fickle {
    /// What it leaves behind is found by whoever fills the ledger.
    fn name(&self) -> &'static str {
        "ledger"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn deliver(&mut self, batches: &[Batch]) -> Result<Vec<Receipt>> {
        let (plan, changed) = &*self.0;
        let mut plan = plan.lock();
        while plan.closed {
            changed.wait(&mut plan);
        }
        assert!(!plan.panicking, "as planned");
        if plan.failing {
            return Err(Error::new(ErrorCode::Storage, "failed as planned"));
        }
        plan.delivered.extend(batches.iter().flat_map(|batch| &batch.events).map(|event| event.id));
        let mut receipts: Vec<_> = batches
            .iter()
            .map(|batch| Receipt { stored: batch.events.len() as u64, duplicates: 0, ..Receipt::default() })
            .collect();
        if plan.short_receipts {
            receipts[0].stored -= 1;
        }
        Ok(receipts)
    }
}

impl Fickle {
    pub(crate) fn plan<T>(&self, change: impl FnOnce(&mut Plan) -> T) -> T {
        let changed = change(&mut self.0.0.lock());
        self.0.1.notify_all();
        changed
    }

    pub(crate) fn unique(&self) -> usize {
        self.plan(|plan| plan.delivered.iter().collect::<HashSet<_>>().len())
    }
}
