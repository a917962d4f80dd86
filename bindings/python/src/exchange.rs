//! An exchange that a transport observes.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use pyo3::prelude::*;

use llmlab::Llmlab;
use llmlab::exchange::{self, End, Header};
use llmlab::scope::Scope;

use crate::guard::guarded;
use crate::headers;
use crate::lab::Lab;

/// One request to a provider and its response. It is recorded exactly once: when it is finished, or else when it is
/// collected, or else when the interpreter exits.
#[pyclass(frozen, module = "llmlab._native")]
pub(crate) struct Exchange(Arc<Slot>);

/// Holds an exchange until it is finished.
pub(crate) type Slot = Mutex<Option<Open>>;

pub(crate) struct Open {
    pub(crate) exchange: exchange::Exchange,
    pub(crate) lab: Arc<Lab>,
    pub(crate) scope: Option<Arc<Scope>>,
    /// An exchange that was open at a fork belongs to the parent.
    pub(crate) generation: u64,
}

impl Open {
    fn finish(self, end: End, error_type: Option<&str>) -> Vec<String> {
        if self.generation != Llmlab::generation() {
            return Vec::new();
        }
        let Self { exchange, lab, scope, .. } = self;
        guarded(|| {
            for facts in exchange.finish(end, error_type, lab.now()) {
                lab.record(facts, scope.as_ref());
            }
            lab.after_record()
        })
        .unwrap_or_default()
    }
}

/// The exchanges that are under way. An interpreter that exits does not collect what its modules and threads still hold.
static OPEN: Registry = Registry(Mutex::new(Vec::new()));

struct Registry(Mutex<Vec<Weak<Slot>>>);

impl Registry {
    fn insert(&self, slot: &Arc<Slot>) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Sweeping only where the list would grow keeps the mean cost constant.
        if slots.len() == slots.capacity() {
            slots.retain(|slot| slot.strong_count() > 0);
        }
        slots.push(Arc::downgrade(slot));
    }

    fn drain(&self) -> Vec<Weak<Slot>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Records the exchanges that are still under way when the interpreter exits.
pub(crate) fn abandon_all() {
    for slot in OPEN.drain().iter().filter_map(Weak::upgrade) {
        if let Some(open) = take(&slot) {
            open.finish(End::Closed, None);
        }
    }
}

impl Exchange {
    pub(crate) fn new(open: Open) -> Self {
        let slot = Arc::new(Mutex::new(Some(open)));
        OPEN.insert(&slot);
        Self(slot)
    }

    fn with_open(&self, work: impl FnOnce(&mut Open)) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = open.as_mut() {
            guarded(|| work(open));
        }
    }

    fn end(&self, end: End, error_type: Option<&str>) -> Vec<String> {
        take(&self.0).map(|open| open.finish(end, error_type)).unwrap_or_default()
    }
}

fn take(slot: &Slot) -> Option<Open> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[pymethods]
impl Exchange {
    /// Notes the head of the response, for a body that comes as it came over the connection.
    fn head(&self, status: u16, headers: &Bound<'_, PyAny>) {
        self.with_open(|open| headers::read(headers, |pairs| open.exchange.head(status, pairs)));
    }

    /// Notes a piece of the body. What is no bytes is none of the body: the host's stream is not disturbed.
    fn push(&self, piece: &Bound<'_, PyAny>) {
        let Ok(bytes) = piece.extract::<&[u8]>() else { return };
        self.with_open(|open| {
            let Open { exchange, lab, .. } = open;
            exchange.push(bytes, || lab.now());
        });
    }

    /// The whole response at once, which the host has decoded. Gives what the user should be told.
    fn answered(&self, status: u16, headers: &Bound<'_, PyAny>, body: &[u8]) -> Vec<String> {
        self.with_open(|open| {
            let Open { exchange, lab, .. } = open;
            headers::read(headers, |pairs| {
                let is_decoded = |(name, _): &Header<'_>| name.eq_ignore_ascii_case(b"content-encoding");
                exchange.head(status, pairs.filter(|header| !is_decoded(header)));
            });
            exchange.push(body, || lab.now());
        });
        self.complete()
    }

    /// The body was read to its end. Gives what the user should be told.
    fn complete(&self) -> Vec<String> {
        self.end(End::Complete, None)
    }

    /// There was no answer, or the connection broke while it was read.
    fn lost(&self, error_type: &str) -> Vec<String> {
        self.end(End::Lost, Some(error_type))
    }

    /// The host cancelled it.
    fn cancelled(&self, error_type: &str) -> Vec<String> {
        self.end(End::Cancelled, Some(error_type))
    }

    /// The host stopped reading before the end.
    fn closed(&self) -> Vec<String> {
        self.end(End::Closed, None)
    }

    /// The request was never sent, so there is nothing to record.
    fn unsent(&self) {
        take(&self.0);
    }
}

/// A response that nobody read to its end and nobody closed.
impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(End::Closed, None);
    }
}
