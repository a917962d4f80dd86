//! What a flush achieved, as Python sees it.

use llmlab::outbox;
use pyo3::prelude::*;

/// What a flush achieved. What is pending stays in the spool.
#[pyclass(frozen, module = "llmlab._native")]
pub(crate) struct FlushReport(pub(crate) outbox::FlushReport);

#[pymethods]
impl FlushReport {
    #[getter]
    fn delivered(&self) -> u64 {
        self.0.delivered
    }

    #[getter]
    fn pending(&self) -> u64 {
        self.0.pending
    }

    #[getter]
    fn dropped(&self) -> u64 {
        self.0.dropped
    }

    #[getter]
    fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    fn __repr__(&self) -> String {
        let report = &self.0;
        let (delivered, pending, dropped) = (report.delivered, report.pending, report.dropped);
        let error = report.last_error.as_ref().map(|error| format!(", last_error={error:?}")).unwrap_or_default();
        format!("FlushReport(delivered={delivered}, pending={pending}, dropped={dropped}{error})")
    }
}
