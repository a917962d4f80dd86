//! The body of a response as the host reads it: the host's own stream, seen by an exchange, without a frame of Python's.

use std::sync::{Mutex, OnceLock, PoisonError};

use pyo3::exceptions::PyException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyString};

use llmlab::exchange::End;

use crate::exchange::Exchange;

/// Stands in the place of a stream. A transport makes a class of it and of the stream's class, so that it is one of these.
#[pyclass(frozen, subclass, module = "llmlab._native")]
pub(crate) struct ObservedStream {
    stream: Py<PyAny>,
    exchange: Py<Exchange>,
}

#[pymethods]
impl ObservedStream {
    #[new]
    const fn new(stream: Py<PyAny>, exchange: Py<Exchange>) -> Self {
        Self { stream, exchange }
    }

    fn __iter__(&self, py: Python<'_>) -> Chunks {
        let (stream, exchange) = (self.stream.clone_ref(py), self.exchange.clone_ref(py));
        Chunks { stream, exchange, begun: OnceLock::new(), broken: Mutex::default() }
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let closed = self.stream.call_method0(py, intern!(py, "close"));
        self.exchange.get().conclude(py, End::Closed, None);
        closed.map(drop)
    }

    fn __getattr__(&self, py: Python<'_>, name: &Bound<'_, PyString>) -> PyResult<Py<PyAny>> {
        self.stream.getattr(py, name)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.stream)?;
        visit.call(&self.exchange)
    }
}

/// The chunks of a stream, each shown to the exchange on its way.
#[pyclass(frozen, module = "llmlab._native")]
pub(crate) struct Chunks {
    stream: Py<PyAny>,
    exchange: Py<Exchange>,
    /// The stream's own iterator. As with a generator, nothing happens before the first chunk is asked for.
    begun: OnceLock<Py<PyIterator>>,
    /// How it broke off, where something that was held back had to go first.
    broken: Mutex<Option<PyErr>>,
}

#[pymethods]
impl Chunks {
    const fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let exchange = self.exchange.get();
        if let Some(error) = self.broken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        match self.begin(py).map(|mut chunks| chunks.next()) {
            Ok(Some(Ok(chunk))) => Ok(Some(exchange.passed(chunk))),
            Ok(None) => Ok(exchange.ended(py)),
            Ok(Some(Err(error))) | Err(error) => {
                let rest = exchange.rest(py);
                let error = exchange.broken_off(py, error);
                if rest.as_bytes().is_empty() || !error.is_instance_of::<PyException>(py) {
                    return Err(error);
                }
                *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Ok(Some(rest.into_any()))
            }
        }
    }

    /// As a generator's: whoever delegates to this one closes it.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let Some(chunks) = self.begun.get() else { return Ok(()) };
        let close = chunks.bind(py).getattr_opt(intern!(py, "close"));
        let closed = close.and_then(|close| close.map(|close| close.call0()).transpose());
        self.exchange.get().conclude(py, End::Closed, None);
        closed.map(drop)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.stream)?;
        visit.call(self.begun.get())?;
        visit.call(&self.exchange)
    }
}

impl Chunks {
    fn begin<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        if let Some(chunks) = self.begun.get() {
            return Ok(chunks.bind(py).clone());
        }
        let chunks = self.stream.bind(py).try_iter()?;
        // Making it may run anything, so the lock is not held meanwhile.
        let _ = self.begun.set(chunks.clone().unbind());
        Ok(chunks)
    }
}

/// Nobody reads it any further, though the stream may still be held.
impl Drop for Chunks {
    fn drop(&mut self) {
        if self.begun.get().is_some() {
            self.exchange.get().abandon();
        }
    }
}
