//! An exchange that a transport observes.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use pyo3::exceptions::{PyException, PyGeneratorExit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use llmlab::OpenExchange;
use llmlab::exchange::{End, Header};

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
    pub(crate) exchange: OpenExchange,
    pub(crate) lab: Arc<Lab>,
}

impl Open {
    /// Gives what the user should be told; of an exchange that was open at a fork the parent tells it.
    fn end_by(self, end: impl FnOnce(OpenExchange)) -> Vec<String> {
        let is_ours = self.exchange.is_ours();
        guarded(|| end(self.exchange));
        if is_ours { guarded(|| self.lab.after_record()).unwrap_or_default() } else { Vec::new() }
    }

    fn finish(self, end: End, error_type: Option<&str>) -> Vec<String> {
        self.end_by(|exchange| exchange.finish(end, error_type))
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

    fn with_open(&self, work: impl FnOnce(&mut OpenExchange)) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = open.as_mut() {
            guarded(|| work(&mut open.exchange));
        }
    }

    fn end(&self, end: End, error_type: Option<&str>) -> Vec<String> {
        take(&self.0).map(|open| open.finish(end, error_type)).unwrap_or_default()
    }

    /// The same where there is nobody to be told anything, and maybe no interpreter.
    pub(crate) fn abandon(&self) {
        self.end(End::Closed, None);
    }

    /// The same where nobody takes what the user should be told.
    pub(crate) fn conclude(&self, py: Python<'_>, end: End, error_type: Option<&str>) {
        let notices = self.end(end, error_type);
        if !notices.is_empty() {
            // `say` swallows its own errors, and without the module there is nobody to be told.
            let _ = py.import(intern!(py, "llmlab._guard")).and_then(|guard| guard.call_method1("say", (notices,)));
        }
    }

    /// The stream is over: what the host is still to receive.
    pub(crate) fn ended<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let rest = self.rest(py);
        self.conclude(py, End::Complete, None);
        (!rest.as_bytes().is_empty()).then(|| rest.into_any())
    }

    /// The stream, or whoever reads it, raised an error, which passes.
    pub(crate) fn broken_off(&self, py: Python<'_>, error: PyErr) -> PyErr {
        let name = error.get_type(py).name().map_or_else(|_| String::new(), |name| name.to_string());
        let end = if error.is_instance_of::<PyGeneratorExit>(py) {
            End::Closed
        } else if error.is_instance_of::<PyException>(py) {
            End::Lost
        } else {
            End::Cancelled
        };
        self.conclude(py, end, (end != End::Closed).then_some(&*name));
        error
    }
}

fn take(slot: &Slot) -> Option<Open> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[pymethods]
impl Exchange {
    /// Notes the head of the response, for a body that comes as it came over the connection.
    pub(crate) fn head(&self, status: u16, headers: &Bound<'_, PyAny>) {
        self.with_open(|exchange| headers::read(headers, |pairs| exchange.head(status, pairs)));
    }

    /// Notes a piece of the body. What is no bytes is none of the body: the host's stream is not disturbed.
    fn push(&self, piece: &Bound<'_, PyAny>) {
        let Ok(bytes) = piece.extract::<&[u8]>() else { return };
        self.with_open(|exchange| exchange.push(bytes));
    }

    /// Whether `body_to_send` may have one: what a transport asks before it looks any further.
    #[getter]
    fn may_ask(&self) -> bool {
        let mut may_ask = false;
        self.with_open(|exchange| may_ask = exchange.may_ask());
        may_ask
    }

    /// The body to send instead, so that a stream tells its usage; `None` to send it as it is. From here on `passed` and
    /// `rest` give what the application is to receive.
    fn body_to_send<'py>(&self, py: Python<'py>, body: &[u8]) -> Option<Bound<'py, PyBytes>> {
        let mut asked = None;
        self.with_open(|exchange| asked = exchange.body_to_send(body));
        asked.map(|body| PyBytes::new(py, &body))
    }

    /// Notes a piece of the body, and gives what of it the application is to receive: the same object if that is all of
    /// it. What is no bytes passes.
    pub(crate) fn passed<'py>(&self, piece: Bound<'py, PyAny>) -> Bound<'py, PyAny> {
        let Ok(bytes) = piece.extract::<&[u8]>() else { return piece };
        let mut changed = None;
        self.with_open(|exchange| {
            if let Cow::Owned(passed) = exchange.passed(bytes) {
                changed = Some(PyBytes::new(piece.py(), &passed));
            }
        });
        changed.map_or(piece, Bound::into_any)
    }

    /// What the application is to receive after the last piece.
    pub(crate) fn rest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut rest = Vec::new();
        self.with_open(|exchange| rest = exchange.rest());
        PyBytes::new(py, &rest)
    }

    /// The whole response at once, which the host has decoded. Gives what the user should be told.
    pub(crate) fn answered(&self, status: u16, headers: &Bound<'_, PyAny>, body: PyBackedBytes) -> Vec<String> {
        self.with_open(|exchange| {
            headers::read(headers, |pairs| {
                let is_decoded = |(name, _): &Header<'_>| name.eq_ignore_ascii_case(b"content-encoding");
                exchange.head(status, pairs.filter(|header| !is_decoded(header)));
            });
        });
        take(&self.0).map(|open| open.end_by(|exchange| exchange.finish_with(body))).unwrap_or_default()
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
        if let Some(open) = take(&self.0) {
            open.exchange.unsent();
        }
    }
}

/// A response that nobody read to its end and nobody closed.
impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(End::Closed, None);
    }
}
