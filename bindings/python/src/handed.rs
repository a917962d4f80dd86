//! A batch on its way to a function of the host.

use pyo3::prelude::*;

use llmlab::sink;

/// A batch in the hands of the host, until it is settled.
#[pyclass(frozen, module = "llmlab._native")]
pub(crate) struct HandedBatch(pub(crate) sink::HandedBatch);

#[pymethods]
impl HandedBatch {
    /// Its number, for the settlement.
    #[getter]
    fn ticket(&self) -> u64 {
        self.0.ticket
    }

    /// The same at every delivery of these events.
    #[getter]
    fn id(&self) -> &str {
        &self.0.batch.id
    }

    /// The events as a JSON array, in the form of docs/events.md.
    #[getter]
    fn events(&self) -> String {
        serde_json::to_string(&self.0.batch.events).unwrap_or_else(|_| "[]".to_owned())
    }
}
